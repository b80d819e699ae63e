package elm

import (
	"bytes"
	"reflect"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"indeks/contexts"
)

// Parse reads a credential of any profile strictly and keeps the exact bytes.
// Members it does not know are kept in Extra of their object, and so are
// members whose value has another JSON type than the model expects. It decides
// only what can be read; [Credential.Validate] judges the data model. Every
// error is a [*FormatError].
func Parse(raw []byte) (*Credential, error) {
	tree, err := ParseJSON(raw)
	if err != nil {
		return nil, err
	}
	root, ok := tree.(map[string]any)
	if !ok {
		return nil, &FormatError{Rule: "vc-object", Detail: "a credential is a JSON object"}
	}
	return credentialOf(bytes.Clone(raw), root)
}

// credentialOf fills the model from the tree of a document.
func credentialOf(raw []byte, root map[string]any) (*Credential, error) {
	// A reader that folds case would take these for the members that decide who
	// issued what to whom, so they are refused rather than ignored.
	for name := range root {
		if standard, ok := envelope[fold(name)]; ok && standard != name {
			return nil, &FormatError{string(jsontext.Pointer("").AppendToken(name)), "json-case", "spelled " + strconv.Quote(standard) + " in the standard"}
		}
	}
	c := &Credential{Raw: raw, Tree: root}
	c.Profile, c.ELMContext = profileOf(root["@context"])
	fillStruct(reflect.ValueOf(c).Elem(), root, c.Profile)
	if strings.HasPrefix(c.Issuer.ID, "did:") {
		c.Issuer.DID = c.Issuer.ID
	}
	return c, nil
}

// envelope holds the members that VCDM and JWT define for a credential, by
// their folded names.
var envelope = func() map[string]string {
	folded := make(map[string]string)
	for _, name := range []string{
		"@context", "id", "type", "issuer", "credentialSubject", "credentialStatus", "credentialSchema",
		"validFrom", "validUntil", "issuanceDate", "expirationDate", "name", "description", "evidence",
		"termsOfUse", "refreshService", "relatedResource", "renderMethod", "confidenceMethod", "proof",
		"status", "issued", "vc", "vp", "iss", "sub", "aud", "exp", "nbf", "iat", "jti", "cnf",
	} {
		folded[fold(name)] = name
	}
	return folded
}()

// profileOf decides the profile by the contexts, and returns the URL of our ELM
// context if it is there.
func profileOf(context any) (p Profile, elmContext string) {
	list, ok := context.([]any)
	if !ok {
		return Other, ""
	}
	var edcAP bool
	for _, item := range list {
		switch url, _ := item.(string); {
		case url == contexts.EDCAP:
			edcAP = true
		case strings.HasSuffix(url, contexts.ELMPath) && elmContext == "":
			elmContext = url
		}
	}
	switch {
	case len(list) > 0 && list[0] == contexts.VC1 && edcAP:
		return EDC, ""
	case len(list) > 0 && list[0] == contexts.VC2 && elmContext != "":
		return VC2, elmContext
	}
	return Other, ""
}
