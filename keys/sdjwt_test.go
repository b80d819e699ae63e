package keys

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"
)

const disclosable = `{"vct":"urn:x","name":"Ana","address":{"street":"A","city":"B"},"courses":["one",{"title":"two","grade":9.50},"three"],"n":1e2}`

// What the holder shows is opened, what is kept back is not in the token, and what
// lies within it neither.
func TestPresent(t *testing.T) {
	s := sealer(t, ES256)
	token, err := s.SealDisclosable([]byte(disclosable), []string{"/name", "/address", "/address/street", "/courses/1/grade", "/courses/1", "/courses/2"}, sealedAt)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		show      []string
		want      string
		concealed int
		without   []string
	}{
		{[]string{"/name", "/address", "/address/street", "/courses/1", "/courses/1/grade", "/courses/2"}, disclosable, 0, nil},
		{nil, `{"vct":"urn:x","courses":["one"],"n":1e2}`, 4, []string{"Ana", "street", "two", "9.50", "three"}},
		{[]string{"/name", "/courses/1", "/address/street"}, `{"vct":"urn:x","name":"Ana","courses":["one",{"title":"two"}],"n":1e2}`, 3, []string{"street", "9.50", "three"}},
		{[]string{"/address"}, `{"vct":"urn:x","address":{"city":"B"},"courses":["one"],"n":1e2}`, 4, []string{"Ana"}},
	} {
		presented, err := Present(token, func(p string) bool { return slices.Contains(tt.show, p) })
		if err != nil {
			t.Fatal(err)
		}
		opened, err := Open(context.Background(), presented, oneKey(s.Public()))
		if err != nil {
			t.Fatalf("%q: %v", tt.show, err)
		}
		got, want := jsontext.Value(opened.Payload), jsontext.Value(tt.want)
		if err := errors.Join(got.Canonicalize(), want.Canonicalize()); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), string(got)); diff != "" || opened.Form != SDJWT || opened.Concealed != tt.concealed {
			t.Errorf("%q: form %s, %d kept back (-want +got):\n%s", tt.show, opened.Form, opened.Concealed, diff)
		}
		var texts []byte
		for _, part := range bytes.FieldsFunc(presented, func(r rune) bool { return r == '~' || r == '.' }) {
			raw, err := decodeBase64URL(part)
			if err != nil {
				t.Fatal(err)
			}
			texts = append(texts, raw...)
		}
		for _, text := range tt.without {
			if bytes.Contains(texts, []byte(text)) {
				t.Errorf("%q: %q is in the token", tt.show, text)
			}
		}
	}
	if !bytes.Contains(token, []byte("~")) || TypUnsafe(token) != "dc+sd-jwt" {
		t.Errorf("typ %s", TypUnsafe(token))
	}
}

// No two seals of the same payload have a digest in common, and none tells the
// order of what is kept back.
func TestSalts(t *testing.T) {
	seen := map[string]bool{}
	for range 20 {
		claims, disclosures, err := conceal([]byte(`{"a":1,"b":2,"c":3}`), []string{"/a", "/b", "/c"})
		if err != nil {
			t.Fatal(err)
		}
		var digests []string
		for _, d := range disclosures {
			digests = append(digests, digestOf(d))
		}
		for _, d := range digests {
			if seen[d] {
				t.Error("a digest comes twice")
			}
			seen[d] = true
		}
		slices.Sort(digests)
		if want := `{"_sd":["` + strings.Join(digests, `","`) + `"],"_sd_alg":"sha-256"}`; string(claims) != want {
			t.Errorf("%s, want %s", claims, want)
		}
	}
}

func TestConcealRefuses(t *testing.T) {
	for payload, place := range map[string]string{
		`{"a":1}`: "/b", `{"a":[1]}`: "/a/1", `{"credentialStatus":1}`: "/credentialStatus", `{"issuer":1}`: "/issuer",
		`[1]`: "/0", `{"_sd":[],"a":1}`: "/a", `{"a":{"...":1}}`: "/a", `{"a":1`: "/a", `{"a":1,"a":1}`: "/a",
	} {
		if claims, _, err := conceal([]byte(payload), []string{place}); err == nil {
			t.Errorf("%s in %s: %s", place, payload, claims)
		}
	}
}

// The examples of RFC 9901 sections 4.2.1 to 4.2.3.
const (
	familyName       = "WyJfMjZiYzRMVC1hYzZxMktJNmNCVzVlcyIsICJmYW1pbHlfbmFtZSIsICJNw7ZiaXVzIl0"
	familyNameDigest = "X9yH0Ajrdm1Oij4tWso9UzzKJvPoDxwmuEcO3XAdRC0"
	nationality      = "WyJsa2x4RjVqTVlsR1RQVW92TU5JdkNBIiwgIkZSIl0"
	nationDigest     = "w0I8EKcdCtUPkGCNUrfwVp2xEgNjtoIDlOxc9-PlOhs"
)

