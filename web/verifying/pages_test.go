package verifying

import (
	"bytes"
	"encoding/base64"
	"go/parser"
	"go/token"
	"io/fs"
	"mime/multipart"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"indeks/elm"
	"indeks/verifier"
	"indeks/web"
)

const someID = "7K3M9QX2ABCDEFGH0123456789"

// TestEveryStateHasItsFirstSecond: one word, one colour, one sentence in each
// language, and green for nothing but valid.
func TestEveryStateHasItsFirstSecond(t *testing.T) {
	words := map[string]string{
		"unreadable": "Not a credential", "no_seal": "NOT SEALED", "not_valid": "NOT VALID", "revoked": "REVOKED since 4 May 2026",
		"issuer_unknown": "Issuer not confirmed", "unconfirmable": "Cannot be confirmed", "suspended": "On hold since 4 May 2026",
		"not_conforming":   "Sealed, but not a conforming European Digital Credential",
		"status_unchecked": "Genuine, revocation not checked", "expired": "Genuine, validity ended on 4 May 2026",
		"not_yet_valid": "Not valid before 4 May 2026", "valid": "VALID",
	}
	tones := map[string]string{
		"unreadable": "none", "no_seal": "bad", "not_valid": "bad", "revoked": "bad", "issuer_unknown": "warn", "unconfirmable": "warn",
		"suspended": "warn", "not_conforming": "warn", "status_unchecked": "warn", "expired": "warn", "not_yet_valid": "warn", "valid": "good",
	}
	heading := regexp.MustCompile(`<h1 id="verdict">([^<]+)</h1>\s*<p class="sentence">([^<]+)</p>`)
	panel := regexp.MustCompile(`<section class="verdict ([a-z]+)"`)
	v := &fake{}
	s, _ := newServer(t, v)
	for _, lang := range web.Languages() {
		seen := map[string]verifier.State{}
		for _, state := range states {
			v.report = report(t, state)
			r, body := ask(t, s, "POST", "/verify?lang="+lang, "text=x", "Content-Type", form)
			h, p := heading.FindStringSubmatch(body), panel.FindStringSubmatch(body)
			if r.StatusCode != 200 || h == nil || p == nil {
				t.Fatalf("%s %s: %d %s", lang, state, r.StatusCode, body)
			}
			if p[1] != tones[string(state)] {
				t.Errorf("%s %s: tone %s", lang, state, p[1])
			}
			for _, text := range h[1:] {
				if other, twice := seen[text]; twice || strings.Contains(text, "state.") {
					t.Errorf("%s %s: %q (also of %q)", lang, state, text, other)
				}
				seen[text] = state
			}
			if lang == "en" && h[1] != words[string(state)] {
				t.Errorf("%s: %q, want %q", state, h[1], words[string(state)])
			}
			if !strings.Contains(body, "14:05 UTC") || !strings.Contains(body, `<html lang="`+lang+`">`) {
				t.Errorf("%s %s: no time or no language", lang, state)
			}
			// Whoever is shown a copy of the page can ask the one that is live.
			if !strings.Contains(body, `<a href="https://verify.example">verify.example</a>`) {
				t.Errorf("%s %s: does not say where it was checked", lang, state)
			}
			if got := r.Header.Get("Cache-Control"); got != "private, no-store" || r.Header.Get("X-Robots-Tag") == "" {
				t.Errorf("%s %s: may be kept: %q", lang, state, got)
			}
		}
	}
}

func TestDatesOfTheFirstSecond(t *testing.T) {
	v := &fake{}
	s, _ := newServer(t, v)
	for state, want := range map[verifier.State]string{
		verifier.Revoked: ">REVOKED<", verifier.Suspended: ">On hold<", verifier.Expired: ">Genuine, validity ended<",
		verifier.NotYetValid: ">Not valid before 1 April 2026<", // the credential's own word
	} {
		v.report = report(t, state)
		v.report.Since = time.Time{}
		if _, body := ask(t, s, "GET", "/C/"+someID, ""); !strings.Contains(body, want) {
			t.Errorf("%s: no %q", state, want)
		}
	}
}

