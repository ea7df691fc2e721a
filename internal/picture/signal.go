package picture

import (
	"fmt"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"brinell/bearing"
	"brinell/features/dsp"
	"brinell/internal/clamp"
)

// What of a waveform is drawn: so many seconds, of a slow shaft so many turns.
const (
	shownSeconds = 0.1
	shownTurns   = 3
)

// columns is how many pieces a waveform has at most of which the extremes are drawn: as many
// as a picture has pixels beside each other, unless it is a large one.
const columns = 1200

// depth is how far below its top a density is drawn, dB: more than a converter of 24 bits has
// would leave no room for the rest.
const depth = 150

// waveform draws the beginning of a signal.
func waveform(s Subject) *plot.Plot {
	shown := shownSeconds
	if s.Speed > 0 {
		shown = max(shown, shownTurns/s.Speed)
	}
	n := min(len(s.Samples), clamp.Int(shown*s.Rate, 0, len(s.Samples))+1)
	what := fmt.Sprintf("Waveform, first %.3g s of %.3g s, %.6g samples/s", min(shown, float64(n)/s.Rate),
		float64(len(s.Samples))/s.Rate, s.Rate)
	p := axes(what, "time (s)", s.Unit.Quantity()+" ("+s.unit()+")")
	trace{outline(s.Samples[:n], s.Rate)}.add(p)
	return p
}

// outline returns the points of a waveform. Of a long one they are the least and the greatest
// value of each of so many pieces, in their order: what pixels show of it.
func outline(x []float32, rate float64) plotter.XYs {
	at := func(i int) plotter.XY { return plotter.XY{X: float64(i) / rate, Y: float64(x[i])} }
	var xy plotter.XYs
	if len(x) <= 2*columns {
		for i := range x {
			xy = append(xy, at(i))
		}
		return xy
	}
	for c := range columns {
		from, to := c*len(x)/columns, (c+1)*len(x)/columns
		lo, hi := from, from
		for i := from; i < to; i++ {
			if x[i] < x[lo] {
				lo = i
			}
			if x[i] > x[hi] {
				hi = i
			}
		}
		xy = append(xy, at(min(lo, hi)), at(max(lo, hi)))
	}
	return xy
}

// density draws the power spectral density of a signal, and where its hits are steadiest.
func density(s Subject) *plot.Plot {
	hits := struck(steadiest(s))
	what, hit := hits.said()
	p := axes(what, "frequency (Hz)", "level (dB re 1 "+squared(s.unit())+"/Hz)")
	psd, step := welch(s.Samples, s.Rate)
	xy := make(plotter.XYs, 0, len(psd))
	top := math.Inf(-1)
	for i, v := range psd {
		if i > 0 { // the bin at 0 Hz holds the offset of the sensor
			xy = append(xy, plotter.XY{X: float64(i) * step, Y: 10 * math.Log10(max(v, 1e-30))})
			top = max(top, xy[i-1].Y)
		}
	}
	for i := range xy {
		xy[i].Y = max(xy[i].Y, top-depth)
	}
	if hit {
		p.Add(shade{hits.Low, hits.High})
	}
	trace{xy}.add(p)
	p.X.Min, p.X.Max = 0, s.Rate/2
	return p
}

// squared returns the unit of a power.
func squared(unit string) string {
	if unit == string(bearing.MillimetresSec) {
		return "(" + unit + ")²"
	}
	return unit + "²"
}

// shade marks a range of frequencies from bottom to top.
type shade struct{ low, high float64 }

func (s shade) Plot(c draw.Canvas, p *plot.Plot) {
	x, _ := p.Transforms(&c)
	c.FillPolygon(band, c.ClipPolygonX([]vg.Point{{X: x(s.low), Y: c.Min.Y}, {X: x(s.high), Y: c.Min.Y},
		{X: x(s.high), Y: c.Max.Y}, {X: x(s.low), Y: c.Max.Y}}))
}

// struck is the band with the steadiest hits.
type struck dsp.Band

// said returns the title of a density, and whether there are hits.
func (b struck) said() (title string, hit bool) {
	title = "Power spectral density"
	switch {
	case b.Steady >= impulsive:
		return fmt.Sprintf("%s, most impulsive from %.0f to %.0f Hz (shaded): spectral kurtosis %.1f",
			title, b.Low, b.High, b.Steady), true
	case b.High > 0:
		return title + ", no band is impulsive", false
	}
	return title, false
}

// impulsive is the spectral kurtosis from which a band is said to have hits: Gaussian noise
// has 0.
const impulsive = 1

// steadiest returns the band in which the hits are steadiest, by a vote of the kurtograms of
// up to four pieces of the signal; none of a signal that is shorter than a piece.
func steadiest(s Subject) dsp.Band {
	const piece, levels, most = 8192, 4, 4
	var windows [][]dsp.Band
	x := make([]float64, piece)
	for from := 0; from+piece <= len(s.Samples) && len(windows) < most; from += piece {
		for i := range x {
			x[i] = float64(s.Samples[from+i])
		}
		windows = append(windows, dsp.Kurtogram(x, s.Rate, levels))
	}
	if len(windows) == 0 {
		return dsp.Band{}
	}
	return dsp.VoteBand(windows)
}

// welch returns the one-sided power spectral density of x at rate (Hz) by Welch's method,
//
//	P[k] = 2 mean |X[k]|² / (rate Σw²),  k = 0..n/2
//
// over pieces of n samples, up to 4096 and overlapping by half, with the periodic Hann window
// w and X the transform of w·x; not doubled at 0 and rate/2. Its unit is that of x², per Hz;
// step is from value to value, Hz.
//
// Reference: P. D. Welch, The use of fast Fourier transform for the estimation of power
// spectra, IEEE Trans. Audio Electroacoust. 15 (1967) 70.
func welch(x []float32, rate float64) (psd []float64, step float64) {
	n := 4096
	for n > len(x) && n > 2 {
		n /= 2
	}
	taper := dsp.HannPeriodic(n)
	power := 0.0
	for _, w := range taper {
		power += w * w
	}
	plan := dsp.NewRealFFT(n)
	y, c := make([]float64, n), make([]complex128, n/2+1)
	psd = make([]float64, n/2+1)
	pieces := 0
	for from := 0; from == 0 || from+n <= len(x); from += n / 2 {
		clear(y)
		for i, v := range x[from:min(from+n, len(x))] {
			y[i] = taper[i] * float64(v)
		}
		plan.Coefficients(c, y)
		for k, v := range c {
			psd[k] += real(v)*real(v) + imag(v)*imag(v)
		}
		pieces++
	}
	for k := range psd {
		psd[k] *= 2 / (float64(pieces) * rate * power)
	}
	psd[0] /= 2
	psd[n/2] /= 2
	return psd, rate / float64(n)
}
