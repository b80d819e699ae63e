package contexts

import (
	"bytes"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"math/big"
	"net/url"
	"slices"
	"strings"

	"indeks/strictjson"
)

// maxContexts bounds @context: every combination costs memory while the set
// lives.
const maxContexts = 16

// digests of a document by algorithm: sha256, sha384, sha512.
type digests map[string][]byte

func digestsOf(doc []byte) digests {
	d256, d384, d512 := sha256.Sum256(doc), sha512.Sum384(doc), sha512.Sum512(doc)
	return digests{"sha256": d256[:], "sha384": d384[:], "sha512": d512[:]}
}

// published are the digests of the files as they are published, which a
// relatedResource entry may carry. The bytes compiled in here are others with
// the same meaning. W3C publishes the SHA-256 of VC1 and VC2; the rest was
// computed from the files that were restated.
var published = map[string]map[string]string{
	VC1: {
		"sha256": "q03dmlMXWIB6eaW0UFENYa6NFH6rlmzJogDAcJWwzcw=",
		"sha384": "gsOz6rhjdUu/0rnxfY1tufYRafMBy/CwXh/EvrX1xR3U0uiIwnT0nD+7JAj2H67R",
		"sha512": "U2pAs5DdqUqeORlsAAkPYmaOgYT+PIwCxKIshWZuaL9uhdPcfy26hbK2Lvldl94kEyVo2FBNtD8snILS6IQY0g==",
	},
	VC2: {
		"sha256": "WZVc7WaX1h4D8rJVb+vlMIqxaEKEb1tYbX8fet7JJzQ=",
		"sha384": "l/HrjlBCNWyAX91hr6LFV2Y3heB5Tcr6IeE4/Tje8YyzYBM8IhqjHWiWpr8+ZbYU",
		"sha512": "XVVFK9Lc+KKfWikEc+skKxxft31OaPGgqoe6pNuiaUhS1l7GPUisBKmdlW+fcVO5QG+E0tBMdIabAsI5odgTBQ==",
	},
	StatusV1: {
		"sha256": "/aWt01MjHmpohKRrEubHVGQoGQDLNIKE2cNg9iOB2fc=",
		"sha384": "rA74E4M+vWZrYXCmHFrazG19L1oEDRbCko6EFNT6B/ZNcDEwIeAr9Pl73RI+2ahO",
		"sha512": "/yynZnuZA3O0axJTXmuN6OricBQyeHFa2TWxWSFlIeUUyxzNhRdBCiQpUn4k2PyW+I+Lc0iHomAubuB7g7Zv7Q==",
	},
	DataIntegrityV1: {
		"sha256": "v/POI0jhSjPansxhJAP1fwepCBZ2HK77fRZfCCyBDs0=",
		"sha384": "xV5ejM+IRx+/EaxKc7JCuTWDwk2ms8a7ga9AxiCJ05kqWffuCFd5AC4ssNlPZchE",
		"sha512": "T0M5t6tGKvNiZG2zhypAxJBUcBxGXB3G0uqy4LdnHOuc8L0OQN3nnu+C6cOS9bGT3MTdRabj2bWWkQNSzbdWbQ==",
	},
	DataIntegrityV2: {
		"sha256": "D3d0Pa9bTo/AZ/xbpbIQRCgwU6pxf8awIZhDvtOwA2M=",
		"sha384": "pcrveupY3/OsXBAQ29YRV/x9KIniFXeLmt0RQkcLiIKzFpg2pzHZWG/FH9xsNo/g",
		"sha512": "TlVXwC6g9uSBLEkHs/2QmK2NeJ9CE4T2aAdhlYHXqzKJmgcprS4aJuPrCzzSn7GjtJESX8KI18SnpoXhOn7amQ==",
	},
	Status2021: {
		"sha256": "bdBqUr7bdx4FnBCDuounhI3OIva0qM+guYuj/BiIcOQ=",
		"sha384": "Oc9AfsrrWHpZ4uNnOEIZ0U5S1Zl2JM5hu8mvSn5OP2IF5dEAtMTm/R4ZvDcEbFGU",
		"sha512": "wPRsJKJsfzqzNxN8jLWprrNHfAV/UpgwJhFbUMFoCtK+1sdxXbSH814ZftJyqA+wMeZFFNjsi4eZo0MLXTdQng==",
	},
	EDCAP: {
		"sha256": "Uo+KDobbvsfbIhbGGAbmMR/u2sd6UdGjiwodSeTDN/s=",
		"sha384": "iT8h6NYXwhf45BXvTre8DBiWsJKaC07DKLQxVsRIqR4mJ/F5sBabSr1JibKF50Hr",
		"sha512": "kD5AGc7AIfWrD380U+I+AoFwnS4v18jX8K7CU1pH68C2ijLNkWZkHqXSITDZ32e5Nl9axLrsbNBD6crOv1VgnA==",
	},
}

