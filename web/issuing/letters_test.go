package issuing

import (
	"context"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"indeks/internal/postbox"
	"indeks/issuer"
	"indeks/mail"
	"indeks/web"
)

// withMail gives the server an issuer that writes to learners, by a mail server of
// the test's.
func withMail(t *testing.T, box *postbox.Box) func(*Config) {
	return func(c *Config) {
		if c.Store == nil {
			return // it is only asked for the institution
		}
		from, err := mail.ParseAddress("registry@school.example")
		if err != nil {
			t.Fatal(err)
		}
		ring, err := theRing()
		if err != nil {
			t.Fatal(err)
		}
		c.Issuer, err = issuer.New(t.Context(), issuer.Config{Institution: c.Institution, Store: c.Store, Ring: ring,
			Post: &issuer.Post{Server: mail.Server{Host: "127.0.0.1", Port: box.Port, Security: mail.Clear}, From: from, PerMinute: 60_000}})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// sendLetters sends what waits, and returns what the mail server has then.
func sendLetters(t *testing.T, iss *issuer.Issuer, box *postbox.Box) []postbox.Message {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- iss.RunLetters(ctx) }()
	for end := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		q, err := iss.LetterQueue(t.Context())
		if err != nil || time.Now().After(end) {
			t.Fatalf("%d letters still wait, %v", q.Waiting, err)
		}
		if q.Waiting == 0 {
			break
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	return box.Messages()
}

// testLetters asks what openapi.json says of letters, of a server with a mail server
// and of one without.
func testLetters(t *testing.T, server, without string, iss *issuer.Issuer, box *postbox.Box, approver []string) {
	const api = "/api/v1"
	headers := append([]string{"Content-Type", "application/json"}, auth...)
	issued := ask(t, "POST", server+api+"/credentials", body(t, func(l map[string]string) { l["email"], l["certificate_number"] = "ana@mail.example", "MAIL-1" }), append([]string{"Idempotency-Key", "mail-1"}, headers...)...)
	if issued.status != 201 {
		t.Fatalf("%d %s", issued.status, issued.body)
	}
	ask(t, "POST", without+api+"/credentials", body(t, func(l map[string]string) { l["email"], l["certificate_number"] = "ana@mail.example", "MAIL-1" }), append([]string{"Idempotency-Key", "mail-1"}, headers...)...)
	report, err := os.ReadFile("../../mail/testdata/reports/failed.eml")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, method, server, path, body string
		status                           int
		says                             string
	}{
		{"what was sent", "GET", server, "/credentials/MAIL-1/letters", "", 200, `"said": "queued"`},
		{"what was sent of nothing", "GET", server, "/credentials/none/letters", "", 404, ""},
		{"again", "POST", server, "/credentials/MAIL-1/letters", `{"note": "asked by telephone"}`, 202, `"queued"`},
		{"again, of nothing", "POST", server, "/credentials/none/letters", `{}`, 404, ""},
		{"again, with more", "POST", server, "/credentials/MAIL-1/letters", `{"kind": "code"}`, 400, ""},
		{"again, without an address", "POST", server, "/credentials/EX-2026-7/letters", `{}`, 409, ""},
		{"again, without a mail server", "POST", without, "/credentials/MAIL-1/letters", `{}`, 409, "urn:indeks:no-mail"},
		{"what was sent, without a mail server", "GET", without, "/credentials/MAIL-1/letters", "", 200, "not sent: no mail server configured"},
		{"the queue, without a mail server", "GET", without, "/letters", "", 200, `"configured": false`},
		{"another address", "POST", server, "/credentials/MAIL-1/address", `{"email": "other@mail.example", "reason": "identity card seen", "new_link": true}`, 200, `"MAIL-1"`},
		{"no address", "POST", server, "/credentials/MAIL-1/address", `{"email": "a@b\r\nBcc: c@d.example", "reason": "x"}`, 422, ""},
		{"without a reason", "POST", server, "/credentials/MAIL-1/address", `{"email": "other@mail.example"}`, 400, ""},
		{"another address of nothing", "POST", server, "/credentials/none/address", `{"email": "other@mail.example", "reason": "x"}`, 404, ""},
		{"the queue", "GET", server, "/letters", "", 200, `"configured": true`},
		{"a report of ours", "POST", server, "/letters/reports", string(report), 200, `"bounced"`},
		{"the queue, for who may not", "GET", server, "/letters", "", 403, ""},
		{"what was sent, for who may not", "GET", server, "/credentials/MAIL-1/letters", "", 403, ""},
		{"how many did not arrive", "POST", server, "/letters", `{"dry_run": true}`, 200, `"found": 1`},
		{"how many of another course", "POST", server, "/letters", `{"dry_run": true, "course": "other"}`, 200, `"found": 0`},
		{"those, unseen", "POST", server, "/letters", `{}`, 400, "/confirm"},
		{"those, with more", "POST", server, "/letters", `{"confirm": 1, "all": true}`, 400, ""},
		{"those, for who may not", "POST", server, "/letters", `{"confirm": 1}`, 403, ""},
		{"those, but another number", "POST", server, "/letters", `{"confirm": 2}`, 409, ""},
		{"those, without a mail server", "POST", without, "/letters", `{"confirm": 1}`, 409, "urn:indeks:no-mail"},
		{"those that did not arrive", "POST", server, "/letters", `{"confirm": 1, "note": "the server was mended"}`, 202, `"queued": 1`},
		{"a report of others", "POST", server, "/letters/reports", string(report), 204, ""},
		{"no report", "POST", server, "/letters/reports", "Subject: hello\n\nThank you", 422, ""},
		{"delivery data", "POST", server, "/credentials/MAIL-1/erase-delivery", `{"reason": "a test"}`, 200, ""},
		{"an address after that", "POST", server, "/credentials/MAIL-1/address", `{"email": "other@mail.example", "reason": "x"}`, 410, ""},
		{"what was sent, after that", "GET", server, "/credentials/MAIL-1/letters", "", 200, "erased"},
	} {
		headers := headers
		switch {
		case strings.HasSuffix(c.path, "/reports"):
			headers = append([]string{"Content-Type", "message/rfc822"}, auth...)
		case c.status == 403:
			headers = approver
		}
		if c.name == "a report of ours" {
			sent := sendLetters(t, iss, box)
			c.body = strings.ReplaceAll(c.body, "20260601.0123456789ABCDEFGHJKMNPQRS", sent[len(sent)-1].Envelope)
		}
		got := ask(t, c.method, c.server+api+c.path, c.body, headers...)
		if got.status != c.status || !strings.Contains(got.body, c.says) {
			t.Errorf("%s: %d, want %d with %q: %s", c.name, got.status, c.status, c.says, got.body)
		}
	}
}

// A letter goes to a real mail server, bounces by a report that the API is given, is
// listed, and goes again to another address; links and addresses are in no log.
func TestLettersByTheAPI(t *testing.T) {
	box := postbox.Start(t, postbox.Options{DSN: true})
	m := web.NewMetrics()
	var iss *issuer.Issuer
	base, log := newServer(t, func(c *Config) { c.Kit.Metrics = m }, withMail(t, box), func(c *Config) { iss = c.Issuer })
	headers := append([]string{"Content-Type", "application/json"}, auth...)
	issued := ask(t, "POST", base+"/api/v1/credentials", body(t, func(l map[string]string) { l["email"] = "ana@mail.example" }), append([]string{"Idempotency-Key", "1"}, headers...)...)
	if issued.status != 201 {
		t.Fatal(issued.body)
	}
	number := regexp.MustCompile(`"number":\s*"([^"]+)"`).FindStringSubmatch(issued.body)[1]
	link := regexp.MustCompile(`/h/([0-9A-Z]{26})"`).FindStringSubmatch(issued.body)[1]
	first := sendLetters(t, iss, box)[0]
	sample, err := os.ReadFile("../../mail/testdata/reports/failed.eml")
	if err != nil {
		t.Fatal(err)
	}
	report := strings.ReplaceAll(string(sample), "20260601.0123456789ABCDEFGHJKMNPQRS", first.Envelope)
	bounced := ask(t, "POST", base+"/api/v1/letters/reports", report, auth...)
	if queue := ask(t, "GET", base+"/api/v1/letters", "", auth...); bounced.status != 200 || !strings.Contains(queue.body, "User unknown") || !strings.Contains(queue.body, number) {
		t.Errorf("%d %s\n%s", bounced.status, bounced.body, queue.body)
	}
	w := httptest.NewRecorder()
	m.Echo().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	for _, want := range []string{"indeks_letters_waiting 0", "indeks_letters_oldest_seconds 0", "indeks_letters_held 0", "indeks_letters_troubles 1"} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("no %s in\n%s", want, w.Body)
		}
	}
	if a := ask(t, "POST", base+"/api/v1/credentials/"+number+"/address", `{"email": "new@mail.example", "reason": "identity card seen", "new_link": true}`, headers...); a.status != 200 || strings.Contains(a.body, link) {
		t.Errorf("%d %s", a.status, a.body)
	}
	if sent := sendLetters(t, iss, box); len(sent) != 2 || sent[1].To != "new@mail.example" {
		t.Errorf("sent: %+v", sent)
	}
	if a := ask(t, "GET", base+"/h/"+link, ""); a.status != 404 {
		t.Errorf("the old link: %d", a.status)
	}
	if a := ask(t, "GET", base+"/readyz", "", "Accept", "application/json"); !strings.Contains(a.body, "letters go out") {
		t.Errorf("ready: %s", a.body)
	}
	audit := ask(t, "GET", base+"/api/v1/audit?kind=sent&kind=readdressed", "", append([]string{"Accept", "application/json"}, auth...)...)
	for _, never := range []string{"mail.example", link} {
		if strings.Contains(log.String(), never) || strings.Contains(audit.body, never) {
			t.Errorf("%s is in the log, or in the audit log", never)
		}
	}
}

