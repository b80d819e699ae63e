package issuer

import (
	"context"
	"strings"
	"testing"
	"time"

	"indeks/elm"
	"indeks/keys"
	"indeks/verifier"
)

// An institution that issues Open Badges seals one with each award, of the same
// id and places in the status lists; it says no more of the learner than the
// printed code's form. Withdrawing the award withdraws the badge.
func TestOpenBadges(t *testing.T) {
	h := newHouse(t, nil)
	ctx := context.Background()
	d := draft(t)
	plain, err := h.Issue(ctx, d)
	if err != nil || plain.Forms[string(OpenBadge)].Token != nil {
		t.Fatalf("%v: a badge that was not asked for", err)
	}
	h.c.Institution.OpenBadges = true
	h.open(t)
	d.LearnerID, d.DateOfBirth, d.Grade = "canary-4711", "1999-12-31", "9"
	r, err := h.Issue(ctx, d)
	if err != nil {
		t.Fatal(err)
	}
	report := h.verify(t, r.Forms[string(OpenBadge)].Token)
	if report.Verdict != verifier.Valid || report.ID != r.ID || report.Form != keys.JWT || report.Profile != elm.Other {
		t.Fatalf("%s %s %s: %+v", report.State, report.Form, report.ID, report.Checks)
	}
	var all []string
	for _, section := range elm.Supplement(report.Credential, "en") {
		for _, e := range section.Elements {
			for _, value := range e.Values {
				all = append(all, e.ID+"="+value.Text)
			}
		}
	}
	text := strings.Join(all, "|")
	for _, want := range []string{"M1=" + d.GivenName + " " + d.FamilyName, "O3=9", "M7=Credits", "criteria=* ", "alignment=", "M5="} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not shown: %s", want, text)
		}
	}
	for _, never := range []string{"canary-4711", "1999-12-31", "31 December"} {
		if strings.Contains(string(report.Credential.Raw), never) {
			t.Errorf("the badge says %q", never)
		}
	}
	if _, err := h.Revoke(ctx, r.ID, Why{Text: "a test", By: "registrar"}); err != nil {
		t.Fatal(err)
	}
	h.now = h.now.Add(time.Minute) // past the ttl
	if report := h.verify(t, r.Forms[string(OpenBadge)].Token); report.State != verifier.Revoked {
		t.Errorf("after the revocation: %s", report.State)
	}
	h.checkStore(t)
}
