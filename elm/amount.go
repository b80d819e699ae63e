package elm

import (
	"strconv"
	"strings"
	"time"

	"indeks/contexts"
)

// writeDate is a calendar day in words, in the zone of t.
func writeDate(lang string, t time.Time) string {
	month := say(lang, "month:"+strconv.Itoa(int(t.Month())))
	return say(lang, "date %s %s %s", strconv.Itoa(t.Day()), month, strconv.Itoa(t.Year()))
}

// Date is the calendar day of a date in words, in one of [Languages] (any other
// tag is read as English). What is no date is returned without invisible
// characters.
func Date(d DateTime, lang string) string { return (&view{lang: lang}).day(d) }

// day is the calendar day of a date as written, in words. What is no date is
// shown as it stands.
func (v *view) day(d DateTime) string {
	if d == "" {
		return ""
	}
	t, err := d.Time(true)
	if err != nil {
		return Clean(string(d))
	}
	return writeDate(v.lang, t)
}

func (v *view) between(from, until DateTime) Value {
	switch {
	case from == "" && until == "":
		return Value{}
	case until == "":
		return v.ours("from %s", v.day(from))
	case from == "":
		return v.ours("until %s", v.day(until))
	}
	if from, until := v.day(from), v.day(until); from != until {
		return v.ours("from %s until %s", from, until)
	}
	return Value{Text: v.day(from), Ours: true}
}

// duration is an xsd:duration in words, each part as written but for the signs of the
// language ("PT1200H": 1,200 hours; "P60M": 60 months). What is no duration is shown as it
// stands.
func (v *view) duration(d string) Value {
	negative, parts, ok := durationParts(d)
	if !ok || negative {
		return shown(d)
	}
	var words []string
	for i, unit := range []string{"year", "month", "day", "hour", "minute", "second"} {
		if parts[i] != "" {
			words = append(words, v.counted(parts[i], unit))
		}
	}
	return shown(strings.Join(words, " "))
}

// counted is an amount with its unit in the form that the amount asks for. The forms
// are named by the least number that takes them: 1, 2, 3 and 5. A language may have the
// same word for several of them.
func (v *view) counted(amount, unit string) string {
	return Number(v.lang, Clean(amount)) + " " + v.say(formOf(v.lang, amount)+" "+unit)
}

// formOf finds the form of a unit by the rules of a language (the cardinal rules of
// CLDR, by the last two digits).
func formOf(lang, amount string) string {
	whole := !strings.ContainsFunc(amount, func(r rune) bool { return r < '0' || r > '9' })
	digits := strings.TrimLeft(amount, "0")
	last := digits[max(0, len(digits)-2):]
	switch lang {
	case "hr", "bs", "cnr", "sr-Latn", "sr-Cyrl":
		switch {
		case !whole:
			return "2"
		case len(last) == 2 && last[0] == '1': // 11 to 19
			return "5"
		case strings.HasSuffix(last, "1"):
			return "1"
		case last != "" && strings.Contains("234", last[len(last)-1:]):
			return "2"
		}
	case "sl":
		switch {
		case !whole, last == "3", last == "4", last == "03", last == "04":
			return "3"
		case last == "1", last == "01":
			return "1"
		case last == "2", last == "02":
			return "2"
		}
	case "mk":
		if whole && strings.HasSuffix(last, "1") && last != "11" {
			return "1"
		}
	default:
		if digits == "1" {
			return "1"
		}
	}
	return "5"
}

const frameworkECTS = "http://data.europa.eu/snb/education-credit/6fcec5c5af"

// points is an amount of credit with its system: "3 ECTS", "2,5 CSVET". ECTS has
// a national name in Serbian; other systems are called by their notation.
func (v *view) points(p *CreditPoint) Value {
	amount := literal(p.Point, p.Extra, "point")
	if amount == "" {
		return Value{}
	}
	var system Value
	if p.Framework != nil {
		known, _ := contexts.Lookup(p.Framework.ID)
		switch {
		case p.Framework.ID == frameworkECTS:
			system = Value{Text: v.say("ects"), IRI: frameworkECTS}
		case known.Notation != "":
			system = Value{Text: known.Notation, IRI: known.ID}
		default:
			system = v.concept(p.Framework)
		}
	}
	value := shown(strings.TrimSpace(Number(v.lang, amount) + " " + system.Text))
	value.IRI = system.IRI
	return value
}
