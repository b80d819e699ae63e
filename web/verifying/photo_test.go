package verifying

import (
	"bytes"
	"image"
	"image/jpeg"
	"image/png"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"

	"indeks/paper"
	"indeks/verifier"
)

// pictured is a screenshot of the code with a text, as a PNG file.
func pictured(t *testing.T, text string) []byte {
	t.Helper()
	file, err := paper.PNG(text, 4)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// A photo of a code is checked here, without a script, whatever host the code names.
func TestPhotosOfCodes(t *testing.T) {
	v := &fake{report: report(t, verifier.StateValid)}
	s, logs := newServer(t, v)
	give := func(picture []byte) (*http.Response, string) {
		t.Helper()
		body, contentType := multipartFile(t, picture)
		return ask(t, s, "POST", "/verify?lang=en", body, "Content-Type", contentType)
	}
	// Our own host: as if the telephone had opened it.
	r, _ := give(pictured(t, "HTTPS://VERIFY.EXAMPLE/C/"+someID))
	if r.StatusCode != http.StatusSeeOther || r.Header.Get("Location") != "/C/"+someID+"?lang=en" {
		t.Errorf("our own code: %d %v", r.StatusCode, r.Header)
	}
	// Another one: it is named, and not asked; neither name nor supplement is shown.
	r, body := give(pictured(t, "HTTPS://XN--VERFY-2SA.EXAMPLE/PATH/C/"+someID))
	if r.StatusCode != 200 || strings.Join(v.asked, " ") != "id "+someID || !strings.Contains(body, "XN--VERFY-2SA.EXAMPLE") || !strings.Contains(body, "VALID") {
		t.Errorf("another host: %d, asked %v", r.StatusCode, v.asked)
	}
	if strings.Contains(body, holderName) || !strings.Contains(body, `action="/C/`+someID) {
		t.Error("a code tells the name, or does not say how to come to it")
	}
	// An offline code is examined as it stands, and its result can be kept.
	text := readVectors(t).Codes[0].Text
	r, body = give(pictured(t, text))
	host, _ := url.Parse(text)
	if r.StatusCode != 200 || string(v.token) != text || !strings.Contains(body, `name="again"`) || !strings.Contains(body, host.Host) {
		t.Errorf("offline: %d, examined %.60q", r.StatusCode, v.token)
	}
	// Any other text is shown and not followed.
	r, body = give(pictured(t, "https://evil.example/<script>alert(1)</script>"))
	if r.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(body, "https://evil.example/&lt;script&gt;") || strings.Contains(body, `href="https://evil`) || len(v.asked) != 1 {
		t.Errorf("another code: %d %v", r.StatusCode, v.asked)
	}

	// A page that was scanned into a PDF, where that is no certificate of ours.
	unreadable := report(t, verifier.Unreadable)
	v.report, unreadable = unreadable, v.report
	scan := func(text string) []byte {
		picture, err := png.Decode(bytes.NewReader(pictured(t, text)))
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		out.WriteString("%PDF-1.4\n1 0 obj<</Filter/DCTDecode>>stream\n")
		if err := jpeg.Encode(&out, picture, nil); err != nil {
			t.Fatal(err)
		}
		out.WriteString("\nendstream endobj\n")
		return out.Bytes()
	}
	if r, _ := give(scan("HTTPS://VERIFY.EXAMPLE/C/" + someID)); r.StatusCode != http.StatusSeeOther || r.Header.Get("Location") != "/C/"+someID+"?lang=en" {
		t.Errorf("a scan in a PDF: %d %v", r.StatusCode, r.Header)
	}
	if r, body := give([]byte("%PDF-1.4\n")); r.StatusCode != 200 || !strings.Contains(body, "Not a credential") {
		t.Errorf("a PDF without a scan: %d", r.StatusCode)
	}
	v.report = unreadable

	blank := image.NewGray(image.Rect(0, 0, 40, 40))
	var out bytes.Buffer
	if err := png.Encode(&out, blank); err != nil {
		t.Fatal(err)
	}
	large := append(pictured(t, "x"), make([]byte, maxPhoto)...)
	for name, c := range map[string]struct {
		picture []byte
		status  int
		says    string
	}{
		"no code":             {out.Bytes(), http.StatusUnprocessableEntity, "We could not read a QR code"},
		"a broken one":        {out.Bytes()[:30], http.StatusUnprocessableEntity, "We cannot read this picture"},
		"too many pixels":     {hugePicture(), http.StatusUnprocessableEntity, "We cannot read this picture"},
		"more than it may be": {large, http.StatusRequestEntityTooLarge, ""},
		"3 MiB of picture":    {append(pictured(t, "HTTPS://VERIFY.EXAMPLE/C/"+someID), make([]byte, maxBody)...), http.StatusSeeOther, ""},
		"3 MiB of no picture": {make([]byte, maxBody), http.StatusRequestEntityTooLarge, ""},
	} {
		if r, body := give(c.picture); r.StatusCode != c.status || !strings.Contains(body, c.says) {
			t.Errorf("%s: %d, want %d", name, r.StatusCode, c.status)
		}
	}
	for _, no := range []string{someID, "evil.example", text[40:60]} {
		if strings.Contains(logs.String(), no) {
			t.Errorf("the log has %q", no)
		}
	}
}

// What a picture costs does not keep credentials waiting: there is a place for one.
func TestPicturesWaitForEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &fake{report: report(t, verifier.StateValid)}
		s, _ := newServer(t, v)
		s.photos <- struct{}{}
		body, contentType := multipartFile(t, pictured(t, "HTTPS://VERIFY.EXAMPLE/C/"+someID))
		waiting := make(chan int)
		go func() {
			r, _ := ask(t, s, "POST", "/verify", body, "Content-Type", contentType)
			waiting <- r.StatusCode
		}()
		if r, _ := ask(t, s, "POST", "/verify", "text=x", "Content-Type", form); r.StatusCode != 200 {
			t.Errorf("a credential meanwhile: %d", r.StatusCode)
		}
		synctest.Wait()
		select {
		case status := <-waiting:
			t.Fatalf("a second picture was read beside the first: %d", status)
		default:
		}
		// Pictures that wait take no place of credentials, and there are few of them.
		for len(s.photoQueue) < maxPhotos {
			s.photoQueue <- struct{}{}
		}
		if r, _ := ask(t, s, "POST", "/verify", body, "Content-Type", contentType); r.StatusCode != http.StatusServiceUnavailable || r.Header.Get("Retry-After") == "" || len(s.queue) != 0 {
			t.Errorf("one more than may wait: %d %v, %d places of credentials are taken", r.StatusCode, r.Header, len(s.queue))
		}
		<-s.photos
		if status := <-waiting; status != http.StatusSeeOther {
			t.Errorf("then: %d", status)
		}
	})
}
