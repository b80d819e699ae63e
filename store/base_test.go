package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"

	bolt "go.etcd.io/bbolt"
	"pgregory.net/rapid"
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
		bases.forget()
		got, err := s.Get(t.Context(), r.ID)
		if damaged == 0 && (err != nil || string(got.Forms["edc"].Payload) != `{"name":"Ana"}`) || damaged == 1 && !errors.Is(err, ErrDamaged) {
			t.Errorf("%d copies damaged: %v", damaged+1, err)
		}
		if found := Check(context.Background(), s); len(found) == 0 {
			t.Errorf("%d copies damaged: nothing found", damaged+1)
		}
	}
	s.Close()
}

// What is packed between pieces comes back, whatever stands there.
func TestPackBetween(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.SliceOfN(rapid.ByteRange('a', 'c'), 0, 6)
		pieces := rapid.SliceOfN(text, 2, 6).Draw(t, "pieces")
		var payload []byte
		for n, piece := range pieces {
			if n > 0 {
				payload = append(payload, text.Draw(t, fmt.Sprint("between ", n))...)
			}
			payload = append(payload, piece...)
		}
		packed, ok := packBetween(payload, Base{1}, pieces)
		if !ok {
			return // an early find can leave too little for the last piece: it is deflated then
		}
		if got, err := unpackBetween(packed, pieces); err != nil || !bytes.Equal(got, payload) {
			t.Fatalf("%q: %q, %v", payload, got, err)
		}
	})
	if packed, ok := packBetween([]byte("<ana>-<ana>"), Base{1}, [][]byte{[]byte("<"), []byte(">-<"), []byte(">")}); !ok || len(packed) > 33+2*4 {
		t.Errorf("%q, %v", packed, ok)
	}
}

func FuzzUnpackBetween(f *testing.F) {
	pieces := [][]byte{[]byte(`{"a":"`), []byte(`","b":"`), []byte(`"}`)}
	packed, _ := packBetween([]byte(`{"a":"1","b":"2"}`), Base{1}, pieces)
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
