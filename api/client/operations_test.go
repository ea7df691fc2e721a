package client_test

import (
	"encoding/json"
	"go/parser"
	"go/token"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"sync"
	"testing"

	"brinell/api/client"
)

// operation is one of the OpenAPI document.
type operation struct {
	id, method, path string
	parameters       []parameter
}

type parameter struct{ Name, In string }

// operations reads the document that api's tests compare with its router.
func operations(t *testing.T) []operation {
	t.Helper()
	b, err := os.ReadFile("../testdata/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Paths map[string]map[string]struct {
			OperationID string      `json:"operationId"`
			Parameters  []parameter `json:"parameters"`
		} `json:"paths"`
	}
	if err := json.Unmarshal(b, &doc); err != nil {
		t.Fatal(err)
	}
	var all []operation
	for path, methods := range doc.Paths {
		for method, o := range methods {
			all = append(all, operation{o.OperationID, strings.ToUpper(method), path, o.Parameters})
		}
	}
	return all
}

// methodName is how the method of an operation is called: get-plot-png is PlotPNG,
// list-machines is Machines, put-sensor is PutSensor.
func methodName(id string) string {
	id = strings.TrimPrefix(strings.TrimPrefix(id, "get-"), "list-")
	var b strings.Builder
	for word := range strings.SplitSeq(id, "-") {
		switch word {
		case "png", "svg":
			b.WriteString(strings.ToUpper(word))
		case "openapi":
			b.WriteString("OpenAPI")
		default:
			b.WriteString(strings.ToUpper(word[:1]) + word[1:])
		}
	}
	return b.String()
}

// TestOperations: each operation of the API has a method.
func TestOperations(t *testing.T) {
	have := reflect.TypeFor[*client.Client]()
	all := operations(t)
	if len(all) < 50 {
		t.Fatalf("the document has %d operations", len(all))
	}
	for _, o := range all {
		if _, ok := have.MethodByName(methodName(o.id)); !ok {
			t.Errorf("%s %s: the client has no method %s", o.method, o.path, methodName(o.id))
		}
	}
}

// TestDocumentedCodes: the codes of errors that the methods name are those of the API.
func TestDocumentedCodes(t *testing.T) {
	b, err := os.ReadFile("../testdata/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Codes []struct{ Code string } `json:"x-error-codes"`
	}
	if err := json.Unmarshal(b, &doc); err != nil {
		t.Fatal(err)
	}
	known := make(map[string]bool)
	for _, c := range doc.Codes {
		known[c.Code] = true
	}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	code := regexp.MustCompile(`\b[a-z]+(_[a-z0-9]+)+\b`)
	named := 0
	for _, file := range files {
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range f.Comments {
			for _, name := range code.FindAllString(c.Text(), -1) {
				if named++; !known[name] {
					t.Errorf("%s names the code %s, which the API has not", file, name)
				}
			}
		}
	}
	if named < 40 {
		t.Errorf("%d codes are named", named)
	}
}

// recorder notes what requests state, and how they were answered.
type recorder struct {
	mu    sync.Mutex
	asked map[string]*asked // by method and path of the document
	ops   []matched
}

type matched struct {
	operation
	re *regexp.Regexp
}

// asked is what was stated in requests of an operation that were answered with success.
type asked struct {
	times      int
	parameters map[parameter]bool
}

func newRecorder(t *testing.T) *recorder {
	r := &recorder{asked: make(map[string]*asked)}
	for _, o := range operations(t) {
		path := regexp.MustCompile(`\\\{[a-z]+\\\}`).ReplaceAllString(regexp.QuoteMeta(o.path), `[^/]+`)
		r.ops = append(r.ops, matched{o, regexp.MustCompile("^" + path + "$")})
	}
	return r
}

func (r *recorder) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil || resp.StatusCode >= 300 {
		return resp, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	var of *matched
	for i, o := range r.ops { // /v1/models/rollback before a path with a name in its place
		fits := o.method == req.Method && o.re.MatchString(req.URL.EscapedPath())
		if fits && (of == nil || !strings.Contains(o.path, "{")) {
			of = &r.ops[i]
		}
	}
	if of == nil {
		return resp, nil
	}
	a := r.asked[of.id]
	if a == nil {
		a = &asked{parameters: make(map[parameter]bool)}
		r.asked[of.id] = a
	}
	a.times++
	for name := range req.URL.Query() {
		a.parameters[parameter{name, "query"}] = true
	}
	for name := range req.Header {
		a.parameters[parameter{name, "header"}] = true
	}
	return resp, nil
}

// check reports operations that had no success, and parameters that none of their requests
// stated.
func (r *recorder) check(t *testing.T) {
	t.Helper()
	for _, o := range r.ops {
		a := r.asked[o.id]
		if a == nil {
			t.Errorf("%s %s was never answered with success", o.method, o.path)
			continue
		}
		for _, p := range o.parameters {
			name := p
			if p.In == "header" {
				name.Name = http.CanonicalHeaderKey(p.Name)
			}
			// Of clients that cannot set the header of that name.
			if p.In != "path" && p.Name != "last_event_id" && !a.parameters[name] {
				t.Errorf("%s %s: the %s parameter %s was never stated", o.method, o.path, p.In, p.Name)
			}
		}
	}
}
