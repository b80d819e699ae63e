package elm

import (
	"slices"
	"strconv"
)

// Parts is what an award consists of, as a table: the courses of a transcript,
// the modules of a joint degree. The fields below are the labels of its columns,
// "" for a column in which no part says anything of its own.
type Parts struct {
	Title, Credits, Grade, When, Body string
	Rows                              []Part
}

// Part is a row: a part, then the parts inside it.
type Part struct {
	Depth   int    // 0 for the parts of the award itself
	Inside  string // how many parts are inside it, at any depth: "12 parts", or ""
	Title   Value
	Credits []Value
	Grades  []Value
	When    Value // day of the award or of the assessment, else the period of learning
	Bodies  []Value
}

// Long reports whether a reader had better see Outline first.
func (p *Parts) Long() bool { return len(p.Rows) > longParts }

// longParts is a page of rows.
const longParts = 30

// Outline are the parts of the award itself, where they group others; nil where
// they do not.
func (p *Parts) Outline() []Part {
	var rows []Part
	for _, row := range p.Rows {
		if row.Depth == 0 {
			rows = append(rows, row)
		}
	}
	if len(rows) == len(p.Rows) {
		return nil
	}
	return rows
}

// parts are the achievements (or activities) inside what was awarded.
func (v *view) parts() Element {
	kind := "LearningAchievement"
	if len(v.achievements) == 0 {
		kind = "LearningActivity"
	}
	var rows []Part
	for i := range v.c.Subject {
		var whole []*Claim
		for k := range v.c.Subject[i].HasClaim {
			if c := &v.c.Subject[i].HasClaim[k]; kindOf(c, "LearningAchievement") == kind && len(c.HasPart) > 0 {
				whole = append(whole, c)
			}
		}
		for _, c := range whole {
			if len(whole) > 1 { // whose parts they are must be told
				n := len(rows)
				rows = append(rows, v.part(claim{Claim: c, kind: kind}, 0))
				rows = v.partsOf(rows, c.HasPart, 1, kind)
				rows[n].Inside = v.inside(len(rows) - n - 1)
				continue
			}
			rows = v.partsOf(rows, c.HasPart, 0, kind)
		}
	}
	e := Element{ID: "parts"}
	if len(rows) == 0 {
		return e
	}
	e.Values = []Value{{Text: v.inside(len(rows)), Ours: true}}
	e.Parts = &Parts{Title: v.say("line:part"), Rows: rows}
	whole := v.bodies(v.awarding)
	for _, row := range rows {
		value := row.Title
		for _, credit := range row.Credits {
			value.Detail = v.lineOf(value.Detail, "line:credits", credit)
			e.Parts.Credits = v.say("line:credits")
		}
		for _, grade := range row.Grades {
			value.Detail = v.lineOf(value.Detail, "O3", grade)
			e.Parts.Grade = v.say("O3")
		}
		if row.When.Text != "" {
			value.Detail = v.lineOf(value.Detail, "line:when", row.When)
			e.Parts.When = v.say("line:when")
		}
		if len(row.Bodies) > 0 && !slices.EqualFunc(row.Bodies, whole, sameText) {
			for _, body := range row.Bodies {
				value.Detail = v.lineOf(value.Detail, "M4", body)
			}
			e.Parts.Body = v.say("M4")
		}
		e.Values = append(e.Values, value)
	}
	return e
}

// inside is a number of parts in words.
func (v *view) inside(n int) string {
	if n == 0 {
		return ""
	}
	return v.counted(strconv.Itoa(n), "part")
}

func sameText(a, b Value) bool { return a.Text == b.Text }

func (v *view) partsOf(rows []Part, claims List[Claim], depth int, kind string) []Part {
	for i := range claims {
		own := kindOf(&claims[i], kind)
		if own != kind {
			continue
		}
		n := len(rows)
		rows = append(rows, v.part(claim{Claim: &claims[i], kind: own, part: true}, depth))
		rows = v.partsOf(rows, claims[i].HasPart, depth+1, kind)
		rows[n].Inside = v.inside(len(rows) - n - 1)
	}
	return rows
}

func (v *view) part(c claim, depth int) Part {
	row := Part{Depth: depth, Title: v.titleOf(c), Credits: v.credits(c)}
	if row.Title.Text == "" {
		row.Title = v.ours("untitled")
	}
	if c.AwardedBy != nil {
		row.When = shown(v.day(c.AwardedBy.AwardingDate))
		var bodies []*Organisation
		for i := range c.AwardedBy.AwardingBody {
			bodies = append(bodies, &c.AwardedBy.AwardingBody[i])
		}
		row.Bodies = v.bodies(bodies)
	}
	for i := range c.ProvenBy {
		p := &c.ProvenBy[i]
		grade := v.noteText(p.Grade)
		if len(c.ProvenBy) > 1 && grade.Text != "" {
			grade.Detail = v.lineOf(nil, "line:assessment", v.titleOf(claim{Claim: p}))
		}
		row.Grades = v.add(row.Grades, grade)
		if row.When.Text == "" {
			row.When = shown(v.day(p.DateIssued))
		}
	}
	for i := range c.InfluencedBy {
		for _, period := range c.InfluencedBy[i].Temporal {
			if row.When.Text == "" {
				row.When = v.between(period.StartDate, period.EndDate)
			}
		}
	}
	return row
}

// bodies are organisations by name alone.
func (v *view) bodies(list []*Organisation) []Value {
	var names []Value
	for _, body := range list {
		name := v.organisation(body)
		name.Detail, name.Link = nil, ""
		names = v.add(names, name)
	}
	return names
}
