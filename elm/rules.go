package elm

import (
	"cmp"
	"fmt"
	"mime"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"indeks/contexts"
	"indeks/strictjson"
)

// Validate checks the rules of VCDM 1.1 or 2.0, by the base context, and for
// profiles EDC and VC2 those of ELM dates, durations and value types. It
// returns a [*ValidationError].
//
// It judges the document that was parsed. A credential that was built in memory
// is judged by what Encode makes of it in both profiles.
//
// Rules: "vc-context", "vc-type", "vc-id", "vc-issuer", "vc-subject",
// "vc-date", "vc-period", "vc-text", "vc-status", "vc-schema", "vc-evidence",
// "vc-terms", "vc-refresh", "vc-render", "vc-confidence", "vc-related-resource",
// "vc-proof", "vc-claims" (JWT claims that are forbidden or contradict the credential),
// "elm-type", "elm-date", "elm-duration".
func (c *Credential) Validate() error {
	if c.Tree.Kind() == strictjson.Absent {
		return c.validateBuilt()
	}
	v := validation{c: c, root: &c.Tree}
	v.version()
	v.identity()
	v.subject()
	v.period()
	v.further()
	v.claims()
	if c.odd && (c.Profile == EDC || c.Profile == VC2) {
		v.model(make(place, 0, MaxDepth), reflect.TypeFor[Credential](), &c.Tree)
	}
	return v.err()
}

// err is what was found, in order, or nil.
func (v *validation) err() error {
	if len(v.broken) == 0 {
		return nil
	}
	slices.SortStableFunc(v.broken, func(a, b FormatError) int {
		return cmp.Or(strings.Compare(a.Pointer, b.Pointer), strings.Compare(a.Rule, b.Rule))
	})
	return &ValidationError{slices.Compact(v.broken)}
}

func (c *Credential) validateBuilt() error {
	for _, p := range []Profile{EDC, VC2} {
		raw, err := c.Encode(p)
		if err != nil {
			return err
		}
		parsed, err := Parse(raw)
		if err != nil {
			return fmt.Errorf("reading what was encoded as %s: %w", p, err)
		}
		if err := parsed.Validate(); err != nil {
			return err
		}
	}
	return nil
}

// validation collects the broken rules of one document.
type validation struct {
	c      *Credential
	root   *strictjson.Value
	v2     bool // VCDM 2.0 rules; otherwise 1.1
	broken []FormatError
}

// maxBroken is how many broken rules of one document are told. A document can
// break a rule in each of its members, and the pointers to all of them take far
// more room than the document.
const maxBroken = 500

func (v *validation) report(at place, rule, format string, args ...any) {
	if len(v.broken) == maxBroken {
		return
	}
	v.broken = append(v.broken, FormatError{string(at.pointer()), rule, fmt.Sprintf(format, args...)})
}

// place is where in the document the validation is: the steps from the root.
// Its pointer is written only when something is reported, since most documents
// break no rule and writing one at every step cost more than all the checks. The
// steps of siblings share memory, so a place is not kept.
type place []step

// step leads to a member, or to an item where name is "".
type step struct {
	name string
	item int
}

func (p place) pointer() (at jsontext.Pointer) {
	for _, s := range p {
		if s.name == "" && s.item >= 0 {
			at = at.AppendToken(strconv.Itoa(s.item))
		} else {
			at = at.AppendToken(s.name)
		}
	}
	return at
}

func (p place) member(name string) place { return append(p, step{name, -1}) }
func (p place) item(i int) place         { return append(p, step{"", i}) }

// top is a top-level member.
func top(name string) place { return place{{name, -1}} }

// version decides by the first context which version's rules apply.
func (v *validation) version() {
	given := v.root.Get("@context")
	list := given.Items()
	if len(list) == 0 {
		v.report(top("@context"), "vc-context", "an array of contexts is required")
	}
	var first string
	if len(list) > 0 {
		first, _ = list[0].Value.Text()
	}
	v.v2 = first != contexts.VC1
	if len(list) > 0 && first != contexts.VC1 && first != contexts.VC2 {
		v.report(top("@context").item(0), "vc-context", "the first context must be %s or %s", contexts.VC2, contexts.VC1)
	}
	for i := range list {
		switch list[i].Value.Kind() {
		case strictjson.Object:
		case strictjson.String:
			if url, _ := list[i].Value.Text(); !absoluteURL(url) {
				v.report(top("@context").item(i), "vc-context", "%q is not a URL", shorten(url))
			}
		default:
			v.report(top("@context").item(i), "vc-context", "a context is a URL or an object")
		}
	}
}

