package issuing

import (
	"strings"

	"github.com/labstack/echo/v4"

	"indeks/issuer"
	"indeks/store"
	"indeks/web"
)

// What an event of the audit log says, to people. The log has it in few English words,
// which never change: entries are hashed, kept for good and exported. Here they are read
// again, and said in the language of the page.

// eventResult is a form of what stands in Result of events of some kinds, and the text
// that says it, as in [web.Form].
type eventResult struct {
	kinds, form, text string
}

// eventResults are all of them; of those that fit the first counts.
var eventResults = []eventResult{
	{"log-opened", "{Records:number} records before", "event.said.records-before"},
	{"key-made", "{Source:desk.keys.source.}, {Purposes:event.purpose.*}, on {At:time}", "event.said.key-made"},
	{"key-retired", "as of {At:time}", "event.said.key-retired"},
	{"key-revoked", "compromised on {At:time}", "event.said.key-compromised"},
	{"course-put", "version {Version}, published", "event.said.course-published"},
	{"course-put", "version {Version}, not published", "event.said.course-kept"},
	{"corrected", "{ID}", "event.said.replaced-by"},
	{"list-opened", "revocation", "event.said.list-revocation"},
	{"list-opened", "suspension", "event.said.list-suspension"},
	{"list-published", "sequence {Sequence}", "event.said.sequence"},

	{"logged-in", "password alone", "event.said.password-alone"},
	{"logged-in", "first password", "event.said.first-password"},
	{"logged-in", "password and code", "event.said.password-code"},
	{"logged-in", "passkey", "event.said.passkey"},
	{"logged-in", "password and passkey", "event.said.password-passkey"},
	{"logged-in", "again", "event.said.again"},
	{"logged-in", "passkey, again", "event.said.passkey-again"},
	{"logged-in", "own password and codes set up", "event.said.set-up"},
	{"logged-in", "passkey {Key} added in place of the first password", "event.said.set-up-passkey"},
	{"logged-in", "provider", "event.said.provider"},
	{"logged-in", "provider, again", "event.said.provider-again"},
	{"logged-in", "provider; roles: {Roles:desk.role.*}", "event.said.provider-roles"},
	{"logged-in", "provider, again; roles: {Roles:desk.role.*}", "event.said.provider-again-roles"},
	{"logged-out", "everywhere", "event.said.everywhere"},

	{"log-in-refused", "{Number:number} more from {From:time} to {To:time}; {Detail}", "event.said.more-refused"},
	{"log-in-refused", "used twice", "event.said.used-twice"},
	{"log-in-refused", "no such account", "desk.account.none"},
	{"log-in-refused", "password", "event.said.password-wrong"},
	{"log-in-refused", "passkey: password", "event.said.password-wrong"},
	{"log-in-refused", "closed", "event.said.account-closed"},
	{"log-in-refused", "passkey: closed", "event.said.account-closed"},
	{"log-in-refused", "first password ended", "event.said.first-password-ended"},
	{"log-in-refused", "code", "event.said.code-wrong"},
	{"log-in-refused", "passkey: no answer of one", "event.said.passkey-none"},
	{"log-in-refused", "passkey: no such challenge", "event.said.passkey-challenge"},
	{"log-in-refused", "passkey: nobody's", "event.said.passkey-nobody"},
	{"log-in-refused", "passkey: signature", "event.said.passkey-signature"},
	{"log-in-refused", "passkey: removed", "event.said.passkey-removed"},
	{"log-in-refused", "passkey: another account's", "event.said.passkey-other"},
	{"log-in-refused", "passkey: its count went back", "event.said.passkey-count"},
	{"log-in-refused", "passkey {Key}: its count went back, it is not taken any more", "event.said.passkey-copied"},
	{"log-in-refused", "the answer does not belong to a sign-in that was begun here", "event.said.flow"},
	{"log-in-refused", "the answer does not belong to a sign-in that was begun here: another provider answered", "event.said.flow-provider"},
	{"log-in-refused", "the answer does not belong to a sign-in that was begun here: the id_token is of another sign-in", "event.said.flow-other"},
	{"log-in-refused", "the answer does not belong to a sign-in that was begun here: somebody else signed in", "event.said.flow-person"},
	{"log-in-refused", "the account has no role", "event.said.no-role"},
	{"log-in-refused", "the sign-in of the provider could not be used: it answered without a code", "event.said.provider-no-code"},
	{"log-in-refused", "the sign-in of the provider could not be used: it takes no such code", "event.said.provider-code"},
	{"log-in-refused", "the sign-in of the provider could not be used: the id_token is for another client", "event.said.provider-client"},
	{"log-in-refused", "the sign-in of the provider could not be used: the id_token names nobody", "event.said.provider-nobody"},
	{"log-in-refused", "the sign-in of the provider could not be used: nobody has signed in anew", "event.said.provider-stale"},
	{"log-in-refused", "the sign-in of the provider could not be used: {Detail}", "event.said.provider-failed"},

	{"role-changed", "made: {Roles:desk.role.*}", "event.said.account-made"},
	{"role-changed", "roles: {Roles:desk.role.*}", "event.said.roles"},
	{"role-changed", "closed", "desk.account.closed"},
	{"role-changed", "password reset", "desk.account.reset"},
	{"role-changed", "confirmed: another person than {Name}", "event.said.confirmed"},
	{"role-changed", "passkey {Key} added", "event.said.passkey-added"},
	{"role-changed", "passkey {Key} removed", "event.said.passkey-taken"},
	{"role-changed", "a passkey is enough", "event.said.passkey-enough"},
	{"role-changed", "a passkey wants the password too", "event.said.passkey-too"},

	{"exported", "{Records:number} records, {Recipients:number} recipients", "event.said.archived"},
	{"exported", "{Records:number} records, {Recipients:number} recipients, with private keys", "event.said.archived-keys"},
	{"exported", "{Events:number} events as {Format}", "event.said.events"},
	{"exported", "{Lines:number} lines", "event.said.lines"},
	{"exported", "downloaded, encrypted", "event.said.downloaded"},
	{"exported backed-up", "read again: as it was written", "event.said.sound"},
	{"exported backed-up", "read again: not as it was written", "event.said.unsound"},
	{"imported", "{Records:number} records as of {At:time}", "event.said.imported"},
	{"imported", "the store in a file, whose log has {Entries:number} entries", "event.said.moved"},
	{"erased", "delivery", "desk.erased.delivery"},
	{"erased", "rows of the batch", "event.said.rows-erased"},
	{"backed-up", "{Records:number} records, checked by records", "event.said.backed-up.records"},
	{"backed-up", "{Records:number} records, checked by pages", "event.said.backed-up.pages"},
	{"restored", "the backup has {Entries:number} entries of {Known:number} that are known of", "event.said.restored"},
	{"configured", "{Keys:number} keys", "event.said.keys"},
	{"clock-jumped", "by {Time}", "event.said.jumped"},
	{"clock-jumped", "confirmed, and the status lists signed by it", "event.said.clock-confirmed"},

	{"approval-asked approval-given", "key compromised", "event.said.compromise"},
	{"approval-asked approval-given", "erasure of {Number:number}", "event.said.erasure"},
	{"approval-asked", "name check", "event.said.name-asked"},
	{"approval-given", "name check", "event.said.name-right"},
	{"approval-refused", "name check reported", "event.said.name-wrong"},
	{"approval-refused", "name check lapsed", "desk.names.expired"},
	{"approval-given approval-refused", "name check {State:desk.names.}", "event.said.name"},
	{"approval-refused", "not decided: {Name} could be both who asked for it and who decides on it", "event.said.one-person"},
	{"approval-refused", "lapsed", "event.said.lapsed"},
	{"approval-asked", "waiting", "desk.approval.waiting"},
	{"approval-given", "approved", "desk.approval.approved"},
	{"approval-refused", "rejected", "desk.approval.rejected"},
	{"approval-refused", "expired", "desk.approval.expired"},
	{"approval-refused", "failed", "desk.approval.failed"},
	{"approval-refused", "{Words}", "event.said.words"}, // why, in the words of who refused it

	{"job-uploaded", "{Rows:number} rows", "event.said.rows"},
	{"job-started", "checked again", "event.said.checked-again"},
	{"job-started", "resumed", "event.said.resumed"},
	{"job-started", "goes on", "event.said.resumed"},
	{"job-started", "again for the rows that failed: {Rows:number}", "event.said.retried"},
	{"job-started", "{Rows:number} rows, {Bad:number} left out", "event.said.started"},
	{"job-started", "{Action:desk.act.} of {Found:number}", "event.said.bulk"},
	{"job-paused", "by hand", "event.said.by-hand"},
	{"job-paused", "stopped", "event.said.by-hand"},
	{"job-ended", "{State:batch.state.}: {Issued:number} issued, {Known:number} known, {Failed:number} failed, {Left:number} left", "event.said.ended"},
	{"job-ended", "{Done:number} done, {Skipped:number} skipped, {Failed:number} failed", "event.said.bulk-ended"},

	{"recognised", "received", "event.said.received"},
	{"recognised", "decision {Number:number}: {Recognised:number} of {All:number} outcomes", "event.said.decision"},
	{"sent", "{Letter:desk.letter.kind.} {State:desk.letter.}", "event.said.letter"},
	{"sent", "{Letter:desk.letter.kind.} {State:desk.letter.} {Code}", "event.said.letter-code"},
	{"sent", "{Letter:desk.letter.kind.} {Code}", "event.said.letter-sent"},
	{"readdressed", "address", "event.said.address"},
	{"readdressed", "link", "event.said.link"},
	{"readdressed", "address and link", "event.said.address-link"},
}

