package diagnose

import (
	"math"
	"slices"

	"brinell/bearing"
	"brinell/features/dsp"
	"brinell/internal/clamp"
)

// Profile is what is known of a sensor. Zero fields are unknown.
type Profile struct {
	NoiseFloor float64 // rms, in g or, of velocity, mm/s
	FullScale  float64 // likewise
}

// assessor grades windows. It owns its work space: not safe for concurrent use.
type assessor struct {
	shelf  *dsp.Shelf
	levels map[float32]struct{}
	frames []float64
	// Of the window that was assessed last, mm/s RMS, 0 where it is too short.
	velocity float64
}

// spectrum is what a power spectrum of one length needs.
type spectrum struct {
	fft   *dsp.RealFFT
	taper []float64
	x     []float64
	c     []complex128
	power []float64
}

// gateLength is how many values the spectrum of windows of so many samples at that rate
// has: a power of two of them, and at most between a half and a whole second.
func gateLength(rate float64, samples int) int {
	n := minSamples
	for ; float64(2*n) <= rate && n < samples && n < 1<<17; n *= 2 {
	}
	return n
}

func gateKey(n int) dsp.PlanKey { return dsp.PlanKey{Kind: "quality", A: n} }

// gateBytes is not less than what a spectrum of n values takes.
func gateBytes(n int) int64 { return dsp.RealFFTBytes(n) + (8+8+8+4)*int64(n) + 64<<10 }

// spectrumOf returns the plan for spectra of n values.
func (a *assessor) spectrumOf(n int) *spectrum {
	if p, ok := a.shelf.Take(gateKey(n)).(*spectrum); ok {
		return p
	}
	return &spectrum{dsp.NewRealFFT(n), dsp.HannPeriodic(n), make([]float64, n), make([]complex128, n/2+1), make([]float64, n/2+1)}
}

// ownShelf is how many bytes of plans an assessor keeps that shares none with others.
const ownShelf = 64 << 20

// newAssessor returns an assessor whose plans go to and come from a shelf; nil for one of
// its own.
func newAssessor(shelf *dsp.Shelf) *assessor {
	if shelf == nil {
		shelf = dsp.NewShelf(ownShelf)
	}
	return &assessor{shelf: shelf, levels: make(map[float32]struct{}, coarseLevels)}
}

// gate collects the flags of one window.
type gate struct{ bearing.Quality }

func (g *gate) flag(level bearing.QualityLevel, code string, value, limit float64, note string) {
	g.Flags = append(g.Flags, bearing.Flag{Code: code, Value: round(value, 6), Limit: limit, Note: note})
	if level == bearing.Unusable || g.Level == bearing.Good {
		g.Level = level
	}
}

// assess grades a window: unusable where its samples are no vibration, degraded where
// an answer must be read with care.
func (a *assessor) assess(w *bearing.Window, profile Profile) bearing.Quality {
	g := gate{bearing.Quality{Level: bearing.Good, Flags: []bearing.Flag{}}}
	x := w.Samples
	s := summarise(x)
	a.velocity = 0
	if w.SampleRate < lowRate && !w.Unit.IsVelocity() {
		g.flag(bearing.Degraded, "rate_low", w.SampleRate, lowRate, "the band above 0.4 of the rate is masked")
	}
	if levels := a.distinct(x); levels < stuckLevels || s.held > heldShare {
		g.flag(bearing.Unusable, "flatline", s.held, heldShare, "the samples hardly change: the sensor is stuck or unplugged")
		return g.Quality
	} else if levels < coarseLevels {
		g.flag(bearing.Degraded, "coarse_adc", float64(levels), coarseLevels, "distinct values: the range of the converter is much too wide")
	}
	if n := period(x); n > 0 {
		g.flag(bearing.Unusable, "repeated_block", float64(n), 0, "samples after which the window repeats itself exactly")
	}
	if share, run := rails(x, s); share > clippedMost {
		g.flag(bearing.Unusable, "clipped", share, clippedMost, "share of samples at the limits of the range")
	} else if share >= clippedShare || run >= railRun {
		g.flag(bearing.Degraded, "clipped", share, clippedShare, "share of samples at the limits of the range, or several in a row: amplitudes are lower bounds")
	}
	if s.dropout > dropoutMost {
		g.flag(bearing.Unusable, "dropout", s.dropout, dropoutMost, "share of samples in stretches that stand still")
	} else if s.dropout > dropoutShare {
		g.flag(bearing.Degraded, "dropout", s.dropout, dropoutShare, "share of samples in stretches that stand still")
	}
	if v := math.Abs(s.mean) / s.std; v > offsetSigmas {
		g.flag(bearing.Degraded, "dc_offset", v, offsetSigmas, "offset over standard deviation; it is removed")
	}
	if v := math.Abs(s.last-s.first) / s.std; v > settlingShift {
		g.flag(bearing.Degraded, "settling", v, settlingShift, "the mean moves through the window, standard deviations: the sensor has just been switched on")
	}
	if s.event > eventShare {
		g.flag(bearing.Degraded, "transient", s.event, eventShare, "share of the energy in one short event: a knock, or interference")
	}
	if profile.NoiseFloor > 0 && s.std < profile.NoiseFloor {
		g.flag(bearing.Unusable, "below_noise", s.std, profile.NoiseFloor, string(w.Unit.Inside())+" rms: less than the sensor's own noise")
	}
	if peak := max(s.high-s.mean, s.mean-s.low); profile.FullScale > 0 && peak > fullScales*profile.FullScale {
		g.flag(bearing.Unusable, "out_of_range", peak, fullScales*profile.FullScale, string(w.Unit.Inside())+": beyond twice the sensor's range")
	}
	if v := a.unsteady(x, w.SampleRate, s.mean); v > unsteadyLimit {
		g.flag(bearing.Degraded, "unsteady", v, unsteadyLimit, "variation of the level from tenth to tenth of a second: the machine runs up, or this is no machine")
	}
	a.spectral(&g, w, s.mean)
	return g.Quality
}

