package elm

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"indeks/contexts"
)

// What a credential says of itself when it was built in memory and does not
// say otherwise.
var (
	ownTypes  = List[string]{"VerifiableCredential", "EuropeanDigitalCredential"}
	ownSchema = List[CredentialSchema]{{Ref: Ref{ID: "http://data.europa.eu/snb/model/ap/edc-generic-full", Type: List[string]{"ShaclValidator2017"}}}}
)

// Encode writes the credential in profile EDC or VC2. The result is
// deterministic for equal content.
//
// EDC carries everything. VC2 is what a printed QR code can reach: it leaves
// out the learner's date of birth, identifiers, contact points, addresses and
// citizenship, and whatever the model does not know about the learner; it
// writes Issuer.DID as the issuer's id, wherever that organisation occurs, and
// binds ELMContext by relatedResource.
//
// A credential that was parsed keeps its contexts, dates and types when it is
// written in its own profile; otherwise the contexts are those of the profile.
// In EDC a built credential gets issued and expirationDate from issuanceDate
// and validUntil, and the other way round.
func (c *Credential) Encode(p Profile) ([]byte, error) {
	if p != EDC && p != VC2 {
		return nil, fmt.Errorf("encoding: profile %q is read only", p)
	}
	subject := c.Subject
	if p == VC2 {
		subject = reachable(subject)
	}
	return c.encode(p, subject)
}

// EncodeWhole is Encode in profile VC2 with everything that the credential says of
// the learner: for a form in which the learner chooses what of it anybody sees.
func (c *Credential) EncodeWhole() ([]byte, error) { return c.encode(VC2, c.Subject) }

