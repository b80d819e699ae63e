package issuing

import (
	"cmp"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/labstack/echo/v4"

	"indeks/elm"
	"indeks/issuer"
	"indeks/web"
)

// The form in which a course is written, beside the credential that grows with it.

// formField is one field of the form; its name is the JSON Pointer of what it says.
type formField struct {
	Name, Label string // Label is the id of a text
	Type        string // text, area, number, date, select, check
	Lang        string // of a text
	Value       string
	Choices     []option
	Failed      []fault
}

// formPart is a part of the form under a heading.
type formPart struct {
	Heading string // id of a text
	Rows    []formRow
}

// formRow is one row of a list, or all of a part that is none.
type formRow struct {
	Fields, More []formField
	Open         bool      // something is wrong with More
	Says         elm.Value // what stands in More first
}

// fieldSpec says what the form asks for. A word is asked for in each language. What few
// courses need is more: it stands below the rest of its row, folded away.
type fieldSpec struct {
	pointer, label, kind string
	choices              []string
	list                 string // of issuer.CodeLabel
	more                 bool
}

// Kinds of fields, besides those of formField: words and wordsarea in each language,
// codes in a row, list in capitals.

// bodySpec are the fields of an awarding body or agency at a pointer.
func bodySpec(at string) []fieldSpec {
	return []fieldSpec{{at + "/legal_name", "body.name", "words", nil, "", true}, {at + "/country", "body.country", "text", nil, "", true}, {at + "/address", "body.address", "text", nil, "", true},
		{at + "/organization_id", "body.id", "text", nil, "", true}, {at + "/homepage", "url", "text", nil, "", true}}
}

// reasonSpec are the fields of a reason that stands in place of a value.
func reasonSpec(at string) []fieldSpec {
	return []fieldSpec{{at + "/code", "reason.code", "select", []string{"outside-framework", "not-assigned", "national-credits", "hours-only", "no-specific-act", "not-applicable"}, "", true},
		{at + "/text", "reason.text", "words", nil, "", true}}
}

// partSpec is a part of the form.
type partSpec struct {
	heading string
	list    string // pointer of the list whose rows these are, "": none
	spare   int    // empty rows that are offered
	fields  []fieldSpec
}

// modes are those of courses, of which assessments have the first three.
var modes = []string{"presential", "online", "blended", "workbased", "project-based", "research-lab"}

