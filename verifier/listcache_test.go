package verifier

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"indeks/status"
)

// A list is used for 30 s at most, and a verifier that cannot ask says so.
func TestListAgesWithinHalfAMinute(t *testing.T) {
	for name, c := range map[string]struct {
		ttl   any
		fresh time.Duration
	}{
		"no ttl":    {nil, 30 * time.Second},
		"ttl 5 s":   {5000, 5 * time.Second},
		"ttl 1 day": {86_400_000, 30 * time.Second},
		"ttl 0":     {0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				uni := newIssuer(t, "uni.example")
				start := time.Now()
				stamp := func(minutes int) map[string]any {
					return map[string]any{
						"validFrom":  start.Add(time.Duration(minutes) * time.Minute).Format(time.RFC3339),
						"validUntil": start.Add(24 * time.Hour).Format(time.RFC3339),
					}
				}
				var about map[string]any
				if c.ttl != nil {
					about = map[string]any{"ttl": c.ttl}
				}
				sealed := func(minutes int, set ...uint64) []byte {
					return uni.seal(t, uni.list(t, "1", "revocation", set, stamp(minutes), about))
				}
				served := &answers{}
				entry := uni.entry()
				entry.Keys[0].NotBefore = time.Time{}
				trust := trusting(entry)
				trust.Issued, trust.Expires = start, start.AddDate(1, 0, 0)
				v := newVerifier(t, Config{Trust: trust, Fetch: served.client(), Now: time.Now})
				token := uni.seal(t, uni.credential([]any{uni.statusEntry("1", "revocation", "5")}, map[string]any{"validFrom": "1999-01-01T00:00:00Z"}))
				expect := func(state State, asked int) {
					t.Helper()
					r := v.Verify(t.Context(), token)
					coherent(t, r)
					if r.State != state || served.count() != asked {
						t.Errorf("after %s: state %s, not %s, after %d requests, not %d: %+v", time.Since(start), r.State, state, served.count(), asked, r.checks(CheckRevocation))
					}
				}

				// Good, and used for its time.
				served.set(uni.listURL("1"), sealed(-60))
				expect(StateValid, 1)
				if c.fresh > 0 {
					time.Sleep(c.fresh - time.Millisecond)
					expect(StateValid, 1)
				}
				// Past it a failure is never green, though validUntil holds.
				time.Sleep(time.Millisecond)
				served.set(uni.listURL("1"), errNetwork)
				expect(StatusUnchecked, 2)
				// An older list is refused, however well it is sealed.
				served.set(uni.listURL("1"), sealed(-90))
				expect(StatusUnchecked, 3)
				// The same age is no rollback; what was bad was not kept.
				served.set(uni.listURL("1"), sealed(-60))
				expect(StateValid, 4)
				time.Sleep(c.fresh)
				served.set(uni.listURL("1"), sealed(-30, 5))
				expect(Revoked, 5)
				// Lifting a revocation by an older list does not work either.
				time.Sleep(c.fresh)
				served.set(uni.listURL("1"), sealed(-60))
				expect(StatusUnchecked, 6)
			})
		})
	}
}

// A thousand checks of one list ask once, and a caller who leaves takes nobody
// along.
func TestManyAskOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		uni := newIssuer(t, "uni.example")
		list := uni.list(t, "1", "revocation", nil, map[string]any{"validFrom": "1999-12-31T00:00:00Z", "validUntil": "2001-01-01T00:00:00Z"}, nil)
		served := &answers{delay: time.Second}
		served.set(uni.listURL("1"), uni.seal(t, list))
		entry := uni.entry()
		entry.Keys[0].NotBefore = time.Time{}
		trust := trusting(entry)
		trust.Issued = time.Now()
		v := newVerifier(t, Config{Trust: trust, Fetch: served.client(), Now: time.Now})
		token := uni.seal(t, uni.credential([]any{uni.statusEntry("1", "revocation", "5")}, map[string]any{"validFrom": "1999-01-01T00:00:00Z"}))

		hasty, leave := context.WithTimeout(t.Context(), time.Millisecond)
		defer leave()
		var wait sync.WaitGroup
		wait.Go(func() {
			if r := v.Verify(hasty, token); r.State != StatusUnchecked {
				t.Errorf("who left: %s", r.State)
			}
		})
		synctest.Wait()
		states := make(chan State, 1000)
		for range cap(states) {
			wait.Go(func() { states <- v.Verify(t.Context(), token).State })
		}
		wait.Wait()
		close(states)
		for state := range states {
			if state != StateValid {
				t.Fatalf("state %s", state)
			}
		}
		if n := served.count(); n != 1 {
			t.Errorf("asked %d times", n)
		}
	})
}

