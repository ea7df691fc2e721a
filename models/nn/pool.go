package nn

import (
	"fmt"

	"brinell/internal/kernel"
)

// maxPool takes the maximum of each k consecutive steps, per channel. Steps
// beyond the last whole group are left out. Shapes: x [N, L, C], y [N, ⌊L/k⌋, C].
type maxPool struct {
	k    int
	relu bool    // the gradient of the ReLU before it is taken here
	arg  []uint8 // which of the k steps won, as many as y has elements; k = 2 asks x
}

func poolShape(s site) (out Shape, reason string) {
	if s.Kernel < 1 || s.Kernel > s.in.H || s.Kernel > 256 {
		return out, fmt.Sprintf("width %d must lie in 1..256 and not exceed the input's %d steps", s.Kernel, s.in.H)
	}
	return Signal(s.in.H/s.Kernel, s.in.C), ""
}

func newMaxPool(s site) layer { return &maxPool{k: s.Kernel} }

// joinMaxPool takes the gradient of a ReLU before a pool of pairs.
func joinMaxPool(before, l layer) {
	if r, ok := before.(*relu); ok {
		if p := l.(*maxPool); p.k == 2 {
			p.relu, r.doneBack = true, true
		}
	}
}

// fuseMaxPool pools pairs where a convolution stores its sums.
func fuseMaxPool(s site, before *step) bool {
	if s.Kernel != 2 || !before.open() || !before.slides() || before.sparse {
		return false
	}
	before.act.Pool, before.out = true, s.out
	return true
}

func maxPoolStep(s site, _ *step) step {
	return step{k: s.Kernel, run: func(s *step, y []float32, _ int) {
		maxPoolWindow(y[:s.out.Size()], s.buf, nil, s.k, s.in.C)
	}}
}

func (p *maxPool) forward(x, y Tensor, _ bool) {
	if p.k == 2 {
		shard(x.N, func(_, lo, hi int) {
			for n := lo; n < hi; n++ {
				kernel.MaxPool2(y.At(n), x.At(n), x.C)
			}
		})
		return
	}
	if len(p.arg) < len(y.Data) {
		p.arg = make([]uint8, len(y.Data))
	}
	shard(x.N, func(_, lo, hi int) {
		for n := lo; n < hi; n++ {
			maxPoolWindow(y.At(n), x.At(n), p.arg[n*y.L*y.C:(n+1)*y.L*y.C], p.k, x.C)
		}
	})
}

// maxPoolWindow pools one window; arg may be nil. The first of equals wins, and
// a NaN never wins against what stands before it.
func maxPoolWindow(y, x []float32, arg []uint8, k, c int) {
	for o := 0; o < len(y); o += c {
		rows := x[o*k:]
		for j := range c {
			best, at := rows[j], 0
			for i := 1; i < k; i++ {
				if v := rows[i*c+j]; v > best {
					best, at = v, i
				}
			}
			y[o+j] = best
			if arg != nil {
				arg[o+j] = uint8(at)
			}
		}
	}
}

// backward: the gradient goes to the step that won.
func (p *maxPool) backward(x, y, dy, dx Tensor) {
	if dx.Data == nil {
		return
	}
	shard(x.N, func(_, lo, hi int) {
		for n := lo; n < hi; n++ {
			if p.k == 2 {
				pooled := 2 * y.L * y.C // the odd step at the end has no part
				kernel.MaxPool2Back(dx.At(n)[:pooled], x.At(n), dy.At(n), x.C, p.relu)
				clear(dx.At(n)[pooled:])
				continue
			}
			dyn, dxn, arg := dy.At(n), dx.At(n), p.arg[n*y.L*y.C:]
			clear(dxn)
			for o := 0; o < len(dyn); o += x.C {
				for j := range x.C {
					dxn[o*p.k+int(arg[o+j])*x.C+j] = dyn[o+j]
				}
			}
		}
	})
}

// avgPool takes the mean of each k consecutive steps, per channel. Steps beyond
// the last whole group are left out. Shapes: x [N, L, C], y [N, ⌊L/k⌋, C].
type avgPool struct{ k int }

func newAvgPool(s site) layer { return avgPool{k: s.Kernel} }

func avgPoolStep(s site, _ *step) step {
	return step{k: s.Kernel, run: func(s *step, y []float32, _ int) {
		avgPoolWindow(y[:s.out.Size()], s.buf, s.k, s.in.C)
	}}
}

func (p avgPool) forward(x, y Tensor, _ bool) {
	shard(x.N, func(_, lo, hi int) {
		for n := lo; n < hi; n++ {
			avgPoolWindow(y.At(n), x.At(n), p.k, x.C)
		}
	})
}

func avgPoolWindow(y, x []float32, k, c int) {
	scale := 1 / float32(k)
	for o := 0; o < len(y); o += c {
		rows := x[o*k:]
		for j := range c {
			var sum float32
			for i := range k {
				sum += rows[i*c+j]
			}
			y[o+j] = sum * scale
		}
	}
}

func (p avgPool) backward(x, _, dy, dx Tensor) {
	if dx.Data == nil {
		return
	}
	scale := 1 / float32(p.k)
	shard(x.N, func(_, lo, hi int) {
		for n := lo; n < hi; n++ {
			dyn, dxn := dy.At(n), dx.At(n)
			clear(dxn)
			for o := 0; o < len(dyn); o += x.C {
				for i := range p.k {
					for j := range x.C {
						dxn[o*p.k+i*x.C+j] = dyn[o+j] * scale
					}
				}
			}
		}
	})
}
