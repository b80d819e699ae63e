package verifier

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"indeks/paper"
)

// What an offline code holds is verified as if it were given bare: the host that the
// code names plays no part, and an extract is called one.
func TestOfflineCode(t *testing.T) {
	uni := newIssuer(t, "uni.example")
	id := "urn:uuid:00000000-0000-4000-8000-000000000001"
	extract := map[string]any{"id": id, "relatedResource": []any{map[string]any{"id": id, "digestSRI": "sha256-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}}}
	v := newVerifier(t, Config{Trust: trusting(uni.entry())})
	for name, tt := range map[string]struct {
		change  map[string]any
		extract bool
	}{
		"an extract":              {extract, true},
		"a credential":            {map[string]any{"id": id}, false},
		"bound to something else": {map[string]any{"id": id, "relatedResource": []any{map[string]any{"id": "urn:a:b", "digestSRI": "sha256-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}}}, false},
	} {
		token := uni.seal(t, uni.credential(nil, tt.change))
		text, err := paper.OfflineText("https://verify.forger.example", token)
		if err != nil {
			t.Fatal(err)
		}
		for _, given := range []string{text, "\n" + text + "\n", text[strings.IndexByte(text, '#')+1:], string(token)} {
			r := v.Verify(t.Context(), []byte(given))
			coherent(t, r)
			if r.State != StateValid || r.ID != id || (r.Extract != nil) != tt.extract {
				t.Errorf("%s, as %.40q: %s, extract %v: %+v", name, given, r.State, r.Extract, r.Checks)
			}
			if w := r.Wire("en"); tt.extract && (w.Extract == nil || w.Extract.WholeSHA256 != strings.Repeat("0", 64) || !slices.Contains(w.Extract.NotTold, "M11")) {
				t.Errorf("%s: %+v", name, w.Extract)
			}
		}
	}
}

// Digits that cannot be read, or not yet, are no credential and no forgery.
func TestOfflineCodeThatIsNotRead(t *testing.T) {
	uni := newIssuer(t, "uni.example")
	text, err := paper.OfflineText("https://verify.example", uni.seal(t, uni.credential(nil, nil)))
	if err != nil {
		t.Fatal(err)
	}
	forged := newIssuer(t, "uni.example")
	other, err := paper.OfflineText("https://verify.example", forged.seal(t, uni.credential(nil, nil)))
	if err != nil {
		t.Fatal(err)
	}
	v := newVerifier(t, Config{Trust: trusting(uni.entry())})
	for name, tt := range map[string]struct {
		text    string
		state   State
		message string
	}{
		"a digit less":      {text[:len(text)-1], Unreadable, "Scan it again"},
		"a later transport": {strings.Replace(text, "#1", "#2", 1), Unreadable, "newer than this program"},
		"another signature": {other, NotValid, ""},
	} {
		r := v.Verify(t.Context(), []byte(tt.text))
		coherent(t, r)
		if r.State != tt.state || !strings.Contains(r.check(CheckFormat).Message.String(), tt.message) {
			t.Errorf("%s: %s, %s", name, r.State, r.check(CheckFormat).Message.String())
		}
	}
}

// Who checks a seal by themselves is given what the verifier itself was given.
func TestTrustFileIsHandedOn(t *testing.T) {
	uni := newIssuer(t, "uni.example")
	made := trusting(uni.entry())
	made.Version, made.Issued, made.Expires = 1, now.AddDate(0, 0, -1), now.AddDate(0, 0, 1)
	for i := range made.Issuers {
		made.Issuers[i].Source, made.Issuers[i].Checked = "a test", "2026-01-01"
	}
	raw, err := made.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	trust, err := OpenTrust(raw, nil)
	if err != nil {
		t.Fatal(err)
	}
	if file, sealer := trust.File(); string(file) != string(raw) || sealer != nil {
		t.Errorf("%s, sealed by %s", file, sealer)
	}
	if file, _ := made.File(); file != nil {
		t.Errorf("what was never a file: %s", file)
	}
	if file, _ := (*Trust)(nil).File(); file != nil {
		t.Errorf("nothing: %s", file)
	}
}

// A list is fetched in the name of an issuer that is trusted, from a host of it.
func TestStatusListIsOfTheIssuer(t *testing.T) {
	uni := newIssuer(t, "uni.example")
	v := newVerifier(t, Config{Trust: trusting(uni.entry()), Fetch: &http.Client{Transport: refusing{}}})
	for name, tt := range map[string]struct {
		issuer, address string
		want            error
	}{
		"nobody":          {"did:web:stranger.example", "https://uni.example/status/1", ErrForbidden},
		"no issuer":       {"", "https://uni.example/status/1", ErrForbidden},
		"another host":    {uni.did, "https://uni.example.evil.example/status/1", ErrForbidden},
		"another network": {uni.did, "https://127.0.0.1/status/1", ErrForbidden},
		"no address":      {uni.did, "status/1", ErrForbidden},
		"not there":       {uni.did, "https://uni.example/status/1", ErrUnavailable},
	} {
		if token, _, err := v.StatusList(t.Context(), tt.issuer, tt.address); !errors.Is(err, tt.want) || token != nil {
			t.Errorf("%s: %q, %v, want %v", name, token, err, tt.want)
		}
	}
}

// refusing is a network without anybody.
type refusing struct{}

func (refusing) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, errors.New("nobody is there")
}
