package issuer

// Words is a text by language tag ("en", "sr-Latn", "sr-Cyrl", "hr", ...).
type Words map[string]string

// Course is what can be awarded: the catalogue's entry and the template of a
// batch. It is written as JSON; [CourseSchema] describes it.
type Course struct {
	ID          string   `json:"id"`      // [a-z0-9-]+, stable
	Version     string   `json:"version"` // any text; part of the row key
	Title       Words    `json:"title"`
	Description Words    `json:"description,omitempty"`
	Homepage    string   `json:"homepage,omitempty"`
	Languages   []string `json:"languages"`        // of instruction, ISO 639-3 upper case as in the EU list: ENG, SRP, HRV
	Fields      []string `json:"fields,omitempty"` // ISCED-F codes

	// What its country asks for.
	Profile      string       `json:"profile,omitempty"`       // id of a national profile; default: that of the country of who awards it
	Sector       Words        `json:"sector,omitempty"`        // of the economy or of qualifications
	Occupations  []Occupation `json:"occupations,omitempty"`   // job functions that it is for
	ClassNQFS    string       `json:"class_nqfs,omitempty"`    // Serbia: code of the classification CLASSNQFS (KLASNOKS)
	OnwardLevels []string     `json:"onward_levels,omitempty"` // levels of the national framework that it gives access to
	PROAEA       string       `json:"proaea_number,omitempty"` // Serbia: number in the register of PROAEA (JPOA)

	// Whose award it is, and what kind.
	AwardingBody *Body     `json:"awarding_body,omitempty"` // default: the institution
	Provider     string    `json:"provider,omitempty"`      // "hei", "alternative"; default: the institution's
	AwardStatus  string    `json:"award_status"`            // "formal-system", "hei-outside", "vocational-adult"
	AwardKind    AwardKind `json:"award_kind"`

	// What is learnt.
	Outcomes      []Outcome `json:"outcomes"`
	OutcomeSource *Source   `json:"outcome_source,omitempty"`
	Prerequisites Words     `json:"prerequisites,omitempty"`

	// How much.
	Hours         string   `json:"hours"` // total workload, decimal
	ContactHours  string   `json:"contact_hours,omitempty"`
	Credits       []Credit `json:"credits,omitempty"`
	CreditsReason *Reason  `json:"credits_reason,omitempty"` // instead of ECTS credits

	// Which level.
	Level       *Level  `json:"level,omitempty"`
	LevelReason *Reason `json:"level_reason,omitempty"` // instead of a level

	// How.
	Mode       string       `json:"mode"`    // code of list "mode": online, presential, blended, workbased, project-based, research-lab
	Setting    string       `json:"setting"` // formal, non-formal
	Activities []Activity   `json:"activities,omitempty"`
	Assessment []Assessment `json:"assessment"`

	Quality      []Quality    `json:"quality_assurance"`
	Stackability Stackability `json:"stackability"`
	LegalBasis   []LegalBasis `json:"legal_basis,omitempty"`
	LegalReason  *Reason      `json:"legal_basis_reason,omitempty"`
	Further      Words        `json:"further_information,omitempty"`

	// What only the catalogue tells.
	Recognition   *Procedure `json:"recognition,omitempty"` // of what was learnt elsewhere
	Complaints    *Procedure `json:"complaints,omitempty"`
	RegisterEntry *Entry     `json:"register_entry,omitempty"`

	Approval bool `json:"approval,omitzero"` // awards wait until another person has approved them
	// NameCheckDays is how long an award waits until its learner has looked at the name,
	// where it has an e-mail address; 0: it does not.
	NameCheckDays int `json:"name_check_days,omitzero"`

	ValidMonths int        `json:"valid_months,omitzero"` // 0: for ever
	NumberRule  string     `json:"number_rule,omitempty"` // default: the institution's
	Decision    string     `json:"decision_number,omitempty"`
	Signatory   *Signatory `json:"signatory,omitempty"` // default: the institution's
}

// Procedure is how the institution decides on something, in words, at an address
// or both.
type Procedure struct {
	Text Words  `json:"text,omitempty"`
	URL  string `json:"url,omitempty"`
}

// Entry is where a national register has the course itself.
type Entry struct {
	Register string `json:"register"`
	Number   string `json:"number"`
	URL      string `json:"url,omitempty"`
	Date     string `json:"date,omitempty"` // YYYY-MM-DD, of the entry
}

// Body is an awarding body other than the institution.
type Body struct {
	LegalName      Words  `json:"legal_name"`
	Country        string `json:"country"` // ISO 3166-1 alpha-3
	Address        string `json:"address,omitempty"`
	OrganizationID string `json:"organization_id,omitempty"`
	Homepage       string `json:"homepage,omitempty"`
}

// AwardKind places the award beside a study programme.
type AwardKind struct {
	Kind      string `json:"kind"` // "within-programme", "supplementary", "stand-alone"
	Programme Words  `json:"programme,omitempty"`
}

