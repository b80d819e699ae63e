package issuing

import (
	"bytes"
	"context"
	"crypto/sha256"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/labstack/echo/v4"

	"indeks/accounts"
	"indeks/contexts"
	"indeks/examples"
	"indeks/internal/keyfile"
	"indeks/internal/markup"
	"indeks/issuer"
	"indeks/keys"
	"indeks/status"
	"indeks/store"
	"indeks/verifier"
	"indeks/web"
)

const apiKey = "a key that only this test knows"

// newServer serves an institution without any credential; log is what it logs.
// Whatever a test asks, the answer must be one that openapi.json describes, and a page keep
// the rules of package markup.
func newServer(t *testing.T, change ...func(*Config)) (base string, log *bytes.Buffer) {
	t.Helper()
	var c Config
	for _, f := range change {
		f(&c)
	}
	e, _, log := newEcho(t, change...)
	server := httptest.NewServer(markup.Held(t, described(t, c.VCAPI, e)))
	t.Cleanup(server.Close)
	return server.URL, log
}

func newEcho(t *testing.T, change ...func(*Config)) (e *echo.Echo, records store.Store, log *bytes.Buffer) {
	t.Helper()
	var asked Config
	for _, f := range change {
		f(&asked)
	}
	dir, did, host, organization, theRing := t.TempDir(), "did:web:issuer.school.example", "issuer.school.example", "VATRS-000000012", theRing
	if asked.Institution.DID == otherDID {
		did, host, organization, theRing = otherDID, "other.example", otherOrganization, theOtherRing
	}
	path := filepath.Join(dir, "records.db")
	learners, err := store.CreateDataKeys(t.Context(), store.VaultFile(filepath.Join(dir, "learners.keys")), [32]byte{})
	if err != nil {
		t.Fatal(err)
	}
	if err := store.InitBolt(path, did, learners); err != nil {
		t.Fatal(err)
	}
	records, err = store.OpenBolt(path, did, learners)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { records.Close() })
	inst := issuer.Institution{
		DID: did, PublicBase: "https://" + host, VerifierBase: "https://verify.example", LegalName: map[string]string{"en": "School of Sava"},
		Country: "SRB", Address: "Rečna obala 12", OrganizationID: organization, Provider: "hei", QRPrefix: "SV", Languages: []string{"sr-Latn"},
		Signatory: issuer.Signatory{Name: "R. V.", Office: "Rector"},
		Register:  verifier.Register{Name: "Register of higher education institutions", Number: "12", From: "2007-01-01"},
	}
	ring, err := theRing()
	if err != nil {
		t.Fatal(err)
	}
	inst.DataIntegrity = asked.Institution.DataIntegrity
	people := accounts.New(accounts.Config{Store: records, Cost: accounts.Cost{Memory: 8, Passes: 1, Threads: 1}, Origin: inst.PublicBase})
	iss, err := issuer.New(context.Background(), issuer.Config{Institution: inst, Store: records, Ring: ring, Persons: people.Persons})
	if err != nil {
		t.Fatal(err)
	}
	log = new(bytes.Buffer)
	c := Config{Accounts: people, Issuer: iss, Store: records, Institution: inst, APIKeys: []APIKey{{Name: "test", SHA256: sha256.Sum256([]byte(apiKey))}},
		Kit: web.Config{Log: slog.New(slog.NewTextHandler(log, nil))}}
	for _, f := range change {
		f(&c)
	}
	c.Batches = issuer.NewBatches(issuer.BatchConfig{Issuer: iss})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- c.Batches.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	if e, err = New(c); err != nil {
		t.Fatal(err)
	}
	return e, records, log
}

// theRing is a ring with one key, which the tests share, theOtherRing that of a second
// institution.
var theRing, theOtherRing = sync.OnceValues(ringOf("did:web:issuer.school.example", "VATRS-000000012")), sync.OnceValues(ringOf(otherDID, otherOrganization))

