package issuer

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"indeks/elm"
	"indeks/keys"
	"indeks/store"
	"indeks/verifier"
)

// What the learner shows is valid by itself and reads as the award does; what is
// kept back is nowhere in the token.
func TestShared(t *testing.T) {
	h := newHouse(t, nil)
	d := draft(t)
	r, err := h.Issue(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	outcome := d.Course.Outcomes[0].Title["en"]
	for _, show := range [][]Part{nil, {PartName}, {PartName, PartOutcomes}, {PartOutcomes, PartGrade}, Parts()} {
		name := fmt.Sprint(show)
		token, err := h.Shared(t.Context(), r, show)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		report := h.verify(t, token)
		if report.Verdict != verifier.Valid || report.Form != keys.SDJWT || report.Profile != elm.VC2 || report.ID != r.ID || report.Concealed == 0 {
			t.Fatalf("%s: %s: %+v", name, report.State, report.Checks)
		}
		var texts []byte
		for _, part := range bytes.FieldsFunc(token, func(r rune) bool { return r == '~' || r == '.' }) {
			raw, err := base64.RawURLEncoding.DecodeString(string(part))
			if err != nil {
				t.Fatal(err)
			}
			texts = append(texts, raw...)
		}
		view := fmt.Sprint(elm.Supplement(report.Credential, "en"))
		for _, tt := range []struct {
			part Part
			text string
			view bool
		}{
			{PartName, d.FamilyName, true}, {PartName, r.Number, false}, {PartName, r.Public, false}, {PartBirth, d.DateOfBirth, false},
			{PartGrade, d.Grade, true}, {PartOutcomes, outcome, true}, {partNever, d.Email, false}, {partNever, d.LearnerID, false}, {partNever, r.Link, false},
		} {
			shown := slices.Contains(show, tt.part)
			if tt.text == "" {
				t.Fatalf("%s: nothing to look for", tt.part)
			}
			if got := bytes.Contains(texts, []byte(tt.text)); got != shown {
				t.Errorf("%s: %q is in the token: %t", name, tt.text, got)
			}
			if got := strings.Contains(view, tt.text); tt.view && got != shown {
				t.Errorf("%s: %q is on the page: %t", name, tt.text, got)
			}
		}
	}

	// What was shared ends with the award.
	token, err := h.Shared(t.Context(), r, []Part{PartName})
	if err != nil {
		t.Fatal(err)
	}
	if r, err = h.Revoke(t.Context(), r.ID, Why{Text: "x", By: "registrar"}); err != nil {
		t.Fatal(err)
	}
	h.open(t) // with a verifier that has no list from before
	if report := h.verify(t, token); report.State != verifier.Revoked {
		t.Errorf("revoked: %s", report.State)
	}
	if _, err := h.Shared(t.Context(), r, nil); !errors.Is(err, store.ErrState) {
		t.Errorf("sharing what is revoked: err = %v", err)
	}
}
