package elm

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/go-json-experiment/json/jsontext"
)

// ParseJSON reads JSON strictly: no duplicate members (also under case
// folding), no number that float64 would change, no invalid UTF-8, no lone
// surrogate, within the limits. Objects become map[string]any, arrays []any,
// numbers json.Number. Every error is a [*FormatError].
func ParseJSON(raw []byte) (any, error) {
	if len(raw) > MaxBytes {
		return nil, &FormatError{Rule: "json-size", Detail: fmt.Sprintf("%d bytes, at most %d are read", len(raw), MaxBytes)}
	}
	p := reader{
		dec:   jsontext.NewDecoder(bytes.NewBuffer(raw)),
		names: make(map[string]string),
		folds: make(map[string]string),
	}
	tree, err := p.value()
	if err != nil {
		return nil, err
	}
	if _, err := p.dec.ReadToken(); err == nil {
		return nil, &FormatError{Rule: "json-syntax", Detail: "data after the end of the document"}
	} else if err != io.EOF {
		return nil, p.refused(err)
	}
	// Two names can only be alike under case folding if the document spells one
	// name in two ways, which honest documents hardly ever do; the search for
	// siblings is made only then.
	if p.twoSpellings {
		if broken := siblings(tree); broken != nil {
			return nil, broken
		}
	}
	return tree, nil
}

// reader builds the tree of one document.
type reader struct {
	dec          *jsontext.Decoder
	members      int               // members and array elements so far
	names        map[string]string // name as quoted in the document to name
	folds        map[string]string // folded name to its first spelling
	twoSpellings bool
}

func (p *reader) value() (any, error) {
	tok, err := p.dec.ReadToken()
	if err != nil {
		return nil, p.refused(err)
	}
	switch tok.Kind() {
	case 'n':
		return nil, nil
	case 't', 'f':
		return tok.Bool(), nil
	case '"':
		return tok.String(), nil
	case '0':
		literal := tok.String()
		if !exactInFloat64(literal) {
			return nil, p.broken("json-number", "number "+shorten(literal)+" does not keep its value in other software; write it as a string")
		}
		return json.Number(literal), nil
	case '{':
		return p.object()
	default: // '[': the decoder returns '}' and ']' only where they end a container, which object and array read
		return p.array()
	}
}

func (p *reader) object() (any, error) {
	if p.dec.StackDepth() > MaxDepth {
		return nil, p.broken("json-depth", fmt.Sprintf("more than %d levels deep", MaxDepth))
	}
	object := make(map[string]any)
	for p.dec.PeekKind() != '}' {
		quoted, err := p.dec.ReadValue()
		if err != nil {
			return nil, p.refused(err)
		}
		name, ok := p.names[string(quoted)]
		if !ok {
			if name, err = p.newName(quoted); err != nil {
				return nil, err
			}
		}
		if err := p.count(); err != nil {
			return nil, err
		}
		if object[name], err = p.value(); err != nil {
			return nil, err
		}
	}
	if _, err := p.dec.ReadToken(); err != nil {
		return nil, p.refused(err)
	}
	return object, nil
}

func (p *reader) array() (any, error) {
	if p.dec.StackDepth() > MaxDepth {
		return nil, p.broken("json-depth", fmt.Sprintf("more than %d levels deep", MaxDepth))
	}
	array := []any{}
	for p.dec.PeekKind() != ']' {
		if err := p.count(); err != nil {
			return nil, err
		}
		item, err := p.value()
		if err != nil {
			return nil, err
		}
		array = append(array, item)
	}
	if _, err := p.dec.ReadToken(); err != nil {
		return nil, p.refused(err)
	}
	return array, nil
}

func (p *reader) count() error {
	if p.members++; p.members > MaxMembers {
		return p.broken("json-members", fmt.Sprintf("more than %d members", MaxMembers))
	}
	return nil
}

// newName remembers a name that the document uses for the first time.
func (p *reader) newName(quoted jsontext.Value) (string, error) {
	unquoted, err := jsontext.AppendUnquote(nil, quoted)
	if err != nil {
		return "", p.refused(err)
	}
	if len(unquoted) > MaxName {
		return "", p.broken("json-name", fmt.Sprintf("a member name of %d bytes, at most %d are read", len(unquoted), MaxName))
	}
	name := string(unquoted)
	p.names[string(quoted)] = name
	folded := fold(name)
	if first, ok := p.folds[folded]; !ok {
		p.folds[folded] = name
	} else if first != name {
		p.twoSpellings = true
	}
	return name, nil
}