// eventWords are the kinds of events whose result is a code that has a text as it is, by
// the prefix of its id.
var eventWords = map[store.Kind]string{
	store.KindRevoked: "desk.code.", store.KindSuspended: "desk.code.", store.KindReinstated: "desk.code.", store.KindJobPaused: "batch.why.", store.KindSent: "desk.letter.kind.",
}

// eventNames are words in place of a name: of who does something, of what it is done to.
// Of those that fit the first counts.
var eventNames = []eventResult{
	{"who", "nobody", "event.who.nobody"},
	{"who", "learner", "event.who.learner"},
	{"who", issuer.ByRetention, "event.who.retention"},
	{"who", "restore", "event.who.restore"},
	{"who", "command {Name}, uid {User}", "event.who.command"},
	{"who", "account {Name}, bulk {ID}", "event.who.bulk"},
	{"who", "{Name}, bulk {ID}", "event.who.bulk"},
	{"who about", "account {Name}", "event.who.account"},
	{"about", "archive", "event.about.archive"},
	{"about", "API keys", "event.about.api-keys"},
	{"about", "protocol book", "event.about.book"},
	{"about", "audit log {Name}", "event.about.log"},
	{"why", "retention", "event.why.retention"},
	{"why", "in the last published status list when a backup was restored", "event.why.restored"},
}

