package issuer

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"indeks/elm"
	"indeks/keys"
	"indeks/store"
	"indeks/verifier"
)

// provider is another institution, whose credentials learners bring along, and a
// verifier that may trust it.
func provider(t testing.TB, trusted bool) (token []byte, v *verifier.Verifier) {
	t.Helper()
	const did = "did:web:provider.example"
	ring := emptyRing(t, t.TempDir())
	if _, err := ring.Add(did, keys.NewKey{Organization: "Provider", Country: "RS", OrgID: "VATRS-000000077", Now: noon.AddDate(0, -2, 0)}); err != nil {
		t.Fatal(err)
	}
	inst := institution(t)
	inst.DID, inst.PublicBase, inst.OrganizationID = did, "https://provider.example", "VATRS-000000077"
	inst.LegalName = map[string]string{"en": "Provider of Soil Courses"}
	d := draft(t)
	d.AwardingDate = "2026-05-30"
	d.normalise()
	cred, err := inst.credential(&d, drawn{ID: "urn:credential:5b0f7a0e-0000-4000-8000-000000000001", Public: NewPublicID("PX"), Number: "P-1", At: noon.AddDate(0, -1, 0)})
	if err != nil {
		t.Fatal(err)
	}
	payload, err := cred.Encode(elm.EDC)
	if err != nil {
		t.Fatal(err)
	}
	sealer, err := ring.Sealer()
	if err != nil {
		t.Fatal(err)
	}
	if token, err = sealer.Seal(payload, keys.JAdES, noon.AddDate(0, -1, 0)); err != nil {
		t.Fatal(err)
	}
	c := verifier.Config{Now: func() time.Time { return noon }}
	if trusted {
		c.Trust = &verifier.Trust{Version: 1, Issued: noon.AddDate(0, -1, 0), Expires: noon.AddDate(1, 0, 0), Issuers: []verifier.TrustedIssuer{TrustEntry(inst, ring)}}
	}
	if v, err = verifier.New(c); err != nil {
		t.Fatal(err)
	}
	return token, v
}

// From another provider's file to an award whose evidence names it.
func TestRecognition(t *testing.T) {
	h := newHouse(t, nil)
	ctx := t.Context()
	course := course(t, 1)
	if _, _, _, err := NewCatalogue(h.c.Institution, h.store, nil).Put(ctx, "course", course.canonical(), Terms{Published: true}); err != nil {
		t.Fatal(err)
	}
	token, v := provider(t, true)
	report := v.Verify(ctx, token)
	if report.State != verifier.StateValid {
		t.Fatalf("the provider's credential is %s", report.State)
	}
	r, err := h.Recognise(ctx, token, report, "API vera")
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(token)
	if r.State != RecognitionDraft || r.SHA256 != hex.EncodeToString(sum[:]) || r.Credential != report.ID || r.Issuer != "Provider of Soil Courses" || !r.Confirmed || r.Verdict != "valid" || r.Title == "" || !bytes.Contains(r.Report, []byte(`"checks"`)) {
		t.Errorf("%+v", r)
	}

	// Nothing of it counts before it is decided.
	d := draft(t)
	d.Course, d.Language = course, ""
	d.RPL, d.RPLOutcomes, d.Recognition = "part", []string{course.Outcomes[0].ID}, r.ID
	refused := func(d Draft, field string) {
		t.Helper()
		_, err := h.Issue(ctx, d)
		p, ok := errors.AsType[*Problems](err)
		if !ok || p.List[0].Field != field {
			t.Errorf("err = %v, want a problem of %s", err, field)
		}
	}
	refused(d, "recognition")

	decision := Decision{Date: "2026-06-30", Decided: "Board for recognition", Procedure: "Rules 7/2025, article 4", Reason: "The outcomes are equivalent.", Appeal: "To the Senate within 15 days.",
		Course: course.ID,
		Outcomes: []OutcomeDecision{
			{Source: "Explains the life cycle of research data", Outcome: course.Outcomes[0].ID, Recognised: true},
			{Source: "Writes a data management plan", Outcome: course.Outcomes[1].ID, Reason: "no examination"},
		},
		Credits: []CreditDecision{{System: "ECTS", Points: "3", Recognised: "1", Reason: "one outcome of five"}}}
	if r, err = h.Decide(ctx, r.ID, decision, 0, "API vera"); err != nil || r.State != RecognitionDecided || len(r.Decisions) != 1 || r.Decisions[0].Number != 1 || r.Decisions[0].By != "API vera" {
		t.Fatalf("%+v, %v", r, err)
	}

	// The award claims what was recognised, and no more.
	more := d
	more.RPLOutcomes = []string{course.Outcomes[0].ID, course.Outcomes[1].ID}
	refused(more, "rpl_outcomes")
	whole := d
	whole.RPL, whole.RPLOutcomes = "whole", nil
	refused(whole, "rpl_outcomes")
	none := d
	none.RPL, none.RPLOutcomes = "none", nil
	refused(none, "rpl")
	other := d
	other.Course = draft(t).Course
	other.RPLOutcomes = []string{"1"}
	refused(other, "recognition")
	unknown := d
	unknown.Recognition = "NONE"
	refused(unknown, "recognition")

	record, err := h.Issue(ctx, d)
	if err != nil {
		t.Fatal(err)
	}
	again, err := h.Issue(ctx, d)
	if err != nil || again.ID != record.ID {
		t.Errorf("the same again: %s, %v", again.ID, err)
	}
	for _, form := range []elm.Profile{elm.EDC, elm.VC2} {
		payload := record.Forms[string(form)].Payload
		cred, err := elm.Parse(payload)
		if err != nil {
			t.Fatal(err)
		}
		found := false
		for _, n := range cred.Subject[0].HasClaim[0].AwardedBy.AdditionalNote {
			for _, c := range n.Subject {
				found = found || c.ID == "urn:indeks:recognised-credential:"+r.SHA256
			}
		}
		told := ""
		for _, s := range elm.Supplement(cred, "en") {
			for _, e := range s.Elements {
				if e.ID == "rpl" {
					for _, value := range e.Values {
						told += value.Line() + "\n"
					}
				}
			}
		}
		for _, want := range []string{r.Credential, r.SHA256, "Provider of Soil Courses", "30 June 2026"} {
			if !found || !strings.Contains(told, want) {
				t.Errorf("%s tells %q, want %q (in a subject: %t)", form, told, want, found)
			}
		}
		if got := h.verify(t, record.Forms[string(form)].Token); got.State != verifier.StateValid {
			t.Errorf("%s is %s", form, got.State)
		}
	}

	// A new decision is a new one, by whoever has seen the last; what was awarded stays.
	if _, err := h.Decide(ctx, r.ID, decision, 0, "API ivo"); !errors.Is(err, ErrDecidedSince) {
		t.Errorf("overruling unseen: %v", err)
	}
	decision.Outcomes[0].Recognised, decision.Outcomes[0].Reason, decision.Credits[0].Recognised = false, "on appeal", "0"
	if r, err = h.Decide(ctx, r.ID, decision, 1, "API ivo"); err != nil || len(r.Decisions) != 2 || !r.Decisions[0].Outcomes[0].Recognised || r.Decisions[1].Outcomes[0].Recognised {
		t.Fatalf("%+v, %v", r.Decisions, err)
	}
	d.LearnerID = "another"
	refused(d, "rpl_outcomes")
	for n, err := range h.Recognitions(ctx, "") {
		if err != nil || n.ID != r.ID {
			t.Errorf("%+v %v", n, err)
		}
	}
	h.checkStore(t)
}

