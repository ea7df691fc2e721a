package storetest

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"brinell/bearing"
)

func decode(t *testing.T, doc []byte, v any) {
	t.Helper()
	if err := json.Unmarshal(doc, v); err != nil {
		t.Errorf("%s: %v", doc, err)
	}
}

// active returns an alarm that is new.
func active(id, sensor string) bearing.Alarm {
	a := bearing.Alarm{ID: id, Sensor: sensor, Severity: "alarm", State: bearing.AlarmActive}
	a.Raised, a.Changed, a.Version = epoch, time.Now().UTC(), 1 // a log may forget what changed long ago
	return a
}

// raise stores an alarm of a sensor axis that no window raised, with revision rev of its machine.
func raise(t *testing.T, s Store, sensor, axis string, a bearing.Alarm, rev int64) {
	t.Helper()
	a.Sensor, a.Axis = sensor, axis
	if a.Raised.IsZero() {
		a.Raised = epoch
	}
	a.Changed = time.Now().UTC()
	e := bearing.Effects{Alarms: []bearing.Alarm{a}}
	if rev > 0 {
		e.Machine, e.Rev = fmt.Appendf(nil, "%d", rev), rev
	}
	if err := s.PutAlarms(t.Context(), sensor, axis, &e); err != nil {
		t.Fatal(err)
	}
}

// effects: alarms, their machine and the state that come with a window are stored with it and
// told of after it; those of a repeat, or of a window that is refused, are not.
func effects(t *testing.T, open Open) {
	var told []string
	cfg := Config{Dir: t.TempDir(), Committed: func(events []bearing.Event) {
		for _, e := range events {
			told = append(told, e.Kind)
		}
	}}
	cfg.Now = func() time.Time { return epoch.Add(time.Hour) } // a month later the log may be cut
	s := open(t, cfg)
	ctx := t.Context()
	also := func(id string, rev int64) *bearing.Effects {
		return &bearing.Effects{
			Alarms:  []bearing.Alarm{active(id, "pump")},
			Machine: fmt.Appendf(nil, "%d", rev),
			Rev:     rev,
			State:   &bearing.AxisState{Doc: fmt.Appendf(nil, "%d", rev)},
		}
	}
	check := func(machine, state string, there, missing []string) {
		t.Helper()
		if doc, err := s.AlarmMachine(ctx, "pump", ""); err != nil || string(doc) != machine {
			t.Errorf("the machine is %s, %v; want %s", doc, err, machine)
		}
		if st, err := s.State(ctx, "pump", ""); err != nil || string(st.Doc) != state {
			t.Errorf("the state is %s, %v; want %s", st.Doc, err, state)
		}
		for _, id := range there {
			if a, err := s.Alarm(ctx, id); err != nil || a.ID != id || a.Sensor != "pump" {
				t.Errorf("alarm %s: %+v, %v", id, a, err)
			}
		}
		for _, id := range missing {
			if _, err := s.Alarm(ctx, id); bearing.CodeOf(err) != "alarm_not_found" {
				t.Errorf("alarm %s: %v", id, err)
			}
		}
		log, last, err := s.AlarmLog(ctx, 0, 100)
		if err != nil || len(log) != len(there) || last != int64(len(there)) {
			t.Fatalf("%d changes in the log, the last is %d, %v; want %d", len(log), last, err, len(there))
		}
		for i, id := range there {
			if log[i].Alarm.ID != id || log[i].Seq != int64(i+1) {
				t.Errorf("change %d is %+v, want one of %s", i, log[i], id)
			}
		}
	}
	put(t, s, "pump", "", 1, also("a", 1))
	check("1", "1", []string{"a"}, nil)
	put(t, s, "pump", "", 1, also("b", 2)) // a repeat
	d, w := window("pump", "", 1, 1)
	if _, err := s.Append(ctx, d, w, also("c", 3)); bearing.CodeOf(err) != "window_conflict" {
		t.Errorf("another window: %v", err)
	}
	d, w = window("pump", "", 2, 0)
	d.ID = "x"
	if _, err := s.Append(ctx, d, w, also("d", 4)); err == nil {
		t.Error("a diagnosis of another window was stored")
	}
	check("1", "1", []string{"a"}, []string{"b", "c", "d"})
	put(t, s, "pump", "", 2, also("e", 5))
	check("5", "5", []string{"a", "e"}, nil)
	if want := []string{"diagnosis", "alarm", "diagnosis", "alarm"}; !slices.Equal(told, want) {
		t.Errorf("told of were %q, want %q", told, want)
	}
	raise(t, s, "pump", "x", bearing.Alarm{ID: "f", State: bearing.AlarmActive, Version: 1}, 1)
	s = reopen(t, s, open, cfg)
	check("5", "5", []string{"a", "e", "f"}, nil)
	if axes, err := s.AlarmAxes(ctx, "pump"); err != nil || !slices.Equal(axes, []string{"", "x"}) {
		t.Errorf("axes with alarms %q, %v", axes, err)
	}
	if log, last, err := s.AlarmLog(ctx, 1, 1); err != nil || len(log) != 1 || log[0].Seq != 2 || last != 3 {
		t.Errorf("one change after the first: %+v of %d, %v", log, last, err)
	}
}

