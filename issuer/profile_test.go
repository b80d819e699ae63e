package issuer

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"golang.org/x/text/language"
	"pgregory.net/rapid"

	"indeks/contexts"
	"indeks/elm"
	"indeks/verifier"
)

// TestProfilesAreComplete holds the data files: every profile says what it is,
// since when and with what standing, in its own languages and scripts.
func TestProfilesAreComplete(t *testing.T) {
	want := map[string][]string{
		"ba": {"bs", "hr", "sr-Cyrl", "sr-Latn"}, "eu": nil, "gb-sct": nil, "hr": {"hr"},
		"me": {"cnr-Cyrl", "cnr-Latn"}, "rs": {"sr-Cyrl", "sr-Latn"}, "si": {"sl"},
	}
	if got := len(Profiles()); got != len(want) {
		t.Errorf("%d profiles, want %d", got, len(want))
	}
	standings := []Standing{StandingLaw, StandingRulebook, StandingRecommendation, StandingProposal}
	for _, p := range Profiles() {
		words := func(what string, w Words) {
			t.Helper()
			for _, tag := range append([]string{"en"}, want[p.ID]...) {
				if w[tag] == "" {
					t.Errorf("%s: %s has no %s", p.ID, what, tag)
				}
			}
			scripts(t, p.ID+": "+what, w)
		}
		if !slices.Contains(standings, p.Standing) || p.Source == "" {
			t.Errorf("%s: standing %q, source %q", p.ID, p.Standing, p.Source)
		}
		if _, err := time.Parse(time.DateOnly, p.Checked); err != nil {
			t.Errorf("%s: checked: %v", p.ID, err)
		}
		if _, ok := contexts.Lookup(countries + p.Country); !ok && p.ID != "eu" {
			t.Errorf("%s: country %q is in no list", p.ID, p.Country)
		}
		words("name", p.Name)
		words("label of the levels", p.Levels.Label)
		words("stacking", p.Stacking.Note)
		if !slices.Contains([]string{"yes", "no", "limited"}, p.Stacking.TowardsDegree) || p.Stacking.Source == "" {
			t.Errorf("%s: stacking %+v", p.ID, p.Stacking)
		}
		term, definition := Words{}, Words{}
		for tag, w := range p.Terms {
			term[tag], definition[tag] = w.Microcredential, w.Definition
			if w.Outcome == "" || w.Qualification == "" || w.Credit == "" {
				t.Errorf("%s: terms in %s are incomplete", p.ID, tag)
			}
		}
		words("term", term)
		words("definition", definition)
		for _, s := range p.Credits {
			words("label of "+s.Code, s.Label)
			if creditFrameworks[s.Code] == "" {
				t.Errorf("%s: no credit system %q", p.ID, s.Code)
			}
			for _, n := range []string{s.Min, s.Max, s.HoursMin, s.HoursMax, s.PartialFrom} {
				if n != "" && decimal(n) == nil {
					t.Errorf("%s: %s: %q is no decimal", p.ID, s.Code, n)
				}
			}
			if bound := s.Min != "" || s.Max != ""; bound != slices.Contains(standings, s.Standing) || bound != (s.Source != "") {
				t.Errorf("%s: bounds of %s have standing %q and source %q", p.ID, s.Code, s.Standing, s.Source)
			}
		}
		for _, r := range p.Registers {
			words("register", r.Name)
			if _, err := regexp.Compile(r.IDPattern); err != nil {
				t.Errorf("%s: %v", p.ID, err)
			}
		}
		for _, r := range p.Requires {
			if !slices.Contains(standings, r.Standing) || r.Source == "" {
				t.Errorf("%s: requires %+v", p.ID, r)
			}
		}
	}
}

// scripts holds that a text in Cyrillic has no Latin letters that belong to a
// word, and the other way round.
func scripts(t *testing.T, what string, w Words) {
	t.Helper()
	for tag, s := range w {
		latin := strings.ContainsFunc(s, func(r rune) bool { return unicode.Is(unicode.Latin, r) && unicode.IsLower(r) })
		cyrillic := strings.ContainsFunc(s, func(r rune) bool { return unicode.Is(unicode.Cyrillic, r) })
		if _, err := language.Parse(tag); err != nil {
			t.Errorf("%s: %q: %v", what, tag, err)
		}
		if strings.HasSuffix(tag, "-Cyrl") && latin || !strings.HasSuffix(tag, "-Cyrl") && cyrillic {
			t.Errorf("%s in %s: script of %q", what, tag, s)
		}
	}
}

