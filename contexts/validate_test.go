package contexts

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"indeks/internal/reference"

	"indeks/strictjson"
)

// result is what the reference engines report of a violation.
type result struct{ FocusNode, Path, Component, Value string }

func profile(t rapid.TB, name string) *Shapes {
	t.Helper()
	shapes, err := ProfileShapes(name, ShapesVersion)
	if err != nil {
		t.Fatal(err)
	}
	return shapes
}

func validate(t testing.TB, doc map[string]any, name string) []Violation {
	t.Helper()
	found, err := Default().Validate(strictjson.Of(doc), profile(t, name))
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func results(found []Violation) []result {
	all := []result{}
	for _, v := range found {
		all = append(all, result{v.Focus, v.Path, v.Component, v.Value})
	}
	return sorted(all)
}

func sorted(all []result) []result {
	slices.SortFunc(all, func(a, b result) int {
		return cmp.Or(cmp.Compare(a.FocusNode, b.FocusNode), cmp.Compare(a.Path, b.Path),
			cmp.Compare(a.Component, b.Component), cmp.Compare(a.Value, b.Value))
	})
	return all
}

// Every sample breaks the rules that two other engines say it breaks.
func TestValidateSamples(t *testing.T) {
	var expected struct {
		Documents []struct {
			File                string
			ConformsGenericFull bool
			ConformsAccredited  *bool
			Results             []result
		}
	}
	if err := json.Unmarshal(reference.Read(t, "reference/samples/expected-shacl.json"), &expected); err != nil {
		t.Fatal(err)
	}
	for _, want := range expected.Documents {
		t.Run(want.File, func(t *testing.T) {
			doc := sample(t, want.File)
			got := results(validate(t, doc, "generic-full"))
			if diff := gocmp.Diff(sorted(want.Results), got); diff != "" || want.ConformsGenericFull != (len(got) == 0) {
				t.Errorf("results (-want +got):\n%s", diff)
			}
			if want.ConformsAccredited != nil {
				if got := validate(t, doc, "accredited"); *want.ConformsAccredited != (len(got) == 0) {
					t.Errorf("accredited: %v", got)
				}
			}
		})
	}
}

func TestValidateCases(t *testing.T) {
	var expected struct {
		Cases []struct {
			File     string
			Conforms bool
			Results  []result
		}
	}
	if err := json.Unmarshal(reference.Read(t, "reference/shacl-cases/verdicts.json"), &expected); err != nil {
		t.Fatal(err)
	}
	for _, want := range expected.Cases {
		t.Run(want.File, func(t *testing.T) {
			got := results(validate(t, sample(t, "../shacl-cases/"+want.File), "generic-full"))
			if diff := gocmp.Diff(sorted(want.Results), got); diff != "" || want.Conforms != (len(got) == 0) {
				t.Errorf("results (-want +got):\n%s", diff)
			}
		})
	}
}

// broken breaks a rule of each kind.
const broken = `{
	"@context": ["https://www.w3.org/2018/credentials/v1", "http://data.europa.eu/snb/model/context/edc-ap"],
	"id": "urn:credential:1",
	"type": ["VerifiableCredential", "EuropeanDigitalCredential"],
	"issuer": {"id": "urn:epass:org:1", "type": "Organisation", "legalName": {"en": "A school"},
		"location": {"type": "Location", "address": {"type": "Address", "countryCode": {"type": "Concept",
			"inScheme": {"id": "http://publications.europa.eu/resource/authority/language", "type": "ConceptScheme"}}}}},
	"issuanceDate": "2026-06-15T00:00:00Z",
	"issued": ["2026-06-15"],
	"validFrom": ["2026-06-15T00:00:00Z", "2026-06-16T00:00:00Z"],
	"credentialSchema": {"id": "http://data.europa.eu/snb/model/ap/edc-generic-full"},
	"credentialProfiles": {"id": "http://data.europa.eu/snb/credential/e34929035b", "type": "Concept",
		"prefLabel": {"en": ["Generic", "General"]},
		"inScheme": {"id": "http://data.europa.eu/snb/credential/25831c2", "type": "ConceptScheme"}},
	"credentialSubject": {"id": "urn:epass:person:1", "type": "Person", "fullName": {"en": "Ana", "hr": "Ana"},
		"dateOfBirth": "2001-02-30T00:00:00Z",
		"identifier": {"type": "Note", "noteLiteral": {"en": "7"}},
		"hasClaim": [
			{"id": "urn:epass:learningActivity:1", "type": "LearningActivity", "title": "An activity", "levelOfCompletion": 101, "workload": "75 hours",
				"awardedBy": {"id": "urn:epass:awardingProcess:1", "type": "AwardingProcess", "awardingBody": "urn:epass:org:1"}},
			{"id": "urn:epass:claim:1", "type": "Claim", "title": {"en": "A claim"}, "awardedBy": {"id": "urn:epass:awardingProcess:1"}},
			{"title": {"en": "A thing"}, "awardedBy": {"id": "urn:epass:awardingProcess:1"},
				"dcType": {"type": "Note", "noteLiteral": "\u001b[1mHostile\u202e\n\"text, longer than eighty characters, which would take up more than one line of a page\""}}
		]},
	"displayParameter": {"id": "urn:epass:displayParameter:1", "type": "DisplayParameter", "title": {"en": "A"}}
}`

func TestViolationMessages(t *testing.T) {
	want := strings.TrimPrefix(`
The concept has 2 values for "pref label" in the language "en" and may have only one for each language.
	/credentialProfiles/prefLabel shape-unique-lang, wanted: 1 for each language, found: 2 in "en"
"credential schema" of the European digital credential must be a ShaclValidator2017, but it is http://data.europa.eu/snb/model/ap/edc-generic-full, of which the document does not say what it is.
	/credentialSchema shape-class, wanted: ShaclValidator2017, found: http://data.europa.eu/snb/model/ap/edc-generic-full
The person has 2 values for "full name" and may have only one, in one language.
	/credentialSubject/fullName shape-max-count, wanted: at most 1, found: 2
"level of completion" of the learning activity must be a number of at most 100, but it is "101".
	/credentialSubject/hasClaim/0/levelOfCompletion shape-max-inclusive, wanted: at most 100, found: "101"
"title" of the learning activity must be text with its language, such as {"en": "..."}, but it is "An activity".
	/credentialSubject/hasClaim/0/title shape-datatype, wanted: text with its language, such as {"en": "..."}, found: "An activity"
"workload" of the learning activity must be a duration, such as PT75H for 75 hours, but it is "75 hours".
	/credentialSubject/hasClaim/0/workload shape-datatype, wanted: a duration, such as PT75H for 75 hours, found: "75 hours"
"has claim" of the person is not as this profile wants it: it is not a learning achievement, a learning activity, a learning assessment, a learning entitlement or a typed claim, but of type Claim.
	/credentialSubject/hasClaim/1 shape-node, wanted: LearningAchievement, LearningActivity, LearningAssessment, LearningEntitlement or TypedClaim, found: Claim
"has claim" of the person is not as this profile wants it: it is not a learning achievement, a learning activity, a learning assessment, a learning entitlement or a typed claim, but something without a type.
	/credentialSubject/hasClaim/2 shape-node, wanted: LearningAchievement, LearningActivity, LearningAssessment, LearningEntitlement or TypedClaim, found: no type
"note literal" of the note must be text with its language, such as {"en": "..."}, but it is "\x1b[1mHostile\u202e\n\"text, longer than eighty characters, which would take up more th...".
	/credentialSubject/hasClaim/2/dcType/noteLiteral shape-datatype, wanted: text with its language, such as {"en": "..."}, found: "\x1b[1mHostile\u202e\n\"text, longer than eighty characters, which would take up more th..."
"identifier" of the person must be an identifier or a legal identifier, but it is of type Note, without an id.
	/credentialSubject/identifier shape-or, wanted: Identifier or LegalIdentifier, found: Note
The display parameter has no "language" and needs at least one.
	/displayParameter/language shape-min-count, wanted: at least 1, found: 0
The display parameter has no "primary language" and needs exactly one.
	/displayParameter/primaryLanguage shape-min-count, wanted: exactly 1, found: 0
The display parameter has no "individual display" and needs at least one.
	/displayParameter/individualDisplay shape-min-count, wanted: at least 1, found: 0
The display parameter has no "primary language" and needs exactly one.
	/displayParameter/primaryLanguage shape-min-count, wanted: exactly 1, found: 0
The display parameter has no "language" and needs at least one.
	/displayParameter/language shape-min-count, wanted: at least 1, found: 0
"issued" of the European digital credential must be a date with time and zone, such as 2026-06-15T00:00:00Z, but it is "2026-06-15".
	/issued/0 shape-datatype, wanted: a date with time and zone, such as 2026-06-15T00:00:00Z, found: "2026-06-15"
"issuer" of the European digital credential is not as this profile wants it: it has no "eIDAS identifier" and needs exactly one.
	/issuer shape-node, wanted: eIDASIdentifier: exactly 1, found: 0
"country code" of the address must be a thing with an id, but it is of type Concept, without an id.
	/issuer/location/address/countryCode shape-node-kind, wanted: an IRI, found: Concept
"country code" of the address is not as this profile wants it: it does not have http://publications.europa.eu/resource/authority/country for its "in scheme", but http://publications.europa.eu/resource/authority/language.
	/issuer/location/address/countryCode shape-node, wanted: inScheme: http://publications.europa.eu/resource/authority/country, found: http://publications.europa.eu/resource/authority/language
The European digital credential has 2 values for "valid from" and may have only one.
	/validFrom shape-max-count, wanted: exactly 1, found: 2
`, "\n")
	var got strings.Builder
	for _, v := range validate(t, parse(t, []byte(broken)), "generic-full") {
		fmt.Fprintf(&got, "%s\n\t%s %s, wanted: %s, found: %s\n", v.Message, v.Pointer, v.Rule, v.Expected, v.Found)
	}
	if diff := gocmp.Diff(strings.Split(want, "\n"), strings.Split(got.String(), "\n")); diff != "" {
		t.Errorf("messages (-want +got):\n%s", diff)
	}
}

// What Inspect refuses is refused; what is undefined is left out.
func TestValidateRefuses(t *testing.T) {
	for rule, doc := range map[string]string{
		"context-missing": `{}`,
		"relative-iri":    `{"@context": "https://www.w3.org/ns/credentials/v2", "id": "x"}`,
		"keyword":         `{"@context": "https://www.w3.org/ns/credentials/v2", "@graph": []}`,
	} {
		_, err := Default().Validate(strictjson.Of(parse(t, []byte(doc))), profile(t, "generic-full"))
		if p := problem(t, err); p == nil || p.Rule != rule {
			t.Errorf("%s: %v", rule, err)
		}
	}
	if found := validate(t, parse(t, []byte(`{"@context": "https://www.w3.org/ns/credentials/v2", "odd": {"type": "Person"}}`)), "generic-full"); found != nil {
		t.Errorf("%v", found)
	}
}

// A profile adds to the one it imports, and only what it adds.
func TestProfilesAdd(t *testing.T) {
	doc := parse(t, []byte(broken))
	all := map[string]int{}
	for name := range publishedShapes {
		all[name] = len(validate(t, doc, name))
	}
	const noCV, full = 16, 20 // of the 20, four tell of a language or a country once more
	want := map[string]int{
		"generic-no-cv":      noCV,
		"generic-full":       full,
		"accredited":         full + 1 + 1 + 3, // no evidence, three claims instead of one, none of them an achievement
		"converted":          full + 1,         // no evidence
		"issued-by-mandate":  full + 1,
		"diploma-supplement": full + 1 + 1 + 3 + 1, // and two full names once more
	}
	if diff := gocmp.Diff(want, all); diff != "" {
		t.Errorf("results (-want +got):\n%s", diff)
	}
}

// In documents of VCDM 2.0 what no such document can meet is told apart.
func TestUnmeetable(t *testing.T) {
	var got []string
	for _, v := range validate(t, credential2(t, `{}`), "generic-full") {
		if v.Unmeetable {
			got = append(got, v.Pointer+" "+v.Rule)
		}
	}
	if diff := gocmp.Diff([]string{"/issued shape-min-count", "/credentialStatus shape-datatype"}, got); diff != "" {
		t.Errorf("unmeetable (-want +got):\n%s", diff)
	}
	for _, v := range validate(t, credential1(t, `{"credentialStatus": {"id": "urn:x:1"}}`), "generic-full") {
		if v.Unmeetable {
			t.Errorf("in VCDM 1.1: %+v", v)
		}
	}
}

func FuzzValidate(f *testing.F) {
	f.Add([]byte(broken))
	f.Add([]byte(`{"@context": ["https://www.w3.org/ns/credentials/v2"], "type": "VerifiablePresentation", "verifiableCredential": [{"@context": ["https://www.w3.org/ns/credentials/v2"], "id": "urn:x:1", "type": "VerifiableCredential"}, "data:,x"]}`))
	f.Add([]byte(`{"@context": ["https://www.w3.org/2018/credentials/v1", "http://data.europa.eu/snb/model/context/edc-ap"], "type": "VerifiableCredential", "proof": [[{"type": "dc:x"}], "urn:p"], "hasClaim": [7, 0.5, null, true, {"id": "elm:x", "type": ["Claim", "elm:Person"], "title": {"EN": ["a", "a", null]}}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var doc map[string]any
		dec := json.NewDecoder(bytes.NewReader(data))
		dec.UseNumber()
		if dec.Decode(&doc) != nil {
			return
		}
		found, err := Default().Validate(strictjson.Of(doc), profile(t, "diploma-supplement"))
		_, inspectErr := Default().Inspect(strictjson.Of(doc))
		if (err == nil) != (inspectErr == nil) {
			t.Fatalf("%v, but Inspect: %v", err, inspectErr)
		}
		for _, v := range found {
			checkPointer(t, doc, v)
		}
	})
}