// PublishedDigest returns the SHA-256, in lower-case hexadecimal, of the file
// published under a compiled-in context's URL, or "" for any other URL.
func PublishedDigest(url string) string {
	return hex.EncodeToString(publishedDigests(url)["sha256"])
}

func publishedDigests(url string) digests {
	d := make(digests)
	for algorithm, encoded := range published[url] {
		sum, err := base64.StdEncoding.DecodeString(encoded)
		if err != nil {
			panic(err) // unreachable: the table above
		}
		d[algorithm] = sum
	}
	return d
}

// contextsOf resolves the @context of a credential or presentation to pinned
// documents. It refuses whatever would bring in another context.
func (s *Set) contextsOf(obj *strictjson.Value) ([]*document, *Problem) {
	ctx := obj.Get("@context")
	urls := ctx.Items()
	switch ctx.Kind() {
	case strictjson.Absent, strictjson.Null:
		return nil, &Problem{Rule: "context-missing", Detail: "there is no @context"}
	case strictjson.String:
		urls = []strictjson.Member{{Value: *ctx}}
	case strictjson.Array:
	default:
		return nil, &Problem{Rule: "context-inline", Detail: "@context holds a context instead of naming one"}
	}
	switch {
	case len(urls) == 0:
		return nil, &Problem{Rule: "context-missing", Detail: "@context is empty"}
	case len(urls) > maxContexts:
		return nil, &Problem{Rule: "budget", Detail: fmt.Sprintf("more than %d contexts", maxContexts)}
	}
	docs := make([]*document, len(urls))
	for i := range urls {
		name, ok := urls[i].Value.Text()
		switch {
		case s.open && urls[i].Value.Kind() == strictjson.Object:
			doc, p := writtenContext(urls[i].Value.Any().(map[string]any))
			if p != nil {
				return nil, p
			}
			docs[i] = doc
		case !ok:
			return nil, &Problem{Rule: "context-inline", Detail: "@context holds a context instead of naming one"}
		case s.docs[name] != nil:
			docs[i] = s.docs[name]
		case isELM(name):
			docs[i] = s.elm
			if !isProof(obj) && !bound(obj, name, s.elm.digests) {
				return nil, &Problem{Rule: "context-digest", Detail: fmt.Sprintf(
					"%s is not bound by a relatedResource entry with the digest %s", name, ELMDigestSRI())}
			}
		default:
			return nil, &Problem{Rule: "context-unknown", Detail: fmt.Sprintf("context %s is not known", name), Err: ErrUnknownContext}
		}
	}

	// VCDM 2.0 section 4.3 and VCDM 1.1 section 4.1: the base context is first.
	base := slices.IndexFunc(docs, func(d *document) bool { return d == s.docs[VC2] })
	if base < 0 {
		base = slices.IndexFunc(docs, func(d *document) bool { return d == s.docs[VC1] })
	}
	if base > 0 || base < 0 && slices.Contains(docs, s.docs[EDCAP]) {
		return nil, &Problem{Rule: "context-order", Detail: "the base context of the data model is not the first context"}
	}
	return docs, s.related(obj)
}

// isProof reports whether obj is the options of a Data Integrity proof, which are
// read under the contexts of the document that they are about. What binds those
// stands in the document.
func isProof(obj *strictjson.Value) bool {
	kind, ok := obj.Get("type").Text()
	return ok && kind == "DataIntegrityProof"
}