// TestNationalLevelsAreThoseOfTheList holds frameworks against the EU's list:
// each level is there under its name, and none is left out.
func TestNationalLevelsAreThoseOfTheList(t *testing.T) {
	for _, p := range Profiles() {
		prefix, count := p.Levels.Label["en"]+" Level ", 0
		if p.ID == "eu" {
			prefix = "Level "
		}
		last := 0
		for _, l := range p.Levels.Levels {
			if l.EQF < last || l.EQF > 8 {
				t.Errorf("%s: level %s goes with EQF level %d", p.ID, l.Level, l.EQF)
			}
			last = l.EQF
			if of, _, sub := strings.Cut(l.Level, "."); sub != (l.Of != "") || sub && of != l.Of {
				t.Errorf("%s: level %s is of %q", p.ID, l.Level, l.Of)
			}
			if l.IRI == "" {
				continue // the framework has it, the list its sublevels only
			}
			count++
			if c, ok := contexts.Lookup(l.IRI); !ok || c.Label["en"] != prefix+l.Level {
				t.Errorf("%s: level %s is %q", p.ID, l.Level, c.Label["en"])
			}
		}
		listed := 0
		for _, c := range append(contexts.List("nqf"), contexts.List("eqf")...) {
			if strings.HasPrefix(c.Label["en"], prefix) {
				listed++
			}
		}
		if count != listed {
			t.Errorf("%s: %d levels with an IRI, the list has %d", p.ID, count, listed)
		}
	}
	for level, eqf := range map[string]int{"6.1": 6, "6.2": 6, "7.1": 7, "7.2": 7} {
		if l, ok := profileNamed("rs").level(level); !ok || l.EQF != eqf {
			t.Errorf("rs: %s: %+v", level, l)
		}
	}
}

func TestActsAreComplete(t *testing.T) {
	countriesSeen := map[string]bool{}
	for _, a := range Acts() {
		countriesSeen[a.Country] = true
		if a.Title["en"] == "" || a.Source == "" {
			t.Errorf("%s: title or source is missing", a.ID)
		}
		scripts(t, a.ID, a.Title)
		if _, err := time.Parse(time.DateOnly, a.Checked); err != nil {
			t.Errorf("%s: checked: %v", a.ID, err)
		}
		if whole := a.From + "2000-01-01"[len(a.From):]; !isDay(whole) {
			t.Errorf("%s: from %q, which is no day, month or year", a.ID, a.From)
		}
		if a.Until != "" && !isDay(a.Until) {
			t.Errorf("%s: until %q, which is no day", a.ID, a.Until)
		}
		if a.URL != "" && !strings.HasPrefix(a.URL, "https://") {
			t.Errorf("%s: %s", a.ID, a.URL)
		}
		if !regexp.MustCompile(`^[a-z0-9-]{3,60}$`).MatchString(a.ID) {
			t.Errorf("%q is no id by the schema", a.ID)
		}
	}
	for _, c := range []string{"ALB", "AND", "AZE", "BEL", "HRV", "GRC", "HUN", "LVA", "MLT", "POL", "ROU", "SRB", "SVN", "MNE", "BIH"} {
		if !countriesSeen[c] {
			t.Errorf("no act of %s", c)
		}
	}
}

// The verifier, which does not know the profiles, tells stacking as they do.
func TestVerifierStacksByTheProfiles(t *testing.T) {
	for _, p := range Profiles() {
		if got, want := verifier.NeverReplaces(p.Country), p.Stacking.TowardsDegree == "no"; got != want {
			t.Errorf("%s: never replaces a qualification: %v, want %v", p.ID, got, want)
		}
	}
}

