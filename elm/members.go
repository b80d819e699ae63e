package elm

import "indeks/strictjson"

// The members of each type of the model, as its struct tags name them: a test
// holds the two together. Reading them by reflection took half of the time of a
// whole verification.

func (o *Ref) ref() *Ref { return o }

func (o *Ref) member(r *reading, name string, v *strictjson.Value) outcome {
	switch name {
	case "id":
		return r.string(&o.ID, v)
	case "type":
		return r.strings(&o.Type, v)
	}
	return unknown
}

func (o *Credential) extra() *Extra { return &o.Extra }

func (o *Credential) ref() *Ref { return nil }

func (o *Credential) member(r *reading, name string, v *strictjson.Value) outcome {
	switch name {
	case "@context":
		return r.values(&o.Context, v)
	case "id":
		return r.string(&o.ID, v)
	case "type":
		return r.strings(&o.Type, v)
	case "credentialSchema":
		return many(r, &o.CredentialSchema, v)
	case "credentialProfiles":
		return many(r, &o.CredentialProfiles, v)
	case "relatedResource":
		return many(r, &o.RelatedResource, v)
	case "displayParameter":
		return one(r, &o.DisplayParameter, v)
	case "identifier":
		return many(r, &o.Identifier, v)
	case "issuanceDate":
		return r.date(&o.IssuanceDate, v)
	case "issued":
		return r.date(&o.Issued, v)
	case "validFrom":
		return r.date(&o.ValidFrom, v)
	case "expirationDate":
		return r.date(&o.ExpirationDate, v)
	case "validUntil":
		return r.date(&o.ValidUntil, v)
	case "issuer":
		return only(r, &o.Issuer, v)
	case "credentialStatus":
		return many(r, &o.CredentialStatus, v)
	case "status":
		return many(r, &o.Status, v)
	case "evidence":
		return many(r, &o.Evidence, v)
	case "attachment":
		return many(r, &o.Attachment, v)
	case "credentialSubject":
		return many(r, &o.Subject, v)
	}
	return unknown
}

func (o *CredentialSchema) extra() *Extra { return &o.Extra }

func (*CredentialSchema) shelf(_ *reading) *shelf[CredentialSchema] { return nil }

func (o *RelatedResource) extra() *Extra { return &o.Extra }

func (*RelatedResource) shelf(r *reading) *shelf[RelatedResource] { return &r.resources }

func (o *RelatedResource) ref() *Ref { return nil }

func (o *RelatedResource) member(r *reading, name string, v *strictjson.Value) outcome {
	switch name {
	case "id":
		return r.string(&o.ID, v)
	case "digestSRI":
		return r.string(&o.DigestSRI, v)
	case "digestMultibase":
		return r.string(&o.DigestMultibase, v)
	case "mediaType":
		return r.string(&o.MediaType, v)
	}
	return unknown
}

func (o *StatusEntry) extra() *Extra { return &o.Extra }

func (*StatusEntry) shelf(r *reading) *shelf[StatusEntry] { return &r.entries }

func (o *StatusEntry) member(r *reading, name string, v *strictjson.Value) outcome {
	switch name {
	case "statusPurpose":
		return r.string(&o.StatusPurpose, v)
	case "statusListIndex":
		return r.string(&o.StatusListIndex, v)
	case "statusListCredential":
		return r.string(&o.StatusListCredential, v)
	}
	return o.Ref.member(r, name, v)
}

func (o *Concept) extra() *Extra { return &o.Extra }

func (*Concept) shelf(r *reading) *shelf[Concept] { return &r.concepts }

func (o *Concept) member(r *reading, name string, v *strictjson.Value) outcome {
	switch name {
	case "inScheme":
		return one(r, &o.InScheme, v)
	case "notation":
		return r.string(&o.Notation, v)
	case "prefLabel":
		return r.text(&o.PrefLabel, v)
	case "definition":
		return r.text(&o.Definition, v)
	}
	return o.Ref.member(r, name, v)
}

func (o *ConceptScheme) extra() *Extra { return &o.Extra }

