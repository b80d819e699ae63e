package issuer

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"indeks/alike"
	"indeks/elm"
	"indeks/paper"
	"indeks/store"
)

// The credentials of one class differ in a few strings: names, dates, numbers,
// ids. So what a course's payload says is built, written and checked once, with
// places for these strings, and the payload of the next learner is its pieces
// around other strings. That costs less than to seal it.
//
// A mould gives the bytes that building would give, because
//
//   - its [mouldKey] is everything that a document is built of, but for the
//     learner's own strings, of which it has whether they are there and in which
//     script; and
//   - it was made by building the document for two invented learners, all of whose
//     strings are random, or of one value for all documents of the key: pieces cut
//     out of the first are, around the strings of the second, the second to the byte.
//     A string that is written elsewhere in another form, or stands in the course by
//     chance, would not pass that.
//
// And its payloads pass every check, because one of them did, and no rule of
// format, shapes, vocabularies or Annex I depends on which plain text, instant of
// the same form or new id stands in such a place. Texts that are not plain go the
// long way.
type mould struct {
	pieces [][]byte // pieces[n] is followed by own string places[n]; nothing in them is of any learner
	places []int
	base   store.Base // of pieces

	begun atomic.Pointer[begun] // the last one

	// like is what a verifier reads of who issued the payload that passed every
	// check, when, and where its status stands.
	like elm.Credential
}

// own are the strings of a document that are the learner's, in the order of the
// constants below; behind them its indexes in the status lists.
func own(d *Draft, x *drawn, picture string) []string {
	texts := []string{
		ownGiven: d.GivenName, ownFamily: d.FamilyName, ownBirth: d.DateOfBirth, ownLearner: d.LearnerID, ownGrade: d.Grade,
		ownID: x.ID, ownTime: string(elm.At(x.At)), ownAwarded: d.awarded(x.At), ownNumber: x.Number, ownPublic: x.Public, ownPicture: picture,
	}
	for _, e := range x.Entries {
		texts = append(texts, strconv.FormatUint(e.Index, 10))
	}
	return texts
}

const (
	ownGiven = iota
	ownFamily
	ownBirth
	ownLearner
	ownGrade
	ownID
	ownTime
	ownAwarded // after ownTime, which may begin like it
	ownNumber
	ownPublic
	ownPicture
	ownIndexes // the first of them
)

// mouldKey is all that a document is built of besides its own strings.
type mouldKey struct {
	course                       [sha256.Size]byte
	page, awarded                string
	language, idVerification     string
	name, learner, grade, number string // outlines
	birth                        bool
	lists                        [len(listPurposes)]struct{ list, purpose string }
}

// mouldKey returns the key of a document, and whether its own strings are plain.
func (inst *Institution) mouldKey(d *Draft, x *drawn, course [32]byte) (key mouldKey, plain bool) {
	for _, text := range []string{d.GivenName, d.FamilyName, d.LearnerID, d.Grade, x.Number} {
		if !isPlain(text) {
			return mouldKey{}, false
		}
	}
	// What is said of one learner alone is nothing that others have in common, nor may
	// it be kept with what they have.
	if d.RPL != "none" || len(d.RPLOutcomes) > 0 || d.RPLEvidence != "" || d.Recognition != "" || d.Source != nil || d.NameCheck != nil ||
		d.LevelOverride != 0 || d.OverrideReason != "" || d.OverrideBy != "" || len(x.Entries) > len(key.lists) {
		return mouldKey{}, false
	}
	key = mouldKey{
		course: course, page: x.Page, language: d.Language, idVerification: d.IDVerification, birth: d.DateOfBirth != "",
		name:    outline(d.GivenName + d.FamilyName), // both are there, or it is no draft
		learner: outline(d.LearnerID), grade: outline(d.Grade), number: outline(x.Number),
	}
	// Where the award ends, its end is no place, as it rests on the awarding date. So
	// that is not invented either, and may stand in the course by chance; nor does the
	// end tell it: 30 and 31 August and six months are both the end of February.
	if d.Course.ValidMonths != 0 {
		key.awarded = d.awarded(x.At)
	}
	for n, e := range x.Entries {
		key.lists[n].list, key.lists[n].purpose = e.List, e.Purpose
	}
	return key, true
}

