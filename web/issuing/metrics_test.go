package issuing

import (
	"io"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"indeks/web"
)

// The figures come from the records, so a start of the server does not set them
// back, and they name nobody.
func TestFiguresOfTheRecords(t *testing.T) {
	m := web.NewMetrics()
	base, _ := newServer(t, func(c *Config) { c.Kit.Metrics = m })
	auth := []string{"Authorization", "Bearer " + apiKey, "Content-Type", "application/json"}
	var first string
	for _, key := range []string{"a", "b"} {
		a := ask(t, "POST", base+"/api/v1/credentials", body(t, nil), append(auth, "Idempotency-Key", key)...)
		if a.status != 201 {
			t.Fatal(a.status, a.body)
		}
		first = regexp.MustCompile(`"number":\s*"([^"]+)"`).FindStringSubmatch(a.body)[1]
	}
	if a := ask(t, "POST", base+"/api/v1/credentials/"+first+"/revoke", `{"reason": "awarded by mistake"}`, auth...); a.status != 200 {
		t.Fatal(a.status, a.body)
	}
	w := httptest.NewRecorder()
	m.Echo().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	raw, err := io.ReadAll(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"indeks_credentials_recorded 2", "indeks_credentials_revoked 1", "indeks_credentials_suspended 0", `indeks_batches{state="ready"} 0`, "indeks_batch_rows_waiting 0", "indeks_inspection_damaged 0",
		`indeks_status_list_used_indexes{list="r1"} 2`, `indeks_status_list_signed_timestamp_seconds{list="r1"} 1`, `indeks_status_list_sequence{list="r1"} `} {
		if !strings.Contains(string(raw), want) {
			t.Errorf("no %s in\n%s", want, raw)
		}
	}
	if strings.Contains(string(raw), first) {
		t.Error("the number of a credential is among the metrics")
	}
}
