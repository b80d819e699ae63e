package elm

import (
	"strings"
	"time"
)

// fixture is a complete micro-credential of an invented academy: every element
// of Annex I, coded notes, two languages of ours.
func fixture() *Credential {
	org := func() Organisation {
		return Organisation{
			Ref:             Ref{ID: "urn:epass:org:1", Type: List[string]{"Organisation"}},
			DID:             "did:web:harbour.example",
			LegalName:       TextOf(map[string][]string{"en": {"Harbour Academy"}, "hr": {"Lučka akademija"}, "sr-Cyrl": {"Лучка академија"}}),
			EIDASIdentifier: &LegalIdentifier{Ref: Ref{ID: "urn:epass:legalIdentifier:1", Type: List[string]{"LegalIdentifier"}}, Notation: "NTRHR-00000001", Spatial: concept("http://publications.europa.eu/resource/authority/country/HRV", "Croatia")},
			Location: List[Location]{{
				Ref: Ref{ID: "urn:epass:location:1", Type: List[string]{"Location"}},
				Address: List[Address]{{
					Ref:         Ref{ID: "urn:epass:address:1", Type: List[string]{"Address"}},
					CountryCode: concept("http://publications.europa.eu/resource/authority/country/HRV", "Croatia"),
					FullAddress: &Note{Ref: Ref{ID: "urn:epass:note:address", Type: List[string]{"Note"}}, NoteLiteral: TextOf(map[string][]string{"en": {"Pier 1, 51000 Rijeka"}})},
				}},
			}},
			Homepage:       List[WebResource]{{Ref: Ref{ID: "urn:epass:webResource:1", Type: List[string]{"WebResource"}}, ContentURL: "https://harbour.example/"}},
			AdditionalNote: List[Note]{coded("provider", TopicProvider+":alternative", "Registered provider of adult education")},
		}
	}
	awarded := &AwardingProcess{
		Ref:          Ref{ID: "urn:epass:awardingProcess:1", Type: List[string]{"AwardingProcess"}},
		AwardingBody: List[Organisation]{org()},
		AwardingDate: Day(2026, time.June, 12),
		AdditionalNote: List[Note]{
			coded("legal", TopicLegalBasis, "Adult Education Act, article 9"),
			coded("rpl", TopicPriorLearning+":part", "Outcome 2, on the evidence of three years of work in a port"),
		},
	}
	truth := true
	return &Credential{
		ELMContext:   "https://harbour.example/contexts/elm/v1",
		ID:           "urn:credential:0b9f6f0e-7d0c-4d7a-8a53-6f2a3f1f4f10",
		IssuanceDate: "2026-06-15T10:00:00Z",
		ValidFrom:    "2026-06-15T10:00:00Z",
		ValidUntil:   "2031-06-15T10:00:00Z",
		Issuer:       org(),
		Identifier:   List[Identifier]{{Ref: Ref{ID: "urn:epass:identifier:1", Type: List[string]{"Identifier"}}, SchemeName: "Certificate number", Notation: "MC-2026-00007"}},
		CredentialStatus: List[StatusEntry]{{
			Ref:           Ref{Type: List[string]{"BitstringStatusListEntry"}},
			StatusPurpose: "revocation", StatusListIndex: "94567", StatusListCredential: "https://harbour.example/status/r1",
		}},
		CredentialProfiles: List[Concept]{*concept("http://data.europa.eu/snb/credential/e34929035b", "Generic")},
		DisplayParameter: &DisplayParameter{
			Ref:             Ref{ID: "urn:epass:displayParameter:1", Type: List[string]{"DisplayParameter"}},
			Title:           TextOf(map[string][]string{"en": {"Micro-credential"}}),
			Description:     TextOf(map[string][]string{"en": {"awarded by Harbour Academy"}}),
			PrimaryLanguage: concept("http://publications.europa.eu/resource/authority/language/ENG", "English"),
			Language:        List[Concept]{*concept("http://publications.europa.eu/resource/authority/language/ENG", "English")},
			IndividualDisplay: List[IndividualDisplay]{{
				Ref:      Ref{ID: "urn:epass:individualDisplay:1", Type: List[string]{"IndividualDisplay"}},
				Language: concept("http://publications.europa.eu/resource/authority/language/ENG", "English"),
				DisplayDetail: List[DisplayDetail]{{
					Ref:  Ref{ID: "urn:epass:displayDetail:1", Type: List[string]{"DisplayDetail"}},
					Page: 1,
					Image: &MediaObject{
						Ref:             Ref{ID: "urn:epass:mediaObject:1", Type: List[string]{"MediaObject"}},
						Content:         "iVBORw0KGgo",
						ContentEncoding: concept("http://data.europa.eu/snb/encoding/6146cde7dd", "base64"),
						ContentType:     concept("http://publications.europa.eu/resource/authority/file-type/PNG", "PNG"),
					},
				}},
			}},
		},
		Subject: List[Person]{{
			Ref:                Ref{ID: "urn:epass:person:1", Type: List[string]{"Person"}},
			GivenName:          TextOf(map[string][]string{"hr": {"Ivka"}}),
			FamilyName:         TextOf(map[string][]string{"hr": {"Morski"}}),
			DateOfBirth:        Day(1999, time.February, 28),
			NationalID:         &LegalIdentifier{Ref: Ref{ID: "urn:epass:legalIdentifier:2", Type: List[string]{"LegalIdentifier"}}, Notation: "00000000001"},
			Identifier:         List[Identifier]{{Ref: Ref{ID: "urn:epass:identifier:2", Type: List[string]{"Identifier"}}, SchemeName: "Learner number", Notation: "L-17"}},
			CitizenshipCountry: List[Concept]{*concept("http://publications.europa.eu/resource/authority/country/HRV", "Croatia")},
			ContactPoint:       List[ContactPoint]{{Ref: Ref{ID: "urn:epass:contactPoint:1", Type: List[string]{"ContactPoint"}}, EmailAddress: List[Mailbox]{{Ref: Ref{ID: "mailto:ivka@learner.example", Type: List[string]{"Mailbox"}}}}}},
			Extra:              Extra{"placeOfBirth": map[string]any{"id": "urn:epass:location:9", "type": "Location"}},
			HasClaim: List[Claim]{{
				Ref:                   Ref{ID: "urn:epass:learningAchievement:1", Type: List[string]{"LearningAchievement"}},
				Title:                 TextOf(map[string][]string{"en": {"Safe mooring of small vessels"}, "hr": {"Siguran privez malih plovila"}}),
				Description:           TextOf(map[string][]string{"en": {"Mooring, fendering and line handling for harbour staff."}}),
				AwardedBy:             awarded,
				SupplementaryDocument: List[WebResource]{{Ref: Ref{ID: "urn:epass:webResource:2", Type: List[string]{"WebResource"}}, Title: TextOf(map[string][]string{"en": {"Verify this credential"}, "hr": {"Provjerite ovu ispravu"}}), ContentURL: "https://verify.example/C/0123456789"}},
				CreditReceived:        List[CreditPoint]{{Ref: Ref{ID: "urn:epass:creditPoint:2", Type: List[string]{"CreditPoint"}}, Framework: concept("urn:indeks:credit:csvet", "CSVET"), Point: "4"}},
				InfluencedBy: List[Claim]{{
					Ref:       Ref{ID: "urn:epass:learningActivity:1", Type: List[string]{"LearningActivity"}},
					Title:     TextOf(map[string][]string{"en": {"Quay-side training"}}),
					AwardedBy: awarded, Workload: "PT100H",
					Temporal: List[PeriodOfTime]{{Ref: Ref{ID: "urn:epass:period:1", Type: List[string]{"PeriodOfTime"}}, StartDate: Day(2026, time.April, 1), EndDate: Day(2026, time.May, 22)}},
					SpecifiedBy: &Specification{
						Ref:         Ref{ID: "urn:epass:learningActivitySpec:1", Type: List[string]{"LearningActivitySpecification"}},
						Title:       TextOf(map[string][]string{"en": {"Quay-side training"}}),
						Mode:        List[Concept]{*concept("http://data.europa.eu/snb/learning-assessment/9191af2ed9", "Presential")},
						ContactHour: "41",
					},
				}},
				ProvenBy: List[Claim]{{
					Ref:       Ref{ID: "urn:epass:learningAssessment:1", Type: List[string]{"LearningAssessment"}},
					Title:     TextOf(map[string][]string{"en": {"Mooring under wind"}}),
					AwardedBy: awarded,
					Grade:     &Note{Ref: Ref{ID: "urn:epass:note:grade", Type: List[string]{"Note"}}, NoteLiteral: TextOf(map[string][]string{"en": {"Passed with distinction"}})},
					IDVerification: concept("http://data.europa.eu/snb/supervision-verification/70be69aaf9",
						"Supervised with ID Verification"),
					SpecifiedBy: &Specification{
						Ref:            Ref{ID: "urn:epass:learningAssessmentSpec:1", Type: List[string]{"LearningAssessmentSpecification"}},
						Title:          TextOf(map[string][]string{"en": {"Mooring under wind"}}),
						DCType:         List[Concept]{*concept("http://data.europa.eu/snb/assessment/6a4db9f11d", "practical assessment")},
						Mode:           List[Concept]{*concept("http://data.europa.eu/snb/learning-assessment/9191af2ed9", "Presential")},
						GradingScheme:  &GradingScheme{Ref: Ref{ID: "urn:epass:gradingScheme:1", Type: List[string]{"GradingScheme"}}, Title: TextOf(map[string][]string{"en": {"Passed, passed with distinction"}})},
						AdditionalNote: List[Note]{coded("criteria", TopicCriteria+":stated", "Moored within two attempts, no contact with the quay")},
					},
				}},
				EntitlesTo: List[Claim]{{
					Ref: Ref{ID: "urn:epass:entitlement:1", Type: List[string]{"LearningEntitlement"}}, Title: TextOf(map[string][]string{"en": {"Entry to the harbour pilot course"}}), AwardedBy: awarded,
					SpecifiedBy: &Specification{
						Ref: Ref{ID: "urn:epass:entitlementSpec:1", Type: List[string]{"LearningEntitlementSpecification"}}, Title: TextOf(map[string][]string{"en": {"Entry to the harbour pilot course"}}),
						DCType:            List[Concept]{*concept("http://data.europa.eu/snb/entitlement/64aad92881", "learning opportunity")},
						LimitOrganisation: List[Organisation]{org()},
					},
				}},
				SpecifiedBy: &Specification{
					Ref:              Ref{ID: "urn:epass:qualification:1", Type: List[string]{"Qualification"}},
					Title:            TextOf(map[string][]string{"en": {"Safe mooring of small vessels"}, "hr": {"Siguran privez malih plovila"}}),
					Homepage:         List[WebResource]{{Ref: Ref{ID: "urn:epass:webResource:3", Type: List[string]{"WebResource"}}, Title: TextOf(map[string][]string{"en": {"Course page"}}), ContentURL: "https://harbour.example/mooring"}},
					ThematicArea:     List[Concept]{*concept("http://data.europa.eu/snb/isced-f/1041", "Transport services")},
					EQFLevel:         concept("http://data.europa.eu/snb/eqf/4", "Level 4"),
					CreditPoint:      List[CreditPoint]{{Ref: Ref{ID: "urn:epass:creditPoint:1", Type: List[string]{"CreditPoint"}}, Framework: concept("urn:indeks:credit:csvet", "CSVET"), Point: "4"}},
					VolumeOfLearning: "PT100H30M",
					Language:         List[Concept]{*concept("http://publications.europa.eu/resource/authority/language/HRV", "Croatian")},
					EntryRequirement: &Note{Ref: Ref{ID: "urn:epass:note:entry", Type: List[string]{"Note"}}, NoteLiteral: TextOf(map[string][]string{"en": {"Boat leader's certificate"}, "hr": {"Uvjerenje za voditelja brodice"}})},
					LearningOutcome: List[LearningOutcome]{
						{
							Ref: Ref{ID: "urn:epass:learningOutcome:1", Type: List[string]{"LearningOutcome"}}, Title: TextOf(map[string][]string{"en": {"Choose lines and fenders for berth and weather"}, "hr": {"Odabrati konope i bokobrane prema vezu i vremenu"}}),
							DCType:           concept("http://data.europa.eu/snb/skill-type/knowledge", "knowledge"),
							ReusabilityLevel: concept("http://data.europa.eu/snb/skill-reuse-level/occupation-specific", "occupation-specific skills and competences"),
						},
						{
							Ref: Ref{ID: "urn:epass:learningOutcome:2", Type: List[string]{"LearningOutcome"}}, Title: TextOf(map[string][]string{"en": {"Moor a vessel of up to 15 m alone"}, "hr": {"Samostalno privezati plovilo do 15 m"}}),
							DCType:           concept("http://data.europa.eu/snb/skill-type/skill", "skill"),
							RelatedESCOSkill: List[Concept]{*concept("http://data.europa.eu/esco/skill/00000000-0000-0000-0000-000000000001", "moor vessels")},
						},
					},
					Accreditation: List[Accreditation]{{
						Ref: Ref{ID: "urn:epass:accreditation:1", Type: List[string]{"Accreditation"}}, Title: TextOf(map[string][]string{"en": {"Programme approval"}}),
						DCType:           concept("http://data.europa.eu/snb/accreditation/e57dddfcf3", "Program License"),
						AccreditingAgent: &Organisation{Ref: Ref{ID: "urn:epass:org:2", Type: List[string]{"Organisation"}}, LegalName: TextOf(map[string][]string{"en": {"Agency for Invented Standards"}})},
						DateIssued:       Day(2025, time.January, 31), ExpiryDate: Day(2030, time.January, 31),
						Report: &WebResource{Ref: Ref{ID: "urn:epass:webResource:4", Type: List[string]{"WebResource"}}, ContentURL: "https://agency.example/reports/7"},
					}},
					IsPartialQualification: &truth,
					IsPartOf:               List[Specification]{{Ref: Ref{ID: "urn:epass:qualification:2", Type: List[string]{"Qualification"}}, Title: TextOf(map[string][]string{"en": {"Harbour technician"}})}},
					AdditionalNote: List[Note]{
						coded("status", TopicAwardStatus+":vocational-adult", ""),
						coded("kind", TopicAwardKind+":stand-alone", ""),
						coded("stack", TopicStackability+":stackable", "Counts towards Harbour technician"),
						coded("method", TopicLevelMethod+":override", "Practical outcome weighs more"),
						coded("source", TopicSource+":partial-qualification", "Harbour technician, outcomes 4 and 6"),
						coded("qa", TopicQAProcedure+":internal", "Yearly review by the academy's board"),
						coded("cycle", TopicReasonPrefix+"cycle:not-applicable", "Not a higher-education award"),
						coded("signatory", TopicSignatory+":stated", "Bartul Sidro, head of training"),
						coded("further", TopicFurther+":stated", "The course is repeated each spring."),
						coded("degree", TopicNotADegree+":stated", "This is not a degree."),
					},
				},
			}},
		}},
	}
}

func concept(id, label string) *Concept {
	scheme := id[:1+strings.LastIndexAny(id, "/:")] + "scheme"
	return &Concept{
		Ref:       Ref{ID: id, Type: List[string]{"Concept"}},
		InScheme:  &ConceptScheme{Ref: Ref{ID: scheme, Type: List[string]{"ConceptScheme"}}},
		PrefLabel: TextOf(map[string][]string{"en": {label}}),
	}
}

func coded(name, subject, text string) Note {
	n := Note{Ref: Ref{ID: "urn:epass:note:" + name, Type: List[string]{"Note"}}, Subject: List[Concept]{*concept(subject, name)}}
	if text != "" {
		n.NoteLiteral = TextOf(map[string][]string{"en": {text}})
	}
	return n
}
