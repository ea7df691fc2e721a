package alarm

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
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

// TestManyStates: however many running states come in whatever turn, and however many conditions are
// followed in each, one that so many windows in a row meet is raised, in its running state or over
// several; what is followed stays bounded. One that no two windows in a row meet is raised in its
// state, as long as there are no more than are followed, and over several never.
func TestManyStates(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	for round := range 20 {
		states, conditions, delay := 1+rng.IntN(300), 1+rng.IntN(16), 2+rng.IntN(8)
		random := rng.IntN(2) == 0
		r := &bearing.AlarmRule{Latch: rng.IntN(2) == 0}
		for i := range conditions {
			r.Conditions = append(r.Conditions, bearing.AlarmCondition{Name: string(rune('a' + i)), Kind: bearing.OnFault,
				On: bearing.Delay{Count: delay}, Off: bearing.Delay{Count: delay}})
		}
		m := &Machine{}
		minute := 0
		step := func(what byte) (changed []bearing.Alarm) {
			d := window(minute, what)
			state := minute
			if random {
				state = rng.IntN(states)
			}
			d.Witnesses.Baseline.Running = fmt.Sprint(state % states)
			minute++
			changed = m.Step(r, d)
			if len(m.Tracks) > maxTracks+16 {
				t.Fatalf("%d tracks", len(m.Tracks))
			}
			return changed
		}
		// So many: until the tracks are full, and once more the delay.
		for range maxTracks + states*delay {
			step('F')
			if len(m.Open()) >= conditions && minute > maxTracks/conditions+2*delay && states*conditions > maxTracks {
				break
			}
		}
		for _, c := range r.Conditions {
			if !slices.ContainsFunc(m.Open(), func(a bearing.AlarmRef) bool { return a.Condition == c.Name }) {
				t.Fatalf("round %d: %d states, %d conditions, %d windows in a row, random %v: %s is not raised after %d windows",
					round, states, conditions, delay, random, c.Name, minute)
			}
		}
		if minute > maxTracks/conditions+2*delay+1 && states*conditions > maxTracks && !random {
			t.Errorf("round %d: raised after %d windows", round, minute)
		}
		// When it is over it is cleared.
		r.Latch = false
		for range states * delay * 4 {
			step('.')
		}
		if open := m.Open(); !random && len(open) != 0 {
			t.Errorf("round %d: %d alarms are open at the end", round, len(open))
		}
		// Windows that meet it by themselves are not several in a row.
		for range 3 * states {
			step('F')
			for _, a := range step('.') {
				if a.Running == Several && a.Open() {
					t.Fatalf("%+v", a)
				}
			}
		}
	}
}

// TestSeveral: what is raised over several states says so, and begins with the first window that was
// met while another state was forgotten.
func TestSeveral(t *testing.T) {
	m := &Machine{}
	r := rule(bearing.AlarmCondition{Kind: bearing.OnFault, On: bearing.Delay{Count: 3}, Off: bearing.Delay{Count: 2}}, false)
	var changed []bearing.Alarm
	for i := range maxTracks + 3 {
		d := window(i, 'F')
		d.Witnesses.Baseline.Running = fmt.Sprint(i)
		if changed = m.Step(r, d); i < maxTracks+2 && len(changed) != 0 {
			t.Fatalf("window %d: %+v", i, changed)
		}
	}
	if len(changed) != 1 {
		t.Fatalf("%+v", changed)
	}
	a := changed[0]
	if a.Running != Several || !a.Onset.Equal(window(maxTracks, 'F').Start) || !strings.Contains(a.Text, "one running state after another") {
		t.Errorf("%+v", a)
	}
	b, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	m = &Machine{}
	if err := json.Unmarshal(b, m); err != nil {
		t.Fatal(err)
	}
	m.Step(r, window(1000, '.'))
	if changed = m.Step(r, window(1001, '.')); len(changed) != 1 || changed[0].Open() {
		t.Errorf("cleared: %+v", changed)
	}
}
