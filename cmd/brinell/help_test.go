package main

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"brinell/internal/service"
)

// TestServeGroups sees to it that each flag of serve stands under one heading of its own, and
// that headings name flags that there are.
func TestServeGroups(t *testing.T) {
	flags := new(pflag.FlagSet)
	new(service.Config).Flags(flags)
	var listed []string
	for _, g := range serveGroups {
		listed = append(listed, g.flags...)
	}
	for _, name := range listed {
		if flags.Lookup(name) == nil && name != "help" {
			t.Errorf("serveGroups has --%s, which serve has not", name)
		}
	}
	flags.VisitAll(func(f *pflag.Flag) {
		if n := len(slices.DeleteFunc(slices.Clone(listed), func(n string) bool { return n != f.Name })); n != 1 {
			t.Errorf("--%s stands under %d headings of serve --help: put it into serveGroups", f.Name, n)
		}
	})
}

// TestUngroupedFlagsAreShown has a flag that no heading names.
func TestUngroupedFlagsAreShown(t *testing.T) {
	flags := new(pflag.FlagSet)
	flags.Bool("a", false, "")
	flags.Bool("b", false, "")
	flags.Bool("hidden", false, "")
	_ = flags.MarkHidden("hidden")
	got := grouped(flags, []flagGroup{{"First", []string{"b"}}, {"None", nil}})
	if len(got) != 2 || got[0].title != "First" || got[1].title != otherFlags || got[1].set.Lookup("a") == nil || got[1].set.Lookup("b") != nil {
		t.Errorf("%+v", got)
	}
}

// TestEveryCommandIsGrouped keeps the list of commands in the help under headings.
func TestEveryCommandIsGrouped(t *testing.T) {
	for _, c := range newRoot().Commands() {
		if c.GroupID == "" && c.Name() != "help" && c.Name() != "completion" {
			t.Errorf("%s stands under no heading of brinell --help", c.Name())
		}
	}
}

func TestBackupFile(t *testing.T) {
	at := time.Date(2026, 1, 31, 13, 0, 0, 0, time.FixedZone("", 3600))
	dir := t.TempDir()
	for _, c := range []struct{ out, want string }{
		{"", "brinell-20260131T120000Z.db"},
		{dir, dir + "/brinell-20260131T120000Z.db"},
		{dir + "/", dir + "/brinell-20260131T120000Z.db"},
		{dir + "/mine.db", dir + "/mine.db"},
	} {
		if got := backupFile(c.out, at); got != c.want {
			t.Errorf("--out %q: %s, want %s", strings.TrimPrefix(c.out, dir), got, c.want)
		}
	}
}