// isELM reports whether name is a URL at which an issuer serves ELMDocument.
func isELM(name string) bool {
	if !strings.HasSuffix(name, ELMPath) {
		return false
	}
	u, err := url.Parse(name)
	if err != nil || u.User != nil || u.Opaque != "" || u.RawQuery != "" || u.Fragment != "" || u.Hostname() == "" {
		return false
	}
	switch u.Scheme {
	case "https":
		return true
	case "http":
		return u.Hostname() == "localhost" || u.Hostname() == "127.0.0.1" || u.Hostname() == "::1"
	}
	return false
}

// related checks the digests that relatedResource (VCDM 2.0 section 5.3) gives
// for contexts of the set.
func (s *Set) related(obj *strictjson.Value) *Problem {
	for entry := range relatedResources(obj) {
		name, _ := entry.Get("id").Text()
		if doc := s.docs[name]; doc != nil {
			if _, ok := doc.digests.confirm(entry); !ok {
				return &Problem{Rule: "context-digest", Detail: fmt.Sprintf(
					"relatedResource has another digest for %s than the pinned context", name)}
			}
		}
	}
	return nil
}

// bound reports whether relatedResource names this resource, each time with
// right digests.
func bound(obj *strictjson.Value, name string, want digests) bool {
	found := false
	for entry := range relatedResources(obj) {
		if id, ok := entry.Get("id").Text(); ok && id == name {
			given, ok := want.confirm(entry)
			if !given || !ok {
				return false
			}
			found = true
		}
	}
	return found
}

func relatedResources(obj *strictjson.Value) func(yield func(*strictjson.Value) bool) {
	return func(yield func(*strictjson.Value) bool) {
		given := obj.Get("relatedResource")
		if given.Kind() == strictjson.Object {
			yield(given)
			return
		}
		items := given.Items()
		for i := range items {
			if entry := &items[i].Value; entry.Kind() == strictjson.Object && !yield(entry) {
				return
			}
		}
	}
}

// confirm compares the digests of a relatedResource entry. given reports
// whether there are any, ok whether all of them are right; a form that cannot
// be read is not right.
func (d digests) confirm(entry *strictjson.Value) (given, ok bool) {
	if sri := entry.Get("digestSRI"); sri.Kind() != strictjson.Absent {
		text, _ := sri.Text()
		if !d.confirmSRI(text) {
			return true, false
		}
		given = true
	}
	if multibase := entry.Get("digestMultibase"); multibase.Kind() != strictjson.Absent {
		text, _ := multibase.Text()
		if !d.confirmMultibase(text) {
			return true, false
		}
		given = true
	}
	return given, true
}

// confirmSRI compares integrity metadata (Subresource Integrity section 3.5):
// digests separated by spaces, all of which must be right.
func (d digests) confirmSRI(text string) bool {
	parts := strings.Fields(text)
	for _, part := range parts {
		algorithm, encoded, _ := strings.Cut(part, "-")
		sum, err := base64.StdEncoding.DecodeString(encoded)
		if err != nil || d[algorithm] == nil || !bytes.Equal(sum, d[algorithm]) {
			return false
		}
	}
	return len(parts) > 0
}

// multihashes are the prefixes of digests as multihash (Controlled Identifiers
// 1.0 section 2.5): code and length.
var multihashes = map[[2]byte]string{
	{0x12, 32}: "sha256",
	{0x20, 48}: "sha384",
	{0x13, 64}: "sha512",
}

func (d digests) confirmMultibase(text string) bool {
	if len(text) < 3 || len(text) > 100 {
		return false
	}
	var hash []byte
	switch text[0] {
	case 'u':
		hash, _ = base64.RawURLEncoding.DecodeString(text[1:])
	case 'z':
		hash = decodeBase58(text[1:])
	}
	if len(hash) < 2 {
		return false
	}
	want := d[multihashes[[2]byte(hash)]]
	return want != nil && bytes.Equal(hash[2:], want)
}

const base58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"

// decodeBase58 decodes the Bitcoin alphabet; it returns nil for other input. No
// multihash begins with a zero byte, so none is restored.
func decodeBase58(text string) []byte {
	n, radix := new(big.Int), big.NewInt(int64(len(base58)))
	for i := range len(text) {
		digit := strings.IndexByte(base58, text[i])
		if digit < 0 {
			return nil
		}
		n.Add(n.Mul(n, radix), big.NewInt(int64(digit)))
	}
	return n.Bytes()
}
