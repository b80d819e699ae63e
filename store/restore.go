package store

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	bolt "go.etcd.io/bbolt"

	"indeks/merkle"
	"indeks/status"
)

// Errors of Restore that its caller can do something about.
var (
	ErrListMissing = errors.New("the last publication of a status list is not given")
	ErrListOld     = errors.New("a status list that is given is older than the one in the backup")
)

// Publication is a status list as it was last published, with its seal opened by
// the caller.
type Publication struct {
	ID, Purpose string
	Bits        *status.List
	Token       []byte
	ValidFrom   time.Time
}

// Restoration is what a store must be told that comes back from a backup.
type Restoration struct {
	At    time.Time // of the restoration
	Lists []Publication
	// Forget permits that lists are missing from Lists: what was revoked after the
	// backup is valid again.
	Forget bool
	// Heads are the last heads of the audit logs that are known, from wherever they
	// were kept: a log that is not in the backup is never begun again, and one whose
	// head says other than the backup is ErrForked.
	Heads []Head
	// Numbers is how many certificate numbers of each series are skipped: at least
	// as many as were drawn since the backup.
	Numbers uint64
}

// Restored is what became of a store.
type Restored struct {
	Epoch     string // stands in the ids of the lists that are opened from now on
	Log       string // name of the audit log that goes on
	Closed    []string
	Added     []string // lists that were opened after the backup
	Revoked   []string // ids of records whose revocation came after the backup
	Suspended []string
	Strange   int // bits set for what was issued after the backup
	Erased    int // records of which something was erased after the backup
}

// epoch is what a restored store remembers of its restoration.
type epoch struct {
	Mark    string    `json:"mark"`
	At      time.Time `json:"at"`
	Numbers uint64    `json:"numbers"` // skipped at the start of every series
}

var epochKey = []byte("epoch")

// getEpoch returns the last restoration, or the zero epoch of a store that never was restored.
func getEpoch(tx *bolt.Tx) (e epoch, err error) {
	if err = getJSON(tx, bucketMeta, epochKey, &e); errors.Is(err, ErrNotFound) {
		err = nil
	}
	return e, err
}

// Restore makes a copy of a store fit to take the place of the one that was
// lost, in the file at path, which nobody uses yet. What happened between the
// copy and the loss is not in it, and none of it may be undone or done twice:
//
//   - No place in a status list is given out a second time: all lists are closed,
//     and the lists that are opened from now on have ids that were never used,
//     with the time of the restoration in them.
//   - No certificate number is: each series skips some.
//   - What was revoked stays revoked: the bits of the last publications are added
//     to those of the copy, and the records changed with them. The publications
//     become the last ones of the store, so that nothing smaller is ever published.
//     What was suspended since is suspended; what was reinstated since stays suspended.
//   - What was erased stays erased: keys are the latest there are, and what lies
//     under those that are destroyed becomes what is left of an erased record.
//   - No second tree is signed under the name of an audit log: a new log begins,
//     which says where the old one ends here.
//
// A list in the copy that is dated after the restoration was dated by a wrong
// clock. Then one that was published after it may be dated before it, as long as
// it has every revocation of the copy.
//
// It is one transaction between two checks of the whole store; after an error
// the file is to be thrown away.
func Restore(ctx context.Context, path, storeID string, keys *DataKeys, how Restoration) (Restored, error) {
	s, err := openBolt(path, storeID, keys, boltLimits{lock: lockTimeout})
	if err != nil {
		return Restored{}, err
	}
	defer s.Close()
	const before = "before it is restored"
	check := func(when string) error {
		found := slices.DeleteFunc(Check(ctx, s), func(err error) bool { return when == before && errors.Is(err, errKeyDestroyed) })
		if len(found) > 0 {
			return fmt.Errorf("checking the store %s, %d findings: %w", when, len(found), errors.Join(found[:min(len(found), 20)]...))
		}
		return nil
	}
	if err := check(before); err != nil {
		return Restored{}, err
	}
	var done Restored
	by := s.author(ctx)
	err = guard(func() error { // and not by write, which keeps what was done before a sentinel
		return s.db.Update(func(tx *bolt.Tx) (err error) {
			if done, err = restore(tx, by, keys, how); err != nil {
				return err
			}
			return grow(tx)
		})
	})
	if err == nil {
		err = check("after it was restored")
	}
	if err != nil {
		return Restored{}, fmt.Errorf("restoring: %w", err)
	}
	return done, s.Close()
}

