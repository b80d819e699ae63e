// Package verifier examines sealed credentials and says what is known of them.
// It runs apart from any issuer and holds no secret.
//
// Most readers want [Verifier.Verify], which never fails: whatever is wrong is
// in the [Report]. A check has three outcomes, and "could not check" is never
// "passed".
package verifier

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"indeks/contexts"
	"indeks/elm"
	"indeks/keys"
)

// Verdict is the answer in one word.
type Verdict string

const (
	Valid         Verdict = "valid"
	Invalid       Verdict = "invalid"
	Indeterminate Verdict = "indeterminate" // genuine as far as seen, something could not be confirmed
)

// State says which row of the employer's first second applies. The first that
// matches wins, in this order.
type State string

const (
	Unreadable      State = "unreadable"
	NoSeal          State = "no_seal"
	NotValid        State = "not_valid"
	Revoked         State = "revoked"
	IssuerUnknown   State = "issuer_unknown"
	Unconfirmable   State = "unconfirmable"
	Suspended       State = "suspended"
	NotConforming   State = "not_conforming"
	StatusUnchecked State = "status_unchecked"
	Expired         State = "expired"
	NotYetValid     State = "not_yet_valid"
	StateValid      State = "valid"
)

// Result is the outcome of one check.
type Result string

const (
	Passed  Result = "passed"
	Failed  Result = "failed"
	NotMade Result = "not_made"
)

// Names of the checks, in the order in which a report has them.
const (
	CheckFormat        = "format"
	CheckSeal          = "seal"
	CheckIssuer        = "issuer"
	CheckAccreditation = "accreditation"
	CheckRevocation    = "revocation"
	CheckExpiry        = "expiry"
	CheckSupplement    = "supplement"
	CheckOwner         = "owner"
)

// Reason is the class of what is wrong: "malformed", "too_large",
// "header_invalid", "alg_not_allowed", "key_not_found", "key_not_allowed",
// "signature_invalid", "issuer_mismatch", "untrusted_issuer",
// "context_not_allowed", "undefined_term", "claims_invalid", "revoked",
// "suspended", "status_invalid", "status_unavailable", "expired",
// "not_yet_valid", "no_seal", "" for valid.
type Reason string

// Check is one question with its outcome.
type Check struct {
	Name    string
	Result  Result
	Reason  Reason    // where Result is not Passed
	Message Message   // one plain sentence
	Remarks []Message // further sentences: what is sealed but not understood, what was not looked at
	Source  string    // where the answer comes from, if not from the credential
	Problem string    // URL of the W3C problem type for it, "" where none is known
}

// Issuer is who stands behind the seal. Name comes from the trust file; where
// nobody vouches for the issuer it is what the credential claims, and Confirmed
// is false.
type Issuer struct {
	Name      string
	Confirmed bool
	DID       string
	Country   string // ISO 3166-1 alpha-2 or alpha-3 as in the trust file
	Level     string // highest evidence level
	Provider  string // "hei", "alternative" or "" by the trust file's register entry
	Evidence  []Evidence
	Claimed   string         // name in the credential where it differs from Name
	Trust     *TrustedIssuer // nil where not confirmed
}

// Report is everything that was found.
type Report struct {
	Verdict  Verdict
	State    State
	Reason   Reason
	Checks   []Check
	Issuer   Issuer
	Profile  elm.Profile
	Form     keys.Form
	ID       string // of the credential
	SHA256   string // of the payload, hex; with ID the identity of the credential
	SealedAt time.Time
	Logged   *Logged   // where the key became known to others later and a log proves the seal to be older; else nil
	Since    time.Time // when revoked or expired, where known
	// Concealed is how many places are sealed and were not shown, see keys.Opened.
	Concealed int
	// Withdrawal is why it was revoked, in the issuer's own sealed word: Superseded,
	// ErrorInData, KeyCompromise, or "" where the issuer tells nobody.
	Withdrawal string
	CheckedAt  time.Time
	Extract    *Extract // nil: it is a whole credential, as far as it says
	InPDF      bool     // it was attached to a PDF, whose pages nobody compared with it
	// Credential is what was sealed, nil unless the seal verified. Pages may show
	// it as fact only where Issuer.Confirmed, and never for State NotValid.
	Credential *elm.Credential

	withdrawnAt time.Time     // by Withdrawal
	lost        *lost         // where the key became known to others later; else nil
	sealEnds    time.Time     // when the seal says that it expires; zero where it does not
	supplement  []elm.Section // of Credential in English, where it was looked at
	room        *elm.Room     // what Credential and supplement are in; nil: in memory of their own
}

