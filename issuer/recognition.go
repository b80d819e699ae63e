package issuer

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"indeks/elm"
	"indeks/store"
	"indeks/verifier"
)

// Errors of recognition.
var (
	ErrNotRecognisable = errors.New("nothing in it can be recognised")
	ErrDecidedSince    = errors.New("another decision was made since")
)

// RecognitionState is where a recognition is on its way.
type RecognitionState string

const (
	RecognitionDraft   RecognitionState = "draft"   // was verified; nobody has decided
	RecognitionDecided RecognitionState = "decided" // by the last of its decisions
	RecognitionErased  RecognitionState = "erased"  // by two people; nobody is named any more
)

// Recognition is another provider's credential as a learner brought it, and what
// the institution decided to count of it. The file stays the learner's: its digest
// is kept, with everything that the verifier found on the day. Decisions are added
// and never changed. All of it is data of the register, under a data key of its own, which
// is destroyed when it is erased. The JSON names are those of the stored form.
type Recognition struct {
	ID      string           `json:"id"` // 26 symbols
	State   RecognitionState `json:"state"`
	Created time.Time        `json:"created"`
	By      string           `json:"by"`

	SHA256     string         `json:"sha256"` // of the file, in hexadecimal
	Size       int            `json:"size"`
	Credential string         `json:"credential,omitzero"` // id
	Title      string         `json:"title,omitzero"`
	Issuer     string         `json:"issuer,omitzero"` // name by the trust file, else as claimed
	Confirmed  bool           `json:"confirmed,omitzero"`
	Verdict    string         `json:"verdict"`
	Standing   string         `json:"standing"`        // state of the report: "valid", "expired", "issuer_unknown" ...
	Report     jsontext.Value `json:"report,omitzero"` // as the verifier's API writes it, in English; nil: erased

	Decisions []Decision `json:"decisions,omitzero"` // the oldest first; the last one holds

	Erasure *store.Erasure `json:"erasure,omitzero"` // when, why and by whom it was erased; nil: it is not
}

// Decision is what was decided on a recognition, by whom and how.
type Decision struct {
	Number    int       `json:"number"` // 1, 2, ...
	At        time.Time `json:"at"`     // when it was entered
	By        string    `json:"by"`     // who entered it
	Date      string    `json:"date"`   // YYYY-MM-DD, of the decision
	Decided   string    `json:"decided_by"`
	Procedure string    `json:"procedure"` // by which rules
	Reason    string    `json:"reason"`
	Despite   string    `json:"despite,omitzero"` // why it is decided though the verifier could not confirm everything
	Appeal    string    `json:"appeal,omitzero"`  // how and until when it can be contested
	Course    string    `json:"course,omitzero"`  // id of the course that it counts towards

	Outcomes []OutcomeDecision `json:"outcomes,omitzero"`
	Credits  []CreditDecision  `json:"credits,omitzero"`
}

// OutcomeDecision is one learning outcome of the source, recognised or refused.
type OutcomeDecision struct {
	Source     string `json:"source"`           // as the credential has it
	Outcome    string `json:"outcome,omitzero"` // id of the outcome of Course that it stands for
	Recognised bool   `json:"recognised"`       // else refused
	Reason     string `json:"reason,omitempty"` // of a refusal
}

// CreditDecision is an amount of credits of the source, and how much of it counts.
type CreditDecision struct {
	System     string `json:"system"`
	Points     string `json:"points"`     // of the source
	Recognised string `json:"recognised"` // "0": none
	Reason     string `json:"reason,omitempty"`
}

// Kinds of documents. What is left of one that was erased has another, and with that
// another data key.
const (
	kindRecognition       = "recognition"
	kindRecognitionErased = "recognition-erased"
)

// unrecognisable are the states of a report in which there is nothing to recognise:
// nobody has sealed it, it was changed, or its issuer has taken it back.
var unrecognisable = []verifier.State{verifier.Unreadable, verifier.NoSeal, verifier.NotValid, verifier.Revoked, verifier.Suspended, verifier.NotYetValid}

