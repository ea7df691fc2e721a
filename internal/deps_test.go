// Package internal holds the test of the house's import rules.
package internal

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// rules says which packages of this module each package may import, tests
// aside. Imports point down: a line may name only packages of lines above it,
// so that the table cannot hold a cycle.
const rules = `
internal/clamp      :
internal/settings   : internal/clamp
bearing             : internal/clamp
internal/files      : bearing
internal/logs       : bearing
internal/admit      : bearing
internal/kernel     :
features/dsp        : internal/clamp internal/kernel
features            : internal/kernel features/dsp
features/lines      : internal/clamp bearing features/dsp
internal/picture    : internal/clamp bearing features/dsp features/lines
models/nn           : internal/clamp internal/kernel
dataset/matfile     : bearing
dataset/npyfile     : bearing
dataset/csvfile     : bearing
dataset/wavfile     : internal/clamp bearing
dataset             : internal/clamp bearing dataset/matfile dataset/npyfile dataset/csvfile dataset/wavfile
dataset/download    : bearing dataset
dataset/excerpts    :
models/safetensors  : bearing
models/input        : internal/clamp bearing internal/kernel features/dsp features/lines models/nn
models/learn        : bearing models/nn models/safetensors
models/learn/network : internal/clamp internal/files bearing internal/kernel models/nn models/safetensors models/learn
models/learn/autoencoder : models/nn models/safetensors models/learn models/learn/network
models/learn/logistic : models/nn models/safetensors models/learn
models/learn/learntest : models/nn models/safetensors models/learn
models              : bearing features/lines internal/clamp internal/files models/nn models/safetensors models/input models/learn models/learn/network models/learn/autoencoder models/learn/logistic
models/pretrained   : models internal/files
models/train        : internal/clamp bearing features/lines dataset models models/nn models/input models/learn models/learn/network
models/prune        : internal/clamp bearing internal/kernel dataset models models/nn models/input models/learn models/learn/network models/train
internal/alarm      : bearing
internal/diagnose   : internal/clamp bearing internal/admit internal/alarm internal/picture features features/dsp features/lines models models/input models/learn/autoencoder
models/assess     : internal/clamp internal/files bearing features/dsp features/lines dataset models models/nn models/learn models/learn/network models/learn/logistic models/train models/prune internal/diagnose
internal/report     : bearing internal/clamp internal/kernel internal/picture models models/assess models/learn/network models/nn models/prune models/train
internal/ingest     : bearing internal/admit
internal/store      : bearing
internal/webhook    : bearing
internal/storetest  : bearing
internal/library    : bearing models
internal/keys       : internal/files
api/web             :
api/client          : bearing
api/decode          : internal/clamp bearing dataset dataset/npyfile dataset/wavfile
api                 : internal/clamp bearing internal/logs internal/admit internal/keys dataset/csvfile dataset/npyfile dataset/wavfile api/decode api/web
internal/watch      : bearing dataset dataset/wavfile internal/admit internal/ingest internal/logs api/decode
internal/bench      : api/decode bearing features features/dsp internal/clamp internal/diagnose internal/kernel internal/store models models/nn models/pretrained
internal/service    : api api/client bearing dataset dataset/excerpts internal/admit internal/clamp internal/diagnose internal/files internal/keys internal/library internal/logs internal/settings internal/store internal/watch internal/webhook models models/pretrained
internal/rig        :
internal/mutants    :
cmd/brinell         : *
`

// outside says who may import what from outside the standard library, and which
// parts of the standard library are somebody's alone.
const outside = `
net/http                            : api api/client internal/service cmd/brinell dataset/download internal/webhook
database/sql                        : internal/store
os/exec                             : -
github.com/go-chi/chi/v5            : api
github.com/danielgtaylor/huma/v2    : api
github.com/prometheus               : api internal/diagnose internal/webhook internal/watch internal/service
modernc.org/sqlite                  : internal/store
github.com/klauspost/compress       : api internal/store
github.com/google/go-cmp            : internal/storetest
gonum.org/v1/gonum                  : features/dsp models/learn/logistic internal/diagnose models/assess internal/bench
gonum.org/v1/plot                   : internal/picture internal/report
github.com/mjibson/go-dsp           : internal/bench
github.com/spf13                    : internal/settings internal/service cmd/brinell
github.com/knadh/koanf              : internal/settings
go.yaml.in/yaml/v3                   : internal/settings
github.com/schollz/progressbar/v3   : cmd/brinell
golang.org/x/sys                    : internal/kernel internal/watch internal/service
golang.org/x/term                   : cmd/brinell
`

// imports maps a package, named by its folder, to what it imports.
type imports map[string][]string

func TestImportRules(t *testing.T) {
	have, err := parseTree("..")
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range slices.Concat(violations(have), unused(have)) {
		t.Error(v)
	}
}

