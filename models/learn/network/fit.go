package network

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"brinell/internal/kernel"
	"brinell/models/learn"
	"brinell/models/nn"
)

// Config says how to fit. Zero fields mean the documented defaults.
type Config struct {
	Epochs      int     // default 6
	Batch       int     // default 64
	Optimizer   string  // "adam" (default) or "sgd" (Nesterov momentum 0.9)
	LR          float64 // peak learning rate, default 0.01 for adam, 0.05 for sgd
	WeightDecay float64
	Schedule    nn.Schedule // default nn.Cosine(0.1)
	Sparsity    float64     // λ of the L1 term on batch-norm scales, 0 = none
	Budget      float64     // instead of Sparsity: see Lambda
	Subgradient bool        // add λ sign(γ) to the gradient instead of the proximal step
	Seed        uint64      // of shuffling
	After       func()      // called after each step of the optimizer, to keep what it must not change
	Progress    func(Progress)

	Start  func(Run, []EpochLine) error // called once, with the epochs of Resume
	Epoch  func(EpochLine) error        // called after each epoch
	Keep   func(*Checkpoint) error      // called after each epoch, to save it
	Resume *Checkpoint                  // where to go on, nil from the start
}

// Progress is the state of a fit after a step.
type Progress struct {
	Step, Steps   int
	Epoch, Epochs int
	Loss          float64 // mean over the epoch so far
	Validation    float64 // accuracy, of the last whole epoch
	Held          int     // windows of the validation set
	Elapsed       time.Duration
}

// WithDefaults returns c with the defaults in place of zeros.
func (c Config) WithDefaults() Config {
	if c.Epochs == 0 {
		c.Epochs = 6
	}
	if c.Batch == 0 {
		c.Batch = 64
	}
	if c.Optimizer == "" {
		c.Optimizer = "adam"
	}
	if c.LR == 0 {
		c.LR = 0.01
		if c.Optimizer == "sgd" {
			c.LR = 0.05
		}
	}
	if c.Schedule == nil {
		c.Schedule = nn.Cosine(0.1)
	}
	return c
}

// sparseFrom is the share of training after which the L1 term sets in: scales first
// find out which channels matter.
const sparseFrom = 0.1

// Steps returns how many steps the fit of n windows takes.
func (c Config) Steps(n int) int { return max(1, n/c.WithDefaults().Batch) * c.WithDefaults().Epochs }

// Lambda returns the weight λ of the L1 term for a fit of n windows. With a budget B
// it is so large that the term alone would move a scale by B times the value that
// sparse training starts from,
//
//	λ = B γ₀ / Σ lr_t,
//
// whatever the number of steps and the learning rate: a λ from a paper of long
// training leaves a short run without a single scale near zero. Plain SGD momentum
// m carries a subgradient on, which divides by 1/(1-m).
func (c Config) Lambda(n int) float64 {
	if c.Budget == 0 {
		return c.Sparsity
	}
	c = c.WithDefaults()
	sum, steps := 0.0, c.Steps(n)
	for i := range steps {
		if t := float64(i) / float64(steps); t >= sparseFrom {
			sum += c.LR * c.Schedule(t)
		}
	}
	if sum == 0 {
		return 0 // one step, which is before the term sets in
	}
	if c.Subgradient && c.Optimizer == "sgd" {
		sum /= 1 - momentum
	}
	return c.Budget * gammaInit / sum
}

const momentum = 0.9 // of SGD

func (c Config) optimizer() (nn.Optimizer, error) {
	switch c.Optimizer {
	case "adam":
		return &nn.Adam{WeightDecay: c.WeightDecay}, nil
	case "sgd":
		return &nn.SGD{Momentum: momentum, Nesterov: true, WeightDecay: c.WeightDecay}, nil
	}
	return nil, fmt.Errorf("optimizer %q is neither adam nor sgd", c.Optimizer)
}

// Fit trains net on the windows of a set in place, for the number of epochs that cfg says: the
// last weights are taken, so no part of the data chooses the epoch. It returns
// the accuracy on val, which is measured after every epoch for the progress
// only. The same seed, data and network give the same weights on any number of
// processors of one kind.
func Fit(ctx context.Context, net *nn.Network, set, val learn.Set, cfg Config) (validation float64, err error) {
	cfg = cfg.WithDefaults()
	opt, err := cfg.optimizer()
	if err != nil {
		return 0, err
	}
	if set.Len() < 2 {
		return 0, fmt.Errorf("fit: %d training windows are too few", set.Len())
	}
	cfg.Sparsity = cfg.Lambda(set.Len())
	net.Seed(rand.New(rand.NewPCG(cfg.Seed, 0xd50)))
	f := fitter{net: net, set: set, val: val, cfg: cfg, opt: opt, src: source(cfg.Seed), start: time.Now()}
	f.rng = rand.New(f.src)
	f.order = f.rng.Perm(set.Len())
	f.steps = cfg.Steps(set.Len())
	if err := f.begin(); err != nil {
		return 0, err
	}
	for epoch := len(f.history); epoch < cfg.Epochs; epoch++ {
		if err := f.epoch(ctx, epoch); err != nil {
			return 0, err
		}
	}
	return f.validation(), nil
}

// begin goes to where a checkpoint left off, and tells what is fitted.
func (f *fitter) begin() error {
	if f.cfg.Start == nil && f.cfg.Keep == nil && f.cfg.Resume == nil {
		return nil
	}
	f.settings = runOf(f.net, f.set, f.val, f.cfg)
	if f.cfg.Resume != nil {
		if err := f.resume(f.cfg.Resume); err != nil {
			return err
		}
	}
	if f.cfg.Start == nil {
		return nil
	}
	return f.cfg.Start(f.settings, f.history)
}

