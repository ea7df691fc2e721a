package main

import (
	"cmp"
	"fmt"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/spf13/cobra"

	"brinell/internal/service"
)

// version is what a build is told to be by -ldflags "-X main.version=v1.2.3": a release, or
// one without the repository beside it, as the image. Other builds ask releaseName.
var version string

// buildInfo returns what the Go tools noted in the program, empty if nothing.
func buildInfo() debug.BuildInfo {
	if info, ok := debug.ReadBuildInfo(); ok {
		return *info
	}
	return debug.BuildInfo{}
}

// releaseName returns the version of the program: the tag of the commit that it was built
// from, or after it the pseudo-version, which names the tag before and the commit; dev for a
// build outside of a repository.
func releaseName() string { return nameOf(version, buildInfo()) }

func nameOf(told string, info debug.BuildInfo) string {
	noted := info.Main.Version
	if noted == "(devel)" {
		noted = ""
	}
	return cmp.Or(told, noted, "dev")
}

// build names the program, as in the provenance of diagnoses: its version and the commit.
func build() string { return releaseName() + " " + revision() }

// revision returns the commit that the binary was built from.
func revision() string { return revisionOf(buildInfo()) }

func revisionOf(info debug.BuildInfo) string {
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
	for _, s := range buildInfo().Settings {
		if s.Key == "vcs.time" {
			at, _ = time.Parse(time.RFC3339, s.Value) // what cannot be read is not known
		}
	}
	return at
}

// thisProgram says which program a service is.
func thisProgram() service.Program {
	return service.Program{Version: releaseName(), Revision: revision(), Committed: committed()}
}

// programVersion is what brinell version tells.
type programVersion struct {
	Version   string    `json:"version"`
	Revision  string    `json:"revision"`
	Committed time.Time `json:"committed,omitzero"`
	Go        string    `json:"go"`
	Platform  string    `json:"platform"`
}

func versionCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Tell the version of the program",
		Long: `Tell the version of the program: the tag of the release, or the tag before and the
commit. The metric brinell_build_info, /openapi.json and each diagnosis have the same.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			v := programVersion{releaseName(), revision(), committed(), runtime.Version(), runtime.GOOS + "/" + runtime.GOARCH}
			if asJSON {
				return writeJSON(cmd.OutOrStdout(), v)
			}
			when := ""
			if !v.Committed.IsZero() {
				when = " of " + v.Committed.UTC().Format(time.RFC3339)
			}
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "brinell %s, commit %s%s, %s %s\n",
				v.Version, v.Revision, when, v.Go, v.Platform)
			return err
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the result as JSON")
	return cmd
}
