package nn

import (
	"fmt"

	"brinell/internal/kernel"
)

// Conv2D is a two-dimensional convolution with out channels and no bias, of height x width
// taps and one stride for both directions, [H, W, C] -> [H', W', out].
func Conv2D(out, height, width, stride int, p Padding) Layer {
	return Layer{Op: OpConv2D, Out: out, Kernel: height, Width: width, Stride: stride, Padding: p}
}

// conv2D is a two-dimensional convolution (cross-correlation)
//
//	y[h][w][o] = b[o] + Σ_i Σ_j Σ_c x[h·stride - top + i][w·stride - left + j][c] W[i][j][c][o]
//
// with x zero outside the image. Shapes: x [N, H·W, in], W [height, width, in, out],
// y [N, H'·W', out].
//
// The outputs of one column w are a convolution of a signal: of a panel with H steps of
// width·in channels, those of x that the column sees. So the kernel of signals computes
// them, and of an image with one column the panel is the image.
type conv2D struct {
	*view
	w, b         *Param            // b nil without bias
	bias         []float32         // of b, or zeros
	panel, dpan  [shards][]float32 // of x, whose padding stays zero, and its gradient
	column, taps [shards][]float32 // of y or dy; gradients of the taps of each step
	packed       kernel.Weights
	turned       []float32 // W transposed, [out, height·width·in]
	dw, db       *partial
}

// view is how a convolution looks at an image.
type view struct {
	in, out                  Shape
	stride                   int
	top, bottom, left, right int // padding
	height, width            int // of the kernel
}

func viewOf(s site) *view {
	v := &view{in: s.in, out: s.out, stride: s.Stride, height: s.Kernel, width: s.Width}
	v.top, v.bottom = padding(s.Padding, s.Kernel, s.Stride, s.in.H)
	v.left, v.right = padding(s.Padding, s.Width, s.Stride, s.in.W)
	return v
}

// row is the length of a row of a panel, inputs the number of inputs of an output, and
// elements that of a panel with its padding.
func (v *view) row() int      { return v.width * v.in.C }
func (v *view) inputs() int   { return v.height * v.row() }
func (v *view) elements() int { return (v.top + v.in.H + v.bottom) * v.row() }

// columns returns the columns lo to hi-1 of the image that output column w sees, and how
// many of padding stand before them.
func (v *view) columns(w int) (lo, hi, before int) {
	first := w*v.stride - v.left
	lo, hi = max(first, 0), min(first+v.width, v.in.W)
	return lo, max(lo, hi), lo - first
}

// gather fills the panel of output column w from x. It leaves the rows of padding above
// and below as they are.
func (v *view) gather(panel, x []float32, w int) {
	lo, hi, before := v.columns(w)
	row, step, from, to := v.row(), v.in.W*v.in.C, before*v.in.C, (before+hi-lo)*v.in.C
	panel, x = panel[v.top*row:(v.top+v.in.H)*row], x[lo*v.in.C:]
	if to-from < row {
		clear(panel)
	}
	for h := range v.in.H {
		copy(panel[h*row+from:h*row+to], x[h*step:])
	}
}

// spread adds the panel of output column w to x, the opposite of gather.
func (v *view) spread(x, panel []float32, w int) {
	lo, hi, before := v.columns(w)
	for h := range v.in.H {
		row := panel[(v.top+h)*v.row()+before*v.in.C:]
		kernel.Add(x[(h*v.in.W+lo)*v.in.C:], row[:(hi-lo)*v.in.C])
	}
}

func conv2DShape(s site) (out Shape, reason string) {
	l, in := s.Layer, s.in
	if min(l.Out, l.Kernel, l.Width, l.Stride) < 1 || max(l.Out, l.Kernel, l.Width, l.Stride) > widest {
		return out, fmt.Sprintf("out %d, kernel %d x %d and stride %d must lie in 1..%d",
			l.Out, l.Kernel, l.Width, l.Stride, widest)
	}
	switch l.Padding {
	case Same:
		return Shape{(in.H + l.Stride - 1) / l.Stride, (in.W + l.Stride - 1) / l.Stride, l.Out}, ""
	case Valid:
		if in.H < l.Kernel || in.W < l.Width {
			return out, fmt.Sprintf("kernel %d x %d is larger than the input's %d x %d", l.Kernel, l.Width, in.H, in.W)
		}
		return Shape{(in.H-l.Kernel)/l.Stride + 1, (in.W-l.Width)/l.Stride + 1, l.Out}, ""
	}
	return out, fmt.Sprintf("padding %q is neither same nor valid", l.Padding)
}

func conv2DParams(s site) []declared {
	all := []declared{{Weight, []int{s.Kernel, s.Width, s.in.C, s.out.C}}}
	if s.Bias {
		all = append(all, declared{Bias, []int{s.out.C}})
	}
	return all
}

func conv2DMACs(s site) int { return product(s.out.elements(), s.Kernel, s.Width, s.in.C) }

