package nn

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// layerCases are the layers under checkLayer, each in a small network that ends
// in logits, so that gradients flow through it from both sides.
var layerCases = []struct {
	name string
	in   Shape
	body []Layer
}{
	{"conv same", Signal(9, 2), []Layer{Conv(3, 3, 1, Same)}},
	{"conv same even kernel", Signal(9, 2), []Layer{Conv(3, 4, 1, Same)}},
	{"conv same stride", Signal(17, 2), []Layer{ReLU(), Conv(3, 5, 4, Same)}},
	{"conv stride over kernel", Signal(17, 2), []Layer{BatchNorm(), Conv(3, 2, 5, Same)}},
	{"conv valid", Signal(9, 2), []Layer{BatchNorm(), Conv(5, 3, 1, Valid)}},
	{"conv valid stride", Signal(12, 1), []Layer{BatchNorm(), ConvBias(4, 4, 3, Valid)}},
	{"conv bias", Signal(8, 3), []Layer{BatchNorm(), ConvBias(2, 3, 1, Same)}},
	{"batchnorm", Signal(6, 3), []Layer{Conv(4, 3, 1, Same), BatchNorm()}},
	{"batchnorm first", Signal(6, 3), []Layer{BatchNorm()}},
	{"batchnorm of dense", Signal(6, 3), []Layer{Dense(5), BatchNorm()}},
	{"relu", Signal(6, 3), []Layer{BatchNorm(), ReLU()}},
	{"maxpool", Signal(7, 3), []Layer{BatchNorm(), MaxPool(2)}},
	{"maxpool 3", Signal(9, 2), []Layer{BatchNorm(), MaxPool(3)}},
	{"avgpool", Signal(7, 3), []Layer{BatchNorm(), AvgPool(2)}},
	{"dense", Signal(3, 4), []Layer{Dense(5)}},
	{"dropout", Signal(6, 3), []Layer{Dense(6), Dropout(0.4)}},
	{"residual", Signal(7, 3), []Layer{Conv(4, 3, 1, Same), Residual(BatchNorm(), ReLU(), Conv(5, 3, 1, Same), ReLU(), Conv(4, 3, 1, Same))}},
	{"relu of residual", Signal(7, 3), []Layer{Residual(BatchNorm(), Conv(3, 3, 1, Same)), ReLU()}},
	{"residual first", Signal(6, 3), []Layer{Residual(Conv(3, 3, 1, Same), ReLU())}},
	{"residual of residual", Signal(6, 2), []Layer{Residual(Residual(Conv(2, 3, 1, Same)), ReLU())}},
	{"branches", Signal(8, 2), []Layer{BatchNorm(), Branches([]Layer{Conv(3, 3, 1, Same), ReLU()}, nil, []Layer{Conv(2, 5, 1, Same), Residual(Conv(2, 1, 1, Same))}), Conv(2, 3, 1, Same)}},
	{"branches first", Signal(8, 2), []Layer{Branches([]Layer{MaxPool(2)}, []Layer{Conv(2, 2, 2, Valid), Dropout(0.3)})}},
	{"select", Signal(6, 5), []Layer{BatchNorm(), Select([]int{0, 3, 4}), Conv(3, 3, 1, Same)}},
	{"select first", Signal(6, 5), []Layer{Select([]int{1})}},
	{"winners", Signal(8, 3), []Layer{BatchNorm(), ReLU(), Winners(0.3), Conv(3, 3, 1, Same), Winners(0.5), ReLU()}},
	{"winners before dense", Signal(8, 3), []Layer{BatchNorm(), Winners(0.2), Dense(6)}},
	{"winners all", Signal(8, 3), []Layer{Winners(1), Dense(6)}},
	{"nodes", Signal(8, 3), []Layer{Conv(4, 3, 1, Same), Nodes(), ReLU()}},
	{"sparse conv", Signal(9, 2), []Layer{Conv(3, 3, 1, Same).Sparse(4), BatchNorm(), ReLU(), MaxPool(2)}},
	{"sparse dense", Signal(5, 3), []Layer{Dense(7).Sparse(8), ReLU(), Dense(4).Sparse(1)}},
	{"image", Shape{4, 3, 5}, []Layer{BatchNorm(), Select([]int{0, 2, 3}), Residual(ReLU()), Branches(nil, []Layer{Winners(0.4)}), Nodes(), Dropout(0.2), Dense(6)}},
	{"conv2d same", Shape{5, 4, 2}, []Layer{Conv2D(3, 3, 3, 1, Same)}},
	{"conv2d even kernel", Shape{5, 6, 2}, []Layer{BatchNorm(), Conv2D(3, 2, 4, 1, Same)}},
	{"conv2d stride", Shape{7, 6, 2}, []Layer{ReLU(), Conv2D(3, 3, 2, 2, Same)}},
	{"conv2d stride over kernel", Shape{7, 9, 1}, []Layer{BatchNorm(), Conv2D(3, 2, 1, 4, Same)}},
	{"conv2d valid", Shape{5, 4, 2}, []Layer{BatchNorm(), Conv2D(4, 3, 2, 1, Valid).Biased()}},
	{"conv2d valid stride", Shape{6, 7, 1}, []Layer{BatchNorm(), Conv2D(3, 2, 3, 2, Valid)}},
	{"conv2d kernel over image", Shape{3, 2, 2}, []Layer{BatchNorm(), Conv2D(3, 5, 7, 1, Same)}},
	{"conv2d sparse", Shape{5, 4, 3}, []Layer{Conv2D(3, 3, 3, 1, Same).Sparse(8), BatchNorm(), ReLU()}},
	{"maxpool2d", Shape{5, 7, 2}, []Layer{BatchNorm(), ReLU(), MaxPool2D(2, 2)}},
	{"maxpool2d 3 x 1", Shape{7, 3, 2}, []Layer{BatchNorm(), MaxPool2D(3, 1)}},
	{"maxpool2d first", Shape{4, 6, 2}, []Layer{MaxPool2D(2, 3)}},
	{"avgpool2d", Shape{5, 7, 2}, []Layer{BatchNorm(), AvgPool2D(2, 3)}},
	{"image stack", Shape{8, 9, 1}, []Layer{Conv2D(4, 3, 3, 1, Same), BatchNorm(), ReLU(), MaxPool2D(2, 2), Residual(Conv2D(4, 3, 3, 1, Same).Biased(), ReLU()), AvgPool2D(4, 2), Dense(4)}},
	{"stack", Signal(16, 1), []Layer{Conv(4, 5, 2, Same), BatchNorm(), ReLU(), MaxPool(2), Conv(6, 3, 1, Valid), BatchNorm(), ReLU(), Dense(5), BatchNorm(), ReLU()}},
}

