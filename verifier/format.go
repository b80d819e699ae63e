package verifier

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"indeks/contexts"
	"indeks/elm"
	"indeks/keys"
)

// maxRemarks bounds what is listed of one kind: a document can break more rules
// than anybody reads.
const maxRemarks = 20

// claimNames are the members of a payload that are JWT claims and no terms of
// any context (RFC 7519 section 4.1, RFC 7800).
var claimNames = []string{"iss", "sub", "exp", "nbf", "iat", "jti", "cnf"}

// typeNames are those that say beside them of what type a token with selective
// disclosure is (SD-JWT VC section 3.2.2.1).
var typeNames = []string{"vct", "vct#integrity"}

// tooLarge are the rules of elm.ParseJSON that limit a document.
var tooLarge = []string{"json-size", "json-depth", "json-members", "json-name"}

// checkFormat parses a payload and judges it: strict JSON, pinned contexts
// without conflict, the data model's rules, no undefined term. It returns nil
// where there is nothing that could be read, and else one that keeps payload. In forms of JOSE, claims of JWT may
// stand beside the credential's members; form is "" for a document without a seal.
//
// A European Digital Credential that is well-formed but does not conform to the
// application profile it declares sets r.State to NotConforming: it is not taken
// for forged. One that declares none, or one that is not known here, is not held
// against any, and a remark says so.
func (v *Verifier) checkFormat(r *Report, payload []byte, form keys.Form) *elm.Credential {
	c := r.check(CheckFormat)

	// 1. Strict parse.
	parse := elm.Parse
	switch {
	case form == keys.JWT:
		parse = elm.ParseJWT
	case r.room != nil:
		parse = r.room.Parse
	}
	cred, err := parse(payload)
	if err != nil {
		reason := Reason("malformed")
		if broken, ok := errors.AsType[*elm.FormatError](err); ok {
			switch {
			case slices.Contains(tooLarge, broken.Rule):
				reason = "too_large"
			case broken.Rule == "vc-claims":
				reason = "claims_invalid"
			}
			c.remark(broke(broken.Rule), where(broken.Pointer, broken.Detail))
		}
		c.fail(reason, formatUnreadable)
		return nil
	}
	checked := false // the application profile
	if cred.Profile == elm.EDC {
		defer func() {
			if !checked {
				c.remark(remarkShapesUnchecked)
			}
		}()
	}

	// 2. Contexts, before any rule that depends on what the terms mean.
	undefined, err := v.contexts.Inspect(cred.Tree)
	if err != nil {
		reason, message := Reason("context_not_allowed"), formatContexts
		if problem, ok := errors.AsType[*contexts.Problem](err); ok {
			switch {
			case strings.HasPrefix(problem.Rule, "context-"):
			case problem.Rule == "budget":
				reason, message = "too_large", formatTooLarge
			case problem.Rule == "keyword":
				reason, message = "undefined_term", formatKeyword
			default:
				reason, message = "claims_invalid", formatRule
			}
			c.remark(broke(problem.Rule), where(problem.Pointer, problem.Detail))
		}
		c.fail(reason, message)
		return cred
	}

	// 3. The data model.
	if err := cred.Validate(); err != nil {
		c.fail("claims_invalid", formatRule)
		broken, ok := errors.AsType[*elm.ValidationError](err)
		if !ok {
			return cred
		}
		conforming := true
		for i, b := range broken.Broken {
			if i < maxRemarks {
				c.remark(broke(b.Rule), where(b.Pointer, b.Detail))
			}
			if b.Rule == "vc-claims" && b.Pointer == "/iss" {
				c.Reason = "issuer_mismatch"
			}
			conforming = conforming && strings.HasPrefix(b.Rule, "elm-")
		}
		if cred.Profile == elm.EDC && conforming {
			c.Message = formatNotConforming.Of()
			r.State = NotConforming
		}
		return cred
	}

	// 4. Terms that no context defines: they mean nothing, so nobody can be told
	// what the issuer sealed with them.
	var names []string
	var beside []string
	switch form {
	case keys.VCJWT, keys.JWT, keys.JWS:
		beside = claimNames
	case keys.SDJWT:
		beside = slices.Concat(claimNames, typeNames)
	}
	for _, u := range undefined {
		if !u.Type && slices.Contains(beside, u.Name) && u.Pointer == "/"+u.Name {
			continue
		}
		names = append(names, plain(u.Name))
	}
	slices.Sort(names)
	names = slices.Compact(names)
	listed := strings.Join(names[:min(len(names), maxRemarks)], ", ")
	switch {
	case len(names) > 0 && cred.Profile != elm.EDC:
		c.fail("undefined_term", formatUndefined)
		c.remark(remarkUndefined, listed)
		return cred
	case len(names) > 0:
		c.remark(remarkNotUnderstood, listed)
	}
	// Concepts that are not in the complete list they name: no shape sees them, and
	// a reader should not take their label for a member of the list.
	if cred.Profile != elm.Other {
		told := 0
		for _, p := range contexts.Vocabulary(cred.Tree) {
			if p.Closed && told < maxRemarks {
				c.remark(broke(p.Rule), where(p.Pointer, p.Message))
				told++
			}
		}
	}
	if cred.Profile != elm.EDC {
		c.pass(formatSound)
		return cred
	}

	// 5. The application profile that it declares.
	shapes := declaredShapes(cred)
	if shapes == nil {
		c.remark(remarkNoProfile)
		c.pass(formatSound)
		return cred
	}
	violations, err := v.contexts.Validate(cred.Tree, shapes)
	if err != nil {
		c.fail("context_not_allowed", formatNotComparable) // unreachable: Inspect refuses the same
		return cred
	}
	if checked = true; len(violations) > 0 {
		c.fail("claims_invalid", formatNotConforming)
		for _, violation := range violations[:min(len(violations), maxRemarks)] {
			c.remark(broke(violation.Rule), where(violation.Pointer, violation.Message))
		}
		r.State = NotConforming
		return cred
	}
	c.pass(formatConforms, shapes.Name())
	return cred
}

// declaredShapes are those of the first application profile that a credential
// declares and that is known here, else nil.
func declaredShapes(cred *elm.Credential) *contexts.Shapes {
	for _, iri := range contexts.DeclaredProfiles(cred.Tree) {
		if shapes, err := contexts.ProfileShapes(iri, contexts.ShapesVersion); err == nil {
			return shapes
		}
	}
	return nil
}

// where says what is wrong and where, for people. Both come from the
// document or are about it, so they are kept plain.
func where(pointer, detail string) Detail {
	if pointer == "" {
		return Detail(plain(detail))
	}
	return Detail(plain(pointer) + ": " + plain(detail))
}

// plain makes text that a document may have a hand in fit to stand beside a
// verdict: control, bidirectional and zero-width characters are spelled out,
// and there is not much of it.
func plain(s string) string {
	const most = 160
	quoted := strconv.Quote(s)
	quoted = strings.ReplaceAll(quoted[1:len(quoted)-1], `\"`, `"`)
	if runes := []rune(quoted); len(runes) > most {
		quoted = string(runes[:most]) + "..."
	}
	return quoted
}
