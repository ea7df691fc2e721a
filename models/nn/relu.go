package nn

import "brinell/internal/kernel"

// relu is y = max(0, x), any shape. After another layer it works in place. A
// batch-norm before it and a max-pool of pairs after it do it in their own passes.
type relu struct{ done, doneBack bool }

func newReLU(site) layer { return &relu{} }

// joinReLU leaves the ReLU to a batch-norm before it.
func joinReLU(before, l layer) {
	if b, ok := before.(*batchNorm); ok {
		b.relu, l.(*relu).done = true, true
	}
}

// fuseReLU does it where the step before stores its sums.
func fuseReLU(_ site, before *step) bool {
	if !before.open() {
		return false
	}
	before.act.ReLU, before.zeros = true, true
	return true
}

func reluStep(site, *step) step {
	return step{zeros: true, run: func(s *step, y []float32, _ int) { kernel.ReLU(y, s.buf) }}
}

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
