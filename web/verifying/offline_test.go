package verifying

import (
	"crypto"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"indeks/elm"
	"indeks/internal/chromium"
	"indeks/keys"
	"indeks/paper"
	"indeks/verifier"
	"indeks/web"
)

// lists answers for the hosts of the vectors.
type lists map[string]string

func (l lists) RoundTrip(r *http.Request) (*http.Response, error) {
	token, ok := l[r.URL.String()]
	if !ok {
		return nil, errors.New("no network")
	}
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(token)), ContentLength: int64(len(token)), Header: http.Header{}, Request: r}, nil
}

// What is published of each code is what is found, and the page is never the one that
// finds it better.
func TestVectors(t *testing.T) {
	if *update {
		writeVectors(t)
	}
	v := readVectors(t)
	trust, err := verifier.ParseTrust(v.Trust)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range v.Codes {
		of := lists(v.Lists)
		if c.NoLists {
			of = nil
		}
		judge, err := verifier.New(verifier.Config{Trust: trust, Now: func() time.Time { return v.Now }, Fetch: &http.Client{Transport: of}})
		if err != nil {
			t.Fatal(err)
		}
		r := judge.Verify(t.Context(), []byte(c.Text))
		if r.State != c.Server {
			t.Errorf("%s: %s, want %s: %+v", c.Name, r.State, c.Server, r.Checks)
		}
		if c.Page == string(verifier.StateValid) && c.Server != verifier.StateValid {
			t.Errorf("%s: the page would say valid, the server %s", c.Name, c.Server)
		}
	}
}

// The scanner may ask for the camera, and no other page.
func TestScanPage(t *testing.T) {
	s, _ := newServer(t, &fake{})
	answer, body := ask(t, s, "GET", "/scan?lang=en", "")
	if got := answer.Header.Get("Permissions-Policy"); got != "camera=(self), geolocation=(), microphone=()" || !strings.Contains(body, "offline/scan.js") || !strings.Contains(body, "<noscript>") {
		t.Errorf("%q: %s", got, body)
	}
	if answer, body := ask(t, s, "GET", "/", ""); answer.Header.Get("Permissions-Policy") != "camera=(), geolocation=(), microphone=()" || !strings.Contains(body, `href="/scan`) {
		t.Errorf("start: %v", answer.Header)
	}
}

