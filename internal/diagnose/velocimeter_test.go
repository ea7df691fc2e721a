package diagnose

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"brinell/bearing"
	"brinell/dataset"
	"brinell/dataset/excerpts"
)

// velocityWindow is one of a velocity sensor: tones of that RMS (mm/s) at f and 2.5 f, half the
// power each, an offset, a drift and tones outside of the band, in a little noise.
func velocityWindow(t *testing.T, rng *rand.Rand, at int, rate, seconds, f, rms float64) *bearing.Window {
	t.Helper()
	x := make([]float32, int(seconds*rate))
	phase := rng.Float64() * 2 * math.Pi
	for i := range x {
		s := float64(i) / rate
		x[i] = float32(rms*math.Sin(2*math.Pi*f*s+phase) + rms*math.Sin(2*math.Pi*2.5*f*s+2*phase) + 0.4 + 0.1*s +
			0.8*math.Sin(2*math.Pi*3*s) + 0.5*math.Sin(2*math.Pi*1100*s) + 0.001*rms*rng.NormFloat64())
	}
	w, err := bearing.NewWindow(bearing.Window{Sensor: "fan", Start: time.Unix(int64(at), 0), SampleRate: rate, ShaftSpeed: f, Bearing: "6205-2RS",
		Unit: bearing.MillimetresSec, Samples: x}, bearing.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// TestVelocitySensor: what a velocity sensor measures is graded, to one per cent, at any rate and
// length of window, and nothing is said of the bearing.
func TestVelocitySensor(t *testing.T) {
	core := defaultCore(t)
	rng := rand.New(rand.NewPCG(3, 3))
	for _, rate := range []float64{2560, 4096, 5000, 25600, 51200} {
		for _, c := range []struct {
			seconds, f, rms float64
			zone            string
		}{
			{1, 25, 1.38, "A"}, {1, 49.5, 1.42, "B"}, {2.3, 25, 2.77, "B"}, {10, 29.3, 2.83, "C"}, {1.7, 300, 4.45, "C"}, {4, 16, 4.55, "D"}, {17, 11.3, 1.3, "A"},
		} {
			d, err := core.Diagnose(velocityWindow(t, rng, 1, rate, c.seconds, c.f, c.rms))
			if err != nil {
				t.Fatal(err)
			}
			v := d.Verdict
			if v.Velocity == nil || math.Abs(v.Velocity.RMS/c.rms-1) > 0.01 || v.Velocity.Zone != c.zone {
				t.Errorf("%g Hz, %+v: %+v", rate, c, v.Velocity)
				continue
			}
			if d.Unit != bearing.MillimetresSec || d.Fault != bearing.Inconclusive || d.Quality.Level != bearing.Good ||
				d.Witnesses.Network.Available || d.Witnesses.Envelope.Available || d.Witnesses.Network.Reason != noVelocityLines || d.Witnesses.Envelope.Reason != noVelocityLines {
				t.Errorf("%g Hz, %+v: %s %s %+v %+v", rate, c, d.Unit, d.Fault, d.Quality, d.Witnesses)
			}
			r, ok := reason(&v, "velocity_zone")
			if !ok || r.Met != (c.zone > "B") || r.Limit != 2.8 {
				t.Errorf("%+v", v.Why)
			}
			if _, ok := reason(&v, "velocity_only"); !ok {
				t.Errorf("%+v", v.Why)
			}
			for _, want := range []string{"mm/s RMS, zone " + c.zone, zoneMeans[c.zone], "measure acceleration"} {
				if !strings.Contains(v.Summary, want) {
					t.Errorf("%q has no %q", v.Summary, want)
				}
			}
			if rms, _ := d.Features.Get("rms"); rms < c.rms {
				t.Errorf("the feature is %g, with what is outside of the band %g and more", rms, c.rms)
			}
		}
	}
}

// TestVelocityOfBursts: a level that changes through a window counts as a whole, wherever in the
// window it is loud.
func TestVelocityOfBursts(t *testing.T) {
	const rate, n = 5000, 25000
	a := newAssessor(nil)
	for _, loud := range []int{0, 2, 4} { // the second
		x := make([]float32, n)
		for i := range x {
			x[i] = float32(math.Sin(2 * math.Pi * 50 * float64(i) / rate))
			if i/rate == loud {
				x[i] *= 5
			}
		}
		a.assess(&bearing.Window{SampleRate: rate, Samples: x, Unit: bearing.MillimetresSec}, Profile{})
		if want := math.Sqrt((25 + 4) / 10.); math.Abs(a.velocity/want-1) > 0.15 {
			t.Errorf("loud in second %d: %g mm/s, want %g", loud, a.velocity, want)
		}
	}
}

// TestVelocityLimits: the least rate and length.
func TestVelocityLimits(t *testing.T) {
	core := defaultCore(t)
	rng := rand.New(rand.NewPCG(4, 4))
	if _, err := core.Diagnose(velocityWindow(t, rng, 1, 2559, 2, 25, 1)); bearing.CodeOf(err) != "rate_too_low" || !strings.Contains(err.Error(), "2560 Hz") {
		t.Errorf("2559 Hz: %v", err)
	}
	g := velocityWindow(t, rng, 1, 4999, 2, 25, 1)
	g.Unit = bearing.G
	if _, err := core.Diagnose(g); bearing.CodeOf(err) != "rate_too_low" {
		t.Errorf("acceleration at 4999 Hz: %v", err)
	}
	for _, c := range []struct {
		seconds float64
		short   bool
	}{{1, false}, {0.999, true}} {
		d, err := core.Diagnose(velocityWindow(t, rng, 1, 5000, c.seconds, 25, 1))
		if err != nil {
			t.Fatal(err)
		}
		if (d.Verdict.Velocity == nil) != c.short || d.Quality.Has(windowShort) != c.short || strings.Contains(d.Verdict.Summary, "measure at least 1 s") != c.short {
			t.Errorf("%g s: %+v %+v %s", c.seconds, d.Verdict.Velocity, d.Quality, d.Verdict.Summary)
		}
	}
	// A second sensor's own noise and range are in its unit.
	a := newAssessor(nil)
	w := velocityWindow(t, rng, 1, 5000, 1, 25, 1)
	for flag, p := range map[string]Profile{"below_noise": {NoiseFloor: 2}, "out_of_range": {FullScale: 1}} {
		if q := a.assess(w, p); !q.Has(flag) || !strings.HasPrefix(q.Flags[0].Note, "mm/s") {
			t.Errorf("%s: %+v", flag, q)
		}
	}
	w.Unit = bearing.RelativeToFull
	if a.assess(w, Profile{}); a.velocity != 0 {
		t.Errorf("samples without a unit have a velocity of %g", a.velocity)
	}
}

// TestVelocityNames: of velocity alone no bearing is called faulty or normal, whatever its lines
// and its past; that the machine has changed is said.
func TestVelocityNames(t *testing.T) {
	core := defaultCore(t)
	src, err := dataset.OpenManifestFS(excerpts.FS())
	if err != nil {
		t.Fatal(err)
	}
	recs, err := src.Recordings(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, rec := range recs { // as if they were of velocity
		d, err := core.Diagnose(&bearing.Window{Sensor: "pump", Start: time.Unix(1, 0), SampleRate: rec.SampleRate, ShaftSpeed: rec.ShaftSpeed, Bearing: rec.Bearing,
			Unit: bearing.MillimetresSec, Samples: rec.Samples})
		if err != nil || d.Fault != bearing.Inconclusive || d.Verdict.TopFault != "" || len(d.Verdict.PredictionSet) != 4 {
			t.Errorf("%s: %s %v, %v", rec.Name, d.Fault, d.Verdict.PredictionSet, err)
		}
	}
	s := core.Session()
	rng := rand.New(rand.NewPCG(5, 5))
	diagnose := func(at int, rms float64, change func(x []float32)) bearing.Diagnosis {
		t.Helper()
		w := velocityWindow(t, rng, at, 4096, 1, 25, rms*math.Exp(0.05*rng.NormFloat64()))
		change(w.Samples)
		d, err := s.Diagnose(w)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	var d bearing.Diagnosis
	for i := range readyAfter + 5 {
		if d = diagnose(i, 1, func([]float32) {}); d.Fault != bearing.Inconclusive {
			t.Fatalf("window %d: %s", i, d.Fault)
		}
	}
	if b := d.Witnesses.Baseline; b.State != bearing.Ready || !strings.HasPrefix(b.Running, velocityRunning) || !strings.Contains(d.Verdict.Summary, "as it did when it was healthy") {
		t.Errorf("%+v: %s", b, d.Verdict.Summary)
	}
	d = diagnose(1000, 1, func(x []float32) {
		for i := range x {
			x[i] += float32(6 * math.Sin(2*math.Pi*400*float64(i)/4096))
		}
	})
	if d.Fault != bearing.UnknownFault || !d.Witnesses.Baseline.Changed || !strings.Contains(d.Verdict.Summary, "has changed") {
		t.Errorf("%s %+v %s", d.Fault, d.Witnesses.Baseline, d.Verdict.Summary)
	}
	d = diagnose(1001, 1, func(x []float32) {
		for i := range x {
			x[i] *= 9.80665
		}
	})
	if d.Fault != bearing.Inconclusive || d.Quality.Has("unit_suspect") || !strings.Contains(d.Verdict.Summary, "all but its level") {
		t.Errorf("%s %+v %s", d.Fault, d.Quality, d.Verdict.Summary)
	}
}

// TestVelocityCut: a recording of velocity is one window, for its level is that of all of it.
func TestVelocityCut(t *testing.T) {
	core := defaultCore(t)
	w := velocityWindow(t, rand.New(rand.NewPCG(8, 8)), 1, 5000, 7.3, 25, 2)
	if cut, err := core.Cut(w); err != nil || len(cut) != 1 || len(cut[0].Samples) != len(w.Samples) {
		t.Errorf("%d windows, %v", len(cut), err)
	}
	w.Unit = bearing.G
	if cut, err := core.Cut(w); err != nil || len(cut) != 7 {
		t.Errorf("of acceleration %d windows, %v", len(cut), err)
	}
}

// TestVelocityLength: pieces are between two and four seconds in windows of sixteen and more.
func TestVelocityLength(t *testing.T) {
	for _, c := range []struct{ rate, seconds, low, high float64 }{{2560, 60, 2, 4}, {5000, 16.1, 2, 4}, {5000, 8, 1, 2}, {25600, 4.2, 0.5, 1.05}, {2560, 1, 0.5, 1}, {1e6, 20, 0.13, 0.14}} {
		if s := float64(velocityLength(c.rate, int(c.seconds*c.rate))) / c.rate; s < c.low || s > c.high {
			t.Errorf("%+v: %g s", c, s)
		}
	}
}

// TestVelocityBeside: windows of velocity among those of acceleration of the same sensor change
// nothing of what is said of these.
func TestVelocityBeside(t *testing.T) {
	core := defaultCore(t)
	src, err := dataset.OpenManifestFS(excerpts.FS())
	if err != nil {
		t.Fatal(err)
	}
	recs, err := src.Recordings(nil)
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(6, 6))
	for _, rec := range recs {
		alone, mixed := core.Session(), core.Session()
		n := int(rec.SampleRate)
		for k := 0; (k+1)*n <= len(rec.Samples) && k < 4; k++ {
			w := &bearing.Window{Sensor: "fan", Start: time.Unix(int64(2*k), 0), SampleRate: rec.SampleRate, ShaftSpeed: rec.ShaftSpeed, Bearing: rec.Bearing,
				Unit: bearing.G, Samples: rec.Samples[k*n : (k+1)*n]}
			a, err := alone.Diagnose(w)
			if err != nil {
				t.Fatal(err)
			}
			b, err := mixed.Diagnose(w)
			if err != nil {
				t.Fatal(err)
			}
			if a.Fault != b.Fault || a.Verdict.Probability != b.Verdict.Probability || a.Verdict.Seconds != b.Verdict.Seconds || a.Witnesses.Baseline.Learned != b.Witnesses.Baseline.Learned {
				t.Errorf("%s, window %d: alone %s %g after %g s, mixed %s %g after %g s", rec.Name, k, a.Fault, a.Verdict.Probability, a.Verdict.Seconds, b.Fault, b.Verdict.Probability, b.Verdict.Seconds)
			}
			beside := velocityWindow(t, rng, 2*k+1, 5000, 1, 25, 1)
			beside.Bearing = rec.Bearing
			if v, err := mixed.Diagnose(beside); err != nil || v.Fault != bearing.Inconclusive || v.Verdict.Windows != 1 {
				t.Errorf("%s: %s of %d windows, %v", rec.Name, v.Fault, v.Verdict.Windows, err)
			}
		}
	}
}
