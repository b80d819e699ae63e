package mail

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/smtp"
	"net/textproto"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Security is how a connection to a mail server is protected.
type Security string

const (
	STARTTLS Security = "starttls" // RFC 3207; a server that does not offer it is sent nothing
	TLS      Security = "tls"      // from the first byte (RFC 8314)
	Clear    Security = "none"     // to a server on this machine alone
)

// Server is the mail server that letters are handed to.
type Server struct {
	Host     string
	Port     int
	Security Security
	User     string // "": the server asks nobody
	Password string
	Hello    string         // name of this machine, as the server is told; "": localhost
	Roots    *x509.CertPool // who vouches for it; nil: the system's
}

// Check says what is wrong with what is set.
func (s *Server) Check() error {
	switch {
	case s.Host == "" || strings.ContainsAny(s.Host, " \t\r\n/@"):
		return fmt.Errorf("host: %q is not the name of a mail server", s.Host)
	case s.Port < 1 || s.Port > 65535:
		return fmt.Errorf("port: %d is none", s.Port)
	case !slices.Contains([]Security{STARTTLS, TLS, Clear}, s.Security):
		return fmt.Errorf("security: %q is neither %s, %s nor %s", s.Security, STARTTLS, TLS, Clear)
	case s.Security == Clear && !s.here():
		return fmt.Errorf("security: %s is for a server on this machine; addresses and links would cross the network in the clear", Clear)
	case (s.User == "") != (s.Password == ""):
		return errors.New("user: it comes with a password, and the password with it")
	}
	return nil
}

func (s *Server) here() bool {
	ip := net.ParseIP(s.Host)
	return s.Host == "localhost" || ip != nil && ip.IsLoopback()
}

// Outcome is what came of a try to send a message.
type Outcome string

const (
	Refused    Outcome = "refused"    // the server will never take it
	Later      Outcome = "later"      // not now, or the connection was lost before all of it was there
	Unanswered Outcome = "unanswered" // all of it was sent, and no answer came: it may be on its way
	Held       Outcome = "held"       // the server takes no message at all, be it this or another one
)

// Failure is why a message was not taken. What Error says names no address, so that
// it may stand in a log; Text may.
type Failure struct {
	Outcome Outcome
	Step    string // what the server was told: "connect", "EHLO", "STARTTLS", "AUTH", "MAIL", "RCPT", "DATA"
	Code    int    // of the answer (RFC 5321, section 4.2); 0: there was none
	Status  string // enhanced status code of it (RFC 3463), such as 5.1.1, or ""
	Text    string // what the answer says besides, in one line
	Err     error  // where there was no answer
}

func (f *Failure) Error() string {
	switch {
	case f.Err != nil:
		return fmt.Sprintf("sending mail: %s: %v", f.Step, f.Err)
	case f.Status != "":
		return fmt.Sprintf("sending mail: %s was answered with %d %s", f.Step, f.Code, f.Status)
	}
	return fmt.Sprintf("sending mail: %s was answered with %d", f.Step, f.Code)
}

func (f *Failure) Unwrap() error { return f.Err }

// Times that a server has: to let us in, and to take one message.
const (
	connectTime = 30 * time.Second
	// SendTime bounds one call of Send.
	SendTime = 3 * time.Minute
)

// Session is a connection to a mail server. It is for one caller at a time.
type Session struct {
	conn   net.Conn
	client *smtp.Client
	broken bool
}

// failure makes of an error of a step what it means; refused is what an answer of
// the class 5yz means there.
func failure(step string, refused Outcome, err error) *Failure {
	f := &Failure{Outcome: Later, Step: step}
	answer, ok := errors.AsType[*textproto.Error](err)
	if !ok {
		f.Err = err
		return f
	}
	f.Code, f.Text = answer.Code, header(answer.Msg)
	first, rest, _ := strings.Cut(f.Text, " ")
	if class := strings.SplitN(first, ".", 3); len(class) == 3 && strings.Trim(strings.Join(class, ""), "0123456789") == "" && class[0] == strconv.Itoa(f.Code/100) {
		f.Status, f.Text = first, rest
	}
	switch {
	case f.Code == 421: // it is about to close the connection, whatever it was told
		f.Outcome = Held
	case f.Code/100 == 5:
		f.Outcome = refused
	}
	return f
}

// held is a failure of a server rather than of a message.
func held(step string, err error) error {
	f := failure(step, Held, err)
	f.Outcome = Held
	return f
}

// Open connects to a server, checks its certificate and logs in. The error is a
// [*Failure].
func (s *Server) Open(ctx context.Context) (*Session, error) {
	ctx, cancel := context.WithTimeout(ctx, connectTime)
	defer cancel()
	address := net.JoinHostPort(s.Host, strconv.Itoa(s.Port))
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, held("connect", err)
	}
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) }) // what waits, ends
	defer stop()
	session, step, err := s.greet(conn)
	if err != nil {
		conn.Close()
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return nil, held(step, err)
	}
	return session, nil
}

