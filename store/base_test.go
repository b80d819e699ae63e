package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"
	"pgregory.net/rapid"

	"indeks/alike"
	"indeks/strictjson"
)

// testBases is the contract of payloads that have a base.
func testBases(run func(name string, test func(t *testing.T, s Store))) {
	run("payloads with a base", func(t *testing.T, s Store) {
		pieces := [][]byte{[]byte(`{"name":"`), []byte(`","course":"the same for all","again":"`), []byte(`"}`)}
		base, err := PutBase(t.Context(), s, pieces)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := PutBase(t.Context(), s, pieces); err != nil || again != base {
			t.Errorf("put again: %s, %v", again, err)
		}
		revocation, suspension := openLists(t, s)
		for n, payload := range []string{
			`{"name":"Ana","course":"the same for all","again":"Ana"}`,
			`{"name":"","course":"the same for all","again":"","course":"the same for all","again":""}`,
			`{"name":"not of this base"}`,
		} {
			r := draft(n+1, revocation, suspension)
			for profile := range r.Forms {
				r.Forms[profile] = Sealed{Payload: []byte(payload), Base: base}
			}
			issued := issue(t, s, r)
			bases.forget()
			got, err := s.Get(t.Context(), r.ID)
			if err != nil || string(got.Forms["edc"].Payload) != payload || !bytes.Equal(got.Forms["edc"].Token, issued.Forms["edc"].Token) {
				t.Errorf("%s: %v, read %s", payload, err, got.Forms["edc"].Payload)
			}
			if _, err := PutBase(t.Context(), s, pieces); err != nil {
				t.Error(err)
			}
		}
		r := draft(9, revocation, suspension)
		r.Forms["edc"] = Sealed{Payload: []byte("{}"), Base: Base{1}}
		if _, err := s.Reserve(t.Context(), r); !errors.Is(err, ErrInvalid) {
			t.Errorf("with a base that is not there: err = %v, want %v", err, ErrInvalid)
		}
	})

	// The payloads of a whole class rest on a base: nothing that is done to documents, or
	// that erases, reaches it.
	run("a base outlasts every erasure", func(t *testing.T, s Store) {
		pieces := [][]byte{[]byte(`{"name":"`), []byte(`"}`)}
		base, err := PutBase(t.Context(), s, pieces)
		if err != nil {
			t.Fatal(err)
		}
		month := time.Date(2031, 5, 1, 0, 0, 0, 0, time.UTC) // whose keys no other test needs
		var ids []string
		for n := range 3 {
			r := draft(653_140_000 + n)
			if r.SealingTime = month; n == 2 {
				r.SealingTime = month.AddDate(0, 1, 0)
			}
			r.Forms = map[string]Sealed{"edc": {Payload: []byte(`{"name":"Ana"}`), Base: base}}
			ids = append(ids, issue(t, s, r).ID)
		}
		for _, kind := range []string{kindBase, kindBaseCopy} {
			d, err := s.Document(t.Context(), kind, base.String())
			if err != nil {
				t.Fatal(err)
			}
			other, ends, none := d, d, d
			other.Body = []byte("another")
			ends.Revision, ends.Expires = 0, now
			none.Body = nil
			for _, d := range []Document{d, other, ends, none, {Kind: kind, ID: "by no digest", Body: []byte("x")}} {
				if err := s.PutDocuments(t.Context(), []Document{d}); !errors.Is(err, ErrInvalid) {
					t.Errorf("putting %s %s: err = %v, want %v", kind, d.ID, err, ErrInvalid)
				}
			}
			if err := s.EraseDocuments(t.Context(), kind, base.String()); !errors.Is(err, ErrInvalid) {
				t.Errorf("erasing %s: err = %v, want %v", kind, err, ErrInvalid)
			}
		}
		if _, err := s.Erase(t.Context(), Erasure{Class: Register, At: now, By: "registrar", Confirmed: "dean", Reason: "law"}, ids[:2]...); err != nil {
			t.Fatal(err)
		}
		for _, class := range []Class{Register, Delivery, Papers} {
			if err := ForgetMonth(t.Context(), s, class, month.Format("2006-01")); err != nil {
				t.Errorf("forgetting %s: %v", class, err)
			}
		}
		bases.forget()
		got, err := s.Get(t.Context(), ids[2])
		if err != nil || string(got.Forms["edc"].Payload) != `{"name":"Ana"}` || got.Forms["edc"].Base != base {
			t.Errorf("afterwards: %v, %s", err, got.Forms["edc"].Payload)
		}
		if again, err := PutBase(t.Context(), s, pieces); err != nil || again != base {
			t.Errorf("put again: %s, %v", again, err)
		}
		for _, err := range Check(t.Context(), s) {
			t.Error(err)
		}
	})
}

func (c *baseCache) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.known = nil
}