// TestNotWithdrawnIsSaidOnlyAfterALook: pages that say so without having asked
// are the commonest lie of verifiers.
func TestNotWithdrawnIsSaidOnlyAfterALook(t *testing.T) {
	v := &fake{report: report(t, verifier.StateValid)}
	s, _ := newServer(t, v)
	if _, body := ask(t, s, "GET", "/C/"+someID, ""); !strings.Contains(body, "not revoked") || !strings.Contains(body, "has not revoked") {
		t.Error("a look at the list is not told")
	}
	v.report.Credential.CredentialStatus = nil
	if _, body := ask(t, s, "GET", "/C/"+someID, ""); strings.Contains(body, "not revoked") || strings.Contains(body, "has not revoked") {
		t.Error("a credential without a list is called not withdrawn")
	}
}

// A failed look at the list says what was found, where it is known, and not all that might
// have been.
func TestWithdrawnOrOnHold(t *testing.T) {
	v := &fake{report: report(t, verifier.Revoked)}
	s, _ := newServer(t, v)
	for reason, vague := range map[verifier.Reason]bool{"revoked": false, "suspended": false, "status_invalid": true} {
		v.report.Checks[4].Reason = reason
		if _, body := ask(t, s, "GET", "/C/"+someID, ""); strings.Contains(body, "or its status entry breaks a rule") != vague {
			t.Errorf("%s: says all that might be: %t", reason, !vague)
		}
	}
}

// What was replaced says so and whom to ask, and in place of a credential that is
// no longer there names nobody but the issuer.
func TestWhyItWasRevokedIsTold(t *testing.T) {
	v := &fake{report: report(t, verifier.Revoked)}
	s, _ := newServer(t, v)
	for code, want := range map[string]string{"": "", verifier.Superseded: "replaced by a new one on 4 May 2026", verifier.ErrorInData: "It contained an error", "VALID": ""} {
		v.report.Withdrawal = code
		_, body := ask(t, s, "POST", "/verify", "text=x", "Content-Type", form)
		if !strings.Contains(body, want) || strings.Contains(body, "VALID") || want == "" && (strings.Contains(body, "replaced by") || strings.Contains(body, "an error")) {
			t.Errorf("%q: no %q in\n%s", code, want, body)
		}
	}
	v.report.Withdrawal, v.report.Credential, v.report.SHA256 = verifier.Superseded, nil, ""
	for _, c := range []struct{ method, path string }{{"GET", "/C/" + someID}, {"POST", "/C/" + someID}} {
		_, body := ask(t, s, c.method, c.path, "")
		for _, want := range []string{"REVOKED since 4 May 2026", "replaced by a new one", "Ask the person for the new one", issuerName} {
			if !strings.Contains(body, want) {
				t.Errorf("%s: no %q", c.method, want)
			}
		}
		for _, no := range []string{holderName, courseName, claimed, "I have this"} {
			if strings.Contains(body, no) {
				t.Errorf("%s: shows %q", c.method, no)
			}
		}
	}
}

// Of a PDF the file inside was checked, and the page says so in every language,
// whatever the verdict.
func TestPagesOfAPDFAreNotVouchedFor(t *testing.T) {
	for _, state := range []verifier.State{verifier.StateValid, verifier.IssuerUnknown, verifier.NotValid} {
		v := &fake{report: report(t, state)}
		s, _ := newServer(t, v)
		for _, inPDF := range []bool{false, true} {
			v.report.InPDF = inPDF
			_, body := ask(t, s, "POST", "/verify?lang=en", "text=x", "Content-Type", form)
			if strings.Contains(body, "not its pages. Compare") != inPDF {
				t.Errorf("%s, in a PDF: %t, and the page:\n%s", state, inPDF, body)
			}
		}
	}
}

func TestAStateNobodyKnowsIsNotGood(t *testing.T) {
	s, _ := newServer(t, &fake{report: report(t, "splendid")})
	_, body := ask(t, s, "POST", "/verify", "text=x", "Content-Type", form)
	if !strings.Contains(body, `<section class="verdict bad"`) || strings.Contains(body, courseName) {
		t.Error(body)
	}
}

