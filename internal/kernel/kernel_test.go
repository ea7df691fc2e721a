package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// kernelCase is one kernel for the shared check: lengths gives the sizes of its
// operands for a size, call runs it, or with plain its definition. All operands
// may be written; the check compares all of them.
type kernelCase = caseOf[float32]

type caseOf[T Real] struct {
	name    string
	sizes   [][]int
	lengths func(size []int) []int
	call    func(size []int, x [][]T, plain bool)
	loose   bool // results of a sum or a root, which rounding changes
}

func upTo(n int) (sizes [][]int) {
	for i := range n + 1 {
		sizes = append(sizes, []int{i})
	}
	return append(sizes, []int{1346}, []int{5121})
}

// products are sizes m, n, k: all small ones and those of the zoo, some slimmed.
func products() (sizes [][]int) {
	for m := range 20 {
		for _, n := range []int{0, 1, 2, 3, 7, 8, 9, 15, 16, 17, 24, 31, 32, 33, 47, 48, 64, 67} {
			for _, k := range []int{1, 2, 7, 33} {
				sizes = append(sizes, []int{m, n, k})
			}
		}
	}
	for _, n := range []int{1, 5, 10, 100, 127, 128, 129, 400} {
		sizes = append(sizes, []int{1, n, 512}, []int{6, n, 40})
	}
	return append(sizes, []int{256, 16, 64}, []int{128, 32, 48}, []int{64, 64, 96}, []int{67, 13, 64}, []int{192, 64, 64}, []int{100, 5, 67})
}

func each(n int) func([]int) []int {
	return func(size []int) []int { return slices.Repeat([]int{size[0]}, n) }
}

// gemmCase has strides that suit a product, a convolution, or its transpose.
func gemmCase(name string, strides func(m, k int) (ars, acs int), acc bool) kernelCase {
	return kernelCase{name: name, sizes: products(), loose: true,
		lengths: func(s []int) []int {
			ars, acs := strides(s[0], s[2])
			return []int{max(0, s[0]-1)*ars + (s[2]-1)*acs + 1, s[2]*(s[1]+1) + 1, s[0] * (s[1] + 2)}
		},
		call: func(s []int, x [][]float32, plain bool) {
			ars, acs := strides(s[0], s[2])
			f := Gemm
			if plain {
				f = gemm
			}
			f(s[0], s[1], s[2], x[0], ars, acs, x[1], s[1]+1, x[2], s[1]+2, acc)
		}}
}

func affineCase(act Act) kernelCase {
	return kernelCase{name: fmt.Sprintf("Affine%+v", act), sizes: products(), loose: true,
		lengths: func(s []int) []int {
			rows := s[0]
			if act.Pool {
				rows /= 2
			}
			return []int{s[0]*3 + s[2], s[2] * s[1], s[1], rows * s[1]}
		},
		call: func(s []int, x [][]float32, plain bool) {
			if !plain {
				Affine(s[0], x[0], 3, Weights{}.Pack(x[1], s[0], s[2], s[1]), x[2], x[3], act)
				return
			}
			m := s[0]
			if act.Pool {
				m &^= 1
			}
			affine(m, s[1], s[2], x[0], 3, x[1], x[2], x[3], s[1], act)
		}}
}

func lanesCase(act Act) kernelCase {
	var sizes [][]int
	for m := range 68 {
		for _, n := range []int{1, 2, 5, 6, 7, 12, 13, 15} {
			sizes = append(sizes, []int{m, n, 5})
		}
	}
	sizes = append(sizes, []int{256, 4, 64}, []int{128, 5, 12}, []int{255, 8, 24})
	taps := func(k int) []int32 {
		off := make([]int32, k)
		for p := range off {
			off[p] = int32(p * 13 % 41)
		}
		return off
	}
	return kernelCase{name: fmt.Sprintf("AffineLanes%+v", act), sizes: sizes, loose: true,
		lengths: func(s []int) []int {
			return []int{s[1] * s[2], NewTaps(taps(s[2])).reach - 1 + s[0] + Slack, s[1], s[1] * (s[0] + 3)}
		},
		call: func(s []int, x [][]float32, plain bool) {
			f := AffineLanes
			m := s[0]
			if plain {
				f = affineLanes
				if act.Pool {
					m &^= 1
				}
			}
			f(s[1], m, x[0], x[1], NewTaps(taps(s[2])), x[2], x[3], s[0]+3, act)
		}}
}

