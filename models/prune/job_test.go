package prune

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"

	"brinell/bearing"
	"brinell/dataset"
	"brinell/models"
	"brinell/models/input"
	"brinell/models/learn/network"
	"brinell/models/nn"
	"brinell/models/train"
)

// job returns a job on simulated faults that takes a fraction of a second to train.
func job(t *testing.T) Job {
	t.Helper()
	known, _ := bearing.LookupBearing("6205-2RS")
	var recs []bearing.Recording
	for i, f := range bearing.Faults {
		x, err := dataset.Simulate(dataset.SimSpec{
			Geometry: known.Geometry, Fault: f, ShaftHz: 29.5, RateHz: 12000, Seconds: 6,
			ResonanceHz: 2500 + 300*float64(i), Damping: 0.05, Slip: 0.01, SNRdB: 5,
		}, rand.New(rand.NewPCG(uint64(i), 1)))
		if err != nil {
			t.Fatal(err)
		}
		recs = append(recs, bearing.Recording{Name: string(f), Samples: x, SampleRate: 12000, ShaftSpeed: 29.5, Unit: bearing.G,
			Truth: bearing.Truth{Fault: f, Specimen: string(f)}})
	}
	task, err := dataset.TaskNamed("fault")
	if err != nil {
		t.Fatal(err)
	}
	split, err := dataset.SplitNamed("time")
	if err != nil {
		t.Fatal(err)
	}
	folds, err := split.Folds(recs, 1)
	if err != nil {
		t.Fatal(err)
	}
	spec := nn.Spec{Name: "small", Input: nn.Signal(2048, 1), Layers: []nn.Layer{
		nn.Conv(8, 64, 16, nn.Same), nn.BatchNorm(), nn.ReLU(), nn.MaxPool(2),
		nn.Conv(12, 3, 1, nn.Same), nn.BatchNorm(), nn.ReLU(), nn.MaxPool(4),
		nn.Dense(24), nn.BatchNorm(), nn.ReLU(), nn.Logits()}}
	j := Job{Fold: folds[0], Recipe: train.Recipe{Spec: spec, Corpus: "simulated", Task: task, Split: split,
		Preprocessing: input.Default, Hop: 0.25, Fit: network.Config{Epochs: 6, Batch: 16, Seed: 3}}}
	if j.Sets, err = j.Recipe.Sets(train.Labels(task, j.Fold.Train), j.Fold); err != nil {
		t.Fatal(err)
	}
	return j
}

// every is one setting of each method and target.
var every = []Settings{
	{Method: NetworkSlimming, Ratio: 0.5, Floor: 2},
	{Method: NetworkSlimming, TargetParams: 900, Passes: 3, Floor: 2, Round: true},
	{Method: Integral, Share: 0.7, Passes: 2},
	{Method: Scalpel, Target: LowParallelism, Share: 0.6, Passes: 2},
	{Method: Scalpel, Target: ModerateParallelism, Share: 0.6, Ratio: 0.3, Passes: 2, Floor: 2},
	{Method: Scalpel, Target: HighParallelism, Ratio: 0.5, Passes: 2, Floor: 2},
	{Method: MagnitudePrune, Share: 0.8, Passes: 2},
}

