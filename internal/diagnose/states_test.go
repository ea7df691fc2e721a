package diagnose

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"brinell/bearing"
	"brinell/internal/admit"
	"brinell/internal/alarm"
)

// TestLetGo: answers, alarms and baselines of interleaved sensors are the same whether their states
// are kept or let go after each window and recalled, whatever comes between: windows that are
// late, repeated, of a bearing or a machine that changes, controls, silences, people at alarms.
func TestLetGo(t *testing.T) {
	for seed := range uint64(2) {
		kept, let := newPlant(t), newPlant(t)
		let.core.states.most, let.core.saveEvery, kept.core.saveEvery = 1, 7, 7
		rng := rand.New(rand.NewPCG(seed, 11))
		type axis struct{ name, axis string }
		axes := []axis{{"pump", ""}, {"pump", "x"}, {"fan", "y"}, {"mill", ""}}
		for _, p := range []*plant{kept, let} {
			if err := p.put("pump", bearing.Sensor{Bearing: "6205-2RS", Alarm: &bearing.AlarmRule{Conditions: []bearing.AlarmCondition{
				{Name: "loud", Kind: bearing.OnFeature, Feature: "rms", Above: 1.2, On: bearing.Delay{Count: 2}, Off: bearing.Delay{Count: 2}}}}}); err != nil {
				t.Fatal(err)
			}
		}
		both := func(what string, f func(p *plant) (any, error)) {
			t.Helper()
			var out [2]string
			for i, p := range []*plant{kept, let} {
				v, err := f(p)
				b, jerr := json.Marshal(v)
				if jerr != nil {
					t.Fatal(jerr)
				}
				out[i] = fmt.Sprint(string(b), " ", err)
			}
			if d := cmp.Diff(out[0], out[1]); d != "" {
				t.Fatalf("seed %d, %s:\n%s", seed, what, d)
			}
		}
		submit := func(a axis, start time.Time, loud, speed float64, designation string) {
			x := samples(rand.New(rand.NewPCG(uint64(start.UnixNano()), seed)), 1024)
			for i := range x {
				x[i] *= float32(loud)
			}
			both(fmt.Sprint("window of ", a), func(p *plant) (any, error) {
				w, err := bearing.NewWindow(bearing.Window{Sensor: a.name, Axis: a.axis, Start: start, SampleRate: 12000, ShaftSpeed: speed, Unit: bearing.G,
					Bearing: designation, Samples: slices.Clone(x)}, bearing.Limits{})
				if err != nil {
					t.Fatal(err)
				}
				return p.core.Submit(t.Context(), w, admit.Entry{})
			})
		}
		begin := kept.now
		for i := range 160 {
			step := time.Duration(1+rng.IntN(3)) * 20 * time.Second
			if rng.IntN(60) == 0 {
				step = 30 * time.Minute // silence
			}
			for _, p := range []*plant{kept, let} {
				p.wait(step)
				tendAll(t, p.core)
			}
			a := axes[rng.IntN(len(axes))]
			start, loud, speed, designation := kept.now, 1.0, 30.0, ""
			if a.name == "fan" {
				designation = []string{"6205", "SKF 6205-2RS", "6203"}[i/60]
			}
			switch rng.IntN(12) {
			case 0:
				start = start.Add(-time.Duration(rng.IntN(3600)) * time.Second)
			case 1:
				start = begin.Add(time.Duration(rng.IntN(3)) * time.Minute)
			case 2:
				speed = []float64{0, 15, 45}[rng.IntN(3)]
			case 3:
				loud = 0
			}
			if i/20%2 == 1 && loud > 0 {
				loud = 2
			}
			submit(a, start, loud, speed, designation)
			if rng.IntN(6) == 0 {
				submit(a, start, loud, speed, designation) // again
			}
			if rng.IntN(25) == 0 {
				x := bearing.BaselineControl{Axis: a.axis, At: kept.now.Add(-time.Duration(rng.IntN(1200)) * time.Second),
					Action: []string{bearing.BaselineRestart, bearing.BaselineFreeze, bearing.BaselineResume}[rng.IntN(3)]}
				both("control", func(p *plant) (any, error) {
					clear(p.core.rests)
					return nil, p.core.ControlBaseline(t.Context(), a.name, x, bearing.AnyVersion)
				})
			}
			if rng.IntN(10) == 0 {
				both("baselines", func(p *plant) (any, error) { return p.core.Baselines(t.Context(), a.name, 100) })
				both("alarms", func(p *plant) (any, error) {
					open := p.open(bearing.AlarmQuery{})
					for _, o := range open {
						if rng := rand.New(rand.NewPCG(uint64(i), seed)); rng.IntN(3) == 0 {
							if _, err := p.core.Acknowledge(t.Context(), o.ID, bearing.AnyVersion, bearing.Signature{At: p.now, By: "me"}); err != nil {
								return nil, err
							}
						}
					}
					return open, nil
				})
			}
			if n := len(let.core.sensors); n != 0 {
				t.Fatalf("%d states are kept", n)
			}
		}
		if n := len(kept.core.sensors); n != len(axes) {
			t.Errorf("%d states are kept without a bound, want %d", n, len(axes))
		}
		if n, _ := kept.logged(); n < 5 {
			t.Errorf("%d changes of alarms: the test is about them", n)
		}
	}
}

