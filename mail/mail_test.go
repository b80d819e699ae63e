package mail

import (
	"bytes"
	"context"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	netmail "net/mail"
	"strings"
	"testing"
	"time"

	"indeks/elm"
	"indeks/internal/postbox"
)

func TestParseAddress(t *testing.T) {
	for given, want := range map[string]string{
		"ana@school.example":             "ana@school.example",
		"Ana.Primer+mc@SCHOOL.example":   "Ana.Primer+mc@school.example",
		"o'neil_1@a-b.school.example":    "o'neil_1@a-b.school.example",
		"ana@škola.example":              "ana@xn--kola-f6a.example",
		"ана@школа.example":              "ана@xn--80atdl2c.example",
		"ana@school.example\r\nBcc: x@y": "", "ana@school.example\nx": "", "ana@school.exa\rmple": "",
		"": "", "@": "", "ana": "", "ana@": "", "@school.example": "", "ana@school": "", "ana @school.example": "", "ana@school.example ": "",
		"Ana <ana@school.example>": "", "<ana@school.example>": "", "ana@school.example, iva@school.example": "", "ana@school.example;iva@school.example": "",
		`"ana primer"@school.example`: "", "ana(primer)@school.example": "", "ana@[192.0.2.1]": "", "ana@192.0.2.1": "", "ana@@school.example": "",
		".ana@school.example": "", "ana.@school.example": "", "a..b@school.example": "", "ana@school..example": "", "ana@.example": "", "ana@school.example.": "",
		"ana@-school.example": "", "ana@sch_ool.example": "", "ana@school.example>": "", "ana\x00@school.example": "", "ana\u202e@school.example": "", "an\u200ba@school.example": "", "an\u00ada@school.example": "",
		strings.Repeat("a", 64) + "@school.example":        strings.Repeat("a", 64) + "@school.example",
		strings.Repeat("a", 65) + "@school.example":        "",
		"a@" + strings.Repeat("abcdefgh.", 30) + "example": "", "ana@" + strings.Repeat("a", 64) + ".example": "", "ana@\xffschool.example": "",
	} {
		got, err := ParseAddress(given)
		if (err != nil) != (want == "") || err == nil && got.String() != want || err != nil && !errors.Is(err, ErrAddress) {
			t.Errorf("%q: %q, %v; want %q", given, got, err, want)
		}
	}
}

// letter is one of a kind that has everything that any kind needs.
func letter(kind Kind, lang string) *Letter {
	at := time.Date(2026, 6, 1, 12, 30, 0, 0, time.UTC)
	return &Letter{Kind: kind, Lang: lang, Institution: "University of Sava, Belgrade", Contact: "registry@school.example", Title: "Data Stewardship in Research",
		Link: "https://credentials.school.example/h/0123456789ABCDEFGHJKMNPQRS", At: at, Reason: "under-review", Code: "402 917", Until: at.Add(15 * time.Minute), Label: "For the first interview"}
}

// read takes a message apart as a mail program does.
func read(t *testing.T, raw []byte) (h netmail.Header, subject, text, html string) {
	t.Helper()
	m, err := netmail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	kind, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/alternative" {
		t.Fatalf("%s, %v", kind, err)
	}
	var parts []string
	for r := multipart.NewReader(m.Body, params["boundary"]); ; {
		part, err := r.NextRawPart()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(quotedprintable.NewReader(part))
		if err != nil || !strings.HasSuffix(part.Header.Get("Content-Type"), "; charset=utf-8") {
			t.Fatalf("%v, %v", part.Header, err)
		}
		parts = append(parts, strings.ReplaceAll(string(body), "\r\n", "\n"))
	}
	if subject, err = new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject")); err != nil || len(parts) != 2 {
		t.Fatalf("%d parts, %v", len(parts), err)
	}
	return m.Header, subject, parts[0], parts[1]
}