// siblings refuses members of one object whose names differ only in case. The
// pointer is put together on the way back: made on the way in, one long name
// would be copied for everything below it.
func siblings(node any) *FormatError {
	switch node := node.(type) {
	case map[string]any:
		seen := make(map[string]string, len(node))
		for _, name := range slices.Sorted(maps.Keys(node)) {
			folded := fold(name)
			if other, ok := seen[folded]; ok {
				return (&FormatError{"", "json-case", "same name as " + strconv.Quote(other) + " except for case"}).below(name)
			}
			seen[folded] = name
			if broken := siblings(node[name]); broken != nil {
				return broken.below(name)
			}
		}
	case []any:
		for i, item := range node {
			if broken := siblings(item); broken != nil {
				return broken.below(strconv.Itoa(i))
			}
		}
	}
	return nil
}

// below moves the place of a broken rule into the member or item called name.
func (e *FormatError) below(name string) *FormatError {
	e.Pointer = string(jsontext.Pointer("").AppendToken(name)) + e.Pointer
	return e
}

func (p *reader) broken(rule, detail string) error {
	return &FormatError{string(p.dec.StackPointer()), rule, detail}
}

// refused names the rule behind an error of the decoder.
func (p *reader) refused(err error) error {
	if err == io.EOF {
		return &FormatError{Rule: "json-syntax", Detail: "no document"}
	}
	broken := &FormatError{Rule: "json-syntax", Detail: err.Error()}
	if syntactic, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		broken.Pointer = string(syntactic.JSONPointer)
		broken.Detail = fmt.Sprintf("%v at byte %d", syntactic.Err, syntactic.ByteOffset)
		switch {
		case errors.Is(err, jsontext.ErrDuplicateName):
			broken.Rule, broken.Detail = "json-duplicate", "member repeated"
		// The decoder has no sentinels for these two.
		case strings.Contains(syntactic.Err.Error(), "invalid UTF-8"):
			broken.Rule = "json-utf8"
		case strings.Contains(syntactic.Err.Error(), "surrogate"):
			broken.Rule = "json-utf8"
		}
	}
	return broken
}

// fold maps s to one representative of all strings that are equal to it under
// Unicode simple case folding, as strings.EqualFold compares.
func fold(s string) string {
	return strings.Map(func(r rune) rune {
		least := r
		for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
			least = min(least, f)
		}
		return least
	}, s)
}

// exactInFloat64 reports whether a JSON number has the same decimal value after
// it went through a float64, as it does in most JSON software.
func exactInFloat64(literal string) bool {
	f, err := strconv.ParseFloat(literal, 64)
	if err != nil {
		return false // too large
	}
	digits, exponent, ok := decimal(literal)
	back, backExponent, _ := decimal(strconv.FormatFloat(f, 'e', -1, 64))
	return ok && digits == back && exponent == backExponent
}

// decimal splits a JSON number into its sign and significant digits and the
// exponent of the last digit. It reports false if the exponent is out of range
// of an int, which no float64 has.
func decimal(literal string) (digits string, exponent int, ok bool) {
	mantissa := literal
	if i := strings.IndexAny(literal, "eE"); i >= 0 {
		var err error
		if exponent, err = strconv.Atoi(literal[i+1:]); err != nil {
			return "", 0, false
		}
		mantissa = literal[:i]
	}
	mantissa, negative := strings.CutPrefix(mantissa, "-")
	whole, fraction, _ := strings.Cut(mantissa, ".")
	digits = strings.TrimLeft(whole+fraction, "0")
	trimmed := strings.TrimRight(digits, "0")
	if trimmed == "" {
		return "0", 0, true
	}
	exponent += len(digits) - len(trimmed) - len(fraction)
	if negative {
		trimmed = "-" + trimmed
	}
	return trimmed, exponent, true
}

// shorten keeps an error message readable whatever the document holds.
func shorten(s string) string {
	if len(s) > 40 {
		return s[:40] + "..."
	}
	return s
}
