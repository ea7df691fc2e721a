package nn

import (
	"fmt"
	"math"
	"slices"

	"brinell/internal/clamp"
)

// winners passes the elements of a window whose magnitude reaches the threshold of
// that window and sets the others to zero. Any shape.
type winners struct {
	rate float64
	tmp  [shards][]float32
}

func winnersShape(s site) (out Shape, reason string) {
	if !(s.Rate > 0 && s.Rate <= 1) {
		return out, fmt.Sprintf("rate %v is outside (0, 1]", s.Rate)
	}
	return s.in, ""
}

func newWinners(s site) layer { return &winners{rate: s.Rate} }

func winnersStep(s site, _ *step) step {
	return step{keep: winnersOf(s.Rate, s.in.Size()), scratch: s.in.Size(), zeros: true, run: runWinners}
}

func runWinners(s *step, y []float32, _ int) { selectWinners(y[:s.size], s.buf, s.keep, s.tmp) }

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

// patience is how many times the length of its input kthLargest looks at before it sorts
// what is left. Input in any usual order takes about three.
const patience = 16

// kthLargest returns the k-th largest of x, k from 1, whose order it changes. Weights from
// a file can put values into the order that makes Hoare's algorithm quadratic: what is left
// then is sorted.
//
// References: C. A. R. Hoare, Algorithm 65: Find, CACM 4(7), 1961; D. R. Musser,
// Introspective sorting and selection algorithms, Softw. Pract. Exper. 27 (1997) 983.
func kthLargest(x []float32, k int) float32 {
	v, _ := find(x, k, patience*len(x))
	return v
}

// find is kthLargest, which sorts what is left once it has looked at most elements, and
// says at how many it has looked.
func find(x []float32, k, most int) (v float32, looked int) {
	lo, hi := 0, len(x)-1
	for lo < hi {
		if looked += hi - lo + 1; looked > most {
			slices.Sort(x[lo : hi+1])
			return x[lo+hi-(k-1)], looked
		}
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
			return x[k-1], looked
		}
	}
	return x[k-1], looked
}
