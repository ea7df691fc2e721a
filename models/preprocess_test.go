package models

import (
	"math"
	"math/rand/v2"
	"slices"
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
	for _, level := range []float32{0, 3.7} {
		for i := range x {
			x[i] = level
		}
		for i, v := range spectrumOf(t, x) {
			if v != 0 {
				t.Fatalf("bin %d of the constant %v is %v", i+1, level, v)
			}
		}
	}
}

// TestSpectrumOfShift: a window turned in a circle has the same bins. The filter
// would see its ends, so that the transform is tested without.
func TestSpectrumOfShift(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for _, n := range []int{4, 64, 2048} {
		p := Preprocessing{SampleRate: 12000, Length: n, BandLimit: 5000, Normalise: ZScore, Transform: Spectrum}
		in, err := p.NewInput(p.SampleRate)
		if err != nil {
			t.Fatal(err)
		}
		for i := range in.window {
			in.window[i] = float32(rng.NormFloat64())
		}
		x := slices.Clone(in.window)
		want, got := make([]float32, p.InputLength()), make([]float32, p.InputLength())
		in.spectrum(want)
		for _, shift := range []int{1, n/2 - 1, n - 1} {
			for i := range x {
				in.window[i] = x[(i+shift)%n]
			}
			in.spectrum(got)
			for k, v := range got {
				if math.Abs(float64(v-want[k])) > 1e-4 {
					t.Errorf("n=%d, shift %d: bin %d is %v, was %v", n, shift, k+1, v, want[k])
				}
			}
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
		if _, err := p.NewInput(p.SampleRate); err == nil {
			t.Errorf("an input is made despite its %s", want)
		}
	}
	f("transform", func(p *Preprocessing) { p.Transform = "wavelet" })
	f("power of two", func(p *Preprocessing) { p.Transform, p.Length = Spectrum, 2000 })
	f("band limit", func(p *Preprocessing) { p.BandLimit = 6000 })
	f("normalisation", func(p *Preprocessing) { p.Normalise = "minmax" })
}