// At the desk a registrar sees what was refused, puts the address right, and what
// goes there; and without a mail server that nothing is sent.
func TestDeskLetters(t *testing.T) {
	box := postbox.Start(t, postbox.Options{Answer: func(step, arg string) error {
		if step == "RCPT" && strings.HasPrefix(arg, "wrong") {
			return postbox.Refuse(550, [3]int{5, 1, 1}, "no such user <b>here</b>")
		}
		return nil
	}})
	var iss *issuer.Issuer
	b, _, records, _ := newDesk(t, Registrar, withMail(t, box), func(c *Config) { iss = c.Issuer })
	withCourses(t, records)
	page := award(t, b, "email", "wrong@mail.example")
	if got := b.get(page); !strings.Contains(got, "waiting") {
		t.Errorf("the page says nothing of the letter: %s", failures(got))
	}
	sendLetters(t, iss, box)
	for _, at := range []string{page, "/desk"} {
		if got := b.get(at); !strings.Contains(got, "refused") || !strings.Contains(got, "no such user &lt;b&gt;here") {
			t.Errorf("%s lacks what was refused", at)
		}
	}
	if w := b.post(page+"/address", page+"/address", "email", "right@mail.example", "reason", "identity card seen"); w.Code != 303 {
		t.Errorf("another address: %d %s", w.Code, failures(w.Body.String()))
	}
	if sent := sendLetters(t, iss, box); len(sent) != 1 || sent[0].To != "right@mail.example" {
		t.Errorf("sent: %+v", sent)
	}
	if got := b.get("/desk"); strings.Contains(got, "did not arrive") {
		t.Error("what was sent again is still listed")
	}
	if got := b.get(award(t, b, "given_name", "Iva")); !strings.Contains(got, "Not sent: we do not have an email address.") {
		t.Error("it is not said that there is no address")
	}

	silent, _, records, _ := newDesk(t, Registrar)
	withCourses(t, records)
	if got := silent.get(award(t, silent, "email", "ana@mail.example")); !strings.Contains(got, "Not sent: no mail server is set up.") {
		t.Error("it is not said that nothing is sent")
	}
}

