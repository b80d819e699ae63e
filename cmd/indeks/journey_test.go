package main

import (
	"bytes"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"

	"indeks/internal/chromium"
	"indeks/web"
)

// student is one learner of the class.
type student struct{ given, family, birth, id, email, grade string }

var (
	stana  = student{"Stanislava", "Kovjanić", "1997-04-23", "JRN-0417-A", "s.kovjanic@learners.example", "10"}
	bogdan = student{"Bogdan", "Šljukić", "1990-11-09", "JRN-0418-B", "b.sljukic@learners.example", "8"}
	cveta  = student{"Cvetana", "Ždralović", "1988-02-17", "JRN-0419-C", "c.zdralovic@learners.example", "9"}
)

// What people do from the class list to the verdict, as they do it: in a real browser,
// with the real servers and a mail server between them. Whatever they come to is
// sound, and nobody is named in an address, in a Referer or in a log.
func TestJourneys(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a browser: left out by -short")
	}
	browser := chromium.Start(t)
	step := func(what string, do func(t *testing.T)) { // each goes on from the one before
		t.Helper()
		if !t.Run(what, do) {
			t.FailNow()
		}
	}
	d := startDemo(t)
	hosts := []string{strings.TrimPrefix(d.issuer, "http://"), strings.TrimPrefix(d.verifier, "http://")}
	step("newcomer finds every job", func(t *testing.T) {
		v := &visitor{Page: browser.Visit(t, phone), t: t, hosts: hosts}
		places := findJobs(t, v, d)
		if os.Getenv("INDEKS_JOURNEYS") == "1" {
			everyLanguage(t, v, places)
		}
	})
	if *screenshots {
		takePictures(t, browser, d)
	}
	step("newcomer marks a key and issues again", func(t *testing.T) {
		v := &visitor{Page: browser.Visit(t, phone), t: t, lang: "en", hosts: hosts}
		places := markKey(t, v, d)
		if os.Getenv("INDEKS_JOURNEYS") == "1" {
			everyLanguage(t, v, places)
		}
	})
	d.stop()
	u, password := startUniversity(t, d)
	secrets := named{}
	var everybody []*visitor
	visit := func(t *testing.T, lang string, v chromium.Visitor) *visitor {
		v.Language = lang
		one := &visitor{Page: browser.Visit(t, v), t: t, lang: lang, plain: v.NoScripts, hosts: hosts}
		everybody = append(everybody, one)
		return one
	}
	for _, s := range []student{stana, bogdan, cveta} {
		day, _ := time.Parse(time.DateOnly, s.birth)
		for _, text := range []string{s.birth, day.Format("2.1.2006"), day.Format("2. 1. 2006."), day.Format("2 January 2006"), day.Format("20060102")} {
			secrets[text] = "a birth date"
		}
		local, _, _ := strings.Cut(s.email, "@")
		secrets[s.given], secrets[s.family], secrets[s.id], secrets[local] = "a given name", "a family name", "a learner's identifier", "an e-mail address"
	}

	desk := visit(t, "en", chromium.Visitor{})
	var app *authenticator
	step("registrar signs in for the first time", func(t *testing.T) {
		desk.in(t)
		desk.open(u.issuer + "/desk")
		desk.sound("401")
		app = enrol(t, desk, "registrar-2", password, "a long password of my own")
		desk.press("desk.signout")
		desk.sound()
		signIn(t, desk, app, "registrar-2", "a long password of my own")
	})
	var device *chromium.Device
	step("registrar signs in with a passkey", func(t *testing.T) {
		desk.in(t)
		device = passkey(t, desk)
	})
	step("registrar issues a class", func(t *testing.T) {
		desk.in(t)
		issueClass(t, desk, stana, bogdan)
	})
	step("registrar sends a letter again that did not arrive", func(t *testing.T) {
		desk.in(t)
		sendAgain(t, desk, u, bogdan)
	})
	learner := visit(t, "en", chromium.Visitor{})
	var award award
	step("learner claims it from the letter", func(t *testing.T) {
		learner.in(t)
		award = claim(t, learner, u, stana)
		secrets[award.link] = "the link of a learner's page"
	})
	t.Run("learner keeps what another gave, and opens it by its own link", func(t *testing.T) {
		learner.in(t)
		secrets[collect(t, learner, award)] = "the secret of a collection"
	})
	employer := visit(t, "en", phone)
	var link string
	step("learner shares it with a PIN", func(t *testing.T) {
		learner.in(t)
		link = share(t, learner, "730519482615")
		_, key, _ := strings.Cut(link, "#")
		secrets[key], secrets["730519482615"] = "the key of a share", "a PIN"
	})
	step("employer opens it on a phone", func(t *testing.T) {
		employer.in(t)
		openShare(t, employer, link, "730519482615")
		employer.reads(stana.given+" "+stana.family, employer.say("issuing.shown.valid"), "Data Stewardship in Research", "ECTS", employer.say("issuing.share.word.seal"), employer.say("issuing.share.word.status"))
		if text := employer.Text(); strings.Contains(text, "23 April") || strings.Contains(text, stana.id) {
			t.Errorf("what the learner kept back is shown:\n%s", text)
		}
		scan(t, employer, award.scan, "state.valid.word")
	})
	step("all of it without scripts", func(t *testing.T) { // in another language
		lang := web.Languages()[len(web.Languages())-1]
		plain := func(v chromium.Visitor) *visitor {
			v.NoScripts = true
			return visit(t, lang, v)
		}
		desk := plain(chromium.Visitor{})
		desk.open(u.issuer + "/desk")
		signIn(t, desk, app, "registrar-2", "a long password of my own")
		desk.follow("passkey.title")
		desk.Press("button", desk.say("passkey.remove")+" "+passkeyName)
		desk.sound()
		desk.reads(desk.say("passkey.none.yet"))
		issueClass(t, desk, cveta)
		learner := plain(phone)
		award := claim(t, learner, u, cveta)
		secrets[award.link] = "the link of a learner's page"
		link := share(t, learner, "460218537194")
		_, key, _ := strings.Cut(link, "#")
		secrets[key], secrets["460218537194"] = "the key of a share", "a PIN"

		employer := plain(phone)
		for pin, want := range map[string]string{"000000": "issuing.share.pin.title", "460218537194": "issuing.shown.valid"} {
			employer.open(link)
			employer.sound()
			employer.Fill(employer.say("issuing.share.link"), link)
			employer.Fill("PIN", pin)
			employer.press("issuing.share.do")
			employer.sound("401")
			employer.reads(employer.say(want))
		}
		scan(t, employer, award.scan, "state.valid.word")
		employer.open(u.verifier + "/q")
		employer.sound()
		employer.Fill(employer.say("offline.text"), offlineCode(t, learner, award))
		employer.press("offline.online")
		employer.sound()
		employer.reads(employer.say("state.valid.word"), employer.say("extract.notice"), cveta.family)

		revoke(t, desk, cveta)
		employer.open(link)
		employer.Fill(employer.say("issuing.share.link"), link)
		employer.Fill("PIN", "460218537194")
		employer.press("issuing.share.do")
		employer.sound()
		employer.reads(employer.say("issuing.shown.revoked"))
	})
	step("registrar revokes it and the employer sees that", func(t *testing.T) {
		desk.in(t)
		revoke(t, desk, stana)
		another, err := url.Parse(anotherVerifier(t, u.dir))
		if err != nil {
			t.Fatal(err)
		}
		learner.in(t)
		learner.open(award.page)
		learner.sound()
		learner.reads(learner.say("issuing.object"))
		employer.in(t)
		openShare(t, employer, link, "730519482615")
		employer.reads(employer.say("issuing.shown.revoked"))
		// The verifier has the list of before for half a minute; one that begins now has none.
		employer.hosts = append(employer.hosts, another.Host)
		scan(t, employer, another.String()+award.scan[strings.LastIndex(award.scan, "/C/"):], "state.revoked.word")
	})
	step("registrar does not sign in with a passkey that is removed", func(t *testing.T) {
		desk.in(t)
		desk.press("desk.signout")
		desk.press("signin.passkey")
		desk.sound("401")
		desk.reads(desk.say("signin.passkey.refused"))
		if there := device.Passkeys(); len(there) != 1 {
			t.Errorf("passkeys in the device: %q: it had none to sign with", there)
		}
	})
	step("employer checks an offline code in flight mode", func(t *testing.T) {
		learner := visit(t, "en", chromium.Visitor{})
		award := claim(t, learner, u, bogdan)
		secrets[award.link] = "the link of a learner's page"
		code := offlineCode(t, learner, award)
		employer.in(t)
		var worked time.Duration
		check := func(states string, expected ...string) {
			t.Helper()
			employer.Open("about:blank") // or it would be the same page with another fragment
			employer.open(code)
			employer.Until("['" + states + "'].includes(document.querySelector('#offline')?.dataset.answer) && document.querySelector('#offline').dataset.ready === 'yes'")
			worked = employer.Scripts()
			employer.still()
			employer.sound(expected...)
			employer.reads(bogdan.given+" "+bogdan.family, "University of Sava, Belgrade", "Upravljanje istraživačkim podacima", "3 ECTS")
			if address := employer.Address(); strings.Contains(address, "#") {
				t.Errorf("the code stays in the address: %s", address)
			}
		}
		check("valid")
		u.stop()
		check("valid','status_unchecked", "net::ERR_CONNECTION_REFUSED") // as of when it says, on a slow machine
		t.Logf("scripts took %v", worked)
		if worked == 0 || worked > 100*time.Millisecond {
			t.Errorf("scripts took %v", worked)
		}
		secrets[code[strings.Index(code, "#")+1:]] = "an offline code"
	})

	step("nobody is named in addresses, referers and logs", func(t *testing.T) {
		u.stop()
		asked, referred, own := 0, 0, 0
		for _, v := range everybody {
			addresses, referers := v.Asked()
			asked, referred = asked+len(addresses), referred+len(referers)
			for _, a := range addresses {
				for _, found := range secrets.in(a) {
					// A learner's page is where its link leads.
					if strings.HasPrefix(found, "the link of a learner's page") && strings.HasPrefix(a, u.issuer+"/h/") {
						own++
					} else {
						t.Errorf("the address %s has %s", a, found)
					}
				}
			}
			for _, r := range referers {
				for _, found := range secrets.in(r) {
					t.Errorf("the Referer %s has %s", r, found)
				}
			}
		}
		if own == 0 || u.log.String() == "" {
			t.Errorf("%d addresses, of which %d are of learners' pages, a log of %d bytes: they were not noted", asked, own, len(u.log.String()))
		}
		for _, found := range secrets.in(u.log.String()) {
			t.Errorf("a log has %s", found)
		}
		t.Logf("%d addresses, %d referers, %d bytes of logs", asked, referred, len(u.log.String()))
	})
}

