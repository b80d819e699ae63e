package markup

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

const page = `<!DOCTYPE html>
<html lang="sr-Latn"><head><meta charset="utf-8"><title>Greška: Prijava · Indeks</title>
<script type="module" src="/static/a.js"></script></head>
<body><a href="#main">x</a><nav aria-label="n"><ul><li><a href="/">x</a></li></ul></nav>
<main id="main" tabindex="-1"><h1>x</h1>
<div id="wrong" role="alert" tabindex="-1" autofocus><p>x</p></div>
<form method="post" action="/a"><fieldset><legend>x</legend>
<label for="password">x</label><input type="password" id="password" name="password" autocomplete="current-password" aria-invalid="true" aria-describedby="wrong">
<label><input type="checkbox" name="b"> x</label></fieldset><button type="submit">x</button></form>
<h2>x</h2><dl><div><dt>x</dt><dd>x</dd></div></dl><img src="/a.svg" alt="">
<table><thead><tr><th scope="col">x</th><th scope="col">y</th></tr></thead><tbody><tr><th scope="row">x</th><td>y</td></tr></tbody></table>
<details><summary>x</summary><h3>x</h3></details><time datetime="2026-01-01">x</time>
</main></body></html>`

// A page that keeps the rules is not blamed, and each rule is broken by what breaks it.
func TestFaults(t *testing.T) {
	if faults := Faults([]byte(page), "sr-Latn"); len(faults) > 0 {
		t.Fatal(faults)
	}
	for _, c := range []struct{ old, new, fault string }{
		{`lang="sr-Latn"`, ``, "in the language"},
		{`lang="sr-Latn"`, `lang="en"`, "in the language"},
		{`lang="sr-Latn"`, `lang="sr_Latn"`, "in the language"},
		{`<h1>x</h1>`, `<h1 lang="serbian">x</h1>`, "in the language"},
		{`Greška: Prijava `, ``, "titles"},
		{`<title>`, `<title>x</title><title>`, "titles"},
		{`<h1>x</h1>`, ``, "headings of the first level"},
		{`<h1>x</h1>`, `<h1>x</h1><h1>y</h1>`, "headings of the first level"},
		{`<h1>x</h1>`, `<h1 hidden>x</h1>`, "headings of the first level"},
		{`<h1>x</h1>`, `<h1></h1>`, "is empty"},
		{`<h2>x</h2>`, `<h2><span class="icon icon-key" aria-hidden="true"></span>x <span class="tag">y</span></h2>`, "side by side"},
		{`<h2>x</h2>`, ``, "after one 1"},
		{`<h1>x</h1>`, `<h1 id="main">x</h1>`, "there twice"},
		{` for="password"`, ` for="pass"`, "not there"},
		{` for="password"`, ``, "has no label"},
		{`<label for="password">x</label>`, `<label for="password"></label>`, "has no label"},
		{`<label><input type="checkbox" name="b"> x</label>`, `<input type="checkbox" name="b">`, "has no label"},
		{` aria-describedby="wrong"`, ``, "nothing says why"},
		{` aria-describedby="wrong"`, ` aria-describedby="other"`, "not there"},
		{` autocomplete="current-password"`, ``, "autocomplete"},
		{`name="b"`, `name="b" placeholder="x"`, "placeholder"},
		{`<fieldset><legend>x</legend>`, `<fieldset>`, "no legend"},
		{`<summary>x</summary>`, ``, "no summary"},
		{`<button type="submit">x</button>`, `<button type="submit"><span aria-hidden="true">x</span></button>`, "no name"},
		{`<button type="submit">`, `<button>`, "what it does"},
		{`<li><a href="/">x</a></li>`, `<li><a href="/"></a></li>`, "no name"},
		{`aria-label="n"`, ``, "no name"},
		{` alt=""`, ``, "no alt"},
		{`<h1>x</h1>`, `<h1>x</h1><svg></svg>`, "without a name"},
		{`<dl>`, `<dl><p>x</p>`, `in a <dl>`},
		{`<ul>`, `<ul><div></div>`, `in a <ul>`},
		{`<th scope="row">`, `<th>`, "no row and no column"},
		{`<th scope="row">x</th>`, `<td>x</td>`, "without a head"},
		{`<thead><tr><th scope="col">x</th><th scope="col">y</th></tr></thead>`, ``, "without heads"},
		{` datetime="2026-01-01"`, ``, "only people"},
		{`<h1>x</h1>`, `<h1 style="color: red">x</h1>`, "has style"},
		{`<h1>x</h1>`, `<h1 onclick="x()">x</h1>`, "has onclick"},
		{`<h1>x</h1>`, `<h1 tabindex="3">x</h1>`, "out of the order"},
		{`<li><a href="/">`, `<li><a href="/" target="_blank">`, "has target"},
		{`<h2>x</h2>`, `<h2>x</h2><p aria-hidden="true"><a href="/">x</a></p>`, "no reader of screens"},
		{`<script type="module" src="/static/a.js">`, `<script>alert(1)`, "refuses"},
		{`<script type="module" src="/static/a.js">`, `<script type="module" src="https://cdn.example/a.js">`, "not ours"},
		{`action="/a"`, `action="//other.example/a"`, "not ours"},
		{`<meta charset="utf-8">`, `<style>p { color: red }</style>`, "stylesheet"},
		{`<meta charset="utf-8">`, `<meta http-equiv="refresh" content="2">`, "takes something"},
		{`<meta charset="utf-8">`, `<meta name="viewport" content="width=device-width, maximum-scale=1">`, "takes something"},
		{`<a href="#main">`, `<a href="#content">`, "not there"},
		{`<a href="#main">x</a>`, ``, "first thing"},
		{`<main id="main" tabindex="-1">`, `<main id="main">`, "first thing"},
		{` tabindex="-1" autofocus`, ``, "not told first"},
		{`<title>Greška: `, `<title>`, "not told first"},
		{`<h1>x</h1>`, `<h1>x</h1><p role="alert">x</p>`, "an alert"},
		{`<h1>x</h1>`, `<h1 autofocus>x</h1>`, "takes the focus"},
		{`</dl>`, ``, "are open"},
		{`</body></html>`, ``, "never ended"},
		{`<p>x</p>`, `<p><div>x</div></p>`, "in a <p>"},
		{`<!DOCTYPE html>`, `<!DOCTYPE html5>`, "doctype"},
		{`<legend>x</legend>`, `<legend>x</legend><form></form>`, "in a <form>"},
	} {
		broken := strings.Replace(page, c.old, c.new, 1)
		if broken == page {
			t.Fatalf("%s is not on the page", c.old)
		}
		if found := strings.Join(Faults([]byte(broken), "sr-Latn"), "\n"); !strings.Contains(found, c.fault) {
			t.Errorf("%s in place of %s: %q, want %q", c.new, c.old, found, c.fault)
		}
	}
}

// Held looks at pages and at nothing else, and leaves the answer as it is.
func TestHeld(t *testing.T) {
	for kind, want := range map[string]bool{"text/html; charset=UTF-8": true, "application/json": false} {
		blamed := &blame{TB: t}
		w := httptest.NewRecorder()
		Held(blamed, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", kind)
			w.WriteHeader(http.StatusTeapot)
			w.Write([]byte("<p>" + kind))
		})).ServeHTTP(w, httptest.NewRequest("GET", "/a", nil))
		if blamed.any != want || w.Code != http.StatusTeapot || w.Body.String() != "<p>"+kind {
			t.Errorf("%s: blamed %t, %d %q", kind, blamed.any, w.Code, w.Body)
		}
	}
}

type blame struct {
	testing.TB
	any bool
}

func (b *blame) Errorf(string, ...any) { b.any = true }
