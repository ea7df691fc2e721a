package dataset

import (
	"math"
	"math/cmplx"
	"math/rand/v2"

	"brinell/bearing"
	"brinell/internal/clamp"
)

// SimSpec describes a simulated bearing signal. The zero value of a field means
// none of it, except where a default is named.
type SimSpec struct {
	Geometry       bearing.Geometry
	Fault          bearing.Fault // Normal: no hits
	ShaftHz        float64
	RateHz         float64
	Seconds        float64
	Amplitude      float64   // of one hit, g; default 1
	ResonanceHz    float64   // structure that each hit excites; default a quarter of RateHz, at most 3000 Hz
	Damping        float64   // damping ratio of the resonance; default 0.05
	Slip           float64   // standard deviation of the interval between hits, as a share of it
	LoadZone       float64   // depth of amplitude modulation by the load zone, 0 to 1
	ShaftHarmonics []float64 // amplitudes at 1, 2, ... times the shaft speed, g
	SNRdB          float64   // power of hits and harmonics over that of the noise, dB; +Inf: no noise

	Others []bearing.Fault // further faults, hit in the same way
	Modes  []Mode          // further resonances that each hit excites: the way to the sensor
	Creep  float64         // lines lie at 1+Creep times their order: slip of the whole cage
	Spall  float64         // length of the spall as a share of the interval: a second, weaker hit where the element leaves it
	Miss   float64         // share of hits that do not happen, as a rolling element's that turns its spall away
	Wander float64         // standard deviation of the logarithm of a hit's amplitude, which drifts over some ten hits
	Stray  float64         // order of hits that are no fault of this bearing, 0 for none
	Swell  []Swell         // how the noise swells with the turns of shaft, cage and elements
	Knocks float64         // single knocks a second, at random
}

// Swell is an amplitude modulation of the noise: its order and depth.
type Swell struct{ Order, Depth float64 }

// Mode is a resonance: its frequency, damping ratio and amplitude to that of the
// first one.
type Mode struct{ Hz, Damping, Gain float64 }

// maxSimSamples bounds a simulated signal.
const maxSimSamples = 1 << 26

// Simulate returns the vibration (g) of a bearing with a localised fault:
//
//	x(t)    = Σ_k a(t_k) h(t - t_k) + Σ_m A_m sin(2π m fs t + φ_m) + noise
//	h(t)    = A exp(-ζ ω t) sin(ω √(1-ζ²) t), t ≥ 0, ω = 2π ResonanceHz
//	t_{k+1} = t_k + T (1 + Slip g_k), T = 1 / (order · ShaftHz), g_k Gaussian
//	a(t)    = 1 + LoadZone cos(2π fm t + φ)
//
// where order is the geometry's BPFO, BPFI or 2×BSF. The load zone modulates an
// inner-race fault at the shaft speed and a rolling-element fault at the cage
// speed; an outer-race fault stays in the zone and is not modulated. Slip adds up
// from hit to hit, as in a real bearing, so lines widen with their harmonic. The
// other fields of the spec add what real machines have besides.
//
// The noise is white and Gaussian and scaled by its realised power, so that the
// ratio is exact. Where there is neither hit nor harmonic, its power is that of
// the ratio to 1 g².
//
// The same spec and the same state of rng give the same samples on one machine.
// Errors are *bearing.Error with the code simulation_invalid.
//
// Reference: P. D. McFadden, J. D. Smith, Model for the vibration produced by a
// single point defect in a rolling element bearing, J. Sound Vib. 96 (1984)
// 69-82; slip: J. Antoni, R. B. Randall, J. Vib. Acoust. 125 (2003) 282-289.
func Simulate(s SimSpec, rng *rand.Rand) ([]float32, error) {
	s = s.withDefaults()
	if err := s.validate(); err != nil {
		return nil, err
	}
	x := make([]float64, clamp.Count(math.Round(s.Seconds*s.RateHz)))
	for _, f := range append([]bearing.Fault{s.Fault}, s.Others...) {
		s.addFault(x, f, rng)
	}
	if s.Stray > 0 {
		s.addHits(x, s.Stray, 0, rng)
	}
	if s.Knocks > 0 {
		for range clamp.Count(s.Knocks*s.Seconds + rng.Float64()) {
			s.hit(x, rng.Float64()*s.Seconds, 3*s.Amplitude)
		}
	}
	for m, a := range s.ShaftHarmonics {
		w, phase := 2*math.Pi*float64(m+1)*s.ShaftHz/s.RateHz, 2*math.Pi*rng.Float64()
		for i := range x {
			x[i] += a * math.Sin(w*float64(i)+phase)
		}
	}
	s.addNoise(x, rng)
	y := make([]float32, len(x))
	for i, v := range x {
		y[i] = float32(v)
	}
	return y, nil
}

