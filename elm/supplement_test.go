package elm

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"indeks/contexts"
)

var update = flag.Bool("update", false, "write the golden files")

func printed(sections []Section) string {
	var b strings.Builder
	for _, s := range sections {
		fmt.Fprintf(&b, "== %s [%s]\n", s.Label, s.ID)
		for _, e := range s.Elements {
			fmt.Fprintf(&b, "%s [%s]", e.Label, e.ID)
			if e.Reason {
				b.WriteString(" reason")
			}
			if e.Missing {
				b.WriteString(" missing")
			}
			b.WriteString("\n")
			for _, v := range e.Values {
				fmt.Fprintf(&b, "  %s", v.Text)
				for _, mark := range []struct{ name, value string }{{"lang", v.Lang}, {"link", v.Link}, {"iri", v.IRI}} {
					if mark.value != "" {
						fmt.Fprintf(&b, " {%s %s}", mark.name, mark.value)
					}
				}
				if v.Ours {
					b.WriteString(" {ours}")
				}
				b.WriteString("\n")
				for _, d := range v.Detail {
					fmt.Fprintf(&b, "    %s: %s", d.Label, d.Text)
					if d.Lang != "" {
						fmt.Fprintf(&b, " {lang %s}", d.Lang)
					}
					b.WriteString("\n")
				}
			}
		}
	}
	return b.String()
}

func TestSupplementOfACompleteCredential(t *testing.T) {
	for _, p := range []Profile{EDC, VC2} {
		raw, err := fixture().Encode(p)
		if err != nil {
			t.Fatal(err)
		}
		c, err := Parse(raw)
		if err != nil {
			t.Fatal(err)
		}
		languages := Languages()
		if p == VC2 {
			languages = languages[:1]
		}
		for _, lang := range languages {
			name := filepath.Join("testdata", fmt.Sprintf("supplement-%s-%s.txt", p, lang))
			got := printed(Supplement(c, lang))
			if *update {
				if err := os.WriteFile(name, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("%s:\n%s", name, diff)
			}
		}
		if diff := cmp.Diff(Answers{Present: mandatory}, Completeness(c)); diff != "" {
			t.Errorf("%s: completeness:\n%s", p, diff)
		}
	}
}

// element returns one element of the supplement.
func element(t *testing.T, c *Credential, lang, id string) Element {
	t.Helper()
	for _, s := range Supplement(c, lang) {
		for _, e := range s.Elements {
			if e.ID == id {
				return e
			}
		}
	}
	return Element{}
}

func TestReasonsStandInForValues(t *testing.T) {
	c := fixture()
	s := c.Subject[0].HasClaim[0].SpecifiedBy
	s.EQFLevel, s.CreditPoint, s.VolumeOfLearning = nil, nil, ""
	c.Subject[0].HasClaim[0].CreditReceived = nil
	c.Subject[0].HasClaim[0].InfluencedBy = nil
	c.Subject[0].HasClaim[0].AwardedBy.AdditionalNote = nil
	s.AdditionalNote = List[Note]{
		coded("a", TopicReasonPrefix+"level:outside-framework", "An offer outside every framework"),
		coded("b", TopicReasonPrefix+"credits:hours-only", ""),
		coded("c", TopicReasonPrefix+"legal-basis:no-specific-act", ""),
	}
	answers := Completeness(c)
	if diff := cmp.Diff([]string{"M7", "M8", "legal-basis"}, answers.Reasoned); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"M10"}, answers.Missing); diff != "" {
		t.Error(diff)
	}
	level := element(t, c, "en", "M8")
	if len(level.Values) != 1 || !level.Values[0].Ours || level.Values[0].Detail[0].Text != "An offer outside every framework" {
		t.Errorf("level: %+v", level)
	}
	if degree := element(t, c, "en", "not-a-degree"); len(degree.Values) != 0 {
		t.Errorf("a level is described although there is none: %+v", degree)
	}
	// A reason beside a value is shown after it and counts as a value.
	s.VolumeOfLearning = "PT5H"
	if e := element(t, c, "hr", "M7"); e.Reason || len(e.Values) != 2 || e.Values[0].Text != "5 sati" {
		t.Errorf("workload: %+v", e)
	}
}

