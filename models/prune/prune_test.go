package prune

import (
	"math"
	"math/rand/v2"
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
	{Name: "flatten", Input: nn.Shape{L: 64, C: 2}, Layers: []nn.Layer{
		nn.Conv(12, 8, 2, nn.Same), nn.BatchNorm(), nn.ReLU(), nn.MaxPool(2),
		nn.ConvBias(10, 3, 1, nn.Valid), nn.BatchNorm(), nn.ReLU(), nn.AvgPool(2),
		nn.Dense(20), nn.BatchNorm(), nn.ReLU(), nn.Dropout(0.2), nn.Logits()}},
	{Name: "no norm", Input: nn.Shape{L: 16, C: 1}, Layers: []nn.Layer{
		nn.Conv(6, 3, 1, nn.Same), nn.BatchNorm(), nn.ReLU(), nn.Conv(5, 3, 1, nn.Same), nn.ReLU(), nn.Logits()}},
}

// TestMaskedWideEqualsNarrow is the promise of surgery, on 100 windows.
func TestMaskedWideEqualsNarrow(t *testing.T) {
	// The zoo's wide one has the layers of the others, and takes long.
	for _, spec := range append(models.Zoo[:2:2], specs...) {
		for _, ratio := range []float64{0, 0.3, 0.6, 0.9} {
			net := randomized(t, spec, 4)
			keep := Slim(net, ratio, 2)
			narrow := Remove(net, keep)
			Mask(net, keep)
			rng := rand.New(rand.NewPCG(1, 1))
			x := nn.NewTensor(100, spec.Input.L, spec.Input.C)
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
	narrow := Remove(net, Keep{0: {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}})
	Mask(net, Keep{0: {0, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}})
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
	narrow := Remove(net, Keep{0: {0, 5, 7}, 4: {1, 2}, 8: {0, 1, 2, 3, 19}})
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
		for _, c := range Slim(net, ratio, 1) {
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
				p.W[c] = float32(p.Layer) + 1 // the first gate is the smallest as a whole
			}
		}
	}
	keep := Slim(net, 0.5, 4)
	for _, g := range Gates(net) {
		if n := len(keep[g.Producer]); n < 4 {
			t.Errorf("layer %d keeps %d channels, the floor is 4", g.Producer, n)
		}
	}
	if n := len(keep[0]); n != 4 {
		t.Errorf("layer 0 keeps %d channels, want the floor", n)
	}
}

func TestRemoveRefusesNonsense(t *testing.T) {
	net := randomized(t, specs[0], 4)
	for name, keep := range map[string]Keep{"pool": {3: {0}}, "empty": {0: {}}, "order": {0: {2, 1}}, "range": {0: {12}}} {
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
