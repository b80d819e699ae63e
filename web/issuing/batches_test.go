package issuing

import (
	"encoding/csv"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"indeks/issuer"
)

// batchOf asks for something that answers with a batch.
func batchOf(t *testing.T, want int, method, url, body string, headers ...string) (b BatchView) {
	t.Helper()
	got := ask(t, method, url, body, append(headers, auth...)...)
	if got.status != want {
		t.Errorf("%s %s: %d, want %d: %.500s", method, url, got.status, want, got.body)
	}
	if got.status < 300 {
		if err := json.Unmarshal([]byte(got.body), &b); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

// until waits until a batch is in a state.
func until(t *testing.T, url string, state issuer.BatchState) BatchView {
	t.Helper()
	for end := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
		b := batchOf(t, 200, "GET", url, "")
		if b.State == state {
			return b
		}
		if time.Now().After(end) {
			t.Fatalf("batch %s is %s, not %s", b.ID, b.State, state)
		}
	}
}

const batchList = "given_name,family_name,date_of_birth,learner_id,awarding_date,certificate_number\n" +
	"Ана,=Примерић,2001-02-03,1,2026-06-30,\n" +
	"Ива,Примерић,2001-02-30,2,2026-06-30,\n" +
	"Уна,Примерић,2001-02-03,3,2026-06-30,BATCH-3\n" +
	"Миа,Примерић,2001-02-03,4,2026-06-30,BATCH-4\n"

// testBatches asks for every answer of batches and drafts, of a server with the
// course soil-sampling, and leaves credentials there.
func testBatches(t *testing.T, base string) {
	api := base + "/api/v1"
	put := api + "/courses/soil-sampling/batches"

	// 1. A list with problems, all of them named by their cell.
	for _, days := range []string{"-1", "61", "some"} {
		batchOf(t, 422, "POST", put+"?name_check_days="+days, batchList)
	}
	b := batchOf(t, 201, "POST", put+"?file=popis.csv&language=en&name_check_days=0", batchList)
	if b.NameCheck == nil || *b.NameCheck != 0 {
		t.Errorf("learners look at their names for %v days", b.NameCheck)
	}
	if b.State != issuer.BatchReady || b.Rows.All != 4 || b.Rows.Sound != 2 || b.Rows.WithProblems != 2 || b.File != "popis.csv" || len(b.Problems) != 2 {
		t.Fatalf("uploaded: %+v", b)
	}
	if p := b.Problems[1]; p.Row != 3 || p.Cell != "C3" || p.Value != "2001-02-30" || p.Rule != "date" {
		t.Errorf("problem %+v", p)
	}
	at := base + b.Links["self"]
	if got := ask(t, "GET", at, "", append([]string{"Accept-Language", "hr"}, auth...)...); got.status != 200 || !strings.Contains(got.body, "nije dan u kalendaru") || strings.Contains(got.body, "is not a real date") {
		t.Errorf("in Croatian: %d %s", got.status, got.body)
	}
	previews := ask(t, "GET", at+"/previews?lang=hr", "", auth...)
	if previews.status != 200 || strings.Count(previews.body, `"specimen": true`) != 2 || !strings.Contains(previews.body, "Уна") {
		t.Errorf("previews: %d %.300s", previews.status, previews.body)
	}
	batchOf(t, 409, "POST", at+"/start", "")
	batchOf(t, 400, "POST", at+"/start", `{"leave": true}`)
	batchOf(t, 409, "POST", at+"/pause", "")
	batchOf(t, 409, "POST", at+"/resume", "")
	batchOf(t, 409, "POST", at+"/retry", "")
	batchOf(t, 409, "POST", at+"/encoding", `{"encoding": "windows-1250"}`)

	// 2. Issued without them; what fails is tried again, and only that.
	ask(t, "POST", api+"/credentials", body(t, func(l map[string]string) { l["certificate_number"] = "BATCH-4" }), append([]string{"Idempotency-Key", "batch-4"}, auth...)...)
	batchOf(t, 200, "POST", at+"/start", `{"leave_out": true}`)
	b = until(t, at, issuer.BatchDone)
	if b.Rows.Issued != 1 || b.Rows.Failed != 1 {
		t.Errorf("done: %+v", b.Rows)
	}
	batchOf(t, 200, "POST", at+"/retry", "")
	until(t, at, issuer.BatchDone)
	batchOf(t, 409, "POST", at+"/list", batchList)
	batchOf(t, 409, "POST", at+"/cancel", "")
	results := ask(t, "GET", at+"/results?after=3&limit=1&links=true", "", auth...)
	if !strings.Contains(results.body, `"number": "BATCH-3"`) || !strings.Contains(results.body, `/h/`) || !strings.Contains(results.body, `"next": 4`) {
		t.Errorf("results: %s", results.body)
	}
	if got := ask(t, "GET", at+"/results?after=x", "", auth...); got.status != 400 {
		t.Errorf("results after x: %d", got.status)
	}
	file := ask(t, "GET", at+"/results.csv?bom=true", "", append(auth, "Accept-Language", "hr")...)
	cells, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(file.body, "\ufeff"))).ReadAll()
	if err != nil || len(cells) != 5 || cells[1][1] != "problem" || cells[3][2] != "BATCH-3" || cells[4][1] != "failed" || cells[4][4] != "number-taken" || !strings.HasPrefix(file.body, "\ufeff") {
		t.Errorf("results.csv: %v %q", err, cells)
	}
	for _, name := range []string{"Примерић", "Ана", "2001-02-03", "/h/"} {
		if strings.Contains(file.body, name) {
			t.Errorf("results.csv has %q", name)
		}
	}
	if one := ask(t, "GET", api+"/credentials/BATCH-3", "", auth...); !strings.Contains(one.body, `"batch": "`+b.ID+`"`) {
		t.Errorf("the credential does not tell its batch: %s", one.body)
	}
	auditor := []string{"Authorization", "Bearer the key of an approver"}
	for path, status := range map[string]int{"": 200, "/results": 200, "/results?links=true": 403, "/results.csv?links=true": 403} {
		got := ask(t, "GET", at+path, "", auditor...)
		if got.status != status || strings.Contains(got.body, "/b/") {
			t.Errorf("%s for who only reads: %d %s", path, got.status, got.body)
		}
	}

	// 3. A batch that waits for its list, which does not tell its encoding.
	b = batchOf(t, 201, "POST", api+"/courses/soil-sampling/2026.1/batches", "")
	at = base + b.Links["self"]
	if b.State != issuer.BatchNew || !strings.HasPrefix(b.Links["page"], "https://issuer.school.example/b/") {
		t.Errorf("opened: %+v", b)
	}
	batchOf(t, 422, "POST", at+"/list", "a;b\n1;2\n")
	b = batchOf(t, 200, "POST", at+"/list", "ime;prezime;datum ro\xf0enja\n\x8aime;Primjeri\xe6;2001-02-03\n")
	if b.State != issuer.BatchUnread || b.Encodings[0].Encoding != "windows-1250" || b.Encodings[0].Samples[1] != "Šime" {
		t.Errorf("unread: %+v", b)
	}
	batchOf(t, 422, "POST", at+"/encoding", `{"encoding": "utf-8"}`)
	batchOf(t, 400, "POST", at+"/encoding", `{"code": "utf-8"}`)
	batchOf(t, 200, "POST", at+"/encoding", `{"encoding": "windows-1250"}`)
	if b = until(t, at, issuer.BatchReady); b.Rows.Sound != 1 {
		t.Errorf("read: %+v", b.Rows)
	}
	batchOf(t, 200, "POST", at+"/cancel", "")

	// 4. One that is paused.
	batches := 3
	for n := 40; ; n *= 3 { // long enough that it is not done before
		b = batchOf(t, 201, "POST", put, manyLearners(fmt.Sprint(n), n))
		batches++
		at = base + b.Links["self"]
		until(t, at, issuer.BatchReady)
		batchOf(t, 200, "POST", at+"/start", `{}`)
		if ask(t, "POST", at+"/pause", "", auth...).status == 200 {
			break
		}
	}
	batchOf(t, 200, "POST", at+"/resume", "")
	ask(t, "POST", at+"/cancel", "", auth...)

	// 5. What is not there.
	batchOf(t, 404, "POST", api+"/courses/astrology/batches", batchList)
	batchOf(t, 404, "POST", api+"/courses/soil-sampling/1/batches", batchList)
	batchOf(t, 422, "POST", put, "a;b\n1;2\n")
	batchOf(t, 422, "POST", put+"?grade=5", batchList)
	for _, path := range []string{"", "/results", "/results.csv", "/previews"} {
		batchOf(t, 404, "GET", api+"/batches/none"+path, "")
	}
	for _, step := range []string{"list", "start", "encoding", "pause", "resume", "cancel", "retry"} {
		batchOf(t, 404, "POST", api+"/batches/none/"+step, map[string]string{"list": batchList, "encoding": "{}"}[step])
	}
	if all := ask(t, "GET", api+"/batches", "", auth...); strings.Count(all.body, `"created"`) != batches-1 {
		t.Errorf("all batches: %s", all.body)
	}
	testDrafts(t, api)
}

