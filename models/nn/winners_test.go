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
