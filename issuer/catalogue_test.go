package issuer

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"indeks/contexts"
	"indeks/elm"
	"indeks/examples"
	"indeks/store"
	"indeks/strictjson"
)

// catalogue is that of a house, by its clock.
func (h *house) catalogue() *Catalogue { return NewCatalogue(h.c.Institution, h.store, h.c.Now) }

// put puts example n, with its text changed, into the catalogue.
func (h *house) put(t testing.TB, n int, terms Terms, change ...string) Offer {
	t.Helper()
	raw := strings.NewReplacer(change...).Replace(string(examples.Courses()[n].CourseJSON))
	o, _, _, err := h.catalogue().Put(t.Context(), "course.json", []byte(raw), terms)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

var published = Terms{Published: true}

func TestCataloguePutIsIdempotent(t *testing.T) {
	h := newHouse(t, nil)
	raw := examples.Courses()[0].CourseJSON
	first, added, _, err := h.catalogue().Put(t.Context(), "course.json", raw, published)
	if err != nil || !added {
		t.Fatalf("added %t, %v", added, err)
	}
	h.now = h.now.Add(time.Hour)
	for name, same := range map[string][]byte{"the same bytes": raw, "exported": first.Content.File(), "compact": first.Content.canonical()} {
		again, added, _, err := h.catalogue().Put(t.Context(), "course.json", same, published)
		if err != nil || added || again.SHA256 != first.SHA256 || !again.Changed.Equal(first.Changed) {
			t.Errorf("%s: added %t, changed %v, %v", name, added, again.Changed, err)
		}
	}
	read, _, err := ParseCourse("exported", first.Content.File())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(course(t, 0), read); diff != "" {
		t.Errorf("exported course (-put +read):\n%s", diff)
	}
}

func TestCatalogueRefuses(t *testing.T) {
	h := newHouse(t, nil)
	raw := string(examples.Courses()[0].CourseJSON)
	for name, tc := range map[string]struct {
		raw   string
		terms Terms
		rule  string
	}{
		"a course with problems": {strings.Replace(raw, `"eqf": 7`, `"eqf": 9`, 1), published, "course-range"},
		"the name of a page":     {strings.Replace(raw, `"data-stewardship"`, `"guide"`, 1), published, "course-reserved"},
		"a day of no calendar":   {raw, Terms{From: "2026-02-30"}, "course-date"},
		"dates reversed":         {raw, Terms{From: "2026-02-02", Until: "2026-02-01"}, "course-contradiction"},
	} {
		_, _, _, err := h.catalogue().Put(t.Context(), "course.json", []byte(tc.raw), tc.terms)
		problems, ok := errors.AsType[*Problems](err)
		if !ok || !slices.ContainsFunc(problems.List, func(p Problem) bool { return p.Rule == tc.rule }) {
			t.Errorf("%s: err = %v, want rule %s", name, err, tc.rule)
		}
	}
}

// A credential leads to the version that it was awarded under, and that version
// is what it says.
func TestCredentialLeadsToItsVersion(t *testing.T) {
	h := newHouse(t, nil)
	d := draft(t)
	o := h.put(t, 0, published)
	r, err := h.Issue(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	if r.Course != o.ID || r.CourseVersion != o.Version || r.CourseSHA256 != o.SHA256 {
		t.Errorf("record of course %s, version %s, %x", r.Course, r.CourseVersion, r.CourseSHA256)
	}
	for profile, form := range r.Forms {
		if !bytes.Contains(form.Payload, []byte(o.Page)) {
			t.Errorf("%s does not lead to %s", profile, o.Page)
		}
	}
	if got, err := h.catalogue().Offer(t.Context(), o.ID, o.Version); err != nil || !got.Used {
		t.Errorf("used %t, %v", got.Used, err)
	}

	other := strings.Replace(string(examples.Courses()[0].CourseJSON), `"eqf": 7`, `"eqf": 6`, 1)
	if _, _, _, err := h.catalogue().Put(t.Context(), "course.json", []byte(other), published); !errors.Is(err, store.ErrCourseUsed) {
		t.Errorf("other content: err = %v, want %v", err, store.ErrCourseUsed)
	}
	changed := draft(t)
	changed.Course.Further, changed.LearnerID = Words{"en": "more"}, "2"
	problems, ok := errors.AsType[*Problems](func() error { _, err := h.Issue(t.Context(), changed); return err }())
	if !ok || problems.List[0].Rule != "course-version" {
		t.Errorf("issuing another course under the version: %v", problems)
	}

	// A course that the public cannot see has no page to lead to, and neither has
	// one that is in no catalogue.
	unseen := newHouse(t, nil)
	unseen.put(t, 0, Terms{})
	for _, h := range []*house{unseen, newHouse(t, nil)} {
		r, err := h.Issue(t.Context(), d)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(r.Forms["edc"].Payload, []byte("/catalogue/")) {
			t.Error("the credential leads to a page that is not there")
		}
	}
}

func TestOfferStates(t *testing.T) {
	h := newHouse(t, nil)
	o := h.put(t, 0, Terms{From: "2026-07-02", Until: "2026-07-03", Published: true})
	day := func(d int) time.Time { return time.Date(2026, 7, d, 0, 0, 0, 0, time.UTC) }
	for _, tc := range []struct {
		now   time.Time
		state OfferState
		since time.Time
	}{
		{noon, Upcoming, noon},
		{day(2), Offered, day(2)},
		{day(4).Add(-time.Second), Offered, day(2)},
		{day(4), Ended, day(4)},
		{day(20), Ended, day(4)},
	} {
		h.now = tc.now
		got, err := h.catalogue().Offer(t.Context(), o.ID, "")
		if err != nil || got.State != tc.state || !got.Since.Equal(tc.since) {
			t.Errorf("%v: %s since %v, want %s since %v (%v)", tc.now, got.State, got.Since, tc.state, tc.since, err)
		}
	}
	if got := h.put(t, 0, Terms{}); got.State != Withdrawn || !got.Since.Equal(day(20)) {
		t.Errorf("withdrawn: %s since %v", got.State, got.Since)
	}
}

func TestCurrentVersion(t *testing.T) {
	h := newHouse(t, nil)
	h.put(t, 0, published)
	version := `"version": "` + course(t, 0).Version + `"`
	h.put(t, 0, Terms{From: "2027-01-01", Published: true}, version, `"version": "next"`)
	h.put(t, 0, Terms{}, version, `"version": "draft"`)
	h.put(t, 1, Terms{})
	offers, err := h.catalogue().Offers(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, o := range Current(Public(offers)) {
		got = append(got, o.ID+" "+o.Version)
	}
	if diff := cmp.Diff([]string{"data-stewardship " + course(t, 0).Version}, got); diff != "" {
		t.Errorf("current (-want +got):\n%s", diff)
	}
	h.now = h.now.AddDate(1, 0, 0)
	if offers, err = h.catalogue().Offers(t.Context()); err != nil || Current(Public(offers))[0].Version != "next" {
		t.Errorf("a year later: %v, %v", Current(Public(offers)), err)
	}
}

func TestFilter(t *testing.T) {
	h := newHouse(t, nil)
	for n := range examples.Courses() {
		h.put(t, n, published)
	}
	offers, err := h.catalogue().Offers(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		f    Filter
		want string
	}{
		"all":                    {Filter{}, "cnc-operator community-first-aid data-stewardship"},
		"a word":                 {Filter{Text: "milling"}, "cnc-operator"},
		"without marks":          {Filter{Text: "posluzivanje"}, "cnc-operator"},
		"words of two languages": {Filter{Text: "CNC strojevima glodalice"}, ""},
		"Latin for Cyrillic":     {Filter{Text: "prva pomoć"}, "community-first-aid"},
		"Cyrillic for Latin":     {Filter{Text: "подацима"}, "data-stewardship"},
		"level":                  {Filter{Level: 4}, "cnc-operator"},
		"credits of a system":    {Filter{System: "CSVET", Min: "4"}, "cnc-operator"},
		"more than there are":    {Filter{System: "CSVET", Min: "4.5"}, ""},
		"credits of another":     {Filter{System: "ECTS", Max: "5"}, "data-stewardship"},
		"language":               {Filter{Language: "HRV"}, "cnc-operator"},
		"mode":                   {Filter{Mode: "workbased"}, "cnc-operator"},
		"field by its beginning": {Filter{Field: "07"}, "cnc-operator"},
		"kind":                   {Filter{Kind: "supplementary"}, "cnc-operator"},
		"all of several":         {Filter{Text: "data", Level: 4}, ""},
		"what is no number":      {Filter{System: "CSVET", Min: "x"}, "cnc-operator"},
	} {
		var got []string
		for i := range offers {
			if tc.f.Matches(&offers[i]) {
				got = append(got, offers[i].ID)
			}
		}
		if strings.Join(got, " ") != tc.want {
			t.Errorf("%s: %q, want %q", name, got, tc.want)
		}
	}
}

// What programs read is linked data of which every term is defined, says what
// the credential says, and nothing of a learner.
func TestLearningOpportunity(t *testing.T) {
	h := newHouse(t, nil)
	for n := range examples.Courses() {
		o := h.put(t, n, Terms{From: "2026-01-01", Published: true})
		raw, err := o.LearningOpportunity()
		if err != nil {
			t.Fatal(err)
		}
		parsed, err := elm.ParseJSON(raw)
		doc, ok := parsed.(map[string]any)
		if err != nil || !ok {
			t.Fatalf("%v\n%s", err, raw)
		}
		if undefined, err := contexts.Default().Inspect(strictjson.Of(doc)); err != nil || len(undefined) > 0 {
			t.Errorf("%s: %v, undefined %v", o.ID, err, undefined)
		}
		for _, secret := range []string{"urn:epass", "credentialSubject", "urn:credential", elm.TopicPriorLearning + ":", "/C/"} {
			if bytes.Contains(raw, []byte(secret)) {
				t.Errorf("%s holds %q", o.ID, secret)
			}
		}
		spec, _ := doc["learningAchievementSpecification"].(map[string]any)
		if doc["id"] != o.Page || spec["learningOutcome"] == nil || doc["providedBy"] == nil || doc["temporal"] == nil {
			t.Errorf("%s is not whole:\n%s", o.ID, raw)
		}

		raw, err = o.SchemaOrg(h.c.Institution)
		if err != nil {
			t.Fatal(err)
		}
		var course map[string]any
		if err := json.Unmarshal(raw, &course); err != nil || course["@type"] != "Course" || len(course["teaches"].([]any)) == 0 {
			t.Errorf("schema.org of %s: %v\n%s", o.ID, err, raw)
		}
	}
}

// What the page shows is what a credential says, and nothing of nobody.
func TestOfferSupplement(t *testing.T) {
	h := newHouse(t, nil)
	o := h.put(t, 0, published)
	for _, lang := range elm.Languages() {
		e := o.Supplement(lang)
		for _, id := range []string{"M2", "M4", "M6", "M7", "M8", "not-a-degree", "M9", "M10", "M11", "O4", "legal-basis"} {
			if len(e[id].Values) == 0 {
				t.Errorf("%s: no %s", lang, id)
			}
		}
		for _, id := range []string{"M1", "M5", "rpl", "confirm", "valid"} {
			if _, ok := e[id]; ok {
				t.Errorf("%s: has %s", lang, id)
			}
		}
	}
}

func BenchmarkOffers(b *testing.B) {
	h := newHouse(b, nil)
	for n := range examples.Courses() {
		h.put(b, n, published)
	}
	c := h.catalogue()
	for b.Loop() {
		if _, err := c.Offers(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}
