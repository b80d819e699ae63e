package verifying

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"indeks/verifier"
)

// A request that two readers may understand in two ways is answered with 400, or
// read in the one way that RFC 9112 section 6.3 knows; and then the connection
// ends, so that nothing hides behind it.
func TestAmbiguousRequests(t *testing.T) {
	s, _ := newServer(t, &fake{report: report(t, verifier.StateValid)})
	server := httptest.NewServer(s.Echo())
	defer server.Close()
	const behind = "GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n"
	for name, request := range map[string]string{
		"two lengths":           "POST /verify HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 0\r\n\r\n",
		"a list of lengths":     "POST /verify HTTP/1.1\r\nHost: x\r\nContent-Length: 0, 3\r\n\r\n",
		"length with a sign":    "POST /verify HTTP/1.1\r\nHost: x\r\nContent-Length: +0\r\n\r\n",
		"unknown coding":        "POST /verify HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n",
		"coding twice":          "POST /verify HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
		"space before a colon":  "POST /verify HTTP/1.1\r\nHost: x\r\nContent-Length : 0\r\n\r\n",
		"a header on two lines": "GET / HTTP/1.1\r\nHost: x\r\n X: folded\r\n\r\n",
		"no host":               "GET / HTTP/1.1\r\n\r\n",
		"two hosts":             "GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
		"control character":     "GET / HTTP/1.1\r\nHost: x\r\nX: a\x00b\r\n\r\n",
	} {
		conn, err := net.Dial("tcp", server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		conn.SetDeadline(time.Now().Add(5 * time.Second))
		io.WriteString(conn, request+behind)
		in := bufio.NewReader(conn)
		r, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		body, _ := io.ReadAll(r.Body)
		if r.StatusCode != http.StatusBadRequest && r.StatusCode != http.StatusNotImplemented || strings.Contains(string(body), "verdict") {
			t.Errorf("%s: %d %.200s", name, r.StatusCode, body)
		}
		if more, err := http.ReadResponse(in, nil); err == nil {
			t.Errorf("%s: what stood behind it was answered with %d", name, more.StatusCode)
		}
		conn.Close()
	}
}

// Whatever name a request gives the server, its pages name the one that is
// configured.
func TestTheServersNameIsConfigured(t *testing.T) {
	s, _ := newServer(t, &fake{report: report(t, verifier.StateValid)})
	for _, path := range []string{"/", "/proves", "/C/" + someID, "/nowhere", "/openapi.json"} {
		for _, header := range []string{"X-Forwarded-Host", "Forwarded", "X-Original-Url", "X-Rewrite-Url", "X-Host"} {
			r := httptest.NewRequest("GET", "http://evil.example"+path, nil)
			r.Header.Set(header, "host=evil.example")
			w := httptest.NewRecorder()
			s.Echo().ServeHTTP(w, r)
			if all := w.Body.String() + w.Header().Get("Location"); strings.Contains(all, "evil.example") {
				t.Errorf("%s with %s names the host of the request", path, header)
			}
		}
	}
}

// There is nothing to be seen of how the server works, nor of where it lies.
func TestNothingIsExposed(t *testing.T) {
	s, _ := newServer(t, &fake{})
	for _, path := range []string{"/debug/pprof/", "/debug/vars", "/metrics", "/.git/config", "/.env", "/static/", "/static/../verifying.go", "/static/%2e%2e/config.yaml", "/trust.json", "/server-status"} {
		if r, body := ask(t, s, "GET", path, ""); r.StatusCode != http.StatusNotFound || strings.Contains(body, "goroutine") || r.Header.Get("Server") != "" {
			t.Errorf("%s: %d %v", path, r.StatusCode, r.Header)
		}
	}
}
