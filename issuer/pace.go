package issuer

import "context"

// pace bounds how many of the goroutines that share it compute at a time: what
// works through a long list must leave processors to those who wait for one
// answer. To wait for the store is not to compute, so many more may be under way
// than the pace lets compute, and their writes share a flush of the disk.
type pace chan struct{}

type paceKey struct{}

func withPace(ctx context.Context, p pace) context.Context {
	return context.WithValue(ctx, paceKey{}, p)
}

// paced runs compute, which neither waits nor calls paced, when the pace of ctx
// lets it; at once where there is none.
func paced[T any](ctx context.Context, compute func() (T, error)) (T, error) {
	if p, ok := ctx.Value(paceKey{}).(pace); ok {
		select {
		case p <- struct{}{}:
		case <-ctx.Done():
			var none T
			return none, ctx.Err()
		}
		defer func() { <-p }()
	}
	return compute()
}
