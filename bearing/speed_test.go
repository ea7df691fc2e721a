package bearing

import (
	"math/rand/v2"
	"testing"
)

// TestRPM: a speed that was stated in revolutions per minute is shown as it was stated, and
// becomes the same number of hertz again.
func TestRPM(t *testing.T) {
	for _, rpm := range []float64{1797, 1730.5, 0.001, 600e3, 1500, 29.95 * 60} {
		if got := RPM(rpm / 60); got != rpm {
			t.Errorf("%v rpm is shown as %v", rpm, got)
		}
	}
	for n := range 60000 {
		if rpm := float64(n+1) / 10; RPM(rpm/60) != rpm {
			t.Fatalf("%v rpm is shown as %v", rpm, RPM(rpm/60))
		}
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for range 10000 {
		hz := 60e3 * rng.Float64() / 60 // of a speed in rpm: not every float64 is one
		if got := RPM(hz) / 60; got != hz {
			t.Errorf("%v Hz becomes %v Hz", hz, got)
		}
	}
}
