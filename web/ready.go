package web

import (
	"context"
	"net/http"
	"sync/atomic"

	"github.com/labstack/echo/v4"
)

// Condition is one thing that a server works with. Everybody may read it, so it
// quotes no error and names no file.
type Condition struct {
	Name   string `json:"name"`
	Holds  bool   `json:"holds"`
	Needed bool   `json:"needed"` // without it the server is of no use
	Detail string `json:"detail,omitempty"`

	Text string         `json:"-"` // id of the text that says the detail to people
	Args map[string]any `json:"-"` // its values
}

// Say gives a condition its detail, in English for programs and by a text for people.
func (c *Condition) Say(detail, text string, args map[string]any) {
	c.Detail, c.Text, c.Args = detail, text, args
}

// Ready answers a load balancer: 200 while all that is needed holds, 503 where
// it does not, and from the moment on in which the server was told to end.
func (k *Kit) Ready(conditions func(context.Context) []Condition) echo.HandlerFunc {
	return func(c echo.Context) error {
		answer := struct {
			Status     string      `json:"status"`
			Conditions []Condition `json:"conditions"`
		}{"ready", conditions(c.Request().Context())}
		if k.config.TLS != nil {
			answer.Conditions = append(answer.Conditions, k.config.TLS.Condition(Clock()))
		}
		status := http.StatusOK
		for _, one := range answer.Conditions {
			if one.Needed && !one.Holds {
				status, answer.Status = http.StatusServiceUnavailable, "not ready"
			}
		}
		if draining(c.Request().Context()) {
			status, answer.Status = http.StatusServiceUnavailable, "draining"
		}
		NoStore(c)
		return c.JSON(status, answer)
	}
}

// drainingKey leads from the context of a request to whether its server was told
// to end.
type drainingKey struct{}

func draining(ctx context.Context) bool {
	told, ok := ctx.Value(drainingKey{}).(*atomic.Bool)
	return ok && told.Load()
}
