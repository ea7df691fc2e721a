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

// TestShelfPlan: shelves that are over are found by their index.
func TestShelfPlan(t *testing.T) {
	planOf(t, open(t, Config{}))(dueShelves, "alarms_shelved", "a", "b", 1, 1)
}
