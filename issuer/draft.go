package issuer

import (
	"crypto/sha256"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"golang.org/x/text/unicode/norm"

	"indeks/store"
)

// Key is the identity of the request: RequestKey where there is one, else
// SHA-256 of issuer, course id and version, learner_id or names and birth date,
// awarding date. An awarding date left open stays open in it, so that the same
// list sent again on the next day is the same request. A correction is the same
// where it corrects the same award in the same way.
func (d *Draft) Key(issuerDID string) store.Key {
	if d.RequestKey != (store.Key{}) {
		return d.RequestKey
	}
	if d.Replaces != nil {
		return digest([]any{"correction", issuerDID, d.Replaces.ID, d.RequestHash()})
	}
	who := []string{"person", norm.NFC.String(d.GivenName), norm.NFC.String(d.FamilyName), d.DateOfBirth}
	if d.LearnerID != "" {
		who = []string{"learner", norm.NFC.String(d.LearnerID)}
	}
	return digest(slices.Concat([]string{"draft", issuerDID, d.Course.ID, d.Course.Version, d.AwardingDate}, who))
}

// RequestHash covers everything that the credential will say. The e-mail
// address is not in it: it says where to deliver, not what. Nor is how the draft
// came.
func (d *Draft) RequestHash() [32]byte { return d.requestHash(d.Course.text()) }

// requestHash is RequestHash of a draft for a course with this text.
func (d *Draft) requestHash(course *courseText) [32]byte {
	content := *d
	content.Course, content.Row, content.Email, content.RequestKey = nil, 0, "", store.Key{}
	content.ExternalID, content.Batch, content.Approval, content.Source, content.NameCheck = "", "", "", nil, nil
	content.normalise()
	// As digest has it of a struct with a Draft and with Course as a string.
	h := sha256.New()
	h.Write([]byte(`{"Draft":`))
	h.Write(encoded(content))
	h.Write([]byte(`,"Course":`))
	h.Write(course.quoted)
	h.Write([]byte(`}`))
	return [32]byte(h.Sum(nil))
}

// courseText is what requests and records are held to of a course. To write it takes
// longer than a seal, so a class list does it once.
type courseText struct {
	quoted []byte            // canonical, as a JSON string
	sum    [sha256.Size]byte // SHA-256 of kept
	judged atomic.Pointer[judgement]
}

// judgement is what an institution's checkCourse says of a course.
type judgement struct {
	by  *Institution
	err error
}

func (c *Course) text() *courseText {
	canonical := c.canonical()
	return &courseText{quoted: encoded(string(canonical)), sum: sha256.Sum256(keptOf(canonical))}
}

// check is what an institution's checkCourse says of the course with this text, which is
// asked once; each time where there is no text.
func (t *courseText) check(inst *Institution, c *Course) error {
	if t == nil {
		return inst.checkCourse(c)
	}
	known := t.judged.Load()
	if known == nil || known.by != inst {
		known = &judgement{inst, inst.checkCourse(c)}
		t.judged.Store(known)
	}
	return known.err
}

// inCatalogues are the texts of courses that catalogues have read, which nobody changes.
var inCatalogues sync.Map // *Course: *courseText

// textOf returns the text of a course.
func textOf(c *Course) *courseText {
	if known, ok := inCatalogues.Load(c); ok {
		return known.(*courseText)
	}
	return c.text()
}

// courseTexts are those of courses that are not changed meanwhile.
type courseTexts map[*Course]*courseText

// of returns the text of a course, nil for none.
func (t courseTexts) of(c *Course) *courseText {
	if c != nil && t[c] == nil {
		t[c] = textOf(c)
	}
	return t[c]
}

