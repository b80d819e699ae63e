package issuing

import (
	"bytes"
	"fmt"
	"io/fs"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"indeks/examples"
	"indeks/issuer"
	"indeks/mail"
	"indeks/store"
	"indeks/web"
)

// withCourses puts the examples into the catalogue, the first of which asks for four eyes.
func withCourses(t *testing.T, records store.Store) {
	t.Helper()
	inst := issuer.Institution{Country: "SRB", Provider: "hei", PublicBase: "https://issuer.school.example"}
	for i, example := range examples.Courses() {
		raw := example.CourseJSON
		if i == 0 {
			raw = bytes.Replace(raw, []byte(`"version": "2026.1"`), []byte(`"version": "2026.1", "approval": true`), 1)
		}
		if _, _, _, err := issuer.NewCatalogue(inst, records, nil).Put(t.Context(), example.Name, raw, issuer.Terms{Published: true}); err != nil {
			t.Fatal(err)
		}
	}
}

var failedText = regexp.MustCompile(`(?s)class="(?:wrong|notice bad)".*?</(?:span|div)>`)

func failures(page string) string { return strings.Join(failedText.FindAllString(page, -1), "\n") }

var learner = []string{"given_name", "Ana", "family_name", "Primjerić", "date_of_birth", "2001-02-03", "awarding_date", "2026-06-30"}

// award issues to one learner by the form, and returns the page of the record.
func award(t *testing.T, b *browser, more ...string) string {
	t.Helper()
	w := b.post("/desk/issue?course=community-first-aid", "/desk/issue", append(append([]string{"course", "community-first-aid", "version", "2025.2", "step", "issue"}, learner...), more...)...)
	to, _, _ := strings.Cut(w.Header().Get("Location"), "?")
	if w.Code != http.StatusSeeOther || !strings.HasPrefix(to, "/desk/records/") {
		t.Fatalf("issuing: %d to %q %s", w.Code, w.Header().Get("Location"), failures(w.Body.String()))
	}
	return to
}

func TestDeskIssuesToOneLearner(t *testing.T) {
	b, _, records, _ := newDesk(t, Registrar)
	withCourses(t, records)
	fields := append([]string{"course", "community-first-aid", "version", "2025.2", "request", strings.Repeat("r", 43)}, learner...)

	// What is wrong stands beside its field, and nothing is recorded.
	if w := b.post("/desk/issue?course=community-first-aid", "/desk/issue", append(slices.Clone(fields), "date_of_birth", "2001-02-30", "step", "issue")...); w.Code != 422 || !strings.Contains(w.Body.String(), `id="date_of_birth-failed"`) || !strings.Contains(w.Body.String(), `value="Ana"`) {
		t.Errorf("a wrong date: %d", w.Code)
	}
	// It is told first too, leads to the field, and speaks the language of the page.
	w := b.post("/desk/issue?course=community-first-aid", "/desk/issue?lang=hr", append(slices.Clone(fields), "family_name", "", "step", "issue")...)
	for _, want := range []string{"<title>Greška: ", `<li lang="hr"><a href="#family_name">Prezime: `, `<span class="wrong" id="family_name-failed"><span lang="hr">`, `aria-invalid="true" aria-describedby="family_name-failed"`} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("no family name: no %s in %s", want, failures(w.Body.String()))
		}
	}
	// It is shown first, and then issued once, however often the form is sent.
	if w := b.post("/desk/issue?course=community-first-aid", "/desk/issue", append(slices.Clone(fields), "step", "check")...); w.Code != 200 || !strings.Contains(w.Body.String(), "SPECIMEN") || !strings.Contains(w.Body.String(), "Primjerić") {
		t.Errorf("shown: %d %s", w.Code, failures(w.Body.String()))
	}
	for _, err := range records.Records(t.Context(), "") {
		t.Fatalf("something is on record: %v", err)
	}
	var pages []string
	for range 2 {
		w := b.post("/desk/issue?course=community-first-aid", "/desk/issue", append(slices.Clone(fields), "step", "issue")...)
		pages = append(pages, w.Header().Get("Location"))
	}
	if pages[0] == "" || pages[0] != pages[1] {
		t.Errorf("sent twice: %q", pages)
	}
	page := b.get(pages[0])
	for _, want := range []string{"Ana Primjerić", ">valid<", "Issued. The credential is sealed, checked and on record", "/certificate.pdf"} {
		if !strings.Contains(page, want) {
			t.Errorf("the record's page lacks %q", want)
		}
	}
	entry := 0
	logs, _ := records.Logs(t.Context())
	for e, err := range records.LogEntries(t.Context(), logs[0].Name, 0) {
		if err == nil && e.Kind == store.KindIssued && e.Actor == "account registrar" && e.Request != "" {
			entry++
		}
	}
	if entry != 1 {
		t.Errorf("issued %d times by the account, as the log has it", entry)
	}

	// It is found by its beginning, and by its number at once.
	find := func(pairs ...string) *httptest.ResponseRecorder {
		return b.post("/desk/records", "/desk/records", pairs...)
	}
	if w := find("q", "prim"); !strings.Contains(w.Body.String(), "Primjerić") || strings.Contains(w.Body.String(), "q=") {
		t.Error("not found by the beginning of the name, or the name is in an address")
	}
	if w := find("q", "MC-2026-00001"); w.Code != http.StatusSeeOther {
		t.Errorf("by its number: %d", w.Code)
	}
	if w := find("q", "nobody"); !strings.Contains(w.Body.String(), "No records found") {
		t.Error("somebody is found")
	}
	if w := find("from", "yesterday"); !strings.Contains(w.Body.String(), "cannot search for that") {
		t.Error("yesterday is a day")
	}
	if got := b.get("/desk/records?q=nobody"); !strings.Contains(got, "Primjerić") {
		t.Error("a name is taken out of an address")
	}
}