// thin sets three of four elements to zero.
func thin(w []float32) {
	for i := range w {
		if i*7919%1021%4 != 0 {
			w[i] = 0
		}
	}
}

func groupsCase(width int, relu bool) kernelCase {
	return kernelCase{name: fmt.Sprintf("AffineGroups/width=%d/relu=%v", width, relu), sizes: products(), loose: true,
		lengths: func(s []int) []int {
			return []int{max(0, s[0]-1)*3 + s[2] + width, s[2] * s[1], s[1], s[0] * s[1]}
		},
		call: func(s []int, x [][]float32, plain bool) {
			thin(x[1])
			g := NewGroups(x[1], s[2], s[1], width)
			f := AffineGroups
			if plain {
				f = affineGroups
			}
			f(s[0], x[0], 3, g, x[2], x[3], relu)
		}}
}

func nonzeroCase(relu bool) kernelCase {
	return kernelCase{name: fmt.Sprintf("AffineNonzero/relu=%v", relu), sizes: products(), loose: true,
		lengths: func(s []int) []int { return []int{s[2], s[2] * s[1], s[1], s[1]} },
		call: func(s []int, x [][]float32, plain bool) {
			thin(x[0])
			index := make([]int32, s[2])
			if !plain {
				AffineNonzero(x[0], x[1], x[2], x[3], relu, index)
				return
			}
			n := 0
			for p, v := range x[0] {
				if v != 0 {
					index[n] = int32(p)
					n++
				}
			}
			affineNonzero(x[0], x[1], x[2], x[3], relu, index[:n])
		}}
}

// rowSizes are rows of c channels.
func rowSizes() (sizes [][]int) {
	for _, c := range []int{1, 3, 5, 8, 13, 16, 32, 48, 67, 100} {
		for _, rows := range []int{0, 1, 2, 15, 16, 17, 33, 64} {
			sizes = append(sizes, []int{rows, c})
		}
	}
	return sizes
}

func scaleCase(relu bool) kernelCase {
	return kernelCase{name: fmt.Sprintf("Scale/relu=%v", relu), sizes: rowSizes(), loose: true,
		lengths: func(s []int) []int { n := s[0] * s[1]; p := columnsLen(s[1]); return []int{n, n, p, p} },
		call: func(s []int, x [][]float32, plain bool) {
			if plain {
				scaleShift(x[0], x[1], x[2], x[3], relu)
			} else {
				Scale(x[0], x[1], x[2], x[3], relu)
			}
		}}
}

func poolCase(name string, back, relu bool) kernelCase {
	return kernelCase{name: name, sizes: rowSizes(),
		lengths: func(s []int) []int {
			n := s[0] * s[1]
			if back {
				return []int{2 * n, 2 * n, n}
			}
			return []int{n, 2 * n}
		},
		call: func(s []int, x [][]float32, plain bool) {
			switch {
			case back && plain:
				maxPool2Back(x[0], x[1], x[2], s[1], relu)
			case back:
				MaxPool2Back(x[0], x[1], x[2], s[1], relu)
			case plain:
				maxPool2(x[0], x[1], s[1])
			default:
				MaxPool2(x[0], x[1], s[1])
			}
		}}
}