// rooms are those of reports that were released.
var rooms = sync.Pool{New: func() any { return new(elm.Room) }}

// Release gives the memory of the report's content to other reports. Whoever calls
// it, as he need not, is done with the report, its Credential, and everything in it
// but texts.
func (r *Report) Release() {
	room := r.room
	*r = Report{}
	if room != nil {
		room.Clear()
		rooms.Put(room)
	}
}

// Extract says that what was sealed is an extract of a credential, as offline codes
// carry it: what it does not tell stands in the whole.
type Extract struct {
	WholeSHA256 string // of the payload of the whole in profile vc2, hex
}

// Config is what a verifier works with. The zero value works, trusts nobody and fetches
// nothing.
type Config struct {
	Trust                *Trust        // nil: nobody is trusted
	Contexts             *contexts.Set // nil: contexts.Default()
	Fetch                *http.Client  // nil: NewFetchClient(Policy)
	Policy               FetchPolicy
	Now                  func() time.Time // nil: time.Now
	Skew                 time.Duration    // tolerated clock difference; 0 means 60 s
	ListAge              time.Duration    // for which a status list is used at most; 0 means 30 s
	RequireAccreditation bool             // operator's choice: accreditation must be passed
	ResolveDIDWeb        bool             // ask hosts for the keys of issuers that are not in Trust; confirms nobody (L1)

	// Step, unless nil, is told when a step begins that takes time, "open", "status" or
	// "fetch", and returns what is called when it ends.
	Step func(ctx context.Context, name string) (inner context.Context, end func(error))
}

// Verifier examines credentials. It is safe for concurrent use.
type Verifier struct {
	trust                *Trust
	contexts             *contexts.Set
	fetch                *http.Client
	policy               FetchPolicy
	now                  func() time.Time
	skew                 time.Duration
	listAge              time.Duration
	requireAccreditation bool
	resolveDIDWeb        bool
	step                 func(ctx context.Context, name string) (inner context.Context, end func(error))
	dids                 didCache
	lists                listCache
	standings            sync.Map // *TrustedIssuer to *standing
	vouched              atomic.Pointer[vouched]
}

// New returns a verifier. It starts nothing.
func New(c Config) (*Verifier, error) {
	if c.Skew < 0 || c.ListAge < 0 {
		return nil, errors.New("configuring verifier: negative clock skew or age of lists")
	}
	v := &Verifier{
		trust: c.Trust, contexts: c.Contexts, policy: c.Policy, now: c.Now,
		skew: c.Skew, listAge: c.ListAge, requireAccreditation: c.RequireAccreditation,
		resolveDIDWeb: c.ResolveDIDWeb, step: c.Step,
	}
	if v.step == nil {
		v.step = func(ctx context.Context, _ string) (context.Context, func(error)) { return ctx, func(error) {} }
	}
	if v.contexts == nil {
		v.contexts = contexts.Default()
	}
	if v.now == nil {
		v.now = time.Now
	}
	if v.skew == 0 {
		v.skew = time.Minute
	}
	if v.listAge == 0 {
		v.listAge = defaultListAge
	}
	// Whatever client the caller brings, no redirect is followed by it.
	client := NewFetchClient(c.Policy)
	if c.Fetch != nil {
		own := *c.Fetch
		own.CheckRedirect = noRedirect
		client = &own
	}
	v.fetch = client
	return v, nil
}

// Trust is whom the verifier trusts, nil for nobody. It must not be changed.
func (v *Verifier) Trust() *Trust { return v.trust }

// Errors of LookUp and FetchLink.
var (
	ErrNotFound    = errors.New("no issuer knows this id")
	ErrUnavailable = errors.New("the issuer could not be asked")
	ErrForbidden   = errors.New("the address is not allowed")
)