// TestStateBytes: what a state takes is counted as no less than it is, one that grew and one that was
// recalled, with either kind of baseline.
func TestStateBytes(t *testing.T) {
	for _, method := range []Method{Mahalanobis, Autoencoder} {
		for _, states := range []int{1, 5} {
			for _, windows := range []int{10, 300} {
				if method == Autoencoder && windows > 10 {
					windows = 2*readyAfter + 10 // its fits take a second
				}
				t.Run(fmt.Sprint(method, " ", states, " ", windows), func(t *testing.T) {
					heap := func() int64 {
						var m runtime.MemStats
						runtime.GC()
						runtime.GC()
						runtime.ReadMemStats(&m)
						return int64(m.HeapAlloc)
					}
					const n = 10
					check := func(what string, make func(i int) *sensor) {
						all := [n]*sensor{}
						before := heap()
						for i := range all {
							all[i] = make(i)
						}
						took := heap() - before
						var counted int64
						for _, s := range all {
							counted += s.bytes()
						}
						t.Logf("%s: %d bytes are counted, %d taken", what, counted/n, took/n)
						if counted < took || windows > 10 && counted > 2*took {
							t.Error("that is too little, or more than twice as much")
						}
					}
					grown := func(i int) *sensor {
						rng := rand.New(rand.NewPCG(uint64(i), 6))
						s := newSensor(method)
						s.alarms = &alarm.Machine{}
						for k := range windows {
							o := healthy(rng, k)
							o.id, o.running = fmt.Sprintf("%026d", k), runningState(30*float64(1+3*(k%states)), 12000)
							s.unsaved = append(s.unsaved, o.id)
							s.add(o)
						}
						return s
					}
					check("grown", grown)
					check("recalled", func(i int) *sensor {
						doc, err := grown(i).doc()
						if err != nil {
							t.Fatal(err)
						}
						s := newSensor(method)
						s.alarms = &alarm.Machine{}
						if !s.restore(doc, nil) {
							t.Fatal("it is not whole")
						}
						return s
					})
				})
			}
		}
	}
}

