package elm

import (
	"errors"
	"strings"
	"unicode"

	"indeks/strictjson"
)

// ParseJSON reads JSON strictly, as [strictjson.Parse] does. Objects become
// map[string]any, arrays []any, numbers json.Number. Every error is a
// [*FormatError].
func ParseJSON(raw []byte) (any, error) {
	tree, err := parseTree(raw)
	if err != nil {
		return nil, err
	}
	return tree.Any(), nil
}

func parseTree(raw []byte) (strictjson.Value, error) { return formatError(strictjson.Parse(raw)) }

func formatError(tree strictjson.Value, err error) (strictjson.Value, error) {
	if refused, ok := errors.AsType[*strictjson.Error](err); ok {
		return tree, (*FormatError)(refused)
	}
	return tree, err
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

// shorten keeps an error message readable whatever the document holds.
func shorten(s string) string {
	if len(s) > 40 {
		return s[:40] + "..."
	}
	return s
}
