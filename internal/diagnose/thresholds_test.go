package diagnose

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// elsewhere are numbers of files that judge which decide nothing of what is said of a window.
var elsewhere = map[string]bool{
	"ownShelf": true, // bytes
}

// TestThresholdsAreListed: every number of thresholds.go is in the table, once and with all that is
// said of it, and the files that judge have no number of their own.
func TestThresholdsAreListed(t *testing.T) {
	listed := make(map[string]bool)
	for _, h := range Thresholds {
		if listed[h.Name] {
			t.Errorf("%s stands twice", h.Name)
		}
		if listed[h.Name] = true; h.Decides == "" || h.Source == "" {
			t.Errorf("%s lacks what it decides, or what set it", h.Name)
		}
	}
	declared := numbers(t, "thresholds.go")
	if d := cmp.Diff(slices.Sorted(maps.Keys(declared)), slices.Sorted(maps.Keys(listed))); d != "" {
		t.Errorf("the constants and the table differ:\n%s", d)
	}
	for _, file := range []string{"verdict.go", "observe.go", "quality.go", "witness.go", "state.go", "baseline.go",
		"velocity.go", "velocimeter.go"} {
		for name := range numbers(t, file) {
			if !elsewhere[name] {
				t.Errorf("%s of %s belongs into thresholds.go, and into the table", name, file)
			}
		}
	}
}

// numbers returns the constants of a file of this package that are not text.
func numbers(t *testing.T, file string) map[string]bool {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	found := make(map[string]bool)
	ast.Inspect(f, func(n ast.Node) bool {
		d, ok := n.(*ast.GenDecl)
		if !ok || d.Tok != token.CONST {
			return true
		}
		for _, s := range d.Specs {
			v := s.(*ast.ValueSpec)
			for i, name := range v.Names {
				if i < len(v.Values) && isText(v.Values[i]) || f.Scope.Lookup(name.Name) == nil {
					continue // of a function, where it is a size
				}
				found[name.Name] = true
			}
		}
		return true
	})
	return found
}

func isText(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.BasicLit:
		return e.Kind == token.STRING
	case *ast.BinaryExpr:
		return isText(e.X) || isText(e.Y)
	}
	return false
}

// TestThresholdsOfDocs compares docs/thresholds.md with the table; -update writes it anew.
func TestThresholdsOfDocs(t *testing.T) {
	path := filepath.Join("..", "..", "docs", "thresholds.md")
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	const begin = "| name | value | unit | what it decides | what set it |\n|---|---|---|---|---|\n"
	before, after, ok := strings.Cut(string(b), begin)
	if !ok {
		t.Fatalf("%s has no table", path)
	}
	i := strings.Index(after, "\n\n") // the table ends at an empty line, or with the file
	rest := ""
	if i >= 0 {
		after, rest = after[:i+1], after[i+1:]
	}
	var want strings.Builder
	for _, h := range Thresholds {
		fmt.Fprintf(&want, "| `%s` | %s | %s | %s | %s |\n", h.Name, plain(h.Value), h.Unit, h.Decides, h.Source)
	}
	if *update {
		if err := os.WriteFile(path, []byte(before+begin+want.String()+rest), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if d := cmp.Diff(want.String(), after); d != "" {
		t.Errorf("%s is not what the code says:\n%s", path, d)
	}
}

// plain writes a number without an exponent.
func plain(v float64) string {
	s := fmt.Sprintf("%.6f", v)
	return strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
}