// conv2DBuffers counts a panel, with room for the last group, and a column of outputs.
func conv2DBuffers(s site) int {
	top, bottom := padding(s.Padding, s.Kernel, s.Stride, s.in.H)
	return sum(product(top+s.in.H+bottom, s.Width, s.in.C), sum(product(s.out.H, s.out.C), 2*s.Group))
}

func conv2DReads(s site, f func(row, input, n int)) {
	v := viewOf(s)
	for w := range v.out.W {
		lo, hi, before := v.columns(w)
		for t := range v.out.H {
			for i := range v.height {
				if h := t*v.stride - v.top + i; h >= 0 && h < v.in.H && lo < hi {
					f((i*v.width+before)*v.in.C, (h*v.in.W+lo)*v.in.C, (hi-lo)*v.in.C)
				}
			}
		}
	}
}

func newConv2D(s site) layer {
	c := &conv2D{view: viewOf(s), w: s.params[0], bias: make([]float32, s.out.C)}
	if s.Bias {
		c.b = s.params[1]
		c.bias = c.b.W
	}
	return c
}

func conv2DStep(s site, _ *step) step {
	v := viewOf(s)
	t := affineStep(s)
	t.m, t.k, t.stride, t.view = s.out.H, v.inputs(), v.stride*v.row(), v
	t.run = runConv2D
	t = t.declareSparse(s.Group)
	t.size = s.in.Size()
	t.scratch = v.elements() + s.Group + s.out.H*s.out.C
	return t
}

// runConv2D computes column by column. The padding of the panel, which stands first in
// tmp, stays zero.
func runConv2D(s *step, y []float32, _ int) {
	v, n := s.view, len(s.b)
	first := len(s.tmp) - s.m*n
	panel, column := s.tmp[:first], s.tmp[first:]
	for w := range v.out.W {
		v.gather(panel, s.buf, w)
		if s.sparse {
			kernel.AffineGroups(s.m, panel, s.stride, s.groups, s.b, column, s.act.ReLU)
		} else {
			kernel.Affine(s.m, panel, s.stride, s.packed, s.b, column, s.act)
		}
		copyColumns(y[w*n:], v.out.W*n, column, n, n)
	}
}

func (c *conv2D) forward(x, y Tensor, _ bool) {
	c.packed = c.packed.Pack(c.w.W, c.out.H, c.inputs(), c.out.C)
	shard(x.N, func(s, lo, hi int) {
		panel, column := scratch(&c.panel[s], c.elements()), scratch(&c.column[s], c.out.H*c.out.C)
		for n := lo; n < hi; n++ {
			for w := range c.out.W {
				c.gather(panel, x.At(n), w)
				kernel.Affine(c.out.H, panel, c.stride*c.row(), c.packed, c.bias, column, kernel.Act{})
				copyColumns(y.At(n)[w*c.out.C:], c.out.W*c.out.C, column, c.out.C, c.out.C)
			}
		}
	})
}

// backward, by the panels P of each column: dW[p][o] = Σ_h P[h·stride + p] dy[h][o],
// db[o] = Σ dy[o], and dP[h·stride + p] += Σ_o dy[h][o] W[p][o].
func (c *conv2D) backward(x, _, dy, dx Tensor) {
	c.dw = c.dw.grown(len(c.w.W))
	if c.b != nil {
		c.db = c.db.grown(c.out.C)
	}
	if dx.Data != nil {
		kernel.Transpose(c.inputs(), c.out.C, c.w.W, scratch(&c.turned, len(c.w.W)), c.inputs())
	}
	shard(x.N, func(s, lo, hi int) {
		for n := lo; n < hi; n++ {
			c.weightGradient(s, x.At(n), dy.At(n), n > lo)
			if dx.Data != nil {
				c.inputGradient(s, dy.At(n), dx.At(n))
			}
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

// weightGradient sets or, with more, adds the gradient of one image. The gradients of a
// column stand in dy a row apart, where the product finds them.
func (c *conv2D) weightGradient(s int, x, dy []float32, more bool) {
	panel := scratch(&c.panel[s], c.elements())
	for w := range c.out.W {
		c.gather(panel, x, w)
		kernel.Gemm(c.inputs(), c.out.C, c.out.H, panel, 1, c.stride*c.row(),
			dy[w*c.out.C:], c.out.W*c.out.C, c.dw.sums[s], c.out.C, more || w > 0)
	}
}

func (c *conv2D) inputGradient(s int, dy, dx []float32) {
	panel, taps := scratch(&c.dpan[s], c.elements()), scratch(&c.taps[s], c.out.H*c.inputs())
	clear(dx)
	for w := range c.out.W {
		kernel.Gemm(c.out.H, c.inputs(), c.out.C, dy[w*c.out.C:], c.out.W*c.out.C, 1,
			c.turned, c.inputs(), taps, c.inputs(), false)
		clear(panel)
		for h := range c.out.H {
			kernel.Add(panel[h*c.stride*c.row():], taps[h*c.inputs():(h+1)*c.inputs()])
		}
		c.spread(dx, panel, w)
	}
}
