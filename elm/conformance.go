package elm

import (
	"errors"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"indeks/contexts"
	"indeks/strictjson"
)

// conforming reads what VCDM 2.0 lets documents say; see [contexts.Set.Open].
var conforming = sync.OnceValue(func() *contexts.Set { return contexts.Default().Open() })

// Conform reads a credential and holds it to VCDM 2.0 and nothing else: strict
// JSON, contexts in order and without conflict, every term and type mapped, every
// rule of the data model. Contexts that the document writes itself and @vocab
// may stand in it, so that it conforms says nothing of what it means. Whether it
// is sealed is not looked at.
//
// The error is a [*FormatError] of what cannot be read, or a [*ValidationError],
// whose rules are those of [Credential.Validate] and of contexts.Problem, and
// "term" for a name that no context defines.
func Conform(raw []byte) (*Credential, error) {
	c, err := Parse(raw)
	if err != nil {
		return nil, err
	}
	v := validation{c: c, root: &c.Tree}
	v.inspect()
	v.credential(nil, &c.Tree)
	return c, v.err()
}

// ConformPresentation is Conform for a presentation and all credentials in it
// (VCDM 2.0 section 4.13). It returns the parsed document.
func ConformPresentation(raw []byte) (map[string]any, error) {
	tree, err := parseTree(raw)
	if err != nil {
		return nil, err
	}
	if tree.Kind() != strictjson.Object {
		return nil, &FormatError{Rule: "vc-object", Detail: "a presentation is a JSON object"}
	}
	root := &tree
	v := validation{root: root}
	v.inspect()

	// 1. The presentation itself.
	v.version()
	v.base(nil, root)
	types, _ := stringsFrom(root.Get("type"))
	if !slices.Contains(types, "VerifiablePresentation") {
		v.report(top("type"), "vc-type", "type VerifiablePresentation is missing")
	}
	if id := root.Get("id"); id.Kind() != strictjson.Absent && !isURL(id) {
		v.report(top("id"), "vc-id", "id is one absolute URL")
	}
	v.ids(make(place, 0, MaxDepth), root)
	if holder := root.Get("holder"); holder.Kind() != strictjson.Absent && !isURL(holder) && !isURL(holder.Get("id")) {
		v.report(top("holder"), "vc-holder", "a holder is a URL, or an object with a URL as id")
	}
	for _, name := range []string{"termsOfUse", "proof"} {
		v.typed(name, "vc-"+strings.ToLower(name), false)
	}

	// 2. What it presents.
	for p, item := range v.each("verifiableCredential", "vc-presented", false) {
		if item.Kind() != strictjson.Object {
			v.report(p, "vc-presented", "%s is presented, where an object is expected", describe(item))
			continue
		}
		if types, _ := stringsFrom(item.Get("type")); slices.Contains(types, "EnvelopedVerifiableCredential") {
			v.envelope(p, item)
		} else {
			v.credential(slices.Clone(p), item)
		}
	}
	object, _ := root.Any().(map[string]any)
	return object, v.err()
}

// envelopes are the media types in which a credential may be enveloped
// (VC-JOSE-COSE section 6.1).
var envelopes = []string{"application/vc+jwt", "application/vc+sd-jwt", "application/vc+cose"}

// envelope checks an EnvelopedVerifiableCredential (VCDM 2.0 section 4.13).
func (v *validation) envelope(p place, object *strictjson.Value) {
	v.base(p, object)
	id, _ := object.Get("id").Text()
	data, isData := strings.CutPrefix(id, "data:")
	media, content, ok := strings.Cut(data, ",")
	media, _, _ = strings.Cut(media, ";")
	switch {
	case !isData || !ok:
		v.report(p.member("id"), "vc-enveloped", "the id of an enveloped credential is a data: URL")
	case !slices.Contains(envelopes, media):
		v.report(p.member("id"), "vc-enveloped", "data of %q is no enveloped credential", shorten(media))
	case content == "":
		v.report(p.member("id"), "vc-enveloped", "the envelope is empty")
	}
}

