package paper

import (
	"bytes"
	"compress/zlib"
	"fmt"
	"strconv"
	"unicode/utf16"
)

// objects are those of a PDF 1.7 file (ISO 32000-1), written in the order of
// their numbers, with a table of cross references and without anything that
// differs from one run to the next. [Attachment] reads this form and no other.
type objects struct {
	bodies [][]byte
	packer *zlib.Writer // used again, because one takes most of a megabyte
}

// objectID is the number of an object.
type objectID int

func (r objectID) String() string { return strconv.Itoa(int(r)) + " 0 R" }

// reserve takes a number for an object that is set later.
func (o *objects) reserve() objectID {
	o.bodies = append(o.bodies, nil)
	return objectID(len(o.bodies))
}

func (o *objects) set(r objectID, format string, args ...any) {
	o.bodies[r-1] = fmt.Appendf(nil, format, args...)
}

func (o *objects) add(format string, args ...any) objectID {
	r := o.reserve()
	o.set(r, format, args...)
	return r
}

// stream adds a compressed stream; entries are those of its dictionary besides
// filter and length.
func (o *objects) stream(entries string, data []byte) objectID {
	var packed bytes.Buffer
	if o.packer == nil {
		o.packer = zlib.NewWriter(nil)
	}
	o.packer.Reset(&packed)
	o.packer.Write(data) // a Buffer takes all writes
	o.packer.Close()
	return o.plainStream(entries+"/Filter/FlateDecode", packed.Bytes())
}

func (o *objects) plainStream(entries string, data []byte) objectID {
	body := fmt.Appendf(nil, "<<%s/Length %d>>\nstream\n", entries, len(data))
	o.bodies = append(o.bodies, append(append(body, data...), "\nendstream"...))
	return objectID(len(o.bodies))
}

// The beginning of every file of ours. The comment has the bytes by which
// programs see that it is not text (7.5.2).
const header = "%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"

// file writes all objects. The id is both parts of the file's identifier.
func (o *objects) file(root, info objectID, id []byte) []byte {
	var out bytes.Buffer
	out.WriteString(header)
	places := make([]int, len(o.bodies))
	for i, body := range o.bodies {
		places[i] = out.Len()
		fmt.Fprintf(&out, "%d 0 obj\n%s\nendobj\n", i+1, body)
	}
	start := out.Len()
	fmt.Fprintf(&out, "xref\n0 %d\n0000000000 65535 f \n", len(places)+1)
	for _, place := range places {
		fmt.Fprintf(&out, "%010d 00000 n \n", place)
	}
	fmt.Fprintf(&out, "trailer\n<</Size %d/Root %s/Info %s/ID[<%x><%[4]x>]>>\nstartxref\n%d\n%%%%EOF\n", len(places)+1, root, info, id, start)
	return out.Bytes()
}

// textString is a text string (7.9.2.2), in UTF-16 whatever it holds.
func textString(s string) string {
	out := []byte("<FEFF")
	for _, unit := range utf16.Encode([]rune(s)) {
		out = fmt.Appendf(out, "%04X", unit)
	}
	return string(append(out, '>'))
}

// asciiString is a string of ASCII, such as a URL or a language tag.
func asciiString(s string) string {
	return fmt.Sprintf("<%X>", s)
}

// number writes a length to a hundredth of a point, which no eye tells apart.
func number(v float64) string {
	s := strconv.FormatFloat(v, 'f', 2, 64)
	for s[len(s)-1] == '0' {
		s = s[:len(s)-1]
	}
	if s[len(s)-1] == '.' {
		s = s[:len(s)-1]
	}
	if s == "-0" {
		return "0"
	}
	return s
}
