package issuer

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"indeks/elm"
	"indeks/keys"
	"indeks/status"
	"indeks/store"
	"indeks/verifier"
)

// statement is a credential that is no award, with members instead of or beside
// the usual ones.
func statement(members string) Statement {
	return Statement{Credential: fmt.Appendf(nil, ` {"@context":["https://www.w3.org/ns/credentials/v2",{"colour":"https://a.example/colour"}],
		"type":["VerifiableCredential"],"issuer":%q,"credentialSubject":{"colour":"red"}%s} `, testDID, members)}
}

func issueStatement(t testing.TB, h *house, s Statement) store.Record {
	t.Helper()
	r, err := h.IssueStatement(context.Background(), s)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestAStatementIsSealedAsItIs(t *testing.T) {
	h := newHouse(t, nil)
	s := statement(`,"id":"urn:a:1","validUntil":"2001-01-01T00:00:00Z"`)
	r := issueStatement(t, h, s)
	cred, err := elm.Parse(r.Forms["other"].Payload)
	if err != nil {
		t.Fatal(err)
	}
	// Every byte that the client wrote, and behind it the status.
	given := strings.TrimSuffix(strings.TrimSpace(string(s.Credential)), "}")
	if got := string(cred.Raw); !strings.HasPrefix(got, given+`,"credentialStatus":{"type":"BitstringStatusListEntry","statusPurpose":"revocation",`) {
		t.Errorf("sealed %s", got)
	}
	if r.ID != "urn:a:1" || r.State != store.Issued || len(r.Entries) != 1 {
		t.Errorf("record %+v", r)
	}
	if err := h.Issuer.open(context.Background(), r.Forms["other"].Token, cred.Raw); err != nil {
		t.Error(err)
	}
	// For people it is no credential: what it means is decided by its own context.
	if report := h.verify(t, r.Forms["other"].Token); report.Verdict != verifier.Invalid {
		t.Errorf("verdict %s", report.Verdict)
	}
	for _, err := range store.Check(context.Background(), h.store) {
		t.Error(err)
	}
}

func TestAStatementWithoutIDIsGivenOne(t *testing.T) {
	h := newHouse(t, nil)
	r := issueStatement(t, h, statement(""))
	cred, err := elm.Parse(r.Forms["other"].Payload)
	if err != nil || cred.ID != r.ID || !strings.HasPrefix(r.ID, credentialPrefix) {
		t.Errorf("record %s, credential %q, %v", r.ID, cred.ID, err)
	}
	if again := issueStatement(t, h, statement("")); again.ID == r.ID {
		t.Error("two requests, one credential")
	}
}

func TestTheSameRequestIsTheSameStatement(t *testing.T) {
	h := newHouse(t, nil)
	s := statement("")
	s.RequestKey = store.Key{1}
	r := issueStatement(t, h, s)
	if again := issueStatement(t, h, s); again.ID != r.ID || string(again.Forms["other"].Token) != string(r.Forms["other"].Token) {
		t.Error("repeated, it is another")
	}
	other := statement(`,"name":"x"`)
	other.RequestKey = s.RequestKey
	if _, err := h.IssueStatement(context.Background(), other); !errors.Is(err, store.ErrConflict) {
		t.Errorf("another under the same key: %v", err)
	}
}

func TestWhatIsNotOursIsNotSealed(t *testing.T) {
	h := newHouse(t, nil)
	lists := h.inst.PublicBase + "/status/"
	for _, c := range []struct{ name, from, to, pointer string }{
		{"another issuer", testDID, "did:web:other.example", "/issuer"},
		{"no issuer", `"issuer":"` + testDID + `",`, "", "/issuer"},
		{"a term that nobody defined", `"colour":"red"`, `"shade":"red"`, "/credentialSubject/shade"},
		{"a list of ours", `"type":`, `"id":"` + lists + `r1","type":`, "/id"},
		{"a place in a list of ours", `"type":`, `"credentialStatus":{"type":"BitstringStatusListEntry","statusPurpose":"revocation","statusListIndex":"1","statusListCredential":"` + lists + `r1"},"type":`, "/credentialStatus"},
		{"a long id", `"type":`, `"id":"urn:a:` + strings.Repeat("1", maxStatementID) + `","type":`, "/id"},
	} {
		s := statement("")
		s.Credential = []byte(strings.Replace(string(s.Credential), c.from, c.to, 1))
		_, err := h.IssueStatement(context.Background(), s)
		broken, ok := errors.AsType[*elm.ValidationError](err)
		if !ok || broken.Broken[0].Pointer != c.pointer {
			t.Errorf("%s: %v, want a problem at %s", c.name, err, c.pointer)
		}
	}
	if n, _ := h.checkStore(t); n != 0 {
		t.Errorf("%d records", n)
	}
}

func TestAnIDIsWithdrawnWithAllItsStatements(t *testing.T) {
	h := newHouse(t, nil)
	ctx := context.Background()
	s := statement(`,"id":"urn:a:1"`)
	s.Purposes = []string{status.Revocation, status.Suspension}
	issueStatement(t, h, s)
	second := issueStatement(t, h, s)
	if second.ID != "urn:a:1 2" {
		t.Errorf("the second is on record as %q", second.ID)
	}
	state := func() string {
		var all []string
		for n := range 2 {
			r, err := h.store.Get(ctx, copyID("urn:a:1", n+1))
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, string(r.State))
		}
		return strings.Join(all, " ")
	}
	for _, c := range []struct {
		purpose string
		on      bool
		err     error
		want    string
	}{
		{status.Suspension, true, nil, "suspended suspended"},
		{status.Suspension, false, nil, "issued issued"},
		{"refresh", true, store.ErrState, "issued issued"},
		{status.Revocation, false, store.ErrState, "issued issued"},
		{status.Revocation, true, nil, "revoked revoked"},
		{status.Suspension, true, store.ErrState, "revoked revoked"},
	} {
		if err := h.ChangeStatement(ctx, "urn:a:1", c.purpose, c.on, "test"); !errors.Is(err, c.err) || state() != c.want {
			t.Errorf("%s %v: %v, %s; want %v, %s", c.purpose, c.on, err, state(), c.err, c.want)
		}
	}
	if err := h.ChangeStatement(ctx, "urn:a:2", status.Revocation, true, "test"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("an id that there is not: %v", err)
	}
	award, err := h.Issue(ctx, draft(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := h.ChangeStatement(ctx, award.ID, status.Revocation, true, "test"); !errors.Is(err, store.ErrState) {
		t.Errorf("an award: %v", err)
	}
	for _, err := range store.Check(ctx, h.store) {
		t.Error(err)
	}
}

func TestAStatementThatACrashLeftIsFinished(t *testing.T) {
	for _, form := range []keys.Form{keys.VCJWT, keys.DataIntegrity} {
		t.Run(string(form), func(t *testing.T) { leftByACrash(t, form) })
	}
}

func leftByACrash(t *testing.T, form keys.Form) {
	f := &faulty{failCommit: true}
	h := newHouse(t, func(s store.Store) store.Store { f.Store = s; return f })
	s := statement(`,"id":"urn:a:1"`)
	s.Form = form
	if _, err := h.IssueStatement(context.Background(), s); !errors.Is(err, errFault) {
		t.Fatal(err)
	}
	f.failCommit = false
	h.open(t)
	r, err := h.store.Get(context.Background(), "urn:a:1")
	if err != nil || r.State != store.Issued {
		t.Errorf("%s, %v", r.State, err)
	}
}
