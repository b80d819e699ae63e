package verifier

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"indeks/elm"
)

// StackResult says what became of a stack.
type StackResult string

const (
	StackSummed   StackResult = "summed"
	StackQuestion StackResult = "question" // whether all belong to one person must be answered first
	StackRefused  StackResult = "refused"  // they belong to different people
	StackEmpty    StackResult = "empty"    // none of them counts
	StackTooLarge StackResult = "too_large"
)

// maxSteps is how many amounts are carried to sums and to named awards at most:
// every credit of an award counts towards every award that it leads to. Fifty
// transcripts stay far below it.
const maxSteps = 20_000

// Counts says how an award counts.
type Counts string

const (
	CountsFull        Counts = "full"
	CountsProvisional Counts = "provisional" // genuine as far as seen, something could not be confirmed
	CountsOnce        Counts = "once"        // another award of the same course counts for it
	CountsNot         Counts = "no"
)

// Place says on which side of the higher-education system an award stands.
type Place string

const (
	PlaceInside  Place = "inside"
	PlaceOutside Place = "outside" // counts only through recognition of prior learning
	PlaceUnknown Place = "unknown" // the credential does not say
)

// Where a fact of [Standing] comes from.
const (
	ByTrustFile  = "trust_file"
	ByCredential = "credential" // the issuer's own word
)

// StackReport is what several credentials of one learner add up to. It depends
// on which credentials there are, never on their order or on how often one is
// given.
type StackReport struct {
	Result   StackResult
	Items    []StackItem
	Sums     []Sum     // only of StackSummed
	Overlaps []Overlap // as Sums
	Awards   []Toward  // as Sums
}

// StackItem is one award of a credential, or a credential that does not count.
type StackItem struct {
	Report   *Report  // the credential that stands for all its copies
	SHA256   []string // of all payloads that hold it
	Award    *elm.Award
	Counts   Counts
	Why      string // where Counts is not full: a State, or "no_learner", "several_learners", "no_award", "same_course", "part_of_another"
	Standing Standing
	Credits  []Credit // that can be added
	Hours    string   // xsd:duration that can be added, or ""
	Unread   []string // amounts as written that cannot be added: no decimal, or days and months

	// NeverReplaces marks an award under national rules by which it counts
	// towards no qualification (Bosnia and Herzegovina).
	NeverReplaces bool

	key, issuer string
	at          time.Time
	seconds     amount
	who         *elm.Person
}

// Credit is an amount in one system of credit.
type Credit struct {
	System *elm.Concept
	Amount string // decimal
	key    string
	value  amount
}

// Standing is what is known of provider and award, and from whom. The two are
// independent of each other and of any quality assurance.
type Standing struct {
	Place             Place
	Provider, Award   string // "hei", "alternative"; "formal-system", "hei-outside", "vocational-adult"; or ""
	ProviderBy        string // ByTrustFile, ByCredential or ""
	AwardBy           string // ByCredential or "": a trust file knows institutions, not awards
	ProviderOtherwise bool   // the credential says otherwise than the trust file
}

// Sum is the sum of one system of credit, or of hours, over awards of one
// standing. Sums are never added to each other: systems do not convert, hours
// and credits are two measures of the same learning, and what stands outside the
// higher-education system or is not confirmed counts otherwise or perhaps not.
type Sum struct {
	Place       Place
	Provisional bool
	System      *elm.Concept // nil for hours
	Levels      []LevelSum
	Total       string // decimal, or xsd:duration for hours
	key         string
}

// LevelSum is the part of a sum at one level.
type LevelSum struct {
	Level  *elm.Concept // nil: no level stated
	Total  string
	Awards int
	key    string
	value  amount
}

// Overlap is what may have been learnt twice.
type Overlap struct {
	Certain bool // the same course, counted once; else the same title only, counted as given
	Counted int  // index in Items
	Others  []int
}

// Toward is a named award towards which others lead.
type Toward struct {
	Title         elm.Text
	Items         []int // indexes in Items, of awards that count
	Sums          []TowardSum
	NeverReplaces bool           // one of Items leads to no qualification by its national rules, so no distance is told
	Contradictory bool           // they say differently how much it needs, so no distance is told
	at            map[string]int // of Sums, by key
}

// TowardSum is how far the awards lead, in one system.
type TowardSum struct {
	System      *elm.Concept
	Counted     string
	Provisional string // beside Counted, "" for none
	Needs       string // in all, "" where no credential says so
	Missing     string // Needs less Counted, not below 0; "" without Needs

	key                         string
	counted, provisional, needs amount
}

