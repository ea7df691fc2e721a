package main

import (
	"github.com/spf13/cobra"

	"brinell/internal/logs"
	"brinell/internal/service"
)

func serveCommand() *cobra.Command {
	var c service.Config
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the service",
		Long: `Run the service: windows come in over HTTP, are diagnosed, stored durably, and
served over REST and as Prometheus metrics. SIGTERM finishes what is in flight and
ends; SIGHUP reads the model file again and swaps it in after a warm-up.

Every flag can be set by the environment, --data-dir by BRINELL_DATA_DIR, and in the
file that --config names. brinell config show tells what holds and why.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			log := logs.NewQueue(cmd.ErrOrStderr(), c.LeftOut)
			defer log.Close(logPatience)
			s, err := service.New(cmd.Context(), c, thisProgram(), log)
			if err != nil {
				return err
			}
			return s.Run(cmd.Context())
		},
	}
	c.Flags(cmd.Flags())
	groupFlags(cmd, serveGroups)
	completeValues(cmd)
	return cmd
}
