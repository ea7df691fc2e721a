package main

import (
	"math"
	"math/rand/v2"
	"testing"

	"brinell/internal/bearing"
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
	p, f := welch(bearing.Recording{Samples: x, SampleRate: fs})
	var total, top float64
	at := 0.0
	for i, v := range p {
		total += v * (f[1] - f[0])
		if v > top {
			top, at = v, f[i]
		}
	}
	if want := sum / float64(len(x)); math.Abs(total/want-1) > 0.05 {
		t.Errorf("integral %.3f, variance %.3f", total, want)
	}
	if math.Abs(at-tone) > f[1] {
		t.Errorf("the tone of %v Hz stands at %v Hz", tone, at)
	}
	if p, _ := welch(bearing.Recording{Samples: x[:100], SampleRate: fs}); len(p) == 0 {
		t.Error("nothing for a short recording")
	}
}
