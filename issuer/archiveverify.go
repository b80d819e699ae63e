package issuer

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"sync"
	"time"

	"indeks/elm"
	"indeks/keys"
	"indeks/status"
	"indeks/store"
	"indeks/verifier"
)

// ArchiveReport is what verifying an archive has found.
type ArchiveReport struct {
	ArchiveRead
	Tokens int // opened by the verifier, as of their sealing
	// Unproven are tokens of a key that is compromised: only their places in the audit log
	// show that they are older than that.
	Unproven int
	Wrong    []error // what contradicts; nil: nothing
}

// maxWrong bounds how many findings are kept.
const maxWrong = 100

// VerifyArchive reads all of an archive: its hashes and their seal, each token by the
// production verifier as of its sealing, and then, in a store that is made of it and
// thrown away, all that [store.Check] looks at: records, status lists, courses and
// audit log against each other. trust says whom to believe, nil: the archive's own keys.
// The store is made in the folder work, as large as the register, encrypted under keys that
// are in memory alone.
//
// An error is returned for what cannot be read as an archive; what it holds and
// contradicts is in the report.
func VerifyArchive(ctx context.Context, from io.Reader, work string, trust *verifier.Trust, each func(store.Record) error) (report ArchiveReport, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("verifying the archive: %w", err)
		}
	}()
	dir, err := os.MkdirTemp(work, "indeks-archive-*")
	if err != nil {
		return report, err
	}
	defer os.RemoveAll(dir)
	var secret [32]byte
	rand.Read(secret[:])
	learners, err := store.CreateDataKeys(ctx, store.VaultFile(filepath.Join(dir, "keys")), secret)
	if err != nil {
		return report, err
	}

	// 1. The stream. Tokens are opened by several goroutines beside it.
	tokens := make(chan ArchivedTokens, 2*runtime.GOMAXPROCS(0))
	var reading sync.Mutex
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			var v tokenVerifier
			for a := range tokens {
				wrong, opened, unproven := v.check(ctx, a)
				reading.Lock()
				report.Tokens += opened
				report.Unproven += unproven
				report.add(wrong...)
				reading.Unlock()
			}
		})
	}
	path := filepath.Join(dir, "records")
	var made *store.Import
	report.ArchiveRead, err = ReadArchive(ctx, from, ArchiveReading{
		Trust: trust, Sums: dir,
		Begin: func(about *ArchiveAbout) (*store.Import, error) {
			made, err = store.NewImport(path, about.Store, learners, about.Counters)
			return made, err
		},
		Record: func(a ArchivedTokens) error {
			tokens <- a
			return nil
		},
	})
	close(tokens)
	workers.Wait()
	if err == nil {
		err = made.Close()
	}
	if err != nil {
		return report, err
	}

	// 2. The whole.
	s, err := store.OpenBolt(path, report.About.Store, learners) // which destroys the keys of what is erased
	if err != nil {
		return report, err
	}
	defer s.Close()
	var checks []func(store.Record) error
	if each != nil {
		checks = append(checks, each)
	}
	report.add(store.CheckImport(ctx, s, checks...)...)
	if err := ctx.Err(); err != nil {
		return report, err
	}
	is, err := store.Summarize(ctx, s)
	if err != nil {
		return report, err
	}
	want := report.About.Summary
	is.Schema = want.Schema // of a database, which counts for itself
	open := 0
	for i := range want.Logs {
		if !want.Logs[i].Closed {
			open++
		}
	}
	if open > 1 { // of which one is left open
		for i := range is.Logs {
			is.Logs[i].Closed, want.Logs[i].Closed = true, true
		}
	}
	sortLists := func(sum *store.Summary) {
		slices.SortFunc(sum.Lists, func(a, b store.ListSummary) int { return bytes.Compare([]byte(a.ID), []byte(b.ID)) })
	}
	sortLists(&is)
	sortLists(&want)
	if !reflect.DeepEqual(is, want) {
		report.add(fmt.Errorf("%w: it holds %+v, and says %+v", ErrArchive, is, want))
	}

	// 3. What was published, against what is on record.
	for _, p := range report.Lists {
		bits, _, err := s.Bits(ctx, p.ID)
		if err == nil && p.Purpose == status.Revocation && !bits.Covers(p.Bits) {
			err = fmt.Errorf("%w: list %s was published with a revocation that no record has", ErrArchive, p.ID)
		}
		report.add(err)
	}
	return report, nil
}

func (r *ArchiveReport) add(wrong ...error) {
	for _, err := range wrong {
		if err != nil && len(r.Wrong) < maxWrong {
			r.Wrong = append(r.Wrong, err)
		}
	}
}

// tokenVerifier asks the production verifier what it would have said at the time of
// sealing. It is for one goroutine.
type tokenVerifier struct {
	at        time.Time
	own, open *verifier.Verifier
}

// noLists answers no request: whether something was revoked is told by the records and
// the lists of the archive, not by asking somebody.
type noLists struct{}

func (noLists) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, errors.New("an archive is verified without asking anybody")
}

func (v *tokenVerifier) check(ctx context.Context, a ArchivedTokens) (wrong []error, opened, unproven int) {
	if a.State == store.Reserved || a.Erased(store.Register) {
		return nil, 0, 0
	}
	if v.own == nil || !v.at.Equal(a.SealingTime) {
		v.at = a.SealingTime
		trust := *a.Trust
		trust.Issued, trust.Expires = a.SealingTime, a.SealingTime.AddDate(1, 0, 0) // of no day: see selfCheck
		c := verifier.Config{Trust: &trust, Fetch: &http.Client{Transport: noLists{}}, Policy: verifier.FetchPolicy{AllowLoopback: true}, Now: func() time.Time { return a.SealingTime }}
		var err1, err2 error
		v.own, err1 = verifier.New(c)
		c.Contexts = openContexts()
		v.open, err2 = verifier.New(c)
		if err := errors.Join(err1, err2); err != nil {
			return []error{err}, 0, 0 // unreachable: the configuration is sound
		}
	}
	for profile, form := range a.Forms {
		if elm.Profile(profile) == elm.Other || elm.Profile(profile) == otherProof {
			if err := checkStatement(v.open.Verify(ctx, form.Token), form.Text()); err != nil {
				wrong = append(wrong, fmt.Errorf("record %s, %s: %w", a.ID, profile, err))
				continue
			}
			opened++
			continue
		}
		report := v.own.Verify(ctx, form.Token)
		switch report.State {
		case verifier.StateValid, verifier.StatusUnchecked:
		case verifier.Unconfirmable:
			if lostKey(a.Trust, a.KeyID) {
				unproven++
				continue
			}
			fallthrough
		default:
			wrong = append(wrong, fmt.Errorf("record %s, %s: the verifier says %s: %s", a.ID, profile, report.State, report.Reason))
			continue
		}
		if report.ID != a.ID || report.Credential == nil || !bytes.Equal(report.Credential.Raw, form.Payload) {
			wrong = append(wrong, fmt.Errorf("record %s, %s: the sealed bytes are others than those on record", a.ID, profile))
			continue
		}
		opened++
	}
	return wrong, opened, unproven
}

// lostKey reports whether a key is compromised.
func lostKey(t *verifier.Trust, kid string) bool {
	for _, e := range t.Issuers {
		if slices.ContainsFunc(e.Keys, func(k keys.PublicKey) bool { return k.ID == kid && !k.CompromisedAt.IsZero() }) {
			return true
		}
	}
	return false
}
