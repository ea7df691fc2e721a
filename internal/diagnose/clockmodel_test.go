package diagnose

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"brinell/bearing"
	"brinell/internal/admit"
	"brinell/internal/alarm"
)

// clocks is a program of what clocks, networks and people do to a sensor, read from bytes. The
// service's clock and the sensor's are right but for an offset each.
type clocks struct {
	*plant
	program         []byte
	right           time.Time // the time that it is
	service, sensor time.Duration
	stamped         bool // the service's clock is the sensor's, but for its offset
	last            []*bearing.Window
	log             []string
}

// steps are offsets of a clock from the time that it is.
var steps = []time.Duration{0, time.Second, -time.Second, time.Minute, -time.Minute,
	4 * time.Minute, -4 * time.Minute, 6 * time.Minute, -6 * time.Minute, time.Hour, -time.Hour,
	23 * time.Hour, -23 * time.Hour, 25 * time.Hour, -25 * time.Hour, 720 * time.Hour, -720 * time.Hour,
	2 * 8766 * time.Hour, -2 * 8766 * time.Hour, -30 * 8766 * time.Hour}

// pick reads a number below n, 0 at the end of the program.
func (c *clocks) pick(n int) int {
	if len(c.program) == 0 {
		return 0
	}
	b := c.program[0]
	c.program = c.program[1:]
	return int(b) % n
}

// pass lets time go by.
func (c *clocks) pass(d time.Duration) {
	c.right = c.right.Add(d)
	c.now = c.right.Add(c.service)
}

// small returns a window that begins so long before now by the sensor's clock.
func (c *clocks) small(ago time.Duration, fault bool) *bearing.Window {
	start := c.right.Add(c.sensor - ago)
	if c.stamped {
		start = start.Add(c.service)
	}
	rng := rand.New(rand.NewPCG(uint64(start.UnixNano()), 4))
	x := make([]float32, 1024)
	for i := range x {
		x[i] = float32(rng.NormFloat64())
		if fault {
			x[i] *= 10
		}
	}
	w, err := bearing.NewWindow(bearing.Window{Sensor: "pump", Start: start, SampleRate: 12000, ShaftSpeed: 30, Unit: bearing.G, Samples: x}, bearing.Limits{})
	if err != nil {
		return nil // before 1970
	}
	return w
}

// submit sends a window. One that is refused for its time, or as another one of its start, is.
func (c *clocks) submit(w *bearing.Window) {
	c.Helper()
	if w == nil {
		return
	}
	_, err := c.core.Submit(c.Context(), w, admit.Entry{})
	switch bearing.CodeOf(err) {
	case "", "start_out_of_range", "clock_behind", "window_conflict":
	default:
		c.Fatalf("%v: %v", c.log, err)
	}
	if c.last = append(c.last, w); len(c.last) > 20 {
		c.last = c.last[1:]
	}
}

// step does the next step of the program.
func (c *clocks) step() {
	c.Helper()
	note := func(format string, args ...any) { c.log = append(c.log, fmt.Sprintf(format, args...)) }
	switch c.pick(14) {
	case 0, 12:
		c.service = steps[c.pick(len(steps))]
		c.pass(0)
		note("service %s", c.service)
	case 1, 13:
		c.sensor = steps[c.pick(len(steps))]
		c.stamped = c.pick(2) == 0
		note("sensor %s, stamped %v", c.sensor, c.stamped)
	case 2, 3, 4:
		n, every, fault := 1+c.pick(12), []time.Duration{time.Second, time.Minute, 10 * time.Minute, 13 * time.Hour}[c.pick(4)], c.pick(3) == 0
		note("%d windows every %s, fault %v", n, every, fault)
		for range n {
			c.pass(every)
			c.submit(c.small(0, fault))
		}
	case 5:
		note("reordered")
		var all []*bearing.Window
		for range 5 {
			c.pass(time.Minute)
			all = append(all, c.small(0, c.pick(2) == 0))
		}
		for len(all) > 0 {
			i := c.pick(len(all))
			c.submit(all[i])
			all = slices.Delete(all, i, i+1)
		}
	case 6:
		note("repeats")
		for range min(3, len(c.last)) {
			c.submit(c.last[c.pick(len(c.last))])
		}
	case 7:
		ago, n := steps[c.pick(len(steps))].Abs(), 1+c.pick(30)
		note("a buffer of %d windows, of %s ago", n, ago)
		for i := range n {
			c.pass(time.Second)
			c.submit(c.small(ago-time.Duration(i)*time.Minute, false))
		}
	case 8:
		note("restart")
		c.restart()
	case 9:
		action := []string{bearing.BaselineRestart, bearing.BaselineFreeze, bearing.BaselineResume}[c.pick(3)]
		note("baseline %s", action)
		err := c.core.ControlBaseline(c.Context(), "pump", bearing.BaselineControl{Action: action, At: c.now}, bearing.AnyVersion)
		if code := bearing.CodeOf(err); code != "" && code != "sensor_not_found" {
			c.Fatalf("%v: %v", c.log, err)
		}
	case 10:
		note("deleted")
		if err := c.registry.DeleteResource(c.Context(), bearing.KindSensor, "pump", bearing.SomeVersion); err != nil {
			c.Fatal(err)
		}
		if err := c.put("pump", bearing.Sensor{Alarm: &loud}); err != nil {
			c.Fatal(err)
		}
	case 11:
		note("a look, and a person")
		c.pass(time.Minute)
		c.began = c.core.look(c.Context(), c.began)
		for _, a := range c.open(bearing.AlarmQuery{}) {
			var err error
			switch c.pick(3) {
			case 0:
				_, err = c.core.Acknowledge(c.Context(), a.ID, bearing.AnyVersion, bearing.Signature{At: c.now, By: "x"})
			case 1:
				_, err = c.core.Shelve(c.Context(), a.ID, bearing.AnyVersion, c.now.Add(time.Hour), nil)
			case 2:
				_, err = c.core.CloseAlarm(c.Context(), a.ID, bearing.AnyVersion, bearing.Signature{At: c.now, By: "x"})
			}
			if err != nil {
				c.Fatalf("%v: %v", c.log, err)
			}
		}
	}
}

