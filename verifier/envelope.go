package verifier

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"indeks/contexts"
)

// Types of VC Data Model 2.0, sections 4.13 and 4.14.
const (
	typeEnveloped             = "EnvelopedVerifiableCredential"
	typeEnvelopedPresentation = "EnvelopedVerifiablePresentation"
	typePresentation          = "VerifiablePresentation"
)

// enveloped takes the token out of an object of the type that envelopes it, as
// data: URL of the media type. found is false for any other object. why
// says why an envelope cannot be read, and nothing where it can.
//
// Nothing but the token is sealed. extra are the members that stand around it,
// which anybody may have written.
func enveloped(doc []byte, envelope, media string) (token []byte, extra []string, found bool, why Message) {
	var members map[string]jsontext.Value
	if json.Unmarshal(doc, &members) != nil || !slices.Contains(stringsOf(members["type"]), envelope) {
		return nil, nil, false, Message{}
	}
	if list := stringsOf(members["@context"]); len(list) == 0 || list[0] != contexts.VC2 {
		return nil, nil, true, envelopeContext.Of(envelope, contexts.VC2)
	}
	if len(stringsOf(members["type"])) != 1 {
		return nil, nil, true, envelopeType.Of(envelope)
	}
	var url string
	if json.Unmarshal(members["id"], &url) != nil {
		return nil, nil, true, envelopeID.Of(envelope)
	}
	kind, data, ok := strings.Cut(url, ",")
	kind, isData := strings.CutPrefix(kind, "data:")
	switch {
	case !ok || !isData:
		return nil, nil, true, envelopeID.Of(envelope)
	case kind == "application/vc+sd-jwt" || kind == "application/vp+sd-jwt" || kind == "application/dc+sd-jwt":
		return nil, nil, true, envelopeNotYet.Of(kind)
	case kind != media:
		return nil, nil, true, envelopeMedia.Of(fmt.Sprintf("%.80s", kind), media)
	case strings.HasPrefix(strings.TrimLeft(data, " \t\r\n"), "{"):
		return nil, nil, true, envelopeCompact.Of(media) // or an envelope could hold the next one
	}
	for name := range members {
		if name != "@context" && name != "type" && name != "id" {
			extra = append(extra, plain(name))
		}
	}
	slices.Sort(extra)
	return []byte(data), extra, true, Message{}
}

// stringsOf reads a string or an array of strings, nil for anything else.
func stringsOf(raw jsontext.Value) []string {
	var list []string
	if raw.Kind() == '"' {
		raw = slices.Concat([]byte("["), bytes.TrimSpace(raw), []byte("]"))
	}
	if json.Unmarshal(raw, &list) != nil {
		return nil
	}
	return list
}
