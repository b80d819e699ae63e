package verifier

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"indeks/keys"
	"indeks/merkle"
)

// logTest is an institution with a key for credentials and one for its log, whose
// tree holds a credential among others.
type logTest struct {
	ring       *keys.Ring
	seal, head keys.Entry
	hashes     []merkle.Hash
	tree       merkle.Builder
	roots      []merkle.Hash // by size
	secret     []byte
}

var (
	sealedOn  = time.Date(2026, 7, 1, 10, 0, 0, 0, time.UTC)
	lostOn    = time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC)
	logOrigin = "uni.example/log/1"
)

func newLogTest(t *testing.T) *logTest {
	t.Helper()
	ring, err := keys.CreateRing(filepath.Join(t.TempDir(), "keys.age"), []byte("correct horse"))
	if err != nil {
		t.Fatal(err)
	}
	asked := keys.NewKey{Organization: "University of Example", OrgID: "VATRS-100000001", Now: sealedOn.AddDate(0, -1, 0)}
	l := &logTest{ring: ring, roots: []merkle.Hash{{}}, secret: []byte("sixteen bytes ..")}
	if l.seal, err = ring.Add("did:web:uni.example", asked); err != nil {
		t.Fatal(err)
	}
	if l.head, err = ring.AddLog("did:web:uni.example", asked); err != nil {
		t.Fatal(err)
	}
	return l
}

func (l *logTest) add(leaf []byte) {
	l.hashes = append(l.hashes, l.tree.Add(merkle.LeafHash(leaf))...)
	l.roots = append(l.roots, l.tree.Root())
}

// log puts a credential on the log, between others, and returns the proof under the
// whole tree.
func (l *logTest) log(t *testing.T, s merkle.Sealing, form string, payload []byte) merkle.Proof {
	t.Helper()
	s.Forms = map[string]merkle.Hash{form: merkle.Commit(merkle.Salt(l.secret, form), sha256.Sum256(payload))}
	said, err := s.JSON()
	if err != nil {
		t.Fatal(err)
	}
	l.add([]byte("another"))
	p := merkle.Proof{Log: logOrigin, Said: said, Kept: merkle.Hash{7}, Form: form, Salt: merkle.Salt(l.secret, form), Index: l.tree.Size()}
	l.add(merkle.Leaf(p.Kept, said))
	l.add([]byte("another"))
	l.lead(t, &p)
	return p
}

// lead completes a proof under the tree as it is.
func (l *logTest) lead(t *testing.T, p *merkle.Proof) {
	t.Helper()
	var err error
	p.Size = l.tree.Size()
	if p.Hashes, err = merkle.Inclusion(p.Size, p.Index, func(places []int64) ([]merkle.Hash, error) {
		found := make([]merkle.Hash, len(places))
		for i, at := range places {
			found[i] = l.hashes[at]
		}
		return found, nil
	}); err != nil {
		t.Fatal(err)
	}
}

// signed is the head of the tree, by the key for the log or by another.
func (l *logTest) signed(t *testing.T, kid string, head merkle.Head, at time.Time) string {
	t.Helper()
	sealer, err := l.ring.SealerFor(kid)
	if err != nil {
		t.Fatal(err)
	}
	token, err := sealer.Seal(head.Text(), keys.LogHead, at)
	if err != nil {
		t.Fatal(err)
	}
	return string(token)
}

