package strictjson

import "unsafe"

// Room is memory that documents are read into, one after another, so that each need
// not be given its own. The zero Room is empty. It is for one goroutine at a time.
type Room struct {
	slab []Member // those of the documents since Clear, in the room that there is
	want int      // how many a document had that did not fit
}

// maxKept is up to how many members a Room keeps room, 128 KiB.
const maxKept = 4096

// Parse is the function [Parse], but that it makes no copy of raw, which must never
// be changed afterwards, and that the objects and arrays of the result are in the
// room, until Clear.
func (r *Room) Parse(raw []byte) (Value, error) {
	if len(raw) > MaxBytes {
		return Value{}, tooLarge(raw)
	}
	p := parsers.Get().(*parser)
	defer p.release()
	if r.slab == nil && r.want > 0 {
		r.slab = make([]Member, 0, r.want)
	}
	before := len(r.slab)
	p.slab = r.slab
	v, err := p.document(unsafe.String(unsafe.SliceData(raw), len(raw)))
	switch {
	case len(p.slab)-before == p.count, err != nil:
		r.slab = p.slab
	default: // begun in one piece of memory and ended in another, of which neither is kept
		r.slab, r.want = nil, min(p.count+p.count/8, maxKept)
	}
	return v, err
}

// Clear empties the room. A Value that was read into it must not be used any more;
// the texts and names that were taken from one remain as they are.
func (r *Room) Clear() {
	if cap(r.slab) > maxKept {
		r.slab = nil
	}
	clear(r.slab)
	r.slab = r.slab[:0]
}