func (*ConceptScheme) shelf(r *reading) *shelf[ConceptScheme] { return &r.schemes }

func (o *Note) extra() *Extra { return &o.Extra }

func (*Note) shelf(r *reading) *shelf[Note] { return &r.notes }

func (o *Note) member(r *reading, name string, v *strictjson.Value) outcome {
	switch name {
	case "noteLiteral":
		return r.text(&o.NoteLiteral, v)
	case "subject":
		return many(r, &o.Subject, v)
	}
	return o.Ref.member(r, name, v)
}

func (o *Identifier) extra() *Extra { return &o.Extra }

func (*Identifier) shelf(r *reading) *shelf[Identifier] { return &r.identifiers }

func (o *Identifier) member(r *reading, name string, v *strictjson.Value) outcome {
	switch name {
	case "notation":
		return r.string(&o.Notation, v)
	case "schemeName":
		return r.string(&o.SchemeName, v)
	}
	return o.Ref.member(r, name, v)
}

func (o *LegalIdentifier) extra() *Extra { return &o.Extra }

func (*LegalIdentifier) shelf(r *reading) *shelf[LegalIdentifier] { return &r.legal }

func (o *LegalIdentifier) member(r *reading, name string, v *strictjson.Value) outcome {
	switch name {
	case "notation":
		return r.string(&o.Notation, v)
	case "schemeName":
		return r.string(&o.SchemeName, v)
	case "spatial":
		return one(r, &o.Spatial, v)
	}
	return o.Ref.member(r, name, v)
}

func (o *Location) extra() *Extra { return &o.Extra }

func (*Location) shelf(r *reading) *shelf[Location] { return &r.locations }

func (o *Location) member(r *reading, name string, v *strictjson.Value) outcome {
	switch name {
	case "description":
		return r.text(&o.Description, v)
	case "address":
		return many(r, &o.Address, v)
	case "spatialCode":
		return many(r, &o.SpatialCode, v)
	}
	return o.Ref.member(r, name, v)
}

func (o *Address) extra() *Extra { return &o.Extra }

func (*Address) shelf(r *reading) *shelf[Address] { return &r.addresses }

func (o *Address) member(r *reading, name string, v *strictjson.Value) outcome {
	switch name {
	case "countryCode":
		return one(r, &o.CountryCode, v)
	case "fullAddress":
		return one(r, &o.FullAddress, v)
	}
	return o.Ref.member(r, name, v)
}

func (o *WebResource) extra() *Extra { return &o.Extra }

func (*WebResource) shelf(r *reading) *shelf[WebResource] { return &r.pages }

func (o *WebResource) member(r *reading, name string, v *strictjson.Value) outcome {
	switch name {
	case "title":
		return r.text(&o.Title, v)
	case "contentURL":
		return r.string(&o.ContentURL, v)
	case "language":
		return many(r, &o.Language, v)
	}
	return o.Ref.member(r, name, v)
}

func (o *MediaObject) extra() *Extra { return &o.Extra }

func (*MediaObject) shelf(_ *reading) *shelf[MediaObject] { return nil }

func (o *MediaObject) member(r *reading, name string, v *strictjson.Value) outcome {
	switch name {
	case "title":
		return r.text(&o.Title, v)
	case "content":
		return r.string(&o.Content, v)
	case "contentEncoding":
		return one(r, &o.ContentEncoding, v)
	case "contentType":
		return one(r, &o.ContentType, v)
	}
	return o.Ref.member(r, name, v)
}

func (o *DisplayParameter) extra() *Extra { return &o.Extra }

func (*DisplayParameter) shelf(_ *reading) *shelf[DisplayParameter] { return nil }

func (o *DisplayParameter) member(r *reading, name string, v *strictjson.Value) outcome {
	switch name {
	case "title":
		return r.text(&o.Title, v)
	case "description":
		return r.text(&o.Description, v)
	case "primaryLanguage":
		return one(r, &o.PrimaryLanguage, v)
	case "language":
		return many(r, &o.Language, v)
	case "individualDisplay":
		return many(r, &o.IndividualDisplay, v)
	}
	return o.Ref.member(r, name, v)
}

