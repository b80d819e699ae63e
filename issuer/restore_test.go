package issuer

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"indeks/status"
	"indeks/store"
)

// Only a status list of this institution, sealed with its keys, says what was
// revoked; what the mirror holds is one, and has each acknowledged revocation.
func TestPublication(t *testing.T) {
	h := newHouse(t, nil)
	r, err := h.Issue(t.Context(), draft(t))
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "lists")
	h.c.Mirror = MirrorLists(dir)
	h.open(t) // the lists were published before there was a mirror
	if files, err := os.ReadDir(dir); err != nil || len(files) != 2 {
		t.Errorf("mirrored: %v, %v", files, err)
	}
	h.now = h.now.Add(time.Minute)
	if _, err := h.Revoke(t.Context(), r.ID, Why{Text: "a test", By: "test"}); err != nil {
		t.Fatal(err)
	}
	mirrored, err := os.ReadFile(filepath.Join(dir, r.Entries[0].List+".jwt"))
	if err != nil {
		t.Fatal(err)
	}
	inst, entries := institution(t), h.ring.Entries()
	p, err := inst.Publication(t.Context(), entries, append(mirrored, '\n'))
	if err != nil {
		t.Fatal(err)
	}
	if on, err := p.Bits.Get(r.Entries[0].Index); !on || err != nil || p.ID != r.Entries[0].List || p.Purpose != status.Revocation || !p.ValidFrom.Equal(h.now) {
		t.Errorf("list %s for %s of %v, revoked %v, %v", p.ID, p.Purpose, p.ValidFrom, on, err)
	}

	if _, err := inst.Publication(t.Context(), nil, mirrored); err == nil {
		t.Error("a list that no key of ours opens")
	}
	if _, err := inst.Publication(t.Context(), entries, r.Forms["vc2"].Token); err == nil {
		t.Error("a credential is no list")
	}
	for name, change := range map[string]func(*Institution){
		"issuer": func(i *Institution) { i.DID = "did:web:other.example" },
		"host":   func(i *Institution) { i.PublicBase = "https://other.example" },
	} {
		other := institution(t)
		change(&other)
		if _, err := other.Publication(t.Context(), entries, mirrored); err == nil {
			t.Errorf("a list of another %s", name)
		}
	}
	for _, err := range store.Check(t.Context(), h.store) {
		t.Error(err)
	}
}
