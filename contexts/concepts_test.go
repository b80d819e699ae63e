package contexts

import (
	"encoding/json"
	"flag"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"indeks/internal/reference"
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
	"learning-schedule":    "europass-learning-schedule-types",
	"target-group":         "europass-target-groups",
	"skill-type":           "skill-types",
	"skill-reuse":          "skill-reuse-levels",
	"entitlement":          "europass-learning-entitlement-types",
	"entitlement-status":   "europass-learning-entitlement-statuses",
	"isced-f":              "isced-f",
	"country":              "country",
	"region":               "nuts",
	"atu":                  "atu",
	"language":             "language",
	"currency":             "currency",
	"credential-type":      "europass-credential-types",
	"file-type":            "file-type",
	"encoding":             "europass-content-encoding-types",
}

// fromSamples are the members of published lists that credentials of the EU use
// and the publication of 2023 lacks.
var fromSamples = []string{"http://data.europa.eu/snb/accreditation/c_1f1a469a"}

func own(c Concept) bool { return strings.HasPrefix(c.ID, "urn:indeks:") }

type publication struct {
	Scheme   string
	Concepts []struct{ ID, Label string }
}

func publishedList(t *testing.T, file string) publication {
	var p publication
	decode(t, "reference/vocabularies/json/"+file+".json", &p)
	return p
}

// Every member of every published list is there with its scheme and label, and
// nothing else but what is named here.
func TestConceptsEqualPublication(t *testing.T) {
	// Lists of which only the members' roles are known.
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
	also := make(map[string][2]string) // id to scheme and label, in small letters
	for _, s := range partial.Schemes {
		for _, c := range s.Concepts {
			also[c.ID] = [2]string{s.Scheme, c.Role}
		}
	}
	for _, s := range seen.Schemes {
		for _, c := range s.Concepts {
			if slices.Contains(fromSamples, c.ID) {
				also[c.ID] = [2]string{s.Scheme, strings.ToLower(c.PrefLabel["en"].(string))}
			}
		}
	}
	const notApplicable = "http://publications.europa.eu/resource/authority/human-sex/NAP" // its role is "nap"
	also[notApplicable] = [2]string{"http://publications.europa.eu/resource/authority/human-sex", "not applicable"}

	files, err := filepath.Glob(filepath.Join(reference.Path(t, "reference/vocabularies/json"), "[a-z]*.json"))
	if err != nil || len(files) != len(publishedLists) {
		t.Errorf("%d lists are published, want %d (%v)", len(files), len(publishedLists), err)
	}
	listed := make(map[string]bool)
	for _, name := range Lists() {
		t.Run(name, func(t *testing.T) {
			labels, scheme := make(map[string]string), ""
			if file, ok := publishedLists[name]; ok {
				p := publishedList(t, file)
				scheme = p.Scheme
				for _, c := range p.Concepts {
					labels[c.ID] = c.Label
				}
			}
			for _, c := range List(name) {
				if listed[c.ID] {
					t.Errorf("%s is listed twice", c.ID)
				}
				listed[c.ID] = true
				if own(c) || name == "note-topic" {
					continue
				}
				label, ok := labels[c.ID]
				delete(labels, c.ID)
				if ok {
					got := c.Label["en"]
					if name == "region" && len(c.Label) > 1 { // published in the language of the country
						got = c.Label["hr"]
						if strings.Contains(c.ID, "/RS") || strings.Contains(c.ID, "/ME") {
							got = c.Label["sr-Cyrl"]
						}
						if c.ID == "http://data.europa.eu/nuts/code/RS" {
							got = "Srbija/С\u0070бија" // published in both scripts, with a Latin p
						}
					}
					if c.Scheme != scheme || got != label {
						t.Errorf("%s is %q of %s, want %q of %s", c.ID, got, c.Scheme, label, scheme)
					}
				} else if got := [2]string{c.Scheme, strings.ToLower(c.Label["en"])}; got != also[c.ID] {
					t.Errorf("%s is %q, want %q", c.ID, got, also[c.ID])
				}
			}
			for id, label := range labels {
				t.Errorf("%s %q is missing", id, label)
			}
		})
	}
	for id := range also {
		if !listed[id] {
			t.Errorf("%s is missing", id)
		}
	}
}

var update = flag.Bool("update", false, "write the tables of the long lists anew")

// The tables are what the publication gives, and are sorted as find wants them.
func TestTables(t *testing.T) {
	size := 0
	for _, lang := range furtherLanguages {
		size += len(labelsIn(lang))
	}
	for _, l := range lists {
		size += len(l.table) + len(l.concepts)
		if l.table == "" {
			continue
		}
		file := publishedLists[l.name]
		var lines []string
		for _, c := range publishedList(t, file).Concepts {
			lines = append(lines, strings.TrimRight(strings.TrimPrefix(c.ID, l.base)+"\t"+c.Label, "\t")+"\n")
		}
		slices.SortFunc(lines, func(a, b string) int {
			code := func(s string) string { return s[:strings.IndexAny(s, "\t\n")] }
			return strings.Compare(code(a), code(b))
		})
		want := strings.Join(lines, "")
		if *update {
			if err := os.WriteFile(filepath.Join("published", file+".txt"), []byte(want), 0o666); err != nil {
				t.Fatal(err)
			}
		} else if l.table != want {
			t.Errorf("%s is not as published", file)
		}
	}
	if t.Logf("%d bytes of vocabularies", size); size >= 1<<20 {
		t.Errorf("the vocabularies have %d bytes, which is too much to compile in", size)
	}
}

