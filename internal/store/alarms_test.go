package store

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"brinell/bearing"
)

// TestAlarmFilters pages through every choice of filters and compares with what a loop
// over all alarms finds.
func TestAlarmFilters(t *testing.T) {
	db := open(t, Config{})
	ctx := t.Context()
	for i := range 4 {
		if _, _, err := db.PutResource(ctx, bearing.KindSensor, fmt.Sprint("s", i), fmt.Appendf(nil, `{"machine":"m%d"}`, i%2), bearing.AnyVersion); err != nil {
			t.Fatal(err)
		}
	}
	rng := rand.New(rand.NewPCG(1, 2))
	pick := func(of ...string) string { return of[rng.IntN(len(of))] }
	var all []bearing.Alarm
	for i := range 300 {
		a := bearing.Alarm{ID: fmt.Sprintf("a%03d", i), Sensor: pick("s0", "s1", "s2", "s3", "free"), Axis: pick("", "x"), Severity: pick("warning", "alarm"),
			State: pick(bearing.AlarmActive, bearing.AlarmClosed, bearing.AlarmAcknowledged, bearing.AlarmReturned), Raised: epoch.Add(time.Duration(rng.IntN(50)) * time.Second), Version: 1}
		if i%7 == 0 {
			a.ShelvedUntil = &epoch
		}
		all = append(all, a)
		if err := db.PutAlarms(ctx, a.Sensor, a.Axis, &bearing.Effects{Alarms: []bearing.Alarm{a}, Machine: []byte("{}"), Rev: 1}); err != nil {
			t.Fatal(err)
		}
	}
	slices.SortFunc(all, func(a, b bearing.Alarm) int {
		if c := b.Raised.Compare(a.Raised); c != 0 {
			return c
		}
		return strings.Compare(b.ID, a.ID)
	})
	none, x := "", "x"
	states := []string{"", bearing.AlarmActive, "", bearing.AlarmClosed, bearing.AlarmReturned, "", bearing.AlarmAcknowledged}
	for bits := range 2 * 3 * 2 * 3 * 3 * len(states) {
		q := bearing.AlarmQuery{Limit: 7}
		q.Open = bits%2 == 1
		q.State = states[bits%len(states)]
		q.Sensor = []string{"", "s1", "free"}[bits/2%3]
		q.Severity = []string{"", "alarm"}[bits/6%2]
		q.Machine = []string{"", "m1", "m9"}[bits/12%3]
		q.Axis = []*string{nil, &none, &x}[bits/36%3]
		var want, got []string
		for _, a := range all {
			on := map[string]string{"s0": "m0", "s1": "m1", "s2": "m0", "s3": "m1"}[a.Sensor]
			if (!q.Open || a.Open()) && (q.Sensor == "" || q.Sensor == a.Sensor) && (q.Severity == "" || q.Severity == a.Severity) && (q.State == "" || q.State == a.State) && (q.Machine == "" || q.Machine == on) && (q.Axis == nil || *q.Axis == a.Axis) {
				want = append(want, a.ID)
			}
		}
		for {
			page, err := db.Alarms(ctx, q)
			if err != nil {
				t.Fatal(err)
			}
			for _, a := range page.Alarms {
				got = append(got, a.ID)
			}
			if q.Cursor = page.NextCursor; q.Cursor == "" {
				break
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%+v: %v, want %v", q, got, want)
		}
	}

	if axes, err := db.AlarmAxes(ctx, "free"); err != nil || !slices.Equal(axes, []string{"", "x"}) {
		t.Errorf("axes %q, %v", axes, err)
	}
}

// TestDueShelves: open alarms whose time is over are told of, and those on a shelf for longer than
// may be, page by page; no others.
func TestDueShelves(t *testing.T) {
	db := open(t, Config{})
	now := time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
	put := func(id, state string, until time.Time) {
		a := bearing.Alarm{ID: id, Sensor: "s", Severity: "alarm", State: state, Raised: now, Version: 1}
		if !until.IsZero() {
			a.ShelvedUntil = &until
		}
		if err := db.PutAlarms(t.Context(), "s", "", &bearing.Effects{Alarms: []bearing.Alarm{a}}); err != nil {
			t.Fatal(err)
		}
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
	}{{0, 9, []string{"over", "now", "far"}}, {0, 2, []string{"over", "now"}}, {1, 2, []string{"now", "far"}}, {3, 2, nil}} {
		if got, err := db.DueShelves(t.Context(), now, c.after, c.limit); err != nil || !slices.Equal(got, c.want) {
			t.Errorf("after %d, %d at most: %v %v, want %v", c.after, c.limit, got, err, c.want)
		}
	}
	planOf(t, db)(dueShelves, "alarms_shelved", "a", "b", 1, 1)
}

// TestBefore: who is told of a change of an alarm is told what it was before.
func TestBefore(t *testing.T) {
	var told []bearing.Event
	db := open(t, Config{Committed: func(events []bearing.Event) { told = append(told, events...) }})
	a := bearing.Alarm{ID: "a", Sensor: "s", Severity: "alarm", State: bearing.AlarmActive, Version: 1}
	for _, state := range []string{bearing.AlarmActive, bearing.AlarmAcknowledged, bearing.AlarmClosed} {
		a.State = state
		if err := db.PutAlarms(t.Context(), "s", "", &bearing.Effects{Alarms: []bearing.Alarm{a}}); err != nil {
			t.Fatal(err)
		}
		a.Version++
	}
	if len(told) != 3 || told[0].Before != nil || string(told[1].Before) != string(told[0].Doc) || string(told[2].Before) != string(told[1].Doc) {
		t.Errorf("told %+v", told)
	}
}

// TestArrivalsOfQuietAxis: an axis that fell silent long ago, as its sensor counts, is told of too.
func TestArrivalsOfQuietAxis(t *testing.T) {
	db := open(t, Config{})
	begin := time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)
	for i := range 80 {
		axis := "fast"
		if i < 3 {
			axis = "quiet"
		}
		at := begin.Add(time.Duration(i) * time.Second)
		w := &bearing.Window{Sensor: "pump", Axis: axis, Start: at, SampleRate: 1000, Unit: bearing.G, Samples: []float32{1, 2}}
		if _, err := db.Append(t.Context(), bearing.Diagnosis{ID: w.ID(), Sensor: "pump", Axis: axis, Start: at, ReceivedAt: at}, w, nil); err != nil {
			t.Fatal(err)
		}
	}
	last := map[string]time.Time{}
	err := db.Arrivals(t.Context(), func(_, axis string, starts, received []time.Time) {
		if last[axis] = starts[len(starts)-1]; !slices.EqualFunc(starts, received, time.Time.Equal) {
			t.Errorf("%s: %v, %v", axis, starts, received)
		}
	})
	if err != nil || len(last) != 2 || !last["quiet"].Equal(begin.Add(2*time.Second)) || !last["fast"].Equal(begin.Add(79*time.Second)) {
		t.Errorf("%v, %v", last, err)
	}
}
