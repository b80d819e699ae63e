package verifier

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"indeks/elm"
	"indeks/internal/processor"
)

// hostile are documents that are well-formed, sealed by an issuer that is
// trusted, and as large as may be: each has very many of something. What made
// work in step with the square of their size took seconds to minutes.
var hostile = map[string]func(claim map[string]any){
	"claims":            many("hasPart", 9000, part),
	"assessments":       many("provenBy", 4800, assessment),
	"entitlements":      many("entitlesTo", 9000, thing("LearningEntitlement", "title")),
	"notes":             many("additionalNote", 9000, thing("Note", "noteLiteral")),
	"notes on a topic":  many("additionalNote", 5500, note("urn:indeks:national:sector")),
	"outcomes":          inside("specifiedBy", many("learningOutcome", 9000, thing("LearningOutcome", "title"))),
	"skills":            inside("specifiedBy", many("learningOutcome", 1, func(int) map[string]any { return skilled(9000) })),
	"concepts":          inside("specifiedBy", many("thematicArea", 9000, anyConcept)),
	"languages":         inside("specifiedBy", many("language", 9000, anyConcept)),
	"points":            inside("specifiedBy", many("creditPoint", 5000, points)),
	"home pages":        inside("specifiedBy", many("homepage", 11000, page)),
	"documents":         inside("specifiedBy", many("supplementaryDocument", 11000, page)),
	"awarding bodies":   inside("awardedBy", many("awardingBody", 9000, thing("Organisation", "legalName"))),
	"accreditations":    inside("specifiedBy", many("accreditation", 4900, accreditation)),
	"identifiers":       inside("awardedBy", many("awardingBody", 1, func(int) map[string]any { return identified(9000) })),
	"tags of a text":    func(c map[string]any) { c["title"] = tags(20_000) },
	"values of a text":  func(c map[string]any) { c["title"] = map[string]any{"en": words(45_000)} },
	"unknown members":   func(c map[string]any) { unknown(c, 45_000) },
	"types":             func(c map[string]any) { c["type"] = words(45_000) },
	"strings as claims": func(c map[string]any) { c["hasPart"] = words(45_000) },
	"a long title":      func(c map[string]any) { c["title"] = text(strings.Repeat("long ", 280_000)) },
	"invisible text":    func(c map[string]any) { c["title"] = text(strings.Repeat("\u202e", 450_000)) },
	"a long duration":   inside("specifiedBy", func(s map[string]any) { s["volumeOfLearning"] = "P" + strings.Repeat("1", 1_400_000) + "D" }),
	"a long date": inside("awardedBy", func(a map[string]any) {
		a["awardingDate"] = "2026-01-01T00:00:00." + strings.Repeat("1", 1_400_000) + "Z"
	}),
	"acts and pages": func(c map[string]any) {
		many("additionalNote", 3500, note("http://data.europa.eu/snb/qualification-topics#regulations-and-certificates"))(c)
		inside("specifiedBy", many("supplementaryDocument", 3500, page))(c)
	},
	"parts that differ": many("hasPart", 2700, func(i int) map[string]any {
		p := part(i)
		p["specifiedBy"] = map[string]any{"id": id("s", i), "type": "Qualification", "title": text(i), "learningOutcome": thing("LearningOutcome", "title")(i)}
		return p
	}),
	"parts of parts": func(c map[string]any) {
		for k := range 300 {
			deep := part(k)
			for i := range 25 {
				outer := part(1000*(i+1) + k)
				outer["hasPart"], deep = deep, outer
			}
			list, _ := c["hasPart"].([]any)
			c["hasPart"] = append(list, deep)
		}
	},
	"grades and schemes": func(c map[string]any) {
		many("provenBy", 2400, assessment)(c)
		inside("specifiedBy", many("provenBy", 600, func(i int) map[string]any {
			return map[string]any{"id": id("ps", i), "type": "LearningAssessmentSpecification", "title": text(i),
				"gradingScheme": map[string]any{"id": id("gs", i), "type": "GradingScheme", "title": text(strings.Repeat("word ", 150) + fmt.Sprint(i))}}
		}))(c)
	},
	"a long title on many": func(c map[string]any) {
		p := part(0)
		p["title"] = text(strings.Repeat("long ", 150_000))
		many("provenBy", 4000, assessment)(p)
		c["hasPart"] = p
	},
}

func id(kind string, i int) string { return fmt.Sprint("urn:", kind, ":", i) }

func text(v any) map[string]any { return map[string]any{"en": fmt.Sprint(v)} }

func words(n int) []any {
	list := make([]any, n)
	for i := range list {
		list[i] = fmt.Sprint("w", i)
	}
	return list
}

func tags(n int) map[string]any {
	t := map[string]any{}
	for i := range n {
		t[fmt.Sprint("en-x-", i)] = "t"
	}
	return t
}

func unknown(c map[string]any, n int) {
	for i := range n {
		c[fmt.Sprint("unknown", i)] = i
	}
}

