package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"indeks/contexts"
	"indeks/elm"
	"indeks/issuer"
	"indeks/keys"
)

type lintCmd struct {
	File    string `arg:"" name:"file-or-course" help:"A credential, sealed or not, a course file, or - for standard input."`
	Profile string `help:"Application profile to check a credential against, instead of the one it declares." enum:",generic-full,generic-no-cv,accredited,converted,issued-by-mandate,diploma-supplement" default:""`
	Config  string `help:"The institution's folder. A course is checked against its country and rules." placeholder:"DIR"`
	JSON    bool   `name:"json" help:"Print the findings as JSON."`
}

func (*lintCmd) Help() string {
	return `Reports what is missing or wrong in a document, and where it belongs. It does not check seals or use the
network. To find out whether a credential is genuine, use indeks verify.

  shapes        the rules (SHACL) of the application profile that the document declares, else generic-full
  strict        what is not strictly JSON or JSON-LD: members and types that no context defines, dates
  vocabularies  concepts that are not in the list they name
  annex         the mandatory elements of Annex I of Council Recommendation 2022/C 243/02, and what else
                the supplement of a micro-credential states (which cannot fail)

A course is read as indeks issue reads it, and the credential that a made-up learner would get is
checked. Exit code 1 if shapes, a closed vocabulary or Annex I fail; 2 for a file that cannot be read.`
}

// lintReport is what lint found.
type lintReport struct {
	Shapes       lintShapes       `json:"shapes"`
	Strict       []lintProblem    `json:"strict"`
	Vocabularies []lintVocabulary `json:"vocabularies"`
	Annex        lintAnnex        `json:"annex"`
}

type lintShapes struct {
	Profile    string          `json:"profile,omitempty"`
	Conforms   bool            `json:"conforms"`
	Results    int             `json:"results"`
	Violations []lintViolation `json:"violations"`
}

type lintViolation struct {
	Pointer   string `json:"pointer"`
	Rule      string `json:"rule"`
	Path      string `json:"path"`
	Term      string `json:"term"`
	Focus     string `json:"focus"`
	Component string `json:"component"`
	Value     string `json:"value,omitempty"`
	Expected  string `json:"expected"`
	Found     string `json:"found"`
	Message   string `json:"message"`
}

type lintProblem struct {
	Pointer string `json:"pointer"`
	Rule    string `json:"rule"`
	Detail  string `json:"detail"`
}

type lintVocabulary struct {
	Pointer string `json:"pointer"`
	Rule    string `json:"rule"`
	ID      string `json:"id"`
	Scheme  string `json:"scheme"`
	Closed  bool   `json:"closed"`
	Message string `json:"message"`
}

// lintAnnex has ids of elements; Places says of those that are missing or
// unstated what they are and where they would go. What is only unstated fails
// nothing: see [elm.Answers].
type lintAnnex struct {
	Present  []string             `json:"present"`
	Reasoned []string             `json:"reasoned"`
	Missing  []string             `json:"missing"`
	Unstated []string             `json:"unstated"`
	Places   map[string]lintPlace `json:"places,omitempty"`
}

type lintPlace struct {
	Label string `json:"label"`
	Place string `json:"place"`
}

// failed is what makes lint's exit code.
func (r *lintReport) failed() bool {
	return !r.Shapes.Conforms || len(r.Annex.Missing) > 0 || slices.ContainsFunc(r.Vocabularies, func(v lintVocabulary) bool { return v.Closed })
}

func (cmd *lintCmd) Run(con console) error {
	in := con.in
	if cmd.File != "-" {
		f, err := os.Open(cmd.File)
		if err != nil {
			return &exitError{exitUsage, fmt.Errorf("reading the document: %w", err)}
		}
		defer f.Close()
		in = f
	}
	raw, err := io.ReadAll(io.LimitReader(in, keys.MaxToken+1))
	if err != nil {
		return &exitError{exitUsage, fmt.Errorf("reading the document: %w", err)}
	}
	report, err := cmd.lint(raw)
	if err != nil {
		return err
	}
	if cmd.JSON {
		out, err := json.Marshal(report, jsontext.Multiline(true), json.FormatNilSliceAsNull(false))
		if err != nil {
			return fmt.Errorf("writing what was found: %w", err)
		}
		fmt.Fprintf(con.out, "%s\n", out)
	} else {
		report.print(con.out)
	}
	if report.failed() {
		return &exitError{code: exitInvalid}
	}
	return nil
}

