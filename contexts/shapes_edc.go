package contexts

// The shapes of the application profiles for European Digital Credentials,
// version 1.1.0, restated. Tests compare them with the published ones.
//
// A profile begins with == and its name, followed by that of the profile it
// imports. A line at the margin begins a node shape: for the instances of a
// class or, after &, of a name that others refer to. An indented line gives
// properties, as terms of the context, and the constraints they share:
//
//	Note               each value is a Note
//	Agent|Person       each value is one or the other
//	dateTime           each value is a literal of this datatype; text is language-tagged
//	iri, literal       each value is an IRI, or a literal
//	&Claim             each value conforms to the shape of this name
//	=http://...        this is among the values
//	<=100              no value is greater
//	1, +, ?            exactly one value, at least one, at most one
//	unique             one value for each language
//	off                the shape is deactivated
//
// Shapes that name properties for which the context has no term (nationalId,
// areaDialing, resultDistribution, hasMember, geometry, defaultLanguage), or
// another IRI (proof, latitude and longitude), are kept as they are published.
// Left out is the one shape that neither targets anything nor is referred to.
const profileShapes = `
== generic-no-cv
Accreditation
	identifier: Identifier|LegalIdentifier
	dcType: Concept 1
	title: text + unique
	description: text unique
	homepage supplementaryDocument landingPage: WebResource
	dateIssued reviewDate expiryDate dateModified valid: dateTime ?
	additionalNote: Note
	decision: Concept ?
	report: WebResource ?
	organisation: Organisation
	limitQualification: Qualification ?
	limitField limitEQFLevel limitJurisdiction limitCredentialType: Concept
	accreditingAgent: Organisation 1
	status: string ?
Address
	identifier: Identifier|LegalIdentifier
	fullAddress: Note ?
	countryCode: Concept 1
Agent
	identifier: Identifier|LegalIdentifier
	altLabel: text
	prefLabel: text unique
	location: Location
	additionalNote: Note
	contactPoint: ContactPoint
	groupMemberOf: Group
	dateModified: dateTime ?
Amount
	unit: Concept 1
	value: decimal 1
AwardingOpportunity
	identifier: Identifier|LegalIdentifier
	location: Location ?
	temporal: PeriodOfTime ?
	awardingBody: Agent|Person|Organisation +
	learningAchievementSpecification: LearningAchievementSpecification|Qualification ?
AwardingProcess
	identifier: Identifier|LegalIdentifier
	description: text unique
	location: Location ?
	additionalNote: Note
	used: LearningAssessment
	awards: &Claim
	awardingBody: Agent|Person|Organisation +
	awardingDate: dateTime ?
	educationalSystemNote: Concept ?
Claim
	title: text + unique
	description: text unique
	identifier: Identifier|LegalIdentifier
	dcType: Concept
	additionalNote: Note
	supplementaryDocument: WebResource
	awardedBy: AwardingProcess 1
ContactPoint
	additionalNote: Note
	description: text unique
	address: Address
	phone: Phone
	emailAddress: Mailbox
	contactForm: WebResource
DisplayParameter
	title: text + unique
	description: text unique
	language: Concept +
	primaryLanguage: Concept 1
	summaryDisplay: string ?
	individualDisplay: IndividualDisplay +
IndividualDisplay
	language: Concept 1
	displayDetail: DisplayDetail +
DisplayDetail
	image: MediaObject 1
	page: positiveInteger 1
EuropeanDigitalCredential
	identifier: Identifier|LegalIdentifier
	credentialProfiles: Concept +
	attachment: MediaObject
	displayParameter: DisplayParameter 1
	issuer: Agent|Person|Organisation &Issuer 1
	credentialSubject: Agent|Person|Organisation 1
	issuanceDate expirationDate validUntil: dateTime ?
	issued validFrom: dateTime 1
	cred:proof termsOfUse: anyURI
	evidence: Evidence
	credentialSchema: ShaclValidator2017 +
	credentialStatus: anyURI ?
	holder: Agent|Person|Organisation
EuropeanDigitalPresentation
	verifiableCredential: EuropeanDigitalCredential
	verificationCheck: VerificationCheck
	holder: Agent|Person|Organisation
	cred:proof: anyURI
CreditPoint
	framework: Concept 1
	point: string 1
GradingScheme
	identifier: Identifier|LegalIdentifier
	title: text + unique
	description: text unique
	supplementaryDocument: WebResource
Grant
	title: text + unique
	description: text unique
	supplementaryDocument: WebResource
	dcType: Concept ?
	contentURL: anyURI ?
Identifier
	notation: literal 1
	schemeAgency: text ?
	creator: iri ?
	dateIssued: dateTime ?
	dcType: Concept
	schemeName schemeVersion: string ?
	schemeId: anyURI ?
&Issuer
	eIDASIdentifier: LegalIdentifier 1
LearningAchievement
	title: text + unique
	description: text unique
	identifier: Identifier|LegalIdentifier
	dcType: Concept
	additionalNote: Note
	supplementaryDocument: WebResource
	learningOpportunity: LearningOpportunity ?
	creditReceived: CreditPoint
	provenBy: LearningAssessment
	influencedBy: LearningActivity
	awardedBy: AwardingProcess 1
	entitlesTo: LearningEntitlement
	specifiedBy: LearningAchievementSpecification|Qualification ?
	hasPart isPartOf: LearningAchievement
LearningAchievementSpecification
	identifier: Identifier|LegalIdentifier
	title: text + unique
	description: text unique
	additionalNote: Note
	supplementaryDocument homepage: WebResource
	altLabel category: text
	dcType language mode thematicArea educationSubject educationLevel targetGroup: Concept
	dateModified: dateTime ?
	volumeOfLearning maximumDuration: duration ?
	learningOutcomeSummary entryRequirement: Note ?
	creditPoint: CreditPoint
	learningSetting: Concept ?
	learningOutcome: LearningOutcome
	influencedBy: LearningActivitySpecification
	provenBy: LearningAssessmentSpecification
	entitlesTo: LearningEntitlementSpecification
	awardingOpportunity: AwardingOpportunity
	hasPart isPartOf specialisationOf generalisationOf: LearningAchievementSpecification|Qualification
	status: string ?
LearningActivity
	title: text + unique
	description: text unique
	identifier: Identifier|LegalIdentifier
	dcType: Concept
	additionalNote: Note
	supplementaryDocument: WebResource
	temporal: PeriodOfTime
	location: Location
	learningOpportunity: LearningOpportunity ?
	workload: duration ?
	directedBy: Agent|Person|Organisation
	awardedBy: AwardingProcess 1
	influences: LearningAchievement
	specifiedBy: LearningActivitySpecification ?
	hasPart isPartOf: LearningActivity
	levelOfCompletion: positiveInteger <=100 ?
LearningActivitySpecification
	identifier: Identifier|LegalIdentifier
	title: text + unique
	description: text unique
	additionalNote: Note
	supplementaryDocument homepage: WebResource
	altLabel category: text
	dateModified: dateTime ?
	dcType language mode: Concept
	volumeOfLearning: duration ?
	contactHour: string
	influences: LearningAchievementSpecification|Qualification
	hasPart isPartOf specialisationOf generalisationOf: LearningActivitySpecification
	status: string ?
LearningAssessment
	title: text + unique
	description: text unique
	identifier: Identifier|LegalIdentifier
	dcType: Concept
	additionalNote: Note
	supplementaryDocument: WebResource
	dateIssued: dateTime ?
	location: Location ?
	grade: Note 1
	gradeStatus idVerification: Concept ?
	shortenedGrading: ShortenedGrading ?
	elm:resultDistribution: ResultDistribution ?
	awardedBy: AwardingProcess 1
	assessedBy: Agent|Person|Organisation
	proves: LearningAchievement ?
	hasPart isPartOf: LearningAssessment
	specifiedBy: LearningAssessmentSpecification ?
LearningAssessmentSpecification
	identifier: Identifier|LegalIdentifier
	title: text + unique
	description: text unique
	additionalNote: Note
	supplementaryDocument homepage: WebResource
	altLabel category: text
	dateModified: dateTime ?
	dcType: Concept ?
	language mode: Concept
	gradingScheme: GradingScheme ?
	proves: LearningAchievementSpecification|Qualification
	hasPart isPartOf specialisationOf generalisationOf: LearningAssessmentSpecification
	status: string ?
LearningEntitlement
	title: text + unique
	description: text unique
	identifier: Identifier|LegalIdentifier
	dcType: Concept ?
	additionalNote: Note
	supplementaryDocument: WebResource
	dateIssued expiryDate: dateTime ?
	awardedBy: AwardingProcess 1
	entitledBy: LearningAchievement
	hasPart isPartOf: LearningEntitlement
	specifiedBy: LearningEntitlementSpecification ?
LearningEntitlementSpecification
	identifier: Identifier|LegalIdentifier
	title: text + unique
	description: text unique
	additionalNote: Note
	supplementaryDocument homepage: WebResource
	altLabel category: text
	dateModified: dateTime ?
	dcType entitlementStatus: Concept 1
	limitOrganisation: Organisation
	limitJurisdiction limitOccupation limitNationalOccupation: Concept
	entitledBy: LearningAchievementSpecification|Qualification
	hasPart isPartOf specialisationOf generalisationOf: LearningEntitlementSpecification
	status: string ?
LearningOpportunity
	identifier: Identifier|LegalIdentifier
	title: text + unique
	description: text unique
	dcType mode: Concept
	additionalNote: Note
	homepage supplementaryDocument: WebResource
	temporal: PeriodOfTime ?
	duration: duration ?
	learningSchedule elm:defaultLanguage: Concept ?
	scheduleInformation admissionProcedure: Note ?
	priceDetail: PriceDetail
	providedBy: Organisation +
	grant: Grant
	location: Location
	learningAchievementSpecification: LearningAchievementSpecification|Qualification ?
	learningActivitySpecification: LearningActivitySpecification ?
	hasPart isPartOf: LearningOpportunity
	bannerImage: MediaObject ?
	applicationDeadline: dateTime
	descriptionHtml: html
	dateModified: dateTime ?
	status: string ?
LearningOutcome
	identifier: Identifier|LegalIdentifier
	title: text + unique
	dcType reusabilityLevel: Concept ?
	additionalNote: Note
	relatedSkill relatedESCOSkill: Concept
LegalIdentifier
	notation: literal 1
	schemeAgency: text ?
	creator: iri ?
	dateIssued: dateTime ?
	dcType: Concept
	schemeName schemeVersion: string ?
	schemeId: anyURI ?
	spatial: Concept 1
Mailbox
MediaObject
	title description: text unique
	contentType contentEncoding: Concept 1
	attachmentType: Concept ?
	contentSize: integer ?
	content: string 1
	contentURL: anyURI ?
Organisation
	identifier: Identifier|LegalIdentifier
	altLabel: text
	dcType: Concept
	homepage: WebResource
	additionalNote: Note
	location: Location +
	accreditation: Accreditation
	eIDASIdentifier registration: LegalIdentifier ?
	legalName: text + unique
	vatIdentifier taxIdentifier: LegalIdentifier
	logo: MediaObject ?
	hasSubOrganization: Organisation
	subOrganizationOf: Organisation ?
	org:hasMember: Person
	groupMemberOf: Group
	contactPoint: ContactPoint
	dateModified: dateTime ?
Person
	identifier: Identifier|LegalIdentifier
	location placeOfBirth: Location ?
	elm:nationalId: LegalIdentifier ?
	fullName givenName familyName: text ?
	birthName patronymicName: text
	memberOf: Organisation
	dateOfBirth dateModified: dateTime ?
	citizenshipCountry: Concept
	gender: Concept ?
	contactPoint: ContactPoint
	groupMemberOf: Group
	hasCredential: EuropeanDigitalCredential
	hasClaim: &Claim +
Phone
	phoneNumber countryDialing elm:areaDialing dialNumber: string ?
PriceDetail
	identifier: Identifier|LegalIdentifier
	prefLabel description: text unique
	additionalNote: Note
	amount: Amount ?
Qualification
	identifier: Identifier|LegalIdentifier
	title: text + unique
	description: text unique
	additionalNote: Note
	supplementaryDocument homepage: WebResource
	altLabel category: text
	dcType language mode thematicArea educationSubject educationLevel targetGroup nqfLevel qualificationCode: Concept
	dateModified: dateTime ?
	volumeOfLearning maximumDuration: duration ?
	learningOutcomeSummary entryRequirement: Note ?
	creditPoint: CreditPoint
	learningSetting eqfLevel: Concept ?
	learningOutcome: LearningOutcome
	influencedBy: LearningActivitySpecification
	provenBy: LearningAssessmentSpecification
	entitlesTo: LearningEntitlementSpecification
	awardingOpportunity: AwardingOpportunity
	hasPart isPartOf specialisationOf generalisationOf: Qualification
	isPartialQualification: boolean ?
	accreditation: Accreditation
	status: string ?
ResultCategory
	label: string 1
	score maximumScore minimumScore: string ?
	count: positiveInteger 1
ResultDistribution
	description: text unique
	resultCategory: ResultCategory
ShortenedGrading
	percentageLower percentageEqual percentageHigher: integer 1
Specification
	identifier: Identifier|LegalIdentifier
	title: text + unique
	description: text unique
	additionalNote: Note
	supplementaryDocument homepage: WebResource
	altLabel category: text
	dcType: Concept
	dateModified: dateTime ?
	status: string ?
VerificationCheck
	dcType verificationStatus: Concept 1
	description: text unique
	elmSubject: EuropeanDigitalCredential 1
WebResource
	title: text unique
	language: Concept ?
	contentURL: anyURI 1
PeriodOfTime
	prefLabel: text unique
	startDate endDate: dateTime ?
Location
	identifier: Identifier|LegalIdentifier
	description: text unique
	address: Address +
	geographicName: text
	spatialCode: Concept
	locn:geometry: Geometry
Note
	noteLiteral: text +
	subject noteFormat: Concept ?
Concept
	prefLabel: text unique
	notation: literal ?
	inScheme: ConceptScheme
	definition: text
ConceptScheme
Geometry
	<http://data.europa.eu/m8g/longitude> <http://data.europa.eu/m8g/latitude>: string
Group
	prefLabel: text + unique
	altLabel: text
	dcType: Concept
	additionalNote: Note
	location: Location
	contactPoint: ContactPoint
	member: Agent|Person|Organisation
VerifiableCredential: off
	issuer: Agent|Person|Organisation &Issuer 1 off
	credentialSubject: Agent|Person|Organisation 1 off
	issued validFrom: dateTime 1 off
	issuanceDate validUntil expirationDate: dateTime ? off
	cred:proof termsOfUse: anyURI off
	evidence: Evidence off
	credentialSchema: iri + off
	credentialStatus: anyURI ? off
	holder: Agent|Person|Organisation ? off
&Claim: LearningAchievement|LearningActivity|LearningAssessment|LearningEntitlement|&TypedClaim
&TypedClaim
	title: text + unique
	description: text unique
	identifier: Identifier|LegalIdentifier
	additionalNote: Note
	supplementaryDocument: WebResource
	awardedBy: AwardingProcess 1
	dcType: Concept +
Evidence
	dcType: Concept 1
	evidenceStatement: string ?
	evidenceTarget: Agent|Person|Organisation ?
	embeddedEvidence: MediaObject
	accreditation: Accreditation ?
VerifiablePresentation
	verifiableCredential: VerifiableCredential
	cred:proof: anyURI
	holder: Agent|Person|Organisation
ShaclValidator2017
== generic-full generic-no-cv
&AccreditationType
	inScheme: iri =http://data.europa.eu/snb/accreditation/25831c2
&ThematicArea
	inScheme: ConceptScheme iri =http://data.europa.eu/snb/isced-f/25831c2
&EQFLevel
	inScheme: ConceptScheme iri =http://data.europa.eu/snb/eqf/25831c2
&Jurisdiction
	inScheme: ConceptScheme iri =http://publications.europa.eu/resource/authority/atu
&Country
	inScheme: ConceptScheme iri =http://publications.europa.eu/resource/authority/country
&AmountUnit
	inScheme: ConceptScheme iri =http://publications.europa.eu/resource/authority/currency
&ClaimType
	inScheme: ConceptScheme iri =http://data.europa.eu/snb/claim-type/25831c2
&EvidenceType
	inScheme: ConceptScheme iri =http://data.europa.eu/snb/evidence-type/25831c2
&EuropeanDigitalCredentialType
	inScheme: ConceptScheme iri =http://data.europa.eu/snb/credential/25831c2
&EscoOccupation
	inScheme: ConceptScheme iri =http://data.europa.eu/esco/concept-scheme/occupations
&Language
	inScheme: ConceptScheme iri =http://publications.europa.eu/resource/authority/language
&LearningSetting
	inScheme: ConceptScheme iri =http://data.europa.eu/snb/learning-setting/25831c2
&LearningEntitlementStatus
	inScheme: ConceptScheme iri =http://data.europa.eu/snb/entitlement-status/25831c2
&NQFLevel
	inScheme: ConceptScheme iri =http://data.europa.eu/snb/qdr/25831c2
&LearningOutcomeType
	inScheme: ConceptScheme iri =http://data.europa.eu/snb/skill-type/25831c2
&ReusabilityLevel
	inScheme: ConceptScheme iri =http://data.europa.eu/snb/skill-reuse-level/25831c2
&EscoSkill
	inScheme: ConceptScheme iri =http://data.europa.eu/esco/concept-scheme/skills
&VerificationCheckStatus
	inScheme: ConceptScheme iri =http://data.europa.eu/snb/verification-status/25831c2
&VerificationCheckType
	inScheme: ConceptScheme iri =http://data.europa.eu/snb/verification/25831c2
Accreditation
	dcType: iri &AccreditationType 1
	limitField: iri &ThematicArea
	limitEQFLevel: iri &EQFLevel
	limitJurisdiction: iri &Jurisdiction
Address
	countryCode: iri &Country 1
Amount
	unit: iri &AmountUnit 1
Claim
	dcType: iri &ClaimType
EuropeanDigitalCredential
	credentialProfiles: iri &EuropeanDigitalCredentialType +
DisplayParameter
	primaryLanguage: iri &Language 1
	language: iri &Language +
Evidence
	dcType: iri &EvidenceType 1
LearningAchievementSpecification
	thematicArea: iri &ThematicArea
	language: iri &Language
	learningSetting: iri &LearningSetting ?
LearningActivitySpecification
	language: iri &Language
LearningAssessmentSpecification
	language: iri &Language
LearningEntitlementSpecification
	limitJurisdiction: iri &Jurisdiction
	entitlementStatus: iri &LearningEntitlementStatus 1
	limitOccupation: iri &EscoOccupation
LegalIdentifier
	spatial: iri &Country 1
Qualification
	thematicArea: iri &ThematicArea
	language: iri &Language
	learningSetting: iri &LearningSetting ?
	eqfLevel: iri &EQFLevel ?
	nqfLevel: iri &NQFLevel
LearningOutcome
	dcType: iri &LearningOutcomeType ?
	reusabilityLevel: iri &ReusabilityLevel ?
	relatedESCOSkill: iri &EscoSkill
LearningOpportunity
	elm:defaultLanguage: iri &Language ?
Person
	citizenshipCountry: iri &Country
WebResource
	language: iri &Language ?
VerificationCheck
	dcType: iri &VerificationCheckType 1
	verificationStatus: iri &VerificationCheckStatus 1
== accredited generic-full
EuropeanDigitalCredential
	evidence: Evidence +
Person
	hasClaim: &Claim 1
&Claim: LearningAchievement
Evidence
	accreditation: Accreditation 1
== converted generic-full
EuropeanDigitalCredential
	evidence: Evidence +
Evidence
	embeddedEvidence: MediaObject +
== issued-by-mandate generic-full
EuropeanDigitalCredential
	evidence: Evidence +
Evidence
	evidenceStatement: string 1
== diploma-supplement accredited
Person
	fullName: text 1
	dateOfBirth: dateTime 1
LearningAchievement
	creditReceived: CreditPoint 1
	provenBy: LearningAssessment 1
Qualification
	language mode thematicArea nqfLevel: Concept +
	maximumDuration: duration 1
	learningOutcome: LearningOutcome +
	awardingOpportunity: AwardingOpportunity +
	hasPart: Qualification +
`
