package nn

import (
	"fmt"

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
	flipped, none []float32         // weights turned for dx, and its bias
	packed        kernel.Weights
	turned        kernel.Weights // flipped
	dw, db        *partial
}

func convShape(s site) (out Shape, reason string) {
	l, in := s.Layer, s.in
	if l.Out < 1 || l.Kernel < 1 || l.Stride < 1 || max(l.Out, l.Kernel, l.Stride) > widest {
		return out, fmt.Sprintf("out %d, kernel %d and stride %d must lie in 1..%d", l.Out, l.Kernel, l.Stride, widest)
	}
	if l.Stride > in.H { // buffers have whole rows of a stride
		return out, fmt.Sprintf("stride %d is longer than the input's %d steps", l.Stride, in.H)
	}
	switch l.Padding {
	case Same:
		return Signal((in.H+l.Stride-1)/l.Stride, l.Out), ""
	case Valid:
		if in.H < l.Kernel {
			return out, fmt.Sprintf("kernel %d is longer than the input's %d steps", l.Kernel, in.H)
		}
		return Signal((in.H-l.Kernel)/l.Stride+1, l.Out), ""
	}
	return out, fmt.Sprintf("padding %q is neither same nor valid", l.Padding)
}

// padding returns the zeros before and after the signal for input length n.
func (l Layer) padding(n int) (before, after int) { return padding(l.Padding, l.Kernel, l.Stride, n) }

func padding(p Padding, kernel, stride, n int) (before, after int) {
	if p != Same {
		return 0, 0
	}
	total := max(0, ((n+stride-1)/stride-1)*stride+kernel-n)
	return total / 2, total - total/2
}

func convParams(s site) []declared {
	all := []declared{{Weight, []int{s.Kernel, s.in.C, s.out.C}}}
	if s.Bias {
		all = append(all, declared{Bias, []int{s.out.C}})
	}
	return all
}

func convMACs(s site) int { return product(s.out.H, s.Kernel, s.in.C, s.out.C) }

// convBuffers counts the input with its padding, in both layouts.
func convBuffers(s site) int {
	before, after := s.padding(s.in.H)
	return product(2, before+s.in.H+after+s.Stride, s.in.C)
}

func convReads(s site, f func(row, input, n int)) {
	before, _ := s.padding(s.in.H)
	for t := range s.out.H {
		for k := range s.Kernel {
			if at := t*s.Stride - before + k; at >= 0 && at < s.in.H {
				f(k*s.in.C, at*s.in.C, s.in.C)
			}
		}
	}
}

func convStep(s site, _ *step) step {
	t := affineStep(s)
	before, after := s.padding(s.in.H)
	t.m, t.k, t.stride = s.out.H, s.Kernel*s.in.C, s.Stride*s.in.C
	t.offset, t.size = before*s.in.C, (before+s.in.H+after)*s.in.C
	return t.declareSparse(s.Group)
}

func newConv(s site) layer {
	c := &conv{in: s.in, out: s.out, kernel: s.Kernel, stride: s.Stride, w: s.params[0]}
	c.before, c.after = s.padding(s.in.H)
	if s.Bias {
		c.b = s.params[1]
		c.bias = c.b.W
	} else {
		c.bias = make([]float32, s.out.C)
	}
	return c
}

func (c *conv) forward(x, y Tensor, _ bool) {
	c.packed = c.packed.Pack(c.w.W, c.out.H, c.kernel*c.in.C, c.out.C)
	shard(x.N, func(s, lo, hi int) {
		for n := lo; n < hi; n++ {
			kernel.Affine(c.out.H, c.padded(s, x.At(n)), c.stride*c.in.C, c.packed, c.bias, y.At(n), kernel.Act{})
		}
	})
}

// padded returns a window with its padding. Padding again in the backward pass
// costs less than keeping the padded batch in memory.
func (c *conv) padded(s int, xn []float32) []float32 {
	if c.before+c.after == 0 {
		return xn
	}
	return pad(scratch(&c.xp[s], (c.before+c.in.H+c.after)*c.in.C), xn, c.before*c.in.C)
}

// backward: dW[k][c][o] = Σ_l xp[l·stride+k][c] dy[l][o], db[o] = Σ_l dy[l][o],
// and dxp[l·stride+k][c] += dy[l][o] W[k][c][o].
func (c *conv) backward(x, _, dy, dx Tensor) {
	c.dw = c.dw.grown(len(c.w.W))
	if c.b != nil {
		c.db = c.db.grown(c.out.C)
	}
	if dx.Data != nil {
		c.flip()
	}
	shard(x.N, func(s, lo, hi int) {
		if c.stride == 1 && c.before+c.after == c.kernel-1 {
			c.stacked(s, lo, hi, x, dy, dx)
		} else {
			c.oneByOne(s, lo, hi, x, dy, dx)
		}
		if c.b != nil {
			clear(c.db.sums[s])
			addRows(c.db.sums[s], dy.windows(lo, hi))
		}
	})
	c.dw.reduce(c.w.G, x.N)
	if c.b != nil {
		c.db.reduce(c.b.G, x.N)
	}
}

