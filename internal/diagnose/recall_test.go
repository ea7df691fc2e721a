package diagnose

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"brinell/bearing"
	"brinell/internal/admit"
	"brinell/internal/store"
)

// counting is a store that counts what is read of it to make states.
type counting struct {
	*store.DB
	folded, since atomic.Int64 // diagnoses
}

func (c *counting) State(ctx context.Context, sensor, axis string) (bearing.StoredState, error) {
	s, err := c.DB.State(ctx, sensor, axis)
	c.since.Add(int64(len(s.Since)))
	return s, err
}

func (c *counting) History(ctx context.Context, sensor string, each func(bearing.Diagnosis) error) error {
	return c.DB.History(ctx, sensor, func(d bearing.Diagnosis) error {
		c.folded.Add(1)
		return each(d)
	})
}

// brief returns a window that costs little to judge.
func (p *plant) brief(axis string, start time.Time) *bearing.Window {
	p.Helper()
	w, err := bearing.NewWindow(bearing.Window{Sensor: "pump", Axis: axis, Start: start, SampleRate: 12000, ShaftSpeed: 30, Unit: bearing.G,
		Samples: samples(rand.New(rand.NewPCG(uint64(start.UnixNano()), 5)), 1024)}, bearing.Limits{})
	if err != nil {
		p.Fatal(err)
	}
	return w
}

// whole is the live state in full: what the next answer rests on.
func whole(s *sensor) memory {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.live.clone()
}

// inFull compares memories by all that they hold. A fit follows from what was learnt; its
// version names it.
var inFull = cmp.Options{
	cmp.AllowUnexported(memory{}, baseline{}, fit{}),
	cmpopts.IgnoreFields(fit{}, "inverse", "coder"),
	cmpopts.EquateEmpty(),
}

// TestSavedStates: a state that is kept with the windows that came after it is the fold over
// all that is stored: whatever the order of the windows, however often they are sent again,
// wherever the program ends, and whatever is done to the baselines.
func TestSavedStates(t *testing.T) {
	for seed := range uint64(3) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 6))
			p := newPlant(t)
			begin := p.now
			start := func(i int) time.Time { return begin.Add(time.Duration(i) * time.Minute) }
			same := func(at int) {
				t.Helper()
				tendAll(t, p.core)
				live, err := p.core.sensor(t.Context(), "pump", "")
				if err != nil {
					t.Fatal(err)
				}
				was := whole(live)
				p.restart()
				p.core.saveEvery = 1 + rng.IntN(9)
				anew, err := p.core.sensor(t.Context(), "pump", "")
				if err != nil {
					t.Fatal(err)
				}
				if d := cmp.Diff(was, whole(anew), inFull); d != "" {
					t.Fatalf("after %d windows, of the state that is kept:\n%s", at, d)
				}
				var all []*observation
				if err := p.db.History(t.Context(), "pump", func(d bearing.Diagnosis) error { all = append(all, part(d)...); return nil }); err != nil {
					t.Fatal(err)
				}
				controls, _, err := readControls(t.Context(), p.db, "pump", "")
				if err != nil {
					t.Fatal(err)
				}
				if d := cmp.Diff(was, whole(p.core.fold(all, controls)), inFull); d != "" {
					t.Fatalf("after %d windows, of the fold:\n%s", at, d)
				}
			}
			p.core.saveEvery = 5
			order := make([]int, history+104)
			for i := range order {
				order[i] = i
			}
			// Shuffled in pieces, some of which come when all that are kept are newer.
			for i := 0; i < len(order); i += 30 {
				rng.Shuffle(30, func(a, b int) { order[i+a], order[i+b] = order[i+b], order[i+a] })
			}
			order = slices.Concat(order[20:], order[:20], []int{360, 361, 362, 363}, order[40:43])
			for n, i := range order {
				p.now = start(n + 2*len(order))
				if _, err := p.core.Submit(t.Context(), p.brief("", start(i)), admit.Entry{}); err != nil {
					t.Fatal(err)
				}
				if n%97 == 96 {
					same(n)
				}
				if n == 345 {
					p.core.sensors[[2]string{"pump", ""}].saveEvery = 1
				}
				if n%41 == 40 || n == 363 { // also while what is stored is not in its place
					p.restart()
					p.core.saveEvery = 1 + rng.IntN(9)
				}
				if n == 120 || n == 330 { // the second is of a time before those that are kept
					x := bearing.BaselineControl{Action: []string{bearing.BaselineRestart, bearing.BaselineFreeze}[n/330], At: start(60)}
					if err := p.core.ControlBaseline(t.Context(), "pump", x, bearing.AnyVersion); err != nil {
						t.Fatal(err)
					}
					same(n)
				}
			}
			same(len(order))
		})
	}
}

