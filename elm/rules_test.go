package elm

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"pgregory.net/rapid"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"indeks/internal/reference"
)

// edited returns the encoded fixture with members replaced: the key is a path
// of member names, nil removes.
func edited(t *testing.T, p Profile, changes map[string]any) *Credential {
	t.Helper()
	raw, err := fixture().Encode(p)
	if err != nil {
		t.Fatal(err)
	}
	var root map[string]any
	if err := json.Unmarshal(raw, &root); err != nil {
		t.Fatal(err)
	}
	for path, value := range changes {
		names := strings.Split(path, "/")
		at := root
		for _, name := range names[:len(names)-1] {
			at = at[name].(map[string]any)
		}
		if last := names[len(names)-1]; value == nil {
			delete(at, last)
		} else {
			at[last] = value
		}
	}
	raw, err = json.Marshal(root)
	if err != nil {
		t.Fatal(err)
	}
	return parse(t, string(raw))
}

func TestRules(t *testing.T) {
	type object = map[string]any
	for _, test := range []struct {
		name    string
		profile Profile
		changes object
		want    string // pointer, space, rule; "" for valid
	}{
		{"nothing changed", VC2, nil, ""},
		{"nothing changed", EDC, nil, ""},
		{"base context not first", VC2, object{"@context": []any{"https://x.example/contexts/elm/v1", "https://www.w3.org/ns/credentials/v2"}}, "/@context/0 vc-context"},
		{"one context as a string", VC2, object{"@context": "https://www.w3.org/ns/credentials/v2"}, "/@context vc-context"},
		{"context is a number", VC2, object{"@context": []any{"https://www.w3.org/ns/credentials/v2", 1}}, "/@context/1 vc-context"},
		{"no type", VC2, object{"type": nil}, "/type vc-type"},
		{"another type", EDC, object{"type": "EuropeanDigitalCredential"}, "/type vc-type"},
		{"presentation", VC2, object{"type": []any{"VerifiableCredential", "VerifiablePresentation"}}, "/type vc-type"},
		{"no id", VC2, object{"id": nil}, ""},
		{"two ids", VC2, object{"id": []any{"urn:a:1", "urn:a:2"}}, "/id vc-id"},
		{"relative id", VC2, object{"id": "1"}, "/id vc-id"},
		{"blank node inside", VC2, object{"credentialSubject/id": "_:b0"}, "/credentialSubject/id vc-id"},
		{"issuer as URL", VC2, object{"issuer": "did:web:harbour.example"}, ""},
		{"issuer as name", VC2, object{"issuer": "Harbour Academy"}, "/issuer vc-issuer"},
		{"issuer without id", VC2, object{"issuer/id": nil}, "/issuer/id vc-issuer"},
		{"no issuer", EDC, object{"issuer": nil}, "/issuer vc-issuer"},
		{"two issuers", VC2, object{"issuer": []any{"urn:a:1", "urn:a:2"}}, "/issuer vc-issuer"},
		{"no subject", VC2, object{"credentialSubject": nil}, "/credentialSubject vc-subject"},
		{"empty subjects", VC2, object{"credentialSubject": []any{}}, "/credentialSubject vc-subject"},
		{"subject without claim", VC2, object{"credentialSubject": []any{object{"type": "Person"}, object{"id": "urn:a:1"}}}, "/credentialSubject/1 vc-subject"},
		{"subject as string", VC2, object{"credentialSubject": "urn:a:1"}, "/credentialSubject vc-subject"},
		{"date is null", VC2, object{"validUntil": json.RawMessage("null")}, "/validUntil vc-date"},
		{"date without zone", VC2, object{"validFrom": "2026-06-15T10:00:00"}, "/validFrom vc-date"},
		{"date without zone", EDC, object{"validFrom": "2026-06-15T10:00:00"}, ""},
		{"date only", EDC, object{"issued": "2026-06-15"}, "/issued vc-date"},
		{"date as number", VC2, object{"validFrom": 1}, "/validFrom vc-date"},
		{"31 February", VC2, object{"validFrom": "2026-02-31T00:00:00Z"}, "/validFrom vc-date"},
		{"no issuance date", EDC, object{"issuanceDate": nil}, "/issuanceDate vc-date"},
		{"ends before it begins", VC2, object{"validUntil": "2026-06-15T11:59:59+02:00"}, "/validUntil vc-period"},
		{"expires before it begins", EDC, object{"expirationDate": "2026-06-15T09:59:59Z"}, "/expirationDate vc-period"},
		{"name", VC2, object{"name": object{"@value": "x", "@language": "en"}, "description": []any{"a", "b"}}, ""},
		{"name as language map", VC2, object{"name": object{"en": "x"}}, "/name vc-text"},
		{"name without a value", VC2, object{"name": object{"@language": "en"}}, "/name vc-text"},
		{"name in a direction that there is not", VC2, object{"name": []any{object{"@value": "x", "@direction": "up"}}}, "/name/0/@direction vc-text"},
		{"name in no language", VC2, object{"name": object{"@value": "x", "@language": "the first"}}, "/name/@language vc-text"},
		{"name with an index", VC2, object{"name": object{"@value": "x", "@index": "1"}}, "/name/@index vc-text"},
		{"id is null", VC2, object{"id": json.RawMessage("null")}, "/id vc-id"},
		{"proof without type", VC2, object{"proof": []any{object{}}}, "/proof/0/type vc-proof"},
		{"proof is text", VC2, object{"proof": "x"}, "/proof vc-proof"},
		{"resource with a digest that is none", VC2, object{"relatedResource": object{"id": "urn:a:1", "digestSRI": "md5-x"}}, "/relatedResource/digestSRI vc-related-resource"},
		{"resource of no media type", VC2, object{"relatedResource": object{"id": "urn:a:1", "digestSRI": "sha384-x", "mediaType": "text"}}, "/relatedResource/mediaType vc-related-resource"},
		{"resource of a media type", VC2, object{"relatedResource": object{"id": "urn:a:1", "digestSRI": "sha384-x sha256-y==", "mediaType": "text/plain; charset=utf-8"}}, ""},
		{"status without type", VC2, object{"credentialStatus": object{"id": "urn:a:1"}}, "/credentialStatus/type vc-status"},
		{"status as number", VC2, object{"credentialStatus": 7}, "/credentialStatus vc-status"},
		{"ELM status as number", EDC, object{"status": 7}, "/status elm-type"},
		{"schema without id", VC2, object{"credentialSchema": object{"type": "JsonSchema"}}, "/credentialSchema/id vc-schema"},
		{"evidence without type", VC2, object{"evidence": object{"id": "urn:a:1"}}, "/evidence/type vc-evidence"},
		{"terms without type", VC2, object{"termsOfUse": []any{object{}}}, "/termsOfUse/0/type vc-terms"},
		{"refresh without type", VC2, object{"refreshService": "x"}, "/refreshService vc-refresh"},
		{"resource twice", VC2, object{"relatedResource": []any{object{"id": "urn:a:1", "digestSRI": "sha384-x"}, object{"id": "urn:a:1", "digestSRI": "sha384-x"}}}, "/relatedResource/1/id vc-related-resource"},
		{"resource without digest", VC2, object{"relatedResource": object{"id": "urn:a:1"}}, "/relatedResource vc-related-resource"},
		{"vc claim", VC2, object{"vc": object{}}, "/vc vc-claims"},
		{"claims that agree", VC2, object{"iss": "did:web:harbour.example", "jti": fixture().ID, "sub": "urn:epass:person:1", "iat": 1781517600, "exp": 1.5e9}, ""},
		{"another iss", VC2, object{"iss": "did:web:other.example"}, "/iss vc-claims"},
		{"another jti", VC2, object{"jti": "urn:a:1"}, "/jti vc-claims"},
		{"another sub", VC2, object{"sub": "urn:a:1"}, "/sub vc-claims"},
		{"exp as string", VC2, object{"exp": "1781517600"}, "/exp vc-claims"},
		{"nbf out of range", VC2, object{"nbf": 1e20}, "/nbf vc-claims"},
		{"birth date only", EDC, object{"credentialSubject/dateOfBirth": "1999-02-28"}, "/credentialSubject/dateOfBirth elm-date"},
		{"two birth dates", EDC, object{"credentialSubject/dateOfBirth": []any{"1999-02-28T00:00:00Z", "1999-02-27T00:00:00Z"}}, "/credentialSubject/dateOfBirth elm-date"},
		{"one birth date in an array", EDC, object{"credentialSubject/dateOfBirth": []any{"1999-02-28T00:00:00Z"}}, ""},
		{"hours in words", EDC, object{"credentialSubject/hasClaim/specifiedBy/volumeOfLearning": "75 hours"}, "/credentialSubject/hasClaim/specifiedBy/volumeOfLearning elm-duration"},
		{"empty duration", VC2, object{"credentialSubject/hasClaim/influencedBy/workload": "PT"}, "/credentialSubject/hasClaim/influencedBy/workload elm-duration"},
		{"title as number", VC2, object{"credentialSubject/hasClaim/title": 5}, "/credentialSubject/hasClaim/title elm-type"},
		{"claim as number", EDC, object{"credentialSubject/hasClaim": []any{1}}, "/credentialSubject/hasClaim/0 elm-type"},
		{"null is nothing", VC2, object{"credentialSubject/hasClaim/additionalNote": json.RawMessage("null")}, ""},
	} {
		t.Run(string(test.profile)+" "+test.name, func(t *testing.T) {
			c := edited(t, test.profile, test.changes)
			err := c.Validate()
			c.odd = true
			if thorough := c.Validate(); fmt.Sprint(err) != fmt.Sprint(thorough) {
				t.Errorf("%v, and when every member is looked at %v", err, thorough)
			}
			if test.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			broken, ok := errors.AsType[*ValidationError](err)
			if !ok {
				t.Fatalf("error %v, want a ValidationError", err)
			}
			found := slices.ContainsFunc(broken.Broken, func(f FormatError) bool { return f.Pointer+" "+f.Rule == test.want })
			if !found {
				t.Errorf("%+v, want %s", broken.Broken, test.want)
			}
		})
	}
}

