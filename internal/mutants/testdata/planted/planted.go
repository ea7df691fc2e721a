// Package planted has a constant that its test guards, and one that nothing does.
package planted

const (
	guarded = 3
	free    = 3
)

func both() (int, int) { return guarded, free }
