package verifier

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"indeks/contexts"
	"indeks/elm"
	"indeks/keys"
	"indeks/strictjson"
)

// maxPresented is how many credentials of one presentation are examined. Its
// size is bounded as that of any token, by keys.MaxToken.
const maxPresented = 50

// Checks that presentations have beside format, seal and expiry.
const (
	CheckChallenge = "challenge"
	CheckDomain    = "domain"
)

// presentationChecks are the checks of a presentation, in order.
var presentationChecks = []string{CheckFormat, CheckSeal, CheckChallenge, CheckDomain, CheckExpiry}

// PresentationOptions are what the presentation was asked for with; "" where
// nothing was asked.
type PresentationOptions struct {
	Challenge string // nonce of a JWT, challenge of a Data Integrity proof
	Domain    string // aud of a JWT, domain of a Data Integrity proof
}

// PresentationReport is everything that was found of a presentation.
//
// It is valid where its holder proved to have the key, for the challenge and the
// domain that were asked, and every credential in it is valid and not somebody
// else's. Reasons are those of a credential, and "challenge_mismatch",
// "domain_mismatch", "holder_mismatch", "no_credential".
type PresentationReport struct {
	Verdict     Verdict
	Reason      Reason
	Checks      []Check // format, seal, challenge, domain, expiry
	Form        keys.Form
	Holder      string // DID of who proved to have its key, "" where nobody did
	Credentials []*Report
	CheckedAt   time.Time

	key   *keys.PublicKey // of the holder
	proof *keys.Header    // of a Data Integrity proof: it says what a JWT says in claims
}

func (p *PresentationReport) check(name string) *Check {
	return &p.Checks[slices.Index(presentationChecks, name)]
}

// IsPresentation reports whether token is meant for VerifyPresentation: a
// presentation by its content, whatever is wrong with it. A credential under the
// header of a presentation is none.
func IsPresentation(token []byte) bool {
	text := bytes.TrimLeft(token, " \t\r\n")
	if !bytes.HasPrefix(text, []byte("{")) {
		if typ := keys.TypUnsafe(token); typ == "vc+jwt" {
			return false // spares nearly all of them a second look
		}
		payload, err := keys.PresentationUnsafe(token)
		if err != nil {
			return false
		}
		text = payload
	} else if !bytes.Contains(text, []byte(typePresentation)) && !bytes.Contains(text, []byte(typeEnvelopedPresentation)) {
		return false // spares the large ones another parse
	}
	var members struct {
		Type jsontext.Value `json:"type"`
		VP   jsontext.Value `json:"vp"`
	}
	if json.Unmarshal(text, &members, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)) != nil {
		return false
	}
	types := stringsOf(members.Type)
	return members.VP != nil || slices.Contains(types, typePresentation) || slices.Contains(types, typeEnvelopedPresentation)
}