// Stack adds up the credentials of one learner. samePerson is the caller's word
// that they belong to one person, asked for by StackQuestion; it cannot unite
// credentials that contradict each other.
//
// What is valid counts. What is indeterminate counts apart, as provisional,
// where an issuer that is confirmed sealed it and nothing says that it is
// withdrawn or over: an issuer that did not answer, a document that breaks rules
// of its profile. Nothing else counts, and each is listed with the reason.
func Stack(reports []*Report, samePerson bool) *StackReport {
	// 1. Each credential once, whatever forms and copies of it were given.
	s := &StackReport{}
	for _, copies := range copiesOf(reports) {
		s.Items = append(s.Items, itemsOf(copies)...)
	}
	slices.SortFunc(s.Items, compareItems)

	// 2. One learner, with no more than can be added?
	var people []learner
	known := map[*elm.Person]bool{}
	steps := 0
	for i := range s.Items {
		item := &s.Items[i]
		if !item.counts() {
			continue
		}
		steps += 1 + len(item.Credits)*(1+len(item.Award.Towards))
		if !known[item.who] {
			known[item.who] = true
			people = append(people, learnerOf(item))
		}
	}
	switch one := onePerson(people); {
	case len(people) == 0:
		s.Result = StackEmpty
		return s
	case one == differs:
		s.Result = StackRefused
		return s
	case one == doubtful && !samePerson:
		s.Result = StackQuestion
		return s
	case steps > maxSteps:
		s.Result = StackTooLarge
		return s
	}
	s.Result = StackSummed

	// 3. The same course counts once; then what is left is added.
	s.findOverlaps()
	s.add()
	s.findAwards()
	return s
}

func (i *StackItem) counts() bool { return i.Counts == CountsFull || i.Counts == CountsProvisional }

// compareItems is the order of a stack: what counts first, then by what the
// credentials say, so that no order of giving them shows.
func compareItems(a, b StackItem) int {
	last := map[Counts]int{CountsNot: 1}
	return cmp.Or(cmp.Compare(last[a.Counts], last[b.Counts]), a.at.Compare(b.at), cmp.Compare(a.key, b.key))
}

// issuerKey is the trust entry that answers for a report.
func issuerKey(r *Report) string {
	if t := r.Issuer.Trust; t != nil && r.Issuer.Confirmed {
		if t.ID != "" {
			return t.ID
		}
		return "organization " + t.OrganizationID
	}
	return ""
}

// copiesOf gathers the reports on one credential: its forms (an edc file and a
// vc+jwt of one record share the id) and whatever was given twice. An id means
// something only in the name of a confirmed issuer; whatever else there is goes
// by its exact payload.
func copiesOf(reports []*Report) [][]*Report {
	byKey := map[string][]*Report{}
	for _, r := range reports {
		key := "payload " + r.SHA256
		switch {
		case r.showsContent() && r.Issuer.Confirmed && r.ID != "":
			key = "credential " + issuerKey(r) + " " + r.ID
		case r.SHA256 == "":
			key = "unread " + string(r.State) + " " + string(r.Reason)
		}
		byKey[key] = append(byKey[key], r)
	}
	var groups [][]*Report
	for _, copies := range byKey {
		slices.SortFunc(copies, func(a, b *Report) int {
			return cmp.Or(cmp.Compare(precedence(a), precedence(b)), cmp.Compare(a.SHA256, b.SHA256))
		})
		groups = append(groups, copies)
	}
	return groups
}

// precedence orders the copies of one credential. One that was withdrawn or is over
// speaks for all, because they are one record; then comes the best confirmed,
// and among equals the one that says more: the whole before an extract, then the one
// that says more of the learner.
func precedence(r *Report) int {
	n := 12
	switch standing, _ := countsAs(r); {
	case r.State == Revoked:
		n = 0
	case r.Verdict == Invalid:
		n = 3
	case standing == CountsFull:
		n = 6
	case standing == CountsProvisional:
		n = 9
	}
	switch {
	case r.Extract != nil:
		n += 2
	case r.Credential == nil || len(r.Credential.Subject) == 0 || r.Credential.Subject[0].DateOfBirth == "":
		n++
	}
	return n
}

// countsAs says whether a credential of this report counts, and why not.
func countsAs(r *Report) (Counts, string) {
	state := func(name string) Result {
		for i := range r.Checks {
			if r.Checks[i].Name == name {
				return r.Checks[i].Result
			}
		}
		return NotMade
	}
	switch {
	case !r.showsContent() || !r.Issuer.Confirmed || r.Issuer.Trust == nil:
		return CountsNot, string(r.State)
	case r.Verdict == Valid && r.State == StateValid:
		return CountsFull, ""
	case r.Verdict == Indeterminate && (r.State == StatusUnchecked || r.State == NotConforming) &&
		// The first state that matches wins, so what is behind it is asked here.
		state(CheckSeal) == Passed && state(CheckIssuer) == Passed && state(CheckExpiry) == Passed && state(CheckRevocation) != Failed:
		return CountsProvisional, string(r.State)
	case r.Verdict == Indeterminate && state(CheckExpiry) == Failed:
		return CountsNot, string(Expired)
	}
	return CountsNot, string(r.State)
}