// credential checks a credential at p, which nil is the document.
func (v *validation) credential(p place, object *strictjson.Value) {
	c := v.c
	if c == nil {
		c = &Credential{Tree: *object}
		r := newReading()
		c.fill(&r)
	}
	inner := validation{c: c, root: object}
	inner.base(nil, object)
	inner.statusEntries()
	if err := c.Validate(); err != nil {
		if broken, ok := errors.AsType[*ValidationError](err); ok {
			inner.broken = append(inner.broken, broken.Broken...)
		}
	}
	for _, b := range inner.broken {
		if len(v.broken) < maxBroken {
			b.Pointer = string(p.pointer()) + b.Pointer
			v.broken = append(v.broken, b)
		}
	}
}

// base checks that a document begins with the base context of version 2.0.
func (v *validation) base(p place, object *strictjson.Value) {
	first := object.Get("@context")
	if list := first.Items(); len(list) > 0 {
		first = &list[0].Value
	}
	if url, _ := first.Text(); url != contexts.VC2 {
		v.report(p.member("@context"), "vc-context", "the first context must be %s", contexts.VC2)
	}
}

// inspect adds what the contexts say of the whole document.
func (v *validation) inspect() {
	undefined, err := conforming().Inspect(*v.root)
	if problem, ok := errors.AsType[*contexts.Problem](err); ok {
		v.broken = append(v.broken, FormatError{problem.Pointer, problem.Rule, problem.Detail})
	}
	for _, u := range undefined {
		if len(v.broken) < maxBroken {
			v.broken = append(v.broken, FormatError{u.Pointer, "term", "no context defines " + strconv.Quote(shorten(u.Name))})
		}
	}
}

// statusEntries checks entries of a Bitstring Status List by their form (v1.0
// section 2.1). Entries of other types are not looked at.
func (v *validation) statusEntries() {
	const rule = "vc-status"
	for p, entry := range v.each("credentialStatus", rule, false) {
		if types, _ := stringsFrom(entry.Get("type")); !slices.Contains(types, "BitstringStatusListEntry") {
			continue
		}
		if purpose, _ := entry.Get("statusPurpose").Text(); purpose == "" {
			v.report(p.member("statusPurpose"), rule, "a purpose is required")
		}
		if index, ok := entry.Get("statusListIndex").Text(); !ok {
			v.report(p.member("statusListIndex"), rule, "a decimal number in a string is required")
		} else if !decimalForm.MatchString(index) {
			v.report(p.member("statusListIndex"), rule, "%q is not a decimal number", shorten(index))
		}
		list, _ := entry.Get("statusListCredential").Text()
		if !absoluteURL(list) {
			v.report(p.member("statusListCredential"), rule, "one absolute URL is required")
		} else if id, _ := entry.Get("id").Text(); id == list {
			v.report(p.member("id"), rule, "the entry's id is not that of the list")
		}
		size := 1
		if value := entry.Get("statusSize"); value.Kind() != strictjson.Absent {
			number, _ := value.Number()
			n, err := strconv.ParseInt(number, 10, 64)
			if err != nil || n < 1 || n > 8 {
				v.report(p.member("statusSize"), rule, "%s is not a number of bits from 1 to 8", describe(value))
				continue
			}
			size = int(n)
		}
		if messages := entry.Get("statusMessage"); messages.Kind() != strictjson.Absent || size > 1 {
			v.messages(p.member("statusMessage"), messages, 1<<size)
		}
	}
}

var decimalForm = regexp.MustCompile(`^(0|[1-9][0-9]*)$`)

// messages checks that each value of a status has its message.
func (v *validation) messages(p place, value *strictjson.Value, n int) {
	list := value.Items()
	if len(list) != n {
		v.report(p, "vc-status", "%d messages are required, one for each status", n)
	}
	for i := range list {
		code, _ := list[i].Value.Get("status").Text()
		if message, _ := list[i].Value.Get("message").Text(); message == "" || !strings.HasPrefix(code, "0x") {
			v.report(p.item(i), "vc-status", "a message has a status like 0x1 and a text")
		}
	}
}
