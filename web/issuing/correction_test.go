package issuing

import (
	"bytes"
	"encoding/base64"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"

	"indeks/internal/markup"
	"indeks/keys"
)

// After a change of name the old one stands nowhere that anybody can open: not on
// the learner's page, not in what is downloaded there, not behind the printed code,
// not in what is published. Who reads records sees both, and which replaced which.
func TestOldNameIsNowhere(t *testing.T) {
	e, _, log := newEcho(t, func(c *Config) {
		c.Institution.DataIntegrity = "ecdsa-rdfc-2019"
		c.VCAPI = true
	})
	do := func(method, path, body string, headers ...string) *httptest.ResponseRecorder {
		t.Helper()
		r := httptest.NewRequest(method, path, strings.NewReader(body))
		for i := 0; i < len(headers); i += 2 {
			r.Header.Set(headers[i], headers[i+1])
		}
		w := httptest.NewRecorder()
		markup.Held(t, described(t, true, e)).ServeHTTP(w, r)
		return w
	}
	type view struct {
		ID           string `json:"id"`
		Public       string `json:"public_id"`
		State        string `json:"state"`
		Supersedes   string `json:"supersedes"`
		SupersededBy string `json:"superseded_by"`
		Links        struct {
			Page string `json:"page"`
		} `json:"links"`
	}
	ask := func(method, path, body string, headers ...string) (v view) {
		t.Helper()
		w := do(method, path, body, append(headers, "Authorization", "Bearer "+apiKey)...)
		if err := json.Unmarshal(w.Body.Bytes(), &v); err != nil || w.Code >= 300 {
			t.Fatalf("%s %s: %d %s %v", method, path, w.Code, w.Body, err)
		}
		return v
	}
	const given, family, fresh = "Кенерикус", "Ѕловопис", "Канаринка"
	old := ask("POST", "/api/v1/credentials", body(t, func(l map[string]string) { l["given_name"], l["family_name"] = given, family }), "Idempotency-Key", "row-1")
	next := ask("POST", "/api/v1/credentials/"+old.ID+"/correct", `{"code": "name-change", "reason": "court decision 12/2026", "learner": {"given_name": "`+fresh+`", "family_name": "Нова"}}`, "Idempotency-Key", "row-2")
	if next.Supersedes != old.ID {
		t.Errorf("the new one supersedes %q", next.Supersedes)
	}
	if got := ask("GET", "/api/v1/credentials/"+old.ID, ""); got.SupersededBy != next.ID || got.State != "revoked" {
		t.Errorf("the registrar sees %+v", got)
	}

	// Every address that asks for no key, with all that an outsider may know of either.
	roles, err := os.ReadFile(filepath.Join("testdata", "roles.txt"))
	if err != nil {
		t.Fatal(err)
	}
	link := func(v view) string { return v.Links.Page[strings.LastIndex(v.Links.Page, "/")+1:] }
	uuid := func(v view) string { return strings.TrimPrefix(v.ID, "urn:credential:") }
	seen, mentions := 0, 0
	for _, m := range regexp.MustCompile(`(?m)^GET +(\S+) +everybody$`).FindAllStringSubmatch(string(roles), -1) {
		for _, v := range []view{old, next} {
			for _, id := range []string{v.Public, uuid(v), link(v), v.ID} {
				files := []string{"none"}
				if strings.Contains(m[1], ":file") {
					files = nil
					for name := range downloads {
						files = append(files, name)
					}
				}
				for _, file := range files {
					path := strings.NewReplacer(":link", id, ":public", id, ":file", file, ":list", "r1", ":id", "data-stewardship", ":version", "1.0", ":digest", "none", ":log", "1", "*", "tile/0/000").Replace(m[1])
					for _, accept := range []string{"", "text/html", "application/json", "application/vc"} {
						for _, lang := range []string{"en", "sr-Cyrl"} {
							w := do("GET", path, "", "Accept", accept, "Accept-Language", lang)
							seen++
							said := everything(w.Body.Bytes()) + w.Result().Header.Get("Content-Disposition")
							for _, canary := range []string{given, family, "court decision", "2026-00001"} {
								if v.ID == old.ID && strings.Contains(said, canary) {
									t.Errorf("%s (%s) tells %s", path, accept, canary)
								}
							}
							for _, canary := range []string{given, family, "court decision", old.ID, old.Public, link(old)} {
								if v.ID == next.ID && strings.Contains(said, canary) {
									t.Errorf("%s (%s) of the new one tells %s", path, accept, canary)
								}
							}
							if strings.Contains(said, next.ID) && v.ID == old.ID || strings.Contains(said, next.Public) && v.ID == old.ID {
								t.Errorf("%s (%s) of the old one leads to the new one", path, accept)
							}
							if strings.Contains(said, fresh) {
								mentions++
							}
						}
					}
				}
			}
		}
	}
	if seen < 500 || mentions == 0 {
		t.Errorf("%d answers, the new name in %d of them", seen, mentions) // else the test sees nothing
	}

	// What stands there instead.
	if w := do("GET", "/h/"+link(old), "", "Accept-Language", "en"); w.Code != 410 || !strings.Contains(w.Body.String(), "was replaced on") || !strings.Contains(w.Body.String(), "Ask its holder for the new one") {
		t.Errorf("the old page: %d %s", w.Code, w.Body)
	}
	for name := range downloads {
		if w := do("GET", "/h/"+link(old)+"/"+name, ""); w.Code != 410 {
			t.Errorf("the old %s: %d", name, w.Code)
		}
	}
	if w := do("GET", "/credentials/"+old.Public, "", "Accept", "application/vc+jwt"); w.Code != 410 {
		t.Errorf("behind the old code: %d", w.Code)
	}
	for _, id := range []string{old.Public, strings.ToLower(old.Public), uuid(old)} {
		w := do("GET", "/credentials/"+id+"/withdrawal", "")
		if w.Code != 200 || w.Result().Header.Get("Content-Type") != "application/withdrawal+jwt" || !strings.Contains(everything(w.Body.Bytes()), `"code":"superseded"`) {
			t.Errorf("the word on it by %s: %d %s", id, w.Code, w.Body)
		}
	}
	for _, canary := range []string{given, family, fresh} {
		if strings.Contains(log.String(), canary) {
			t.Errorf("the log tells %s", canary)
		}
	}
}