// effectsOnce: a state of the alarms, or an alarm, that is no newer than what is stored changes
// nothing, and is told to nobody.
func effectsOnce(t *testing.T, open Open) {
	s := open(t, Config{Dir: t.TempDir()})
	put := func(rev, version int64, doc string) {
		t.Helper()
		a := active("a", "pump")
		a.Text, a.Version = doc, version
		e := &bearing.Effects{Alarms: []bearing.Alarm{a}, Machine: []byte(doc), Rev: rev}
		if err := s.PutAlarms(t.Context(), "pump", "", e); err != nil {
			t.Fatal(err)
		}
	}
	check := func(machine, text string, told int64) {
		t.Helper()
		doc, err := s.AlarmMachine(t.Context(), "pump", "")
		if err != nil || string(doc) != machine {
			t.Errorf("the state is %s (%v), want %s", doc, err, machine)
		}
		a, err := s.Alarm(t.Context(), "a")
		if err != nil || a.Text != text {
			t.Errorf("the alarm is %q (%v), want %q", a.Text, err, text)
		}
		if _, last, err := s.AlarmLog(t.Context(), 0, 10); err != nil || last != told {
			t.Errorf("%d changes are told (%v), want %d", last, err, told)
		}
	}
	put(2, 2, `"first"`)
	check(`"first"`, `"first"`, 1)
	put(2, 2, `"same"`)
	put(1, 1, `"older"`)
	check(`"first"`, `"first"`, 1)
	put(3, 3, `"newer"`)
	check(`"newer"`, `"newer"`, 2)
}

// dueShelves: open alarms whose time is over are told of, and those on a shelf for longer than
// may be, page by page; no others.
func dueShelves(t *testing.T, open Open) {
	s := open(t, Config{Dir: t.TempDir()})
	now := time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
	put := func(id, state string, until time.Time) {
		a := bearing.Alarm{ID: id, Severity: "alarm", State: state, Raised: now, Version: 1}
		if !until.IsZero() {
			a.ShelvedUntil = &until
		}
		raise(t, s, "s", "", a, 0)
	}
	longest := now.Add(bearing.MaxShelf + bearing.ShelfSlack)
	put("over", bearing.AlarmActive, now.Add(-time.Hour))
	put("now", bearing.AlarmAcknowledged, now)
	put("far", bearing.AlarmActive, longest.Add(time.Second))
	put("later", bearing.AlarmActive, now.Add(time.Second))
	put("as long as may be", bearing.AlarmActive, longest.Add(-time.Second))
	put("closed", bearing.AlarmClosed, now.Add(-time.Hour))
	put("none", bearing.AlarmActive, time.Time{})
	for _, c := range []struct {
		after, limit int
		want         []string
	}{
		{0, 9, []string{"over", "now", "far"}},
		{0, 2, []string{"over", "now"}},
		{1, 2, []string{"now", "far"}},
		{3, 2, nil},
	} {
		if got, err := s.DueShelves(t.Context(), now, c.after, c.limit); err != nil || !slices.Equal(got, c.want) {
			t.Errorf("after %d, %d at most: %v %v, want %v", c.after, c.limit, got, err, c.want)
		}
	}
}

