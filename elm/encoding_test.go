package elm

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"indeks/contexts"
)

func encoded(t testing.TB, c *Credential, p Profile) string {
	t.Helper()
	raw, err := c.Encode(p)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func TestTheProfilesDifferAsDocumented(t *testing.T) {
	edc, vc2 := encoded(t, fixture(), EDC), encoded(t, fixture(), VC2)
	for _, test := range []struct {
		name, doc string
		has, not  []string
	}{
		{"edc", edc, []string{
			`{"@context":["https://www.w3.org/2018/credentials/v1","http://data.europa.eu/snb/model/context/edc-ap","https://www.w3.org/ns/credentials/status/v1"],"type":["VerifiableCredential","EuropeanDigitalCredential"],"credentialSchema":{"id":"http://data.europa.eu/snb/model/ap/edc-generic-full","type":"ShaclValidator2017"}`,
			`"issuanceDate":"2026-06-15T10:00:00Z","issued":"2026-06-15T10:00:00Z"`, `"expirationDate":"2031-06-15T10:00:00Z","validUntil":"2031-06-15T10:00:00Z"`,
			`"status":{"type":"BitstringStatusListEntry"`, `"description":`, `"dateOfBirth"`, `"nationalID"`, `mailto:`, `"citizenshipCountry"`, `"placeOfBirth"`,
			`"title":{"en":"Micro-credential"}`, `"issuer":{"id":"urn:epass:org:1","type":"Organisation"`,
		}, []string{`"credentialStatus"`, `"relatedResource"`, `"elmDescription"`, `did:web`}},
		{"vc2", vc2, []string{
			`{"@context":["https://www.w3.org/ns/credentials/v2","https://harbour.example/contexts/elm/v1"],"type":`,
			`"relatedResource":[{"id":"https://harbour.example/contexts/elm/v1","digestSRI":"` + contexts.ELMDigestSRI() + `","mediaType":"application/ld+json"}]`,
			`"credentialStatus":{"type":"BitstringStatusListEntry"`, `"elmDescription":`, `"issuer":{"id":"did:web:harbour.example","type":"Organisation"`,
			`"awardingBody":{"id":"did:web:harbour.example"`, `"limitOrganisation":{"id":"did:web:harbour.example"`, `"givenName":{"hr":"Ivka"}`, `"notation":"MC-2026-00007"`,
		}, []string{`"issuanceDate"`, `"issued"`, `"expirationDate"`, `"status":`, `"description"`, `"dateOfBirth"`, `"nationalID"`, `L-17`, `mailto:`, `"citizenshipCountry"`, `"placeOfBirth"`, `urn:epass:org:1`}},
	} {
		for _, s := range test.has {
			if !strings.Contains(test.doc, s) {
				t.Errorf("%s has no %s\n%s", test.name, s, test.doc)
			}
		}
		for _, s := range test.not {
			if strings.Contains(test.doc, s) {
				t.Errorf("%s has %s", test.name, s)
			}
		}
	}
	// What is one learner's comes last.
	for _, doc := range []string{edc, vc2} {
		claim, learner := strings.Index(doc, `"hasClaim":`), strings.Index(doc, `"givenName":`)
		if id := strings.Index(doc, `"id":"urn:credential:`); claim < 0 || learner < claim || id < learner || strings.Index(doc, `"identifier":`) < claim {
			t.Errorf("claim at %d, learner at %d, id at %d", claim, learner, id)
		}
	}
	if again := encoded(t, fixture(), EDC); again != edc {
		t.Error("equal content, other bytes")
	}
	built := fixture()
	encoded(t, built, VC2)
	if diff := cmp.Diff(fixture(), built, cmpopts.IgnoreUnexported(Credential{}), cmpopts.IgnoreFields(Credential{}, "Tree")); diff != "" {
		t.Errorf("encoding changed the credential: %s", diff)
	}
	if _, err := fixture().Encode(Other); err == nil {
		t.Error("profile other is written")
	}
	nameless := fixture()
	nameless.ELMContext = ""
	if _, err := nameless.Encode(VC2); err == nil {
		t.Error("vc2 is written without an ELM context")
	}
}

func TestEncodedProfilesHaveNoUndefinedTerms(t *testing.T) {
	for _, p := range []Profile{EDC, VC2} {
		c := parse(t, encoded(t, fixture(), p))
		if c.Profile != p {
			t.Errorf("profile %s is read as %s", p, c.Profile)
		}
		undefined, err := contexts.Default().Inspect(c.Tree)
		if err != nil || len(undefined) > 0 {
			t.Errorf("%s: %v, undefined %v", p, err, undefined)
		}
	}
}

// The unmodelled parts of a credential change their term for a description with
// the profile, too.
func TestDescriptionIsRenamedEverywhere(t *testing.T) {
	c := fixture()
	c.Issuer.Extra = Extra{"groupMemberOf": map[string]any{"id": "urn:epass:org:1", "description": map[string]any{"en": "A group"}}}
	vc2 := encoded(t, c, VC2)
	if !strings.Contains(vc2, `"groupMemberOf":{"elmDescription":{"en":"A group"},"id":"did:web:harbour.example"}`) {
		t.Error(vc2)
	}
	edc := encoded(t, parse(t, vc2), EDC)
	if !strings.Contains(edc, `"groupMemberOf":{"description":{"en":"A group"}`) || strings.Contains(edc, "elmDescription") {
		t.Error(edc)
	}
	if encoded(t, parse(t, vc2), VC2) != vc2 {
		t.Error("vc2 changes when it is read and written")
	}
}

func TestProfileIsDecidedByTheContexts(t *testing.T) {
	for list, want := range map[string]Profile{
		`["https://www.w3.org/2018/credentials/v1","http://data.europa.eu/snb/model/context/edc-ap"]`:                       EDC,
		`["https://www.w3.org/2018/credentials/v1","https://x.example/y","http://data.europa.eu/snb/model/context/edc-ap"]`: EDC,
		`["https://www.w3.org/ns/credentials/v2","https://x.example/contexts/elm/v1"]`:                                      VC2,
		`["https://www.w3.org/ns/credentials/v2","https://x.example/contexts/elm/v2"]`:                                      Other,
		`["https://www.w3.org/ns/credentials/v2","http://data.europa.eu/snb/model/context/edc-ap"]`:                         Other,
		`["https://www.w3.org/2018/credentials/v1"]`:                                                                        Other,
		`["http://data.europa.eu/snb/model/context/edc-ap","https://www.w3.org/2018/credentials/v1"]`:                       Other,
		`"https://www.w3.org/ns/credentials/v2"`:                                                                            Other,
		`[]`:                                                                                                                Other,
		`[{}]`:                                                                                                              Other,
	} {
		if c := parse(t, `{"@context":`+list+`}`); c.Profile != want {
			t.Errorf("%s: %s, want %s", list, c.Profile, want)
		}
	}
	for raw, rule := range map[string]string{
		`"x"`:                                    "vc-object",
		`[]`:                                     "vc-object",
		`{"Issuer":1}`:                           "json-case",
		`{"credential` + "\u017f" + `ubject":1}`: "json-case",
	} {
		_, err := Parse([]byte(raw))
		if f, ok := err.(*FormatError); !ok || f.Rule != rule {
			t.Errorf("%s: %v, want %s", raw, err, rule)
		}
	}
}

// drawn fills a value of the model with arbitrary content, down to a depth.
func drawn(t *rapid.T, v reflect.Value, depth int) {
	word := rapid.StringMatching(`[a-zA-Z"<é ]{1,6}`)
	switch {
	case v.Type() == textType:
		text := rapid.MapOfN(rapid.SampledFrom([]string{"en", "hr", "sr-Latn"}), rapid.SliceOfN(word, 1, 2), 1, 2).Draw(t, "text")
		if rapid.Bool().Draw(t, "without language") {
			text = map[string][]string{"": {"plain"}}
		}
		v.Set(reflect.ValueOf(TextOf(text)))
		return
	case v.Type() == extraType:
		extra := Extra{"xNumber": json.Number("1.50"), "xList": []any{"one"}, "xObject": map[string]any{"a": nil, "b": []any{}}}
		v.Set(reflect.ValueOf(extra))
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for _, field := range reflect.VisibleFields(v.Type()) {
			tag := field.Tag.Get("json")
			if field.Anonymous || tag == "-" || tag == "" || depth <= 0 || rapid.IntRange(0, 5).Draw(t, field.Name) > 0 {
				continue
			}
			drawn(t, v.FieldByIndex(field.Index), depth-1)
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		drawn(t, v.Elem(), depth)
	case reflect.Slice:
		n := rapid.IntRange(1, 2).Draw(t, "n")
		v.Set(reflect.MakeSlice(v.Type(), n, n))
		for i := range n {
			drawn(t, v.Index(i), depth)
		}
	case reflect.String:
		v.SetString(word.Draw(t, "s"))
	case reflect.Bool:
		v.SetBool(rapid.Bool().Draw(t, "b"))
	case reflect.Int:
		v.SetInt(rapid.Int64Range(1, 9).Draw(t, "i"))
	case reflect.Interface:
		v.Set(reflect.ValueOf("x"))
	}
}

// What is written is what is read, but for what the profiles are documented to
// leave out or to add.
func TestWhatIsWrittenIsRead(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := &Credential{}
		drawn(t, reflect.ValueOf(c).Elem(), 7)
		c.ELMContext = "https://issuer.example/contexts/elm/v1"
		c.CredentialStatus, c.Status = c.StatusEntries(), nil
		c.Type, c.CredentialSchema = ownTypes, ownSchema
		for _, p := range []Profile{EDC, VC2} {
			raw, err := c.Encode(p)
			if err != nil {
				t.Fatal(err)
			}
			got, err := Parse(raw)
			if err != nil {
				t.Fatal(err)
			}
			want := *c
			if err := want.turnInto(p); err != nil {
				t.Fatal(err)
			}
			want.Profile = p
			if p == VC2 {
				want.Subject = nil
				for _, person := range c.Subject {
					want.Subject = append(want.Subject, Person{
						Ref: person.Ref, FullName: person.FullName, GivenName: person.GivenName, FamilyName: person.FamilyName, HasClaim: person.HasClaim,
					})
				}
			}
			ignored := []string{"Raw", "Tree"}
			if p == EDC {
				ignored = append(ignored, "ELMContext")
			}
			if diff := cmp.Diff(&want, got, cmpopts.IgnoreFields(Credential{}, ignored...), cmpopts.IgnoreUnexported(Credential{}), cmpopts.EquateEmpty()); diff != "" {
				t.Fatalf("%s (-written +read):\n%s\n%s", p, diff, raw)
			}
			again, err := got.Encode(p)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(again, raw) {
				t.Fatalf("%s is not stable:\n%s\n%s", p, raw, again)
			}
		}
	})
}

