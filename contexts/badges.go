package contexts

import "strings"

// badgeHead opens the context of each class of Open Badges.
const badgeHead = `
@protected` + aliases

// ob3Terms is the context of Open Badges 3.0.3, restated. Every term is written
// as an object, even where a string would do.
const ob3Terms = badgeHead + `
OpenBadgeCredential*    <ob>OpenBadgeCredential
AchievementCredential*  OpenBadgeCredential
EndorsementCredential*  <ob>EndorsementCredential
Criteria*               <ob>Criteria

Achievement <ob>Achievement {` + badgeHead + `
	achievementType*   <ob>achievementType
	alignment          <ob>alignment  -  @set
	creator*           <ob>creator
	creditsAvailable   <ob>creditsAvailable  <xsds>float
	criteria           <ob>Criteria  @id
	fieldOfStudy*      <ob>fieldOfStudy
	humanCode*         <ob>humanCode
	image              <ob>image  @id
	inLanguage*        <schema>inLanguage
	otherIdentifier    <ob>otherIdentifier  -  @set
	related            <ob>related  -  @set
	resultDescription  <ob>resultDescription  -  @set
	specialization*    <ob>specialization
	tag                <schema>keywords  -  @set
	version*           <ob>version
}
AchievementSubject <ob>AchievementSubject {` + badgeHead + `
	achievement*       <ob>achievement
	activityEndDate    <ob>activityEndDate    <xsds>date
	activityStartDate  <ob>activityStartDate  <xsds>date
	creditsEarned      <ob>creditsEarned      <xsds>float
	identifier         <ob>identifier  -  @set
	image              <ob>image  @id
	licenseNumber*     <ob>licenseNumber
	result             <ob>result  -  @set
	role*              <ob>role
	source             <ob>source  @id
	term*              <ob>term
}
Address <ob>Address {` + badgeHead + `
	addressCountry*       <schema>addressCountry
	addressCountryCode*   <ob>CountryCode
	addressLocality*      <schema>addressLocality
	addressRegion*        <schema>addressRegion
	geo*                  <ob>GeoCoordinates
	postOfficeBoxNumber*  <schema>postOfficeBoxNumber
	postalCode*           <schema>postalCode
	streetAddress*        <schema>streetAddress
}
Alignment <schema>AlignmentObject {` + badgeHead + `
	targetCode*         <ob>targetCode
	targetDescription*  <schema>targetDescription
	targetFramework*    <schema>targetFramework
	targetName*         <schema>targetName
	targetType*         <ob>targetType
	targetUrl           <schema>targetUrl  <xsds>anyURI
}
EndorsementSubject <ob>EndorsementSubject {` + badgeHead + `
	endorsementComment*  <ob>endorsementComment
}
Evidence <ob>Evidence {` + badgeHead + `
	audience*  <schema>audience
	genre*     <schema>genre
}
GeoCoordinates <ob>GeoCoordinates {` + badgeHead + `
	latitude*   <schema>latitude
	longitude*  <schema>longitude
}
IdentifierEntry <ob>IdentifierEntry {` + badgeHead + `
	identifier*      <ob>identifier
	identifierType*  <ob>identifierType
}
IdentityObject <ob>IdentityObject {` + badgeHead + `
	hashed         <ob>hashed  <xsds>boolean
	identityHash*  <ob>identityHash
	identityType*  <ob>identityType
	salt*          <ob>salt
}
Image <ob>Image {` + badgeHead + `
	caption*  <schema>caption
}
Profile <ob>Profile {` + badgeHead + `
	additionalName*    <schema>additionalName
	address            <ob>address  @id
	dateOfBirth        <ob>dateOfBirth  <xsds>date
	email*             <schema>email
	familyName*        <schema>familyName
	familyNamePrefix*  <ob>familyNamePrefix
	givenName*         <schema>givenName
	honorificPrefix*   <schema>honorificPrefix
	honorificSuffix*   <schema>honorificSuffix
	image              <ob>image  @id
	official*          <ob>official
	otherIdentifier    <ob>otherIdentifier  -  @set
	parentOrg          <ob>parentOrg  @id
	patronymicName*    <ob>patronymicName
	phone*             <ob>phone
}
Related <ob>Related {` + badgeHead + `
	inLanguage*  <schema>inLanguage
	version*     <ob>version
}
Result <ob>Result {` + badgeHead + `
	achievedLevel      <ob>achievedLevel      <xsds>anyURI
	resultDescription  <ob>resultDescription  <xsds>anyURI
	status*            <ob>status
	value*             <schema>value
}
ResultDescription <ob>ResultDescription {` + badgeHead + `
	allowedValue          <ob>allowedValue  -  @list
	requiredLevel         <ob>requiredLevel  <xsds>anyURI
	requiredValue*        <ob>requiredValue
	resultType*           <ob>resultType
	rubricCriterionLevel  <ob>rubricCriterionLevel  -  @set
	valueMax*             <ob>valueMax
	valueMin*             <ob>valueMin
}
RubricCriterionLevel <ob>RubricCriterionLevel {` + badgeHead + `
	level*   <ob>level
	points*  <ob>points
}

alignment     <ob>alignment  -  @set
awardedDate   <ob>awardedDate  xsd:dateTime
description*  <schema>description
endorsement   <ob>endorsement  -  @set
image         <ob>image  @id
inLanguage*   <schema>inLanguage
jti           <jwt>jti  @id
name*         <schema>name
narrative*    <ob>narrative
url           <schema>url  <xsds>anyURI
`

// badgeTerms returns the context of a version of Open Badges 3.0. What 3.0.3
// changed is undone for 3.0.2.
func badgeTerms(url string) map[string]any {
	table := ob3Terms
	if url == OB302 {
		var kept []string
		for line := range strings.Lines(table) {
			switch name, _, _ := strings.Cut(strings.TrimSpace(line), " "); name {
			case "inLanguage*", "awardedDate", "jti":
				continue
			case "image":
				line = strings.Replace(line, "<ob>image", "<ob>Image", 1)
			case "achievement*":
				line = strings.Replace(line, "<ob>achievement", "<ob>achievement-0", 1)
			}
			kept = append(kept, line)
		}
		table = strings.Join(kept, "")
	}
	return parseTerms(table)
}
