package diagnose

import (
	"math"
	"testing"
	"time"

	"brinell/bearing"
	"brinell/internal/admit"
)

// loud is the rule of these tests: an RMS above 4 g in three windows is an alarm.
var loud = bearing.AlarmRule{Silent: -1, Conditions: []bearing.AlarmCondition{{
	Name: "loud", Kind: bearing.OnFeature, Feature: "rms", Above: 4, On: bearing.Delay{Count: 3}, Off: bearing.Delay{Count: 3},
}}}

// faulty sends a window with a fault that is seen from its RMS alone.
func (p *plant) faulty(name string, start time.Time) (bearing.Diagnosis, error) {
	w := p.window(name, start)
	for i := range w.Samples {
		w.Samples[i] *= 10
	}
	return p.core.Submit(p.Context(), w, admit.Entry{})
}

// raisedAfter sends faulty windows, a minute apart, at an offset from the clock, and returns at
// which of at most n the alarm is open: 0 if at none.
func (p *plant) raisedAfter(n int, offset time.Duration) int {
	p.Helper()
	for i := range n {
		if _, err := p.faulty("pump", p.now.Add(offset)); err != nil {
			p.Fatal(err)
		}
		for _, a := range p.open(bearing.AlarmQuery{}) {
			if a.Condition == "loud" {
				return i + 1
			}
		}
		p.wait(time.Minute)
	}
	return 0
}

// TestClockSetBack: one window that was taken while a clock was ahead, or behind, keeps no
// later one from raising an alarm: not before a restart nor after it, nor after the baseline
// is restarted, nor after the sensor is deleted and registered anew.
func TestClockSetBack(t *testing.T) {
	const year = 365 * 24 * time.Hour
	for _, c := range []struct {
		name            string
		service, sensor time.Duration // what the clock was ahead, and then the sensor is for good
		then            func(p *plant)
		want            int // windows with the fault until the alarm
	}{
		{"two years ahead", 2 * year, 0, nil, 3},
		{"six minutes ahead", 6*time.Minute + time.Second, 0, nil, 3},
		{"two centuries ahead", 200 * year, 0, nil, 3},
		{"two years ahead, restarted", 2 * year, 0, (*plant).restart, 3},
		{"two years ahead, baseline restarted", 2 * year, 0, func(p *plant) {
			err := p.core.ControlBaseline(p.Context(), "pump", bearing.BaselineControl{Action: bearing.BaselineRestart, At: p.now}, bearing.AnyVersion)
			if err != nil {
				p.Error(err)
			}
		}, 3},
		{"two years ahead, deleted", 2 * year, 0, func(p *plant) {
			if err := p.registry.DeleteResource(p.Context(), bearing.KindSensor, "pump", bearing.SomeVersion); err != nil {
				p.Error(err)
			}
			p.restart()
			if err := p.put("pump", bearing.Sensor{Alarm: &loud}); err != nil {
				p.Error(err)
			}
		}, 3},
		{"a year behind", -year, 0, nil, 3},
		{"two years ahead, and the sensor two hours behind", 2 * year, -2 * time.Hour, nil, 3},
		{"a sensor set back by two years", 0, -2 * year, nil, 13},
		{"a sensor set back by an hour", 0, -time.Hour, nil, 13},
		{"a sensor set back by 25 hours", 0, -25 * time.Hour, nil, 13},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newPlant(t)
			if err := p.put("pump", bearing.Sensor{Alarm: &loud}); err != nil {
				t.Fatal(err)
			}
			p.usual("pump")
			right := p.now
			p.now = right.Add(c.service)
			p.send("pump", p.now)
			p.now = right.Add(time.Minute)
			if c.then != nil {
				c.then(p)
			}
			if n := p.raisedAfter(20, c.sensor); n != c.want {
				t.Errorf("raised at window %d, want %d", n, c.want)
			}
		})
	}
}

