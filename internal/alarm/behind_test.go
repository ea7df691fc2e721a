package alarm

import (
	"testing"
	"time"

	"brinell/bearing"
)

// old sends windows that begin before the newest one: n of them, each so long after the one
// before, their starts on by step. It returns the machine, and at which of them the alarm of
// the clock was raised and the order would have begun anew, 0 for none.
func old(n int, every, step time.Duration) (m *Machine, raised, settled int) {
	m = &Machine{}
	r := &bearing.AlarmRule{}
	m.Step(r, &bearing.Diagnosis{Start: epoch, ReceivedAt: epoch})
	for i := range n {
		came, start := epoch.Add(time.Duration(i+1)*every), epoch.AddDate(-2, 0, 0).Add(time.Duration(i)*step)
		if settled == 0 && m.Settles(start, came) {
			settled = i + 1
		}
		if c := m.Step(r, &bearing.Diagnosis{Start: start, ReceivedAt: came}); len(c) == 1 && raised == 0 {
			raised = i + 1
		}
	}
	return m, raised, settled
}

// TestBehind holds the limits: windows of a clock that was set back settle, those of an old
// buffer do not, and an alarm tells of them before.
func TestBehind(t *testing.T) {
	for _, c := range []struct {
		name            string
		n               int
		every, step     time.Duration
		raised, settled int
	}{
		{"one a minute", 20, time.Minute, time.Minute, 6, 11},
		{"one a second", 700, time.Second, time.Second, 301, 601},
		{"one in ten minutes", 20, 10 * time.Minute, 10 * time.Minute, 5, 10},
		{"one a day", 5, 24 * time.Hour, 24 * time.Hour, 2, 3},
		{"a clock that stands", 20, time.Minute, 0, 6, 11},
		{"a clock that runs backwards", 20, time.Minute, -time.Minute, 6, 11},
		{"a clock of twice the speed", 20, time.Minute, 2 * time.Minute, 6, 11},
		{"a buffer ten times as fast as it was filled", 2000, 6 * time.Second, time.Minute, 0, 0},
		{"a buffer, the newest first", 2000, 6 * time.Second, -time.Minute, 0, 0},
		{"a buffer, as fast as it goes", 10_000, 0, time.Minute, 0, 0},
		{"a clock that jumps, for a day", 30, time.Hour, 100 * time.Hour, 13, 25},
	} {
		m, raised, settled := old(c.n, c.every, c.step)
		if raised != c.raised || settled != c.settled {
			t.Errorf("%s: raised at %d, settled at %d, want %d and %d", c.name, raised, settled, c.raised, c.settled)
		}
		if m.Behind.Count != c.n || (m.Clock != nil) != (raised > 0) {
			t.Errorf("%s: %+v, %+v", c.name, m.Behind, m.Clock)
		}
	}
	// A clock of this service that steps back under them begins the run anew.
	b := Behind{}
	for i := range 9 {
		b = b.next(epoch, epoch.Add(time.Duration(i)*time.Hour))
	}
	if b = b.next(epoch, epoch.Add(-time.Hour)); b.Steady != 1 || b.Count != 10 || !b.Since.Equal(epoch.Add(-time.Hour)) {
		t.Errorf("%+v", b)
	}
	// What begins a minute and more off is not steady.
	for slack, want := range map[time.Duration]int{time.Minute: 2, time.Minute + 2: 1} {
		if b := (Behind{}).next(epoch, epoch).next(epoch.Add(slack), epoch); b.Steady != want {
			t.Errorf("off by %s: %+v", slack, b)
		}
	}
	// Limits of time alone are at the minute.
	long := Behind{Count: 3, Since: epoch, Steady: 10, Start: epoch, Came: epoch}
	for span, want := range map[time.Duration]bool{10*time.Minute - 1: false, 10 * time.Minute: true} {
		if long.reaches(epoch.Add(span), 1) != want {
			t.Errorf("after %s: %v", span, !want)
		}
	}
	long.Steady = 0
	for span, want := range map[time.Duration]bool{24*time.Hour - 1: false, 24 * time.Hour: true} {
		if long.reaches(epoch.Add(span), 1) != want {
			t.Errorf("after %s: %v", span, !want)
		}
	}
}

// TestBegin: a new order of windows keeps how long a condition holds, and goes on from there.
func TestBegin(t *testing.T) {
	r := rule(bearing.AlarmCondition{Kind: bearing.OnFault, On: bearing.Delay{Seconds: 300}, Off: bearing.Delay{Seconds: 300}}, false)
	m := &Machine{}
	ahead := epoch.AddDate(2, 0, 0)
	at := func(base time.Time, i int, what byte, epoch int) *bearing.Diagnosis {
		d := window(i, what)
		d.Start = base.Add(time.Duration(i) * time.Minute)
		d.State.Epoch = epoch
		return d
	}
	for i := range 3 {
		m.Step(r, at(ahead, i, 'F', 0))
	}
	for i := range 4 { // two minutes were, three are to come
		m = again(t, m)
		if c := m.Step(r, at(epoch, i, 'F', 1)); (len(c) == 1) != (i == 3) {
			t.Errorf("minute %d: %+v", i, c)
		}
	}
	if c := m.Step(r, at(ahead, 0, '.', 0)); len(c) != 0 { // of the order before: the past
		t.Errorf("%+v", c)
	}
	m.Step(r, at(ahead, 0, '.', 1))
	m.Step(r, at(ahead, 1, '.', 1))
	for i := range 5 {
		if c := m.Step(r, at(epoch, i, '.', 2)); (len(c) == 1) != (i == 4) {
			t.Errorf("minute %d: %+v", i, c)
		}
	}
}
