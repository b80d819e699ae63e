package verifier

import (
	"crypto/sha256"
	"encoding/base64"
	"strings"
	"testing"

	"indeks/keys"
)

// A credential of which the holder shows a part is judged as any other, and what
// is not shown is told of by its number alone.
func TestDisclosure(t *testing.T) {
	uni := newIssuer(t, "uni.example")
	disclosure := base64.RawURLEncoding.EncodeToString([]byte(`["0123456789abcdef012345","name","Ana"]`))
	sum := sha256.Sum256([]byte(disclosure))
	digest := base64.RawURLEncoding.EncodeToString(sum[:])
	seal := func(change map[string]any) []byte {
		doc := uni.credential(nil, map[string]any{
			"vct": "urn:x", "iss": uni.did, "_sd_alg": "sha-256", "credentialSubject": map[string]any{"id": "did:example:learner", "description": "a learner", "_sd": []string{digest}},
		})
		for name, value := range change {
			doc[name] = value
		}
		return append(uni.sealAs(t, doc, map[string]any{"typ": "dc+sd-jwt"}), '~')
	}
	v := newVerifier(t, Config{Trust: trusting(uni.entry())})
	for name, tt := range map[string]struct {
		token     []byte
		state     State
		reason    Reason
		concealed int
	}{
		"shown":                {append(seal(nil), disclosure+"~"...), StateValid, "", 0},
		"kept back":            {seal(nil), StateValid, "", 1},
		"changed":              {append(seal(nil), strings.Replace(disclosure, "W", "X", 1)+"~"...), Unreadable, "malformed", 0},
		"another issuer":       {seal(map[string]any{"iss": "did:web:other.example"}), NotValid, "issuer_mismatch", 1},
		"a term of no context": {seal(map[string]any{"vctx": "urn:x"}), NotValid, "undefined_term", 1},
		"no ~":                 {seal(nil)[:len(seal(nil))-1], Unreadable, "malformed", 0},
		"as vc+jwt":            {uni.seal(t, uni.credential(nil, map[string]any{"vct": "urn:x"})), NotValid, "undefined_term", 0},
	} {
		r := v.Verify(t.Context(), tt.token)
		coherent(t, r)
		if r.State != tt.state || r.Reason != tt.reason || r.Concealed != tt.concealed {
			t.Errorf("%s: state %s, reason %s, %d kept back: %+v", name, r.State, r.Reason, r.Concealed, r.Checks)
		}
		if told := strings.Contains(allOf(r.check(CheckFormat).Remarks), "1 places are sealed"); told != (tt.concealed > 0 && r.State == StateValid) && r.State != NotValid {
			t.Errorf("%s: remarks %q", name, r.check(CheckFormat).Remarks)
		}
		if tt.state == StateValid && r.Form != keys.SDJWT {
			t.Errorf("%s: form %s", name, r.Form)
		}
	}
}
