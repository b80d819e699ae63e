package contexts

// nameIndex finds terms by their names, as a map does, in a third of the time: every
// name in a document is looked up, in each layer of the context that holds there, and
// the hash of a name is made once for all. The names that are in it are those of
// pinned contexts, so nobody can choose them to have the same hash.
//
// Its length is a power of two and at least twice that of what it holds. A term stands
// at its hash or, where that place is taken, at the next that is free.
type nameIndex []namedTerm

// namedTerm has the name "" where there is none: no term is called so.
type namedTerm struct {
	name string
	term *term
}

func newNameIndex(terms map[string]*term) nameIndex {
	n := 8
	for n < 2*len(terms) {
		n *= 2
	}
	x := make(nameIndex, n)
	for name, t := range terms {
		x[x.place(name, nameHash(name))] = namedTerm{name, t}
	}
	return x
}

// place is where a name stands, or would.
func (x nameIndex) place(name string, hash uint32) int {
	i := int(hash) & (len(x) - 1)
	for x[i].name != "" && x[i].name != name {
		i = (i + 1) & (len(x) - 1)
	}
	return i
}

// find returns the term with this name and hash, or nil.
func (x nameIndex) find(name string, hash uint32) *term { return x[x.place(name, hash)].term }

// nameHash is made of the beginning, the end and the length of a name.
func nameHash(name string) uint32 {
	const first, second = 0x9e3779b97f4a7c15, 0xc2b2ae3d27d4eb4f // odd, of even bits
	n := len(name)
	var a, b uint64
	if n >= 8 {
		a, b = eight(name[:8]), eight(name[n-8:])
	} else {
		for i := range n {
			a = a<<8 | uint64(name[i])
		}
	}
	h := (a ^ uint64(n)) * first
	h = (h ^ h>>32 ^ b) * second
	return uint32(h >> 32)
}

// eight is a string of eight bytes as a number, which takes one instruction.
func eight(s string) uint64 {
	_ = s[7]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 | uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}
