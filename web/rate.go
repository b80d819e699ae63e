package web

import (
	"math"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/labstack/echo/v4"
	"golang.org/x/time/rate"
)

// Rate is a token bucket. One of no tokens per second is no limit.
type Rate struct {
	PerSecond float64
	Burst     int
}

// maxBuckets bounds what the callers of a Limiter can make it remember; those
// that come when it is full share a bucket.
const maxBuckets = 1 << 16

// Limiter holds each of its callers to a rate. It remembers them in memory while
// their bucket is not full again, and writes them nowhere. It is safe for
// concurrent use.
type Limiter struct {
	rate Rate

	mu      sync.Mutex
	buckets map[string]*rate.Limiter
	others  *rate.Limiter
	swept   time.Time
}

// NewLimiter returns a limiter to which nobody has come yet.
func NewLimiter(r Rate) *Limiter {
	return &Limiter{rate: r, buckets: map[string]*rate.Limiter{}, others: r.bucket()}
}

func (r Rate) bucket() *rate.Limiter {
	return rate.NewLimiter(rate.Limit(r.PerSecond), max(r.Burst, 1))
}

// Take takes a token for a caller, or returns a problem with status 429 that
// says when there will be one.
func (l *Limiter) Take(caller string) error {
	if l.rate.PerSecond <= 0 {
		return nil
	}
	now := time.Now()
	bucket := l.bucket(caller, now)
	if bucket.AllowN(now, 1) {
		return nil
	}
	wait := (1 - bucket.TokensAt(now)) / l.rate.PerSecond
	return &Problem{Status: http.StatusTooManyRequests, Title: "Too many requests", Retry: max(1, int(math.Ceil(wait)))}
}

func (l *Limiter) bucket(caller string, now time.Time) *rate.Limiter {
	l.mu.Lock()
	defer l.mu.Unlock()
	bucket, ok := l.buckets[caller]
	if ok {
		return bucket
	}
	if len(l.buckets) >= maxBuckets && now.Sub(l.swept) > time.Second {
		l.swept = now
		for key, b := range l.buckets {
			if b.TokensAt(now) >= float64(b.Burst()) {
				delete(l.buckets, key)
			}
		}
	}
	if len(l.buckets) >= maxBuckets {
		return l.others
	}
	bucket = l.rate.bucket()
	l.buckets[caller] = bucket
	return bucket
}

// LimitRate holds callers to [Config].Rate on the routes it is given to, all of
// them together. A caller is who by names, or the client's address where by is
// nil or names nobody.
func (k *Kit) LimitRate(by func(echo.Context) string) echo.MiddlewareFunc {
	limiter := NewLimiter(k.config.Rate)
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		if k.config.Rate.PerSecond <= 0 {
			return next
		}
		return func(c echo.Context) error {
			caller := ""
			if by != nil {
				caller = by(c)
			}
			if caller == "" {
				caller = Address(c)
			}
			if err := limiter.Take(caller); err != nil {
				return err
			}
			return next(c)
		}
	}
}

// Address is the client's address as limits count it: of IPv6 the /64.
func Address(c echo.Context) string {
	a, err := netip.ParseAddr(c.RealIP())
	if err != nil {
		return c.RealIP()
	}
	return block(a).String()
}
