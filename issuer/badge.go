package issuer

import (
	"fmt"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"indeks/contexts"
	"indeks/elm"
)

// OpenBadge is in records the award as an Open Badge 3.0.
const OpenBadge elm.Profile = "ob3"

// badge is an Open Badge 3.0 with the claims of a JWT beside its members (Open
// Badges 3.0 section 8.2). Its order is that in which it is sealed.
type badge struct {
	Context     []string            `json:"@context"`
	ID          string              `json:"id"`
	Type        []string            `json:"type"`
	Name        string              `json:"name"`
	Issuer      badgeProfile        `json:"issuer"`
	ValidFrom   elm.DateTime        `json:"validFrom"`
	ValidUntil  elm.DateTime        `json:"validUntil,omitempty"`
	AwardedDate elm.DateTime        `json:"awardedDate,omitempty"`
	Subject     badgeSubject        `json:"credentialSubject"`
	Status      []map[string]string `json:"credentialStatus,omitempty"`

	Iss string `json:"iss"`
	Jti string `json:"jti"`
	Sub string `json:"sub"`
	Nbf int64  `json:"nbf"`
	Exp int64  `json:"exp,omitzero"`
}

type badgeProfile struct {
	ID   string   `json:"id"`
	Type []string `json:"type"`
	Name string   `json:"name"`
	URL  string   `json:"url,omitempty"`
}

type badgeSubject struct {
	ID          string           `json:"id"`
	Type        []string         `json:"type"`
	Identifier  []badgeIdentity  `json:"identifier"`
	Credits     jsontext.Value   `json:"creditsEarned,omitempty"`
	Result      []badgeResult    `json:"result,omitempty"`
	Achievement badgeAchievement `json:"achievement"`
}

type badgeIdentity struct {
	Type         string `json:"type"`
	IdentityHash string `json:"identityHash"`
	IdentityType string `json:"identityType"`
	Hashed       bool   `json:"hashed"`
}

type badgeResult struct {
	Type  []string `json:"type"`
	Value string   `json:"value"`
}

type badgeAchievement struct {
	ID              string           `json:"id"`
	Type            []string         `json:"type"`
	AchievementType string           `json:"achievementType"`
	Name            string           `json:"name"`
	Description     string           `json:"description"`
	Criteria        badgeCriteria    `json:"criteria"`
	Credits         jsontext.Value   `json:"creditsAvailable,omitempty"`
	Alignment       []badgeAlignment `json:"alignment,omitempty"`
}

type badgeCriteria struct {
	ID        string `json:"id,omitempty"`
	Narrative string `json:"narrative"`
}

type badgeAlignment struct {
	Type            []string `json:"type"`
	TargetName      string   `json:"targetName"`
	TargetURL       string   `json:"targetUrl"`
	TargetFramework string   `json:"targetFramework,omitempty"`
}

