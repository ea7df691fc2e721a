package picture

import (
	"math"
	"math/rand/v2"
	"testing"
)

// TestWelch: the density integrates to the variance, and a tone stands where it
// should.
func TestWelch(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	const fs, tone = 12000.0, 1500.0
	x := make([]float32, 60000)
	var sum float64
	for i := range x {
		x[i] = float32(rng.NormFloat64() + 2*math.Sin(2*math.Pi*tone*float64(i)/fs))
		sum += float64(x[i]) * float64(x[i])
	}
	p, step := welch(x, fs)
	var total, top float64
	at := 0.0
	for i, v := range p {
		total += v * step
		if v > top {
			top, at = v, float64(i)*step
		}
	}
	if want := sum / float64(len(x)); math.Abs(total/want-1) > 0.05 {
		t.Errorf("integral %.3f, variance %.3f", total, want)
	}
	if math.Abs(at-tone) > step {
		t.Errorf("the tone of %v Hz stands at %v Hz", tone, at)
	}
	if p, _ := welch(x[:100], fs); len(p) == 0 {
		t.Error("nothing for a short recording")
	}
}
