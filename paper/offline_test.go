package paper

import (
	"bytes"
	"compress/flate"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	mathrand "math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"indeks/internal/reference"
)

// Codes on paper are read with these for ever: a changed dictionary makes waste
// paper of every certificate that was printed with it.
func TestDictionariesAreFrozen(t *testing.T) {
	digests := map[byte]string{1: "ab639a4692dab59b67c2e38d06fb7e7a8fd71bb775809d990f0aedf74667905c"}
	for id := range 256 {
		dictionary, want := Dictionary(byte(id)), digests[byte(id)]
		if dictionary == nil {
			if want != "" {
				t.Errorf("dictionary %d is lost", id)
			}
			continue
		}
		digest := sha256.Sum256(dictionary)
		if got := hex.EncodeToString(digest[:]); got != want {
			t.Errorf("dictionary %d has SHA-256 %s, published is %q", id, got, want)
		}
		if doc, err := os.ReadFile("../docs/offline.md"); err != nil || !strings.Contains(string(doc), want) {
			t.Errorf("docs/offline.md does not publish the digest of dictionary %d: %v", id, err)
		}
	}
}

func TestDigits(t *testing.T) {
	for _, tt := range []struct{ bytes, digits string }{
		{"", ""},
		{"00", "000"},
		{"ff", "255"},
		{"ffff", "65535"},
		{"0001", "00001"},
		{strings.Repeat("ff", 8), "18446744073709551615"},
		{"01" + strings.Repeat("00", 8), "0018446744073709551616"},
		{strings.Repeat("ff", 11), "309485009821345068724781055"},
		{strings.Repeat("00", 11) + "07", "000000000000000000000000000007"},
	} {
		raw, _ := hex.DecodeString(tt.bytes)
		if got := digitsOf(raw); got != tt.digits {
			t.Errorf("%s is written %s, want %s", tt.bytes, got, tt.digits)
		}
		if got, ok := fromDigits(tt.digits); !ok || !bytes.Equal(got, raw) {
			t.Errorf("%s is read %x, %v, want %s", tt.digits, got, ok, tt.bytes)
		}
	}
	for _, tt := range []string{"256", "999", "65536", "1", "12", "1234", "18446744073709551616", "309485009821345068724781056", strings.Repeat("9", 27)} {
		if got, ok := fromDigits(tt); ok {
			t.Errorf("%s is read as %x", tt, got)
		}
	}
	for n := range 60 {
		raw := make([]byte, n)
		rand.Read(raw)
		if got, ok := fromDigits(digitsOf(raw)); !ok || !bytes.Equal(got, raw) {
			t.Errorf("%x comes back as %x, %v", raw, got, ok)
		}
	}
}

const offlineBase = "https://verify.uni.example"

// token is a compact token as far as this package looks at it.
func token(header, payload string, signature []byte) []byte {
	b64 := base64.RawURLEncoding
	return []byte(b64.EncodeToString([]byte(header)) + "." + b64.EncodeToString([]byte(payload)) + "." + b64.EncodeToString(signature))
}

func offlineText(t testing.TB, token []byte) string {
	t.Helper()
	text, err := OfflineText(offlineBase, token)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// withFrame is the text of any frame.
func withFrame(frame []byte) string { return offlineBase + "/q#1" + digitsOf(frame) }

func deflated(t testing.TB, data string) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := flate.NewWriterDict(&out, flate.BestCompression, Dictionary(1))
	if err != nil {
		t.Fatal(err)
	}
	w.Write([]byte(data))
	w.Close()
	return out.Bytes()
}

func TestOfflineToken(t *testing.T) {
	given := token(`{"alg":"ES256"}`, `{"id":"urn:credential:1","title":"Управљање"}`, bytes.Repeat([]byte{7}, 64))
	text := offlineText(t, given)
	if !strings.HasPrefix(text, offlineBase+"/q#1") {
		t.Errorf("text %.60s", text)
	}
	_, digits, _ := strings.Cut(text, "#")
	for _, same := range []string{
		text, "  " + text + "\n", digits, "HTTP://LOCALHOST:8081/Q#" + digits, "https://uni.example/verify/q?lang=hr#" + digits,
	} {
		got, err := OfflineToken(same)
		if err != nil || !bytes.Equal(got, given) || !IsOffline(same) {
			t.Errorf("%.60s: %s, %v, want %s", same, got, err, given)
		}
	}
	for _, other := range []string{
		"", "https://verify.uni.example/q", "https://verify.uni.example/c#" + digits, "https://verify.uni.example/q#" + digits + "x", "javascript:/q#" + digits,
		"1234567890", strings.Repeat("1", 30000), "https:///q#" + digits, string(given),
	} {
		if _, err := OfflineToken(other); err == nil || IsOffline(other) {
			t.Errorf("%.60s is taken for an offline code", other)
		}
	}
}

