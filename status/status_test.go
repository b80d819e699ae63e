package status

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"hash/crc32"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"indeks/internal/processor"
	"indeks/internal/reference"
)

// pack is an encoder of its own, so that a test can break one rule at a time.
func pack(bits []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Write(bits)
	w.Close()
	return b.Bytes()
}

func encoded(packed []byte) string {
	return "u" + base64.RawURLEncoding.EncodeToString(packed)
}

func TestIndexZeroIsLeftmost(t *testing.T) {
	l := New()
	for _, i := range []uint64{0, 94_567} {
		if err := l.Set(i, true); err != nil {
			t.Fatal(err)
		}
	}
	bits := l.Bits()
	if bits[0] != 0x80 {
		t.Errorf("first byte = %#x, want 0x80 (0x01 is the order of the Token Status List)", bits[0])
	}
	if bits[94_567/8] != 0x80>>(94_567%8) {
		t.Errorf("byte of index 94567 = %#x", bits[94_567/8])
	}
}

func TestEmptyListIsShort(t *testing.T) {
	l := New()
	if l.Len() != MinSize {
		t.Fatalf("Len = %d, want %d", l.Len(), MinSize)
	}
	// An empty list is a fact about the compressor, not the standard: zlib gives
	// 69 characters. What counts is that it costs next to nothing to serve.
	if n := len(l.Encode()); n > 100 {
		t.Errorf("empty list is %d characters", n)
	}
}

func TestDecodeRules(t *testing.T) {
	good := New()
	good.Set(4242, true)
	packed := pack(good.Bits())
	size := func(n uint32) []byte {
		lie := bytes.Clone(packed)
		binary.LittleEndian.PutUint32(lie[len(lie)-4:], n)
		return lie
	}
	wrongSum := bytes.Clone(packed)
	wrongSum[len(wrongSum)-8]++

	tests := []struct {
		name string
		in   string
		want error
	}{
		{"good", encoded(packed), nil},
		{"twice the least size", encoded(pack(make([]byte, MinSize/4))), nil},
		{"largest", encoded(pack(make([]byte, MaxUnpacked))), nil},
		{"nothing", "", ErrEncoding},
		{"letter only", "u", ErrEncoding},
		{"no multibase letter", encoded(packed)[1:], ErrEncoding},
		{"base58 letter", "z" + encoded(packed)[1:], ErrEncoding},
		{"padded", "u" + base64.URLEncoding.EncodeToString(append(bytes.Clone(packed), make([]byte, 3-len(packed)%3+1)...)), ErrEncoding},
		{"standard alphabet", "u+/" + encoded(packed)[3:], ErrEncoding},
		{"line end", encoded(packed)[:20] + "\n" + encoded(packed)[20:], ErrEncoding},
		{"not gzip", encoded(good.Bits()), ErrEncoding},
		{"cut", encoded(packed[:len(packed)-9]), ErrEncoding},
		{"wrong checksum", encoded(wrongSum), ErrEncoding},
		{"trailing byte", encoded(append(bytes.Clone(packed), 0)), ErrEncoding},
		{"second member", encoded(append(bytes.Clone(packed), pack(make([]byte, MinSize/8))...)), ErrEncoding},
		{"states more than it holds", encoded(size(MinSize/8 + 1)), ErrEncoding},
		{"states less than it holds", encoded(size(MinSize/8 - 1)), ErrEncoding},
		{"states nothing", encoded(size(0)), ErrEncoding},
		{"one byte short", encoded(pack(make([]byte, MinSize/8-1))), ErrLength},
		{"no bits", encoded(pack(nil)), ErrLength},
		{"one byte over the limit", encoded(pack(make([]byte, MaxUnpacked+1))), ErrEncoding},
		{"packed over the limit", "u" + strings.Repeat("A", base64.RawURLEncoding.EncodedLen(MaxPacked+1)), ErrEncoding},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l, err := Decode(tt.in)
			if !errors.Is(err, tt.want) {
				t.Fatalf("err = %v, want %v", err, tt.want)
			}
			if (l == nil) == (err == nil) {
				t.Errorf("list %v with error %v", l, err)
			}
		})
	}
}