// TestContentNobodyStandsBehindIsNotShown, not even in a hidden place.
func TestContentNobodyStandsBehindIsNotShown(t *testing.T) {
	for _, state := range []verifier.State{verifier.NotValid, verifier.NoSeal, verifier.Unreadable} {
		s, _ := newServer(t, &fake{report: report(t, state)})
		_, body := ask(t, s, "POST", "/verify", "text=x", "Content-Type", form)
		for _, no := range []string{holderName, courseName, issuerName, claimed, "Canary"} {
			if strings.Contains(body, no) {
				t.Errorf("%s: shows %q", state, no)
			}
		}
	}
	s, _ := newServer(t, &fake{report: report(t, verifier.IssuerUnknown)})
	_, body := ask(t, s, "POST", "/verify", "text=x", "Content-Type", form)
	verdict, rest, _ := strings.Cut(body, `<div class="grid`)
	if strings.Contains(verdict, courseName) || strings.Contains(verdict, claimed) {
		t.Error("an issuer nobody vouches for speaks beside the verdict")
	}
	if !strings.Contains(rest, "Nobody has confirmed the issuer") || !strings.Contains(rest, "What the document claims") {
		t.Error("a claim is not called one")
	}
}

// TestACodeTellsNeitherNameNorSupplement to whoever passes by and scans it.
func TestACodeTellsNeitherNameNorSupplement(t *testing.T) {
	v := &fake{report: report(t, verifier.StateValid)}
	v.report.Checks[0].Remarks = []verifier.Message{sentence("issuer.called").Of(holderName)}
	s, logs := newServer(t, v)
	for _, path := range []string{"/C/" + someID, "/c/" + strings.ToLower(someID)} {
		r, body := ask(t, s, "GET", path, "")
		if r.StatusCode != 200 || !strings.Contains(body, "VALID") || !strings.Contains(body, courseName) || !strings.Contains(body, issuerName) || !strings.Contains(body, "1 April 2026") {
			t.Errorf("%s: %d %s", path, r.StatusCode, body)
		}
		for _, no := range []string{"Canary", "Graft apple", "17 October", "1999"} {
			if strings.Contains(body, no) {
				t.Errorf("%s tells %q", path, no)
			}
		}
		_, body = ask(t, s, "POST", path, "")
		if !strings.Contains(body, `formaction="`+path+`?lang=hr"`) {
			t.Errorf("POST %s: the language cannot be changed", path)
		}
		for _, yes := range []string{holderName, "Graft apple trees", "17 October", "Register of institutions, 0042 (since 31 January 2010)", "Academy of Orchards", "invisible characters removed"} {
			if !strings.Contains(body, yes) {
				t.Errorf("POST %s lacks %q", path, yes)
			}
		}
		for _, no := range []string{"1999", "Canary-National", "<img src=x", `href="javascript`, "\u202e", "\u200b", "style="} {
			if strings.Contains(body, no) {
				t.Errorf("POST %s shows %q", path, no)
			}
		}
	}
	if strings.Contains(strings.ToUpper(logs.String()), someID) || strings.Contains(logs.String(), "Canary") {
		t.Errorf("the log names somebody: %s", logs)
	}
}

func TestTheIssuersNameComesFromTheTrustFile(t *testing.T) {
	s, _ := newServer(t, &fake{report: report(t, verifier.StateValid)})
	_, body := ask(t, s, "POST", "/C/"+someID+"?lang=hr", "")
	verdict, rest, _ := strings.Cut(body, `<div class="grid`)
	if !strings.Contains(verdict, "Institut za voćnjake") || strings.Contains(verdict, claimed) {
		t.Error(verdict)
	}
	if !strings.Contains(rest, "<q>"+claimed+"</q>") {
		t.Error("the page does not say that the document calls its issuer otherwise")
	}
	if !strings.Contains(rest, "Visoko učilište, prema upisu u nacionalni registar") || !strings.Contains(rest, "Vrijedi upis u registar.") {
		t.Error("the register's word on the provider, or the conflict with the credential's, is not shown")
	}
	if !strings.Contains(verdict, "Cijepljenje voćaka") {
		t.Error("the title is not in the language of the page")
	}
}

