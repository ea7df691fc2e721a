package nn

import (
	"slices"

	"brinell/internal/kernel"
)

// Plan is a network compiled for inference on the kernels in use: batch-norm
// folded into the weights before it, ReLU and pooling into the store, dropout
// gone, buffers allocated once. A Plan is not safe for concurrent use; Clone gives
// another one on the same weights.
type Plan struct {
	in, out Shape
	steps   []step
	y       []float32 // logits, or what a branch gives
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

	groups kernel.Groups // of a sparse layer, in place of w
	sparse bool
	keep   int // of winners
	// The input of a dense layer comes from a ReLU or from winners and has many
	// zeros; leaving them out pays where rows are long.
	rectified bool
	channels  []int
	branches  []*Plan
	tmp       []float32
	index     []int32

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
func (n *Network) Plan() *Plan { return n.chain.plan() }

func (c *chain) plan() *Plan {
	p := &Plan{in: c.in, out: c.in}
	if len(c.shapes) > 0 {
		p.out = c.shapes[len(c.shapes)-1]
	}
	p.steps = arrange(c.fuse())
	for i := range p.steps {
		s := &p.steps[i]
		switch {
		case s.sparse:
			s.groups = kernel.NewGroups(s.w, s.k, len(s.b), s.groups.Width())
			s.w = nil
		case s.w != nil && !s.lanes && !s.rectified:
			s.packed = s.packed.Pack(s.w, s.m, s.k, len(s.b))
		}
	}
	p.allocate()
	return p
}

// leastRectified is the number of weights from which leaving out zero inputs pays, by
// BenchmarkMatvec: half of them gone, 64 x 64 weights take as long and 128 x 128 two
// thirds of the time.
const leastRectified = 1 << 13

// fuse returns the steps of the chain with channels last.
func (c *chain) fuse() []step {
	var steps []step
	in := c.in
	for i, l := range c.specs {
		out := c.shapes[i]
		last := &step{}
		if len(steps) > 0 {
			last = &steps[len(steps)-1]
		}
		affine := last.w != nil && !last.act.Pool
		switch {
		case l.Op == OpDropout:
		case l.Op == OpConv || l.Op == OpDense || l.Op == OpLogits:
			s := c.affine(i, l, in, out)
			s.rectified = l.Op != OpConv && l.Group == 0 && s.k*len(s.b) >= leastRectified && (last.op == OpWinners || last.op == OpReLU || last.act.ReLU)
			steps = append(steps, s)
		case l.Op == OpBatchNorm && affine && !last.act.ReLU:
			last.fold(c.scaleShift(i))
		case l.Op == OpReLU && affine:
			last.act.ReLU = true
		case l.Op == OpMaxPool && l.Kernel == 2 && affine && last.op == OpConv && !last.sparse:
			last.act.Pool = true
			last.out = out
		default:
			steps = append(steps, c.plain(i, l, in, out))
		}
		in = out
	}
	return steps
}

// plain is the step of a layer without weights that matter.
func (c *chain) plain(i int, l Layer, in, out Shape) step {
	s := step{op: l.Op, in: in, out: out, k: l.Kernel, size: in.size(), channels: l.Channels}
	switch n := c.layers[i].(type) {
	case *batchNorm:
		scale, shift := c.scaleShift(i)
		s.scale, s.shift = kernel.Columns(nil, scale), kernel.Columns(nil, shift)
	case *nodes:
		s.scale, s.shift = kernel.Columns(nil, n.alpha.W), n.none
	case *winners:
		s.keep = winnersOf(n.rate, in.size())
	case *residual:
		s.branches = []*Plan{n.body.plan()}
	case *branches:
		for _, b := range n.chains {
			s.branches = append(s.branches, b.plan())
		}
	}
	return s
}

func (c *chain) affine(i int, l Layer, in, out Shape) step {
	s := step{op: l.Op, in: in, out: out, b: make([]float32, out.C), m: out.L, k: in.size(), size: in.size()}
	var w, b *Param
	switch n := c.layers[i].(type) {
	case *conv:
		w, b = n.w, n.b
	case *dense:
		w, b = n.w, n.b
	}
	s.w = append(s.w, w.W...)
	if b != nil {
		copy(s.b, b.W)
	}
	if l.Op == OpConv {
		before, after := l.padding(in.L)
		s.k, s.stride = l.Kernel*in.C, l.Stride*in.C
		s.offset, s.size = before*in.C, (before+in.L+after)*in.C
	}
	if l.Group > 0 {
		s.sparse, s.groups = true, kernel.NewGroups(nil, 0, 0, l.Group)
		s.size += l.Group // the last group may reach beyond the inputs
	}
	return s
}

func (c *chain) scaleShift(i int) (scale, shift []float32) {
	n := c.layers[i].(*batchNorm)
	gamma, beta, mean, va := n.gamma.W, n.beta.W, n.mean.W, n.va.W
	scale, shift = make([]float32, len(gamma)), make([]float32, len(gamma))
	for j := range gamma {
		scale[j] = gamma[j] * invSqrt(float64(va[j]))
		shift[j] = beta[j] - mean[j]*scale[j]
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
	p.y = make([]float32, p.out.size())
	for i := range p.steps {
		s := &p.steps[i]
		s.buf = make([]float32, s.size)
		if s.op == OpWinners {
			s.tmp = make([]float32, s.size)
		}
		if s.rectified {
			s.index = make([]int32, s.k)
		}
	}
}

// Work returns how many vector multiply-adds, and moves between layouts counted as
// such, one window takes on the kernels in use. Time follows it more closely than it
// follows multiply-accumulates: a vector that is not full costs as much as a full
// one.
func (p *Plan) Work() (work int) {
	for i := range p.steps {
		s := &p.steps[i]
		switch {
		case s.sparse:
			work += s.m * s.groups.Count()
		case s.lanes:
			_, lanes := s.vectors()
			work += lanes
		case s.b != nil:
			rows, _ := s.vectors()
			work += rows
		case s.op == opToLanes || s.op == opToRows:
			work += changeCost * s.in.size()
		}
		for _, b := range s.branches {
			work += b.Work()
		}
	}
	return work
}

// Clone returns a plan that shares p's weights and has its own buffers.
func (p *Plan) Clone() *Plan {
	c := &Plan{in: p.in, out: p.out, steps: slices.Clone(p.steps)}
	for i := range c.steps {
		s := &c.steps[i]
		s.branches = slices.Clone(s.branches)
		for j, b := range s.branches {
			s.branches[j] = b.Clone()
		}
	}
	c.allocate()
	return c
}

// Input returns the shape of one window.
func (p *Plan) Input() Shape { return p.in }

// Classes returns the number of logits.
func (p *Plan) Classes() int { return len(p.y) }

// Forward returns the logits of one window x of L·C elements, time-major. The
// result belongs to the plan and is valid until the next call. It allocates
// nothing, and panics if x has another length.
func (p *Plan) Forward(x []float32) []float32 {
	if len(x) != p.in.size() {
		panic("nn: input length does not match the plan")
	}
	if len(p.steps) == 0 {
		copy(p.y, x)
		return p.y
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
		switch {
		case s.sparse:
			kernel.AffineGroups(s.m, s.buf, s.stride, s.groups, s.b, y, s.act.ReLU)
		case s.lanes:
			kernel.AffineLanes(len(s.b), s.m, s.w, s.buf, s.taps, s.b, y, ld, s.act)
		case s.rectified:
			kernel.AffineNonzero(s.buf, s.w, s.b, y[:len(s.b)], s.act.ReLU, s.index)
		default:
			kernel.Affine(s.m, s.buf, s.stride, s.packed, s.b, y, s.act)
		}
	case OpBatchNorm, OpNodes:
		kernel.Scale(y, s.buf, s.scale, s.shift, false)
	case OpReLU:
		kernel.ReLU(y, s.buf)
	case OpMaxPool:
		maxPoolWindow(y[:s.out.size()], s.buf, nil, s.k, s.in.C)
	case OpAvgPool:
		avgPoolWindow(y[:s.out.size()], s.buf, s.k, s.in.C)
	case OpSelect:
		pick(y, s.buf, s.channels, s.in.C)
	case OpWinners:
		selectWinners(y[:s.size], s.buf, s.keep, s.tmp)
	case OpResidual:
		copy(y[:s.size], s.buf)
		kernel.Add(y, s.branches[0].Forward(s.buf))
	case OpBranches:
		first := 0
		for _, b := range s.branches {
			copyColumns(y[first:], s.out.C, b.Forward(s.buf), b.out.C, b.out.C)
			first += b.out.C
		}
	case opToLanes:
		kernel.Transpose(s.m, s.k, s.buf, y, ld)
	case opToRows:
		kernel.Transpose(s.in.C, s.in.L, s.buf, y, s.in.C)
	}
}
