package web

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"
)

// Metrics count by pattern, and what clients make up neither shows nor adds a
// series.
func TestMetricsNameNobody(t *testing.T) {
	m := NewMetrics()
	k, _ := newKit(t, Config{Metrics: m})
	e := k.Echo()
	e.GET("/h/:link", func(c echo.Context) error { return c.String(http.StatusOK, "ok") })
	e.POST("/broken", func(echo.Context) error { return errors.New("x") })
	for _, link := range []string{"SECRET1", "SECRET2"} {
		ask(e, "GET", "/h/"+link+"?name=SECRET", "")
	}
	ask(e, "POST", "/broken", "")
	for _, path := range []string{"/SECRET3", "/SECRET4"} {
		ask(e, "GET", path, "", "X-Forwarded-For", "192.0.2.99")
		ask(e, "SECRET"+path[7:], "/h/x", "")
	}
	r := ask(m.Echo(), "GET", "/metrics", "")
	got := text(t, r)
	for _, want := range []string{
		`indeks_http_requests_total{method="GET",route="/h/:link",status="200"} 2`,
		`indeks_http_requests_total{method="POST",route="/broken",status="500"} 1`,
		`indeks_http_requests_total{method="GET",route="",status="404"} 2`,
		`indeks_http_requests_total{method="other",route="/h/:link",status="405"} 2`,
		`indeks_http_request_seconds_count{method="GET",route="/h/:link"} 2`,
		"go_build_info{", "process_open_fds ", "go_goroutines ",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %s", want)
		}
	}
	if r.StatusCode != http.StatusOK || strings.Contains(got, "SECRET") || strings.Contains(got, "192.0.2") {
		t.Errorf("%d\n%s", r.StatusCode, got)
	}
	if t.Failed() {
		t.Log(got)
	}
}

// A figure that cannot be read is an error, not 0 and not an old value.
func TestFiguresThatCannotBeRead(t *testing.T) {
	m, broken := NewMetrics(), error(nil)
	count := m.Counter("x_total", "X.", "what")
	m.Figures("list", map[string]string{"y": "Y."}, func(context.Context) ([]Figure, error) {
		return []Figure{{Name: "y", Label: "r1", Value: 7}, {Name: "z", Value: 8}}, broken
	})
	count("a")
	if got := text(t, ask(m.Echo(), "GET", "/metrics", "")); !strings.Contains(got, "\ny{list=\"r1\"} 7\n") || !strings.Contains(got, "\nz 8\n") || !strings.Contains(got, `x_total{what="a"} 1`) {
		t.Error(got)
	}
	broken = errors.New("the disk is gone")
	if r := ask(m.Echo(), "GET", "/metrics", ""); r.StatusCode != http.StatusInternalServerError {
		t.Error(r.StatusCode, text(t, r))
	}

	// Where nobody asks for metrics, nothing is counted and nothing fails.
	var none *Metrics
	none.Counter("x_total", "X.", "what")("a")
	none.Gauge("g", "G.", nil)
	none.Figures("", nil, nil)
	none.request("GET", "/", 200, 0)
}
