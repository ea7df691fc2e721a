package lines

import (
	"math"
	"slices"

	"brinell/bearing"
	"brinell/features/dsp"
	"brinell/internal/clamp"
)

// Constants of the analysis. None was fitted to a corpus's labels; docs/accuracy.md
// has what other values give.
const (
	lowEdge  = 100.0 // Hz; below lie unbalance, hum and the mounting
	highEdge = 5000.0
	bandTop  = 0.4 // of the sampling rate; above, anti-alias filters have begun

	// A window is judged in segments of so many turns. More turns resolve lines finer
	// than the slip of the elements lets them be; fewer do not part 2×BSF from the
	// shaft's side-bands of BPFI.
	segmentTurns = 30

	leastSamples = 64 // of a segment, however fast the shaft: fewer give no spectrum

	minTurns = 5  // fewer, and side-bands of the cage run into their line
	maxOrder = 48 // of the envelope spectrum: five harmonics of BPFI up to sixteen elements

	floorHalf = 0.6 // orders to either side of a line in the median that is its floor
)

// Machine is what the lines of a bearing follow from.
type Machine struct {
	ShaftSpeed float64 // Hz
	Orders     bearing.Orders
}

// Known reports whether lines can be looked for.
func (m Machine) Known() bool { return m.ShaftSpeed > 0 && m.Orders.BPFO > 0 && m.Orders.BPFI > 0 }

// Analyzer finds evidence in windows. It takes plans from a shelf and owns its work space:
// not safe for concurrent use.
type Analyzer struct {
	shelf *dsp.Shelf
	held  *plan // of the window before
	comb  combs

	tried   []Evidence // of Among
	spreads []float64
}

// ownShelf is how many bytes of plans an analyzer keeps that shares none with others.
const ownShelf = 64 << 20

// NewAnalyzer returns an analyzer whose plans go to and come from a shelf; nil for one of
// its own.
func NewAnalyzer(shelf *dsp.Shelf) *Analyzer {
	if shelf == nil {
		shelf = dsp.NewShelf(ownShelf)
	}
	return &Analyzer{shelf: shelf}
}

// Segment returns how many samples at rate one segment has, and how many segments
// cover n samples at that shaft speed (Hz).
func Segment(n int, rate, shaft float64) (length, count int) {
	length = max(min(n, leastSamples), clamp.Int(segmentTurns/shaft*rate, 0, n))
	if length < n {
		// The nearest division of the window, so that no sample is left out.
		count = (n + length/2) / length
		length = n / count
	} else {
		count = 1
	}
	for length > 1 && !smooth(length) {
		length--
	}
	return length, count
}

// smooth reports whether n is even and has small factors only.
func smooth(n int) bool {
	if n%2 != 0 {
		return false
	}
	for _, p := range []int{2, 3, 5} {
		for n%p == 0 {
			n /= p
		}
	}
	return n == 1
}

// Band returns the edges (Hz) of the band that is looked at in windows of that
// sampling rate.
func Band(rate float64) (lo, hi float64) { return lowEdge, min(highEdge, bandTop*rate) }

// Need returns how many samples at rate hold the fewest turns that are judged, at least
// leastSamples. No number does at a rate whose band is none: then it is the largest int.
func Need(rate, shaft float64) int {
	if lo, hi := Band(rate); !(hi > 2*lo) {
		return math.MaxInt
	}
	return max(leastSamples, clamp.Count(math.Ceil(minTurns/shaft*rate)))
}

// Analyze looks for the lines of machine m in x, acceleration at rate Hz. It needs
// Need samples; the caller has checked that and that m is known, else it panics.
//
// The window is cut into segments of about thirty turns. Of each, the band up to
// 5 kHz or 0.4 of the rate is pre-whitened, its squared envelope is transformed, and
// the logarithms of the amplitudes are averaged over the segments. The evidence is
// valid until the next call, and gone with Release.
func (a *Analyzer) Analyze(x []float32, rate float64, m Machine) *Evidence {
	if !m.Known() || len(x) < Need(rate, m.ShaftSpeed) {
		panic("lines: window or machine does not allow an analysis")
	}
	n, count := Segment(len(x), rate, m.ShaftSpeed)
	a.Release()
	p := a.plan(n, rate, m.ShaftSpeed)
	a.held = p
	clear(p.sum)
	e := &a.comb.Evidence
	*e = Evidence{Machine: m, Turns: float64(n) / rate * m.ShaftSpeed, Segments: count}
	for s := range count {
		from := 0
		if count > 1 {
			from = s * (len(x) - n) / (count - 1)
		}
		p.add(x[from:from+n], e, rate)
	}
	inverse := 1 / float64(count)
	for i := range p.sum {
		p.sum[i] *= inverse
	}
	e.Impulsive *= inverse
	e.Steady *= inverse
	e.Whitened *= inverse
	e.Broad *= inverse
	e.Tones *= inverse
	e.Shaft *= inverse

	step := rate / float64(n) / m.ShaftSpeed / stepsPerBin // orders from value to value
	p.level(step)
	a.comb.find(p.sum, step)
	return e
}

