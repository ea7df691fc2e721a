package prune

import (
	"cmp"
	"slices"

	"brinell/models"
	"brinell/models/learn"
	"brinell/models/nn"
	"brinell/models/train"
)

// Report is what pruning bought, for people and programs.
type Report struct {
	Corpus string  `json:"corpus"`
	Task   string  `json:"task"`
	Split  string  `json:"split"`
	Noise  float64 `json:"noise_db"` // of the noisy test
	Rows   []Row   `json:"rows"`     // one for each setting, seed and fold
}

// Row is one network with what it costs and what it can do.
type Row struct {
	Spec     string   `json:"spec"`
	Fold     string   `json:"fold"`
	Seed     uint64   `json:"seed"`
	Method   string   `json:"method"` // "dense" and "from scratch" beside the methods
	Name     string   `json:"name"`   // of the setting, as in a table
	Settings Settings `json:"settings"`
	Digest   string   `json:"digest"`

	Count      nn.Count   `json:"count"` // as if no weight were zero
	Nonzero    int        `json:"nonzero_params"`
	Operations Operations `json:"operations"`
	Bytes      int        `json:"bytes"` // of the model file without its golden windows
	Channels   []Channels `json:"channels"`
	Timings    []Timing   `json:"timings"`

	Validation float64 `json:"validation_accuracy"`
	Test       Paired  `json:"test"`
	Noisy      Paired  `json:"noisy_test"`

	Gammas []float64      `json:"gammas,omitempty"` // |γ| of all gates
	Curves []models.Sweep `json:"curves,omitempty"` // of integral pruning

	net   *nn.Network
	right [2][]bool
}

// Channels is how many outputs a layer with weights has.
type Channels struct {
	Layer nn.Path `json:"layer"`
	Op    nn.Op   `json:"op"`
	Out   int     `json:"out"`
}

// Paired is a score on test windows beside that of the network it came from.
type Paired struct {
	Windows  int     `json:"windows"`
	Right    int     `json:"right"`
	Lost     int     `json:"lost"` // right before, wrong now
	Won      int     `json:"won"`  // wrong before, right now
	Accuracy float64 `json:"accuracy"`
	Balanced float64 `json:"balanced_accuracy"`
}

// Worse is how many windows fewer are right.
func (p Paired) Worse() int { return p.Lost - p.Won }

// Tests are what a report scores on: the test windows, and the same with noise.
type Tests struct{ Clean, Noisy learn.Set }

// NewRow measures all but the times of m, which came from the network of base, or
// from none if that is nil.
func NewRow(m *models.Model, tests Tests, base *Row) (Row, error) {
	c, err := m.Copy() // for digest and size
	if err != nil {
		return Row{}, err
	}
	_, count := m.Counts()
	r := Row{Spec: m.Spec.Name, Fold: m.Training.Fold, Seed: m.Training.Seed, Digest: c.Digest, Count: count,
		Validation: m.Training.Validation, Curves: m.Training.Sensitivity, net: m.Network()}
	if r.Bytes, err = m.Size(); err != nil {
		return Row{}, err
	}
	const counted = 100
	x := tests.Clean.X
	x.N = min(x.N, counted)
	x.Data = x.Data[:x.N*x.L*x.C]
	r.Operations = CountOperations(m.Network(), x)
	for _, p := range m.Network().Params() {
		for _, w := range p.W {
			if p.G != nil && (w != 0 || p.Role != nn.Weight) {
				r.Nonzero++
			}
		}
	}
	walk(m.Spec.Layers, nn.At, m.Spec.Input, len(m.Labels), consumed, func(layers []nn.Layer, i int, p nn.Path, in nn.Shape, _ fate) {
		if l := layers[i]; m.Network().Param(p, nn.Weight) != nil {
			r.Channels = append(r.Channels, Channels{p, l.Op, l.Output(in, len(m.Labels)).C})
		}
	})
	for _, g := range Gates(m.Network()) {
		r.Gammas = append(r.Gammas, Scales(m.Network(), g)...)
	}
	for i, set := range []learn.Set{tests.Clean, tests.Noisy} {
		if set.Len() == 0 {
			continue
		}
		rep := train.NewReport(set, learn.Answers(m.Estimator, len(m.Labels), set.X), m.Labels)
		p := Paired{Windows: set.Len(), Accuracy: rep.Accuracy, Balanced: rep.BalancedAccuracy}
		for k, right := range rep.Right {
			if right {
				p.Right++
			}
			if base != nil {
				was := base.right[i][k]
				if was && !right {
					p.Lost++
				} else if right && !was {
					p.Won++
				}
			}
		}
		r.right[i] = rep.Right
		*[]*Paired{&r.Test, &r.Noisy}[i] = p
	}
	return r, nil
}

// Time fills the timings of all rows, measured in turn.
func (r *Report) Time() {
	nets := make([]*nn.Network, len(r.Rows))
	for i := range r.Rows {
		nets[i] = r.Rows[i].net
	}
	for i, t := range Timings(nets) {
		r.Rows[i].Timings = t
	}
}

// Best returns the fastest time of the row for one window, and for one of 64.
func (r Row) Best() (one, batch float64) {
	if len(r.Timings) == 0 {
		return 0, 0
	}
	byOne := slices.MinFunc(r.Timings, func(a, b Timing) int { return cmp.Compare(a.One, b.One) })
	byBatch := slices.MinFunc(r.Timings, func(a, b Timing) int { return cmp.Compare(a.Batch, b.Batch) })
	return byOne.One, byBatch.Batch
}
