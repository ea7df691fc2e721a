package lines_test

import (
	"math"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"brinell/bearing"
	"brinell/dataset"
	"brinell/features/lines"
)

var skf6205 = bearing.Geometry{Elements: 9, ElementDia: 0.3126, PitchDia: 1.537}

// simulated returns a second of a machine with that fault.
func simulated(t testing.TB, fault bearing.Fault, rate float64, seed uint64) ([]float32, lines.Machine) {
	t.Helper()
	s := dataset.SimSpec{Geometry: skf6205, Fault: fault, ShaftHz: 29.95, RateHz: rate, Seconds: 1,
		Slip: 0.01, LoadZone: 0.8, SNRdB: -6, ResonanceHz: min(2800, rate/4), Creep: -0.004}
	x, err := dataset.Simulate(s, rand.New(rand.NewPCG(seed, 1)))
	if err != nil {
		t.Fatal(err)
	}
	return x, lines.Machine{ShaftSpeed: 29.95, Orders: skf6205.Orders()}
}

// white returns a second of white noise at 12 kHz.
func white(rng *rand.Rand) []float32 {
	x := make([]float32, 12000)
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
	return x
}

func highest(e *lines.Evidence) (best int) {
	for i := range e.Combs {
		if e.Combs[i].Z > e.Combs[best].Z {
			best = i
		}
	}
	return best
}

// TestFaultsStandOut: at every rate the comb of the simulated fault is the highest,
// far out of the noise, and its slip is found.
func TestFaultsStandOut(t *testing.T) {
	a := lines.NewAnalyzer(nil)
	for _, rate := range []float64{5000, 12000, 20480, 25600, 48828, 97656} {
		for i, f := range lines.Faults {
			x, m := simulated(t, f, rate, 3)
			e := a.Analyze(x, rate, m)
			k := e.Combs[i]
			atLeast := 4.0
			if rate < 12000 { // less of the band is left
				atLeast = 2
			}
			if highest(e) != i || k.Z < atLeast || math.Abs(k.Slip+0.004) > 0.003 {
				t.Errorf("%s at %g Hz: comb %d is highest, Z %.1f, slip %.4f", f, rate, highest(e), k.Z, k.Slip)
			}
		}
	}
}

// TestNoiseHasNoLines: over white noise, scores are those of noise.
func TestNoiseHasNoLines(t *testing.T) {
	a := lines.NewAnalyzer(nil)
	rng := rand.New(rand.NewPCG(5, 5))
	var sum, over float64
	const n = 200
	for range n {
		x := white(rng)
		e := a.Analyze(x, 12000, lines.Machine{ShaftSpeed: 30, Orders: skf6205.Orders()})
		for _, k := range e.Combs {
			sum += k.Z
			if k.Z > 4 {
				over++
			}
		}
		if e.Broad > 0.1 || e.Steady > 0.2 {
			t.Errorf("impulsiveness of noise %.2f, %.2f", e.Broad, e.Steady)
		}
	}
	if mean := sum / (3 * n); math.Abs(mean) > 0.5 || over > 0.02*3*n {
		t.Errorf("mean Z %.2f, %.0f of %d above 4", mean, over, 3*n)
	}
}

// TestInvariances: the evidence depends on neither gain nor sign, and hardly on where
// a window begins in its circle.
func TestInvariances(t *testing.T) {
	a := lines.NewAnalyzer(nil)
	rng := rand.New(rand.NewPCG(7, 7))
	vector := func(x []float32, m lines.Machine) []float64 {
		v := make([]float32, lines.Len)
		a.Analyze(x, 12000, m).Fill(v)
		out := make([]float64, len(v))
		for i := range v {
			out[i] = float64(v[i])
		}
		return out
	}
	for seed := range uint64(20) {
		x, m := simulated(t, lines.Faults[seed%3], 12000, seed)
		want := vector(x, m)
		for _, gain := range []float32{0.5, 1.9, -1, -7.25} {
			y := make([]float32, len(x))
			for i := range x {
				y[i] = gain * x[i]
			}
			if d := cmp.Diff(want, vector(y, m), cmpopts.EquateApprox(0, 1e-2)); d != "" {
				t.Fatalf("gain %g: %s", gain, d)
			}
		}
		shift := rng.IntN(len(x))
		y := append(append([]float32(nil), x[shift:]...), x[:shift]...)
		before, after := *a.Analyze(x, 12000, m), a.Analyze(y, 12000, m)
		if i := int(seed % 3); highest(after) != i || math.Abs(after.Combs[i].Harmonics[0]-before.Combs[i].Harmonics[0]) > 0.4 {
			t.Errorf("shifted: comb %d is highest, its first harmonic %.2f, was %.2f", highest(after), after.Combs[i].Harmonics[0], before.Combs[i].Harmonics[0])
		}
	}
}

