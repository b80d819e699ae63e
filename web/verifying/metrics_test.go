package verifying

import (
	"io"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"

	"indeks/verifier"
	"indeks/web"
)

// What was found is counted by its state, whichever way it came.
func TestMetricsCountWhatWasFound(t *testing.T) {
	v, err := verifier.New(verifier.Config{Trust: &verifier.Trust{Version: 7}})
	if err != nil {
		t.Fatal(err)
	}
	m := web.NewMetrics()
	s, err := New(Config{Kit: web.Config{Metrics: m, Log: slog.New(slog.DiscardHandler)}, Verifier: v, Workers: 3})
	if err != nil {
		t.Fatal(err)
	}
	ask(t, s, "POST", "/api/v1/verifications", "no credential", "Content-Type", "application/octet-stream")
	body, contentType := sent(t, "one.txt", "two.txt")
	ask(t, s, "POST", "/api/v1/verifications/bulk", body, "Content-Type", contentType)
	w := httptest.NewRecorder()
	m.Echo().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	raw, err := io.ReadAll(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`indeks_verifications_total{state="unreadable"} 3`, "indeks_verifier_workers 3", "indeks_verifier_workers_busy 0", "indeks_verifier_waiting 0", "indeks_trust_version 7", "indeks_trust_expires_timestamp_seconds "} {
		if !strings.Contains(string(raw), want) {
			t.Errorf("no %s in\n%s", want, raw)
		}
	}
}
