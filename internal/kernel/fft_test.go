package kernel

import (
	"fmt"
	"math"
	"math/cmplx"
	"testing"
)

// kernels64 is every kernel of float64.
var kernels64 = append([]caseOf[float64]{
	passCase[float64](), untangleCase[float64](), deinterleaveCase[float64](), interleaveCase[float64](), timesCase[float64](),
}, signalKernels...)

func typed[T Real](name string) string { return fmt.Sprintf("%s/%T", name, T(0)) }

func both[T Real](x [][]T) Parts[T] { return Parts[T]{x[0], x[1]} }

// passCase is one pass of the transform for the size: all of a few lengths.
func passCase[T Real]() caseOf[T] {
	plan := func(s []int) (*FFT[T], pass[T]) {
		m := s[0]
		for !FFTLen(m) {
			m++
		}
		f := NewFFT[T](m)
		if len(f.passes) == 0 {
			return f, pass[T]{}
		}
		return f, f.passes[s[len(s)-1]%len(f.passes)]
	}
	var sizes [][]int
	for m := 2; m <= 4096; m++ {
		if FFTLen(m) {
			for i := range NewFFT[T](m).passes {
				sizes = append(sizes, []int{m, i})
			}
		}
	}
	return caseOf[T]{name: typed[T]("pass"), sizes: sizes, loose: true,
		lengths: func(s []int) []int { f, _ := plan(s); return []int{f.m, f.m, f.m, f.m} },
		call: func(s []int, x [][]T, plain bool) {
			f, p := plan(s)
			if f.m > 1 && (plain || !passAsm(both(x), both(x[2:]), p)) {
				passGo(both(x), both(x[2:]), p)
			}
		}}
}

func untangleCase[T Real]() caseOf[T] {
	return caseOf[T]{name: typed[T]("Untangle"), sizes: upTo(130), loose: true,
		lengths: func(s []int) []int { return []int{s[0], s[0], s[0]/2 + 1, s[0]/2 + 1} },
		call: func(s []int, x [][]T, plain bool) {
			if plain {
				untangle(both(x), both(x[2:]), 1)
			} else {
				Untangle(both(x), both(x[2:]))
			}
		}}
}

func deinterleaveCase[T Real]() caseOf[T] {
	return caseOf[T]{name: typed[T]("Deinterleave"), sizes: upTo(67),
		lengths: func(s []int) []int { return []int{s[0], s[0], 2 * s[0]} },
		call: func(s []int, x [][]T, plain bool) {
			f := Deinterleave[T]
			if plain {
				f = deinterleave[T]
			}
			f(both(x), x[2])
		}}
}

func interleaveCase[T Real]() caseOf[T] {
	return caseOf[T]{name: typed[T]("Interleave"), sizes: upTo(67),
		lengths: func(s []int) []int { return []int{2 * s[0], s[0], s[0]} },
		call: func(s []int, x [][]T, plain bool) {
			f := Interleave[T]
			if plain {
				f = interleave[T]
			}
			f(x[0], both(x[1:]), 0.3)
		}}
}

func timesCase[T Real]() caseOf[T] {
	return caseOf[T]{name: typed[T]("Times"), sizes: upTo(67), loose: true, lengths: each(4),
		call: func(s []int, x [][]T, plain bool) {
			f := Times[T]
			if plain {
				f = times[T]
			}
			f(both(x), both(x[2:]))
		}}
}

// TestFFT holds whole transforms against the definition.
func TestFFT(t *testing.T) {
	for _, impl := range Implementations() {
		defer Use(impl)()
		for m := 1; m <= 400; m++ {
			if FFTLen(m) {
				checkFFT[float64](t, m, 1e-13)
				checkFFT[float32](t, m, 1e-6)
			}
		}
	}
}

func checkFFT[T Real](t *testing.T, m int, tol float64) {
	t.Helper()
	x := NewParts[T](m)
	want := make([]complex128, m)
	for j := range m {
		x.Re[j], x.Im[j] = T(math.Sin(float64(j*j))), T(math.Cos(float64(7*j*j)))
		for k := range m {
			want[k] += complex(float64(x.Re[j]), float64(x.Im[j])) * cmplx.Rect(1, -2*math.Pi*float64(j*k%m)/float64(m))
		}
	}
	got, _ := NewFFT[T](m).Transform(x, NewParts[T](m))
	for k, w := range want {
		if d := cmplx.Abs(complex(float64(got.Re[k]), float64(got.Im[k])) - w); !(d <= tol*float64(m)) {
			t.Errorf("%s, %T, m=%d: bin %d is off by %g", Active(), T(0), m, k, d)
			return
		}
	}
}
