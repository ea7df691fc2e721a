package main

import (
	"testing"

	"github.com/spf13/cobra"

	"brinell/internal/settings"
)

// TestSynonyms: each leads to a flag that some command has.
func TestSynonyms(t *testing.T) {
	have := make(map[string]bool)
	var visit func(c *cobra.Command)
	visit = func(c *cobra.Command) {
		for _, name := range settings.FlagNames(c.Flags(), c.InheritedFlags()) {
			have[name] = true
		}
		for _, sub := range c.Commands() {
			visit(sub)
		}
	}
	visit(newRoot())
	for name, flag := range settings.Synonyms {
		if !have[flag] || have[name] && flag == name {
			t.Errorf("%s stands for %s, which no command has", name, flag)
		}
	}
}