func (o *IndividualDisplay) extra() *Extra { return &o.Extra }

func (*IndividualDisplay) shelf(_ *reading) *shelf[IndividualDisplay] { return nil }

func (o *IndividualDisplay) member(r *reading, name string, v *strictjson.Value) outcome {
	switch name {
	case "language":
		return one(r, &o.Language, v)
	case "displayDetail":
		return many(r, &o.DisplayDetail, v)
	}
	return o.Ref.member(r, name, v)
}

func (o *DisplayDetail) extra() *Extra { return &o.Extra }

func (*DisplayDetail) shelf(_ *reading) *shelf[DisplayDetail] { return nil }

func (o *DisplayDetail) member(r *reading, name string, v *strictjson.Value) outcome {
	switch name {
	case "page":
		return r.integer(&o.Page, v)
	case "image":
		return one(r, &o.Image, v)
	}
	return o.Ref.member(r, name, v)
}

func (o *Organisation) extra() *Extra { return &o.Extra }

func (*Organisation) shelf(r *reading) *shelf[Organisation] { return &r.organisations }

func (o *Organisation) member(r *reading, name string, v *strictjson.Value) outcome {
	switch name {
	case "legalName":
		return r.text(&o.LegalName, v)
	case "altLabel":
		return r.text(&o.AltLabel, v)
	case "eIDASIdentifier":
		return one(r, &o.EIDASIdentifier, v)
	case "registration":
		return many(r, &o.Registration, v)
	case "vatIdentifier":
		return many(r, &o.VATIdentifier, v)
	case "identifier":
		return many(r, &o.Identifier, v)
	case "location":
		return many(r, &o.Location, v)
	case "homepage":
		return many(r, &o.Homepage, v)
	case "accreditation":
		return many(r, &o.Accreditation, v)
	case "logo":
		return one(r, &o.Logo, v)
	case "additionalNote":
		return many(r, &o.AdditionalNote, v)
	}
	return o.Ref.member(r, name, v)
}

func (o *Person) extra() *Extra { return &o.Extra }

func (*Person) shelf(r *reading) *shelf[Person] { return &r.persons }

func (o *Person) member(r *reading, name string, v *strictjson.Value) outcome {
	switch name {
	case "fullName":
		return r.text(&o.FullName, v)
	case "givenName":
		return r.text(&o.GivenName, v)
	case "familyName":
		return r.text(&o.FamilyName, v)
	case "dateOfBirth":
		return r.date(&o.DateOfBirth, v)
	case "nationalID":
		return one(r, &o.NationalID, v)
	case "identifier":
		return many(r, &o.Identifier, v)
	case "citizenshipCountry":
		return many(r, &o.CitizenshipCountry, v)
	case "contactPoint":
		return many(r, &o.ContactPoint, v)
	case "hasClaim":
		return many(r, &o.HasClaim, v)
	}
	return o.Ref.member(r, name, v)
}

func (o *ContactPoint) extra() *Extra { return &o.Extra }

func (*ContactPoint) shelf(_ *reading) *shelf[ContactPoint] { return nil }

func (o *ContactPoint) member(r *reading, name string, v *strictjson.Value) outcome {
	switch name {
	case "emailAddress":
		return many(r, &o.EmailAddress, v)
	}
	return o.Ref.member(r, name, v)
}

func (o *Mailbox) extra() *Extra { return &o.Extra }

func (*Mailbox) shelf(_ *reading) *shelf[Mailbox] { return nil }

func (o *Claim) extra() *Extra { return &o.Extra }

func (*Claim) shelf(r *reading) *shelf[Claim] { return &r.claims }

