package store

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/go-json-experiment/json"

	"indeks/merkle"
)

// Kind is what an event is.
type Kind string

// The kinds of events. An event holds no personal data but the number under which
// somebody is known inside: what it is about is named by its id.
const (
	KindLogOpened       Kind = "log-opened"
	KindKeyMade         Kind = "key-made"
	KindKeyActivated    Kind = "key-activated"
	KindKeyRetired      Kind = "key-retired"
	KindKeyRevoked      Kind = "key-revoked"
	KindKeyDestroyed    Kind = "key-destroyed"
	KindCoursePut       Kind = "course-put"
	KindIntent          Kind = "intent" // to seal: see Reserve
	KindIssued          Kind = "issued"
	KindRevoked         Kind = "revoked"
	KindSuspended       Kind = "suspended"
	KindReinstated      Kind = "reinstated"
	KindCorrected       Kind = "corrected"
	KindListOpened      Kind = "list-opened"
	KindListPublished   Kind = "list-published"
	KindLoggedIn        Kind = "logged-in"
	KindLoggedOut       Kind = "logged-out"
	KindLogInRefused    Kind = "log-in-refused"
	KindRoleChanged     Kind = "role-changed"
	KindExported        Kind = "exported"
	KindImported        Kind = "imported"
	KindErased          Kind = "erased"
	KindBackedUp        Kind = "backed-up"
	KindRestored        Kind = "restored"
	KindConfigured      Kind = "configured"
	KindClockJumped     Kind = "clock-jumped"
	KindApprovalAsked   Kind = "approval-asked"
	KindApprovalGiven   Kind = "approval-given"
	KindApprovalRefused Kind = "approval-refused"
	KindJobUploaded     Kind = "job-uploaded"
	KindJobStarted      Kind = "job-started"
	KindJobPaused       Kind = "job-paused"
	KindJobEnded        Kind = "job-ended"
	KindRecognised      Kind = "recognised"
	KindShared          Kind = "shared"
	KindShareEnded      Kind = "share-ended"
	KindSent            Kind = "sent"
	KindReaddressed     Kind = "readdressed" // see PutDelivery
)

// Kinds are all of them.
var Kinds = []Kind{
	KindLogOpened, KindKeyMade, KindKeyActivated, KindKeyRetired, KindKeyRevoked, KindKeyDestroyed, KindCoursePut, KindIntent, KindIssued,
	KindRevoked, KindSuspended, KindReinstated, KindCorrected, KindListOpened, KindListPublished, KindLoggedIn, KindLoggedOut, KindLogInRefused,
	KindRoleChanged, KindExported, KindImported, KindErased, KindBackedUp, KindRestored, KindConfigured, KindClockJumped, KindApprovalAsked,
	KindApprovalGiven, KindApprovalRefused, KindJobUploaded, KindJobStarted, KindJobPaused, KindJobEnded, KindRecognised, KindShared, KindShareEnded, KindSent, KindReaddressed,
}

// derived are the kinds that the store alone appends: they tell of its writes.
var derived = []Kind{KindLogOpened, KindCoursePut, KindIntent, KindIssued, KindRevoked, KindSuspended, KindReinstated, KindCorrected, KindListOpened, KindListPublished, KindRestored, KindReaddressed}

// Event is something that happened. The JSON names are those of the stored form.
type Event struct {
	At      time.Time   `json:"at"` // UTC, by the clock of whoever wrote it; zero, when appended: now
	Kind    Kind        `json:"kind"`
	Actor   string      `json:"actor"`             // "" when appended: that of the context
	Request string      `json:"request,omitzero"`  // id, as in the answer and in the logs; "" when appended: that of the context
	Object  string      `json:"object,omitzero"`   // id of what it is about: of a credential, a list, a course, a key ...
	Result  string      `json:"result,omitzero"`   // what came of it, in few words and without names
	Digest  merkle.Hash `json:"digest,omitzero"`   // of what it is about, where that helps to compare
	Program string      `json:"program,omitempty"` // version that wrote it; set by the store
}

// validate says with ErrInvalid why an event cannot be appended.
func (e *Event) validate() error {
	if !slices.Contains(Kinds, e.Kind) || slices.Contains(derived, e.Kind) {
		return fmt.Errorf("appending an event: %w: kind %.40q", ErrInvalid, e.Kind)
	}
	for _, s := range []string{e.Actor, e.Request, e.Object, e.Result} {
		err := validText(s)
		if err == nil && len(s) > maxKey {
			err = fmt.Errorf("%w: a text of %d bytes", ErrInvalid, len(s))
		}
		if err != nil {
			return fmt.Errorf("appending an event of kind %s: %w", e.Kind, err)
		}
	}
	return nil
}

// Actor is on whose behalf something is done.
type Actor struct {
	Name    string // of an API key, a command, or the number of a person; "" stands for the program itself
	Request string // id
}

// ItselfActor is the name of what the program does by itself.
const ItselfActor = "indeks"

type actorKey struct{}

// Acting returns a context whose writes are done on behalf of an actor: the log
// says so.
func Acting(ctx context.Context, a Actor) context.Context {
	return context.WithValue(ctx, actorKey{}, a)
}

// ActorOf is whom Acting has named, the program itself where it has not.
func ActorOf(ctx context.Context) Actor {
	a, _ := ctx.Value(actorKey{}).(Actor)
	a.Name = cmp.Or(a.Name, ItselfActor)
	return a
}

