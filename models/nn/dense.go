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
	dyt     []float32 // dy transposed, [out, N]
	dxt     []float32 // dx transposed, [in, N]
}

func newDense(at Path, in, out Shape, rng *rand.Rand) *dense {
	d := &dense{in: in.size(), out: out.C}
	d.w = newParam(at, Weight, true, d.in, d.out).he(d.in, rng)
	d.b = newParam(at, Bias, true, d.out)
	return d
}

func (d *dense) params() []*Param { return []*Param{d.w, d.b} }

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
