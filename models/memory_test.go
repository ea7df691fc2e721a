package models

import (
	"math"
	"math/rand/v2"
	"runtime"
	"testing"
)

// TestInputBytes: a filter takes no more than it says, and InputBytes is not less than that,
// whatever the rate.
func TestInputBytes(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	p := DefaultPreprocessing
	for i := range 60 {
		rate := p.SampleRate * math.Pow(200, rng.Float64())
		if i%2 == 0 {
			rate = p.SampleRate * float64(1+rng.IntN(40)) / float64(1+rng.IntN(2))
		}
		if p.Transform = ""; i%3 == 0 {
			p.Transform = Spectrum
		}
		n := p.NativeLength(rate)
		if p.CheckRate(rate) != nil || n > 1<<20 {
			continue
		}
		x, dst := make([]float32, n), make([]float32, p.InputLength())
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		in, err := p.NewInput(rate)
		if err != nil {
			continue // the filter would be too long
		}
		in.Fill(dst, x)
		runtime.ReadMemStats(&after)
		// The design of a filter takes twice its taps beside them, and lets go of it.
		took := int64(after.TotalAlloc - before.TotalAlloc)
		if says := in.bytes(rate); took > 3*says {
			t.Errorf("rate %g: %d bytes, said to be %d", rate, took, says)
		}
		if says, all := in.bytes(rate), p.InputBytes(n, rate); says > all {
			t.Errorf("rate %g: a filter of %d bytes, at most %d are said", rate, says, all)
		}
	}
}