func TestLayers(t *testing.T) {
	for _, c := range layerCases {
		t.Run(c.name, func(t *testing.T) {
			checkLayer(t, Spec{Name: c.name, Input: c.in, Layers: append(append([]Layer(nil), c.body...), Logits())})
		})
	}
}

// checkLayer is what every layer must pass: declared shapes, numerical
// gradients, independence of the batch and of the seed's use, a JSON round trip
// of its description, agreement of plan and network, no allocation in the plan.
func checkLayer(t *testing.T, spec Spec) {
	t.Helper()
	const classes, batch = 3, 5
	rng := rand.New(rand.NewPCG(7, uint64(len(spec.Layers))))
	net, err := New(spec, classes, rng)
	if err != nil {
		t.Fatal(err)
	}
	// Off the initial values, so that no gradient is zero by symmetry.
	for _, p := range net.Params() {
		for i := range p.W {
			p.W[i] += 0.3 * rng.Float32()
		}
	}
	x := randomBatch(rng, batch, spec.Input)
	labels := []int{0, 1, 2, 1, 0}

	t.Run("shapes", func(t *testing.T) {
		net.Forward(x, false)
		for i, s := range net.Shapes() {
			if a := net.chain.acts[i]; a.L != s.Len() || a.C != s.C || a.N != batch || len(a.Data) != batch*s.Size() {
				t.Errorf("layer %d: output [%d %d %d], declared %v", i, a.N, a.L, a.C, s)
			}
		}
	})
	t.Run("gradient", func(t *testing.T) { checkGradient(t, net, x, labels) })
	t.Run("batch invariance", func(t *testing.T) {
		all := append([]float32(nil), net.Forward(x, false).Data...)
		for n := range batch {
			one := net.Forward(Tensor{1, x.L, x.C, x.At(n)}, false)
			if !reflect.DeepEqual(one.Data, all[n*classes:(n+1)*classes]) {
				t.Errorf("window %d: %v alone, %v in the batch", n, one.Data, all[n*classes:(n+1)*classes])
			}
		}
	})
	t.Run("plan", func(t *testing.T) {
		plan := net.Plan().Clone()
		all := net.Forward(x, false)
		for n := range batch {
			for i, v := range plan.Forward(x.At(n)) {
				if want := all.At(n)[i]; math.Abs(float64(v-want)) > 1e-5*(1+math.Abs(float64(want))) {
					t.Errorf("window %d: plan says %v, network %v", n, v, want)
				}
			}
		}
		if a := testing.AllocsPerRun(10, func() { plan.Forward(x.At(0)) }); a != 0 {
			t.Errorf("plan allocates %v times", a)
		}
	})
	t.Run("spec round trip", func(t *testing.T) {
		b, err := json.Marshal(spec)
		if err != nil {
			t.Fatal(err)
		}
		var back Spec
		if err := json.Unmarshal(b, &back); err != nil || !reflect.DeepEqual(back, spec) {
			t.Errorf("got %+v (%v), want %+v", back, err, spec)
		}
	})
	t.Run("seed", func(t *testing.T) {
		var got [2][]float32
		for i := range got {
			n, err := New(spec, classes, rand.New(rand.NewPCG(3, 3)))
			if err != nil {
				t.Fatal(err)
			}
			trainSteps(n, x, labels, 3)
			for _, p := range n.Params() {
				got[i] = append(got[i], p.W...)
			}
		}
		if !reflect.DeepEqual(got[0], got[1]) {
			t.Error("the same seed gave other weights")
		}
	})
}