// TestFlatRecall: what is read for the first window after a start, and for that of an axis
// which is new, does not grow with what is stored. Of a sensor from before there were states
// the history is read once.
func TestFlatRecall(t *testing.T) {
	for _, stored := range []int{0, 200, 2000} {
		t.Run(fmt.Sprint(stored), func(t *testing.T) {
			p := newPlant(t)
			disk := &counting{DB: p.db}
			first := func(axis string) (folded, since int64, took time.Duration) {
				t.Helper()
				p.now = p.now.Add(time.Minute)
				w := p.brief(axis, p.now)
				disk.folded.Store(0)
				disk.since.Store(0)
				began := time.Now()
				if _, err := p.core.Submit(t.Context(), w, admit.Entry{}); err != nil {
					t.Fatal(err)
				}
				return disk.folded.Load(), disk.since.Load(), time.Since(began)
			}
			p.core.store = disk
			for range stored {
				first("")
			}
			p.restart()
			p.core.store = disk
			folded, since, took := first("")
			t.Logf("the first of %d: %s", stored, took)
			if folded != 0 || since > savedEvery+1 {
				t.Errorf("%d of %d diagnoses are folded, %d read since the last state; want none, and %d at most", folded, stored, since, savedEvery+1)
			}
			folded, since, took = first("new")
			t.Logf("of a new axis: %s", took)
			if folded != 0 || since != 0 {
				t.Errorf("a new axis: %d diagnoses are folded, %d read; want none", folded, since)
			}
		})
	}
}

// TestSaveEvery: a state is kept often enough, and no more often.
func TestSaveEvery(t *testing.T) {
	if savedEvery < 16 || savedEvery > 128 {
		t.Errorf("a state of some 100 kB is written every %d windows, and as many are read after a start", savedEvery)
	}
}

// TestStateDocuments: what a fold reads of a window, and all of a memory, come back.
func TestStateDocuments(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 7))
	m := memory{method: Mahalanobis}
	for i := range 130 {
		o := healthy(rng, i)
		o.epoch, o.began, o.half, o.cage, o.impulsive, o.shaft, o.free.Z = i/50, o.start.Add(time.Second), 1, 0.5, 0.25, 2, 3
		if i > 100 {
			o.vector[7] += 5
		}
		o.quality.Flags = []bearing.Flag{{Code: "rate_suspect"}}[:i%9/8]
		d := o.doc()
		back := d.observation()
		o.start, o.began = o.start.UTC(), o.began.UTC()
		opts := cmp.Options{cmp.AllowUnexported(observation{}, shortness{}), cmpopts.EquateEmpty(), cmpopts.IgnoreFields(observation{}, "free")}
		if diff := cmp.Diff(o, back, opts); diff != "" || back.free.Z != o.free.Z {
			t.Fatal(diff)
		}
		m.fold(o)
	}
	m.frozen = true
	d := m.doc()
	if diff := cmp.Diff(m, d.memory(m.method, nil), inFull); diff != "" {
		t.Error(diff)
	}
	if m.netWeight == 0 || m.half == 0 || m.cage == 0 || m.baselines["1800 rpm"].run == 0 || m.baselines["1800 rpm"].raised.IsZero() || m.epoch == 0 {
		t.Errorf("the memory is too empty to show anything: %+v", m)
	}
}

// damaged is a store that gives back another state than it keeps, until one is put.
type damaged struct {
	*store.DB
	doc []byte
}

func (s *damaged) State(ctx context.Context, sensor, axis string) (bearing.StoredState, error) {
	st, err := s.DB.State(ctx, sensor, axis)
	if s.doc != nil {
		st.Doc = s.doc
	}
	return st, err
}

func (s *damaged) PutStates(ctx context.Context, sensor string, folded bool, states ...bearing.AxisState) error {
	s.doc = nil
	return s.DB.PutStates(ctx, sensor, folded, states...)
}

