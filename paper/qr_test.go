package paper

import (
	"bytes"
	"encoding/xml"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"indeks/internal/reference"
)

const (
	public = "ABCDEFGHIJKLMNOPQRSTUVWX26"
	link   = "HTTPS://V.UNI.EXAMPLE/C/" + public
)

// texts are what the program prints, and what could break a renderer.
var texts = map[string]string{
	"link":        link,
	"local":       LinkQR("http://localhost:8081", public),
	"lower case":  "https://verify.uni.example/c/" + strings.ToLower(public),
	"markup":      `https://uni.example/?a=1&b=<x>"'`,
	"not latin":   "Универзитет у Београду",
	"one letter":  "A",
	"rather long": strings.Repeat("0123456789abcdef", 90),
}

func TestLinkQR(t *testing.T) {
	for _, tt := range []struct{ base, public, want string }{
		{"https://verify.uni.example", public, "HTTPS://VERIFY.UNI.EXAMPLE/C/" + public},
		{"https://verify.uni.example/", public, "HTTPS://VERIFY.UNI.EXAMPLE/C/" + public},
		{"http://localhost:8081", strings.ToLower(public), "HTTP://LOCALHOST:8081/C/" + public},
		{"https://uni.example/verify", public, "HTTPS://UNI.EXAMPLE/VERIFY/C/" + public},
	} {
		if got := LinkQR(tt.base, tt.public); got != tt.want {
			t.Errorf("LinkQR(%q, %q) = %q, want %q", tt.base, tt.public, got, tt.want)
		}
	}
}