var courseSpec = []partSpec{
	{"about", "", 0, []fieldSpec{{"/id", "id", "text", nil, "", false}, {"/version", "version", "text", nil, "", false}, {"/title", "title", "words", nil, "", false}, {"/description", "description", "wordsarea", nil, "", false},
		{"/languages", "languages", "list", nil, "", false}, {"/homepage", "homepage", "text", nil, "", false},
		{"/fields", "fields", "codes", nil, "", true}, {"/profile", "profile", "text", nil, "", true}, {"/sector", "sector", "words", nil, "", true}, {"/class_nqfs", "class_nqfs", "text", nil, "", true},
		{"/onward_levels", "onward_levels", "codes", nil, "", true}, {"/proaea_number", "proaea_number", "text", nil, "", true}}},
	{"occupations", "/occupations", 1, []fieldSpec{{"/code", "occupation.code", "text", nil, "", true}, {"/title", "occupation.title", "words", nil, "", true}}},
	{"outcomes", "/outcomes", 3, []fieldSpec{{"/title", "outcome", "words", nil, "", false}, {"/type", "outcome.type", "select", []string{"knowledge", "skill"}, "", false}, {"/level", "level", "number", nil, "", false},
		{"/reuse", "reuse", "select", []string{"transversal", "cross-sector", "sector-specific", "occupation-specific"}, "", true}, {"/esco/0/id", "esco.id", "text", nil, "", true}, {"/esco/0/label", "esco.label", "words", nil, "", true}}},
	{"source", "", 0, []fieldSpec{{"/outcome_source/kind", "source.kind", "select", []string{"partial-qualification", "qualification-standard", "several-standards", "outside-standards", "informal"}, "", true},
		{"/outcome_source/standard", "source.standard", "text", nil, "", true}, {"/outcome_source/code", "source.code", "text", nil, "", true}, {"/outcome_source/note", "note", "words", nil, "", true}}},
	{"standards", "/outcome_source/standards", 1, []fieldSpec{{"/id", "standard.id", "text", nil, "", true}, {"/title", "title", "words", nil, "", true}, {"/outcomes", "standard.outcomes", "codes", nil, "", true}}},
	{"workload", "", 0, append([]fieldSpec{{"/hours", "hours", "text", nil, "", false}, {"/contact_hours", "contact_hours", "text", nil, "", false},
		{"/credits/0/system", "credits.system", "select", []string{"ECTS", "CSVET", "CSPK", "ECVET", "SCQF"}, "credit", false}, {"/credits/0/points", "credits.points", "text", nil, "", false},
		{"/mode", "mode", "select", modes, "mode", false}, {"/setting", "setting", "select", []string{"formal", "non-formal"}, "", false}}, reasonSpec("/credits_reason")...)},
	{"activities", "/activities", 1, []fieldSpec{{"/title", "activity", "words", nil, "", true}, {"/type", "activity.type", "text", nil, "", true}, {"/mode", "mode", "select", modes, "mode", true},
		{"/hours", "activity.hours", "text", nil, "", true}, {"/from", "day.from", "date", nil, "", true}, {"/to", "day.until", "date", nil, "", true}}},
	{"level", "", 0, append([]fieldSpec{{"/level/eqf", "level", "number", nil, "", false}, {"/level/nqf", "nqf", "text", nil, "", false}, {"/level/method", "level.method", "select", []string{"majority", "average"}, "", false},
		{"/level/cycle", "cycle", "select", []string{"short", "first", "second", "third"}, "", true}, {"/level/reason", "level.reason", "words", nil, "", true}, {"/level/decided_by", "decided_by", "text", nil, "", true}}, reasonSpec("/level_reason")...)},
	{"assessment", "/assessment", 1, []fieldSpec{{"/title", "assessment.title", "words", nil, "", false}, {"/type", "assessment.type", "text", nil, "", false},
		{"/mode", "mode", "select", modes[:3], "mode", false}, {"/supervision", "supervision", "select", []string{"unsupervised", "supervised", "supervised-id", "unsupervised-id"}, "", false},
		{"/grading/title", "grading", "words", nil, "", true}, {"/grading/description", "grading.text", "words", nil, "", true}, {"/criteria", "criteria", "words", nil, "", true}, {"/criteria_url", "criteria.url", "text", nil, "", true}}},
	{"quality", "/quality_assurance", 1, append(append([]fieldSpec{{"/kind", "quality.kind", "select", []string{"internal", "programme", "institutional", "programme-licence", "institutional-licence"}, "", false}, {"/title", "quality.title", "words", nil, "", false}},
		bodySpec("/agency")...), []fieldSpec{{"/eqar", "eqar", "check", nil, "", true}, {"/procedure", "procedure", "words", nil, "", true}, {"/scope", "scope", "select", []string{"as-degree-programmes", "adapted"}, "", true},
		{"/decided", "decided", "date", nil, "", true}, {"/until", "day.until", "date", nil, "", true}, {"/next_review", "next_review", "date", nil, "", true}, {"/report", "report", "text", nil, "", true}}...)},
	{"standing", "", 0, []fieldSpec{{"/award_status", "award_status", "select", []string{"formal-system", "hei-outside", "vocational-adult"}, "", false},
		{"/award_kind/kind", "award_kind", "select", []string{"within-programme", "supplementary", "stand-alone"}, "award-kind", false}, {"/award_kind/programme", "programme", "words", nil, "", false},
		{"/stackability/kind", "stackability", "select", []string{"stand-alone", "part-of-programme", "stackable"}, "", false}, {"/stackability/towards", "towards", "words", nil, "", false},
		{"/prerequisites", "prerequisites", "words", nil, "", false}, {"/stackability/note", "note", "words", nil, "", true}, {"/provider", "provider", "select", []string{"hei", "alternative"}, "", true}}},
	{"body", "", 0, bodySpec("/awarding_body")},
	{"legal", "/legal_basis", 1, []fieldSpec{{"/act", "act", "select", nil, "act", false}, {"/text", "act.text", "words", nil, "", false},
		{"/url", "url", "text", nil, "", true}, {"/from", "act.from", "date", nil, "", true}, {"/until", "act.until", "date", nil, "", true}}},
	{"nolegal", "", 0, reasonSpec("/legal_basis_reason")},
	{"rules", "", 0, []fieldSpec{{"/approval", "approval", "check", nil, "", false}, {"/name_check_days", "name_check_days", "number", nil, "", false}, {"/valid_months", "valid_months", "number", nil, "", false},
		{"/number_rule", "number_rule", "text", nil, "", true}, {"/decision_number", "decision_number", "text", nil, "", true}, {"/signatory/name", "signatory.name", "text", nil, "", true}, {"/signatory/office", "signatory.office", "text", nil, "", true}}},
	{"told", "", 0, []fieldSpec{{"/further_information", "further", "words", nil, "", true}, {"/recognition/text", "recognition", "words", nil, "", true}, {"/recognition/url", "url", "text", nil, "", true},
		{"/complaints/text", "complaints", "words", nil, "", true}, {"/complaints/url", "url", "text", nil, "", true}, {"/register_entry/register", "register", "text", nil, "", true},
		{"/register_entry/number", "register.number", "text", nil, "", true}, {"/register_entry/url", "url", "text", nil, "", true}, {"/register_entry/date", "register.date", "date", nil, "", true}}},
}

