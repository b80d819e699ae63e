package verifier

import (
	"time"

	"indeks/elm"
)

// Wire is a report as the API and `indeks verify --json` write it.
type Wire struct {
	Verdict    Verdict         `json:"verdict"`
	State      State           `json:"state"`
	Reason     Reason          `json:"reason,omitempty"`
	Withdrawal *WireWithdrawal `json:"withdrawal,omitempty"`
	Checks     []WireCheck     `json:"checks"`
	Issuer     WireIssuer      `json:"issuer"`
	Logged     *WireLogged     `json:"logged,omitempty"`
	Credential *WireCredential `json:"credential,omitempty"`
	Supplement []WireElement   `json:"supplement,omitempty"`
	Extract    *WireExtract    `json:"extract,omitempty"`
	InPDF      bool            `json:"in_pdf,omitempty"`
	CheckedAt  time.Time       `json:"checked_at"`
}

// WireWithdrawal is why a credential was revoked, where its issuer tells.
type WireWithdrawal struct {
	Code string    `json:"code"`
	At   time.Time `json:"at"`
}

// WireExtract says that it is an extract, and of what.
type WireExtract struct {
	WholeSHA256 string   `json:"whole_payload_sha256"`
	NotTold     []string `json:"not_told"` // ids of the elements of Annex I that it does not tell
}

type WireCheck struct {
	Name    string   `json:"name"`
	Result  Result   `json:"result"`
	Concept string   `json:"concept,omitempty"`
	Outcome string   `json:"outcome"`
	Message string   `json:"message"`
	Remarks []string `json:"remarks,omitempty"`
	Source  string   `json:"source,omitempty"`
	Problem string   `json:"problem,omitempty"`
}

type WireIssuer struct {
	Name     string         `json:"name"`
	DID      string         `json:"did,omitempty"`
	Country  string         `json:"country,omitempty"`
	Level    string         `json:"level"`
	Evidence []WireEvidence `json:"evidence"`
}

// WireLogged says what the issuer's log proves of a seal whose key was lost later.
type WireLogged struct {
	Log      string    `json:"log"`
	HeadTime time.Time `json:"head_time"`
	HeadBy   string    `json:"head_by"` // "operator" or "other_key"
	KeyLost  time.Time `json:"key_lost"`
}

type WireEvidence struct {
	Level   string `json:"level"`
	Kind    string `json:"kind"`
	Fact    string `json:"fact"`
	Source  string `json:"source,omitempty"`
	Checked string `json:"checked,omitempty"`
}

type WireCredential struct {
	ID            string `json:"id"`
	Profile       string `json:"profile"`
	Form          string `json:"form"`
	PayloadSHA256 string `json:"payload_sha256"`
	Concealed     int    `json:"concealed,omitempty"` // places that are sealed and not shown
}

type WireElement struct {
	ID     string   `json:"id"`
	Label  string   `json:"label"`
	Values []string `json:"values"`
}

// Members of the EU's lists of verification checks and of their outcomes.
const (
	conceptScheme = "http://data.europa.eu/snb/verification/"
	outcomeScheme = "http://data.europa.eu/snb/verification-status/"
)

var concepts = map[string]string{
	CheckFormat: "2f5b89b96f", CheckSeal: "f9c2016fe9", CheckAccreditation: "e2bbc86a28",
	CheckRevocation: "271aef9eb4", CheckExpiry: "94d828f160", CheckOwner: "1faf8d450f",
}

var outcomes = map[Result]string{Passed: "9895008394", Failed: "9d26eb9a37", NotMade: "641f0c5e5d"}

// showsContent reports whether what the credential says may leave the verifier:
// it was sealed, and nothing says that it is forged.
func (r *Report) showsContent() bool {
	switch r.State {
	case NotValid, NoSeal, Unreadable:
		return false
	}
	return r.Credential != nil
}

