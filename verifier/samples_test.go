package verifier

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"indeks/internal/reference"
	"indeks/keys"
)

// now is the clock of the tests that need none of their own.
var now = time.Date(2026, 10, 1, 9, 0, 0, 0, time.UTC)

func clock() time.Time { return now }

func newVerifier(t testing.TB, c Config) *Verifier {
	t.Helper()
	if c.Now == nil {
		c.Now = clock
	}
	v, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// trusting returns a trust file with these entries.
func trusting(entries ...TrustedIssuer) *Trust {
	for i := range entries {
		e := &entries[i]
		if e.LegalName == nil {
			e.LegalName = map[string]string{"en": "Example University"}
		}
		e.Source, e.Checked = "test", "2026-01-01"
	}
	return &Trust{Version: 1, Issued: now.AddDate(-1, 0, 0), Expires: now.AddDate(1, 0, 0), Issuers: entries}
}

// authority finds the certificate of an authority in a sample's xVals by its name.
func authority(t *testing.T, token []byte, name string) *x509.Certificate {
	t.Helper()
	for _, c := range keys.Intermediates(token) {
		if c.IsCA && c.Subject.CommonName == name {
			return c
		}
	}
	t.Fatalf("no authority %q in xVals", name)
	return nil
}

// samples returns the sealed samples by path.
func samples(t *testing.T) map[string][]byte {
	t.Helper()
	dir := reference.Path(t, "reference", "samples")
	var expected struct {
		Files []struct {
			File  string `json:"file"`
			Valid bool   `json:"signatureValid"`
		} `json:"files"`
	}
	if err := json.Unmarshal(read(t, dir, "expected-signatures.json"), &expected); err != nil {
		t.Fatal(err)
	}
	found := make(map[string][]byte)
	for _, f := range expected.Files {
		if f.Valid {
			found[f.File] = read(t, dir, f.File)
		}
	}
	if len(found) < 8 {
		t.Fatalf("%d sealed samples", len(found))
	}
	return found
}

const (
	oldSample   = "ec/edci-test-2022-signed.jsonld"
	jointDegree = "ec-support/Sample-JointDegree-signed.jsonld"
	nextID      = "mynextid/edc-mc-signed.jsonld"
)

// sampleTrust names the organisations that sealed the samples, with the
// authorities that certified them.
func sampleTrust(t *testing.T, files map[string][]byte) *Trust {
	return trusting(
		TrustedIssuer{OrganizationID: "VATES-A00000000", Anchors: []*x509.Certificate{authority(t, files[jointDegree], "ANF AC Qualified Certificates for eSeal")}},
		TrustedIssuer{OrganizationID: "NTREE-17207834", Anchors: []*x509.Certificate{authority(t, files[nextID], "Halcom CA PO e-seal 2")}},
	)
}

func TestSamplesWithoutTrustAreSealedByNobodyKnown(t *testing.T) {
	v := newVerifier(t, Config{})
	for file, token := range samples(t) {
		t.Run(file, func(t *testing.T) {
			r := v.Verify(t.Context(), token)
			coherent(t, r)
			if c := r.check(CheckSeal); file != oldSample && c.Result != Passed {
				t.Errorf("seal %s: %s", c.Result, c.Message.String())
			}
			if file == oldSample {
				if r.State != NotValid || r.Verdict != Invalid || r.Reason != "context_not_allowed" {
					t.Errorf("state %s, reason %s", r.State, r.Reason)
				}
				return
			}
			if r.Verdict != Indeterminate || r.State != IssuerUnknown || r.Reason != "untrusted_issuer" {
				t.Errorf("verdict %s, state %s, reason %s\n%+v", r.Verdict, r.State, r.Reason, r.Checks)
			}
			if r.Issuer.Name == "" || r.Issuer.Level != "L0" {
				t.Errorf("issuer %+v", r.Issuer)
			}
		})
	}
}

func TestSamplesWithTrustAreConfirmed(t *testing.T) {
	files := samples(t)
	issuing := sampleTrust(t, files)
	roots := trusting(
		TrustedIssuer{OrganizationID: "VATES-A00000000", Anchors: []*x509.Certificate{authority(t, files[jointDegree], "ANF Global Root CA")}},
		TrustedIssuer{OrganizationID: "NTREE-17207834", Anchors: []*x509.Certificate{authority(t, files[nextID], "Halcom Root Certificate Authority")}},
	)
	for file, token := range files {
		t.Run(file, func(t *testing.T) {
			r := newVerifier(t, Config{Trust: issuing}).Verify(t.Context(), token)
			coherent(t, r)
			want := StateValid
			switch {
			case file == oldSample:
				want = NotValid
			case file == nextID, file == "mynextid/edc-coa-signed.jsonld":
				want = NotConforming // to the application profile they declare
			case strings.HasPrefix(file, "mynextid/"):
				want = StatusUnchecked // the list is at a host that the trust file does not name
			}
			if r.State != want {
				t.Errorf("state %s, not %s: %+v", r.State, want, r.Checks)
			}
			if file == oldSample {
				if c := r.check(CheckExpiry); c.Reason != "expired" || r.check(CheckSeal).Result != Passed {
					t.Errorf("expiry %+v", c)
				}
				return
			}
			if !r.Issuer.Confirmed || r.Issuer.Level != "L3" || r.Issuer.Claimed == "" {
				t.Errorf("issuer %+v", r.Issuer)
			}
			format := allOf(r.check(CheckFormat).Remarks)
			if message := r.check(CheckFormat).Message.String(); want != NotConforming && !strings.Contains(message, "application profile") || strings.Contains(format, "not checked") {
				t.Errorf("format %q %q", message, format)
			}
			if strings.HasPrefix(file, "mynextid/") && !strings.Contains(format, "Sealed, but not understood: StatusList2021Entry") {
				t.Errorf("format %q", format)
			}

			// The certificate in between comes from xVals, which all but one have.
			want = r.State
			if file == "ec-support/AA-Annex1-MC-signed.jsonld" {
				want = NotValid
			}
			if r := newVerifier(t, Config{Trust: roots}).Verify(t.Context(), token); r.State != want {
				t.Errorf("by the root: state %s, not %s", r.State, want)
			}
		})
	}
}

func TestExpiredTrustConfirmsNobody(t *testing.T) {
	files := samples(t)
	trust := sampleTrust(t, files)
	trust.Expires = now.AddDate(0, 0, -1)
	r := newVerifier(t, Config{Trust: trust}).Verify(t.Context(), files[jointDegree])
	coherent(t, r)
	if c := r.check(CheckIssuer); r.State != IssuerUnknown || c.Result != NotMade || !strings.Contains(c.Message.String(), "trust file expired on 2026-09-30") {
		t.Errorf("state %s, issuer %+v", r.State, c)
	}
}

// A clock that is years off confirms nobody, whichever way it is off.
func TestAWrongClockConfirmsNobody(t *testing.T) {
	uni := newIssuer(t, "uni.example")
	trust := trusting(uni.entry())
	token := uni.seal(t, uni.credential(nil, map[string]any{"validFrom": "2001-01-01T00:00:00Z"}))
	trust.Issuers[0].Keys[0].NotBefore = time.Time{}
	for name, c := range map[string]struct {
		clock time.Time
		state State
		says  string
	}{
		"right":            {now, StateValid, ""},
		"an hour back":     {trust.Issued.Add(-time.Hour), StateValid, ""},
		"ten years back":   {now.AddDate(-10, 0, 0), IssuerUnknown, "is in the future"},
		"ten years onward": {now.AddDate(10, 0, 0), IssuerUnknown, "must be renewed"},
	} {
		r := newVerifier(t, Config{Trust: trust, Now: func() time.Time { return c.clock }}).Verify(t.Context(), token)
		coherent(t, r)
		if check := r.check(CheckIssuer); r.State != c.state || !strings.Contains(check.Message.String(), c.says) {
			t.Errorf("%s: state %s: %+v", name, r.State, check)
		}
	}
}

// Each single changed byte of payload, header or signature makes a file invalid.
func TestTamperingIsSeen(t *testing.T) {
	files := samples(t)
	uni := newIssuer(t, "uni.example")
	trust := sampleTrust(t, files)
	trust.Issuers = append(trust.Issuers, trusting(uni.entry()).Issuers...)
	v := newVerifier(t, Config{Trust: trust})
	file := files["ec/Sample-MC-Annex1-signed.jsonld"]
	compact := uni.seal(t, microCredential(t, uni))

	var places []place
	for _, name := range []string{"payload", "protected", "signature"} {
		from := bytes.Index(file, []byte(`"`+name+`"`)) + len(name) + 2
		from += bytes.IndexByte(file[from:], '"') + 1
		to := from
		for ; file[to] != '"'; to++ {
			if file[to] == '\\' {
				to++
			}
		}
		places = append(places, place{name, file, from, to})
	}
	first, last := bytes.IndexByte(compact, '.'), bytes.LastIndexByte(compact, '.')
	places = append(places,
		place{"compact header", compact, 0, first}, place{"compact payload", compact, first + 1, last}, place{"compact signature", compact, last + 1, len(compact)})
	for _, p := range places {
		if r := v.Verify(t.Context(), p.token); r.State != StateValid || p.to-p.from < 50 {
			t.Fatalf("%s at %d to %d of a file in state %s", p.name, p.from, p.to, r.State)
		}
		payload, err := keys.PayloadUnsafe(p.token)
		if err != nil {
			t.Fatal(err)
		}
		rapid.Check(t, func(t *rapid.T) {
			changed := bytes.Clone(p.token)
			at := rapid.IntRange(p.from, p.to-1).Draw(t, "at")
			changed[at] ^= byte(rapid.IntRange(1, 255).Draw(t, "by"))
			r := v.Verify(context.Background(), changed)
			// An escape may be spelled in another way and mean the same bytes: what was
			// sealed is then unchanged, and so must the verdict be.
			if same, err := keys.PayloadUnsafe(changed); err == nil && p.name == "payload" && bytes.Equal(same, payload) {
				if r.State != StateValid {
					t.Fatalf("%s, byte %d: the same payload spelled otherwise is %s (%s)", p.name, at, r.State, r.Reason)
				}
				return
			}
			if r.Verdict != Invalid {
				t.Fatalf("%s, byte %d: %q for %q is %s (%s)", p.name, at, changed[at], p.token[at], r.Verdict, r.Reason)
			}
		})
	}
}

// place is a part of a token.
type place struct {
	name     string
	token    []byte
	from, to int
}

func TestUnsealedAndConflicting(t *testing.T) {
	dir := reference.Path(t, "reference")
	v := newVerifier(t, Config{})
	r := v.Verify(t.Context(), read(t, dir, "samples", "own-microcredential.json"))
	coherent(t, r)
	if r.State != NoSeal || r.Reason != "no_seal" || r.check(CheckFormat).Result != Passed {
		t.Errorf("state %s, reason %s, format %+v", r.State, r.Reason, r.check(CheckFormat))
	}

	examples, err := filepath.Glob(filepath.Join(dir, "ebsi-elm32", "examples", "*.json"))
	if err != nil || len(examples) == 0 {
		t.Fatalf("no examples: %v", err)
	}
	for _, file := range examples {
		r := v.Verify(t.Context(), read(t, file))
		coherent(t, r)
		c := r.check(CheckFormat)
		if r.State != NoSeal || c.Result != Failed || !strings.Contains(allOf(c.Remarks), "context conflict: description") {
			t.Errorf("%s: state %s, format %+v", filepath.Base(file), r.State, c)
		}
	}
}
