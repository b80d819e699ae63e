// Package markup holds pages to those rules of HTML and of WCAG 2.2 that can be seen
// without a browser. It is for tests alone: a server in a test is wrapped in Held, and
// whatever page the test has it render must keep them.
package markup

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// Held returns a handler that answers as h does, and fails the test where a page that it
// answered with breaks a rule.
func Held(t testing.TB, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		kept := &keeper{ResponseWriter: w}
		h.ServeHTTP(kept, r)
		if !strings.HasPrefix(w.Header().Get("Content-Type"), "text/html") || kept.body.Len() == 0 {
			return
		}
		page := kept.body.Bytes()
		if w.Header().Get("Content-Encoding") == "gzip" {
			packed, err := gzip.NewReader(&kept.body)
			if err == nil {
				page, err = io.ReadAll(packed)
			}
			if err != nil {
				t.Errorf("%s %s: %v", r.Method, r.URL.Path, err)
				return
			}
		}
		if _, known := seen.LoadOrStore(sha256.Sum256(page), true); known {
			return
		}
		for _, fault := range Faults(page, w.Header().Get("Content-Language")) {
			t.Errorf("%s %s: %s", r.Method, r.URL.Path, fault)
		}
	})
}

// seen are the digests of pages that were looked at, many of which are the same.
var seen sync.Map

// keeper keeps what is written.
type keeper struct {
	http.ResponseWriter
	body bytes.Buffer
}

func (k *keeper) Write(p []byte) (int, error) {
	k.body.Write(p)
	return k.ResponseWriter.Write(p)
}

// Unwrap is for http.ResponseController.
func (k *keeper) Unwrap() http.ResponseWriter { return k.ResponseWriter }

// Faults says which rules a page in a language breaks.
func Faults(page []byte, lang string) []string {
	p := &checker{ids: map[string]int{}, labelled: map[string]bool{}}
	p.nesting(page)
	root, err := html.Parse(bytes.NewReader(page))
	if err != nil {
		return append(p.faults, err.Error())
	}
	p.collect(root)
	p.walk(root, place{})
	p.whole(root, lang)
	return p.faults
}

type checker struct {
	faults   []string
	ids      map[string]int
	labelled map[string]bool // ids that a label is for
	titles   []string
	h1       int
	level    int // of the last heading that is shown
	wrong    *html.Node
	first    *html.Node // that can be focused
}

func (p *checker) fault(format string, args ...any) {
	p.faults = append(p.faults, fmt.Sprintf(format, args...))
}

// blocks end a paragraph that is open, which nobody means who writes them into one.
var blocks = strings.Fields("address article aside blockquote details div dl fieldset footer form h1 h2 h3 h4 header hr main nav ol p pre section table ul")

var voids = strings.Fields("area base br col embed hr img input link meta source track wbr")

// nesting holds that every element ends where it should: a parser mends what does not,
// and each in its own way. Optional ends are not left out here.
func (p *checker) nesting(page []byte) {
	z := html.NewTokenizer(bytes.NewReader(page))
	var open []string
	for {
		switch kind := z.Next(); kind {
		case html.ErrorToken:
			if len(open) > 0 {
				p.fault("never ended: %v", open)
			}
			return
		case html.DoctypeToken:
			if text := string(z.Text()); text != "html" {
				p.fault("doctype %q", text)
			}
		case html.StartTagToken, html.SelfClosingTagToken:
			t := z.Token()
			if slices.Contains(open, "p") && slices.Contains(blocks, t.Data) {
				p.fault("<%s> in a <p>", t.Data)
			}
			for _, one := range []string{"form", "a", "button", "label"} {
				if t.Data == one && slices.Contains(open, one) {
					p.fault("<%s> in a <%[1]s>", one)
				}
			}
			if kind == html.StartTagToken && !slices.Contains(voids, t.Data) {
				open = append(open, t.Data)
			}
		case html.EndTagToken:
			t := z.Token()
			if len(open) == 0 || open[len(open)-1] != t.Data {
				p.fault("</%s> where %v are open", t.Data, open)
				return
			}
			open = open[:len(open)-1]
		}
	}
}

