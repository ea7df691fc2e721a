package models

import (
	"brinell/bearing"
	"brinell/models/input"
	"brinell/models/learn"
)

// Classifier runs a model on windows. It is not safe for concurrent use: one
// per worker, from Model.Classifier or Clone.
type Classifier struct {
	model   *Model
	predict learn.Predictor
	readers map[float64]*input.Reader
	bytes   int64 // of readers
	x       []float32
	z       []float32
	p       []float64
}

// Classifier compiles the model for inference.
func (m *Model) Classifier() *Classifier { return newClassifier(m, m.Estimator.Predictor()) }

// Clone returns a classifier that shares the parameters of c.
func (c *Classifier) Clone() *Classifier { return newClassifier(c.model, c.predict.Clone()) }

func newClassifier(m *Model, p learn.Predictor) *Classifier {
	n := m.Outputs()
	return &Classifier{m, p, make(map[float64]*input.Reader), 0, make([]float32, m.Preprocessing.InputLength()), make([]float32, n), make([]float64, n)}
}

// Labels returns the number of labels.
func (c *Classifier) Labels() int { return len(c.model.Labels) }

// maxReaders bounds the bytes of the filters that one classifier keeps beyond a call: rates
// are chosen by clients, and a filter grows with its rate.
const maxReaders = 2 << 20

func (c *Classifier) reader(rate float64) (*input.Reader, error) {
	if c.model.Preprocessing.Representation().Whole {
		rate = c.model.Preprocessing.SampleRate // one for all
	}
	if r := c.readers[rate]; r != nil {
		return r, nil
	}
	r, err := c.model.Preprocessing.NewReader(rate)
	if err != nil {
		return nil, err
	}
	b := r.Bytes()
	if c.bytes+b > maxReaders {
		clear(c.readers)
		c.bytes = 0
	}
	c.readers[rate] = r
	c.bytes += b
	return r, nil
}

// trim lets go of a filter that is too large to be kept.
func (c *Classifier) trim() {
	if c.bytes > maxReaders {
		clear(c.readers)
		c.bytes = 0
	}
}

// Logits returns the model's answer to one stretch: NativeLength samples, or a window of
// any length where the representation reads whole ones. The result is valid until the
// next call. The errors are *bearing.Error and say what the window lacks.
func (c *Classifier) Logits(w input.Window) ([]float32, error) {
	r, err := c.reader(w.Rate)
	if err != nil {
		return nil, err
	}
	if err := r.Fill(c.x, w); err != nil {
		return nil, err
	}
	c.predict.Predict(c.z, c.x)
	return c.z, nil
}

// Classify fills p, one element per label, with the probabilities for a window: the mean
// of the softmax over the stretches that cover it. It returns the number of stretches.
// The errors are *bearing.Error with the codes rate_too_low, rate_out_of_range,
// window_too_short and machine_unknown.
func (c *Classifier) Classify(p []float64, w input.Window) (stretches int, err error) {
	pre := c.model.Preprocessing
	if err := pre.CheckRate(w.Rate); err != nil {
		return 0, err
	}
	starts, n := pre.Stretches(len(w.Samples), w.Rate)
	if starts == nil {
		return 0, bearing.Errorf(bearing.Invalid, "window_too_short", "the window has %d samples at %g Hz, the model needs at least %d (%.4g s)", len(w.Samples), w.Rate, n, float64(n)/w.Rate).At("/samples")
	}
	clear(p)
	defer c.trim()
	for _, s := range starts {
		stretch := w
		stretch.Samples = w.Samples[s : s+n]
		z, err := c.Logits(stretch)
		if err != nil {
			return 0, err
		}
		for i, v := range learn.Softmax(c.p, z) {
			p[i] += v
		}
	}
	for i := range p {
		p[i] /= float64(len(starts))
	}
	return len(starts), nil
}

// Distance returns how far the input that Logits read last lies from what the model was
// trained on, and the limit of that; 0 and 0 where the model does not know.
func (c *Classifier) Distance() (distance, limit float64) {
	if d := c.model.Domain; d != nil {
		return d.Distance(c.x), d.Limit
	}
	return 0, 0
}
