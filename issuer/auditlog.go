package issuer

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"indeks/keys"
	"indeks/merkle"
	"indeks/store"
)

// HeadEvery is how often the head of the audit log is signed.
const HeadEvery = 5 * time.Minute

// How often the clock is looked at, and by how much it may move otherwise than time
// does before that is an event.
const (
	clockEvery = time.Minute
	clockMoves = 30 * time.Second
)

// LogOrigin is the name of an audit log for the whole world.
func (i *Institution) LogOrigin(name string) string {
	_, place, _ := strings.Cut(i.PublicBase, "://")
	return place + "/log/" + name
}

// RunLog signs the heads of the audit log until ctx ends, and returns nil then.
// It also watches the clock. What fails is reported to Warn.
func (i *Issuer) RunLog(ctx context.Context) error {
	for was, began := i.now(), time.Now(); ; {
		if err := i.SignHeads(ctx); err != nil && ctx.Err() == nil {
			i.warn("ALARM: the audit log is not signed", "error", err)
		}
		for signed := time.Now(); time.Since(signed) < HeadEvery; {
			select {
			case <-ctx.Done():
				return nil
			case <-time.After(clockEvery):
			}
			now, passed := i.now(), time.Since(began)
			if moved := now.Sub(was) - passed; moved.Abs() > clockMoves {
				i.warn("the clock jumped", "seconds", moved.Seconds())
				if err := i.store.Append(ctx, store.Event{Kind: store.KindClockJumped, Result: fmt.Sprintf("by %s", moved.Round(time.Second))}); err != nil {
					i.warn("a jump of the clock is not logged", "error", err)
				}
			}
			was, began = now, time.Now()
		}
	}
}

// SignHeads signs the head of every audit log that has grown since, keeps it, and
// hands it to Config.Anchor.
func (i *Issuer) SignHeads(ctx context.Context) error {
	logs, err := i.store.Logs(ctx)
	if err != nil {
		return fmt.Errorf("signing the audit log: %w", err)
	}
	var failed []error
	for _, log := range logs {
		if log.Closed.IsZero() {
			failed = append(failed, i.signHead(ctx, log))
		}
	}
	return errors.Join(failed...)
}

// LogSigned is how many entries the logs have that take entries, and until when all of
// them are signed: the present, or when the first entry came that no head has.
func (i *Issuer) LogSigned(ctx context.Context) (entries uint64, until time.Time, err error) {
	doing := func(err error) (uint64, time.Time, error) {
		return 0, time.Time{}, fmt.Errorf("looking at the audit log: %w", err)
	}
	until = i.clock()
	logs, err := i.store.Logs(ctx)
	if err != nil {
		return doing(err)
	}
	for _, log := range logs {
		if !log.Closed.IsZero() {
			continue
		}
		entries += log.Size
		head, err := i.store.LastHead(ctx, log.Name)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return doing(err)
		}
		if head.Size >= log.Size {
			continue
		}
		first, err := i.store.LogEntry(ctx, log.Name, head.Size)
		if err != nil {
			return doing(err)
		}
		if first.At.Before(until) {
			until = first.At
		}
	}
	return entries, until.UTC().Truncate(time.Second), nil
}

func (i *Issuer) signHead(ctx context.Context, log store.Log) error {
	doing := func(err error) error { return fmt.Errorf("signing the head of audit log %s: %w", log.Name, err) }

	// 1. Is there anything new?
	last, err := i.store.LastHead(ctx, log.Name)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return doing(err)
	}
	if err == nil && last.Size == log.Size {
		i.anchored(last)
		return nil
	}

	// 2. What is signed. A clock that was set back dates no head before the last.
	root, err := merkle.Root(log.Size, func(places []int64) ([]merkle.Hash, error) { return i.store.LogHashes(ctx, log.Name, places) })
	if err != nil {
		return doing(err)
	}
	text := merkle.Head{Origin: i.inst.LogOrigin(log.Name), Size: log.Size, Root: root}.Text()
	at := i.clock()
	if err := i.checkClock(ctx, at, i.jump); err != nil {
		return doing(err)
	}
	if at.Before(last.At) {
		at = last.At
	}

	// 3. Sign, read back, keep; what is kept is shown to others, and nothing before.
	sealer, err := i.logSealer()
	if err != nil {
		return doing(err)
	}
	token, err := i.signed(func() ([]byte, error) { return sealer.Seal(text, keys.LogHead, at) })
	if err != nil {
		return doing(err)
	}
	if _, err := i.openHead(ctx, token); err != nil {
		return doing(err)
	}
	kept, err := i.store.PutHead(ctx, store.Head{Log: log.Name, Size: log.Size, Root: root, At: at, KeyID: sealer.Public().ID, Token: token})
	if err != nil {
		return doing(err)
	}
	i.anchored(kept)
	return nil
}

