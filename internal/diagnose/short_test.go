package diagnose

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"brinell/bearing"
	"brinell/dataset"
	"brinell/dataset/excerpts"
	"brinell/features/lines"
	"brinell/models/pretrained"
)

// defaultCore is a core with the embedded model.
func defaultCore(t *testing.T) *Core {
	t.Helper()
	m, err := pretrained.Default()
	if err != nil {
		t.Fatal(err)
	}
	core, err := New(m, Config{})
	if err != nil {
		t.Fatal(err)
	}
	return core
}

// TestShortWindows: a window that is too short to part the lines of its bearing says so in its
// quality, in the reasons and in the sentence, with how long it must be; the condition that is
// named is what it was. One of that length does not.
func TestShortWindows(t *testing.T) {
	core := defaultCore(t)
	src, err := dataset.OpenManifestFS(excerpts.FS())
	if err != nil {
		t.Fatal(err)
	}
	recs, err := src.Recordings(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, rec := range recs {
		known, _ := bearing.LookupBearing(rec.Bearing)
		turns := lines.Turns(known.Orders())
		needed := int(math.Ceil(turns / rec.ShaftSpeed * rec.SampleRate))
		for _, n := range []int{2048, 4096, needed - 1, needed, int(rec.SampleRate)} {
			w, err := bearing.NewWindow(bearing.Window{Sensor: "pump", Start: time.Unix(1, 0), SampleRate: rec.SampleRate, ShaftSpeed: rec.ShaftSpeed, Bearing: rec.Bearing,
				Unit: bearing.G, Samples: append([]float32(nil), rec.Samples[:n]...)}, bearing.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			d, err := core.Diagnose(w)
			if err != nil {
				t.Fatal(err)
			}
			what := fmt.Sprintf("%s, %d samples: %s %q %+v", rec.Name, n, d.Fault, d.Verdict.Summary, d.Quality)
			r, why := reason(&d.Verdict, windowShort)
			short := n < needed
			if d.Quality.Has(windowShort) != short || why != short || strings.Count(strings.ToLower(d.Verdict.Summary), "measure at least") != len(d.Quality.Flags) {
				t.Error(what)
			}
			if !short {
				if d.Quality.Level != bearing.Good {
					t.Error(what)
				}
				continue
			}
			seconds := upward(turns / rec.ShaftSpeed)
			if d.Quality.Level != bearing.Degraded || r.Met || math.Abs(r.Limit-turns) > 1e-3 || math.Abs(r.Value-float64(n)/rec.SampleRate*rec.ShaftSpeed) > 1e-3 {
				t.Errorf("%s: %+v", what, r)
			}
			for _, w := range []string{fmt.Sprintf("%.4g rpm", 60*rec.ShaftSpeed), fmt.Sprintf("a window of %.3g s", seconds), rec.Bearing} {
				if !strings.Contains(r.Text, w) {
					t.Errorf("%q has no %q", r.Text, w)
				}
			}
			if float64(needed) > seconds*rec.SampleRate {
				t.Errorf("%s: %g s are not enough", what, seconds)
			}
		}
	}
}

// TestShortOf: without a bearing a window needs the turns that any may need, and without a speed
// the time in which any shaft shows.
func TestShortOf(t *testing.T) {
	f := func(seconds, speed float64, want string) {
		t.Helper()
		s := shortOf(&observation{seconds: seconds, speed: speed}, 10000, nil, bearing.DefaultMaxSamples)
		if got := s.advice(); got != want || (s.text == "") != (want == "") || strings.Contains(s.text, "NaN") {
			t.Errorf("%g s at %g Hz: %q, %q, want %q", seconds, speed, s.text, got, want)
		}
	}
	f(0.8, 25, "")
	f(0.799, 25, "measure at least 0.8 s at a time")
	f(0.799, 24, "measure at least 0.84 s at a time")
	f(1, 1./6, "measure at least 120 s at a time")
	f(100, 0.05, "measure at least 400 s at a time")
	f(100, 0.04, "check the shaft speed, or sample more slowly")
	f(1, 5e-322, "check the shaft speed, or sample more slowly")
	f(0.625, 0, "")
	f(0.624, 0, "measure at least 0.63 s at a time")
}

// TestShortOfMost: no window is asked for that is longer than those that are taken.
func TestShortOfMost(t *testing.T) {
	for _, c := range []struct {
		speed float64
		most  int
		want  string
	}{
		{10, 20000, "measure at least 2 s at a time"}, {10, 19999, "check the shaft speed, or sample more slowly"},
		{0, 6300, "measure at least 0.63 s at a time"}, {0, 6299, "state the shaft speed, or sample more slowly"},
	} {
		if got := shortOf(&observation{seconds: 0.2, speed: c.speed}, 10000, nil, c.most).advice(); got != c.want {
			t.Errorf("%g Hz, %d samples at most: %q, want %q", c.speed, c.most, got, c.want)
		}
	}
	core, err := New(defaultCore(t).Model(), Config{MaxSamples: 8192})
	if err != nil {
		t.Fatal(err)
	}
	w := &bearing.Window{Sensor: "pump", Start: time.Unix(1, 0), SampleRate: 12000, ShaftSpeed: 10, Bearing: "6205-2RS", Unit: bearing.G, Samples: make([]float32, 8192)}
	for i := range w.Samples {
		w.Samples[i] = float32(math.Sin(float64(i * i)))
	}
	if d, err := core.Diagnose(w); err != nil || !strings.Contains(d.Verdict.Summary, "sample more slowly") {
		t.Errorf("%q, %v", d.Verdict.Summary, err)
	}
}

// TestShortInHz: a speed that is probably meant in Hz is asked about, and no window of its turns
// is asked for.
func TestShortInHz(t *testing.T) {
	core := defaultCore(t)
	w := &bearing.Window{Sensor: "pump", Start: time.Unix(1, 0), SampleRate: 12000, ShaftSpeed: 29.95 / 60, Bearing: "6205-2RS", Unit: bearing.G,
		Samples: machine(rand.New(rand.NewPCG(1, 1)), 12000, 12000)}
	d, err := core.Diagnose(w)
	if err != nil || !d.Quality.Has(windowShort) || !strings.Contains(d.Verdict.Summary, "29.95 rpm a speed in Hz? That would be 1797 rpm") || strings.Contains(d.Verdict.Summary, "measure at least") {
		t.Errorf("%s, %+v, %v", d.Verdict.Summary, d.Quality, err)
	}
}

// TestUpward: advice is rounded up, and what needs no rounding is not.
func TestUpward(t *testing.T) {
	for in, want := range map[float64]float64{0.5004: 0.51, 0.5: 0.5, 0.8: 0.8, 12.01: 13, 119.2: 120, 1: 1, 0.0101: 0.011, 0.3: 0.3} {
		if got := upward(in); math.Abs(got/want-1) > 1e-12 {
			t.Errorf("%g: %g, want %g", in, got, want)
		}
	}
}

// TestCutsAreLong: what a recording is cut into is never too short, whatever the bearing.
func TestCutsAreLong(t *testing.T) {
	for _, name := range []string{"6205", "6203", "NICE", "ZA-2115"} {
		known, ok := bearing.LookupBearing(name)
		for _, speed := range []float64{0, 1, 7.3, 19.99, 29.95, 400} {
			n := cutLength(12000, speed)
			if s := shortOf(&observation{seconds: float64(n) / 12000, speed: speed}, 12000, []bearing.Orders{known.Orders()}, bearing.DefaultMaxSamples); !ok || s.text != "" {
				t.Errorf("%s at %g Hz: %d samples: %s", name, speed, n, s.text)
			}
		}
	}
}
