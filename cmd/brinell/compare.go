package main

import (
	"cmp"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"brinell/internal/report"
	"brinell/internal/settings"
	"brinell/models"
	"brinell/models/prune"
	"brinell/models/train"
)

// comparison is one row of the table that --method all fills for each seed.
type comparison struct {
	name     string
	settings prune.Settings
	scratch  bool // train the same narrow shape afresh beside it
}

// comparisons returns the rows for a spec.
func comparisons(spec string) []comparison {
	ns := func(name string, s prune.Settings, scratch bool) comparison {
		s.Method = prune.NetworkSlimming
		return comparison{name, s, scratch}
	}
	rows := []comparison{
		ns("50 % of channels", prune.Settings{Ratio: 0.5}, false),
		ns("70 %", prune.Settings{Ratio: 0.7}, false),
		ns("80 %", prune.Settings{Ratio: 0.8}, false),
		ns("90 %", prune.Settings{Ratio: 0.9}, false),
		ns("95 %", prune.Settings{Ratio: 0.95}, true),
	}
	switch spec {
	case "wdcnn-s8":
		rows = append(rows,
			ns("multi-pass, 98 % / 94 %", prune.Settings{TargetParams: 1725, TargetMACs: 89639, Passes: 4, Epochs: 4}, true),
			ns("multi-pass, as small as 95 % of channels", prune.Settings{TargetParams: 850, Passes: 8, Epochs: 4}, true))
	case "wdcnn-s8x4":
		// The other methods take a quarter of an hour a seed here and show what they
		// show on the network of a quarter of its width.
		return append(rows, ns("multi-pass, 99.6 % / 99.4 %", prune.Settings{TargetParams: 5386, TargetMACs: 124476, Passes: 6, Epochs: 3}, true))
	case "wdcnn":
		rows = append(rows, ns("multi-pass, 97 % / 90 %", prune.Settings{TargetParams: 1635, TargetMACs: 71652, Passes: 4, Epochs: 4}, true))
	}
	return append(rows,
		comparison{"90 % of weights, winners", prune.Settings{Method: prune.Integral, Share: 0.9, Epochs: 3}, false},
		comparison{"low: groups of weights, 90 %", prune.Settings{Method: prune.Scalpel, Target: prune.LowParallelism}, false},
		comparison{"moderate: nodes of convolutions, groups of dense", prune.Settings{Method: prune.Scalpel, Target: prune.ModerateParallelism}, false},
		comparison{"high: nodes", prune.Settings{Method: prune.Scalpel, Target: prune.HighParallelism}, false},
		comparison{"host", prune.Settings{Method: prune.Scalpel, Target: prune.Host}, false},
		comparison{"90 % of weights", prune.Settings{Method: prune.MagnitudePrune, Share: 0.9}, false})
}

// compare runs every method on a spec, over seeds and folds, and writes the report.
func (f *slimFlags) compare(cmd *cobra.Command) error {
	spec, pre, err := openSpec(cmp.Or(f.spec, "wdcnn-s8"))
	if err != nil {
		return settings.Usage(err)
	}
	d, err := f.data.load(cmd.Context(), cmd.ErrOrStderr(), pre)
	if err != nil {
		return err
	}
	start := time.Now()
	r := prune.Report{Corpus: d.corpus, Task: d.task.Name, Split: d.split.Name, Noise: f.noise}
	for _, fold := range d.folds {
		base := train.Recipe{Spec: spec, Corpus: d.corpus, Task: d.task, Split: d.split, Preprocessing: pre}
		j, err := newJob(base, fold, train.Labels(d.task, fold.Train), f.checkpoints)
		if err != nil {
			return err
		}
		j.Progress = stageProgress(cmd.ErrOrStderr())
		for seed := range f.seeds {
			if j.Recipe.Fit, err = f.fit.config(f.data.seed + uint64(seed)); err != nil {
				return err
			}
			j.Recipe.Fit.Budget, j.Recipe.Fit.Sparsity = 0, 0 // the dense parent has no L1 term
			rows, err := f.rows(cmd, j)
			if err != nil {
				return err
			}
			r.Rows = append(r.Rows, rows...)
			fmt.Fprintf(cmd.ErrOrStderr(), "fold %s, seed %d done after %s\n", fold.Name, j.Recipe.Fit.Seed, duration(time.Since(start)))
		}
	}
	r.Time()
	if err := report.SaveComparison(f.report, r); err != nil {
		return err
	}
	if f.json {
		return writeJSON(cmd.OutOrStdout(), r)
	}
	report.PrintComparison(cmd.OutOrStdout(), r)
	fmt.Fprintf(cmd.OutOrStdout(), "%s in all; report in %s\n", duration(time.Since(start)), f.report)
	return nil
}

// rows trains the dense and the sparse parent and prunes them in every way.
func (f *slimFlags) rows(cmd *cobra.Command, j prune.Job) ([]prune.Row, error) {
	ctx := cmd.Context()
	sparse := j
	sparse.Recipe.Fit.Budget = prune.Settings{Method: prune.NetworkSlimming, Budget: f.settings.Budget}.Fill().Budget
	dense, err := j.Train(ctx)
	if err != nil {
		return nil, err
	}
	tests, err := testsOf(dense, j, f.noise)
	if err != nil {
		return nil, err
	}
	first, err := prune.NewRow(dense, tests, nil)
	if err != nil {
		return nil, err
	}
	first.Method, first.Name = "dense", "as trained"
	rows := []prune.Row{first}
	add := func(m *models.Model, method, name string, s prune.Settings) error {
		r, err := prune.NewRow(m, tests, &first)
		r.Method, r.Name, r.Settings, r.Spec = method, name, s, first.Spec
		rows = append(rows, r)
		return err
	}
	parent := dense
	if len(prune.Gates(dense.Network())) > 0 {
		if parent, err = sparse.Train(ctx); err != nil {
			return nil, err
		}
		if err := add(parent, "sparse", "trained with the L1 term", prune.Settings{}); err != nil {
			return nil, err
		}
	}
	for _, c := range comparisons(first.Spec) {
		from := dense
		if c.settings.Method == prune.NetworkSlimming {
			from = parent
		}
		m, err := j.Prune(ctx, from, c.settings)
		if err != nil {
			return nil, fmt.Errorf("%s, %s: %w", c.settings.Method, c.name, err)
		}
		if err := add(m, c.settings.Method, c.name, c.settings.Fill()); err != nil {
			return nil, err
		}
		if !c.scratch {
			continue
		}
		again := j
		again.Recipe.Spec = m.Spec
		if m, err = again.Train(ctx); err != nil {
			return nil, err
		}
		if err := add(m, "from scratch", c.name, prune.Settings{}); err != nil {
			return nil, err
		}
	}
	return rows, nil
}
