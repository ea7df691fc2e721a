package storetest

import (
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"brinell/bearing"
)

// left says what is left of a window: its samples, its diagnosis, or nothing.
func left(t *testing.T, s Store, id string) string {
	t.Helper()
	_, err := s.Window(t.Context(), id)
	switch code := bearing.CodeOf(err); code {
	case "":
		if err != nil {
			t.Fatal(err)
		}
		return "samples"
	case "samples_expired":
		if _, err := s.Diagnosis(t.Context(), id); err != nil || bearing.KindOf(err) == bearing.NotFound {
			t.Errorf("the samples of %s are gone, and its diagnosis: %v", id, err)
		}
		return "diagnosis"
	case "diagnosis_not_found":
		return "nothing"
	default:
		t.Fatalf("%s: %v", id, err)
		return ""
	}
}

// rawCap: raw samples are kept up to a size; what goes is the oldest of the sensor that has most,
// so that a chatty one does not push a quiet one out; what is gone still counts as stored.
func rawCap(t *testing.T, open Open) {
	const size = 64 * 4 // of a window, about
	s := open(t, Config{Dir: t.TempDir(), RawCap: 20 * size})
	var quiet, chatty []string
	for i := range 5 {
		quiet = append(quiet, put(t, s, "quiet", "", i, nil).ID)
	}
	for i := range 60 {
		chatty = append(chatty, put(t, s, "chatty", "", 59-i, nil).ID) // the oldest is the one that came first
	}
	for _, id := range quiet {
		if got := left(t, s, id); got != "samples" {
			t.Errorf("of a window of the quiet sensor %s is left", got)
		}
	}
	kept := 0
	for i, id := range chatty {
		switch got := left(t, s, id); {
		case got == "samples":
			kept++
		case got != "diagnosis" || kept > 0:
			t.Errorf("of window %d of the chatty sensor %s is left, of %d before it the samples", i, got, kept)
		}
	}
	if kept < 5 || kept > 25 {
		t.Errorf("%d windows of the chatty sensor have their samples, want about 15", kept)
	}
	d, w := window("chatty", "", 59, 0)
	if got, err := s.Append(t.Context(), d, w, nil); err != nil || !got.Duplicate {
		t.Errorf("one whose samples are gone again: %v, duplicate %v", err, got.Duplicate)
	}
	d, w = window("chatty", "", 59, 1)
	if _, err := s.Append(t.Context(), d, w, nil); bearing.CodeOf(err) != "window_conflict" {
		t.Errorf("one whose samples are gone contradicted: %v", err)
	}
	if n := len(starts(t, s, "chatty")); n != 60 {
		t.Errorf("%d diagnoses, want 60", n)
	}
	// Samples that alone are over the cap go at once.
	small := open(t, Config{Dir: t.TempDir(), RawCap: 1})
	if got := left(t, small, put(t, small, "pump", "", 1, nil).ID); got != "diagnosis" {
		t.Errorf("of a window larger than the cap %s is left", got)
	}
}

// ages: samples go by when they were received, and so do diagnoses with all that is kept of
// their sensor. A store may take up to two hours more, and another window.
func ages(t *testing.T, open Open) {
	var hours atomic.Int64
	now := func() time.Time { return epoch.Add(time.Duration(hours.Load()) * time.Hour) }
	s := open(t, Config{Dir: t.TempDir(), RawAge: 10 * time.Hour, Age: 20 * time.Hour, Now: now})
	state := bearing.AxisState{Doc: []byte("{}")}
	// Measured long after the others, received before them.
	first := put(t, s, "pump", "", 1_000_000, &bearing.Effects{State: &state, Machine: []byte("{}"), Rev: 1})
	n := 0
	at := func(hour int64, want string) {
		t.Helper()
		hours.Store(hour)
		got := ""
		for range 50 { // what is too old goes between two windows
			n++
			put(t, s, "other", "", n, nil)
			if got = left(t, s, first.ID); got == want && want != "samples" {
				return
			}
		}
		if got != want {
			t.Errorf("after %d hours %s is left, want %s", hour, got, want)
		}
	}
	at(1, "samples")
	at(9, "samples")
	at(12, "diagnosis")
	at(22, "nothing")
	if got := starts(t, s, "pump"); got != nil {
		t.Errorf("of the sensor are left %v", got)
	}
	if st, err := s.State(t.Context(), "pump", ""); err != nil || st.Doc != nil || len(st.Since) != 0 {
		t.Errorf("its state is %+v, %v", st, err)
	}
	if doc, err := s.AlarmMachine(t.Context(), "pump", ""); err != nil || doc != nil {
		t.Errorf("its alarm machine is %s, %v", doc, err)
	}
	if names, err := s.Sensors(t.Context()); err != nil || !slices.Equal(names, []string{"other"}) {
		t.Errorf("sensors %q, %v", names, err)
	}
}

