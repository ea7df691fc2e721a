package diagnose

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"brinell/bearing"
	"brinell/features"
	"brinell/features/dsp"
	"brinell/features/lines"
	"brinell/models"
	"brinell/models/pretrained"
)

// The limits of the quality gate, written out once more: each is found as the place where a
// signal that is changed little by little gets its flag.

const gateRate, gateSamples = 12000.0, 12000

// flagOf assesses x, and returns the value of a flag and whether it is there at that level.
func flagOf(x []float32, p Profile, code string, level bearing.QualityLevel) (float64, bool) {
	q := newAssessor(nil).assess(&bearing.Window{SampleRate: gateRate, Unit: bearing.G, Samples: x}, p)
	i := slices.IndexFunc(q.Flags, func(f bearing.Flag) bool { return f.Code == code })
	if i < 0 || q.Level != level {
		return 0, false
	}
	return q.Flags[i].Value, true
}

// steady is a signal that has no flag, the same each time.
func steady() []float32 { return machine(rand.New(rand.NewPCG(11, 12)), gateSamples, gateRate) }

// changed returns steady with each sample changed.
func changed(f func(i int, v float64) float64) []float32 {
	x := steady()
	for i, v := range x {
		x[i] = float32(f(i, float64(v)))
	}
	return x
}

func sine(hz float64, i int) float64 { return math.Sin(2 * math.Pi * hz * float64(i) / gateRate) }

// TestQualityLimits turns a knob from a signal without the flag to one with it; where the flag
// comes, its value is the limit.
func TestQualityLimits(t *testing.T) {
	for _, c := range []struct {
		code      string
		level     bearing.QualityLevel
		want      float64
		good, bad float64 // of the knob
		signal    func(knob float64) []float32
		profile   Profile
	}{
		{"dc_offset", bearing.Degraded, 5, 0, 20, func(k float64) []float32 {
			return changed(func(_ int, v float64) float64 { return v + k })
		}, Profile{}},
		{"settling", bearing.Degraded, 2, 0, 50, func(k float64) []float32 {
			return changed(func(i int, v float64) float64 { return v + k*math.Exp(-float64(i)/4000) })
		}, Profile{}},
		{"transient", bearing.Degraded, 0.8, 1, 1000, func(k float64) []float32 {
			return changed(func(i int, v float64) float64 {
				if i >= 5000 && i < 5100 {
					return k * v
				}
				return v
			})
		}, Profile{}},
		{"unsteady", bearing.Degraded, 0.45, 1, 100, func(k float64) []float32 {
			return changed(func(i int, v float64) float64 {
				if i < gateSamples/2 {
					return k * v
				}
				return v
			})
		}, Profile{}},
		{"tonal", bearing.Degraded, 0.9, 0, 100, func(k float64) []float32 {
			return changed(func(i int, v float64) float64 { return v + k*sine(1234, i) })
		}, Profile{}},
		{"mains_hum", bearing.Degraded, 0.9, 0, 100, func(k float64) []float32 {
			return changed(func(i int, v float64) float64 { return v + k*(sine(60, i)+sine(180, i)+0.7*sine(720, i)) })
		}, Profile{}},
		{"below_noise", bearing.Unusable, 0.25, 1, 0.01, func(k float64) []float32 {
			return changed(func(_ int, v float64) float64 { return k * v })
		}, Profile{NoiseFloor: 0.25}},
		{"out_of_range", bearing.Unusable, 6, 1, 100, func(k float64) []float32 {
			return changed(func(_ int, v float64) float64 { return k * v })
		}, Profile{FullScale: 3}},
	} {
		good, bad, value := c.good, c.bad, 0.0
		for range 40 {
			k := (good + bad) / 2
			if v, is := flagOf(c.signal(k), c.profile, c.code, c.level); is {
				bad, value = k, v
			} else {
				good = k
			}
		}
		if math.Abs(value/c.want-1) > 1e-3 {
			t.Errorf("%s is flagged from %g on, want from %g on", c.code, value, c.want)
		}
	}
}