func TestDeskWithdrawsWithReason(t *testing.T) {
	b, e, records, people := newDesk(t, Registrar)
	withCourses(t, records)
	page := award(t, b)
	if w := b.post(page+"/suspend", page+"/suspend", "code", "under-review"); w.Code != 422 || !strings.Contains(w.Body.String(), "Give a reason") {
		t.Errorf("without a reason: %d", w.Code)
	}
	if w := b.post(page+"/suspend", page+"/suspend", "code", "boredom", "reason", "none"); w.Code != 422 {
		t.Errorf("with a code of no reason: %d", w.Code)
	}
	if w := b.post(page+"/suspend", page+"/suspend", "code", "under-review", "reason", "no\xfftext"); w.Code != 400 {
		t.Errorf("with a reason that is no text: %d", w.Code)
	}
	for _, step := range []struct{ act, code, want string }{{"suspend", "under-review", "on hold"}, {"reinstate", "review-ended", ">valid<"}, {"revoke", "misconduct", "revoked"}} {
		w := b.post(page+"/"+step.act, page+"/"+step.act, "code", step.code, "reason", "decision 7/2026")
		if to := w.Header().Get("Location"); to != page+"?done="+step.act || !strings.Contains(b.get(to), step.want) || !strings.Contains(b.get(to), "decision 7/2026") {
			t.Errorf("%s: %d to %q", step.act, w.Code, to)
		}
	}
	if w := b.post("/desk", page+"/revoke", "code", "other", "reason", "again"); w.Code != http.StatusSeeOther && w.Code != http.StatusConflict {
		t.Errorf("revoking twice: %d", w.Code)
	}
	if got := b.get(page); strings.Contains(got, page+"/suspend") {
		t.Error("what is revoked can be put on hold")
	}

	// An auditor sees it, and does nothing with it.
	auditor := signInAs(t, e, people, Auditor)
	if got := auditor.get(page); strings.Contains(got, "/revoke") || strings.Contains(got, "Show the link") {
		t.Error("an auditor is offered to act, or the learner's page")
	}
}

// Who withdraws has shown lately who they are.
func TestDeskAsksAgainBeforeDanger(t *testing.T) {
	now := time.Now()
	b, _, records, people := newDesk(t, Registrar, func(c *Config) {
		if c.Accounts != nil {
			c.Accounts.Now = func() time.Time { return now }
		}
	})
	withCourses(t, records)
	page := award(t, b)
	password, err := people.Reset(t.Context(), "registrar")
	if err != nil {
		t.Fatal(err)
	}
	b.post("/desk/sign-in", "/desk/sign-in", "name", "registrar", "password", password)
	b.get(page + "/revoke") // at once it is enough
	now = now.Add(11 * time.Minute)
	token := formToken.FindStringSubmatch(b.get(page))[1]
	for _, one := range []struct{ method, path string }{{http.MethodGet, page + "/revoke"}, {http.MethodPost, page + "/revoke"}, {http.MethodGet, page + "/correct"}} {
		w := b.do(one.method, one.path, "code=other&reason=none&token="+token)
		if to := w.Header().Get("Location"); w.Code != http.StatusSeeOther || to != "/desk/again?next="+url.QueryEscape(one.path) {
			t.Errorf("%s %s: %d to %q", one.method, one.path, w.Code, to)
		}
	}
	if !strings.Contains(b.get(page), ">valid<") {
		t.Error("it was revoked all the same")
	}
	again := "/desk/again?next=" + page + "/revoke"
	if w := b.post(again, "/desk/again", "password", "wrong", "next", page+"/revoke"); w.Code != 401 {
		t.Errorf("a wrong password: %d", w.Code)
	}
	w := b.post(again, "/desk/again", "password", password, "next", page+"/revoke")
	if to := w.Header().Get("Location"); to != page+"/revoke" || !strings.Contains(b.get(to), "You cannot undo this") {
		t.Errorf("with the right one: %d to %q", w.Code, to)
	}
}