// checkGradient compares every gradient with the central difference of the
// loss. Dropout is made repeatable by reseeding it before each forward.
func checkGradient(t *testing.T, net *Network, x Tensor, labels []int) {
	t.Helper()
	dz := NewTensor(x.N, 1, net.Classes)
	loss := func() float64 {
		net.Seed(rand.New(rand.NewPCG(5, 5)))
		return CrossEntropy(net.Forward(x, true), labels, dz)
	}
	gradients := func() (all []float32) {
		loss()
		net.ZeroGrad()
		net.Backward(dz)
		for _, p := range net.Params() {
			all = append(all, p.G...)
		}
		return all
	}
	if first, again := gradients(), gradients(); !slices.Equal(first, again) {
		t.Errorf("gradients %v, and again %v", first, again)
	}
	for _, p := range net.Params() {
		if p.G == nil || p.Role == Importance {
			continue // the gradient of an importance goes straight through its switch
		}
		for i := range p.W {
			// A wide step drowns float32 rounding, a narrow one avoids the kinks
			// of ReLU and pooling: a right gradient agrees with one of them.
			got := float64(p.G[i])
			var nums []float64
			for _, h := range []float32{4e-3, 1e-3} {
				w := p.W[i]
				p.W[i] = w + h
				up := loss()
				p.W[i] = w - h
				down := loss()
				p.W[i] = w
				nums = append(nums, (up-down)/(2*float64(h)))
			}
			if !slices.ContainsFunc(nums, func(n float64) bool { return math.Abs(n-got) <= 2e-3+0.02*math.Abs(n) }) {
				t.Errorf("%s[%d]: gradient %.6f, numerical %.6f", p.Name(), i, got, nums)
			}
		}
	}
}

func trainSteps(n *Network, x Tensor, labels []int, steps int) (loss float64) {
	opt, dz := &Adam{}, NewTensor(x.N, 1, n.Classes)
	for range steps {
		loss = CrossEntropy(n.Forward(x, true), labels, dz)
		n.ZeroGrad()
		n.Backward(dz)
		opt.Step(n.Params(), 0.01)
	}
	return loss
}

func randomBatch(rng *rand.Rand, n int, s Shape) Tensor {
	x := NewTensor(n, s.Len(), s.C)
	for i := range x.Data {
		x.Data[i] = float32(rng.NormFloat64())
	}
	return x
}