// TestQualityCounts: of what is counted in samples, so many are flagged, and one fewer is not.
func TestQualityCounts(t *testing.T) {
	rails := func(n int) []float32 { // so many samples at the rail, none beside another
		x := steady()
		for i := range n - 1 { // and the lowest one
			x[15*i+1] = 9
		}
		return x
	}
	atRail := func(n int) []float32 {
		x := steady()
		for i := range n {
			x[3000+i] = 9
		}
		return x
	}
	stands := func(stretches, n int) []float32 { // so many stretches of n equal samples
		x := steady()
		for k := range stretches {
			for i := range n {
				x[1000*k+500+i] = x[1000*k+500]
			}
		}
		return x
	}
	held := func(n int) []float32 {
		x := steady()
		for i := range n {
			x[min(2*i+1, len(x)-1)] = x[min(2*i, len(x)-2)]
		}
		if n > len(x)/2 {
			x[2], x[3] = x[1], x[1]
		}
		return x
	}
	levels := func(n int) []float32 {
		rng := rand.New(rand.NewPCG(13, 14))
		x := make([]float32, gateSamples)
		level := 0
		for i := range x { // never one twice in a row
			level = (level + 1 + rng.IntN(n-1)) % n
			x[i] = float32(level) / 10
		}
		return x
	}
	again := func(n int) []float32 {
		x := steady()
		copy(x[5000:], x[3000:3000+n])
		return x
	}
	for _, c := range []struct {
		code   string
		level  bearing.QualityLevel
		n      int // that are flagged, and
		fewer  int // that are not
		signal func(n int) []float32
	}{
		{"clipped", bearing.Degraded, 60, 59, rails},
		{"clipped", bearing.Unusable, 601, 600, rails},
		{"clipped", bearing.Degraded, 4, 3, atRail},
		{"dropout", bearing.Degraded, 121, 120, func(n int) []float32 { return stands(1, n) }},
		{"dropout", bearing.Degraded, 16, 15, func(n int) []float32 { return stands(10, n) }},
		{"dropout", bearing.Unusable, 2401, 2400, func(n int) []float32 { return stands(1, n) }},
		{"flatline", bearing.Unusable, 6001, 6000, held},
		{"flatline", bearing.Unusable, 2, 3, levels},
		{"coarse_adc", bearing.Degraded, 63, 64, levels},
		{"repeated_block", bearing.Unusable, 32, 31, again},
	} {
		if _, is := flagOf(c.signal(c.n), Profile{}, c.code, c.level); !is {
			t.Errorf("%s: %d are not %s", c.code, c.n, c.level)
		}
		if _, is := flagOf(c.signal(c.fewer), Profile{}, c.code, c.level); is {
			t.Errorf("%s: %d are %s already", c.code, c.fewer, c.level)
		}
	}
	// What is unusable is so whatever flag comes before it, or behind.
	for name, w := range map[string]*bearing.Window{
		"flatline after rate_low":    {SampleRate: 6000, Unit: bearing.G, Samples: make([]float32, 6000)},
		"below_noise, then unsteady": {SampleRate: gateRate, Unit: bearing.G, Samples: append(make([]float32, 0, gateSamples), steady()...)},
	} {
		if name != "flatline after rate_low" {
			for i := range w.Samples[:gateSamples/2] {
				w.Samples[i] *= 20
			}
		}
		if q := newAssessor(nil).assess(w, Profile{NoiseFloor: 1000}); q.Level != bearing.Unusable || len(q.Flags) < 2 {
			t.Errorf("%s: %+v", name, q)
		}
	}
	for rate, want := range map[float64]bool{11999: true, 12000: false} {
		q := newAssessor(nil).assess(&bearing.Window{SampleRate: rate, Unit: bearing.G, Samples: steady()}, Profile{})
		if q.Has("rate_low") != want {
			t.Errorf("rate_low at %g Hz: %v", rate, !want)
		}
	}
}