// What the page is given, and under which policy.
func TestOfflinePage(t *testing.T) {
	f := &fake{report: report(t, verifier.StateValid)}
	s, logs := newServer(t, f)
	for _, path := range []string{"/q", "/Q?lang=hr"} {
		answer, body := ask(t, s, "GET", path, "")
		if policy := answer.Header.Get("Content-Security-Policy"); !strings.Contains(policy, "default-src 'none'") || !strings.Contains(policy, "script-src 'self'; connect-src 'self'") {
			t.Errorf("%s: policy %q", path, policy)
		}
		if !strings.Contains(body, "offline/page.js") || !strings.Contains(body, `<form class="card" method="post" action="/verify`) || strings.Contains(body, "data-trust-key") {
			t.Errorf("%s: %s", path, body)
		}
	}
	answer, body := ask(t, s, "GET", "/q/worker.js", "")
	if answer.Header.Get("Service-Worker-Allowed") != "/q" || answer.Header.Get("Content-Security-Policy") != "default-src 'none'; connect-src 'self'" || !strings.Contains(body, "addEventListener('fetch'") {
		t.Errorf("worker: %v %s", answer.Header, body)
	}
	if _, body := ask(t, s, "GET", "/q/dictionary/1", ""); body != string(paper.Dictionary(1)) {
		t.Errorf("dictionary: %s", body)
	}
	for _, path := range []string{"/q/dictionary/0", "/q/dictionary/257", "/q/dictionary/x", "/q/trust"} { // nobody is trusted here
		if answer, _ := ask(t, s, "GET", path, ""); answer.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %d", path, answer.StatusCode)
		}
	}
	if _, body := ask(t, s, "GET", "/q/list?issuer=did:web:uni.example&url=https://uni.example/status/r1", ""); body != `{"age":1.5,"token":"a.b.c"}` || f.asked[0] != "list https://uni.example/status/r1 of did:web:uni.example" {
		t.Errorf("list: %s, asked %v", body, f.asked)
	}
	f.err = verifier.ErrForbidden
	if answer, _ := ask(t, s, "GET", "/q/list?issuer=did:web:uni.example&url=http://10.0.0.1/", ""); answer.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("a list of nobody: %d", answer.StatusCode)
	}

	// Without scripts: the text of the code in the field, whatever host it names; nobody
	// is asked for it.
	code := readVectors(t).Codes[0].Text
	f.err, f.asked = nil, nil
	for _, field := range []string{"text", "link"} {
		if _, body := ask(t, s, "POST", "/verify", field+"="+url.QueryEscape(" "+code+"\n"), "Content-Type", form); string(f.token) != code || f.asked != nil || !strings.Contains(body, courseName) {
			t.Errorf("%s: given %.60s, asked %v", field, f.token, f.asked)
		}
	}
	f.report.Extract = &verifier.Extract{WholeSHA256: "0123abcd"}
	if _, body := ask(t, s, "POST", "/verify?lang=en", "text="+url.QueryEscape(code), "Content-Type", form); !strings.Contains(body, "This is a sealed extract") || !strings.Contains(body, "0123abcd") {
		t.Errorf("an extract: %s", body)
	}
	if _, body := ask(t, s, "POST", "/api/v1/verifications", `{"link":"`+code+`"}`, "Content-Type", "application/json"); string(f.token) != code || f.asked != nil || !strings.Contains(body, `"whole_payload_sha256":"0123abcd"`) {
		t.Errorf("API: given %.60s, asked %v: %s", f.token, f.asked, body)
	}
	if strings.Contains(logs.String(), code[len(code)-40:]) {
		t.Error("a code is in the log")
	}
}

// browserPage judges all vectors with the modules of the page; then it opens the page
// itself, has the server stop, and opens it once more.
const browserPage = `<!DOCTYPE html><title>test</title><script type="module">
import {judge} from '/static/any/offline/verify.js';
import {understand} from '/static/any/offline/code.js';
const report = {};
try {
  const v = await (await fetch('/vectors')).json();
  const dictionary = async (id) => { const r = await fetch('/q/dictionary/' + id); return r.ok ? new Uint8Array(await r.arrayBuffer()) : null; };
  const now = Date.parse(v.now);
  report.found = [];
  for (const c of v.codes) {
    const list = async (issuer, url) => c.no_lists || !v.lists[url] ? null : {asked: now - 1000 * (c.age ?? 0), token: v.lists[url]};
    const answer = await judge(c.text, {trust: v.trust, dictionary, list, now}).catch((e) => ({state: 'thrown: ' + e.stack}));
    report.found.push({state: answer.state, why: answer.why ?? '', told: answer.credential?.credentialSubject.hasClaim.title.en ?? ''});
  }
  report.scanned = (await (await fetch('/scanned')).json()).map((text) => understand(text));
  const none = async () => null;
  report.none = (await judge(v.codes[0].text, {trust: null, dictionary, list: none, now})).why;
  report.old = (await judge(v.codes[0].text, {trust: {...v.trust, expires: '2026-06-30T00:00:00Z'}, dictionary, list: none, now})).why;
  const bytes = await dictionary(1), times = [];
  for (let i = 0; i < 9; i++) {
    const at = performance.now();
    await judge(v.codes[1].text, {trust: v.trust, dictionary: async () => bytes, list: async (issuer, url) => ({asked: now, token: v.lists[url]}), now});
    times.push(performance.now() - at);
  }
  report.ms = times.sort((a, b) => a - b)[4];

  const code = await (await fetch('/code')).text();
  const visit = async (lang = 'en') => {
    const w = open('/q?lang=' + lang + code.slice(code.indexOf('#')));
    for (let i = 0; i < 1200; i++) {
      const at = w.document?.getElementById('offline')?.dataset;
      if (at?.answer && at.ready) {
        const seen = {answer: at.answer, ready: at.ready, address: w.location.hash, text: w.document.getElementById('answer').innerText};
        w.close();
        return seen;
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    return {answer: 'none: ' + w.document?.documentElement.outerHTML.slice(0, 500)};
  };
  report.online = await visit();
  report.slovenian = await visit('sl');
  await fetch('/stop', {method: 'POST'});
  report.flight = await visit();
} catch (e) {
  report.thrown = String(e.stack);
}
await fetch('/found', {method: 'POST', body: JSON.stringify(report)});
</script>`

