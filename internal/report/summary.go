package report

import (
	"fmt"
	"io"
	"math"

	"brinell/models/train"
)

// Summary is the mean over folds and seeds, with the spread as a standard
// deviation (n-1).
type Summary struct {
	Split            string `json:"split"`
	Reports          int    `json:"reports"`
	Windows          int    `json:"windows"`
	Accuracy         Spread `json:"accuracy"`
	MacroF1          Spread `json:"macro_f1"`
	BalancedAccuracy Spread `json:"balanced_accuracy"`
	VoteAccuracy     Spread `json:"vote_accuracy"`
}

// Spread is a mean with its standard deviation.
type Spread struct {
	Mean float64 `json:"mean"`
	SD   float64 `json:"sd"`
}

// Summarise adds reports up.
func Summarise(reports []train.Report) Summary {
	s := Summary{Split: reports[0].Split, Reports: len(reports)}
	of := func(f func(train.Report) float64) Spread {
		var sum, sq float64
		for _, r := range reports {
			sum += f(r)
		}
		n := float64(len(reports))
		mean := sum / n
		for _, r := range reports {
			sq += (f(r) - mean) * (f(r) - mean)
		}
		return Spread{mean, math.Sqrt(sq / max(1, n-1))}
	}
	for _, r := range reports {
		s.Windows += r.Windows
	}
	s.Accuracy = of(func(r train.Report) float64 { return r.Accuracy })
	s.MacroF1 = of(func(r train.Report) float64 { return r.MacroF1 })
	s.BalancedAccuracy = of(func(r train.Report) float64 { return r.BalancedAccuracy })
	s.VoteAccuracy = of(func(r train.Report) float64 { return r.VoteAccuracy })
	return s
}

// Print writes the summary for people.
func (s Summary) Print(w io.Writer) {
	fmt.Fprintf(w, "split %s, mean of %d (sd): accuracy %.4f (%.4f)   macro-F1 %.4f (%.4f)   balanced %.4f (%.4f)   recordings by vote %.4f (%.4f)\n",
		s.Split, s.Reports, s.Accuracy.Mean, s.Accuracy.SD, s.MacroF1.Mean, s.MacroF1.SD, s.BalancedAccuracy.Mean, s.BalancedAccuracy.SD, s.VoteAccuracy.Mean, s.VoteAccuracy.SD)
}
