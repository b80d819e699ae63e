package issuing

import (
	"cmp"
	"fmt"
	"html/template"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"indeks/elm"
	"indeks/issuer"
	"indeks/web"
)

// The public pages of the catalogue. They hold nothing of any learner.

// option is one choice of a filter.
type option struct {
	Value, Label string
	Chosen       bool
	Lang         string // of Label, where it is not the page's
}

// listed is a course in the list.
type listed struct {
	issuer.Offer
	Path        string
	Title, Lead elm.Value
	Facts       []elm.Element // level, workload, form of participation, language
}

func (s *server) getCatalogue(c echo.Context) error {
	lang := s.kit.Lang(c)
	offers, err := s.catalogue.Offers(c.Request().Context())
	if err != nil {
		return err
	}
	open := slices.DeleteFunc(issuer.Current(issuer.Public(offers)), func(o issuer.Offer) bool { return o.State != issuer.Offered && o.State != issuer.Upcoming })
	f := issuer.Filter{Text: strings.TrimSpace(c.QueryParam("q")), System: c.QueryParam("system"), Min: c.QueryParam("min"), Max: c.QueryParam("max"),
		Field: c.QueryParam("field"), Language: c.QueryParam("language"), Mode: c.QueryParam("mode"), Kind: c.QueryParam("kind")}
	f.Level, _ = strconv.Atoi(c.QueryParam("level")) // what is no number filters nothing

	items := []listed{}
	for i := range open {
		if o := &open[i]; f.Matches(o) {
			elements := o.Supplement(lang)
			item := listed{Offer: *o, Path: "/catalogue/" + o.ID}
			item.Title, item.Lead = heading(elements, o)
			for _, id := range []string{"M8", "M7", "M10", "language"} {
				if e, ok := elements[id]; ok {
					item.Facts = append(item.Facts, e)
				}
			}
			items = append(items, item)
		}
	}
	return s.kit.Render(c, http.StatusOK, "catalogue", web.Page{Data: struct {
		Name                                             string
		Filter                                           issuer.Filter
		Levels, Systems, Fields, Languages, Modes, Kinds []option
		Items                                            []listed
		Total                                            int
		Filtered                                         bool
	}{s.name(c), f,
		options(open, "level", strconv.Itoa(f.Level), lang, func(c *issuer.Course) []string {
			if c.Level == nil {
				return nil
			}
			return []string{strconv.Itoa(c.Level.EQF)}
		}),
		options(open, "system", f.System, lang, func(c *issuer.Course) (systems []string) {
			for _, p := range c.Credits {
				systems = append(systems, p.System)
			}
			return systems
		}),
		options(open, "field", f.Field, lang, func(c *issuer.Course) []string { return c.Fields }),
		options(open, "language", f.Language, lang, func(c *issuer.Course) []string { return c.Languages }),
		options(open, "mode", f.Mode, lang, func(c *issuer.Course) []string { return []string{c.Mode} }),
		options(open, "award-kind", f.Kind, lang, func(c *issuer.Course) []string { return []string{c.AwardKind.Kind} }),
		items, len(open), f != issuer.Filter{}}})
}

// options are the choices that the courses on offer leave, by their names.
func options(offers []issuer.Offer, list, chosen, lang string, codes func(*issuer.Course) []string) []option {
	present := map[string]bool{}
	for _, o := range offers {
		for _, code := range codes(o.Content) {
			present[code] = true
		}
	}
	var all []option
	for code := range maps.Keys(present) {
		all = append(all, option{code, issuer.CodeLabel(list, code, lang), code == chosen, ""})
	}
	slices.SortFunc(all, func(a, b option) int {
		return cmp.Or(strings.Compare(a.Label, b.Label), strings.Compare(a.Value, b.Value))
	})
	return all
}