// awarded is the day on which the award is made, YYYY-MM-DD.
func (d *Draft) awarded(at time.Time) string { return cmp.Or(d.AwardingDate, at.Format(time.DateOnly)) }

// outline is what of a text a document's other parts may rest on: whether it is
// there, and in which script (tongue.forName).
func outline(text string) string {
	switch {
	case text == "":
		return ""
	case hasCyrillic(text):
		return "ж"
	}
	return "z"
}

func hasCyrillic(text string) bool {
	return strings.ContainsFunc(text, func(r rune) bool { return unicode.Is(unicode.Cyrillic, r) })
}

// maxPlain is the most characters of a plain text.
const maxPlain = 100

// isPlain reports whether no rule looks at a text: it is short, of letters, marks,
// digits and what stands in names, and it neither begins nor ends with a space.
func isPlain(text string) bool {
	if utf8.RuneCountInString(text) > maxPlain || strings.TrimSpace(text) != text {
		return false
	}
	return !strings.ContainsFunc(text, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsMark(r) && !unicode.IsDigit(r) && !strings.ContainsRune(" -'’.,/()+", r)
	})
}

// newMould makes the mould of a profile for documents like that of d and x, or
// none where it does not give what building gives.
func (inst *Institution) newMould(d *Draft, x *drawn, profile elm.Profile) (*mould, error) {
	build := func() (raw []byte, texts []string, err error) {
		d, x := invented(d, x)
		cred, err := inst.credential(&d, x)
		if err != nil {
			return nil, nil, err
		}
		picture, err := inst.picture(x.Public)
		if err != nil {
			return nil, nil, err
		}
		raw, err = cred.Encode(profile)
		return raw, own(&d, &x, picture), err
	}
	first, texts, err := build()
	if err != nil {
		return nil, err
	}
	second, others, err := build()
	if err != nil {
		return nil, err
	}
	m := cut(first, quoted(texts))
	if !m.gives(quoted(others), second) {
		return nil, nil
	}
	return m, nil
}

// invented is a draft of a learner who does not exist, with what would be drawn
// for it: in everything that a mouldKey has like d and x, and otherwise random.
func invented(d *Draft, x *drawn) (Draft, drawn) {
	dd, xx := *d, *x
	cyrillic := hasCyrillic(d.GivenName + d.FamilyName) // both names are said to be of one language
	for _, text := range []*string{&dd.GivenName, &dd.FamilyName, &dd.LearnerID, &dd.Grade, &xx.Number} {
		name := text == &dd.GivenName || text == &dd.FamilyName
		switch letters := NewPublicID(""); {
		case *text == "":
		case name && cyrillic || !name && hasCyrillic(*text):
			*text = strings.Map(func(r rune) rune { return 'А' + r%32 }, letters) + "ж"
		default:
			*text = letters + "z"
		}
	}
	if dd.DateOfBirth != "" {
		dd.DateOfBirth = time.Date(1900, 1, 1+below(30_000), 0, 0, 0, 0, time.UTC).Format(time.DateOnly)
	}
	xx.ID, xx.Public = credentialPrefix+newUUID(), NewPublicID("")
	if dd.AwardingDate = d.awarded(x.At); d.Course.ValidMonths == 0 {
		dd.AwardingDate = time.Date(1990, 1, 1+below(30_000), 0, 0, 0, 0, time.UTC).Format(time.DateOnly)
	}
	xx.At = time.Date(2100, 1, 1, 0, 0, 1+below(1_000_000_000), 0, time.UTC)
	xx.Entries = slices.Clone(x.Entries)
	for n := range xx.Entries {
		xx.Entries[n].Index = 1<<62 + uint64(below(1<<62))
	}
	return dd, xx
}

