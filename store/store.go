// Package store keeps issuance records: what was to be sealed before it is
// sealed, what was sealed before it is handed out, and what became of it.
// [Store] is the contract; [OpenBolt] is the implementation for one institution
// on one machine, [OpenPostgres] that for several nodes that share a database; [Check] proves a store against itself.
package store

import (
	"context"
	"errors"
	"iter"
	"maps"
	"slices"
	"time"

	"indeks/alike"
	"indeks/merkle"
	"indeks/status"
)

// Errors that callers branch on; a call that returns one of them, or the error
// of its context, has written nothing. Anything else means: outcome unknown.
// [ErrDamaged] is one of them too: a record that no longer fits its checksum.
var (
	ErrInvalid       = errors.New("record breaks a rule of the store")
	ErrNotFound      = errors.New("no such record")
	ErrConflict      = errors.New("the same key was used for another request")
	ErrIDTaken       = errors.New("credential id, public id or link already used")
	ErrIndexTaken    = errors.New("status list index already used")
	ErrNumberTaken   = errors.New("certificate number already used")
	ErrExternalTaken = errors.New("external id already used")
	ErrState         = errors.New("not possible in the record's state") // e.g. reinstate what is revoked
	ErrListFull      = errors.New("status list is closed")
	ErrReadOnly      = errors.New("store is read-only")
	ErrSequence      = errors.New("a newer status list is already published")
	ErrRevision      = errors.New("the document was changed since it was read")
	ErrErased        = errors.New("what was personal in it is erased")

	ErrCourseUsed    = errors.New("the version was awarded under and does not change: use another version")
	ErrCourseDiffers = errors.New("the version in the catalogue has other content")
)

// Key identifies a request: SHA-256 of what makes it the same request.
type Key [32]byte

// Entry is a credential's place in a status list.
type Entry struct {
	List    string `json:"list"` // id of the list, e.g. "r1"
	Index   uint64 `json:"index"`
	Purpose string `json:"purpose"` // status.Revocation or status.Suspension
}

// Sealed is one form of a credential: the exact payload and, once sealed, its token.
type Sealed struct {
	Payload    []byte     `json:"-"`               // kept apart from the record; nil where Parts has it
	Token      []byte     `json:"-"`               // nil while reserved, and where TokenParts has it; kept apart from the record
	Parts      alike.Text `json:"-"`               // the payload, of what is being issued and was given in parts, else empty
	TokenParts alike.Text `json:"-"`               // the token, of what was issued just now, else empty
	Between    [][]byte   `json:"-"`               // what stands in the payload between the pieces of Base, nil: not known
	Base       Base       `json:"-"`               // what PutBase put in this store and the payload has in common with others, or zero; of what is read, what it is kept by
	SHA256     [32]byte   `json:"sha256,omitzero"` // of Token
}

// Join gives payload and token of each form as they are where they are in parts.
func (r *Record) Join() {
	r.Forms = maps.Clone(r.Forms) // which others may have
	for profile, form := range r.Forms {
		form.join()
		r.Forms[profile] = form
	}
}

func (s *Sealed) join() {
	if s.Parts.Len() > 0 {
		s.Payload, s.Parts = s.Parts.Bytes(), alike.Text{}
	}
	if s.TokenParts.Len() > 0 {
		s.Token, s.TokenParts = s.TokenParts.Bytes(), alike.Text{}
	}
}

// Text is the payload, in whichever way it is given.
func (s *Sealed) Text() alike.Text {
	if s.Parts.Len() > 0 {
		return s.Parts
	}
	return alike.Whole(s.Payload)
}

// State of a record.
type State string

const (
	Reserved  State = "reserved" // intent on record, not yet sealed
	Issued    State = "issued"
	Suspended State = "suspended"
	Revoked   State = "revoked" // final
)