// heading is the title of a course, and what it is in a few words.
func heading(elements map[string]elm.Element, o *issuer.Offer) (title, lead elm.Value) {
	if e := elements["M2"]; len(e.Values) > 0 {
		title = e.Values[0]
		for _, line := range title.Detail {
			lead = elm.Value{Text: line.Text, Lang: line.Lang}
		}
		title.Detail = nil
		return title, lead
	}
	return elm.Value{Text: o.ID}, lead // unreachable: a course has a title
}

// section is a part of a course's page: elements of the supplement under a
// heading of the catalogue.
type section struct {
	ID       string // of the text of its heading, and of its own sentence if there is one
	Icon     string
	Elements []elm.Element
}

// sections are the elements of a course in the order in which somebody who
// thinks of enrolling asks.
var sections = []struct {
	id, icon string
	elements []string
}{
	{"outcomes", "check", []string{"M6", "outcome-source"}},
	{"workload", "clock", []string{"M7", "M10", "language", "period", "field"}},
	{"level", "list", []string{"M8", "not-a-degree", "level-method"}},
	{"opportunities", "link", []string{"award-kind", "O4"}},
	{"conditions", "person", []string{"O1"}},
	{"rules", "book", []string{"M9", "criteria", "O2", "provider", "award-status", "legal-basis"}},
	{"quality", "passed", []string{"M11"}},
	{"enrol", "building", []string{"M4", "issuer", "M3", "O5"}},
}

// topics name the elements that the supplement calls a credential's own
// statement: here there is no credential yet.
var topics = map[string]string{"provider": elm.TopicProvider, "award-status": elm.TopicAwardStatus}

// machineForms are the forms of a course's page for programs, by the end of its
// address. An id has no full stop.
var machineForms = []struct {
	suffix, contentType string
	body                func(s *server, o *issuer.Offer) ([]byte, error)
}{
	{".jsonld", "application/ld+json", func(_ *server, o *issuer.Offer) ([]byte, error) { return o.LearningOpportunity() }},
	{".schema.json", "application/ld+json", func(s *server, o *issuer.Offer) ([]byte, error) { return o.SchemaOrg(s.Institution) }},
}

// getOffer is the page of a course, or of one of its versions.
func (s *server) getOffer(c echo.Context) error {
	id, wanted := c.Param("id"), version(c)
	last := &id
	if wanted != "" {
		last = &wanted
	}
	for _, form := range machineForms {
		base, ok := strings.CutSuffix(*last, form.suffix)
		if !ok {
			continue
		}
		*last = base
		o, _, err := s.published(c, id, wanted)
		if err != nil {
			return err
		}
		body, err := form.body(s, &o)
		if err != nil {
			return err
		}
		return public(c, form.contentType, body, "public, max-age=300")
	}

	o, versions, err := s.published(c, id, wanted)
	if err != nil {
		return err
	}
	lang := s.kit.Lang(c)
	elements := o.Supplement(lang)
	title, lead := heading(elements, &o)
	var shown []section
	for _, want := range sections {
		one := section{ID: want.id, Icon: want.icon}
		for _, id := range want.elements {
			if e, ok := elements[id]; ok {
				if topic := topics[id]; topic != "" {
					e.Label = cmp.Or(elm.Label(topic, lang), e.Label)
				}
				one.Elements = append(one.Elements, e)
			}
		}
		shown = append(shown, one)
	}
	var all []elm.Section
	for _, one := range shown {
		all = append(all, elm.Section{Elements: one.Elements})
	}
	current := issuer.Current(versions)[0]
	enrol := cmp.Or(o.Content.Homepage, s.Institution.Homepage)
	self := strings.TrimPrefix(o.Page, s.Institution.PublicBase)
	for _, form := range machineForms {
		c.Response().Header().Add("Link", fmt.Sprintf("<%s%s>; rel=\"alternate\"; type=%q", self, form.suffix, form.contentType))
	}
	var procedures []procedure
	for _, p := range []struct {
		text string
		of   *issuer.Procedure
	}{{"catalogue.recognition", o.Content.Recognition}, {"catalogue.complaints", o.Content.Complaints}} {
		if p.of != nil {
			procedures = append(procedures, procedure{p.text, p.of.Text.In(lang), p.of.URL})
		}
	}
	return s.kit.Render(c, http.StatusOK, "course", web.Page{Data: struct {
		Offer       issuer.Offer
		Name        string
		Title, Lead elm.Value
		Sections    []section
		Foreign     string // languages of what is not in the page's own
		Procedures  []procedure
		Versions    []issuer.Offer
		Newer       string // path of the version to look at instead, or ""
		Enrol       string
		Self        string
		Base        string
	}{o, s.name(c), title, lead, shown, web.OtherLanguages(all, lang), procedures, versions, newer(current, o), enrol, self, s.Institution.PublicBase}})
}

