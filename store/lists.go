package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	bolt "go.etcd.io/bbolt"

	"indeks/status"
)

// listDoc is a list as it is stored, with the hash of the token published.
type listDoc struct {
	List
	SHA256 [sha256.Size]byte `json:"sha256,omitzero"`
}

// getList returns a list without its token, or ErrNotFound.
func getList(tx *bolt.Tx, id string) (list listDoc, err error) {
	if id == "" {
		return listDoc{}, ErrNotFound
	}
	err = getJSON(tx, bucketLists, []byte(id), &list)
	return list, err
}

// countedLists are the lists of which a transaction has given out places, as they are
// to be written when it ends: once, whatever number of records it reserves. A call that
// reads or writes lists otherwise puts them first.
type countedLists map[string]listDoc

func (c countedLists) list(tx *bolt.Tx, id string) (listDoc, error) {
	if list, ok := c[id]; ok {
		return list, nil
	}
	return getList(tx, id)
}

func (c countedLists) put(tx *bolt.Tx) error {
	for id, list := range c {
		if err := putJSON(tx, bucketLists, []byte(id), &list); err != nil {
			return fmt.Errorf("counting the places of list %s: %v", id, err) // of others, so no sentinel: see write
		}
	}
	clear(c)
	return nil
}

// published returns the list with its token.
func (l listDoc) published(tx *bolt.Tx) (List, error) {
	list := l.List
	if list.Sequence == 0 {
		return list, nil
	}
	token := tx.Bucket(bucketPublished).Get([]byte(list.ID))
	if token == nil || sha256.Sum256(token) != l.SHA256 {
		return List{}, fmt.Errorf("%w: the published list %s does not fit its hash", ErrDamaged, list.ID)
	}
	list.Published = bytes.Clone(token)
	return list, nil
}

// openList returns the list of a purpose that is open, or ErrNotFound, and the
// number of lists of that purpose.
func openList(tx *bolt.Tx, purpose string) (open listDoc, n int, err error) {
	err = tx.Bucket(bucketLists).ForEach(func(id, _ []byte) error {
		list, err := getList(tx, string(id))
		if err != nil {
			return err
		}
		if list.Purpose == purpose {
			n++
			if !list.Closed {
				open = list
			}
		}
		return nil
	})
	if err == nil && open.ID == "" {
		err = ErrNotFound
	}
	return open, n, err
}

// listLetter begins the ids of the lists of a purpose.
func listLetter(purpose string) (string, error) {
	switch purpose {
	case status.Revocation:
		return "r", nil
	case status.Suspension:
		return "s", nil
	default:
		return "", fmt.Errorf("opening a status list: %w: purpose %.40q", ErrInvalid, purpose)
	}
}

// listID is the id of the n-th list of a letter.
func listID(letter string, n int, restored epoch) string {
	id := fmt.Sprintf("%s%d", letter, n)
	if restored.Mark != "" { // a list of that number may have been opened after the backup
		id += "-" + restored.Mark
	}
	return id
}

func (s *boltStore) OpenList(ctx context.Context, purpose string, now time.Time) (List, error) {
	letter, err := listLetter(purpose)
	if err != nil {
		return List{}, err
	}

	// Nearly always there is one, and reading waits for nobody.
	var list List
	err = s.view(ctx, func(tx *bolt.Tx) error {
		doc, _, err := openList(tx, purpose)
		if err != nil {
			return err
		}
		list, err = doc.published(tx)
		return err
	})
	if errors.Is(err, ErrNotFound) {
		by := s.author(ctx)
		err = s.write(ctx, func(tx *bolt.Tx) error {
			if err := s.counted.put(tx); err != nil {
				return err
			}
			doc, n, err := openList(tx, purpose)
			if err == nil { // opened by another since
				list, err = doc.published(tx)
				return err
			}
			if !errors.Is(err, ErrNotFound) {
				return err
			}
			restored, err := getEpoch(tx)
			if err != nil {
				return err
			}
			list = List{ID: listID(letter, n+1, restored), Purpose: purpose, Opened: now.UTC().Truncate(time.Second)}
			if err := putJSON(tx, bucketLists, []byte(list.ID), &listDoc{List: list}); err != nil {
				return err
			}
			if err := put(tx, bucketBits, []byte(list.ID), status.New().Bits()); err != nil {
				return err
			}
			_, err = by.logged(tx, Event{Kind: KindListOpened, Object: list.ID, Result: purpose})
			return err
		})
	}
	if err != nil {
		return List{}, fmt.Errorf("opening a %s list: %w", purpose, err)
	}
	return list, nil
}

