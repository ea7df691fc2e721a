package features

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"brinell/internal/kernel"
)

func extractor(t testing.TB, bands int) *Extractor {
	t.Helper()
	e, err := New(Config{Bands: bands})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func value(t testing.TB, e *Extractor, v []float64, name string) float64 {
	t.Helper()
	i := slices.Index(e.Names(), name)
	if i < 0 {
		t.Fatalf("no feature %q", name)
	}
	return v[i]
}

// near reports whether got is want within tol, absolute below 1 and relative
// above.
func near(got, want, tol float64) bool {
	return math.Abs(got-want) <= tol*math.Max(1, math.Abs(want))
}

// goldenVector is small enough to check with a pencil.
var goldenVector = []float32{1, -2, 3, -4, 5, -6, 7, 8}

// TestGolden holds the time domain against values derived by hand: the sum of
// squares of goldenVector is 204, that of the absolute values 36.
func TestGolden(t *testing.T) {
	e := extractor(t, 16)
	v := e.Extract(nil, goldenVector, 8)
	for name, want := range map[string]float64{
		"mean": 1.5, "std": 4.8218253805, "rms": 5.0497524692, "mean_abs": 4.5, "peak": 8, "peak_to_peak": 14,
		"crest_factor": 1.5842360688, "shape_factor": 1.1221672154, "impulse_factor": 1.7777777778, "clearance_factor": 1.9256398152,
		"skewness": -0.1605602624, "kurtosis": 1.6382240721, "entropy": math.Log(8),
	} {
		if got := value(t, e, v, name); !near(got, want, 1e-9) {
			t.Errorf("%s = %.10f, want %.10f", name, got, want)
		}
	}
}

// TestAnalytic holds signals whose indicators are known in closed form.
func TestAnalytic(t *testing.T) {
	e := extractor(t, 8)
	const n, fs = 4096, 8192.0
	sine, square, noise := make([]float32, n), make([]float32, n), make([]float32, 1<<20)
	for i := range n {
		sine[i] = float32(3 * math.Sin(2*math.Pi*1000*float64(i)/fs))
		square[i] = float32(1 - 2*(i/16%2))
	}
	rng := rand.New(rand.NewPCG(1, 1))
	for i := range noise {
		noise[i] = float32(rng.NormFloat64())
	}
	f := func(x []float32, name string, want, tol float64) {
		t.Helper()
		v := e.Extract(nil, x, fs)
		if got := value(t, e, v, name); !near(got, want, tol) {
			t.Errorf("%s = %v, want %v", name, got, want)
		}
	}
	f(sine, "rms", 3/math.Sqrt2, 1e-6)
	f(sine, "crest_factor", math.Sqrt2, 1e-4)
	f(sine, "kurtosis", 1.5, 1e-6)
	f(sine, "shape_factor", math.Pi/(2*math.Sqrt2), 1e-3)
	f(sine, "impulse_factor", math.Pi/2, 1e-3)
	f(sine, "frequency_centre", 1000, 1e-6)
	f(sine, "rms_frequency", 1000, 1e-6)
	f(sine, "frequency_std", 0, 0.05)
	f(sine, "band_rms_02", 3/math.Sqrt2, 1e-6) // 512 to 1024 Hz
	f(sine, "band_rms_03", 0, 1e-5)
	f(square, "crest_factor", 1, 1e-9)
	f(square, "kurtosis", 1, 1e-9)
	f(square, "entropy", math.Ln2, 1e-9)
	f(noise, "kurtosis", 3, 0.01)
	f(noise, "skewness", 0, 0.01)
	// White noise is uniform over frequency: a uniform distribution on (0, fs/2)
	// has kurtosis 9/5.
	f(noise, "frequency_centre", fs/4, 0.005)
	f(noise, "spectral_kurtosis", 1.8, 0.01)
	f(noise, "spectral_skewness", 0, 0.02)
	f(noise, "band_rms_05", math.Sqrt(1.0/8), 0.01)
}

// flips are the rows that change sign with the signal; all others stay.
var flips = map[string]bool{"mean": true, "skewness": true}

// TestFeatures runs checkFeature over the catalogue.
func TestFeatures(t *testing.T) {
	e := extractor(t, 5)
	names := map[string]bool{}
	for i, row := range e.Rows() {
		t.Run(row.Name, func(t *testing.T) { checkFeature(t, e, i, row) })
		if names[row.Name] {
			t.Errorf("%s is there twice", row.Name)
		}
		names[row.Name] = true
	}
}

// checkFeature is what every row must pass: the scaling law of its unit, its
// behaviour when the sensor is mounted the other way round, finite values on
// awkward input, the same answer twice, an unchanged input.
func checkFeature(t *testing.T, e *Extractor, i int, row Feature) {
	if row.Source == "" || row.Doc == "" || row.Domain != Time && row.Domain != Spectral {
		t.Error("no source, definition or domain")
	}
	at := func(x []float32, fs float64) float64 { return e.Extract(nil, x, fs)[i] }
	times := func(x []float32, gain float32) []float32 {
		y := slices.Clone(x)
		for j := range y {
			y[j] *= gain
		}
		return y
	}
	// The size of a value is taken from the signal, so that a tolerance means the
	// same at every gain.
	same := func(got, want, size float64) bool { return math.Abs(got-want) <= 1e-9*max(math.Abs(want), size) }
	rng := rand.New(rand.NewPCG(2, 3))
	for _, n := range []int{1, 2, 3, 64, 100, 257, 2048, 16384, 16385, 40000} {
		x := make([]float32, n)
		for j := range x {
			x[j] = float32(rng.NormFloat64() + math.Sin(float64(j)/3) + 0.5)
		}
		before := slices.Clone(x)
		a := at(x, 12000)
		if a != at(x, 12000) {
			t.Errorf("n=%d: not deterministic", n)
		}
		if !slices.Equal(x, before) {
			t.Errorf("n=%d: input changed", n)
		}
		// Powers of two are exact in float32, up to about 1e30 and down to 1e-30.
		for _, gain := range []float64{4, 0x1p-3, 0x1p100, 0x1p-100} {
			f, known := row.Unit.Scale(gain, 1)
			if !known {
				t.Fatalf("unit %q has no scaling law", row.Unit)
			}
			if got := at(times(x, float32(gain)), 12000); !same(got, f*a, f) {
				t.Errorf("n=%d: gain %g turns %v into %v, want factor %g", n, gain, a, got, f)
			}
		}
		f, _ := row.Unit.Scale(1, 2)
		if got := at(x, 24000); !same(got, f*a, f) {
			t.Errorf("n=%d: twice the rate turns %v into %v, want factor %v", n, a, got, f)
		}
		sign := 1.0
		if flips[row.Name] {
			sign = -1
		}
		if got := at(times(x, -1), 12000); !same(got, sign*a, 1) {
			t.Errorf("n=%d: the sign of the signal turns %v into %v", n, a, got)
		}
	}
	for name, x := range awkward() {
		if v := at(x, 12000); v-v != 0 {
			t.Errorf("%s: %v", name, v)
		}
	}
	for _, bad := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		for _, n := range []int{1, 5, 20000} {
			x := make([]float32, n)
			x[n/2] = float32(bad)
			if v := at(x, 12000); !math.IsNaN(v) {
				t.Errorf("%v among %d samples gives %v, want NaN", bad, n, v)
			}
		}
	}
}

