package dsp

import (
	"fmt"
	"math"

	"brinell/internal/clamp"
	"brinell/internal/kernel"
)

// Resampler changes the sampling rate of a signal and limits its band in one
// linear-phase filter. It keeps no signal between calls, but owns its work space:
// not safe for concurrent use.
//
// The filter is a Kaiser-windowed sinc of 80 dB: pass band up to 0.9 band, -6 dB
// at band, stop band from 1.1 band, unit gain at 0 Hz for every output phase.
// With equal rates it only limits the band; with a higher output rate it
// interpolates, and the band above stays empty.
//
// The ratio of the rates is exact: rates count in thousandths of a hertz. Where
// the table of all output phases would grow too large, it holds fewer, and taps
// between them are interpolated linearly.
//
// Reference: J. F. Kaiser, Nonrecursive digital filter design using the I0-sinh
// window function, Proc. IEEE ISCAS 1974, eq. 6 and 7.
type Resampler struct {
	p, q   int         // output i lies at input sample i·q/p
	half   int         // taps on either side
	taps   [][]float32 // by phase
	interp bool        // between phases: p is larger than the table
	poly   *polyphase  // for the last length, where kernels have vectors
}

// Filter design: stop-band attenuation in dB, width of the transition as a share
// of the band limit, and bounds on the table of phases.
const (
	attenuation = 80
	transition  = 0.2
	maxTable    = 1 << 18 // taps in all phases together
	maxTaps     = 1 << 16

	// Rates outside have no exact ratio in int: below, rounding to a thousandth of
	// a hertz is felt, above, sample numbers times the ratio's terms overflow.
	minRate = 1
	maxRate = 1e8
)

// NewResampler returns the filter from rate from to rate to, both in Hz, with
// the band limit band in Hz; 0 means 0.45 times the lower rate. It is an error
// if a rate is outside 1 Hz to 100 MHz, if the band limit is not positive and
// below half of both rates, or if it is less than about from/2600, where the
// filter would have more than 65536 taps.
func NewResampler(from, to, band float64) (*Resampler, error) {
	if band == 0 {
		band = 0.45 * min(from, to)
	}
	switch {
	case !(from >= minRate && from <= maxRate) || !(to >= minRate && to <= maxRate):
		return nil, fmt.Errorf("resample from %v Hz to %v Hz: rates must be between %v Hz and %v Hz", from, to, minRate, maxRate)
	case !(band > 0) || band >= min(from, to)/2:
		return nil, fmt.Errorf("resample from %v Hz to %v Hz: band limit %v Hz must be below half the lower rate", from, to, band)
	}
	length := filterLength(from, band)
	if length > maxTaps {
		return nil, fmt.Errorf("resample from %v Hz to %v Hz: band limit %v Hz is too low for the input rate", from, to, band)
	}
	half := clamp.Int(math.Ceil(length/2), 1, maxTaps)
	r := &Resampler{half: half}
	r.p, r.q = ratio(from, to)
	phases := r.p
	if phases*2*half > maxTable {
		// Linear interpolation errs by about (2π band/from/phases)²/8 < 1e-6.
		r.interp = true
		phases = min(clamp.Int(2048*2*band/from, 16, maxTable), maxTable/(2*half)+1)
	}
	for i := range phases + 1 {
		r.taps = append(r.taps, sinc(half, float64(i)/float64(phases), 2*band/from))
	}
	return r, nil
}

// filterLength is Kaiser's estimate of the length for the attenuation and transition.
func filterLength(from, band float64) float64 {
	width := 2 * math.Pi * transition * band / from
	return (attenuation - 7.95) / (2.285 * width)
}

// Bytes is not less than what r takes once it has processed n samples at a time.
func (r *Resampler) Bytes(n int) int64 {
	b := pages + int64(len(r.taps))*(8*int64(r.half)+64)
	if r.interp || r.p > maxPhases {
		return b
	}
	// The continued input twice, its width rounded up, and the output by phases.
	reach := int64(n) + 2*int64(r.half)
	return b + 8*(reach+2*int64(r.q)+int64(n)*int64(r.p)/int64(r.q)) + int64(r.p)*(8*int64(r.half)+96) + 4*int64(n)*int64(r.p)/int64(r.q) + pages
}

