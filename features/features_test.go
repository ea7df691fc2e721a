package features

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
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

// TestGolden holds the time domain against hand-computed values. The ones in
// the second group were also computed by SciPy 1.10.1 and NumPy on the same
// vector: scipy.stats.skew(x), scipy.stats.kurtosis(x, fisher=False).
func TestGolden(t *testing.T) {
	e := extractor(t, 16)
	v := e.Extract(nil, []float32{1, -2, 3, -4, 5, -6, 7, 8}, 8)
	for name, want := range map[string]float64{
		"mean": 1.5, "std": 4.8218253805, "rms": 5.0497524692, "mean_abs": 4.5, "peak": 8, "peak_to_peak": 14,
		"crest_factor": 1.5842360688, "shape_factor": 1.1221672154, "impulse_factor": 1.7777777778, "clearance_factor": 1.9256398152,

		"skewness": -0.1605602624, "kurtosis": 1.6382240721,
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

// TestReference holds the frequency domain against NumPy 1.24.2, for
// x = numpy.arange(12)**2 % 7 - 2.0 at fs = 24:
//
//	P = abs(numpy.fft.rfft(x - x.mean()))**2; P[1:-1] *= 2; f = numpy.fft.rfftfreq(12, 1/24)
//	fc = (f*P).sum()/P.sum(); fs = sqrt(((f-fc)**2*P).sum()/P.sum())
//	skew, kurt = (((f-fc)/fs)**k * P).sum()/P.sum() for k in (3, 4)
func TestReference(t *testing.T) {
	x := make([]float32, 12)
	for i := range x {
		x[i] = float32(i*i%7) - 2
	}
	e := extractor(t, 4)
	v := e.Extract(nil, x, 24)
	for name, want := range map[string]float64{
		"frequency_centre": 6.107002275790, "frequency_std": 2.288986588839, "spectral_skewness": 0.620950391059, "spectral_kurtosis": 2.823108052401,
	} {
		if got := value(t, e, v, name); !near(got, want, 1e-9) {
			t.Errorf("%s = %.12f, want %.12f", name, got, want)
		}
	}
}

// TestFeatures runs checkFeature over the catalogue.
func TestFeatures(t *testing.T) {
	e := extractor(t, 5)
	for i, row := range e.Rows() {
		t.Run(row.Name, func(t *testing.T) { checkFeature(t, e, i, row) })
	}
}

// checkFeature is what every row must pass: the scaling law of its unit, finite
// values on awkward input, the same answer twice, an unchanged input.
func checkFeature(t *testing.T, e *Extractor, i int, row Feature) {
	if row.Source == "" || row.Doc == "" {
		t.Error("no source or definition")
	}
	at := func(x []float32, fs float64) float64 { return e.Extract(nil, x, fs)[i] }
	rng := rand.New(rand.NewPCG(2, 3))
	for _, n := range []int{64, 100, 257, 2048, 40000} {
		x, y := make([]float32, n), make([]float32, n)
		for j := range x {
			x[j] = float32(rng.NormFloat64() + math.Sin(float64(j)/3) + 0.5)
			y[j] = 4 * x[j] // a power of two: exact in float32
		}
		before := slices.Clone(x)
		a, b, c := at(x, 12000), at(y, 12000), at(x, 24000)
		if a != at(x, 12000) {
			t.Errorf("n=%d: not deterministic", n)
		}
		if !slices.Equal(x, before) {
			t.Errorf("n=%d: input changed", n)
		}
		gain, rate := 1.0, 1.0
		switch row.Unit {
		case Acceleration:
			gain = 4
		case Frequency:
			rate = 2
		case Dimensionless, Nats:
		default:
			t.Fatalf("unit %q has no scaling law", row.Unit)
		}
		if !near(b, gain*a, 1e-9) {
			t.Errorf("n=%d: gain 4 turns %v into %v, want factor %v", n, a, b, gain)
		}
		if !near(c, rate*a, 1e-9) {
			t.Errorf("n=%d: twice the rate turns %v into %v, want factor %v", n, a, c, rate)
		}
	}
	for name, x := range awkward() {
		if v := at(x, 12000); v-v != 0 {
			t.Errorf("%s: %v", name, v)
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
	if a.Len() != len(catalogue)+16 || b.Len() != len(catalogue)+8 {
		t.Errorf("lengths %d and %d", a.Len(), b.Len())
	}
	if a.Hash() == b.Hash() || a.Hash() != extractor(t, 16).Hash() {
		t.Error("the hash does not tell the lists apart")
	}
}

func TestExtractAllocatesNothing(t *testing.T) {
	e := extractor(t, 16)
	for _, n := range []int{2048, 2039, 20000} {
		x := make([]float32, n)
		for i := range x {
			x[i] = float32(i % 17)
		}
		dst := e.Extract(nil, x, 12000)
		if a := testing.AllocsPerRun(5, func() { e.Extract(dst, x, 12000) }); a != 0 {
			t.Errorf("n=%d: %v allocations", n, a)
		}
	}
}

func BenchmarkExtract(b *testing.B) {
	for _, n := range []int{2048, 16384} {
		b.Run(fmt.Sprintf("L=%d", n), func(b *testing.B) {
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
