package verifying

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
	"time"

	"indeks/elm"
	"indeks/verifier"
	"indeks/web"

	"github.com/labstack/echo/v4"
)

// looks says how the first second of each state looks: tone and icon. The words
// stand in the locales as state.<state>.word and .text.
var looks = map[verifier.State]struct{ tone, icon string }{
	verifier.Unreadable:      {"none", "question"},
	verifier.NoSeal:          {"bad", "cross"},
	verifier.NotValid:        {"bad", "cross"},
	verifier.Revoked:         {"bad", "cross"},
	verifier.IssuerUnknown:   {"warn", "question"},
	verifier.Unconfirmable:   {"warn", "question"},
	verifier.Suspended:       {"warn", "pause"},
	verifier.NotConforming:   {"warn", "bang"},
	verifier.StatusUnchecked: {"warn", "question"},
	verifier.Expired:         {"warn", "clock"},
	verifier.NotYetValid:     {"warn", "clock"},
	verifier.StateValid:      {"good", "check"},
}

// result is what result.html shows. Texts in it are in the language of the page
// unless a Lang beside them says otherwise.
type result struct {
	*verifier.Report
	Tone, Icon          string
	Word, Sentence, Why string
	Next                string // id of the text that says what to do where nothing is shown

	Base, Host string // where it was checked, and can be checked again
	Program    string // that checked it
	TrustFile  string // by which list
	FileSHA256 string
	OtherHost  string // that a scanned code named
	Hold       string // path where whoever holds the certificate sees the rest

	Keep, Share bool        // a receipt can be had; a link can be made
	Link        *resultLink // by which it was opened

	Facts bool // the content may be shown: sealed, and not NotValid
	Said  bool // the issuer may be named though there is no content: it was replaced
	Claim bool // but nobody vouches for the issuer, so it is a claim
	Full  bool // with name and supplement

	Issuer     issuerView
	Title      *elm.Value
	Awarded    *elm.Value
	Holder     *elm.Value
	Birth      string // day and month
	SealedAt   string
	Supplement []elm.Section
	NotTold    string // labels of what an extract does not tell
	Checks     []checkView
}

type issuerView struct {
	Confirmed      bool
	Name, NameLang string
	Claimed        string
	Country        string
	Provider       string
	Mandate        bool // the awarding body is another than the issuer
	Conflict       bool // the credential says otherwise about the issuer's kind
	Register       *registerView
	Accredited     []accreditedView
	Answers        []elm.Line // who ended, who answers now, who keeps the records
	Source         string
	CheckedOn      string
	Evidence       []evidenceView
}

type evidenceView struct {
	Level, Text, Lang string // Lang where it is another than the page's
	Source, Checked   string
}

type registerView struct{ Name, Number, Period string }

type accreditedView struct{ By, Period, Source, URL string }

type checkView struct {
	verifier.Check
	Label, Outcome, Sentence string
	Message                  said // of a check that did not pass
	Remarks                  []said
	Source                   string
	Stated                   bool // Source is the issuer itself
	Icon, Tone               string
	Mild                     bool // failed, and no verdict depends on it
}

// required are the checks on which the verdict depends.
var required = map[string]bool{
	verifier.CheckFormat: true, verifier.CheckSeal: true, verifier.CheckIssuer: true,
	verifier.CheckRevocation: true, verifier.CheckExpiry: true,
}

// shown says how the page of a result is come to, and so what may be on it.
type shown struct {
	full  bool              // with name and supplement
	again map[string]string // the fields that give the same once more; nil: it cannot be
	file  string            // SHA-256 of what was given, hex
	link  *resultLink       // it was opened by a link; else nil
	other string            // host that a code named, where it is not this one
	hold  string            // path where whoever holds the certificate sees the rest; "": that of the request
}

