package store

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"os"
	"unsafe"
)

// The layout of a bbolt file, as much of it as is needed to know that bbolt can
// read it (go.etcd.io/bbolt v1.5.0, internal/common). Integers are in the
// machine's byte order.
const (
	pageHeader  = 16 // id 8, flags 2, count 2, overflow 4
	elementSize = 16 // branch: position 4, key size 4, page 8; leaf: flags 4, position 4, key size 4, value size 4
	bucketSize  = 16 // root page 8, sequence 8; with root 0 a page follows inside the value
	metaSize    = 64 // magic 4, version 4, page size 4, flags 4, root bucket 16, freelist 8, high-water mark 8, transaction 8, checksum 8

	maxKeySize = 32768

	pageBranch = 0x01
	pageLeaf   = 0x02
	pageMeta   = 0x04
	pageFree   = 0x10
	leafBucket = 0x01 // flag of a leaf element whose value is a bucket

	metaMagic   = 0xED0CDAED
	metaVersion = 2
)

var order = binary.NativeEndian

// meta is what a meta page says of the file.
type meta struct {
	pageSize    int
	root        uint64 // page of the root bucket
	free        uint64 // page of the list of free pages, noFreeList: there is none
	pages       uint64 // high-water mark: pages in use lie below it
	transaction uint64
}

// readMeta reads the meta page at an offset of a file and reports whether its checksum holds.
func readMeta(file []byte, offset int) (m meta, ok bool) {
	if offset+pageHeader+metaSize > len(file) {
		return meta{}, false
	}
	b := file[offset+pageHeader:][:metaSize]
	sum := fnv.New64a()
	sum.Write(b[:metaSize-8])
	ok = order.Uint32(b) == metaMagic && order.Uint32(b[4:]) == metaVersion && order.Uint64(b[56:]) == sum.Sum64()
	return meta{
		pageSize:    int(order.Uint32(b[8:])),
		root:        order.Uint64(b[16:]),
		free:        order.Uint64(b[32:]),
		pages:       order.Uint64(b[40:]),
		transaction: order.Uint64(b[48:]),
	}, ok
}

// wholeSize is up to which size every page of a file is examined before it is opened:
// that takes 0.3 s. Of a larger one, which would take a second for each gigabyte and ten
// where it must come from a disk, only the frame is, and the rest by [Examine] while it
// is used.
const wholeSize = 256 << 20

// examined is what examine has found out of a file that bbolt can open.
type examined struct {
	meta    meta
	frame   bool   // only the frame was examined
	free    bool   // the list of free pages is the one that keepFree left
	store   []byte // what stands at identityKey of bucketMeta, nil: nothing
	missing []byte // a bucket that is not there, nil: all are
}

// examine reads a bbolt file by hand: both meta pages and each page in use with its
// keys, but not the values. It returns ErrEmpty or ErrDamaged where bbolt would make a
// new database, or panic in a goroutine of its own where no recover helps. What it
// passes can still hold wrong values; those have checksums of their own.
//
// Of a file larger than whole, in bytes, it reads the frame alone: the pages that lead
// to others, the first page of values of each bucket and its last. So whoever follows
// a key comes to an end, at worst in a page that breaks its rules, where guard holds.
func examine(f *os.File, whole int64) (found examined, err error) {
	info, err := f.Stat()
	if err != nil {
		return found, err
	}
	if info.Size() == 0 {
		return found, ErrEmpty
	}
	file, unmap, err := mapFile(f, info.Size())
	if err != nil {
		return found, err
	}
	defer unmap()
	err = guard(func() error {
		found, err = examinePages(file, info.Size() > whole)
		found.store = bytes.Clone(found.store)
		return err
	})
	return found, err
}

func examinePages(file []byte, frame bool) (found examined, err error) {
	// 1. The meta pages. One of the two may have been torn by a power cut; the
	// second lies one page in, and if the first is torn nobody knows how far
	// that is.
	var valid []meta
	if first, ok := readMeta(file, 0); ok {
		valid = append(valid, first)
	}
	for offset := 1024; offset <= 16<<20; offset *= 2 {
		if second, ok := readMeta(file, offset); ok && second.pageSize == offset {
			valid = append(valid, second)
			break
		}
	}
	if len(valid) == 0 {
		return found, fmt.Errorf("%w: neither meta page is valid", ErrDamaged)
	}

	// 2. The size.
	newest := valid[0]
	for _, m := range valid {
		switch {
		case m.pageSize < 1024 || m.pageSize != newest.pageSize:
			return found, fmt.Errorf("%w: page size %d", ErrDamaged, m.pageSize)
		case len(file)%m.pageSize != 0:
			return found, fmt.Errorf("%w: %d bytes are not whole pages of %d", ErrDamaged, len(file), m.pageSize)
		case m.pages > uint64(len(file)/m.pageSize):
			return found, fmt.Errorf("%w: it was cut: %d pages of %d", ErrDamaged, len(file)/m.pageSize, m.pages)
		}
		if m.transaction > newest.transaction {
			newest = m
		}
	}

	// 3. The pages, from the root, and what is said to be free.
	w := newWalk(file, newest, frame)
	if err := w.tree(newest.root, all); err != nil {
		return found, err
	}
	found = examined{meta: newest, frame: frame}
	if found.free, err = w.freePages(); err != nil {
		return found, err
	}

	// 4. Whose it is.
	if top, err := w.header(newest.root); err == nil {
		if named, err := w.inside(w.lookup(top, bucketMeta)); err == nil {
			found.store = w.lookup(named, identityKey)
		}
		for _, name := range buckets {
			if w.lookup(top, name) == nil {
				found.missing = name
			}
		}
	}
	return found, nil
}

