package store

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"strconv"

	"github.com/go-json-experiment/json"
	bolt "go.etcd.io/bbolt"
)

// put stores a value behind a SHA-256 over bucket, key and value: bbolt's data
// pages have no checksum, and after one flipped byte the wrong value comes back
// without any error.
func put(tx *bolt.Tx, bucket, key, value []byte) error {
	return tx.Bucket(bucket).Put(key, seal(bucket, key, value))
}

// seal puts the checksum before a value.
func seal(bucket, key, value []byte) []byte {
	sealed := append(make([]byte, sha256.Size, sha256.Size+len(value)), value...)
	sealInPlace(bucket, key, sealed)
	return sealed
}

// sealInPlace puts it into the room before a value.
func sealInPlace(bucket, key, sealed []byte) {
	sum := checksum(bucket, key, sealed[sha256.Size:])
	copy(sealed, sum[:])
}

// get returns what put stored, ErrNotFound, or ErrDamaged when it is not that any
// more. The bytes are those of the file: they are valid in this transaction only.
func get(tx *bolt.Tx, bucket, key []byte) ([]byte, error) {
	stored := tx.Bucket(bucket).Get(key)
	if stored == nil {
		return nil, ErrNotFound
	}
	return open(bucket, key, stored)
}

// open takes the checksum off a value that seal has put it before.
func open(bucket, key, stored []byte) ([]byte, error) {
	if len(stored) >= sha256.Size {
		sum, value := stored[:sha256.Size], stored[sha256.Size:]
		if want := checksum(bucket, key, value); bytes.Equal(sum, want[:]) {
			return value, nil
		}
	}
	return nil, fmt.Errorf("%w: the entry %x of %q does not fit its checksum", ErrDamaged, key, bucket)
}

// checksum binds a value to its place, so that it is not taken for another's.
func checksum(bucket, key, value []byte) [sha256.Size]byte {
	var room [128]byte
	place := append(append(room[:0], bucket...), ' ')
	place = append(append(strconv.AppendInt(place, int64(len(key)), 10), ' '), key...)
	h := sha256.New()
	h.Write(place)
	h.Write(value)
	return [sha256.Size]byte(h.Sum(place[:0]))
}

// sequenceOfKey is the inverse of sequenceKey.
func sequenceOfKey(key []byte) uint64 { return binary.BigEndian.Uint64(key) }

// putJSON stores v as JSON with put.
func putJSON(tx *bolt.Tx, bucket, key []byte, v any) error {
	value, err := sealJSON(bucket, key, v)
	if err != nil {
		return err
	}
	return tx.Bucket(bucket).Put(key, value)
}

// sealJSON is what putJSON stores.
func sealJSON(bucket, key []byte, v any) ([]byte, error) {
	sealed, err := marshal(sha256.Size, v)
	if err != nil {
		return nil, err
	}
	sealInPlace(bucket, key, sealed)
	return sealed, nil
}

// openJSON reads what sealJSON made.
func openJSON(bucket, key, stored []byte, v any) error {
	value, err := open(bucket, key, stored)
	if err != nil {
		return err
	}
	return decode(bucket, key, value, v)
}

// getJSON reads what putJSON stored, strictly: what this program does not know
// it must not drop when it writes the value again.
func getJSON(tx *bolt.Tx, bucket, key []byte, v any) error {
	value, err := get(tx, bucket, key)
	if err != nil {
		return err
	}
	return decode(bucket, key, value, v)
}

func decode(bucket, key, value []byte, v any) error {
	if err := json.Unmarshal(value, v, json.RejectUnknownMembers(true)); err != nil {
		return fmt.Errorf("%w: reading the entry %x of %q: %w", ErrDamaged, key, bucket, err)
	}
	return nil
}