func TestABuiltCredentialIsJudgedInBothProfiles(t *testing.T) {
	if err := fixture().Validate(); err != nil {
		t.Fatal(err)
	}
	c := fixture()
	c.Subject[0].HasClaim[0].SpecifiedBy.VolumeOfLearning = "75"
	if err := c.Validate(); err == nil {
		t.Error("a duration that is none passes")
	}
	c = fixture()
	c.IssuanceDate = ""
	if err := c.Validate(); err == nil {
		t.Error("a European Digital Credential without issuance date passes")
	}
}

func TestDateTime(t *testing.T) {
	for _, test := range []struct {
		in     DateTime
		noZone bool
		want   string
	}{
		{"2026-06-15T10:00:00Z", false, "2026-06-15T10:00:00Z"},
		{"2026-06-15T10:00:00.250+02:00", false, "2026-06-15T08:00:00.25Z"},
		{"2026-06-15T24:00:00-14:00", false, "2026-06-16T14:00:00Z"},
		{"2026-06-15T10:00:00", true, "2026-06-15T10:00:00Z"},
		{"2026-06-15T10:00:00", false, ""},
		{"2026-06-15T24:00:01Z", false, ""},
		{"2026-06-15T24:01:00Z", false, ""},
		{"2026-06-15T10:00:60Z", false, ""},
		{"2026-06-15T10:00:00,5Z", false, ""},
		{"2026-06-15t10:00:00z", false, ""},
		{"2026-06-15T10:00:00+14:01", false, ""},
		{"2026-06-15T10:00Z", false, ""},
		{"2026-13-15T10:00:00Z", false, ""},
		{"2026-06-31T10:00:00Z", false, ""},
		{"12026-06-15T10:00:00Z", false, ""},
		{"0001-01-01T00:00:00Z", false, ""}, // no date at all, in Go
		{"0001-01-01T01:00:00+01:00", false, ""},
		{"2026-06-15", true, ""},
		{"", true, ""},
	} {
		got, err := test.in.Time(test.noZone)
		if test.want == "" {
			if err == nil {
				t.Errorf("%q is read as %v", test.in, got)
			}
		} else if err != nil || got.UTC().Format(time.RFC3339Nano) != test.want {
			t.Errorf("%q: %v, %v", test.in, got.UTC(), err)
		}
	}
	at := time.Date(2026, 6, 15, 12, 0, 0, 999, time.FixedZone("", 7200))
	if At(at) != "2026-06-15T10:00:00Z" || Day(2026, time.June, 5) != "2026-06-05T00:00:00Z" {
		t.Error(At(at), Day(2026, time.June, 5))
	}
}