// A key that became known to others takes with it what it sealed, but for what a
// log proves to be older: under a head that this key could not seal, or that the
// operator saw at the time. Whoever has the key can do all else.
func TestLostKey(t *testing.T) {
	l := newLogTest(t)
	sealer, err := l.ring.SealerFor(l.seal.Public.ID)
	if err != nil {
		t.Fatal(err)
	}
	sealAt := func(doc map[string]any, at time.Time) ([]byte, []byte) {
		payload, err := json.Marshal(doc)
		if err != nil {
			t.Fatal(err)
		}
		token, err := sealer.Seal(payload, keys.VCJWT, at)
		if err != nil {
			t.Fatal(err)
		}
		return token, payload
	}
	uni := newIssuer(t, "uni.example")
	token, payload := sealAt(uni.credential(nil, nil), sealedOn)
	id := uni.credential(nil, nil)["id"].(string)
	entry := l.log(t, merkle.Sealing{Credential: id, KeyID: l.seal.Public.ID, At: sealedOn}, "vc2", payload)
	size := l.tree.Size()
	head := merkle.Head{Origin: logOrigin, Size: size, Root: l.tree.Root()}
	weekLater := sealedOn.AddDate(0, 0, 7)
	signed := l.signed(t, l.head.Public.ID, head, weekLater)

	forged, _ := sealAt(uni.credential(nil, map[string]any{"credentialSubject": map[string]any{"id": "did:example:learner", "name": "Mallory"}}), sealedOn)
	redated, _ := sealAt(uni.credential(nil, nil), sealedOn.Add(time.Hour))
	late, _ := sealAt(uni.credential(nil, nil), lostOn.Add(time.Hour))
	// What the thief has put on a log of his own, or on the real one once he had the server too.
	thief := newLogTest(t)
	thief.secret = l.secret
	_, forgedPayload := sealAt(uni.credential(nil, map[string]any{"credentialSubject": map[string]any{"id": "did:example:learner", "name": "Mallory"}}), sealedOn)
	his := thief.log(t, merkle.Sealing{Credential: id, KeyID: l.seal.Public.ID, At: sealedOn}, "vc2", forgedPayload)
	hisHead := merkle.Head{Origin: logOrigin, Size: thief.tree.Size(), Root: thief.tree.Root()}

	type world struct {
		token   []byte
		proof   merkle.Proof
		answer  any // in place of the proof
		pinned  map[uint64]any
		entry   TrustedIssuer
		expires time.Time
	}
	pin := LogHead{Log: logOrigin, Size: size, Root: head.Root, Time: weekLater}
	for name, c := range map[string]struct {
		change func(w *world)
		state  State
		asked  int // requests at least; -1: none
		by     string
	}{
		"a head of another key":                {func(w *world) {}, StateValid, 1, "another key"},
		"a head of the same key":               {func(w *world) { w.proof.Head = l.signed(t, l.seal.Public.ID, head, weekLater) }, Unconfirmable, 1, ""},
		"a head from after the loss":           {func(w *world) { w.proof.Head = l.signed(t, l.head.Public.ID, head, lostOn) }, Unconfirmable, 1, ""},
		"a head of a key that is lost, too":    {func(w *world) { w.entry.Keys[1].CompromisedAt = lostOn.AddDate(0, 1, 0) }, Unconfirmable, 1, ""},
		"a head of a key that is not listed":   {func(w *world) { w.entry.Keys = w.entry.Keys[:1] }, Unconfirmable, 1, ""},
		"a head of a key for another purpose":  {func(w *world) { w.entry.Keys[1].Purposes = []string{"authentication"} }, Unconfirmable, 1, ""},
		"a head of a key before its first use": {func(w *world) { w.entry.Keys[1].NotBefore = weekLater.AddDate(0, 0, 1) }, Unconfirmable, 1, ""},
		"a head of a key after its last use":   {func(w *world) { w.entry.Keys[1].NotAfter = weekLater.AddDate(0, 0, -1) }, Unconfirmable, 1, ""},
		"a head of another tree": {func(w *world) {
			w.proof.Head = l.signed(t, l.head.Public.ID, merkle.Head{Origin: logOrigin, Size: size, Root: merkle.Hash{1}}, weekLater)
		}, Unconfirmable, 1, ""},
		"a head of another size": {func(w *world) {
			w.proof.Head = l.signed(t, l.head.Public.ID, merkle.Head{Origin: logOrigin, Size: size + 1, Root: head.Root}, weekLater)
		}, Unconfirmable, 1, ""},
		"a head of another log": {func(w *world) {
			w.proof.Head = l.signed(t, l.head.Public.ID, merkle.Head{Origin: "uni.example/log/2", Size: size, Root: head.Root}, weekLater)
		}, Unconfirmable, 1, ""},
		"no head":                {func(w *world) { w.proof.Head = "" }, Unconfirmable, 1, ""},
		"a credential as a head": {func(w *world) { w.proof.Head = string(token) }, Unconfirmable, 1, ""},

		"a head that was seen":        {func(w *world) { w.proof.Head, w.entry.LogHeads = "", []LogHead{pin} }, StateValid, 1, "operator saw"},
		"seen, and all keys are lost": {func(w *world) { w.entry.LogHeads = []LogHead{pin}; w.entry.Keys[1].CompromisedAt = lostOn }, StateValid, 1, "operator saw"},
		"seen after the loss": {func(w *world) {
			w.proof.Head = ""
			w.entry.LogHeads = []LogHead{pin}
			w.entry.LogHeads[0].Time = lostOn
		}, Unconfirmable, 1, ""},
		"another root was seen": {func(w *world) { w.entry.LogHeads = []LogHead{pin}; w.entry.LogHeads[0].Root = merkle.Hash{1} }, Unconfirmable, 1, ""},
		"of another log it was seen": {func(w *world) {
			w.proof.Head = ""
			w.entry.LogHeads = []LogHead{pin}
			w.entry.LogHeads[0].Log = "uni.example/log/2"
		}, Unconfirmable, 1, ""},
		"seen, and the issuer leads there if asked": {func(w *world) {
			w.answer, w.pinned, w.entry.LogHeads = 404, map[uint64]any{size: w.proof}, []LogHead{pin}
		}, StateValid, 2, "operator saw"},
		"seen when it was smaller": {func(w *world) {
			w.answer, w.pinned, w.entry.LogHeads = 404, map[uint64]any{size: w.proof}, []LogHead{{logOrigin, 1, l.roots[1], sealedOn}, pin}
		}, StateValid, 3, "operator saw"},

		"another payload": {func(w *world) { w.token = forged }, Unconfirmable, 1, ""},
		"another payload, on the thief's log": {func(w *world) {
			w.token, w.proof = forged, his
			w.proof.Head = l.signed(t, l.seal.Public.ID, hisHead, weekLater)
		}, Unconfirmable, 1, ""},
		"the thief's log against what was seen": {func(w *world) { w.token, w.proof, w.entry.LogHeads = forged, his, []LogHead{pin} }, Unconfirmable, 1, ""},
		"sealed again with another date":        {func(w *world) { w.token = redated }, Unconfirmable, 1, ""},
		"sealed after the loss":                 {func(w *world) { w.token = late }, NotValid, -1, ""},

		"it has no proof":          {func(w *world) { w.answer = 404 }, Unconfirmable, 1, ""},
		"it does not work":         {func(w *world) { w.answer = 500 }, Unconfirmable, 1, ""},
		"it leads elsewhere":       {func(w *world) { w.answer = 302 }, Unconfirmable, 1, ""},
		"it does not answer":       {func(w *world) { w.answer = errNetwork }, Unconfirmable, 1, ""},
		"it answers nonsense":      {func(w *world) { w.answer = []byte(`{"log":7}`) }, Unconfirmable, 1, ""},
		"it answers null":          {func(w *world) { w.answer = []byte(`null`) }, Unconfirmable, 1, ""},
		"it answers too much":      {func(w *world) { w.answer = bytes.Repeat([]byte(" "), maxProof+1) }, Unconfirmable, 1, ""},
		"it has no address":        {func(w *world) { w.entry.CredentialsURL = "" }, Unconfirmable, -1, ""},
		"the key is not lost":      {func(w *world) { w.entry.Keys[0].CompromisedAt = time.Time{} }, StateValid, -1, ""},
		"the key is not for this":  {func(w *world) { w.entry.Keys[0].Purposes = []string{keys.LogPurpose} }, NotValid, -1, ""},
		"the key was retired":      {func(w *world) { w.entry.Keys[0].NotAfter = sealedOn.AddDate(0, 0, -1) }, NotValid, -1, ""},
		"the trust file has ended": {func(w *world) { w.expires = now.AddDate(0, 0, -1) }, IssuerUnknown, -1, ""},
		"the institution ended":    {func(w *world) { w.entry.Ended = "2026-01-01" }, IssuerUnknown, -1, ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := world{token: token, proof: entry, entry: uni.entry()}
			w.proof.Head = signed
			seal, head := *l.seal.Public, *l.head.Public
			seal.CompromisedAt = lostOn
			w.entry.Keys = []keys.PublicKey{seal, head}
			c.change(&w)
			if w.answer == nil {
				w.answer = w.proof
			}
			serve := &answers{}
			for _, token := range [][]byte{w.token} {
				values, err := keys.SignaturesUnsafe(token)
				if err != nil {
					t.Fatal(err)
				}
				address := fmt.Sprintf("https://uni.example/c/%s/proof?seal=%x", id, sha256.Sum256(values[0]))
				body := func(v any) any {
					if p, ok := v.(merkle.Proof); ok {
						raw, err := json.Marshal(p)
						if err != nil {
							t.Fatal(err)
						}
						return raw
					}
					return v
				}
				serve.set(address, body(w.answer))
				for size, answer := range w.pinned {
					serve.set(fmt.Sprintf("%s&size=%d", address, size), body(answer))
				}
			}
			trust := trusting(w.entry)
			if !w.expires.IsZero() {
				trust.Expires = w.expires
			}
			r := newVerifier(t, Config{Trust: trust, Fetch: serve.client()}).Verify(t.Context(), w.token)
			coherent(t, r)
			if r.State != c.state {
				t.Fatalf("state %s, want %s: %+v", r.State, c.state, r.check(CheckSeal))
			}
			if n := serve.count(); c.asked < 0 && n > 0 || n < c.asked {
				t.Errorf("asked %d times, want %d: %q", n, c.asked, serve.asked)
			}
			switch found := r.check(CheckSeal); {
			case (c.by != "") != (r.Logged != nil):
				t.Errorf("logged %+v", r.Logged)
			case c.by != "" && (!strings.Contains(allOf(found.Remarks), c.by) || !strings.Contains(found.Message.String(), "2026-07-08") || r.Logged.Pinned != (c.by == "operator saw") || !r.Logged.Head.Equal(weekLater) || !r.Logged.Lost.Equal(lostOn)):
				t.Errorf("said %+v, logged %+v", found, r.Logged)
			}
			if wire := r.Wire("en"); (wire.Logged != nil) != (r.Logged != nil) {
				t.Errorf("wire %+v", wire.Logged)
			}
		})
	}
}

