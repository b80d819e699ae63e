package store

import (
	bolt "go.etcd.io/bbolt"
)

// listedStates are the states under which a record can be found by its state, in
// order. Most records are issued, and what is reserved is pending: neither is listed.
func (r *Record) listedStates() (states []string) {
	if r.Erased(Register) {
		states = append(states, string(Erased))
	}
	if r.State != Issued && r.State != Reserved {
		states = append(states, string(r.State))
	}
	if r.Erased(Delivery) && !r.Erased(Register) {
		states = append(states, undeliverable)
	}
	return states
}

// stateKey is the place of a record in bucketStates.
func stateKey(state string, key []byte) []byte {
	return append(append([]byte(state), 0), key...)
}

// listStates moves a record in bucketStates from where it was.
func listStates(tx *bolt.Tx, key []byte, before []string, r *Record) error {
	states := tx.Bucket(bucketStates)
	for _, s := range before {
		if err := states.Delete(stateKey(s, key)); err != nil {
			return err
		}
	}
	for _, s := range r.listedStates() {
		if err := states.Put(stateKey(s, key), nil); err != nil {
			return err
		}
	}
	return nil
}

// addStates fills bucketStates of a store that had none.
func addStates(tx *bolt.Tx) error {
	return tx.Bucket(bucketRecords).ForEach(func(key, _ []byte) error {
		doc, err := getDoc(tx, key)
		if err != nil {
			return nil // it is damaged, as Check says
		}
		return listStates(tx, key, nil, &doc.Record)
	})
}
