package keys

import (
	"bytes"
	"context"
	"testing"
	"time"
)

// What is printed again is the same, and is opened like any other token.
func TestSealExtract(t *testing.T) {
	for _, alg := range []Algorithm{ES256, ES384, EdDSA} {
		t.Run(string(alg), func(t *testing.T) {
			ring, _ := newRing(t)
			entry := add(t, ring, alg, firstDay)
			sealer, err := ring.Sealer()
			if err != nil {
				t.Fatal(err)
			}
			payload := []byte(`{"a":1}`)
			at := firstDay.Add(time.Hour)
			first, err := sealer.SealExtract(payload, at)
			if err != nil {
				t.Fatal(err)
			}
			second, err := sealer.SealExtract(payload, at)
			if err != nil || !bytes.Equal(first, second) {
				t.Errorf("sealed twice: %v\n%s\n%s", err, first, second)
			}
			if other, err := sealer.SealExtract([]byte(`{"a":2}`), at); err != nil || bytes.Equal(first[bytes.LastIndexByte(first, '.'):], other[bytes.LastIndexByte(other, '.'):]) {
				t.Errorf("another payload has the same signature: %v", err)
			}
			opened, err := Open(context.Background(), first, oneKey(entry.Public))
			if err != nil || opened.Form != VCJWT || !bytes.Equal(opened.Payload, payload) || opened.Seals[0].Chain != nil {
				t.Errorf("opened: %+v, %v", opened, err)
			}
			if err := ring.Revoke(entry.Public.ID, at, "lost"); err != nil {
				t.Fatal(err)
			}
			if _, err := sealer.SealExtract(payload, at); err == nil {
				t.Error("a key that was lost seals extracts")
			}
		})
	}
}
