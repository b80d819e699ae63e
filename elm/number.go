package elm

import "strings"

// Number is a decimal, as a credential has it ("1250", "2.5", "-0.50"), with the signs of
// one of [Languages] for the fraction and between groups of three digits; any other tag is
// read as English. No digit is added or lost. What is no decimal is returned as it is.
//
// It is for what people read: whatever a program takes, or a form takes back, keeps the
// point.
func Number(lang, decimal string) string {
	unsigned := strings.TrimPrefix(decimal, "-")
	whole, fraction, broken := strings.Cut(unsigned, ".")
	if !digits(whole) || broken && !digits(fraction) {
		return decimal
	}
	if !broken && len(whole) <= 3 { // most are
		return decimal
	}
	group, point := signs(lang)
	var b strings.Builder
	b.WriteString(decimal[:len(decimal)-len(unsigned)])
	for i := range len(whole) {
		if left := len(whole) - i; i > 0 && left%3 == 0 {
			b.WriteString(group)
		}
		b.WriteByte(whole[i])
	}
	if broken {
		b.WriteString(point)
		b.WriteString(fraction)
	}
	return b.String()
}

// signs are what a language writes between groups of digits and before a fraction (CLDR,
// numbers/symbols of the digits latn). CLDR has no Montenegrin: its signs are those of
// Serbian in Montenegro.
func signs(lang string) (group, point string) {
	switch lang {
	case "bs", "cnr", "de", "hr", "mk", "sl", "sr-Latn", "sr-Cyrl":
		return ".", ","
	case "sq":
		return "\u00a0", ","
	}
	return ",", "."
}
