package main

import "testing"

// The verifier's pages have words for all that a profile may say.
func TestNationalProfiles(t *testing.T) {
	n := national("HR")
	if n == nil || n.Term["hr"] != "Mikrokvalifikacija" || len(n.Credits) == 0 || n.Credits[0].Max != "9" || len(n.Acts) == 0 || n.Checked == "" {
		t.Errorf("Croatia: %+v", n)
	}
	for _, none := range []string{"", "GBR", "FRA", "XX", "Croatia"} { // Scotland's profile is not that of the United Kingdom
		if n := national(none); n != nil {
			t.Errorf("%q: %v", none, n.Name)
		}
	}
	words := map[string]bool{"law": true, "rulebook": true, "recommendation": true, "proposal": true}
	degrees := map[string]bool{"yes": true, "no": true, "limited": true}
	for _, country := range []string{"HRV", "SVN", "SRB", "MNE", "BIH"} {
		n := national(country)
		if n == nil {
			t.Errorf("%s has none", country)
			continue
		}
		if !words[n.Standing] || !degrees[n.Degree] {
			t.Errorf("%s: standing %q, degree %q", country, n.Standing, n.Degree)
		}
		for _, c := range n.Credits {
			if c.Standing != "" && !words[c.Standing] {
				t.Errorf("%s: standing %q", country, c.Standing)
			}
		}
	}
}
