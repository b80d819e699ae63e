package verifier

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"indeks/elm"
)

// AppendJSON appends what encoding/json makes of [Report.Wire], without making
// the Wire: both together took as long as half of the checks. A test holds the two
// to the same bytes.
func (r *Report) AppendJSON(b []byte, lang string) []byte {
	b = field(b, `{"verdict":`, string(r.Verdict))
	b = field(b, `,"state":`, string(r.State))
	b = optional(b, `,"reason":`, string(r.Reason))
	if r.Withdrawal != "" {
		b = field(b, `,"withdrawal":{"code":`, r.Withdrawal)
		b = append(b, `,"at":"`...)
		b = append(r.Since.AppendFormat(b, time.RFC3339Nano), `"}`...)
	}
	b = append(b, `,"checks":[`...)
	for i := range r.Checks {
		c := &r.Checks[i]
		b = field(comma(b, i), `{"name":`, c.Name)
		b = field(b, `,"result":`, string(c.Result))
		if concept := concepts[c.Name]; concept != "" {
			b = append(append(append(b, `,"concept":"`+conceptScheme...), concept...), '"')
		}
		b = append(append(append(b, `,"outcome":"`+outcomeScheme...), outcomes[c.Result]...), '"')
		b = message(append(b, `,"message":`...), c.Message)
		if len(c.Remarks) > 0 {
			b = append(b, `,"remarks":[`...)
			for k, remark := range c.Remarks {
				b = message(comma(b, k), remark)
			}
			b = append(b, ']')
		}
		b = optional(b, `,"source":`, c.Source)
		b = optional(b, `,"problem":`, c.Problem)
		b = append(b, '}')
	}
	b = field(b, `],"issuer":{"name":`, r.Issuer.Name)
	b = optional(b, `,"did":`, r.Issuer.DID)
	b = optional(b, `,"country":`, r.Issuer.Country)
	b = field(b, `,"level":`, r.Issuer.Level)
	b = append(b, `,"evidence":[`...)
	for i := range r.Issuer.Evidence {
		e := &r.Issuer.Evidence[i]
		b = field(comma(b, i), `{"level":`, e.Level)
		b = field(b, `,"kind":`, e.Kind)
		b = field(b, `,"fact":`, e.Fact)
		b = optional(b, `,"source":`, e.Source)
		b = optional(b, `,"checked":`, e.Checked)
		b = append(b, '}')
	}
	b = append(b, "]}"...)
	if l := r.Logged; l != nil {
		by := "other_key"
		if l.Pinned {
			by = "operator"
		}
		b = field(b, `,"logged":{"log":`, l.Log)
		b = l.Head.AppendFormat(append(b, `,"head_time":"`...), time.RFC3339Nano)
		b = field(append(b, '"'), `,"head_by":`, by)
		b = append(l.Lost.AppendFormat(append(b, `,"key_lost":"`...), time.RFC3339Nano), `"}`...)
	}
	if r.showsContent() {
		b = field(b, `,"credential":{"id":`, r.ID)
		b = field(b, `,"profile":`, string(r.Profile))
		b = field(b, `,"form":`, string(r.Form))
		b = field(b, `,"payload_sha256":`, r.SHA256)
		if r.Concealed > 0 {
			b = strconv.AppendInt(append(b, `,"concealed":`...), int64(r.Concealed), 10)
		}
		b = append(b, '}')
		b = appendSupplement(b, r.supplementIn(lang))
	}
	if r.showsContent() && r.Extract != nil {
		b = field(b, `,"extract":{"whole_payload_sha256":`, r.Extract.WholeSHA256)
		b = append(b, `,"not_told":[`...)
		for i, id := range r.NotTold() {
			b = inString(comma(b, i), id)
		}
		b = append(b, "]}"...)
	}
	if r.InPDF {
		b = append(b, `,"in_pdf":true`...)
	}
	b = append(b, `,"checked_at":"`...)
	b = r.CheckedAt.AppendFormat(b, time.RFC3339Nano)
	return append(b, `"}`...)
}

func appendSupplement(b []byte, sections []elm.Section) []byte {
	n := 0
	for i := range sections {
		for k := range sections[i].Elements {
			e := &sections[i].Elements[k]
			if n == 0 {
				b = append(b, `,"supplement":[`...)
			}
			b = field(comma(b, n), `{"id":`, e.ID)
			b = field(b, `,"label":`, e.Label)
			b = append(b, `,"values":[`...)
			for m := range e.Values {
				b = append(comma(b, m), '"')
				for text := range e.Values[m].Parts() {
					b = inQuotes(b, text)
				}
				b = append(b, '"')
			}
			b = append(b, "]}"...)
			n++
		}
	}
	if n > 0 {
		b = append(b, ']')
	}
	return b
}

func comma(b []byte, i int) []byte {
	if i > 0 {
		b = append(b, ',')
	}
	return b
}

func field(b []byte, before, text string) []byte { return inString(append(b, before...), text) }

func optional(b []byte, before, text string) []byte {
	if text == "" {
		return b
	}
	return field(b, before, text)
}

func message(b []byte, m Message) []byte {
	b = append(b, '"')
	for part := range m.english {
		b = inQuotes(b, part)
	}
	return append(b, '"')
}

func inString(b []byte, s string) []byte {
	return append(inQuotes(append(b, '"'), s), '"')
}

// inQuotes appends what stands between the quotation marks of a string, by
// encoding/json where anything in it is escaped.
func inQuotes(b []byte, s string) []byte {
	if escapes(s) {
		text, err := json.Marshal(s)
		if err != nil {
			return b // unreachable: every string can be written
		}
		return append(b, text[1:len(text)-1]...)
	}
	return append(b, s...)
}

// escapes reports whether encoding/json writes s otherwise than it is. It looks at
// eight bytes at once: c - 0x20 borrows where one is a control character, and
// (c ^ x) - 1 where it is x; < and > differ in one bit, and so do " and &.
func escapes(s string) bool {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	var seen uint64
	look := func(c uint64) bool {
		seen |= c
		angle, mark, slash := (c|0x02*ones)^'>'*ones, (c|0x04*ones)^'&'*ones, c^'\\'*ones
		return ((c-' '*ones)|(angle-ones)|(mark-ones)|(slash-ones))&^c&tops != 0
	}
	i := 0
	for ; i+8 <= len(s); i += 8 {
		w := s[i : i+8]
		if look(uint64(w[0]) | uint64(w[1])<<8 | uint64(w[2])<<16 | uint64(w[3])<<24 |
			uint64(w[4])<<32 | uint64(w[5])<<40 | uint64(w[6])<<48 | uint64(w[7])<<56) {
			return true
		}
	}
	if i < len(s) {
		last := uint64(' ' * ones)
		for k := i; k < len(s); k++ {
			last = last<<8 | uint64(s[k])
		}
		if look(last) {
			return true
		}
	}
	return seen&tops != 0 && (!utf8.ValidString(s) || strings.Contains(s, "\u2028") || strings.Contains(s, "\u2029"))
}
