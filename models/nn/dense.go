package nn

import (
	"fmt"

	"brinell/internal/kernel"
)

// dense is a fully connected layer y[o] = b[o] + Σ_i x[i] W[i][o] over the
// flattened input, i = l·C + c. Shapes: x [N, L, C], W [L·C, out], y [N, 1, out].
type dense struct {
	in, out int
	w, b    *Param
	dyt     []float32 // dy transposed, [out, N]
	dxt     []float32 // dx transposed, [in, N]
}

func denseShape(s site) (out Shape, reason string) {
	if s.Out < 1 || s.Out > widest {
		return out, fmt.Sprintf("%d units is outside 1..%d", s.Out, widest)
	}
	return Signal(1, s.Out), ""
}

func logitsShape(s site) (out Shape, reason string) { return Signal(1, s.classes), "" }

func denseParams(s site) []declared {
	return []declared{{Weight, []int{s.in.Size(), s.out.C}}, {Bias, []int{s.out.C}}}
}

func denseMACs(s site) int { return product(s.in.elements(), s.out.C) }

func denseReads(s site, f func(row, input, n int)) { f(0, 0, s.in.Size()) }

// leastRectified is the number of weights from which leaving out zero inputs pays, by
// BenchmarkMatvec: half of them gone, 64 x 64 weights take as long and 128 x 128 two
// thirds of the time.
const leastRectified = 1 << 13

func denseStep(s site, before *step) step {
	t := affineStep(s)
	t.m, t.k, t.size = 1, s.in.Size(), s.in.Size()
	t.rectified = before.zeros && s.Group == 0 && t.k*len(t.b) >= leastRectified
	return t.declareSparse(s.Group)
}

func newDense(s site) layer {
	return &dense{in: s.in.Size(), out: s.out.C, w: s.params[0], b: s.params[1]}
}

func (d *dense) forward(x, y Tensor, _ bool) {
	w := kernel.Weights{}.Pack(d.w.W, 1, d.in, d.out)
	shard(x.N, func(_, lo, hi int) {
		kernel.Affine(hi-lo, x.windows(lo, hi), d.in, w, d.b.W, y.windows(lo, hi), kernel.Act{})
	})
}

// backward: dW[i][o] = Σ_n x[n][i] dy[n][o], db[o] = Σ_n dy[n][o],
// dx[n][i] = Σ_o dy[n][o] W[i][o]. Shards take rows of dW and of dx transposed, so
// that none needs a sum of its own and W is read as it stands.
func (d *dense) backward(x, _, dy, dx Tensor) {
	batch := x.N
	if dx.Data != nil {
		kernel.Transpose(batch, d.out, dy.Data, scratch(&d.dyt, d.out*batch), batch)
		scratch(&d.dxt, d.in*batch)
	}
	shard(d.in, func(_, lo, hi int) {
		kernel.Gemm(hi-lo, d.out, batch, x.Data[lo:], 1, d.in, dy.Data, d.out, d.w.G[lo*d.out:hi*d.out], d.out, true)
		if dx.Data != nil {
			kernel.Gemm(hi-lo, batch, d.out, d.w.W[lo*d.out:hi*d.out], d.out, 1, d.dyt, batch, d.dxt[lo*batch:hi*batch], batch, false)
		}
	})
	addRows(d.b.G, dy.Data)
	if dx.Data != nil {
		kernel.Transpose(d.in, batch, d.dxt, dx.Data, d.in)
	}
}
