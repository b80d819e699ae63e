package contexts

import (
	"bytes"
	"crypto"
	_ "crypto/sha256" // the two hashes
	_ "crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"indeks/strictjson"
)

// ErrBudget is returned, wrapped, for a document whose graph would take too long
// to canonicalize. Whether a proof over it is good is then not known.
var ErrBudget = errors.New("canonicalization over its budget")

// maxSteps bounds the work of telling alike blank nodes apart, which grows
// faster than exponentially with their number: a step hashes one statement or
// places one node, about a fifth of a microsecond. The samples of the Commission
// and MyNextID take none: no two of their blank nodes are alike.
const maxSteps = 200_000

// maxCanonical is how many objects a document may have that is canonicalized:
// expansion takes up to 70 microseconds for each. The largest sealed sample of the
// Commission has 3 781.
const maxCanonical = 5_000

// Canonicalize returns the canonical N-Quads of a document by RDFC-1.0 (also
// called URDNA2015, with SHA-256), over which Data Integrity proofs are made. hash,
// SHA-256 or SHA-384, tells blank nodes apart, so their names depend on it.
//
// Nothing is left out in silence: terms that the contexts do not define are a
// [*Problem] of rule "undefined", and all that [Set.Inspect] refuses is refused.
// ErrBudget, wrapped, for documents of more than 5 000 objects and where the graph
// is too costly; within the budgets none takes more than half a second.
func (s *Set) Canonicalize(doc []byte, hash crypto.Hash) ([]byte, error) {
	parsed, err := strictjson.Parse(doc)
	if err != nil {
		return nil, &Problem{Rule: "malformed", Detail: err.Error(), Err: err}
	}
	tree, ok := parsed.Any().(map[string]any)
	if !ok {
		return nil, &Problem{Rule: "malformed", Detail: "the document is not a JSON object"}
	}
	return s.Canonical(tree, hash)
}

// Canonical is Canonicalize for a document as [Set.Inspect] takes it.
func (s *Set) Canonical(doc map[string]any, hash crypto.Hash) ([]byte, error) {
	if n := objects(doc); n > maxCanonical {
		return nil, fmt.Errorf("%w: %d objects, where at most %d are worked on", ErrBudget, n, maxCanonical)
	}
	expanded, undefined, err := s.Expand(doc)
	if errors.As(err, new(*Problem)) {
		if p := err.(*Problem); p.Rule == "budget" {
			return nil, fmt.Errorf("%w: %w", ErrBudget, p)
		}
	}
	if err != nil {
		return nil, err
	}
	if len(undefined) > 0 {
		u := undefined[0]
		return nil, &Problem{Pointer: u.Pointer, Rule: "undefined", Detail: fmt.Sprintf("%.80q is defined by no context, so it cannot be sealed", u.Name)}
	}
	quads, err := toRDF(expanded)
	if err != nil {
		return nil, err
	}
	return canonicalize(quads, hash)
}

// objects counts the objects of a JSON value.
func objects(value any) int {
	n := 0
	switch value := value.(type) {
	case map[string]any:
		n = 1
		for _, inner := range value {
			n += objects(inner)
		}
	case []any:
		for _, item := range value {
			n += objects(item)
		}
	}
	return n
}

// canonicalizer carries out RDFC-1.0 (W3C Recommendation of 2024), section 4.4.
// It is our own because json-gold's can be neither bounded nor stopped, and
// seven blank nodes are enough to keep it busy for a second; tests hold the two
// to the same result.
type canonicalizer struct {
	quads []quad
	of    map[string][]int  // blank node to the statements it occurs in
	first map[string]string // blank node to the hash of its own statements
	names issuer            // canonical names
	sum   crypto.Hash
	steps int
}

// issuer gives blank nodes new names in the order in which it is asked (section
// 4.5).
type issuer struct {
	prefix string
	issued map[string]string
	order  []string
}

func (i *issuer) issue(id string) string {
	name, ok := i.issued[id]
	if !ok {
		name = i.prefix + strconv.Itoa(len(i.order))
		i.issued[id] = name
		i.order = append(i.order, id)
	}
	return name
}