// courseForm is the form with what stands in it.
type courseForm struct {
	Desk     *desk
	File     string // the whole course, with what the form does not ask for
	Parts    []formPart
	Failed   []fault
	Warnings []fault
	Gate     []issuer.GateElement
	Begun    bool // nothing was sent yet, so nothing is wrong yet
	New      bool
	Publish  bool
	From     string
	Until    string
	Data     struct { // for the kit's supplement
		Supplement []elm.Section
		Claim      bool
	}
}

// formLanguages are those in which the form asks for words.
func (s *server) formLanguages(doc map[string]any) []string {
	tags := append([]string{"en"}, s.Institution.Languages...)
	if title, ok := doc["title"].(map[string]any); ok { // a course may have others
		for tag := range title {
			tags = append(tags, tag)
		}
	}
	slices.Sort(tags[1:])
	return slices.Compact(slices.DeleteFunc(tags, func(t string) bool { return t == "" }))
}

// getCourseForm begins with a version that is there, for its successor, or with none.
func (s *server) getCourseForm(c echo.Context) error {
	doc := map[string]any{}
	if id := c.QueryParam("course"); id != "" {
		o, err := s.offer(c, id, c.QueryParam("version"))
		if err != nil {
			return err
		}
		if err := json.Unmarshal(o.Content.File(), &doc); err != nil {
			return err
		}
		if o.Used { // it does not change any more
			doc["version"] = ""
		}
	}
	return s.showCourseForm(c, http.StatusOK, doc, courseForm{Begun: true, New: c.QueryParam("course") == "", Publish: true}, nil)
}

