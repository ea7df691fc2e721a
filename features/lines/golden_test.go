package lines_test

import (
	"encoding/json"
	"flag"
	"math"
	"os"
	"testing"

	"brinell/bearing"
	"brinell/features/lines"
)

var update = flag.Bool("update", false, "write testdata/evidence.json anew")

// evidence is what is found in one window, as far as numbers say it.
type evidence struct {
	Window string             `json:"window"`
	Vector []float64          `json:"vector"`
	More   map[string]float64 `json:"more"`
	Speeds []lines.Speed      `json:"speeds"`
}

// found returns what is found in simulated windows of each fault, at a rate whose band ends at
// 5 kHz and at one where it ends at 0.4 of the rate, of one segment and of several.
func found(t *testing.T) (all []evidence) {
	a := lines.NewAnalyzer(nil)
	for i, f := range lines.Faults {
		for _, rate := range []float64{10000, 25600} {
			x, m := simulated(t, f, rate, uint64(10+i))
			if i == 1 { // a shaft whose lines stand out further than one counts
				for k := range x {
					for h := 1.0; h <= 9; h += 2 {
						x[k] += float32(3 / h * math.Sin(2*math.Pi*h*m.ShaftSpeed*float64(k)/rate))
					}
				}
			}
			if i == 2 { // four segments
				x = append(append(append(append([]float32(nil), x...), x...), x...), x...)
			}
			e := a.Analyze(x, rate, m)
			v := make([]float32, lines.Len)
			e.Fill(v)
			g := evidence{Window: string(f), More: map[string]float64{
				"rate": rate, "tones": e.Tones, "shaft": e.Shaft, "free": e.Free.Z, "free_order": e.Free.Order, "spread": e.Spread,
				"turns": e.Turns, "segments": float64(e.Segments),
				"charged": first(a.Among(x, rate, m.ShaftSpeed, []bearing.Orders{m.Orders, m.Orders, m.Orders})).Combs[i].Z,
			}}
			for _, w := range v {
				g.Vector = append(g.Vector, float64(w))
			}
			g.Speeds = a.Speeds(x, rate, 4)
			all = append(all, g)
		}
	}
	return all
}

func first(e *lines.Evidence, _ int) *lines.Evidence { return e }

// TestGoldenEvidence: the numbers of the evidence are those of testdata/evidence.json. A network
// was trained on them: where one moves, its answers do, under the same digest.
func TestGoldenEvidence(t *testing.T) {
	const path = "testdata/evidence.json"
	got := found(t)
	if *update {
		b, err := json.MarshalIndent(got, "", " ")
		if err == nil {
			err = os.WriteFile(path, append(b, '\n'), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var want []evidence
	if err := json.Unmarshal(b, &want); err != nil {
		t.Fatal(err)
	}
	if len(want) != len(got) {
		t.Fatalf("%d windows, want %d", len(got), len(want))
	}
	near := func(a, b float64) bool { return math.Abs(a-b) <= 2e-4*math.Max(1, math.Abs(b)) }
	for i, w := range want {
		for j, v := range w.Vector {
			if !near(got[i].Vector[j], v) {
				t.Errorf("%s at %g Hz: row %d, value %d is %v, want %v", w.Window, w.More["rate"], j/lines.RowLen, j%lines.RowLen, got[i].Vector[j], v)
			}
		}
		for name, v := range w.More {
			if !near(got[i].More[name], v) {
				t.Errorf("%s at %g Hz: %s is %v, want %v", w.Window, w.More["rate"], name, got[i].More[name], v)
			}
		}
		for j, s := range w.Speeds {
			if g := got[i].Speeds[j]; !near(g.Hz, s.Hz) || !near(g.Score, s.Score) || !near(g.Margin, s.Margin) {
				t.Errorf("%s at %g Hz: speed %d is %+v, want %+v", w.Window, w.More["rate"], j, g, s)
			}
		}
	}
}

// TestSpeedsApart: speeds that are suggested lie three hundredths apart, and no further than that.
func TestSpeedsApart(t *testing.T) {
	x, _ := simulated(t, bearing.InnerRace, 12000, 5)
	least := math.Inf(1)
	found := lines.NewAnalyzer(nil).Speeds(x, 12000, 1000)
	for i, a := range found {
		for _, b := range found[:i] {
			least = min(least, max(a.Hz/b.Hz, b.Hz/a.Hz)-1)
		}
	}
	if least < 0.029 || least > 0.0325 {
		t.Errorf("two speeds lie %.4f apart", least)
	}
}
