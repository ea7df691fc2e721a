package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"brinell/internal/files"
	"brinell/internal/report"
	"brinell/internal/settings"
	"brinell/models"
	"brinell/models/train"
)

func evaluateCommand() *cobra.Command {
	var (
		d          dataFlags
		fit        fitFlags
		spec, plot string
		seeds      int
		asJSON     bool
		all        bool
		cells      string
		reportPath string
	)
	cmd := &cobra.Command{
		Use:   "evaluate [MODEL] --data DIR",
		Short: "Score a model file on what it has not seen, or a recipe by training it afresh per fold",
		Long: `Score a model file on recordings and stretches of time that are absent from its
training list, or, with --spec, train afresh on each fold of a split and score
that. The first speaks for the weights in the file, the second for the recipe.
A model file is never scored on what it was trained on: code leaks_training_data.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if all {
				if len(args) > 0 || spec != "" || d.dir == "" {
					return settings.Usagef("--all takes --data and no model file")
				}
				if !cmd.Flags().Changed("seeds") {
					seeds = 3
				}
				return evaluateAll(cmd, d.dir, cells, seeds, reportPath, asJSON)
			}
			if err := checkPicture("plot", plot); err != nil {
				return err
			}
			if (len(args) == 1) == (spec != "") {
				return settings.Usagef("name either a model file or --spec")
			}
			var reports []train.Report
			var err error
			if len(args) == 1 {
				reports, err = evaluateModel(cmd, args[0], d)
			} else {
				reports, err = evaluateRecipe(cmd, spec, d, fit, seeds)
			}
			if err != nil {
				return err
			}
			if plot != "" {
				if err := report.PlotConfusion(plot, reports); err != nil {
					return err
				}
			}
			if asJSON {
				return writeJSON(cmd.OutOrStdout(), struct {
					Reports []train.Report `json:"reports"`
					Summary report.Summary `json:"summary"`
				}{reports, report.Summarise(reports)})
			}
			for _, r := range reports {
				r.Print(cmd.OutOrStdout())
				fmt.Fprintln(cmd.OutOrStdout())
			}
			report.Summarise(reports).Print(cmd.OutOrStdout())
			return nil
		},
	}
	d.addOfModel(cmd.Flags())
	fit.add(cmd)
	cmd.Flags().StringVar(&spec, "spec", "", "train this architecture afresh on each fold")
	cmd.Flags().IntVar(&seeds, "seeds", 1, "with --spec: train with that many seeds, from --seed on")
	cmd.Flags().BoolVar(&all, "all", false, "measure the accuracy table: bearings, ends, sensors and rigs never seen, runs to failure, calibration")
	cmd.Flags().StringVar(&cells, "cells", "", "with --all: directory of finished cells, from which a run that was cut off goes on")
	cmd.Flags().StringVar(&reportPath, "report", "", "with --all: Markdown file to write the table to, pictures beside it")
	cmd.Flags().StringVar(&plot, "plot", "", "draw the confusion matrices to this PNG or SVG file")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the result as JSON")
	return cmd
}

func evaluateModel(cmd *cobra.Command, path string, d dataFlags) ([]train.Report, error) {
	m, err := models.Open(path)
	if err != nil {
		return nil, files.About(path, err)
	}
	d.fill(m.Training)
	data, err := d.load(cmd.Context(), cmd.ErrOrStderr(), m.Preprocessing)
	if err != nil {
		return nil, err
	}
	var reports []train.Report
	for _, f := range data.folds {
		r, err := train.Score(m, data.split, f, data.task, m.Training.Seed)
		if err != nil {
			return nil, err
		}
		reports = append(reports, r)
	}
	return reports, nil
}

func evaluateRecipe(cmd *cobra.Command, spec string, d dataFlags, fit fitFlags, seeds int) ([]train.Report, error) {
	s, pre, err := openSpec(spec)
	if err != nil {
		return nil, settings.Usage(err)
	}
	if seeds < 1 {
		return nil, settings.Usagef("--seeds must be positive")
	}
	data, err := d.load(cmd.Context(), cmd.ErrOrStderr(), pre)
	if err != nil {
		return nil, err
	}
	var reports []train.Report
	for i := range seeds {
		seed := d.seed + uint64(i)
		cfg, err := fit.config(seed)
		if err != nil {
			return nil, err
		}
		for _, f := range data.folds {
			recipe := train.Recipe{Spec: s, Corpus: data.corpus, Task: data.task, Split: data.split, Preprocessing: pre, Fit: cfg,
				Evidence: showEvidence(cmd.ErrOrStderr())}
			var done func()
			recipe.Fit.Progress, done = showFit(cmd.ErrOrStderr(), fmt.Sprintf("%s, fold %s, seed %d", spec, f.Name, seed))
			m, err := recipe.Train(cmd.Context(), f)
			done()
			if err != nil {
				return nil, err
			}
			r, err := train.Score(m, data.split, f, data.task, seed)
			if err != nil {
				return nil, err
			}
			reports = append(reports, r)
		}
	}
	return reports, nil
}