func TestSupplementReadsEverySample(t *testing.T) {
	want := map[string]string{
		"samples/own-microcredential.json":                    "",
		"samples/ec/Sample-MC-Annex1-signed.jsonld":           "M11 legal-basis",
		"samples/ec-support/AA-Annex1-MC-signed.jsonld":       "M11 legal-basis confirm",
		"samples/mynextid/edc-mc-signed.jsonld":               "M11 legal-basis",
		"samples/mynextid/edc-coa-signed.jsonld":              "M6 M8 M9 M10 M11 legal-basis",
		"samples/ec/Sample-MC-Annex1-unsigned.jsonld":         "M11 legal-basis",
		"shacl-cases/credential-status-object.json":           "",
		"samples/ec-support/AA-Annex1-MC-unsigned.json":       "M11 legal-basis confirm",
		"shacl-cases/title-not-language-tagged.json":          "",
		"ebsi-elm32/examples/diploma-rntuo.json":              "M6 M7 M8 M9 M10 M11 legal-basis confirm",
		"samples/mynextid/edc-coe-signed.jsonld":              "M6 M7 M8 M9 M10 M11 legal-basis",
		"samples/mynextid/open-badge-mc-example.json":         "M1 M3 M6 M8 M9 M10 M11 legal-basis confirm",
		"shacl-cases/missing-issuer.json":                     "",
		"samples/ec-support/Sample-JointDegree-signed.jsonld": "legal-basis",
	}
	for name, raw := range samples(t) {
		c, err := Parse(raw)
		if err != nil {
			t.Fatal(err)
		}
		for _, lang := range append(Languages(), "zz") {
			for _, s := range Supplement(c, lang) {
				for _, e := range s.Elements {
					if s.Label == "" || e.Label == "" || e.Missing != (len(e.Values) == 0) {
						t.Errorf("%s: %s: %+v", name, lang, e)
					}
					for _, v := range e.Values {
						if v.Text == "" || v.Text != Clean(v.Text) {
							t.Errorf("%s: %s: %q", name, e.ID, v.Text)
						}
						for _, d := range v.Detail {
							if d.Label == "" || d.Text == "" {
								t.Errorf("%s: %s: %+v", name, e.ID, v)
							}
						}
					}
				}
			}
		}
		if want, ok := want[name]; ok {
			answers := Completeness(c)
			if got := strings.Join(answers.Missing, " "); got != want {
				t.Errorf("%s: missing %q, want %q", name, got, want)
			}
			if diff := cmp.Diff(statements, answers.Unstated); diff != "" {
				t.Errorf("%s: unstated:\n%s", name, diff)
			}
		}
	}
	degree, err := Parse(samples(t)["samples/ec-support/Sample-JointDegree-signed.jsonld"])
	if err != nil {
		t.Fatal(err)
	}
	if e := element(t, degree, "en", "not-a-degree"); len(e.Values) != 0 {
		t.Errorf("a master's degree is called none: %+v", e)
	}
}

func TestOtherProfilesAreReadByName(t *testing.T) {
	c := parse(t, `{"@context":["https://www.w3.org/ns/credentials/v2","https://contexts.example/micro/v1"],
		"id":"urn:uuid:1","type":["VerifiableCredential","MicroCredential"],
		"issuer":{"id":"did:web:uni.example","type":"Organisation","legalName":{"en":"University of Testland"}},"validFrom":"2026-07-01T08:00:00Z",
		"credentialSubject":{"id":"did:example:1","type":"Person","fullName":{"en":"Ada Example"},"hasClaim":{"type":"LearningAchievement",
			"title":{"en":"Introduction"},"creditPoint":{"type":"CreditPoint","point":5}}}}`)
	for id, want := range map[string]string{"M1": "Ada Example", "M2": "Introduction", "M4": "University of Testland", "M5": "1 July 2026", "M7": "5"} {
		if e := element(t, c, "en", id); len(e.Values) != 1 || e.Values[0].Text != want {
			t.Errorf("%s: %+v, want %q", id, e.Values, want)
		}
	}
}

