package issuer

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"math/big"
	"time"

	"github.com/go-json-experiment/json"

	"indeks/store"
)

// The learner's page opens by a link that came by e-mail. Where the institution
// sends e-mail, the device that opens it first is known from then on, and each other
// one asks for a one-time code, which goes to the same address: who only has seen
// the link has not enough.

// Bounds of codes.
const (
	codeTime    = 15 * time.Minute
	codeTries   = 5
	codesHourly = 5
	// triesAtOnce are the tries of a link, whichever codes they are of, each of which
	// comes back in a part of a day: in no day there are more than twice as many, so that
	// of a million codes a stranger who asks for new ones for a year hits one by a chance
	// of two in a hundred.
	triesAtOnce = 25
	deviceTime  = 180 * 24 * time.Hour
)

// ErrCode is a one-time code that is wrong, or over.
var ErrCode = errors.New("the code is wrong or no longer valid")

// KnownDevices reports whether the page of a record asks for codes: letters are
// sent, and there is an address.
func (i *Issuer) KnownDevices(r store.Record) bool { return i.Mailing() && r.Email != "" }

// deviceDocument is that of who opened the page first, or the code that waits.
func (i *Issuer) deviceDocument(ctx context.Context, r store.Record, name string) (store.Document, error) {
	id := r.DeliveryID() + "/" + name
	d, err := i.store.Document(ctx, store.DeviceKind, id)
	if errors.Is(err, store.ErrNotFound) {
		return store.Document{Kind: store.DeviceKind, ID: id}, nil
	}
	return d, err
}

const (
	deviceFirst = "first"
	deviceCode  = "code"
)

// deviceLink is what a document of a link says of it without saying the link, so
// that another link begins anew.
func deviceLink(r store.Record) []byte {
	sum := sha256.Sum256([]byte("device " + r.Link))
	return sum[:]
}

// Unopened reports whether no device has opened the page of a record by its link.
func (i *Issuer) Unopened(ctx context.Context, r store.Record) (bool, error) {
	d, err := i.deviceDocument(ctx, r, deviceFirst)
	return subtle.ConstantTimeCompare(d.Body, deviceLink(r)) == 0, err
}

// OpenFirst makes the device that asks the first one, and returns by what it is known
// from now on. ErrCode where there is one already.
func (i *Issuer) OpenFirst(ctx context.Context, r store.Record) (device string, err error) {
	d, err := i.deviceDocument(ctx, r, deviceFirst)
	if err != nil {
		return "", err
	}
	if subtle.ConstantTimeCompare(d.Body, deviceLink(r)) == 1 {
		return "", ErrCode
	}
	d.Body = deviceLink(r)
	err = i.store.PutDocuments(ctx, []store.Document{d})
	if errors.Is(err, store.ErrRevision) { // another was first
		return "", ErrCode
	}
	if err != nil {
		return "", fmt.Errorf("opening a page first: %w", err)
	}
	return i.newDevice(r)
}

// waitingCode is a code that was sent.
type waitingCode struct {
	SHA256 []byte    `json:"sha256"` // of the link and the code
	Until  time.Time `json:"until"`
	Left   int       `json:"left"` // tries
}

func codeDigest(r store.Record, code string) []byte {
	sum := sha256.Sum256([]byte("code " + r.Link + " " + code))
	return sum[:]
}

// AskCode sends a one-time code to the address of a record; an earlier one no longer
// counts. [*WaitError] where too many are asked for, [ErrNoPost], [ErrNoAddress].
func (i *Issuer) AskCode(ctx context.Context, r store.Record) error {
	doing := func(err error) error { return fmt.Errorf("sending a code: %w", err) }
	if err := i.take(ctx, "code/"+r.ID, codesHourly, time.Hour); err != nil {
		return doing(err)
	}
	number, err := rand.Int(rand.Reader, big.NewInt(1_000_000))
	if err != nil {
		return doing(err)
	}
	code := fmt.Sprintf("%06d", number)
	until := i.clock().Add(codeTime)
	d, err := i.deviceDocument(ctx, r, deviceCode)
	if err != nil {
		return doing(err)
	}
	if d.Body, err = json.Marshal(waitingCode{codeDigest(r, code), until, codeTries}); err != nil {
		return doing(err)
	}
	d.Expires = until
	if err := i.store.PutDocuments(ctx, []store.Document{d}); err != nil {
		return doing(err)
	}
	return i.SendCode(ctx, r, code, until)
}

// OpenWithCode returns by what the device is known from now on that has a code. A
// try is used up before it is looked at, and a code is used once: ErrCode. A [*WaitError]
// where too many were tried with the link, whichever codes they were of.
func (i *Issuer) OpenWithCode(ctx context.Context, r store.Record, code string) (device string, err error) {
	doing := func(err error) error { return fmt.Errorf("checking a code: %w", err) }
	d, err := i.deviceDocument(ctx, r, deviceCode)
	if err != nil {
		return "", doing(err)
	}
	if d.Body == nil {
		return "", ErrCode
	}
	var w waitingCode
	if err := json.Unmarshal(d.Body, &w, json.RejectUnknownMembers(true)); err != nil {
		return "", doing(store.ErrDamaged) // err could quote it
	}
	if w.Left <= 0 || i.now().After(w.Until) {
		return "", ErrCode
	}
	if err := i.take(ctx, "code-tries/"+r.Link, triesAtOnce, 24*time.Hour); err != nil {
		return "", doing(err)
	}
	right := subtle.ConstantTimeCompare(w.SHA256, codeDigest(r, code)) == 1
	if w.Left--; right {
		w.Left = 0
	}
	if d.Body, err = json.Marshal(w); err != nil {
		return "", doing(err)
	}
	err = i.store.PutDocuments(ctx, []store.Document{d})
	if errors.Is(err, store.ErrRevision) || err == nil && !right {
		return "", ErrCode
	}
	if err != nil {
		return "", doing(err)
	}
	return i.newDevice(r)
}

// newDevice is the end of the time for which a device is known, and what proves that
// we said so: nothing is kept of devices.
func (i *Issuer) newDevice(r store.Record) (string, error) {
	end := binary.BigEndian.AppendUint64(nil, uint64(i.clock().Add(deviceTime).Unix()))
	mac, err := i.deviceMAC(r, end)
	return base64.RawURLEncoding.EncodeToString(append(end, mac...)), err
}

func (i *Issuer) deviceMAC(r store.Record, end []byte) ([]byte, error) {
	secret, err := i.ring.Secret("devices of learners")
	if err != nil {
		return nil, err
	}
	mac := hmac.New(sha256.New, secret[:])
	fmt.Fprintf(mac, "%s %s ", r.ID, r.Link)
	mac.Write(end)
	return mac.Sum(nil), nil
}

// KnowsDevice reports whether a device may open the page of a record.
func (i *Issuer) KnowsDevice(r store.Record, device string) (bool, error) {
	raw, err := base64.RawURLEncoding.DecodeString(device)
	if err != nil || len(raw) != 8+sha256.Size {
		return false, nil
	}
	mac, err := i.deviceMAC(r, raw[:8])
	if err != nil {
		return false, err
	}
	end := time.Unix(int64(binary.BigEndian.Uint64(raw)), 0)
	return hmac.Equal(mac, raw[8:]) && i.now().Before(end), nil
}

// DeviceTime is for how long a device is known.
func DeviceTime() time.Duration { return deviceTime }
