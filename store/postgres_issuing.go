package store

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"

	"indeks/alike"
)

// reservation is one call of Reserve.
type reservation struct {
	record   Record
	doc      recordDoc         // how the record is kept
	payloads map[string][]byte // how its payloads are
	known    bool              // the key is on record, with the same request

	// Of one that is put on record: where, and how doc is kept.
	sequence int64
	kept     []byte
}

func (r *reservation) size() (n int) {
	if r != nil {
		for _, payload := range r.payloads {
			n += len(payload)
		}
	}
	return n
}

func (s *postgresStore) Reserve(ctx context.Context, r Record) (Record, error) {
	if err := r.validate(); err != nil {
		return Record{}, err
	}
	if err := r.hasBases(ctx, s, &s.bases); err != nil {
		return Record{}, err
	}
	doc, payloads, err := s.keys.protect(r)
	if errors.Is(err, ErrErased) {
		known, err := s.Lookup(ctx, r.Key)
		return known, r.sameRequest(known, err)
	}
	if err != nil {
		return Record{}, fmt.Errorf("reserving %s: %w", r.ID, err)
	}
	call := &reservation{record: r, doc: doc, payloads: payloads}
	err = s.do(ctx, &deed{uses: doc.uses(), reserve: call})
	if err == nil && call.known {
		return s.Lookup(ctx, r.Key)
	}
	if err != nil {
		return Record{}, fmt.Errorf("reserving %s: %w", r.ID, err)
	}
	r.State = Reserved
	s.fresh.put(&freshRecord{r, doc, sequenceKey(uint64(call.sequence)), call.kept, payloads})
	return r, nil
}

// blindText is the entry of a record in a blind index, as it stands in a column; ""
// where it has none.
func (doc *recordDoc) blindText(x index) string { return hex.EncodeToString(doc.Blind[x.kind]) }

// uses is what a record uses for ever.
func (doc *recordDoc) uses() []string {
	uses := []string{"record " + doc.ID, "key " + string(doc.Blind[byKey.kind]), "public id " + doc.Public, "link " + doc.blindText(byLink), "number " + doc.Number}
	if external := doc.blindText(byExternalID); external != "" {
		uses = append(uses, "external id "+external)
	}
	for _, e := range doc.Entries {
		uses = append(uses, fmt.Sprintf("list %s, index %d", e.List, e.Index))
	}
	return uses
}

// reservingLook is what is on record already of what records to be reserved use.
type reservingLook struct {
	known     map[string]knownRequest // by what the blind index has of keys
	taken     map[string]error        // by what is used
	older     map[string]State        // of what is superseded, by id
	lists     map[string]List
	courses   map[string][32]byte // what the catalogue has, by courseKey
	sequences []int64
}

// knownRequest is what is on record under a key.
type knownRequest struct {
	hash [32]byte
	err  error // ErrErased
}

