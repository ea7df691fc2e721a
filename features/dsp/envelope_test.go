package dsp

import (
	"encoding/json"
	"math"
	"math/cmplx"
	"os"
	"slices"
	"testing"
)

// readGolden decodes a file of reference values, which states the calls and the
// versions that made them.
func readGolden(t *testing.T, name string, v any) {
	t.Helper()
	b, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, v); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

// TestAnalyticReference holds tapers and the analytic signal against SciPy.
func TestAnalyticReference(t *testing.T) {
	var golden struct {
		Cases []struct {
			N      int
			Call   string
			Re, Im []float64
		}
		Hann []float64
	}
	readGolden(t, "analytic.json", &golden)
	for _, c := range golden.Cases {
		x := make([]float64, c.N)
		for i := range x {
			x[i] = float64(i*i%23) - 11
		}
		before := slices.Clone(x)
		for i, z := range AnalyticSignal(nil, x) {
			if cmplx.Abs(z-complex(c.Re[i], c.Im[i])) > 1e-12*11 {
				t.Errorf("n=%d: z[%d] = %v, want %v%+vi: %s", c.N, i, z, c.Re[i], c.Im[i], c.Call)
			}
		}
		if !slices.Equal(x, before) {
			t.Errorf("n=%d: input changed", c.N)
		}
	}
	if len(golden.Cases) == 0 || len(golden.Hann) == 0 {
		t.Fatal("no reference values")
	}
	for i, v := range HannPeriodic(len(golden.Hann)) {
		if math.Abs(v-golden.Hann[i]) > 1e-15 {
			t.Errorf("hann[%d] = %v, want %v", i, v, golden.Hann[i])
		}
	}
}

func TestHannPeriodic(t *testing.T) {
	for _, n := range []int{2, 3, 16, 2048} {
		sum := 0.0
		w := HannPeriodic(n)
		for i, v := range w {
			sum += v
			if i > 0 && math.Abs(v-w[n-i]) > 1e-15 {
				t.Errorf("n=%d: w[%d] = %v, w[%d] = %v", n, i, v, n-i, w[n-i])
			}
		}
		if math.Abs(sum-float64(n)/2) > 1e-11 || w[0] != 0 {
			t.Errorf("n=%d: sum %v, first %v", n, sum, w[0])
		}
	}
	if w := HannPeriodic(1); w[0] != 1 {
		t.Errorf("n=1: %v", w)
	}
}

// TestSquaredEnvelopeLine is the check of a fault's modulation: the squared
// envelope of (1 + ½ cos 2π fm t) cos 2π fc t is 1 + 1/8 + cos 2π fm t +
// ⅛ cos 4π fm t, wherever the carrier and whatever lies outside the band.
func TestSquaredEnvelopeLine(t *testing.T) {
	const fs, fc, fm = 12000.0, 3000.0, 120.0
	for _, n := range []int{12000, 11900} { // 11900 = 2²·5²·7·17
		x := make([]float64, n)
		for i := range x {
			at := 2 * math.Pi * float64(i) / fs
			x[i] = (1+0.5*math.Cos(fm*at))*math.Cos(fc*at) + 3 + 5*math.Cos(600*at) + 2*math.Sin(5400*at)
		}
		env := SquaredEnvelope(nil, x, fs, 2000, 4000)
		worst := 0.0
		for i, v := range env {
			at := 2 * math.Pi * float64(i) / fs
			worst = max(worst, math.Abs(v-(1.125+math.Cos(fm*at)+math.Cos(2*fm*at)/8)))
		}
		if worst > 1e-10 {
			t.Errorf("n=%d: envelope is off by %v", n, worst)
		}
		// The spectrum: the line at fm and its double, nothing else.
		c := NewRealFFT(n).Coefficients(nil, env)
		for k, v := range c[1:] {
			f, a := float64(k+1)*fs/float64(n), 2*cmplx.Abs(v)/float64(n)
			want := 0.0
			switch {
			case math.Abs(f-fm) < 1e-6:
				want = 1
			case math.Abs(f-2*fm) < 1e-6:
				want = 0.125
			}
			if math.Abs(a-want) > 1e-9 {
				t.Errorf("n=%d: line %v at %v Hz, want %v", n, a, f, want)
			}
		}
		if got := SquaredEnvelope(x, x, fs, 2000, 4000); !slices.Equal(got, env) {
			t.Errorf("n=%d: in place gives something else", n)
		}
	}
}

// TestSquaredEnvelopeEdges: the whole band is |AnalyticSignal|², both ends of the
// band count, an empty band is silence, and any length works.
func TestSquaredEnvelopeEdges(t *testing.T) {
	for n := 1; n < 40; n++ {
		x := noise(n)
		z := AnalyticSignal(nil, x)
		for i, v := range SquaredEnvelope(nil, x, 100, 0, 50) {
			if want := real(z[i])*real(z[i]) + imag(z[i])*imag(z[i]); math.Abs(v-want) > 1e-11 {
				t.Errorf("n=%d: envelope %v, |z|² %v", n, v, want)
			}
		}
		for _, v := range SquaredEnvelope(nil, x, 100, 60, 70) {
			if v != 0 {
				t.Errorf("n=%d: %v in an empty band", n, v)
			}
		}
	}
	x := []float64{0, 1, 0, -1, 0, 1, 0, -1} // 2 Hz at 8 Hz
	for _, band := range [][2]float64{{2, 3}, {1, 2}, {2, 2}} {
		for i, v := range SquaredEnvelope(nil, x, 8, band[0], band[1]) {
			if math.Abs(v-1) > 1e-14 {
				t.Errorf("band %v: sample %d is %v, want 1", band, i, v)
			}
		}
	}
	if len(AnalyticSignal(nil, nil)) != 0 || len(SquaredEnvelope(nil, nil, 1, 0, 1)) != 0 {
		t.Error("the envelope of nothing is something")
	}
}

func TestPeriodogram(t *testing.T) {
	x := make([]float32, 1000)
	for i, v := range noise(1000) {
		x[i] = float32(v + 3)
	}
	for _, n := range []int{1, 2, 7, 100, 129, 999, 1000} {
		p := NewPeriodogram(n)
		got := p.Power(nil, x, 3)
		// By hand: every piece's mean square, averaged over the pieces.
		want, pieces := 0.0, 0
		for from := 0; from < len(x); from += n {
			at := min(from, len(x)-n)
			for _, v := range x[at : at+n] {
				want += (float64(v) - 3) * (float64(v) - 3) / float64(n)
			}
			pieces++
		}
		want /= float64(pieces)
		sum := 0.0
		for _, v := range got {
			sum += v
		}
		if math.Abs(sum-want) > 1e-12 {
			t.Errorf("n=%d: power %v, mean square %v", n, sum, want)
		}
		if a := testing.AllocsPerRun(5, func() { p.Power(got, x, 3) }); a != 0 {
			t.Errorf("n=%d: %v allocations", n, a)
		}
	}
	// A line of amplitude 2 on a bin holds the power 2, one at half the rate 4.
	line := make([]float32, 64)
	for i := range line {
		line[i] = float32(2*math.Cos(2*math.Pi*5*float64(i)/64) + 2*math.Cos(math.Pi*float64(i)) + 7)
	}
	for k, v := range NewPeriodogram(64).Power(nil, line, 0) {
		want := map[int]float64{0: 49, 5: 2, 32: 4}[k]
		if math.Abs(v-want) > 1e-5 {
			t.Errorf("bin %d: power %v, want %v", k, v, want)
		}
	}
}
