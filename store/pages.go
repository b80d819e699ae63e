package store

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"io"
	"os"
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
	leafBucket = 0x01 // flag of a leaf element whose value is a bucket

	metaMagic   = 0xED0CDAED
	metaVersion = 2
)

var order = binary.NativeEndian

// meta is what a meta page says of the file.
type meta struct {
	pageSize    int64
	root        uint64 // page of the root bucket
	pages       uint64 // high-water mark: pages in use lie below it
	transaction uint64
}

// readMeta reads the meta page at an offset and reports whether its checksum holds.
func readMeta(f io.ReaderAt, offset int64) (m meta, ok bool) {
	b := make([]byte, pageHeader+metaSize)
	if _, err := f.ReadAt(b, offset); err != nil {
		return meta{}, false
	}
	b = b[pageHeader:]
	sum := fnv.New64a()
	sum.Write(b[:metaSize-8])
	ok = order.Uint32(b) == metaMagic && order.Uint32(b[4:]) == metaVersion && order.Uint64(b[56:]) == sum.Sum64()
	return meta{
		pageSize:    int64(order.Uint32(b[8:])),
		root:        order.Uint64(b[16:]),
		pages:       order.Uint64(b[40:]),
		transaction: order.Uint64(b[48:]),
	}, ok
}

// examine reads the frame of a bbolt file by hand: both meta pages and each
// page in use with its keys, but not the values. It returns ErrEmpty or
// ErrDamaged where bbolt would make a new database, or panic in a goroutine of
// its own where no recover helps. What it passes can still hold wrong values;
// those have checksums of their own.
func examine(f *os.File) error {
	// 1. The size.
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%w: not a regular file", ErrDamaged)
	}
	size := info.Size()
	if size == 0 {
		return ErrEmpty
	}

	// 2. The meta pages. One of the two may have been torn by a power cut; the
	// second lies one page in, and if the first is torn nobody knows how far
	// that is.
	first, ok := readMeta(f, 0)
	var valid []meta
	if ok {
		valid = append(valid, first)
	}
	for offset := int64(1024); offset <= 16<<20; offset *= 2 {
		if second, ok := readMeta(f, offset); ok && second.pageSize == offset {
			valid = append(valid, second)
			break
		}
	}
	if len(valid) == 0 {
		return fmt.Errorf("%w: neither meta page is valid", ErrDamaged)
	}
	newest := valid[0]
	for _, m := range valid {
		switch {
		case m.pageSize < 1024 || m.pageSize != valid[0].pageSize:
			return fmt.Errorf("%w: page size %d", ErrDamaged, m.pageSize)
		case size%m.pageSize != 0:
			return fmt.Errorf("%w: %d bytes are not whole pages of %d", ErrDamaged, size, m.pageSize)
		case m.pages > uint64(size/m.pageSize):
			return fmt.Errorf("%w: it was cut: %d pages of %d", ErrDamaged, size/m.pageSize, m.pages)
		}
		if m.transaction > newest.transaction {
			newest = m
		}
	}

	// 3. The pages, from the root.
	w := walk{file: f, meta: newest, seen: make([]byte, newest.pages/8+1)}
	_, err = w.page(newest.root, nil, nil)
	return err
}

// walk follows the pages of a file.
type walk struct {
	file io.ReaderAt
	meta meta
	seen []byte // one bit for each page: none is used twice
}

// page examines one page and those below it. Its keys must not be under from,
// and all under before, where these are not nil. It returns the last key.
func (w *walk) page(id uint64, from, before []byte) (last []byte, err error) {
	if id < 2 || id >= w.meta.pages {
		return nil, fmt.Errorf("%w: page %d of %d", ErrDamaged, id, w.meta.pages)
	}
	offset := int64(id) * w.meta.pageSize
	head := make([]byte, w.meta.pageSize)
	if _, err := w.file.ReadAt(head, offset); err != nil {
		return nil, fmt.Errorf("%w: page %d: %w", ErrDamaged, id, err)
	}
	overflow := uint64(order.Uint32(head[12:]))
	if order.Uint64(head) != id || id+overflow >= w.meta.pages {
		return nil, fmt.Errorf("%w: page %d has a wrong header", ErrDamaged, id)
	}
	for i := id; i <= id+overflow; i++ {
		if w.seen[i/8]&(1<<(i%8)) != 0 {
			return nil, fmt.Errorf("%w: page %d is used twice", ErrDamaged, i)
		}
		w.seen[i/8] |= 1 << (i % 8)
	}
	whole := io.NewSectionReader(w.file, offset, int64(overflow+1)*w.meta.pageSize)
	return w.elements(id, head, whole, from, before)
}

