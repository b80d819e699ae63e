package store

import (
	"crypto/sha256"
	"errors"
	"path/filepath"
	"testing"

	"indeks/merkle"
	"indeks/status"
)

// An archive that contradicts itself makes no store: what is used once is taken once,
// bytes have the hashes that are said of them, a log ends as it is said to.
func TestImportRefuses(t *testing.T) {
	keys := freshKeys(t)
	lists := []List{{ID: "r1", Purpose: status.Revocation, Opened: now}, {ID: "s1", Purpose: status.Suspension, Opened: now}}
	archived := func(n int) Archived {
		r := draft(n, lists...)
		a := Archived{Record: r, Payloads: map[string][sha256.Size]byte{}}
		a.State = Issued
		for profile, token := range tokens(r) {
			form := r.Forms[profile]
			a.Payloads[profile] = sha256.Sum256(form.Payload)
			form.Token, form.SHA256 = token.Bytes(), sha256.Sum256(token.Bytes())
			a.Forms[profile] = form
		}
		return a
	}
	begin := func(t *testing.T) *Import {
		m, err := NewImport(filepath.Join(t.TempDir(), "records.db"), storeID, keys, Counters{DataKeys: keys.ID()})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { m.Abandon() })
		for _, l := range lists {
			if err := m.List(l, status.New()); err != nil {
				t.Fatal(err)
			}
		}
		if err := m.Record(archived(1)); err != nil {
			t.Fatal(err)
		}
		return m
	}
	for name, c := range map[string]struct {
		change func(a *Archived)
		want   error
	}{
		"the same record":    {func(a *Archived) { *a = archived(1) }, ErrInvalid},
		"the same number":    {func(a *Archived) { a.Number = draft(1).Number }, ErrInvalid},
		"the same key":       {func(a *Archived) { a.Key = draft(1).Key }, ErrInvalid},
		"the same place":     {func(a *Archived) { a.Entries = archived(1).Entries }, ErrInvalid},
		"no such list":       {func(a *Archived) { a.Entries[0].List = "r9" }, ErrInvalid},
		"another token":      {func(a *Archived) { f := a.Forms["edc"]; f.Token = append(f.Token, 'x'); a.Forms["edc"] = f }, ErrDamaged},
		"another payload":    {func(a *Archived) { f := a.Forms["edc"]; f.Payload = []byte(`{}`); a.Forms["edc"] = f }, ErrDamaged},
		"no token":           {func(a *Archived) { f := a.Forms["vc2"]; f.Token = nil; a.Forms["vc2"] = f }, ErrDamaged},
		"no id":              {func(a *Archived) { a.ID = "" }, ErrInvalid},
		"no payload at all":  {func(a *Archived) { a.Forms = nil }, ErrInvalid},
		"nothing is changed": {func(a *Archived) {}, nil},
	} {
		m := begin(t)
		a := archived(2)
		c.change(&a)
		if err := m.Record(a); !errors.Is(err, c.want) {
			t.Errorf("%s: err = %v, want %v", name, err, c.want)
		}
		if err := m.Close(); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: a store without an audit log: err = %v, want %v", name, err, ErrInvalid)
		}
	}

	m := begin(t)
	log := Log{Name: "1", Opened: now, Size: 2}
	if err := m.Log(log); err != nil {
		t.Fatal(err)
	}
	if err := m.Entry([]byte("no event"), nil); !errors.Is(err, ErrDamaged) {
		t.Errorf("an entry that is none: err = %v, want %v", err, ErrDamaged)
	}
	_, event, err := newEntry(0, Event{Kind: KindExported, At: now}, nil, nil)
	if err == nil {
		err = m.Entry(event, nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := m.EndLog(log, merkle.Hash{}, nil); !errors.Is(err, ErrDamaged) {
		t.Errorf("a log that was cut: err = %v, want %v", err, ErrDamaged)
	}
	log.Size = 1
	if err := m.EndLog(log, merkle.Hash{1}, nil); !errors.Is(err, ErrDamaged) {
		t.Errorf("a log of another tree: err = %v, want %v", err, ErrDamaged)
	}
}
