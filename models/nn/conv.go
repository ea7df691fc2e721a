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
	w, b          *Param            // b nil without bias
	bias          []float32         // of b, or zeros
	xp, dyp       [shards][]float32 // one padded input and gradient for each shard
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
	row := c.kernel * c.in.C
	shard(x.N, func(s, lo, hi int) {
		for n := lo; n < hi; n++ {
			kernel.Affine(c.out.L, c.out.C, row, c.padded(s, x.At(n)), c.stride*c.in.C, c.w.W, c.bias, y.At(n), kernel.Act{})
		}
	})
}

// padded returns a window with its padding. Padding again in the backward pass
// costs less than keeping the padded batch in memory.
func (c *conv) padded(s int, xn []float32) []float32 {
	if c.before+c.after == 0 {
		return xn
	}
	return pad(scratch(&c.xp[s], (c.before+c.in.L+c.after)*c.in.C), xn, c.before*c.in.C)
}

// backward: dW[k][c][o] = Σ_l xp[l·stride+k][c] dy[l][o], db[o] = Σ_l dy[l][o],
// and dxp[l·stride+k][c] += dy[l][o] W[k][c][o].
func (c *conv) backward(x, _, dy, dx Tensor) {
	row := c.kernel * c.in.C
	if dx.Data != nil {
		c.flip()
	}
	shard(x.N, func(s, lo, hi int) {
		if c.b != nil {
			clear(c.db.sums[s])
		}
		for n := lo; n < hi; n++ {
			dyn := dy.At(n)
			kernel.Gemm(row, c.out.C, c.out.L, c.padded(s, x.At(n)), 1, c.stride*c.in.C, dyn, c.out.C, c.dw.sums[s], c.out.C, n > lo)
			if c.b != nil {
				addRows(c.db.sums[s], dyn)
			}
			if dx.Data != nil {
				c.inputGradient(s, dyn, dx.At(n))
			}
		}
	})
	c.dw.reduce(c.w.G, x.N)
	if c.b != nil {
		c.db.reduce(c.b.G, x.N)
	}
}

// flip sets up the transposed convolution: dx is the convolution of dy, spread by
// the stride and padded, with the kernel flipped in time and with in and out
// exchanged, W'[k][o][c] = W[K-1-k][c][o].
func (c *conv) flip() {
	if c.flipped == nil {
		c.flipped = make([]float32, len(c.w.W))
	}
	size := c.in.C * c.out.C
	for k := range c.kernel {
		from := (c.kernel - 1 - k) * size
		kernel.Transpose(c.in.C, c.out.C, c.w.W[from:from+size], c.flipped[k*size:], c.in.C)
	}
}

func (c *conv) inputGradient(s int, dyn, dxn []float32) {
	rows := c.in.L + c.kernel - 1
	p := scratch(&c.dyp[s], rows*c.out.C)
	// Step t of p holds dy[l] for t = l·stride + K-1 - before. Rows that fall
	// outside touched padding only.
	first := c.kernel - 1 - c.before
	if c.stride == 1 {
		pad(p, dyn, first*c.out.C)
	} else {
		clear(p)
		for l := range c.out.L {
			if t := first + l*c.stride; t >= 0 && t < rows {
				copy(p[t*c.out.C:(t+1)*c.out.C], dyn[l*c.out.C:])
			}
		}
	}
	kernel.Gemm(c.in.L, c.in.C, c.kernel*c.out.C, p, c.out.C, 1, c.flipped, c.in.C, dxn, c.in.C, false)
}

// scratch returns n elements of *buf, which it allocates at first use.
func scratch(buf *[]float32, n int) []float32 {
	if *buf == nil {
		*buf = make([]float32, n)
	}
	return *buf
}

// pad copies x to dst from offset on, clears the rest and returns dst.
func pad(dst, x []float32, offset int) []float32 {
	clear(dst[:offset])
	copy(dst[offset:], x)
	clear(dst[offset+len(x):])
	return dst
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
