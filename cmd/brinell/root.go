package main

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"brinell/internal/settings"
)

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "brinell",
		Short: "Bearing fault diagnosis: service, trainer and tools in one program",
		Long: `Bearing fault diagnosis: service, trainer and tools in one program.

Shells complete commands, flags and file names after: source <(brinell completion bash).
For zsh, fish and PowerShell, and to have it in each new shell: brinell completion --help.`,
		SilenceUsage:  true,
		SilenceErrors: true,
		Version:       build(),
		Args:          cobra.NoArgs,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			return settings.Configure(cmd.Flags())
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetFlagErrorFunc(flagError)
	addGroups(root, []commandGroup{
		{"Service", []*cobra.Command{serveCommand(), configCommand(), keysCommand(), healthcheckCommand(), benchCommand(), versionCommand()}},
		{"Recordings", []*cobra.Command{diagnoseCommand(), featuresCommand(), bearingsCommand()}},
		{"What is stored", []*cobra.Command{backupCommand(), restoreCommand(), checkCommand(), replayCommand(),
			alarmsCommand(), inspectionsCommand()}},
		{"Models", []*cobra.Command{trainCommand(), slimCommand(), evaluateCommand(), calibrateCommand(), selectCommand(),
			modelCommand(), specsCommand(), datasetCommand()}},
	})
	root.SetHelpCommand(helpCommand(root))
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	wrapArgs(root)
	return root
}

// wrapArgs turns a wrong number of arguments, and what is no command, into a usage error.
func wrapArgs(c *cobra.Command) {
	check := c.Args
	if c.HasSubCommands() && !c.Runnable() { // or what stands after it is not looked at
		c.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	}
	c.Args = func(cmd *cobra.Command, args []string) error {
		if cmd.HasSubCommands() && len(args) > 0 {
			return unknownCommand(cmd, args[0])
		}
		if check == nil {
			return nil
		}
		err := check(cmd, args)
		switch {
		case err == nil:
			return nil
		case check(cmd, nil) == nil && len(args) > 0 && check(cmd, args[:1]) != nil:
			return settings.Usagef("%s takes no argument, and %q is one: flags begin with --", cmd.CommandPath(), args[0])
		}
		return settings.Usage(err)
	}
	for _, sub := range c.Commands() {
		wrapArgs(sub)
	}
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
