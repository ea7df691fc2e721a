package learntest_test

import (
	"context"
	"fmt"
	"testing"

	"brinell/models/learn"
	"brinell/models/learn/autoencoder"
	"brinell/models/learn/learntest"
	"brinell/models/learn/logistic"
	"brinell/models/learn/network"
	"brinell/models/nn"
	"brinell/models/safetensors"
)

// TestLearners holds every learner to the check, with the settings that it is used with.
func TestLearners(t *testing.T) {
	for name, c := range map[string]struct {
		learner  learn.Learner
		settings func() learn.Settings
	}{
		"logistic":        {logistic.Learner, logistic.Learner.New},
		"logistic/shared": {logistic.Learner, func() learn.Settings { return &logistic.Settings{Ridge: 0.01, Iterations: 200, Shared: true} }},
		"network":         {network.Learner, toyNetwork},
		"autoencoder": {autoencoder.Learner, func() learn.Settings {
			return &autoencoder.Settings{Config: autoencoder.Config{Hidden: []int{6}, Epochs: 60, LR: 0.01}}
		}},
		"centroid": {centroidLearner, centroidLearner.New},
	} {
		t.Run(name, func(t *testing.T) { learntest.Check(t, c.learner, c.settings) })
	}
}

func toyNetwork() learn.Settings {
	return &network.Settings{
		Spec:   nn.Spec{Name: "toy", Input: nn.Signal(3, 6), Layers: []nn.Layer{nn.Dense(16), nn.BatchNorm(), nn.ReLU(), nn.Logits()}},
		Config: network.Config{Epochs: 40, Batch: 16},
	}
}

// The nearest mean: the whole of a learner, as docs/extending.md shows it.

var centroidLearner = learn.Learner{
	Name: "centroid", Doc: "the class whose mean is nearest", Source: "elementary",
	Tasks: []learn.Task{learn.Classify},
	New:   func() learn.Settings { return new(centroidSettings) },
}

type centroidSettings struct{}

func (*centroidSettings) Check(p learn.Problem) error {
	if p.Outputs < 2 {
		return fmt.Errorf("%d classes are too few", p.Outputs)
	}
	return nil
}

func (*centroidSettings) Fit(ctx context.Context, p learn.Problem, set learn.Set, _ learn.Options) (learn.Estimator, error) {
	e := centroids{width: p.Input.Size()}
	e.mean = make([]float32, p.Outputs*e.width)
	count := make([]float32, p.Outputs)
	for i, y := range set.Y {
		count[y]++
		for j, v := range set.X.At(i) {
			e.mean[y*e.width+j] += v
		}
	}
	for i := range e.mean {
		e.mean[i] /= max(1, count[i/e.width])
	}
	return e, ctx.Err()
}

func (*centroidSettings) Restore(p learn.Problem, f *safetensors.File) (learn.Estimator, error) {
	e := centroids{width: p.Input.Size()}
	b, err := f.Float32("mean", p.Outputs, e.width)
	e.mean = b.Values()
	return e, err
}

type centroids struct {
	mean  []float32 // [classes, width]
	width int
}

func (e centroids) Predictor() learn.Predictor { return e } // it needs no work space
func (e centroids) Clone() learn.Predictor     { return e }
func (e centroids) Count() (params, macs int)  { return len(e.mean), len(e.mean) }

func (e centroids) Tensors() []safetensors.Tensor {
	return []safetensors.Tensor{{Name: "mean", Shape: []int{len(e.mean) / e.width, e.width}, F32: e.mean}}
}

// Predict scores each class by the squared distance from its mean.
func (e centroids) Predict(dst, x []float32) {
	for c := range dst {
		dst[c] = 0
		for j, v := range x {
			d := v - e.mean[c*e.width+j]
			dst[c] -= d * d / 2
		}
	}
}
