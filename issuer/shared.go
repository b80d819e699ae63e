package issuer

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"indeks/contexts"
	"indeks/elm"
	"indeks/keys"
	"indeks/store"
	"indeks/verifier"
)

// Part is something of an award that the learner shows or keeps back. What the
// award is, by whom and when it was given, and its places in the status lists are
// always shown.
type Part string

const (
	PartName     Part = "name"     // with the certificate number and the address of the printed code, which lead to it
	PartBirth    Part = "birth"    // date, place, citizenship
	PartGrade    Part = "grade"    // and where it stands among others
	PartOutcomes Part = "outcomes" // learning outcomes

	partNever Part = "" // numbers of the learner, addresses, and the picture with the printed code
)

// Parts are all that can be chosen, in the order of a form.
func Parts() []Part { return []Part{PartName, PartOutcomes, PartGrade, PartBirth} }

// sharedType is the vct of what is shared (SD-JWT VC section 3.2.2.1).
const sharedType = "urn:indeks:micro-credential:1"

// Shared seals an award anew, in a form in which the learner keeps back all parts
// but those given: what is not shown is in it as a salted digest alone. Its places
// in the status lists are those of the award, so that it is withdrawn with it.
// store.ErrState for an award that is not issued or on hold.
func (i *Issuer) Shared(ctx context.Context, r store.Record, show []Part) ([]byte, error) {
	doing := func(err error) error { return fmt.Errorf("sealing a part of %s: %w", r.ID, err) }
	if r.State != store.Issued && r.State != store.Suspended {
		return nil, doing(store.ErrState)
	}
	// 1. What was sealed, with all that it says of the learner, as vc2 has it.
	cred, err := elm.Parse(r.Forms[string(elm.EDC)].Payload)
	if err != nil {
		return nil, doing(err)
	}
	cred.ELMContext, cred.Issuer.DID = i.inst.PublicBase+contexts.ELMPath, i.inst.DID
	raw, err := cred.EncodeWhole()
	if err != nil {
		return nil, doing(err)
	}
	payload, places, err := disclosable(raw, i.inst.DID)
	if err != nil {
		return nil, doing(err)
	}

	// 2. Sealed with the key of today: that of the award may be out of use.
	at := i.clock()
	if err := i.checkClock(ctx, at, i.jump); err != nil {
		return nil, doing(err)
	}
	sealer, err := i.ring.Sealer()
	if err != nil {
		return nil, doing(err)
	}
	token, err := i.signed(func() ([]byte, error) {
		return sealer.SealDisclosable(payload, slices.Sorted(maps.Keys(places)), at)
	})
	if err != nil {
		return nil, doing(err)
	}
	token, err = keys.Present(token, func(pointer string) bool { return slices.Contains(show, places[pointer]) })
	if err != nil {
		return nil, doing(err)
	}

	// 3. Read by the verifier that everybody uses.
	own, _, err := i.verifiers()
	if err != nil {
		return nil, doing(err)
	}
	report := own.Verify(ctx, token)
	for _, c := range report.Checks {
		if c.Result != verifier.Passed && slices.Contains([]string{verifier.CheckFormat, verifier.CheckSeal, verifier.CheckIssuer}, c.Name) {
			said := c.Message.String()
			for _, remark := range c.Remarks {
				said += " " + remark.String()
			}
			return nil, doing(fmt.Errorf("%w: %s: %s", ErrRefused, c.Name, said))
		}
	}
	if report.ID != r.ID {
		return nil, doing(fmt.Errorf("%w: it is another credential", ErrRefused)) // unreachable: the id is always shown
	}
	return token, nil
}

// disclosable adds to a credential what a token with selective disclosure says
// beside it, and returns which places are of which part.
func disclosable(raw []byte, did string) (payload []byte, places map[string]Part, err error) {
	var doc map[string]any
	if err := json.Unmarshal(raw, &doc); err != nil {
		return nil, nil, err
	}
	places = map[string]Part{}
	findParts(places, doc, "", "")
	claims, err := json.Marshal(struct {
		Iss string `json:"iss"`
		VCT string `json:"vct"`
	}{did, sharedType})
	if err != nil {
		return nil, nil, err
	}
	// As one object, with the numbers as they are.
	payload = append(append(claims[:len(claims)-1:len(claims)-1], ','), raw[1:]...)
	return payload, places, nil
}

// findParts adds the places below at that are of a part; kind is at without indexes
// of arrays. What is within one of a part is not looked at.
func findParts(places map[string]Part, value any, at jsontext.Pointer, kind string) {
	switch value := value.(type) {
	case map[string]any:
		for name, inner := range value {
			place, kind := at.AppendToken(name), kind+"/"+name
			if part, ok := partOf(kind); ok {
				places[string(place)] = part
				continue
			}
			findParts(places, inner, place, kind)
		}
	case []any:
		for n, inner := range value {
			findParts(places, inner, at.AppendToken(fmt.Sprint(n)), kind)
		}
	}
}

// partOf is the part that a member of a credential is of. Of the learner's own
// members all are of one, so that one that is added is kept back until somebody
// decides otherwise.
func partOf(kind string) (Part, bool) {
	name := kind[strings.LastIndexByte(kind, '/')+1:]
	switch kind {
	case "/displayParameter/individualDisplay":
		return partNever, true
	case "/identifier", "/credentialSubject/hasClaim/supplementaryDocument", "/credentialSubject/hasClaim/identifier":
		return PartName, true
	}
	if rest, ok := strings.CutPrefix(kind, "/credentialSubject/"); ok && !strings.Contains(rest, "/") {
		switch name {
		case "id", "type", "hasClaim":
			return "", false
		case "fullName", "givenName", "familyName":
			return PartName, true
		case "dateOfBirth", "placeOfBirth", "citizenshipCountry":
			return PartBirth, true
		}
		return partNever, true
	}
	if strings.HasPrefix(kind, "/credentialSubject/hasClaim/") {
		switch name {
		case "grade", "gradeStatus", "shortenedGrading", "resultDistribution":
			return PartGrade, true
		case "learningOutcome", "learningOutcomeSummary":
			return PartOutcomes, true
		}
	}
	return "", false
}
