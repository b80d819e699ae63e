package issuing

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"indeks/elm"
	"indeks/paper"
)

// A learner's PDF carries the file that the page offers, is the same each time,
// and speaks the language of the page; a registrar gets the same one.
func TestCertificate(t *testing.T) {
	base, log := newServer(t)
	auth := []string{"Authorization", "Bearer " + apiKey, "Idempotency-Key", "row-1"}
	issued := ask(t, "POST", base+"/api/v1/credentials", body(t, nil), auth...)
	var record struct {
		Number string            `json:"number"`
		Links  map[string]string `json:"links"`
	}
	if err := json.Unmarshal([]byte(issued.body), &record); err != nil {
		t.Fatal(err)
	}
	local := func(name string) string {
		return base + strings.TrimPrefix(record.Links[name], "https://issuer.school.example")
	}
	got := ask(t, "GET", local("certificate_pdf")+"?lang=sr-Cyrl", "")
	if got.status != 200 || got.header.Get("Content-Disposition") != `attachment; filename="`+record.Number+`-certificate.pdf"` ||
		!strings.Contains(got.header.Get("Cache-Control"), "no-store") {
		t.Errorf("%d %v", got.status, got.header)
	}
	sealed, err := paper.Attachment([]byte(got.body))
	if err != nil || !bytes.Equal(sealed, []byte(ask(t, "GET", local("credential_jsonld"), "").body)) {
		t.Errorf("attached are %d bytes, %v", len(sealed), err)
	}
	if again := ask(t, "GET", local("certificate_pdf"), "", "Accept-Language", "sr-Cyrl"); again.body != got.body {
		t.Error("made again, it is another file")
	}
	api := base + "/api/v1/credentials/" + record.Number + "/certificate.pdf"
	if other := ask(t, "GET", api+"?lang=sr-Cyrl", "", auth...); other.body != got.body {
		t.Error("a registrar gets another file")
	}
	if other := ask(t, "GET", api, "", auth...); other.status != 200 || other.body == got.body {
		t.Errorf("in the credential's own language: %d, the same file: %t", other.status, other.body == got.body)
	}
	if page := ask(t, "GET", local("page")+"?lang=hr", ""); !strings.Contains(page.body, `/certificate.pdf?lang=hr"`) {
		t.Error("the page does not hand on its language")
	}
	for _, secret := range []string{"Њежић", record.Number, record.Links["page"][len(record.Links["page"])-26:]} {
		if strings.Contains(log.String(), secret) {
			t.Errorf("the log holds %q", secret)
		}
	}
}

// The description names every language that there is.
func TestCertificateLanguagesAreDescribed(t *testing.T) {
	for _, lang := range elm.Languages() {
		if _, after, _ := strings.Cut(string(description(false)), `"getCertificate"`); !strings.Contains(after[:2000], `"`+lang+`"`) {
			t.Errorf("%s is not in it", lang)
		}
	}
}
