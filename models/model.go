package models

import (
	"fmt"
	"math"
	"slices"

	"brinell/bearing"
	"brinell/features/lines"
	"brinell/models/nn"
)

// Model is a trained network with everything needed to repeat its answers.
type Model struct {
	Manifest
	Net    *nn.Network
	golden golden
}

// Manifest is what a model file says of itself.
type Manifest struct {
	Format        int           `json:"format"` // version of this structure
	Name          string        `json:"name"`
	Version       string        `json:"version"`
	Digest        string        `json:"digest"` // SHA-256 of the file's tensor bytes, hex
	Spec          nn.Spec       `json:"spec"`
	Preprocessing Preprocessing `json:"preprocessing"`
	Labels        []Label       `json:"labels"`
	Calibration   *Calibration  `json:"calibration,omitempty"`
	Domain        *Domain       `json:"domain,omitempty"` // of a network on evidence
	Training      Training      `json:"training"`
	Scores        []Score       `json:"scores"`
	Licence       string        `json:"licence"`
}

// Label is one class of a network.
type Label struct {
	Name  string        `json:"name"`
	Fault bearing.Fault `json:"fault"`
}

// Training is the provenance of the weights.
type Training struct {
	Corpus     string    `json:"corpus"`
	Task       string    `json:"task"`
	Split      string    `json:"split"`
	Fold       string    `json:"fold"`
	Seed       uint64    `json:"seed"`
	Epochs     int       `json:"epochs"`
	Sparsity   float64   `json:"sparsity,omitempty"`
	Seen       []Seen    `json:"seen"`
	Slimming   *Slimming `json:"slimming,omitempty"`
	Validation float64   `json:"validation_accuracy,omitempty"` // 0 if no window was held out

	Sensitivity []Sweep `json:"sensitivity,omitempty"` // that chose winner rates
}

// Sweep is the accuracy of a network on the validation part as the share of the
// input that one layer reads falls.
type Sweep struct {
	Layer    nn.Path   `json:"layer"`
	Rates    []float64 `json:"rates"` // falling
	Accuracy []float64 `json:"accuracy"`
	Smooth   []float64 `json:"smooth"` // the same, isotonic: it never rises as the rate falls
}

// Seen is a stretch of a recording that took part in training or validation:
// samples [From, To) at the recording's own rate.
type Seen struct {
	Recording string `json:"recording"`
	Specimen  string `json:"specimen,omitempty"` // the physical bearing
	From      int    `json:"from"`
	To        int    `json:"to"`
}

// Slimming says from what a slimmed model was made.
type Slimming struct {
	Method   string   `json:"method"`
	Parent   string   `json:"parent"` // digest
	Ratio    float64  `json:"ratio"`
	Passes   int      `json:"passes"`
	Floor    int      `json:"floor"`
	Epochs   int      `json:"epochs"`           // of fine-tuning after each pass
	Share    float64  `json:"share,omitempty"`  // of weights set to zero
	Group    int      `json:"group,omitempty"`  // inputs of a group of them
	Loss     float64  `json:"loss,omitempty"`   // accuracy on the validation part that each winner rate could cost
	Target   string   `json:"target,omitempty"` // parallelism that Scalpel pruned for
	Original nn.Count `json:"original"`
}

// Score is a measured result, with what it was measured on.
type Score struct {
	Split            string  `json:"split"`
	Fold             string  `json:"fold"`
	Windows          int     `json:"windows"`
	Accuracy         float64 `json:"accuracy"`
	MacroF1          float64 `json:"macro_f1"`
	BalancedAccuracy float64 `json:"balanced_accuracy"`
	SpecimensSeen    int     `json:"specimens_seen"`
	Specimens        int     `json:"specimens"`

	Bearings []BearingScore `json:"bearings"`
}

// BearingScore is the part of a score that one physical bearing has.
type BearingScore struct {
	Specimen string `json:"specimen"`
	Seen     bool   `json:"seen"` // in training
	Windows  int    `json:"windows"`
	Right    int    `json:"right"`
}

