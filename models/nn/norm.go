package nn

import (
	"math"

	"brinell/internal/kernel"
)

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
	relu                  bool // the ReLU that follows is done here
	gamma, beta, mean, va *Param
	mu, inv               []float32 // of the last batch, or the running ones
	channelSums
	u, v, w    []float32 // coefficients by channel
	cu, cv, cw []float32 // the same by kernel.Columns
}

func batchNormParams(s site) []declared { return perChannel(s, Gamma, Beta, Mean, Variance) }

// fuseBatchNorm folds it into the weights before it, unless something stands between.
func fuseBatchNorm(s site, before *step) bool {
	if !before.open() || before.act.ReLU {
		return false
	}
	scale, shift := s.layer.(*batchNorm).scaleShift()
	for i := range before.w {
		before.w[i] *= scale[i%s.out.C]
	}
	for o := range before.b {
		before.b[o] = before.b[o]*scale[o] + shift[o]
	}
	return true
}

func batchNormStep(s site, _ *step) step {
	scale, shift := s.layer.(*batchNorm).scaleShift()
	return step{scale: kernel.Columns(nil, scale), shift: kernel.Columns(nil, shift), run: runScale}
}

func runScale(s *step, y []float32, _ int) { kernel.Scale(y, s.buf, s.scale, s.shift, false) }

// scaleShift returns inference as one product and sum a channel.
func (b *batchNorm) scaleShift() (scale, shift []float32) {
	scale, shift = make([]float32, b.c), make([]float32, b.c)
	for j := range scale {
		scale[j] = b.gamma.W[j] * invSqrt(float64(b.va.W[j]))
		shift[j] = b.beta.W[j] - b.mean.W[j]*scale[j]
	}
	return scale, shift
}

func newBatchNorm(s site) layer {
	c := s.in.C
	channels := func() []float32 { return make([]float32, c) }
	return &batchNorm{
		c:           c,
		gamma:       s.params[0],
		beta:        s.params[1],
		mean:        s.params[2],
		va:          s.params[3],
		mu:          channels(),
		inv:         channels(),
		channelSums: newChannelSums(c),
		u:           channels(),
		v:           channels(),
		w:           channels(),
	}
}

func (b *batchNorm) forward(x, y Tensor, train bool) {
	if train {
		b.batchStatistics(x)
	} else {
		copy(b.mu, b.mean.W)
		for c, v := range b.va.W {
			b.inv[c] = invSqrt(float64(v))
		}
	}
	for c := range b.u {
		b.u[c] = b.gamma.W[c] * b.inv[c]
		b.v[c] = b.beta.W[c] - b.mu[c]*b.u[c]
	}
	b.cu, b.cv = kernel.Columns(b.cu, b.u), kernel.Columns(b.cv, b.v)
	shard(x.N, func(_, lo, hi int) {
		kernel.Scale(y.windows(lo, hi), x.windows(lo, hi), b.cu, b.cv, b.relu)
	})
}

func invSqrt(variance float64) float32 { return float32(1 / math.Sqrt(variance+bnEpsilon)) }

// batchStatistics sets mu and inv from x and moves the running statistics. The
// variance is the mean square less the squared mean, which float64 affords for
// float32 samples.
func (b *batchNorm) batchStatistics(x Tensor) {
	m := float64(x.N * x.L)
	b.channelSums.of(x, x)
	for c := range b.mu {
		mean := b.sum[c] / m
		sq := max(0, b.product[c]-m*mean*mean)
		b.mu[c], b.inv[c] = float32(mean), invSqrt(sq/m)
		b.mean.W[c] += bnMomentum * (b.mu[c] - b.mean.W[c])
		b.va.W[c] += bnMomentum * (float32(sq/max(1, m-1)) - b.va.W[c])
	}
}

// backward, with M = N·L elements per channel:
//
//	dβ = Σ dy,  dγ = Σ dy x̂,  dx = γ/√(σ²+ε) (dy - dβ/M - x̂ dγ/M)
func (b *batchNorm) backward(x, _, dy, dx Tensor) {
	b.channelSums.of(dy, x)
	m := float64(x.N * x.L)
	for c := range b.c {
		mu, inv, gamma := float64(b.mu[c]), float64(b.inv[c]), float64(b.gamma.W[c])
		dbeta := b.sum[c]
		dgamma := inv * (b.product[c] - mu*b.sum[c])
		b.beta.G[c] += float32(dbeta)
		b.gamma.G[c] += float32(dgamma)
		// dx = u dy + v x + w
		slope := gamma * inv * inv * dgamma / m
		b.u[c] = float32(gamma * inv)
		b.v[c] = float32(-slope)
		b.w[c] = float32(slope*mu - gamma*inv*dbeta/m)
	}
	if dx.Data == nil {
		return
	}
	b.cu, b.cv, b.cw = kernel.Columns(b.cu, b.u), kernel.Columns(b.cv, b.v), kernel.Columns(b.cw, b.w)
	shard(x.N, func(_, lo, hi int) {
		kernel.NormBack(dx.windows(lo, hi), dy.windows(lo, hi), x.windows(lo, hi), b.cu, b.cv, b.cw)
	})
}

// channelSums adds up the products of two batches by channel.
type channelSums struct {
	part         [shards][]float64 // both sums of each shard, by kernel.Columns
	sum, product []float64         // of all shards, by channel
}

func newChannelSums(c int) channelSums {
	return channelSums{sum: make([]float64, c), product: make([]float64, c)}
}

// of sets sum and product to Σ x and Σ x·y of each channel, shards added in their
// order.
func (c *channelSums) of(x, y Tensor) {
	if c.part[0] == nil { // only what trains needs them
		n := len(kernel.Columns(nil, make([]float32, len(c.sum))))
		for i := range c.part {
			c.part[i] = make([]float64, 2*n)
		}
	}
	n := len(c.part[0]) / 2
	shard(x.N, func(s, lo, hi int) {
		clear(c.part[s])
		kernel.Sums(c.part[s][:n], c.part[s][n:], x.windows(lo, hi), y.windows(lo, hi))
	})
	clear(c.sum)
	clear(c.product)
	for s := range shards {
		if lo, hi := bounds(s, x.N); lo < hi {
			kernel.Fold(c.sum, c.part[s][:n])
			kernel.Fold(c.product, c.part[s][n:])
		}
	}
}
