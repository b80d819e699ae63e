package main

import (
	"indeks/issuer"
	"indeks/web/verifying"
)

// national is what the profile of a country says, as the verifier's pages show it: the
// verifier imports nothing of the issuer, so its data is handed over here. nil where
// the country has no profile of its own.
func national(country string) *verifying.National {
	p := issuer.CountryProfile(country)
	if p == nil {
		return nil
	}
	n := verifying.National{
		Name: p.Name, Term: map[string]string{}, Definition: map[string]string{},
		Degree: p.Stacking.TowardsDegree, DegreeNote: p.Stacking.Note, DegreeSource: p.Stacking.Source,
		Standing: string(p.Standing), Source: p.Source, Checked: p.Checked,
	}
	for tag, terms := range p.Terms {
		n.Term[tag], n.Definition[tag] = terms.Microcredential, terms.Definition
	}
	for _, c := range p.Credits {
		n.Credits = append(n.Credits, verifying.NationalCredits{Name: c.Label, Min: c.Min, Max: c.Max,
			HoursMin: c.HoursMin, HoursMax: c.HoursMax, Standing: string(c.Standing), Source: c.Source})
	}
	for _, a := range p.LegalBasis {
		n.Acts = append(n.Acts, verifying.NationalAct{Title: a.Title, URL: a.URL, From: a.From, Until: a.Until})
	}
	return &n
}
