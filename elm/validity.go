package elm

import (
	"fmt"
	"math"
	"strconv"
	"time"

	"indeks/strictjson"
)

// JWTClaims returns the claims exp, nbf and iat of the payload; the zero time
// where there is none. They speak of the seal, not of the credential: validity
// is the narrower of both. The error is that of the first claim that is no
// NumericDate (RFC 7519 section 2).
func (c *Credential) JWTClaims() (exp, nbf, iat time.Time, err error) {
	exp, err = c.numericDate("exp")
	if err == nil {
		nbf, err = c.numericDate("nbf")
	}
	if err == nil {
		iat, err = c.numericDate("iat")
	}
	return exp, nbf, iat, err
}

func (c *Credential) numericDate(name string) (time.Time, error) {
	value := c.Tree.Get(name)
	if value.Kind() == strictjson.Absent {
		return time.Time{}, nil
	}
	number, ok := value.Number()
	if !ok {
		return time.Time{}, fmt.Errorf("claim %s is not a number", name)
	}
	seconds, err := strconv.ParseFloat(number, 64)
	if err != nil || seconds < 0 || seconds > 253402300799 { // 9999-12-31T23:59:59Z
		return time.Time{}, fmt.Errorf("claim %s is out of range", name)
	}
	whole, fraction := math.Modf(seconds)
	return time.Unix(int64(whole), int64(fraction*1e9)).UTC(), nil
}

// Period returns from when until when the credential says it is valid; the
// zero time where it sets no limit. VCDM 1.1 documents may say it in four
// members: validFrom goes before issuanceDate, and the earlier end counts.
func (c *Credential) Period() (from, until time.Time, err error) {
	at := func(d DateTime) (t time.Time) {
		if d != "" && err == nil {
			t, err = d.Time(c.Profile != VC2)
		}
		return t
	}
	from, until = at(either(c.ValidFrom, c.IssuanceDate)), at(c.ValidUntil)
	if end := at(c.ExpirationDate); until.IsZero() || !end.IsZero() && end.Before(until) {
		until = end
	}
	if err != nil {
		return time.Time{}, time.Time{}, fmt.Errorf("reading the period of validity: %w", err)
	}
	return from, until, nil
}