// LogKeys are the keys that seal, or have sealed, heads of the audit log.
func (i *Issuer) LogKeys() []keys.Entry { return i.ring.LogEntries() }

// logSealer is the key of its own that seals heads, or the one for credentials
// where there is none. What the latter seals proves nothing once it is
// compromised.
func (i *Issuer) logSealer() (*keys.Sealer, error) {
	sealer, err := i.ring.LogSealer()
	if errors.Is(err, keys.ErrNoKey) {
		return i.ring.Sealer()
	}
	return sealer, err
}

// anchored hands a head to where it outlives this machine.
func (i *Issuer) anchored(h store.Head) {
	if err := i.anchor(h); err != nil {
		i.warn("ALARM: the head of the audit log is not kept elsewhere", "log", h.Log, "error", err)
	}
}

// logKeys resolves all keys of our ring that may have sealed a head.
func logKeys(ring *keys.Ring) ownKeys {
	return slices.Concat(ring.LogEntries(), ring.Entries())
}

// OpenHead opens a head of one of the institution's audit logs.
func (i *Institution) OpenHead(ctx context.Context, ring *keys.Ring, token []byte) (store.Head, error) {
	return i.openHead(ctx, logKeys(ring), token)
}

func (i *Institution) openHead(ctx context.Context, own keys.Resolver, token []byte) (store.Head, error) {
	token = bytes.TrimSpace(token)
	opened, err := keys.OpenLogHead(ctx, token, own)
	if err != nil {
		return store.Head{}, fmt.Errorf("opening a head of the audit log: %w", err)
	}
	head, err := merkle.ParseHead(opened.Payload)
	if err != nil {
		return store.Head{}, fmt.Errorf("opening a head of the audit log: %w", err)
	}
	log, ours := strings.CutPrefix(head.Origin, i.LogOrigin(""))
	if !ours || log == "" {
		return store.Head{}, fmt.Errorf("opening a head of the audit log: %q is none of ours", head.Origin)
	}
	return store.Head{Log: log, Size: head.Size, Root: head.Root, At: opened.Seals[0].SealedAt, KeyID: opened.Seals[0].KeyID, Token: token}, nil
}

func (i *Issuer) openHead(ctx context.Context, token []byte) (store.Head, error) {
	return i.inst.OpenHead(ctx, i.ring, token)
}

// CheckHeads opens every head that a store has and says which of them, and of those
// given, is not what it should be: sealed with a key of the institution, and of the
// log as it is here.
func (i *Institution) CheckHeads(ctx context.Context, s store.Store, ring *keys.Ring, given [][]byte) (found []error, opened int) {
	logs, err := s.Logs(ctx)
	if err != nil {
		return []error{err}, 0
	}
	for _, log := range logs {
		for h, err := range s.Heads(ctx, log.Name, 0) {
			var read store.Head
			if err == nil {
				read, err = i.OpenHead(ctx, ring, h.Token)
			}
			if err == nil && (read.Log != h.Log || read.Size != h.Size || read.Root != h.Root || !read.At.Equal(h.At)) {
				err = fmt.Errorf("%w: what is sealed says other than what is kept", store.ErrForked)
			}
			if err != nil {
				found = append(found, &LogFinding{FoundHead, log.Name, h.Size, fmt.Errorf("log %s, head of size %d: %w", log.Name, h.Size, err)})
				continue
			}
			opened++
		}
	}
	for _, token := range given {
		h, err := i.OpenHead(ctx, ring, token)
		if err == nil {
			err = store.Holds(ctx, s, h.Log, h.Size, h.Root)
		}
		if err != nil {
			found = append(found, err)
			continue
		}
		opened++
	}
	return found, opened
}

// What of an audit log is not as it should be.
const (
	FoundHead    = "head"    // a head does not open, or says other than what is kept of it
	FoundEntries = "entries" // the entries cannot be read further than Size
	FoundRoot    = "root"    // the first Size entries are not those whose head was signed
	FoundShort   = "short"   // a head over Size entries was signed, and there are fewer
)

// LogFinding is one thing that is not as it should be.
type LogFinding struct {
	Code string
	Log  string
	Size uint64 // of the head, or of what was read
	err  error
}

func (f *LogFinding) Error() string { return f.err.Error() }

func (f *LogFinding) Unwrap() error { return f.err }

