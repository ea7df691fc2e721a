package lines

import (
	"math"

	"brinell/bearing"
)

// Constants of what a window resolves.
const (
	stepsPerBin = 4   // values of the envelope spectrum for each bin of the segment
	resolution  = 1.5 // bins within which two lines cannot be told from one another

	// MostTurns is the most that Turns asks for. It parts lines 0.075 orders from one another,
	// which is how far slip (maxSlip) moves a line at an order of six: of lines that are nearer
	// than that, no length of a window tells which is which.
	MostTurns = 20
)

// Turns returns how many turns of the shaft a window must have for the lines of a bearing to
// be told apart: those of each fault from those of the others and from whole multiples of the
// shaft's order. A fault has its line and the second harmonic; an inner race side-bands of the
// shaft, a rolling element those of the cage. With the least distance δ of two lines, in orders,
//
//	turns = 1.5 / δ
//
// because the envelope spectrum of T turns has bins of 1/T orders. Of lines that nothing parts
// see MostTurns, which is also the answer for a bearing that is not known.
func Turns(o bearing.Orders) float64 {
	if o.BPFO == 0 {
		return MostTurns
	}
	families := [...][]float64{
		{o.BPFO, 2 * o.BPFO},
		{o.BPFI, 2 * o.BPFI, o.BPFI - 1, o.BPFI + 1},
		{o.BSF2(), 2 * o.BSF2(), o.BSF2() - o.FTF, o.BSF2() + o.FTF},
	}
	need := float64(minTurns)
	part := func(distance float64) {
		if turns := resolution / math.Abs(distance); turns <= MostTurns {
			need = max(need, turns)
		}
	}
	for i, family := range families {
		for _, line := range family {
			part(line - math.Round(line))
			for _, other := range families[i+1:] {
				for _, l := range other {
					part(line - l)
				}
			}
		}
	}
	return need
}
