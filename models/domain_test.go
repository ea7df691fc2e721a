package models

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestDomain(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	inputs := make([][]float32, 5000)
	for i := range inputs {
		inputs[i] = []float32{float32(3 + 2*rng.NormFloat64()), float32(rng.NormFloat64()), 7, float32(i)}
	}
	d := DomainOf(inputs, func(j int) bool { return j < 3 })
	if math.Abs(d.Mean[0]-3) > 0.1 || math.Abs(d.Deviation[0]-2) > 0.1 || d.Deviation[2] != 0 {
		t.Errorf("%+v", d)
	}
	beyond := 0
	for _, x := range inputs {
		if d.Distance(x) > d.Limit {
			beyond++
		}
	}
	if beyond > 2 {
		t.Errorf("%d of 5000 inputs lie outside of their own domain", beyond)
	}
	if far := d.Distance([]float32{3 + 2*10, 0, 7, 1e6}); far <= d.Limit || math.Abs(far-10/math.Sqrt2) > 0.5 {
		t.Errorf("ten deviations off: %g, limit %g", far, d.Limit)
	}
	for name, bad := range map[string]Domain{
		"length": {Mean: []float64{1}, Deviation: []float64{1, 1, 1, 1}, Limit: 1},
		"limit":  {Mean: d.Mean, Deviation: d.Deviation},
		"NaN":    {Mean: []float64{math.NaN(), 0, 0, 0}, Deviation: d.Deviation, Limit: 1},
		"sign":   {Mean: d.Mean, Deviation: []float64{-1, 0, 0, 0}, Limit: 1},
	} {
		if bad.validate(4) == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}