// queue looks for the records of a group. This is the first of the two transactions
// of issuing. It looks before it writes; who was overtaken by another node in
// between runs into a constraint and looks again, so that none of this rests on
// locks. Nobody waits for a counter: indexes are drawn at random, and how many of a
// list are given out is a row for each node.
func (k *reservingLook) queue(s *postgresStore, b *pgx.Batch, group []*deed) {
	*k = reservingLook{known: map[string]knownRequest{}, taken: map[string]error{}, older: map[string]State{}, lists: map[string]List{}, courses: map[string][32]byte{}}
	var keys [][]byte
	var ids, publics, links, numbers, externals, olders, listIDs, entryLists, courseIDs, versions []string
	var places []int32
	n := 0
	for _, d := range group {
		if d.reserve == nil {
			continue
		}
		n++
		r := &d.reserve.record
		doc := &d.reserve.doc
		keys, ids, publics, links, numbers = append(keys, doc.Blind[byKey.kind]), append(ids, r.ID), append(publics, r.Public), append(links, doc.blindText(byLink)), append(numbers, r.Number)
		if external := doc.blindText(byExternalID); external != "" {
			externals = append(externals, external)
		}
		if r.Supersedes != nil {
			olders = append(olders, r.Supersedes.ID)
		}
		for _, e := range r.Entries {
			entryLists, places, listIDs = append(entryLists, e.List), append(places, int32(e.Index)), append(listIDs, e.List)
		}
		if !s.isAwarded(r) && validCourseKey(r.Course, r.CourseVersion) == nil {
			courseIDs, versions = append(courseIDs, r.Course), append(versions, r.CourseVersion)
		}
	}
	if n == 0 {
		return
	}
	b.Queue(`SELECT sequence, state, doc, key, id, public, link, number, external FROM records
		WHERE key = ANY($1) OR id = ANY($2) OR public = ANY($3) OR link = ANY($4) OR number = ANY($5) OR external = ANY($6)`, keys, ids, publics, links, numbers, externals).Query(func(rows pgx.Rows) error {
		var sequence int64
		var state string
		var doc, key []byte
		var id, public, number string
		var link, external *string
		_, err := pgx.ForEachRow(rows, []any{&sequence, &state, &doc, &key, &id, &public, &link, &number, &external}, func() error {
			k.taken["record "+id], k.taken["public id "+public], k.taken["link "+text(link)] = ErrIDTaken, ErrIDTaken, ErrIDTaken
			k.taken["number "+number], k.taken["external id "+text(external)] = ErrNumberTaken, ErrExternalTaken
			if !slices.ContainsFunc(keys, func(k []byte) bool { return string(k) == string(key) }) {
				return nil
			}
			kept, err := openRecord(sequence, state, doc)
			if err != nil {
				return err
			}
			stored, err := kept.open(s.keys)
			if err != nil && !errors.Is(err, ErrErased) {
				return err
			}
			k.known[string(key)] = knownRequest{stored.RequestHash, err}
			return nil
		})
		return err
	})
	if len(olders) > 0 {
		b.Queue("SELECT id, state FROM records WHERE id = ANY($1)", olders).Query(func(rows pgx.Rows) error {
			var id, state string
			_, err := pgx.ForEachRow(rows, []any{&id, &state}, func() error { k.older[id] = State(state); return nil })
			return err
		})
	}
	if len(listIDs) > 0 {
		b.Queue(`SELECT e.list, e.place FROM unnest($1::text[], $2::int[]) AS drawn (list, place) JOIN entries e ON e.list = drawn.list AND e.place = drawn.place`, entryLists, places).Query(func(rows pgx.Rows) error {
			var list string
			var place int32
			_, err := pgx.ForEachRow(rows, []any{&list, &place}, func() error { k.taken[fmt.Sprintf("list %s, index %d", list, place)] = ErrIndexTaken; return nil })
			return err
		})
		slices.Sort(listIDs)
		queueLists(b, "WHERE l.id = ANY($1)", []any{slices.Compact(listIDs)}, func(l pgList) error { k.lists[l.ID] = l.List; return nil })
	}
	if len(courseIDs) > 0 {
		// From here on until the end of the transaction, nobody puts another content
		// under these names.
		b.Queue(`INSERT INTO courses (id, version) SELECT DISTINCT * FROM unnest($1::text[], $2::text[]) AS named (id, version) ORDER BY 1, 2 ON CONFLICT DO NOTHING`, courseIDs, versions)
		b.Queue(`SELECT c.id, c.version, c.doc FROM courses c WHERE (c.id, c.version) IN (SELECT * FROM unnest($1::text[], $2::text[])) ORDER BY 1, 2 FOR KEY SHARE`, courseIDs, versions).Query(func(rows pgx.Rows) error {
			var id, version string
			var doc []byte
			_, err := pgx.ForEachRow(rows, []any{&id, &version, &doc}, func() error {
				if doc == nil {
					return nil
				}
				var c Course
				key := courseKey(id, version)
				err := openJSON(bucketCourses, key, doc, &c)
				k.courses[string(key)] = c.SHA256
				return err
			})
			return err
		})
	}
	b.Queue(`SELECT nextval('record_sequence') FROM generate_series(1, $1::int)`, n).Query(func(rows pgx.Rows) (err error) {
		k.sequences, err = pgx.CollectRows(rows, pgx.RowTo[int64])
		slices.Sort(k.sequences)
		return err
	})
}

