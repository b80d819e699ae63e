package verifier

import (
	"maps"
	"strings"
	"testing"
	"time"

	"indeks/contexts"
	"indeks/keys"
)

// jwt11 seals a credential of VC Data Model 1.1: claims, and claim vc in which
// members may be replaced; nil takes one away.
func (i *testIssuer) jwt11(t testing.TB, claims, change map[string]any) []byte {
	vc := map[string]any{
		"@context": []any{contexts.VC1}, "type": []any{"VerifiableCredential"},
		"credentialSubject": map[string]any{"id": "did:example:learner", "https://schema.org/name": "Ana"},
	}
	maps.Copy(vc, change)
	payload := map[string]any{
		"iss": i.did, "jti": "urn:uuid:6a1f0c3e-52a4-4f5e-9d0b-0d8a6e1b7c11", "sub": "did:example:learner",
		"nbf": now.Unix() - 1000, "exp": now.Unix() + 1000, "vc": vc,
	}
	maps.Copy(payload, claims)
	for _, m := range []map[string]any{vc, payload} {
		maps.DeleteFunc(m, func(_ string, v any) bool { return v == nil })
	}
	return i.sealAs(t, payload, map[string]any{"typ": "JWT"})
}

// Claims and credential must say the same; what one leaves out, the other says.
func TestVersion11(t *testing.T) {
	uni, other := newIssuer(t, "uni.example"), newIssuer(t, "other.example")
	at := func(s int64) string { return time.Unix(now.Unix()+s, 0).UTC().Format(time.RFC3339) }
	// The 1.1 context has no word for a name, and a subject must claim something.
	subject := func(id any) map[string]any {
		s := map[string]any{"id": id, "type": "VerifiableCredential"}
		maps.DeleteFunc(s, func(_ string, v any) bool { return v == nil })
		return s
	}
	ok := map[string]any{"credentialSubject": subject("did:example:learner")}
	with := func(name string, value any) map[string]any {
		m := maps.Clone(ok)
		m[name] = value
		return m
	}
	for name, c := range map[string]struct {
		token  []byte
		state  State
		reason Reason
	}{
		"members left to the claims": {uni.jwt11(t, nil, ok), StateValid, ""},
		"in both, the same": {uni.jwt11(t, nil, map[string]any{
			"credentialSubject": subject("did:example:learner"), "issuer": map[string]any{"id": uni.did}, "id": "urn:uuid:6a1f0c3e-52a4-4f5e-9d0b-0d8a6e1b7c11",
			"issuanceDate": at(-1000), "expirationDate": at(1000),
		}), StateValid, ""},
		"only in the credential": {uni.jwt11(t, map[string]any{"jti": nil, "sub": nil, "nbf": nil, "exp": nil},
			with("issuanceDate", at(-1000))), StateValid, ""},
		"the subject's id from sub": {uni.jwt11(t, nil, map[string]any{"credentialSubject": subject(nil)}), StateValid, ""},
		"a fraction of a second":    {uni.jwt11(t, nil, with("issuanceDate", strings.Replace(at(-1000), "Z", ".5Z", 1))), StateValid, ""},
		"over by exp":               {uni.jwt11(t, map[string]any{"exp": now.Unix() - 500}, ok), Expired, "expired"},
		"to come by nbf":            {uni.jwt11(t, map[string]any{"nbf": now.Unix() + 500}, ok), NotYetValid, "not_yet_valid"},
		"another issuer":            {uni.jwt11(t, map[string]any{"iss": other.did}, ok), NotValid, "issuer_mismatch"},
		"issuer differs from iss":   {uni.jwt11(t, nil, with("issuer", other.did)), NotValid, "issuer_mismatch"},
		"no iss":                    {uni.jwt11(t, map[string]any{"iss": nil}, with("issuer", uni.did)), NotValid, "claims_invalid"},
		"id differs from jti":       {uni.jwt11(t, nil, with("id", "urn:uuid:1")), NotValid, "claims_invalid"},
		"subject differs from sub":  {uni.jwt11(t, map[string]any{"sub": "did:example:mallory"}, ok), NotValid, "claims_invalid"},
		"issued differs from nbf":   {uni.jwt11(t, nil, with("issuanceDate", at(-2000))), NotValid, "claims_invalid"},
		"end differs from exp":      {uni.jwt11(t, nil, with("expirationDate", at(2000))), NotValid, "claims_invalid"},
		"exp is text":               {uni.jwt11(t, map[string]any{"exp": at(1000)}, ok), NotValid, "claims_invalid"},
		"no date at all":            {uni.jwt11(t, map[string]any{"nbf": nil}, ok), NotValid, "claims_invalid"},
		"a member beside claim vc":  {uni.jwt11(t, map[string]any{"credentialSubject": subject("did:example:mallory")}, ok), NotValid, "claims_invalid"},
		"a claim inside claim vc":   {uni.jwt11(t, nil, with("exp", now.Unix()+9999)), NotValid, "claims_invalid"},
		"vc inside vc":              {uni.jwt11(t, nil, with("vc", map[string]any{})), NotValid, "claims_invalid"},
		"vc is text":                {uni.jwt11(t, map[string]any{"vc": "x"}, nil), NotValid, "claims_invalid"},
		"version 2.0 in claim vc":   {uni.jwt11(t, nil, with("@context", []any{contexts.VC2})), NotValid, "claims_invalid"},
		"an undefined term":         {uni.jwt11(t, nil, with("odd", 1)), NotValid, "undefined_term"},
		"claim vc under vc+jwt":     {uni.seal(t, map[string]any{"iss": uni.did, "vc": map[string]any{"@context": []any{contexts.VC1}}}), NotValid, "issuer_mismatch"},
		"2.0 under typ JWT":         {uni.sealAs(t, uni.credential(nil, nil), map[string]any{"typ": "JWT"}), NotValid, "claims_invalid"},
		"some other JWT":            {uni.sealAs(t, map[string]any{"iss": uni.did, "sub": "ana", "aud": "shop"}, map[string]any{"typ": "JWT"}), NotValid, "claims_invalid"},
	} {
		r := newVerifier(t, Config{Trust: trusting(uni.entry(), other.entry())}).Verify(t.Context(), c.token)
		coherent(t, r)
		if r.State != c.state || r.Reason != c.reason {
			t.Errorf("%s: state %s, reason %s: %+v", name, r.State, r.Reason, r.Checks)
		}
		if c.state == StateValid && (r.Form != keys.JWT || r.Credential.Issuer.DID != uni.did || r.Credential.Subject[0].ID != "did:example:learner") {
			t.Errorf("%s: %s, %+v", name, r.Form, r.Credential)
		}
	}
}

