package paper

import (
	"bytes"
	"compress/zlib"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strconv"
)

// What is read of a PDF at most. It comes from a stranger: nothing in it is
// followed but numbers of objects, nothing is run, and of all that is compressed
// only the sealed file is unpacked, no further than its size may be.
const (
	maxFile    = 2 << 20 // bytes, and of the sealed file the same
	maxObjects = 20_000
	maxFiles   = 2       // attached, as [PDF] attaches them
	maxText    = 8 << 10 // bytes of a value, of which a file of ours has some hundred
	maxDepth   = 8       // of dictionaries and arrays in one another
)

// The sealed file's name in a PDF, and what it is to the pages (ISO 32000-2,
// 14.13): what they were made from.
const (
	sealedName     = "credential.jsonld"
	sealedRelation = "Source"
)

// ErrNoAttachment is wrapped by each error of Attachment: the PDF is not as [PDF]
// wrote it.
var ErrNoAttachment = errors.New("no PDF as it was issued")

// IsPDF reports whether a file begins as a PDF does.
func IsPDF(file []byte) bool { return bytes.HasPrefix(file, []byte("%PDF-")) }

// Attachment returns the sealed file that is attached to a PDF of ours: the one
// that PDF was given as Sealed. It reads the form in which they are written,
// byte for byte, and no other; a PDF that another program has saved anew is
// refused. It says nothing of what the pages show.
func Attachment(pdf []byte) (sealed []byte, err error) {
	r := reader{pdf: pdf}
	if sealed, err = r.sealed(); err != nil {
		return nil, fmt.Errorf("reading a PDF: %w: %w", ErrNoAttachment, err)
	}
	return sealed, nil
}

// reader reads objects of a file that [objects] wrote.
type reader struct {
	pdf    []byte
	places []int // of objects, by number
}

var errForm = errors.New("its form is another one")

func (r *reader) sealed() ([]byte, error) {
	switch {
	case len(r.pdf) > maxFile:
		return nil, fmt.Errorf("%d bytes, where at most %d are read", len(r.pdf), maxFile)
	case !bytes.HasPrefix(r.pdf, []byte(header)):
		return nil, errors.New("it was written by another program")
	}
	trailer, err := r.crossReferences()
	if err != nil {
		return nil, err
	}
	catalog, err := r.dictionary(trailer["Root"])
	if err != nil {
		return nil, err
	}
	files, _ := catalog["AF"].([]any)
	if len(files) > maxFiles {
		return nil, errForm // each is read, and all may be one
	}
	var found dictionary
	for _, f := range files {
		file, err := r.dictionary(f)
		if err != nil {
			return nil, err
		}
		if file["AFRelationship"] == name(sealedRelation) && file["F"] == text(sealedName) {
			if found != nil {
				return nil, errors.New("it holds several sealed files")
			}
			found = file
		}
	}
	embedded, err := r.dictionary(found["EF"])
	if err != nil {
		return nil, errors.New("it holds no sealed file")
	}
	return r.embedded(embedded["F"])
}

// crossReferences reads the one table of a file, which is its end, and returns
// the trailer.
func (r *reader) crossReferences() (dictionary, error) {
	file := bytes.TrimRight(r.pdf, "\r\n") // some mail adds or takes a line end
	file, ok := bytes.CutSuffix(file, []byte("\n%%EOF"))
	at := bytes.LastIndexByte(file, '\n')
	if !ok || at < 0 {
		return nil, errForm
	}
	start, err := strconv.Atoi(string(file[at+1:]))
	file = file[:at]
	if err != nil || start < 0 || start > len(file) {
		return nil, errForm
	}
	table, ok := bytes.CutPrefix(file[start:], []byte("xref\n0 "))
	line, entries, found := bytes.Cut(table, []byte{'\n'})
	count, err := strconv.Atoi(string(line))
	if !ok || !found || err != nil || count < 1 || count > maxObjects || len(entries) < 20*count {
		return nil, errForm
	}
	r.places = make([]int, count)
	for i := 1; i < count; i++ {
		entry := entries[20*i : 20*i+20]
		place, err := strconv.Atoi(string(entry[:10]))
		if err != nil || string(entry[10:]) != " 00000 n \n" || place >= start {
			return nil, errForm
		}
		r.places[i] = place
	}
	rest, ok := bytes.CutPrefix(entries[20*count:], []byte("trailer\n"))
	rest, ends := bytes.CutSuffix(rest, []byte("\nstartxref"))
	if !ok || !ends || len(rest) > maxText {
		return nil, errForm
	}
	s := scanner{text: rest}
	value, err := s.value(0)
	trailer, ok := value.(dictionary)
	if err != nil || !ok || len(s.text) > 0 {
		return nil, errForm
	}
	return trailer, nil
}

