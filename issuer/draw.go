package issuer

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"math/big"
	"sync/atomic"
	"time"

	"indeks/status"
	"indeks/store"
)

// draw makes a record of everything about a new credential but its content.
func (i *Issuer) draw(ctx context.Context, d *Draft, number string) (store.Record, error) {
	at, keyID, err := i.sealingTime(ctx)
	if err != nil {
		return store.Record{}, err
	}
	entries, err := i.drawEntries(ctx, at)
	if err != nil {
		return store.Record{}, err
	}
	if d.Number != "" {
		number = d.Number
	}
	if number == "" {
		rule := i.numberRule(d.Course)
		n, err := i.store.Numbers(ctx, rule.series(at.Year()), 1)
		if err != nil {
			return store.Record{}, fmt.Errorf("drawing a certificate number: %w", err)
		}
		number = rule.number(at.Year(), n)
	}
	r := store.Record{
		ID:            credentialPrefix + newUUID(),
		Public:        NewPublicID(i.inst.QRPrefix),
		Link:          NewPublicID(""),
		Number:        number,
		Entries:       entries,
		SealingTime:   at,
		KeyID:         keyID,
		State:         store.Reserved,
		Course:        d.Course.ID,
		CourseVersion: d.Course.Version,
		Title:         d.Course.Title["en"],
		FamilyName:    d.FamilyName,
		GivenName:     d.GivenName,
		LearnerID:     d.LearnerID,
		Email:         d.Email,
		AwardingDate:  d.AwardingDate,
		Decision:      d.Course.Decision,
		ExternalID:    d.ExternalID,
		Batch:         d.Batch,
	}
	if r.Title == "" {
		r.Title = d.Course.Title[sortedLanguages(d.Course.Title)[0]]
	}
	if r.AwardingDate == "" {
		r.AwardingDate = at.Format(time.DateOnly)
	}
	r.ValidUntil, r.Draft, r.Assessment = d.validUntil(at), d.rest(), d.assessment()
	if o := d.Replaces; o != nil {
		r.Supersedes = &store.Supersession{ID: o.ID, Change: store.Change{At: at, State: store.Revoked, Code: o.Code, Reason: o.Text, By: o.By}}
	}
	if s := signatory(&i.inst, d.Course); s != nil {
		r.Signatory = s.Name + ", " + s.Office
	}
	return r, nil
}

// sealingTime chooses the time of sealing and a key that was in use at it. A
// rotation between the two look-ups would pair a time with a key that was
// retired before, so the key is looked up on both sides of the clock. A time that
// the key cannot bear, or that the records contradict, is refused here: once on
// record it could never be sealed.
func (i *Issuer) sealingTime(ctx context.Context) (time.Time, string, error) {
	for {
		before, err := i.ring.Sealer()
		if err != nil {
			return time.Time{}, "", fmt.Errorf("taking the active key: %w", err)
		}
		at := i.clock()
		after, err := i.ring.Sealer()
		if err != nil {
			return time.Time{}, "", fmt.Errorf("taking the active key: %w", err)
		}
		if key := after.Public(); key.ID == before.Public().ID {
			if err := mayDate(key, at); err != nil {
				return time.Time{}, "", err
			}
			return at, key.ID, i.checkClock(ctx, at, tolerated)
		}
	}
}

// listPurposes are those that each credential has an entry for.
var listPurposes = [...]string{status.Revocation, status.Suspension}

// openLists are the ids of the lists that were open when last asked for, nil: not asked.
// Reserve takes no entry of a list that was closed since, and then it is asked again.
type openLists [len(listPurposes)]atomic.Pointer[string]

func (l *openLists) forget() {
	for n := range l {
		l[n].Store(nil)
	}
}

// drawEntries draws the place in the open lists of both purposes. One index
// serves for both: it says nothing more about the learner, and lists that are
// opened and filled in step collide less often (see maxDraws).
func (i *Issuer) drawEntries(ctx context.Context, at time.Time) ([]store.Entry, error) {
	index, err := rand.Int(rand.Reader, big.NewInt(status.MinSize))
	if err != nil {
		return nil, fmt.Errorf("drawing an index: %w", err)
	}
	entries := make([]store.Entry, 0, len(listPurposes))
	for n, purpose := range listPurposes {
		known := i.openLists[n].Load()
		if known == nil {
			list, err := i.store.OpenList(ctx, purpose, at)
			if err != nil {
				return nil, fmt.Errorf("taking the open %s list: %w", purpose, err)
			}
			known = &list.ID
			i.openLists[n].Store(known)
		}
		entries = append(entries, store.Entry{List: *known, Index: index.Uint64(), Purpose: purpose})
	}
	return entries, nil
}

// numberRule is the course's rule, else the institution's, else the default.
// All of them were checked when course and institution were read.
func (i *Issuer) numberRule(c *Course) numberRule {
	for _, text := range []string{c.NumberRule, i.inst.NumberRule} {
		if rule, err := parseNumberRule(text); err == nil {
			return rule
		}
	}
	rule, _ := parseNumberRule(defaultNumberRule)
	return rule
}

// publicSymbols is the length of public ids and links: 26 symbols of 5 bits.
const publicSymbols = 26

// NewPublicID draws a public id: prefix, and 26 symbols in all.
func NewPublicID(prefix string) string {
	random := make([]byte, publicSymbols-len(prefix))
	rand.Read(random) // never fails (crypto/rand)
	for n, b := range random {
		random[n] = publicAlphabet[b&31] // 256 is a multiple of 32: no symbol is likelier
	}
	return prefix + string(random)
}

// newUUID draws a UUID of version 4 (RFC 9562, section 5.4).
func newUUID() string {
	var u [16]byte
	rand.Read(u[:])
	u[6], u[8] = u[6]&0x0f|0x40, u[8]&0x3f|0x80
	x := hex.EncodeToString(u[:])
	return x[:8] + "-" + x[8:12] + "-" + x[12:16] + "-" + x[16:20] + "-" + x[20:]
}
