package dsp

import (
	"math"
	"math/cmplx"
	"math/rand/v2"
	"testing"
)

// TestEnvelopeSpectrumOfModulation: a carrier modulated with depth d at f has one
// line at f, of half the height that the square of 1 + d cos has against its mean.
func TestEnvelopeSpectrumOfModulation(t *testing.T) {
	const n, rate, carrier, f, depth = 12000, 12000.0, 3000.0, 107.0, 0.5
	x := make([]float64, n)
	for i := range x {
		s := float64(i) / rate
		x[i] = (1 + depth*math.Cos(2*math.Pi*f*s)) * math.Cos(2*math.Pi*carrier*s)
	}
	c := NewRealFFT(n).Coefficients(nil, x)
	lo, hi := 2500, 3500
	e := NewEnvelopeSpectrum(hi-lo+1, 900)
	a := e.Amplitude(nil, c[lo:hi+1])
	best := 0
	for i := range a {
		if a[i] > a[best] {
			best = i
		}
	}
	// (1 + d cos)² has mean 1 + d²/2 and the line 2 d cos.
	want := depth / (1 + depth*depth/2)
	if best != f*oversample || math.Abs(a[best]-want) > 1e-9 {
		t.Errorf("line of %.6f at value %d, want %.6f at %d", a[best], best, want, int(f*oversample))
	}
}

// TestEnvelopeOfBand: the envelope by one-sided spectrum is that of the analytic
// signal of the filtered window, at fewer moments.
func TestEnvelopeOfBand(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	const n, lo, hi = 4096, 500, 1523 // 1024 bins
	x := make([]float64, n)
	for i := range x {
		x[i] = rng.NormFloat64()
	}
	want := SquaredEnvelope(nil, x, n, lo, hi)
	c := NewRealFFT(n).Coefficients(nil, x)
	got := NewEnvelopeSpectrum(hi-lo+1, 1023).Envelope(c[lo : hi+1])
	if len(got) != 2048 {
		t.Fatalf("%d values, want 2048", len(got))
	}
	for i, v := range got {
		if w := want[2*i] * n * n / 4; math.Abs(v-w) > 1e-6*w+1e-6 {
			t.Fatalf("moment %d: %g, want %g", i, v, w)
		}
	}
}

func TestPrewhiten(t *testing.T) {
	c := []complex128{3 + 4i, 1e-3i, 0, -2, 1e-12}
	Prewhiten(c)
	for i, want := range []complex128{0.6 + 0.8i, 1i, 0, -1, 0} {
		if cmplx.Abs(c[i]-want) > 1e-12 {
			t.Errorf("bin %d is %v, want %v", i, c[i], want)
		}
	}
}

// TestEnvelopeSpectrumEmpty: a band without power has no lines, and nothing is NaN.
func TestEnvelopeSpectrumEmpty(t *testing.T) {
	e := NewEnvelopeSpectrum(16, 3)
	for i, v := range e.Amplitude(nil, make([]complex128, 10)) {
		if v != 0 {
			t.Errorf("value %d is %g", i, v)
		}
	}
}
