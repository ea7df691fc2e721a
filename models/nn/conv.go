package nn

import (
	"math/rand/v2"

	"brinell/internal/kernel"
)

// conv is a one-dimensional convolution (cross-correlation)
//
//	y[l][o] = b[o] + Σ_k Σ_c x[l·stride - before + k][c] W[k][c][o]
//
// with x zero outside 0..L-1. Shapes: x [N, L, in], W [kernel, in, out],
// y [N, L', out].
type conv struct {
	in, out       Shape
	kernel        int
	stride        int
	before, after int
	w, b          *Param    // b nil without bias
	bias          []float32 // of b, or zeros
	xp            Tensor    // input with its padding
	dyp           Tensor    // gradient with its padding, for dx
	flipped       []float32
	dw, db        *partial
}

func newConv(i int, l Layer, in, out Shape, rng *rand.Rand) *conv {
	c := &conv{in: in, out: out, kernel: l.Kernel, stride: l.Stride}
	c.before, c.after = l.padding(in.L)
	c.w = newParam(i, Weight, true, l.Kernel, in.C, out.C).he(l.Kernel*in.C, rng)
	c.dw = newPartial(len(c.w.W))
	if l.Bias {
		c.b = newParam(i, Bias, true, out.C)
		c.db = newPartial(out.C)
		c.bias = c.b.W
	} else {
		c.bias = make([]float32, out.C)
	}
	return c
}

func (c *conv) params() []*Param {
	if c.b == nil {
		return []*Param{c.w}
	}
	return []*Param{c.w, c.b}
}

func (c *conv) forward(x, y Tensor, _ bool) {
	c.xp = c.xp.resize(x.N, c.before+x.L+c.after, x.C)
	row := c.kernel * c.in.C
	shard(x.N, func(_, lo, hi int) {
		for n := lo; n < hi; n++ {
			xp, yn := c.xp.At(n), y.At(n)
			pad(xp, x.At(n), c.before*x.C)
			kernel.Affine(c.out.L, c.out.C, row, xp, c.stride*c.in.C, c.w.W, c.bias, yn, kernel.Act{})
		}
	})
}

// backward: dW[k][c][o] = Σ_l xp[l·stride+k][c] dy[l][o], db[o] = Σ_l dy[l][o],
// and dxp[l·stride+k][c] += dy[l][o] W[k][c][o].
func (c *conv) backward(x, _, dy, dx Tensor) {
	row := c.kernel * c.in.C
	if dx.Data != nil {
		c.prepareDX(dy)
	}
	shard(x.N, func(s, lo, hi int) {
		for n := lo; n < hi; n++ {
			dyn := dy.At(n)
			kernel.Gemm(row, c.out.C, c.out.L, c.xp.At(n), 1, c.stride*c.in.C, dyn, c.out.C, c.dw.sums[s], c.out.C, true)
			if c.b != nil {
				addRows(c.db.sums[s], dyn)
			}
			if dx.Data != nil {
				c.inputGradient(n, dyn, dx.At(n))
			}
		}
	})
	c.dw.reduce(c.w.G)
	if c.b != nil {
		c.db.reduce(c.b.G)
	}
}

// prepareDX sets up the transposed convolution: dx is the convolution of dy,
// spread by the stride and padded, with the kernel flipped in time and with
// in and out exchanged, W'[k][o][c] = W[K-1-k][c][o].
func (c *conv) prepareDX(dy Tensor) {
	if c.flipped == nil {
		c.flipped = make([]float32, len(c.w.W))
	}
	in, out := c.in.C, c.out.C
	for k := range c.kernel {
		for i := range in {
			src := c.w.W[((c.kernel-1-k)*in+i)*out:]
			for o := range out {
				c.flipped[(k*out+o)*in+i] = src[o]
			}
		}
	}
	c.dyp = c.dyp.resize(dy.N, c.in.L+c.kernel-1, out)
}

func (c *conv) inputGradient(n int, dyn, dxn []float32) {
	p := c.dyp.At(n)
	clear(p)
	// Step t of dyp holds dy[l] for t = l·stride + K-1 - before. Rows that fall
	// outside touched padding only.
	first := c.kernel - 1 - c.before
	for l := range c.out.L {
		if t := first + l*c.stride; t >= 0 && t < c.dyp.L {
			copy(p[t*c.out.C:(t+1)*c.out.C], dyn[l*c.out.C:])
		}
	}
	kernel.Gemm(c.in.L, c.in.C, c.kernel*c.out.C, p, c.out.C, 1, c.flipped, c.in.C, dxn, c.in.C, false)
}

// pad copies x to dst from offset on and clears the rest.
func pad(dst, x []float32, offset int) {
	clear(dst[:offset])
	copy(dst[offset:], x)
	clear(dst[offset+len(x):])
}

// addRows adds every row of x, len(sum) wide, to sum.
func addRows(sum, x []float32) {
	for len(x) > 0 {
		for j := range sum {
			sum[j] += x[j]
		}
		x = x[len(sum):]
	}
}
