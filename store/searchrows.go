package store

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"hash/fnv"
	"io"
	"math/bits"
	"os"
	"sync"
	"time"
)

// searchRows is what Search goes by: a file beside the store with a row for each
// record, in order of reservation, that says of it what can be asked for, and the same
// in memory, 90 MB for a million, in another order. To look for something is to go
// through what all rows say of it, some milliseconds for a million, and then to read
// the few records whose rows fit.
//
// The file is made of the records and holds no truth of its own. A row that is
// missing or damaged says that its record must be read, and is written then; so it
// is never flushed, never backed up, and may be removed at any time. Not to be in
// any backup is what makes an erasure whole: names stand in it as a few bits of
// keyed hashes, which whoever has the data keys could compare with names.
type searchRows struct {
	path string
	head searchRow // whose rows they must be
	read bool      // nothing is written

	mu     sync.RWMutex
	file   *os.File // nil: not opened yet, or it cannot be
	err    error    // why not
	blocks map[uint64]*searchBlock
}

// searchSuffix is behind the name of the store's file.
const searchSuffix = ".search"

// The layout of a row: checksum 4, awarding date 4, end 8, course 4, version 4,
// batch 4, key 4, signature 64. In place of row 0, which no record has, stands whose
// file it is.
const (
	rowSize       = 32 + signatureBytes
	signatureBits = 8 * signatureBytes
	// Each token sets tokenBits bits of the signature. A record has about 20 tokens, so
	// that a quarter is set, and one in four thousand has those of a name that is not its own.
	signatureBytes = 64
	tokenBits      = 6
)

type searchRow [rowSize]byte

// facts of a row.
type rowFacts struct {
	awarded                     int32 // days since 1970, 0 for none
	end                         int64 // Unix time, 0 for none
	course, version, batch, key uint32
}

func day(date string) int32 {
	t, err := time.Parse(time.DateOnly, date)
	if err != nil {
		return 0
	}
	return int32(t.Unix() / 86400)
}

// short stands for a text in a row; 0 for none.
func short(s string) uint32 {
	if s == "" {
		return 0
	}
	h := fnv.New32a()
	io.WriteString(h, s)
	return h.Sum32() | 1
}

// newRow makes the row of a record.
func (k *DataKeys) newRow(sequence uint64, r *Record) (row searchRow) {
	f := rowFacts{awarded: day(r.AwardingDate), course: short(r.Course), version: short(r.CourseVersion), batch: short(r.Batch), key: short(r.KeyID)}
	if !r.ValidUntil.IsZero() {
		f.end = r.ValidUntil.Unix()
	}
	order := binary.BigEndian
	order.PutUint32(row[4:], uint32(f.awarded))
	order.PutUint64(row[8:], uint64(f.end))
	order.PutUint32(row[16:], f.course)
	order.PutUint32(row[20:], f.version)
	order.PutUint32(row[24:], f.batch)
	order.PutUint32(row[28:], f.key)
	for _, token := range k.searchTokens(r) {
		for _, bit := range token.bits() {
			row[32+bit/8] |= 1 << (bit % 8)
		}
	}
	order.PutUint32(row[:], row.checksum(sequence))
	return row
}

