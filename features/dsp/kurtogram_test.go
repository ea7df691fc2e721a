package dsp

import (
	"math"
	"math/rand/v2"
	"testing"
)

// ringing is noise in which a resonance at 1700 Hz is struck 40 times a second, sampled
// at 8000 Hz. The noise is that of a linear congruential generator, which a reference
// program can repeat.
func ringing(n int) []float64 {
	x := make([]float64, n)
	z := uint32(1)
	for i := range x {
		z = (z*1103515245 + 12345) % (1 << 31)
		x[i] = float64(z)/(1<<31) - 0.5
	}
	for p := 100; p < n; p += 200 {
		for k := 0; k < 150 && p+k < n; k++ {
			t := float64(k) / 8000
			x[p+k] += 3 * math.Exp(-600*t) * math.Sin(2*math.Pi*1700*t)
		}
	}
	return x
}

// TestKurtogramReference: values of a NumPy program that zeroes the spectrum outside of
// the band, transforms back (numpy.fft.ifft, version 1.24) and takes the moments of the
// squared magnitude.
func TestKurtogramReference(t *testing.T) {
	bands := Kurtogram(ringing(4096), 8000, 3)
	for _, want := range []Band{
		{Low: 1500, High: 2000, Kurtosis: 4.586559702294818},
		{Low: 2000, High: 2500, Kurtosis: 1.1444756956348763},
		{Low: 3500, High: 4000, Kurtosis: -0.09809697385839122},
		{Low: 4000.0 / 3, High: 2000, Kurtosis: 5.762658850114877},
	} {
		found := false
		for _, b := range bands {
			if math.Abs(b.Low-want.Low) < 1e-6 && math.Abs(b.High-want.High) < 1e-6 {
				found = true
				if math.Abs(b.Kurtosis-want.Kurtosis) > 1e-9 {
					t.Errorf("%g-%g Hz: %.12g, want %.12g", b.Low, b.High, b.Kurtosis, want.Kurtosis)
				}
			}
		}
		if !found {
			t.Errorf("no band %g-%g Hz", want.Low, want.High)
		}
	}
}

// TestKurtogram: the resonance is found, noise has none, and one knock fools the plain
// choice and not the vote.
func TestKurtogram(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	var windows [][]Band
	for range 4 {
		x := ringing(8192)
		for i := range x {
			x[i] += 0.3 * rng.NormFloat64()
		}
		x[5000] += 300 // a knock, flat over all frequencies
		windows = append(windows, Kurtogram(x, 8000, 4))
	}
	if b := VoteBand(windows); b.Low > 1700 || b.High < 1700 || b.Steady < 1 {
		t.Errorf("voted for %+v", b)
	}
	loudest := windows[0][0]
	for _, b := range windows[0] {
		if b.Kurtosis > loudest.Kurtosis {
			loudest = b
		}
	}
	if loudest.Kurtosis < 100*loudest.Steady {
		t.Errorf("the knock does not fool the plain choice: %+v", loudest)
	}
	for i := range windows {
		for _, b := range Kurtogram(noise(8192+i), 8000, 4) {
			if math.Abs(b.Kurtosis) > 0.5 || math.Abs(b.Steady) > 0.5 {
				t.Errorf("noise: %+v", b)
			}
		}
	}
}
