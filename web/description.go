package web

import (
	"encoding/json"
	"fmt"
	"strings"
)

// Description is a server's OpenAPI document with its parts that lie in files of
// their own, or that not every such server has. A part is a JSON object with paths and schemas of its own, which
// come before those of the document.
func Description(document string, parts ...string) []byte {
	for _, text := range parts {
		var part struct{ Paths, Schemas json.RawMessage }
		if err := json.Unmarshal([]byte(text), &part); err != nil {
			panic(fmt.Errorf("reading a part of the OpenAPI document: %w", err)) // unreachable: it is compiled in, and a test reads it
		}
		for open, members := range map[string]json.RawMessage{`"paths": {`: part.Paths, `"schemas": {`: part.Schemas} {
			if members != nil {
				document = strings.Replace(document, open, open+string(members[1:len(members)-1])+",", 1)
			}
		}
	}
	return []byte(document)
}
