package main

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"brinell/internal/bench"
	"brinell/internal/service"
	"brinell/internal/settings"
)

func benchCommand() *cobra.Command {
	c := bench.Config{Version: build()}
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "bench [NAME]",
		Short: "Measure the numeric core and the service on this machine",
		Long: `Measure the numeric core and the service on this machine, beside what it is
compared with. The cases take turns, round after round, and each figure is the
median over the rounds; a ratio is the median of the ratios within a round, so that
a machine which slows down for a while does not favour either side. One processor
is used but for the requests. NAME picks the cases that contain it.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if c.Rounds < 1 || c.Slice <= 0 {
				return settings.Usagef("--rounds and --slice must be positive")
			}
			if len(args) == 1 {
				c.Match = args[0]
			}
			p := newProgress(cmd.ErrOrStderr(), "measuring", "rounds")
			defer p.finish()
			r, err := c.Run(cmd.Context(), benchService, func(round int) {
				p.set(round, c.Rounds, "")
				if round == c.Rounds {
					p.finish()
				}
			})
			if errors.Is(err, bench.ErrNoCase) {
				return settings.Usage(err)
			}
			if err != nil {
				return err
			}
			if asJSON {
				return writeJSON(cmd.OutOrStdout(), r)
			}
			return r.Print(cmd.OutOrStdout())
		},
	}
	f := cmd.Flags()
	f.IntVar(&c.Rounds, "rounds", 11, "rounds in which the cases take turns")
	f.DurationVar(&c.Slice, "slice", 20*time.Millisecond, "time of one case in one round")
	f.DurationVar(&c.Load, "load", 5*time.Second, "time of each load on the whole service; 0 leaves it out")
	f.BoolVar(&asJSON, "json", false, "print the table as JSON")
	return cmd
}

// benchService starts the service that loads are measured on, with the defaults but for
// what a measurement needs.
func benchService(ctx context.Context, dir string) (bench.Service, error) {
	var c service.Config
	c.Flags(pflag.NewFlagSet("serve", pflag.ContinueOnError)) // the defaults are what is measured
	c.Listen, c.DataDir, c.LogLevel = "127.0.0.1:0", dir, "error"
	c.MaxWait = time.Minute // each client waits for its answer: none is refused on a busy machine
	s, err := service.New(ctx, c, thisProgram(), io.Discard)
	if err != nil {
		return bench.Service{}, err
	}
	return bench.Service{Address: s.Address().String(), Run: s.Run, Store: s.Stored()}, nil
}
