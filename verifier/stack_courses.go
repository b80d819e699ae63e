package verifier

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"math/big"
	"slices"
	"strings"

	"indeks/elm"
)

// course is what makes two awards one course. Both must come from the same
// issuer. Where both name the qualification by a code that means something
// outside their document (an id on the web, a UUID, an identifier with its
// scheme), the codes decide, and titles, credits and versions may differ. Where
// one of them does not, ids are local, and it is the same course if the awarding
// bodies, the title in a language that both have, the credits and the level are
// the same: another number of credits is another version, and what was learnt in
// it may be more.
type course struct {
	codes    []courseCode
	versions []courseVersion // one for each language of the title
	names    []courseName
}

type (
	courseCode    struct{ issuer, code string }
	courseVersion struct {
		version string // issuer, awarding bodies, credits and level
		courseName
	}
	courseName struct{ tag, title string }
)

func (i *StackItem) course(a *elm.Award) course {
	var c course
	for _, code := range a.Codes {
		c.codes = append(c.codes, courseCode{i.issuer, code})
	}
	var bodies, credits []string
	for _, body := range a.Bodies {
		if name := plainName(elm.NameOf(body, "en").Text); name != "" {
			bodies = append(bodies, name)
		}
	}
	slices.Sort(bodies)
	of := StackItem{Award: a, issuer: i.issuer, key: "~"}
	of.read(a, map[string]int{})
	for _, credit := range of.Credits {
		credits = append(credits, credit.key+" "+credit.Amount)
	}
	slices.Sort(credits)
	version := sha256.Sum256(fmt.Appendf(nil, "%q %q %q %q", i.issuer, slices.Compact(bodies), credits, of.levelKey()))
	for _, t := range a.Title {
		if len(t.Values) == 0 {
			continue
		}
		if title := plainName(t.Values[0]); title != "" {
			name := courseName{t.Tag, title}
			c.names = append(c.names, name)
			c.versions = append(c.versions, courseVersion{string(version[:]), name})
		}
	}
	return c
}

// courseIndex finds numbers of awards by their course. Strangers send them, so
// the work must grow with what they send and not with its square.
type courseIndex struct {
	coded             map[courseCode][]int
	versions, uncoded map[courseVersion][]int // of all, and of those without codes
}

func newCourseIndex() courseIndex {
	return courseIndex{map[courseCode][]int{}, map[courseVersion][]int{}, map[courseVersion][]int{}}
}

// add enters a course under a number, not lower than those before.
func (x courseIndex) add(c course, number int) {
	for _, code := range c.codes {
		x.coded[code] = append(x.coded[code], number)
	}
	for _, v := range c.versions {
		x.versions[v] = append(x.versions[v], number)
		if len(c.codes) == 0 {
			x.uncoded[v] = append(x.uncoded[v], number)
		}
	}
}

// first is the lowest number of the same course that will do.
func (x courseIndex) first(c course, willDo func(number int) bool) (int, bool) {
	lowest, found := 0, false
	look := func(numbers []int) {
		if at := slices.IndexFunc(numbers, willDo); at >= 0 && (!found || numbers[at] < lowest) {
			lowest, found = numbers[at], true
		}
	}
	for _, code := range c.codes {
		look(x.coded[code])
	}
	versions := x.versions
	if len(c.codes) > 0 {
		versions = x.uncoded
	}
	for _, v := range c.versions {
		look(versions[v])
	}
	return lowest, found
}

