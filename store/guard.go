package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// ErrDiskLow is returned for what would issue while the disk is nearly full. To
// revoke goes on.
var ErrDiskLow = errors.New("the disk is nearly full")

// Disk watches the room on the disk of a store. A store that runs into a full
// disk in the middle of a commit is read-only, and then nobody can revoke either;
// so issuing stops while there is still room, and a file that only keeps room
// gives it up when even revoking would fail.
type Disk struct {
	Dir         string // of the store
	WarnPercent int    // of the disk free, below which Warn is told; 0: never
	StopPercent int    // of the disk free, below which nothing is issued; 0: no such limit
	StopBytes   int64  // the same in bytes
	Reserve     int64  // bytes of the file that keeps room, see Hold
	Warn        func(msg string, args ...any)

	// space is the room on the disk of a folder, nil: as the system says.
	space func(dir string) (free, total int64, err error)

	mu   sync.Mutex
	told Room
}

// Room is how much of it there is.
type Room int

const (
	RoomPlenty Room = iota
	RoomLittle      // Warn was told
	RoomNone        // nothing is issued
)

// Room looks at the disk. Where the system does not say, there is plenty.
func (d *Disk) Room() (Room, int) {
	free, total, ok := d.look()
	if !ok {
		return RoomPlenty, 100
	}
	percent := int(free * 100 / total)
	room := RoomPlenty
	switch {
	case percent < d.StopPercent || free < d.StopBytes:
		room = RoomNone
	case percent < d.WarnPercent:
		room = RoomLittle
	}
	d.mu.Lock()
	told := d.told
	d.told = room
	d.mu.Unlock()
	switch {
	case room == told:
	case room == RoomNone:
		d.Warn("ALARM: the disk is nearly full, nothing is issued", "free_percent", percent, "free_bytes", free)
	case room == RoomLittle:
		d.Warn("the disk is filling up", "free_percent", percent, "free_bytes", free)
	default:
		d.Warn("the disk has room again", "free_percent", percent)
	}
	return room, percent
}

func (d *Disk) look() (free, total int64, ok bool) {
	space := d.space
	if space == nil {
		space = diskSpace
	}
	free, total, err := space(d.Dir)
	return free, total, err == nil && total > 0
}

func (d *Disk) reserve() string { return filepath.Join(d.Dir, "reserve") }

// Hold makes the file that keeps room, if there is room for it beyond what stops
// issuing.
func (d *Disk) Hold() error {
	if info, err := os.Stat(d.reserve()); d.Reserve == 0 || err == nil && info.Size() == d.Reserve {
		return nil
	}
	if free, _, ok := d.look(); ok && free < d.StopBytes+d.Reserve {
		return nil
	}
	f, err := os.OpenFile(d.reserve(), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("keeping room on the disk: %w", err)
	}
	block := make([]byte, 1<<20) // written, since a file with holes takes no room
	for left := d.Reserve; left > 0 && err == nil; left -= int64(len(block)) {
		_, err = f.Write(block[:min(left, int64(len(block)))])
	}
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		os.Remove(d.reserve())
		return fmt.Errorf("keeping room on the disk: %w", err)
	}
	return nil
}

// release gives up the file that keeps room when a quarter of its size is all
// that is left.
func (d *Disk) release() {
	if free, _, ok := d.look(); !ok || d.Reserve == 0 || free >= d.Reserve/4 {
		return
	}
	if err := os.Remove(d.reserve()); err == nil {
		d.Warn("ALARM: the disk is full; the reserve is given up, so that revoking works; make room and start again", "file", d.reserve())
	}
}

// Guard returns s with what stops writes before it. Whoever reads sees no
// difference. While readOnly is set, nothing is issued or changed, ErrReadOnly;
// what is reserved already is finished, and status lists are published, or they
// would end within a day. While disk, unless nil, has no room, nothing is
// issued, ErrDiskLow.
func Guard(s Store, readOnly bool, disk *Disk) Store {
	return &guarded{s, readOnly, disk}
}