// TestLongWindows: a window of many segments averages them.
func TestLongWindows(t *testing.T) {
	if n, count := lines.Segment(120000, 12000, 30); count != 10 || n != 12000 {
		t.Errorf("%d segments of %d, want 10 of 12000", count, n)
	}
	if n, count := lines.Segment(4096, 12000, 30); count != 1 || n > 4096 || n < 4000 {
		t.Errorf("%d segments of %d, want one of nearly 4096", count, n)
	}
	x, m := simulated(t, bearing.OuterRace, 12000, 1)
	one := *lines.NewAnalyzer(nil).Analyze(x, 12000, m)
	x = append(append(append([]float32(nil), x...), x...), x...)
	three := lines.NewAnalyzer(nil).Analyze(x, 12000, m)
	if three.Segments != 3 || math.Abs(three.Combs[1].Z-one.Combs[1].Z) > 1e-3*one.Combs[1].Z {
		t.Errorf("three times the window: %d segments, Z %.2f, once %.2f", three.Segments, three.Combs[1].Z, one.Combs[1].Z)
	}
}

// TestMFPT: on the lines alone, untrained, every record is named, though the rig, the
// bearing and the rate are none that the constants were tried on.
func TestMFPT(t *testing.T) {
	dir := os.Getenv("BRINELL_DATA")
	if dir == "" {
		t.Skip("BRINELL_DATA is not set")
	}
	src, err := dataset.OpenDir(dir, "mfpt")
	if err != nil {
		t.Fatal(err)
	}
	recs, err := src.Recordings(nil)
	if err != nil {
		t.Fatal(err)
	}
	a := lines.NewAnalyzer(nil)
	for _, r := range recs {
		b, _ := bearing.LookupBearing(r.Bearing)
		e := a.Analyze(r.Samples, r.SampleRate, lines.Machine{ShaftSpeed: r.ShaftSpeed, Orders: b.Geometry.Orders()})
		if i := highest(e); lines.Faults[i] != r.Truth.Fault || e.Combs[i].Z < 3 {
			t.Errorf("%s: %s with Z %.1f", r.Name, lines.Faults[i], e.Combs[i].Z)
		}
	}
}

func BenchmarkAnalyze(b *testing.B) {
	for _, rate := range []float64{12000, 25600, 48828} {
		b.Run("rate="+map[float64]string{12000: "12000", 25600: "25600", 48828: "48828"}[rate], func(b *testing.B) {
			x, m := simulated(b, bearing.InnerRace, rate, 1)
			a := lines.NewAnalyzer(nil)
			b.ReportAllocs()
			for b.Loop() {
				a.Analyze(x, rate, m)
			}
		})
	}
}

// TestShortWindows: no length at any rate, without a speed or at one that no shaft has,
// is too short for an answer, which may be that there is none.
func TestShortWindows(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, rate := range []float64{5000, 12000, 102400, 204800, 2e6, 1e7} {
		for _, n := range []int{0, 1, 2, 1024, 2048, 16384} {
			x := make([]float32, n)
			for i := range x {
				x[i] = float32(rng.NormFloat64())
			}
			found := lines.NewAnalyzer(nil).Speeds(x, rate, 4)
			if seconds := float64(n) / rate; (len(found) > 0) != (seconds >= lines.SpeedSeconds) {
				t.Errorf("%d samples at %g Hz: %d speeds", n, rate, len(found))
			}
			for _, shaft := range []float64{5e-324, 1e-300, 1e-15, 1e-5} {
				if lines.Need(rate, shaft) <= n {
					t.Errorf("%d samples at %g Hz are enough for a turn in %g s", n, rate, 1/shaft)
				}
			}
		}
	}
	if lines.SpeedSeconds != 5./70 {
		t.Errorf("a speed shows in %v s, in which the fastest shaft turns five times", lines.SpeedSeconds)
	}
}