// validation returns the accuracy after the last whole epoch, 0 where none is known.
func (f *fitter) validation() float64 {
	if n := len(f.history); n > 0 && f.history[n-1].Validation != nil {
		return *f.history[n-1].Validation
	}
	return 0
}

// epoch passes once over the training windows.
func (f *fitter) epoch(ctx context.Context, epoch int) error {
	batches := max(1, f.set.Len()/f.cfg.Batch)
	f.rng.Shuffle(len(f.order), func(i, j int) { f.order[i], f.order[j] = f.order[j], f.order[i] })
	f.hits = 0
	loss := 0.0
	for b := range batches {
		if err := ctx.Err(); err != nil {
			return err
		}
		// All windows are used: batches differ in size by at most one.
		loss += f.step(f.order[b*len(f.order)/batches : (b+1)*len(f.order)/batches])
		f.report(epoch, loss/float64(b+1))
	}
	line := EpochLine{
		Epoch: epoch + 1, Epochs: f.cfg.Epochs, Step: f.at, Loss: loss / float64(batches),
		Accuracy: float64(f.hits) / float64(f.set.Len()),
		LR:       f.cfg.LR * f.cfg.Schedule(float64(f.at-1)/float64(f.steps)), Seed: f.cfg.Seed,
	}
	if f.val.Len() > 0 {
		v := Accuracy(f.net, f.val)
		line.Validation = &v
	}
	line.Seconds, line.Time = (f.before + time.Since(f.start)).Seconds(), time.Now().UTC().Format(time.RFC3339)
	f.history = append(f.history, line)
	f.report(epoch, line.Loss)
	if f.cfg.Epoch != nil {
		if err := f.cfg.Epoch(line); err != nil {
			return err
		}
	}
	if f.cfg.Keep == nil {
		return nil
	}
	c, err := f.checkpoint()
	if err != nil {
		return err
	}
	return f.cfg.Keep(c)
}

type fitter struct {
	net   *nn.Network
	set   learn.Set
	val   learn.Set
	cfg   Config
	opt   nn.Optimizer
	src   *rand.PCG
	rng   *rand.Rand // on src
	order []int
	x, dz nn.Tensor
	y     []int
	at    int // steps done
	steps int
	hits  int // windows of the epoch that were named rightly as they were trained on
	start time.Time

	settings Run // where a checkpoint or a log needs them
	history  []EpochLine
	before   time.Duration // trained before a resumption
}

// step trains on one batch and returns its loss without the L1 term.
func (f *fitter) step(batch []int) float64 {
	n := len(batch)
	if f.x.N != n {
		f.x, f.dz = nn.NewTensor(n, f.set.X.L, f.set.X.C), nn.NewTensor(n, 1, f.net.Classes)
		f.y = make([]int, n)
	}
	for i, w := range batch {
		copy(f.x.At(i), f.set.X.At(w))
		f.y[i] = f.set.Y[w]
	}
	z := f.net.Forward(f.x, true)
	for i, y := range f.y {
		if nn.Argmax(z.At(i)) == y {
			f.hits++
		}
	}
	loss := nn.CrossEntropy(z, f.y, f.dz)
	f.net.ZeroGrad()
	f.net.Backward(f.dz)
	t := float64(f.at) / float64(f.steps)
	lr := f.cfg.LR * f.cfg.Schedule(t)
	sparse := f.cfg.Sparsity > 0 && t >= sparseFrom
	if sparse && f.cfg.Subgradient {
		addSubgradient(f.net, f.cfg.Sparsity)
	}
	f.opt.Step(f.net.Params(), lr)
	if sparse && !f.cfg.Subgradient {
		shrink(f.net, lr*f.cfg.Sparsity)
	}
	if f.cfg.After != nil {
		f.cfg.After()
	}
	f.at++
	return loss
}

func (f *fitter) report(epoch int, loss float64) {
	if f.cfg.Progress != nil {
		f.cfg.Progress(Progress{f.at, f.steps, epoch + 1, f.cfg.Epochs, loss, f.validation(), f.val.Len(), f.before + time.Since(f.start)})
	}
}

// addSubgradient adds the subgradient of λ Σ|γ| to the gradients of all
// batch-norm scales: λ sign(γ), with sign(0) = 0.
//
// Reference: Z. Liu et al., Network slimming, ICCV 2017, eq. 1.
func addSubgradient(net *nn.Network, lambda float64) {
	for _, p := range net.Params() {
		if p.Role != nn.Gamma {
			continue
		}
		for i, g := range p.W {
			switch {
			case g > 0:
				p.G[i] += float32(lambda)
			case g < 0:
				p.G[i] -= float32(lambda)
			}
		}
	}
}

// shrink is the proximal step of the same term, γ ← sign(γ) max(|γ| - t, 0),
// with t = lr·λ. Unlike the subgradient it reaches zero exactly, and an adaptive
// optimizer does not rescale it.
func shrink(net *nn.Network, t float64) {
	for _, p := range net.Params() {
		if p.Role == nn.Gamma {
			kernel.Shrink(p.W, float32(t))
		}
	}
}

// Accuracy returns the share of the set's windows that a network names rightly.
func Accuracy(net *nn.Network, set learn.Set) float64 {
	hits := 0
	for i, g := range learn.Answers(Of(net), net.Classes, set.X) {
		if g == set.Y[i] {
			hits++
		}
	}
	return float64(hits) / float64(set.Len())
}
