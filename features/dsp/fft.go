package dsp

import (
	"math"
	"math/cmplx"
	"unsafe"

	"gonum.org/v1/gonum/dsp/fourier"

	"brinell/internal/kernel"
)

// RealFFT is a plan for the discrete Fourier transform of real sequences of one
// length. It owns its work space: not safe for concurrent use.
//
// Even lengths take a complex transform of half the length: directly where that is a
// power of two or three times one, else, from 4096 on, by Bluestein's algorithm, which
// costs two complex transforms of about the length. Others whose prime factors are all
// at most 7 go to gonum's mixed-radix transform. The rest takes Bluestein's algorithm
// on the real sequence; mixed radix alone is quadratic in a large prime factor, and
// lengths are chosen by clients.
type RealFFT struct {
	n      int
	packed *packed[float64]
	direct *fourier.FFT
	chirp  *bluestein
}

// NewRealFFT returns the plan for length n. It panics if n < 1.
func NewRealFFT(n int) *RealFFT {
	switch {
	case n < 1:
		panic("dsp: transform length must be positive")
	case n%2 == 0 && kernel.FFTLen(n/2):
		return &RealFFT{n: n, packed: newPacked(n, kernel.NewFFT[float64](n/2))}
	case n%2 == 0 && n >= 4096:
		return &RealFFT{n: n, packed: newPacked(n, newBluestein(n/2, n/2))}
	case smooth(n):
		return &RealFFT{n: n, direct: fourier.NewFFT(n)}
	}
	return &RealFFT{n: n, chirp: newBluestein(n, n/2+1)}
}

// pages is by how much the runtime may round up what a plan allocates.
const pages = 16 * 8192

// RealFFTBytes is not less than what NewRealFFT allocates.
func RealFFTBytes(n int) int64 {
	switch {
	case n%2 == 0 && kernel.FFTLen(n/2):
		return packedBytes(n) + transformBytes(n/2)
	case n%2 == 0 && n >= 4096:
		return packedBytes(n) + bluesteinBytes(n/2, n/2)
	case smooth(n):
		return 24*int64(n) + pages
	}
	return bluesteinBytes(n, n/2+1)
}

// transformBytes is not less than what kernel.NewFFT allocates for float64: the factors of
// a pass of radix 4 take 12 bytes a number at stride 1 and, four times over, at 4, and then
// a quarter of the pass before.
func transformBytes(m int) int64 { return 26*int64(m) + pages }

func packedBytes(n int) int64 { return 22*int64(n) + pages }

func bluesteinBytes(n, h int) int64 {
	m := fastLen(n + h - 1)
	return transformBytes(m) + 48*int64(m) + 16*int64(n) + pages
}

// Bytes returns what f takes.
func (f *RealFFT) Bytes() int64 { return RealFFTBytes(f.n) }

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
	switch {
	case f.packed != nil:
		f.packed.coefficients(parts128(dst), x)
	case f.direct != nil:
		f.direct.Coefficients(dst, x)
	default:
		b := f.chirp
		copy(b.in.Re, x)
		clear(b.in.Im)
		kernel.Times(b.in.First(f.n), b.w)
		out := b.convolve(f.n).First(len(dst))
		kernel.Times(out, b.w)
		kernel.Interleave(parts128(dst), out, 1)
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
	if f.packed != nil {
		f.packed.inverse(dst, parts128(c))
		return dst
	}
	if f.direct != nil {
		f.direct.Sequence(dst, c)
		for i := range dst {
			dst[i] *= scale
		}
		return dst
	}
	// x is the real part of the transform of the conjugate one-sided spectrum, in
	// which every bin but 0 Hz and half the rate stands for itself and its mirror.
	// Lags are negative here: input and output of the convolution run backwards.
	b := f.chirp
	m := len(b.in.Re)
	clear(b.in.Re)
	clear(b.in.Im)
	for k := 1; k <= f.n/2; k++ {
		v := 2 * cmplx.Conj(c[k])
		if 2*k == f.n {
			v = complex(real(c[k]), 0)
		}
		v *= complex(b.w.Re[k], b.w.Im[k])
		b.in.Re[m-k], b.in.Im[m-k] = real(v), imag(v)
	}
	b.in.Re[0] = real(c[0])
	out := b.convolve(m)
	for i := range dst {
		j := (m - i) % m
		dst[i] = (out.Re[j]*b.w.Re[i] - out.Im[j]*b.w.Im[i]) * scale
	}
	return dst
}

