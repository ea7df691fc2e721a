package diagnose

import (
	"fmt"
	"math"
	"sort"
	"strings"

	"brinell/bearing"
	"brinell/features/lines"
)

// Explanation is one way in which a window's envelope spectrum might fit a bearing.
type Explanation struct {
	What        string        `json:"what"` // as_stated, speed, elements, contact_angle, other_bearing, any_bearing
	Text        string        `json:"text"`
	Fault       bearing.Fault `json:"fault"` // whose comb stands out most
	Score       float64       `json:"score"`
	Order       float64       `json:"order"`
	SpeedHz     float64       `json:"speed_hz"`
	Designation string        `json:"designation,omitempty"`
}

// Match is the line-match doctor: where the expected lines are missing, it asks whether
// they are there at another speed, with one rolling element more or less, at another
// contact angle, or for another bearing of the catalogue, and returns what fits, the
// best first. As the window is searched in some hundred ways, an explanation besides the
// stated one counts only from a score that noise reaches in one window of a thousand,
// and what was stated comes first where it reaches that score itself. A shaft that shows
// at the stated speed does not turn at another: there the speed is not tried.
// Of a bearing of which only the orders are known, elements and angle are not tried; of one whose
// orders are estimated all are, and those that fit best are told. Where nothing is stated, the
// orders that any bearing may have are tried as well: how many elements it would have, and where
// its lines are.
//
// The errors are *bearing.Error with the codes speed_missing, bearing_unknown,
// rate_too_low and window_too_short.
func Match(x []float32, rate, shaft float64, stated string, catalogue []bearing.KnownBearing) ([]Explanation, error) {
	if shaft <= 0 {
		return nil, bearing.Errorf(bearing.Invalid, "speed_missing", "the shaft speed is missing: every order hangs on it, state --rpm")
	}
	if rate < minRate {
		return nil, bearing.Errorf(bearing.Invalid, "rate_too_low", "sampling rate %g Hz is below %d Hz, from which a bearing's lines can be looked for", rate, minRate)
	}
	if n := lines.Need(rate, 0.9*shaft); len(x) < n && (60*shaft >= fastest || len(x) < lines.Need(rate, 60*shaft)) {
		return nil, bearing.Errorf(bearing.Invalid, "window_too_short", "%d samples, need %d: five turns of the shaft", len(x), n)
	}
	var own *bearing.KnownBearing
	for i := range catalogue {
		if catalogue[i].Designation == stated {
			own = &catalogue[i]
		}
	}
	if own == nil && stated != "" {
		return nil, bearing.Errorf(bearing.NotFound, "bearing_unknown", "bearing %q is not in the catalogue: add its geometry or its orders, or leave it out to try all", bearing.Clip(stated))
	}
	a := lines.NewAnalyzer(nil)
	var out []Explanation
	shows := 0.0                       // how well the shaft shows at the stated speed
	shown := make(map[float64]float64) // and at others, where it and the bearing's lines both do
	try := func(what, text, designation string, shaft float64, orders ...bearing.Orders) {
		if len(x) < lines.Need(rate, shaft) { // which may be meant in another unit
			return
		}
		e, fits := a.Among(x, rate, shaft, orders)
		if len(orders) > 1 && what != "any_bearing" {
			o := orders[fits]
			text += fmt.Sprintf(": %.0f elements, BPFO %.3f, BPFI %.3f, 2xBSF %.3f", o.BPFO+o.BPFI, o.BPFO, o.BPFI, o.BSF2())
		}
		best := -1
		for i := range e.Combs {
			// A comb at a whole order is the shaft's.
			if order := e.Combs[i].Order * (1 + e.Combs[i].Slip); math.Abs(order-math.Round(order)) < 0.02 {
				continue
			}
			if best < 0 || e.Combs[i].Z > e.Combs[best].Z {
				best = i
			}
		}
		if best < 0 {
			return
		}
		c := e.Combs[best]
		if what == "as_stated" {
			shows = e.Shaft
		}
		if what == "speed" && shows >= shaftLimit && e.Shaft < shows {
			return
		}
		if what == "any_bearing" {
			text += ": " + fitting(c.Order*(1+c.Slip))
		}
		found := Explanation{what, text, lines.Faults[best], round(c.Z, 3), round(c.Order*(1+c.Slip), 4), round(shaft, 4), designation}
		out = append(out, found)
		if what == "speed" && e.Shaft >= estimatedShaft && found.Score >= MatchLimit {
			shown[found.SpeedHz] = e.Shaft
		}
	}
	changed := func(what, text string, g bearing.Geometry) {
		if g.Validate() == nil {
			try(what, text, own.Designation, shaft, g.Orders())
		}
	}
	if own != nil {
		g, orders := own.Geometry, own.AppendCandidates(nil)
		stated := "as stated"
		if own.Estimate.Known() {
			stated = "as estimated"
		}
		try("as_stated", stated, own.Designation, shaft, orders...)
		for k := -20; k <= 20; k++ {
			if s := 1 + 0.005*float64(k); math.Abs(s-1) > 0.0125 { // less is slip
				try("speed", fmt.Sprintf("the shaft turns %+.1f %% from the stated speed: %.1f rpm", 100*(s-1), 60*shaft*s), own.Designation, shaft*s, orders...)
			}
		}
		if s := 60 * shaft; s < fastest {
			try("speed", fmt.Sprintf("the speed was stated in Hz: %.4g Hz are %.1f rpm", s, 60*s), own.Designation, s, orders...)
		}
		for _, s := range a.Speeds(x, rate, suggestions) {
			if math.Abs(s.Hz/shaft-1) > 0.0125 {
				try("speed", fmt.Sprintf("the shaft turns at %.1f rpm, as the spectrum itself shows", 60*s.Hz), own.Designation, s.Hz, orders...)
			}
		}
		for _, n := range []int{-1, 1} {
			h := g
			h.Elements += n
			changed("elements", fmt.Sprintf("the bearing has %d rolling elements, not %d", h.Elements, g.Elements), h)
		}
		for deg := 5; deg <= 40; deg += 5 {
			h := g
			h.ContactAngle = float64(deg) * math.Pi / 180
			changed("contact_angle", fmt.Sprintf("the contact angle is %d degrees: axial load, or another series", deg), h)
		}
	}
	if own == nil {
		try("any_bearing", "a bearing that is not in the catalogue", "", shaft, bearing.AnyBearing.Candidates()...)
	}
	for _, b := range catalogue {
		if own == nil || b.Designation != own.Designation {
			try("other_bearing", "a "+b.Designation+" is fitted ("+b.Source+")", b.Designation, shaft, b.Orders())
		}
	}
	enough := func(e *Explanation) bool { return e.What == "as_stated" && e.Score >= MatchLimit }
	// Where the shaft shows at another speed and not at the stated one, that one is wrong: a
	// bearing or an angle that happens to fit it too is no better explanation.
	turns := func(e *Explanation) bool {
		return e.What == "speed" && shows < shaftLimit && shown[e.SpeedHz] > 0
	}
	sort.SliceStable(out, func(i, j int) bool {
		if a, b := enough(&out[i]), enough(&out[j]); a != b {
			return a
		}
		if a, b := turns(&out[i]), turns(&out[j]); a != b {
			return a
		}
		return out[i].Score > out[j].Score
	})
	return out, nil
}

