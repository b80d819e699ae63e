package issuer

import (
	"bytes"
	"encoding/base64"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"indeks/keys"
	"indeks/store"
	"indeks/verifier"
)

// share shares an award, and parses the link that came of it.
func (h *house) share(t testing.TB, r store.Record, terms ShareTerms) (store.Share, ShareLink) {
	t.Helper()
	share, link, err := h.Share(t.Context(), r, terms)
	if err != nil {
		t.Fatal(err)
	}
	return share, link
}

func samePIN(pin string) func(string) bool {
	return func(hash string) bool { return hash == "hash of "+pin }
}

// Whoever has the link reads what was chosen; whoever has the records does not.
func TestShare(t *testing.T) {
	h := newHouse(t, nil)
	r, err := h.Issue(t.Context(), draft(t))
	if err != nil {
		t.Fatal(err)
	}
	share, link := h.share(t, r, ShareTerms{Show: []Part{PartName}, PIN: "hash of 123456", Label: "Application", Download: true})
	if len(link.ID) != 26 || len(link.Key) != 32 || share.PINLeft != PINTries || !share.Expires.Equal(noon.AddDate(0, 0, ShareDays)) {
		t.Errorf("%+v, %+v", share, link)
	}
	path := link.Path()
	if want := "/s/" + link.ID + "#" + base64.RawURLEncoding.EncodeToString(link.Key); path != want {
		t.Errorf("path %s, want %s", path, want)
	}
	if bytes.Contains(share.Content, []byte(`"token"`)) {
		t.Error("the content is in the clear")
	}

	opened, err := h.OpenShare(t.Context(), link.ID, samePIN("123456"))
	if err != nil || opened.Opens != 1 || opened.LastDay != "2026-07-01" {
		t.Fatalf("%+v, %v", opened, err)
	}
	shown, err := DecryptShare(link, opened.Content)
	if err != nil || !shown.Download || keys.TypUnsafe([]byte(shown.Token)) != "dc+sd-jwt" || h.verify(t, shown.Sealed()).Verdict != verifier.Valid {
		t.Errorf("%v, %+v", err, shown)
	}
	for name, other := range map[string]ShareLink{"another key": {ID: link.ID, Key: make([]byte, 32)}, "no key": {ID: link.ID}, "another id": {ID: NewPublicID(""), Key: link.Key}} {
		if _, err := DecryptShare(other, opened.Content); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("%s: err = %v", name, err)
		}
	}
}

// What is shared whole has the sealed file and the certificate in it, in the language
// that was chosen, and no more of it is in the records than of a part.
func TestShareWhole(t *testing.T) {
	h := newHouse(t, nil)
	r, err := h.Issue(t.Context(), draft(t))
	if err != nil {
		t.Fatal(err)
	}
	share, link := h.share(t, r, ShareTerms{Show: []Part{PartName}, Whole: true, Lang: "hr"})
	if path := link.Path(); !strings.HasPrefix(path, "/s/"+link.ID+"?lang=hr#") || !slices.Equal(share.Shown, []string{ShownWhole}) || share.Lang != "hr" {
		t.Errorf("%s, %+v", path, share)
	}
	opened, err := h.OpenShare(t.Context(), link.ID, nil)
	if err != nil {
		t.Fatal(err)
	}
	shown, err := DecryptShare(link, opened.Content)
	if err != nil || !shown.Download || len(shown.Files) != 2 || shown.Files[0].Type != "application/pdf" {
		t.Fatalf("%v, %+v", err, shown)
	}
	printed, err := h.Certificate(t.Context(), r, "hr")
	if err != nil || !bytes.Equal(shown.Files[0].Data, printed.PDF) || !bytes.Equal(shown.Files[1].Data, r.Forms["edc"].Token) {
		t.Errorf("other files than the certificate and what was sealed: %v", err)
	}
	for _, sealed := range [][]byte{shown.Sealed(), shown.Files[0].Data, shown.Files[1].Data} {
		if got := h.verify(t, sealed); got.Verdict != verifier.Valid || got.ID != r.ID || got.Concealed > 0 && !bytes.Equal(sealed, shown.Sealed()) {
			t.Errorf("%.20q: %s", sealed, got.State)
		}
	}
	for _, word := range []string{"files", "%PDF", "payload"} {
		if bytes.Contains(share.Content, []byte(word)) {
			t.Errorf("the content has %q in the clear", word)
		}
	}
	if _, public := h.share(t, r, ShareTerms{Public: true, Lang: "sr-Cyrl"}); public.Path() != "/p/"+public.ID+"?lang=sr-Cyrl" {
		t.Errorf("public page %s", public.Path())
	}
}

