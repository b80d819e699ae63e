package web

import (
	"net/http"
	"strconv"
	"sync"

	"github.com/labstack/echo/v4"
)

// Blob answers with a body that is at hand as a whole. On a connection of [Serve]
// it goes out in one write, header and all: net/http has a buffer of 4 KB, sends
// what is longer in two, and each costs a system call, a packet, and the client
// another time to wake up.
func Blob(c echo.Context, status int, contentType string, body []byte) (err error) {
	c.Response().Header().Set(echo.HeaderContentLength, strconv.Itoa(len(body))) // else what is long goes out in chunks
	conn, ok := c.Request().Context().Value(connectionKey{}).(*connection)
	// With TLS others than the handler write to the connection: alerts, and on HTTP/2
	// the answers of other requests.
	if !ok || len(body) > mostHeld || conn.gate.secure {
		return c.Blob(status, contentType, body)
	}
	conn.hold()
	defer func() {
		if lost := conn.release(); err == nil {
			err = lost
		}
	}()
	if err := c.Blob(status, contentType, body); err != nil {
		return err
	}
	return http.NewResponseController(c.Response().Writer).Flush()
}

// mostHeld is how long a body may be to be copied, so that it goes out in one
// write. Of a longer one a second write is not felt.
const mostHeld = 64 << 10

// rooms is room for what is held, which is so for a moment only.
var rooms = sync.Pool{New: func() any { return new([]byte) }}

// hold keeps back what is written, until release. Between the two the answer
// itself is written and nothing else: whatever else net/http may write, such as
// 100 Continue, must not wait.
func (c *connection) hold() { c.held = rooms.Get().(*[]byte) }

// release writes what was held.
func (c *connection) release() (err error) {
	room := c.held
	c.held = nil
	if len(*room) > 0 {
		_, err = c.Conn.Write(*room)
	}
	*room = (*room)[:0]
	rooms.Put(room)
	return err
}

func (c *connection) Write(p []byte) (int, error) {
	if c.held == nil {
		return c.Conn.Write(p)
	}
	*c.held = append(*c.held, p...)
	return len(p), nil
}
