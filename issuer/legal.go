package issuer

import (
	_ "embed"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/go-json-experiment/json"
)

// Act is a legal act, or what stands in its place, that a course may name as
// its legal basis.
type Act struct {
	ID        string `json:"id"`
	Country   string `json:"country,omitempty"`   // ISO 3166-1 alpha-3; "" for the Union
	Territory string `json:"territory,omitempty"` // part of the country where it holds
	Title     Words  `json:"title"`               // in English, and in the original where it is known
	URL       string `json:"url,omitempty"`
	// From is a day, or as much of one as is known ("2018", "2010-12"): in force
	// since, or at least adopted.
	From    string `json:"from,omitempty"`
	Until   string `json:"until,omitempty"` // YYYY-MM-DD, the last day in force; "" while no end is known
	Source  string `json:"source"`
	Checked string `json:"checked"` // YYYY-MM-DD, when it was last held against the source
}

//go:embed acts.json
var actsFile []byte

var acts = sync.OnceValue(func() map[string]Act {
	var list []Act
	if err := json.Unmarshal(actsFile, &list, json.RejectUnknownMembers(true)); err != nil {
		panic(fmt.Sprintf("reading the legal acts: %v", err)) // unreachable: a test reads them
	}
	for _, p := range Profiles() {
		for _, a := range p.LegalBasis {
			a.Country = p.Country
			list = append(list, a)
		}
	}
	all := make(map[string]Act, len(list))
	for _, a := range list {
		all[a.ID] = a
	}
	return all
})

// Acts returns the legal acts that a course can name by id, sorted by id: those
// of the national profiles and of other countries.
func Acts() []Act {
	all := acts()
	list := make([]Act, 0, len(all))
	for _, id := range slices.Sorted(maps.Keys(all)) {
		list = append(list, all[id])
	}
	return list
}

// nearActs are the ids that a wrong one may mean: a misspelt one first, then
// those of the same country.
func nearActs(id string) []string {
	ids := slices.Sorted(maps.Keys(acts()))
	var near []string
	if one := nearest(id, ids); one != "" {
		near = append(near, one)
	}
	country, _, _ := strings.Cut(strings.ToLower(id), "-")
	for _, other := range ids {
		if strings.HasPrefix(other, country+"-") && !slices.Contains(near, other) {
			near = append(near, other)
		}
	}
	if len(near) == 0 {
		return ids
	}
	return near
}

// resolved is the legal basis with what its act says filled in; the course's own
// words go before the act's.
func (l LegalBasis) resolved() LegalBasis {
	a, ok := acts()[l.Act]
	if !ok {
		return l
	}
	if len(l.Text) == 0 {
		l.Text = a.Title
	}
	if l.URL == "" {
		l.URL = a.URL
	}
	if l.From == "" && len(a.From) == len("2006-01-02") {
		l.From = a.From
	}
	if l.Until == "" {
		l.Until = a.Until
	}
	return l
}

// checkLegalBasis judges acts against each other and the list.
func (c *Course) checkLegalBasis(k *checks) {
	for n, l := range c.LegalBasis {
		at := fmt.Sprintf("/legal_basis/%d", n)
		if _, ok := acts()[l.Act]; l.Act != "" && !ok {
			k.fail("legal-act", at+"/act", l.Act, "is not in the list of acts: expected "+oneOf(nearActs(l.Act)))
			continue
		}
		if r := l.resolved(); r.From != "" && r.Until != "" && r.Until < r.From {
			k.fail("course-order", at+"/until", r.Until, `is before `+r.From+`: expected a day on or after "from"`)
		}
	}
}

// notInForce are warnings for the acts that were not in force on the awarding
// date (YYYY-MM-DD).
func (c *Course) notInForce(awarded string) []Problem {
	var k checks
	for n, l := range c.LegalBasis {
		r := l.resolved()
		from := r.From
		if from == "" {
			from = acts()[l.Act].From
		}
		// Days compare as text, also with the year or month that is known of one.
		ended, early := r.Until != "" && awarded > r.Until, from != "" && awarded < from
		if !ended && !early { // as nearly always
			continue
		}
		at, name := fmt.Sprintf("/legal_basis/%d", n), l.Act
		if name == "" && len(r.Text) > 0 {
			name = shorten(r.Text[first(r.Text)])
		}
		if ended {
			k.warn("legal-act-ended", at, "", fmt.Sprintf("the legal basis %q (%s) ended on %s: expected an act that was in force on %s", name, at, r.Until, awarded))
		} else {
			k.warn("legal-act-early", at, "", fmt.Sprintf("the legal basis %q (%s) is in force since %s only: expected an act that was in force on %s", name, at, from, awarded))
		}
	}
	return k.list
}

func oneOf(ids []string) string {
	if len(ids) == 1 {
		return ids[0]
	}
	return "one of " + strings.Join(ids, ", ")
}
