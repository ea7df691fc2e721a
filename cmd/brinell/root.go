package main

import (
	"encoding/json"
	"fmt"
	"io"
	"runtime/debug"
	"time"

	"github.com/spf13/cobra"
)

// Set by -ldflags in release builds.
var version = "dev"

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:           "brinell",
		Short:         "Bearing fault diagnosis: service, trainer and tools in one program",
		SilenceUsage:  true,
		SilenceErrors: true,
		Version:       version + " " + revision(),
		Args:          cobra.NoArgs,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			return configure(cmd.Flags())
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	root.CompletionOptions.HiddenDefaultCmd = true
	root.AddCommand(
		serveCommand(), diagnoseCommand(), featuresCommand(),
		trainCommand(), specsCommand(), slimCommand(), evaluateCommand(), selectCommand(), bearingsCommand(),
		datasetCommand(), modelCommand(), keysCommand(), configCommand(), replayCommand(), alarmsCommand(), inspectionsCommand(), backupCommand(), restoreCommand(), checkCommand(), benchCommand(), healthcheckCommand(),
	)
	wrapArgs(root)
	return root
}

// wrapArgs turns a wrong number of arguments into a usage error.
func wrapArgs(c *cobra.Command) {
	if check := c.Args; check != nil {
		c.Args = func(cmd *cobra.Command, args []string) error {
			if err := check(cmd, args); err != nil {
				return usageError{err}
			}
			return nil
		}
	}
	for _, sub := range c.Commands() {
		wrapArgs(sub)
	}
}

// revision returns the commit that the binary was built from.
func revision() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	rev, dirty := "unknown", ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			rev = s.Value[:min(12, len(s.Value))]
		case s.Key == "vcs.modified" && s.Value == "true":
			dirty = "+dirty"
		}
	}
	return rev + dirty
}

// committed returns the time of the commit that the binary was built from, zero if it is not known.
func committed() (at time.Time) {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return at
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.time" {
			at, _ = time.Parse(time.RFC3339, s.Value) // what cannot be read is not known
		}
	}
	return at
}

// writeJSON prints v, indented, with a line end.
func writeJSON(w io.Writer, v any) error {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "%s\n", b)
	return err
}