// offlineCode is what the offline code of a learner's page holds.
func offlineCode(t *testing.T, v *visitor, of award) (code string) {
	t.Helper()
	v.open(of.page)
	v.follow("issuing.credential.offline")
	v.sound()
	v.Eval(`[...document.querySelectorAll('main a')].map((a) => a.getAttribute('href')).find((a) => /\/q#\d+$/i.test(a))`, &code)
	return code
}

// phone is what an employer holds.
var phone = chromium.Visitor{Width: 390, Height: 844, Phone: true}

// enrol is the first sign-in: a password of one's own, and an app for codes.
func enrol(t *testing.T, v *visitor, name, first, own string) *authenticator {
	t.Helper()
	v.Fill(v.say("signin.name"), name)
	v.Fill(v.say("signin.password"), first)
	v.press("signin.do")
	v.sound()
	secret := regexp.MustCompile(`\b[A-Z2-7]{4}( [A-Z2-7]{4})+\b`).FindString(v.Text())
	app := newAuthenticator(t, secret)
	for try := 0; try < 3 && v.Has("button", v.say("setup.do")); try++ { // a code may just have ended
		v.Fill(v.say("setup.password.new"), own)
		v.Fill(v.say("setup.password.again"), own)
		v.Fill(v.say("setup.code.shown"), app.code())
		v.press("setup.do")
	}
	v.sound("422", "401")
	return app
}