func (s *Server) renderResult(c echo.Context, r *verifier.Report, by shown) error {
	lang := s.kit.Lang(c)
	p := s.resultOf(r, lang, by.full)
	p.FileSHA256, p.Link, p.OtherHost = by.file, by.link, by.other
	p.Hold = cmp.Or(by.hold, c.Request().URL.Path)
	if by.full && by.again != nil && r.State != verifier.Unreadable {
		p.Keep = true
		p.Share = by.again["kept"] == "" && by.again["link"] == "" // the address of a printed code is a link itself
	}
	page := web.Page{Lang: lang, Tone: p.Tone, NoStore: true, Again: by.again, Data: p}
	if by.link != nil {
		page.Scripts = []string{"copy.js"}
	}
	return s.kit.Render(c, http.StatusOK, "result", page)
}

// resultOf turns a report into what a page in lang shows.
func (s *Server) resultOf(r *verifier.Report, lang string, full bool) result {
	t := func(id string, args map[string]any) string { return s.kit.T(lang, id, args) }
	state := r.State
	if _, ok := looks[state]; !ok {
		state = verifier.NotValid // a state that this page does not know is never shown as good
	}
	p := result{Report: r, Base: s.base, Host: s.host, Program: s.program, TrustFile: s.trustFile(lang), Full: full, Tone: looks[state].tone, Icon: looks[state].icon, Next: "next.not_valid"}

	// 1. the first second
	args := map[string]any{"Date": ""}
	since := r.Since
	if since.IsZero() && state == verifier.NotYetValid && r.Credential != nil {
		if from, _, err := r.Credential.Period(); err == nil {
			since = from
		}
	}
	if !since.IsZero() {
		args["Date"] = web.Date(lang, since)
	}
	p.Word = s.word(lang, state, since)
	// Where there is no list, nobody looked: "not withdrawn" would be a claim
	// that no check stands for.
	irrevocable := r.Credential != nil && !slices.ContainsFunc(r.Credential.StatusEntries(), func(e elm.StatusEntry) bool {
		return e.StatusPurpose != "refresh" && e.StatusPurpose != "message" // these two withdraw nothing
	})
	p.Sentence = t("state."+string(state)+".text", nil)
	if state == verifier.StateValid && irrevocable {
		p.Sentence = t("state.valid.text.irrevocable", nil)
	}
	if state == verifier.Revoked && r.Withdrawal != "" && s.kit.HasText("withdrawal."+r.Withdrawal) {
		p.Why = t("withdrawal."+r.Withdrawal, args)
	}
	if id := "reason." + string(r.Reason); state == verifier.NotValid && s.kit.HasText(id) {
		p.Why = t(id, nil)
	}
	if id := "next." + string(state); s.kit.HasText(id) {
		p.Next = id
	}

	// 2. the content, but never of a document nobody sealed
	hidden := state == verifier.NotValid || state == verifier.NoSeal || state == verifier.Unreadable
	if !hidden && r.Credential != nil {
		p.Facts, p.Claim = true, !r.Issuer.Confirmed
		sections := elm.Supplement(r.Credential, lang)
		p.Title = first(sections, "M2")
		p.Awarded = first(sections, "M5")
		if full {
			p.Holder, p.Birth = person(r.Credential, sections, lang)
			p.Supplement = sections
		}
		if r.Extract != nil {
			p.Supplement, p.NotTold = told(p.Supplement)
		}
		p.Issuer = s.issuerOf(r, sections, lang)
	}
	if r.Withdrawal != "" && r.Credential == nil && r.Issuer.Confirmed {
		p.Said, p.Issuer = true, s.issuerOf(r, nil, lang)
	}
	if !r.SealedAt.IsZero() {
		p.SealedAt = web.Date(lang, r.SealedAt)
	}

	// 3. every check
	for _, check := range r.Checks {
		v := s.checkOf(check, lang)
		if check.Name == verifier.CheckRevocation && check.Result == verifier.Passed && irrevocable {
			v.Sentence = t("check.revocation.irrevocable", nil)
		}
		if l := r.Logged; check.Name == verifier.CheckSeal && check.Result == verifier.Passed && l != nil {
			v.Sentence = t("check.seal.logged", map[string]any{"Lost": web.Date(lang, l.Lost), "Head": web.Date(lang, l.Head)})
		}
		if check.Name == verifier.CheckSupplement && r.Extract != nil {
			v.Sentence, v.Message = t("check.supplement.extract", nil), said{}
		}
		if check.Source == verifier.StatedByIssuer {
			v.Sentence = t("check.accreditation.stated", nil)
		}
		switch {
		case check.Result == verifier.Passed && check.Source == verifier.StatedByIssuer:
			v.Icon, v.Tone = "info", "" // its own word is no proof
		case check.Result == verifier.Failed && !required[check.Name]:
			v.Mild, v.Tone = true, "warn"
		}
		if !full {
			v.Message, v.Remarks = said{}, nil // they may quote the content
		}
		p.Checks = append(p.Checks, v)
	}
	return p
}

