package issuer

import (
	"strings"

	"golang.org/x/text/unicode/norm"
)

// column is one column of a class list.
type column struct {
	name     string
	required bool
	date     bool
	want     string   // what a cell holds, for people
	aliases  []string // other headers, as fold leaves them
}

// The places of columns in [columns].
const (
	columnGivenName = iota
	columnFamilyName
	columnDateOfBirth
	columnLearnerID
	columnEmail
	columnGrade
	columnAssessmentDate
	columnAssessors
	columnAwardingDate
	columnRPL
	columnRPLOutcomes
	columnRPLEvidence
	columnRecognition
	columnIDVerification
	columnLevelOverride
	columnOverrideReason
	columnOverrideBy
	columnLanguage
	columnCertificateNumber
)

// columns are all that a class list may have. Aliases are what registrars call
// them in English, Croatian, Serbian and Montenegrin in both scripts, Bosnian,
// Slovene and Macedonian.
var columns = [...]column{
	columnGivenName: {"given_name", true, false, "a given name as on the identity document", []string{
		"first name", "forename", "ime", "име"}},
	columnFamilyName: {"family_name", true, false, "a family name as on the identity document", []string{
		"last name", "surname", "prezime", "презиме", "priimek"}},
	columnDateOfBirth: {"date_of_birth", true, true, "YYYY-MM-DD", []string{
		"birth date", "birthdate", "birthday", "dob", "datum rođenja", "datum rodjenja", "датум рођења", "datum rojstva", "датум на раѓање"}},
	columnLearnerID: {"learner_id", false, false, "the institution's number of the learner", []string{
		"student id", "student number", "matični broj", "matični broj studenta", "jmbag", "broj indeksa", "број индекса", "broj polaznika", "број полазника",
		"матични број", "vpisna številka", "број на индекс", "матичен број"}},
	columnEmail: {"email", false, false, "an e-mail address, such as name@school.example", []string{
		"e mail", "mail", "e mail address", "email address", "e pošta", "е пошта", "elektronska pošta", "електронска пошта", "imejl", "имејл"}},
	columnGrade: {"grade", false, false, "a grade as text", []string{
		"mark", "ocjena", "ocena", "оцена", "оцјена"}},
	columnAssessmentDate: {"assessment_date", false, true, "YYYY-MM-DD", []string{
		"date of assessment", "exam date", "date of exam", "datum vrednovanja", "datum ocjenjivanja", "datum ocenjivanja", "датум оцењивања", "датум оцјењивања",
		"datum ispita", "датум испита", "datum ocenjevanja", "datum izpita", "датум на оценување", "датум на испит"}},
	columnAssessors: {"assessors", false, false, "names of who assessed, with semicolons between them", []string{
		"assessor", "assessed by", "examiner", "examiners", "ocjenjivač", "ocjenjivači", "ocenjivač", "ocenjivači", "оцењивач", "оцењивачи", "оцјењивач", "оцјењивачи",
		"ispitivač", "ispitivači", "испитивач", "испитивачи", "ocenjevalec", "ocenjevalci", "оценувач", "оценувачи"}},
	columnAwardingDate: {"awarding_date", false, true, "YYYY-MM-DD", []string{
		"award date", "date of award", "datum dodjele", "datum dodele", "датум доделе", "датум додјеле", "datum podelitve", "датум на доделување"}},
	columnRPL: {"rpl", false, false, "none, part or whole", []string{
		"prior learning", "recognition of prior learning", "prethodno učenje", "претходно учење", "priznavanje prethodnog učenja", "признавање претходног учења",
		"predhodno učenje", "priznavanje predhodnega znanja"}},
	columnRPLOutcomes: {"rpl_outcomes", false, false, "ids of outcomes of the course", []string{
		"recognised outcomes", "recognized outcomes", "priznati ishodi", "признати исходи", "priznani izidi", "признаени исходи"}},
	columnRPLEvidence: {"rpl_evidence", false, false, "the evidence on which prior learning was recognised", []string{
		"evidence", "dokazi", "докази", "dokazila"}},
	columnRecognition: {"recognition", false, false, "the id of a decided recognition of another provider's credential", []string{
		"recognition id", "odluka o priznavanju", "rješenje o priznavanju", "rešenje o priznavanju", "одлука о признавању", "рјешење о признавању", "решење о признавању",
		"odločba o priznavanju", "решение за признавање"}},
	columnIDVerification: {"id_verification", false, false, "unsupervised, supervised, supervised-id or unsupervised-id", []string{
		"identity check", "identity verification", "provjera identiteta", "provera identiteta", "провера идентитета", "провјера идентитета",
		"preverjanje identitete", "проверка на идентитет"}},
	columnLevelOverride: {"level_override", false, false, "an EQF level from 1 to 8", []string{
		"level", "izmjena razine", "izmijenjena razina", "izmena nivoa", "измена нивоа", "sprememba ravni", "измена на ниво"}},
	columnOverrideReason: {"override_reason", false, false, "why the level differs from the course's", []string{
		"reason", "razlog izmjene", "razlog izmene", "разлог измене", "razlog spremembe", "причина за измена"}},
	columnOverrideBy: {"override_by", false, false, "who decided on the other level", []string{
		"decided by", "odlučio", "odluku donio", "odluku doneo", "одлуку донео", "одлуку донио", "odločil", "одлучил"}},
	columnLanguage: {"language", false, false, "a language in which the course has texts", []string{
		"jezik", "језик", "јазик"}},
	columnCertificateNumber: {"certificate_number", false, false, "a certificate number that has not been used before", []string{
		"number", "certificate no", "broj uvjerenja", "broj uverenja", "број уверења", "broj certifikata", "broj potvrde", "številka potrdila", "број на уверение"}},
}

// columnNames maps every folded header to the column it means.
var columnNames = func() map[string]int {
	names := map[string]int{}
	for i, c := range columns {
		names[fold(c.name)] = i
		for _, a := range c.aliases {
			names[a] = i
		}
	}
	return names
}()

// fold makes headers and code words comparable: composed, small letters, one
// space for every run of spaces, hyphens, underscores and points.
func fold(s string) string {
	return strings.Join(strings.FieldsFunc(strings.ToLower(norm.NFC.String(s)), func(r rune) bool {
		return r == '_' || r == '-' || r == '.' || r == '*' || r == ':' || r == ' ' || r == '\u00a0' || r == '\t' || r == '\n' || r == '\r'
	}), " ")
}

// priorLearning maps the words of the rpl column to its codes.
var priorLearning = map[string]string{
	"": "none", "none": "none", "no": "none", "ne": "none", "не": "none", "nema": "none", "нема": "none", "nije": "none",
	"part": "part", "partly": "part", "djelomično": "part", "djelomice": "part", "delimično": "part", "делимично": "part", "djelimično": "part",
	"дјелимично": "part", "delno": "part", "делумно": "part",
	"whole": "whole", "wholly": "whole", "u cijelosti": "whole", "u celini": "whole", "у целини": "whole", "u cjelini": "whole", "у цјелини": "whole",
	"v celoti": "whole", "целосно": "whole",
}

// nearestColumn is the column name that a header may be a misspelling of.
func nearestColumn(header string) string {
	names := make([]string, 0, len(columnNames))
	for n := range columnNames {
		names = append(names, n)
	}
	if near := nearest(fold(header), names); near != "" {
		return columns[columnNames[near]].name
	}
	return ""
}