// object returns the value of the object that a reference names, and what stands
// behind it.
func (r *reader) object(ref any) (any, []byte, error) {
	n, ok := ref.(objectID)
	if !ok || n < 1 || int(n) >= len(r.places) {
		return nil, nil, errForm
	}
	body, ok := bytes.CutPrefix(r.pdf[r.places[n]:], fmt.Appendf(nil, "%d 0 obj\n", int(n)))
	if !ok {
		return nil, nil, errForm
	}
	s := scanner{text: body[:min(len(body), maxText)]}
	unread := len(body) - len(s.text)
	value, err := s.value(0)
	return value, body[len(body)-unread-len(s.text):], err
}

// dictionary is a value that is one, or the one that it refers to.
func (r *reader) dictionary(value any) (dictionary, error) {
	if _, ok := value.(objectID); ok {
		var err error
		if value, _, err = r.object(value); err != nil {
			return nil, err
		}
	}
	if d, ok := value.(dictionary); ok {
		return d, nil
	}
	return nil, errForm
}

// embedded unpacks the stream that a reference names.
func (r *reader) embedded(ref any) ([]byte, error) {
	value, rest, err := r.object(ref)
	if err != nil {
		return nil, err
	}
	d, _ := value.(dictionary)
	length, ok := d["Length"].(int)
	params, _ := d["Params"].(dictionary)
	size, sized := params["Size"].(int)
	packed, stream := bytes.CutPrefix(rest, []byte("\nstream\n"))
	if !ok || !stream || length < 0 || length > len(packed) || !bytes.HasPrefix(packed[length:], []byte("\nendstream\n")) ||
		!sized || size < 0 || size > maxFile || d["Type"] != name("EmbeddedFile") || d["Filter"] != name("FlateDecode") {
		return nil, errForm
	}
	z, err := zlib.NewReader(bytes.NewReader(packed[:length]))
	if err != nil {
		return nil, fmt.Errorf("unpacking the sealed file: %w", err)
	}
	defer z.Close()
	sealed, err := io.ReadAll(io.LimitReader(z, int64(size)+1))
	if err != nil {
		return nil, fmt.Errorf("unpacking the sealed file: %w", err)
	}
	if len(sealed) != size {
		return nil, errors.New("the sealed file has another size than it says")
	}
	return sealed, nil
}

// Values are int, name, text, objectID, []any and dictionary.
type (
	name       string
	text       string
	dictionary map[string]any
)

// scanner reads values as [objects] writes them: no comments, no strings in
// parentheses within parentheses, numbers that are whole. What it does not know
// is an error, not skipped.
type scanner struct{ text []byte }

func (s *scanner) value(depth int) (any, error) {
	s.space()
	switch {
	case depth > maxDepth || len(s.text) == 0:
		return nil, errForm
	case bytes.HasPrefix(s.text, []byte("<<")):
		s.text = s.text[2:]
		d := dictionary{}
		for {
			if s.space(); bytes.HasPrefix(s.text, []byte(">>")) {
				s.text = s.text[2:]
				return d, nil
			}
			key, err := s.value(maxDepth)
			member, ok := key.(name)
			if err != nil || !ok || d[string(member)] != nil {
				return nil, errForm
			}
			if d[string(member)], err = s.value(depth + 1); err != nil {
				return nil, err
			}
		}
	case s.text[0] == '[':
		s.text = s.text[1:]
		list := []any{}
		for {
			if s.space(); bytes.HasPrefix(s.text, []byte("]")) {
				s.text = s.text[1:]
				return list, nil
			}
			value, err := s.value(depth + 1)
			if err != nil {
				return nil, err
			}
			list = append(list, value)
		}
	case s.text[0] == '<':
		inner, rest, ok := bytes.Cut(s.text[1:], []byte{'>'})
		raw, err := hex.DecodeString(string(inner))
		if !ok || err != nil {
			return nil, errForm
		}
		s.text = rest
		return text(raw), nil
	case s.text[0] == '(':
		inner, rest, ok := bytes.Cut(s.text[1:], []byte{')'})
		if !ok || bytes.ContainsAny(inner, `(\`) {
			return nil, errForm
		}
		s.text = rest
		return text(inner), nil
	case s.text[0] == '/':
		s.text = s.text[1:]
		return name(s.word()), nil
	default:
		return s.plain()
	}
}

// plain reads a number, a reference, true or false.
func (s *scanner) plain() (any, error) {
	word := s.word()
	if word == "true" || word == "false" {
		return name(word), nil
	}
	n, err := strconv.Atoi(word)
	if err != nil {
		return nil, errForm
	}
	if rest, ok := bytes.CutPrefix(s.text, []byte(" 0 R")); ok && n > 0 {
		s.text = rest
		return objectID(n), nil
	}
	return n, nil
}

// word takes what stands before the next mark or space.
func (s *scanner) word() string {
	end := bytes.IndexAny(s.text, " \n<>[]()/")
	if end < 0 {
		end = len(s.text)
	}
	word := string(s.text[:end])
	s.text = s.text[end:]
	return word
}

func (s *scanner) space() { s.text = bytes.TrimLeft(s.text, " ") }
