package lines

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestKth holds the selection against a sort, with few values and many.
func TestKth(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 9))
	for range 2000 {
		x := make([]float64, 1+rng.IntN(200))
		different := 1 + rng.IntN(2*len(x))
		for i := range x {
			x[i] = float64(rng.IntN(different))
		}
		want := slices.Sorted(slices.Values(x))
		if k := rng.IntN(len(x)); kth(x, k) != want[k] {
			t.Fatalf("of %v the %d-th is not %v", want, k, want[k])
		}
	}
}
