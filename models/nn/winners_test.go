package nn

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestWinnersShare holds that exactly ⌈r·n⌉ elements stay where none tie, that all
// that tie with the last stay, and that the threshold is the window's own.
func TestWinnersShare(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for _, n := range []int{1, 2, 7, 64, 1000} {
		for _, rate := range []float64{0.01, 0.1, 0.25, 0.5, 0.99, 1} {
			x, y := make([]float32, n), make([]float32, n)
			for i := range x {
				x[i] = float32(rng.NormFloat64())
			}
			keep := winnersOf(rate, n)
			selectWinners(y, x, keep, make([]float32, n))
			if got, want := nonzero(y), int(math.Ceil(rate*float64(n)-1e-9)); got != want {
				t.Errorf("n %d, rate %v: %d winners, want %d", n, rate, got, want)
			}
			smallest, largest := float32(math.Inf(1)), float32(0)
			for i, v := range y {
				if a := float32(math.Abs(float64(x[i]))); v == 0 {
					largest = max(largest, a)
				} else {
					smallest = min(smallest, a)
				}
			}
			if largest > smallest {
				t.Errorf("n %d, rate %v: %v lost to %v", n, rate, largest, smallest)
			}
		}
	}
	y := make([]float32, 5)
	selectWinners(y, []float32{1, -2, 2, 0, 1}, 1, make([]float32, 5))
	if want := []float32{0, -2, 2, 0, 0}; !slices.Equal(y, want) {
		t.Errorf("ties: got %v, want %v", y, want)
	}
}

func BenchmarkWinners(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 1))
	x, y, tmp := make([]float32, 2048), make([]float32, 2048), make([]float32, 2048)
	for i := range x {
		x[i] = max(0, float32(rng.NormFloat64()))
	}
	for b.Loop() {
		selectWinners(y, x, 300, tmp)
	}
}

func nonzero(x []float32) (n int) {
	for _, v := range x {
		if v != 0 {
			n++
		}
	}
	return n
}

func TestKthLargest(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 1))
	for range 2000 {
		x := make([]float32, 1+rng.IntN(40))
		for i := range x {
			x[i] = float32(rng.IntN(1 + rng.IntN(50))) // many equals
		}
		sorted := slices.Clone(x)
		slices.Sort(sorted)
		k := 1 + rng.IntN(len(x))
		if got, want := kthLargest(slices.Clone(x), k), sorted[len(x)-k]; got != want {
			t.Fatalf("%v: the %d-th largest is %v, got %v", x, k, want, got)
		}
	}
}

// TestNodes holds the hysteresis of the switches and that the gradient of the
// importance is that of the unmasked activation.
func TestNodes(t *testing.T) {
	d := switches(Signal(1, 3))
	x, y := Tensor{1, 1, 3, []float32{2, 3, 5}}, NewTensor(1, 1, 3)
	f := func(beta, alpha []float32) {
		t.Helper()
		copy(d.beta.W, beta)
		d.forward(x, y, true)
		if !slices.Equal(d.alpha.W, alpha) {
			t.Errorf("importance %v: switches %v, want %v", beta, d.alpha.W, alpha)
		}
	}
	f([]float32{0.8002, 0.7999, -1}, []float32{1, 0, 0})
	f([]float32{0.80005, 0.80005, 0.9}, []float32{1, 0, 1}) // between the limits nothing changes
	if d.beta.W[2] != nodeMax {
		t.Errorf("importance %v is not clamped to %v", d.beta.W[2], nodeMax)
	}
	dx := NewTensor(1, 1, 3)
	d.backward(x, y, Tensor{1, 1, 3, []float32{7, 11, 13}}, dx)
	if want := []float32{14, 33, 65}; !slices.Equal(d.beta.G, want) {
		t.Errorf("gradient of the importance %v, want %v", d.beta.G, want)
	}
	if want := []float32{7, 0, 13}; !slices.Equal(dx.Data, want) {
		t.Errorf("dx %v, want %v", dx.Data, want)
	}
}

// switches returns the nodes of an input, as a network has them.
func switches(in Shape) *nodes {
	s := site{Layer: Nodes(), path: "0", in: in, out: in}
	for _, d := range nodesParams(s) {
		s.params = append(s.params, newParam(s.path, d, nil))
	}
	return newNodes(s).(*nodes)
}

// adversary answers comparisons of a selection so that it has to look at everything again and
// again: values are decided on as late as can be.
//
// Reference: M. D. McIlroy, A killer adversary for quicksort, Softw. Pract. Exper. 29 (1999) 341.
type adversary struct {
	rank      []int // of each item, the greatest 0; open is undecided
	decided   int
	candidate int
}

func (a *adversary) greater(x, y int) bool {
	open := len(a.rank)
	if a.rank[x] == open && a.rank[y] == open {
		now := y
		if x == a.candidate {
			now = x
		}
		a.rank[now] = a.decided
		a.decided++
	}
	if a.rank[x] == open {
		a.candidate = x
	} else if a.rank[y] == open {
		a.candidate = y
	}
	return a.rank[x] < a.rank[y]
}

// killer plays the selection of find against the adversary, and returns the values that it
// has settled on.
func killer(n, k int) []float32 {
	a, x := &adversary{rank: make([]int, n)}, make([]int, n)
	for i := range x {
		x[i], a.rank[i] = i, n
	}
	for lo, hi := 0, n-1; lo < hi; {
		mid := (lo + hi) / 2
		for _, p := range [][2]int{{mid, lo}, {hi, lo}, {hi, mid}} {
			if a.greater(x[p[0]], x[p[1]]) {
				x[p[0]], x[p[1]] = x[p[1]], x[p[0]]
			}
		}
		pivot, i, j := x[mid], lo, hi
		for i <= j {
			for x[i] != pivot && a.greater(x[i], pivot) {
				i++
			}
			for x[j] != pivot && a.greater(pivot, x[j]) {
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
			lo = hi
		}
	}
	v := make([]float32, n)
	for i, r := range a.rank {
		v[i] = float32(n - min(r, n-1))
	}
	return v
}

// TestKiller: values in the order that makes the selection quadratic cost no more than a few
// looks at each and a sort, and give the same answer.
func TestKiller(t *testing.T) {
	const n, k = 20_000, 19_999
	x := killer(n, k)
	sorted := slices.Sorted(slices.Values(x))
	if _, looked := find(slices.Clone(x), k, math.MaxInt); looked < 100*n {
		t.Fatalf("without a bound it looks at %d elements: the order is not the one", looked)
	}
	got, looked := find(slices.Clone(x), k, patience*n)
	if got != sorted[n-k] || looked > 17*n {
		t.Errorf("got %v after looking at %d, want %v after %d at most", got, looked, sorted[n-k], 17*n)
	}
	if got := kthLargest(slices.Clone(x), k); got != sorted[n-k] {
		t.Errorf("got %v, want %v", got, sorted[n-k])
	}
	for k := 1; k <= 50; k++ { // wherever it stops
		for most := range 300 {
			x := slices.Clone(x[:50])
			want := slices.Sorted(slices.Values(x))[50-k]
			if got, _ := find(x, k, most); got != want {
				t.Fatalf("%d of 50 after %d: %v, want %v", k, most, got, want)
			}
		}
	}
}