func (o *Claim) member(r *reading, name string, v *strictjson.Value) outcome {
	switch name {
	case "identifier":
		return many(r, &o.Identifier, v)
	case "title":
		return r.text(&o.Title, v)
	case "description":
		return r.text(&o.Description, v)
	case "additionalNote":
		return many(r, &o.AdditionalNote, v)
	case "awardedBy":
		return one(r, &o.AwardedBy, v)
	case "specifiedBy":
		return one(r, &o.SpecifiedBy, v)
	case "hasPart":
		return many(r, &o.HasPart, v)
	case "influencedBy":
		return many(r, &o.InfluencedBy, v)
	case "provenBy":
		return many(r, &o.ProvenBy, v)
	case "entitlesTo":
		return many(r, &o.EntitlesTo, v)
	case "creditReceived":
		return many(r, &o.CreditReceived, v)
	case "supplementaryDocument":
		return many(r, &o.SupplementaryDocument, v)
	case "workload":
		return r.duration(&o.Workload, v)
	case "temporal":
		return many(r, &o.Temporal, v)
	case "location":
		return many(r, &o.Location, v)
	case "directedBy":
		return many(r, &o.DirectedBy, v)
	case "dateIssued":
		return r.date(&o.DateIssued, v)
	case "grade":
		return one(r, &o.Grade, v)
	case "idVerification":
		return one(r, &o.IDVerification, v)
	case "assessedBy":
		return many(r, &o.AssessedBy, v)
	}
	return o.Ref.member(r, name, v)
}

func (o *AwardingProcess) extra() *Extra { return &o.Extra }

func (*AwardingProcess) shelf(r *reading) *shelf[AwardingProcess] { return &r.processes }

func (o *AwardingProcess) member(r *reading, name string, v *strictjson.Value) outcome {
	switch name {
	case "description":
		return r.text(&o.Description, v)
	case "additionalNote":
		return many(r, &o.AdditionalNote, v)
	case "awardingBody":
		return many(r, &o.AwardingBody, v)
	case "awardingDate":
		return r.date(&o.AwardingDate, v)
	case "location":
		return many(r, &o.Location, v)
	case "educationalSystemNote":
		return one(r, &o.EducationalSystemNote, v)
	}
	return o.Ref.member(r, name, v)
}

func (o *Specification) extra() *Extra { return &o.Extra }

func (*Specification) shelf(r *reading) *shelf[Specification] { return &r.specifications }

func (o *Specification) member(r *reading, name string, v *strictjson.Value) outcome {
	switch name {
	case "identifier":
		return many(r, &o.Identifier, v)
	case "title":
		return r.text(&o.Title, v)
	case "description":
		return r.text(&o.Description, v)
	case "dcType":
		return many(r, &o.DCType, v)
	case "additionalNote":
		return many(r, &o.AdditionalNote, v)
	case "homepage":
		return many(r, &o.Homepage, v)
	case "supplementaryDocument":
		return many(r, &o.SupplementaryDocument, v)
	case "thematicArea":
		return many(r, &o.ThematicArea, v)
	case "eqfLevel":
		return one(r, &o.EQFLevel, v)
	case "nqfLevel":
		return many(r, &o.NQFLevel, v)
	case "educationLevel":
		return many(r, &o.EducationLevel, v)
	case "creditPoint":
		return many(r, &o.CreditPoint, v)
	case "volumeOfLearning":
		return r.duration(&o.VolumeOfLearning, v)
	case "maximumDuration":
		return r.duration(&o.MaximumDuration, v)
	case "contactHour":
		return r.string(&o.ContactHour, v)
	case "language":
		return many(r, &o.Language, v)
	case "mode":
		return many(r, &o.Mode, v)
	case "learningSetting":
		return one(r, &o.LearningSetting, v)
	case "targetGroup":
		return many(r, &o.TargetGroup, v)
	case "entryRequirement":
		return one(r, &o.EntryRequirement, v)
	case "learningOutcome":
		return many(r, &o.LearningOutcome, v)
	case "learningOutcomeSummary":
		return one(r, &o.LearningOutcomeSummary, v)
	case "accreditation":
		return many(r, &o.Accreditation, v)
	case "isPartialQualification":
		return r.boolean(&o.IsPartialQualification, v)
	case "isPartOf":
		return many(r, &o.IsPartOf, v)
	case "provenBy":
		return many(r, &o.ProvenBy, v)
	case "gradingScheme":
		return one(r, &o.GradingScheme, v)
	case "entitlementStatus":
		return one(r, &o.EntitlementStatus, v)
	case "limitOrganisation":
		return many(r, &o.LimitOrganisation, v)
	}
	return o.Ref.member(r, name, v)
}

