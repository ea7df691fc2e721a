package api

import (
	"encoding/json"
	"strings"
	"testing"
)

// described is what the test reads of a schema in the document.
type described struct {
	Ref         string               `json:"$ref"`
	Type        any                  `json:"type"`
	Description string               `json:"description"`
	Examples    []any                `json:"examples"`
	Enum        []any                `json:"enum"`
	Items       *described           `json:"items"`
	Properties  map[string]described `json:"properties"`
}

// is reports whether the schema has a type, beside null.
func (d described) is(name string) bool {
	if all, ok := d.Type.([]any); ok {
		return all[0] == name
	}
	return d.Type == name
}

// owed reports whether a field has to have an example: what refers to another type has none.
func (d described) owed() bool { return d.Ref == "" && (d.Items == nil || d.Items.Ref == "") }

// fits says how the example of a field is none of its values.
func (d described) fits(v any) string {
	switch x := v.(type) {
	case string:
		ok := len(d.Enum) == 0
		for _, e := range d.Enum {
			ok = ok || e == x
		}
		if !ok {
			return "is none of its values"
		}
		if !d.is("string") {
			return "is text"
		}
	case float64:
		if !d.is("number") && !(d.is("integer") && x == float64(int64(x))) {
			return "is a number"
		}
	case bool:
		if !d.is("boolean") {
			return "is a truth value"
		}
	case []any:
		if !d.is("array") {
			return "is a list"
		}
	case map[string]any:
		if !d.is("object") {
			return "is an object"
		}
	}
	return ""
}

// TestFields: every public field, and every parameter, says what it means and has an example
// that it may have; and the table has no line for what is not there.
func TestFields(t *testing.T) {
	s, err := newServer(Config{Version: "test"}, backend(&fake{}))
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Components struct{ Schemas map[string]described }
		Paths      map[string]map[string]struct {
			OperationID string
			Parameters  []struct{ Name, In, Description string }
			RequestBody struct {
				Content map[string]struct{ Schema described }
			}
			Responses map[string]struct {
				Content map[string]struct{ Schema described }
			}
		}
	}
	if err := json.Unmarshal(s.spec, &doc); err != nil {
		t.Fatal(err)
	}
	notes, err := fieldNotes(fieldsText)
	if err != nil {
		t.Fatal(err)
	}
	used := make(map[string]bool)
	fields := 0
	var check func(kind, at string, s described, examples bool)
	check = func(kind, at string, s described, examples bool) {
		for name, f := range s.Properties {
			fields++
			used[kind+"."+name] = true
			if strings.TrimSpace(f.Description) == "" {
				t.Errorf("%s.%s has no description", at, name)
			}
			if examples && f.owed() && len(f.Examples) == 0 {
				t.Errorf("%s.%s has no example", at, name)
			}
			check(kind, at+"."+name, f, false)
			for _, e := range f.Examples {
				if why := f.fits(e); why != "" {
					t.Errorf("example %v of %s.%s %s", e, at, name, why)
				}
			}
		}
	}
	for name, s := range doc.Components.Schemas {
		check(name, name, s, true)
	}
	for path, ops := range doc.Paths {
		for method, op := range ops {
			at, kind := method+" "+path, inlineKind(notes, op.OperationID)
			for _, p := range op.Parameters {
				if p.Description == "" {
					t.Errorf("%s: parameter %s has no description", at, p.Name)
				}
				if p.In == "path" {
					used[ofParameters+"."+p.Name] = true
				}
			}
			for _, m := range op.RequestBody.Content {
				check(kind, at, m.Schema, true)
			}
			for _, r := range op.Responses {
				for _, m := range r.Content {
					check(kind, at, m.Schema, false)
				}
			}
		}
	}
	for kind, all := range notes {
		for name := range all {
			if !used[kind+"."+name] {
				t.Errorf("the table has %s.%s, the document has not", kind, name)
			}
		}
	}
	if fields < 300 {
		t.Errorf("%d fields were looked at", fields)
	}
}

// TestFieldNotes: a line of the table that says nothing, stands twice or has no JSON for its
// example is refused.
func TestFieldNotes(t *testing.T) {
	good := "# note\n\nThing\na | what | 1\nb | = | \"x\"\nc | refers |\n"
	notes, err := fieldNotes(good)
	if n := notes["Thing"]; err != nil || len(n) != 3 || n["a"].example != 1.0 || n["c"].example != nil ||
		n["c"].description != "refers" {
		t.Errorf("%+v, %v", notes, err)
	}
	for _, bad := range []string{good + "a | again |", good + "Thing", "Thing\na | what | {", "Thing\na | |",
		"a | before a type |"} {
		if _, err := fieldNotes(bad); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}
