package lines

import (
	"math"
	"testing"

	"brinell/bearing"
)

// TestTurns: the turns that a window needs follow from the two lines that are nearest to one
// another, of those that slip does not make one.
func TestTurns(t *testing.T) {
	f := func(what string, o bearing.Orders, want float64) {
		t.Helper()
		if got := Turns(o); math.Abs(got/want-1) > 1e-9 {
			t.Errorf("%s: %.6f turns, want %.6f", what, got, want)
		}
	}
	// Of a 6205 the cage's side-band of the rolling element's line, 4.7134 - 0.3983, and the
	// shaft's of the inner race's, 4.4152, are nearest.
	k, _ := bearing.LookupBearing("6205")
	o := k.Orders()
	f("6205", o, 1.5/(o.BPFI-1-(o.BSF2()-o.FTF)))

	// Lines at 0.25 from whole orders and from one another, and one that is put nearer.
	wide := bearing.Orders{BPFO: 3.375, BPFI: 8.6875, BSF: 2.25, FTF: 0.25}
	for _, c := range []struct {
		what    string
		bpfo    float64
		nearest float64
	}{
		{"near a whole order", 3.1, 0.1},
		{"as near as is parted", 3.0751, 0.0751},
		{"nearer, so that the second harmonic counts", 3.07, 0.14},
		{"the second harmonic near a whole order", 3.45, 0.1},
	} {
		o := wide
		o.BPFO = c.bpfo
		// What else is near is no nearer: 0.1875 of the second harmonic of BPFI and more.
		f(c.what, o, 1.5/c.nearest)
	}
	f("a bearing that is not known", bearing.Orders{}, 20)
	if least := Turns(bearing.Orders{BPFO: 3.5, BPFI: 7.5, BSF: 2.75, FTF: 0.5}); least != minTurns {
		t.Errorf("lines that are far apart need %g turns, and the fewest that are judged are %d", least, minTurns)
	}
	if AnySpeedSeconds != 5./8 {
		t.Errorf("the slowest shaft that is looked for turns five times in %v s", AnySpeedSeconds)
	}
}