func TestDeskCorrects(t *testing.T) {
	b, _, records, _ := newDesk(t, Registrar)
	withCourses(t, records)
	page := award(t, b)
	change := []string{"family_name", "Primjer", "code", "error-in-data", "request", strings.Repeat("c", 43)}
	if w := b.post(page+"/correct", page+"/correct", append(slices.Clone(change), "step", "check")...); w.Code != 422 || !strings.Contains(w.Body.String(), "Give a reason") {
		t.Errorf("without a reason: %d", w.Code)
	}
	change = append(change, "reason", "as on the identity card")
	if w := b.post(page+"/correct", page+"/correct", append(slices.Clone(change), "step", "check")...); w.Code != 200 || !strings.Contains(w.Body.String(), "Ana Primjer<") {
		t.Errorf("shown: %d %s", w.Code, failures(w.Body.String()))
	}
	w := b.post(page+"/correct", page+"/correct", append(slices.Clone(change), "step", "issue")...)
	if to := w.Header().Get("Location"); !strings.Contains(to, "done=corrected") || !strings.Contains(b.get(to), "It replaces an earlier credential") || !strings.Contains(b.get(page), "has been replaced by a new credential") {
		t.Errorf("corrected: %d to %q %s", w.Code, to, failures(w.Body.String()))
	}
}

// Four eyes stay four: who asks does not decide, and who decides sees what it is.
func TestDeskApprovesByAnother(t *testing.T) {
	b, e, records, people := newDesk(t, Registrar)
	withCourses(t, records)
	id := "data-stewardship"
	w := b.post("/desk/issue?course="+id, "/desk/issue", append([]string{"course", id, "version", "2026.1", "step", "issue"}, learner...)...)
	page, _, _ := strings.Cut(w.Header().Get("Location"), "?")
	if !strings.HasPrefix(page, "/desk/approvals/") {
		t.Fatalf("asked: %d to %q %s", w.Code, page, failures(w.Body.String()))
	}
	if got := b.get(page); !strings.Contains(got, "You asked for this") || strings.Contains(got, "/approve") {
		t.Error("who asked may decide")
	}
	approver := signInAs(t, e, people, Approver)
	got := approver.get(page)
	digest := regexp.MustCompile(`name="digest" value="([0-9a-f]{64})"`).FindStringSubmatch(got)
	if digest == nil || !strings.Contains(got, "Primjerić") {
		t.Fatalf("the approver does not see what it is")
	}
	if w := approver.post(page, page+"/reject"); w.Code != 422 {
		t.Errorf("rejected without a reason: %d", w.Code)
	}
	if w := approver.post(page, page+"/approve", "digest", strings.Repeat("0", 64)); w.Code != 409 {
		t.Errorf("something else approved: %d", w.Code)
	}
	if w := approver.post(page, page+"/approve", "digest", digest[1]); w.Header().Get("Location") != page+"?done=approved" || !strings.Contains(approver.get(page), "issued") {
		t.Errorf("approved: %d %s", w.Code, w.Body)
	}
}

func TestDeskErasesByTwo(t *testing.T) {
	b, e, records, people := newDesk(t, Registrar)
	withCourses(t, records)
	page := award(t, b)
	w := b.post(page+"/erase", page+"/erase", "reason", "Art. 17 GDPR")
	if to := w.Header().Get("Location"); to != "/desk/erasures?done=erase" || strings.Contains(b.get(to), "/confirm") {
		t.Errorf("asked: %d to %q", w.Code, to)
	}
	approver := signInAs(t, e, people, Approver)
	to := regexp.MustCompile(`/desk/erasures/[^/"]+/confirm`).FindString(approver.get("/desk/erasures"))
	if w := approver.post("/desk/erasures", to, "count", "1"); w.Code != 422 {
		t.Errorf("without saying that verification ends: %d", w.Code)
	}
	if w := approver.post("/desk/erasures", to, "count", "2", "verification_ends", "true"); w.Code != 409 {
		t.Errorf("another number: %d", w.Code)
	}
	if w := approver.post("/desk/erasures", to, "count", "1", "verification_ends", "true"); w.Header().Get("Location") != "/desk/erasures?done=erasure-confirm" {
		t.Errorf("confirmed: %d %s", w.Code, w.Body)
	}
	if got := b.get(page); strings.Contains(got, "Primjerić") || !strings.Contains(got, "personal data erased") {
		t.Error("the name is still there, or nothing is left")
	}
}

