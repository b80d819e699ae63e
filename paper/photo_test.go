package paper

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// drawn is a sheet with codes side by side, each of so many pixels a module.
func drawn(t testing.TB, module int, texts ...string) *image.Gray {
	t.Helper()
	sheet := image.NewGray(image.Rect(0, 0, 0, 0))
	for _, text := range texts {
		q, err := modules(text)
		if err != nil {
			t.Fatal(err)
		}
		side := (len(q) + 2*quietZone) * module
		wider := image.NewGray(image.Rect(0, 0, sheet.Rect.Dx()+side, max(sheet.Rect.Dy(), side)))
		for i := range wider.Pix {
			wider.Pix[i] = 255
		}
		for y := range sheet.Rect.Dy() {
			copy(wider.Pix[y*wider.Stride:], sheet.Pix[y*sheet.Stride:][:sheet.Rect.Dx()])
		}
		for y, row := range q {
			for x, black := range row {
				for v := range module * module {
					if black {
						wider.SetGray(sheet.Rect.Dx()+(x+quietZone)*module+v%module, (y+quietZone)*module+v/module, color.Gray{20})
					}
				}
			}
		}
		sheet = wider
	}
	return sheet
}

// photographed is a sheet as a telephone sees it: turned, sheared, unevenly lit,
// blurred and noisy.
func photographed(sheet *image.Gray, side int, random *rand.Rand) *image.Gray {
	between := func(a, b float64) float64 { return a + random.Float64()*(b-a) }
	angle, shearX, shearY := between(-12, 12)*math.Pi/180, between(-.08, .08), between(-.08, .08)
	sin, cos := math.Sincos(angle)
	photo := image.NewGray(image.Rect(0, 0, side, side))
	w, h := float64(sheet.Rect.Dx()), float64(sheet.Rect.Dy())
	at := func(x, y int) float64 {
		if x < 0 || y < 0 || x >= int(w) || y >= int(h) {
			return 215
		}
		return float64(sheet.Pix[y*sheet.Stride+x])
	}
	for y := range side {
		for x := range side {
			// Where the middle of the pixel comes from, and the mean of nine places around.
			sum := 0.0
			for k := range 9 {
				dx := float64(x) + .9*float64(k%3-1) - float64(side)/2
				dy := float64(y) + .9*float64(k/3-1) - float64(side)/2
				u := cos*dx + sin*dy + shearX*dy + w/2
				v := -sin*dx + cos*dy + shearY*dx + h/2
				sum += at(int(math.Floor(u)), int(math.Floor(v)))
			}
			light := 1 - .4*float64(x)/float64(side)
			photo.Pix[y*photo.Stride+x] = byte(max(0, min(255, sum/9*light+between(-12, 12))))
		}
	}
	return photo
}

func asJPEG(t testing.TB, picture image.Image) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := jpeg.Encode(&out, picture, &jpeg.Options{Quality: 75}); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func asPNG(t testing.TB, picture image.Image) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := png.Encode(&out, picture); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func printedDigits(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteByte('0' + byte(i*i*7+i/3)%10)
	}
	return "https://verify.nowhere.example/q#1" + b.String()
}

// Codes of the sizes that are printed are read from photos of 4 pixels a module, up to
// version 22, whatever the photo is like within what a hand does.
func TestPhotosAreRead(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2)) // the promise is measured for other seeds by hand, see docs/employer.md
	for _, text := range []string{LinkQR("https://verify.nowhere.example", public), printedDigits(700), printedDigits(1600)} {
		sheet := drawn(t, 4, text)
		photos := 4
		if testing.Short() {
			photos = 1
		}
		for i := range photos {
			photo := photographed(sheet, max(1080, sheet.Rect.Dx()*3/2), random)
			if got, err := ReadPhoto(asJPEG(t, photo)); err != nil || got != text {
				t.Errorf("%d modules, photo %d: %v", sheet.Rect.Dx()/4-2*quietZone, i, err)
			}
		}
	}
	// A screenshot, and the two codes of a certificate in one picture.
	online, offline := LinkQR("https://verify.nowhere.example", public), printedDigits(900)
	if got, err := ReadPhoto(asPNG(t, drawn(t, 3, online))); err != nil || got != online {
		t.Errorf("a screenshot: %v", err)
	}
	if got, err := ReadPhoto(asPNG(t, drawn(t, 4, online, offline))); err != nil || got != online && got != offline {
		t.Errorf("two codes: %v", err)
	}
}

