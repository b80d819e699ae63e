package issuer

import (
	"context"
	"errors"
	"fmt"

	"indeks/elm"
	"indeks/paper"
	"indeks/store"
)

// Certificate is what was printed for an award.
type Certificate struct {
	PDF       []byte
	Offline   *Extract // in its offline code; nil: it has none
	NoOffline error    // why, wraps ErrNoExtract
}

// Certificate prints an award as PDF in one of elm.Languages(), "" for the
// credential's own, with both sealed files attached and, where there is one, an
// offline code. It is made anew each time, from what was sealed, and is the same each
// time, as long as the award is in force and the same key seals. A record that is no
// award or is not sealed yet is store.ErrNotFound; a name that the fonts cannot draw is
// paper.ErrGlyph.
func (i *Issuer) Certificate(ctx context.Context, r store.Record, lang string) (*Certificate, error) {
	file := r.Forms[string(elm.EDC)]
	if file.Token == nil || r.Course == "" {
		return nil, fmt.Errorf("printing a certificate: %w", store.ErrNotFound)
	}
	cred, err := elm.Parse(file.Payload)
	if err != nil {
		return nil, fmt.Errorf("printing a certificate: %w", err)
	}
	doc := paper.PDFDocument{
		Credential: cred, Lang: lang, Link: i.VerifyURL(r),
		Sealed: file.Token, Token: r.Forms[string(elm.VC2)].Token,
	}
	var c Certificate
	choice := PrintedChoice
	choice.Lang = lang
	switch c.Offline, err = i.Extract(ctx, r, choice); {
	case errors.Is(err, ErrNoExtract):
		c.NoOffline = err
	case err != nil:
		return nil, fmt.Errorf("printing a certificate: %w", err)
	default:
		doc.Offline = &c.Offline.QR
	}
	if c.PDF, err = paper.PDF(doc); err != nil {
		return nil, err
	}
	return &c, nil
}
