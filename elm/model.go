package elm

import "indeks/strictjson"

// Text is a language map: BCP 47 tags, each once, and their values. Most properties
// hold one value per language; a single value is written bare. It is no map of Go's,
// of which a document needs one for every few words: they were a tenth of the memory
// that a verification goes through.
type Text []Tagged

// Tagged are the values of a text in one language. Tag is "" where it is in none.
type Tagged struct {
	Tag    string
	Values []string
}

// List is one value or an array of them; one value is written bare, as ELM
// files do.
type List[T any] []T

// Extra keeps the members of an object that this package does not model.
type Extra map[string]any

// Ref is the id and type that every ELM object has.
type Ref struct {
	ID   string       `json:"id,omitempty"`
	Type List[string] `json:"type,omitempty"`
}

// Credential is a verifiable credential with ELM content.
//
// A credential to be issued is built in memory with Profile empty and encoded
// once per profile; fields marked edc or vc2 are written in that profile only.
type Credential struct {
	Raw     []byte           `json:"-"` // the exact bytes that Parse was given
	Tree    strictjson.Value `json:"-"` // the same bytes, as contexts.Inspect takes them; absent in a credential that was built
	Profile Profile          `json:"-"`

	odd bool // as in reading

	// ELMContext is the URL of our ELM context below the issuer's base. vc2.
	ELMContext string `json:"-"`

	// Members are written in this order. First comes what the awards of one course have
	// in common, which is most of it, and what is one learner's follows, here and in
	// Person and Claim: so the bytes of a class begin alike, and what of hashing and
	// encoding rests on the beginning is done once (package alike).
	Context            List[any]              `json:"@context,omitempty" elm:"array"`
	Type               List[string]           `json:"type,omitempty"`
	CredentialSchema   List[CredentialSchema] `json:"credentialSchema,omitempty"`
	CredentialProfiles List[Concept]          `json:"credentialProfiles,omitempty"`
	RelatedResource    List[RelatedResource]  `json:"relatedResource,omitempty" elm:"array"` // vc2
	Issuer             Organisation           `json:"issuer"`
	Subject            List[Person]           `json:"credentialSubject,omitempty"`
	ID                 string                 `json:"id,omitempty"`
	DisplayParameter   *DisplayParameter      `json:"displayParameter,omitempty"`
	Identifier         List[Identifier]       `json:"identifier,omitempty"`   // certificate number, decision number
	IssuanceDate       DateTime               `json:"issuanceDate,omitempty"` // edc
	Issued             DateTime               `json:"issued,omitempty"`       // edc
	ValidFrom          DateTime               `json:"validFrom,omitempty"`
	ExpirationDate     DateTime               `json:"expirationDate,omitempty"` // edc
	ValidUntil         DateTime               `json:"validUntil,omitempty"`
	CredentialStatus   List[StatusEntry]      `json:"credentialStatus,omitempty"` // vc2, and read in others
	Status             List[StatusEntry]      `json:"status,omitempty"`           // edc
	Evidence           List[Evidence]         `json:"evidence,omitempty"`
	Attachment         List[MediaObject]      `json:"attachment,omitempty"`
	Extra              Extra                  `json:",embed"`
}

// StatusEntries returns the entries from whichever member the profile uses.
func (c *Credential) StatusEntries() []StatusEntry {
	return append(append([]StatusEntry(nil), c.CredentialStatus...), c.Status...)
}

// CredentialSchema names an application profile or JSON Schema.
type CredentialSchema struct {
	Ref
	Extra Extra `json:",embed"`
}

// RelatedResource binds a resource by digest (VCDM 2.0 section 5.3).
type RelatedResource struct {
	ID              string `json:"id"`
	DigestSRI       string `json:"digestSRI,omitempty"`
	DigestMultibase string `json:"digestMultibase,omitempty"`
	MediaType       string `json:"mediaType,omitempty"`
	Extra           Extra  `json:",embed"`
}

// StatusEntry is a place in a status list (Bitstring Status List section 2.1,
// or StatusList2021 as far as it reads the same).
type StatusEntry struct {
	Ref
	StatusPurpose        string `json:"statusPurpose,omitempty"`
	StatusListIndex      string `json:"statusListIndex,omitempty"` // decimal
	StatusListCredential string `json:"statusListCredential,omitempty"`
	Extra                Extra  `json:",embed"`
}