// unused lists what the tables allow and nobody does: a door that nobody needs stands
// open.
func unused(have imports) (out []string) {
	inside, order := parseTable(rules)
	for _, pkg := range order {
		if _, ok := have[pkg]; !ok {
			out = append(out, fmt.Sprintf("table: there is no package %s", pkg))
		}
		for _, p := range inside[pkg] {
			if p != "*" && !slices.Contains(have[pkg], "brinell/"+p) {
				out = append(out, fmt.Sprintf("table: %s may import %s, and does not", pkg, p))
			}
		}
	}
	extern, names := parseTable(outside)
	for _, name := range names {
		for _, pkg := range extern[name] {
			used := slices.ContainsFunc(have[pkg], func(imp string) bool { return imp == name || strings.HasPrefix(imp, name+"/") })
			if pkg != "-" && !used {
				out = append(out, fmt.Sprintf("table: %s may import %s, and does not", pkg, name))
			}
		}
	}
	return out
}

// TestImportRulesFail plants violations: the test above must see each.
func TestImportRulesFail(t *testing.T) {
	f := func(pkg, imported, want string) {
		t.Helper()
		got := violations(imports{pkg: {imported}})
		if len(got) != 1 || !strings.Contains(got[0], want) {
			t.Errorf("%s importing %s: got %q, want one mention of %q", pkg, imported, got, want)
		}
	}
	f("api", "brinell/models", "may not import models")
	f("internal/diagnose", "brinell/dataset", "may not import dataset")
	f("bearing", "brinell/features", "may not import features")
	f("features", "net/http", "may not import net/http")
	f("models/nn", "github.com/some/thing", "not in the table")
	f("utils", "fmt", "not in the table")
	if got := unused(imports{"models/learn": {"brinell/models/nn"}}); !slices.Contains(got, "table: models/learn may import models/safetensors, and does not") {
		t.Errorf("an edge that nobody uses is not found in %q", got)
	}
}

func violations(have imports) []string {
	inside, order := parseTable(rules)
	extern, _ := parseTable(outside)
	var out []string
	for i, p := range order {
		for _, q := range inside[p] {
			if q != "*" && !slices.Contains(order[:i], q) {
				out = append(out, fmt.Sprintf("table: %s may import %s, which does not stand above it", p, q))
			}
		}
	}
	for _, pkg := range slices.Sorted(maps.Keys(have)) {
		allowed, ok := inside[pkg]
		if !ok {
			out = append(out, fmt.Sprintf("package %s is not in the table", pkg))
			continue
		}
		for _, imp := range have[pkg] {
			if own, ok := strings.CutPrefix(imp, "brinell/"); ok {
				if !slices.Contains(allowed, own) && !slices.Contains(allowed, "*") {
					out = append(out, fmt.Sprintf("%s may not import %s", pkg, own))
				}
				continue
			}
			who, listed := lookup(extern, imp)
			switch {
			case listed && !slices.Contains(who, pkg):
				out = append(out, fmt.Sprintf("%s may not import %s", pkg, imp))
			case !listed && strings.Contains(strings.Split(imp, "/")[0], "."):
				out = append(out, fmt.Sprintf("%s imports %s, which is not in the table of outside packages", pkg, imp))
			}
		}
	}
	return out
}

// lookup finds imp or the nearest path above it.
func lookup(t map[string][]string, imp string) ([]string, bool) {
	for p := imp; p != "."; p = path.Dir(p) {
		if who, ok := t[p]; ok {
			return who, true
		}
	}
	return nil, false
}

func parseTable(s string) (table map[string][]string, order []string) {
	table = make(map[string][]string)
	for line := range strings.Lines(strings.TrimSpace(s)) {
		k, v, _ := strings.Cut(line, ":")
		k = strings.TrimSpace(k)
		table[k] = strings.Fields(v)
		order = append(order, k)
	}
	return table, order
}

// parseTree reads the imports of every package below root. Tests are left out:
// a test may use what it likes.
func parseTree(root string) (imports, error) {
	have := make(imports)
	fset := token.NewFileSet()
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() && p != root && (name == "testdata" || name[0] == '.' || name[0] == '_') {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		src, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		f, err := parser.ParseFile(fset, p, src, parser.ImportsOnly)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, filepath.Dir(p))
		if err != nil {
			return err
		}
		pkg := filepath.ToSlash(rel)
		have[pkg] = append(have[pkg], "") // so that a package without imports is known
		for _, i := range f.Imports {
			have[pkg] = append(have[pkg], strings.Trim(i.Path.Value, `"`))
		}
		return nil
	})
	for p := range have {
		slices.Sort(have[p])
		have[p] = slices.DeleteFunc(slices.Compact(have[p]), func(s string) bool { return s == "" })
	}
	return have, err
}
