package contexts

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"indeks/strictjson"
)

// ShapesVersion is the version of the application profiles for European Digital
// Credentials whose shapes are compiled in.
const ShapesVersion = "1.1.0"

// ErrUnknownProfile is returned, wrapped, for an application profile or a
// version of one whose shapes are not compiled in.
var ErrUnknownProfile = errors.New("unknown application profile")

// profileIRI is what the names of the application profiles are appended to in
// credentialSchema.
const profileIRI = "http://data.europa.eu/snb/model/ap/edc-"

// Shapes are the compiled shapes (SHACL) of an application profile, with those
// of the profiles it imports. They do not change.
type Shapes struct {
	name    string
	targets [][]*shape // by class
}

// Name returns the name of the profile, such as "generic-full".
func (s *Shapes) Name() string { return s.name }

// IRI returns the profile as documents declare it in credentialSchema.
func (s *Shapes) IRI() string { return profileIRI + s.name }

// ProfileShapes returns the shapes of the profile with the given name or IRI:
// generic-full, generic-no-cv, accredited, converted, issued-by-mandate or
// diploma-supplement. It returns [ErrUnknownProfile] for any other one, and for
// any version but [ShapesVersion].
func ProfileShapes(profile, version string) (*Shapes, error) {
	name := strings.TrimPrefix(profile, profileIRI)
	shapes := compiledShapes().profiles[name]
	if version != ShapesVersion || shapes == nil {
		return nil, fmt.Errorf("%w: %s %s", ErrUnknownProfile, profile, version)
	}
	return shapes, nil
}

// DeclaredProfiles returns the IRIs that the members of credentialSchema have
// for their id, in their order, whether their shapes are known or not.
func DeclaredProfiles(doc strictjson.Value) []string {
	var iris []string
	for _, schema := range doc.Get("credentialSchema").OneOrMany() {
		named := &schema.Value
		if named.Kind() == strictjson.Object {
			named = named.Get("id")
		}
		if iri, ok := named.Text(); ok {
			iris = append(iris, iri)
		}
	}
	return iris
}

// shape is a node shape (SHACL section 2.2).
type shape struct {
	name       string // of a shape that others refer to
	target     int    // class whose instances it is for, or none
	class      int    // or none
	or         []alternative
	properties []*property
	off        bool // sh:deactivated
}

// property is a property shape (section 2.3), whose path is always one IRI.
type property struct {
	path  string
	term  string // of the context, or the compact IRI when no term has this IRI
	shape *shape // it belongs to

	class        int // or none
	or           []alternative
	datatype     string
	nodeKind     nodeKind
	hasValue     string // an IRI
	node         *shape
	maxInclusive string // digits
	min, max     int    // max is unbounded when negative
	uniqueLang   bool
	off          bool
}

// alternative is a member of sh:or: a class, or a shape when it is none.
type alternative struct {
	class int
	node  *shape
}

// none stands where no class is demanded.
const none = -1

type nodeKind uint8

const (
	anyKind nodeKind = iota
	iriKind
	literalKind
)

// classSet is a set of the classes that shapes name, by number.
type classSet uint64

func (c classSet) has(class int) bool { return c>>class&1 != 0 }

// compiled is what the table of shapes means.
type compiled struct {
	profiles map[string]*Shapes
	classes  map[string]int // by IRI
	names    []string       // of the classes, as documents say them
}

var compiledShapes = sync.OnceValue(func() *compiled {
	c := &compiler{
		compiled: compiled{profiles: make(map[string]*Shapes), classes: make(map[string]int)},
	}
	// The names of the tables are those of a European Digital Credential:
	// of the profile, and within a credential or presentation.
	s := Default()
	root := s.root([]*document{s.docs[VC1], s.docs[EDCAP]}).active
	c.contexts = []*active{root}
	for _, class := range []string{"VerifiableCredential", "VerifiablePresentation"} {
		within, err := root.scoped(root.lookup(class).scope, false)
		if err != nil {
			panic(err) // unreachable: both are contexts of this package
		}
		c.contexts = append(c.contexts, within)
	}
	for section := range strings.SplitSeq(profileShapes, "== ") {
		if section = strings.TrimSpace(section); section != "" {
			c.section(section)
		}
	}
	return &c.compiled
})