// national are courses under a profile: what blocks, what only warns.
var national = []struct {
	name  string
	edits []edit
}{
	{"unknown profile", []edit{{"profile", "xk"}}},
	{"hr: one credit", []edit{{"profile", "hr"}, {"level/nqf", "7.1"}, {"credits", csvet("1")}, {"credits_reason", national1}}},
	{"hr: 2 credits", []edit{{"profile", "hr"}, {"level/nqf", "7.1"}, {"credits", csvet("2")}, {"credits_reason", national1}}},
	{"hr: 9 credits", []edit{{"profile", "hr"}, {"level/nqf", "7.1"}, {"credits", csvet("9")}, {"credits_reason", national1}}},
	{"hr: 10 credits are a partial qualification", []edit{{"profile", "hr"}, {"level/nqf", "7.1"}, {"credits", csvet("10")}, {"credits_reason", national1}}},
	{"hr: 5 credits at level 4.1", []edit{{"profile", "hr"}, {"level/eqf", 4}, {"level/nqf", "4.1"}, {"credits", csvet("5")}, {"credits_reason", national1}}},
	{"CSVET has its bounds under any profile", []edit{{"profile", "rs"}, {"credits", csvet("12")}, {"credits_reason", national1}}},
	{"me: without a sector, 6 credits", []edit{{"profile", "me"}, {"level/nqf", "7.1"}, {"hours", "160"}, {"credits/0/points", "6"}}},
	{"me: with a sector, 5 credits", []edit{{"profile", "me"}, {"level/nqf", "7.1"}, {"hours", "130"}, {"credits/0/points", "5"}, {"sector", map[string]any{"en": "Information technology"}}}},
	{"si, ba, eu: without criteria", []edit{{"profile", "si"}, {"level/nqf", "8"}, {"assessment/0/criteria", nil}, {"assessment/0/criteria_url", nil}}},
	{"eu: criteria by address", []edit{{"profile", "eu"}, {"level/nqf", nil}, {"assessment/0/criteria", nil}, {"assessment/0/criteria_url", "https://school.example/criteria"}}},
	{"ba: in place of a part of a programme", []edit{{"profile", "ba"}, {"level/nqf", "7"}, {"stackability/kind", "part-of-programme"}}},
	{"gb-sct: neither level nor points nor hours", []edit{{"profile", "gb-sct"}, {"hours", "8"}, {"credits", nil}, {"activities", nil}, {"contact_hours", nil}, {"credits_reason", hoursOnly}, {"level/nqf", nil}}},
	{"gb-sct: 3 points for 30 hours", []edit{{"profile", "gb-sct"}, {"hours", "30"}, {"activities", nil}, {"level/nqf", "11"}, {"credits", amount("SCQF", "3")}, {"credits_reason", national1}}},
	{"gb-sct: 3 points for 80 hours", []edit{{"profile", "gb-sct"}, {"level/nqf", "11"}, {"credits", amount("SCQF", "3")}, {"credits_reason", national1}}},
	{"rs: no such level", []edit{{"profile", "rs"}, {"level/nqf", "7.3"}, {"onward_levels", []any{"8", "9"}}}},
	{"rs: level of another framework", []edit{{"profile", "rs"}, {"level/nqf", "http://data.europa.eu/snb/qdr/c_d6860258"}}},
	{"a level without its framework", []edit{{"level/nqf", "7.1"}}},
	{"rs: one standard, several outcomes", []edit{{"profile", "rs"}, {"outcome_source", source("qualification-standard", "0613-7.1-12")}}},
	{"rs: one standard, but two are named", []edit{{"profile", "rs"}, {"outcome_source", source("qualification-standard", "0613-7.1-12", "0613-7.1-13")}}},
	{"rs: several standards, but one is named", []edit{{"profile", "rs"}, {"outcome_source", source("several-standards", "0613-7.1-12")}}},
	{"rs: outside standards, for nothing", []edit{{"profile", "rs"}, {"outcome_source", source("outside-standards")}}},
	{"rs: outside standards, but one is named", []edit{{"profile", "rs"}, {"occupations", []any{map[string]any{"code": "2521", "title": map[string]any{"en": "Database designer"}}}}, {"outcome_source", source("outside-standards", "0613-7.1-12")}}},
	{"rs: informal adult education", []edit{{"profile", "rs"}, {"outcome_source", source("informal")}, {"class_nqfs", "0613-7.1"}, {"proaea_number", "611-00-00012/2026"}, {"onward_levels", []any{"7.2", "8"}}}},
	{"numbers of another country, and of no form", []edit{{"profile", "me"}, {"level/nqf", "7.1"}, {"sector", map[string]any{"en": "IT"}}, {"class_nqfs", "0613"}, {"proaea_number", "12"}}},
	{"more credits than hours", []edit{{"hours", "2"}, {"contact_hours", nil}, {"activities", nil}}},
	{"no hours, but credits", []edit{{"hours", "0"}}},
	{"unknown act", []edit{{"legal_basis", []any{map[string]any{"act": "ro-1-2012"}, map[string]any{"act": "xx-1"}}}}},
	{"neither act nor text", []edit{{"legal_basis", []any{map[string]any{"url": "https://school.example/"}}}}},
	{"ended before it began", []edit{{"legal_basis/0/from", "2020-01-01"}, {"legal_basis/0/until", "2019-12-31"}}},
	{"all at once", []edit{{"level/eqf", 9}, {"outcomes/0/title", nil}, {"outcomes/1/title", map[string]any{}}, {"credits/0/points", "-3"}, {"profile", "hr"}, {"credits", []any{map[string]any{"system": "ECTS", "points": "-3"}, map[string]any{"system": "CSVET", "points": "12"}}},
		{"title/serbian", "Podaci"}, {"activities/0/to", "2020-01-01"}}},
}