func signIn(t *testing.T, v *visitor, app *authenticator, name, password string) {
	t.Helper()
	for try := 0; try < 3 && v.Has("button", v.say("signin.do")); try++ {
		v.Fill(v.say("signin.name"), name)
		v.Fill(v.say("signin.password"), password)
		v.Fill(v.say("signin.code"), app.code())
		v.press("signin.do")
	}
	v.sound("401")
	if !v.Has("heading", v.say("desk.title")) {
		t.Fatalf("not signed in:\n%s", v.Text())
	}
}

const passkeyName = "Office computer"

// passkey makes a passkey of who has just signed in, by a device, and signs in with it:
// not as long as somebody else is at the device.
func passkey(t *testing.T, v *visitor) *chromium.Device {
	t.Helper()
	device := v.Device()
	v.follow("passkey.title")
	v.sound()
	v.Fill(v.say("passkey.name"), passkeyName)
	v.press("passkey.make")
	v.sound()
	v.reads(v.say("desk.done.passkey-add"), passkeyName)
	if there := device.Passkeys(); !slices.Equal(there, []string{"localhost"}) {
		t.Errorf("passkeys in the device are for %q", there)
	}
	v.press("desk.signout")
	device.Knows(false)
	v.Click("button", v.say("signin.passkey"))
	v.Until("document.querySelector('[data-trouble]').checkVisibility()")
	v.sound()
	v.reads(v.say("passkey.trouble"))
	device.Knows(true)
	v.press("signin.passkey")
	v.sound()
	if !v.Has("heading", v.say("desk.title")) {
		t.Fatalf("not signed in:\n%s", v.Text())
	}
	return device
}

