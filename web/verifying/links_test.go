package verifying

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"indeks/verifier"
)

// made makes a link to a result and returns its path.
func made(t *testing.T, s *Server, token string) string {
	t.Helper()
	r, body := ask(t, s, "POST", "/verify/link", "again="+base64.RawURLEncoding.EncodeToString([]byte(token)), "Content-Type", form)
	to, ok := strings.CutSuffix(r.Header.Get("Location"), "?made")
	if r.StatusCode != http.StatusSeeOther || !ok || !regexp.MustCompile(`^/r/[A-Z2-7]{26}$`).MatchString(to) {
		t.Fatalf("%d %q %s", r.StatusCode, r.Header.Get("Location"), body)
	}
	return to
}

func TestLinkToAResult(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &fake{report: report(t, verifier.StateValid)}
		s, logs := newServer(t, v)
		_, page := ask(t, s, "POST", "/verify", "text=the+file", "Content-Type", form)
		if !strings.Contains(page, `form="again" formaction="/verify/link"`) || !strings.Contains(page, `<form id="again" method="post"`) {
			t.Fatal("a result offers no link, or only with a script")
		}
		path := made(t, s, "the file")
		if _, page := ask(t, s, "GET", path+"?made", ""); !strings.Contains(page, `value="https://verify.example`+path) {
			t.Error("a link that was made is not shown")
		}

		// Programs that look at links see what a passer-by sees of a printed code.
		v.token = nil
		r, body := ask(t, s, "GET", path, "")
		if r.StatusCode != 200 || string(v.token) != "the file" || !strings.Contains(body, "VALID") || !strings.Contains(body, "https://verify.example"+path) {
			t.Errorf("%d, examined %q: %s", r.StatusCode, v.token, body)
		}
		for _, no := range []string{"Canary", "Graft apple"} {
			if strings.Contains(body, no) {
				t.Errorf("a GET tells %q", no)
			}
		}
		if r.Header.Get("Cache-Control") != "private, no-store" || r.Header.Get("X-Robots-Tag") == "" || r.Header.Get("Referrer-Policy") == "" {
			t.Errorf("headers: %v", r.Header)
		}

		// The answer is that of now, beside that of then.
		v.report = report(t, verifier.Revoked)
		_, body = ask(t, s, "POST", path, "")
		if !strings.Contains(body, "REVOKED since 4 May 2026</h1>") || !strings.Contains(body, "the result was: VALID.") || !strings.Contains(body, holderName) {
			t.Error(body)
		}
		if !strings.Contains(body, `name="kept" value="`+path[len("/r/"):]) || strings.Contains(body, `/verify/link"`) {
			t.Error("what can be done with a result opened by a link")
		}
		kept := "kept=" + path[len("/r/"):]
		for _, to := range []string{"/verify", "/verify/recognition"} { // whoever has the link has not the file, nor can make it last
			_, body := ask(t, s, "POST", to, kept, "Content-Type", form)
			if !strings.Contains(body, `name="kept" value="`+path[len("/r/"):]) || strings.Contains(body, `name="again"`) || strings.Contains(body, `/verify/link"`) {
				t.Errorf("%s hands on the file of a link", to)
			}
		}
		if r, _ := ask(t, s, "POST", "/verify/link", kept, "Content-Type", form); r.StatusCode != http.StatusUnprocessableEntity || len(s.kept.byID) != 1 {
			t.Errorf("a link to a link: %d, %d are kept", r.StatusCode, len(s.kept.byID))
		}

		// It ends when somebody says so, with all that can be done with it.
		if r, _ := ask(t, s, "POST", path+"/end?lang=hr", "lang=hr"); r.StatusCode != http.StatusSeeOther || r.Header.Get("Location") != path+"?lang=hr" {
			t.Errorf("ended: %d %v", r.StatusCode, r.Header)
		}
		gone := func(path string) {
			t.Helper()
			for _, c := range [][2]string{{"GET", path}, {"POST", path}} {
				if r, body := ask(t, s, c[0], c[1], ""); r.StatusCode != http.StatusNotFound || !strings.Contains(body, "There is nothing at this address") {
					t.Errorf("%s: %d", c, r.StatusCode)
				}
			}
			if r, _ := ask(t, s, "POST", "/verify/receipt", "kept="+path[len("/r/"):], "Content-Type", form); r.StatusCode != http.StatusNotFound {
				t.Errorf("a receipt of what is gone: %d", r.StatusCode)
			}
		}
		gone(path)
		gone("/r/" + strings.Repeat("A", 26))

		// Or by the clock, whether anybody looks or not.
		path = made(t, s, "the file")
		time.Sleep(linkLife - time.Second)
		if r, _ := ask(t, s, "GET", path, ""); r.StatusCode != 200 {
			t.Errorf("before its end: %d", r.StatusCode)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if len(s.kept.byID) != 0 || s.kept.bytes != 0 {
			t.Errorf("%d files, %d bytes are left", len(s.kept.byID), s.kept.bytes)
		}
		gone(path)

		for _, no := range []string{path, "the file", "Canary", "Ana"} {
			if strings.Contains(logs.String(), no) {
				t.Errorf("the log has %q", no)
			}
		}
	})
}

