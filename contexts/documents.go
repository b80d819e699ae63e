package contexts

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"sync"
)

// The contexts below are restated from their published meaning: each term with
// its IRI, type coercion and container, in a line of its own. Tests compare
// them, as JSON values, with the published files, and hold the digests of the
// bytes made here, so that no context changes unseen.
//
// A line is
//
//	name iri [type [container]] [{]
//
// A type of - is none. Lines up to the matching } are the term's scoped context;
// "null" in their place resets the context. A name ending in * is written as an
// object though a string would do. <cred>x is x below the namespace cred, in full;
// cred:x stays a compact IRI, as in the publication. Lines that begin with @ are
// entries of the context itself.

// namespaces are what <name> stands for in the tables.
var namespaces = map[string]string{
	"cred":   "https://www.w3.org/2018/credentials#",
	"sec":    "https://w3id.org/security#",
	"status": "https://www.w3.org/ns/credentials/status#",
	"2021":   "https://w3id.org/vc/status-list#",
	"schema": "https://schema.org/",
	"xsd":    "http://www.w3.org/2001/XMLSchema#",
	"xsds":   "https://www.w3.org/2001/XMLSchema#", // as published, for JWT claims and statusSize
	"dc":     "http://purl.org/dc/terms/",
	"jwt":    "https://www.iana.org/assignments/jwt#",
	"jose":   "https://www.iana.org/assignments/jose#",
	"ob":     "https://purl.imsglobal.org/spec/vc/ob/vocab.html#",
}

const aliases = `
id    @id
type  @type
`

const vc1Head = `
@version
@protected
` + aliases

// vc1Terms is the base context of VC Data Model 1.1.
const vc1Terms = vc1Head + `
VerifiableCredential <cred>VerifiableCredential {` + vc1Head + `
	cred  <cred>
	sec   <sec>
	xsd   <xsd>
	credentialSchema   cred:credentialSchema  @id {` + vc1Head + `
		cred                     <cred>
		JsonSchemaValidator2018  cred:JsonSchemaValidator2018
	}
	credentialStatus   cred:credentialStatus   @id
	credentialSubject  cred:credentialSubject  @id
	evidence           cred:evidence           @id
	expirationDate     cred:expirationDate     xsd:dateTime
	holder             cred:holder             @id
	issued             cred:issued             xsd:dateTime
	issuer             cred:issuer             @id
	issuanceDate       cred:issuanceDate       xsd:dateTime
	proof              sec:proof               @id  @graph
	refreshService     cred:refreshService     @id {` + vc1Head + `
		cred                      <cred>
		ManualRefreshService2018  cred:ManualRefreshService2018
	}
	termsOfUse         cred:termsOfUse         @id
	validFrom          cred:validFrom          xsd:dateTime
	validUntil         cred:validUntil         xsd:dateTime
}
VerifiablePresentation <cred>VerifiablePresentation {` + vc1Head + `
	cred  <cred>
	sec   <sec>
	holder                cred:holder                @id
	proof                 sec:proof                  @id  @graph
	verifiableCredential  cred:verifiableCredential  @id  @graph
}
EcdsaSecp256k1Signature2019 <sec>EcdsaSecp256k1Signature2019 {` + vc1Head + vc1Namespaces + vc1Proof + `}
EcdsaSecp256r1Signature2019 <sec>EcdsaSecp256r1Signature2019 {` + vc1Head + vc1Namespaces + vc1Proof + `}
Ed25519Signature2018        <sec>Ed25519Signature2018        {` + vc1Head + vc1Namespaces + vc1Proof + `}
RsaSignature2018            <sec>RsaSignature2018            {
	@version
	@protected` + vc1Proof + `}
proof <sec>proof @id @graph
`

const vc1Namespaces = `
sec  <sec>
xsd  <xsd>
`

// vc1Proof is shared by the signature suites of 1.1. RsaSignature2018 is
// published without the namespaces, so that its terms do not expand; that
// defect is part of the context.
const vc1Proof = `
challenge     sec:challenge
created       <dc>created     xsd:dateTime
domain        sec:domain
expires       sec:expiration  xsd:dateTime
jws           sec:jws
nonce         sec:nonce
proofPurpose  sec:proofPurpose  @vocab {` + vc1Head + `
	sec  <sec>
	assertionMethod  sec:assertionMethod       @id  @set
	authentication   sec:authenticationMethod  @id  @set
}
proofValue          sec:proofValue
verificationMethod  sec:verificationMethod  @id
`