func TestDecisionSaysEnough(t *testing.T) {
	h := newHouse(t, nil)
	token, v := provider(t, true)
	_, stranger := provider(t, false)
	good := Decision{Date: "2026-06-30", Decided: "Board", Procedure: "Rules 7/2025", Reason: "Equivalent.",
		Outcomes: []OutcomeDecision{{Source: "Writes a plan", Recognised: true}}, Credits: []CreditDecision{{System: "ECTS", Points: "3", Recognised: "3"}}}
	open := func(state verifier.State) Recognition {
		t.Helper()
		report := v.Verify(t.Context(), token)
		report.State = state
		r, err := h.Recognise(t.Context(), token, report, "API vera")
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	for _, c := range []struct {
		name   string
		state  verifier.State
		change func(d *Decision)
		field  string // of the problem, "": none
	}{
		{"good", verifier.StateValid, func(*Decision) {}, ""},
		{"nobody decided", verifier.StateValid, func(d *Decision) { d.Decided = " " }, "/decided_by"},
		{"by no rules", verifier.StateValid, func(d *Decision) { d.Procedure = "" }, "/procedure"},
		{"without a reason", verifier.StateValid, func(d *Decision) { d.Reason = "" }, "/reason"},
		{"on no day", verifier.StateValid, func(d *Decision) { d.Date = "2026-02-30" }, "/date"},
		{"tomorrow's", verifier.StateValid, func(d *Decision) { d.Date = "2026-07-09" }, "/date"},
		{"about nothing", verifier.StateValid, func(d *Decision) { d.Outcomes, d.Credits = nil, nil }, "/outcomes"},
		{"an outcome without words", verifier.StateValid, func(d *Decision) { d.Outcomes = []OutcomeDecision{{Recognised: true}} }, "/outcomes/0/source"},
		{"refused without a reason", verifier.StateValid, func(d *Decision) { d.Outcomes = []OutcomeDecision{{Source: "x"}} }, "/outcomes/0/reason"},
		{"no such course", verifier.StateValid, func(d *Decision) { d.Course = "astrology" }, "/course"},
		{"an outcome of no course", verifier.StateValid, func(d *Decision) { d.Outcomes = []OutcomeDecision{{Source: "x", Outcome: "1", Recognised: true}} }, "/outcomes/0/outcome"},
		{"no such system", verifier.StateValid, func(d *Decision) { d.Credits[0].System = "stars" }, "/credits/0/system"},
		{"no numbers", verifier.StateValid, func(d *Decision) { d.Credits[0].Points = "three" }, "/credits/0"},
		{"more than there is", verifier.StateValid, func(d *Decision) { d.Credits[0].Recognised = "4" }, "/credits/0/recognised"},
		{"less, and nobody says why", verifier.StateValid, func(d *Decision) { d.Credits[0].Recognised = "2" }, "/credits/0/reason"},
		{"not confirmed", verifier.IssuerUnknown, func(*Decision) {}, "/despite"},
		{"not confirmed, and why all the same", verifier.IssuerUnknown, func(d *Decision) { d.Despite = "confirmed by letter" }, ""},
		{"expired, and why all the same", verifier.Expired, func(d *Decision) { d.Despite = "what was learnt was learnt" }, ""},
		{"revoked", verifier.Revoked, func(d *Decision) { d.Despite = "please" }, "/outcomes"},
		{"on hold", verifier.Suspended, func(d *Decision) { d.Despite = "please" }, "/outcomes"},
		{"revoked, and refused", verifier.Revoked, func(d *Decision) {
			d.Outcomes, d.Credits = []OutcomeDecision{{Source: "x", Reason: "it was revoked"}}, nil
		}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := good
			d.Outcomes, d.Credits = append([]OutcomeDecision(nil), good.Outcomes...), append([]CreditDecision(nil), good.Credits...)
			c.change(&d)
			r := open(c.state)
			_, err := h.Decide(t.Context(), r.ID, d, 0, "API vera")
			p, ok := errors.AsType[*Problems](err)
			if c.field == "" && err != nil || c.field != "" && (!ok || p.List[0].Field != c.field) {
				t.Errorf("err = %v, want a problem of %q", err, c.field)
			}
			now, err := h.Recognition(t.Context(), r.ID)
			if want := map[bool]RecognitionState{true: RecognitionDecided, false: RecognitionDraft}[c.field == ""]; err != nil || now.State != want {
				t.Errorf("it is %s, want %s: %v", now.State, want, err)
			}
		})
	}
	for name, file := range map[string][]byte{"nothing": nil, "a text": []byte("hello"), "changed": bytes.Replace(token, []byte("2026-05-30"), []byte("2026-05-29"), 1)} {
		if _, err := h.Recognise(t.Context(), file, v.Verify(t.Context(), file), "API vera"); !errors.Is(err, ErrNotRecognisable) {
			t.Errorf("%s: err = %v", name, err)
		}
	}
	if r, err := h.Recognise(t.Context(), token, stranger.Verify(t.Context(), token), "API vera"); err != nil || r.Confirmed {
		t.Errorf("of a stranger: %+v %v", r, err)
	}
	if _, err := h.Decide(t.Context(), "none", good, 0, "API vera"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("deciding on nothing: %v", err)
	}
}

