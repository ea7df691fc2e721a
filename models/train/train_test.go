package train

import (
	"context"
	"math"
	"math/rand/v2"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"brinell/bearing"
	"brinell/dataset"
	"brinell/models"
	"brinell/models/input"
	"brinell/models/learn"
	"brinell/models/learn/network"
	"brinell/models/nn"
)

// simulated returns recordings of all faults, two bearings each, made by the
// simulator: real enough to be told apart, quick to make.
func simulated(t testing.TB) []bearing.Recording {
	t.Helper()
	known, _ := bearing.LookupBearing("6205-2RS")
	var recs []bearing.Recording
	for i, f := range bearing.Faults {
		for bearingNo := range 2 {
			x, err := dataset.Simulate(dataset.SimSpec{
				Geometry: known.Geometry, Fault: f, ShaftHz: 29.5, RateHz: 12000, Seconds: 4,
				ResonanceHz: 2500 + 300*float64(i), Damping: 0.05, Slip: 0.01, SNRdB: 5,
			}, rand.New(rand.NewPCG(uint64(i), uint64(bearingNo))))
			if err != nil {
				t.Fatal(err)
			}
			name := string(f) + []string{"_a", "_b"}[bearingNo]
			recs = append(recs, bearing.Recording{Name: name, Samples: x, SampleRate: 12000, ShaftSpeed: 29.5, Unit: bearing.G,
				Truth: bearing.Truth{Fault: f, Specimen: name}})
		}
	}
	return recs
}

func recipe(t testing.TB, epochs int) (Recipe, dataset.Fold) {
	t.Helper()
	task, err := dataset.TaskNamed("fault")
	if err != nil {
		t.Fatal(err)
	}
	split, err := dataset.SplitNamed("time")
	if err != nil {
		t.Fatal(err)
	}
	folds, err := split.Folds(simulated(t), 1)
	if err != nil {
		t.Fatal(err)
	}
	spec := nn.Spec{Name: "small", Input: nn.Signal(2048, 1), Layers: []nn.Layer{
		nn.Conv(8, 64, 16, nn.Same), nn.BatchNorm(), nn.ReLU(), nn.MaxPool(2),
		nn.Conv(8, 3, 1, nn.Same), nn.BatchNorm(), nn.ReLU(), nn.MaxPool(4),
		nn.Dense(16), nn.BatchNorm(), nn.ReLU(), nn.Logits()}}
	return Recipe{Spec: spec, Corpus: "simulated", Task: task, Split: split, Preprocessing: input.Default, Hop: 0.25,
		Fit: network.Config{Epochs: epochs, Batch: 16, LR: 0.01, Seed: 3}}, folds[0]
}

// TestTrain is the whole way: split, fit, score, save, open.
func TestTrain(t *testing.T) {
	r, fold := recipe(t, 6)
	m, err := r.Train(t.Context(), fold)
	if err != nil {
		t.Fatal(err)
	}
	report, err := Score(m, r.Split, fold, r.Task, 3)
	if err != nil {
		t.Fatal(err)
	}
	if report.Accuracy < 0.95 {
		t.Errorf("accuracy %.3f on simulated faults, want at least 0.95", report.Accuracy)
	}
	if report.SpecimensSeen != 8 || report.Specimens != 8 {
		t.Errorf("%d of %d bearings seen, want 8 of 8: split time leaks them", report.SpecimensSeen, report.Specimens)
	}
	sum := 0
	for _, b := range report.Score().Bearings {
		if !b.Seen || !strings.HasSuffix(b.Specimen, "_a") && !strings.HasSuffix(b.Specimen, "_b") {
			t.Errorf("bearing %+v", b)
		}
		sum += b.Windows
	}
	if sum != report.Windows || len(report.Score().Bearings) != 8 {
		t.Errorf("the bearings have %d of %d windows", sum, report.Windows)
	}
	b, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	opened, err := models.Decode(b)
	if err != nil {
		t.Fatal(err)
	}
	again, err := Score(opened, r.Split, fold, r.Task, 3)
	if err != nil || !reflect.DeepEqual(again, report) {
		t.Errorf("an opened model scores differently: %v", err)
	}
	// A class that training has not seen is named, not passed over.
	m.Labels[3].Name = "corrosion"
	if r, err := Score(m, r.Split, fold, r.Task, 3); err != nil || !strings.Contains(r.Note, "no such class: ball") || r.Windows >= report.Windows {
		t.Errorf("an unknown class: %d windows, note %q (%v)", r.Windows, r.Note, err)
	}
	m.Labels[3].Name = "ball"
	// Its own training parts are refused.
	leaky := fold
	leaky.Test = fold.Train[:1]
	if _, err := Score(m, r.Split, leaky, r.Task, 3); bearing.CodeOf(err) != "leaks_training_data" {
		t.Errorf("scoring training data: %v", err)
	}
}

// TestTrainSpectrum: a network on spectra is trained, scored and opened like any, and
// its golden windows are samples, not spectra.
func TestTrainSpectrum(t *testing.T) {
	r, fold := recipe(t, 4)
	r.Preprocessing.Transform = input.Spectrum
	r.Spec = nn.Spec{Name: "bins", Input: nn.Signal(r.Preprocessing.InputLength(), 1), Layers: []nn.Layer{
		nn.Dense(16), nn.BatchNorm(), nn.ReLU(), nn.Logits()}}
	m, err := r.Train(t.Context(), fold)
	if err != nil {
		t.Fatal(err)
	}
	report, err := Score(m, r.Split, fold, r.Task, 3)
	if err != nil {
		t.Fatal(err)
	}
	if report.Accuracy < 0.95 {
		t.Errorf("accuracy %.3f on simulated faults, want at least 0.95", report.Accuracy)
	}
	golden, first := m.GoldenWindows(), fold.Train[0].Rec.Samples[fold.Train[0].From:]
	if len(golden) != goldenCount || !slices.Equal(golden[0].Samples, first[:len(golden[0].Samples)]) {
		t.Errorf("%d golden windows are not the samples of training windows", len(golden))
	}
	b, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	opened, err := models.Decode(b)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := Score(opened, r.Split, fold, r.Task, 3); err != nil || !reflect.DeepEqual(again, report) {
		t.Errorf("an opened model scores differently: %v", err)
	}
}

