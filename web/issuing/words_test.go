package issuing

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"indeks/issuer"
)

// Words that stay on record are bounded: forms say so, and whoever sends more, by form or by
// API, is told, and nothing happens.
func TestWordsAreBounded(t *testing.T) {
	long := strings.Repeat("ж", issuer.MaxReason+1)
	b, e, records, _ := newDesk(t, Admin)
	withCourses(t, records)
	page := award(t, b)
	id := "urn:credential:" + strings.TrimPrefix(page, "/desk/records/")
	for _, act := range []string{"revoke", "suspend", "erase", "erase-delivery", "correct"} {
		at := page + "/" + act
		if got := b.get(at); !strings.Contains(got, `maxlength="1000"`) {
			t.Errorf("%s: the form does not say how long a reason is", act)
		}
		w := b.post(at, at, "reason", long, "grade", "7")
		if w.Code != http.StatusUnprocessableEntity || !strings.Contains(w.Body.String(), "1000 characters") && !strings.Contains(w.Body.String(), "1,000 characters") {
			t.Errorf("%s: %d %s", act, w.Code, failures(w.Body.String()))
		}
	}
	server := httptest.NewServer(described(t, false, e))
	defer server.Close()
	for _, act := range []string{"revoke", "suspend", "reinstate", "erase-delivery"} {
		if got := ask(t, "POST", server.URL+"/api/v1/credentials/"+id+"/"+act, `{"reason": "`+long+`"}`, auth...); got.status != 422 && got.status != 400 || !strings.Contains(got.body, "1000 characters") {
			t.Errorf("%s by API: %d %s", act, got.status, got.body)
		}
	}
	for path, body := range map[string]string{
		"/erasures": `{"credentials": ["` + id + `"], "reason": "` + long + `"}`, "/letters": `{"confirm": 0, "note": "` + long + `"}`,
		"/credentials/" + id + "/letters": `{"note": "` + long + `"}`, "/credentials/" + id + "/address": `{"email": "ana@mail.example", "reason": "` + long + `"}`,
	} {
		if got := ask(t, "POST", server.URL+"/api/v1"+path, body, auth...); got.status != 400 || !strings.Contains(got.body, "1000 characters") {
			t.Errorf("%s: %d %s", path, got.status, got.body)
		}
	}
	r, err := records.Get(t.Context(), id)
	if err != nil || r.State != "issued" || len(r.Changes)+len(r.Erasures) != 0 {
		t.Errorf("it is %s, %v: %+v", r.State, err, r.Changes)
	}
}
