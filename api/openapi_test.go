package api

import (
	"bytes"
	"encoding/json"
	"flag"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"
	"github.com/google/go-cmp/cmp"

	"brinell/api/web"
)

var update = flag.Bool("update", false, "write golden files anew")

// TestDescription compares the router with the document, both ways, and the
// document with the golden file.
func TestDescription(t *testing.T) {
	s, err := newServer(Config{Version: "test"}, backend(&fake{}))
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		OpenAPI string                    `json:"openapi"`
		Paths   map[string]map[string]any `json:"paths"`
	}
	if err := json.Unmarshal(s.spec, &doc); err != nil || !strings.HasPrefix(doc.OpenAPI, "3.1") {
		t.Fatalf("openapi %q: %v", doc.OpenAPI, err)
	}
	routes := make(map[string]bool)
	err = chi.Walk(s.router, func(method, route string, _ http.Handler, _ ...func(http.Handler) http.Handler) error {
		if route != "/docs/*" { // styles and scripts of a page
			routes[route+" "+strings.ToLower(method)] = true
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for path, ops := range doc.Paths {
		for method := range ops {
			if key := path + " " + method; !routes[key] {
				t.Errorf("the document has %s, the router has not", key)
			} else {
				delete(routes, key)
			}
		}
	}
	for path, ops := range doc.Paths {
		for method, op := range ops {
			rule := scopes[strings.ToUpper(method)+" "+path]
			o, _ := op.(map[string]any)
			responses, _ := o["responses"].(map[string]any)
			for _, status := range []string{"401", "403", "429"} {
				if (responses[status] != nil) != (rule.scope != open) {
					t.Errorf("%s %s: answer %s described: %v", method, path, status, responses[status] != nil)
				}
			}
			if want := `[{"key":["` + string(rule.scope) + `"]}]`; rule.scope != open {
				if got, _ := json.Marshal(o["security"]); string(got) != want {
					t.Errorf("%s %s: security %s, want %s", method, path, got, want)
				}
			}
			if o["requestBody"] != nil && responses["408"] == nil {
				t.Errorf("%s %s: no answer to a slow body", method, path)
			}
			for _, status := range []string{"429", "503"} {
				r, _ := responses[status].(map[string]any)
				if h, _ := r["headers"].(map[string]any); r != nil && h["Retry-After"] == nil {
					t.Errorf("%s %s: %s without Retry-After", method, path, status)
				}
			}
		}
	}
	for r := range routes {
		t.Errorf("the router has %s, the document has not", r)
	}
	if b := s.spec; bytes.Contains(b, []byte("ErrorModel")) || bytes.Contains(b, []byte("ErrorDetail")) {
		t.Error("the document has an error model that is not ours")
	}
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, s.spec, "", "  "); err != nil {
		t.Fatal(err)
	}
	golden := filepath.Join("testdata", "openapi.json")
	if *update {
		if err := os.WriteFile(golden, pretty.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), pretty.String()); d != "" {
		t.Errorf("the API changed: look at the difference and run with -update (-golden +now):\n%s", d)
	}
}

// TestPagesLoadNothingForeign: a plant's browser may have no way out.
func TestPagesLoadNothingForeign(t *testing.T) {
	err := fs.WalkDir(web.Files, ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := fs.ReadFile(web.Files, p)
		for _, foreign := range []string{"http:", "https:", "//", "@import"} {
			if i := bytes.Index(b, []byte(foreign)); i >= 0 && !(foreign == "//" && strings.HasSuffix(p, ".js")) {
				t.Errorf("%s has %q", p, b[i:min(len(b), i+40)])
			}
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}
