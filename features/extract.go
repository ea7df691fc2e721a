package features

import (
	"fmt"
	"math"

	"brinell/features/dsp"
)

// Config says what is computed. The zero value means the defaults.
type Config struct {
	Bands int // equal bands from 0 to half the rate, 1 to 512; 0 means 16
}

// Defaults and bounds.
const (
	defaultBands = 16
	maxBands     = 512
	entropyBins  = 64

	// maxTransform bounds the length of a transform: longer windows take the
	// mean periodogram of pieces of this length, so that a window of millions of
	// samples needs neither their memory nor their time.
	maxTransform = 16384
)

// Extractor computes the catalogue. It owns its work space: not safe for
// concurrent use.
type Extractor struct {
	rows  []Feature
	names []string
	hash  string
	plan  *dsp.RealFFT
	a     analysis
}

// New returns an extractor for cfg, or an error if cfg is out of range.
func New(cfg Config) (*Extractor, error) {
	if cfg.Bands == 0 {
		cfg.Bands = defaultBands
	}
	if cfg.Bands < 1 || cfg.Bands > maxBands {
		return nil, fmt.Errorf("features: %d bands is outside 1..%d", cfg.Bands, maxBands)
	}
	e := &Extractor{rows: rows(cfg.Bands)}
	e.a.bands = make([]float64, cfg.Bands)
	for _, r := range e.rows {
		e.names = append(e.names, r.Name)
	}
	e.hash = hash(e.rows)
	return e, nil
}

// Len returns the number of features.
func (e *Extractor) Len() int { return len(e.rows) }

// Names returns the names in the order of the vector.
func (e *Extractor) Names() []string { return e.names }

// Rows returns the catalogue in the order of the vector.
func (e *Extractor) Rows() []Feature { return e.rows }

// Hash identifies the list of features: names, units and definitions.
func (e *Extractor) Hash() string { return e.hash }

// Extract fills dst with the features of x, sampled at fs Hz, in catalogue
// order, and returns it; a nil dst is allocated. x is in g and is not changed.
//
// The spectrum is the periodogram of x minus its mean, without taper, so that
// the squares of the band RMS add up to the variance (Parseval) for windows of
// up to 16384 samples. A longer window takes the mean periodogram of
// consecutive pieces of that length, the last one aligned to the end.
//
// All values are finite for finite x. For a constant x and for a single sample,
// ratios without meaning are 0. It panics if x is empty or len(dst) is neither 0
// nor Len(). It allocates nothing after the first call of a length.
func (e *Extractor) Extract(dst []float64, x []float32, fs float64) []float64 {
	if dst == nil {
		dst = make([]float64, len(e.rows))
	}
	if len(x) == 0 || len(dst) != len(e.rows) {
		panic("features: length mismatch")
	}
	e.a.time(x)
	e.spectrum(x)
	e.a.frequency(fs, e.plan.Len())
	for i, r := range e.rows {
		dst[i] = r.value(&e.a)
	}
	return dst
}

// spectrum fills a.power with the mean periodogram of x - mean: the share of
// the variance at each bin, so that their sum is the mean square.
func (e *Extractor) spectrum(x []float32) {
	n := min(len(x), maxTransform)
	if e.plan == nil || e.plan.Len() != n {
		e.plan = dsp.NewRealFFT(n)
		e.a.x = make([]float64, n)
		e.a.c = make([]complex128, n/2+1)
		e.a.power = make([]float64, n/2+1)
	}
	clear(e.a.power)
	pieces := (len(x) + n - 1) / n
	for p := range pieces {
		from := min(p*n, len(x)-n)
		for i, v := range x[from : from+n] {
			e.a.x[i] = float64(v) - e.a.mean
		}
		e.plan.Coefficients(e.a.c, e.a.x)
		// Every bin but 0 Hz and half the rate stands for two of the two-sided
		// spectrum.
		scale := 2 / (float64(n) * float64(n) * float64(pieces))
		for k, c := range e.a.c {
			s := scale
			if k == 0 || 2*k == n {
				s /= 2
			}
			e.a.power[k] += s * (real(c)*real(c) + imag(c)*imag(c))
		}
	}
}