// One damaged copy of a base costs nothing but a report; without both, the payloads
// are damaged and said to be.
func TestDamagedBase(t *testing.T) {
	path := initStore(t)
	s := reopen(t, path)
	pieces := [][]byte{[]byte(`{"name":"`), []byte(`"}`)}
	base, err := PutBase(t.Context(), s, pieces)
	if err != nil {
		t.Fatal(err)
	}
	r := draft(1)
	r.Forms = map[string]Sealed{"edc": {Payload: []byte(`{"name":"Ana"}`), Base: base}}
	issue(t, s, r)
	for damaged, kind := range []string{kindBase, kindBaseCopy} {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		edit(t, path, func(tx *bolt.Tx) error {
			b, key := tx.Bucket(bucketDocuments), documentKey(kind, base.String())
			stored := bytes.Clone(b.Get(key))
			stored[len(stored)-1] ^= 1
			return b.Put(key, stored)
		})
		s = reopen(t, path)
		if found := Check(context.Background(), s); len(found) < 2 { // the document, and the base; also while what was read lately stands in for it
			t.Errorf("%d copies damaged: found %v", damaged+1, found)
		}
		if again, err := PutBase(t.Context(), s, pieces); err != nil || again != (Base{}) {
			t.Errorf("%d copies damaged: put again: %s, %v", damaged+1, again, err)
		}
		bases.forget()
		got, err := s.Get(t.Context(), r.ID)
		if damaged == 0 && (err != nil || string(got.Forms["edc"].Payload) != `{"name":"Ana"}`) || damaged == 1 && !errors.Is(err, ErrDamaged) {
			t.Errorf("%d copies damaged: %v", damaged+1, err)
		}
	}

	// Nor is one that is missing taken for a record that is not there.
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	edit(t, path, func(tx *bolt.Tx) error {
		b := tx.Bucket(bucketDocuments)
		return errors.Join(b.Delete(documentKey(kindBase, base.String())), b.Delete(documentKey(kindBaseCopy, base.String())))
	})
	s = reopen(t, path)
	bases.put(base, pieces)
	if found := Check(context.Background(), s); len(found) != 1 || !errors.Is(found[0], ErrDamaged) {
		t.Errorf("missing, and read lately: found %v", found)
	}
	bases.forget()
	if _, err := s.Get(t.Context(), r.ID); !errors.Is(err, ErrDamaged) || errors.Is(err, ErrNotFound) {
		t.Errorf("missing: err = %v, want %v", err, ErrDamaged)
	}
}

// Many put the same base at once, on one node or on two: it is there once, whole, and
// each can rest a payload on it.
func testBaseAtOnce(t *testing.T, nodes ...Store) {
	pieces := [][]byte{[]byte(`{"name":"`), []byte(`","same":"for all"}`)}
	want := make([]Base, 4*len(nodes))
	var group sync.WaitGroup
	for n := range want {
		group.Go(func() {
			s := nodes[n%len(nodes)]
			base, err := PutBase(t.Context(), s, pieces)
			if err != nil || base == (Base{}) {
				t.Errorf("putting: %s, %v", base, err)
				return
			}
			want[n] = base
			r := draft(n)
			r.Forms = map[string]Sealed{"edc": {Payload: fmt.Appendf(nil, `{"name":"%d","same":"for all"}`, n), Base: base}}
			if _, err = s.Reserve(t.Context(), r); err == nil {
				_, err = s.Commit(t.Context(), r.ID, tokens(r))
			}
			if err != nil {
				t.Errorf("resting on it: %v", err)
			}
		})
	}
	group.Wait()
	bases.forget()
	for n, base := range want {
		r, err := nodes[(n+1)%len(nodes)].Get(t.Context(), draft(n).ID)
		if err != nil || base != want[0] || r.Forms["edc"].Base != base {
			t.Errorf("read by another: %v, kept by %s, put as %s", err, r.Forms["edc"].Base, base)
		}
	}
	CheckStore(t, nodes[0])
}

func TestBaseAtOnce(t *testing.T) {
	t.Run("bbolt", func(t *testing.T) { testBaseAtOnce(t, reopen(t, initStore(t))) })
	t.Run("PostgreSQL, two nodes", func(t *testing.T) {
		one := newDatabase(t)
		two := one
		two.Node = "two"
		testBaseAtOnce(t, openDatabase(t, one), openDatabase(t, two))
	})
}

// Where nothing is written, no base is put; one that is there is there.
func TestBaseReadOnly(t *testing.T) {
	path := initStore(t)
	s := reopen(t, path)
	pieces := [][]byte{[]byte("a"), []byte("b")}
	base, err := PutBase(t.Context(), s, pieces)
	if err != nil {
		t.Fatal(err)
	}
	guarded := Guard(s, true, nil)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	read, err := ReadBolt(path, storeID, testKeys())
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	for name, s := range map[string]Store{"opened to be read": read, "guarded": guarded} {
		if put, err := PutBase(t.Context(), s, [][]byte{[]byte("c"), []byte("d")}); !errors.Is(err, ErrReadOnly) || put != (Base{}) {
			t.Errorf("%s: %s, %v, want %v", name, put, err, ErrReadOnly)
		}
	}
	if err := wholeBase(t.Context(), read, base.String()); err != nil {
		t.Error(err)
	}
}

