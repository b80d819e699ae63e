package elm

import (
	"slices"
	"strings"
	"testing"
)

const badgeJSON = `{
 "@context": ["https://www.w3.org/ns/credentials/v2", "https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json"],
 "id": "urn:uuid:1", "type": ["VerifiableCredential", "OpenBadgeCredential"],
 "issuer": {"id": "did:web:uni.example", "type": "Profile", "name": "University", "url": "https://uni.example"},
 "validFrom": "2026-06-15T10:00:00Z", "awardedDate": "2026-05-01T00:00:00Z", "image": {"id": "https://uni.example/badge.svg", "type": "Image"},
 "evidence": [{"id": "https://uni.example/e/1", "type": "Evidence", "name": "Thesis", "narrative": "Written alone"}, {"id": "javascript:alert(1)", "type": "Evidence", "name": "Talk"}],
 "credentialSubject": {"id": "did:example:ana", "type": "AchievementSubject", "creditsEarned": 5.0, "activityStartDate": "2026-01-01", "activityEndDate": "2026-04-30",
  "identifier": [{"type": "IdentityObject", "identityHash": "Ana Anić", "identityType": "name", "hashed": false}, {"type": "IdentityObject", "identityHash": "sha256$ab", "identityType": "emailAddress", "hashed": true}],
  "result": [{"type": "Result", "value": "A", "resultDescription": "urn:r:1"}],
  "achievement": {"id": "https://uni.example/a/1", "type": "Achievement", "name": "Careful\u202e Engineering", "description": "A course", "achievementType": "MicroCredential",
   "creator": {"id": "https://board.example", "type": "Profile", "name": "Board"},
   "criteria": {"id": "https://uni.example/c", "narrative": "Passed the **examination**"},
   "resultDescription": [{"id": "urn:r:1", "type": "ResultDescription", "name": "Final grade", "resultType": "LetterGrade"}],
   "alignment": [{"type": "Alignment", "targetName": "Problem solving", "targetUrl": "https://esco.example/1", "targetFramework": "ESCO", "targetCode": "S1"}],
   "fieldOfStudy": "Engineering"}}}`

// What an Open Badge has is shown, cleaned; what Annex I asks for and it does not
// foresee is not said to be missing; its picture is nowhere.
func TestBadgeSupplement(t *testing.T) {
	c, err := Parse([]byte(badgeJSON))
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Validate(); err != nil {
		t.Error(err)
	}
	for _, lang := range Languages() {
		var all []string
		found := map[string]Element{}
		for _, s := range Supplement(c, lang) {
			if s.Label == "" || len(s.Elements) == 0 {
				t.Errorf("section %+v", s)
			}
			for _, e := range s.Elements {
				if e.Label == "" || e.Missing || len(e.Values) == 0 {
					t.Errorf("%s: %+v", lang, e)
				}
				found[e.ID] = e
				for _, value := range e.Values {
					all = append(all, value.Text, value.Link)
					for _, detail := range value.Detail {
						all = append(all, detail.Text)
					}
				}
			}
		}
		text := strings.Join(all, "|")
		for _, want := range []string{"Ana Anić", "Careful Engineering", "A course", "University", "Board", "2026", "Passed the **examination**", "https://uni.example/c",
			"|A|", "Final grade", "Problem solving", "ESCO", "https://esco.example/1", "Thesis", "Written alone", "https://uni.example/e/1", "Engineering", "5.0"} {
			if !strings.Contains(text, want) {
				t.Errorf("%s: %q is not shown: %s", lang, want, text)
			}
		}
		for _, never := range []string{"badge.svg", "javascript:", "sha256$ab", "\u202e"} {
			if strings.Contains(text, never) {
				t.Errorf("%s: %q is shown", lang, never)
			}
		}
		if !found["M2"].Values[0].Cleaned {
			t.Error("that something was taken out is not said")
		}
		if ids := []string{"M1", "M2", "M4", "M5", "M7", "O3", "criteria", "creator", "alignment", "evidence", "field", "period", "valid"}; slices.ContainsFunc(ids, func(id string) bool { return found[id].ID == "" }) {
			t.Errorf("%s: %v", lang, found)
		}
	}
}
