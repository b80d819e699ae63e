package main

import (
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"indeks/internal/chromium"
	"indeks/web"
)

// jobs are what people come for: where it is done, and with which button, by the id of
// its text; "": being there is all.
var jobs = []struct{ what, where, button string }{
	{"verify a file, a link or a text", "verifier /", "start.submit"},
	{"scan a code", "verifier /scan", ""},
	{"verify many at once", "verifier /bulk", "bulk.submit"},
	{"check a code without a network", "verifier /q", "offline.online"},
	{"read what that proves", "verifier /proves", ""},
	{"see the verdict on a printed code, and the supplement", "verifier /C/:id", "hold.button"},
	{"look at an award of one's own", "issuer /h/:id", ""},
	{"keep the certificate", "issuer /h/:id/certificate.pdf", ""},
	{"keep the sealed file for Europass", "issuer /h/:id/credential.jsonld", ""},
	{"keep the sealed file for wallets", "issuer /h/:id/credential.jwt", ""},
	{"see all that one has", "issuer /h/:id/collection", ""},
	{"see what it adds up to", "issuer /h/:id/stack", ""},
	{"share it by a private link", "issuer /h/:id/shares", "issuing.shares.do"},
	{"show it on a public page", "issuer /h/:id/shares", "issuing.shares.public.do"},
	{"have an offline code of it", "issuer /h/:id/offline", "issuing.offline.make"},
	{"say that something is wrong with it", "issuer /h/:id", "issuing.report.send"},
	{"say how much work it was", "issuer /h/:id", "issuing.answers.send"},
	{"find a course", "issuer /catalogue", ""},
	{"read about a course", "issuer /catalogue/:id", ""},
	{"issue to one learner", "issuer /desk/issue?course", "desk.issue.check"},
	{"upload a class list", "issuer /desk/batches", "batch.check"},
	{"find an award", "issuer /desk/records", "desk.search.do"},
	{"look at an award and its history", "issuer /desk/records/:id", ""},
	{"print a certificate", "issuer /desk/records/:id/certificate.pdf", ""},
	{"revoke an award", "issuer /desk/records/:id/revoke", "desk.act.revoke"},
	{"revoke many at once", "issuer /desk/bulk", ""},
	{"put an award on hold", "issuer /desk/records/:id/suspend", "desk.act.suspend"},
	{"write to another address", "issuer /desk/records/:id/address", "desk.act.address"},
	{"correct an award", "issuer /desk/records/:id/correct", "desk.issue.check"},
	{"erase what is known of a learner", "issuer /desk/records/:id/erase", "desk.act.erase"},
	{"send letters again that did not arrive", "issuer /desk/letters", ""},
	{"see whose name is not confirmed yet", "issuer /desk/names", ""},
	{"write a course", "issuer /desk/courses/form", "desk.form.put"},
	{"read a version of a course", "issuer /desk/courses/:id/:id", ""},
	{"approve what another one asks for", "issuer /desk/approvals", ""},
	{"confirm an erasure", "issuer /desk/erasures", ""},
	{"answer a learner", "issuer /desk/reports", ""},
	{"recognise what others have sealed", "issuer /desk/recognitions", "desk.recognitions.check"},
	{"see how courses fare", "issuer /desk/review", ""},
	{"look after the keys", "issuer /desk/keys", ""},
	{"say that a key is in wrong hands", "issuer /desk/keys/:id/compromise", "desk.compromise.check"},
	{"verify the audit log", "issuer /desk/log", "desk.log.verify"},
	{"see what the server is like, back up and archive", "issuer /desk/settings", ""},
	{"sign in with a passkey from now on", "issuer /desk/passkeys", ""},
	{"make accounts", "issuer /desk/accounts", "desk.account.make"},
}

// findJobs goes from the demo's first page by links alone, and signs in with what is
// shown. It returns the address of a page of each kind, each of which was opened in one language or
// another. Each job is reached.
func findJobs(t *testing.T, v *visitor, d *demo) map[string]string {
	t.Helper()
	found, buttons := map[string]string{}, map[string]map[string]bool{}
	languages := web.Languages()
	for queue := []string{d.issuer + "/"}; len(queue) > 0; queue = queue[1:] {
		next := queue[0]
		kind := kindOf(d, next)
		if _, seen := found[kind]; seen || kind == "" {
			continue
		}
		found[kind] = next
		if isFile(kind) {
			continue
		}
		v.lang = languages[len(buttons)%len(languages)]
		v.open(next)
		v.sound()
		if v.Has("button", v.say("signin.do")) {
			signInToDemo(v, "head")
			v.sound()
		}
		var links []string
		v.Eval(`[...document.querySelectorAll('a[href]:not([hreflang])')].filter((a) => a.checkVisibility() || a.closest('details')).map((a) => a.href)`, &links)
		queue = append(queue, links...)
		var names []string
		v.Eval(`[...document.querySelectorAll('button')].map((b) => b.textContent.trim())`, &names)
		buttons[kind] = map[string]bool{}
		for _, job := range jobs {
			if job.where == kind && job.button != "" && slices.Contains(names, v.say(job.button)) {
				buttons[kind][job.button] = true
			}
		}
	}
	for _, job := range jobs {
		if _, ok := found[job.where]; !ok {
			t.Errorf("who wants to %s does not find %s", job.what, job.where)
		} else if job.button != "" && !buttons[job.where][job.button] {
			t.Errorf("who wants to %s finds no button %s at %s", job.what, job.button, job.where)
		}
	}
	return found
}

