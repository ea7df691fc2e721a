package bearing

import (
	"encoding/json"
	"slices"
)

// Fault is a class of bearing condition: what is (or is not) damaged. "" is no
// answer, in JSON null.
type Fault string

// MarshalJSON writes the name, or null for "".
func (f Fault) MarshalJSON() ([]byte, error) {
	if f == "" {
		return []byte("null"), nil
	}
	return json.Marshal(string(f))
}

// The faults that a model of this program can name.
const (
	Normal    Fault = "normal"     // no damage
	InnerRace Fault = "inner_race" // spall on the inner ring's raceway, line at BPFI
	OuterRace Fault = "outer_race" // spall on the outer ring's raceway, line at BPFO
	Ball      Fault = "ball"       // spall on a rolling element, line at 2×BSF
)

// What a verdict may be besides.
const (
	UnknownFault Fault = "unknown_fault" // changed from the sensor's baseline, and no known fault explains it
	Inconclusive Fault = "inconclusive"  // the witnesses do not suffice, or contradict each other
)

// Verdicts lists what a stored diagnosis may say, in the order in which reports show
// them; an unusable window says nothing.
var Verdicts = []Fault{Normal, InnerRace, OuterRace, Ball, UnknownFault, Inconclusive}

// Faults lists the conditions that a model can name, in the order in which reports
// show them.
var Faults = [...]Fault{Normal, InnerRace, OuterRace, Ball}

// ByFault is a number for each of Faults, in their order.
type ByFault [len(Faults)]float64

// Equal returns the probabilities of who knows nothing: the same for each of Faults.
func Equal() (p ByFault) {
	for i := range p {
		p[i] = 1 / float64(len(p))
	}
	return p
}

// ParseVerdict returns the verdict of that name, or an error that lists the names.
func ParseVerdict(s string) (Fault, error) {
	if f := Fault(s); slices.Contains(Verdicts, f) {
		return f, nil
	}
	return "", Errorf(Invalid, "unknown_fault", "fault %q is not known: use one of normal, inner_race, outer_race, ball, unknown_fault, inconclusive", Clip(s))
}

// ParseFault returns the Fault of that name, or an error that lists the names.
func ParseFault(s string) (Fault, error) {
	if f := Fault(s); slices.Contains(Faults[:], f) {
		return f, nil
	}
	return "", Errorf(Invalid, "unknown_fault", "fault %q is not known: use one of normal, inner_race, outer_race, ball", Clip(s))
}
