package store

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
)

// keyTree has a secret for each of 2^placeBits places and can forget any of them
// for ever (the pseudorandom function of Goldreich, Goldwasser and Micali, 1986,
// punctured as Boneh and Waters, 2013, do). The secrets stand at the leaves of a
// binary tree, each node's made from that of its parent by hashing, so that one
// secret of 32 bytes, the root's, has them all. To forget a place, or all places
// below a node, the secrets on the way down to it are given up, and those beside
// the way are kept in their stead: nothing that is kept leads to it any more.
//
// So nothing is written when a learner's data come in, and a copy of the tree has
// the keys of what comes later too. It grows by about 64 secrets for each place
// that is forgotten.
type keyTree struct {
	nodes []keyNode // in order of their paths; none is above another
}

type keyNode struct {
	path   keyPath
	secret [sha256.Size]byte
}

// keyPath is the way from the root to a node, 0 or 1 at each step.
type keyPath struct {
	bits   [(placeBits + 7) / 8]byte // first step in the highest bit; 0 behind the last
	length uint8
}

func (p *keyPath) bit(n int) byte { return p.bits[n/8] >> (7 - n%8) & 1 }

func (p *keyPath) set(n int, bit byte) {
	mask := byte(1) << (7 - n%8)
	p.bits[n/8] &^= mask
	p.bits[n/8] |= bit * mask
}

// first is the beginning of p, of n steps.
func (p *keyPath) first(n int) keyPath {
	begins := keyPath{length: uint8(n)}
	whole := copy(begins.bits[:n/8], p.bits[:])
	if n%8 > 0 {
		begins.bits[whole] = p.bits[whole] &^ (0xff >> (n % 8))
	}
	return begins
}

// above reports whether p leads to q or to a node above it.
func (p *keyPath) above(q *keyPath) bool {
	whole := int(p.length) / 8
	if p.length > q.length || !bytes.Equal(p.bits[:whole], q.bits[:whole]) {
		return false
	}
	for n := 8 * whole; n < int(p.length); n++ {
		if p.bit(n) != q.bit(n) {
			return false
		}
	}
	return true
}

// compare puts a node before those below it, and what is below it before all others that follow.
func (p keyPath) compare(q keyPath) int {
	return cmp.Or(bytes.Compare(p.bits[:], q.bits[:]), cmp.Compare(p.length, q.length))
}

func newKeyTree() *keyTree {
	t := &keyTree{nodes: make([]keyNode, 1)}
	rand.Read(t.nodes[0].secret[:]) // never fails (crypto/rand)
	return t
}

// step goes from the secret of a node to that of one of its children. All inputs
// have one length, and a leaf's secret is not hashed on.
func step(secret *[sha256.Size]byte, bit byte) [sha256.Size]byte {
	var in [sha256.Size + 1]byte
	copy(in[:], secret[:])
	in[sha256.Size] = bit
	return sha256.Sum256(in[:])
}

// find returns where the node stands that is at path or above it, or where it
// would, and false.
func (t *keyTree) find(path keyPath) (int, bool) {
	i, exact := slices.BinarySearchFunc(t.nodes, path, func(n keyNode, path keyPath) int { return n.path.compare(path) })
	if exact {
		return i, true
	}
	// Between a node and one below it stands only what is below it too.
	if i > 0 && t.nodes[i-1].path.above(&path) {
		return i - 1, true
	}
	return i, false
}

// secret returns the secret of a place; false where it is forgotten.
func (t *keyTree) secret(path keyPath) ([sha256.Size]byte, bool) {
	i, ok := t.find(path)
	if !ok {
		return [sha256.Size]byte{}, false
	}
	return t.nodes[i].descend(path), true
}

// descend goes from the secret of a node to that of a place below it, as step does, in
// one piece of memory.
func (n *keyNode) descend(path keyPath) [sha256.Size]byte {
	in := append(make([]byte, 0, sha256.Size+1), n.secret[:]...)
	h := sha256.New()
	for i := int(n.path.length); i < int(path.length); i++ {
		h.Reset()
		h.Write(append(in, path.bit(i)))
		h.Sum(in[:0])
	}
	return [sha256.Size]byte(in)
}

// has reports whether a secret is left of path or below it.
func (t *keyTree) has(path keyPath) bool {
	i, ok := t.find(path)
	return ok || i < len(t.nodes) && path.above(&t.nodes[i].path)
}

// below are the nodes that stand below path, from one on and to before another; none where
// path or a node above it has its secret still.
func (t *keyTree) below(path keyPath) (first, end int) {
	first, whole := t.find(path)
	if whole {
		return first, first
	}
	for end = first; end < len(t.nodes) && path.above(&t.nodes[end].path); end++ {
	}
	return first, end
}

// forget gives up the secrets of all places at path and below, and reports
// whether any was left.
func (t *keyTree) forget(path keyPath) bool {
	i, ok := t.find(path)
	if !ok { // but parts of what is below it may be left
		_, end := t.below(path)
		t.nodes = slices.Delete(t.nodes, i, end)
		return end > i
	}
	at := t.nodes[i]
	beside := make([]keyNode, 0, path.length-at.path.length)
	for n := int(at.path.length); n < int(path.length); n++ {
		bit := path.bit(n)
		other := keyNode{at.path, step(&at.secret, 1-bit)}
		other.path.set(n, 1-bit)
		other.path.length++
		beside = append(beside, other)
		at.secret = step(&at.secret, bit)
		at.path.set(n, bit)
		at.path.length++
	}
	slices.SortFunc(beside, func(a, b keyNode) int { return a.path.compare(b.path) })
	t.nodes = slices.Replace(t.nodes, i, i+1, beside...)
	return true
}

func (t *keyTree) clone() *keyTree { return &keyTree{slices.Clone(t.nodes)} }

// encode writes of each node the length of its path, the path, the secret.
func (t *keyTree) encode() []byte {
	b := make([]byte, 0, len(t.nodes)*(1+len(keyPath{}.bits)+sha256.Size))
	for _, n := range t.nodes {
		b = append(append(append(b, n.path.length), n.path.bits[:]...), n.secret[:]...)
	}
	return b
}

var errKeyTree = errors.New("it is not a tree of keys")

// decodeKeyTree is the inverse of encode.
func decodeKeyTree(b []byte) (*keyTree, error) {
	t := &keyTree{}
	for len(b) > 0 {
		n := keyNode{path: keyPath{length: b[0]}}
		rest := b[1:]
		if n.path.length > placeBits || len(rest) < len(n.path.bits)+sha256.Size {
			return nil, errKeyTree
		}
		rest = rest[copy(n.path.bits[:], rest):]
		b = rest[copy(n.secret[:], rest):]
		for i := int(n.path.length); i < 8*len(n.path.bits); i++ {
			if n.path.bit(i) != 0 {
				return nil, errKeyTree
			}
		}
		if last := len(t.nodes) - 1; last >= 0 && (t.nodes[last].path.compare(n.path) >= 0 || t.nodes[last].path.above(&n.path)) {
			return nil, fmt.Errorf("%w: its nodes are out of order", errKeyTree)
		}
		t.nodes = append(t.nodes, n)
	}
	return t, nil
}