// Among is Analyze for a bearing of which several orders are possible, and returns which of them
// explain the spectrum best: those whose highest comb stands out most. Orders that were looked
// for stand out by chance the more, the more of them there are, so the deviations of the combs
// are those of a single one that is as improbable, by the tail of a normal distribution:
//
//	Z' = √(Z² - 2 ln n)
//
// It panics if orders is empty.
func (a *Analyzer) Among(x []float32, rate, shaft float64, orders []bearing.Orders) (e *Evidence, best int) {
	e = a.Analyze(x, rate, Machine{shaft, orders[0]})
	if len(orders) == 1 {
		return e, 0
	}
	a.tried, a.spreads = a.tried[:0], a.spreads[:0]
	for i, o := range orders {
		if i > 0 { // the first were found by Analyze
			e.Machine.Orders = o
			a.comb.find(a.comb.l, a.comb.step)
		}
		a.tried, a.spreads = append(a.tried, *e), append(a.spreads, e.Spread)
	}
	// The spread of decoys is itself by chance: of many the least would make its orders the best.
	// None counts for less than the lower quartile: at the median a fault's own lines, which the
	// decoys of other orders meet, raise it too far. The quartile was taken after a look at what a
	// half, a third, a quarter and a sixth name on CWRU, MFPT and healthy runs.
	common := kth(a.spreads, len(orders)/4)
	for i := range a.tried {
		t := &a.tried[i]
		for k := range t.Combs {
			t.Combs[k].Z *= t.Spread / max(t.Spread, common)
		}
		t.Spread = max(t.Spread, common)
		if highest(t) > highest(&a.tried[best]) {
			best = i
		}
	}
	*e = a.tried[best]
	for i := range e.Combs {
		e.Combs[i].Z = charged(e.Combs[i].Z, len(orders))
	}
	return e, best
}

// highest returns the greatest deviation of a comb.
func highest(e *Evidence) float64 { return max(e.Combs[0].Z, e.Combs[1].Z, e.Combs[2].Z) }

// charged returns a deviation as it is worth where it is the highest of n.
func charged(z float64, n int) float64 {
	if z <= 0 {
		return z
	}
	return math.Sqrt(max(0, z*z-2*math.Log(float64(n))))
}

// Spectrum returns the envelope spectrum that the last evidence was found in: the
// natural logarithm of amplitude over floor, from order 0 in steps of step orders. It is
// valid until the next call of Analyze.
func (a *Analyzer) Spectrum() (overFloor []float64, step float64) { return a.comb.l, a.comb.step }

// add adds one segment to the sums.
func (p *plan) add(x []float32, e *Evidence, rate float64) {
	mean := 0.0
	for _, v := range x {
		mean += float64(v)
	}
	mean /= float64(len(x))
	p.transform(x, mean)
	df := rate / float64(len(x))
	first, last := p.key.first, p.key.last
	band := p.c[first : last+1]

	e.Tones += p.tones(clamp.Int(20/df, 0, last), last)
	e.Shaft += p.shaft(e.Turns)
	p.envelopes(p.sub, p.key.width()/2+1, 1, func(sub *dsp.EnvelopeSpectrum) {
		e.Impulsive, e.Steady = loudest(sub, band, e.Impulsive, e.Steady)
	})
	copy(p.white, band)
	dsp.Prewhiten(p.white)
	p.envelopes(p.env, p.key.width(), p.key.keep, func(env *dsp.EnvelopeSpectrum) {
		e.Broad += impulsiveness(env.Envelope(band), 1)
		e.Whitened += impulsiveness(env.Envelope(p.white), 1)
		env.Amplitude(p.amp, p.white)
	})
	for i, v := range p.amp {
		p.sum[i] += math.Log(v + 1e-9)
	}
}

// Of the count of tones: bins in whose median a tone must stand out, and by how much
// in power. One bin of Gaussian noise in 65,000 does.
const (
	toneBlock = 64
	toneOver  = 16
)