// kernels is every kernel of the package.
var kernels = []kernelCase{
	gemmCase("Gemm", func(m, k int) (int, int) { return k, 1 }, false),
	gemmCase("Gemm/acc", func(m, k int) (int, int) { return k, 1 }, true),
	gemmCase("Gemm/overlap", func(m, k int) (int, int) { return 2, 1 }, true),
	gemmCase("Gemm/transposed", func(m, k int) (int, int) { return 1, 3 }, true),
	affineCase(Act{}),
	affineCase(Act{ReLU: true}),
	affineCase(Act{Pool: true}),
	affineCase(Act{ReLU: true, Pool: true}),
	lanesCase(Act{}),
	lanesCase(Act{ReLU: true}),
	lanesCase(Act{ReLU: true, Pool: true}),
	groupsCase(1, false), groupsCase(8, true), groupsCase(16, false), groupsCase(16, true), groupsCase(3, false),
	nonzeroCase(false), nonzeroCase(true),
	scaleCase(false),
	scaleCase(true),
	poolCase("MaxPool2", false, false),
	poolCase("MaxPool2Back", true, false),
	poolCase("MaxPool2Back/relu", true, true),
	{"NormBack", rowSizes(), func(s []int) []int { n := s[0] * s[1]; p := columnsLen(s[1]); return []int{n, n, n, p, p, p} },
		func(s []int, x [][]float32, plain bool) {
			f := NormBack
			if plain {
				f = normBack
			}
			f(x[0], x[1], x[2], x[3], x[4], x[5])
		}, true},
	{"ReLU", upTo(67), each(2), func(s []int, x [][]float32, plain bool) {
		f := ReLU
		if plain {
			f = reLU
		}
		f(x[0], x[1])
	}, false},
	{"ReLUBack", upTo(67), each(3), func(s []int, x [][]float32, plain bool) {
		f := ReLUBack
		if plain {
			f = reLUBack
		}
		f(x[0], x[1], x[2])
	}, false},
	{"Add", upTo(67), each(2), func(s []int, x [][]float32, plain bool) {
		f := Add
		if plain {
			f = add
		}
		f(x[0], x[1])
	}, false},
	{"Adam", upTo(67), each(4), func(s []int, x [][]float32, plain bool) {
		for i, v := range x[3] { // a mean of squares
			x[3][i] = float32(math.Abs(float64(v)))
		}
		f := Adam
		if plain {
			f = adam
		}
		f(x[0], x[1], x[2], x[3], AdamStep{0.9, 0.999, 0.01, 1e-8, 0.001})
	}, true},
	sgdCase(false), sgdCase(true),
	passCase[float32](), untangleCase[float32](), deinterleaveCase[float32](), interleaveCase[float32](), timesCase[float32](),
	{"Shrink", upTo(67), each(1), func(s []int, x [][]float32, plain bool) {
		f := Shrink
		if plain {
			f = shrink
		}
		f(x[0], 0.25)
	}, false},
}

func sgdCase(nesterov bool) kernelCase {
	return kernelCase{name: fmt.Sprintf("SGD/nesterov=%v", nesterov), sizes: upTo(67), lengths: each(3), loose: true,
		call: func(s []int, x [][]float32, plain bool) {
			f := SGD
			if plain {
				f = sgd
			}
			f(x[0], x[1], x[2], 0.9, 0.01, 0.001, nesterov)
		}}
}

// TestKernels is the one check of all kernels: each implementation against the
// definition, at every size and alignment, with guards around every operand, on
// ordinary and on special numbers.
func TestKernels(t *testing.T) {
	for _, impl := range Implementations() {
		t.Run(impl, func(t *testing.T) {
			defer Use(impl)()
			for _, k := range kernels {
				t.Run(k.name, k.checkAll)
			}
			for _, k := range kernels64 {
				t.Run(k.name, k.checkAll)
			}
		})
	}
}

func (k caseOf[T]) checkAll(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for i, size := range k.sizes {
		for _, special := range []bool{false, true} {
			k.check(t, rng, size, i%16, special)
			if t.Failed() {
				return
			}
		}
	}
}

