package contexts

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

// publishedLists are the reference vocabularies by list.
var publishedLists = map[string]string{
	"eqf":                  "eqf",
	"nqf":                  "nqf",
	"credit":               "credit-points",
	"assessment":           "europass-learning-assessment-types",
	"mode":                 "europass-modes",
	"supervision":          "supervision-verification",
	"accreditation":        "europass-accreditation-types",
	"learning-activity":    "europass-learning-activity-types",
	"learning-opportunity": "europass-learning-opportunity-types",
	"learning-setting":     "europass-learning-setting-types",
	"skill-type":           "skill-types",
	"skill-reuse":          "skill-reuse-levels",
	"entitlement":          "europass-learning-entitlement-types",
	"entitlement-status":   "europass-learning-entitlement-statuses",
	"isced-f":              "isced-f",
	"country":              "country",
	"region":               "nuts",
	"language":             "language",
	"credential-type":      "europass-credential-types",
	"file-type":            "file-type",
	"encoding":             "europass-content-encoding-types",
}

// selections are the lists that leave concepts of the vocabulary out.
var selections = []string{"nqf", "language", "file-type", "country", "region"}

func own(c Concept) bool { return strings.HasPrefix(c.ID, "urn:indeks:") }

func TestConceptsEqualPublication(t *testing.T) {
	// Members that the vocabularies of 2023 lack, and lists of which only the
	// members' roles are known.
	var seen, partial struct {
		Schemes []struct {
			Scheme   string
			Concepts []struct {
				ID, Role  string
				PrefLabel map[string]any
			}
		}
	}
	decode(t, "reference/vocabularies/json/_concepts-seen-in-samples.json", &seen)
	decode(t, "reference/vocabularies/json/_partial-from-edci-software.json", &partial)
	also := map[string][2]string{} // id to scheme and label
	for _, s := range seen.Schemes {
		for _, c := range s.Concepts {
			label, _ := c.PrefLabel["en"].(string)
			also[c.ID] = [2]string{s.Scheme, label}
		}
	}
	roles := map[string][2]string{}
	for _, s := range partial.Schemes {
		for _, c := range s.Concepts {
			roles[c.ID] = [2]string{s.Scheme, c.Role}
		}
	}

	for _, name := range Lists() {
		t.Run(name, func(t *testing.T) {
			file, ok := publishedLists[name]
			if !ok {
				for _, c := range List(name) {
					want, known := roles[c.ID]
					switch {
					case own(c) || name == "note-topic":
					case !known:
						t.Errorf("%s is in no reference", c.ID)
					case c.Scheme != want[0] || strings.ToLower(c.Label["en"]) != want[1]:
						t.Errorf("%s is %q of %s, want %q of %s", c.ID, c.Label["en"], c.Scheme, want[1], want[0])
					}
				}
				return
			}
			var vocabulary struct {
				Scheme   string
				Concepts []struct{ ID, Label string }
			}
			decode(t, "reference/vocabularies/json/"+file+".json", &vocabulary)
			labels := map[string]string{}
			for _, c := range vocabulary.Concepts {
				labels[c.ID] = c.Label
			}
			restated := 0
			for _, c := range List(name) {
				if own(c) {
					continue
				}
				label, known := labels[c.ID]
				scheme := vocabulary.Scheme
				if !known {
					scheme, label = also[c.ID][0], also[c.ID][1]
				} else {
					restated++
				}
				published := c.Label["en"]
				if name == "region" {
					published = c.Label["hr"] // published in the language of the country
					if strings.Contains(c.ID, "/RS") {
						published = c.Label["sr-Cyrl"]
					}
				}
				if c.Scheme != scheme || published != label {
					t.Errorf("%s is %q of %s, want %q of %s", c.ID, c.Label["en"], c.Scheme, label, scheme)
				}
			}
			if !slices.Contains(selections, name) && restated != len(labels) {
				t.Errorf("%d of %d concepts restated", restated, len(labels))
			}
		})
	}
}

func decode(t *testing.T, name string, v any) {
	t.Helper()
	if err := json.Unmarshal(readShared(t, name), v); err != nil {
		t.Fatal(err)
	}
}

