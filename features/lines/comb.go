package lines

import (
	"math"
	"slices"

	"brinell/bearing"
	"brinell/internal/clamp"
)

// Constants of the search for combs.
const (
	harmonics = 5
	decay     = 0.7   // weight of a harmonic to that of the one before
	maxSlip   = 0.012 // share by which lines may miss their nominal order
	slips     = 12    // steps to either side of the nominal place
	slipCost  = 40    // nepers per unit of slip: lines near their nominal place are likelier
)

// Faults are those that lines tell apart, in the order of Evidence.Combs.
var Faults = [...]bearing.Fault{bearing.InnerRace, bearing.OuterRace, bearing.Ball}

// ByFault is a number for each of Faults, in their order.
type ByFault [len(Faults)]float64

// Comb is a family of lines at the multiples of one order.
type Comb struct {
	Order     float64            // nominal
	Slip      float64            // the lines are at (1+Slip) times their nominal order
	Harmonics [harmonics]float64 // ln of the amplitude over its floor, nepers
	Shaft     [3]float64         // the same of the side-bands a shaft order away, mean of both sides, of harmonics 1 to 3
	Cage      [3]float64         // and at the distance of the cage's order
	Sub       [2]float64         // at a half and at three halves of the order
	Score     float64            // Σ 0.7^(h-1) Harmonics[h] less the cost of the slip
	Z         float64            // Score as deviations from that of combs where no bearing has lines
	Contested [2]float64         // of harmonics 1 and 2: the highest line of another comb that cannot be told from it
}

// Evidence is what one window says of a bearing's lines. Logarithms are natural: 0.69
// is twice the floor. Noise alone gives about 0.3 at a line, because the floor is a
// median and the place is searched for.
type Evidence struct {
	Machine  Machine
	Turns    float64 // of the shaft in a segment
	Segments int
	Combs    [len(Faults)]Comb // of Faults
	Cage     [4]float64        // at 1 to 4 times the cage's order
	CageZ    float64
	Spin     [4]float64 // at 1 to 4 times the shaft's order
	Spread   float64    // of the scores of combs where no bearing has lines
	Free     Free       // the comb that stands out most and is none of the bearing's
	Shaft    float64    // how well the stated speed fits the spectrum itself, deviations
	Tones    float64    // discrete lines of the spectrum itself: machines have some, noise has none

	// Impulsiveness, ln(1 + spectral kurtosis), 0 for Gaussian noise.
	Broad     float64 // of the whole band
	Impulsive float64 // of its most impulsive part
	Steady    float64 // the same by medians over pieces of the segment: not by one knock
	Whitened  float64 // of the pre-whitened band
}

// Free is a comb that is neither the bearing's nor the shaft's.
type Free struct{ Order, Z float64 }

// combs finds the evidence in one spectrum after the other.
type combs struct {
	Evidence
	l    []float64 // ln amplitude over floor
	step float64   // orders from value to value
	null []float64
}

// find fills the evidence from the spectrum l.
func (c *combs) find(l []float64, step float64) {
	c.l, c.step = l, step
	o := c.Machine.Orders
	for i, f := range Faults {
		c.Combs[i] = c.comb(o.Line(f))
		c.around(&c.Combs[i])
	}
	for i := range c.Combs {
		for h := range c.Combs[i].Contested {
			c.Combs[i].Contested[h] = c.contested(i, h)
		}
	}
	median, spread := c.noise(o.BPFO, o.BPFI, nearLines)
	for i := range c.Combs {
		c.Combs[i].Z = (c.Combs[i].Score - median) / spread
	}
	c.Spread = spread
	for h := range c.Cage {
		c.Cage[h] = c.peak(float64(h+1) * o.FTF)
		c.Spin[h] = c.peak(float64(h + 1))
	}
	median, spread = c.noise(0.75*o.FTF, 1.35*o.FTF, nearCage)
	c.CageZ = (c.comb(o.FTF).Score - median) / spread
	c.Free = c.free()
}

// Orders between which free combs are looked for, and the ratio from one to the next.
const freeLow, freeHigh, freeRatio = 1.3, 14, 1.003

// free looks for combs at all orders, without slip, and returns the one that stands
// out most of those that no line of bearing or shaft explains. Over noise the best of
// about 800 reaches 3 to 4.
func (c *combs) free() (best Free) {
	c.null = c.null[:0]
	top, at := math.Inf(-1), 0.0
	for order := freeLow; order < freeHigh; order *= freeRatio {
		score, weight := 0.0, 1.0
		for h := 1; h <= harmonics; h++ {
			score += weight * c.at(float64(h)*order)
			weight *= decay
		}
		c.null = append(c.null, score)
		if score > top && !c.explained(order) {
			top, at = score, order
		}
	}
	median := kth(c.null, len(c.null)/2)
	return Free{at, (top - median) / max(0.05, kth(c.null, len(c.null)*84/100)-median)}
}

