package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// To destroy one key keeps about fifty secrets in its stead, for records of the same month
// that may still come (see keyTree): 6 KB for a record, 30 MB for a class of 5000. Once
// the month is long over none comes any more, and what leads to no record can go.

// crowd is how many secrets of a month and class are put up with, about a megabyte.
const crowd = 20_000

// ForgetUnused gives up, of each month before one (YYYY-MM) of which the data keys have
// grown large by erasures, the secrets that lead to no record. What another copy of the
// store alone has on record of these months cannot be read any more, and to reserve a record
// of them later is ErrIDTaken. It changes nothing where a record cannot be read.
func ForgetUnused(ctx context.Context, s Store, before string) error {
	in := insideOf(s)
	if in == nil || in.dataKeys() == nil {
		return nil
	}
	if err := forgetUnused(ctx, s, in, before, crowd); err != nil {
		return fmt.Errorf("giving up data keys that nothing lies under: %w", err)
	}
	return nil
}

func forgetUnused(ctx context.Context, s Store, in inside, before string, crowd int) error {
	keys := in.dataKeys()
	crowded, err := keys.crowded(before, crowd)
	if err != nil || len(crowded) == 0 {
		return err
	}
	var used []place
	for r, err := range in.facts(ctx) {
		if err != nil {
			return err
		}
		for _, p := range []place{r.place(Register), r.place(Delivery)} {
			if slices.Contains(crowded, place{p.class, p.month, ""}) {
				used = append(used, p)
			}
		}
	}
	for _, of := range crowded { // of delivery data some may belong to what never was a record
		for _, kind := range deliveryKinds {
			for d, err := range s.Documents(ctx, kind, of.month+"/", "") {
				if err != nil {
					return err
				}
				if p := d.place(); p.class == of.class {
					used = append(used, p)
				}
			}
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	for {
		err := keys.keepOnly(ctx, crowded, used)
		if !errors.Is(err, ErrRevision) {
			return err
		}
		if err := keys.Refresh(ctx); err != nil { // another process destroyed something
			return err
		}
	}
}

// room refuses an erasure of so many records after which the data keys could not be read
// any more: before it is on record, for what is on record must be destroyed at each start. A
// quarter is left for what is erased besides, and without asking.
func (k *DataKeys) room(records int) error {
	k.mu.RLock()
	defer k.mu.RUnlock()
	secrets := len(k.tree.nodes) + 2*records*nameBits
	if size := secrets * (1 + len(keyPath{}.bits) + 32) / 3 * 4; size > maxVault/4*3 {
		return fmt.Errorf("the data keys would grow to %d MB by all that was erased lately, of %d at most: erase the rest in some months", size>>20, maxVault/4*3>>20)
	}
	return nil
}

// crowded are the classes and months before one that have more secrets than a number, and
// twice as many as when they were last gone through.
func (k *DataKeys) crowded(before string, most int) (crowded []place, err error) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	for _, class := range []Class{Register, Delivery} {
		months := map[string]bool{}
		for _, e := range k.content.Erased {
			if e.Month != "" && e.Month < before && (e.Class == class || e.Class == Register) {
				months[e.Month] = true
			}
		}
		for month := range months {
			p := place{class, month, ""}
			path, err := p.path()
			if err != nil {
				return nil, err
			}
			first, end := k.tree.below(path)
			if n := end - first; n > most && n > 2*k.kept[p] {
				crowded = append(crowded, p)
			}
		}
	}
	return crowded, nil
}

// keepOnly forgets what lies in some classes and months and leads to no place in use.
func (k *DataKeys) keepOnly(ctx context.Context, in, used []place) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	drop := make([]bool, len(k.tree.nodes))
	for _, p := range in {
		path, err := p.path()
		if err != nil {
			return err
		}
		for n, end := k.tree.below(path); n < end; n++ {
			drop[n] = true
		}
	}
	for _, p := range used {
		path, err := p.path()
		if err != nil {
			return err
		}
		if n, ok := k.tree.find(path); ok {
			drop[n] = false
		}
	}
	tree := &keyTree{}
	for n, node := range k.tree.nodes {
		if !drop[n] {
			tree.nodes = append(tree.nodes, node)
		}
	}
	if err := k.replace(ctx, tree, nil); err != nil {
		return err
	}
	if k.kept == nil {
		k.kept = map[place]int{}
	}
	for _, p := range in {
		path, _ := p.path() // it has one
		first, end := tree.below(path)
		k.kept[p] = end - first
	}
	return nil
}
