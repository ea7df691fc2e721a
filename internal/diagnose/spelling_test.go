package diagnose

import (
	"math/rand/v2"
	"testing"
	"time"

	"brinell/bearing"
	"brinell/internal/admit"
)

// TestSpelling: however a sensor's windows spell its bearing, their evidence adds up, over restarts
// and windows without a speed too; that of another bearing does not.
func TestSpelling(t *testing.T) {
	for _, c := range []struct {
		name   string
		spelt  []string
		window int // of the last one
	}{
		{"one way", []string{"6205-2RS"}, 12},
		{"two ways", []string{"6205-2RS", "6205 2rs"}, 12},
		{"maker and seals", []string{"SKF 6205", "6205-2Z/C3", "6205"}, 12},
		{"estimated by designation", []string{"NU 205", "nu205 ECP"}, 12},
		{"two on one sensor", []string{"6205 / 6203", "6205-2RS + 6203-2RS", "SKF 6205, 6203"}, 12},
		{"none that is known", []string{"no such bearing"}, 12},
		{"one bearing, then another", []string{"6205-2RS", "6203-2RS"}, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newPlant(t)
			submit := func(i int, speed float64) bearing.Diagnosis {
				w, err := bearing.NewWindow(bearing.Window{Sensor: "pump", Start: p.now, SampleRate: 12000, ShaftSpeed: speed, Unit: bearing.G,
					Bearing: c.spelt[i%len(c.spelt)], Samples: samples(rand.New(rand.NewPCG(uint64(i), 9)), 6000)}, bearing.Limits{})
				if err != nil {
					t.Fatal(err)
				}
				d, err := p.core.Submit(t.Context(), w, admit.Entry{})
				if err != nil {
					t.Fatal(err)
				}
				p.now = p.now.Add(time.Minute)
				return d
			}
			for i := range 11 {
				speed := 30.0
				if i == 4 {
					speed = 0
				}
				submit(i, speed)
				if i == 4 || i == 6 {
					p.restart()
				}
			}
			if d := submit(11, 30); d.State.Windows != c.window {
				t.Errorf("the evidence rests on %d windows, want %d", d.State.Windows, c.window)
			}
		})
	}
}

// TestLearntBearing: what a restart takes a sensor's bearing for is what it was taken for before: of an
// unusable window nothing, of one without lines its own.
func TestLearntBearing(t *testing.T) {
	p := newPlant(t)
	send := func(designation string, speed float64, still bool) {
		x := samples(rand.New(rand.NewPCG(uint64(p.now.Unix()), 9)), 6000)
		if still {
			clear(x)
		}
		w, err := bearing.NewWindow(bearing.Window{Sensor: "pump", Start: p.now, SampleRate: 12000, ShaftSpeed: speed, Unit: bearing.G,
			Bearing: designation, Samples: x}, bearing.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.core.Submit(t.Context(), w, admit.Entry{}); err != nil {
			t.Fatal(err)
		}
		p.now = p.now.Add(time.Minute)
	}
	check := func(what, want string) {
		t.Helper()
		for _, when := range []string{"live", "recalled"} {
			s, err := p.core.sensor(t.Context(), "pump", "")
			if err != nil {
				t.Fatal(err)
			}
			if got := whole(s).bearing; got != want {
				t.Errorf("%s, %s: %q, want %q", what, when, got, want)
			}
			p.restart()
		}
	}
	send("SKF 6205", 30, false)
	check("with lines", "6205-2RS")
	send("6203", 30, true)
	check("unusable", "6205-2RS")
	send("6203", 0, false)
	check("without a speed", "6203-2RS")
}
