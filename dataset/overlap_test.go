package dataset

import "testing"

// TestOverlaps: ranges that touch share no sample, and one sample is enough.
func TestOverlaps(t *testing.T) {
	a := Range{"a", 100, 200}
	for _, c := range []struct {
		b    Range
		want bool
	}{
		{Range{"a", 0, 100}, false},
		{Range{"a", 0, 101}, true},
		{Range{"a", 200, 300}, false},
		{Range{"a", 199, 300}, true},
		{Range{"a", 120, 130}, true},
		{Range{"a", 0, 300}, true},
		{Range{"b", 100, 200}, false},
	} {
		if got := a.Overlaps(c.b); got != c.want {
			t.Errorf("%v and %v: %v, want %v", a, c.b, got, c.want)
		}
		if got := c.b.Overlaps(a); got != c.want {
			t.Errorf("%v and %v: %v, want %v", c.b, a, got, c.want)
		}
	}
}