// vc2Terms is the base context of VC Data Model 2.0.
const vc2Terms = `
@protected` + aliases + `
description      <schema>description
digestMultibase  <sec>digestMultibase  <sec>multibase
digestSRI        <cred>digestSRI       <cred>sriString
mediaType*       <schema>encodingFormat
name             <schema>name
VerifiableCredential <cred>VerifiableCredential {
	@protected` + aliases + `
	confidenceMethod   <cred>confidenceMethod   @id
	credentialSchema   <cred>credentialSchema   @id
	credentialStatus   <cred>credentialStatus   @id
	credentialSubject  <cred>credentialSubject  @id
	description        <schema>description
	evidence           <cred>evidence           @id
	issuer             <cred>issuer             @id
	name               <schema>name
	proof              <sec>proof               @id  @graph
	refreshService     <cred>refreshService     @id
	relatedResource    <cred>relatedResource    @id
	renderMethod       <cred>renderMethod       @id
	termsOfUse         <cred>termsOfUse         @id
	validFrom          <cred>validFrom          <xsd>dateTime
	validUntil         <cred>validUntil         <xsd>dateTime
}
EnvelopedVerifiableCredential <cred>EnvelopedVerifiableCredential
VerifiablePresentation <cred>VerifiablePresentation {
	@protected` + aliases + `
	holder                <cred>holder                @id
	proof                 <sec>proof                  @id  @graph
	termsOfUse            <cred>termsOfUse            @id
	verifiableCredential  <cred>verifiableCredential  @id  @graph  null
}
EnvelopedVerifiablePresentation  <cred>EnvelopedVerifiablePresentation
JsonSchemaCredential             <cred>JsonSchemaCredential
JsonSchema <cred>JsonSchema {
	@protected` + aliases + `
	jsonSchema  <cred>jsonSchema  @json
}
` + bitstringTerms + `
` + dataIntegrityTerms + `
...*      <jwt>...
_sd       <jwt>_sd  @json
_sd_alg*  <jwt>_sd_alg
aud       <jwt>aud  @id
cnf       <jwt>cnf {
	@protected
	kid  <jwt>kid  @id
	jwk  <jwt>jwk  @json
}
exp  <jwt>exp   <xsds>nonNegativeInteger
iat  <jwt>iat   <xsds>nonNegativeInteger
iss  <jose>iss  @id
jku  <jose>jku  @id
kid  <jose>kid  @id
nbf  <jwt>nbf   <xsds>nonNegativeInteger
sub  <jose>sub  @id
x5u  <jose>x5u  @id
`

// dataIntegrityTerms are the same in VC2 and in version 2 of the context of Data
// Integrity, so that a document may name both.
const dataIntegrityTerms = `
DataIntegrityProof <sec>DataIntegrityProof {` + proofTerms + `
	cryptosuite    <sec>cryptosuite    <sec>cryptosuiteString
	previousProof  <sec>previousProof  @id
}
`

const proofTerms = `
	@protected` + aliases + `
	challenge     <sec>challenge
	created       <dc>created      <xsd>dateTime
	domain        <sec>domain
	expires       <sec>expiration  <xsd>dateTime
	nonce         <sec>nonce
	proofPurpose  <sec>proofPurpose  @vocab {
		@protected` + aliases + `
		assertionMethod       <sec>assertionMethod             @id  @set
		authentication        <sec>authenticationMethod        @id  @set
		capabilityDelegation  <sec>capabilityDelegationMethod  @id  @set
		capabilityInvocation  <sec>capabilityInvocationMethod  @id  @set
		keyAgreement          <sec>keyAgreementMethod          @id  @set
	}
	proofValue          <sec>proofValue          <sec>multibase
	verificationMethod  <sec>verificationMethod  @id
`

// dataIntegrity2Terms and dataIntegrity1Terms are contexts of Data Integrity,
// which give documents of VC Data Model 1.1 the terms that VC2 already has.
const dataIntegrity2Terms = dataIntegrityHead + dataIntegrityTerms