// An envelope is judged by the token in it, and says nothing itself.
func TestEnveloped(t *testing.T) {
	uni := newIssuer(t, "uni.example")
	token := uni.seal(t, uni.credential(nil, nil))
	v := newVerifier(t, Config{Trust: trusting(uni.entry())})
	plain := v.Verify(t.Context(), token)
	with := func(name string, value any) []byte {
		doc := envelopeOf(token)
		doc[name] = value
		return mustJSON(t, doc)
	}
	for name, c := range map[string]struct {
		token []byte
		state State
		says  string
	}{
		"an envelope":                           {mustJSON(t, envelopeOf(token)), StateValid, ""},
		"contexts in a row":                     {with("@context", []any{contexts.VC2}), StateValid, ""},
		"more around it":                        {with("name", "Doctor"), StateValid, "name"},
		"another context":                       {with("@context", "https://evil.example/v1"), Unreadable, "context"},
		"two types":                             {with("type", []any{"EnvelopedVerifiableCredential", "VerifiableCredential"}), Unreadable, "type"},
		"no data: URL":                          {with("id", "https://evil.example/token"), Unreadable, "data:"},
		"id an array":                           {with("id", []any{"data:application/vc+jwt," + string(token)}), Unreadable, "data:"},
		"SD-JWT":                                {with("id", "data:application/vc+sd-jwt,x~"), Unreadable, "application/vc+sd-jwt cannot be read here yet"},
		"CBOR":                                  {with("id", "data:application/vc+cose;base64,x"), Unreadable, "application/vc+cose;base64"},
		"an envelope in it":                     {with("id", "data:application/vc+jwt,"+string(mustJSON(t, envelopeOf(token)))), Unreadable, "compact"},
		"a changed token":                       {with("id", "data:application/vc+jwt,"+string(token[:len(token)-4])+"AAAA"), NotValid, ""},
		"a token with an envelope sealed in it": {mustJSON(t, envelopeOf(uni.seal(t, envelopeOf(token)))), NotValid, ""},
	} {
		r := v.Verify(t.Context(), c.token)
		coherent(t, r)
		if r.State != c.state {
			t.Errorf("%s: %s: %+v", name, r.State, r.Checks)
		}
		format := r.check(CheckFormat)
		if all := format.Message.String() + allOf(format.Remarks); !strings.Contains(all, c.says) {
			t.Errorf("%s: says %q", name, all)
		}
		if r.State == StateValid && (r.ID != plain.ID || r.SHA256 != plain.SHA256 || r.Form != keys.VCJWT) {
			t.Errorf("%s: another credential than the token", name)
		}
	}
}

