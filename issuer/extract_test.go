package issuer

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	mathrand "math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"indeks/elm"
	"indeks/store"
	"indeks/verifier"
)

// An extract tells what was chosen and nothing else, is verified like any
// credential, and is the same whenever it is printed.
func TestExtract(t *testing.T) {
	h := newHouse(t, nil)
	d := draft(t)
	r, err := h.Issue(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		choice        ExtractChoice
		tells, spares []string
	}{
		"the least":                   {ExtractChoice{}, []string{"Đorđe Šćepanović", "2026-06-30", r.Number, "Upravljanje istraživačkim podacima"}, []string{"1999", "9 (nine)", "FAIR", "Data Stewardship", "2021/0123", "students.example"}},
		"printed":                     {PrintedChoice, []string{"FAIR", "Upravljanje istraživačkim podacima"}, []string{"1999", "9 (nine)", "Data Stewardship"}},
		"in two languages":            {ExtractChoice{Outcomes: true, Second: true}, []string{"Data Stewardship", "Upravljanje istraživačkim podacima"}, []string{"1999", "9 (nine)"}},
		"in English, with everything": {ExtractChoice{Lang: "en", Outcomes: true, Grade: true, Birth: true}, []string{"Data Stewardship", "1999-12-31", "9 (nine)"}, []string{"Upravljanje", "2021/0123", "students.example"}},
	} {
		t.Run(name, func(t *testing.T) {
			x, err := h.Extract(t.Context(), r, tt.choice)
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%d digits, version %d-%s, tells %+v", len(x.Text), x.Version, x.Level, x.Told)
			if x.Told != tt.choice {
				t.Errorf("tells %+v, asked for %+v", x.Told, tt.choice)
			}
			report := h.verify(t, []byte(x.Text))
			whole := sha256.Sum256(r.Forms[string(elm.VC2)].Payload)
			if report.State != verifier.StateValid || report.ID != r.ID || report.Extract == nil || report.Extract.WholeSHA256 != hex.EncodeToString(whole[:]) {
				t.Errorf("verified: %s, %+v", report.State, report.Extract)
			}
			told := report.NotTold()
			if slices.Contains(told, "M1") || slices.Contains(told, "M5") || !slices.Contains(told, "M11") || slices.Contains(told, "M6") == tt.choice.Outcomes {
				t.Errorf("not told: %v", told)
			}
			for _, text := range tt.tells {
				if !bytes.Contains(report.Credential.Raw, []byte(text)) {
					t.Errorf("does not tell %q: %s", text, report.Credential.Raw)
				}
			}
			for _, text := range tt.spares {
				if bytes.Contains(report.Credential.Raw, []byte(text)) {
					t.Errorf("tells %q: %s", text, report.Credential.Raw)
				}
			}
			again, err := h.Extract(t.Context(), r, tt.choice)
			if err != nil || again.Text != x.Text {
				t.Errorf("made again: %v\n%s\n%s", err, again.Text, x.Text)
			}
		})
	}
}

// What is printed later is sealed with the key of then, as of its first use; what was
// printed before stays good as long as its key was not lost.
func TestExtractOfLaterKey(t *testing.T) {
	h := newHouse(t, nil)
	h.ownRing(t)
	r, err := h.Issue(t.Context(), draft(t))
	if err != nil {
		t.Fatal(err)
	}
	extract := func() *Extract {
		t.Helper()
		x, err := h.Extract(t.Context(), r, PrintedChoice)
		if err != nil {
			t.Fatal(err)
		}
		return x
	}
	state := func(x *Extract) verifier.State { t.Helper(); return h.verify(t, []byte(x.Text)).State }
	first := extract()
	if report := h.verify(t, first.Token); !report.SealedAt.Equal(r.SealingTime) {
		t.Errorf("sealed as of %s, the credential is of %s", report.SealedAt, r.SealingTime)
	}

	h.now = h.now.AddDate(0, 0, 1)
	addKey(t, h.ring, h.now)
	h.now = h.now.AddDate(0, 0, 1)
	second := extract()
	if report := h.verify(t, second.Token); report.State != verifier.StateValid || !report.SealedAt.Equal(h.now.AddDate(0, 0, -1)) || bytes.Equal(first.Token, second.Token) {
		t.Errorf("with a later key: %s, sealed as of %s", report.State, report.SealedAt)
	}
	if got := state(first); got != verifier.StateValid {
		t.Errorf("of a retired key: %s", got)
	}
	if err := h.ring.Revoke(r.KeyID, h.now, "lost"); err != nil {
		t.Fatal(err)
	}
	if got := state(first); got != verifier.Unconfirmable {
		t.Errorf("of a key that was lost: %s", got)
	}
	if got := state(extract()); got != verifier.StateValid {
		t.Errorf("printed anew: %s", got)
	}
}

// What does not fit is left out in order, and said.
func TestExtractFits(t *testing.T) {
	h := newHouse(t, nil)
	long := func(outcomes, n int) Draft {
		d := draft(t)
		c := *d.Course
		c.Outcomes = slices.Repeat(c.Outcomes[:1], outcomes)
		for i := range c.Outcomes {
			o := c.Outcomes[i]
			o.ID = "O" + string(rune('a'+i))
			o.Title = Words{"sr-Latn": letters(n), "en": letters(n)}
			c.Outcomes[i] = o
		}
		d.Course, d.LearnerID = &c, strconv.Itoa(n)
		return d
	}
	both := ExtractChoice{Second: true, Outcomes: true}
	for _, tt := range []struct {
		outcomes, words int
		want            ExtractChoice
	}{
		{3, 10, both},
		{5, 25, ExtractChoice{Outcomes: true}},
		{14, 50, ExtractChoice{}},
	} {
		r, err := h.Issue(t.Context(), long(tt.outcomes, tt.words))
		if err != nil {
			t.Fatal(err)
		}
		x, err := h.Extract(t.Context(), r, both)
		if err != nil {
			t.Fatal(err)
		}
		if x.Told != tt.want || x.Version > 25 || x.Level == "M" && x.Version > 22 {
			t.Errorf("%d outcomes of %d words: version %d-%s tells %+v, want %+v", tt.outcomes, tt.words, x.Version, x.Level, x.Told, tt.want)
		}
	}
}

// There is no code for what is not in force, nor for what does not fit.
func TestNoExtract(t *testing.T) {
	h := newHouse(t, nil)
	d := draft(t)
	r, err := h.Issue(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	x, err := h.Extract(t.Context(), r, PrintedChoice)
	if err != nil {
		t.Fatal(err)
	}
	h.now = h.now.Add(time.Hour)
	if _, err := h.Revoke(t.Context(), r.ID, Why{Text: "a test"}); err != nil {
		t.Fatal(err)
	}
	revoked, err := h.Find(t.Context(), r.ID)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.Extract(t.Context(), revoked, PrintedChoice); !errors.Is(err, ErrNoExtract) {
		t.Errorf("of a revoked one: %v", err)
	}
	if report := h.verify(t, []byte(x.Text)); report.State != verifier.Revoked {
		t.Errorf("a code that was printed before: %s", report.State)
	}
	if _, err := h.Extract(t.Context(), store.Record{}, PrintedChoice); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("of no credential: %v", err)
	}
}

// letters are so many words that nothing packs.
func letters(n int) string {
	var b strings.Builder
	for range n {
		for range 5 {
			b.WriteByte('a' + byte(mathrand.IntN(26)))
		}
		b.WriteByte(' ')
	}
	return strings.TrimSpace(b.String())
}
