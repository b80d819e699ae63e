package main

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base32"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"text/template"
	"time"

	"indeks/internal/chromium"
	"indeks/internal/postbox"
	"indeks/web"
)

// university is an institution whose servers run, with a mail server beside them.
type university struct {
	dir, issuer, verifier string
	box                   *postbox.Box
	log                   *output
	refused               atomic.Value // the address for which the mail server takes no letter
	stop                  func()       // ends both servers
}

const noMailbox = "no such mailbox" // as the mail server says it

// startUniversity goes on with the institution of a demo that has ended as with a real
// one: its servers run apart and it sends letters. Somebody is at its desk whose first
// password is returned.
func startUniversity(t *testing.T, d *demo) (u *university, password string) {
	t.Helper()
	u = &university{dir: d.dir, issuer: d.issuer, verifier: d.verifier, log: new(output)}
	u.box = postbox.Start(t, postbox.Options{Answer: func(step, arg string) error {
		if refused, _ := u.refused.Load().(string); step == "RCPT" && arg == refused {
			return postbox.Refuse(550, [3]int{5, 1, 1}, noMailbox)
		}
		return nil
	}})
	u.refused.Store(bogdan.email)
	if err := lightenKeyFile(u.dir); err != nil {
		t.Fatal(err)
	}
	config, err := os.OpenFile(filepath.Join(u.dir, configName), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(config, "mail:\n  host: localhost\n  port: %d\n  security: none\n  from: registry@uni.example\n", u.box.Port)
	config.Close()
	password = strings.TrimSpace(lastLine(indeks(t, "account", "add", "registrar-2", "--role", "registrar", "--config", u.dir)))

	ctx, cancel := context.WithCancel(t.Context())
	ended := map[string]chan int{"issuer": make(chan int, 1), "verifier": make(chan int, 1)}
	for name, done := range ended {
		out := new(output)
		start := func() {
			go func() {
				done <- run(ctx, []string{name, "--config", u.dir}, console{strings.NewReader(""), out, u.log})
			}()
		}
		start()
		for end := time.Now().Add(2 * time.Minute); !strings.Contains(out.String(), "Ctrl-C"); {
			select {
			case code := <-done:
				// The demo's port may be somebody's for a moment.
				if log := u.log.String(); !strings.Contains(log, "address already in use") || time.Now().After(end) {
					t.Fatalf("the %s ended with code %d:\n%s%s", name, code, out, log)
				}
				start()
			case <-time.After(20 * time.Millisecond):
			}
		}
	}
	u.stop = sync.OnceFunc(func() {
		cancel()
		for name, done := range ended {
			if code := <-done; code != 0 {
				t.Errorf("the %s ended with code %d:\n%s", name, code, u.log)
			}
		}
	})
	t.Cleanup(u.stop)
	return u, password
}

// letterTo is the newest letter to an address, once it has come.
func (u *university) letterTo(t *testing.T, address string) string {
	t.Helper()
	for end := time.Now().Add(2 * time.Minute); ; time.Sleep(10 * time.Millisecond) {
		for _, m := range slices.Backward(u.box.Messages()) {
			if m.To == address {
				return string(m.Data)
			}
		}
		if time.Now().After(end) {
			t.Fatalf("no letter to %s came in two minutes:\n%s", address, u.log)
		}
	}
}

// visitor is somebody with a browser, who reads pages in a language. Whatever page
// they come to is sound.
type visitor struct {
	*chromium.Page
	t     *testing.T
	lang  string
	plain bool     // scripts are off
	hosts []string // that may be asked for anything
}

// in says which test goes on.
func (v *visitor) in(t *testing.T) {
	v.t = t
	v.In(t)
}

// sound holds of the page that is open what holds of every page: its texts are there,
// it is no wider than the window, and the browser has nothing to complain of but what
// is expected.
func (v *visitor) sound(expected ...string) {
	v.t.Helper()
	var page struct {
		Address, Lang, Text, Title string
		Wide                       []string
	}
	v.Eval(`({address: location.pathname, lang: document.documentElement.lang, title: document.title, text: document.documentElement.innerText,
		wide: document.documentElement.scrollWidth <= innerWidth ? [] : ['it is ' + document.documentElement.scrollWidth + ' wide',
			...[...document.querySelectorAll('main *')].filter((e) => e.getBoundingClientRect().right > innerWidth + 1).map((e) => e.outerHTML.slice(0, 120)).slice(-2)]})`, &page)
	if page.Lang != v.lang {
		v.t.Errorf("%s is in %s, not in %s", page.Address, page.Lang, v.lang)
	}
	if page.Text == "" || page.Title == "" || page.Title == " · Indeks" {
		v.t.Errorf("%s is empty: %q %q", page.Address, page.Title, page.Text)
	}
	for _, m := range textID.FindAllString(page.Title+"\n"+page.Text, -1) {
		if texts()[v.lang][m] != "" {
			v.t.Errorf("%s in %s lacks the text %s", page.Address, v.lang, m)
		}
	}
	if strings.Contains(page.Text, "<no value>") || strings.Contains(page.Text, "{{") || strings.Contains(page.Text, "%!") {
		v.t.Errorf("%s in %s has a text that lacks a value:\n%s", page.Address, v.lang, page.Text)
	}
	for _, w := range page.Wide {
		v.t.Errorf("%s in %s is wider than the window: %s", page.Address, v.lang, w)
	}
	for _, e := range v.Errors() {
		if !slices.ContainsFunc(expected, func(x string) bool { return strings.Contains(e, x) }) {
			v.t.Errorf("%s in %s: %s", page.Address, v.lang, e)
		}
	}
	asked, _ := v.Asked()
	for _, a := range asked {
		if u, err := url.Parse(a); err != nil || !slices.Contains(v.hosts, u.Host) && u.Scheme != "blob" && u.Scheme != "data" {
			v.t.Errorf("%s asks for %s", page.Address, a)
		}
	}
}

// still holds that what came later on the page that is open moved nothing that was there.
func (v *visitor) still() {
	v.t.Helper()
	var moved []struct {
		Value float64
		What  []string
	}
	v.Eval(`(() => { const seen = new PerformanceObserver(() => {}); seen.observe({type: 'layout-shift', buffered: true});
		return seen.takeRecords().filter((m) => !m.hadRecentInput).map((m) => ({value: m.value, what: m.sources.map((s) => s.node?.id || s.node?.className || s.node?.nodeName)})); })()`, &moved)
	sum := 0.0
	for _, m := range moved {
		sum += m.Value
	}
	if sum > 0.02 {
		v.t.Errorf("%s in %s moves by %.3f: %v", v.Address(), v.lang, sum, moved)
	}
}

// open opens a page in the visitor's language.
func (v *visitor) open(address string) {
	v.t.Helper()
	at, err := url.Parse(address)
	if err != nil {
		v.t.Fatal(err)
	}
	query := at.Query()
	query.Set("lang", v.lang)
	at.RawQuery = query.Encode()
	v.Open(at.String())
}

// say is a text of the pages in the visitor's language.
func (v *visitor) say(id string, pairs ...any) string {
	v.t.Helper()
	text, ok := texts()[v.lang][id]
	if !ok {
		v.t.Fatalf("there is no text %s", id)
	}
	values := map[string]any{}
	for i := 0; i < len(pairs); i += 2 {
		values[pairs[i].(string)] = pairs[i+1]
	}
	var b bytes.Buffer
	if err := template.Must(template.New(id).Parse(text)).Execute(&b, values); err != nil {
		v.t.Fatal(err)
	}
	return b.String()
}

// reads fails where the page does not say something.
func (v *visitor) reads(wanted ...string) {
	v.t.Helper()
	for text := v.Text(); len(wanted) > 0; wanted = wanted[1:] {
		if !strings.Contains(text, wanted[0]) {
			v.t.Errorf("%s does not say %q:\n%s", v.Address(), wanted[0], text)
		}
	}
}

// follow follows a link, press presses a button; both by the id of its text.
func (v *visitor) follow(id string) { v.t.Helper(); v.Press("link", v.say(id)) }

func (v *visitor) press(id string, pairs ...any) {
	v.t.Helper()
	v.Press("button", v.say(id, pairs...))
}

// texts are those of all pages, by language and id. They are read when asked for: this
// program is also run as indeks by tests, elsewhere.
var texts = sync.OnceValue(func() map[string]map[string]string {
	all := map[string]map[string]string{}
	for _, lang := range web.Languages() {
		all[lang] = map[string]string{}
		for _, dir := range []string{"../../web", "../../web/issuing/pages", "../../web/verifying"} {
			raw, err := os.ReadFile(filepath.Join(dir, "locales", lang+".json"))
			var file map[string]any
			if err == nil {
				err = json.Unmarshal(raw, &file)
			}
			if err != nil {
				panic(err)
			}
			for id, text := range file {
				all[lang][id] = fmt.Sprint(text)
			}
		}
	}
	return all
})

// textID is what may be the id of a text.
var textID = regexp.MustCompile(`\b[a-z]+(\.[a-z0-9_-]+)+\b`)

// authenticator is an app that shows one-time codes, each of which is taken once.
type authenticator struct {
	secret []byte
	last   int64
}

func newAuthenticator(t *testing.T, secret string) *authenticator {
	t.Helper()
	raw, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(strings.ReplaceAll(secret, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return &authenticator{secret: raw}
}

// code is the earliest code that may still be taken.
func (a *authenticator) code() string {
	a.last = max(a.last+1, time.Now().Unix()/30-1)
	mac := hmac.New(sha1.New, a.secret)
	mac.Write(binary.BigEndian.AppendUint64(nil, uint64(a.last)))
	sum := mac.Sum(nil)
	return fmt.Sprintf("%06d", (binary.BigEndian.Uint32(sum[sum[len(sum)-1]&0xf:])&0x7fffffff)%1_000_000)
}

// named are the words that must stand in no address, no Referer and no log, each as
// it may be written there.
type named map[string]string // what it is

func (n named) in(text string) (found []string) {
	plain, _ := url.QueryUnescape(text)
	for _, secret := range slices.Sorted(maps.Keys(n)) {
		if at := strings.ToLower(text + "\n" + plain); strings.Contains(at, strings.ToLower(secret)) || strings.Contains(at, strings.ToLower(url.QueryEscape(secret))) {
			found = append(found, n[secret]+" "+secret)
		}
	}
	return found
}
