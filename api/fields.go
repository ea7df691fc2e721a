package api

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

//go:embed fields.txt
var fieldsText string

// fieldNote is what the table says of a field. A description of "=" is that of its doc tag.
type fieldNote struct {
	description string
	example     any // nil for none
}

// fieldNotes reads the table: by type, then by field.
func fieldNotes(table string) (map[string]map[string]fieldNote, error) {
	notes := make(map[string]map[string]fieldNote)
	kind := ""
	for line := range strings.Lines(table) {
		line = strings.TrimSpace(line)
		switch parts := strings.SplitN(line, " | ", 3); {
		case line == "" || line[0] == '#':
		case len(parts) == 1 && !strings.Contains(line, "|"):
			kind = line
			if notes[kind] != nil {
				return nil, fmt.Errorf("type %s stands twice", kind)
			}
			notes[kind] = make(map[string]fieldNote)
		default:
			n := fieldNote{}
			if len(parts) < 2 || kind == "" {
				return nil, fmt.Errorf("%q is no line of a field", line)
			}
			n.description = strings.TrimSpace(strings.TrimSuffix(parts[1], "|"))
			if _, twice := notes[kind][parts[0]]; twice || n.description == "" {
				return nil, fmt.Errorf("%s.%s stands twice, or without a description", kind, parts[0])
			}
			if len(parts) == 3 {
				if err := json.Unmarshal([]byte(parts[2]), &n.example); err != nil {
					return nil, fmt.Errorf("example of %s.%s: %w", kind, parts[0], err)
				}
			}
			notes[kind][parts[0]] = n
		}
	}
	return notes, nil
}

// Names in the table of what has no schema of its own.
const (
	ofParameters = "parameters" // of paths
	ofWindows    = "window"     // the JSON form of a window
)

// inlineKind is the name in the table of what an operation takes or gives without a name of its
// own: that of the operation, else of windows.
func inlineKind[T any](notes map[string]T, operation string) string {
	if _, ok := notes[operation]; ok {
		return operation
	}
	return ofWindows
}

// note gives a field its description and its example.
func (n fieldNote) note(s *huma.Schema) {
	if n.description != "=" {
		s.Description = n.description
	}
	if n.example != nil {
		s.Examples = []any{n.example}
	}
}

// annotate writes what the table says into the description of the API.
func annotate(doc *huma.OpenAPI) error {
	notes, err := fieldNotes(fieldsText)
	if err != nil {
		return err
	}
	for kind, s := range doc.Components.Schemas.Map() {
		for name, field := range s.Properties {
			if n, ok := notes[kind][name]; ok {
				n.note(field)
			}
		}
	}
	for _, item := range doc.Paths {
		for _, op := range []*huma.Operation{item.Get, item.Put, item.Post, item.Delete} {
			if op == nil {
				continue
			}
			for _, s := range inlineSchemas(op) {
				for name, field := range s.Properties {
					if n, ok := notes[inlineKind(notes, op.OperationID)][name]; ok {
						n.note(field)
					}
				}
			}
			for _, p := range op.Parameters {
				if n, ok := notes[ofParameters][p.Name]; ok && p.In == "path" {
					p.Description, p.Example = n.description, n.example
				}
			}
		}
	}
	return nil
}

// inlineSchemas are those of the bodies of an operation and of its answers that have fields and
// no name.
func inlineSchemas(op *huma.Operation) (all []*huma.Schema) {
	add := func(content map[string]*huma.MediaType) {
		for _, m := range content {
			if m.Schema != nil && len(m.Schema.Properties) > 0 {
				all = append(all, m.Schema)
			}
		}
	}
	if op.RequestBody != nil {
		add(op.RequestBody.Content)
	}
	for _, r := range op.Responses {
		add(r.Content)
	}
	return all
}