type guarded struct {
	Store
	readOnly bool
	disk     *Disk
}

// mayChange is asked before what was issued changes.
func (g *guarded) mayChange() error {
	if g.readOnly {
		return fmt.Errorf("%w: it is configured so", ErrReadOnly)
	}
	if g.disk != nil {
		g.disk.release()
	}
	return nil
}

// mayIssue is asked before anything is taken that is used once.
func (g *guarded) mayIssue() error {
	if err := g.mayChange(); err != nil {
		return err
	}
	if g.disk != nil {
		if room, _ := g.disk.Room(); room == RoomNone {
			return ErrDiskLow
		}
	}
	return nil
}

func (g *guarded) Writable() error {
	if err := g.mayIssue(); err != nil {
		return err
	}
	return g.Store.Writable()
}

func (g *guarded) Reserve(ctx context.Context, r Record) (Record, error) {
	if err := g.mayIssue(); err != nil {
		return Record{}, fmt.Errorf("reserving %.100q: %w", r.ID, err)
	}
	return g.Store.Reserve(ctx, r)
}

func (g *guarded) OpenList(ctx context.Context, purpose string, now time.Time) (List, error) {
	if err := g.mayIssue(); err != nil {
		return List{}, fmt.Errorf("opening a %s list: %w", purpose, err)
	}
	return g.Store.OpenList(ctx, purpose, now)
}

func (g *guarded) Numbers(ctx context.Context, series string, n int) (uint64, error) {
	if err := g.mayIssue(); err != nil {
		return 0, fmt.Errorf("drawing %d numbers of series %.40q: %w", n, series, err)
	}
	return g.Store.Numbers(ctx, series, n)
}

func (g *guarded) PutCourse(ctx context.Context, c Course) (Course, error) {
	if err := g.mayIssue(); err != nil {
		return Course{}, fmt.Errorf("putting course %.40q: %w", c.ID, err)
	}
	return g.Store.PutCourse(ctx, c)
}

func (g *guarded) PutDocuments(ctx context.Context, docs []Document, events ...Event) error {
	if err := g.mayChange(); err != nil {
		return fmt.Errorf("putting documents: %w", err)
	}
	return g.Store.PutDocuments(ctx, docs, events...)
}

func (g *guarded) Change(ctx context.Context, id string, c Change, with ...Document) (Record, error) {
	if err := g.mayChange(); err != nil {
		return Record{}, fmt.Errorf("changing %.100q: %w", id, err)
	}
	return g.Store.Change(ctx, id, c, with...)
}

func (g *guarded) PutDelivery(ctx context.Context, id, email, link string, with ...Document) (Record, error) {
	if err := g.mayChange(); err != nil {
		return Record{}, fmt.Errorf("putting where %.100q is delivered: %w", id, err)
	}
	return g.Store.PutDelivery(ctx, id, email, link, with...)
}

func (g *guarded) Erase(ctx context.Context, e Erasure, ids ...string) ([]Record, error) {
	if err := g.mayChange(); err != nil {
		return nil, fmt.Errorf("erasing: %w", err)
	}
	return g.Store.Erase(ctx, e, ids...)
}

func (g *guarded) EraseDocuments(ctx context.Context, kind, id string) error {
	if err := g.mayChange(); err != nil {
		return fmt.Errorf("erasing documents of kind %.40q: %w", kind, err)
	}
	return g.Store.EraseDocuments(ctx, kind, id)
}

func (g *guarded) Publish(ctx context.Context, list string, sequence uint64, token []byte, validFrom time.Time) error {
	if g.disk != nil {
		g.disk.release()
	}
	return g.Store.Publish(ctx, list, sequence, token, validFrom)
}

// asBolt is the bbolt store behind s, if that is what it is.
func asBolt(s Store) (*boltStore, bool) {
	if g, ok := s.(*guarded); ok {
		s = g.Store
	}
	b, ok := s.(*boltStore)
	return b, ok
}