// The alphanumeric mode is what keeps the printed code small: version 3 has 29
// modules, and the same link in lower case needs version 4, 33 modules.
func TestLinkFitsVersion3(t *testing.T) {
	for text, want := range map[string]int{
		LinkQR("https://verify.uni.example", public): 29,
		link: 29,
		"https://verify.uni.example/c/abcdefghijklmnopqrstuvwx26": 33,
	} {
		rows, err := symbol(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := len(rows) - 2*quietZone; got != want {
			t.Errorf("%q (%d characters) has %d modules, want %d", text, len(text), got, want)
		}
	}
}

// Four light modules on each side, and a finder pattern right behind them.
func TestQuietZone(t *testing.T) {
	for name, text := range texts {
		rows, err := symbol(text)
		if err != nil {
			t.Fatal(err)
		}
		n := len(rows)
		for y, row := range rows {
			for x, dark := range row {
				outside := min(x, y, n-1-x, n-1-y) < quietZone
				if outside && dark {
					t.Fatalf("%s: dark module at %d,%d", name, x, y)
				}
			}
		}
		for i := range 7 {
			if !rows[quietZone][quietZone+i] || !rows[quietZone+i][quietZone] {
				t.Fatalf("%s: no finder pattern at the corner", name)
			}
		}
	}
}

func TestPNGModules(t *testing.T) {
	for name, text := range texts {
		for _, scale := range []int{1, 3, 4, 8, 28} {
			want, err := symbol(text)
			if err != nil {
				t.Fatal(err)
			}
			data, err := PNG(text, scale)
			if err != nil {
				t.Fatal(err)
			}
			// IHDR: bit depth 1, colour type 3 (palette).
			if data[24] != 1 || data[25] != 3 {
				t.Errorf("%s: bit depth %d, colour type %d, want 1, 3", name, data[24], data[25])
			}
			img, err := png.Decode(bytes.NewReader(data))
			if err != nil {
				t.Fatal(err)
			}
			if size := img.Bounds().Size(); size.X != len(want)*scale || size.Y != size.X {
				t.Fatalf("%s: size %v, want %d modules of %d", name, size, len(want), scale)
			}
			for y := range len(want) * scale {
				for x := range len(want) * scale {
					r, _, _, _ := img.At(x, y).RGBA()
					if dark := r == 0; dark != want[y/scale][x/scale] {
						t.Fatalf("%s at scale %d: the pixel at %d,%d is dark: %v", name, scale, x, y, dark)
					}
				}
			}
		}
	}
}

func grid(n int) [][]bool {
	g := make([][]bool, n)
	for i := range g {
		g[i] = make([]bool, n)
	}
	return g
}

var rectangle = regexp.MustCompile(`M(\d+) (\d+)h(\d+)v1h-(\d+)z`)

func TestSVGModules(t *testing.T) {
	for name, text := range texts {
		want, err := symbol(text)
		if err != nil {
			t.Fatal(err)
		}
		data, err := SVG(text)
		if err != nil {
			t.Fatal(err)
		}
		var doc struct {
			Width   int    `xml:"width,attr"`
			Height  int    `xml:"height,attr"`
			ViewBox string `xml:"viewBox,attr"`
			Title   string `xml:"title"`
			Paths   []struct {
				D string `xml:"d,attr"`
			} `xml:"path"`
		}
		if err := xml.Unmarshal(data, &doc); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if doc.Width != len(want)*svgScale || doc.Height != doc.Width || doc.ViewBox != "0 0 "+strconv.Itoa(len(want))+" "+strconv.Itoa(len(want)) {
			t.Errorf("%s: %d by %d, view box %q", name, doc.Width, doc.Height, doc.ViewBox)
		}
		if doc.Title != text {
			t.Errorf("%s: title %q", name, doc.Title)
		}
		if len(doc.Paths) != 2 {
			t.Fatalf("%s: %d paths, want the ground and the modules", name, len(doc.Paths))
		}
		if rest := rectangle.ReplaceAllString(doc.Paths[1].D, ""); rest != "" {
			t.Fatalf("%s: %q in the path", name, rest)
		}
		got := grid(len(want))
		for _, m := range rectangle.FindAllStringSubmatch(doc.Paths[1].D, -1) {
			x, _ := strconv.Atoi(m[1])
			y, _ := strconv.Atoi(m[2])
			w, _ := strconv.Atoi(m[3])
			if m[3] != m[4] {
				t.Fatalf("%s: %q is no rectangle", name, m[0])
			}
			for i := range w {
				if got[y][x+i] {
					t.Fatalf("%s: module %d,%d is drawn twice", name, x+i, y)
				}
				got[y][x+i] = true
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: modules differ:\n%s", name, diff)
		}
	}
}

func TestTerminalModules(t *testing.T) {
	for name, text := range texts {
		want, err := symbol(text)
		if err != nil {
			t.Fatal(err)
		}
		out, err := Terminal(text)
		if err != nil {
			t.Fatal(err)
		}
		got := grid(len(want))
		lines := strings.Split(strings.TrimSuffix(out, "\n"), "\n")
		if len(lines) != (len(want)+1)/2 {
			t.Fatalf("%s: %d lines for %d rows", name, len(lines), len(want))
		}
		for i, line := range lines {
			line, ok1 := strings.CutPrefix(line, "\x1b[38;5;16;48;5;231m")
			line, ok2 := strings.CutSuffix(line, "\x1b[0m")
			if !ok1 || !ok2 {
				t.Fatalf("%s: line %d is not set in colours of its own", name, i)
			}
			for x, r := range []rune(line) {
				got[2*i][x] = r == '█' || r == '▀'
				if lower := r == '█' || r == '▄'; lower {
					got[2*i+1][x] = true
				}
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: modules differ:\n%s", name, diff)
		}
	}
}

func TestRefused(t *testing.T) {
	long := strings.Repeat("a", 3000)
	for name, draw := range map[string]func() error{
		"PNG, no text":       func() error { _, err := PNG("", 4); return err },
		"PNG, too long":      func() error { _, err := PNG(long, 4); return err },
		"PNG, scale 0":       func() error { _, err := PNG(link, 0); return err },
		"PNG, scale 33":      func() error { _, err := PNG(link, 33); return err },
		"SVG, no text":       func() error { _, err := SVG(""); return err },
		"SVG, too long":      func() error { _, err := SVG(long); return err },
		"Terminal, too long": func() error { _, err := Terminal(long); return err },
	} {
		if draw() == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// scan reads a code with a scanner of other makers.
func scan(t *testing.T, png []byte) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "code.png")
	if err := os.WriteFile(file, png, 0o600); err != nil {
		t.Fatal(err)
	}
	return strings.TrimSuffix(reference.Run(t, "zbar-tools", "zbarimg", "--quiet", "--raw", "--oneshot", "-Sdisable", "-Sqrcode.enable", file), "\n")
}

func TestScannerReadsPNG(t *testing.T) {
	for name, text := range texts {
		t.Run(name, func(t *testing.T) {
			data, err := PNG(text, 4)
			if err != nil {
				t.Fatal(err)
			}
			if got := scan(t, data); got != text {
				t.Errorf("read %q, want %q", got, text)
			}
		})
	}
}

func TestScannerReadsSVG(t *testing.T) {
	for name, text := range texts {
		t.Run(name, func(t *testing.T) {
			data, err := SVG(text)
			if err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(t.TempDir(), "code.svg")
			if err := os.WriteFile(file, data, 0o600); err != nil {
				t.Fatal(err)
			}
			image := reference.Run(t, "librsvg2-bin", "rsvg-convert", "--format=png", file)
			if got := scan(t, []byte(image)); got != text {
				t.Errorf("read %q, want %q", got, text)
			}
		})
	}
}

// The SVG asks for nothing outside itself.
func TestSVGIsSelfContained(t *testing.T) {
	data, err := SVG(texts["markup"])
	if err != nil {
		t.Fatal(err)
	}
	d := xml.NewDecoder(bytes.NewReader(data))
	for {
		token, err := d.Token()
		if err == io.EOF {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if e, ok := token.(xml.StartElement); ok && e.Name.Local != "svg" && e.Name.Local != "title" && e.Name.Local != "path" {
			t.Errorf("element %s", e.Name.Local)
		}
	}
}

func BenchmarkPNG(b *testing.B) {
	for b.Loop() {
		if _, err := PNG(link, 4); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSVG(b *testing.B) {
	for b.Loop() {
		if _, err := SVG(link); err != nil {
			b.Fatal(err)
		}
	}
}
