package verifier

import (
	"cmp"
	"math/big"
	"slices"
	"strings"

	"indeks/elm"
)

// course is what tells one course from another.
type course struct {
	issuer  string
	bodies  []string
	codes   []string
	title   elm.Text
	credits []string // of the award itself
	level   string
}

func (i *StackItem) course(a *elm.Award) course {
	c := course{issuer: i.issuer, codes: a.Codes, title: a.Title}
	for _, body := range a.Bodies {
		if name := plainName(elm.NameOf(body, "en").Text); name != "" {
			c.bodies = append(c.bodies, name)
		}
	}
	slices.Sort(c.bodies)
	c.bodies = slices.Compact(c.bodies)
	of := StackItem{Award: a, issuer: i.issuer, key: "~"}
	of.read(a)
	for _, credit := range of.Credits {
		c.credits = append(c.credits, credit.key+" "+credit.Amount)
	}
	slices.Sort(c.credits)
	c.level = of.levelKey()
	return c
}

// sameAs reports whether two awards are of one course. Both must come from the
// same issuer. Where both name the qualification by a code that means something
// outside their document (an id on the web, a UUID, an identifier with its
// scheme), the codes decide, and titles, credits and versions may differ. Where
// one of them does not, ids are local, and it is the same course if the awarding
// bodies, the title in a language that both have, the credits and the level are
// the same: another number of credits is another version, and what was learnt in
// it may be more.
func (c course) sameAs(d course) bool {
	if c.issuer != d.issuer {
		return false
	}
	if len(c.codes) > 0 && len(d.codes) > 0 {
		return share(c.codes, d.codes)
	}
	return slices.Equal(c.bodies, d.bodies) && slices.Equal(c.credits, d.credits) && c.level == d.level && sameTitle(c.title, d.title)
}

func share(a, b []string) bool {
	return slices.ContainsFunc(a, func(s string) bool { return slices.Contains(b, s) })
}

func sameTitle(a, b elm.Text) bool {
	for tag, values := range a {
		if len(values) > 0 && len(b[tag]) > 0 && plainName(values[0]) != "" && plainName(values[0]) == plainName(b[tag][0]) {
			return true
		}
	}
	return false
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
	// 1. The same course again.
	var counted []int
	for _, i := range order {
		if at := slices.IndexFunc(counted, func(k int) bool { return courses[k].sameAs(courses[i]) }); at >= 0 {
			s.once(i, counted[at], "same_course")
			continue
		}
		counted = append(counted, i)
	}
	// 2. A course that is a part of another award. Confirmed credits are not
	// given up for a whole that is not.
	for _, i := range counted {
		for _, whole := range counted {
			if i != whole && s.Items[whole].counts() && !(s.Items[i].Counts == CountsFull && s.Items[whole].Counts == CountsProvisional) &&
				s.Items[whole].contains(s.Items[whole].Award.Parts, courses[i]) {
				s.once(i, whole, "part_of_another")
				break
			}
		}
	}
	// 3. The same title.
	for n, i := range counted {
		for _, k := range counted[:n] {
			if s.Items[i].counts() && s.Items[k].counts() && sameTitle(courses[i].title, courses[k].title) {
				s.Overlaps = append(s.Overlaps, Overlap{Counted: min(i, k), Others: []int{max(i, k)}})
			}
		}
	}
	for k := range s.Overlaps {
		slices.Sort(s.Overlaps[k].Others)
	}
	slices.SortFunc(s.Overlaps, func(a, b Overlap) int {
		if a.Certain != b.Certain {
			if a.Certain {
				return -1
			}
			return 1
		}
		return cmp.Or(cmp.Compare(a.Counted, b.Counted), slices.Compare(a.Others, b.Others))
	})
}

// once lets item i count by another one that counts.
func (s *StackReport) once(i, counted int, why string) {
	s.Items[i].Counts, s.Items[i].Why = CountsOnce, why
	at := slices.IndexFunc(s.Overlaps, func(o Overlap) bool { return o.Certain && o.Counted == counted })
	if at < 0 {
		at = len(s.Overlaps)
		s.Overlaps = append(s.Overlaps, Overlap{Certain: true, Counted: counted})
	}
	s.Overlaps[at].Others = append(s.Overlaps[at].Others, i)
}

func (i *StackItem) contains(parts []elm.Award, c course) bool {
	return slices.ContainsFunc(parts, func(part elm.Award) bool {
		if len(part.Bodies) == 0 {
			part.Bodies = i.Award.Bodies // a part need not repeat what is said of the whole
		}
		if part.Level == nil {
			part.Level = i.Award.Level
		}
		return i.course(&part).sameAs(c) || i.contains(part.Parts, c)
	})
}

// findAwards says how far named awards are to which the others lead.
func (s *StackReport) findAwards() {
	for k := range s.Items {
		i := &s.Items[k]
		if !i.counts() {
			continue
		}
		for _, to := range i.Award.Towards {
			at := slices.IndexFunc(s.Awards, func(t Toward) bool {
				if len(t.codes) > 0 && len(to.Codes) > 0 {
					return share(t.codes, to.Codes)
				}
				return t.issuer == i.issuer && sameTitle(t.Title, to.Title)
			})
			if at < 0 {
				at = len(s.Awards)
				s.Awards = append(s.Awards, Toward{Title: to.Title, codes: to.Codes, issuer: i.issuer})
			}
			t := &s.Awards[at]
			if slices.Contains(t.Items, k) {
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

// sum is the sum in a system, a new one if need be.
func (t *Toward) sum(key string, system *elm.Concept) *TowardSum {
	at := slices.IndexFunc(t.Sums, func(s TowardSum) bool { return s.key == key })
	if at < 0 {
		at = len(t.Sums)
		t.Sums = append(t.Sums, TowardSum{System: system, key: key, counted: new(big.Rat), provisional: new(big.Rat)})
	}
	return &t.Sums[at]
}