// LogEntry is an event at its place in a log.
type LogEntry struct {
	Index uint64
	Event
	Sealing *merkle.Sealing // of KindIssued: what verifiers may know of it; else nil
	Leaf    merkle.Hash     // hash of the leaf

	secret []byte      // see merkle.Salt
	doc    []byte      // the stored event with its secret, of an entry that was read
	said   []byte      // JSON of Sealing, or nothing
	kept   merkle.Hash // of the stored event with its secret
}

// Proof is the entry's part of a proof for one form of a credential. Whoever is
// given it must have shown to have that form.
func (e *LogEntry) Proof(form string) merkle.Proof {
	return merkle.Proof{Said: e.said, Kept: e.kept, Form: form, Salt: merkle.Salt(e.secret, form), Index: e.Index}
}

// Sealed says why a record is not what was logged, nil if it is.
func (e *LogEntry) Sealed(r *Record) error {
	s := e.Sealing
	if e.Kind != KindIssued || s == nil || s.Credential != r.ID || s.KeyID != r.KeyID || !s.At.Equal(r.SealingTime) || len(s.Forms) != len(r.Forms) {
		return fmt.Errorf("%w: it is not what was logged as issued", ErrDamaged)
	}
	for form, sealed := range r.Forms {
		if s.Forms[form] != merkle.Commit(merkle.Salt(e.secret, form), sha256.Sum256(sealed.Payload)) {
			return fmt.Errorf("%w: payload %s is not the one that was logged", ErrDamaged, form)
		}
	}
	return nil
}

// Changed reports whether an entry tells of a change of a record.
func (e *LogEntry) Changed(c Change) bool {
	digest, err := changeDigest(e.secret, c)
	return err == nil && e.Kind == changeKinds[c.State] && e.Digest == digest
}

var changeKinds = map[State]Kind{Issued: KindReinstated, Suspended: KindSuspended, Revoked: KindRevoked}

// changeDigest stands for all of a change, the reason among it, without telling
// it: what may be erased later must not be guessed from the log.
func changeDigest(secret []byte, c Change) (merkle.Hash, error) {
	raw, err := json.Marshal(c, json.Deterministic(true))
	if err != nil {
		return merkle.Hash{}, err
	}
	return sha256.Sum256(fmt.Appendf(nil, "indeks change %x %s", secret, raw)), nil
}

// entryDoc is the part of an entry that only the keeper of the log sees.
type entryDoc struct {
	Event
	Secret []byte `json:"secret"` // 16 random bytes
}

// secretSize is too much to guess.
const secretSize = 16

// newEntry makes an entry of an event that is complete, and the bytes it is kept as. seal, where it is not nil,
// says what verifiers may know, given the entry's secret.
func newEntry(index uint64, ev Event, seal func(secret []byte) (*merkle.Sealing, error), digest func(secret []byte) (merkle.Hash, error)) (e LogEntry, doc []byte, err error) {
	e = LogEntry{Index: index, Event: ev, secret: make([]byte, secretSize)}
	rand.Read(e.secret)
	if digest != nil {
		if e.Digest, err = digest(e.secret); err != nil {
			return LogEntry{}, nil, err
		}
	}
	if seal != nil {
		if e.Sealing, err = seal(e.secret); err != nil {
			return LogEntry{}, nil, err
		}
		if e.said, err = e.Sealing.JSON(); err != nil {
			return LogEntry{}, nil, err
		}
	}
	doc, err = marshal(0, &entryDoc{e.Event, e.secret})
	if err != nil {
		return LogEntry{}, nil, err
	}
	e.kept = sha256.Sum256(doc)
	e.Leaf = merkle.LeafHash(merkle.Leaf(e.kept, e.said))
	return e, doc, nil
}

// readEntry is the entry that newEntry made.
func readEntry(index uint64, doc, said []byte) (LogEntry, error) {
	var d entryDoc
	if err := json.Unmarshal(doc, &d, json.RejectUnknownMembers(true)); err != nil {
		return LogEntry{}, fmt.Errorf("%w: entry %d: %w", ErrDamaged, index, err)
	}
	e := LogEntry{Index: index, Event: d.Event, secret: d.Secret, doc: doc, said: said, kept: sha256.Sum256(doc)}
	if len(said) > 0 {
		var err error
		if e.Sealing, err = merkle.ParseSealing(said); err != nil {
			return LogEntry{}, fmt.Errorf("%w: entry %d: %w", ErrDamaged, index, err)
		}
	}
	e.Leaf = merkle.LeafHash(merkle.Leaf(e.kept, e.said))
	return e, nil
}

// program is the version of the program, for events.
var program = sync.OnceValue(func() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	v := info.Main.Version
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && v == "(devel)" {
			v += " " + s.Value[:min(len(s.Value), 12)]
		}
	}
	return v
})

// EventFilter picks events. The zero value picks all.
type EventFilter struct {
	Kinds         []Kind // any of them; none: all
	Actor, Object string // exactly; "": any
	Since, Until  time.Time
}

// AddKind adds a kind by its name, and reports whether there is such a kind.
func (f *EventFilter) AddKind(name string) bool {
	f.Kinds = append(f.Kinds, Kind(name))
	return slices.Contains(Kinds, Kind(name))
}

// Match reports whether an entry is picked.
func (f *EventFilter) Match(e *LogEntry) bool {
	return (len(f.Kinds) == 0 || slices.Contains(f.Kinds, e.Kind)) &&
		(f.Actor == "" || f.Actor == e.Actor) && (f.Object == "" || f.Object == e.Object) &&
		(f.Since.IsZero() || !e.At.Before(f.Since)) && (f.Until.IsZero() || e.At.Before(f.Until))
}