func (k caseOf[T]) check(t *testing.T, rng *rand.Rand, size []int, offset int, special bool) {
	t.Helper()
	const guard = 17
	var got, want, all [][]T
	for i, n := range k.lengths(size) {
		buf := make([]T, n+offset+i%3+2*guard)
		for j, v := range random(rng, len(buf)) {
			buf[j] = T(v)
		}
		if special {
			kinds := len(specials)
			if k.loose {
				kinds -= 2 // differences of the largest numbers are all rounding
			}
			for j := range buf {
				if rng.IntN(40) == 0 {
					buf[j] = T(specials[rng.IntN(kinds)])
				}
			}
		}
		from := guard + offset + i%3
		all = append(all, buf, slices.Clone(buf))
		got = append(got, buf[from:from+n:from+n])
		want = append(want, slices.Clone(buf[from:from+n]))
	}
	k.call(size, got, false)
	k.call(size, want, true)
	for i := range got {
		for j, w := range want[i] {
			if !k.same(got[i][j], w, size) {
				t.Errorf("size %v, special %v: operand %d, element %d is %v, want %v", size, special, i, j, got[i][j], w)
				return
			}
		}
		buf, before := all[2*i], all[2*i+1]
		from := guard + offset + i%3
		for j := range buf {
			inside := j >= from && j < from+len(got[i])
			if !inside && math.Float64bits(float64(buf[j])) != math.Float64bits(float64(before[j])) {
				t.Errorf("size %v: wrote element %d beside operand %d of %d elements", size, j-from, i, len(got[i]))
				return
			}
		}
	}
}

var specials = []float32{
	float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1)), 0, float32(math.Copysign(0, -1)),
	math.SmallestNonzeroFloat32, -math.SmallestNonzeroFloat32, 1e-40, math.MaxFloat32, -math.MaxFloat32,
}

// same allows the rounding of sums, of as many products below one as the last of
// the sizes says.
func (k caseOf[T]) same(got, want T, size []int) bool {
	g, w := float64(got), float64(want)
	tol := (4e-6 + 1e-7*float64(size[len(size)-1])) * max(1, math.Abs(w))
	if any(got) == any(g) {
		tol *= 1e-8
	}
	return got == want || math.IsNaN(g) && math.IsNaN(w) || k.loose && math.Abs(g-w) <= tol
}

// TestSums stands beside the shared check because its sums are in float64.
func TestSums(t *testing.T) {
	for _, impl := range Implementations() {
		defer Use(impl)()
		rng := rand.New(rand.NewPCG(3, 4))
		for _, size := range rowSizes() {
			rows, c := size[0], size[1]
			x, y := random(rng, rows*c), random(rng, rows*c)
			n := columnsLen(c)
			got := [2][]float64{make([]float64, n), make([]float64, n)}
			Sums(got[0], got[1], x, y)
			for j := range c {
				var sum, product float64
				for i := range rows {
					sum += float64(x[i*c+j])
					product += float64(x[i*c+j]) * float64(y[i*c+j])
				}
				folded := [2][]float64{make([]float64, c), make([]float64, c)}
				Fold(folded[0], got[0])
				Fold(folded[1], got[1])
				if math.Abs(folded[0][j]-sum) > 1e-12 || math.Abs(folded[1][j]-product) > 1e-12 {
					t.Fatalf("%s, %v: channel %d has %v and %v, want %v and %v", impl, size, j, folded[0][j], folded[1][j], sum, product)
				}
			}
		}
	}
}

