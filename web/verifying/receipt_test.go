package verifying

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"indeks/internal/reference"
	"indeks/verifier"
	"indeks/web"
)

// TestReceipt: what stands on the page stands in the record, and where nothing is
// shown, nothing is printed either.
func TestReceipt(t *testing.T) {
	v := &fake{}
	s, _ := newServer(t, v)
	s.program = "indeks v1.2.3"
	s.trust = &verifier.Trust{Version: 7, Issued: time.Date(2026, 8, 30, 0, 0, 0, 0, time.UTC), Sealed: &verifier.TrustSeal{Key: "key-of-the-operator"}}
	print := func(lang, body string) string {
		t.Helper()
		r, file := ask(t, s, "POST", "/verify/receipt?lang="+lang, body, "Content-Type", form)
		if r.StatusCode != 200 || r.Header.Get("Content-Type") != "application/pdf" || r.Header.Get("Cache-Control") != "private, no-store" {
			t.Fatalf("%d %v %s", r.StatusCode, r.Header, file)
		}
		// SHA-256 of "the file" begins so.
		if got := r.Header.Get("Content-Disposition"); got != `attachment; filename="verification-20260901T1405Z-994659de.pdf"` && !strings.Contains(body, "other") {
			t.Errorf("%s", got)
		}
		path := filepath.Join(t.TempDir(), "receipt.pdf")
		if err := os.WriteFile(path, []byte(file), 0o600); err != nil {
			t.Fatal(err)
		}
		return strings.Join(strings.Fields(reference.Run(t, "poppler-utils", "pdftotext", "-raw", "-enc", "UTF-8", path, "-")), " ")
	}
	v.report = report(t, verifier.StatusUnchecked)
	text := print("en", "text=the+file")
	for _, want := range []string{"Record of a verification", "It is not the credential", "Genuine, revocation not checked", holderName, courseName, issuerName, claimed,
		"14:05:00 UTC", "https://verify.example", "indeks v1.2.3", "version 7 of 30 August 2026, sealed with key key-of-the-operator", "indeterminate, status_unchecked",
		strings.Repeat("ab", 32), "Revocation not made: We could not find out", "Format passed: ", "It does not prove"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in %s", want, text)
		}
	}
	for _, no := range []string{"17 October", "1999", "Graft apple"} { // the supplement is the credential's
		if strings.Contains(text, no) {
			t.Errorf("tells %q", no)
		}
	}
	for _, state := range []verifier.State{verifier.NotValid, verifier.NoSeal, verifier.IssuerUnknown} {
		v.report = report(t, state)
		text := print("en", "text=the+file")
		if hidden := state != verifier.IssuerUnknown; hidden && (strings.Contains(text, holderName) || strings.Contains(text, issuerName)) ||
			!hidden && (!strings.Contains(text, "Nobody has confirmed the issuer") || !strings.Contains(text, "Issuer not confirmed")) {
			t.Errorf("%s: %s", state, text)
		}
	}
	if testing.Short() {
		return
	}
	for _, lang := range web.Languages() {
		v.report = report(t, verifier.StateValid)
		if text := print(lang, "text=the+file"); strings.Contains(text, "□") || !strings.Contains(text, s.kit.T(lang, "receipt.title", nil)) {
			t.Errorf("%s: %s", lang, text)
		}
	}
}

func TestReceiptOfNothing(t *testing.T) {
	s, _ := newServer(t, &fake{report: report(t, verifier.StateValid)})
	for _, body := range []string{"", "kept=nothing", "again=eA.eQ", "again=%21"} {
		for _, path := range []string{"/verify/receipt", "/verify/recognition"} {
			if r, _ := ask(t, s, "POST", path, body, "Content-Type", form); r.StatusCode/100 != 4 {
				t.Errorf("%s %q: %d", path, body, r.StatusCode)
			}
		}
	}
	for _, path := range []string{"/verify/receipt", "/verify/recognition", "/verify/link"} { // a reload of what was a POST
		if r, _ := ask(t, s, "GET", path, ""); r.StatusCode != http.StatusSeeOther {
			t.Errorf("GET %s: %d", path, r.StatusCode)
		}
	}
}

// A program has the same in writing, as the PDF of the page or as JSON with the report
// that it is of, and a file of any size that is verified too.
func TestReceiptForPrograms(t *testing.T) {
	v := &fake{report: report(t, verifier.StateValid)}
	s, _ := newServer(t, v)
	s.program = "indeks v1.2.3"
	s.trust = &verifier.Trust{Version: 7, Issued: time.Date(2026, 8, 30, 0, 0, 0, 0, time.UTC), Sealed: &verifier.TrustSeal{Key: "key-of-the-operator"}}
	const path = "/api/v1/verifications/receipt"
	r, file := ask(t, s, "POST", path, "the file", "Content-Type", "application/octet-stream")
	if r.StatusCode != 200 || r.Header.Get("Content-Type") != "application/pdf" || r.Header.Get("Cache-Control") != "private, no-store" || !strings.HasPrefix(file, "%PDF-") ||
		!strings.Contains(r.Header.Get("Content-Disposition"), "994659de.pdf") {
		t.Errorf("%d %v", r.StatusCode, r.Header)
	}
	_, page := ask(t, s, "POST", "/verify/receipt", "text=the+file", "Content-Type", form)
	if page != file {
		t.Error("the page's receipt of the same file is another one")
	}
	large := strings.Repeat("x", 3*maxAgain)
	for name, body := range map[string]string{"large": large, "small": "the file"} {
		r, got := ask(t, s, "POST", path, body, "Content-Type", "application/octet-stream", "Accept", "application/json", "Accept-Language", "hr")
		var receipt Receipt
		if err := json.Unmarshal([]byte(got), &receipt); err != nil || r.StatusCode != 200 || r.Header.Get("Content-Language") != "hr" {
			t.Fatalf("%s: %d %v %v", name, r.StatusCode, err, r.Header)
		}
		if receipt.FileSHA256 != digest([]byte(body)) || receipt.Program != s.program || receipt.Verifier != s.base || receipt.TrustFile.Version != 7 || receipt.TrustFile.SealedBy != "key-of-the-operator" ||
			receipt.Report.Verdict != verifier.Valid || len(receipt.Report.Checks) == 0 || len(receipt.Report.Supplement) == 0 {
			t.Errorf("%s: %.300s", name, got)
		}
	}
	if r, _ := ask(t, s, "POST", path, large, "Content-Type", "application/octet-stream"); r.StatusCode != 200 {
		t.Errorf("a large file: %d", r.StatusCode)
	}
}