// VerifyPresentation examines a presentation and each credential in it: vp+jwt,
// a JWT with claim vp (VC Data Model 1.1 section 6.3.1), either also as
// EnvelopedVerifiablePresentation, or an unsealed one. It never fails.
//
// The owner check of a credential passes where its subject, or the key in its
// claim cnf, is the holder who proved to have the key for this very challenge.
// Without a challenge that was asked, whoever kept a presentation can show it
// again, so then the check is not made. Nothing in a presentation whose proof does
// not fit is looked at; in one that nobody proved, or whose key nobody knows, the
// credentials are examined as if each had come alone.
func (v *Verifier) VerifyPresentation(ctx context.Context, token []byte, o PresentationOptions) *PresentationReport {
	p := &PresentationReport{CheckedAt: v.now().UTC(), Checks: make([]Check, len(presentationChecks))}
	for i, name := range presentationChecks {
		p.Checks[i] = Check{Name: name, Result: NotMade, Message: notReached.Of()}
	}

	// 1. Open: what was sealed, by a key that a DID itself stands for. One
	// envelope around it is taken off.
	format := p.check(CheckFormat)
	inner, _, ok, why := enveloped(token, typeEnvelopedPresentation, "application/vp+jwt")
	if why.sentence != nil {
		format.fail("malformed", presentationEnvelope, why)
		return p.conclude()
	}
	if ok {
		token = inner
	}
	payload := p.open(ctx, v, token)
	if payload == nil {
		return p.conclude()
	}

	// 2. One strict parse, and whose it says it is.
	said, err := v.readPresentation(payload, p.Form)
	if err != nil {
		reason := Reason("claims_invalid")
		if refused, ok := errors.AsType[*presentationError](err); ok {
			reason = refused.reason
		}
		format.fail(reason, presentationRule, Detail(plain(err.Error())))
		return p.conclude()
	}
	if p.proof != nil {
		said.nonce, said.audience, said.exp = p.proof.Challenge, p.proof.Domains, p.proof.Expires
	}
	format.pass(presentationSound, len(said.tokens))
	if p.key != nil {
		if said.holder != "" && said.holder != p.key.Controller {
			p.check(CheckSeal).fail("holder_mismatch", presentationOther)
		} else {
			p.Holder = p.key.Controller
			p.check(CheckSeal).pass(presentationSealed, plain(p.Holder))
		}
	}

	// 3. Made for this occasion, and now?
	v.checkOccasion(p, said, o)

	// 4. Each credential as if it had come alone, and then whose it is.
	for i, one := range said.tokens {
		r := v.Verify(ctx, one)
		if same := p.find(r); same >= 0 {
			format.remark(remarkSame, i+1)
			continue
		}
		p.checkOwner(r)
		p.Credentials = append(p.Credentials, r)
	}
	return p.conclude()
}

// open fills in form, key and seal check, and returns the payload, nil where
// nothing of it is to be looked at.
func (p *PresentationReport) open(ctx context.Context, v *Verifier, token []byte) []byte {
	format, seal := p.check(CheckFormat), p.check(CheckSeal)
	var opened *keys.Opened
	var err error
	if bytes.HasPrefix(bytes.TrimLeft(token, " \t\r\n"), []byte("{")) {
		if len(token) > keys.MaxToken {
			format.fail("too_large", presentationTooLarge)
			return nil
		}
		opened, err = keys.OpenProof(ctx, token, v.proofs("authentication"), holderKeys{&p.Form})
		if errors.Is(err, keys.ErrNotSealed) {
			seal.notMade("no_seal", presentationUnsealed)
			return token
		}
		p.Form = keys.DataIntegrity
	} else {
		opened, err = keys.OpenPresentation(ctx, token, holderKeys{&p.Form})
	}
	if err == nil {
		if len(opened.Seals) != 1 {
			seal.fail("header_invalid", presentationSeals)
			return nil
		}
		p.key = opened.Seals[0].Key
		if p.Form == keys.DataIntegrity {
			p.proof = &opened.Seals[0].Header
		}
		return opened.Payload
	}

	detail := Detail(plain(err.Error()))
	if open, ok := errors.AsType[*keys.OpenError](err); ok {
		detail = Detail(plain(open.Detail))
	}
	problem, _ := errors.AsType[*contexts.Problem](err)
	switch {
	case errors.Is(err, contexts.ErrBudget):
		seal.notMade("too_large", presentationTooCostly)
	case problem != nil && problem.Rule == "undefined":
		format.fail("undefined_term", presentationUndefined, Detail(plain(problem.Error())))
	case problem != nil:
		format.fail("context_not_allowed", presentationContexts, Detail(plain(problem.Error())))
	case errors.Is(err, keys.ErrTooLarge):
		format.fail("too_large", tooLargeToRead, detail)
	case errors.Is(err, keys.ErrHeader):
		seal.fail("header_invalid", sealHeader, detail)
	case errors.Is(err, keys.ErrAlgorithm):
		seal.fail("alg_not_allowed", sealAlgorithm, detail)
	case errors.Is(err, keys.ErrKeyPolicy):
		seal.fail("key_not_allowed", sealKeyPolicy, detail)
	case errors.Is(err, keys.ErrSignature):
		seal.fail("signature_invalid", presentationChanged)
	case errors.Is(err, keys.ErrUnknownKey) && p.Form == keys.DataIntegrity:
		seal.notMade("key_not_found", presentationUnknownKey)
		return token
	case errors.Is(err, keys.ErrUnknownKey):
		seal.notMade("key_not_found", presentationUnknownKey)
		payload, err := keys.PresentationUnsafe(token)
		if err != nil {
			return nil // unreachable: OpenPresentation got as far as the key
		}
		return payload
	default:
		format.fail("malformed", presentationUnreadable, detail)
	}
	return nil
}