// LogVerdict is what VerifyLog has found.
type LogVerdict struct {
	Entries uint64
	Heads   int     // that opened
	Found   []error // what is not as it should be
}

// VerifyLog proves the audit logs while others write: the entries, as they are read,
// make the trees whose heads were signed, and each head opens with a key of the
// institution. Whether the records are what was logged is for [store.Check]. Its error
// is that of the context, or of a store that does not answer.
func (i *Issuer) VerifyLog(ctx context.Context) (v LogVerdict, err error) {
	logs, err := i.store.Logs(ctx)
	if err != nil {
		return v, fmt.Errorf("verifying the audit log: %w", err)
	}
	v.Found, v.Heads = i.inst.CheckHeads(ctx, i.store, i.ring, nil)
	for _, log := range logs {
		heads := map[uint64]merkle.Hash{}
		for h, err := range i.store.Heads(ctx, log.Name, 0) {
			if err == nil { // of what is damaged CheckHeads has told
				heads[h.Size] = h.Root
			}
		}
		var tree merkle.Builder
		for e, err := range i.store.LogEntries(ctx, log.Name, 0) {
			if err := ctx.Err(); err != nil {
				return v, fmt.Errorf("verifying the audit log: broken off after %d entries: %w", v.Entries, err)
			}
			if err == nil && e.Index != tree.Size() {
				err = fmt.Errorf("%w: entry %d follows entry %d", store.ErrDamaged, e.Index, tree.Size())
			}
			if err != nil {
				v.Found = append(v.Found, &LogFinding{FoundEntries, log.Name, tree.Size(), fmt.Errorf("log %s: %w", log.Name, err)})
				break
			}
			tree.Add(e.Leaf)
			v.Entries++
			if root, ok := heads[tree.Size()]; ok && root != tree.Root() {
				err := fmt.Errorf("log %s: %w: the head of size %d that was signed is not that of the entries", log.Name, store.ErrForked, tree.Size())
				v.Found = append(v.Found, &LogFinding{FoundRoot, log.Name, tree.Size(), err})
			}
			delete(heads, tree.Size())
		}
		if log.Closed.IsZero() { // of one that Restore has closed more may have been signed
			for size := range heads {
				err := fmt.Errorf("log %s: %w: a head of size %d was signed, and there are %d entries", log.Name, store.ErrForked, size, tree.Size())
				v.Found = append(v.Found, &LogFinding{FoundShort, log.Name, size, err})
			}
		}
	}
	return v, nil
}

// checkAnchored refuses a store that is not the one whose heads were kept
// elsewhere, or an older state of it: to go on with it would be to write history
// anew.
func (i *Issuer) checkAnchored(ctx context.Context, heads [][]byte) error {
	for _, token := range heads {
		h, err := i.openHead(ctx, token)
		if err == nil {
			err = store.Holds(ctx, i.store, h.Log, h.Size, h.Root)
		}
		if errors.Is(err, store.ErrForked) {
			return fmt.Errorf("comparing the audit log with its last head of %s: %w; records were put back or changed by other means than indeks restore: keep the file as it is, back it up and restore that backup, or the last one", h.At.Format(time.RFC3339), err)
		}
		if err != nil {
			return fmt.Errorf("comparing the audit log with its last head: %w", err)
		}
	}
	return nil
}

// ErrNotLogged is returned by Proof for a credential that no head of the audit log
// stands over yet.
var ErrNotLogged = errors.New("no signed head of the audit log has it yet")

// Proof shows to who has a credential in one form that it is on the audit log. It
// is for the form whose signature has the SHA-256 seal: to guess it takes the
// key. size is that of the head to lead to; 0: the first head over it that was
// sealed with a key that is not compromised.
func (i *Issuer) Proof(ctx context.Context, id string, seal [sha256.Size]byte, size uint64) (merkle.Proof, error) {
	doing := func(err error) (merkle.Proof, error) {
		return merkle.Proof{}, fmt.Errorf("proving that %.60q is on the audit log: %w", id, err)
	}

	// 1. The form that is asked for.
	r, err := i.Find(ctx, id)
	if err != nil {
		return doing(err)
	}
	form := ""
	for name, f := range r.Forms {
		values, err := keys.SignaturesUnsafe(f.Token)
		if f.Token == nil || err != nil {
			continue
		}
		if slices.ContainsFunc(values, func(v []byte) bool { return sha256.Sum256(v) == seal }) {
			form = name
		}
	}
	if form == "" {
		return doing(store.ErrNotFound)
	}

	// 2. Its entry, and the head.
	place, err := i.store.Logged(ctx, r.ID)
	if err != nil {
		return doing(err)
	}
	entry, err := i.store.LogEntry(ctx, place.Log, place.Index)
	if err != nil {
		return doing(err)
	}
	head, err := i.headOver(ctx, place, size)
	if err != nil {
		return doing(err)
	}

	// 3. The way from one to the other.
	p := entry.Proof(form)
	p.Log, p.Size, p.Head = i.inst.LogOrigin(place.Log), head.Size, string(head.Token)
	read := func(places []int64) ([]merkle.Hash, error) { return i.store.LogHashes(ctx, place.Log, places) }
	if p.Hashes, err = merkle.Inclusion(p.Size, p.Index, read); err != nil {
		return doing(err)
	}
	return p, nil
}

