package alarm

import (
	"testing"

	"brinell/bearing"
)

// TestLateIsNoNews: a window that is flagged late raises nothing, though it is the newest.
func TestLateIsNoNews(t *testing.T) {
	m := &Machine{}
	r := rule(bearing.AlarmCondition{Kind: bearing.OnFault}, false)
	d := window(1, 'F')
	d.Quality.Flags = []bearing.Flag{{Code: bearing.Late}}
	if changed := m.Step(r, d); len(changed) != 0 || len(m.Tracks) != 0 {
		t.Errorf("%v", changed)
	}
	if changed := m.Step(r, window(2, 'F')); len(changed) != 1 {
		t.Errorf("the next one: %v", changed)
	}
}

// TestZoneCondition: the alarm is raised in the zone that it is for, and those beyond.
func TestZoneCondition(t *testing.T) {
	for zone, want := range map[string]int{"A": 0, "B": 0, "C": 1, "D": 1} {
		m := &Machine{}
		d := window(1, '.')
		d.Verdict.Velocity = &bearing.Zone{RMS: 3, Zone: zone}
		if changed := m.Step(rule(bearing.AlarmCondition{Kind: bearing.OnZone, Zone: "C"}, false), d); len(changed) != want {
			t.Errorf("zone %s: %v, want %d alarms", zone, changed, want)
		}
	}
}
