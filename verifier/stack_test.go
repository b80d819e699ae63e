package verifier

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"indeks/elm"
)

const (
	ects  = "http://data.europa.eu/snb/education-credit/6fcec5c5af"
	csvet = "urn:indeks:credit:csvet"
	eqf   = "http://data.europa.eu/snb/eqf/"
)

// earned is a credential of a test: what differs between them.
type earned struct {
	id, issuer, title      string
	name, birth            string // birth as YYYY-MM-DD
	number, national       string
	points                 map[string]string // system to amount
	hours, level           string
	provider, award, stack string
	course                 string // id of the qualification
	towards, needs         string
	parts                  []earned
	day                    int
	state                  State
}

var institutions = map[string]*TrustedIssuer{
	"A": {ID: "did:web:a.example", LegalName: map[string]string{"en": "University A"}, Country: "RS", Provider: "hei", NationalRegister: &Register{Name: "Register", Number: "1", From: "2010-01-01"}},
	"B": {OrganizationID: "VATHR-1", LegalName: map[string]string{"en": "School B"}, Country: "HR", Provider: "alternative"},
	"C": {ID: "did:web:c.example", LegalName: map[string]string{"en": "Academy C"}, Country: "BIH"},
}

func concept(id string) *elm.Concept {
	if id == "" {
		return nil
	}
	return &elm.Concept{Ref: elm.Ref{ID: id}}
}

func coded(topic, code string) elm.List[elm.Note] {
	if code == "" {
		return nil
	}
	return elm.List[elm.Note]{{Subject: elm.List[elm.Concept]{{Ref: elm.Ref{ID: topic + ":" + code}}}}}
}

func (e earned) claim() elm.Claim {
	s := &elm.Specification{Ref: elm.Ref{ID: e.course}, Title: elm.TextOf(map[string][]string{"en": {e.title}}), EQFLevel: concept(e.level), VolumeOfLearning: e.hours,
		AdditionalNote: coded(elm.TopicStackability, e.stack)}
	for _, system := range slices.Sorted(func(yield func(string) bool) {
		for system := range e.points {
			if !yield(system) {
				return
			}
		}
	}) {
		s.CreditPoint = append(s.CreditPoint, elm.CreditPoint{Framework: concept(system), Point: e.points[system]})
	}
	if e.towards != "" {
		whole := elm.Specification{Title: elm.TextOf(map[string][]string{"en": {e.towards}})}
		if e.needs != "" {
			whole.CreditPoint = elm.List[elm.CreditPoint]{{Framework: concept(ects), Point: e.needs}}
		}
		s.IsPartOf = elm.List[elm.Specification]{whole}
	}
	c := elm.Claim{Ref: elm.Ref{Type: elm.List[string]{"LearningAchievement"}}, Title: elm.TextOf(map[string][]string{"en": {e.title}}), SpecifiedBy: s,
		AwardedBy: &elm.AwardingProcess{AwardingDate: elm.Day(2026, time.May, 1+e.day),
			AdditionalNote: append(coded(elm.TopicProvider, e.provider), coded(elm.TopicAwardStatus, e.award)...)}}
	for _, part := range e.parts {
		c.HasPart = append(c.HasPart, part.claim())
	}
	return c
}

