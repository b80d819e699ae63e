package issuing

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"

	"indeks/contexts"
	"indeks/keys"
)

// Who keeps an award gets it with an embedded proof too, where the institution
// makes them; wallets ask for it by Accept.
func TestAwardsWithAProof(t *testing.T) {
	base, _ := newServer(t, func(c *Config) { c.Institution.DataIntegrity = keys.ECDSARDFC2019 })
	a := ask(t, "POST", base+"/api/v1/credentials", body(t, nil), "Authorization", "Bearer "+apiKey, "Content-Type", "application/json", "Idempotency-Key", "1")
	var record struct {
		PublicID string            `json:"public_id"`
		Links    map[string]string `json:"links"`
	}
	if err := json.Unmarshal([]byte(a.body), &record); a.status != http.StatusCreated || err != nil {
		t.Fatalf("%d %s", a.status, a.body)
	}
	page := base + strings.TrimPrefix(record.Links["page"], "https://issuer.school.example")
	file := ask(t, "GET", base+strings.TrimPrefix(record.Links["credential_vc_json"], "https://issuer.school.example"), "")
	if file.status != 200 || file.header.Get("Content-Type") != "application/vc" || !strings.Contains(file.header.Get("Content-Disposition"), "attachment") {
		t.Fatalf("%d %v", file.status, file.header)
	}
	if _, err := keys.OpenProof(t.Context(), []byte(file.body), keys.ProofOptions{Canonicalize: contexts.Default().Canonicalize}, multikeys{}); err != nil {
		t.Error(err)
	}
	if shown := ask(t, "GET", page, ""); !strings.Contains(shown.body, "/credential.vc.json") {
		t.Error("the learner's page does not lead to it")
	}
	for accept, want := range map[string]string{
		"application/vc": "application/vc", "application/vc+jwt": "application/vc+jwt", "*/*": "application/vc+jwt", "application/vc+jwt, application/vc;q=0.5": "application/vc+jwt",
	} {
		if got := ask(t, "GET", base+"/credentials/"+record.PublicID, "", "Accept", accept); got.header.Get("Content-Type") != want || got.header.Get("Vary") != "Accept" {
			t.Errorf("%s: %v", accept, got.header)
		}
	}
}

// multikeys finds keys by the multikey that their name ends in.
type multikeys struct{}

func (multikeys) Resolve(_ context.Context, h keys.Header) (*keys.PublicKey, error) {
	_, fragment, _ := strings.Cut(h.KeyID, "#")
	key, err := keys.ParseMultikey(fragment)
	return &keys.PublicKey{ID: h.KeyID, Key: key}, err
}