// itemsOf are the awards of one credential, given as its copies, best first.
func itemsOf(copies []*Report) []StackItem {
	r := copies[0]
	whole := StackItem{Report: r, issuer: issuerKey(r)}
	for _, c := range copies {
		if c.SHA256 != "" {
			whole.SHA256 = append(whole.SHA256, c.SHA256)
		}
	}
	slices.Sort(whole.SHA256)
	whole.SHA256 = slices.Compact(whole.SHA256)
	whole.key = strings.Join(append([]string{string(r.State)}, whole.SHA256...), " ")
	whole.Counts, whole.Why = countsAs(r)
	not := func(why string) []StackItem {
		whole.Counts, whole.Why = CountsNot, why
		return []StackItem{whole}
	}
	if whole.issuer == "" || !r.showsContent() { // content nobody stands behind is not looked at
		return []StackItem{whole}
	}
	switch subjects := r.Credential.Subject; {
	case len(subjects) > 1:
		return not("several_learners")
	case len(subjects) == 0:
		return not("no_learner")
	}
	whole.who = &r.Credential.Subject[0]
	awards := elm.Awards(whole.who, r.Profile)
	if len(awards) == 0 {
		return not("no_award")
	}
	var items []StackItem
	for n := range awards {
		item := whole
		item.Award = &awards[n]
		item.key = fmt.Sprintf("%s %06d", whole.key, n) // the order within the document
		item.at, _ = item.Award.Awarded.Time(true)
		item.Standing = standingOf(r, item.Award)
		item.NeverReplaces = neverReplaces(r, item.Award)
		item.measure()
		items = append(items, item)
	}
	return items
}

// standingOf says where an award stands: by the trust file as far as it knows
// the provider on the day of the award, else by the issuer's own word. The
// entry is about who sealed; of another awarding body only the credential tells.
func standingOf(r *Report, a *elm.Award) Standing {
	s := Standing{Place: PlaceUnknown, Provider: a.Provider, Award: a.Status}
	if s.Provider != "" {
		s.ProviderBy = ByCredential
	}
	if s.Award != "" {
		s.AwardBy = ByCredential
	}
	if provider := r.Issuer.Provider; provider != "" && r.Issuer.Trust != nil && !mandated(r, a) && registeredOn(r.Issuer.Trust, a) {
		s.ProviderOtherwise = s.Provider != "" && s.Provider != provider
		s.Provider, s.ProviderBy = provider, ByTrustFile
	}
	switch {
	case s.Provider == "alternative", s.Award == "hei-outside", s.Award == "vocational-adult":
		s.Place = PlaceOutside
	case s.Provider == "hei" && s.Award == "formal-system":
		s.Place = PlaceInside
	}
	return s
}

// mandated reports whether others than the issuer awarded.
func mandated(r *Report, a *elm.Award) bool {
	issuer, trust := &r.Credential.Issuer, r.Issuer.Trust
	named := elm.NameOf(issuer, "en").Text
	return len(a.Bodies) > 0 && !slices.ContainsFunc(a.Bodies, func(body *elm.Organisation) bool {
		name := elm.NameOf(body, "en").Text
		return sameBody(body, issuer, trust) || name == named || trust.called(name)
	})
}

// registeredOn reports whether the register entry, if there is one, covers the
// day of the award: an institution that was entered later, or struck off before,
// was none of the register's then.
func registeredOn(t *TrustedIssuer, a *elm.Award) bool {
	at, err := a.Awarded.Time(true)
	if t.NationalRegister == nil || err != nil {
		return true
	}
	on := at.Format(time.DateOnly)
	return (t.NationalRegister.From == "" || t.NationalRegister.From <= on) && (t.NationalRegister.To == "" || on <= t.NationalRegister.To)
}

// NeverReplaces reports whether a micro-credential of a country (ISO 3166-1,
// alpha-2 or alpha-3) replaces no part of a qualification by that country's
// rules. It restates the stacking rule of the national profiles, which belong to
// issuing; a test holds the two together.
func NeverReplaces(country string) bool { return country == "BIH" || country == "BA" }

// neverReplaces reports whether an award is under such rules. The country is
// that of the awarding body, of the issuer where it is the same.
func neverReplaces(r *Report, a *elm.Award) bool {
	there := func(locations []elm.Location) bool {
		return slices.ContainsFunc(locations, func(l elm.Location) bool {
			return slices.ContainsFunc(l.Address, func(at elm.Address) bool {
				return at.CountryCode != nil && NeverReplaces(path.Base(at.CountryCode.ID))
			})
		})
	}
	for _, body := range a.Bodies {
		if there(body.Location) {
			return true
		}
	}
	if mandated(r, a) {
		return false
	}
	return NeverReplaces(r.Issuer.Country) || there(r.Credential.Issuer.Location)
}
