package nn

import (
	"fmt"

	"brinell/internal/kernel"
)

// residual is y = x + body(x), any shape [N, L, C] that the body keeps.
type residual struct {
	body *chain
	d    Tensor // gradient through the body
}

func residualShape(s site) (out Shape, reason string) {
	if body := s.ends[0]; len(s.ends) != 1 || body != s.in {
		return out, fmt.Sprintf("the body must be one and keep the shape %v, not make it %v", s.in, body)
	}
	return s.in, ""
}

func branchBuffers(s site) int { return product(2*len(s.Branches), s.in.elements()) }

func newResidual(s site) layer { return &residual{body: s.chains[0]} }

func residualStep(s site, _ *step) step { return step{branches: s.plans, run: runResidual} }

func runResidual(s *step, y []float32, _ int) {
	copy(y[:s.size], s.buf)
	kernel.Add(y, s.branches[0].Forward(s.buf))
}

func (r *residual) forward(x, y Tensor, train bool) {
	copy(y.Data, x.Data)
	kernel.Add(y.Data, r.body.forward(x, train).Data)
}

// backward: dx = dy + (∂body/∂x)ᵀ dy.
func (r *residual) backward(x, _, dy, dx Tensor) {
	if dx.Data == nil {
		r.body.backward(dy, dx)
		return
	}
	copy(dx.Data, dy.Data)
	r.d = r.d.resize(x.N, x.L, x.C)
	r.body.backward(dy, r.d)
	kernel.Add(dx.Data, r.d.Data)
}

// branches puts the outputs of chains on one input side by side: x [N, L, C],
// y [N, L', ΣC_b].
type branches struct {
	chains []*chain
	dy, d  []Tensor // gradients of each output, and of the input through each
}

func branchesShape(s site) (out Shape, reason string) {
	for i, o := range s.ends {
		if i > 0 && (o.H != out.H || o.W != out.W) {
			return out, fmt.Sprintf("branches of %s and %s steps do not fit side by side", out.span(), o.span())
		}
		out = Shape{o.H, o.W, out.C + o.C}
	}
	return out, ""
}

func newBranches(s site) layer { return &branches{chains: s.chains} }

func branchesStep(s site, _ *step) step { return step{branches: s.plans, run: runBranches} }

func runBranches(s *step, y []float32, _ int) {
	first := 0
	for _, b := range s.branches {
		copyColumns(y[first:], s.out.C, b.Forward(s.buf), b.out.C, b.out.C)
		first += b.out.C
	}
}

func (b *branches) forward(x, y Tensor, train bool) {
	first := 0
	for _, c := range b.chains {
		out := c.forward(x, train)
		copyColumns(y.Data[first:], y.C, out.Data, out.C, out.C)
		first += out.C
	}
}

// backward: dx = Σ_b (∂b/∂x)ᵀ dy_b with dy_b the channels of branch b.
func (b *branches) backward(x, y, dy, dx Tensor) {
	if b.d == nil {
		b.dy, b.d = make([]Tensor, len(b.chains)), make([]Tensor, len(b.chains))
	}
	clear(dx.Data)
	first := 0
	for i, c := range b.chains {
		channels := c.input(len(c.sites)).C
		b.dy[i] = b.dy[i].resize(y.N, y.L, channels)
		copyColumns(b.dy[i].Data, channels, dy.Data[first:], y.C, channels)
		first += channels
		if dx.Data != nil {
			b.d[i] = b.d[i].resize(x.N, x.L, x.C)
		}
		c.backward(b.dy[i], b.d[i])
		if dx.Data != nil {
			kernel.Add(dx.Data, b.d[i].Data)
		}
	}
}

// copyColumns copies the first n columns of src, whose rows are lds long, to dst,
// whose rows are ldd long.
func copyColumns(dst []float32, ldd int, src []float32, lds, n int) {
	for len(src) >= n && len(dst) >= n {
		copy(dst[:n], src)
		dst, src = dst[min(ldd, len(dst)):], src[min(lds, len(src)):]
	}
}

// selection passes some channels on: x [N, L, C], y [N, L, len(selection)].
type selection []int

func selectShape(s site) (out Shape, reason string) {
	for i, c := range s.Channels {
		if c < 0 || c >= s.in.C || i > 0 && c <= s.Channels[i-1] {
			return out, fmt.Sprintf("channels must ascend in 0..%d", s.in.C-1)
		}
	}
	if len(s.Channels) == 0 {
		return out, "no channels"
	}
	return Shape{s.in.H, s.in.W, len(s.Channels)}, ""
}

func newSelection(s site) layer { return selection(s.Channels) }

func selectStep(s site, _ *step) step {
	return step{channels: s.Channels, run: func(s *step, y []float32, _ int) { pick(y, s.buf, s.channels, s.in.C) }}
}

func (s selection) forward(x, y Tensor, _ bool) { pick(y.Data, x.Data, s, x.C) }

// pick fills the rows of y with the channels s of the rows of x, c wide.
func pick(y, x []float32, s []int, c int) {
	for ; len(x) >= c && len(y) >= len(s); x, y = x[c:], y[len(s):] {
		for j, from := range s {
			y[j] = x[from]
		}
	}
}

// backward: the gradient of a channel that was left out is zero.
func (s selection) backward(x, y, dy, dx Tensor) {
	clear(dx.Data)
	for row := 0; row*x.C < len(dx.Data); row++ {
		for j, to := range s {
			dx.Data[row*x.C+to] = dy.Data[row*y.C+j]
		}
	}
}