// The draft of 2021 has no multibase letter, and is written in either alphabet.
func TestDecode2021(t *testing.T) {
	list := New()
	for i := uint64(0); i < MinSize; i += 97 { // enough of it to have + and / in it
		list.Set(i, true)
	}
	packed := pack(list.Bits())
	for i := uint64(1); len(packed)%3 == 0; i++ { // until it would be padded
		list.Set(i, true)
		packed = pack(list.Bits())
	}
	standard := base64.StdEncoding.EncodeToString(packed)
	if !strings.ContainsAny(standard, "+/") || !strings.HasSuffix(standard, "=") {
		t.Fatalf("no list to try the alphabets with: %.20s", standard)
	}
	for name, test := range map[string]struct {
		in   string
		want error
	}{
		"base64url":           {base64.RawURLEncoding.EncodeToString(packed), nil},
		"base64url, padded":   {base64.URLEncoding.EncodeToString(packed), nil},
		"base64":              {standard, nil},
		"base64, no padding":  {base64.RawStdEncoding.EncodeToString(packed), nil},
		"one pad too many":    {standard + "=", ErrEncoding},
		"pads inside":         {"====" + standard, ErrEncoding},
		"both alphabets":      {"-" + standard[1:], ErrEncoding},
		"with a letter":       {encoded(packed), ErrEncoding},
		"line end":            {standard[:76] + "\n" + standard[76:], ErrEncoding},
		"nothing":             {"", ErrEncoding},
		"too short":           {base64.RawURLEncoding.EncodeToString(pack(make([]byte, MinSize/8-1))), ErrLength},
		"unpacks to too much": {base64.RawURLEncoding.EncodeToString(pack(make([]byte, MaxUnpacked+1))), ErrEncoding},
	} {
		got, err := Decode2021(test.in)
		if !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", name, err, test.want)
		}
		if err == nil && !bytes.Equal(got.Bits(), list.Bits()) {
			t.Errorf("%s: other bits", name)
		}
	}
}

// A list has one spelling: bits that no byte uses must be zero.
func TestDecodeRefusesLooseTail(t *testing.T) {
	// A list whose gzip form leaves a tail, which depends on its bits.
	l := New()
	text := l.Encode()
	for i := uint64(0); len(text)%4 == 1; i++ {
		l.Set(i*7919%MinSize, true)
		text = l.Encode()
	}
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := strings.IndexByte(alphabet, text[len(text)-1])
	loose := text[:len(text)-1] + string(alphabet[last|1])
	if loose == text {
		t.Fatalf("tail %q has no unused bits", text[len(text)-4:])
	}
	if _, err := Decode(loose); !errors.Is(err, ErrEncoding) {
		t.Errorf("err = %v, want %v", err, ErrEncoding)
	}
}

// A bomb costs neither memory nor time, be it honest about its size or not.
func TestDecodeBomb(t *testing.T) {
	honest := pack(make([]byte, 256<<20))
	liar := bytes.Clone(honest)
	binary.LittleEndian.PutUint32(liar[len(liar)-4:], MinSize/8)
	tiny := pack(nil)
	binary.LittleEndian.PutUint32(tiny[len(tiny)-4:], MaxUnpacked)

	for name, in := range map[string]string{
		"honest":              encoded(honest),
		"states a short list": encoded(liar),
		"states the limit":    encoded(tiny),
	} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			start := processor.Time()
			_, err := Decode(in)
			took := processor.Time() - start
			runtime.ReadMemStats(&after)
			if !errors.Is(err, ErrEncoding) {
				t.Errorf("err = %v, want %v", err, ErrEncoding)
			}
			if n := after.TotalAlloc - before.TotalAlloc; n > 1<<20 {
				t.Errorf("allocated %d bytes", n)
			}
			if took > 100*time.Millisecond {
				t.Errorf("took %v", took)
			}
		})
	}
}