// Record is one issuance. Everything but State, the tokens, Changes and Erasures is
// fixed by Reserve. The JSON names are those of the stored form: to rename one is a
// new schema version. A member that is added is kept under the data keys, unless it
// is added to copyFacts.
type Record struct {
	ID          string            `json:"id,omitzero"` // credential id, urn:credential:<uuid>
	Key         Key               `json:"key,omitzero"`
	RequestHash [32]byte          `json:"requestHash,omitzero"`
	Public      string            `json:"public,omitzero"` // 26 symbols: printed in the QR code
	Link        string            `json:"link,omitzero"`   // 26 symbols: the learner's own page
	Number      string            `json:"number,omitzero"` // certificate number, unique, never re-used
	Entries     []Entry           `json:"entries,omitzero"`
	SealingTime time.Time         `json:"sealingTime,omitzero"` // whole seconds, UTC
	KeyID       string            `json:"keyID,omitzero"`       // key it is sealed with
	Forms       map[string]Sealed `json:"forms,omitzero"`       // by name: "edc", "vc2" ...

	Course        string   `json:"course,omitzero"` // id
	CourseVersion string   `json:"courseVersion,omitzero"`
	CourseSHA256  [32]byte `json:"courseSHA256,omitzero"` // of the course as Course.JSON has it; zero: not told
	Title         string   `json:"title,omitzero"`        // for lists
	FamilyName    string   `json:"familyName,omitzero"`
	GivenName     string   `json:"givenName,omitzero"`
	LearnerID     string   `json:"learnerID,omitzero"`
	Email         string   `json:"email,omitzero"`
	AwardingDate  string   `json:"awardingDate,omitzero"` // YYYY-MM-DD
	Decision      string   `json:"decision,omitzero"`     // decision number
	Signatory     string   `json:"signatory,omitzero"`    // name and office
	ExternalID    string   `json:"externalID,omitzero"`   // of the award in another system; unique where not empty
	Batch         string   `json:"batch,omitzero"`        // id of the batch that it was issued in

	// ValidUntil is when the award ends by itself, in whole seconds of UTC; zero: never.
	ValidUntil time.Time `json:"validUntil,omitzero"`
	// Draft is what the award was drawn up from, as package issuer writes it, beyond
	// what stands above: with it a corrected one can be drawn up. It is personal.
	Draft []byte `json:"draft,omitzero"`
	// Assessment is how the learner came to the award; nil: not recorded, as in records
	// of an earlier version and of what is no award. It is personal.
	Assessment *Assessment `json:"assessment,omitzero"`
	// Supersedes says whose place the record takes.
	Supersedes *Supersession `json:"supersedes,omitzero"`

	State    State     `json:"state,omitzero"`
	Changes  []Change  `json:"changes,omitzero"`  // oldest first
	Erasures []Erasure `json:"erasures,omitzero"` // oldest first
}

// Assessment is what the register keeps of how an award was earned, beside what the
// credential says. Where a text is empty, there was nothing to record.
type Assessment struct {
	Result    string   `json:"result,omitzero"`    // grade, as the course's scale has it
	Date      string   `json:"date,omitzero"`      // YYYY-MM-DD, last day of assessing
	Assessors []string `json:"assessors,omitzero"` // names of persons or bodies
	// PriorLearning is the decision on how much rests on learning that was recognised:
	// "none", "part" or "whole".
	PriorLearning string   `json:"priorLearning"`
	Outcomes      []string `json:"outcomes,omitzero"`    // ids of the recognised ones, of part
	Evidence      string   `json:"evidence,omitzero"`    // of the prior learning
	Recognition   string   `json:"recognition,omitzero"` // id of the decision on another provider's credential
}

// texts are all that it says.
func (a *Assessment) texts() []string {
	if a == nil {
		return nil
	}
	return slices.Concat([]string{a.Result, a.Date, a.PriorLearning, a.Evidence, a.Recognition}, a.Assessors, a.Outcomes)
}

// Erased reports whether what the record says of a class is erased.
func (r *Record) Erased(c Class) bool {
	return slices.ContainsFunc(r.Erasures, func(e Erasure) bool { return e.Class == c || e.Class == Register })
}

// Supersession is the revocation that comes with a record: Commit revokes the
// other one in the step in which this one is issued, so that there are never two
// and never none.
type Supersession struct {
	ID     string `json:"id"`     // of the other record
	Change Change `json:"change"` // State Revoked
}

// Expired reports whether the award has ended by itself. That is no state and no
// event: a record that is suspended or revoked has ended in another way.
func (r *Record) Expired(now time.Time) bool {
	return r.State == Issued && !r.ValidUntil.IsZero() && now.After(r.ValidUntil)
}

// Bit is what a status list of the given purpose says of the record. Revocation
// is set when the record is revoked. Suspension is set while it is suspended,
// and stays set when a suspended record is revoked: nobody may read in that
// list that the doubt was lifted.
func (r Record) Bit(purpose string) bool {
	switch purpose {
	case status.Revocation:
		return r.State == Revoked
	case status.Suspension:
		if n := len(r.Changes); r.State == Revoked && n > 1 {
			return r.Changes[n-2].State == Suspended
		}
		return r.State == Suspended
	default:
		return false
	}
}