// Whoever reads more leniently than RFC 9901 section 7.1 can be shown something
// that was not signed.
func TestReveal(t *testing.T) {
	disclose := func(raw string) string { return base64URL.EncodeToString([]byte(raw)) }
	salted := func(rest string) string { return disclose(`["0123456789abcdef012345",` + rest + `]`) }
	digest := func(text string) string { return digestOf([]byte(text)) }
	with := func(disclosures ...string) (payload string, texts []string) {
		var digests []string
		for _, d := range disclosures {
			digests = append(digests, `"`+digest(d)+`"`)
		}
		return `{"_sd":[` + strings.Join(digests, ",") + `],"x":1}`, disclosures
	}
	both := familyName + "~" + nationality
	inner := salted(`"inner",1`)
	outer := salted(`"outer",{"_sd":["` + digest(inner) + `"]}`)
	for name, tt := range map[string]struct {
		payload, texts string
		want           string // "": refused
	}{
		"example":                             {`{"_sd":["` + familyNameDigest + `"],"nationalities":["DE",{"...":"` + nationDigest + `"}],"_sd_alg":"sha-256"}`, both, `{"family_name":"Möbius","nationalities":["DE","FR"]}`},
		"example, kept back":                  {`{"_sd":["` + familyNameDigest + `"],"nationalities":["DE",{"...":"` + nationDigest + `"}],"_sd_alg":"sha-256"}`, "", `{"nationalities":["DE"]}`},
		"nested":                              {`{"_sd":["` + digest(outer) + `"]}`, inner + "~" + outer, `{"outer":{"inner":1}}`},
		"nested, outer alone":                 {`{"_sd":["` + digest(outer) + `"]}`, outer, `{"outer":{}}`},
		"nothing disclosable":                 {`{"a":[{"b":{}}, {}]}`, "", `{"a":[{"b":{}},{}]}`},
		"nested, inner alone":                 {`{"_sd":["` + digest(outer) + `"]}`, inner, ""},
		"belongs to nothing":                  {`{"a":1}`, familyName, ""},
		"twice":                               {`{"_sd":["` + familyNameDigest + `"]}`, familyName + "~" + familyName, ""},
		"digest twice":                        {`{"_sd":["` + familyNameDigest + `","` + familyNameDigest + `"]}`, familyName, ""},
		"digest in two places, nothing shown": {`{"_sd":["` + familyNameDigest + `"],"a":{"_sd":["` + familyNameDigest + `"]}}`, "", ""},
		"digest inside its own disclosure":    {`{"_sd":["` + digest(outer) + `"],"a":{"_sd":["` + digest(inner) + `"]}}`, inner + "~" + outer, ""},
		"member for an element":               {`{"a":[{"...":"` + familyNameDigest + `"}]}`, familyName, ""},
		"element for a member":                {`{"_sd":["` + nationDigest + `"]}`, nationality, ""},
		"name is there":                       {`{"family_name":"x","_sd":["` + familyNameDigest + `"]}`, familyName, ""},
		"name comes later":                    {`{"_sd":["` + familyNameDigest + `"],"family_name":"x"}`, familyName, ""},
		"other algorithm":                     {`{"_sd":["` + familyNameDigest + `"],"_sd_alg":"sha-512"}`, familyName, ""},
		"algorithm that is no text":           {`{"_sd_alg":1}`, "", ""},
		"algorithm further down":              {`{"a":{"_sd_alg":"sha-256"}}`, "", ""},
		"element beside others":               {`{"a":[{"...":"` + nationDigest + `","b":1}]}`, nationality, ""},
		"element behind others":               {`{"a":[{"b":1,"...":"` + nationDigest + `"}]}`, nationality, ""},
		"element that is no text":             {`{"a":[{"...":1}]}`, "", ""},
		"element outside an array":            {`{"a":{"...":"` + nationDigest + `"}}`, nationality, ""},
		"digests that are none":               {`{"_sd":"` + familyNameDigest + `"}`, familyName, ""},
		"digest that is no text":              {`{"_sd":[1]}`, "", ""},
		"array at the top":                    {`["DE",{"...":"` + nationDigest + `"}]`, nationality, ""},
		"something after":                     {`{} {}`, "", ""},
		"member twice":                        {`{"a":1,"a":2}`, "", ""},
		"not base64url":                       {`{"_sd":["` + familyNameDigest + `"]}`, familyName + "=", ""},
		"deep":                                {strings.Repeat(`{"a":`, 70) + "1" + strings.Repeat("}", 70), "", ""},
	} {
		var texts [][]byte
		if tt.texts != "" {
			texts = bytes.Split([]byte(tt.texts), []byte("~"))
		}
		r, err := reveal([]byte(tt.payload), texts)
		if tt.want == "" {
			if _, ok := errors.AsType[*OpenError](err); !ok {
				t.Errorf("%s: %+v, err = %v, want an OpenError", name, r, err)
			}
		} else if err != nil || string(r.payload) != tt.want {
			t.Errorf("%s: %v, %+v, want %s", name, err, r, tt.want)
		}
	}
	for name, disclosure := range map[string]string{
		"no array": disclose(`{}`), "null": disclose("null"), "one part": disclose(`["0123456789abcdef012345"]`), "four parts": salted(`"a",1,2`), "short salt": disclose(`["0123456789abcdef01234","a",1]`),
		"salt that is no text": disclose(`[1,"a",1]`), "name that is no text": salted(`1,1`), "named _sd": salted(`"_sd",[]`), "named ...": salted(`"...","x"`), "named _sd_alg": salted(`"_sd_alg","sha-256"`),
		"two values": disclose(`["0123456789abcdef012345","a",1] 2`), "status": salted(`"credentialStatus",{}`), "iss": salted(`"iss","x"`), "type": salted(`"type","x"`),
		"member twice": salted(`"a",{"b":1,"b":2}`),
	} {
		payload, texts := with(disclosure)
		var given [][]byte
		for _, text := range texts {
			given = append(given, []byte(text))
		}
		if r, err := reveal([]byte(payload), given); err == nil {
			t.Errorf("disclosure %s: %s", name, r.payload)
		}
	}
}

