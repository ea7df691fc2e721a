package internal

import (
	"bytes"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// converters are the packages that may convert floating-point numbers to integers by
// themselves: the one that does it for all, and the kernels, whose loops are twins of
// assembly and take numbers that their callers have checked.
var converters = map[string]bool{"brinell/internal/clamp": true, "brinell/internal/kernel": true}

// listed is what go list tells of a package.
type listed struct {
	ImportPath, Dir, Export string
	GoFiles                 []string
	Module                  *struct{ Main bool }
}

// TestConversions: an int of a float that does not fit is another one on each processor,
// and none that anybody wants. Packages convert by clamp, with bounds.
func TestConversions(t *testing.T) {
	cmd := exec.Command("go", "list", "-export", "-deps", "-json=ImportPath,Dir,Export,GoFiles,Module", "./...")
	cmd.Dir, cmd.Env = "..", append(os.Environ(), "CGO_ENABLED=0") // as all is built, whatever tests it
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var own []listed
	exports := make(map[string]string)
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		if err := d.Decode(&p); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		exports[p.ImportPath] = p.Export
		if p.Module != nil && p.Module.Main {
			own = append(own, p)
		}
	}
	if len(own) < 20 {
		t.Fatalf("only %d packages", len(own))
	}
	for _, p := range own {
		if converters[p.ImportPath] {
			continue
		}
		fset := token.NewFileSet()
		var files []*ast.File
		for _, name := range p.GoFiles {
			f, err := parser.ParseFile(fset, filepath.Join(p.Dir, name), nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			files = append(files, f)
		}
		lookup := func(path string) (io.ReadCloser, error) { return os.Open(exports[path]) }
		found, err := conversions(fset, p.ImportPath, files, importer.ForCompiler(fset, "gc", lookup))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range found {
			t.Errorf("%s: convert by package clamp, which wants bounds", f)
		}
	}
}

// TestConversionsFail plants conversions: the test above must see each.
func TestConversionsFail(t *testing.T) {
	const src = `package p
import "time"
type hertz float64
func f(a float64, b float32, c hertz, n int) {
	_ = int(a)
	_ = int32(b * 2)
	_ = uint8(c)
	_ = time.Duration(a * 1e9)
	const whole = 3.0
	_, _, _ = int(whole), float64(n), int(n)
}`
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, "p.go", src, 0)
	if err != nil {
		t.Fatal(err)
	}
	found, err := conversions(fset, "p", []*ast.File{file}, importer.ForCompiler(fset, "source", nil))
	if err != nil || len(found) != 4 {
		t.Errorf("%v: %d found, want 4: %s", err, len(found), strings.Join(found, "; "))
	}
}

// conversions returns where a package converts a floating-point number that is no constant
// to an integer.
func conversions(fset *token.FileSet, path string, files []*ast.File, from types.Importer) (found []string, err error) {
	info := &types.Info{Types: make(map[ast.Expr]types.TypeAndValue)}
	if _, err := (&types.Config{Importer: from}).Check(path, fset, files, info); err != nil {
		return nil, err
	}
	is := func(e ast.Expr, what types.BasicInfo) bool {
		if info.Types[e].Type == nil {
			return false
		}
		b, ok := info.Types[e].Type.Underlying().(*types.Basic)
		return ok && b.Info()&what != 0
	}
	for _, f := range files {
		ast.Inspect(f, func(n ast.Node) bool {
			c, ok := n.(*ast.CallExpr)
			if ok && len(c.Args) == 1 && info.Types[c.Fun].IsType() && is(c, types.IsInteger) && is(c.Args[0], types.IsFloat) && info.Types[c.Args[0]].Value == nil {
				pos := fset.Position(c.Pos())
				found = append(found, fmt.Sprintf("%s/%s:%d", path, filepath.Base(pos.Filename), pos.Line))
			}
			return true
		})
	}
	return found, nil
}
