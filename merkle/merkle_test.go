package merkle

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"golang.org/x/mod/sumdb/tlog"
	"pgregory.net/rapid"
)

// kept is a tree with all its hashes.
type kept struct {
	Builder
	hashes []Hash
	leaves [][]byte
}

func (k *kept) add(leaf []byte) {
	k.hashes = append(k.hashes, k.Add(LeafHash(leaf))...)
	k.leaves = append(k.leaves, leaf)
}

func (k *kept) read(places []int64) ([]Hash, error) {
	found := make([]Hash, len(places))
	for i, p := range places {
		if p >= int64(len(k.hashes)) {
			return nil, fmt.Errorf("no hash at %d", p)
		}
		found[i] = k.hashes[p]
	}
	return found, nil
}

// root is the root of leaves as RFC 6962 section 2.1 defines it.
func root(leaves [][]byte) Hash {
	switch n := len(leaves); n {
	case 1:
		return sha256.Sum256(append([]byte{0}, leaves[0]...))
	default:
		k := 1
		for k*2 < n {
			k *= 2
		}
		left, right := root(leaves[:k]), root(leaves[k:])
		return sha256.Sum256(slices.Concat([]byte{1}, left[:], right[:]))
	}
}

// Whatever the size, the tree is that of the RFC, can be gone on with from what
// is kept, and proves each of its leaves, and no other.
func TestTree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 70).Draw(t, "leaves")
		var tree kept
		for i := range n {
			tree.add(fmt.Appendf(nil, "leaf %d", i))
			if int(Places(tree.Size())) != len(tree.hashes) {
				t.Fatalf("%d leaves have %d hashes, %d are told", i+1, len(tree.hashes), Places(tree.Size()))
			}
			resumed, err := Resume(tree.Size(), tree.read)
			if err != nil || resumed.Root() != tree.Root() {
				t.Fatalf("resumed after %d: %v", i+1, err)
			}
			next := LeafHash([]byte("next"))
			grown := tree.Builder
			if got, want := resumed.Add(next), grown.Add(next); !slices.Equal(got, want) {
				t.Fatalf("resumed after %d, the next leaf makes %v, want %v", i+1, got, want)
			}
		}
		size := rapid.Uint64Range(1, uint64(n)).Draw(t, "size")
		top, err := Root(size, tree.read)
		if want := root(tree.leaves[:size]); err != nil || top != want {
			t.Fatalf("root of %d: %v, %v, want %v", size, top, err, want)
		}
		index := rapid.Uint64Range(0, uint64(n)).Draw(t, "index")
		hashes, err := Inclusion(size, index, tree.read)
		if index >= size {
			if err == nil {
				t.Fatal("a leaf that is not in it is proved")
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := tlog.CheckRecord(hashes, int64(size), top, int64(index), LeafHash(tree.leaves[index])); err != nil {
			t.Fatal(err)
		}
	})
	for _, size := range []uint64{0, 1 << 63, ^uint64(0)} {
		if _, err := Root(size, nil); err == nil {
			t.Errorf("there is a root of size %d", size)
		}
		if _, err := Inclusion(size, 0, nil); err == nil {
			t.Errorf("there is a proof of size %d", size)
		}
	}
}

// What a sealing says of itself is what json.Marshal says, to the byte: leaves of years
// ago rest on it.
func TestSealingJSON(t *testing.T) {
	text := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"", "urn:credential:1", "\"\\\n\x00 <&> \u2028 Žņ", "\xff"}))
	rapid.Check(t, func(t *rapid.T) {
		s := Sealing{Credential: text.Draw(t, "credential"), KeyID: text.Draw(t, "key"),
			At: time.Unix(rapid.Int64Range(-1<<35, 1<<38).Draw(t, "sealed"), 0).UTC()} // beyond year 9999 too
		for range rapid.IntRange(0, 3).Draw(t, "forms") {
			if s.Forms == nil {
				s.Forms = map[string]Hash{}
			}
			s.Forms[text.Draw(t, "form")] = Hash{rapid.Byte().Draw(t, "hash")}
		}
		want, wantErr := json.Marshal(&s, json.Deterministic(true))
		got, err := s.JSON()
		if (err == nil) != (wantErr == nil) || err == nil && !bytes.Equal(got, want) {
			t.Fatalf("got  %s, %v\nwant %s, %v", got, err, want, wantErr)
		}
	})
}

