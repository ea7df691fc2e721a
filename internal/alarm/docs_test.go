package alarm

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"brinell/bearing"
)

// TestRuleOfDocs: the rule that docs/alarms.md shows is one.
func TestRuleOfDocs(t *testing.T) {
	text, err := os.ReadFile("../../docs/alarms.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(text), "```json\n")
	doc, _, closed := strings.Cut(rest, "```")
	if !ok || !closed {
		t.Fatal("the page shows no rule")
	}
	dec := json.NewDecoder(strings.NewReader(doc))
	dec.DisallowUnknownFields()
	var r bearing.AlarmRule
	if err := dec.Decode(&r); err != nil {
		t.Fatal(err)
	}
	if err := r.Validate(); err != nil || len(r.Conditions) != 3 {
		t.Errorf("%+v: %v", r, err)
	}
}
