package issuer

import (
	"fmt"

	"indeks/elm"
	"indeks/paper"
	"indeks/store"
)

// Certificate prints an award as PDF in one of elm.Languages(), "" for the
// credential's own, with both sealed files attached. It is made anew each time,
// from what was sealed, and is the same each time. A record that is no award or
// is not sealed yet is store.ErrNotFound; a name that the fonts cannot draw is
// paper.ErrGlyph.
func (i *Issuer) Certificate(r store.Record, lang string) ([]byte, error) {
	file := r.Forms[string(elm.EDC)]
	if file.Token == nil || r.Course == "" {
		return nil, fmt.Errorf("printing a certificate: %w", store.ErrNotFound)
	}
	cred, err := elm.Parse(file.Payload)
	if err != nil {
		return nil, fmt.Errorf("printing a certificate: %w", err)
	}
	return paper.PDF(paper.PDFDocument{
		Credential: cred, Lang: lang, Link: i.VerifyURL(r),
		Sealed: file.Token, Token: r.Forms[string(elm.VC2)].Token,
	})
}