// holderKeys finds the keys of holders, whose DIDs are their keys, and notes the
// form of what they sealed. Who stands behind such a DID nobody knows: it says
// that two things come from the same hand.
type holderKeys struct{ form *keys.Form }

func (k holderKeys) Resolve(_ context.Context, h keys.Header) (*keys.PublicKey, error) {
	*k.form = h.Form
	return keys.ResolveDID(h.KeyID)
}

// presented is what a presentation says, taken apart.
type presented struct {
	holder   string
	nonce    string
	audience []string
	exp, nbf time.Time
	tokens   [][]byte
}

// presentationError is a rule that a presentation breaks.
type presentationError struct {
	reason Reason
	detail string
}

func (e *presentationError) Error() string { return e.detail }

func broken(reason Reason, format string, args ...any) error {
	return &presentationError{reason, fmt.Sprintf(format, args...)}
}

// presentationClaims are what may stand beside the members of a presentation.
var presentationClaims = []string{"iss", "sub", "aud", "exp", "nbf", "iat", "jti", "nonce", "cnf"}

// readPresentation reads the payload strictly, holds it to the data model, and
// takes out the credentials byte for byte.
func (v *Verifier) readPresentation(payload []byte, form keys.Form) (*presented, error) {
	// 1. Strict JSON within the limits, and no more credentials than are examined.
	tree, err := elm.ParseJSON(payload)
	if err != nil {
		reason := Reason("malformed")
		if rule, ok := errors.AsType[*elm.FormatError](err); ok && slices.Contains(tooLarge, rule.Rule) {
			reason = "too_large"
		}
		return nil, broken(reason, "%v", err)
	}
	claims, ok := tree.(map[string]any)
	if !ok {
		return nil, broken("malformed", "it is not a JSON object")
	}
	vp, raw := claims, jsontext.Value(payload)
	if form == keys.JWT {
		if vp, ok = claims["vp"].(map[string]any); !ok {
			return nil, broken("claims_invalid", "a presentation of typ JWT stands in claim vp")
		}
		for name := range claims {
			if name != "vp" && !slices.Contains(presentationClaims, name) {
				return nil, broken("claims_invalid", "%.40q stands beside claim vp and is none of the claims of a presentation", name)
			}
		}
		raw = member(raw, "vp")
	} else if claims["vp"] != nil || claims["vc"] != nil {
		return nil, broken("claims_invalid", "claims vc and vp must not be present")
	}
	given := items(vp["verifiableCredential"])
	if len(given) > maxPresented {
		return nil, broken("too_large", "%d credentials, where at most %d are examined", len(given), maxPresented)
	}

	// 2. The data model: contexts, type, and every term defined. The credentials
	// have contexts of their own and are judged later.
	own := make(map[string]any, len(vp))
	for name, value := range vp {
		claim := form == keys.VPJWT && slices.Contains(presentationClaims, name)
		if name != "verifiableCredential" && name != "proof" && !claim {
			own[name] = value
		}
	}
	var first any
	if list := items(own["@context"]); len(list) > 0 {
		first = list[0]
	}
	if v1, v2 := first == contexts.VC1 && form != keys.VPJWT, first == contexts.VC2 && form != keys.JWT; !v1 && !v2 {
		return nil, broken("context_not_allowed", "its first context is not that of the data model")
	}
	if !slices.Contains(items(own["type"]), any(typePresentation)) {
		return nil, broken("claims_invalid", "its type is not %s", typePresentation)
	}
	undefined, err := v.contexts.Inspect(strictjson.Of(own))
	switch {
	case err != nil:
		return nil, broken("context_not_allowed", "%v", err)
	case len(undefined) > 0:
		return nil, broken("undefined_term", "it holds %.40q, which its contexts do not define", undefined[0].Name)
	}

	// 3. Holder and claims. The claims of a JWT say what members say too, and must
	// not say otherwise.
	p := &presented{}
	switch holder := own["holder"].(type) {
	case nil:
	case string:
		p.holder = holder
	case map[string]any:
		p.holder, _ = holder["id"].(string)
	}
	if own["holder"] != nil && p.holder == "" {
		return nil, broken("claims_invalid", "holder is no identifier")
	}
	if iss, ok := claims["iss"]; ok {
		text, _ := iss.(string)
		if text == "" || p.holder != "" && p.holder != text {
			return nil, broken("claims_invalid", "claim iss differs from holder")
		}
		p.holder = text
	}
	if jti, ok := claims["jti"]; ok && own["id"] != nil && jti != own["id"] {
		return nil, broken("claims_invalid", "claim jti differs from id")
	}
	if nonce, ok := claims["nonce"]; ok {
		if p.nonce, ok = nonce.(string); !ok {
			return nil, broken("claims_invalid", "claim nonce is not a string")
		}
	}
	for _, audience := range items(claims["aud"]) {
		text, ok := audience.(string)
		if !ok {
			return nil, broken("claims_invalid", "claim aud is neither a string nor an array of strings")
		}
		p.audience = append(p.audience, text)
	}
	if p.exp, p.nbf, _, err = (&elm.Credential{Tree: strictjson.Of(claims)}).JWTClaims(); err != nil {
		return nil, broken("claims_invalid", "%v", err)
	}

	// 4. The credentials, each as it was written. A presentation in it is not
	// opened: nothing would end a chain of them.
	var texts []jsontext.Value
	if list := member(raw, "verifiableCredential"); list.Kind() == '[' {
		if json.Unmarshal(list, &texts) != nil {
			return nil, broken("malformed", "its credentials cannot be read") // unreachable: the strict parse read them
		}
	} else if list != nil {
		texts = append(texts, list)
	}
	for i, item := range given {
		switch item := item.(type) {
		case string:
			if first == contexts.VC2 {
				return nil, broken("claims_invalid", "credential %d is a string, where an object is expected", i+1)
			}
			p.tokens = append(p.tokens, []byte(item))
		case map[string]any:
			for _, t := range items(item["type"]) {
				if t == typePresentation || t == typeEnvelopedPresentation {
					return nil, broken("claims_invalid", "a presentation stands inside the presentation")
				}
			}
			p.tokens = append(p.tokens, bytes.Clone(texts[i]))
		default:
			return nil, broken("claims_invalid", "credential %d is neither an object nor a token", i+1)
		}
	}
	return p, nil
}

