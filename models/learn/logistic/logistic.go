// Package logistic is logistic regression of several classes: the multinomial one, and the
// conditional one, whose weights all classes share.
package logistic

import (
	"context"
	"fmt"
	"math"

	"gonum.org/v1/gonum/optimize"

	"brinell/models/learn"
	"brinell/models/nn"
	"brinell/models/safetensors"
)

// Learner is the row of the table.
var Learner = learn.Learner{
	Name: "logistic", Doc: "logistic regression, with weights for each class or shared by all",
	Source: "D. McFadden, Conditional logit analysis of qualitative choice behavior, in: Frontiers in Econometrics, 1974, 105; D. R. Cox, J. R. Stat. Soc. B 20 (1958) 215",
	Tasks:  []learn.Task{learn.Classify},
	New:    func() learn.Settings { return &Settings{Ridge: 0.01, Iterations: 200} },
}

// Settings are the options. With x standardised over the rows, or over rows and classes
// where weights are shared,
//
//	p_c = softmax_c(w_c · x + b_c)      or      p_c = softmax_c(w · x_c + b_c)
//
// where x_c is row c of the input. The loss is Σ_i weight_i (-ln p_{y_i}) + Ridge/2 Σ w²,
// without the biases; rows weigh 1/N where nothing else is said.
type Settings struct {
	Ridge      float64 `json:"ridge"`
	Iterations int     `json:"iterations"` // at most, of L-BFGS
	Shared     bool    `json:"shared"`
}

// Check implements learn.Settings.
func (s *Settings) Check(p learn.Problem) error {
	switch {
	case !(s.Ridge >= 0) || s.Ridge > 1e6:
		return fmt.Errorf("ridge %v must be 0 or more", s.Ridge)
	case s.Iterations < 1 || s.Iterations > 100_000:
		return fmt.Errorf("%d iterations are out of range", s.Iterations)
	case p.Outputs < 2 || p.Outputs > 4096:
		return fmt.Errorf("%d classes are out of range", p.Outputs)
	case s.Shared && p.Input.Len() != p.Outputs:
		return fmt.Errorf("shared weights need a row of values for each of %d classes, not %d", p.Outputs, p.Input.Len())
	}
	return nil
}

// model is a fitted regression. Of x, value j of class c is x[c*step+j].
type model struct {
	learn.Standard
	w       []float32 // [classes, width], of one class where they are shared
	b       []float32
	step    int // between the values of classes: width where weights are shared, else 0
	width   int
	classes int
}

func newModel(s *Settings, p learn.Problem) *model {
	m := &model{width: p.Input.Size(), classes: p.Outputs, b: make([]float32, p.Outputs)}
	if s.Shared {
		m.width = p.Input.C
		m.step = p.Input.C
	}
	return m
}

// weights returns those of class c.
func (m *model) weights(w []float32, c int) []float32 {
	if len(w) == m.width {
		return w
	}
	return w[c*m.width : (c+1)*m.width]
}

// Fit implements learn.Settings. There is nothing random in it.
func (s *Settings) Fit(ctx context.Context, p learn.Problem, set learn.Set, o learn.Options) (learn.Estimator, error) {
	m := newModel(s, p)
	m.Standard = standard(s, p, set)
	n := m.width * m.classes
	if s.Shared {
		n = m.width
	}
	f := objective{m: m, s: s, set: set, z: make([]float64, m.classes), x: nn.NewTensor(set.X.N, set.X.L, set.X.C)}
	for i := range set.Len() {
		m.Apply(f.x.At(i), set.X.At(i))
	}
	at := make([]float64, n+m.classes)
	grad := make([]float64, len(at))
	problem := optimize.Problem{
		Func: func(x []float64) float64 { return f.loss(x, grad) },
		Grad: func(g, x []float64) { f.loss(x, g) },
		Status: func() (optimize.Status, error) {
			if err := ctx.Err(); err != nil {
				return optimize.Failure, err
			}
			return optimize.NotTerminated, nil
		},
	}
	r, err := optimize.Minimize(problem, at, &optimize.Settings{MajorIterations: s.Iterations}, &optimize.LBFGS{})
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	// A line search that makes no more headway has ended at the minimum as far as it goes.
	if r == nil || r.X == nil {
		return nil, fmt.Errorf("logistic regression: %w", err)
	}
	o.Report(1, 1)
	m.w = make([]float32, n)
	for i := range m.w {
		m.w[i] = float32(r.X[i])
	}
	for i := range m.b {
		m.b[i] = float32(r.X[n+i])
	}
	return m, nil
}