// rest is what a record keeps of its draft beyond its own members, nil for nothing.
func (d *Draft) rest() []byte {
	raw, err := json.Marshal(Draft{DateOfBirth: d.DateOfBirth, Grade: d.Grade, RPL: d.RPL, RPLOutcomes: d.RPLOutcomes, RPLEvidence: d.RPLEvidence, Recognition: d.Recognition,
		IDVerification: d.IDVerification, LevelOverride: d.LevelOverride, OverrideReason: d.OverrideReason, OverrideBy: d.OverrideBy, Language: d.Language,
		AssessmentDate: d.AssessmentDate, Assessors: d.Assessors},
		json.Deterministic(true), json.OmitZeroStructFields(true))
	if err != nil {
		panic(err) // unreachable: strings and numbers, which were checked
	}
	return raw
}

// assessment is what a record keeps of how the learner came to the award.
func (d *Draft) assessment() *store.Assessment {
	return &store.Assessment{Result: d.Grade, Date: d.AssessmentDate, Assessors: d.Assessors,
		PriorLearning: d.RPL, Outcomes: d.RPLOutcomes, Evidence: d.RPLEvidence, Recognition: d.Recognition}
}

// digest is SHA-256 of the JSON text: fields cannot run into one another.
func digest(v any) [32]byte { return sha256.Sum256(encoded(v)) }

func encoded(v any) []byte {
	raw, err := json.Marshal(v, json.Deterministic(true), jsontext.AllowInvalidUTF8(true))
	if err != nil {
		panic(err) // unreachable: structs and slices of strings and numbers
	}
	return raw
}

// normalise composes all texts (NFC), so that one name is one name however it
// was typed, and spells out what stands for nothing.
func (d *Draft) normalise() {
	for _, s := range []*string{&d.GivenName, &d.FamilyName, &d.LearnerID, &d.Grade, &d.RPLEvidence, &d.OverrideReason, &d.OverrideBy, &d.Number} {
		*s = norm.NFC.String(*s)
	}
	if len(d.Assessors) == 0 {
		d.Assessors = nil
	}
	d.Assessors = slices.Clone(d.Assessors) // the caller's is not to change
	for i, s := range d.Assessors {
		d.Assessors[i] = norm.NFC.String(s)
	}
	if d.RPL == "" {
		d.RPL = "none"
	}
	if len(d.RPLOutcomes) == 0 {
		d.RPLOutcomes = nil
	}
}

// texts are the cells of a class list that would read as this draft, by their columns.
func (d *Draft) texts() [len(columns)]string {
	texts := [len(columns)]string{
		columnGivenName: d.GivenName, columnFamilyName: d.FamilyName, columnDateOfBirth: d.DateOfBirth, columnLearnerID: d.LearnerID,
		columnEmail: d.Email, columnGrade: d.Grade, columnAwardingDate: d.AwardingDate, columnRPL: d.RPL, columnRPLOutcomes: strings.Join(d.RPLOutcomes, ","),
		columnRPLEvidence: d.RPLEvidence, columnRecognition: d.Recognition, columnIDVerification: d.IDVerification, columnOverrideReason: d.OverrideReason, columnOverrideBy: d.OverrideBy,
		columnLanguage: d.Language, columnCertificateNumber: d.Number,
		columnAssessmentDate: d.AssessmentDate, columnAssessors: strings.Join(d.Assessors, "; "),
	}
	if d.LevelOverride != 0 {
		texts[columnLevelOverride] = strconv.Itoa(d.LevelOverride)
	}
	return texts
}

// cells are its texts by the names of their columns.
func (d *Draft) cells() map[string]string {
	cells := make(map[string]string, len(columns))
	for column, text := range d.texts() {
		cells[columns[column].name] = text
	}
	return cells
}

// check judges a draft that was built in memory by the rules of a class list:
// there is one set of rules, whichever way a draft comes.
func (d *Draft) check() error {
	r := row{course: d.Course}
	for column, text := range d.texts() {
		r.cells[column] = cell{text: text, given: true}
	}
	_, _, err := r.alone()
	if p, ok := err.(*Problems); ok {
		for i := range p.List {
			p.List[i].Row = d.Row
		}
	}
	return err
}

func sortedLanguages(w Words) []string { return slices.Sorted(maps.Keys(w)) }
