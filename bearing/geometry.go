package bearing

import (
	"fmt"
	"math"
)

// Geometry is the geometry of a rolling bearing whose outer ring stands still
// and whose inner ring turns with the shaft.
type Geometry struct {
	Elements     int     // number of rolling elements, n
	ElementDia   float64 // rolling element diameter, d (any length unit, the same as PitchDia)
	PitchDia     float64 // pitch diameter, D
	ContactAngle float64 // contact angle, rad
}

// Orders are the characteristic frequencies of a bearing as multiples of the
// shaft speed (dimensionless). Multiply by the shaft speed in Hz for hertz.
type Orders struct {
	BPFO float64 // ball pass frequency, outer race
	BPFI float64 // ball pass frequency, inner race
	BSF  float64 // ball spin frequency: one spall hits one race once per spin
	FTF  float64 // fundamental train frequency: the cage
}

// Orders returns the characteristic orders under pure rolling:
//
//	r    = d/D cos φ
//	BPFO = n/2 (1 - r)        BPFI = n/2 (1 + r)
//	BSF  = D/(2d) (1 - r²)    FTF  = 1/2 (1 - r)
//
// BPFO + BPFI = n and BPFO = n FTF hold exactly. Slip of 1-2 % is normal in a
// real bearing, so lines are looked for within a few percent.
//
// Reference: R. B. Randall, J. Antoni, Rolling element bearing diagnostics: a
// tutorial, Mech. Syst. Signal Process. 25 (2011) 485-520, eq. 1-4.
func (g Geometry) Orders() Orders {
	n := float64(g.Elements)
	r := g.ElementDia / g.PitchDia * math.Cos(g.ContactAngle)
	return Orders{
		BPFO: n / 2 * (1 - r),
		BPFI: n / 2 * (1 + r),
		BSF:  g.PitchDia / (2 * g.ElementDia) * (1 - r*r),
		FTF:  (1 - r) / 2,
	}
}

// BSF2 returns 2×BSF, the order of a rolling element's fault line: a spall on
// the element hits both races in each spin. Tables that call 2×BSF "ball spin"
// (the CWRU page lists 4.7135 for the 6205) mean this order.
func (o Orders) BSF2() float64 { return 2 * o.BSF }

// Line returns the order at which a fault of that class repeats: BPFI, BPFO or
// 2×BSF, and 0 for Normal.
func (o Orders) Line(f Fault) float64 {
	switch f {
	case InnerRace:
		return o.BPFI
	case OuterRace:
		return o.BPFO
	case Ball:
		return o.BSF2()
	}
	return 0
}

// Validate reports what makes the geometry impossible.
func (g Geometry) Validate() error {
	switch {
	case g.Elements < 3:
		return fmt.Errorf("geometry: %d rolling elements, need at least 3", g.Elements)
	case !(g.ElementDia > 0) || !(g.PitchDia > g.ElementDia):
		return fmt.Errorf("geometry: element diameter %g must be positive and below the pitch diameter %g", g.ElementDia, g.PitchDia)
	case !(g.ContactAngle >= 0) || g.ContactAngle >= math.Pi/2:
		return fmt.Errorf("geometry: contact angle %g rad is outside [0, π/2)", g.ContactAngle)
	}
	return nil
}
