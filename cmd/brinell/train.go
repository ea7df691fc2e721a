package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"brinell/dataset"
	"brinell/internal/settings"
	"brinell/models"
	"brinell/models/learn/network"
	"brinell/models/train"
)

// fitFlags are the knobs of a fit.
type fitFlags struct {
	epochs, batch int
	lr, sparsity  float64
	budget        float64
	optimizer     string
	subgradient   bool
}

func (f *fitFlags) add(cmd *cobra.Command) {
	cmd.Flags().IntVar(&f.epochs, "epochs", 6, "passes over the training windows")
	cmd.Flags().IntVar(&f.batch, "batch", 64, "windows per step")
	cmd.Flags().Float64Var(&f.lr, "lr", 0, "peak learning rate (default 0.01 for adam, 0.05 for sgd)")
	cmd.Flags().StringVar(&f.optimizer, "optimizer", "adam", "adam or sgd")
	cmd.Flags().Float64Var(&f.sparsity, "sparsity", 0, "weight of the L1 term on batch-norm scales, so that slimming finds channels to drop")
	cmd.Flags().Float64Var(&f.budget, "l1-budget", 0, "instead of --sparsity: how far that term alone moves a scale in the whole run, 1 takes it from its start to zero")
	cmd.Flags().BoolVar(&f.subgradient, "subgradient", false, "take the L1 term into the gradient instead of the proximal step")
}

func (f fitFlags) config(seed uint64) (network.Config, error) {
	if f.epochs < 1 || f.batch < 2 || f.lr < 0 || f.sparsity < 0 || f.budget < 0 || f.sparsity > 0 && f.budget > 0 {
		return network.Config{}, settings.Usagef("--epochs must be positive, --batch at least 2, --lr, --sparsity and --l1-budget not negative, and of the last two only one given")
	}
	if f.optimizer != "adam" && f.optimizer != "sgd" {
		return network.Config{}, settings.Usagef("--optimizer %q is neither adam nor sgd", f.optimizer)
	}
	return network.Config{Epochs: f.epochs, Batch: f.batch, LR: f.lr, Optimizer: f.optimizer, Sparsity: f.sparsity, Budget: f.budget, Subgradient: f.subgradient, Seed: seed}, nil
}

func trainCommand() *cobra.Command {
	var (
		d                        dataFlags
		fit                      fitFlags
		keep                     runFlags
		spec, out, name, licence string
		asJSON                   bool
	)
	cmd := &cobra.Command{
		Use:   "train --spec NAME --data DIR --out FILE",
		Short: "Train a network on a corpus and save it as a model file",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if out == "" {
				return settings.Usagef("--out is missing: name the model file to write")
			}
			s, pre, err := openSpec(spec)
			if err != nil {
				return settings.Usage(err)
			}
			cfg, err := fit.config(d.seed)
			if err != nil {
				return err
			}
			if err := keep.check(); err != nil {
				return err
			}
			data, err := d.load(cmd.Context(), cmd.ErrOrStderr(), pre)
			if err != nil {
				return err
			}
			fold := data.folds[0]
			recipe := train.Recipe{Spec: s, Corpus: data.corpus, Task: data.task, Split: data.split, Preprocessing: pre, Fit: cfg,
				Evidence: showEvidence(cmd.ErrOrStderr())}
			run, err := keep.begin(runHead{Version: releaseName(), Corpus: data.corpus, Labels: data.task.Name, Split: data.split.Name, Fold: fold.Name}, &recipe.Fit)
			if err != nil {
				return err
			}
			var done func()
			recipe.Fit.Progress, done = showFit(cmd.ErrOrStderr(), "training "+s.Name)
			start := time.Now()
			m, err := recipe.Train(cmd.Context(), fold)
			done()
			if err = errors.Join(run.stopped(err), run.close()); err != nil {
				return err
			}
			if name != "" {
				m.Name = name
			}
			if m.Licence = licence; licence == "" {
				m.Licence = licenceOf(data.corpus)
			}
			report, err := train.Score(m, data.split, fold, data.task, d.seed)
			if err != nil {
				return err
			}
			m.Scores = []models.Score{report.Score()}
			if err := m.Save(out); err != nil {
				return err
			}
			_, count := m.Counts()
			if asJSON {
				return writeJSON(cmd.OutOrStdout(), struct {
					File     string          `json:"file"`
					Manifest models.Manifest `json:"manifest"`
					Params   int             `json:"params"`
					MACs     int             `json:"macs"`
					Seconds  float64         `json:"seconds"`
					Report   train.Report    `json:"report"`
				}{out, m.Manifest, count.Params, count.MACs, time.Since(start).Seconds(), report})
			}
			w := cmd.OutOrStdout()
			report.Print(w)
			fmt.Fprintf(w, "%s; %d parameters, %d multiply-accumulates; trained in %s\n", run.validation(), count.Params, count.MACs, time.Since(start).Round(time.Second))
			fmt.Fprintf(w, "saved %s (digest %s)\n", out, m.Digest[:12])
			return nil
		},
	}
	d.add(cmd.Flags())
	fit.add(cmd)
	keep.add(cmd.Flags())
	cmd.Flags().StringVar(&spec, "spec", "wdcnn", specUsage())
	cmd.Flags().StringVar(&out, "out", "", "model file to write")
	cmd.Flags().StringVar(&name, "name", "", "name of the model (default that of the spec)")
	cmd.Flags().StringVar(&licence, "licence", "", "licence note of the model (default that of the corpus)")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the result as JSON")
	return cmd
}

// licenceOf returns the terms of the data that a model was made from.
func licenceOf(corpus string) string {
	c, err := dataset.Named(corpus)
	if err != nil {
		return "that of the data"
	}
	return "made with " + c.Title + ": " + c.Licence
}