// member returns the text of a member of an object that was read strictly
// before.
func member(object jsontext.Value, name string) jsontext.Value {
	var members map[string]jsontext.Value
	if json.Unmarshal(object, &members) != nil {
		return nil // unreachable: it was read before
	}
	return members[name]
}

// items are the values of a member, one or many.
func items(value any) []any {
	switch value := value.(type) {
	case nil:
		return nil
	case []any:
		return value
	}
	return []any{value}
}

// checkOccasion compares what was asked with what the presentation answers. A
// seal says nothing of what it does not hold, so only a good one counts.
func (v *Verifier) checkOccasion(p *PresentationReport, said *presented, o PresentationOptions) {
	challenge, domain, expiry := p.check(CheckChallenge), p.check(CheckDomain), p.check(CheckExpiry)
	switch {
	case o.Challenge == "":
		challenge.notMade("", challengeUnasked)
	case p.Holder == "":
		challenge.notMade("", challengeOfNobody)
	case said.nonce != o.Challenge:
		challenge.fail("challenge_mismatch", challengeOther)
	default:
		challenge.pass(challengeAnswered)
	}
	switch {
	case o.Domain == "":
		domain.notMade("", domainUnasked)
	case p.Holder == "":
		domain.notMade("", domainOfNobody)
	case !slices.Contains(said.audience, o.Domain):
		domain.fail("domain_mismatch", domainOther)
	default:
		domain.pass(domainMeant)
	}
	switch now := p.CheckedAt; {
	case !said.exp.IsZero() && now.Add(-v.skew).After(said.exp):
		expiry.fail("expired", presentationEnded, said.exp)
	case said.nbf.After(now.Add(v.skew)):
		expiry.fail("not_yet_valid", presentationToCome, said.nbf)
	default:
		expiry.pass(presentationNow)
	}
}

