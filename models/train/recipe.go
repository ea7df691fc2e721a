package train

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"

	"brinell/bearing"
	"brinell/dataset"
	"brinell/internal/clamp"
	"brinell/models"
	"brinell/models/nn"
)

// Recipe is everything that turns the training parts of a fold into a model.
type Recipe struct {
	Spec          nn.Spec
	Corpus        string
	Task          dataset.Task
	Split         dataset.Split
	Preprocessing models.Preprocessing
	Hop           float64      // step between training windows as a share of their length, default DefaultHop
	Augment       Augmentation // of networks on evidence
	Fit           Config

	// Evidence is told how many pieces of evidence are computed, before the fit of a network on
	// evidence begins; nil for nobody.
	Evidence func(done, total int)
}

// DefaultHop is the step between training windows as a share of their length.
// Overlapping windows are shifted copies: on the CWRU corpus the validation
// accuracy of wdcnn rises from 0.94 at a half to 1.00 at a sixteenth.
const DefaultHop = 1.0 / 16

// gammaInit is where batch-norm scales begin when they are to be made sparse.
//
// Reference: Z. Liu et al., Network slimming, ICCV 2017, sec. 4.3.
const gammaInit = 0.5

// goldenCount is how many golden windows a model gets.
const goldenCount = 8