// TestIdleMemory: states take half of what windows leave of the budget beside what is theirs, and give it
// back before a window that needs it is judged.
func TestIdleMemory(t *testing.T) {
	p := newPlant(t)
	memory := admit.NewMemory(64 << 20)
	var err error
	p.core, err = New(model(t, "m", 1), Config{Store: p.db, Memory: memory, States: 1, Now: func() time.Time { return p.now }})
	if err != nil {
		t.Fatal(err)
	}
	submit := func(sensor string) {
		t.Helper()
		w := p.brief("", p.now)
		w.Sensor = sensor
		p.now = p.now.Add(time.Second)
		if _, err := p.core.Submit(t.Context(), w, admit.Entry{}); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 20 {
		submit(fmt.Sprint("s", i))
	}
	if n := len(p.core.sensors); n != 20 {
		t.Fatalf("%d states are kept beside an idle budget, want all", n)
	}
	for _, s := range p.core.sensors {
		p.core.states.rest(s, 1<<20, false) // as if it knew much
	}
	left := memory.Max() / 16 // beside what a window needs: what is not given to windows
	need := p.core.Need(p.brief("", p.now))
	memory.Hold(memory.Max() - need - left)
	submit("s0")
	if most := left/idleShare + 64<<10; p.core.states.held > most || p.core.states.held < most-2<<20 {
		t.Errorf("%d bytes are kept, want %d at most", p.core.states.held, most)
	}
	memory.Hold(need + left)
	p.core.release(p.core.hold("s0", ""))
	if n := len(p.core.sensors); n != 0 {
		t.Errorf("%d states are kept beside a full budget", n)
	}
}

// TestStatesBound: states take no more than they may; who touches many sensors loses its own, and
// those of others stay; metrics say how many are there and were recalled.
func TestStatesBound(t *testing.T) {
	p := newPlant(t)
	m, err := NewMetrics(prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	gate := admit.New(admit.Config{Workers: 1, MaxWait: time.Minute})
	p.core, err = New(model(t, "m", 1), Config{Store: p.db, Sensors: p.registry.Sensor, Metrics: m, Gate: gate, States: 200 << 10, Now: func() time.Time { return p.now }})
	if err != nil {
		t.Fatal(err)
	}
	submit := func(tenant, sensor string) {
		t.Helper()
		place, err := gate.Enter(t.Context(), admit.Claim{Tenant: tenant})
		if err != nil {
			t.Fatal(err)
		}
		defer place.Leave()
		w := p.brief("", p.now)
		w.Sensor = sensor
		p.now = p.now.Add(time.Second)
		if _, err := p.core.Submit(t.Context(), w, admit.Entry{Place: place}); err != nil {
			t.Fatal(err)
		}
		if p.core.states.held > 200<<10 {
			t.Fatalf("%d bytes are held", p.core.states.held)
		}
	}
	for range 30 {
		submit("small", "pump")
	}
	pump := p.core.sensors[[2]string{"pump", ""}]
	for i := range 150 {
		submit("large", fmt.Sprint("s", i))
	}
	if p.core.sensors[[2]string{"pump", ""}] != pump {
		t.Error("the sensor of another tenant was let go")
	}
	for _, gone := range []string{"s0", "s1"} {
		if p.core.sensors[[2]string{gone, ""}] != nil {
			t.Errorf("%s is kept", gone)
		}
	}
	if p.core.sensors[[2]string{"s149", ""}] == nil {
		t.Error("the newest is not kept")
	}
	var all int64
	for _, s := range p.core.sensors {
		all += s.bytes()
	}
	if all != p.core.states.held || all < 150<<10 {
		t.Errorf("%d bytes are held, %d counted", all, p.core.states.held)
	}
	if got := testutil.ToFloat64(m.States); got != float64(len(p.core.sensors)) || testutil.ToFloat64(m.Resting) != float64(all) {
		t.Errorf("the metrics say %v states", got)
	}
	if got := testutil.ToFloat64(m.Recalled); got != 0 {
		t.Errorf("%v were recalled, want none", got)
	}
	submit("large", "s0")
	if got := testutil.ToFloat64(m.Recalled); got != 1 {
		t.Errorf("%v were recalled, want one", got)
	}
	if err := p.core.Forget(t.Context(), "pump"); err != nil {
		t.Fatal(err)
	}
	if _, ok := p.core.states.by["small"]; ok {
		t.Error("what a sensor that is forgotten took is counted")
	}
}

// TestTurnsOfSensors: where sensors send in turn, and there is room for two thirds of them, most of the
// windows find the state at hand; and when others send instead, they come to be those.
func TestTurnsOfSensors(t *testing.T) {
	p := newPlant(t)
	m, err := NewMetrics(prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	p.core, err = New(model(t, "m", 1), Config{Store: p.db, Metrics: m, Now: func() time.Time { return p.now }})
	if err != nil {
		t.Fatal(err)
	}
	const n = 30
	round := func(from int) float64 {
		before := testutil.ToFloat64(m.Recalled)
		for i := range n {
			w := p.brief("", p.now)
			w.Sensor = fmt.Sprint("s", from+i)
			p.now = p.now.Add(time.Second)
			if _, err := p.core.Submit(t.Context(), w, admit.Entry{}); err != nil {
				t.Fatal(err)
			}
		}
		return testutil.ToFloat64(m.Recalled) - before
	}
	for range 3 {
		round(0)
	}
	for _, from := range []int{0, n} {
		var recalled float64
		for i := range 14 {
			var size int64
			for _, s := range p.core.sensors {
				size = max(size, s.size)
			}
			p.core.states.most = n * 2 / 3 * size
			if r := round(from); i >= 8 {
				recalled += r
			}
		}
		if share := recalled / (6 * n); share > 0.6 || share < 0.2 {
			t.Errorf("%.2f of the windows of sensors from s%d had their state recalled", share, from)
		}
	}
}