const dataIntegrity1Terms = dataIntegrityHead + `
DataIntegrityProof <sec>DataIntegrityProof {` + proofTerms + `
	cryptosuite  <sec>cryptosuite
}
`

const dataIntegrityHead = `
@protected` + aliases + `
proof  <sec>proof  @id  @graph
`

const bitstringTerms = `
BitstringStatusListCredential  <status>BitstringStatusListCredential
BitstringStatusList <status>BitstringStatusList {
	@protected` + aliases + `
	encodedList    <status>encodedList  <sec>multibase
	statusPurpose  <status>statusPurpose
	ttl            <status>ttl
}
BitstringStatusListEntry <status>BitstringStatusListEntry {
	@protected` + aliases + `
	statusListCredential  <status>statusListCredential  @id
	statusListIndex       <status>statusListIndex
	statusPurpose         <status>statusPurpose
	statusMessage         <status>statusMessage {
		@protected` + aliases + `
		message  <status>message
		status   <status>status
	}
	statusReference  <status>statusReference  @id
	statusSize       <status>statusSize       <xsds>integer
}
`

// statusTerms is the context of Bitstring Status List 1.0, which gives
// documents of VC Data Model 1.1 the terms that VC2 already has.
const statusTerms = `
@protected` + aliases + bitstringTerms

// status2021Terms is the context of Status List 2021, the draft that became
// Bitstring Status List: issued credentials name it still. Its descriptions are
// those of http://schema.org, without the s.
const status2021Terms = `
@protected
StatusList2021Credential  <2021>StatusList2021Credential {
	@protected` + aliases + `
	description  http://schema.org/description
	name         http://schema.org/name
}
StatusList2021  <2021>StatusList2021 {
	@protected` + aliases + `
	statusPurpose  <2021>statusPurpose
	encodedList    <2021>encodedList
}
StatusList2021Entry  <2021>StatusList2021Entry {
	@protected` + aliases + `
	statusPurpose         <2021>statusPurpose
	statusListIndex       <2021>statusListIndex
	statusListCredential  <2021>statusListCredential  @id
}
`

// elmPrefixes are the namespaces of the ELM application profile. That clv lacks
// its final slash is how it is published, and part of the profile.
const elmPrefixes = `
cred=https://www.w3.org/2018/credentials# elm=http://data.europa.eu/snb/model/elm/
adms=http://www.w3.org/ns/adms# dc=http://purl.org/dc/terms/ xsd=http://www.w3.org/2001/XMLSchema#
foaf=http://xmlns.com/foaf/0.1/ rdf=http://www.w3.org/1999/02/22-rdf-syntax-ns#
rdfs=http://www.w3.org/2000/01/rdf-schema# org=http://www.w3.org/ns/org# rov=http://www.w3.org/ns/regorg#
skos=http://www.w3.org/2004/02/skos/core# person=http://www.w3.org/ns/person#
clv=http://data.europa.eu/m8g locn=http://www.w3.org/ns/locn# vc=http://data.europa.eu/snb/model/w3c/vc/
`

const elmClasses = `
Accreditation Agent Amount Address AwardingOpportunity AwardingProcess Claim Concept=skos:Concept
ConceptScheme=skos:ConceptScheme ContactPoint CreditPoint DisplayParameter DisplayDetail
EuropeanDigitalCredential EuropeanDigitalPresentation Evidence Geometry=locn:Geometry GradingScheme Grant
Group Identifier IndividualDisplay LearningAchievement LearningAchievementSpecification LearningActivity
LearningActivitySpecification LearningAssessment LearningAssessmentSpecification LearningEntitlement
LearningEntitlementSpecification LearningOpportunity LearningOutcome LegalIdentifier Location=dc:Location
Mailbox MediaObject Note Organisation PeriodOfTime=dc:PeriodOfTime Person Phone PriceDetail Qualification
ResultCategory ResultDistribution ShaclValidator2017 ShortenedGrading Specification VerificationCheck
WebResource
`