// markKey says that the key that has sealed everything is in wrong hands, and finds
// where that is issued again. It returns the pages that there are only then.
func markKey(t *testing.T, v *visitor, d *demo) map[string]string {
	t.Helper()
	v.open(d.issuer + "/desk/keys")
	signInToDemo(v, "head")
	v.sound()
	var mark string
	v.Eval("[...document.querySelectorAll('main section')].find((s) => s.querySelector('h2').innerText.startsWith("+quoted(v.say("desk.keys.seal"))+")).querySelector('a').href", &mark)
	v.open(mark)
	v.Fill(v.say("desk.compromise.day"), "2026-01-01")
	v.Fill(v.say("desk.compromise.time"), "10:00")
	v.Fill(v.say("desk.reason.words"), "taken with a computer")
	v.press("desk.compromise.check")
	v.sound()
	v.reads(v.say("desk.seals.unproven"))
	v.Tick(v.say("desk.compromise.sure"), true)
	v.press("desk.compromise.mark")
	v.sound()
	v.reads(v.say("desk.done.compromise"))
	v.Tick(v.say("desk.reissue.all", "Number", ""), true)
	v.press("desk.bulk.check")
	v.sound()
	if !v.Has("button", v.say("desk.act.reissue")+"…") {
		t.Errorf("nothing can be issued again:\n%s", v.Text())
	}
	v.open(d.issuer + "/desk/keys")
	v.follow("desk.act.reissue")
	again := v.Address()
	v.sound()
	return map[string]string{"issuer /desk/keys": d.issuer + "/desk/keys", "issuer /desk/keys/:id/compromise": mark, "issuer /desk/keys/:id/reissue": again}
}

// signInToDemo signs in with the password that the demo's page shows.
func signInToDemo(v *visitor, name string) {
	v.t.Helper()
	row := regexp.MustCompile(`(?m)^` + name + `\s+(\S+)`).FindStringSubmatch(v.Text())
	if row == nil {
		v.t.Fatalf("no password of %s is shown:\n%s", name, v.Text())
	}
	v.Fill(v.say("signin.name"), name)
	v.Fill(v.say("signin.password"), row[1])
	v.press("signin.do")
}

var (
	anID    = regexp.MustCompile(`^([0-9A-Za-z]{26}|[0-9a-f]{8}-[0-9a-f-]{27}|[0-9a-f]{64}|[0-9A-Za-z_-]{43}|\d{8}-[0-9A-Z]{6})$`)
	courses = []string{"/catalogue/", "/desk/courses/"}
)

// kindOf is what kind of page an address leads to, as in "issuer /h/:id"; "" for a
// page of somebody else.
func kindOf(d *demo, address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	host := ""
	switch "http://" + strings.ToLower(u.Host) {
	case d.issuer:
		host = "issuer"
	case d.verifier:
		host = "verifier"
	default:
		return ""
	}
	parts := strings.Split(u.Path, "/")
	for i, part := range parts {
		of := strings.Join(parts[:i], "/") + "/"
		if anID.MatchString(part) || slices.ContainsFunc(courses, func(c string) bool { return strings.HasPrefix(of, c) }) && part != "form" && part != "guide" && !strings.Contains(part, ".atom") {
			parts[i] = ":id"
		}
	}
	kind := host + " " + strings.Join(parts, "/")
	if u.Query().Has("course") {
		kind += "?course"
	}
	return kind
}

// isFile reports whether a kind is something to keep or for programs, which is not
// opened.
func isFile(kind string) bool {
	last := kind[strings.LastIndex(kind, "/")+1:]
	return strings.Contains(last, ".") || slices.Contains([]string{"png", "svg"}, last) ||
		slices.ContainsFunc([]string{"issuer /.well-known/", "issuer /contexts/", "issuer /schemas/", "issuer /log", "issuer /status/"}, func(p string) bool { return strings.HasPrefix(kind, p) })
}

// everyLanguage opens each page in each language, on a phone and in a wide window.
func everyLanguage(t *testing.T, v *visitor, places map[string]string) {
	t.Helper()
	n := 0
	for _, size := range []chromium.Visitor{phone, {}} {
		v.Resize(size)
		for _, kind := range slices.Sorted(maps.Keys(places)) {
			for _, v.lang = range web.Languages() {
				if !isFile(kind) {
					v.open(places[kind])
					v.sound()
					n++
				}
			}
		}
	}
	t.Logf("%d pages opened", n)
}
