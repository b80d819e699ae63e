package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"math"
	"math/bits"
	"os"
	"unsafe"

	bolt "go.etcd.io/bbolt"
)

// Which pages of a file are free, bbolt finds out by reading all of it when it is opened:
// no list on disk is believed whose damage would have pages overwritten that are in use.
// It is so with small files. A large one must open sooner: Close leaves the list in it,
// with a checksum behind. Where there is none, because the program was killed, no page
// is taken for free: what was free is unused until Compact, and new pages go to the end.

// noFreeList stands in a meta page in place of the page with the list.
const noFreeList = math.MaxUint64

// manyFree is the count from which on the first entry of a list is the count.
const manyFree = math.MaxUint16

// freePages looks at the list of free pages: each is one of the file and in no use. It
// reports whether the list is one that keepFree left. One that is not, bbolt
// believes only where all other pages were examined.
func (w *walk) freePages() (kept bool, err error) {
	if w.meta.free == noFreeList {
		return false, nil
	}
	p, err := w.header(w.meta.free)
	if err != nil {
		return false, err
	}
	ids, rest, ok := p.free()
	if !ok {
		return false, fmt.Errorf("%w: page %d is no list of free pages", ErrDamaged, w.meta.free)
	}
	sum := sealFree(w.meta.transaction, ids)
	if kept = bytes.HasPrefix(rest, sum[:]); !kept && w.frame {
		return false, nil
	}
	if err := w.see(w.meta.free, p.overflow()+1); err != nil {
		return false, err
	}
	for _, id := range ids {
		if id < 2 || id >= w.meta.pages {
			return false, fmt.Errorf("%w: page %d of %d is said to be free", ErrDamaged, id, w.meta.pages)
		}
		if err := w.see(id, 1); err != nil {
			return false, fmt.Errorf("%w and said to be free", err)
		}
	}
	return kept, nil
}

// free is what a list of free pages says, and what stands behind it.
func (p page) free() (ids []uint64, rest []byte, ok bool) {
	if p.flags() != pageFree {
		return nil, nil, false
	}
	n, b := uint64(p.count()), p[pageHeader:]
	if n == manyFree {
		n, b = order.Uint64(b), b[8:]
	}
	if n > uint64(len(b))/8 {
		return nil, nil, false
	}
	ids = make([]uint64, n)
	for i := range ids {
		ids[i] = order.Uint64(b[8*i:])
	}
	return ids, b[8*n:], true
}

// sealFree is the checksum of a list of free pages that transaction left.
func sealFree(transaction uint64, ids []uint64) [sha256.Size]byte {
	h := sha256.New()
	fmt.Fprintf(h, "free pages %d %d ", transaction, len(ids))
	binary.Write(h, binary.BigEndian, ids) // a hash takes everything
	return [sha256.Size]byte(h.Sum(nil))
}

// commitFree writes a transaction that changes nothing in a file but the list of free
// pages, as bbolt would, with its checksum behind it; m is the last one. It goes to
// pages that nobody uses, and is there once the meta page is that names it.
func commitFree(f *os.File, m meta, ids []uint64) error {
	// 1. The list, behind all other pages.
	next := m
	next.transaction++
	b := make([]byte, pageHeader, pageHeader+8+8*len(ids)+sha256.Size)
	if len(ids) < manyFree {
		order.PutUint16(b[10:], uint16(len(ids)))
	} else {
		order.PutUint16(b[10:], manyFree)
		b = order.AppendUint64(b, uint64(len(ids)))
	}
	for _, id := range ids {
		b = order.AppendUint64(b, id)
	}
	sum := sealFree(next.transaction, ids)
	b = append(b, sum[:]...)
	pages := (len(b) + m.pageSize - 1) / m.pageSize
	b = append(b, make([]byte, pages*m.pageSize-len(b))...)
	order.PutUint64(b, m.pages)
	order.PutUint16(b[8:], pageFree)
	order.PutUint32(b[12:], uint32(pages-1))
	next.free, next.pages = m.pages, m.pages+uint64(pages)
	if _, err := f.WriteAt(b, int64(m.pages)*int64(m.pageSize)); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}

	// 2. The meta page, in place of the one before the last.
	at := int64(next.transaction%2) * int64(m.pageSize)
	was := int64(m.transaction%2) * int64(m.pageSize)
	b = make([]byte, pageHeader+metaSize)
	if _, err := f.ReadAt(b, was); err != nil {
		return err
	}
	order.PutUint64(b, next.transaction%2)
	order.PutUint16(b[8:], pageMeta)
	body := b[pageHeader:]
	order.PutUint64(body[32:], next.free)
	order.PutUint64(body[40:], next.pages)
	order.PutUint64(body[48:], next.transaction)
	h := fnv.New64a()
	h.Write(body[:metaSize-8])
	order.PutUint64(body[56:], h.Sum64())
	if _, err := f.WriteAt(b, at); err != nil {
		return err
	}
	return f.Sync()
}

