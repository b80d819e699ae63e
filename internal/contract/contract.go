// Package contract holds a server to its OpenAPI document. It is for tests alone.
//
// [Read] judges the document itself, [Document.Routes] that it describes the
// server's routes and no others, [Document.Handler] every exchange that a test
// makes, [Document.Examples] that what the document shows is what happens, and
// [Document.Complete] that nothing in it went unseen.
package contract

import (
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
)

// Document is an OpenAPI document and what was seen of it.
type Document struct {
	spec  *openapi3.T
	order []operation

	mu   sync.Mutex
	seen map[string]bool // "operation status", and "operation status media type example"
}

// operation is one of the document, in its order.
type operation struct {
	method, path string
	item         *openapi3.PathItem
	*openapi3.Operation
}

// Bodies that are not JSON are texts, those that look like a form included. One
// type of VCDM 2.0 is JSON and does not say so.
func init() {
	for _, text := range []string{"*/*", "application/x-www-form-urlencoded", "text/csv"} {
		openapi3filter.RegisterBodyDecoder(text, openapi3filter.PlainBodyDecoder)
	}
	openapi3filter.RegisterBodyDecoder("application/vc", openapi3filter.JSONBodyDecoder)
}

// Read reads a document and fails the test where it is not sound OpenAPI 3.1, or
// an example breaks its schema. Objects are read as closed where it does not say
// that they are open: what a server says must be described, though readers are to
// expect more.
func Read(t testing.TB, raw []byte) *Document {
	t.Helper()
	closed, order, err := prepare(raw)
	if err != nil {
		t.Fatalf("reading the OpenAPI document: %v", err)
	}
	spec, err := openapi3.NewLoader().LoadFromData(closed)
	if err != nil {
		t.Fatalf("reading the OpenAPI document: %v", err)
	}
	if err := spec.Validate(context.Background(), openapi3.EnableExamplesValidation(), openapi3.EnableSchemaFormatValidation()); err != nil {
		t.Fatalf("the OpenAPI document is not sound: %v", err)
	}
	d := &Document{spec: spec, seen: map[string]bool{}}
	for _, o := range order {
		o.item = spec.Paths.Value(o.path)
		if o.Operation = o.item.GetOperation(o.method); o.Operation != nil { // else a member such as "parameters"
			d.order = append(d.order, o)
		}
	}
	return d
}

// Routes fails the test unless the document describes each of routes but the
// pages, and no other. A route is "GET /a/:b", as echo writes it.
func (d *Document) Routes(t testing.TB, routes, pages []string) {
	t.Helper()
	want := map[string]bool{}
	for _, route := range routes {
		want[route] = true
	}
	for _, page := range pages {
		if !want[page] {
			t.Errorf("%s is said to be a page, and is no route", page)
		}
		delete(want, page)
	}
	for _, o := range d.order {
		route := o.method + " " + strings.NewReplacer("{", ":", "}", "").Replace(o.path)
		if !want[route] {
			t.Errorf("%s is described, and is no route or a page", route)
		}
		delete(want, route)
	}
	for route := range want {
		t.Errorf("%s is not described", route)
	}
}

// find is the operation of a request with the values of its path, nil for none.
// Like a router, it prefers a path that is written out.
func (d *Document) find(r *http.Request) (found *operation, params map[string]string) {
	given := strings.Split(r.URL.EscapedPath(), "/")
	for i, o := range d.order {
		path := strings.Split(o.path, "/")
		if o.method != r.Method || len(path) != len(given) {
			continue
		}
		values := map[string]string{}
		for n, part := range path {
			name, ok := strings.CutPrefix(part, "{")
			if value, err := url.PathUnescape(given[n]); ok && err == nil {
				values[strings.TrimSuffix(name, "}")] = value
			} else if part != given[n] {
				values = nil
				break
			}
		}
		if values != nil && (found == nil || len(values) < len(params)) {
			found, params = &d.order[i], values
		}
	}
	return found, params
}

