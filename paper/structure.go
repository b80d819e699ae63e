package paper

import (
	"fmt"
	"slices"
	"strings"
)

// element is a structure element (ISO 32000-1, 14.7): what a part of a page is,
// for readers that do not look at it. Kinds are those of 14.8.4.
type element struct {
	kind    string
	entries string // of its dictionary, besides kind, parent and children
	parent  *element
	kids    []kid
	ref     objectID
}

// kid is a child of an element: another one, marked content of a sheet, or a
// link's annotation.
type kid struct {
	element    *element
	sheet      *sheet
	mark       int // of the sheet's marked content, where there is no annotation
	annotation objectID
}

// under adds an element below another one.
func under(parent *element, kind string, entries ...string) *element {
	e := &element{kind: kind, entries: strings.Join(entries, ""), parent: parent}
	parent.kids = append(parent.kids, kid{element: e})
	return e
}

func langEntry(tag string) string { return "/Lang" + asciiString(tag) }

// writeStructure writes the tree below root and what leads from marked content
// back to its elements. Elements that nothing was drawn for are left out.
func (p *press) writeStructure(root *element) objectID {
	tree := p.reserve()
	root.prune()
	root.reserve(p)
	root.write(p, tree)
	var parents strings.Builder
	for _, s := range p.sheets {
		list := make([]string, len(s.marks))
		for i, e := range s.marks {
			list[i] = e.ref.String()
		}
		fmt.Fprintf(&parents, "%d[%s]", s.index, strings.Join(list, " "))
	}
	for i, link := range p.links {
		fmt.Fprintf(&parents, " %d %s", len(p.sheets)+i, link.element.ref)
	}
	p.set(tree, "<</Type/StructTreeRoot/K %s/ParentTree<</Nums[%s]>>/ParentTreeNextKey %d>>", root.ref, parents.String(), len(p.sheets)+len(p.links))
	return tree
}

func (e *element) prune() {
	e.kids = slices.DeleteFunc(e.kids, func(k kid) bool {
		if k.element == nil {
			return false
		}
		k.element.prune()
		return len(k.element.kids) == 0
	})
}

func (e *element) reserve(p *press) {
	e.ref = p.objects.reserve()
	for _, k := range e.kids {
		if k.element != nil {
			k.element.reserve(p)
		}
	}
}

func (e *element) write(p *press, parent objectID) {
	var first *sheet // the one that marks without a sheet of their own refer to
	var kids []string
	for _, k := range e.kids {
		switch {
		case k.element != nil:
			k.element.write(p, e.ref)
			kids = append(kids, k.element.ref.String())
		case k.annotation != 0:
			kids = append(kids, fmt.Sprintf("<</Type/OBJR/Obj %s/Pg %s>>", k.annotation, k.sheet.ref))
		case first == nil || first == k.sheet:
			first = k.sheet
			kids = append(kids, fmt.Sprint(k.mark))
		default:
			kids = append(kids, fmt.Sprintf("<</Type/MCR/Pg %s/MCID %d>>", k.sheet.ref, k.mark))
		}
	}
	page := ""
	if first != nil {
		page = "/Pg " + first.ref.String()
	}
	p.set(e.ref, "<</Type/StructElem/S/%s/P %s%s%s/K[%s]>>", e.kind, parent, page, e.entries, strings.Join(kids, " "))
}