// Pages that were scanned into a PDF are found in it, and nothing else is taken for one.
func TestScansInPDF(t *testing.T) {
	page := asJPEG(t, drawn(t, 4, LinkQR("https://verify.nowhere.example", public)))
	stream := func(filter string, data []byte) string {
		return fmt.Sprintf("4 0 obj<</Type/XObject/Filter/%s/Length %d>>stream\r\n%s\nendstream\nendobj\n", filter, len(data), data)
	}
	pdf := header + stream("FlateDecode", append([]byte("packed "), page[:40]...)) + stream("DCTDecode", page) + "%%EOF"
	got := Scans([]byte(pdf))
	if len(got) != 1 {
		t.Fatalf("%d pictures, want 1", len(got))
	}
	if text, err := ReadPhoto(got[0]); err != nil || text != LinkQR("https://verify.nowhere.example", public) {
		t.Errorf("%q, %v", text, err)
	}
	if got := Scans([]byte(strings.Repeat(stream("DCTDecode", page[:200]), 9))); len(got) != 4 {
		t.Errorf("%d pictures of nine", len(got))
	}
	if got := Scans(page); len(got) != 0 {
		t.Errorf("%d pictures outside streams", len(got))
	}
}

// INDEKS_PHOTOS names a folder with pictures of other makers, NAME.txt beside NAME-*.jpg.
func TestPhotosOfOthers(t *testing.T) {
	folder := os.Getenv("INDEKS_PHOTOS")
	if folder == "" {
		t.Skip("INDEKS_PHOTOS names no folder")
	}
	texts, err := filepath.Glob(filepath.Join(folder, "*.txt"))
	if err != nil || len(texts) == 0 {
		t.Fatalf("no texts in %s: %v", folder, err)
	}
	for _, name := range texts {
		want, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		photos, err := filepath.Glob(strings.TrimSuffix(name, ".txt") + "-*.jpg")
		if err != nil {
			t.Fatal(err)
		}
		read := 0
		for _, photo := range photos {
			raw, err := os.ReadFile(photo)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := ReadPhoto(raw); err == nil && got == string(want) {
				read++
			}
		}
		if t.Logf("%s: %d of %d read", filepath.Base(name), read, len(photos)); read != len(photos) {
			t.Fail()
		}
	}
}

// pngChunk is one of a PNG file.
func pngChunk(kind string, data []byte) []byte {
	body := append([]byte(kind), data...)
	out := binary.BigEndian.AppendUint32(nil, uint32(len(data)))
	return binary.BigEndian.AppendUint32(append(out, body...), crc32.ChecksumIEEE(body))
}

// saysSize is the beginning of a PNG file that says to be so large.
func saysSize(wide, high uint32, depth, colour, interlaced byte) []byte {
	head := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, wide), high)
	file := append([]byte("\x89PNG\r\n\x1a\n"), pngChunk("IHDR", append(head, depth, colour, 0, 0, interlaced))...)
	return append(append(file, pngChunk("PLTE", make([]byte, 3))...), pngChunk("IDAT", []byte("\x78\x9c"))...) // which begins
}

// What would take too much is refused before any of it is unpacked.
func TestPicturesThatAreTooMuch(t *testing.T) {
	tall := asJPEG(t, image.NewGray(image.Rect(0, 0, 8, 8)))
	at := bytes.Index(tall, []byte("\xff\xc0")) + 5
	wide := bytes.Clone(tall)
	binary.BigEndian.PutUint16(wide[at:], 9000)
	binary.BigEndian.PutUint16(wide[at+2:], 9000)
	progressive := bytes.Clone(tall)
	progressive[at-4] = 0xc2
	binary.BigEndian.PutUint16(progressive[at:], 3000)
	binary.BigEndian.PutUint16(progressive[at+2:], 3000)
	transparent := func(file []byte) []byte { // one of its greys, in place of a palette
		return bytes.Replace(file, pngChunk("PLTE", make([]byte, 3)), pngChunk("tRNS", []byte{0, 0}), 1)
	}
	for name, file := range map[string][]byte{
		"a clear grey":         transparent(saysSize(4500, 4000, 8, 0, 0)),
		"a clear grey of 16":   transparent(saysSize(3000, 3000, 16, 0, 0)),
		"clear and interlaced": transparent(saysSize(3000, 3000, 8, 0, 1)),
		"nothing":              nil,
		"a GIF":                []byte("GIF89a\x10\x00\x10\x00\x80\x00\x00"),
		"a WebP":               []byte("RIFF\x24\x00\x00\x00WEBPVP8 "),
		"the beginning of one": []byte("\xff\xd8\xff"),
		"100 megapixels":       saysSize(10000, 10000, 8, 3, 0),
		"a line":               saysSize(1<<31-1, 1, 1, 0, 0),
		"16 bits":              saysSize(3000, 3000, 16, 6, 0),
		"interlaced":           saysSize(3000, 3000, 8, 6, 1),
		"a large JPEG":         wide,
		"a progressive JPEG":   progressive,
		"a hundred scans":      append(bytes.Clone(tall), bytes.Repeat([]byte("\xff\xda\x00\x02"), maxScans+1)...),
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := ReadPhoto(file)
		runtime.ReadMemStats(&after)
		if !errors.Is(err, ErrPicture) {
			t.Errorf("%s: %v", name, err)
		}
		if took := after.TotalAlloc - before.TotalAlloc; took > 1<<20 {
			t.Errorf("%s: %d bytes", name, took)
		}
	}
}