// TestExtremes: a window of exactly the length that is needed, and of much more, is
// analysed at every rate and speed that come in, of bearings at the ends of what the
// catalogue takes.
func TestExtremes(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	x := make([]float32, 1<<15)
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
	for _, rate := range []float64{1, 100, 500, 501, 5000, 5120, 12000, 44100, 102400, 1e6, 1e7} {
		for _, rpm := range []float64{0.001, 1, 60, 1797, 12000, 60000, 600000} {
			for _, g := range []bearing.Geometry{skf6205, {Elements: 3, ElementDia: 0.02, PitchDia: 20}, {Elements: 500, ElementDia: 1, PitchDia: 200}} {
				need := lines.Need(rate, rpm/60)
				if rate <= 500 && need <= len(x) {
					t.Errorf("%g Hz has no band, and %d samples are enough", rate, need)
				}
				for _, n := range []int{need, need + 1, 3 * need, len(x)} {
					if need > len(x) || n > len(x) {
						continue
					}
					e := lines.NewAnalyzer(nil).Analyze(x[:n], rate, lines.Machine{ShaftSpeed: rpm / 60, Orders: g.Orders()})
					for _, v := range []float64{e.Combs[0].Z, e.Combs[2].Z, e.CageZ, e.Steady, e.Tones, e.Shaft, e.Turns, e.Free.Z} {
						if v-v != 0 {
							t.Fatalf("%d samples at %g Hz, %g rpm: %v", n, rate, rpm, v)
						}
					}
				}
			}
		}
	}
}

// TestAmong: of many orders those of the bearing are found, with its fault; and over noise many
// orders find hardly more than one set does.
func TestAmong(t *testing.T) {
	a := lines.NewAnalyzer(nil)
	var orders []bearing.Orders
	for n := 7; n <= 12; n++ {
		for i := range 8 {
			orders = append(orders, bearing.Geometry{Elements: n, ElementDia: 0.17 + 0.0085*float64(i), PitchDia: 1}.Orders())
		}
	}
	for i, f := range lines.Faults[:2] {
		x, m := simulated(t, f, 12000, 3)
		alone := a.Analyze(x, 12000, m).Combs[i].Z
		e, best := a.Among(x, 12000, m.ShaftSpeed, orders)
		if o := e.Combs[i].Order * (1 + e.Combs[i].Slip); highest(e) != i || math.Abs(o/m.Orders.Line(f)-1) > 0.008 || e.Machine.Orders != orders[best] {
			t.Errorf("%s: the highest comb is %d, at order %.3f, of orders %d", f, highest(e), o, best)
		}
		if z := e.Combs[i].Z; z > alone+0.5 || z < 4 {
			t.Errorf("%s scores %.2f among many, %.2f alone", f, z, alone)
		}
		if e, best := a.Among(x, 12000, m.ShaftSpeed, []bearing.Orders{m.Orders}); e.Combs[i].Z != alone || best != 0 {
			t.Errorf("%s scores %.2f among one, %.2f alone", f, e.Combs[i].Z, alone)
		}
	}
	rng := rand.New(rand.NewPCG(6, 6))
	over, alone, mean := 0, 0, 0.0
	const n = 100
	for range n {
		x := white(rng)
		e := a.Analyze(x, 12000, lines.Machine{ShaftSpeed: 30, Orders: skf6205.Orders()})
		if e.Combs[highest(e)].Z > 3 {
			alone++
		}
		e, _ = a.Among(x, 12000, 30, orders)
		z := e.Combs[highest(e)].Z
		if mean += z / n; z > 3 {
			over++
		}
	}
	if t.Logf("the highest comb over noise scores %.2f, %d of %d above 3, of one bearing %d", mean, over, n, alone); over > 6 || mean > 1.2 {
		t.Errorf("over noise")
	}
}