// decide reserves what can be reserved.
func (k *reservingLook) decide(s *postgresStore, b *pgx.Batch, log *pgLog, group []*deed) error {
	var w reserving
	awarded := map[string]*Record{}
	counts := map[string]int{}
	n := 0
	for _, d := range group {
		if d.reserve == nil {
			continue
		}
		r, sequence := &d.reserve.record, k.sequences[n]
		n++
		d.reserve.known, d.err = false, nil
		// 1. The same key is the same record for ever.
		if known, ok := k.known[string(d.reserve.doc.Blind[byKey.kind])]; ok {
			d.reserve.known = true
			if known.err == nil && known.hash != r.RequestHash {
				d.err = ErrConflict
			}
			continue
		}
		// 2. Everything is used once.
		if d.err = k.mayReserve(r, &d.reserve.doc); d.err != nil {
			continue
		}
		// 3. The record, with the payloads beside it, and what leads to it.
		if err := w.add(sequence, d.reserve); err != nil {
			return err
		}
		w.search = append(w.search, s.keys.pgSearchRow(sequence, r))
		if key := r.awardedKey(); key != nil && !s.isAwarded(r) {
			awarded[string(key)] = r
		}
		for _, e := range r.Entries {
			counts[e.List]++
		}
		// 4. The log says that it is to be sealed, before it is.
		if _, err := log.enter(d.by, Event{Kind: KindIntent, Object: r.ID}, nil, nil); err != nil {
			return err
		}
	}
	if len(w.sequences) == 0 {
		return nil
	}
	w.queue(b)
	for _, key := range slices.Sorted(maps.Keys(awarded)) {
		r := awarded[key]
		b.Queue(`INSERT INTO awarded (id, version, sha256) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`, r.Course, r.CourseVersion, r.CourseSHA256[:])
	}
	for _, list := range slices.Sorted(maps.Keys(counts)) {
		b.Queue(`INSERT INTO used (list, node, n) VALUES ($1, $2, $3) ON CONFLICT (list, node) DO UPDATE SET n = used.n + excluded.n`, list, s.node, counts[list])
	}
	return nil
}

// mayReserve says why a record cannot be reserved.
func (k *reservingLook) mayReserve(r *Record, doc *recordDoc) error {
	for _, use := range doc.uses() {
		if err := k.taken[use]; err != nil && !errors.Is(err, ErrIndexTaken) {
			return fmt.Errorf("%s: %w", use, err)
		}
	}
	for _, e := range r.Entries {
		list, ok := k.lists[e.List]
		switch {
		case !ok:
			return fmt.Errorf("%w: no list %q", ErrInvalid, e.List)
		case list.Purpose != e.Purpose:
			return fmt.Errorf("%w: list %s is for %s, not %q", ErrInvalid, e.List, list.Purpose, e.Purpose)
		case list.Closed:
			return fmt.Errorf("list %s: %w", e.List, ErrListFull)
		}
		if use := fmt.Sprintf("list %s, index %d", e.List, e.Index); k.taken[use] != nil {
			return fmt.Errorf("%s: %w", use, ErrIndexTaken)
		}
	}
	if sum, ok := k.courses[string(courseKey(r.Course, r.CourseVersion))]; ok && sum != r.CourseSHA256 {
		return fmt.Errorf("course %s, version %s: %w", r.Course, r.CourseVersion, ErrCourseDiffers)
	}
	if r.Supersedes != nil {
		state, err := k.older[r.Supersedes.ID], error(nil)
		if state == "" {
			err = ErrNotFound
		}
		return r.Supersedes.fits(state, err)
	}
	return nil
}

// done remembers what was awarded, once that is committed.
func (k *reservingLook) done(s *postgresStore, group []*deed) {
	for _, d := range group {
		if d.reserve != nil && d.err == nil && !d.reserve.known {
			if key := d.reserve.record.awardedKey(); key != nil {
				s.awarded.Store(string(key), true)
			}
		}
	}
}

