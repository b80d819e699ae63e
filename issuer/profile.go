package issuer

import (
	"embed"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/go-json-experiment/json"
	"golang.org/x/text/language"
)

// Profile is a national profile: what a country (or the Union, for all others)
// says of micro-credentials, and with what standing. The files are data; the
// rules that read them are in national.go.
type Profile struct {
	ID      string `json:"-"`                 // name of the file: "rs", "gb-sct"
	Country string `json:"country,omitempty"` // ISO 3166-1 alpha-3; "" for the Union
	Region  string `json:"region,omitempty"`  // NUTS prefix, where the profile is that of a part of the country
	Name    Words  `json:"name"`

	Levels   LevelScheme              `json:"level_scheme"`
	Credits  []CreditScheme           `json:"credit_schemes"`
	MinHours string                   `json:"min_hours,omitempty"` // decimal; of the standing of the profile
	Terms    map[string]NationalTerms `json:"terms"`               // by language tag

	LegalBasis []Act         `json:"legal_basis"`
	Registers  []Registry    `json:"registers"`
	Requires   []Requirement `json:"requires"`
	Stacking   Stacking      `json:"stacking"`

	Standing Standing `json:"standing"`
	Source   string   `json:"source"`
	Checked  string   `json:"checked"` // YYYY-MM-DD, when it was last held against the source
}

// Standing is how binding a statement of a profile is.
type Standing string

// What is law or made under a law blocks; the others warn.
const (
	StandingLaw            Standing = "law"
	StandingRulebook       Standing = "rulebook"
	StandingRecommendation Standing = "recommendation"
	StandingProposal       Standing = "proposal"
)

func (s Standing) binding() bool { return s == StandingLaw || s == StandingRulebook }

func (s Standing) String() string {
	switch s {
	case StandingLaw:
		return "in law"
	case StandingRulebook:
		return "a binding rule"
	case StandingRecommendation:
		return "recommended"
	}
	return "proposed, not law"
}

// LevelScheme is a national qualifications framework.
type LevelScheme struct {
	Label  Words           `json:"label"`
	Note   string          `json:"note,omitempty"`
	Levels []NationalLevel `json:"levels"`
}

// NationalLevel is a level or sublevel of a national framework.
type NationalLevel struct {
	Level string `json:"level"`         // "7.1"
	Of    string `json:"of,omitempty"`  // the level that it is a sublevel of
	EQF   int    `json:"eqf,omitempty"` // 0: not referenced to the EQF
	IRI   string `json:"iri,omitempty"` // "" where the EU's list has none
}

// CreditScheme is a credit system as a country uses it. Amounts are decimals.
type CreditScheme struct {
	Code  string `json:"code"` // as Credit.System
	Label Words  `json:"label"`
	// Hours of work for one credit; "" where no figure is known.
	HoursMin string `json:"hours_min,omitempty"`
	HoursMax string `json:"hours_max,omitempty"`
	// Bounds of a micro-credential, "" for none.
	Min string `json:"min,omitempty"`
	Max string `json:"max,omitempty"`
	// PartialFrom is where partial qualifications begin: what is below is none,
	// wherever its outcomes come from.
	PartialFrom string `json:"partial_from,omitempty"`
	// Levels of the EQF at which the system is used, 0 for no bound. What is
	// outside warns, whatever the standing: sources differ.
	EQFMin   int      `json:"eqf_min,omitempty"`
	EQFMax   int      `json:"eqf_max,omitempty"`
	Above    string   `json:"above,omitempty"` // what more than Max is
	Standing Standing `json:"standing,omitempty"`
	Source   string   `json:"source,omitempty"`
}

// NationalTerms are the words of a country in one language.
type NationalTerms struct {
	Microcredential string `json:"microcredential"`
	Outcome         string `json:"outcome"`
	Qualification   string `json:"qualification"`
	Credit          string `json:"credit"`
	Definition      string `json:"definition"`
}

// Registry is a register whose numbers a course may state.
type Registry struct {
	Of   string `json:"of"` // "standard", "class-nqfs", "proaea-number", "institution"
	Name Words  `json:"name"`
	URL  string `json:"url,omitempty"`
	// IDPattern is loose where the register publishes no form of its numbers:
	// a number that does not fit warns.
	IDPattern string `json:"id_pattern"`
}

