package dsp

import (
	"fmt"
	"math"
	"math/rand/v2"
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
		// 1.78e-4 is -75 dB, of which the pass band may ripple by as much.
		const tol = 1.78e-4
		for _, share := range []float64{0.01, 0.3, 0.5, 0.8, 0.9} {
			check(share*c.band, 1, tol)
		}
		for _, f := range []float64{1.1 * c.band, 1.3 * c.band, 0.35 * c.from, 0.49 * c.from} {
			if f >= 1.1*c.band && f < c.from/2 {
				check(f, 0, tol)
			}
		}
		// -6 dB at the band limit itself, by symmetry of the design.
		if c.band < 0.45*c.from {
			check(c.band, 0.5, 5e-3)
		}
	}
}

// TestResamplerKeepsLines: a constant stays, and so does a slope up to the
// edges, which is what odd reflection is for.
func TestResamplerKeepsLines(t *testing.T) {
	const slope = 1000 // per second: a sample repeated at the edge is off by 0.02
	for _, from := range []float64{12000, 48000, 48828, 12800.7} {
		r, err := NewResampler(from, 12000, 5000)
		if err != nil {
			t.Fatal(err)
		}
		x := make([]float32, int(from/5))
		for i := range x {
			x[i] = 3 + slope*float32(i)/float32(from)
		}
		for i, v := range r.Process(make([]float32, r.OutLen(len(x))), x) {
			if want := 3 + slope*float64(i)/12000; math.Abs(float64(v)-want) > 1e-3 && float64(i)/12000 <= float64(len(x)-1)/from {
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
	f(12000, math.NaN(), 0)
	f(12000, math.Inf(1), 0)
	f(48000, 12000, math.NaN())
	f(48000, 12000, math.Inf(1))
	f(48000, 12000, 1e-12)
	f(48000, 12000, 1e-300) // a length outside int
	f(1e-4, 1e-4, 0)        // no thousandths of a hertz
	f(5e-324, 5e-324, 0)
	f(12000, 1e18, 0)
	f(1e300, 1e300, 0)
	f(1e7, 12000, 3000)
}

// TestResamplerReference holds interior samples against SciPy's polyphase filter
// with the same taper and taps computed by NumPy. SciPy scales all taps by one
// sum, this package each phase by its own; that difference and float32 make the
// tolerance.
func TestResamplerReference(t *testing.T) {
	var golden struct {
		Cases []struct {
			From, To, Band    float64
			P, Q, Half, First int
			Want              []float64
			Call              string
		}
	}
	readGolden(t, "resample.json", &golden)
	if len(golden.Cases) == 0 {
		t.Fatal("no reference values")
	}
	x := make([]float32, 2000)
	for i := range x {
		x[i] = float32(float64(i*i%1009-504) / 504)
	}
	for _, c := range golden.Cases {
		r, err := NewResampler(c.From, c.To, c.Band)
		if err != nil {
			t.Fatal(err)
		}
		if r.p != c.P || r.q != c.Q || r.half != c.Half {
			t.Errorf("%v to %v: ratio %d/%d with %d taps on a side, the reference has %d/%d and %d", c.From, c.To, r.p, r.q, r.half, c.P, c.Q, c.Half)
		}
		y := r.Process(make([]float32, r.OutLen(len(x))), x)
		for i, want := range c.Want {
			if got := float64(y[c.First+i]); math.Abs(got-want) > 5e-5 {
				t.Errorf("%v to %v: sample %d is %v, want %v: %s", c.From, c.To, c.First+i, got, want, c.Call)
			}
		}
	}
}

// TestResamplerExactTime: after hours of an awkward rate the outputs still sit at
// their own time, so the ratio must be exact and not accumulate.
func TestResamplerExactTime(t *testing.T) {
	r, err := NewResampler(97656.25, 12000, 5000)
	if err != nil {
		t.Fatal(err)
	}
	if r.p != 384 || r.q != 3125 {
		t.Errorf("97656.25 to 12000 is %d/%d, want 384/3125", r.p, r.q)
	}
	for _, c := range []struct {
		from, to float64
		n, want  int
	}{{48000, 12000, 8192, 2048}, {48000, 12000, 8193, 2049}, {12000, 12000, 5, 5}, {97656.25, 12000, 97656250, 12000000}, {12000, 25600, 12000, 25600}, {1e8, 1, 1e8, 1}} {
		band := 0.4 * min(c.from, c.to)
		if c.to == 1 {
			r = &Resampler{}
			r.p, r.q = ratio(c.from, c.to)
		} else if r, err = NewResampler(c.from, c.to, band); err != nil {
			t.Fatal(err)
		}
		if got := r.OutLen(c.n); got != c.want {
			t.Errorf("%v to %v Hz: %d samples give %d, want %d", c.from, c.to, c.n, got, c.want)
		}
	}
}

// TestResamplerOtherLengths: the caller chooses the length of the result, and
// what both lengths have is the same.
func TestResamplerOtherLengths(t *testing.T) {
	r, err := NewResampler(25600, 12000, 5000)
	if err != nil {
		t.Fatal(err)
	}
	x := tone(500, 700, 25600)
	want := r.Process(make([]float32, r.OutLen(500)), x)
	for _, n := range []int{0, 1, 100, len(want) + 50} {
		for i, v := range r.Process(make([]float32, n), x) {
			if v-v != 0 || i < len(want) && v != want[i] {
				t.Fatalf("length %d: sample %d is %v", n, i, v)
			}
		}
	}
}

// TestResamplerByVectors compares the polyphase filter with one tap after the
// other, over ratios, lengths and the ends.
func TestResamplerByVectors(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for _, rates := range [][2]float64{{12000, 12000}, {48000, 12000}, {12800, 12000}, {48800, 12000}, {12000, 16000}, {25600, 12000}} {
		r, err := NewResampler(rates[0], rates[1], 5000)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range []int{1, 7, 61, 500, 8192} {
			x := make([]float32, n)
			for i := range x {
				x[i] = rng.Float32() - 0.5
			}
			for _, out := range []int{1, 3, 64, 250, r.OutLen(n)} {
				got, want := r.filter(make([]float32, out), x), make([]float32, out)
				for i := range want {
					at := i * r.q
					want[i] = r.dot(r.taps[at%r.p], x, at/r.p)
					if math.Abs(float64(got[i]-want[i])) > 2e-6 {
						t.Fatalf("%v, %d to %d samples: output %d is %v, want %v", rates, n, out, i, got[i], want[i])
					}
				}
			}
		}
	}
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
