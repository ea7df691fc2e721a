package diagnose

import (
	"encoding/json"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"brinell/bearing"
	"brinell/internal/storetest"
)

// longestRule is a rule as long as it may be.
func longestRule() *bearing.AlarmRule {
	until := 0.5
	r := &bearing.AlarmRule{}
	for i := range 16 {
		c := bearing.AlarmCondition{Name: fmt.Sprintf("%s%02d", strings.Repeat("n", 62), i), Kind: bearing.OnFeature, Severity: "warning", Zone: "B",
			Feature: "band_rms_16", Above: 1, Until: &until}
		c.Faults = append(c.Faults, bearing.Verdicts...)
		r.Conditions = append(r.Conditions, c)
	}
	return r
}

// TestRegistryBytes: what registered sensors take at hand is counted as no less than it is, and bounded;
// one that takes no more than before, or comes in the place of a deleted one, has its place.
func TestRegistryBytes(t *testing.T) {
	for name, s := range map[string]bearing.Sensor{
		"bare": {},
		"usual": {Machine: "", SampleRate: 12000, Unit: bearing.G, Axis: "x", Bearing: "6205-2RS", SpeedRPM: 1797, SpeedFrom: bearing.SpeedRegistered,
			Alarm: &bearing.DefaultRule},
		"longest": {Alarm: longestRule()},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := NewRegistry(t.Context(), storetest.NewMemory(storetest.Config{}), bearing.LookupBearing)
			if err != nil {
				t.Fatal(err)
			}
			doc, err := json.Marshal(s)
			if err != nil {
				t.Fatal(err)
			}
			heap := func() int64 {
				var m runtime.MemStats
				for range 3 { // what pools of other tests keep goes with the second
					runtime.GC()
				}
				runtime.ReadMemStats(&m)
				return int64(m.HeapAlloc)
			}
			const n = 3000
			before := heap()
			for i := range n {
				var s bearing.Sensor
				if err := json.Unmarshal(doc, &s); err != nil {
					t.Fatal(err)
				}
				r.hold(fmt.Sprintf("sensor-%059d", i), s)
			}
			if took := heap() - before; r.held < took || r.held > 3*took {
				t.Errorf("%d bytes are counted, %d taken", r.held/n, took/n)
			}
			runtime.KeepAlive(r)
		})
	}
}

// TestRegistryBound: it is refused, and what is there stays writable.
func TestRegistryBound(t *testing.T) {
	store := newPlant(t).db
	open := func() *Registry {
		r, err := NewRegistry(t.Context(), store, bearing.LookupBearing)
		if err != nil {
			t.Fatal(err)
		}
		r.Most = 20_000
		return r
	}
	r := open()
	put := func(name string, rule *bearing.AlarmRule) error {
		doc, err := json.Marshal(bearing.Sensor{Alarm: rule})
		if err != nil {
			t.Fatal(err)
		}
		_, _, err = r.PutResource(t.Context(), bearing.KindSensor, name, doc, bearing.AnyVersion)
		return err
	}
	n := 0
	for ; n < 100; n++ {
		err := put(fmt.Sprint("s", n), longestRule())
		if bearing.CodeOf(err) == "too_many_resources" {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if n == 0 || n == 100 || r.held > r.Most || r.held < r.Most/2 {
		t.Fatalf("%d sensors, %d bytes", n, r.held)
	}
	for put(fmt.Sprint("small", n), nil) == nil {
		n++
	}
	if err := put("s0", longestRule()); err != nil {
		t.Errorf("the same again: %v", err)
	}
	if err := put("small1000", nil); bearing.CodeOf(err) != "too_many_resources" {
		t.Errorf("one more: %v", err)
	}
	if err := put("s0", nil); err != nil {
		t.Errorf("a smaller one: %v", err)
	}
	if err := put("small1000", nil); err != nil {
		t.Errorf("in its place: %v", err)
	}
	was := r.held
	if err := r.DeleteResource(t.Context(), bearing.KindSensor, "small1000", bearing.AnyVersion); err != nil || r.held >= was {
		t.Errorf("deleted: %v, %d bytes of %d", err, r.held, was)
	}

	// What an older program took is at hand once, and a start reads it though it is too much.
	var many []bearing.Fault
	for range 240 {
		many = append(many, bearing.Ball, bearing.InnerRace)
	}
	doc, err := json.Marshal(bearing.Sensor{Alarm: &bearing.AlarmRule{Conditions: []bearing.AlarmCondition{{Name: "c", Kind: bearing.OnFault, Faults: many}}}})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := store.PutResource(t.Context(), bearing.KindSensor, "old", doc, bearing.AnyVersion); err != nil {
		t.Fatal(err)
	}
	r = open()
	old, ok := r.Sensor("old")
	if got := old.Alarm.Conditions[0].Faults; !ok || len(got) != 2 || cap(got) != 2 {
		t.Errorf("%d faults of %v", len(got), got)
	}
}
