package keys

import (
	"bytes"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"indeks/strictjson"
)

// readsAlike holds plainObject and readString to those that read everything: what
// they read is well-formed, says the same there, and strictjson, by which TypUnsafe
// reads what is not plain, takes it too.
func readsAlike(t *testing.T, raw []byte) (plain bool) {
	t.Helper()
	members, ok := plainObject(raw)
	if !ok {
		return false
	}
	want, err := readObject(raw)
	if err != nil || len(members) != len(want) || nearMiss(want, headerNames) != "" {
		t.Fatalf("%q: plain, %v, but %v, %v", raw, members, want, err)
	}
	tree, err := strictjson.Parse(raw)
	if err != nil {
		t.Fatalf("%q: plain, but %v", raw, err)
	}
	for name, value := range want {
		if !bytes.Equal(members[name], value) {
			t.Fatalf("%q: %s is %q, not %q", raw, name, members[name], value)
		}
		if value.Kind() != '"' {
			continue
		}
		text, ok := readString(value)
		full, err := jsontext.AppendUnquote(nil, value)
		if strict, _ := tree.Get(name).Text(); !ok || err != nil || !bytes.Equal(text, full) || strict != string(full) {
			t.Fatalf("%q: %s is %q or %q, not %q", raw, name, text, strict, full)
		}
	}
	return true
}

func TestPlainObject(t *testing.T) {
	for raw, plain := range map[string]bool{
		`{"alg":"ES256","iat":1790000000,"kid":"did:web:uni.example#1","typ":"vc+jwt"}`: true,
		`{"b64":false,"alg":""}`:       true,
		`{"iat":0}`:                    false,
		`{"iat":012}`:                  false,
		`{"iat":1234567890123456}`:     false,
		`{"iat":1.5}`:                  false,
		`{"iat":-1}`:                   false,
		`{"iat":1e3}`:                  false,
		`{"iat":12`:                    false,
		`{"b64":falsely}`:              false,
		`{"b64":null}`:                 false,
		`{"alg":"ES256","alg":"none"}`: false,
		`{"alg":"ES256","Alg":"none"}`: false,
		`{"\u0061lg":"ES256"}`:         false,
		`{"alg":"ES\u0032"}`:           false,
		`{"alg":"é"}`:                  false,
		"{\"alg\":\"a\nb\"}":           false,
		`{"alg": "ES256"}`:             false,
		`{"alg":"ES256"} `:             false,
		`{"alg":"ES256"}{}`:            false,
		`{"alg":"ES256",}`:             false,
		`{"alg":"ES256""typ":"JWT"}`:   false,
		`{"alg":"ES256"`:               false,
		`{"alg":`:                      false,
		`{"alg"`:                       false,
		`{"crit":["b64"]}`:             false,
		`{"other":"x"}`:                false,
		`{}`:                           false,
		`{`:                            false,
		``:                             false,
		`[]`:                           false,
	} {
		if got := readsAlike(t, []byte(raw)); got != plain {
			t.Errorf("%s: plain %t, not %t", raw, got, plain)
		}
	}
}

func FuzzPlainObject(f *testing.F) {
	for _, seed := range []string{`{"alg":"ES256","iat":1790000000,"kid":"a","typ":"vc+jwt"}`, `{"b64":false}`, `{"alg":"\u0041"}`, `{"alg":"a","alg":"b"}`, `{"iat":01}`, `{}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) { readsAlike(t, raw) })
}