// What another person approves names the decision that it rests on: with another
// decision it is another thing.
func TestRecognitionThatChangesWhileItWaits(t *testing.T) {
	h := newHouse(t, nil)
	ctx := context.Background()
	c := course(t, 1)
	c.Approval = true
	if _, _, _, err := NewCatalogue(h.c.Institution, h.store, nil).Put(ctx, "course", c.canonical(), Terms{Published: true}); err != nil {
		t.Fatal(err)
	}
	token, v := provider(t, true)
	r, err := h.Recognise(ctx, token, v.Verify(ctx, token), "API vera")
	if err != nil {
		t.Fatal(err)
	}
	decision := Decision{Date: "2026-06-30", Decided: "Board", Procedure: "Rules", Reason: "Equivalent.", Course: c.ID,
		Outcomes: []OutcomeDecision{{Source: "x", Outcome: c.Outcomes[0].ID, Recognised: true}}}
	if _, err := h.Decide(ctx, r.ID, decision, 0, "API vera"); err != nil {
		t.Fatal(err)
	}
	d := draft(t)
	d.Course, d.Language, d.RPL, d.RPLOutcomes, d.Recognition = c, "", "part", []string{c.Outcomes[0].ID}, r.ID
	a, err := h.Propose(ctx, d, "API vera")
	if err != nil {
		t.Fatal(err)
	}
	if sections, err := h.PreviewApproval(a, "en"); err != nil || !strings.Contains(fmt.Sprint(sections), r.SHA256) {
		t.Errorf("the preview does not name what it rests on: %v", err)
	}
	if _, err := h.Decide(ctx, r.ID, decision, 1, "API vera"); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Approve(ctx, a.ID, a.Digest, "API ivo"); !errors.Is(err, ErrDraft) {
		t.Errorf("approved what rests on an overruled decision: %v", err)
	}
	if issued, _ := h.checkStore(t); issued != 0 {
		t.Errorf("%d issued", issued)
	}
}