func TestRange(t *testing.T) {
	l := New()
	for _, i := range []uint64{MinSize, MinSize + 1, 1 << 32, math.MaxUint64} {
		if _, err := l.Get(i); !errors.Is(err, ErrRange) {
			t.Errorf("Get(%d): err = %v", i, err)
		}
		if err := l.Set(i, true); !errors.Is(err, ErrRange) {
			t.Errorf("Set(%d): err = %v", i, err)
		}
	}
	if err := l.Set(MinSize-1, true); err != nil {
		t.Errorf("Set(last): %v", err)
	}
}

func TestFromBits(t *testing.T) {
	if _, err := FromBits(make([]byte, MinSize/8-1)); !errors.Is(err, ErrLength) {
		t.Errorf("short: err = %v", err)
	}
	kept := make([]byte, MinSize/8)
	l, err := FromBits(kept)
	if err != nil {
		t.Fatal(err)
	}
	l.Set(0, true)
	if kept[0] != 0 {
		t.Error("the list shares memory with its caller")
	}
}

func TestParseIndex(t *testing.T) {
	tests := []struct {
		in   string
		want uint64
		ok   bool
	}{
		{"0", 0, true},
		{"4242", 4242, true},
		{"131072", 131_072, true}, // outside of most lists, but an index
		{"18446744073709551615", math.MaxUint64, true},
		{"18446744073709555858", 0, false}, // 2^64 + 4242
		{"", 0, false},
		{"-1", 0, false},
		{"+4242", 0, false},
		{"00", 0, false},
		{"04242", 0, false},
		{" 1", 0, false},
		{"1 ", 0, false},
		{"1\n", 0, false},
		{"1_000", 0, false},
		{"0x10", 0, false},
		{"1.0", 0, false},
		{"1e3", 0, false},
		{"٣", 0, false}, // a digit, but not one of ASCII
	}
	for _, tt := range tests {
		got, err := ParseIndex(tt.in)
		if got != tt.want || (err == nil) != tt.ok || !tt.ok && !errors.Is(err, ErrEncoding) {
			t.Errorf("ParseIndex(%q) = %d, %v", tt.in, got, err)
		}
	}
}

func genList(t *rapid.T) *List {
	l := New()
	for _, i := range rapid.SliceOf(rapid.Uint64Range(0, MinSize-1)).Draw(t, "indexes") {
		l.Set(i, true)
	}
	return l
}

func TestEncodeRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := genList(t)
		text := l.Encode()
		back, err := Decode(text)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(back.bits, l.bits) {
			t.Fatal("decoded list differs")
		}
		if again := back.Encode(); again != text {
			t.Fatalf("equal lists encode as %q and %q", text, again)
		}
	})
}

// What was set last is what is read; no other bit moves.
func TestGetSet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l, model := New(), map[uint64]bool{}
		index := rapid.OneOf(rapid.Uint64Range(0, 20), rapid.Uint64Range(0, MinSize-1))
		for range rapid.IntRange(1, 50).Draw(t, "steps") {
			i, on := index.Draw(t, "index"), rapid.Bool().Draw(t, "on")
			if err := l.Set(i, on); err != nil {
				t.Fatal(err)
			}
			model[i] = on
		}
		for i := range uint64(MinSize) {
			on, err := l.Get(i)
			if err != nil || on != model[i] {
				t.Fatalf("Get(%d) = %t, %v, want %t", i, on, err, model[i])
			}
		}
	})
}

func TestCovers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		older := genList(t)
		newer, _ := FromBits(older.bits)
		if !newer.Covers(older) {
			t.Fatal("a list does not cover itself")
		}
		i := rapid.Uint64Range(0, MinSize-1).Draw(t, "index")
		had, _ := older.Get(i)
		newer.Set(i, true)
		if !newer.Covers(older) {
			t.Fatal("one bit more, and no longer covered")
		}
		if older.Covers(newer) != had {
			t.Fatalf("list without bit %d covers one with it", i)
		}
	})
	longer, _ := FromBits(make([]byte, MinSize/4))
	if !New().Covers(longer) {
		t.Error("clear bits past the end need no cover")
	}
	longer.Set(MinSize, true)
	if New().Covers(longer) {
		t.Error("a bit past the end is lost")
	}
}

