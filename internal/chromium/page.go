package chromium

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// Visitor is somebody with a browser.
type Visitor struct {
	Width, Height int  // of the window, in CSS pixels; 0: 1280 and 900
	Phone         bool // a touch screen that takes the page's own width
	Scale         int  // pixels of the screen for one of CSS; 0: 1
	NoScripts     bool
	Language      string // Accept-Language; "": en
}

// Page is the one page of a visitor.
type Page struct {
	t       testing.TB
	b       *Browser
	session string
	folder  string // of downloads

	mu       sync.Mutex
	changed  chan struct{} // closed and made anew at each event
	frame    string
	loads    int
	asked    []string
	referers []string
	errors   []string
	saved    map[string]string // by the name of a download: its state
}

// Visit gives somebody a profile of their own, without cookies and caches, that ends
// with the test.
func (b *Browser) Visit(t testing.TB, v Visitor) *Page {
	t.Helper()
	p := &Page{t: t, b: b, folder: t.TempDir(), changed: make(chan struct{}), saved: map[string]string{}}
	var context struct{ BrowserContextID string }
	var target struct{ TargetID string }
	var attached struct{ SessionID string }
	p.must(b.call("", "Target.createBrowserContext", nil, &context))
	p.must(b.call("", "Target.createTarget", object{"url": "about:blank", "browserContextId": context.BrowserContextID}, &target))
	p.must(b.call("", "Target.attachToTarget", object{"targetId": target.TargetID, "flatten": true}, &attached))
	p.session, p.frame = attached.SessionID, target.TargetID
	b.mu.Lock()
	b.pages[p.session] = p
	b.mu.Unlock()
	t.Cleanup(func() {
		b.mu.Lock()
		delete(b.pages, p.session)
		b.mu.Unlock()
		b.call("", "Target.disposeBrowserContext", object{"browserContextId": context.BrowserContextID}, nil)
	})
	p.must(b.call("", "Browser.setDownloadBehavior", object{"behavior": "allowAndName", "browserContextId": context.BrowserContextID, "downloadPath": p.folder, "eventsEnabled": true}, nil))
	for _, domain := range []string{"Page", "Network", "Runtime", "Log", "DOM"} {
		p.call(domain+".enable", nil, nil)
	}
	p.call("Performance.enable", object{"timeDomain": "threadTicks"}, nil)
	p.call("Page.setLifecycleEventsEnabled", object{"enabled": true}, nil)
	p.call("Emulation.setLocaleOverride", object{"locale": "en-GB"}, nil)
	p.call("Network.setExtraHTTPHeaders", object{"headers": object{"Accept-Language": or(v.Language, "en")}}, nil)
	p.Resize(v)
	if v.NoScripts {
		p.call("Emulation.setScriptExecutionDisabled", object{"value": true}, nil)
	}
	return p
}

// In says which test goes on with the page: the one that fails where something does.
func (p *Page) In(t testing.TB) { p.t = t }

// Resize makes the window that of another visitor.
func (p *Page) Resize(v Visitor) {
	p.t.Helper()
	p.call("Emulation.setDeviceMetricsOverride", object{"width": or(v.Width, 1280), "height": or(v.Height, 900), "deviceScaleFactor": or(v.Scale, 1), "mobile": v.Phone}, nil)
	p.call("Emulation.setTouchEmulationEnabled", object{"enabled": v.Phone}, nil)
}

type object map[string]any

func or[T comparable](v, otherwise T) T {
	var zero T
	if v == zero {
		return otherwise
	}
	return v
}

func (p *Page) must(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatalf("browser: %v", err)
	}
}

func (p *Page) call(method string, params, result any) {
	p.t.Helper()
	p.must(p.b.call(p.session, method, params, result))
}

// note takes an event.
func (p *Page) note(m message) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var e struct {
		FrameID, Name, Type, GUID, State string
		Request                          struct{ URL string }
		Headers                          map[string]string
		Args                             []struct{ Description, Value any }
		ExceptionDetails                 struct {
			Text      string
			Exception struct{ Description string }
		}
		Entry struct{ Level, Text, URL string }
	}
	if err := json.Unmarshal(m.Params, &e); err != nil {
		return
	}
	switch m.Method {
	case "Page.lifecycleEvent":
		if e.Name == "load" && e.FrameID == p.frame {
			p.loads++
		}
	case "Network.requestWillBeSent":
		p.asked = append(p.asked, e.Request.URL)
	case "Network.requestWillBeSentExtraInfo": // the headers as they are sent
		for name, value := range e.Headers {
			if strings.EqualFold(name, "referer") {
				p.referers = append(p.referers, value)
			}
		}
	case "Runtime.consoleAPICalled":
		if e.Type == "error" || e.Type == "warning" || e.Type == "assert" {
			p.errors = append(p.errors, fmt.Sprintf("console.%s: %v", e.Type, e.Args))
		}
	case "Runtime.exceptionThrown":
		p.errors = append(p.errors, e.ExceptionDetails.Text+" "+e.ExceptionDetails.Exception.Description)
	case "Log.entryAdded":
		if e.Entry.Level == "error" || e.Entry.Level == "warning" {
			p.errors = append(p.errors, e.Entry.Text+" "+e.Entry.URL)
		}
	case "Browser.downloadProgress":
		p.saved[e.GUID] = e.State
	default:
		return
	}
	close(p.changed)
	p.changed = make(chan struct{})
}