// word is the answer in a word, since when it is so, where that is known.
func (s *Server) word(lang string, state verifier.State, since time.Time) string {
	date := ""
	if !since.IsZero() {
		date = web.Date(lang, since)
	}
	return s.kit.T(lang, "state."+string(state)+".word", map[string]any{"Date": date})
}

// trustFile says which list of institutions was used.
func (s *Server) trustFile(lang string) string {
	if s.trust == nil {
		return s.kit.T(lang, "how.trust.none", nil)
	}
	args := map[string]any{"Version": s.trust.Version, "Issued": web.Date(lang, s.trust.Issued)}
	if sealed := s.trust.Sealed; sealed != nil {
		args["Key"] = sealed.Key
		return s.kit.T(lang, "how.trust.sealed", args)
	}
	return s.kit.T(lang, "how.trust.plain", args)
}

// told are the elements that an extract tells, and the labels of those that it does
// not: they are not missing, the whole may have them.
func told(sections []elm.Section) (kept []elm.Section, not string) {
	var labels []string
	for _, section := range sections {
		all := section.Elements
		section.Elements = nil
		for _, e := range all {
			if e.Missing {
				labels = append(labels, e.Label)
			} else {
				section.Elements = append(section.Elements, e)
			}
		}
		if len(section.Elements) > 0 {
			kept = append(kept, section)
		}
	}
	return kept, strings.Join(labels, ", ")
}

// checkOf is how a check looks whose failure is bad.
func (s *Server) checkOf(check verifier.Check, lang string) checkView {
	v := checkView{Check: check, Icon: "notmade",
		Label:    s.kit.T(lang, "check."+check.Name, nil),
		Sentence: s.kit.T(lang, "check."+check.Name+"."+string(check.Result), nil),
		Outcome:  s.kit.T(lang, "outcome."+string(check.Result), nil),
		Source:   check.Source,
	}
	for _, remark := range check.Remarks {
		v.Remarks = append(v.Remarks, s.say(lang, remark))
	}
	if check.Source == verifier.StatedByIssuer {
		v.Source, v.Stated = s.kit.T(lang, "source.stated", nil), true
	}
	if check.Result != verifier.Passed {
		v.Message = s.say(lang, check.Message)
	}
	switch check.Result {
	case verifier.Passed:
		v.Icon, v.Tone = "passed", "good"
	case verifier.Failed:
		v.Icon, v.Tone = "failed", "bad"
	}
	switch check.Reason {
	case "revoked", "suspended": // which of the reasons for which this check fails is no secret
		v.Sentence = s.kit.T(lang, "state."+string(check.Reason)+".text", nil)
	}
	return v
}

