package store

import (
	"encoding/base64"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// What is written for every credential is written here member by member, in less
// than half the time of [json.Marshal]: records, lists and entries of the log. The text is
// the same to the byte, which a test holds, so each may be read, and all else be
// written, by that package.

// marshal returns the JSON of v, behind so many bytes that are free. Each is given room
// for what most of its kind take.
func marshal(free int, v any) ([]byte, error) {
	begin := func(size int) jsonWriter { return jsonWriter{text: make([]byte, free, free+size)} }
	var w jsonWriter
	switch v := v.(type) { // and no interface, by which w would be on the heap
	case *recordDoc:
		w = begin(2000)
		v.writeJSON(&w)
	case *Record:
		w = begin(500)
		v.writeJSON(&w)
	case *delivery:
		w = begin(120)
		v.writeJSON(&w)
	case *listDoc:
		w = begin(220)
		v.writeJSON(&w)
	case *entryDoc:
		w = begin(250)
		v.writeJSON(&w)
	default:
		w = begin(0)
		w.value(v)
	}
	return w.text, w.err
}

// jsonWriter appends JSON. Members come after open in the order in which they are
// given; the methods that say so leave out what is zero.
type jsonWriter struct {
	text []byte
	err  error // the first, as of a text that is not UTF-8
}

func (w *jsonWriter) fail(err error) {
	if w.err == nil {
		w.err = err
	}
}

// next separates a value from the one before it.
func (w *jsonWriter) next() {
	if last := w.text[len(w.text)-1]; last != '{' && last != '[' {
		w.text = append(w.text, ',')
	}
}

// name begins a member, whose name needs no escape.
func (w *jsonWriter) name(name string) {
	w.next()
	w.text = append(append(append(w.text, '"'), name...), `":`...)
}

func (w *jsonWriter) open(bracket byte)  { w.text = append(w.text, bracket) }
func (w *jsonWriter) close(bracket byte) { w.text = append(w.text, bracket) }

func (w *jsonWriter) quoted(s string) {
	var err error
	if w.text, err = jsontext.AppendQuote(w.text, s); err != nil {
		w.fail(err)
	}
}

func (w *jsonWriter) base64(b []byte) {
	w.text = append(base64.StdEncoding.AppendEncode(append(w.text, '"'), b), '"')
}

func (w *jsonWriter) string(name, s string) { w.name(name); w.quoted(s) }

func (w *jsonWriter) bytes(name string, b []byte) { w.name(name); w.base64(b) }

func (w *jsonWriter) bool(name string, b bool) {
	w.name(name)
	w.text = strconv.AppendBool(w.text, b)
}

func (w *jsonWriter) number(name string, n uint64) {
	w.name(name)
	w.text = strconv.AppendUint(w.text, n, 10)
}

func (w *jsonWriter) time(name string, t time.Time) {
	w.name(name)
	text, err := t.AppendText(append(w.text, '"'))
	if err != nil {
		w.fail(err)
		return
	}
	w.text = append(text, '"')
}

// stringOr, bytesOr, hashOr and timeOr leave out what is zero.
func (w *jsonWriter) stringOr(name, s string) {
	if s != "" {
		w.string(name, s)
	}
}

func (w *jsonWriter) bytesOr(name string, b []byte) {
	if b != nil {
		w.bytes(name, b)
	}
}

func (w *jsonWriter) hashOr(name string, h [32]byte) {
	if h != [32]byte{} {
		w.bytes(name, h[:])
	}
}

func (w *jsonWriter) timeOr(name string, t time.Time) {
	if !t.IsZero() {
		w.time(name, t)
	}
}

// stringsOr leaves out nil alone.
func (w *jsonWriter) stringsOr(name string, list []string) {
	if list == nil {
		return
	}
	w.name(name)
	w.open('[')
	for _, s := range list {
		w.next()
		w.quoted(s)
	}
	w.close(']')
}

// value writes what has no writer here.
func (w *jsonWriter) value(v any) {
	text, err := json.Marshal(v, json.Deterministic(true))
	if err != nil {
		w.fail(err)
	}
	w.text = append(w.text, text...)
}

// rare writes what few records have, as [json.Marshal] does.
func (w *jsonWriter) rare(name string, v any) {
	w.name(name)
	w.value(v)
}

// writeMap writes a map in the order of its names.
func writeMap[V any](w *jsonWriter, name string, m map[string]V, value func(v V)) {
	w.name(name)
	w.open('{')
	var room [8]string
	names := slices.AppendSeq(room[:0], maps.Keys(m))
	slices.Sort(names)
	for _, name := range names {
		w.next()
		w.quoted(name)
		w.text = append(w.text, ':')
		value(m[name])
	}
	w.close('}')
}

func (r *Record) writeJSON(w *jsonWriter) {
	w.open('{')
	r.writeMembers(w)
	w.close('}')
}

func (r *Record) writeMembers(w *jsonWriter) {
	w.stringOr("id", r.ID)
	w.hashOr("key", r.Key)
	w.hashOr("requestHash", r.RequestHash)
	w.stringOr("public", r.Public)
	w.stringOr("link", r.Link)
	w.stringOr("number", r.Number)
	if r.Entries != nil {
		w.name("entries")
		w.open('[')
		for _, e := range r.Entries {
			w.next()
			w.open('{')
			w.string("list", e.List)
			w.number("index", e.Index)
			w.string("purpose", e.Purpose)
			w.close('}')
		}
		w.close(']')
	}
	w.timeOr("sealingTime", r.SealingTime)
	w.stringOr("keyID", r.KeyID)
	if r.Forms != nil {
		writeMap(w, "forms", r.Forms, func(s Sealed) {
			w.open('{')
			w.hashOr("sha256", s.SHA256)
			w.close('}')
		})
	}
	w.stringOr("course", r.Course)
	w.stringOr("courseVersion", r.CourseVersion)
	w.hashOr("courseSHA256", r.CourseSHA256)
	w.stringOr("title", r.Title)
	w.stringOr("familyName", r.FamilyName)
	w.stringOr("givenName", r.GivenName)
	w.stringOr("learnerID", r.LearnerID)
	w.stringOr("email", r.Email)
	w.stringOr("awardingDate", r.AwardingDate)
	w.stringOr("decision", r.Decision)
	w.stringOr("signatory", r.Signatory)
	w.stringOr("externalID", r.ExternalID)
	w.stringOr("batch", r.Batch)
	w.timeOr("validUntil", r.ValidUntil)
	w.bytesOr("draft", r.Draft)
	if a := r.Assessment; a != nil {
		w.name("assessment")
		w.open('{')
		w.stringOr("result", a.Result)
		w.stringOr("date", a.Date)
		w.stringsOr("assessors", a.Assessors)
		w.string("priorLearning", a.PriorLearning)
		w.stringsOr("outcomes", a.Outcomes)
		w.stringOr("evidence", a.Evidence)
		w.stringOr("recognition", a.Recognition)
		w.close('}')
	}
	if r.Supersedes != nil {
		w.rare("supersedes", r.Supersedes)
	}
	w.stringOr("state", string(r.State))
	if r.Changes != nil {
		w.rare("changes", r.Changes)
	}
	if r.Erasures != nil {
		w.rare("erasures", r.Erasures)
	}
}

func (doc *recordDoc) writeJSON(w *jsonWriter) {
	w.open('{')
	doc.Record.writeMembers(w)
	writeMap(w, "payloads", doc.Payloads, func(h [32]byte) { w.base64(h[:]) })
	if l := doc.Logged; l != nil {
		w.name("logged")
		w.open('{')
		w.string("log", l.Log)
		w.number("index", l.Index)
		w.close('}')
	}
	if doc.Blind != nil {
		writeMap(w, "blind", doc.Blind, w.base64)
	}
	if p := doc.Personal; p != nil {
		w.name("personal")
		w.open('{')
		w.bytes("record", p.Record)
		w.bytesOr("delivery", p.Delivery)
		if p.Changes != nil {
			w.rare("changes", p.Changes)
		}
		w.close('}')
	}
	w.close('}')
}

func (d *delivery) writeJSON(w *jsonWriter) {
	w.open('{')
	w.string("link", d.Link)
	w.stringOr("email", d.Email)
	w.close('}')
}

func (l *listDoc) writeJSON(w *jsonWriter) {
	w.open('{')
	w.string("id", l.ID)
	w.string("purpose", l.Purpose)
	w.time("opened", l.Opened)
	w.number("used", l.Used)
	w.bool("closed", l.Closed)
	w.number("sequence", l.Sequence)
	w.timeOr("validFrom", l.ValidFrom)
	w.hashOr("sha256", l.SHA256)
	w.close('}')
}

func (e *entryDoc) writeJSON(w *jsonWriter) {
	w.open('{')
	w.time("at", e.At)
	w.string("kind", string(e.Kind))
	w.string("actor", e.Actor)
	w.stringOr("request", e.Request)
	w.stringOr("object", e.Object)
	w.stringOr("result", e.Result)
	w.hashOr("digest", e.Digest)
	w.stringOr("program", e.Program)
	w.bytes("secret", e.Secret)
	w.close('}')
}