const otherDID, otherOrganization = "did:web:other.example", "VATRS-000000034"

func ringOf(did, organization string) func() (*keys.Ring, error) {
	return func() (*keys.Ring, error) {
		dir, err := os.MkdirTemp("", "indeks-ring")
		if err != nil {
			return nil, err
		}
		defer os.RemoveAll(dir) // the ring stays in memory
		path, passphrase := filepath.Join(dir, "keys.age"), []byte("passphrase")
		if _, err := keys.CreateRing(path, passphrase); err != nil {
			return nil, err
		}
		if err := keyfile.Lighten(path, passphrase); err != nil {
			return nil, err
		}
		ring, err := keys.OpenRing(path, passphrase)
		if err != nil {
			return nil, err
		}
		_, err = ring.Add(did, keys.NewKey{Organization: "School of Sava", CommonName: "School of Sava", Country: "RS", OrgID: organization, Now: time.Now()})
		return ring, err
	}
}

type answer struct {
	status int
	header http.Header
	body   string
}

func ask(t *testing.T, method, url, body string, headers ...string) answer {
	t.Helper()
	req, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, string(raw)}
}

// body is a request to issue an example to one learner.
func body(t *testing.T, change func(learner map[string]string)) string {
	t.Helper()
	learner := map[string]string{"given_name": "Иван", "family_name": "Њежић", "date_of_birth": "2001-02-03", "awarding_date": "2026-06-30", "email": "canary@learner.example"}
	if change != nil {
		change(learner)
	}
	l, err := json.Marshal(learner)
	if err != nil {
		t.Fatal(err)
	}
	return `{"course": ` + string(examples.Courses()[0].CourseJSON) + `, "learner": ` + string(l) + `}`
}