// identity checks who and what: type, id, issuer.
func (v *validation) identity() {
	types, ok := stringsFrom(v.root.Get("type"))
	switch {
	case !ok:
		v.report(top("type"), "vc-type", "one or more type names are required")
	case !slices.Contains(types, "VerifiableCredential"):
		v.report(top("type"), "vc-type", "type VerifiableCredential is missing")
	case slices.Contains(types, "VerifiablePresentation"):
		v.report(top("type"), "vc-type", "a presentation is not a credential")
	}
	if id := v.root.Get("id"); id.Kind() != strictjson.Absent && (stated(id) || v.v2) && !isURL(id) {
		v.report(top("id"), "vc-id", "id is one absolute URL")
	}
	switch issuer := v.root.Get("issuer"); issuer.Kind() {
	case strictjson.String:
		if url, _ := issuer.Text(); !absoluteURL(url) {
			v.report(top("issuer"), "vc-issuer", "%q is not a URL", shorten(url))
		}
	case strictjson.Object:
		if !isURL(issuer.Get("id")) {
			v.report(top("issuer").member("id"), "vc-issuer", "the issuer's id is one absolute URL")
		}
	default:
		v.report(top("issuer"), "vc-issuer", "a URL, or an object with a URL as id, is required")
	}
	if v.v2 {
		v.ids(make(place, 0, MaxDepth), v.root)
	}
}

// ids checks that every id in the document is a URL (VCDM 2.0 section 4.4).
// Blank node names are none, so a graph made to be costly ends here.
func (v *validation) ids(p place, node *strictjson.Value) {
	members := node.Members()
	for i := range members {
		switch m := &members[i]; {
		case m.Name == "@context":
		case m.Name == "id":
			if len(p) > 0 && !(len(p) == 1 && p[0].name == "issuer") && !isURL(&m.Value) {
				v.report(p.member("id"), "vc-id", "id is one absolute URL")
			}
			if nested(&m.Value) {
				v.ids(p.member(m.Name), &m.Value)
			}
		case nested(&m.Value):
			v.ids(p.member(m.Name), &m.Value)
		}
	}
	items := node.Items()
	for i := range items {
		if item := &items[i].Value; nested(item) {
			v.ids(p.item(i), item)
		}
	}
}

// nested tells objects and arrays from what holds nothing further.
func nested(value *strictjson.Value) bool { return value.Kind() >= strictjson.Array }

// stated tells a value from one that is not there or null.
func stated(value *strictjson.Value) bool { return value.Kind() > strictjson.Null }

func (v *validation) subject() {
	for p, item := range v.each("credentialSubject", "vc-subject", true) {
		claims := len(item.Members())
		if item.Has("id") {
			claims--
		}
		switch {
		case item.Kind() != strictjson.Object:
			v.report(p, "vc-subject", "a subject is an object")
		case claims == 0:
			v.report(p, "vc-subject", "nothing is claimed about this subject")
		}
	}
}

// period checks the dates that limit validity, and their order.
func (v *validation) period() {
	if v.v2 {
		from, until := v.date("validFrom"), v.date("validUntil")
		v.order("validUntil", from, until)
		return
	}
	if !stated(v.root.Get("issuanceDate")) {
		v.report(top("issuanceDate"), "vc-date", "issuanceDate is required")
	}
	from, issuance := v.date("validFrom"), v.date("issuanceDate")
	if from.IsZero() {
		from = issuance
	}
	v.date("issued")
	v.order("validUntil", from, v.date("validUntil"))
	v.order("expirationDate", from, v.date("expirationDate"))
}

func (v *validation) order(name string, from, until time.Time) {
	if !from.IsZero() && !until.IsZero() && until.Before(from) {
		v.report(top(name), "vc-period", "validity ends before it begins")
	}
}

// date returns the instant of a member, or the zero time.
func (v *validation) date(name string) time.Time {
	value := v.root.Get(name)
	if value.Kind() == strictjson.Absent {
		return time.Time{}
	}
	s, ok := value.Text()
	if !ok {
		v.report(top(name), "vc-date", "%s is not a date and time", describe(value))
		return time.Time{}
	}
	t, err := DateTime(s).Time(!v.v2)
	if err != nil {
		v.report(top(name), "vc-date", "%v", err)
	}
	return t
}

