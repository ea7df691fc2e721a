package dsp

import (
	"math"
	"math/bits"
	"math/cmplx"

	"gonum.org/v1/gonum/dsp/fourier"
)

// RealFFT is a plan for the discrete Fourier transform of real sequences of one
// length. It owns its work space: not safe for concurrent use.
//
// Lengths whose prime factors are all at most 7 go to gonum's mixed-radix
// transform. Others take Bluestein's algorithm, which costs a few transforms of
// the next powers of two at any length; mixed radix alone is quadratic in a
// large prime factor, and lengths are chosen by clients.
type RealFFT struct {
	n      int
	direct *fourier.FFT
	chirp  *bluestein
}

// NewRealFFT returns the plan for length n. It panics if n < 1.
func NewRealFFT(n int) *RealFFT {
	if n < 1 {
		panic("dsp: transform length must be positive")
	}
	if smooth(n) {
		return &RealFFT{n: n, direct: fourier.NewFFT(n)}
	}
	return &RealFFT{n: n, chirp: newBluestein(n)}
}

// smooth reports whether 2, 3, 5 and 7 are the only prime factors of n.
func smooth(n int) bool {
	for _, p := range []int{2, 3, 5, 7} {
		for n%p == 0 {
			n /= p
		}
	}
	return n == 1
}

// Len returns the length of the real sequence.
func (f *RealFFT) Len() int { return f.n }

// Coefficients fills dst with the one-sided spectrum of x and returns it:
//
//	X[k] = Σ_j x[j] exp(-2πi jk/n),  k = 0..⌊n/2⌋
//
// unnormalised. len(x) must be n and len(dst) ⌊n/2⌋+1, else it panics; a nil dst
// is allocated. x is not changed.
func (f *RealFFT) Coefficients(dst []complex128, x []float64) []complex128 {
	if dst == nil {
		dst = make([]complex128, f.n/2+1)
	}
	if len(x) != f.n || len(dst) != f.n/2+1 {
		panic("dsp: transform length mismatch")
	}
	if f.direct != nil {
		return f.direct.Coefficients(dst, x)
	}
	for i, v := range x {
		f.chirp.in[i] = complex(v, 0)
	}
	f.chirp.transform()
	copy(dst, f.chirp.in)
	return dst
}

// Inverse fills dst with the real sequence whose one-sided spectrum is c, and
// returns it: Inverse after Coefficients gives x. The imaginary parts of c[0]
// and, for even n, of the last coefficient are taken as zero. c is not changed.
func (f *RealFFT) Inverse(dst []float64, c []complex128) []float64 {
	if dst == nil {
		dst = make([]float64, f.n)
	}
	if len(dst) != f.n || len(c) != f.n/2+1 {
		panic("dsp: transform length mismatch")
	}
	scale := 1 / float64(f.n)
	if f.direct != nil {
		f.direct.Sequence(dst, c)
		for i := range dst {
			dst[i] *= scale
		}
		return dst
	}
	// The inverse is the conjugate of the transform of the conjugate.
	in := f.chirp.in
	in[0] = complex(real(c[0]), 0)
	for k := 1; k <= (f.n-1)/2; k++ {
		in[k], in[f.n-k] = cmplx.Conj(c[k]), c[k]
	}
	if f.n%2 == 0 {
		in[f.n/2] = complex(real(c[f.n/2]), 0)
	}
	f.chirp.transform()
	for i := range dst {
		dst[i] = real(in[i]) * scale
	}
	return dst
}

// bluestein transforms complex sequences of any length n by a convolution of
// length m, a power of two of at least 2n-1:
//
//	X[k] = w[k] Σ_j (x[j] w[j]) conj(w[k-j]),  w[j] = exp(-πi j²/n)
//
// Reference: L. I. Bluestein, A linear filtering approach to the computation of
// the discrete Fourier transform, IEEE Trans. Audio Electroacoust. 18 (1970).
type bluestein struct {
	n      int
	fft    *fourier.CmplxFFT
	in     []complex128 // n elements: input, then result
	w      []complex128 // chirp, n elements
	filter []complex128 // transform of the conjugate chirp, m elements
	work   []complex128
	spec   []complex128
}

func newBluestein(n int) *bluestein {
	m := 1 << bits.Len(uint(2*n-2))
	b := &bluestein{n: n, fft: fourier.NewCmplxFFT(m),
		in: make([]complex128, n), w: make([]complex128, n),
		work: make([]complex128, m), spec: make([]complex128, m)}
	c := make([]complex128, m)
	for j := range n {
		// j² mod 2n in integers keeps the angle exact for large j.
		angle := math.Pi * float64(j*j%(2*n)) / float64(n)
		b.w[j] = cmplx.Rect(1, -angle)
		c[j] = cmplx.Rect(1, angle)
		if j > 0 {
			c[m-j] = c[j]
		}
	}
	b.filter = b.fft.Coefficients(nil, c)
	return b
}

// transform replaces in by its transform.
func (b *bluestein) transform() {
	clear(b.work)
	for j, v := range b.in {
		b.work[j] = v * b.w[j]
	}
	b.fft.Coefficients(b.spec, b.work)
	for i, f := range b.filter {
		b.spec[i] *= f
	}
	b.fft.Sequence(b.work, b.spec)
	scale := complex(1/float64(len(b.work)), 0)
	for k := range b.in {
		b.in[k] = b.work[k] * b.w[k] * scale
	}
}
