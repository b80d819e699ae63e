package issuer

import (
	"strings"
	"sync"

	"indeks/contexts"
)

// Codes of a course are the English labels of the EU lists in small letters,
// every run of other characters one hyphen: "written-examination". Where a
// course has a shorter word, the table below says which concept it means.

const snb = "http://data.europa.eu/snb/"

// Concepts that the issuer names itself.
const (
	frameworkECTS     = snb + "education-credit/6fcec5c5af"
	frameworkECVET    = snb + "education-credit/60b314e826"
	opportunityShort  = snb + "learning-opportunity/74a4a268e8" // short learning programme
	profileGeneric    = snb + "credential/e34929035b"
	encodingBase64    = snb + "encoding/6146cde7dd"
	entitlementOffer  = snb + "entitlement/64aad92881"        // a learning opportunity
	entitlementFuture = snb + "entitlement-status/5b8d6b34fb" // prospective
	skillTypes        = snb + "skill-type/"
	reuseLevels       = snb + "skill-reuse-level/"
	eqfLevels         = snb + "eqf/"
	iscedFields       = snb + "isced-f/"
	escoSkills        = "http://data.europa.eu/esco/concept-scheme/skills"
	authority         = "http://publications.europa.eu/resource/authority/"
	filePNG           = authority + "file-type/PNG"
	countries         = authority + "country/"
	languages         = authority + "language/"
)

var supervisions = map[string]string{
	"unsupervised":    snb + "supervision-verification/c598449d64",
	"supervised":      snb + "supervision-verification/44314532f9",
	"supervised-id":   snb + "supervision-verification/70be69aaf9",
	"unsupervised-id": snb + "supervision-verification/df2880c5cb",
}

var modes = map[string]string{
	"online":        snb + "learning-assessment/920fbb3cbe",
	"presential":    snb + "learning-assessment/9191af2ed9",
	"blended":       snb + "learning-assessment/e92d221e4d",
	"workbased":     snb + "learning-assessment/729f3bed4b",
	"project-based": snb + "learning-assessment/7813801c77",
	"research-lab":  snb + "learning-assessment/ed4c557045",
}

var accreditations = map[string]string{
	"programme":             snb + "accreditation/820101cba6",
	"institutional":         snb + "accreditation/bb4618238e",
	"programme-licence":     snb + "accreditation/e57dddfcf3",
	"institutional-licence": snb + "accreditation/003293d2ce",
}

var settings = map[string]string{
	"formal":     snb + "learning-setting/6fd4685715",
	"non-formal": snb + "learning-setting/e207a81fc7",
}

// creditFrameworks: the systems beside the two of the EU list are other systems,
// never converted, and have concepts of our own.
var creditFrameworks = map[string]string{
	"ECTS":  frameworkECTS,
	"ECVET": frameworkECVET,
	"CSVET": "urn:indeks:credit:csvet",
	"CSPK":  "urn:indeks:credit:cspk",
	"SCQF":  "urn:indeks:credit:scqf",
}

// byCode returns the concept of a list that a code means.
func byCode(list, code string) (contexts.Concept, bool) {
	c, ok := codes()[list][code]
	return c, ok
}

var codes = sync.OnceValue(func() map[string]map[string]contexts.Concept {
	all := map[string]map[string]contexts.Concept{}
	for _, list := range []string{"assessment", "learning-activity"} {
		all[list] = map[string]contexts.Concept{}
		for _, c := range contexts.List(list) {
			all[list][codeOf(c.Label["en"])] = c
		}
	}
	return all
})

func codeOf(label string) string {
	return strings.Join(strings.FieldsFunc(strings.ToLower(label), func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9')
	}), "-")
}