// Everything that people see in a supplement can be shown in four languages,
// and Lookup finds whatever List shows.
func TestConceptLabels(t *testing.T) {
	shown := []string{"eqf", "credit", "assessment", "mode", "supervision", "accreditation", "learning-opportunity",
		"learning-setting", "skill-type", "skill-reuse", "credential-type", "qf-ehea", "note-topic", "entitlement", "region", "language"}
	latin := func(r rune) bool { return r < 0x250 }
	for _, name := range Lists() {
		members := List(name)
		if len(members) == 0 {
			t.Errorf("%s is empty", name)
		}
		ids := map[string]bool{}
		for _, c := range members {
			if ids[c.ID] {
				t.Errorf("%s: %s stands twice", name, c.ID)
			}
			ids[c.ID] = true
			if !absoluteIRI(c.ID) || !absoluteIRI(c.Scheme) {
				t.Errorf("%s: %q in %q", name, c.ID, c.Scheme)
			}
			if found, ok := Lookup(c.ID); !ok || found.Label["en"] != c.Label["en"] {
				t.Errorf("Lookup(%s) = %v, %v", c.ID, found, ok)
			}
			if c.Label["en"] == "" {
				t.Errorf("%s has no English label", c.ID)
			}
			if !slices.Contains(shown, name) {
				continue
			}
			for _, tag := range labelLanguages {
				if c.Label[tag] == "" {
					t.Errorf("%s has no label in %s", c.ID, tag)
				}
			}
			for _, tag := range []string{"hr", "sr-Latn"} {
				if strings.IndexFunc(c.Label[tag], func(r rune) bool { return !latin(r) }) >= 0 {
					t.Errorf("%s: %q is not in Latin script", c.ID, c.Label[tag])
				}
			}
			// Abbreviations such as MOOC stay; words do not.
			if strings.IndexFunc(c.Label["sr-Cyrl"], func(r rune) bool { return 'a' <= r && r <= 'z' || 'à' <= r && latin(r) }) >= 0 {
				t.Errorf("%s: %q is not in Cyrillic", c.ID, c.Label["sr-Cyrl"])
			}
		}
	}
	if _, ok := Lookup("http://data.europa.eu/snb/eqf/9"); ok {
		t.Error("EQF level 9 exists")
	}
	if List("no such list") != nil {
		t.Error("a list that is not there has members")
	}
}

// Facts that other packages and sealed credentials rely on.
func TestConceptFacts(t *testing.T) {
	for _, want := range []struct{ id, scheme, notation, tag, label string }{
		{"http://data.europa.eu/snb/education-credit/6fcec5c5af", "http://data.europa.eu/snb/education-credit/25831c2", "ECTS", "sr-Latn", "ESPB"},
		{"http://data.europa.eu/snb/education-credit/6fcec5c5af", "http://data.europa.eu/snb/education-credit/25831c2", "ECTS", "sr-Cyrl", "ЕСПБ"},
		{"urn:indeks:credit:csvet", "urn:indeks:credit", "CSVET", "en", "Croatian credit system for vocational education and training (CSVET)"},
		{"urn:indeks:qf-ehea:first", "urn:indeks:qf-ehea", "", "hr", "Prvi ciklus"},
		{"urn:indeks:reason:level:not-assigned", "urn:indeks:reason:level", "", "en", "No level assigned"},
		{"http://data.europa.eu/snb/qdr/c_cca41928", "http://data.europa.eu/snb/qdr/25831c2", "", "sr-Cyrl", "НОКС ниво 7.1"},
		{"http://data.europa.eu/snb/qdr/c_486071a1", "http://data.europa.eu/snb/qdr/25831c2", "", "hr", "HKO razina 4.1"},
		{"http://publications.europa.eu/resource/authority/country/HRV", "http://publications.europa.eu/resource/authority/country", "", "sr-Cyrl", "Хрватска"},
		{"urn:indeks:provider", "urn:indeks", "", "en", "Kind of provider"},
		{"http://data.europa.eu/snb/isced-f/0613", "http://data.europa.eu/snb/isced-f/25831c2", "0613", "en", "Software and applications development and analysis"},
		{"http://data.europa.eu/snb/qualification-topics#regulations-and-certificates", "http://data.europa.eu/snb/qualification-topics", "", "en", "Regulations and certificates"},
	} {
		c, ok := Lookup(want.id)
		if !ok || c.Scheme != want.scheme || c.Notation != want.notation || c.Label[want.tag] != want.label {
			t.Errorf("Lookup(%s) = %+v, want %+v", want.id, c, want)
		}
	}
}
