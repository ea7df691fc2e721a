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
	// run computes y from buf; rows of y that are those of channels are ld apart.
	run     func(s *step, y []float32, ld int)
	in, out Shape
	act     kernel.Act // of convolution and dense layer

	// Weights, shared between clones.
	w, b         []float32 // [kernel·in, out], with time in the lanes [out, kernel·in]
	packed       kernel.Weights
	scale, shift []float32 // of a batch-norm that follows no weights, by kernel.Columns

	m, k   int // steps before pooling, inputs of one; the width of a pool
	stride int // elements between the rows of the im2col view, 0 of a dense layer
	lanes  bool
	taps   kernel.Taps
	moves  bool  // changes the layout and nothing else
	view   *view // of a convolution of images
	width  int   // of a pool of images

	groups kernel.Groups // of a sparse layer, in place of w
	sparse bool
	keep   int // of winners
	// The input of a dense layer comes from a ReLU or from winners and has many
	// zeros; leaving them out pays where rows are long.
	rectified bool
	zeros     bool // the output has many
	channels  []int
	branches  []*Plan
	scratch   int // elements of tmp
	tmp       []float32
	index     []int32

	// The input: size elements, the data from offset on, zeros around it. With ld
	// set each channel has a row, ld apart.
	size, offset, ld int
	buf              []float32
}

// open reports whether the step stores sums of weights to which more can be done.
func (s *step) open() bool { return s.w != nil && !s.act.Pool }

// slides reports whether the step is a convolution of a signal.
func (s *step) slides() bool { return s.stride > 0 && s.view == nil }

// Plan compiles the network's present weights. Later training does not change
// the plan.
//
// A batch-norm after a convolution or dense layer is folded:
// W'[..., o] = W[..., o] s_o and b'_o = (b_o - mean_o) s_o + β_o with
// s_o = γ_o/√(variance_o + ε).
func (n *Network) Plan() *Plan { return n.chain.plan() }

func (c *chain) plan() *Plan {
	p := &Plan{in: c.in, out: c.in}
	if n := len(c.sites); n > 0 {
		p.out = c.sites[n-1].out
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

// fuse returns the steps of the chain with channels last.
func (c *chain) fuse() []step {
	var steps []step
	for _, s := range c.sites {
		op, before := operations[s.Op], &step{}
		if len(steps) > 0 {
			before = &steps[len(steps)-1]
		}
		if op.fuse != nil && op.fuse(s, before) {
			continue
		}
		for _, inner := range s.chains {
			s.plans = append(s.plans, inner.plan())
		}
		t := op.step(s, before)
		t.in, t.out = s.in, s.out
		if t.size == 0 {
			t.size = s.in.Size()
		}
		steps = append(steps, t)
	}
	return steps
}

// affineStep is the step of a layer with weights and perhaps a bias, which it copies.
func affineStep(s site) step {
	t := step{w: slices.Clone(s.params[0].W), b: make([]float32, s.out.C), run: runAffine}
	if len(s.params) > 1 {
		copy(t.b, s.params[1].W)
	}
	return t
}

// declareSparse makes the step one by groups of weights, unless group is 0.
func (s step) declareSparse(group int) step {
	if group > 0 {
		s.sparse, s.groups = true, kernel.NewGroups(nil, 0, 0, group)
		s.size += group // the last group may reach beyond the inputs
	}
	return s
}

func runAffine(s *step, y []float32, ld int) {
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
}

func (p *Plan) allocate() {
	p.y = make([]float32, p.out.Size())
	for i := range p.steps {
		s := &p.steps[i]
		s.buf = make([]float32, s.size)
		s.tmp = make([]float32, s.scratch)
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
			work += s.columns() * s.m * s.groups.Count()
		case s.lanes:
			_, lanes := s.vectors()
			work += lanes
		case s.b != nil:
			rows, _ := s.vectors()
			work += s.columns() * rows
		case s.moves:
			work += changeCost * s.in.Size()
		}
		for _, b := range s.branches {
			work += b.Work()
		}
	}
	return work
}

// columns is how often the step multiplies: once for each column of an image.
func (s *step) columns() int {
	if s.view == nil {
		return 1
	}
	return s.view.out.W
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
	if len(x) != p.in.Size() {
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
		p.steps[i].run(&p.steps[i], next.buf[next.offset:], next.ld)
	}
	p.steps[last].run(&p.steps[last], p.y, 0)
	return p.y
}
