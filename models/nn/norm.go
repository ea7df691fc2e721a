package nn

import "math"

// Batch-norm constants, as in most frameworks.
const (
	bnEpsilon  = 1e-5 // added to the variance
	bnMomentum = 0.1  // share of the new batch in the running statistics
)

// batchNorm normalises each channel over batch and time:
//
//	x̂ = (x - μ)/√(σ² + ε),  y = γ x̂ + β
//
// with the batch's μ, σ² (population) in training and the running ones in
// inference. Shapes: x, y [N, L, C]; γ, β, mean, variance [C]. The running
// variance is the sample variance (n-1), the usual convention.
//
// Reference: S. Ioffe, C. Szegedy, Batch normalization, ICML 2015, alg. 1-2.
type batchNorm struct {
	c                     int
	gamma, beta, mean, va *Param
	mu, inv               []float32 // of the last training batch
	sums                  [shards][2][]float64
}

func newBatchNorm(i int, in Shape) *batchNorm {
	b := &batchNorm{
		c:     in.C,
		gamma: newParam(i, Gamma, true, in.C).fill(1),
		beta:  newParam(i, Beta, true, in.C),
		mean:  newParam(i, Mean, false, in.C),
		va:    newParam(i, Variance, false, in.C).fill(1),
		mu:    make([]float32, in.C),
		inv:   make([]float32, in.C),
	}
	for s := range b.sums {
		b.sums[s] = [2][]float64{make([]float64, in.C), make([]float64, in.C)}
	}
	return b
}

func (b *batchNorm) params() []*Param { return []*Param{b.gamma, b.beta, b.mean, b.va} }

func (b *batchNorm) forward(x, y Tensor, train bool) {
	mu, inv := b.mu, b.inv
	if train {
		b.batchStatistics(x)
	} else {
		mu = b.mean.W
		for c, v := range b.va.W {
			inv[c] = invSqrt(float64(v))
		}
	}
	shard(x.N, func(_, lo, hi int) {
		for n := lo; n < hi; n++ {
			xn, yn := x.At(n), y.At(n)
			for len(xn) > 0 {
				for c := range b.c {
					yn[c] = b.gamma.W[c]*(xn[c]-mu[c])*inv[c] + b.beta.W[c]
				}
				xn, yn = xn[b.c:], yn[b.c:]
			}
		}
	})
}

func invSqrt(variance float64) float32 { return float32(1 / math.Sqrt(variance+bnEpsilon)) }

// batchStatistics sets mu and inv from x and moves the running statistics.
func (b *batchNorm) batchStatistics(x Tensor) {
	m := float64(x.N * x.L)
	sum, _ := b.perChannel(x.N, func(n int, s, _ []float64) {
		for xn := x.At(n); len(xn) > 0; xn = xn[b.c:] {
			for c := range s {
				s[c] += float64(xn[c])
			}
		}
	})
	for c := range b.mu {
		b.mu[c] = float32(sum[c] / m)
	}
	sq, _ := b.perChannel(x.N, func(n int, s, _ []float64) {
		for xn := x.At(n); len(xn) > 0; xn = xn[b.c:] {
			for c := range s {
				d := float64(xn[c] - b.mu[c])
				s[c] += d * d
			}
		}
	})
	for c, v := range sq {
		b.inv[c] = invSqrt(v / m)
		b.mean.W[c] += bnMomentum * (b.mu[c] - b.mean.W[c])
		b.va.W[c] += bnMomentum * (float32(v/max(1, m-1)) - b.va.W[c])
	}
}

// backward, with M = N·L elements per channel:
//
//	dβ = Σ dy,  dγ = Σ dy x̂,  dx = γ/√(σ²+ε) (dy - dβ/M - x̂ dγ/M)
func (b *batchNorm) backward(x, _, dy, dx Tensor) {
	dbeta, dgamma := b.perChannel(x.N, func(n int, s, t []float64) {
		xn, dyn := x.At(n), dy.At(n)
		for len(xn) > 0 {
			for c := range s {
				s[c] += float64(dyn[c])
				t[c] += float64(dyn[c] * (xn[c] - b.mu[c]) * b.inv[c])
			}
			xn, dyn = xn[b.c:], dyn[b.c:]
		}
	})
	for c := range b.c {
		b.beta.G[c] += float32(dbeta[c])
		b.gamma.G[c] += float32(dgamma[c])
	}
	if dx.Data == nil {
		return
	}
	m := float64(x.N * x.L)
	for c := range b.c {
		dbeta[c] /= m
		dgamma[c] /= m
	}
	shard(x.N, func(_, lo, hi int) {
		for n := lo; n < hi; n++ {
			xn, dyn, dxn := x.At(n), dy.At(n), dx.At(n)
			for len(xn) > 0 {
				for c := range b.c {
					xhat := (xn[c] - b.mu[c]) * b.inv[c]
					dxn[c] = b.gamma.W[c] * b.inv[c] * (dyn[c] - float32(dbeta[c]) - xhat*float32(dgamma[c]))
				}
				xn, dyn, dxn = xn[b.c:], dyn[b.c:], dxn[b.c:]
			}
		}
	})
}

// perChannel runs f on every window with two zeroed sums per channel and
// returns the sums over all windows, added in shard order. The result is valid
// until the next call.
func (b *batchNorm) perChannel(n int, f func(n int, s, t []float64)) (s, t []float64) {
	for i := range b.sums {
		clear(b.sums[i][0])
		clear(b.sums[i][1])
	}
	shard(n, func(i, lo, hi int) {
		for n := lo; n < hi; n++ {
			f(n, b.sums[i][0], b.sums[i][1])
		}
	})
	s, t = b.sums[0][0], b.sums[0][1]
	for _, p := range b.sums[1:] {
		for c := range s {
			s[c] += p[0][c]
			t[c] += p[1][c]
		}
	}
	return s, t
}
