package diagnose

import (
	"cmp"
	"math"

	"brinell/bearing"
	"brinell/features/dsp"
	"brinell/features/lines"
	"brinell/internal/clamp"
)

// Bounds of spectra.
const (
	defaultLines   = 1600
	leastLines     = 16
	mostLines      = 25_600
	spectrumLength = 1 << 18 // samples that one is computed of at most
	envelopeTop    = 1000.0  // Hz, where none is stated
)

// Spectrum computes a spectrum of a window for people to look at. was is the diagnosis
// of the window, whose bearing and speed the marks are of.
//
// With w the periodic Hann window and X the transform of w(x - mean) of a piece of 2L
// samples, pieces overlapping by half, the amplitude spectrum is
//
//	A[k] = √(2 mean |X[k]|²) / Σw,  k = 0..L
//
// the RMS of a tone in line k; 0 Hz is left at 0, for the mean is gone. The envelope
// spectrum is the same of the squared envelope in a band, of one piece: its lines are as
// fine as the window is long.
//
// Reference: P. D. Welch, The use of fast Fourier transform for the estimation of power
// spectra, IEEE Trans. Audio Electroacoust. 15 (1967) 70; of the squared envelope R. B.
// Randall, J. Antoni, Mech. Syst. Signal Process. 25 (2011) 485.
//
// Errors: Invalid parameter_invalid, window_too_short.
func (c *Core) Spectrum(w *bearing.Window, was bearing.Diagnosis, q bearing.SpectrumQuery) (bearing.Spectrum, error) {
	n := min(len(w.Samples), spectrumLength)
	s := bearing.Spectrum{ID: was.ID, Kind: q.Kind, Unit: string(w.Unit.Inside()), Samples: n, Marks: c.marks(was)}
	if n < 2*leastLines {
		return s, bearing.Errorf(bearing.Invalid, "window_too_short", "the window has %d samples, a spectrum needs at least %d", n, 2*leastLines)
	}
	x := make([]float64, n)
	for i := range x {
		x[i] = float64(w.Samples[i])
	}
	if q.Kind == bearing.AmplitudeSpectrum {
		if q.Lines == 0 {
			q.Lines = defaultLines
		}
		if q.Lines < leastLines || q.Lines > mostLines {
			return s, bearing.Errorf(bearing.Invalid, "parameter_invalid", "lines %d is outside %d..%d", q.Lines, leastLines, mostLines).At("lines")
		}
		piece := min(2*q.Lines, n&^1)
		s.Values, s.Pieces = welch(x, piece)
		s.StepHz = w.SampleRate / float64(piece)
		s.Unit += " RMS"
		return s, nil
	}
	lo, hi := lines.Band(w.SampleRate)
	if q.Low != 0 || q.High != 0 {
		lo, hi = q.Low, q.High
	}
	if q.MaxHz == 0 {
		q.MaxHz = envelopeTop
	}
	top := w.SampleRate / 2
	if !(lo >= 0 && hi > lo && hi <= top) {
		return s, bearing.Errorf(bearing.Invalid, "parameter_invalid", "the band from %g to %g Hz is none within 0..%g", lo, hi, top).At("band_low_hz")
	}
	if !(q.MaxHz > 0) || !bearing.Frequencies.Has(q.MaxHz) {
		return s, bearing.Errorf(bearing.Invalid, "parameter_invalid", "max_hz %g must be positive, and within %s", q.MaxHz, bearing.Frequencies).At("max_hz")
	}
	s.Low, s.High = lo, hi
	x = dsp.SquaredEnvelope(x, x, w.SampleRate, lo, hi)
	s.Values, s.Pieces = welch(x, n&^1)
	s.StepHz = w.SampleRate / float64(n&^1)
	s.Values = s.Values[:1+clamp.Int(q.MaxHz/s.StepHz, 0, len(s.Values)-1)]
	if w.Unit.IsVelocity() {
		s.Unit = "(" + s.Unit + ")"
	}
	s.Unit += "² RMS"
	return s, nil
}

// welch returns the amplitude spectrum of x by pieces of n samples, which is even, and
// how many they were.
func welch(x []float64, n int) (a []float64, pieces int) {
	taper := dsp.HannPeriodic(n)
	sum := 0.0
	for _, v := range taper {
		sum += v
	}
	mean := 0.0
	for _, v := range x {
		mean += v / float64(len(x))
	}
	plan := dsp.NewRealFFT(n)
	y, c := make([]float64, n), make([]complex128, n/2+1)
	a = make([]float64, n/2+1)
	for from := 0; from+n <= len(x); from += n / 2 {
		for i := range y {
			y[i] = taper[i] * (x[from+i] - mean)
		}
		plan.Coefficients(c, y)
		for k, v := range c {
			a[k] += real(v)*real(v) + imag(v)*imag(v)
		}
		pieces++
	}
	for k, v := range a {
		a[k] = math.Sqrt(2*v/float64(pieces)) / sum
	}
	a[0] = 0
	return a, pieces
}

// marks are the frequencies of a diagnosis's bearing.
func (c *Core) marks(d bearing.Diagnosis) bearing.Values {
	m := bearing.Values{}
	speed := d.Witnesses.Envelope.SpeedHz
	if speed == 0 {
		speed = d.ShaftSpeedRPM / 60
	}
	name := cmp.Or(d.Verdict.Bearing, d.Witnesses.Envelope.Bearing, d.Bearing)
	if speed == 0 {
		return m
	}
	m = append(m, bearing.Value{Name: "shaft", Value: speed})
	if b, ok := bearing.Fitted(c.catalogue, name); ok { // of several that nothing tells apart the first
		o := b.Orders()
		if o.FTF > 0 {
			m = append(m, bearing.Value{Name: "cage", Value: o.FTF * speed})
		}
		for _, f := range lines.Faults {
			m = append(m, bearing.Value{Name: string(f), Value: o.Line(f) * speed})
		}
	}
	return m
}
