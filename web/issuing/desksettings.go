package issuing

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"indeks/store"
	"indeks/web"
)

// What the server is set to, the state that it is in, and the copies of its records:
// backups, to restore from, and archives, to be read without us. Both are encrypted to
// recipients whose identity this server does not have, so it can say that a file is
// still what was written, which was proven then, and no more.

// copyFile is a backup or an archive.
type copyFile struct {
	File    string
	At      time.Time
	Bytes   int64
	Records int
	SHA256  string
	Locked  bool // encrypted: it may leave the house
	kind    store.Kind
	path    string
}

// copies are those of a kind.
type copies struct {
	Files   []copyFile // newest first
	Running bool       // asked for, or being made
	Failed  bool       // the last one

	May   bool   // who is signed in may do something with them
	Token string // of forms
}

const copiesOnPage = 10

// copies returns backups and archives, nil where none are made.
func (s *server) copies() (backups, archives *copies, err error) {
	if s.Backups != nil {
		running, failed, made, err := s.Backups.State()
		if err != nil {
			return nil, nil, err
		}
		backups = &copies{Running: running, Failed: failed != nil}
		for _, m := range made {
			backups.Files = append(backups.Files, copyFile{m.File, m.At, m.Bytes, m.Records, m.SHA256, len(m.Recipients) > 0, store.KindBackedUp, filepath.Join(s.Backups.Dir, m.File)})
		}
	}
	if s.Archives != nil {
		running, made, failed := s.Archives.State()
		archives = &copies{Running: running, Failed: failed != nil}
		for _, m := range made {
			archives.Files = append(archives.Files, copyFile{m.File, m.At, m.Bytes, m.Records, m.SHA256, len(m.Recipients) > 0, store.KindExported, filepath.Join(s.Archives.Dir, m.File)})
		}
	}
	return backups, archives, nil
}

// copyOf finds a copy by the name of its file; store.ErrNotFound.
func (s *server) copyOf(name string) (copyFile, error) {
	backups, archives, err := s.copies()
	if err != nil {
		return copyFile{}, err
	}
	for _, list := range []*copies{backups, archives} {
		if list == nil {
			continue
		}
		if i := slices.IndexFunc(list.Files, func(f copyFile) bool { return f.File == name }); i >= 0 {
			return list.Files[i], nil
		}
	}
	return copyFile{}, notFound(store.ErrNotFound, "No such backup or archive")
}

// settingsData is the page of the settings.
type settingsData struct {
	Desk              *desk
	Conditions        []conditionLine
	Backups, Archives *copies
	Text              string
	Verified          string // file that is as it was written
	Broken            string // file that is not
	Unread            string // file that was too much to read in a request
}

// deskConditions are all that /readyz tells, with the server's own certificate.
func (s *server) deskConditions(c echo.Context) []web.Condition {
	list := s.conditions(c.Request().Context())
	if s.Kit.TLS != nil {
		list = append(list, s.Kit.TLS.Condition(web.Clock()))
	}
	return list
}

// conditionLine is a condition in the words of the page.
type conditionLine struct {
	web.Condition
	Name, Detail string
}

func (s *server) showSettings(c echo.Context, status int, data settingsData) error {
	data.Desk, data.Text = s.desk(c, "settings"), s.Settings
	lang := s.kit.Lang(c)
	for _, one := range s.deskConditions(c) {
		data.Conditions = append(data.Conditions, conditionLine{one, s.kit.T(lang, "desk.condition."+strings.ReplaceAll(one.Name, " ", "-"), nil), s.kit.T(lang, one.Text, one.Args)})
	}
	var err error
	if data.Backups, data.Archives, err = s.copies(); err != nil {
		return err
	}
	for _, list := range []*copies{data.Backups, data.Archives} {
		if list != nil {
			list.Files = list.Files[:min(len(list.Files), copiesOnPage)]
			list.May, list.Token = data.Desk.Admin, data.Desk.Token
		}
	}
	return s.kit.Render(c, status, "settings", web.Page{NoStore: true, Failed: data.Broken != "", Data: data, Scripts: []string{stay}})
}

func (s *server) getDeskSettings(c echo.Context) error {
	return s.showSettings(c, http.StatusOK, settingsData{})
}

func (s *server) postDeskBackup(c echo.Context) error {
	if s.Backups == nil {
		return noBackups()
	}
	s.Backups.Ask()
	return s.redirect(c, "/desk/settings", "done", "backup")
}

func (s *server) postDeskArchive(c echo.Context) error {
	if s.Archives == nil {
		return noArchives()
	}
	s.Archives.Ask(c.Request().Context())
	return s.redirect(c, "/desk/settings", "done", "archive")
}

// postDeskVerify reads a copy again, and says whether it is what was written.
func (s *server) postDeskVerify(c echo.Context) error {
	ctx := c.Request().Context()
	file, err := s.copyOf(c.FormValue("file"))
	if err != nil {
		return err
	}
	f, err := os.Open(file.path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("verifying %s: %w", file.File, err)
	}
	sum, data := sha256.New(), settingsData{}
	if err == nil {
		defer f.Close()
		_, err = io.Copy(sum, readingUntil{c, f})
	}
	ev := store.Event{Kind: file.kind, Object: file.File, Result: "read again: as it was written"}
	copy(ev.Digest[:], sum.Sum(nil))
	switch {
	case ctx.Err() != nil:
		data.Unread = file.File
		return s.showSettings(c, http.StatusOK, data)
	case err != nil && !errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("verifying %s: %w", file.File, err)
	case err == nil && hex.EncodeToString(sum.Sum(nil)) == file.SHA256:
		data.Verified = file.File
	default:
		data.Broken, ev.Result = file.File, "read again: not as it was written"
	}
	if err := s.Store.Append(ctx, ev); err != nil {
		return err
	}
	return s.showSettings(c, http.StatusOK, data)
}

// readingUntil reads until the request ends.
type readingUntil struct {
	c echo.Context
	r io.Reader
}

func (r readingUntil) Read(p []byte) (int, error) {
	if err := r.c.Request().Context().Err(); err != nil {
		return 0, err
	}
	return r.r.Read(p)
}

// downloadTime is how long a copy may take to leave.
const downloadTime = 2 * time.Hour

// getDeskCopy hands out a copy, which is encrypted; the log is told first.
func (s *server) getDeskCopy(c echo.Context) error {
	ctx := c.Request().Context()
	file, err := s.copyOf(c.Param("file"))
	if err != nil {
		return err
	}
	if !file.Locked {
		return &web.Problem{Status: http.StatusConflict, Title: "Only what is encrypted leaves the server", Detail: "backup.recipients in the configuration names to whom backups and archives are encrypted"}
	}
	f, err := os.Open(file.path)
	if errors.Is(err, os.ErrNotExist) {
		return notFound(store.ErrNotFound, "No such backup or archive")
	}
	if err != nil {
		return fmt.Errorf("handing out %s: %w", file.File, err)
	}
	defer f.Close()
	ev := store.Event{Kind: store.KindExported, Object: file.File, Result: "downloaded, encrypted"}
	hex.Decode(ev.Digest[:], []byte(file.SHA256))
	if err := s.Store.Append(ctx, ev); err != nil {
		return err
	}
	if err := http.NewResponseController(c.Response()).SetWriteDeadline(time.Now().Add(downloadTime)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	h := c.Response().Header()
	h.Set("Content-Type", "application/octet-stream")
	h.Set("Content-Disposition", `attachment; filename="`+file.File+`"`)
	http.ServeContent(c.Response(), c.Request(), "", time.Time{}, f)
	return nil
}