// Train fits a new model on the training parts of the fold. Validation parts
// are scored for the manifest and choose nothing; test parts are not touched.
func (r Recipe) Train(ctx context.Context, fold dataset.Fold) (*models.Model, error) {
	labels := Labels(r.Task, fold.Train)
	if len(labels) < 2 {
		return nil, bearing.Errorf(bearing.Invalid, "too_few_classes", "the training part of split %s, fold %s has %d classes for the labels %q, need at least 2", r.Split.Name, fold.Name, len(labels), r.Task.Name)
	}
	// Evidence of hours of recordings takes minutes. Who no longer wants it does not wait: what is
	// under way is left to end by itself.
	type cut struct {
		sets Sets
		err  error
	}
	done := make(chan cut, 1)
	go func() {
		sets, err := r.Sets(labels, fold)
		done <- cut{sets, err}
	}()
	select {
	case c := <-done:
		if c.err != nil {
			return nil, c.err
		}
		return r.TrainOn(ctx, fold, labels, c.sets)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Sets are the training and validation windows of a fold.
type Sets struct{ Train, Validation Set }

// Sets cuts the training and validation parts of the fold into windows.
func (r Recipe) Sets(labels []models.Label, fold dataset.Fold) (s Sets, err error) {
	if r.Preprocessing.Transform == models.Lines {
		return r.evidenceSets(labels, fold), nil
	}
	hop := r.Hop
	if hop == 0 {
		hop = DefaultHop
	}
	if s.Train, err = Windows(fold.Train, r.Task, labels, r.Preprocessing, hop); err != nil {
		return s, err
	}
	s.Validation, err = Windows(fold.Validation, r.Task, labels, r.Preprocessing, 1)
	return s, err
}

// TrainOn is Train on windows that Sets has cut from the fold for those labels.
func (r Recipe) TrainOn(ctx context.Context, fold dataset.Fold, labels []models.Label, sets Sets) (*models.Model, error) {
	if err := models.CheckSpec(r.Spec, r.Preprocessing, len(labels)); err != nil {
		return nil, bearing.Errorf(bearing.Invalid, "spec_invalid", "%d classes: %v", len(labels), err)
	}
	net, err := nn.New(r.Spec, len(labels), rand.New(rand.NewPCG(r.Fit.Seed, 0x5eed)))
	if err != nil {
		return nil, err
	}
	lambda := r.Fit.Lambda(sets.Train.Len())
	if lambda > 0 {
		for _, p := range net.Params() {
			if p.Role == nn.Gamma {
				for i := range p.W {
					p.W[i] = gammaInit
				}
			}
		}
	}
	m := &models.Model{Net: net, Manifest: models.Manifest{
		Name: r.Spec.Name, Version: "1", Spec: r.Spec, Preprocessing: r.Preprocessing, Labels: labels,
		Training: models.Training{Corpus: r.Corpus, Task: r.Task.Name, Split: r.Split.Name, Fold: fold.Name, Seed: r.Fit.Seed,
			Epochs: r.Fit.withDefaults().Epochs, Sparsity: lambda},
	}}
	if r.Augment.OnlySim {
		m.Training.Corpus = "simulation"
		return m, r.ContinueOn(ctx, m, sets)
	}
	for _, side := range [][]dataset.Part{fold.Train, fold.Validation} {
		for _, p := range side {
			m.Training.Seen = append(m.Training.Seen, models.Seen{Recording: p.Rec.Name, Specimen: p.Rec.Truth.Specimen, From: p.From, To: p.To})
		}
	}
	return m, r.ContinueOn(ctx, m, sets)
}

// ContinueOn trains m further on windows that Sets has cut, in place, and takes new
// golden windows. Pruning fine-tunes by it.
func (r Recipe) ContinueOn(ctx context.Context, m *models.Model, sets Sets) (err error) {
	set := sets.Train
	if m.Training.Validation, err = Fit(ctx, m.Net, set, sets.Validation, r.Fit); err != nil {
		return err
	}
	if m.Preprocessing.Transform == models.Lines {
		m.Domain = models.DomainOf(windows(set.X), reads(m.Spec))
	}
	return m.SetGolden(set.Golden)
}

// Labels returns the classes of the task that the parts hold, in the task's
// order, and after them those of the user's own.
func Labels(task dataset.Task, parts []dataset.Part) []models.Label {
	fault := make(map[string]bearing.Fault)
	for _, p := range parts {
		if name, ok := task.Label(*p.Rec); ok {
			fault[name] = p.Rec.Truth.Fault
		}
	}
	var labels []models.Label
	for _, c := range classes(task, parts) {
		if f, ok := fault[c]; ok {
			labels = append(labels, models.Label{Name: c, Fault: f})
		}
	}
	return labels
}

// classes returns the task's classes, and after them, by name, those of the user's own
// that the parts hold: a condition that is none of bearing.Faults is its own class.
func classes(task dataset.Task, parts []dataset.Part) []string {
	own := make(map[string]bool)
	for _, p := range parts {
		if name, ok := task.Label(*p.Rec); ok && !p.Rec.Truth.Fault.Known() && name == string(p.Rec.Truth.Fault) {
			own[name] = true
		}
	}
	return append(slices.Clone(task.Classes), slices.Sorted(maps.Keys(own))...)
}

// Windows cuts parts into windows, one every hop lengths, and turns them into
// network input by the model's own preprocessing. Parts whose class is not
// among the labels are left out.
func Windows(parts []dataset.Part, task dataset.Task, labels []models.Label, pre models.Preprocessing, hop float64) (Set, error) {
	if !(hop > 0) {
		return Set{}, fmt.Errorf("windows: hop %v must be positive", hop)
	}
	if pre.Transform == models.Lines {
		s, jobs := evidence(parts, task, labels, pre, hop, 0)
		new(tally).fill(s, jobs)
		return s, nil
	}
	type job struct {
		windows   [][]float32
		rate      float64
		first, to int // windows [first, to) of the set
	}
	var s Set
	var jobs []job
	for _, p := range parts {
		name, ok := task.Label(*p.Rec)
		y := slices.IndexFunc(labels, func(l models.Label) bool { return l.Name == name })
		if !ok || y < 0 {
			continue
		}
		n := pre.NativeLength(p.Rec.SampleRate)
		w := dataset.Segments(p, n, max(1, clamp.Count(hop*float64(n))))
		g := slices.Index(s.Names, p.Rec.Name)
		if g < 0 {
			g = len(s.Names)
			s.Names = append(s.Names, p.Rec.Name)
		}
		jobs = append(jobs, job{w, p.Rec.SampleRate, len(s.Y), len(s.Y) + len(w)})
		for range w {
			s.Y = append(s.Y, y)
			s.Group = append(s.Group, g)
		}
	}
	s.X = nn.NewTensor(len(s.Y), pre.InputLength(), 1)
	plain := pre
	plain.Transform = ""
	s.Golden = make([][]float32, min(goldenCount, len(s.Y)))
	goldens := make(map[int]int) // which of them a window is
	for i := range s.Golden {
		goldens[i*(len(s.Y)-1)/max(1, len(s.Golden)-1)] = i
	}
	var wg sync.WaitGroup
	next := make(chan job)
	errs := make([]error, runtime.GOMAXPROCS(0))
	for i := range errs {
		wg.Go(func() {
			for j := range next {
				in, err := pre.NewInput(j.rate)
				raw, err2 := plain.NewInput(j.rate)
				if err = cmp.Or(err, err2); err != nil {
					errs[i] = err
					continue
				}
				for k, w := range j.windows {
					in.Fill(s.X.At(j.first+k), w)
					if g, ok := goldens[j.first+k]; ok {
						s.Golden[g] = make([]float32, pre.Length)
						raw.Fill(s.Golden[g], w)
					}
				}
			}
		})
	}
	for _, j := range jobs {
		next <- j
	}
	close(next)
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return Set{}, err
		}
	}
	return s, nil
}