func (s SimSpec) withDefaults() SimSpec {
	if s.Amplitude == 0 {
		s.Amplitude = 1
	}
	if s.ResonanceHz == 0 {
		s.ResonanceHz = min(3000, s.RateHz/4)
	}
	if s.Damping == 0 {
		s.Damping = 0.05
	}
	return s
}

func (s SimSpec) validate() error {
	bad := func(format string, args ...any) error {
		return bearing.Errorf(bearing.Invalid, "simulation_invalid", format, args...)
	}
	for _, f := range append([]bearing.Fault{s.Fault}, s.Others...) {
		if _, err := bearing.ParseFault(string(f)); err != nil {
			return bad("fault %q is not known", bearing.Clip(string(f)))
		}
	}
	if s.Fault != bearing.Normal {
		if err := s.Geometry.Validate(); err != nil {
			return bad("%v", err)
		}
	}
	n := s.Seconds * s.RateHz
	switch {
	case !bearing.SampleRates.Has(s.RateHz):
		return bad("sampling rate %g Hz is outside %s", s.RateHz, bearing.SampleRates)
	case !(n >= 1) || n > maxSimSamples:
		return bad("%g s at %g Hz is outside 1 to %d samples", s.Seconds, s.RateHz, maxSimSamples)
	case !bearing.ShaftSpeeds.Has(60 * s.ShaftHz):
		return bad("shaft speed %g rpm is outside %s", 60*s.ShaftHz, bearing.ShaftSpeeds)
	case !(s.ResonanceHz > 0) || s.ResonanceHz >= s.RateHz/2:
		return bad("resonance %g Hz must lie below half the sampling rate, %g Hz", s.ResonanceHz, s.RateHz/2)
	case !(s.Damping >= 1e-4) || s.Damping >= 1:
		return bad("damping ratio %g must be from 0.0001 to 1", s.Damping)
	case !(s.Slip >= 0) || s.Slip > 0.2:
		return bad("slip %g must be from 0 to 0.2", s.Slip)
	case !(s.LoadZone >= 0) || s.LoadZone > 1:
		return bad("load zone modulation %g must be from 0 to 1", s.LoadZone)
	case !(math.Abs(s.Creep) <= 0.1):
		return bad("creep %g must be within 0.1", s.Creep)
	case !within(s.Spall, 1) || !within(s.Miss, 1) || !within(s.Wander, 3):
		return bad("spall and misses must be from 0 to 1, wander from 0 to 3")
	case !within(s.Stray, 100) || !within(s.Knocks, 1000):
		return bad("the stray order must be from 0 to 100, knocks from 0 to 1000 a second")
	case math.IsNaN(s.Amplitude) || math.IsInf(s.Amplitude, 0):
		return bad("amplitude must be finite")
	case math.IsNaN(s.SNRdB) || s.SNRdB < -200:
		return bad("signal-to-noise ratio %g dB must be at least -200 dB", s.SNRdB)
	case float64(len(s.ShaftHarmonics))*s.ShaftHz >= s.RateHz/2:
		return bad("harmonic %d of the shaft lies above half the sampling rate", len(s.ShaftHarmonics))
	}
	for _, w := range s.Swell {
		if !within(w.Order, 1000) || !within(w.Depth, 1) {
			return bad("swell %+v must have an order from 0 to 1000 and a depth from 0 to 1", w)
		}
	}
	for _, m := range s.Modes {
		if !(m.Hz > 0) || m.Hz >= s.RateHz/2 || !(m.Damping >= 1e-4) || m.Damping >= 1 || !within(math.Abs(m.Gain), 1e6) {
			return bad("mode %+v must lie below half the sampling rate, with a damping ratio from 0.0001 to 1 and a finite gain", m)
		}
	}
	for _, a := range s.ShaftHarmonics {
		if math.IsNaN(a) || math.IsInf(a, 0) {
			return bad("amplitudes of shaft harmonics must be finite")
		}
	}
	return nil
}