func below(n int64) (drawn int) {
	i, err := rand.Int(rand.Reader, big.NewInt(n))
	if err != nil {
		panic(err) // unreachable: crypto/rand does not fail
	}
	return int(i.Int64())
}

// quoted are texts as JSON writes them between quotation marks.
func quoted(texts []string) [][]byte {
	room := 0
	for _, text := range texts {
		room += len(text) + len(`""`)
	}
	out, all := make([][]byte, len(texts)), make([]byte, 0, room)
	for i, text := range texts {
		begin := len(all)
		var err error
		if all, err = jsontext.AppendQuote(all, text); err != nil {
			panic(err) // unreachable: drafts are UTF-8, or they were refused
		}
		out[i] = all[begin+1 : len(all)-1]
	}
	return out
}

// cut takes the own strings of an invented learner out of a payload.
func cut(payload []byte, texts [][]byte) *mould {
	m := new(mould)
	next := make([]int, len(texts)) // where each occurs next
	find := func(i, from int) {
		next[i] = len(payload)
		if at := bytes.Index(payload[from:], texts[i]); at >= 0 && len(texts[i]) > 0 {
			next[i] = from + at
		}
	}
	for i := range texts {
		find(i, 0)
	}
	for start := 0; ; {
		at, which := len(payload), -1
		for i := range texts {
			if next[i] < start {
				find(i, start)
			}
			if next[i] < at {
				at, which = next[i], i
			}
		}
		m.pieces = append(m.pieces, payload[start:at:at])
		if which < 0 {
			return m
		}
		m.places = append(m.places, which)
		start = at + len(texts[which])
	}
}

// gives reports whether a payload is the document of whoever has these own strings, quoted.
func (m *mould) gives(texts [][]byte, payload []byte) bool {
	given, _ := m.payload(texts)
	return given.Equal(alike.Whole(payload))
}

// payload is the document of whoever has these own strings, quoted; between are those of
// them that stand between its pieces.
func (m *mould) payload(texts [][]byte) (payload alike.Text, between [][]byte) {
	between = make([][]byte, len(m.places))
	parts := make([][]byte, 0, len(m.pieces)+len(m.places))
	common := 0 // so many of the parts say nothing of one learner
	for n, piece := range m.pieces {
		parts = append(parts, piece)
		if common == 0 && (n == len(m.places) || m.places[n] != ownAwarded) {
			common = len(parts)
		}
		if n < len(m.places) {
			between[n] = texts[m.places[n]]
			parts = append(parts, between[n])
		}
	}
	begun := m.beginning(parts[:common], string(texts[ownAwarded]))
	parts[common-1] = begun.text[begun.whole:]
	return alike.Text{Beginning: begun.text[:begun.whole:begun.whole], Rest: bytes.Join(parts[common-1:], nil)}, between // which clears no memory before it is written
}

// begun is what documents of a mould begin with that are awarded on one day.
type begun struct {
	awarded string // as JSON has it
	text    []byte
	whole   int // so many bytes of it are whole characters, and whole groups of base64
}

// beginning joins what stands before the first string that says something of one
// learner: others of the course who are awarded on the same day have the same, and it is
// the same memory for all of a day.
func (m *mould) beginning(common [][]byte, awarded string) *begun {
	if known := m.begun.Load(); known != nil && known.awarded == awarded {
		return known
	}
	text := bytes.Join(common, nil)
	n := len(text) / 3 * 3
	for n < len(text) && n > 0 && !utf8.RuneStart(text[n]) {
		n -= 3
	}
	b := &begun{awarded, text, n}
	m.begun.Store(b)
	return b
}

