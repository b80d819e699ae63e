package store

import (
	"bytes"
	"errors"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"indeks/alike"
)

// letterOf is a document that is delivery data of a record, and one that leads to it.
func letterOf(r Record, name string) []Document {
	id := r.DeliveryID() + "/" + name
	return []Document{{Kind: LetterKind, ID: id, Body: []byte("to " + canaries[3])}, {Kind: "due", ID: name, Body: []byte(id)}}
}

// testDelivery is the contract of where records are delivered, and of what comes
// with a change of a record.
func testDelivery(run func(name string, test func(t *testing.T, s Store))) {
	body := func(t *testing.T, s Store, d Document) string {
		t.Helper()
		got, err := s.Document(t.Context(), d.Kind, d.ID)
		if err != nil && !errors.Is(err, ErrNotFound) {
			t.Error(err)
		}
		return string(got.Body)
	}

	run("delivery: documents come with what they tell of", func(t *testing.T, s Store) {
		revocation, suspension := openLists(t, s)
		r, err := s.Reserve(t.Context(), person(once(), revocation, suspension))
		if err != nil {
			t.Fatal(err)
		}
		claim, again, notice := letterOf(r, "claim"), letterOf(r, "again"), letterOf(r, "notice")
		if _, err := s.Commit(t.Context(), r.ID, map[string]alike.Text{"edc": alike.Whole([]byte{1})}, claim...); !errors.Is(err, ErrInvalid) || body(t, s, claim[0]) != "" {
			t.Errorf("with tokens that do not fit: %v", err)
		}
		if _, err := s.Commit(t.Context(), r.ID, tokens(r), claim...); err != nil {
			t.Fatal(err)
		}
		for _, d := range claim {
			if body(t, s, d) != string(d.Body) {
				t.Errorf("%s %s did not come with the record", d.Kind, d.ID)
			}
		}
		if _, err := s.Commit(t.Context(), r.ID, tokens(r), again...); err != nil || body(t, s, again[0]) != "" {
			t.Errorf("what is sealed already: %v, and its second letter is there: %q", err, body(t, s, again[0]))
		}
		if _, err := s.Change(t.Context(), r.ID, Change{At: now, State: Suspended}, notice...); err != nil || body(t, s, notice[0]) == "" || body(t, s, notice[1]) == "" {
			t.Errorf("with a change: %v", err)
		}
		if _, err := s.Change(t.Context(), r.ID, Change{At: now, State: Suspended}, again...); err != nil || body(t, s, again[0]) != "" {
			t.Errorf("a change that changes nothing: %v", err)
		}
		other := claim[0]
		other.Body = []byte("another")
		if _, err := s.Change(t.Context(), r.ID, Change{At: now, State: Revoked}, other, again[1]); err != nil || body(t, s, other) != string(claim[0].Body) || body(t, s, again[1]) == "" {
			t.Errorf("one that is there does not stay as it is: %v", err)
		}
		if _, err := s.Change(t.Context(), r.ID, Change{At: now, State: Issued}, letterOf(r, "no")...); !errors.Is(err, ErrState) || body(t, s, letterOf(r, "no")[0]) != "" {
			t.Errorf("a change that cannot be: %v", err)
		}
		for _, d := range []Document{
			{Kind: LetterKind, ID: "x", Body: []byte("1")}, {Kind: LetterKind, ID: "2026-06/" + r.ID, Body: []byte("1")}, {Kind: LetterKind, ID: "2026-13/" + r.ID + "/x", Body: []byte("1")},
			{Kind: LetterKind, ID: r.DeliveryID() + "/x", Revision: 1, Body: []byte("1")},
		} {
			if _, err := s.Change(t.Context(), r.ID, Change{At: now, State: Revoked}, d); !errors.Is(err, ErrInvalid) {
				t.Errorf("%s at %d: err = %v, want %v", d.ID, d.Revision, err, ErrInvalid)
			}
		}
		if err := s.EraseDocuments(t.Context(), LetterKind, "2026-06"); !errors.Is(err, ErrInvalid) {
			t.Errorf("erased apart from its record: %v", err)
		}
	})

	run("delivery: letters go with the address", func(t *testing.T, s Store) {
		for _, e := range []Erasure{fromDelivery, fromRegister} {
			r, other := issue(t, s, person(once())), issue(t, s, person(once()))
			if err := s.PutDocuments(t.Context(), append(letterOf(r, r.Number), letterOf(other, other.Number)...)); err != nil {
				t.Fatal(err)
			}
			if _, err := erase(t.Context(), s, r.ID, e); err != nil {
				t.Fatal(err)
			}
			if got := body(t, s, letterOf(r, r.Number)[0]); got != "" {
				t.Errorf("%s: the letter says %q", e.Class, got)
			}
			if body(t, s, letterOf(other, other.Number)[0]) == "" {
				t.Errorf("%s: the letter of another record is gone", e.Class)
			}
			for d, err := range s.Documents(t.Context(), LetterKind, "", "") {
				if err != nil || d.ID != letterOf(other, other.Number)[0].ID {
					t.Errorf("%s: %s is listed, %v", e.Class, d.ID, err)
				}
			}
			if err := s.PutDocuments(t.Context(), letterOf(r, "later")[:1]); !errors.Is(err, ErrErased) {
				t.Errorf("%s: a letter that comes later: %v", e.Class, err)
			}
			if _, err := s.PutDelivery(t.Context(), r.ID, "x@mail.example", "anew"); !errors.Is(err, ErrErased) {
				t.Errorf("%s: an address that comes later: %v", e.Class, err)
			}
			if _, err := erase(t.Context(), s, other.ID, fromDelivery); err != nil {
				t.Fatal(err)
			}
		}
	})

	run("delivery: another address, another link", func(t *testing.T, s Store) {
		revocation, suspension := openLists(t, s)
		given, other := person(once(), revocation, suspension), issue(t, s, person(once(), revocation, suspension))
		reserved, err := s.Reserve(t.Context(), given)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.PutDelivery(t.Context(), given.ID, "x@mail.example", reserved.Link); !errors.Is(err, ErrState) {
			t.Errorf("before it is sealed: %v", err)
		}
		if _, err := s.Commit(t.Context(), given.ID, tokens(given)); err != nil {
			t.Fatal(err)
		}
		was, err := s.Get(t.Context(), given.ID)
		if err != nil {
			t.Fatal(err)
		}
		link := "NEW" + given.Link
		for _, step := range []struct{ email, link, said string }{
			{"first@mail.example", given.Link, "address"}, {"first@mail.example", given.Link, ""},
			{"first@mail.example", link, "link"}, {"", link + "2", "address and link"}, {"", given.Link, "link"}, {"last@mail.example", link, "address and link"},
		} {
			events := 0
			for range s.LogEntries(t.Context(), logOf(t, s), 0) {
				events++
			}
			if _, err := s.PutDelivery(t.Context(), given.ID, step.email, step.link, letterOf(was, step.email+step.said)...); err != nil {
				t.Fatal(err)
			}
			told := ""
			for e, err := range s.LogEntries(t.Context(), logOf(t, s), uint64(events)) {
				if err != nil || e.Kind != KindReaddressed || e.Object != given.ID {
					t.Errorf("logged %+v, %v", e.Event, err)
				}
				told = e.Result
			}
			if told != step.said || (body(t, s, letterOf(was, step.email+step.said)[0]) != "") != (step.said != "") {
				t.Errorf("%+v: the log says %q", step, told)
			}
		}
		want := was
		want.Email, want.Link = "last@mail.example", link
		for name, find := range map[string]func() (Record, error){
			"Get":    func() (Record, error) { return s.Get(t.Context(), given.ID) },
			"ByLink": func() (Record, error) { return s.ByLink(t.Context(), link) },
		} {
			if got, err := find(); err != nil || cmp.Diff(want, got) != "" {
				t.Errorf("%s (-want +got): %v\n%s", name, err, cmp.Diff(want, got))
			}
		}
		for _, dead := range []string{given.Link, link + "2"} {
			if _, err := s.ByLink(t.Context(), dead); !errors.Is(err, ErrNotFound) {
				t.Errorf("an old link: err = %v, want %v", err, ErrNotFound)
			}
		}
		if _, err := s.PutDelivery(t.Context(), given.ID, "", other.Link); !errors.Is(err, ErrIDTaken) {
			t.Errorf("the link of another: %v", err)
		}
		for _, wrong := range []string{"", "a\x00b"} {
			if _, err := s.PutDelivery(t.Context(), given.ID, "", wrong); !errors.Is(err, ErrInvalid) {
				t.Errorf("link %q: %v", wrong, err)
			}
		}
		if _, err := s.PutDelivery(t.Context(), "no", "", "x"); !errors.Is(err, ErrNotFound) {
			t.Errorf("no record: %v", err)
		}
		if _, err := s.Change(t.Context(), given.ID, Change{At: now, State: Revoked}); err != nil {
			t.Error(err)
		}
	})
}

// logOf is the name of the one log that a store has.
func logOf(t testing.TB, s Store) string {
	t.Helper()
	logs, err := s.Logs(t.Context())
	if err != nil || len(logs) != 1 {
		t.Fatalf("%d logs, %v", len(logs), err)
	}
	return logs[0].Name
}

// A letter of a copy that was made before the erasure cannot be read any more.
func TestErasureReachesOldLetters(t *testing.T) {
	path := initStore(t)
	s := reopen(t, path)
	r := issue(t, s, person(once()))
	if err := s.PutDocuments(t.Context(), letterOf(r, "claim")); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(before, []byte(canaries[3])) {
		t.Error("the address is in the file in the clear")
	}
	s = reopen(t, path)
	if _, err := erase(t.Context(), s, r.ID, fromDelivery); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, before, 0o600); err != nil {
		t.Fatal(err)
	}
	s = reopen(t, path)
	if d, err := s.Document(t.Context(), LetterKind, letterOf(r, "claim")[0].ID); !errors.Is(err, ErrNotFound) {
		t.Errorf("the old copy has a letter that says %q, %v", d.Body, err)
	}
}
