package store

import (
	bolt "go.etcd.io/bbolt"
)

// stateKey is the place of a record in bucketStates, nil for a state that is not
// kept there: most records are issued, and bucketPending has what is reserved.
func stateKey(s State, key []byte) []byte {
	if s == Issued || s == Reserved {
		return nil
	}
	return append(append([]byte(s), 0), key...)
}

// setState moves a record in bucketStates.
func setState(tx *bolt.Tx, key []byte, from, to State) error {
	states := tx.Bucket(bucketStates)
	if before := stateKey(from, key); before != nil {
		if err := states.Delete(before); err != nil {
			return err
		}
	}
	if after := stateKey(to, key); after != nil {
		return states.Put(after, nil)
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
		return setState(tx, key, Reserved, doc.State)
	})
}