func (s *boltStore) Lists(ctx context.Context) ([]List, error) {
	var lists []List
	err := s.view(ctx, func(tx *bolt.Tx) error {
		return tx.Bucket(bucketLists).ForEach(func(id, _ []byte) error {
			doc, err := getList(tx, string(id))
			if err != nil {
				return err
			}
			list, err := doc.published(tx)
			lists = append(lists, list)
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("reading the status lists: %w", err)
	}
	return lists, nil
}

func (s *boltStore) Bits(ctx context.Context, id string) (*status.List, List, error) {
	var bits *status.List
	var list List
	err := s.view(ctx, func(tx *bolt.Tx) error {
		doc, err := getList(tx, id)
		if err != nil {
			return err
		}
		if list, err = doc.published(tx); err != nil {
			return err
		}
		bits, err = getBits(tx, id)
		return err
	})
	if err != nil {
		return nil, List{}, fmt.Errorf("reading status list %.40q: %w", id, err)
	}
	return bits, list, nil
}

// getBits returns the present bits of a list that is there. They are kept whole,
// 16 KB behind a checksum, and not gathered from the records: a list is signed
// after each change, and a lost bit would bring a revoked credential back.
func getBits(tx *bolt.Tx, id string) (*status.List, error) {
	stored, err := get(tx, bucketBits, []byte(id))
	if errors.Is(err, ErrNotFound) {
		return nil, fmt.Errorf("%w: the bits of list %s are missing", ErrDamaged, id)
	}
	if err != nil {
		return nil, err
	}
	bits, err := status.FromBits(stored)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return bits, nil
}

// validPublication says with ErrInvalid why a list cannot be published.
func validPublication(id string, token []byte, validFrom time.Time) error {
	if len(token) == 0 || len(token) > maxBlob || validFrom.IsZero() {
		return fmt.Errorf("publishing status list %.40q: %w: token of %d bytes, valid from %v", id, ErrInvalid, len(token), validFrom)
	}
	return nil
}

func (s *boltStore) Publish(ctx context.Context, id string, sequence uint64, token []byte, validFrom time.Time) error {
	if err := validPublication(id, token, validFrom); err != nil {
		return err
	}
	by := s.author(ctx)
	err := s.write(ctx, func(tx *bolt.Tx) error {
		if err := s.counted.put(tx); err != nil {
			return err
		}
		list, err := getList(tx, id)
		if err != nil {
			return err
		}
		if sequence != list.Sequence+1 {
			return fmt.Errorf("%w: sequence %d after %d", ErrSequence, sequence, list.Sequence)
		}
		list.Sequence, list.ValidFrom, list.SHA256 = sequence, validFrom.UTC().Round(0), sha256.Sum256(token)
		if err := putJSON(tx, bucketLists, []byte(id), &list); err != nil {
			return err
		}
		if err := tx.Bucket(bucketPublished).Put([]byte(id), token); err != nil {
			return err
		}
		_, err = by.logged(tx, Event{Kind: KindListPublished, Object: id, Result: fmt.Sprintf("sequence %d", sequence), Digest: list.SHA256})
		return err
	})
	if err != nil {
		return fmt.Errorf("publishing status list %.40q: %w", id, err)
	}
	return nil
}

// maxDraw bounds one drawing of numbers, so that no slip of the keyboard uses up a series.
const maxDraw = 1_000_000

// validDraw says with ErrInvalid why numbers cannot be drawn.
func validDraw(series string, n int) error {
	if series == "" || len(series) > maxKey || n < 1 || n > maxDraw {
		return fmt.Errorf("drawing %d numbers of series %.40q: %w", n, series, ErrInvalid)
	}
	return nil
}

func (s *boltStore) Numbers(ctx context.Context, series string, n int) (first uint64, err error) {
	if err := validDraw(series, n); err != nil {
		return 0, err
	}
	err = s.write(ctx, func(tx *bolt.Tx) error {
		var last uint64
		stored, err := get(tx, bucketSeries, []byte(series))
		switch {
		case err == nil:
			last = binary.BigEndian.Uint64(stored)
		case !errors.Is(err, ErrNotFound):
			return err
		default: // it may have begun after a backup that was restored
			restored, err := getEpoch(tx)
			if err != nil {
				return err
			}
			last = restored.Numbers
		}
		first = last + 1
		return put(tx, bucketSeries, []byte(series), binary.BigEndian.AppendUint64(nil, last+uint64(n)))
	})
	if err != nil {
		return 0, fmt.Errorf("drawing %d numbers of series %.40q: %w", n, series, err)
	}
	return first, nil
}
