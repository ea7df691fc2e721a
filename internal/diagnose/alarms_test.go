package diagnose

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"brinell/bearing"
	"brinell/internal/admit"
	"brinell/internal/store"
)

// plant is a core with a store of its own, a registry, and a clock that the test turns.
type plant struct {
	*testing.T
	now      time.Time
	db       *store.DB
	registry *Registry
	core     *Core
	began    time.Time
}

func newPlant(t *testing.T) *plant {
	t.Helper()
	db, err := store.Open(t.Context(), store.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	p := &plant{T: t, now: time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC), db: db}
	p.restart()
	return p
}

// restart makes the core anew, as a start of the service finds it.
func (p *plant) restart() {
	p.Helper()
	var err error
	if p.registry, err = NewRegistry(p.Context(), p.db, bearing.LookupBearing); err != nil {
		p.Fatal(err)
	}
	if p.core, err = New(model(p.T, "m", 1), Config{Store: p.db, Sensors: p.registry.Sensor, Now: func() time.Time { return p.now }}); err != nil {
		p.Fatal(err)
	}
	p.registry.Retire, p.registry.Forgets = p.core.Retire, p.core.Forget
	p.began = p.now
	if err := p.core.begin(p.Context()); err != nil {
		p.Fatal(err)
	}
}

func (p *plant) put(name string, s bearing.Sensor) error {
	doc, err := json.Marshal(s)
	if err != nil {
		p.Fatal(err)
	}
	_, _, err = p.registry.PutResource(p.Context(), bearing.KindSensor, name, doc, bearing.AnyVersion)
	return err
}

// window returns one that begins at a time.
func (p *plant) window(name string, start time.Time) *bearing.Window {
	p.Helper()
	w, err := bearing.NewWindow(bearing.Window{Sensor: name, Start: start, SampleRate: 12000, ShaftSpeed: 30, Unit: bearing.G,
		Samples: samples(rand.New(rand.NewPCG(uint64(start.UnixNano()), 3)), 6000)}, bearing.Limits{})
	if err != nil {
		p.Fatal(err)
	}
	return w
}

// send submits a window that begins at a time.
func (p *plant) send(name string, start time.Time) bearing.Diagnosis {
	p.Helper()
	d, err := p.core.Submit(p.Context(), p.window(name, start), admit.Entry{})
	if err != nil {
		p.Fatal(err)
	}
	return d
}

// wait turns the clock on and looks.
func (p *plant) wait(d time.Duration) {
	p.now = p.now.Add(d)
	p.began = p.core.look(p.Context(), p.began)
}

// usual sends a window a minute for a while.
func (p *plant) usual(name string) {
	p.Helper()
	for range 6 {
		p.send(name, p.now)
		p.wait(time.Minute)
	}
}

func (p *plant) open(q bearing.AlarmQuery) []bearing.Alarm {
	p.Helper()
	q.Open = true
	page, err := p.db.Alarms(p.Context(), q)
	if err != nil {
		p.Fatal(err)
	}
	return page.Alarms
}

// logged is how many changes the log of alarms has, and the last of them.
func (p *plant) logged() (n int, last bearing.Alarm) {
	p.Helper()
	changes, _, err := p.db.AlarmLog(p.Context(), 0, 1000)
	if err != nil {
		p.Fatal(err)
	}
	if n = len(changes); n > 0 {
		last = changes[n-1].Alarm
	}
	return n, last
}

// TestSilenceEnds: whatever comes ends it, and only what is registered is looked for.
func TestSilenceEnds(t *testing.T) {
	for _, c := range []struct {
		name  string
		start time.Duration // to the first window
	}{
		{"the next window", 30 * time.Minute},
		{"an older window", -time.Hour},
		{"a late window", -72 * time.Hour},
		{"a window that was there already", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newPlant(t)
			first := p.now
			if err := p.put("pump", bearing.Sensor{}); err != nil {
				t.Fatal(err)
			}
			p.usual("pump")
			p.wait(10 * time.Minute)
			open := p.open(bearing.AlarmQuery{})
			if len(open) != 1 || open[0].Kind != bearing.OnSilence {
				t.Fatalf("%+v", open)
			}
			p.now = p.now.Add(14 * time.Minute)
			p.send("pump", first.Add(c.start))
			p.wait(time.Second)
			a, err := p.db.Alarm(t.Context(), open[0].ID)
			if err != nil || a.Open() || a.Cleared.Before(a.Raised) {
				t.Errorf("%+v, %v", a, err)
			}
			p.wait(10 * time.Minute)
			if open := p.open(bearing.AlarmQuery{}); len(open) != 1 {
				t.Errorf("silent again: %+v", open)
			}
		})
	}
	p := newPlant(t)
	p.usual("invented")
	p.wait(time.Hour)
	if open := p.open(bearing.AlarmQuery{}); len(open) != 0 {
		t.Errorf("a sensor that nobody registered: %+v", open)
	}
	if err := p.put("invented", bearing.Sensor{}); err != nil {
		t.Fatal(err)
	}
	p.wait(time.Second)
	if open := p.open(bearing.AlarmQuery{}); len(open) != 1 {
		t.Errorf("registered since: %+v", open)
	}
}

