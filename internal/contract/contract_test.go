package contract

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

const document = `{"openapi": "3.1.0", "info": {"title": "Pears", "version": "1"}, "paths": {"/pears/{id}": {"post": {
	"operationId": "post", "security": [{"key": []}],
	"parameters": [{"name": "id", "in": "path", "required": true, "schema": {"type": "string"}, "example": "7"}],
	"requestBody": {"required": true, "content": {"application/json": {"schema": {"type": "object", "required": ["weight"], "properties": {"weight": {"type": "integer"}}},
		"examples": {"heavy": {"value": {"weight": 9}}}}}},
	"responses": {"200": {"description": "Kept.", "headers": {"ETag": {"required": true, "schema": {"type": "string"}}},
		"content": {"application/json": {"schema": {"type": "object", "required": ["id"], "properties": {"id": {"type": "string"}, "at": {"type": "string"}}},
			"examples": {"heavy": {"value": {"id": "7", "at": "2026-01-01T00:00:00Z"}}}}}}}}}},
	"components": {"securitySchemes": {"key": {"type": "http", "scheme": "bearer"}}}}`

// findings is a test that only listens.
type findings struct {
	testing.TB
	found []string
}

func (f *findings) Helper() {}
func (f *findings) Errorf(format string, a ...any) {
	f.found = append(f.found, fmt.Sprintf(format, a...))
}
func (f *findings) Error(a ...any) { f.found = append(f.found, fmt.Sprint(a...)) }

// Each way of leaving the document is found, and the way of keeping to it is not.
func TestWhatIsFound(t *testing.T) {
	const good = `{"id": "7", "at": "2026-11-12T13:14:15Z"}`
	for _, c := range []struct {
		name          string
		status        int
		tag, kind     string
		answer, wants string // wants "": nothing is found
	}{
		{"as described", 200, "1", "application/json", good, ""},
		{"another status", 201, "1", "application/json", good, "status is not supported"},
		{"one that is often let pass", 301, "1", "application/json", good, "status is not described"},
		{"a member that is not described", 200, "1", "application/json", `{"id": "7", "colour": "red"}`, "colour"},
		{"a member is missing", 200, "1", "application/json", `{}`, "id"},
		{"of another type", 200, "1", "application/json", `{"id": 7}`, "string"},
		{"another content type", 200, "1", "text/plain", good, "Content-Type"},
		{"a header is missing", 200, "", "application/json", good, "ETag"},
		{"not as shown", 200, "1", "application/json", `{"id": "8"}`, `example "heavy"`},
		{"as shown, but refused", 500, "1", "application/json", good, `example "heavy"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := &findings{TB: t}
			d := Read(t, []byte(document))
			server := httptest.NewServer(d.Handler(f, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if body, err := io.ReadAll(r.Body); err != nil || string(body) != `{"weight":9}` || r.URL.Path != "/pears/7" || r.Header.Get("Authorization") != "Bearer k" {
					t.Errorf("%s with %s, %v", r.URL, body, r.Header)
				}
				if c.tag != "" {
					w.Header().Set("ETag", c.tag)
				}
				w.Header().Set("Content-Type", c.kind)
				w.WriteHeader(c.status)
				io.WriteString(w, c.answer)
			})))
			defer server.Close()
			d.Examples(f, server.URL, "k")
			if all := strings.Join(f.found, "\n"); (c.wants == "") != (all == "") || !strings.Contains(all, c.wants) {
				t.Errorf("found %q, want %q", all, c.wants)
			}
			unseen := &findings{TB: t}
			if d.Complete(unseen); (c.wants == "") != (len(unseen.found) == 0) {
				t.Errorf("unseen: %q", unseen.found)
			}
		})
	}
}

// What the server accepts must be allowed.
func TestAcceptedRequests(t *testing.T) {
	d := Read(t, []byte(document))
	for _, c := range []struct{ body, key, wants string }{
		{`{"weight": 1}`, "Bearer k", ""},
		{`{"weight": "much"}`, "Bearer k", "weight"},
		{`{}`, "Bearer k", "weight"},
		{`{"weight": 1}`, "", "no key"},
	} {
		f := &findings{TB: t}
		r := httptest.NewRequest("POST", "/pears/1", strings.NewReader(c.body))
		r.Header.Set("Authorization", c.key)
		d.Handler(f, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("ETag", "1")
			w.Header().Set("Content-Type", "application/json")
			io.WriteString(w, `{"id": "1"}`)
		})).ServeHTTP(httptest.NewRecorder(), r)
		if all := strings.Join(f.found, "\n"); (c.wants == "") != (all == "") || !strings.Contains(all, c.wants) {
			t.Errorf("%s with %q: found %q, want %q", c.body, c.key, all, c.wants)
		}
	}
}

func TestRoutes(t *testing.T) {
	d := Read(t, []byte(document))
	for _, c := range []struct {
		routes, pages []string
		want          string
	}{
		{[]string{"POST /pears/:id", "GET /"}, []string{"GET /"}, ""},
		{[]string{"POST /pears/:id", "GET /"}, nil, "GET / is not described"},
		{[]string{"POST /pears/:number"}, nil, "POST /pears/:id is described"},
		{[]string{"POST /pears/:id"}, []string{"POST /pears/:id"}, "POST /pears/:id is described"},
		{[]string{"POST /pears/:id"}, []string{"GET /"}, "GET / is said to be a page"},
	} {
		f := &findings{TB: t}
		d.Routes(f, c.routes, c.pages)
		if all := strings.Join(f.found, "\n"); (c.want == "") != (all == "") || !strings.Contains(all, c.want) {
			t.Errorf("%v but %v: found %q, want %q", c.routes, c.pages, all, c.want)
		}
	}
}