func (i *issuer) clone() *issuer {
	return &issuer{i.prefix, maps.Clone(i.issued), slices.Clone(i.order)}
}

// canonicalize names all blank nodes canonically and returns the statements,
// each once, in the order of code points.
func canonicalize(quads []quad, sum crypto.Hash) ([]byte, error) {
	c := canonicalizer{
		quads: quads,
		sum:   sum,
		of:    make(map[string][]int),
		first: make(map[string]string),
		names: issuer{prefix: "_:c14n", issued: make(map[string]string)},
	}
	// Statements are a set.
	slices.SortFunc(c.quads, quad.compare)
	c.quads = slices.Compact(c.quads)

	// 1. and 2. Which statements does each blank node occur in?
	for n, q := range c.quads {
		for i, term := range [3]string{q.subject, q.object, q.graph} {
			if isBlank(term) && !slices.Contains([]string{q.subject, q.object, q.graph}[:i], term) {
				c.of[term] = append(c.of[term], n)
			}
		}
	}

	// 3. and 4. Those that differ in their own statements are named by them.
	alike := make(map[string][]string)
	for _, id := range slices.Sorted(maps.Keys(c.of)) {
		c.first[id] = c.hashFirstDegree(id)
		alike[c.first[id]] = append(alike[c.first[id]], id)
	}
	var groups []string
	for _, hash := range slices.Sorted(maps.Keys(alike)) {
		if len(alike[hash]) == 1 {
			c.names.issue(alike[hash][0])
		} else {
			groups = append(groups, hash)
		}
	}

	// 5. The others by their neighbours.
	for _, hash := range groups {
		var results []neighbourhood
		for _, id := range alike[hash] {
			if _, done := c.names.issued[id]; done {
				continue
			}
			temporary := &issuer{prefix: "_:b", issued: make(map[string]string)}
			temporary.issue(id)
			result, err := c.hashNDegree(id, temporary)
			if err != nil {
				return nil, err
			}
			results = append(results, result)
		}
		slices.SortStableFunc(results, func(a, b neighbourhood) int { return strings.Compare(a.hash, b.hash) })
		for _, result := range results {
			for _, id := range result.names.order {
				c.names.issue(id)
			}
		}
	}

	// 6. and 7. The statements under the new names.
	lines := make([]string, len(c.quads))
	for n, q := range c.quads {
		lines[n] = q.line(func(id string) string { return c.names.issued[id] })
	}
	slices.Sort(lines)
	var out bytes.Buffer
	for _, line := range lines {
		out.WriteString(line)
	}
	return out.Bytes(), nil
}

func isBlank(term string) bool { return strings.HasPrefix(term, "_:") }

func (q quad) compare(r quad) int {
	for _, pair := range [4][2]string{{q.subject, r.subject}, {q.predicate, r.predicate}, {q.object, r.object}, {q.graph, r.graph}} {
		if order := strings.Compare(pair[0], pair[1]); order != 0 {
			return order
		}
	}
	return 0
}

// line is the statement as N-Quads, its blank nodes under the names that rename
// gives them.
func (q quad) line(rename func(string) string) string {
	var b strings.Builder
	for _, term := range [4]string{q.subject, q.predicate, q.object, q.graph} {
		if term == "" {
			continue
		}
		if isBlank(term) {
			term = rename(term)
		}
		b.WriteString(term)
		b.WriteByte(' ')
	}
	b.WriteString(".\n")
	return b.String()
}

// hashFirstDegree hashes the statements of a blank node (section 4.6).
func (c *canonicalizer) hashFirstDegree(id string) string {
	lines := make([]string, len(c.of[id]))
	for i, n := range c.of[id] {
		lines[i] = c.quads[n].line(func(other string) string {
			if other == id {
				return "_:a"
			}
			return "_:z"
		})
	}
	slices.Sort(lines)
	return c.hash(lines...)
}

