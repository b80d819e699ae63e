package mail

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/textproto"
	"strings"
	"time"
	"unicode/utf8"

	"indeks/elm"
)

// Message is a letter in an envelope.
type Message struct {
	ID       string // left of the @ of its Message-ID: the same message has the same, however often it is sent
	From, To Address
	Sender   string  // who it is from, in words; "": not said
	ReplyTo  Address // zero: From
	Date     time.Time
	Letter   *Letter
}

// messageID is the whole of it.
func (m *Message) messageID() string { return m.ID + "@" + m.From.Domain }

// maxHeader is how much of a text stands in a header, in bytes.
const maxHeader = 200

// header is a text for a header: one line, without what only seems to be there.
func header(s string) string {
	s = strings.Join(strings.Fields(elm.Clean(s)), " ")
	if len(s) <= maxHeader {
		return s
	}
	end := maxHeader
	for !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + "…"
}

// bytes writes the message (RFC 5322, RFC 2045). All of it is ASCII, but for an
// address that is international itself (RFC 6532).
func (m *Message) bytes() ([]byte, error) {
	written, err := m.Letter.Write()
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	field := func(name, value string) { b.WriteString(fold(name+": "+value) + "\r\n") }
	from := "<" + m.From.String() + ">"
	if name := header(m.Sender); name != "" {
		from = phrase(name) + " " + from
	}
	field("From", from)
	field("To", "<"+m.To.String()+">")
	if m.ReplyTo != (Address{}) {
		field("Reply-To", "<"+m.ReplyTo.String()+">")
	}
	field("Subject", words(header(written.Subject)))
	field("Date", m.Date.UTC().Format("Mon, 2 Jan 2006 15:04:05 -0700"))
	field("Message-ID", "<"+m.messageID()+">")
	field("Auto-Submitted", "auto-generated") // RFC 3834: nobody's holiday answers it
	field("Content-Language", m.Letter.Lang)
	field("MIME-Version", "1.0")
	parts := multipart.NewWriter(&b)
	field("Content-Type", mime.FormatMediaType("multipart/alternative", map[string]string{"boundary": parts.Boundary()}))
	b.WriteString("\r\n")
	for _, part := range []struct{ kind, text string }{{"text/plain", written.Text}, {"text/html", written.HTML}} {
		w, err := parts.CreatePart(textproto.MIMEHeader{"Content-Type": {part.kind + "; charset=utf-8"}, "Content-Transfer-Encoding": {"quoted-printable"}})
		if err == nil {
			q := quotedprintable.NewWriter(w)
			if _, err = q.Write([]byte(part.text)); err == nil {
				err = q.Close()
			}
		}
		if err != nil {
			return nil, fmt.Errorf("writing a message: %w", err) // unreachable: it goes into memory
		}
	}
	if err := parts.Close(); err != nil {
		return nil, fmt.Errorf("writing a message: %w", err) // unreachable
	}
	return b.Bytes(), nil
}

// words is a text of a header: as it is in ASCII, else in encoded words (RFC 2047).
// One that looks like an encoded word is encoded, or it would be read as what it
// encodes.
func words(s string) string {
	if !strings.ContainsFunc(s, func(r rune) bool { return r >= utf8.RuneSelf }) && !strings.Contains(s, "=?") {
		return s
	}
	var list []string
	for len(s) > 0 {
		end := min(len(s), 45) // 60 characters of Base64, and 12 around them
		for end < len(s) && !utf8.RuneStart(s[end]) {
			end--
		}
		list = append(list, "=?utf-8?b?"+base64.StdEncoding.EncodeToString([]byte(s[:end]))+"?=")
		s = s[end:]
	}
	return strings.Join(list, " ")
}

// phrase is a name before an address.
func phrase(s string) string {
	if encoded := words(s); encoded != s {
		return encoded
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// fold breaks a header at its spaces into lines of at most 78 characters, where it
// has some.
func fold(line string) string {
	var b strings.Builder
	length := 0
	for n, word := range strings.Split(line, " ") {
		switch {
		case n == 0:
		case length+1+len(word) > 78 && n > 1:
			b.WriteString("\r\n ")
			length = 1
		default:
			b.WriteByte(' ')
			length++
		}
		b.WriteString(word)
		length += len(word)
	}
	return b.String()
}
