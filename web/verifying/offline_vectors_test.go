package verifying

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"flag"
	"fmt"
	"math/big"
	"os"
	"strings"
	"testing"
	"time"

	"indeks/elm"
	"indeks/keys"
	"indeks/paper"
	"indeks/status"
	"indeks/verifier"
)

var update = flag.Bool("update", false, "write testdata/offline.json anew, with new keys")

const vectorsFile = "testdata/offline.json"

// vectors are codes with what must be found of them. They are published, so that other
// implementations can be held to them too.
type vectors struct {
	About string            `json:"about"`
	Now   time.Time         `json:"now"`
	Trust json.RawMessage   `json:"trust"`
	Lists map[string]string `json:"lists"` // by address, for the verifier with a network
	Codes []vector          `json:"codes"`
}

// vector is one code. Server is the state that package verifier finds with a network, Page
// what the page finds with lists that are Age seconds old, or with none.
type vector struct {
	Name    string         `json:"name"`
	Text    string         `json:"text"`
	NoLists bool           `json:"no_lists,omitempty"` // they can be had by neither
	Age     int            `json:"age,omitempty"`
	Server  verifier.State `json:"server"`
	Page    string         `json:"page"`
}

func readVectors(t testing.TB) *vectors {
	t.Helper()
	raw, err := os.ReadFile(vectorsFile)
	if err != nil {
		t.Fatal(err)
	}
	v := new(vectors)
	if err := json.Unmarshal(raw, v); err != nil {
		t.Fatal(err)
	}
	return v
}

// maker makes vectors.
type maker struct {
	t     *testing.T
	now   time.Time
	keys  map[string]crypto.Signer // by kid
	whole []byte                   // payload of the whole credential
}

const (
	vectorDID  = "did:web:uni.example"
	vectorBase = "https://verify.example"
)

func (m *maker) key(kid string, alg keys.Algorithm) map[string]any {
	var private crypto.Signer
	var err error
	if alg == keys.EdDSA {
		_, private, err = ed25519.GenerateKey(rand.Reader)
	} else {
		private, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	}
	if err != nil {
		m.t.Fatal(err)
	}
	m.keys[kid] = private
	return map[string]any{
		"jwk":        json.RawMessage((&keys.PublicKey{ID: kid, Alg: alg, Key: private.Public()}).JWK()),
		"purposes":   []string{"assertionMethod"},
		"not_before": "2026-01-01T00:00:00Z",
	}
}

// seal signs a payload under a header with the key of a kid.
func (m *maker) seal(kid, header string, payload []byte) []byte {
	b64 := base64.RawURLEncoding
	input := b64.EncodeToString([]byte(header)) + "." + b64.EncodeToString(payload)
	var signature []byte
	switch private := m.keys[kid].(type) {
	case ed25519.PrivateKey:
		signature = ed25519.Sign(private, []byte(input))
	case *ecdsa.PrivateKey:
		digest := sha256.Sum256([]byte(input))
		r, s, err := ecdsa.Sign(rand.Reader, private, digest[:])
		if err != nil {
			m.t.Fatal(err)
		}
		signature = make([]byte, 64)
		r.FillBytes(signature[:32])
		s.FillBytes(signature[32:])
	}
	return []byte(input + "." + b64.EncodeToString(signature))
}

func (m *maker) header(kid string) string {
	alg := "ES256"
	if _, ok := m.keys[kid].(ed25519.PrivateKey); ok {
		alg = "EdDSA"
	}
	return fmt.Sprintf(`{"alg":%q,"iat":%d,"kid":%q,"typ":"vc+jwt"}`, alg, m.now.Add(-24*time.Hour).Unix(), kid)
}

func (m *maker) text(token []byte) string {
	text, err := paper.OfflineText(vectorBase, token)
	if err != nil {
		m.t.Fatal(err)
	}
	return text
}

