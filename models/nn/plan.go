package nn

import (
	"brinell/internal/kernel"
)

// Plan is a network compiled for inference: batch-norm folded into the weights
// before it, dropout gone, buffers allocated once. A Plan is not safe for
// concurrent use; Clone gives another one on the same weights.
type Plan struct {
	in    Shape
	steps []step
}

// step is a convolution, dense layer (one output step) or pool, with its own
// output buffer.
type step struct {
	op      Op
	in, out Shape
	w       []float32 // [kernel·in, out], shared between clones
	b       []float32 // [out], shared
	row     int       // kernel·in.C, or in.size() for dense
	stride  int       // elements between the rows of the im2col view
	offset  int       // elements of padding before the signal
	relu    bool
	k       int       // width of a pool
	padded  []float32 // input with padding; nil where there is none
	y       []float32
	scale   []float32 // of a batch-norm that follows no weights
	shift   []float32
}

// Plan compiles the network's present weights. Later training does not change
// the plan.
//
// A batch-norm after a convolution or dense layer is folded:
// W'[..., o] = W[..., o] s_o and b'_o = (b_o - mean_o) s_o + β_o with
// s_o = γ_o/√(variance_o + ε).
func (n *Network) Plan() *Plan {
	p := &Plan{in: n.Spec.Input}
	in := n.Spec.Input
	for i, l := range n.Spec.Layers {
		out := n.shapes[i]
		var last *step
		if len(p.steps) > 0 {
			last = &p.steps[len(p.steps)-1]
		}
		switch l.Op {
		case OpConv, OpDense, OpLogits:
			p.steps = append(p.steps, n.affine(i, l, in, out))
		case OpBatchNorm:
			scale, shift := n.scaleShift(i)
			if last != nil && last.w != nil && !last.relu {
				last.fold(scale, shift)
			} else {
				p.steps = append(p.steps, step{op: l.Op, in: in, out: out, scale: scale, shift: shift})
			}
		case OpReLU:
			if last != nil && last.op != OpReLU && last.op != OpMaxPool && last.op != OpAvgPool {
				last.relu = true
			} else {
				p.steps = append(p.steps, step{op: l.Op, in: in, out: out})
			}
		case OpMaxPool, OpAvgPool:
			p.steps = append(p.steps, step{op: l.Op, in: in, out: out, k: l.Kernel})
		}
		in = out
	}
	p.allocate()
	return p
}

func (n *Network) affine(i int, l Layer, in, out Shape) step {
	s := step{op: l.Op, in: in, out: out, b: make([]float32, out.C)}
	s.w = append(s.w, n.Param(i, Weight).W...)
	if b := n.Param(i, Bias); b != nil {
		copy(s.b, b.W)
	}
	if l.Op == OpConv {
		before, after := l.padding(in.L)
		s.row, s.stride, s.offset = l.Kernel*in.C, l.Stride*in.C, before*in.C
		if before+after > 0 {
			s.padded = make([]float32, (before+in.L+after)*in.C)
		}
	} else {
		s.row = in.size()
	}
	return s
}

func (n *Network) scaleShift(i int) (scale, shift []float32) {
	gamma, beta := n.Param(i, Gamma).W, n.Param(i, Beta).W
	mean, va := n.Param(i, Mean).W, n.Param(i, Variance).W
	scale, shift = make([]float32, len(gamma)), make([]float32, len(gamma))
	for c := range gamma {
		scale[c] = gamma[c] * invSqrt(float64(va[c]))
		shift[c] = beta[c] - mean[c]*scale[c]
	}
	return scale, shift
}

func (s *step) fold(scale, shift []float32) {
	for i := range s.w {
		s.w[i] *= scale[i%s.out.C]
	}
	for o := range s.b {
		s.b[o] = s.b[o]*scale[o] + shift[o]
	}
}

func (p *Plan) allocate() {
	for i := range p.steps {
		s := &p.steps[i]
		s.y = make([]float32, s.out.size())
		if s.padded != nil {
			s.padded = make([]float32, len(s.padded))
		}
	}
}

// Clone returns a plan that shares p's weights and has its own buffers.
func (p *Plan) Clone() *Plan {
	c := &Plan{in: p.in, steps: append([]step(nil), p.steps...)}
	c.allocate()
	return c
}

// Classes returns the number of logits.
func (p *Plan) Classes() int { return p.steps[len(p.steps)-1].out.C }

// Forward returns the logits of one window x of L·C elements, time-major. The
// result belongs to the plan and is valid until the next call. It allocates
// nothing, and panics if x has another length.
func (p *Plan) Forward(x []float32) []float32 {
	if len(x) != p.in.size() {
		panic("nn: input length does not match the plan")
	}
	for i := range p.steps {
		s := &p.steps[i]
		s.forward(x)
		x = s.y
	}
	return x
}

func (s *step) forward(x []float32) {
	switch s.op {
	case OpConv, OpDense, OpLogits:
		if s.padded != nil {
			copy(s.padded[s.offset:], x)
			x = s.padded
		}
		kernel.Affine(s.out.L, s.out.C, s.row, x, s.stride, s.w, s.b, s.y, kernel.Act{})
	case OpBatchNorm:
		for i, v := range x {
			s.y[i] = v*s.scale[i%s.in.C] + s.shift[i%s.in.C]
		}
	case OpReLU:
		kernel.ReLU(s.y, x)
	case OpMaxPool:
		maxPoolWindow(s.y, x, nil, s.k, s.in.C)
	case OpAvgPool:
		avgPoolWindow(s.y, x, s.k, s.in.C)
	}
	if s.relu {
		kernel.ReLU(s.y, s.y)
	}
}