func TestEveryLetter(t *testing.T) {
	for lang, words := range texts() {
		for id := range texts()["en"] {
			if words[id] == "" {
				t.Errorf("language %s has no text %q", lang, id)
			}
		}
		if len(words) != len(texts()["en"]) {
			t.Errorf("%s: %d texts, %d in English", lang, len(words), len(texts()["en"]))
		}
	}
	for _, lang := range elm.Languages() {
		for _, kind := range Kinds {
			l := letter(kind, lang)
			l.Objection = "See article 12 of the rules."
			w, err := l.Write()
			if err != nil {
				t.Errorf("%s %s: %v", kind, lang, err)
				continue
			}
			for what, s := range map[string]string{"subject": w.Subject, "text": w.Text, "html": w.HTML} {
				if strings.ContainsAny(s, "{}") && what != "html" || strings.Contains(s, "<no value>") {
					t.Errorf("%s %s: something is not filled in: %s", kind, lang, s)
				}
			}
			told := w.Text + w.HTML
			for what, want := range map[string]struct {
				text string
				on   []Kind
			}{
				"the link":      {l.Link, []Kind{Claim, Replaced, Revoked, Suspended, Reinstated, Opened, NameCheck}},
				"the code":      {l.Code, []Kind{Code}},
				"the title":     {l.Title, []Kind{Claim, Replaced, Revoked, Suspended, Reinstated, Opened, NameCheck}},
				"the reason":    {texts()[lang]["reason.under-review"], []Kind{Replaced, Revoked, Suspended, Reinstated}},
				"the objection": {l.Objection, []Kind{Replaced, Revoked, Suspended, Reinstated}},
				"the contact":   {l.Contact, []Kind{Claim, Replaced, Revoked, Suspended, Reinstated, Code, Opened, NameCheck}},
				"the label":     {l.Label, []Kind{Opened}},
			} {
				is := false
				for _, k := range want.on {
					is = is || k == kind
				}
				if strings.Contains(strings.Join(strings.Fields(told), " "), want.text) != is {
					t.Errorf("%s %s: %s is there: %v", kind, lang, what, !is)
				}
			}
			// Nothing is fetched, and nothing runs, when it is opened.
			for _, never := range []string{"<img", "<script", "<iframe", "<link", "url(", "@import", "src=", "http-equiv"} {
				if strings.Contains(strings.ToLower(w.HTML), never) {
					t.Errorf("%s %s: the page has %s", kind, lang, never)
				}
			}
			for _, line := range strings.Split(w.Text, "\n") {
				if len([]rune(line)) > 78 {
					t.Errorf("%s %s: a long line: %s", kind, lang, line)
				}
			}
		}
	}
	for _, bad := range []*Letter{letter("no", "en"), letter(Claim, "xx"), {Kind: Claim, Lang: "en"}, {Kind: Code, Lang: "en"}} {
		if w, err := bad.Write(); err == nil {
			t.Errorf("%+v: %+v", bad, w)
		}
	}
	if got := Language("fr", "", "sr-Cyrl", "en"); got != "sr-Cyrl" {
		t.Error(got)
	}
	if got := Language("fr"); got != "en" {
		t.Error(got)
	}
}

