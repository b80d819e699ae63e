package verifier

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

const public = "VN5X0A2B4C6D8E0F1G3H5J7K9M"

func TestLookUpAsksWhomThePrefixNames(t *testing.T) {
	uni, other, third := newIssuer(t, "uni.example"), newIssuer(t, "other.example"), newIssuer(t, "third.example")
	entries := []TrustedIssuer{other.entry(), uni.entry(), third.entry()}
	entries[1].QRPrefix = "VN"
	entries[2].QRPrefix = "TH"
	id := strings.Replace(public, "VN", "WN", 1)

	for name, c := range map[string]struct {
		public string
		bodies map[string]any
		want   string
		err    error
		asked  int
	}{
		"by prefix":          {public, map[string]any{"https://uni.example/c/" + public: []byte("token")}, "token", nil, 1},
		"in lower case":      {strings.ToLower(public), map[string]any{"https://uni.example/c/" + public: []byte("token")}, "token", nil, 1},
		"unknown":            {public, nil, "", ErrNotFound, 1},
		"all without prefix": {id, map[string]any{"https://third.example/c/" + id: []byte("token")}, "token", nil, 3},
		"none of all":        {id, nil, "", ErrNotFound, 3},
		"one is down":        {id, map[string]any{"https://third.example/c/" + id: errNetwork}, "", ErrUnavailable, 3},
		"one answers 500":    {id, map[string]any{"https://third.example/c/" + id: 500}, "", ErrUnavailable, 3},
		"one redirects":      {id, map[string]any{"https://third.example/c/" + id: 302}, "", ErrUnavailable, 3},
		"too short":          {public[:25], nil, "", ErrNotFound, 0},
		"with a U":           {strings.Replace(public, "A", "U", 1), nil, "", ErrNotFound, 0}, // no symbol
		"a path":             {"../../../../../etc/passwdAA", nil, "", ErrNotFound, 0},
		"empty":              {"", nil, "", ErrNotFound, 0},
	} {
		t.Run(name, func(t *testing.T) {
			served := &answers{bodies: c.bodies}
			v := newVerifier(t, Config{Trust: trusting(slices.Clone(entries)...), Fetch: served.client()})
			token, err := v.LookUp(t.Context(), c.public)
			if string(token) != c.want || !errors.Is(err, c.err) || c.err == nil && err != nil {
				t.Errorf("%q, %v", token, err)
			}
			if c.want == "" && served.count() != c.asked || served.count() > c.asked {
				t.Errorf("asked %v", served.asked)
			}
		})
	}
	if _, err := newVerifier(t, Config{}).LookUp(t.Context(), public); !errors.Is(err, ErrNotFound) {
		t.Errorf("without a trust file: %v", err)
	}
}