// compiler reads the table of shapes. It panics on whatever it cannot read: the
// table is part of the program, and tests read all of it.
type compiler struct {
	compiled
	contexts []*active
	named    map[string]*shape // of the section being read
}

// section reads the shapes of a profile and adds those of the one it imports.
func (c *compiler) section(text string) {
	lines := strings.Split(text, "\n")
	name, imported, _ := strings.Cut(lines[0], " ")
	var own []*shape
	c.named = make(map[string]*shape)
	for _, line := range lines[1:] {
		head, constraint, _ := strings.Cut(line, ": ")
		if names, ok := strings.CutPrefix(head, "\t"); ok {
			s := own[len(own)-1]
			for name := range strings.FieldsSeq(names) {
				p := &property{path: c.iri(name), term: name, shape: s, class: none, max: -1}
				c.constraints(p, constraint)
				s.properties = append(s.properties, p)
			}
			continue
		}
		// Constraints of a node shape are written as those of a property.
		var p property
		p.class = none
		c.constraints(&p, constraint)
		s := &shape{target: none}
		if name, ok := strings.CutPrefix(head, "&"); ok {
			s = c.shape(name)
		} else {
			s.target = c.class(head)
			if p.class != none || p.or != nil {
				panic("only a shape with a name may demand a class of its node")
			}
		}
		s.class, s.or, s.off = p.class, p.or, p.off
		own = append(own, s)
	}

	shapes := &Shapes{name: name, targets: make([][]*shape, len(c.names))}
	if imported != "" {
		for class, of := range c.profiles[imported].targets {
			shapes.targets[class] = slices.Clone(of)
		}
	}
	for _, s := range own {
		if s.target != none {
			shapes.targets[s.target] = append(shapes.targets[s.target], s)
		}
	}
	c.profiles[name] = shapes
}

func (c *compiler) constraints(p *property, text string) {
	for word := range strings.FieldsSeq(text) {
		switch {
		case word == "1":
			p.min, p.max = 1, 1
		case word == "+":
			p.min = 1
		case word == "?":
			p.max = 1
		case word == "unique":
			p.uniqueLang = true
		case word == "off":
			p.off = true
		case word == "iri":
			p.nodeKind = iriKind
		case word == "literal":
			p.nodeKind = literalKind
		case strings.Contains(word, "|"):
			for name := range strings.SplitSeq(word, "|") {
				p.or = append(p.or, c.alternative(name))
			}
		case word[0] == '=':
			p.hasValue = word[1:]
		case word[0] == '&':
			p.node = c.shape(word[1:])
		case strings.HasPrefix(word, "<="):
			p.maxInclusive = word[2:]
		case datatypes[word].iri != "":
			p.datatype = datatypes[word].iri
		default:
			p.class = c.class(word)
		}
	}
}

func (c *compiler) alternative(name string) alternative {
	if ref, ok := strings.CutPrefix(name, "&"); ok {
		return alternative{none, c.shape(ref)}
	}
	return alternative{c.class(name), nil}
}

// shape returns the shape of that name, which may be described later.
func (c *compiler) shape(name string) *shape {
	s := c.named[name]
	if s == nil {
		s = &shape{name: name, target: none, class: none}
		c.named[name] = s
	}
	return s
}

func (c *compiler) class(name string) int {
	iri := c.iri(name)
	class, ok := c.classes[iri]
	if !ok {
		class = len(c.names)
		if class == 64 {
			panic("more classes than a classSet holds")
		}
		c.classes[iri] = class
		c.names = append(c.names, name)
	}
	return class
}

// iri returns what a name of the table stands for: a term, a compact IRI, or
// an IRI in angle brackets.
func (c *compiler) iri(name string) string {
	if iri, ok := strings.CutPrefix(name, "<"); ok {
		return strings.TrimSuffix(iri, ">")
	}
	if strings.Contains(name, ":") {
		return unshortened(name)
	}
	for _, a := range c.contexts {
		if t := a.lookup(name); t != nil && t.iri != "" {
			return t.iri
		}
	}
	panic(fmt.Sprintf("no context has the term %s", name))
}
