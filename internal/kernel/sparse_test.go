package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestGroups: storing and restoring changes nothing, only groups with a weight are
// stored, each with one index, aligned, and the product is that of the dense matrix.
func TestGroups(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for _, width := range []int{1, 2, 8, 16} {
		for _, size := range [][2]int{{1, 1}, {8, 3}, {33, 17}, {64, 100}, {131, 5}} {
			k, n := size[0], size[1]
			w := random(rng, k*n)
			thin(w)
			g := NewGroups(w, k, n, width)
			back := make([]float32, k*n)
			if g.Dense(back); !slices.Equal(back, w) {
				t.Errorf("%d x %d in groups of %d: the matrix does not come back", k, n, width)
			}
			want := 0
			for j := range n {
				for first := 0; first < k; first += width {
					for p := first; p < min(first+width, k); p++ {
						if w[p*n+j] != 0 {
							want++
							break
						}
					}
				}
			}
			starts, columns, values := g.Parts()
			if g.Count() != want || len(columns) != want || len(values) != want*width {
				t.Errorf("%d x %d in groups of %d: %d groups, %d indices, %d values; want %d groups", k, n, width, g.Count(), len(columns), len(values), want)
			}
			for _, c := range columns {
				if int(c)%width != 0 {
					t.Errorf("column %d is no multiple of %d", c, width)
				}
			}
			if _, err := GroupsOf(k, n, width, starts, columns, values); err != nil {
				t.Errorf("own parts are refused: %v", err)
			}
			x, bias := random(rng, k+width), random(rng, n)
			got := make([]float32, n)
			AffineGroups(1, x, 0, g, bias, got, false)
			for j := range n {
				sum := float64(bias[j])
				for p := range k {
					sum += float64(x[p]) * float64(w[p*n+j])
				}
				if math.Abs(sum-float64(got[j])) > 1e-6*max(1, math.Abs(sum)) {
					t.Errorf("%d x %d in groups of %d: output %d is %v, want %v", k, n, width, j, got[j], sum)
				}
			}
		}
	}
}

func TestGroupsOfRefuses(t *testing.T) {
	f := func(name string, k, n, width int, starts, columns []int32, values int) {
		t.Helper()
		if _, err := GroupsOf(k, n, width, starts, columns, slices.Repeat([]float32{1}, values)); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	f("width", 8, 1, 17, []int32{0, 0}, nil, 0)
	f("starts missing", 8, 2, 8, []int32{0, 0}, nil, 0)
	f("starts fall", 8, 2, 8, []int32{0, 1, 0}, nil, 0)
	f("starts beyond", 8, 2, 8, []int32{0, 2, 1}, []int32{0}, 8)
	f("values missing", 8, 1, 8, []int32{0, 1}, []int32{0}, 7)
	f("column beyond", 8, 1, 8, []int32{0, 1}, []int32{8}, 8)
	f("column negative", 8, 1, 8, []int32{0, 1}, []int32{-8}, 8)
	f("column between", 16, 1, 8, []int32{0, 1}, []int32{4}, 8)
	f("column twice", 16, 1, 8, []int32{0, 2}, []int32{0, 0}, 16)
	f("weights in the padding", 12, 1, 8, []int32{0, 1}, []int32{8}, 8)
}

// TestSparseBits: the instruction sets agree, and the product with the inputs that
// are not zero is the dense one.
func TestSparseBits(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 1))
	const k, n = 131, 77
	w, x, bias := random(rng, k*n), random(rng, k+MaxGroup), random(rng, n)
	thinned := slices.Clone(w)
	thin(thinned)
	thin(x)
	first := make(map[int][]float32)
	for _, impl := range Implementations() {
		if impl == "go" {
			continue
		}
		restore := Use(impl)
		for _, width := range []int{1, 8, 16} {
			c := make([]float32, n)
			AffineGroups(1, x, 0, NewGroups(thinned, k, n, width), bias, c, false)
			if first[width] == nil {
				first[width] = c
			} else if !slices.Equal(c, first[width]) {
				t.Errorf("%s, groups of %d: other bits than the fastest", impl, width)
			}
		}
		some, whole := make([]float32, n), make([]float32, n)
		AffineNonzero(x[:k], w, bias, some, true, make([]int32, k))
		Affine(1, x[:k], k, Weights{}.Pack(w, 1, k, n), bias, whole, Act{ReLU: true})
		if !slices.Equal(some, whole) {
			t.Errorf("%s: leaving zeros out changes bits", impl)
		}
		restore()
	}
}

// BenchmarkMatvec compares one step of a dense layer, dense and with a share of its
// weights or inputs zero.
func BenchmarkMatvec(b *testing.B) {
	rng := rand.New(rand.NewPCG(3, 1))
	run := func(name string, f func()) {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				f()
			}
		})
	}
	for _, n := range []int{64, 128, 256, 512, 1024} {
		w, x, bias, c := random(rng, n*n), random(rng, n+MaxGroup), random(rng, n), make([]float32, n)
		packed := Weights{}.Pack(w, 1, n, n)
		run(fmt.Sprintf("%dx%d/dense", n, n), func() { Affine(1, x, n, packed, bias, c, Act{}) })
		for _, share := range []float64{0.5, 0.8, 0.9, 0.95} {
			for _, width := range []int{1, 8, 16} {
				some := slices.Clone(w)
				for j := range n {
					for p := 0; p < n; p += width {
						if rng.Float64() < share {
							for i := range width {
								some[(p+i)*n+j] = 0
							}
						}
					}
				}
				g := NewGroups(some, n, n, width)
				run(fmt.Sprintf("%dx%d/zero=%v/group=%d", n, n, share, width), func() { AffineGroups(1, x, n, g, bias, c, false) })
			}
			z := slices.Clone(x[:n])
			for i := range z {
				if rng.Float64() < share {
					z[i] = 0
				}
			}
			index := make([]int32, n)
			run(fmt.Sprintf("%dx%d/zero=%v/inputs", n, n, share), func() { AffineNonzero(z, w, bias, c, false, index) })
		}
	}
}
