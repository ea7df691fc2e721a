package models

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"brinell/bearing"
	"brinell/models/learn"
	"brinell/models/learn/autoencoder"
	"brinell/models/learn/logistic"
	"brinell/models/learn/network"
)

// Learners are all there are. A new one is a row here and a package below models/learn.
var Learners = []learn.Learner{network.Learner, logistic.Learner, autoencoder.Learner}

// LearnerNamed returns the row of that name, "" for the first, and false if there is
// none.
func LearnerNamed(name string) (learn.Learner, bool) {
	i := slices.IndexFunc(Learners, func(l learn.Learner) bool { return l.Name == name })
	if name == "" {
		i = 0
	}
	if i < 0 {
		return learn.Learner{}, false
	}
	return Learners[i], true
}

// LearnerNames returns their names.
func LearnerNames() (names []string) {
	for _, l := range Learners {
		names = append(names, l.Name)
	}
	return names
}

// problem is what the model's learner solves.
func (m *Manifest) problem() learn.Problem {
	p := learn.Problem{Task: learn.Classify, Input: m.Preprocessing.Shape(), Outputs: len(m.Labels)}
	if m.Task != "" {
		p.Task, p.Outputs = m.Task, 1
	}
	return p
}

// settings returns those of the model's learner, strictly decoded.
func (m *Manifest) settings() (learn.Settings, error) {
	if m.Learner == "" {
		return &network.Settings{Spec: m.Spec}, nil
	}
	l, ok := LearnerNamed(m.Learner)
	if !ok || l.Name == network.Learner.Name { // which has a spec, and no name in a file
		return nil, fmt.Errorf("learner %q is not known: this program has %s", bearing.Clip(m.Learner), strings.Join(LearnerNames(), ", "))
	}
	s := l.New()
	d := json.NewDecoder(bytes.NewReader(m.Settings))
	d.DisallowUnknownFields()
	if err := d.Decode(s); err != nil {
		return nil, fmt.Errorf("settings of %s: %s", l.Name, strings.TrimPrefix(err.Error(), "json: "))
	}
	return s, nil
}

// validate checks what the parts of a manifest must satisfy together.
func (m *Manifest) validate() error {
	if m.Format < 1 || m.Format > formatVersion {
		return fmt.Errorf("format %d is none of 1 to %d, which this program reads", m.Format, formatVersion)
	}
	if !bearing.IsName(m.Name) || !bearing.IsName(m.Version) {
		return fmt.Errorf("name %q or version %q is not a name", bearing.Clip(m.Name), bearing.Clip(m.Version))
	}
	if err := m.Preprocessing.Validate(); err != nil {
		return err
	}
	if err := m.checkCardSize(); err != nil {
		return err
	}
	switch {
	case len(m.Labels) > maxLabels:
		return fmt.Errorf("%d labels, at most %d are read", len(m.Labels), maxLabels)
	case m.Task == "" && len(m.Labels) < 2:
		return fmt.Errorf("%d labels, need at least 2", len(m.Labels))
	case m.Task != "" && m.Task != learn.Regress && m.Task != learn.Novelty:
		return fmt.Errorf("task %q is not known", bearing.Clip(string(m.Task)))
	case m.Task != "" && len(m.Labels) > 0:
		return fmt.Errorf("%d labels of a model that names no classes", len(m.Labels))
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
		if err := m.Domain.validate(m.Preprocessing.InputLength()); err != nil {
			return err
		}
	}
	s, err := m.settings()
	if err != nil {
		return err
	}
	if l, _ := LearnerNamed(m.Learner); !slices.Contains(l.Tasks, m.problem().Task) {
		return fmt.Errorf("learner %s has not the task %s, but %v", l.Name, m.problem().Task, l.Tasks)
	}
	if err := s.Check(m.problem()); err != nil {
		return err
	}
	if m.Learner != "" {
		return nil
	}
	return CheckSpec(m.Spec, m.Preprocessing, len(m.Labels))
}

// The bounds of what a manifest says in words: lists of models hold it in memory.
const (
	maxLabels  = 256
	maxScores  = 64
	maxText    = 200  // bytes of a word or a name of a corpus, a split, a recording
	maxLicence = 2000 // bytes
)

// checkCardSize bounds what the model says of its making and its worth.
func (m *Manifest) checkCardSize() error {
	t := &m.Training
	texts := []string{t.Corpus, t.Task, t.Split, t.Fold, m.Spec.Name}
	if s := t.Slimming; s != nil {
		texts = append(texts, s.Method, s.Parent, s.Target)
	}
	for _, s := range m.Scores {
		texts = append(texts, s.Split, s.Fold)
		for _, b := range s.Bearings {
			texts = append(texts, b.Specimen)
		}
	}
	for _, s := range t.Seen {
		texts = append(texts, s.Recording, s.Specimen)
	}
	for _, s := range texts {
		if len(s) > maxText {
			return fmt.Errorf("the text %q has %d bytes, at most %d are read", bearing.Clip(s), len(s), maxText)
		}
	}
	switch {
	case len(m.Licence) > maxLicence || len(m.Spec.Reference) > maxLicence:
		return fmt.Errorf("a licence of %d bytes or a reference of %d, at most %d are read", len(m.Licence), len(m.Spec.Reference), maxLicence)
	case len(m.Scores) > maxScores:
		return fmt.Errorf("%d scores, at most %d are read", len(m.Scores), maxScores)
	}
	return nil
}