func restore(tx *bolt.Tx, by author, keys *DataKeys, how Restoration) (done Restored, err error) {
	// 1. Is every list there that the copy knows, and none from before it?
	given := map[string]Publication{}
	for _, p := range how.Lists {
		if p.Purpose != status.Revocation && p.Purpose != status.Suspension || p.ID == "" {
			return Restored{}, fmt.Errorf("%w: list %.40q for %.40q", ErrInvalid, p.ID, p.Purpose)
		}
		other, twice := given[p.ID]
		switch ahead := p.ValidFrom.After(how.At); {
		case !twice:
			given[p.ID] = p
		case ahead != other.ValidFrom.After(how.At): // which is newer, no date says: what either has
			if ahead {
				p, other = other, p
			}
			both, err := status.FromBits(p.Bits.Bits())
			if err != nil {
				return Restored{}, fmt.Errorf("%w: list %.40q: %w", ErrInvalid, p.ID, err)
			}
			both.Add(other.Bits)
			p.Bits = both
			given[p.ID] = p
		case p.ValidFrom.After(other.ValidFrom):
			given[p.ID] = p
		}
	}
	known := map[string]listDoc{}
	var missing []string
	err = tx.Bucket(bucketLists).ForEach(func(id, _ []byte) error {
		list, err := getList(tx, string(id))
		known[string(id)] = list
		if p, ok := given[string(id)]; !ok {
			missing = append(missing, string(id))
		} else if older, err := isOlder(tx, p, list, how.At); err != nil {
			return err
		} else if older {
			return fmt.Errorf("%w: %s of %s, that in the backup is of %s", ErrListOld, id, p.ValidFrom.Format(time.RFC3339), list.ValidFrom.Format(time.RFC3339))
		}
		return err
	})
	if err != nil {
		return Restored{}, err
	}
	if len(missing) > 0 && !how.Forget {
		return Restored{}, fmt.Errorf("%w: %s", ErrListMissing, strings.Join(missing, ", "))
	}

	// 2. Nothing is given out a second time.
	done.Epoch = strconv.FormatInt(how.At.Unix(), 36)
	before, err := getEpoch(tx)
	if err != nil {
		return Restored{}, err
	}
	if before.At.Unix() >= how.At.Unix() {
		return Restored{}, fmt.Errorf("%w: the store was restored at %s already", ErrInvalid, before.At.Format(time.RFC3339))
	}
	now := epoch{Mark: done.Epoch, At: how.At.UTC().Truncate(time.Second), Numbers: before.Numbers + how.Numbers}
	if err := putJSON(tx, bucketMeta, epochKey, now); err != nil {
		return Restored{}, err
	}
	if done.Log, err = nextLog(tx, by, now.Mark, how.Heads); err != nil {
		return Restored{}, err
	}
	for _, id := range slices.Sorted(maps.Keys(known)) {
		list := known[id]
		list.Closed = true
		if err := putJSON(tx, bucketLists, []byte(id), list); err != nil {
			return Restored{}, err
		}
		done.Closed = append(done.Closed, id)
	}
	series := map[string]uint64{}
	err = tx.Bucket(bucketSeries).ForEach(func(name, stored []byte) error {
		value, err := open(bucketSeries, name, stored)
		if err == nil {
			series[string(name)] = binary.BigEndian.Uint64(value) + how.Numbers
		}
		return err
	})
	if err != nil {
		return Restored{}, err
	}
	for name, last := range series {
		if err := put(tx, bucketSeries, []byte(name), binary.BigEndian.AppendUint64(nil, last)); err != nil {
			return Restored{}, err
		}
	}

	// 3. Nothing is forgotten. Suspensions first: a record may have been suspended
	// and then revoked, and a revoked one changes no more.
	lists := slices.Collect(maps.Values(given))
	slices.SortFunc(lists, func(a, b Publication) int {
		return cmp.Or(strings.Compare(b.Purpose, a.Purpose), strings.Compare(a.ID, b.ID))
	})
	for _, p := range lists {
		if _, ok := known[p.ID]; !ok { // opened after the backup, and closed with it
			opened := listDoc{List: List{ID: p.ID, Purpose: p.Purpose, Opened: p.ValidFrom.UTC().Round(0), Closed: true}}
			if err := errors.Join(putJSON(tx, bucketLists, []byte(p.ID), opened), put(tx, bucketBits, []byte(p.ID), status.New().Bits())); err != nil {
				return Restored{}, err
			}
			done.Added = append(done.Added, p.ID)
		}
		if err := addPublication(tx, by, keys, p, how.At, &done); err != nil {
			return Restored{}, fmt.Errorf("status list %s: %w", p.ID, err)
		}
	}

	// 4. Nothing that was erased comes back.
	if done.Erased, err = eraseAgain(tx, by, keys, how.At); err != nil {
		return Restored{}, err
	}
	return done, nil
}

// isOlder reports whether a publication is from before the one of the copy.
func isOlder(tx *bolt.Tx, p Publication, list listDoc, at time.Time) (bool, error) {
	switch {
	case !p.ValidFrom.Before(list.ValidFrom):
		return false, nil
	case !list.ValidFrom.After(at):
		return true, nil
	case p.Purpose != status.Revocation:
		return false, nil
	}
	bits, err := getBits(tx, list.ID)
	return err == nil && !p.Bits.Covers(bits), err
}

