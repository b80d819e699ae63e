package issuer

import (
	"bytes"
	"cmp"
	"slices"
	"sync"

	"github.com/go-json-experiment/json/jsontext"

	"indeks/elm"
)

// The credentials of one class differ in a few strings: names, dates, numbers,
// ids. So a payload that passed every check is kept as a pattern, in which these
// strings are slots, and the next payload of the course need only be the same
// bytes around its own strings. What rests on the course alone is then checked
// once, and checking a credential costs less than sealing it.
//
// This proves as much as checking again would: no rule of format, shapes,
// vocabularies or Annex I depends on which text, instant of the same form or new
// id stands in such a string. The end of validity is no slot, as it must come
// after the beginning.

// pattern is a payload with slots: pieces[0] slot[0] pieces[1] ... pieces[n].
// Pieces end and begin with the quotation marks of the slots between them.
type pattern struct {
	pieces [][]byte
	slots  []int // into what slotsOf returns
}

// slotsOf lists the strings of a credential that are its own, as JSON writes
// them between quotation marks. The order depends on nothing but which of them
// there are.
func slotsOf(cred *elm.Credential) [][]byte {
	var texts []string
	add := func(text string) { texts = append(texts, text) }
	addText := func(text elm.Text) {
		for _, one := range text {
			for _, value := range one.Values {
				add(value)
			}
		}
	}
	add(cred.ID)
	add(string(cmp.Or(cred.IssuanceDate, cred.ValidFrom))) // one that was read from VC2 has the latter only
	for _, id := range cred.Identifier {
		add(id.Notation)
	}
	for _, e := range cred.StatusEntries() {
		add(e.ID)
		add(e.StatusListIndex)
	}
	if d := cred.DisplayParameter; d != nil && len(d.IndividualDisplay) > 0 && len(d.IndividualDisplay[0].DisplayDetail) > 0 {
		if image := d.IndividualDisplay[0].DisplayDetail[0].Image; image != nil {
			add(image.Content)
		}
	}
	for _, person := range cred.Subject {
		for _, name := range []elm.Text{person.FullName, person.GivenName, person.FamilyName} {
			if len(name) == 1 { // as ELM wants it; more have no order
				addText(name)
			}
		}
		add(string(person.DateOfBirth))
		for _, id := range person.Identifier {
			add(id.Notation)
		}
		for _, claim := range person.HasClaim {
			if claim.AwardedBy != nil {
				add(string(claim.AwardedBy.AwardingDate))
			}
			for _, doc := range claim.SupplementaryDocument {
				add(doc.ContentURL)
			}
			for _, assessment := range claim.ProvenBy {
				if assessment.Grade != nil && len(assessment.Grade.NoteLiteral) == 1 {
					addText(assessment.Grade.NoteLiteral)
				}
			}
		}
	}
	slots := make([][]byte, len(texts))
	for i, text := range texts {
		quoted, err := jsontext.AppendQuote(nil, text)
		if err == nil { // else it is no text, and nothing in the payload is like it
			slots[i] = quoted[1 : len(quoted)-1]
		}
	}
	return slots
}

// newPattern takes the slots out of a payload that passed every check. Where a
// string of the course happens to be one of the learner's, it becomes a slot
// too; the pattern then fits fewer payloads, and never a wrong one.
func newPattern(payload []byte, slots [][]byte) *pattern {
	index := make(map[string]int, len(slots))
	for i, slot := range slots {
		if _, ok := index[string(slot)]; !ok && len(slot) > 0 {
			index[string(slot)] = i
		}
	}
	p, start := new(pattern), 0
	for pos := 0; pos < len(payload); {
		if payload[pos] != '"' {
			pos++
			continue
		}
		end := pos + 1
		for payload[end] != '"' { // the payload was parsed, so every string ends
			if payload[end] == '\\' {
				end++
			}
			end++
		}
		if i, ok := index[string(payload[pos+1:end])]; ok {
			p.pieces = append(p.pieces, payload[start:pos+1])
			p.slots = append(p.slots, i)
			start = end
		}
		pos = end + 1
	}
	p.pieces = append(p.pieces, payload[start:])
	return p
}

// fits reports whether payload is the pattern around other slots.
func (p *pattern) fits(payload []byte, slots [][]byte) bool {
	for n, piece := range p.pieces {
		rest, ok := bytes.CutPrefix(payload, piece)
		if !ok {
			return false
		}
		if payload = rest; n == len(p.slots) {
			break
		}
		if p.slots[n] >= len(slots) {
			return false
		}
		slot := slots[p.slots[n]]
		// The piece that follows begins with a quotation mark, which ends the slot.
		if payload, ok = bytes.CutPrefix(payload, slot); !ok || len(slot) == 0 {
			return false
		}
	}
	return len(payload) == 0
}

// patternKey is what a pattern is for: a course, by the hash of its content, in a profile.
type patternKey struct {
	course  [32]byte
	profile elm.Profile
}

const (
	maxPatterns = 32 // of one course: in both scripts, with and without grade, prior learning and so on
	maxCourses  = 64 // times two profiles
)

// patterns are those of the courses that are being issued. The zero value is
// ready for use, also concurrently.
type patterns struct {
	mu    sync.RWMutex
	known map[patternKey][]*pattern // the newest last
}

// fit reports whether payload fits a known pattern.
func (ps *patterns) fit(key patternKey, payload []byte, slots [][]byte) bool {
	ps.mu.RLock()
	known := ps.known[key]
	ps.mu.RUnlock()
	for _, p := range slices.Backward(known) {
		if p.fits(payload, slots) {
			return true
		}
	}
	return false
}

// add keeps the pattern of a payload that passed every check.
func (ps *patterns) add(key patternKey, payload []byte, slots [][]byte) {
	p := newPattern(payload, slots)
	ps.mu.Lock()
	defer ps.mu.Unlock()
	if ps.known == nil || len(ps.known) >= 2*maxCourses && ps.known[key] == nil {
		ps.known = map[patternKey][]*pattern{} // begin anew rather than keep count of use
	}
	known := append(slices.Clone(ps.known[key]), p) // readers may hold the old one
	ps.known[key] = known[max(0, len(known)-maxPatterns):]
}
