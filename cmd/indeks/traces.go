package main

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"strings"

	"indeks/web"
)

// Traces says where both servers tell how long requests and the steps in them
// take. Nothing of a person, a credential or a client is in it.
type Traces struct {
	// Endpoint is the URL of a collector that takes OTLP over HTTP as JSON, such as
	// http://127.0.0.1:4318/v1/traces; "": nothing is traced.
	Endpoint string `yaml:"endpoint,omitempty"`
	// Share of the requests is traced, 0 to 1.
	Share float64 `yaml:"share,omitempty"`
	// HeadersFile has lines "Name: value" that are sent to the collector, such as its
	// key.
	HeadersFile string `yaml:"headers_file,omitempty"`
}

// defaultTraces is what the file leaves out.
var defaultTraces = Traces{Share: 1}

// check names the first key that makes no sense.
func (t *Traces) check() error {
	u, err := url.Parse(t.Endpoint)
	switch {
	case !(t.Share >= 0 && t.Share <= 1):
		return fmt.Errorf("share: %v is not from 0 to 1", t.Share)
	case t.Endpoint == "" && t.HeadersFile != "":
		return fmt.Errorf("headers_file: it goes with an endpoint")
	case t.Endpoint != "" && (err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.Fragment != ""):
		return fmt.Errorf("endpoint: it is not a URL like http://127.0.0.1:4318/v1/traces; what is secret goes into headers_file")
	}
	return nil
}

// trace starts the traces of a server, nil where there are none.
func (c *Config) trace(service string) (*web.Traces, error) {
	t := c.Traces
	if t.Endpoint == "" || t.Share == 0 {
		return nil, nil
	}
	header := http.Header{}
	if t.HeadersFile != "" {
		raw, err := os.ReadFile(c.path(t.HeadersFile))
		if err != nil {
			return nil, fmt.Errorf("traces.headers_file in %s: %w", configName, err)
		}
		for n, line := range strings.Split(string(raw), "\n") {
			name, value, ok := strings.Cut(strings.TrimSpace(line), ":")
			if line = strings.TrimSpace(line); line == "" {
				continue
			}
			if !ok || name == "" || strings.ContainsAny(name, " \t") {
				return nil, fmt.Errorf("traces.headers_file in %s: line %d of %s is not Name: value", configName, n+1, c.path(t.HeadersFile))
			}
			header.Add(name, strings.TrimSpace(value))
		}
	}
	return web.NewTraces(web.TracesConfig{Endpoint: t.Endpoint, Header: header, Share: t.Share, Service: "indeks-" + service, Version: version(), Log: slog.Default()}), nil
}
