package main

import (
	"cmp"
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"brinell/models"
	"brinell/models/input"
	"brinell/models/pretrained"
)

func modelCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "model", Short: "Look at model files", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() }}
	cmd.AddCommand(modelShowCommand(), modelCardCommand())
	return cmd
}

func modelShowCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "show [FILE]",
		Short: "Verify a model file and print what it says of itself (default the embedded model)",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			path := ""
			if len(args) == 1 {
				path = args[0]
			}
			m, err := pretrained.Open(path)
			if err != nil {
				return err
			}
			if asJSON {
				return writeJSON(cmd.OutOrStdout(), m.Manifest)
			}
			return printModel(cmd, m)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the manifest as JSON")
	return cmd
}

func printModel(cmd *cobra.Command, m *models.Model) error {
	w := cmd.OutOrStdout()
	layers, total := m.Counts()
	fmt.Fprintf(w, "%s version %s, digest %s\n", m.Name, m.Version, m.Digest)
	fmt.Fprintf(w, "trained on corpus %s, labels %s, split %s, fold %s, seed %d, %d epochs; %d stretches of recordings seen\n",
		m.Training.Corpus, m.Training.Task, m.Training.Split, m.Training.Fold, m.Training.Seed, m.Training.Epochs, len(m.Training.Seen))
	if s := m.Training.Slimming; s != nil {
		fmt.Fprintf(w, "slimmed by %s, %d passes", s.Method, s.Passes)
		if s.Ratio > 0 {
			fmt.Fprintf(w, " of ratio %g", s.Ratio)
		}
		if s.Floor > 0 {
			fmt.Fprintf(w, " with a floor of %d channels", s.Floor)
		}
		if s.Share > 0 {
			fmt.Fprintf(w, ", %g %% of the weights in groups of %d", 100*s.Share, max(1, s.Group))
		}
		fmt.Fprintf(w, " and %d epochs each, from %d parameters\n", s.Epochs, s.Original.Params)
	}
	pre := m.Preprocessing
	fmt.Fprintf(w, "input %d samples at %g Hz, band limit %g Hz, %s", pre.Length, pre.SampleRate, pre.BandLimit, pre.Normalise)
	if r := pre.Representation(); r.Name != input.Waveform {
		fmt.Fprintf(w, ", %s of %d values", r.Name, pre.InputLength())
	}
	fmt.Fprintln(w)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "LAYER\tOPERATION\tOUTPUT\tPARAMETERS\tMULTIPLY-ACCUMULATES")
	for i := range layers {
		s := m.Network().Shapes()[i]
		fmt.Fprintf(t, "%d\t%s\t%v\t%d\t%d\n", i, m.Spec.Layers[i].Op, s, layers[i].Params, layers[i].MACs)
	}
	fmt.Fprintf(t, "all\t\t\t%d\t%d\n", total.Params, total.MACs)
	t.Flush()
	for _, s := range m.Scores {
		fmt.Fprintf(w, "scored on split %s, fold %s: accuracy %.4f, macro-F1 %.4f on %d windows; %d of %d test bearings were seen in training\n",
			s.Split, s.Fold, s.Accuracy, s.MacroF1, s.Windows, s.SpecimensSeen, s.Specimens)
	}
	if c := m.Calibration; c != nil && c.Fitted() {
		fmt.Fprintf(w, "calibrated on %d bearings, prediction sets at %.3g", c.Bearings, c.Alpha)
		if f := c.Fit; f != nil {
			fmt.Fprintf(w, ", corpus %s, split %s, fold %s; %d of them training saw at another time", f.Corpus, f.Split, cmp.Or(f.Fold, "all"), f.Seen)
		}
		fmt.Fprintln(w)
	} else {
		fmt.Fprintln(w, "no calibration: its probabilities are the network's own word, see brinell calibrate")
	}
	fmt.Fprintf(w, "licence: %s\n", m.Licence)
	return nil
}

func modelCardCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "card",
		Short: "Print the model card of the embedded model",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprint(cmd.OutOrStdout(), pretrained.Card)
			return err
		},
	}
}
