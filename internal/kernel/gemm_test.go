package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// TestGemm holds the kernel against the definition in float64 over small sizes,
// strides with overlap and transposition, and guards around the result.
func TestGemm(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	const guard = 12345
	for _, m := range []int{0, 1, 2, 3, 5, 8} {
		for _, n := range []int{0, 1, 3, 4, 5, 9, 16} {
			for _, k := range []int{0, 1, 2, 7, 33} {
				for _, st := range [][2]int{{k, 1}, {2, 1}, {1, m}, {1, 3}} {
					ars, acs := st[0], st[1]
					a := random(rng, m*ars+k*acs+1)
					ldb, ldc := n+1, n+2
					b := random(rng, k*ldb+n+1)
					for _, acc := range []bool{false, true} {
						c := random(rng, m*ldc+n)
						want := make([]float64, len(c))
						for i := range c {
							if i/ldc >= m || i%ldc >= n {
								c[i] = guard
							}
							want[i] = float64(c[i])
						}
						for i := range m {
							for j := range n {
								s := 0.0
								if acc {
									s = float64(c[i*ldc+j])
								}
								for p := range k {
									s += float64(a[i*ars+p*acs]) * float64(b[p*ldb+j])
								}
								want[i*ldc+j] = s
							}
						}
						Gemm(m, n, k, a, ars, acs, b, ldb, c, ldc, acc)
						for i := range c {
							// Random walk of k roundings, far above what occurs.
							if tol := 1e-6 * (1 + float64(k)); math.Abs(float64(c[i])-want[i]) > tol {
								t.Fatalf("m=%d n=%d k=%d ars=%d acs=%d acc=%v: c[%d] = %v, want %v", m, n, k, ars, acs, acc, i, c[i], want[i])
							}
						}
					}
				}
			}
		}
	}
}

func TestGemmPropagatesNaN(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	c := make([]float32, 4)
	Gemm(1, 4, 2, []float32{0, 1}, 2, 1, []float32{nan, inf, 1, 2, 3, 4, 5, 6}, 4, c, 4, false)
	if !math.IsNaN(float64(c[0])) || !math.IsNaN(float64(c[1])) || c[2] != 5 || c[3] != 6 {
		t.Errorf("got %v, want NaN NaN 5 6", c)
	}
}

func TestGemmRefusesShortSlices(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("no panic on a short B")
		}
	}()
	Gemm(2, 4, 2, make([]float32, 4), 2, 1, make([]float32, 7), 4, make([]float32, 8), 4, false)
}

func random(rng *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = rng.Float32()*2 - 1
	}
	return x
}

func BenchmarkGemm(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, s := range [][3]int{{128, 32, 48}, {32, 64, 192}, {1, 100, 512}} {
		m, n, k := s[0], s[1], s[2]
		b.Run(fmt.Sprintf("M=%d/N=%d/K=%d", m, n, k), func(b *testing.B) {
			x, y, z := random(rng, m*k), random(rng, k*n), random(rng, m*n)
			for b.Loop() {
				Gemm(m, n, k, x, k, 1, y, n, z, n, false)
			}
			b.ReportMetric(2*float64(m*n*k)*float64(b.N)/float64(b.Elapsed().Nanoseconds()), "GFLOP/s")
		})
	}
}
