package issuer

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// defaultNumberRule is an institution's rule where it states none.
const defaultNumberRule = "MC-{year}-{n:5}"

// numberRule makes certificate numbers. Each text of the rule, with the year
// filled in, is a series of its own that counts from 1.
type numberRule struct {
	before, after string // around the counter; both may hold {year}
	width         int    // the counter is padded with zeros to it
}

var counter = regexp.MustCompile(`\{n(?::([0-9]))?\}`)

var errNumberRule = errors.New(`is not a rule: expected text with {n} or {n:5} once and at most one {year}, such as "MC-{year}-{n:5}"`)

func parseNumberRule(rule string) (numberRule, error) {
	at := counter.FindAllStringSubmatchIndex(rule, -1)
	if len(at) != 1 {
		return numberRule{}, errNumberRule
	}
	r := numberRule{before: rule[:at[0][0]], after: rule[at[0][1]:]}
	if at[0][2] >= 0 {
		r.width, _ = strconv.Atoi(rule[at[0][2]:at[0][3]]) // one digit, by the pattern
	}
	rest := r.before + r.after
	if strings.Count(rest, "{year}") > 1 || strings.ContainsAny(strings.Replace(rest, "{year}", "", 1), "{}") {
		return numberRule{}, errNumberRule
	}
	return r, nil
}

// series names the counter for a year.
func (r numberRule) series(year int) string {
	return strings.ReplaceAll(r.before+"{n}"+r.after, "{year}", strconv.Itoa(year))
}

// number is the nth number of a year.
func (r numberRule) number(year int, n uint64) string {
	text := fmt.Sprintf("%s%0*d%s", r.before, r.width, n, r.after)
	return strings.ReplaceAll(text, "{year}", strconv.Itoa(year))
}
