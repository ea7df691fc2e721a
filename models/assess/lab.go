package assess

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"brinell/bearing"
	"brinell/dataset"
	"brinell/internal/files"
	"brinell/models"
	"brinell/models/learn/network"
	"brinell/models/train"
)

// Recipe is one candidate: what the network reads, and what it trains on.
type Recipe struct {
	Name    string             `json:"name"`
	Spec    string             `json:"spec"`
	Augment train.Augmentation `json:"augment"`
	Hop     float64            `json:"hop,omitempty"`
	Epochs  int                `json:"epochs"`
	LR      float64            `json:"lr"`
}

// Candidates are the recipes that selection chooses from.
var Candidates = []Recipe{
	{Name: "lines, simulated and real", Spec: "lines", Augment: train.Augmentation{Simulated: 8000, Noisy: 2}, Epochs: 12, LR: 0.005},
	{Name: "lines, simulated only", Spec: "lines", Augment: train.Augmentation{Simulated: 8000, OnlySim: true}, Epochs: 12, LR: 0.005},
	{Name: "lines, real only", Spec: "lines", Augment: train.Augmentation{Simulated: -1, Noisy: 2}, Epochs: 20, LR: 0.005},
	{Name: "few lines, simulated and real", Spec: "lines-few", Augment: train.Augmentation{Simulated: 8000, Noisy: 2}, Epochs: 12, LR: 0.005},
	{Name: "few lines, simulated only", Spec: "lines-few", Augment: train.Augmentation{Simulated: 8000, OnlySim: true}, Epochs: 12, LR: 0.005},
	{Name: "all lines, simulated and real", Spec: "lines-all", Augment: train.Augmentation{Simulated: 8000, Noisy: 2}, Epochs: 12, LR: 0.005},
	{Name: "waveform", Spec: "wdcnn-s8", Hop: 0.25, Epochs: 6, LR: 0.01},
	{Name: "log spectrum", Spec: "mlp-spectrum", Hop: 0.25, Epochs: 6, LR: 0.01},
}

// evidence reports whether the recipe's network reads evidence.
func (r Recipe) evidence() bool {
	spec, err := models.SpecNamed(r.Spec)
	return err == nil && models.PreprocessingOf(spec).Representation().Machine
}

// Lab holds the recordings and what has been finished, so that a run that was killed
// goes on where it was.
type Lab struct {
	Dir      string // of finished cells, "" to keep none
	Progress func(what string)

	DE, FE, Normal, Sensor []bearing.Recording // CWRU: faults at both ends, healthy, and the fan-end sensor of drive-end faults
	MFPT                   []bearing.Recording

	task   dataset.Task
	labels []models.Label
	sim    map[int]*train.Simulation
}

// NewLab reads the recordings in dir.
func NewLab(dir, cells string) (*Lab, error) {
	l := &Lab{Dir: cells, Progress: func(string) {}, sim: map[int]*train.Simulation{}}
	src, err := dataset.OpenDir(dir, "cwru")
	if err != nil {
		return nil, err
	}
	for _, e := range src.Entries() {
		if e.Exclude {
			continue
		}
		r, err := src.Read(e)
		if err != nil {
			return nil, err
		}
		switch {
		case e.Fault == bearing.Normal:
			l.Normal = append(l.Normal, r)
		case strings.HasPrefix(e.Specimen, "FE/"):
			l.FE = append(l.FE, r)
		default:
			l.DE = append(l.DE, r)
			if o, ok := e.Other("FE"); ok {
				if r, err = src.Read(o); err != nil {
					return nil, err
				}
				l.Sensor = append(l.Sensor, r)
			}
		}
	}
	if src, err = dataset.OpenDir(dir, "mfpt"); err != nil {
		return nil, err
	}
	if l.MFPT, err = src.Recordings(nil); err != nil {
		return nil, err
	}
	l.task, err = dataset.TaskNamed("fault")
	for _, f := range bearing.Faults {
		l.labels = append(l.labels, models.Label{Name: string(f), Fault: f})
	}
	return l, err
}

// whole returns recordings as parts, those that keep accepts.
func whole(recs []bearing.Recording, keep func(*bearing.Recording) bool) (parts []dataset.Part) {
	for i := range recs {
		if keep == nil || keep(&recs[i]) {
			parts = append(parts, dataset.Part{Rec: &recs[i], To: len(recs[i].Samples)})
		}
	}
	return parts
}

