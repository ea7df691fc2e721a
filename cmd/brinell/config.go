package main

import (
	"errors"
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"brinell/internal/service"
	"brinell/internal/settings"
)

func configCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Show and check the settings of the service",
		Long: `Show and check the settings of serve. A value is taken from the first of these that
has it: a flag, the environment (BRINELL_DATA_DIR for --data-dir), the file that --config
or BRINELL_CONFIG names, the default. The file is YAML with the names of flags as keys:

  listen: 0.0.0.0:8080
  data-dir: /var/lib/brinell
  raw-age: 90d

No setting is a secret: keys and certificates are in files of their own.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(configShow(), configCheck())
	return cmd
}

// setting is one row of config show.
type setting struct {
	Key    string `json:"key"`
	Value  string `json:"value"`
	Origin string `json:"origin"`
	Place  string `json:"place,omitempty"`
}

func configShow() *cobra.Command {
	var c service.Config
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "show",
		Short:   "Print every setting as serve would take it, and where it comes from",
		Long:    "Print every setting as serve would take it, and where it comes from. It takes the flags of serve.",
		Example: "  brinell config show --config /etc/brinell/brinell.yaml",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			all := new(pflag.FlagSet)
			new(service.Config).Flags(all)
			var rows []setting
			all.VisitAll(func(f *pflag.Flag) {
				if f.Name != settings.FileFlag {
					f := cmd.Flags().Lookup(f.Name)
					o := settings.OriginOf(f)
					rows = append(rows, setting{f.Name, f.Value.String(), o.Layer, o.Place})
				}
			})
			if asJSON {
				return writeJSON(cmd.OutOrStdout(), rows)
			}
			t := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(t, "KEY\tVALUE\tORIGIN\t")
			for _, r := range rows {
				fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", r.Key, r.Value, r.Origin, r.Place)
			}
			return t.Flush()
		},
	}
	c.Flags(cmd.Flags())
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the result as JSON")
	return cmd
}

func configCheck() *cobra.Command {
	var c service.Config
	cmd := &cobra.Command{
		Use:   "check FILE",
		Short: "Say what is wrong with a file of settings; exit 0 if nothing is",
		Long: `Say what is wrong with a file of settings: everything for which serve --config FILE
would not start. Files that it names are read, as the user who runs the check; the
environment and the flags of serve count as they would for it. Whether the addresses and
the data directory are free is not looked at: a service may be running.`,
		Example: "  brinell config check /etc/brinell/brinell.yaml --keys /etc/brinell/keys.json --data-dir /var/lib/brinell",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			err := c.Check(args[0], cmd.Flags())
			if err == nil {
				_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s: nothing is wrong\n", args[0])
				return err
			}
			return errors.New(err.Error()) // no usageError: the command line made sense
		},
	}
	c.Settings(cmd.Flags())
	return cmd
}
