package verifying

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"hash/crc32"
	"html"
	"net/http"
	"strings"
	"testing"
	"time"

	"indeks/internal/processor"
	"indeks/verifier"
)

// hugePicture is the beginning of a PNG of 30 000 by 30 000 pixels in some kilobytes.
func hugePicture() []byte {
	header := []byte("IHDR\x00\x00\x75\x30\x00\x00\x75\x30\x08\x02\x00\x00\x00")
	picture := append([]byte("\x89PNG\r\n\x1a\n\x00\x00\x00\x0d"), header...)
	picture = binary.BigEndian.AppendUint32(picture, crc32.ChecksumIEEE(header))
	var pixels bytes.Buffer
	w := gzip.NewWriter(&pixels)
	w.Write(make([]byte, 32<<20))
	w.Close()
	data := append([]byte("IDAT"), pixels.Bytes()...)
	picture = binary.BigEndian.AppendUint32(picture, uint32(pixels.Len()))
	picture = append(picture, data...)
	return binary.BigEndian.AppendUint32(picture, crc32.ChecksumIEEE(data))
}

// What is no credential is said to be none, quickly, and comes back to nobody.
func TestWhatIsNoCredential(t *testing.T) {
	const canary = "canary-4711"
	v, err := verifier.New(verifier.Config{Fetch: &http.Client{Transport: unasked{t}}})
	if err != nil {
		t.Fatal(err)
	}
	s, logs := newServer(t, v)
	for name, file := range map[string][]byte{
		"page":     []byte("<!doctype html><title>" + canary + "</title><script>alert('" + canary + "')</script>"),
		"PDF":      []byte("%PDF-1.7\n1 0 obj<</Type/Catalog/OpenAction<</S/JavaScript/JS(app.alert('" + canary + "'))>>>>endobj\n%%EOF"),
		"SVG":      []byte(`<svg xmlns="http://www.w3.org/2000/svg" onload="` + canary + `"/>`),
		"link":     []byte("https://verify.example/C/" + someID + "#" + canary),
		"CSV":      []byte("name;" + canary + "\n=HYPERLINK(\"https://evil.example\");1\n"),
		"gzip":     []byte("\x1f\x8b\x08\x00" + canary),
		"JSON":     []byte(`["` + canary + `"]`),
		"text":     []byte(strings.Repeat(canary+" ", 100_000)),
		"zeros":    make([]byte, 2<<20),
		"dots":     bytes.Repeat([]byte("."), 2<<20),
		"brackets": bytes.Repeat([]byte("["), 2<<20),
	} {
		least := time.Hour
		for range 3 {
			body, contentType := multipartFile(t, file)
			began := processor.Time()
			r, page := ask(t, s, "POST", "/verify", body, "Content-Type", contentType)
			least = min(least, processor.Time()-began)
			if r.StatusCode != http.StatusOK || !strings.Contains(page, `<section class="verdict none"`) {
				t.Errorf("%s: %d %.400s", name, r.StatusCode, page)
			}
			if strings.Contains(html.UnescapeString(page), canary) {
				t.Errorf("%s: comes back on the page", name)
			}
		}
		if least > 100*time.Millisecond {
			t.Errorf("%s: took %s", name, least)
		}
	}
	if strings.Contains(logs.String(), canary) {
		t.Error("an upload is in the log")
	}
}

// unasked is a web that nobody may ask.
type unasked struct{ t *testing.T }

func (u unasked) RoundTrip(r *http.Request) (*http.Response, error) {
	u.t.Errorf("asked for %s", r.URL)
	return nil, http.ErrServerClosed
}
