package contexts

import (
	"encoding/base64"
	"fmt"
	"math/big"
	"strings"
	"testing"

	"indeks/strictjson"
)

// encodeBase58 is decodeBase58 the other way round.
func encodeBase58(data []byte) string {
	var out []byte
	n, radix, digit := new(big.Int).SetBytes(data), big.NewInt(58), new(big.Int)
	for n.Sign() > 0 {
		n.DivMod(n, radix, digit)
		out = append([]byte{base58[digit.Int64()]}, out...)
	}
	return string(out)
}

func TestRelatedResource(t *testing.T) {
	elm := Default().elm.digests
	hash := func(code byte, sum []byte) []byte { return append([]byte{code, byte(len(sum))}, sum...) }
	multibase := "u" + base64.RawURLEncoding.EncodeToString(hash(0x20, elm["sha384"]))
	base58btc := "z" + encodeBase58(hash(0x12, elm["sha256"]))
	cut := ELMDigestSRI()[:len(ELMDigestSRI())-4]
	sri512 := "sha512-" + base64.StdEncoding.EncodeToString(elm["sha512"])
	other := "sha384-" + base64.StdEncoding.EncodeToString(make([]byte, 48))

	own := func(digest string) string { return fmt.Sprintf(`{"id": %q, %s}`, ownContext, digest) }
	vc2 := func(digest string) string { return fmt.Sprintf(`{"id": %q, %s}`, VC2, digest) }
	for _, test := range []struct {
		name    string
		related string
		ok      bool
	}{
		{"SRI", own(`"digestSRI": "` + ELMDigestSRI() + `"`), true},
		{"in a list", `[{"id": "https://x.example/", "digestSRI": "` + other + `"}, ` + own(`"digestSRI": "`+ELMDigestSRI()+`"`) + `]`, true},
		{"two digests", own(`"digestSRI": "` + ELMDigestSRI() + ` ` + sri512 + `"`), true},
		{"multibase", own(`"digestMultibase": "` + multibase + `"`), true},
		{"base58", own(`"digestMultibase": "` + base58btc + `"`), true},
		{"both", own(`"digestSRI": "` + sri512 + `", "digestMultibase": "` + multibase + `"`), true},
		{"VC2 too", `[` + own(`"digestSRI": "`+sri512+`"`) + `, ` + vc2(`"digestSRI": "`+digestV2+`"`) + `]`, true},
		{"VC2 by sha384", `[` + own(`"digestSRI": "`+sri512+`"`) + `, ` + vc2(`"digestSRI": "sha384-l/HrjlBCNWyAX91hr6LFV2Y3heB5Tcr6IeE4/Tje8YyzYBM8IhqjHWiWpr8+ZbYU"`) + `]`, true},
		{"VC2 without a digest", `[` + own(`"digestSRI": "`+sri512+`"`) + `, ` + vc2(`"mediaType": "application/ld+json"`) + `]`, true},

		{"none", `[]`, false},
		{"other resource", `{"id": "https://x.example` + ELMPath + `", "digestSRI": "` + ELMDigestSRI() + `"}`, false},
		{"no digest", own(`"mediaType": "application/ld+json"`), false},
		{"wrong digest", own(`"digestSRI": "` + other + `"`), false},
		{"one of two wrong", own(`"digestSRI": "` + ELMDigestSRI() + ` ` + other + `"`), false},
		{"right and wrong entry", `[` + own(`"digestSRI": "`+sri512+`"`) + `, ` + own(`"digestSRI": "`+other+`"`) + `]`, false},
		{"multibase wrong", own(`"digestSRI": "` + sri512 + `", "digestMultibase": "` + multibase[:len(multibase)-2] + `AA"`), false},
		{"cut", own(`"digestSRI": "` + cut + `"`), false},
		{"empty", own(`"digestSRI": ""`), false},
		{"algorithm", own(`"digestSRI": "md5-AAAA"`), false},
		{"no text", own(`"digestSRI": 7`), false},
		{"no multibase", own(`"digestMultibase": 7`), false},
		{"unknown base", own(`"digestMultibase": "x` + multibase[1:] + `"`), false},
		{"no base58", own(`"digestMultibase": "z0OIl"`), false},
		{"long multibase", own(`"digestMultibase": "z` + strings.Repeat("z", 1000) + `"`), false},
		{"VC2 wrong", `[` + own(`"digestSRI": "`+sri512+`"`) + `, ` + vc2(`"digestSRI": "`+other+`"`) + `]`, false},
		{"VC2 as compiled in, not as published", `[` + own(`"digestSRI": "`+sri512+`"`) + `, ` +
			vc2(`"digestSRI": "sha256-`+base64.StdEncoding.EncodeToString(digestsOf(Default().docs[VC2].bytes)["sha256"])+`"`) + `]`, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := Default().Inspect(strictjson.Of(credential2(t, `{"relatedResource": `+test.related+`}`)))
			p := problem(t, err)
			switch {
			case test.ok && p != nil:
				t.Error(p)
			case !test.ok && (p == nil || p.Rule != "context-digest"):
				t.Errorf("%v, want context-digest", err)
			}
		})
	}
}

func TestWhereTheELMContextIsServed(t *testing.T) {
	for url, want := range map[string]bool{
		"https://issuer.example/contexts/elm/v1":           true,
		"https://issuer.example:8443/a/b/contexts/elm/v1":  true,
		"http://localhost:8080/contexts/elm/v1":            true,
		"http://127.0.0.1:8080/contexts/elm/v1":            true,
		"http://[::1]:8080/contexts/elm/v1":                true,
		"http://issuer.example/contexts/elm/v1":            false,
		"http://localhost.evil.example/contexts/elm/v1":    false,
		"https://issuer.example/contexts/elm/v1/":          false,
		"https://issuer.example/contexts/elm/v2":           false,
		"https://issuer.example/?x=/contexts/elm/v1":       false,
		"https://issuer.example/#/contexts/elm/v1":         false,
		"https://user@issuer.example/contexts/elm/v1":      false,
		"https:///contexts/elm/v1":                         false,
		"https:issuer.example/contexts/elm/v1":             false,
		"file:///contexts/elm/v1":                          false,
		"/contexts/elm/v1":                                 false,
		"https://issuer.example\x7f/contexts/elm/v1":       false,
		"https://issuer.example/xcontexts/elm/v1/elm/v1":   false,
		"https://issuer.example/contexts/elm/v1/extra/..%": false,
	} {
		if got := isELM(url); got != want {
			t.Errorf("isELM(%q) = %v", url, got)
		}
	}
}
