package web

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

type keyOfTest struct{}

// What a context with a deadline promises holds whether anybody waited for it before
// it ended or not.
func TestDeadline(t *testing.T) {
	for name, test := range map[string]struct {
		end  func(parent, own context.CancelFunc)
		want error
	}{
		"its time":  {func(_, _ context.CancelFunc) { time.Sleep(2 * time.Minute) }, context.DeadlineExceeded},
		"cancelled": {func(_, own context.CancelFunc) { own() }, context.Canceled},
		"parent":    {func(parent, _ context.CancelFunc) { parent() }, context.Canceled},
	} {
		for _, waited := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				parent, endParent := context.WithCancel(context.WithValue(t.Context(), keyOfTest{}, "told"))
				defer endParent()
				at := time.Now().Add(time.Minute)
				ctx := &deadline{parent: parent, at: at}
				defer ctx.cancel()
				var child context.Context
				if waited {
					var cancel context.CancelFunc
					child, cancel = context.WithCancel(ctx)
					defer cancel()
				}
				if got, ok := ctx.Deadline(); !ok || !got.Equal(at) || ctx.Err() != nil || ctx.Value(keyOfTest{}) != "told" {
					t.Errorf("%s, waited for %t: deadline %v, error %v, value %v", name, waited, got, ctx.Err(), ctx.Value(keyOfTest{}))
				}
				time.Sleep(59 * time.Second)
				if ctx.Err() != nil {
					t.Errorf("%s: ended early", name)
				}
				test.end(endParent, ctx.cancel)
				synctest.Wait()
				if err := ctx.Err(); !errors.Is(err, test.want) {
					t.Errorf("%s, waited for %t: %v, not %v", name, waited, err, test.want)
				}
				for _, c := range []context.Context{ctx, child} {
					if c == nil {
						continue
					}
					select {
					case <-c.Done():
					default:
						t.Errorf("%s, waited for %t: not done", name, waited)
					}
				}
				late, cancel := context.WithTimeout(ctx, time.Hour)
				defer cancel()
				if late.Err() == nil {
					t.Errorf("%s, waited for %t: what begins later is not ended", name, waited)
				}
			})
		}
	}
}