// postCourseForm shows what a course would be, or puts it into the catalogue.
func (s *server) postCourseForm(c echo.Context) error {
	doc := map[string]any{}
	if err := json.Unmarshal([]byte(c.FormValue("file")), &doc); err != nil || doc == nil {
		doc = map[string]any{}
	}
	form := c.Request().PostForm
	if c.FormValue("step") != "file" { // what stands in the fields goes before the file
		for name, values := range form {
			if strings.HasPrefix(name, "/") && len(values) > 0 {
				if spec, ok := specOf(name); ok {
					doc, _ = setValue(doc, strings.Split(name[1:], "/"), valueOf(spec, values[len(values)-1])).(map[string]any)
				}
			}
		}
		tidy(doc)
	}
	page := courseForm{New: c.FormValue("new") == "true", Publish: c.FormValue("published") == "true", From: c.FormValue("from"), Until: c.FormValue("until")}
	if c.FormValue("step") != "put" {
		return s.showCourseForm(c, http.StatusOK, doc, page, nil)
	}
	raw, err := json.Marshal(doc)
	if err != nil {
		return err
	}
	if err := s.keepsApproval(c, raw); err != nil {
		return err
	}
	o, _, _, err := s.catalogue.Put(c.Request().Context(), "course", raw, issuer.Terms{From: page.From, Until: page.Until, Published: page.Publish})
	if found, ok := errors.AsType[*issuer.Problems](err); ok {
		return s.showCourseForm(c, http.StatusUnprocessableEntity, doc, page, found.List)
	}
	if err != nil {
		return err
	}
	return s.redirect(c, coursePath(o), "done", "course")
}

// showCourseForm renders the form of a course; more are problems besides those of the
// course itself.
func (s *server) showCourseForm(c echo.Context, status int, doc map[string]any, page courseForm, more []issuer.Problem) error {
	raw, err := json.Marshal(doc, json.Deterministic(true), jsontext.Multiline(true))
	if err != nil {
		return err
	}
	lang := s.kit.Lang(c)
	sketch := s.Institution.Sketch(raw, lang)
	page.Desk, page.File, page.Gate = s.desk(c, "courses"), string(raw), sketch.Gate
	page.Data.Supplement = sketch.Sections
	languages := s.formLanguages(doc)
	for _, part := range courseSpec {
		shown := formPart{Heading: "desk.form.part." + part.heading}
		bases := []string{""}
		if part.list != "" {
			rows, _ := valueAt(doc, part.list).([]any)
			bases = nil
			for i := range len(rows) + part.spare {
				bases = append(bases, part.list+"/"+strconv.Itoa(i))
			}
		}
		for _, base := range bases {
			var row formRow
			for _, spec := range part.fields {
				list := &row.Fields
				if spec.more {
					list = &row.More
				}
				fields := spec.fields(doc, base, languages, lang)
				for _, f := range fields {
					for i, o := range f.Choices {
						if spec.list == "" {
							f.Choices[i].Label = s.choice(lang, o.Value, o.Label)
						}
					}
				}
				*list = append(*list, fields...)
			}
			if at := slices.IndexFunc(row.More, func(f formField) bool { return f.Value != "" && f.Value != "false" }); at >= 0 {
				row.Says = elm.Value{Text: row.More[at].Value, Lang: row.More[at].Lang}
				for _, o := range row.More[at].Choices {
					if o.Chosen {
						row.Says = elm.Value{Text: o.Label, Lang: o.Lang}
					}
				}
			}
			shown.Rows = append(shown.Rows, row)
		}
		page.Parts = append(page.Parts, shown)
	}
	if !page.Begun {
		said := map[string]bool{}
		for _, p := range append(sketch.Problems, more...) {
			switch {
			case said[p.String()]: // by the sketch too
			case p.Warn:
				_, label := page.place(p, nil)
				page.Warnings = append(page.Warnings, s.ruleFault(lang, p, s.labelText(lang, label)))
			default:
				line := s.ruleFault(lang, p, "")
				name, label := page.place(p, &line)
				line = s.ruleFault(lang, p, s.labelText(lang, label))
				line.Field = name
				page.Failed = append(page.Failed, line)
			}
			said[p.String()] = true
		}
	}
	return s.kit.Render(c, status, "courseform", web.Page{NoStore: true, Failed: page.Failed != nil, Data: page, Scripts: []string{stay}})
}

