package main

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"

	"github.com/go-json-experiment/json"
)

// serverFlag is for commands that a running issuer can do as well, which holds
// the records then.
type serverFlag struct {
	Server     string `help:"Ask a running issuer server instead of opening the records." placeholder:"URL"`
	APIKeyFile string `name:"api-key-file" help:"File with an API key, for --server. Default: INDEKS_API_KEY." type:"existingfile" placeholder:"FILE"`

	client *http.Client // nil: the usual one
}

// apiKey is the key that requests carry.
func (f serverFlag) apiKey() (string, error) {
	if f.APIKeyFile == "" {
		return os.Getenv("INDEKS_API_KEY"), nil
	}
	raw, err := os.ReadFile(f.APIKeyFile)
	if err != nil {
		return "", fmt.Errorf("reading the API key: %w", err)
	}
	return trimLine(raw), nil
}

// ask sends a request with a JSON body, with what a reader reads, or for nil with
// none, and reads the answer into what into points at: JSON, or into bytes whatever
// it is. What the server refuses is an error in its own words, with
// the places that it names.
func (f serverFlag) ask(ctx context.Context, method, path string, body, into any, headers ...string) error {
	key, err := f.apiKey()
	if err != nil {
		return err
	}
	sent, whole := body.(io.Reader)
	if body != nil && !whole {
		raw, err := json.Marshal(body)
		if err != nil {
			return err
		}
		sent = bytes.NewReader(raw)
	}
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(f.Server, "/")+path, sent)
	if err != nil {
		return &exitError{exitUsage, err}
	}
	req.Header.Set("Authorization", "Bearer "+key)
	req.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := cmp.Or(f.client, http.DefaultClient).Do(req)
	if err != nil {
		return fmt.Errorf("asking the issuer's server: %w", err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, 64<<20))
	if err != nil {
		return fmt.Errorf("asking the issuer's server: %w", err)
	}
	if resp.StatusCode < 300 && into == nil {
		return nil
	}
	if resp.StatusCode < 300 {
		if file, ok := into.(*[]byte); ok {
			*file = raw
			return nil
		}
		if err := json.Unmarshal(raw, into, json.MatchCaseInsensitiveNames(true)); err != nil {
			return fmt.Errorf("asking the issuer's server: it answered %s with something else than expected: %w", resp.Status, err)
		}
		return nil
	}
	var problem struct {
		Title, Detail string
		Errors        []struct{ Pointer, Detail string }
	}
	if err := json.Unmarshal(raw, &problem, json.MatchCaseInsensitiveNames(true)); err != nil {
		return fmt.Errorf("asking the issuer's server: it answered %s with something that is not JSON", resp.Status)
	}
	said := problem.Title
	if problem.Detail != "" && !strings.EqualFold(problem.Detail, problem.Title) {
		said += ": " + problem.Detail
	}
	for _, e := range problem.Errors {
		said += "\n  "
		if e.Pointer != "" {
			said += e.Pointer + ": "
		}
		said += e.Detail
	}
	return &refusal{resp.StatusCode, said}
}

// refusal is what the server said instead of doing what it was asked to.
type refusal struct {
	status int
	said   string
}

func (r *refusal) Error() string { return "asking the issuer's server: " + r.said }

// final reports whether the same request again would be refused again: nothing came
// of it.
func (r *refusal) final() bool {
	return r.status < http.StatusInternalServerError && r.status != http.StatusTooManyRequests
}
