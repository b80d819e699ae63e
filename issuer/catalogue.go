package issuer

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"indeks/elm"
	"indeks/store"
)

// Catalogue is what the institution offers: the courses in its store, each with
// its versions. It is safe for concurrent use.
type Catalogue struct {
	inst  Institution
	store store.Store
	now   func() time.Time

	mu   sync.Mutex
	read map[[sha256.Size]byte]*content // what never changes of a version, by its hash
}

// content is what the catalogue reads out of the bytes of a version.
type content struct {
	course   *Course
	template *elm.Credential // as awarded under it, to nobody
	words    string          // for searching, folded
	elements sync.Map        // language: map[string]elm.Element, see Supplement
}

// NewCatalogue returns the catalogue in a store. now may be nil: time.Now.
func NewCatalogue(inst Institution, s store.Store, now func() time.Time) *Catalogue {
	if now == nil {
		now = time.Now
	}
	return &Catalogue{inst: inst, store: s, now: now, read: map[[sha256.Size]byte]*content{}}
}

// Terms are on what terms a version is in the catalogue.
type Terms struct {
	From, Until string // YYYY-MM-DD, first and last day on which it is offered; "": open
	Published   bool   // the public may see it
}

// OfferState is what the public is told of a version.
type OfferState string

const (
	Offered     OfferState = "offered"
	Upcoming    OfferState = "upcoming"
	Ended       OfferState = "ended"
	Withdrawn   OfferState = "withdrawn" // was published once
	Unpublished OfferState = "draft"     // never was; the public is not told of it
)

// Offer is one version of a course in the catalogue, as it stands today.
type Offer struct {
	store.Course            // without its JSON
	Content      *Course    // what is taught; shared: do not change it
	State        OfferState // today, in UTC
	Since        time.Time  // when it last changed or came into its state
	Page         string     // URL of this version's page; the course's page is CoursePage

	content *content
}

// reservedID is a name that the catalogue's server needs for itself.
const reservedID = "guide"

// Put reads a course strictly, as [Institution.ParseCourse] does, and puts it into the
// catalogue; added tells whether this version is new there. The same course
// again, however its file is laid out, changes nothing but the terms.
//
// Errors: [*Problems] for a course or terms that break a rule;
// store.ErrCourseUsed where other content was awarded under this version.
func (c *Catalogue) Put(ctx context.Context, name string, raw []byte, t Terms) (o Offer, added bool, warnings []Problem, err error) {
	course, warnings, err := c.inst.ParseCourse(name, raw)
	if err != nil {
		return Offer{}, false, warnings, err
	}
	var k checks
	if course.ID == reservedID {
		k.fail("course-reserved", "/id", course.ID, "is the address of a page of the catalogue: expected another id")
	}
	for _, term := range [][2]string{{"from", t.From}, {"until", t.Until}} {
		if _, err := time.Parse(time.DateOnly, term[1]); err != nil && term[1] != "" {
			k.fail("course-date", term[0], shorten(term[1]), "is not a real date, expected YYYY-MM-DD")
		}
	}
	if len(k.list) == 0 && t.Until != "" && t.Until < t.From {
		k.fail("course-contradiction", "until", t.Until, "lies before the first day, "+t.From)
	}
	if _, err := split(name, k.list); err != nil {
		return Offer{}, false, warnings, err
	}
	_, err = c.store.Course(ctx, course.ID, course.Version)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return Offer{}, false, warnings, err
	}
	added = err != nil
	stored, err := c.store.PutCourse(ctx, store.Course{ID: course.ID, Version: course.Version, JSON: course.kept(), From: t.From, Until: t.Until,
		Published: t.Published, Changed: c.now().UTC().Truncate(time.Second)})
	if err != nil {
		return Offer{}, false, warnings, err
	}
	o, err = c.offer(ctx, stored)
	return o, added, warnings, err
}