// However many lists do not answer, nobody waits longer than for one; and who
// comes after hears at once what the first has waited for.
func TestSlowListIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		uni := newIssuer(t, "uni.example")
		served := &answers{delay: time.Hour}
		trust := trusting(uni.entry())
		trust.Issuers[0].Keys[0].NotBefore = time.Time{}
		trust.Issued, trust.Expires = time.Now(), time.Now().AddDate(1, 0, 0)
		v := newVerifier(t, Config{Trust: trust, Fetch: served.client(), Now: time.Now})
		entries := []any{uni.statusEntry("1", "revocation", "5"), uni.statusEntry("2", "suspension", "5"), uni.statusEntry("3", "suspension", "5")}
		token := uni.seal(t, uni.credential(entries, map[string]any{"validFrom": "1999-01-01T00:00:00Z"}))
		for _, step := range []struct {
			after, takes time.Duration
			asked        int
		}{
			{0, fetchTimeout, 3},
			{0, 0, 3},
			{fetchTimeout - time.Millisecond, 0, 3},
			{time.Millisecond, fetchTimeout, 6},
		} {
			time.Sleep(step.after)
			began := time.Now()
			r := v.Verify(t.Context(), token)
			if took := time.Since(began); r.State != StatusUnchecked || took != step.takes || served.count() != step.asked {
				t.Errorf("state %s after %s and %d requests, not %s and %d", r.State, took, served.count(), step.takes, step.asked)
			}
		}
	})
}

// A list that is dated in the future is not valid yet, and is not remembered as the
// newest: the next one may be dated before it.
func TestListOfTheFutureIsNotRemembered(t *testing.T) {
	uni := newIssuer(t, "uni.example")
	served := &answers{}
	at := now
	v := newVerifier(t, Config{Trust: trusting(uni.entry()), Fetch: served.client(), Now: func() time.Time { return at }})
	token := uni.seal(t, uni.credential([]any{uni.statusEntry("1", "revocation", "5")}, nil))
	list := func(from time.Time, set ...uint64) []byte {
		return uni.seal(t, uni.list(t, "1", "revocation", set, map[string]any{
			"validFrom": from.Format(time.RFC3339), "validUntil": from.Add(24 * time.Hour).Format(time.RFC3339)}, nil))
	}
	for _, step := range []struct {
		name  string
		after time.Duration
		list  []byte
		state State
	}{
		{"good", 0, list(now.Add(-time.Hour)), StateValid},
		{"of years ahead", defaultListAge, list(now.AddDate(3, 0, 0)), StatusUnchecked},
		{"of an hour ahead", 0, list(now.Add(2 * time.Hour)), StatusUnchecked},
		{"of now, after them", 0, list(now, 5), Revoked},
		{"older than that", defaultListAge, list(now.Add(-time.Hour)), StatusUnchecked},
	} {
		at = at.Add(step.after)
		served.set(uni.listURL("1"), step.list)
		if r := v.Verify(t.Context(), token); r.State != step.state {
			t.Errorf("%s: state %s, not %s: %+v", step.name, r.State, step.state, r.checks(CheckRevocation))
		}
	}
}

// What was learnt while the clock was ahead is asked again once it is right, and
// not when that time has come.
func TestNothingIsFreshThatIsOfLater(t *testing.T) {
	uni := newIssuer(t, "uni.example")
	served := &answers{}
	at := now.Add(12 * time.Hour)
	v := newVerifier(t, Config{Trust: trusting(uni.entry()), Fetch: served.client(), Now: func() time.Time { return at }})
	token := uni.seal(t, uni.credential([]any{uni.statusEntry("1", "revocation", "5")}, nil))
	list := func(from time.Time, set ...uint64) []byte {
		return uni.seal(t, uni.list(t, "1", "revocation", set, map[string]any{
			"validFrom": from.Format(time.RFC3339), "validUntil": from.Add(24 * time.Hour).Format(time.RFC3339)}, nil))
	}
	for _, step := range []struct {
		at    time.Time
		list  any
		state State
	}{
		{now.Add(12 * time.Hour), list(now.Add(-time.Hour)), StateValid},
		{now.Add(time.Minute), list(now, 5), Revoked},
		{now.Add(12 * time.Hour), errNetwork, StatusUnchecked},
		{now.Add(time.Minute), list(now, 5), Revoked},
	} {
		at = step.at
		served.set(uni.listURL("1"), step.list)
		if r := v.Verify(t.Context(), token); r.State != step.state {
			t.Errorf("at %s: state %s, not %s: %+v", at, r.State, step.state, r.checks(CheckRevocation))
		}
	}
}

