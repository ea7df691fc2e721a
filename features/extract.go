package features

import (
	"fmt"
	"math"

	"brinell/features/dsp"
	"brinell/internal/kernel"
)

// Config says what is computed. The zero value means the defaults.
type Config struct {
	Bands int        // equal bands from 0 to half the rate, 1 to 512; 0 means 16
	Shelf *dsp.Shelf // of plans, shared with others; nil for one of its own
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

	// ownShelf is how many bytes of plans an extractor keeps that shares none with
	// others. Sensors on one service differ in few lengths, and planning costs more than
	// transforming; a plan takes up to 3 MB.
	ownShelf = 16 << 20
)

// Validate reports what makes c unusable.
func (c Config) Validate() error {
	if c.Bands < 0 || c.Bands > maxBands {
		return fmt.Errorf("features: %d bands is outside 1..%d", c.Bands, maxBands)
	}
	return nil
}

// Extractor computes the catalogue. It owns its work space: not safe for
// concurrent use.
type Extractor struct {
	rows  []Feature
	names []string
	hash  string
	shelf *dsp.Shelf
	a     analysis
}

// New returns an extractor for cfg, or an error if cfg is out of range.
func New(cfg Config) (*Extractor, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if cfg.Bands == 0 {
		cfg.Bands = defaultBands
	}
	e := &Extractor{rows: rows(cfg.Bands), shelf: cfg.Shelf}
	if e.shelf == nil {
		e.shelf = dsp.NewShelf(ownShelf)
	}
	e.a.bands = make([]float64, cfg.Bands)
	for _, r := range e.rows {
		e.names = append(e.names, r.Name)
	}
	e.hash = hash(e.rows)
	return e, nil
}

// Len returns the number of features.
func (e *Extractor) Len() int { return len(e.rows) }

// Names returns the names in the order of the vector. The caller leaves the slice
// as it is.
func (e *Extractor) Names() []string { return e.names }

// Rows returns the catalogue in the order of the vector. The caller leaves the
// slice as it is.
func (e *Extractor) Rows() []Feature { return e.rows }

// Hash identifies the vector: SHA-256, hex, over the names and units in order and
// the parameters behind them. Vectors of equal hash can be compared.
func (e *Extractor) Hash() string { return e.hash }

// Extract fills dst with the features of x, sampled at fs Hz, in catalogue
// order, and returns it:
//
//	dst[i] = Rows()[i] of x,  i = 0..Len()-1
//
// The rows state the definitions. The spectrum is the periodogram of x minus its
// mean, without taper, so that the squares of the band RMS add up to the variance
// (Parseval) for windows of up to 16384 samples. A longer window takes the mean
// periodogram of consecutive pieces of that length, the last one moved back to
// end with x; the mean that is removed is that of all of x.
//
// x is in g, the results in the units of the rows. x has any length from 1, and
// len(dst) is Len(); a nil dst is allocated.
//
// All values are finite for finite x and fs. For a constant x, which Degenerate
// reports, everything about deviations and the spectrum is 0, kurtosis too; crest,
// shape, impulse and clearance factor are 1, or 0 for silence. A sample that is NaN
// or Inf makes every value NaN. fs scales the rows in Hz and nothing else.
//
// It panics if x is empty or dst has another length. x is not changed. It
// allocates nothing at a length whose plan is on the shelf; all over 16384 count as one.
//
// Reference: each row's Source.
func (e *Extractor) Extract(dst []float64, x []float32, fs float64) []float64 {
	if dst == nil {
		dst = make([]float64, len(e.rows))
	}
	if len(x) == 0 || len(dst) != len(e.rows) {
		panic("features: length mismatch")
	}
	if !e.a.time(x) {
		for i := range dst {
			dst[i] = math.NaN()
		}
		return dst
	}
	n := min(len(x), maxTransform)
	plan := e.plan(n)
	e.a.power = plan.Power(e.a.power[:n/2+1], x, e.a.mean)
	e.shelf.Put(planKey(n), plan, plan.Bytes())
	e.a.frequency(fs, n)
	for i, r := range e.rows {
		dst[i] = r.value(&e.a)
	}
	return dst
}

// plan returns the plan for length n and makes room in a.power.
func (e *Extractor) plan(n int) *dsp.Periodogram {
	if n/2+1 > cap(e.a.power) {
		e.a.power = make([]float64, n/2+1)
	}
	if p, ok := e.shelf.Take(planKey(n)).(*dsp.Periodogram); ok {
		return p
	}
	return dsp.NewPeriodogram(n)
}

