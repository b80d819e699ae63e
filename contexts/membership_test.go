package contexts

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"indeks/strictjson"
)

const (
	eqfScheme      = snb + "eqf/25831c2"
	languageScheme = authority + "language"
	skillScheme    = esco + "concept-scheme/skills"
)

func TestCheckMember(t *testing.T) {
	for _, test := range []struct {
		iri, scheme string
		want        Membership
	}{
		{snb + "eqf/6", eqfScheme, Member},
		{snb + "eqf/9", eqfScheme, NotMember},
		{"", eqfScheme, NotMember},
		{"urn:epass:eqf:6", eqfScheme, NotMember},
		{snb + "eqf/6", snb + "isced-f/25831c2", Misplaced},
		{snb + "eqf/6", skillScheme, Misplaced},
		{snb + "eqf/6", "http://data.europa.eu/snb/eqf", UnknownScheme},
		{authority + "language/ENG", languageScheme, Member},
		{authority + "language/AAB", languageScheme, Member}, // has no label
		{authority + "language/eng", languageScheme, Unlisted},
		{authority + "language/ENG", authority + "country", Misplaced},
		{authority + "country/XYZ", authority + "country", Unlisted},
		{authority + "atu/IRL_CTH_DUB", authority + "atu", Member},
		{"http://data.europa.eu/nuts/code/RS110", "http://data.europa.eu/nuts", Member},
		{snb + "qdr/c_c392e7a2", snb + "qdr/25831c2", Member}, // of a framework without translations
		{snb + "qdr/c_c392e7a", snb + "qdr/25831c2", Unlisted},
		{snb + "evidence-type/c_00000000", snb + "evidence-type/25831c2", Unlisted},
		{snb + "credential/c_00000000", snb + "credential/25831c2", Unlisted},
		{esco + "skill/03bc5f23-4317-41c2-9528-2db5c3c87b85", skillScheme, Unchecked},
		{"urn:epass:skill:1", skillScheme, Unlisted},
		{"urn:epass:concept:1", "urn:epass:conceptScheme:1", Unchecked},
		{"urn:indeks:credit:csvet", "urn:indeks:credit", Member},
		{"urn:indeks:credit:csvet", snb + "education-credit/25831c2", Misplaced},
		{snb + "education-credit/0000000000", snb + "education-credit/25831c2", NotMember},
		{"urn:indeks:credit:of-a-later-version", "urn:indeks:credit", Unlisted},
		{"urn:indeks:provider:hei", "urn:indeks:provider", Member},
		{snb + "qualification-topics#pathways", snb + "qualification-topics", Unlisted},
	} {
		if got := CheckMember(test.iri, test.scheme); got != test.want {
			t.Errorf("CheckMember(%q, %q) = %d, want %d", test.iri, test.scheme, got, test.want)
		}
	}
	for _, name := range Lists() {
		for _, c := range List(name) {
			if CheckMember(c.ID, c.Scheme) != Member {
				t.Errorf("%s is not in its own scheme", c.ID)
			}
		}
	}
}

// Documents of the EU name no concept that closed lists lack.
//
// Those of MyNextID do: a tool gave ids of its own (urn:epass:...) to concepts
// for which the author had a label only, and left them in the scheme of the EU.
// To a machine that compares ids they are none of its members, whatever the
// label says, so that the closed lists of modes and of supervision fail them.
// Countries and national levels are open lists, which warn; the hint names the
// member that the label means.
func TestVocabularySamples(t *testing.T) {
	slovenia := "vocabulary-open /credentialSubject/placeOfBirth/address/countryCode " + authority + "country/SVN"
	claim := "/credentialSubject/hasClaim"
	mynextid := []string{
		"vocabulary-closed " + claim + "/provenBy/idVerification " + snb + "supervision-verification/70be69aaf9",
		"vocabulary-closed " + claim + "/provenBy/specifiedBy/mode " + snb + "learning-assessment/920fbb3cbe",
		"vocabulary-open " + claim + "/specifiedBy/nqfLevel " + snb + "qdr/c_37f3c037",
	}
	want := map[string][]string{
		"mynextid/edc-coe-example.json":  {slovenia},
		"mynextid/edc-coe-signed.jsonld": {slovenia},
		"mynextid/edc-mc-example.json":   mynextid,
		"mynextid/edc-mc-signed.jsonld":  mynextid,
	}
	for _, e := range expectations(t) {
		t.Run(e.File, func(t *testing.T) {
			var got []string
			for _, p := range Vocabulary(strictjson.Of(sample(t, e.File))) {
				got = append(got, fmt.Sprint(p.Rule, " ", p.Pointer, " ", p.Nearest[0].ID))
				if p.Closed != (p.Rule == "vocabulary-closed") {
					t.Errorf("%s: closed is %v", p.Pointer, p.Closed)
				}
			}
			if diff := cmp.Diff(want[e.File], got); diff != "" {
				t.Errorf("problems differ (-want +got):\n%s", diff)
			}
		})
	}
}