// run runs a program. Whatever it did, the state is that which a restart makes of what is
// stored, and once the service's clock is right a fault raises its alarm.
func (c *clocks) run() {
	c.Helper()
	if err := c.put("pump", bearing.Sensor{Alarm: &loud}); err != nil {
		c.Fatal(err)
	}
	for len(c.program) > 0 {
		c.step()
	}
	c.service = 0
	c.pass(time.Minute)
	c.same()
	for _, a := range c.open(bearing.AlarmQuery{}) {
		if _, err := c.core.CloseAlarm(c.Context(), a.ID, bearing.AnyVersion, bearing.Signature{At: c.now, By: "x"}); err != nil {
			c.Fatal(err)
		}
	}
	if c.sensor > skewMost || c.right.Add(c.sensor).Before(firstYear) {
		c.sensor = 0 // what it sends is refused
	}
	c.sensor += time.Millisecond // none of these was sent already
	every := time.Minute
	if len(c.log)%2 == 0 {
		every = 3 * time.Minute
	}
	most := c.most(every)
	for i := range most {
		if len(c.log)%3 == 0 {
			c.restart()
		}
		if _, err := c.core.Submit(c.Context(), c.small(0, true), admit.Entry{}); err != nil {
			c.Fatalf("%v: %v", c.log, err)
		}
		if slices.ContainsFunc(c.open(bearing.AlarmQuery{}), func(a bearing.Alarm) bool { return a.Condition == "loud" && a.State == bearing.AlarmActive }) {
			c.same()
			return
		}
		if i == most-1 {
			c.Errorf("%q: no alarm after %d windows every %s, sensor %s", c.log, most, every, c.sensor)
		}
		c.pass(every)
	}
}

// most is after how many windows with a fault its alarm is active: three, which is its delay, if
// they are the newest or what is newest is ahead of the clock; as many more as begin before the
// newest, which is ahead of nothing; or those in which a clock that was set back settles.
func (c *clocks) most(every time.Duration) int {
	s, err := c.core.sensor(c.Context(), "pump", "")
	if err != nil {
		c.Fatal(err)
	}
	_, last := s.newest()
	start := c.right.Add(c.sensor)
	if c.sensor > skewLimit {
		start = c.right
	}
	settle := 3 + max(alarm.SettleCount, int(alarm.SettleSpan/every))
	switch behind := last.Sub(start); {
	case behind < 0, last.Sub(c.right) > skewLimit && c.right.Sub(start) <= DefaultLateHorizon:
		return 3
	default:
		return min(settle, 4+int(behind/every))
	}
}

// same compares the live state with that which a restart finds.
func (c *clocks) same() {
	c.Helper()
	tendAll(c.T, c.core)
	state := func(core *Core) (out struct {
		State      bearing.State
		Last       time.Time
		Controlled int
		Frozen     bool
		Alarms     string
	}) {
		s, err := core.sensor(c.Context(), "pump", "")
		if err != nil {
			c.Fatal(err)
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		out.State, out.Last, out.Controlled, out.Frozen = s.live.snapshot(""), s.live.last.UTC(), s.live.controlled, s.live.frozen
		doc, err := json.Marshal(s.alarms)
		if err != nil {
			c.Fatal(err)
		}
		out.Alarms = string(doc)
		return out
	}
	live := state(c.core)
	was := *c.plant
	c.restart()
	if diff := cmp.Diff(live, state(c.core)); diff != "" {
		c.Errorf("%q: a restart finds another state:\n%s", c.log, diff)
	}
	*c.plant = was // and the core that was there goes on
}

func newClocks(t *testing.T, program []byte) *clocks {
	c := &clocks{plant: newPlant(t), program: program}
	c.right = c.now
	return c
}

// TestClocks runs programs that are drawn from a seed: a few, or as many as BRINELL_CLOCKS says.
func TestClocks(t *testing.T) {
	n := 20
	if v := os.Getenv("BRINELL_CLOCKS"); v != "" {
		var err error
		if n, err = strconv.Atoi(v); err != nil {
			t.Fatal(err)
		}
	}
	for seed := range n {
		t.Run(strconv.Itoa(seed), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(uint64(seed), 16))
			program := make([]byte, 20+rng.IntN(60))
			for i := range program {
				program[i] = byte(rng.Uint32())
			}
			newClocks(t, program).run()
		})
		if t.Failed() && seed > 100 {
			break
		}
	}
}

// FuzzClocks looks for a program after which a fault raises no alarm.
func FuzzClocks(f *testing.F) {
	f.Add([]byte{2, 5, 1, 1, 0, 17, 2, 0, 1, 1, 0, 0, 8, 2, 1, 1, 1})
	f.Fuzz(func(t *testing.T, program []byte) { newClocks(t, program[:min(len(program), 80)]).run() })
}
