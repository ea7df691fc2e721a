package input

import (
	"math"
	"math/rand/v2"
	"runtime"
	"testing"
)

// TestBytes: a filter takes no more than it says, and Bytes is not less than that,
// whatever the rate.
func TestBytes(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	p := Default
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
		in, err := p.NewReader(rate)
		if err != nil {
			continue // the filter would be too long
		}
		if err := in.Fill(dst, Window{Samples: x, Rate: rate}); err != nil {
			t.Fatal(err)
		}
		runtime.ReadMemStats(&after)
		// The design of a filter takes twice its taps beside them, and lets go of it.
		took := int64(after.TotalAlloc - before.TotalAlloc)
		if says := in.Bytes(); took > 3*says {
			t.Errorf("rate %g: %d bytes, said to be %d", rate, took, says)
		}
		if says, all := in.Bytes(), p.Bytes(n, rate); says > all {
			t.Errorf("rate %g: a filter of %d bytes, at most %d are said", rate, says, all)
		}
	}
}
