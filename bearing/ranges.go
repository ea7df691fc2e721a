package bearing

import "fmt"

// Range is what a number of the physical world may be. A number that may be left out is
// looked at only where it is there.
type Range struct {
	Low, High float64
	Unit      string // "" for none
}

// Ranges of what comes in, whichever way it does: a number outside is refused where it
// comes in, so that what is computed with it stays finite, and lengths that follow from it
// fit an int.
var (
	SampleRates   = Range{1, MaxSampleRate, "Hz"}          // an hour's mean is no vibration
	ShaftSpeeds   = Range{MinShaftRPM, MaxShaftRPM, "rpm"} // a turn takes less than a day
	FullScales    = Range{1e-6, MaxAcceleration, "g"}
	NoiseFloors   = Range{1e-12, MaxAcceleration, "g"}
	Frequencies   = Range{0, MaxSampleRate / 2, "Hz"}
	Thresholds    = Range{-1e18, 1e18, ""} // of features, in their units: a kurtosis is below 4e6
	Velocities    = Range{1e-6, 1e9, "mm/s"}
	Probabilities = Range{0, 1, ""}
)

// Bounds of shaft speeds: a slewing ring turns at a tenth of a revolution a minute.
const (
	MinShaftRPM = 1e-3
	MaxShaftRPM = 60 * MaxShaftSpeed
)

// Has reports whether v lies in the range; NaN does not.
func (r Range) Has(v float64) bool { return v >= r.Low && v <= r.High }

// Check returns Invalid with that code, unless v lies in the range. what names the number
// in the text.
func (r Range) Check(code, what string, v float64) error {
	if r.Has(v) {
		return nil
	}
	return Errorf(Invalid, code, "%s %g is outside %s", what, v, r)
}

// String returns the range as a text for people, "1..1e+07 Hz".
func (r Range) String() string {
	s := fmt.Sprintf("%g..%g", r.Low, r.High)
	if r.Unit != "" {
		s += " " + r.Unit
	}
	return s
}
