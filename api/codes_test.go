package api

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// made are codes that are put together at run time, so that none stands in the
// source as a whole.
var made = []string{"sensor_name", "axis_name"}

// inside are codes that no client sees: of what is done before the service listens, and of
// commands.
var inside = []string{"baseline_method", "velocity_zones", "speed_missing", "directory_not_empty", "store_newer", "store_older", "store_locked", "leaks_training_data", "npz_too_large", "spec_unknown", "spec_invalid", "checkpoint_invalid", "checkpoint_foreign", "training_diverged", "corpus_unlabelled", "unit_velocity"}

// outside says whether what a directory raises may reach clients.
func outside(dir string) bool {
	switch dir {
	case "../api", "../api/decode", "../cmd/brinell", "../models", "../dataset/npyfile", "../dataset/wavfile":
		return true
	}
	return strings.HasPrefix(dir, "../internal/")
}

// TestCodes compares the table with the sources: each code that may reach clients is in it,
// and each in it is raised somewhere.
func TestCodes(t *testing.T) {
	grammar := regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
	for i, c := range codes {
		if !grammar.MatchString(c.Name) || c.Meaning == "" {
			t.Errorf("row %d: %+v", i, c)
		}
	}
	if len(knownCode) != len(codes) {
		t.Error("a code stands twice")
	}
	literals := make(map[string]bool)
	for _, c := range made {
		literals[c] = true
	}
	err := filepath.WalkDir("..", func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") || filepath.Base(path) == "codes.go" {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		dir := filepath.ToSlash(filepath.Dir(path))
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.BasicLit:
				if s, err := strconv.Unquote(n.Value); err == nil && n.Kind == token.STRING {
					literals[s] = true
				}
			case *ast.CallExpr:
				code, ok := raised(n)
				if ok && outside(dir) && !knownCode[code] && !slices.Contains(inside, code) {
					t.Errorf("%s raises %s, which is not in the table", path, code)
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range codes {
		if !literals[c.Name] {
			t.Errorf("code %s is in the table, but nothing raises it", c.Name)
		}
	}
}

// raised returns the code of a call of Errorf(kind, code, format, ...).
func raised(call *ast.CallExpr) (string, bool) {
	name := ""
	switch f := call.Fun.(type) {
	case *ast.Ident:
		name = f.Name
	case *ast.SelectorExpr:
		name = f.Sel.Name
	}
	if name != "Errorf" || len(call.Args) < 3 {
		return "", false
	}
	lit, ok := call.Args[1].(*ast.BasicLit)
	if !ok || lit.Kind != token.STRING {
		return "", false
	}
	s, err := strconv.Unquote(lit.Value)
	return s, err == nil && !strings.ContainsAny(s, " %")
}