// Every kind of evidence is told in the language of the page, with what it is
// about, where it comes from and when somebody looked.
func TestEvidenceIsToldInEveryLanguage(t *testing.T) {
	with := map[string]string{"Version": "7", "Issued": "2026-09-01", "Key": "key-7", "Register": "Register-7", "Number": "number-7",
		"Organization": "VATRS-7", "Authority": "Authority-7", "Statements": "statements-7", "Host": "host-7", "From": "2017-07-01"}
	for _, kind := range verifier.EvidenceKinds {
		r := report(t, verifier.StateValid)
		r.Issuer.Evidence = []verifier.Evidence{{Level: "L7", Kind: kind, With: with, Fact: "Fact in English", Source: "source-7", Checked: "2026-11-01"}}
		s, _ := newServer(t, &fake{report: r})
		seen := make(map[string]bool)
		for _, lang := range []string{"en", "hr", "sr-Latn", "sr-Cyrl"} {
			_, body := ask(t, s, "POST", "/verify", "text=x", "Content-Type", form, "Accept-Language", lang)
			_, item, found := strings.Cut(body, ">L7</span>")
			item, _, _ = strings.Cut(item, "</li>")
			if !found || strings.Contains(item, "Fact in English") || strings.Contains(item, "<no value>") || strings.Contains(item, "2026-") || !strings.Contains(item, "source-7") {
				t.Errorf("%s in %s: %q", kind, lang, item)
			}
			if seen[item] {
				t.Errorf("%s in %s is as in another language", kind, lang)
			}
			seen[item] = true
		}
	}
}

// TestAnAwardingBodyIsNotItsIssuer: what the credential says of the body that
// awarded it contradicts nothing that the register says of who sealed it.
func TestAnAwardingBodyIsNotItsIssuer(t *testing.T) {
	v := &fake{report: report(t, verifier.StateValid)}
	v.report.Credential.Subject[0].HasClaim[0].AwardedBy.AwardingBody[0].LegalName = elm.TextOf(map[string][]string{"en": {"Society of Gardeners"}})
	s, _ := newServer(t, v)
	_, body := ask(t, s, "POST", "/C/"+someID, "")
	if strings.Contains(body, "The register entry counts.") || !strings.Contains(body, "another body awarded it") {
		t.Error(body)
	}
}

func TestLookUpsThatFindNothing(t *testing.T) {
	for _, c := range []struct {
		name, path string
		err        error
		status     int
		want       string
	}{
		{"unknown id", "/C/" + someID, verifier.ErrNotFound, 404, "No issuer knows this ID"},
		{"mistyped id", "/C/ABC", nil, 404, "No issuer knows this ID"},
		{"issuer down", "/C/" + someID, verifier.ErrUnavailable, 502, "We could not reach the issuer"},
	} {
		for _, method := range []string{"GET", "POST"} {
			v := &fake{report: report(t, verifier.StateValid), err: c.err}
			s, _ := newServer(t, v)
			r, body := ask(t, s, method, c.path, "")
			if r.StatusCode != c.status || !strings.Contains(body, c.want) || strings.Contains(body, "verdict") || strings.Contains(body, "VALID") {
				t.Errorf("%s: %d %s", c.name, r.StatusCode, body)
			}
			if c.path == "/C/ABC" && v.asked != nil {
				t.Errorf("%s: asked %v", c.name, v.asked)
			}
		}
	}
}

