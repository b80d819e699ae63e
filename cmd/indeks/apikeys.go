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
	raw    []byte // of the file, as it was last looked at
	wrong  bool   // the file is not legible
	inUse  atomic.Pointer[[]issuing.APIKey]
	hangup chan os.Signal
}

// openAPIKeys reads the file of API keys; log is told of each change of it.
func openAPIKeys(path string, log func(ctx context.Context, events ...store.Event) error) (*apiKeys, error) {
	k := &apiKeys{path: path, log: log, hangup: make(chan os.Signal, 1)}
	list, err := readAPIKeys(path)
	if err != nil {
		return nil, err
	}
	k.inUse.Store(&list)
	if k.raw, err = os.ReadFile(path); err != nil {
		return nil, fmt.Errorf("reading the API keys: %w", err)
	}
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
	raw, err := os.ReadFile(k.path)
	if err == nil && bytes.Equal(raw, k.raw) {
		return
	}
	var list []issuing.APIKey
	if err == nil {
		k.raw = raw
		list, err = parseAPIKeys(raw, k.path)
	}
	if err != nil {
		if !k.wrong {
			slog.Warn("ALARM: the API keys stay those they were", "error", err)
		}
		k.wrong = true
		return
	}
	k.wrong = false
	k.inUse.Store(&list)
	slog.Info("the API keys have changed", "keys", len(list))
	if err := k.log(ctx, store.Event{Kind: store.KindConfigured, Object: "API keys", Result: fmt.Sprintf("%d keys", len(list)), Digest: sha256.Sum256(raw)}); err != nil {
		slog.Warn("a change of the API keys is not logged", "error", err)
	}
}
