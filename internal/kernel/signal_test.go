package kernel

import (
	"math"
	"testing"
)

// samplesCase is a kernel that reads float32 samples: x[0] rounded.
func samplesCase(name string, results int, call func(x []float32, dst []float64, plain bool)) caseOf[float64] {
	return caseOf[float64]{name: name, sizes: upTo(67), loose: true,
		lengths: func(s []int) []int { return []int{s[0], max(results, s[0]*(1-min(1, results)))} },
		call: func(s []int, x [][]float64, plain bool) {
			samples := make([]float32, s[0], s[0]+17)
			for i, v := range x[0] {
				samples[i] = float32(v)
			}
			call(samples, x[1], plain)
		}}
}

// signalKernels is every kernel over samples and spectra.
var signalKernels = []caseOf[float64]{
	samplesCase("Summarise", 6, func(x []float32, dst []float64, plain bool) {
		s := emptySummary
		if plain {
			s.add(x)
		} else {
			s = Summarise(x)
		}
		if math.IsNaN(s.Squares) {
			s.Min, s.Max = 0, 0
		}
		copy(dst, []float64{s.Sum, s.Squares, s.Abs, s.Root, s.Min, s.Max})
	}),
	samplesCase("Deviations", 3, func(x []float32, dst []float64, plain bool) {
		var s [3]float64
		if plain {
			deviations(x, 0.1, 0.9, &s)
		} else {
			s = Deviations(x, 0.1, 0.9)
		}
		copy(dst, s[:])
	}),
	samplesCase("Widen", 0, func(x []float32, dst []float64, plain bool) {
		if plain {
			widen(dst, x, 0.3)
		} else {
			Widen(dst, x, 0.3)
		}
	}),
	{name: "AddPower", sizes: upTo(67), lengths: each(3), loose: true,
		call: func(s []int, x [][]float64, plain bool) {
			f := AddPower
			if plain {
				f = addPower
			}
			f(x[0], both(x[1:]), 0.7)
		}},
	{name: "Moments", sizes: upTo(67), loose: true,
		lengths: func(s []int) []int { return []int{s[0], 5} },
		call: func(s []int, x [][]float64, plain bool) {
			for i, v := range x[0] { // a power, so that sums do not cancel
				x[0][i] = math.Abs(v)
			}
			const from = -33.3
			var m [5]float64
			if plain {
				moments(x[0], from, &m)
			} else {
				m = Moments(x[0], from)
			}
			// To the size of their terms: the odd ones cancel.
			scale := math.Max(-from, float64(s[0]))
			for i, v := range m {
				x[1][i] = v / math.Pow(scale, float64(i))
			}
		}},
}

// TestBins stands beside the shared check because its results are integers. They
// are the same ones exactly: a bin is part of a definition.
func TestBins(t *testing.T) {
	for _, impl := range Implementations() {
		defer Use(impl)()
		for n := range 68 {
			x, got, want := make([]float32, n+2), make([]int32, n+2), make([]int32, n+2)
			for i := range x {
				x[i] = float32(i*i%23) / 7
			}
			const low, count = 0, 64
			for _, width := range []float64{22. / 7, float64(float32(22. / 7)), 100} {
				Bins(got[1:n+1], x[1:n+1], low, width, count)
				bins(want[1:n+1], x[1:n+1], low, width, count)
				for i := range got {
					if got[i] != want[i] {
						t.Fatalf("%s, n=%d: sample %d is in bin %d, want %d", impl, n, i-1, got[i], want[i])
					}
				}
			}
		}
	}
}