// summary is what one pass or two over the samples tell.
type summary struct {
	mean, std, low, high float64
	held                 float64 // share of samples equal to the one before
	dropout              float64 // share in stretches of equal samples
	first, last          float64 // means of the first and the last quarter
	event                float64 // largest share of the energy in two neighbours of 64 blocks
}

func summarise(x []float32) (s summary) {
	n := float64(len(x))
	s.low, s.high = float64(x[0]), float64(x[0])
	held, stuck, run := 0, 0, 1
	before, low, high, sum := x[0], x[0], x[0], s.low
	for _, f := range x[1:] {
		sum += float64(f)
		if f == before {
			held++
			if run++; run == dropoutRun {
				stuck += dropoutRun
			} else if run > dropoutRun {
				stuck++
			}
			continue
		}
		run, before = 1, f
		if f > high {
			high = f
		} else if f < low {
			low = f
		}
	}
	s.mean, s.low, s.high = sum, float64(low), float64(high)
	s.mean /= n
	s.held, s.dropout = float64(held)/n, float64(stuck)/n
	const blocks = 64
	var energy [blocks]float64
	quarter := len(x) / 4
	for b := range blocks {
		sum := 0.0
		for _, f := range x[b*len(x)/blocks : (b+1)*len(x)/blocks] {
			d := float64(f) - s.mean
			sum += d * d
		}
		energy[b] = sum
	}
	for i := range quarter {
		s.first += float64(x[i]) - s.mean
		s.last += float64(x[len(x)-1-i]) - s.mean
	}
	s.first, s.last = s.first/float64(quarter), s.last/float64(quarter)
	total := 0.0
	for _, e := range energy {
		total += e
	}
	s.std = math.Sqrt(total / n)
	if total > 0 {
		for i := range blocks - 1 {
			s.event = max(s.event, (energy[i]+energy[i+1])/total)
		}
	}
	return s
}

// distinct counts the different values, up to coarseLevels.
func (a *assessor) distinct(x []float32) int {
	clear(a.levels)
	for _, v := range x {
		if a.levels[v] = struct{}{}; len(a.levels) >= coarseLevels {
			break
		}
	}
	return len(a.levels)
}

// rails returns the share of samples at the highest and the lowest value, and the
// longest run at one of them. At means within a five-thousandth of the range: the
// limits of a converter are not always met to the bit.
func rails(x []float32, s summary) (share float64, run int) {
	near := (s.high - s.low) / 5000
	high, low := float32(s.high-near), float32(s.low+near)
	n, current := 0, 0
	for _, v := range x {
		if v < high && v > low {
			current = 0
			continue
		}
		n++
		current++
		run = max(run, current)
	}
	return float64(n) / float64(len(x)), run
}

// period returns after how many samples a long part of the window comes again to the
// bit, and 0 where none does. It looks for the samples at four places.
func period(x []float32) int {
	const probe = blockProbe
	for p := range 4 {
		from := p * len(x) / 4
		if from+2*probe > len(x) || still(x[from:from+probe]) {
			continue
		}
		for at := from + probe; at+probe <= len(x); at++ {
			if x[at] == x[from] && x[at+1] == x[from+1] && slices.Equal(x[at:at+probe], x[from:from+probe]) {
				return at - from
			}
		}
	}
	return 0
}

