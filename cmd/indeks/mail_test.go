package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"indeks/internal/postbox"
)

// From a class list to the mailboxes of its learners, by a mail server with TLS and a
// password: what is issued at the terminal is sent by the server, once; what is
// refused is listed, and goes again to another address.
func TestMail(t *testing.T) {
	box := postbox.Start(t, postbox.Options{STARTTLS: true, DSN: true, User: "indeks", Password: "secret", Answer: func(step, arg string) error {
		if step == "RCPT" && strings.HasPrefix(arg, "lazar") {
			return postbox.Refuse(550, [3]int{5, 1, 1}, "no such user here")
		}
		return nil
	}})
	dir := filepath.Join(t.TempDir(), "uni")
	said := indeks(t, "init", dir, "--institution", "../../examples/institution.json", "--listen", "127.0.0.1:0")
	t.Setenv("INDEKS_API_KEY", regexp.MustCompile(`indeks_\w+`).FindString(said))
	if err := lightenKeyFile(dir); err != nil {
		t.Fatal(err)
	}
	fails := func(want string, code int, args ...string) {
		t.Helper()
		out, log := new(bytes.Buffer), new(bytes.Buffer)
		if got := run(context.Background(), args, console{strings.NewReader(""), out, log}); got != code || !strings.Contains(log.String(), want) {
			t.Errorf("indeks %s: exit %d, want %d with %q: %s%s", strings.Join(args, " "), got, code, want, out, log)
		}
	}
	fails("not sent: no mail server configured: mail.host", exitInvalid, "mail", "test", "me@uni.example", "--config", dir)

	// 1. The mail server, which is tried.
	file := filepath.Join(dir, configName)
	plain, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	configure := func(lines string) {
		t.Helper()
		if err := os.WriteFile(file, append(bytes.Clone(plain), lines...), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, content := range map[string]string{"password": "secret\n", "ca.pem": string(box.PEM), "empty": "\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	server := fmt.Sprintf("mail:\n  host: localhost\n  port: %d\n  from: registry@uni.example\n", box.Port)
	for lines, want := range map[string]string{
		"mail:\n  from: registry@uni.example\n":                                            "mail.host: it is missing",
		"mail:\n  host: localhost\n  from: registry\n":                                     "mail.from",
		"mail:\n  host: localhost\n":                                                       "mail.from",
		server + "  contact: a b@c.example\n":                                              "mail.contact",
		server + "  port: 0\n":                                                             "port",
		strings.Replace(server, "localhost", "smtp.uni.example", 1) + "  security: none\n": "mail.security: none is for a server on this machine",
		server + "  security: maybe\n":                                                     "mail.security",
		server + "  user: indeks\n":                                                        "mail.user: it comes with a password_file",
		server + "  user: indeks\n  password_file: none\n":                                 "reading the password for the mail server",
		server + "  user: indeks\n  password_file: empty\n":                                "is empty",
		server + "  ca_file: password\n":                                                   "holds no certificate",
		server + "  per_minute: -1\n":                                                      "mail.per_minute",
		server + "  give_up: 1m\n":                                                         "mail.give_up",
		server + "  objection: {fr: x}\n":                                                  "mail.objection",
		server + "  hots: x\n":                                                             "hots",
		server + "  user: indeks\n  password_file: password\n":                             "STARTTLS: tls: failed to verify certificate",
		server + "  ca_file: ca.pem\n":                                                     "MAIL was answered with 502 5.7.0",
	} {
		configure(lines)
		fails(want, exitInvalid, "mail", "test", "me@uni.example", "--config", dir)
	}
	configure(server + "  user: indeks\n  password_file: password\n  ca_file: ca.pem\n  per_minute: 0\n")
	fails("not an e-mail address", exitUsage, "mail", "test", "me", "--config", dir)
	fails("no such user here", exitInvalid, "mail", "test", "lazar@uni.example", "--config", dir)
	if got := indeks(t, "mail", "test", "me@uni.example", "--lang", "hr", "--config", dir); !strings.Contains(got, "localhost accepted the message to me@uni.example") {
		t.Error(got)
	}

	// 2. A class, issued while no server runs.
	indeks(t, "issue", "../../examples/data-stewardship/course.json", "../../examples/data-stewardship/list.csv", "--config", dir)
	if n := len(box.Messages()); n != 1 {
		t.Errorf("%d messages before a server runs", n)
	}
	base, stop := serveIssuer(t, dir)
	queue := func(want string) string {
		t.Helper()
		for end := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
			got := indeks(t, "mail", "queue", "--server", base)
			if strings.Contains(got, want) {
				return got
			}
			if time.Now().After(end) {
				t.Fatalf("after a minute: %s", got)
			}
		}
	}
	if got := queue("0 waiting to be sent; 1 refused or returned."); !regexp.MustCompile(`MC-2026-00002 +claim +lazar\.djurasevic@students\.example +refused .* 550 5\.1\.1 no such user here`).MatchString(got) {
		t.Error(got)
	}
	if n := len(box.Messages()); n != 3 {
		t.Errorf("%d messages", n)
	}
	for _, m := range box.Messages() {
		if m.User != "indeks" || !m.TLS || m.From != "registry@uni.example" {
			t.Errorf("%+v", m)
		}
	}
	if got := indeks(t, "mail", "show", "MC-2026-00001", "--server", base); !strings.Contains(got, "Address: teodora.vukajlovic@students.example\nsent\n") {
		t.Error(got)
	}
	if got := indeks(t, "mail", "again", "--course", "data-stewardship", "--server", base); got != "1 can be sent again. Nothing was sent. To do it, add --confirm 1\n" {
		t.Error(got)
	}
	fails("The number confirmed is not the number found", exitInvalid, "mail", "again", "--confirm", "2", "--server", base)
	if got := indeks(t, "mail", "again", "--confirm", "1", "--server", base); got != "1 waiting to be sent.\n" {
		t.Error(got)
	}
	queue("0 waiting to be sent; 1 refused or returned.") // as before
	if got := indeks(t, "mail", "address", "MC-2026-00002", "new@students.example", "--reason", "identity card seen", "--new-link", "--server", base); !strings.Contains(got, "the old one no longer works") {
		t.Error(got)
	}
	queue("0 waiting to be sent; 0 refused")
	if got := indeks(t, "mail", "send", "MC-2026-00001", "--server", base); !strings.Contains(got, "The email (claim) is waiting") {
		t.Error(got)
	}
	queue("0 waiting to be sent")

	// 3. What comes back.
	sent := box.Messages()
	if len(sent) != 5 {
		t.Fatalf("%d messages", len(sent))
	}
	sample, err := os.ReadFile("../../mail/testdata/reports/failed.eml")
	if err != nil {
		t.Fatal(err)
	}
	report := filepath.Join(t.TempDir(), "report")
	for content, want := range map[string]string{
		strings.ReplaceAll(string(sample), "20260601.0123456789ABCDEFGHJKMNPQRS", sent[3].Envelope): "Processed.",
		string(sample):                  "not about any of our emails",
		"Subject: hello\n\nThank you\n": "Left unchanged: not a delivery status notification",
	} {
		if err := os.WriteFile(report, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := indeks(t, "mail", "report", report, "--server", base); !strings.Contains(got, want) {
			t.Errorf("%s, want %q", got, want)
		}
	}
	queue("1 refused or returned")
	if err := os.WriteFile(report, sample, 0o600); err != nil {
		t.Fatal(err)
	}
	stop()
	fails("asking the issuer's server", exitTempFail, "mail", "report", report, "--server", base)
	fails("give --server", exitUsage, "mail", "queue")
}
