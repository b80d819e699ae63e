package issuing

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/labstack/echo/v4"

	"indeks/internal/contract"
	"indeks/internal/markup"
	"indeks/internal/postbox"
	"indeks/issuer"
	"indeks/keys"
	"indeks/verifier"
	"indeks/web"
)

// described is h of a server with or without the VC-API, held to its description.
func described(t testing.TB, vcAPI bool, h http.Handler) http.Handler {
	t.Helper()
	reading.Do(func() {
		documents = map[bool]*contract.Document{false: contract.Read(t, description(false)), true: contract.Read(t, description(true))}
	})
	return documents[vcAPI].Handler(t, h)
}

var (
	reading   sync.Once
	documents map[bool]*contract.Document
)

// pagesOnly are the routes that are for people, and tiles, whose paths are C2SP's;
// the others are described.
var pagesOnly = []string{"GET /log/:log/tile/*", "GET /", "GET /b/:link", "GET /b/:link/results.csv", "POST /b/:link", "POST /b/:link/:step", "GET /h/:link", "GET /h/:link/:file", "GET /h/:link/offline", "GET /h/:link/offline/:kind", "GET /catalogue", "GET /catalogue/guide", "GET /robots.txt", "GET /static/:digest/*"}

// pagesOf are those of a server, with all of the desk.
func pagesOf(e *echo.Echo) []string {
	pages := slices.Clone(pagesOnly)
	for _, route := range routesOf(e) {
		if strings.Contains(route, " /desk") {
			pages = append(pages, route)
		}
	}
	return pages
}

func routesOf(e *echo.Echo) (routes []string) {
	for _, r := range e.Routes() {
		if r.Method != echo.RouteNotFound { // those answer 404 below a group
			routes = append(routes, r.Method+" "+r.Path)
		}
	}
	return routes
}