// collect finds what others refer to.
func (p *checker) collect(n *html.Node) {
	for d := range n.Descendants() {
		if id, ok := attr(d, "id"); ok {
			p.ids[id]++
			if id == "" || p.ids[id] == 2 {
				p.fault("id %q is empty or there twice", id)
			}
		}
		if to, ok := attr(d, "for"); ok && d.DataAtom == atom.Label && text(d) != "" {
			p.labelled[to] = true
		}
	}
}

// place is what an element stands in.
type place struct {
	hidden bool // nobody sees it
	mute   bool // no reader of screens tells of it
	label  bool
}

var (
	tag      = regexp.MustCompile(`^[a-z]{2,3}(-[A-Z][a-z]{3})?(-[A-Z]{2})?$`)
	handler  = regexp.MustCompile(`^on`)
	told     = regexp.MustCompile(`^\p{L}+: `) // a title that says first that something is wrong
	headings = map[atom.Atom]int{atom.H1: 1, atom.H2: 2, atom.H3: 3, atom.H4: 4, atom.H5: 5, atom.H6: 6}
)

func (p *checker) walk(n *html.Node, in place) {
	if n.Type == html.ElementNode {
		p.element(n, &in)
	}
	for c := range n.ChildNodes() {
		p.walk(c, in)
	}
}

