package nn

import "brinell/internal/kernel"

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
