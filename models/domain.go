package models

import (
	"fmt"
	"math"
	"slices"

	"brinell/internal/clamp"
)

// Domain is where the inputs lay that a network was trained on: outside, its answer is
// a guess.
type Domain struct {
	Mean      []float64 `json:"mean"`      // of each value of the input
	Deviation []float64 `json:"deviation"` // standard
	Limit     float64   `json:"limit"`     // of Distance: one training input in ten thousand lies beyond
}

const (
	beyondDomain = 1e-4
	constant     = 1e-6 // deviation of values of order one below which they do not vary
)

// DomainOf returns the domain of inputs, which are not empty and have one length. Values
// that the network does not read do not count: their deviation is 0.
func DomainOf(inputs [][]float32, reads func(value int) bool) *Domain {
	n := len(inputs[0])
	d := &Domain{Mean: make([]float64, n), Deviation: make([]float64, n)}
	count := float64(len(inputs))
	for j := range n {
		if !reads(j) {
			continue
		}
		for _, x := range inputs {
			d.Mean[j] += float64(x[j]) / count
		}
		for _, x := range inputs {
			v := float64(x[j]) - d.Mean[j]
			d.Deviation[j] += v * v / count
		}
		if d.Deviation[j] = math.Sqrt(d.Deviation[j]); d.Deviation[j] < constant {
			d.Deviation[j] = 0
		}
	}
	distances := make([]float64, len(inputs))
	for i, x := range inputs {
		distances[i] = d.Distance(x)
	}
	slices.Sort(distances)
	d.Limit = distances[clamp.Int((1-beyondDomain)*(count-1), 0, len(distances)-1)]
	return d
}

// Distance returns how far x lies from the training inputs, √(mean ((x-mean)/σ)²), over
// the values that are read and vary; about 1 for the training inputs.
func (d *Domain) Distance(x []float32) float64 {
	sum, n := 0.0, 0
	for j, v := range x {
		if d.Deviation[j] > 0 {
			z := (float64(v) - d.Mean[j]) / d.Deviation[j]
			sum += z * z
			n++
		}
	}
	return math.Sqrt(sum / float64(max(1, n)))
}

func (d *Domain) validate(inputs int) error {
	if len(d.Mean) != inputs || len(d.Deviation) != inputs {
		return fmt.Errorf("domain: %d means and %d deviations for %d inputs", len(d.Mean), len(d.Deviation), inputs)
	}
	for _, v := range slices.Concat(d.Mean, d.Deviation, []float64{d.Limit}) {
		if math.IsNaN(v) || math.Abs(v) > 1e6 {
			return fmt.Errorf("domain: %v is out of range", v)
		}
	}
	for _, v := range d.Deviation {
		if v < 0 {
			return fmt.Errorf("domain: deviation %v is negative", v)
		}
	}
	if !(d.Limit > 0) {
		return fmt.Errorf("domain: limit %v is not positive", d.Limit)
	}
	return nil
}
