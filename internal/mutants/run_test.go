package mutants

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"time"
)

// mutant is one change of one line, and the tests that must fail with it.
type mutant struct {
	file     string // from the root of the module
	old, new string // old stands in the file exactly once
	run      string // a pattern of go test -run, of tests beside the file
}

// name tells one mutant from the others.
func (m mutant) name() string {
	return fmt.Sprintf("%s: %s => %s", m.file, oneLine(m.old), oneLine(m.new))
}

func oneLine(s string) string {
	if s = strings.Join(strings.Fields(s), " "); s == "" {
		return "nothing"
	}
	return s
}

// lines is how many lines the change is to; those around say where it is.
func (m mutant) lines() (n int) {
	was, is := strings.Split(m.old, "\n"), strings.Split(m.new, "\n")
	if len(was) != len(is) {
		return len(was) + len(is)
	}
	for i := range was {
		if was[i] != is[i] {
			n++
		}
	}
	return n
}

// tests is the package whose tests are run, as go test takes it: that of the file, so that what
// a package decides is guarded in it.
func (m mutant) tests() string { return "./" + path.Dir(m.file) }

// apply returns the file with the change.
func (m mutant) apply(root string) ([]byte, error) {
	b, err := os.ReadFile(filepath.Join(root, m.file))
	if err != nil {
		return nil, err
	}
	if n := bytes.Count(b, []byte(m.old)); n != 1 {
		return nil, fmt.Errorf("%q stands in %s %d times, want once", m.old, m.file, n)
	}
	if m.old == m.new {
		return nil, fmt.Errorf("%q in %s is changed to itself", m.old, m.file)
	}
	return bytes.Replace(b, []byte(m.old), []byte(m.new), 1), nil
}

// outcome is what became of a mutant.
type outcome string

const (
	killed   outcome = "killed"
	survived outcome = "SURVIVED"
	invalid  outcome = "INVALID" // it does not build, or no test ran: that shows nothing
)

// runner runs the tests of the module at root with one change at a time. The tree stays as it
// is: the change is an overlay, which programs that the tests build see as well.
type runner struct {
	root    string
	scratch string // a directory for what is changed
	timeout time.Duration
}

// try runs the tests that must notice m.
func (r runner) try(ctx context.Context, m mutant) (outcome, string, error) {
	b, err := m.apply(r.root)
	if err != nil {
		return invalid, "", err
	}
	changed, overlay := filepath.Join(r.scratch, "changed.go"), filepath.Join(r.scratch, "overlay.json")
	doc, err := json.Marshal(map[string]any{"Replace": map[string]string{filepath.Join(r.root, m.file): changed}})
	if err != nil {
		return invalid, "", err
	}
	if err := errors.Join(os.WriteFile(changed, b, 0o600), os.WriteFile(overlay, doc, 0o600)); err != nil {
		return invalid, "", err
	}
	return r.test(ctx, m, "-overlay="+overlay)
}

// test runs the tests of m with one more flag for all commands of go.
func (r runner) test(ctx context.Context, m mutant, flag string) (outcome, string, error) {
	c := exec.CommandContext(ctx, "go", "test", "-vet=off", "-failfast",
		"-timeout", r.timeout.String(), "-run", m.run, m.tests())
	c.Dir = r.root
	c.Env = append(os.Environ(), "GOFLAGS="+flag, "CGO_ENABLED=0", "GOWORK=off")
	out, err := c.CombinedOutput()
	text := string(out)
	_, exited := errors.AsType[*exec.ExitError](err)
	switch {
	case err != nil && !exited:
		return invalid, text, err
	case strings.Contains(text, "[build failed]"), strings.Contains(text, "[setup failed]"),
		strings.Contains(text, "no tests to run"):
		return invalid, text, nil
	case err != nil:
		return killed, text, nil
	}
	return survived, text, nil
}