// What the mail server refused is listed with what it said, and goes again in one step:
// of a course or all, by the number that was seen, and never twice.
func TestDeskSendsLettersAgain(t *testing.T) {
	box := postbox.Start(t, postbox.Options{Answer: func(step, arg string) error {
		if step == "RCPT" && !strings.HasPrefix(arg, "good") {
			return postbox.Refuse(550, [3]int{5, 7, 1}, "not from <i>there</i>")
		}
		return nil
	}})
	var iss *issuer.Issuer
	b, e, records, people := newDesk(t, Registrar, withMail(t, box), func(c *Config) { iss = c.Issuer })
	withCourses(t, records)
	if got := b.get("/desk/letters"); !strings.Contains(got, "There are none to send again.") || strings.Contains(got, "Send all of them") {
		t.Error("before there is one")
	}
	var pages []string
	for _, name := range []string{"Iva", "Mia", "Ema"} {
		pages = append(pages, award(t, b, "given_name", name, "email", strings.ToLower(name)+"@mail.example"))
	}
	award(t, b, "given_name", "Una", "email", "good@mail.example")
	if sent := sendLetters(t, iss, box); len(sent) != 1 {
		t.Fatalf("sent: %+v", sent)
	}
	if got := b.get("/desk"); !strings.Contains(got, `href="/desk/letters"`) {
		t.Error("nothing leads from the first page")
	}
	got := b.get("/desk/letters")
	for _, want := range append(pages, "Can be sent again: 3", "Send all of them again: 3", "not from &lt;i&gt;there", `value="community-first-aid"`, ": 3</option>") {
		if !strings.Contains(got, want) {
			t.Errorf("no %s", want)
		}
	}
	if got := b.get("/desk/letters?course=other"); !strings.Contains(got, "Can be sent again: 0") || strings.Contains(got, "Send all of them again: ") {
		t.Error("of another course")
	}
	for _, count := range []string{"", "0", "2", "4", "-3", "all"} {
		if w := b.post("/desk/letters", "/desk/letters", "count", count); w.Code != 409 || !strings.Contains(w.Body.String(), "Nothing was sent") {
			t.Errorf("count %q: %d", count, w.Code)
		}
	}
	box.Change(func(string, string) error { return nil })
	for _, want := range []int{303, 409} { // pressed twice
		if w := b.post("/desk/letters", "/desk/letters", "course", "community-first-aid", "count", "3", "reason", "the server was mended"); w.Code != want {
			t.Errorf("sending: %d %s", w.Code, failures(w.Body.String()))
		}
	}
	if sent := sendLetters(t, iss, box); len(sent) != 4 {
		t.Errorf("sent: %d", len(sent))
	}
	if got := b.get("/desk/letters?done=letters"); !strings.Contains(got, "Can be sent again: 0") || !strings.Contains(got, "The emails are being sent again") {
		t.Error("what was sent again is still listed")
	}
	if got := signInAs(t, e, people, Auditor).get("/desk/log?kind=sent"); strings.Count(got, "the page of the credential: waiting") != 3 || strings.Contains(got, "mended") {
		t.Errorf("the log tells of %d", strings.Count(got, "the page of the credential: waiting"))
	}
}