// text checks name and description of the credential or its issuer, which is
// object at p: a string, a language object, or an array of those (VCDM 2.0
// sections 4.6 and 11.1). In ELM description is a language map.
func (v *validation) text(p place, object *strictjson.Value, name string) {
	value := object.Get(name)
	if !v.v2 || !stated(value) {
		return
	}
	p = p.member(name)
	if value.Kind() != strictjson.Array {
		v.oneText(p, name, value)
	}
	items := value.Items()
	for i := range items {
		v.oneText(p.item(i), name, &items[i].Value)
	}
}

func (v *validation) oneText(p place, name string, value *strictjson.Value) {
	object := value.Kind() == strictjson.Object
	if !object && value.Kind() != strictjson.String {
		v.report(p, "vc-text", "%s is a string or a language object", name)
	}
	if object && !value.Has("@value") {
		v.report(p, "vc-text", "%s has no @value", name)
	}
	members := value.Members()
	for i := range members {
		member := members[i].Name
		text, ok := members[i].Value.Text()
		switch {
		case member != "@value" && member != "@language" && member != "@direction":
			v.report(p.member(member), "vc-text", "a language object has no member %q", shorten(member))
		case !ok:
			v.report(p.member(member), "vc-text", "%s is not a string", member)
		case member == "@language" && !languageForm.MatchString(text):
			v.report(p.member(member), "vc-text", "%q is not a language tag", shorten(text))
		case member == "@direction" && text != "ltr" && text != "rtl":
			v.report(p.member(member), "vc-text", "@direction is ltr or rtl")
		}
	}
}

// languageForm is that of a language tag (BCP 47).
var languageForm = regexp.MustCompile(`^[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8})*$`)

// further checks names and the members whose values are objects with a type.
func (v *validation) further() {
	for _, name := range []string{"name", "description"} {
		v.text(nil, v.root, name)
		v.text(top("issuer"), v.root.Get("issuer"), name)
	}
	for _, m := range []struct {
		name, rule string
		id         bool // required
	}{
		{"credentialStatus", "vc-status", false},
		{"credentialSchema", "vc-schema", true},
		{"evidence", "vc-evidence", false},
		{"termsOfUse", "vc-terms", false},
		{"refreshService", "vc-refresh", false},
		{"renderMethod", "vc-render", false},
		{"confidenceMethod", "vc-confidence", false},
		{"proof", "vc-proof", false},
	} {
		v.typed(m.name, m.rule, m.id)
	}
	if !v.v2 {
		return
	}
	seen := make(map[string]bool)
	for p, item := range v.each("relatedResource", "vc-related-resource", false) {
		id, _ := item.Get("id").Text()
		switch {
		case !absoluteURL(id):
			v.report(p.member("id"), "vc-related-resource", "id is one absolute URL")
		case seen[id]:
			v.report(p.member("id"), "vc-related-resource", "this resource is bound twice")
		}
		seen[id] = true
		_, sri := stringsFrom(item.Get("digestSRI"))
		_, multibase := stringsFrom(item.Get("digestMultibase"))
		if !sri && !multibase {
			v.report(p, "vc-related-resource", "digestSRI or digestMultibase is required")
		}
		if digest := item.Get("digestSRI"); digest.Kind() != strictjson.Absent && !integrity(digest) {
			v.report(p.member("digestSRI"), "vc-related-resource", "a digest is sha256, sha384 or sha512, a hyphen and base64")
		}
		if media := item.Get("mediaType"); media.Kind() != strictjson.Absent && !mediaType(media) {
			v.report(p.member("mediaType"), "vc-related-resource", "%s is not a media type", describe(media))
		}
	}
}

// typed checks a top-level member whose values are objects with a type, and with
// an id where that is required.
func (v *validation) typed(name, rule string, id bool) {
	for p, item := range v.each(name, rule, false) {
		if item.Kind() != strictjson.Object {
			v.report(p, rule, "an object is required")
			continue
		}
		if _, ok := stringsFrom(item.Get("type")); !ok {
			v.report(p.member("type"), rule, "a type is required")
		}
		if own := item.Get("id"); !stated(own) && id || stated(own) && !isURL(own) {
			v.report(p.member("id"), rule, "id is one absolute URL")
		}
	}
}