// W-mail-inject: whatever a name, a title or a label holds, a message has the
// headers that we gave it, and one recipient; W-xss-corpus: and is text.
func TestNothingIsInjected(t *testing.T) {
	box := postbox.Start(t, postbox.Options{})
	from, _ := ParseAddress("registry@school.example")
	to, _ := ParseAddress("ana@mail.example")
	c := Carrier{Server: Server{Host: "127.0.0.1", Port: box.Port, Security: Clear}}
	defer c.Rest()
	for _, evil := range []string{
		"A\r\nBcc: eve@evil.example", "A\nBcc: eve@evil.example", "A\rBcc: eve@evil.example", "A\u2028Bcc: eve@evil.example", "A\u0085Bcc: eve@evil.example", "A\r\n\r\n<b>body</b>", "A\r\n.\r\nMAIL FROM:<eve@evil.example>",
		"=?utf-8?b?DQpCY2M6IGV2ZUBldmlsLmV4YW1wbGU=?=", `A" <eve@evil.example>, "B`, "A\x00B", "\u202egnp.exe", strings.Repeat("Ђ ", 3000), strings.Repeat("x", 3000), "<script>alert(1)</script>", `"><img src=//evil.example/x onerror=alert(1)>`, "{{.Link}} {contact} %s %d",
	} {
		for _, kind := range Kinds {
			l := letter(kind, "en")
			l.Title, l.Institution, l.Label, l.Objection, l.Contact = evil, evil, evil, evil, evil
			m := &Message{ID: "20260601.ABC", From: from, To: to, Sender: evil, Date: time.Now(), Letter: l}
			if err := c.Carry(t.Context(), m); err != nil {
				t.Fatalf("%.40q: %v", evil, err)
			}
			got := box.Messages()
			sent := got[len(got)-1]
			if sent.From != from.String() || sent.To != to.String() {
				t.Errorf("%.40q: from %s to %s", evil, sent.From, sent.To)
			}
			h, subject, text, html := read(t, sent.Data)
			if len(h) != 9 || h.Get("Bcc") != "" || h.Get("To") != "<ana@mail.example>" || strings.ContainsAny(subject, "\r\n\x00\u202e\u2028\u0085") {
				t.Errorf("%.40q: headers %v, subject %q", evil, h, subject)
			}
			if list, err := h.AddressList("From"); err != nil || len(list) != 1 || list[0].Address != from.String() || strings.ContainsAny(list[0].Name, "\r\n\x00\u202e") {
				t.Errorf("%.40q: from %v, %v", evil, list, err)
			}
			if strings.Contains(html, "<script") || strings.Contains(html, "<img") || strings.Contains(html, "<b>") || strings.ContainsAny(text+html, "\x00\u202e\u2028") {
				t.Errorf("%.40q: it is no text in\n%s\n%s", evil, text, html)
			}
			head, _, _ := bytes.Cut(sent.Data, []byte("\r\n\r\n"))
			for _, line := range strings.Split(string(head), "\r\n") {
				if len(line) > 998 || strings.ContainsFunc(line, func(r rune) bool { return r > '~' || r < ' ' }) {
					t.Errorf("%.40q: header line of %d bytes: %.100q", evil, len(line), line)
				}
			}
		}
	}
	if n := box.Opened(); n > 4 {
		t.Errorf("%d connections", n)
	}
}

func TestMessage(t *testing.T) {
	from, _ := ParseAddress("registry@škola.example")
	to, _ := ParseAddress("ана@школа.example")
	l := letter(Suspended, "sr-Cyrl")
	l.Institution, l.Title = "Универзитет на Сави, Београд", "Управљање истраживачким подацима"
	m := &Message{ID: "20260601.ABC", From: from, To: to, Sender: l.Institution, ReplyTo: from, Date: time.Date(2026, 6, 1, 12, 30, 0, 0, time.UTC), Letter: l}
	raw, err := m.bytes()
	if err != nil {
		t.Fatal(err)
	}
	h, subject, text, _ := read(t, raw)
	name, err := new(mime.WordDecoder).DecodeHeader(h.Get("From"))
	if err != nil || name != l.Institution+" <registry@xn--kola-f6a.example>" || subject != "Привремено обустављено: "+l.Title {
		t.Errorf("from %q, subject %q, %v", name, subject, err)
	}
	for field, want := range map[string]string{
		"To": "<ана@xn--80atdl2c.example>", "Message-Id": "<20260601.ABC@xn--kola-f6a.example>", "Date": "Mon, 1 Jun 2026 12:30:00 +0000", "Auto-Submitted": "auto-generated",
		"Content-Language": "sr-Cyrl", "Mime-Version": "1.0", "Reply-To": "<registry@xn--kola-f6a.example>",
	} {
		if got := h.Get(field); got != want {
			t.Errorf("%s: %q, want %q", field, got, want)
		}
	}
	if !strings.Contains(text, "додела се преиспитује") {
		t.Errorf("text:\n%s", text)
	}
}