func TestOfflineTokenRefuses(t *testing.T) {
	frame := func(dictionary, header, signature byte, packed []byte) []byte {
		return append(append([]byte{dictionary, header, signature}, make([]byte, signature)...), packed...)
	}
	noise := make([]byte, 3*maxFrame)
	rand.Read(noise)
	good := frame(1, 2, 64, deflated(t, "{}{}"))
	if _, err := OfflineToken(withFrame(good)); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		text string
		want error
	}{
		"another transport":         {strings.Replace(withFrame(good), "#1", "#2", 1), ErrOfflineNewer},
		"another dictionary":        {withFrame(frame(2, 2, 64, deflated(t, "{}{}"))), ErrOfflineNewer},
		"dictionary 0":              {withFrame(frame(0, 2, 64, deflated(t, "{}{}"))), ErrOfflineNewer},
		"no header":                 {withFrame(frame(1, 0, 64, deflated(t, "{}{}"))), ErrOffline},
		"no payload":                {withFrame(frame(1, 4, 64, deflated(t, "{}{}"))), ErrOffline},
		"longer header than packed": {withFrame(frame(1, 9, 64, deflated(t, "{}{}"))), ErrOffline},
		"signature beyond the end":  {withFrame(append([]byte{1, 2, 255}, make([]byte, 70)...)), ErrOffline},
		"nothing packed":            {withFrame(frame(1, 2, 64, nil)), ErrOffline},
		"cut off":                   {withFrame(good[:len(good)-1]), ErrOffline},
		"something behind":          {withFrame(append(bytes.Clone(good), 0)), ErrOffline},
		"unpacks to too much":       {withFrame(frame(1, 2, 64, deflated(t, strings.Repeat(" ", maxInflated+1)))), ErrOffline},
		"packed with another":       {withFrame(frame(1, 2, 64, noise[:100])), ErrOffline},
		"too long":                  {withFrame(append(bytes.Clone(good), noise[:maxFrame]...)), ErrOffline},
		"a digit less":              {strings.TrimSuffix(withFrame(good), withFrame(good)[len(withFrame(good))-1:]), ErrOffline},
		"a block too large":         {offlineBase + "/q#1" + strings.Repeat("9", 27*6), ErrOffline},
	} {
		if got, err := OfflineToken(tt.text); !errors.Is(err, tt.want) {
			t.Errorf("%s: %s, %v, want %v", name, got, err, tt.want)
		}
	}
	for name, given := range map[string][]byte{
		"RSA":           token(`{}`, `{}`, make([]byte, 256)),
		"a long header": token(strings.Repeat("h", 256), `{}`, nil),
		"a long one":    token(`{}`, string(noise), nil),
		"two parts":     []byte("e30.e30"),
	} {
		if text, err := OfflineText(offlineBase, given); err == nil {
			t.Errorf("%s is written as %.60s", name, text)
		}
	}
}

// Whatever the digits are, reading ends, and what is read is written as something
// that reads the same.
func FuzzOfflineToken(f *testing.F) {
	text := offlineText(f, token(`{"alg":"ES256"}`, `{"id":"urn:credential:1"}`, make([]byte, 64)))
	f.Add(text)
	f.Add(strings.Replace(text, "#1", "#2", 1))
	f.Add(text[:len(text)-3])
	f.Add(withFrame(append([]byte{1, 2, 3, 1, 2, 3}, deflated(f, strings.Repeat("a", 2000))...)))
	f.Fuzz(func(t *testing.T, text string) {
		read, err := OfflineToken(text)
		if err != nil {
			return
		}
		again, err := OfflineText(offlineBase, read)
		if err != nil {
			return // it was packed better than we do
		}
		if same, err := OfflineToken(again); err != nil || !bytes.Equal(same, read) {
			t.Errorf("%s comes back as %s, %v", read, same, err)
		}
	})
}

// The printed symbol follows the rule for its size, and an independent reader gets
// the text out of it.
func TestOfflineSymbol(t *testing.T) {
	of := func(n int) string {
		noise := make([]byte, n)
		for i := range noise {
			noise[i] = byte(mathrand.Uint32())
		}
		return withFrame(noise)
	}
	for _, tt := range []struct {
		bytes   int
		version int
		level   string
	}{{300, 14, "M"}, {450, 17, "M"}, {700, 22, "M"}, {850, 21, "L"}, {1000, 23, "L"}, {1150, 25, "L"}} {
		text := of(tt.bytes)
		symbol, err := OfflineSymbol(text)
		if err != nil || symbol.Version != tt.version || symbol.Level != tt.level || len(symbol.QR) != 17+4*symbol.Version {
			t.Errorf("%d bytes: version %d-%s with %d modules, %v, want %d-%s", tt.bytes, symbol.Version, symbol.Level, len(symbol.QR), err, tt.version, tt.level)
		}
		if !symbol.printable() {
			t.Errorf("%d bytes: not printable", tt.bytes)
		}
	}
	if _, err := OfflineSymbol(of(1300)); !errors.Is(err, ErrTooLarge) {
		t.Errorf("1300 bytes: %v", err)
	}

	text := of(850)
	symbol, err := OfflineSymbol(text)
	if err != nil {
		t.Fatal(err)
	}
	drawn, err := symbol.PNG(4)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "code.png")
	if err := os.WriteFile(file, drawn, 0o600); err != nil {
		t.Fatal(err)
	}
	if got := reference.Run(t, "zbar-tools", "zbarimg", "--quiet", "--raw", "--oneshot", "-Sdisable", "-Sqrcode.enable", file); strings.TrimSpace(got) != text {
		t.Errorf("zbarimg reads %q", got)
	}
}