func (e earned) report() *Report {
	trust := institutions[e.issuer]
	p := elm.Person{FullName: elm.TextOf(map[string][]string{"en": {e.name}}), HasClaim: elm.List[elm.Claim]{e.claim()}}
	if e.birth != "" {
		p.DateOfBirth = elm.DateTime(e.birth + "T00:00:00Z")
	}
	if e.number != "" {
		p.Identifier = elm.List[elm.Identifier]{{SchemeName: "Learner number", Notation: e.number}}
	}
	if e.national != "" {
		p.NationalID = &elm.LegalIdentifier{Notation: e.national, Spatial: concept("http://publications.europa.eu/resource/authority/country/SRB")}
	}
	digest := sha256.Sum256(fmt.Append(nil, e))
	r := &Report{Verdict: Valid, State: StateValid, ID: e.id, SHA256: hex.EncodeToString(digest[:]), Profile: elm.EDC,
		Issuer:     Issuer{Name: trust.Name("en"), Confirmed: true, DID: trust.ID, Country: trust.Country, Provider: trust.Provider, Trust: trust},
		Credential: &elm.Credential{ID: e.id, Issuer: elm.Organisation{LegalName: elm.TextOf(map[string][]string{"en": {trust.Name("en")}})}, Subject: elm.List[elm.Person]{p}}}
	for _, name := range checkNames {
		r.Checks = append(r.Checks, Check{Name: name, Result: Passed})
	}
	switch e.state {
	case "", StateValid:
	case StatusUnchecked:
		r.Verdict, r.State = Indeterminate, e.state
		r.check(CheckRevocation).Result = NotMade
	case NotConforming:
		r.Verdict, r.State = Indeterminate, e.state
		r.check(CheckFormat).Result = Failed
	case IssuerUnknown:
		r.Verdict, r.State, r.Issuer = Indeterminate, e.state, Issuer{Name: "Claimed"}
	default:
		r.Verdict, r.State = Invalid, e.state
	}
	return r
}

func reports(list ...earned) []*Report {
	var out []*Report
	for _, e := range list {
		out = append(out, e.report())
	}
	return out
}

// lines are the sums of a stack, one a line.
func lines(s *StackReport) []string {
	var out []string
	for _, sum := range s.Wire("en").Sums {
		kind := ""
		if sum.Provisional {
			kind = " provisional"
		}
		for _, l := range sum.Levels {
			out = append(out, fmt.Sprintf("%s%s: %s at %s (%d)", sum.Place, kind, l.TotalText, l.Label, l.Awards))
		}
		out = append(out, fmt.Sprintf("%s%s: %s", sum.Place, kind, sum.TotalText))
	}
	return out
}

func ana(e earned) earned {
	e.name, e.birth = "Ana Primer", "1999-10-01"
	if e.issuer == "" {
		e.issuer = "A"
	}
	return e
}

