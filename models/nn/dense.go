package nn

import (
	"math/rand/v2"

	"brinell/internal/kernel"
)

// dense is a fully connected layer y[o] = b[o] + Σ_i x[i] W[i][o] over the
// flattened input, i = l·C + c. Shapes: x [N, L, C], W [L·C, out], y [N, 1, out].
type dense struct {
	in, out int
	w, b    *Param
	wt      []float32 // W transposed, [out, in], for dx
}

func newDense(i int, in, out Shape, rng *rand.Rand) *dense {
	d := &dense{in: in.size(), out: out.C}
	d.w = newParam(i, Weight, true, d.in, d.out).he(d.in, rng)
	d.b = newParam(i, Bias, true, d.out)
	d.wt = make([]float32, len(d.w.W))
	return d
}

func (d *dense) params() []*Param { return []*Param{d.w, d.b} }

func (d *dense) forward(x, y Tensor, _ bool) {
	w := kernel.Weights{}.Pack(d.w.W, 1, d.in, d.out)
	shard(x.N, func(_, lo, hi int) {
		rows := hi - lo
		yn := y.Data[lo*d.out : hi*d.out]
		kernel.Affine(rows, x.Data[lo*d.in:hi*d.in], d.in, w, d.b.W, yn, kernel.Act{})
	})
}

// backward: dW[i][o] = Σ_n x[n][i] dy[n][o], db[o] = Σ_n dy[n][o],
// dx[n][i] = Σ_o dy[n][o] W[i][o]. Shards take rows of dW, so that none needs a
// sum of its own.
func (d *dense) backward(x, _, dy, dx Tensor) {
	shard(d.in, func(_, lo, hi int) {
		kernel.Gemm(hi-lo, d.out, x.N, x.Data[lo:], 1, d.in, dy.Data, d.out, d.w.G[lo*d.out:hi*d.out], d.out, true)
	})
	addRows(d.b.G, dy.Data)
	if dx.Data == nil {
		return
	}
	kernel.Transpose(d.in, d.out, d.w.W, d.wt, d.in)
	shard(x.N, func(_, lo, hi int) {
		kernel.Gemm(hi-lo, d.in, d.out, dy.windows(lo, hi), d.out, 1, d.wt, d.in, dx.windows(lo, hi), d.in, false)
	})
}
