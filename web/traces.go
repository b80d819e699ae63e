package web

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/go-json-experiment/json"
	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	"go.opentelemetry.io/otel/sdk/trace"
	oteltrace "go.opentelemetry.io/otel/trace"
)

// Traces tell a collector how long requests and the steps in them take. They name
// nobody: a span has a name of ours, a time, and of attributes those of tracedAttributes.
// Nothing is taken over from what a client sends. It is safe for concurrent use; a
// nil one traces nothing and costs nothing.
type Traces struct {
	provider *trace.TracerProvider
	tracer   oteltrace.Tracer
}

// TracesConfig says to whom traces go.
type TracesConfig struct {
	Endpoint string      // URL of a collector that takes OTLP/HTTP as JSON, with its path
	Header   http.Header // sent along, such as the collector's key
	Share    float64     // of the requests that are traced, 0 to 1
	Service  string      // which server this is
	Version  string
	Log      *slog.Logger // nil: slog.Default()
}

// NewTraces starts what collects spans and sends them. [Traces.Close] ends it.
func NewTraces(c TracesConfig) *Traces {
	if c.Log == nil {
		c.Log = slog.Default()
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.Proxy = nil
	collector := &collector{config: c, client: &http.Client{Transport: transport, Timeout: sendTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
	provider := trace.NewTracerProvider(
		trace.WithBatcher(collector, trace.WithExportTimeout(sendTimeout)),
		trace.WithSampler(trace.ParentBased(trace.TraceIDRatioBased(c.Share))),
		trace.WithResource(resource.Empty()),
	)
	return &Traces{provider: provider, tracer: provider.Tracer("indeks")}
}

// sendTimeout is for one batch, and for what is left when the server ends.
const sendTimeout = 5 * time.Second

// Close sends what is left.
func (t *Traces) Close() {
	if t == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), sendTimeout)
	defer cancel()
	t.provider.Shutdown(ctx) // the collector logs what fails
}

// Handler traces the requests to h. Whatever a client says of traces of its own is
// not read.
func (t *Traces) Handler(h http.Handler) http.Handler {
	if t == nil {
		return h
	}
	return otelhttp.NewHandler(h, "request", otelhttp.WithTracerProvider(t.provider), otelhttp.WithPropagators(propagation.NewCompositeTextMapPropagator()))
}

// route gives the span of a request its name, and returns the id of the trace for
// the log, "" where it is not traced.
func (t *Traces) route(ctx context.Context, method, pattern string) string {
	if t == nil {
		return ""
	}
	span := oteltrace.SpanFromContext(ctx)
	if !span.IsRecording() {
		return ""
	}
	span.SetName(method + " " + pattern)
	span.SetAttributes(attribute.String("http.route", pattern))
	return span.SpanContext().TraceID().String()
}

// Steps is for the packages that do the work: it begins a step, whose name is one of
// a few words of the caller's, and returns what ends it. Of an error no more is told
// than that there was one. It is nil where nothing is traced.
func (t *Traces) Steps() func(ctx context.Context, name string) (inner context.Context, end func(error)) {
	if t == nil {
		return nil
	}
	return func(ctx context.Context, name string) (context.Context, func(error)) {
		ctx, span := t.tracer.Start(ctx, name)
		return ctx, func(err error) {
			if err != nil {
				span.SetStatus(codes.Error, "")
			}
			span.End()
		}
	}
}

// tracedAttributes may leave the house. What else a library adds, such as path,
// address and program of the client, does not.
var tracedAttributes = map[attribute.Key]bool{
	"http.request.method": true, "http.route": true, "http.response.status_code": true, "network.protocol.version": true, "url.scheme": true,
}

// collector sends spans by OTLP/HTTP in its JSON encoding. The library's own
// exporter would link all of gRPC into the program, which doubles it.
type collector struct {
	config TracesConfig
	client *http.Client
	failed atomic.Bool
}

// The JSON encoding of OTLP: ids in hexadecimal, 64-bit numbers as text.
type (
	otlpTraces struct {
		ResourceSpans []otlpResourceSpans `json:"resourceSpans"`
	}
	otlpResourceSpans struct {
		Resource   otlpResource     `json:"resource"`
		ScopeSpans []otlpScopeSpans `json:"scopeSpans"`
	}
	otlpResource struct {
		Attributes []otlpAttribute `json:"attributes"`
	}
	otlpScopeSpans struct {
		Scope otlpScope  `json:"scope"`
		Spans []otlpSpan `json:"spans"`
	}
	otlpScope struct {
		Name string `json:"name"`
	}
	otlpSpan struct {
		TraceID      string          `json:"traceId"`
		SpanID       string          `json:"spanId"`
		ParentSpanID string          `json:"parentSpanId,omitzero"`
		Name         string          `json:"name"`
		Kind         int             `json:"kind"`
		Start        string          `json:"startTimeUnixNano"`
		End          string          `json:"endTimeUnixNano"`
		Attributes   []otlpAttribute `json:"attributes,omitzero"`
		Status       otlpStatus      `json:"status"`
	}
	otlpStatus struct {
		Code int `json:"code,omitzero"`
	}
	otlpAttribute struct {
		Key   string    `json:"key"`
		Value otlpValue `json:"value"`
	}
	otlpValue struct {
		String string `json:"stringValue,omitzero"`
		Int    string `json:"intValue,omitzero"`
	}
)

// ExportSpans sends one batch. A batch that is not taken is lost: work does not wait
// for those who watch it. That it is so is logged once.
func (c *collector) ExportSpans(ctx context.Context, spans []trace.ReadOnlySpan) error {
	err := c.send(ctx, spans)
	if was := c.failed.Swap(err != nil); err != nil && !was {
		c.config.Log.Warn("traces are not taken, and lost until they are", "error", err)
	} else if err == nil && was {
		c.config.Log.Info("traces are taken again")
	}
	return nil
}

// Shutdown has nothing to do: what was not sent was given to ExportSpans.
func (c *collector) Shutdown(context.Context) error { return nil }

func (c *collector) send(ctx context.Context, spans []trace.ReadOnlySpan) error {
	scope := otlpScopeSpans{Scope: otlpScope{"indeks"}}
	for _, s := range spans {
		scope.Spans = append(scope.Spans, encodeSpan(s))
	}
	body, err := json.Marshal(otlpTraces{[]otlpResourceSpans{{
		Resource:   otlpResource{[]otlpAttribute{{"service.name", otlpValue{String: c.config.Service}}, {"service.version", otlpValue{String: c.config.Version}}}},
		ScopeSpans: []otlpScopeSpans{scope},
	}}})
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.config.Endpoint, bytes.NewReader(body))
	if err != nil {
		return err
	}
	for name, values := range c.config.Header {
		req.Header[name] = values
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := c.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10))
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("the collector answered %d", resp.StatusCode)
	}
	return nil
}

func encodeSpan(s trace.ReadOnlySpan) otlpSpan {
	ids := s.SpanContext()
	trace, span := ids.TraceID(), ids.SpanID()
	o := otlpSpan{
		TraceID: hex.EncodeToString(trace[:]), SpanID: hex.EncodeToString(span[:]), Name: s.Name(), Kind: int(s.SpanKind()),
		Start: strconv.FormatInt(s.StartTime().UnixNano(), 10), End: strconv.FormatInt(s.EndTime().UnixNano(), 10),
	}
	if parent := s.Parent(); parent.HasSpanID() {
		id := parent.SpanID()
		o.ParentSpanID = hex.EncodeToString(id[:])
	}
	if s.Status().Code == codes.Error {
		o.Status.Code = 2 // STATUS_CODE_ERROR
	}
	for _, a := range s.Attributes() {
		if !tracedAttributes[a.Key] {
			continue
		}
		value := otlpValue{String: a.Value.String()}
		if a.Value.Type() == attribute.INT64 {
			value = otlpValue{Int: value.String}
		}
		o.Attributes = append(o.Attributes, otlpAttribute{string(a.Key), value})
	}
	return o
}