// kept is the course as the catalogue keeps it and records are held to it:
// RFC 8785, so that neither the layout of a file nor the order of members in a
// later version of this program makes another course of it.
func (c *Course) kept() []byte { return keptOf(c.canonical()) }

// keptOf is kept of a course with this canonical text, which it may overwrite.
func keptOf(canonical []byte) []byte {
	raw := jsontext.Value(canonical)
	if err := raw.Canonicalize(jsontext.AllowInvalidUTF8(true)); err != nil {
		panic(err) // unreachable: it was just written
	}
	return raw
}

// File is the course as a file for people: members in the order of the schema.
func (c *Course) File() []byte {
	raw := jsontext.Value(c.canonical())
	if err := raw.Indent(jsontext.WithIndent("  "), jsontext.AllowInvalidUTF8(true)); err != nil {
		panic(err) // unreachable: it was just written
	}
	return append(raw, '\n')
}

// Offer returns one version, published or not; version "" is the one that was
// put last. The error is store.ErrNotFound where there is none.
func (c *Catalogue) Offer(ctx context.Context, id, version string) (Offer, error) {
	stored, err := c.store.Course(ctx, id, version)
	if err != nil {
		return Offer{}, err
	}
	return c.offer(ctx, stored)
}

// Offers returns every version of every course, published or not, by id, the
// newest version of each first.
func (c *Catalogue) Offers(ctx context.Context) ([]Offer, error) {
	all, err := c.store.Courses(ctx)
	if err != nil {
		return nil, err
	}
	offers := make([]Offer, 0, len(all))
	for _, stored := range all {
		o, err := c.offer(ctx, stored)
		if err != nil {
			return nil, err
		}
		offers = append(offers, o)
	}
	slices.SortStableFunc(offers, func(a, b Offer) int {
		return cmp.Or(strings.Compare(a.ID, b.ID), cmp.Compare(b.Number, a.Number))
	})
	return offers, nil
}

// Public returns those of offers that the public may see: what is published,
// and what was once, since credentials may lead to it.
func Public(offers []Offer) []Offer {
	return slices.DeleteFunc(slices.Clone(offers), func(o Offer) bool { return o.FirstPublished.IsZero() })
}

// Current chooses of each course the version to show where none is named: the
// newest that is offered, else upcoming, ended, withdrawn. offers are sorted as
// Offers returns them.
func Current(offers []Offer) []Offer {
	rank := []OfferState{Offered, Upcoming, Ended, Withdrawn, Unpublished}
	var chosen []Offer
	for _, o := range offers {
		n := len(chosen)
		switch {
		case n == 0 || chosen[n-1].ID != o.ID:
			chosen = append(chosen, o)
		case slices.Index(rank, o.State) < slices.Index(rank, chosen[n-1].State):
			chosen[n-1] = o
		}
	}
	return chosen
}

// offer reads a stored version, from memory where its content was read before.
func (c *Catalogue) offer(ctx context.Context, stored store.Course) (Offer, error) {
	c.mu.Lock()
	known := c.read[stored.SHA256]
	c.mu.Unlock()
	if known == nil {
		if stored.JSON == nil {
			var err error
			if stored, err = c.store.Course(ctx, stored.ID, stored.Version); err != nil {
				return Offer{}, err
			}
		}
		var err error
		if known, err = c.contentOf(stored.JSON); err != nil {
			return Offer{}, fmt.Errorf("reading course %s, version %s: %w", stored.ID, stored.Version, err)
		}
		text := known.course.text()
		c.mu.Lock()
		if first := c.read[stored.SHA256]; first != nil { // read by another at the same time
			known = first
		} else {
			c.read[stored.SHA256] = known
			inCatalogues.Store(known.course, text)
		}
		c.mu.Unlock()
	}
	stored.JSON = nil
	o := Offer{Course: stored, Content: known.course, Page: c.inst.coursePage(stored.ID, stored.Version), content: known}
	o.State, o.Since = standing(stored, c.now().UTC().Format(time.DateOnly))
	return o, nil
}

