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
//   - What was shared is no longer: a learner may have ended it since. Nor is any other
//     document that has an end of its own, as a session: somebody may have signed out.
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
	if err := checkRestoring(ctx, s, true); err != nil {
		return Restored{}, err
	}
	var done Restored
	by := s.author(ctx)
	err = guard(func() error { // and not by write, which keeps what was done before a sentinel
		return s.db.Update(func(tx *bolt.Tx) (err error) {
			if done, err = restore(boltRestoring{tx, by, keys}, keys, how); err != nil {
				return err
			}
			return grow(tx)
		})
	})
	if err == nil {
		err = checkRestoring(ctx, s, false)
	}
	if err != nil {
		return Restored{}, fmt.Errorf("restoring: %w", err)
	}
	return done, s.Close()
}

// checkRestoring checks the whole store, before or after it is restored: before, it
// does not know what was erased since it was copied.
func checkRestoring(ctx context.Context, s Store, before bool) error {
	found := slices.DeleteFunc(Check(ctx, s), func(err error) bool { return before && errors.Is(err, errKeyDestroyed) })
	if len(found) == 0 {
		return nil
	}
	when := "after it was restored"
	if before {
		when = "before it is restored"
	}
	return fmt.Errorf("checking the store %s, %d findings: %w", when, len(found), errors.Join(found[:min(len(found), 20)]...))
}

// restoring is a store in the middle of being restored, in one transaction.
type restoring interface {
	lists() (map[string]listDoc, error)
	bits(list string) (*status.List, error)
	epoch() (epoch, error)
	setEpoch(epoch) error
	// nextLog closes the logs that are open and begins one whose name has the mark of
	// the restoration.
	nextLog(mark string, heads []Head) (name string, err error)
	closeList(listDoc) error
	addList(listDoc) error // which is closed and has no bits
	skipNumbers(n uint64) error
	// recordAt is the id of the record that has a place in a list, "" for none.
	recordAt(list string, index uint64) (id string, err error)
	change(id string, c Change) error
	// keep sets bits that no record calls for.
	keep(list string, strange *status.List) error
	publish(list listDoc, token []byte, validFrom time.Time) error
	// dropDocuments removes the documents, and lackingKeys are the records,
	// of which a data key is destroyed.
	dropDocuments() error
	lackingKeys() (docs []recordDoc, err error)
	erase(id string, e Erasure) error
}

func restore(r restoring, keys *DataKeys, how Restoration) (done Restored, err error) {
	// 1. Is every list there that the copy knows, and none from before it?
	given := map[string]Publication{}
	for _, p := range how.Lists {
		if p.Purpose != status.Revocation && p.Purpose != status.Suspension || p.ID == "" {
			return Restored{}, fmt.Errorf("%w: list %.40q for %.40q", ErrInvalid, p.ID, p.Purpose)
		}
		other, twice := given[p.ID]
		if !twice {
			given[p.ID] = p
			continue
		}
		ahead, otherAhead := p.ValidFrom.After(how.At), other.ValidFrom.After(how.At)
		if ahead == otherAhead && other.ValidFrom.After(p.ValidFrom) || ahead && !otherAhead {
			p, other = other, p
		}
		// Where one is dated ahead, no date says which is newer: what either has. So with
		// revocations, which are final: of two nodes one may have signed the later list
		// without having seen what the other had published.
		if ahead != otherAhead || p.Purpose == status.Revocation {
			both, err := status.FromBits(p.Bits.Bits())
			if err != nil {
				return Restored{}, fmt.Errorf("%w: list %.40q: %w", ErrInvalid, p.ID, err)
			}
			both.Add(other.Bits)
			p.Bits = both
		}
		given[p.ID] = p
	}
	known, err := r.lists()
	if err != nil {
		return Restored{}, err
	}
	var missing []string
	for _, id := range slices.Sorted(maps.Keys(known)) {
		list := known[id]
		if p, ok := given[id]; !ok {
			missing = append(missing, id)
		} else if older, err := isOlder(r, p, list, how.At); err != nil {
			return Restored{}, err
		} else if older {
			return Restored{}, fmt.Errorf("%w: %s of %s, that in the backup is of %s", ErrListOld, id, p.ValidFrom.Format(time.RFC3339), list.ValidFrom.Format(time.RFC3339))
		}
	}
	if len(missing) > 0 && !how.Forget {
		return Restored{}, fmt.Errorf("%w: %s", ErrListMissing, strings.Join(missing, ", "))
	}

	// 2. Nothing is given out a second time.
	done.Epoch = strconv.FormatInt(how.At.Unix(), 36)
	before, err := r.epoch()
	if err != nil {
		return Restored{}, err
	}
	if before.At.Unix() >= how.At.Unix() {
		return Restored{}, fmt.Errorf("%w: the store was restored at %s already", ErrInvalid, before.At.Format(time.RFC3339))
	}
	now := epoch{Mark: done.Epoch, At: how.At.UTC().Truncate(time.Second), Numbers: before.Numbers + how.Numbers}
	if err := r.setEpoch(now); err != nil {
		return Restored{}, err
	}
	if done.Log, err = r.nextLog(now.Mark, how.Heads); err != nil {
		return Restored{}, err
	}
	for _, id := range slices.Sorted(maps.Keys(known)) {
		if err := r.closeList(known[id]); err != nil {
			return Restored{}, err
		}
		done.Closed = append(done.Closed, id)
	}
	if err := r.skipNumbers(how.Numbers); err != nil {
		return Restored{}, err
	}

	// 3. Nothing is forgotten. Suspensions first: a record may have been suspended
	// and then revoked, and a revoked one changes no more.
	lists := slices.Collect(maps.Values(given))
	slices.SortFunc(lists, func(a, b Publication) int {
		return cmp.Or(strings.Compare(b.Purpose, a.Purpose), strings.Compare(a.ID, b.ID))
	})
	for _, p := range lists {
		list, ok := known[p.ID]
		if !ok { // opened after the backup, and closed with it
			list = listDoc{List: List{ID: p.ID, Purpose: p.Purpose, Opened: p.ValidFrom.UTC().Round(0), Closed: true}}
			if err := r.addList(list); err != nil {
				return Restored{}, err
			}
			done.Added = append(done.Added, p.ID)
		}
		list.Closed = true
		if err := addPublication(r, list, p, how.At, &done); err != nil {
			return Restored{}, fmt.Errorf("status list %s: %w", p.ID, err)
		}
	}

	// 4. Nothing that was erased comes back.
	if done.Erased, err = eraseAgain(r, keys); err != nil {
		return Restored{}, err
	}
	return done, nil
}

