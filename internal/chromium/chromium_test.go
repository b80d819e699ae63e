package chromium

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const first = `<!DOCTYPE html><title>first</title><h1>First</h1>
<form method="post" action="/second?q=1" enctype="multipart/form-data"><label for="n">Name <span>needed</span></label><input id="n" name="n" value="old">
<label><input type="checkbox" name="box" value="yes"> A box</label><label for="s">Sort</label><select id="s" name="s"><option value="">-</option><option value="2">Two</option></select>
<label for="d">Day</label><input type="date" id="d" name="d"><label for="f">File</label><input type="file" id="f" name="f"><button>Send</button></form>
<p style="display:none"><a href="/hidden">Hidden</a></p><a href="/file">Keep</a>`

// Somebody fills in a form and keeps a file, with scripts and without; what the
// browser asks and complains of is noted; nothing of it is left in the end.
func TestVisit(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a browser: left out by -short")
	}
	file := filepath.Join(t.TempDir(), "list.txt")
	if err := os.WriteFile(file, []byte("a list"), 0o600); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch w.Header().Set("Content-Type", "text/html; charset=utf-8"); r.URL.Path {
		case "/first":
			io.WriteString(w, first)
		case "/second":
			f, _, err := r.FormFile("f")
			if err != nil {
				t.Error(err)
				return
			}
			content, _ := io.ReadAll(f)
			io.WriteString(w, "<p>"+strings.Join([]string{r.FormValue("n"), r.FormValue("box"), r.FormValue("s"), r.FormValue("d"), string(content)}, "|")+
				`</p><script>setTimeout(() => { document.body.append("scripts"); console.error("a fault") })</script><noscript>none</noscript>`)
		case "/file":
			w.Header().Set("Content-Disposition", "attachment; filename=x")
			io.WriteString(w, "kept")
		default:
			http.NotFound(w, r)
		}
	}))
	defer server.Close()
	var group int
	t.Run("visit", func(t *testing.T) {
		b := Start(t)
		group = b.cmd.Process.Pid
		for _, noScripts := range []bool{false, true} {
			p := b.Visit(t, Visitor{Width: 390, Height: 844, Phone: true, NoScripts: noScripts, Language: "hr"})
			p.Open(server.URL + "/first")
			if p.Has("link", "Hidden") || !p.Has("heading", "First") || !p.Has("button", "Se…") {
				t.Error("what is hidden is found, or what is shown is not")
			}
			if got := p.Download("link", "Keep"); string(got) != "kept" {
				t.Errorf("kept %q", got)
			}
			p.Fill("Name", "new")
			p.Fill("Sort", "Two")
			p.Fill("Day", "2026-06-30")
			p.Tick("A box", true)
			p.Tick("A box", true)
			p.Upload("File", file)
			if got := p.Value("Name needed"); got != "new" {
				t.Errorf("typed %q", got)
			}
			p.Press("button", "Send")
			want := "scripts"
			if noScripts {
				want = "none"
			}
			p.Until("document.body.innerText.includes('" + want + "')")
			if got := p.Text(); !strings.HasPrefix(got, "new|yes|2|2026-06-30|a list") {
				t.Errorf("sent %q", got)
			}
			if got := slices.ContainsFunc(p.Errors(), func(e string) bool { return strings.Contains(e, "a fault") }); got == noScripts {
				t.Errorf("scripts off %v, a fault of a script seen: %v", noScripts, got)
			}
			if asked, referers := p.Asked(); !slices.Contains(asked, server.URL+"/second?q=1") || !slices.Contains(referers, server.URL+"/first") {
				t.Errorf("asked for %q from %q", asked, referers)
			}
			if got := p.Screenshot(); !strings.HasPrefix(string(got), "\x89PNG") {
				t.Errorf("picture %.8q", got)
			}
		}
	})
	if left := alive(group); group != 0 && len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}