// TestQualityEdge: an empty band is that of a resampler from four fifths of half the rate down,
// where what is above lies 40 dB beneath the median of what is below, after 30 dB within five of
// 64 bands.
func TestQualityEdge(t *testing.T) {
	a := newAssessor(nil)
	for band, want := range map[int]bool{51: true, 52: false} {
		p := a.spectrumOf(gateLength(gateRate, gateSamples))
		n := len(p.x)
		c := p.fft.Coefficients(nil, widen(steady()[:n]))
		clear(c[band*len(c)/64-4:])
		y := p.fft.Inverse(nil, c)
		x := make([]float32, n)
		for i := range x {
			x[i] = float32(y[i])
		}
		if _, is := flagOf(x, Profile{}, "rate_suspect", bearing.Degraded); is != want {
			t.Errorf("nothing above band %d of 64: flagged %v, want %v", band, is, want)
		}
	}
	for _, c := range []struct {
		name                string
		above, slope, share float64
		bands               int // of the slope
	}{
		{"empty", 0.99e-4, 1, 40.0 / 64, 0},
		{"not quite empty", 1.01e-4, 1, 1, 0},
		{"a fall within five", 0.99e-4, 0.09, 40.0 / 64, 4},
		{"a fall that takes six", 0.99e-4, 0.09, 1, 5},
		{"a fall of less than 30 dB", 0.99e-4, 0.1, 40.0 / 64, 4},
	} {
		power := make([]float64, 640)
		for i := range power {
			switch band := i / 10; {
			case band >= 40:
				power[i] = c.above
			case band >= 40-c.bands:
				power[i] = c.slope
			default:
				power[i] = 1
			}
		}
		if got := edge(power); got != c.share {
			t.Errorf("%s: %v, want %v", c.name, got, c.share)
		}
	}
}

// TestVelocityBand: of a spectrum of acceleration the velocity is that from 10 to 1000 Hz.
func TestVelocityBand(t *testing.T) {
	for hz, want := range map[int]bool{9: false, 10: true, 1000: true, 1001: false} {
		power := make([]float64, 2000)
		power[hz] = 1
		v := velocity(power, 1, 1)
		if want && math.Abs(v/(1000*9.80665/(2*math.Pi*float64(hz)))-1) > 1e-12 || !want && v != 0 {
			t.Errorf("1 g at %d Hz: %v mm/s", hz, v)
		}
	}
	for n, want := range map[int]bool{11999: false, 12000: true} {
		a := newAssessor(nil)
		a.assess(&bearing.Window{SampleRate: gateRate, Unit: bearing.G, Samples: steady()[:n]}, Profile{})
		if (a.velocity > 0) != want {
			t.Errorf("%d samples at 12 kHz: %v mm/s", n, a.velocity)
		}
	}
}

// TestLineLimits: which lines are shown, at most a dozen, and which combs are those of half an order.
func TestLineLimits(t *testing.T) {
	comb := func(z, first, second float64) lines.Comb {
		c := lines.Comb{Order: 5, Z: z}
		c.Harmonics[0], c.Harmonics[1] = first, second
		return c
	}
	e := &lines.Evidence{Machine: lines.Machine{ShaftSpeed: 30}}
	e.Combs = [3]lines.Comb{comb(3, 0.9, 0.8999), comb(2.9999, 2, 2), comb(4, 1, 2)}
	var got []string
	for _, l := range linesFound(e) {
		got = append(got, fmt.Sprintf("%s %d %.2f dB %g Hz", l.Fault, l.Harmonic, l.DB, l.Hz))
	}
	want := []string{"ball 2 17.37 dB 300 Hz", "ball 1 8.69 dB 150 Hz", "inner_race 1 7.82 dB 150 Hz"}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	for i := range e.Combs {
		e.Combs[i].Z, e.Combs[i].Harmonics = 5, [5]float64{1, 1, 1, 1, 1}
	}
	if n := len(linesFound(e)); n != 12 {
		t.Errorf("%d lines are shown, want 12", n)
	}
	for _, c := range []struct {
		own, half, other float64
		want             float64
	}{
		{1, 0.9001, 2, 1}, {1, 0.8999, 2, 0}, {1, 2, 0.8999, 0}, {2, 1.0001, 1.1, 1}, {2, 0.9999, 1.1, 0},
	} {
		e.Combs = [3]lines.Comb{comb(1, 9, 9), comb(4, c.own, c.own), comb(2, 9, 9)}
		e.Combs[1].Sub = [2]float64{c.half, c.other}
		if got := halved(e); got != c.want {
			t.Errorf("lines of %g, half orders of %g and %g: %g, want %g", c.own, c.half, c.other, got, c.want)
		}
	}
}