// hash is the hash of the parts joined, in hexadecimal.
func (c *canonicalizer) hash(parts ...string) string {
	h := c.sum.New()
	for _, part := range parts {
		h.Write([]byte(part))
	}
	return hex.EncodeToString(h.Sum(nil))
}

// neighbourhood is what hashNDegree found: the hash, and the names that were
// given on the way to it.
type neighbourhood struct {
	hash  string
	names *issuer
}

// spend counts n steps.
func (c *canonicalizer) spend(n int) error {
	if c.steps += n; c.steps > maxSteps {
		return fmt.Errorf("%w: its blank nodes are too much alike to be told apart in %d steps", ErrBudget, maxSteps)
	}
	return nil
}

// related hashes how another blank node is related to the one being hashed
// (section 4.7).
func (c *canonicalizer) related(id string, q quad, names *issuer, position string) string {
	name, ok := c.names.issued[id]
	if !ok {
		name, ok = names.issued[id]
	}
	if !ok {
		name = c.first[id]
	}
	if position == "g" {
		return c.hash(position, name)
	}
	return c.hash(position, q.predicate, name)
}

// hashNDegree hashes a blank node by its neighbours, and theirs, in the order of
// all their orders that makes the least path (section 4.8).
func (c *canonicalizer) hashNDegree(id string, names *issuer) (neighbourhood, error) {
	// 1. to 3. Neighbours by how they are related.
	groups := make(map[string][]string)
	if err := c.spend(len(c.of[id])); err != nil {
		return neighbourhood{}, err
	}
	for _, n := range c.of[id] {
		q := c.quads[n]
		for _, at := range [3][2]string{{q.subject, "s"}, {q.object, "o"}, {q.graph, "g"}} {
			if other := at[0]; isBlank(other) && other != id {
				h := c.related(other, q, names, at[1])
				groups[h] = append(groups[h], other)
			}
		}
	}

	// 4. and 5. The least path through each group.
	var data []string
	for _, h := range slices.Sorted(maps.Keys(groups)) {
		var best string
		var bestNames *issuer
		for order := range permutations(groups[h]) {
			path, after, err := c.path(order, names, best)
			if err != nil {
				return neighbourhood{}, err
			}
			if path != "" && (best == "" || path < best) {
				best, bestNames = path, after
			}
		}
		data = append(data, h, best)
		names = bestNames
	}
	return neighbourhood{c.hash(data...), names}, nil
}

// path follows one order of a group of neighbours; it returns "" as soon as the
// path cannot be less than best (steps 5.4.4 and 5.4.5).
func (c *canonicalizer) path(order []string, before *issuer, best string) (string, *issuer, error) {
	if err := c.spend(len(order) + len(before.order)); err != nil {
		return "", nil, err
	}
	names := before.clone()
	worse := func(path string) bool { return best != "" && len(path) >= len(best) && path > best }
	var path string
	var deeper []string
	for _, id := range order {
		if name, ok := c.names.issued[id]; ok {
			path += name
		} else {
			if _, ok := names.issued[id]; !ok {
				deeper = append(deeper, id)
			}
			path += names.issue(id)
		}
		if worse(path) {
			return "", nil, nil
		}
	}
	for _, id := range deeper {
		result, err := c.hashNDegree(id, names)
		if err != nil {
			return "", nil, err
		}
		path += names.issue(id) + "<" + result.hash + ">"
		names = result.names
		if worse(path) {
			return "", nil, nil
		}
	}
	return path, names, nil
}

// permutations yields every order of list. The slice is valid until the next.
func permutations(list []string) func(func([]string) bool) {
	return func(yield func([]string) bool) {
		order := slices.Clone(list)
		var from func(int) bool
		from = func(i int) bool {
			if i >= len(order)-1 {
				return yield(order)
			}
			for j := i; j < len(order); j++ {
				order[i], order[j] = order[j], order[i]
				if !from(i + 1) {
					return false
				}
				order[i], order[j] = order[j], order[i]
			}
			return true
		}
		from(0)
	}
}