// Concept is a member of a vocabulary, inline as ELM files have it.
type Concept struct {
	Ref
	InScheme   *ConceptScheme `json:"inScheme,omitempty"`
	Notation   string         `json:"notation,omitempty"`
	PrefLabel  Text           `json:"prefLabel,omitempty"`
	Definition Text           `json:"definition,omitempty"`
	Extra      Extra          `json:",embed"`
}

// ConceptScheme is the vocabulary of a concept.
type ConceptScheme struct {
	Ref
	Extra Extra `json:",embed"`
}

// Note is a text with what it is about; Subject makes it machine-readable.
type Note struct {
	Ref
	NoteLiteral Text          `json:"noteLiteral,omitempty"`
	Subject     List[Concept] `json:"subject,omitempty"`
	Extra       Extra         `json:",embed"`
}

// Identifier is an elm:Identifier.
type Identifier struct {
	Ref
	Notation   string `json:"notation,omitempty"`
	SchemeName string `json:"schemeName,omitempty"`
	Extra      Extra  `json:",embed"`
}

// LegalIdentifier is an identifier with the country that gives it.
type LegalIdentifier struct {
	Ref
	Notation   string   `json:"notation,omitempty"`
	SchemeName string   `json:"schemeName,omitempty"`
	Spatial    *Concept `json:"spatial,omitempty"`
	Extra      Extra    `json:",embed"`
}

// Location and Address say where something is.
type Location struct {
	Ref
	Description Text          `json:"description,omitempty"`
	Address     List[Address] `json:"address,omitempty"`
	SpatialCode List[Concept] `json:"spatialCode,omitempty"`
	Extra       Extra         `json:",embed"`
}

type Address struct {
	Ref
	CountryCode *Concept `json:"countryCode,omitempty"`
	FullAddress *Note    `json:"fullAddress,omitempty"`
	Extra       Extra    `json:",embed"`
}

// WebResource is a page or document on the web.
type WebResource struct {
	Ref
	Title      Text          `json:"title,omitempty"`
	ContentURL string        `json:"contentURL,omitempty"`
	Language   List[Concept] `json:"language,omitempty"`
	Extra      Extra         `json:",embed"`
}

// MediaObject is an embedded file, which stands last: what stands before it many have in
// common.
type MediaObject struct {
	Ref
	Title           Text     `json:"title,omitempty"`
	ContentEncoding *Concept `json:"contentEncoding,omitempty"`
	ContentType     *Concept `json:"contentType,omitempty"`
	Content         string   `json:"content,omitempty"`
	Extra           Extra    `json:",embed"`
}

// DisplayParameter is how the EU viewer shows the document. An embedded picture
// is mandatory there (individualDisplay.displayDetail.image).
type DisplayParameter struct {
	Ref
	Title             Text                    `json:"title,omitempty"`
	Description       Text                    `json:"description,omitempty"`
	PrimaryLanguage   *Concept                `json:"primaryLanguage,omitempty"`
	Language          List[Concept]           `json:"language,omitempty"`
	IndividualDisplay List[IndividualDisplay] `json:"individualDisplay,omitempty"`
	Extra             Extra                   `json:",embed"`
}

type IndividualDisplay struct {
	Ref
	Language      *Concept            `json:"language,omitempty"`
	DisplayDetail List[DisplayDetail] `json:"displayDetail,omitempty"`
	Extra         Extra               `json:",embed"`
}

type DisplayDetail struct {
	Ref
	Page  int          `json:"page,omitempty"`
	Image *MediaObject `json:"image,omitempty"`
	Extra Extra        `json:",embed"`
}

// Organisation is an issuer, awarding body or agency. A bare URL where an
// organisation is expected is read as its ID.
type Organisation struct {
	Ref
	DID             string                `json:"-"` // vc2: written as id where the organisation is the issuer
	LegalName       Text                  `json:"legalName,omitempty"`
	AltLabel        Text                  `json:"altLabel,omitempty"`
	EIDASIdentifier *LegalIdentifier      `json:"eIDASIdentifier,omitempty"`
	Registration    List[LegalIdentifier] `json:"registration,omitempty"`
	VATIdentifier   List[LegalIdentifier] `json:"vatIdentifier,omitempty"`
	Identifier      List[Identifier]      `json:"identifier,omitempty"`
	Location        List[Location]        `json:"location,omitempty"`
	Homepage        List[WebResource]     `json:"homepage,omitempty"`
	Accreditation   List[Accreditation]   `json:"accreditation,omitempty"`
	Logo            *MediaObject          `json:"logo,omitempty"`
	AdditionalNote  List[Note]            `json:"additionalNote,omitempty"`
	Extra           Extra                 `json:",embed"`
}