// integrityForm is that of integrity metadata (Subresource Integrity section
// 3.5), where several digests are separated by spaces.
var integrityForm = regexp.MustCompile(`^\s*sha(256|384|512)-[A-Za-z0-9+/]+={0,2}(\?\S*)?(\s+sha(256|384|512)-[A-Za-z0-9+/]+={0,2}(\?\S*)?)*\s*$`)

// integrity reports whether value is integrity metadata, or several.
func integrity(value *strictjson.Value) bool {
	list, ok := stringsFrom(value)
	return ok && !slices.ContainsFunc(list, func(s string) bool { return !plainDigest(s) && !integrityForm.MatchString(s) })
}

// plainDigest reports whether s is one digest of the kind that we write.
func plainDigest(s string) bool {
	digest, ok := strings.CutPrefix(s, "sha384-")
	if !ok || len(digest) != 64 {
		return false
	}
	for i := range len(digest) {
		switch c := digest[i]; {
		case 'a' <= c|0x20 && c|0x20 <= 'z', '0' <= c && c <= '9', c == '+', c == '/':
		default:
			return false
		}
	}
	return true
}

func mediaType(value *strictjson.Value) bool {
	s, _ := value.Text()
	if s == "application/ld+json" { // of the contexts that credentials bind
		return true
	}
	t, _, err := mime.ParseMediaType(s)
	kind, sub, ok := strings.Cut(t, "/")
	return err == nil && ok && kind != "" && sub != ""
}

// claims checks the JWT claims beside the members of the credential
// (VC-JOSE-COSE section 3.1.3).
func (v *validation) claims() {
	for _, name := range []string{"vc", "vp"} {
		if v.root.Has(name) {
			v.report(top(name), "vc-claims", "claim %s must not be present", name)
		}
	}
	var subject string
	if len(v.c.Subject) == 1 {
		subject = v.c.Subject[0].ID
	}
	for _, claim := range []struct{ name, member, value string }{
		{"iss", "issuer", v.c.Issuer.ID}, {"jti", "id", v.c.ID}, {"sub", "credentialSubject.id", subject},
	} {
		value := v.root.Get(claim.name)
		if text, ok := value.Text(); value.Kind() != strictjson.Absent && (!ok || text != claim.value) {
			v.report(top(claim.name), "vc-claims", "claim %s differs from %s", claim.name, claim.member)
		}
	}
	for _, name := range []string{"exp", "nbf", "iat"} {
		if _, err := v.c.numericDate(name); err != nil {
			v.report(top(name), "vc-claims", "%v", err)
		}
	}
}

// model checks a tree against the model: values of the expected JSON type,
// dates that are xsd:dateTime, durations that are xsd:duration.
func (v *validation) model(p place, t reflect.Type, tree *strictjson.Value) {
	kind := t.Kind()
	if t == textType {
		kind = reflect.Map // as it is written
	}
	if kind != reflect.Slice && kind != reflect.Interface && kind != reflect.Map {
		tree = single(tree)
	}
	text, isText := tree.Text()
	switch kind {
	case reflect.Pointer:
		v.model(p, t.Elem(), tree)
	case reflect.Slice:
		if tree.Kind() != strictjson.Array {
			v.model(p, t.Elem(), tree)
			return
		}
		items := tree.Items()
		for i := range items {
			v.model(p.item(i), t.Elem(), &items[i].Value)
		}
	case reflect.Struct:
		s := shapeOf(t)
		if tree.Kind() != strictjson.Object {
			if s.id == nil || text == "" {
				v.report(p, "elm-type", "an object is expected")
			}
			return
		}
		members := tree.Members()
		for i := range members {
			name, value := members[i].Name, &members[i].Value
			m, ok := s.byName[modelled(name, v.c.Profile)]
			if !ok || !stated(value) || len(p) == 0 && beside[name] {
				continue
			}
			v.model(p.member(name), m.typ, value)
			if m.duration {
				if s, _ := single(value).Text(); !isDuration(s) {
					v.report(p.member(name), "elm-duration", "%s is not a duration like PT75H", describe(value))
				}
			}
		}
	case reflect.Interface:
	default:
		if t == dateTimeType {
			if !isText {
				v.report(p, "elm-date", "%s is not a date and time", describe(tree))
			} else if _, err := DateTime(text).Time(v.c.Profile == EDC); err != nil {
				v.report(p, "elm-date", "%v", err)
			}
			return
		}
		if !holds(t, tree) && !(isText && text == "") {
			v.report(p, "elm-type", "%s cannot stand here", describe(tree))
		}
	}
}

