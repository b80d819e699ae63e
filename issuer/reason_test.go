package issuer

import (
	"errors"
	"slices"
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