// keepFree leaves the list of free pages in a file that will be opened by its frame, so
// that whoever does has them. Nobody writes meanwhile, or later.
func (s *boltStore) keepFree() error {
	info, err := s.file.Stat()
	if err != nil || info.Size() <= s.whole {
		return err
	}
	s.db.NoFreelistSync = false
	if err := guard(func() error { return s.db.Update(func(*bolt.Tx) error { return nil }) }); err != nil {
		return err
	}
	if info, err = s.file.Stat(); err != nil {
		return err
	}
	file, unmap, err := mapFile(s.file, info.Size())
	if err != nil {
		return err
	}
	var m meta
	var ids []uint64
	err = guard(func() error {
		defer unmap()
		for _, offset := range []int{0, s.db.Info().PageSize} {
			if found, ok := readMeta(file, offset); ok && found.transaction >= m.transaction {
				m = found
			}
		}
		w := newWalk(file, m, true)
		p, err := w.header(m.free)
		if err != nil {
			return err
		}
		var ok bool
		if ids, _, ok = p.free(); !ok {
			return fmt.Errorf("%w: page %d is no list of free pages", ErrDamaged, m.free) // unreachable: bbolt has just written it
		}
		for id := m.free; id <= m.free+p.overflow(); id++ {
			ids = append(ids, id) // bbolt's list gives way to ours
		}
		return nil
	})
	if err != nil {
		return err
	}
	return commitFree(s.file, m, ids)
}

// Examination is what going through the pages of a store has found.
type Examination struct {
	Pages  uint64 // of the file, with what belongs to no record
	Unused uint64 // of them, that hold nothing and are not known to be free: see Compact
}

// Examine goes through all pages of a store in one file, beside those who use it: each
// hangs together with the others. Opening a large one has looked at its frame only.
// Where it is ErrDamaged, the store takes no write any more: nothing is to be built on
// it. A store in a database has means of its own for that, and nothing is done.
func Examine(ctx context.Context, s Store) (Examination, error) {
	b, ok := asBolt(s)
	if !ok {
		return Examination{}, nil
	}
	e, err := b.examine(ctx)
	if err != nil {
		err = fmt.Errorf("examining the pages of %s: %w", b.path, err)
	}
	return e, err
}

// damagedSuffix is behind the name of the file that says that the next start examines all
// pages first, however large the store is, because damage was found in it.
const damagedSuffix = ".damaged"

// stepPages is how many pages are examined between two looks at the context.
const stepPages = 1 << 14

func (s *boltStore) examine(ctx context.Context) (e Examination, err error) {
	err = s.view(ctx, func(tx *bolt.Tx) error { // its pages stay as they are while it lasts
		file, unmap, err := mapFile(s.file, tx.Size())
		if err != nil {
			return err
		}
		defer unmap()
		m := meta{pageSize: s.db.Info().PageSize, root: uint64(tx.Cursor().Bucket().Root()), free: noFreeList}
		m.pages = uint64(tx.Size()) / uint64(m.pageSize)
		w := newWalk(file, m, false)
		w.step = func(n uint64) error {
			if n%stepPages != 0 {
				return nil
			}
			forget(uintptr(unsafe.Pointer(unsafe.SliceData(file))), len(file))
			return ctx.Err()
		}
		if err := w.tree(m.root, all); err != nil {
			return err
		}
		for _, used := range w.seen {
			e.Pages += uint64(bits.OnesCount8(used))
		}
		stats := s.db.Stats()
		free := uint64(stats.FreePageN + stats.PendingPageN)
		e.Unused = m.pages - min(m.pages, e.Pages+free+2)
		e.Pages = m.pages
		return nil
	})
	if errors.Is(err, ErrDamaged) {
		s.mu.Lock()
		if s.failed == nil {
			s.failed = err
		}
		s.mu.Unlock()
		if !s.reads {
			os.WriteFile(s.path+damagedSuffix, []byte(err.Error()+"\n"), 0o600) // an effort: without it the next start finds it as this one did
		}
	}
	return e, err
}
