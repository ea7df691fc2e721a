package prune

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"brinell/models"
	"brinell/models/nn"
)

// randomized returns a network with all parameters off their initial values,
// so that a channel at the wrong place shows.
func randomized(t *testing.T, spec nn.Spec, classes int) *nn.Network {
	t.Helper()
	rng := rand.New(rand.NewPCG(11, 13))
	net, err := nn.New(spec, classes, rng)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range net.Params() {
		for i := range p.W {
			switch p.Role {
			case nn.Variance:
				p.W[i] = 0.5 + rng.Float32()
			case nn.Gamma, nn.Beta, nn.Mean, nn.Bias:
				p.W[i] = float32(rng.NormFloat64())
			}
		}
	}
	return net
}

var specs = []nn.Spec{
	{Name: "flatten", Input: nn.Signal(64, 2), Layers: []nn.Layer{
		nn.Conv(12, 8, 2, nn.Same), nn.BatchNorm(), nn.ReLU(), nn.MaxPool(2),
		nn.ConvBias(10, 3, 1, nn.Valid), nn.BatchNorm(), nn.ReLU(), nn.AvgPool(2),
		nn.Dense(20), nn.BatchNorm(), nn.ReLU(), nn.Dropout(0.2), nn.Logits()}},
	residual,
	{Name: "branches", Input: nn.Signal(32, 1), Layers: []nn.Layer{
		nn.Conv(9, 5, 1, nn.Same), nn.BatchNorm(), nn.ReLU(),
		nn.Branches(
			[]nn.Layer{nn.Conv(7, 3, 1, nn.Same), nn.BatchNorm(), nn.ReLU()},
			nil,
			[]nn.Layer{nn.Conv(6, 5, 1, nn.Same), nn.ReLU(), nn.BatchNorm()}),
		nn.BatchNorm(), nn.MaxPool(2), nn.Conv(8, 3, 1, nn.Same), nn.AvgPool(2), nn.BatchNorm(), nn.ReLU(), nn.Logits()}},
	{Name: "image", Input: nn.Shape{H: 12, W: 10, C: 2}, Layers: []nn.Layer{
		nn.Conv2D(12, 3, 3, 1, nn.Same), nn.BatchNorm(), nn.ReLU(), nn.MaxPool2D(2, 2),
		nn.Residual(nn.BatchNorm(), nn.ReLU(), nn.Conv2D(9, 3, 3, 1, nn.Same), nn.BatchNorm(), nn.ReLU(), nn.Conv2D(12, 1, 1, 1, nn.Same)),
		nn.Conv2D(10, 3, 2, 2, nn.Valid).Biased(), nn.BatchNorm(), nn.ReLU(), nn.AvgPool2D(1, 2),
		nn.Dense(20), nn.BatchNorm(), nn.ReLU(), nn.Logits()}},
	{Name: "no norm", Input: nn.Signal(16, 1), Layers: []nn.Layer{
		nn.Conv(6, 3, 1, nn.Same), nn.BatchNorm(), nn.ReLU(), nn.Conv(5, 3, 1, nn.Same), nn.ReLU(), nn.Logits()}},
}

// residual is a pre-activation residual network: its stem and its sums keep all
// channels, a Select takes what each batch-norm leaves.
//
// Reference: K. He et al., Identity mappings in deep residual networks, ECCV 2016.
var residual = nn.Spec{Name: "residual", Input: nn.Signal(64, 1), Layers: []nn.Layer{
	nn.Conv(12, 8, 2, nn.Same),
	nn.Residual(nn.BatchNorm(), nn.ReLU(), nn.Conv(10, 3, 1, nn.Same), nn.BatchNorm(), nn.ReLU(), nn.Conv(12, 3, 1, nn.Same)),
	nn.Residual(nn.BatchNorm(), nn.ReLU(), nn.Conv(9, 3, 1, nn.Same), nn.BatchNorm(), nn.ReLU(), nn.Conv(12, 3, 1, nn.Same)),
	nn.BatchNorm(), nn.ReLU(), nn.AvgPool(4), nn.Logits()}}

