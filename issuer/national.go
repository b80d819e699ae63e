package issuer

import (
	"cmp"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strconv"
	"strings"
)

// ParseCourse reads a course as [ParseCourse] does, and judges it by what goes
// without saying at this institution: the national profile of its country and
// its way of finding a level.
func (i Institution) ParseCourse(name string, raw []byte) (*Course, []Problem, error) {
	return parseCourse(name, raw, &i)
}

// checkCourse holds a course that was read without knowing the institution
// against the profile that goes without saying here.
func (i *Institution) checkCourse(c *Course) error {
	if c.Profile != "" || c.AwardingBody != nil {
		return nil // was judged when it was read
	}
	var k checks
	c.checkProfile(&k, i)
	_, err := split(c.ID, k.list)
	return err
}

// checkProfile holds a course against its national profile. What is law or made
// under a law blocks, what is only proposed or recommended warns.
func (c *Course) checkProfile(k *checks, inst *Institution) {
	p := inst.profile(c)
	if c.Profile != "" && p == nil {
		k.fail("profile", "/profile", c.Profile, "is not a national profile: expected one of "+profileIDs())
	}
	c.checkCredits(k, p)
	c.checkSource(k, p)
	if p == nil {
		if c.Level != nil && c.Level.NQF != "" && !strings.HasPrefix(c.Level.NQF, "http") {
			k.fail("course-code", "/level/nqf", c.Level.NQF, "is a level of a framework that is not known: expected its IRI, or a member profile beside it")
		}
		return
	}
	c.checkNationalLevel(k, p)
	k.of(p.Standing, "profile-hours", "/hours", c.Hours, p.MinHours != "" && less(c.Hours, p.MinHours),
		fmt.Sprintf("is less than the %s hours that a micro-credential has at least under profile %s (%s; %s)", p.MinHours, p.ID, p.Standing, p.Source), "Hours", p.MinHours)
	for _, r := range p.Requires {
		c.checkRequirement(k, p, r)
	}
	if p.Stacking.TowardsDegree == "no" && c.Stackability.Kind == "part-of-programme" {
		k.of(p.Standing, "profile-stacking", "/stackability/kind", c.Stackability.Kind, true,
			fmt.Sprintf("contradicts profile %s: a micro-credential never replaces a part of a qualification or programme (%s; %s)", p.ID, p.Standing, p.Stacking.Source))
	}
	c.checkNumbers(k, p)
	if r := p.registry("institution"); r != nil && inst != nil && inst.Register.Number != "" && slices.Contains(slices.Collect(maps.Values(r.Name)), inst.Register.Name) && !r.fits(inst.Register.Number) {
		k.warn("register-number", "number of the institution's register entry", inst.Register.Number, "does not look like a number of the "+r.Name["en"])
	}
}

func profileIDs() string {
	var ids []string
	for _, p := range profiles() {
		ids = append(ids, p.ID)
	}
	return strings.Join(ids, ", ")
}

// of is a problem with the standing of the rule that is broken.
func (k *checks) of(s Standing, rule, field, value string, broken bool, want string, figures ...string) {
	switch {
	case !broken:
	case s.binding():
		k.fail(rule, field, value, want, figures...)
	default:
		k.warn(rule, field, value, want, figures...)
	}
}

