package issuing

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"

	"indeks/internal/markup"
	"indeks/issuer"
	"indeks/keys"
	"indeks/merkle"
	"indeks/store"
)

// Whoever asks for something by the API is named in the audit log, with the
// request, and nobody else is. Whoever has a credential is shown that it is there.
func TestAuditLog(t *testing.T) {
	var iss *issuer.Issuer
	e, _, _ := newEcho(t, func(c *Config) {
		iss = c.Issuer
		c.APIKeys = append(c.APIKeys, APIKey{Name: "inspectorate", SHA256: sha256.Sum256([]byte("an auditor's key")), Roles: []Role{Auditor}})
	})
	server := httptest.NewServer(markup.Held(t, e))
	defer server.Close()
	auditor := []string{"Authorization", "Bearer an auditor's key"}
	must := func(a answer, status int) answer {
		t.Helper()
		if a.status != status {
			t.Fatalf("%d, want %d: %s", a.status, status, a.body)
		}
		return a
	}

	// 1. One credential, and its end.
	issued := must(ask(t, "POST", server.URL+"/api/v1/credentials", body(t, nil), append([]string{"Idempotency-Key", "1"}, auth...)...), 201)
	var record struct {
		ID       string
		PublicID string `json:"public_id"`
	}
	if err := json.Unmarshal([]byte(issued.body), &record, json.MatchCaseInsensitiveNames(true)); err != nil {
		t.Fatal(err)
	}
	revoked := must(ask(t, "POST", server.URL+"/api/v1/credentials/"+record.ID+"/revoke", `{"reason": "Petar Petrović asked for it"}`, auth...), 200)

	// 2. What the log says of it, page by page.
	type event struct {
		Index                                  uint64
		Kind                                   store.Kind
		Actor, Request, Object, Result, Digest string
		Leaf                                   merkle.Hash
	}
	var events []event
	for from := uint64(0); ; {
		a := must(ask(t, "GET", fmt.Sprintf("%s/api/v1/audit?object=%s&limit=2&from=%d", server.URL, record.ID, from), "", auditor...), 200)
		if strings.Contains(a.body, "Petar") || strings.Contains(a.body, "Њежић") {
			t.Errorf("somebody is named: %s", a.body)
		}
		var page struct {
			Events []event
			Next   *uint64
		}
		if err := json.Unmarshal([]byte(a.body), &page, json.MatchCaseInsensitiveNames(true)); err != nil {
			t.Fatal(err)
		}
		events = append(events, page.Events...)
		if page.Next == nil {
			break
		}
		from = *page.Next
	}
	for i, want := range []struct {
		kind    store.Kind
		request string
	}{
		{store.KindIntent, issued.header.Get("X-Request-Id")},
		{store.KindIssued, issued.header.Get("X-Request-Id")},
		{store.KindRevoked, revoked.header.Get("X-Request-Id")},
	} {
		if len(events) != 3 || events[i].Kind != want.kind || events[i].Request != want.request || events[i].Actor != "API test" {
			t.Fatalf("events %+v, want %+v as number %d", events, want, i)
		}
	}
	if a := ask(t, "GET", server.URL+"/api/v1/audit", "", auth...); a.status != 403 {
		t.Errorf("a registrar reads it: %d", a.status)
	}

	// 3. The proof, for who has the credential.
	token := must(ask(t, "GET", server.URL+"/credentials/"+record.PublicID, ""), 200).body
	values, err := keys.SignaturesUnsafe([]byte(token))
	if err != nil {
		t.Fatal(err)
	}
	address := fmt.Sprintf("%s/credentials/%s/proof?seal=%x", server.URL, record.PublicID, sha256.Sum256(values[0]))
	must(ask(t, "GET", address, ""), 404)
	if err := iss.SignHeads(t.Context()); err != nil {
		t.Fatal(err)
	}
	var p merkle.Proof
	if err := json.Unmarshal([]byte(must(ask(t, "GET", address, ""), 200).body), &p, json.RejectUnknownMembers(true)); err != nil {
		t.Fatal(err)
	}
	checkpoint := must(ask(t, "GET", server.URL+"/log/1/checkpoint", ""), 200)
	if checkpoint.body != p.Head || checkpoint.header.Get("Access-Control-Allow-Origin") != "*" {
		t.Errorf("the last head is %s, the proof leads to %s", checkpoint.body, p.Head)
	}
	text, err := base64.RawURLEncoding.DecodeString(strings.Split(p.Head, ".")[1])
	if err != nil {
		t.Fatal(err)
	}
	head, err := merkle.ParseHead(text)
	if err != nil {
		t.Fatal(err)
	}
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	if err != nil {
		t.Fatal(err)
	}
	if said, err := p.Check(head.Root, sha256.Sum256(payload)); err != nil || said.Credential != record.ID {
		t.Errorf("%+v, %v", said, err)
	}

	// 4. The tree, for who watches it: leaves, and nothing of what they are.
	tile := must(ask(t, "GET", fmt.Sprintf("%s/log/1/tile/0/000.p/%d", server.URL, head.Size), ""), 200)
	for _, e := range events {
		if leaf := []byte(tile.body)[e.Index*32:][:32]; !bytes.Equal(leaf, e.Leaf[:]) {
			t.Errorf("leaf %d in the tile is %x, the log says %x", e.Index, leaf, e.Leaf)
		}
	}
	if !strings.Contains(tile.header.Get("Cache-Control"), "immutable") {
		t.Errorf("%v", tile.header)
	}
}
