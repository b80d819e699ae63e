package contexts

import (
	"embed"
	"strings"
)

// furtherLanguages are those into which the lists that people see are translated
// besides, each in a file (Bosnian and Montenegrin in Latin script).
var furtherLanguages = []string{"sl", "bs", "cnr", "de", "mk", "sq"}

// furtherLabels are our own translations, by the part of the id after snb or authority,
// or by the whole of an id of ours.
//
//go:embed labels/*.txt
var furtherLabels embed.FS

// addLabels adds the labels in a further language to concepts by id.
func addLabels(byID map[string]member, lang string) {
	for line := range strings.Lines(labelsIn(lang)) {
		code, label, _ := strings.Cut(strings.TrimSpace(line), " = ")
		id := snb + code
		switch {
		case strings.HasPrefix(code, "urn:"):
			id = code
		case strings.HasPrefix(code, "country/"), strings.HasPrefix(code, "language/"), strings.HasPrefix(code, "human-sex/"):
			id = authority + code
		}
		byID[id].Label[lang] = label
	}
}

// regionLabels names the regions of Croatia, Montenegro and Serbia in the languages whose
// readers know them by the names that they have at home, and in the others the states
// themselves, which are regions too. What is left has the English label.
func regionLabels(regions []Concept, byID map[string]member) {
	states := map[string]string{"HR": "HRV", "ME": "MNE", "RS": "SRB"}
	for _, region := range regions {
		for _, lang := range []string{"bs", "cnr"} {
			region.Label[lang] = region.Label["hr"]
		}
		if state := states[strings.TrimRight(region.Code(), "0")]; state != "" {
			for _, lang := range furtherLanguages {
				region.Label[lang] = byID[authority+"country/"+state].Label[lang]
			}
		}
	}
}

func labelsIn(lang string) string {
	labels, err := furtherLabels.ReadFile("labels/" + lang + ".txt")
	if err != nil {
		panic(err) // compiled in
	}
	return string(labels)
}