// learn takes up what is to be read of payloads of the mould from one of them.
func (m *mould) learn(payload []byte) error {
	read, err := elm.Parse(payload)
	if err != nil {
		return err
	}
	m.like = elm.Credential{
		Profile: read.Profile, Type: read.Type, Issuer: read.Issuer, CredentialStatus: read.CredentialStatus, Status: read.Status,
		IssuanceDate: read.IssuanceDate, Issued: read.Issued, ValidFrom: read.ValidFrom, ExpirationDate: read.ExpirationDate, ValidUntil: read.ValidUntil,
		Extra: read.Extra,
	}
	return nil
}

// read is what elm.Parse would make of the payload of whoever has these own strings, as
// far as seal, issuer, status and period go, without the payload itself.
func (m *mould) read(texts []string) *elm.Credential {
	cred := m.like
	cred.ID = texts[ownID]
	at := elm.DateTime(texts[ownTime])
	for _, t := range []*elm.DateTime{&cred.IssuanceDate, &cred.Issued, &cred.ValidFrom} {
		if *t != "" {
			*t = at
		}
	}
	for _, list := range []*elm.List[elm.StatusEntry]{&cred.CredentialStatus, &cred.Status} {
		*list = slices.Clone(*list)
		for n := range *list {
			index := texts[ownIndexes+n]
			(*list)[n].StatusListIndex = index
			(*list)[n].ID = (*list)[n].StatusListCredential + "#" + index
		}
	}
	return &cred
}

// picture is the code that leads to a verifier, in base64.
func (inst *Institution) picture(public string) (string, error) {
	png, err := paper.PNG(paper.LinkQR(inst.VerifierBase, public), pictureScale)
	if err != nil {
		return "", fmt.Errorf("drawing the QR code: %w", err)
	}
	return base64.StdEncoding.EncodeToString(png), nil
}

// maxMoulds bounds those that are kept, each of which takes as much memory as two or
// three payloads: a class in both scripts, with and without grade or prior learning has
// some tens.
const maxMoulds = 128

// maxMaking is of how many keys moulds are made at a time: more than a class has that
// begins, and few enough where each learner has a key of his own, and making one is three
// times the work of building what it is for.
const maxMaking = 8

// moulds are those of the courses that are being issued. The zero value is ready
// for use, also concurrently.
type moulds struct {
	mu     sync.Mutex
	known  map[mouldKey]map[elm.Profile]*mould
	making map[mouldKey]chan struct{} // closed once they are made, or cannot be
}

// await returns the moulds of a key. A class that begins makes them once, and those
// who come meanwhile wait: to build what they want themselves takes longer, and on a
// slow disk a whole class would, since what its payloads have in common is put into the
// store first. Where there are none, and none are being made of the key, the caller is
// to make them, and calls moulded then. Whoever finds too many of others being made, or
// none that give what building gives, builds.
func (ms *moulds) await(ctx context.Context, key mouldKey) (known map[elm.Profile]*mould, moulded func()) {
	for {
		ms.mu.Lock()
		known := ms.known[key]
		made, being := ms.making[key]
		mine := known == nil && !being && len(ms.making) < maxMaking
		if mine {
			if ms.making == nil {
				ms.making = map[mouldKey]chan struct{}{}
			}
			ms.making[key] = make(chan struct{})
		}
		ms.mu.Unlock()
		switch {
		case mine:
			return nil, func() { ms.end(key) }
		case known != nil || !being:
			return known, nil
		}
		select {
		case <-made:
		case <-ctx.Done():
			return nil, nil
		}
	}
}

// end ends the making of the moulds of a key.
func (ms *moulds) end(key mouldKey) {
	ms.mu.Lock()
	defer ms.mu.Unlock()
	close(ms.making[key])
	delete(ms.making, key)
}

func (ms *moulds) add(key mouldKey, made map[elm.Profile]*mould) {
	ms.mu.Lock()
	defer ms.mu.Unlock()
	if ms.known == nil || len(ms.known) >= maxMoulds {
		ms.known = map[mouldKey]map[elm.Profile]*mould{} // begin anew rather than keep count of use
	}
	ms.known[key] = made
}
