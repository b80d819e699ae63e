package paper

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"time"

	"github.com/makiuchi-d/gozxing"
	multi "github.com/makiuchi-d/gozxing/multi/qrcode"
)

// What a picture may take. Pictures come from anybody, and a few bytes of one can ask
// for gigabytes or for hours.
const (
	maxSide     = 16000 // pixels
	maxPixels   = 20_000_000
	maxRoom     = 64 << 20 // bytes that it unpacks to
	maxScans    = 100      // of a progressive JPEG, each of which goes over all pixels
	maxCorners  = 30       // that may be of codes: all threes of them are tried
	maxTried    = 8 << 20  // pixels of what is searched at once
	photoPeriod = 4 * time.Second
)

var (
	// ErrPicture is returned for what is no picture, or one that is too large.
	ErrPicture = errors.New("no JPEG or PNG picture, or one that is too large")
	// ErrNoCode is returned for a picture in which no QR code was read.
	ErrNoCode = errors.New("no QR code was read in the picture")
)

// IsPicture reports whether a file begins as the pictures that [ReadPhoto] reads.
func IsPicture(file []byte) bool { return isJPEG(file) || isPNG(file) }

func isJPEG(file []byte) bool { return bytes.HasPrefix(file, []byte("\xff\xd8\xff")) }
func isPNG(file []byte) bool  { return bytes.HasPrefix(file, []byte("\x89PNG\r\n\x1a\n")) }

// ReadPhoto reads the text of a QR code in a photo, a screenshot or a scan: JPEG or
// PNG, of up to 20 million pixels (fewer where a pixel takes more room). Of several
// codes it returns one. It takes up to maxRoom of memory to unpack it, less to
// search it, and some seconds, so that callers let one at a time run. The error is ErrPicture or ErrNoCode, or wraps
// one.
func ReadPhoto(file []byte) (text string, err error) {
	picture, err := openPicture(file)
	if err != nil {
		return "", err
	}
	whole := greyOf(picture)
	end := time.Now().Add(photoPeriod)
	for _, try := range attempts(max(whole.wide, whole.high)) {
		at := whole.scaled(try.scale)
		if at.wide*at.high > maxTried {
			continue
		}
		if text := at.search(try.local, end); text != "" {
			return text, nil
		}
		if time.Now().After(end) {
			break
		}
	}
	return "", ErrNoCode
}

// Scans are the pictures in a PDF that may be pages which were scanned: JPEG, as
// scanners and telephones put them there, and at most four of them. What a program has
// drawn or packed otherwise is not among them.
func Scans(pdf []byte) (pictures [][]byte) {
	for rest := pdf; len(pictures) < 4; {
		i := bytes.Index(rest, []byte("\xff\xd8\xff"))
		if i < 0 {
			break
		}
		before, picture := bytes.TrimRight(rest[:i], "\r\n"), rest[i:]
		end := bytes.Index(picture, []byte("endstream"))
		if end < 0 {
			break
		}
		if bytes.HasSuffix(before, []byte("stream")) {
			pictures = append(pictures, picture[:end])
		}
		rest = picture[end:]
	}
	return pictures
}

// attempt is one way to look: a size, and whether black is told from white by what
// lies around (light that falls unevenly) or for the whole at once (noise).
type attempt struct {
	scale float64
	local bool
}

// attempts are in the order in which they succeed most often, for a picture whose
// longer side has so many pixels. What is blurred is read when it is enlarged, and what
// is large when it is made smaller.
func attempts(side int) []attempt {
	s := float64(side)
	if side <= 1300 {
		return []attempt{{1.5, true}, {2.5, true}, {1, false}, {2, true}, {1, true}, {1.5, false}, {3, true}, {2, false}}
	}
	all := []attempt{{1600 / s, true}, {2600 / s, true}, {1000 / s, true}}
	if side > 2000 {
		all = append(all, attempt{1, true})
	} else {
		all = append(all, attempt{1.5, true})
	}
	return append(all, attempt{1600 / s, false}, attempt{3400 / s, true}, attempt{2600 / s, false}, attempt{1000 / s, false})
}

// openPicture unpacks a picture that is known to be small enough before it is.
func openPicture(file []byte) (picture image.Image, err error) {
	var c image.Config
	room := 0 // bytes for each pixel
	switch {
	case isJPEG(file):
		c, err = jpeg.DecodeConfig(bytes.NewReader(file))
		parts := 3 // of a pixel
		switch room = parts; c.ColorModel {
		case color.RGBAModel: // put together beside its parts
			room += 4
		case color.CMYKModel:
			parts, room = 4, 4+4
		}
		if bytes.Contains(file, []byte("\xff\xc2")) { // progressive: all coefficients are kept, of 4 bytes
			room += 4 * parts
		}
		if bytes.Count(file, []byte("\xff\xda")) > maxScans {
			return nil, fmt.Errorf("%w: too many scans", ErrPicture)
		}
	case isPNG(file):
		c, err = png.DecodeConfig(bytes.NewReader(file))
		transparent := bytes.Contains(file, []byte("tRNS")) // one grey: every pixel becomes one of colours
		switch c.ColorModel {
		case color.GrayModel:
			room = 1
			if transparent {
				room = 4
			}
		case color.Gray16Model:
			room = 2
			if transparent {
				room = 8
			}
		case color.RGBA64Model, color.NRGBA64Model:
			room = 8
		default:
			room = 4
		}
		if len(file) > 28 && file[28] == 1 { // interlaced: a part of the picture beside the whole
			room *= 2
		}
	default:
		return nil, ErrPicture
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %v", ErrPicture, err)
	}
	if c.Width < 1 || c.Height < 1 || c.Width > maxSide || c.Height > maxSide || c.Width*c.Height > min(maxPixels, maxRoom/room) {
		return nil, fmt.Errorf("%w: %d × %d pixels", ErrPicture, c.Width, c.Height)
	}
	if isJPEG(file) {
		picture, err = jpeg.Decode(bytes.NewReader(file))
	} else {
		picture, err = png.Decode(bytes.NewReader(file))
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %v", ErrPicture, err)
	}
	return picture, nil
}

