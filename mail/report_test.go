package mail

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"indeks/elm"
)

func report(t testing.TB, name string) []byte {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", "reports", name+".eml"))
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestParseReport(t *testing.T) {
	const id = "20260601.0123456789ABCDEFGHJKMNPQRS"
	unknown := "550 5.1.1 <ana@mail.example>: Recipient address rejected: User unknown in virtual mailbox table"
	for name, want := range map[string]ReportedRecipient{
		"failed":  {"failed", "5.1.1", unknown},
		"headers": {"failed", "5.2.2", unknown}, // the message is named by its own head alone
		"delayed": {"delayed", "4.4.1", "no answer"},
		"global":  {"failed", "5.1.1", "550 5.1.1 <ana@mail.example>: Recipient address rejected: Корисник непостоји in virtual mailbox table"},
		"cut":     {"failed", "5.1.1", unknown},
	} {
		got, err := ParseReport(report(t, name))
		if diff := cmp.Diff(Report{id, []ReportedRecipient{want}}, got); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got):\n%s", name, err, diff)
		}
	}

	whole := string(report(t, "failed"))
	for name, raw := range map[string]string{
		"nothing":                "",
		"no message":             "hello",
		"an answer of a person":  "From: ana@mail.example\nContent-Type: text/plain\n\nThank you! " + id,
		"another report":         strings.Replace(whole, "report-type=delivery-status", "report-type=disposition-notification", 1),
		"no type":                strings.Replace(whole, "Content-Type: multipart/report", "X: multipart/report", 1),
		"no boundary":            strings.Replace(whole, "boundary=", "x=", 1),
		"no status":              strings.Replace(whole, "message/delivery-status", "text/plain", 1),
		"of no recipient":        strings.Replace(whole, "Action: failed", "Action: exploded", 1),
		"of no message":          strings.NewReplacer("Original-Envelope-Id", "X", "Message-ID", "X").Replace(whole),
		"of a message of others": strings.NewReplacer(id, "not ours", "<20260601.ANOTHER@school.example>", "<a_b@school.example>").Replace(whole),
		"too large":              whole + strings.Repeat(" ", MaxReport),
	} {
		if got, err := ParseReport([]byte(raw)); !errors.Is(err, ErrReport) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

// Whatever comes to the mailbox, it is read in time that its size bounds, and what
// is kept of it may be shown.
func FuzzParseReport(f *testing.F) {
	for _, name := range []string{"failed", "headers", "delayed", "global", "cut"} {
		f.Add(report(f, name))
	}
	f.Add(bytes.Repeat([]byte("Content-Type: multipart/report; report-type=delivery-status; boundary=x\n\n--x\n"), 100))
	f.Fuzz(func(t *testing.T, raw []byte) {
		r, err := ParseReport(raw)
		if err != nil {
			if !errors.Is(err, ErrReport) {
				t.Errorf("err = %v", err)
			}
			return
		}
		if r.ID == "" || reference(r.ID) != r.ID || len(r.Recipients) == 0 || len(r.Recipients) > maxRecipients {
			t.Errorf("%+v", r)
		}
		for _, rcpt := range r.Recipients {
			if !actions[rcpt.Action] || elm.Clean(rcpt.Text) != rcpt.Text || strings.ContainsAny(rcpt.Text, "\r\n") || len(rcpt.Text) > maxHeader+4 || rcpt.Status != "" && !statusCode.MatchString(rcpt.Status) {
				t.Errorf("%+v", rcpt)
			}
		}
	})
}

// An address that is taken has neither end of line nor a second one in it.
func FuzzParseAddress(f *testing.F) {
	for _, s := range []string{"ana@school.example", "ана@школа.example", "a@b.c\r\nRCPT TO:<x@y.z>", "\"a\"@b.c", "a@[1.2.3.4]", "a@b.c>"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		a, err := ParseAddress(s)
		if err != nil {
			return
		}
		again, err := ParseAddress(a.String())
		if err != nil || again != a {
			t.Errorf("%q is %q, and that %q, %v", s, a, again, err)
		}
		if text := a.String(); strings.ContainsAny(text, " \t\r\n<>(),;:\"\\[]\x00") || strings.Count(text, "@") != 1 || len(text) > maxAddress || strings.ContainsFunc(a.Domain, func(r rune) bool { return r > '~' }) {
			t.Errorf("%q is taken as %q", s, text)
		}
	})
}
