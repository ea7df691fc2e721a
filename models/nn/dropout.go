package nn

import (
	"fmt"
	"math/rand/v2"
)

// dropout sets a share of x to zero in training and scales the rest by
// 1/(1-rate), so that the expectation stays.
//
// Reference: N. Srivastava et al., Dropout, JMLR 15 (2014) 1929-1958.
type dropout struct {
	rate  float64
	src   *rand.PCG
	rng   *rand.Rand // on src
	scale []float32  // of the last forward: 0 or 1/(1-rate) per element
}

func dropoutShape(s site) (out Shape, reason string) {
	if !(s.Rate >= 0 && s.Rate < 1) {
		return out, fmt.Sprintf("rate %v is outside [0, 1)", s.Rate)
	}
	return s.in, ""
}

func newDropout(s site) layer {
	d := &dropout{rate: s.Rate}
	if s.rng != nil {
		d.seed(s.rng)
	}
	return d
}

// fuseDropout leaves it out: it does nothing in inference.
func fuseDropout(site, *step) bool { return true }

func (d *dropout) seed(rng *rand.Rand) {
	d.src = rand.NewPCG(rng.Uint64(), rng.Uint64())
	d.rng = rand.New(d.src)
}

func (d *dropout) forward(x, y Tensor, train bool) {
	if !train || d.rate == 0 {
		d.scale = d.scale[:0]
		copy(y.Data, x.Data)
		return
	}
	if d.rng == nil {
		panic("nn: training a network with dropout needs a random source")
	}
	// One stream for the whole batch: the mask must not depend on sharding.
	d.scale = d.scale[:0]
	keep := float32(1 / (1 - d.rate))
	for _, v := range x.Data {
		s := keep
		if d.rng.Float64() < d.rate {
			s = 0
		}
		y.Data[len(d.scale)] = v * s
		d.scale = append(d.scale, s)
	}
}

func (d *dropout) backward(_, _, dy, dx Tensor) {
	if dx.Data == nil {
		return
	}
	copy(dx.Data, dy.Data)
	for i, s := range d.scale {
		dx.Data[i] *= s
	}
}