// elmProperties are the properties of the ELM application profile by what
// their values are: a thing, a language map, or a literal of a datatype.
// A bare name is a property of that name in the elm namespace. That
// resultDestribution and nationalID differ from the shapes is how they are
// published.
var elmProperties = map[string]string{
	"@id": `
accreditation accreditingAgent additionalNote address admissionProcedure amount assessedBy attachment
attachmentType awardedBy awardingBody awardingOpportunity awards bannerImage citizenshipCountry contactForm
contactPoint contentEncoding contentType countryCode creator=dc:creator credentialProfiles creditPoint
creditReceived dcType=dc:type decision directedBy displayDetail displayParameter eIDASIdentifier=elm:eidasLegalIdentifier
educationLevel educationSubject educationalSystemNote elmSubject=elm:subject emailAddress embeddedEvidence
entitledBy entitlementStatus entitlesTo entryRequirement eqfLevel=elm:EQFLevel evidenceTarget framework
fullAddress gender generalisationOf grade gradeStatus gradingScheme grant groupMemberOf hasClaim hasCredential
hasPart hasSubOrganization=org:hasSubOrganization homepage=foaf:homepage idVerification
identifier=adms:identifier image inScheme=skos:inScheme individualDisplay influencedBy influences isPartOf
landingPage language=dc:language learningAchievementSpecification learningActivitySpecification
learningOpportunity learningOutcome learningOutcomeSummary learningSchedule learningSetting limitCredentialType
limitEQFLevel limitField limitJurisdiction limitNationalOccupation limitOccupation limitOrganisation
limitQualification location logo member=foaf:member memberOf=org:memberOf mode nationalID noteFormat
nqfLevel=elm:NQFLevel organisation phone placeOfBirth priceDetail primaryLanguage provenBy proves providedBy
publisher=dc:publisher qualificationCode registration=rov:registration relatedESCOSkill relatedSkill report
resultCategory resultDestribution reusabilityLevel scheduleInformation shortenedGrading spatial=dc:spatial
spatialCode specialisationOf specifiedBy subOrganizationOf=org:subOrganizationOf subject=dc:subject
supplementaryDocument targetGroup taxIdentifier temporal=dc:temporal thematicArea=elm:ISCEDFCode unit used
vatIdentifier verificationCheck verificationStatus`,
	"@language": `
altLabel=skos:altLabel birthName=person:birthName category definition=skos:definition
familyName=foaf:familyName fullName=foaf:fullName geographicName givenName=foaf:givenName
legalName=rov:legalName noteLiteral patronymicName=person:patronymicName prefLabel=skos:prefLabel
schemeAgency=adms:schemeAgency title=dc:title`,
	"xsd:dateTime": `
applicationDeadline awardingDate dateCreated=dc:created dateIssued=dc:issued dateOfBirth endDate expiryDate
reviewDate startDate valid=dc:valid`,
	"xsd:string": `
areaDialingCode contactHour content countryDialing dialNumber evidenceStatement label latitude=clv:latitude
longitude=clv:longitude maximumScore=elm:maxScore minimumScore=elm:minScore phoneNumber point schemeName
schemeVersion score status summaryDisplay`,
	"xsd:integer":         `contentSize percentageEqual percentageHigher percentageLower`,
	"xsd:positiveInteger": `count levelOfCompletion page`,
	"xsd:decimal":         `value`,
	"xsd:boolean":         `isPartialQualification`,
	"xsd:duration":        `duration maximumDuration volumeOfLearning workload`,
	"xsd:anyURI":          `contentURL=elm:contentUrl schemeId`,
	"":                    `notation=skos:notation`,
}

// edcTerms returns the context of the EDC application profile 1.1.0, which
// coerces a date and HTML to links by mistake.
func edcTerms() map[string]any {
	terms := make(map[string]any)
	maps.Copy(terms, prefixes())
	addTerms(terms, shortened, "class", elmClasses)
	for kind, names := range elmProperties {
		addTerms(terms, shortened, kind, names)
	}
	addTerms(terms, shortened, "@language", "description=dc:description")
	addTerms(terms, shortened, "@id", "dateModified=dc:modified descriptionHtml")
	return terms
}