// headOver is the head of a size, without token where none of that size was
// signed, or the first over a place.
func (i *Issuer) headOver(ctx context.Context, place store.Place, size uint64) (store.Head, error) {
	logs, err := i.store.Logs(ctx)
	if err != nil {
		return store.Head{}, err
	}
	at := slices.IndexFunc(logs, func(l store.Log) bool { return l.Name == place.Log })
	if at < 0 || size > 0 && (size <= place.Index || size > logs[at].Size) {
		return store.Head{}, ErrNotLogged
	}
	var first store.Head
	for h, err := range i.store.Heads(ctx, place.Log, max(size, place.Index+1)) {
		if err != nil {
			return store.Head{}, err
		}
		if size > 0 {
			if h.Size == size {
				return h, nil
			}
			break
		}
		if first.Size == 0 {
			first = h
		}
		if !i.compromised(h.KeyID) {
			return h, nil
		}
	}
	switch {
	case size > 0:
		return store.Head{Log: place.Log, Size: size}, nil
	case first.Size == 0:
		return store.Head{}, ErrNotLogged
	}
	return first, nil
}

// compromised reports whether a key of the ring is.
func (i *Issuer) compromised(kid string) bool {
	return slices.ContainsFunc(logKeys(i.ring), func(e keys.Entry) bool { return e.Public.ID == kid && !e.Public.CompromisedAt.IsZero() })
}

// HeadFiles are folders in which the last head of each audit log is kept, LOG.head
// each, so that a store that is put back shows that it is an older one.
type HeadFiles []string

const headSuffix = ".head"

// Read returns the heads that are kept.
func (f HeadFiles) Read() (heads [][]byte, err error) {
	for _, dir := range f {
		files, err := filepath.Glob(filepath.Join(dir, "*"+headSuffix))
		if err != nil {
			return nil, fmt.Errorf("reading the heads of the audit log: %w", err)
		}
		for _, file := range files {
			token, err := os.ReadFile(file)
			if err != nil {
				return nil, fmt.Errorf("reading the heads of the audit log: %w", err)
			}
			heads = append(heads, token)
		}
	}
	return heads, nil
}

// Write keeps a head, and reports whether it is new in one of the folders.
func (f HeadFiles) Write(h store.Head) (written bool, err error) {
	var failed []error
	for _, dir := range f {
		path := filepath.Join(dir, h.Log+headSuffix)
		if have, err := os.ReadFile(path); err == nil && bytes.Equal(bytes.TrimSpace(have), h.Token) {
			continue
		}
		err := os.MkdirAll(dir, 0o700)
		if err == nil {
			err = writeSynced(path+".part", append(bytes.Clone(h.Token), '\n'))
		}
		if err == nil {
			err = errors.Join(os.Rename(path+".part", path), syncDir(dir))
		}
		written = written || err == nil
		failed = append(failed, err)
	}
	return written, errors.Join(failed...)
}

// LoggedEvent is an entry of the audit log as it is shown and exported.
type LoggedEvent struct {
	Index   uint64      `json:"index"`
	At      time.Time   `json:"at"`
	Kind    store.Kind  `json:"kind"`
	Actor   string      `json:"actor"`
	Request string      `json:"request,omitempty"`
	Object  string      `json:"object,omitempty"`
	Result  string      `json:"result,omitempty"`
	Digest  string      `json:"digest,omitempty"` // hexadecimal
	Program string      `json:"program"`
	Leaf    merkle.Hash `json:"leaf"`
}

// EventOf is how an entry is shown.
func EventOf(e *store.LogEntry) LoggedEvent {
	v := LoggedEvent{Index: e.Index, At: e.At, Kind: e.Kind, Actor: e.Actor, Request: e.Request, Object: e.Object, Result: e.Result, Program: e.Program, Leaf: e.Leaf}
	if e.Digest != (merkle.Hash{}) {
		v.Digest = hex.EncodeToString(e.Digest[:])
	}
	return v
}
