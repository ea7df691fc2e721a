package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"brinell/internal/diagnose"
	"brinell/internal/service"
)

// flagGroup is a heading of a help text and the flags under it.
type flagGroup struct {
	title string
	flags []string
}

// serveGroups put the flags of serve under headings, in this order.
var serveGroups = []flagGroup{
	{"Address and connections", []string{"listen", "tls-cert", "tls-key", "trusted-proxies", "allowed-hosts",
		"max-connections", "max-connections-per-address"}},
	{"Keys", []string{"keys", "require-keys", "insecure", "key-rate"}},
	{"Data directory and what is kept", []string{"data-dir", "raw-cap", "raw-age", "age", "trust-clock", "lock-wait"}},
	{"Diagnosis", []string{"model", "bearings", "baseline", "velocity-zones", "late-horizon"}},
	{"Windows from files, and the demo", []string{"watch", "watch-settle", "demo"}},
	{"Limits", []string{"max-samples", "max-body", "max-sensors", "max-axes", "memory", "workers", "max-wait"}},
	{"Telling others", []string{"webhook-allow", "external-url", "metrics-listen", "metrics-sensors", "metrics-alarms",
		"debug-listen", "log-level", "log-format"}},
	{"Start and stop", []string{"config", "drain-delay", "stop-timeout", "help"}},
}

// otherFlags is the heading of flags that stand under no other.
const otherFlags = "Other flags"

// groupFlags makes the usage text of c show its flags under headings.
func groupFlags(c *cobra.Command, groups []flagGroup) {
	c.SetUsageFunc(func(c *cobra.Command) error {
		w := c.OutOrStderr()
		if _, err := fmt.Fprintf(w, "Usage:\n  %s\n", c.UseLine()); err != nil {
			return err
		}
		for _, g := range grouped(c.LocalFlags(), groups) {
			if _, err := fmt.Fprintf(w, "\n%s:\n%s", g.title, g.set.FlagUsages()); err != nil {
				return err
			}
		}
		return nil
	})
}

// flagsUnder are the flags under a heading.
type flagsUnder struct {
	title string
	set   *pflag.FlagSet
}

// grouped sorts flags under their headings; those that stand under none come last.
func grouped(flags *pflag.FlagSet, groups []flagGroup) []flagsUnder {
	sorted := make([]flagsUnder, 0, len(groups)+1)
	for _, g := range append(slices.Clone(groups), flagGroup{title: otherFlags}) {
		set := pflag.NewFlagSet(g.title, pflag.ContinueOnError)
		set.SortFlags = false
		for _, name := range g.flags {
			if f := flags.Lookup(name); f != nil {
				set.AddFlag(f)
			}
		}
		sorted = append(sorted, flagsUnder{g.title, set})
	}
	flags.VisitAll(func(f *pflag.Flag) {
		if !slices.ContainsFunc(sorted, func(g flagsUnder) bool { return g.set.Lookup(f.Name) != nil }) {
			sorted[len(groups)].set.AddFlag(f)
		}
	})
	return slices.DeleteFunc(sorted, func(g flagsUnder) bool { return !g.set.HasAvailableFlags() })
}

// commandGroup is a heading of the list of commands.
type commandGroup struct {
	title    string
	commands []*cobra.Command
}

// addGroups puts commands under headings.
func addGroups(root *cobra.Command, groups []commandGroup) {
	for _, g := range groups {
		id := strings.ToLower(g.title)
		root.AddGroup(&cobra.Group{ID: id, Title: g.title + ":"})
		for _, c := range g.commands {
			c.GroupID = id
			root.AddCommand(c)
		}
	}
}

// helpCommand is help for a command that need not exist: cobra's own prints the whole
// usage for a mistyped name, and succeeds.
func helpCommand(root *cobra.Command) *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND]",
		Short: "Show what a command does",
		Args:  cobra.ArbitraryArgs,
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			under, _, err := root.Find(args)
			if err != nil {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return commandNames(under), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, args []string) error {
			about, rest, err := root.Find(args)
			if err != nil || len(rest) > 0 && about.HasSubCommands() {
				return unknownCommand(about, rest[0])
			}
			about.InitDefaultHelpFlag()
			return about.Help()
		},
	}
}

// completeValues lets a shell complete the values of flags of serve that take one of a few.
func completeValues(c *cobra.Command) {
	for name, values := range map[string][]string{
		"log-level":      {"debug", "info", "warn", "error"},
		"log-format":     {"text", "json"},
		"baseline":       {string(diagnose.Mahalanobis), string(diagnose.Autoencoder)},
		"velocity-zones": strings.Split(service.ZoneNames(), ", "),
	} {
		if err := c.RegisterFlagCompletionFunc(name, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp)); err != nil {
			panic("brinell: " + err.Error()) // there is no such flag, or twice
		}
	}
	for _, name := range []string{"data-dir", "watch"} {
		if err := c.MarkFlagDirname(name); err != nil {
			panic("brinell: " + err.Error())
		}
	}
}
