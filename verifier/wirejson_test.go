package verifier

import (
	"encoding/json"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// What AppendJSON writes is what encoding/json writes, byte for byte.
func TestAppendJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"", "plain", "Čačak", "<b>&\"\\\u2028", "\x00\xff", "\u2029"}))
		texts := func() []string { return rapid.SliceOfN(text, 0, 3).Draw(t, "texts") }
		draw := func() string { return text.Draw(t, "text") }
		w := Wire{Verdict: Verdict(draw()), State: State(draw()), Reason: Reason(draw()), CheckedAt: time.Unix(rapid.Int64Range(0, 1<<33).Draw(t, "at"), rapid.Int64Range(0, 1e9-1).Draw(t, "ns")).UTC()}
		w.Issuer = WireIssuer{Name: draw(), DID: draw(), Country: draw(), Level: draw()}
		for range rapid.IntRange(0, 2).Draw(t, "n") {
			w.Checks = append(w.Checks, WireCheck{draw(), Result(draw()), draw(), draw(), draw(), texts(), draw(), draw()})
			w.Issuer.Evidence = append(w.Issuer.Evidence, WireEvidence{draw(), draw(), draw(), draw(), draw()})
			w.Supplement = append(w.Supplement, WireElement{draw(), draw(), texts()})
			w.Credential = &WireCredential{draw(), draw(), draw(), draw()}
		}
		want, err := json.Marshal(w)
		if err != nil {
			t.Fatal(err)
		}
		if got := w.AppendJSON(nil); string(got) != string(want) {
			t.Fatalf("%s\nnot\n%s", got, want)
		}
	})
}