// everything that stands in a body: as it is, and in each part of it that is
// encoded as base64url.
func everything(body []byte) string {
	all := bytes.NewBuffer(bytes.Clone(body))
	for _, part := range regexp.MustCompile(`[A-Za-z0-9_-]{40,}`).FindAll(body, -1) {
		if raw, err := base64.RawURLEncoding.DecodeString(string(part)); err == nil {
			all.Write(raw)
		}
	}
	if raw, err := keys.PayloadUnsafe(body); err == nil {
		all.Write(raw)
	}
	return all.String()
}

// Withdrawn for a reason that is the holder's or the institution's own, nothing is
// told to others but that it is withdrawn. The holder's page tells the reason, as the
// letter did, and nobody is told in the words of the office.
func TestReasonsArePrivate(t *testing.T) {
	base, _ := newServer(t)
	auth := []string{"Authorization", "Bearer " + apiKey, "Idempotency-Key"}
	for n, c := range []struct {
		code, page string
		told       bool
	}{
		{"misconduct", "", false}, {"awarded-in-error", "", false}, {"holder-request", "", false}, {"other", "", false}, {"", "", false},
		{"error-in-data", "It contained an error", true}, {"key-compromise", "no longer safe", true}, {"superseded", "replaced by a new one", true},
	} {
		var v struct {
			ID    string `json:"id"`
			Links struct {
				Page string `json:"page"`
			} `json:"links"`
		}
		issued := ask(t, "POST", base+"/api/v1/credentials", body(t, func(l map[string]string) { l["learner_id"] = string(rune('a' + n)) }), append(auth, string(rune('a'+n)))...)
		if err := json.Unmarshal([]byte(issued.body), &v); err != nil {
			t.Fatal(err, issued.body)
		}
		code := `"code": "` + c.code + `", `
		if c.code == "" {
			code = ""
		}
		if got := ask(t, "POST", base+"/api/v1/credentials/"+v.ID+"/revoke", `{`+code+`"reason": "canary in words"}`, auth[:2]...); got.status != 200 {
			t.Fatalf("%s: %d %s", c.code, got.status, got.body)
		}
		page := ask(t, "GET", base+strings.TrimPrefix(v.Links.Page, "https://issuer.school.example"), "", "Accept-Language", "en")
		if page.status != 200 || strings.Contains(page.body, "canary") || !strings.Contains(page.body, c.page) {
			t.Errorf("%s: the page: %d %s", c.code, page.status, page.body)
		}
		word := ask(t, "GET", base+"/credentials/"+strings.TrimPrefix(v.ID, "urn:credential:")+"/withdrawal", "", "Accept", "application/json")
		if (word.status == 200) != c.told || strings.Contains(everything([]byte(word.body)), "canary") {
			t.Errorf("%s: the word on it: %d", c.code, word.status)
		}
	}
}