func (p *checker) element(n *html.Node, in *place) {
	name := n.Data
	if id, ok := attr(n, "id"); ok {
		name += "#" + id
	} else if field, ok := attr(n, "name"); ok {
		name += "[" + field + "]"
	}
	// 1. What the content policy refuses, and what a page of ours has no need of.
	for _, a := range n.Attr {
		switch {
		case a.Key == "style", handler.MatchString(a.Key):
			p.fault("%s has %s", name, a.Key)
		case a.Key == "tabindex" && a.Val != "0" && a.Val != "-1":
			p.fault("%s is out of the order of the page", name)
		case a.Key == "target", a.Key == "accesskey":
			p.fault("%s has %s", name, a.Key)
		case a.Key == "autofocus" && attrOf(n, "id") != "wrong":
			p.fault("%s takes the focus", name)
		case a.Key == "lang" && !tag.MatchString(a.Val):
			p.fault("%s is in the language %q", name, a.Val)
		case (a.Key == "src" || a.Key == "action" || a.Key == "formaction" || a.Key == "href" && n.DataAtom == atom.Link) && (!strings.HasPrefix(a.Val, "/") || strings.HasPrefix(a.Val, "//")):
			p.fault("%s leads to %q, which is not ours", name, a.Val)
		case a.Key == "href" && strings.HasPrefix(a.Val, "#") && p.ids[a.Val[1:]] == 0:
			p.fault("%s leads to %s, which is not there", name, a.Val)
		case a.Key == "for" && p.ids[a.Val] == 0:
			p.fault("a label for %q, which is not there", a.Val)
		case a.Key == "aria-labelledby" || a.Key == "aria-describedby":
			for _, id := range strings.Fields(a.Val) {
				if p.ids[id] == 0 {
					p.fault("%s: %s is %q, which is not there", name, a.Key, id)
				}
			}
		}
	}
	if _, ok := attr(n, "hidden"); ok || attrOf(n, "type") == "hidden" {
		in.hidden = true
	}
	in.mute = in.mute || attrOf(n, "aria-hidden") == "true"
	if n.DataAtom == atom.Label {
		in.label = true
	}
	// 2. What is named, labelled, and told.
	switch n.DataAtom {
	case atom.Script:
		if attrOf(n, "type") != "module" || attrOf(n, "src") == "" || text(n) != "" {
			p.fault("a script that the content policy refuses")
		}
	case atom.Style:
		p.fault("a stylesheet in the page")
	case atom.Meta:
		if attrOf(n, "http-equiv") != "" || strings.Contains(attrOf(n, "content"), "maximum-scale") || strings.Contains(attrOf(n, "content"), "user-scalable") {
			p.fault("a meta element that takes something from the reader: %v", n.Attr)
		}
	case atom.Title:
		if n.Parent.DataAtom == atom.Head {
			p.titles = append(p.titles, text(n))
		}
	case atom.Img:
		if _, ok := attr(n, "alt"); !ok {
			p.fault("%s %s has no alt", name, attrOf(n, "src"))
		}
	case atom.Svg:
		if attrOf(n, "aria-hidden") != "true" && (attrOf(n, "role") != "img" || attrOf(n, "aria-label") == "" && !has(n, atom.Title)) {
			p.fault("a picture without a name")
		}
	case atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6:
		if in.hidden {
			break
		}
		level := headings[n.DataAtom]
		if level > p.level+1 {
			p.fault("%q is a heading %d after one %d", text(n), level, p.level)
		}
		if level == 1 {
			p.h1++
		}
		if p.level = level; text(n) == "" {
			p.fault("%s is empty", name)
		}
		if first := firstElement(n); first != nil && strings.HasPrefix(attrOf(first, "class"), "icon") {
			for c := range n.ChildNodes() { // they stand beside each other, and none goes to the next line of a narrow window
				if strings.HasPrefix(attrOf(c, "class"), "tag") && c.PrevSibling != first {
					p.fault("%q has icon, words and tag side by side", text(n))
				}
			}
		}
	case atom.Input, atom.Select, atom.Textarea:
		p.field(n, name, *in)
	case atom.A, atom.Button, atom.Summary:
		if named(n) == "" && !in.hidden {
			p.fault("%s %s has no name", name, attrOf(n, "href"))
		}
		if n.DataAtom == atom.Button && attrOf(n, "type") == "" {
			p.fault("%s does not say what it does", name)
		}
	case atom.Progress, atom.Video, atom.Nav:
		if attrOf(n, "aria-label") == "" && attrOf(n, "aria-labelledby") == "" {
			p.fault("%s has no name", name)
		}
	case atom.Fieldset:
		if first := firstElement(n); first == nil || first.DataAtom != atom.Legend || text(first) == "" {
			p.fault("%s has no legend", name)
		}
	case atom.Details:
		if first := firstElement(n); first == nil || first.DataAtom != atom.Summary {
			p.fault("%s has no summary", name)
		}
	case atom.Table:
		p.table(n)
	case atom.Ul, atom.Ol:
		p.children(n, atom.Li)
	case atom.Dl:
		p.children(n, atom.Dt, atom.Dd, atom.Div)
	case atom.Time:
		if attrOf(n, "datetime") == "" {
			p.fault("a time that only people read")
		}
	}
	// 3. What is focused.
	if focusable(n) && !in.hidden {
		if in.mute {
			p.fault("%s can be focused, and no reader of screens tells of it", name)
		}
		if p.first == nil {
			p.first = n
		}
	}
	if attrOf(n, "id") == "wrong" {
		p.wrong = n
	} else if attrOf(n, "role") == "alert" && !in.hidden {
		p.fault("%s is an alert, and not what is wrong", name)
	}
}

func (p *checker) children(n *html.Node, kinds ...atom.Atom) {
	for c := range n.ChildNodes() {
		if c.Type == html.ElementNode && !slices.Contains(kinds, c.DataAtom) || c.Type == html.TextNode && strings.TrimSpace(c.Data) != "" {
			p.fault("%q in a <%s>", c.Data, n.Data)
		}
	}
}

// field holds that a field has a label, says what is wrong with it where something is, and
// lets programs fill in what they know (WCAG 1.3.1, 1.3.5, 3.3.1, 3.3.2, 3.3.8).
func (p *checker) field(n *html.Node, name string, in place) {
	kind := attrOf(n, "type")
	if in.hidden && kind == "hidden" {
		return
	}
	id := attrOf(n, "id")
	if !in.hidden && !(id != "" && p.labelled[id]) && !in.label && attrOf(n, "aria-label") == "" && attrOf(n, "aria-labelledby") == "" {
		p.fault("%s has no label", name)
	}
	if attrOf(n, "aria-invalid") == "true" && attrOf(n, "aria-describedby") == "" {
		p.fault("%s is wrong, and nothing says why", name)
	}
	switch fills := attrOf(n, "autocomplete"); {
	case kind == "password" && fills != "current-password" && fills != "new-password",
		attrOf(n, "name") == "code" && n.DataAtom == atom.Input && kind == "text" && fills != "one-time-code",
		kind == "email" && fills == "":
		p.fault("%s has autocomplete %q", name, fills)
	}
	if _, ok := attr(n, "placeholder"); ok {
		p.fault("%s has a placeholder", name)
	}
}