// grey is a picture of grey pixels, row by row.
type grey struct {
	wide, high int
	pixels     []byte
}

func greyOf(picture image.Image) grey {
	r := picture.Bounds()
	g := grey{r.Dx(), r.Dy(), make([]byte, r.Dx()*r.Dy())}
	for y := range g.high {
		row := g.pixels[y*g.wide : (y+1)*g.wide]
		switch p := picture.(type) {
		case *image.YCbCr:
			copy(row, p.Y[y*p.YStride:])
		case *image.Gray:
			copy(row, p.Pix[y*p.Stride:])
		case *image.NRGBA:
			for x := range row { // what is transparent is paper
				px := p.Pix[y*p.Stride+4*x:][:4]
				l := (299*int(px[0]) + 587*int(px[1]) + 114*int(px[2])) / 1000
				row[x] = byte((l*int(px[3]) + 255*(255-int(px[3]))) / 255)
			}
		default:
			for x := range row {
				red, green, blue, alpha := picture.At(r.Min.X+x, r.Min.Y+y).RGBA()
				l := (299*red + 587*green + 114*blue) / 1000
				row[x] = byte((l + 0xffff - alpha) >> 8)
			}
		}
	}
	return g
}

// scaled is the picture in another size: means of pixels where it is smaller, values
// between them where it is larger.
func (g grey) scaled(by float64) grey {
	to := grey{wide: max(1, int(float64(g.wide)*by)), high: max(1, int(float64(g.high)*by))}
	if by == 1 || to.wide*to.high > maxTried {
		return grey{to.wide, to.high, g.pixels}
	}
	to.pixels = make([]byte, to.wide*to.high)
	xs, ys := places(g.wide, to.wide, by < 1), places(g.high, to.high, by < 1)
	for y := range to.high {
		for x := range to.wide {
			if by < 1 {
				sum, n := 0, 0
				for v := ys[y].from; v < ys[y].to; v++ {
					for _, pixel := range g.pixels[v*g.wide+xs[x].from : v*g.wide+xs[x].to] {
						sum, n = sum+int(pixel), n+1
					}
				}
				to.pixels[y*to.wide+x] = byte(sum / n)
				continue
			}
			upper, lower := g.pixels[ys[y].from*g.wide:], g.pixels[ys[y].next*g.wide:]
			a, b := xs[x], ys[y].share
			top := int(upper[a.from])*(256-a.share) + int(upper[a.next])*a.share
			bottom := int(lower[a.from])*(256-a.share) + int(lower[a.next])*a.share
			to.pixels[y*to.wide+x] = byte((top*(256-b) + bottom*b + 1<<15) >> 16)
		}
	}
	return to
}

// place is where a pixel comes from: those from from, before to, or a share of 256 of
// next beside from.
type place struct{ from, to, next, share int }

// places are the places of to pixels in a row of from.
func places(from, to int, means bool) []place {
	list := make([]place, to)
	for i := range list {
		p := &list[i]
		if means {
			p.from, p.to = i*from/to, (i+1)*from/to
			continue
		}
		at := max(0, ((2*i+1)*from*256/to-256)/2) // in 256ths
		p.from, p.share = min(at/256, from-1), at%256
		p.next = min(p.from+1, from-1)
	}
	return list
}

// given up is what a search ends with that takes too long.
type givenUp struct{}

// search looks for a code once. The library cannot be told to stop, but it tells of
// every place that may be a corner, and there it is.
func (g grey) search(local bool, end time.Time) (text string) {
	defer func() {
		// A picture can be made so that a reader written for honest ones goes wrong.
		if recover() != nil {
			text = ""
		}
	}()
	seen := 0
	hints := map[gozxing.DecodeHintType]any{
		gozxing.DecodeHintType_TRY_HARDER: true,
		gozxing.DecodeHintType_NEED_RESULT_POINT_CALLBACK: gozxing.ResultPointCallback(func(gozxing.ResultPoint) {
			if seen++; seen > maxCorners || time.Now().After(end) {
				panic(givenUp{})
			}
		}),
	}
	source, err := gozxing.NewPlanarYUVLuminanceSource(g.pixels, g.wide, g.high, 0, 0, g.wide, g.high, false)
	if err != nil {
		return ""
	}
	binarizer := gozxing.NewGlobalHistgramBinarizer(source)
	if local {
		binarizer = gozxing.NewHybridBinarizer(source)
	}
	bitmap, err := gozxing.NewBinaryBitmap(binarizer)
	if err != nil {
		return ""
	}
	// A certificate has two codes side by side, of which the reader for one code takes
	// corners of both.
	codes, err := multi.NewQRCodeMultiReader().DecodeMultiple(bitmap, hints)
	if err != nil || len(codes) == 0 {
		return ""
	}
	return codes[0].GetText()
}