func TestSend(t *testing.T) {
	from, _ := ParseAddress("registry@school.example")
	ascii, _ := ParseAddress("ana@mail.example")
	utf8, _ := ParseAddress("ана@mail.example")
	answers := func(step string, err error) func(string, string) error {
		return func(at, _ string) error {
			if at == step {
				return err
			}
			return nil
		}
	}
	for name, c := range map[string]struct {
		box     postbox.Options
		server  Server
		to      Address
		outcome Outcome
		step    string
		code    int
		status  string
		taken   int // messages
	}{
		"in the clear":                 {server: Server{Security: Clear}, taken: 1},
		"starttls":                     {box: postbox.Options{STARTTLS: true, DSN: true}, server: Server{Host: "localhost", Security: STARTTLS}, taken: 1},
		"tls":                          {box: postbox.Options{TLS: true, UTF8: true}, server: Server{Host: "localhost", Security: TLS}, taken: 1},
		"plain":                        {box: postbox.Options{STARTTLS: true, User: "indeks", Password: "pässword"}, server: Server{Host: "localhost", Security: STARTTLS, User: "indeks", Password: "pässword"}, taken: 1},
		"login":                        {box: postbox.Options{TLS: true, Login: true, User: "indeks", Password: "secret"}, server: Server{Host: "localhost", Security: TLS, User: "indeks", Password: "secret"}, taken: 1},
		"wrong password":               {box: postbox.Options{TLS: true, User: "indeks", Password: "secret"}, server: Server{Host: "localhost", Security: TLS, User: "indeks", Password: "wrong"}, outcome: Held, step: "AUTH", code: 535, status: "5.7.8"},
		"no password":                  {box: postbox.Options{User: "indeks", Password: "secret"}, server: Server{Security: Clear}, outcome: Held, step: "MAIL", code: 502, status: "5.7.0"},
		"starttls is not offered":      {server: Server{Host: "localhost", Security: STARTTLS}, outcome: Held, step: "STARTTLS"},
		"auth is not offered":          {server: Server{Host: "localhost", Security: Clear, User: "indeks", Password: "secret"}, outcome: Held, step: "AUTH"},
		"certificate of another":       {box: postbox.Options{STARTTLS: true}, server: Server{Host: "127.0.0.1", Security: STARTTLS}, outcome: Held, step: "STARTTLS"},
		"certificate of another, tls":  {box: postbox.Options{TLS: true}, server: Server{Host: "127.0.0.1", Security: TLS}, outcome: Held, step: "connect"},
		"international":                {box: postbox.Options{UTF8: true}, server: Server{Security: Clear}, to: utf8, taken: 1},
		"international is not offered": {server: Server{Security: Clear}, to: utf8, outcome: Refused, step: "MAIL", status: "5.6.7"},
		"no such mailbox":              {box: postbox.Options{Answer: answers("RCPT", postbox.Refuse(550, [3]int{5, 1, 1}, "no such user ana@mail.example"))}, server: Server{Security: Clear}, outcome: Refused, step: "RCPT", code: 550, status: "5.1.1"},
		"mailbox full":                 {box: postbox.Options{Answer: answers("RCPT", postbox.Refuse(452, [3]int{4, 2, 2}, "full"))}, server: Server{Security: Clear}, outcome: Later, step: "RCPT", code: 452, status: "4.2.2"},
		"not from us":                  {box: postbox.Options{Answer: answers("MAIL", postbox.Refuse(550, [3]int{5, 7, 1}, "no"))}, server: Server{Security: Clear}, outcome: Held, step: "MAIL", code: 550, status: "5.7.1"},
		"spam":                         {box: postbox.Options{Answer: answers("DATA", postbox.Refuse(554, [3]int{5, 7, 1}, "spam"))}, server: Server{Security: Clear}, outcome: Refused, step: "DATA", code: 554, status: "5.7.1"},
		"busy":                         {box: postbox.Options{Answer: answers("DATA", postbox.Refuse(451, [3]int{4, 3, 0}, "later"))}, server: Server{Security: Clear}, outcome: Later, step: "DATA", code: 451, status: "4.3.0"},
		"goes down":                    {box: postbox.Options{Answer: answers("RCPT", postbox.Refuse(421, [3]int{4, 3, 2}, "closing"))}, server: Server{Security: Clear}, outcome: Held, step: "RCPT", code: 421, status: "4.3.2"},
		"the answer is lost":           {box: postbox.Options{Answer: answers("DATA", postbox.ErrLost)}, server: Server{Security: Clear}, outcome: Unanswered, step: "DATA", taken: 1},
		"lost at the recipient":        {box: postbox.Options{Answer: answers("RCPT", postbox.ErrLost)}, server: Server{Security: Clear}, outcome: Later, step: "RCPT"},
	} {
		t.Run(name, func(t *testing.T) {
			box := postbox.Start(t, c.box)
			c.server.Port, c.server.Roots = box.Port, box.Roots
			if c.server.Host == "" {
				c.server.Host = "127.0.0.1"
			}
			if err := c.server.Check(); err != nil {
				t.Fatal(err)
			}
			if c.to == (Address{}) {
				c.to = ascii
			}
			carrier := Carrier{Server: c.server}
			err := carrier.Carry(t.Context(), &Message{ID: "20260601.ABC", From: from, To: c.to, Date: time.Now(), Letter: letter(Claim, "en")})
			carrier.Rest()
			var f Failure
			if p, ok := errors.AsType[*Failure](err); ok {
				f = *p
			} else if err != nil {
				t.Error(err)
			}
			if f.Outcome != c.outcome || f.Step != c.step || f.Code != c.code || f.Status != c.status {
				t.Errorf("%+v: %v", f, err)
			}
			if err != nil && (strings.Contains(err.Error(), "ana@") || strings.Contains(err.Error(), "secret")) {
				t.Errorf("the error names somebody: %v", err)
			}
			got := box.Messages()
			if len(got) != c.taken {
				t.Fatalf("%d messages were taken, want %d", len(got), c.taken)
			}
			if c.taken == 0 {
				return
			}
			m := got[0]
			if m.To != c.to.String() || m.TLS != (c.server.Security != Clear) || m.User != c.server.User || m.UTF8 != (c.to == utf8) {
				t.Errorf("taken: %+v", m)
			}
			if c.box.DSN && (m.Return != "HDRS" || m.Envelope != "20260601.ABC" || m.Notify != "FAILURE") {
				t.Errorf("asked of delivery: RET=%s ENVID=%s NOTIFY=%s", m.Return, m.Envelope, m.Notify)
			}
		})
	}
}