// TestSeed: a seed gives the same weights, another seed others.
func TestSeed(t *testing.T) {
	var got [3][]float32
	for i, seed := range []uint64{3, 3, 4} {
		r, fold := recipe(t, 1)
		r.Fit.Seed = seed
		m, err := r.Train(t.Context(), fold)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range m.Network().Params() {
			got[i] = append(got[i], p.W...)
		}
	}
	if !reflect.DeepEqual(got[0], got[1]) {
		t.Error("one seed, two models")
	}
	if reflect.DeepEqual(got[0], got[2]) {
		t.Error("two seeds, one model")
	}
}

// TestSparsity: more weight on the L1 term leaves more scales near zero.
func TestSparsity(t *testing.T) {
	near := func(lambda float64) (n int) {
		r, fold := recipe(t, 4)
		r.Fit.Sparsity = lambda
		m, err := r.Train(t.Context(), fold)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range m.Network().Params() {
			if p.Role == nn.Gamma {
				for _, g := range p.W {
					if math.Abs(float64(g)) < 0.01 {
						n++
					}
				}
			}
		}
		return n
	}
	none, some, many := near(0), near(0.5), near(3)
	if !(none <= some && some <= many && many > none+8) {
		t.Errorf("scales near zero: %d, %d, %d of 32 for λ = 0, 0.5, 3", none, some, many)
	}
}

func TestFitStops(t *testing.T) {
	r, fold := recipe(t, 100)
	ctx, cancel := context.WithCancel(t.Context())
	r.Fit.Progress = func(p network.Progress) {
		if p.Step == 3 {
			cancel()
		}
	}
	if _, err := r.Train(ctx, fold); err != context.Canceled {
		t.Errorf("got %v, want context.Canceled", err)
	}
}

// TestReport holds the figures against a case counted by hand.
func TestReport(t *testing.T) {
	labels := []models.Label{{Name: "a", Fault: bearing.Normal}, {Name: "b", Fault: bearing.Ball}, {Name: "c", Fault: bearing.InnerRace}}
	set := learn.Set{X: nn.NewTensor(6, 1, 1), Y: []int{0, 0, 0, 0, 1, 1}, Group: []int{0, 0, 0, 0, 1, 1}, Names: []string{"x", "y"}}
	r := NewReport(set, []int{0, 0, 0, 1, 1, 2}, labels)
	f := func(name string, got, want float64) {
		t.Helper()
		if math.Abs(got-want) > 1e-12 {
			t.Errorf("%s %v, want %v", name, got, want)
		}
	}
	f("accuracy", r.Accuracy, 4.0/6)
	f("balanced", r.BalancedAccuracy, (0.75+0.5)/2)
	f("macro-F1", r.MacroF1, (6.0/7+2.0/4)/2)
	f("recall of an absent class", r.Recall[2], -1)
	f("vote", r.VoteAccuracy, 1)
	if !reflect.DeepEqual(r.Confusion, [][]int{{3, 1, 0}, {0, 1, 1}, {0, 0, 0}}) {
		t.Errorf("confusion %v", r.Confusion)
	}
	var s strings.Builder
	r.Split, r.Fold, r.Specimens = "bearing", "7 mil", 3
	r.Print(&s)
	for _, want := range []string{"split bearing", "0 of 3 test bearings were seen", "0.6667"} {
		if !strings.Contains(s.String(), want) {
			t.Errorf("the report lacks %q:\n%s", want, s.String())
		}
	}
}

// TestWDCNNOnCWRU trains the published network on the published recordings. The
// accuracy on seen bearings proves the code, not the diagnosis.
func TestWDCNNOnCWRU(t *testing.T) {
	dir := os.Getenv("BRINELL_DATA")
	if dir == "" {
		t.Skip("BRINELL_DATA is not set: it names the directory of the public recordings")
	}
	src, err := dataset.OpenDir(dir, "cwru")
	if err != nil {
		t.Fatal(err)
	}
	recs, err := src.Recordings(func(e dataset.Entry) bool { return !e.Exclude })
	if err != nil {
		t.Fatal(err)
	}
	task, _ := dataset.TaskNamed("fault+size")
	split, _ := dataset.SplitNamed("time")
	folds, err := split.Folds(task.Select(recs), 1)
	if err != nil {
		t.Fatal(err)
	}
	spec, _ := models.SpecNamed("wdcnn")
	r := Recipe{Spec: spec, Corpus: "cwru", Task: task, Split: split, Preprocessing: input.Default, Hop: 0.25, Fit: network.Config{Epochs: 6, Seed: 1}}
	m, err := r.Train(t.Context(), folds[0])
	if err != nil {
		t.Fatal(err)
	}
	report, err := Score(m, split, folds[0], task, 1)
	if err != nil {
		t.Fatal(err)
	}
	if len(report.Labels) != 10 || report.Accuracy < 0.9 {
		t.Errorf("%d classes, accuracy %.4f, want 10 and at least 0.9 after a short training", len(report.Labels), report.Accuracy)
	}
}