func TestPeriodIsTheNarrowestOfAllMembers(t *testing.T) {
	c := edited(t, EDC, map[string]any{"validFrom": nil, "validUntil": "2030-01-01T00:00:00Z", "expirationDate": "2029-01-01T00:00:00Z"})
	from, until, err := c.Period()
	if err != nil || At(from) != "2026-06-15T10:00:00Z" || At(until) != "2029-01-01T00:00:00Z" {
		t.Error(from, until, err)
	}
	c = edited(t, VC2, map[string]any{"validUntil": nil, "exp": 2e9, "nbf": 1.5})
	if _, until, err := c.Period(); err != nil || !until.IsZero() {
		t.Error(until, err)
	}
	exp, nbf, iat, err := c.JWTClaims()
	if err != nil || exp.Unix() != 2e9 || !nbf.Equal(time.UnixMilli(1500)) || !iat.IsZero() {
		t.Error(exp, nbf, iat, err)
	}
}

// The attack corpus holds sealed tokens with the verdict that a verifier must
// give. What is wrong in the payload must be found here, and no genuine
// payload may be refused.
func TestAttackCorpus(t *testing.T) {
	dir := reference.Path(t, "attacks")
	raw, err := os.ReadFile(filepath.Join(dir, "manifest.json"))
	if err != nil {
		t.Fatal(err)
	}
	var manifest struct {
		Cases []struct {
			ID, File, Verdict, Reason string
			Accept                    []string `json:"accept_verdicts"`
		}
	}
	if err := json.Unmarshal(raw, &manifest); err != nil {
		t.Fatal(err)
	}
	refused, read := 0, 0
	for _, test := range manifest.Cases {
		token, err := os.ReadFile(filepath.Join(dir, test.File))
		if err != nil {
			t.Fatal(err)
		}
		parts := strings.Split(strings.TrimSpace(string(token)), ".")
		if len(parts) != 3 || strings.HasPrefix(parts[0], "{") {
			continue
		}
		payload, err := base64.RawURLEncoding.Strict().DecodeString(parts[1])
		if err != nil {
			continue // refused before the payload is read
		}
		c, err := Parse(payload)
		if err == nil {
			err = c.Validate()
		}
		area, _, _ := strings.Cut(test.ID, "-")
		switch {
		case test.Verdict == "valid" && !slices.Contains(test.Accept, "invalid"):
			read++
			if err != nil {
				t.Errorf("%s: %v", test.ID, err)
			}
		case area == "json", area == "dm" && test.Reason == "claims_invalid", test.ID == "dm-iss-conflict", test.ID == "term-bnode-poison":
			refused++
			if err == nil {
				t.Errorf("%s passes", test.ID)
			}
		}
	}
	if refused < 20 || read < 15 {
		t.Errorf("%d refused, %d read: is this the corpus?", refused, read)
	}
}

