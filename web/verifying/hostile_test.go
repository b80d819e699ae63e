package verifying

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"

	"indeks/elm"
	"indeks/internal/processor"
	"indeks/verifier"
)

// zipped is an archive of one file of so many zeros.
func zipped(t *testing.T, n int64) string {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	file, err := w.Create("credential.jsonld")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.CopyN(file, zeros{}, n); err != nil {
		t.Fatal(err)
	}
	w.Close()
	return b.String()
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// Uploads that are small on the wire and large in memory, or that are made of
// very many parts, are refused in little time and memory; nothing that is packed
// is unpacked on the way to a verdict of one credential.
func TestUploadBombs(t *testing.T) {
	var packed bytes.Buffer
	g := gzip.NewWriter(&packed)
	io.CopyN(g, zeros{}, 256<<20)
	g.Close()
	manyParts := func(n int, header string) string {
		return strings.Repeat("--b\r\nContent-Disposition: form-data; name=\"x\""+header+"\r\n\r\n\r\n", n) + "--b--\r\n"
	}
	const multi = "multipart/form-data; boundary=b"
	for _, c := range []struct {
		name, path, contentType, body string
		want                          int
	}{
		{"5 000 parts", "/verify", multi, manyParts(5000, ""), 400},
		{"a part with 5 000 headers", "/verify", multi, manyParts(1, strings.Repeat("\r\nX-A: b", 5000)), 400},
		{"a part with a header of 2 MiB", "/verify", multi, manyParts(1, "\r\nX-A: "+strings.Repeat("b", 2<<20)), 400},
		{"multipart that never begins", "/verify", multi, strings.Repeat("\r\n", 1<<20), 400},
		{"multipart in multipart", "/verify", multi, "--b\r\nContent-Disposition: form-data; name=\"file\"\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n\r\nx\r\n--c--\r\n--b--\r\n", 200},
		{"no boundary", "/verify", "multipart/form-data", "x", 400},
		{"a million fields", "/verify", form, strings.Repeat("a&", 1<<20), 400},
		{"a million names", "/verify", form, func() string {
			var b strings.Builder
			for i := range 1 << 18 {
				fmt.Fprintf(&b, "%x=&", i)
			}
			return b.String()
		}(), 400},
		{"too many files at once", "/verify", form, "again=" + strings.Repeat("eA.", 1<<20), 422},
		{"gzip in place of a token", "/api/v1/verifications", "application/gzip", packed.String(), 200},
		{"gzip in place of a file", "/verify", multi, "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.gz\"\r\nContent-Encoding: gzip\r\nContent-Transfer-Encoding: base64\r\n\r\n" + packed.String() + "\r\n--b--\r\n", 200},
		{"a zip in place of a token", "/api/v1/verifications", "application/zip", zipped(t, 256<<20), 200},
	} {
		v, err := verifier.New(verifier.Config{})
		if err != nil {
			t.Fatal(err)
		}
		s, _ := newServer(t, v)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		start := processor.Time()
		r := httptest.NewRequest("POST", c.path, strings.NewReader(c.body))
		r.Header.Set("Content-Type", c.contentType)
		r.Header.Set("Content-Encoding", "gzip") // which nobody reads
		w := httptest.NewRecorder()
		s.Echo().ServeHTTP(w, r)
		took := processor.Time() - start
		runtime.ReadMemStats(&after)
		if w.Code != c.want || strings.Contains(w.Body.String(), `"verdict":"valid"`) {
			t.Errorf("%s: %d, want %d: %.300s", c.name, w.Code, c.want, w.Body)
		}
		if spent := after.TotalAlloc - before.TotalAlloc; spent > 100<<20 || took > 3*time.Second {
			t.Errorf("%s: %d MB in %v", c.name, spent>>20, took)
		}
	}
}

// No picture that stands in a credential is shown, of whatever kind: an SVG is
// a program, a picture of the word VALID a lie, and one elsewhere a tracker.
func TestNoPictureOfACredentialIsShown(t *testing.T) {
	r := report(t, verifier.StateValid)
	const svg = `<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"><script>alert(1)</script></svg>`
	picture := func(kind, content string) *elm.MediaObject {
		return &elm.MediaObject{Content: content, Extra: elm.Extra{"contentUrl": "https://tracker.example/pixel.png"}, ContentType: &elm.Concept{Ref: elm.Ref{ID: kind}}}
	}
	encoded := base64.StdEncoding.EncodeToString([]byte(svg))
	r.Credential.Issuer.Logo = picture("http://publications.europa.eu/resource/authority/file-type/SVG", encoded)
	r.Credential.DisplayParameter = &elm.DisplayParameter{Title: elm.TextOf(map[string][]string{"en": {svg}}), IndividualDisplay: elm.List[elm.IndividualDisplay]{{
		DisplayDetail: elm.List[elm.DisplayDetail]{{Page: 1, Image: picture("http://publications.europa.eu/resource/authority/file-type/PNG", "iVBORw0KGgoAAAANSUhEUg")}}}}}
	s, _ := newServer(t, &fake{report: r})
	for _, path := range []string{"/verify", "/C/" + someID} {
		response, page := ask(t, s, "POST", path, "text=x", "Content-Type", form)
		if response.StatusCode != 200 || !strings.Contains(page, courseName) {
			t.Fatalf("%s: %d", path, response.StatusCode)
		}
		for _, no := range []string{"<svg xmlns", "data:", "iVBORw0KGgo", encoded[:20], "tracker.example", "<script"} {
			if strings.Contains(page, no) {
				t.Errorf("%s: the page holds %s", path, no)
			}
		}
		for _, after := range strings.Split(page, "<img ")[1:] {
			if !strings.HasPrefix(after, `src="/static/`) {
				t.Errorf("%s: a picture %.60s", path, after)
			}
		}
		if policy := response.Header.Get("Content-Security-Policy"); !strings.Contains(policy, "default-src 'none'") || !strings.Contains(policy, "img-src 'self';") {
			t.Errorf("%s: %s", path, policy)
		}
	}
}

func FuzzReadForm(f *testing.F) {
	f.Add("multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"x\"\r\n\r\neyJ.x.y\r\n--b--\r\n")
	f.Add("multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=\"link\"\r\n\r\nhttps://v.example/C/X\r\n--b\r\n\r\n\r\n--b--")
	f.Add("multipart/form-data; boundary=\"b\"", "--b\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n=\r\n--b--")
	f.Add(form, "text=eyJ.x.y&link=&again=ZXlK.ZXlK&same_person=1")
	f.Add(form, "again=.....&%zz=1;")
	f.Add("text/plain", "x")
	e := echo.New()
	f.Fuzz(func(t *testing.T, contentType, body string) {
		r := httptest.NewRequest(http.MethodPost, "/verify", strings.NewReader(body))
		r.Header.Set("Content-Type", contentType)
		got, err := readForm(e.NewContext(r, httptest.NewRecorder()))
		set := 0
		for _, is := range []bool{got.token != nil, got.link != "", got.stack != nil} {
			if is {
				set++
			}
		}
		if set > 1 || err != nil && set > 0 || len(got.stack) == 1 || len(got.stack) > maxStack {
			t.Fatalf("%+v, %v", got, err)
		}
	})
}
