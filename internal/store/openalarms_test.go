package store

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"brinell/bearing"
)

// TestOpenAlarms: the first are those of registered sensors, alarms before warnings, those
// that nobody has seen before those that somebody has, the oldest; none is closed or on a
// shelf. What is counted is all of them, however few are asked for.
func TestOpenAlarms(t *testing.T) {
	db := open(t, Config{})
	if _, _, err := db.PutResource(t.Context(), bearing.KindSensor, "pump", []byte(`{"machine":"press-1"}`), bearing.AnyVersion); err != nil {
		t.Fatal(err)
	}
	if _, _, err := db.PutResource(t.Context(), bearing.KindSensor, "fan", []byte(`{}`), bearing.AnyVersion); err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	put := func(id, sensor, severity, state string, minute int, shelved time.Duration) {
		t.Helper()
		a := bearing.Alarm{ID: id, Sensor: sensor, Axis: "x", Condition: "fault", Kind: bearing.OnFault, Fault: bearing.InnerRace,
			Severity: severity, State: state, Raised: now.Add(time.Duration(minute) * time.Minute), Version: 1}
		if shelved != 0 {
			until := now.Add(shelved)
			a.ShelvedUntil = &until
		}
		if err := db.PutAlarms(t.Context(), sensor, a.Axis, &bearing.Effects{Alarms: []bearing.Alarm{a}}); err != nil {
			t.Fatal(err)
		}
	}
	// In the order in which they are wanted, stored the other way round.
	for _, p := range []func(){
		func() { put("stranger-new", "invented", "alarm", bearing.AlarmActive, -60, 0) },
		func() { put("stranger-old", "invented", "alarm", bearing.AlarmActive, -90, 0) },
		func() { put("warned-seen", "fan", "warning", bearing.AlarmAcknowledged, -20, 0) },
		func() { put("warned", "fan", "warning", bearing.AlarmActive, -30, 0) },
		func() { put("seen", "pump", "alarm", bearing.AlarmAcknowledged, -40, 0) },
		func() { put("new", "pump", "alarm", bearing.AlarmReturned, -1, 0) },
		func() { put("shelf-over", "pump", "alarm", bearing.AlarmActive, -2, -time.Minute) },
		func() { put("old", "fan", "alarm", bearing.AlarmActive, -3, 0) },
		func() { put("closed", "pump", "alarm", bearing.AlarmClosed, -5, 0) },
		func() { put("shelved", "pump", "alarm", bearing.AlarmActive, -5, time.Hour) },
	} {
		p()
	}
	const all = "old shelf-over new seen warned warned-seen stranger-old stranger-new"
	for _, most := range []int{0, 1, 3, 8, 100} {
		got, err := db.OpenAlarms(t.Context(), now, most)
		if err != nil {
			t.Fatal(err)
		}
		var ids []string
		for _, a := range got.First {
			ids = append(ids, a.ID)
			if want := map[string]string{"pump": "press-1"}[a.Sensor]; a.Machine != want || a.Axis != "x" || a.Fault != bearing.InnerRace {
				t.Errorf("%s of %s is on machine %q, want %q: %+v", a.ID, a.Sensor, a.Machine, want, a.Alarm)
			}
		}
		want := strings.Fields(all)
		if want = want[:min(most, len(want))]; !slices.Equal(ids, want) {
			t.Errorf("the first %d: %v, want %v", most, ids, want)
		}
		count := map[[2]string]int{{"alarm", "active"}: 4, {"alarm", "returned"}: 1, {"alarm", "acknowledged"}: 1, {"warning", "active"}: 1, {"warning", "acknowledged"}: 1}
		if !maps.Equal(got.Count, count) {
			t.Errorf("counted %v, want %v", got.Count, count)
		}
	}
}

// BenchmarkOpenAlarms is of a plant in which everything is loud at once.
func BenchmarkOpenAlarms(b *testing.B) {
	db := open(b, Config{})
	now := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	for i := range 10 {
		var e bearing.Effects
		for j := range 1000 {
			id := string(rune('a'+i)) + time.Duration(j).String()
			e.Alarms = append(e.Alarms, bearing.Alarm{ID: id, Sensor: id, Condition: "fault", Kind: bearing.OnFault, Fault: bearing.InnerRace,
				Severity: "alarm", State: bearing.AlarmActive, Raised: now.Add(-time.Duration(j) * time.Second), Version: 1, Text: strings.Repeat("x", 40)})
		}
		if err := db.PutAlarms(b.Context(), "pump", "", &e); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		open, err := db.OpenAlarms(b.Context(), now, 40)
		if err != nil || len(open.First) != 40 {
			b.Fatal(len(open.First), err)
		}
	}
}