// tones returns how many local maxima between two bins stand out of their
// surroundings as no noise does.
func (p *plan) tones(first, last int) (n float64) {
	power := func(i int) float64 { return real(p.c[i])*real(p.c[i]) + imag(p.c[i])*imag(p.c[i]) }
	for from := max(1, first); from+toneBlock < last; from += toneBlock {
		p.sorted = p.sorted[:0]
		for i := from; i < from+toneBlock; i++ {
			p.sorted = append(p.sorted, power(i))
		}
		limit := toneOver * kth(p.sorted, toneBlock/2)
		for i := from; i < from+toneBlock; i++ {
			if v := power(i); v > limit && v > power(i-1) && v >= power(i+1) {
				n++
			}
		}
	}
	return n
}

// kth returns the value that would stand at k if x were sorted, and leaves x in another
// order. x is short: a worst case is quadratic.
//
// Reference: C. A. R. Hoare, Algorithm 65: find, Commun. ACM 4 (1961) 321; the
// partition is N. Lomuto's, which needs no branch that depends on the values.
func kth(x []float64, k int) float64 {
	for len(x) > 8 {
		last := len(x) - 1
		if mid := last / 2; (x[0] < x[mid]) == (x[mid] < x[last]) {
			x[mid], x[last] = x[last], x[mid]
		} else if (x[mid] < x[0]) == (x[0] < x[last]) {
			x[0], x[last] = x[last], x[0]
		}
		pivot, n := x[last], 0
		for i, v := range x[:last] {
			x[i] = x[n]
			x[n] = v
			if v < pivot {
				n++
			}
		}
		x[n], x[last] = x[last], x[n]
		switch {
		case k < n:
			x = x[:n]
		case k == n:
			return pivot
		default:
			x, k = x[n+1:], k-n-1
		}
	}
	for i := 1; i < len(x); i++ {
		v, j := x[i], i
		for ; j > 0 && x[j-1] > v; j-- {
			x[j] = x[j-1]
		}
		x[j] = v
	}
	return x[k]
}

// parts are the parts of the band whose impulsiveness is looked at, as shares of it.
var parts = [][2]float64{{0.05, 0.3}, {0.2, 0.5}, {0.4, 0.7}, {0.6, 1}}

// loudest adds the impulsiveness of the most impulsive part of the band: over the
// segment, and as the median over pieces of it, which one knock does not move.
func loudest(sub *dsp.EnvelopeSpectrum, band []complex128, impulsive, steady float64) (float64, float64) {
	var whole, median float64
	for _, s := range parts {
		n := float64(len(band))
		env := sub.Envelope(band[clamp.Int(s[0]*n, 0, len(band)):clamp.Int(s[1]*n, 0, len(band))])
		whole = max(whole, impulsiveness(env, 1))
		median = max(median, impulsiveness(env, 8))
	}
	return impulsive + whole, steady + median
}

// impulsiveness returns the median over pieces of the squared envelope of
//
//	ln(1 + max(0, mean(s²)/mean(s)² - 2))
//
// the spectral kurtosis of the band, 0 for Gaussian noise.
//
// Reference: J. Antoni, The spectral kurtosis, Mech. Syst. Signal Process. 20 (2006)
// 282, eq. 27.
func impulsiveness(s []float64, pieces int) float64 {
	var k [8]float64
	n := len(s) / pieces
	for i := range pieces {
		var sum, sq float64
		for _, v := range s[i*n : (i+1)*n] {
			sum += v
			sq += v * v
		}
		if sum > 0 {
			k[i] = math.Log1p(max(0, sq*float64(n)/(sum*sum)-2))
		}
	}
	slices.Sort(k[:pieces])
	return (k[(pieces-1)/2] + k[pieces/2]) / 2
}

// level takes the floor from the log amplitudes: their median over 1.2 orders around
// each, on a grid of a quarter of that and straight lines between.
func (p *plan) level(step float64) {
	n := len(p.sum)
	half := max(2, clamp.Int(floorHalf/step, 0, n))
	hop := max(1, half/2)
	p.levels = p.levels[:0]
	for c := 0; c < n+hop; c += hop {
		from, to := max(0, min(c, n-1)-half), min(n, c+half)
		// Every other value: they overlap, and half of them have the same median.
		p.sorted = p.sorted[:0]
		for i := from; i < to; i += 2 {
			p.sorted = append(p.sorted, p.sum[i])
		}
		p.levels = append(p.levels, kth(p.sorted, len(p.sorted)/2))
	}
	for i := range p.sum {
		j, f := i/hop, float64(i%hop)/float64(hop)
		p.sum[i] -= p.levels[j]*(1-f) + p.levels[j+1]*f
	}
}
