package store

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	bolt "go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
)

// Errors of opening, each wrapped with the path and a hint. ErrDamaged is also
// what reading a damaged record gives.
var (
	ErrMissing = errors.New("store file is missing")
	ErrEmpty   = errors.New("store file is empty")
	ErrDamaged = errors.New("store file is damaged")
	ErrForeign = errors.New("store belongs to another institution")
	ErrNewer   = errors.New("store was written by a newer version")
	ErrOlder   = errors.New("store was written by an earlier version")
	ErrLocked  = errors.New("store is in use by another process")
	ErrExists  = errors.New("store already exists")
)

// schema is the version of what the buckets hold. A newer one is refused: an
// older program would not know what it must not break. An older one is brought
// up to date when it is opened, see upgrade.
//
//	1  records and status lists
//	2  courses: buckets courses, courseTexts, awarded; Record.CourseSHA256
//	3  restored stores: bucket kept
//	4  documents: bucket documents; Record.ExternalID: bucket externals; Record.ValidUntil,
//	   Draft, Supersedes; Change.Code, Successor; the audit log: buckets logs,
//	   logEntries, logHashes, logHeads; recordDoc.Logged; what is personal under data
//	   keys, see personal.go; bucket states
//	5  Record.Assessment
//	6  Document.Under, documents of kind forgotten
const schema = 6

// The buckets. A sequence is the record's number in order of reservation, eight
// bytes big-endian: new records go to the end of the tree, and reading in order
// is reading in order of reservation. The values of buckets marked * are sealed
// by sealValue; payloads and tokens by the hashes in their record; index values
// are compared with the record they lead to.
var (
	bucketMeta      = []byte("meta")      // * "store": identity; "epoch": the last restoration; "log": name of the open log
	bucketRecords   = []byte("records")   // * sequence: recordDoc
	bucketPayloads  = []byte("payloads")  // sequence + profile: payload
	bucketTokens    = []byte("tokens")    // sequence + profile: token
	bucketPending   = []byte("pending")   // sequence of each record that is reserved: nothing
	bucketStates    = []byte("states")    // state, 0, sequence of each record that is listed under it: nothing
	bucketIDs       = []byte("ids")       // credential id: sequence
	bucketKeys      = []byte("keys")      // request key, blind: sequence
	bucketPublics   = []byte("publics")   // public id: sequence
	bucketLinks     = []byte("links")     // link, blind: sequence
	bucketNumbers   = []byte("numbers")   // certificate number: sequence
	bucketExternals = []byte("externals") // external id, blind: sequence, of records that have one
	bucketEntries   = []byte("entries")   // list id, 0, index: sequence
	bucketLists     = []byte("lists")     // * list id: listDoc
	bucketBits      = []byte("bits")      // * list id: present bits
	bucketKept      = []byte("kept")      // * list id: bits that no record calls for, see Restore
	bucketPublished = []byte("published") // list id: token last published
	bucketSeries    = []byte("series")    // * series: last number drawn

	bucketCourses     = []byte("courses")     // * course id, 0, version, 0: Course
	bucketCourseTexts = []byte("courseTexts") // course id, 0, version, 0: JSON, packed as a payload
	bucketAwarded     = []byte("awarded")     // course id, 0, version, 0, SHA-256 of a course that a record was awarded under: nothing

	bucketDocuments = []byte("documents") // * kind, 0, id: head, body

	bucketLogs       = []byte("logs")       // * log: Log
	bucketLogEntries = []byte("logEntries") // * log, 0, index: length of what verifiers may see, that, entryDoc
	bucketLogHashes  = []byte("logHashes")  // * log, 0, place of the first: hashes of the tree that follow each other
	bucketLogHeads   = []byte("logHeads")   // * log, 0, size: Head
)

var buckets = [][]byte{
	bucketMeta, bucketRecords, bucketPayloads, bucketTokens, bucketPending, bucketIDs, bucketKeys,
	bucketPublics, bucketLinks, bucketNumbers, bucketEntries, bucketLists, bucketBits, bucketKept, bucketPublished,
	bucketSeries, bucketCourses, bucketCourseTexts, bucketAwarded,
	bucketDocuments, bucketExternals, bucketStates,
	bucketLogs, bucketLogEntries, bucketLogHashes, bucketLogHeads,
}

