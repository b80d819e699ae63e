package issuer

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"indeks/keys"
	"indeks/store"
	"indeks/verifier"
)

// proving makes the house add embedded proofs, with a key that fits.
func (h *house) proving(t testing.TB, suite string) {
	t.Helper()
	if suite == keys.EdDSARDFC2022 {
		h.ring = newRing(t, t.TempDir())
		if _, err := h.ring.Add(testDID, keys.NewKey{Alg: keys.EdDSA, Organization: "University of Sava", Country: "RS", OrgID: h.c.Institution.OrganizationID, Now: noon.Add(-time.Minute)}); err != nil {
			t.Fatal(err)
		}
	}
	h.c.Ring, h.c.Institution.DataIntegrity = h.ring, suite
	h.open(t)
}

// An institution that chose a cryptosuite has each award in one form more, which
// says what vc2 says.
func TestAwardsWithAProof(t *testing.T) {
	for _, suite := range []string{keys.EdDSARDFC2022, keys.ECDSARDFC2019} {
		h := newHouse(t, nil)
		h.proving(t, suite)
		r, err := h.Issue(t.Context(), draft(t))
		if err != nil {
			t.Fatal(err)
		}
		form := r.Forms[string(ProvedAward)]
		if len(r.Forms) != 3 || !bytes.Equal(form.Payload, r.Forms["vc2"].Payload) || !bytes.HasPrefix(form.Token, form.Payload[:len(form.Payload)-1]) {
			t.Fatalf("%s: %d forms, %s", suite, len(r.Forms), form.Token)
		}
		report := h.verify(t, form.Token)
		if report.Verdict != verifier.Valid || report.Form != keys.DataIntegrity || report.ID != r.ID {
			t.Errorf("%s: %s %s %+v", suite, report.Verdict, report.State, report.Checks)
		}
		if _, err := h.Revoke(t.Context(), r.ID, Why{Text: "plagiarism", By: "test"}); err != nil {
			t.Fatal(err)
		}
		h.now = h.now.Add(time.Minute) // until then the list may be kept
		if report := h.verify(t, form.Token); report.State != verifier.Revoked {
			t.Errorf("%s: %s after revoking", suite, report.State)
		}
	}
}

// What was reserved with a proof is finished with it, whatever was chosen since.
func TestAProofIsFinishedAfterACrash(t *testing.T) {
	h := newHouse(t, func(s store.Store) store.Store { return &faulty{Store: s, failCommit: true} })
	h.proving(t, keys.ECDSARDFC2019)
	d := draft(t)
	if _, err := h.Issue(t.Context(), d); !errors.Is(err, errFault) {
		t.Fatal(err)
	}
	h.c.Store, h.c.Institution.DataIntegrity = h.store, ""
	h.open(t)
	r, err := h.Issue(t.Context(), d)
	if err != nil || r.State != store.Issued {
		t.Fatalf("%s, %v", r.State, err)
	}
	if report := h.verify(t, r.Forms[string(ProvedAward)].Token); report.Verdict != verifier.Valid {
		t.Errorf("%s %+v", report.State, report.Checks)
	}
	h.checkStore(t)
}

// A key that serves another cryptosuite is said at the start.
func TestACryptosuiteNeedsItsKey(t *testing.T) {
	h := newHouse(t, nil)
	h.c.Institution.DataIntegrity = keys.EdDSARDFC2022 // with an ES256 key
	if _, err := New(context.Background(), h.c); err == nil || !strings.Contains(err.Error(), keys.EdDSARDFC2022) {
		t.Error(err)
	}
	h.c.Institution.DataIntegrity = "bbs-2023"
	if _, err := New(context.Background(), h.c); err == nil || !strings.Contains(err.Error(), "data_integrity") {
		t.Error(err)
	}
}
