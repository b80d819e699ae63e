package verifier

import (
	"encoding/json"
	"testing"
	"time"

	"pgregory.net/rapid"

	"indeks/elm"
	"indeks/keys"
)

// What AppendJSON writes is what encoding/json makes of the Wire, byte for byte.
func TestAppendJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"", "plain", "Čačak", "<b>&\"\\\u2028", "\x00\xff", "\u2029", "https://uni.example/a"}))
		texts := func() []string { return rapid.SliceOfN(text, 0, 3).Draw(t, "texts") }
		draw := func() string { return text.Draw(t, "text") }
		many := func() []int { return make([]int, rapid.IntRange(0, 2).Draw(t, "n")) }
		two := &Sentence{Names: []string{"A", "B"}, parts: []string{"", " <and> ", "."}}
		message := func() Message {
			return []Message{{}, periodOpen.Of(), two.Of(draw(), Detail(draw())), two.Of(two.Of(draw(), quoted(draw())), Elements(texts()))}[rapid.IntRange(0, 3).Draw(t, "message")]
		}
		r := Report{Verdict: Verdict(draw()), State: State(draw()), Reason: Reason(draw()), ID: draw(), Profile: elm.Profile(draw()), Form: keys.Form(draw()), SHA256: draw(),
			CheckedAt: time.Unix(rapid.Int64Range(0, 1<<33).Draw(t, "at"), rapid.Int64Range(0, 1e9-1).Draw(t, "ns")).UTC()}
		r.InPDF, r.Concealed = rapid.Bool().Draw(t, "PDF"), rapid.IntRange(0, 3).Draw(t, "concealed")
		r.Withdrawal, r.Since = draw(), r.CheckedAt.Add(-time.Hour)
		r.Issuer = Issuer{Name: draw(), DID: draw(), Country: draw(), Level: draw()}
		name := rapid.OneOf(text, rapid.SampledFrom(checkNames))
		result := rapid.OneOf(text, rapid.SampledFrom([]string{string(Passed), string(Failed), string(NotMade)}))
		for range many() {
			r.Checks = append(r.Checks, Check{Name: name.Draw(t, "name"), Result: Result(result.Draw(t, "result")), Message: message(), Remarks: []Message{message(), message()}[:len(many())], Source: draw(), Problem: draw()})
			r.Issuer.Evidence = append(r.Issuer.Evidence, Evidence{Level: draw(), Kind: draw(), Fact: draw(), Source: draw(), Checked: draw()})
		}
		if rapid.Bool().Draw(t, "logged") {
			r.Logged = &Logged{draw(), r.CheckedAt.Add(-time.Minute), rapid.Bool().Draw(t, "pinned"), r.CheckedAt.Add(-time.Second)}
		}
		if rapid.Bool().Draw(t, "content") {
			r.Credential, r.supplement = &elm.Credential{}, []elm.Section{}
		}
		if rapid.Bool().Draw(t, "extract") {
			r.Extract = &Extract{draw()}
		}
		for range many() {
			var s elm.Section
			for range many() {
				e := elm.Element{ID: draw(), Label: draw()}
				for range many() {
					v := elm.Value{Text: draw(), Link: draw()}
					for range many() {
						v.Detail = append(v.Detail, elm.Line{Label: draw(), Text: draw()})
					}
					e.Values = append(e.Values, v)
				}
				s.Elements = append(s.Elements, e)
			}
			r.supplement = append(r.supplement, s)
		}
		want, err := json.Marshal(r.Wire("en"))
		if err != nil {
			t.Fatal(err)
		}
		if got := r.AppendJSON(nil, "en"); string(got) != string(want) {
			t.Fatalf("%s\nnot\n%s", got, want)
		}
	})
}

// Whatever stands beside it, what encoding/json escapes is seen.
func TestEscapes(t *testing.T) {
	for c := range 256 {
		for _, c := range []string{string([]byte{byte(c)}), string(rune(c)), string(rune(0x2000 + c))} {
			for n := range 17 {
				s := "0123456789abcdefgh"[:n] + c + "0123456789abcdefgh"[n:]
				for _, s := range []string{s, s[:n+len(c)]} {
					raw, err := json.Marshal(s)
					if err != nil {
						t.Fatal(err)
					}
					if got, want := escapes(s), string(raw) != `"`+s+`"`; got != want {
						t.Errorf("%q: %t, but encoding/json writes %s", s, got, raw)
					}
				}
			}
		}
	}
}