// bits are those of a signature that a token sets.
func (t searchToken) bits() (b [tokenBits]uint16) {
	for i := range b {
		b[i] = uint16(t>>(9*i)) % signatureBits
	}
	return b
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// checksum of a row, which is never that of an empty one. It begins with the sequence,
// as a number: bytes of it would be allocated for each row that a search looks at.
func (row *searchRow) checksum(sequence uint64) uint32 {
	return crc32.Update(uint32(sequence^sequence>>32), castagnoli, row[4:]) | 1
}

// asked is a query as rows are compared with it.
type asked struct {
	from, until        int32
	facts              rowFacts
	now                int64
	expired, unexpired bool
	bits               []uint16 // that must be set in the signature
}

func (k *DataKeys) asked(q *Query) asked {
	a := asked{from: day(q.From), until: day(q.Until), now: q.Now.Unix(), expired: q.State == Expired, unexpired: q.State == Issued,
		facts: rowFacts{course: short(q.Course), version: short(q.Version), batch: short(q.Batch), key: short(q.KeyID)}}
	for _, token := range q.tokens(k) {
		bits := token.bits()
		a.bits = append(a.bits, bits[:]...)
	}
	return a
}

// blockRows is how many rows stand in a block: those with sequences from a multiple of it on.
const blockRows = 4096

// rowSet is a set of the rows of a block, a bit for each.
type rowSet [blockRows / 64]uint64

func (s *rowSet) add(n int) { s[n/64] |= 1 << (n % 64) }

// keep takes those out that fail a test.
func (s *rowSet) keep(test func(n int) bool) {
	for i, word := range s {
		for ; word != 0; word &= word - 1 {
			if n := bits.TrailingZeros64(word); !test(64*i + n) {
				s[i] &^= 1 << n
			}
		}
	}
}

// searchBlock is rows in the order in which they are asked: what all say of one thing
// stands together.
type searchBlock struct {
	there                       rowSet                // rows that are there, and whole
	signatures                  [signatureBits]rowSet // rows that have a bit set
	awarded                     [blockRows]int32
	ends                        [blockRows]int64
	course, version, batch, key [blockRows]uint32
}

// set puts a row into the block, in place of what was there.
func (b *searchBlock) set(n int, row *searchRow) {
	order := binary.BigEndian
	if b.there[n/64]&(1<<(n%64)) != 0 { // it says less: what is erased is gone here too
		for i := range b.signatures {
			b.signatures[i][n/64] &^= 1 << (n % 64)
		}
	}
	b.there.add(n)
	b.awarded[n], b.ends[n] = int32(order.Uint32(row[4:])), int64(order.Uint64(row[8:]))
	b.course[n], b.version[n] = order.Uint32(row[16:]), order.Uint32(row[20:])
	b.batch[n], b.key[n] = order.Uint32(row[24:]), order.Uint32(row[28:])
	for i := 0; i < signatureBytes; i += 8 {
		for word := binary.LittleEndian.Uint64(row[32+i:]); word != 0; word &= word - 1 {
			b.signatures[8*i+bits.TrailingZeros64(word)].add(n)
		}
	}
}

// mayBe returns the rows whose records must be read; so must those of rows that are
// missing or damaged, which are not there.
func (b *searchBlock) mayBe(a *asked) (fit rowSet) {
	fit = b.there
	for _, bit := range a.bits {
		for i, word := range b.signatures[bit] {
			fit[i] &= word
		}
	}
	for _, is := range []struct {
		wanted uint32
		column *[blockRows]uint32
	}{{a.facts.course, &b.course}, {a.facts.version, &b.version}, {a.facts.batch, &b.batch}, {a.facts.key, &b.key}} {
		if is.wanted != 0 {
			fit.keep(func(n int) bool { return is.column[n] == is.wanted })
		}
	}
	if a.from != 0 || a.until != 0 {
		fit.keep(func(n int) bool {
			return b.awarded[n] >= a.from && (a.until == 0 || b.awarded[n] <= a.until && b.awarded[n] != 0)
		})
	}
	if a.expired || a.unexpired {
		fit.keep(func(n int) bool { return (b.ends[n] != 0 && b.ends[n] < a.now) == a.expired })
	}
	for i, word := range b.there {
		fit[i] |= ^word
	}
	return fit
}

// open opens the file, or makes it anew where it is another store's. Nobody needs it
// before the first row is read or written. The caller has mu.
func (x *searchRows) open() {
	if x.file != nil || x.err != nil {
		return
	}
	mode := os.O_RDWR | os.O_CREATE
	if x.read {
		mode = os.O_RDONLY
	}
	file, err := os.OpenFile(x.path, mode, 0o600)
	if err != nil {
		x.err = err
		return
	}
	var found searchRow
	_, err = file.ReadAt(found[:], 0)
	if found != x.head {
		err = os.ErrNotExist
		if !x.read {
			err = file.Truncate(0)
			if err == nil {
				_, err = file.WriteAt(x.head[:], 0)
			}
		}
	}
	if err != nil {
		x.err = errors.Join(err, file.Close())
		return
	}
	x.file = file
}

// put writes the row of a record. What it cannot write is missing.
func (x *searchRows) put(sequence uint64, row *searchRow) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.open(); x.file != nil && !x.read {
		x.file.WriteAt(row[:], int64(sequence)*rowSize)
	}
	if b := x.blocks[sequence/blockRows]; b != nil {
		b.set(int(sequence%blockRows), row)
	}
}

// mayBe returns the rows of a block whose records must be read, and those of them that
// are missing.
func (x *searchRows) mayBe(block uint64, a *asked) (fit, missing rowSet) {
	x.mu.RLock()
	b := x.blocks[block]
	if b == nil {
		x.mu.RUnlock()
		x.mu.Lock()
		b = x.load(block)
		x.mu.Unlock()
		x.mu.RLock()
	}
	defer x.mu.RUnlock()
	fit = b.mayBe(a)
	for i, word := range b.there {
		missing[i] = ^word
	}
	return fit, missing
}

// load reads a block into memory, unless it is there. The caller has mu.
func (x *searchRows) load(block uint64) *searchBlock {
	if b := x.blocks[block]; b != nil {
		return b
	}
	b := &searchBlock{}
	x.open()
	if x.file != nil {
		room := make([]byte, blockRows*rowSize)
		n, _ := x.file.ReadAt(room, int64(block)*blockRows*rowSize)
		for i := range n / rowSize {
			row := (*searchRow)(room[i*rowSize:])
			if binary.BigEndian.Uint32(row[:]) == row.checksum(block*blockRows+uint64(i)) { // of an empty one it is not 0
				b.set(i, row)
			}
		}
	}
	if x.blocks == nil {
		x.blocks = map[uint64]*searchBlock{}
	}
	x.blocks[block] = b
	return b
}

func (x *searchRows) close() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	file := x.file
	x.file, x.err, x.blocks = nil, os.ErrClosed, nil
	if file == nil {
		return nil
	}
	return file.Close()
}

// sequences is a set of them.
type sequences []uint64 // a bit for each

func (s sequences) add(n uint64) { s[n/64] |= 1 << (n % 64) }

// in is what a set has of a block, all where it is nil.
func (s sequences) in(block uint64) (set rowSet) {
	if s == nil {
		for i := range set {
			set[i] = ^uint64(0)
		}
		return set
	}
	if first := block * blockRows / 64; first < uint64(len(s)) {
		copy(set[:], s[first:])
	}
	return set
}
