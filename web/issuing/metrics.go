package issuing

import (
	"context"
	"math/bits"

	"indeks/status"
	"indeks/web"
)

// figureHelp says what each of the figures is.
var figureHelp = map[string]string{
	"indeks_credentials_recorded":                 "Credentials on record with a place in a revocation list, those included that are still reserved.",
	"indeks_credentials_revoked":                  "Credentials withdrawn for good.",
	"indeks_credentials_suspended":                "Credentials on hold, those included that were revoked meanwhile.",
	"indeks_inspection_damaged":                   "What the present inspection, or the last one, has found damaged: records, and 1 for a file whose pages do not hang together.",
	"indeks_inspection_records":                   "Records that it has read.",
	"indeks_status_list_sequence":                 "Publications of a status list.",
	"indeks_status_list_signed_timestamp_seconds": "When the published status list was signed; it is valid for a day.",
	"indeks_status_list_used_indexes":             "Places given out in a status list.",
}

// batchFigureHelp says what each of the figures of batches is.
var batchFigureHelp = map[string]string{
	"indeks_batches":            "Batches that have not ended, by state.",
	"indeks_batch_rows_waiting": "Rows of them that are still to be issued.",
}

func (s *server) batchFigures(ctx context.Context) ([]web.Figure, error) {
	byState, rows, err := s.Batches.Waiting(ctx)
	if err != nil {
		return nil, err
	}
	list := []web.Figure{{Name: "indeks_batch_rows_waiting", Value: float64(rows)}}
	for state := range batchTones {
		if !state.Ended() {
			list = append(list, web.Figure{Name: "indeks_batches", Label: string(state), Value: float64(byState[state])})
		}
	}
	return list, nil
}

// letterFigureHelp says what each of the figures of letters is.
var letterFigureHelp = map[string]string{
	"indeks_letters_waiting":        "Letters to learners that are still to be sent.",
	"indeks_letters_oldest_seconds": "For how long the first of them has been due.",
	"indeks_letters_held":           "1 while the mail server takes nothing from this node.",
	"indeks_letters_troubles":       "Letters that were refused or came back, and that nobody has sent again.",
}

func (s *server) letterFigures(ctx context.Context) ([]web.Figure, error) {
	if !s.Issuer.Mailing() {
		return nil, nil
	}
	q, err := s.Issuer.LetterQueue(ctx)
	if err != nil {
		return nil, err
	}
	var age, held float64
	if !q.Oldest.IsZero() {
		age = web.Clock().Sub(q.Oldest).Seconds()
	}
	if !q.Held.IsZero() {
		held = 1
	}
	return []web.Figure{{Name: "indeks_letters_waiting", Value: float64(q.Waiting)}, {Name: "indeks_letters_oldest_seconds", Value: age},
		{Name: "indeks_letters_held", Value: held}, {Name: "indeks_letters_troubles", Value: float64(q.Troubles)}}, nil
}

// figures tells what the records add up to. It reads the status lists alone,
// which have a place for each record and a bit for each withdrawal, so it costs
// the same with a thousand records and with a million but for a list more for
// each ninety thousand.
func (s *server) figures(ctx context.Context) ([]web.Figure, error) {
	lists, err := s.Store.Lists(ctx)
	if err != nil {
		return nil, err
	}
	var recorded, revoked, suspended float64
	var list []web.Figure
	for _, l := range lists {
		set, l, err := s.Store.Bits(ctx, l.ID)
		if err != nil {
			return nil, err
		}
		n := 0
		for _, b := range set.Bits() {
			n += bits.OnesCount8(b)
		}
		if l.Purpose == status.Revocation {
			recorded += float64(l.Used)
			revoked += float64(n)
		} else {
			suspended += float64(n)
		}
		list = append(list, web.Figure{Name: "indeks_status_list_sequence", Label: l.ID, Value: float64(l.Sequence)},
			web.Figure{Name: "indeks_status_list_used_indexes", Label: l.ID, Value: float64(l.Used)})
		if l.Sequence > 0 {
			list = append(list, web.Figure{Name: "indeks_status_list_signed_timestamp_seconds", Label: l.ID, Value: float64(l.ValidFrom.Unix())})
		}
	}
	found := s.Issuer.Inspection()
	list = append(list, web.Figure{Name: "indeks_inspection_damaged", Value: float64(found.Damaged)}, web.Figure{Name: "indeks_inspection_records", Value: float64(found.Records)})
	return append(list, web.Figure{Name: "indeks_credentials_recorded", Value: recorded}, web.Figure{Name: "indeks_credentials_revoked", Value: revoked},
		web.Figure{Name: "indeks_credentials_suspended", Value: suspended}), nil
}
