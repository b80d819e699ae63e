// Package postbox is a mail server on this machine for tests: it speaks SMTP as
// others do, keeps what it is given, and refuses what a test wants refused.
package postbox

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"math/big"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// Options say what the server is like. The zero value is one in the clear that
// knows neither SMTPUTF8 nor DSN and asks nobody for a password.
type Options struct {
	TLS       bool // from the first byte
	STARTTLS  bool
	UTF8, DSN bool
	Login     bool // AUTH LOGIN in place of PLAIN
	User      string
	Password  string
	// Answer, unless nil, says how "MAIL", "RCPT" or "DATA" is answered; arg is the
	// address, or what was sent. [ErrLost] ends the connection without an answer.
	Answer func(step, arg string) error
}

// ErrLost is an answer that never comes.
var ErrLost = errors.New("the connection is lost")

// Refuse is an answer.
func Refuse(code int, status [3]int, text string) error {
	return &smtp.SMTPError{Code: code, EnhancedCode: status, Message: text}
}

// Message is what was given to the server.
type Message struct {
	From, To string
	Data     []byte
	UTF8     bool
	Return   string // RET of MAIL
	Envelope string // ENVID of MAIL
	Notify   string // NOTIFY of RCPT
	User     string // who was logged in
	TLS      bool
}

// Box is the server.
type Box struct {
	Port  int
	Roots *x509.CertPool // who vouches for its certificate, which is for localhost
	PEM   []byte         // the same

	options  Options
	mu       sync.Mutex
	messages []Message
	opened   int
}

// Start starts a server on a free port of 127.0.0.1 and ends it with the test.
func Start(t testing.TB, o Options) *Box {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return Serve(t, l, o)
}

// Serve is Start on a listener of the test's.
func Serve(t testing.TB, l net.Listener, o Options) *Box {
	t.Helper()
	b := &Box{Port: l.Addr().(*net.TCPAddr).Port, options: o}
	s := smtp.NewServer(b)
	s.Domain, s.AllowInsecureAuth, s.EnableSMTPUTF8, s.EnableDSN = "mx.school.example", true, o.UTF8, o.DSN
	s.ErrorLog = log.New(io.Discard, "", 0)
	if o.TLS || o.STARTTLS {
		certificate := certify(t)
		b.PEM = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Certificate[0]})
		b.Roots = x509.NewCertPool()
		b.Roots.AppendCertsFromPEM(b.PEM)
		config := &tls.Config{Certificates: []tls.Certificate{certificate}}
		if o.TLS {
			l = tls.NewListener(l, config)
		} else {
			s.TLSConfig = config
		}
	}
	ended := make(chan struct{})
	go func() { s.Serve(l); close(ended) }()
	t.Cleanup(func() { s.Close(); <-ended })
	return b
}

// certify makes a certificate for localhost.
func certify(t testing.TB) tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{raw}, PrivateKey: key}
}

// Messages are those that were taken, in order.
func (b *Box) Messages() []Message {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.messages)
}

// Opened is how many connections there were.
func (b *Box) Opened() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.opened
}

// Change changes what the server is like, from the next command on.
func (b *Box) Change(answer func(step, arg string) error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.options.Answer = answer
}

// NewSession is for the library.
func (b *Box) NewSession(c *smtp.Conn) (smtp.Session, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.opened++
	_, secured := c.TLSConnectionState()
	return &session{b: b, conn: c, message: Message{TLS: secured || b.options.TLS}}, nil
}

type session struct {
	b       *Box
	conn    *smtp.Conn
	message Message
}

func (s *session) answer(step, arg string) error {
	s.b.mu.Lock()
	answer := s.b.options.Answer
	s.b.mu.Unlock()
	if answer == nil {
		return nil
	}
	return answer(step, arg)
}

// lose ends the connection where the answer is lost.
func (s *session) lose(answer error) error {
	if errors.Is(answer, ErrLost) {
		s.conn.Conn().Close()
	}
	return answer
}

func (s *session) AuthMechanisms() []string {
	switch {
	case s.b.options.User == "":
		return nil
	case s.b.options.Login:
		return []string{"LOGIN"}
	}
	return []string{sasl.Plain}
}

func (s *session) Auth(string) (sasl.Server, error) {
	check := func(user, password string) error {
		if user != s.b.options.User || password != s.b.options.Password {
			return smtp.ErrAuthFailed
		}
		s.message.User = user
		return nil
	}
	if s.b.options.Login {
		return &loginServer{check: check}, nil
	}
	return sasl.NewPlainServer(func(_, user, password string) error { return check(user, password) }), nil
}

// loginServer is AUTH LOGIN, which the library has for clients alone.
type loginServer struct {
	check func(user, password string) error
	step  int
	user  string
}

func (l *loginServer) Next(response []byte) (challenge []byte, done bool, err error) {
	l.step++
	switch l.step {
	case 1:
		return []byte("Username:"), false, nil
	case 2:
		l.user = string(response)
		return []byte("Password:"), false, nil
	}
	return nil, true, l.check(l.user, string(response))
}

func (s *session) Mail(from string, o *smtp.MailOptions) error {
	if s.b.options.User != "" && s.message.User == "" {
		return smtp.ErrAuthRequired
	}
	s.message.From, s.message.UTF8, s.message.Return, s.message.Envelope = from, o.UTF8, string(o.Return), o.EnvelopeID
	return s.lose(s.answer("MAIL", from))
}

func (s *session) Rcpt(to string, o *smtp.RcptOptions) error {
	if s.message.To != "" {
		return errors.New("a second recipient")
	}
	if err := s.lose(s.answer("RCPT", to)); err != nil {
		return err
	}
	s.message.To, s.message.Notify = to, ""
	for _, n := range o.Notify {
		s.message.Notify += string(n)
	}
	return nil
}

func (s *session) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	err = s.answer("DATA", string(raw))
	if err == nil || errors.Is(err, ErrLost) { // what is lost is the answer
		m := s.message
		m.Data = raw
		s.b.mu.Lock()
		s.b.messages = append(s.b.messages, m)
		s.b.mu.Unlock()
	}
	return s.lose(err) // after it is kept: who reads the end of the connection may look
}

func (s *session) Reset() { s.message.From, s.message.To = "", "" }

func (s *session) Logout() error { return nil }
