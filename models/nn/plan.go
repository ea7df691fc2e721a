package nn

import (
	"brinell/internal/kernel"
)

// Plan is a network compiled for inference on the kernels in use: batch-norm
// folded into the weights before it, ReLU and pooling into the store, dropout
// gone, buffers allocated once. A Plan is not safe for concurrent use; Clone gives
// another one on the same weights.
type Plan struct {
	in    Shape
	steps []step
	y     []float32 // logits
}

// step is one operation of a plan. It reads its input from buf, where the step
// before has written it.
type step struct {
	op      Op // of the layer, or one of the two transpositions
	in, out Shape
	act     kernel.Act // of convolution and dense layer

	// Weights, shared between clones.
	w, b         []float32 // [kernel·in, out], with time in the lanes [out, kernel·in]
	packed       kernel.Weights
	scale, shift []float32 // of a batch-norm that follows no weights, by kernel.Columns

	m, k   int // steps before pooling, inputs of one; the width of a pool
	stride int // elements between the rows of the im2col view
	lanes  bool
	taps   kernel.Taps

	// The input: size elements, the data from offset on, zeros around it. With ld
	// set each channel has a row, ld apart.
	size, offset, ld int
	buf              []float32
}

// The operations that change the layout.
const (
	opToLanes Op = "to lanes" // rows of stride·channels to one row each
	opToRows  Op = "to rows"  // channels' rows to channels last
)

// Plan compiles the network's present weights. Later training does not change
// the plan.
//
// A batch-norm after a convolution or dense layer is folded:
// W'[..., o] = W[..., o] s_o and b'_o = (b_o - mean_o) s_o + β_o with
// s_o = γ_o/√(variance_o + ε).
func (n *Network) Plan() *Plan {
	p := &Plan{in: n.Spec.Input, y: make([]float32, n.Classes)}
	p.steps = arrange(n.fuse())
	for i := range p.steps {
		if s := &p.steps[i]; s.w != nil && !s.lanes {
			s.packed = s.packed.Pack(s.w, s.m, s.k, len(s.b))
		}
	}
	p.allocate()
	return p
}

// fuse returns the steps of the network with channels last.
func (n *Network) fuse() []step {
	var steps []step
	in := n.Spec.Input
	for i, l := range n.Spec.Layers {
		out := n.shapes[i]
		last := &step{}
		if len(steps) > 0 {
			last = &steps[len(steps)-1]
		}
		affine := last.w != nil && !last.act.Pool
		switch {
		case l.Op == OpDropout:
		case l.Op == OpConv || l.Op == OpDense || l.Op == OpLogits:
			steps = append(steps, n.affine(i, l, in, out))
		case l.Op == OpBatchNorm && affine && !last.act.ReLU:
			last.fold(n.scaleShift(i))
		case l.Op == OpReLU && affine:
			last.act.ReLU = true
		case l.Op == OpMaxPool && l.Kernel == 2 && affine && last.op == OpConv:
			last.act.Pool = true
			last.out = out
		default:
			s := step{op: l.Op, in: in, out: out, k: l.Kernel, size: in.size()}
			if l.Op == OpBatchNorm {
				scale, shift := n.scaleShift(i)
				s.scale, s.shift = kernel.Columns(nil, scale), kernel.Columns(nil, shift)
			}
			steps = append(steps, s)
		}
		in = out
	}
	return steps
}

func (n *Network) affine(i int, l Layer, in, out Shape) step {
	s := step{op: l.Op, in: in, out: out, b: make([]float32, out.C), m: out.L, k: in.size(), size: in.size()}
	s.w = append(s.w, n.Param(i, Weight).W...)
	if b := n.Param(i, Bias); b != nil {
		copy(s.b, b.W)
	}
	if l.Op == OpConv {
		before, after := l.padding(in.L)
		s.k, s.stride = l.Kernel*in.C, l.Stride*in.C
		s.offset, s.size = before*in.C, (before+in.L+after)*in.C
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
		s.buf = make([]float32, s.size)
	}
}

// Clone returns a plan that shares p's weights and has its own buffers.
func (p *Plan) Clone() *Plan {
	c := &Plan{in: p.in, steps: append([]step(nil), p.steps...), y: make([]float32, len(p.y))}
	c.allocate()
	return c
}

// Classes returns the number of logits.
func (p *Plan) Classes() int { return len(p.y) }

// Forward returns the logits of one window x of L·C elements, time-major. The
// result belongs to the plan and is valid until the next call. It allocates
// nothing, and panics if x has another length.
func (p *Plan) Forward(x []float32) []float32 {
	if len(x) != p.in.size() {
		panic("nn: input length does not match the plan")
	}
	copy(p.steps[0].buf[p.steps[0].offset:], x)
	last := len(p.steps) - 1
	for i := range last {
		next := &p.steps[i+1]
		p.steps[i].run(next.buf[next.offset:], next.ld)
	}
	p.steps[last].run(p.y, 0)
	return p.y
}

// run computes the step from its buf to y, whose rows are ld apart if they are
// those of channels.
func (s *step) run(y []float32, ld int) {
	switch s.op {
	case OpConv, OpDense, OpLogits:
		if s.lanes {
			kernel.AffineLanes(len(s.b), s.m, s.w, s.buf, s.taps, s.b, y, ld, s.act)
		} else {
			kernel.Affine(s.m, s.buf, s.stride, s.packed, s.b, y, s.act)
		}
	case OpBatchNorm:
		kernel.Scale(y, s.buf, s.scale, s.shift, false)
	case OpReLU:
		kernel.ReLU(y, s.buf)
	case OpMaxPool:
		maxPoolWindow(y[:s.out.size()], s.buf, nil, s.k, s.in.C)
	case OpAvgPool:
		avgPoolWindow(y[:s.out.size()], s.buf, s.k, s.in.C)
	case opToLanes:
		kernel.Transpose(s.m, s.k, s.buf, y, ld)
	case opToRows:
		kernel.Transpose(s.in.C, s.in.L, s.buf, y, s.in.C)
	}
}