// isAwarded reports whether it is known that a record was awarded under the same
// content of the same version. Then no other content can come under that name any
// more, and nobody need be locked out for it.
func (s *postgresStore) isAwarded(r *Record) bool {
	key := r.awardedKey()
	if key == nil {
		return false
	}
	_, ok := s.awarded.Load(string(key))
	return ok
}

// reserving is the rows that a group of records is made of, column by column.
type reserving struct {
	sequences                    []int64
	ids, publics, links, numbers []string
	externals                    []*string
	keys, docs                   [][]byte

	payloadOf       []int64
	payloadProfiles []string
	payloads        [][]byte

	entryOf                   []int64
	entryLists, entryPurposes []string
	entryPlaces               []int32

	search []pgSearchRow
}

func (w *reserving) add(sequence int64, call *reservation) error {
	r := &call.record
	sealed, err := sealJSON(bucketRecords, sequenceKey(uint64(sequence)), &call.doc)
	if err != nil {
		return err
	}
	call.sequence, call.kept = sequence, sealed
	w.sequences, w.ids, w.publics, w.links, w.numbers = append(w.sequences, sequence), append(w.ids, r.ID), append(w.publics, r.Public), append(w.links, call.doc.blindText(byLink)), append(w.numbers, r.Number)
	var external *string
	if entry := call.doc.blindText(byExternalID); entry != "" {
		external = &entry
	}
	w.externals, w.keys, w.docs = append(w.externals, external), append(w.keys, call.doc.Blind[byKey.kind]), append(w.docs, sealed)
	for profile, payload := range call.payloads {
		w.payloadOf, w.payloadProfiles, w.payloads = append(w.payloadOf, sequence), append(w.payloadProfiles, profile), append(w.payloads, payload)
	}
	for _, e := range r.Entries {
		w.entryOf, w.entryLists, w.entryPurposes, w.entryPlaces = append(w.entryOf, sequence), append(w.entryLists, e.List), append(w.entryPurposes, e.Purpose), append(w.entryPlaces, int32(e.Index))
	}
	return nil
}

func (w *reserving) queue(b *pgx.Batch) {
	b.Queue(`INSERT INTO records (sequence, id, key, public, link, number, external, state, doc)
		SELECT r.sequence, r.id, r.key, r.public, r.link, r.number, r.external, 'reserved', r.doc
		FROM unnest($1::bigint[], $2::text[], $3::bytea[], $4::text[], $5::text[], $6::text[], $7::text[], $8::bytea[]) AS r (sequence, id, key, public, link, number, external, doc)`,
		w.sequences, w.ids, w.keys, w.publics, w.links, w.numbers, w.externals, w.docs)
	b.Queue(`INSERT INTO pending (record) SELECT unnest($1::bigint[])`, w.sequences)
	b.Queue(`INSERT INTO payloads (record, profile, body) SELECT * FROM unnest($1::bigint[], $2::text[], $3::bytea[])`, w.payloadOf, w.payloadProfiles, w.payloads)
	queueSearchRows(b, w.search)
	if len(w.entryOf) > 0 {
		b.Queue(`INSERT INTO entries (record, list, purpose, place) SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::int[])`, w.entryOf, w.entryLists, w.entryPurposes, w.entryPlaces)
	}
}

// sealing is one call of Commit.
type sealing struct {
	sequence  int64
	record    Record            // as it is to be
	doc       recordDoc         // how that is kept
	envelopes map[string][]byte // tokens as they are kept
	beside    []keptDocument    // what comes with it
	fresh     *freshRecord      // how it was reserved, nil where that was read
	first     bool              // nobody was there before
	stale     bool              // something of the record is not as it was read or reserved
}

func (c *sealing) size() (n int) {
	if c != nil {
		for _, envelope := range c.envelopes {
			n += len(envelope)
		}
	}
	return n
}