// TestMethods: each method makes an ordinary model file that keeps its accuracy, is
// smaller, and whose plan agrees with its network.
func TestMethods(t *testing.T) {
	j := job(t)
	dense, err := j.Train(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	test, err := train.Test(dense, j.Fold, j.Recipe.Task)
	if err != nil {
		t.Fatal(err)
	}
	base, err := NewRow(dense, Tests{Clean: test}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if base.Test.Accuracy < 0.95 {
		t.Fatalf("the dense network has accuracy %.3f, too little to tell", base.Test.Accuracy)
	}
	for _, s := range every {
		name := s.Method + " " + string(s.Target)
		m, err := j.Prune(t.Context(), dense, s)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		b, err := m.Encode()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if m, err = models.Decode(b); err != nil {
			t.Fatalf("%s: its file is refused: %v", name, err)
		}
		r, err := NewRow(m, Tests{Clean: test}, &base)
		if err != nil {
			t.Fatal(err)
		}
		if r.Test.Accuracy < 0.9 {
			t.Errorf("%s: accuracy %.3f", name, r.Test.Accuracy)
		}
		if r.Nonzero >= base.Nonzero*3/4 || r.Bytes >= base.Bytes || r.Operations.Both >= base.Operations.Both {
			t.Errorf("%s: %d of %d parameters, %d of %d bytes, %.0f of %.0f operations", name,
				r.Nonzero, base.Nonzero, r.Bytes, base.Bytes, r.Operations.Both, base.Operations.Both)
		}
		if r.Test.Right-base.Test.Right != r.Test.Won-r.Test.Lost {
			t.Errorf("%s: %+v beside %d right before", name, r.Test, base.Test.Right)
		}
		if sl := m.Training.Slimming; sl == nil || sl.Method != s.Method || sl.Parent != base.Digest || sl.Original != base.Count {
			t.Errorf("%s: provenance %+v", name, sl)
		}
		z := slices.Clone(m.Network().Forward(test.X, false).Data)
		plan := m.Network().Plan()
		for n := range test.X.N {
			for i, v := range plan.Forward(test.X.At(n)) {
				if want := z[n*len(m.Labels)+i]; math.Abs(float64(v-want)) > 1e-4*(1+math.Abs(float64(want))) {
					t.Fatalf("%s: window %d: plan says %v, network %v", name, n, v, want)
				}
			}
		}
	}
	if _, err := j.Prune(t.Context(), dense, Settings{Method: "lottery"}); bearing.CodeOf(err) != "settings_invalid" {
		t.Errorf("an unknown method: %v", err)
	}
	if _, err := j.Prune(t.Context(), dense, Settings{Method: NetworkSlimming, TargetParams: 10}); bearing.CodeOf(err) != "target_unreachable" {
		t.Errorf("a target of ten parameters: %v", err)
	}
	if _, err := j.Prune(t.Context(), dense, Settings{Method: Scalpel, Width: 40}); bearing.CodeOf(err) != "settings_invalid" {
		t.Errorf("groups of 40: %v", err)
	}
	if _, err := j.Prune(t.Context(), dense, Settings{Method: Scalpel, Target: "abacus"}); bearing.CodeOf(err) != "settings_invalid" {
		t.Errorf("an unknown target: %v", err)
	}
}

// TestResume cuts a job off in the middle of every stage in turn: what goes on from
// the checkpoints ends in the same weights as a job that nothing cut.
func TestResume(t *testing.T) {
	j := job(t)
	s := Settings{Method: NetworkSlimming, Ratio: 0.3, Passes: 3, Floor: 2}
	whole, err := j.Train(t.Context())
	if err == nil {
		whole, err = j.Prune(t.Context(), whole, s)
	}
	if err != nil {
		t.Fatal(err)
	}
	want := whole.Network().Params()

	j.Checkpoints = filepath.Join(t.TempDir(), "checkpoints")
	var m *models.Model
	cuts := 0
	for m == nil {
		ctx, cancel := context.WithCancel(t.Context())
		fits := 0
		j.Progress = func(_ string, p network.Progress) {
			if p.Step == 1 {
				fits++
			}
			// The first stage that is not done yet ends, the second is cut off.
			if fits == 2 && p.Step == p.Steps/2 {
				cancel()
			}
		}
		dense, err := j.Train(ctx)
		if err == nil {
			m, err = j.Prune(ctx, dense, s)
		}
		cancel()
		if errors.Is(err, context.Canceled) {
			cuts++
			m = nil
		} else if err != nil {
			t.Fatal(err)
		}
		if cuts > 10 {
			t.Fatal("no progress from one cut to the next")
		}
	}
	if cuts != 3 {
		t.Errorf("%d cuts, want 3", cuts)
	}
	for i, p := range m.Network().Params() {
		if !slices.Equal(p.W, want[i].W) {
			t.Fatalf("%s differs from a run that was not cut off", p.Name())
		}
	}
	// A damaged checkpoint is made again.
	files, err := os.ReadDir(j.Checkpoints)
	if err != nil || len(files) != 4 {
		t.Fatalf("%d checkpoints (%v), want 4", len(files), err)
	}
	for _, f := range files {
		if err := os.Truncate(filepath.Join(j.Checkpoints, f.Name()), 100); err != nil {
			t.Fatal(err)
		}
	}
	j.Progress = nil
	dense, err := j.Train(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if m, err = j.Prune(t.Context(), dense, s); err != nil || !slices.Equal(m.Network().Params()[0].W, want[0].W) {
		t.Errorf("after damage: other weights (%v)", err)
	}
}

// TestL1Separates: the share of scales near zero rises with the weight of the L1 term, and at a budget that
// suits the run the scales fall into two humps.
func TestL1Separates(t *testing.T) {
	j := job(t)
	last := -1.0
	for _, budget := range []float64{0, 0.5, 1, 2} {
		j.Recipe.Fit.Budget = budget
		m, err := j.Train(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		near, n := 0.0, 0.0
		for _, g := range Gates(m.Network()) {
			for _, s := range Scales(m.Network(), g) {
				if n++; s < 0.01 {
					near++
				}
			}
		}
		if near/n < last {
			t.Errorf("budget %v: %.2f of the scales are near zero, less than before", budget, near/n)
		}
		last = near / n
	}
	if last == 0 {
		t.Error("no budget brings a scale near zero")
	}
	j.Recipe.Fit.Budget = 1
	m, err := j.Train(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var all []float64
	for _, g := range Gates(m.Network()) {
		all = append(all, Scales(m.Network(), g)...)
	}
	slices.Sort(all)
	gap, at := 0.0, 0
	for i := 1; i < len(all)*95/100; i++ {
		if d := all[i] - all[i-1]; d > gap {
			gap, at = d, i
		}
	}
	if share := float64(at) / float64(len(all)); share < 0.2 || share > 0.95 {
		t.Errorf("the largest gap stands at %.2f of the sorted scales, want it between 0.2 and 0.95: %.3f", share, all)
	}
}

// TestWinnersOfOneAreNothing: winner rates of one and no masked weight leave every
// bit as it is.
func TestWinnersOfOneAreNothing(t *testing.T) {
	net := randomized(t, specs[0], 4)
	x := nn.NewTensor(20, 64, 2)
	rng := rand.New(rand.NewPCG(1, 1))
	for i := range x.Data {
		x.Data[i] = float32(rng.NormFloat64())
	}
	want := slices.Clone(net.Forward(x, false).Data)
	rates := make(map[nn.Path]float64)
	for _, p := range WinnerPlaces(net) {
		rates[p] = 1
	}
	same := WithWinners(net, rates)
	Weights(same, 0, 1, nil).Apply(same)
	if got := same.Forward(x, false).Data; !slices.Equal(got, want) {
		t.Error("other logits")
	}
	if !reflect.DeepEqual(same.Spec, net.Spec) {
		t.Error("another spec")
	}
}

// TestCountOperations against a count of every product.
func TestCountOperations(t *testing.T) {
	net := randomized(t, nn.Spec{Name: "count", Input: nn.Signal(21, 2), Layers: []nn.Layer{
		nn.Conv(3, 4, 2, nn.Same), nn.ReLU(), nn.MaxPool(2), nn.Conv(4, 3, 1, nn.Valid), nn.ReLU(), nn.Dense(6), nn.ReLU(), nn.Logits()}}, 3)
	Weights(net, 0.4, 1, nil).Apply(net)
	net = WithWinners(net, map[nn.Path]float64{"3": 0.5, "5": 0.4, "7": 0.3})
	x := nn.NewTensor(5, 21, 2)
	rng := rand.New(rand.NewPCG(1, 1))
	for i := range x.Data {
		x.Data[i] = float32(rng.NormFloat64()) * float32(rng.IntN(2))
	}
	got := CountOperations(net, x)
	want := 0
	net.Inputs(func(p nn.Path, l nn.Layer, shape nn.Shape, in nn.Tensor) {
		w := net.Param(p, nn.Weight)
		if w == nil {
			return
		}
		out := l.Output(shape, 3)
		taps, stride, before := in.L, 1, 0
		if l.Op == nn.OpConv {
			taps, stride = l.Kernel, l.Stride
			if l.Padding == nn.Same {
				before = ((out.H-1)*stride + taps - in.L) / 2
			}
		}
		for n := range in.N {
			for i := range out.H {
				for o := range out.C {
					for k := range taps {
						for c := range in.C {
							at := i*stride - before + k
							if at >= 0 && at < in.L && in.At(n)[at*in.C+c] != 0 && w.W[(k*in.C+c)*out.C+o] != 0 {
								want++
							}
						}
					}
				}
			}
		}
	})
	if math.Abs(got.Both*float64(x.N)-float64(want)) > 1e-6 {
		t.Errorf("%.1f products a window, want %.1f", got.Both, float64(want)/float64(x.N))
	}
	if _, total := net.Spec.Counts(3); got.MACs != float64(total.MACs) || got.Weights >= got.MACs || got.Both >= got.Weights {
		t.Errorf("%+v do not fall from %d", got, total.MACs)
	}
}

// TestSensitivity: smoothed curves never rise, the chosen rates keep the budget on
// the validation part, and masks of weights stay while thresholds follow the window.
func TestSensitivity(t *testing.T) {
	j := job(t)
	m, err := j.Train(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	curves := Sensitivity(m.Network(), j.Sets.Validation, SensitivityRates)
	if len(curves) != 3 {
		t.Fatalf("%d curves, want one for each of 3 layers after the first", len(curves))
	}
	const budget = 0.05
	rates := ChooseRates(curves, budget)
	for _, c := range curves {
		for i := 1; i < len(c.Smooth); i++ {
			if c.Smooth[i] > c.Smooth[i-1]+1e-12 {
				t.Errorf("layer %s: the curve rises: %v", c.Layer, c.Smooth)
			}
		}
		i := slices.Index(c.Rates, rates[c.Layer])
		if c.Smooth[i] < c.Smooth[0]-budget-1e-9 {
			t.Errorf("layer %s: rate %v costs %.3f", c.Layer, rates[c.Layer], c.Smooth[0]-c.Smooth[i])
		}
	}
	if got := isotonic([]float64{1, 0.8, 0.9, 0.5, 0.6}); math.Abs(got[1]-0.85) > 1e-12 || math.Abs(got[2]-0.85) > 1e-12 || math.Abs(got[4]-0.55) > 1e-12 {
		t.Errorf("isotonic gives %v", got)
	}
	s, err := j.Prune(t.Context(), m, Settings{Method: Integral, Share: 0.7, Passes: 3, Epochs: 4, Loss: budget})
	if err != nil {
		t.Fatal(err)
	}
	if share := Share(s.Network(), nil); math.Abs(share-0.7) > 0.01 {
		t.Errorf("%.3f of the weights are zero, want 0.7", share)
	}
	if s.Training.Validation < m.Training.Validation-budget-1e-9 {
		t.Errorf("validation accuracy fell from %.3f to %.3f", m.Training.Validation, s.Training.Validation)
	}
}

// TestWeights: groups are aligned, their share is as asked, and none is split.
func TestWeights(t *testing.T) {
	for _, width := range []int{1, 4, 8, 16} {
		net := randomized(t, models.Zoo[1], 10)
		Weights(net, 0.8, width, nil).Apply(net)
		if share := Share(net, nil); math.Abs(share-0.8) > 0.02 {
			t.Errorf("groups of %d: %.3f of the weights are zero, want 0.8", width, share)
		}
		for _, p := range net.Params() {
			if p.Role != nn.Weight {
				continue
			}
			out := p.Shape[len(p.Shape)-1]
			for o := range out {
				alive := 0
				for i := 0; i*out < len(p.W); i += width {
					n, zero := 0, 0
					for k := i; k < i+width && k*out < len(p.W); k++ {
						n++
						if p.W[k*out+o] == 0 {
							zero++
						}
					}
					if zero != 0 && zero != n {
						t.Fatalf("groups of %d: %s, output %d: group at %d is half zero", width, p.Name(), o, i)
					}
					alive += n - zero
				}
				if alive == 0 {
					t.Fatalf("groups of %d: %s, output %d has no weight left", width, p.Name(), o)
				}
			}
		}
	}
}

// TestNodes: the narrow network is the masked one; no node dies without a penalty
// or gradient, and all do in time with one.
func TestNodes(t *testing.T) {
	for _, spec := range slices.Concat(models.Zoo[:2], specs) {
		net := WithNodes(randomized(t, spec, 4), nil)
		rng := rand.New(rand.NewPCG(4, 4))
		switched := 0
		for _, p := range net.Params() {
			if p.Role == nn.Importance {
				for i := range p.W {
					if rng.IntN(3) == 0 {
						p.W[i] = 0.7
						switched++
					}
				}
			}
		}
		if switched == 0 {
			t.Fatalf("%s has no switch", spec.Name)
		}
		x := nn.NewTensor(100, spec.Input.Len(), spec.Input.C)
		for i := range x.Data {
			x.Data[i] = float32(rng.NormFloat64())
		}
		want := slices.Clone(net.Forward(x, false).Data)
		narrow := WithoutNodes(Remove(net, AliveNodes(net, Limits{})))
		for i, v := range narrow.Forward(x, false).Data {
			if math.Abs(float64(v-want[i])) > 1e-5 {
				t.Fatalf("%s: narrow differs from switched by %v", spec.Name, v-want[i])
			}
		}
	}

	const lr, penalty = 1e-3, 1e-2
	for _, f := range []struct {
		penalty float64
		steps   int
		alive   float32
	}{{0, 1000, 1}, {penalty, int((0.8002-0.8)/(lr*penalty)) - 1, 1}, {penalty, int((0.8002-0.8)/(lr*penalty)) + 2, 0}} {
		net := WithNodes(randomized(t, specs[0], 4), nil)
		for range f.steps {
			MoveNodes(net, lr, f.penalty)
		}
		net.Forward(nn.NewTensor(1, 64, 2), false)
		for _, p := range net.Params() {
			if p.Role == nn.Alive {
				for i, a := range p.W {
					if a != f.alive {
						t.Fatalf("penalty %v, %d steps: switch %d of %s is %v", f.penalty, f.steps, i, p.Name(), a)
					}
				}
			}
		}
	}
}

// TestFasterInGroups: what the times of this machine choose is among the layers, and
// measuring leaves the network as it is.
func TestFasterInGroups(t *testing.T) {
	net := randomized(t, models.Zoo[1], 10)
	before := slices.Clone(net.Param("20", nn.Weight).W)
	for _, p := range FasterInGroups(net, 0.95, 16) {
		if net.Param(p, nn.Weight) == nil {
			t.Errorf("layer %s has no weights", p)
		}
	}
	if !slices.Equal(net.Param("20", nn.Weight).W, before) {
		t.Error("weights changed")
	}
}