// procedure is one of the institution's that only the catalogue tells.
type procedure struct {
	Label string // id of a text
	Text  elm.Value
	URL   string
}

// newer is the path of the version that is offered in place of o.
func newer(current, o issuer.Offer) string {
	if current.Version == o.Version || current.State != issuer.Offered && current.State != issuer.Upcoming {
		return ""
	}
	return "/catalogue/" + current.ID
}

// published finds a version that the public may see, the current one for
// version "", and all such versions of its course.
func (s *server) published(c echo.Context, id, version string) (o issuer.Offer, versions []issuer.Offer, err error) {
	all, err := s.catalogue.Offers(c.Request().Context())
	if err != nil {
		return o, nil, err
	}
	versions = slices.DeleteFunc(issuer.Public(all), func(o issuer.Offer) bool { return o.ID != id })
	if len(versions) == 0 {
		return o, nil, errNoCourse
	}
	if version == "" {
		return issuer.Current(versions)[0], versions, nil
	}
	for _, o := range versions {
		if o.Version == version {
			return o, versions, nil
		}
	}
	return o, nil, errNoCourse
}

// getGuide explains micro-credentials to people who are new to them.
func (s *server) getGuide(c echo.Context) error {
	return s.kit.Render(c, http.StatusOK, "guide", web.Page{Data: struct {
		Name, Verifier, Homepage string
		Parts                    []string
	}{s.name(c), s.Institution.VerifierBase, s.Institution.Homepage, []string{"what", "levels", "credits", "stacking", "prior", "sharing", "complaints"}}})
}

// pageFuncs are what the pages of the catalogue call beside the kit's functions:
// day, a day of the catalogue as an instant for date; choice, the arguments of
// a filter; path, a version's page on this server. Those of the desk call lines: a
// list for a table, with the page that it is on, recordpath, the page of a record, and
// place, the element with an id, whose slashes the template would escape otherwise;
// named reads who did something, to what and why. Those of shares call share_words, and
// row, a share with the page that it is on.
// longest is how many characters a reason has at most, decision a text of a decision,
// decider who made it.
var pageFuncs = template.FuncMap{
	"longest":     func() int { return issuer.MaxReason },
	"decision":    func() int { return issuer.MaxDecision },
	"decider":     func() int { return issuer.MaxDecider },
	"five":        func() []int { return []int{1, 2, 3, 4, 5} },
	"share_words": func() []string { return shareWords },
	"row": func(page linker, share shareView) any {
		return struct {
			Page  linker
			Share shareView
		}{page, share}
	},
	"day": func(s string) time.Time {
		t, _ := time.Parse(time.DateOnly, s) // the store takes days only
		return t
	},
	"choice": func(name, label, none string, options []option) any {
		return struct {
			Name, Label, Any string
			Options          []option
		}{name, label, none, options}
	},
	"path":       func(o issuer.Offer, base string) string { return strings.TrimPrefix(o.Page, base) },
	"recordpath": recordPath,
	"named":      namedBy,
	"place": func(id string) template.URL {
		return template.URL("#" + (&url.URL{Fragment: id}).EscapedFragment())
	},
	"lines": func(page linker, list any) any {
		return struct {
			linker
			Lines any
		}{page, list}
	},
}

// linker is a page, which knows in what language its links go on.
type linker interface{ Href(path string) string }
