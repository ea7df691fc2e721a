package dsp

import (
	"math"

	"brinell/internal/kernel"
)

// EnvelopeSpectrum is a plan for the spectrum of the squared envelope of one band.
// The band is handed over as the bins that a transform has given it, and only as
// many frequencies come out as are asked for, so that the cost follows the band and
// not the sampling rate. It owns its work space: not safe for concurrent use.
type EnvelopeSpectrum struct {
	bins, keep int
	fft        *kernel.FFT[float64] // of the band, at its own rate
	x, work    kernel.Parts[float64]
	power      []float64 // the squared envelope
	low        *RealFFT  // back to time with what is kept
	padded     *RealFFT  // forth again, with zeros behind
	c          []complex128
	y, padding []float64
	taper      []float64
}

// oversample is how many values of the spectrum there are to one of its resolution:
// a line between two bins loses up to a third of its height, at a quarter 2 %.
const oversample = 4

// NewEnvelopeSpectrum returns the plan for bands of that many bins, of whose envelope
// the frequencies up to keep bins are wanted. It panics unless both are positive.
func NewEnvelopeSpectrum(bins, keep int) *EnvelopeSpectrum {
	if bins < 1 || keep < 1 {
		panic("dsp: envelope spectrum needs a band and frequencies to keep")
	}
	half := fastLen(keep + 1)
	e := newEnvelope(bins, keep)
	e.low, e.padded, e.taper = NewRealFFT(2*half), NewRealFFT(2*half*oversample), HannPeriodic(2*half)
	e.c = make([]complex128, half*oversample+1)
	e.y, e.padding = make([]float64, 2*half), make([]float64, 2*half*oversample)
	return e
}

// newEnvelope returns a plan for Envelope alone, which takes a tenth of the memory.
func newEnvelope(bins, keep int) *EnvelopeSpectrum {
	// The squared envelope of a band has frequencies up to the band's width. In m
	// values those above m - bins fold back, and end above keep.
	m := fastLen(bins + keep + 1)
	return &EnvelopeSpectrum{bins: bins, keep: keep, fft: kernel.NewFFT[float64](m),
		x: kernel.NewParts[float64](m), work: kernel.NewParts[float64](m), power: make([]float64, m)}
}

// EnvelopeSpectrumBytes is not less than what NewEnvelopeSpectrum allocates.
func EnvelopeSpectrumBytes(bins, keep int) int64 {
	m, half := fastLen(bins+keep+1), fastLen(keep+1)
	return transformBytes(m) + 40*int64(m) + RealFFTBytes(2*half) + RealFFTBytes(2*half*oversample) + (16*oversample+32+16*oversample)*int64(half) + 2*pages
}

// Bytes returns what e takes.
func (e *EnvelopeSpectrum) Bytes() int64 { return EnvelopeSpectrumBytes(e.bins, e.keep) }

// Len returns the number of values of a spectrum: value i lies at i/4 of a bin.
func (e *EnvelopeSpectrum) Len() int { return e.keep*oversample + 1 }

// Envelope returns the squared envelope of the band, up to a factor,
//
//	s[i] = |Σ_k X[k] exp(2πi ik/m)|²,  i = 0..m-1
//
// by the one-sided spectrum: the band's bins alone, brought down to 0 Hz, so that the
// filter is ideal and the decimation free. The result is valid until the next call.
// It panics if there are more bins than the plan is for.
//
// Reference: R. B. Randall, J. Antoni, Rolling element bearing diagnostics, a
// tutorial, Mech. Syst. Signal Process. 25 (2011) 485, section 5.
func (e *EnvelopeSpectrum) Envelope(band []complex128) []float64 {
	if len(band) > e.bins {
		panic("dsp: band has more bins than the plan")
	}
	for k, c := range band {
		e.x.Re[k], e.x.Im[k] = real(c), imag(c)
	}
	clear(e.x.Re[len(band):])
	clear(e.x.Im[len(band):])
	z, _ := e.fft.Transform(e.x.Swap(), e.work.Swap()) // swapped parts: the inverse
	for i := range e.power {
		e.power[i] = z.Re[i]*z.Re[i] + z.Im[i]*z.Im[i]
	}
	return e.power
}

// Amplitude fills dst with the amplitude spectrum of the squared envelope of the
// band, relative to its mean:
//
//	A[i] = |Σ_t w[t] (s[t]/mean(s) - 1) exp(-2πi ti/(4n))| / Σ w,  i = 0..4·keep
//
// with a Hann taper w over the n moments of the window; a modulation of depth 1 gives
// 1/2. dst has Len values, else it panics; a nil dst is allocated. A band without
// power gives zeros.
func (e *EnvelopeSpectrum) Amplitude(dst []float64, band []complex128) []float64 {
	if dst == nil {
		dst = make([]float64, e.Len())
	}
	if len(dst) != e.Len() {
		panic("dsp: envelope spectrum length mismatch")
	}
	copy(e.x.Re, e.Envelope(band))
	clear(e.x.Im)
	c, _ := e.fft.Transform(e.x, e.work)
	mean := c.Re[0]
	if !(mean > 0) {
		clear(dst)
		return dst
	}
	half := len(e.y) / 2
	low := e.c[:half+1]
	clear(low)
	for k := 1; k <= e.keep; k++ {
		low[k] = complex(c.Re[k]/mean, c.Im[k]/mean)
	}
	e.low.Inverse(e.y, low)
	for i, w := range e.taper {
		e.padding[i] = e.y[i] * w
	}
	e.padded.Coefficients(e.c, e.padding)
	// Inverse divides by n and the sum of the taper is n/2; both leave a factor 2.
	for i := range dst {
		dst[i] = 2 * math.Hypot(real(e.c[i]), imag(e.c[i]))
	}
	return dst
}

// Prewhiten divides each bin by its magnitude in place and leaves the phase: cepstrum
// pre-whitening, which takes away resonances and discrete tones alike, so that a band
// need not be chosen. Bins below 1e-9 of the largest hold rounding only and become 0.
//
// Reference: P. Borghesani et al., Application of cepstrum pre-whitening for the
// diagnosis of bearing faults under variable speed conditions, Mech. Syst. Signal
// Process. 36 (2013) 370, section 3.
func Prewhiten(c []complex128) {
	largest := 0.0
	for _, v := range c {
		largest = max(largest, real(v)*real(v)+imag(v)*imag(v))
	}
	for i, v := range c {
		p := real(v)*real(v) + imag(v)*imag(v)
		if p <= 1e-18*largest {
			c[i] = 0
			continue
		}
		s := 1 / math.Sqrt(p)
		c[i] = complex(real(v)*s, imag(v)*s)
	}
}