// addFault adds the hits of a fault, modulated by the load zone.
func (s SimSpec) addFault(x []float64, f bearing.Fault, rng *rand.Rand) {
	orders := s.Geometry.Orders()
	order := orders.Line(f) * (1 + s.Creep)
	switch f {
	case bearing.InnerRace:
		s.addHits(x, order, 1, rng)
	case bearing.OuterRace:
		s.addHits(x, order, 0, rng)
	case bearing.Ball:
		s.addHits(x, order, orders.FTF*(1+s.Creep), rng)
	}
}

// addHits adds hits at an order, modulated at the order zone if that is not 0.
func (s SimSpec) addHits(x []float64, order, zone float64, rng *rand.Rand) {
	zone *= s.ShaftHz
	phase := 2 * math.Pi * rng.Float64()
	period := 1 / (order * s.ShaftHz)
	end := float64(len(x)) / s.RateHz
	const memory = 0.9 // of the drift, from hit to hit
	drift := 0.0
	if s.Wander > 0 {
		drift = s.Wander * rng.NormFloat64()
	}
	// Hits before the first sample still ring in it.
	for t := -s.tail(s.ResonanceHz, s.Damping) - period*rng.Float64(); t < end; {
		a := s.Amplitude
		if zone > 0 {
			a *= 1 + s.LoadZone*math.Cos(2*math.Pi*zone*t+phase)
		}
		if s.Wander > 0 {
			a *= math.Exp(drift)
			drift = memory*drift + math.Sqrt(1-memory*memory)*s.Wander*rng.NormFloat64()
		}
		if s.Miss == 0 || rng.Float64() >= s.Miss {
			s.hit(x, t, a)
			if s.Spall > 0 {
				s.hit(x, t+s.Spall*period, a/2)
			}
		}
		t += period * max(0.1, 1+s.Slip*rng.NormFloat64())
	}
}

// tail returns the time in which a resonance dies down to a millionth, s.
func (s SimSpec) tail(hz, damping float64) float64 {
	return math.Log(1e6) / (damping * 2 * math.Pi * hz)
}

// hit adds the resonances' responses to a hit at t seconds. They are computed from
// the hit's exact time: rounded to a sample, the hits would have lines of the
// sampling grid.
func (s SimSpec) hit(x []float64, t, amplitude float64) {
	s.ring(x, t, amplitude, Mode{s.ResonanceHz, s.Damping, 1})
	for _, m := range s.Modes {
		s.ring(x, t, amplitude, m)
	}
}

func (s SimSpec) ring(x []float64, t, amplitude float64, m Mode) {
	w := 2 * math.Pi * m.Hz
	wd := w * math.Sqrt(1-m.Damping*m.Damping)
	from := clamp.Int(math.Ceil(t*s.RateHz), 0, len(x))
	to := clamp.Int(math.Ceil((t+s.tail(m.Hz, m.Damping))*s.RateHz), 0, len(x))
	if from >= to {
		return
	}
	// The samples of a damped sine turn a phasor by the same factor each.
	u := float64(from)/s.RateHz - t
	v := cmplx.Rect(amplitude*m.Gain*math.Exp(-m.Damping*w*u), wd*u)
	turn := cmplx.Rect(math.Exp(-m.Damping*w/s.RateHz), wd/s.RateHz)
	for i := from; i < to; i++ {
		x[i] += imag(v)
		v *= turn
	}
}

// addNoise adds white noise at the stated ratio to what x holds.
func (s SimSpec) addNoise(x []float64, rng *rand.Rand) {
	if math.IsInf(s.SNRdB, 1) {
		return
	}
	noise := make([]float64, len(x))
	turn := 2 * math.Pi * s.ShaftHz / s.RateHz
	for i := range noise {
		noise[i] = rng.NormFloat64()
		depth := 1.0
		for _, w := range s.Swell {
			depth += w.Depth * math.Cos(turn*w.Order*float64(i))
		}
		noise[i] *= depth
	}
	signal := power(x)
	if signal == 0 {
		signal = 1
	}
	k := math.Sqrt(signal / power(noise) / math.Pow(10, s.SNRdB/10))
	for i, v := range noise {
		x[i] += k * v
	}
}

// within reports whether v is from 0 to limit.
func within(v, limit float64) bool { return v >= 0 && v <= limit }

// power returns the mean square of x.
func power(x []float64) float64 {
	var sum float64
	for _, v := range x {
		sum += v * v
	}
	return sum / float64(len(x))
}
