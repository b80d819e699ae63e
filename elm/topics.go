package elm

// Facts that ELM has no property for stand in coded notes: the note's subject
// is a concept whose scheme is one of these topics and whose id is the topic, a
// colon and a code. They survive a round trip through any ELM software.
const (
	TopicProvider      = "urn:indeks:provider"              // hei, alternative
	TopicAwardStatus   = "urn:indeks:award-status"          // formal-system, hei-outside, vocational-adult
	TopicAwardKind     = "urn:indeks:award-kind"            // within-programme, supplementary, stand-alone
	TopicStackability  = "urn:indeks:stackability"          // stand-alone, part-of-programme, stackable
	TopicPriorLearning = "urn:indeks:prior-learning"        // none, part, whole
	TopicRecognised    = "urn:indeks:recognised-credential" // SHA-256 of the file, in hexadecimal
	TopicNotADegree    = "urn:indeks:not-a-degree"          // stated
	TopicLevelMethod   = "urn:indeks:level-method"          // majority, average, override
	TopicLevelProposed = "urn:indeks:level-proposed"        // 1 to 8
	TopicNational      = "urn:indeks:national"              // sector, class-nqfs, occupation, onward-levels, proaea-number
	TopicSource        = "urn:indeks:outcome-source"        // partial-qualification, qualification-standard, several-standards, outside-standards, informal
	TopicCriteria      = "urn:indeks:assessment-criteria"   // stated
	TopicQAProcedure   = "urn:indeks:quality-assurance"     // internal, external, as-degree-programmes, adapted
	TopicSignatory     = "urn:indeks:signatory"             // stated
	TopicFurther       = "urn:indeks:further-information"   // stated

	// Reasons instead of values: element id, then code. Elements: level,
	// credits, cycle, legal-basis. Codes: outside-framework,
	// not-assigned, national-credits, hours-only, no-specific-act, not-applicable.
	TopicReasonPrefix = "urn:indeks:reason:"

	SchemeCycle = "urn:indeks:qf-ehea" // short, first, second, third

	// Topics of the EU list of qualification topics, which are concepts themselves.
	TopicLegalBasis = "http://data.europa.eu/snb/qualification-topics#regulations-and-certificates"
	TopicQuality    = "http://data.europa.eu/snb/qualification-topics#accreditation-and-quality-assurance"
)
