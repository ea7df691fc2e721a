package bench

import (
	"fmt"
	"math/rand/v2"

	"brinell/internal/kernel"
)

// matvecCases compare one row of a dense layer of n by n weights, dense, with 90 % of
// them zero one by one (CSR) or in groups of inputs, and with 90 % of its inputs zero.
func matvecCases(n int) []workload {
	const zero = 0.9
	dense := fmt.Sprintf("matvec/%d/dense", n)
	x, bias := noise32(n+kernel.MaxGroup), noise32(n)
	cases := []workload{timed(dense, "", func() func() {
		w, c := kernel.Weights{}.Pack(noise32(n*n), 1, n, n), make([]float32, n)
		return func() { kernel.Affine(1, x[:n], n, w, bias, c, kernel.Act{}) }
	})}
	for _, width := range []int{1, 8, 16} {
		name := fmt.Sprintf("matvec/%d/groups=%d", n, width)
		if width == 1 {
			name = fmt.Sprintf("matvec/%d/csr", n)
		}
		cases = append(cases, timed(name, dense, func() func() {
			w, c, rng := noise32(n*n), make([]float32, n), rand.New(rand.NewPCG(1, 1))
			for j := range n {
				for p := 0; p < n; p += width {
					if rng.Float64() < zero {
						for i := range width {
							w[(p+i)*n+j] = 0
						}
					}
				}
			}
			g := kernel.NewGroups(w, n, n, width)
			return func() { kernel.AffineGroups(1, x, n, g, bias, c, false) }
		}))
	}
	return append(cases, timed(fmt.Sprintf("matvec/%d/inputs", n), dense, func() func() {
		w, c, rng := noise32(n*n), make([]float32, n), rand.New(rand.NewPCG(1, 1))
		z, index := make([]float32, n), make([]int32, n)
		for i := range z {
			if rng.Float64() >= zero {
				z[i] = x[i]
			}
		}
		return func() { kernel.AffineNonzero(z, w, bias, c, false, index) }
	}))
}
