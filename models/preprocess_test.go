package models

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"brinell/models/nn"
)

func spectrumOf(t *testing.T, x []float32) []float32 {
	t.Helper()
	p := DefaultPreprocessing
	p.Transform = Spectrum
	in, err := p.NewInput(p.SampleRate)
	if err != nil {
		t.Fatal(err)
	}
	dst := make([]float32, p.InputLength())
	in.Fill(dst, x)
	if n := testing.AllocsPerRun(3, func() { in.Fill(dst, x) }); n != 0 {
		t.Errorf("%v allocations a window", n)
	}
	return dst
}

// TestSpectrum: the largest bin is that of a tone, and a shift of a window that
// repeats changes nothing.
func TestSpectrum(t *testing.T) {
	const bin = 300
	x, shifted := make([]float32, 2048), make([]float32, 2048)
	rng := rand.New(rand.NewPCG(1, 1))
	// The filter of the resampler would see the ends, so the window holds whole
	// periods of tones and little else.
	for i := range x {
		x[i] = float32(math.Sin(2*math.Pi*bin*float64(i)/2048) + 0.3*math.Cos(2*math.Pi*77*float64(i)/2048))
		shifted[i] = float32(math.Sin(2*math.Pi*bin*float64(i+41)/2048) + 0.3*math.Cos(2*math.Pi*77*float64(i+41)/2048))
	}
	a, b := spectrumOf(t, x), spectrumOf(t, shifted)
	if got := nn.Argmax(a) + 1; got != bin {
		t.Errorf("the tone is at bin %d, want %d", got, bin)
	}
	if d := math.Abs(float64(a[bin-1] - b[bin-1])); d > 0.02 {
		t.Errorf("the shift moves the tone's bin by %v", d)
	}
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
	var sum, sq float64
	for _, v := range spectrumOf(t, x) {
		sum += float64(v)
		sq += float64(v) * float64(v)
	}
	if mean, sd := sum/1024, math.Sqrt(sq/1024-sum*sum/1024/1024); math.Abs(mean) > 1e-4 || math.Abs(sd-1) > 1e-3 {
		t.Errorf("mean %v and deviation %v, want 0 and 1", mean, sd)
	}
	for i, v := range spectrumOf(t, make([]float32, 2048)) {
		if v != 0 {
			t.Fatalf("bin %d of silence is %v", i+1, v)
		}
	}
}

func TestPreprocessingRefuses(t *testing.T) {
	f := func(want string, change func(*Preprocessing)) {
		t.Helper()
		p := DefaultPreprocessing
		change(&p)
		if err := p.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got error %v, want one about %q", err, want)
		}
	}
	f("transform", func(p *Preprocessing) { p.Transform = "wavelet" })
	f("power of two", func(p *Preprocessing) { p.Transform, p.Length = Spectrum, 2000 })
	f("band limit", func(p *Preprocessing) { p.BandLimit = 6000 })
	f("normalisation", func(p *Preprocessing) { p.Normalise = "minmax" })
}
