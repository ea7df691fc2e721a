package bearing

import "context"

// Source is who sends a window, and how many sensors windows of theirs may bring in a day.
type Source struct {
	Name       string
	NewSensors int
}

type sourceKey struct{}

// WithSource returns a context of what a source sends.
func WithSource(ctx context.Context, s Source) context.Context {
	return context.WithValue(ctx, sourceKey{}, s)
}

// SourceOf returns the source of a window; ok is false if nobody is answerable for it.
func SourceOf(ctx context.Context) (s Source, ok bool) {
	s, ok = ctx.Value(sourceKey{}).(Source)
	return s, ok
}
