package issuer

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"indeks/elm"
	"indeks/internal/reference"
	"indeks/status"
	"indeks/store"
)

// built is the credential of a draft, as it is read back.
func built(t testing.TB, d Draft, p elm.Profile) *elm.Credential {
	t.Helper()
	d.normalise()
	inst := institution(t)
	cred, err := inst.credential(&d, drawn{
		ID: "urn:credential:0d4f8a1e-5b7c-4c2e-9a57-3f1f6f0a9b11", Public: "SV" + strings.Repeat("7", 24), Number: "MC-2026-00007", At: noon,
		Entries: []store.Entry{{List: "r1", Index: 5, Purpose: status.Revocation}, {List: "s1", Index: 5, Purpose: status.Suspension}},
	})
	if err != nil {
		t.Fatal(err)
	}
	raw, err := cred.Encode(p)
	if err != nil {
		t.Fatal(err)
	}
	read, err := elm.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	if err := read.Validate(); err != nil {
		t.Fatal(err)
	}
	return read
}

func achievement(c *elm.Credential) elm.Claim { return c.Subject[0].HasClaim[0] }

// note finds the text of a coded note, in English if there is one.
func note(notes elm.List[elm.Note], subject string) string {
	for _, n := range notes {
		if len(n.Subject) == 1 && n.Subject[0].ID == subject {
			if en := n.NoteLiteral.Get("en"); len(en) > 0 {
				return en[0]
			}
			for _, text := range n.NoteLiteral {
				return text.Values[0]
			}
		}
	}
	return ""
}

func TestPriorLearningIsAFactOfTheAward(t *testing.T) {
	d := draft(t)
	d.RPL, d.RPLOutcomes, d.RPLEvidence = "part", []string{"1", "3"}, "Portfolio"
	a := achievement(built(t, d, elm.EDC))
	one, three := d.Course.Outcomes[0].Title["en"], d.Course.Outcomes[2].Title["en"]
	want := "Part of the award rests on prior learning. Outcomes: " + one + "; " + three + ". Evidence: Portfolio"
	if got := note(a.AwardedBy.AdditionalNote, elm.TopicPriorLearning+":part"); got != want {
		t.Errorf("note %q, want %q", got, want)
	}
	if got := a.AwardedBy.Description.Get("en"); len(got) != 1 || got[0] != want {
		t.Errorf("description %q", got)
	}
	if len(a.InfluencedBy) == 0 {
		t.Error("no activities though only a part rests on prior learning")
	}
	d.RPL, d.RPLOutcomes = "whole", nil
	if a := achievement(built(t, d, elm.EDC)); len(a.InfluencedBy) != 0 {
		t.Error("activities are claimed for a learner who took part in none")
	}
	d.RPL, d.RPLEvidence = "none", ""
	if a := achievement(built(t, d, elm.EDC)); a.AwardedBy.Description != nil || note(a.AwardedBy.AdditionalNote, elm.TopicPriorLearning+":none") == "" {
		t.Error("that nothing rests on prior learning is not said")
	}
}

func TestNoGradeIsInvented(t *testing.T) {
	d := draft(t)
	d.Grade = ""
	a := achievement(built(t, d, elm.EDC))
	if len(a.ProvenBy) != 0 {
		t.Error("an assessment with a grade, but the list has none")
	}
	specs := a.SpecifiedBy.ProvenBy
	if len(specs) != 1 || len(specs[0].DCType) != 1 || note(specs[0].AdditionalNote, supervisions["supervised-id"]) == "" {
		t.Errorf("type or supervision of the assessment is missing: %+v", specs)
	}
	d.Grade = "9 (nine)"
	a = achievement(built(t, d, elm.EDC))
	if len(a.ProvenBy) != 1 || a.ProvenBy[0].Grade == nil || a.ProvenBy[0].IDVerification.ID != supervisions["supervised-id"] {
		t.Errorf("graded: %+v", a.ProvenBy)
	}
	d.IDVerification = "unsupervised"
	if a := achievement(built(t, d, elm.EDC)); a.ProvenBy[0].IDVerification.ID != supervisions["unsupervised"] {
		t.Error("the learner's own supervision is not stated")
	}
	// Two assessments, one grade: it is nobody's but that of both together.
	d = draft(t)
	d.Course, d.Language = course(t, 1), "hr"
	a = achievement(built(t, d, elm.EDC))
	if len(a.ProvenBy) != 1 || a.ProvenBy[0].SpecifiedBy != nil || len(a.SpecifiedBy.ProvenBy) != 2 {
		t.Errorf("%d graded, %d specified; want 1 and 2", len(a.ProvenBy), len(a.SpecifiedBy.ProvenBy))
	}
}