// TestDescription: openapi.json describes this server, all of it but the pages
// and nothing else, and what it shows is what happens.
func TestDescription(t *testing.T) {
	plain, _, _ := newEcho(t)
	contract.Read(t, description(false)).Routes(t, routesOf(plain), pagesOf(plain))
	d := contract.Read(t, description(true))
	admin := func(c *Config) {
		for n := range c.APIKeys {
			c.APIKeys[n].Roles = []Role{Admin, Approver}
		}
	}
	examiner, err := verifier.New(verifier.Config{})
	if err != nil {
		t.Fatal(err)
	}
	approver, registrar := []string{"Authorization", "Bearer the key of an approver"}, []string{"Authorization", "Bearer the key of a registrar"}
	withVCAPI := func(c *Config) {
		admin(c)
		c.APIKeys = append(c.APIKeys, APIKey{Name: "approver", SHA256: sha256.Sum256([]byte("the key of an approver")), Roles: []Role{Approver}}, APIKey{Name: "registrar", SHA256: sha256.Sum256([]byte("the key of a registrar"))})
		c.ListBody, c.DraftsAtOnce = 1<<20, 10
		c.VCAPI, c.Backups, c.Archives, c.Verifier = true, &issuer.Keeper{Dir: t.TempDir()}, &issuer.ArchiveKeeper{Dir: t.TempDir()}, examiner // the keepers do not run
	}
	var iss *issuer.Issuer
	box := postbox.Start(t, postbox.Options{DSN: true})
	e, records, _ := newEcho(t, withVCAPI, withMail(t, box), func(c *Config) { iss = c.Issuer })
	routes := routesOf(e)
	d.Routes(t, routes, pagesOf(e))

	// What it shows, from a course to its withdrawal.
	server := httptest.NewServer(d.Handler(t, e))
	defer server.Close()
	d.Examples(t, server.URL, apiKey)

	// Every answer that it describes, on what the examples left: here the good and
	// the bad, below those that each operation has.
	record := ask(t, "GET", server.URL+"/api/v1/credentials/EX-2026-1", "", auth...)
	public := strings.SplitN(record.body, `"public_id": "`, 2)[1][:26]
	course := string(ask(t, "GET", server.URL+"/api/v1/courses/soil-sampling/2026.1", "", auth...).body)
	issue := append([]string{"Idempotency-Key", "row-2"}, auth...)
	const reason, api = `{"reason": "a test"}`, "/api/v1"
	const statement = `{"credential": {"@context": ["https://www.w3.org/ns/credentials/v2"], "type": ["VerifiableCredential"], "issuer": "` + ownDID + `", "credentialSubject": {"name": "Somebody"}}}`
	const statementStatus = `{"credentialId": "urn:uuid:0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d", "credentialStatus": {"type": "BitstringStatusListEntry", "statusPurpose": "revocation", "status": "1"}}`
	for _, c := range []struct {
		name, method, path, body string
		headers                  []string
		status                   int
	}{
		{"a course again", "POST", api + "/courses?published=true&until=2030-12-31", course, auth, 200},
		{"other content", "POST", api + "/courses", strings.Replace(course, `"eqf": 5`, `"eqf": 6`, 1), auth, 409},
		{"a level that is none", "POST", api + "/courses", strings.Replace(course, `"eqf": 5`, `"eqf": 9`, 1), auth, 422},
		{"no such course", "GET", api + "/courses/astrology", "", auth, 404},
		{"no such version", "GET", api + "/courses/soil-sampling/1", "", auth, 404},
		{"a course in the request", "POST", api + "/credentials", body(t, nil), issue, 201},
		{"no Idempotency-Key", "POST", api + "/credentials", body(t, nil), auth, 400},
		{"no learner", "POST", api + "/credentials", `{"course_id": "soil-sampling", "course_version": "2026.1"}`, issue, 400},
		{"no such credential", "GET", api + "/credentials/none", "", auth, 404},
		{"a name in Japanese", "POST", api + "/credentials", body(t, func(l map[string]string) { l["given_name"], l["certificate_number"] = "花子", "JA-1" }), append([]string{"Idempotency-Key", "row-ja"}, auth...), 201},
		{"a certificate", "GET", api + "/credentials/EX-2026-1/certificate.pdf?lang=sr-Cyrl", "", auth, 200},
		{"an offline code", "GET", api + "/credentials/JA-1/offline?chosen=1&grade=1&texts=en", "", auth, 200},
		{"an offline code of what was revoked", "GET", api + "/credentials/EX-2026-1/offline", "", auth, 409},
		{"an offline code of nothing", "GET", api + "/credentials/none/offline", "", auth, 404},
		{"a certificate in Klingon", "GET", api + "/credentials/EX-2026-1/certificate.pdf?lang=tlh", "", auth, 400},
		{"a certificate of nothing", "GET", api + "/credentials/none/certificate.pdf", "", auth, 404},
		{"a certificate in Japanese", "GET", api + "/credentials/JA-1/certificate.pdf", "", auth, 422},
		{"suspending what is revoked", "POST", api + "/credentials/EX-2026-1/suspend", reason, auth, 409},
		{"reinstating what is revoked", "POST", api + "/credentials/EX-2026-1/reinstate", reason, auth, 409},
		{"no credential", "POST", "/credentials/issue", `{}`, auth, 400},
		{"the key of another request", "POST", "/credentials/issue", statement, append([]string{"Idempotency-Key", "row-1"}, auth...), 409},
		{"no status", "POST", "/credentials/status", `{}`, auth, 400},
		{"status of nothing", "POST", "/credentials/status", strings.Replace(statementStatus, "0a1b", "ffff", 1), auth, 404},
		{"a list for wallets", "GET", "/status/r1", "", []string{"Accept", "application/vc"}, 200},
		{"since no day", "GET", "/catalogue.json?since=lately", "", []string{"Accept", "application/json"}, 400},
		{"a page", "GET", "/catalogue/soil-sampling", "", nil, 200},
		{"a page of a version", "GET", "/catalogue/soil-sampling/2026.1?lang=hr", "", nil, 200},
		{"no such page", "GET", "/catalogue/astrology", "", []string{"Accept", "application/json"}, 404},
		{"no such page of a version", "GET", "/catalogue/soil-sampling/1", "", []string{"Accept", "application/json"}, 404},
		{"a token", "GET", "/credentials/" + strings.ToLower(public), "", nil, 200},
		{"no such list", "GET", "/status/r99", "", []string{"Accept", "application/json"}, 404},
	} {
		if got := ask(t, c.method, server.URL+c.path, c.body, c.headers...); got.status != c.status {
			t.Errorf("%s: %d, want %d: %s", c.name, got.status, c.status, got.body)
		}
	}
	if err := iss.SignHeads(t.Context()); err != nil {
		t.Fatal(err)
	}
	values, err := keys.SignaturesUnsafe([]byte(ask(t, "GET", server.URL+"/credentials/"+public, "").body))
	if err != nil {
		t.Fatal(err)
	}
	seal := fmt.Sprintf("/proof?seal=%x", sha256.Sum256(values[0]))
	size := strings.SplitN(strings.SplitN(ask(t, "GET", server.URL+"/credentials/"+public+seal, "").body, `"size": `, 2)[1], ",", 2)[0]
	for _, c := range []struct {
		name, path string
		status     int
	}{
		{"a proof", "/credentials/" + public + seal, 200},
		{"a proof by credential id", "/credentials/EX-2026-1" + seal, 200},
		{"a proof under a size", "/credentials/" + public + seal + "&size=" + size, 200},
		{"a proof under no size", "/credentials/" + public + seal + "&size=x", 400},
		{"a proof of more than there is", "/credentials/" + public + seal + "&size=1000000", 404},
		{"a proof for another seal", "/credentials/" + public + "/proof?seal=" + strings.Repeat("0", 64), 404},
		{"a proof without a seal", "/credentials/" + public + "/proof?seal=00", 400},
		{"all logs", "/log", 200},
		{"a head", "/log/1/checkpoint", 200},
		{"a tile", "/log/1/tile/0/000.p/7", 200},
		{"no tile", "/log/1/tile/0/001", 404},
		{"no log", "/log/2/tile/0/000.p/1", 404},
		{"events", api + "/audit", 200},
		{"some events", api + "/audit?kind=issued&kind=revoked&actor=API+test&since=2026-01-01T00:00:00Z&until=2100-01-01T00:00:00Z&limit=1&log=1", 200},
		{"events of no kind", api + "/audit?kind=lunch", 400},
		{"events since no time", api + "/audit?since=lately", 400},
		{"events from nowhere", api + "/audit?from=x", 400},
		{"too many events", api + "/audit?limit=1001", 400},
		{"events of no log", api + "/audit?log=2", 404},
	} {
		if got := ask(t, "GET", server.URL+c.path, "", append([]string{"Accept", "application/json"}, auth...)...); got.status != c.status {
			t.Errorf("%s: %d, want %d: %s", c.name, got.status, c.status, got.body)
		}
	}
	waits := strings.Replace(body(t, nil), `"id": "data-stewardship"`, `"approval": true, "id": "data-stewardship"`, 1)
	for _, c := range []struct {
		name, method, path, body string
		headers                  []string
		status                   int
	}{
		{"what must be approved", "POST", "/credentials", waits, append([]string{"Idempotency-Key", "row-3"}, auth...), 202},
		{"all that waits", "GET", "/approvals?state=open", "", auth, 200},
		{"all that was decided", "GET", "/approvals?state=closed", "", auth, 200},
		{"no such state", "GET", "/approvals?state=ajar", "", auth, 400},
		{"no such approval", "GET", "/approvals/none", "", auth, 404},
		{"approving nothing", "POST", "/approvals/none/approve", `{"digest": "x"}`, approver, 404},
		{"rejecting nothing", "POST", "/approvals/none/reject", `{"reason": "x"}`, approver, 404},
		{"without a digest", "POST", "/approvals/none/approve", `{}`, approver, 400},
		{"without a reason", "POST", "/approvals/none/reject", `{}`, approver, 400},
		{"who may not decide approves", "POST", "/approvals/none/approve", `{"digest": "x"}`, registrar, 403},
		{"who may not decide rejects", "POST", "/approvals/none/reject", `{"reason": "x"}`, registrar, 403},
	} {
		got := ask(t, c.method, server.URL+api+c.path, c.body, c.headers...)
		if got.status != c.status {
			t.Errorf("%s: %d, want %d: %s", c.name, got.status, c.status, got.body)
		}
		if got.status != 202 {
			continue
		}
		approval := got.header.Get("Location")
		one := ask(t, "GET", server.URL+approval, "", auth...)
		digest := strings.SplitN(strings.SplitN(one.body, `"digest": "`, 2)[1], `"`, 2)[0]
		if one.status != 200 || !strings.Contains(one.body, "Њежић") || !strings.Contains(one.body, `"supplement"`) {
			t.Errorf("what waits: %d %s", one.status, one.body)
		}
		if got := ask(t, "POST", server.URL+approval+"/approve", `{"digest": "x"}`, approver...); got.status != 409 {
			t.Errorf("approving something else: %d %s", got.status, got.body)
		}
		if got := ask(t, "POST", server.URL+approval+"/approve", `{"digest": "`+digest+`"}`, approver...); got.status != 200 || !strings.Contains(got.body, `"issued"`) {
			t.Errorf("approving: %d %s", got.status, got.body)
		}
		if got := ask(t, "POST", server.URL+approval+"/reject", `{"reason": "too late"}`, approver...); got.status != 409 {
			t.Errorf("rejecting what was approved: %d %s", got.status, got.body)
		}
		if got := ask(t, "POST", server.URL+api+"/credentials", waits, c.headers...); got.status != 201 {
			t.Errorf("asking again for what was approved: %d %s", got.status, got.body)
		}
		other := append([]string{"Idempotency-Key", "row-4"}, auth...)
		approval = ask(t, "POST", server.URL+api+"/credentials", waits, other...).header.Get("Location")
		if got := ask(t, "POST", server.URL+approval+"/reject", `{"reason": "the grade is wrong"}`, approver...); got.status != 200 || !strings.Contains(got.body, `"rejected"`) {
			t.Errorf("rejecting: %d %s", got.status, got.body)
		}
		if got := ask(t, "POST", server.URL+api+"/credentials", waits, other...); got.status != 409 || !strings.Contains(got.body, "the grade is wrong") {
			t.Errorf("asking again for what was rejected: %d %s", got.status, got.body)
		}
	}
	correct := func(number, body string, status int, headers ...string) string {
		t.Helper()
		got := ask(t, "POST", server.URL+api+"/credentials/"+number+"/correct", body, append(headers, auth...)...)
		if got.status != status {
			t.Errorf("correcting %s by %s: %d, want %d: %s", number, body, got.status, status, got.body)
		}
		return got.body
	}
	const grade = `{"reason": "a test", "learner": {"grade": "10"}}`
	ask(t, "POST", server.URL+api+"/credentials", body(t, func(l map[string]string) { l["certificate_number"] = "EX-2026-7" }), append([]string{"Idempotency-Key", "row-7"}, auth...)...)
	ask(t, "POST", server.URL+api+"/credentials", strings.Replace(waits, `"awarding_date"`, `"certificate_number": "EX-2026-8", "awarding_date"`, 1), append([]string{"Idempotency-Key", "row-8"}, auth...)...)
	for _, a := range strings.Split(ask(t, "GET", server.URL+api+"/approvals", "", auth...).body, `"id": "`)[1:] {
		digest := strings.SplitN(strings.SplitN(a, `"digest": "`, 2)[1], `"`, 2)[0]
		ask(t, "POST", server.URL+api+"/approvals/"+a[:26]+"/approve", `{"digest": "`+digest+`"}`, approver...)
	}
	correct("EX-2026-7", grade, 400)
	correct("EX-2026-7", `{"learner": {"grade": "10"}}`, 400, "Idempotency-Key", "c1")
	correct("EX-2026-7", `{"reason": "a test", "learner": {"shoe_size": "43"}}`, 422, "Idempotency-Key", "c1")
	correct("EX-2026-1", grade, 409, "Idempotency-Key", "c2")
	correct("none", grade, 404, "Idempotency-Key", "c3")
	correct("EX-2026-8", grade, 202, "Idempotency-Key", "c4")
	old := ask(t, "GET", server.URL+api+"/credentials/EX-2026-7", "", auth...).body
	oldPublic := strings.SplitN(old, `"public_id": "`, 2)[1][:26]
	for _, path := range []string{oldPublic + "/withdrawal", "x/withdrawal"} {
		if got := ask(t, "GET", server.URL+"/credentials/"+path, "", "Accept", "application/json"); got.status != 404 {
			t.Errorf("%s: %d", path, got.status)
		}
	}
	correct("EX-2026-7", grade, 201, "Idempotency-Key", "c5")
	correct("EX-2026-7", grade, 201, "Idempotency-Key", "c5") // again
	correct("EX-2026-7", strings.Replace(grade, "10", "9", 1), 409, "Idempotency-Key", "c5")
	for path, status := range map[string]int{oldPublic: 410, oldPublic + "/withdrawal": 200} {
		if got := ask(t, "GET", server.URL+"/credentials/"+path, "", "Accept", "application/json"); got.status != status {
			t.Errorf("%s: %d, want %d: %s", path, got.status, status, got.body)
		}
	}
	recognise := func(path, body string, status int, headers ...string) answer {
		t.Helper()
		got := ask(t, "POST", server.URL+api+"/recognitions"+path, body, append(headers, auth...)...)
		if got.status != status {
			t.Errorf("%s of %.100s: %d, want %d: %s", path, body, got.status, status, got.body)
		}
		return got
	}
	sealed := ask(t, "GET", server.URL+"/credentials/"+public, "", "Accept", "application/vc+jwt").body
	recognise("", `{}`, 400, "Content-Type", "application/json")
	recognise("", `{"link": "x"}`, 400, "Content-Type", "application/json")
	recognise("", strings.Repeat(" ", maxFile+1), 413, "Content-Type", "text/plain")
	recognise("", "hello", 422, "Content-Type", "text/plain")
	recognise("", `{"credential": "`+sealed+`"}`, 201, "Content-Type", "application/json")
	draft := strings.TrimPrefix(recognise("", sealed, 201, "Content-Type", "application/vc+jwt").header.Get("Location"), api+"/recognitions")
	const decision = `{"after": 0, "date": "2026-06-30", "decided_by": "Board", "procedure": "Rules 7/2025", "reason": "No outcome is equivalent.", "outcomes": [{"source": "x", "recognised": false, "reason": "too little"}]}`
	recognise(draft+"/decisions", `{"after": "0"}`, 400)
	recognise(draft+"/decisions", `{}`, 400)
	recognise(draft+"/decisions", `{"after": 0}`, 422)
	recognise("/none/decisions", decision, 404)
	recognise(draft+"/decisions", decision, 201)
	recognise(draft+"/decisions", decision, 409)
	for path, status := range map[string]int{"?state=decided": 200, "?state=half": 400, draft: 200, "/none": 404} {
		if got := ask(t, "GET", server.URL+api+"/recognitions"+path, "", auth...); got.status != status {
			t.Errorf("%s: %d, want %d: %s", path, got.status, status, got.body)
		}
	}
	bulk := func(body string, status int) answer {
		t.Helper()
		got := ask(t, "POST", server.URL+api+"/bulk", body, auth...)
		if got.status != status {
			t.Errorf("%s: %d, want %d: %s", body, got.status, status, got.body)
		}
		return got
	}
	const many = `{"action": "suspend", "select": {"course": "data-stewardship"}, "reason": "a test", `
	found := strings.SplitN(strings.SplitN(bulk(many+`"dry_run": true}`, 200).body, `"found": `, 2)[1], "\n", 2)[0]
	bulk(many+`"dry_run": 1}`, 400)
	bulk(many+`"dry_run": false}`, 400)
	bulk(many+`"confirm": 99999}`, 409)
	bulk(`{"action": "suspend", "select": {}, "reason": "a test", "dry_run": true}`, 422)
	started := bulk(many+`"confirm": `+strings.Trim(found, ",")+`}`, 202).header.Get("Location")
	for _, c := range []struct {
		method, path string
		status       int
	}{
		{"GET", started, 200}, {"GET", api + "/bulk", 200}, {"POST", started + "/stop", 200}, {"POST", started + "/continue", 200},
		{"GET", api + "/bulk/none", 404}, {"POST", api + "/bulk/none/stop", 404}, {"POST", api + "/bulk/none/continue", 404},
	} {
		if got := ask(t, c.method, server.URL+c.path, "", auth...); got.status != c.status {
			t.Errorf("%s %s: %d, want %d: %s", c.method, c.path, got.status, c.status, got.body)
		}
	}
	if err := iss.RunBulk(t.Context(), started[strings.LastIndex(started, "/")+1:], nil); err != nil {
		t.Fatal(err)
	}
	for _, verb := range []string{"stop", "continue"} {
		if got := ask(t, "POST", server.URL+started+"/"+verb, "", auth...); got.status != 409 {
			t.Errorf("%s of what has ended: %d", verb, got.status)
		}
	}
	for _, change := range []string{"suspend", "reinstate", "revoke"} {
		if got := ask(t, "POST", server.URL+api+"/credentials/EX-2026-1/"+change, `{}`, auth...); got.status != 400 {
			t.Errorf("%s without a reason: %d", change, got.status)
		}
		if got := ask(t, "POST", server.URL+api+"/credentials/EX-2026-1/"+change, `{"code": "boredom", "reason": "a test"}`, auth...); got.status != 422 {
			t.Errorf("%s for a reason that is none: %d", change, got.status)
		}
		if got := ask(t, "POST", server.URL+api+"/credentials/none/"+change, reason, auth...); got.status != 404 {
			t.Errorf("%s of nothing: %d", change, got.status)
		}
	}

	testBatches(t, server.URL)
	testShares(t, server.URL, records)
	testNames(t, server.URL)
	testErasures(t, server.URL, approver, registrar)
	testKeys(t, d, withVCAPI)
	without := httptest.NewServer(d.Handler(t, plain))
	defer without.Close()
	testLetters(t, server.URL, without.URL, iss, box, approver)

	report, err := os.ReadFile("../../mail/testdata/reports/failed.eml")
	if err != nil {
		t.Fatal(err)
	}

	// What can happen to every request; that it does is for Complete to say: with a
	// known ETag, too late, with the records closed; of the API also without a key,
	// for a page of another site, with too much, and too often.
	tooOften, _, _ := newEcho(t, withVCAPI, func(c *Config) { c.Kit.Rate = web.Rate{PerSecond: 0.001, Burst: 1} })
	_, thumbprint, _ := strings.Cut(iss.Publication().Keys[0].Public.ID, "#")
	late, cancel := context.WithDeadline(t.Context(), time.Unix(0, 0))
	defer cancel()
	everywhere := func(ctx context.Context, e *echo.Echo, headers []string, body string) {
		for _, route := range routes {
			method, path, _ := strings.Cut(route, " ")
			if strings.HasSuffix(path, "/proof") {
				path += "?seal=" + strings.Repeat("0", 64)
			} else if route == "GET "+api+"/credentials" {
				path += "?external_id=exam/1"
			}
			r := httptest.NewRequestWithContext(ctx, method, strings.NewReplacer(":id", "soil-sampling", ":version", "2026.1", ":public", public, ":list", "r1", ":log", "1", ":key", thumbprint).Replace(path), nil)
			switch {
			case method != "POST":
			case body != "":
				r.Body = io.NopCloser(strings.NewReader(body))
			case path == "/credentials/issue":
				r.Body = io.NopCloser(strings.NewReader(statement))
			case path == "/credentials/status":
				r.Body = io.NopCloser(strings.NewReader(statementStatus))
			case path == api+"/drafts":
				r.Body = io.NopCloser(strings.NewReader(externalDraft("exam/1", "9")))
			case strings.HasSuffix(path, "/start"), strings.HasSuffix(path, "/encoding"):
				r.Body = io.NopCloser(strings.NewReader("{}"))
			case path == api+"/erasures":
				r.Body = io.NopCloser(strings.NewReader(`{"credentials": ["EX-2026-1"], "reason": "a test"}`))
			case path == api+"/letters":
				r.Body = io.NopCloser(strings.NewReader(`{"confirm": 0}`))
			case strings.HasSuffix(path, "/letters"):
				r.Body = io.NopCloser(strings.NewReader("{}"))
			case strings.HasSuffix(path, "/address"):
				r.Body = io.NopCloser(strings.NewReader(`{"email": "ana@mail.example", "reason": "a test"}`))
			case path == "/s/examine":
				r.Body = io.NopCloser(strings.NewReader(`{"sid": "none", "file": ""}`))
			case path == "/s/open":
				r.Body = io.NopCloser(strings.NewReader(`{"sid": "none"}`))
			case strings.HasSuffix(path, "/close"):
				r.Body = io.NopCloser(strings.NewReader(`{"answer": "none"}`))
			case strings.HasSuffix(path, "/reports"):
				r.Body = io.NopCloser(bytes.NewReader(report))
			case strings.HasSuffix(path, "/compromise"):
				r.Body = io.NopCloser(strings.NewReader(`{"at": "2026-01-31T09:30:00Z", "dry_run": true}`))
			case strings.HasPrefix(path, api+"/compromises/") && strings.HasSuffix(path, "/confirm"):
				r.Body = io.NopCloser(strings.NewReader(`{"never_seals_again": true}`))
			case strings.HasSuffix(path, "/confirm"):
				r.Body = io.NopCloser(strings.NewReader(`{"count": 1, "verification_ends": true}`))
			case strings.HasSuffix(path, "/approve"):
				r.Body = io.NopCloser(strings.NewReader(`{"digest": "x"}`))
			case path == api+"/recognitions":
				r.Body = io.NopCloser(strings.NewReader(sealed))
			case strings.HasSuffix(path, "/decisions"):
				r.Body = io.NopCloser(strings.NewReader(decision))
			case path == api+"/bulk":
				r.Body = io.NopCloser(strings.NewReader(`{"action": "revoke", "select": {"batch": "none"}, "reason": "a test", "confirm": 0}`))
			case path == api+"/courses":
				r.Body = io.NopCloser(strings.NewReader(course))
			case path == api+"/credentials":
				r.Body = io.NopCloser(strings.NewReader(`{"course": ` + course + `, "learner": {"given_name": "Ana", "family_name": "Primer", "date_of_birth": "2001-02-03"}}`))
			default:
				r.Body = io.NopCloser(strings.NewReader(reason))
			}
			for i := 0; i < len(headers); i += 2 {
				r.Header.Set(headers[i], headers[i+1])
			}
			w := httptest.NewRecorder()
			markup.Held(t, d.Handler(t, e)).ServeHTTP(w, r)
			if tag := w.Header().Get("ETag"); tag != "" {
				r.Header.Set("If-None-Match", tag)
				d.Handler(t, e).ServeHTTP(httptest.NewRecorder(), r)
			}
		}
	}
	json := append([]string{"Accept", "application/json"}, issue...)
	everywhere(t.Context(), e, json, "")
	everywhere(late, e, json, "")
	records.Close()
	everywhere(t.Context(), e, json, "")
	everywhere(t.Context(), e, nil, "")
	everywhere(t.Context(), e, append([]string{"Sec-Fetch-Site", "cross-site"}, json...), "")
	everywhere(t.Context(), e, json, strings.Repeat(" ", 1<<20+1))
	everywhere(t.Context(), tooOften, json, "")
	everywhere(t.Context(), tooOften, json, "")

	for _, change := range [][]func(*Config){{func(c *Config) { c.VCAPI = true }}, {func(c *Config) { c.VCAPI = true }, admin}} { // who may not have backups made, and where there are none
		e, _, _ := newEcho(t, change...)
		everywhere(t.Context(), e, json, "")
	}

	d.Complete(t, "createShare 429", "listShares 429", "changeShare 429", "endShare 429", "listReports 403", "getAnswers 403", "recognise 500", "revokeCredential 409", "listBackups 500") // that is of what a crash left reserved
}