// eventForms are the forms by kind.
var eventForms = func() map[string]web.Forms {
	lists := map[string][]web.Form{}
	for _, list := range [][]eventResult{eventResults, eventNames} {
		for _, r := range list {
			for kind := range strings.FieldsSeq(r.kinds) {
				lists[kind] = append(lists[kind], web.Form{Words: r.form, Text: r.text})
			}
		}
	}
	forms := map[string]web.Forms{}
	for kind, list := range lists {
		forms[kind] = web.NewForms(list)
	}
	return forms
}()

// said is a sentence on a page, and what others say of it in English, "" for nothing.
type said struct {
	Text, Detail string
	Known        bool // else Text stands as it was written
}

// saidOf says words of a kind of event in a language.
func (s *server) saidOf(lang, kind, words string) said {
	if text, detail, ok := s.kit.Say(lang, eventForms[kind], words); ok {
		return said{text, detail, true}
	}
	if prefix := eventWords[store.Kind(kind)]; prefix != "" && s.kit.HasText(prefix+words) {
		return said{Text: s.kit.T(lang, prefix+words, nil), Known: true}
	}
	return said{Text: words}
}

// named is a name on a page, or what says the words in place of one.
type named struct {
	Text           string // id of the text, "": none, Name is one
	Name, User, ID string
}

// namedBy reads words of a kind of eventNames, for the template of that name.
func namedBy(kind, words string) named {
	if text, values := eventForms[kind].Find(words); text != "" {
		return named{text, values["Name"], values["User"], values["ID"]}
	}
	return named{Name: words}
}

// eventLine is an event on a page.
type eventLine struct {
	issuer.LoggedEvent
	Said           said
	ByWhom, OfWhat string // pages of all events by the same, and about the same, of which the words are said here
}

func (s *server) eventLine(c echo.Context, lang string, e issuer.LoggedEvent) eventLine {
	line := eventLine{LoggedEvent: e, ByWhom: s.address(c, "/desk/log", "actor", e.Actor), OfWhat: s.address(c, "/desk/log", "object", e.Object)}
	if e.Result != "" {
		line.Said = s.saidOf(lang, string(e.Kind), e.Result)
	}
	return line
}
