package nn

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"brinell/internal/kernel"
)

// TestImageOfOneColumn: a convolution of an image one pixel wide is that of the signal, and
// so are pools, to the bit, in network and plan.
func TestImageOfOneColumn(t *testing.T) {
	for _, c := range []struct{ signal, image Layer }{
		{Conv(5, 4, 1, Same), Conv2D(5, 4, 1, 1, Same)},
		{ConvBias(40, 7, 3, Valid), Conv2D(40, 7, 1, 3, Valid).Biased()},
		{MaxPool(2), MaxPool2D(2, 1)},
		{MaxPool(3), MaxPool2D(3, 1)},
		{AvgPool(3), AvgPool2D(3, 1)},
	} {
		in := Signal(61, 3)
		x := randomBatch(rand.New(rand.NewPCG(5, 6)), 3, in)
		var first []float32
		for _, l := range []Layer{c.signal, c.image} {
			net := moved(t, Spec{Name: "t", Input: in, Layers: []Layer{l, ReLU(), Logits()}}, 4)
			got := slices.Clone(net.Forward(x, false).Data)
			plan := net.Plan()
			for n := range x.N {
				got = append(got, plan.Forward(x.At(n))...)
			}
			if first == nil {
				first = got
			} else if !slices.Equal(first, got) {
				t.Errorf("%+v: %v, of the signal %v", l, got, first)
			}
		}
	}
}

// TestGradientsOfOneColumn: of an image one pixel wide the gradients of a convolution are
// those of the signal's, also where a shard has several windows.
func TestGradientsOfOneColumn(t *testing.T) {
	in := Signal(23, 3)
	x := randomBatch(rand.New(rand.NewPCG(5, 6)), 35, in)
	labels := make([]int, x.N)
	for i := range labels {
		labels[i] = i % 4
	}
	var first []*Param
	for _, l := range []Layer{ConvBias(5, 4, 2, Same), Conv2D(5, 4, 1, 2, Same).Biased()} {
		net := moved(t, Spec{Name: "t", Input: in, Layers: []Layer{
			Select([]int{0, 1, 2}), ReLU(), Residual(BatchNorm()), l, ReLU(), Logits()}}, 4)
		dz := NewTensor(x.N, 1, 4)
		CrossEntropy(net.Forward(x, true), labels, dz)
		net.ZeroGrad()
		net.Backward(dz)
		if first == nil {
			first = net.Params()
			continue
		}
		for i, p := range net.Params() {
			for j, g := range p.G {
				if want := first[i].G[j]; math.Abs(float64(g-want)) > 1e-5*(1+math.Abs(float64(want))) {
					t.Errorf("%s[%d]: %v, of the signal %v", p.Name(), j, g, want)
				}
			}
		}
	}
}

// TestWorkOfImages: every column of an image takes as much work, dense and by groups.
func TestWorkOfImages(t *testing.T) {
	for _, group := range []int{0, 8} {
		work := func(columns int) int {
			l := Conv2D(16, 3, 1, 1, Same).Sparse(group)
			layers := []Layer{l, AvgPool2D(12, columns), Logits()}
			return moved(t, Spec{Name: "t", Input: Shape{12, columns, 3}, Layers: layers}, 4).Plan().Work()
		}
		if a, b, c := work(1), work(2), work(3); b-a != c-b || b <= a {
			t.Errorf("groups of %d: one, two and three columns take %d, %d and %d", group, a, b, c)
		}
	}
}

// TestImagePlanBits: without a batch-norm to fold, a plan of images has the logits of its
// network to the bit, by every kernel.
func TestImagePlanBits(t *testing.T) {
	seen := 0
	for _, spec := range randomImages(100) {
		folds := func(l Layer) bool { return l.Op == OpBatchNorm || l.Group > 0 }
		if slices.ContainsFunc(spec.Layers, folds) {
			continue
		}
		seen++
		net := moved(t, spec, 10)
		x := randomBatch(rand.New(rand.NewPCG(3, 4)), 3, spec.Input)
		for _, impl := range kernel.Implementations() {
			restore := kernel.Use(impl)
			plan, all := net.Plan(), net.Forward(x, false)
			for n := range x.N {
				if got := plan.Forward(x.At(n)); !slices.Equal(got, all.At(n)) {
					t.Errorf("%s, %s: plan %v, network %v", spec.Name, impl, got, all.At(n))
				}
			}
			restore()
		}
	}
	if seen < 20 {
		t.Errorf("only %d specs", seen)
	}
}

// TestLearnsImages: a small network tells stripes across from stripes down, wherever they
// are, also in images that it has not seen.
func TestLearnsImages(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	in := Shape{12, 10, 1}
	draw := func(n int) (Tensor, []int) {
		x, labels := randomBatch(rng, n, in), make([]int, n)
		for i := range n {
			labels[i] = i % 2
			phase := rng.IntN(4)
			for at := range in.Len() {
				along := []int{at / in.W, at % in.W}[labels[i]]
				x.At(i)[at] = 0.3*x.At(i)[at] + float32((along+phase)/2%2)
			}
		}
		return x, labels
	}
	spec := Spec{Name: "stripes", Input: in, Layers: []Layer{
		Conv2D(4, 3, 3, 1, Same), BatchNorm(), ReLU(), MaxPool2D(2, 2),
		Conv2D(4, 3, 3, 1, Same), ReLU(), AvgPool2D(6, 5), Logits()}}
	net, err := New(spec, 2, rng)
	if err != nil {
		t.Fatal(err)
	}
	x, labels := draw(32)
	if loss := trainSteps(net, x, labels, 150); loss > 0.05 {
		t.Errorf("loss %.3f after training, want under 0.05", loss)
	}
	x, labels = draw(100)
	plan, wrong := net.Plan(), 0
	for n := range x.N {
		if y := plan.Forward(x.At(n)); (y[1] > y[0]) != (labels[n] == 1) {
			wrong++
		}
	}
	if wrong > 2 {
		t.Errorf("%d of %d new images are taken for the other", wrong, x.N)
	}
}

func BenchmarkImages(b *testing.B) {
	spec := Spec{Name: "images", Input: Shape{32, 32, 1}, Layers: []Layer{
		Conv2D(16, 3, 3, 1, Same), BatchNorm(), ReLU(), MaxPool2D(2, 2),
		Conv2D(32, 3, 3, 1, Same), BatchNorm(), ReLU(), MaxPool2D(2, 2), Dense(64), ReLU(), Logits()}}
	net := moved(b, spec, 10)
	x := randomBatch(rand.New(rand.NewPCG(1, 2)), 1, spec.Input)
	_, total := spec.Counts(10)
	for _, impl := range kernel.Implementations() {
		b.Run(impl, func(b *testing.B) {
			defer kernel.Use(impl)()
			plan := net.Plan()
			b.ReportAllocs()
			for b.Loop() {
				plan.Forward(x.At(0))
			}
			b.ReportMetric(float64(total.MACs)*float64(b.N)/1e9/b.Elapsed().Seconds(), "GMAC/s")
		})
	}
}
