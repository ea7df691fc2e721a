package alarm

import (
	"encoding/json"
	"math/rand/v2"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"brinell/bearing"
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

// examples are the worked examples of docs/alarms.md, and some more.
func examples() []example {
	fault := func(on, off int) bearing.AlarmCondition {
		return bearing.AlarmCondition{Kind: bearing.OnFault, On: bearing.Delay{Count: on}, Off: bearing.Delay{Count: off}}
	}
	above := func(until *float64) *bearing.AlarmRule {
		return rule(bearing.AlarmCondition{Kind: bearing.OnFeature, Feature: "rms", Above: 4, Until: until}, false)
	}
	return []example{
		{"at once", "..F.", "--A-", rule(fault(1, 1), false)},
		{"on delay by count", "FF.FFF", "-----A", rule(fault(3, 1), false)},
		{"off delay by count", "F..F..." + "F", "AAAAAA-" + "A", rule(fault(1, 3), false)},
		{"on delay by time", "FFFFF", "---AA", rule(bearing.AlarmCondition{Kind: bearing.OnFault, On: bearing.Delay{Seconds: 180}}, false)},
		{"off delay by time", "F....", "AAA--", rule(bearing.AlarmCondition{Kind: bearing.OnFault, Off: bearing.Delay{Seconds: 120}}, false)},
		{"count and time", "FFFF", "--AA", rule(bearing.AlarmCondition{Kind: bearing.OnFault, On: bearing.Delay{Count: 2, Seconds: 120}}, false)},
		{"unusable windows are neither for nor against", "FuFu.", "--AA-", rule(fault(2, 1), false)},
		{"hysteresis", "3545342", "-AAAAA-", above(new(2.0))},
		{"hysteresis down to nothing", "5410", "AAA-", above(new(0.0))},
		{"without hysteresis", "3545342", "-A-A---", above(nil)},
		{"latched", "F..K.", "ARR--", rule(fault(1, 1), true)},
		{"latched and back", "F.F.K", "ARAR-", rule(fault(1, 1), true)},
		{"acknowledged first", "FKF.", "AKK-", rule(fault(1, 1), true)},
		{"acknowledged without a latch", "FK.F", "AK-A", rule(fault(1, 1), false)},
		{"ended by hand", "FFCFF", "-A--A", rule(fault(2, 1), true)},
		{"shelved, and its time is over", "FZFE", "AaaA", rule(fault(1, 1), false)},
		{"shelved, and no condition any more", "FZ.F", "Aa-A", rule(fault(1, 1), false)},
		{"shelved, latched", "FZ.EK", "AarR-", rule(fault(1, 1), true)},
		{"silent", ".S.", "-S-", rule(fault(1, 1), false)},
		{"silent, and a late window", ".SL", "-S-", rule(fault(1, 1), false)},
		{"silent, and an unusable window", ".Su", "-S-", rule(fault(1, 1), false)},
		{"silence ended by hand", ".SCS.S", "-S---S", rule(fault(1, 1), false)},
		{"silence ended by hand, and a late window", ".SCLS", "-S--S", rule(fault(1, 1), false)},
		{"silent and shelved", ".SZE", "-SsS", rule(fault(1, 1), false)},
		{"a clock set back", ".BBBBBBBBBBBB", "------BBBBB--", rule(fault(1, 1), false)},
		{"a clock set back, and a fault", ".GGGGGGGGGGGG", "------BBBBB-A", rule(fault(2, 1), false)},
		{"a fault, and a clock set back", "FGGGGGGGGGG.", "AAAAAAAAAAA-", rule(fault(1, 1), false)},
		{"a clock set back and set right", ".GGGGGGGF", "------BBA", rule(fault(1, 1), false)},
		{"a clock set back for a moment", ".BBBB.BBBB.", "-----------", rule(fault(1, 1), false)},
		{"a clock set back, ended by hand", ".BBBBBBCBBBBBBB.", "------B------BB-", rule(fault(1, 1), false)},
	}
}

type example struct {
	name, windows, shows string
	rule                 *bearing.AlarmRule
}

// TestExamples: what the page says is what TestMachine runs.
func TestExamples(t *testing.T) {
	page, err := os.ReadFile("../../docs/alarms.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := regexp.MustCompile("(?m)^\\| [^|]+ \\| `(\\S+)` \\| `(\\S+)` \\|$").FindAllSubmatch(page, -1)
	if len(rows) < 18 {
		t.Errorf("%d examples stand there", len(rows))
	}
	for _, row := range rows {
		if !slices.ContainsFunc(examples(), func(e example) bool { return e.windows == string(row[1]) && e.shows == string(row[2]) }) {
			t.Errorf("no example runs %s", row[0])
		}
	}
}

// TestMachine plays a window a minute, what people do (K acknowledge, C end, Z shelve)
// and what the clock does (E the shelf's time is over, S the sensor is called silent, L a
// window comes that is older than all, B one that begins a year before it comes, G such a one
// with a fault), and notes after each what the machine shows: - nothing, A active, K
// acknowledged, R returned, S silent, B a clock was set back, small while it is shelved.
func TestMachine(t *testing.T) {
	for _, c := range examples() {
		t.Run(c.name, func(t *testing.T) {
			m := &Machine{}
			var shows strings.Builder
			for i := range len(c.windows) {
				before := m.Clone()
				for _, a := range play(t, m, c.rule, i, c.windows[i]) {
					if old := before.Find(a.ID); old != nil && a.Version != old.Version+1 {
						t.Errorf("version %d after %d", a.Version, old.Version)
					}
					if !a.Open() && a.ShelvedUntil != nil {
						t.Errorf("closed, and nobody is told until %v", a.ShelvedUntil)
					}
				}
				state := byte('-')
				if a := raised(m); a != nil {
					state = map[string]byte{bearing.AlarmActive: 'A', bearing.AlarmAcknowledged: 'K', bearing.AlarmReturned: 'R'}[a.State]
					switch a {
					case m.Silent:
						state = 'S'
					case m.Clock:
						state = 'B'
					}
					if a.ShelvedUntil != nil {
						state += 'a' - 'A'
					}
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

// raised is the alarm that is open, nil if none is.
func raised(m *Machine) *bearing.Alarm {
	if m.Silent != nil {
		return m.Silent
	}
	if open := m.Open(); len(open) > 0 {
		return m.Find(open[0].ID)
	}
	return m.Clock
}

// play does what a letter of TestMachine says, in minute i.
func play(t *testing.T, m *Machine, r *bearing.AlarmRule, i int, what byte) []bearing.Alarm {
	t.Helper()
	now := epoch.Add(time.Duration(i) * time.Minute)
	one := func(a bearing.Alarm, ok bool) []bearing.Alarm {
		t.Helper()
		if !ok {
			t.Fatalf("%c: the alarm is not there", what)
		}
		return []bearing.Alarm{a}
	}
	switch what {
	case 'K':
		return one(m.Acknowledge(raised(m).ID, bearing.Signature{By: "night shift"}))
	case 'C':
		closed := one(m.Close(raised(m).ID, bearing.Signature{At: now, By: "night shift"}))
		if c := closed[0].Closed; c == nil || c.By != "night shift" {
			t.Errorf("closed by %+v", c)
		}
		return closed
	case 'Z':
		return one(m.Shelve(raised(m).ID, now.Add(90*time.Second), nil))
	case 'E':
		if a, _ := m.Clone().Unshelve(raised(m).ID, now); a.ShelvedUntil == nil && m.Find(a.ID).Shelved(now) {
			t.Error("unshelved before its time")
		}
		return one(m.Unshelve(raised(m).ID, now.Add(time.Hour)))
	case 'S':
		if a, ok := m.Silence("pump", "", epoch, now, "nothing comes"); ok {
			return []bearing.Alarm{a}
		}
		return nil
	case 'L':
		return m.Step(r, window(-1000, '.'))
	}
	d := window(i, what)
	if old, ok := map[byte]byte{'B': '.', 'G': 'F'}[what]; ok {
		d = window(i, old)
		d.Start = d.Start.AddDate(-1, 0, 0)
	}
	d.ReceivedAt, d.State.Epoch = now, m.Epoch
	if !d.Start.After(m.Last) && m.Settles(d.Start, now) { // as the core decides
		d.State.Epoch++
	}
	return m.Step(r, d)
}

// TestRetire ends everything, and for good: neither is the sensor silent, nor was it
// nearly in alarm.
func TestRetire(t *testing.T) {
	m := &Machine{}
	r := &bearing.AlarmRule{Conditions: []bearing.AlarmCondition{{Name: "at-once", Kind: bearing.OnFault}, {Name: "soon", Kind: bearing.OnFault, On: bearing.Delay{Count: 3}}}, Latch: true}
	m.Step(r, window(0, 'F'))
	m.Step(r, window(1, 'F'))
	m.Silence("pump", "", epoch, epoch.Add(time.Hour), "")
	closed := m.Retire(epoch.Add(2 * time.Hour))
	if len(closed) != 2 || closed[0].State != bearing.AlarmClosed || closed[1].State != bearing.AlarmClosed || closed[0].Version != 2 {
		t.Errorf("%+v", closed)
	}
	if _, again := m.Silence("pump", "", epoch, epoch.Add(3*time.Hour), ""); again || len(m.Tracks) != 0 {
		t.Errorf("silent again %v, tracks %+v", again, m.Tracks)
	}
	if c := m.Step(r, window(200, 'F')); len(c) != 1 || c[0].Condition != "at-once" {
		t.Errorf("%+v", c)
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

// TestSkewed: a window that begins in the future stands where it was received, and keeps
// none that follow from raising an alarm.
func TestSkewed(t *testing.T) {
	now := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	rule := &bearing.AlarmRule{Conditions: []bearing.AlarmCondition{{Name: "f", Kind: bearing.OnFault, On: bearing.Delay{Count: 2}}}}
	var m Machine
	ahead := &bearing.Diagnosis{Sensor: "p", Start: now.Add(23 * time.Hour), ReceivedAt: now, Fault: bearing.Normal, Quality: bearing.Quality{Level: bearing.Degraded, Flags: []bearing.Flag{{Code: bearing.ClockSkew}}}}
	if changed := m.Step(rule, ahead); len(changed) != 0 {
		t.Errorf("%+v", changed)
	}
	var raised []bearing.Alarm
	for i := range 2 {
		at := now.Add(time.Duration(i+1) * time.Second)
		raised = append(raised, m.Step(rule, &bearing.Diagnosis{Sensor: "p", Start: at, ReceivedAt: at, Fault: bearing.InnerRace, Quality: bearing.Quality{Level: bearing.Good}})...)
	}
	if len(raised) != 1 {
		t.Errorf("raised %+v, want one alarm", raised)
	}
}

// TestTracks: however many running states there are, so many alarms of an axis are open at most,
// and a fault in one more is raised all the same. The state that was away for longest gives way,
// one without an alarm first, and what it had raised is closed.
func TestTracks(t *testing.T) {
	m := &Machine{}
	r := &bearing.AlarmRule{}
	for i := range 16 {
		r.Conditions = append(r.Conditions, bearing.AlarmCondition{Name: string(rune('a' + i)), Kind: bearing.OnFault, On: bearing.Delay{Count: 3}})
	}
	minute := 0
	seen := func(running string, windows int) (changed []bearing.Alarm) {
		for range windows {
			d := window(minute, 'F')
			d.Witnesses.Baseline.Running = running
			minute++
			changed = m.Step(r, d)
		}
		return changed
	}
	const states = maxTracks / 16
	for i := range states - 1 {
		seen(string(rune('A'+i)), 3)
	}
	seen("on its way", 2)
	seen("A", 1)
	if len(m.Open()) != 16*(states-1) || len(m.Tracks) != maxTracks {
		t.Fatalf("%d alarms are open, %d tracks, want %d", len(m.Open()), len(m.Tracks), maxTracks)
	}
	if changed := seen("new", 1); len(changed) != 0 || len(m.Tracks) != maxTracks+16 || m.track("on its way", "a") != nil {
		t.Errorf("%d alarms changed for a state without any, %d tracks", len(changed), len(m.Tracks))
	}
	if changed := seen("new", 2); len(changed) != 16 || len(m.Open()) != maxTracks {
		t.Errorf("%d alarms raised, %d open, want %d", len(changed), len(m.Open()), maxTracks)
	}
	changed := seen("newer", 1)
	if len(changed) != 16 || m.raised("B") || !m.raised("A") || !m.raised("new") {
		t.Errorf("%d alarms changed, of B open %v, of A %v", len(changed), m.raised("B"), m.raised("A"))
	}
	for _, a := range changed {
		if a.Running != "B" || a.Open() || a.Cleared == nil {
			t.Errorf("%+v", a)
		}
	}
	for i := range 500 {
		if changed := seen(strings.Repeat("x", i), 3); len(changed) != 16 || len(m.Open()) > maxTracks {
			t.Fatalf("%d alarms raised, %d open", len(changed), len(m.Open()))
		}
	}
	if maxTracks < 24*len(bearing.DefaultRule.Conditions) { // as many states as baselines keep
		t.Errorf("%d tracks are too few for the default rule", maxTracks)
	}
}