// bluestein transforms sequences of any length n to their first h bins by a convolution:
//
//	X[k] = w[k] Σ_j (x[j] w[j]) conj(w[k-j]),  w[j] = exp(-πi j²/n)
//
// A one-sided spectrum has h = ⌊n/2⌋+1 values, a complex one n. From n samples to h
// bins the lag k-j runs from -(n-1) to h-1, and from bins to samples it runs from -(h-1) to
// n-1. A cyclic filter of m ≥ n+h-1 elements holds the first range, and reversed
// the second; for one side that is a quarter less than for both.
//
// Reference: L. I. Bluestein, A linear filtering approach to the computation of
// the discrete Fourier transform, IEEE Trans. Audio Electroacoust. 18 (1970).
type bluestein struct {
	fft      *kernel.FFT[float64]
	w        kernel.Parts[float64] // chirp, n elements
	filter   kernel.Parts[float64] // transform of the conjugate chirp over m
	in, work kernel.Parts[float64] // m elements each
}

func newBluestein(n, h int) *bluestein {
	m := fastLen(n + h - 1)
	b := &bluestein{kernel.NewFFT[float64](m), kernel.NewParts[float64](n), kernel.NewParts[float64](m),
		kernel.NewParts[float64](m), kernel.NewParts[float64](m)}
	for j := range n {
		// j² mod 2n in integers keeps the angle exact for large j.
		sin, cos := math.Sincos(math.Pi * float64(j*j%(2*n)) / float64(n))
		b.w.Re[j], b.w.Im[j] = cos, -sin
		cos, sin = cos/float64(m), sin/float64(m)
		if j < h {
			b.in.Re[j], b.in.Im[j] = cos, sin
		}
		if j > 0 {
			b.in.Re[m-j], b.in.Im[m-j] = cos, sin
		}
	}
	f, _ := b.fft.Transform(b.in, b.work)
	copy(b.filter.Re, f.Re)
	copy(b.filter.Im, f.Im)
	return b
}

// fastLen returns the least length of at least n for which there is a plan.
func fastLen(n int) int {
	two := 1
	for two < n {
		two *= 2
	}
	if three := two / 4 * 3; three >= n {
		return three
	}
	return two
}

// convolve returns the cyclic convolution of the first n numbers of in with the
// filter. It overwrites in.
func (b *bluestein) convolve(n int) kernel.Parts[float64] {
	clear(b.in.Re[n:])
	clear(b.in.Im[n:])
	c, spare := b.fft.Transform(b.in, b.work)
	kernel.Times(c, b.filter)
	c, _ = b.fft.Transform(c.Swap(), spare.Swap())
	return c.Swap()
}

// Transform is that of kernel.FFT, for a two-sided bluestein. It leaves x alone.
func (b *bluestein) Transform(x, work kernel.Parts[float64]) (out, spare kernel.Parts[float64]) {
	n := len(x.Re)
	copy(b.in.Re, x.Re)
	copy(b.in.Im, x.Im)
	kernel.Times(b.in.First(n), b.w)
	c := b.convolve(n).First(n)
	kernel.Times(c, b.w)
	copy(work.Re, c.Re)
	copy(work.Im, c.Im)
	return work, x
}

// packed transforms real sequences of even length n by a complex transform of
// their pairs.
//
// Reference: W. H. Press et al., Numerical Recipes, 3rd ed. (2007), section 12.3.
type packed[T kernel.Real] struct {
	fft     transformer[T]
	u       kernel.Parts[T] // factors of Untangle, n/4+1 elements
	back    []T             // -u.Im
	x, work kernel.Parts[T] // n/2 elements each
}

