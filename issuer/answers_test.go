package issuer

import (
	"errors"
	"fmt"
	"testing"

	"indeks/store"
)

// Each learner answers once, and of fewer than five nobody is told anything.
func TestAnswers(t *testing.T) {
	h := newHouse(t, nil)
	var course string
	for n := range LeastAnswers {
		d := draft(t)
		d.LearnerID = fmt.Sprint("2021/", n)
		r, err := h.Issue(t.Context(), d)
		if err != nil {
			t.Fatal(err)
		}
		course = r.Course
		if sums, err := h.Answers(t.Context(), course); err != nil || sums != (CourseAnswers{}) {
			t.Errorf("of %d: %+v, %v", n, sums, err)
		}
		for _, wrong := range [][2]int{{0, 0}, {-1, 3}, {maxHours + 1, 0}, {1, 6}} {
			if _, ok := errors.AsType[*Problems](h.Answer(t.Context(), r, wrong[0], wrong[1])); !ok {
				t.Errorf("%v is taken", wrong)
			}
		}
		if err := h.Answer(t.Context(), r, 70+n, n%2*4); err != nil {
			t.Errorf("%d: %v", n, err)
		}
		if err := h.Answer(t.Context(), r, 1, 1); !errors.Is(err, ErrDecided) {
			t.Errorf("twice: err = %v", err)
		}
		if done, err := h.Answered(t.Context(), r); err != nil || !done {
			t.Errorf("answered: %t, %v", done, err)
		}
		// Erasing who answered leaves the sum.
		if _, err := h.store.Erase(t.Context(), store.Erasure{Class: store.Delivery, At: noon, By: "registrar"}, r.ID); err != nil {
			t.Fatal(err)
		}
	}
	if sums, err := h.Answers(t.Context(), course); err != nil || sums != (CourseAnswers{Hours: 5*70 + 10, OfHours: 5}) {
		t.Errorf("%+v, %v", sums, err)
	}
}