// A connection that the server ended while nothing was sent costs no try; one that
// is refused is no connection.
func TestCarrierReconnects(t *testing.T) {
	box := postbox.Start(t, postbox.Options{})
	from, _ := ParseAddress("registry@school.example")
	m := &Message{ID: "1.A", From: from, To: from, Date: time.Now(), Letter: letter(Claim, "en")}
	c := Carrier{Server: Server{Host: "127.0.0.1", Port: box.Port, Security: Clear}}
	defer c.Rest()
	for range 3 {
		if err := c.Carry(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		c.session.conn.(*net.TCPConn).CloseWrite() // the server sees the end, and closes
	}
	if n := len(box.Messages()); n != 3 {
		t.Errorf("%d messages", n)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	none := Carrier{Server: Server{Host: "127.0.0.1", Port: l.Addr().(*net.TCPAddr).Port, Security: Clear}}
	if f, ok := errors.AsType[*Failure](none.Carry(t.Context(), m)); !ok || f.Outcome != Held || f.Step != "connect" {
		t.Errorf("nobody listens: %+v", f)
	}
}

// A server that says nothing is not waited for longer than the context lasts.
func TestSilentServer(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		if conn, err := l.Accept(); err == nil {
			defer conn.Close()
			cancel()
			io.Copy(io.Discard, conn)
		}
	}()
	c := Carrier{Server: Server{Host: "127.0.0.1", Port: l.Addr().(*net.TCPAddr).Port, Security: Clear}}
	err = c.Carry(ctx, &Message{Letter: letter(Claim, "en")})
	if f, ok := errors.AsType[*Failure](err); !ok || f.Outcome != Held || !errors.Is(err, context.Canceled) {
		t.Errorf("err = %v", err)
	}
}

func TestServerCheck(t *testing.T) {
	for _, s := range []Server{
		{Port: 25, Security: TLS}, {Host: "a b", Port: 25, Security: TLS}, {Host: "mx.example", Security: TLS}, {Host: "mx.example", Port: 70000, Security: TLS}, {Host: "mx.example", Port: 25},
		{Host: "mx.example", Port: 25, Security: Clear}, {Host: "10.0.0.1", Port: 25, Security: Clear}, {Host: "mx.example", Port: 25, Security: TLS, User: "x"},
		{Host: "mx.example", Port: 25, Security: TLS, Password: "x"},
	} {
		if s.Check() == nil {
			t.Errorf("%+v", s)
		}
	}
	for _, s := range []Server{{Host: "localhost", Port: 25, Security: Clear}, {Host: "::1", Port: 25, Security: Clear}, {Host: "mx.example", Port: 587, Security: STARTTLS, User: "x", Password: "y"}} {
		if err := s.Check(); err != nil {
			t.Errorf("%+v: %v", s, err)
		}
	}
}