func TestSpecRefusals(t *testing.T) {
	f := func(in Shape, want string, layers ...Layer) {
		t.Helper()
		_, err := New(Spec{Name: "t", Input: in, Layers: append(layers, Logits())}, 2, nil)
		if err == nil || err.Error() != want {
			t.Errorf("got error %v, want %q", err, want)
		}
	}
	f(Signal(4, 1), "layer 1 (conv): kernel 5 is longer than the input's 4 steps", ReLU(), Conv(2, 5, 1, Valid))
	f(Signal(4, 1), `layer 0 (conv): padding "" is neither same nor valid`, Conv(2, 5, 1, ""))
	f(Signal(4, 1), "layer 0 (conv): out 0, kernel 5 and stride 1 must lie in 1..1048576", Conv(0, 5, 1, Same))
	f(Signal(4, 1), "layer 0 (maxpool): width 5 must lie in 1..256 and not exceed the input's 4 steps", MaxPool(5))
	f(Signal(4, 1), "layer 0 (dropout): rate 1 is outside [0, 1)", Dropout(1))
	f(Signal(4, 1), "layer 0 (logits): logits must be the last layer", Logits())
	f(Signal(4, 1), "layer 0 (gelu): unknown operation", Layer{Op: "gelu"})
	f(Signal(4, 1), "layer 1.0.1 (conv): kernel 5 is longer than the input's 4 steps", ReLU(), Residual(ReLU(), Conv(1, 5, 1, Valid)))
	f(Signal(4, 1), "layer 0 (residual): the body must be one and keep the shape 4 x 1, not make it 4 x 2", Residual(Conv(2, 3, 1, Same)))
	f(Signal(4, 1), "layer 0 (branches): branches of 4 and 2 steps do not fit side by side", Branches(nil, []Layer{MaxPool(2)}))
	f(Signal(4, 1), "layer 0.0.0 (logits): logits must be the last layer", Residual(Logits()))
	f(Signal(4, 1), "layer 0 (residual): residual and branches need branches, no other layer has them", Layer{Op: OpResidual})
	f(Signal(4, 3), "layer 0 (select): channels must ascend in 0..2", Select([]int{1, 1}))
	f(Signal(4, 1), "layer 0 (winners): rate 0 is outside (0, 1]", Winners(0))
	f(Signal(4, 1), "layer 0 (relu): group 8 must lie in 1..16, and belong to a layer with weights", ReLU().Sparse(8))
	f(Signal(4, 1), `spec "t": needs 1 to 256 layers, the last of them logits, and combinators at most 4 deep`, Residual(Residual(Residual(Residual(Residual(ReLU()))))))
	f(Signal(0, 1), `spec "t": input 0 x 1 is out of range`)
	f(Signal(1<<20, 1), "layer 0 (dense): too many weights: the layers up to this one have 1099512676352, a network may have 16777216", Dense(1<<20))
	f(Signal(1<<18, 1), "layer 0 (conv): too many multiply-accumulates: up to this layer a window takes 2147483648, it may take 268435456", Conv(2, 1<<12, 1, Same))
	f(Signal(1<<12, 1), "layer 0 (conv): output is too large", Conv(1<<20, 1, 1, Same))
	f(Shape{4, 3, 1}, "layer 0 (conv2d): kernel 2 x 4 is larger than the input's 4 x 3", Conv2D(2, 2, 4, 1, Valid))
	f(Shape{4, 3, 1}, "layer 0 (conv2d): out 2, kernel 2 x 0 and stride 1 must lie in 1..1048576", Conv2D(2, 2, 0, 1, Same))
	f(Shape{4, 3, 1}, `layer 0 (conv2d): padding "full" is neither same nor valid`, Conv2D(2, 2, 2, 1, "full"))
	f(Shape{4, 3, 1}, "layer 0 (maxpool2d): pool 2 x 4 must lie in 1..256 and not exceed the input's 4 x 3", MaxPool2D(2, 4))
	f(Shape{300, 3, 1}, "layer 0 (avgpool2d): pool 257 x 1 must lie in 1..256 and not exceed the input's 300 x 3", AvgPool2D(257, 1))
	f(Shape{4, 3, 1}, "layer 0 (conv2d): out 1, kernel 1 x 1048577 and stride 1 must lie in 1..1048576", Conv2D(1, 1, 1<<20+1, 1, Same))
	f(Shape{4, 3, 1}, "layer 0 (avgpool): it reads signals, not images of 4 x 3 x 1", AvgPool(2))
	f(Shape{4, 3, 1}, "layer 0 (branches): branches of 4 x 3 and 2 x 3 steps do not fit side by side", Branches(nil, []Layer{MaxPool2D(2, 1)}))
	f(Shape{512, 512, 1}, "layer 0 (conv2d): too many multiply-accumulates: up to this layer a window takes 415236096, it may take 268435456", Conv2D(4, 18, 22, 1, Same))
	f(Signal(4, 1), "layer 0 (conv): stride 5 is longer than the input's 4 steps", Conv(1, 1, 5, Same))
}