// TestMaskedWideEqualsNarrow is the promise of surgery, on 100 windows.
func TestMaskedWideEqualsNarrow(t *testing.T) {
	for _, spec := range slices.Concat(models.Zoo, specs) {
		for _, ratio := range []float64{0, 0.3, 0.6, 0.9} {
			net := randomized(t, spec, 4)
			keep := Slim(net, ratio, Limits{Floor: 2})
			narrow := Remove(net, keep)
			Mask(net, keep)
			rng := rand.New(rand.NewPCG(1, 1))
			x := nn.NewTensor(100, spec.Input.Len(), spec.Input.C)
			for i := range x.Data {
				x.Data[i] = float32(rng.NormFloat64())
			}
			want := net.Forward(x, false)
			got := narrow.Forward(x, false)
			worst := 0.0
			for i := range want.Data {
				worst = max(worst, math.Abs(float64(got.Data[i]-want.Data[i])))
			}
			if worst > 1e-5 {
				t.Errorf("%s at ratio %v: narrow differs from masked wide by %g", spec.Name, ratio, worst)
			}
			if ratio == 0.9 {
				for i, g := range Gates(narrow) {
					if g.Channels >= Gates(net)[i].Channels {
						t.Errorf("%s: gate %d did not get narrower", spec.Name, i)
					}
				}
			}
		}
	}
}

// TestMaskMatters makes sure that the test above could fail: dropping another
// channel than the masked one shows.
func TestMaskMatters(t *testing.T) {
	net := randomized(t, specs[0], 4)
	narrow := Remove(net, Keep{"0": {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}})
	Mask(net, Keep{"0": {0, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}})
	x := nn.NewTensor(1, 64, 2)
	for i := range x.Data {
		x.Data[i] = float32(i%7) - 3
	}
	a, b := net.Forward(x, false).Data, narrow.Forward(x, false).Data
	for i := range a {
		if math.Abs(float64(a[i]-b[i])) > 1e-3 {
			return
		}
	}
	t.Error("removing one channel equals masking another")
}

func TestCountsFollowTheFormula(t *testing.T) {
	net := randomized(t, specs[0], 4)
	narrow := Remove(net, Keep{"0": {0, 5, 7}, "4": {1, 2}, "8": {0, 1, 2, 3, 19}})
	_, got := narrow.Spec.Counts(4)
	// conv 8·2·3, norm 6; conv 3·3·2 + 2 bias, norm 4; 14 steps pooled to 7,
	// dense 7·2·5 + 5, norm 10; logits 5·4 + 4.
	want := nn.Count{
		Params: 48 + 6 + 18 + 2 + 4 + 75 + 10 + 24,
		MACs:   32*8*2*3 + 14*3*3*2 + 7*2*5 + 5*4,
	}
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// TestSlimPercentile: of N distinct scales exactly ⌊N·ratio⌋ + 1 go.
func TestSlimPercentile(t *testing.T) {
	net := randomized(t, specs[0], 4)
	i := 0
	for _, p := range net.Params() {
		if p.Role == nn.Gamma {
			for c := range p.W {
				p.W[c] = float32((i*29)%42+1) * []float32{1, -1}[i%2] // 29 and 42 share no factor: all distinct
				i++
			}
		}
	}
	for _, ratio := range []float64{0, 0.25, 0.5, 0.8} {
		kept := 0
		for _, c := range Slim(net, ratio, Limits{}) {
			kept += len(c)
		}
		if want := 42 - (int(42*ratio) + 1); kept != want {
			t.Errorf("ratio %v keeps %d of 42, want %d", ratio, kept, want)
		}
	}
}

func TestSlimFloor(t *testing.T) {
	net := randomized(t, specs[0], 4)
	for _, p := range net.Params() {
		if p.Role == nn.Gamma {
			for c := range p.W {
				p.W[c] = float32(len(p.Path)*10) + float32(p.Path[0]-'0') // the first gate is the smallest as a whole
			}
		}
	}
	keep := Slim(net, 0.5, Limits{Floor: 4})
	for _, g := range Gates(net) {
		if n := len(keep[g.At]); n < 4 {
			t.Errorf("layer %s keeps %d channels, the floor is 4", g.At, n)
		}
	}
	if n := len(keep["0"]); n != 4 {
		t.Errorf("layer 0 keeps %d channels, want the floor", n)
	}
}

func TestRemoveRefusesNonsense(t *testing.T) {
	net := randomized(t, specs[0], 4)
	for name, keep := range map[string]Keep{"pool": {"3": {0}}, "empty": {"0": {}}, "order": {"0": {2, 1}}, "range": {"0": {12}}, "logits": {"12": {0}}} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			Remove(net, keep)
		}()
	}
}

