package diagnose

import (
	"testing"
	"time"

	"brinell/bearing"
)

// The length of windows follows from rate and speed, and the bounds are where they are said
// to be: a second, twenty turns.
func TestCutLength(t *testing.T) {
	for _, c := range []struct {
		rate, rpm float64
		want      int
	}{
		{12000, 0, 12000}, {48000, 1797, 48000}, {12000, 1200, 12000}, {12000, 1190, 12100}, // twenty turns take a second at 1200 rpm

		{12000, 600, 24000}, {12000, 60, 240000}, {10, 0, 10}, {0.1, 0, 1},
	} {
		if got := cutLength(c.rate, c.rpm/60); got != c.want {
			t.Errorf("%g Hz, %g rpm: windows of %d samples, want %d", c.rate, c.rpm, got, c.want)
		}
	}
}

// Each sample is in one window, in order and at its time, whatever the length of the
// recording, and a network that reads a few samples does not shorten them.
func TestCut(t *testing.T) {
	core, err := New(model(t, "small", 1), Config{})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		seconds float64
		windows int
	}{{0.1, 1}, {1, 1}, {1.99, 1}, {2, 2}, {3, 3}, {3.5, 3}} {
		rec := window(t, "a", int(c.seconds*12000), 12000)
		got, err := core.Cut(rec)
		if err != nil || len(got) != c.windows {
			t.Errorf("%g s are %d windows, %v, want %d", c.seconds, len(got), err, c.windows)
			continue
		}
		at := 0
		for _, w := range got {
			if &w.Samples[0] != &rec.Samples[at] || !w.Start.Equal(rec.Start.Add(time.Duration(at)*time.Second/12000)) {
				t.Errorf("%g s: a window begins at %s, or not with sample %d", c.seconds, w.Start, at)
			}
			at += len(w.Samples)
		}
		if at != len(rec.Samples) {
			t.Errorf("%g s: %d of %d samples are in windows", c.seconds, at, len(rec.Samples))
		}
	}
}

// What is registered of a sensor decides as well: its speed, and what it does not agree with.
func TestCutRegistered(t *testing.T) {
	core, err := New(model(t, "small", 1), Config{Sensors: func(name string) (bearing.Sensor, bool) {
		return bearing.Sensor{Name: name, SampleRate: 12000, SpeedRPM: 300, SpeedFrom: bearing.SpeedRegistered}, true
	}})
	if err != nil {
		t.Fatal(err)
	}
	got, err := core.Cut(window(t, "a", 96000, 12000))
	if err != nil || len(got) != 2 {
		t.Errorf("8 s at 300 rpm are %d windows, %v, want 2 of twenty turns each", len(got), err)
	}
	if _, err := core.Cut(window(t, "a", 96000, 24000)); bearing.CodeOf(err) != "rate_mismatch" {
		t.Errorf("another rate than the registered one: %v", err)
	}
}
