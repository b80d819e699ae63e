package verifier

import (
	"cmp"
	"math/big"
	"regexp"
	"slices"
	"strings"

	"indeks/contexts"
	"indeks/elm"
)

// amount is an exact decimal, or exact seconds. There are no floats here: a
// tenth of a credit ten times over is one credit.
type amount = *big.Rat

// decimalForm is an xsd:decimal that credits can have. Its digits bound the work
// and keep sums exact when they are written out.
var decimalForm = regexp.MustCompile(`^[0-9]{1,9}(\.[0-9]{1,9})?$`)

func parseAmount(s string) (amount, bool) {
	if !decimalForm.MatchString(s) {
		return nil, false
	}
	return new(big.Rat).SetString(s)
}

// writeAmount is the shortest decimal.
func writeAmount(a amount) string {
	s := a.FloatString(9)
	return strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
}

// writeSeconds is the xsd:duration of seconds, in hours, minutes and seconds.
func writeSeconds(a amount) string {
	whole := new(big.Int).Quo(a.Num(), a.Denom())
	rest := new(big.Rat).Sub(a, new(big.Rat).SetInt(whole))
	hours, seconds := new(big.Int).QuoRem(whole, big.NewInt(3600), new(big.Int))
	minutes, seconds := new(big.Int).QuoRem(seconds, big.NewInt(60), new(big.Int))
	rest.Add(rest, new(big.Rat).SetInt(seconds))
	out := "PT"
	if hours.Sign() > 0 {
		out += hours.String() + "H"
	}
	if minutes.Sign() > 0 {
		out += minutes.String() + "M"
	}
	if rest.Sign() > 0 || out == "PT" {
		out += writeAmount(rest) + "S"
	}
	return out
}

// measure reads what can be added of an award: its own credits, or, where it has
// none, those of its parts; never both, because the award's are the parts'.
func (i *StackItem) measure() {
	i.read(i.Award, map[string]int{})
	if a := i.Award.Volume; a != "" {
		if seconds, ok := elm.Seconds(a); ok {
			i.Hours, i.seconds = writeSeconds(seconds), seconds
		} else {
			i.Unread = append(i.Unread, a)
		}
	}
}

// read adds the credits of an award; of says where in Credits a system stands.
func (i *StackItem) read(a *elm.Award, of map[string]int) {
	seen := map[string]bool{} // a second amount in one system is not more of it
	for k := range a.Credits {
		point := &a.Credits[k]
		if point.Point == "" {
			continue
		}
		value, ok := parseAmount(point.Point)
		if !ok {
			i.Unread = append(i.Unread, elm.Clean(point.Point))
			continue
		}
		key := i.systemKey(point.Framework)
		if seen[key] {
			continue
		}
		seen[key] = true
		at, found := of[key]
		if !found {
			at = len(i.Credits)
			of[key] = at
			i.Credits = append(i.Credits, Credit{System: point.Framework, key: key, value: new(big.Rat)})
		}
		c := &i.Credits[at]
		c.value = new(big.Rat).Add(c.value, value)
		c.Amount = writeAmount(c.value)
	}
	if len(a.Credits) == 0 {
		for k := range a.Parts {
			i.read(&a.Parts[k], of)
		}
	}
}

// systemKey tells systems of credit apart. What only a document names is that
// issuer's own, and what nobody names is not even the same as the next.
func (i *StackItem) systemKey(c *elm.Concept) string {
	switch {
	case c == nil:
		return "~" + i.key
	case concepted(c):
		return c.ID
	}
	return "~" + i.issuer + " " + plainName(elm.SystemName(c, "en"))
}

// concepted reports whether a concept means the same in every document.
func concepted(c *elm.Concept) bool {
	_, known := contexts.Lookup(c.ID)
	return known || strings.HasPrefix(c.ID, "http://") || strings.HasPrefix(c.ID, "https://")
}

func (i *StackItem) levelKey() string {
	switch c := i.Award.Level; {
	case c == nil:
		return "~"
	case concepted(c):
		return c.ID
	default:
		return "~" + i.issuer + " " + plainName(elm.LevelName(c, "en"))
	}
}

// add makes the sums, in the order inside, unknown, outside; what is confirmed
// first; credits before hours.
func (s *StackReport) add() {
	type measure struct {
		place       Place
		provisional bool
		key         string
	}
	type level struct {
		sum int
		key string
	}
	sums, levels := map[measure]int{}, map[level]int{}
	put := func(i *StackItem, system *elm.Concept, key string, value amount) {
		of := measure{i.Standing.Place, i.Counts == CountsProvisional, key}
		at, found := sums[of]
		if !found {
			at = len(s.Sums)
			sums[of] = at
			s.Sums = append(s.Sums, Sum{Place: of.place, Provisional: of.provisional, System: system, key: key})
		}
		sum := &s.Sums[at]
		in := level{at, i.levelKey()}
		row, found := levels[in]
		if !found {
			row = len(sum.Levels)
			levels[in] = row
			sum.Levels = append(sum.Levels, LevelSum{Level: i.Award.Level, key: in.key, value: new(big.Rat)})
		}
		sum.Levels[row].value.Add(sum.Levels[row].value, value)
		sum.Levels[row].Awards++
	}
	for k := range s.Items {
		i := &s.Items[k]
		if !i.counts() {
			continue
		}
		for _, c := range i.Credits {
			put(i, c.System, c.key, c.value)
		}
		if i.seconds != nil {
			put(i, nil, hoursKey, i.seconds)
		}
	}
	for k := range s.Sums {
		sum := &s.Sums[k]
		write := writeAmount
		if sum.Hours() {
			write = writeSeconds
		}
		total := new(big.Rat)
		for l := range sum.Levels {
			sum.Levels[l].Total = write(sum.Levels[l].value)
			total.Add(total, sum.Levels[l].value)
		}
		sum.Total = write(total)
		slices.SortFunc(sum.Levels, func(a, b LevelSum) int { return cmp.Compare(a.key, b.key) })
	}
	places := []Place{PlaceInside, PlaceUnknown, PlaceOutside}
	slices.SortFunc(s.Sums, func(a, b Sum) int {
		provisional := 0
		if a.Provisional != b.Provisional {
			provisional = 1
			if b.Provisional {
				provisional = -1
			}
		}
		return cmp.Or(cmp.Compare(slices.Index(places, a.Place), slices.Index(places, b.Place)), provisional, cmp.Compare(a.key, b.key))
	})
}

// hoursKey is the key of sums of hours: behind all systems of credit.
const hoursKey = "~~hours"

// Hours reports whether a sum is one of hours.
func (s Sum) Hours() bool { return s.key == hoursKey }