// What a document breaks in every member must not be told for every member: the
// pointers alone would be gigabytes.
func TestBrokenRulesAreBounded(t *testing.T) {
	path := strings.Repeat(`{"`+strings.Repeat("x", MaxName)+`":`, 50)
	raw := `{"@context":["https://www.w3.org/ns/credentials/v2"],"credentialSubject":` +
		path + "[" + strings.Repeat(`{"id":1},`, 20_000) + "{}]" + strings.Repeat("}", 50) + "}"
	cred, err := Parse([]byte(raw))
	if err != nil {
		t.Fatal(err)
	}
	broken, ok := errors.AsType[*ValidationError](cred.Validate())
	if !ok || len(broken.Broken) > maxBroken {
		t.Errorf("broken rules: %t, more than %d", ok, maxBroken)
	}
}

// A duration is read as the pattern of xsd:duration has it.
func TestDurationParts(t *testing.T) {
	form := regexp.MustCompile(`^(-?)P(?:([0-9]+)Y)?(?:([0-9]+)M)?(?:([0-9]+)D)?(?:T(?:([0-9]+)H)?(?:([0-9]+)M)?(?:([0-9]+(?:\.[0-9]+)?)S)?)?$`)
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.OneOf(rapid.StringMatching(`-?P([0-9]{1,3}[YMD.]){0,3}(T([0-9.]{1,4}[HMS]){0,3})?`), rapid.StringMatching(`[-PTYMDHS0-9.x]{0,8}`)).Draw(t, "s")
		negative, parts, ok := durationParts(s)
		found := form.FindStringSubmatch(s)
		if want := found != nil && !strings.HasSuffix(s, "P") && !strings.HasSuffix(s, "T"); ok != want {
			t.Fatalf("%q: %t, want %t", s, ok, want)
		}
		if ok && (negative != (found[1] != "") || !slices.Equal(parts[:], found[2:])) {
			t.Fatalf("%q: %t %q", s, negative, parts)
		}
	})
}

// What is taken for an address at a glance, package net/url takes for one too.
func TestPlainAddresses(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.StringMatching(`(https?|ftp|did)?:?/{0,3}[a-zA-Z0-9./_:@#?%-]{0,12}`).Draw(t, "s")
		scheme, rest, _ := strings.Cut(s, ":")
		if !plainAddress(scheme, rest) {
			return
		}
		if u, err := url.Parse(s); err != nil || u.Hostname() == "" || u.User != nil || u.Scheme != scheme {
			t.Fatalf("%q: %v, %v", s, u, err)
		}
	})
	for _, s := range []string{"http://data.europa.eu/snb/eqf/6", "https://a.example", "http://localhost:8080/status/r1#94567", "https://a.example/verify?id=1&lang=hr"} {
		if scheme, rest, _ := strings.Cut(s, ":"); !plainAddress(scheme, rest) {
			t.Errorf("%s is looked at for long", s)
		}
	}
}