// The hostile lists of the shared corpus, made by another implementation.
func TestSharedLists(t *testing.T) {
	dir := reference.Path(t, "attacks", "fixtures")
	tests := map[string]error{
		"list-1": nil, "list-2": nil, "list-alg-none": nil, "list-by-b": nil, "list-by-evil": nil,
		"list-future": nil, "list-iss-mismatch": nil, "list-multi": nil, "list-size2": nil,
		"list-stale": nil, "list-wrong-id": nil,
		"list-bomb":         ErrEncoding,
		"list-gzip-crc":     ErrEncoding,
		"list-gzip-cut":     ErrEncoding,
		"list-gzip-trailer": ErrEncoding,
		"list-multibase-z":  ErrEncoding,
		"list-no-multibase": ErrEncoding,
		"list-not-gzip":     ErrEncoding,
		"list-short":        ErrLength,
	}
	for name, want := range tests {
		t.Run(name, func(t *testing.T) {
			token, err := os.ReadFile(filepath.Join(dir, name+".jwt"))
			if err != nil {
				t.Fatal(err)
			}
			payload, err := base64.RawURLEncoding.DecodeString(strings.Split(string(token), ".")[1])
			if err != nil {
				t.Fatal(err)
			}
			var list struct {
				CredentialSubject struct{ EncodedList string }
			}
			if err := json.Unmarshal(payload, &list); err != nil {
				t.Fatal(err)
			}
			l, err := Decode(list.CredentialSubject.EncodedList)
			if !errors.Is(err, want) {
				t.Fatalf("err = %v, want %v", err, want)
			}
			if name == "list-1" {
				// 4242 is in force; its neighbours and its mirror in the byte are
				// revoked, for readers that count from the other end.
				for i, want := range map[uint64]bool{4241: true, 4242: false, 4243: true, 4245: true} {
					if on, err := l.Get(i); on != want || err != nil {
						t.Errorf("Get(%d) = %t, %v, want %t", i, on, err, want)
					}
				}
			}
		})
	}
}

func FuzzDecode(f *testing.F) {
	l := New()
	f.Add(l.Encode())
	l.Set(4242, true)
	f.Add(l.Encode())
	f.Add("u")
	f.Add("z" + l.Encode()[1:])
	f.Add(encoded(pack(nil)))
	f.Add(encoded(append(pack(l.bits), pack(l.bits)...)))
	f.Fuzz(func(t *testing.T, text string) {
		l, err := Decode(text)
		if err != nil {
			if !errors.Is(err, ErrEncoding) && !errors.Is(err, ErrLength) {
				t.Fatalf("unnamed error: %v", err)
			}
			return
		}
		if l.Len() < MinSize || len(l.bits) > MaxUnpacked {
			t.Fatalf("length %d", l.Len())
		}
		// The checksum at the end of the text is that of the bits.
		packed, err := base64.RawURLEncoding.DecodeString(text[1:])
		if err != nil {
			t.Fatal(err)
		}
		if sum := binary.LittleEndian.Uint32(packed[len(packed)-8:]); sum != crc32.ChecksumIEEE(l.bits) {
			t.Fatalf("checksum %#x, want %#x", sum, crc32.ChecksumIEEE(l.bits))
		}
		back, err := Decode(l.Encode())
		if err != nil || !bytes.Equal(back.bits, l.bits) {
			t.Fatalf("decode, encode, decode: %v", err)
		}
	})
}

// crowded is a list after a few years: one credential in 130 is revoked.
func crowded() *List {
	l := New()
	for i := range uint64(1000) {
		l.Set(i*i*7919%MinSize, true)
	}
	return l
}

func BenchmarkEncode(b *testing.B) {
	l := crowded()
	for b.Loop() {
		l.Encode()
	}
}

func BenchmarkDecode(b *testing.B) {
	text := crowded().Encode()
	b.ReportMetric(float64(len(text)), "chars")
	for b.Loop() {
		if _, err := Decode(text); err != nil {
			b.Fatal(err)
		}
	}
}
