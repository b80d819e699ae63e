package mail

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	netmail "net/mail"
	"net/textproto"
	"regexp"
	"strings"
)

// ErrReport is returned for what is no report about the delivery of a message.
var ErrReport = errors.New("not a delivery status notification (RFC 3464)")

// Report is what a mail system says of the delivery of one message (RFC 3464).
// Whoever can write to our mailbox can make one up: only the id of the message,
// which nobody can guess, shows that its author had the message.
type Report struct {
	ID         string // of the message, as Message.ID
	Recipients []ReportedRecipient
}

// ReportedRecipient is what it says of one recipient. Its texts are one line each,
// without what only seems to be there.
type ReportedRecipient struct {
	Action string // "failed", "delayed", "delivered", "relayed" or "expanded"
	Status string // RFC 3463, such as 5.1.1
	Text   string // why, in the words of the system that refused it
}

// Bounds on what is read of a report.
const (
	// MaxReport is how large one may be, in bytes.
	MaxReport     = 1 << 20
	maxParts      = 16
	maxRecipients = 32
)

var (
	statusCode = regexp.MustCompile(`^[245]\.[0-9]{1,3}\.[0-9]{1,3}$`)
	actions    = map[string]bool{"failed": true, "delayed": true, "delivered": true, "relayed": true, "expanded": true}
	messageRef = regexp.MustCompile(`^<?([0-9A-Za-z.]{1,64})(?:@[^<>@\s]*)?>?$`)
)

// ParseReport reads a message as it came to the mailbox of bounces. [ErrReport]
// for any other message.
func ParseReport(raw []byte) (Report, error) {
	refuse := func(why string) (Report, error) { return Report{}, fmt.Errorf("%w: %s", ErrReport, why) }
	if len(raw) > MaxReport {
		return refuse(fmt.Sprintf("it has more than %d bytes", MaxReport))
	}
	// A mailbox file, or a pipe of Unix, puts a line before it.
	if first, rest, ok := bytes.Cut(raw, []byte("\n")); ok && bytes.HasPrefix(first, []byte("From ")) {
		raw = rest
	}
	message, err := netmail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		return refuse("it is no message")
	}
	kind, params, err := mime.ParseMediaType(message.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/report" || !strings.EqualFold(params["report-type"], "delivery-status") || params["boundary"] == "" {
		return refuse("it is no multipart/report with report-type=delivery-status")
	}
	var r Report
	found := false
	parts := multipart.NewReader(message.Body, params["boundary"])
	for range maxParts {
		part, err := parts.NextRawPart()
		if err != nil {
			break // its end, or where it was cut off
		}
		kind, _, err := mime.ParseMediaType(part.Header.Get("Content-Type"))
		if err != nil {
			continue
		}
		body := decoded(part)
		switch kind {
		case "message/delivery-status", "message/global-delivery-status":
			if found {
				continue
			}
			found = true
			id, recipients, ok := readStatus(body)
			if !ok {
				return refuse("what it says of the delivery cannot be read")
			}
			r.Recipients = recipients
			if id != "" {
				r.ID = id
			}
		case "text/rfc822-headers", "message/rfc822", "message/global-headers", "message/global":
			if r.ID != "" {
				continue
			}
			// What was sent, or its head.
			if head, _ := textproto.NewReader(bufio.NewReader(body)).ReadMIMEHeader(); head != nil {
				r.ID = reference(head.Get("Message-Id"))
			}
		}
	}
	switch {
	case !found:
		return refuse("it says nothing of the delivery")
	case r.ID == "":
		return refuse("it does not say of which message")
	}
	return r, nil
}

// decoded is the content of a part.
func decoded(part *multipart.Part) io.Reader {
	switch strings.ToLower(strings.TrimSpace(part.Header.Get("Content-Transfer-Encoding"))) {
	case "quoted-printable":
		return quotedprintable.NewReader(part)
	case "base64":
		return base64.NewDecoder(base64.StdEncoding, part)
	}
	return part
}

// reference is the part of a Message-ID, or of an ENVID, that is Message.ID; "" for
// one that is none of ours.
func reference(s string) string {
	if m := messageRef.FindStringSubmatch(strings.TrimSpace(s)); m != nil {
		return m[1]
	}
	return ""
}

// readStatus reads groups of fields, the first about the message and the others
// each about a recipient (RFC 3464, section 2.1).
func readStatus(body io.Reader) (id string, recipients []ReportedRecipient, ok bool) {
	fields := textproto.NewReader(bufio.NewReader(body))
	message, err := fields.ReadMIMEHeader()
	if err != nil || len(message) == 0 {
		return "", nil, false
	}
	for range maxRecipients {
		group, err := fields.ReadMIMEHeader()
		if action := strings.ToLower(header(group.Get("Action"))); actions[action] {
			r := ReportedRecipient{Action: action}
			if code, _, _ := strings.Cut(header(group.Get("Status")), " "); statusCode.MatchString(code) {
				r.Status = code
			}
			_, text, found := strings.Cut(group.Get("Diagnostic-Code"), ";") // after its type, such as smtp
			if !found {
				text = group.Get("Diagnostic-Code")
			}
			r.Text = header(text)
			recipients = append(recipients, r)
		}
		if err != nil {
			break
		}
	}
	return reference(message.Get("Original-Envelope-Id")), recipients, len(recipients) > 0
}