func (o *LearningOutcome) extra() *Extra { return &o.Extra }

func (*LearningOutcome) shelf(r *reading) *shelf[LearningOutcome] { return &r.outcomes }

func (o *LearningOutcome) member(r *reading, name string, v *strictjson.Value) outcome {
	switch name {
	case "title":
		return r.text(&o.Title, v)
	case "dcType":
		return one(r, &o.DCType, v)
	case "reusabilityLevel":
		return one(r, &o.ReusabilityLevel, v)
	case "relatedESCOSkill":
		return many(r, &o.RelatedESCOSkill, v)
	case "relatedSkill":
		return many(r, &o.RelatedSkill, v)
	case "additionalNote":
		return many(r, &o.AdditionalNote, v)
	}
	return o.Ref.member(r, name, v)
}

func (o *CreditPoint) extra() *Extra { return &o.Extra }

func (*CreditPoint) shelf(r *reading) *shelf[CreditPoint] { return &r.points }

func (o *CreditPoint) member(r *reading, name string, v *strictjson.Value) outcome {
	switch name {
	case "framework":
		return one(r, &o.Framework, v)
	case "point":
		return r.string(&o.Point, v)
	}
	return o.Ref.member(r, name, v)
}

func (o *GradingScheme) extra() *Extra { return &o.Extra }

func (*GradingScheme) shelf(_ *reading) *shelf[GradingScheme] { return nil }

func (o *GradingScheme) member(r *reading, name string, v *strictjson.Value) outcome {
	switch name {
	case "title":
		return r.text(&o.Title, v)
	case "description":
		return r.text(&o.Description, v)
	case "supplementaryDocument":
		return many(r, &o.SupplementaryDocument, v)
	}
	return o.Ref.member(r, name, v)
}

func (o *Accreditation) extra() *Extra { return &o.Extra }

func (*Accreditation) shelf(r *reading) *shelf[Accreditation] { return &r.accreditations }

func (o *Accreditation) member(r *reading, name string, v *strictjson.Value) outcome {
	switch name {
	case "title":
		return r.text(&o.Title, v)
	case "description":
		return r.text(&o.Description, v)
	case "dcType":
		return one(r, &o.DCType, v)
	case "decision":
		return one(r, &o.Decision, v)
	case "accreditingAgent":
		return one(r, &o.AccreditingAgent, v)
	case "organisation":
		return many(r, &o.Organisation, v)
	case "report":
		return one(r, &o.Report, v)
	case "landingPage":
		return many(r, &o.LandingPage, v)
	case "dateIssued":
		return r.date(&o.DateIssued, v)
	case "expiryDate":
		return r.date(&o.ExpiryDate, v)
	case "reviewDate":
		return r.date(&o.ReviewDate, v)
	case "limitEQFLevel":
		return many(r, &o.LimitEQFLevel, v)
	case "additionalNote":
		return many(r, &o.AdditionalNote, v)
	}
	return o.Ref.member(r, name, v)
}

func (o *PeriodOfTime) extra() *Extra { return &o.Extra }

func (*PeriodOfTime) shelf(_ *reading) *shelf[PeriodOfTime] { return nil }

func (o *PeriodOfTime) member(r *reading, name string, v *strictjson.Value) outcome {
	switch name {
	case "startDate":
		return r.date(&o.StartDate, v)
	case "endDate":
		return r.date(&o.EndDate, v)
	}
	return o.Ref.member(r, name, v)
}

func (o *Evidence) extra() *Extra { return &o.Extra }

func (*Evidence) shelf(_ *reading) *shelf[Evidence] { return nil }

func (o *Evidence) member(r *reading, name string, v *strictjson.Value) outcome {
	switch name {
	case "dcType":
		return one(r, &o.DCType, v)
	case "evidenceStatement":
		return r.string(&o.EvidenceStatement, v)
	}
	return o.Ref.member(r, name, v)
}
