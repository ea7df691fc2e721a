package dsp

import "brinell/internal/kernel"

// Periodogram is a plan for the power spectrum of windows of any length by
// pieces of one length. It owns its work space: not safe for concurrent use.
type Periodogram struct {
	plan *RealFFT
	x    []float64
	c    []complex128 // unless the plan has parts
}

// NewPeriodogram returns the plan for pieces of n samples. It panics if n < 1.
func NewPeriodogram(n int) *Periodogram {
	p := &Periodogram{plan: NewRealFFT(n), x: make([]float64, n)}
	if p.plan.packed == nil {
		p.c = make([]complex128, n/2+1)
	}
	return p
}

// PeriodogramBytes is not less than what NewPeriodogram allocates.
func PeriodogramBytes(n int) int64 { return RealFFTBytes(n) + 16*int64(n) + pages }

// Bytes returns what p takes.
func (p *Periodogram) Bytes() int64 { return PeriodogramBytes(p.plan.n) }

// Len returns the length n of a piece; bin k lies at k/n of the sampling rate.
func (p *Periodogram) Len() int { return p.plan.n }

// Power fills dst with the one-sided mean periodogram of x minus mean, and
// returns it. With X the transform of a piece,
//
//	P[k] = g[k] |X[k]|²/n²,  k = 0..⌊n/2⌋
//
// averaged over the pieces, where g is 1 at 0 Hz and at half the rate, and else 2.
// The pieces are consecutive, without taper; the last one is moved back to end
// with x, so that every sample counts and some may count twice. P is the power
// in the bin, not a density: in the unit of x squared, and for len(x) = n its sum
// is exactly the mean square of x - mean (Parseval).
//
// len(dst) must be ⌊n/2⌋+1, else it panics, and it panics if x is shorter than n;
// a nil dst is allocated. NaN and Inf spread to all bins. x is not changed. It
// allocates nothing but a nil dst.
//
// Reference: M. S. Bartlett, Smoothing periodograms from time-series with
// continuous spectra, Nature 161 (1948) 686.
func (p *Periodogram) Power(dst []float64, x []float32, mean float64) []float64 {
	n := p.plan.n
	if dst == nil {
		dst = make([]float64, n/2+1)
	}
	if len(dst) != n/2+1 || len(x) < n {
		panic("dsp: periodogram length mismatch")
	}
	clear(dst)
	pieces := (len(x) + n - 1) / n
	scale := 2 / (float64(n) * float64(n) * float64(pieces))
	for i := range pieces {
		from := min(i*n, len(x)-n)
		kernel.Widen(p.x, x[from:from+n], mean)
		if packed := p.plan.packed; packed != nil {
			kernel.Deinterleave(packed.x, p.x)
			c := packed.spectrum()
			dst[0] += scale * c.Re[0] * c.Re[0]
			dst[n/2] += scale * c.Im[0] * c.Im[0]
			kernel.AddPower(dst[1:n/2], kernel.Parts[float64]{Re: c.Re[1:], Im: c.Im[1:]}, scale)
			continue
		}
		p.plan.Coefficients(p.c, p.x)
		for k, c := range p.c {
			dst[k] += scale * (real(c)*real(c) + imag(c)*imag(c))
		}
	}
	dst[0] /= 2
	if n%2 == 0 && n > 1 {
		dst[n/2] /= 2
	}
	return dst
}