// ownTerms returns the ELM context for VC Data Model 2.0: the terms of the EDC
// application profile under the same IRIs, protected, save that
//   - description, which the base context protects with another meaning, is
//     elmDescription,
//   - the two terms with a mistaken coercion are a date and HTML,
//   - there are no prefixes, which would be defined as members too (vc, org).
//
// This document is frozen: sealed credentials carry its digest.
func ownTerms() map[string]any {
	terms := map[string]any{"@protected": true, "id": "@id", "type": "@type"}
	addTerms(terms, unshortened, "class", elmClasses)
	for kind, names := range elmProperties {
		addTerms(terms, unshortened, kind, names)
	}
	addTerms(terms, unshortened, "@language", "elmDescription=dc:description")
	addTerms(terms, unshortened, "xsd:dateTime", "dateModified=dc:modified")
	addTerms(terms, unshortened, "rdf:HTML", "descriptionHtml")
	return terms
}

var prefixes = sync.OnceValue(func() map[string]any {
	names := make(map[string]any)
	for entry := range strings.FieldsSeq(elmPrefixes) {
		name, namespace, _ := strings.Cut(entry, "=")
		names[name] = namespace
	}
	return names
})

func shortened(iri string) string { return iri }

// unshortened expands a compact IRI as JSON-LD does: only a namespace that ends
// in a delimiter is a prefix, so that clv:latitude stays what it is.
func unshortened(iri string) string {
	prefix, rest, _ := strings.Cut(iri, ":")
	if namespace, _ := prefixes()[prefix].(string); endsLikePrefix(namespace) {
		return namespace + rest
	}
	return iri
}

// addTerms adds the terms that names lists, with their IRIs in the given form.
func addTerms(terms map[string]any, form func(iri string) string, kind, names string) {
	for entry := range strings.FieldsSeq(names) {
		name, iri, ok := strings.Cut(entry, "=")
		if !ok {
			iri = "elm:" + name
		}
		iri = form(iri)
		switch kind {
		case "class":
			terms[name] = iri
		case "":
			terms[name] = map[string]any{"@id": iri}
		case "@language":
			terms[name] = map[string]any{"@id": iri, "@container": kind}
		default:
			terms[name] = map[string]any{"@id": iri, "@type": form(kind)}
		}
	}
}

// parseTerms builds the context that a table describes.
func parseTerms(table string) map[string]any {
	lines := strings.Split(table, "\n")
	ctx := readTerms(&lines)
	if len(lines) != 0 {
		panic("unbalanced } in a table of terms")
	}
	return ctx
}

// readTerms reads lines up to the end of the context they belong to.
func readTerms(lines *[]string) map[string]any {
	ctx := make(map[string]any)
	for len(*lines) > 0 {
		fields := strings.Fields((*lines)[0])
		*lines = (*lines)[1:]
		switch {
		case len(fields) == 0:
			continue
		case fields[0] == "}":
			return ctx
		case fields[0] == "@version":
			ctx["@version"] = 1.1
			continue
		case fields[0] == "@protected":
			ctx["@protected"] = true
			continue
		}
		name, object := strings.CutSuffix(fields[0], "*")
		def := map[string]any{"@id": inFull(fields[1])}
		for i, field := range fields[2:] {
			switch {
			case field == "{":
				def["@context"] = readTerms(lines)
			case field == "null":
				def["@context"] = nil
			case field == "-": // a container without a type
			case i == 0:
				def["@type"] = inFull(field)
			default:
				def["@container"] = field
			}
		}
		if len(def) == 1 && !object {
			ctx[name] = def["@id"]
		} else {
			ctx[name] = def
		}
	}
	return ctx
}

// inFull replaces a leading <name> by its namespace.
func inFull(iri string) string {
	if !strings.HasPrefix(iri, "<") {
		return iri
	}
	name, rest, _ := strings.Cut(iri[1:], ">")
	namespace, ok := namespaces[name]
	if !ok {
		panic(fmt.Sprintf("no namespace <%s>", name))
	}
	return namespace + rest
}

// encode returns a context document, its members in the order of their names.
func encode(ctx map[string]any) []byte {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(map[string]any{"@context": ctx}); err != nil {
		panic(err) // unreachable: strings, booleans and one number
	}
	return buf.Bytes()
}
