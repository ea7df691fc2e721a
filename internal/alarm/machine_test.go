package alarm

import (
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"brinell/internal/bearing"
)

var epoch = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

// window returns a diagnosis of minute i: F a named fault, . normal, u unusable, 1 to 9
// an rms of that.
func window(i int, what byte) *bearing.Diagnosis {
	d := &bearing.Diagnosis{ID: string(what), Sensor: "pump", Start: epoch.Add(time.Duration(i) * time.Minute), Fault: bearing.Normal}
	d.Witnesses.Baseline.Running = "1800 rpm"
	switch {
	case what == 'F':
		d.Fault, d.Verdict.Probability = bearing.OuterRace, 0.9
	case what == 'u':
		d.Fault, d.Quality.Level = "", bearing.Unusable
	case what >= '0' && what <= '9':
		d.Features = bearing.Values{{Name: "rms", Value: float64(what - '0')}}
	}
	return d
}

func rule(c bearing.AlarmCondition, latch bool) *bearing.AlarmRule {
	c.Name = "c"
	return &bearing.AlarmRule{Conditions: []bearing.AlarmCondition{c}, Latch: latch}
}

// TestMachine plays a window a minute and an acknowledgement (K), and notes after each
// what the machine shows: - nothing, A active, K acknowledged, R returned. These are
// the worked examples of docs/alarms.md.
func TestMachine(t *testing.T) {
	fault := func(on, off int) bearing.AlarmCondition {
		return bearing.AlarmCondition{Kind: bearing.OnFault, On: bearing.Delay{Count: on}, Off: bearing.Delay{Count: off}}
	}
	for _, c := range []struct {
		name, windows, shows string
		rule                 *bearing.AlarmRule
	}{
		{"at once", "..F.", "--A-", rule(fault(1, 1), false)},
		{"on delay by count", "FF.FFF", "-----A", rule(fault(3, 1), false)},
		{"off delay by count", "F..F..." + "F", "AAAAAA-" + "A", rule(fault(1, 3), false)},
		{"on delay by time", "FFFFF", "---AA", rule(bearing.AlarmCondition{Kind: bearing.OnFault, On: bearing.Delay{Seconds: 180}}, false)},
		{"off delay by time", "F....", "AAA--", rule(bearing.AlarmCondition{Kind: bearing.OnFault, Off: bearing.Delay{Seconds: 120}}, false)},
		{"count and time", "FFFF", "--AA", rule(bearing.AlarmCondition{Kind: bearing.OnFault, On: bearing.Delay{Count: 2, Seconds: 120}}, false)},
		{"unusable windows are neither for nor against", "FuFu.", "--AA-", rule(fault(2, 1), false)},
		{"hysteresis", "3545342", "-AAAAA-", rule(bearing.AlarmCondition{Kind: bearing.OnFeature, Feature: "rms", Above: 4, Until: new(2.0)}, false)},
		{"hysteresis down to nothing", "5410", "AAA-", rule(bearing.AlarmCondition{Kind: bearing.OnFeature, Feature: "rms", Above: 4, Until: new(0.0)}, false)},
		{"without hysteresis", "3545342", "-A-A---", rule(bearing.AlarmCondition{Kind: bearing.OnFeature, Feature: "rms", Above: 4}, false)},
		{"latched", "F..K.", "ARR--", rule(fault(1, 1), true)},
		{"latched and back", "F.F.K", "ARAR-", rule(fault(1, 1), true)},
		{"acknowledged first", "FKF.", "AKK-", rule(fault(1, 1), true)},
		{"acknowledged without a latch", "FK.F", "AK-A", rule(fault(1, 1), false)},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := &Machine{}
			var shows strings.Builder
			for i := range len(c.windows) {
				if c.windows[i] == 'K' {
					open := m.Open()
					if _, ok := m.Acknowledge(open[0].ID, bearing.Signature{By: "night shift"}); !ok {
						t.Fatal("the alarm is not there")
					}
				} else {
					before := m.Clone()
					changed := m.Step(c.rule, window(i, c.windows[i]))
					for _, a := range changed {
						if old := before.Find(a.ID); old != nil && a.Version != old.Version+1 {
							t.Errorf("version %d after %d", a.Version, old.Version)
						}
					}
				}
				state := byte('-')
				if open := m.Open(); len(open) > 0 {
					state = map[string]byte{bearing.AlarmActive: 'A', bearing.AlarmAcknowledged: 'K', bearing.AlarmReturned: 'R'}[open[0].State]
				}
				shows.WriteByte(state)
				m = again(t, m)
			}
			if shows.String() != c.shows {
				t.Errorf("windows %s show %s, want %s", c.windows, shows.String(), c.shows)
			}
		})
	}
}

// again is the machine as a restart finds it.
func again(t *testing.T, m *Machine) *Machine {
	t.Helper()
	b, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	out := &Machine{}
	if err := json.Unmarshal(b, out); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(m, out, cmpopts.EquateEmpty()); diff != "" {
		t.Fatal(diff)
	}
	return out
}