// The cache forgets the oldest lists before it grows beyond its bound.
func TestListCacheIsBounded(t *testing.T) {
	uni := newIssuer(t, "uni.example")
	v := newVerifier(t, Config{Trust: trusting(uni.entry()), Fetch: (&answers{}).client()})
	v.lists.known = make(map[listKey]*knownList)
	large := make([]byte, 16<<20)
	for i := range 8 {
		bits, err := status.FromBits(large)
		if err != nil {
			t.Fatal(err)
		}
		till := now.Add(time.Duration(i))
		v.lists.keep(listKey{address: fmt.Sprint(i)}, &knownList{list: &statusList{bits: bits}, until: till, seen: till})
	}
	for i := range 8 {
		known := v.lists.known[listKey{address: fmt.Sprint(i)}]
		if kept := known.list != nil; kept != (i >= 4) {
			t.Errorf("list %d of 16 MiB is kept: %t", i, kept)
		}
		if !known.seen.Equal(now.Add(time.Duration(i))) {
			t.Errorf("how old list %d was is forgotten", i)
		}
	}
	for i := range maxListsKnown {
		v.lists.known[listKey{address: fmt.Sprint("small ", i)}] = &knownList{until: now.Add(time.Hour)}
	}
	v.lists.keep(listKey{address: "last"}, &knownList{until: now.Add(time.Hour)})
	if n := len(v.lists.known); n != maxListsKnown {
		t.Errorf("something is remembered of %d lists", n)
	}
}

// Two lists of one issuer are two, whatever their addresses have in common.
func TestListsAreKeptApart(t *testing.T) {
	uni := newIssuer(t, "uni.example")
	served := &answers{}
	states := map[string]State{
		"1": StateValid, "1?of=2026": Revoked, "1?of=2027": StateValid, "1?of=2026&": StateValid, "1/": Revoked, "%31": StateValid, "L": StateValid, "l": Revoked,
	}
	for name, state := range states {
		var set []uint64
		if state == Revoked {
			set = []uint64{5}
		}
		served.set(uni.listURL(name), uni.seal(t, uni.list(t, name, "revocation", set, nil, nil)))
	}
	v := newVerifier(t, Config{Trust: trusting(uni.entry()), Fetch: served.client()})
	for range 2 {
		for name, state := range states {
			r := v.Verify(t.Context(), uni.seal(t, uni.credential([]any{uni.statusEntry(name, "revocation", "5")}, nil)))
			if r.State != state {
				t.Errorf("%s: state %s, not %s: %+v", name, r.State, state, r.checks(CheckRevocation))
			}
		}
	}
	if n := served.count(); n != len(states) {
		t.Errorf("%d requests for %d lists", n, len(states))
	}
	// A fragment never leaves a client, so two of them would be one list.
	r := v.Verify(t.Context(), uni.seal(t, uni.credential([]any{uni.statusEntry("1#a", "revocation", "5")}, nil)))
	if r.State != NotValid || served.count() != len(states) {
		t.Errorf("fragment: state %s after %d requests", r.State, served.count())
	}
}

