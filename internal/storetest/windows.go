package storetest

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"brinell/bearing"
)

// roundTrip: diagnosis and window come back as they were, in UTC; and after the store is closed
// it takes nothing.
func roundTrip(t *testing.T, open Open) {
	cfg := Config{Dir: t.TempDir()}
	s := open(t, cfg)
	d, w := window("pump", "", 1, 0)
	abroad := d
	abroad.ReceivedAt = d.ReceivedAt.In(time.FixedZone("", 3600))
	abroad.Duplicate = true // the caller's mistake is not kept
	got, err := s.Append(t.Context(), abroad, w, nil)
	if err != nil || cmp.Diff(d, got, cmpopts.EquateEmpty()) != "" {
		t.Fatalf("append: %v\n%s", err, cmp.Diff(d, got, cmpopts.EquateEmpty()))
	}
	if got.ReceivedAt.Location() != time.UTC {
		t.Errorf("received at %v, want UTC", got.ReceivedAt)
	}
	stated := *w
	stated.Samples = slices.Clone(w.Samples)
	clear(w.Samples) // whose memory the caller uses again
	read := func(s Store) {
		t.Helper()
		got, err := s.Diagnosis(t.Context(), d.ID)
		if err != nil || cmp.Diff(d, got, cmpopts.EquateEmpty()) != "" {
			t.Errorf("diagnosis: %v\n%s", err, cmp.Diff(d, got, cmpopts.EquateEmpty()))
		}
		if got.Start.Location() != time.UTC || got.ReceivedAt.Location() != time.UTC {
			t.Errorf("times %v and %v, want UTC", got.Start, got.ReceivedAt)
		}
		back, err := s.Window(t.Context(), d.ID)
		if err != nil || cmp.Diff(&stated, back) != "" {
			t.Errorf("window: %v\n%s", err, cmp.Diff(&stated, back))
		}
		if back != nil && back.Digest() != stated.Digest() {
			t.Error("the digest of the window read back differs")
		}
	}
	read(s)
	if _, err := s.Diagnosis(t.Context(), "none"); bearing.CodeOf(err) != "diagnosis_not_found" {
		t.Errorf("a diagnosis that there is not: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	_, err = s.Append(t.Context(), d, &stated, nil)
	refused(t, "after it was closed", err, bearing.Overloaded, "store_closed")
	s = open(t, cfg)
	read(s)
	if got, err := s.Append(t.Context(), d, &stated, nil); err != nil || !got.Duplicate {
		t.Errorf("again after a restart: %v, duplicate %v", err, got.Duplicate)
	}
}

// identity: sensor, axis and start say which window it is.
func identity(t *testing.T, open Open) {
	s := open(t, Config{Dir: t.TempDir()})
	first := put(t, s, "pump", "", 1, nil)
	// The same window again, judged differently: the first answer stays.
	d, w := window("pump", "", 1, 0)
	d.Fault, d.ReceivedAt = bearing.Ball, d.ReceivedAt.Add(time.Hour)
	got, err := s.Append(t.Context(), d, w, nil)
	first.Duplicate = true
	if err != nil || cmp.Diff(first, got, cmpopts.EquateEmpty()) != "" {
		t.Errorf("repeat: %v\n%s", err, cmp.Diff(first, got, cmpopts.EquateEmpty()))
	}
	for name, f := range map[string]func(*bearing.Window){
		"samples": func(w *bearing.Window) { w.Samples[3]++ },
		"rate":    func(w *bearing.Window) { w.SampleRate++ },
		"speed":   func(w *bearing.Window) { w.ShaftSpeed = 0 },
		"unit":    func(w *bearing.Window) { w.Unit = bearing.MetresPerSec2 },
		"bearing": func(w *bearing.Window) { w.Bearing = "6205" },
	} {
		d, w := window("pump", "", 1, 0)
		f(w)
		_, err := s.Append(t.Context(), d, w, nil)
		refused(t, "other "+name, err, bearing.Conflict, "window_conflict")
	}
	// Another axis is another window.
	if got := put(t, s, "pump", "x", 1, nil); got.Duplicate {
		t.Error("another axis is called a repeat")
	}
	if got := starts(t, s, "pump"); !slices.Equal(got, []int{1, 1}) {
		t.Errorf("stored are %v, want one of each axis", got)
	}
	// One that was stored with what is registered, and comes back as it was given out.
	d, w = window("fan", "", 1, 0)
	e := &d.Witnesses.Envelope
	e.Bearing, e.SpeedHz, e.SpeedSource = "6205", 29.95, bearing.SpeedRegistered
	w.ShaftSpeed = 0
	if _, err := s.Append(t.Context(), d, w, nil); err != nil {
		t.Fatal(err)
	}
	w.ShaftSpeed, w.Bearing = 29.95, "6205"
	if got, err := s.Append(t.Context(), d, w, nil); err != nil || !got.Duplicate {
		t.Errorf("as it was given out: %v, duplicate %v", err, got.Duplicate)
	}
}

// refusals: what is not the window's diagnosis, or cannot be written down, is not stored.
func refusals(t *testing.T, open Open) {
	s := open(t, Config{Dir: t.TempDir()})
	for name, f := range map[string]func(*bearing.Diagnosis){
		"id":     func(d *bearing.Diagnosis) { d.ID = "x" },
		"sensor": func(d *bearing.Diagnosis) { d.Sensor = "x" },
		"axis":   func(d *bearing.Diagnosis) { d.Axis = "x" },
		"start":  func(d *bearing.Diagnosis) { d.Start = d.Start.Add(1) },
		"nan":    func(d *bearing.Diagnosis) { d.Features = bearing.Values{{Name: "rms", Value: math.NaN()}} },
	} {
		d, w := window("pump", "", 1, 0)
		f(&d)
		if _, err := s.Append(t.Context(), d, w, nil); bearing.KindOf(err) != bearing.Internal {
			t.Errorf("%s: %v", name, err)
		}
	}
	if names, err := s.Sensors(t.Context()); err != nil || len(names) != 0 {
		t.Errorf("of %q something is stored, %v", names, err)
	}
}

// order: who is told of a window can read it then, and is told before its sender; of what is
// refused or a repeat nobody is told. Places among the events go on after a restart.
func order(t *testing.T, open Open) {
	var s Store
	var mu sync.Mutex
	var told []bearing.Event
	cfg := Config{Dir: t.TempDir(), Committed: func(events []bearing.Event) {
		mu.Lock()
		defer mu.Unlock()
		for _, e := range events {
			if told = append(told, e); e.Kind == "alarm" {
				continue
			}
			var d struct{ ID string }
			decode(t, e.Doc, &d)
			if got, err := s.Diagnosis(t.Context(), d.ID); err != nil || got.Sensor != e.Sensor {
				t.Errorf("%s is told of and cannot be read: %v", d.ID, err)
			}
			if at, err := s.Position(t.Context()); err != nil || at.Diagnosis < e.Position.Diagnosis {
				t.Errorf("the newest place is %s, %v; told of is %s", at, err, e.Position)
			}
		}
	}}
	s = open(t, cfg)
	count := func() int {
		mu.Lock()
		defer mu.Unlock()
		return len(told)
	}
	for i := range 5 {
		put(t, s, "pump", "", i, nil)
		if n := count(); n != i+1 {
			t.Fatalf("window %d is acknowledged, told of are %d", i, n)
		}
	}
	put(t, s, "pump", "", 3, nil)
	d, w := window("pump", "", 3, 1)
	if _, err := s.Append(t.Context(), d, w, nil); err == nil {
		t.Error("another window took the place of one")
	}
	if n := count(); n != 5 {
		t.Errorf("told of are %d, want 5: neither the repeat nor what was refused", n)
	}
	s = reopen(t, s, open, cfg)
	put(t, s, "pump", "", 5, nil)
	stored, err := s.Events(t.Context(), bearing.Position{}, bearing.EventQuery{}, 100)
	if err != nil || len(stored) != 6 || len(told) != 6 {
		t.Fatalf("%d events stored, %d told, %v; want 6", len(stored), len(told), err)
	}
	for i := range stored {
		if d := cmp.Diff(told[i], stored[i]); d != "" {
			t.Errorf("event %d was told otherwise than it is stored:\n%s", i, d)
		}
	}
}

// together: of windows that come at once each is stored once.
func together(t *testing.T, open Open) {
	s := open(t, Config{Dir: t.TempDir()})
	var repeats atomic.Int64
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 20 { // two share each sensor, so half are repeats
				d, w := window(fmt.Sprintf("s%d", g/2), "", i, 0)
				d, err := s.Append(t.Context(), d, w, nil)
				if err != nil {
					t.Error(err)
				}
				if d.Duplicate {
					repeats.Add(1)
				}
			}
		})
	}
	wg.Wait()
	n := 0
	for g := range 4 {
		n += len(starts(t, s, fmt.Sprintf("s%d", g)))
	}
	if n != 80 || repeats.Load() != 80 {
		t.Errorf("%d are stored, %d were repeats; want 80 of each", n, repeats.Load())
	}
	if names, err := s.Sensors(t.Context()); err != nil || !slices.Equal(names, []string{"s0", "s1", "s2", "s3"}) {
		t.Errorf("sensors %q, %v", names, err)
	}
}