// greet is what comes before the first message.
func (s *Server) greet(conn net.Conn) (_ *Session, step string, err error) {
	config := &tls.Config{ServerName: s.Host, RootCAs: s.Roots, MinVersion: tls.VersionTLS12}
	c := &Session{conn: conn}
	if s.Security == TLS {
		c.conn = tls.Client(conn, config)
	}
	if c.client, err = smtp.NewClient(c.conn, s.Host); err != nil {
		return nil, "connect", err
	}
	hello := s.Hello
	if hello == "" {
		hello = "localhost"
	}
	if err := c.client.Hello(hello); err != nil {
		return nil, "EHLO", err
	}
	if s.Security == STARTTLS {
		if ok, _ := c.client.Extension("STARTTLS"); !ok {
			return nil, "STARTTLS", errors.New("the server does not offer it")
		}
		if err := c.client.StartTLS(config); err != nil {
			return nil, "STARTTLS", err
		}
	}
	if s.User != "" {
		_, offered := c.client.Extension("AUTH")
		methods := strings.Fields(strings.ToUpper(offered))
		var auth smtp.Auth
		switch {
		case slices.Contains(methods, "PLAIN"):
			auth = smtp.PlainAuth("", s.User, s.Password, s.Host) // which refuses to do so in the clear, but to this machine
		case slices.Contains(methods, "LOGIN"):
			auth = &loginAuth{s}
		default:
			return nil, "AUTH", errors.New("the server offers neither PLAIN nor LOGIN")
		}
		if err := c.client.Auth(auth); err != nil {
			return nil, "AUTH", err
		}
	}
	return c, "", nil
}

// loginAuth is the method LOGIN, which no RFC has and some servers have alone. It
// comes after TLS, or stays on this machine: see Check.
type loginAuth struct{ s *Server }

func (a *loginAuth) Start(*smtp.ServerInfo) (string, []byte, error) { return "LOGIN", nil, nil }

func (a *loginAuth) Next(asked []byte, more bool) ([]byte, error) {
	switch {
	case !more:
		return nil, nil
	case strings.HasPrefix(strings.ToLower(string(asked)), "user"):
		return []byte(a.s.User), nil
	case strings.HasPrefix(strings.ToLower(string(asked)), "pass"):
		return []byte(a.s.Password), nil
	}
	return nil, errors.New("the server asks for neither name nor password")
}

// Send has one message delivered: nil means that the server has taken it upon
// itself. The error is a [*Failure], or one of writing the message. Of
// delivery the server is asked to report failures alone, and to return the headers
// alone, since what a letter says is for one reader.
func (c *Session) Send(ctx context.Context, m *Message) error {
	raw, err := m.bytes()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, SendTime)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { c.conn.SetDeadline(time.Unix(1, 0)) })
	defer func() {
		if !stop() {
			c.broken = true // its deadline is over
		}
	}()

	// 1. From whom. What is refused here would be refused of any message.
	mail, rcpt := "MAIL FROM:<"+m.From.String()+">", "RCPT TO:<"+m.To.String()+">"
	if m.From.international() || m.To.international() {
		if ok, _ := c.client.Extension("SMTPUTF8"); !ok {
			return &Failure{Outcome: Refused, Step: "MAIL", Status: "5.6.7", Text: "the mail server does not take addresses with letters beyond ASCII (SMTPUTF8)"}
		}
		mail += " SMTPUTF8"
		if ok, _ := c.client.Extension("8BITMIME"); ok {
			mail += " BODY=8BITMIME"
		}
	}
	if ok, _ := c.client.Extension("DSN"); ok { // RFC 3461
		mail += " RET=HDRS ENVID=" + m.ID
		rcpt += " NOTIFY=FAILURE"
	}
	if err := c.command(250, mail); err != nil {
		c.reset()
		return held("MAIL", err)
	}

	// 2. To whom: one recipient, always.
	if err := c.command(25, rcpt); err != nil {
		c.reset()
		return c.failed(failure("RCPT", Refused, err))
	}

	// 3. What. Up to the last line nothing is delivered; after it, everything may be.
	if err := c.command(354, "DATA"); err != nil {
		c.reset()
		return c.failed(failure("DATA", Refused, err))
	}
	w := c.client.Text.DotWriter()
	if _, err := w.Write(raw); err != nil {
		c.broken = true
		return failure("DATA", Refused, err)
	}
	if err := w.Close(); err != nil {
		c.broken = true
		return &Failure{Outcome: Unanswered, Step: "DATA", Err: err}
	}
	if _, _, err := c.client.Text.ReadResponse(250); err != nil {
		f := failure("DATA", Refused, err)
		if f.Code == 0 {
			f.Outcome = Unanswered
		}
		return c.failed(f)
	}
	return nil
}

// command sends one line and waits for an answer that begins so.
func (c *Session) command(expected int, line string) error {
	id, err := c.client.Text.Cmd("%s", line)
	if err != nil {
		return err
	}
	c.client.Text.StartResponse(id)
	defer c.client.Text.EndResponse(id)
	_, _, err = c.client.Text.ReadResponse(expected)
	return err
}

// reset begins anew after something was refused.
func (c *Session) reset() {
	if err := c.command(250, "RSET"); err != nil {
		c.broken = true
	}
}

// failed passes a failure on, after which the connection may be of no use.
func (c *Session) failed(f *Failure) error {
	if f.Code == 0 || f.Code == 421 {
		c.broken = true
	}
	return f
}

// Broken reports whether the connection cannot be used any more.
func (c *Session) Broken() bool { return c.broken }

// quitTime is how long a server has to say goodbye.
const quitTime = 2 * time.Second

// Close ends the session.
func (c *Session) Close() {
	if !c.broken {
		c.conn.SetDeadline(time.Now().Add(quitTime))
		c.command(221, "QUIT")
	}
	c.conn.Close()
}