func TestFind(t *testing.T) {
	const table = "A\tfirst\nAB\nB\tsecond\nBA\tthird\n"
	for code, want := range map[string]string{"A": "first", "AB": "", "B": "second", "BA": "third"} {
		if got, ok := find(table, code); !ok || got != want {
			t.Errorf("find(%s) = %q, %v, want %q", code, got, ok, want)
		}
	}
	for _, code := range []string{"", "0", "AA", "ABC", "B\tsecond", "C", "\n"} {
		if got, ok := find(table, code); ok {
			t.Errorf("find(%q) = %q", code, got)
		}
	}
}

func decode(t *testing.T, name string, v any) {
	t.Helper()
	if err := json.Unmarshal(reference.Read(t, name), v); err != nil {
		t.Fatal(err)
	}
}

// Everything that people see in a supplement can be shown in the languages of pages,
// and Lookup finds whatever List shows.
func TestConceptLabels(t *testing.T) {
	shown := []string{"eqf", "credit", "assessment", "mode", "supervision", "accreditation", "learning-opportunity",
		"learning-setting", "skill-type", "skill-reuse", "credential-type", "qf-ehea", "note-topic", "entitlement", "entitlement-status",
		"isced-f", "learning-activity", "learning-schedule", "target-group", "verification", "verification-status", "human-sex", "evidence-type", "presentation-type"}
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
			nameless := (name == "language" || name == "atu") && len(c.Label) == 0
			if found, ok := Lookup(c.ID); ok == nameless || found.Label["en"] != c.Label["en"] {
				t.Errorf("Lookup(%s) = %v, %v", c.ID, found, ok)
			}
			if c.Label["en"] == "" && !nameless {
				t.Errorf("%s has no English label", c.ID)
			}
			for tag, label := range c.Label {
				if label == "" || label != strings.TrimSpace(label) {
					t.Errorf("%s: label %q in %s", c.ID, label, tag)
				}
			}
			if slices.Contains(shown, name) || slices.Contains([]string{"country", "language", "nqf"}, name) && c.Label["sr-Latn"] != "" {
				for _, tag := range furtherLanguages {
					if c.Label[tag] == "" {
						t.Errorf("%s has no label in %s", c.ID, tag)
					}
				}
			}
			if !slices.Contains(shown, name) && (len(c.Label) <= 1 || !slices.Contains([]string{"region", "language", "nqf", "country"}, name)) {
				continue
			}
			for _, tag := range slices.Concat(labelLanguages, []string{"de", "mk", "sq"}) {
				if c.Label[tag] == "" && (name != "region" || slices.Contains(labelLanguages, tag)) {
					t.Errorf("%s has no label in %s", c.ID, tag)
				}
			}
			for _, tag := range []string{"de", "sq"} {
				if strings.IndexFunc(c.Label[tag], func(r rune) bool { return !latin(r) }) >= 0 {
					t.Errorf("%s: %q is not in Latin script", c.ID, c.Label[tag])
				}
			}
			if name != "nqf" && strings.ContainsFunc(c.Label["mk"], func(r rune) bool { return 'a' <= r && r <= 'z' }) {
				t.Errorf("%s: %q is not in Cyrillic", c.ID, c.Label["mk"])
			}
			for _, tag := range []string{"hr", "sr-Latn"} {
				if strings.IndexFunc(c.Label[tag], func(r rune) bool { return !latin(r) }) >= 0 {
					t.Errorf("%s: %q is not in Latin script", c.ID, c.Label[tag])
				}
			}
			// Abbreviations such as MOOC, and HuQF of a framework, stay; words do not.
			if name != "nqf" && strings.IndexFunc(c.Label["sr-Cyrl"], func(r rune) bool { return 'a' <= r && r <= 'z' || 'à' <= r && latin(r) }) >= 0 {
				t.Errorf("%s: %q is not in Cyrillic", c.ID, c.Label["sr-Cyrl"])
			}
			if got := latinScript(c.Label["sr-Cyrl"]); got != c.Label["sr-Latn"] {
				t.Errorf("%s: the two scripts of Serbian differ: %q, %q", c.ID, c.Label["sr-Latn"], c.Label["sr-Cyrl"])
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
		{"http://data.europa.eu/snb/qdr/c_45ec22f4", "http://data.europa.eu/snb/qdr/25831c2", "", "sq", "KSHK niveli 1"},
		{"http://data.europa.eu/snb/qdr/c_45ec22f4", "http://data.europa.eu/snb/qdr/25831c2", "", "hr", "AQF razina 1"},
		{"http://data.europa.eu/snb/qdr/c_4f0c10a1", "http://data.europa.eu/snb/qdr/25831c2", "", "mk", "НРК ниво 1"},
		{"http://publications.europa.eu/resource/authority/country/HRV", "http://publications.europa.eu/resource/authority/country", "", "sr-Cyrl", "Хрватска"},
		{"urn:indeks:provider", "urn:indeks", "", "en", "Kind of provider"},
		{"http://data.europa.eu/snb/isced-f/0613", "http://data.europa.eu/snb/isced-f/25831c2", "0613", "en", "Software and applications development and analysis"},
		{"http://data.europa.eu/snb/isced-f/04", "http://data.europa.eu/snb/isced-f/25831c2", "04", "hr", "Poslovanje, administracija i pravo"},
		{"http://data.europa.eu/snb/qualification-topics#regulations-and-certificates", "http://data.europa.eu/snb/qualification-topics", "", "en", "Regulations and certificates"},
	} {
		c, ok := Lookup(want.id)
		if !ok || c.Scheme != want.scheme || c.Notation != want.notation || c.Label[want.tag] != want.label {
			t.Errorf("Lookup(%s) = %+v, want %+v", want.id, c, want)
		}
	}
}