func TestLookUpAsksFourAtOnceForThreeSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var entries []TrustedIssuer
		for i := range 12 {
			entries = append(entries, newIssuer(t, fmt.Sprintf("u%d.example", i)).entry())
		}
		var running, most atomic.Int32
		client := &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			most.Store(max(most.Load(), running.Add(1)))
			defer running.Add(-1)
			<-r.Context().Done()
			return nil, r.Context().Err()
		})}
		v := newVerifier(t, Config{Trust: trusting(entries...), Fetch: client})
		began := time.Now()
		_, err := v.LookUp(context.Background(), public)
		if !errors.Is(err, ErrUnavailable) || time.Since(began) != lookUpTimeout || most.Load() != lookUpAtOnce {
			t.Errorf("%v after %s, %d at once", err, time.Since(began), most.Load())
		}
	})
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestFetchLinkAsksIssuersOnly(t *testing.T) {
	uni := newIssuer(t, "uni.example")
	entry := uni.entry()
	entry.Domains = []string{"example.edu"}
	for link, c := range map[string]struct {
		asked string
		err   error
	}{
		"https://uni.example/h/file":                         {"https://uni.example/h/file", nil},
		" https://files.example.edu/a?b=c#part \n":           {"https://files.example.edu/a?b=c", nil},
		"https://verify.example/C/" + public:                 {"https://uni.example/c/" + public, nil},
		"HTTPS://FORGER.EXAMPLE/C/" + public:                 {"https://uni.example/c/" + public, nil},
		"http://localhost:8081/c/" + strings.ToLower(public): {"https://uni.example/c/" + public, nil},
		"https://verify.example/C/" + public[:25]:            {"", ErrForbidden},
		"https://elsewhere.example/file":                     {"", ErrForbidden},
		"https://notuni.example/file":                        {"", ErrForbidden},
		"https://uni.example.evil.example/file":              {"", ErrForbidden},
		"https://uni.example@evil.example/file":              {"", ErrForbidden},
		"https://evil.example\\@uni.example/file":            {"", ErrForbidden},
		"http://uni.example/file":                            {"", ErrForbidden},
		"file:///etc/passwd":                                 {"", ErrForbidden},
		"javascript:alert(1)":                                {"", ErrForbidden},
		"%":                                                  {"", ErrForbidden},
		"":                                                   {"", ErrForbidden},
		"https://uni.example/gone":                           {"https://uni.example/gone", ErrNotFound},
		"https://uni.example/down":                           {"https://uni.example/down", ErrUnavailable},
	} {
		served := &answers{}
		served.set("https://uni.example/h/file", []byte("token"))
		served.set("https://files.example.edu/a?b=c", []byte("token"))
		served.set("https://uni.example/c/"+public, []byte("token"))
		served.set("https://uni.example/down", errNetwork)
		token, err := newVerifier(t, Config{Trust: trusting(entry), Fetch: served.client()}).FetchLink(t.Context(), link)
		if !errors.Is(err, c.err) || c.err == nil && (err != nil || string(token) != "token") {
			t.Errorf("%q: %q, %v", link, token, err)
		}
		var want []string
		if c.asked != "" {
			want = []string{c.asked}
		}
		if !slices.Equal(served.asked, want) {
			t.Errorf("%q: asked %v", link, served.asked)
		}
	}
}

// Whatever a code holds, nobody is asked but an issuer of the trust file, at a
// plain https address, and little of the text is looked at.
func FuzzFetchLink(f *testing.F) {
	for _, link := range []string{
		"https://uni.example/h/file", "HTTPS://VERIFY.EXAMPLE/C/" + public, public,
		"https://uni.example/" + strings.Repeat("a/", 40_000), strings.Repeat("https://uni.example/?u=", 2000),
		"https://uni.example/?u=https%3A%2F%2Fevil.example%2F%3Fu%3Dhttps%253A%252F%252Fevil.example", "https://uni.example#https://evil.example",
		"https://uni.example\x00.evil.example/", "https://uni.example\r\nHost: evil.example\r\n\r\n/", "https://uni.example:443@evil.example/",
		"https://\u202euni.example/", "https://uni\u3002example/", "https://xn--uni.example/", "https://[::ffff:127.0.0.1]/", "https://uni.example:0/",
		"upi://pay?x", "WIFI:S:x;;", "BEGIN:VCARD", "data:text/html,x", "//uni.example/x", "https:/uni.example", "https:uni.example", "https://uni.Example/%2F", "https://uni.example.", "https://uni.example:22/",
	} {
		f.Add(link)
	}
	uni := newIssuer(f, "uni.example")
	asked := roundTrip(func(r *http.Request) (*http.Response, error) {
		host := strings.ToLower(strings.TrimSuffix(r.URL.Hostname(), "."))
		if r.URL.Scheme != "https" || host != "uni.example" && !strings.HasSuffix(host, ".uni.example") || r.URL.Port() != "" && r.URL.Port() != "443" || r.URL.User != nil || r.Host != "" && r.Host != r.URL.Host {
			return nil, errors.New("ASKED ELSEWHERE " + r.URL.String())
		}
		return nil, errNetwork
	})
	v := newVerifier(f, Config{Trust: trusting(uni.entry()), Fetch: &http.Client{Transport: asked}})
	f.Fuzz(func(t *testing.T, link string) {
		token, err := v.FetchLink(t.Context(), link)
		if token != nil || err == nil || strings.Contains(err.Error(), "ASKED ELSEWHERE") {
			t.Fatalf("%q: %q, %v", link, token, err)
		}
		if !errors.Is(err, ErrForbidden) && !errors.Is(err, ErrUnavailable) && !errors.Is(err, ErrNotFound) {
			t.Fatalf("%q: %v", link, err)
		}
	})
}
