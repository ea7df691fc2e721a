package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"brinell/internal/files"
	"brinell/internal/settings"
	"brinell/models"
	"brinell/models/input"
	"brinell/models/nn"
)

// specClasses is for how many classes the cost of an architecture is listed: those of the
// usual ten-class protocol.
const specClasses = 10

func specsCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "specs", Short: "List architectures, and show one as JSON to start from"}
	cmd.AddCommand(specsList(), specsShow())
	return cmd
}

// specRow is an architecture in a list.
type specRow struct {
	Name      string   `json:"name"`
	Input     nn.Shape `json:"input"`
	Transform string   `json:"transform,omitempty"`
	Layers    int      `json:"layers"`
	Params    int      `json:"params"`
	MACs      int      `json:"macs"`
	Reference string   `json:"reference"`
}

func specsList() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the architectures with their cost for ten classes",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var rows []specRow
			for _, s := range models.Zoo {
				_, n := s.Counts(specClasses)
				rows = append(rows, specRow{s.Name, s.Input, models.PreprocessingOf(s).Transform, s.Depth(), n.Params, n.MACs, s.Reference})
			}
			if asJSON {
				return writeJSON(cmd.OutOrStdout(), rows)
			}
			t := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(t, "NAME\tINPUT\tTRANSFORM\tLAYERS\tPARAMETERS\tMACS\tREFERENCE")
			for _, r := range rows {
				fmt.Fprintf(t, "%s\t%v\t%s\t%d\t%d\t%d\t%s\n", r.Name, r.Input, r.Transform, r.Layers, r.Params, r.MACs, r.Reference)
			}
			return t.Flush()
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the result as JSON")
	return cmd
}

func specsShow() *cobra.Command {
	return &cobra.Command{
		Use:   "show NAME|FILE.json",
		Short: "Print an architecture as JSON, which train --spec FILE.json takes; a file is checked first",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, pre, err := openSpec(args[0])
			if err != nil {
				return settings.Usage(err)
			}
			return writeJSON(cmd.OutOrStdout(), models.SpecFile{Spec: s, Transform: pre.Transform})
		},
	}
}

// specUsage says what a flag for an architecture takes.
func specUsage() string {
	return "architecture: " + strings.Join(models.SpecNames(), ", ") + ", or FILE.json (see brinell specs show)"
}

// openSpec returns the architecture of that name, or the one in that file if it ends in
// .json, with its preprocessing.
func openSpec(arg string) (nn.Spec, input.Preprocessing, error) {
	if !strings.HasSuffix(arg, ".json") {
		s, err := models.SpecNamed(arg)
		return s, models.PreprocessingOf(s), err
	}
	f, err := os.Open(arg)
	if err != nil {
		return nn.Spec{}, input.Preprocessing{}, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, models.MaxSpecFile+1))
	if err != nil {
		return nn.Spec{}, input.Preprocessing{}, err
	}
	s, pre, err := models.ParseSpec(b)
	return s, pre, files.About(arg, err)
}