// issuerOf is what the trust file says of the issuer, and what the credential
// says where that differs.
func (s *Server) issuerOf(r *verifier.Report, sections []elm.Section, lang string) issuerView {
	t := func(id string) string { return s.kit.T(lang, id, nil) }
	v := issuerView{
		Confirmed: r.Issuer.Confirmed,
		Name:      r.Issuer.Name,
		Country:   r.Issuer.Country,
		Claimed:   r.Issuer.Claimed,
	}
	for _, fact := range r.Issuer.Evidence {
		v.Evidence = append(v.Evidence, s.evidenceOf(fact, lang))
	}
	trust := r.Issuer.Trust
	if !v.Confirmed || trust == nil {
		v.Confirmed, v.Claimed = false, r.Issuer.Name
		if v.Claimed == "" {
			v.Claimed = r.Issuer.Claimed
		}
		return v
	}
	if name, ok := trust.LegalName[lang]; ok {
		v.Name = name
	} else if lang != "en" && trust.LegalName["en"] == v.Name {
		v.NameLang = "en"
	}
	if reg := trust.NationalRegister; reg != nil {
		v.Register = &registerView{reg.Name, reg.Number, s.period(lang, reg.From, reg.To)}
	}
	switch {
	case r.Issuer.Provider == "hei" && trust.NationalRegister == nil:
		v.Provider = t("issuer.provider.hei.unregistered")
	case s.kit.HasText("issuer.provider." + r.Issuer.Provider):
		v.Provider = t("issuer.provider." + r.Issuer.Provider)
	}
	// What the credential says of the provider is about the awarding body.
	v.Mandate = first(sections, "issuer") != nil
	if claim := first(sections, "provider"); claim != nil && v.Provider != "" && !v.Mandate {
		code, ours := strings.CutPrefix(claim.IRI, elm.TopicProvider+":")
		v.Conflict = ours && code != r.Issuer.Provider
	}
	for _, a := range trust.Accredited {
		v.Accredited = append(v.Accredited, accreditedView{a.By, s.period(lang, a.From, a.To), a.Source, a.URL})
	}
	for _, answer := range []elm.Line{{Label: "issuer.ended", Text: trust.Ended}, {Label: "issuer.successor", Text: trust.Successor}, {Label: "issuer.custodian", Text: trust.Custodian}} {
		if answer.Text != "" {
			v.Answers = append(v.Answers, elm.Line{Label: t(answer.Label), Text: answer.Text})
		}
	}
	v.Source, v.CheckedOn = trust.Source, day(lang, trust.Checked)
	if v.Source == "" {
		v.Source = t("issuer.source.none")
	}
	return v
}

// evidenceOf writes a fact in the language of the page, or in English where it
// is of a kind that the page does not know.
func (s *Server) evidenceOf(fact verifier.Evidence, lang string) evidenceView {
	v := evidenceView{Level: fact.Level, Text: fact.Fact, Lang: "en", Source: fact.Source, Checked: day(lang, fact.Checked)}
	if id := "evidence." + fact.Kind; s.kit.HasText(id) {
		args := make(map[string]any)
		for name, text := range fact.With {
			args[name] = day(lang, text)
		}
		v.Text, v.Lang = s.kit.T(lang, id, args), ""
	}
	return v
}

// period writes from and to, days as the trust file has them, of which either
// may be missing.
func (s *Server) period(lang, from, to string) string {
	id := "period.between"
	switch {
	case from == "" && to == "":
		return ""
	case to == "":
		id = "period.since"
	case from == "":
		id = "period.until"
	}
	return s.kit.T(lang, id, map[string]any{"From": day(lang, from), "To": day(lang, to)})
}

// day writes a day of the trust file as people do; what is no day stays as it is.
func day(lang, text string) string {
	at, err := time.Parse(time.DateOnly, text)
	if err != nil {
		return text
	}
	return web.Date(lang, at)
}

// first is the first value of an element of the supplement.
func first(sections []elm.Section, id string) *elm.Value {
	for _, section := range sections {
		for _, element := range section.Elements {
			if element.ID == id && len(element.Values) > 0 {
				return &element.Values[0]
			}
		}
	}
	return nil
}

// person takes the holder out of the supplement: the name as on an identity
// document, and day and month of birth where the credential has them. The rest
// of the first element, birth date and identifiers, leaves the page: it is not
// needed to tell two people apart, and says more than an employer should ask.
func person(cred *elm.Credential, sections []elm.Section, lang string) (name *elm.Value, birth string) {
	name = first(sections, "M1")
	for _, section := range sections {
		for _, element := range section.Elements {
			if element.ID == "M1" {
				for i := range element.Values {
					element.Values[i].Detail = nil
				}
			}
		}
	}
	if len(cred.Subject) == 0 {
		return name, ""
	}
	born, err := cred.Subject[0].DateOfBirth.Time(true)
	if err != nil {
		return name, ""
	}
	return name, web.Birthday(lang, born)
}