// labelText is the label of a field, "" for none.
func (s *server) labelText(lang, id string) string {
	if id == "" {
		return ""
	}
	return s.kit.T(lang, id, nil)
}

// place finds the field that a problem is about, or the first below that, and puts line
// beside it, if there is one. It returns its name and the id of its label; "" where there
// is no such field.
func (f *courseForm) place(p issuer.Problem, line *fault) (name, label string) {
	for _, exact := range []bool{true, false} {
		for i := range f.Parts {
			for r := range f.Parts[i].Rows {
				row := &f.Parts[i].Rows[r]
				for l, list := range [][]formField{row.Fields, row.More} {
					for k := range list {
						if name := list[k].Name; name == p.Field || !exact && p.Field != "" && (strings.HasPrefix(name, p.Field+"/") || strings.HasPrefix(p.Field, name+"/")) {
							if line != nil {
								list[k].Failed = append(list[k].Failed, *line)
								row.Open = row.Open || l == 1
							}
							return name, list[k].Label
						}
					}
				}
			}
		}
	}
	return "", ""
}

// fields are the fields of a spec for what stands below base.
func (spec *fieldSpec) fields(doc map[string]any, base string, languages []string, lang string) (list []formField) {
	field := formField{Name: base + spec.pointer, Label: "desk.form." + spec.label, Type: spec.kind}
	switch spec.kind {
	case "words", "wordsarea":
		field.Type = map[string]string{"words": "text", "wordsarea": "area"}[spec.kind]
		for _, tag := range languages {
			one := field
			one.Name, one.Lang = field.Name+"/"+tag, tag
			one.Value, _ = valueAt(doc, one.Name).(string)
			list = append(list, one)
		}
		return list
	case "list", "codes":
		field.Type = "text"
		values, _ := valueAt(doc, field.Name).([]any)
		for _, v := range values {
			text, _ := v.(string)
			field.Value = strings.TrimSpace(field.Value + " " + text)
		}
		return []formField{field}
	}
	switch v := valueAt(doc, field.Name).(type) {
	case string:
		field.Value = v
	case float64:
		field.Value = strconv.FormatFloat(v, 'f', -1, 64)
	case bool:
		field.Value = strconv.FormatBool(v)
	}
	choices := spec.choices
	if spec.list == "act" {
		for _, act := range issuer.Acts() {
			title := act.Title.In(lang)
			field.Choices = append(field.Choices, option{act.ID, title.Text, act.ID == field.Value, title.Lang})
		}
	}
	for _, code := range choices {
		label := strings.ReplaceAll(code, "-", " ")
		if spec.list != "" {
			label = cmp.Or(issuer.CodeLabel(spec.list, code, lang), label)
		}
		field.Choices = append(field.Choices, option{code, label, code == field.Value, ""})
	}
	return []formField{field}
}

// specOf is the spec of a field by its name.
func specOf(name string) (fieldSpec, bool) {
	for _, part := range courseSpec {
		rest := name
		if part.list != "" {
			below, ok := strings.CutPrefix(name, part.list+"/")
			row, of, _ := strings.Cut(below, "/")
			if n, err := strconv.Atoi(row); !ok || err != nil || n < 0 || n > 200 || strconv.Itoa(n) != row {
				continue
			}
			rest = "/" + of
		}
		for _, spec := range part.fields {
			tag, below := strings.CutPrefix(rest, spec.pointer+"/")
			switch words := strings.HasPrefix(spec.kind, "words"); {
			case !words && rest == spec.pointer, words && below && isTag(tag):
				return spec, true
			}
		}
	}
	return fieldSpec{}, false
}

// isTag reports whether a name can be that of a language: one of figures would be the
// row of a list, as long as somebody likes.
func isTag(name string) bool {
	return name != "" && 'a' <= name[0] && name[0] <= 'z' && !strings.Contains(name, "/")
}

