package dsp

import (
	"fmt"
	"math"
	"math/cmplx"
	"math/rand/v2"
	"testing"

	godsp "github.com/mjibson/go-dsp/fft"
	"gonum.org/v1/gonum/dsp/fourier"

	"brinell/internal/kernel"
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
	for _, impl := range kernel.Implementations() {
		t.Run(impl, func(t *testing.T) {
			defer kernel.Use(impl)()
			testRealFFT(t)
		})
	}
}

func testRealFFT(t *testing.T) {
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
	smooths := []int{2310, 3000, 25600, 12000, 24576, 3 << 15}
	for n := 256; n <= 65536; n *= 2 {
		smooths = append(smooths, n)
	}
	for _, n := range smooths {
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
		f, g, x := &RealFFT{n: n, chirp: newBluestein(n, n/2+1)}, NewRealFFT(n), noise(n)
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

// TestParseval: n Σ x² is the sum of |X|² over the two-sided spectrum.
func TestParseval(t *testing.T) {
	for _, n := range []int{2, 64, 96, 1000, 1021, 2048, 2042, 65536} {
		x := noise(n)
		var time, freq float64
		for _, v := range x {
			time += v * v
		}
		for k, c := range NewRealFFT(n).Coefficients(nil, x) {
			g := 2.0
			if k == 0 || 2*k == n {
				g = 1
			}
			freq += g * (real(c)*real(c) + imag(c)*imag(c))
		}
		if math.Abs(freq/(float64(n)*time)-1) > 1e-13 {
			t.Errorf("n=%d: %v in time, %v in frequency", n, float64(n)*time, freq)
		}
	}
}

func TestRealFFT32(t *testing.T) {
	for n := 2; n <= 65536; n *= 2 {
		f, x := NewRealFFT32(n), noise(n)
		x32 := make([]float32, n)
		for i, v := range x {
			x32[i] = float32(v)
			x[i] = float64(x32[i])
		}
		c := f.Coefficients(nil, x32)
		got := make([]complex128, len(c))
		for i, v := range c {
			got[i] = complex128(v)
		}
		if d := apart(got, NewRealFFT(n).Coefficients(nil, x)); d > 1e-6 {
			t.Errorf("n=%d: %g from double precision", n, d)
		}
		for i, v := range f.Inverse(nil, c) {
			if math.Abs(float64(v)-x[i]) > 4e-6 {
				t.Errorf("n=%d: inverse gives %v at %d, want %v", n, v, i, x[i])
				break
			}
		}
		if a := testing.AllocsPerRun(5, func() { f.Coefficients(c, x32); f.Inverse(x32, c) }); a != 0 {
			t.Errorf("n=%d: %v allocations", n, a)
		}
	}
}

func TestRealFFTRefuses(t *testing.T) {
	f, g := NewRealFFT(8), NewRealFFT32(8)
	for name, call := range map[string]func(){
		"no length":    func() { NewRealFFT(0) },
		"not of two":   func() { NewRealFFT32(12) },
		"one":          func() { NewRealFFT32(1) },
		"long x":       func() { f.Coefficients(nil, make([]float64, 9)) },
		"short dst":    func() { f.Coefficients(make([]complex128, 4), make([]float64, 8)) },
		"short c":      func() { f.Inverse(nil, make([]complex128, 4)) },
		"long x, 32":   func() { g.Coefficients(nil, make([]float32, 9)) },
		"short c, 32":  func() { g.Inverse(nil, make([]complex64, 4)) },
		"long dst, 32": func() { g.Inverse(make([]float32, 9), make([]complex64, 5)) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			call()
		}()
	}
}

func TestFastLen(t *testing.T) {
	for n, want := range map[int]int{1: 1, 7: 8, 11: 12, 13: 16, 17: 24, 31: 32, 49: 64, 12286: 12288, 15010: 16384} {
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

// BenchmarkRealFFT compares within one run: our plan, gonum's and go-dsp, which
// has no plan.
func BenchmarkRealFFT(b *testing.B) {
	for _, n := range []int{1021, 1024, 2048, 4096, 8191, 8192, 10007, 16384, 32749, 32768, 65536} {
		x := noise(n)
		run := func(name string, f func()) {
			b.Run(fmt.Sprintf("%s/L=%d", name, n), func(b *testing.B) {
				b.ReportAllocs()
				b.SetBytes(int64(8 * n))
				for b.Loop() {
					f()
				}
			})
		}
		ours := NewRealFFT(n)
		c := ours.Coefficients(nil, x)
		x32 := make([]float32, n)
		for i, v := range x {
			x32[i] = float32(v)
		}
		for _, impl := range kernel.Implementations() {
			restore := kernel.Use(impl)
			run("float64/"+impl, func() { ours.Coefficients(c, x) })
			if ours.packed != nil {
				single := NewRealFFT32(n)
				c := single.Coefficients(nil, x32)
				run("float32/"+impl, func() { single.Coefficients(c, x32) })
			}
			restore()
		}
		gonum := fourier.NewFFT(n)
		run("gonum", func() { gonum.Coefficients(c, x) })
		run("go-dsp", func() { godsp.FFTReal(x) })
	}
}
