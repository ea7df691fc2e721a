package diagnose

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"gonum.org/v1/gonum/mat"

	"brinell/bearing"
	"brinell/features/lines"
)

// The numbers of this file stand here once more on purpose: who changes a constant of the memory
// or of the baselines changes it in two places, knowingly.

// near compares to nine digits.
func near(t *testing.T, what string, got, want float64) {
	t.Helper()
	if math.Abs(got-want) > 1e-9*math.Max(1, math.Abs(want)) {
		t.Errorf("%s is %v, want %v", what, got, want)
	}
}

// TestForgetting: a window weighs nine tenths of the next one, and its scores count within bounds.
func TestForgetting(t *testing.T) {
	m := memory{}
	for i := range 3 {
		m.accumulate(&observation{seconds: 2, network: true, lines: true, logp: bearing.ByFault{-1, -2, -3, -4}, z: lines.ByFault{1, 2, 20},
			cage: -20, impulsive: 0.5, free: lines.Free{Z: 20}, tones: 30, half: 1, shaft: []float64{20, 1, 1}[i]})
	}
	const w = 0.81 + 0.9 + 1
	near(t, "the weight", m.weight, w)
	near(t, "the weight of the network", m.netWeight, w)
	near(t, "a log-probability", m.logp[3], -4*w)
	near(t, "a score", m.z[1], 2*w)
	near(t, "a high score", m.z[2], 8*w)
	near(t, "a low score", m.cage, -8*w)
	near(t, "a high unexplained score", m.free, 16*w)
	near(t, "the shaft", m.shaft, 0.81*8+0.9+1)
	near(t, "impulsiveness", m.impulsive, 0.5*w)
	near(t, "the mean of tones", m.mean(m.tones), 30)
	if m.windows != 3 || m.seconds != 6 {
		t.Errorf("%d windows, %v s", m.windows, m.seconds)
	}
	// What the calibration takes: means times √N, of scores what exceeds that of noise.
	m = memory{weight: 4, netWeight: 4, z: lines.ByFault{4 * 1.5, 4 * 2.5, 4 * 1.4999}, logp: bearing.ByFault{-4}}
	n, e := m.evidence()
	near(t, "of the network", n[0], -2)
	near(t, "of noise", e[1], 0)
	near(t, "of a score one above it", e[2], 2)
	near(t, "of less than noise", e[3], 0)
	if p := (&observation{byFault: bearing.ByFault{1, 0, 0, 0}}).logs(); p != (bearing.ByFault{0, -9, -9, -9}) {
		t.Errorf("log-probabilities %v, want at least -9", p)
	}
}

// TestMemoryEnds: after a day without a window, or with another bearing, the evidence begins anew.
func TestMemoryEnds(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 8))
	first := healthy(rng, 1)
	for _, c := range []struct {
		name string
		next func(*observation)
		want int
	}{
		{"a day later", func(o *observation) { o.start = first.start.Add(24 * time.Hour) }, 2},
		{"more than a day later", func(o *observation) { o.start = first.start.Add(24*time.Hour + 1) }, 1},
		{"another bearing", func(o *observation) { o.bearing = "6203" }, 1},
		{"unusable", func(o *observation) { o.quality.Level = bearing.Unusable }, 1},
	} {
		m := memory{method: Mahalanobis}
		m.fold(first)
		o := healthy(rng, 2)
		c.next(o)
		if m.fold(o); m.windows != c.want {
			t.Errorf("%s: %d windows, want %d", c.name, m.windows, c.want)
		}
	}
	s := newSensor(Mahalanobis)
	for i := range 258 {
		s.add(healthy(rng, i))
	}
	if len(s.kept) != 256 || s.base.windows != 2 {
		t.Errorf("%d windows are kept and %d folded, want 256 and 2", len(s.kept), s.base.windows)
	}
}

// TestRunningLimits: rates within a fiftieth are one running state, and there are 24 at most.
func TestRunningLimits(t *testing.T) {
	m := memory{baselines: map[string]*baseline{"1797-2156 rpm, 12000 Hz": {}}}
	for rate, want := range map[float64]string{12244: "12000", 12246: "12246", 11765: "12000", 11764: "11764"} {
		if got := m.near(fmt.Sprintf("1797-2156 rpm, %g Hz", rate)); got != "1797-2156 rpm, "+want+" Hz" {
			t.Errorf("%g Hz is compared with %s, want %s Hz", rate, got, want)
		}
	}
	rng := rand.New(rand.NewPCG(2, 8))
	m = memory{method: Mahalanobis}
	for i := range 26 {
		o := healthy(rng, i)
		o.running = fmt.Sprintf("%d rpm", i)
		if m.fold(o); len(m.baselines) != min(i+1, 24) {
			t.Fatalf("after %d running states %d are known", i+1, len(m.baselines))
		}
	}
	for speed, want := range map[float64]string{29.95: "1797-2157 rpm, 12000 Hz", 0: "12000 Hz"} {
		if got := runningState(speed, 12000); speed == 0 && got != want {
			t.Errorf("%g Hz: %s", speed, got)
		}
	}
}

// known is a fit around zero, of independent values of deviation one, with a limit of one.
func known() *fit {
	f := &fit{mean: make([]float64, 11), inverse: mat.NewSymDense(11, nil), limit: 1}
	for i := range 11 {
		f.inverse.SetSym(i, i, 1)
	}
	return f
}