// A token that has no ~ where there must be one, or one where there must be none,
// or a proof of key binding, is refused.
func TestOpenSDJWTRefuses(t *testing.T) {
	s := sealer(t, ES256)
	token, err := s.SealDisclosable([]byte(disclosable), []string{"/name"}, sealedAt)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := s.Seal([]byte(disclosable), VCJWT, sealedAt)
	if err != nil {
		t.Fatal(err)
	}
	jwt, rest, _ := strings.Cut(string(token), "~")
	for name, tt := range map[string]struct {
		token string
		want  error
	}{
		"no ~":                      {jwt, ErrFormat},
		"no ~ at the end":           {strings.TrimSuffix(string(token), "~"), ErrFormat},
		"empty disclosure":          {jwt + "~~", ErrFormat},
		"key binding":               {string(token) + jwt, ErrFormat},
		"vc+jwt with ~":             {string(plain) + "~", ErrHeader},
		"vc+jwt, disclosure":        {string(plain) + "~" + rest, ErrHeader},
		"disclosure changed":        {jwt + "~" + "A" + rest, ErrFormat},
		"many disclosures":          {jwt + "~" + strings.Repeat("WyJhIl0~", maxDisclosures+1), ErrTooLarge},
		"another's payload":         {strings.Split(jwt, ".")[0] + "." + strings.Split(string(plain), ".")[1] + "." + strings.Split(jwt, ".")[2] + "~", ErrSignature},
		"as a presentation":         {"", nil},
		"as JSON in flattened form": {fmt.Sprintf(`{"payload":%q,"protected":%q,"signature":%q}`, strings.Split(jwt, ".")[1], strings.Split(jwt, ".")[0], strings.Split(jwt, ".")[2]), ErrHeader},
	} {
		if tt.want == nil {
			if _, err := OpenPresentation(context.Background(), token, oneKey(s.Public())); !errors.Is(err, ErrHeader) {
				t.Errorf("%s: err = %v", name, err)
			}
			continue
		}
		if opened, err := Open(context.Background(), []byte(tt.token), oneKey(s.Public())); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, err = %v, want %v", name, opened, err, tt.want)
		}
	}
}

// Whatever is given, what is opened has no member that means selective disclosure,
// and presenting all of it again changes nothing.
func FuzzDisclose(f *testing.F) {
	f.Add([]byte(`{"_sd":["`+familyNameDigest+`"],"nationalities":["DE",{"...":"`+nationDigest+`"}],"_sd_alg":"sha-256"}`), []byte(familyName+"~"+nationality))
	f.Add([]byte(`{"a":[[{"_sd":[]}],{"...":"x"}]}`), []byte{})
	f.Add([]byte(`{"_sd":["`+familyNameDigest+`"],"family_name":1}`), []byte(familyName))
	f.Fuzz(func(t *testing.T, payload, texts []byte) {
		var given [][]byte
		if len(texts) > 0 {
			given = bytes.Split(texts, []byte("~"))
		}
		r, err := reveal(payload, given)
		if err != nil {
			if _, ok := errors.AsType[*OpenError](err); !ok || r != nil {
				t.Fatalf("%v, %v", r, err)
			}
			return
		}
		if len(r.found) != len(given) {
			t.Fatalf("%d disclosures, %d used", len(given), len(r.found))
		}
		again, err := reveal(r.payload, nil)
		if err != nil || !bytes.Equal(again.payload, r.payload) || again.concealed != 0 {
			t.Fatalf("%q: %v", r.payload, err)
		}
	})
}