func TestNothingHostileIsShown(t *testing.T) {
	c := parse(t, `{"@context":["https://www.w3.org/2018/credentials/v1","http://data.europa.eu/snb/model/context/edc-ap"],
		"type":"VerifiableCredential","issuer":{"id":"urn:x:1","legalName":{"\" onmouseover=\"alert(1)":"Academy"},"homepage":{"contentURL":"javascript:alert(1)"}},
		"credentialSubject":{"fullName":{"en":"A\u200bd\u202ea\u0000 E\u2060xample\ufeff"},"hasClaim":{"type":"LearningAchievement","title":{"en":"Line\r\nend\u0007"},"description":{"en":"A\u202e b"},
		"awardedBy":{"awardingBody":{"legalName":{"en":"Body"},"homepage":{"contentURL":"https://user@host.example/"}},"additionalNote":{"noteLiteral":{"en":"ليلى \u202dtext"}}},
		"supplementaryDocument":[{"title":{"en":"Click"},"contentURL":"JavaScript:alert(1)"},{"contentURL":"data:text/html,x"},{"title":{"en":"Good"},"contentURL":"https://host.example/?a=b"}],
		"specifiedBy":{"eqfLevel":{"id":"http://data.europa.eu/snb/eqf/9","prefLabel":{"en":"Level 8"}},
			"nqfLevel":{"id":"http://data.europa.eu/snb/eqf/1","prefLabel":{"en":"Level 8"}}}}}}`)
	text := printed(Supplement(c, "en"))
	for _, hostile := range []string{"\u200b", "\u202e", "\u202d", "\u2060", "\ufeff", "\x00", "\x07", "\r", "onmouseover", "{link javascript", "{link Java", "{link data", "{link https://user@"} {
		if strings.Contains(text, hostile) {
			t.Errorf("%q is shown", hostile)
		}
	}
	name := element(t, c, "en", "M1").Values[0]
	if name.Text != "Ada Example" || !name.Cleaned {
		t.Errorf("name %+v", name)
	}
	title := element(t, c, "en", "M2").Values[0]
	if len(title.Detail) != 1 || title.Detail[0].Text != "A b" || !title.Detail[0].Cleaned {
		t.Errorf("title %+v", title)
	}
	if issuer := element(t, c, "en", "issuer").Values[0]; issuer.Text != "Academy" || issuer.Lang != "und" || issuer.Link != "" {
		t.Errorf("issuer %+v", issuer)
	}
	if !strings.Contains(text, "Good {link https://host.example/?a=b}") || !strings.Contains(text, "Page: JavaScript:alert(1)") || !strings.Contains(text, "data:text/html,x\n") {
		t.Error(text)
	}
	levels := element(t, c, "en", "M8").Values
	if len(levels) != 2 || levels[0].Ours || len(levels[0].Detail) != 1 || levels[1].Text != "Level 1" {
		t.Errorf("levels %+v", levels)
	}
}

