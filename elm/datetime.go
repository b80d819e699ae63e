package elm

import (
	"fmt"
	"regexp"
	"strings"
	"time"
)

// DateTime is an xsd:dateTime exactly as written.
type DateTime string

// dateTimeForm is the lexical form of xsd:dateTime (XML Schema 1.1 part 2,
// 3.3.7) for years of four digits; with a zone it is xsd:dateTimeStamp.
var dateTimeForm = regexp.MustCompile(`^([0-9]{4}-[0-9]{2}-[0-9]{2})T([0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?)(Z|[+-](?:0[0-9]|1[0-3]):[0-5][0-9]|[+-]14:00)?$`)

// maxTime is the longest date or duration that is read, in bytes; the standard
// lets a fraction go on without end.
const maxTime = 128

// Time returns the instant. A value without a time zone is an error in VC2 and
// read as UTC in EDC (allowNoZone). 24:00:00 is midnight at the end of the day.
func (d DateTime) Time(allowNoZone bool) (time.Time, error) {
	if t, ok := d.plain(); ok {
		return t, nil
	}
	var parts []string
	if len(d) <= maxTime {
		parts = dateTimeForm.FindStringSubmatch(string(d))
	}
	if parts == nil {
		return time.Time{}, fmt.Errorf("%q is not a date and time like 2026-06-15T10:00:00Z", shorten(string(d)))
	}
	date, clock, zone := parts[1], parts[2], parts[3]
	if zone == "" {
		if !allowNoZone {
			return time.Time{}, fmt.Errorf("%q has no time zone", d)
		}
		zone = "Z"
	}
	rest, endOfDay := strings.CutPrefix(clock, "24:00:00")
	if endOfDay = endOfDay && strings.Trim(rest, ".0") == ""; endOfDay {
		clock = "00:00:00"
	}
	t, err := time.Parse(time.RFC3339Nano, date+"T"+clock+zone)
	if err != nil {
		return time.Time{}, fmt.Errorf("%q is not in the calendar", shorten(string(d)))
	}
	if endOfDay {
		t = t.AddDate(0, 0, 1)
	}
	if t.IsZero() {
		// Everywhere the zero time means that there is no date, so a credential
		// that ended then would never end.
		return time.Time{}, fmt.Errorf("%q stands for no date", shorten(string(d)))
	}
	return t, nil
}

// plain reads the one form in which most dates are written, 2026-06-15T10:00:00Z,
// of the years from 1000, and leaves whatever else there is to Time.
func (d DateTime) plain() (time.Time, bool) {
	const form = "0000-00-00T00:00:00Z"
	if len(d) != len(form) {
		return time.Time{}, false
	}
	var part [6]int // year to second
	at := 0
	for i := range len(form) {
		switch {
		case form[i] != '0' && d[i] == form[i]:
			at++
		case form[i] == '0' && '0' <= d[i] && d[i] <= '9':
			part[at] = part[at]*10 + int(d[i]-'0')
		default:
			return time.Time{}, false
		}
	}
	t := time.Date(part[0], time.Month(part[1]), part[2], part[3], part[4], part[5], 0, time.UTC)
	year, month, day := t.Date()
	return t, part[0] >= 1000 && year == part[0] && int(month) == part[1] && day == part[2] && part[3] < 24 && part[4] < 60 && part[5] < 60
}

// At formats an instant as DateTime in UTC with second precision.
func At(t time.Time) DateTime { return DateTime(t.UTC().Format("2006-01-02T15:04:05Z")) }

// Day formats a calendar day as DateTime at midnight UTC.
func Day(y int, m time.Month, d int) DateTime { return At(time.Date(y, m, d, 0, 0, 0, 0, time.UTC)) }

// durationParts returns the years, months, days, hours, minutes and seconds of
// an xsd:duration (XML Schema 1.1 part 2, 3.3.6) as written, "" for those that it
// does not have.
func durationParts(duration string) (negative bool, parts [6]string, ok bool) {
	if len(duration) > maxTime {
		return false, parts, false
	}
	rest, negative := strings.CutPrefix(duration, "-")
	rest, ok = strings.CutPrefix(rest, "P")
	days, clock, timed := strings.Cut(rest, "T")
	ok = ok && rest != "" && (!timed || clock != "") && amounts(days, "YMD", parts[:3]) && amounts(clock, "HMS", parts[3:])
	return negative, parts, ok
}

// amounts reads amounts, each before its unit: in order, and no unit twice.
func amounts(s, units string, parts []string) bool {
	for s != "" {
		end := strings.IndexAny(s, units)
		if end < 0 {
			return false
		}
		at := strings.IndexByte(units, s[end])
		whole, fraction, broken := strings.Cut(s[:end], ".")
		if !digits(whole) || broken && (s[end] != 'S' || !digits(fraction)) {
			return false
		}
		parts[at] = s[:end]
		s, units, parts = s[end+1:], units[at+1:], parts[at+1:]
	}
	return true
}

// digits reports whether s is one or more of them.
func digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}