func (s *postgresStore) Commit(ctx context.Context, id string, tokens map[string]alike.Text, with ...Document) (Record, error) {
	if err := validTokens(id, tokens); err != nil {
		return Record{}, err
	}
	beside, err := s.keys.beside(with)
	if err != nil {
		return Record{}, fmt.Errorf("committing %.100q: %w", id, err)
	}
	if err := s.mayWrite(); err != nil {
		return Record{}, fmt.Errorf("committing %.100q: %w", id, err)
	}
	// What was reserved does not change any more but by this, so it may be read
	// before all others have to wait, or known: then the transaction compares it. With
	// damaged payloads, what was sealed is not on record.
	r, doc, sequence, fresh, err := s.reserved(ctx, id)
	if err != nil {
		return Record{}, fmt.Errorf("committing %.100q: %w", id, err)
	}
	if r.State != Reserved {
		return r, nil // the first writer wins
	}
	envelopes, err := r.seal(s.keys, false, tokens)
	if err != nil {
		return Record{}, err
	}
	doc.State, doc.Forms = r.State, r.Forms
	call := &sealing{sequence: sequence, record: r, doc: doc, envelopes: envelopes, beside: beside, fresh: fresh}
	d := &deed{uses: []string{"record " + id}, seal: call}
	if r.Supersedes != nil {
		d.uses = append(d.uses, "record "+r.Supersedes.ID)
	}
	if err := s.do(ctx, d); err != nil {
		return Record{}, fmt.Errorf("committing %s: %w", id, err)
	}
	if call.stale {
		return s.Commit(ctx, id, tokens, with...)
	}
	if !call.first {
		return s.Get(ctx, id)
	}
	return r, nil
}

// reserved returns the record with an id, also as a fresh one where it is that.
func (s *postgresStore) reserved(ctx context.Context, id string) (r Record, doc recordDoc, sequence int64, fresh *freshRecord, err error) {
	if fresh = s.fresh.take(id); fresh != nil {
		r = fresh.Record
		r.Forms = maps.Clone(r.Forms)
		return r, fresh.doc, int64(sequenceOfKey(fresh.key)), fresh, nil
	}
	r, doc, sequence, err = s.find(ctx, "id", id)
	return r, doc, sequence, nil, err
}

// sealingLook is the records that are to be sealed, and those whose place they take.
type sealingLook struct {
	states   map[int64]State
	linked   map[int64]bool   // whose delivery data are there
	older    map[string]pgRow // by id
	docs     map[int64][]byte // of those that are fresh, and their payloads by profile
	payloads map[int64]map[string][]byte
}

// queue locks the records of a group. This is the second of the two transactions of
// issuing: which of two nodes was first is for the state to say.
func (k *sealingLook) queue(b *pgx.Batch, group []*deed) {
	*k = sealingLook{map[int64]State{}, map[int64]bool{}, map[string]pgRow{}, map[int64][]byte{}, map[int64]map[string][]byte{}}
	var sequences []int64
	fresh := []int64{}
	var olders []string
	for _, d := range group {
		if d.seal != nil {
			sequences = append(sequences, d.seal.sequence)
			if d.seal.fresh != nil {
				fresh = append(fresh, d.seal.sequence)
			}
			if r := &d.seal.record; r.Supersedes != nil && storable(r.Supersedes.ID) {
				olders = append(olders, r.Supersedes.ID)
			}
		}
	}
	if sequences == nil {
		return
	}
	b.Queue(`SELECT sequence, state, id, link IS NOT NULL, CASE WHEN id = ANY($2) OR sequence = ANY($3) THEN doc END FROM records
		WHERE sequence = ANY($1) OR id = ANY($2) ORDER BY sequence FOR NO KEY UPDATE`, sequences, olders, fresh).Query(func(rows pgx.Rows) error {
		var row pgRow
		var id string
		var linked bool
		_, err := pgx.ForEachRow(rows, []any{&row.sequence, &row.state, &id, &linked, &row.doc}, func() error {
			k.states[row.sequence], k.linked[row.sequence] = State(row.state), linked
			if row.doc != nil {
				k.older[id], k.docs[row.sequence] = row, row.doc
			}
			return nil
		})
		return err
	})
	if len(fresh) == 0 {
		return
	}
	b.Queue("SELECT record, profile, body FROM payloads WHERE record = ANY($1)", fresh).Query(func(rows pgx.Rows) error {
		var record int64
		var profile string
		var body []byte
		_, err := pgx.ForEachRow(rows, []any{&record, &profile, &body}, func() error {
			if k.payloads[record] == nil {
				k.payloads[record] = map[string][]byte{}
			}
			k.payloads[record][profile] = body
			return nil
		})
		return err
	})
}