// nextLog closes the log that is open and begins one whose name has the mark of
// the restoration. What was logged after the backup is lost; a head of it that is
// known shows how much, and never becomes a contradiction.
func nextLog(tx *bolt.Tx, by author, mark string, heads []Head) (name string, err error) {
	old, err := get(tx, bucketMeta, logKey)
	if err != nil {
		return "", err
	}
	old = slices.Clone(old)
	var log Log
	if err := getJSON(tx, bucketLogs, old, &log); err != nil {
		return "", err
	}
	log.Closed = by.at
	if err := putJSON(tx, bucketLogs, old, log); err != nil {
		return "", err
	}
	seen := log.Size
	for _, h := range heads {
		var known Log
		switch err := getJSON(tx, bucketLogs, []byte(h.Log), &known); {
		case errors.Is(err, ErrNotFound):
			lost := Log{Name: h.Log, Opened: by.at, Closed: by.at}
			if err := putJSON(tx, bucketLogs, []byte(h.Log), lost); err != nil {
				return "", err
			}
			continue
		case err != nil:
			return "", err
		}
		if known.Name == log.Name {
			seen = max(seen, h.Size)
		}
		if h.Size > known.Size || h.Size == 0 {
			continue
		}
		root, err := merkle.Root(h.Size, logHashes(tx, h.Log))
		if err != nil {
			return "", err
		}
		if root != h.Root {
			return "", fmt.Errorf("%w: the backup is not of the store whose head of log %s of size %d is known", ErrForked, h.Log, h.Size)
		}
	}
	name = firstLog + "-" + mark
	if err := by.openLog(tx, name, 0); err != nil {
		return "", err
	}
	_, err = by.logged(tx, Event{Kind: KindRestored, Object: log.Name, Result: fmt.Sprintf("the backup has %d entries of %d that are known of", log.Size, seen)})
	return name, err
}

// addPublication sets every bit of a publication in a list of the store.
func addPublication(tx *bolt.Tx, by author, keys *DataKeys, p Publication, at time.Time, done *Restored) error {
	list, err := getList(tx, p.ID)
	if err != nil {
		return err
	}
	if list.Purpose != p.Purpose {
		return fmt.Errorf("%w: it is for %s, the publication for %s", ErrInvalid, list.Purpose, p.Purpose)
	}
	bits, err := getBits(tx, p.ID)
	if err != nil {
		return err
	}

	// 1. The records whose bit is new. A bit that no record calls for, because what
	// it stands for was issued or finished after the backup, is kept by itself.
	strange := status.New()
	to := map[string]State{status.Revocation: Revoked, status.Suspension: Suspended}[p.Purpose]
	for index := range uint64(p.Bits.Len()) {
		if on, err := p.Bits.Get(index); err != nil || !on {
			continue
		}
		was, err := bits.Get(index)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrInvalid, err)
		}
		if was {
			continue
		}
		if key := tx.Bucket(bucketEntries).Get(entryKey(p.ID, index)); key != nil {
			doc, err := getDoc(tx, slices.Clone(key))
			if err != nil {
				return err
			}
			_, err = change(tx, by, keys, doc.ID, Change{At: at.UTC().Truncate(time.Second), State: to, Reason: "in the last published status list when a backup was restored", By: "restore"})
			if err == nil {
				if to == Revoked {
					done.Revoked = append(done.Revoked, doc.ID)
				} else {
					done.Suspended = append(done.Suspended, doc.ID)
				}
				continue
			}
			if !errors.Is(err, ErrState) {
				return err
			}
		}
		done.Strange++
		if err := strange.Set(index, true); err != nil {
			return err
		}
	}

	// 2. All bits, and those of nobody.
	if bits, err = getBits(tx, p.ID); err != nil {
		return err
	}
	kept, err := getKept(tx, p.ID)
	if err != nil {
		return err
	}
	bits.Add(strange)
	kept.Add(strange)
	if err := errors.Join(put(tx, bucketBits, []byte(p.ID), bits.Bits()), put(tx, bucketKept, []byte(p.ID), kept.Bits())); err != nil {
		return err
	}

	// 3. What was published last, so that the next one covers it.
	if p.ValidFrom.Equal(list.ValidFrom) {
		return nil // it is the one in the backup
	}
	list.Sequence, list.ValidFrom, list.SHA256 = list.Sequence+1, p.ValidFrom.UTC().Round(0), sha256.Sum256(p.Token)
	if err := putJSON(tx, bucketLists, []byte(p.ID), list); err != nil {
		return err
	}
	return tx.Bucket(bucketPublished).Put([]byte(p.ID), p.Token)
}

// getKept returns the bits of a list that were set when the store was restored
// and that no record calls for.
func getKept(tx *bolt.Tx, id string) (*status.List, error) {
	stored, err := get(tx, bucketKept, []byte(id))
	if errors.Is(err, ErrNotFound) {
		return status.New(), nil
	}
	if err != nil {
		return nil, err
	}
	return status.FromBits(stored)
}