var (
	national1 = map[string]any{"code": "national-credits", "text": map[string]any{"en": "National credits only"}}
	hoursOnly = map[string]any{"code": "hours-only", "text": map[string]any{"en": "Hours only"}}
)

func amount(system, points string) []any {
	return []any{map[string]any{"system": system, "points": points}}
}

func csvet(points string) []any { return amount("CSVET", points) }

func source(kind string, ids ...string) map[string]any {
	s := map[string]any{"kind": kind}
	var standards []any
	for _, id := range ids {
		standards = append(standards, map[string]any{"id": id, "outcomes": []any{"2", "4"}})
	}
	if standards != nil {
		s["standards"] = standards
	}
	return s
}

func TestNationalRulesAreNamedWithTheirSource(t *testing.T) {
	var b strings.Builder
	for _, c := range national {
		_, warnings, err := ParseCourse("course.json", edited(t, c.edits))
		fmt.Fprintf(&b, "%s\n%s", c.name, listed(warnings, err))
	}
	golden(t, "national.golden", b.String())
}

// A course that names no profile is judged by that of who awards it.
func TestProfileGoesWithTheCountry(t *testing.T) {
	serbian := institution(t)
	other := func(country, region string) Institution {
		i := institution(t)
		i.Country, i.Region = country, region
		return i
	}
	for _, c := range []struct {
		inst    Institution
		course  Course
		profile string
	}{
		{serbian, Course{}, "rs"},
		{serbian, Course{Profile: "eu"}, "eu"},
		{serbian, Course{AwardingBody: &Body{Country: "HRV"}}, "hr"},
		{other("FRA", ""), Course{}, "eu"},
		{other("GBR", "UKM75"), Course{}, "gb-sct"},
		{other("GBR", "UKI31"), Course{}, "eu"},
	} {
		if got := c.inst.profile(&c.course).ID; got != c.profile {
			t.Errorf("%s %s: %s, want %s", c.inst.Country, c.inst.Region, got, c.profile)
		}
	}
	// What blocks under it is refused when issuing too, however it was read.
	scottish := other("GBR", "UKM75")
	raw := edited(t, nil)
	if _, _, err := scottish.ParseCourse("course.json", raw); err == nil || !strings.Contains(err.Error(), "have no SCQF") {
		t.Errorf("without SCQF points in Scotland: %v", err)
	}
	course, _, err := ParseCourse("course.json", raw)
	if err != nil {
		t.Fatal(err)
	}
	text := course.text() // asked once by each, and by another not given the first one's answer
	for range 2 {
		if err := text.check(&scottish, course); err == nil {
			t.Error("a course without SCQF points is issued in Scotland")
		}
		if err := text.check(&serbian, course); err != nil {
			t.Error(err)
		}
	}
}

