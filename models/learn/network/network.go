// Package network is the learner of package nn's networks: Fit trains one, epoch by
// epoch, and a model file holds its parameters, those that are mostly zero as groups.
package network

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"

	"brinell/models/learn"
	"brinell/models/nn"
	"brinell/models/safetensors"
)

// Learner is the row of the table.
var Learner = learn.Learner{
	Name: "network", Doc: "a network of convolutions and dense layers, trained by gradient descent",
	Source: "package nn; the architectures are those of brinell specs list",
	Tasks:  []learn.Task{learn.Classify},
	New:    func() learn.Settings { return new(Settings) },
}

// Settings are an architecture, and how to train it. Of the training a model file says
// what Training does.
type Settings struct {
	nn.Spec
	Config Config `json:"-"`
}

// Check implements learn.Settings.
func (s *Settings) Check(p learn.Problem) error {
	if s.Input != p.Input {
		return fmt.Errorf("the spec takes %v, the preprocessing gives %v", s.Input, p.Input)
	}
	_, err := s.Shapes(p.Outputs)
	return err
}

// Fit implements learn.Settings.
func (s *Settings) Fit(ctx context.Context, p learn.Problem, set learn.Set, o learn.Options) (learn.Estimator, error) {
	if err := s.Check(p); err != nil {
		return nil, err
	}
	cfg := s.Config
	cfg.Seed = o.Seed
	net, err := New(s.Spec, p.Outputs, set.Len(), cfg)
	if err != nil {
		return nil, err
	}
	if cfg.Progress == nil && o.Progress != nil {
		cfg.Progress = func(p Progress) { o.Progress(p.Step, p.Steps) }
	}
	_, err = Fit(ctx, net, set, o.Validation, cfg)
	return Of(net), err
}

// gammaInit is where batch-norm scales begin when they are to be made sparse.
//
// Reference: Z. Liu et al., Network slimming, ICCV 2017, sec. 4.3.
const gammaInit = 0.5

// New returns a network of the spec with the random weights of the seed, for a fit of
// that many rows.
func New(spec nn.Spec, classes, rows int, cfg Config) (*nn.Network, error) {
	net, err := nn.New(spec, classes, rand.New(rand.NewPCG(cfg.Seed, 0x5eed)))
	if err != nil || cfg.Lambda(rows) == 0 {
		return net, err
	}
	for _, p := range net.Params() {
		if p.Role == nn.Gamma {
			for i := range p.W {
				p.W[i] = gammaInit
			}
		}
	}
	return net, nil
}

// Estimator is a network as an estimator.
type Estimator struct{ net *nn.Network }

// Of returns the estimator of a network.
func Of(net *nn.Network) *Estimator { return &Estimator{net} }

// Network returns the network itself, which pruning works on.
func (e *Estimator) Network() *nn.Network { return e.net }

// Reads reports whether the network reads that value of its input: all, unless its first
// layer selects.
func (e *Estimator) Reads(value int) bool {
	first := e.net.Spec.Layers[0]
	return first.Op != nn.OpSelect || slices.Contains(first.Channels, value%e.net.Spec.Input.C)
}

// Count implements learn.Estimator.
func (e *Estimator) Count() (params, macs int) {
	_, total := e.net.Spec.Counts(e.net.Classes)
	return total.Params, total.MACs
}

// Predictor implements learn.Estimator: it compiles the present weights.
func (e *Estimator) Predictor() learn.Predictor { return predictor{e.net.Plan()} }

type predictor struct{ plan *nn.Plan }

func (p predictor) Predict(dst, x []float32) { copy(dst, p.plan.Forward(x)) }

func (p predictor) Clone() learn.Predictor { return predictor{p.plan.Clone()} }

// Tensors implements learn.Estimator.
func (e *Estimator) Tensors() (out []safetensors.Tensor) {
	for _, p := range e.net.Params() {
		if g, ok := groups(e.net.Spec, p); ok {
			out = append(out, groupTensors(p.Name(), g)...)
			continue
		}
		out = append(out, safetensors.Tensor{Name: p.Name(), Shape: p.Shape, F32: p.W})
	}
	return out
}

// Restore implements learn.Settings. What can be refused is, by what the file holds,
// before the network takes memory.
func (s *Settings) Restore(p learn.Problem, f *safetensors.File) (learn.Estimator, error) {
	_, total := s.Counts(p.Outputs)
	if total.Params*4 > expansion(f)*f.Bytes() {
		return nil, fmt.Errorf("the spec has %d parameters, the file holds %d bytes", total.Params, f.Bytes())
	}
	params := s.Params(p.Outputs)
	fill := make([]func(w []float32), len(params))
	for i, param := range params {
		var err error
		if f.Has(param.Name() + startsSuffix) {
			if fill[i], err = readGroups(s.Spec, param, f); err != nil {
				return nil, err
			}
			continue
		}
		b, err := f.Float32(param.Name(), param.Shape...)
		if err != nil {
			return nil, err
		}
		if param.Role == nn.Variance && b.Least() < 0 {
			return nil, fmt.Errorf("tensor %s: negative variance", param.Name())
		}
		fill[i] = b.Fill
	}
	// The other tensors are read before the network is made, by whom they belong to.
	net, err := nn.New(s.Spec, p.Outputs, nil)
	if err != nil {
		return nil, err
	}
	for i, param := range net.Params() {
		fill[i](param.W)
	}
	return Of(net), nil
}
