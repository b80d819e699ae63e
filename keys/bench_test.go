package keys

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"indeks/alike"
	"indeks/internal/reference"
)

// benchPayload is as large as a micro-credential with its supplement.
var benchPayload = []byte(`{"text":"` + strings.Repeat(`a "quoted" \u017e; `, 1250) + `"}`)

// BenchmarkSeal and BenchmarkOpen stand beside the bare signature over the same
// 25 KB, which is what cannot be saved, and beside go-jose.
func BenchmarkSeal(b *testing.B) {
	for _, alg := range allAlgs {
		s := sealer(b, alg)
		b.Run(fmt.Sprintf("bare/%s", alg), func(b *testing.B) {
			for b.Loop() {
				if _, err := sign(alg, privateKey(b, alg), benchPayload); err != nil {
					b.Fatal(err)
				}
			}
		})
		for _, form := range []Form{VCJWT, JAdES} {
			b.Run(fmt.Sprintf("%s/%s", form, alg), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if _, err := s.Seal(benchPayload, form, sealedAt); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

func BenchmarkOpen(b *testing.B) {
	for _, alg := range allAlgs {
		s := sealer(b, alg)
		bareKey := &PublicKey{Key: privateKey(b, alg).Public()}
		bare, err := sign(alg, privateKey(b, alg), benchPayload)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(fmt.Sprintf("bare/%s", alg), func(b *testing.B) {
			for b.Loop() {
				if !verify(alg, bareKey, bare, benchPayload) {
					b.Fatal("does not verify")
				}
			}
		})
		for _, form := range []Form{VCJWT, JAdES} {
			token, err := s.Seal(benchPayload, form, sealedAt)
			if err != nil {
				b.Fatal(err)
			}
			r := oneKey(s.Public())
			b.Run(fmt.Sprintf("%s/%s", form, alg), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if _, err := Open(context.Background(), token, r); err != nil {
						b.Fatal(err)
					}
				}
			})
			if form == JAdES {
				continue
			}
			b.Run(fmt.Sprintf("go-jose/%s", alg), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					jws, err := jose.ParseSignedCompact(string(token), []jose.SignatureAlgorithm{jose.SignatureAlgorithm(alg)})
					if err != nil {
						b.Fatal(err)
					}
					if _, err := jws.Verify(s.Public().Key); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// BenchmarkOpenKnown opens a token of 7 KB (5 KB of payload) sealed with a key that
// nobody here knows, and with one that has a table; and takes it apart only.
func BenchmarkOpenKnown(b *testing.B) {
	s := sealer(b, ES256)
	token, err := s.Seal(benchPayload[:5000], VCJWT, sealedAt)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("taken apart", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := parse(alike.Whole(token), credentials, nil); err != nil {
				b.Fatal(err)
			}
		}
	})
	known := tableNow(s.Public().Key)
	if known == nil {
		b.Skip("in FIPS 140-3 mode no tables are made")
	}
	for name, key := range map[string]*PublicKey{"stranger": s.Public(), "known": known} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Open(context.Background(), token, oneKey(key)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkES256 checks a signature over a hash by crypto/ecdsa and by a table, and
// makes the table.
func BenchmarkES256(b *testing.B) {
	private := privateKey(b, ES256).(*ecdsa.PrivateKey)
	hash := digest(crypto.SHA256, benchPayload)
	r, s, err := ecdsa.Sign(rand.Reader, private, hash)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("crypto/ecdsa", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if !ecdsa.Verify(&private.PublicKey, hash, r, s) {
				b.Fatal("does not verify")
			}
		}
	})
	made, signature := newTable(&private.PublicKey, keyWidth), joined(algorithms[ES256], r, s)
	b.Run("table", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if !made.verify(hash, signature) {
				b.Fatal("does not verify")
			}
		}
	})
	b.Run("making a table", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			newTable(&private.PublicKey, keyWidth)
		}
	})
}

// BenchmarkOpenSample opens the European Commission's sample of 150 KB.
func BenchmarkOpenSample(b *testing.B) {
	token := reference.Read(b, "reference", "samples", "ec", "Sample-MC-Annex1-signed.jsonld")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Open(context.Background(), token, leafResolver); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkOpenRing is slow by intent: it is the price of one guess.
func BenchmarkOpenRing(b *testing.B) {
	defer func(n int) { workFactor = n }(workFactor)
	for _, n := range []int{16, 17, 18} {
		workFactor = n
		path := filepath.Join(b.TempDir(), "keys.age")
		if _, err := CreateRing(path, passphrase); err != nil {
			b.Fatal(err)
		}
		b.Run(fmt.Sprintf("2^%d", n), func(b *testing.B) {
			for b.Loop() {
				if _, err := OpenRing(path, passphrase); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