// TestBitIdentical holds the promise that a sum depends on neither tiling nor
// vector width: every element of one product is that of its row and column alone,
// and the instruction sets agree.
func TestBitIdentical(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	const m, n, k = 37, 45, 61
	a, b, bias := random(rng, m*k), random(rng, k*n), random(rng, n)
	var first []float32
	for _, impl := range Implementations() {
		if impl == "go" {
			continue
		}
		restore := Use(impl)
		whole, row := make([]float32, m*n), make([]float32, n)
		Affine(m, a, k, Weights{}.Pack(b, m, k, n), bias, whole, Act{})
		for i := range m {
			Affine(1, a[i*k:], k, Weights{}.Pack(b, 1, k, n), bias, row, Act{})
			if !slices.Equal(row, whole[i*n:(i+1)*n]) {
				t.Errorf("%s: row %d alone differs", impl, i)
			}
		}
		w, x := make([]float32, n*k), make([]float32, k*m+Slack)
		Transpose(k, n, b, w, k)
		Transpose(m, k, a, x, m)
		off := make([]int32, k)
		for p := range off {
			off[p] = int32(p * m)
		}
		lanes, back := make([]float32, n*m), make([]float32, n*m)
		AffineLanes(n, m, w, x, NewTaps(off), bias, lanes, m, Act{})
		Transpose(n, m, lanes, back, n)
		if !slices.Equal(back, whole) {
			t.Errorf("%s: time in the lanes gives other sums", impl)
		}
		if first == nil {
			first = whole
		} else if !slices.Equal(first, whole) {
			t.Errorf("%s differs from the fastest", impl)
		}
		restore()
	}
}

func TestRefusesShortSlices(t *testing.T) {
	x := make([]float32, 7)
	long := make([]float32, 64)
	for name, f := range map[string]func(){
		"Gemm":          func() { Gemm(2, 4, 2, long, 2, 1, x, 4, long, 4, false) },
		"Affine":        func() { Affine(2, long, 2, Weights{}.Pack(long, 2, 2, 4), long, x, Act{}) },
		"Pack":          func() { Weights{}.Pack(x, 2, 2, 4) },
		"AffineLanes":   func() { AffineLanes(1, 4, long, x, NewTaps([]int32{0}), long, long, 4, Act{}) },
		"Scale":         func() { Scale(x, long, long, long, false) },
		"MaxPool2":      func() { MaxPool2(long, x, 1) },
		"NewFFT":        func() { NewFFT[float64](10) },
		"Transform":     func() { NewFFT[float64](8).Transform(NewParts[float64](8), NewParts[float64](7)) },
		"Untangle":      func() { Untangle(NewParts[float32](8), NewParts[float32](4)) },
		"Interleave":    func() { Interleave(x, NewParts[float32](4), 1) },
		"Times":         func() { Times(NewParts[float32](4), NewParts[float32](3)) },
		"NewGroups":     func() { NewGroups(x, 4, 4, 8) },
		"groups' width": func() { NewGroups(long, 4, 4, 17) },
		"AffineGroups":  func() { AffineGroups(1, x, 8, NewGroups(long, 8, 4, 8), long, long, false) },
		"AffineNonzero": func() { AffineNonzero(long, x, long, long[:4], false, make([]int32, 64)) },
		"NewTaps":       func() { NewTaps([]int32{-1}) },
		"Use":           func() { Use("neon") },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			f()
		}()
	}
}

// FuzzKernels compares implementations on sizes and numbers that the shared check
// has not.
func FuzzKernels(f *testing.F) {
	f.Add(uint8(0), uint64(1), uint16(3), uint16(5), uint16(7), true)
	f.Add(uint8(4), uint64(2), uint16(33), uint16(17), uint16(48), false)
	f.Fuzz(func(t *testing.T, which uint8, seed uint64, m, n, k uint16, special bool) {
		var check func(*testing.T, *rand.Rand, []int, int, bool)
		if i := int(which) % (len(kernels) + len(kernels64)); i < len(kernels) {
			check = kernels[i].check
		} else {
			check = kernels64[i-len(kernels)].check
		}
		size := []int{int(m % 130), 1 + int(n%130), 1 + int(k%200)}
		rng := rand.New(rand.NewPCG(seed, 1))
		for _, impl := range Implementations() {
			restore := Use(impl)
			check(t, rng, size, int(seed%16), special)
			restore()
		}
	})
}

func random(rng *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = rng.Float32()*2 - 1
	}
	return x
}
