package store

import (
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/go-json-experiment/json"
)

// What is personal in a record is kept under data keys, and everything is that does
// not stand in copyFacts: a member that is added to Record is encrypted unless
// somebody decides otherwise. How it is kept is the same behind every store.

// copyFacts copies what a record says that is about no person: what the status
// lists, the indexes and a search go by.
func copyFacts(to, from *Record) {
	to.ID, to.Public, to.Number = from.ID, from.Public, from.Number
	to.Entries, to.SealingTime, to.KeyID, to.Forms = from.Entries, from.SealingTime, from.KeyID, from.Forms
	to.Course, to.CourseVersion, to.CourseSHA256, to.Title = from.Course, from.CourseVersion, from.CourseSHA256, from.Title
	to.AwardingDate, to.ValidUntil, to.Decision, to.Signatory, to.Batch = from.AwardingDate, from.ValidUntil, from.Decision, from.Signatory, from.Batch
	to.State, to.Changes, to.Erasures = from.State, from.Changes, from.Erasures
}

// copyFacts is the same of a change.
func (c *Change) copyFacts(from *Change) {
	c.At, c.State, c.Code, c.By, c.Successor = from.At, from.State, from.Code, from.By, from.Successor
}

// personal is what is not in copyFacts, under the data keys of the record. The JSON
// names are those of the stored form.
type personal struct {
	Record   []byte   `json:"record"`            // JSON of a Record
	Delivery []byte   `json:"delivery,omitzero"` // JSON of delivery; nil: erased
	Changes  [][]byte `json:"changes,omitzero"`  // JSON of Changes; empty where nothing is personal
}

// delivery is what a record says of class Delivery.
type delivery struct {
	Link  string `json:"link"`
	Email string `json:"email,omitzero"`
}

// Parts of a record, to which what is kept is bound; a payload's and a token's are
// followed by the profile, a change's by its number.
const (
	partRecord   = "record"
	partDelivery = "delivery"
	partChange   = "change "
	partPayload  = "payload "
	partToken    = "token "
)

// place is that of a record's data of a class.
func (r *Record) place(c Class) place { return place{c, r.SealingTime.Format("2006-01"), r.ID} }

// protect returns how a record is kept that is to be reserved, and how its payloads
// are, by profile: packed, then encrypted.
func (k *DataKeys) protect(r Record) (doc recordDoc, payloads map[string][]byte, err error) {
	return k.protectWith(r, k.seal)
}

// sealer encrypts as [DataKeys.seal] does.
type sealer func(p place, part string, text []byte) ([]byte, error)

// protectWith is protect with what seals; of class Delivery nothing is kept where that
// is erased.
func (k *DataKeys) protectWith(r Record, seal sealer) (doc recordDoc, payloads map[string][]byte, err error) {
	doc = recordDoc{Payloads: map[string][sha256.Size]byte{}, Blind: map[string][]byte{}, Personal: &personal{}}
	copyFacts(&doc.Record, &r)
	doc.Changes, doc.State, doc.Forms = nil, Reserved, map[string]Sealed{}
	payloads = map[string][]byte{}
	for profile, form := range r.Forms {
		doc.Forms[profile], doc.Payloads[profile] = Sealed{}, payloadHashes.Sum256(form.Text())
		packed, ok := []byte(nil), false
		if pieces := bases.lately(form.Base); pieces != nil {
			packed, ok = packBetween(&form, pieces)
		}
		if !ok {
			packed = packPayload(form.Text().Bytes())
		}
		if payloads[profile], err = seal(r.place(Register), partPayload+profile, packed); err != nil {
			return recordDoc{}, nil, err
		}
	}
	for _, x := range indexes {
		if value := x.of(&r); x.kind != "" && len(value) > 0 {
			doc.Blind[x.kind] = k.blind(x.kind, string(value))
		}
	}
	if !r.Erased(Delivery) {
		if doc.Personal.Delivery, err = seal.json(r.place(Delivery), partDelivery, &delivery{r.Link, r.Email}); err != nil {
			return recordDoc{}, nil, err
		}
	}
	place := r.place(Register)
	copyFacts(&r, &Record{})
	r.Link, r.Email = "", ""
	if doc.Personal.Record, err = seal.json(place, partRecord, &r); err != nil {
		return recordDoc{}, nil, err
	}
	return doc, payloads, nil
}

// addChange puts a change behind those of a record that is kept as facts and p, nil
// where it is erased: then nothing personal is kept of the change either.
func (k *DataKeys) addChange(facts *Record, p *personal, c Change) error {
	rest := c
	c = Change{}
	c.copyFacts(&rest)
	rest.copyFacts(&Change{})
	facts.Changes = append(facts.Changes, c)
	if p == nil {
		return nil
	}
	var sealed []byte
	if rest != (Change{}) {
		var err error
		sealed, err = k.sealJSON(facts.place(Register), fmt.Sprint(partChange, len(p.Changes)), rest)
		if err != nil && !errors.Is(err, ErrErased) {
			return err
		}
	}
	p.Changes = append(p.Changes, sealed)
	return nil
}

// open returns the record of which facts and p are kept, without payloads and
// tokens. With ErrErased, where its data key was destroyed, it has the facts only.
func (k *DataKeys) open(facts Record, p *personal) (Record, error) {
	if facts.Erased(Register) {
		return facts, ErrErased
	}
	var r Record
	if err := k.unsealJSON(facts.place(Register), partRecord, p.Record, &r); err != nil {
		return facts, err
	}
	copyFacts(&r, &facts)
	r.Changes = nil
	for n, c := range facts.Changes {
		var whole Change
		if n < len(p.Changes) && len(p.Changes[n]) > 0 {
			if err := k.unsealJSON(facts.place(Register), fmt.Sprint(partChange, n), p.Changes[n], &whole); err != nil {
				return facts, err
			}
		}
		whole.copyFacts(&c)
		r.Changes = append(r.Changes, whole)
	}
	if p.Delivery != nil {
		var d delivery
		err := k.unsealJSON(facts.place(Delivery), partDelivery, p.Delivery, &d)
		if err != nil && !errors.Is(err, ErrErased) {
			return facts, err
		}
		r.Link, r.Email = d.Link, d.Email
	}
	return r, nil
}

func (k *DataKeys) sealJSON(p place, part string, v any) ([]byte, error) {
	return sealer(k.seal).json(p, part, v)
}

func (seal sealer) json(p place, part string, v any) ([]byte, error) {
	text, err := marshal(0, v)
	if err != nil {
		return nil, err
	}
	return seal(p, part, text)
}

func (k *DataKeys) unsealJSON(p place, part string, sealed []byte, v any) error {
	text, err := k.unseal(p, part, sealed)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, v, json.RejectUnknownMembers(true)); err != nil {
		return fmt.Errorf("%w: reading its %s: %w", ErrDamaged, part, err)
	}
	return nil
}