// scanned are texts of codes with the host that they name and where they are checked.
var scanned = []struct{ text, host, to string }{
	{"HTTPS://VERIFY.EXAMPLE/C/" + someID, "verify.example", "/c/" + someID},
	{"https://uni.example:8443/verify/c/" + strings.ToLower(someID), "uni.example:8443", "/c/" + someID},
	{someID, "", "/c/" + someID},
	{"https://verify.example@forger.example/C/" + someID, "forger.example", "/c/" + someID},
	{"https://v\u0435rify.example/C/" + someID, "xn--vrify-zwe.example", "/c/" + someID}, // a Cyrillic letter
	{"https://verify.forger.example/q#1" + strings.Repeat("7", 120), "verify.forger.example", "/q#1" + strings.Repeat("7", 120)},
	{"1" + strings.Repeat("7", 120), "", "/q#1" + strings.Repeat("7", 120)},
	{"https://verify.example/C/" + someID + "?x", "", ""},
	{"javascript:alert(1)//c/" + someID, "", ""},
	{"WIFI:S:guest;;", "", ""},
	{"", "", ""},
}

// The page comes to what is published, in a real browser, and again without a network.
func TestOfflinePageInBrowser(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a browser: left out by -short")
	}
	browser := chromium.Start(t)
	v := readVectors(t)

	// A code of today, on a server as it is.
	m := &maker{t: t, now: time.Now().UTC().Truncate(time.Second), keys: map[string]crypto.Signer{}}
	kid := vectorDID + "#seal"
	raw, err := json.Marshal(map[string]any{"version": 1, "issued": m.now.AddDate(0, 0, -1), "expires": m.now.AddDate(0, 0, 9), "issuers": []any{map[string]any{
		"id": vectorDID, "legal_name": map[string]string{"en": "University of Example"}, "domains": []string{"uni.example"}, "keys": []any{m.key(kid, keys.ES256)}, "source": "a test", "checked": "2026-06-01"}}})
	if err != nil {
		t.Fatal(err)
	}
	pin, err := verifier.ParseTrustKey(string(m.key("operator", keys.ES256)["jwk"].(json.RawMessage)))
	if err != nil {
		t.Fatal(err)
	}
	raw = m.seal("operator", strings.Replace(m.header("operator"), "vc+jwt", "trust+jwt", 1), raw)
	trust, err := verifier.OpenTrust(raw, []verifier.TrustKey{pin})
	if err != nil {
		t.Fatal(err)
	}
	of := lists{}
	for _, purpose := range []string{"revocation", "suspension"} {
		of["https://uni.example/status/"+purpose] = m.list(kid, "https://uni.example/status/"+purpose, purpose)
	}
	judge, err := verifier.New(verifier.Config{Trust: trust, Fetch: &http.Client{Transport: of}})
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(Config{Kit: web.Config{Log: slog.New(slog.DiscardHandler)}, Verifier: judge})
	if err != nil {
		t.Fatal(err)
	}

	type visit struct{ Answer, Ready, Address, Text string }
	type report struct {
		Found                     []struct{ State, Why, Told string }
		MS                        float64
		None, Old                 string
		Scanned                   []struct{ Host, To string }
		Online, Slovenian, Flight visit
		Thrown                    string
	}
	done := make(chan report, 1)
	var stopped atomic.Bool
	answer := func(w http.ResponseWriter, contentType, body string) {
		w.Header().Set("Content-Type", contentType)
		w.Header().Set("Cross-Origin-Opener-Policy", "same-origin") // or the pages would not see each other
		io.WriteString(w, body)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		if stopped.Load() {
			panic(http.ErrAbortHandler) // no answer at all
		}
		s.Echo().ServeHTTP(w, r)
	})
	mux.HandleFunc("/test", func(w http.ResponseWriter, _ *http.Request) { answer(w, "text/html", browserPage) })
	mux.HandleFunc("/code", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, "text/plain", m.text(m.seal(kid, m.header(kid), m.extract(elm.ExtractOptions{Outcomes: true}, nil))))
	})
	mux.HandleFunc("/vectors", func(w http.ResponseWriter, _ *http.Request) { json.NewEncoder(w).Encode(v) })
	mux.HandleFunc("/scanned", func(w http.ResponseWriter, _ *http.Request) {
		var texts []string
		for _, c := range scanned {
			texts = append(texts, c.text)
		}
		json.NewEncoder(w).Encode(texts)
	})
	mux.HandleFunc("/stop", func(http.ResponseWriter, *http.Request) { stopped.Store(true) })
	mux.HandleFunc("/found", func(_ http.ResponseWriter, r *http.Request) {
		var found report
		if err := json.NewDecoder(r.Body).Decode(&found); err == nil {
			done <- found
		}
	})
	server := httptest.NewServer(mux)
	defer server.Close()

	browser.Visit(t, chromium.Visitor{}).Open(strings.Replace(server.URL, "127.0.0.1", "localhost", 1) + "/test")
	var got report
	select {
	case got = <-done:
	case <-time.After(2 * time.Minute):
		t.Fatal("the page gave no answer in two minutes")
	}
	if got.Thrown != "" || len(got.Found) != len(v.Codes) {
		t.Fatalf("%d codes were judged, of %d: %s", len(got.Found), len(v.Codes), got.Thrown)
	}
	for i, c := range v.Codes {
		f := got.Found[i]
		if f.State != c.Page {
			t.Errorf("%s: %s (%s), want %s", c.Name, f.State, f.Why, c.Page)
		}
		if c.Page == "valid" && f.Told != "Grafting of Fruit Trees" {
			t.Errorf("%s: tells %q", c.Name, f.Told)
		}
	}
	if got.None != "no_trust" || got.Old != "trust_old" {
		t.Errorf("without a trust file: %q, with an old one: %q", got.None, got.Old)
	}
	for i, c := range scanned {
		if i >= len(got.Scanned) || got.Scanned[i].Host != c.host || got.Scanned[i].To != c.to {
			t.Errorf("scanned %.80s: %+v, want host %q, to %q", c.text, got.Scanned, c.host, c.to)
		}
	}
	t.Logf("judging takes %.1f ms", got.MS)
	// What the code has in no language of the reader is shown in another, and said so.
	if lacks := "Nekaterih besedil ni v tem jeziku. Navedena so v jeziku: "; !strings.Contains(got.Slovenian.Text, lacks+"angleščina.") || strings.Contains(got.Online.Text, "Some texts are not available") {
		t.Errorf("in Slovenian: %+v", got.Slovenian)
	}
	if got.Online.Answer != "valid" || got.Online.Ready != "yes" || got.Online.Address != "" {
		t.Errorf("with a network: %+v", got.Online)
	}
	// Within a minute its lists speak for now; on a slow machine it says how old they are.
	if f := got.Flight; f.Answer != "valid" && f.Answer != "status_unchecked" || f.Address != "" {
		t.Errorf("in flight mode: %+v", f)
	}
	for _, seen := range []visit{got.Online, got.Flight} {
		for _, want := range []string{"University of Example", "Đorđe Šćepanović", "Grafting of Fruit Trees", "MC-2026-00007", "Orchard School", "3 ECTS", "75 hours", "Level 5 (EQF)", "Blended", "Chooses stock and scion"} {
			if !strings.Contains(seen.Text, want) {
				t.Errorf("the page does not show %q: %s", want, seen.Text)
			}
		}
	}
}