// identity says whose store it is.
type identity struct {
	Store  string `json:"store"`
	Keys   string `json:"keys,omitzero"` // of the data keys under which records are
	Schema int    `json:"schema"`
}

var identityKey = []byte("store")

// InitBolt creates a store at path for the institution named by storeID, whose
// records are kept under keys, and its folder if there is none. It never replaces a
// file (ErrExists): a new store in place of a lost one would give out indexes again
// and forget all revocations.
func InitBolt(path, storeID string, keys *DataKeys) error {
	if storeID == "" {
		return fmt.Errorf("creating %s: a store needs the institution's id", path)
	}
	if _, err := os.Lstat(path); err == nil {
		return fmt.Errorf("creating %s: %w; choose an empty folder", path, ErrExists)
	}
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("creating %s: %w", path, err)
	}

	// 1. A whole store under another name. bbolt can lose a file whose first
	// pages were not on disk at a power cut; that file never has our name.
	temp, err := os.CreateTemp(dir, ".new-store-*")
	if err != nil {
		return fmt.Errorf("creating %s: %w", path, err)
	}
	defer os.Remove(temp.Name())
	if err := temp.Close(); err != nil {
		return fmt.Errorf("creating %s: %w", path, err)
	}
	db, err := bolt.Open(temp.Name(), 0o600, &bolt.Options{Timeout: lockTimeout, FreelistType: bolt.FreelistMapType, NoFreelistSync: true})
	if err != nil {
		return fmt.Errorf("creating %s: %w", path, err)
	}
	err = db.Update(func(tx *bolt.Tx) error {
		for _, name := range buckets {
			if _, err := tx.CreateBucket(name); err != nil {
				return err
			}
		}
		by := author{Actor{Name: ItselfActor}, time.Now().UTC()}
		return errors.Join(putJSON(tx, bucketMeta, identityKey, identity{storeID, keys.ID(), schema}), by.openLog(tx, firstLog, 0), grow(tx))
	})
	if err := errors.Join(err, db.Close(), syncPath(temp.Name())); err != nil {
		return fmt.Errorf("creating %s: %w", path, err)
	}

	// 2. The name, which Link gives only if it is free.
	if err := os.Link(temp.Name(), path); errors.Is(err, os.ErrExist) {
		return fmt.Errorf("creating %s: %w; choose an empty folder", path, ErrExists)
	} else if err != nil {
		return fmt.Errorf("creating %s: %w", path, err)
	}
	if err := syncPath(dir); err != nil {
		return fmt.Errorf("creating %s: %w", path, err)
	}
	return nil
}