// lint checks a document of any kind. Its error is a course that has problems.
func (cmd *lintCmd) lint(raw []byte) (*lintReport, error) {
	if looksLikeCourse(raw) {
		parse := issuer.ParseCourse
		if cmd.Config != "" {
			c, err := readConfig(cmd.Config)
			if err != nil {
				return nil, &exitError{exitUsage, err}
			}
			inst, err := c.institution()
			if err != nil {
				return nil, &exitError{exitUsage, err}
			}
			parse = inst.ParseCourse
		}
		course, warnings, err := parse(filepath.Base(cmd.File), raw)
		report := new(lintReport)
		for _, w := range warnings {
			report.problem(w)
		}
		var problems *issuer.Problems
		if errors.As(err, &problems) {
			for _, p := range problems.List {
				report.problem(p)
			}
			return report, nil // what it would give is not known
		}
		if err != nil {
			return nil, err
		}
		cred, err := issuer.Specimen(course, time.Now())
		if err != nil {
			return nil, err
		}
		if raw, err = cred.Encode(elm.EDC); err != nil {
			return nil, fmt.Errorf("building the credential of an invented learner: %w", err)
		}
		cmd.credential(report, raw)
		return report, nil
	}
	report := new(lintReport)
	payload := raw
	if sealed, err := keys.PayloadUnsafe(raw); err == nil {
		payload = sealed
	} else if !errors.Is(err, keys.ErrNotSealed) && !looksLikeObject(raw) {
		report.strict("", "token", err.Error())
		return report, nil
	}
	cmd.credential(report, unwrapped(payload))
	return report, nil
}

// credential checks a credential's payload.
func (cmd *lintCmd) credential(report *lintReport, payload []byte) {
	// 1. Strict JSON; without it there is nothing to look at.
	cred, err := elm.Parse(payload)
	if err != nil {
		var broken *elm.FormatError
		if errors.As(err, &broken) {
			report.strict(broken.Pointer, broken.Rule, broken.Detail)
		} else {
			report.strict("", "json", err.Error())
		}
		return
	}
	var invalid *elm.ValidationError
	if errors.As(cred.Validate(), &invalid) {
		for _, b := range invalid.Broken {
			report.strict(b.Pointer, b.Rule, b.Detail)
		}
	}

	// 2. Terms, then shapes: what no context defines, the shapes do not see.
	set := contexts.Default()
	undefined, err := set.Inspect(cred.Tree)
	if err != nil {
		var problem *contexts.Problem
		if errors.As(err, &problem) {
			report.strict(problem.Pointer, problem.Rule, problem.Detail)
		} else {
			report.strict("", "contexts", err.Error())
		}
	}
	for _, u := range undefined {
		kind := "member"
		if u.Type {
			kind = "type"
		}
		report.strict(u.Pointer, "undefined-"+kind, fmt.Sprintf("no context defines the %s %q", kind, u.Name))
	}
	if err == nil {
		cmd.shapes(report, set, cred)
	}

	// 3. Lists, and what a reader must be told.
	for _, v := range contexts.Vocabulary(cred.Tree) {
		report.Vocabularies = append(report.Vocabularies, lintVocabulary{v.Pointer, v.Rule, v.ID, v.Scheme, v.Closed, v.Message})
	}
	answers := elm.Completeness(cred)
	report.Annex = lintAnnex{Present: answers.Present, Reasoned: answers.Reasoned, Missing: answers.Missing, Unstated: answers.Unstated, Places: map[string]lintPlace{}}
	labels := map[string]string{}
	for _, section := range elm.Supplement(cred, "en") {
		for _, e := range section.Elements {
			labels[e.ID] = e.Label
		}
	}
	for _, id := range slices.Concat(answers.Missing, answers.Unstated) {
		report.Annex.Places[id] = lintPlace{cmp.Or(labels[id], elm.Label(annexTopics[id], "en")), annexPlaces[id]}
	}
}

