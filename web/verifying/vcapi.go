package verifying

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/labstack/echo/v4"

	"indeks/elm"
	"indeks/verifier"
	"indeks/web"
)

// The VC-API asks another question than people do: whether something conforms to
// VCDM 2.0 and is sealed soundly, by whomever. Its "verified" answers that, with
// contexts read as the standard lets documents write them. What we would say to
// an employer stands beside it, in member "indeks", and an issuer whom nobody
// here vouches for is a warning.

// conformer is what the VC-API relies on; *verifier.Verifier is one.
type conformer interface {
	Verify(ctx context.Context, token []byte) *verifier.Report
	VerifyPresentation(ctx context.Context, token []byte, o verifier.PresentationOptions) *verifier.PresentationReport
}

// Types of problems: VCDM 2.0 section 7.1, VC Data Integrity 1.0 section 4.7,
// and our own for what they do not name.
const (
	dataModel        = "https://www.w3.org/TR/vc-data-model#"
	parsingError     = dataModel + "PARSING_ERROR"
	malformedValue   = dataModel + "MALFORMED_VALUE_ERROR"
	rangeError       = dataModel + "RANGE_ERROR"
	securityError    = dataModel + "CRYPTOGRAPHIC_SECURITY_ERROR"
	invalidChallenge = "https://w3id.org/security#INVALID_CHALLENGE_ERROR"
	invalidDomain    = "https://w3id.org/security#INVALID_DOMAIN_ERROR"
	statusError      = "https://www.w3.org/ns/credentials/status-list#STATUS_RETRIEVAL_ERROR"
	withdrawn        = "urn:indeks:problem:withdrawn"
	issuerUnknown    = "urn:indeks:problem:issuer-unknown"
	notChecked       = "urn:indeks:problem:not-checked"
)

// conformityProblem is an RFC 9457 problem within an answer.
type conformityProblem struct {
	Type    string `json:"type"`
	Title   string `json:"title"`
	Detail  string `json:"detail"`
	Pointer string `json:"pointer,omitempty"`
}

// conformity is the answer about one credential or presentation.
type conformity struct {
	Verified bool                `json:"verified"`
	Checks   []string            `json:"checks"` // that were made
	Problems []conformityProblem `json:"problemDetails"`
	Errors   []conformityProblem `json:"errors"` // the same, where older clients look
	Warnings []conformityProblem `json:"warnings"`
	Indeks   *ownVerdict         `json:"indeks,omitempty"`

	Credentials []conformity `json:"credentialResults,omitempty"` // of a presentation
}

// ownVerdict is what this verifier says to people.
type ownVerdict struct {
	Verdict verifier.Verdict `json:"verdict"`
	State   verifier.State   `json:"state,omitempty"`
	Reason  verifier.Reason  `json:"reason,omitempty"`
	Issuer  string           `json:"issuer,omitempty"` // by the trust file
	Holder  string           `json:"holder,omitempty"`
}

func (a *conformity) problem(kind, title, detail string) {
	a.Problems = append(a.Problems, conformityProblem{Type: kind, Title: title, Detail: detail})
}

func (a *conformity) warn(kind, title, detail string) {
	a.Warnings = append(a.Warnings, conformityProblem{Type: kind, Title: title, Detail: detail})
}

// conclude decides: verified is what has no problem.
func (a *conformity) conclude() conformity {
	a.Verified = len(a.Problems) == 0
	for _, c := range a.Credentials {
		a.Verified = a.Verified && c.Verified
		a.Problems = append(a.Problems, c.Problems...)
	}
	for _, list := range []*[]conformityProblem{&a.Problems, &a.Warnings} {
		if *list == nil {
			*list = []conformityProblem{}
		}
	}
	a.Errors = a.Problems
	return *a
}

// vcapiOptions are the options of a request that are known here; others are
// ignored.
type vcapiOptions struct {
	// Checks are those that must be passed, "proof" and "credentialStatus"; absent,
	// both. Empty, only the data model is looked at, as the test suites of the W3C
	// ask for presentations that nobody sealed.
	Checks    *[]string `json:"checks"`
	Challenge string    `json:"challenge"`
	Domain    string    `json:"domain"`
}

func (o *vcapiOptions) demands(check string) bool {
	return o.Checks == nil || slices.Contains(*o.Checks, check)
}

func (o *vcapiOptions) proof() bool   { return o.demands("proof") }
func (o *vcapiOptions) nothing() bool { return o.Checks != nil && len(*o.Checks) == 0 }

// postCredentialConformity answers POST /credentials/verify.
func (s *Server) postCredentialConformity(c echo.Context) error {
	token, _, o, err := readConformityRequest(c, "verifiableCredential", "credential")
	if err != nil {
		return err
	}
	var answer conformity
	err = s.work(c.Request().Context(), func(ctx context.Context) {
		answer = judgeCredential(s.conformance.Verify(ctx, token), o)
		answer.Indeks = verdictOf(s.verifier.Verify(ctx, token))
	})
	if err != nil {
		return err
	}
	return answerConformity(c, answer)
}