// explained reports whether a comb at that order would find lines of the bearing,
// their side-bands, or those of the shaft: whole multiples of its order, or parts.
func (c *combs) explained(order float64) bool {
	o := c.Machine.Orders
	for m := 1.0; m <= 2; m++ {
		near := func(line float64) bool { return math.Abs(m*order-line) < maxSlip*line+4*c.step }
		if math.Abs(m*order-math.Round(m*order)) < 4*c.step {
			return true
		}
		for n := 1.0; n <= 2; n++ {
			if near(n*o.BPFO) || near(n*o.BPFI) || near(n*o.BSF2()) {
				return true
			}
		}
		if near(o.BPFI-1) || near(o.BPFI+1) || near(o.BSF2()-o.FTF) || near(o.BSF2()+o.FTF) || near(o.BSF) {
			return true
		}
	}
	return false
}

// at returns the value nearest to an order, 0 where the spectrum does not reach.
func (c *combs) at(order float64) float64 {
	i := clamp.Count(order/c.step + 0.5)
	if i < 2 || i >= len(c.l) {
		return 0
	}
	return c.l[i]
}

// peak returns the highest value within half a resolution of an order.
func (c *combs) peak(order float64) float64 {
	i := clamp.Count(order/c.step + 0.5)
	if i < 4 || i+2 >= len(c.l) {
		return 0
	}
	return max(c.l[i-2], c.l[i], c.l[i+2])
}

// comb finds the slip at which the lines at the multiples of order stand out most:
// one slip for all, because one cage drives them.
func (c *combs) comb(order float64) Comb {
	best := Comb{Order: order, Score: math.Inf(-1)}
	for k := -slips; k <= slips; k++ {
		slip := maxSlip * float64(k) / slips
		score, weight := -slipCost*math.Abs(slip), 1.0
		for h := 1; h <= harmonics; h++ {
			score += weight * c.at(float64(h)*order*(1+slip))
			weight *= decay
		}
		if score > best.Score {
			best.Score, best.Slip = score, slip
		}
	}
	for h := range best.Harmonics {
		best.Harmonics[h] = c.at(float64(h+1) * order * (1 + best.Slip))
	}
	return best
}

// around fills the side-bands and half orders of a comb.
func (c *combs) around(k *Comb) {
	order := k.Order * (1 + k.Slip)
	pair := func(h, off float64) float64 { return (c.peak(h*order-off) + c.peak(h*order+off)) / 2 }
	for i := range k.Shaft {
		k.Shaft[i] = pair(float64(i+1), 1)
		k.Cage[i] = pair(float64(i+1), c.Machine.Orders.FTF)
	}
	k.Sub = [2]float64{c.peak(order / 2), c.peak(1.5 * order)}
}

// contested returns the highest line of another comb, a harmonic or a side-band of
// the shaft, within a resolution of harmonic h+1 of comb i. Such a line may be that
// one's and not this one's.
func (c *combs) contested(i, h int) float64 {
	order := float64(h+1) * c.Combs[i].Order * (1 + c.Combs[i].Slip)
	highest := 0.0
	for j := range c.Combs {
		if j == i {
			continue
		}
		other := c.Combs[j].Order * (1 + c.Combs[j].Slip)
		for n := 1; n <= 3; n++ {
			for side := -2; side <= 2; side++ {
				if math.Abs(float64(n)*other+float64(side)-order) < resolution*stepsPerBin*c.step {
					highest = max(highest, c.Combs[j].Harmonics[n-1])
				}
			}
		}
	}
	return highest
}

// decoys is how many combs between two orders show what noise scores.
const decoys = 40

// noise returns the median of the scores of combs between the orders lo and hi that
// avoid says nothing of, and their spread above it (the 84th percentile, one standard
// deviation of a normal distribution).
func (c *combs) noise(lo, hi float64, avoid func(bearing.Orders, float64) bool) (median, spread float64) {
	lo, hi = 0.7*lo, 1.3*hi
	c.null = c.null[:0]
	for i := range decoys {
		// The golden ratio spreads them evenly, and not on a grid that lines could share.
		_, f := math.Modf(float64(i+1) * (math.Phi - 1))
		order := lo + f*(hi-lo)
		if !avoid(c.Machine.Orders, order) {
			c.null = append(c.null, c.comb(order).Score)
		}
	}
	if len(c.null) < 4 {
		return 0, 1
	}
	slices.Sort(c.null)
	median = c.null[len(c.null)/2]
	return median, max(0.05, c.null[len(c.null)*84/100]-median)
}

// nearLines reports whether a comb at that order would find lines of the bearing or
// of the shaft.
func nearLines(o bearing.Orders, order float64) bool {
	near := func(line float64) bool { return math.Abs(order/line-1) < 0.02 }
	return near(math.Round(order)) || near(o.BPFO) || near(o.BPFI) || near(o.BSF2()) || near(o.BPFI-1) || near(o.BPFI+1) || near(o.BPFO-1) || near(o.BPFO+1)
}

func nearCage(o bearing.Orders, order float64) bool {
	near := func(line float64) bool { return math.Abs(order/line-1) < 0.04 }
	return near(o.FTF) || near(0.5) || near(1.0/3)
}
