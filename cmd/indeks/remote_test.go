package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// A correction is offered to be sent again where nobody knows what came of it, and only there.
func TestCorrectAgain(t *testing.T) {
	for status, again := range map[int]bool{409: false, 422: false, 404: false, 429: true, 500: true, 503: true} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(status)
			w.Write([]byte(`{"title": "No", "detail": "no"}`))
		}))
		log := new(output)
		code := run(t.Context(), []string{"correct", "MC-1", "--set", "grade=9", "--reason", "a test", "--server", server.URL}, console{strings.NewReader(""), log, log})
		if code != exitInvalid || strings.Contains(log.String(), "--request") != again || !strings.Contains(log.String(), "server: No\n") {
			t.Errorf("%d: code %d: %s", status, code, log)
		}
		server.Close()
	}
}