// unchanged reports whether a record is kept to the byte as it was reserved, where that
// was not read.
func (k *sealingLook) unchanged(c *sealing) bool {
	return c.fresh == nil || bytes.Equal(k.docs[c.sequence], c.fresh.kept) && maps.EqualFunc(k.payloads[c.sequence], c.fresh.payloads, bytes.Equal)
}

// decide seals what is still reserved.
func (k *sealingLook) decide(keys *DataKeys, b *pgx.Batch, log *pgLog, group []*deed) error {
	var sequences, tokenOf []int64
	var docs, tokens [][]byte
	var profiles []string
	var beside []keptDocument
	for _, d := range group {
		if d.seal == nil {
			continue
		}
		// 1. The first writer wins.
		c := d.seal
		c.stale = k.linked[c.sequence] != (c.doc.Blind[byLink.kind] != nil) || !k.unchanged(c)
		c.first, d.err = k.states[c.sequence] == Reserved && !c.stale, nil
		if !c.first {
			continue
		}
		// 2. What it takes the place of.
		if d.err = k.supersede(keys, b, log, d); d.err != nil {
			if c.first = false; !isSentinel(d.err) {
				return d.err
			}
			continue
		}
		// 3. The log says that these payloads are sealed.
		logged, err := log.enter(d.by, Event{Kind: KindIssued, Object: c.doc.ID}, c.doc.sealing, nil)
		if err != nil {
			return err
		}
		// 4. The tokens, and with their hashes the record.
		c.doc.Logged = &logged
		sealed, err := sealJSON(bucketRecords, sequenceKey(uint64(c.sequence)), &c.doc)
		if err != nil {
			return err
		}
		sequences, docs, beside = append(sequences, c.sequence), append(docs, sealed), append(beside, c.beside...)
		for profile, envelope := range c.envelopes {
			tokenOf, profiles, tokens = append(tokenOf, c.sequence), append(profiles, profile), append(tokens, envelope)
		}
	}
	if sequences == nil {
		return nil
	}
	b.Queue(`UPDATE records r SET state = 'issued', doc = sealed.doc FROM unnest($1::bigint[], $2::bytea[]) AS sealed (sequence, doc) WHERE r.sequence = sealed.sequence`, sequences, docs)
	b.Queue(`DELETE FROM pending WHERE record = ANY($1)`, sequences)
	b.Queue(`INSERT INTO tokens (record, profile, body) SELECT * FROM unnest($1::bigint[], $2::text[], $3::bytea[])`, tokenOf, profiles, tokens)
	queueBeside(b, beside)
	return nil
}

// supersede revokes what a record takes the place of.
func (k *sealingLook) supersede(keys *DataKeys, b *pgx.Batch, log *pgLog, d *deed) error {
	r := &d.seal.record
	if r.Supersedes == nil {
		return nil
	}
	row, ok := k.older[r.Supersedes.ID]
	if !ok {
		return r.Supersedes.fits("", ErrNotFound)
	}
	older, err := openRecord(row.sequence, row.state, row.doc)
	if err == nil {
		err = r.Supersedes.fits(older.State, nil)
	}
	c := r.supersession()
	if err == nil {
		_, err = older.move(keys, c)
	}
	if err == nil {
		err = queueChange(b, log, d.by, row.sequence, older, c)
	}
	if err == nil {
		_, err = log.enter(d.by, Event{Kind: KindCorrected, Object: older.ID, Result: r.ID}, nil, nil)
	}
	return err
}
