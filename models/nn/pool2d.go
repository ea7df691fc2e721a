package nn

import (
	"fmt"

	"brinell/internal/kernel"
)

// MaxPool2D takes the maximum of each height x width pixels, [H, W, C] ->
// [⌊H/height⌋, ⌊W/width⌋, C].
func MaxPool2D(height, width int) Layer { return Layer{Op: OpMaxPool2D, Kernel: height, Width: width} }

// AvgPool2D takes the mean of each height x width pixels, [H, W, C] ->
// [⌊H/height⌋, ⌊W/width⌋, C].
func AvgPool2D(height, width int) Layer { return Layer{Op: OpAvgPool2D, Kernel: height, Width: width} }

// pool2D pools along the height and then along the width: the first is a pool of a signal
// of H steps whose channels are a row of pixels, the second one of each row.
type pool2D struct {
	in, out   Shape
	down, row layer
	mid, dmid Tensor // [N, H', W·C]
}

func pool2DShape(s site) (out Shape, reason string) {
	if min(s.Kernel, s.Width) < 1 || s.Kernel > s.in.H || s.Width > s.in.W || max(s.Kernel, s.Width) > 256 {
		return out, fmt.Sprintf("pool %d x %d must lie in 1..256 and not exceed the input's %d x %d",
			s.Kernel, s.Width, s.in.H, s.in.W)
	}
	return Shape{s.in.H / s.Kernel, s.in.W / s.Width, s.in.C}, ""
}

// pool2DBuffers counts what is pooled along the height alone.
func pool2DBuffers(s site) int { return product(s.out.H, s.in.W, s.in.C) }

func newMaxPool2D(s site) layer {
	return &pool2D{in: s.in, out: s.out, down: &maxPool{k: s.Kernel}, row: &maxPool{k: s.Width}}
}

func newAvgPool2D(s site) layer {
	return &pool2D{in: s.in, out: s.out, down: avgPool{k: s.Kernel}, row: avgPool{k: s.Width}}
}

func (p *pool2D) forward(x, y Tensor, train bool) {
	p.mid = p.mid.resize(x.N, p.out.H, p.in.W*p.in.C)
	p.down.forward(p.columns(x), p.mid, train)
	p.row.forward(p.rows(p.mid, p.in.W), p.rows(y, p.out.W), train)
}

func (p *pool2D) backward(x, y, dy, dx Tensor) {
	if dx.Data == nil {
		return
	}
	p.dmid = p.dmid.resize(x.N, p.out.H, p.in.W*p.in.C)
	p.row.backward(p.rows(p.mid, p.in.W), p.rows(y, p.out.W), p.rows(dy, p.out.W), p.rows(p.dmid, p.in.W))
	p.down.backward(p.columns(x), p.mid, p.dmid, p.columns(dx))
}

// columns is x as a signal of H steps.
func (p *pool2D) columns(x Tensor) Tensor { return Tensor{x.N, p.in.H, p.in.W * p.in.C, x.Data} }

// rows is each row of x as a signal of so many steps.
func (p *pool2D) rows(x Tensor, steps int) Tensor {
	return Tensor{x.N * p.out.H, steps, p.in.C, x.Data}
}

func maxPool2DStep(s site, _ *step) step {
	return step{k: s.Kernel, width: s.Width, scratch: pool2DBuffers(s), run: func(s *step, y []float32, _ int) {
		s.poolRows(y, func(y, x []float32, k, c int) {
			if k == 2 {
				kernel.MaxPool2(y, x, c)
			} else {
				maxPoolWindow(y, x, nil, k, c)
			}
		})
	}}
}

func avgPool2DStep(s site, _ *step) step {
	return step{k: s.Kernel, width: s.Width, scratch: pool2DBuffers(s), run: func(s *step, y []float32, _ int) {
		s.poolRows(y, avgPoolWindow)
	}}
}

// poolRows pools along the height into tmp and from there along the width.
func (s *step) poolRows(y []float32, pool func(y, x []float32, k, c int)) {
	wide, narrow, c := s.in.W*s.in.C, s.out.W*s.out.C, s.in.C
	pool(s.tmp, s.buf, s.k, wide)
	for h := range s.out.H {
		pool(y[h*narrow:(h+1)*narrow], s.tmp[h*wide:(h+1)*wide], s.width, c)
	}
}