// extract is the extract of a credential as our issuer makes it.
func (m *maker) extract(o elm.ExtractOptions, change func(c *elm.Credential)) []byte {
	concept := func(id string) *elm.Concept {
		return &elm.Concept{Ref: elm.Ref{ID: id, Type: elm.List[string]{"Concept"}}}
	}
	text := func(pairs ...string) elm.Text {
		all := map[string][]string{}
		for i := 0; i < len(pairs); i += 2 {
			all[pairs[i]] = []string{pairs[i+1]}
		}
		return elm.TextOf(all)
	}
	typed := func(name string) elm.Ref { return elm.Ref{Type: elm.List[string]{name}} }
	c := &elm.Credential{
		ELMContext: "https://uni.example/contexts/elm/v1", ID: "urn:credential:6a1de0a5-4c9c-4c39-8f0d-3a3a1f8f9f57",
		Identifier: elm.List[elm.Identifier]{{Ref: typed("Identifier"), Notation: "MC-2026-00007", SchemeName: "Certificate number"}},
		ValidFrom:  elm.At(m.now.Add(-24 * time.Hour)),
		Issuer:     elm.Organisation{Ref: elm.Ref{ID: vectorDID, Type: elm.List[string]{"Organisation"}}, DID: vectorDID, LegalName: text("en", "University of Example", "sr-Cyrl", "Универзитет Пример")},
		Subject: elm.List[elm.Person]{{Ref: typed("Person"), FullName: text("sr-Latn", "Đorđe Šćepanović"), HasClaim: elm.List[elm.Claim]{{
			Ref: typed("LearningAchievement"), Title: text("en", "Grafting of Fruit Trees", "sr-Cyrl", "Калемљење воћака"),
			AwardedBy: &elm.AwardingProcess{Ref: typed("AwardingProcess"), AwardingDate: elm.DateTime("2026-06-30T00:00:00Z"),
				AwardingBody: elm.List[elm.Organisation]{{Ref: elm.Ref{ID: "urn:epass:org:2", Type: elm.List[string]{"Organisation"}}, LegalName: text("en", "Orchard School")}}},
			SpecifiedBy: &elm.Specification{Ref: typed("Qualification"), EQFLevel: concept("http://data.europa.eu/snb/eqf/5"), VolumeOfLearning: "PT75H",
				Mode: elm.List[elm.Concept]{*concept("http://data.europa.eu/snb/learning-assessment/e92d221e4d")},
				LearningOutcome: elm.List[elm.LearningOutcome]{
					{Ref: typed("LearningOutcome"), Title: text("en", "Chooses stock and scion", "sr-Cyrl", "Бира подлогу и племку")},
					{Ref: typed("LearningOutcome"), Title: text("en", "Makes a whip and tongue graft", "sr-Cyrl", "Изводи енглеско спајање")}}},
			ProvenBy:       elm.List[elm.Claim]{{Ref: typed("LearningAssessment"), Title: text("en", "Practical test"), Grade: &elm.Note{Ref: typed("Note"), NoteLiteral: text("en", "9 (nine)")}}},
			CreditReceived: elm.List[elm.CreditPoint]{{Ref: typed("CreditPoint"), Framework: concept("http://data.europa.eu/snb/education-credit/6fcec5c5af"), Point: "3"}},
		}}}},
	}
	c.CredentialStatus = m.entries(7)
	if change != nil {
		change(c)
	}
	raw, err := c.Encode(elm.VC2)
	if err != nil {
		m.t.Fatal(err)
	}
	m.whole = raw
	read, err := elm.Parse(raw)
	if err != nil {
		m.t.Fatal(err)
	}
	extract, err := read.Extract(o)
	if err != nil {
		m.t.Fatal(err)
	}
	return extract
}

func (m *maker) entries(index int) (list elm.List[elm.StatusEntry]) {
	for _, purpose := range []string{"revocation", "suspension"} {
		list = append(list, elm.StatusEntry{Ref: elm.Ref{Type: elm.List[string]{"BitstringStatusListEntry"}}, StatusPurpose: purpose,
			StatusListIndex: fmt.Sprint(index), StatusListCredential: "https://uni.example/status/" + purpose})
	}
	return list
}