// standard is that of the rows, and where weights are shared of the rows of all classes
// together.
func standard(s *Settings, p learn.Problem, set learn.Set) learn.Standard {
	if !s.Shared {
		return learn.StandardOf(set)
	}
	split := learn.Set{X: nn.Tensor{N: set.X.N * set.X.L, L: 1, C: set.X.C, Data: set.X.Data}}
	one := learn.StandardOf(split)
	var all learn.Standard
	for range p.Outputs {
		all.Mean, all.Scale = append(all.Mean, one.Mean...), append(all.Scale, one.Scale...)
	}
	return all
}

// objective is the loss of a fit.
type objective struct {
	m   *model
	s   *Settings
	set learn.Set
	x   nn.Tensor // standardised
	z   []float64
}

// loss returns the loss at weights and biases, and writes its gradient.
func (f *objective) loss(at, grad []float64) float64 {
	m := f.m
	n := len(at) - m.classes
	clear(grad)
	total := 0.0
	offset := func(c int) int { return c * m.width % max(1, n) }
	for i := range f.set.Len() {
		x, weight := f.x.At(i), 1/float64(f.set.Len())
		if f.set.Weight != nil {
			weight = f.set.Weight[i]
		}
		top := math.Inf(-1)
		for c := range f.z {
			f.z[c] = at[n+c] + dot(at[offset(c):][:m.width], x[c*m.step:])
			top = max(top, f.z[c])
		}
		sum := 0.0
		for _, v := range f.z {
			sum += math.Exp(v - top)
		}
		log := top + math.Log(sum)
		total -= weight * (f.z[f.set.Y[i]] - log)
		for c := range f.z {
			d := math.Exp(f.z[c] - log)
			if c == f.set.Y[i] {
				d--
			}
			d *= weight
			g := grad[offset(c):][:m.width]
			for j, v := range x[c*m.step:][:m.width] {
				g[j] += d * float64(v)
			}
			grad[n+c] += d
		}
	}
	for j := range n {
		total += f.s.Ridge / 2 * at[j] * at[j]
		grad[j] += f.s.Ridge * at[j]
	}
	return total
}

func dot(w []float64, x []float32) (sum float64) {
	for j, v := range w {
		sum += v * float64(x[j])
	}
	return sum
}

// Predictor implements learn.Estimator.
func (m *model) Predictor() learn.Predictor { return predictor{m, make([]float32, len(m.Mean))} }

type predictor struct {
	*model
	x []float32
}

// Clone implements learn.Predictor.
func (p predictor) Clone() learn.Predictor { return p.Predictor() }

// Predict implements learn.Predictor.
func (p predictor) Predict(dst, x []float32) {
	p.Apply(p.x, x)
	for c := range dst {
		sum := float64(p.b[c])
		for j, w := range p.weights(p.w, c) {
			sum += float64(w) * float64(p.x[c*p.step+j])
		}
		dst[c] = float32(sum)
	}
}

// Count implements learn.Estimator.
func (m *model) Count() (params, macs int) {
	return len(m.w) + len(m.b) + len(m.Mean) + len(m.Scale), m.classes * m.width
}

// Tensors implements learn.Estimator.
func (m *model) Tensors() []safetensors.Tensor {
	return []safetensors.Tensor{
		{Name: "mean", Shape: []int{len(m.Mean)}, F32: m.Mean},
		{Name: "scale", Shape: []int{len(m.Scale)}, F32: m.Scale},
		{Name: "weight", Shape: []int{len(m.w) / m.width, m.width}, F32: m.w},
		{Name: "bias", Shape: []int{len(m.b)}, F32: m.b},
	}
}

// Restore implements learn.Settings.
func (s *Settings) Restore(p learn.Problem, f *safetensors.File) (learn.Estimator, error) {
	m := newModel(s, p)
	rows := m.classes
	if s.Shared {
		rows = 1
	}
	n := p.Input.Size()
	for _, t := range []struct {
		to    *[]float32
		name  string
		shape []int
	}{{&m.Mean, "mean", []int{n}}, {&m.Scale, "scale", []int{n}}, {&m.w, "weight", []int{rows, m.width}}, {&m.b, "bias", []int{m.classes}}} {
		b, err := f.Float32(t.name, t.shape...)
		if err != nil {
			return nil, err
		}
		*t.to = b.Values()
	}
	for i, v := range m.Scale {
		if !(v > 0) {
			return nil, fmt.Errorf("tensor scale: element %d is %v, need more than 0", i, v)
		}
	}
	return m, nil
}