// A proof says what was logged to who has the payload, and holds for nothing else.
func TestProof(t *testing.T) {
	secret, payload := []byte("sixteen bytes .."), Hash(sha256.Sum256([]byte("payload")))
	s := Sealing{Credential: "urn:credential:1", KeyID: "key", At: time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC), Forms: map[string]Hash{
		"vc2": Commit(Salt(secret, "vc2"), payload), "edc": Commit(Salt(secret, "edc"), Hash{1}),
	}}
	said, err := s.JSON()
	if err != nil {
		t.Fatal(err)
	}
	// The texts that are hashed never change: leaves of years ago rest on them.
	if want := Hash(sha256.Sum256([]byte("indeks form salt 7369787465656e206279746573202e2e vc2"))); Salt(secret, "vc2") != want {
		t.Error("a salt is of another text")
	}
	if want := Hash(sha256.Sum256(slices.Concat([]byte("indeks form "), bytes.Repeat([]byte{1}, 32), payload[:]))); Commit(Hash(bytes.Repeat([]byte{1}, 32)), payload) != want {
		t.Error("what is committed to is another text")
	}
	private := Hash(sha256.Sum256([]byte("who and by which request")))
	var tree kept
	for range 5 {
		tree.add([]byte("another"))
	}
	tree.add(Leaf(private, said))
	tree.add([]byte("another"))
	hashes, err := Inclusion(7, 5, tree.read)
	if err != nil {
		t.Fatal(err)
	}
	good := Proof{Said: said, Kept: private, Form: "vc2", Salt: Salt(secret, "vc2"), Index: 5, Size: 7, Hashes: hashes}
	if got, err := good.Check(tree.Root(), payload); err != nil || got.Credential != s.Credential || !got.At.Equal(s.At) {
		t.Fatalf("%+v, %v", got, err)
	}
	for name, change := range map[string]func(p *Proof) (root, payload Hash){
		"another payload":      func(*Proof) (Hash, Hash) { return tree.Root(), Hash{1} },
		"another root":         func(*Proof) (Hash, Hash) { return Hash{1}, payload },
		"another form":         func(p *Proof) (Hash, Hash) { p.Form = "edc"; return tree.Root(), payload },
		"no form":              func(p *Proof) (Hash, Hash) { p.Form = "pdf"; return tree.Root(), payload },
		"another salt":         func(p *Proof) (Hash, Hash) { p.Salt[0]++; return tree.Root(), payload },
		"another private part": func(p *Proof) (Hash, Hash) { p.Kept[0]++; return tree.Root(), payload },
		"another index":        func(p *Proof) (Hash, Hash) { p.Index = 4; return tree.Root(), payload },
		"index outside":        func(p *Proof) (Hash, Hash) { p.Index = 7; return tree.Root(), payload },
		"another size":         func(p *Proof) (Hash, Hash) { p.Size = 6; return tree.Root(), payload },
		"no size":              func(p *Proof) (Hash, Hash) { p.Size = 0; return tree.Root(), payload },
		"size of no tree":      func(p *Proof) (Hash, Hash) { p.Size = ^uint64(0); return tree.Root(), payload },
		"a hash missing":       func(p *Proof) (Hash, Hash) { p.Hashes = p.Hashes[1:]; return tree.Root(), payload },
		"a hash too many": func(p *Proof) (Hash, Hash) {
			p.Hashes = append(slices.Clone(p.Hashes), Hash{})
			return tree.Root(), payload
		},
		"a thousand hashes": func(p *Proof) (Hash, Hash) { p.Hashes = make([]Hash, 1000); return tree.Root(), payload },
		"a later sealing": func(p *Proof) (Hash, Hash) {
			p.Said = bytes.Replace(said, []byte("2026"), []byte("2027"), 1)
			return tree.Root(), payload
		},
		"an unknown member": func(p *Proof) (Hash, Hash) {
			p.Said = append([]byte(`{"x":1,`), said[1:]...)
			return tree.Root(), payload
		},
		"nothing said": func(p *Proof) (Hash, Hash) { p.Said = nil; return tree.Root(), payload },
	} {
		p := good
		root, payload := change(&p)
		if got, err := p.Check(root, payload); !errors.Is(err, ErrProof) || got != nil {
			t.Errorf("%s: %+v, err = %v, want %v", name, got, err, ErrProof)
		}
	}
}