// A recognition is erased by two on its page, without the record of an award.
func TestDeskErasesRecognitionByTwo(t *testing.T) {
	b, e, records, people := newDesk(t, Registrar)
	raw, err := json.Marshal(issuer.Recognition{ID: "R1", State: issuer.RecognitionDraft, Created: time.Unix(1780000000, 0).UTC(), By: "API vera", Verdict: "valid", Standing: "valid", Title: "Soil of Primjerić", Report: []byte(`{}`)})
	if err == nil {
		err = records.PutDocuments(t.Context(), []store.Document{{Kind: "recognition", ID: "R1", Body: raw}})
	}
	if err != nil {
		t.Fatal(err)
	}
	const page = "/desk/recognitions/R1"
	if w := b.post(page, page+"/erase", "reason", " "); w.Code != 422 {
		t.Errorf("without a reason: %d", w.Code)
	}
	if w := b.post(page, page+"/erase", "reason", "Art. 17 GDPR"); w.Header().Get("Location") != "/desk/erasures?done=erase" {
		t.Errorf("asked: %d %s", w.Code, w.Body)
	}
	approver := signInAs(t, e, people, Approver)
	waits := approver.get("/desk/erasures")
	if strings.Contains(waits, "0 credentials") || !strings.Contains(waits, `href="`+page) {
		t.Error("it does not say what is to be erased")
	}
	to := regexp.MustCompile(`/desk/erasures/[^/"]+/confirm`).FindString(waits)
	if w := approver.post("/desk/erasures", to, "count", "1", "verification_ends", "true"); w.Header().Get("Location") != "/desk/erasures?done=erasure-confirm" {
		t.Errorf("confirmed: %d %s", w.Code, w.Body)
	}
	if got := b.get(page); strings.Contains(got, "Primjerić") || !strings.Contains(got, "Art. 17 GDPR") || strings.Contains(got, "/erase") {
		t.Error("the name is still there, or it does not say that it was erased")
	}
}

// The page of a record says how large the codes on its certificate are.
func TestDeskSaysHowLargeCodesAre(t *testing.T) {
	b, _, records, _ := newDesk(t, Registrar)
	withCourses(t, records)
	page := award(t, b)
	if got := b.get(page); !regexp.MustCompile(`QR code for use with a network</dt><dd>version [34], level M<`).MatchString(got) || !regexp.MustCompile(`QR code for use without a network</dt><dd>version (1\d|2[0-5]), level [ML]`).MatchString(got) {
		t.Error("the versions do not stand there")
	}
	b.post(page+"/suspend", page+"/suspend", "code", "under-review", "reason", "an appeal")
	if got := b.get(page); !strings.Contains(got, "QR code for use without a network</dt><dd>none") {
		t.Error("what is on hold has a code")
	}
}

// Another address brings another link, unless somebody says that the old one is safe.
func TestDeskChangesTheAddress(t *testing.T) {
	b, _, records, _ := newDesk(t, Registrar)
	withCourses(t, records)
	page := award(t, b, "email", "old@learner.example")
	link := regexp.MustCompile(`/h/[0-9A-Za-z]{26}`)
	first := link.FindString(b.get(page))
	if first == "" {
		t.Fatal("there is no link")
	}
	for _, wrong := range [][]string{{"email", "new@learner.example"}, {"email", "not an address", "reason", "passport"}} {
		if w := b.post(page+"/address", page+"/address", wrong...); w.Code != http.StatusUnprocessableEntity {
			t.Errorf("%v: %d", wrong, w.Code)
		}
	}
	for _, step := range []struct {
		keep string
		same bool
	}{{"true", true}, {"", false}} {
		w := b.post(page+"/address", page+"/address", "email", "new"+step.keep+"@learner.example", "reason", "passport shown", "keep", step.keep)
		got := b.get(page)
		if w.Header().Get("Location") != page+"?done=address" || !strings.Contains(got, "new"+step.keep+"@learner.example") || (link.FindString(got) == first) != step.same {
			t.Errorf("keep %q: %d, link %q after %q", step.keep, w.Code, link.FindString(got), first)
		}
	}
	if w := b.post(page+"/address", page+"/letter"); w.Code != http.StatusConflict { // there is no mail server
		t.Errorf("a letter: %d", w.Code)
	}
}

