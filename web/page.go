package web

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"io/fs"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"text/template/parse"
	"time"

	"github.com/labstack/echo/v4"

	"indeks/elm"
)

//go:embed templates/*.html
var kitPages embed.FS

// Page is one rendered page. Everything personal sets NoStore.
type Page struct {
	Lang    string // of the page; "" by Accept-Language and ?lang=
	Tone    string // "", "good", "warn", "bad", "none": colours the head
	NoStore bool
	Failed  bool // what was sent is not taken: the title says so first
	Data    any

	Scripts []string // static files that run as modules; nil: no script runs at all
	Camera  bool     // scripts may ask for the camera

	// Again repeats a POST in another language: hidden fields, maybe none, of a
	// form at the page's own address. Where it is nil the language links are
	// ordinary links, and the answer to a POST, which no link repeats, has none.
	Again map[string]string
}

// view is the dot of the layout and of every page: {{.Data}} is the page's own
// data, {{.Lang}} and {{.Tone}} are those of the page.
type view struct {
	Page
	Path      string // of this request, for links to this page alone
	Now       time.Time
	Languages []languageLink // none where the page cannot be had in another language
	Language  string         // what the page's language calls itself
	Repeat    bool           // the language links are buttons that repeat the POST
	chosen    bool           // the language stands in the address, and goes on in links
}

type languageLink struct {
	Tag, Name string
	Query     string // of this page in that language, as it was asked for otherwise
	Current   bool
}

// Href is a path of this server, with the language where it was chosen by hand.
func (v view) Href(path string) string {
	if !v.chosen {
		return path
	}
	return path + "?lang=" + url.QueryEscape(v.Lang)
}

// readPages finds the pages, and parses those of the default language: what is wrong with
// one is so in every language. A page of another is parsed when it is first asked for,
// so that "t" in a template knows the language it writes in: a hundred pages in ten
// languages would take more room than everything else.
func (k *Kit) readPages(pages fs.FS, funcs template.FuncMap) error {
	k.pages = map[string]map[string]page{}
	names, err := fs.Glob(pages, "*.html")
	if err != nil {
		return err
	}
	partials, err := fs.Glob(pages, "partials/*.html")
	if err != nil {
		return err
	}
	for _, lang := range k.languages {
		base := sync.OnceValues(func() (*template.Template, error) {
			t := template.New("layout").Funcs(k.funcs(lang)).Funcs(funcs)
			if _, err := t.ParseFS(kitPages, "templates/layout.html", "templates/supplement.html", "templates/stack.html"); err != nil || len(partials) == 0 {
				return t, err
			}
			return t.ParseFS(pages, partials...)
		})
		all := map[string]page{"problem": k.page(base, kitPages, "templates/problem.html")}
		for _, name := range names {
			all[strings.TrimSuffix(name, ".html")] = k.page(base, pages, name)
		}
		k.pages[lang] = all
	}
	for _, p := range k.pages[k.languages[0]] {
		if _, err := p(); err != nil {
			return err
		}
	}
	return nil
}

// page is a page in one language, parsed when it is first asked for.
type page func() (*template.Template, error)

func (k *Kit) page(base page, from fs.FS, name string) page {
	return sync.OnceValues(func() (*template.Template, error) {
		layout, err := base()
		if err != nil {
			return nil, err
		}
		t, err := template.Must(layout.Clone()).ParseFS(from, name)
		if err != nil {
			return nil, err
		}
		for _, needed := range []string{"title", "main"} {
			if t.Lookup(needed) == nil {
				return nil, fmt.Errorf("%s: does not define %q", name, needed)
			}
		}
		for _, id := range textIDs(t) {
			if !k.HasText(id) {
				return nil, fmt.Errorf("%s: no language has a text %q", name, id)
			}
		}
		return t, nil
	})
}

// funcs are what templates may call: t "id" "Name" value ..., static "kit.css", clean,
// number, the ways to write a time.Time: date, instant (with the minute) and machine
// (RFC 3339), and foreign, the languages of texts that the page's language lacks. For
// scripts there are form, how a date is written, and reads, the languages of texts in
// the order in which the reader wants them.
func (k *Kit) funcs(lang string) template.FuncMap {
	return template.FuncMap{
		"t": func(id string, pairs ...any) (string, error) {
			if len(pairs)%2 != 0 {
				return "", fmt.Errorf("text %q: arguments are not pairs", id)
			}
			args := map[string]any{}
			for i := 0; i < len(pairs); i += 2 {
				args[fmt.Sprint(pairs[i])] = pairs[i+1]
			}
			return k.T(lang, id, args), nil
		},
		"static":  k.static.url,
		"clean":   elm.Clean,
		"date":    func(t time.Time) string { return Date(lang, t) },
		"instant": func(t time.Time) string { return Instant(lang, t) },
		"number":  func(n any) string { return Number(lang, n) },
		"foreign": func(sections []elm.Section) string { return OtherLanguages(sections, lang) },
		"form":    func() string { return tongueOf(lang).date },
		"reads":   func() string { return strings.Join(elm.Reads(lang), " ") },
		"machine": func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
	}
}

