package nn

import (
	"math"

	"brinell/internal/clamp"
	"brinell/internal/kernel"
)

// winners passes the elements of a window whose magnitude reaches the threshold of
// that window and sets the others to zero. Any shape.
type winners struct {
	rate float64
	tmp  [shards][]float32
}

func (*winners) params() []*Param { return nil }

func (w *winners) forward(x, y Tensor, _ bool) {
	keep := winnersOf(w.rate, x.L*x.C)
	shard(x.N, func(s, lo, hi int) {
		for n := lo; n < hi; n++ {
			selectWinners(y.At(n), x.At(n), keep, scratch(&w.tmp[s], x.L*x.C))
		}
	})
}

// backward: the gradient passes where the element did. A zero among the winners gets
// none; behind a ReLU it has none to pass on.
func (w *winners) backward(_, y, dy, dx Tensor) {
	if dx.Data == nil {
		return
	}
	for i, v := range y.Data {
		if v != 0 {
			dx.Data[i] = dy.Data[i]
		} else {
			dx.Data[i] = 0
		}
	}
}

// winnersOf is how many of n elements a winner rate keeps.
func winnersOf(rate float64, n int) int {
	return clamp.Int(math.Ceil(rate*float64(n)-1e-9), 0, n)
}

// selectWinners copies to y the elements of x whose magnitude is at least that of
// the keep-th largest, and zero for the others. tmp is as long as x.
func selectWinners(y, x []float32, keep int, tmp []float32) {
	y = y[:len(x)]
	if keep >= len(x) {
		copy(y, x)
		return
	}
	// Zeros, of which ReLU leaves many, cannot be told from losers.
	n := 0
	for _, v := range x {
		if v != 0 {
			tmp[n] = float32(math.Abs(float64(v)))
			n++
		}
	}
	if n <= keep {
		copy(y, x)
		return
	}
	theta := kthLargest(tmp[:n], keep)
	for i, v := range x {
		if v >= theta || -v >= theta {
			y[i] = v
		} else {
			y[i] = 0
		}
	}
}

// kthLargest returns the k-th largest of x, k from 1, whose order it changes.
//
// Reference: C. A. R. Hoare, Algorithm 65: Find, CACM 4(7), 1961.
func kthLargest(x []float32, k int) float32 {
	lo, hi := 0, len(x)-1
	for lo < hi {
		// The median of three makes sorted input harmless.
		mid := (lo + hi) / 2
		if x[mid] > x[lo] {
			x[mid], x[lo] = x[lo], x[mid]
		}
		if x[hi] > x[lo] {
			x[hi], x[lo] = x[lo], x[hi]
		}
		if x[hi] > x[mid] {
			x[hi], x[mid] = x[mid], x[hi]
		}
		pivot := x[mid]
		i, j := lo, hi
		for i <= j {
			for x[i] > pivot {
				i++
			}
			for pivot > x[j] {
				j--
			}
			if i <= j {
				x[i], x[j] = x[j], x[i]
				i++
				j--
			}
		}
		switch {
		case k-1 <= j:
			hi = j
		case k-1 >= i:
			lo = i
		default:
			return x[k-1]
		}
	}
	return x[k-1]
}

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

func newNodes(at Path, in Shape) *nodes {
	return &nodes{
		beta:  newParam(at, Importance, true, in.C).fill(nodeInit),
		alpha: newParam(at, Alive, false, in.C).fill(1),
		sums:  newChannelSums(in.C),
		none:  kernel.Columns(nil, make([]float32, in.C)),
	}
}

func (d *nodes) params() []*Param { return []*Param{d.beta, d.alpha} }

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