// The tiles of a tree are the hashes of each eighth level, in order.
func TestTile(t *testing.T) {
	var tree kept
	for i := range 70_000 {
		tree.add([]byte{byte(i), byte(i >> 8), byte(i >> 16)})
	}
	leaf := func(n int) Hash { return LeafHash(tree.leaves[n]) }
	for path, want := range map[string]struct {
		hashes int
		first  Hash
	}{
		"0/000":       {256, leaf(0)},
		"0/001":       {256, leaf(256)},
		"0/000.p/3":   {3, leaf(0)},
		"0/273.p/112": {112, leaf(273 * 256)},
		"1/000":       {256, root(tree.leaves[:256])},
		"1/001.p/17":  {17, root(tree.leaves[65536:][:256])},
		"2/000.p/1":   {1, root(tree.leaves[:65536])},
	} {
		got, err := Tile(path, tree.Size(), tree.read)
		if err != nil || len(got) != want.hashes*32 || !bytes.Equal(got[:32], want.first[:]) {
			t.Errorf("tile %s: %d bytes, %v", path, len(got), err)
		}
	}
	for _, path := range []string{
		"", "0", "0/", "0/000.p/0", "0/000.p/257", "0/273", "0/273.p/113", "0/274.p/1", "1/001", "2/000", "3/000.p/1", "data/000", "-1/000", "64/000", "0/0000", "0/00",
		"0/x001/000.p/1", "0/x999/x999/x999/x999/x999/999", "0/../000", "7/000",
	} {
		if got, err := Tile(path, tree.Size(), tree.read); !errors.Is(err, ErrNoTile) {
			t.Errorf("tile %q: %d bytes, err = %v, want %v", path, len(got), err, ErrNoTile)
		}
	}
	if _, err := Tile("0/000.p/1", 0, tree.read); !errors.Is(err, ErrNoTile) {
		t.Errorf("of the empty tree: %v", err)
	}
}

func TestHead(t *testing.T) {
	h := Head{"credentials.uni.example/log/1", 20852163, Hash{1, 2, 3}}
	text := string(h.Text())
	if want := "credentials.uni.example/log/1\n20852163\nAQIDAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"; text != want {
		t.Errorf("text %q, want %q", text, want)
	}
	if got, err := ParseHead([]byte(text)); err != nil || got != h {
		t.Errorf("%+v, %v", got, err)
	}
	for _, bad := range []string{
		"", "\n", "a\n1\n", strings.Replace(text, "\n", "\r\n", 1), text + "more\n", text[:len(text)-1], "\n" + text, strings.Replace(text, "log/1", strings.Repeat("x", 1000), 1),
		strings.Replace(text, "20852163", "020852163", 1), strings.Replace(text, "20852163", "0", 1), strings.Replace(text, "20852163", "-1", 1), strings.Replace(text, "20852163", "9223372036854775807", 1),
		strings.Replace(text, "AQID", "AQIDAQID", 1), strings.Replace(text, "AAA=", "AAB=", 1), strings.Replace(text, "=", "", 1), strings.Replace(text, "AQID", "AQI\rD", 1),
	} {
		if got, err := ParseHead([]byte(bad)); err == nil {
			t.Errorf("%q is the head %+v", bad, got)
		}
	}
}

// FuzzHead: what is read is what would be written.
func FuzzHead(f *testing.F) {
	f.Add([]byte("a/log\n7\nAQIDAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		if h, err := ParseHead(text); err == nil && !bytes.Equal(h.Text(), text) {
			t.Errorf("%q is read as %q", text, h.Text())
		}
	})
}

// FuzzProof: a proof that nobody made holds for no root that is random.
func FuzzProof(f *testing.F) {
	f.Add([]byte(`{"credential":"urn:1","key":"k","sealed":"2026-06-01T12:00:00Z","forms":{"vc2":"AQIDAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}}`), "vc2", uint64(1), uint64(2), 1)
	f.Fuzz(func(t *testing.T, said []byte, form string, index, size uint64, hashes int) {
		var root Hash
		rand.Read(root[:])
		p := Proof{Said: said, Form: form, Index: index, Size: size, Hashes: make([]Hash, min(max(hashes, 0), 100))}
		if _, err := p.Check(root, Hash{}); err == nil {
			t.Error("it holds")
		}
	})
}
