package verifying

import (
	"strings"
	"testing"

	"indeks/verifier"
)

// TestRecognition: each question is there in order, each answer says where it stands,
// and what is not stated is said not to be.
func TestRecognition(t *testing.T) {
	v := &fake{report: report(t, verifier.StateValid)}
	s, _ := newServer(t, v)
	asked := ""
	s.national = func(country string) *National {
		asked = country
		return &National{Name: map[string]string{"en": "Croatia", "hr": "Hrvatska"}, Term: map[string]string{"en": "Micro-qualification", "hr": "Mikrokvalifikacija"},
			Definition: map[string]string{"en": "Sets of outcomes."}, Degree: "limited", Standing: "law", Source: "Adult Education Act", Checked: "2026-11-22",
			Credits: []NationalCredits{{Name: map[string]string{"en": "CSVET"}, Min: "2", Max: "9", Standing: "proposal"}, {Name: map[string]string{"en": "ECTS"}, HoursMin: "25", HoursMax: "30"}},
			Acts:    []NationalAct{{Title: map[string]string{"hr": "Zakon"}, URL: "https://law.example/", From: "2022-01-04"}}}
	}
	page := func(lang string) string {
		r, body := ask(t, s, "POST", "/verify/recognition?lang="+lang, "text=x", "Content-Type", form)
		if r.StatusCode != 200 || r.Header.Get("Cache-Control") != "private, no-store" {
			t.Fatalf("%d %v", r.StatusCode, r.Header)
		}
		return body
	}
	body := page("en")
	rest := body
	for _, id := range recognitionQuestions {
		_, after, ok := strings.Cut(rest, `<h3 id="q-`+id+`">`)
		if !ok {
			t.Fatalf("question %s is missing or out of order", id)
		}
		rest = after
	}
	if asked != "HR" {
		t.Errorf("profile of %q, want HR", asked)
	}
	for _, want := range []string{holderName, courseName, "Graft apple", "Register of institutions, 0042", "since 31 January 2010", "Higher-education institution, according to the national register",
		"Source: Registry office (checked on 1 November 2026)", "the credential, sealed on 1 April 2026 according to itself", "Agency", "Source: its register",
		"Micro-qualification", "Sets of outcomes.", "This is law.", "CSVET: 2–9", "This is a proposal, not law.", "25–30 hours of work", "Within limits", "since 4 January 2022",
		"No information is given about this.", "This page makes no decision", `href="https://law.example/"`, `lang="hr">`, "It does not prove"} {
		if !strings.Contains(body, want) {
			t.Errorf("no %q", want)
		}
	}
	if strings.Contains(body, "1999") {
		t.Error("tells the year of birth")
	}
	if body := page("hr"); !strings.Contains(body, "Mikrokvalifikacija") || !strings.Contains(body, `<span lang="en">Sets of outcomes.</span>`) {
		t.Error("in Croatian: the language of what has none is not told")
	}

	// A claim is called one, and the list is not quoted where it knows nobody.
	v.report = report(t, verifier.IssuerUnknown)
	if body := page("en"); !strings.Contains(body, "Nobody has confirmed the issuer") || strings.Contains(body, "Registry office") || strings.Contains(body, issuerName) {
		t.Error("an issuer nobody vouches for")
	}
	// Where no facts are shown there is nothing to recognise.
	v.report = report(t, verifier.NotValid)
	if body := page("en"); strings.Contains(body, "q-level") || strings.Contains(body, courseName) || !strings.Contains(body, "NOT VALID") {
		t.Error("what is not valid is laid out for recognition")
	}
}