// Requirement is an element that a country asks for beyond Annex I.
type Requirement struct {
	What     string   `json:"what"` // "sector", "assessment-criteria", "national-level", "national-credits"
	Standing Standing `json:"standing"`
	Source   string   `json:"source"`
}

// Stacking is whether micro-credentials count towards a degree.
type Stacking struct {
	TowardsDegree string `json:"towards_degree"` // "yes", "no", "limited"
	Max           string `json:"max,omitempty"`
	Note          Words  `json:"note"`
	Source        string `json:"source"`
}

//go:embed profiles/*.json
var profileFiles embed.FS

// profiles are all of them, by id and sorted by id.
var profiles = sync.OnceValue(func() (all []*Profile) {
	entries, err := profileFiles.ReadDir("profiles")
	if err != nil {
		panic(err) // unreachable: embedded
	}
	for _, e := range entries {
		raw, err := profileFiles.ReadFile(path.Join("profiles", e.Name()))
		if err != nil {
			panic(err) // unreachable: embedded
		}
		p := &Profile{ID: strings.TrimSuffix(e.Name(), ".json")}
		if err := json.Unmarshal(raw, p, json.RejectUnknownMembers(true)); err != nil {
			panic(fmt.Sprintf("reading profile %s: %v", p.ID, err)) // unreachable: a test reads all
		}
		all = append(all, p) // the files come sorted by name
	}
	return all
})

// Profiles returns the national profiles, sorted by id. They are shared: do not
// change them.
func Profiles() []*Profile { return slices.Clone(profiles()) }

// union is the profile for whoever has no other.
const union = "eu"

// profileNamed is the profile with this id, or nil.
func profileNamed(id string) *Profile {
	for _, p := range profiles() {
		if p.ID == id {
			return p
		}
	}
	return nil
}

// profileOf is the profile of a country, or of a part of it; that of the Union
// where it has none.
func profileOf(country, region string) *Profile {
	for _, p := range profiles() {
		if p.Country != "" && p.Country == country && strings.HasPrefix(region, p.Region) {
			return p
		}
	}
	return profileNamed(union)
}

// CountryProfile is the profile of a whole country (ISO 3166-1, alpha-2 or alpha-3),
// nil where it has none of its own. It is shared: do not change it.
func CountryProfile(country string) *Profile {
	region, err := language.ParseRegion(country)
	if err != nil {
		return nil
	}
	for _, p := range profiles() {
		if p.Country == region.ISO3() && p.Region == "" {
			return p
		}
	}
	return nil
}

// profile is the national profile by which a course is judged: the one that it
// names, or that of the country of who awards it. A nil institution is one that
// is not known, and then the profile may be nil.
func (i *Institution) profile(c *Course) *Profile {
	switch {
	case c.Profile != "":
		return profileNamed(c.Profile)
	case c.AwardingBody != nil:
		return profileOf(c.AwardingBody.Country, "")
	case i != nil:
		return profileOf(i.Country, i.Region)
	}
	return nil
}

// level finds a level by its name ("7.1") or its IRI.
func (p *Profile) level(nqf string) (NationalLevel, bool) {
	for _, l := range p.Levels.Levels {
		if nqf != "" && (l.Level == nqf || l.IRI == nqf) {
			return l, true
		}
	}
	return NationalLevel{}, false
}

// creditScheme is how a credit system is used under a profile, and whose rule
// that is. A system that the profile does not have is judged as where it comes
// from, for a national system has its bounds wherever it is used: ECTS as in the
// Union, CSVET as in Croatia.
func creditScheme(p *Profile, code string) (*CreditScheme, *Profile) {
	for _, q := range slices.Concat([]*Profile{p, profileNamed(union)}, profiles()) {
		if q == nil {
			continue
		}
		for n := range q.Credits {
			if q.Credits[n].Code == code {
				return &q.Credits[n], q
			}
		}
	}
	return nil, nil
}

func (p *Profile) registry(of string) *Registry {
	for n := range p.Registers {
		if p.Registers[n].Of == of {
			return &p.Registers[n]
		}
	}
	return nil
}

func (r *Registry) fits(id string) bool {
	return regexp.MustCompile(r.IDPattern).MatchString(id) // a test compiles all
}

// term is the country's word for a micro-credential in a language. Montenegrin
// without a script is read as Latin.
func (p *Profile) term(tag string) (string, bool) {
	t, ok := p.Terms[tag]
	if !ok {
		t, ok = p.Terms[tag+"-Latn"]
	}
	return t.Microcredential, ok
}
