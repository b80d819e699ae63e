package mail

import (
	"context"
	"errors"
)

// Carrier hands messages to a mail server over one connection, which it keeps while
// there are more. It is for one caller at a time.
type Carrier struct {
	Server Server

	session *Session
	carried int // over this connection
}

// maxCarried is how many messages go over one connection: some servers take no more.
const maxCarried = 100

// Carry sends a message as [Session.Send] does.
func (c *Carrier) Carry(ctx context.Context, m *Message) error {
	if c.carried >= maxCarried {
		c.Rest()
	}
	kept := c.session != nil
	for {
		if c.session == nil {
			session, err := c.Server.Open(ctx)
			if err != nil {
				return err
			}
			c.session, c.carried = session, 0
		}
		err := c.session.Send(ctx, m)
		c.carried++
		if c.session.Broken() {
			c.Rest()
			// A connection that was kept may have been ended by the server meanwhile:
			// nothing was sent over it.
			if f, ok := errors.AsType[*Failure](err); ok && kept && f.Outcome == Held && ctx.Err() == nil {
				kept = false
				continue
			}
		}
		return err
	}
}

// Rest ends the connection, until there is something to carry again.
func (c *Carrier) Rest() {
	if c.session != nil {
		c.session.Close()
		c.session = nil
	}
}