// What a learner reports is answered at the desk, and the learner reads the answer.
func TestDeskAnswersReports(t *testing.T) {
	b, e, records, _ := newDesk(t, Registrar)
	withCourses(t, records)
	page := award(t, b)
	own := regexp.MustCompile(`/h/[0-9A-Za-z]{26}`).FindString(b.get(page))
	learner := newBrowser(t, e)
	if w := learner.do(http.MethodPost, own+"/report", url.Values{"text": {"My name is spelt <i>otherwise</i>"}}.Encode()); w.Code >= 400 {
		t.Fatalf("reporting: %d %s", w.Code, w.Body)
	}
	got := b.get("/desk/reports")
	to := regexp.MustCompile(`action="(/desk/reports/[^"]+)"`).FindStringSubmatch(got)
	if to == nil || !strings.Contains(got, "&lt;i&gt;otherwise") || !strings.Contains(got, page) {
		t.Fatalf("what is reported is not there")
	}
	if w := b.post("/desk/reports", to[1], "answer", " "); w.Code != http.StatusUnprocessableEntity {
		t.Errorf("no answer: %d", w.Code)
	}
	if w := b.post("/desk/reports", to[1], "answer", "We correct it today"); w.Header().Get("Location") != "/desk/reports?done=report" || !strings.Contains(learner.get(own), "We correct it today") {
		t.Errorf("an answer: %d", w.Code)
	}
}

// sendList sends a class list of which one learner is sound, and returns the page of its
// batch.
func sendList(t *testing.T, b *browser) (page string) {
	t.Helper()
	page, _, _ = strings.Cut(sendFile(t, b, "en", "given_name,family_name,date_of_birth\nIva,Kanarinac,2001-02-03\nIvo,Kanarinac,2001-02-30\n").Header().Get("Location"), "?")
	return page
}

// sendFile sends a file as a class list from a page in a language.
func sendFile(t *testing.T, b *browser, lang, content string) *httptest.ResponseRecorder {
	t.Helper()
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	for name, value := range map[string]string{"token": formToken.FindStringSubmatch(b.get("/desk/batches"))[1], "course": "community-first-aid", "awarding_date": "2026-06-30"} {
		if err := w.WriteField(name, value); err != nil {
			t.Fatal(err)
		}
	}
	part, err := w.CreateFormFile("file", "class.csv")
	if err == nil {
		_, err = fmt.Fprint(part, content)
	}
	if err != nil || w.Close() != nil {
		t.Fatal(err)
	}
	return b.do(http.MethodPost, "/desk/batches?lang="+lang, body.String(), "Content-Type", w.FormDataContentType())
}

func TestDeskTakesAClassList(t *testing.T) {
	b, e, records, people := newDesk(t, Registrar)
	withCourses(t, records)
	page := sendList(t, b)
	if got := b.get(page); !strings.Contains(got, "C3") || !strings.Contains(got, "SPECIMEN") || !strings.Contains(got, "Issue 1 and leave out") {
		t.Errorf("checked: %s", failures(got))
	}
	if got := signInAs(t, e, people, Auditor).get(page); strings.Contains(got, page+"/start") {
		t.Error("an auditor may start it")
	}
	if w := b.post(page, page+"/start"); w.Code != http.StatusConflict {
		t.Errorf("in spite of problems: %d", w.Code)
	}
	if w := b.post(page, page+"/cancel"); w.Header().Get("Location") != page || !strings.Contains(b.get(page), "Cancelled") {
		t.Errorf("cancelled: %d", w.Code)
	}
	if got := b.get("/desk/batches"); !strings.Contains(got, "class.csv") || strings.Contains(got, "Kanarinac") {
		t.Error("the list of lists")
	}
}

