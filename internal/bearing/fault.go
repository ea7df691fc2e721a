package bearing

import "slices"

// Fault is a class of bearing condition: what is (or is not) damaged.
type Fault string

// The faults that a model of this program can name.
const (
	Normal    Fault = "normal"     // no damage
	InnerRace Fault = "inner_race" // spall on the inner ring's raceway, line at BPFI
	OuterRace Fault = "outer_race" // spall on the outer ring's raceway, line at BPFO
	Ball      Fault = "ball"       // spall on a rolling element, line at 2×BSF
)

// Faults lists every Fault in the order in which reports show them.
var Faults = []Fault{Normal, InnerRace, OuterRace, Ball}

// ParseFault returns the Fault of that name, or an error that lists the names.
func ParseFault(s string) (Fault, error) {
	if f := Fault(s); slices.Contains(Faults, f) {
		return f, nil
	}
	return "", Errorf(Invalid, "unknown_fault", "fault %q is not known: use one of normal, inner_race, outer_race, ball", Clip(s))
}
