package bearing

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"brinell/internal/clamp"
)

// Estimate is what the designation of a bearing says of its orders where no source states
// them: how many rolling elements bearings of its kind have, and how large they are to the
// circle of their centres. All orders follow from those two.
type Estimate struct {
	Elements [2]int     // fewest and most rolling elements in a row
	Ratio    [2]float64 // least and greatest r = d/D cos φ
}

// Known reports whether there is an estimate.
func (e Estimate) Known() bool { return e.Elements[0] > 0 }

// orders are those of n elements of ratio r, under pure rolling.
func (e Estimate) orders(n int, r float64) Orders {
	return Geometry{Elements: n, ElementDia: r, PitchDia: 1}.Orders()
}

// Bounds returns the least and the greatest of each order.
func (e Estimate) Bounds() (least, greatest Orders) {
	few, many := e.Elements[0], e.Elements[1]
	small, large := e.Ratio[0], e.Ratio[1]
	least = Orders{e.orders(few, large).BPFO, e.orders(few, small).BPFI, e.orders(few, large).BSF, e.orders(few, large).FTF}
	greatest = Orders{e.orders(many, small).BPFO, e.orders(many, large).BPFI, e.orders(many, small).BSF, e.orders(many, small).FTF}
	return least, greatest
}

// AnyBearing is what rolling bearings in general have.
var AnyBearing = Estimate{Elements: [2]int{6, 20}, Ratio: [2]float64{0.1, 0.35}}

// estimateStep is by what share the order of a rolling element changes from one candidate to the
// next: as far as a comb looks to both sides of its place.
const estimateStep = 0.024

// middle returns the likeliest orders.
func (e Estimate) middle() Orders {
	return e.orders((e.Elements[0]+e.Elements[1])/2, math.Sqrt(e.Ratio[0]*e.Ratio[1]))
}

// Candidates returns orders that cover the estimate, so that a comb which may miss its place by
// 1.2 % finds the lines of a bearing within it. The first is the likeliest, the middle.
func (e Estimate) Candidates() []Orders {
	spin := func(r float64) float64 { return (1 - r*r) / r }
	steps := 1 + clamp.Int(math.Ceil(math.Log(spin(e.Ratio[0])/spin(e.Ratio[1]))/estimateStep), 0, 1000)
	var all []Orders
	for n := e.Elements[0]; n <= e.Elements[1]; n++ {
		for i := range steps {
			share := (float64(i) + 0.5) / float64(steps)
			all = append(all, e.orders(n, e.Ratio[0]*math.Pow(e.Ratio[1]/e.Ratio[0], share)))
		}
	}
	return all
}

// kind is what bearings of one construction have in common: the diameter of an element to the
// height of the section (outside diameter less bore), and which share of a full circle the
// elements of a row fill, by half the angle under which each is seen from the centre.
//
// The shares of deep groove bearings hold what is published of 6203, 6205 and UER204 (CWRU,
// Paderborn, XJTU-SY) and the orders of Timken's ball bearing housed unit catalogue, table A-9.
// Those of the other kinds are wider: they hold a few geometries as commonly quoted, and have
// not been compared with a maker's table.
type kind struct {
	name    string
	element [2]float64
	filled  [2]float64
	contact [2]float64 // degrees
}

// estimate returns what a bearing of that kind has between bore and outside diameter d and D.
func (k kind) estimate(d, D float64) Estimate {
	pitch := (d + D) / 2
	var e Estimate
	least, most := k.element[0]*(D-d)/pitch, k.element[1]*(D-d)/pitch
	e.Ratio = [2]float64{least * math.Cos(k.contact[1]*degree), most * math.Cos(k.contact[0]*degree)}
	e.Elements[0] = clamp.Int(math.Ceil(k.filled[0]*math.Pi/math.Asin(most)), 4, maxElements)
	e.Elements[1] = clamp.Int(k.filled[1]*math.Pi/math.Asin(least), e.Elements[0], maxElements)
	return e
}

// Kinds of bearings. A deep groove bearing is filled through the gap beside its inner ring, to
// little more than half; rollers and machined cages leave less room.
var (
	thinBall = kind{"deep groove ball bearing", [2]float64{0.265, 0.305}, [2]float64{0.55, 0.63}, [2]float64{0, 0}}
	tinyBall = kind{"deep groove ball bearing", [2]float64{0.235, 0.315}, [2]float64{0.55, 0.635}, [2]float64{0, 0}} // up to 10 mm of bore
	ball     = kind{"deep groove ball bearing", [2]float64{0.28, 0.315}, [2]float64{0.55, 0.625}, [2]float64{0, 0}}
	deepBall = kind{"deep groove ball bearing", [2]float64{0.295, 0.335}, [2]float64{0.55, 0.635}, [2]float64{0, 0}}
	angular  = kind{"angular contact ball bearing", [2]float64{0.28, 0.33}, [2]float64{0.7, 0.86}, [2]float64{15, 40}}
	roller   = kind{"cylindrical roller bearing", [2]float64{0.25, 0.315}, [2]float64{0.64, 0.88}, [2]float64{0, 0}}
	barrel   = kind{"spherical roller bearing", [2]float64{0.26, 0.32}, [2]float64{0.8, 0.95}, [2]float64{5, 15}}
)