// badge is an Open Badge 3.0 in which members may be replaced.
func (i *testIssuer) badge(change map[string]any) map[string]any {
	doc := map[string]any{
		"@context": []any{contexts.VC2, contexts.OB303}, "id": "urn:uuid:3d5f2f0a-0000-4000-8000-00000000000b",
		"type":      []any{"VerifiableCredential", "OpenBadgeCredential"},
		"issuer":    map[string]any{"id": i.did, "type": "Profile", "name": "University"},
		"validFrom": now.Add(-time.Hour).Format(time.RFC3339),
		"credentialSubject": map[string]any{"id": "did:example:learner", "type": "AchievementSubject", "achievement": map[string]any{
			"id": "https://uni.example/a/1", "type": "Achievement", "name": "Careful Engineering", "description": "A course",
			"criteria": map[string]any{"narrative": "Passed the examination"},
		}},
	}
	maps.Copy(doc, change)
	maps.DeleteFunc(doc, func(_ string, v any) bool { return v == nil })
	return doc
}

func TestBadges(t *testing.T) {
	uni := newIssuer(t, "uni.example")
	claims := map[string]any{"iss": uni.did, "jti": "urn:uuid:3d5f2f0a-0000-4000-8000-00000000000b", "sub": "did:example:learner", "nbf": now.Add(-time.Hour).Unix()}
	sealed := func(change map[string]any) []byte {
		all := maps.Clone(claims)
		maps.Copy(all, change)
		return uni.sealAs(t, uni.badge(all), map[string]any{"typ": "JWT"})
	}
	for name, c := range map[string]struct {
		token  []byte
		state  State
		reason Reason
	}{
		"JWT":                    {sealed(nil), StateValid, ""},
		"vc+jwt":                 {uni.seal(t, uni.badge(nil)), StateValid, ""},
		"3.0.2":                  {sealed(map[string]any{"@context": []any{contexts.VC2, contexts.OB302}}), StateValid, ""},
		"AchievementCredential":  {sealed(map[string]any{"type": []any{"VerifiableCredential", "AchievementCredential"}}), StateValid, ""},
		"term of 3.0.3 in 3.0.2": {sealed(map[string]any{"@context": []any{contexts.VC2, contexts.OB302}, "awardedDate": "2026-01-01T00:00:00Z"}), NotValid, "undefined_term"},
		"an older context":       {sealed(map[string]any{"@context": []any{contexts.VC2, contexts.OB3Prefix + "3.0.1.json"}}), NotValid, "context_not_allowed"},
		"an undefined term":      {sealed(map[string]any{"odd": 1}), NotValid, "undefined_term"},
		"nbf differs":            {sealed(map[string]any{"nbf": now.Unix()}), NotValid, "claims_invalid"},
		"exp differs":            {sealed(map[string]any{"exp": now.Unix() + 100, "validUntil": now.Add(time.Hour).Format(time.RFC3339)}), NotValid, "claims_invalid"},
		"sub differs":            {sealed(map[string]any{"sub": "did:example:mallory"}), NotValid, "claims_invalid"},
		"another's":              {sealed(map[string]any{"iss": "did:web:other.example", "issuer": "did:web:other.example"}), NotValid, "issuer_mismatch"},
	} {
		r := newVerifier(t, Config{Trust: trusting(uni.entry())}).Verify(t.Context(), c.token)
		coherent(t, r)
		if r.State != c.state || r.Reason != c.reason {
			t.Errorf("%s: state %s, reason %s: %+v", name, r.State, r.Reason, r.Checks)
		}
	}
}
