package issuer

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/go-json-experiment/json"

	"indeks/store"
)

// Two questions that a learner may answer: how many hours it really took, and
// whether it was useful. What is kept are sums of a course and that somebody
// answered, never an answer.

// Bounds of answers.
const (
	maxHours      = 3000
	mostUseful    = 5
	LeastAnswers  = 5 // that a sum is shown of
	answerRetries = 20
)

// CourseAnswers are the sums of a course. The JSON names are those of the stored form.
type CourseAnswers struct {
	Hours    int             `json:"hours"`    // sum
	OfHours  int             `json:"ofHours"`  // who said how many
	Useful   [mostUseful]int `json:"useful"`   // how many said 1, 2, ... 5
	OfUseful int             `json:"ofUseful"` // who said so
}

// kindAnswers is that of sums, by the id of the course.
const kindAnswers = "course-answers"

func (i *Issuer) answeredDocument(r store.Record) store.Document {
	return store.Document{Kind: store.DeviceKind, ID: r.DeliveryID() + "/answered", Body: []byte("1")}
}

// Answered reports whether the learner of an award has answered.
func (i *Issuer) Answered(ctx context.Context, r store.Record) (bool, error) {
	d := i.answeredDocument(r)
	_, err := i.store.Document(ctx, d.Kind, d.ID)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// Answer adds what a learner says to the sums of the course; 0 stands for no answer.
// [*Problems] for what is out of bounds, ErrDecided where the learner has answered.
func (i *Issuer) Answer(ctx context.Context, r store.Record, hours, useful int) error {
	doing := func(err error) error { return fmt.Errorf("keeping an answer: %w", err) }
	if hours < 0 || hours > maxHours || useful < 0 || useful > mostUseful || hours == 0 && useful == 0 {
		return &Problems{List: []Problem{{Field: "/hours", Rule: "answer", Want: fmt.Sprintf("expected 1 to %d hours, or 1 to %d for useful, or both", maxHours, mostUseful),
			Figures: map[string]string{"Hours": strconv.Itoa(maxHours), "Useful": strconv.Itoa(mostUseful)}}}}
	}
	if r.Course == "" {
		return doing(store.ErrNotFound)
	}
	for n := 0; ; n++ {
		d, sums, err := i.answersOf(ctx, r.Course)
		if err != nil {
			return doing(err)
		}
		if hours > 0 {
			sums.Hours, sums.OfHours = sums.Hours+hours, sums.OfHours+1
		}
		if useful > 0 {
			sums.Useful[useful-1]++
			sums.OfUseful++
		}
		if d.Body, err = json.Marshal(sums); err != nil {
			return doing(err)
		}
		err = i.store.PutDocuments(ctx, []store.Document{d, i.answeredDocument(r)})
		if !errors.Is(err, store.ErrRevision) {
			return err
		}
		if done, err := i.Answered(ctx, r); err != nil || done {
			return doing(errors.Join(err, ErrDecided))
		}
		if n == answerRetries {
			return doing(err)
		}
	}
}

func (i *Issuer) answersOf(ctx context.Context, course string) (store.Document, CourseAnswers, error) {
	d, err := i.store.Document(ctx, kindAnswers, course)
	if errors.Is(err, store.ErrNotFound) {
		return store.Document{Kind: kindAnswers, ID: course}, CourseAnswers{}, nil
	}
	var sums CourseAnswers
	if err == nil {
		err = json.Unmarshal(d.Body, &sums, json.RejectUnknownMembers(true))
	}
	return d, sums, err
}

// Answers are the sums of a course. A question that fewer than [LeastAnswers] have
// answered is left out, as if nobody had.
func (i *Issuer) Answers(ctx context.Context, course string) (CourseAnswers, error) {
	_, sums, err := i.answersOf(ctx, course)
	if err != nil {
		return CourseAnswers{}, fmt.Errorf("reading the answers to %.100q: %w", course, err)
	}
	if sums.OfHours < LeastAnswers {
		sums.Hours, sums.OfHours = 0, 0
	}
	if sums.OfUseful < LeastAnswers {
		sums.Useful, sums.OfUseful = [mostUseful]int{}, 0
	}
	return sums, nil
}