func TestActsThatEndedWarn(t *testing.T) {
	c, _, err := ParseCourse("course.json", edited(t, []edit{{"legal_basis", []any{
		map[string]any{"act": "ro-1-2011"}, map[string]any{"act": "hr-119-2022"},
		map[string]any{"text": map[string]any{"en": "Statute"}, "until": "2024-12-31"}}}}))
	if err != nil {
		t.Fatal(err)
	}
	for day, want := range map[string]string{
		"2010-06-01": "legal-act-early legal-act-early", "2023-09-02": "", "2023-09-03": "legal-act-ended",
		"2022-09-30": "legal-act-early", "2022-10-01": "", "2024-12-31": "legal-act-ended", "2025-01-01": "legal-act-ended legal-act-ended",
	} {
		_, warnings, err := ReadDraft(c, map[string]string{"given_name": "Ana", "family_name": "Anić", "date_of_birth": "1980-01-01", "awarding_date": day})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, w := range warnings {
			got = append(got, w.Rule)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %v, want %s", day, warnings, want)
		}
	}
	d := draft(t)
	d.Course, d.AwardingDate = c, "2023-01-15"
	got := lines(read(t, d, "hr", "legal-basis"))
	for _, want := range []string{"National Education Law No. 1/2011", "In force until 2 September 2023", "Zakon o visokom obrazovanju"} {
		if !strings.Contains(got, want) {
			t.Errorf("legal basis %q has no %q", got, want)
		}
	}
}

// TestLevelIsOnRecord holds what a reader can tell of a level: how it was found,
// or what was proposed, what was taken, why and who said so.
func TestLevelIsOnRecord(t *testing.T) {
	reason := map[string]any{"en": "The project weighs more", "sr-Latn": "Projekat više vredi", "sr-Cyrl": "Пројекат више вреди"}
	for _, c := range []struct {
		name   string
		edits  []edit
		change func(*Draft)
		want   string // level, proposed, method
	}{
		{"majority", nil, nil, "Level 7 (EQF)|none|Level of the majority of the learning outcomes\n"},
		{"average", []edit{{"level/method", "average"}}, nil, "Level 7 (EQF)|none|Rounded average of the levels of the learning outcomes\n"},
		{"tie", []edit{{"outcomes/0/level", 6}, {"outcomes/1/level", nil}}, nil,
			"Level 7 (EQF)|none|Rounded average of the levels of the learning outcomes\n- Note: No level has a majority of the outcomes: 6 (2), 7 (2)\n"},
		{"course decides", []edit{{"level/eqf", 6}, {"level/nqf", nil}, {"level/cycle", nil}, {"level/reason", reason}, {"level/decided_by", "Senate"}}, nil,
			"Level 6 (EQF)|Level 7\n- Note: Level of the majority of the learning outcomes\n|Set by decision in place of the proposed level\n- Note: The project weighs more. Decided by: Senate\n"},
		{"row decides", nil, func(d *Draft) { d.LevelOverride, d.OverrideReason, d.OverrideBy = 5, "Weaker thesis", "Dean" },
			"Level 5 (EQF)|Level 7\n- Note: Level of the majority of the learning outcomes\n|Set by decision in place of the proposed level\n- Note: Weaker thesis. Decided by: Dean\n"},
		{"no levels", []edit{{"outcomes", []any{map[string]any{"id": "1", "title": map[string]any{"en": "Plans", "sr-Latn": "Planira"}}}}, {"level/method", nil}}, nil,
			"Level 7 (EQF)|none|none"},
	} {
		course, _, err := ParseCourse("course.json", edited(t, c.edits))
		if err != nil {
			t.Fatal(err)
		}
		d := draft(t)
		d.Course = course
		if c.change != nil {
			c.change(&d)
		}
		found := map[string]string{"M8": "", "level-proposed": "none", "level-method": "none"}
		for _, s := range elm.Supplement(built(t, d, elm.EDC), "en") {
			for _, e := range s.Elements {
				if _, ok := found[e.ID]; ok {
					found[e.ID] = lines(e)
				}
			}
		}
		first, _, _ := strings.Cut(found["M8"], "\n")
		if got := first + "|" + found["level-proposed"] + "|" + found["level-method"]; got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestInstitutionChoosesTheMethod(t *testing.T) {
	i := institution(t)
	i.LevelMethod = "average"
	raw := edited(t, []edit{{"level/method", nil}, {"outcomes/3/level", 1}})
	if _, warnings, _ := i.ParseCourse("course.json", raw); !strings.Contains(fmt.Sprint(warnings), "the average of their levels is 6") {
		t.Errorf("by average: %v", warnings)
	}
	i.LevelMethod = ""
	if _, warnings, err := i.ParseCourse("course.json", raw); len(warnings) != 0 || err != nil {
		t.Errorf("by majority: %v, %v", warnings, err)
	}
	i.LevelMethod = "median"
	if err := i.Validate(); err == nil {
		t.Error("median is taken for a method")
	}
}

// TestProposalLaws holds the level rules for any outcomes.
func TestProposalLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		levels := rapid.SliceOfN(rapid.IntRange(0, 8), 1, 30).Draw(t, "levels")
		method := rapid.SampledFrom([]string{"", "majority", "average"}).Draw(t, "method")
		of := func(levels []int) (proposal, bool) {
			outcomes := make([]Outcome, len(levels))
			for n, l := range levels {
				outcomes[n].Level = l
			}
			return propose(outcomes, method)
		}
		p, ok := of(levels)
		stated := slices.DeleteFunc(slices.Clone(levels), func(l int) bool { return l == 0 })
		if ok != (len(stated) > 0) {
			t.Fatalf("proposal %v of %v", ok, levels)
		}
		if !ok {
			return
		}
		if p.Level < slices.Min(stated) || p.Level > slices.Max(stated) {
			t.Fatalf("%d is outside %v", p.Level, stated)
		}
		q, _ := of(rapid.Permutation(levels).Draw(t, "order"))
		if p.Level != q.Level || p.Method != q.Method || p.Tie != q.Tie {
			t.Fatalf("%+v and, in another order, %+v", p, q)
		}
		if slices.Min(stated) == slices.Max(stated) && (p.Level != stated[0] || p.Tie) {
			t.Fatalf("all outcomes have level %d: %+v", stated[0], p)
		}
		if p.Method == "majority" && 2*p.Count[p.Level] <= len(stated) {
			t.Fatalf("%d is no majority in %v", p.Level, stated)
		}
		if p.Tie != (method != "average" && p.Method == "average") {
			t.Fatalf("tie %v by %q", p.Tie, method)
		}
	})
}