// walk follows the pages of a file.
type walk struct {
	file  []byte
	meta  meta
	frame bool                 // see examine
	step  func(n uint64) error // called before page n, nil: nobody
	n     uint64               // pages so far
	seen  []byte               // one bit for each page: none is used twice
}

func newWalk(file []byte, m meta, frame bool) *walk {
	return &walk{file: file, meta: m, frame: frame, seen: make([]byte, m.pages/8+1)}
}

// see marks pages as used.
func (w *walk) see(id, count uint64) error {
	for i := id; i < id+count; i++ {
		if w.seen[i/8]&(1<<(i%8)) != 0 {
			return fmt.Errorf("%w: page %d is used twice", ErrDamaged, i)
		}
		w.seen[i/8] |= 1 << (i % 8)
	}
	return nil
}

// maxHeight is more than any tree of bbolt has: each level has at least twice the
// pages of the one above.
const maxHeight = 64

// reach is which pages with values are read where only the frame is.
type reach int

const (
	none  reach = iota
	edges       // the first and the last of a bucket
	all
)

// below is that of the i-th of a page's children.
func (r reach) below(i, children int) reach {
	if r == edges && i > 0 && i < children-1 {
		return none
	}
	return r
}

// tree examines the pages of a bucket, from its root. All its pages with values are
// equally far from it.
func (w *walk) tree(root uint64, r reach) error {
	height, first := 0, root
	for w.frame {
		p, err := w.header(first)
		if err != nil {
			return err
		}
		if p.flags() != pageBranch {
			break
		}
		_, child, _, _, ok := p.element(0)
		if height++; !ok || height > maxHeight {
			return fmt.Errorf("%w: page %d leads nowhere", ErrDamaged, first)
		}
		first = child
	}
	_, err := w.page(root, nil, nil, height, r)
	return err
}

// fetch has the system read a page ahead.
func (w *walk) fetch(id uint64) {
	willNeed(uintptr(unsafe.Pointer(&w.file[int(id)*w.meta.pageSize])), w.meta.pageSize)
}

// header is a page with those that belong to it.
func (w *walk) header(id uint64) (page, error) {
	if id < 2 || id >= w.meta.pages {
		return nil, fmt.Errorf("%w: page %d of %d", ErrDamaged, id, w.meta.pages)
	}
	p := page(w.file[int(id)*w.meta.pageSize:])
	if p.id() != id || id+p.overflow() >= w.meta.pages {
		return nil, fmt.Errorf("%w: page %d has a wrong header", ErrDamaged, id)
	}
	return p[:int(p.overflow()+1)*w.meta.pageSize], nil
}

// page examines one page and those below it. Its keys must not be under from,
// and all under before, where these are not nil. It returns the last key. height is
// that above the pages with values, and counts, as r does, where only the frame is
// examined.
func (w *walk) page(id uint64, from, before []byte, height int, r reach) (last []byte, err error) {
	if w.frame && height == 0 && r == none {
		if id < 2 || id >= w.meta.pages {
			return nil, fmt.Errorf("%w: page %d of %d", ErrDamaged, id, w.meta.pages)
		}
		return from, w.see(id, 1)
	}
	if w.step != nil {
		if err := w.step(w.n); err != nil {
			return nil, err
		}
	}
	w.n++
	p, err := w.header(id)
	if err != nil {
		return nil, err
	}
	if w.frame && (p.flags() == pageBranch) != (height > 0) {
		return nil, fmt.Errorf("%w: page %d is of another kind than those beside it", ErrDamaged, id)
	}
	if err := w.see(id, p.overflow()+1); err != nil {
		return nil, err
	}
	return w.elements(id, p, from, before, height, r)
}

