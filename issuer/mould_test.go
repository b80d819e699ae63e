package issuer

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"

	"indeks/alike"
	"indeks/elm"
	"indeks/examples"
	"indeks/status"
	"indeks/store"
)

// anyDraft is a valid draft of an example course, every choice at random.
func anyDraft(r *rand.Rand, courses []*Course) Draft {
	pick := func(from ...string) string { return from[r.IntN(len(from))] }
	c := courses[r.IntN(len(courses))]
	d := Draft{Course: c,
		GivenName:    pick("Ana", "Ђорђе", "Željka", "Иван", "O’Neill", "José María", "Ли", `An "A" a`),
		FamilyName:   pick("Petrović", "Њежић", "Šarić-Đokić", "de la Cruz", "Ана", "Ana", `Back\slash`),
		DateOfBirth:  fmt.Sprintf("%04d-%02d-%02d", 1940+r.IntN(68), 1+r.IntN(12), 1+r.IntN(28)),
		LearnerID:    pick("", "2026/0001", "7", "3", "A-"+fmt.Sprint(r.Uint32())),
		Grade:        pick("", "10", "3", "Položio/la", "отличан (5)"),
		AwardingDate: fmt.Sprintf("2026-%02d-%02d", 1+r.IntN(6), 1+r.IntN(28)),
		RPL:          pick("none", "none", "none", "none", "none", "none", "part", "whole"),
	}
	if d.RPL == "part" {
		d.RPLOutcomes = []string{c.Outcomes[r.IntN(len(c.Outcomes))].ID}
	}
	if d.RPL != "none" {
		d.RPLEvidence = pick("portfolio", "потврда послодавца")
	}
	if r.IntN(10) == 0 {
		d.IDVerification = pick("unsupervised", "supervised", "supervised-id", "unsupervised-id")
	}
	if r.IntN(20) == 0 && c.Level != nil {
		d.LevelOverride, d.OverrideReason = 5+r.IntN(3), pick("decision of the council", "одлука већа")
	}
	return d
}

func exampleCourses(t testing.TB) []*Course {
	t.Helper()
	var courses []*Course
	for _, e := range examples.Courses() {
		c, _, err := ParseCourse(e.Name, e.CourseJSON)
		if err != nil {
			t.Fatal(err)
		}
		courses = append(courses, c)
	}
	return courses
}

func anyDrawn(r *rand.Rand) drawn {
	index := r.Uint64N(status.MinSize)
	return drawn{
		ID: credentialPrefix + newUUID(), Public: NewPublicID("SV"), Number: fmt.Sprintf("MC-2026-%05d", r.IntN(100_000)),
		Entries: []store.Entry{{List: "r1", Index: index, Purpose: status.Revocation}, {List: "s1", Index: index, Purpose: status.Suspension}},
		At:      time.Date(2026, 7, 1+r.IntN(20), r.IntN(24), r.IntN(60), r.IntN(60), 0, time.UTC),
	}
}