// findOverlaps lets every course count once: the best confirmed award of it,
// among these the latest. A course that is part of a larger award is in that
// one's credits already. Awards that have only the title in common count, and
// are pointed out.
func (s *StackReport) findOverlaps() {
	courses := make([]course, len(s.Items))
	var order []int // of preference
	for i := range s.Items {
		if s.Items[i].counts() {
			courses[i] = s.Items[i].course(s.Items[i].Award)
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int {
		x, y := &s.Items[a], &s.Items[b]
		if x.Counts != y.Counts {
			return cmp.Compare(x.Counts, y.Counts) // "full" before "provisional"
		}
		return cmp.Or(y.at.Compare(x.at), cmp.Compare(x.key, y.key))
	})
	instead := map[int][]int{} // those that count by one that counts
	once := func(i, counted int, why string) {
		s.Items[i].Counts, s.Items[i].Why = CountsOnce, why
		instead[counted] = append(instead[counted], i)
	}
	// 1. The same course again.
	var counted []int
	again := newCourseIndex()
	for _, i := range order {
		if n, found := again.first(courses[i], func(int) bool { return true }); found {
			once(i, counted[n], "same_course")
			continue
		}
		again.add(courses[i], len(counted))
		counted = append(counted, i)
	}
	// 2. A course that is a part of another award. Confirmed credits are not
	// given up for a whole that is not.
	parts := newCourseIndex()
	for n, whole := range counted {
		s.Items[whole].eachPart(s.Items[whole].Award.Parts, func(c course) { parts.add(c, n) })
	}
	for _, i := range counted {
		n, found := parts.first(courses[i], func(n int) bool {
			whole := &s.Items[counted[n]]
			return counted[n] != i && whole.counts() && !(s.Items[i].Counts == CountsFull && whole.Counts == CountsProvisional)
		})
		if found {
			once(i, counted[n], "part_of_another")
		}
	}
	for counted, others := range instead {
		slices.Sort(others)
		s.Overlaps = append(s.Overlaps, Overlap{Certain: true, Counted: counted, Others: others})
	}
	// 3. The same title, in whatever language.
	var alike [][]int
	named := map[courseName]int{}
	for i := range s.Items {
		if !s.Items[i].counts() {
			continue
		}
		group := len(alike)
		for _, name := range courses[i].names {
			if known, found := named[name]; found {
				group = min(group, known)
			}
		}
		if group == len(alike) {
			alike = append(alike, nil)
		}
		alike[group] = append(alike[group], i)
		for _, name := range courses[i].names {
			if _, found := named[name]; !found {
				named[name] = group
			}
		}
	}
	for _, group := range alike {
		if len(group) > 1 {
			s.Overlaps = append(s.Overlaps, Overlap{Counted: group[0], Others: group[1:]})
		}
	}
	slices.SortFunc(s.Overlaps, func(a, b Overlap) int {
		if a.Certain != b.Certain {
			if a.Certain {
				return -1
			}
			return 1
		}
		return cmp.Compare(a.Counted, b.Counted)
	})
}

// eachPart yields the courses of parts of an award and of their parts.
func (i *StackItem) eachPart(parts []elm.Award, yield func(course)) {
	for _, part := range parts {
		if len(part.Bodies) == 0 {
			part.Bodies = i.Award.Bodies // a part need not repeat what is said of the whole
		}
		if part.Level == nil {
			part.Level = i.Award.Level
		}
		yield(i.course(&part))
		i.eachPart(part.Parts, yield)
	}
}

// findAwards says how far named awards are to which the others lead.
func (s *StackReport) findAwards() {
	known := newCourseIndex()
	for k := range s.Items {
		i := &s.Items[k]
		if !i.counts() {
			continue
		}
		for _, to := range i.Award.Towards {
			award := target(i.issuer, to)
			at, found := known.first(award, func(int) bool { return true })
			if !found {
				at = len(s.Awards)
				known.add(award, at)
				s.Awards = append(s.Awards, Toward{Title: to.Title, at: map[string]int{}})
			}
			t := &s.Awards[at]
			if last := len(t.Items) - 1; last >= 0 && t.Items[last] == k {
				continue // named as the whole it is part of and as what it entitles to
			}
			t.Items = append(t.Items, k)
			t.NeverReplaces = t.NeverReplaces || i.NeverReplaces
			for _, c := range i.Credits {
				sum := t.sum(c.key, c.System)
				if i.Counts == CountsProvisional {
					sum.provisional.Add(sum.provisional, c.value)
				} else {
					sum.counted.Add(sum.counted, c.value)
				}
			}
			for _, p := range to.Needs {
				if value, ok := parseAmount(p.Point); ok {
					sum := t.sum(i.systemKey(p.Framework), p.Framework)
					t.Contradictory = t.Contradictory || sum.needs != nil && sum.needs.Cmp(value) != 0
					sum.needs = value
				}
			}
		}
	}
	for k := range s.Awards {
		t := &s.Awards[k]
		for n := range t.Sums {
			sum := &t.Sums[n]
			sum.Counted = writeAmount(sum.counted)
			if sum.provisional.Sign() > 0 {
				sum.Provisional = writeAmount(sum.provisional)
			}
			if sum.needs == nil || t.Contradictory {
				continue
			}
			sum.Needs = writeAmount(sum.needs)
			if missing := new(big.Rat).Sub(sum.needs, sum.counted); t.NeverReplaces {
				continue
			} else if missing.Sign() > 0 {
				sum.Missing = writeAmount(missing)
			} else {
				sum.Missing = "0"
			}
		}
		slices.SortFunc(t.Sums, func(a, b TowardSum) int { return strings.Compare(a.key, b.key) })
	}
}

// target is what makes two named awards one: a code wherever it occurs, else the
// title in the name of the same issuer.
func target(issuer string, to elm.Target) course {
	var c course
	for _, code := range to.Codes {
		c.codes = append(c.codes, courseCode{code: code})
	}
	for _, t := range to.Title {
		if len(t.Values) > 0 && plainName(t.Values[0]) != "" {
			c.versions = append(c.versions, courseVersion{issuer, courseName{t.Tag, plainName(t.Values[0])}})
		}
	}
	return c
}

// sum is the sum in a system, a new one if need be.
func (t *Toward) sum(key string, system *elm.Concept) *TowardSum {
	at, found := t.at[key]
	if !found {
		at = len(t.Sums)
		t.at[key] = at
		t.Sums = append(t.Sums, TowardSum{System: system, key: key, counted: new(big.Rat), provisional: new(big.Rat)})
	}
	return &t.Sums[at]
}