// latinScript writes Serbian Cyrillic in Latin script, which is a function; the
// other way is none. Latin letters stay.
var latinScript = func() func(string) string {
	pairs := strings.Fields("а a б b в v г g д d ђ đ е e ж ž з z и i ј j к k л l љ lj м m н n њ nj о o п p р r с s т t ћ ć у u ф f х h ц c ч č џ dž ш š")
	for i := range len(pairs) / 2 {
		small, latin := pairs[2*i], []rune(pairs[2*i+1])
		pairs = append(pairs, strings.ToUpper(small), strings.ToUpper(string(latin[:1]))+string(latin[1:]))
	}
	return strings.NewReplacer(pairs...).Replace
}()

// Every field of education has a label in each language, its own or one in the
// pattern of the English one.
func TestFieldLabels(t *testing.T) {
	languages := slices.Concat(labelLanguages, furtherLanguages)
	for _, c := range List("isced-f") {
		if len(c.Label) != len(languages) {
			t.Errorf("%s has labels in %d languages, want %d", c.ID, len(c.Label), len(languages))
		}
		if strings.ContainsAny(strings.Join(slices.Collect(maps.Values(c.Label)), ""), "*|=") {
			t.Errorf("%s: %v", c.ID, c.Label)
		}
	}
	for _, pattern := range fieldPatterns {
		for _, s := range pattern {
			if len(pattern) != len(languages) || strings.Count(s, "*") != 1 {
				t.Errorf("%q is no pattern in %d languages", pattern, len(languages))
			}
		}
	}
	for _, test := range []struct{ code, tag, want string }{
		{"06", "hr", "Informacijske i komunikacijske tehnologije (IKT)"},
		{"06", "sr-Latn", "Informacione i komunikacione tehnologije (IKT)"},
		{"06", "sr-Cyrl", "Информационе и комуникационе технологије (ИКТ)"},
		{"061", "sl", "Informacijske in komunikacijske tehnologije (IKT)"}, // named like 06
		{"0322", "hr", "Knjižničarstvo, informacijske znanosti i arhivistika"},
		{"0821", "sl", "Gozdarstvo"}, // the only member of 082
		{"0110", "hr", "Obrazovanje, nije dalje definirano"},
		{"030", "sr-Cyrl", "Друштвене науке, новинарство и информисање, није даље дефинисано"},
		{"0229", "bs", "Humanističke nauke (osim jezika), nerazvrstano na drugom mjestu"},
		{"0619", "cnr", "Informacione i komunikacione tehnologije, nerazvrstano na drugom mjestu"},
		{"0519", "sl", "Biološke in sorodne vede, drugje nerazporejeno"},
		{"0519", "de", "Biologie und verwandte Wissenschaften, nicht andernorts klassifiziert"},
		{"0688", "de", "Informatik und Kommunikationstechnologie (IKT) (interdisziplinäre Bildungsgänge und Qualifikationen)"},
		{"0688", "mk", "Интердисциплинарни програми и квалификации: информатички и комуникациски технологии (ИКТ)"},
		{"0110", "sq", "Arsim, pa përcaktim të mëtejshëm"},
		{"0688", "hr", "Interdisciplinarni programi i kvalifikacije: informacijske i komunikacijske tehnologije (IKT)"},
		{"098", "sr-Cyrl", "Интердисциплинарни програми и квалификације: здравство и социјална заштита"},
		{"0228", "en", "Inter-disciplinary programmes and qualifications involving humanities"},
		{"0228", "sl", "Interdisciplinarni programi in kvalifikacije: humanistika"},
		{"0811", "cnr", "Biljna i stočarska proizvodnja"},
		{"9999", "bs", "Nepoznato područje"},
	} {
		c, _ := Lookup(snb + "isced-f/" + test.code)
		if got := c.Label[test.tag]; got != test.want {
			t.Errorf("%s in %s: %q, want %q", test.code, test.tag, got, test.want)
		}
	}
	for name, want := range map[string]string{"Šumarstvo": "a: šumarstvo.", "Љубав": "a: љубав."} {
		if got := inPattern("a: *.", name); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
