package keys

import (
	"errors"
	"os"
	"slices"
	"testing"
	"time"
)

// What another process does to the file is in use by the next Refresh; before a mark
// holds, what is under way can be finished, by those who have begun and nobody else.
func TestRefresh(t *testing.T) {
	r, path := newRing(t)
	first := add(t, r, "", firstDay)
	begun, err := r.Sealer()
	if err != nil {
		t.Fatal(err)
	}
	never := func(kid string) { t.Errorf("%s is finished with", kid) }
	if changed, err := r.Refresh(nil, false, never); changed || err != nil {
		t.Errorf("the same file: %t %v", changed, err)
	}

	// A rotation waits for the next start, if nobody asks for it.
	other := reopen(t, r, path)
	second := add(t, other, "", firstDay.Add(time.Hour))
	if changed, err := r.Refresh(nil, false, never); changed || err != nil || len(r.Entries()) != 1 {
		t.Errorf("a rotation: %t %v", changed, err)
	}
	lost := firstDay.Add(30 * time.Minute)
	if err := other.Revoke(first.Public.ID, lost, "stolen"); err != nil {
		t.Fatal(err)
	}
	var finished []string
	finish := func(kid string) {
		finished = append(finished, kid)
		if s, err := r.Sealer(); err != nil || s.Public().ID != second.Public.ID {
			t.Errorf("a new seal is by %v, %v", s, err)
		}
		if _, err := begun.Seal([]byte("{}"), VCJWT, firstDay.Add(2*time.Hour)); err != nil {
			t.Errorf("what was begun: %v", err)
		}
	}
	if changed, err := r.Refresh(nil, false, finish); !changed || err != nil || !slices.Equal(finished, []string{first.Public.ID}) {
		t.Fatalf("%t %v, finished %v", changed, err, finished)
	}
	if _, err := begun.Seal([]byte("{}"), VCJWT, firstDay); !errors.Is(err, ErrNoKey) {
		t.Errorf("a sealer of the compromised key: %v", err)
	}
	other = reopen(t, r, path)
	add(t, other, "", firstDay.Add(2*time.Hour))
	if changed, err := r.Refresh(nil, true, nil); !changed || err != nil || len(r.Entries()) != 3 {
		t.Errorf("a rotation that is asked for: %t %v", changed, err)
	}
	if _, err := r.Add(testDID, NewKey{Organization: "University of Testland", Now: firstDay.Add(3 * time.Hour)}); err != nil {
		t.Errorf("a change on top of it: %v", err)
	}
}

// A mark that came from elsewhere holds whatever the file says, and gets into it with
// the next change; it moves back in time only.
func TestRefreshByMark(t *testing.T) {
	r, path := newRing(t)
	key := add(t, r, "", firstDay).Public.ID
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	at := firstDay.Add(time.Hour)
	finished := 0
	mark := func(at time.Time) bool {
		changed, err := r.Refresh([]Mark{{Key: key, At: at, Reason: "stolen"}, {Key: "did:web:x#y", At: at}}, false, func(string) { finished++ })
		if err != nil {
			t.Error(err)
		}
		return changed
	}
	if !mark(at) || mark(at) || mark(at.Add(time.Second)) || finished != 1 {
		t.Errorf("it is taken up anew, or finished %d times", finished)
	}
	if _, err := r.Sealer(); !errors.Is(err, ErrNoKey) {
		t.Errorf("it seals: %v", err)
	}
	if now, err := os.ReadFile(path); err != nil || !slices.Equal(now, before) {
		t.Errorf("the file was written: %v", err)
	}
	other, err := OpenRing(path, passphrase) // as it is on the node that does not know
	if err != nil {
		t.Fatal(err)
	}
	add(t, other, "", firstDay.Add(2*time.Hour))
	if changed, err := r.Refresh(nil, false, nil); !changed || err != nil {
		t.Error(changed, err)
	}
	if got := r.Marks(); !slices.Equal(got, []Mark{{key, at, "stolen"}}) {
		t.Errorf("after another file: %+v", got)
	}
	if s, err := r.Sealer(); err != nil || s.Public().ID == key {
		t.Errorf("the other node's key does not take its place: %v", err)
	}
	if !mark(at.Add(-time.Minute)) || finished != 1 {
		t.Error("it does not move back")
	}
	add(t, r, "", firstDay.Add(3*time.Hour))
	if got := reopen(t, r, path).Marks(); !slices.Equal(got, []Mark{{key, at.Add(-time.Minute), "stolen"}}) {
		t.Errorf("in the file: %+v", got)
	}
}

// A file that is not what the ring may become changes nothing, and is said so until it
// is another one.
func TestRefreshRefuses(t *testing.T) {
	r, path := newRing(t)
	key := add(t, r, "", firstDay).Public.ID
	older, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	add(t, r, "", firstDay.Add(time.Hour))
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	stranger, elsewhere := newRing(t)
	add(t, stranger, "", firstDay)
	foreign, err := os.ReadFile(elsewhere)
	if err != nil {
		t.Fatal(err)
	}
	for name, file := range map[string]struct {
		raw  []byte
		want error
	}{
		"older": {older, ErrRingOlder}, "another's": {foreign, ErrRingOlder}, "half": {good[:len(good)-20], nil}, "empty": {nil, nil},
	} {
		if err := os.WriteFile(path, file.raw, 0o600); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if changed, err := r.Refresh(nil, false, nil); changed || err == nil || file.want != nil && !errors.Is(err, file.want) || len(r.Entries()) != 2 {
				t.Errorf("%s: %t %v", name, changed, err)
			}
		}
	}
	if changed, err := r.Refresh([]Mark{{Key: key, At: firstDay}}, false, nil); !changed || err == nil || len(r.Marks()) != 1 {
		t.Errorf("a mark beside a file that is refused: %t %v", changed, err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if changed, err := r.Refresh(nil, false, nil); changed || !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %t %v", changed, err)
	}
	if err := os.WriteFile(path, good, 0o600); err != nil {
		t.Fatal(err)
	}
	if changed, err := r.Refresh(nil, false, nil); changed || err != nil {
		t.Errorf("its own again: %t %v", changed, err)
	}
}