// TestNationalFactsAreRead holds that what registers ask for reaches a reader.
func TestNationalFactsAreRead(t *testing.T) {
	course, _, err := ParseCourse("course.json", edited(t, []edit{
		{"profile", "rs"}, {"level/nqf", "7.1"}, {"class_nqfs", "0613-7.1"}, {"proaea_number", "611-00-00012/2026"}, {"onward_levels", []any{"7.2", "8"}},
		{"occupations", []any{map[string]any{"code": "2521", "title": map[string]any{"en": "Database designer", "sr-Latn": "Projektant baza podataka"}}}},
		{"outcome_source", source("several-standards", "0613-7.1-12", "0688-6.1-3")},
	}))
	if err != nil {
		t.Fatal(err)
	}
	d := draft(t)
	d.Course = course
	for id, want := range map[string]string{
		"national": "Code of the classification CLASSNQFS\n- Note: 0613-7.1\nOccupation\n- Note: Database designer (2521)\n" +
			"Gives access to levels\n- Note: NQFS 7.2, 8\nNumber in the register of adult-education providers (PROAEA)\n- Note: 611-00-00012/2026\n",
		"outcome-source": "Several qualification standards\n- Note: 0613-7.1-12, Outcomes: 2, 4. 0688-6.1-3, Outcomes: 2, 4\n",
	} {
		if got := lines(read(t, d, "en", id)); got != want {
			t.Errorf("%s: %q, want %q", id, got, want)
		}
	}
	if s := achievement(built(t, d, elm.EDC)).SpecifiedBy; len(s.NQFLevel) != 1 || s.NQFLevel[0].ID != "http://data.europa.eu/snb/qdr/c_cca41928" {
		t.Errorf("national level %v", s.NQFLevel)
	}
}

// A micro-qualification of Croatia is no partial qualification, wherever its
// outcomes come from.
func TestMicroQualificationIsNotPartial(t *testing.T) {
	d := draft(t)
	c := *course(t, 1)
	c.Stackability.Kind = "part-of-programme"
	d.Course, d.Language = &c, "hr"
	s := achievement(built(t, d, elm.EDC)).SpecifiedBy
	if s.IsPartialQualification == nil || *s.IsPartialQualification {
		t.Error("4 CSVET are a partial qualification")
	}
}
