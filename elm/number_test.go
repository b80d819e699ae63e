package elm

import (
	"math/big"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/text/language"
	"golang.org/x/text/message"
	"golang.org/x/text/number"
)

func TestNumber(t *testing.T) {
	for _, test := range []struct{ lang, decimal, want string }{
		{"en", "0", "0"}, {"en", "999", "999"}, {"en", "1000", "1,000"}, {"en", "1234567.50", "1,234,567.50"},
		{"de", "2.5", "2,5"}, {"de", "1250", "1.250"}, {"de", "-1250.75", "-1.250,75"}, {"hr", "12345", "12.345"},
		{"sq", "12345.5", "12\u00a0345,5"}, {"cnr", "1000", "1.000"}, {"sr-Cyrl", "0.5", "0,5"}, {"sl", "60.0", "60,0"},
		{"sr", "2.5", "2.5"}, {"xx", "1000", "1,000"},
		// What is no decimal is nobody's to change.
		{"de", "", ""}, {"de", ".5", ".5"}, {"de", "5.", "5."}, {"de", "1.2.3", "1.2.3"}, {"de", "1e6", "1e6"}, {"de", "2,5", "2,5"}, {"de", "1000 h", "1000 h"}, {"de", "--1000", "--1000"}, {"de", "+1000", "+1000"}, {"de", "٣.٤", "٣.٤"},
	} {
		if got := Number(test.lang, test.decimal); got != test.want {
			t.Errorf("%s in %s: %q, want %q", test.decimal, test.lang, got, test.want)
		}
	}
}

// The signs are those of CLDR, by another implementation of it.
func TestSignsOfNumbers(t *testing.T) {
	for _, lang := range Languages() {
		tag := language.MustParse(lang)
		if lang == "cnr" {
			tag = language.MustParse("sr-Latn-ME")
		}
		p := message.NewPrinter(tag)
		for _, n := range []float64{0, 7, 999, 1000, 12345, 1234567, 2.5, 1000.25} {
			want := p.Sprint(number.Decimal(n, number.MaxFractionDigits(2)))
			if got := Number(lang, strconv.FormatFloat(n, 'f', -1, 64)); got != want {
				t.Errorf("%v in %s: %q, and by CLDR %q", n, lang, got, want)
			}
		}
	}
}

// Whatever is given, no digit is added or lost, and what was no decimal is as it was.
func FuzzNumber(f *testing.F) {
	f.Add("de", "1234.5")
	f.Add("sq", "-0001000")
	f.Add("en", "1.000.000")
	f.Fuzz(func(t *testing.T, lang, decimal string) {
		got := Number(lang, decimal)
		group, point := signs(lang)
		if back := strings.Replace(strings.ReplaceAll(got, group, ""), point, ".", 1); got != decimal && back != decimal {
			t.Errorf("%q in %q is %q, which is %q", decimal, lang, got, back)
		}
		if _, ok := new(big.Rat).SetString(decimal); !ok && got != decimal {
			t.Errorf("%q is no number, and became %q", decimal, got)
		}
	})
}