func TestVocabulary(t *testing.T) {
	for _, test := range []struct{ name, doc, want string }{
		{"closed",
			`{"eqfLevel": {"id": "http://data.europa.eu/snb/eqf/9", "type": "Concept", "inScheme": {"id": "http://data.europa.eu/snb/eqf/25831c2"}, "prefLabel": {"de": "Stufe 9"}}}`,
			`/eqfLevel vocabulary-closed fails: The concept "Stufe 9" ("http://data.europa.eu/snb/eqf/9") is not in the list of levels of the European Qualifications Framework, which it names as its scheme; that list is complete. Perhaps meant: Level 8 (http://data.europa.eu/snb/eqf/8), Level 7 (http://data.europa.eu/snb/eqf/7), Level 6 (http://data.europa.eu/snb/eqf/6).`},
		{"label in another language",
			`{"mode": {"id": "urn:x:1", "inScheme": "http://data.europa.eu/snb/learning-assessment/25831c2", "prefLabel": {"hr": ["Nastava Uživo"]}}}`,
			`/mode vocabulary-closed fails: The concept "Nastava Uživo" ("urn:x:1") is not in the list of modes of learning and assessment, which it names as its scheme; that list is complete. Perhaps meant: Presential (http://data.europa.eu/snb/learning-assessment/9191af2ed9).`},
		{"no id",
			`{"a/b": [0, {"inScheme": {"id": "http://data.europa.eu/snb/skill-type/25831c2"}}]}`,
			`/a~1b/1 vocabulary-closed fails: A concept without id is not in the list of kinds of learning outcome, which it names as its scheme; that list is complete.`},
		{"open",
			`{"language": {"@id": "http://publications.europa.eu/resource/authority/language/eng", "skos:inScheme": [{"@id": "http://publications.europa.eu/resource/authority/language"}]}}`,
			`/language vocabulary-open warns: The concept "http://publications.europa.eu/resource/authority/language/eng" is not in the list of languages as far as it is known here; it may have been added since. Perhaps meant: English (http://publications.europa.eu/resource/authority/language/ENG).`},
		{"misplaced",
			`{"thematicArea": {"id": "http://data.europa.eu/snb/eqf/6", "inScheme": {"id": "http://data.europa.eu/snb/isced-f/25831c2"}}}`,
			`/thematicArea vocabulary-misplaced fails: The concept "http://data.europa.eu/snb/eqf/6" is in the list of levels of the European Qualifications Framework, but names the list of fields of education (ISCED-F 2013) as its scheme.`},
		{"unknown scheme",
			`{"idVerification": {"id": "http://data.europa.eu/snb/supervision-verification/70be69aaf9", "inScheme": {"id": "http://data.europa.eu/snb/supervision"}}}`,
			`/idVerification vocabulary-scheme warns: The concept "http://data.europa.eu/snb/supervision-verification/70be69aaf9" is in the list of kinds of supervision and identity verification, but names the scheme "http://data.europa.eu/snb/supervision", which is not known here; the scheme of that list is http://data.europa.eu/snb/supervision-verification/25831c2.`},
		{"no list",
			`{"relatedESCOSkill": {"id": "urn:x:2", "inScheme": {"id": "http://data.europa.eu/esco/concept-scheme/skills"}, "prefLabel": {"en": "sing"}}}`,
			`/relatedESCOSkill vocabulary-open warns: The concept "sing" ("urn:x:2") names the scheme "http://data.europa.eu/esco/concept-scheme/skills", whose concepts have ids that begin with http://data.europa.eu/esco/skill/.`},
		{"nothing to say", `{"@context": {"inScheme": "http://data.europa.eu/snb/eqf/25831c2"}, "subject": {"id": "urn:x:3"}, "dcType": {"id": "urn:x:4", "inScheme": {"id": "urn:x"}}, "c": {"inScheme": 1}}`, ``},
	} {
		t.Run(test.name, func(t *testing.T) {
			var got []string
			for _, p := range Vocabulary(strictjson.Of(parse(t, []byte(test.doc)))) {
				severity := "warns"
				if p.Closed {
					severity = "fails"
				}
				got = append(got, fmt.Sprintf("%s %s %s: %s", p.Pointer, p.Rule, severity, p.Message))
			}
			if diff := cmp.Diff(test.want, strings.Join(got, "\n")); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// A document cannot make us write or search without end.
func TestVocabularyIsBounded(t *testing.T) {
	var many []any
	for i := range 5000 {
		many = append(many, map[string]any{"id": fmt.Sprint("urn:x:", i), "inScheme": languageScheme, "prefLabel": map[string]any{"en": "english"}})
	}
	found := Vocabulary(strictjson.Of(map[string]any{"language": many}))
	hinted := 0
	for _, p := range found {
		if len(p.Nearest) > 0 {
			hinted++
		}
	}
	if len(found) != maxVocabularyProblems || hinted != maxHints {
		t.Errorf("%d problems, %d with hints", len(found), hinted)
	}
}

func FuzzVocabulary(f *testing.F) {
	f.Add(`{"id": "` + snb + `eqf/9", "inScheme": {"id": "` + eqfScheme + `"}, "prefLabel": {"en": "Level 9"}}`)
	f.Add(`{"a": [{"@id": "x", "skos:inScheme": ["` + languageScheme + `", {"@id": "` + skillScheme + `"}], "prefLabel": {"en": []}}]}`)
	f.Add(`{"id": {}, "inScheme": [[], {"id": []}, "` + eqfScheme + `"], "prefLabel": []}`)
	f.Fuzz(func(t *testing.T, text string) {
		var doc map[string]any
		if json.Unmarshal([]byte(text), &doc) != nil {
			return
		}
		for _, p := range Vocabulary(strictjson.Of(doc)) {
			if p.Rule == "" || p.Message == "" || CheckMember(p.ID, p.Scheme) == Member {
				t.Errorf("%+v", p)
			}
		}
	})
}

func TestSearch(t *testing.T) {
	for _, test := range []struct{ list, text, lang, want string }{
		{"language", "ENGLISH", "en", "ENG GPE"},
		{"language", "srpski", "hr", "SRP"},
		{"language", "СРПСКИ", "en", "SRP"},
		{"language", "eng", "en", "ENG"}, // the code before the names that begin so
		{"nqf", "nqfs 7", "en", "c_e4f11c13 c_cca41928 c_8cab3c22"},
		{"nqf", "noks nivo 7", "sr-Latn", "c_e4f11c13 c_cca41928 c_8cab3c22"},
		{"region", "sumadij", "en", "RS218 RS21"},
		{"region", "šumadij", "en", "RS218 RS21"},
		{"region", "wien", "en", "AT13 AT130 AT126"},
		{"country", "osterreich", "en", "AUT"},
		{"country", "itävalta", "en", ""},
		{"assessment", "ispit", "hr", "6e6cb2cc78 d30284d7df"},
		{"assessment", "usni izpit", "sl", ""},
		{"assessment", "izpit ustni", "sl", "d30284d7df"},
		{"eqf", "http://data.europa.eu/snb/eqf/7", "en", "7"},
		{"credit", "ects", "en", "6fcec5c5af"},
		{"isced-f", "0613", "en", "0613"},
		{"isced-f", "informacijske", "hr", "06 061 0610"},
		{"isced-f", "библиотекарство", "en", "0322"},
		{"isced-f", "sumarstvo", "sr-Latn", "082 0821"},
		{"eqf", " ", "en", "1 2 3 4 5 6 7 8"},
		{"no such list", "x", "en", ""},
	} {
		var got []string
		for _, c := range Search(test.list, test.text, test.lang, 0) {
			got = append(got, c.Code())
		}
		if n := len(strings.Fields(test.want)); test.want != "" && len(got) > n && test.list != "nqf" {
			got = got[:n] // the first ones matter
		}
		if diff := cmp.Diff(test.want, strings.Join(got, " ")); diff != "" {
			t.Errorf("Search(%s, %s, %s): (-want +got)\n%s", test.list, test.text, test.lang, diff)
		}
	}
	if found := Search("language", "a", "en", 7); len(found) != 7 {
		t.Errorf("%d found, want 7", len(found))
	}
}

func BenchmarkLookup(b *testing.B) {
	for _, iri := range []string{snb + "eqf/6", authority + "language/ZUL", "urn:x"} {
		b.Run(iri, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				Lookup(iri)
			}
		})
	}
}

func BenchmarkSearch(b *testing.B) {
	for _, list := range []string{"language", "atu", "assessment"} {
		b.Run(list, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				Search(list, "serb", "en", 10)
			}
		})
	}
}

func BenchmarkVocabulary(b *testing.B) {
	for _, name := range []string{"own-microcredential.json", "ec-support/Sample-TranscriptOfRecords-signed.jsonld"} {
		doc := strictjson.Of(sample(b, name))
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				Vocabulary(doc)
			}
		})
	}
}