// states: a state comes back with the diagnoses that it does not cover, in the order in which
// they were stored; one that comes with a window is stored with it, or not at all.
func states(t *testing.T, open Open) {
	cfg := Config{Dir: t.TempDir()}
	s := open(t, cfg)
	check := func(axis, doc string, since ...int) {
		t.Helper()
		st, err := s.State(t.Context(), "pump", axis)
		if err != nil {
			t.Fatal(err)
		}
		var got []int
		for _, d := range st.Since {
			got = append(got, int(d.Start.Sub(epoch)/time.Second))
		}
		if !slices.Equal(got, since) || string(st.Doc) != doc || !st.Folded {
			t.Errorf("axis %q: state %s, folded %v, since it %v; want %s, %v", axis, st.Doc, st.Folded, got, doc, since)
		}
	}
	check("x", "")
	first, second := put(t, s, "pump", "x", 3, nil).ID, put(t, s, "pump", "x", 1, nil).ID
	put(t, s, "pump", "y", 5, nil)
	check("x", "", 3, 1)
	state := func(axis, doc string, covers ...string) bearing.AxisState {
		return bearing.AxisState{Axis: axis, Doc: []byte(doc), Covers: covers}
	}
	one, two := state("x", `{"a":1}`, first, second), state("x", `{"a":2}`, first)
	put(t, s, "pump", "x", 2, &bearing.Effects{State: &one})
	check("x", `{"a":1}`, 2)
	check("y", "", 5)
	put(t, s, "pump", "x", 2, &bearing.Effects{State: &two}) // a repeat
	check("x", `{"a":1}`, 2)
	if err := s.PutStates(t.Context(), "pump", true, state("y", `{"b":1}`, first)); err != nil {
		t.Fatal(err)
	}
	check("x", `{"a":1}`, 2)
	check("y", `{"b":1}`, 5)
	if names, err := s.Unfolded(t.Context()); err != nil || len(names) != 0 {
		t.Errorf("not folded are %q, %v", names, err)
	}
	s = reopen(t, s, open, cfg)
	check("x", `{"a":1}`, 2)
	check("y", `{"b":1}`, 5)
	if axes, err := s.Axes(t.Context(), "pump"); err != nil || !slices.Equal(axes, []string{"x", "y"}) {
		t.Errorf("axes %q, %v", axes, err)
	}
}

// forgotten: of a sensor that is forgotten nothing is left but its alarms and what is registered.
func forgotten(t *testing.T, open Open) {
	s := open(t, Config{Dir: t.TempDir()})
	ctx := t.Context()
	if _, _, err := s.PutResource(ctx, bearing.KindSensor, "pump", []byte("{}"), bearing.AnyVersion); err != nil {
		t.Fatal(err)
	}
	ids := make(map[string]string)
	for i := range 7 {
		d := put(t, s, "pump", fmt.Sprint(i%2), i, &bearing.Effects{Machine: []byte("{}"), Rev: 1})
		ids[d.ID] = d.Axis
	}
	put(t, s, "other", "", 1, nil)
	if err := s.PutStates(ctx, "pump", true, bearing.AxisState{Axis: "0", Doc: []byte("{}")}); err != nil {
		t.Fatal(err)
	}
	raise(t, s, "pump", "0", bearing.Alarm{ID: "a", State: bearing.AlarmClosed, Version: 1}, 2)
	if err := s.ForgetSensor(ctx, "pump"); err != nil {
		t.Fatal(err)
	}
	for id, axis := range ids {
		if got := left(t, s, id); got != "nothing" {
			t.Errorf("of window %s %s is left", id, got)
		}
		if st, err := s.State(ctx, "pump", axis); err != nil || st.Doc != nil || len(st.Since) != 0 {
			t.Errorf("axis %s: state %+v, %v", axis, st, err)
		}
		if doc, err := s.AlarmMachine(ctx, "pump", axis); err != nil || doc != nil {
			t.Errorf("axis %s: alarm machine %s, %v", axis, doc, err)
		}
	}
	if axes, err := s.Axes(ctx, "pump"); err != nil || len(axes) != 0 {
		t.Errorf("axes %q, %v", axes, err)
	}
	if names, err := s.Sensors(ctx); err != nil || !slices.Equal(names, []string{"other"}) {
		t.Errorf("sensors %q, %v", names, err)
	}
	if a, err := s.Alarm(ctx, "a"); err != nil || a.Sensor != "pump" {
		t.Errorf("its alarm: %+v, %v", a, err)
	}
	if _, err := s.Resource(ctx, bearing.KindSensor, "pump"); err != nil {
		t.Errorf("what is registered: %v", err)
	}
	refused(t, "again", s.ForgetSensor(ctx, "pump"), bearing.NotFound, "sensor_not_found")
	if d := put(t, s, "pump", "0", 0, nil); d.Duplicate {
		t.Error("a window that was forgotten is called a repeat")
	}
}
