package main

import (
	"bytes"
	"flag"
	"image"
	"image/color"
	"image/png"
	"maps"
	"os"
	"slices"
	"testing"

	"indeks/internal/chromium"
)

var screenshots = flag.Bool("screenshots", false, "write the pictures of README and docs anew")

// picture writes what the window shows to docs, where pictures are asked for.
func (v *visitor) picture(name string) {
	v.t.Helper()
	if !*screenshots {
		return
	}
	drawn, err := png.Decode(bytes.NewReader(v.Screenshot()))
	if err != nil {
		v.t.Fatal(err)
	}
	var file bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&file, fewColors(drawn)); err != nil {
		v.t.Fatal(err)
	}
	if err := os.WriteFile("../../docs/"+name+".png", file.Bytes(), 0o644); err != nil {
		v.t.Fatal(err)
	}
}

// fewColors paints a picture with 256 of its colours, which makes its file a third as
// large: those that it has most of, then those that are farthest from any of them.
func fewColors(drawn image.Image) image.Image {
	count := map[color.NRGBA]int{}
	bounds := drawn.Bounds()
	at := func(x, y int) color.NRGBA { return color.NRGBAModel.Convert(drawn.At(x, y)).(color.NRGBA) }
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			count[at(x, y)]++
		}
	}
	most := slices.SortedFunc(maps.Keys(count), func(a, b color.NRGBA) int { return count[b] - count[a] })
	var palette color.Palette
	for _, c := range most[:min(len(most), 192)] {
		palette = append(palette, c)
	}
	for range 256 - len(palette) {
		farthest := slices.MaxFunc(most, func(a, b color.NRGBA) int { return apart(a, palette) - apart(b, palette) })
		palette = append(palette, farthest)
	}
	index := map[color.NRGBA]uint8{}
	for c := range count {
		index[c] = uint8(palette.Index(c))
	}
	painted := image.NewPaletted(bounds, palette)
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			painted.SetColorIndex(x, y, index[at(x, y)])
		}
	}
	return painted
}

// apart is how far a colour is from the nearest one of a palette.
func apart(c color.NRGBA, palette color.Palette) int {
	near := palette.Convert(c).(color.NRGBA)
	r, g, b := int(c.R)-int(near.R), int(c.G)-int(near.G), int(c.B)-int(near.B)
	return r*r + g*g + b*b
}

// takePictures takes those that the demo is on.
func takePictures(t *testing.T, browser *chromium.Browser, d *demo) {
	visit := func(v chromium.Visitor) *visitor {
		return &visitor{Page: browser.Visit(t, v), t: t, lang: "en"}
	}
	employer := visit(chromium.Visitor{Width: 390, Height: 844, Phone: true, Scale: 2})
	employer.open(d.scan["valid"][0])
	employer.picture("verifier")
	learner := visit(chromium.Visitor{})
	learner.open(d.learner["valid"][0])
	learner.picture("learner")
	desk := visit(chromium.Visitor{})
	desk.open(d.issuer + "/desk")
	signInToDemo(desk, "registrar")
	desk.follow("desk.place.courses")
	desk.Press("link", "Data Stewardship in Research")
	desk.follow("desk.course.next")
	desk.picture("desk")
}