// wait waits for an event after which holds is true; it is called while p.mu is held.
func (p *Page) wait(what string, holds func() bool) {
	p.t.Helper()
	for late := time.After(deadline); ; {
		p.mu.Lock()
		ok, changed := holds(), p.changed
		p.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-changed:
		case <-p.b.ended:
			p.t.Fatalf("browser: it ended: %s", p.b.out.String())
		case <-late:
			p.t.Fatalf("browser: %s: not in %v, at %s:\n%s", what, deadline, p.Address(), p.Text())
		}
	}
}

// leads does what leads to another page, and waits until that is there.
func (p *Page) leads(what string, do func()) {
	p.t.Helper()
	p.mu.Lock()
	before := p.loads
	p.mu.Unlock()
	do()
	p.wait(what, func() bool { return p.loads > before })
}

// Open opens an address.
func (p *Page) Open(address string) {
	p.t.Helper()
	p.leads("opening "+address, func() {
		var answer struct{ ErrorText string }
		p.call("Page.navigate", object{"url": address}, &answer)
		if answer.ErrorText != "" {
			p.t.Fatalf("browser: opening %s: %s", address, answer.ErrorText)
		}
	})
}

// Eval evaluates an expression of JavaScript, whose value is stored where into
// points unless that is nil. It works on pages whose own scripts are switched off too.
func (p *Page) Eval(expression string, into any) {
	p.t.Helper()
	p.must(p.eval(expression, into))
}

func (p *Page) eval(expression string, into any) error {
	var answer struct {
		Result           struct{ Value json.RawMessage }
		ExceptionDetails *struct {
			Text      string
			Exception struct{ Description string }
		}
	}
	if err := p.b.call(p.session, "Runtime.evaluate", object{"expression": expression, "returnByValue": true, "awaitPromise": true}, &answer); err != nil {
		return err
	}
	if d := answer.ExceptionDetails; d != nil {
		return fmt.Errorf("evaluating %s: %s %s", expression, d.Text, d.Exception.Description)
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(answer.Result.Value, into)
}

// Until waits until an expression is true, whatever page that is then.
func (p *Page) Until(expression string) {
	p.t.Helper()
	p.poll(expression, func() bool {
		var holds bool
		err := p.eval("!!("+expression+")", &holds)
		if errors.Is(err, errEnded) {
			p.must(err)
		}
		return holds // where it fails, another page is just being opened
	})
}

func (p *Page) poll(what string, holds func() bool) {
	p.t.Helper()
	for end := time.Now().Add(deadline); !holds(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			p.t.Fatalf("browser: %s: not in %v, at %s:\n%s", what, deadline, p.Address(), p.Text())
		}
	}
}

// Text is what a person reads on the page.
func (p *Page) Text() (text string) {
	p.eval("document.body.innerText", &text)
	return text
}

// Address is that of the page, with its fragment.
func (p *Page) Address() (address string) {
	p.eval("location.href", &address)
	return address
}

// Asked are the addresses that were asked for so far, each without its fragment, and
// the values of Referer that were sent with them.
func (p *Page) Asked() (addresses, referers []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.asked), slices.Clone(p.referers)
}

// Errors returns, and forgets, what the browser complained of: errors and warnings of
// scripts, of loading, and of the page's policy.
func (p *Page) Errors() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	list := p.errors
	p.errors = nil
	return list
}

// Scripts is the processor time that the scripts of the page took so far, however
// busy the machine is.
func (p *Page) Scripts() (took time.Duration) {
	p.t.Helper()
	var answer struct {
		Metrics []struct {
			Name  string
			Value float64 // seconds
		}
	}
	p.call("Performance.getMetrics", nil, &answer)
	for _, m := range answer.Metrics {
		if m.Name == "ScriptDuration" {
			took = time.Duration(m.Value * float64(time.Second))
		}
	}
	return took
}

// Screenshot is a picture of what the window shows, as PNG.
func (p *Page) Screenshot() []byte {
	p.t.Helper()
	var answer struct{ Data string }
	p.call("Page.captureScreenshot", object{"format": "png"}, &answer)
	raw, err := base64.StdEncoding.DecodeString(answer.Data)
	p.must(err)
	return raw
}

// Download does what downloads a file, and returns what came.
func (p *Page) Download(role, name string) []byte {
	p.t.Helper()
	p.mu.Lock()
	clear(p.saved)
	p.mu.Unlock()
	p.Click(role, name)
	var guid string
	p.wait("downloading "+name, func() bool {
		for g, state := range p.saved {
			if _, err := os.Stat(filepath.Join(p.folder, g)); state == "completed" && err == nil {
				guid = g
			}
		}
		return guid != ""
	})
	raw, err := os.ReadFile(filepath.Join(p.folder, guid))
	p.must(err)
	return raw
}
