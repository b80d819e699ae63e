package issuing

import (
	"strings"
	"testing"
)

// testErasures finds credentials, and erases some: delivery data at once, data of the
// register when another one confirms it.
func testErasures(t *testing.T, server string, approver, registrar []string) {
	const api = "/api/v1"
	list := func(query string, want int) string {
		t.Helper()
		got := ask(t, "GET", server+api+"/credentials"+query, "", registrar...)
		if got.status != want {
			t.Errorf("%s: %d, want %d: %s", query, got.status, want, got.body)
		}
		return got.body
	}
	if body := list("?number=EX-2026&limit=1", 200); !strings.Contains(body, `"next"`) || strings.Count(body, `"number"`) != 1 {
		t.Errorf("one of several: %s", body)
	}
	if body := list("?number=EX-2026-1&name=primer", 200); !strings.Contains(body, `"EX-2026-1"`) {
		t.Errorf("by number and name: %s", body)
	}
	if body := list("?name=nobody", 200); strings.Contains(body, `"number"`) {
		t.Errorf("nobody is found: %s", body)
	}
	for query, status := range map[string]int{"?limit=0": 400, "?number=a&number=b": 400, "?color=red": 400, "?from=lately": 400, "?state=lost": 400, "?after=none": 404} {
		list(query, status)
	}

	post := func(path, body string, as []string, want int) answer {
		t.Helper()
		got := ask(t, "POST", server+api+path, body, as...)
		if got.status != want {
			t.Errorf("%s %s: %d, want %d: %s", path, body, got.status, want, got.body)
		}
		return got
	}
	const why = `{"reason": "a test"}`
	post("/credentials/EX-2026-1/erase-delivery", `{}`, registrar, 400)
	post("/credentials/none/erase-delivery", why, registrar, 404)
	if got := post("/credentials/EX-2026-1/erase-delivery", why, registrar, 200); strings.Contains(got.body, `"page"`) || !strings.Contains(got.body, `"delivery"`) {
		t.Errorf("delivery data: %s", got.body)
	}

	post("/erasures", `{"credentials": ["EX-2026-1"]}`, registrar, 400)
	post("/erasures", why, registrar, 400)
	post("/erasures", `{"credentials": ["none"], "reason": "a test"}`, registrar, 404)
	ask1 := `{"credentials": ["EX-2026-1"], "reason": "GDPR 17(1)(d)"}`
	first := post("/erasures", ask1, registrar, 202).header.Get("Location")
	second := post("/erasures", ask1, registrar, 202).header.Get("Location")
	first, second = strings.TrimPrefix(first, api), strings.TrimPrefix(second, api)
	if got := ask(t, "GET", server+api+"/erasures", "", approver...); got.status != 200 || strings.Count(got.body, `"warning"`) != 2 {
		t.Errorf("what waits: %s", got.body)
	}
	const sure = `{"count": 1, "verification_ends": true}`
	post("/erasures/none/refuse", why, approver, 404)
	post(second+"/refuse", `{}`, approver, 400)
	post(second+"/refuse", why, registrar, 403)
	post(second+"/refuse", why, approver, 204)
	post("/erasures/none/confirm", sure, approver, 404)
	post(first+"/confirm", `{"count": 1}`, approver, 400)
	post(first+"/confirm", `{"count": 2, "verification_ends": true}`, approver, 409)
	post(first+"/confirm", sure, registrar, 403)
	post(first+"/confirm", sure, approver, 204)
	got := ask(t, "GET", server+api+"/credentials/EX-2026-1", "", registrar...)
	if got.status != 200 || strings.Contains(got.body, "Primer") || !strings.Contains(got.body, `"confirmed_by": "API approver"`) {
		t.Errorf("what is left: %d %s", got.status, got.body)
	}

	// A recognition is erased by itself, too.
	recognitions := ask(t, "GET", server+api+"/recognitions?state=decided", "", registrar...).body
	id := strings.SplitN(strings.SplitN(recognitions, `"id": "`, 2)[1], `"`, 2)[0]
	post("/erasures", `{"recognitions": ["none"], "reason": "a test"}`, registrar, 404)
	first = strings.TrimPrefix(post("/erasures", `{"recognitions": ["`+id+`"], "reason": "GDPR 17"}`, registrar, 202).header.Get("Location"), api)
	ask(t, "GET", server+api+"/erasures", "", approver...)
	post(first+"/confirm", sure, approver, 204)
	if got := ask(t, "GET", server+api+"/recognitions/"+id, "", registrar...); got.status != 200 || strings.Contains(got.body, `"report"`) || !strings.Contains(got.body, `"state": "erased"`) || !strings.Contains(got.body, `"confirmed_by": "API approver"`) {
		t.Errorf("what is left of a recognition: %d %s", got.status, got.body)
	}
	post("/recognitions/"+id+"/decisions", `{"after": 0, "date": "2026-06-30", "decided_by": "Board", "procedure": "Rules", "reason": "x", "outcomes": [{"source": "x", "recognised": false, "reason": "x"}]}`, registrar, 410)
	public := strings.SplitN(got.body, `"public_id": "`, 2)[1][:26]
	if got := ask(t, "GET", server+"/credentials/"+public, "", "Accept", "application/json"); got.status != 410 {
		t.Errorf("the printed code: %d %s", got.status, got.body)
	}
}
