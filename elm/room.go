package elm

import "indeks/strictjson"

// Room is memory that credentials and their supplements are read into, one after
// another: each takes some 40 KB in a hundred pieces, which whoever reads many need
// not ask for each time. The zero Room is empty. It is for one goroutine at a time.
type Room struct {
	tree    strictjson.Room
	reading reading
	view    view
}

// Parse is the function [Parse], but that it makes no copy of anything in raw, which
// must never be changed afterwards, and that the credential is in the room, until Clear.
func (room *Room) Parse(raw []byte) (*Credential, error) {
	tree, err := formatError(room.tree.Parse(raw))
	if err != nil {
		return nil, err
	}
	return credentialOf(&room.reading, raw, tree)
}

// Supplement is the function [Supplement], but that the sections are in the room,
// until Clear.
func (room *Room) Supplement(c *Credential, lang string) []Section {
	return room.view.supplement(c, lang)
}

// Clear empties the room. No Credential and no Section that was read into it may be
// used any more; texts that were taken from one remain as they are.
func (room *Room) Clear() {
	room.tree.Clear()
	room.reading.clear()
	room.view.clear()
}

// shelf gives out lists that are parts of one larger piece of memory. Where that is
// used up it gets another, and after clear one in which everything has a place. A nil
// shelf makes each list by itself.
type shelf[T any] struct {
	piece, left []T
	given       int // items since clear
	want        int // how long the next piece is at least
}

// maxShelf is up to how many items a shelf keeps. More are in documents that are
// rarer than they are large.
const maxShelf = 256

func (s *shelf[T]) list(n int) []T {
	if s == nil {
		return make([]T, n)
	}
	s.given += n
	if n > len(s.left) {
		s.piece = make([]T, max(n, s.want))
		s.left = s.piece
	}
	list := s.left[:n:n]
	s.left = s.left[n:]
	return list
}

// add appends to a list, which begins on the shelf.
func (s *shelf[T]) add(list []T, item T) []T {
	if list == nil {
		list = s.list(1)[:0]
	}
	return append(list, item)
}

// clear makes everything that was given out the zero value again, to be given to
// others.
func (s *shelf[T]) clear() {
	switch {
	case s.given > len(s.piece): // in several pieces, of which this is the last
		s.piece, s.want = nil, min(s.given+s.given/8, maxShelf)
	case len(s.piece) > maxShelf:
		s.piece = nil
	default:
		clear(s.piece[:s.given])
	}
	s.left, s.given = s.piece, 0
}
