package dsp

import (
	"fmt"
	"math"
	"testing"
)

// tone returns n samples of a sine of frequency f and phase 0.4 at rate fs.
func tone(n int, f, fs float64) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(math.Sin(2*math.Pi*f*float64(i)/fs + 0.4))
	}
	return x
}

// TestResamplerTones: tones in the pass band come through with their amplitude
// and phase, tones in the stop band do not, at every kind of ratio.
func TestResamplerTones(t *testing.T) {
	for _, c := range []struct{ from, to, band float64 }{
		{12000, 12000, 5000}, {48000, 12000, 5000}, {25600, 12000, 5000}, {20480, 12000, 5000},
		{48828, 12000, 5000}, {97656, 12000, 5000}, {97656.25, 12000, 5000}, {12800.7, 12000, 5000},
		{1e6, 12000, 5000}, {12000, 25600, 5000},
	} {
		r, err := NewResampler(c.from, c.to, c.band)
		if err != nil {
			t.Fatal(err)
		}
		n := int(c.from * 0.3)
		edge := int(float64(r.half)/c.from*c.to) + 2
		check := func(f, gain, tol float64) {
			t.Helper()
			got := r.Process(make([]float32, r.OutLen(n)), tone(n, f, c.from))
			want := tone(len(got), f, c.to)
			for i := edge; i < len(got)-edge; i++ {
				if d := math.Abs(float64(got[i]) - gain*float64(want[i])); d > tol {
					t.Errorf("%v: %v Hz, sample %d: %v, want %v", c, f, i, got[i], gain*float64(want[i]))
					return
				}
			}
		}
		check(37, 1, 2e-4)
		check(0.5*c.band, 1, 3e-4)
		check(0.89*c.band, 1, 5e-4)
		if c.from/2 > 1.15*c.band {
			check(1.11*c.band, 0, 3e-4)
			check(0.49*c.from, 0, 3e-4)
		}
	}
}

// TestResamplerKeepsLines: a constant stays, and so does a slope up to the
// edges, which is what odd reflection is for.
func TestResamplerKeepsLines(t *testing.T) {
	for _, from := range []float64{12000, 48000, 48828, 12800.7} {
		r, err := NewResampler(from, 12000, 5000)
		if err != nil {
			t.Fatal(err)
		}
		x := make([]float32, int(from/5))
		for i := range x {
			x[i] = 3 + float32(i)/float32(from)
		}
		for i, v := range r.Process(make([]float32, r.OutLen(len(x))), x) {
			if want := 3 + float64(i)/12000; math.Abs(float64(v)-want) > 2e-5 && float64(i)/12000 <= float64(len(x)-1)/from {
				t.Errorf("from %v Hz: sample %d is %v, want %v", from, i, v, want)
				break
			}
		}
	}
}

func TestResamplerShortInput(t *testing.T) {
	r, err := NewResampler(48000, 12000, 5000)
	if err != nil {
		t.Fatal(err)
	}
	for n := 1; n < 20; n++ {
		x := make([]float32, n)
		for i := range x {
			x[i] = 2
		}
		for _, v := range r.Process(make([]float32, r.OutLen(n)), x) {
			if math.Abs(float64(v)-2) > 1e-5 {
				t.Fatalf("n=%d: constant 2 became %v", n, v)
			}
		}
	}
}

func TestResamplerRefuses(t *testing.T) {
	f := func(from, to, band float64) {
		t.Helper()
		if _, err := NewResampler(from, to, band); err == nil {
			t.Errorf("from %v to %v, band %v: no error", from, to, band)
		}
	}
	f(0, 12000, 0)
	f(-1, 12000, 0)
	f(math.NaN(), 12000, 0)
	f(math.Inf(1), 12000, 0)
	f(48000, 12000, 6000)
	f(48000, 12000, -1)
	f(9000, 12000, 5000)
	f(1e12, 12000, 5000)
}

func TestResamplerAllocatesNothing(t *testing.T) {
	r, err := NewResampler(48828, 12000, 5000)
	if err != nil {
		t.Fatal(err)
	}
	x := tone(8334, 100, 48828)
	dst := make([]float32, 2048)
	if a := testing.AllocsPerRun(5, func() { r.Process(dst, x) }); a != 0 {
		t.Errorf("%v allocations", a)
	}
}

func BenchmarkResampler(b *testing.B) {
	for _, from := range []float64{12000, 25600, 48000, 97656} {
		b.Run(fmt.Sprintf("from=%v", from), func(b *testing.B) {
			r, err := NewResampler(from, 12000, 5000)
			if err != nil {
				b.Fatal(err)
			}
			x, dst := tone(int(2048*from/12000)+1, 100, from), make([]float32, 2048)
			b.ReportAllocs()
			for b.Loop() {
				r.Process(dst, x)
			}
		})
	}
}