func (cmd *lintCmd) shapes(report *lintReport, set *contexts.Set, cred *elm.Credential) {
	names := append([]string{cmd.Profile}, contexts.DeclaredProfiles(cred.Tree)...)
	for _, name := range append(names, "generic-full") {
		shapes, err := contexts.ProfileShapes(name, contexts.ShapesVersion)
		if err != nil {
			if name != "" && name != cmd.Profile && strings.Contains(name, "/ap/") {
				report.strict("/credentialSchema", "profile-unknown", fmt.Sprintf("declares the application profile %q, which is not known here", name))
			}
			continue // none asked for, or one that nobody here knows
		}
		violations, err := set.Validate(cred.Tree, shapes)
		if err != nil {
			report.strict("", "contexts", err.Error()) // unreachable: Inspect refuses the same
			return
		}
		// The shapes are written for VCDM 1.1; what no document of VCDM 2.0 can meet
		// is not held against one, nor that it may have several status entries.
		violations = slices.DeleteFunc(violations, func(v contexts.Violation) bool {
			return v.Unmeetable || cred.Profile == elm.VC2 && v.Term == "credentialStatus"
		})
		report.Shapes = lintShapes{Profile: shapes.Name(), Conforms: len(violations) == 0, Results: len(violations)}
		for _, v := range violations {
			report.Shapes.Violations = append(report.Shapes.Violations, lintViolation{v.Pointer, v.Rule, v.Path, v.Term, v.Focus, v.Component, v.Value, v.Expected, v.Found, v.Message})
		}
		return
	}
}

// problem adds a problem of a course.
func (r *lintReport) problem(p issuer.Problem) {
	detail := p.Want
	if p.Value != "" {
		detail = fmt.Sprintf("%q %s", p.Value, p.Want)
	}
	if p.Warn {
		detail += " (warning)"
	}
	r.strict(p.Field, p.Rule, detail)
}

func (r *lintReport) strict(pointer, rule, detail string) {
	r.Strict = append(r.Strict, lintProblem{pointer, rule, detail})
}

// annexTopics are the topics of the notes in which what may be unstated stands.
var annexTopics = map[string]string{
	"provider": elm.TopicProvider, "award-status": elm.TopicAwardStatus, "award-kind": elm.TopicAwardKind, "rpl": elm.TopicPriorLearning,
}

// annexPlaces say where a mandatory element would go: in the credential, and in
// a course or class list.
var annexPlaces = map[string]string{
	"M1":          "/credentialSubject/fullName; given_name and family_name in the class list",
	"M2":          "/credentialSubject/hasClaim/title; /title in the course",
	"M3":          "/issuer/location/address/countryCode; country in the institution's facts",
	"M4":          "/credentialSubject/hasClaim/awardedBy/awardingBody; legal_name in the institution's facts, or /awarding_body in the course",
	"M5":          "/credentialSubject/hasClaim/awardedBy/awardingDate; awarding_date in the class list",
	"M6":          "/credentialSubject/hasClaim/specifiedBy/learningOutcome; /outcomes in the course",
	"M7":          "/credentialSubject/hasClaim/specifiedBy/creditPoint and volumeOfLearning; /credits and /hours in the course",
	"M8":          "/credentialSubject/hasClaim/specifiedBy/eqfLevel or nqfLevel; /level, or /level_reason, in the course",
	"M9":          "/credentialSubject/hasClaim/provenBy/specifiedBy/dcType; /assessment in the course",
	"M10":         "/credentialSubject/hasClaim/specifiedBy/mode; /mode in the course",
	"M11":         "/credentialSubject/hasClaim/specifiedBy/accreditation; /quality_assurance in the course",
	"legal-basis": "a note on /credentialSubject/hasClaim/awardedBy/additionalNote with the subject " + elm.TopicLegalBasis + "; /legal_basis, or /legal_basis_reason, in the course",
	"confirm":     "/identifier, or a supplementaryDocument of the achievement; made when issuing",

	"provider":     awardNote + elm.TopicProvider + "; provider in the institution's facts or /provider in the course",
	"award-status": awardNote + elm.TopicAwardStatus + "; /award_status in the course",
	"award-kind":   awardNote + elm.TopicAwardKind + "; /award_kind in the course",
	"rpl":          awardNote + elm.TopicPriorLearning + "; rpl in the class list",
}