// isOlder reports whether a publication is from before the one of the copy.
func isOlder(r restoring, p Publication, list listDoc, at time.Time) (bool, error) {
	switch {
	case !p.ValidFrom.Before(list.ValidFrom):
		return false, nil
	case !list.ValidFrom.After(at):
		return true, nil
	case p.Purpose != status.Revocation:
		return false, nil
	}
	bits, err := r.bits(list.ID)
	return err == nil && !p.Bits.Covers(bits), err
}

// addPublication sets every bit of a publication in a list of the store.
func addPublication(r restoring, list listDoc, p Publication, at time.Time, done *Restored) error {
	if list.Purpose != p.Purpose {
		return fmt.Errorf("%w: it is for %s, the publication for %s", ErrInvalid, list.Purpose, p.Purpose)
	}
	bits, err := r.bits(p.ID)
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
		id, err := r.recordAt(p.ID, index)
		if err != nil {
			return err
		}
		if id != "" {
			err := r.change(id, Change{At: at.UTC().Truncate(time.Second), State: to, Reason: "in the last published status list when a backup was restored", By: "restore"})
			if err == nil {
				if to == Revoked {
					done.Revoked = append(done.Revoked, id)
				} else {
					done.Suspended = append(done.Suspended, id)
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

	// 2. The bits of nobody.
	if err := r.keep(p.ID, strange); err != nil {
		return err
	}

	// 3. What was published last, so that the next one covers it.
	if p.ValidFrom.Equal(list.ValidFrom) {
		return nil // it is the one in the backup
	}
	return r.publish(list, p.Token, p.ValidFrom)
}

// afterRestoring compares heads of logs that are known of with the logs of a copy.
// lost are the names of logs that are not in it, seen the sizes that its own logs
// have had.
func afterRestoring(heads []Head, logs []Log, read func(log string) merkle.Reader) (lost []string, seen map[string]uint64, err error) {
	seen = map[string]uint64{}
	for _, log := range logs {
		seen[log.Name] = log.Size
	}
	for _, h := range heads {
		n := slices.IndexFunc(logs, func(l Log) bool { return l.Name == h.Log })
		if n < 0 {
			lost = append(lost, h.Log)
			continue
		}
		seen[h.Log] = max(seen[h.Log], h.Size)
		if h.Size > logs[n].Size || h.Size == 0 {
			continue
		}
		root, err := merkle.Root(h.Size, read(h.Log))
		if err != nil {
			return nil, nil, err
		}
		if root != h.Root {
			return nil, nil, fmt.Errorf("%w: the backup is not of the store whose head of log %s of size %d is known", ErrForked, h.Log, h.Size)
		}
	}
	slices.Sort(lost)
	return slices.Compact(lost), seen, nil
}

// restoredEvent says of a log that the copy has of it. What was logged after the backup is
// lost; a head of it that is known shows how much, and never becomes a contradiction.
func restoredEvent(log Log, seen map[string]uint64) Event {
	return Event{Kind: KindRestored, Object: log.Name, Result: fmt.Sprintf("the backup has %d entries of %d that are known of", log.Size, seen[log.Name])}
}

// boltRestoring is restoring in a file.
type boltRestoring struct {
	tx   *bolt.Tx
	by   author
	keys *DataKeys
}

func (r boltRestoring) lists() (map[string]listDoc, error) {
	known := map[string]listDoc{}
	err := r.tx.Bucket(bucketLists).ForEach(func(id, _ []byte) error {
		list, err := getList(r.tx, string(id))
		known[string(id)] = list
		return err
	})
	return known, err
}

func (r boltRestoring) bits(list string) (*status.List, error) { return getBits(r.tx, list) }
func (r boltRestoring) epoch() (epoch, error)                  { return getEpoch(r.tx) }
func (r boltRestoring) setEpoch(e epoch) error                 { return putJSON(r.tx, bucketMeta, epochKey, e) }

func (r boltRestoring) nextLog(mark string, heads []Head) (string, error) {
	open, err := get(r.tx, bucketMeta, logKey)
	if err != nil {
		return "", err
	}
	open = slices.Clone(open)
	var logs []Log
	var closed Log
	err = r.tx.Bucket(bucketLogs).ForEach(func(name, _ []byte) error {
		var log Log
		err := getJSON(r.tx, bucketLogs, name, &log)
		logs = append(logs, log)
		if string(name) == string(open) {
			closed = log
		}
		return err
	})
	if err != nil {
		return "", err
	}
	lost, seen, err := afterRestoring(heads, logs, func(log string) merkle.Reader { return logHashes(r.tx, log) })
	if err != nil {
		return "", err
	}
	closed.Closed = r.by.at
	if err := putJSON(r.tx, bucketLogs, open, closed); err != nil {
		return "", err
	}
	for _, name := range lost {
		if err := putJSON(r.tx, bucketLogs, []byte(name), Log{Name: name, Opened: r.by.at, Closed: r.by.at}); err != nil {
			return "", err
		}
	}
	name := firstLog + "-" + mark
	if err := r.by.openLog(r.tx, name, 0); err != nil {
		return "", err
	}
	_, err = r.by.logged(r.tx, restoredEvent(closed, seen))
	return name, err
}

func (r boltRestoring) closeList(list listDoc) error {
	list.Closed = true
	return putJSON(r.tx, bucketLists, []byte(list.ID), &list)
}

func (r boltRestoring) addList(list listDoc) error {
	return errors.Join(putJSON(r.tx, bucketLists, []byte(list.ID), &list), put(r.tx, bucketBits, []byte(list.ID), status.New().Bits()))
}

func (r boltRestoring) skipNumbers(n uint64) error {
	series := map[string]uint64{}
	err := r.tx.Bucket(bucketSeries).ForEach(func(name, stored []byte) error {
		value, err := open(bucketSeries, name, stored)
		if err == nil {
			series[string(name)] = binary.BigEndian.Uint64(value) + n
		}
		return err
	})
	if err != nil {
		return err
	}
	for name, last := range series {
		if err := put(r.tx, bucketSeries, []byte(name), binary.BigEndian.AppendUint64(nil, last)); err != nil {
			return err
		}
	}
	return nil
}

func (r boltRestoring) recordAt(list string, index uint64) (string, error) {
	key := r.tx.Bucket(bucketEntries).Get(entryKey(list, index))
	if key == nil {
		return "", nil
	}
	doc, err := getDoc(r.tx, slices.Clone(key))
	return doc.ID, err
}

func (r boltRestoring) change(id string, c Change) error {
	_, _, err := change(r.tx, r.by, r.keys, id, c)
	return err
}

func (r boltRestoring) keep(list string, strange *status.List) error {
	bits, err := getBits(r.tx, list)
	if err != nil {
		return err
	}
	kept, err := getKept(r.tx, list)
	if err != nil {
		return err
	}
	bits.Add(strange)
	kept.Add(strange)
	return errors.Join(put(r.tx, bucketBits, []byte(list), bits.Bits()), put(r.tx, bucketKept, []byte(list), kept.Bits()))
}

func (r boltRestoring) publish(list listDoc, token []byte, validFrom time.Time) error {
	list.Sequence, list.ValidFrom, list.SHA256 = list.Sequence+1, validFrom.UTC().Round(0), sha256.Sum256(token)
	if err := putJSON(r.tx, bucketLists, []byte(list.ID), &list); err != nil {
		return err
	}
	return r.tx.Bucket(bucketPublished).Put([]byte(list.ID), token)
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