func TestWhatCountsAndWhere(t *testing.T) {
	inside := func(e earned) earned { e.award = "formal-system"; return ana(e) }
	for _, c := range []struct {
		name string
		list []earned
		want []string
	}{
		{"tenths are exact, levels and systems apart", []earned{
			inside(earned{id: "1", title: "One", points: map[string]string{ects: "0.1", csvet: "2"}, level: eqf + "6"}),
			inside(earned{id: "2", title: "Two", points: map[string]string{ects: "0.20"}, level: eqf + "6"}),
			inside(earned{id: "3", title: "Three", points: map[string]string{ects: "3"}, level: eqf + "7"}),
			inside(earned{id: "4", title: "Four", points: map[string]string{ects: "1"}}),
		}, []string{"inside: 0.3 ECTS at Level 6 (EQF) (2)", "inside: 3 ECTS at Level 7 (EQF) (1)", "inside: 1 ECTS at No level stated (1)", "inside: 4.3 ECTS",
			"inside: 2 CSVET at Level 6 (EQF) (1)", "inside: 2 CSVET"}},
		{"hours apart, months not at all", []earned{
			inside(earned{id: "1", title: "One", hours: "PT50H40M"}), inside(earned{id: "2", title: "Two", hours: "PT9H20M"}), inside(earned{id: "3", title: "Three", hours: "P60M"}),
		}, []string{"inside: 60 hours at No level stated (2)", "inside: 60 hours"}},
		{"outside by the trust file, though the credential says otherwise", []earned{
			inside(earned{id: "1", issuer: "B", title: "One", provider: "hei", points: map[string]string{ects: "2"}}),
		}, []string{"outside: 2 ECTS at No level stated (1)", "outside: 2 ECTS"}},
		{"outside by the credential's own word, and nothing said", []earned{
			ana(earned{id: "1", title: "One", award: "vocational-adult", points: map[string]string{ects: "2"}}),
			ana(earned{id: "2", title: "Two", points: map[string]string{ects: "3"}}),
		}, []string{"unknown: 3 ECTS at No level stated (1)", "unknown: 3 ECTS", "outside: 2 ECTS at No level stated (1)", "outside: 2 ECTS"}},
		{"only what is confirmed, or nearly, counts", []earned{
			inside(earned{id: "1", title: "One", points: map[string]string{ects: "1"}, state: StatusUnchecked}),
			inside(earned{id: "2", title: "Two", points: map[string]string{ects: "2"}, state: NotConforming}),
			inside(earned{id: "3", title: "Three", points: map[string]string{ects: "4"}, state: Revoked}),
			inside(earned{id: "4", title: "Four", points: map[string]string{ects: "8"}, state: IssuerUnknown}),
			inside(earned{id: "5", title: "Five", points: map[string]string{ects: "16"}, state: Expired}),
			inside(earned{id: "6", title: "Six", points: map[string]string{ects: "32"}, state: NotValid}),
		}, []string{"inside provisional: 3 ECTS at No level stated (2)", "inside provisional: 3 ECTS"}},
		{"no amount is guessed", []earned{
			inside(earned{id: "1", title: "One", points: map[string]string{ects: "1,5"}}), inside(earned{id: "2", title: "Two", points: map[string]string{ects: "1e3"}}),
			inside(earned{id: "3", title: "Three", points: map[string]string{ects: "-2"}}),
		}, nil},
		{"systems without a name are not one system", []earned{
			inside(earned{id: "1", title: "One", points: map[string]string{"": "1"}}), inside(earned{id: "2", title: "Two", points: map[string]string{"": "1"}}),
		}, []string{"inside: 1 credits in a system that is not named at No level stated (1)", "inside: 1 credits in a system that is not named",
			"inside: 1 credits in a system that is not named at No level stated (1)", "inside: 1 credits in a system that is not named"}},
		{"parts where the whole has no credits, the whole where it has", []earned{
			inside(earned{id: "1", title: "One", parts: []earned{{title: "a", points: map[string]string{ects: "1"}}, {title: "b", parts: []earned{{title: "c", points: map[string]string{ects: "2"}}}}}}),
			inside(earned{id: "2", title: "Two", points: map[string]string{ects: "10"}, parts: []earned{{title: "d", points: map[string]string{ects: "10"}}}}),
		}, []string{"inside: 13 ECTS at No level stated (2)", "inside: 13 ECTS"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, lines(Stack(reports(c.list...), false))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestNothingUncertainHidesBehindAState: the first state that matches wins, so a
// document that breaks its profile may be over as well.
func TestNothingUncertainHidesBehindAState(t *testing.T) {
	for _, name := range []string{CheckSeal, CheckIssuer, CheckRevocation, CheckExpiry} {
		r := ana(earned{id: "1", title: "One", points: map[string]string{ects: "1"}, state: NotConforming}).report()
		r.check(name).Result = Failed
		if s := Stack([]*Report{r}, true); s.Result != StackEmpty {
			t.Errorf("%s failed: %s", name, s.Result)
		}
	}
}

func TestTheSameCourseCountsOnce(t *testing.T) {
	three := map[string]string{ects: "3"}
	base := ana(earned{id: "1", title: "Data stewardship", points: three, level: eqf + "6"})
	with := func(change func(*earned)) earned { e := base; e.id = "2"; e.day = 3; change(&e); return e }
	for _, c := range []struct {
		name    string
		other   earned
		total   string
		certain bool
		noted   bool
	}{
		{"again", with(func(e *earned) {}), "3", true, true},
		{"in other capitals and spaces", with(func(e *earned) { e.title = " Data  Stewardship" }), "3", true, true},
		{"with other credits: another version", with(func(e *earned) { e.points = map[string]string{ects: "4"} }), "7", false, true},
		{"at another level", with(func(e *earned) { e.level = eqf + "7" }), "6", false, true},
		{"under a local id", with(func(e *earned) { e.course = "urn:epass:qualification:7" }), "3", true, true},
		{"of another issuer", with(func(e *earned) { e.issuer = "C" }), "6", false, true},
		{"another title", with(func(e *earned) { e.title = "Data" }), "6", false, false},
		{"as part of a larger award", with(func(e *earned) {
			e.title, e.points = "Programme", map[string]string{ects: "30"}
			e.parts = []earned{{title: "Data stewardship", points: three}}
		}), "30", true, true},
	} {
		s := Stack(reports(base, c.other), false)
		sum := new(big.Rat)
		for _, one := range s.Sums {
			value, _ := parseAmount(one.Total)
			sum.Add(sum, value)
		}
		if got := writeAmount(sum); got != c.total || (len(s.Overlaps) > 0) != c.noted || c.noted && s.Overlaps[0].Certain != c.certain {
			t.Errorf("%s: %s, %+v", c.name, got, s.Overlaps)
		}
	}
	// Global ids decide, whatever the titles.
	code := "https://uni.example/courses/7"
	a, b := with(func(e *earned) { e.course = code }), with(func(e *earned) {
		e.id, e.course, e.title, e.points = "3", code, "Renamed", map[string]string{ects: "4"}
	})
	if s := Stack(reports(a, b), false); len(s.Sums) != 1 || len(s.Overlaps) != 1 {
		t.Errorf("one id: %+v", s.Overlaps)
	}
	b.course, b.title, b.points = code+"1", a.title, three
	if s := Stack(reports(a, b), false); s.Sums[0].Total != "6" {
		t.Errorf("two ids: %s", s.Sums[0].Total)
	}
	// What is confirmed counts, not its unconfirmed twin.
	late := with(func(e *earned) { e.state = StatusUnchecked })
	if got := lines(Stack(reports(base, late), false)); !slices.Equal(got, []string{"unknown: 3 ECTS at Level 6 (EQF) (1)", "unknown: 3 ECTS"}) {
		t.Error(got)
	}
}

// TestOneCredentialInTwoForms counts once, and a withdrawn form withdraws both.
func TestOneCredentialInTwoForms(t *testing.T) {
	edc := ana(earned{id: "1", title: "One", points: map[string]string{ects: "3"}})
	vc2 := edc
	vc2.birth = ""
	s := Stack(reports(edc, vc2), false)
	if s.Result != StackSummed || len(s.Items) != 1 || len(s.Items[0].SHA256) != 2 || s.Sums[0].Total != "3" {
		t.Errorf("%s %+v", s.Result, s.Items)
	}
	vc2.state = Revoked
	if s := Stack(reports(edc, vc2), false); s.Result != StackEmpty || len(s.Items) != 1 || s.Items[0].Why != "revoked" {
		t.Errorf("%s %+v", s.Result, s.Items)
	}
	// A forgery that bears the same id changes nothing.
	forged := edc
	forged.title, forged.state = "Two", NotValid
	if s := Stack(reports(edc, forged), false); s.Result != StackSummed || len(s.Items) != 2 || s.Sums[0].Total != "3" {
		t.Errorf("%s %+v", s.Result, s.Items)
	}
}

// What nobody names is not the same system as the next, however many awards a
// document holds; and they keep its order.
func TestAwardsOfOneDocumentStayApart(t *testing.T) {
	const awards = 8000 // what grew with the square of it would take minutes
	r := earned{id: "urn:many", issuer: "A", title: "Course 0", name: "Ada Example", points: map[string]string{"": "1"}}.report()
	subject := &r.Credential.Subject[0]
	for n := 1; n < awards; n++ {
		subject.HasClaim = append(subject.HasClaim, earned{title: fmt.Sprintf("Course %d", n), points: map[string]string{"": "1"}}.claim())
	}
	s := Stack([]*Report{r}, true)
	if s.Result != StackSummed || len(s.Items) != awards || len(s.Sums) != awards {
		t.Fatalf("%s: %d items and %d sums, want %d of each", s.Result, len(s.Items), len(s.Sums), awards)
	}
	for n, item := range s.Items {
		if got, want := item.Award.Title.Get("en")[0], fmt.Sprintf("Course %d", n); got != want {
			t.Fatalf("item %d is %q, want %q", n, got, want)
		}
	}
}

// A stranger's document cannot ask for work, or memory, beyond its size.
func TestAStackIsBounded(t *testing.T) {
	many := earned{id: "urn:many", issuer: "A", title: "Course", name: "Ada Example", points: map[string]string{ects: "1"}}
	r := many.report()
	s := r.Credential.Subject[0].HasClaim[0].SpecifiedBy
	for n := range 10_000 {
		s.CreditPoint = append(s.CreditPoint, elm.CreditPoint{Framework: concept(fmt.Sprintf("urn:system:%d", n)), Point: "1"})
		s.IsPartOf = append(s.IsPartOf, elm.Specification{Title: elm.TextOf(map[string][]string{"en": {fmt.Sprintf("Programme %d", n)}})})
	}
	if got := Stack([]*Report{r}, true); got.Result != StackTooLarge || got.Sums != nil || got.Awards != nil || len(got.Items) != 1 {
		t.Errorf("10 000 credits towards 10 000 awards: %s, %d sums, %d items", got.Result, len(got.Sums), len(got.Items))
	}

	// Titles and parts in common, and learners of many names and numbers.
	r = many.report()
	for n := range 5_000 {
		part := earned{title: "Course", course: fmt.Sprintf("https://uni.example/courses/%d", n+1), points: map[string]string{ects: "1"}}
		c := earned{title: "Course", course: fmt.Sprintf("https://uni.example/courses/%d", n), points: map[string]string{ects: "1"}, parts: []earned{part}}
		r.Credential.Subject[0].HasClaim = append(r.Credential.Subject[0].HasClaim, c.claim())
	}
	given := []*Report{r}
	for n := range 49 {
		other := many
		other.id, other.day = fmt.Sprintf("urn:other:%d", n), n
		next := other.report()
		p := &next.Credential.Subject[0]
		names := "Ada Example"
		for k := range 4_000 {
			names += fmt.Sprintf(" name%d", k)
			p.Identifier = append(p.Identifier, elm.Identifier{SchemeName: "Learner number", Notation: fmt.Sprintf("%d-%d", n, k)})
		}
		p.FullName = elm.TextOf(map[string][]string{"en": {names}})
		given = append(given, next)
	}
	if got := Stack(given, true); got.Result != StackSummed || len(got.Items) != 5_050 {
		t.Errorf("%s, %d items", got.Result, len(got.Items))
	}
}

func TestOneLearner(t *testing.T) {
	who := func(issuer, name, birth, number, national string) earned {
		return earned{issuer: issuer, title: name + birth + number, name: name, birth: birth, number: number, national: national, points: map[string]string{ects: "1"}}
	}
	ana := who("A", "Ana Petrović", "1999-10-01", "", "")
	for _, c := range []struct {
		name   string
		others []earned
		want   StackResult
	}{
		{"same name and birth date", []earned{who("B", "Ana Petrović", "1999-10-01", "", "")}, StackSummed},
		{"names in another order", []earned{who("B", "PETROVIĆ Ana", "1999-10-01", "", "")}, StackSummed},
		{"another birth date", []earned{who("B", "Ana Petrović", "1999-10-02", "", "")}, StackRefused},
		{"no birth date", []earned{who("B", "Ana Petrović", "", "", "")}, StackQuestion},
		{"in the other script", []earned{who("A", "Ана Петровић", "1999-10-01", "", "")}, StackQuestion},
		{"without diacritics", []earned{who("A", "Ana Petrovic", "1999-10-01", "", "")}, StackQuestion},
		{"with one name more", []earned{who("A", "Ana Marija Petrović", "1999-10-01", "", "")}, StackQuestion},
		{"another family name, same birth date", []earned{who("A", "Ana Novak", "1999-10-01", "", "")}, StackQuestion},
		{"another person", []earned{who("A", "Marko Novak", "1999-10-01", "", "")}, StackRefused},
		{"another person without birth date", []earned{who("A", "Marko Petrović", "", "", "")}, StackRefused},
		{"nameless", []earned{who("A", "", "", "", "")}, StackQuestion},
		{"a chain: number, then birth date", []earned{who("B", "Ana Petrović", "1999-10-01", "7", ""), who("B", "Ana Petrović", "", "7", "")}, StackSummed},
		{"a learner number of another issuer says nothing", []earned{who("B", "Ana Petrović", "1999-10-01", "7", ""), who("A", "Ana Petrović", "", "7", "")}, StackQuestion},
		{"a contradiction anywhere", []earned{who("B", "Ana Petrović", "1999-10-01", "", ""), who("B", "Ana Petrović", "2000-10-01", "", "")}, StackRefused},
	} {
		list := append([]earned{ana}, c.others...)
		for i := range list {
			list[i].id = fmt.Sprint(i)
		}
		s := Stack(reports(list...), false)
		if s.Result != c.want || (len(s.Sums) > 0) != (c.want == StackSummed) || (s.Wire("hr").Question != "") == (c.want == StackSummed) {
			t.Errorf("%s: %s", c.name, s.Result)
		}
		// The caller's word answers a question, and nothing else.
		want := c.want
		if want == StackQuestion {
			want = StackSummed
		}
		if s := Stack(reports(list...), true); s.Result != want {
			t.Errorf("%s, confirmed: %s", c.name, s.Result)
		}
	}
	a, b := who("A", "Ana Petrović", "1999-10-01", "7", ""), who("A", "Ana Petrović", "1999-10-01", "8", "")
	a.id, b.id = "1", "2"
	if s := Stack(reports(a, b), false); s.Result != StackQuestion {
		t.Errorf("two learner numbers: %s", s.Result)
	}
	a.national, b.national = "1", "2"
	if s := Stack(reports(a, b), true); s.Result != StackRefused {
		t.Errorf("two national ids: %s", s.Result)
	}
	b.national, b.name = "1", "Ana Novak"
	if s := Stack(reports(a, b), false); s.Result != StackQuestion {
		t.Errorf("one national id, another name: %s", s.Result)
	}
	// Who holds what does not count does not matter.
	b.state, b.birth = Revoked, "1970-01-01"
	if s := Stack(reports(a, b), false); s.Result != StackSummed {
		t.Errorf("a stranger's revoked credential: %s", s.Result)
	}
}

func TestHowFarAnAwardIs(t *testing.T) {
	toward := func(id, issuer, points, needs string, state State) earned {
		return ana(earned{id: id, issuer: issuer, title: "Course " + id, points: map[string]string{ects: points}, stack: "stackable", towards: "Diploma in X", needs: needs, state: state})
	}
	for _, c := range []struct {
		name string
		list []earned
		want TowardSum
	}{
		{"what is needed is not stated", []earned{toward("1", "A", "3", "", ""), toward("2", "A", "2.5", "", "")}, TowardSum{Counted: "5.5"}},
		{"stated by one", []earned{toward("1", "A", "3", "", ""), toward("2", "A", "2.5", "30", "")}, TowardSum{Counted: "5.5", Needs: "30", Missing: "24.5"}},
		{"what is not confirmed shortens no distance", []earned{toward("1", "A", "3", "30", ""), toward("2", "A", "2", "30", StatusUnchecked)}, TowardSum{Counted: "3", Provisional: "2", Needs: "30", Missing: "27"}},
		{"never below nothing", []earned{toward("1", "A", "40", "30", "")}, TowardSum{Counted: "40", Needs: "30", Missing: "0"}},
		{"a contradiction tells no distance", []earned{toward("1", "A", "3", "30", ""), toward("2", "A", "2", "60", "")}, TowardSum{Counted: "5"}},
		{"Bosnia and Herzegovina: never a qualification", []earned{toward("1", "C", "3", "30", "")}, TowardSum{Counted: "3", Needs: "30"}},
	} {
		s := Stack(reports(c.list...), false)
		if len(s.Awards) != 1 || len(s.Awards[0].Sums) != 1 {
			t.Fatalf("%s: %+v", c.name, s.Awards)
		}
		got := s.Awards[0].Sums[0]
		if (TowardSum{Counted: got.Counted, Provisional: got.Provisional, Needs: got.Needs, Missing: got.Missing}) != c.want {
			t.Errorf("%s: %+v", c.name, got)
		}
		if never := strings.Contains(strings.Join(s.Wire("en").Sentences, " "), "never replaces a qualification"); never != (c.list[0].issuer == "C") {
			t.Errorf("%s: never replaces: %v", c.name, never)
		}
	}
	if s := Stack(reports(toward("1", "A", "3", "", ""), toward("2", "B", "3", "", "")), false); len(s.Awards) != 2 {
		t.Errorf("awards of two issuers with one title are one: %+v", s.Awards)
	}
}

// TestAMandateIsNoRegisterEntry: what the trust file says is about who sealed.
func TestAMandateIsNoRegisterEntry(t *testing.T) {
	r := ana(earned{id: "1", title: "One", award: "formal-system", points: map[string]string{ects: "1"}}).report()
	award := r.Credential.Subject[0].HasClaim[0].AwardedBy
	if s := Stack([]*Report{r}, false); s.Items[0].Standing != (Standing{PlaceInside, "hei", "formal-system", ByTrustFile, ByCredential, false}) {
		t.Errorf("%+v", s.Items[0].Standing)
	}
	award.AwardingBody = elm.List[elm.Organisation]{{LegalName: elm.TextOf(map[string][]string{"en": {"Centre D"}})}}
	if s := Stack([]*Report{r}, false); s.Items[0].Standing.Place != PlaceUnknown {
		t.Errorf("%+v", s.Items[0].Standing)
	}
	award.AwardingBody, award.AwardingDate = nil, "2009-12-31T00:00:00Z"
	if s := Stack([]*Report{r}, false); s.Items[0].Standing.Place != PlaceUnknown {
		t.Errorf("before the entry in the register: %+v", s.Items[0].Standing)
	}
}

// That no language lacks a sentence, a test of all texts holds (cmd/indeks).
func TestStackSpeaksTheLanguageOfItsReader(t *testing.T) {
	for lang, want := range map[string]string{
		"en":      "This sum is arithmetic, not an award; the receiving institution decides.",
		"hr":      "Ovaj je zbroj račun, a ne isprava o stečenome; odlučuje ustanova koja ga prima.",
		"sr-Cyrl": "Овај збир је рачун, а не исправа о стеченом; одлучује установа која га прима.",
		"tlh":     "This sum is arithmetic, not an award; the receiving institution decides.",
	} {
		if got := Stack(nil, false).Wire(lang); got.Sentence != want || got.Result != StackEmpty {
			t.Errorf("%s: %+v", lang, got)
		}
	}
}

// TestStackLaws: neither order nor repetition changes a stack, and every sum is
// the exact sum of what counts.
func TestStackLaws(t *testing.T) {
	one := rapid.Custom(func(t *rapid.T) earned {
		pick := func(name string, from ...string) string { return rapid.SampledFrom(from).Draw(t, name) }
		e := ana(earned{
			id: pick("id", "1", "2", "3", "4", "5", "6", "7", "8", ""), issuer: pick("issuer", "A", "B", "C"), title: pick("title", "One", "Two", "Three", "Four"),
			level: pick("level", "", eqf+"5", eqf+"6"), hours: pick("hours", "", "PT1H20M", "PT0.5S", "P1M"), award: pick("award", "", "formal-system", "hei-outside"),
			course: pick("course", "", "urn:epass:qualification:1", "https://a.example/1", "https://a.example/2"), towards: pick("towards", "", "X", "Y"), needs: pick("needs", "", "30", "60"),
			state: rapid.SampledFrom([]State{StateValid, StateValid, StateValid, StatusUnchecked, NotConforming, Revoked, IssuerUnknown, NotValid}).Draw(t, "state"),
			day:   rapid.IntRange(0, 3).Draw(t, "day"),
		})
		e.name, e.birth = pick("name", "Ana Primer", "Ana Primer", "Ana Primer", "Ана Пример"), pick("birth", "1999-10-01", "1999-10-01", "")
		e.points = map[string]string{}
		for _, system := range []string{ects, csvet, "urn:epass:concept:1", ""} {
			if rapid.Bool().Draw(t, "has "+system) {
				e.points[system] = pick("points", "0.1", "0.2", "0.30", "3", "7.25", "x")
			}
		}
		if rapid.Bool().Draw(t, "has part") {
			e.parts = []earned{{title: pick("part", "One", "Two"), points: map[string]string{ects: "0.1"}}}
		}
		return e
	})
	rapid.Check(t, func(t *rapid.T) {
		given := rapid.SliceOfN(one, 1, 7).Draw(t, "given")
		samePerson := rapid.Bool().Draw(t, "same person")
		first := Stack(reports(given...), samePerson)
		want := first.Wire("en")

		shuffled := rapid.Permutation(given).Draw(t, "shuffled")
		if diff := cmp.Diff(want, Stack(reports(shuffled...), samePerson).Wire("en")); diff != "" {
			t.Fatalf("another order: %s", diff)
		}
		twice := append(slices.Clone(given), given[rapid.IntRange(0, len(given)-1).Draw(t, "again")])
		if diff := cmp.Diff(want, Stack(reports(twice...), samePerson).Wire("en")); diff != "" {
			t.Fatalf("one given twice: %s", diff)
		}

		if first.Result != StackSummed {
			if first.Sums != nil || first.Awards != nil || first.Overlaps != nil {
				t.Fatalf("%s, and yet %+v", first.Result, first.Sums)
			}
			return
		}
		exact := map[string]*big.Rat{}
		for i := range first.Items {
			item := &first.Items[i]
			if item.Report.Verdict == Invalid && item.Counts != CountsNot {
				t.Fatalf("%s counts", item.Report.State)
			}
			if !item.counts() {
				continue
			}
			for _, c := range item.Credits {
				value, _ := new(big.Rat).SetString(c.Amount)
				key := fmt.Sprint(c.key, item.Standing.Place, item.Counts)
				if exact[key] == nil {
					exact[key] = new(big.Rat)
				}
				exact[key].Add(exact[key], value)
			}
		}
		for _, sum := range first.Sums {
			if sum.Hours() {
				continue
			}
			counts := CountsFull
			if sum.Provisional {
				counts = CountsProvisional
			}
			key := fmt.Sprint(sum.key, sum.Place, counts)
			got, _ := new(big.Rat).SetString(sum.Total)
			if exact[key] == nil || got.Cmp(exact[key]) != 0 {
				t.Fatalf("%s is %s, want %v", key, sum.Total, exact[key])
			}
			delete(exact, key)
			levels := new(big.Rat)
			for _, l := range sum.Levels {
				value, _ := new(big.Rat).SetString(l.Total)
				levels.Add(levels, value)
			}
			if levels.Cmp(got) != 0 {
				t.Fatalf("%s: levels add up to %v", key, levels)
			}
		}
		if len(exact) > 0 {
			t.Fatalf("not summed: %v", exact)
		}
	})
}
