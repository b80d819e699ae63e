package main

import (
	"cmp"
	"fmt"
	"math"
	"runtime"
	"time"

	"indeks/issuer"
)

// BatchesConfig says how class lists that are uploaded are worked on. 0 switches
// a limit off; what the file leaves out is as in defaultBatches.
type BatchesConfig struct {
	// Running are issued at a time, the others wait.
	Running int `yaml:"running"`
	// Queued batches that have not ended, and QueuedRows of all of them: then no more
	// are taken.
	Queued     int `yaml:"queued"`
	QueuedRows int `yaml:"queued_rows"`
	// CorePercent of the processors compute for batches at a time; the rest is for
	// those who wait for one answer.
	CorePercent int `yaml:"core_percent"`
	// KeepDays after a batch has ended, or after the last step of one that nobody goes
	// on with, what names people in it is removed.
	KeepDays int `yaml:"keep_days"`
}

var defaultBatches = BatchesConfig{Running: 2, Queued: 100, QueuedRows: 500_000, CorePercent: 50, KeepDays: 30}

// check names the first value that makes no sense.
func (b *BatchesConfig) check() error {
	for name, v := range map[string]int{"running": b.Running, "queued": b.Queued, "queued_rows": b.QueuedRows, "core_percent": b.CorePercent, "keep_days": b.KeepDays} {
		if v < 0 || v > 1<<30 || name == "core_percent" && v > 100 || name == "keep_days" && v > 36_500 {
			return fmt.Errorf("%s: %d is no limit", name, v)
		}
	}
	return nil
}

// batches are those of the house.
func (h *house) batches() *issuer.Batches {
	c := h.config.Batches
	none := func(limit int) int { return cmp.Or(limit, math.MaxInt) }
	keep := time.Duration(c.KeepDays) * 24 * time.Hour
	return issuer.NewBatches(issuer.BatchConfig{Issuer: h.issuer, Node: h.config.Issuer.Database.Node, Running: none(c.Running), Queued: none(c.Queued), Rows: none(c.QueuedRows),
		Cores: max(1, runtime.GOMAXPROCS(0)*cmp.Or(c.CorePercent, 100)/100), Keep: cmp.Or(keep, math.MaxInt64)})
}