// Score answers the test parts of a fold with m, window by window without
// overlap, and reports. It refuses with code leaks_training_data if the model
// was trained on any of the samples.
func Score(m *models.Model, split dataset.Split, fold dataset.Fold, task dataset.Task, seed uint64) (Report, error) {
	set, err := Test(m, fold, task)
	if err != nil {
		return Report{}, err
	}
	r := ScoreOn(m, split, fold, set, seed)
	if left := unknown(m, fold, task); len(left) > 0 {
		r.Note = strings.TrimPrefix(r.Note+"; ", "; ") + "not scored, since training had no such class: " + strings.Join(left, ", ")
	}
	return r, nil
}

// unknown returns the classes of the test part that m does not know, in the task's
// order.
func unknown(m *models.Model, fold dataset.Fold, task dataset.Task) []string {
	has := make(map[string]bool)
	for _, p := range fold.Test {
		if name, ok := task.Label(*p.Rec); ok {
			has[name] = !slices.ContainsFunc(m.Labels, func(l models.Label) bool { return l.Name == name })
		}
	}
	return slices.DeleteFunc(classes(task, fold.Test), func(c string) bool { return !has[c] })
}

// Test cuts the test parts of a fold into windows without overlap.
func Test(m *models.Model, fold dataset.Fold, task dataset.Task) (Set, error) {
	for _, p := range fold.Test {
		if err := m.LeakError(p.Rec.Name, p.From, p.To); err != nil {
			return Set{}, err
		}
	}
	set, err := Windows(fold.Test, task, m.Labels, m.Preprocessing, 1)
	if err == nil && set.Len() == 0 {
		err = bearing.Errorf(bearing.Invalid, "nothing_to_score", "split %s, fold %s has no test windows of the model's classes", m.Training.Split, fold.Name)
	}
	return set, err
}

// ScoreOn scores the answers of m to windows that Test has cut.
func ScoreOn(m *models.Model, split dataset.Split, fold dataset.Fold, set Set, seed uint64) Report {
	r := NewReport(set, Predict(m.Net.Plan(), set.X), m.Labels)
	r.Spec, r.Split, r.Fold, r.Leaky, r.Note, r.Seed = m.Name, split.Name, fold.Name, split.Leaky, split.Note, seed
	r.locate(fold.Test, m)
	return r
}
