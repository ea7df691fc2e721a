package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"brinell/bearing"
	"brinell/dataset"
	"brinell/internal/files"
	"brinell/internal/service"
	"brinell/internal/settings"
	"brinell/models"
	"brinell/models/input"
	"brinell/models/learn/network"
)

// dataFlags say which recordings, and how they are divided.
type dataFlags struct {
	dir, corpus, split, fold, labels string
	bearings                         string
	seed                             uint64
}

func (d *dataFlags) add(f *pflag.FlagSet) { d.addFor(f, "") }

// addOfModel is add for commands that take a model: what it was trained on is the default.
func (d *dataFlags) addOfModel(f *pflag.FlagSet) { d.addFor(f, "that of the model's training, else ") }

func (d *dataFlags) addFor(f *pflag.FlagSet, first string) {
	f.StringVar(&d.dir, "data", "", "directory of the corpus: its files or its zips (BRINELL_DATA)")
	f.StringVar(&d.corpus, "corpus", "", "corpus: cwru, mfpt, ims, femto, or own for a directory with a manifest.csv (default "+first+"cwru)")
	f.StringVar(&d.split, "split", "", "split: bearing, end, sensor, cross, load, time or random-leaky (default "+first+"time)")
	f.StringVar(&d.fold, "fold", "", "fold of the split (default all where that makes sense, else the first)")
	f.StringVar(&d.labels, "labels", "", "labels: fault, or fault+size (default "+first+"fault)")
	f.Uint64Var(&d.seed, "seed", 1, "seed of everything random")
	service.AddBearings(f, &d.bearings)
}

// fill takes what the flags leave open from the provenance of a model.
func (d *dataFlags) fill(t models.Training) {
	def := func(s *string, v string) {
		if *s == "" {
			*s = v
		}
	}
	def(&d.corpus, t.Corpus)
	if d.split == "" || d.split == t.Split {
		def(&d.fold, t.Fold)
	}
	def(&d.split, t.Split)
	def(&d.labels, t.Task)
}

// data is a divided corpus.
type data struct {
	corpus string
	task   dataset.Task
	split  dataset.Split
	folds  []dataset.Fold
}

// load reads the corpus and divides it. pre says how long a window is.
func (d dataFlags) load(ctx context.Context, w io.Writer, pre input.Preprocessing) (data, error) {
	d.fill(models.Training{Corpus: "cwru", Split: "time", Task: "fault"})
	if d.dir == "" {
		return data{}, settings.Usagef("--data is missing: name the directory that holds the %s files or zips", d.corpus)
	}
	task, err := dataset.TaskNamed(d.labels)
	if err != nil {
		return data{}, settings.Usage(err)
	}
	split, err := dataset.SplitNamed(d.split)
	if err != nil {
		return data{}, settings.Usage(err)
	}
	if c, err := dataset.Named(d.corpus); err == nil {
		if err := labelled(d.corpus, c.Entries); err != nil {
			return data{}, err
		}
	}
	cat, err := service.OpenCatalogue(d.bearings)
	if err != nil {
		return data{}, err
	}
	recs, err := readRecordings(ctx, w, d.dir, d.corpus, cat, split.Name == "sensor")
	if err != nil {
		return data{}, err
	}
	if split.Name == "cross" {
		other := "mfpt"
		if d.corpus == other {
			other = "cwru"
		}
		more, err := readRecordings(ctx, w, d.dir, other, cat, false)
		if err != nil {
			return data{}, err
		}
		recs = append(recs, more...)
	}
	split = split.WithWindow(pre.Length, pre.SampleRate)
	folds, err := split.Folds(task.Select(recs), d.seed)
	if err != nil {
		return data{}, err
	}
	if d.fold != "" {
		if folds, err = foldNamed(folds, d.fold); err != nil {
			return data{}, err
		}
	}
	return data{d.corpus, task, split, folds}, nil
}

