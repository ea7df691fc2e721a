package nn

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"testing"

	"brinell/internal/kernel"
)

// planSpecs have what decides about the layout of a plan: channel counts below,
// at and above the lanes of a vector, strides, both paddings, odd lengths, layers
// that cannot fuse, and changes between them.
var planSpecs = []Spec{
	{Name: "wide first, slimmed", Input: Shape{2048, 1}, Layers: slices.Concat(
		block(Conv(4, 64, 8, Same)), block(Conv(5, 3, 1, Same)), block(Conv(6, 3, 1, Same)), block(Conv(6, 3, 1, Same)),
		[]Layer{Dense(16), BatchNorm(), ReLU(), Logits()})},
	{Name: "narrow, wide, narrow", Input: Shape{500, 1}, Layers: slices.Concat(
		block(Conv(3, 16, 4, Same)), block(Conv(40, 3, 1, Same)), block(ConvBias(7, 3, 1, Valid)),
		[]Layer{Dense(9), ReLU(), Logits()})},
	{Name: "odd lengths", Input: Shape{331, 2}, Layers: slices.Concat(
		block(Conv(5, 7, 3, Valid)), block(Conv(17, 4, 1, Same)), []Layer{Logits()})},
	{Name: "stride between narrow layers", Input: Shape{260, 3}, Layers: []Layer{
		Conv(4, 5, 1, Same), ReLU(), Conv(6, 4, 2, Same), MaxPool(2), Conv(2, 2, 3, Valid), Logits()}},
	{Name: "nothing fuses", Input: Shape{96, 1}, Layers: []Layer{
		BatchNorm(), ReLU(), Conv(3, 3, 1, Same), MaxPool(3), ReLU(), BatchNorm(), AvgPool(2), Conv(4, 3, 1, Same), AvgPool(2), Dropout(0.5), Dense(5), Dense(4), Logits()}},
	{Name: "dense of sixteen", Input: Shape{64, 1}, Layers: slices.Concat(
		block(Conv(16, 8, 2, Same)), block(Conv(32, 3, 1, Same)), []Layer{Dense(100), BatchNorm(), ReLU(), Logits()})},
}

func block(conv Layer) []Layer { return []Layer{conv, BatchNorm(), ReLU(), MaxPool(2)} }

// moved returns a network whose weights and statistics are all off their initial
// values.
func moved(t testing.TB, spec Spec, classes int) *Network {
	rng := rand.New(rand.NewPCG(11, 12))
	net, err := New(spec, classes, rng)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range net.Params() {
		for i := range p.W {
			p.W[i] += float32(0.2 * (rng.Float64() - 0.4))
			if p.Role == Variance {
				p.W[i] = max(p.W[i], 0.1)
			}
		}
	}
	return net
}

// TestPlanIsTheNetwork compares plans of every kernel with a float64 calculation
// by the layers' formulas, to 1e-5 of the largest logit, and those of the
// instruction sets, which choose different layouts, with each other to the bit.
func TestPlanIsTheNetwork(t *testing.T) {
	for _, spec := range append(randomSpecs(100), planSpecs...) {
		net := moved(t, spec, 10)
		x := randomBatch(rand.New(rand.NewPCG(3, 4)), 3, spec.Input)
		first := make([][]float32, x.N)
		for _, impl := range kernel.Implementations() {
			restore := kernel.Use(impl)
			plan := net.Plan()
			for n := range x.N {
				want := reference(net, x.At(n))
				got := plan.Forward(x.At(n))
				check(t, spec.Name+", plan, "+impl, got, want)
				check(t, spec.Name+", network, "+impl, net.Forward(x, false).At(n), want)
				if impl != "go" {
					if first[n] == nil {
						first[n] = slices.Clone(got)
					}
					if !slices.Equal(got, first[n]) {
						t.Errorf("%s, %s: other logits than by the fastest kernel: %v, %v", spec.Name, impl, got, first[n])
					}
				}
			}
			if n := testing.AllocsPerRun(5, func() { plan.Forward(x.At(0)) }); n != 0 {
				t.Errorf("%s, %s: %v allocations", spec.Name, impl, n)
			}
			restore()
		}
	}
}

// check allows 1e-5 of the largest logit.
func check(t *testing.T, name string, got []float32, want []float64) {
	t.Helper()
	scale := 1e-3
	for _, v := range want {
		scale = max(scale, math.Abs(v))
	}
	for i, v := range want {
		if math.Abs(float64(got[i])-v) > 1e-5*scale {
			t.Fatalf("%s: logit %d is %v, want %v", name, i, got[i], v)
		}
	}
}

// randomSpecs returns specs of any layers in any order.
func randomSpecs(n int) (specs []Spec) {
	rng := rand.New(rand.NewPCG(99, 1))
	for len(specs) < n {
		var layers []Layer
		for range rng.IntN(7) {
			switch rng.IntN(8) {
			case 0, 1, 2:
				l := Conv(1+rng.IntN(40), 1+rng.IntN(9), 1+rng.IntN(5), []Padding{Same, Valid}[rng.IntN(2)])
				l.Bias = rng.IntN(2) == 0
				layers = append(layers, l)
			case 3:
				layers = append(layers, BatchNorm())
			case 4:
				layers = append(layers, ReLU())
			case 5:
				layers = append(layers, MaxPool(1+rng.IntN(3)))
			case 6:
				layers = append(layers, AvgPool(1+rng.IntN(3)))
			case 7:
				layers = append(layers, Dense(1+rng.IntN(40)))
			}
		}
		spec := Spec{Input: Shape{1 + rng.IntN(200), 1 + rng.IntN(5)}, Layers: append(layers, Logits())}
		spec.Name = fmt.Sprintf("%+v", spec)
		if _, err := spec.Shapes(10); err == nil { // some do not fit
			specs = append(specs, spec)
		}
	}
	return specs
}

