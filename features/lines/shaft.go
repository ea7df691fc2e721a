package lines

import (
	"math"
	"slices"

	"brinell/internal/clamp"
)

// Constants of the score of the shaft.
const (
	shaftTop    = 18  // orders of the spectrum that are looked at
	shaftFloor  = 30  // bins to either side in the median that is a line's floor
	shaftMost   = 3.0 // nepers that one line counts at most
	shaftDecoys = 64
)

// shaft scores how well the stated speed fits the spectrum: Hann-tapered log
// amplitudes over their floor at the odd harmonics of the shaft's order, less those at
// its half orders,
//
//	Σ L(h), h = 1, 3 ... 9, over 5  -  Σ L(h-½), h = 1 ... 8, over 8
//
// as deviations from the scores of speeds around. A speed or a sampling rate that is
// half or double of the true one scores nothing: it finds lines at half orders too, or
// none at the odd ones. CWRU records score from 2.2 on, at wrong rates 95 % of them
// less than 1.5; a machine may run so smoothly that it scores nothing either.
func (p *plan) shaft(turns float64) float64 {
	n := min(len(p.c)-1, clamp.Count(shaftTop*turns))
	p.spec = p.spec[:0]
	for i := range n {
		// The Hann taper, on the spectrum.
		c := p.c[i+1] / 2
		c -= p.c[i] / 4
		if i+2 < len(p.c) {
			c -= p.c[i+2] / 4
		}
		p.spec = append(p.spec, math.Log(real(c)*real(c)+imag(c)*imag(c)+1e-30)/2)
	}
	// From here on p.spec[i] is bin i+1.
	at := func(order float64) float64 {
		i := clamp.Count(order*turns+0.5) - 1
		if i < 1 || i >= len(p.spec) {
			return 0
		}
		return max(0, min(shaftMost, p.spec[i]-p.shaftFloor(i)))
	}
	p.floors = slices.Grow(p.floors[:0], len(p.spec))[:len(p.spec)]
	for i := range p.floors {
		p.floors[i] = math.NaN()
	}
	score := func(unit float64) (s float64) {
		for h := 1.0; h <= 9; h += 2 {
			s += at(h*unit) / 5
		}
		for h := 0.5; h < 8; h++ {
			s -= at(h*unit) / 8
		}
		return s
	}
	var decoys [shaftDecoys]float64
	for i := range decoys {
		_, f := math.Modf(float64(i+1) * (math.Phi - 1))
		decoys[i] = score(0.35 * math.Pow(1.9/0.35, f))
	}
	slices.Sort(decoys[:])
	median := decoys[shaftDecoys/2]
	return (score(1) - median) / max(0.05, decoys[shaftDecoys*84/100]-median)
}

// shaftFloor returns the median of p.spec around i, remembered by blocks of bins.
func (p *plan) shaftFloor(i int) float64 {
	const block = shaftFloor / 2
	b := i / block
	if math.IsNaN(p.floors[b]) {
		mid := b*block + block/2
		from, to := max(0, mid-shaftFloor), min(len(p.spec), mid+shaftFloor+1)
		p.sorted = append(p.sorted[:0], p.spec[from:to]...)
		p.floors[b] = kth(p.sorted, len(p.sorted)/2)
	}
	return p.floors[b]
}
