package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"brinell/dataset"
	"brinell/internal/files"
	"brinell/internal/settings"
	"brinell/models"
	"brinell/models/assess"
)

func calibrateCommand() *cobra.Command {
	var (
		d      dataFlags
		out    string
		asJSON bool
	)
	cmd := &cobra.Command{
		Use:   "calibrate MODEL --data DIR --out FILE",
		Short: "Fit a model's probabilities to bearings that it has not seen, and save both",
		Long: `Fit the calibration of a model's verdicts: how much the network and the envelope each
count, how readily a bearing is normal, and the threshold of prediction sets. It is
fitted to the verdicts on the test parts of a split, by default on bearings that training
left out: those of the model's own fold, or of all folds where it was trained on something
else. The model file has it, with the corpus, the split and the bearings; weights stay as
they are, the digest changes. What was part of training is refused: leaks_training_data.
Train with --split bearing to have bearings left to calibrate on.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if out == "" {
				return settings.Usagef("--out is missing: name the model file to write")
			}
			m, err := models.Open(args[0])
			if err != nil {
				return files.About(args[0], err)
			}
			if d.split == "" {
				d.split = "bearing"
			}
			d.fill(m.Training)
			data, err := d.load(cmd.Context(), cmd.ErrOrStderr(), m.Preprocessing)
			if err != nil {
				return err
			}
			c, err := assess.CalibrateOn(m, testParts(data.folds))
			if err != nil {
				return err
			}
			c.Fit.Corpus, c.Fit.Split, c.Fit.Fold = data.corpus, data.split.Name, d.fold
			m.Calibration = &c
			if err := m.Save(out); err != nil {
				return err
			}
			if asJSON {
				return writeJSON(cmd.OutOrStdout(), struct {
					File        string              `json:"file"`
					Digest      string              `json:"digest"`
					Calibration *models.Calibration `json:"calibration"`
				}{out, m.Digest, &c})
			}
			w := cmd.OutOrStdout()
			fmt.Fprintf(w, "calibrated on %d bearings in %d groups of %g s, %d of which training saw at another time\n", c.Bearings, c.Fit.Groups, assess.GroupSeconds, c.Fit.Seen)
			fmt.Fprintf(w, "network counts %.3g, envelope %.3g, bias of normal %.3g; ECE %.3f on the same answers\n", c.Network, c.Envelope, c.Bias[0], c.ECE)
			fmt.Fprintf(w, "prediction sets leave the true condition out at a rate of %.3g at most\n", c.Alpha)
			fmt.Fprintf(w, "saved %s (digest %s)\n", out, m.Digest[:12])
			return nil
		},
	}
	d.addOfModel(cmd.Flags())
	split := cmd.Flags().Lookup("split")
	split.Usage, _, _ = strings.Cut(split.Usage, " (default")
	split.Usage += " (default bearing)"
	cmd.Flags().Lookup("split").Usage = "split whose test parts are calibrated on: bearing, end, sensor, cross, load, time or random-leaky (default bearing)"
	cmd.Flags().StringVar(&out, "out", "", "model file to write")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the result as JSON")
	return cmd
}

// testParts returns what the folds test on, each part once: healthy ones are in several.
func testParts(folds []dataset.Fold) (parts []dataset.Part) {
	for _, f := range folds {
		for _, p := range f.Test {
			if !slices.Contains(parts, p) {
				parts = append(parts, p)
			}
		}
	}
	return parts
}