// risen is a vector whose levels have all risen by so many nepers.
func risen(by float64) []float64 {
	v := make([]float64, 11)
	for _, i := range []int{0, 3, 4, 5, 6, 7, 8, 9, 10} {
		v[i] = by
	}
	return v
}

// TestSensorGain: a gain of more than 0.405 nepers, a factor of 1.5, that explains the change is
// the sensor's.
func TestSensorGain(t *testing.T) {
	f := known()
	for gain, want := range map[float64]string{0.405: "machine", 0.4051: "sensor", -0.405: "machine", -0.4051: "sensor"} {
		if got, _ := f.drift(risen(gain)); got != want {
			t.Errorf("a gain of %g nepers is of the %s, want %s", gain, got, want)
		}
	}
	v := risen(2) // and another form, which the gain does not explain, unless it is within the limit
	v[1] = math.Sqrt(11)
	if what, gain := f.drift(v); what != "sensor" {
		t.Errorf("at the limit without the gain: %s, %v", what, gain)
	}
	v[1] *= 1.0001
	if what, gain := f.drift(v); what != "machine" || gain != 0 {
		t.Errorf("beyond the limit without the gain: %s, %v", what, gain)
	}
	v = risen(2)
	v[6] = 1.25
	near(t, "the least rise", f.rise(v), 1.25)
}

// TestUnitMargin: a gain within 15 % of that between g and m/s² is flagged.
func TestUnitMargin(t *testing.T) {
	for factor, want := range map[float64]bool{1.1499: true, 1.1501: false, 0.8501: true, 0.8499: false} {
		o := healthy(rand.New(rand.NewPCG(3, 8)), 1)
		o.vector, o.level = risen(math.Log(factor*bearing.StandardGravity)), 1
		m := memory{method: Mahalanobis, last: o.start, bearing: o.bearing,
			baselines: map[string]*baseline{o.running: {method: Mahalanobis, fit: known(), learnt: make([][]float64, 60)}}}
		if m.fold(o); o.quality.Has("unit_suspect") != want {
			t.Errorf("%g times the gain between the units: flagged %v, want %v", factor, !want, want)
		}
	}
}

// TestBaselineLimits: when a baseline speaks, what it learns, and when a machine stands still.
func TestBaselineLimits(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 8))
	b := &baseline{method: Mahalanobis}
	var fits []int
	for i := range 260 {
		before := b.fit
		if b.learn(healthy(rng, i), judgement{}, true); b.fit != before {
			fits = append(fits, i+1)
		}
	}
	if len(fits) != 19 || fits[0] != 60 || fits[1] != 70 || fits[18] != 240 || len(b.learnt) != 240 {
		t.Errorf("fitted after %v windows, %d learnt, want after 60, 70 ... 240", fits, len(b.learnt))
	}
	for n, want := range map[int]int{59: 0, 60: 1, 240: 1} {
		if got := (&baseline{learnt: make([][]float64, n)}).ready(); got != want {
			t.Errorf("%d learnt: ready %d", n, got)
		}
	}
	b = &baseline{}
	for i := range 20 {
		if !b.raised.IsZero() {
			t.Fatalf("a change lasts after %d windows", i)
		}
		b.learn(healthy(rng, i), judgement{changed: true}, true)
	}
	if b.raised.IsZero() {
		t.Error("a change of 20 windows does not last")
	}
	for _, c := range []struct {
		levels int
		level  float64
		want   bool
	}{
		{0, 1.9999e-4, true}, {0, 2e-4, false}, {4, 0.05, false}, {5, 0.0999, true}, {5, 0.1, false},
	} {
		b := &baseline{}
		for range c.levels {
			b.levels = append(b.levels, 1)
		}
		if got := b.off(&observation{level: c.level}); got != c.want {
			t.Errorf("%g g after %d windows of 1 g: off %v, want %v", c.level, c.levels, got, c.want)
		}
	}
	for level, want := range map[float64]int{0.999: 3, 1.001: 1} { // from ten times the level on, it was off before
		b = &baseline{}
		for i, v := range []float64{0.1, 0.1, level} {
			o := healthy(rng, i)
			o.level = v
			b.learn(o, judgement{}, true)
		}
		if len(b.learnt) != want {
			t.Errorf("%d windows are learnt after one of %g g, want %d", len(b.learnt), level, want)
		}
	}
}

// TestFit: the fit of known windows has known numbers, to nine digits: the shares that are held
// back and shrunk, the least spread and the rate of false alarms are all in them.
func TestFit(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 8))
	var all [][]float64
	for i := range 60 {
		all = append(all, healthy(rng, i).vector)
	}
	f := newFit(Mahalanobis, all)
	near(t, "a mean", f.mean[3], -0.004750669871734479)
	near(t, "the limit", f.limit, 2.4482767072021634)
	near(t, "a distance", f.distance(risen(1)), 4.478962342450721)
	b := &baseline{fit: known(), learnt: make([][]float64, 60)}
	for v, want := range map[float64]bool{math.Sqrt(11): false, 1.0001 * math.Sqrt(11): true} {
		o := healthy(rng, 1)
		o.vector = make([]float64, 11)
		o.vector[1] = v
		if j := b.judge(o); j.changed != want {
			t.Errorf("at %v of the limit: changed %v", j.distance, j.changed)
		}
	}
}
