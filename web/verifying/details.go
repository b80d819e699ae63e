package verifying

import (
	"strings"

	"indeks/web"
)

// What exactly is wrong with a document the packages below say in English, for those who
// make such documents: the rule has a code, the particulars have none. Those that people
// with files at hand meet have a text here, in their language. The others stand in
// English behind the sentence.

// particularForms are those, as packages keys, elm, contexts and strictjson write them.
var particularForms = []web.Form{
	// What is no sealed document.
	{Words: "the input is empty", Text: "why.empty"},
	{Words: "a compact token has three parts, not {Parts:number}", Text: "why.parts"},
	{Words: "neither signatures nor signature is there", Text: "why.no-signature"},
	{Words: "payload is missing", Text: "why.no-payload"},
	{Words: "the payload is empty", Text: "why.payload-empty"},
	{Words: "not a JSON object", Text: "why.not-json-object"},
	{Words: "null in place of a JSON object", Text: "why.not-json-object"},
	{Words: "not well-formed JSON: {What} at byte {Byte:number}", Text: "why.json"},
	{Words: "signature: line break inside base64url", Text: "why.base64"},
	{Words: "signature: not canonical base64url without padding", Text: "why.base64"},
	{Words: "payload: line break inside base64url", Text: "why.base64"},
	{Words: "payload: not canonical base64url without padding", Text: "why.base64"},
	{Words: "protected header: line break inside base64url", Text: "why.base64"},
	{Words: "protected header: not canonical base64url without padding", Text: "why.base64"},
	{Words: "protected header: not a JSON object", Text: "why.base64"},
	{Words: "protected header: not well-formed JSON: {What} at byte {Byte:number}", Text: "why.base64"},
	{Words: `"{Name}" differs only in case from {What}`, Text: "why.case"},
	{Words: "{Name:word} is there twice", Text: "why.twice"},
	{Words: "a proof of key binding follows the token, which is not read here", Text: "why.key-binding"},
	{Words: "{Bytes:number} bytes, where at most {Most:number} are read", Text: "why.size"},
	{Words: "{Bytes:number} bytes with a proof, where at most {Most:number} are read", Text: "why.size"},
	{Words: "{Bytes:number} bytes, at most {Most:number} are read", Text: "why.size"},
	{Words: "more than {Most:number} levels deep", Text: "why.deep"},
	{Words: "{Number:number} signatures, where at most {Most:number} are read", Text: "why.signatures"},
	{Words: "{Number:number} proofs, where at most {Most:number} are read", Text: "why.signatures"},

	// The seal.
	{Words: `typ "{Type}" is not one that is read here`, Text: "why.typ"},
	{Words: `typ "{Type}" is not that of a {What}`, Text: "why.typ"},
	{Words: "{Name:word} is not allowed", Text: "why.header-not-allowed"},
	{Words: "alg is missing or not a string", Text: "why.alg-missing"},
	{Words: `proof of type "{Type}", cryptosuite "{Suite}"`, Text: "why.suite"},
	{Words: `crit names "{Name}", which is not understood`, Text: "why.crit"},
	{Words: "x5c is empty", Text: "why.no-certificate"},
	{Words: "x5c is not an array of strings", Text: "why.no-certificate"},
	{Words: "line break inside certificate {Number:number} of x5c", Text: "why.certificate"},
	{Words: "certificate {Number:number} of x5c is not base64", Text: "why.certificate"},
	{Words: "certificate {Number:number} of x5c: {Detail}", Text: "why.certificate"},
	{Words: "{Number:number} certificates, where at most {Most:number} are read", Text: "why.certificates"},
	{Words: "certificate {Number:number} of x5c has an RSA key of more than {Bits:number} bits", Text: "why.rsa"},
	{Words: "{Name:word} names another certificate than x5c", Text: "why.certificate-other"},
	{Words: "no digest of the seal certificate (x5t#S256) in a JAdES signature", Text: "why.certificate-digest"},
	{Words: "neither iat nor sigT in a JAdES signature", Text: "why.no-time"},
	{Words: "iat is not a whole number of seconds", Text: "why.time-form"},
	{Words: "sigT is not a time of the form YYYY-MM-DDThh:mm:ssZ", Text: "why.time-form"},
	{Words: `"{Name}" stands in the unprotected header, which is not sealed`, Text: "why.unprotected"},
	{Words: `proof: proofPurpose is "{Purpose}", not "{Wanted}"`, Text: "why.proof-purpose"},
	{Words: `key "{Key}" is for {Own}, not {Used}`, Text: "why.key-alg"},
	{Words: `key "{Key}" is not for this ({Purposes})`, Text: "why.key-purpose"},
	{Words: `{Of:word} "{Key}": RSA of {Bits:number} bits, where {Least:number} to {Most:number} are allowed`, Text: "why.key-size"},
	{Words: "multikey: a kind of key that is not on the list", Text: "why.key-kind"},

	// The content.
	{Words: "member repeated", Text: "why.repeated"},
	{Words: `same name as "{Name}" except for case`, Text: "why.case"},
	{Words: "{What} at byte {Byte:number}", Text: "why.json"},
	{Words: "number {Value:word} does not keep its value in other software; write it as a string", Text: "why.number"},
	{Words: "no document", Text: "why.empty"},
	{Words: "{Name:word} is required", Text: "why.required"},
	{Words: "{Name:word} is empty", Text: "why.empty-member"},
	{Words: "id is one absolute URL", Text: "why.absolute-url"},
	{Words: "the issuer's id is one absolute URL", Text: "why.absolute-url"},
	{Words: "a URL, or an object with a URL as id, is required", Text: "why.absolute-url"},
	{Words: `"{Value}" is not a URL`, Text: "why.not-url"},
	{Words: "validity ends before it begins", Text: "why.period"},
	{Words: `"{Value}" is not a date and time like 2026-06-15T10:00:00Z`, Text: "why.date"},
	{Words: `"{Value}" is not a date and time`, Text: "why.date"},
	{Words: `"{Value}" has no time zone`, Text: "why.date-zone"},
	{Words: `"{Value}" is not in the calendar`, Text: "why.date-calendar"},
	{Words: `"{Value}" stands for no date`, Text: "why.date-calendar"},
	{Words: `"{Value}" is not a duration like PT75H`, Text: "why.duration"},
	{Words: "type {Type:word} is missing", Text: "why.type-missing"},
	{Words: "a presentation is not a credential", Text: "why.a-presentation"},
	{Words: "the first context must be {First} or {Second}", Text: "why.first-context"},
	{Words: "the base context of the data model is not the first context", Text: "why.base-context"},
	{Words: "a token of typ JWT holds a credential in claim vc, or an Open Badge; this holds neither", Text: "why.jwt"},
	{Words: "the payload of a JWT is a JSON object", Text: "why.object"},
	{Words: "a credential is a JSON object", Text: "why.object"},
	{Words: `spelled "{Name}" in the standard`, Text: "why.spelled"},
	{Words: "nothing is claimed about this subject", Text: "why.no-claims"},
	{Words: "claim {Name:word} must not be present", Text: "why.claim-forbidden"},
	{Words: "claim {Name:word} differs from {Member:word}", Text: "why.claim-differs"},
	{Words: "an array of contexts is required", Text: "why.no-context"},
	{Words: "there is no @context", Text: "why.no-context"},
	{Words: "@context is empty", Text: "why.no-context"},
	{Words: "context {Context:word} is not known", Text: "why.context-unknown"},
	{Words: "@context holds a context instead of naming one", Text: "why.context-inline"},
	{Words: "@context inside the document", Text: "why.context-inline"},
	{Words: "{Name:word} is not an absolute IRI", Text: "why.absolute-iri"},
	{Words: "{Name:word} must not be used as a member", Text: "why.member"},

	// The application profile.
	{Words: `{Subject} has no "{Name}" and needs exactly one.`, Text: "why.needs-one"},
	{Words: `{Subject} has no "{Name}" and needs at least one.`, Text: "why.needs-some"},
	{Words: `{Subject} has {Times:number} values for "{Name}" and may have only one.`, Text: "why.only-one"},
	{Words: `{Subject} has {Times:number} values for "{Name}" and may have only one, in one language.`, Text: "why.only-one"},
	{Words: `{Subject} has {Times:number} values for "{Name}" in the language "{Language}" and may have only one for each language.`, Text: "why.only-one-language"},
	{Words: `"{Algorithm}"`, Text: "why.alg"},
}

var particulars = web.NewForms(particularForms)

// particular says in a language what exactly is wrong, with the place of the document
// that it is about; rest is what is left of it in English.
func (s *Server) particular(lang, detail string) (text, place, rest string) {
	if strings.HasPrefix(detail, "/") {
		if at, after, ok := strings.Cut(detail, ": "); ok {
			place, detail = at, after
		}
	}
	text, rest, ok := s.kit.Say(lang, particulars, detail)
	if !ok {
		rest = detail
	}
	return text, place, rest
}