// list is a sealed status list with bits set.
func (m *maker) list(kid, address, purpose string, bits ...uint64) string {
	l := status.New()
	for _, bit := range bits {
		if err := l.Set(bit, true); err != nil {
			m.t.Fatal(err)
		}
	}
	payload, err := json.Marshal(map[string]any{
		"@context": []string{"https://www.w3.org/ns/credentials/v2"}, "id": address, "type": []string{"VerifiableCredential", "BitstringStatusListCredential"},
		"issuer": vectorDID, "validFrom": m.now.Add(-time.Hour).Format(time.RFC3339),
		"credentialSubject": map[string]any{"id": address + "#list", "type": "BitstringStatusList", "statusPurpose": purpose, "encodedList": l.Encode()},
	})
	if err != nil {
		m.t.Fatal(err)
	}
	return string(m.seal(kid, m.header(kid), payload))
}

// reframed changes the first block of a code, whose bytes begin with dictionary, length of
// the header and length of the signature.
func reframed(text string, change func(first *big.Int)) string {
	at := strings.IndexByte(text, '#') + 2
	first, _ := new(big.Int).SetString(text[at:at+27], 10)
	change(first)
	return text[:at] + fmt.Sprintf("%027s", first) + text[at+27:]
}

// writeVectors writes the vectors anew.
func writeVectors(t *testing.T) {
	m := &maker{t: t, now: time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC), keys: map[string]crypto.Signer{}}
	kid := func(name string) string { return vectorDID + "#" + name }
	with := func(key map[string]any, name, value string) map[string]any { key[name] = value; return key }
	day := func(n int) string { return m.now.AddDate(0, 0, n).Format(time.RFC3339) }
	own := []any{
		m.key(kid("seal"), keys.ES256), m.key(kid("ed"), keys.EdDSA),
		with(m.key(kid("retired"), keys.ES256), "not_after", day(-2)),
		with(m.key(kid("lost-later"), keys.ES256), "compromised_at", day(0)),
		with(m.key(kid("lost-before"), keys.ES256), "compromised_at", day(-2)),
		with(m.key(kid("log"), keys.ES256), "kid", ""),
	}
	log := own[5].(map[string]any)
	delete(log, "kid")
	log["purposes"] = []string{"log"}
	other := m.key("did:web:other.example#seal", keys.ES256)
	trust, err := json.MarshalIndent(map[string]any{
		"version": 3, "issued": day(-30), "expires": day(300),
		"issuers": []any{
			map[string]any{"id": vectorDID, "legal_name": map[string]string{"en": "University of Example", "sr-Cyrl": "Универзитет Пример"}, "country": "RS", "domains": []string{"uni.example"}, "keys": own, "source": "an invented example", "checked": "2026-06-01"},
			map[string]any{"id": "did:web:other.example", "legal_name": map[string]string{"en": "Other University"}, "country": "RS", "domains": []string{"other.example"}, "keys": []any{other}, "source": "an invented example", "checked": "2026-06-01"},
		},
	}, "  ", " ")
	if err != nil {
		t.Fatal(err)
	}
	v := vectors{
		About: "Offline codes (docs/offline.md) and what must be found of them. The keys were thrown away.",
		Now:   m.now, Trust: trust, Lists: map[string]string{},
	}
	for _, purpose := range []string{"revocation", "suspension"} {
		address := "https://uni.example/status/" + purpose
		bits := map[string][]uint64{"revocation": {11, 131071}, "suspension": {12}}[purpose]
		v.Lists[address] = m.list(kid("seal"), address, purpose, bits...)
	}
	v.Lists["https://uni.example/status/forged"] = m.list("did:web:other.example#seal", "https://uni.example/status/forged", "revocation")
	v.Lists["https://uni.example/status/moved"] = v.Lists["https://uni.example/status/revocation"]

	all := elm.ExtractOptions{Outcomes: true, Grade: true, Birth: "1999-12-31T00:00:00Z"}
	least := elm.ExtractOptions{Languages: []string{"en"}}
	plain := m.extract(least, nil)
	whole := m.whole
	add := func(name, text string, server verifier.State, page string) *vector {
		if page == "" {
			page = string(server)
		}
		v.Codes = append(v.Codes, vector{Name: name, Text: text, Server: server, Page: page})
		return &v.Codes[len(v.Codes)-1]
	}
	sealed := func(name string, payload []byte, kid string, server verifier.State, page string) *vector {
		return add(name, m.text(m.seal(kid, m.header(kid), payload)), server, page)
	}
	replaced := func(old, new string) []byte {
		changed := strings.Replace(string(plain), old, new, 1)
		if changed == string(plain) {
			t.Fatalf("%q is not there", old)
		}
		return []byte(changed)
	}
	at := func(index int, list string) []byte {
		return m.extract(least, func(c *elm.Credential) {
			c.CredentialStatus = m.entries(index)
			if list != "" {
				c.CredentialStatus = c.CredentialStatus[:1]
				c.CredentialStatus[0].StatusListCredential = "https://uni.example/status/" + list
			}
		})
	}
	seal := kid("seal")

	// what is good
	good := sealed("the least", plain, seal, verifier.StateValid, "").Text
	sealed("everything, in two languages", m.extract(all, nil), seal, verifier.StateValid, "")
	sealed("Ed25519", plain, kid("ed"), verifier.StateValid, "")
	sealed("no status", m.extract(least, func(c *elm.Credential) { c.CredentialStatus = nil }), seal, verifier.StateValid, "")
	add("digits alone", good[strings.IndexByte(good, '#')+1:], verifier.StateValid, "")
	add("another host, capitals, a language", "HTTPS://VERIFY.FORGER.EXAMPLE/Q?LANG=HR"+good[strings.IndexByte(good, '#'):], verifier.StateValid, "")

	// withdrawn, or nobody can tell
	sealed("revoked", at(11, ""), seal, verifier.Revoked, "")
	sealed("revoked, at the last place of the list", at(131071, ""), seal, verifier.Revoked, "")
	sealed("on hold", at(12, ""), seal, verifier.Suspended, "")
	sealed("lists of five minutes ago", plain, seal, verifier.StateValid, "status_unchecked").Age = 300
	sealed("revoked five minutes ago", at(11, ""), seal, verifier.Revoked, "").Age = 300
	sealed("no lists", plain, seal, verifier.StatusUnchecked, "").NoLists = true
	sealed("a list that another institution sealed", at(7, "forged"), seal, verifier.StatusUnchecked, "")
	sealed("a list that is another one", at(7, "moved"), seal, verifier.StatusUnchecked, "")
	sealed("a place outside the list", at(131072, ""), seal, verifier.NotValid, "status_unchecked")

	// forged
	token := m.seal(seal, m.header(seal), plain)
	bent := append([]byte(nil), token...)
	if bent[len(bent)-10] ^= 1; bent[len(bent)-10] == '-' || bent[len(bent)-10] == '_' {
		bent[len(bent)-10] = 'A'
	}
	add("another signature", m.text(bent), verifier.NotValid, "")
	parts := strings.Split(string(token), ".")
	add("another name", m.text([]byte(parts[0]+"."+base64.RawURLEncoding.EncodeToString(replaced("Đorđe", "Petar"))+"."+parts[2])), verifier.NotValid, "")
	m.keys["forged"] = nil
	m.key("forged", keys.ES256)
	add("another key under the same name", m.text(m.seal("forged", m.header(seal), plain)), verifier.NotValid, "")
	add("a key that the institution does not have", m.text(m.seal("forged", m.header("forged"), plain)), verifier.NotValid, "")
	add("a stranger", m.text(m.seal("forged", m.header("forged"), replaced(`"issuer":{"id":"did:web:uni.example"`, `"issuer":{"id":"did:web:stranger.example"`))), verifier.IssuerUnknown, "")
	sealed("in the name of another institution", plain, "did:web:other.example#seal", verifier.NotValid, "")
	sealed("a retired key", plain, kid("retired"), verifier.NotValid, "")
	sealed("a key that was lost later", plain, kid("lost-later"), verifier.Unconfirmable, "")
	sealed("a key that was lost before", plain, kid("lost-before"), verifier.NotValid, "")
	sealed("a key for logs", plain, kid("log"), verifier.NotValid, "")
	add("sealed tomorrow", m.text(m.seal(seal, strings.Replace(m.header(seal), fmt.Sprint(m.now.Add(-24*time.Hour).Unix()), fmt.Sprint(m.now.Add(24*time.Hour).Unix()), 1), plain)), verifier.NotValid, "")

	// outside its period
	sealed("ended", m.extract(least, func(c *elm.Credential) { c.ValidUntil = elm.At(m.now.Add(-time.Hour)) }), seal, verifier.Expired, "")
	sealed("not begun", m.extract(least, func(c *elm.Credential) { c.ValidFrom = elm.At(m.now.Add(time.Hour)) }), seal, verifier.NotYetValid, "")

	// what the page leaves to the server
	bound := func(header string, payload []byte) string { return m.text(m.seal(seal, header, payload)) }
	add("a header with crit", bound(strings.Replace(m.header(seal), `{"alg"`, `{"crit":["b64"],"b64":false,"alg"`, 1), plain), verifier.NotValid, "not_understood")
	add("a header with a key", bound(strings.Replace(m.header(seal), `,"typ"`, `,"jwk":{},"typ"`, 1), plain), verifier.StateValid, "not_understood")
	add("another typ", bound(strings.Replace(m.header(seal), "vc+jwt", "trust+jwt", 1), plain), verifier.NotValid, "not_understood")
	sealed("a member twice", replaced(`"fullName"`, `"fullName":{"en":"Somebody Else"},"fullName"`), seal, verifier.NotValid, "not_understood")
	sealed("white space", append([]byte(" "), plain...), seal, verifier.StateValid, "not_understood")
	sealed("the whole credential", whole, seal, verifier.StateValid, "not_understood")
	sealed("a term that nothing defines", replaced(`"fullName"`, `"nickname":"Djole","fullName"`), seal, verifier.NotValid, "not_understood")
	sealed("another context under our name", replaced("sha384-IoFL", "sha384-AAAA"), seal, verifier.NotValid, "not_understood")
	sealed("a purpose that nobody knows", replaced(`"statusPurpose":"suspension"`, `"statusPurpose":"whim"`), seal, verifier.StatusUnchecked, "not_understood")
	sealed("no JSON", []byte("not JSON at all, but sealed all the same"), seal, verifier.NotValid, "not_understood")

	// what cannot be read
	add("a digit less", good[:len(good)-1], verifier.Unreadable, "")
	add("digits that stand for no bytes", vectorBase+"/q#1"+strings.Repeat("9", 270), verifier.Unreadable, "")
	add("a later version", strings.Replace(good, "#1", "#2", 1), verifier.Unreadable, "newer")
	add("a later dictionary", reframed(good, func(first *big.Int) { first.Add(first, new(big.Int).Lsh(big.NewInt(8), 80)) }), verifier.Unreadable, "newer")
	add("no header", reframed(good, func(first *big.Int) { first.SetBit(first.Rsh(first, 80).Lsh(first, 80), 64, 1) }), verifier.Unreadable, "")
	add("cut off", good[:strings.IndexByte(good, '#')+2+27*30], verifier.Unreadable, "")

	raw, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(vectorsFile, append(raw, '\n'), 0o644); err != nil {
		t.Fatal(err)
	}
}