// historyOrder: a sensor comes back with all its axes, in the order in which its windows were
// stored, until who reads has enough.
func historyOrder(t *testing.T, open Open) {
	cfg := Config{Dir: t.TempDir()}
	s := open(t, cfg)
	for _, i := range []int{3, 1, 4, 0, 2} {
		for _, axis := range []string{"x", "y"} {
			put(t, s, "pump", axis, i, nil)
		}
		put(t, s, "other", "", i, nil)
	}
	want := []int{3, 3, 1, 1, 4, 4, 0, 0, 2, 2}
	if got := starts(t, s, "pump"); !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if axes, err := s.Axes(t.Context(), "pump"); err != nil || !slices.Equal(axes, []string{"x", "y"}) {
		t.Errorf("axes %q, %v", axes, err)
	}
	s = reopen(t, s, open, cfg)
	if got := starts(t, s, "pump"); !slices.Equal(got, want) {
		t.Errorf("after a restart %v, want %v", got, want)
	}
	n, enough := 0, errors.New("enough")
	err := s.History(t.Context(), "pump", func(bearing.Diagnosis) error { n++; return enough })
	if !errors.Is(err, enough) || n != 1 {
		t.Errorf("%v after %d, want the reader's error after one", err, n)
	}
	if got := starts(t, s, "nobody"); got != nil {
		t.Errorf("of nobody %v", got)
	}
}