// Heads of a log stand in the trust file; what was seen first stays, and another
// root of the same size is refused.
func TestLogHeadsInTheTrustFile(t *testing.T) {
	e := newIssuer(t, "uni.example").entry()
	e.Source, e.Checked = "letter", "2026-01-01"
	head := LogHead{Log: logOrigin, Size: 7, Root: merkle.Hash{1, 2, 3}, Time: sealedOn}
	e.LogHeads = []LogHead{head}
	trust := trusting(e)
	raw, err := trust.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	read, err := ParseTrust(raw)
	if err != nil || !slices.Equal(read.Issuers[0].LogHeads, e.LogHeads) {
		t.Fatalf("%+v, %v", read, err)
	}

	again := e
	again.LogHeads = []LogHead{{logOrigin, 7, head.Root, sealedOn.AddDate(-1, 0, 0)}, {logOrigin, 9, merkle.Hash{9}, sealedOn}}
	if _, err := read.Put(again, false); err != nil {
		t.Fatal(err)
	}
	if got := read.Issuers[0].LogHeads; !slices.Equal(got, []LogHead{head, again.LogHeads[1]}) {
		t.Errorf("heads %+v", got)
	}
	again.LogHeads = []LogHead{{logOrigin, 7, merkle.Hash{8}, sealedOn}}
	for _, replace := range []bool{false, true} {
		if _, err := read.Put(again, replace); err == nil || !strings.Contains(err.Error(), "written anew") {
			t.Errorf("another root of the same size: %v", err)
		}
	}

	for name, change := range map[string][2]string{
		"no time":    {`"time": "2026-07-01T10:00:00Z"`, `"time": "0001-01-01T00:00:00Z"`},
		"no size":    {`"size": 7`, `"size": 0`},
		"no log":     {`"log": "uni.example/log/1"`, `"log": ""`},
		"line break": {`"log": "uni.example/log/1"`, `"log": "uni.example\n/log/1"`},
		"root":       {`"root": "AQID`, `"root": "AQIDAQID`},
		"unknown":    {`"size": 7`, `"size": 7, "tree": 1`},
	} {
		bad := strings.Replace(string(raw), change[0], change[1], 1)
		if bad == string(raw) {
			t.Fatalf("%s: nothing was changed in %s", name, raw)
		}
		if _, err := ParseTrust([]byte(bad)); err == nil || !strings.Contains(err.Error(), "log_heads") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A head is seen when the operator sees it, whatever it says of itself: who has a
// key can date a head of his own back.
func TestSeenHeads(t *testing.T) {
	l := newLogTest(t)
	l.add([]byte("a"))
	l.add([]byte("b"))
	e := newIssuer(t, "uni.example").entry()
	e.Keys = []keys.PublicKey{*l.seal.Public, *l.head.Public}
	trust := trusting(e)
	head := merkle.Head{Origin: logOrigin, Size: 2, Root: l.tree.Root()}
	seen := lostOn
	change, err := trust.SeeHead(t.Context(), []byte(l.signed(t, l.head.Public.ID, head, sealedOn)+"\n"), seen)
	want := []LogHead{{logOrigin, 2, head.Root, seen}}
	if err != nil || len(change.Lines) != 1 || !slices.Equal(trust.Issuers[0].LogHeads, want) {
		t.Fatalf("%+v, heads %+v, %v", change, trust.Issuers[0].LogHeads, err)
	}
	for _, kid := range []string{l.head.Public.ID, l.seal.Public.ID} { // again, and much later
		if change, err := trust.SeeHead(t.Context(), []byte(l.signed(t, kid, head, sealedOn)), seen.AddDate(1, 0, 0)); err != nil || len(change.Lines) != 0 || !slices.Equal(trust.Issuers[0].LogHeads, want) {
			t.Errorf("again: %+v, heads %+v, %v", change, trust.Issuers[0].LogHeads, err)
		}
	}

	// In an entry that an institution publishes, or somebody who has its key.
	published := e
	published.LogHeads = []LogHead{{logOrigin, 2, head.Root, sealedOn.AddDate(-3, 0, 0)}, {logOrigin, 5, merkle.Hash{5}, sealedOn.AddDate(-3, 0, 0)}}
	trust.Witness(&published, seen.AddDate(0, 1, 0))
	if got := published.LogHeads; !got[0].Time.Equal(seen) || !got[1].Time.Equal(seen.AddDate(0, 1, 0)) {
		t.Errorf("seen on %s and %s", got[0].Time, got[1].Time)
	}

	stranger := newLogTest(t)
	trust.Issuers[0].Keys[0].CompromisedAt = lostOn
	for name, token := range map[string]string{
		"of a lost key":       l.signed(t, l.seal.Public.ID, merkle.Head{Origin: logOrigin, Size: 3, Root: head.Root}, sealedOn),
		"of a stranger":       stranger.signed(t, stranger.head.Public.ID, head, sealedOn),
		"of another history":  l.signed(t, l.head.Public.ID, merkle.Head{Origin: logOrigin, Size: 2, Root: merkle.Hash{9}}, sealedOn),
		"that is none":        "x",
		"that was changed":    strings.Replace(l.signed(t, l.head.Public.ID, head, sealedOn), ".", "A.", 1),
		"that is no log head": string(newIssuer(t, "uni.example").seal(t, []byte("a"))),
	} {
		if change, err := trust.SeeHead(t.Context(), []byte(token), seen); err == nil {
			t.Errorf("a head %s: %+v", name, change)
		}
	}
}