func planKey(n int) dsp.PlanKey { return dsp.PlanKey{Kind: "features", A: n} }

// Bytes is not less than what Extract takes beside n samples.
func Bytes(n int) int64 {
	n = min(n, maxTransform)
	return dsp.PeriodogramBytes(n) + 4*int64(n) + 64<<10
}

// Degenerate reports whether all samples of the last Extract were equal, so that
// its 0 for std, skewness, kurtosis, entropy and the frequency domain mean nothing.
func (e *Extractor) Degenerate() bool { return e.a.min == e.a.max }

// analysis holds what the rows are read from, computed once per window.
type analysis struct {
	// Time domain.
	mean, std, rms, meanAbs, rootAbs float64
	min, max, peak                   float64
	skewness, kurtosis, entropy      float64
	// Frequency domain.
	power                    []float64
	centre, rmsFreq, freqStd float64
	specSkew, specKurt       float64
	bands                    []float64
}

// time computes the time domain in two passes: the mean, then everything about
// it. Sums are in float64, where the powers of a float32 cannot overflow. It
// reports whether all samples are finite, and else leaves a half done.
func (a *analysis) time(x []float32) bool {
	n := float64(len(x))
	s := kernel.Summarise(x)
	if !(s.Squares <= math.MaxFloat64) {
		return false // NaN and Inf go through a sum of squares
	}
	a.min, a.max = s.Min, s.Max
	a.peak = max(-a.min, a.max)
	a.meanAbs, a.rootAbs, a.rms = s.Abs/n, s.Root/n, math.Sqrt(s.Squares/n)
	a.mean = s.Sum / n
	a.std, a.skewness, a.kurtosis, a.entropy = 0, 0, 0, 0
	width := a.max - a.min
	if width == 0 {
		// Exactly: rounding of the sum must not look like a signal.
		a.mean = a.min
		return true
	}
	// Deviations in units of the range, so that fourth powers stay in range.
	m := kernel.Deviations(x, a.mean, 1/width)
	m2, m3, m4 := m[0]/n, m[1]/n, m[2]/n
	a.std = math.Sqrt(m2) * width
	a.skewness = m3 / (m2 * math.Sqrt(m2))
	a.kurtosis = m4 / (m2 * m2)
	for _, c := range a.histogram(x) {
		if c > 0 {
			p := float64(c) / n
			a.entropy -= p * math.Log(p)
		}
	}
	return true
}

// histogram counts the samples in equal bins from the least to the largest one.
func (a *analysis) histogram(x []float32) [entropyBins]int {
	// Samples in a row often share a bin; counts in turn do not wait for each other.
	var counts [4][entropyBins]int
	var bins [256]int32
	for len(x) > 0 {
		k := min(len(x), len(bins))
		kernel.Bins(bins[:k], x[:k], a.min, a.max-a.min, entropyBins)
		for i, b := range bins[:k] {
			counts[i%4][b%entropyBins]++
		}
		x = x[k:]
	}
	for _, c := range counts[1:] {
		for b, v := range c {
			counts[0][b] += v
		}
	}
	return counts[0]
}

// frequency computes the frequency domain from a.power, the periodogram of
// pieces of n samples at rate fs.
func (a *analysis) frequency(fs float64, n int) {
	var total, m1 float64
	df := fs / float64(n)
	count := len(a.bands)
	lo := 1
	for b := range a.bands {
		// Bin k of n lies at the share 2k/n of half the rate.
		hi := len(a.power)
		if b < count-1 {
			hi = ((b+1)*n + 2*count - 1) / (2 * count)
		}
		hi = max(lo, hi)
		m := kernel.Moments(a.power[lo:hi], float64(lo))
		a.bands[b] = m[0]
		total += m[0]
		m1 += m[1]
		lo = hi
	}
	for b, p := range a.bands {
		a.bands[b] = math.Sqrt(p)
	}
	a.centre, a.rmsFreq, a.freqStd, a.specSkew, a.specKurt = 0, 0, 0, 0, 0
	if total == 0 {
		return
	}
	centre := m1 / total
	m := kernel.Moments(a.power[1:], 1-centre)
	m2, m3, m4 := m[2]/total, m[3]/total, m[4]/total
	a.centre = centre * df
	a.freqStd = math.Sqrt(m2) * df
	a.rmsFreq = math.Sqrt(m2+centre*centre) * df
	// A single line has no shape; rounding must not give it one.
	if m2 > 1e-12*centre*centre {
		a.specSkew = m3 / (m2 * math.Sqrt(m2))
		a.specKurt = m4 / (m2 * m2)
	}
}