// transformer transforms complex sequences of one length.
type transformer[T kernel.Real] interface {
	Transform(x, work kernel.Parts[T]) (out, spare kernel.Parts[T])
}

func newPacked[T kernel.Real](n int, fft transformer[T]) *packed[T] {
	m := n / 2
	p := &packed[T]{fft, kernel.NewParts[T](m/2 + 1), make([]T, m/2+1), kernel.NewParts[T](m), kernel.NewParts[T](m)}
	for k := range p.u.Re {
		sin, cos := math.Sincos(math.Pi * float64(k) / float64(m))
		p.u.Re[k], p.u.Im[k], p.back[k] = T(-sin), T(-cos), T(cos)
	}
	return p
}

// spectrum transforms the pairs of x, which Deinterleave has put into p.x. Of the
// result element 0 holds the two real bins, 0 Hz and half the rate.
func (p *packed[T]) spectrum() kernel.Parts[T] {
	c, _ := p.fft.Transform(p.x, p.work)
	kernel.Untangle(c, p.u)
	c.Re[0], c.Im[0] = c.Re[0]+c.Im[0], c.Re[0]-c.Im[0]
	return c
}

// coefficients is RealFFT.Coefficients with the numbers of dst as pairs.
func (p *packed[T]) coefficients(dst, x []T) {
	kernel.Deinterleave(p.x, x)
	c := p.spectrum()
	m := len(c.Re)
	kernel.Interleave(dst[:2*m], c, 1)
	dst[1], dst[2*m], dst[2*m+1] = 0, c.Im[0], 0
}

// inverse is RealFFT.Inverse with the numbers of c as pairs.
func (p *packed[T]) inverse(dst, c []T) {
	m := len(p.x.Re)
	kernel.Deinterleave(p.x, c)
	p.x.Re[0], p.x.Im[0] = (c[0]+c[2*m])/2, (c[0]-c[2*m])/2
	kernel.Untangle(p.x, kernel.Parts[T]{Re: p.u.Re, Im: p.back})
	x, _ := p.fft.Transform(p.x.Swap(), p.work.Swap())
	kernel.Interleave(dst, x.Swap(), 1/T(m))
}

// parts128 are the numbers of c as pairs of real and imaginary part, as they
// stand in memory.
func parts128(c []complex128) []float64 {
	return unsafe.Slice((*float64)(unsafe.Pointer(unsafe.SliceData(c))), 2*len(c))
}

// RealFFT32 is RealFFT in single precision, for lengths that are a power of two.
// Its results are within about 1e-6 of the largest |X|. It owns its work space:
// not safe for concurrent use.
type RealFFT32 struct{ packed *packed[float32] }

// NewRealFFT32 returns the plan for length n. It panics unless n is a power of two
// and at least 2.
func NewRealFFT32(n int) *RealFFT32 {
	if n < 2 || n&(n-1) != 0 {
		panic("dsp: transform length must be a power of two")
	}
	return &RealFFT32{newPacked(n, kernel.NewFFT[float32](n/2))}
}

// Len returns the length of the real sequence.
func (f *RealFFT32) Len() int { return 2 * len(f.packed.x.Re) }

// Coefficients is RealFFT.Coefficients in single precision.
func (f *RealFFT32) Coefficients(dst []complex64, x []float32) []complex64 {
	if dst == nil {
		dst = make([]complex64, f.Len()/2+1)
	}
	if len(x) != f.Len() || len(dst) != f.Len()/2+1 {
		panic("dsp: transform length mismatch")
	}
	f.packed.coefficients(parts64(dst), x)
	return dst
}

// Inverse is RealFFT.Inverse in single precision.
func (f *RealFFT32) Inverse(dst []float32, c []complex64) []float32 {
	if dst == nil {
		dst = make([]float32, f.Len())
	}
	if len(dst) != f.Len() || len(c) != f.Len()/2+1 {
		panic("dsp: transform length mismatch")
	}
	f.packed.inverse(dst, parts64(c))
	return dst
}

func parts64(c []complex64) []float32 {
	return unsafe.Slice((*float32)(unsafe.Pointer(unsafe.SliceData(c))), 2*len(c))
}
