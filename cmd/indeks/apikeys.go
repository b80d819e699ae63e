package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"

	"indeks/store"
	"indeks/web/issuing"
)

// apiKeysEvery is how often the file of API keys is looked at.
const apiKeysEvery = 5 * time.Second

// apiKeys are those of the file as it was when it was last legible: a key that is taken
// away is refused without a start, and a slip of the pen shuts nobody out.
type apiKeys struct {
	path   string
	log    func(ctx context.Context, events ...store.Event) error
	raw    []byte // of the file, as it was when the keys in use were read
	wrong  bool   // the file is not legible since, and that was said
	inUse  atomic.Pointer[[]issuing.APIKey]
	hangup chan os.Signal
}

// openAPIKeys reads the file of API keys; log is told of each change of it.
func openAPIKeys(path string, log func(ctx context.Context, events ...store.Event) error) (*apiKeys, error) {
	raw, list, err := readAPIKeys(path)
	if err != nil {
		return nil, err
	}
	k := &apiKeys{path: path, log: log, raw: raw, hangup: make(chan os.Signal, 1)}
	k.inUse.Store(&list)
	return k, nil
}

// now are the keys that are let in now.
func (k *apiKeys) now() []issuing.APIKey { return *k.inUse.Load() }

// Run looks at the file until ctx ends: every few seconds, and at once on SIGHUP.
func (k *apiKeys) Run(ctx context.Context) error {
	signal.Notify(k.hangup, syscall.SIGHUP)
	defer signal.Stop(k.hangup)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-k.hangup:
		case <-time.After(apiKeysEvery):
		}
		k.look(ctx)
	}
}

// look takes up what the file has become.
func (k *apiKeys) look(ctx context.Context) {
	raw, list, err := readAPIKeys(k.path)
	said := k.wrong
	k.wrong = err != nil
	switch {
	case err != nil && !said:
		slog.Warn("ALARM: the API keys stay those they were", "error", err)
		fallthrough
	case err != nil, bytes.Equal(raw, k.raw):
		return
	}
	k.raw = raw
	k.inUse.Store(&list)
	slog.Info("the API keys have changed", "keys", len(list))
	if err := k.log(ctx, store.Event{Kind: store.KindConfigured, Object: "API keys", Result: fmt.Sprintf("%d keys", len(list)), Digest: sha256.Sum256(raw)}); err != nil {
		slog.Warn("a change of the API keys is not logged", "error", err)
	}
}