// elements examines the elements of a page. head is the beginning of it; whole
// is all of it, a page of the file or one inside a value.
func (w *walk) elements(id uint64, head []byte, whole *io.SectionReader, from, before []byte) (last []byte, err error) {
	damaged := func(what string) ([]byte, error) {
		return nil, fmt.Errorf("%w: page %d %s", ErrDamaged, id, what)
	}
	// read returns a part of the page, from head where it can: most pages are no longer.
	read := func(from, size int64) ([]byte, error) {
		if from+size <= int64(len(head)) {
			return head[from : from+size], nil
		}
		b := make([]byte, size)
		if _, err := whole.ReadAt(b, from); err != nil {
			return damaged("cannot be read: " + err.Error())
		}
		return b, nil
	}

	flags, count := order.Uint16(head[8:]), int64(order.Uint16(head[10:]))
	if flags != pageBranch && flags != pageLeaf || flags == pageBranch && count == 0 {
		return damaged("is of no known kind")
	}
	end := pageHeader + count*elementSize
	if end > whole.Size() {
		return damaged("has too many elements")
	}
	table, err := read(0, end)
	if err != nil {
		return nil, err
	}
	type element struct {
		key   []byte
		page  uint64            // of a branch
		value *io.SectionReader // of a bucket
	}
	elements := make([]element, count)
	for i := range elements {
		at := pageHeader + int64(i)*elementSize
		e := table[at : at+elementSize]
		var kind uint32
		var position, size, value int64
		if flags == pageBranch {
			position, size = int64(order.Uint32(e)), int64(order.Uint32(e[4:]))
			elements[i].page = order.Uint64(e[8:])
		} else {
			kind = order.Uint32(e)
			position, size, value = int64(order.Uint32(e[4:])), int64(order.Uint32(e[8:])), int64(order.Uint32(e[12:]))
		}
		if size == 0 || size > maxKeySize || at+position < end || at+position+size+value > whole.Size() {
			return damaged("has an element outside it")
		}
		if elements[i].key, err = read(at+position, size); err != nil {
			return nil, err
		}
		switch {
		case kind == leafBucket && value >= bucketSize:
			elements[i].value = io.NewSectionReader(whole, at+position+size, value)
		case kind != 0:
			return damaged("has an element of no known kind")
		}
	}

	for i, e := range elements {
		if i == 0 && bytes.Compare(e.key, from) < 0 ||
			i > 0 && bytes.Compare(e.key, last) <= 0 ||
			before != nil && bytes.Compare(e.key, before) >= 0 {
			return damaged("has its keys out of order")
		}
		last = e.key
		if flags == pageBranch {
			next := before
			if i+1 < len(elements) {
				next = elements[i+1].key
			}
			if last, err = w.page(e.page, e.key, next); err != nil {
				return nil, err
			}
		}
		if e.value != nil {
			if err := w.bucket(id, e.value); err != nil {
				return nil, err
			}
		}
	}
	return last, nil
}

// bucket examines a bucket: the page that its value names, or for a small one
// the page inside it.
func (w *walk) bucket(id uint64, value *io.SectionReader) error {
	b := make([]byte, min(value.Size(), bucketSize+pageHeader))
	if _, err := value.ReadAt(b, 0); err != nil {
		return fmt.Errorf("%w: page %d: %w", ErrDamaged, id, err)
	}
	if root := order.Uint64(b); root != 0 {
		_, err := w.page(root, nil, nil)
		return err
	}
	if len(b) < bucketSize+pageHeader || order.Uint16(b[bucketSize+8:]) != pageLeaf {
		return fmt.Errorf("%w: page %d has a bucket without a page", ErrDamaged, id)
	}
	_, err := w.elements(id, b[bucketSize:], io.NewSectionReader(value, bucketSize, value.Size()-bucketSize), nil, nil)
	return err
}