// oneByOne adds up the gradients of the windows of a shard.
func (c *conv) oneByOne(s, lo, hi int, x, dy, dx Tensor) {
	row := c.kernel * c.in.C
	for n := lo; n < hi; n++ {
		kernel.Gemm(row, c.out.C, c.out.H, c.padded(s, x.At(n)), 1, c.stride*c.in.C, dy.At(n), c.out.C, c.dw.sums[s], c.out.C, n > lo)
		if dx.Data != nil {
			c.inputGradient(s, dy.At(n), dx.At(n))
		}
	}
}

// stacked does the same with one product over all windows, one behind the other
// with their padding, so that dW is written once and not for each window. Where
// the view of x crosses from one window into the next, dy is padding, zero.
func (c *conv) stacked(s, lo, hi int, x, dy, dx Tensor) {
	rows := c.in.H + c.kernel - 1
	in, out := rows*c.in.C, rows*c.out.C
	xp, dyp := scratch(&c.xp[s], (hi-lo)*in), scratch(&c.dyp[s], (hi-lo)*out)
	first := c.after * c.out.C // where dy begins in its padding
	for i := range hi - lo {
		pad(xp[i*in:(i+1)*in], x.At(lo+i), c.before*c.in.C)
		pad(dyp[i*out:(i+1)*out], dy.At(lo+i), first)
	}
	kernel.Gemm(c.kernel*c.in.C, c.out.C, (hi-lo)*rows-c.kernel+1, xp, 1, c.in.C, dyp[first:], c.out.C, c.dw.sums[s], c.out.C, false)
	if dx.Data == nil {
		return
	}
	for i := range hi - lo {
		kernel.Affine(c.in.H, dyp[i*out:], c.out.C, c.turned, c.none, dx.At(lo+i), kernel.Act{})
	}
}

// flip sets up the transposed convolution: dx is the convolution of dy, spread by
// the stride and padded, with the kernel flipped in time and with in and out
// exchanged, W'[k][o][c] = W[K-1-k][c][o].
func (c *conv) flip() {
	if c.flipped == nil {
		c.flipped, c.none = make([]float32, len(c.w.W)), make([]float32, c.in.C)
	}
	size := c.in.C * c.out.C
	for k := range c.kernel {
		from := (c.kernel - 1 - k) * size
		kernel.Transpose(c.in.C, c.out.C, c.w.W[from:from+size], c.flipped[k*size:], c.in.C)
	}
	c.turned = c.turned.Pack(c.flipped, c.in.H, c.kernel*c.out.C, c.in.C)
}

func (c *conv) inputGradient(s int, dyn, dxn []float32) {
	rows := c.in.H + c.kernel - 1
	p := scratch(&c.dyp[s], rows*c.out.C)
	// Step t of p holds dy[l] for t = l·stride + K-1 - before. Rows that fall
	// outside touched padding only.
	first := c.kernel - 1 - c.before
	clear(p)
	for l := range c.out.H {
		if t := first + l*c.stride; t >= 0 && t < rows {
			copy(p[t*c.out.C:(t+1)*c.out.C], dyn[l*c.out.C:])
		}
	}
	kernel.Affine(c.in.H, p, c.out.C, c.turned, c.none, dxn, kernel.Act{})
}

// scratch returns n elements of *buf, which it makes longer where it must.
func scratch(buf *[]float32, n int) []float32 {
	if cap(*buf) < n {
		*buf = make([]float32, n)
	}
	return (*buf)[:n]
}

// pad copies x to dst from offset on, clears the rest and returns dst.
func pad(dst, x []float32, offset int) []float32 {
	clear(dst[:offset])
	copy(dst[offset:], x)
	clear(dst[offset+len(x):])
	return dst
}

// addRows adds every row of x, len(sum) wide, to sum, in their order. Four at a time save
// three of four turns through sum.
func addRows(sum, x []float32) {
	n := len(sum)
	for ; len(x) >= 4*n && n > 0; x = x[4*n:] {
		x0, x1, x2, x3 := x[:n], x[n:2*n], x[2*n:3*n], x[3*n:4*n]
		for j, s := range sum {
			sum[j] = s + x0[j] + x1[j] + x2[j] + x3[j]
		}
	}
	for ; len(x) > 0; x = x[n:] {
		for j, v := range x[:n] {
			sum[j] += v
		}
	}
}
