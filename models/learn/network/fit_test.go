package network

import (
	"math"
	"slices"
	"testing"

	"brinell/models/nn"
)

// TestSubgradient: the gradient with the L1 term is that of loss + λ Σ|γ|.
func TestSubgradient(t *testing.T) {
	spec, set := toy(t)
	spec.Layers = spec.Layers[:3:3] // without dropout, whose loss is another one each time
	spec.Layers = append(spec.Layers, nn.Logits())
	net := toyNet(t, spec)
	const lambda, h = 0.3, 1e-2
	x := set.X
	x.N, x.Data = 16, x.Data[:16*16]
	dz := nn.NewTensor(16, 1, 2)
	gamma := net.Param("1", nn.Gamma)
	gamma.W[1] = -0.8
	loss := func() float64 {
		l := nn.CrossEntropy(net.Forward(x, true), set.Y[:16], dz)
		for _, g := range gamma.W {
			l += lambda * math.Abs(float64(g))
		}
		return l
	}
	loss()
	net.ZeroGrad()
	net.Backward(dz)
	addSubgradient(net, lambda)
	for i, got := range slices.Clone(gamma.G) {
		w := gamma.W[i]
		gamma.W[i] = w + h
		up := loss()
		gamma.W[i] = w - h
		down := loss()
		gamma.W[i] = w
		if want := (up - down) / (2 * h); math.Abs(want-float64(got)) > 0.01+0.02*math.Abs(want) {
			t.Errorf("scale %d: gradient %.4f, numerical %.4f", i, got, want)
		}
	}
}

// TestLambda: the term alone moves a scale by the budget over the whole fit, whatever
// its length and rate.
func TestLambda(t *testing.T) {
	for _, c := range []Config{{Budget: 1}, {Budget: 2, Epochs: 20, LR: 0.003}, {Budget: 0.5, Schedule: nn.Step(0.1, 0.5, 0.75), Optimizer: "sgd"}} {
		c = c.WithDefaults()
		lambda, moved := c.Lambda(1000), 0.0
		steps := c.Steps(1000)
		for i := range steps {
			if at := float64(i) / float64(steps); at >= sparseFrom {
				moved += lambda * c.LR * c.Schedule(at)
			}
		}
		if math.Abs(moved-c.Budget*gammaInit) > 1e-9 {
			t.Errorf("%+v moves a scale by %v", c, moved)
		}
	}
	if got := (Config{Sparsity: 0.1}).Lambda(1000); got != 0.1 {
		t.Errorf("without a budget λ is %v, want what the config says", got)
	}
}

// TestLambdaOfOneStep: a fit that ends before the L1 term sets in has none.
func TestLambdaOfOneStep(t *testing.T) {
	if got := (Config{Budget: 1, Epochs: 1}).Lambda(10); got != 0 {
		t.Errorf("λ is %v, want 0", got)
	}
}