// Recognise records what the verifier found of a credential that another provider
// has sealed, as a draft to decide on. [ErrNotRecognisable] for what is no sealed
// credential; what was revoked is recorded, so that refusing it is on record too.
func (i *Issuer) Recognise(ctx context.Context, file []byte, report *verifier.Report, by string) (Recognition, error) {
	if slices.Contains([]verifier.State{verifier.Unreadable, verifier.NoSeal, verifier.NotValid}, report.State) {
		return Recognition{}, fmt.Errorf("recording a credential to recognise: %w: it is %s", ErrNotRecognisable, report.State)
	}
	sum := sha256.Sum256(file)
	raw, err := json.Marshal(report.Wire("en"), json.Deterministic(true))
	if err != nil {
		return Recognition{}, fmt.Errorf("recording a credential to recognise: %w", err)
	}
	r := Recognition{ID: NewPublicID(""), State: RecognitionDraft, Created: i.clock(), By: by, SHA256: hex.EncodeToString(sum[:]), Size: len(file),
		Credential: report.ID, Issuer: report.Issuer.Name, Confirmed: report.Issuer.Confirmed, Verdict: string(report.Verdict), Standing: string(report.State), Report: raw}
	if report.Credential != nil {
		for _, section := range elm.Supplement(report.Credential, "en") {
			for _, e := range section.Elements {
				if e.ID == "M2" && len(e.Values) > 0 {
					r.Title = e.Values[0].Text
				}
			}
		}
	}
	return r, i.putRecognition(ctx, r, 0, "received")
}

// Decide adds a decision. last is the number of the one before it, 0 for none, so
// that nobody overrules what they have not seen: [ErrDecidedSince].
//
// [*Problems] for a decision that says too little, or recognises what cannot be.
func (i *Issuer) Decide(ctx context.Context, id string, d Decision, last int, by string) (Recognition, error) {
	r, revision, err := i.recognition(ctx, id)
	if err != nil {
		return Recognition{}, err
	}
	if r.State == RecognitionErased {
		return Recognition{}, fmt.Errorf("deciding on %s: %w", id, store.ErrErased)
	}
	if last != len(r.Decisions) {
		return Recognition{}, fmt.Errorf("deciding on %s: %w: the last one is number %d", id, ErrDecidedSince, len(r.Decisions))
	}
	d.Number, d.At, d.By = last+1, i.clock(), by
	if err := i.checkDecision(ctx, &r, &d); err != nil {
		return Recognition{}, err
	}
	r.State, r.Decisions = RecognitionDecided, append(r.Decisions, d)
	recognised := 0
	for _, o := range d.Outcomes {
		if o.Recognised {
			recognised++
		}
	}
	err = i.putRecognition(ctx, r, revision, fmt.Sprintf("decision %d: %d of %d outcomes", d.Number, recognised, len(d.Outcomes)))
	if errors.Is(err, store.ErrRevision) {
		return Recognition{}, fmt.Errorf("deciding on %s: %w: %w", id, ErrDecidedSince, err)
	}
	return r, err
}