// many sets a member to n objects.
func many(member string, n int, one func(int) map[string]any) func(map[string]any) {
	return func(c map[string]any) {
		list := make([]any, n)
		for i := range list {
			list[i] = one(i)
		}
		c[member] = list
	}
}

// inside changes what a member of the claim holds.
func inside(member string, change func(map[string]any)) func(map[string]any) {
	return func(c map[string]any) { change(c[member].(map[string]any)) }
}

// thing makes objects of a type with an own id and text.
func thing(kind, member string) func(int) map[string]any {
	return func(i int) map[string]any { return map[string]any{"id": id(kind, i), "type": kind, member: text(i)} }
}

var part = thing("LearningAchievement", "title")

func assessment(i int) map[string]any {
	a := thing("LearningAssessment", "title")(i)
	a["grade"] = thing("Note", "noteLiteral")(i)
	return a
}

func note(about string) func(int) map[string]any {
	return func(i int) map[string]any {
		n := thing("Note", "noteLiteral")(i)
		n["subject"] = map[string]any{"id": about, "type": "Concept"}
		return n
	}
}

func anyConcept(i int) map[string]any { return thing("Concept", "prefLabel")(i) }

func skilled(n int) map[string]any {
	o := thing("LearningOutcome", "title")(0)
	many("relatedSkill", n, anyConcept)(o)
	return o
}

func identified(n int) map[string]any {
	o := thing("Organisation", "legalName")(0)
	many("identifier", n, func(i int) map[string]any {
		return map[string]any{"id": id("i", i), "type": "Identifier", "notation": fmt.Sprint(i)}
	})(o)
	return o
}

func points(i int) map[string]any {
	return map[string]any{"id": id("cp", i), "type": "CreditPoint", "point": fmt.Sprint(i), "framework": anyConcept(i)}
}

func page(i int) map[string]any {
	return map[string]any{"id": id("w", i), "type": "WebResource", "contentURL": fmt.Sprint("https://pages.example/", i)}
}

func accreditation(i int) map[string]any {
	a := thing("Accreditation", "title")(i)
	a["accreditingAgent"] = thing("Organisation", "legalName")(i)
	return a
}

// Time is in step with the size of a document, whatever it has many of. Each
// takes a fifth of a second or less on a machine with nothing else to do.
func TestHostileDocumentsTakeLittleTime(t *testing.T) {
	uni := newIssuer(t, "uni.example")
	ref := func(id, kind string) elm.Ref { return elm.Ref{ID: id, Type: elm.List[string]{kind}} }
	cred := elm.Credential{
		ID: "urn:uuid:6a1f0c3e-52a4-4f5e-9d0b-0d8a6e1b7c11", Type: elm.List[string]{"VerifiableCredential"},
		ELMContext: "https://uni.example/contexts/elm/v1", ValidFrom: "2026-06-15T10:00:00Z",
		Issuer: elm.Organisation{Ref: ref("urn:epass:org:1", "Organisation"), DID: uni.did, LegalName: elm.TextOf(map[string][]string{"en": {"University of Hostility"}})},
		Subject: elm.List[elm.Person]{{Ref: ref("urn:epass:person:1", "Person"), FullName: elm.TextOf(map[string][]string{"en": {"Ana"}}), HasClaim: elm.List[elm.Claim]{{
			Ref: ref("urn:epass:claim:1", "LearningAchievement"), Title: elm.TextOf(map[string][]string{"en": {"A course"}}),
			AwardedBy:   &elm.AwardingProcess{Ref: ref("urn:epass:award:1", "AwardingProcess"), AwardingDate: "2026-06-15T00:00:00Z"},
			SpecifiedBy: &elm.Specification{Ref: ref("urn:epass:spec:1", "Qualification"), Title: elm.TextOf(map[string][]string{"en": {"A course"}})},
		}}}},
	}
	base, err := cred.Encode(elm.VC2)
	if err != nil {
		t.Fatal(err)
	}
	v := newVerifier(t, Config{Trust: trusting(uni.entry())})
	for name, change := range hostile {
		var doc map[string]any
		if err := json.Unmarshal(base, &doc); err != nil {
			t.Fatal(err)
		}
		claim := doc["credentialSubject"].(map[string]any)["hasClaim"].(map[string]any)
		change(claim)
		token := uni.seal(t, doc)
		start := processor.Time()
		r := v.Verify(t.Context(), token)
		for _, lang := range elm.Languages() {
			r.Wire(lang)
		}
		Stack([]*Report{r, r}, true)
		took := processor.Time() - start
		t.Logf("%-20s %7d bytes, %v, %s %s", name, len(token), took.Round(time.Millisecond), r.State, r.Reason)
		if took > 4*time.Second {
			t.Errorf("%s: %v", name, took)
		}
		if r.Reason == "too_large" {
			t.Errorf("%s: not even looked at: %+v", name, r.checks(CheckFormat))
		}
	}
}
