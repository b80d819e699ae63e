package web

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestRequestsAreLoggedTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer // written by the timer too, which synctest.Wait waits for
		log, flush := NewLogger(&out)
		lines := func(want ...string) {
			t.Helper()
			synctest.Wait()
			var got []string
			for line := range strings.Lines(out.String()) {
				_, line, _ = strings.Cut(line, "msg=")
				got = append(got, strings.TrimSuffix(line, "\n"))
			}
			if strings.Join(got, "|") != strings.Join(want, "|") {
				t.Errorf("%q is written, want %q", got, want)
			}
			out.Reset()
		}
		log.Info("started")
		lines("started")

		log.Info("request", "n", 1)
		log.With("server", "a").Info("request", "n", 2)
		lines()
		time.Sleep(gatherTime)
		lines("request n=1", `request server=a n=2`)

		log.Info("request", "n", 3)
		log.Error("request", "n", 4)
		lines("request n=3", "request n=4")

		log.Info("request", "n", 5)
		log.WithGroup("g").Warn("disk", "free", 0)
		lines("request n=5", "disk g.free=0")

		log.Info("request", "n", 6)
		flush()
		lines("request n=6")
		flush()
		time.Sleep(2 * gatherTime)
		lines()

		long := slog.String("n", strings.Repeat("x", gatherBytes))
		log.Info("request", long)
		lines("request " + long.String())
	})
}
