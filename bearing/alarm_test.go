package bearing

import (
	"encoding/json"
	"strings"
	"testing"
)

// TestUntil: a limit of hysteresis that is left out is not one of 0, and rules that were
// stored without one are read as they were meant.
func TestUntil(t *testing.T) {
	for _, c := range []struct {
		condition, until string // as it is stored
		ok               bool
	}{
		{`"above":-0.5`, "", true},
		{`"above":4`, "", true},
		{`"above":4,"until":0`, `"until":0`, true},
		{`"above":4,"until":-1`, `"until":-1`, true},
		{`"above":-0.5,"until":-0.5`, `"until":-0.5`, true},
		{`"above":-0.5,"until":0`, "", false},
		{`"until":1`, "", false},
	} {
		var s Sensor
		if err := json.Unmarshal([]byte(`{"alarm":{"conditions":[{"name":"c","kind":"feature","feature":"rms",`+c.condition+`}]}}`), &s); err != nil {
			t.Fatal(err)
		}
		err := s.Validate()
		if (err == nil) != c.ok {
			t.Errorf("%s: %v", c.condition, err)
		}
		if err != nil && err.(*Error).Pointer != "/alarm/conditions/0/until" {
			t.Errorf("%s: %v", c.condition, err)
		}
		b, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		if c.ok && (strings.Contains(string(b), "until") != (c.until != "") || !strings.Contains(string(b), c.until)) {
			t.Errorf("%s is stored as %s", c.condition, b)
		}
	}
}

// TestNoConditions: who writes a rule for its silence alone says that it has no conditions,
// for it has not the default ones.
func TestNoConditions(t *testing.T) {
	if err := (AlarmRule{Silent: -1}).Validate(); CodeOf(err) != "rule_invalid" {
		t.Errorf("none: %v", err)
	}
	if err := (AlarmRule{Silent: -1, Conditions: []AlarmCondition{}}).Validate(); err != nil {
		t.Errorf("an empty list: %v", err)
	}
}