func TestAPIIssuesOnceAndWithdraws(t *testing.T) {
	base, log := newServer(t)
	auth := []string{"Authorization", "Bearer " + apiKey, "Idempotency-Key", "row-1"}

	first := ask(t, "POST", base+"/api/v1/credentials", body(t, nil), auth...)
	if first.status != http.StatusCreated {
		t.Fatalf("issuing: %d %s", first.status, first.body)
	}
	var record struct {
		ID       string `json:"id"`
		PublicID string `json:"public_id"`
		State    string `json:"state"`
		Links    struct {
			Page   string `json:"page"`
			Verify string `json:"verify"`
		} `json:"links"`
	}
	if err := json.Unmarshal([]byte(first.body), &record); err != nil {
		t.Fatal(err)
	}
	if again := ask(t, "POST", base+"/api/v1/credentials", body(t, nil), auth...); again.body != first.body || again.status != http.StatusCreated {
		t.Errorf("the same request again: %d\n%s\nfirst:\n%s", again.status, again.body, first.body)
	}
	other := body(t, func(l map[string]string) { l["grade"] = "10" })
	if got := ask(t, "POST", base+"/api/v1/credentials", other, auth...); got.status != http.StatusConflict {
		t.Errorf("another request with the same key: %d %s", got.status, got.body)
	}

	// What a printed id leads to holds nothing that identifies beyond the name.
	token := ask(t, "GET", base+"/credentials/"+strings.ToLower(record.PublicID), "")
	opened, err := keys.PayloadUnsafe([]byte(token.body))
	if err != nil || token.header.Get("Content-Type") != "application/vc+jwt" {
		t.Fatalf("token of the printed id: %v, %v", err, token.header)
	}
	for _, secret := range []string{"2001-02-03", "canary@", "dateOfBirth"} {
		if bytes.Contains(opened, []byte(secret)) {
			t.Errorf("the token behind a printed id holds %q", secret)
		}
	}

	// The learner's page, and the same page after revoking.
	page := base + strings.TrimPrefix(record.Links.Page, "https://issuer.school.example")
	if got := ask(t, "GET", page, ""); got.status != 200 || !strings.Contains(got.body, "Иван Њежић") || !strings.Contains(got.body, "verify.example/C/"+record.PublicID) {
		t.Errorf("learner's page: %d\n%s", got.status, got.body)
	}
	for name, contentType := range map[string]string{"credential.jsonld": "application/ld+json", "credential.jwt": "application/vc+jwt", "certificate.pdf": "application/pdf", "qr.png": "image/png", "qr.svg": "image/svg+xml"} {
		if got := ask(t, "GET", page+"/"+name, ""); got.status != 200 || got.header.Get("Content-Type") != contentType || !strings.Contains(got.header.Get("Cache-Control"), "no-store") {
			t.Errorf("%s: %d %v", name, got.status, got.header)
		}
	}
	change := base + "/api/v1/credentials/" + record.ID
	if got := ask(t, "POST", change+"/revoke", `{"reason": " "}`, auth...); got.status != http.StatusBadRequest {
		t.Errorf("revoking without a reason: %d %s", got.status, got.body)
	}
	if got := ask(t, "POST", change+"/suspend", `{"reason": "under review"}`, auth...); got.status != 200 || !strings.Contains(got.body, `"suspended"`) {
		t.Errorf("suspending: %d %s", got.status, got.body)
	}
	if got := ask(t, "POST", change+"/reinstate", `{"reason": "reviewed"}`, auth...); got.status != 200 || !strings.Contains(got.body, `"issued"`) {
		t.Errorf("reinstating: %d %s", got.status, got.body)
	}
	if got := ask(t, "POST", change+"/revoke", `{"code": "misconduct", "reason": "plagiarism"}`, auth...); got.status != 200 || !strings.Contains(got.body, `"revoked"`) {
		t.Errorf("revoking: %d %s", got.status, got.body)
	}
	if got := ask(t, "POST", change+"/reinstate", `{"reason": "no"}`, auth...); got.status != http.StatusConflict {
		t.Errorf("reinstating what is revoked: %d %s", got.status, got.body)
	}
	if got := ask(t, "GET", page, ""); !strings.Contains(got.body, "Revoked on") || strings.Contains(got.body, "plagiarism") {
		t.Errorf("learner's page after revoking:\n%s", got.body)
	}
	for _, secret := range []string{"canary", "Њежић", record.PublicID, record.ID, apiKey, page[strings.LastIndex(page, "/")+1:]} {
		if strings.Contains(log.String(), secret) {
			t.Errorf("the log holds %q", secret)
		}
	}
}

func TestAPIRefusesWithThePlace(t *testing.T) {
	base, _ := newServer(t)
	auth := []string{"Authorization", "Bearer " + apiKey, "Idempotency-Key", "k"}
	for _, tc := range []struct {
		name, method, path, body string
		headers                  []string
		status                   int
		want                     string
	}{
		{"no key", "POST", "/api/v1/credentials", body(t, nil), auth[2:], 401, "Bearer"},
		{"wrong key", "GET", "/api/v1/credentials/MC-1", "", []string{"Authorization", "Bearer x"}, 401, "Bearer"},
		{"no idempotency key", "POST", "/api/v1/credentials", body(t, nil), auth[:2], 400, "Idempotency-Key"},
		{"not JSON", "POST", "/api/v1/credentials", "course", auth, 400, "not well-formed"},
		{"member twice", "POST", "/api/v1/credentials", `{"learner":{},"learner":{}}`, auth, 400, "/learner"},
		{"unknown member", "POST", "/api/v1/credentials", `{"curse":{}}`, auth, 400, "/curse"},
		{"birth date of no calendar", "POST", "/api/v1/credentials", body(t, func(l map[string]string) { l["date_of_birth"] = "2001-02-31" }), auth, 422, "/learner/date_of_birth"},
		{"column missing", "POST", "/api/v1/credentials", body(t, func(l map[string]string) { delete(l, "family_name") }), auth, 422, "/learner/family_name"},
		{"unknown column", "POST", "/api/v1/credentials", body(t, func(l map[string]string) { l["shoe_size"] = "43" }), auth, 422, "shoe_size"},
		{"unknown level", "POST", "/api/v1/credentials", strings.Replace(body(t, nil), `"eqf": 7`, `"eqf": 9`, 1), auth, 422, "/course/level/eqf"},
		{"no such credential", "GET", "/api/v1/credentials/MC-1", "", auth, 404, "No such credential"},
		{"cross-site form", "POST", "/api/v1/credentials", "", append([]string{"Sec-Fetch-Site", "cross-site"}, auth...), 403, "another site"},
		{"unknown printed id", "GET", "/credentials/SV000000000000000000000000", "", nil, 404, ""},
		{"unknown learner's link", "GET", "/h/00000000000000000000000000", "", nil, 404, ""},
		{"unknown status list", "GET", "/status/r9", "", nil, 404, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := ask(t, tc.method, base+tc.path, tc.body, tc.headers...)
			if got.status != tc.status || !strings.Contains(got.body, tc.want) {
				t.Errorf("%d, want %d with %q:\n%s", got.status, tc.status, tc.want, got.body)
			}
			if strings.HasPrefix(tc.path, "/api/") && got.header.Get("Content-Type") != "application/problem+json" {
				t.Errorf("content type %q", got.header.Get("Content-Type"))
			}
		})
	}
}