// Outcome is one learning outcome.
type Outcome struct {
	ID    string  `json:"id"` // "1", "2", ... used by rpl_outcomes
	Title Words   `json:"title"`
	Type  string  `json:"type,omitempty"`  // "knowledge", "skill"
	Level int     `json:"level,omitzero"`  // EQF 1-8, for the level method
	Reuse string  `json:"reuse,omitempty"` // "transversal", "cross-sector", "sector-specific", "occupation-specific"
	ESCO  []Skill `json:"esco,omitempty"`
}

// Skill is an ESCO skill.
type Skill struct {
	ID    string `json:"id"` // IRI
	Label Words  `json:"label"`
}

// Source is where the outcomes were taken from.
type Source struct {
	Kind     string `json:"kind"` // "partial-qualification", "qualification-standard", "several-standards", "outside-standards", "informal"
	Standard string `json:"standard,omitempty"`
	Code     string `json:"code,omitempty"`
	// Standards names standards by their numbers in the register, with the
	// outcomes taken from each. Standard and Code are the short form for one.
	Standards []Standard `json:"standards,omitempty"`
	Note      Words      `json:"note,omitempty"`
}

// Standard is a qualification standard, or a set of outcomes, of a national
// register.
type Standard struct {
	ID       string   `json:"id"`
	Title    Words    `json:"title,omitempty"`
	Outcomes []string `json:"outcomes,omitempty"` // numbers of the outcomes in the standard; empty: all
}

// Occupation is a job function.
type Occupation struct {
	Code  string `json:"code"` // of the national classification or of ISCO-08
	Title Words  `json:"title"`
}

// Credit is an amount in one system.
type Credit struct {
	System string `json:"system"` // ECTS, ECVET, CSVET, CSPK, SCQF
	Points string `json:"points"` // decimal
}

// Reason answers an element that has no value.
type Reason struct {
	Code string `json:"code"` // outside-framework, not-assigned, national-credits, hours-only, no-specific-act, not-applicable
	Text Words  `json:"text"`
}

// Level is the level of the award.
type Level struct {
	EQF    int    `json:"eqf"`              // 1-8
	NQF    string `json:"nqf,omitempty"`    // the national level: its IRI, or "7.1" in the framework of the profile
	Cycle  string `json:"cycle,omitempty"`  // short, first, second, third
	Method string `json:"method,omitempty"` // "majority", "average"; default: the institution's
	// Reason is why EQF is another level than the outcomes give, DecidedBy who
	// said so.
	Reason    Words  `json:"reason,omitempty"`
	DecidedBy string `json:"decided_by,omitempty"`
}

// Activity is what learners do.
type Activity struct {
	Title Words  `json:"title"`
	Type  string `json:"type,omitempty"` // code of list "learning-activity"
	Mode  string `json:"mode,omitempty"`
	Hours string `json:"hours,omitempty"`
	From  string `json:"from,omitempty"` // YYYY-MM-DD
	To    string `json:"to,omitempty"`
}

// Assessment is how it is shown.
type Assessment struct {
	Title       Words    `json:"title"`
	Type        string   `json:"type"`        // code of list "assessment", e.g. "written-examination"
	Mode        string   `json:"mode"`        // as Course.Mode
	Supervision string   `json:"supervision"` // unsupervised, supervised, supervised-id, unsupervised-id
	Grading     *Grading `json:"grading,omitempty"`
	Criteria    Words    `json:"criteria,omitempty"`
	CriteriaURL string   `json:"criteria_url,omitempty"`
}

// Grading is a grading scheme.
type Grading struct {
	Title       Words `json:"title"`
	Description Words `json:"description,omitempty"`
}

// Quality is one fact of quality assurance.
type Quality struct {
	Kind      string `json:"kind"` // "programme", "institutional", "programme-licence", "institutional-licence", "internal"
	Title     Words  `json:"title"`
	Agency    *Body  `json:"agency,omitempty"` // absent for "internal": the institution itself
	EQAR      bool   `json:"eqar,omitzero"`    // agency was registered with EQAR on the date of the decision
	Procedure Words  `json:"procedure,omitempty"`
	Scope     string `json:"scope,omitempty"`   // "as-degree-programmes", "adapted"
	Decided   string `json:"decided,omitempty"` // YYYY-MM-DD
	Until     string `json:"until,omitempty"`
	Review    string `json:"next_review,omitempty"`
	Report    string `json:"report,omitempty"` // URL
}

// Stackability is what the award may be combined into.
type Stackability struct {
	Kind    string `json:"kind"` // "stand-alone", "part-of-programme", "stackable"
	Towards Words  `json:"towards,omitempty"`
	Note    Words  `json:"note,omitempty"`
}

// LegalBasis is the act on which the award rests.
type LegalBasis struct {
	Act   string `json:"act,omitempty"`  // id of an act of the list, see [Acts]
	Text  Words  `json:"text,omitempty"` // default: the act's title
	URL   string `json:"url,omitempty"`
	From  string `json:"from,omitempty"`  // YYYY-MM-DD, in force since
	Until string `json:"until,omitempty"` // YYYY-MM-DD, last day in force
}
