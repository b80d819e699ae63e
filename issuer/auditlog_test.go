package issuer

import (
	"context"
	"crypto/sha256"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"indeks/keys"
	"indeks/merkle"
	"indeks/store"
)

// logging gives the house a ring of its own with a key for the log.
func (h *house) logging(t testing.TB) keys.Entry {
	t.Helper()
	h.ring = newRing(t, t.TempDir())
	e, err := h.ring.AddLog(testDID, keys.NewKey{Organization: "University of Sava", Now: noon.Add(-time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	h.c.Ring = h.ring
	h.open(t)
	return e
}

// sealOf is by what a form of a credential is asked for.
func sealOf(t testing.TB, token []byte) [32]byte {
	t.Helper()
	values, err := keys.SignaturesUnsafe(token)
	if err != nil || len(values) != 1 {
		t.Fatalf("%d signatures, %v", len(values), err)
	}
	return sha256.Sum256(values[0])
}

// Each form of a credential is proved to be on the log, to whoever has that form,
// under a head that a key of its own has sealed.
func TestProofOfLog(t *testing.T) {
	h := newHouse(t, nil)
	key := h.logging(t)
	h.c.Institution.OpenBadges = true
	h.open(t)
	r, err := h.Issue(t.Context(), draft(t))
	if err != nil {
		t.Fatal(err)
	}
	seal := sealOf(t, r.Forms["vc2"].Token)
	if _, err := h.Proof(t.Context(), r.ID, seal, 0); !errors.Is(err, ErrNotLogged) {
		t.Errorf("before a head is signed: err = %v, want %v", err, ErrNotLogged)
	}
	h.now = noon.Add(time.Minute)
	if err := h.SignHeads(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(r.Forms) != 3 {
		t.Fatalf("%d forms", len(r.Forms))
	}
	for name, form := range r.Forms {
		for _, id := range []string{r.ID, r.Public} {
			p, err := h.Proof(t.Context(), id, sealOf(t, form.Token), 0)
			if err != nil {
				t.Fatal(err)
			}
			head, err := h.inst.OpenHead(t.Context(), h.ring, []byte(p.Head))
			if err != nil || head.KeyID != key.Public.ID || !head.At.Equal(h.now) || head.Size != p.Size || p.Log != "issuer.school.example/log/1" {
				t.Fatalf("%s: head %+v of log %q, %v", name, head, p.Log, err)
			}
			said, err := p.Check(head.Root, sha256.Sum256(form.Payload))
			if err != nil || said.Credential != r.ID || said.KeyID != r.KeyID || !said.At.Equal(r.SealingTime) {
				t.Errorf("%s: %+v, %v", name, said, err)
			}
			for other, f := range r.Forms {
				if _, err := p.Check(head.Root, sha256.Sum256(f.Payload)); (err == nil) != (other == name) {
					t.Errorf("the proof of %s for %s: %v", name, other, err)
				}
			}
		}
	}

	// Later heads, and sizes that nobody signed.
	first, err := h.Proof(t.Context(), r.ID, seal, 0)
	if err != nil {
		t.Fatal(err)
	}
	d := draft(t)
	d.LearnerID = "2021/0124"
	if _, err := h.Issue(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	if err := h.SignHeads(t.Context()); err != nil {
		t.Fatal(err)
	}
	if again, err := h.Proof(t.Context(), r.ID, seal, 0); err != nil || again.Size != first.Size {
		t.Errorf("the first head over it is of size %d, then %d, %v", first.Size, again.Size, err)
	}
	unsigned, err := h.Proof(t.Context(), r.ID, seal, first.Size+1)
	if err != nil || unsigned.Head != "" || unsigned.Size != first.Size+1 {
		t.Errorf("of a size that was not signed: %+v, %v", unsigned, err)
	}
	for _, size := range []uint64{1, first.Index, 1 << 40} {
		if _, err := h.Proof(t.Context(), r.ID, seal, size); !errors.Is(err, ErrNotLogged) {
			t.Errorf("size %d: err = %v, want %v", size, err, ErrNotLogged)
		}
	}
	for id, wrong := range map[string][32]byte{r.ID: {1}, "urn:credential:none": seal} {
		if _, err := h.Proof(t.Context(), id, wrong, 0); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("%s by another seal: err = %v, want %v", id, err, store.ErrNotFound)
		}
	}

	// Where the key of the first head is compromised, the next one is given.
	if err := h.ring.Revoke(key.Public.ID, h.now, "lost"); err != nil {
		t.Fatal(err)
	}
	if p, err := h.Proof(t.Context(), r.ID, seal, 0); err != nil || p.Size != first.Size {
		t.Errorf("with no other head: size %d, %v", p.Size, err)
	}
	h.now = h.now.Add(time.Minute)
	if _, err := h.ring.AddLog(testDID, keys.NewKey{Organization: "University of Sava", Now: h.now}); err != nil {
		t.Fatal(err)
	}
	h.open(t) // which logs both
	if err := h.SignHeads(t.Context()); err != nil {
		t.Fatal(err)
	}
	if p, err := h.Proof(t.Context(), r.ID, seal, 0); err != nil || p.Size <= first.Size {
		t.Errorf("the head of a key that is not compromised: size %d, %v", p.Size, err)
	}
}

// A store that is put back, or that has another history, is refused by the heads
// that were kept elsewhere; one that indeks restore brings back goes on with a log
// of another name.
func TestAnchors(t *testing.T) {
	h := newHouse(t, nil)
	h.logging(t)
	dir := t.TempDir()
	files := HeadFiles{filepath.Join(dir, "here"), filepath.Join(dir, "there")}
	heads := func() [][]byte {
		t.Helper()
		list, err := files.Read()
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	written := 0
	h.c.Anchor = func(head store.Head) error {
		new, err := files.Write(head)
		if new {
			written++
		}
		return err
	}
	sign := func() {
		t.Helper()
		if err := h.SignHeads(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	issueTo := func(learner string) {
		t.Helper()
		d := draft(t)
		d.LearnerID = learner
		if _, err := h.Issue(t.Context(), d); err != nil {
			t.Fatal(err)
		}
	}
	h.open(t)
	issueTo("1")
	sign()
	early := filepath.Join(dir, "early.db")
	if err := store.Copy(t.Context(), h.store, early); err != nil {
		t.Fatal(err)
	}
	issueTo("2")
	sign()
	sign()
	if len(heads()) != 2 || written != 2 {
		t.Errorf("%d heads kept, written %d times", len(heads()), written)
	}

	// The store itself, whatever was added since.
	issueTo("3")
	h.c.Anchored = heads()
	h.open(t)

	reopenAs := func(path string, anchored [][]byte) (*house, error) {
		t.Helper()
		s, err := store.OpenBolt(path, testDID, h.learners)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		other := &house{store: s, learners: h.learners, ring: h.ring, now: h.now, c: h.c}
		other.c.Store, other.c.Anchored = s, anchored
		other.Issuer, err = New(t.Context(), other.c)
		return other, err
	}
	copyTo := func(name string) string {
		raw, err := os.ReadFile(early)
		path := filepath.Join(dir, name)
		if err == nil {
			err = os.WriteFile(path, raw, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		return path
	}

	// An earlier copy, put in its place.
	if _, err := reopenAs(copyTo("rolled-back.db"), heads()); !errors.Is(err, store.ErrForked) || !strings.Contains(err.Error(), "indeks restore") {
		t.Errorf("rolled back: err = %v, want %v and a hint", err, store.ErrForked)
	}

	// The same without the heads, which then goes on: found against a later one.
	forked := copyTo("forked.db")
	fork, err := reopenAs(forked, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, learner := range []string{"7", "8", "9"} {
		d := draft(t)
		d.LearnerID = learner
		if _, err := fork.Issue(t.Context(), d); err != nil {
			t.Fatal(err)
		}
	}
	if found, _ := h.inst.CheckHeads(t.Context(), fork.store, h.ring, heads()); len(found) != 2 || !errors.Is(found[0], store.ErrForked) {
		t.Errorf("the fork against the heads of the original: %v", found)
	}
	fork.store.Close()
	if _, err := reopenAs(forked, heads()); !errors.Is(err, store.ErrForked) {
		t.Errorf("forked: err = %v, want %v", err, store.ErrForked)
	}

	// Brought back as it should be.
	restored := copyTo("restored.db")
	var last []store.Head
	for _, token := range heads() {
		head, err := h.inst.OpenHead(t.Context(), h.ring, token)
		if err != nil {
			t.Fatal(err)
		}
		last = append(last, head)
	}
	done, err := store.Restore(t.Context(), restored, testDID, h.learners, store.Restoration{At: h.now, Forget: true, Numbers: 10, Heads: last})
	if err != nil || done.Log == "1" || !strings.HasPrefix(done.Log, "1-") {
		t.Fatalf("%+v, %v", done, err)
	}
	h.now = h.now.Add(time.Hour)
	other, err := reopenAs(restored, heads())
	if err != nil {
		t.Fatal(err)
	}
	if err := other.SignHeads(t.Context()); err != nil {
		t.Fatal(err)
	}
	if found, opened := h.inst.CheckHeads(t.Context(), other.store, h.ring, heads()); len(found) > 0 || opened != 4+2 {
		t.Errorf("%d heads opened, found %v", opened, found)
	}
	// And once more from the same backup: the log of the first restoration is never begun again.
	again := copyTo("again.db")
	last = nil
	for _, token := range heads() {
		head, err := h.inst.OpenHead(t.Context(), h.ring, token)
		if err != nil {
			t.Fatal(err)
		}
		last = append(last, head)
	}
	if _, err := store.Restore(t.Context(), again, testDID, h.learners, store.Restoration{At: h.now, Forget: true, Numbers: 10, Heads: last}); err != nil {
		t.Fatal(err)
	}
	h.now = h.now.Add(time.Hour)
	if _, err := reopenAs(again, heads()); err != nil {
		t.Error(err)
	}

	// What was kept is not what it was.
	path := filepath.Join(dir, "here", "1.head")
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	raw[len(raw)/2] ^= 1
	if _, err := reopenAs(copyTo("last.db"), [][]byte{raw}); err == nil {
		t.Error("a damaged head is taken")
	}
}

// Keys and configuration are not kept in the store; the log learns of their
// changes at the next start, once.
func TestLogOfKeysAndSettings(t *testing.T) {
	h := newHouse(t, nil)
	h.ownRing(t)
	h.c.Settings = [32]byte{1}
	h.open(t)
	h.open(t)
	first := h.ring.Entries()[0].Public.ID
	second := addKey(t, h.ring, noon).Public.ID
	h.open(t)
	if err := h.ring.Revoke(first, noon.Add(-time.Minute), "Petar Petrović lost it"); err != nil {
		t.Fatal(err)
	}
	h.c.Settings = [32]byte{2}
	h.open(t)

	var got []string
	for e, err := range h.store.LogEntries(t.Context(), "1", 0) {
		if err != nil {
			t.Fatal(err)
		}
		switch e.Kind {
		case store.KindKeyMade, store.KindKeyActivated, store.KindKeyRetired, store.KindKeyRevoked, store.KindKeyDestroyed, store.KindConfigured:
			got = append(got, strings.TrimSpace(string(e.Kind)+" "+strings.NewReplacer(first, "A", second, "B").Replace(e.Object)))
		}
		if strings.Contains(e.Result, "Petar") {
			t.Errorf("somebody is named: %+v", e)
		}
	}
	// The shared ring was there when the house was opened first.
	shared := sharedRing(t).Entries()[0].Public.ID
	want := []string{
		"key-made " + shared, "key-activated " + shared,
		"key-made A", "key-activated A", "key-destroyed " + shared,
		"configured",
		"key-made B", "key-activated B", "key-retired A",
		"configured", "key-revoked A",
	}
	if !slices.Equal(slices.Sorted(slices.Values(got)), slices.Sorted(slices.Values(want))) {
		t.Errorf("events %q, want %q", got, want)
	}
}

// Heads are signed on time, and a clock that jumps is an event.
func TestRunLog(t *testing.T) {
	h := newHouse(t, nil)
	var signed []store.Head
	h.c.Anchor = func(head store.Head) error { signed = append(signed, head); return nil }
	var jump time.Duration
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		h.c.Now = func() time.Time { return noon.Add(time.Since(began) + jump) }
		h.open(t)
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		done := make(chan error)
		go func() { done <- h.RunLog(ctx) }()
		time.Sleep(12 * time.Minute)
		if len(signed) != 3 || signed[0].Size != signed[2].Size {
			t.Errorf("in 12 minutes signed %d times: %+v", len(signed), signed)
		}
		jump = time.Hour
		time.Sleep(10 * time.Minute)
		jump = 30 * time.Minute
		time.Sleep(10 * time.Minute)
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if last := signed[len(signed)-1]; last.Size <= signed[0].Size {
			t.Errorf("the last head is of size %d", last.Size)
		}
		for i := range signed[1:] {
			if signed[i+1].At.Before(signed[i].At) {
				t.Errorf("a head of %s follows one of %s", signed[i+1].At, signed[i].At)
			}
		}
	})
	var jumps []string
	for e, err := range h.store.LogEntries(t.Context(), "1", 0) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Kind == store.KindClockJumped {
			jumps = append(jumps, e.Result)
		}
	}
	if !slices.Equal(jumps, []string{"by 1h0m0s", "by -30m0s"}) {
		t.Errorf("jumps logged: %q", jumps)
	}
}

// A head is worth what its signature and its root are.
func TestCheckHeads(t *testing.T) {
	h := newHouse(t, nil)
	h.logging(t)
	if _, err := h.Issue(t.Context(), draft(t)); err != nil {
		t.Fatal(err)
	}
	if err := h.SignHeads(t.Context()); err != nil {
		t.Fatal(err)
	}
	head, err := h.store.LastHead(t.Context(), "1")
	if err != nil {
		t.Fatal(err)
	}
	sealer, err := h.ring.LogSealer()
	if err != nil {
		t.Fatal(err)
	}
	sealed := func(origin string, size uint64, root merkle.Hash) []byte {
		token, err := sealer.Seal(merkle.Head{Origin: origin, Size: size, Root: root}.Text(), keys.LogHead, noon)
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	const origin = "issuer.school.example/log/"
	for name, tt := range map[string]struct {
		token []byte
		found int
	}{
		"good":           {head.Token, 0},
		"another root":   {sealed(origin+"1", head.Size, merkle.Hash{1}), 1},
		"larger":         {sealed(origin+"1", head.Size+1, head.Root), 1},
		"another log":    {sealed(origin+"2", head.Size, head.Root), 1},
		"another issuer": {sealed("issuer.other.example/log/1", head.Size, head.Root), 1},
		"no log":         {sealed(origin, head.Size, head.Root), 1},
		"no head":        {[]byte("x"), 1},
	} {
		found, opened := h.inst.CheckHeads(t.Context(), h.store, h.ring, [][]byte{tt.token})
		if len(found) != tt.found || opened != 2-tt.found {
			t.Errorf("%s: %d opened, found %v", name, opened, found)
		}
	}
	stranger := newRing(t, t.TempDir())
	if found, opened := h.inst.CheckHeads(t.Context(), h.store, stranger, nil); len(found) != 1 || opened != 0 {
		t.Errorf("with strange keys %d open, found %v", opened, found)
	}
}