// TestLearns is the smoke test of the whole engine: a small network separates
// two tones.
func TestLearns(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	x, labels := NewTensor(32, 64, 1), make([]int, 32)
	for n := range x.N {
		labels[n] = n % 2
		phase := rng.Float64() * 2 * math.Pi
		for i := range x.L {
			x.At(n)[i] = float32(math.Sin(phase+float64(i)*(0.3+0.5*float64(labels[n]))) + 0.1*rng.NormFloat64())
		}
	}
	net, err := New(Spec{Name: "tones", Input: Signal(64, 1), Layers: []Layer{Conv(4, 9, 2, Same), BatchNorm(), ReLU(), MaxPool(2), Dense(8), ReLU(), Logits()}}, 2, rng)
	if err != nil {
		t.Fatal(err)
	}
	if loss := trainSteps(net, x, labels, 60); loss > 0.05 {
		t.Errorf("loss %.3f after 60 steps, want under 0.05", loss)
	}
}

func TestOptimizers(t *testing.T) {
	p := func() *Param { return &Param{Role: Weight, W: []float32{1}, G: []float32{2}} }
	f := func(name string, o Optimizer, want ...float64) {
		t.Helper()
		q := p()
		for i, w := range want {
			o.Step([]*Param{q}, 0.1)
			if math.Abs(float64(q.W[0])-w) > 1e-5 {
				t.Errorf("%s step %d: %v, want %v", name, i+1, q.W[0], w)
			}
		}
	}
	f("sgd", &SGD{}, 0.8, 0.6)
	f("momentum", &SGD{Momentum: 0.9}, 0.8, 0.42)                   // v 2, 3.8
	f("nesterov", &SGD{Momentum: 0.9, Nesterov: true}, 0.62, 0.078) // 2+1.8, then 2+0.9*3.8
	f("decay", &SGD{WeightDecay: 0.5}, 0.75)                        // g 2.5
	f("adam", &Adam{}, 0.9, 0.8)                                    // constant gradient: lr per step
	f("adamw", &Adam{WeightDecay: 1}, 0.8)
}

func TestSchedules(t *testing.T) {
	f := func(s Schedule, at, want float64) {
		t.Helper()
		if got := s(at); math.Abs(got-want) > 1e-9 {
			t.Errorf("factor %v at %v, want %v", got, at, want)
		}
	}
	f(Constant, 0.7, 1)
	f(Step(0.1, 0.5, 0.75), 0.49, 1)
	f(Step(0.1, 0.5, 0.75), 0.5, 0.1)
	f(Step(0.1, 0.5, 0.75), 0.99, 0.01)
	f(Cosine(0), 0, 1)
	f(Cosine(0), 0.5, 0.5)
	f(Cosine(0.2), 0.2, 1)
	f(Cosine(0.2), 0.6, 0.5)
}

func TestSoftmax(t *testing.T) {
	p := Softmax(make([]float32, 3), []float32{1000, 1000, -1000})
	if p[0] != 0.5 || p[1] != 0.5 || p[2] != 0 {
		t.Errorf("got %v, want 0.5 0.5 0", p)
	}
}

func TestMeanSquare(t *testing.T) {
	y, want, dy := Tensor{1, 1, 2, []float32{1, 3}}, Tensor{1, 1, 2, []float32{2, 1}}, NewTensor(1, 1, 2)
	if loss := MeanSquare(y, want, dy); loss != 1.25 || dy.Data[0] != -0.5 || dy.Data[1] != 1 {
		t.Errorf("loss %v, gradient %v; want 1.25 and -0.5, 1", loss, dy.Data)
	}
}

func FuzzSpec(f *testing.F) {
	for _, c := range layerCases {
		b, _ := json.Marshal(Spec{Name: c.name, Input: c.in, Layers: append(append([]Layer(nil), c.body...), Logits())})
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var s Spec
		if json.Unmarshal(b, &s) != nil {
			return
		}
		shapes, err := s.Shapes(4)
		if err != nil {
			return
		}
		_, total := s.Counts(4)
		size := s.Input.Size()
		for _, sh := range shapes {
			size += sh.Size()
		}
		// What is accepted and small must compile and run.
		if total.Params < 1<<16 && total.MACs < 1<<20 && size < 1<<18 {
			n, err := New(s, 4, nil)
			if err != nil {
				t.Fatal(err)
			}
			n.Forward(NewTensor(1, s.Input.Len(), s.Input.C), false)
			n.Plan().Forward(make([]float32, s.Input.Size()))
		}
	})
}