// CheckCard says whether the model tells enough of itself to judge machines: on what it was
// made, under which terms, and how well it does. Invalid model_without_card if not.
func (m *Model) CheckCard() error {
	if m.Licence == "" || m.Training.Corpus == "" || len(m.Scores) == 0 && m.Calibration == nil {
		return bearing.Errorf(bearing.Invalid, "model_without_card", "the model says not enough of itself: it needs a corpus, a licence, and scores or a calibration, which brinell train, slim and select write")
	}
	return nil
}

// Ref names the model in a diagnosis.
func (m *Model) Ref() bearing.ModelRef {
	return bearing.ModelRef{Name: m.Name, Version: m.Version, Digest: m.Digest}
}

// LeakError reports that a stretch to be scored was part of training.
func (m *Model) LeakError(recording string, from, to int) error {
	for _, s := range m.Training.Seen {
		if s.Recording == recording && from < s.To && s.From < to {
			return bearing.Errorf(bearing.Conflict, "leaks_training_data",
				"model %q was trained on samples %d to %d of %s, which overlap the samples %d to %d to be scored: score it on a split whose test part it has not seen, or train afresh with evaluate --spec",
				m.Name, s.From, s.To, s.Recording, from, to)
		}
	}
	return nil
}

// SawSpecimen reports whether the model was trained on that physical bearing.
func (m *Model) SawSpecimen(specimen string) bool {
	return slices.ContainsFunc(m.Training.Seen, func(s Seen) bool { return s.Specimen == specimen })
}

// Counts returns the cost of the network per layer and in all.
func (m *Model) Counts() ([]nn.Count, nn.Count) { return m.Spec.Counts(len(m.Labels)) }

// Classifier runs a model on windows. It is not safe for concurrent use: one
// per worker, from Model.Classifier or Clone.
type Classifier struct {
	model  *Model
	plan   *nn.Plan
	inputs map[float64]*Input
	bytes  int64 // of inputs
	x      []float32
	p      []float32
}

// Classifier compiles the model for inference.
func (m *Model) Classifier() *Classifier {
	return newClassifier(m, m.Net.Plan())
}

// Clone returns a classifier that shares the weights of c.
func (c *Classifier) Clone() *Classifier { return newClassifier(c.model, c.plan.Clone()) }

func newClassifier(m *Model, p *nn.Plan) *Classifier {
	return &Classifier{m, p, make(map[float64]*Input), 0, make([]float32, m.Preprocessing.InputLength()), make([]float32, len(m.Labels))}
}

// Labels returns the number of labels.
func (c *Classifier) Labels() int { return len(c.model.Labels) }

// maxInputs bounds the bytes of the filters that one classifier keeps beyond a call: rates
// are chosen by clients, and a filter grows with its rate.
const maxInputs = 2 << 20

func (c *Classifier) input(rate float64) (*Input, error) {
	if in := c.inputs[rate]; in != nil {
		return in, nil
	}
	in, err := c.model.Preprocessing.NewInput(rate)
	if err != nil {
		return nil, err
	}
	b := in.bytes(rate)
	if c.bytes+b > maxInputs {
		clear(c.inputs)
		c.bytes = 0
	}
	c.inputs[rate] = in
	c.bytes += b
	return in, nil
}

// trim lets go of a filter that is too large to be kept.
func (c *Classifier) trim() {
	if c.bytes > maxInputs {
		clear(c.inputs)
		c.bytes = 0
	}
}

// Logits returns the network's answer to one stretch of NativeLength samples at
// rate. The result is valid until the next call.
func (c *Classifier) Logits(x []float32, rate float64) ([]float32, error) {
	in, err := c.input(rate)
	if err != nil {
		return nil, err
	}
	in.Fill(c.x, x)
	return c.plan.Forward(c.x), nil
}

