package verifier

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"indeks/contexts"
	"indeks/elm"
	"indeks/internal/reference"
	"indeks/keys"
)

// The seal must be one of the issuer whom the credential names (trap 4).
func TestTheKeyBelongsToTheIssuer(t *testing.T) {
	uni, other, stranger := newIssuer(t, "uni.example"), newIssuer(t, "other.example"), newIssuer(t, "stranger.example")
	forged := newIssuer(t, "uni.example") // another key under the university's kid
	alias := *stranger
	alias.did = uni.did // a stranger's key on a credential that names the university
	trust := trusting(uni.entry(), other.entry())
	for name, c := range map[string]struct {
		token  []byte
		state  State
		reason Reason
	}{
		"its own key":           {uni.seal(t, uni.credential(nil, nil)), StateValid, ""},
		"another's key":         {other.seal(t, uni.credential(nil, nil)), NotValid, "issuer_mismatch"},
		"a forged key":          {forged.seal(t, uni.credential(nil, nil)), NotValid, "signature_invalid"},
		"a stranger's key":      {alias.seal(t, alias.credential(nil, nil)), NotValid, "key_not_found"},
		"a stranger":            {stranger.seal(t, stranger.credential(nil, nil)), IssuerUnknown, "untrusted_issuer"},
		"a stranger, malformed": {stranger.seal(t, []byte(`{"a":1,"a":2}`)), NotValid, "malformed"},
		"a longer name":         {uni.seal(t, uni.credential(nil, map[string]any{"issuer": uni.did + ":faculty"})), NotValid, "issuer_mismatch"},
		"claim iss":             {uni.seal(t, uni.credential(nil, map[string]any{"iss": other.did})), NotValid, "issuer_mismatch"},
		"no issuer":             {uni.seal(t, uni.credential(nil, map[string]any{"issuer": nil})), NotValid, "issuer_mismatch"},
	} {
		r := newVerifier(t, Config{Trust: trust}).Verify(t.Context(), c.token)
		coherent(t, r)
		if r.State != c.state || r.Reason != c.reason {
			t.Errorf("%s: state %s, reason %s: %+v", name, r.State, r.Reason, r.Checks)
		}
	}
}