func TestClean(t *testing.T) {
	for in, want := range map[string]string{
		"Zoë Żółć":                           "Zoë Żółć",
		"ليلى الاختبار":                      "ليلى الاختبار",
		"𝒜da Nguye\u0302\u0303n":             "𝒜da Nguye\u0302\u0303n",
		"a\tb\r\nc\u2028d":                   "a b\nc\nd",
		"p\u00ada\u034fy\u200fpal\U000E0041": "paypal",
		"\x1b[31mred":                        "[31mred",
		"x\u115fy\u3164z":                    "xyz",
	} {
		if got := Clean(in); got != want {
			t.Errorf("Clean(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestLanguageIsChosen(t *testing.T) {
	for _, test := range []struct {
		text            Text
		lang, want, tag string
	}{
		{TextOf(map[string][]string{"en": {"a"}, "hr": {"b"}}), "hr", "b", "hr"},
		{TextOf(map[string][]string{"en-GB": {"a"}, "de": {"b"}}), "hr", "a", "en-GB"},
		{TextOf(map[string][]string{"sr": {"a"}, "en": {"b"}}), "sr-Cyrl", "a", "sr"},
		{TextOf(map[string][]string{"cnr-Cyrl": {"a"}, "cnr-Latn": {"b"}, "en": {"c"}}), "cnr", "b", "cnr-Latn"},
		{TextOf(map[string][]string{"sr-Latn": {"a"}, "en": {"b"}}), "cnr", "a", "sr-Latn"},
		{TextOf(map[string][]string{"hr": {"a"}, "en": {"b"}}), "bs", "a", "hr"},
		{TextOf(map[string][]string{"sr-Latn-RS": {"a"}, "sr-Cyrl": {"b"}}), "sr-Latn", "a", "sr-Latn-RS"},
		{TextOf(map[string][]string{"sr-Cyrl": {"a"}, "en": {"b"}}), "sr-Latn", "a", "sr-Cyrl"},
		{TextOf(map[string][]string{"fr": {"a"}, "de": {"b"}}), "en", "b", "de"},
		{TextOf(map[string][]string{"fr": {"a"}, "": {"b"}}), "en", "b", ""},
		{TextOf(map[string][]string{"EN": {"a"}}), "en", "a", "EN"},
		{TextOf(map[string][]string{"<b>": {"a"}}), "en", "a", "und"},
		{TextOf(map[string][]string{"en-\"x": {"a"}, "fr": {"b"}}), "en", "b", "fr"},
	} {
		values, tag := choose(test.text, test.lang)
		if len(values) != 1 || values[0] != test.want || tag != test.tag {
			t.Errorf("%v for %s: %v %q", test.text, test.lang, values, tag)
		}
	}
}

func TestAmountsInWords(t *testing.T) {
	for _, test := range []struct{ lang, duration, want string }{
		{"en", "PT75H", "75 hours"}, {"en", "PT1H", "1 hour"}, {"en", "P60M", "60 months"}, {"en", "P1Y2M3DT4H5M6.5S", "1 year 2 months 3 days 4 hours 5 minutes 6.5 seconds"},
		{"hr", "PT21H", "21 sat"}, {"hr", "PT22H", "22 sata"}, {"hr", "PT11H", "11 sati"}, {"hr", "PT112H", "112 sati"}, {"hr", "P1D", "1 dan"},
		{"sl", "PT1H", "1 ura"}, {"sl", "PT2H", "2 uri"}, {"sl", "PT104H", "104 ure"}, {"sl", "PT102H", "102 uri"}, {"sl", "PT5H", "5 ur"}, {"sl", "PT12H", "12 ur"}, {"sl", "PT0.5H", "PT0.5H"}, {"sl", "PT1.5S", "1,5 sekunde"}, {"sl", "P0D", "0 dni"},
		{"bs", "PT21M", "21 minuta"}, {"bs", "PT3M", "3 minute"}, {"cnr", "P3M", "3 mjeseca"}, {"cnr", "PT12H", "12 sati"},
		{"sr-Latn", "P3M", "3 meseca"}, {"sr-Cyrl", "PT75H", "75 сати"}, {"sr-Cyrl", "PT101H", "101 сат"},
		{"en", "PT6.5S", "6.5 seconds"}, {"hr", "PT6.5S", "6,5 sekunde"}, {"hr", "PT0H", "0 sati"}, {"en", "PT01H", "01 hour"}, {"hr", "PT111H", "111 sati"}, {"en", "PT1200H", "1,200 hours"}, {"de", "PT1200H", "1.200 Stunden"}, {"sq", "PT1200H", "1\u00a0200 orë"},
		{"en", "75 hours", "75 hours"}, {"en", "-PT1H", "-PT1H"}, {"en", "P", "P"},
	} {
		v := &view{lang: test.lang}
		if got := v.duration(test.duration).Text; got != test.want {
			t.Errorf("%s in %s: %q, want %q", test.duration, test.lang, got, test.want)
		}
	}
}

// That no language lacks a word, a test of all texts holds (cmd/indeks).
func TestWordsAreComplete(t *testing.T) {
	for id, word := range words()["sr-Cyrl"] {
		if latin := latinScript(word); latin != words()["sr-Latn"][id] {
			t.Errorf("%s: the two scripts of Serbian differ: %q, %q", id, words()["sr-Latn"][id], word)
		}
	}
	for _, id := range append(slices.Clone(mandatory), "O1", "O2", "O3", "O4", "O5") {
		if words()["en"][id] == "" {
			t.Errorf("no label for %s", id)
		}
	}
}

// latinScript writes Serbian Cyrillic in Latin script, which is a function.
func latinScript(s string) string {
	pairs := strings.Fields("а a б b в v г g д d ђ đ е e ж ž з z и i ј j к k л l љ lj м m н n њ nj о o п p р r с s т t ћ ć у u ф f х h ц c ч č џ dž ш š")
	for i := 0; i < len(pairs); i += 2 {
		upper := strings.ToUpper(pairs[i+1][:1]) + pairs[i+1][1:]
		if r := []rune(pairs[i+1]); r[0] > 'z' {
			upper = strings.ToUpper(string(r[0])) + string(r[1:])
		}
		s = strings.NewReplacer(pairs[i], pairs[i+1], strings.ToUpper(pairs[i]), upper).Replace(s)
	}
	return s
}

func TestNotesShowWhatTheirCodesDoNotSay(t *testing.T) {
	stackable := TopicStackability + ":stackable"
	for own, want := range map[string]string{
		"Stackable towards another credential":                   "",
		"stackable, towards another credential.":                 "",
		"Stackable towards another credential: the diploma":      "the diploma",
		"Stackable towards another credential. Two of three":     "Two of three",
		"Može se uračunati u drugu ispravu: diploma":             "diploma",
		"Stackable towards another credential of the same field": "Stackable towards another credential of the same field",
		"The diploma": "The diploma",
	} {
		if got := beyondLabel(own, stackable); got != want {
			t.Errorf("beyondLabel(%q) = %q, want %q", own, got, want)
		}
	}
	if got := beyondLabel("A note", "https://list.example/unknown"); got != "A note" {
		t.Errorf("an unknown code takes words away: %q", got)
	}
}

func TestFiguresHaveNoLanguage(t *testing.T) {
	c := fixture()
	grade := c.Subject[0].HasClaim[0].ProvenBy[0].Grade
	for text, lang := range map[string]string{"10": "", "7,5": "", "10 (deset)": "sr-Latn", "Ђ": "sr-Latn"} {
		grade.NoteLiteral = TextOf(map[string][]string{"sr-Latn": {text}})
		if got := element(t, c, "hr", "O3").Values[0]; got.Text != text || got.Lang != lang {
			t.Errorf("%s: %q in %q, want %q", text, got.Text, got.Lang, lang)
		}
	}
}

func TestTopicsAreThoseOfTheList(t *testing.T) {
	list := contexts.List("note-topic")
	ids := make(map[string]bool)
	for _, c := range list {
		ids[c.ID] = true
	}
	if len(list) == 0 {
		t.Fatal("no list note-topic")
	}
	for _, topic := range append(slices.Clone(topics), TopicLegalBasis, TopicQuality) {
		if !ids[topic] {
			t.Errorf("%s is not in the list", topic)
		}
	}
	for _, c := range list {
		topic, code := topicOf(&Concept{Ref: Ref{ID: c.ID}})
		if isTopic := slices.Contains(topics, c.ID) || strings.HasPrefix(c.ID, TopicReasonPrefix) && strings.Count(c.ID, ":") == 3; !isTopic && topic == "" {
			t.Errorf("%s: topic %q, code %q", c.ID, topic, code)
		}
	}
}

func BenchmarkSupplement(b *testing.B) {
	c, err := Parse(sized(b, 25_000))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		Supplement(c, "sr-Cyrl")
	}
}

// Labels of the compiled-in lists are shown as they are, so there must be nothing
// in them to clean.
func TestLabelsOfListsAreClean(t *testing.T) {
	for _, name := range contexts.Lists() {
		for _, c := range contexts.List(name) {
			for tag, label := range c.Label {
				if value := shown(label); value.Text != label || strings.TrimSpace(label) != label || label == "" {
					t.Errorf("%s in %q: %q", c.ID, tag, label)
				}
			}
		}
	}
}
