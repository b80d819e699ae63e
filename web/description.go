package web

import "strings"

// Description is a server's OpenAPI document with the paths of its parts that
// not every such server has. A part is a JSON object of paths; its schemas stand
// in the document.
func Description(document string, parts ...string) []byte {
	const open = `"paths": {`
	for _, paths := range parts {
		paths = strings.TrimSpace(paths)
		document = strings.Replace(document, open, open+paths[1:len(paths)-1]+",", 1)
	}
	return []byte(document)
}