// checkDecision holds a decision to what makes one that can be understood, and
// contested, years later.
func (i *Issuer) checkDecision(ctx context.Context, r *Recognition, d *Decision) error {
	var k checks
	for field, text := range map[string]string{"/decided_by": d.Decided, "/procedure": d.Procedure, "/reason": d.Reason} {
		if strings.TrimSpace(text) == "" {
			k.fail("decision-required", field, "", "is missing: expected "+map[string]string{
				"/decided_by": "who decided", "/procedure": "by which rules it was decided", "/reason": "why it was decided so"}[field])
		}
	}
	switch {
	case !isDay(d.Date):
		k.fail("decision-date", "/date", d.Date, "is not a real date, expected YYYY-MM-DD")
	case d.Date > i.clock().AddDate(0, 0, 1).Format(time.DateOnly):
		k.fail("decision-date", "/date", d.Date, "is in the future, expected today or an earlier date")
	}
	if len(d.Outcomes)+len(d.Credits) == 0 {
		k.fail("decision-required", "/outcomes", "", "is missing: expected each outcome, or amount of credits, that is recognised or refused")
	}
	var course *Course
	if d.Course != "" {
		stored, err := i.store.Course(ctx, d.Course, "")
		switch {
		case errors.Is(err, store.ErrNotFound):
			k.fail("decision-course", "/course", d.Course, "is not in the catalogue: expected the id of a course there, or none")
		case err != nil:
			return fmt.Errorf("looking for the course in the catalogue: %w", err)
		default:
			course = new(Course)
			if err := json.Unmarshal(stored.JSON, course); err != nil {
				return fmt.Errorf("reading course %s: %w", d.Course, err)
			}
		}
	}
	counts := false
	for n, o := range d.Outcomes {
		at := fmt.Sprintf("/outcomes/%d", n)
		counts = counts || o.Recognised
		switch {
		case strings.TrimSpace(o.Source) == "":
			k.fail("decision-required", at+"/source", "", "is missing: expected the outcome as the credential has it")
		case !o.Recognised && strings.TrimSpace(o.Reason) == "":
			k.fail("decision-required", at+"/reason", "", "is missing: a refusal says why")
		}
		if o.Outcome != "" && (course == nil || !slices.ContainsFunc(course.Outcomes, func(c Outcome) bool { return c.ID == o.Outcome })) {
			k.fail("decision-outcome", at+"/outcome", o.Outcome, "is not an outcome of the course that it counts towards")
		}
	}
	for n, c := range d.Credits {
		at := fmt.Sprintf("/credits/%d", n)
		points, recognised := decimal(c.Points), decimal(c.Recognised)
		switch {
		case creditFrameworks[c.System] == "":
			k.fail("decision-credits", at+"/system", c.System, "is not a credit system, expected ECTS, ECVET, CSVET, CSPK or SCQF")
		case points == nil || recognised == nil:
			k.fail("decision-credits", at, c.Points+", "+c.Recognised, "are not numbers, expected decimals such as \"2\" or \"2.5\"")
		case recognised.Cmp(points) > 0:
			k.fail("decision-credits", at+"/recognised", c.Recognised, "is more than the credential has")
		case recognised.Cmp(points) < 0 && strings.TrimSpace(c.Reason) == "":
			k.fail("decision-required", at+"/reason", "", "is missing: what is refused says why")
		}
		counts = counts || recognised != nil && recognised.Sign() > 0
	}
	// What its issuer has taken back counts for nothing; what could not be confirmed
	// counts only where somebody says why.
	switch {
	case counts && slices.Contains(unrecognisable, verifier.State(r.Standing)):
		k.fail("decision-standing", "/outcomes", r.Standing, "is what the verifier found: nothing of it can be recognised, only refused")
	case counts && r.Standing != string(verifier.StateValid) && strings.TrimSpace(d.Despite) == "":
		k.fail("decision-standing", "/despite", r.Standing, "is what the verifier found, not valid: expected why it counts all the same")
	}
	k.text("/decided_by", d.Decided, MaxDecider)
	k.text("/procedure", d.Procedure, MaxDecision)
	k.text("/reason", d.Reason, MaxDecision)
	k.text("/despite", d.Despite, MaxDecision)
	k.text("/appeal", d.Appeal, MaxDecision)
	if len(d.Outcomes)+len(d.Credits) > MaxDecided {
		k.fail("decision-size", "/outcomes", "", fmt.Sprintf("are more than %d with the credits", MaxDecided))
	} else {
		for n, o := range d.Outcomes {
			k.text(fmt.Sprintf("/outcomes/%d/source", n), o.Source, MaxDecision)
			k.text(fmt.Sprintf("/outcomes/%d/reason", n), o.Reason, MaxReason)
		}
		for n, c := range d.Credits {
			k.text(fmt.Sprintf("/credits/%d/reason", n), c.Reason, MaxReason)
		}
	}
	_, err := split("", k.list)
	return err
}

// How much a decision may say, in characters, and on how many outcomes and amounts of
// credits it may be.
const (
	MaxDecision = 2000
	MaxDecider  = 200
	MaxDecided  = 500
)

// Recognition returns one, or what is left of it where it was erased, or store.ErrNotFound.
func (i *Issuer) Recognition(ctx context.Context, id string) (Recognition, error) {
	r, _, err := i.recognition(ctx, id)
	return r, err
}

