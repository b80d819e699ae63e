package contexts

// Concept is a member of a controlled vocabulary.
type Concept struct {
	ID       string            // IRI
	Scheme   string            // IRI of the concept scheme
	Notation string            // where the list has one
	Label    map[string]string // language tag to label; always has "en"
}

// Lookup returns the concept with this IRI from the compiled-in lists.
func Lookup(iri string) (Concept, bool) { panic("not built") }

// Lists names the compiled-in lists: "eqf", "nqf", "credit", "assessment",
// "mode", "supervision", "accreditation", "learning-activity",
// "learning-opportunity", "learning-setting", "skill-type", "skill-reuse",
// "entitlement", "entitlement-status", "isced-f", "country", "language",
// "credential-type", "file-type", "encoding", "qf-ehea", "verification",
// "verification-status", "note-topic".
func Lists() []string { panic("not built") }

// List returns the members of a list in its own order, or nil.
func List(name string) []Concept { panic("not built") }