// TestBounds: of each bound, a network that just keeps it is taken, and one beyond is
// not, however its layers are spread over combinators; what a plan then holds is what
// was counted, at most.
func TestBounds(t *testing.T) {
	f := func(name, want string, in Shape, layers ...Layer) {
		t.Helper()
		_, err := Spec{Name: "t", Input: in, Layers: append(layers, Logits())}.Shapes(2)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", name, err, want)
		}
	}
	many := func(n int, l Layer) (layers []Layer) {
		for range n {
			layers = append(layers, l)
		}
		return layers
	}
	f("layers", "", Signal(4, 1), many(255, ReLU())...)
	f("a layer too many", "needs 1 to 256 layers", Signal(4, 1), many(256, ReLU())...)
	f("layers in branches", "", Signal(4, 1), many(85, Residual(ReLU()))...)
	f("too many in branches", "needs 1 to 256 layers", Signal(4, 1), many(86, Residual(ReLU()))...)
	f("weights", "", Signal(1, 4094), Dense(4095), Select([]int{0}))
	f("a weight too many", "too many weights", Signal(1, 4096), Dense(4096))
	f("weights, summed", "too many weights", Signal(1, 1024), many(17, Residual(Dense(1024)))...)
	f("weights of a branch", "too many weights", Signal(1, 1024), Branches(many(17, Dense(1024))[:9], many(17, Dense(1024))[:8]))
	f("weights beyond an int", "too many weights", Signal(1<<20, 2), Conv(1<<20, 1<<20, 1<<20, Same))
	f("multiply-accumulates", "", Signal(1<<16, 1), Conv(1, 1<<12-2, 1<<4, Same), Conv(1, 1<<12, 1, Same), MaxPool(256))
	f("too many, summed", "too many multiply-accumulates", Signal(1<<16, 1), Conv(1, 1<<11, 1, Same), Residual(Conv(1, 1<<11, 1, Same)), Conv(1, 2, 1, Same))
	f("activations", "", Signal(1<<19, 1), AvgPool(256), ReLU())
	f("activations, summed", "too large activations", Signal(1<<17, 1), many(8, Residual(ReLU()))...)
	f("activations of one branch", "too large activations", Signal(1<<18, 1), Branches(many(5, ReLU())))
	f("the bomb", "too large activations", Signal(1<<20, 1), many(70, Residual(ReLU()))...)
	f("a long stride", "stride", Signal(1<<10, 1<<10), Conv(1, 1, 1<<20, Same))
	if huge := product(1<<20, 1<<24, 1<<20, 1<<24); sum(huge, huge) != huge || product(1<<30, 1<<30) != 1<<60 || product(0, huge) != 0 {
		t.Error("counts wrap round")
	}
	if got := [...]int{maxLayers, maxDepth, maxWeights, maxActivations, maxMACs, maxClasses}; got != [...]int{256, 4, 1 << 24, 1 << 21, 1 << 28, 4096} {
		t.Errorf("bounds %v: docs/artefact.md states them", got)
	}
}

// TestCounted: the parameters that a spec says it has are those that its network has, and
// the buffers of a plan are no larger than was counted.
func TestCounted(t *testing.T) {
	specs := slices.Clone(planSpecs)
	for _, c := range layerCases {
		specs = append(specs, Spec{Name: c.name, Input: c.in, Layers: append(slices.Clone(c.body), Logits())})
	}
	for _, s := range specs {
		n, err := New(s, 3, nil)
		if err != nil {
			t.Fatal(err)
		}
		type named struct {
			name  string
			shape []int
		}
		list := func(all []*Param) (out []named) {
			for _, p := range all {
				out = append(out, named{p.Name(), p.Shape})
			}
			return out
		}
		if got, want := fmt.Sprint(list(s.Params(3))), fmt.Sprint(list(n.Params())); got != want {
			t.Errorf("%s: parameters %s, want %s", s.Name, got, want)
		}
		counted, in := 0, s.Input
		for i, l := range s.Layers {
			counted += l.elements(in, n.Shapes()[i])
			in = n.Shapes()[i]
		}
		// Of very small networks, the ends of vectors are most.
		if got := held(n.Plan()); got > counted+64*len(s.Layers)*(1+strings.Count(fmt.Sprint(s.Layers), "{")) {
			t.Errorf("%s: a plan holds %d elements, %d were counted", s.Name, got, counted)
		}
	}
}

// held returns how many elements the buffers of a plan have.
func held(p *Plan) int {
	n := len(p.y)
	for _, s := range p.steps {
		n += len(s.buf) + len(s.tmp) + len(s.index) + len(s.scale) + len(s.shift)
		for _, b := range s.branches {
			n += held(b)
		}
	}
	return n
}