// TestShelvesEnd: when the time of a shelf is over the alarm changes, once, and those who
// follow are told; also if it passed while the service was away.
func TestShelvesEnd(t *testing.T) {
	p := newPlant(t)
	if err := p.put("pump", bearing.Sensor{}); err != nil {
		t.Fatal(err)
	}
	p.usual("pump")
	p.wait(10 * time.Minute)
	id := p.open(bearing.AlarmQuery{})[0].ID
	shelve := func(d time.Duration) bearing.Alarm {
		t.Helper()
		a, err := p.core.Shelve(t.Context(), id, bearing.AnyVersion, p.now.Add(d), nil)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	told := func(what string, n int, a bearing.Alarm, shelved bool) {
		t.Helper()
		if have, last := p.logged(); have != n || last.ID != a.ID || last.Version != a.Version+int64(n-2) || (last.ShelvedUntil != nil) != shelved {
			t.Errorf("%s: %d changes, the last %+v", what, have, last)
		}
	}
	first := shelve(time.Hour)
	p.wait(59 * time.Minute)
	told("before its time", 2, first, true)
	shelve(time.Hour) // longer than it was
	p.wait(59 * time.Minute)
	told("before its new time", 3, first, true)
	p.wait(time.Minute)
	told("over", 4, first, false)
	p.wait(time.Hour)
	told("once", 4, first, false)

	shelve(time.Hour)
	p.restart()
	p.wait(30 * time.Minute)
	told("after a restart", 5, first, true)
	p.now = p.now.Add(time.Hour)
	p.restart()
	p.wait(time.Second)
	told("it was over before the start", 6, first, false)

	shelve(time.Hour)
	if a, err := p.core.CloseAlarm(t.Context(), id, bearing.AnyVersion, bearing.Signature{At: p.now, By: "x"}); err != nil || a.ShelvedUntil != nil {
		t.Errorf("%+v, %v", a, err)
	}
	p.wait(2 * time.Hour)
	told("closed", 8, first, false)
}

// TestManyShelvesEnd: however many shelves end at once, some of whose alarms cannot be changed, all
// others are ended by looks that do so many each.
func TestManyShelvesEnd(t *testing.T) {
	p := newPlant(t)
	if err := p.put("pump", bearing.Sensor{}); err != nil {
		t.Fatal(err)
	}
	p.usual("pump")
	p.wait(10 * time.Minute)
	real := p.open(bearing.AlarmQuery{})[0].ID
	if _, err := p.core.Shelve(t.Context(), real, bearing.AnyVersion, p.now.Add(time.Hour), nil); err != nil {
		t.Fatal(err)
	}
	var e bearing.Effects // of these no machine knows
	early := p.now.Add(-time.Hour)
	for i := range 2*shelvesEach + 10 {
		e.Alarms = append(e.Alarms, bearing.Alarm{ID: fmt.Sprint("stray", i), Sensor: "stray", Severity: "alarm", State: bearing.AlarmActive, Raised: early, ShelvedUntil: &early, Version: 1})
	}
	if err := p.db.PutAlarms(t.Context(), "stray", "", &e); err != nil {
		t.Fatal(err)
	}
	p.now = p.now.Add(2 * time.Hour)
	for look := 1; ; look++ {
		p.wait(0)
		if a, err := p.db.Alarm(t.Context(), real); err != nil {
			t.Fatal(err)
		} else if a.ShelvedUntil == nil {
			if look != 3 {
				t.Errorf("ended by look %d, want 3", look)
			}
			break
		} else if look == 10 {
			t.Fatal("its shelf does not end")
		}
	}
}

// TestAlarmsOfRetired: an alarm ends by hand and stays ended, and all of a sensor with it.
func TestAlarmsOfRetired(t *testing.T) {
	p := newPlant(t)
	if err := p.put("pump", bearing.Sensor{}); err != nil {
		t.Fatal(err)
	}
	p.usual("pump")
	p.wait(10 * time.Minute)
	a := p.open(bearing.AlarmQuery{})[0]
	if _, err := p.core.CloseAlarm(t.Context(), a.ID, a.Version+1, bearing.Signature{}); bearing.CodeOf(err) != "version_mismatch" {
		t.Errorf("another version: %v", err)
	}
	a, err := p.core.CloseAlarm(t.Context(), a.ID, a.Version, bearing.Signature{At: p.now, By: "day shift", Note: "scrapped"})
	if err != nil || a.Open() || a.Closed == nil || a.Closed.By != "day shift" || !a.Cleared.Equal(p.now) {
		t.Errorf("%+v, %v", a, err)
	}
	if _, err := p.core.CloseAlarm(t.Context(), a.ID, bearing.AnyVersion, bearing.Signature{}); bearing.CodeOf(err) != "alarm_closed" {
		t.Errorf("twice: %v", err)
	}
	p.wait(time.Hour)
	p.restart()
	p.wait(time.Hour)
	if open := p.open(bearing.AlarmQuery{}); len(open) != 0 {
		t.Errorf("raised again: %+v", open)
	}

	p.usual("pump")
	p.wait(time.Hour)
	if open := p.open(bearing.AlarmQuery{}); len(open) != 1 {
		t.Fatalf("%+v", open)
	}
	if err := p.registry.DeleteResource(t.Context(), bearing.KindSensor, "pump", 999); bearing.CodeOf(err) != "version_mismatch" || len(p.open(bearing.AlarmQuery{})) != 1 {
		t.Errorf("another version: %v", err)
	}
	if err := p.registry.DeleteResource(t.Context(), bearing.KindSensor, "pump", bearing.SomeVersion); err != nil {
		t.Fatal(err)
	}
	if n, last := p.logged(); n != 4 || last.Open() {
		t.Errorf("%d changes, the last %+v", n, last)
	}
	if err := p.put("pump", bearing.Sensor{}); err != nil { // another one, of which nothing has come
		t.Fatal(err)
	}
	p.restart()
	p.wait(time.Hour)
	if open := p.open(bearing.AlarmQuery{}); len(open) != 0 {
		t.Errorf("%+v", open)
	}
}
