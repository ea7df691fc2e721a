package nn

import (
	"math"

	"brinell/internal/kernel"
)

// Optimizer moves parameters against their gradients.
type Optimizer interface {
	// Step updates every trained parameter at learning rate lr.
	Step(params []*Param, lr float64)
	// State returns what Restore needs to go on with the same steps.
	State(params []*Param) OptimizerState
	Restore(params []*Param, s OptimizerState) error
}

// SGD is stochastic gradient descent with momentum:
//
//	g ← g + WeightDecay w;  v ← Momentum v + g
//	w ← w - lr v                      (or w - lr (g + Momentum v) with Nesterov)
//
// without dampening. Weight decay applies to weights only, not to biases and
// batch-norm parameters.
//
// Reference: I. Sutskever et al., On the importance of initialization and
// momentum in deep learning, ICML 2013.
type SGD struct {
	Momentum    float64
	WeightDecay float64
	Nesterov    bool
	v           map[*Param][]float32
}

// Step implements Optimizer.
func (o *SGD) Step(params []*Param, lr float64) {
	if o.v == nil {
		o.v = make(map[*Param][]float32)
	}
	mu, rate := float32(o.Momentum), float32(lr)
	for _, p := range params {
		if p.G == nil || p.Role == Importance {
			continue
		}
		v := o.v[p]
		if v == nil {
			v = make([]float32, len(p.W))
			o.v[p] = v
		}
		kernel.SGD(p.W, p.G, v, mu, rate, decayOf(p, o.WeightDecay), o.Nesterov)
	}
}

// Adam scales each step by running moments of the gradient:
//
//	m ← β1 m + (1-β1) g;  v ← β2 v + (1-β2) g²
//	w ← w - lr m/(1-β1ᵗ) / (√(v/(1-β2ᵗ)) + ε)
//
// Zero fields mean β1 0.9, β2 0.999, ε 1e-8. WeightDecay is decoupled
// (w ← w - lr·WeightDecay·w) and applies to weights only.
//
// Reference: D. P. Kingma, J. Ba, Adam, ICLR 2015, alg. 1; decay after
// I. Loshchilov, F. Hutter, Decoupled weight decay regularization, ICLR 2019.
type Adam struct {
	Beta1, Beta2, Epsilon, WeightDecay float64
	t                                  int
	m, v                               map[*Param][]float32
}

// Step implements Optimizer.
func (o *Adam) Step(params []*Param, lr float64) {
	if o.m == nil {
		o.m, o.v = make(map[*Param][]float32), make(map[*Param][]float32)
	}
	b1, b2, eps := or(o.Beta1, 0.9), or(o.Beta2, 0.999), or(o.Epsilon, 1e-8)
	o.t++
	// Both bias corrections folded into the rate and ε.
	root := math.Sqrt(1 - math.Pow(b2, float64(o.t)))
	step := kernel.AdamStep{
		Beta1: float32(b1), Beta2: float32(b2),
		Rate: float32(lr * root / (1 - math.Pow(b1, float64(o.t)))), Epsilon: float32(eps * root),
	}
	for _, p := range params {
		if p.G == nil || p.Role == Importance {
			continue
		}
		m, v := o.m[p], o.v[p]
		if m == nil {
			m, v = make([]float32, len(p.W)), make([]float32, len(p.W))
			o.m[p], o.v[p] = m, v
		}
		step.Decay = float32(lr) * decayOf(p, o.WeightDecay)
		kernel.Adam(p.W, p.G, m, v, step)
	}
}

func decayOf(p *Param, decay float64) float32 {
	if p.Role != Weight {
		return 0
	}
	return float32(decay)
}

func or(v, def float64) float64 {
	if v == 0 {
		return def
	}
	return v
}

// Schedule is a learning rate over training: the factor on the base rate at
// progress t in [0, 1).
type Schedule func(t float64) float64

// Constant is the factor 1 throughout.
func Constant(float64) float64 { return 1 }

// Cosine returns a linear warm-up over the first share of training followed by
// a half cosine to zero, ½(1 + cos πt').
//
// Reference: I. Loshchilov, F. Hutter, SGDR, ICLR 2017, eq. 5, without restart.
func Cosine(warmup float64) Schedule {
	return func(t float64) float64 {
		if t < warmup {
			return (t + 0.01*warmup) / (1.01 * warmup)
		}
		return 0.5 * (1 + math.Cos(math.Pi*(t-warmup)/(1-warmup)))
	}
}

// Step returns the schedule that multiplies by factor at each milestone, as
// Step(0.1, 0.5, 0.75) of network slimming: a tenth at half and at three
// quarters of training.
func Step(factor float64, milestones ...float64) Schedule {
	return func(t float64) float64 {
		f := 1.0
		for _, m := range milestones {
			if t >= m {
				f *= factor
			}
		}
		return f
	}
}