// TestEpochs: what a clock that was ahead has taught stays, its diagnoses are read as they
// were given, and each is judged again as it was.
func TestEpochs(t *testing.T) {
	p := newPlant(t)
	right := p.now
	var all []bearing.Diagnosis
	for i, at := range []time.Duration{0, 1, 2, 1e6, 1e6 + 1, 3, 4, -10, 2e6, 5, 6, 7} {
		p.now = right.Add(at * time.Minute)
		d := p.send("pump", p.now)
		all = append(all, d)
		if want := []int{0, 0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 3}[i]; d.State.Epoch != want || d.Quality.Has(bearing.Late) {
			t.Errorf("window %d: epoch %d, %+v, want %d", i, d.State.Epoch, d.Quality.Flags, want)
		}
		if back := i == 5 || i == 7 || i == 9; d.Quality.Has(bearing.ClockBack) != back {
			t.Errorf("window %d: %+v", i, d.Quality.Flags)
		}
	}
	for i, was := range all {
		w, err := p.db.Window(t.Context(), was.ID)
		if err != nil {
			t.Fatal(err)
		}
		again, err := p.core.Replay(t.Context(), p.db, w, was)
		if err != nil || again.State.Digest != was.State.Digest || len(again.Quality.Flags) != len(was.Quality.Flags) {
			t.Errorf("window %d judged again: %v, %+v, was %+v", i, err, again.State, was.State)
		}
	}
	if n := all[11].Verdict.Windows; n != 3 { // a day and more lies between the epochs
		t.Errorf("rests on %d windows", n)
	}
	p.restart()
	p.now = p.now.Add(time.Minute)
	if d := p.send("pump", p.now); d.State.Epoch != 3 || d.Verdict.Windows != 4 {
		t.Errorf("after a restart: %+v", d.State)
	}
}

// TestSkewLimitOfNewest holds from when on the newest window is not believed.
func TestSkewLimitOfNewest(t *testing.T) {
	for ahead, want := range map[time.Duration]int{skewLimit: 0, skewLimit + 1: 1, math.MaxInt64: 1} {
		s := newSensor(Mahalanobis)
		now := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
		s.live.last = now.Add(ahead)
		o := &observation{start: now.Add(-time.Hour)}
		c := &Core{horizon: 24 * time.Hour}
		if late := c.place(s, o, now); o.epoch != want || late {
			t.Errorf("%s ahead: epoch %d, late %v", ahead, o.epoch, late)
		}
		if s.present(now) != want {
			t.Errorf("%s ahead: a control is of epoch %d", ahead, s.present(now))
		}
	}
}

// TestSilenceOfClocks: who stopped sending while the clock was ahead, or before a start at
// which it was, is called silent all the same, and no later than by the clock that is right.
func TestSilenceOfClocks(t *testing.T) {
	const year = 365 * 24 * time.Hour
	for _, restart := range []bool{false, true} {
		for _, sent := range []int{1, 50} { // that many when it was ahead
			p := newPlant(t)
			if err := p.put("pump", bearing.Sensor{}); err != nil {
				t.Fatal(err)
			}
			p.usual("pump")
			right := p.now
			p.now = right.Add(2 * year)
			if restart {
				p.restart()
			}
			for range sent {
				p.send("pump", p.now)
				p.wait(time.Minute)
			}
			p.now = right.Add(time.Duration(sent) * time.Minute)
			if restart {
				p.restart()
			}
			p.wait(time.Second)
			p.wait(4 * time.Minute)
			if open := p.open(bearing.AlarmQuery{}); len(open) != 0 {
				t.Errorf("restart %v, %d sent: too early: %+v", restart, sent, open)
			}
			p.wait(3 * time.Minute)
			if open := p.open(bearing.AlarmQuery{}); len(open) != 1 || open[0].Kind != bearing.OnSilence {
				t.Errorf("restart %v, %d sent: %+v, want one of silence", restart, sent, open)
			}
		}
	}
}

