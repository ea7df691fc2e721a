package train

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"

	"brinell/bearing"
	"brinell/dataset"
	"brinell/internal/clamp"
	"brinell/models"
	"brinell/models/input"
	"brinell/models/learn"
	"brinell/models/learn/network"
	"brinell/models/nn"
)

// Recipe is everything that turns the training parts of a fold into a model.
type Recipe struct {
	Spec          nn.Spec
	Corpus        string
	Task          dataset.Task
	Split         dataset.Split
	Preprocessing input.Preprocessing
	Hop           float64      // step between training windows as a share of their length, default DefaultHop
	Augment       Augmentation // of networks on evidence
	Fit           network.Config

	// Evidence is told how many pieces of evidence are computed, before the fit of a model on
	// evidence begins; nil for nobody.
	Evidence func(done, total int)
}

// DefaultHop is the step between training windows as a share of their length.
// Overlapping windows are shifted copies: on the CWRU corpus the validation
// accuracy of wdcnn rises from 0.94 at a half to 1.00 at a sixteenth.
const DefaultHop = 1.0 / 16

// goldenCount is how many golden windows a model gets, wholeCount one that reads whole
// windows, which are longer.
const goldenCount, wholeCount = 8, 4

// goldens returns how many golden windows models with that preprocessing get.
func goldens(p input.Preprocessing) int {
	if p.Representation().Whole {
		return wholeCount
	}
	return goldenCount
}

// spread returns which of n windows are golden ones: a few from the first to the last.
func spread(n, count int) (chosen map[int]int) {
	chosen = make(map[int]int)
	for i := range min(count, n) {
		chosen[i*(n-1)/max(1, min(count, n)-1)] = i
	}
	return chosen
}

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

// Sets are the training and validation windows of a fold, and a few of those of training
// as they came, for the model file.
type Sets struct {
	Train, Validation learn.Set
	Golden            []input.Window
}

// Sets cuts the training and validation parts of the fold into windows.
func (r Recipe) Sets(labels []models.Label, fold dataset.Fold) (s Sets, err error) {
	if r.Preprocessing.Representation().Machine {
		return r.EvidenceSets(labels, fold, nil), nil
	}
	hop := r.Hop
	if hop == 0 {
		hop = DefaultHop
	}
	if s.Train, s.Golden, err = windows(fold.Train, r.Task, labels, r.Preprocessing, hop); err != nil {
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
	net, err := network.New(r.Spec, len(labels), sets.Train.Len(), r.Fit)
	if err != nil {
		return nil, err
	}
	m := &models.Model{Estimator: network.Of(net), Manifest: models.Manifest{
		Name: r.Spec.Name, Version: "1", Spec: r.Spec, Preprocessing: r.Preprocessing, Labels: labels,
		Training: models.Training{Corpus: r.Corpus, Task: r.Task.Name, Split: r.Split.Name, Fold: fold.Name, Seed: r.Fit.Seed,
			Epochs: r.Fit.WithDefaults().Epochs, Sparsity: r.Fit.Lambda(sets.Train.Len())},
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
	if m.Training.Validation, err = network.Fit(ctx, m.Network(), set, sets.Validation, r.Fit); err != nil {
		return err
	}
	if m.Preprocessing.Representation().Machine {
		m.Domain = models.DomainOf(rows(set.X), network.Of(m.Network()).Reads)
	}
	return m.SetGolden(sets.Golden)
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
// model input by the model's own preprocessing. Parts whose class is not
// among the labels are left out.
func Windows(parts []dataset.Part, task dataset.Task, labels []models.Label, pre input.Preprocessing, hop float64) (learn.Set, error) {
	set, _, err := windows(parts, task, labels, pre, hop)
	return set, err
}

// windows is Windows, and returns some of them as they came.
func windows(parts []dataset.Part, task dataset.Task, labels []models.Label, pre input.Preprocessing, hop float64) (s learn.Set, golden []input.Window, err error) {
	if !(hop > 0) {
		return s, nil, fmt.Errorf("windows: hop %v must be positive", hop)
	}
	if pre.Representation().Machine {
		s, jobs := evidence(parts, task, labels, pre, hop, 0)
		new(tally).fill(s, jobs)
		return s, jobs.golden(s.Len()), nil
	}
	type job struct {
		windows [][]float32
		rate    float64
		first   int // of the set's windows
	}
	var jobs []job
	for _, p := range parts {
		name, ok := task.Label(*p.Rec)
		y := slices.IndexFunc(labels, func(l models.Label) bool { return l.Name == name })
		if !ok || y < 0 {
			continue
		}
		n := pre.NativeLength(p.Rec.SampleRate)
		w := dataset.Segments(p, n, max(1, clamp.Count(hop*float64(n))))
		jobs = append(jobs, job{w, p.Rec.SampleRate, len(s.Y)})
		add(&s, p.Rec.Name, y, len(w))
	}
	in := pre.Shape()
	s.X = nn.NewTensor(len(s.Y), in.Len(), in.C)
	chosen := spread(s.Len(), goldens(pre))
	golden = make([]input.Window, len(chosen))
	var wg sync.WaitGroup
	next := make(chan job)
	errs := make([]error, runtime.GOMAXPROCS(0))
	for i := range errs {
		wg.Go(func() {
			for j := range next {
				read, err := pre.NewReader(j.rate)
				for k, x := range j.windows {
					if err != nil {
						break
					}
					w := input.Window{Samples: x, Rate: j.rate}
					err = read.Fill(s.X.At(j.first+k), w)
					if g, ok := chosen[j.first+k]; ok {
						w.Samples = slices.Clone(x)
						golden[g] = w
					}
				}
				errs[i] = cmp.Or(errs[i], err)
			}
		})
	}
	for _, j := range jobs {
		next <- j
	}
	close(next)
	wg.Wait()
	return s, golden, cmp.Or(errs...)
}

// add notes n windows of a recording and their class.
func add(s *learn.Set, recording string, y, n int) {
	g := slices.Index(s.Names, recording)
	if g < 0 {
		g = len(s.Names)
		s.Names = append(s.Names, recording)
	}
	for range n {
		s.Y = append(s.Y, y)
		s.Group = append(s.Group, g)
	}
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
func Test(m *models.Model, fold dataset.Fold, task dataset.Task) (learn.Set, error) {
	for _, p := range fold.Test {
		if err := m.LeakError(p.Rec.Name, p.From, p.To); err != nil {
			return learn.Set{}, err
		}
	}
	set, err := Windows(fold.Test, task, m.Labels, m.Preprocessing, 1)
	if err == nil && set.Len() == 0 {
		err = bearing.Errorf(bearing.Invalid, "nothing_to_score", "split %s, fold %s has no test windows of the model's classes", m.Training.Split, fold.Name)
	}
	return set, err
}

// ScoreOn scores the answers of m to windows that Test has cut.
func ScoreOn(m *models.Model, split dataset.Split, fold dataset.Fold, set learn.Set, seed uint64) Report {
	r := NewReport(set, learn.Answers(m.Estimator, len(m.Labels), set.X), m.Labels)
	r.Spec, r.Split, r.Fold, r.Leaky, r.Note, r.Seed = m.Name, split.Name, fold.Name, split.Leaky, split.Note, seed
	r.locate(fold.Test, m)
	return r
}