func (c *Credential) encode(p Profile, subject List[Person]) ([]byte, error) {
	d := *c
	if c.Profile != p {
		if err := d.turnInto(p); err != nil {
			return nil, fmt.Errorf("encoding %s: %w", p, err)
		}
	}
	var out bytes.Buffer
	w := writer{enc: jsontext.NewEncoder(&out), from: c.Profile, to: p}
	if d.Subject = subject; p == VC2 {
		w.issuerID, w.issuerDID = c.Issuer.ID, c.Issuer.DID
	}
	if err := w.value(reflect.ValueOf(&d).Elem()); err != nil {
		return nil, fmt.Errorf("encoding %s: %w", p, err)
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n")), nil
}

// turnInto rewrites the members by which the profiles differ. It replaces
// lists and never changes their elements, which belong to the original.
func (c *Credential) turnInto(p Profile) error {
	if len(c.Type) == 0 {
		c.Type = ownTypes
	}
	if len(c.CredentialSchema) == 0 {
		c.CredentialSchema = ownSchema
	}
	entries := List[StatusEntry](c.StatusEntries())
	c.Status, c.CredentialStatus = nil, nil
	if p == EDC {
		c.Context = List[any]{contexts.VC1, contexts.EDCAP}
		if len(entries) > 0 {
			c.Context = append(c.Context, contexts.StatusV1)
		}
		c.Status = entries
		c.RelatedResource = nil
		c.IssuanceDate, c.Issued = either(c.IssuanceDate, c.Issued), either(c.Issued, c.IssuanceDate)
		c.ValidUntil, c.ExpirationDate = either(c.ValidUntil, c.ExpirationDate), either(c.ExpirationDate, c.ValidUntil)
		return nil
	}
	if c.ELMContext == "" {
		return fmt.Errorf("no URL of the ELM context")
	}
	c.Context = List[any]{contexts.VC2, c.ELMContext}
	c.CredentialStatus = entries
	c.ValidUntil = either(c.ValidUntil, c.ExpirationDate)
	c.IssuanceDate, c.Issued, c.ExpirationDate = "", "", ""
	bound := List[RelatedResource]{{ID: c.ELMContext, DigestSRI: contexts.ELMDigestSRI(), MediaType: "application/ld+json"}}
	for _, resource := range c.RelatedResource {
		if resource.ID != c.ELMContext {
			bound = append(bound, resource)
		}
	}
	c.RelatedResource = bound
	return nil
}

// reachable is what everybody may learn of a learner who reaches the
// credential by a printed code. It names what stays, so that a member added to
// Person is left out until somebody decides otherwise.
func reachable(learners List[Person]) List[Person] {
	kept := make(List[Person], len(learners))
	for i, p := range learners {
		kept[i] = Person{Ref: p.Ref, FullName: p.FullName, GivenName: p.GivenName, FamilyName: p.FamilyName, HasClaim: p.HasClaim}
	}
	return kept
}

func either(a, b DateTime) DateTime {
	if a == "" {
		return b
	}
	return a
}

// writer writes the model as JSON of one profile.
type writer struct {
	enc                 *jsontext.Encoder
	from, to            Profile // profile that Extra came from, profile to write
	issuerID, issuerDID string
}

func (w *writer) value(v reflect.Value) error {
	if v.Type() == textType {
		return w.text(v.Interface().(Text))
	}
	switch v.Kind() {
	case reflect.Pointer:
		return w.value(v.Elem())
	case reflect.Interface:
		return w.tree(v.Interface())
	case reflect.Slice:
		if v.Len() == 1 {
			return w.value(v.Index(0))
		}
		return w.array(v)
	case reflect.Struct:
		return w.object(v)
	case reflect.String:
		return w.enc.WriteToken(jsontext.String(v.String()))
	case reflect.Bool:
		return w.enc.WriteToken(jsontext.Bool(v.Bool()))
	default: // int
		return w.enc.WriteToken(jsontext.Int(v.Int()))
	}
}

func (w *writer) array(v reflect.Value) error {
	if err := w.enc.WriteToken(jsontext.BeginArray); err != nil {
		return err
	}
	for i := range v.Len() {
		if err := w.value(v.Index(i)); err != nil {
			return err
		}
	}
	return w.enc.WriteToken(jsontext.EndArray)
}

func (w *writer) object(v reflect.Value) error {
	s := shapeOf(v.Type())
	if id := s.onlyID(v); id != "" {
		return w.enc.WriteToken(jsontext.String(w.id(id)))
	}
	if err := w.enc.WriteToken(jsontext.BeginObject); err != nil {
		return err
	}
	written := make(map[string]bool)
	for i := range s.members {
		m := &s.members[i]
		field := v.FieldByIndex(m.index)
		if field.IsZero() || field.Kind() == reflect.Slice && field.Len() == 0 {
			continue
		}
		name := m.name
		if w.to == VC2 && name == "description" {
			name = "elmDescription"
		}
		written[name] = true
		if err := w.enc.WriteToken(jsontext.String(name)); err != nil {
			return err
		}
		var err error
		switch {
		case name == "id":
			err = w.enc.WriteToken(jsontext.String(w.id(field.String())))
		case m.array:
			err = w.array(field)
		default:
			err = w.value(field)
		}
		if err != nil {
			return err
		}
	}
	if err := w.members(v.FieldByIndex(s.extra).Interface().(Extra), written); err != nil {
		return err
	}
	return w.enc.WriteToken(jsontext.EndObject)
}

// id returns the id of a node as this profile writes it. RDF merges nodes by
// id, so the issuer's is changed wherever it occurs.
func (w *writer) id(id string) string {
	if id == w.issuerID && w.issuerDID != "" {
		return w.issuerDID
	}
	return id
}

// onlyID returns the id of an object of which nothing else is known, or "".
// Such an object is written as a bare reference, as it was read.
func (s *shape) onlyID(v reflect.Value) string {
	if s.id == nil || v.FieldByIndex(s.extra).Len() > 0 {
		return ""
	}
	for i := range s.members {
		if m := &s.members[i]; m.name != "id" && !v.FieldByIndex(m.index).IsZero() {
			return ""
		}
	}
	return v.FieldByIndex(s.id).String()
}

// text writes a language map, or the bare value of a text without language.
func (w *writer) text(text Text) error {
	if len(text) == 1 && text[0].Tag == "" {
		return w.value(reflect.ValueOf(text[0].Values))
	}
	if err := w.enc.WriteToken(jsontext.BeginObject); err != nil {
		return err
	}
	for _, one := range text.sorted() {
		language := one.Tag
		if language == "" {
			if text.has("@none") {
				continue
			}
			language = "@none"
		}
		if err := w.enc.WriteToken(jsontext.String(language)); err != nil {
			return err
		}
		if err := w.value(reflect.ValueOf(one.Values)); err != nil {
			return err
		}
	}
	return w.enc.WriteToken(jsontext.EndObject)
}

// members writes what the model does not know, sorted by name, without the
// names that were written already.
func (w *writer) members(members Extra, written map[string]bool) error {
	originals := make(map[string]string, len(members)) // by the name to write
	for _, original := range slices.Sorted(maps.Keys(members)) {
		name := original
		if w.from != w.to {
			switch {
			case w.to == VC2 && name == "description":
				name = "elmDescription"
			case w.to == EDC && w.from == VC2 && name == "elmDescription":
				name = "description"
			}
		}
		if _, ok := originals[name]; !ok && !written[name] {
			originals[name] = original
		}
	}
	for _, name := range slices.Sorted(maps.Keys(originals)) {
		value := members[originals[name]]
		if err := w.enc.WriteToken(jsontext.String(name)); err != nil {
			return err
		}
		if id, ok := value.(string); ok && name == "id" {
			value = w.id(id)
		}
		if err := w.tree(value); err != nil {
			return err
		}
	}
	return nil
}

// tree writes a value as ParseJSON left it, or any other Go value.
func (w *writer) tree(value any) error {
	switch value := value.(type) {
	case map[string]any:
		if err := w.enc.WriteToken(jsontext.BeginObject); err != nil {
			return err
		}
		if err := w.members(value, nil); err != nil {
			return err
		}
		return w.enc.WriteToken(jsontext.EndObject)
	case []any:
		return w.array(reflect.ValueOf(value))
	case json.Number:
		return w.enc.WriteValue(jsontext.Value(value))
	case nil:
		return w.enc.WriteToken(jsontext.Null)
	default:
		return jsonv2.MarshalEncode(w.enc, value, jsonv2.Deterministic(true))
	}
}
