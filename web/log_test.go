package web

import (
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestRequestsAreLoggedTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out logBuffer // written by the timer too
		log, flush := NewLogger(&out)
		seen := 0
		lines := func(want ...string) {
			t.Helper()
			synctest.Wait()
			var got []string
			text := out.String()
			for line := range strings.Lines(text[seen:]) {
				_, line, _ = strings.Cut(line, "msg=")
				got = append(got, strings.TrimSuffix(line, "\n"))
			}
			if strings.Join(got, "|") != strings.Join(want, "|") {
				t.Errorf("%q is written, want %q", got, want)
			}
			seen = len(text)
		}
		log.Info("started")
		lines("started")

		log.Info("request", "n", 1)
		log.With("server", "a").Warn("request", "n", 2)
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