// Nothing bad that a server says takes the place of a good list, nor lasts.
func TestABadAnswerIsNotKept(t *testing.T) {
	uni := newIssuer(t, "uni.example")
	good := uni.seal(t, uni.list(t, "1", "revocation", nil, nil, nil))
	revoked := uni.seal(t, uni.list(t, "1", "revocation", []uint64{5}, map[string]any{"validFrom": "2026-10-01T08:30:00Z"}, nil))
	for name, bad := range map[string]any{
		"error page":      500,
		"page":            []byte("<!doctype html><title>Down for repairs</title>"),
		"cut":             good[:len(good)/2],
		"nothing":         []byte{},
		"too large":       make([]byte, maxFetched+1),
		"another list":    uni.seal(t, uni.list(t, "2", "revocation", nil, nil, nil)),
		"no connection":   errNetwork,
		"redirect":        302,
		"not modified":    304, // though nobody said what we have
		"no content":      204,
		"a part of it":    206,
		"older, unsealed": []byte(`{"id":"` + uni.listURL("1") + `"}`),
	} {
		t.Run(name, func(t *testing.T) {
			at := now
			served := &answers{}
			v := newVerifier(t, Config{Trust: trusting(uni.entry()), Fetch: served.client(), Now: func() time.Time { return at }})
			token := uni.seal(t, uni.credential([]any{uni.statusEntry("1", "revocation", "5")}, nil))
			for _, step := range []struct {
				after time.Duration
				body  any
				state State
			}{
				{0, bad, StatusUnchecked},
				{0, good, StateValid},
				{defaultListAge - time.Millisecond, bad, StateValid}, // not asked
				{time.Millisecond, bad, StatusUnchecked},
				{0, revoked, Revoked},
				{defaultListAge, bad, StatusUnchecked},
				{0, good, StatusUnchecked}, // older than the newest
				{0, revoked, Revoked},
			} {
				at = at.Add(step.after)
				served.set(uni.listURL("1"), step.body)
				if r := v.Verify(t.Context(), token); r.State != step.state {
					t.Errorf("%s later: state %s, not %s: %+v", at.Sub(now), r.State, step.state, r.checks(CheckRevocation))
				}
			}
		})
	}
}

// Whoever serves a list learns that somebody asked for it, and nothing of the
// credential for which it was asked.
func TestAListIsAskedForWithoutSayingWhy(t *testing.T) {
	uni := newIssuer(t, "uni.example")
	list := uni.seal(t, uni.list(t, "1", "revocation", nil, nil, nil))
	var asked []string
	served := roundTrip(func(r *http.Request) (*http.Response, error) {
		if r.Body != nil && r.Body != http.NoBody {
			t.Error("request with a body")
		}
		asked = append(asked, fmt.Sprint(r.Method, " ", r.URL, " ", r.Header))
		a := &answers{}
		a.set(uni.listURL("1"), list)
		return a.RoundTrip(r)
	})
	for _, c := range []struct{ id, index string }{{"urn:uuid:2f0d9a6e-7c31-4b58-8a4f-61d3f1c3b001", "4711"}, {"urn:uuid:b8a1c2d3-0f4e-4d5a-9b6c-7d8e9f0a1b02", "90210"}} {
		v := newVerifier(t, Config{Trust: trusting(uni.entry()), Fetch: &http.Client{Transport: served}})
		r := v.Verify(t.Context(), uni.seal(t, uni.credential([]any{uni.statusEntry("1", "revocation", c.index)}, map[string]any{"id": c.id})))
		if r.State != StateValid {
			t.Fatalf("state %s: %+v", r.State, r.Checks)
		}
	}
	if len(asked) != 2 || asked[0] != asked[1] || !strings.HasPrefix(asked[0], "GET "+uni.listURL("1")+" ") {
		t.Errorf("asked %q", asked)
	}
}

// All lists of a credential are asked for at once.
func TestListsAreAskedForAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		uni := newIssuer(t, "uni.example")
		served := &answers{delay: 6 * time.Second}
		var entries []any
		for i, purpose := range []string{"revocation", "suspension", "revocation"} {
			name := fmt.Sprint(i)
			served.set(uni.listURL(name), uni.seal(t, uni.list(t, name, purpose, nil, nil, nil)))
			entries = append(entries, uni.statusEntry(name, purpose, "5"))
		}
		v := newVerifier(t, Config{Trust: trusting(uni.entry()), Fetch: served.client()})
		began := time.Now()
		r := v.Verify(t.Context(), uni.seal(t, uni.credential(entries, nil)))
		if took := time.Since(began); r.State != StateValid || took != 6*time.Second {
			t.Errorf("state %s after %s: %+v", r.State, took, r.checks(CheckRevocation))
		}
	})
}

// A panic in a fetch belongs to those who wait for it: where nobody could catch
// it, it would end the server.
func TestAPanicReachesWhoeverAsked(t *testing.T) {
	uni := newIssuer(t, "uni.example")
	served := roundTrip(func(*http.Request) (*http.Response, error) { panic("out of order") })
	v := newVerifier(t, Config{Trust: trusting(uni.entry()), Fetch: &http.Client{Transport: served}})
	token := uni.seal(t, uni.credential([]any{uni.statusEntry("1", "revocation", "5")}, nil))
	for range 2 {
		func() {
			defer func() {
				if p := recover(); p != "out of order" {
					t.Errorf("recovered %v", p)
				}
			}()
			t.Errorf("report %+v", v.Verify(t.Context(), token))
		}()
	}
}