// TestDegenerate holds the values of a constant and of silence.
func TestDegenerate(t *testing.T) {
	e := extractor(t, 4)
	for _, n := range []int{1, 2, 7, 100, 20000} {
		for _, level := range []float32{0, 0.1, -3e30, 1e-40} {
			x := make([]float32, n)
			for i := range x {
				x[i] = level
			}
			v := e.Extract(nil, x, 1000)
			if !e.Degenerate() {
				t.Errorf("%d times %v is not degenerate", n, level)
			}
			l := float64(level)
			want := map[string]float64{"mean": l, "rms": math.Abs(l), "mean_abs": math.Abs(l), "peak": math.Abs(l)}
			if level != 0 {
				for _, name := range []string{"crest_factor", "shape_factor", "impulse_factor", "clearance_factor"} {
					want[name] = 1
				}
			}
			for i, name := range e.Names() {
				if math.Abs(v[i]-want[name]) > 1e-9*math.Abs(want[name]) {
					t.Errorf("%d times %v: %s = %v, want %v", n, level, name, v[i], want[name])
				}
			}
		}
	}
	e.Extract(nil, []float32{1, 1, 1.0000001}, 1000)
	if e.Degenerate() {
		t.Error("a signal is degenerate")
	}
}

// TestLongWindow: the last samples of a window longer than a transform count,
// and its bands hold the power of a line wherever the pieces fall.
func TestLongWindow(t *testing.T) {
	e := extractor(t, 8)
	for _, n := range []int{maxTransform + 1, 3*maxTransform - 1, 5 * maxTransform} {
		x := make([]float32, n)
		for i := range x {
			x[i] = float32(2 * math.Sin(2*math.Pi*1000*float64(i)/8192)) // on a bin
		}
		v := e.Extract(nil, x, 8192)
		for name, want := range map[string]float64{"frequency_centre": 1000, "band_rms_02": math.Sqrt2, "band_rms_05": 0} {
			if got := value(t, e, v, name); !near(got, want, 1e-3) {
				t.Errorf("n=%d: %s = %v, want %v", n, name, got, want)
			}
		}
		clear(x)
		x[n-1] = 1
		if got := value(t, e, e.Extract(nil, x, 8192), "band_rms_05"); !(got > 0) {
			t.Errorf("n=%d: the last sample has no spectrum", n)
		}
	}
}

func awkward() map[string][]float32 {
	out := map[string][]float32{"impulse": make([]float32, 512), "max": {math.MaxFloat32, -math.MaxFloat32, math.MaxFloat32}, "tiny": {1e-45, -1e-45, 0, 1e-45}}
	out["impulse"][100] = 1e30
	for n := range 9 {
		c, r := make([]float32, n+1), make([]float32, n+1)
		for i := range c {
			c[i], r[i] = 0.1, float32(i)*1e-30
		}
		out[fmt.Sprintf("constant %d", n+1)] = c
		out[fmt.Sprintf("ramp %d", n+1)] = r
		out[fmt.Sprintf("zero %d", n+1)] = make([]float32, n+1)
	}
	return out
}