// A course is written by the form alone.
func TestDeskWritesACourse(t *testing.T) {
	b, _, _, _ := newDesk(t, Registrar)
	fields := []string{"/id", "soil", "/version", "2026.1", "/title/en", "Reading Soil", "/title/sr-Latn", "Čitanje zemljišta"}
	w := b.post("/desk/courses/form", "/desk/courses/form", append(slices.Clone(fields), "step", "check")...)
	if w.Code != 200 || !strings.Contains(w.Body.String(), "Reading Soil") || !strings.Contains(w.Body.String(), "not yet") || !strings.Contains(w.Body.String(), `id="/hours-failed"`) {
		t.Errorf("begun: %d", w.Code)
	}
	fields = append(fields, "/languages", "srp, eng", "/outcomes/0/title/en", "Tells loam from clay", "/outcomes/0/title/sr-Latn", "Razlikuje ilovaču od gline", "/outcomes/0/type", "skill", "/outcomes/0/level", "5",
		"/outcomes/2/title/en", "Takes a sample", "/outcomes/2/title/sr-Latn", "Uzima uzorak", "/outcomes/2/type", "skill", "/outcomes/2/level", "5",
		"/hours", "75", "/credits/0/system", "ECTS", "/credits/0/points", "3", "/mode", "blended", "/setting", "formal", "/level/eqf", "5", "/level/nqf", "5", "/level/method", "majority",
		"/assessment/0/title/en", "Written examination", "/assessment/0/title/sr-Latn", "Pismeni ispit", "/assessment/0/type", "written-examination", "/assessment/0/mode", "presential", "/assessment/0/supervision", "supervised-id",
		"/quality_assurance/0/kind", "internal", "/quality_assurance/0/title/en", "Internal review", "/quality_assurance/0/title/sr-Latn", "Unutrašnja provera",
		"/award_status", "hei-outside", "/award_kind/kind", "stand-alone", "/stackability/kind", "stand-alone",
		"/legal_basis/0/text/en", "Rules of the school", "/legal_basis/0/text/sr-Latn", "Pravilnik škole")
	w = b.post("/desk/courses/form", "/desk/courses/form", append(slices.Clone(fields), "step", "put", "published", "true")...)
	if w.Header().Get("Location") != "/desk/courses/soil/2026.1?done=course" {
		t.Fatalf("put: %d to %q\n%s", w.Code, w.Header().Get("Location"), failures(w.Body.String()))
	}
	if got := b.get("/desk/courses/soil/2026.1"); !strings.Contains(got, "Takes a sample") || strings.Contains(got, "not yet") {
		t.Error("its page")
	}
	if got := b.get("/catalogue/soil"); !strings.Contains(got, "Reading Soil") {
		t.Error("the catalogue")
	}
	form := b.get("/desk/courses/form?course=soil&version=2026.1")
	if !strings.Contains(form, `value="Tells loam from clay"`) || !strings.Contains(form, `value="SRP ENG"`) {
		t.Error("the form does not begin with what is there")
	}
	// What the form does not ask for stays in the file beside it; what is emptied goes.
	raw := string(examples.Courses()[1].CourseJSON)
	if w := b.post("/desk/courses/form", "/desk/courses/form", "step", "file", "file", raw, "/title/en", "Overwritten"); strings.Contains(w.Body.String(), "Overwritten") || failures(w.Body.String()) != "" {
		t.Errorf("a file: %d %s", w.Code, failures(w.Body.String()))
	}
	w = b.post("/desk/courses/form", "/desk/courses/form", "step", "put", "file", raw, "/title/en", "Another title", "/description/en", "")
	if to := w.Header().Get("Location"); !strings.Contains(to, "done=course") || !strings.Contains(b.get(to), "Another title") || !strings.Contains(b.get(to), "not published") {
		t.Errorf("a file put: %d to %q %s", w.Code, to, failures(w.Body.String()))
	}
}

func TestFormFieldsGoWhereTheyPoint(t *testing.T) {
	doc := map[string]any{}
	for _, one := range []struct {
		path  string
		value any
	}{{"title/en", "A"}, {"outcomes/1/title/en", "B"}, {"outcomes/0/level", nil}, {"level/eqf", 5.0}, {"level/eqf", nil}, {"a/b/c", nil}} {
		doc = setValue(doc, strings.Split(one.path, "/"), one.value).(map[string]any)
	}
	tidy(doc)
	if fmt.Sprint(doc) != `map[outcomes:[map[id:1 title:map[en:B]]] title:map[en:A]]` {
		t.Error(doc)
	}
	for name, want := range map[string]bool{"/title/en": true, "/title": false, "/title/en/x": false, "/outcomes/0/title/en": true, "/outcomes/00/title/en": false, "/outcomes/999/level": false,
		"/outcomes/0": false, "/signatory/name": true, "/signatory": false, "/outcomes/1/esco/0/label/en": true, "/outcomes/1/esco/1/id": false, "/quality_assurance/0/agency/legal_name/en": true, "/hours": true, "/__proto__": false, "/level/eqf": true, "/outcomes/-1/level": false,
		"/title/999999999": false, "/title/-1": false, "/title/": false, "/title/sr-Latn": true, "/outcomes/0/title/7": false} {
		if _, ok := specOf(name); ok != want {
			t.Errorf("%s: %v", name, ok)
		}
	}
}

