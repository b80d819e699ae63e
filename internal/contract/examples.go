package contract

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"
)

// Examples sends what the document shows to the server at base, in the order of
// the document, and fails the test where the answer is another than shown. A
// request and its answer are examples of one name; where a parameter has none of
// that name, its only example is meant. key is sent where an operation needs one
// and the answer shown is not 401.
func (d *Document) Examples(t testing.TB, base, key string) {
	t.Helper()
	for _, o := range d.order {
		answered := map[string]bool{}
		for _, code := range slices.Sorted(maps.Keys(o.Responses.Map())) {
			content := o.Responses.Value(code).Value.Content
			for _, mediaType := range slices.Sorted(maps.Keys(content)) {
				shown := content[mediaType].Examples
				for _, name := range slices.Sorted(maps.Keys(shown)) {
					answered[name] = true
					r, err := o.request(name, base)
					if err != nil {
						t.Errorf("example %q of %s %s: %v", name, o.method, o.path, err)
						continue
					}
					r.Header.Set("Accept", mediaType)
					if o.Security != nil && len(*o.Security) > 0 && code != "401" {
						r.Header.Set("Authorization", "Bearer "+key)
					}
					status, body := send(t, r)
					if strconv.Itoa(status) != code {
						t.Errorf("example %q of %s %s: %d, shown is %s\n%.2000s", name, o.method, o.path, status, code, body)
					} else if diff := difference(shown[name].Value.Value, body); diff != "" {
						t.Errorf("example %q of %s %s: the answer is not the one shown (-shown +answered)\n%s", name, o.method, o.path, diff)
					}
				}
			}
		}
		if o.RequestBody != nil {
			for _, media := range o.RequestBody.Value.Content {
				for name := range media.Examples {
					if !answered[name] {
						t.Errorf("example %q of %s %s has no answer", name, o.method, o.path)
					}
				}
			}
		}
	}
}

// request is the one that the document shows under a name.
func (o *operation) request(name, base string) (*http.Request, error) {
	path, query, header := o.path, url.Values{}, http.Header{}
	for _, p := range append(slices.Clone(o.Parameters), o.item.Parameters...) {
		p := p.Value
		value := p.Example
		if example := p.Examples[name]; example != nil {
			value = example.Value.Value
		}
		if value == nil {
			if p.Required {
				return nil, fmt.Errorf("parameter %s has no example", p.Name)
			}
			continue
		}
		switch text := fmt.Sprint(value); p.In {
		case "path":
			path = strings.Replace(path, "{"+p.Name+"}", url.PathEscape(text), 1)
		case "query":
			query.Set(p.Name, text)
		case "header":
			header.Set(p.Name, text)
		}
	}
	var body []byte
	if o.RequestBody != nil {
		var found bool
		for mediaType, media := range o.RequestBody.Value.Content {
			example := media.Examples[name]
			if example == nil {
				continue
			}
			found = true
			header.Set("Content-Type", mediaType)
			text, isText := example.Value.Value.(string)
			if body = []byte(text); !isText {
				var err error
				if body, err = json.Marshal(example.Value.Value); err != nil {
					return nil, err
				}
			}
		}
		if !found {
			return nil, errors.New("no request is shown")
		}
	}
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	r, err := http.NewRequest(o.method, base+path, bytes.NewReader(body))
	if err == nil {
		r.Header = header
	}
	return r, err
}

func send(t testing.TB, r *http.Request) (status int, body []byte) {
	t.Helper()
	got, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer got.Body.Close()
	if body, err = io.ReadAll(got.Body); err != nil {
		t.Fatal(err)
	}
	return got.StatusCode, body
}

// examplesOf are the examples of a body; "" is the one without a name.
func examplesOf(media *openapi3.MediaType) map[string]any {
	all := map[string]any{}
	if media.Example != nil {
		all[""] = media.Example
	}
	for name, example := range media.Examples {
		all[name] = example.Value.Value
	}
	return all
}

// drawn are the parts of an answer that are another each time: instants, digests,
// UUIDs, ids of 26 symbols, tokens, status lists, and keys as JWK, thumbprint or
// Multikey.
var drawn = regexp.MustCompile(`\d{4}-\d\d-\d\dT[\d:.]+Z|\b[0-9a-f]{64}\b|\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b|\b[0-9A-Z]{26}\b` +
	`|\beyJ[\w-]+\.[\w-]+\.[\w-]+|["#][\w-]{43}"|\bz[1-9A-HJ-NP-Za-km-z]{40,}|\buH4sI[\w-]+`)

// difference tells an example from an answer, but for what is drawn; "" where
// there is none.
func difference(example any, answer []byte) string {
	shown, isText := example.(string)
	got := string(answer)
	if !isText {
		var value any
		if err := json.Unmarshal(answer, &value); err != nil {
			return err.Error()
		}
		shown, got = layout(example), layout(value)
	}
	return cmp.Diff(strings.Split(drawn.ReplaceAllString(shown, "…"), "\n"), strings.Split(drawn.ReplaceAllString(got, "…"), "\n"))
}
