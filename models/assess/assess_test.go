package assess

import (
	"context"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"brinell/bearing"
	"brinell/dataset"
	"brinell/models"
	"brinell/models/train"
)

// about returns n answers about one bearing, of which right are right, at confidence p.
func about(specimen string, truth bearing.Fault, n, right int, p float64) []Answer {
	out := make([]Answer, n)
	for i := range out {
		said := truth
		if i >= right {
			said = bearing.Normal
			if truth == bearing.Normal {
				said = bearing.Ball
			}
		}
		a := Answer{Specimen: specimen, Truth: truth, Top: said, Fault: said, Group: i}
		for k, f := range bearing.Faults {
			a.P[k] = (1 - p) / 3
			if f == said {
				a.P[k] = p
			}
			a.Network[k] = math.Log(a.P[k])
		}
		out[i] = a
	}
	return out
}

func join(parts ...[]Answer) (out []Answer) {
	for _, p := range parts {
		out = append(out, p...)
	}
	return out
}

func near(t *testing.T, what string, got, want float64) {
	t.Helper()
	if math.Abs(got-want) > 1e-9 {
		t.Errorf("%s = %v, want %v", what, got, want)
	}
}

// A bearing with many groups must not count for more than one with few, nor a fault with
// many bearings for more than one with few.
func TestBalanced(t *testing.T) {
	r := Recalls(join(
		about("I1", bearing.InnerRace, 100, 100, 0.9), about("I2", bearing.InnerRace, 2, 1, 0.9),
		about("O1", bearing.OuterRace, 10, 0, 0.9), about("B1", bearing.Ball, 4, 3, 0.9)), ByVerdict)
	if len(r) != 4 || r[0].Specimen != "B1" || r[0].Groups != 4 || r[0].Right != 3 {
		t.Fatalf("recalls %+v", r)
	}
	near(t, "balanced recall", Balanced(r), (0.75+0+0.75)/3)
	i := BalancedInterval(r)
	near(t, "value of the interval", i.Value, Balanced(r))
	// Only the inner race has two bearings to draw from: both good, or both half good.
	near(t, "low", i.Low, (0.5+0+0.75)/3)
	near(t, "high", i.High, (1+0+0.75)/3)
}

func TestECE(t *testing.T) {
	// Four conditions of one bearing each weigh a quarter: those of confidence 0.9 are
	// right in 6 of 10, those of 0.6 always.
	answers := join(
		about("N", bearing.Normal, 10, 6, 0.9), about("I", bearing.InnerRace, 50, 30, 0.9),
		about("O", bearing.OuterRace, 3, 3, 0.6), about("B", bearing.Ball, 7, 7, 0.6))
	ece, bins := ECE(answers)
	near(t, "ECE", ece, 0.5*0.3+0.5*0.4)
	weight := 0.0
	for _, b := range bins {
		weight += b.Weight
	}
	near(t, "weight of all bins", weight, 1)
	near(t, "accuracy at 0.9", bins[13].Accuracy, 0.6)
	if i := ECEInterval(answers); i.Low > ece || i.High < ece {
		t.Errorf("interval %+v does not hold %v", i, ece)
	}
	all, kept := Selective(answers, 0.5)
	near(t, "error of all", all, 0.5*0.4)
	near(t, "error of the more confident half", kept, 0.4)
}

func TestAUROC(t *testing.T) {
	near(t, "apart", AUROC([]float64{3, 4}, []float64{1, 2}), 1)
	near(t, "the same", AUROC([]float64{1, 2}, []float64{1, 2}), 0.5)
	near(t, "turned", AUROC([]float64{0}, []float64{1, 2}), 0)
	if !math.IsNaN(AUROC(nil, []float64{1})) {
		t.Error("without a positive there is no AUROC")
	}
}

// A network that is too sure of itself is taken at less than its word, and the
// calibration error falls.
func TestCalibrate(t *testing.T) {
	var answers []Answer
	for i, f := range bearing.Faults {
		for _, s := range []string{"a", "b", "c"} {
			answers = append(answers, about(s+string(f), f, 20, 13+i%2, 0.99)...)
		}
	}
	before, _ := ECE(answers)
	c := Calibrate(answers)
	if c.Network <= 0 || c.Network >= 1 {
		t.Errorf("the network counts %v times, want less than its word", c.Network)
	}
	if c.ECE > before/2 {
		t.Errorf("calibration error %v after fitting, %v before", c.ECE, before)
	}
	if c.Bearings != 12 || c.Alpha < 1.0/13 {
		t.Errorf("%d bearings, alpha %v: none below 1/13 can be promised", c.Bearings, c.Alpha)
	}
	// Each bearing was wrong at times, so the set must hold what was said then.
	p := c.Probabilities(answers[len(answers)-1].Network, bearing.ByFault{})
	if set := c.Set(p); len(set) < 2 {
		t.Errorf("prediction set %v for a wrong answer of a bearing that was fitted", set)
	}
}

// A finished cell is read again and never trained again; another seed is another cell.
func TestCellResumes(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	known, ok := bearing.LookupBearing("6205-2RS")
	if !ok {
		t.Fatal("no 6205 in the catalogue")
	}
	record := func(f bearing.Fault) bearing.Recording {
		s := dataset.DrawSim(f, rng)
		s.Seconds, s.RateHz, s.Geometry = 2, 12000, known.Geometry
		x, err := dataset.Simulate(s, rng)
		if err != nil {
			t.Fatal(err)
		}
		return bearing.Recording{Name: string(f), SampleRate: s.RateHz, ShaftSpeed: s.ShaftHz, Unit: bearing.G, Samples: x,
			Bearing: "6205-2RS", Truth: bearing.Truth{Fault: f, Specimen: string(f)}}
	}
	task, err := dataset.TaskNamed("fault")
	if err != nil {
		t.Fatal(err)
	}
	l := &Lab{Dir: t.TempDir(), Progress: func(string) {}, Normal: []bearing.Recording{record(bearing.Normal)}, task: task, sim: map[int]*train.Simulation{}}
	for _, f := range bearing.Faults {
		l.labels = append(l.labels, models.Label{Name: string(f), Fault: f})
	}
	test := whole([]bearing.Recording{record(bearing.OuterRace)}, nil)
	r := Recipe{Name: "small", Spec: "lines-few", Augment: train.Augmentation{Simulated: 8, OnlySim: true}, Epochs: 1, LR: 0.005}
	first, err := l.cell(t.Context(), r, 1, nil, test, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(first) != 1 || first[0].Truth != bearing.OuterRace {
		t.Fatalf("answers %+v", first)
	}
	stopped, stop := context.WithCancel(t.Context())
	stop()
	again, err := l.cell(stopped, r, 1, nil, test, nil)
	if err != nil {
		t.Fatalf("a finished cell was trained again: %v", err)
	}
	if !reflect.DeepEqual(first, again) {
		t.Error("a finished cell reads otherwise than it was written")
	}
	if _, err := l.cell(stopped, r, 2, nil, test, nil); err == nil {
		t.Error("another seed was not trained")
	}
	files, _ := filepath.Glob(filepath.Join(l.Dir, "*"))
	if len(files) != 1 {
		t.Fatalf("%d files, want the one cell", len(files))
	}
	if err := os.Truncate(files[0], 20); err != nil { // a disk that lost its end
		t.Fatal(err)
	}
	if again, err = l.cell(t.Context(), r, 1, nil, test, nil); err != nil || !reflect.DeepEqual(first, again) {
		t.Errorf("a torn cell is not trained again to the same answers: %v", err)
	}
}