// still reports whether x has fewer than eight different neighbours: such a stretch
// may come again by chance.
func still(x []float32) bool {
	changes := 0
	for i := 1; i < len(x); i++ {
		if x[i] != x[i-1] {
			changes++
		}
	}
	return changes < 16
}

// unsteady returns the coefficient of variation of the level over frames of a tenth of
// a second, or six of a shorter window; 0 where frames would be shorter than 30 ms.
func (a *assessor) unsteady(x []float32, rate, mean float64) float64 {
	n := clamp.Int(rate/10, 0, len(x)/6)
	if float64(n) < 0.03*rate {
		return 0
	}
	a.frames = a.frames[:0]
	for i := 0; i+n <= len(x); i += n {
		sum := 0.0
		for _, v := range x[i : i+n] {
			d := float64(v) - mean
			sum += d * d
		}
		a.frames = append(a.frames, math.Sqrt(sum/float64(n)))
	}
	var m, sq float64
	for _, v := range a.frames {
		m += v / float64(len(a.frames))
	}
	for _, v := range a.frames {
		sq += (v - m) * (v - m) / float64(len(a.frames))
	}
	return math.Sqrt(sq) / m
}

// spectral sets the flags that need a spectrum: of the middle of the window.
func (a *assessor) spectral(g *gate, w *bearing.Window, mean float64) {
	if w.Unit.IsVelocity() {
		a.velocity = a.velocityOf(w, mean)
		return // it has other lines than acceleration, and ends where its sensor does
	}
	size := gateLength(w.SampleRate, len(w.Samples))
	p := a.spectrumOf(size)
	defer a.shelf.Put(gateKey(size), p, gateBytes(size))
	n := min(len(w.Samples), size)
	from := (len(w.Samples) - n) / 2
	clear(p.x)
	for i, v := range w.Samples[from : from+n] {
		p.x[i] = (float64(v) - mean) * p.taper[i*size/n]
	}
	p.fft.Coefficients(p.c, p.x)
	df := w.SampleRate / float64(size)
	total, highest := 0.0, 0
	for i, c := range p.c {
		p.power[i] = real(c)*real(c) + imag(c)*imag(c)
		total += p.power[i]
		if p.power[i] > p.power[highest] {
			highest = i
		}
	}
	if !(total > 0) {
		return
	}
	if float64(len(w.Samples)) >= velocitySeconds*w.SampleRate && w.Unit != bearing.RelativeToFull {
		// The squares of a Hann taper sum to three eighths of its length.
		a.velocity = velocity(p.power, 2/(0.375*float64(size)*float64(size)), df)
	}
	width := 3 * size / n
	around := func(i int) (sum float64) {
		for k := max(0, i-width); k <= min(len(p.power)-1, i+width); k++ {
			sum += p.power[k]
		}
		return sum
	}
	if share := around(highest) / total; share > tonalShare {
		g.flag(bearing.Degraded, "tonal", share, tonalShare, "share of the power in one tone: no bearing sounds like that")
	}
	for _, mains := range []float64{50, 60} {
		share := 0.0
		for h := 1; h <= mainsHarmonics && float64(h)*mains < w.SampleRate/2; h++ {
			share += around(clamp.Int(float64(h)*mains/df+0.5, 0, len(p.power)-1)) / total
		}
		if share > tonalShare {
			g.flag(bearing.Degraded, "mains_hum", share, tonalShare, "share of the power at the mains' frequency and its harmonics")
			break
		}
	}
	if share := edge(p.power); share < emptyFrom {
		g.flag(bearing.Degraded, "rate_suspect", share, emptyFrom, "of half the rate, above which there is nothing: the samples were resampled, or the rate is wrong")
	}
}

// edge returns the share of the spectrum below a steep edge over which there is next to
// nothing, and 1 without such an edge. Of 64 bands, those over it hold less than 40 dB
// under the median of those beneath, after a fall of 30 dB within five: as the filter of
// a resampler makes it and no machine or sensor.
func edge(power []float64) float64 {
	const bands = emptyBands
	var level [bands]float64
	for b := range level {
		for _, v := range power[b*len(power)/bands : (b+1)*len(power)/bands] {
			level[b] += v
		}
	}
	top, loudest := bands, 0.0 // the lowest band from which all above are empty
	most := emptyFloor * slices.Max(level[:])
	for b := bands - 1; b > emptyWithin; b-- {
		if loudest = max(loudest, level[b]); loudest >= most {
			break // no median is more
		}
		below := level
		slices.Sort(below[:b])
		if loudest < emptyFloor*below[b/2] {
			top = b
		}
	}
	if top == bands || level[top] > emptyFall*level[top-emptyWithin] {
		return 1
	}
	return float64(top) / bands
}
