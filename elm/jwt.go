package elm

import (
	"slices"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"indeks/contexts"
	"indeks/strictjson"
)

// registered are the claims that may stand beside claim vc. Whatever else stood
// there would become a member of the credential that nobody sealed as one.
var registered = []string{"iss", "sub", "exp", "nbf", "iat", "jti", "cnf"}

// ParseJWT reads the payload of a token of typ JWT as [Parse] reads a
// credential. There are two kinds:
//
// A credential of VC Data Model 1.1 stands in claim vc (section 6.3.1). Its
// members become those of Tree, beside the claims; a member that is missing is
// taken from the claim that stands for it: issuer from iss, id from jti,
// issuanceDate from nbf, expirationDate from exp, the subject's id from sub. Where
// both are there they must agree, so that readers of either see the same.
//
// An Open Badge 3.0 is the payload itself (section 8.2), with the same claims
// beside it, under the same rule.
//
// Raw is the payload as it was sealed, and must not be changed afterwards. Every error is a [*FormatError], of rule
// "vc-claims" where claims and credential contradict each other; that iss, jti and
// sub agree is for [Credential.Validate] to say.
func ParseJWT(raw []byte) (*Credential, error) {
	tree, err := ParseJSON(raw)
	if err != nil {
		return nil, err
	}
	root, ok := tree.(map[string]any)
	if !ok {
		return nil, &FormatError{Rule: "vc-object", Detail: "the payload of a JWT is a JSON object"}
	}
	context := strictjson.Of(root["@context"])
	if _, ok := root["vc"]; ok {
		if root, err = unwrapped(root); err != nil {
			return nil, err
		}
	} else if !badgeContext(&context) {
		return nil, claimsError("", "a token of typ JWT holds a credential in claim vc, or an Open Badge; this holds neither")
	}
	r := newReading()
	c, err := credentialOf(&r, raw, strictjson.Of(root))
	if err != nil {
		return nil, err
	}
	from, until := "validFrom", "validUntil"
	if stated(c.Tree.Get("issuanceDate")) {
		from = "issuanceDate"
	}
	if stated(c.Tree.Get("expirationDate")) {
		until = "expirationDate"
	}
	if err := c.sameInstant("nbf", from); err != nil {
		return nil, err
	}
	if err := c.sameInstant("exp", until); err != nil {
		return nil, err
	}
	return c, nil
}

func claimsError(name, detail string) *FormatError {
	if name != "" {
		name = string(jsontext.Pointer("").AppendToken(name))
	}
	return &FormatError{name, "vc-claims", detail}
}

// unwrapped returns the credential of claim vc, completed from the claims beside
// it.
func unwrapped(root map[string]any) (map[string]any, error) {
	vc, ok := root["vc"].(map[string]any)
	if !ok {
		return nil, claimsError("vc", "claim vc is not an object")
	}
	if list, _ := vc["@context"].([]any); len(list) == 0 || list[0] != contexts.VC1 {
		return nil, claimsError("vc", "claim vc is for credentials of version 1.1 only, whose first context is "+contexts.VC1)
	}

	// 1. What stands beside it are claims, and each name stands in one place.
	for _, name := range registered {
		if _, ok := vc[name]; ok {
			return nil, claimsError("vc", "claim "+name+" stands inside claim vc")
		}
	}
	for name, value := range root {
		switch {
		case name == "vc":
		case slices.Contains(registered, name):
			vc[name] = value
		default:
			return nil, claimsError(name, "stands beside claim vc and is none of the claims of a credential")
		}
	}
	issuer, ok := vc["iss"].(string)
	if !ok {
		return nil, claimsError("iss", "claim iss is missing, or not a string")
	}

	// 2. Members that were left to the claims.
	if id, ok := vc["jti"]; ok && vc["id"] == nil {
		vc["id"] = id
	}
	switch own := vc["issuer"].(type) {
	case nil:
		vc["issuer"] = issuer
	case map[string]any:
		if own["id"] == nil {
			own["id"] = issuer
		}
	}
	if id, ok := vc["sub"]; ok {
		subject := vc["credentialSubject"]
		if list, ok := subject.([]any); ok && len(list) == 1 {
			subject = list[0]
		}
		if subject, ok := subject.(map[string]any); ok && subject["id"] == nil {
			subject["id"] = id
		}
	}
	for _, date := range []struct{ claim, member string }{{"nbf", "issuanceDate"}, {"exp", "expirationDate"}} {
		if _, ok := vc[date.claim]; !ok || vc[date.member] != nil {
			continue
		}
		at, err := (&Credential{Tree: strictjson.Of(vc)}).numericDate(date.claim)
		if err != nil {
			return nil, claimsError(date.claim, err.Error())
		}
		vc[date.member] = string(At(at))
	}
	return vc, nil
}

// sameInstant compares a claim with the date that it stands for, to the second:
// a NumericDate often leaves the fraction out.
func (c *Credential) sameInstant(claim, member string) error {
	at, err := c.numericDate(claim)
	if err != nil {
		return claimsError(claim, err.Error())
	}
	text, ok := c.Tree.Get(member).Text()
	if at.IsZero() || !ok {
		return nil
	}
	// A date that cannot be read is for Validate to report.
	if date, err := DateTime(text).Time(true); err == nil && !date.Truncate(time.Second).Equal(at.Truncate(time.Second)) {
		return claimsError(claim, "claim "+claim+" differs from "+member)
	}
	return nil
}