// badge writes the Open Badge of a credential that was built: the same id, places
// in the status lists and facts, as far as a badge has room for them, in the
// language of the document. Like the printed code's form it has the learner's
// name, and neither birth date nor number.
func (inst *Institution) badge(cred *elm.Credential, d *Draft, x drawn) ([]byte, error) {
	say := func(t elm.Text) string {
		for _, tag := range append([]string{d.Language}, append(inst.Languages, "en")...) {
			if texts := t.Get(tag); tag != "" && len(texts) > 0 {
				return texts[0]
			}
		}
		for _, tag := range sortedTags(t) {
			return t.Get(tag)[0]
		}
		return ""
	}
	learner := &cred.Subject[0]
	award := &learner.HasClaim[0]
	spec := award.SpecifiedBy

	// 1. What was achieved.
	a := badgeAchievement{
		ID: x.ID + "#achievement", Type: []string{"Achievement"}, AchievementType: "MicroCredential",
		Name: say(award.Title), Description: say(award.Description),
	}
	if x.Page != "" {
		a.ID, a.Criteria.ID = x.Page, x.Page
	}
	if a.Description == "" {
		a.Description = a.Name // a badge must have one
	}
	var criteria []string
	for i := range spec.LearningOutcome {
		o := &spec.LearningOutcome[i]
		criteria = append(criteria, "* "+say(o.Title))
		for _, skill := range o.RelatedESCOSkill {
			a.Alignment = append(a.Alignment, badgeAlignment{[]string{"Alignment"}, say(skill.PrefLabel), skill.ID, "ESCO"})
		}
	}
	for i := range award.ProvenBy {
		criteria = append(criteria, "* "+say(award.ProvenBy[i].Title))
	}
	a.Criteria.Narrative = strings.Join(criteria, "\n")
	if level := spec.EQFLevel; level != nil {
		a.Alignment = append(a.Alignment, badgeAlignment{[]string{"Alignment"}, say(level.PrefLabel), level.ID, "European Qualifications Framework"})
	}

	// 2. To whom. Credits have no system in a badge, so only ECTS is written.
	s := badgeSubject{
		ID: x.ID + "#learner", Type: []string{"AchievementSubject"},
		Identifier: []badgeIdentity{{Type: "IdentityObject", IdentityHash: d.GivenName + " " + d.FamilyName, IdentityType: "name"}},
	}
	for _, p := range award.CreditReceived {
		if raw := jsontext.Value(p.Point); p.Framework != nil && p.Framework.ID == creditFrameworks["ECTS"] && raw.Kind() == '0' && raw.IsValid() {
			s.Credits, a.Credits = raw, raw
		}
	}
	if d.Grade != "" {
		s.Result = []badgeResult{{[]string{"Result"}, d.Grade}}
	}
	s.Achievement = a

	// 3. By whom, and for how long; the claims say the same.
	b := badge{
		Context: []string{contexts.VC2, contexts.OB303}, ID: x.ID, Type: []string{"VerifiableCredential", "OpenBadgeCredential"}, Name: a.Name,
		Issuer:    badgeProfile{ID: inst.DID, Type: []string{"Profile"}, Name: say(cred.Issuer.LegalName), URL: inst.Homepage},
		ValidFrom: elm.At(x.At), Subject: s,
		Iss: inst.DID, Jti: x.ID, Sub: s.ID, Nbf: x.At.Unix(),
	}
	if award.AwardedBy != nil {
		b.AwardedDate = award.AwardedBy.AwardingDate
	}
	if end := d.validUntil(x.At); !end.IsZero() {
		b.ValidUntil, b.Exp = elm.At(end), end.Unix()
	}
	b.Status = badgeStatus(cred.CredentialStatus)
	raw, err := json.Marshal(b, json.Deterministic(true))
	if err != nil {
		return nil, fmt.Errorf("writing the Open Badge: %w", err)
	}
	return raw, checkBadge(raw)
}

func badgeStatus(entries elm.List[elm.StatusEntry]) (status []map[string]string) {
	for _, e := range entries {
		status = append(status, map[string]string{
			"id": e.ID, "type": e.Type[0], "statusPurpose": e.StatusPurpose,
			"statusListIndex": e.StatusListIndex, "statusListCredential": e.StatusListCredential,
		})
	}
	return status
}

// checkBadge reads an Open Badge as a verifier would.
func checkBadge(raw []byte) error {
	read, err := elm.ParseJWT(raw)
	if err == nil {
		err = read.Validate()
	}
	if err != nil {
		return fmt.Errorf("%w: reading the Open Badge back: %w", ErrRefused, err)
	}
	undefined, err := contexts.Default().Inspect(read.Tree)
	if err != nil {
		return fmt.Errorf("%w: checking the contexts of the Open Badge: %w", ErrRefused, err)
	}
	if len(undefined) > 0 {
		return fmt.Errorf("%w: the Open Badge has the undefined term %q at %s", ErrRefused, undefined[0].Name, undefined[0].Pointer)
	}
	return nil
}

func sortedTags(t elm.Text) []string {
	words := make(Words, len(t))
	for _, one := range t {
		if len(one.Values) > 0 {
			words[one.Tag] = one.Values[0]
		}
	}
	return sortedLanguages(words)
}