func FuzzParse(f *testing.F) {
	// Short seeds: the fuzzer spends its time on making long ones shorter.
	for _, body := range []string{
		`"issuer":"did:web:x","credentialSubject":{"hasClaim":{"title":"x","point":5}}`,
		`"issuer":{"id":{}},"credentialSubject":[[]],"id":[""],"type":[]`,
		`"issuer":{"id":"did:web:x","legalName":{"en":["a","b"]}},"credentialSubject":{"givenName":"A","dateOfBirth":"1999-02-28T00:00:00Z","hasClaim":{"type":"LearningAchievement","specifiedBy":{"eqfLevel":{"id":"http://data.europa.eu/snb/eqf/4"},"volumeOfLearning":"PT5H","additionalNote":{"noteLiteral":{"en":"x"},"subject":{"id":"urn:indeks:reason:level:hours-only"}}}}},"validUntil":"2031-06-15T10:00:00Z","exp":1.5`,
		`"description":1,"elmDescription":{"en":[]},"displayParameter":{"description":"a","elmDescription":"b"}`,
		`"credentialSubject":{"fullName":{"":"x","@none":"y"},"hasClaim":[{"hasPart":{"provenBy":"urn:x"}}]},"status":{"id":"x"}`,
	} {
		for _, list := range []string{contexts.EDCAP, "https://x.example" + contexts.ELMPath} {
			base := contexts.VC2
			if list == contexts.EDCAP {
				base = contexts.VC1
			}
			f.Add(fmt.Appendf(nil, `{"@context":[%q,%q],%s}`, base, list, body))
		}
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		c, err := Parse(raw)
		if err != nil {
			return
		}
		// Where reading met nothing odd, looking at every member finds nothing more.
		thorough := *c
		thorough.odd = true
		if got, want := fmt.Sprint(c.Validate()), fmt.Sprint(thorough.Validate()); got != want {
			t.Fatalf("%s\nand when every member is looked at\n%s", got, want)
		}
		for _, lang := range Languages() {
			Supplement(c, lang)
		}
		for _, p := range []Profile{EDC, VC2} {
			first, err := c.Encode(p)
			if err != nil {
				continue
			}
			read, err := Parse(first)
			if err != nil {
				continue // over a limit, or a name that the other profile knows
			}
			if read.Profile != p {
				t.Fatalf("%s is read as %s: %s", p, read.Profile, first)
			}
			second, err := read.Encode(p)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(first, second) {
				t.Fatalf("not stable:\n%s\n%s", first, second)
			}
		}
	})
}

func BenchmarkEncode(b *testing.B) {
	c := fixture()
	for _, p := range []Profile{EDC, VC2} {
		b.Run(string(p), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := c.Encode(p); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkValidate(b *testing.B) {
	for _, p := range []Profile{EDC, VC2} {
		c := parse(b, encoded(b, fixture(), p))
		b.Run(string(p), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := c.Validate(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
