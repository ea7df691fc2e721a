package mutants

import (
	"cmp"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// all is the list, by what the changes are to.
var all = slices.Concat(
	judgement, thresholds, quality, evidence, alarms, storage, access, computing, learning, engine, edges)

// least is how many mutants there are at least.
const least = 80

// TestListFits: every change can still be made, and the tests that must notice it are there.
// Without that the list would rot with every line that moves.
func TestListFits(t *testing.T) {
	if len(all) < least {
		t.Errorf("%d mutants, want at least %d", len(all), least)
	}
	seen := make(map[string]bool)
	tests := make(map[string][]string)
	for _, m := range all {
		if _, err := m.apply("../.."); err != nil {
			t.Error(err)
		}
		if n := m.lines(); n != 1 {
			t.Errorf("%s changes %d lines, want one", m.name(), n)
		}
		if strings.HasSuffix(m.file, "_test.go") {
			t.Errorf("%s changes a test", m.name())
		}
		if seen[m.name()] {
			t.Errorf("%s stands twice", m.name())
		}
		seen[m.name()] = true
		dir := m.tests()
		if tests[dir] == nil {
			tests[dir] = testsOf(t, filepath.Join("../..", dir))
		}
		for _, p := range strings.Split(m.run, "|") { // each part of a pattern
			re, err := regexp.Compile(p)
			if err != nil || p == "" || !slices.ContainsFunc(tests[dir], re.MatchString) {
				t.Errorf("%s: no test of %s is called %q (%v)", m.name(), dir, p, err)
			}
		}
	}
}

// TestEveryThreshold: no number of the verdict, the memory, the baselines and the gate is without a
// mutant. That they are all in that file, a test beside it says.
func TestEveryThreshold(t *testing.T) {
	const file = "internal/diagnose/thresholds.go"
	f, err := parser.ParseFile(token.NewFileSet(), filepath.Join("../..", file), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for name, o := range f.Scope.Objects {
		if o.Kind != ast.Con {
			continue
		}
		n++
		if !slices.ContainsFunc(all, func(m mutant) bool { return m.file == file && strings.HasPrefix(m.old, name+" ") }) {
			t.Errorf("%s has no mutant", name)
		}
	}
	if n == 0 {
		t.Errorf("%s has no constants", file)
	}
}

// TestListOfNames: what was once found unguarded stays on the list.
func TestListOfNames(t *testing.T) {
	for _, c := range []struct{ file, line string }{
		{"internal/store/writer.go", "if db.stored && db.cfg.Committed != nil {"},
		{"internal/diagnose/thresholds.go", "scoreLimit"},
		{"internal/diagnose/verdict.go", "network != bearing.Normal && network != envelope"},
		{"internal/diagnose/verdict.go", `o.source == "estimated"`},
		{"internal/diagnose/thresholds.go", "forgetting"},
		{"internal/diagnose/thresholds.go", "baselineOdds"},
		{"internal/diagnose/thresholds.go", "machineTones"},
		{"internal/diagnose/thresholds.go", "impulsiveLimit"},
		{"internal/diagnose/thresholds.go", "sensorGain"},
		{"models/nn/norm.go", "max(1, m-1)"},
		{"features/lines/comb.go", "decay"},
		{"features/lines/comb.go", "maxSlip"},
		{"internal/files/files.go", "to.sync(tmp)"},
		{"models/train/recipe.go", "DefaultHop"},
		{"models/model.go", "s.From < to"},
	} {
		if !slices.ContainsFunc(all, func(m mutant) bool { return m.file == c.file && strings.Contains(m.old, c.line) }) {
			t.Errorf("no mutant of %q in %s", c.line, c.file)
		}
	}
}

// testsOf returns the names of the tests in a directory.
func testsOf(t *testing.T, dir string) (names []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			if d, ok := d.(*ast.FuncDecl); ok && d.Recv == nil && strings.HasPrefix(d.Name.Name, "Test") {
				names = append(names, d.Name.Name)
			}
		}
	}
	return names
}

// TestRunner: the runner tells a change that a test notices from one that none does, and
// both from one that shows nothing. Its module is testdata/planted.
func TestRunner(t *testing.T) {
	root, err := filepath.Abs("testdata/planted")
	if err != nil {
		t.Fatal(err)
	}
	r := runner{root: root, scratch: t.TempDir(), timeout: time.Minute}
	f := func(old, new, run string, want outcome) {
		t.Helper()
		got, out, err := r.try(t.Context(), mutant{file: "planted.go", old: old, new: new, run: run})
		if got != want || err != nil {
			t.Errorf("%s => %s: %s (%v), want %s\n%s", old, new, got, err, want, out)
		}
	}
	f("guarded = 3", "guarded = 4", "Guarded", killed)
	f("free    = 3", "free    = 4", "Guarded", survived)
	f("guarded = 3", "guarded = x", "Guarded", invalid)
	f("guarded = 3", "guarded = 4", "Nothing", invalid)
	if _, _, err := r.try(t.Context(), mutant{file: "planted.go", old: "= 3", new: "= 4", run: "Guarded"}); err == nil {
		t.Error("a change of two places was made")
	}
}

// TestMutants tries every mutant, or those whose name BRINELL_MUTANTS is a pattern of.
// None may survive. Before that, the tests must pass without a change.
func TestMutants(t *testing.T) {
	which := os.Getenv("BRINELL_MUTANTS")
	if which == "" {
		t.Skip("BRINELL_MUTANTS is not set: see make mutants")
	}
	only, err := regexp.Compile(which)
	if err != nil {
		t.Fatal(err)
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	r := runner{root: root, scratch: t.TempDir(), timeout: 5 * time.Minute}
	unchanged := make(map[string]bool)
	count := make(map[outcome]int)
	var bad []string
	for _, m := range all {
		if !only.MatchString(m.name()) {
			continue
		}
		key := "go test -run '" + m.run + "' " + m.tests()
		if _, tried := unchanged[key]; !tried {
			got, out, err := r.test(t.Context(), m, "")
			if unchanged[key] = got == survived && err == nil; !unchanged[key] {
				t.Errorf("%s does not pass as it is: its mutants are not tried: %s %v\n%s", key, got, err, out)
			}
		}
		if !unchanged[key] {
			count[invalid]++
			continue
		}
		began := time.Now()
		got, out, err := r.try(t.Context(), m)
		if err != nil {
			t.Fatal(err)
		}
		count[got]++
		t.Logf("%-8s %5.1f s  %s", got, time.Since(began).Seconds(), m.name())
		if got != killed {
			bad = append(bad, string(got)+" "+m.name())
		}
		if got == invalid {
			t.Log(out)
		}
	}
	t.Logf("%d mutants: %d killed, %d survived, %d invalid", count[killed]+count[survived]+count[invalid],
		count[killed], count[survived], count[invalid])
	if slices.SortFunc(bad, func(a, b string) int { return cmp.Compare(a, b) }); len(bad) > 0 || count[killed] == 0 {
		t.Errorf("not killed:\n%s", strings.Join(bad, "\n"))
	}
}
