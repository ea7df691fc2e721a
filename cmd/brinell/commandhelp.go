package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"brinell/internal/settings"
)

// commandNames lists the commands under c that people are shown.
func commandNames(c *cobra.Command) []string {
	var names []string
	for _, sub := range c.Commands() {
		if !sub.Hidden {
			names = append(names, sub.Name())
		}
	}
	return names
}

// flagError explains a flag that cannot be taken. If c only has commands under it, what
// stands before the flag was to be one of them, and that is what is wrong.
func flagError(c *cobra.Command, err error) error {
	unknown, ok := errors.AsType[*pflag.NotExistError](err)
	if !ok {
		return settings.Usage(settings.ValueError(err))
	}
	if args := c.Flags().Args(); c.HasSubCommands() && len(args) > 0 {
		return unknownCommand(c, args[0])
	}
	name, written := unknown.GetSpecifiedName(), "--"+unknown.GetSpecifiedName()
	if short := unknown.GetSpecifiedShortnames(); short != "" { // -data-dir was meant as --data-dir
		name, _, _ = strings.Cut(short, "=")
		written = "-" + name
	}
	hint := fmt.Sprintf("see %s --help", c.CommandPath())
	known := settings.FlagNames(c.Flags(), c.InheritedFlags())
	like := settings.Synonyms[settings.PlainName(name)]
	if !slices.Contains(known, like) {
		like = settings.Closest(name, known)
	}
	if like != "" {
		hint = fmt.Sprintf("did you mean --%s?", like)
	}
	return settings.Usagef("unknown flag %s of %s: %s", written, c.CommandPath(), hint)
}

// unknownCommand tells that there is no such command under c.
func unknownCommand(c *cobra.Command, name string) error {
	hint := fmt.Sprintf("see %s --help", c.CommandPath())
	if path := elsewhere(c.Root(), name); path != "" {
		hint = fmt.Sprintf("did you mean %s?", path)
	} else if like := settings.Closest(name, commandNames(c)); like != "" {
		hint = fmt.Sprintf("did you mean %s %s?", c.CommandPath(), like)
	}
	return settings.Usagef("unknown command %q of %s: %s", name, c.CommandPath(), hint)
}

// elsewhere returns the path of a command of that name anywhere under c.
func elsewhere(c *cobra.Command, name string) string {
	for _, sub := range c.Commands() {
		if sub.Hidden {
			continue
		}
		if sub.Name() == settings.PlainName(name) {
			return sub.CommandPath()
		}
		if path := elsewhere(sub, name); path != "" {
			return path
		}
	}
	return ""
}