// TestShelvesOfClocks: a shelf that was set by a clock two years ahead is over when that is
// set right, and not only at the date that it states.
func TestShelvesOfClocks(t *testing.T) {
	p := newPlant(t)
	if err := p.put("pump", bearing.Sensor{Alarm: &loud}); err != nil {
		t.Fatal(err)
	}
	if n := p.raisedAfter(5, 0); n != 3 {
		t.Fatalf("raised at %d", n)
	}
	right, id := p.now, p.open(bearing.AlarmQuery{})[0].ID
	shown := func() int {
		open, err := p.db.OpenAlarms(t.Context(), p.now, 0)
		if err != nil {
			t.Fatal(err)
		}
		return open.Count[[2]string{"alarm", bearing.AlarmActive}]
	}
	p.now = right.AddDate(2, 0, 0)
	if _, err := p.core.Shelve(t.Context(), id, bearing.AnyVersion, p.now.Add(time.Hour), nil); err != nil || shown() != 0 {
		t.Fatal(err, shown())
	}
	p.now = right
	if n := shown(); n != 1 {
		t.Errorf("%d alarms are open and not shelved, want 1", n)
	}
	p.wait(time.Second)
	if a, err := p.db.Alarm(t.Context(), id); err != nil || a.ShelvedUntil != nil {
		t.Errorf("%+v, %v", a, err)
	}
	// As long as may be, it stays.
	if _, err := p.core.Shelve(t.Context(), id, bearing.AnyVersion, p.now.Add(bearing.MaxShelf), nil); err != nil {
		t.Fatal(err)
	}
	p.now = p.now.Add(-bearing.ShelfSlack)
	p.wait(0)
	if a, err := p.db.Alarm(t.Context(), id); err != nil || a.ShelvedUntil == nil || shown() != 0 {
		t.Errorf("%+v, %v", a, err)
	}
	p.now = p.now.Add(-2 * time.Second)
	p.wait(0)
	if a, err := p.db.Alarm(t.Context(), id); err != nil || a.ShelvedUntil != nil || shown() != 1 {
		t.Errorf("longer than any may be: %+v, %v", a, err)
	}
}

// TestControlsOfClocks: what was done to a baseline while the clock was ahead holds when it is
// right, before what is done then, also where the sensor's windows were of the right time.
func TestControlsOfClocks(t *testing.T) {
	for _, restart := range []bool{false, true} {
		p := newPlant(t)
		p.usual("pump")
		right := p.now
		control := func(action string) {
			t.Helper()
			if err := p.core.ControlBaseline(t.Context(), "pump", bearing.BaselineControl{Action: action, At: p.now}, bearing.AnyVersion); err != nil {
				t.Fatal(err)
			}
		}
		frozen := func(want bool, epoch int) {
			t.Helper()
			if restart {
				p.restart()
			}
			p.now = p.now.Add(time.Minute)
			d := p.send("pump", p.now)
			if got := p.core.sensors[[2]string{"pump", ""}].live.frozen; got != want || d.State.Epoch != epoch {
				t.Errorf("restart %v: frozen %v in epoch %d, want %v in %d", restart, got, d.State.Epoch, want, epoch)
			}
		}
		p.now = right.AddDate(2, 0, 0)
		control(bearing.BaselineFreeze)
		p.now = right
		frozen(true, 1)
		control(bearing.BaselineResume)
		frozen(false, 1)

		p.now = right.AddDate(2, 0, 0)
		control(bearing.BaselineFreeze)
		p.now = right.Add(time.Hour)
		control(bearing.BaselineResume) // it comes last
		frozen(false, 2)
	}
}

// TestWallClock: what a window is compared with is the clock, which may be set, and not the time
// that has gone by since the start of the program.
func TestWallClock(t *testing.T) {
	p := newPlant(t)
	core, err := New(model(t, "m", 1), Config{Store: p.db})
	if err != nil {
		t.Fatal(err)
	}
	d, err := core.Submit(t.Context(), p.window("pump", time.Now().Add(time.Hour)), admit.Entry{})
	if err != nil || !d.Quality.Has(bearing.ClockSkew) {
		t.Fatalf("%+v, %v", d.Quality, err)
	}
	if last := core.sensors[[2]string{"pump", ""}].live.last; last != last.Round(0) || core.wall.seen != core.wall.seen.Round(0) {
		t.Errorf("%s, %s", last, core.wall.seen)
	}
}

// TestClockAlarm: a sensor of which only windows of the past come is called so, over a restart,
// until its clock has settled; streams and webhooks follow the log that tells of both.
func TestClockAlarm(t *testing.T) {
	p := newPlant(t)
	if err := p.put("pump", bearing.Sensor{Alarm: &loud}); err != nil {
		t.Fatal(err)
	}
	p.usual("pump")
	for i := range 12 {
		p.send("pump", p.now.AddDate(-1, 0, 0))
		open := p.open(bearing.AlarmQuery{Sensor: "pump"})
		if raised := i >= 5 && i < 10; (len(open) == 1) != raised || raised && open[0].Kind != bearing.OnClock {
			t.Errorf("window %d: %+v", i+1, open)
		}
		if i == 6 {
			p.restart()
		}
		p.wait(time.Minute)
	}
	n, last := p.logged()
	if n != 2 || last.Open() || last.Kind != bearing.OnClock || last.Version != 2 || last.Cleared.Before(last.Raised) {
		t.Errorf("%d changes, the last %+v", n, last)
	}
}
