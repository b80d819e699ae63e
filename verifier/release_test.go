package verifier

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"indeks/contexts"
	"indeks/internal/reference"
)

// awards are payloads of an issuer that differ in what they say of the learner.
func (i *testIssuer) awards(t *testing.T, n int) [][]byte {
	raw, err := os.ReadFile(filepath.Join("..", "cmd", "indeks", "testdata", "speed", "award.json"))
	if err != nil {
		t.Fatal(err)
	}
	list := make([][]byte, n)
	for k := range list {
		list[k] = []byte(strings.NewReplacer("{base}", "https://"+i.host, "{did}", i.did, "{id}", fmt.Sprint("urn:credential:", k),
			"{number}", strings.Repeat(fmt.Sprint(k), 9), "{index}", fmt.Sprint(k)).Replace(string(raw)))
	}
	return list
}

// Whoever is told of one credential is told nothing of another, however many are
// verified at once in memory that reports gave back, and texts that were taken from
// a report remain.
func TestReleasedReports(t *testing.T) {
	uni := newIssuer(t, "uni.example")
	v := newVerifier(t, Config{Trust: trusting(uni.entry()), Fetch: &http.Client{Transport: offline{}}})
	var tokens [][]byte
	var want []string
	for _, payload := range uni.awards(t, 8) {
		token := uni.seal(t, payload)
		r := v.Verify(t.Context(), token)
		if len(r.supplement) == 0 {
			t.Fatalf("no supplement: %+v", r.Checks)
		}
		tokens, want = append(tokens, token), append(want, string(r.AppendJSON(nil, "hr"))+string(r.AppendJSON(nil, "en")))
	}
	tokens, want = append(tokens, uni.seal(t, []byte(`{"a":`))), append(want, "")
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for k := range 50 {
				i := (g + k*(g+1)) % len(tokens)
				r := v.Verify(t.Context(), tokens[i])
				if got := string(r.AppendJSON(nil, "hr")) + string(r.AppendJSON(nil, "en")); want[i] != "" && got != want[i] {
					t.Errorf("credential %d: %s\nnot\n%s", i, got, want[i])
				}
				id, kept := r.ID, ""
				if want[i] != "" {
					kept = r.supplement[0].Elements[0].Values[0].Text
				}
				before := strings.Clone(id) + strings.Clone(kept)
				r.Release()
				if r.Credential != nil || r.supplement != nil || r.Verdict != "" {
					t.Error("a released report still says something")
				}
				r.Release() // once more does no harm
				again := v.Verify(t.Context(), tokens[(i+1)%len(tokens)])
				if id+kept != before {
					t.Errorf("credential %d: text became %q", i, id+kept)
				}
				again.Release()
			}
		})
	}
	wg.Wait()
}

// offline reaches no host.
type offline struct{}

func (offline) RoundTrip(*http.Request) (*http.Response, error) { return nil, os.ErrNotExist }

// A report keeps nothing of the token's bytes, whose memory is used again for
// another's: neither of a good one of any form nor of any other.
func TestReportsKeepNothingOfTheToken(t *testing.T) {
	overwritten := func(t *testing.T, name string, v func() *Verifier, token []byte) {
		want := v().Verify(t.Context(), token).AppendJSON(nil, "en")
		again := bytes.Clone(token)
		r := v().Verify(t.Context(), again)
		for i := range again {
			again[i] = 'x'
		}
		if got := r.AppendJSON(nil, "en"); !bytes.Equal(got, want) {
			t.Errorf("%s: %s\nnot\n%s", name, got, want)
		}
	}
	uni := newIssuer(t, "uni.example")
	own := func() *Verifier {
		return newVerifier(t, Config{Trust: trusting(uni.entry()), Fetch: &http.Client{Transport: offline{}}})
	}
	award := uni.awards(t, 1)[0]
	overwritten(t, "sealed", own, uni.seal(t, award))
	overwritten(t, "not sealed", own, award)

	cases := reference.LoadCases(t)
	trust, err := ParseTrust(cases.TrustFile(t))
	if err != nil {
		t.Fatal(err)
	}
	set, err := contexts.Default().With(cases.Contexts(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range cases.Cases {
		token := cases.Token(t, c)
		synctest.Test(t, func(t *testing.T) {
			overwritten(t, c.ID, func() *Verifier {
				v, err := New(Config{Trust: trust, Contexts: set, Skew: cases.Skew, Now: func() time.Time { return cases.Now }, Fetch: &http.Client{Transport: cases.Web()}})
				if err != nil {
					t.Fatal(err)
				}
				return v
			}, token)
		})
	}
}