// Wire translates the report; lang is the language of the supplement. Content
// that must not be shown as fact is left out.
func (r *Report) Wire(lang string) Wire {
	w := Wire{
		Verdict: r.Verdict, State: r.State, Reason: r.Reason, InPDF: r.InPDF, CheckedAt: r.CheckedAt,
		Checks: wireChecks(r.Checks),
	}
	if r.Withdrawal != "" {
		w.Withdrawal = &WireWithdrawal{Code: r.Withdrawal, At: r.Since}
	}
	w.Issuer = WireIssuer{Name: r.Issuer.Name, DID: r.Issuer.DID, Country: r.Issuer.Country, Level: r.Issuer.Level, Evidence: []WireEvidence{}}
	for _, e := range r.Issuer.Evidence {
		w.Issuer.Evidence = append(w.Issuer.Evidence, WireEvidence{e.Level, e.Kind, e.Fact, e.Source, e.Checked})
	}
	if l := r.Logged; l != nil {
		w.Logged = &WireLogged{l.Log, l.Head, "other_key", l.Lost}
		if l.Pinned {
			w.Logged.HeadBy = "operator"
		}
	}
	if !r.showsContent() {
		return w
	}
	w.Credential = &WireCredential{ID: r.ID, Profile: string(r.Profile), Form: string(r.Form), PayloadSHA256: r.SHA256, Concealed: r.Concealed}
	for _, section := range r.supplementIn(lang) {
		for _, element := range section.Elements {
			wire := WireElement{ID: element.ID, Label: element.Label, Values: make([]string, len(element.Values))}
			for i := range element.Values {
				wire.Values[i] = element.Values[i].Line()
			}
			w.Supplement = append(w.Supplement, wire)
		}
	}
	if r.Extract != nil {
		w.Extract = &WireExtract{r.Extract.WholeSHA256, r.NotTold()}
	}
	return w
}

// NotTold are the ids of the elements of Annex I that an extract does not tell; the
// whole may. It is empty for what is no extract.
func (r *Report) NotTold() []string {
	if r.Extract == nil {
		return []string{}
	}
	answers := elm.CompletenessOf(r.supplementIn("en"))
	return append(append([]string{}, answers.Missing...), answers.Unstated...)
}

func (r *Report) supplementIn(lang string) []elm.Section {
	if lang == "en" && r.supplement != nil {
		return r.supplement
	}
	return elm.Supplement(r.Credential, lang)
}

func wireChecks(checks []Check) []WireCheck {
	all := make([]WireCheck, 0, len(checks))
	for _, c := range checks {
		wire := WireCheck{
			Name: c.Name, Result: c.Result, Outcome: outcomeScheme + outcomes[c.Result],
			Message: c.Message.String(), Source: c.Source, Problem: c.Problem,
		}
		for _, remark := range c.Remarks {
			wire.Remarks = append(wire.Remarks, remark.String())
		}
		if concept := concepts[c.Name]; concept != "" {
			wire.Concept = conceptScheme + concept
		}
		all = append(all, wire)
	}
	return all
}

// WirePresentation is the report of a presentation as the API and
// `indeks verify --json` write it.
type WirePresentation struct {
	Verdict     Verdict     `json:"verdict"`
	Reason      Reason      `json:"reason,omitempty"`
	Checks      []WireCheck `json:"checks"`
	Form        string      `json:"form,omitempty"`
	Holder      string      `json:"holder,omitempty"`
	Credentials []Wire      `json:"credentials"`
	CheckedAt   time.Time   `json:"checked_at"`
}

// Wire translates the report; lang is the language of the supplements.
func (p *PresentationReport) Wire(lang string) WirePresentation {
	w := WirePresentation{
		Verdict: p.Verdict, Reason: p.Reason, Checks: wireChecks(p.Checks), Form: string(p.Form), Holder: p.Holder,
		Credentials: []Wire{}, CheckedAt: p.CheckedAt,
	}
	for _, r := range p.Credentials {
		w.Credentials = append(w.Credentials, r.Wire(lang))
	}
	return w
}