// inside is the first page of a bucket, given its value.
func (w *walk) inside(bucket []byte) (page, error) {
	if len(bucket) < bucketSize+pageHeader && (len(bucket) < bucketSize || order.Uint64(bucket) == 0) {
		return nil, ErrNotFound
	}
	if root := order.Uint64(bucket); root != 0 {
		return w.header(root)
	}
	return page(bucket[bucketSize:]), nil
}

// lookup returns what stands at a key, nil for nothing, below a page that was examined.
func (w *walk) lookup(p page, key []byte) []byte {
	for {
		at := -1
		for i := range p.count() {
			if k, _, _, _, ok := p.element(i); !ok || bytes.Compare(k, key) > 0 {
				break
			}
			at = i
		}
		k, child, value, _, ok := p.element(at)
		if ok && p.flags() == pageLeaf && bytes.Equal(k, key) {
			return value
		}
		if !ok || p.flags() != pageBranch {
			return nil
		}
		next, err := w.header(child)
		if err != nil {
			return nil // unreachable: it was examined
		}
		p = next
	}
}

// page is the bytes of one, of the file or inside a value.
type page []byte

func (p page) id() uint64       { return order.Uint64(p) }
func (p page) flags() uint16    { return order.Uint16(p[8:]) }
func (p page) count() int       { return int(order.Uint16(p[10:])) }
func (p page) overflow() uint64 { return uint64(order.Uint32(p[12:])) }

// element is the i-th of a page: its key and, of a branch, the page below; of a leaf,
// the value, and whether that is a bucket.
func (p page) element(i int) (key []byte, child uint64, value []byte, bucket, ok bool) {
	at, end := pageHeader+i*elementSize, pageHeader+p.count()*elementSize
	if i < 0 || i >= p.count() || end > len(p) {
		return nil, 0, nil, false, false
	}
	e := p[at:]
	var kind uint32
	var position, size, length int64 // as wide as the sum of any three
	if p.flags() == pageBranch {
		position, size, child = int64(order.Uint32(e)), int64(order.Uint32(e[4:])), order.Uint64(e[8:])
	} else {
		kind = order.Uint32(e)
		position, size, length = int64(order.Uint32(e[4:])), int64(order.Uint32(e[8:])), int64(order.Uint32(e[12:]))
	}
	position += int64(at)
	if size == 0 || size > maxKeySize || position < int64(end) || position+size+length > int64(len(p)) {
		return nil, 0, nil, false, false
	}
	if kind != 0 && (kind != leafBucket || length < bucketSize) {
		return nil, 0, nil, false, false
	}
	return p[position:][:size], child, p[position+size:][:length], kind == leafBucket, true
}

// elements examines the elements of a page.
func (w *walk) elements(id uint64, p page, from, before []byte, height int, r reach) (last []byte, err error) {
	damaged := func(what string) ([]byte, error) {
		return nil, fmt.Errorf("%w: page %d %s", ErrDamaged, id, what)
	}
	flags, count := p.flags(), p.count()
	if flags != pageBranch && flags != pageLeaf || flags == pageBranch && count == 0 {
		return damaged("is of no known kind")
	}
	if pageHeader+count*elementSize > len(p) {
		return damaged("has too many elements")
	}
	if w.frame && height > 1 { // from a disk one by one, they would take their time
		for i := range count {
			if _, child, _, _, ok := p.element(i); ok && child < w.meta.pages {
				w.fetch(child)
			}
		}
	}
	for i := range count {
		key, child, value, bucket, ok := p.element(i)
		if !ok {
			return damaged("has an element outside it or of no known kind")
		}
		if i == 0 && bytes.Compare(key, from) < 0 ||
			i > 0 && bytes.Compare(key, last) <= 0 ||
			before != nil && bytes.Compare(key, before) >= 0 {
			return damaged("has its keys out of order")
		}
		last = key
		if flags == pageBranch {
			next := before
			if i+1 < count {
				if next, _, _, _, ok = p.element(i + 1); !ok {
					return damaged("has an element outside it")
				}
			}
			if last, err = w.page(child, key, next, height-1, r.below(i, count)); err != nil {
				return nil, err
			}
		}
		if bucket {
			if err := w.bucket(id, value); err != nil {
				return nil, err
			}
		}
	}
	return last, nil
}

// bucket examines a bucket: the page that its value names, or for a small one
// the page inside it.
func (w *walk) bucket(id uint64, value []byte) error {
	if root := order.Uint64(value); root != 0 {
		return w.tree(root, edges)
	}
	inner := page(value[bucketSize:])
	if len(inner) < pageHeader || inner.flags() != pageLeaf {
		return fmt.Errorf("%w: page %d has a bucket without a page", ErrDamaged, id)
	}
	_, err := w.elements(id, inner, nil, nil, 0, all)
	return err
}