func TestTheFormTakesFileLinkIDAndText(t *testing.T) {
	upload := func(fields ...string) (string, string) {
		var b bytes.Buffer
		w := multipart.NewWriter(&b)
		for i := 0; i < len(fields); i += 2 {
			part, err := w.CreateFormFile(fields[i], "x.jwt")
			if fields[i] != "file" {
				part, err = w.CreateFormField(fields[i])
			}
			if err != nil {
				t.Fatal(err)
			}
			part.Write([]byte(fields[i+1]))
		}
		w.Close()
		return b.String(), w.FormDataContentType()
	}
	urlencoded := func(fields ...string) (string, string) {
		v := url.Values{}
		for i := 0; i < len(fields); i += 2 {
			v.Set(fields[i], fields[i+1])
		}
		return v.Encode(), form
	}
	type filled func(...string) (string, string)
	v := &fake{}
	s, _ := newServer(t, v)
	for _, c := range []struct {
		name   string
		as     filled
		fields []string
		token  string
		asked  []string
		status int
	}{
		{"file, byte for byte", upload, []string{"file", "eyJ.x.y\n", "link", "", "text", ""}, "eyJ.x.y\n", nil, 200},
		{"pasted with white space around", upload, []string{"file", "", "text", "  eyJ.x.y\r\n"}, "eyJ.x.y", nil, 200},
		{"without multipart", urlencoded, []string{"text", "eyJ.x.y"}, "eyJ.x.y", nil, 200},
		{"id in the field", upload, []string{"link", " " + someID + " "}, "looked up", []string{"id " + someID}, 200},
		{"id pasted", urlencoded, []string{"text", someID}, "looked up", []string{"id " + someID}, 200},
		{"link", urlencoded, []string{"link", "https://v.example/C/X"}, "fetched", []string{"link https://v.example/C/X"}, 200},
		{"link pasted", urlencoded, []string{"text", "https://v.example/C/X"}, "fetched", []string{"link https://v.example/C/X"}, 200},
		{"again in another language", urlencoded, []string{"again", base64.RawURLEncoding.EncodeToString([]byte("eyJ.x.y"))}, "eyJ.x.y", nil, 200},
		{"nothing", upload, []string{"file", "", "link", " ", "text", ""}, "", nil, 400},
		{"again that is none", urlencoded, []string{"again", "%%%"}, "", nil, 400},
		{"too large", upload, []string{"file", strings.Repeat("x", maxBody)}, "", nil, 413},
		{"too many parts", upload, slices.Repeat([]string{"text", "x"}, 9), "", nil, 400},
	} {
		*v = fake{report: report(t, verifier.StateValid)}
		body, contentType := c.as(c.fields...)
		r, page := ask(t, s, "POST", "/verify", body, "Content-Type", contentType)
		if r.StatusCode != c.status || string(v.token) != c.token || !slices.Equal(v.asked, c.asked) {
			t.Errorf("%s: %d, token %.40q, asked %v", c.name, r.StatusCode, v.token, v.asked)
		}
		if c.status == 200 && !strings.Contains(page, `name="again" value="`+base64.RawURLEncoding.EncodeToString([]byte(c.token))+`"`) {
			t.Errorf("%s: the language cannot be changed", c.name)
		}
	}
}

func TestPagesForEverybody(t *testing.T) {
	s, _ := newServer(t, &fake{})
	for _, c := range []struct {
		path   string
		status int
		want   string
	}{
		{"/", 200, "verify.example"},
		{"/?lang=sr-Cyrl", 200, "Провера исправе"},
		{"/proves?lang=sr-Latn", 200, "Šta ova strana dokazuje"},
		{"/robots.txt", 200, "Disallow: /"},
		{"/healthz", 200, "ok"},
		{"/readyz", 200, "ready"},
		{"/nowhere", 404, "Page not found"},
		{"/openapi.json", 200, `"openapi": "3.1.0"`},
	} {
		r, body := ask(t, s, "GET", c.path, "")
		if r.StatusCode != c.status || !strings.Contains(body, c.want) {
			t.Errorf("%s: %d %s", c.path, r.StatusCode, body)
		}
		if r.Header.Get("Strict-Transport-Security") == "" {
			t.Errorf("%s: served from an https base without HSTS", c.path)
		}
	}
	if r, _ := ask(t, s, "GET", "/verify?lang=hr", ""); r.StatusCode != 303 || r.Header.Get("Location") != "/?lang=hr" {
		t.Errorf("%d %s", r.StatusCode, r.Header.Get("Location"))
	}
}