// Whoever gives up waiting is not told that the store is damaged.
func TestBaseNotRead(t *testing.T) {
	bases.forget()
	_, err := bases.get(Base{1}, func(string, string) (Document, error) { return Document{}, context.Canceled })
	if !errors.Is(err, context.Canceled) || errors.Is(err, ErrDamaged) {
		t.Errorf("err = %v, want %v", err, context.Canceled)
	}
}

// What is packed between pieces comes back, whatever stands there.
func TestPackBetween(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.SliceOfN(rapid.ByteRange('a', 'c'), 0, 6)
		pieces := rapid.SliceOfN(text, 2, 6).Draw(t, "pieces")
		var payload []byte
		var between [][]byte
		for n, piece := range pieces {
			if n > 0 {
				between = append(between, text.Draw(t, fmt.Sprint("between ", n)))
				payload = append(payload, between[n-1]...)
			}
			payload = append(payload, piece...)
		}
		cut := rapid.IntRange(0, len(payload)).Draw(t, "cut")
		parts := alike.Text{Beginning: payload[:cut], Rest: payload[cut:]}
		known, ok := packBetween(&Sealed{Parts: parts, Between: between, Base: Base{1}}, pieces)
		if got, err := unpackBetween(known, pieces); !ok || err != nil || !bytes.Equal(got, payload) {
			t.Fatalf("%q, %q between: %q, %v", payload, between, got, err)
		}
		between[0] = append(bytes.Clone(between[0]), 'd') // which it has not
		known, other := packBetween(&Sealed{Parts: parts, Between: between, Base: Base{1}}, pieces)
		packed, ok := packBetween(&Sealed{Payload: payload, Base: Base{1}}, pieces)
		if other != ok || !bytes.Equal(known, packed) {
			t.Fatalf("%q, another text between: %q, want %q", payload, known, packed)
		}
		if !ok {
			return // an early find can leave too little for the last piece: it is deflated then
		}
		if got, err := unpackBetween(packed, pieces); err != nil || !bytes.Equal(got, payload) {
			t.Fatalf("%q: %q, %v", payload, got, err)
		}
		if again, ok := packBetween(&Sealed{Parts: parts, Base: Base{1}}, pieces); !ok || !bytes.Equal(again, packed) {
			t.Fatalf("%q, cut at %d: %q, want %q", payload, cut, again, packed)
		}
	})
	if packed, ok := packBetween(&Sealed{Payload: []byte("<ana>-<ana>"), Base: Base{1}}, [][]byte{[]byte("<"), []byte(">-<"), []byte(">")}); !ok || len(packed) > 33+2*4 {
		t.Errorf("%q, %v", packed, ok)
	}
}

func FuzzUnpackBetween(f *testing.F) {
	pieces := [][]byte{[]byte(`{"a":"`), []byte(`","b":"`), []byte(`"}`)}
	packed, _ := packBetween(&Sealed{Payload: []byte(`{"a":"1","b":"2"}`), Base: Base{1}}, pieces)
	f.Add(packed)
	f.Fuzz(func(t *testing.T, packed []byte) {
		if _, ok := baseOf(packed); !ok {
			return
		}
		payload, err := unpackBetween(packed, pieces)
		if err == nil && !bytes.HasPrefix(payload, pieces[0]) {
			t.Errorf("%q", payload)
		}
	})
}

// A payload is quoted the same with a base, with another one's and with none.
func TestQuotedByBase(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		texts := rapid.SliceOfN(rapid.StringMatching(`[a"\\\n]{0,6}`), 2, 5)
		pieces, between := texts.Draw(t, "pieces"), texts.Draw(t, "between")
		base := Base{2}
		var split [][]byte
		var payload []byte
		for n, piece := range pieces {
			split = append(split, []byte(piece))
			if payload = append(payload, piece...); n < len(between) && n+1 < len(pieces) {
				payload = append(payload, between[n]...)
			}
		}
		bases.put(base, split)
		defer bases.forget()
		for _, text := range [][]byte{payload, append([]byte("x"), payload...), nil} {
			want := strictjson.AppendQuoted(nil, text)
			if got := appendQuoted(nil, text, base); !bytes.Equal(got, want) {
				t.Fatalf("%q: %s, want %s", text, got, want)
			}
			if got := appendQuoted(nil, text, Base{}); !bytes.Equal(got, want) {
				t.Fatalf("%q without a base: %s, want %s", text, got, want)
			}
		}
	})
}
