package nn

import (
	"math/rand/v2"

	"brinell/internal/kernel"
)

// relu is y = max(0, x), any shape. After another layer it works in place. A
// batch-norm before it and a max-pool of pairs after it do it in their own passes.
type relu struct{ done, doneBack bool }

// fuse tells neighbours what they do for each other.
func fuse(before, after layer) {
	if b, ok := before.(*batchNorm); ok {
		if r, ok := after.(*relu); ok {
			b.relu, r.done = true, true
		}
	}
	if r, ok := before.(*relu); ok {
		if p, ok := after.(*maxPool); ok && p.k == 2 {
			p.relu, r.doneBack = true, true
		}
	}
}

func (*relu) params() []*Param { return nil }

func (r *relu) forward(x, y Tensor, _ bool) {
	if r.done {
		return
	}
	shard(x.N, func(_, lo, hi int) { kernel.ReLU(y.windows(lo, hi), x.windows(lo, hi)) })
}

// backward: dx = dy where y > 0, else 0.
func (r *relu) backward(_, y, dy, dx Tensor) {
	if dx.Data == nil || r.doneBack {
		return
	}
	shard(y.N, func(_, lo, hi int) {
		kernel.ReLUBack(dx.windows(lo, hi), y.windows(lo, hi), dy.windows(lo, hi))
	})
}

// dropout sets a share of x to zero in training and scales the rest by
// 1/(1-rate), so that the expectation stays.
//
// Reference: N. Srivastava et al., Dropout, JMLR 15 (2014) 1929-1958.
type dropout struct {
	rate  float64
	src   *rand.PCG
	rng   *rand.Rand // on src
	scale []float32  // of the last forward: 0 or 1/(1-rate) per element
}

func (*dropout) params() []*Param { return nil }

func (d *dropout) seed(rng *rand.Rand) {
	d.src = rand.NewPCG(rng.Uint64(), rng.Uint64())
	d.rng = rand.New(d.src)
}

func (d *dropout) forward(x, y Tensor, train bool) {
	if !train || d.rate == 0 {
		d.scale = d.scale[:0]
		copy(y.Data, x.Data)
		return
	}
	if d.rng == nil {
		panic("nn: training a network with dropout needs a random source")
	}
	// One stream for the whole batch: the mask must not depend on sharding.
	d.scale = d.scale[:0]
	keep := float32(1 / (1 - d.rate))
	for _, v := range x.Data {
		s := keep
		if d.rng.Float64() < d.rate {
			s = 0
		}
		y.Data[len(d.scale)] = v * s
		d.scale = append(d.scale, s)
	}
}

func (d *dropout) backward(_, _, dy, dx Tensor) {
	if dx.Data == nil {
		return
	}
	copy(dx.Data, dy.Data)
	for i, s := range d.scale {
		dx.Data[i] *= s
	}
}