// fitting says of which bearings lines at multiples of an order may be. BPFO = n/2 (1 - r) and
// BPFI = n/2 (1 + r), with r = d/D cos φ of bearing.AnyBearing: one comb alone does not tell the
// races apart.
func fitting(order float64) string {
	least, most := bearing.AnyBearing.Ratio[0], bearing.AnyBearing.Ratio[1]
	var parts []string
	for _, race := range []struct {
		name      string
		low, high float64 // of n
	}{{"the outer race of one with %s elements", 2 * order / (1 - least), 2 * order / (1 - most)},
		{"the inner race of one with %s elements", 2 * order / (1 + most), 2 * order / (1 + least)}} {
		low, high := max(math.Ceil(race.low), float64(bearing.AnyBearing.Elements[0])), min(math.Floor(race.high), float64(bearing.AnyBearing.Elements[1]))
		switch {
		case low < high:
			parts = append(parts, fmt.Sprintf(race.name, fmt.Sprintf("%.0f to %.0f", low, high)))
		case low == high:
			parts = append(parts, fmt.Sprintf(race.name, fmt.Sprintf("%.0f", low)))
		}
	}
	// 2 BSF = 1/r - r
	if r := (math.Sqrt(order*order+4) - order) / 2; r >= least && r <= most {
		parts = append(parts, fmt.Sprintf("a rolling element of 1/%.2g of the pitch diameter", 1/r))
	}
	if parts == nil {
		return fmt.Sprintf("lines at order %.3f are of none", order)
	}
	return fmt.Sprintf("lines at order %.3f may be of ", order) + strings.Join(parts, ", or ") + "; its maker, or a count of its elements, tells which"
}

// fastest is the speed (Hz) up to which one that was stated in rpm may have been meant in Hz.
const fastest = 500

// MatchLimit is the score from which an explanation other than the stated one counts.
const MatchLimit = 5.0
