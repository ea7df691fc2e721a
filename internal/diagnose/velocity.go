package diagnose

import (
	"math"
	"strconv"
	"strings"

	"brinell/bearing"
	"brinell/internal/clamp"
)

// Zones are the limits of vibration velocity, mm/s RMS from 10 to 1000 Hz, between the
// zones A (new), B (good for long), C (good for a while) and D (does damage).
type Zones struct {
	Class   string
	Edition string
	Limits  [3]float64
}

const iso20816 = "ISO 20816-3:2022, table A.1 and A.2"

// KnownZones are those of the standard for industrial machines on their bearing
// housings. Group 1 is above 300 kW or of shafts from 315 mm, group 2 from 15 to 300 kW
// or of shafts from 160 mm.
var KnownZones = []Zones{
	{"group2-rigid", iso20816, [3]float64{1.4, 2.8, 4.5}},
	{"group2-flexible", iso20816, [3]float64{2.3, 4.5, 7.1}},
	{"group1-rigid", iso20816, [3]float64{2.3, 4.5, 7.1}},
	{"group1-flexible", iso20816, [3]float64{3.5, 7.1, 11.0}},
}

// ParseZones returns the zones of a class of machines, or the user's own: three rising
// limits in mm/s, with commas between. None gives the first known class.
func ParseZones(s string) (Zones, error) {
	if s == "" {
		return KnownZones[0], nil
	}
	names := make([]string, len(KnownZones))
	for i, z := range KnownZones {
		if names[i] = z.Class; s == z.Class {
			return z, nil
		}
	}
	own := Zones{Class: "own", Edition: "the user's limits"}
	parts := strings.Split(s, ",")
	before := 0.0
	for i := range own.Limits {
		if len(parts) != len(own.Limits) {
			break
		}
		v, err := strconv.ParseFloat(strings.TrimSpace(parts[i]), 64)
		if err != nil || !(v > before) || !bearing.Velocities.Has(v) {
			break
		}
		own.Limits[i], before = v, v
	}
	if own.Limits[2] == 0 {
		return Zones{}, bearing.Errorf(bearing.Invalid, "velocity_zones", "velocity zones %q are neither one of %s nor three rising limits in mm/s such as 1.4,2.8,4.5", bearing.Clip(s), strings.Join(names, ", "))
	}
	return own, nil
}

// zone grades a velocity in mm/s RMS.
func (z Zones) zone(rms float64) *bearing.Zone {
	name := "A"
	for i, limit := range z.Limits {
		if rms > limit {
			name = string(rune('B' + i))
		}
	}
	return &bearing.Zone{RMS: round(rms, 4), Zone: name, Class: z.Class, Edition: z.Edition, Band: "10-1000 Hz"}
}

// velocity integrates the power spectrum of acceleration in g, one-sided with df Hz from
// bin to bin and scaled so that its sum is the variance, and returns mm/s RMS:
//
//	v² = Σ P(f) (9806.65/(2πf))²,  10 Hz ≤ f ≤ 1000 Hz
//
// The band limits are the high-pass: what drifts below is not integrated.
func velocity(power []float64, scale, df float64) float64 {
	sum := 0.0
	for i := clamp.Int(math.Ceil(velocityLow/df), 1, len(power)); i < len(power) && float64(i)*df <= velocityHigh; i++ {
		w := 2 * math.Pi * float64(i) * df
		sum += power[i] / (w * w)
	}
	return 1000 * bearing.StandardGravity * math.Sqrt(scale*sum)
}
