package bearing

import (
	"strings"
	"testing"
)

func TestParseClass(t *testing.T) {
	for _, s := range []string{"normal", "ball", "misalignment", "unbalance", "cage", "looseness_2", strings.Repeat("a", 64)} {
		if f, err := ParseClass(s); err != nil || string(f) != s {
			t.Errorf("%q: %q, %v", s, f, err)
		}
	}
	for s, want := range map[string]string{"": "not a class", "inner": "did you mean inner_race", "healthy": "did you mean normal", "Cage": "not a class", "2x": "not a class",
		"loose foot": "not a class", "inconclusive": "not a class", "unknown_fault": "not a class", strings.Repeat("a", 65): "not a class"} {
		if _, err := ParseClass(s); CodeOf(err) != "unknown_fault" || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", s, err, want)
		}
	}
	if Fault("cage").Known() || !OuterRace.Known() || Inconclusive.Known() {
		t.Error("the physics knows the four faults and no other")
	}
}