// Outside diameters (mm) of ISO 15 by diameter series and bore: rows of the bores 10, 12, 15,
// 17, then 20 to 100 in steps of 5, then as noted; 0 for none.
//
// Source: ISO 15, rolling bearings, radial bearings, boundary dimensions, general plan; series 0,
// 2 and 3 compared with lists of 60, 62 and 63 to bores of 180 mm, beyond and series 4 not.
var outside = map[byte][]float64{
	'0': {26, 28, 32, 35, 42, 47, 55, 62, 68, 75, 80, 90, 95, 100, 110, 115, 125, 130, 140, 145, 150, 160, 170, 180, 200, 210, 225, 240, 260, 280, 290, 310},
	'2': {30, 32, 35, 40, 47, 52, 62, 72, 80, 85, 90, 100, 110, 120, 125, 130, 140, 150, 160, 170, 180, 190, 200, 215, 230, 250, 270, 290, 310, 320, 340, 360},
	'3': {35, 37, 42, 47, 52, 62, 72, 80, 90, 100, 110, 120, 130, 140, 150, 160, 170, 180, 190, 200, 215, 225, 240, 260, 280, 300, 320, 340, 360, 380, 400, 420},
	'4': {0, 0, 0, 62, 72, 80, 90, 100, 110, 120, 130, 140, 150, 160, 180, 190, 200, 210, 225, 240, 250},
}

// boreOf returns the bore (mm) that a code of two digits means, and its place in outside.
// Bores from 20 to 110 mm are five times their code, and of those above every second one is made.
func boreOf(code int) (bore float64, place int, ok bool) {
	switch {
	case code <= 3:
		return []float64{10, 12, 15, 17}[code], code, true
	case code <= 22:
		return float64(5 * code), code, true
	case code <= 40 && code%2 == 0:
		return float64(5 * code), 22 + (code-22)/2, true
	}
	return 0, 0, false
}

// estimatedSeries are those whose orders are estimated: the letters before the digits, the
// digits before the code of the bore, the diameter series, and the kind.
var estimatedSeries = []struct {
	letters, digits string
	diameter        byte
	kind            kind
}{
	{"", "60", '0', thinBall}, {"", "160", '0', thinBall}, {"", "630", '0', thinBall},
	{"", "62", '2', ball}, {"", "622", '2', ball},
	{"", "63", '3', deepBall}, {"", "623", '3', deepBall}, {"", "64", '4', deepBall},
	{"", "70", '0', angular}, {"", "72", '2', angular}, {"", "73", '3', angular},
	{"N NU NJ NUP", "10", '0', roller}, {"N NU NJ NUP", "2", '2', roller}, {"N NU NJ NUP", "22", '2', roller},
	{"N NU NJ NUP", "3", '3', roller}, {"N NU NJ NUP", "23", '3', roller}, {"N NU NJ NUP", "4", '4', roller},
	{"", "222", '2', barrel}, {"", "213", '3', barrel}, {"", "223", '3', barrel}, {"", "230", '0', barrel},
}

// small are the bearings whose designation ends with their bore in millimetres: bore and outside
// diameter, ISO 15.
var small = map[string][2]float64{
	"604": {4, 12}, "605": {5, 14}, "606": {6, 17}, "607": {7, 19}, "608": {8, 22}, "609": {9, 24},
	"623": {3, 10}, "624": {4, 13}, "625": {5, 16}, "626": {6, 19}, "627": {7, 22}, "628": {8, 24}, "629": {9, 26},
	"634": {4, 16}, "635": {5, 19},
}

// boundary returns the kind of the bearing that a number means, its bore and outside diameter.
func boundary(n number) (k kind, bore, out float64, ok bool) {
	if v, found := small[n.digits]; found && n.letters == "" {
		return tinyBall, v[0], v[1], true
	}
	for _, s := range estimatedSeries {
		code, found := strings.CutPrefix(n.digits, s.digits)
		if !found || len(code) != 2 || !slices.Contains(strings.Split(s.letters, " "), n.letters) {
			continue
		}
		d, at, found := boreOf(10*int(code[0]-'0') + int(code[1]-'0'))
		if row := outside[s.diameter]; found && at < len(row) && row[at] > 0 {
			k = s.kind
			if d <= 10 && k.name == ball.name {
				k = tinyBall
			}
			return k, d, row[at], true
		}
	}
	return kind{}, 0, 0, false
}

// angles are the contact angles (degrees) that suffixes of angular contact bearings tell.
var angles = []struct {
	suffix string
	angle  float64
}{{"AC", 25}, {"A5", 25}, {"A", 30}, {"B", 40}, {"C", 15}, {"E", 25}}

// estimateOf returns the bearing of a number that no row has, with its orders estimated.
func estimateOf(n number) (KnownBearing, bool) {
	k, d, out, ok := boundary(n)
	if !ok {
		return KnownBearing{}, false
	}
	if k.name == angular.name {
		for _, a := range angles {
			if strings.HasPrefix(strings.TrimLeft(n.suffix, " -/"), a.suffix) {
				k.contact = [2]float64{a.angle, a.angle}
				break
			}
		}
	}
	return KnownBearing{Designation: n.String(), Estimate: k.estimate(d, out), BuiltIn: true, Licence: "own estimate",
		Source: fmt.Sprintf("estimated: %s, bore %g mm, outside diameter %g mm after ISO 15; its maker's table is better", k.name, d, out)}, true
}
