package diagnose

import (
	"math"
	"math/rand/v2"
	"slices"
	"sort"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"brinell/bearing"
	"brinell/internal/admit"
	"brinell/internal/storetest"
	"brinell/models"
)

// healthy returns an observation of a healthy machine, with a scatter of a tenth.
func healthy(rng *rand.Rand, i int) *observation {
	o := &observation{id: string(rune('a' + i)), start: time.Unix(int64(60*i), 0), seconds: 1, network: true, lines: true, bearing: "6205-2RS", running: "1800 rpm", rate: 12000,
		quality: bearing.Quality{Level: bearing.Good}, level: math.Exp(0.1 * rng.NormFloat64()), tones: 50}
	for k := range o.logp {
		o.logp[k] = -rng.ExpFloat64()
	}
	for k := range o.z {
		o.z[k] = rng.NormFloat64()
	}
	common := 0.1 * rng.NormFloat64()
	for range 11 {
		o.vector = append(o.vector, common+0.1*rng.NormFloat64())
	}
	return o
}

// TestLateWindows: whatever the order of arrival, the memory is that of the order of
// time.
func TestLateWindows(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	const n = 150
	var all []*observation
	for i := range n {
		all = append(all, healthy(rng, i))
	}
	want := &sensor{}
	for _, o := range all {
		want.add(o)
	}
	for range 20 {
		got := &sensor{}
		late := rng.Perm(n)
		// Late by up to twenty windows.
		sort.SliceStable(late, func(i, j int) bool { return late[i]/20 < late[j]/20 })
		for _, i := range late {
			got.add(all[i])
		}
		a, b := want.live.snapshot(want.live.baselines["1800 rpm"].fit.version), got.live.snapshot(got.live.baselines["1800 rpm"].fit.version)
		if d := cmp.Diff(a, b); d != "" {
			t.Fatal(d)
		}
		// One taken out and put in again.
		got.remove(all[n-3])
		got.add(all[n-3])
		if d := cmp.Diff(a, got.live.snapshot(got.live.baselines["1800 rpm"].fit.version)); d != "" {
			t.Fatal(d)
		}
	}
}

// TestLateWindowRestsOnThePast: the answer to a late window rests on those before it.
func TestLateWindowRestsOnThePast(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 2))
	s := &sensor{}
	for i := range 10 {
		if i != 4 {
			s.add(healthy(rng, i))
		}
	}
	m, _ := s.add(healthy(rng, 4))
	if m.windows != 5 || s.live.windows != 10 {
		t.Errorf("the late one rests on %d windows, want 5; the live state on %d, want 10", m.windows, s.live.windows)
	}
}

// tendAll folds what waits for it, without the rest between.
func tendAll(t *testing.T, core *Core) {
	t.Helper()
	for i := 0; len(core.behind) > 0; i++ {
		core.rest = time.Time{}
		if err := core.tend(t.Context()); err != nil || i > 100 {
			t.Fatal(i, err)
		}
	}
}