// TestEveryTextIsUsed, by a template or by code, and every text that code
// composes an id for is there.
func TestEveryTextIsUsed(t *testing.T) {
	s, _ := newServer(t, &fake{})
	composed := map[string]bool{}
	for state := range looks {
		composed["state."+string(state)+".word"] = true
		composed["state."+string(state)+".text"] = true
	}
	for _, check := range report(t, verifier.StateValid).Checks {
		for _, suffix := range []string{"", ".passed", ".failed", ".not_made"} {
			composed["check."+check.Name+suffix] = true
			composed["check."+verifier.CheckChallenge+suffix] = true
			composed["check."+verifier.CheckDomain+suffix] = true
		}
	}
	for _, verdict := range []verifier.Verdict{verifier.Valid, verifier.Invalid, verifier.Indeterminate} {
		composed["presentation."+string(verdict)+".word"], composed["presentation."+string(verdict)+".text"] = true, true
	}
	for _, id := range []string{"outcome.passed", "outcome.failed", "outcome.not_made", "issuer.provider.hei", "issuer.provider.alternative", "next.not_valid", "next.no_seal", "next.unreadable", "next.revoked",
		"withdrawal." + verifier.Superseded, "withdrawal." + verifier.ErrorInData, "withdrawal." + verifier.KeyCompromise} {
		composed[id] = true
	}
	for _, kind := range verifier.EvidenceKinds {
		composed["evidence."+kind] = true
	}
	for _, sentence := range verifier.Sentences() {
		composed["said."+sentence.Code] = true
	}
	for _, purpose := range []string{"revocation", "suspension", "refresh", "message"} {
		composed["purpose."+purpose] = true
	}
	for _, id := range recognitionQuestions {
		composed["recognition.q."+id] = true
	}
	for _, id := range []string{"degree.yes", "degree.no", "degree.limited", "standing.law", "standing.rulebook", "standing.recommendation", "standing.proposal"} {
		composed["recognition."+id] = true
	}
	for _, id := range offlineFacts {
		composed["offline.fact."+id] = true
	}
	for _, id := range offlineSays {
		composed["offline.say."+id] = true
	}
	for _, row := range []string{"unknown-id", "unreachable", "forbidden-link", "too-many", "many-files", "no-job", "no-result", "full-results", "no-code", "no-picture", "one-table"} {
		composed[row+".title"], composed[row+".text"] = true, true
	}
	for id := range composed {
		if !s.kit.HasText(id) {
			t.Errorf("no text %s", id)
		}
	}
	var sources strings.Builder
	err := fs.WalkDir(os.DirFS("."), ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil && (filepath.Ext(name) == ".html" || filepath.Ext(name) == ".go" && !strings.HasSuffix(name, "_test.go")) {
			raw, err := os.ReadFile(name)
			sources.Write(raw)
			return err
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	raw, err := pages.ReadFile("locales/en.json")
	if err != nil {
		t.Fatal(err)
	}
	for id := range decode(t, string(raw)) {
		if !composed[id] && !strings.HasPrefix(id, "reason.") && !strings.Contains(sources.String(), `"`+id+`"`) {
			t.Errorf("text %s is used nowhere", id)
		}
	}
}

// TestTheServerReachesNoSecret: neither store nor issuer.
func TestTheServerReachesNoSecret(t *testing.T) {
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	allowed := []string{"indeks/web", "indeks/verifier", "indeks/elm", "indeks/keys", "indeks/paper"}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, spec := range file.Imports {
			path := strings.Trim(spec.Path.Value, `"`)
			if strings.HasPrefix(path, "indeks/") && !slices.Contains(allowed, path) {
				t.Errorf("%s imports %s", name, path)
			}
		}
	}
}

// Where the log of the issuer proves a seal to be older than the loss of its key,
// the page says both dates, in each language.
func TestLoggedSeal(t *testing.T) {
	v := &fake{}
	s, _ := newServer(t, v)
	v.report = report(t, verifier.StateValid)
	v.report.Logged = &verifier.Logged{Log: "uni.example/log/1", Head: time.Date(2026, 7, 8, 0, 0, 0, 0, time.UTC), Lost: time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC)}
	for _, lang := range web.Languages() {
		_, body := ask(t, s, "POST", "/verify?lang="+lang, "text=x", "Content-Type", form)
		for _, at := range []time.Time{v.report.Logged.Head, v.report.Logged.Lost} {
			if !strings.Contains(body, web.Date(lang, at)) {
				t.Errorf("%s: %s is not said", lang, web.Date(lang, at))
			}
		}
	}
	v.report.Logged = nil
	if _, body := ask(t, s, "POST", "/verify", "text=x", "Content-Type", form); strings.Contains(body, web.Date("en", time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC))+";") {
		t.Error("a key is said to be lost that is not")
	}
}
