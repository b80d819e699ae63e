package store

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/fnv"
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
	pageSize    int
	root        uint64 // page of the root bucket
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
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if info.Size() == 0 {
		return ErrEmpty
	}
	file, unmap, err := mapFile(f, info.Size())
	if err != nil {
		return err
	}
	defer unmap()
	return guard(func() error { return examinePages(file) })
}

func examinePages(file []byte) error {
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
		return fmt.Errorf("%w: neither meta page is valid", ErrDamaged)
	}

	// 2. The size.
	newest := valid[0]
	for _, m := range valid {
		switch {
		case m.pageSize < 1024 || m.pageSize != newest.pageSize:
			return fmt.Errorf("%w: page size %d", ErrDamaged, m.pageSize)
		case len(file)%m.pageSize != 0:
			return fmt.Errorf("%w: %d bytes are not whole pages of %d", ErrDamaged, len(file), m.pageSize)
		case m.pages > uint64(len(file)/m.pageSize):
			return fmt.Errorf("%w: it was cut: %d pages of %d", ErrDamaged, len(file)/m.pageSize, m.pages)
		}
		if m.transaction > newest.transaction {
			newest = m
		}
	}

	// 3. The pages, from the root.
	w := walk{file: file, meta: newest, seen: make([]byte, newest.pages/8+1)}
	_, err := w.page(newest.root, nil, nil)
	return err
}

// walk follows the pages of a file.
type walk struct {
	file []byte
	meta meta
	seen []byte // one bit for each page: none is used twice
}

// page examines one page and those below it. Its keys must not be under from,
// and all under before, where these are not nil. It returns the last key.
func (w *walk) page(id uint64, from, before []byte) (last []byte, err error) {
	if id < 2 || id >= w.meta.pages {
		return nil, fmt.Errorf("%w: page %d of %d", ErrDamaged, id, w.meta.pages)
	}
	b := w.file[int(id)*w.meta.pageSize:]
	overflow := uint64(order.Uint32(b[12:]))
	if order.Uint64(b) != id || id+overflow >= w.meta.pages {
		return nil, fmt.Errorf("%w: page %d has a wrong header", ErrDamaged, id)
	}
	for i := id; i <= id+overflow; i++ {
		if w.seen[i/8]&(1<<(i%8)) != 0 {
			return nil, fmt.Errorf("%w: page %d is used twice", ErrDamaged, i)
		}
		w.seen[i/8] |= 1 << (i % 8)
	}
	return w.elements(id, b[:int(overflow+1)*w.meta.pageSize], from, before)
}

// elements examines the elements of a page: one of the file or one inside a value.
func (w *walk) elements(id uint64, page, from, before []byte) (last []byte, err error) {
	damaged := func(what string) ([]byte, error) {
		return nil, fmt.Errorf("%w: page %d %s", ErrDamaged, id, what)
	}
	flags, count := order.Uint16(page[8:]), int(order.Uint16(page[10:]))
	if flags != pageBranch && flags != pageLeaf || flags == pageBranch && count == 0 {
		return damaged("is of no known kind")
	}
	end := pageHeader + count*elementSize
	if end > len(page) {
		return damaged("has too many elements")
	}
	// element returns the key of the i-th element and, of a branch, the page
	// below; of a leaf, the value if it is a bucket.
	element := func(i int) (key []byte, child uint64, bucket []byte, ok bool) {
		at := pageHeader + i*elementSize
		e := page[at:]
		var kind uint32
		var position, size, value int64 // as wide as the sum of any three
		if flags == pageBranch {
			position, size, child = int64(order.Uint32(e)), int64(order.Uint32(e[4:])), order.Uint64(e[8:])
		} else {
			kind = order.Uint32(e)
			position, size, value = int64(order.Uint32(e[4:])), int64(order.Uint32(e[8:])), int64(order.Uint32(e[12:]))
		}
		position += int64(at)
		if size == 0 || size > maxKeySize || position < int64(end) || position+size+value > int64(len(page)) {
			return nil, 0, nil, false
		}
		if kind != 0 && (kind != leafBucket || value < bucketSize) {
			return nil, 0, nil, false
		}
		key = page[position:][:size]
		if kind == leafBucket {
			bucket = page[position+size:][:value]
		}
		return key, child, bucket, true
	}

	for i := range count {
		key, child, bucket, ok := element(i)
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
				if next, _, _, ok = element(i + 1); !ok {
					return damaged("has an element outside it")
				}
			}
			if last, err = w.page(child, key, next); err != nil {
				return nil, err
			}
		}
		if bucket != nil {
			if err := w.bucket(id, bucket); err != nil {
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
		_, err := w.page(root, nil, nil)
		return err
	}
	inner := value[bucketSize:]
	if len(inner) < pageHeader || order.Uint16(inner[8:]) != pageLeaf {
		return fmt.Errorf("%w: page %d has a bucket without a page", ErrDamaged, id)
	}
	_, err := w.elements(id, inner, nil, nil)
	return err
}
