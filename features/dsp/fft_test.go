package dsp

import (
	"fmt"
	"math"
	"math/cmplx"
	"math/rand/v2"
	"testing"

	godsp "github.com/mjibson/go-dsp/fft"
	"gonum.org/v1/gonum/dsp/fourier"
)

func noise(n int) []float64 {
	rng := rand.New(rand.NewPCG(uint64(n), 1))
	x := make([]float64, n)
	for i := range x {
		x[i] = rng.NormFloat64()
	}
	return x
}

// naive is the definition.
func naive(x []float64) []complex128 {
	n := len(x)
	c := make([]complex128, n/2+1)
	for k := range c {
		for j, v := range x {
			c[k] += complex(v, 0) * cmplx.Rect(1, -2*math.Pi*float64(j*k%n)/float64(n))
		}
	}
	return c
}

// apart returns the largest difference relative to the largest value.
func apart(a, b []complex128) float64 {
	var worst, top float64
	for i := range a {
		worst, top = max(worst, cmplx.Abs(a[i]-b[i])), max(top, cmplx.Abs(b[i]))
	}
	if top == 0 {
		return worst
	}
	return worst / top
}

func TestRealFFT(t *testing.T) {
	check := func(n int, want []complex128, name string) {
		t.Helper()
		f, x := NewRealFFT(n), noise(n)
		got := f.Coefficients(nil, x)
		if d := apart(got, want); d > 1e-12 {
			t.Errorf("n=%d: %g from %s", n, d, name)
		}
		back := f.Inverse(nil, got)
		for i := range x {
			if math.Abs(back[i]-x[i]) > 1e-11 {
				t.Errorf("n=%d: inverse gives %v at %d, want %v", n, back[i], i, x[i])
				break
			}
		}
	}
	for n := 1; n <= 130; n++ {
		check(n, naive(noise(n)), "the definition")
	}
	check(1021, naive(noise(1021)), "the definition")
	for _, n := range []int{2048, 2310, 16384} {
		check(n, fourier.NewFFT(n).Coefficients(nil, noise(n)), "gonum")
	}
	// At large primes gonum's error grows to 1e-10.
	for _, n := range []int{8191, 10007} {
		check(n, godsp.FFTReal(noise(n))[:n/2+1], "go-dsp")
	}
}

// TestRealFFTBluestein holds the other algorithm against gonum's on lengths that
// NewRealFFT would not give it, even ones among them.
func TestRealFFTBluestein(t *testing.T) {
	for _, n := range []int{1, 2, 3, 4, 8, 15, 16, 100, 2048, 2401, 6000} {
		f, g, x := &RealFFT{n: n, chirp: newBluestein(n)}, NewRealFFT(n), noise(n)
		c := f.Coefficients(nil, x)
		if d := apart(c, g.Coefficients(nil, x)); d > 1e-12 {
			t.Errorf("n=%d: %g from gonum", n, d)
		}
		// The inverse ignores what a real sequence cannot have.
		c[0] += 5i
		if n%2 == 0 {
			c[n/2] += 7i
		}
		for i, v := range f.Inverse(nil, c) {
			if math.Abs(v-x[i]) > 1e-11 {
				t.Errorf("n=%d: inverse gives %v at %d, want %v", n, v, i, x[i])
				break
			}
		}
	}
}

func TestFastLen(t *testing.T) {
	for n, want := range map[int]int{1: 1, 7: 8, 11: 12, 13: 15, 17: 18, 31: 32, 49: 60, 12286: 12288, 15010: 15360} {
		if got := fastLen(n); got != want {
			t.Errorf("fastLen(%d) = %d, want %d", n, got, want)
		}
	}
}

func TestRealFFTAllocatesNothing(t *testing.T) {
	for _, n := range []int{2048, 2047, 1021} {
		f, x := NewRealFFT(n), noise(n)
		c := f.Coefficients(nil, x)
		if a := testing.AllocsPerRun(5, func() { f.Coefficients(c, x); f.Inverse(x, c) }); a != 0 {
			t.Errorf("n=%d: %v allocations", n, a)
		}
	}
}

func BenchmarkRealFFT(b *testing.B) {
	for _, n := range []int{1021, 1024, 2048, 8191, 8192, 10007, 16384} {
		b.Run(fmt.Sprintf("L=%d", n), func(b *testing.B) {
			f, x := NewRealFFT(n), noise(n)
			c := f.Coefficients(nil, x)
			b.ReportAllocs()
			for b.Loop() {
				f.Coefficients(c, x)
			}
		})
	}
}
