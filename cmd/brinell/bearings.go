package main

import (
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"brinell/bearing"
	"brinell/internal/diagnose"
	"brinell/internal/service"
	"brinell/internal/settings"
)

func bearingsCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "bearings", Short: "List bearings, show their orders, find out which one a recording fits"}
	var file string
	service.AddBearings(cmd.PersistentFlags(), &file)
	cmd.AddCommand(bearingsList(&file), bearingsShow(&file), bearingsMatch(&file))
	return cmd
}

func bearingsList(file *string) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the bearings of the catalogue",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cat, err := service.OpenCatalogue(*file)
			if err != nil {
				return err
			}
			if asJSON {
				entries := []bearing.CatalogueEntry{}
				for _, b := range cat.Rows() {
					entries = append(entries, b.Entry())
				}
				return writeJSON(cmd.OutOrStdout(), entries)
			}
			t := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(t, "DESIGNATION\tELEMENTS\tBPFO\tBPFI\t2xBSF\tFTF\tSOURCE\tLICENCE")
			for _, b := range cat.Rows() {
				o := b.Orders()
				fmt.Fprintf(t, "%s\t%.0f\t%.4f\t%.4f\t%.4f\t%.4f\t%s\t%s\n", b.Designation, o.BPFO+o.BPFI, o.BPFO, o.BPFI, o.BSF2(), o.FTF, b.Source, b.Licence)
			}
			return t.Flush()
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the result as JSON")
	return cmd
}

func bearingsShow(file *string) *cobra.Command {
	var rpm float64
	cmd := &cobra.Command{
		Use:   "show DESIGNATION",
		Short: "Show the geometry of a bearing, its orders, and with --rpm its lines in Hz",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			cat, err := service.OpenCatalogue(*file)
			if err != nil {
				return err
			}
			b, ok := cat.Lookup(args[0])
			if !ok {
				return bearing.Unknown(bearing.NotFound, cat.Lookup, args[0], "see brinell bearings list")
			}
			o := b.Orders()
			w := cmd.OutOrStdout()
			if e := b.Entry().Estimated; e != nil {
				fmt.Fprintf(w, "%s: %d to %d elements, orders estimated: BPFO %.3f to %.3f, BPFI %.3f to %.3f, 2xBSF %.3f to %.3f\n", b.Designation,
					e.ElementsLow, e.ElementsHigh, e.Low.BPFO, e.High.BPFO, e.Low.BPFI, e.High.BPFI, e.Low.BSF2, e.High.BSF2)
			} else if g := b.Entry().Geometry; g != nil {
				fmt.Fprintf(w, "%s: %d elements of %g mm on a pitch circle of %g mm, contact angle %.2f degrees\n", b.Designation, g.Elements, g.ElementMM, g.PitchMM, g.ContactDeg)
			} else {
				fmt.Fprintf(w, "%s: %.0f elements, orders as stated\n", b.Designation, o.BPFO+o.BPFI)
			}
			fmt.Fprintf(w, "source: %s\nlicence: %s\n", b.Source, b.Licence)
			for _, l := range []struct {
				name  string
				order float64
			}{{"BPFO (outer race)", o.BPFO}, {"BPFI (inner race)", o.BPFI}, {"2xBSF (rolling element)", o.BSF2()}, {"BSF", o.BSF}, {"FTF (cage)", o.FTF}} {
				fmt.Fprintf(w, "%-24s order %8.4f", l.name, l.order)
				if rpm > 0 {
					fmt.Fprintf(w, "  %9.3f Hz", l.order*rpm/60)
				}
				fmt.Fprintln(w)
			}
			return nil
		},
	}
	settings.RPMVar(cmd.Flags(), &rpm, "shaft speed in revolutions per minute")
	return cmd
}

func bearingsMatch(file *string) *cobra.Command {
	var (
		f      fileFlags
		asJSON bool
	)
	cmd := &cobra.Command{
		Use:   "match FILE --rpm N [--bearing DESIGNATION]",
		Short: "Where the expected lines are missing: is it speed, elements, contact angle, or another bearing?",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			r, err := f.read(args[0])
			if err != nil {
				return err
			}
			if r.Unit.IsVelocity() {
				return bearing.Errorf(bearing.Invalid, "unit_velocity", "%s is of velocity (%s), in which a bearing's lines are not looked for: take a recording of acceleration", args[0], r.Unit)
			}
			cat, err := service.OpenCatalogue(*file)
			if err != nil {
				return err
			}
			rows := cat.Rows()
			if b, ok := cat.Lookup(r.Bearing); ok {
				if r.Bearing = b.Designation; b.Estimate.Known() {
					rows = append(rows, b)
				}
			} else if _, several := bearing.Fitted(cat.Lookup, r.Bearing); several {
				return settings.Usagef("%q are several bearings: match them one by one, or leave --bearing out to try all", bearing.Clip(r.Bearing))
			} else if r.Bearing != "" {
				return bearing.Unknown(bearing.NotFound, cat.Lookup, r.Bearing, "add its geometry or its orders with --bearings, or leave it out to try all")
			}
			found, err := diagnose.Match(r.Samples, r.SampleRate, r.ShaftSpeed, r.Bearing, rows)
			if err != nil {
				return err
			}
			if asJSON {
				return writeJSON(cmd.OutOrStdout(), found)
			}
			w := cmd.OutOrStdout()
			best := found[0]
			switch {
			case best.Score < diagnose.MatchLimit:
				fmt.Fprintf(w, "no comb of lines stands out (best score %.1f, need %.1f): there is no fault to see, or the window is too short or too noisy\n", best.Score, diagnose.MatchLimit)
			default:
				fmt.Fprintf(w, "best explanation: %s; %s at order %.3f, score %.1f\n", best.Text, best.Fault, best.Order, best.Score)
			}
			t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
			fmt.Fprintln(t, "SCORE\tFAULT\tORDER\tEXPLANATION")
			for i, e := range found {
				if i < 8 || e.What == "as_stated" {
					fmt.Fprintf(t, "%.1f\t%s\t%.4f\t%s\n", e.Score, e.Fault, e.Order, e.Text)
				}
			}
			return t.Flush()
		},
	}
	f.add(cmd.Flags())
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the result as JSON")
	return cmd
}