const awardNote = "a note on /credentialSubject/hasClaim/awardedBy/additionalNote with a code of "

func (r *lintReport) print(w io.Writer) {
	verdict := map[bool]string{true: "ok", false: "FAILED"}
	fmt.Fprintf(w, "shapes        %s", verdict[r.Shapes.Conforms])
	if r.Shapes.Profile != "" {
		fmt.Fprintf(w, ", %s, %d results", r.Shapes.Profile, r.Shapes.Results)
	}
	fmt.Fprintln(w)
	for _, v := range r.Shapes.Violations {
		fmt.Fprintf(w, "  %s: %s\n", elm.Clean(v.Pointer), elm.Clean(v.Message))
	}
	fmt.Fprintf(w, "strict        %d\n", len(r.Strict))
	for _, p := range r.Strict {
		fmt.Fprintf(w, "  %s\n", strings.TrimPrefix(elm.Clean(p.Pointer+": "+p.Detail), ": "))
	}
	fmt.Fprintf(w, "vocabularies  %d\n", len(r.Vocabularies))
	for _, v := range r.Vocabularies {
		kind := "warning"
		if v.Closed {
			kind = "FAILED"
		}
		fmt.Fprintf(w, "  %s: %s: %s\n", kind, elm.Clean(v.Pointer), elm.Clean(v.Message))
	}
	fmt.Fprintf(w, "annex         %s: %d present, %d answered by a reason, %d missing, %d not stated\n", verdict[len(r.Annex.Missing) == 0],
		len(r.Annex.Present), len(r.Annex.Reasoned), len(r.Annex.Missing), len(r.Annex.Unstated))
	for _, id := range slices.Concat(r.Annex.Missing, r.Annex.Unstated) {
		fmt.Fprintf(w, "  %s %s: goes to %s\n", id, r.Annex.Places[id].Label, r.Annex.Places[id].Place)
	}
}

func looksLikeObject(raw []byte) bool { return jsontext.Value(raw).Kind() == '{' }

// looksLikeCourse tells a course file from a credential by what only one of
// them has.
func looksLikeCourse(raw []byte) bool {
	var members map[string]jsontext.Value
	if json.Unmarshal(raw, &members) != nil {
		return false
	}
	_, outcomes := members["outcomes"]
	_, award := members["award_status"]
	_, subject := members["credentialSubject"]
	return (outcomes || award) && !subject
}

// unwrapped takes a credential out of the form in which it is uploaded to the
// EU's issuer, {"credential": ...}, and gives one without contexts those of a
// European Digital Credential.
func unwrapped(payload []byte) []byte {
	var members map[string]jsontext.Value
	if json.Unmarshal(payload, &members) != nil {
		return payload
	}
	if inner, ok := members["credential"]; ok && inner.Kind() == '{' && members["credentialSubject"] == nil {
		return unwrapped(inner)
	}
	if members["@context"] != nil || members["credentialSubject"] == nil {
		return payload
	}
	list, err := json.Marshal([]string{contexts.VC1, contexts.EDCAP})
	if err != nil {
		return payload // unreachable
	}
	members["@context"] = list
	whole, err := json.Marshal(members)
	if err != nil {
		return payload // unreachable
	}
	return whole
}
