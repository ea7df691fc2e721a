package models

import (
	"encoding/json"
	"math"
	"slices"

	"brinell/bearing"
	"brinell/models/input"
	"brinell/models/learn"
	"brinell/models/learn/network"
	"brinell/models/nn"
)

// Model is an estimator with everything needed to repeat its answers.
type Model struct {
	Manifest
	Estimator learn.Estimator
	golden    golden
}

// Manifest is what a model file says of itself.
type Manifest struct {
	Format        int                 `json:"format"` // version of this structure
	Name          string              `json:"name"`
	Version       string              `json:"version"`
	Digest        string              `json:"digest"`             // SHA-256 of the file's tensor bytes, hex
	Task          learn.Task          `json:"task,omitempty"`     // "" stands for classify
	Learner       string              `json:"learner,omitempty"`  // a row of Learners, "" stands for network
	Settings      json.RawMessage     `json:"settings,omitempty"` // of the learner
	Spec          nn.Spec             `json:"spec,omitzero"`      // which is that of a network
	Preprocessing input.Preprocessing `json:"preprocessing"`
	Labels        []Label             `json:"labels"`
	Calibration   *Calibration        `json:"calibration,omitempty"`
	Domain        *Domain             `json:"domain,omitempty"` // of a model on evidence
	Training      Training            `json:"training"`
	Scores        []Score             `json:"scores"`
	Licence       string              `json:"licence"`
	Golden        []GoldenWindow      `json:"golden,omitempty"` // since format 2
}

// Label is one class of a model.
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

// CheckTask says whether the model names classes, which is what a window is judged by.
// Invalid model_not_classifier if not.
func (m *Model) CheckTask() error {
	if m.Task != "" {
		return bearing.Errorf(bearing.Invalid, "model_not_classifier", "model %q is one of %s and names no condition: windows are judged by a classifier", m.Name, m.Task)
	}
	return nil
}

// Outputs returns how many values the model answers with: one for each label, or one.
func (m *Manifest) Outputs() int { return m.problem().Outputs }

// Ref names the model in a diagnosis.
func (m *Model) Ref() bearing.ModelRef {
	return bearing.ModelRef{Name: m.Name, Version: m.Version, Digest: m.Digest, Representation: m.Preprocessing.Representation().String()}
}

// Network returns the network of a model that is one, else nil.
func (m *Model) Network() *nn.Network {
	if n, ok := m.Estimator.(interface{ Network() *nn.Network }); ok {
		return n.Network()
	}
	return nil
}

// SetNetwork makes net the model's estimator. Its golden answers are still those of the
// one before: SetGolden.
func (m *Model) SetNetwork(net *nn.Network) {
	m.Learner, m.Settings, m.Spec, m.Estimator = "", nil, net.Spec, network.Of(net)
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

// Counts returns the cost of the model in all, and of a network per layer.
func (m *Model) Counts() ([]nn.Count, nn.Count) {
	if m.Learner == "" {
		return m.Spec.Counts(len(m.Labels))
	}
	params, macs := m.Estimator.Count()
	return nil, nn.Count{Params: params, MACs: macs}
}

// FaultOf returns the fault with the largest probability, summed over the
// labels that name it, the first of equals in label order.
func FaultOf(labels []Label, p []float64) bearing.Fault {
	var faults []bearing.Fault // in label order
	var sums []float64
	for i, l := range labels {
		k := slices.Index(faults, l.Fault)
		if k < 0 {
			k = len(faults)
			faults, sums = append(faults, l.Fault), append(sums, 0)
		}
		sums[k] += p[i]
	}
	var best bearing.Fault
	top := math.Inf(-1)
	for k, sum := range sums {
		if sum > top {
			best, top = faults[k], sum
		}
	}
	return best
}
