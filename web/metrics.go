package web

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Metrics is what an operator's Prometheus reads of one server. It counts, and
// names nobody: labels are patterns of routes and words of ours, never what a
// client sent, so that their number is bounded too. It is safe for concurrent
// use; a nil one counts nothing.
type Metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
}

// NewMetrics returns metrics of the process, of the build and of requests.
func NewMetrics() *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "indeks_http_requests_total", Help: "Requests answered."}, []string{"method", "route", "status"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "indeks_http_request_seconds", Help: "Time from the header of a request to the end of its answer.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60}}, []string{"method", "route"}),
	}
	m.registry.MustRegister(m.requests, m.seconds, collectors.NewBuildInfoCollector(), collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// request counts one request. The route is a pattern, "" where there is none.
func (m *Metrics) request(method, route string, status int, took time.Duration) {
	if m == nil {
		return
	}
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost:
	default:
		method = "other" // clients may make up any
	}
	m.requests.WithLabelValues(method, route, strconv.Itoa(status)).Inc()
	m.seconds.WithLabelValues(method, route).Observe(took.Seconds())
}

// Counter registers a counter by one label and returns what counts. The caller
// answers for it that the label takes few values.
func (m *Metrics) Counter(name, help, label string) (count func(value string)) {
	if m == nil {
		return func(string) {}
	}
	c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, []string{label})
	m.registry.MustRegister(c)
	return func(value string) { c.WithLabelValues(value).Inc() }
}

// Gauge registers a figure that read tells each time somebody asks.
func (m *Metrics) Gauge(name, help string, read func() float64) {
	if m != nil {
		m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, read))
	}
}

// Figure is one figure of several that are read together; Label is "" where
// there is one of its name.
type Figure struct {
	Name  string
	Label string
	Value float64
}

// Figures registers figures that read tells each time somebody asks; help is by
// name, label what the labels of all of them are called. An error is an error of
// the whole answer: a figure that could not be read must not look like 0.
func (m *Metrics) Figures(label string, help map[string]string, read func(context.Context) ([]Figure, error)) {
	if m != nil {
		m.registry.MustRegister(figures{label, help, read})
	}
}

// figures is what Figures registers. It describes nothing in advance, which
// makes it an unchecked collector.
type figures struct {
	label string
	help  map[string]string
	read  func(context.Context) ([]Figure, error)
}

func (figures) Describe(chan<- *prometheus.Desc) {}

func (f figures) Collect(to chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	list, err := f.read(ctx)
	if err != nil {
		to <- prometheus.NewInvalidMetric(prometheus.NewInvalidDesc(err), err)
		return
	}
	for _, figure := range list {
		labels, values := []string{f.label}, []string{figure.Label}
		if figure.Label == "" {
			labels, values = nil, nil
		}
		to <- prometheus.MustNewConstMetric(prometheus.NewDesc(figure.Name, f.help[figure.Name], labels, nil), prometheus.GaugeValue, figure.Value, values...)
	}
}

// Echo answers /metrics. What it tells is for operators: it is served on an
// address of its own that the world does not reach.
func (m *Metrics) Echo() *echo.Echo {
	e := echo.New()
	e.GET("/metrics", echo.WrapHandler(promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})))
	return e
}