func TestPublishedDocuments(t *testing.T) {
	base, _ := newServer(t)
	for path, want := range map[string]string{
		"/.well-known/did.json":      `"did:web:issuer.school.example"`,
		"/.well-known/jwks.json":     `"keys"`,
		"/.well-known/jwt-vc-issuer": `"https://issuer.school.example"`,
		"/schemas/course/v1":         `"$schema"`,
		"/robots.txt":                "Disallow: /",
		"/healthz":                   "ok",
		"/readyz":                    "ready",
		"/":                          "School of Sava",
	} {
		got := ask(t, "GET", base+path, "")
		if got.status != 200 || !strings.Contains(got.body, want) {
			t.Errorf("%s: %d %s", path, got.status, got.body)
		}
		if tag := got.header.Get("ETag"); tag != "" {
			if again := ask(t, "GET", base+path, "", "If-None-Match", tag); again.status != http.StatusNotModified || again.body != "" {
				t.Errorf("%s with its ETag: %d", path, again.status)
			}
		}
	}
	// The ELM context is bound by digest in every vc2 credential: not one byte may differ.
	if got := ask(t, "GET", base+"/contexts/elm/v1", ""); got.body != string(contexts.ELMDocument()) {
		t.Errorf("the ELM context is served with other bytes")
	}
}

// An address that tries keys is told to wait, and so is a key that asks too
// often; the one does not use up what the other has.
func TestAPIRates(t *testing.T) {
	const otherKey = "another key"
	base, _ := newServer(t, func(c *Config) {
		c.APIKeys = append(c.APIKeys, APIKey{Name: "other", SHA256: sha256.Sum256([]byte(otherKey))})
		c.WrongKeys = web.Rate{PerSecond: 0.001, Burst: 2}
		c.Kit.Rate = web.Rate{PerSecond: 0.001, Burst: 2}
	})
	for i, c := range []struct {
		key  string
		want int
	}{
		{"guess", 401}, {apiKey, 404}, {"guess again", 401}, {"and again", 429},
		{apiKey, 404}, {apiKey, 429}, {otherKey, 404},
	} {
		got := ask(t, "GET", base+"/api/v1/credentials/none", "", "Authorization", "Bearer "+c.key)
		if got.status != c.want || c.want == 429 && got.header.Get("Retry-After") == "" {
			t.Errorf("request %d: %d, want %d", i+1, got.status, c.want)
		}
	}
}