func (i *Issuer) recognition(ctx context.Context, id string) (r Recognition, revision uint64, err error) {
	if id == "" || len(id) > 2*publicSymbols {
		return Recognition{}, 0, fmt.Errorf("looking for recognition %.60q: %w", id, store.ErrNotFound)
	}
	doc, err := i.store.Document(ctx, kindRecognition, id)
	if errors.Is(err, store.ErrNotFound) {
		doc, err = i.store.Document(ctx, kindRecognitionErased, id)
	}
	if err != nil {
		return Recognition{}, 0, fmt.Errorf("looking for recognition %s: %w", id, err)
	}
	if err := json.Unmarshal(doc.Body, &r, json.RejectUnknownMembers(true)); err != nil {
		return Recognition{}, 0, fmt.Errorf("reading recognition %s: %w", id, err)
	}
	return r, doc.Revision, nil
}

// Recognitions yields all that are not erased by id, starting after the id after.
func (i *Issuer) Recognitions(ctx context.Context, after string) iter.Seq2[Recognition, error] {
	return func(yield func(Recognition, error) bool) {
		for doc, err := range i.store.Documents(ctx, kindRecognition, "", after) {
			var r Recognition
			if err == nil {
				err = json.Unmarshal(doc.Body, &r, json.RejectUnknownMembers(true))
			}
			if !yield(r, err) {
				return
			}
		}
	}
}

func (i *Issuer) putRecognition(ctx context.Context, r Recognition, revision uint64, result string) error {
	raw, err := json.Marshal(r, json.Deterministic(true))
	if err != nil {
		return fmt.Errorf("writing recognition %s: %w", r.ID, err)
	}
	var digest [sha256.Size]byte
	hex.Decode(digest[:], []byte(r.SHA256)) // it was written here
	err = i.store.PutDocuments(ctx, []store.Document{{Kind: kindRecognition, ID: r.ID, Revision: revision, Body: raw}},
		store.Event{Kind: store.KindRecognised, Object: r.ID, Result: result, Digest: digest})
	if err != nil {
		return fmt.Errorf("writing recognition %s: %w", r.ID, err)
	}
	return nil
}

// Recognised is what an award says of the credential that its prior learning rests on.
type Recognised struct {
	Credential string // id
	SHA256     string // of the file, in hexadecimal
	Title      string
	Issuer     string
	Date       string // YYYY-MM-DD, of the decision
	Decision   int    // its number
	Procedure  string
}

// resolveRecognition looks up what a draft's prior learning rests on, and holds the
// draft to what was decided: it claims no outcome that was not recognised.
func (i *Issuer) resolveRecognition(ctx context.Context, d *Draft) error {
	if d.Recognition == "" {
		d.Source = nil
		return nil
	}
	refuse := func(field, value, want string) error {
		return &Problems{List: []Problem{{Row: d.Row, Field: field, Value: shorten(value), Rule: "recognition", Want: want}}}
	}
	r, err := i.Recognition(ctx, d.Recognition)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return refuse("recognition", d.Recognition, "is no recognition on record")
	case err != nil:
		return err
	case r.State == RecognitionErased:
		return refuse("recognition", d.Recognition, "was erased")
	case r.State != RecognitionDecided:
		return refuse("recognition", d.Recognition, "is not decided yet")
	}
	last := r.Decisions[len(r.Decisions)-1]
	if last.Course != d.Course.ID {
		return refuse("recognition", d.Recognition, "does not count towards this course")
	}
	var recognised []string
	for _, o := range last.Outcomes {
		if o.Recognised && o.Outcome != "" {
			recognised = append(recognised, o.Outcome)
		}
	}
	claimed := d.RPLOutcomes
	switch {
	case d.RPL == "none":
		return refuse("rpl", d.RPL, "contradicts recognition: expected part or whole")
	case d.RPL == "whole":
		claimed = nil
		for _, o := range d.Course.Outcomes {
			claimed = append(claimed, o.ID)
		}
	}
	for _, id := range claimed {
		if !slices.Contains(recognised, id) {
			return refuse("rpl_outcomes", id, "was not recognised by decision "+fmt.Sprint(last.Number)+" of "+last.Date)
		}
	}
	source := Recognised{Credential: r.Credential, SHA256: r.SHA256, Title: r.Title, Issuer: r.Issuer, Date: last.Date, Decision: last.Number, Procedure: last.Procedure}
	if d.Source != nil && *d.Source != source { // what another person has approved
		return refuse("recognition", d.Recognition, "was decided anew since this was asked for")
	}
	d.Source = &source
	return nil
}