// ratio returns the reduced p/q = to/from, with rates taken to a thousandth of
// a hertz.
func ratio(from, to float64) (p, q int) {
	p, q = clamp.Count(math.Round(to*1000)), clamp.Count(math.Round(from*1000))
	a, b := p, q
	for b != 0 {
		a, b = b, a%b
	}
	return p / a, q / a
}

// sinc returns the taps for an output that lies the share frac of a sample after
// tap half-1: a low-pass at cut (1 = half the input rate), windowed, of sum 1.
func sinc(half int, frac, cut float64) []float32 {
	beta := 0.1102 * (attenuation - 8.7)
	h := make([]float64, 2*half)
	sum := 0.0
	for i := range h {
		t := float64(i-half+1) - frac
		u := t / float64(half)
		if u*u >= 1 {
			continue
		}
		v := cut
		if t != 0 {
			v = math.Sin(math.Pi*cut*t) / (math.Pi * t)
		}
		h[i] = v * besselI0(beta*math.Sqrt(1-u*u))
		sum += h[i]
	}
	taps := make([]float32, len(h))
	for i, v := range h {
		taps[i] = float32(v / sum)
	}
	return taps
}

// besselI0 returns the modified Bessel function of the first kind and order 0
// by its power series, which converges fast for the arguments of a taper.
func besselI0(x float64) float64 {
	sum, term := 1.0, 1.0
	for k := 1.0; term > 1e-17*sum; k++ {
		term *= x * x / (4 * k * k)
		sum += term
	}
	return sum
}

// OutLen returns how many output samples n input samples cover, ⌈n·to/from⌉.
func (r *Resampler) OutLen(n int) int { return (n*r.p + r.q - 1) / r.q }

// Process fills dst with the resampled x and returns it. Output i stands for the
// time i/to after the first input sample: the filter has no delay. Beyond its
// ends x is continued by odd reflection about the end samples, 2x[0] - x[-j],
// so a slope goes on; a reflection longer than x repeats its last value. The
// caller chooses len(dst), OutLen(len(x)) or else: outputs past the end of x lie
// in the continuation. Sums are in float32. NaN and Inf spread as far as the
// filter reaches. It allocates nothing at the length of dst of the call before. dst
// must not overlap x. It panics if x is empty.
func (r *Resampler) Process(dst, x []float32) []float32 {
	if !r.interp && r.p <= maxPhases && len(dst) > 0 && kernel.Lanes() > 1 {
		return r.filter(dst, x)
	}
	for i := range dst {
		at := i * r.q
		base, rest := at/r.p, at%r.p
		if !r.interp {
			dst[i] = r.dot(r.taps[rest], x, base)
			continue
		}
		phase := float64(rest) / float64(r.p) * float64(len(r.taps)-1)
		k := clamp.Int(phase, 0, len(r.taps)-2)
		f := float32(phase - float64(k))
		a, b := r.dot(r.taps[k], x, base), r.dot(r.taps[k+1], x, base)
		dst[i] = a + f*(b-a)
	}
	return dst
}

// dot applies taps around input sample base.
func (r *Resampler) dot(taps, x []float32, base int) float32 {
	from := base - r.half + 1
	if from >= 0 && from+len(taps) <= len(x) {
		return dot(taps, x[from:from+len(taps)])
	}
	var sum float32
	for k, c := range taps {
		sum += c * continued(x, from+k)
	}
	return sum
}

// dot returns Σ a[i] b[i] in four partial sums. len(a) is even.
func dot(a, b []float32) float32 {
	b = b[:len(a)]
	var s0, s1, s2, s3 float32
	i := 0
	for ; i+4 <= len(a); i += 4 {
		s0 += a[i] * b[i]
		s1 += a[i+1] * b[i+1]
		s2 += a[i+2] * b[i+2]
		s3 += a[i+3] * b[i+3]
	}
	for ; i < len(a); i++ {
		s0 += a[i] * b[i]
	}
	return (s0 + s1) + (s2 + s3)
}

// Resample returns x, sampled at from Hz, at the rate to Hz and limited to band
// Hz, with NewResampler's filter and errors.
func Resample(x []float32, from, to, band float64) ([]float32, error) {
	r, err := NewResampler(from, to, band)
	if err != nil || len(x) == 0 {
		return nil, err
	}
	return r.Process(make([]float32, r.OutLen(len(x))), x), nil
}