// labelled refuses a corpus that states no fault for any recording, before one is read.
func labelled(corpus string, entries []dataset.Entry) error {
	if slices.ContainsFunc(entries, func(e dataset.Entry) bool { return e.Fault != "" && !e.Exclude }) {
		return nil
	}
	return bearing.Errorf(bearing.Invalid, "corpus_unlabelled",
		"corpus %s states no fault for any of its recordings, so there is nothing to learn or to score: use cwru or mfpt, or label recordings of your own in a manifest.csv (brinell dataset export writes one)", corpus)
}

func foldNamed(folds []dataset.Fold, name string) ([]dataset.Fold, error) {
	var names []string
	for _, f := range folds {
		if f.Name == name {
			return []dataset.Fold{f}, nil
		}
		names = append(names, f.Name)
	}
	return nil, settings.Usagef("fold %q is not one of this split's: %s", name, strings.Join(names, ", "))
}

// knownBearings refuses a corpus that names a bearing which the catalogue does not have, before
// a recording is read: its lines would not be looked for, and its windows be left out.
func knownBearings(entries []dataset.Entry, cat *bearing.Catalogue) error {
	for _, e := range entries {
		if _, ok := bearing.Fitted(cat.Lookup, e.Bearing); e.Bearing != "" && !ok {
			return files.About(e.File, bearing.Unknown(bearing.Invalid, cat.Lookup, e.Bearing, "state its geometry or its orders in a file with --bearings, or leave the cell empty"))
		}
	}
	return nil
}

// readRecordings reads the primary channel of every entry of the corpus that
// may be trained on or scored, and with far that of the other end's sensor.
func readRecordings(ctx context.Context, w io.Writer, dir, corpus string, cat *bearing.Catalogue, far bool) ([]bearing.Recording, error) {
	src, err := dataset.OpenDir(dir, corpus)
	if err != nil {
		return nil, err
	}
	p := newProgress(w, "reading "+corpus, "files")
	defer p.finish()
	entries := src.Entries()
	if err := labelled(corpus, entries); err != nil {
		return nil, err
	}
	if err := knownBearings(entries, cat); err != nil {
		return nil, err
	}
	var recs []bearing.Recording
	for i, e := range entries {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if !e.Exclude {
			r, err := src.Read(e)
			if err != nil {
				return nil, files.About(e.File, err)
			}
			recs = append(recs, r)
			if o, ok := e.Other("FE"); far && ok && e.Channel == "DE" {
				if r, err = src.Read(o); err != nil {
					return nil, files.About(o.File, err)
				}
				recs = append(recs, r)
			}
		}
		p.set(i+1, len(entries), e.File)
	}
	for i := range recs {
		if b, ok := cat.Lookup(recs[i].Bearing); ok && !b.BuiltIn {
			recs[i].Fitted = b.Orders()
		}
	}
	if len(recs) == 0 {
		return nil, fmt.Errorf("%s holds no recordings of corpus %s: see 'brinell dataset list --corpus %s'", dir, corpus, corpus)
	}
	return recs, nil
}

// showEvidence returns a function that shows how much evidence is computed, which takes minutes
// before a fit begins. It ends with the last of it: who gives up leaves what is under way alone.
func showEvidence(w io.Writer) func(done, total int) {
	p := newProgress(w, "computing evidence", "windows")
	return func(done, total int) {
		p.set(done, total, "")
		if done == total {
			p.finish()
		}
	}
}

// showFit returns a progress function for a fit, and what ends it.
func showFit(w io.Writer, title string) (func(network.Progress), func()) {
	p := newProgress(w, title, "steps")
	return func(t network.Progress) {
		note := fmt.Sprintf("epoch %d/%d loss %.4f", t.Epoch, t.Epochs, t.Loss)
		if t.Held > 0 {
			note += fmt.Sprintf(" validation %.4f", t.Validation)
		}
		p.set(t.Step, t.Steps, note)
	}, p.finish
}