// TestBelievedSpeed: a speed that is not stated is believed where the shaft's lines score 2.5 and
// the comb of a race scores 8; that of a rolling element is none.
func TestBelievedSpeed(t *testing.T) {
	for _, c := range []struct {
		shaft, inner, outer, ball float64
		want                      bool
	}{
		{2.5, 8, 0, 0, true}, {2.5, 0, 8, 0, true}, {2.5, 0, 0, 9, false}, {2.4999, 8, 8, 8, false}, {2.5, 7.9999, 7, 9, false},
	} {
		e := &lines.Evidence{Shaft: c.shaft, Combs: [3]lines.Comb{{Z: c.inner}, {Z: c.outer}, {Z: c.ball}}}
		if z, got := believed(e); got != c.want || z != max(c.inner, c.outer) {
			t.Errorf("%+v: %v, %v", c, z, got)
		}
	}
}

// TestObserveLimits: what is refused, how many speeds are tried, and how far away a domain may be.
func TestObserveLimits(t *testing.T) {
	m, err := pretrained.Default()
	if err != nil {
		t.Fatal(err)
	}
	far := *m
	n := m.Preprocessing.InputLength()
	far.Domain = &models.Domain{Mean: make([]float64, n), Deviation: slices.Repeat([]float64{1e-12}, n), Limit: 1}
	k, err := newWorker(far.Classifier(), features.Config{Shelf: dsp.NewShelf(0)})
	if err != nil {
		t.Fatal(err)
	}
	r := registered{fitted: bearing.KnownBearing{Stated: bearing.KnownBearings[0].Orders()}, bearing: "6205-2RS"}
	for _, c := range []struct {
		rate    float64
		samples int
		unit    bearing.Unit
		code    string
	}{
		{4999, 4000, bearing.G, "rate_too_low"}, {5000, 4000, bearing.G, ""}, {5000, 1023, bearing.G, "window_too_short"}, {5000, 1024, bearing.G, ""},
		{2559, 4000, "mm/s", "rate_too_low"}, {2560, 4000, "mm/s", ""},
	} {
		w := &bearing.Window{Sensor: "s", SampleRate: c.rate, ShaftSpeed: 30, Unit: c.unit, Samples: steady()[:c.samples]}
		if _, err := k.observe(w, &far, r); bearing.CodeOf(err) != c.code {
			t.Errorf("%d samples at %g Hz: %v, want %q", c.samples, c.rate, err, c.code)
		}
	}
	w := &bearing.Window{Sensor: "s", SampleRate: gateRate, ShaftSpeed: 30, Unit: bearing.G, Samples: steady()}
	o, err := k.observe(w, &far, r)
	if err != nil || o.distance != 1e6 || !o.outside() {
		t.Errorf("the distance is %v (%v), want a million", o.distance, err)
	}
	if n := len(k.suggested(w)); n != 4 {
		t.Errorf("%d speeds are tried, want four", n)
	}
	// A piece of a window of velocity is the longest power of two that four seconds hold.
	for rate, want := range map[float64]int{4096: 16384, 4095: 8192} {
		if got := velocityLength(rate, 1<<20); got != want {
			t.Errorf("at %g Hz a piece has %d samples, want %d", rate, got, want)
		}
	}
}
