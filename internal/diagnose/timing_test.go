package diagnose

import (
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"brinell/bearing"
	"brinell/internal/admit"
	"brinell/internal/storetest"
	"brinell/models/pretrained"
)

// TestTiming: a window from the past is judged by itself and changes nothing for those
// that follow; one from the future is flagged, and from too far refused.
func TestTiming(t *testing.T) {
	m, err := pretrained.Default()
	if err != nil {
		t.Fatal(err)
	}
	registered := map[string]bool{"r": true}
	now := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	core, err := New(m, Config{Store: storetest.NewMemory(storetest.Config{}), Now: func() time.Time { return now }, MaxSensors: 2, Sensors: func(name string) (bearing.Sensor, bool) { return bearing.Sensor{}, registered[name] }})
	if err != nil {
		t.Fatal(err)
	}
	submit := func(sensor string, start time.Time) (bearing.Diagnosis, error) {
		rng := rand.New(rand.NewPCG(uint64(start.UnixNano()), 1))
		x := make([]float32, 12000)
		for i := range x {
			x[i] = float32(rng.NormFloat64())
		}
		w, err := bearing.NewWindow(bearing.Window{Sensor: sensor, Start: start, SampleRate: 12000, ShaftSpeed: 30, Bearing: "6205-2RS", Unit: bearing.G, Samples: x}, bearing.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		return core.Submit(t.Context(), w, admit.Entry{})
	}
	for i, c := range []struct {
		ahead   time.Duration
		code    string
		flag    string
		windows int
	}{
		{-time.Hour, "", "", 1},
		{-time.Hour + time.Second, "", "", 2},
		{-25*time.Hour - time.Minute, "", "late", 1},
		{-24 * time.Hour, "", "", 1}, // within the horizon: before the others
		{0, "", "", 4},
		{5 * time.Minute, "", "", 5},
		{5*time.Minute + time.Second, "", "clock_skew", 5}, // where it was received: before the one above
		{24 * time.Hour, "", "clock_skew", 6},
		{24*time.Hour + time.Second, "start_out_of_range", "", 0},
		{10 * time.Second, "", "", 7},
		{-30 * 365 * 24 * time.Hour, "start_out_of_range", "", 0},
	} {
		d, err := submit("a", now.Add(c.ahead))
		if bearing.CodeOf(err) != c.code {
			t.Errorf("%d: %s ahead: %v, want %q", i, c.ahead, err, c.code)
			continue
		}
		if err != nil {
			continue
		}
		for _, flag := range []string{"late", "clock_skew"} {
			if d.Quality.Has(flag) != (flag == c.flag) {
				t.Errorf("%d: %s ahead: flags %+v, want %q", i, c.ahead, d.Quality.Flags, c.flag)
			}
		}
		if d.Verdict.Windows != c.windows {
			t.Errorf("%d: %s ahead: rests on %d windows, want %d", i, c.ahead, d.Verdict.Windows, c.windows)
		}
	}
	for i, want := range []string{"", "too_many_sensors", ""} {
		name := []string{"b", "c", "a"}[i]
		if _, err := submit(name, now.Add(-time.Duration(i)*time.Minute)); bearing.CodeOf(err) != want {
			t.Errorf("sensor %s: %v, want %q", name, err, want)
		}
	}
	// Registered ones are not counted, neither those from the start nor those of later.
	for i, c := range []struct{ name, code string }{{"r", ""}, {"c", "too_many_sensors"}, {"b", ""}, {"c", ""}, {"d", "too_many_sensors"}} {
		if i == 2 {
			registered["b"] = true
		}
		now = now.Add(2 * recount)
		if _, err := submit(c.name, now); bearing.CodeOf(err) != c.code {
			t.Errorf("%d: sensor %s among registered ones: %v, want %q", i, c.name, err, c.code)
		}
	}
	if _, ok := core.sensors[[2]string{"d", ""}]; ok {
		t.Error("a refused sensor is remembered")
	}
}

// TestTurn: of windows in a queue the second rests on the first, however long that takes.
func TestTurn(t *testing.T) {
	gate := admit.New(admit.Config{Workers: 2})
	core, err := New(model(t, "m", 1), Config{Store: storetest.NewMemory(storetest.Config{}), Gate: gate})
	if err != nil {
		t.Fatal(err)
	}
	q := gate.Queue()
	var rests [2]int
	var wg sync.WaitGroup
	for i := range rests {
		ticket := q.Next()
		wg.Go(func() {
			defer ticket.Close()
			place, err := ticket.Enter(t.Context(), admit.Claim{})
			if err != nil {
				t.Error(err)
				return
			}
			defer place.Leave()
			if i == 0 {
				time.Sleep(50 * time.Millisecond)
			}
			w, err := bearing.NewWindow(bearing.Window{Sensor: "a", Start: firstYear.Add(time.Duration(i) * time.Second), SampleRate: 12000, ShaftSpeed: 30, Unit: bearing.G, Samples: samples(rand.New(rand.NewPCG(1, uint64(i))), 2048)}, bearing.Limits{})
			if err != nil {
				t.Error(err)
				return
			}
			d, err := core.Submit(t.Context(), w, admit.Entry{Place: place})
			if err != nil {
				t.Error(err)
				return
			}
			rests[i] = d.Verdict.Windows
		})
	}
	wg.Wait()
	if rests != [2]int{1, 2} {
		t.Errorf("they rest on %v windows, want 1 and 2", rests)
	}
}

// TestNewSensorsOfASource: windows of one source bring in so many sensors a day and no more,
// those of another are not held for them; what is known already counts for nobody.
func TestNewSensorsOfASource(t *testing.T) {
	now := firstYear.Add(time.Hour)
	for _, most := range []int{0, 100} {
		core, err := New(model(t, "m", 1), Config{Store: storetest.NewMemory(storetest.Config{}), Now: func() time.Time { return now }, MaxSensors: most})
		if err != nil {
			t.Fatal(err)
		}
		n, wait := 0, time.Duration(0)
		submit := func(source, sensor, want string) {
			t.Helper()
			n++
			ctx := t.Context()
			if source != "" {
				ctx = bearing.WithSource(ctx, bearing.Source{Name: source, NewSensors: 2})
			}
			w, err := bearing.NewWindow(bearing.Window{Sensor: sensor, Start: now.Add(-time.Duration(n) * time.Second), SampleRate: 12000, ShaftSpeed: 30, Unit: bearing.G, Samples: samples(rand.New(rand.NewPCG(1, 3)), 6000)}, bearing.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			_, err = core.Submit(ctx, w, admit.Entry{})
			if bearing.CodeOf(err) != want {
				t.Errorf("%s from %s: %v, want %q", sensor, source, err, want)
			}
			if e, ok := errors.AsType[*bearing.Error](err); ok {
				wait = e.Retry
			}
		}
		submit("a", "1", "")
		submit("a", "1", "")
		submit("a", "2", "")
		submit("a", "3", "too_many_sensors")
		submit("a", "2", "")
		submit("b", "3", "")
		submit("a", "3", "")
		submit("", "4", "")
		submit("", "5", "")
		now = now.Add(7 * time.Hour)
		submit("a", "6", "too_many_sensors")
		if wait != 17*time.Hour {
			t.Errorf("the wait is %s, 7 hours after the first", wait)
		}
		now = now.Add(wait - 1) // the wait is true
		submit("a", "6", "too_many_sensors")
		now = now.Add(1)
		submit("a", "6", "")
	}
	if d := (newcomers{since: now}).wait(now); d != bearing.Never {
		t.Errorf("who may bring in none waits for %s", d)
	}
}
