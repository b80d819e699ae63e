package elm

import (
	"fmt"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"indeks/contexts"
	"indeks/strictjson"
)

// Parse reads a credential of any profile strictly. It keeps raw, which must not
// be changed afterwards.
// Members it does not know are kept in Extra of their object, and so are
// members whose value has another JSON type than the model expects. It decides
// only what can be read; [Credential.Validate] judges the data model. Every
// error is a [*FormatError].
func Parse(raw []byte) (*Credential, error) {
	tree, err := parseTree(raw)
	if err != nil {
		return nil, err
	}
	r := newReading()
	return credentialOf(&r, raw, tree)
}

// credentialOf fills the model from the tree of a document.
func credentialOf(r *reading, raw []byte, tree strictjson.Value) (*Credential, error) {
	if tree.Kind() != strictjson.Object {
		return nil, &FormatError{Rule: "vc-object", Detail: "a credential is a JSON object"}
	}
	// A reader that folds case would take these for the members that decide who
	// issued what to whom, so they are refused rather than ignored.
	members := tree.Members()
	for i := range members {
		name := members[i].Name
		if standard[name] {
			continue
		}
		if standard, ok := envelope[fold(name)]; ok && standard != name {
			return nil, &FormatError{string(jsontext.Pointer("").AppendToken(name)), "json-case", fmt.Sprintf("spelled %q in the standard", standard)}
		}
	}
	c := &r.credentials.list(1)[0]
	c.Raw, c.Tree = raw, tree
	c.fill(r)
	if strings.HasPrefix(c.Issuer.ID, "did:") {
		c.Issuer.DID = c.Issuer.ID
	}
	return c, nil
}

// fill fills the model from Tree.
func (c *Credential) fill(r *reading) {
	c.Profile, c.ELMContext = profileOf(c.Tree.Get("@context"))
	r.profile, r.odd = c.Profile, false
	r.fill(c, &c.Tree)
	c.odd = r.odd
}

// envelope holds the members that VCDM and JWT define for a credential, by
// their folded names; standard are the names themselves.
var envelope, standard = func() (map[string]string, map[string]bool) {
	folded, names := make(map[string]string), make(map[string]bool)
	for _, name := range []string{
		"@context", "id", "type", "issuer", "credentialSubject", "credentialStatus", "credentialSchema",
		"validFrom", "validUntil", "issuanceDate", "expirationDate", "name", "description", "evidence",
		"termsOfUse", "refreshService", "relatedResource", "renderMethod", "confidenceMethod", "proof",
		"status", "issued", "vc", "vp", "iss", "sub", "aud", "exp", "nbf", "iat", "jti", "cnf",
	} {
		folded[fold(name)], names[name] = name, true
	}
	return folded, names
}()

// profileOf decides the profile by the contexts, and returns the URL of our ELM
// context if it is there.
func profileOf(context *strictjson.Value) (p Profile, elmContext string) {
	var first string
	var edcAP bool
	items := context.Items()
	for i := range items {
		url, _ := items[i].Value.Text()
		switch {
		case i == 0:
			first = url
		case url == contexts.EDCAP:
			edcAP = true
		}
		if strings.HasSuffix(url, contexts.ELMPath) && elmContext == "" {
			elmContext = url
		}
	}
	switch {
	case first == contexts.VC1 && edcAP:
		return EDC, ""
	case first == contexts.VC2 && elmContext != "":
		return VC2, elmContext
	}
	return Other, ""
}
