package issuer

import (
	"bytes"
	"encoding/csv"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"indeks/store"
)

// A line tells what became of a credential, and no cell of it is run as a formula.
func TestBookLine(t *testing.T) {
	day := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	r := store.Record{ID: "urn:credential:1", Number: "MC-2026-00001", Title: "=HYPERLINK(\"x\")", FamilyName: "+Ana", GivenName: "@\"b\"", LearnerID: "-1", AwardingDate: "2026-03-01",
		SealingTime: day, Draft: []byte(`{"Grade":"10"}`), State: store.Revoked, Forms: map[string]store.Sealed{"edc": {SHA256: [32]byte{1}}},
		Changes: []store.Change{{At: day, State: store.Revoked, Code: "issued-in-error", Reason: "for the register alone", Successor: "urn:credential:2"}}}
	read, err := csv.NewReader(strings.NewReader(bookLine(bookHead) + bookLine(bookCells(&r, day)))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for i, name := range read[0] {
		got[name] = read[1][i]
	}
	for name, want := range map[string]string{
		"title": "'=HYPERLINK(\"x\")", "family_name": "'+Ana", "given_name": "'@\"b\"", "learner_id": "'-1", "result": "10", "state": "revoked",
		"changes": "2026-03-01T09:00:00Z revoked (issued-in-error), replaced by urn:credential:2",
		"sha256":  "edc 01" + strings.Repeat("00", 31),
	} {
		if got[name] != want {
			t.Errorf("%s: %q, want %q", name, got[name], want)
		}
	}
}

// What an earlier version did not record of the assessment is told as far as the draft
// tells it; what is recorded stands in the line.
func TestBookAssessment(t *testing.T) {
	for _, c := range []struct {
		record store.Record
		want   []string // result, assessed_on, assessors, prior_learning
	}{
		{store.Record{Draft: []byte(`{"Grade":"9","RPL":"part","RPLOutcomes":["2","5"],"RPLEvidence":"a portfolio"}`)}, []string{"9", "", "", "part; outcomes: 2, 5; evidence: a portfolio"}},
		{store.Record{}, []string{"", "", "", ""}},
		{store.Record{Draft: []byte(`{"Grade":"9"}`), Assessment: &store.Assessment{Result: "10", Date: "2026-05-20", Assessors: []string{"Vera Primer", "Ana Primer"}, PriorLearning: "none"}},
			[]string{"10", "2026-05-20", "Vera Primer; Ana Primer", "none"}},
	} {
		at := slices.Index(bookHead, "result")
		if got := bookCells(&c.record, time.Time{})[at : at+4]; !slices.Equal(got, c.want) {
			t.Errorf("%+v: %q, want %q", c.record, got, c.want)
		}
	}
}

func TestBookStates(t *testing.T) {
	now := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		record store.Record
		want   string
	}{
		{store.Record{State: store.Reserved}, "reserved"},
		{store.Record{State: store.Issued}, "issued"},
		{store.Record{State: store.Issued, ValidUntil: now.Add(-time.Hour)}, "expired"},
		{store.Record{State: store.Issued, Erasures: []store.Erasure{{Class: store.Delivery}}}, "issued"},
		{store.Record{State: store.Revoked, Erasures: []store.Erasure{{Class: store.Register}}}, "revoked, erased"},
	} {
		if got := bookCells(&c.record, now)[slices.Index(bookHead, "state")]; got != c.want {
			t.Errorf("%+v: state %q, want %q", c.record, got, c.want)
		}
	}
}

func TestBookRefusesWhatIsNoDate(t *testing.T) {
	var out bytes.Buffer
	if _, err := WriteBook(t.Context(), &out, nil, Book{From: "yesterday"}); err == nil || out.Len() > 0 {
		t.Errorf("error %v, wrote %d bytes", err, out.Len())
	}
}

func TestNumbersInOrder(t *testing.T) {
	want := []string{"", "A-1", "MC-2025-00009", "MC-2026-1", "MC-2026-00001", "MC-2026-99999", "MC-2026-100000", "MC-2027-00001", "MC-2027-00001a"}
	got := slices.Clone(want)
	rand.Shuffle(len(got), func(i, j int) { got[i], got[j] = got[j], got[i] })
	slices.SortFunc(got, compareNumbers)
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}