// analysis holds what the rows are read from, computed once per window.
type analysis struct {
	// Time domain.
	mean, std, rms, meanAbs, rootAbs float64
	min, max, peak                   float64
	skewness, kurtosis, entropy      float64
	// Frequency domain.
	x                        []float64
	c                        []complex128
	power                    []float64
	centre, rmsFreq, freqStd float64
	specSkew, specKurt       float64
	bands                    []float64
}

// time computes the time domain in two passes: the mean, then everything about
// it. Sums are in float64, where the powers of a float32 cannot overflow.
func (a *analysis) time(x []float32) {
	n := float64(len(x))
	lo, hi := x[0], x[0]
	var sum, abs, root, sq float64
	for _, s := range x {
		v := float64(s)
		sum += v
		sq += v * v
		w := math.Abs(v)
		abs += w
		root += math.Sqrt(w)
		lo, hi = min(lo, s), max(hi, s)
	}
	a.min, a.max = float64(lo), float64(hi)
	a.peak = max(-a.min, a.max)
	a.meanAbs, a.rootAbs, a.rms = abs/n, root/n, math.Sqrt(sq/n)
	a.mean = sum / n
	a.std, a.skewness, a.kurtosis, a.entropy = 0, 0, 0, 0
	if lo == hi {
		// Exactly: rounding of the sum must not look like a signal.
		a.mean = a.min
		return
	}
	var m2, m3, m4 float64
	var bins [entropyBins]int
	// Deviations in units of the range, so that fourth powers stay in range.
	width := a.max - a.min
	for _, s := range x {
		d := (float64(s) - a.mean) / width
		q := d * d
		m2 += q
		m3 += q * d
		m4 += q * q
		b := int((float64(s) - a.min) / width * entropyBins)
		bins[min(b, entropyBins-1)]++
	}
	m2, m3, m4 = m2/n, m3/n, m4/n
	a.std = math.Sqrt(m2) * width
	a.skewness = m3 / (m2 * math.Sqrt(m2))
	a.kurtosis = m4 / (m2 * m2)
	for _, c := range bins {
		if c > 0 {
			p := float64(c) / n
			a.entropy -= p * math.Log(p)
		}
	}
}

// frequency computes the frequency domain from a.power, the periodogram of
// pieces of n samples at rate fs.
func (a *analysis) frequency(fs float64, n int) {
	clear(a.bands)
	var total, m1 float64
	df := fs / float64(n)
	count := len(a.bands)
	for k, p := range a.power[1:] {
		bin := float64(k + 1)
		total += p
		m1 += bin * p
		// Bin k+1 of n lies at the share 2(k+1)/n of half the rate.
		b := min(2*(k+1)*count/n, count-1)
		a.bands[b] += p
	}
	for b, p := range a.bands {
		a.bands[b] = math.Sqrt(p)
	}
	a.centre, a.rmsFreq, a.freqStd, a.specSkew, a.specKurt = 0, 0, 0, 0, 0
	if total == 0 {
		return
	}
	centre := m1 / total
	var m2, m3, m4 float64
	for k, p := range a.power[1:] {
		d := float64(k+1) - centre
		q := d * d
		m2 += q * p
		m3 += q * d * p
		m4 += q * q * p
	}
	m2, m3, m4 = m2/total, m3/total, m4/total
	a.centre = centre * df
	a.freqStd = math.Sqrt(m2) * df
	a.rmsFreq = math.Sqrt(m2+centre*centre) * df
	// A single line has no shape; rounding must not give it one.
	if m2 > 1e-12*centre*centre {
		a.specSkew = m3 / (m2 * math.Sqrt(m2))
		a.specKurt = m4 / (m2 * m2)
	}
}