// holds reports whether a field of the model of type t, which is no struct, can
// hold a value.
func holds(t reflect.Type, tree *strictjson.Value) bool {
	var r reading
	switch {
	case t == textType:
		return r.text(new(Text), tree) == held
	case t.Kind() == reflect.Bool:
		return r.boolean(new(*bool), tree) == held
	case t.Kind() == reflect.Int:
		return r.integer(new(int), tree) == held
	}
	return r.string(new(string), tree) == held
}

// beside are top-level members that the rules of VCDM judge already.
var beside = map[string]bool{
	"@context": true, "id": true, "type": true, "issuanceDate": true, "issued": true, "validFrom": true,
	"expirationDate": true, "validUntil": true,
}

func isDuration(s string) bool {
	_, _, ok := durationParts(s)
	return ok
}

func describe(tree *strictjson.Value) string {
	switch tree.Kind() {
	case strictjson.String:
		text, _ := tree.Text()
		return strconv.Quote(shorten(text))
	case strictjson.Number:
		number, _ := tree.Number()
		return "the number " + shorten(number)
	case strictjson.True, strictjson.False:
		return strconv.FormatBool(tree.Kind() == strictjson.True)
	case strictjson.Null:
		return "null"
	case strictjson.Array:
		return "an array"
	}
	return "an object"
}

// each ranges over the values of a top-level member, one or many. It reports a
// member that is required and absent, and an empty array.
func (v *validation) each(name, rule string, required bool) func(yield func(place, *strictjson.Value) bool) {
	return func(yield func(place, *strictjson.Value) bool) {
		value := v.root.Get(name)
		if !stated(value) && !required {
			return
		}
		p := top(name)
		switch {
		case !stated(value):
			v.report(p, rule, "%s is required", name)
		case value.Kind() == strictjson.Array:
			if len(value.Items()) == 0 && required {
				v.report(p, rule, "%s is empty", name)
			}
			items := value.Items()
			for i := range items {
				if !yield(p.item(i), &items[i].Value) {
					return
				}
			}
		default:
			yield(p, value)
		}
	}
}

func isURL(value *strictjson.Value) bool {
	s, ok := value.Text()
	return ok && absoluteURL(s)
}

// absoluteURL reports whether s is a URL with a scheme: https, did, urn, mailto
// and so on.
func absoluteURL(s string) bool {
	for i := range len(s) {
		if notInURL[s[i]] {
			return false
		}
	}
	scheme, rest, ok := strings.Cut(s, ":")
	if ok && !strings.HasPrefix(rest, "/") && plainScheme(scheme) {
		return rest != "" && rest[0] != '?' && rest[0] != '#' // urn, did, mailto: nothing to take apart
	}
	if ok && plainAddress(scheme, rest) {
		return true
	}
	u, err := url.Parse(s)
	if err != nil || u.Scheme == "" || u.Opaque == "" && u.Host == "" && u.Path == "" {
		return false
	}
	return u.Scheme != "http" && u.Scheme != "https" || u.Host != ""
}

// notInURL are the bytes that no URL may hold.
var notInURL = func() (forbidden [256]bool) {
	for c := range ' ' + 1 {
		forbidden[c] = true
	}
	for _, c := range []byte("\x7f<>\"{}|\\^`") {
		forbidden[c] = true
	}
	return forbidden
}()

// plainAddress reports whether scheme and rest are an http or https URL of a host
// by name or number, maybe with a port, and a path in which nothing is encoded, so
// that package net/url need not take it apart. Most ids in a credential are.
func plainAddress(scheme, rest string) bool {
	if scheme != "http" && scheme != "https" || !strings.HasPrefix(rest, "//") {
		return false
	}
	host, path, _ := strings.Cut(rest[2:], "/")
	host, port, ported := strings.Cut(host, ":")
	return plainHost(host) && (!ported || digits(port)) && strings.IndexByte(path, '%') < 0
}

func plainHost(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c|0x20 && c|0x20 <= 'z', '0' <= c && c <= '9', c == '-', c == '.', c == '_':
		default:
			return false
		}
	}
	return s != ""
}

// plainScheme reports whether s is a scheme (RFC 3986 section 3.1) of lower-case
// letters and digits other than http and https.
func plainScheme(s string) bool {
	for i := range len(s) {
		if c := s[i]; !('a' <= c && c <= 'z' || i > 0 && '0' <= c && c <= '9') {
			return false
		}
	}
	return s != "" && s != "http" && s != "https"
}