// What a mould gives is what building gives, to the byte, and passes every check:
// 1 000 drafts, 300 in a short run, INDEKS_MOULDS in that of `make faults`. What is read of it without reading it is
// what reading gives.
func TestMouldGivesWhatBuildingGives(t *testing.T) {
	n := 1000
	if testing.Short() {
		n = 300
	}
	if text := os.Getenv("INDEKS_MOULDS"); text != "" {
		var err error
		if n, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	courses := exampleCourses(t)
	i := newHouse(t, nil).Issuer
	t.Parallel()
	r := rand.New(rand.NewPCG(1, uint64(time.Now().UnixNano())))
	kinds := make([]Draft, 16) // of drafts: with and without this and that
	for k := range kinds {
		if kinds[k] = anyDraft(r, courses); k%2 == 0 { // half of them as most are
			kinds[k].GivenName, kinds[k].FamilyName = "Ana", []string{"Primer", "Ана"}[k%4/2]
			kinds[k].RPL, kinds[k].RPLOutcomes, kinds[k].RPLEvidence = "none", nil, ""
			kinds[k].LevelOverride, kinds[k].OverrideReason = 0, ""
		}
	}
	names := map[bool][]string{false: {"Ana", "Željka", "O’Neill", "José María", "Ли", "Šarić-Đokić"}, true: {"Ђорђе", "Иван", "Њежић", "Ана-Марија"}}
	moulded := 0
	for k := range n {
		d, x := kinds[r.IntN(len(kinds))], anyDrawn(r)
		if isPlain(d.GivenName + d.FamilyName) {
			names := names[hasCyrillic(d.GivenName+d.FamilyName)]
			d.GivenName, d.FamilyName = names[r.IntN(len(names))], names[r.IntN(len(names))]
		}
		d.DateOfBirth = anyDraft(r, courses).DateOfBirth
		if d.Course.ValidMonths == 0 { // else each day has a mould of its own
			d.AwardingDate = anyDraft(r, courses).AwardingDate
		}
		if d.LearnerID != "" {
			d.LearnerID = fmt.Sprint(r.IntN(20_000))
		}
		d.normalise()
		made, cred, err := i.awards(t.Context(), &d, &x, sha256.Sum256([]byte(d.Course.ID)))
		if err != nil {
			t.Fatalf("draft %+v: %v", d, err)
		}
		if cred != nil {
			continue // built and checked in full
		}
		if cred, err = i.inst.credential(&d, x); err != nil {
			t.Fatal(err)
		}
		// Somebody else who is awarded the same on the same day.
		another, y := invented(&d, &x)
		another.AwardingDate = d.AwardingDate
		others, _, err := i.awards(t.Context(), &another, &y, sha256.Sum256([]byte(d.Course.ID)))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range forms {
			moulded++
			got, other := made[string(f.profile)], others[string(f.profile)]
			whole := got.payload.Bytes()
			if n := len(got.payload.Beginning); n < len(whole)/2 || !bytes.Equal(got.payload.Beginning, other.payload.Beginning) {
				t.Fatalf("draft %+v, %s: of %d bytes %d are said to be those of others", d, f.profile, len(whole), n)
			}
			want, err := cred.Encode(f.profile)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(whole, want) {
				t.Fatalf("draft %+v, %s: the mould gives other bytes:\n%s\n%s", d, f.profile, whole, want)
			}
			if k%8 > 0 {
				continue
			}
			if err := check(&d, whole, f.profile); err != nil {
				t.Fatalf("draft %+v, %s: %v", d, f.profile, err)
			}
			read, err := elm.Parse(whole)
			if err != nil {
				t.Fatal(err)
			}
			for name, pair := range map[string][2]any{
				"id": {read.ID, got.read.ID}, "profile": {read.Profile, got.read.Profile}, "type": {read.Type, got.read.Type}, "issuer": {read.Issuer, got.read.Issuer},
				"status": {read.StatusEntries(), got.read.StatusEntries()}, "issued": {read.Issued, got.read.Issued}, "issuance date": {read.IssuanceDate, got.read.IssuanceDate},
				"valid from": {read.ValidFrom, got.read.ValidFrom}, "valid until": {read.ValidUntil, got.read.ValidUntil}, "end": {read.ExpirationDate, got.read.ExpirationDate},
			} {
				if diff := cmp.Diff(pair[0], pair[1]); diff != "" {
					t.Errorf("%s of %s (-read +known):\n%s", name, f.profile, diff)
				}
			}
		}
	}
	if moulded < n/2 { // of 2n, and half of the kinds have a mould
		t.Errorf("only %d of %d payloads came out of a mould", moulded, 2*n)
	}
}

// A text that a rule might look at, and a document that differs from others in
// more than its own strings, do not come out of their mould.
func TestMouldTakesNothingElse(t *testing.T) {
	courses := exampleCourses(t)
	i := newHouse(t, nil).Issuer
	r := rand.New(rand.NewPCG(2, 2))
	d, x := anyDraft(r, courses[:1]), anyDrawn(r)
	forever := *d.Course
	forever.ValidMonths, d.Course = 0, &forever
	d.GivenName, d.FamilyName, d.Grade, d.LearnerID = "Ana", "Anić", "10", "L-1"
	d.RPL, d.RPLOutcomes, d.RPLEvidence, d.IDVerification, d.LevelOverride, d.OverrideReason = "none", nil, "", "", 0, ""
	x.At = time.Date(2026, 7, 3, 10, 11, 12, 0, time.UTC)
	course := sha256.Sum256([]byte("course"))
	moulded := func(d Draft, x drawn) bool {
		t.Helper()
		_, cred, err := i.awards(t.Context(), &d, &x, course)
		if err != nil {
			t.Fatal(err)
		}
		return cred == nil
	}
	moulded(d, x) // makes it
	for name, change := range map[string]func(*Draft, *drawn){
		"another learner":          func(d *Draft, x *drawn) { d.GivenName, d.FamilyName = "Zora", "O’Neill-Šarić" },
		"another number":           func(d *Draft, x *drawn) { x.Number = "MC/7" },
		"another birthday":         func(d *Draft, x *drawn) { d.DateOfBirth = "1999-12-31" },
		"another second":           func(d *Draft, x *drawn) { x.At = x.At.Add(time.Second) },
		"another day, midnight":    func(d *Draft, x *drawn) { x.At = time.Date(2026, 9, 3, 0, 0, 0, 0, time.UTC) },
		"another awarding date":    func(d *Draft, x *drawn) { d.AwardingDate = "2026-01-02" },
		"none, so that of sealing": func(d *Draft, x *drawn) { d.AwardingDate = "" },
		"another e-mail address":   func(d *Draft, x *drawn) { d.Email = "ana@uni.example" },
	} {
		d, x := d, x
		if change(&d, &x); !moulded(d, x) {
			t.Errorf("%s: built", name)
		}
	}
	for name, change := range map[string]func(*Draft, *drawn){
		"quotation marks":  func(d *Draft, x *drawn) { d.GivenName = `An "A" a` },
		"a bracket":        func(d *Draft, x *drawn) { d.GivenName = "<b>Ana" },
		"turned text":      func(d *Draft, x *drawn) { d.FamilyName = "A\u202eB" },
		"a long text":      func(d *Draft, x *drawn) { d.FamilyName = strings.Repeat("A", 101) },
		"space at the end": func(d *Draft, x *drawn) { d.Grade = "10 " },
		"another script":   func(d *Draft, x *drawn) { d.GivenName = "Ана" },
		"a grade in it":    func(d *Draft, x *drawn) { d.Grade = "десет" },
		"no grade":         func(d *Draft, x *drawn) { d.Grade = "" },
		"no learner id":    func(d *Draft, x *drawn) { d.LearnerID = "" },
		"an end":           func(d *Draft, x *drawn) { c := *d.Course; c.ValidMonths = 24; d.Course = &c },
		"prior learning":   func(d *Draft, x *drawn) { d.RPL, d.RPLEvidence = "whole", "portfolio" },
		"another list":     func(d *Draft, x *drawn) { x.Entries = slices.Clone(x.Entries); x.Entries[0].List = "r2" },
		"no page":          func(d *Draft, x *drawn) { x.Page = "https://uni.example/catalogue/a" },
	} {
		d, x := d, x
		if change(&d, &x); moulded(d, x) {
			t.Errorf("%s: out of the mould", name)
		}
	}
}

// Every field of a draft is one of its own strings, of which a document's key has no more
// than an outline, or nothing of the document, or in the key, or makes the document no
// plain one. A field that comes new must be one of these.
func TestMouldKeyHasEveryField(t *testing.T) {
	i := newHouse(t, nil).Issuer
	plain := draft(t)
	plain.normalise()
	x := anyDrawn(rand.New(rand.NewPCG(6, 6)))
	key, ok := i.inst.mouldKey(&plain, &x, [32]byte{})
	if !ok {
		t.Fatal("not even a plain draft is plain")
	}
	own := []string{"GivenName", "FamilyName", "DateOfBirth", "LearnerID", "Grade", "AwardingDate"}
	outside := []string{"Course", "Row", "RequestKey", "ExternalID", "Batch", "Approval", "Replaces", "Email", "Number", "AssessmentDate", "Assessors"}
	for _, field := range reflect.VisibleFields(reflect.TypeFor[Draft]()) {
		d := plain
		switch at := reflect.ValueOf(&d).Elem().FieldByIndex(field.Index); at.Kind() {
		case reflect.String:
			at.SetString("7")
		case reflect.Int:
			at.SetInt(7)
		case reflect.Slice:
			at.Set(reflect.MakeSlice(at.Type(), 1, 1))
		case reflect.Pointer:
			at.Set(reflect.New(at.Type().Elem()))
		case reflect.Array:
			at.Index(0).SetUint(7)
		default:
			t.Fatalf("%s: a field of a kind that this test does not know", field.Name)
		}
		got, ok := i.inst.mouldKey(&d, &x, [32]byte{})
		if may := slices.Contains(own, field.Name) || slices.Contains(outside, field.Name); may != (ok && got == key) {
			t.Errorf("%s: the same mould: %v, want %v", field.Name, !may, may)
		}
	}
}

// The day of an award that ends may stand in its course, and two days may have one
// end: what is of the course stays as it is.
func TestMouldLeavesDaysOfTheCourse(t *testing.T) {
	courses := exampleCourses(t)
	i := newHouse(t, nil).Issuer
	r := rand.New(rand.NewPCG(3, 3))
	d, x := anyDraft(r, courses[:1]), anyDrawn(r)
	c := *d.Course
	c.ValidMonths, c.Activities = 6, []Activity{{Title: c.Title, To: "2026-08-31"}}
	d.Course, d.GivenName, d.FamilyName = &c, "Ana", "Anić"
	d.RPL, d.RPLOutcomes, d.RPLEvidence, d.LevelOverride, d.OverrideReason = "none", nil, "", 0, ""
	x.At = time.Date(2026, 9, 3, 10, 11, 12, 0, time.UTC)
	moulded := 0
	for _, day := range []string{"2026-08-31", "2026-08-31", "2026-08-30", "2026-08-30"} {
		d.AwardingDate = day
		made, cred, err := i.awards(t.Context(), &d, &x, [32]byte{1})
		if err != nil {
			t.Fatal(err)
		}
		if cred == nil {
			moulded++
		}
		if cred, err = i.inst.credential(&d, x); err != nil {
			t.Fatal(err)
		}
		for _, f := range forms {
			want, err := cred.Encode(f.profile)
			if err != nil {
				t.Fatal(err)
			}
			if got := made[string(f.profile)].payload; !got.Equal(alike.Whole(want)) {
				t.Errorf("awarded on %s, %s: other bytes than building gives", day, f.profile)
			}
		}
	}
	if moulded != 2 {
		t.Errorf("%d of 4 came out of a mould, want every second", moulded)
	}
}

// To try a draft puts nothing into the store, though it makes moulds too; what is
// issued rests on a base there.
func TestTryingPutsNothing(t *testing.T) {
	i := newHouse(t, nil).Issuer
	bases := func() (n int) {
		for _, err := range i.store.Documents(t.Context(), "payload-base", "", "") {
			if err != nil {
				t.Fatal(err)
			}
			n++
		}
		return n
	}
	d := draft(t)
	if _, err := i.try(t.Context(), d, nil); err != nil || len(i.moulds.known) != 1 || bases() != 0 {
		t.Errorf("tried: %d moulds, %d bases in the store: %v", len(i.moulds.known), bases(), err)
	}
	if _, err := i.Issue(t.Context(), d); err != nil || bases() != len(forms) {
		t.Errorf("issued: %d bases in the store: %v", bases(), err)
	}
}

// Of a class that begins one document is built, however many come at the same time, and
// however long its base takes to be put into the store; where it cannot be put, the next
// one makes the moulds.
func TestOneMakesTheMoulds(t *testing.T) {
	h := newHouse(t, nil)
	i, failing := h.Issuer, errors.New("this disk is full")
	i.store = putting{h.store, func() error {
		time.Sleep(10 * time.Millisecond)
		err := failing
		failing = nil
		return err
	}}
	d := draft(t)
	if err := i.checkDraft(&d, nil); err != nil {
		t.Fatal(err)
	}
	x := anyDrawn(rand.New(rand.NewPCG(5, 5)))
	course := textOf(d.Course).sum
	var built, failed atomic.Int64
	var running sync.WaitGroup
	for range 20 {
		running.Go(func() {
			d, x := d, x
			switch made, cred, err := i.awards(t.Context(), &d, &x, course); {
			case err != nil:
				failed.Add(1)
			case cred != nil:
				built.Add(1)
			case len(made) != len(forms):
				t.Errorf("%d payloads", len(made))
			}
		})
	}
	running.Wait()
	if built.Load() != 1 || failed.Load() != 1 {
		t.Errorf("%d documents were built and %d failed, want one of each", built.Load(), failed.Load())
	}
}

// putting is a store that asks before it puts documents.
type putting struct {
	store.Store
	ask func() error
}

func (p putting) PutDocuments(ctx context.Context, docs []store.Document, events ...store.Event) error {
	if err := p.ask(); err != nil {
		return err
	}
	return p.Store.PutDocuments(ctx, docs, events...)
}

// A string that stands in the course as well, by chance or because it is written
// there in another form, makes no mould that gives other bytes.
func TestMouldOfWhatIsWrittenTwice(t *testing.T) {
	d, x := anyDraft(rand.New(rand.NewPCG(4, 4)), exampleCourses(t)[:1]), anyDrawn(rand.New(rand.NewPCG(4, 4)))
	texts := quoted(own(&d, &x, "picture"))
	for name, payload := range map[string]string{
		"twice":    string(texts[ownGiven]) + "," + string(texts[ownGiven]) + "," + string(texts[ownID]),
		"none":     "{}",
		"adjacent": string(texts[ownFamily]) + string(texts[ownBirth]),
		"empty":    "",
	} {
		if got, _ := cut([]byte(payload), texts).payload(texts); string(got.Bytes()) != payload {
			t.Errorf("%s: %q, want %q", name, got, payload)
		}
	}
}

// Each mandatory element, taken from a complete course without a reason in its
// place, is asked for by its name.
func TestEachMandatoryElementIsAskedFor(t *testing.T) {
	full := string(examples.Courses()[0].CourseJSON)
	for _, member := range []string{"title", "outcomes", "hours", "credits", "level", "assessment", "mode", "quality_assurance", "legal_basis", "stackability", "award_status", "award_kind", "setting", "languages"} {
		t.Run(member, func(t *testing.T) {
			without := dropMember(t, full, member)
			_, _, err := ParseCourse("course.json", without)
			problems, ok := err.(*Problems)
			if !ok {
				t.Fatalf("accepted without %s: %v", member, err)
			}
			for _, p := range problems.List {
				if !p.Warn && p.Field == "/"+member {
					return
				}
			}
			t.Errorf("%s is not named: %v", member, err)
		})
	}
	// What is made when issuing is asked for in what was made. The date (M5) is
	// never missing: a draft without one is awarded on the day of sealing.
	inst, course := institution(t), exampleCourses(t)[0]
	r := rand.New(rand.NewPCG(5, 5))
	for id, remove := range map[string]func(*elm.Credential, *elm.AwardingProcess){
		"confirm": func(c *elm.Credential, _ *elm.AwardingProcess) {
			c.Identifier, c.CredentialStatus = nil, nil
			claim := &c.Subject[0].HasClaim[0]
			claim.Identifier, claim.SupplementaryDocument = nil, nil
		},
		"provider":     func(_ *elm.Credential, by *elm.AwardingProcess) { dropNotes(by, elm.TopicProvider) },
		"award-status": func(_ *elm.Credential, by *elm.AwardingProcess) { dropNotes(by, elm.TopicAwardStatus) },
		"award-kind":   func(_ *elm.Credential, by *elm.AwardingProcess) { dropNotes(by, elm.TopicAwardKind) },
		"rpl":          func(_ *elm.Credential, by *elm.AwardingProcess) { dropNotes(by, elm.TopicPriorLearning) },
	} {
		d := anyDraft(r, []*Course{course})
		cred, err := inst.credential(&d, anyDrawn(r))
		if err != nil {
			t.Fatal(err)
		}
		remove(cred, cred.Subject[0].HasClaim[0].AwardedBy)
		raw, err := cred.Encode(elm.VC2)
		if err != nil {
			t.Fatal(err)
		}
		problems, ok := check(&d, raw, elm.VC2).(*Problems)
		if !ok || len(problems.List) != 1 || problems.List[0].Rule != "annex-i-"+id || problems.List[0].Field == "" {
			t.Errorf("without %s: %v", id, check(&d, raw, elm.VC2))
		}
	}
	undated := anyDraft(r, []*Course{course})
	undated.AwardingDate = ""
	sealing := anyDrawn(r)
	if cred, err := inst.credential(&undated, sealing); err != nil || cred.Subject[0].HasClaim[0].AwardedBy.AwardingDate != elm.Day(sealing.At.Date()) {
		t.Errorf("a draft without an awarding date: %v", err)
	}
	// What comes from the institution and from the list.
	for field, spoil := range map[string]func(*Institution){
		"legal_name": func(i *Institution) { i.LegalName = nil },
		"country":    func(i *Institution) { i.Country = "" },
	} {
		inst := institution(t)
		spoil(&inst)
		if err := inst.Validate(); err == nil || !bytes.Contains([]byte(err.Error()), []byte(field)) {
			t.Errorf("%s: %v", field, err)
		}
	}
	c := exampleCourses(t)[0]
	for column, d := range map[string]Draft{
		"given_name":    {Course: c, FamilyName: "A", DateOfBirth: "2000-01-01"},
		"family_name":   {Course: c, GivenName: "A", DateOfBirth: "2000-01-01"},
		"date_of_birth": {Course: c, GivenName: "A", FamilyName: "B"},
	} {
		d.normalise()
		if err := d.check(); err == nil || !bytes.Contains([]byte(err.Error()), []byte(column)) {
			t.Errorf("%s: %v", column, err)
		}
	}
}

func dropNotes(by *elm.AwardingProcess, topic string) {
	by.AdditionalNote = slices.DeleteFunc(by.AdditionalNote, func(n elm.Note) bool {
		return len(n.Subject) > 0 && strings.HasPrefix(n.Subject[0].ID, topic+":")
	})
}

func BenchmarkCheckPayload(b *testing.B) {
	inst, courses := institution(b), exampleCourses(b)
	r := rand.New(rand.NewPCG(3, 3))
	d := anyDraft(r, courses[:1])
	d.RPL, d.RPLOutcomes, d.RPLEvidence, d.Grade = "none", nil, "", "9"
	cred, err := inst.credential(&d, anyDrawn(r))
	if err != nil {
		b.Fatal(err)
	}
	for _, profile := range []elm.Profile{elm.EDC, elm.VC2} {
		raw, err := cred.Encode(profile)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(string(profile)+"/full", func(b *testing.B) {
			for b.Loop() {
				if err := check(&d, raw, profile); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	i := newHouse(b, nil).Issuer
	x := anyDrawn(r)
	b.Run("out of a mould", func(b *testing.B) {
		for b.Loop() {
			if _, _, err := i.awards(b.Context(), &d, &x, [32]byte{}); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// dropMember takes a top-level member out of a JSON object.
func dropMember(t *testing.T, object, name string) []byte {
	t.Helper()
	var members map[string]jsontext.Value
	if err := json.Unmarshal([]byte(object), &members); err != nil {
		t.Fatal(err)
	}
	if _, ok := members[name]; !ok {
		t.Fatalf("the example has no %s", name)
	}
	delete(members, name)
	raw, err := json.Marshal(members)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// A value of a wrong type does not hide what is wrong elsewhere.
func TestAWrongTypeHidesNothing(t *testing.T) {
	course := string(examples.Courses()[0].CourseJSON)
	for old, spoilt := range map[string]string{`"points": "3"`: `"points": 3`, `"hours": "80"`: `"hours": "1"`, `"eqf": 7`: `"eqf": "seven"`} {
		if !strings.Contains(course, old) {
			t.Fatalf("the example has no %s", old)
		}
		course = strings.Replace(course, old, spoilt, 1)
	}
	course = strings.Replace(course, `"languages": [`, `"languages": ["QQQ", `, 1)
	_, _, err := ParseCourse("course.json", []byte(course))
	problems, ok := err.(*Problems)
	if !ok {
		t.Fatal(err)
	}
	for _, field := range []string{"/credits/0/points", "/level/eqf", "/languages/0"} {
		if !slices.ContainsFunc(problems.List, func(p Problem) bool { return p.Field == field && !p.Warn }) {
			t.Errorf("%s is not named: %v", field, err)
		}
	}
}

// A course must be readable at home and abroad, and a tag be that of a language.
func TestLanguagesOfACourse(t *testing.T) {
	full := string(examples.Courses()[0].CourseJSON)
	warned := func(title string) string {
		t.Helper()
		course := strings.Replace(string(dropMember(t, full, "title")), "{", `{"title":`+title+`,`, 1)
		inst := institution(t)
		_, warnings, err := inst.ParseCourse("course.json", []byte(course))
		if err != nil {
			t.Fatal(err)
		}
		var rules []string
		for _, w := range warnings {
			if strings.HasPrefix(w.Field, "/title") {
				rules = append(rules, w.Rule)
			}
		}
		return strings.Join(rules, " ")
	}
	for title, want := range map[string]string{
		`{"en": "A", "sr-Cyrl": "А"}`: "",
		`{"en": "A", "sr-Latn": "A"}`: "",
		`{"en": "A", "fr": "A"}`:      "language-national",
		`{"en": "A"}`:                 "language-national",
		`{"sr-Latn": "A"}`:            "language-english",
		`{"en": "A", "rs": "A"}`:      "language-national language-tag",
	} {
		if got := warned(title); got != want {
			t.Errorf("%s: %q, want %q", title, got, want)
		}
	}
}

// Those of one key wait for who makes its moulds; others make theirs meanwhile, up to a
// bound, and those beyond it build.
func TestMouldsAreMadeOnce(t *testing.T) {
	var ms moulds
	keys, done := make([]mouldKey, maxMaking+1), make([]func(), maxMaking+1)
	for n := range keys {
		keys[n].page = fmt.Sprint(n)
		known, moulded := ms.await(t.Context(), keys[n])
		if done[n] = moulded; known != nil || (moulded != nil) != (n < maxMaking) {
			t.Fatalf("key %d: %v, to be made: %t", n, known, moulded != nil)
		}
	}
	waited := make(chan map[elm.Profile]*mould)
	for range 3 {
		go func() {
			known, moulded := ms.await(t.Context(), keys[0])
			if moulded != nil {
				moulded()
			}
			waited <- known
		}()
	}
	ms.add(keys[0], map[elm.Profile]*mould{elm.VC2: nil})
	done[0]()
	for range 3 {
		if known := <-waited; len(known) != 1 {
			t.Errorf("who waited got %v", known)
		}
	}
	if _, moulded := ms.await(t.Context(), keys[maxMaking]); moulded == nil {
		t.Error("where one was made there is no room for the next")
	}
	ended, end := context.WithCancel(t.Context())
	end()
	if known, moulded := ms.await(ended, keys[1]); known != nil || moulded != nil {
		t.Error("who gives up waiting is told to make them")
	}
	done[1]() // and could not make them: the next one is to
	if _, moulded := ms.await(t.Context(), keys[1]); moulded == nil {
		t.Error("where they could not be made, nobody is to")
	}
}