// OtherLanguages names the languages, in lang, that texts of a supplement stand in where
// they do not exist in lang.
func OtherLanguages(sections []elm.Section, lang string) string {
	tags := elm.OtherLanguages(sections, lang)
	for i, tag := range tags {
		tags[i] = elm.LanguageName(tag, lang)
	}
	return strings.Join(tags, ", ")
}

// Render writes a page through a buffer, so that a template error never leaves
// half a page.
func (k *Kit) Render(c echo.Context, status int, name string, p Page) error {
	if p.Lang == "" {
		p.Lang = k.Lang(c)
	}
	parsed := k.pages[p.Lang][name]
	if parsed == nil {
		return fmt.Errorf("rendering page %q in %q: no such page", name, p.Lang)
	}
	t, err := parsed()
	if err != nil {
		return fmt.Errorf("reading page %q: %w", name, err)
	}
	v := view{Page: p, Language: LanguageName(p.Lang), Path: c.Request().URL.Path, Now: Clock(), Repeat: p.Again != nil, chosen: c.QueryParam("lang") == p.Lang}
	if method := c.Request().Method; v.Repeat || method == http.MethodGet || method == http.MethodHead {
		for _, l := range tongues {
			if k.localizer[l.tag] != nil {
				query := c.Request().URL.Query()
				query.Set("lang", l.tag)
				v.Languages = append(v.Languages, languageLink{l.tag, l.name, "?" + query.Encode(), l.tag == p.Lang})
			}
		}
	}
	var b bytes.Buffer
	if err := t.ExecuteTemplate(&b, "layout", v); err != nil {
		return fmt.Errorf("rendering page %q: %w", name, err)
	}
	h := c.Response().Header()
	if len(p.Scripts) > 0 {
		h.Set("Content-Security-Policy", contentPolicy+scriptPolicy)
	}
	if p.Camera {
		h.Set("Permissions-Policy", "camera=(self), geolocation=(), microphone=()")
	}
	h.Set("Content-Language", p.Lang)
	if p.NoStore {
		NoStore(c)
	} else {
		h.Set("Cache-Control", "no-cache")
		h.Set("Vary", "Accept-Language, Accept-Encoding")
		packs := b.Len() > packedFrom && takesGzip(c.Request().Header.Get(echo.HeaderAcceptEncoding))
		if status == http.StatusOK {
			digest := sha256.Sum256(b.Bytes())
			tag := `"` + hex.EncodeToString(digest[:16]) + `"`
			if packs { // other bytes have another tag
				tag = `"` + hex.EncodeToString(digest[:16]) + `-gzip"`
			}
			h.Set("ETag", tag)
			if c.Request().Header.Get("If-None-Match") == tag {
				return c.NoContent(http.StatusNotModified)
			}
		}
		if packs {
			h.Set(echo.HeaderContentEncoding, "gzip")
			return Blob(c, status, echo.MIMETextHTMLCharsetUTF8, pack(b.Bytes()))
		}
	}
	return Blob(c, status, echo.MIMETextHTMLCharsetUTF8, b.Bytes())
}

// packedFrom is how long a page is, in bytes, that is worth packing.
const packedFrom = 8 << 10

// NoStore marks an answer as personal: no cache keeps it, no search engine
// lists it.
func NoStore(c echo.Context) {
	h := c.Response().Header()
	h["Cache-Control"] = noStore
	if !ofAPI(c) {
		h["X-Robots-Tag"] = noRobots
	}
}

// textIDs finds the ids that the templates of a page give to t as constants.
func textIDs(t *template.Template) []string {
	ids := map[string]bool{}
	var walk func(n parse.Node)
	walk = func(n parse.Node) {
		switch n := n.(type) {
		case *parse.ListNode:
			if n != nil {
				for _, child := range n.Nodes {
					walk(child)
				}
			}
		case *parse.ActionNode:
			walk(n.Pipe)
		case *parse.IfNode:
			walk(n.Pipe)
			walk(n.List)
			walk(n.ElseList)
		case *parse.RangeNode:
			walk(n.Pipe)
			walk(n.List)
			walk(n.ElseList)
		case *parse.WithNode:
			walk(n.Pipe)
			walk(n.List)
			walk(n.ElseList)
		case *parse.TemplateNode:
			if n.Pipe != nil {
				walk(n.Pipe)
			}
		case *parse.PipeNode:
			for _, command := range n.Cmds {
				walk(command)
			}
		case *parse.CommandNode:
			if f, ok := n.Args[0].(*parse.IdentifierNode); ok && f.Ident == "t" && len(n.Args) > 1 {
				if id, ok := n.Args[1].(*parse.StringNode); ok {
					ids[id.Text] = true
				}
			}
			for _, arg := range n.Args {
				if p, ok := arg.(*parse.PipeNode); ok {
					walk(p)
				}
			}
		}
	}
	for _, t := range t.Templates() {
		if t.Tree != nil {
			walk(t.Tree.Root)
		}
	}
	return slices.Sorted(maps.Keys(ids))
}
