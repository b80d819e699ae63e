package verifying

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"indeks/elm"
	"indeks/internal/markup"
	"indeks/verifier"
	"indeks/web"
)

// Canaries stand in the credential of testdata and must be nowhere they are not
// meant to be.
const (
	holderName = "Ana Canary-Holder"
	courseName = "Grafting of Fruit Trees"
	issuerName = "Institute of Orchards" // in the trust file; the credential says otherwise
	claimed    = "Institute of Claims"
)

// fake is a verifier with one answer for everything.
type fake struct {
	report *verifier.Report
	err    error // of LookUp and FetchLink
	token  []byte
	asked  []string

	options verifier.PresentationOptions
}

func (f *fake) Verify(_ context.Context, token []byte) *verifier.Report {
	f.token = token
	return f.report
}

// VerifyPresentation finds one credential in every presentation.
func (f *fake) VerifyPresentation(ctx context.Context, token []byte, o verifier.PresentationOptions) *verifier.PresentationReport {
	f.options = o
	r := f.Verify(ctx, token)
	return &verifier.PresentationReport{Verdict: r.Verdict, Credentials: []*verifier.Report{r}, CheckedAt: r.CheckedAt}
}

func (f *fake) Rows(ctx context.Context, file verifier.File, _ verifier.PresentationOptions, lang string) []verifier.Row {
	token, _ := file.Read()
	return []verifier.Row{f.Verify(ctx, token).Row(file.Name, lang)}
}

func (f *fake) LookUp(_ context.Context, public string) ([]byte, error) {
	f.asked = append(f.asked, "id "+public)
	return []byte("looked up"), f.err
}

func (f *fake) FetchLink(_ context.Context, link string) ([]byte, error) {
	f.asked = append(f.asked, "link "+link)
	return []byte("fetched"), f.err
}

func (f *fake) StatusList(_ context.Context, issuer, address string) ([]byte, time.Duration, error) {
	f.asked = append(f.asked, "list "+address+" of "+issuer)
	return []byte("a.b.c"), 1500 * time.Millisecond, f.err
}

// newServer returns the server over v, and what it logs.
func newServer(t testing.TB, v examiner) (*Server, *bytes.Buffer) {
	t.Helper()
	var logs bytes.Buffer
	s, err := New(Config{Kit: web.Config{Log: slog.New(slog.NewJSONHandler(&logs, nil))}, Base: "https://verify.example"})
	if err != nil {
		t.Fatal(err)
	}
	s.verifier = v
	return s, &logs
}

// report is one in the given state, as the verifier makes it: no credential
// without a seal, no trust entry without somebody who vouches.
// sentence is the verifier's with this code.
func sentence(code string) *verifier.Sentence {
	all := verifier.Sentences()
	return all[slices.IndexFunc(all, func(s *verifier.Sentence) bool { return s.Code == code })]
}

func report(t testing.TB, state verifier.State) *verifier.Report {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", "credential.json"))
	if err != nil {
		t.Fatal(err)
	}
	cred, err := elm.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	r := &verifier.Report{
		Verdict: verifier.Indeterminate, State: state,
		Issuer: verifier.Issuer{Name: issuerName, Confirmed: true, Level: "L2", Provider: "hei", Country: "HR", Claimed: claimed,
			Evidence: []verifier.Evidence{{Level: "L2", Fact: "listed in the trust file", Source: "operator", Checked: "2026-11-01"}},
			Trust: &verifier.TrustedIssuer{LegalName: map[string]string{"en": issuerName, "hr": "Institut za voćnjake"}, Provider: "hei",
				NationalRegister: &verifier.Register{Name: "Register of institutions", Number: "0042", From: "2010-01-31"},
				Accredited:       []verifier.Accredited{{By: "Agency", From: "2022-03-01", To: "2029-02-28", Source: "its register"}},
				Successor:        "Academy of Orchards", Source: "Registry office", Checked: "2026-11-01"}},
		ID: "urn:uuid:b3a1", SHA256: strings.Repeat("ab", 32), Profile: elm.VC2, Form: "vc+jwt",
		Since: time.Date(2026, 5, 4, 0, 0, 0, 0, time.UTC), CheckedAt: time.Date(2026, 9, 1, 14, 5, 0, 0, time.UTC),
		SealedAt: time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC), Credential: cred,
	}
	for _, name := range []string{verifier.CheckFormat, verifier.CheckSeal, verifier.CheckIssuer, verifier.CheckAccreditation,
		verifier.CheckRevocation, verifier.CheckExpiry, verifier.CheckSupplement, verifier.CheckOwner} {
		r.Checks = append(r.Checks, verifier.Check{Name: name, Result: verifier.Passed})
	}
	r.Checks[3].Result, r.Checks[7].Result = verifier.NotMade, verifier.NotMade
	switch state {
	case verifier.StateValid:
		r.Verdict = verifier.Valid
	case verifier.Unreadable, verifier.NoSeal:
		r.Verdict, r.Credential, r.Issuer = verifier.Invalid, nil, verifier.Issuer{}
	case verifier.NotValid:
		// A verifier that leaves the content in must not make the page show it.
		r.Verdict, r.Reason = verifier.Invalid, "signature_invalid"
		r.Checks[1] = verifier.Check{Name: verifier.CheckSeal, Result: verifier.Failed, Message: sentence("seal.changed").Of()}
	case verifier.IssuerUnknown:
		r.Issuer = verifier.Issuer{Name: claimed, Level: "L0"}
		r.Checks[2].Result = verifier.NotMade
	case verifier.Revoked:
		r.Verdict = verifier.Invalid
		r.Checks[4].Result, r.Checks[4].Reason = verifier.Failed, "revoked"
	case verifier.StatusUnchecked:
		r.Checks[4].Result = verifier.NotMade
	}
	return r
}

var states = []verifier.State{
	verifier.Unreadable, verifier.NoSeal, verifier.NotValid, verifier.Revoked, verifier.IssuerUnknown, verifier.Unconfirmable,
	verifier.Suspended, verifier.NotConforming, verifier.StatusUnchecked, verifier.Expired, verifier.NotYetValid, verifier.StateValid,
}

// ask sends one request; header is name, value, name, value ... Whatever a test
// asks, the answer must be one that openapi.json describes, and a page keep the rules of
// package markup.
func ask(t testing.TB, s *Server, method, target, body string, header ...string) (*http.Response, string) {
	t.Helper()
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	markup.Held(t, described(t, s)).ServeHTTP(w, r)
	raw, err := io.ReadAll(w.Result().Body)
	if err != nil {
		t.Fatal(err)
	}
	return w.Result(), string(raw)
}

const form = "application/x-www-form-urlencoded"

func decode(t testing.TB, body string) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal([]byte(body), &m); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	return m
}

// multipartFile is the form of the start page with a file chosen.
func multipartFile(t testing.TB, file []byte) (body, contentType string) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	part, err := w.CreateFormFile("file", "credential.jwt")
	if err != nil {
		t.Fatal(err)
	}
	part.Write(file)
	w.Close()
	return b.String(), w.FormDataContentType()
}