// Change is one event after issuing.
type Change struct {
	At     time.Time `json:"at,omitzero"`
	State  State     `json:"state,omitzero"`  // after it
	Code   string    `json:"code,omitzero"`   // of a list that package issuer has
	Reason string    `json:"reason,omitzero"` // in words, for the register alone
	By     string    `json:"by,omitzero"`
	// Successor is the id of the record that took its place. Commit sets it.
	Successor string `json:"successor,omitzero"`
}

// ListLimit is the number of indexes given out of one list: 70 % of its
// entries, so that an index drawn at random is seldom a used one.
const ListLimit = status.MinSize * 7 / 10

// List is a status list with what was last published of it.
type List struct {
	ID        string    `json:"id"`
	Purpose   string    `json:"purpose"`
	Opened    time.Time `json:"opened"`
	Used      uint64    `json:"used"`               // indexes given out
	Closed    bool      `json:"closed"`             // no new indexes
	Sequence  uint64    `json:"sequence"`           // of the last publication, 0: never
	Published []byte    `json:"-"`                  // token; kept apart from the list
	ValidFrom time.Time `json:"validFrom,omitzero"` // of the published token
}

// Store keeps records. All methods are safe for concurrent use.
//
// What a caller may rely on:
//
//   - A nil error means durable: it survives the power cut that comes next.
//   - An error that is none of the sentinels means the outcome is unknown: the
//     write may be there. Repeating the call with the same key is always safe.
//     After such an error of a write a bbolt store is read-only (ErrReadOnly) until
//     it is opened again, so that nothing builds on a doubtful state. One in
//     PostgreSQL goes on with another connection: there the server is the state,
//     and has either committed or not.
//   - A context is looked at before a write begins; from then on the call waits
//     for the outcome, which is one disk flush away.
//   - The same Key is the same record for ever. The first writer wins; the
//     loser is given the winner's record.
//   - An index of a status list, a certificate number, a public id, an external
//     id are used once in the life of the store. No method releases one.
//   - Revoked is final. No bit of a revocation list is ever cleared.
//   - What is written is in the audit log, by whom [Acting] has named: each write
//     that changes something appends its event in its own transaction, and where that
//     fails nothing is written. Numbers and PutHead append nothing. The entries of a
//     log are numbered from 0 without a gap, its tree never changes but by growing,
//     and its name is never used for another one; beyond that nothing is said of how
//     many logs take entries at a time, or of the order between two logs.
type Store interface {
	// Lookup returns the record of a key, or ErrNotFound.
	Lookup(ctx context.Context, key Key) (Record, error)

	// Reserve puts an intent on record. If the key is new, r is stored as given,
	// State Reserved. If it is known with the same RequestHash, nothing is
	// written and the stored record returned: sealed, or still reserved and then
	// to be finished with its own payloads. Another RequestHash is ErrConflict; a used id,
	// public id or link ErrIDTaken; a used index, also by the record itself,
	// ErrIndexTaken; a closed list ErrListFull; a used number ErrNumberTaken; a used
	// external id ErrExternalTaken;
	// a record that lacks an id, has tokens or names no list of ours ErrInvalid.
	//
	// What the record supersedes must be issued, neither suspended nor revoked, else
	// ErrState, ErrNotFound where there is no such record.
	//
	// With it the version of the course is used. Where that version is in the
	// catalogue, CourseSHA256 must be its hash, else ErrCourseDiffers; a course
	// that never was in the catalogue may be awarded all the same.
	Reserve(ctx context.Context, r Record) (Record, error)

	// Commit adds the tokens, by profile, and sets State Issued. If the record is already
	// sealed it is returned as it is (ES256 signatures differ each time; the
	// first one counts). Tokens must cover exactly the forms reserved, else ErrInvalid.
	// What was reserved in parts is answered in parts, see [Record.Join], all else whole.
	//
	// What the record supersedes is revoked in the same step, as by Change, with the
	// record's id as successor. Where it is no longer issued, because it was withdrawn
	// or another took its place since, nothing is written: ErrState.
	//
	// Documents are put in that step, too, where it is the one that seals the record:
	// new ones, else ErrInvalid. One that is there already stays as it is, and delivery
	// data of a record of which they are erased are not put.
	Commit(ctx context.Context, id string, tokens map[string]alike.Text, with ...Document) (Record, error)

	// Get, ByPublic, ByLink, ByNumber, ByExternalID find one record, or ErrNotFound. Payloads and
	// tokens are those whose hashes are on record; where they no longer are, the
	// error is ErrDamaged.
	Get(ctx context.Context, id string) (Record, error)
	ByPublic(ctx context.Context, public string) (Record, error)
	ByLink(ctx context.Context, link string) (Record, error)
	ByNumber(ctx context.Context, number string) (Record, error)
	ByExternalID(ctx context.Context, external string) (Record, error)

	// Records yields all records in order of reservation, starting after the
	// record with id after ("": from the start). It holds no lock between steps; what
	// is reserved meanwhile is seen or not, and where several nodes reserve, may come
	// before what is seen.
	// Forms carry the hashes only; Get reads payloads and tokens. In place of a
	// damaged record its error is yielded, and the next ones follow.
	Records(ctx context.Context, after string) iter.Seq2[Record, error]

	// Search returns at most limit (1 to 1 000) of the records that are looked for, the
	// last one reserved first, and after which id there are more, "" where there are
	// none. It goes on after the record with the id after ("": from the first). Forms
	// carry the hashes only, records that are erased what is left of them, and a
	// damaged one is not found. ErrInvalid for what cannot be looked for, ErrNotFound
	// where there is no record after.
	Search(ctx context.Context, q Query, after string, limit int) (found []Record, next string, err error)

	// Pending yields records that are still reserved, with their payloads.
	Pending(ctx context.Context) iter.Seq2[Record, error]

	// Numbers draws n (1 to 1 000 000) consecutive numbers of a series, the first
	// of which it returns; a series begins at 1, or where [Restore]
	// says. A number drawn and not used is lost, not given out again.
	Numbers(ctx context.Context, series string, n int) (first uint64, err error)

	// Change appends an event, sets the state, Suspended, Revoked, or Issued
	// (reinstate), and the bits of the record's status lists with it ([Record.Bit]).
	// ErrState where that is not possible: the record is not sealed, it is
	// revoked, or it has no entry in a list that could show it. The same state
	// again is no error and changes nothing. Forms of the record returned carry
	// the hashes only: what was issued need not be legible to be revoked. Documents are
	// put as by Commit, where the state changes.
	Change(ctx context.Context, id string, c Change, with ...Document) (Record, error)

	// PutDelivery puts another address and another link in place of those of a record
	// that is sealed, and documents beside it as Commit does: from then on the old link
	// leads nowhere. The log says which of the two are others, and neither of them.
	// ErrIDTaken for a link that is used; ErrState for a record that is not sealed;
	// ErrErased where its delivery data are erased. Where nothing changes, nothing is
	// written. Forms of the record returned carry the hashes only.
	PutDelivery(ctx context.Context, id, email, link string, with ...Document) (Record, error)

	// Erase erases what records (1 to 1 000) say of a class, of all or of none, in the
	// store and by their data keys in every copy, and returns what is left of them. Of class Delivery that are the link, the e-mail address and the documents
	// that are delivery data (LetterKind); nothing else changes. Of class Register it is everything that is personal, payloads and
	// tokens among it, and what is of class Delivery: what is left is a record without
	// them, whose place in the status lists, number and state stay. Its bits say on what
	// they said, and Change still moves it.
	//
	// Data of class Register are erased by two, By and Confirmed, with a legal Reason,
	// else ErrInvalid. What is erased already is no error, and is not erased anew.
	//
	// Get and the others, Lookup and Reserve with its key among them, return what is
	// left of the record with ErrErased; ByLink has ErrNotFound once the link is erased.
	Erase(ctx context.Context, e Erasure, ids ...string) ([]Record, error)

	// OpenList returns the list of a purpose that takes new entries, opening the
	// next one when none is open: "r1", "r2" for revocation, "s1", "s2" for
	// suspension, with a mark behind it after [Restore]. Reserve closes a list that has reached ListLimit.
	OpenList(ctx context.Context, purpose string, now time.Time) (List, error)

	// Lists returns all lists.
	Lists(ctx context.Context) ([]List, error)

	// Bits returns the present bits of a list with the last publication.
	Bits(ctx context.Context, list string) (*status.List, List, error)

	// Publish stores a signed list if its sequence is the stored one plus 1, else ErrSequence.
	Publish(ctx context.Context, list string, sequence uint64, token []byte, validFrom time.Time) error

	// PutCourse stores one version of a course, or changes its period and whether
	// it is published; where nothing changes, nothing is written and the stored
	// version returned. A version that a record was awarded under keeps its
	// content for ever: other content is ErrCourseUsed. A course without id,
	// version, JSON or time, or with a period that is none, is ErrInvalid.
	PutCourse(ctx context.Context, c Course) (Course, error)

	// Course returns one version of a course with its JSON, the version that was
	// first put last for version "", or ErrNotFound.
	Course(ctx context.Context, id, version string) (Course, error)

	// Courses returns all versions of all courses by id and number, without JSON.
	Courses(ctx context.Context) ([]Course, error)

	// PutDocuments puts all of docs or none. Each must carry the revision that is
	// stored, 0 for one that is not there, else ErrRevision: of two that change the
	// same document one wins, and what is to be used once is used once. It is stored
	// with the next revision; one without a body is removed. A kind or id of more
	// than 256 bytes, an empty body or one of more than 16 MiB, the same document
	// twice, and a change of what PutBase has put are ErrInvalid.
	//
	// What expires is still there until somebody removes it: whoever reads decides,
	// by a clock of its own.
	//
	// The events are appended to the audit log with it, in one transaction.
	PutDocuments(ctx context.Context, docs []Document, events ...Event) error

	// Document returns one document, or ErrNotFound.
	Document(ctx context.Context, kind, id string) (Document, error)

	// Documents yields the documents of a kind whose id begins with prefix, by id,
	// starting after the id after ("": from the start). It holds no lock between steps;
	// what changes meanwhile is seen or not. In place of a damaged one its error is
	// yielded, and the next ones follow.
	Documents(ctx context.Context, kind, prefix, after string) iter.Seq2[Document, error]

	// Append appends events of what is not written here, such as a log-in. An event of
	// a kind that the other methods append themselves, or with a text of more than
	// 256 bytes, is ErrInvalid.
	Append(ctx context.Context, events ...Event) error

	// Logs returns all audit logs, in the order in which they were opened.
	Logs(ctx context.Context) ([]Log, error)

	// LogEntries yields the entries of a log from an index on, in order, to its end. It holds
	// no lock between steps. In place of a damaged one its error is yielded, and
	// the next ones follow. LogEntry is one of them, or ErrNotFound.
	LogEntries(ctx context.Context, log string, from uint64) iter.Seq2[LogEntry, error]
	LogEntry(ctx context.Context, log string, index uint64) (LogEntry, error)

	// LogHashes returns hashes of a log's tree, see [merkle.Reader].
	LogHashes(ctx context.Context, log string, places []int64) ([]merkle.Hash, error)

	// Logged is where a credential was logged as issued; ErrNotFound where it is not
	// yet, or was issued before there was a log.
	Logged(ctx context.Context, id string) (Place, error)

	// Places is Logged of some credentials in one step, so of hundreds and not of all, by
	// id; those of which it is ErrNotFound are not among them.
	Places(ctx context.Context, ids []string) (map[string]Place, error)

	// PutHead keeps a head that was signed, which is not to be shown to anybody
	// before. ErrForked unless it is a head of the log as it is here. Where a head of
	// this size is kept already, that one is returned.
	PutHead(ctx context.Context, h Head) (Head, error)

	// Heads yields the heads of a log by size, from a size on; LastHead is the last of
	// them, or ErrNotFound.
	Heads(ctx context.Context, log string, from uint64) iter.Seq2[Head, error]
	LastHead(ctx context.Context, log string) (Head, error)

	// EraseDocuments removes the documents of a kind whose id is id, or begins with it
	// and a slash, and erases them with their data key in every copy. An id is not used
	// again: what is put there later is ErrErased. What PutBase has put is not erased:
	// ErrInvalid.
	EraseDocuments(ctx context.Context, kind, id string) error

	// Take takes one of the limit (1 to 1 000 000) that key may have at once, and of
	// which each comes back a limit-th of window after the other, or says how long to
	// wait (0: it is taken) and takes nothing. All nodes that share the store count
	// together. It is for rates and attempts, and not durable: whoever starts the
	// only node, or the database after a crash, begins anew, so what must not be is no
	// counter. Of key, which may name a person, only a keyed hash is kept, and that
	// until its window is over. ErrInvalid without a key, limit or window.
	Take(ctx context.Context, key string, limit int, window time.Duration) (wait time.Duration, err error)

	// Clear gives key back all that it may have, as after a log-in that went well.
	Clear(ctx context.Context, key string) error

	// Writable is ErrReadOnly where no write is taken any more, and writes nothing.
	Writable() error

	Close() error
}
