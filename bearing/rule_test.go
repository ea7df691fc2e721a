package bearing_test

import (
	"errors"
	"fmt"
	"testing"

	"brinell/bearing"
)

// TestRuleFaults: a condition names each fault once, so that it has no more than there are.
func TestRuleFaults(t *testing.T) {
	all := append([]bearing.Fault{}, bearing.Verdicts...)
	for _, c := range []struct {
		name   string
		faults []bearing.Fault
		at     string
	}{
		{"none", nil, ""},
		{"each", all, ""},
		{"one twice", []bearing.Fault{bearing.Ball, bearing.InnerRace, bearing.Ball}, "/conditions/1/faults/2"},
		{"in a row", []bearing.Fault{bearing.Ball, bearing.Ball}, "/conditions/1/faults/1"},
		{"each and one", append(all, all[0]), fmt.Sprint("/conditions/1/faults/", len(all))},
		{"no fault", []bearing.Fault{bearing.Ball, "rust"}, "/conditions/1/faults/1"},
	} {
		r := bearing.AlarmRule{Conditions: []bearing.AlarmCondition{{Name: "a", Kind: bearing.OnFault}, {Name: "b", Kind: bearing.OnFault, Faults: c.faults}}}
		err := r.Validate()
		var e *bearing.Error
		if errors.As(err, &e); (c.at == "") != (err == nil) || err != nil && (e.Code != "rule_invalid" || e.Pointer != c.at) {
			t.Errorf("%s: %+v, want it at %q", c.name, err, c.at)
		}
	}
}
