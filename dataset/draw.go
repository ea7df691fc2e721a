package dataset

import (
	"math"
	"math/rand/v2"

	"brinell/bearing"
)

// DrawSim returns the spec of a simulated machine, drawn at random: bearing, speed,
// resonances, slip, load zone, spall, noise and what else a healthy machine does. All
// ranges are physical or nominal and none was fitted to a corpus.
//
// A rolling element often turns its spall away from the races, so its hits come
// irregularly; many such faults show no line at 2×BSF at all.
func DrawSim(fault bearing.Fault, rng *rand.Rand) SimSpec {
	between := func(lo, hi float64) float64 { return lo + (hi-lo)*rng.Float64() }
	ratio := func(lo, hi float64) float64 { return lo * math.Pow(hi/lo, rng.Float64()) }
	chance := func(p float64) bool { return rng.Float64() < p }

	s := SimSpec{
		Fault:       fault,
		Geometry:    drawGeometry(rng),
		RateHz:      []float64{12000, 12000, 20480, 25600}[rng.IntN(4)],
		ShaftHz:     ratio(8, 70),
		ResonanceHz: ratio(700, 4500),
		Damping:     ratio(0.015, 0.15),
		Slip:        ratio(0.001, 0.02),
		Creep:       0.004 * rng.NormFloat64(),
		SNRdB:       between(-15, 12),
	}
	s.Creep = max(-0.011, min(0.011, s.Creep))
	s.Seconds = max(0.25, min(2, between(12, 45)/s.ShaftHz))
	for range rng.IntN(3) {
		s.Modes = append(s.Modes, Mode{ratio(400, 5000), ratio(0.01, 0.1), between(0.1, 1)})
	}
	// A machine without damage swells too: with its turns, and with each element that
	// passes the load (variable compliance), at the very orders of the races.
	o := s.Geometry.Orders()
	for k := range rng.IntN(4) {
		s.Swell = append(s.Swell, Swell{float64(k + 1), ratio(0.01, 0.3)})
	}
	for _, order := range []float64{o.BPFO, o.BPFI} {
		if chance(0.4) {
			s.Swell = append(s.Swell, Swell{order, ratio(0.005, 0.08)})
		}
	}
	if chance(0.15) {
		s.Knocks = between(0, 3)
	}
	switch fault {
	case bearing.InnerRace:
		s.LoadZone, s.Wander = between(0.2, 1), between(0, 0.4)
	case bearing.OuterRace:
		s.LoadZone, s.Wander = 0, between(0, 0.4)
	case bearing.Ball:
		s.LoadZone, s.Wander, s.Miss = between(0.2, 1), between(0.2, 1.5), between(0, 0.85)
		s.SNRdB = between(-24, 10)
	case bearing.Normal:
		if chance(0.1) { // hits of something else: a gear, a belt, another bearing
			s.Stray = between(0.2, 9)
			if nearLine(o, s.Stray) {
				s.Stray = 0
			}
		}
	}
	if fault != bearing.Normal && chance(0.3) {
		s.Spall = between(0.02, 0.3)
	}
	for range rng.IntN(5) {
		s.ShaftHarmonics = append(s.ShaftHarmonics, ratio(0.01, 3))
	}
	return s
}

// drawGeometry returns a bearing whose elements fit side by side.
func drawGeometry(rng *rand.Rand) bearing.Geometry {
	for {
		g := bearing.Geometry{Elements: 6 + rng.IntN(14), ElementDia: 0.1 + 0.25*rng.Float64(), PitchDia: 1}
		if rng.Float64() < 0.2 {
			g.ContactAngle = rng.Float64() * 40 * math.Pi / 180
		}
		fill := float64(g.Elements) * g.ElementDia / math.Pi
		if fill < 0.95 && fill > 0.45 {
			return g
		}
	}
}

// nearLine reports whether hits at that order, or at a half, double or triple of it,
// could be taken for those of a fault.
func nearLine(o bearing.Orders, order float64) bool {
	for _, line := range []float64{o.BPFO, o.BPFI, o.BSF2(), o.FTF} {
		for _, m := range []float64{1. / 3, 0.5, 1, 2, 3} {
			if math.Abs(m*order/line-1) < 0.04 {
				return true
			}
		}
	}
	return false
}
