package dsp

import "math"

// LowFFT is a plan for the lowest bins of the transform of a long real sequence. Its memory
// follows neither the length nor the number of bins: the sequence is taken in interleaved
// parts, one after the other. It owns its work space: not safe for concurrent use.
type LowFFT struct {
	n, parts int
	fft      *RealFFT
	x        []float64
	c        []complex128
}

// lowPart is how long the parts of a long sequence are at most, where its length allows it.
const lowPart = 1 << 17

// lowParts returns in how many parts a sequence of n numbers is taken: the fewest that leave
// none above lowPart and all of an even length; 1 where the factors of n allow none.
func lowParts(n int) int {
	for d := (n + lowPart - 1) / lowPart; d <= n/2 && d <= 1024; d++ {
		if n%(2*d) == 0 {
			return d
		}
	}
	return 1
}

// NewLowFFT returns the plan for sequences of n numbers. It panics if n < 1. It is for n
// with small factors, as those of a segment are: one that has no divisor near n/131072 takes
// the memory of a RealFFT.
func NewLowFFT(n int) *LowFFT {
	d := lowParts(n)
	l := n / d
	return &LowFFT{n: n, parts: d, fft: NewRealFFT(l), x: make([]float64, l), c: make([]complex128, l/2+1)}
}

// LowFFTBytes is not less than what NewLowFFT allocates.
func LowFFTBytes(n int) int64 {
	l := n / lowParts(n)
	return RealFFTBytes(l) + 16*int64(l) + pages
}

// Coefficients fills dst with the first bins of the one-sided spectrum of the sequence
// x(0), x(1) ... x(n-1), and returns it:
//
//	X[k] = Σ_j exp(-2πi jk/n) Y_j[k mod n/d],  k = 0..len(dst)-1
//
// with Y_j the transform of part j of d, x(j), x(j+d) ... It is RealFFT.Coefficients up to
// rounding. len(dst) is at most ⌊n/2⌋+1, else it panics. NaN and Inf spread to all bins. It
// allocates nothing.
//
// Reference: J. W. Cooley, J. W. Tukey, An algorithm for the machine calculation of complex
// Fourier series, Math. Comput. 19 (1965) 297, eq. 7 and 8.
func (f *LowFFT) Coefficients(dst []complex128, x func(i int) float64) []complex128 {
	if len(dst) > f.n/2+1 {
		panic("dsp: transform length mismatch")
	}
	clear(dst)
	for j := range f.parts {
		for i := range f.x {
			f.x[i] = x(j + i*f.parts)
		}
		f.fft.Coefficients(f.c, f.x)
		f.add(dst, j)
	}
	return dst
}

// add adds what part j gives, whose transform is f.c. From bin to bin the factor turns by
// multiplication, for so few bins that rounding stays in the last digits.
func (f *LowFFT) add(dst []complex128, j int) {
	const run = 128
	l := len(f.x)
	sin, cos := math.Sincos(-2 * math.Pi * float64(j) / float64(f.n))
	step := complex(cos, sin)
	for from := 0; from < len(dst); from += run {
		// j k mod n in integers keeps the angle exact.
		sin, cos := math.Sincos(-2 * math.Pi * float64(j*from%f.n) / float64(f.n))
		w, q := complex(cos, sin), from%l
		for k := from; k < min(from+run, len(dst)); k++ {
			if q <= l/2 {
				dst[k] += w * f.c[q]
			} else {
				c := f.c[l-q]
				dst[k] += w * complex(real(c), -imag(c))
			}
			w *= step
			if q++; q == l {
				q = 0
			}
		}
	}
}
