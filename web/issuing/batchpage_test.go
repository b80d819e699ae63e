package issuing

import (
	"bytes"
	"fmt"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"
	"time"

	"indeks/examples"
	"indeks/issuer"
)

// TestBatchPage: from an empty page to issued credentials, by forms alone.
func TestBatchPage(t *testing.T) {
	base, _ := newServer(t)
	if got := ask(t, "POST", base+"/api/v1/courses", string(examples.Courses()[1].CourseJSON), auth...); got.status != 201 {
		t.Fatalf("course: %d %s", got.status, got.body)
	}
	b := batchOf(t, 201, "POST", base+"/api/v1/courses/cnc-operator/batches", "")
	at := base + strings.TrimPrefix(b.Links["page"], "https://issuer.school.example")
	page := func(want ...string) string {
		t.Helper()
		got := ask(t, "GET", at, "")
		for _, text := range want {
			if got.status != 200 || !strings.Contains(got.body, text) {
				t.Errorf("the page (%d) lacks %q:\n%s", got.status, text, got.body)
			}
		}
		return got.body
	}
	upload := func(list string) answer {
		t.Helper()
		var body bytes.Buffer
		w := multipart.NewWriter(&body)
		part, err := w.CreateFormFile("file", "popis.csv")
		if err == nil {
			_, err = part.Write([]byte(list))
		}
		if err == nil {
			err = w.WriteField("awarding_date", "2026-06-30")
		}
		if err != nil || w.Close() != nil {
			t.Fatal(err)
		}
		return ask(t, "POST", at, body.String(), "Content-Type", w.FormDataContentType())
	}
	step := func(name, form string) answer {
		t.Helper()
		return ask(t, "POST", at+"/"+name, form, "Content-Type", "application/x-www-form-urlencoded")
	}

	page("Waiting for the class list", `type="file"`)
	if got := upload("a;b\n1;2\n"); got.status != 422 || !strings.Contains(got.body, "given_name") {
		t.Errorf("no list: %d %s", got.status, got.body)
	}
	upload("ime;prezime;datum ro\xf0enja\n\x8aime;Primjeri\xe6;2001-02-03\nIva;Primjeri\xe6;2001-02-30\n")
	page("Which encoding", "Šime", "windows-1252")
	step("encoding", "encoding=windows-1250")
	page("Nothing has been issued yet", "C3", "2001-02-30", "SPECIMEN", "Primjerić", "Issue 1 and leave out")
	if got := ask(t, "POST", at+"/start", "", "Sec-Fetch-Site", "cross-site"); got.status != 403 {
		t.Errorf("from another site: %d", got.status)
	}
	if got := step("start", ""); got.status != 409 {
		t.Errorf("in spite of problems: %d", got.status)
	}
	step("start", "leave_out=true")
	for end := time.Now().Add(time.Minute); !strings.Contains(page(), "Results (CSV)") || strings.Contains(page(), "data-every"); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it is not done")
		}
	}
	if got := until(t, base+b.Links["self"], issuer.BatchDone); got.Rows.Issued != 1 || got.By != "API test" {
		t.Errorf("done: %+v", got)
	}
	results := ask(t, "GET", at+"/results.csv?links=true", "")
	if results.status != 200 || strings.Contains(results.body, "/h/") || !strings.Contains(results.body, `"issued"`) {
		t.Errorf("results: %d %s", results.status, results.body)
	}
	if got := ask(t, "GET", at+"/results.csv?lang=hr", ""); !strings.Contains(got.body, `"Redak","Stanje","Broj potvrde",`) || !strings.Contains(got.body, `"izdano"`) || strings.Contains(got.body, `"issued"`) {
		t.Errorf("results for people: %s", got.body)
	}
	for _, lang := range []string{"hr", "sr-Latn", "sr-Cyrl"} {
		if got := ask(t, "GET", at+"?lang="+lang, ""); got.status != 200 || !strings.Contains(got.body, fmt.Sprintf(`<html lang="%s">`, lang)) || strings.Contains(got.body, ">batch.") {
			t.Errorf("in %s: %d", lang, got.status)
		}
	}
	for _, path := range []string{"/b/" + strings.Repeat("0", 26), "/b/none/results.csv"} {
		if got := ask(t, "GET", base+path, ""); got.status != http.StatusNotFound {
			t.Errorf("%s: %d", path, got.status)
		}
	}
	if got := step("explode", ""); got.status != 404 {
		t.Errorf("no such step: %d", got.status)
	}
}