// reference infers in float64 by the formulas of the layers.
func reference(net *Network, window []float32) []float64 {
	x := make([]float64, len(window))
	for i, v := range window {
		x[i] = float64(v)
	}
	in := net.Spec.Input
	for i, l := range net.Spec.Layers {
		out := net.shapes[i]
		weight := func(r Role, k int) float64 {
			if p := net.Param(i, r); p != nil {
				return float64(p.W[k])
			}
			return 0
		}
		y := make([]float64, out.size())
		for t := range out.L {
			for c := range out.C {
				s := 0.0
				switch l.Op {
				case OpConv:
					before, _ := l.padding(in.L)
					s = weight(Bias, c)
					for k := range l.Kernel {
						from := t*l.Stride - before + k
						for ci := range in.C {
							if from >= 0 && from < in.L {
								s += x[from*in.C+ci] * weight(Weight, (k*in.C+ci)*out.C+c)
							}
						}
					}
				case OpDense, OpLogits:
					s = weight(Bias, c)
					for k, v := range x {
						s += v * weight(Weight, k*out.C+c)
					}
				case OpBatchNorm:
					s = (x[t*in.C+c]-weight(Mean, c))/math.Sqrt(weight(Variance, c)+bnEpsilon)*weight(Gamma, c) + weight(Beta, c)
				case OpReLU:
					s = max(0, x[t*in.C+c])
				case OpDropout:
					s = x[t*in.C+c]
				case OpMaxPool:
					s = math.Inf(-1)
					for k := range l.Kernel {
						s = max(s, x[(t*l.Kernel+k)*in.C+c])
					}
				case OpAvgPool:
					for k := range l.Kernel {
						s += x[(t*l.Kernel+k)*in.C+c] / float64(l.Kernel)
					}
				}
				y[t*out.C+c] = s
			}
		}
		x, in = y, out
	}
	return x
}

// TestPlanSameOnAnyWorker holds that a window's logits depend neither on the plan
// that computes them nor on what it computed before.
func TestPlanSameOnAnyWorker(t *testing.T) {
	net := moved(t, planSpecs[0], 10)
	x := randomBatch(rand.New(rand.NewPCG(3, 4)), 32, net.Spec.Input)
	plan := net.Plan()
	want := make([][]float32, x.N)
	for n := range want {
		want[n] = slices.Clone(plan.Forward(x.At(n)))
	}
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			clone := plan.Clone()
			for n := x.N - 1; n >= 0; n-- {
				if n%4 == w && !slices.Equal(clone.Forward(x.At(n)), want[n]) {
					t.Errorf("worker %d: window %d has other logits", w, n)
				}
			}
		})
	}
	wg.Wait()
}

// TestTrainingIsReproducible holds that a seed gives the same weights on any
// number of processors and by either instruction set.
func TestTrainingIsReproducible(t *testing.T) {
	spec := Spec{Name: "odd", Input: Shape{128, 1}, Layers: slices.Concat(
		block(Conv(16, 16, 2, Same)), block(Conv(13, 3, 1, Same)), []Layer{Dropout(0.2), Dense(9), BatchNorm(), ReLU(), Logits()})}
	train := func() (out []float32) {
		net, err := New(spec, 4, rand.New(rand.NewPCG(1, 2)))
		if err != nil {
			t.Fatal(err)
		}
		x := randomBatch(rand.New(rand.NewPCG(3, 4)), 19, spec.Input)
		labels := make([]int, x.N)
		for n := range labels {
			labels[n] = n % 4
		}
		dz, opt := NewTensor(x.N, 1, 4), &Adam{WeightDecay: 0.01}
		for range 5 {
			CrossEntropy(net.Forward(x, true), labels, dz)
			net.ZeroGrad()
			net.Backward(dz)
			opt.Step(net.Params(), 0.01)
		}
		for _, p := range net.Params() {
			out = append(out, p.W...)
		}
		return out
	}
	want := train()
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for _, impl := range kernel.Implementations() {
		if impl == "go" && kernel.Active() != "go" {
			continue // rounds products as well
		}
		restore := kernel.Use(impl)
		for _, procs := range []int{1, 2, 5} {
			runtime.GOMAXPROCS(procs)
			if !slices.Equal(train(), want) {
				t.Errorf("%s on %d processors gives other weights", impl, procs)
			}
		}
		restore()
	}
}

func BenchmarkPlan(b *testing.B) {
	for _, spec := range planSpecs[:1] {
		net := moved(b, spec, 10)
		x := randomBatch(rand.New(rand.NewPCG(1, 2)), 1, spec.Input)
		for _, impl := range kernel.Implementations() {
			b.Run(fmt.Sprintf("%s/%s", spec.Name, impl), func(b *testing.B) {
				defer kernel.Use(impl)()
				plan := net.Plan()
				b.ReportAllocs()
				for b.Loop() {
					plan.Forward(x.At(0))
				}
			})
		}
	}
}
