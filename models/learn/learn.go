// Package learn says what a learner is: settings that are fitted to rows, and what comes
// out, which predicts, is stored as tensors and is counted.
//
// A learner is a row of the table in package models and a package below this one. Every
// learner passes learntest.Check.
package learn

import (
	"context"
	"math"

	"brinell/models/nn"
	"brinell/models/safetensors"
)

// Task is what is asked of a learner.
type Task string

// The tasks.
const (
	Classify Task = "classify" // which class a row is of: one score for each
	Regress  Task = "regress"  // a number: one value
	Novelty  Task = "novelty"  // how little a row is of the kind that was fitted: one value, more is stranger
)

// Problem is what a learner is to solve.
type Problem struct {
	Task    Task
	Input   nn.Shape // of a row
	Outputs int      // classes of Classify, else 1
}

// Set is rows with what is known of them.
type Set struct {
	X     nn.Tensor // [N, L, C]
	Y     []int     // class of each row
	Value []float64 // of each row, for Regress; else nil
	Group []int     // which recording each row is from, an index into Names
	Names []string  // recordings

	// Weight is what each row counts for learners that weigh; nil for 1.
	Weight []float64
}

// Len returns the number of rows.
func (s Set) Len() int { return s.X.N }

// WeightOf returns what a row counts.
func (s Set) WeightOf(row int) float64 {
	if s.Weight == nil {
		return 1
	}
	return s.Weight[row]
}

// Learner is a row of the table of learners.
type Learner struct {
	Name   string
	Doc    string // what it fits, in a sentence
	Source string // where it is from
	Tasks  []Task
	New    func() Settings // a pointer to the defaults, which strict JSON is decoded into
}

// Settings are the options of a learner. As JSON they stand in the model file.
type Settings interface {
	// Check says what keeps them from the problem.
	Check(p Problem) error

	// Fit fits them to the rows of a set. A seed gives the same estimator on any number
	// of processors. It ends with the context's error when that is done.
	Fit(ctx context.Context, p Problem, set Set, o Options) (Estimator, error)

	// Restore returns the estimator whose tensors are in the file. It allocates no more
	// than a few times what the file holds.
	Restore(p Problem, f *safetensors.File) (Estimator, error)
}

// Options are of a fit, not of what is fitted.
type Options struct {
	Seed       uint64
	Validation Set                   // rows that choose nothing but what the learner says they choose
	Progress   func(done, total int) // of steps of the learner's own kind, may be nil
}

// Report tells the progress, where somebody wants to know.
func (o Options) Report(done, total int) {
	if o.Progress != nil {
		o.Progress(done, total)
	}
}

// Estimator is what a fit came to.
type Estimator interface {
	// Predictor returns what predicts. It shares the parameters of the estimator.
	Predictor() Predictor

	// Tensors returns the parameters, by names that do not collide with "golden." and
	// "calibration".
	Tensors() []safetensors.Tensor

	// Count returns how many parameters there are, and about how many
	// multiply-accumulates one prediction takes.
	Count() (params, macs int)
}

// Predictor owns its work space: one for each goroutine.
type Predictor interface {
	// Predict writes the answer for the row x to dst, without allocation. Of Classify
	// these are scores whose softmax are probabilities.
	Predict(dst, x []float32)

	// Clone returns another with the same parameters.
	Clone() Predictor
}

// Softmax writes the probabilities of scores z to p, exp z_i / Σ exp z_j, computed so
// that nothing overflows. It returns p, which may not be z's memory.
func Softmax(p []float64, z []float32) []float64 {
	top := math.Inf(-1)
	for _, v := range z {
		top = max(top, float64(v))
	}
	sum := 0.0
	for i, v := range z {
		p[i] = math.Exp(float64(v) - top)
		sum += p[i]
	}
	for i := range p {
		p[i] /= sum
	}
	return p
}

// Answers returns the class that each row of x gets, on all processors: the one with the
// highest score, the first of equals.
func Answers(e Estimator, classes int, x nn.Tensor) []int {
	out := make([]int, x.N)
	Each(e, classes, x, func(i int, scores []float32) { out[i] = nn.Argmax(scores) })
	return out
}
