package diagnose

import (
	"math"
	"math/rand/v2"
	"testing"

	"brinell/bearing"
)

// TestVelocity: the velocity of sines is their acceleration over 2πf, within one per
// cent; an offset, a drift and what is outside the band do not count.
func TestVelocity(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	a := newAssessor(nil)
	for _, rate := range []float64{5000, 12000, 25600, 48828, 100000} {
		x := make([]float32, int(1.2*rate))
		for i := range x {
			at := float64(i) / rate
			x[i] = float32(0.1*math.Sin(2*math.Pi*29.3*at) + 0.5*math.Sin(2*math.Pi*313*at+1) + // in the band
				0.02*math.Sin(2*math.Pi*4*at) + 2*math.Sin(2*math.Pi*1900*at) + 0.3 + 0.05*at + 1e-4*rng.NormFloat64())
		}
		a.assess(&bearing.Window{SampleRate: rate, Samples: x}, Profile{})
		one, two := 0.1*9806.65/(2*math.Pi*29.3), 0.5*9806.65/(2*math.Pi*313)
		want := math.Sqrt((one*one + two*two) / 2)
		if math.Abs(a.velocity/want-1) > 0.01 {
			t.Errorf("at %g Hz %.4f mm/s, want %.4f", rate, a.velocity, want)
		}
		a.assess(&bearing.Window{SampleRate: rate, Samples: x[:len(x)/2]}, Profile{})
		if a.velocity != 0 {
			t.Errorf("half a second gives %g mm/s", a.velocity)
		}
	}
}

func TestZones(t *testing.T) {
	f := func(s string, rms float64, want string) {
		t.Helper()
		z, err := ParseZones(s)
		if err != nil {
			t.Fatal(err)
		}
		if got := z.zone(rms); got.Zone != want {
			t.Errorf("%g mm/s by %q is zone %s, want %s", rms, s, got.Zone, want)
		}
	}
	f("", 1.4, "A")
	f("", 1.5, "B")
	f("group2-rigid", 4.6, "D")
	f("group1-flexible", 4.6, "B")
	f("1, 2, 3", 2.5, "C")
	for _, bad := range []string{"group3", "1,2", "3,2,1", "1,2,3,4", "0,1,2", "1,2,NaN", "1,2,Inf"} {
		if _, err := ParseZones(bad); bearing.CodeOf(err) != "velocity_zones" {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
