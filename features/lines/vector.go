package lines

import "math"

// Constants returns all that changes the vector of a window, in a fixed order: a model
// goes with the values that it was trained on.
func Constants() []any {
	return []any{
		harmonics, decay, maxSlip, slips, slipCost, freeLow, freeHigh, freeRatio, decoys, // combs
		lowEdge, highEdge, bandTop, segmentTurns, leastSamples, minTurns, maxOrder, floorHalf, // segments
		resolution, stepsPerBin, parts, toneBlock, toneOver, shaftTop, shaftFloor, shaftMost, shaftDecoys,
		RowLen, Lean, Rows,
	}
}

// The vector has a row for each comb and one for what is common, each of RowLen
// values. The first Lean values of a row say most.
const (
	RowLen = 16
	Lean   = 8
	Rows   = len(Faults) + 1
	Len    = Rows * RowLen
)

// Fill writes the evidence as a vector of Len values, row by row. All are of order
// one and none depends on the gain.
func (e *Evidence) Fill(dst []float32) {
	if len(dst) != Len {
		panic("lines: vector has the wrong length")
	}
	row := func(i int, lean [Lean]float64, more [RowLen - Lean]float64) {
		for k := range lean {
			dst[i*RowLen+k], dst[i*RowLen+Lean+k] = float32(lean[k]), float32(more[k])
		}
	}
	for i := range e.Combs {
		k := &e.Combs[i]
		h := &k.Harmonics
		row(i,
			[Lean]float64{h[0], h[1], h[2], min(k.Z, 20) / 4, k.Slip / maxSlip, k.Shaft[0], k.Cage[0], k.Contested[0]},
			[RowLen - Lean]float64{h[3], h[4], k.Shaft[1], k.Shaft[2], k.Cage[1], k.Sub[0], k.Sub[1], k.Contested[1]})
	}
	row(len(e.Combs),
		[Lean]float64{min(e.CageZ, 20) / 4, e.Impulsive, e.Steady, e.Broad, e.Cage[0]},
		[RowLen - Lean]float64{e.Cage[1], e.Spin[0], e.Spin[1], e.Spin[2], e.Whitened, e.Spread, math.Log(e.Turns / segmentTurns), math.Log(float64(e.Segments))})
}
