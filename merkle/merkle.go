// Package merkle is the form of an append-only log that others can check: what a
// leaf says, the tree of hashes over the leaves (RFC 6962 section 2.1), its heads,
// and the proofs that a leaf stands under a head. It holds what issuers, who keep
// a log, and verifiers, who believe none of it, must understand alike.
//
// Most readers want [Proof.Check] and [Builder].
package merkle

import (
	"encoding/base64"
	"errors"
	"fmt"
	"iter"
	"math"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

// Hash is SHA-256. As JSON it is base64.
type Hash = tlog.Hash

// Reader returns the hashes of a tree by their places, see [Places]. It may run
// faster if places rise.
type Reader func(places []int64) ([]Hash, error)

// Places is the number of hashes that a tree of a size has. Where each of them
// is kept follows from the order in which leaves make them: the new ones of each
// leaf after those of the leaf before.
func Places(size uint64) uint64 {
	if size == 0 {
		return 0
	}
	return uint64(tlog.StoredHashCount(int64(size)))
}

// maxSize keeps what others claim of a tree within what can be computed.
const maxSize = math.MaxInt64 / 4

var errSize = errors.New("no tree is of this size")

// Root is the root of the tree of a size, which must not be 0.
func Root(size uint64, read Reader) (Hash, error) {
	if size == 0 || size > maxSize {
		return Hash{}, errSize
	}
	return tlog.TreeHash(int64(size), tlog.HashReaderFunc(read))
}

// Inclusion is the proof that the tree of a size has a leaf.
func Inclusion(size, index uint64, read Reader) ([]Hash, error) {
	if index >= size || size > maxSize {
		return nil, errSize
	}
	return tlog.ProveRecord(int64(size), int64(index), tlog.HashReaderFunc(read))
}

// Tile returns the hashes at a path of C2SP tlog-tiles: LEVEL/NUMBER, with .p/WIDTH
// behind it for one that is not full, where the tree of a size has them;
// otherwise ErrNoTile.
func Tile(path string, size uint64, read Reader) ([]byte, error) {
	t, err := tlog.ParseTilePath("tile/8/" + path)
	if err != nil || t.L < 0 || size > maxSize {
		return nil, ErrNoTile
	}
	// The hashes of level 8L that the tree has, and those before this tile.
	have := size
	for range t.L {
		have >>= 8
	}
	if uint64(t.N) > have>>8 || uint64(t.N)<<8+uint64(t.W) > have {
		return nil, ErrNoTile
	}
	return tlog.ReadTileData(t, tlog.HashReaderFunc(read))
}

// Tiles yields the paths of all tiles of a tree of a size, as Tile takes them.
func Tiles(size uint64) iter.Seq[string] {
	return func(yield func(path string) bool) {
		for level, have := 0, size; have > 0; level, have = level+1, have>>8 {
			for n := uint64(0); n<<8 < have; n++ {
				t := tlog.Tile{H: 8, L: level, N: int64(n), W: int(min(256, have-n<<8))}
				if !yield(strings.TrimPrefix(t.Path(), "tile/8/")) {
					return
				}
			}
		}
	}
}

// ErrNoTile is returned by Tile.
var ErrNoTile = errors.New("the tree has no such tile")

// Builder makes a tree leaf by leaf, and needs no hash of it but those of its
// right edge. The zero value is the empty tree.
type Builder struct {
	size uint64
	edge [64]Hash // by level, the last complete subtree of 2^level leaves
}

// Size is the number of leaves.
func (b *Builder) Size() uint64 { return b.size }

// Add adds the hash of a leaf and returns the hashes that the tree has got by it,
// in the order of their places.
func (b *Builder) Add(leaf Hash) []Hash {
	made, err := tlog.StoredHashesForRecordHash(int64(b.size), leaf, tlog.HashReaderFunc(b.read))
	if err != nil {
		panic(err) // unreachable: read returns none
	}
	copy(b.edge[:], made)
	b.size++
	return made
}

// Root is the root of the tree, which must not be empty.
func (b *Builder) Root() Hash {
	root, err := Root(b.size, b.read)
	if err != nil {
		panic(err) // a tree without leaves has none
	}
	return root
}

// read serves what is asked of a right edge: complete subtrees, each the last
// of its level.
func (b *Builder) read(places []int64) ([]Hash, error) {
	found := make([]Hash, len(places))
	for i, place := range places {
		level, _ := tlog.SplitStoredHashIndex(place)
		found[i] = b.edge[level]
	}
	return found, nil
}

// Resume returns the builder of a tree whose hashes are kept.
func Resume(size uint64, read Reader) (*Builder, error) {
	b := &Builder{size: size}
	if size == 0 {
		return b, nil
	}
	if size > maxSize {
		return nil, errSize
	}
	var places []int64
	var levels []int
	for level := range 63 {
		if n := size >> level; n&1 == 1 {
			places, levels = append(places, tlog.StoredHashIndex(level, int64(n)-1)), append(levels, level)
		}
	}
	hashes, err := read(places)
	if err != nil {
		return nil, err
	}
	for i, level := range levels {
		b.edge[level] = hashes[i]
	}
	return b, nil
}

// LeafHash is the hash of a leaf.
func LeafHash(leaf []byte) Hash { return tlog.RecordHash(leaf) }

// Head is a tree in three lines: whose, how large, and its root. As a text it is
// the body of a C2SP tlog-checkpoint.
type Head struct {
	Origin string // names the log for ever, without a scheme: "credentials.uni.example/log/1"
	Size   uint64
	Root   Hash
}

// Text is what is sealed.
func (h Head) Text() []byte {
	return fmt.Appendf(nil, "%s\n%d\n%s\n", h.Origin, h.Size, base64.StdEncoding.EncodeToString(h.Root[:]))
}

// ParseHead reads what Text wrote and nothing else.
func ParseHead(text []byte) (Head, error) {
	lines := strings.Split(string(text), "\n")
	if len(lines) != 4 || lines[3] != "" || lines[0] == "" || len(text) > 1024 {
		return Head{}, errors.New("a head has three lines")
	}
	if strings.ContainsFunc(lines[0], func(r rune) bool { return r <= ' ' || r > '~' || r == '+' }) {
		return Head{}, errors.New("the name of a log is plain ASCII without spaces")
	}
	size, err := strconv.ParseUint(lines[1], 10, 63)
	if err != nil || size == 0 || size > maxSize {
		return Head{}, errors.New("the size of a head is a number from 1")
	}
	root, err := base64.StdEncoding.Strict().DecodeString(lines[2])
	if err != nil || len(root) != tlog.HashSize {
		return Head{}, errors.New("the root of a head is 32 bytes in base64")
	}
	h := Head{lines[0], size, Hash(root)}
	if string(h.Text()) != string(text) { // leading zeros, line breaks in base64
		return Head{}, errors.New("a head has one text")
	}
	return h, nil
}