// before: who is told of a change of an alarm is told what it was before.
func before(t *testing.T, open Open) {
	var told []bearing.Event
	s := open(t, Config{Dir: t.TempDir(), Committed: func(events []bearing.Event) { told = append(told, events...) }})
	a := bearing.Alarm{ID: "a", Severity: "alarm", State: bearing.AlarmActive, Version: 1}
	for _, state := range []string{bearing.AlarmActive, bearing.AlarmAcknowledged, bearing.AlarmClosed} {
		a.State = state
		raise(t, s, "s", "", a, 0)
		a.Version++
	}
	if len(told) != 3 || told[0].Before != nil {
		t.Fatalf("told %+v", told)
	}
	for i := range 2 {
		if string(told[i+1].Before) != string(told[i].Doc) {
			t.Errorf("it was %s, said to have been %s", told[i].Doc, told[i+1].Before)
		}
	}
}

// lastArrivals: of each axis the last nine windows are told in the order of their starts, also of
// one that fell silent long ago, as its sensor counts.
func lastArrivals(t *testing.T, open Open) {
	s := open(t, Config{Dir: t.TempDir()})
	for i := range 80 {
		axis := "fast"
		if i < 3 {
			axis = "quiet"
		}
		put(t, s, "pump", axis, i, nil)
	}
	last, n := map[string]int{}, map[string]int{}
	err := s.Arrivals(t.Context(), func(sensor, axis string, starts, received []time.Time) {
		last[axis], n[axis] = int(starts[len(starts)-1].Sub(epoch)/time.Second), len(starts)
		for i := range starts {
			if sensor != "pump" || !received[i].Equal(starts[i].Add(time.Minute)) || i > 0 && !starts[i].After(starts[i-1]) {
				t.Errorf("%s %s: %v received at %v", sensor, axis, starts[i], received[i])
			}
		}
	})
	if err != nil || len(last) != 2 || last["quiet"] != 2 || last["fast"] != 79 || n["quiet"] != 3 || n["fast"] != 9 {
		t.Errorf("the last are %v of %v, %v", last, n, err)
	}
}

// events: every event is told in its place, with its document where it is wanted by kind and
// sensor, and without where it is not.
func events(t *testing.T, open Open) {
	s := open(t, Config{Dir: t.TempDir()})
	type event struct{ kind, sensor string }
	var all []event
	for i := range 60 {
		sensor := fmt.Sprint("s", i%3)
		e := bearing.Effects{}
		all = append(all, event{"diagnosis", sensor})
		if i%5 == 0 {
			e.Alarms = []bearing.Alarm{active(fmt.Sprint("a", i), sensor)}
			all = append(all, event{"alarm", sensor})
		}
		put(t, s, sensor, "", i, &e)
	}
	for _, q := range []bearing.EventQuery{
		{},
		{Kind: "alarm"},
		{Kind: "diagnosis"},
		{Sensors: []string{"s1"}},
		{Sensors: []string{"s0", "s2"}, Kind: "alarm"},
		{Sensors: []string{"none"}},
	} {
		var got, want []event
		seen := 0
		for at := (bearing.Position{}); ; {
			page, err := s.Events(t.Context(), at, q, 7)
			if err != nil {
				t.Fatal(err)
			}
			if len(page) == 0 {
				break
			}
			for _, e := range page {
				if e.Position == at {
					t.Fatalf("%+v: place %s twice", q, at)
				}
				at = e.Position
				seen++
				if e.Doc != nil {
					got = append(got, event{e.Kind, e.Sensor})
				}
			}
		}
		for _, e := range all {
			if q.Wants(e.kind, e.sensor) {
				want = append(want, e)
			}
		}
		if !slices.Equal(got, want) || seen != len(all) {
			t.Errorf("%+v: %d of %d places, %q, want %q", q, seen, len(all), got, want)
		}
	}
}
