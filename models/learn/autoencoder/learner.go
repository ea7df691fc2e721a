package autoencoder

import (
	"context"
	"fmt"

	"brinell/models/learn"
	"brinell/models/learn/network"
	"brinell/models/nn"
	"brinell/models/safetensors"
)

// Learner is the row of the table: how badly a row is reproduced says how little it is of
// the kind that was fitted.
var Learner = learn.Learner{
	Name: "autoencoder", Doc: "a network that reproduces its input: the error says how little a row is of the kind that was fitted",
	Source: "P. Vincent et al., J. Mach. Learn. Res. 11 (2010) 3371; A. Makhzani, B. Frey, ICLR 2014",
	Tasks:  []learn.Task{learn.Novelty},
	New:    func() learn.Settings { return &Settings{Config{Epochs: 80, LR: 0.01}} },
}

// Settings are the options as a learner's.
type Settings struct{ Config }

// Bounds of what settings from a file may ask for.
const (
	maxCodes  = 16
	maxEpochs = 100_000
)

// Check implements learn.Settings.
func (s *Settings) Check(p learn.Problem) error {
	n := p.Input.Size()
	switch {
	case len(s.Hidden) > maxCodes || s.Epochs < 1 || s.Epochs > maxEpochs || !(s.LR > 0 && s.LR < 10):
		return fmt.Errorf("autoencoder: %d codes, %d epochs or a learning rate of %g are out of range", len(s.Hidden), s.Epochs, s.LR)
	case p.Outputs != 1:
		return fmt.Errorf("autoencoder: %d outputs, it has one", p.Outputs)
	}
	if err := s.check(); err != nil {
		return err
	}
	_, err := s.whole(n).Shapes(n)
	return err
}

// whole is the spec of the network of all codes, for vectors of n values.
func (s *Settings) whole(n int) nn.Spec {
	c := s.withDefaults(n)
	return c.spec(n, c.Hidden)
}

// least is the standard deviation below which a value counts as constant.
const least = 1e-6

// Fit implements learn.Settings.
func (s *Settings) Fit(ctx context.Context, p learn.Problem, set learn.Set, o learn.Options) (learn.Estimator, error) {
	rows := make([][]float64, set.Len())
	for i := range rows {
		for _, v := range set.X.At(i) {
			rows[i] = append(rows[i], float64(v))
		}
	}
	c := s.Config
	c.Seed = o.Seed
	m, err := Fit(rows, least, c)
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	o.Report(1, 1)
	// As a file holds them, so that one that is opened gives the same bits.
	for j := range m.mean {
		m.mean[j], m.scale[j] = float64(float32(m.mean[j])), float64(float32(m.scale[j]))
	}
	return m, nil
}

// Restore implements learn.Settings.
func (s *Settings) Restore(p learn.Problem, f *safetensors.File) (learn.Estimator, error) {
	n := p.Input.Size()
	inner := &network.Settings{Spec: s.whole(n)}
	e, err := inner.Restore(learn.Problem{Input: nn.Signal(1, n), Outputs: n}, f)
	if err != nil {
		return nil, err
	}
	m := &Model{net: e.(*network.Estimator).Network(), x: make([]float32, n)}
	m.plan = m.net.Plan()
	for name, to := range map[string]*[]float64{"mean": &m.mean, "scale": &m.scale} {
		b, err := f.Float32(name, n)
		if err != nil {
			return nil, err
		}
		for _, v := range b.Values() {
			*to = append(*to, float64(v))
		}
	}
	for j, v := range m.scale {
		if !(v > 0) {
			return nil, fmt.Errorf("tensor scale: element %d is %v, need more than 0", j, v)
		}
	}
	return m, nil
}

// Tensors implements learn.Estimator.
func (m *Model) Tensors() []safetensors.Tensor {
	out := network.Of(m.net).Tensors()
	vector := func(name string, v []float64) safetensors.Tensor {
		t := safetensors.Tensor{Name: name, Shape: []int{len(v)}}
		for _, x := range v {
			t.F32 = append(t.F32, float32(x))
		}
		return t
	}
	return append(out, vector("mean", m.mean), vector("scale", m.scale))
}

// Count implements learn.Estimator.
func (m *Model) Count() (params, macs int) {
	params, macs = network.Of(m.net).Count()
	return params + len(m.mean) + len(m.scale), macs
}

// Predictor implements learn.Estimator.
func (m *Model) Predictor() learn.Predictor { return predictor{m.clone()} }

func (m *Model) clone() *Model {
	return &Model{m.mean, m.scale, m.net, m.plan.Clone(), make([]float32, len(m.mean)), make([]float64, len(m.mean))}
}

type predictor struct{ *Model }

// Clone implements learn.Predictor.
func (p predictor) Clone() learn.Predictor { return predictor{p.clone()} }

// Predict implements learn.Predictor: the reconstruction error of x.
func (p predictor) Predict(dst, x []float32) {
	for j, v := range x {
		p.v[j] = float64(v)
	}
	dst[0] = float32(p.Error(p.v))
}