// TestIdentities: the power in the bands is the variance, and the three
// frequency moments belong together.
func TestIdentities(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	for _, n := range []int{7, 64, 1000, 2048, 2047, 16384} {
		x := make([]float32, n)
		for i := range x {
			x[i] = float32(rng.ExpFloat64())
		}
		for _, bands := range []int{1, 3, 16, 100} {
			e := extractor(t, bands)
			v := e.Extract(nil, x, 5000)
			sum := 0.0
			for i, r := range e.Rows() {
				if r.Source == bandSource {
					sum += v[i] * v[i]
				}
			}
			std := value(t, e, v, "std")
			if !near(sum, std*std, 1e-9) {
				t.Errorf("n=%d, %d bands: power %v, variance %v", n, bands, sum, std*std)
			}
			c, r, s := value(t, e, v, "frequency_centre"), value(t, e, v, "rms_frequency"), value(t, e, v, "frequency_std")
			if !near(s*s, r*r-c*c, 1e-9) {
				t.Errorf("n=%d: std² %v, rms² - centre² %v", n, s*s, r*r-c*c)
			}
		}
	}
}

func TestConfig(t *testing.T) {
	for _, b := range []int{-1, 513} {
		if _, err := New(Config{Bands: b}); err == nil {
			t.Errorf("%d bands are taken", b)
		}
	}
	a, b := extractor(t, 0), extractor(t, 8)
	if a.Len() != len(catalogue)+16 || b.Len() != len(catalogue)+8 || len(a.Names()) != a.Len() {
		t.Errorf("lengths %d and %d", a.Len(), b.Len())
	}
	if a.Hash() == b.Hash() || a.Hash() != extractor(t, 16).Hash() {
		t.Error("the hash does not tell the lists apart")
	}
	// Stored vectors carry it. If this fails and values have changed, raise
	// hashVersion and write the new hash here.
	if want := "24d0f6155fe001a4ddecd05936a258cf0492a72aad905232868a1709a8dda8c8"; a.Hash() != want {
		t.Errorf("the hash of the default list is %s, was %s", a.Hash(), want)
	}
}

// TestOrderOfLengths: what was extracted before has no influence.
func TestOrderOfLengths(t *testing.T) {
	e := extractor(t, 3)
	rng := rand.New(rand.NewPCG(7, 7))
	for range 60 {
		x := make([]float32, []int{5, 16, 100, 101, 2048, 3000, 17000}[rng.IntN(7)])
		for i := range x {
			x[i] = float32(rng.NormFloat64())
		}
		if got, want := e.Extract(nil, x, 10), extractor(t, 3).Extract(nil, x, 10); !slices.Equal(got, want) {
			t.Fatalf("n=%d: %v after other windows, %v alone", len(x), got, want)
		}
		if b := e.shelf.Bytes(); b > ownShelf {
			t.Fatalf("%d bytes of plans are kept", b)
		}
	}
}

func TestExtractAllocatesNothing(t *testing.T) {
	e := extractor(t, 16)
	var windows [][]float32
	for _, n := range []int{2048, 2039, 100, 16384, 40000} { // four plans
		x := make([]float32, n)
		for i := range x {
			x[i] = float32(i % 17)
		}
		windows = append(windows, x)
	}
	dst := e.Extract(nil, windows[0], 12000)
	if a := testing.AllocsPerRun(5, func() {
		for _, x := range windows {
			e.Extract(dst, x, 12000)
		}
	}); a != 0 {
		t.Errorf("%v allocations", a)
	}
}

// TestBytes: an extractor takes no more than Bytes says, whatever the length.
func TestBytes(t *testing.T) {
	for _, n := range []int{1, 100, 2039, 2048, 4098, 12000, 16381, 16384, 100_000} {
		x := make([]float32, n)
		for i := range x {
			x[i] = float32(i % 17)
		}
		e := extractor(t, 16)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		e.Extract(nil, x, 12000)
		runtime.ReadMemStats(&after)
		if took := int64(after.TotalAlloc - before.TotalAlloc); took > Bytes(n) {
			t.Errorf("%d samples take %d bytes, said to be %d", n, took, Bytes(n))
		}
	}
}

func BenchmarkExtract(b *testing.B) {
	for _, n := range []int{2048, 16384, 16381, 1 << 20} {
		for _, impl := range kernel.Implementations() {
			b.Run(fmt.Sprintf("L=%d/%s", n, impl), func(b *testing.B) {
				defer kernel.Use(impl)()
				e := extractor(b, 16)
				rng := rand.New(rand.NewPCG(1, 1))
				x := make([]float32, n)
				for i := range x {
					x[i] = float32(rng.NormFloat64())
				}
				dst := e.Extract(nil, x, 12000)
				b.ReportAllocs()
				b.SetBytes(int64(4 * n))
				for b.Loop() {
					e.Extract(dst, x, 12000)
				}
			})
		}
	}
}
