package nn

import "brinell/internal/kernel"

// residual is y = x + body(x), any shape [N, L, C] that the body keeps.
type residual struct {
	body *chain
	d    Tensor // gradient through the body
}

func (r *residual) params() []*Param { return r.body.all }

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

func (b *branches) params() []*Param {
	var all []*Param
	for _, c := range b.chains {
		all = append(all, c.all...)
	}
	return all
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
		channels := c.input(len(c.layers)).C
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

func (selection) params() []*Param { return nil }

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