// TestPastIsNoNews: a late window, or one again, neither raises nor clears.
func TestPastIsNoNews(t *testing.T) {
	m := &Machine{}
	r := rule(bearing.AlarmCondition{Kind: bearing.OnFault}, false)
	m.Step(r, window(10, '.'))
	for _, i := range []int{0, 9, 10} {
		if c := m.Step(r, window(i, 'F')); len(c) != 0 || len(m.Open()) != 0 {
			t.Errorf("window %d: %+v", i, c)
		}
	}
	m.Step(r, window(11, 'F'))
	if c := m.Step(r, window(5, '.')); len(c) != 0 || len(m.Open()) != 1 {
		t.Errorf("cleared from the past: %+v", c)
	}
}

// TestStates: running states are followed apart.
func TestStates(t *testing.T) {
	m := &Machine{}
	r := rule(bearing.AlarmCondition{Kind: bearing.OnFault, On: bearing.Delay{Count: 2}}, false)
	slow := func(i int, what byte) *bearing.Diagnosis {
		d := window(i, what)
		d.Witnesses.Baseline.Running = "900 rpm"
		return d
	}
	for i, d := range []*bearing.Diagnosis{window(0, 'F'), slow(1, '.'), slow(2, '.'), window(3, 'F')} {
		if c := m.Step(r, d); (len(c) == 1) != (i == 3) {
			t.Errorf("window %d: %+v", i, c)
		}
	}
	if c := m.Step(r, slow(4, '.')); len(c) != 0 {
		t.Errorf("another running state cleared it: %+v", c)
	}
}

// TestSilence ends with the next window, whatever that is.
func TestSilence(t *testing.T) {
	m := &Machine{}
	r := &bearing.DefaultRule
	m.Step(r, window(0, '.'))
	a, ok := m.Silence("pump", "", epoch, epoch.Add(time.Hour), "nothing for an hour")
	if !ok || a.Kind != bearing.OnSilence {
		t.Fatalf("%+v", a)
	}
	if _, twice := m.Silence("pump", "", epoch, epoch.Add(2*time.Hour), ""); twice {
		t.Error("raised twice")
	}
	c := m.Step(r, window(120, 'u'))
	if len(c) != 1 || c[0].State != bearing.AlarmClosed || m.Silent != nil {
		t.Errorf("%+v", c)
	}
}

// TestRuleChanges: an alarm of a condition that the rule lost is closed.
func TestRuleChanges(t *testing.T) {
	m := &Machine{}
	m.Step(rule(bearing.AlarmCondition{Kind: bearing.OnFault}, true), window(0, 'F'))
	c := m.Step(&bearing.AlarmRule{}, window(1, 'F'))
	if len(c) != 1 || c[0].State != bearing.AlarmClosed || !m.Resting() {
		t.Errorf("%+v, %+v", c, m)
	}
}

// TestDefaultRule holds the shipped rule: valid, and silent about single windows.
func TestDefaultRule(t *testing.T) {
	if err := bearing.DefaultRule.Validate(); err != nil {
		t.Fatal(err)
	}
	m := &Machine{}
	for i := range 500 {
		what := byte('.')
		if i%3 == 0 { // lone and, where chance has it, paired windows with a fault
			what = 'F'
		}
		if c := m.Step(&bearing.DefaultRule, window(i, what)); len(c) != 0 {
			t.Fatalf("window %d: %+v", i, c)
		}
	}
}

// TestInvariants: whatever comes, an alarm is raised once, its versions rise by one,
// and what is kept stays small.
func TestInvariants(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	m := &Machine{}
	r := rule(bearing.AlarmCondition{Kind: bearing.OnFault, On: bearing.Delay{Count: 2}, Off: bearing.Delay{Count: 2}}, true)
	versions := map[string]int64{}
	for i := range 5000 {
		d := window(i, "F.u"[rng.IntN(3)])
		d.Witnesses.Baseline.Running = string(rune('a' + rng.IntN(200)))
		for _, a := range m.Step(r, d) {
			if a.Version != versions[a.ID]+1 {
				t.Fatalf("version %d after %d", a.Version, versions[a.ID])
			}
			versions[a.ID] = a.Version
		}
		if open := m.Open(); len(open) > 0 && rng.IntN(4) == 0 {
			a, _ := m.Acknowledge(open[rng.IntN(len(open))].ID, bearing.Signature{})
			if v := versions[a.ID]; a.Version != v && a.Version != v+1 {
				t.Fatalf("acknowledged to version %d after %d", a.Version, v)
			}
			versions[a.ID] = a.Version
		}
		for id := range versions {
			if a := m.Find(id); a != nil && !a.Open() {
				t.Fatalf("a closed alarm is kept: %+v", a)
			}
		}
	}
}
