package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
	"sync"

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
	packed  map[string][]byte // the same by gzip, where that is shorter
}

// kitFiles reads and packs the files once: they are compiled in.
var kitFiles = sync.OnceValue(func() *files {
	f := &files{content: map[string][]byte{}, packed: map[string][]byte{}}
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
		if packed := pack(raw); len(packed) < len(raw) {
			f.packed[name] = packed
		}
		sum.Write([]byte(name))
		sum.Write(raw)
		return err
	})
	if err != nil {
		panic(err) // unreachable: embedded files can be read
	}
	f.digest = hex.EncodeToString(sum.Sum(nil))[:16]
	return f
})

// packers are kept, because each takes 800 KB.
var packers = sync.Pool{New: func() any {
	w, err := gzip.NewWriterLevel(nil, gzip.BestCompression)
	if err != nil {
		panic(err) // unreachable: the level exists
	}
	return w
}}

func pack(raw []byte) []byte {
	var out bytes.Buffer
	w := packers.Get().(*gzip.Writer)
	defer packers.Put(w)
	w.Reset(&out)
	w.Write(raw) // a Buffer takes all writes
	w.Close()
	return out.Bytes()
}

// takesGzip reads an Accept-Encoding (RFC 9110, 12.5.3). What is personal is never
// packed: it repeats what was sent beside what must stay secret, and the length of what
// is packed tells of both. Static files and pages for everybody are.
func takesGzip(accept string) bool {
	for coding := range strings.SplitSeq(accept, ",") {
		name, weight, _ := strings.Cut(coding, ";")
		if strings.EqualFold(strings.TrimSpace(name), "gzip") {
			weight = strings.ReplaceAll(weight, " ", "")
			return weight == "" || strings.Trim(weight, "qQ=0.") != ""
		}
	}
	return false
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
	h := c.Response().Header()
	h.Set("Cache-Control", cache)
	h.Set("Vary", echo.HeaderAcceptEncoding)
	if packed := f.packed[name]; packed != nil && takesGzip(c.Request().Header.Get(echo.HeaderAcceptEncoding)) {
		h.Set(echo.HeaderContentEncoding, "gzip")
		raw = packed
	}
	return c.Blob(http.StatusOK, mime.TypeByExtension(path.Ext(name)), raw)
}