// Nobody is found by numbers: what is hidden stands for five at least, and for more
// than one of the numbers that add up.
func TestReviewHidesFew(t *testing.T) {
	for _, counts := range []map[string]int{
		{"issued": 251, "revoked": 1, "suspended": 1}, {"issued": 3}, {"issued": 100, "revoked": 4}, {"issued": 100, "revoked": 5}, {"a": 1, "b": 1, "c": 1, "d": 200, "e": 7}, {"a": 4, "b": 4}, {"a": 10, "b": 0}, {}, {"issued": 100, "revoked": 4, "expired": 60},
	} {
		hidden, sum, all := 0, 0, 0
		for _, c := range hide(counts, "") {
			all++
			if c.Hidden {
				hidden, sum = hidden+1, sum+c.Number
			} else if c.Number > 0 && c.Number < fewest {
				t.Errorf("%v shows %d", counts, c.Number)
			}
		}
		if hidden > 0 && hidden < all && (hidden < 2 || sum < fewest) {
			t.Errorf("%v: %d numbers are hidden, %d in sum", counts, hidden, sum)
		}
	}
	b, e, records, people := newDesk(t, Registrar)
	withCourses(t, records)
	page := award(t, b)
	b.post(page+"/revoke", page+"/revoke", "code", "misconduct", "reason", "kanarinac")
	reviewer := signInAs(t, e, people, Reviewer)
	got := reviewer.get("/desk/review")
	for _, secret := range []string{"Primjerić", "kanarinac", "account registrar", "/desk/records"} {
		if strings.Contains(got, secret) {
			t.Errorf("a reviewer sees %q", secret)
		}
	}
	if !strings.Contains(got, "First Aid in the Community") || !strings.Contains(got, "hidden") {
		t.Error("a reviewer sees nothing")
	}
	if w := reviewer.do(http.MethodGet, "/desk", ""); w.Header().Get("Location") != "/desk/review" {
		t.Errorf("the first page of a reviewer: %d", w.Code)
	}
}

func TestDeskKeepsAccounts(t *testing.T) {
	b, e, _, _ := newDesk(t, Admin)
	w := b.post("/desk/accounts", "/desk/accounts/add", "name", "office-2", "shown", "Second desk", "role", "registrar")
	password := regexp.MustCompile(`[a-z2-7]{5}(-[a-z2-7]{5}){3}`).FindString(w.Body.String())
	if w.Code != 200 || password == "" {
		t.Fatalf("made: %d %s", w.Code, failures(w.Body.String()))
	}
	other := newBrowser(t, e)
	if w := other.post("/desk/sign-in", "/desk/sign-in", "name", "office-2", "password", password); w.Header().Get("Location") != "/desk/set-up" {
		t.Errorf("signing in: %d", w.Code)
	}
	for _, one := range []struct {
		do, name, role string
		status         int
	}{{"add", "office-2", "auditor", 422}, {"add", "Office", "auditor", 422}, {"add", "office-3", "king", 422}, {"reset", "nobody", "", 422}, {"roles", "admin", "approver", 403}, {"close", "admin", "", 403}, {"roles", "office-2", "auditor", 303}, {"close", "office-2", "", 303}, {"bury", "office-2", "", 404}} {
		if w := b.post("/desk/accounts", "/desk/accounts/"+one.do, "name", one.name, "role", one.role); w.Code != one.status {
			t.Errorf("%s %s: %d", one.do, one.name, w.Code)
		}
	}
	if w := other.do(http.MethodGet, "/desk/set-up", ""); w.Code != http.StatusSeeOther {
		t.Errorf("a closed account is in: %d", w.Code)
	}
}

