package issuer

import (
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"golang.org/x/text/language"

	"indeks/contexts"
	"indeks/elm"
)

// LearningOpportunity is the offer as linked data in the terms of the European
// Learning Model: an elm:LearningOpportunity whose
// learningAchievementSpecification is the qualification that a credential
// awarded under it specifies, element for element.
func (o *Offer) LearningOpportunity() ([]byte, error) {
	// 1. What the credential says, without whom it says it of. Ids of things
	// inside a document are counted in each anew; here they are those of the page.
	achievement, _ := dig(o.content.template.Tree.Any(), "credentialSubject", "hasClaim").(map[string]any)
	spec, _ := rename(achievement["specifiedBy"], o.Page).(map[string]any)
	process, _ := rename(achievement["awardedBy"], o.Page).(map[string]any)

	// 2. What is offered. Notes on the award are notes on the offer, but for
	// prior learning, which is a fact of each award.
	doc := map[string]any{
		"@context":                         []any{contexts.VC1, contexts.EDCAP}, // the second alone defines neither id nor type
		"id":                               o.Page,
		"type":                             "LearningOpportunity",
		"identifier":                       map[string]any{"id": o.Page + "#version", "type": "Identifier", "schemeName": "Version", "notation": o.Version},
		"providedBy":                       process["awardingBody"],
		"learningAchievementSpecification": spec,
	}
	for _, member := range []string{"title", "description", "dcType", "mode", "homepage"} {
		if value, ok := spec[member]; ok {
			doc[member] = value
		}
	}
	var notes []any
	for _, n := range list(process["additionalNote"]) {
		if id, _ := dig(n, "subject", "id").(string); !strings.HasPrefix(id, elm.TopicPriorLearning+":") {
			notes = append(notes, n)
		}
	}
	doc["additionalNote"] = notes
	if o.From != "" || o.Until != "" {
		period := map[string]any{"id": o.Page + "#period", "type": "PeriodOfTime"}
		for member, date := range map[string]string{"startDate": o.From, "endDate": o.Until} {
			if date != "" {
				period[member] = string(day(date))
			}
		}
		doc["temporal"] = period
	}
	return json.Marshal(doc, json.Deterministic(true), jsontext.Multiline(true))
}

// dig follows members of a JSON tree, into the first element of each list.
func dig(v any, path ...string) any {
	for _, name := range path {
		v = firstOf(v)
		m, _ := v.(map[string]any)
		v = m[name]
	}
	return firstOf(v)
}

func firstOf(v any) any {
	if l := list(v); len(l) > 0 {
		return l[0]
	}
	return nil
}

// list is a member of JSON-LD, which is a list or its only element.
func list(v any) []any {
	switch v := v.(type) {
	case nil:
		return nil
	case []any:
		return v
	default:
		return []any{v}
	}
}

// rename copies a tree with the ids of a document turned into those of a page.
func rename(v any, page string) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for name, member := range v {
			out[name] = rename(member, page)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, element := range v {
			out[i] = rename(element, page)
		}
		return out
	case string:
		if id, ok := strings.CutPrefix(v, "urn:epass:"); ok {
			return page + "#" + id
		}
		return v
	}
	return v
}

// SchemaOrg is the offer as a schema.org Course, for search engines.
func (o *Offer) SchemaOrg(inst Institution) ([]byte, error) {
	c := o.Content
	body, homepage := Words(inst.LegalName), inst.Homepage
	if c.AwardingBody != nil {
		body, homepage = c.AwardingBody.LegalName, c.AwardingBody.Homepage
	}
	provider := map[string]any{"@type": "EducationalOrganization", "name": tagged(body)}
	if homepage != "" {
		provider["url"] = homepage
	}
	doc := map[string]any{
		"@context":     "https://schema.org",
		"@type":        "Course",
		"@id":          o.Page,
		"url":          o.Page,
		"name":         tagged(c.Title),
		"courseCode":   c.ID,
		"version":      c.Version,
		"provider":     provider,
		"timeRequired": duration(c.Hours),
		"dateModified": o.Since.Format(time.RFC3339),
		"educationalCredentialAwarded": map[string]any{
			"@type": "EducationalOccupationalCredential", "credentialCategory": "micro-credential", "name": tagged(c.Title)},
	}
	instance := map[string]any{"@type": "CourseInstance", "courseMode": c.Mode, "courseWorkload": duration(c.Hours)}
	if o.From != "" {
		instance["startDate"] = o.From
	}
	if o.Until != "" {
		instance["endDate"] = o.Until
	}
	doc["hasCourseInstance"] = instance
	if len(c.Description) > 0 {
		doc["description"] = tagged(c.Description)
	}
	if len(c.Prerequisites) > 0 {
		doc["coursePrerequisites"] = tagged(c.Prerequisites)
	}
	var teaches, credits, spoken []any
	for _, outcome := range c.Outcomes {
		teaches = append(teaches, tagged(outcome.Title)...)
	}
	doc["teaches"] = teaches
	for _, p := range c.Credits {
		credits = append(credits, map[string]any{"@type": "StructuredValue", "name": p.System, "value": p.Points})
	}
	if len(credits) > 0 {
		doc["numberOfCredits"] = credits
	}
	for _, code := range c.Languages {
		if tag, err := language.Parse(strings.ToLower(code)); err == nil {
			spoken = append(spoken, tag.String())
		}
	}
	doc["inLanguage"] = spoken
	if c.Level != nil {
		level := strconv.Itoa(c.Level.EQF)
		doc["educationalLevel"] = map[string]any{"@type": "DefinedTerm", "name": "EQF " + level, "termCode": level, "inDefinedTermSet": eqfLevels + "25831c2"}
	}
	return json.Marshal(doc, json.Deterministic(true), jsontext.Multiline(true))
}

// tagged are words as values of JSON-LD with their languages.
func tagged(w Words) []any {
	var values []any
	for _, tag := range sortedLanguages(w) {
		values = append(values, map[string]any{"@language": tag, "@value": w[tag]})
	}
	return values
}