// A status list is one document for everybody: long enough that it points to
// nobody, kept for as long as it says itself, and asked for again by its tag.
func TestStatusListIsPublished(t *testing.T) {
	base, _ := newServer(t)
	auth := []string{"Authorization", "Bearer " + apiKey, "Idempotency-Key", "row-1"}
	issued := ask(t, "POST", base+"/api/v1/credentials", body(t, nil), auth...)
	var record struct {
		ID       string `json:"id"`
		PublicID string `json:"public_id"`
	}
	if err := json.Unmarshal([]byte(issued.body), &record); err != nil || record.PublicID == "" {
		t.Fatalf("issuing: %v %s", err, issued.body)
	}
	var cred struct {
		ID     string `json:"id"`
		Status []struct {
			StatusPurpose        string `json:"statusPurpose"`
			StatusListCredential string `json:"statusListCredential"`
		} `json:"credentialStatus"`
	}
	payload := func(token string, into any) []byte {
		t.Helper()
		raw, err := keys.PayloadUnsafe([]byte(token))
		if err == nil {
			err = json.Unmarshal(raw, into)
		}
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	payload(ask(t, "GET", base+"/credentials/"+record.PublicID, "").body, &cred)
	if len(cred.Status) != 2 {
		t.Fatalf("status entries: %+v", cred.Status)
	}
	for _, entry := range cred.Status {
		path := strings.TrimPrefix(entry.StatusListCredential, "https://issuer.school.example")
		got := ask(t, "GET", base+path, "")
		var list struct {
			ID         string    `json:"id"`
			Issuer     string    `json:"issuer"`
			ValidFrom  time.Time `json:"validFrom"`
			ValidUntil time.Time `json:"validUntil"`
			Subject    struct {
				ID            string `json:"id"`
				StatusPurpose string `json:"statusPurpose"`
				EncodedList   string `json:"encodedList"`
				TTL           int    `json:"ttl"`
			} `json:"credentialSubject"`
		}
		raw := payload(got.body, &list)
		bits, err := status.Decode(list.Subject.EncodedList)
		if err != nil || bits.Len() != status.MinSize {
			t.Errorf("%s: %v", path, err)
		}
		if list.ID != entry.StatusListCredential || list.Issuer != "did:web:issuer.school.example" ||
			list.Subject.StatusPurpose != entry.StatusPurpose || list.Subject.TTL != 30_000 || list.ValidUntil.Sub(list.ValidFrom) != 24*time.Hour {
			t.Errorf("%s: %s", path, raw)
		}
		for _, secret := range []string{record.ID, record.PublicID, cred.ID, "canary", "Њежић"} {
			if bytes.Contains(raw, []byte(secret)) {
				t.Errorf("%s holds %q", path, secret)
			}
		}
		h := got.header
		if h.Get("Content-Type") != "application/vc+jwt" || h.Get("Cache-Control") != "public, max-age=30" || h.Get("Access-Control-Allow-Origin") != "*" ||
			h.Get("Vary") != "Accept" || h.Get("Last-Modified") != list.ValidFrom.UTC().Format(http.TimeFormat) || h.Get("Set-Cookie") != "" {
			t.Errorf("%s: %v", path, h)
		}
		if again := ask(t, "GET", base+path, "", "If-None-Match", h.Get("ETag")); again.status != http.StatusNotModified || again.body != "" || again.header.Get("ETag") != h.Get("ETag") {
			t.Errorf("%s with its tag: %d %v", path, again.status, again.header)
		}
		if again := ask(t, "GET", base+path, ""); again.body != got.body {
			t.Errorf("%s differs from one request to the next", path)
		}

		// A withdrawal is in it at once, under a new tag.
		if entry.StatusPurpose != status.Suspension {
			continue
		}
		if got := ask(t, "POST", base+"/api/v1/credentials/"+record.ID+"/suspend", `{"reason": "under review"}`, auth...); got.status != http.StatusOK {
			t.Errorf("suspending: %d %s", got.status, got.body)
		}
		if after := ask(t, "GET", base+path, "", "If-None-Match", h.Get("ETag")); after.status != http.StatusOK || after.body == got.body {
			t.Errorf("%s after a suspension: %d", path, after.status)
		}
	}
}
