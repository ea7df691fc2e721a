package nn

import "brinell/internal/kernel"

// Constants of the switches of node pruning: the importance β starts at nodeInit
// and stays in [0, nodeMax]; a switch goes on above nodeOn, off below nodeOff, and
// stays as it is between them.
//
// Reference: J. Yu et al., Scalpel, ISCA 2017; values from the authors' code.
const (
	nodeInit = 0.8002
	nodeMax  = 0.802
	nodeOn   = 0.8001
	nodeOff  = 0.800
)

// nodes multiplies each channel by its switch α in {0, 1}: y = α x. Shapes: x, y
// [N, L, C]; importance, alive [C].
type nodes struct {
	beta, alpha *Param
	sums        channelSums
	scale, none []float32 // α and zeros by kernel.Columns
}

func nodesParams(s site) []declared { return perChannel(s, Importance, Alive) }

func newNodes(s site) layer {
	return &nodes{
		beta:  s.params[0],
		alpha: s.params[1],
		sums:  newChannelSums(s.in.C),
		none:  kernel.Columns(nil, make([]float32, s.in.C)),
	}
}

func nodesStep(s site, _ *step) step {
	n := s.layer.(*nodes)
	return step{scale: kernel.Columns(nil, n.alpha.W), shift: n.none, run: runScale}
}

func (d *nodes) forward(x, y Tensor, _ bool) {
	for c, b := range d.beta.W {
		b = min(max(b, 0), nodeMax)
		d.beta.W[c] = b
		switch {
		case b > nodeOn:
			d.alpha.W[c] = 1
		case b < nodeOff:
			d.alpha.W[c] = 0
		}
	}
	d.scale = kernel.Columns(d.scale, d.alpha.W)
	shard(x.N, func(_, lo, hi int) {
		kernel.Scale(y.windows(lo, hi), x.windows(lo, hi), d.scale, d.none, false)
	})
}

// backward: dβ = Σ dy x straight through the switch, so that a channel that is off
// can come back; dx = α dy.
func (d *nodes) backward(x, _, dy, dx Tensor) {
	d.sums.of(dy, x)
	for c, s := range d.sums.product {
		d.beta.G[c] += float32(s)
	}
	if dx.Data == nil {
		return
	}
	shard(x.N, func(_, lo, hi int) {
		kernel.Scale(dx.windows(lo, hi), dy.windows(lo, hi), d.scale, d.none, false)
	})
}