// size accepts recordings of bearings of those sizes.
func size(mils ...int) func(*bearing.Recording) bool {
	return func(r *bearing.Recording) bool { return slices.Contains(mils, r.Truth.SizeMil) }
}

// standard accepts also what counts in tables: not an outer race at 3 or 12 o'clock.
func standard(keep func(*bearing.Recording) bool) func(*bearing.Recording) bool {
	return func(r *bearing.Recording) bool {
		return keep(r) && (r.Truth.Position == "" || r.Truth.Position == "6")
	}
}

// healthy returns the healthy parts for training, the first half of each record, and
// for the test, the last two fifths.
func (l *Lab) healthy() (training, test []dataset.Part) {
	for i := range l.Normal {
		r := &l.Normal[i]
		n := len(r.Samples)
		training = append(training, dataset.Part{Rec: r, To: n / 2})
		test = append(test, dataset.Part{Rec: r, From: n * 6 / 10, To: n})
	}
	return training, test
}

// Train fits a recipe to faulty parts and the healthy ones.
func (l *Lab) Train(ctx context.Context, r Recipe, parts []dataset.Part, seed uint64) (*models.Model, error) {
	recipe, fold, sets, err := l.prepare(r, parts, seed)
	if err != nil {
		return nil, err
	}
	return recipe.TrainOn(ctx, fold, l.labels, sets)
}

// prepare cuts the windows that a recipe trains on.
func (l *Lab) prepare(r Recipe, parts []dataset.Part, seed uint64) (recipe train.Recipe, fold dataset.Fold, sets train.Sets, err error) {
	spec, err := models.SpecNamed(r.Spec)
	if err != nil {
		return recipe, fold, sets, err
	}
	normal, _ := l.healthy()
	fold = dataset.Fold{Name: "assess", Train: append(slices.Clone(parts), normal...)}
	recipe = train.Recipe{Spec: spec, Corpus: "cwru", Task: l.task, Split: dataset.Split{Name: "assess"}, Preprocessing: models.PreprocessingOf(spec),
		Hop: r.Hop, Augment: r.Augment, Fit: network.Config{Epochs: r.Epochs, Seed: seed, LR: r.LR, WeightDecay: 1e-4}}
	if !r.evidence() {
		sets, err = recipe.Sets(l.labels, fold)
		return recipe, fold, sets, err
	}
	recipe.Fit.Batch = 128
	var sim *train.Simulation
	if n := r.Augment.Simulated; n > 0 {
		s, ok := l.sim[n]
		if !ok {
			l.Progress(fmt.Sprintf("simulating %d windows", n*len(l.labels)))
			s = train.Simulated(l.labels, n, 1)
			l.sim[n] = s
		}
		sim = s
	}
	return recipe, fold, recipe.EvidenceSets(l.labels, fold, sim), nil
}

// cell trains a recipe on parts and judges others, or reads what a run before found.
func (l *Lab) cell(ctx context.Context, r Recipe, seed uint64, training, test []dataset.Part, c *models.Calibration) ([]Answer, error) {
	path := ""
	if l.Dir != "" {
		names := func(ps []dataset.Part) (out []string) {
			for _, p := range ps {
				out = append(out, fmt.Sprintf("%s %d %d", p.Rec.Name, p.From, p.To))
			}
			return out
		}
		version := cellVersion
		if c != nil {
			version += 1000 * verdictVersion
		}
		b, err := json.Marshal([]any{version, r, seed, names(training), names(test), c})
		if err != nil {
			return nil, err
		}
		h := sha256.Sum256(b)
		path = filepath.Join(l.Dir, hex.EncodeToString(h[:12])+".json")
		if b, err := os.ReadFile(path); err == nil {
			var out []Answer
			if json.Unmarshal(b, &out) == nil {
				return out, nil
			}
		} else if !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	m, err := l.Train(ctx, r, training, seed)
	if err != nil {
		return nil, err
	}
	m.Calibration = c
	out, err := JudgeAll(m, test)
	if err != nil || path == "" {
		return out, err
	}
	b, err := json.Marshal(out)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(l.Dir, 0o755); err != nil {
		return nil, err
	}
	return out, files.Replace(path, b, nil)
}

// cellVersion rises when the evidence in cells of before would be another one,
// verdictVersion when only the verdicts would.
const (
	cellVersion    = 4
	verdictVersion = 8
)
