package verifying

import (
	"compress/gzip"
	"context"
	"encoding/base64"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"indeks/verifier"
)

// weighed counts what comes over a connection, headers and all.
type weighed struct {
	net.Conn
	bytes *atomic.Int64
}

func (w weighed) Read(p []byte) (int, error) {
	n, err := w.Conn.Read(p)
	w.bytes.Add(int64(n))
	return n, err
}

var (
	loads   = regexp.MustCompile(`(?:href|src)="(/static/[^"]+)"`)
	imports = regexp.MustCompile(`(?m)^import .* from '(\./[^']+)'`)
	icons   = regexp.MustCompile(`\bicon-([a-z]+)`)
	masks   = regexp.MustCompile(`\.icon-([a-z]+)[^{}]*\{[^}]*url\(([^)]+)\)`)
)

// TestPagesAreLight: a first visit costs less than 60 KB with all that the page asks
// for, on the wire and as browsers ask.
func TestPagesAreLight(t *testing.T) {
	const most = 60_000
	s, _ := newServer(t, &fake{report: report(t, verifier.StateValid)})
	server := httptest.NewServer(s.Echo())
	defer server.Close()
	for _, visit := range []struct{ method, path, body string }{
		{"GET", "/", ""}, {"GET", "/proves", ""}, {"GET", "/scan", ""}, {"GET", "/bulk", ""}, {"GET", "/q", ""}, {"GET", "/q?lang=mk", ""}, {"GET", "/C/" + someID, ""},
		{"POST", "/verify", "again=" + base64.RawURLEncoding.EncodeToString(make([]byte, 6000))}, // as large as a credential is
	} {
		var got atomic.Int64
		client := &http.Client{Transport: &http.Transport{DisableCompression: true, DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := new(net.Dialer).DialContext(ctx, network, address)
			return weighed{conn, &got}, err
		}}}
		fetch := func(method, at, body string) string {
			t.Helper()
			r, err := http.NewRequest(method, server.URL+at, strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Accept-Encoding", "gzip, deflate, br")
			r.Header.Set("Content-Type", form)
			answer, err := client.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer answer.Body.Close()
			in := io.Reader(answer.Body)
			if answer.Header.Get("Content-Encoding") == "gzip" {
				if in, err = gzip.NewReader(in); err != nil {
					t.Fatal(err)
				}
			}
			raw, err := io.ReadAll(in)
			if err != nil || answer.StatusCode != 200 {
				t.Fatalf("%s %s: %d %v", method, at, answer.StatusCode, err)
			}
			return string(raw)
		}
		page := fetch(visit.method, visit.path, visit.body)
		asked := []string{visit.path}
		var load func(at string)
		load = func(at string) {
			if slices.Contains(asked, at) {
				return
			}
			asked = append(asked, at)
			content := fetch("GET", at, "")
			for _, m := range imports.FindAllStringSubmatch(content, -1) {
				load(path.Join(path.Dir(at), m[1]))
			}
			if path.Ext(at) == ".css" {
				for _, m := range masks.FindAllStringSubmatch(content, -1) {
					for _, used := range icons.FindAllStringSubmatch(page, -1) {
						if used[1] == m[1] {
							load(path.Join(path.Dir(at), m[2]))
						}
					}
				}
			}
		}
		for _, m := range loads.FindAllStringSubmatch(page, -1) {
			load(m[1])
		}
		if strings.HasPrefix(visit.path, "/q") { // and what its script asks for, but for the lists of issuers' own
			for _, at := range []string{"/q/worker.js", "/q/dictionary/1", "/static/" + url.PathEscape("x") + "/offline/verify.js"} {
				load(at)
			}
		}
		if len(asked) < 4 {
			t.Errorf("%s asks for %v alone", visit.path, asked)
		}
		t.Logf("%s: %d bytes in %d requests", visit.path, got.Load(), len(asked))
		if got.Load() > most {
			t.Errorf("%s costs %d bytes, more than %d: %v", visit.path, got.Load(), most, asked)
		}
	}
}