// TestDamagedState: a state that is damaged, or that another program left, is made anew from
// what is stored.
func TestDamagedState(t *testing.T) {
	p := newPlant(t)
	p.core.saveEvery = 4
	for range 9 {
		p.now = p.now.Add(time.Minute)
		if _, err := p.core.Submit(t.Context(), p.brief("", p.now), admit.Entry{}); err != nil {
			t.Fatal(err)
		}
	}
	want := whole(p.core.sensors[[2]string{"pump", ""}])
	for _, doc := range []string{"", "{", "[]", "null", `{"version":"of another fold"}`, `{"version":"` + foldVersion(Mahalanobis) + `","kept":7}`} {
		p.restart()
		p.core.store = &damaged{p.db, []byte(doc)}
		s, err := p.core.sensor(t.Context(), "pump", "")
		if err != nil {
			t.Errorf("%q: %v", doc, err)
			continue
		}
		if d := cmp.Diff(want, whole(s), inFull); d != "" {
			t.Errorf("%q:\n%s", doc, d)
		}
	}
}

// TestRunningStates: the state of a sensor does not grow with the rates and speeds that its
// windows state, and what it learnt of its machine is not pushed out by what came a few times.
func TestRunningStates(t *testing.T) {
	rng := rand.New(rand.NewPCG(8, 8))
	s := newSensor(Mahalanobis)
	size := func() int {
		doc, err := s.doc()
		if err != nil {
			t.Fatal(err)
		}
		return len(doc)
	}
	i := 0
	send := func(running string) {
		o := healthy(rng, i)
		o.id, o.running = fmt.Sprint(i), running
		s.add(o)
		i++
	}
	for range 2 * history {
		send("1800 rpm")
	}
	for n := range 3 * history {
		send(fmt.Sprintf("%d-%d rpm, 12000 Hz", n, n+1))
	}
	few := size()
	for n := range 3 * history {
		send(fmt.Sprintf("100-120 rpm, %.0f Hz", 5000*math.Pow(1.03, float64(n%200)))) // none is known when it comes again
	}
	if now := size(); now > few+few/10 || len(s.live.baselines) > maxRunning {
		t.Errorf("%d running states, %d bytes after %d windows of as many rates; %d before", len(s.live.baselines), now, 3*history, few)
	}
	if b := s.live.baselines["1800 rpm"]; b == nil || len(b.learnt) != frozenAfter {
		t.Errorf("what was learnt of the machine is gone: %+v", b)
	}
	// Of states that are all known the one that was longest away makes room.
	for n := range maxRunning {
		for range readyAfter + 20 { // some are not healthy
			send(fmt.Sprintf("%d-%d rpm, 25600 Hz", n, n+1))
		}
	}
	if s.live.baselines["1800 rpm"] != nil || s.live.baselines["0-1 rpm, 25600 Hz"] == nil {
		t.Errorf("of %d states that are known not the oldest one made room", len(s.live.baselines))
	}
	if maxRunning != 24 {
		t.Errorf("%d running states are documented as 24", maxRunning)
	}
}

// TestNearRunning: rates within two percent of each other are one running state, that of the
// first; the speeds are not touched.
func TestNearRunning(t *testing.T) {
	m := memory{baselines: map[string]*baseline{"100-120 rpm, 12000 Hz": nil, "100-120 rpm, 12400 Hz": nil, "12000 Hz": nil}}
	for running, want := range map[string]string{
		"100-120 rpm, 12000 Hz": "100-120 rpm, 12000 Hz",
		"100-120 rpm, 12190 Hz": "100-120 rpm, 12000 Hz",
		"100-120 rpm, 12210 Hz": "100-120 rpm, 12400 Hz",
		"100-120 rpm, 11765 Hz": "100-120 rpm, 12000 Hz", // 2 % of its own is 235
		"100-120 rpm, 11764 Hz": "100-120 rpm, 11764 Hz",
		"100-120 rpm, 12653 Hz": "100-120 rpm, 12400 Hz",
		"100-120 rpm, 12654 Hz": "100-120 rpm, 12654 Hz",
		"120-144 rpm, 12000 Hz": "120-144 rpm, 12000 Hz",
		"12100 Hz":              "12000 Hz",
		"":                      "",
	} {
		if got := m.near(running); got != want {
			t.Errorf("%q is near %q, want %q", running, got, want)
		}
	}
	for running, want := range map[string]string{"": "", "100-120 rpm, 12000 Hz": "100-120 rpm, 12345 Hz", "12000 Hz": "12345 Hz"} {
		if got := atRate(running, 12345.4); got != want {
			t.Errorf("%q at 12345.4 Hz is %q, want %q", running, got, want)
		}
	}
	if got := runningState(30, 12000); got != atRate(got, 12000) {
		t.Errorf("%q is %q at its own rate", got, atRate(got, 12000))
	}
}