// Handler is next, with every exchange that the document describes held to it:
// an answer has a status, headers and a body of those described, and no request
// is accepted that the document does not allow.
func (d *Document) Handler(t testing.TB, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		o, params := d.find(r)
		if o == nil {
			next.ServeHTTP(w, r)
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Errorf("%s %s: reading the request: %v", r.Method, o.path, err)
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		asked := r.Clone(r.Context())                                       // next may change r
		if asked.Header.Get("Content-Type") == "" && o.RequestBody != nil { // RFC 9110, 8.3: the server may guess
			asked.Header.Set("Content-Type", "application/octet-stream")
			if content := o.RequestBody.Value.Content; len(content) == 1 {
				asked.Header.Set("Content-Type", slices.Collect(maps.Keys(content))[0])
			}
		}
		asked.Body = io.NopCloser(bytes.NewReader(body))
		got := httptest.NewRecorder()
		next.ServeHTTP(got, r)
		if err := d.check(o, params, asked, got); err != nil {
			t.Errorf("%s %s answers %d, and breaks the OpenAPI document: %v\n%.500s", r.Method, o.path, got.Code, err, got.Body)
		}
		for name, values := range got.Header() {
			w.Header()[name] = values
		}
		w.WriteHeader(got.Code)
		w.Write(got.Body.Bytes())
	})
}

func (d *Document) check(o *operation, params map[string]string, r *http.Request, got *httptest.ResponseRecorder) error {
	in := &openapi3filter.RequestValidationInput{Request: r, PathParams: params, QueryParams: r.URL.Query(),
		Route:   &routers.Route{Spec: d.spec, Path: o.path, PathItem: o.item, Method: o.method, Operation: o.Operation},
		Options: &openapi3filter.Options{IncludeResponseStatus: true, AuthenticationFunc: authenticated}}
	if got.Code < 400 {
		if err := openapi3filter.ValidateRequest(r.Context(), in); err != nil {
			return errors.New("the request is not allowed: " + err.Error())
		}
	}
	out := &openapi3filter.ResponseValidationInput{RequestValidationInput: in, Status: got.Code, Header: got.Header(), Options: in.Options}
	out.SetBodyBytes(got.Body.Bytes())
	if err := openapi3filter.ValidateResponse(r.Context(), out); err != nil {
		return err
	}
	described := o.Responses.Status(got.Code)
	if described == nil {
		return errors.New("status is not described") // kin-openapi lets some pass
	}
	if got.Body.Len() > 0 && len(described.Value.Content) == 0 {
		return errors.New("a body is not described")
	}
	d.note(o, got, described.Value)
	return nil
}

// authenticated holds that an accepted request had a key, where one is needed.
func authenticated(_ context.Context, in *openapi3filter.AuthenticationInput) error {
	if !strings.HasPrefix(in.RequestValidationInput.Request.Header.Get("Authorization"), "Bearer ") {
		return errors.New("it has no key")
	}
	return nil
}

// note keeps which status and which examples an answer is.
func (d *Document) note(o *operation, got *httptest.ResponseRecorder, described *openapi3.Response) {
	d.mu.Lock()
	defer d.mu.Unlock()
	status := o.OperationID + " " + strconv.Itoa(got.Code)
	d.seen[status] = true
	mediaType := got.Header().Get("Content-Type")
	media := described.Content.Get(mediaType)
	if media == nil {
		return
	}
	for name, example := range examplesOf(media) {
		if difference(example, got.Body.Bytes()) == "" {
			d.seen[status+" "+strings.Split(mediaType, ";")[0]+" "+name] = true
		}
	}
}

// Complete fails the test where the document describes an answer that no
// exchange was, or shows an example of one. Those of rare, "operation status",
// are answers that a test cannot bring about.
func (d *Document) Complete(t testing.TB, rare ...string) {
	t.Helper()
	for _, o := range d.order {
		for code, response := range o.Responses.Map() {
			status := o.OperationID + " " + code
			if slices.Contains(rare, status) {
				continue
			}
			if !d.seen[status] {
				t.Errorf("%s was never answered", status)
			}
			for mediaType, media := range response.Value.Content {
				for name := range examplesOf(media) {
					if example := status + " " + mediaType + " " + name; !d.seen[example] {
						t.Errorf("no answer was like the example of %s", example)
					}
				}
			}
		}
	}
}