// Beside an opening its reader may ask, as long as the share is not over, and so often.
func TestIsShared(t *testing.T) {
	h := newHouse(t, nil)
	r, err := h.Issue(t.Context(), draft(t))
	if err != nil {
		t.Fatal(err)
	}
	share, link := h.share(t, r, ShareTerms{MaxOpens: 1})
	_, public := h.share(t, r, ShareTerms{Public: true})
	if _, err := h.OpenShare(t.Context(), link.ID, nil); err != nil {
		t.Fatal(err)
	}
	if err := h.IsShared(t.Context(), link.ID); err != nil {
		t.Errorf("opened for the last time: %v", err)
	}
	if share, err = store.ShareByKey(t.Context(), h.store, share.Key); err != nil || share.Opens != 1 {
		t.Errorf("opened %d times, %v", share.Opens, err)
	}
	for _, id := range []string{public.ID, NewPublicID(""), ""} {
		if err := h.IsShared(t.Context(), id); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("%q: err = %v", id, err)
		}
	}
	if _, err := h.store.Take(t.Context(), "beside "+shareCounter(share.Key), 2, 2*time.Hour); err != nil {
		t.Fatal(err)
	}
	if err := h.IsShared(t.Context(), link.ID); !isWait(err) {
		t.Errorf("too often: err = %v", err)
	}
	if _, err := h.EndShare(t.Context(), r, share.Key); err != nil {
		t.Fatal(err)
	}
	if err := h.store.Clear(t.Context(), "beside "+shareCounter(share.Key)); err != nil {
		t.Fatal(err)
	}
	if err := h.IsShared(t.Context(), link.ID); !errors.Is(err, ErrShareEnded) {
		t.Errorf("ended: err = %v", err)
	}
}

// A PIN is tried five times, then the owner unlocks it; what is right clears the count.
func TestSharePIN(t *testing.T) {
	h := newHouse(t, nil)
	r, err := h.Issue(t.Context(), draft(t))
	if err != nil {
		t.Fatal(err)
	}
	share, link := h.share(t, r, ShareTerms{PIN: "hash of 123456"})
	try := func(pin string, left int) {
		t.Helper()
		var matches func(string) bool
		if pin != "" {
			matches = samePIN(pin)
		}
		_, err := h.OpenShare(t.Context(), link.ID, matches)
		if wrong, ok := errors.AsType[*PINError](err); left < 0 && err != nil || left >= 0 && (!ok || wrong.Left != left || wrong.Given != (pin != "")) {
			t.Errorf("PIN %q: err = %v, want %d left", pin, err, left)
		}
	}
	try("", 5)
	try("000000", 4)
	try("000000", 3)
	try("123456", -1)
	for left := range 5 {
		try("000000", 4-left)
	}
	try("123456", 0) // the right one no longer helps
	if _, err := h.UnlockShare(t.Context(), r, share.Key); err != nil {
		t.Fatal(err)
	}
	try("123456", -1)

	for pin, ok := range map[string]bool{"123456": true, "12345": false, "": false, "12345a": false, "１２３４５６": false, strings.Repeat("1", 13): false} {
		if ValidPIN(pin) != ok {
			t.Errorf("ValidPIN(%q) = %t", pin, !ok)
		}
	}
}