// Person is the credential's subject. ELM allows one value in total for each of
// the three names.
type Person struct {
	Ref
	HasClaim           List[Claim]        `json:"hasClaim,omitempty"`
	FullName           Text               `json:"fullName,omitempty"`
	GivenName          Text               `json:"givenName,omitempty"`
	FamilyName         Text               `json:"familyName,omitempty"`
	DateOfBirth        DateTime           `json:"dateOfBirth,omitempty"`
	NationalID         *LegalIdentifier   `json:"nationalID,omitempty"`
	Identifier         List[Identifier]   `json:"identifier,omitempty"`
	CitizenshipCountry List[Concept]      `json:"citizenshipCountry,omitempty"`
	ContactPoint       List[ContactPoint] `json:"contactPoint,omitempty"`
	Extra              Extra              `json:",embed"`
}

type ContactPoint struct {
	Ref
	EmailAddress List[Mailbox] `json:"emailAddress,omitempty"`
	Extra        Extra         `json:",embed"`
}

type Mailbox struct {
	Ref
	Extra Extra `json:",embed"`
}

// Claim is a learning achievement, activity, assessment or entitlement of the
// learner; Type tells which, and the fields that the type does not have stay
// empty. What we issue is always a LearningAchievement.
type Claim struct {
	Ref
	Identifier     List[Identifier]  `json:"identifier,omitempty"`
	Title          Text              `json:"title,omitempty"`
	Description    Text              `json:"description,omitempty"`
	AdditionalNote List[Note]        `json:"additionalNote,omitempty"`
	AwardedBy      *AwardingProcess  `json:"awardedBy,omitempty"`
	SpecifiedBy    *Specification    `json:"specifiedBy,omitempty"`
	HasPart        List[Claim]       `json:"hasPart,omitempty"`
	InfluencedBy   List[Claim]       `json:"influencedBy,omitempty"` // activities
	EntitlesTo     List[Claim]       `json:"entitlesTo,omitempty"`   // entitlements
	CreditReceived List[CreditPoint] `json:"creditReceived,omitempty"`
	ProvenBy       List[Claim]       `json:"provenBy,omitempty"` // assessments

	// of an activity
	Workload   string             `json:"workload,omitempty" elm:"duration"` // xsd:duration
	Temporal   List[PeriodOfTime] `json:"temporal,omitempty"`
	Location   List[Location]     `json:"location,omitempty"`
	DirectedBy List[Organisation] `json:"directedBy,omitempty"`

	// of an assessment
	DateIssued     DateTime           `json:"dateIssued,omitempty"`
	IDVerification *Concept           `json:"idVerification,omitempty"`
	AssessedBy     List[Organisation] `json:"assessedBy,omitempty"`

	// What differs from one learner of a class to the next stands last: what all have in
	// common before it is hashed and encoded once.
	Grade                 *Note             `json:"grade,omitempty"`
	SupplementaryDocument List[WebResource] `json:"supplementaryDocument,omitempty"`

	Extra Extra `json:",embed"`
}

// AwardingProcess is who awarded, when, where and on what ground.
type AwardingProcess struct {
	Ref
	Description           Text               `json:"description,omitempty"`
	AdditionalNote        List[Note]         `json:"additionalNote,omitempty"`
	AwardingBody          List[Organisation] `json:"awardingBody,omitempty"`
	AwardingDate          DateTime           `json:"awardingDate,omitempty"`
	Location              List[Location]     `json:"location,omitempty"`
	EducationalSystemNote *Concept           `json:"educationalSystemNote,omitempty"`
	Extra                 Extra              `json:",embed"`
}