// valueOf is what a field says, nil for nothing.
func valueOf(spec fieldSpec, text string) any {
	text = strings.TrimSpace(text)
	switch {
	case text == "":
		return nil
	case spec.kind == "number":
		if n, err := strconv.ParseFloat(text, 64); err == nil {
			return n
		}
	case spec.kind == "check":
		return text == "true"
	case spec.kind == "list", spec.kind == "codes":
		var values []any
		for word := range strings.FieldsSeq(strings.ReplaceAll(text, ",", " ")) {
			if spec.kind == "list" {
				word = strings.ToUpper(word)
			}
			values = append(values, word)
		}
		return values
	}
	return text
}

// valueAt is what stands at a JSON Pointer, nil for nothing. Names in a course have
// neither slash nor tilde.
func valueAt(doc any, pointer string) any {
	for name := range strings.SplitSeq(pointer[1:], "/") {
		switch at := doc.(type) {
		case map[string]any:
			doc = at[name]
		case []any:
			n, err := strconv.Atoi(name)
			if err != nil || n < 0 || n >= len(at) {
				return nil
			}
			doc = at[n]
		default:
			return nil
		}
	}
	return doc
}

// setValue is node with a value at a path, or without one for nil.
func setValue(node any, path []string, value any) any {
	name := path[0]
	if n, err := strconv.Atoi(name); err == nil {
		list, _ := node.([]any)
		if n >= len(list) && value == nil {
			return node
		}
		for len(list) <= n {
			list = append(list, map[string]any{})
		}
		if len(path) > 1 {
			list[n] = setValue(list[n], path[1:], value)
		} else {
			list[n] = value
		}
		return list
	}
	object, ok := node.(map[string]any)
	if !ok {
		if value == nil {
			return node
		}
		object = map[string]any{}
	}
	switch {
	case len(path) > 1:
		if below := setValue(object[name], path[1:], value); below != nil {
			object[name] = below
		}
	case value == nil:
		delete(object, name)
	default:
		object[name] = value
	}
	return object
}

// tidy takes away what a form leaves empty, and numbers new outcomes.
func tidy(doc map[string]any) {
	rows := func(list, needed string) {
		if all, ok := doc[list].([]any); ok {
			doc[list] = slices.DeleteFunc(all, func(r any) bool {
				row, ok := r.(map[string]any)
				return ok && empty(prune(row[needed]))
			})
		}
	}
	rows("credits", "points") // a system alone is no amount
	rows("outcomes", "title")
	for name, v := range doc {
		if doc[name] = prune(v); empty(doc[name]) {
			delete(doc, name)
		}
	}
	if outcomes, ok := doc["outcomes"].([]any); ok {
		number(outcomes)
	}
}

// prune is a value without what is empty in it.
func prune(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for name, below := range v {
			if v[name] = prune(below); empty(v[name]) {
				delete(v, name)
			}
		}
	case []any:
		kept := v[:0]
		for _, one := range v {
			if one = prune(one); !empty(one) {
				kept = append(kept, one)
			}
		}
		return kept
	}
	return v
}

// empty reports whether a value says nothing; a box that is not ticked does not.
func empty(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case bool:
		return !v
	case map[string]any:
		return len(v) == 0
	case []any:
		return len(v) == 0
	}
	return false
}

// number gives outcomes without an id the next number that is free.
func number(rows []any) {
	used := map[string]bool{}
	for _, r := range rows {
		if row, ok := r.(map[string]any); ok {
			id, _ := row["id"].(string)
			used[id] = true
		}
	}
	for _, r := range rows {
		row, ok := r.(map[string]any)
		if id, _ := row["id"].(string); !ok || id != "" {
			continue
		}
		n := 1
		for used[strconv.Itoa(n)] {
			n++
		}
		row["id"] = strconv.Itoa(n)
		used[strconv.Itoa(n)] = true
	}
}
