package issuer

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"indeks/elm"
)

// Sketch is what a course says that is still being written: the supplement of the
// specimen it would give, as far as that can be told, and what stands in the way.
type Sketch struct {
	Course   *Course // nil as long as a problem blocks
	Sections []elm.Section
	Gate     []GateElement
	Problems []Problem // warnings among them
}

// GateElement is one of the elements that every supplement must answer.
type GateElement struct {
	ID, Label string
	Answered  bool
}

// stopgap is a course that says nothing and that nobody refuses: what of a course is
// not right yet is taken from it.
const stopgap = `{"id":"course","version":"1","title":{"en":"–"},"languages":["ENG"],"award_status":"hei-outside","award_kind":{"kind":"stand-alone"},
"outcomes":[{"id":"1","title":{"en":"–"}}],"hours":"30","credits_reason":{"code":"hours-only","text":{"en":"–"}},"level_reason":{"code":"not-assigned","text":{"en":"–"}},
"mode":"online","setting":"non-formal","assessment":[{"title":{"en":"–"},"type":"written-examination","mode":"online","supervision":"unsupervised"}],
"quality_assurance":[{"kind":"internal","title":{"en":"–"}}],"stackability":{"kind":"stand-alone"},"legal_basis_reason":{"code":"no-specific-act","text":{"en":"–"}}}`

// memberElements are the elements of the supplement that a member of a course is said
// in.
var memberElements = map[string][]string{
	"title": {"M2"}, "outcomes": {"M6"}, "hours": {"M7"}, "credits": {"M7"}, "credits_reason": {"M7"}, "level": {"M8", "level-method"}, "level_reason": {"M8", "level-method"},
	"assessment": {"M9", "criteria"}, "mode": {"M10"}, "quality_assurance": {"M11"}, "legal_basis": {"legal-basis"}, "legal_basis_reason": {"legal-basis"},
	"award_status": {"award-status"}, "award_kind": {"award-kind"}, "stackability": {"O4"}, "languages": {"language"}, "prerequisites": {"O1"},
}

// sketchRounds is how often members are taken from the stopgap: one that is may not
// fit another one.
const sketchRounds = 5

// Sketch reads a course as [Institution.ParseCourse] does, and where it is not right
// yet shows the rest of it all the same. lang is that of the supplement.
func (i Institution) Sketch(raw []byte, lang string) Sketch {
	var s Sketch
	course, warnings, err := i.ParseCourse("course", raw)
	s.Course = course
	found, broken := errors.AsType[*Problems](err)
	if broken {
		s.Problems, s.Course = found.List, nil
	}
	s.Problems = append(s.Problems, warnings...)

	// 1. What is not right is taken from the stopgap, until nothing is in the way.
	open := map[string]bool{} // elements
	var members, spare map[string]jsontext.Value
	if json.Unmarshal([]byte(stopgap), &spare) != nil {
		return s // unreachable: a test reads it
	}
	if broken && json.Unmarshal(raw, &members) != nil {
		members = map[string]jsontext.Value{}
	}
	for round := 0; broken && round < sketchRounds; round++ {
		for _, p := range found.List {
			member, _, _ := strings.Cut(strings.TrimPrefix(p.Field, "/"), "/")
			if p.Warn {
				continue
			}
			delete(members, member)
			if spare[member] != nil {
				members[member] = spare[member]
			}
			for _, other := range []string{"level", "credits", "legal_basis"} { // a value or a reason in its place
				if member == other || member == "" {
					members[other+"_reason"] = spare[other+"_reason"]
				}
			}
			for _, id := range memberElements[member] {
				open[id] = true
			}
			if member == "" { // no place is named, so none can be trusted
				members = maps.Clone(spare)
				for _, ids := range memberElements {
					for _, id := range ids {
						open[id] = true
					}
				}
			}
		}
		filled, err := json.Marshal(members, json.Deterministic(true))
		if err != nil {
			return s
		}
		course, _, err = i.ParseCourse("course", filled)
		found, broken = errors.AsType[*Problems](err)
	}
	if broken || course == nil {
		return s
	}

	// 2. The specimen, without what was taken.
	cred, err := Specimen(course, time.Now())
	if err != nil {
		return s
	}
	sections := elm.Supplement(cred, lang)
	labels := map[string]string{}
	for _, section := range sections {
		for _, e := range section.Elements {
			labels[e.ID] = e.Label
		}
	}
	answers := elm.CompletenessOf(sections)
	for _, id := range slices.Concat(answers.Present, answers.Reasoned, answers.Missing) {
		s.Gate = append(s.Gate, GateElement{id, labels[id], !open[id] && !slices.Contains(answers.Missing, id)})
	}
	slices.SortStableFunc(s.Gate, func(a, b GateElement) int { return gateOrder(a.ID) - gateOrder(b.ID) })
	for _, section := range sections {
		section.Elements = slices.DeleteFunc(section.Elements, func(e elm.Element) bool { return open[e.ID] })
		if len(section.Elements) > 0 {
			s.Sections = append(s.Sections, section)
		}
	}
	return s
}

// gateOrder is the place of an element in Annex I.
func gateOrder(id string) int {
	return slices.Index([]string{"M1", "M2", "M3", "M4", "M5", "M6", "M7", "M8", "M9", "M10", "M11", "legal-basis", "confirm"}, id)
}
