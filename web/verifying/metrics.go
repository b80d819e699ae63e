package verifying

import (
	"context"

	"indeks/verifier"
	"indeks/web"
)

// counted is an examiner that counts what was found, of each credential.
type counted struct {
	examiner
	count func(state string)
}

func (c counted) Verify(ctx context.Context, token []byte) *verifier.Report {
	r := c.examiner.Verify(ctx, token)
	c.count(string(r.State))
	return r
}

func (c counted) VerifyPresentation(ctx context.Context, token []byte, o verifier.PresentationOptions) *verifier.PresentationReport {
	p := c.examiner.VerifyPresentation(ctx, token, o)
	for _, r := range p.Credentials {
		c.count(string(r.State))
	}
	return p
}

func (c counted) Rows(ctx context.Context, f verifier.File, o verifier.PresentationOptions, lang string) []verifier.Row {
	rows := c.examiner.Rows(ctx, f, o, lang)
	for _, r := range rows {
		c.count(string(r.State))
	}
	return rows
}

// gauges tells how busy the server is and how long it may vouch for anybody.
func (s *Server) gauges(m *web.Metrics) {
	if m == nil {
		return
	}
	m.Gauge("indeks_verifier_workers_busy", "Verifications under way.", func() float64 { return float64(len(s.workers)) })
	m.Gauge("indeks_verifier_workers", "Verifications that may be under way at once.", func() float64 { return float64(cap(s.workers)) })
	m.Gauge("indeks_verifier_waiting", "Verifications that wait for a worker.", func() float64 { return float64(max(0, len(s.queue)-len(s.workers))) })
	if trust := s.trust; trust != nil {
		m.Gauge("indeks_trust_version", "Version of the trust file.", func() float64 { return float64(trust.Version) })
		m.Gauge("indeks_trust_expires_timestamp_seconds", "When the trust file ends; nobody is confirmed after it.", func() float64 { return float64(trust.Expires.Unix()) })
	}
}
