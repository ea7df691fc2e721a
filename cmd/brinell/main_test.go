package main

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"brinell/dataset/excerpts"
)

// tidy runs the tests and removes the binary that they built.
type tidy struct{ *testing.M }

func (t tidy) Run() int {
	code := t.M.Run()
	if built.dir != "" {
		os.RemoveAll(built.dir)
	}
	return code
}

func TestMain(m *testing.M) {
	testscript.Main(tidy{m}, map[string]func(){
		"brinell": func() { os.Exit(run(context.Background(), os.Args[1:], os.Stdout, os.Stderr)) },
	})
}

// TestScripts runs every command line in testdata/script, with the excerpts of
// real recordings in the directory data.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:  "testdata/script",
		Cmds: walkCommands,
		Setup: func(e *testscript.Env) error {
			e.Values[servicesKey{}] = new(*inBackground)
			return os.CopyFS(filepath.Join(e.WorkDir, "data"), excerpts.FS())
		},
		RequireExplicitExec: true,
	})
}