// Classify fills p, one element per label, with the probabilities for samples x
// at rate: the mean of the softmax over the segments that cover x. It returns
// the number of segments. The errors are *bearing.Error with the codes
// rate_too_low and window_too_short.
func (c *Classifier) Classify(p []float64, x []float32, rate float64) (segments int, err error) {
	pre := c.model.Preprocessing
	if err := pre.CheckRate(rate); err != nil {
		return 0, err
	}
	n := pre.NativeLength(rate)
	starts := Segments(len(x), n)
	if starts == nil {
		return 0, bearing.Errorf(bearing.Invalid, "window_too_short", "the window has %d samples at %g Hz, the model needs at least %d (%.4g s)", len(x), rate, n, float64(n)/rate).At("/samples")
	}
	clear(p)
	defer c.trim()
	for _, s := range starts {
		z, err := c.Logits(x[s:s+n], rate)
		if err != nil {
			return 0, err
		}
		for i, v := range nn.Softmax(c.p, z) {
			p[i] += float64(v)
		}
	}
	for i := range p {
		p[i] /= float64(len(starts))
	}
	return len(starts), nil
}

// Evidence fills p, one element per label, with the logits for the evidence of a
// window. The network must be one that reads evidence, else it panics.
func (c *Classifier) Evidence(p []float64, e *lines.Evidence) {
	if c.model.Preprocessing.Transform != Lines {
		panic("models: the network reads samples")
	}
	e.Fill(c.x)
	for i, v := range c.plan.Forward(c.x) {
		p[i] = float64(v)
	}
}

// Distance returns how far the evidence that Evidence read last lies from what the
// network was trained on, and the limit of that; 0 and 0 where the model does not know.
func (c *Classifier) Distance() (distance, limit float64) {
	if d := c.model.Domain; d != nil {
		return d.Distance(c.x), d.Limit
	}
	return 0, 0
}

// FaultOf returns the fault with the largest probability, summed over the
// labels that name it, the first of equals in label order.
func FaultOf(labels []Label, p []float64) bearing.Fault {
	var best bearing.Fault
	top := math.Inf(-1)
	for _, l := range labels {
		sum := 0.0
		for j, k := range labels {
			if k.Fault == l.Fault {
				sum += p[j]
			}
		}
		if sum > top {
			best, top = l.Fault, sum
		}
	}
	return best
}

// validate checks what the parts of a manifest must satisfy together.
func (m *Manifest) validate() error {
	if m.Format != formatVersion {
		return fmt.Errorf("format %d is not %d, the one that this program reads", m.Format, formatVersion)
	}
	if !bearing.IsName(m.Name) || !bearing.IsName(m.Version) {
		return fmt.Errorf("name %q or version %q is not a name", bearing.Clip(m.Name), bearing.Clip(m.Version))
	}
	if err := m.Preprocessing.Validate(); err != nil {
		return err
	}
	if s := m.Preprocessing.inputShape(); m.Spec.Input != s {
		return fmt.Errorf("the spec takes %v, the preprocessing gives %v", m.Spec.Input, s)
	}
	if len(m.Labels) < 2 {
		return fmt.Errorf("%d labels, need at least 2", len(m.Labels))
	}
	seen := make(map[string]bool)
	for _, l := range m.Labels {
		if l.Name == "" || len(l.Name) > 64 || seen[l.Name] {
			return fmt.Errorf("label %q is empty, too long or repeated", bearing.Clip(l.Name))
		}
		seen[l.Name] = true
		if _, err := bearing.ParseClass(string(l.Fault)); err != nil {
			return err
		}
	}
	if m.Calibration != nil {
		if err := m.Calibration.validate(); err != nil {
			return err
		}
	}
	if m.Domain != nil {
		if err := m.Domain.validate(m.Spec.Input.L * m.Spec.Input.C); err != nil {
			return err
		}
	}
	return CheckSpec(m.Spec, m.Preprocessing, len(m.Labels))
}

// Of the work that a window of four million samples may take: for each sample, three times
// what the largest of the zoo takes, and what a layer costs beside its products.
const (
	maxWork   = 1 << 15
	layerWork = 1000
)