// Nobody's link is taken away for another one, and nobody makes too many.
func TestLinksAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := newServer(t, &fake{report: report(t, verifier.StateValid)})
		first := made(t, s, "x")
		for range 9 {
			made(t, s, "x")
		}
		post := func(token string) *http.Response {
			r, _ := ask(t, s, "POST", "/verify/link", "again="+base64.RawURLEncoding.EncodeToString([]byte(token)), "Content-Type", form)
			return r
		}
		if r := post("x"); r.StatusCode != http.StatusTooManyRequests || r.Header.Get("Retry-After") != "360" {
			t.Errorf("the eleventh: %d %v", r.StatusCode, r.Header)
		}
		time.Sleep(6 * time.Minute)
		if r := post("x"); r.StatusCode != http.StatusSeeOther {
			t.Errorf("six minutes later: %d", r.StatusCode)
		}

		// All clients together: by number, and by what they hold.
		for len(s.kept.byID) < maxLinks {
			if _, err := s.kept.add(keptResult{token: []byte("y"), made: time.Now()}); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(6 * time.Minute)
		if r := post("x"); r.StatusCode != http.StatusServiceUnavailable || r.Header.Get("Retry-After") != fmt.Sprint(48*60) {
			t.Errorf("beyond %d: %d, again in %s s", maxLinks, r.StatusCode, r.Header.Get("Retry-After"))
		}
		if r, _ := ask(t, s, "GET", first, ""); r.StatusCode != 200 {
			t.Error("the first link had to make room")
		}
		time.Sleep(linkLife)
		large := bytes.Repeat([]byte("z"), maxAgain)
		n := 0
		for ; n < maxLinks; n++ {
			if _, err := s.kept.add(keptResult{token: large, made: time.Now()}); err != nil {
				break
			}
		}
		if n != maxLinkBytes/maxAgain {
			t.Errorf("%d large files are kept", n)
		}
		time.Sleep(linkLife) // no timer outlives the test
	})
}

func TestWhatGetsNoLink(t *testing.T) {
	s, _ := newServer(t, &fake{report: report(t, verifier.Unreadable)})
	for name, body := range map[string]string{"no credential": "text=x", "nothing": "", "two files": "again=eA.eQ"} {
		if r, _ := ask(t, s, "POST", "/verify/link", body, "Content-Type", form); r.StatusCode/100 != 4 {
			t.Errorf("%s: %d", name, r.StatusCode)
		}
	}
	s, _ = newServer(t, &fake{report: report(t, verifier.StateValid)})
	if r, _ := ask(t, s, "POST", "/verify/link", "text="+strings.Repeat("x", maxAgain+1), "Content-Type", form); r.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("too large: %d", r.StatusCode)
	}
	if len(s.kept.byID) > 0 {
		t.Error("it is kept all the same")
	}
	// The address of a printed code is a link already.
	if _, body := ask(t, s, "POST", "/C/"+someID, ""); strings.Contains(body, `/verify/link"`) || !strings.Contains(body, `name="link" value="`+someID) {
		t.Error("a printed code offers a link, or no receipt")
	}
}
