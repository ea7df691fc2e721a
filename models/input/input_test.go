package input

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"brinell/bearing"
	"brinell/features/lines"
	"brinell/models/nn"
)

func spectrumOf(t *testing.T, x []float32) []float32 {
	t.Helper()
	p := Default
	p.Transform = Spectrum
	in, err := p.NewReader(p.SampleRate)
	if err != nil {
		t.Fatal(err)
	}
	dst, w := make([]float32, p.InputLength()), Window{Samples: x, Rate: p.SampleRate}
	if err := in.Fill(dst, w); err != nil {
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(3, func() { in.Fill(dst, w) }); n != 0 {
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
		r, err := p.NewReader(p.SampleRate)
		if err != nil {
			t.Fatal(err)
		}
		in := r.fill.(*spectrum)
		for i := range in.window {
			in.window[i] = float32(rng.NormFloat64())
		}
		x := slices.Clone(in.window)
		want, got := make([]float32, p.InputLength()), make([]float32, p.InputLength())
		in.transform(want)
		for _, shift := range []int{1, n/2 - 1, n - 1} {
			for i := range x {
				in.window[i] = x[(i+shift)%n]
			}
			in.transform(got)
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
		p := Default
		change(&p)
		if err := p.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got error %v, want one about %q", err, want)
		}
		if _, err := p.NewReader(p.SampleRate); err == nil {
			t.Errorf("an input is made despite its %s", want)
		}
	}
	f("transform", func(p *Preprocessing) { p.Transform = "wavelet" })
	f("power of two", func(p *Preprocessing) { p.Transform, p.Length = Spectrum, 2000 })
	f("band limit", func(p *Preprocessing) { p.BandLimit = 6000 })
	f("normalisation", func(p *Preprocessing) { p.Normalise = "minmax" })
}

// TestIgnoresGainAndOffset: what the sensor's scale and bias do must not reach a model.
func TestIgnoresGainAndOffset(t *testing.T) {
	in, err := Default.NewReader(12000)
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(3, 4))
	x, y := make([]float32, 2048), make([]float32, 2048)
	for i := range x {
		x[i] = float32(rng.NormFloat64())
		y[i] = 2 + 100*x[i]
	}
	fill := func(x []float32) []float32 {
		dst := make([]float32, 2048)
		if err := in.Fill(dst, Window{Samples: x, Rate: 12000}); err != nil {
			t.Fatal(err)
		}
		return dst
	}
	a, b := fill(x), fill(y)
	for i := range a {
		if math.Abs(float64(a[i]-b[i])) > 1e-4 {
			t.Fatalf("sample %d: %v and %v", i, a[i], b[i])
		}
	}
	for i := range x {
		x[i] = 3.7
	}
	for i, v := range fill(x) {
		if v != 0 {
			t.Fatalf("constant input: sample %d is %v", i, v)
		}
	}
}

func TestSegments(t *testing.T) {
	f := func(total, n int, want ...int) {
		t.Helper()
		if got := Segments(total, n); !slices.Equal(got, want) {
			t.Errorf("%d in %d: %v, want %v", n, total, got, want)
		}
	}
	f(9, 10)
	f(10, 10, 0)
	f(20, 10, 0, 10)
	f(25, 10, 0, 7, 15)
}

// TestLines: evidence that is at hand and evidence that is computed are the same, and a
// window without it says what it lacks.
func TestLines(t *testing.T) {
	in, err := OfLines.NewReader(25600)
	if err != nil {
		t.Fatal(err)
	}
	b, _ := bearing.LookupBearing("6205")
	rng := rand.New(rand.NewPCG(7, 8))
	x := make([]float32, 25600)
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
	w := Window{Samples: x, Rate: 25600, Machine: lines.Machine{ShaftSpeed: 29.95, Orders: b.Orders()}}
	got, want := make([]float32, OfLines.InputLength()), make([]float32, OfLines.InputLength())
	if err := in.Fill(got, w); err != nil {
		t.Fatal(err)
	}
	w.Evidence = lines.NewAnalyzer(nil).Analyze(x, w.Rate, w.Machine)
	if err := in.Fill(want, w); err != nil || !slices.Equal(got, want) {
		t.Errorf("%v; %v, computed beforehand %v", err, got, want)
	}
	w.Evidence = nil
	for code, change := range map[string]func(*Window){
		"machine_unknown":  func(w *Window) { w.Machine.ShaftSpeed = 0 },
		"window_too_short": func(w *Window) { w.Samples = w.Samples[:lines.Need(w.Rate, w.Machine.ShaftSpeed)-1] },
	} {
		w := w
		change(&w)
		if err := in.Fill(got, w); bearing.CodeOf(err) != code {
			t.Errorf("got %v, want %s", err, code)
		}
	}
}

// TestVersions: a version follows from constants and steps. A file that states another
// one, or the number of old files, is held against it.
func TestVersions(t *testing.T) {
	seen := make(map[string]bool)
	for i := range Representations {
		r := &Representations[i]
		if seen[r.Version()] || r.Doc == "" {
			t.Errorf("%s: version %s stands twice, or it says nothing of itself", r.Name, r.Version())
		}
		seen[r.Version()] = true
		next := *r
		next.steps++
		if next.Version() == r.Version() {
			t.Errorf("%s: the version does not follow from its steps", r.Name)
		}
	}
	for i := range lines.Constants() {
		r := *OfLines.Representation()
		r.constants = slices.Clone(r.constants)
		r.constants[i] = "another"
		if r.Version() == OfLines.Representation().Version() {
			t.Errorf("the version does not follow from constant %d", i)
		}
	}
	p := OfLines.Stamped()
	if err := p.Validate(); err != nil {
		t.Error(err)
	}
	p.Version = "0123456789ab"
	if err := p.Validate(); err == nil || !strings.Contains(err.Error(), "train the model anew") {
		t.Errorf("another version: %v", err)
	}
	p = OfLines
	p.Legacy = 1
	if err := p.Validate(); err != nil {
		t.Errorf("the evidence of files of format 1 is no longer what it was: %v", err)
	}
	p.Legacy = 2
	if err := p.Validate(); err == nil {
		t.Error("a number that no file had is taken")
	}
}

// TestSilence: samples so small that their deviation has no inverse are a constant.
func TestSilence(t *testing.T) {
	x := []float32{1e-40, -1e-40, 1e-40, -1e-40}
	zscore(x)
	for i, v := range x {
		if v != 0 {
			t.Errorf("sample %d is %v", i, v)
		}
	}
}
