package contexts

import (
	"fmt"
	"strings"
	"testing"
)

// What is well-formed is what two other engines agree on; where only one of
// them objects, it is what XML Schema says.
func TestWellFormed(t *testing.T) {
	for name, forms := range map[string]struct{ good, bad []string }{
		"dateTime": {
			[]string{"2026-06-15T00:00:00Z", "2026-06-15T00:00:00", "2026-06-15T23:59:59.5+14:00", "2026-06-15T24:00:00Z", "-0001-01-01T00:00:00Z",
				"12026-06-15T00:00:00Z", "2026-02-31T00:00:00Z"},
			[]string{"", "2026-06-15", "2026-06-15 00:00:00Z", "2026-06-15T00:00:00z", "2026-06-15T00:00Z", "2026-06-15T00:00:00.Z", "2026-06-15T00:00:00+0200",
				"02026-06-15T00:00:00Z", "2026-06-15T00:00:00Z\n", "2026-13-01T00:00:00Z", "2026-06-32T00:00:00Z", "2026-06-15T25:00:00Z", "2026-06-15T24:00:01Z",
				"2026-06-15T00:00:60Z", "2026-06-15T00:00:00+15:00"},
		},
		"duration": {
			[]string{"PT75H", "P14D", "-P1D", "P1Y2M3DT4H5M6.7S", "PT1.5S", "P1Y2D"},
			[]string{"", "P", "PT", "-P", "P1YT", "P1W", "75 hours", "PT.5S", "PT1.5H", "P1M1Y", "+P1D", "pt1h"},
		},
		"integer":         {[]string{"0", "-0", "+5", "007", "99999999999999999999"}, []string{"", "1.", "1e3", " 5", "--5", "+-1", "١"}},
		"positiveInteger": {[]string{"1", "+5", "007"}, []string{"", "0", "00", "-1", "1.0", "3.5E0"}},
		"decimal":         {[]string{"1", "-1.5", "+.5", "1."}, []string{"", ".", "1e3", "3.5E0", "--5", "+-1", "INF"}},
		"boolean":         {[]string{"true", "false", "1", "0"}, []string{"", "TRUE", "yes"}},
		"string":          {[]string{"", "a\x01b", "日本 😀"}, []string{"\uFFFE", "a\uFFFFb"}},
		"anyURI":          {[]string{"", "not an address"}, []string{"\uFFFF"}},
		"text":            {[]string{"", "\uFFFF"}, nil},
		"html":            {[]string{"", "<p>"}, nil},
	} {
		iri := datatypes[name].iri
		for _, form := range forms.good {
			if !(value{-1, form, iri, ""}).hasDatatype(iri) {
				t.Errorf("%s: %q is refused", name, form)
			}
		}
		for _, form := range forms.bad {
			if (value{-1, form, iri, ""}).hasDatatype(iri) {
				t.Errorf("%s: %q is accepted", name, form)
			}
		}
		if (value{-1, "1", "urn:x:other", ""}).hasDatatype(iri) || (value{node: 0}).hasDatatype(iri) {
			t.Errorf("%s: another datatype, or a node, is accepted", name)
		}
	}
}

func TestAtMost(t *testing.T) {
	const number = xsd + "positiveInteger"
	for text, want := range map[string]bool{
		"100": true, "0100": true, "+7": true, "-101": true, "-0": true, " 5": true, "50abc": true, "3.5E0": true,
		"101": false, "99999999999999999999": false, "": false, "abc": false, "+-1": false, "--5": false, "true": false,
	} {
		if got := atMost(value{-1, text, number, ""}, "100"); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
	for _, x := range []value{{-1, "1", xsdString, ""}, {-1, "1", xsdBoolean, ""}, {-1, "1", rdfLangString, "en"}, {node: 0}} {
		if atMost(x, "100") {
			t.Errorf("%v can be compared", x)
		}
	}
}

func TestCanonicalDouble(t *testing.T) {
	for f, want := range map[float64]string{0.1: "1.0E-1", 2.5: "2.5E0", -1500.25: "-1.50025E3", 1e21: "1.0E21", 1e-7: "1.0E-7", 123456789.125: "1.23456789125E8"} {
		if got := canonicalDouble(f); got != want {
			t.Errorf("%v: %s", f, got)
		}
	}
}

// No document makes the shapes take long or the results take much memory.
func TestValidateHostile(t *testing.T) {
	var types []any
	for _, name := range compiledShapes().names {
		types = append(types, name)
	}
	everything := func(id string) map[string]any {
		return map[string]any{"id": id, "type": types}
	}
	many := func(n int, item func(i int) any) []any {
		list := make([]any, n)
		for i := range list {
			list[i] = item(i)
		}
		return list
	}
	for name, subject := range map[string]any{
		"many of every class": many(maxMembers/(len(types)+4), func(i int) any { return everything(fmt.Sprint("urn:x:", i)) }),
		"one with many values": func() any {
			one := everything("urn:x:1")
			one["hasPart"] = many(maxMembers/2, func(i int) any { return fmt.Sprint("urn:y:", i) })
			one["fullName"] = many(maxMembers/4, func(i int) any { return strings.Repeat("x", i%7) })
			return one
		}(),
		"many that refer to one": many(maxMembers/8, func(i int) any {
			return map[string]any{"id": fmt.Sprint("urn:x:", i), "type": []any{"Person", "AwardingProcess"}, "hasClaim": everything("urn:one")["id"], "awards": "urn:one"}
		}),
	} {
		doc := map[string]any{"@context": []any{VC1, EDCAP}, "type": "VerifiableCredential", "credentialSubject": subject}
		found := validate(t, doc, "diploma-supplement")
		if len(found) == 0 || len(found) > maxViolations {
			t.Errorf("%s: %d results", name, len(found))
		}
	}
}
