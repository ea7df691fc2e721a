package prune

import (
	"fmt"
	"math"
	"slices"

	"brinell/models/nn"
)

// DefaultFloor is the smallest number of channels that slimming leaves a layer:
// a global threshold alone may remove a whole layer.
const DefaultFloor = 4

// Slim selects channels by network slimming: with y the ascending |γ| of all
// gates together and N their number, a channel stays if
//
//	|γ| > y[⌊N·ratio⌋]
//
// strictly, so that ⌊N·ratio⌋ + 1 of N distinct scales go. A layer keeps at
// least floor channels, those with the largest |γ|, the first of equals. It
// panics if ratio is outside [0, 1).
//
// Reference: Z. Liu et al., Learning efficient convolutional networks through
// network slimming, ICCV 2017, sec. 3; strictness after the authors' code.
func Slim(net *nn.Network, ratio float64, floor int) Keep {
	if !(ratio >= 0 && ratio < 1) {
		panic(fmt.Sprintf("prune: ratio %v is outside [0, 1)", ratio))
	}
	floor = max(floor, 1)
	var y []float64
	gates := Gates(net)
	for _, g := range gates {
		y = append(y, scales(net, g)...)
	}
	keep := make(Keep)
	if len(y) == 0 {
		return keep
	}
	slices.Sort(y)
	threshold := y[int(float64(len(y))*ratio)]
	for _, g := range gates {
		s := scales(net, g)
		order := all(g.Channels)
		slices.SortStableFunc(order, func(a, b int) int {
			switch {
			case s[a] > s[b]:
				return -1
			case s[a] < s[b]:
				return 1
			}
			return 0
		})
		n := 0
		for n < len(order) && (n < floor || s[order[n]] > threshold) {
			n++
		}
		channels := order[:n]
		slices.Sort(channels)
		keep[g.Producer] = channels
	}
	return keep
}

// scales returns |γ| of a gate.
func scales(net *nn.Network, g Gate) []float64 {
	s := make([]float64, g.Channels)
	for c, v := range net.Param(g.Norm, nn.Gamma).W {
		s[c] = math.Abs(float64(v))
	}
	return s
}