// find returns the place of a credential that is the same as r: of one id and one
// payload, with one outcome. -1 where there is none.
func (p *PresentationReport) find(r *Report) int {
	if r.SHA256 == "" {
		return -1
	}
	return slices.IndexFunc(p.Credentials, func(known *Report) bool {
		return known.SHA256 == r.SHA256 && known.ID == r.ID && known.State == r.State && known.Issuer.DID == r.Issuer.DID
	})
}

// checkOwner says whether a credential is the holder's: its subject is the holder,
// or its claim cnf (RFC 7800), which then decides alone, names the holder's key.
func (p *PresentationReport) checkOwner(r *Report) {
	c := r.check(CheckOwner)
	if r.Credential == nil {
		return
	}
	subject := ""
	if len(r.Credential.Subject) == 1 {
		subject = r.Credential.Subject[0].ID
	}
	cnf := r.Credential.Tree.Get("cnf")
	bound := cnf.Kind() != strictjson.Absent
	switch {
	case p.Holder == "":
		c.Message = ownerOfNobody.Of()
	case p.check(CheckChallenge).Result == Failed || p.check(CheckDomain).Result == Failed || p.check(CheckExpiry).Result == Failed:
		c.fail("challenge_mismatch", ownerOccasion)
	case bound && !p.confirms(cnf.Any()), !bound && strings.HasPrefix(subject, "did:") && subject != p.Holder:
		c.fail("holder_mismatch", ownerOther)
	case !bound && subject != p.Holder:
		c.notMade("", ownerUnbound)
	case p.check(CheckChallenge).Result != Passed:
		c.notMade("", ownerUnasked)
	default:
		c.pass(ownerProved)
	}
}

// confirms reports whether a claim cnf names the holder's key, by kid or jwk.
func (p *PresentationReport) confirms(cnf any) bool {
	claim, _ := cnf.(map[string]any)
	kid, hasKID := claim["kid"].(string)
	jwk, hasJWK := claim["jwk"].(map[string]any)
	if hasKID && kid != p.key.ID && kid != p.Holder {
		return false
	}
	if hasJWK {
		raw, err := json.Marshal(jwk)
		if err != nil {
			return false
		}
		key, err := keys.ParseJWK(raw)
		if err != nil || key.Thumbprint() != p.key.Thumbprint() {
			return false
		}
	}
	return hasKID || hasJWK
}

// conclude decides the verdict: of the presentation's own checks first, then of
// what it holds.
func (p *PresentationReport) conclude() *PresentationReport {
	decide := func(verdict Verdict, because Reason) *PresentationReport {
		p.Verdict, p.Reason = verdict, because
		return p
	}
	for _, c := range p.Checks {
		if c.Result == Failed {
			return decide(Invalid, c.Reason)
		}
	}
	for _, r := range p.Credentials {
		if r.Verdict == Invalid {
			return decide(Invalid, r.Reason)
		}
	}
	seal := p.check(CheckSeal)
	if seal.Result != Passed {
		return decide(Indeterminate, seal.Reason)
	}
	for _, r := range p.Credentials {
		switch owner := r.check(CheckOwner); {
		case r.Verdict != Valid:
			return decide(Indeterminate, r.Reason)
		case owner.Result == Failed:
			return decide(Indeterminate, owner.Reason)
		}
	}
	if len(p.Credentials) == 0 {
		return decide(Indeterminate, "no_credential") // VCDM 2.0 allows it, but it shows nothing
	}
	for _, name := range []string{CheckFormat, CheckSeal, CheckExpiry} {
		if c := p.check(name); c.Result != Passed {
			return decide(Indeterminate, c.Reason) // unreachable: what has not failed was made
		}
	}
	return decide(Valid, "")
}
