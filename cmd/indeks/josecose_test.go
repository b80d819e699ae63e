package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// joseRun runs the command on files with these contents and returns the answer.
func joseRun(t *testing.T, what, input, key, feature string) joseAnswer {
	t.Helper()
	dir := t.TempDir()
	args := []string{"vc-jose-cose", what, "--feature", feature, "--output", filepath.Join(dir, "output")}
	for name, content := range map[string]string{"input": input, "key": key} {
		path := filepath.Join(dir, name)
		if content != "-" { // "-": no such file
			if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		args = append(args, "--"+name, path)
	}
	var out, errs bytes.Buffer
	if code := run(context.Background(), args, console{strings.NewReader(""), &out, &errs}); code != exitOK {
		t.Fatalf("%s %s: exit %d: %s", what, feature, code, errs.String())
	}
	raw, err := os.ReadFile(filepath.Join(dir, "output"))
	if err != nil {
		t.Fatal(err)
	}
	var a joseAnswer
	if err := json.Unmarshal(raw, &a); err != nil {
		t.Fatalf("%s: %v", raw, err)
	}
	return a
}

func TestVCJoseCose(t *testing.T) {
	seed := bytes.Repeat([]byte{7}, ed25519.SeedSize)
	private := ed25519.NewKeyFromSeed(seed)
	encode := base64.RawURLEncoding.EncodeToString
	jwk := func(private ed25519.PrivateKey, secret bool) string {
		d := ""
		if secret {
			d = `,"d":"` + encode(private.Seed()) + `"`
		}
		return fmt.Sprintf(`{"kty":"OKP","crv":"Ed25519","kid":"did:example:a#1","x":%q%s}`, encode(private.Public().(ed25519.PublicKey)), d)
	}
	secret, public := jwk(private, true), jwk(private, false)
	stranger := jwk(ed25519.NewKeyFromSeed(bytes.Repeat([]byte{8}, ed25519.SeedSize)), false)
	const context = `"@context":["https://www.w3.org/ns/credentials/v2","https://www.w3.org/ns/credentials/examples/v2"]`
	credential := func(members string) string {
		return `{` + context + `,"type":["VerifiableCredential"],"issuer":"did:example:a","credentialSubject":{"id":"did:example:b","degree":"BSc"}` + members + `}`
	}
	presentation := `{` + context + `,"type":"VerifiablePresentation","holder":"did:example:a"}`
	sign := func(header, payload string) string {
		input := encode([]byte(header)) + "." + encode([]byte(payload))
		return input + "." + encode(ed25519.Sign(private, []byte(input)))
	}
	const vc = `{"alg":"EdDSA","typ":"vc+jwt","kid":"did:example:a#1"}`

	// What is issued verifies, and holds what was given, byte for byte.
	for name, doc := range map[string]string{
		"credential": credential(""), "spaced": strings.ReplaceAll(credential(""), ",", " ,\n "), "presentation": presentation,
		"unknown context": strings.Replace(credential(""), "credentials/examples/v2", "credentials/other/v2", 1),
	} {
		issued := joseRun(t, "issue", doc+"\n", secret, "credential_jose")
		if issued.Result != joseSuccess || strings.Count(issued.Data, ".") != 2 {
			t.Errorf("%s: issued %+v", name, issued)
			continue
		}
		if verified := joseRun(t, "verify", issued.Data+"\n", public, "credential_jose"); verified != (joseAnswer{joseSuccess, doc}) {
			t.Errorf("%s: verified %+v", name, verified)
		}
		if other := joseRun(t, "verify", issued.Data, stranger, ""); other != (joseAnswer{joseFailure, ""}) {
			t.Errorf("%s: by a stranger's key %+v", name, other)
		}
	}

	for _, c := range []struct{ name, what, input, key, feature, want string }{
		{"SD-JWT", "issue", credential(""), secret, "credential_sd-jwt", joseIndeterminate},
		{"COSE", "verify", "x", public, "presentation_cose", joseIndeterminate},
		{"the suite's own name", "issue", credential(""), secret, "vc-jose-cose", joseSuccess},
		{"no input", "issue", "-", secret, "", joseError},
		{"no key", "verify", "x", "-", "", joseError},
		{"a key that is none", "verify", "x", "{}", "", joseError},
		{"a public key", "issue", credential(""), public, "", joseError},
		{"not JSON", "issue", "x", secret, "", joseFailure},
		{"against the data model", "issue", credential(`,"validFrom":"today"`), secret, "", joseFailure},
		{"contexts in the wrong order", "issue", strings.Replace(credential(""), `"https://www.w3.org/ns/credentials/v2",`, "", 1), secret, "", joseFailure},
		{"claim vc", "issue", credential(`,"vc":{}`), secret, "", joseFailure},
		{"presentation with a token", "issue", strings.Replace(presentation, `"holder"`, `"verifiableCredential":"eyJ","holder"`, 1), secret, "", joseFailure},
		{"a token", "verify", sign(vc, credential("")), public, "", joseSuccess},
		{"in an envelope", "verify", `{"@context":"https://www.w3.org/ns/credentials/v2","type":"EnvelopedVerifiableCredential","id":"data:application/vc+jwt,` + sign(vc, credential("")) + `"}`, public, "", joseSuccess},
		{"as JSON text", "verify", `"` + sign(vc, credential("")) + `"`, public, "", joseSuccess},
		{"with claims that agree", "verify", sign(vc, credential(`,"iss":"did:example:a","iat":1700000000`)), public, "", joseSuccess},
		{"with an issuer that does not", "verify", sign(vc, credential(`,"iss":"did:example:c"`)), public, "", joseFailure},
		{"with claim vc", "verify", sign(vc, credential(`,"vc":{}`)), public, "", joseFailure},
		{"presentation with claims", "verify", sign(strings.Replace(vc, "vc+", "vp+", 1), strings.Replace(presentation, "{", `{"aud":"x","nonce":"y",`, 1)), public, "", joseSuccess},
		{"alg none", "verify", encode([]byte(`{"alg":"none","typ":"vc+jwt"}`)) + "." + encode([]byte(credential(""))) + ".", public, "", joseFailure},
		{"changed", "verify", strings.Replace(sign(vc, credential("")), ".", ".A", 1), public, "", joseFailure},
		{"another's kid", "verify", sign(`{"alg":"EdDSA","typ":"vc+jwt","kid":"did:example:c#9"}`, credential("")), public, "", joseFailure},
		{"not a credential", "verify", sign(vc, `{"sub":"x"}`), public, "", joseFailure},
		{"nothing", "verify", "", public, "", joseFailure},
	} {
		if got := joseRun(t, c.what, c.input, c.key, c.feature); got.Result != c.want || (c.want == joseSuccess) != (got.Data != "") {
			t.Errorf("%s: %+v, want %s", c.name, got, c.want)
		}
	}
}
