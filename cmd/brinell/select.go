package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"brinell/internal/report"
	"brinell/internal/settings"
	"brinell/models/assess"
)

func selectCommand() *cobra.Command {
	var (
		dir, cells, out, name string
		seeds                 int
		asJSON                bool
	)
	cmd := &cobra.Command{
		Use:   "select --data DIR --out FILE",
		Short: "Choose the recipe of the default model by nested folds, train and slim it",
		Long: `Choose the recipe of the default model. Each outer fold leaves one fault size out and
sees only the two others and simulation: candidates train on one of them and are
judged on the other. The recipe that ships is chosen on all three sizes in the same
way, trained on all drive-end bearings, slimmed, and calibrated on answers about
bearings that training had not seen. A run that was killed goes on from --cells.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if dir == "" || out == "" {
				return settings.Usagef("--data and --out are missing: name the directory of the recordings and the model file to write")
			}
			start := time.Now()
			l, o, err := outer(cmd, dir, cells, seeds)
			if err != nil {
				return err
			}
			wide, m, err := l.Ship(cmd.Context(), o, 1)
			if err != nil {
				return err
			}
			m.Name, m.Version, m.Licence = name, "1", licenceOf("cwru")
			if err := m.Save(out); err != nil {
				return err
			}
			if asJSON {
				return writeJSON(cmd.OutOrStdout(), struct {
					File     string                `json:"file"`
					Folds    map[int]assess.Choice `json:"folds"`
					Shipped  assess.Choice         `json:"shipped"`
					FromFan  assess.Choice         `json:"from_fan_end"`
					Manifest any                   `json:"manifest"`
					Seconds  float64               `json:"seconds"`
				}{out, o.Folds, o.Shipped, o.FromFan, m.Manifest, time.Since(start).Seconds()})
			}
			report.PrintChoices(cmd.OutOrStdout(), o)
			_, before := wide.Counts()
			_, after := m.Counts()
			fmt.Fprintf(cmd.OutOrStdout(), "slimmed from %d to %d parameters, %d to %d multiply-accumulates\n", before.Params, after.Params, before.MACs, after.MACs)
			fmt.Fprintf(cmd.OutOrStdout(), "saved %s (digest %s) after %s\n", out, m.Digest[:12], time.Since(start).Round(time.Second))
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&dir, "data", "", "directory with the recordings of CWRU and MFPT")
	f.StringVar(&cells, "cells", "", "directory of finished cells, from which a run that was cut off goes on")
	f.StringVar(&out, "out", "", "model file to write")
	f.StringVar(&name, "name", "lines-slim", "name of the model")
	f.IntVar(&seeds, "seeds", 3, "seeds")
	f.BoolVar(&asJSON, "json", false, "print the result as JSON")
	return cmd
}

// outer runs selection and the outer folds, and shows how far they are.
func outer(cmd *cobra.Command, dir, cells string, seeds int) (*assess.Lab, *assess.Outer, error) {
	if seeds < 1 {
		return nil, nil, settings.Usagef("--seeds must be positive")
	}
	l, err := assess.NewLab(dir, cells)
	if err != nil {
		return nil, nil, err
	}
	p := newProgress(cmd.ErrOrStderr(), "selecting", "cells")
	defer p.finish()
	l.Progress = func(what string) { p.set(p.done+1, max(l.Cells(seeds), p.done+1), what) }
	o, err := l.Run(cmd.Context(), seeds)
	return l, o, err
}