// syncPath flushes a file or a folder to disk.
func syncPath(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// lockTimeout is how long opening waits for another process to end, as when a
// service is restarted.
const lockTimeout = 5 * time.Second

// OpenBolt opens a store that InitBolt made; storeID must be the one it was
// made with, and so must keys. A missing, empty, cut or foreign file is refused with
// a hint, and so is one whose pages do not hang together. Of a file of more than 256 MiB
// the pages that lead to others are looked at, so that it is open at once; [Examine]
// looks at the rest.
//
// Without keys (nil) nothing can be reserved, and what is personal not be read:
// ErrDataKeys. A store of an earlier version takes the keys that it is first opened
// with; its records stay in the clear until [Compact].
func OpenBolt(path, storeID string, keys *DataKeys) (Store, error) {
	s, err := openBolt(path, storeID, keys, boltLimits{lock: lockTimeout, size: volumeShare(path)})
	if err != nil {
		return nil, err // not s: a nil *boltStore would make a Store that is not nil
	}
	return s, nil
}

// ReadBolt opens a store as OpenBolt does, but writes nothing, not even what
// would bring it up to date: ErrOlder. Every write is ErrReadOnly. Others may
// read the file at the same time.
func ReadBolt(path, storeID string, keys *DataKeys) (Store, error) {
	s, err := openBolt(path, storeID, keys, boltLimits{lock: lockTimeout, read: true})
	if err != nil {
		return nil, err
	}
	return s, nil
}

// UnderDataKeys reports whether a store of InitBolt has data keys without which what
// is personal in it cannot be read.
func UnderDataKeys(path, storeID string) (bool, error) {
	s, err := openBolt(path, storeID, nil, boltLimits{lock: lockTimeout, read: true})
	if errors.Is(err, ErrOlder) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer s.Close()
	id, err := s.identity(context.Background())
	return id.Keys != "", err
}

// boltLimits is what differs between those who open a store.
type boltLimits struct {
	lock  time.Duration // to wait for the file's lock
	size  int           // most bytes of the file, 0 for no limit
	read  bool          // and write nothing
	whole int64         // up to which size every page is examined first, 0: wholeSize
}

// hints say what to do, by error.
var hints = map[error]string{
	ErrMissing:  "restore it from a backup (`indeks init` makes a new store, only in an empty folder)",
	ErrEmpty:    "restore it from a backup",
	ErrDamaged:  "keep the file as it is and restore the last backup beside it",
	ErrForeign:  "check the store's path and the institution's configuration",
	ErrDataKeys: "put back the latest copy of the file of data keys that belongs to this store",
	ErrNewer:    "use the program that wrote it, or a later one",
	ErrOlder:    "start the issuer once with this version, which brings it up to date",
	ErrLocked:   "stop the other `indeks` that uses it",
}

// hinted adds what to do to an error that wraps a sentinel.
func hinted(err error, hints map[error]string) error {
	for sentinel, hint := range hints {
		if errors.Is(err, sentinel) {
			err = fmt.Errorf("%w; %s", err, hint)
		}
	}
	return err
}

func openBolt(path, storeID string, keys *DataKeys, limits boltLimits) (s *boltStore, err error) {
	defer func() {
		if err == nil {
			return
		}
		s = nil
		err = hinted(fmt.Errorf("opening %s: %w", path, err), hints)
	}()

	// Where damage was found while it was used, it is looked for before that.
	limits.whole = cmp.Or(limits.whole, wholeSize)
	if _, err := os.Lstat(path + damagedSuffix); err == nil {
		limits.whole = math.MaxInt64
	}

	// 1. The file, without O_CREATE, which bbolt would set: it makes an empty
	// database of a missing or empty file and crashes on one that was cut, where
	// no recover helps. Examined under the lock and through the descriptor that
	// bbolt goes on with, so that it opens what was examined.
	var file *os.File
	var found examined
	db, err := bolt.Open(path, 0o600, &bolt.Options{
		OpenFile: func(path string, _ int, _ os.FileMode) (*os.File, error) {
			mode := os.O_RDWR
			if limits.read {
				mode = os.O_RDONLY
			}
			f, err := os.OpenFile(path, mode, 0)
			if errors.Is(err, os.ErrNotExist) {
				return nil, ErrMissing
			}
			if err != nil {
				return nil, err
			}
			if err := lockFile(f, !limits.read, limits.lock); err != nil {
				f.Close()
				return nil, err
			}
			if err := still(f, path); err != nil {
				f.Close()
				return nil, err
			}
			if found, err = examine(f, limits.whole); err == nil && found.frame && !limits.read && !found.free {
				// Once it is known to be ours: nothing else is written to.
				if err = found.fits(storeID, keys); err == nil {
					err = commitFree(f, found.meta, nil)
				}
				if errors.Is(err, syscall.ENOSPC) { // without it, bbolt reads all
					found, err = examine(f, math.MaxInt64)
				}
			}
			if err != nil {
				f.Close()
				return nil, err
			}
			file = f
			return f, nil
		},
		Timeout:      limits.lock,
		FreelistType: bolt.FreelistMapType,
		// What etcd and containerd run; see freepages.go.
		NoFreelistSync: true,
		// A reader blocks a writer that must move the mapping; a large one from
		// the start costs address space only.
		InitialMmapSize: mapSize,
		MaxSize:         limits.size,
		ReadOnly:        limits.read,
	})
	if errors.Is(err, berrors.ErrTimeout) {
		return nil, ErrLocked
	}
	if err != nil {
		return nil, err
	}
	s = &boltStore{path: path, db: db, file: file, frame: found.frame, whole: limits.whole, reads: limits.read, keys: keys, rows: searchRows{path: path + searchSuffix, read: limits.read}, now: time.Now, opened: time.Now(), turn: make(chan struct{}, 1), counted: countedLists{}, commit: func(update func() error) error { return update() }}
	if limits.read {
		s.failed = errors.New("it was opened to be read")
	}

	// 2. Whose it is, and whether this program may write it.
	var id identity
	err = s.view(context.Background(), func(tx *bolt.Tx) error {
		if tx.Bucket(bucketMeta) == nil {
			return fmt.Errorf("%w: not a store of Indeks", ErrForeign)
		}
		id, err = whose(tx.Bucket(bucketMeta).Get(identityKey), storeID, keys, limits.read)
		return err
	})
	if err == nil && !limits.read && (id.Schema < schema || id.Keys == "" && keys != nil) {
		err = s.upgrade(id)
	}
	if err == nil {
		err = s.view(context.Background(), func(tx *bolt.Tx) error {
			for _, name := range buckets {
				if tx.Bucket(name) == nil {
					return lacks(name)
				}
			}
			s.rows.head, err = s.rowsHead(tx)
			return err
		})
	}
	if err == nil && !limits.read && limits.whole == math.MaxInt64 {
		if err = os.Remove(path + damagedSuffix); errors.Is(err, os.ErrNotExist) {
			err = nil
		}
	}
	if err == nil && keys != nil && !limits.read {
		err = Settle(context.Background(), s)
	}
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return s, nil
}

// whose reads the identity of a store, and says why this program may not open it, to
// read or to write, for the institution named by storeID with keys.
func whose(stored []byte, storeID string, keys *DataKeys, read bool) (id identity, err error) {
	if stored == nil {
		return id, fmt.Errorf("%w: not a store of Indeks", ErrForeign)
	}
	if err := openJSON(bucketMeta, identityKey, stored, &id); err != nil {
		return id, err
	}
	switch {
	case id.Store != storeID:
		err = fmt.Errorf("%w: it is that of %q, expected %q", ErrForeign, id.Store, storeID)
	case id.Schema > schema:
		err = fmt.Errorf("%w: schema %d, this one reads %d", ErrNewer, id.Schema, schema)
	case id.Schema < 1:
		err = fmt.Errorf("%w: schema %d", ErrDamaged, id.Schema) // unreachable: schema 1 is the first
	case id.Schema < schema && read:
		err = fmt.Errorf("%w: schema %d, this one reads %d", ErrOlder, id.Schema, schema)
	case keys != nil && id.Keys != "" && id.Keys != keys.ID():
		err = fmt.Errorf("%w: its records are under keys %s, these are %s", ErrDataKeys, id.Keys, keys.ID())
	}
	return id, err
}

// fits says why a file that was examined may not be opened for writing.
func (found *examined) fits(storeID string, keys *DataKeys) error {
	id, err := whose(found.store, storeID, keys, false)
	if err == nil && id.Schema == schema && found.missing != nil {
		err = lacks(found.missing)
	}
	return err
}

func lacks(bucket []byte) error { return fmt.Errorf("%w: it has no bucket %q", ErrDamaged, bucket) }

// still is ErrLocked where path has come to name another file while the lock of
// f was waited for: that is how a compacted store takes the place of the old one.
func still(f *os.File, path string) error {
	opened, err := f.Stat()
	if err != nil {
		return err
	}
	named, err := os.Stat(path)
	if errors.Is(err, os.ErrNotExist) {
		return ErrMissing
	}
	if err == nil && !os.SameFile(opened, named) {
		err = ErrLocked
	}
	return err
}

// upgrade brings a store of an earlier schema up to date, in one transaction:
// after a power cut it is the old one or the new one.
//
// From 1 to 2 there is nothing to convert. Records of schema 1 do not tell the
// content of their course, so they hold no version of the catalogue to it. Nor
// is there from 2 to 3: no store of schema 2 was ever restored. Schema 4 adds
// what had no place before, and members that older records do not have; its log
// says how many records are older than it. Those records stay in the clear. From 4 to
// 5 there is nothing to convert: of older records the assessment was not recorded. Nor is
// there from 5 to 6: whoever puts a document again says what it lies under.
func (s *boltStore) upgrade(id identity) error {
	return guard(func() error {
		return s.db.Update(func(tx *bolt.Tx) error {
			var added [][]byte
			if id.Schema < 2 {
				added = append(added, bucketCourses, bucketCourseTexts, bucketAwarded)
			}
			if id.Schema < 3 {
				added = append(added, bucketKept)
			}
			if id.Schema < 4 {
				added = append(added, bucketDocuments, bucketExternals, bucketStates, bucketLogs, bucketLogEntries, bucketLogHashes, bucketLogHeads)
			}
			for _, name := range added {
				if _, err := tx.CreateBucket(name); err != nil {
					return err
				}
			}
			if id.Schema < 4 {
				before := tx.Bucket(bucketRecords).Sequence()
				if err := errors.Join(s.author(context.Background()).openLog(tx, firstLog, before), grow(tx), addStates(tx)); err != nil {
					return err
				}
			}
			if id.Keys == "" {
				id.Keys = s.keys.ID()
			}
			return putJSON(tx, bucketMeta, identityKey, identity{id.Store, id.Keys, schema})
		})
	})
}

// boltStore is a Store in one bbolt file. See write for how callers share a
// transaction.
type boltStore struct {
	path     string
	db       *bolt.DB
	file     *os.File  // of db
	frame    bool      // it was opened by its frame: see examine
	whole    int64     // as of boltLimits
	reads    bool      // and writes nothing
	keys     *DataKeys // nil: what is personal cannot be read
	rows     searchRows
	bases    sync.Map // see hasBases
	fresh    fresh    // what was reserved lately
	opened   time.Time
	looked   atomic.Int64 // when after that, see forgetMapped
	counters counters
	now      func() time.Time

	turn    chan struct{} // holds one token while a transaction is being written
	counted countedLists  // of that transaction

	mu     sync.Mutex
	queue  []*call // writes that wait for a transaction
	failed error   // why the store is read-only, nil while it is not

	// commit runs a whole transaction. Tests put failures before and after it.
	commit func(update func() error) error
}

// Close ends the use of the file. Writes under way are finished first.
func (s *boltStore) Close() error {
	s.turn <- struct{}{}
	defer func() { <-s.turn }()
	s.mu.Lock()
	whole := s.failed == nil
	if whole {
		s.failed = errors.New("the store is closed")
	}
	s.mu.Unlock()
	var err error
	if whole {
		err = s.keepFree()
	}
	if err := errors.Join(err, s.db.Close(), s.rows.close()); err != nil {
		return fmt.Errorf("closing %s: %w", s.path, err)
	}
	return nil
}

// view runs fn in a read transaction. fn copies what it keeps: the bytes it
// sees are those of the file.
func (s *boltStore) view(ctx context.Context, fn func(tx *bolt.Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return guard(func() error {
		return s.db.View(func(tx *bolt.Tx) error {
			s.forgetMapped(tx)
			return fn(tx)
		})
	})
}

// What was read of the file stays in the memory of the process until there is more
// of it than maxMapped, in bytes, at a look every lookEvery; nothing is lost by it,
// the system has it still. To look costs as much as reading a record.
const (
	maxMapped = 256 << 20
	lookEvery = 20 * time.Millisecond
)

func (s *boltStore) forgetMapped(tx *bolt.Tx) {
	now, last := int64(time.Since(s.opened)), s.looked.Load()
	if now-last < int64(lookEvery) || !s.looked.CompareAndSwap(last, now) { // or another looks
		return
	}
	if mapped() > maxMapped {
		forget(s.db.Info().Data, int(tx.Size()))
	}
}

// guard runs fn and turns a panic into ErrDamaged. The file is mapped: a sector
// that cannot be read is a fault in the middle of a map access, and bbolt panics
// where a page breaks its rules. Neither may end a process that has other
// records to serve.
func guard(fn func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v", ErrDamaged, p)
		}
	}()
	return fn()
}

// sequenceKey is the key of a record in order of reservation.
func sequenceKey(sequence uint64) []byte {
	return binary.BigEndian.AppendUint64(nil, sequence)
}