func TestCourseWordsDecideTheLanguagesOfANote(t *testing.T) {
	d := draft(t)
	d.Course, d.Language = course(t, 1), "hr" // in English and Croatian, by an institution in Serbia
	s := achievement(built(t, d, elm.EDC)).SpecifiedBy
	for _, n := range s.AdditionalNote {
		for _, text := range n.NoteLiteral {
			if tag := text.Tag; tag != "en" && tag != "hr" && strings.HasPrefix(n.Subject[0].ID, elm.TopicQAProcedure+":internal") {
				t.Errorf("half a text in %s: %v", text.Tag, n.NoteLiteral)
			}
		}
	}
	b := &document{course: d.Course, count: map[string]int{}, tongue: tongue{"hr", "en", "it"}}
	for name, c := range map[string]struct {
		free []Words
		want map[string]string
	}{
		"none":      {nil, map[string]string{"en": "Stand-alone", "hr": "Samostalna isprava"}},
		"one":       {[]Words{{"en": "A."}}, map[string]string{"en": "Stand-alone: A."}},
		"two":       {[]Words{{"en": "A.", "hr": "B"}, {"en": "C"}}, map[string]string{"en": "Stand-alone: A. C"}},
		"no common": {[]Words{{"it": "A"}, {"en": "C"}}, map[string]string{"it": "A. C"}},
	} {
		got := map[string]string{}
		for _, text := range b.fact(elm.TopicStackability, "stand-alone", c.free...).NoteLiteral {
			got[text.Tag] = text.Values[0]
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestLevelOverrideIsKeptWithItsReason(t *testing.T) {
	d := draft(t)
	d.LevelOverride, d.OverrideReason = 6, "Senate decision 4/2026"
	s := achievement(built(t, d, elm.EDC)).SpecifiedBy
	if s.EQFLevel.ID != eqfLevels+"6" || len(s.NQFLevel) != 0 || len(s.EducationLevel) != 0 {
		t.Errorf("level %s, national %v, cycle %v", s.EQFLevel.ID, s.NQFLevel, s.EducationLevel)
	}
	if got := note(s.AdditionalNote, elm.TopicLevelMethod+":override"); !strings.Contains(got, "Senate decision 4/2026") {
		t.Errorf("reason %q", got)
	}
	if got := note(s.AdditionalNote, elm.TopicNotADegree+":stated"); !strings.HasPrefix(got, "Level 6 describes") {
		t.Errorf("not a degree: %q", got)
	}
}

func TestWhoAnswers(t *testing.T) {
	d := draft(t)
	a := achievement(built(t, d, elm.EDC))
	if got := note(a.AwardedBy.AdditionalNote, elm.TopicSignatory+":stated"); got != institution(t).Signatory.Name+", "+institution(t).Signatory.Office {
		t.Errorf("signatory %q", got)
	}
	c := *course(t, 1)
	c.Signatory = nil
	d.Course, d.Language = &c, "hr"
	cred := built(t, d, elm.EDC)
	a = achievement(cred)
	if got := note(a.AwardedBy.AdditionalNote, elm.TopicSignatory+":stated"); got != "" {
		t.Errorf("%q signs in the name of another awarding body", got)
	}
	if a.AwardedBy.AwardingBody[0].ID == cred.Issuer.ID {
		t.Error("awarding body and issuer are one")
	}
	if note(a.AwardedBy.AdditionalNote, elm.TopicProvider+":alternative") == "" {
		t.Error("that the provider is an alternative one is not said")
	}
}

func TestNamesStandUnderALanguageOfTheirScript(t *testing.T) {
	for name, want := range map[string]string{"Љиљана": "sr-Cyrl", "Željka": "sr-Latn"} {
		d := draft(t)
		d.GivenName, d.FamilyName = name, name
		p := built(t, d, elm.EDC).Subject[0]
		if p.FullName.Get(want) == nil || len(p.FullName) != 1 {
			t.Errorf("%s: %v, want it in %s alone", name, p.FullName, want)
		}
	}
}

func TestQRFormHasNoPrivateFacts(t *testing.T) {
	raw := string(built(t, draft(t), elm.VC2).Raw)
	for _, secret := range []string{"1999-12-31", "2021/0123", "djordje@students.example"} {
		if strings.Contains(raw, secret) {
			t.Errorf("the form that a printed code reaches holds %q", secret)
		}
	}
	if edc := string(built(t, draft(t), elm.EDC).Raw); strings.Contains(edc, "djordje@students.example") {
		t.Error("the e-mail address is in the credential")
	}
}

// ebsiContradictions are the places where the schema "Europass EDC for VCDM 2.0"
// demands what VCDM 2.0, Bitstring Status List, BCP 47 or ELM's own contexts do
// not allow us to write, each with the change of our document that it asks for.
var ebsiContradictions = []struct {
	why    string
	change func(map[string]any)
}{
	{"description is protected in the VCDM 2.0 context, so our ELM context names dc:description elmDescription", func(o map[string]any) {
		if d, ok := o["elmDescription"]; ok {
			o["description"] = d
			delete(o, "elmDescription")
		}
	}},
	{"VerifiableAttestation is a type of EBSI that neither context defines: an undefined type makes a credential invalid", func(o map[string]any) {
		if types, ok := o["type"].([]any); ok && slices.Contains(types, any("EuropeanDigitalCredential")) {
			o["type"] = append(types, "VerifiableAttestation")
		}
	}},
	{"issued is no term of VCDM 2.0, which has validFrom", func(o map[string]any) {
		if from, ok := o["validFrom"]; ok {
			o["issued"] = from
		}
	}},
	{"the pattern of language tags knows two letters only, and Serbian has two scripts (BCP 47)", func(o map[string]any) {
		if latin, ok := o["sr-Latn"]; ok {
			o["sr"] = latin
		}
		delete(o, "sr-Latn")
		delete(o, "sr-Cyrl")
	}},
	{"only two status types are known, without the members of BitstringStatusListEntry", func(o map[string]any) {
		if entries, ok := o["credentialStatus"].([]any); ok {
			for i := range entries {
				entries[i] = map[string]any{"id": entries[i].(map[string]any)["id"], "type": "CredentialStatus"}
			}
		}
	}},
}

// TestEBSISchema validates what we issue as vc2 against that schema: nothing
// but the contradictions stands between the two, and each of them does.
func TestEBSISchema(t *testing.T) {
	dir := reference.Path(t, "reference", "ebsi-elm32")
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	for url, name := range map[string]string{
		"https://schema.example/edc.json":                               "vcdm2.0-europass-edc.schema.json",
		"https://schema.example/vcdm2.0-attestation-schema/schema.json": "vcdm2.0-attestation.schema.json",
	} {
		raw, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
		if err != nil {
			t.Fatal(err)
		}
		delete(doc.(map[string]any), "$id") // a path on its author's machine
		if err := c.AddResource(url, doc); err != nil {
			t.Fatal(err)
		}
	}
	schema, err := c.Compile("https://schema.example/edc.json")
	if err != nil {
		t.Fatal(err)
	}
	whole := draft(t)
	vocational := draft(t)
	vocational.Course, vocational.Language, vocational.Grade = course(t, 1), "hr", ""
	for _, d := range []Draft{whole, vocational} {
		raw := built(t, d, elm.VC2).Raw
		validate := func(without int) error {
			doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
			if err != nil {
				t.Fatal(err)
			}
			for n, c := range ebsiContradictions {
				if n != without {
					everywhere(doc, c.change)
				}
			}
			return schema.Validate(doc)
		}
		if err := validate(-1); err != nil {
			t.Errorf("%s: besides the contradictions: %v", d.Course.ID, err)
		}
		for n, c := range ebsiContradictions {
			if d.Course.ID == whole.Course.ID && validate(n) == nil {
				t.Errorf("no contradiction any more: %s", c.why)
			}
		}
	}
}

// everywhere applies a change to every object of a document.
func everywhere(node any, change func(map[string]any)) {
	switch node := node.(type) {
	case map[string]any:
		change(node)
		for _, member := range node {
			everywhere(member, change)
		}
	case []any:
		for _, item := range node {
			everywhere(item, change)
		}
	}
}