// contentOf reads the bytes of a version, which Put has checked.
func (c *Catalogue) contentOf(raw []byte) (*content, error) {
	course := new(Course)
	if err := json.Unmarshal(raw, course, json.RejectUnknownMembers(true)); err != nil {
		return nil, err
	}
	built, err := c.inst.credential(&Draft{Course: course, RPL: "none"}, drawn{ID: credentialPrefix + "00000000-0000-4000-8000-000000000000",
		Public: c.inst.QRPrefix + strings.Repeat("0", publicSymbols-len(c.inst.QRPrefix)), At: time.Unix(0, 0).UTC()})
	if err != nil {
		return nil, err
	}
	// Through the form that is sealed, so that the page shows what a credential will.
	sealed, err := built.Encode(elm.EDC)
	if err != nil {
		return nil, err
	}
	template, err := elm.Parse(sealed)
	if err != nil {
		return nil, err
	}
	return &content{course: course, template: template, words: searchWords(course)}, nil
}

// standing is the state of a version on a day, and since when there was nothing
// new about it.
func standing(c store.Course, today string) (OfferState, time.Time) {
	later := func(day string, days int) time.Time {
		at, err := time.Parse(time.DateOnly, day)
		if at = at.AddDate(0, 0, days); err == nil && at.After(c.Changed) {
			return at
		}
		return c.Changed
	}
	switch {
	case c.FirstPublished.IsZero():
		return Unpublished, c.Changed
	case !c.Published:
		return Withdrawn, c.Changed
	case c.From > today:
		return Upcoming, c.Changed
	case c.Until != "" && c.Until < today:
		return Ended, later(c.Until, 1)
	default:
		return Offered, later(c.From, 0)
	}
}

// coursePage is the public page of a version, or of a course for version "".
func (i *Institution) coursePage(id, version string) string {
	page := i.PublicBase + "/catalogue/" + id
	if version != "" {
		page += "/" + url.PathEscape(version)
	}
	return page
}

// CoursePage is the page of a course, whichever version it shows.
func (c *Catalogue) CoursePage(id string) string { return c.inst.coursePage(id, "") }

// Supplement is what a credential awarded under this version would say, in a
// language, by element (see [elm.Element].ID), without what it says of a
// learner. The map is shared: do not change it.
func (o *Offer) Supplement(lang string) map[string]elm.Element {
	if known, ok := o.content.elements.Load(lang); ok {
		return known.(map[string]elm.Element)
	}
	elements := map[string]elm.Element{}
	for _, section := range elm.Supplement(o.content.template, lang) {
		for _, e := range section.Elements {
			switch e.ID {
			case "M1", "M5", "rpl", "valid", "confirm": // the learner's
				continue
			}
			if !e.Missing {
				elements[e.ID] = e
			}
		}
	}
	if slices.Contains(elm.Languages(), lang) { // else anybody could fill the memory with names of languages
		o.content.elements.Store(lang, elements)
	}
	return elements
}

// courseInCatalogue holds a draft's course to the version that the catalogue
// has under its name, known where it has one, and returns the page of it, "" where
// it is not public.
func (i *Issuer) courseInCatalogue(ctx context.Context, d *Draft, kept [sha256.Size]byte) (page string, known bool, err error) {
	c, err := i.store.Course(ctx, d.Course.ID, d.Course.Version)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return "", false, nil
	case err != nil:
		return "", false, fmt.Errorf("looking for the course in the catalogue: %w", err)
	case c.SHA256 != kept:
		return "", false, otherVersion(d)
	case c.FirstPublished.IsZero():
		return "", true, nil
	}
	return i.inst.coursePage(c.ID, c.Version), true, nil
}

func otherVersion(d *Draft) error {
	return &Problems{List: []Problem{{Row: d.Row, Field: "course", Value: shorten(d.Course.Version), Rule: "course-version",
		Want: "is in the catalogue with different content: expected the course of the catalogue, or another version"}}}
}