// table holds that each table has heads: of its columns, and of each row.
func (p *checker) table(n *html.Node) {
	for d := range n.Descendants() {
		if d.DataAtom == atom.Th && attrOf(d, "scope") == "" {
			p.fault("a head of a table that is of no row and no column: %q", text(d))
		}
		if d.DataAtom == atom.Tr && !has(d, atom.Th) {
			p.fault("a row without a head: %q", text(d))
		}
	}
	if !has(n, atom.Thead) {
		p.fault("a table without heads: %q", text(n))
	}
}

// whole holds what a page has as a whole.
func (p *checker) whole(root *html.Node, lang string) {
	var main, top *html.Node
	for d := range root.Descendants() {
		switch d.DataAtom {
		case atom.Html:
			top = d
		case atom.Main:
			main = d
		}
	}
	if got := attrOf(top, "lang"); got != lang || !tag.MatchString(got) {
		p.fault("in the language %q, and the answer in %q", got, lang)
	}
	if len(p.titles) != 1 || strings.TrimSuffix(p.titles[0], "· Indeks") == "" {
		p.fault("titles %q", p.titles)
	}
	if p.h1 != 1 {
		p.fault("%d headings of the first level", p.h1)
	}
	if main == nil || attrOf(main, "id") != "main" || attrOf(main, "tabindex") != "-1" || attrOf(p.first, "href") != "#main" {
		p.fault("the first thing to be focused does not lead to what the page is about")
	}
	if p.wrong == nil {
		return
	}
	if _, focused := attr(p.wrong, "autofocus"); !focused || attrOf(p.wrong, "tabindex") != "-1" || attrOf(p.wrong, "role") != "alert" || !told.MatchString(strings.Join(p.titles, "")) {
		p.fault("what is wrong is not told first")
	}
}

func attr(n *html.Node, key string) (string, bool) {
	if n != nil {
		for _, a := range n.Attr {
			if a.Key == key {
				return a.Val, true
			}
		}
	}
	return "", false
}

func attrOf(n *html.Node, key string) string {
	value, _ := attr(n, key)
	return value
}

// text is what stands in an element, without what is hidden from readers of screens.
func text(n *html.Node) string {
	var b strings.Builder
	var walk func(*html.Node)
	walk = func(n *html.Node) {
		if n.Type == html.TextNode {
			b.WriteString(n.Data)
		}
		if attrOf(n, "aria-hidden") == "true" {
			return
		}
		for c := range n.ChildNodes() {
			walk(c)
		}
	}
	walk(n)
	return strings.Join(strings.Fields(b.String()), " ")
}

// named is the name of what can be pressed.
func named(n *html.Node) string {
	if label := attrOf(n, "aria-label"); label != "" {
		return label
	}
	name := text(n)
	for d := range n.Descendants() {
		if d.DataAtom == atom.Img {
			name += attrOf(d, "alt")
		}
	}
	return name
}

func has(n *html.Node, kind atom.Atom) bool {
	for d := range n.Descendants() {
		if d.DataAtom == kind {
			return true
		}
	}
	return false
}

func firstElement(n *html.Node) *html.Node {
	for c := range n.ChildNodes() {
		if c.Type == html.ElementNode {
			return c
		}
	}
	return nil
}

func focusable(n *html.Node) bool {
	switch n.DataAtom {
	case atom.A:
		return attrOf(n, "href") != ""
	case atom.Button, atom.Input, atom.Select, atom.Textarea, atom.Summary:
		_, off := attr(n, "disabled")
		return !off && attrOf(n, "type") != "hidden"
	}
	return attrOf(n, "tabindex") == "0"
}