// issueClass uploads a list with a mistake, sees where it is, uploads the right one, and
// has it issued.
func issueClass(t *testing.T, v *visitor, class ...student) {
	t.Helper()
	v.follow("desk.place.batches")
	v.sound()
	wrong := slices.Clone(class)
	wrong[0].birth = "1997-02-30"
	v.Fill(v.say("desk.course"), "data-stewardship…")
	v.Upload(v.say("batch.file"), sheet(t, "class.xlsx", wrong))
	v.press("batch.check")
	v.sound()
	v.reads("C2", "date_of_birth", "1997-02-30", v.say("batch.problems"))
	if !v.plain {
		v.picture("class")
	}
	v.Upload(v.say("batch.file"), sheet(t, "class.xlsx", class))
	v.press("batch.check")
	v.sound()
	v.reads(v.say("batch.state.ready"))
	v.press("batch.start", "Number", len(class))
	for done := v.say("batch.state.done"); v.plain && !v.Has("heading", done); {
		v.follow("kit.look.now")
	}
	v.Until("document.querySelector('#state')?.innerText.trim() === " + quoted(v.say("batch.state.done")))
	v.sound()
	results := string(v.Download("link", v.say("batch.results")))
	if issued := regexp.MustCompile(`"MC-.*/h/[0-9A-Z]{26}"`).FindAllString(results, -1); len(issued) != len(class) {
		t.Errorf("results with a page for %d of %d:\n%s", len(issued), len(class), results)
	}
}

// sendAgain sees today that a learner's letter was refused, and sends it again, once the
// server takes it.
func sendAgain(t *testing.T, v *visitor, u *university, s student) {
	t.Helper()
	again := v.say("desk.letters.again")
	for v.open(u.issuer + "/desk"); !v.Has("link", again); v.open(u.issuer + "/desk") { // it is on its way
	}
	v.sound()
	v.follow("desk.letters.again")
	v.sound()
	v.reads(noMailbox)
	u.refused.Store("")
	v.press("desk.letters.again.do", "Number", 1)
	v.sound()
	v.reads(v.say("desk.done.letters"))
	u.letterTo(t, s.email)
}

func quoted(text string) string { return fmt.Sprintf("%q", text) }

// award is what a learner has: the address and the secret of the page, and what the
// printed code holds.
type award struct {
	page, link, scan string
	file             []byte // European Digital Credential
}

// claim opens the link of the letter, and keeps the files.
func claim(t *testing.T, v *visitor, u *university, s student) (a award) {
	t.Helper()
	letter := u.letterTo(t, s.email)
	a.page = regexp.MustCompile(regexp.QuoteMeta(u.issuer) + `/h/[0-9A-Z]{26}`).FindString(letter)
	a.link = a.page[strings.LastIndex(a.page, "/")+1:]
	v.open(a.page)
	v.sound("401")
	v.press("issuing.device.open")
	v.sound()
	v.reads(s.given+" "+s.family, v.say("issuing.credential.keep"))
	for id, begin := range map[string]string{"issuing.credential.pdf": "%PDF-", "issuing.credential.edc": `{"payload":`, "issuing.credential.vc": "eyJ"} {
		if file := v.Download("link", v.say(id)); !bytes.HasPrefix(file, []byte(begin)) {
			t.Errorf("%s begins %.20q", id, file)
		} else if id == "issuing.credential.edc" {
			a.file = file
		}
	}
	v.Eval(`[...document.querySelectorAll('main a')].map((a) => a.getAttribute('href')).find((a) => /^https?:.*\/C\//i.test(a))`, &a.scan)
	return a
}