// Where a pixel takes more room, fewer are unpacked.
func TestRoomOfAJPEG(t *testing.T) {
	says := func(sof byte, components string, adobe bool) []byte {
		file := []byte("\xff\xd8")
		if adobe { // and the components are what they are, untransformed
			file = append(file, "\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00\x00"...)
		}
		file = append(file, 0xff, sof, 0, byte(8+3*len(components)), 8)
		file = binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(file, 4000), 4000)
		file = append(file, byte(len(components)))
		for _, id := range []byte(components) {
			file = append(file, id, 0x11, 0)
		}
		return append(file, "\xff\xda\x00\x02"...)
	}
	for name, c := range map[string]struct {
		file []byte
		much bool
	}{
		"of brightness and colours": {says(0xc0, "\x01\x02\x03", false), false},
		"the same in passes":        {says(0xc2, "\x01\x02\x03", false), true},
		"of red, green and blue":    {says(0xc0, "RGB", true), true},
		"of four inks":              {says(0xc0, "CMYK", true), true},
	} {
		_, err := openPicture(c.file)
		if !errors.Is(err, ErrPicture) || strings.Contains(err.Error(), "4000 × 4000") != c.much {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A picture full of corners would be searched for hours: all threes of them may be a
// code.
func TestPictureFullOfCorners(t *testing.T) {
	sheet := image.NewGray(image.Rect(0, 0, 1600, 1600))
	for y := range 1600 {
		for x := range 1600 {
			u, v := x%20/2, y%20/2
			ring := max(max(u, 6-u), max(v, 6-v)) // 6 at the edge of a pattern of seven modules
			if white := u > 6 || v > 6 || ring == 5; white {
				sheet.Pix[y*sheet.Stride+x] = 255
			}
		}
	}
	if got := greyOf(sheet).search(true, time.Now().Add(time.Hour)); got != "" {
		t.Error(got)
	}
	if _, err := ReadPhoto(asPNG(t, sheet)); !errors.Is(err, ErrNoCode) {
		t.Error(err)
	}
}

func FuzzReadPhoto(f *testing.F) {
	sheet := drawn(f, 2, LinkQR("https://verify.nowhere.example", public))
	f.Add(asPNG(f, sheet))
	f.Add(asJPEG(f, sheet))
	f.Add(saysSize(16, 16, 8, 2, 1))
	f.Fuzz(func(t *testing.T, file []byte) {
		text, err := ReadPhoto(file)
		if (err == nil) == (text == "") {
			t.Errorf("%q, %v", text, err)
		}
		if err != nil && !errors.Is(err, ErrPicture) && !errors.Is(err, ErrNoCode) {
			t.Error(err)
		}
	})
}

// FuzzSearch searches pictures of a few pixels, drawn by the fuzzer.
func FuzzSearch(f *testing.F) {
	sheet := drawn(f, 1, LinkQR("https://verify.nowhere.example", public))
	f.Add(sheet.Pix, uint16(sheet.Rect.Dx()))
	f.Add(make([]byte, 37), uint16(37)) // a row
	f.Add(make([]byte, 37), uint16(1))
	f.Fuzz(func(t *testing.T, pixels []byte, wide uint16) {
		if wide == 0 || len(pixels) < int(wide) || len(pixels) > 1<<16 {
			return
		}
		g := grey{int(wide), len(pixels) / int(wide), pixels}
		for _, by := range []float64{1, 2, .5, .01} {
			if got := g.scaled(by); len(got.pixels) < got.wide*got.high {
				t.Fatalf("%d × %d: %d pixels", got.wide, got.high, len(got.pixels))
			} else {
				got.search(true, time.Now().Add(time.Second))
			}
		}
	})
}

func BenchmarkReadPhoto(b *testing.B) {
	for _, n := range []int{0, 1600} {
		text := printedDigits(n)
		photo := asJPEG(b, photographed(drawn(b, 4, text), 1080, rand.New(rand.NewPCG(1, 2))))
		b.Run(fmt.Sprintf("%d digits", n), func(b *testing.B) {
			for b.Loop() {
				if _, err := ReadPhoto(photo); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
