package prune

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"sort"

	"brinell/internal/clamp"
	"brinell/models/nn"
)

// DefaultFloor is the smallest number of channels that slimming leaves a layer:
// a global threshold alone may remove a whole layer.
const DefaultFloor = 4

// Limits bound what one selection takes from a layer.
type Limits struct {
	Floor int     // channels that stay at least; 0 means 1
	Cap   float64 // share of the channels that goes at most; 0 means all
}

// least returns how many of n channels stay at least.
func (l Limits) least(n int) int {
	least := max(l.Floor, 1)
	if l.Cap > 0 {
		least = max(least, n-clamp.Int(l.Cap*float64(n), 0, n))
	}
	return min(least, n)
}

// Slim selects channels by network slimming: with y the ascending |γ| of all
// gates together and N their number, a channel stays if
//
//	|γ| > y[⌊N·ratio⌋]
//
// strictly, so that ⌊N·ratio⌋ + 1 of N distinct scales go. Of a layer those with
// the largest |γ| stay as far as the limits ask, the first of equals. It panics if
// ratio is outside [0, 1).
//
// Reference: Z. Liu et al., Learning efficient convolutional networks through
// network slimming, ICCV 2017, sec. 3; strictness after the authors' code.
func Slim(net *nn.Network, ratio float64, lim Limits) Keep {
	if !(ratio >= 0 && ratio < 1) {
		panic(fmt.Sprintf("prune: ratio %v is outside [0, 1)", ratio))
	}
	r := rank(net)
	if len(r.sorted) == 0 {
		return Keep{}
	}
	return r.keep(r.sorted[clamp.Int(float64(len(r.sorted))*ratio, 0, len(r.sorted)-1)], lim)
}

// SlimTo selects as few channels to go as make the narrow network fit, by the same
// order as Slim. It returns false, and the smallest network that the limits allow,
// if none fits. fits must not turn false as channels go.
func SlimTo(net *nn.Network, lim Limits, fits func(narrow *nn.Network) bool) (Keep, bool) {
	r := rank(net)
	at := func(i int) Keep {
		if i < 0 {
			return r.keep(-1, lim)
		}
		return r.keep(r.sorted[i], lim)
	}
	n := len(r.sorted)
	// Index 0 removes none, index i > 0 what is at most the scale i-1.
	i := sort.Search(n+1, func(i int) bool { return fits(Remove(net, at(i-1))) })
	return at(min(i, n) - 1), i <= n
}

// ranking is the gates of a network with their channels by falling |γ|.
type ranking struct {
	gates  []Gate
	scale  [][]float64 // |γ| by channel
	order  [][]int     // channels, the largest |γ| first
	sorted []float64   // |γ| of all gates, ascending
}

func rank(net *nn.Network) ranking {
	r := ranking{gates: Gates(net)}
	for _, g := range r.gates {
		s := Scales(net, g)
		order := all(g.Channels)
		slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(s[b], s[a]) })
		r.scale, r.order, r.sorted = append(r.scale, s), append(r.order, order), append(r.sorted, s...)
	}
	slices.Sort(r.sorted)
	return r
}

// keep returns the channels with |γ| above the threshold, and those that the
// limits ask for.
func (r ranking) keep(threshold float64, lim Limits) Keep {
	keep := make(Keep)
	for i, g := range r.gates {
		n, least := 0, lim.least(g.Channels)
		for n < g.Channels && (n < least || r.scale[i][r.order[i][n]] > threshold) {
			n++
		}
		keep[g.At] = r.first(i, n)
	}
	return keep
}

// first returns the n channels of gate i with the largest |γ|, ascending.
func (r ranking) first(i, n int) []int {
	channels := slices.Clone(r.order[i][:n])
	slices.Sort(channels)
	return channels
}

// Round adds channels to keep, the next by |γ|, as long as the kernels in use do
// not work longer for them: a vector that is not full costs as much as a full one.
func Round(net *nn.Network, keep Keep) Keep {
	r := rank(net)
	keep = maps.Clone(keep)
	work := Remove(net, keep).Plan().Work()
	for i, g := range r.gates {
		// The channels that stay are the first by |γ|, so a count names them. Those
		// free of cost end where a vector is full.
		n := len(keep[g.At])
		for free := n + 1; free <= g.Channels; free++ {
			before := keep[g.At]
			keep[g.At] = r.first(i, free)
			if Remove(net, keep).Plan().Work() > work {
				keep[g.At] = before
				break
			}
		}
	}
	return keep
}

// Scales returns |γ| of a gate.
func Scales(net *nn.Network, g Gate) []float64 {
	s := make([]float64, g.Channels)
	for c, v := range net.Param(g.Norm, nn.Gamma).W {
		s[c] = math.Abs(float64(v))
	}
	return s
}
