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
	dw, db  *partial
}

func newDense(i int, in, out Shape, rng *rand.Rand) *dense {
	d := &dense{in: in.size(), out: out.C}
	d.w = newParam(i, Weight, true, d.in, d.out).he(d.in, rng)
	d.b = newParam(i, Bias, true, d.out)
	d.dw, d.db = newPartial(len(d.w.W)), newPartial(d.out)
	d.wt = make([]float32, len(d.w.W))
	return d
}

func (d *dense) params() []*Param { return []*Param{d.w, d.b} }

func (d *dense) forward(x, y Tensor, _ bool) {
	shard(x.N, func(_, lo, hi int) {
		rows := hi - lo
		yn := y.Data[lo*d.out : hi*d.out]
		kernel.Affine(rows, d.out, d.in, x.Data[lo*d.in:hi*d.in], d.in, d.w.W, d.b.W, yn, kernel.Act{})
	})
}

// backward: dW[i][o] = Σ_n x[n][i] dy[n][o], db[o] = Σ_n dy[n][o],
// dx[n][i] = Σ_o dy[n][o] W[i][o].
func (d *dense) backward(x, _, dy, dx Tensor) {
	if dx.Data != nil {
		for i := range d.in {
			for o := range d.out {
				d.wt[o*d.in+i] = d.w.W[i*d.out+o]
			}
		}
	}
	shard(x.N, func(s, lo, hi int) {
		rows := hi - lo
		xn, dyn := x.Data[lo*d.in:hi*d.in], dy.Data[lo*d.out:hi*d.out]
		kernel.Gemm(d.in, d.out, rows, xn, 1, d.in, dyn, d.out, d.dw.sums[s], d.out, true)
		addRows(d.db.sums[s], dyn)
		if dx.Data != nil {
			kernel.Gemm(rows, d.in, d.out, dyn, d.out, 1, d.wt, d.in, dx.Data[lo*d.in:hi*d.in], d.in, false)
		}
	})
	d.dw.reduce(d.w.G)
	d.db.reduce(d.b.G)
}