// TestGates: a shortcut's channels stay, and what reads them selects.
func TestGates(t *testing.T) {
	net := randomized(t, residual, 4)
	want := []Gate{{"1.0.0", "1.0.0", 12}, {"1.0.3", "1.0.2", 10}, {"2.0.0", "2.0.0", 12}, {"2.0.3", "2.0.2", 9}, {"3", "3", 12}}
	if got := Gates(net); !slices.Equal(got, want) {
		t.Fatalf("gates %v, want %v", got, want)
	}
	narrow := Remove(net, Keep{"1.0.0": {1, 4}, "2.0.2": {0}, "3": {0, 3, 11}})
	// A second pass selects from what the first has selected.
	narrow = Remove(narrow, Keep{"1.0.1": {1}, "4": {1, 2}})
	spec := narrow.Spec.Layers
	if got := spec[1].Branches[0][0].Channels; !slices.Equal(got, []int{4}) {
		t.Errorf("the first body reads channels %v, want 4", got)
	}
	if got := spec[3].Channels; !slices.Equal(got, []int{3, 11}) {
		t.Errorf("the last batch-norm reads channels %v, want 3 and 11", got)
	}
	if got := spec[2].Branches[0][2].Out; got != 1 {
		t.Errorf("the second body's convolution has %d channels, want 1", got)
	}
	if spec[0].Out != 12 {
		t.Errorf("the stem has %d channels, want all 12", spec[0].Out)
	}
}

// TestRound: no added channel costs work, and the next one would.
func TestRound(t *testing.T) {
	net := randomized(t, models.Zoo[1], 10)
	keep := Slim(net, 0.6, Limits{Floor: 4})
	round := Round(net, keep)
	work := func(k Keep) int { return Remove(net, k).Plan().Work() }
	if work(round) > work(keep) {
		t.Errorf("rounding raised the work from %d to %d", work(keep), work(round))
	}
	for p, channels := range keep {
		if len(round[p]) < len(channels) {
			t.Errorf("layer %s lost channels: %v, was %v", p, round[p], channels)
		}
	}
}

// TestSlimTo: the network fits, and one more channel would not.
func TestSlimTo(t *testing.T) {
	net := randomized(t, models.Zoo[1], 10)
	for _, target := range []int{60000, 20000, 3000} {
		fits := func(n *nn.Network) bool { _, total := n.Spec.Counts(10); return total.Params <= target }
		keep, ok := SlimTo(net, Limits{Floor: 4}, fits)
		narrow := Remove(net, keep)
		_, total := narrow.Spec.Counts(10)
		if !ok || total.Params > target || total.Params < target*3/4 {
			t.Errorf("target %d: %d parameters (%v)", target, total.Params, ok)
		}
	}
	if _, ok := SlimTo(net, Limits{Floor: 4, Cap: 0.5}, func(n *nn.Network) bool { _, total := n.Spec.Counts(10); return total.Params < 3000 }); ok {
		t.Error("half of each layer cannot leave 3000 parameters")
	}
}