// postPresentationConformity answers POST /presentations/verify. What comes as
// "presentation" need not be sealed; the credentials in it must be.
func (s *Server) postPresentationConformity(c echo.Context) error {
	token, sealed, o, err := readConformityRequest(c, "verifiablePresentation", "presentation")
	if err != nil {
		return err
	}
	asked := verifier.PresentationOptions{Challenge: o.Challenge, Domain: o.Domain}
	var answer conformity
	err = s.work(c.Request().Context(), func(ctx context.Context) {
		answer = judgePresentation(s.conformance.VerifyPresentation(ctx, token, asked), token, sealed, o)
		own := s.verifier.VerifyPresentation(ctx, token, asked)
		answer.Indeks = &ownVerdict{Verdict: own.Verdict, Reason: own.Reason, Holder: own.Holder}
	})
	if err != nil {
		return err
	}
	return answerConformity(c, answer)
}

func answerConformity(c echo.Context, a conformity) error {
	status := http.StatusOK
	if !a.Verified {
		status = http.StatusBadRequest
	}
	raw, err := json.Marshal(a)
	if err != nil {
		return fmt.Errorf("writing the answer: %w", err)
	}
	return c.Blob(status, echo.MIMEApplicationJSON, raw)
}

func verdictOf(r *verifier.Report) *ownVerdict {
	v := &ownVerdict{Verdict: r.Verdict, State: r.State, Reason: r.Reason}
	if r.Issuer.Confirmed {
		v.Issuer = r.Issuer.Name
	}
	return v
}

// checkOf returns the check of a name among those of a report.
func checkOf(checks []verifier.Check, name string) verifier.Check {
	i := slices.IndexFunc(checks, func(c verifier.Check) bool { return c.Name == name })
	return checks[i]
}

// detail is what a check says, in one line.
func detail(c verifier.Check) string {
	text := c.Message.String()
	for _, remark := range c.Remarks[:min(len(c.Remarks), 5)] {
		text += " " + remark.String()
	}
	return text
}

// judgeCredential translates a report.
func judgeCredential(r *verifier.Report, o *vcapiOptions) conformity {
	a := conformity{Checks: []string{}}
	format, seal := checkOf(r.Checks, verifier.CheckFormat), checkOf(r.Checks, verifier.CheckSeal)

	// 1. The data model. Of what cannot be read nothing else can be said.
	if a.format(format); a.unreadable(seal) {
		return a.conclude()
	}

	// 2. The proof: a seal by a key that belongs to whom the credential names.
	a.proof(seal, o.proof(), true)
	if o.nothing() {
		return a.conclude()
	}

	// 3. The period, which needs nobody to be asked. Nothing is said of it where
	// the content could not be opened.
	if expiry := checkOf(r.Checks, verifier.CheckExpiry); expiry.Result == verifier.Failed {
		a.problem(rangeError, "Outside its period of validity", detail(expiry))
	}

	// 4. The status. What could not be asked is not known to be good.
	status := checkOf(r.Checks, verifier.CheckRevocation)
	switch {
	case r.Credential == nil || status.Result == verifier.Passed && len(r.Credential.StatusEntries()) == 0:
	case !o.demands("credentialStatus"):
		a.warn(notChecked, "Status not checked", "the request left it out")
	case status.Result == verifier.Passed:
		a.Checks = append(a.Checks, "credentialStatus")
	case status.Result == verifier.Failed && (status.Reason == "revoked" || status.Reason == "suspended"):
		a.Checks = append(a.Checks, "credentialStatus")
		a.problem(withdrawn, "Revoked or suspended", detail(status))
	default:
		a.problem(either(status.Problem, statusError), "The status cannot be read", detail(status))
	}

	// 5. Who it is from is for the reader to judge.
	if issuer := checkOf(r.Checks, verifier.CheckIssuer); issuer.Result != verifier.Passed && seal.Result == verifier.Passed {
		a.warn(issuerUnknown, "Nobody here vouches for the issuer", detail(issuer))
	}
	return a.conclude()
}

// format adds what the check of the format says.
func (a *conformity) format(c verifier.Check) {
	a.Checks = append(a.Checks, "dataModel")
	switch {
	case c.Result == verifier.Passed:
	case c.Result == verifier.NotMade: // the seal did not open, which is said there
		a.Checks = a.Checks[:0]
	case c.Reason == "malformed", c.Reason == "too_large":
		a.Checks = a.Checks[:0]
		a.problem(either(c.Problem, parsingError), "It cannot be read", detail(c))
	default:
		a.problem(either(c.Problem, malformedValue), "It breaks a rule of the data model", detail(c))
	}
}

// unreadable reports whether there was nothing that a seal could have sealed.
func (a *conformity) unreadable(seal verifier.Check) bool {
	return seal.Result == verifier.NotMade && len(a.Problems) > 0 && a.Problems[0].Type == parsingError
}