// checkCredits holds amounts of credit against the bounds of their systems and
// against the hours. Systems are never converted into each other, so each is
// judged by itself.
func (c *Course) checkCredits(k *checks, p *Profile) {
	hours := decimal(c.Hours)
	for n, credit := range c.Credits {
		at := fmt.Sprintf("/credits/%d/points", n)
		points := decimal(credit.Points)
		if points == nil {
			continue
		}
		if hours != nil && points.Cmp(hours) > 0 {
			k.fail("course-contradiction", at, credit.Points, fmt.Sprintf("credits contradict %s hours: a credit is never less than an hour of work", c.Hours))
		}
		s, owner := creditScheme(p, credit.System)
		if s == nil {
			continue
		}
		whose := fmt.Sprintf("of a micro-credential under profile %s (%s; %s)", owner.ID, s.Standing, s.Source)
		bounds := cmp.Or(s.Min, "0") + "–" + cmp.Or(s.Max, "…")
		k.of(s.Standing, "profile-credits", at, credit.Points, s.Min != "" && less(credit.Points, s.Min),
			fmt.Sprintf("%s is less than %s, the lower bound %s", s.Code, s.Min, whose), "System", s.Code, "Span", bounds)
		above := ""
		if s.Above != "" {
			above = ": " + s.Above
		}
		k.of(s.Standing, "profile-credits", at, credit.Points, s.Max != "" && less(s.Max, credit.Points),
			fmt.Sprintf("%s is more than %s, the upper bound %s%s", s.Code, s.Max, whose, above), "System", s.Code, "Span", bounds)
		if l := c.Level; l != nil && (l.EQF < s.EQFMin || s.EQFMax != 0 && l.EQF > s.EQFMax) {
			k.warn("profile-level", "/level/eqf", strconv.Itoa(l.EQF), fmt.Sprintf("is not a level at which %s is used under profile %s: expected %d to %d", s.Code, owner.ID, s.EQFMin, s.EQFMax), "System", s.Code, "Span", fmt.Sprintf("%d–%d", s.EQFMin, cmp.Or(s.EQFMax, 8)))
		}
		if hours == nil || s.HoursMin == "" {
			continue
		}
		low, high := new(big.Rat).Mul(points, decimal(s.HoursMin)), new(big.Rat).Mul(points, decimal(s.HoursMax))
		each, span := s.HoursMin, trimmed(low)
		if s.HoursMin != s.HoursMax {
			each, span = s.HoursMin+" to "+s.HoursMax, trimmed(low)+" to "+trimmed(high)
		}
		if hours.Cmp(low) < 0 || hours.Cmp(high) > 0 {
			k.warn("workload-"+strings.ToLower(s.Code), "/hours", c.Hours, fmt.Sprintf("hours do not fit %s %s: expected %s hours for each credit, %s", credit.Points, s.Code, each, span),
				"Points", credit.Points, "System", s.Code, "Each", strings.Replace(each, " to ", "–", 1), "Span", strings.Replace(span, " to ", "–", 1))
		}
	}
}

// less compares decimals of the schema's form; what is none is not less.
func less(a, b string) bool {
	x, y := decimal(a), decimal(b)
	return x != nil && y != nil && x.Cmp(y) < 0
}

// checkNationalLevel holds the national level against the framework and the EQF
// level.
func (c *Course) checkNationalLevel(k *checks, p *Profile) {
	for n, level := range c.OnwardLevels {
		if _, ok := p.level(level); !ok {
			k.fail("course-code", fmt.Sprintf("/onward_levels/%d", n), level, p.unknownLevel())
		}
	}
	if c.Level == nil || c.Level.NQF == "" {
		return
	}
	l, ok := p.level(c.Level.NQF)
	switch {
	case !ok && strings.HasPrefix(c.Level.NQF, "http"):
		k.warn("level-national", "/level/nqf", c.Level.NQF, "is a level of another framework than that of profile "+p.ID)
	case !ok:
		k.fail("course-code", "/level/nqf", c.Level.NQF, p.unknownLevel())
	case l.IRI == "":
		k.fail("course-code", "/level/nqf", c.Level.NQF, "has no IRI in the EU's list: expected a sublevel of it")
	case l.EQF != 0 && l.EQF != c.Level.EQF:
		k.warn("level-national", "/level/nqf", c.Level.NQF, fmt.Sprintf("goes with EQF level %d, not %d", l.EQF, c.Level.EQF))
	}
}

func (p *Profile) unknownLevel() string {
	var names []string
	for _, l := range p.Levels.Levels {
		names = append(names, l.Level)
	}
	return fmt.Sprintf("is not a level of the %s: expected one of %s", p.Levels.Label["en"], strings.Join(names, ", "))
}

