package lines

import (
	"math"

	"brinell/features/dsp"
	"brinell/internal/clamp"
)

// planKey is what a plan follows from: samples of a segment, the first and the last bin of
// the band, the frequencies of its envelope that are kept, and the bins of the spectrum that
// are looked at, those of the band or of the shaft's orders.
type planKey struct{ n, first, last, keep, bins int }

// keyOf returns the key for segments of n samples.
func keyOf(n int, rate, shaft float64) planKey {
	lo, hi := Band(rate)
	df := rate / float64(n)
	key := planKey{n: n, first: clamp.Int(math.Ceil(lo/df), 0, n/2), last: clamp.Int(hi/df, 0, n/2)}
	key.keep = max(1, min(clamp.Count(maxOrder*shaft/df), key.last-key.first-1))
	key.bins = n/2 + 1
	if key.long() {
		key.bins = min(key.bins, max(key.last+1, clamp.Int(shaftTop*shaft/df, 0, n)+3))
	}
	return key
}

// longSegment is how many samples a segment has above which its plan takes the memory of
// one step at a time, and the spectrum the lowest bins only: segments of slow machines have
// a hundred times those of a common window.
const longSegment = 1 << 17

func (k planKey) long() bool { return k.n > longSegment }

// width returns the bins of the band.
func (k planKey) width() int { return k.last - k.first + 1 }

// The kinds of plans on a shelf.
const (
	kindPlan     = "lines"
	kindLow      = "lines low"
	kindEnvelope = "lines envelope"
)

func (k planKey) shelved() dsp.PlanKey {
	return dsp.PlanKey{Kind: kindPlan, A: k.n, B: k.first, C: k.last, D: k.keep}
}

// plan is what segments of one length, band and number of frequencies need.
type plan struct {
	key    planKey
	shelf  *dsp.Shelf
	fft    *dsp.RealFFT // not of a long segment
	x      []float64
	c      []complex128
	white  []complex128
	env    *dsp.EnvelopeSpectrum // likewise, and sub
	amp    []float64
	sum    []float64 // of log amplitudes over segments
	sorted []float64
	levels []float64
	spec   []float64 // log amplitudes of the signal, and their floors
	floors []float64
	sub    *dsp.EnvelopeSpectrum // envelopes of parts of the band
}

// plan returns the plan for segments of n samples.
func (a *Analyzer) plan(n int, rate, shaft float64) *plan {
	key := keyOf(n, rate, shaft)
	if p, ok := a.shelf.Take(key.shelved()).(*plan); ok {
		return p
	}
	width := key.width()
	p := &plan{key: key, shelf: a.shelf, c: make([]complex128, key.bins), white: make([]complex128, width)}
	length := 4*key.keep + 1
	if !key.long() {
		p.fft, p.x = dsp.NewRealFFT(n), make([]float64, n)
		p.env, p.sub = dsp.NewEnvelopeSpectrum(width, key.keep), dsp.NewEnvelopeSpectrum(width/2+1, 1)
	}
	p.amp, p.sum = make([]float64, length), make([]float64, length)
	return p
}

// Release lets others have the plan that the last call of Analyze used; its evidence and
// spectrum are gone.
func (a *Analyzer) Release() {
	if p := a.held; p != nil {
		a.held, a.comb.l = nil, nil
		a.shelf.Put(p.key.shelved(), p, p.key.bytes())
	}
}

// bytes is not less than what a plan takes; of a long segment without the steps, of which
// one takes memory at a time.
func (k planKey) bytes() int64 {
	width, spec := int64(k.width()), int64(k.bins)
	b := 16*int64(k.bins) + 16*width + 2*8*(4*int64(k.keep)+1) + bookkeeping
	// Of append: sorted holds an order's worth of values, levels one for each half order.
	b += 2 * 8 * 2 * (4*int64(k.keep) + 1)
	b += 2 * 8 * 2 * spec
	if !k.long() {
		b += 8*int64(k.n) + dsp.RealFFTBytes(k.n) + k.envelope() + k.part()
	}
	return b
}

// bookkeeping is what a plan takes whatever it is for: headers, and what the runtime rounds
// up to whole pages.
const bookkeeping = 128 << 10

func (k planKey) envelope() int64 { return dsp.EnvelopeSpectrumBytes(k.width(), k.keep) }
func (k planKey) part() int64     { return dsp.EnvelopeSpectrumBytes(k.width()/2+1, 1) }

// Bytes is not less than what the analysis of n samples takes beside them, at that rate and
// shaft speed (Hz); 0 where the speed has to be found. It is 0 for windows that are too short
// to be analysed.
func Bytes(n int, rate, shaft float64) int64 {
	if shaft > 0 {
		return analysisBytes(n, rate, shaft)
	}
	// Of all speeds that may be tried the slowest has the longest segments, and the fastest
	// the most frequencies.
	return max(speedBytes(n, rate), analysisBytes(n, rate, slowest), analysisBytes(n, rate, fastest), analysisBytes(n, rate, math.Sqrt(slowest*fastest)))
}

func analysisBytes(n int, rate, shaft float64) int64 {
	if n < Need(rate, shaft) {
		return 0
	}
	n, _ = Segment(n, rate, shaft)
	key := keyOf(n, rate, shaft)
	b := key.bytes()
	if key.long() {
		b += max(dsp.LowFFTBytes(n), key.envelope(), key.part())
	}
	return b
}

// transform fills p.c with the spectrum of x without its mean.
func (p *plan) transform(x []float32, mean float64) {
	if !p.key.long() {
		for i, v := range x {
			p.x[i] = float64(v) - mean
		}
		p.fft.Coefficients(p.c, p.x)
		return
	}
	low := takeLow(p.shelf, len(x))
	low.Coefficients(p.c, func(i int) float64 { return float64(x[i]) - mean })
	putLow(p.shelf, low, len(x))
}

// takeLow returns a plan for the lowest bins of n numbers.
func takeLow(s *dsp.Shelf, n int) *dsp.LowFFT {
	if f, ok := s.Take(dsp.PlanKey{Kind: kindLow, A: n}).(*dsp.LowFFT); ok {
		return f
	}
	return dsp.NewLowFFT(n)
}

func putLow(s *dsp.Shelf, f *dsp.LowFFT, n int) {
	s.Put(dsp.PlanKey{Kind: kindLow, A: n}, f, dsp.LowFFTBytes(n))
}

// envelopes calls f with the plan for envelopes of so many bins, which is in memory for as
// long only where the segment is long; own is that of the plan else.
func (p *plan) envelopes(own *dsp.EnvelopeSpectrum, bins, keep int, f func(*dsp.EnvelopeSpectrum)) {
	if own != nil {
		f(own)
		return
	}
	key := dsp.PlanKey{Kind: kindEnvelope, A: bins, B: keep}
	e, ok := p.shelf.Take(key).(*dsp.EnvelopeSpectrum)
	if !ok {
		e = dsp.NewEnvelopeSpectrum(bins, keep)
	}
	f(e)
	p.shelf.Put(key, e, e.Bytes())
}
