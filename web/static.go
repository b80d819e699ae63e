package web

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"mime"
	"net/http"
	"path"

	"github.com/labstack/echo/v4"
)

//go:embed static
var kitStatic embed.FS

// files are the static files of the kit under one digest of all of them: a
// relative address inside the stylesheet stays right, and a changed file has a
// new address everywhere.
type files struct {
	digest  string
	content map[string][]byte
}

func kitFiles() *files {
	f := &files{content: map[string][]byte{}}
	sum := sha256.New()
	sub, err := fs.Sub(kitStatic, "static")
	if err != nil {
		panic(err) // unreachable: the folder is embedded
	}
	// WalkDir goes in lexical order, so the digest is the same for equal files.
	err = fs.WalkDir(sub, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := fs.ReadFile(sub, name)
		f.content[name] = raw
		sum.Write([]byte(name))
		sum.Write(raw)
		return err
	})
	if err != nil {
		panic(err) // unreachable: embedded files can be read
	}
	f.digest = hex.EncodeToString(sum.Sum(nil))[:16]
	return f
}

// Static is a static file of the kit, for an address that must not change; nil where
// there is none.
func (k *Kit) Static(name string) []byte { return k.static.content[name] }

// url is the address of a static file.
func (f *files) url(name string) string { return "/static/" + f.digest + "/" + name }

func (f *files) serve(c echo.Context) error {
	name := c.Param("*")
	raw, ok := f.content[name]
	if !ok {
		return echo.ErrNotFound
	}
	// A page that was rendered before an upgrade asks under the old digest and
	// gets the file of today, which must not be kept under that name.
	cache := "no-cache"
	if c.Param("digest") == f.digest {
		cache = "public, max-age=31536000, immutable"
	}
	c.Response().Header().Set("Cache-Control", cache)
	return c.Blob(http.StatusOK, mime.TypeByExtension(path.Ext(name)), raw)
}