// TestRestart: a core that starts anew on the same store answers as the one before
// would have, to the digest of the state.
func TestRestart(t *testing.T) {
	h := storetest.NewMemory(storetest.Config{})
	m := model(t, "m", 1)
	next := func(core *Core, i int) bearing.Diagnosis {
		t.Helper()
		rng := rand.New(rand.NewPCG(uint64(i), 3))
		w, err := bearing.NewWindow(bearing.Window{Sensor: "pump", Start: firstYear.Add(time.Duration(i) * time.Minute), SampleRate: 12000, ShaftSpeed: 30, Bearing: "6205-2RS", Unit: bearing.G, Samples: samples(rng, 6000)}, bearing.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		d, err := core.Submit(t.Context(), w, admit.Entry{})
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	core, err := New(m, Config{Store: h})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 70 {
		next(core, i)
	}
	again, err := New(m, Config{Store: h.Clone()})
	if err != nil {
		t.Fatal(err)
	}
	a, b := next(core, 70), next(again, 70)
	a.ReceivedAt, b.ReceivedAt = time.Time{}, time.Time{}
	if d := cmp.Diff(a, b); d != "" {
		t.Error(d)
	}
	if a.Verdict.Windows != 71 || a.Witnesses.Baseline.State != bearing.Ready {
		t.Errorf("rests on %d windows, baseline %s", a.Verdict.Windows, a.Witnesses.Baseline.State)
	}
}

// TestAnyOrder: windows that come in any order, twice, or so late that those kept in memory
// are all younger leave the live state that they leave in order, and that a core which
// starts anew makes of what is stored.
func TestAnyOrder(t *testing.T) {
	const n = history + 60
	m := model(t, "m", 1)
	now := firstYear.Add(24 * time.Hour)
	after := func(order []int) (live, anew bearing.State) {
		t.Helper()
		h := storetest.NewMemory(storetest.Config{})
		fresh := func(h Store) *Core {
			core, err := New(m, Config{Store: h, Now: func() time.Time { return now }})
			if err != nil {
				t.Fatal(err)
			}
			return core
		}
		send := func(core *Core, i int) bearing.Diagnosis {
			rng := rand.New(rand.NewPCG(uint64(i), 3))
			w, err := bearing.NewWindow(bearing.Window{Sensor: "pump", Start: firstYear.Add(time.Duration(i) * time.Minute), SampleRate: 12000, ShaftSpeed: 30, Unit: bearing.G, Samples: samples(rng, 2048)}, bearing.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			d, err := core.Submit(t.Context(), w, admit.Entry{})
			if err != nil {
				t.Fatal(err)
			}
			return d
		}
		core := fresh(h)
		for _, i := range order {
			send(core, i)
		}
		tendAll(t, core)
		before := h.Clone()
		live = send(core, n).State
		again := fresh(before)
		if _, err := again.sensor(t.Context(), "pump", ""); err != nil {
			t.Fatal(err)
		}
		tendAll(t, again)
		return live, send(again, n).State
	}
	var ordered []int
	for i := range n {
		ordered = append(ordered, i)
	}
	want, anew := after(ordered)
	if want.Windows != n+1 {
		t.Fatalf("rests on %d windows, want %d", want.Windows, n+1)
	}
	if d := cmp.Diff(want, anew); d != "" {
		t.Errorf("in order, after a restart of the program:\n%s", d)
	}
	for name, order := range map[string][]int{
		"the first at the end":        append(append(slices.Clone(ordered[20:]), ordered[:20]...), 3, 7),
		"the first in between":        slices.Concat(ordered[10:280], ordered[:10], ordered[275:290], ordered[280:]),
		"every other one at the end":  slices.Concat(every(ordered, 0), every(ordered, 1)),
		"backwards, but for the last": append(reversed(ordered[:n-1]), n-1),
	} {
		live, anew := after(order)
		if d := cmp.Diff(want, live); d != "" {
			t.Errorf("%s:\n%s", name, d)
		}
		if d := cmp.Diff(want, anew); d != "" {
			t.Errorf("%s, after a restart of the program:\n%s", name, d)
		}
	}
}

func every(x []int, odd int) (out []int) {
	for i := odd; i < len(x); i += 2 {
		out = append(out, x[i])
	}
	return out
}

func reversed(x []int) []int {
	x = slices.Clone(x)
	slices.Reverse(x)
	return x
}

// TestBaseline: healthy windows beyond the limit are as rare as stated, within what
// chance allows; changes of machine and of gain are told apart; a machine that stands
// still is left out.
func TestBaseline(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	changed, judged := 0, 0
	for i := range 24 {
		b := &baseline{method: Mahalanobis}
		if i%6 == 5 {
			b.method = Autoencoder
		}
		for i := range 1500 {
			o := healthy(rng, i)
			j := b.judge(o)
			b.learn(o, j, true)
			if j.limit > 0 {
				judged++
				if j.changed {
					changed++
				}
			}
		}
		if b.state(false) != bearing.Frozen || len(b.learnt) != frozenAfter {
			t.Fatalf("%s after %d windows", b.state(false), len(b.learnt))
		}
		o := healthy(rng, 0)
		for i := range o.vector {
			if i == 0 || i > 2 {
				o.vector[i] += math.Log(bearing.StandardGravity)
			}
		}
		if j := b.judge(o); !j.changed || j.drift != "sensor" {
			t.Errorf("a gain of 9.81: %+v", j)
		}
		o = healthy(rng, 0)
		o.vector[7] += 2
		o.vector[1] += 1
		if j := b.judge(o); !j.changed || j.drift != "machine" {
			t.Errorf("another spectrum: %+v", j)
		}
		o = healthy(rng, 0)
		o.level *= offShare / 2
		if j := b.judge(o); j.changed || j.reason == "" || j.limit != 0 {
			t.Errorf("standing still: %+v", j)
		}
	}
	if share := float64(changed) / float64(judged); share > 10*falseAlarms {
		t.Errorf("%d of %d healthy windows are called changed, stated is a share of %g", changed, judged, falseAlarms)
	}
}

// TestLastingAlarm: an alarm says when its run began and when it lasted.
func TestLastingAlarm(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	b := &baseline{}
	for i := range 300 {
		o := healthy(rng, i)
		if i >= 250 || i == 200 {
			o.vector[5] += 3
		}
		b.learn(o, b.judge(o), true)
	}
	if b.run != 50 || b.onset != time.Unix(60*250, 0) || b.raised != time.Unix(60*(250+lastingRun-1), 0) {
		t.Errorf("run %d, onset %v, raised %v", b.run, b.onset, b.raised)
	}
}

// TestUnitSuspect: a level that jumps by the ratio of g and m/s² is flagged, and is no
// fault of the machine.
func TestUnitSuspect(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	for _, gain := range []float64{bearing.StandardGravity, 1 / bearing.StandardGravity} {
		m := memory{method: Mahalanobis}
		for i := range 120 {
			m.fold(healthy(rng, i))
		}
		o := healthy(rng, 120)
		o.level *= gain
		for i := range o.vector {
			if i == 0 || i > 2 {
				o.vector[i] += math.Log(gain)
			}
		}
		j := m.fold(o)
		if gain < 1 && j.reason != "" {
			continue // a tenth of the level is a machine that stands still
		}
		if !o.quality.Has("unit_suspect") || j.drift != "sensor" {
			t.Errorf("gain %g: %+v, quality %+v", gain, j, o.quality)
		}
		c := models.Uncalibrated
		if v, _ := judge(o, &m, j, &c, KnownZones[0]); v.Fault != bearing.Inconclusive {
			t.Errorf("gain %g: %s", gain, v.Fault)
		}
	}
}

// TestSeverity: the stage follows what is seen: hits, a line, its harmonics, and noise in
// all bands; without a fault that is named there is none.
func TestSeverity(t *testing.T) {
	rng := rand.New(rand.NewPCG(6, 6))
	b := &baseline{method: Mahalanobis}
	for i := range 300 {
		o := healthy(rng, i)
		b.learn(o, b.judge(o), true)
	}
	worn := healthy(rng, 0)
	for i := range worn.vector {
		if i == 0 || i > 2 {
			worn.vector[i] += 1.6 + 0.1*float64(i)
		}
	}
	worn.found = []bearing.Line{{Fault: bearing.OuterRace, Harmonic: 1}}
	grows := healthy(rng, 0) // one band only
	grows.vector[7] += 2
	grows.found = worn.found
	outer := func(n int) *observation {
		return &observation{found: slices.Repeat([]bearing.Line{{Fault: bearing.OuterRace}}, n)}
	}
	for _, c := range []struct {
		name  string
		fault bearing.Fault
		o     *observation
		j     judgement
		want  int
	}{
		{"nothing named", bearing.UnknownFault, outer(3), judgement{}, 0},
		{"hits alone", bearing.Ball, outer(2), judgement{}, 2},
		{"one line", bearing.OuterRace, outer(1), judgement{}, 2},
		{"harmonics", bearing.OuterRace, outer(2), judgement{}, 3},
		{"one band grows", bearing.OuterRace, grows, b.judge(grows), 2},
		{"all bands grow", bearing.OuterRace, worn, b.judge(worn), 4},
	} {
		if s := severity(bearing.Severity{}, c.fault, c.o, &memory{}, c.j); s.Stage != c.want || s.Stage > 0 && s.Evidence == "" {
			t.Errorf("%s: %+v, want stage %d", c.name, s, c.want)
		}
	}
}