// proof adds what the check of the seal says. A seal that does not open is a
// problem also where nobody asked for the proof: then nothing could be read.
func (a *conformity) proof(c verifier.Check, demanded, needed bool) {
	switch {
	case c.Result == verifier.Passed:
		if demanded {
			a.Checks = append(a.Checks, "proof")
		}
	case !demanded && (c.Reason == "no_seal" || len(a.Checks) > 0):
		a.warn(notChecked, "Proof not checked", "the request left it out")
	case !needed && c.Reason == "no_seal":
		a.warn(notChecked, "Nobody sealed it", detail(c))
	default:
		a.problem(either(c.Problem, securityError), "The proof does not hold", detail(c))
	}
}

// judgePresentation translates the report of a presentation.
func judgePresentation(r *verifier.PresentationReport, token []byte, sealed bool, o *vcapiOptions) conformity {
	a := conformity{Checks: []string{}}

	// 1. The data model. A document is held to it once more, by all that VCDM 2.0
	// says of presentations and of the credentials in them.
	format, seal := checkOf(r.Checks, verifier.CheckFormat), checkOf(r.Checks, verifier.CheckSeal)
	if a.format(format); a.unreadable(seal) {
		return a.conclude()
	}
	if format.Result == verifier.Passed && token[0] == '{' {
		_, err := elm.ConformPresentation(token)
		if broken, ok := errors.AsType[*elm.ValidationError](err); ok {
			for _, b := range broken.Broken {
				a.Problems = append(a.Problems, conformityProblem{Type: malformedValue, Title: "It breaks a rule of the data model", Detail: b.Detail, Pointer: b.Pointer})
			}
		}
	}

	// 2. The holder's proof, and what it answers.
	a.proof(seal, o.proof(), sealed)
	if o.nothing() {
		return a.conclude()
	}
	for _, asked := range []struct{ name, value, kind, title string }{
		{verifier.CheckChallenge, o.Challenge, invalidChallenge, "It does not answer the challenge"},
		{verifier.CheckDomain, o.Domain, invalidDomain, "It is not meant for this domain"},
	} {
		c := checkOf(r.Checks, asked.name)
		switch {
		case asked.value == "":
		case c.Result == verifier.Passed:
			a.Checks = append(a.Checks, asked.name)
		case o.proof():
			a.problem(asked.kind, asked.title, detail(c))
		}
	}
	if expiry := checkOf(r.Checks, verifier.CheckExpiry); expiry.Result == verifier.Failed {
		a.problem(rangeError, "Outside its period of validity", detail(expiry))
	}

	// 3. What it presents.
	for _, credential := range r.Credentials {
		one := judgeCredential(credential, o)
		a.Credentials = append(a.Credentials, one)
		a.Warnings = append(a.Warnings, one.Warnings...)
	}
	return a.conclude()
}

func either(kind, otherwise string) string {
	if kind != "" {
		return kind
	}
	return otherwise
}

// readConformityRequest reads what is to be judged, byte for byte, and the
// options. Sealed says under which of both names it came. Members repeated inside
// are for the report; other members of the request are ignored.
func readConformityRequest(c echo.Context, name, bare string) (token []byte, sealed bool, o *vcapiOptions, err error) {
	web.NoStore(c)
	body, err := io.ReadAll(c.Request().Body)
	if err != nil {
		return nil, false, nil, fmt.Errorf("reading the request: %w", err)
	}
	wrong := func(err error) ([]byte, bool, *vcapiOptions, error) {
		return nil, false, nil, &web.Problem{Type: parsingError, Title: "Nothing to judge", Status: http.StatusBadRequest,
			Detail: fmt.Sprintf(`the body is not {"%s": object or string, "options": object}`, name), Err: err}
	}
	d := jsontext.NewDecoder(bytes.NewReader(body), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	if open, err := d.ReadToken(); err != nil || open.Kind() != '{' {
		return wrong(err)
	}
	members := map[string]jsontext.Value{}
	for d.PeekKind() != '}' {
		member, err := d.ReadToken()
		if err != nil {
			return wrong(err)
		}
		key := member.String()
		value, err := d.ReadValue()
		if _, twice := members[key]; err != nil || twice {
			return wrong(err)
		}
		members[key] = value.Clone()
	}
	if _, err := d.ReadToken(); err != nil {
		return wrong(err)
	}
	if _, err := d.ReadToken(); err != io.EOF {
		return wrong(err)
	}
	given, sealed := members[name]
	if other, ok := members[bare]; ok == sealed {
		return wrong(nil)
	} else if ok {
		given = other
	}
	switch given.Kind() {
	case '{':
		token = given
	case '"':
		if token, err = jsontext.AppendUnquote(nil, given); err != nil || len(token) == 0 {
			return wrong(err)
		}
	default:
		return wrong(nil)
	}
	o = new(vcapiOptions)
	if options, ok := members["options"]; ok && options.Kind() != 'n' {
		if err := json.Unmarshal(options, o); err != nil {
			return wrong(err)
		}
	}
	return token, sealed, o, nil
}