// share makes a private link with a PIN that shows the name and the grade, and no
// outcomes.
func share(t *testing.T, v *visitor, pin string) (link string) {
	t.Helper()
	v.follow("issuing.credential.share.do")
	v.sound()
	v.Tick(v.say("issuing.part.outcomes"), false)
	v.Tick(v.say("issuing.part.grade"), true)
	v.Fill(v.say("issuing.shares.pin"), pin)
	v.press("issuing.shares.do")
	v.sound()
	return v.Value(v.say("issuing.shares.link"))
}

// openShare opens a private link, gives a wrong PIN, then the right one.
func openShare(t *testing.T, v *visitor, link, pin string) {
	t.Helper()
	v.open(link)
	v.sound()
	if address := v.Address(); strings.Contains(address, "#") {
		t.Errorf("the key stays in the address: %s", address)
	}
	do := v.say("issuing.share.do")
	v.Click("button", do)
	v.Until("document.querySelector('#pin-field').checkVisibility()")
	v.Fill("PIN", "000000")
	v.Click("button", do)
	v.Until("document.querySelector('#message').innerText.includes(" + quoted(v.say("issuing.share.word.left")) + ")")
	v.Fill("PIN", pin)
	v.Click("button", do)
	v.Until("document.querySelector('#shown').checkVisibility()")
	v.Until("document.querySelectorAll('#shown .supplement h3').length > 5") // all of it, which the server writes
	v.sound("401")
}

// collect adds a credential to the learner's page, forgets it on this device and opens
// it again by its own link, whose secret it returns.
func collect(t *testing.T, v *visitor, a award) (secret string) {
	t.Helper()
	v.follow("issuing.collection.title")
	v.sound()
	v.Fill(v.say("issuing.collection.add.link"), string(a.file))
	v.press("issuing.collection.add.do")
	v.sound()
	link := v.Value(v.say("issuing.collection.key"))
	_, secret, _ = strings.Cut(link, "#")
	v.press("issuing.collection.forget")
	v.sound()
	v.reads(v.say("issuing.collection.open"), v.say("issuing.collection.lost"))
	v.open(link)
	v.Until("document.querySelector('#link')")
	v.sound()
	if address := v.Address(); strings.Contains(address, "#") {
		t.Errorf("the secret stays in the address: %s", address)
	}
	v.follow("issuing.stack.do")
	v.sound()
	v.reads(v.say("stack.sums"), v.say("stack.given"))
	v.open(a.page)
	v.sound()
	return secret
}

// scan opens what a printed code holds: a verdict, and after a click the supplement.
func scan(t *testing.T, v *visitor, code, verdict string) {
	t.Helper()
	v.open(code)
	v.sound()
	if !v.Has("heading", v.say(verdict)+"…") {
		t.Errorf("%s: no verdict %s:\n%s", code, verdict, v.Text())
	}
	if verdict == "state.valid.word" {
		v.press("hold.button")
		v.sound()
		v.reads(v.say("supplement.title"), v.say("person.compare"))
	}
}

// revoke finds a learner by name and revokes the award.
func revoke(t *testing.T, v *visitor, s student) {
	t.Helper()
	v.follow("desk.place.records")
	v.sound()
	v.Fill(v.say("desk.search"), s.family)
	v.press("desk.search.do")
	v.sound()
	v.Press("link", "MC-…")
	v.sound()
	v.reads(s.given)
	v.follow("desk.act.revoke")
	v.sound()
	v.Tick(v.say("desk.code.awarded-in-error"), true)
	v.Fill(v.say("desk.reason.words"), "graded by mistake")
	v.press("desk.act.revoke")
	v.sound()
	v.reads(v.say("desk.state.revoked"), "graded by mistake")
}

// sheet writes a class list as a spreadsheet program does.
func sheet(t *testing.T, name string, class []student) string {
	t.Helper()
	f := excelize.NewFile()
	defer f.Close()
	rows := [][]any{{"given_name", "family_name", "date_of_birth", "learner_id", "email", "grade", "awarding_date", "id_verification"}}
	for _, s := range class {
		rows = append(rows, []any{s.given, s.family, s.birth, s.id, s.email, s.grade, "2026-06-30", "supervised-id"})
	}
	for i, row := range rows {
		if err := f.SetSheetRow("Sheet1", fmt.Sprintf("A%d", i+1), &row); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(t.TempDir(), name)
	if err := f.SaveAs(path); err != nil {
		t.Fatal(err)
	}
	return path
}