func manyLearners(part string, n int) string {
	var list strings.Builder
	list.WriteString("given_name,family_name,date_of_birth,learner_id,awarding_date\n")
	for i := range n {
		fmt.Fprintf(&list, "Ana,Primerić,2001-02-03,%s-%05d,2026-06-30\n", part, i)
	}
	return list.String()
}

// externalDraft is one of another system.
func externalDraft(id, grade string) string {
	return `{"external_id": "` + id + `", "course_id": "soil-sampling", "given_name": "Ana", "family_name": "Primerić", "date_of_birth": "2001-02-03", "learner_id": "` + id + `", "awarding_date": "2026-06-30", "grade": ` + grade + `}`
}

// testDrafts imports from another system, in every way it can go.
func testDrafts(t *testing.T, api string) {
	type draftsView struct {
		Drafts []draftView `json:"drafts"`
	}
	send := func(want int, query, body string) (v draftsView) {
		t.Helper()
		got := ask(t, "POST", api+"/drafts"+query, body, auth...)
		if got.status != want {
			t.Errorf("drafts: %d, want %d: %.500s", got.status, want, got.body)
		}
		if got.status == 200 {
			if err := json.Unmarshal([]byte(got.body), &v); err != nil {
				t.Fatal(err)
			}
		}
		return v
	}
	statuses := func(v draftsView) (s []int) {
		for n, d := range v.Drafts {
			if d.Index != n {
				t.Errorf("draft %d at place %d", d.Index, n)
			}
			s = append(s, d.Status)
		}
		return s
	}
	same := func(got []int, want ...int) {
		t.Helper()
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("statuses %v, want %v", got, want)
		}
	}

	two := "[" + externalDraft("exam/1", "9") + "," + externalDraft("exam/2", `"10"`) + "]"
	same(statuses(send(200, "?dry_run=true", two)), 200, 200)
	if got := ask(t, "GET", api+"/credentials?external_id=exam/1", "", auth...); got.status != 200 || strings.Contains(got.body, `"id"`) {
		t.Errorf("after a dry run: %d %s", got.status, got.body)
	}
	first := send(200, "", two)
	same(statuses(first), 201, 201)
	// The same again, with another one, one a line; a number is its text.
	again := send(200, "", externalDraft("exam/1", `"9"`)+"\n"+externalDraft("exam/3", "9")+"\n")
	same(statuses(again), 200, 201)
	if again.Drafts[0].Credential.ID != first.Drafts[0].Credential.ID || again.Drafts[0].Credential.ExternalID != "exam/1" {
		t.Errorf("again: %+v", again.Drafts[0].Credential)
	}
	if got := ask(t, "GET", api+"/credentials?external_id=exam/1", "", auth...); !strings.Contains(got.body, first.Drafts[0].Credential.Number) {
		t.Errorf("found: %s", got.body)
	}
	if got := ask(t, "GET", api+"/credentials", "", auth...); got.status != 200 {
		t.Errorf("all of them: %d", got.status)
	}
	// Each draft is a matter of its own.
	bad := send(200, "", "["+strings.Join([]string{
		externalDraft("exam/1", "5"), // other content
		externalDraft("exam/4", "9"),
		externalDraft("exam/4", "9"), // a second time
		externalDraft("", "9"),
		strings.Replace(externalDraft("exam/5", "9"), "soil-sampling", "astrology", 1),
		strings.Replace(externalDraft("exam/6", "9"), "2001-02-03", "2001-02-30", 1),
		strings.Replace(externalDraft("exam/7", "9"), `"course_id": "soil-sampling",`, "", 1),
		`{"external_id": "exam/8", "course_id": "soil-sampling", "given_name": ["Ana"]}`,
		`"exam/9"`,
		strings.Replace(externalDraft("exam/10", "9"), `"grade"`, `"shoe_size"`, 1),
	}, ",")+"]")
	same(statuses(bad), 409, 201, 422, 422, 422, 422, 422, 422, 422, 422)
	if d := bad.Drafts[0]; len(d.Errors) != 1 || d.Errors[0].Pointer != "/grade" || !strings.Contains(d.Detail, first.Drafts[0].Credential.Number) {
		t.Errorf("other content: %+v", d)
	}
	if got := ask(t, "GET", api+"/credentials/"+first.Drafts[0].Credential.Number, "", auth...); strings.Contains(got.body, `"grade"`) || !strings.Contains(got.body, `"external_id": "exam/1"`) {
		t.Errorf("the record: %s", got.body)
	}
	// Another client's id is its own, and leads to one award alone.
	if got := ask(t, "POST", api+"/drafts", externalDraft("exam/1", "9"), "Authorization", "Bearer the key of a registrar"); got.status != 200 || !strings.Contains(got.body, `"status": 409`) {
		t.Errorf("the id of another client: %d %s", got.status, got.body)
	}
	// What another person has to approve waits, until it is decided against.
	course := ask(t, "GET", api+"/courses/soil-sampling/2026.1", "", auth...).body
	course = strings.NewReplacer(`"soil-sampling"`, `"four-eyes", "approval": true`).Replace(course)
	if got := ask(t, "POST", api+"/courses", course, auth...); got.status != 201 {
		t.Fatalf("course: %d %s", got.status, got.body)
	}
	asked := strings.Replace(externalDraft("exam/11", "9"), "soil-sampling", "four-eyes", 1)
	waits := send(200, "", asked)
	same(statuses(waits), 202)
	ask(t, "POST", strings.TrimSuffix(api, "/api/v1")+waits.Drafts[0].Detail+"/reject", `{"reason": "not passed"}`, "Authorization", "Bearer the key of an approver")
	if d := send(200, "", asked).Drafts[0]; d.Status != 409 || !strings.Contains(d.Detail, "not passed") {
		t.Errorf("decided against: %+v", d)
	}
	send(400, "", "")
	send(400, "", "[]")
	send(400, "", `[{"external_id": "a"`)
	send(400, "", "[1] [2]")

	// More than a few become a batch, which starts by itself.
	var many strings.Builder
	for n := range 12 {
		many.WriteString(externalDraft(fmt.Sprint("bulk/", n%11), "9") + "\n") // one twice
	}
	b := batchOf(t, http.StatusAccepted, "POST", api+"/drafts?dry_run=true", many.String())
	at := strings.TrimSuffix(api, "/api/v1") + b.Links["self"]
	if b = until(t, at, issuer.BatchReady); b.Rows.All != 12 || b.Rows.Sound != 11 || b.Rows.WithProblems != 1 {
		t.Errorf("many: %+v", b.Rows)
	}
	batchOf(t, 200, "POST", at+"/cancel", "")
	send(422, "", strings.Repeat("{}\n", 50_001))
}