// checkRequirement asks for what a country wants beyond Annex I.
func (c *Course) checkRequirement(k *checks, p *Profile, r Requirement) {
	by := fmt.Sprintf("as profile %s asks for it (%s; %s)", p.ID, r.Standing, r.Source)
	switch r.What {
	case "sector":
		k.of(r.Standing, "profile-requires", "/sector", "", len(c.Sector) == 0, "is missing: expected the sector, "+by)
	case "assessment-criteria":
		for n, a := range c.Assessment {
			k.of(r.Standing, "profile-requires", fmt.Sprintf("/assessment/%d/criteria", n), "", len(a.Criteria) == 0 && a.CriteriaURL == "",
				"is missing: expected the criteria as text, or criteria_url, "+by)
		}
	case "national-level":
		k.of(r.Standing, "profile-requires", "/level/nqf", "", c.Level == nil || c.Level.NQF == "",
			"is missing: expected a level of the "+p.Levels.Label["en"]+", "+by)
	case "national-credits":
		code := p.Credits[0].Code
		k.of(r.Standing, "profile-requires", "/credits", "", !slices.ContainsFunc(c.Credits, func(x Credit) bool { return x.System == code }),
			"have no "+code+": expected an amount in it, "+by)
	}
}

// checkSource holds the origin of the outcomes against its kind: one standard,
// several, none but job functions, or informal adult education.
func (c *Course) checkSource(k *checks, p *Profile) {
	s := c.OutcomeSource
	if s == nil {
		return
	}
	const at = "/outcome_source"
	switch n := len(s.Standards); s.Kind {
	case "qualification-standard", "partial-qualification":
		if n > 1 {
			k.fail("course-contradiction", at+"/standards", "", fmt.Sprintf("has %d standards though kind is %q: expected one, or kind \"several-standards\"", n, s.Kind))
		}
		if n == 0 && s.Standard == "" {
			k.fail("course-required", at+"/standard", "", fmt.Sprintf("is missing: expected the name of the standard, as kind is %q", s.Kind))
		}
	case "several-standards":
		if n == 1 {
			k.fail("course-contradiction", at+"/standards", "", `has one standard though kind is "several-standards": expected two or more`)
		}
		if n == 0 && s.Standard == "" {
			k.fail("course-required", at+"/standards", "", `is missing: expected the standards with the outcomes taken from each, as kind is "several-standards"`)
		}
	case "outside-standards":
		if p != nil && p.ID == "rs" && len(c.Occupations) == 0 && len(s.Note) == 0 {
			k.warn("outcome-source", "/occupations", "", `are missing: expected the job functions that the outcomes are for, as kind is "outside-standards"`)
		}
		fallthrough
	case "informal":
		if n > 0 || s.Standard != "" {
			k.fail("course-contradiction", at+"/kind", s.Kind, "contradicts the standard that is named")
		}
	}
}

// checkNumbers holds numbers of national registers against their form.
func (c *Course) checkNumbers(k *checks, p *Profile) {
	form := func(of, field, id string) {
		if r := p.registry(of); r != nil && id != "" && !r.fits(id) {
			k.warn("register-number", field, id, "does not look like a number of the "+r.Name["en"])
		}
	}
	form("class-nqfs", "/class_nqfs", c.ClassNQFS)
	form("proaea-number", "/proaea_number", c.PROAEA)
	if s := c.OutcomeSource; s != nil {
		form("standard", "/outcome_source/code", s.Code)
		for n, standard := range s.Standards {
			form("standard", fmt.Sprintf("/outcome_source/standards/%d/id", n), standard.ID)
		}
	}
	if p.ID != "rs" {
		if c.ClassNQFS != "" {
			k.warn("profile-foreign", "/class_nqfs", c.ClassNQFS, "is a code of Serbia: profile "+p.ID+" has none")
		}
		if c.PROAEA != "" {
			k.warn("profile-foreign", "/proaea_number", c.PROAEA, "is a number of Serbia: profile "+p.ID+" has none")
		}
	}
}

// belowPartial reports whether the amount of credit says that the award is no
// partial qualification, whatever its outcomes were taken from.
func (c *Course) belowPartial(p *Profile) bool {
	return slices.ContainsFunc(c.Credits, func(x Credit) bool {
		s, _ := creditScheme(p, x.System)
		return s != nil && s.PartialFrom != "" && less(x.Points, s.PartialFrom)
	})
}
