package main

import (
	"time"

	"github.com/spf13/cobra"

	"brinell/dataset"
	"brinell/internal/diagnose"
	"brinell/internal/report"
	"brinell/models"
	"brinell/models/assess"
	"brinell/models/pretrained"
)

// evaluateAll measures the accuracy table: the outer folds of selection, the runs to
// failure and the shipped weights on rigs that nothing was chosen on.
func evaluateAll(cmd *cobra.Command, dir, cells string, seeds int, path string, asJSON bool) error {
	start := time.Now()
	m, err := pretrained.Open("")
	if err != nil {
		return err
	}
	l, o, err := outer(cmd, dir, cells, seeds)
	if err != nil {
		return err
	}
	a := report.Accuracy{Outer: o, Figures: o.Figures(), Model: m.Manifest, Seeds: seeds}
	if a.Runs, err = runReports(cmd, dir, m, diagnose.Mahalanobis); err != nil {
		return err
	}
	if a.Coder, err = runReports(cmd, dir, m, diagnose.Autoencoder); err != nil {
		return err
	}
	linear, err := l.Linear()
	if err != nil {
		return err
	}
	a.Rows = assess.Rows(o, linear, a.Runs)
	if a.Figures.Noise, err = l.Noise(m); err != nil {
		return err
	}
	fan, mfpt, err := l.Fan(m)
	if err != nil {
		return err
	}
	a.Fan, a.MFPT = assess.Recalls(fan, assess.ByTop), assess.Recalls(mfpt, assess.ByTop)
	a.Seconds = time.Since(start).Seconds()
	if path != "" {
		if err := a.Write(path, revision()); err != nil {
			return err
		}
	}
	if asJSON {
		return writeJSON(cmd.OutOrStdout(), a)
	}
	a.Print(cmd.OutOrStdout())
	return nil
}

func runReports(cmd *cobra.Command, dir string, m *models.Model, method diagnose.Method) (out []*assess.RunReport, err error) {
	for _, c := range []struct {
		corpus   string
		channels []string
	}{{"ims", []string{""}}, {"femto", []string{"", "6"}}} {
		src, err := dataset.OpenDir(dir, c.corpus)
		if err != nil {
			return nil, err
		}
		for _, run := range src.Runs() {
			for _, ch := range c.channels {
				p := newProgress(cmd.ErrOrStderr(), run.Specimen, "snapshots")
				r, err := assess.RunToFailure(cmd.Context(), m, method, src, run, ch, func(done, of int) { p.set(done, of, "") })
				p.finish()
				if err != nil {
					return nil, err
				}
				out = append(out, r)
			}
		}
	}
	return out, nil
}
