package diagnose

import (
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"brinell/bearing"
)

// TestClockBehind: a service that boots with a clock of years ago refuses windows as its own
// fault, says so in its metric, and takes them as soon as the clock is right: an alarm is
// raised as if nothing had been.
func TestClockBehind(t *testing.T) {
	right := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		name         string
		clock, built time.Time
		stored       bool // windows of before
		code         string
	}{
		{"the epoch, knowing when it was built", time.Unix(0, 0), right.AddDate(0, -1, 0), false, "clock_behind"},
		{"the epoch, with windows that were stored", time.Unix(0, 0), time.Time{}, true, "clock_behind"},
		{"the last year, with windows that were stored", right.AddDate(-1, 0, 0), right.AddDate(-2, 0, 0), true, "clock_behind"},
		{"when it was built", right.AddDate(-1, 0, 0), right.AddDate(-1, 0, 0), false, "start_out_of_range"}, // nobody knows
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newPlant(t)
			if err := p.put("pump", bearing.Sensor{Alarm: &loud}); err != nil {
				t.Fatal(err)
			}
			p.now = right.Add(-10 * time.Minute)
			if c.stored {
				p.usual("pump")
			}
			gauge := prometheus.NewGauge(prometheus.GaugeOpts{Name: "behind"})
			restart := func() {
				p.restart()
				p.core.wall.built, p.core.metrics.Behind = c.built, gauge
			}
			p.now = c.clock
			restart()
			for range 3 {
				if _, err := p.faulty("pump", right.Add(time.Minute)); bearing.CodeOf(err) != c.code {
					t.Errorf("%v, want %s", err, c.code)
				}
				p.wait(time.Second)
			}
			if c.clock.After(firstYear) {
				if _, err := p.faulty("pump", firstYear.Add(-time.Hour)); bearing.CodeOf(err) != "start_out_of_range" {
					t.Errorf("a window of long ago: %v", err)
				}
			}
			known := c.code == "clock_behind"
			if by := testutil.ToFloat64(gauge); (by > 29*86400) != known || (by == 0) == known {
				t.Errorf("behind by %g s", by)
			}
			p.now = right.Add(5 * time.Minute)
			if n := p.raisedAfter(5, 0); n != 3 {
				t.Errorf("raised at window %d, want 3", n)
			}
			p.wait(time.Second)
			if by := testutil.ToFloat64(gauge); by != 0 {
				t.Errorf("behind by %g s", by)
			}
		})
	}
}

// TestWall holds when a clock is known to be behind, and when it is so no more.
func TestWall(t *testing.T) {
	now := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	w := wall{}
	check := func(what string, want time.Duration) {
		t.Helper()
		if by, why := w.behind(now); by != want || (why == "") != (want == 0) {
			t.Errorf("%s: behind by %s, %q, want %s", what, by, why, want)
		}
	}
	check("nothing is known", 0)
	w.built = now.Add(time.Hour)
	check("before it was built", time.Hour)
	w.built = now
	check("when it was built", 0)
	w.came(now.Add(2*time.Hour), now.Add(2*time.Hour))
	check("a window came later", 2*time.Hour)
	w.came(now.Add(-skewLimit-1), now)
	w.came(now.Add(skewLimit+1), now)
	check("a window that another clock made", 2*time.Hour)
	w.came(now.Add(-skewLimit), now)
	check("a window that agrees with the clock", 0)
	for _, old := range []time.Duration{skewLimit + 1, DefaultLateHorizon} {
		w.came(now.Add(time.Hour), now.Add(time.Hour))
		for range enoughFit - 1 {
			w.came(now.Add(-old), now)
		}
		check("not enough that may be of the clock", time.Hour)
		w.came(now.Add(-old), now)
		check("enough that may be of the clock", 0)
	}
	w.came(now.Add(time.Hour), now.Add(time.Hour))
	for range enoughFit - 1 {
		w.came(now.Add(-time.Hour), now)
	}
	w.came(now.Add(-DefaultLateHorizon-1), now)
	w.came(now.Add(-time.Hour), now)
	check("an old one between them", time.Hour)
	c := &Core{wall: wall{seen: now.Add(skewLimit)}}
	at := func(start time.Time, want string) {
		t.Helper()
		if err := c.timely(&bearing.Window{Start: start}, now); bearing.CodeOf(err) != want {
			t.Errorf("%s: %v, want %q", start, err, want)
		}
	}
	ahead := now.Add(skewMost + 1)
	at(ahead, "start_out_of_range")
	c.wall.seen = now.Add(skewLimit + 1)
	at(ahead, "clock_behind")
	at(now.Add(skewMost), "")
	at(firstYear, "")
	at(firstYear.Add(-1), "start_out_of_range")
}
