package nn

import (
	"cmp"
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
	{Name: "wide first, slimmed", Input: Signal(2048, 1), Layers: slices.Concat(
		block(Conv(4, 64, 8, Same)), block(Conv(5, 3, 1, Same)), block(Conv(6, 3, 1, Same)), block(Conv(6, 3, 1, Same)),
		[]Layer{Dense(16), BatchNorm(), ReLU(), Logits()})},
	{Name: "narrow, wide, narrow", Input: Signal(500, 1), Layers: slices.Concat(
		block(Conv(3, 16, 4, Same)), block(Conv(40, 3, 1, Same)), block(ConvBias(7, 3, 1, Valid)),
		[]Layer{Dense(9), ReLU(), Logits()})},
	{Name: "odd lengths", Input: Signal(331, 2), Layers: slices.Concat(
		block(Conv(5, 7, 3, Valid)), block(Conv(17, 4, 1, Same)), []Layer{Logits()})},
	{Name: "stride between narrow layers", Input: Signal(260, 3), Layers: []Layer{
		Conv(4, 5, 1, Same), ReLU(), Conv(6, 4, 2, Same), MaxPool(2), Conv(2, 2, 3, Valid), Logits()}},
	{Name: "nothing fuses", Input: Signal(96, 1), Layers: []Layer{
		BatchNorm(), ReLU(), Conv(3, 3, 1, Same), MaxPool(3), ReLU(), BatchNorm(), AvgPool(2), Conv(4, 3, 1, Same), AvgPool(2), Dropout(0.5), Dense(5), Dense(4), Logits()}},
	{Name: "residual", Input: Signal(128, 1), Layers: slices.Concat(
		[]Layer{Conv(8, 8, 2, Same)},
		[]Layer{Residual(Select([]int{0, 2, 3}), BatchNorm(), ReLU(), Conv(5, 3, 1, Same), BatchNorm(), ReLU(), Conv(8, 3, 1, Same))},
		[]Layer{BatchNorm(), ReLU(), AvgPool(2), Logits()})},
	{Name: "winners before dense", Input: Signal(64, 1), Layers: slices.Concat(
		block(Conv(16, 8, 2, Same)), []Layer{Winners(0.2), Dense(100), BatchNorm(), ReLU(), Winners(0.3), Logits()})},
	{Name: "sparse", Input: Signal(200, 1), Layers: slices.Concat(
		block(Conv(5, 9, 2, Same).Sparse(8)), block(Conv(7, 3, 1, Same).Sparse(1)), block(Conv(7, 3, 1, Valid).Sparse(16)),
		[]Layer{Dense(33).Sparse(16), ReLU(), Dense(20).Sparse(3), Logits().Sparse(1)})},
	{Name: "dense of sixteen", Input: Signal(64, 1), Layers: slices.Concat(
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
			switch p.Role {
			case Alive:
				p.W[i] = float32(rng.IntN(2))
				continue
			case Importance:
				p.W[i] = (nodeOn + nodeOff) / 2 // leaves the switch as it is
				continue
			}
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
	for _, spec := range slices.Concat(randomSpecs(200), randomImages(100), planSpecs) {
		net := moved(t, spec, 10)
		x := randomBatch(rand.New(rand.NewPCG(3, 4)), 3, spec.Input)
		first, wants := make([][]float32, x.N), make([][]float64, x.N)
		for n := range wants {
			wants[n] = reference(net, x.At(n))
		}
		for _, impl := range kernel.Implementations() {
			restore := kernel.Use(impl)
			plan, all := net.Plan(), net.Forward(x, false)
			for n, want := range wants {
				got := plan.Forward(x.At(n))
				check(t, spec.Name+", plan, "+impl, got, want)
				check(t, spec.Name+", network, "+impl, all.At(n), want)
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
			switch rng.IntN(12) {
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
				layers = append(layers, Dense(1+rng.IntN(40)).Sparse(rng.IntN(3)*8))
			case 8:
				width := 1 + rng.IntN(20)
				layers = append(layers, Conv(width, 3, 1, Same),
					Residual(BatchNorm(), ReLU(), Conv(1+rng.IntN(20), 3, 1, Same).Sparse(rng.IntN(2)), ReLU(), Conv(width, 1+rng.IntN(5), 1, Same)))
			case 9:
				layers = append(layers, Branches(
					[]Layer{Conv(1+rng.IntN(20), 3, 1, Same), ReLU()}, nil, []Layer{Select([]int{0}), Conv(2, 5, 1, Same), Residual(ReLU())}))
			case 10:
				layers = append(layers, Winners(0.1+0.8*rng.Float64()))
			case 11:
				layers = append(layers, Nodes())
			}
		}
		spec := Spec{Input: Signal(1+rng.IntN(200), 1+rng.IntN(5)), Layers: append(layers, Logits())}
		spec.Name = fmt.Sprintf("%+v", spec)
		if _, err := spec.Shapes(10); err == nil { // some do not fit
			specs = append(specs, spec)
		}
	}
	return specs
}

// randomImages returns specs of layers that read images, in any order.
func randomImages(n int) (specs []Spec) {
	rng := rand.New(rand.NewPCG(99, 2))
	conv := func(out int) Layer {
		l := Conv2D(out, 1+rng.IntN(4), 1+rng.IntN(4), 1+rng.IntN(3), []Padding{Same, Valid}[rng.IntN(2)])
		l.Bias = rng.IntN(2) == 0
		return l.Sparse(rng.IntN(2) * rng.IntN(9))
	}
	for len(specs) < n {
		var layers []Layer
		for range 1 + rng.IntN(5) {
			switch rng.IntN(8) {
			case 0, 1, 2:
				layers = append(layers, conv(1+rng.IntN(40)))
			case 3:
				layers = append(layers, BatchNorm(), ReLU())
			case 4:
				layers = append(layers, MaxPool2D(1+rng.IntN(3), 1+rng.IntN(3)))
			case 5:
				layers = append(layers, AvgPool2D(1+rng.IntN(3), 1+rng.IntN(3)))
			case 6:
				layers = append(layers, Branches([]Layer{Conv2D(1+rng.IntN(20), 3, 3, 1, Same), ReLU()}, nil, []Layer{Select([]int{0}), Residual(ReLU())}))
			case 7: // from an image to a signal
				layers = append(layers, Dense(1+rng.IntN(90)), Winners(0.5), Conv(1+rng.IntN(9), 3, 1, Same))
			}
		}
		spec := Spec{Input: Shape{1 + rng.IntN(20), 1 + rng.IntN(20), 1 + rng.IntN(5)}, Layers: append(layers, Logits())}
		spec.Name = fmt.Sprintf("%+v", spec)
		if _, err := spec.Shapes(10); err == nil {
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
	return referenceOf(net, net.Spec.Layers, net.Spec.Input, At, x)
}

func referenceOf(net *Network, layers []Layer, in Shape, path func(i int) Path, x []float64) []float64 {
	for i, l := range layers {
		out, _ := l.shape(in, net.Classes)
		own := make(map[Role][]float32)
		for _, p := range net.Params() {
			if p.Path == path(i) {
				own[p.Role] = p.W
			}
		}
		weights := own[Weight]
		weight := func(r Role, k int) float64 {
			w := weights
			if r != Weight {
				w = own[r]
			}
			if w == nil {
				return 0
			}
			return float64(w[k])
		}
		y := make([]float64, out.Size())
		first, threshold := 0, 0.0
		for b, inner := range l.Branches {
			z := referenceOf(net, inner, in, func(j int) Path { return path(i).In(b, j) }, x)
			wide := end(inner, in, 1).C
			for k, v := range z {
				y[k/wide*out.C+first+k%wide] = v
			}
			first += wide
		}
		if l.Op == OpWinners {
			sorted := slices.Clone(x)
			slices.SortFunc(sorted, func(a, b float64) int { return cmp.Compare(math.Abs(b), math.Abs(a)) })
			threshold = math.Abs(sorted[int(math.Ceil(l.Rate*float64(len(x))-1e-9))-1])
		}
		for t := range out.Len() {
			for c := range out.C {
				s := 0.0
				switch l.Op {
				case OpConv:
					before, _ := l.padding(in.H)
					s = weight(Bias, c)
					for k := range l.Kernel {
						from := t*l.Stride - before + k
						for ci := range in.C {
							if from >= 0 && from < in.H {
								s += x[from*in.C+ci] * weight(Weight, (k*in.C+ci)*out.C+c)
							}
						}
					}
				case OpConv2D:
					top, _ := padding(l.Padding, l.Kernel, l.Stride, in.H)
					left, _ := padding(l.Padding, l.Width, l.Stride, in.W)
					s = weight(Bias, c)
					for k := range l.Kernel * l.Width {
						h, w := t/out.W*l.Stride-top+k/l.Width, t%out.W*l.Stride-left+k%l.Width
						for ci := range in.C {
							if h >= 0 && h < in.H && w >= 0 && w < in.W {
								s += x[(h*in.W+w)*in.C+ci] * weight(Weight, (k*in.C+ci)*out.C+c)
							}
						}
					}
				case OpMaxPool2D, OpAvgPool2D:
					n, sum := l.Kernel*l.Width, 0.0
					s = math.Inf(-1)
					for k := range n {
						v := x[((t/out.W*l.Kernel+k/l.Width)*in.W+t%out.W*l.Width+k%l.Width)*in.C+c]
						s, sum = max(s, v), sum+v/float64(n)
					}
					if l.Op == OpAvgPool2D {
						s = sum
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
				case OpResidual:
					s = y[t*out.C+c] + x[t*in.C+c]
				case OpBranches:
					s = y[t*out.C+c]
				case OpSelect:
					s = x[t*in.C+l.Channels[c]]
				case OpWinners:
					if v := x[t*in.C+c]; math.Abs(v) >= threshold {
						s = v
					}
				case OpNodes:
					s = x[t*in.C+c] * weight(Alive, c)
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
	trainsAlike(t, Spec{Name: "image", Input: Shape{13, 9, 1}, Layers: []Layer{
		Conv2D(7, 3, 4, 1, Same), BatchNorm(), ReLU(), MaxPool2D(2, 2),
		Conv2D(5, 3, 3, 2, Valid), ReLU(), AvgPool2D(2, 1), Logits()}})
	trainsAlike(t, Spec{Name: "odd", Input: Signal(128, 1), Layers: slices.Concat(
		block(Conv(16, 16, 2, Same)), block(Conv(13, 3, 1, Same)), []Layer{Dropout(0.2), Dense(9), BatchNorm(), ReLU(), Logits()})})
}

func trainsAlike(t *testing.T, spec Spec) {
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
