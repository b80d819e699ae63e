package verifier

import (
	"encoding/json"
	"strings"
	"time"
	"unicode/utf8"
)

// AppendJSON appends the report as encoding/json writes it, which took as long as
// half of the checks. A test holds the two to the same bytes.
func (w *Wire) AppendJSON(b []byte) []byte {
	b = field(b, `{"verdict":`, string(w.Verdict))
	b = field(b, `,"state":`, string(w.State))
	b = optional(b, `,"reason":`, string(w.Reason))
	b = append(b, `,"checks":`...)
	b = list(b, w.Checks, func(b []byte, c *WireCheck) []byte {
		b = field(b, `{"name":`, c.Name)
		b = field(b, `,"result":`, string(c.Result))
		b = optional(b, `,"concept":`, c.Concept)
		b = field(b, `,"outcome":`, c.Outcome)
		b = field(b, `,"message":`, c.Message)
		if len(c.Remarks) > 0 {
			b = list(append(b, `,"remarks":`...), c.Remarks, appendText)
		}
		b = optional(b, `,"source":`, c.Source)
		b = optional(b, `,"problem":`, c.Problem)
		return append(b, '}')
	})
	b = field(b, `,"issuer":{"name":`, w.Issuer.Name)
	b = optional(b, `,"did":`, w.Issuer.DID)
	b = optional(b, `,"country":`, w.Issuer.Country)
	b = field(b, `,"level":`, w.Issuer.Level)
	b = list(append(b, `,"evidence":`...), w.Issuer.Evidence, func(b []byte, e *WireEvidence) []byte {
		b = field(b, `{"level":`, e.Level)
		b = field(b, `,"kind":`, e.Kind)
		b = field(b, `,"fact":`, e.Fact)
		b = optional(b, `,"source":`, e.Source)
		b = optional(b, `,"checked":`, e.Checked)
		return append(b, '}')
	})
	b = append(b, '}')
	if c := w.Credential; c != nil {
		b = field(b, `,"credential":{"id":`, c.ID)
		b = field(b, `,"profile":`, c.Profile)
		b = field(b, `,"form":`, c.Form)
		b = field(b, `,"payload_sha256":`, c.PayloadSHA256)
		b = append(b, '}')
	}
	if len(w.Supplement) > 0 {
		b = list(append(b, `,"supplement":`...), w.Supplement, func(b []byte, e *WireElement) []byte {
			b = field(b, `{"id":`, e.ID)
			b = field(b, `,"label":`, e.Label)
			b = list(append(b, `,"values":`...), e.Values, appendText)
			return append(b, '}')
		})
	}
	b = append(b, `,"checked_at":"`...)
	b = w.CheckedAt.AppendFormat(b, time.RFC3339Nano)
	return append(b, `"}`...)
}

func field(b []byte, before, text string) []byte { return quoted(append(b, before...), text) }

func optional(b []byte, before, text string) []byte {
	if text == "" {
		return b
	}
	return field(b, before, text)
}

func appendText(b []byte, text *string) []byte { return quoted(b, *text) }

func list[T any](b []byte, items []T, one func([]byte, *T) []byte) []byte {
	if items == nil {
		return append(b, "null"...)
	}
	b = append(b, '[')
	for i := range items {
		if i > 0 {
			b = append(b, ',')
		}
		b = one(b, &items[i])
	}
	return append(b, ']')
}

// quoted appends a string, by encoding/json where anything in it is escaped.
func quoted(b []byte, s string) []byte {
	ascii := true
	for i := range len(s) {
		switch c := s[i]; {
		case c >= utf8.RuneSelf:
			ascii = false
		case c < ' ', c == '"', c == '\\', c == '<', c == '>', c == '&':
			return escaped(b, s)
		}
	}
	if !ascii && (!utf8.ValidString(s) || strings.Contains(s, "\u2028") || strings.Contains(s, "\u2029")) {
		return escaped(b, s)
	}
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"')
}

func escaped(b []byte, s string) []byte {
	text, err := json.Marshal(s)
	if err != nil {
		return append(b, `""`...) // unreachable: every string can be written
	}
	return append(b, text...)
}
