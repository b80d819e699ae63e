package issuer

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// proposal is the level that the outcomes give, and how.
type proposal struct {
	Level  int
	Method string      // "majority" or "average": which one gave the level
	Count  map[int]int // level to number of outcomes
	// Tie tells that a majority was asked for and no level has one, so that the
	// average is proposed.
	Tie bool
}

// propose finds the level of the majority (more than half) of those outcomes
// that have one, or their average, a half rounded upwards. Without a majority
// the average is proposed. ok is false where no outcome has a level.
func propose(outcomes []Outcome, method string) (p proposal, ok bool) {
	p.Count = map[int]int{}
	sum, n := 0, 0
	for _, o := range outcomes {
		if o.Level > 0 {
			p.Count[o.Level]++
			sum += o.Level
			n++
		}
	}
	if n == 0 {
		return proposal{}, false
	}
	p.Level, p.Method = (2*sum+n)/(2*n), "average"
	if method == "average" {
		return p, true
	}
	for level, times := range p.Count {
		if 2*times > n {
			p.Level, p.Method = level, "majority"
			return p, true
		}
	}
	p.Tie = true
	return p, true
}

// counts is how many outcomes have which level: "6 (2), 7 (2)".
func (p proposal) counts() string {
	var parts []string
	for _, level := range slices.Sorted(maps.Keys(p.Count)) {
		parts = append(parts, fmt.Sprintf("%d (%d)", level, p.Count[level]))
	}
	return strings.Join(parts, ", ")
}

// levelMethod is how levels are found: the course's way, else the
// institution's, else by majority.
func (i *Institution) levelMethod(c *Course) string {
	switch {
	case c.Level != nil && c.Level.Method != "":
		return c.Level.Method
	case i != nil && i.LevelMethod != "":
		return i.LevelMethod
	}
	return "majority"
}

// cycleLevels are the EQF levels of the cycles of the European Higher Education
// Area.
var cycleLevels = map[string]int{"short": 5, "first": 6, "second": 7, "third": 8}

// checkLevel holds the level against the outcomes, the cycle and the kind of
// award. An institution that is not known is nil.
func (c *Course) checkLevel(k *checks, inst *Institution) {
	if c.Level == nil || c.Level.EQF < 1 || c.Level.EQF > 8 {
		return
	}
	l := c.Level
	level := fmt.Sprint(l.EQF)
	p, ok := propose(c.Outcomes, inst.levelMethod(c))
	if ok && p.Tie {
		k.warn("level-tie", "/level/eqf", level, fmt.Sprintf("no level has a majority of the outcomes, %s: their average %d is proposed", p.counts(), p.Level), "Level", strconv.Itoa(p.Level))
	}
	switch differs := ok && p.Level != l.EQF; {
	case differs && len(l.Reason) == 0:
		k.warn("level-outcomes", "/level/eqf", level, fmt.Sprintf("differs from what the outcomes give: the %s of their levels is %d; expected that level, or why it was set otherwise in /level/reason", p.Method, p.Level), "Level", strconv.Itoa(p.Level))
	case ok && !differs && len(l.Reason) > 0:
		k.warn("level-outcomes", "/level/reason", "", "is not needed: the level follows from the outcomes")
	case !ok && l.Method != "":
		k.warn("level-outcomes", "/level/method", l.Method, "cannot be applied: the outcomes have no levels")
	}
	if l.DecidedBy != "" && len(l.Reason) == 0 {
		k.fail("course-required", "/level/reason", "", "is missing: expected why the level was set, as decided_by is given")
	}
	if c.AwardStatus != "vocational-adult" {
		if l.EQF < 5 {
			k.warn("level-higher-education", "/level/eqf", level, "is outside higher education: expected 5 to 8", "From", "5")
		} else if l.EQF == 5 && c.country(inst) == "AUT" {
			k.warn("level-higher-education", "/level/eqf", level, "is outside higher education in Austria: expected 6 to 8", "From", "6")
		}
	}
	if want, ok := cycleLevels[l.Cycle]; ok && want != l.EQF {
		k.warn("level-cycle", "/level/cycle", l.Cycle, fmt.Sprintf("cycle goes with EQF level %d, not %d", want, l.EQF), "Level", strconv.Itoa(want))
	}
}

// country is where the award is made, or "" where that is not known.
func (c *Course) country(inst *Institution) string {
	switch {
	case c.AwardingBody != nil:
		return c.AwardingBody.Country
	case inst != nil:
		return inst.Country
	}
	return ""
}

// levelTaken is the level of a credential and how it came about.
type levelTaken struct {
	EQF    int
	Method string // "majority", "average", "override"; "" where the outcomes have no levels
	// Of an override: what was proposed (0: nothing), why another was taken, and
	// who said so.
	Proposed proposal
	Reason   Words
	By       string
}

// taken decides between the level of the course and that of a row.
func (d *Draft) taken(inst *Institution) levelTaken {
	c := d.Course
	if c.Level == nil {
		return levelTaken{}
	}
	p, ok := propose(c.Outcomes, inst.levelMethod(c))
	t := levelTaken{EQF: c.Level.EQF, Proposed: p, By: c.Level.DecidedBy}
	switch {
	case d.LevelOverride != 0 && d.LevelOverride != c.Level.EQF:
		t.EQF, t.Method, t.By = d.LevelOverride, "override", d.OverrideBy
		t.Reason = Words{}
		for tag := range c.Title {
			t.Reason[tag] = d.OverrideReason
		}
	case ok && p.Level != c.Level.EQF, !ok && len(c.Level.Reason) > 0:
		t.Method, t.Reason = "override", c.Level.Reason
	case ok:
		t.Method = p.Method
	}
	return t
}
