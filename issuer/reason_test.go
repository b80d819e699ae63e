package issuer

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"indeks/store"
)

// Every code from every state: it leads where its table says, or is refused by
// name and nothing changes.
func TestReasonCodes(t *testing.T) {
	h := newHouse(t, nil)
	moves := map[store.State]func(id string, w Why) (store.Record, error){
		store.Revoked:   func(id string, w Why) (store.Record, error) { return h.Revoke(t.Context(), id, w) },
		store.Suspended: func(id string, w Why) (store.Record, error) { return h.Suspend(t.Context(), id, w) },
		store.Issued:    func(id string, w Why) (store.Record, error) { return h.Reinstate(t.Context(), id, w) },
	}
	var all []string
	for _, c := range reasonCodes {
		all = append(all, c.code)
	}
	fresh := 0
	for to, move := range moves {
		for _, code := range append(all, "", "boredom", "Misconduct") {
			fresh++
			d := draft(t)
			d.LearnerID = "2021/" + string(rune('0'+fresh/10)) + string(rune('0'+fresh%10))
			r, err := h.Issue(t.Context(), d)
			if err != nil {
				t.Fatal(err)
			}
			if to == store.Issued {
				if r, err = h.Suspend(t.Context(), r.ID, Why{Code: "under-review", Text: "an appeal", By: "registrar"}); err != nil {
					t.Fatal(err)
				}
			}
			before := r.State
			r, err = move(r.ID, Why{Code: code, Text: "canary", By: "registrar"})
			want := code
			if code == "" {
				want = CodeOther
			}
			if !slices.Contains(ReasonCodes(to), want) {
				if p, ok := errors.AsType[*Problems](err); !ok || p.List[0].Field != "code" {
					t.Errorf("%s to %s: err = %v", code, to, err)
				}
				if r, err := h.Issue(t.Context(), d); err != nil || r.State != before {
					t.Errorf("%s to %s was refused, and it is %s: %v", code, to, r.State, err)
				}
				continue
			}
			if err != nil || r.State != to {
				t.Errorf("%s to %s: %s, %v", code, to, r.State, err)
				continue
			}
			if last := r.Changes[len(r.Changes)-1]; last.Code != want || last.Reason != "canary" || last.By != "registrar" {
				t.Errorf("%s to %s: recorded as %+v", code, to, last)
			}
			public := PublicReason(r)
			if told := slices.Contains([]string{CodeErrorInData, CodeKeyCompromise, CodeSuperseded}, want) && to == store.Revoked; told != (public == want) || !told && public != "" {
				t.Errorf("%s to %s: the public is told %q", code, to, public)
			}
		}
	}
	h.checkStore(t)
}

func TestPublicReasonHidesWhy(t *testing.T) {
	for _, code := range []string{CodeNameChange, CodeErrorInData, CodeKeyCompromise, "misconduct"} {
		r := store.Record{State: store.Revoked, Changes: []store.Change{{State: store.Revoked, Code: code, Successor: "urn:credential:new"}}}
		if got := PublicReason(r); got != CodeSuperseded {
			t.Errorf("replaced for %s: the public is told %q", code, got)
		}
	}
	for _, r := range []store.Record{{State: store.Issued}, {State: store.Revoked}, {State: store.Suspended, Changes: []store.Change{{State: store.Suspended, Code: CodeErrorInData}}}} {
		if got := PublicReason(r); got != "" {
			t.Errorf("%+v: the public is told %q", r, got)
		}
	}
}

// What stays on record as somebody's words is bounded wherever it is given, before
// anything else is looked at or changed.
func TestWordsAreBounded(t *testing.T) {
	h := newHouse(t, nil)
	h.ownRing(t)
	r, err := h.Issue(t.Context(), draft(t))
	if err != nil {
		t.Fatal(err)
	}
	ctx, key := t.Context(), h.Publication().Keys[0].Public.ID
	all := map[string]func(words string) error{
		"revoke":    func(w string) error { return second(h.Revoke(ctx, r.ID, Why{Text: w})) },
		"suspend":   func(w string) error { return second(h.Suspend(ctx, r.ID, Why{Text: w})) },
		"reinstate": func(w string) error { return second(h.Reinstate(ctx, r.ID, Why{Text: w})) },
		"correct": func(w string) error {
			return second(h.Correction(ctx, r, map[string]string{"grade": "10"}, nil, Why{Text: w}))
		},
		"bulk": func(w string) error {
			return second(h.CountBulk(ctx, Bulk{Action: BulkRevoke, Select: Selection{Course: r.Course}, Reason: w}))
		},
		"reissue": func(w string) error {
			return second(h.CountBulk(ctx, Bulk{Action: BulkReissue, Select: Selection{Key: key}, Reason: w}))
		},
		"key compromised": func(w string) error { return second(h.AskCompromise(ctx, key, noon, w, "admin")) },
		"key left":        func(w string) error { return h.RefuseCompromise(ctx, "none", w, "admin") },
		"erasure asked for": func(w string) error {
			return second(h.AskErasure(ctx, ErasureWish{Records: []string{r.ID}, Reason: w}, "admin"))
		},
		"erasure refused":      func(w string) error { return h.RefuseErasure(ctx, "none", w, "admin") },
		"delivery data erased": func(w string) error { return second(h.EraseDelivery(ctx, r.ID, w, "admin")) },
		"approval refused":     func(w string) error { return second(h.Reject(ctx, "none", w, "admin")) },
		"name check dropped":   func(w string) error { return second(h.DropName(ctx, "none", w, "admin")) },
		"letter sent again":    func(w string) error { return second(h.SendAgain(ctx, r, "admin", w)) },
		"sent to another address": func(w string) error {
			return second(h.Readdress(ctx, r, "ana@mail.example", false, "admin", w))
		},
		"report closed": func(w string) error { return second(h.CloseReport(ctx, "none", w+w, "admin")) },
	}
	refused := func(err error) bool {
		found, ok := errors.AsType[*Problems](err)
		return ok && len(found.List) == 1 && (found.List[0].Rule == "text-size" || found.List[0].Rule == "report-text")
	}
	for name, do := range all {
		for _, words := range []string{strings.Repeat("ж", MaxReason+1), "\xff", "a\x00b"} {
			if err := do(words); !refused(err) && !(name == "report closed" && words == "a\x00b") {
				t.Errorf("%s, %.10q: %v", name, words, err)
			}
		}
	}
	if now, err := h.store.Get(ctx, r.ID); err != nil || now.State != store.Issued || now.Erased(store.Delivery) {
		t.Errorf("it is %s, %v", now.State, err)
	}
	longest := strings.Repeat("ж", MaxReason-1) + "\r\n" // which a browser counts as one
	if _, err := h.Revoke(ctx, r.ID, Why{Text: longest}); err != nil {
		t.Errorf("%d characters: %v", MaxReason, err)
	}
}
