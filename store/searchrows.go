package store

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"hash/fnv"
	"io"
	"os"
	"slices"
	"sync"
	"time"
)

// searchRows is what Search goes by: a file beside the store with a row for each
// record, in order of reservation, that says of it what can be asked for. To look
// for something is to read the rows one after the other, a tenth of a second for a
// million, and then the few records whose rows fit.
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

	mu   sync.Mutex
	file *os.File // nil: not opened yet, or it cannot be
	err  error    // why not
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
	signature          [signatureBytes / 8]uint64 // bits that must be set
}

func (k *DataKeys) asked(q *Query) asked {
	a := asked{from: day(q.From), until: day(q.Until), now: q.Now.Unix(), expired: q.State == Expired, unexpired: q.State == Issued,
		facts: rowFacts{course: short(q.Course), version: short(q.Version), batch: short(q.Batch), key: short(q.KeyID)}}
	for _, token := range q.tokens(k) {
		for _, bit := range token.bits() {
			a.signature[bit/64] |= 1 << (bit % 64)
		}
	}
	return a
}

// mayBe reports whether the record of a row must be read. So must that of a row that
// is missing or damaged, missing says so.
func (a *asked) mayBe(sequence uint64, row *searchRow) (may, missing bool) {
	order := binary.BigEndian
	sum := order.Uint32(row[:])
	if sum == 0 {
		return true, true
	}
	// The cheapest question first; and the checksum for those alone of which it says no.
	fits := func() bool {
		for i, want := range a.signature {
			if want != 0 && binary.LittleEndian.Uint64(row[32+8*i:])&want != want {
				return false
			}
		}
		awarded, end := int32(order.Uint32(row[4:])), int64(order.Uint64(row[8:]))
		is := func(wanted uint32, at int) bool { return wanted == 0 || wanted == order.Uint32(row[at:]) }
		return awarded >= a.from && (a.until == 0 || awarded <= a.until && awarded != 0) &&
			(!a.expired || end != 0 && end < a.now) && (!a.unexpired || end == 0 || end >= a.now) &&
			is(a.facts.course, 16) && is(a.facts.version, 20) && is(a.facts.batch, 24) && is(a.facts.key, 28)
	}
	if fits() {
		return true, false
	}
	if sum != row.checksum(sequence) {
		return true, true
	}
	return false, false
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
}

// fill reads the rows from one on, as many as there is room for; those that are
// missing are empty.
func (x *searchRows) fill(room []byte, first uint64) {
	x.mu.Lock()
	x.open()
	file := x.file
	x.mu.Unlock()
	n := 0
	if file != nil {
		n, _ = file.ReadAt(room, int64(first)*rowSize)
	}
	clear(room[n-n%rowSize:])
}

func (x *searchRows) close() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	file := x.file
	x.file, x.err = nil, os.ErrClosed
	if file == nil {
		return nil
	}
	return file.Close()
}

// sequences is a set of them.
type sequences []uint64 // a bit for each

func (s sequences) add(n uint64) { s[n/64] |= 1 << (n % 64) }

func (s sequences) has(n uint64) bool { return s == nil || s[n/64]&(1<<(n%64)) != 0 }

// hasAny reports whether one of first to last is in it.
func (s sequences) hasAny(first, last uint64) bool {
	return s == nil || slices.ContainsFunc(s[first/64:last/64+1], func(word uint64) bool { return word != 0 })
}

// stepRows is how many rows are read at a time.
const stepRows = 4096
