package issuer

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"indeks/elm"
	"indeks/store"
	"indeks/verifier"
)

// lived is a house with an award in each state that one can be in, and their ids.
func lived(t testing.TB) (h *house, ids map[string]string) {
	t.Helper()
	h = newHouse(t, nil)
	ctx := store.Acting(t.Context(), store.Actor{Name: "registrar"})
	ids = map[string]string{}
	award := func(name string, change func(*Draft)) store.Record {
		d := draft(t)
		d.LearnerID, d.ExternalID = "L-"+name, "exam/"+name
		if change != nil {
			change(&d)
		}
		r, err := h.Issue(ctx, d)
		if err != nil {
			t.Fatal(err)
		}
		ids[name] = r.ID
		return r
	}
	must := func(_ any, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	c := draft(t).Course
	if _, err := h.store.PutCourse(ctx, store.Course{ID: c.ID, Version: c.Version, JSON: c.kept(), Published: true, Changed: noon}); err != nil {
		t.Fatal(err)
	}
	award("plain", func(d *Draft) { d.AssessmentDate, d.Assessors = "2026-06-20", []string{"Vera Primer"} })
	must(h.Revoke(ctx, award("revoked", nil).ID, Why{Code: "misconduct", Text: "for the register alone", By: "registrar"}))
	must(h.Suspend(ctx, award("suspended", nil).ID, Why{Text: "an appeal", By: "registrar"}))
	old := award("corrected", nil)
	fresh, err := h.correct(t, old, map[string]string{"grade": "10 (ten)"}, Why{By: "registrar"})
	must(nil, err)
	ids["correction"] = fresh.ID
	must(h.store.Erase(ctx, store.Erasure{Class: store.Delivery, At: noon, By: "registrar", Reason: "asked"}, award("undelivered", nil).ID))
	must(h.store.Erase(ctx, store.Erasure{Class: store.Register, At: noon, By: "registrar", Confirmed: "dean", Reason: "GDPR 17"}, award("erased", nil).ID))
	h.now = h.now.Add(time.Hour)
	must(nil, h.SignHeads(ctx))
	award("after the head", nil)

	// What a crash has left.
	d := draft(t)
	d.LearnerID = "L-pending"
	r, err := h.draw(ctx, &d, "")
	must(nil, err)
	d.normalise()
	r.Key, r.RequestHash, r.CourseSHA256 = d.Key(testDID), d.RequestHash(), [32]byte(old.CourseSHA256)
	r.Forms = map[string]store.Sealed{"edc": {Payload: old.Forms["edc"].Payload}}
	must(h.store.Reserve(ctx, r))
	ids["pending"] = r.ID
	return h, ids
}

func (h *house) archive(t testing.TB) *Archive {
	return &Archive{Institution: h.inst, Ring: h.ring, Store: h.store, Program: "test", At: h.now, Sums: t.TempDir()}
}

func written(t testing.TB, a *Archive) []byte {
	t.Helper()
	var out bytes.Buffer
	if _, err := a.Write(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// takenOver is a store made of an archive under some data keys, restored with the lists
// given.
func takenOver(t testing.TB, raw []byte, learners *store.DataKeys, lists []store.Publication, forget bool) (path string, done store.Restored, err error) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "records.db")
	var made *store.Import
	found, err := ReadArchive(t.Context(), bytes.NewReader(raw), ArchiveReading{Sums: t.TempDir(), Begin: func(about *ArchiveAbout) (*store.Import, error) {
		made, err = store.NewImport(path, testDID, learners, about.Counters)
		return made, err
	}})
	if err == nil {
		err = made.Close()
	}
	if err != nil {
		return "", done, err
	}
	if lists == nil && !forget {
		lists = found.Lists
	}
	done, err = store.Restore(t.Context(), path, testDID, learners, store.Restoration{At: noon.Add(48 * time.Hour), Lists: lists, Forget: forget, Numbers: 1000})
	return path, done, err
}

func open(t testing.TB, path string, learners *store.DataKeys) store.Store {
	t.Helper()
	s, err := store.OpenBolt(path, testDID, learners)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// What is archived is there again in an empty house, record by record and verdict by
// verdict, under the same data keys and under others.
func TestArchiveComesBack(t *testing.T) {
	h, ids := lived(t)
	raw := written(t, h.archive(t))
	report, err := VerifyArchive(t.Context(), bytes.NewReader(raw), t.TempDir(), nil, nil)
	if err != nil || len(report.Wrong) > 0 || report.Tokens != 14 || report.About.Records != len(ids) || report.Unproven > 0 {
		t.Fatalf("verifying: %d records of %d, %d tokens, wrong: %v, %v", report.About.Records, len(ids), report.Tokens, report.Wrong, err)
	}
	other, err := store.CreateDataKeys(t.Context(), store.VaultFile(filepath.Join(t.TempDir(), "other.keys")), [32]byte{7})
	if err != nil {
		t.Fatal(err)
	}
	for name, learners := range map[string]*store.DataKeys{"the same data keys": h.learners, "others, for they are lost": other} {
		t.Run(name, func(t *testing.T) {
			path, done, err := takenOver(t, raw, learners, nil, false)
			if err != nil {
				t.Fatal(err)
			}
			if len(done.Revoked)+len(done.Suspended)+done.Erased+done.Strange > 0 {
				t.Errorf("nothing has happened since, and %+v", done)
			}
			s := open(t, path, learners)
			if found := store.Check(t.Context(), s, NewSeals(h.ring.Entries(), 1).Check); len(found) > 0 {
				t.Fatal(found)
			}
			for what, id := range ids {
				was, err1 := h.store.Get(t.Context(), id)
				is, err2 := s.Get(t.Context(), id)
				if erased := errors.Is(err1, store.ErrErased); erased != errors.Is(err2, store.ErrErased) || !erased && errors.Join(err1, err2) != nil {
					t.Errorf("%s: %v, %v", what, err1, err2)
				}
				if !reflect.DeepEqual(was, is) {
					t.Errorf("%s (-before +after):\n%s", what, cmp.Diff(was, is))
				}
				if _, err := s.Lookup(t.Context(), was.Key); err != nil && was.Key != (store.Key{}) {
					t.Errorf("%s: the same request is another one: %v", what, err)
				}
			}

			// Verdicts, by lists that the house signs anew.
			c := h.c
			c.Store = s
			c.Now = func() time.Time { return h.now.Add(time.Hour) }
			again, err := New(t.Context(), c)
			if err != nil {
				t.Fatal(err)
			}
			v, _, err := again.verifiers()
			if err != nil {
				t.Fatal(err)
			}
			for what, want := range map[string]verifier.State{"plain": verifier.StateValid, "revoked": verifier.Revoked, "suspended": verifier.Suspended,
				"corrected": verifier.Revoked, "correction": verifier.StateValid, "undelivered": verifier.StateValid, "after the head": verifier.StateValid} {
				r, err := s.Get(t.Context(), ids[what])
				if err != nil {
					t.Fatal(err)
				}
				token := r.Forms[string(elm.EDC)].Token
				if was, is := h.verify(t, token).State, v.Verify(t.Context(), token).State; was != want || is != want {
					t.Errorf("%s: %s before, %s after, want %s", what, was, is, want)
				}
			}

			// No place and no number is given out again.
			d := draft(t)
			d.LearnerID = "L-new"
			r, err := again.Issue(t.Context(), d)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range r.Entries {
				if !strings.HasSuffix(e.List, "-"+done.Epoch) {
					t.Errorf("a place in the old list %s is given out", e.List)
				}
			}
			if compareNumbers(r.Number, "MC-2026-01000") < 0 {
				t.Errorf("number %s is given out after a restoration", r.Number)
			}
			if name == "the same data keys" { // of what came back, an archive is as good
				a := h.archive(t)
				a.Store = s
				report, err := VerifyArchive(t.Context(), bytes.NewReader(written(t, a)), t.TempDir(), nil, nil)
				if err != nil || len(report.Wrong) > 0 || len(report.About.Logs) != 2 {
					t.Errorf("an archive of it: %v, %v", report.Wrong, err)
				}
			}
			if courses, err := s.Courses(t.Context()); err != nil || len(courses) != 1 || !courses[0].Published {
				t.Errorf("courses: %+v, %v", courses, err)
			}
		})
	}
}

// What happened between the archive and the loss is not in it. None of it is undone.
func TestArchiveForgetsNothing(t *testing.T) {
	h, ids := lived(t)
	raw := written(t, h.archive(t))
	ctx := store.Acting(t.Context(), store.Actor{Name: "registrar"})
	h.now = h.now.Add(time.Hour)
	if _, err := h.Revoke(ctx, ids["plain"], Why{Code: "misconduct", By: "registrar"}); err != nil {
		t.Fatal(err)
	}
	if _, err := h.store.Erase(ctx, store.Erasure{Class: store.Register, At: h.now, By: "registrar", Confirmed: "dean", Reason: "GDPR 17"}, ids["after the head"]); err != nil {
		t.Fatal(err)
	}
	if _, err := h.store.Erase(ctx, store.Erasure{Class: store.Delivery, At: h.now, By: "registrar", Reason: "asked"}, ids["correction"]); err != nil {
		t.Fatal(err)
	}
	lists, err := h.store.Lists(ctx)
	if err != nil {
		t.Fatal(err)
	}
	var published []store.Publication
	for _, l := range lists {
		p, err := h.inst.Publication(ctx, h.ring.Entries(), l.Published)
		if err != nil {
			t.Fatal(err)
		}
		published = append(published, p)
	}

	if _, _, err := takenOver(t, raw, h.learners, []store.Publication{}, false); !errors.Is(err, store.ErrListMissing) {
		t.Errorf("without the published lists: err = %v, want %v", err, store.ErrListMissing)
	}
	path, done, err := takenOver(t, raw, h.learners, published, false)
	if err != nil {
		t.Fatal(err)
	}
	if len(done.Revoked) != 1 || done.Revoked[0] != ids["plain"] || done.Erased != 2 {
		t.Errorf("restored: %+v", done)
	}
	s := open(t, path, h.learners)
	if found := store.Check(ctx, s); len(found) > 0 {
		t.Error(found)
	}
	if r, err := s.Get(ctx, ids["plain"]); err != nil || r.State != store.Revoked {
		t.Errorf("what was revoked since: %s, %v", r.State, err)
	}
	if r, err := s.Get(ctx, ids["after the head"]); !errors.Is(err, store.ErrErased) || !r.Erased(store.Register) || r.FamilyName != "" {
		t.Errorf("what was erased since: %+v, %v", r, err)
	}
	if r, err := s.Get(ctx, ids["correction"]); err != nil || r.Email != "" || r.Link != "" {
		t.Errorf("what was erased of delivery since: %q, %v", r.Email, err)
	}
}

// repacked changes the files of an archive.
func repacked(t testing.TB, raw []byte, change func(name string, body []byte) (string, []byte, bool)) []byte {
	t.Helper()
	zip, err := gzip.NewReader(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	to, _ := gzip.NewWriterLevel(&out, gzip.NoCompression)
	from, w := tar.NewReader(zip), tar.NewWriter(to)
	for {
		head, err := from.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		body, err2 := io.ReadAll(from)
		if err := errors.Join(err, err2); err != nil {
			t.Fatal(err)
		}
		name, body, keep := change(head.Name, body)
		if !keep {
			continue
		}
		head.Name, head.Size = name, int64(len(body))
		if _, err := w.Write(nil); err != nil {
			t.Fatal(err)
		}
		if err := w.WriteHeader(head); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(body); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Close(), to.Close()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// Whatever is changed, taken out, exchanged or cut off is found, and nothing of such an
// archive is taken over.
func TestArchiveShowsChanges(t *testing.T) {
	h, _ := lived(t)
	raw := written(t, h.archive(t))
	one := func(part string, change func(body []byte) []byte) func(string, []byte) (string, []byte, bool) {
		done := false
		return func(name string, body []byte) (string, []byte, bool) {
			if done || !strings.Contains(name, part) {
				return name, body, true
			}
			done = true
			changed := change(body)
			return name, changed, changed != nil
		}
	}
	flip := func(body []byte) []byte {
		changed := bytes.Clone(body)
		changed[len(changed)/2] ^= 1
		return changed
	}
	gone := func([]byte) []byte { return nil }
	cases := map[string][]byte{"cut": raw[:len(raw)*9/10], "none": []byte(strings.Repeat("no archive ", 100)), "more": append(bytes.Clone(raw), raw...)}
	for _, part := range []string{"README", "archive.json", "keys/keys.json", ".pem", "contexts/01", "vocabularies/", "course.json", "lists/r1.jwt", "lists/r1.json", "edc.jsonld", "vc2.jwt", "record.json", "book/", "entries/", "heads/", "checkpoint", "tile/", "SHA256SUMS"} {
		cases["changed "+part] = repacked(t, raw, one(part, flip))
		cases["without "+part] = repacked(t, raw, one(part, gone))
	}
	cases["another name"] = repacked(t, raw, func(name string, body []byte) (string, []byte, bool) {
		return strings.Replace(name, "README.md", "keys/../README.md", 1), body, true
	})
	cases["another order"] = repacked(t, raw, func(name string, body []byte) (string, []byte, bool) {
		return strings.Replace(name, "README.md", "log/README.md", 1), body, true
	})
	learners, err := store.CreateDataKeys(t.Context(), store.VaultFile(filepath.Join(t.TempDir(), "other.keys")), [32]byte{7})
	if err != nil {
		t.Fatal(err)
	}
	for name, bad := range cases {
		if path, _, err := takenOver(t, bad, learners, nil, false); err == nil {
			t.Errorf("%s: it is taken over as %s", name, path)
		}
	}

	// Whose keys are in it is not to be believed where somebody says whose they are.
	stranger := h.archive(t).trust()
	stranger.Issuers[0].Keys = nil
	if _, err := VerifyArchive(t.Context(), bytes.NewReader(raw), t.TempDir(), stranger, nil); err == nil {
		t.Error("an archive sealed by another key is taken for one of the institution")
	}
	trust := h.archive(t).trust()
	if report, err := VerifyArchive(t.Context(), bytes.NewReader(raw), t.TempDir(), trust, nil); err != nil || len(report.Wrong) > 0 {
		t.Errorf("by the trust that is given: %v, %v", report.Wrong, err)
	}
}

// Two archives of one instant differ in the seal alone.
func TestArchiveIsDeterministic(t *testing.T) {
	h, _ := lived(t)
	files := func(raw []byte) (list []string) {
		repacked(t, raw, func(name string, body []byte) (string, []byte, bool) {
			if name != sealFile {
				list = append(list, fmt.Sprintf("%s %x", name, body))
			}
			return name, body, true
		})
		return list
	}
	if !slices.Equal(files(written(t, h.archive(t))), files(written(t, h.archive(t)))) {
		t.Error("they differ")
	}
}

// However many files come before the one that says what they are, no more of them stand
// in memory than one file may have.
func TestArchiveIsReadInLittleMemory(t *testing.T) {
	half := make([]byte, maxArchiveFile/2+1)
	for _, section := range []string{credentials, "private/"} {
		r := &archiveReader{section: slices.Index(sections, section), own: trustedKeys{}, store: new(store.Import), tokens: map[string][]byte{}}
		r.found.Private = map[string][]byte{}
		if err := r.file(section+"00000/1", half); err != nil {
			t.Errorf("%s: %v", section, err)
		}
		if err := r.file(section+"00000/2", half); !errors.Is(err, ErrArchive) {
			t.Errorf("%s: %d bytes are held, err = %v", section, 2*len(half), err)
		}
	}
}