// Specification is what was to be learnt, done or shown: a Qualification (which
// alone has levels and accreditation), or the specification of an activity,
// assessment or entitlement.
type Specification struct {
	Ref
	Identifier             List[Identifier]      `json:"identifier,omitempty"`
	Title                  Text                  `json:"title,omitempty"`
	Description            Text                  `json:"description,omitempty"`
	DCType                 List[Concept]         `json:"dcType,omitempty"`
	AdditionalNote         List[Note]            `json:"additionalNote,omitempty"`
	Homepage               List[WebResource]     `json:"homepage,omitempty"`
	SupplementaryDocument  List[WebResource]     `json:"supplementaryDocument,omitempty"`
	ThematicArea           List[Concept]         `json:"thematicArea,omitempty"`
	EQFLevel               *Concept              `json:"eqfLevel,omitempty"`
	NQFLevel               List[Concept]         `json:"nqfLevel,omitempty"`
	EducationLevel         List[Concept]         `json:"educationLevel,omitempty"` // QF-EHEA cycle
	CreditPoint            List[CreditPoint]     `json:"creditPoint,omitempty"`
	VolumeOfLearning       string                `json:"volumeOfLearning,omitempty" elm:"duration"` // xsd:duration
	MaximumDuration        string                `json:"maximumDuration,omitempty" elm:"duration"`
	ContactHour            string                `json:"contactHour,omitempty"`
	Language               List[Concept]         `json:"language,omitempty"`
	Mode                   List[Concept]         `json:"mode,omitempty"`
	LearningSetting        *Concept              `json:"learningSetting,omitempty"`
	TargetGroup            List[Concept]         `json:"targetGroup,omitempty"`
	EntryRequirement       *Note                 `json:"entryRequirement,omitempty"`
	LearningOutcome        List[LearningOutcome] `json:"learningOutcome,omitempty"`
	LearningOutcomeSummary *Note                 `json:"learningOutcomeSummary,omitempty"`
	Accreditation          List[Accreditation]   `json:"accreditation,omitempty"`
	IsPartialQualification *bool                 `json:"isPartialQualification,omitempty"`
	IsPartOf               List[Specification]   `json:"isPartOf,omitempty"`
	ProvenBy               List[Specification]   `json:"provenBy,omitempty"`
	GradingScheme          *GradingScheme        `json:"gradingScheme,omitempty"`
	EntitlementStatus      *Concept              `json:"entitlementStatus,omitempty"`
	LimitOrganisation      List[Organisation]    `json:"limitOrganisation,omitempty"`
	Extra                  Extra                 `json:",embed"`
}

// LearningOutcome is what the learner can do.
type LearningOutcome struct {
	Ref
	Title            Text          `json:"title,omitempty"`
	DCType           *Concept      `json:"dcType,omitempty"`
	ReusabilityLevel *Concept      `json:"reusabilityLevel,omitempty"`
	RelatedESCOSkill List[Concept] `json:"relatedESCOSkill,omitempty"`
	RelatedSkill     List[Concept] `json:"relatedSkill,omitempty"`
	AdditionalNote   List[Note]    `json:"additionalNote,omitempty"`
	Extra            Extra         `json:",embed"`
}

// CreditPoint is an amount of credit in one system; Point is a decimal in a string.
type CreditPoint struct {
	Ref
	Framework *Concept `json:"framework,omitempty"`
	Point     string   `json:"point,omitempty"`
	Extra     Extra    `json:",embed"`
}

type GradingScheme struct {
	Ref
	Title                 Text              `json:"title,omitempty"`
	Description           Text              `json:"description,omitempty"`
	SupplementaryDocument List[WebResource] `json:"supplementaryDocument,omitempty"`
	Extra                 Extra             `json:",embed"`
}

// Accreditation is quality assurance or a licence, of a programme or of an
// institution.
type Accreditation struct {
	Ref
	Title            Text               `json:"title,omitempty"`
	Description      Text               `json:"description,omitempty"`
	DCType           *Concept           `json:"dcType,omitempty"`
	Decision         *Concept           `json:"decision,omitempty"`
	AccreditingAgent *Organisation      `json:"accreditingAgent,omitempty"`
	Organisation     List[Organisation] `json:"organisation,omitempty"`
	Report           *WebResource       `json:"report,omitempty"`
	LandingPage      List[WebResource]  `json:"landingPage,omitempty"`
	DateIssued       DateTime           `json:"dateIssued,omitempty"`
	ExpiryDate       DateTime           `json:"expiryDate,omitempty"`
	ReviewDate       DateTime           `json:"reviewDate,omitempty"`
	LimitEQFLevel    List[Concept]      `json:"limitEQFLevel,omitempty"`
	AdditionalNote   List[Note]         `json:"additionalNote,omitempty"`
	Extra            Extra              `json:",embed"`
}

type PeriodOfTime struct {
	Ref
	StartDate DateTime `json:"startDate,omitempty"`
	EndDate   DateTime `json:"endDate,omitempty"`
	Extra     Extra    `json:",embed"`
}

type Evidence struct {
	Ref
	DCType            *Concept `json:"dcType,omitempty"`
	EvidenceStatement string   `json:"evidenceStatement,omitempty"`
	Extra             Extra    `json:",embed"`
}