// TestRefusedLeaveNothing: windows that are refused keep no state of the sensors that they name.
func TestRefusedLeaveNothing(t *testing.T) {
	p := newPlant(t)
	p.usual("pump")
	for i := range 20 {
		w := p.window(fmt.Sprint("nobody-", i), p.now)
		w.Samples = w.Samples[:minSamples-1]
		if i%2 == 0 {
			w.Sensor, w.Axis = "pump", fmt.Sprint(i)
		}
		if _, err := p.core.Submit(t.Context(), w, admit.Entry{}); bearing.CodeOf(err) == "" {
			t.Fatalf("%v", err)
		}
	}
	if n := len(p.core.sensors); n != 1 {
		t.Errorf("%d states are kept, want that of the pump", n)
	}
	p.restart()
	p.send("pump", p.now)
	if s := p.core.sensors[[2]string{"pump", ""}]; s == nil || s.holders != 0 || len(s.kept) != 7 {
		t.Errorf("of the pump is left %+v", s)
	}
}

// TestUnsteadyRate: a logger that states another rate with each window has one baseline, and a
// fault its alarm, over late windows and a restart too.
func TestUnsteadyRate(t *testing.T) {
	p := newPlant(t)
	if err := p.put("pump", bearing.Sensor{Alarm: &loud}); err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(9, 9))
	send := func(gain float32, start time.Time) {
		w := p.window("pump", start)
		w.SampleRate = 12000 * (1 + 0.018*(rng.Float64()-0.5))
		for i := range w.Samples {
			w.Samples[i] *= gain
		}
		if _, err := p.core.Submit(t.Context(), w, admit.Entry{}); err != nil {
			t.Fatal(err)
		}
		p.wait(time.Minute)
	}
	for i := range 2 * readyAfter {
		if send(1, p.now); i == readyAfter {
			p.restart()
		}
	}
	b, err := p.core.Baselines(t.Context(), "pump", 100)
	if err != nil || len(b.Baselines) != 1 || b.Baselines[0].Learned < readyAfter {
		t.Errorf("%+v, %v", b, err)
	}
	send(20, p.now)
	send(20, p.now.Add(-90*time.Second)) // late: it counts for nothing, and disturbs nothing
	p.restart()
	send(20, p.now)
	send(20, p.now)
	if open := p.open(bearing.AlarmQuery{Sensor: "pump"}); len(open) != 1 || open[0].Condition != "loud" {
		t.Errorf("three loud windows: %+v", open)
	}
}

// TestAlarmAfterForget: windows that come again once their sensor was removed raise their alarm
// again.
func TestAlarmAfterForget(t *testing.T) {
	p := newPlant(t)
	if err := p.put("pump", bearing.Sensor{Alarm: &loud}); err != nil {
		t.Fatal(err)
	}
	begin := p.now
	for range 2 {
		for i := range 3 {
			w := p.window("pump", begin.Add(time.Duration(i)*time.Minute))
			for k := range w.Samples {
				w.Samples[k] *= 20
			}
			if _, err := p.core.Submit(t.Context(), w, admit.Entry{}); err != nil {
				t.Fatal(err)
			}
			p.wait(time.Minute)
		}
		if open := p.open(bearing.AlarmQuery{Sensor: "pump"}); len(open) != 1 {
			t.Fatalf("three loud windows: %+v", open)
		}
		if err := p.core.Forget(t.Context(), "pump"); err != nil {
			t.Fatal(err)
		}
		if open := p.open(bearing.AlarmQuery{Sensor: "pump"}); len(open) != 0 {
			t.Fatalf("after it was removed: %+v", open)
		}
	}
}
