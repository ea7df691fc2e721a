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
// transform. Others take Bluestein's algorithm, which costs two complex transforms
// of about 1.5 n at any length; mixed radix alone is quadratic in a large prime
// factor, and lengths are chosen by clients.
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
// unnormalised, in the unit of x. len(x) must be n and len(dst) ⌊n/2⌋+1, else it
// panics; a nil dst is allocated. NaN and Inf spread to all bins. x is not
// changed. It allocates nothing but a nil dst.
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
	b := f.chirp
	clear(b.work)
	for j, v := range x {
		b.work[j] = complex(v, 0) * b.w[j]
	}
	b.convolve(false)
	for k := range dst {
		dst[k] = b.work[k] * b.w[k]
	}
	return dst
}

// Inverse fills dst with the real sequence whose one-sided spectrum is c, and
// returns it:
//
//	x[j] = (1/n) Σ_k X[k] exp(2πi jk/n),  k = 0..n-1,  X[n-k] = conj(X[k])
//
// normalised, so that Inverse after Coefficients gives x. The imaginary parts of
// c[0] and, for even n, of the last coefficient are taken as zero. len(c) must be
// ⌊n/2⌋+1 and len(dst) n, else it panics; a nil dst is allocated. c is not changed.
// It allocates nothing but a nil dst.
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
	// x is the real part of the transform of the conjugate one-sided spectrum, in
	// which every bin but 0 Hz and half the rate stands for itself and its mirror.
	b := f.chirp
	clear(b.work)
	for k := 1; k <= (f.n-1)/2; k++ {
		b.work[k] = 2 * cmplx.Conj(c[k]) * b.w[k]
	}
	b.work[0] = complex(real(c[0]), 0)
	if f.n%2 == 0 {
		b.work[f.n/2] = complex(real(c[f.n/2]), 0) * b.w[f.n/2]
	}
	b.convolve(true)
	for i := range dst {
		dst[i] = real(b.work[i]*b.w[i]) * scale
	}
	return dst
}

// bluestein transforms sequences of any length n by a convolution:
//
//	X[k] = w[k] Σ_j (x[j] w[j]) conj(w[k-j]),  w[j] = exp(-πi j²/n)
//
// A one-sided spectrum has h = ⌊n/2⌋+1 values, so from n samples to h bins the
// lag k-j runs from -(n-1) to h-1, and from bins to samples it runs from -(h-1) to
// n-1. A cyclic filter of m ≥ n+h-1 elements holds the first range, and reversed
// the second; that is a quarter less than the 2n-1 of the two-sided transform.
//
// Reference: L. I. Bluestein, A linear filtering approach to the computation of
// the discrete Fourier transform, IEEE Trans. Audio Electroacoust. 18 (1970).
type bluestein struct {
	fft    *fourier.CmplxFFT
	w      []complex128 // chirp, n elements
	filter []complex128 // transform of the conjugate chirp over m, m elements
	work   []complex128 // input times chirp, then the convolution; m elements
	spec   []complex128
}

func newBluestein(n int) *bluestein {
	h := n/2 + 1
	m := fastLen(n + h - 1)
	b := &bluestein{fft: fourier.NewCmplxFFT(m), w: make([]complex128, n),
		work: make([]complex128, m), spec: make([]complex128, m)}
	for j := range n {
		// j² mod 2n in integers keeps the angle exact for large j.
		angle := math.Pi * float64(j*j%(2*n)) / float64(n)
		b.w[j] = cmplx.Rect(1, -angle)
		c := cmplx.Conj(b.w[j]) / complex(float64(m), 0)
		if j < h {
			b.work[j] = c
		}
		if j > 0 {
			b.work[m-j] = c
		}
	}
	b.filter = b.fft.Coefficients(nil, b.work)
	return b
}

// fastLen returns the least length of at least n that is a power of two times
// 1, 3, 5, 9 or 15, which mixed radix transforms fastest.
func fastLen(n int) int {
	for ; ; n++ {
		switch n >> bits.TrailingZeros(uint(n)) {
		case 1, 3, 5, 9, 15:
			return n
		}
	}
}

// convolve replaces work by its cyclic convolution with the filter, or with the
// reversed filter.
func (b *bluestein) convolve(reversed bool) {
	b.fft.Coefficients(b.spec, b.work)
	if reversed {
		b.spec[0] *= b.filter[0]
		for i, m := 1, len(b.spec); i < m; i++ {
			b.spec[i] *= b.filter[m-i]
		}
	} else {
		for i, f := range b.filter {
			b.spec[i] *= f
		}
	}
	b.fft.Sequence(b.work, b.spec)
}