// One seal of the issuer is enough, but every signature must hold.
func TestSeveralSeals(t *testing.T) {
	uni, other, forged := newIssuer(t, "uni.example"), newIssuer(t, "other.example"), newIssuer(t, "uni.example")
	payload, err := json.Marshal(uni.credential(nil, nil))
	if err != nil {
		t.Fatal(err)
	}
	both := func(issuers ...*testIssuer) []byte {
		var signatures []any
		var sealed string
		for _, i := range issuers {
			part := strings.Split(string(i.seal(t, payload)), ".")
			sealed = part[1]
			signatures = append(signatures, map[string]any{"protected": part[0], "signature": part[2]})
		}
		token, err := json.Marshal(map[string]any{"payload": sealed, "signatures": signatures})
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	compromised := uni.entry()
	compromised.Keys[0].CompromisedAt = now
	for name, c := range map[string]struct {
		entry  TrustedIssuer
		token  []byte
		state  State
		reason Reason
	}{
		"both":                {uni.entry(), both(uni, other), StateValid, ""},
		"in another order":    {uni.entry(), both(other, uni), StateValid, ""},
		"one is bad":          {uni.entry(), both(uni, forged), NotValid, "signature_invalid"},
		"not the issuer's":    {uni.entry(), both(other), NotValid, "issuer_mismatch"},
		"issuer's is suspect": {compromised, both(other, uni), Unconfirmable, "key_not_allowed"},
	} {
		r := newVerifier(t, Config{Trust: trusting(c.entry, other.entry())}).Verify(t.Context(), c.token)
		coherent(t, r)
		if r.State != c.state || r.Reason != c.reason {
			t.Errorf("%s: state %s, reason %s: %+v", name, r.State, r.Reason, r.checks(CheckSeal))
		}
	}
}

func TestPeriodOfValidity(t *testing.T) {
	uni := newIssuer(t, "uni.example")
	at := func(d time.Duration) string { return now.Add(d).Format(time.RFC3339) }
	for name, c := range map[string]struct {
		change map[string]any
		state  State
	}{
		"no limits":             {map[string]any{"validFrom": nil}, StateValid},
		"over":                  {map[string]any{"validUntil": at(-2 * time.Minute)}, Expired},
		"just over":             {map[string]any{"validUntil": at(-30 * time.Second)}, StateValid}, // clocks differ
		"to come":               {map[string]any{"validFrom": at(2 * time.Minute)}, NotYetValid},
		"just to come":          {map[string]any{"validFrom": at(30 * time.Second)}, StateValid},
		"as instants":           {map[string]any{"validUntil": now.Add(-time.Hour).In(time.FixedZone("", 7200)).Format(time.RFC3339)}, Expired},
		"claim exp is narrower": {map[string]any{"validUntil": at(time.Hour), "exp": now.Unix() - 100}, Expired},
		"claim exp is wider":    {map[string]any{"validUntil": at(-time.Hour), "exp": now.Unix() + 100}, Expired},
		"claim nbf":             {map[string]any{"nbf": now.Unix() + 100}, NotYetValid},
		"sealed tomorrow":       {map[string]any{"iat": now.Unix() + 86400}, NotValid},
	} {
		r := newVerifier(t, Config{Trust: trusting(uni.entry())}).Verify(t.Context(), uni.seal(t, uni.credential(nil, c.change)))
		coherent(t, r)
		if r.State != c.state {
			t.Errorf("%s: state %s, not %s: %+v", name, r.State, c.state, r.Checks)
		}
		if c.state == Expired && r.Since.IsZero() {
			t.Errorf("%s: since when?", name)
		}
	}
}

// What is expired and revoked is revoked: the worse is said.
func TestTheWorseStateIsSaid(t *testing.T) {
	uni := newIssuer(t, "uni.example")
	served := &answers{}
	served.set(uni.listURL("1"), uni.seal(t, uni.list(t, "1", "", []uint64{5}, nil, map[string]any{"statusPurpose": []any{"revocation", "suspension"}})))
	over := map[string]any{"validUntil": "2026-09-01T00:00:00Z"}
	for want, token := range map[State][]byte{
		Revoked:         uni.seal(t, uni.credential([]any{uni.statusEntry("1", "suspension", "5"), uni.statusEntry("1", "revocation", "5")}, over)),
		Suspended:       uni.seal(t, uni.credential([]any{uni.statusEntry("1", "suspension", "5"), uni.statusEntry("2", "revocation", "5")}, over)),
		StatusUnchecked: uni.seal(t, uni.credential([]any{uni.statusEntry("2", "revocation", "5")}, over)),
		Expired:         uni.seal(t, uni.credential([]any{uni.statusEntry("1", "revocation", "6")}, over)),
	} {
		r := newVerifier(t, Config{Trust: trusting(uni.entry()), Fetch: served.client()}).Verify(t.Context(), token)
		coherent(t, r)
		if r.State != want {
			t.Errorf("state %s, not %s", r.State, want)
		}
	}
}

func TestAccreditationOnTheDayOfTheAward(t *testing.T) {
	uni := newIssuer(t, "uni.example")
	token := uni.seal(t, microCredential(t, uni)) // awarded on 2026-06-15
	for name, c := range map[string]struct {
		accredited []Accredited
		required   bool
		result     Result
		state      State
	}{
		"on that day":             {[]Accredited{{By: "Agency", From: "2026-06-15", To: "2026-06-15"}}, true, Passed, StateValid},
		"without an end":          {[]Accredited{{By: "Agency", From: "2020-01-01"}}, false, Passed, StateValid},
		"before":                  {[]Accredited{{By: "Agency", From: "2020-01-01", To: "2026-06-14"}}, false, Failed, StateValid},
		"later":                   {[]Accredited{{By: "Agency", From: "2026-06-16"}}, false, Failed, StateValid},
		"before, but required":    {[]Accredited{{By: "Agency", From: "2020-01-01", To: "2026-06-14"}}, true, Failed, Unconfirmable},
		"by its own word":         {nil, false, Passed, StateValid},
		"own word, when required": {nil, true, NotMade, Unconfirmable},
	} {
		entry := uni.entry()
		entry.Accredited = c.accredited
		r := newVerifier(t, Config{Trust: trusting(entry), RequireAccreditation: c.required}).Verify(t.Context(), token)
		got := r.check(CheckAccreditation)
		if got.Result != c.result || r.State != c.state {
			t.Errorf("%s: %+v, state %s", name, got, r.State)
		}
		if own := got.Result == Passed && c.accredited == nil; own != (got.Source == StatedByIssuer) || own != strings.Contains(got.Message.String(), "The issuer itself states") {
			t.Errorf("%s: who says so? %+v", name, got)
		}
	}
}

// A day is the day as it is written, in the zone of who awarded it.
func TestAwardingDayIsAsWritten(t *testing.T) {
	uni := newIssuer(t, "uni.example")
	entry := uni.entry()
	entry.Accredited = []Accredited{{By: "Agency", From: "2026-06-15", To: "2026-06-15"}}
	v := newVerifier(t, Config{Trust: trusting(entry)})
	for written, want := range map[string]Result{
		"2026-06-15T00:00:00Z":      Passed,
		"2026-06-15T00:00:00+02:00": Passed, // the 14th in UTC
		"2026-06-15T23:59:59-05:00": Passed, // the 16th in UTC
		"2026-06-14T23:59:59Z":      Failed,
		"2026-06-16T00:00:00+14:00": Failed, // the 15th in UTC
	} {
		payload := bytes.ReplaceAll(microCredential(t, uni), []byte("2026-06-15T00:00:00Z"), []byte(written))
		if c := v.Verify(t.Context(), uni.seal(t, payload)).check(CheckAccreditation); c.Result != want {
			t.Errorf("%s: %+v", written, c)
		}
	}
}

// Of several awards, and of several awarding bodies, the worst answer counts.
func TestEveryAwardIsAskedFor(t *testing.T) {
	uni := newIssuer(t, "uni.example")
	entry := uni.entry()
	entry.OrganizationID = "VATRS-000000000"
	entry.Accredited = []Accredited{{By: "Agency", From: "2026-01-01", To: "2026-12-31"}}
	partner := TrustedIssuer{ID: "did:web:partner.example", Accredited: []Accredited{{By: "Board", From: "2026-01-01"}}}
	over := TrustedIssuer{ID: "did:web:over.example", Accredited: []Accredited{{By: "Board", From: "2020-01-01", To: "2025-12-31"}}}
	v := newVerifier(t, Config{Trust: trusting(entry, partner, over)})
	claim := func(date string, bodies ...string) elm.Claim {
		var c elm.Claim
		c.AwardedBy = &elm.AwardingProcess{AwardingDate: elm.DateTime(date)}
		for _, id := range bodies {
			c.AwardedBy.AwardingBody = append(c.AwardedBy.AwardingBody, elm.Organisation{Ref: elm.Ref{ID: id}})
		}
		return c
	}
	const good, bad = "2026-06-15T00:00:00Z", "2025-06-15T00:00:00Z"
	for name, c := range map[string]struct {
		claims []elm.Claim
		want   Result
	}{
		"none":                         {nil, NotMade},
		"no date":                      {[]elm.Claim{claim("", uni.did)}, NotMade},
		"one":                          {[]elm.Claim{claim(good, uni.did)}, Passed},
		"nobody is named":              {[]elm.Claim{claim(good)}, Passed},
		"the second was too early":     {[]elm.Claim{claim(good, uni.did), claim(bad, uni.did)}, Failed},
		"two bodies":                   {[]elm.Claim{claim(good, uni.did, "did:web:partner.example")}, Passed},
		"a body that was not":          {[]elm.Claim{claim(good, uni.did, "did:web:over.example")}, Failed},
		"a body that nobody knows":     {[]elm.Claim{claim(good, uni.did, "did:web:nobody.example")}, NotMade},
		"unknown does not hide failed": {[]elm.Claim{claim(good, "did:web:nobody.example", "did:web:over.example")}, Failed},
	} {
		cred := &elm.Credential{Issuer: elm.Organisation{Ref: elm.Ref{ID: uni.did}}, Subject: elm.List[elm.Person]{{HasClaim: c.claims}}}
		r := &Report{Checks: make([]Check, len(checkNames)), Issuer: Issuer{Confirmed: true, Trust: v.trust.ByDID(uni.did)}}
		r.Checks[3].Name = CheckAccreditation
		v.checkAccreditation(r, cred)
		if got := r.check(CheckAccreditation); got.Result != c.want || got.Name != CheckAccreditation || got.Message.String() == "" {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// The issuer's own statement holds on its first and its last day.
func TestStatedAccreditationCoversWholeDays(t *testing.T) {
	a := elm.Accreditation{DateIssued: "2026-06-15T14:00:00Z", ExpiryDate: "2026-06-20T00:00:00Z"}
	for day, want := range map[string]bool{"2026-06-14": false, "2026-06-15": true, "2026-06-20": true, "2026-06-21": false} {
		if covers(a, day) != want {
			t.Errorf("%s: %t", day, !want)
		}
	}
	if covers(elm.Accreditation{ExpiryDate: "soon"}, "2026-06-15") || !covers(elm.Accreditation{}, "2026-06-15") {
		t.Error("a date that cannot be read, or none")
	}
}

// Names that look like the verdict, or turn the line round, stand there quoted.
func TestClaimedNamesAreKeptPlain(t *testing.T) {
	stranger := newIssuer(t, "stranger.example")
	var entry = stranger.entry()
	entry.LegalName = map[string]string{"en": "Real name"}
	payload := bytes.Replace(microCredential(t, stranger), []byte(`"legalName":{`), []byte(`"legalName":{"en":"VALID\u202e\u0000\u200b<b>",`), 1)
	payload = bytes.Replace(payload, []byte(`<b>","en":`), []byte(`<b>","fr":`), 1)
	r := newVerifier(t, Config{Trust: trusting(entry)}).Verify(t.Context(), stranger.seal(t, payload))
	coherent(t, r)
	if r.Issuer.Name != "Real name" || !strings.Contains(r.Issuer.Claimed, `VALID\u202e`) || strings.ContainsAny(r.Issuer.Claimed, "\u202e\u200b\x00") {
		t.Errorf("%q claims %q: %+v", r.Issuer.Name, r.Issuer.Claimed, r.Checks)
	}
}

func TestWireCarriesTheSupplement(t *testing.T) {
	uni := newIssuer(t, "uni.example")
	r := newVerifier(t, Config{Trust: trusting(uni.entry())}).Verify(t.Context(), uni.seal(t, microCredential(t, uni)))
	if r.State != StateValid || r.Profile != elm.VC2 {
		t.Fatalf("state %s: %+v", r.State, r.Checks)
	}
	w := r.Wire("en")
	found := make(map[string]WireElement)
	for _, e := range w.Supplement {
		found[e.ID] = e
	}
	for _, id := range []string{"M1", "M2", "M3", "M4", "M5", "M6", "M7", "M8", "M9", "M10", "M11"} {
		if len(found[id].Values) == 0 || found[id].Label == "" {
			t.Errorf("element %s: %+v", id, found[id])
		}
	}
	if w.Issuer.Level != "L2" || len(w.Issuer.Evidence) == 0 || w.Credential.PayloadSHA256 != r.SHA256 {
		t.Errorf("%+v", w.Issuer)
	}
	if c := w.Checks[1]; c.Concept != "http://data.europa.eu/snb/verification/f9c2016fe9" || c.Outcome != "http://data.europa.eu/snb/verification-status/9895008394" {
		t.Errorf("%+v", c)
	}
}

// What is shown is what was checked: another parser of the bytes that were sealed
// finds the very document that the report holds.
func TestWhatIsShownIsWhatWasChecked(t *testing.T) {
	tokens := samples(t)
	cases := reference.LoadCases(t)
	for _, c := range cases.Cases {
		tokens[c.ID] = cases.Token(t, c)
	}
	set, err := contexts.Default().With(cases.Contexts(t))
	if err != nil {
		t.Fatal(err)
	}
	trust, err := ParseTrust(cases.TrustFile(t))
	if err != nil {
		t.Fatal(err)
	}
	normal := func(t *testing.T, value any) string {
		raw, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		return string(raw)
	}
	compared := 0
	for name, token := range tokens {
		r := newVerifier(t, Config{Trust: trust, Contexts: set, Now: func() time.Time { return cases.Now }, Fetch: (&answers{}).client()}).Verify(t.Context(), token)
		payload, err := keys.PayloadUnsafe(token)
		if r.Credential == nil || err != nil {
			continue
		}
		compared++
		d := json.NewDecoder(bytes.NewReader(payload))
		d.UseNumber()
		var other any
		if err := d.Decode(&other); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if normal(t, other) != normal(t, r.Credential.Tree.Any()) {
			t.Errorf("%s: another parser reads another document", name)
		}
		if sum := sha256.Sum256(payload); hex.EncodeToString(sum[:]) != r.SHA256 {
			t.Errorf("%s: another digest", name)
		}
	}
	if compared < 40 {
		t.Errorf("only %d documents were compared", compared)
	}
}

func TestRedirectsAreNeverFollowed(t *testing.T) {
	uni := newIssuer(t, "uni.example")
	served := &answers{}
	served.set(uni.listURL("1"), 302)
	client := served.client()
	r := newVerifier(t, Config{Trust: trusting(uni.entry()), Fetch: client}).Verify(t.Context(), uni.seal(t, uni.credential([]any{uni.statusEntry("1", "revocation", "5")}, nil)))
	if r.State != StatusUnchecked || served.count() != 1 {
		t.Errorf("state %s after %v", r.State, served.asked)
	}
	if client.CheckRedirect != nil {
		t.Error("the caller's client was changed")
	}
}

// Verify never panics, always has all checks, and what it does not know is never
// valid.
func FuzzVerify(f *testing.F) {
	uni := newIssuer(f, "uni.example")
	for _, change := range []map[string]any{nil, {"issuer": 1}, {"credentialSubject": []any{}}, {"validUntil": "2020-01-01T00:00:00Z"}} {
		f.Add(uni.seal(f, uni.credential([]any{uni.statusEntry("1", "revocation", "5")}, change)), []byte(nil))
	}
	f.Add([]byte(`{"payload":"{}","signatures":[{"protected":"e30","signature":""}]}`), []byte(nil))
	f.Add([]byte(`{"@context":["https://www.w3.org/ns/credentials/v2"],"type":"VerifiableCredential"}`), []byte(nil))
	f.Add([]byte(nil), []byte(`{"@context":["https://www.w3.org/ns/credentials/v2"],"credentialStatus":{"type":"BitstringStatusListEntry"}}`))
	served := &answers{}
	served.set(uni.listURL("1"), uni.seal(f, uni.list(f, "1", "revocation", nil, nil, nil)))
	v := newVerifier(f, Config{Trust: trusting(uni.entry()), Fetch: served.client()})
	stranger := newVerifier(f, Config{})
	f.Fuzz(func(t *testing.T, token, payload []byte) {
		if len(payload) > 0 {
			token = uni.seal(t, payload) // past the seal, where the rest begins
		}
		coherent(t, v.Verify(t.Context(), token))
		r := stranger.Verify(t.Context(), token)
		coherent(t, r)
		if r.Verdict == Valid {
			t.Error("valid without a trust file")
		}
	})
}

func BenchmarkVerifyToken(b *testing.B) {
	uni := newIssuer(b, "uni.example")
	token := uni.seal(b, microCredential(b, uni))
	v := newVerifier(b, Config{Trust: trusting(uni.entry())})
	if r := v.Verify(b.Context(), token); r.State != StateValid {
		b.Fatalf("state %s: %+v", r.State, r.Checks)
	}
	b.SetBytes(int64(len(token)))
	for b.Loop() {
		v.Verify(b.Context(), token)
	}
}

func BenchmarkVerifySample(b *testing.B) {
	token := read(b, reference.Path(b, "reference", "samples", "ec", "Sample-MC-Annex1-signed.jsonld"))
	v := newVerifier(b, Config{})
	if r := v.Verify(b.Context(), token); r.State != IssuerUnknown {
		b.Fatalf("state %s: %+v", r.State, r.Checks)
	}
	b.SetBytes(int64(len(token)))
	for b.Loop() {
		v.Verify(b.Context(), token)
	}
}
