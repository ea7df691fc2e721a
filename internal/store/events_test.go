package store

import (
	"fmt"
	"slices"
	"testing"

	"brinell/bearing"
)

// TestEvents: every event is told in its place, with its document where it is wanted by kind and
// sensor, and without where it is not.
func TestEvents(t *testing.T) {
	db := open(t, Config{})
	ctx := t.Context()
	var all []string
	for i := range 60 {
		d, w := window(t, fmt.Sprint("s", i%3), i, 0)
		e := bearing.Effects{}
		all = append(all, "diagnosis "+w.Sensor)
		if i%5 == 0 {
			e = bearing.Effects{Machine: []byte("{}"), Rev: int64(i + 1), Alarms: []bearing.Alarm{{ID: fmt.Sprint("a", i), Sensor: w.Sensor, Severity: "alarm", State: bearing.AlarmActive, Raised: epoch, Version: 1}}}
			all = append(all, "alarm "+w.Sensor)
		}
		if _, err := db.Append(ctx, d, w, &e); err != nil {
			t.Fatal(err)
		}
	}
	for _, q := range []bearing.EventQuery{{}, {Kind: "alarm"}, {Kind: "diagnosis"}, {Sensors: []string{"s1"}}, {Sensors: []string{"s0", "s2"}, Kind: "alarm"}, {Sensors: []string{"none"}}} {
		var got, want []string
		seen := 0
		for at := (bearing.Position{}); ; {
			events, err := db.Events(ctx, at, q, 7)
			if err != nil {
				t.Fatal(err)
			}
			if len(events) == 0 {
				break
			}
			for _, e := range events {
				if e.Position == at {
					t.Fatalf("%+v: place %s twice", q, at)
				}
				at = e.Position
				seen++
				if e.Doc != nil {
					got = append(got, e.Kind+" "+e.Sensor)
				}
			}
		}
		for _, e := range all {
			var kind, sensor string
			if _, err := fmt.Sscan(e, &kind, &sensor); err != nil {
				t.Fatal(err)
			}
			if (q.Kind == "" || q.Kind == kind) && (q.Sensors == nil || slices.Contains(q.Sensors, sensor)) {
				want = append(want, e)
			}
		}
		if !slices.Equal(got, want) || seen != len(all) {
			t.Errorf("%+v: %d of %d places, %q, want %q", q, seen, len(all), got, want)
		}
	}
}
