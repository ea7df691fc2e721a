package models

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"brinell/bearing"
	"brinell/models/input"
	"brinell/models/learn"
	"brinell/models/learn/autoencoder"
	"brinell/models/learn/logistic"
	"brinell/models/nn"
	"brinell/models/safetensors"
)

// fitted returns a model of a learner on short spectra of tones: class c has the tone 3+4c.
func fitted(t *testing.T, learner string, task learn.Task, s learn.Settings) *Model {
	t.Helper()
	pre := input.Preprocessing{SampleRate: 12000, Length: 64, BandLimit: 5000, Normalise: input.ZScore, Transform: input.Spectrum}
	m := &Model{Manifest: Manifest{Name: learner, Version: "1", Learner: learner, Task: task, Preprocessing: pre, Licence: "test", Training: Training{Corpus: "own"}}}
	if task == "" {
		m.Labels = []Label{{"normal", bearing.Normal}, {"inner_race", bearing.InnerRace}, {"outer_race", bearing.OuterRace}}
	}
	read, err := pre.NewReader(12000)
	if err != nil {
		t.Fatal(err)
	}
	set := learn.Set{X: nn.NewTensor(90, 32, 1)}
	var golden []input.Window
	for i := range 90 {
		w := tone(i%3, uint64(i))
		if err := read.Fill(set.X.At(i), w); err != nil {
			t.Fatal(err)
		}
		set.Y = append(set.Y, i%3)
		if i < 3 {
			golden = append(golden, w)
		}
	}
	if m.Settings, err = json.Marshal(s); err != nil {
		t.Fatal(err)
	}
	if m.Estimator, err = learn.Fit(t.Context(), s, m.problem(), set, learn.Options{Seed: 1}); err != nil {
		t.Fatal(err)
	}
	if err := m.SetGolden(golden); err != nil {
		t.Fatal(err)
	}
	return m
}

// tone is 64 samples of the tone of a class in noise.
func tone(class int, seed uint64) input.Window {
	rng := rand.New(rand.NewPCG(seed, 5))
	w := input.Window{Samples: make([]float32, 64), Rate: 12000}
	for i := range w.Samples {
		w.Samples[i] = float32(rng.NormFloat64())
		if i%(3+4*class) == 0 {
			w.Samples[i] += 6
		}
	}
	return w
}

// TestLearnerFile: a model of any learner is saved, opened and classifies as before, and
// one that names no conditions is no classifier.
func TestLearnerFile(t *testing.T) {
	for _, c := range []struct {
		learner  string
		task     learn.Task
		settings learn.Settings
	}{
		{"logistic", "", &logistic.Settings{Ridge: 0.01, Iterations: 100}},
		{"autoencoder", learn.Novelty, &autoencoder.Settings{Config: autoencoder.Config{Hidden: []int{8}, Epochs: 20, LR: 0.01}}},
	} {
		m := fitted(t, c.learner, c.task, c.settings)
		path := filepath.Join(t.TempDir(), "m.safetensors")
		if err := m.Save(path); err != nil {
			t.Fatal(err)
		}
		got, err := Open(path)
		if err != nil {
			t.Fatal(err)
		}
		a, b := m.Classifier(), got.Classifier()
		right := 0
		for i := range 90 {
			want, err := a.Logits(tone(i%3, uint64(1000+i)))
			z, err2 := b.Logits(tone(i%3, uint64(1000+i)))
			if err != nil || err2 != nil || !slices.Equal(want, z) {
				t.Fatalf("%s: %v, opened %v; %v, %v", c.learner, want, z, err, err2)
			}
			if nn.Argmax(z) == i%3 {
				right++
			}
		}
		if err := got.CheckTask(); (c.task == "") != (err == nil) {
			t.Errorf("%s: %v", c.learner, err)
		}
		if c.task == "" && right < 80 {
			t.Errorf("%s names %d of 90 windows", c.learner, right)
		}
		if layers, total := got.Counts(); layers != nil || total.Params == 0 {
			t.Errorf("%s: %v layers, %+v", c.learner, layers, total)
		}
		if got.Network() != nil {
			t.Errorf("%s is a network", c.learner)
		}
	}
}

// TestLearnerRefused: what the manifest says of the learner is held against the table.
func TestLearnerRefused(t *testing.T) {
	good, err := fitted(t, "logistic", "", &logistic.Settings{Ridge: 0.01, Iterations: 100}).Encode()
	if err != nil {
		t.Fatal(err)
	}
	for want, change := range map[string]func(m map[string]any){
		"unknown field":         func(m map[string]any) { m["settings"].(map[string]any)["depth"] = 3 },
		"ridge -1":              func(m map[string]any) { m["settings"].(map[string]any)["ridge"] = -1 },
		"shared weights need":   func(m map[string]any) { m["settings"].(map[string]any)["shared"] = true },
		"has not the task":      func(m map[string]any) { m["task"] = "novelty"; m["labels"] = []any{} },
		"task \"guess\"":        func(m map[string]any) { m["task"] = "guess" },
		"that names no classes": func(m map[string]any) { m["task"] = "regress" },
		"settings of logistic":  func(m map[string]any) { delete(m, "settings") },
	} {
		_, err := Decode(edit(t, good, func(_, m map[string]any, d []byte) []byte { change(m); return d }))
		if bearing.CodeOf(err) != "model_rejected" || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want model_rejected about %q", err, want)
		}
	}
}

// TestNewLearner: a learner that the table does not have yet is a row in it and nothing
// else, as docs/extending.md says.
func TestNewLearner(t *testing.T) {
	old := Learners
	defer func() { Learners = old }()
	Learners = append(slices.Clone(old), learn.Learner{
		Name: "majority", Doc: "the class that most rows have", Source: "elementary", Tasks: []learn.Task{learn.Classify},
		New: func() learn.Settings { return new(majority) },
	})
	m := fitted(t, "majority", "", new(majority))
	b, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Decode(b); err != nil {
		t.Error(err)
	}
	Learners = old
	if _, err := Decode(b); err == nil || !strings.Contains(err.Error(), `learner "majority" is not known: this program has network, logistic, autoencoder`) {
		t.Errorf("without its row: %v", err)
	}
}

// majority answers every row alike.
type majority struct{ Count []float32 }

func (*majority) Check(learn.Problem) error { return nil }

func (*majority) Fit(_ context.Context, p learn.Problem, set learn.Set, _ learn.Options) (learn.Estimator, error) {
	c := counts(make([]float32, p.Outputs))
	for _, y := range set.Y {
		c[y]++
	}
	return c, nil
}

func (*majority) Restore(p learn.Problem, f *safetensors.File) (learn.Estimator, error) {
	b, err := f.Float32("count", p.Outputs)
	return counts(b.Values()), err
}

type counts []float32

func (c counts) Predictor() learn.Predictor { return c }
func (c counts) Clone() learn.Predictor     { return c }
func (c counts) Predict(dst, _ []float32)   { copy(dst, c) }
func (c counts) Count() (params, macs int)  { return len(c), 1 }
func (c counts) Tensors() []safetensors.Tensor {
	return []safetensors.Tensor{{Name: "count", Shape: []int{len(c)}, F32: c}}
}