// Every page of the desk in every language, and every text that a page puts together
// from a code.
func TestDeskInEveryLanguage(t *testing.T) {
	b, e, records, people := newDesk(t, Registrar)
	withCourses(t, records)
	page := award(t, b)
	b.post(page+"/erase", page+"/erase", "reason", "Art. 17 GDPR")
	admin := signInAs(t, e, people, Admin)
	kit, err := web.New(web.Config{}, mustPages(t), pageFuncs)
	if err != nil {
		t.Fatal(err)
	}
	r, err := records.Get(t.Context(), "urn:credential:"+strings.TrimPrefix(page, "/desk/records/"))
	if err != nil {
		t.Fatal(err)
	}
	earned := "/h/" + r.Link
	foreign := newEnglish(t, "School of Sava", "Register of higher education institutions", "registrar", "admin")
	list := sendList(t, b)
	for _, lang := range kit.Languages() {
		for who, pages := range map[*browser][]string{
			b: {"/desk", "/desk/records", page, page + "/revoke", page + "/erase", page + "/correct", "/desk/issue", "/desk/issue?course=community-first-aid", "/desk/batches", "/desk/approvals", "/desk/courses", "/desk/courses/form",
				"/desk/courses/community-first-aid/2025.2", "/desk/courses/form?course=community-first-aid&version=2025.2", "/desk/recognitions", "/desk/erasures", "/desk/reports", "/desk/letters", "/desk/review", "/desk/keys", "/desk/again", list},
			newBrowser(t, e): {"/", earned, earned + "/shares", earned + "/collection", earned + "/stack", earned + "/offline", "/catalogue", "/catalogue/guide", "/catalogue/community-first-aid", "/desk/sign-in"},
			admin:            {"/desk/log", "/desk/settings", "/desk/accounts", "/desk/bulk"},
		} {
			for _, path := range pages {
				mark := "?"
				if strings.Contains(path, "?") {
					mark = "&"
				}
				got := who.get(path + mark + "lang=" + lang)
				if m := regexp.MustCompile(`>\s*(desk|signin|batch|again)\.[a-z.]+\s*<`).FindString(got); m != "" {
					t.Errorf("%s in %s has no text for %s", path, lang, m)
				}
				if lang != "en" {
					for _, text := range foreign.left(t, got, lang) {
						t.Errorf("%s in %s says %s", path, lang, text)
					}
				}
				if len(got) > 250<<10 {
					t.Errorf("%s has %d bytes", path, len(got))
				}
			}
		}
	}
	// So is the page of a list that cannot be read.
	for _, lang := range kit.Languages() {
		w := sendFile(t, b, lang, "given_name,given_name\n")
		for _, text := range foreign.left(t, w.Body.String(), lang) {
			if lang != "en" {
				t.Errorf("a list in %s says %s", lang, text)
			}
		}
		if w.Code != http.StatusUnprocessableEntity || lang != "en" && strings.Contains(w.Body.String(), `<span lang="en">`) {
			t.Errorf("a list in %s: %d %s", lang, w.Code, failures(w.Body.String()))
		}
	}
	var ids []string
	add := func(prefix string, names ...string) {
		for _, n := range names {
			ids = append(ids, prefix+n)
		}
	}
	for _, r := range Roles {
		add("desk.role.", string(r))
	}
	for _, to := range []store.State{store.Issued, store.Suspended, store.Revoked} {
		add("desk.code.", issuer.ReasonCodes(to)...)
	}
	add("desk.code.", issuer.CorrectionCodes()...)
	for _, s := range recordStates {
		add("desk.state.", string(s))
	}
	add("desk.erased.", string(store.Delivery), string(store.Register))
	add("desk.act.", actOrder...)
	for name := range recordActs {
		add("desk.act.", name+".text")
	}
	for state := range approvalTones {
		add("desk.approval.", string(state))
	}
	for state := range offerTones {
		add("desk.offer.", string(state))
	}
	add("desk.letter.", string(issuer.LetterQueued), string(issuer.LetterSending), string(issuer.LetterSent), string(issuer.LetterRefused), string(issuer.LetterBounced), string(issuer.LetterDropped))
	for _, kind := range []mail.Kind{mail.Claim, mail.Replaced, mail.Revoked, mail.Suspended, mail.Reinstated, mail.Code, mail.Opened, mail.Test} {
		add("desk.letter.kind.", string(kind))
	}
	add("desk.recognition.", string(issuer.RecognitionDraft), string(issuer.RecognitionDecided), string(issuer.RecognitionErased))
	add("desk.key.", "active", "kept", "retired", "compromised")
	for _, f := range issueColumns {
		add("desk.column.", f.Name)
	}
	for _, p := range deskPlaces {
		add("desk.place.", p.name)
	}
	for _, part := range courseSpec {
		add("desk.form.part.", part.heading)
		for _, f := range part.fields {
			add("desk.form.", f.label)
		}
	}
	for _, name := range []string{"records", "seal", "status-lists", "clock", "inspection", "disk", "mail"} {
		add("desk.notice.condition.", name)
	}
	published, err := os.ReadFile("published.go")
	if err != nil {
		t.Fatal(err)
	}
	said := regexp.MustCompile(`text\+"([a-z.-]+)"`).FindAllStringSubmatch(string(published), -1)
	if len(said) < 20 {
		t.Errorf("only %d texts of conditions were found", len(said))
	}
	for _, m := range said {
		add("desk.condition.", m[1])
	}
	for _, id := range ids {
		if !kit.HasText(id) {
			t.Errorf("there is no text %s", id)
		}
	}
}

func mustPages(t *testing.T) fs.FS {
	t.Helper()
	pages, err := fs.Sub(pagesFS, "pages")
	if err != nil {
		t.Fatal(err)
	}
	return pages
}

func TestDeskVerifiesTheLog(t *testing.T) {
	var iss *issuer.Issuer
	b, _, _, _ := newDesk(t, Admin, func(c *Config) { iss = c.Issuer })
	if err := iss.SignHeads(t.Context()); err != nil {
		t.Fatal(err)
	}
	w := b.post("/desk/log", "/desk/log")
	if m := regexp.MustCompile(`Verified: the tree has [1-9][0-9]* entries, and 1 signed heads`).FindString(w.Body.String()); w.Code != http.StatusOK || m == "" || !strings.Contains(w.Body.String(), "<td>Signed in") {
		t.Errorf("%d %s", w.Code, failures(w.Body.String()))
	}
}