// What is over answers the same, for whatever reason it is over.
func TestShareEnds(t *testing.T) {
	h := newHouse(t, nil)
	issue := func() store.Record {
		d := draft(t)
		d.LearnerID = NewPublicID("")
		r, err := h.Issue(t.Context(), d)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	r := issue()
	for name, tt := range map[string]struct {
		terms ShareTerms
		end   func(r store.Record, s store.Share) error
		want  error
	}{
		"ended":     {ShareTerms{}, func(r store.Record, s store.Share) error { _, err := h.EndShare(t.Context(), r, s.Key); return err }, ErrShareEnded},
		"used up":   {ShareTerms{MaxOpens: 1}, nil, ErrShareEnded},
		"expired":   {ShareTerms{Expires: noon.Add(time.Hour)}, func(store.Record, store.Share) error { h.now = noon.Add(2 * time.Hour); return nil }, ErrShareEnded},
		"still one": {ShareTerms{}, nil, nil},
		"delivery data erased": {ShareTerms{}, func(r store.Record, _ store.Share) error {
			_, err := h.store.Erase(t.Context(), store.Erasure{Class: store.Delivery, At: noon, By: "registrar"}, r.ID)
			return err
		}, store.ErrNotFound},
	} {
		h.now = noon
		r := r
		if tt.want == store.ErrNotFound {
			r = issue()
		}
		share, link := h.share(t, r, tt.terms)
		if _, err := h.OpenShare(t.Context(), link.ID, nil); err != nil {
			t.Errorf("%s: before: %v", name, err)
		}
		if tt.end != nil {
			if err := tt.end(r, share); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := h.OpenShare(t.Context(), link.ID, nil); !errors.Is(err, tt.want) {
			t.Errorf("%s: err = %v, want %v", name, err, tt.want)
		}
	}
	h.now = noon

	// Another award's owner sees none of it, and ends none.
	share, link := h.share(t, r, ShareTerms{})
	other := issue()
	if _, err := h.EndShare(t.Context(), other, share.Key); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("another's: err = %v", err)
	}
	if _, err := h.ExtendShare(t.Context(), r, share.Key, noon.AddDate(0, 0, 90)); err != nil {
		t.Error(err)
	}
	h.now = noon.AddDate(0, 0, 60)
	if opened, err := h.OpenShare(t.Context(), link.ID, nil); err != nil {
		t.Errorf("with a later end: %v", err)
	} else if _, err := DecryptShare(link, opened.Content); err != nil {
		t.Errorf("with a later end: %v", err)
	}
	if _, err := h.ExtendShare(t.Context(), r, share.Key, noon.AddDate(2, 0, 0)); err == nil {
		t.Error("extended by two years")
	}
	h.now = noon

	// A public page is opened by nobody as a private one, nor the other way round.
	_, public := h.share(t, r, ShareTerms{Public: true, Show: []Part{PartOutcomes}})
	if _, err := h.OpenShare(t.Context(), public.ID, nil); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("a public one opened: err = %v", err)
	}
	if _, _, _, err := h.PublicShare(t.Context(), link.ID); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("a private one shown: err = %v", err)
	}
	if got, token, report, err := h.PublicShare(t.Context(), public.ID); err != nil || got.ID != r.ID || report.Verdict != verifier.Valid || bytes.Contains(token, []byte("#")) {
		t.Errorf("public: %v, %+v", err, report)
	}

	// However often somebody tries, not more than that.
	if _, err := h.store.Take(t.Context(), shareCounter(share.Key), 2, 2*time.Hour); err != nil {
		t.Fatal(err)
	}
	if _, err := h.OpenShare(t.Context(), link.ID, nil); !isWait(err) {
		t.Errorf("too often: err = %v", err)
	}
}

// Where the records take no change, what nothing is counted for is still shown, and a
// PIN is not tried.
func TestShareReadOnly(t *testing.T) {
	h := newHouse(t, nil)
	r, err := h.Issue(t.Context(), draft(t))
	if err != nil {
		t.Fatal(err)
	}
	_, plain := h.share(t, r, ShareTerms{})
	_, pin := h.share(t, r, ShareTerms{PIN: "hash of 123456"})
	_, once := h.share(t, r, ShareTerms{MaxOpens: 1})
	for n := 3; ; n++ {
		if _, _, err := h.Share(t.Context(), r, ShareTerms{}); isWait(err) {
			break
		} else if err != nil || n > sharesHourly {
			t.Fatalf("%d shares: %v", n, err)
		}
		if _, err := h.store.Take(t.Context(), "shares/"+r.ID, 2, 2*time.Hour); err != nil { // what is left of the hour
			t.Fatal(err)
		}
	}
	h.c.Store = store.Guard(h.store, true, nil)
	h.open(t)
	if opened, err := h.OpenShare(t.Context(), plain.ID, nil); err != nil {
		t.Error(err)
	} else if _, err := DecryptShare(plain, opened.Content); err != nil {
		t.Error(err)
	}
	if _, err := h.OpenShare(t.Context(), pin.ID, samePIN("123456")); !errors.Is(err, store.ErrReadOnly) {
		t.Errorf("with a PIN: err = %v", err)
	}
	if _, err := h.OpenShare(t.Context(), once.ID, nil); !errors.Is(err, store.ErrReadOnly) {
		t.Errorf("once: err = %v", err)
	}
}

func isWait(err error) bool {
	wait, ok := errors.AsType[*WaitError](err)
	return ok && wait.Wait > 0
}

func TestShareTerms(t *testing.T) {
	for name, terms := range map[string]ShareTerms{
		"over":           {Expires: noon.Add(-time.Second)},
		"for ever":       {Expires: noon.AddDate(2, 0, 0)},
		"no part":        {Expires: noon.Add(time.Hour), Show: []Part{"salary"}},
		"the empty part": {Expires: noon.Add(time.Hour), Show: []Part{""}},
		"public, PIN":    {Expires: noon.Add(time.Hour), Public: true, PIN: "x"},
		"label":          {Expires: noon.Add(time.Hour), Label: strings.Repeat("ж", maxLabel+1)},
		"no text":        {Expires: noon.Add(time.Hour), Purpose: "\xff"},
		"public, whole":  {Expires: noon.Add(time.Hour), Public: true, Whole: true},
		"language":       {Expires: noon.Add(time.Hour), Lang: "tlh"},
		"opens":          {Expires: noon.Add(time.Hour), MaxOpens: -1},
	} {
		if p, ok := errors.AsType[*Problems](terms.check(noon)); !ok || len(p.List) != 1 {
			t.Errorf("%s: %v", name, p)
		}
	}
}
