package learn

import (
	"context"
	"fmt"
	"math"

	"brinell/bearing"
)

// Fit fits settings to a set after the checks that all learners share: rows of the
// problem's shape, finite, each with a class or a value. The error, Invalid training_data,
// names the row and the recording.
func Fit(ctx context.Context, s Settings, p Problem, set Set, o Options) (Estimator, error) {
	if err := set.check(p); err != nil {
		return nil, bearing.Errorf(bearing.Invalid, "training_data", "%v", err)
	}
	if err := s.Check(p); err != nil {
		return nil, bearing.Errorf(bearing.Invalid, "training_data", "%v", err)
	}
	return s.Fit(ctx, p, set, o)
}

// leastRows is what anything is fitted to at least.
const leastRows = 2

func (s Set) check(p Problem) error {
	switch {
	case s.Len() < leastRows:
		return fmt.Errorf("%d training windows are too few, need %d", s.Len(), leastRows)
	case s.X.L != p.Input.Len() || s.X.C != p.Input.C || len(s.X.Data) != s.X.N*s.X.L*s.X.C:
		return fmt.Errorf("windows of %d x %d values for a model that reads %v", s.X.L, s.X.C, p.Input)
	case p.Task == Classify && len(s.Y) != s.Len(), p.Task == Regress && len(s.Value) != s.Len():
		return fmt.Errorf("%d windows with %d classes and %d values", s.Len(), len(s.Y), len(s.Value))
	case s.Weight != nil && len(s.Weight) != s.Len():
		return fmt.Errorf("%d windows with %d weights", s.Len(), len(s.Weight))
	}
	total := 0.0
	for i := range s.Len() {
		total += s.WeightOf(i)
		for j, v := range s.X.At(i) {
			if d := float64(v); d-d != 0 {
				return fmt.Errorf("%s: value %d of window %d is %v", s.recording(i), j, i, v)
			}
		}
		if p.Task == Classify && (s.Y[i] < 0 || s.Y[i] >= p.Outputs) {
			return fmt.Errorf("%s: window %d is of class %d, there are %d", s.recording(i), i, s.Y[i], p.Outputs)
		}
		if p.Task == Regress && (math.IsNaN(s.Value[i]) || math.IsInf(s.Value[i], 0)) {
			return fmt.Errorf("%s: the value of window %d is %v", s.recording(i), i, s.Value[i])
		}
		if s.Weight != nil && !(s.Weight[i] >= 0 && s.Weight[i] < math.MaxFloat32) {
			return fmt.Errorf("%s: the weight of window %d is %v", s.recording(i), i, s.Weight[i])
		}
	}
	if total == 0 {
		return fmt.Errorf("no window has a weight above 0")
	}
	return nil
}

// recording names the recording that a row is from.
func (s Set) recording(row int) string {
	if row < len(s.Group) && s.Group[row] >= 0 && s.Group[row] < len(s.Names) {
		return bearing.Clip(s.Names[s.Group[row]])
	}
	return "training data"
}

// Standard is the standardisation of values: less their mean, over their scale.
type Standard struct{ Mean, Scale []float32 }

// StandardOf returns mean and population standard deviation of each value over the rows
// of a set, by their weights. A value that does not vary has the scale 1, so that it
// becomes 0.
func StandardOf(s Set) Standard {
	n := s.X.L * s.X.C
	out := Standard{make([]float32, n), make([]float32, n)}
	mean, sq, total := make([]float64, n), make([]float64, n), 0.0
	for i := range s.Len() {
		w := s.WeightOf(i)
		total += w
		for j, v := range s.X.At(i) {
			mean[j] += w * float64(v)
		}
	}
	for j := range mean {
		mean[j] /= total
	}
	for i := range s.Len() {
		w := s.WeightOf(i)
		for j, v := range s.X.At(i) {
			d := float64(v) - mean[j]
			sq[j] += w * d * d
		}
	}
	for j := range mean {
		sigma := math.Sqrt(sq[j] / total)
		if out.Mean[j] = float32(mean[j]); sigma <= 1e-6*math.Abs(mean[j]) || sigma < 1e-30 {
			sigma = 1
		}
		out.Scale[j] = float32(sigma)
	}
	return out
}

// Apply writes x standardised to dst, which may be x.
func (s Standard) Apply(dst, x []float32) {
	for j, v := range x {
		dst[j] = (v - s.Mean[j]) / s.Scale[j]
	}
}
