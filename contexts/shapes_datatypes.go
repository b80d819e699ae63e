package contexts

import (
	"regexp"
	"strings"
)

const (
	xsd           = "http://www.w3.org/2001/XMLSchema#"
	xsdString     = xsd + "string"
	xsdBoolean    = xsd + "boolean"
	xsdInteger    = xsd + "integer"
	xsdDouble     = xsd + "double"
	rdf           = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
	rdfType       = rdf + "type"
	rdfFirst      = rdf + "first"
	rdfNil        = rdf + "nil"
	rdfLangString = rdf + "langString"
	rdfJSON       = rdf + "JSON"
)

// datatype is one that shapes demand. A literal that is not well-formed breaks
// sh:datatype as one of another datatype does (SHACL section 4.1.2).
type datatype struct {
	iri        string
	wellFormed func(lexical string) bool // nil when everything is
	words      string                    // what people are told to write
}

// datatypes are the datatypes by their name in the table of shapes.
//
// The lexical forms are those of XML Schema 1.1 part 2, save that days are not
// compared with the length of the month, which no SHACL engine known to us does.
var datatypes = map[string]datatype{
	"text":            {rdfLangString, nil, `text with its language, such as {"en": "..."}`},
	"html":            {rdf + "HTML", nil, "HTML"},
	"string":          {xsdString, characters, "plain text, without a language"},
	"anyURI":          {xsd + "anyURI", characters, "an address as plain text"},
	"boolean":         {xsdBoolean, isBoolean, "true or false"},
	"integer":         {xsdInteger, matching(`[-+]?[0-9]+`), "a whole number"},
	"positiveInteger": {xsd + "positiveInteger", matching(`\+?0*[1-9][0-9]*`), "a whole number of at least 1"},
	"decimal":         {xsd + "decimal", matching(`[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)`), `a decimal number in quotation marks, such as "2.5"`},
	"duration":        {xsd + "duration", isDuration, "a duration, such as PT75H for 75 hours"},
	"dateTime": {xsd + "dateTime", matching(
		`-?([1-9][0-9]{3,}|0[0-9]{3})-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])` +
			`T(([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]+)?|24:00:00(\.0+)?)` +
			`(Z|[-+]((0[0-9]|1[0-3]):[0-5][0-9]|14:00))?`),
		"a date with time and zone, such as 2026-06-15T00:00:00Z"},
}

// datatypesByIRI are the same by IRI.
var datatypesByIRI = func() map[string]datatype {
	byIRI := make(map[string]datatype, len(datatypes))
	for _, d := range datatypes {
		byIRI[d.iri] = d
	}
	return byIRI
}()

func matching(pattern string) func(string) bool {
	return regexp.MustCompile(`^(?:` + pattern + `)$`).MatchString
}

func isBoolean(lexical string) bool {
	return lexical == "true" || lexical == "false" || lexical == "1" || lexical == "0"
}

// characters reports whether all characters are allowed in XML 1.1 text as far
// as two engines agree: U+FFFE and U+FFFF are not.
func characters(lexical string) bool {
	return !strings.Contains(lexical, "\uFFFE") && !strings.Contains(lexical, "\uFFFF")
}

var durationForm = matching(`-?P([0-9]+Y)?([0-9]+M)?([0-9]+D)?(T([0-9]+H)?([0-9]+M)?([0-9]+(\.[0-9]+)?S)?)?`)

// isDuration checks the form, in which every part may be absent but not all of
// them, nor all after a T.
func isDuration(lexical string) bool {
	return durationForm(lexical) && !strings.HasSuffix(lexical, "P") && !strings.HasSuffix(lexical, "T")
}
