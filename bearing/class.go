package bearing

import "slices"

// otherwise are names that are in use for the faults of this program. As classes of one's
// own they would be learnt beside those.
var otherwise = map[string]Fault{
	"healthy": Normal, "good": Normal, "ok": Normal, "none": Normal, "baseline": Normal, "no_fault": Normal,
	"inner": InnerRace, "inner_ring": InnerRace, "innerrace": InnerRace, "ir": InnerRace, "bpfi": InnerRace,
	"outer": OuterRace, "outer_ring": OuterRace, "outerrace": OuterRace, "or": OuterRace, "bpfo": OuterRace,
	"roller": Ball, "rolling_element": Ball, "balls": Ball, "bsf": Ball,
}

// ParseClass returns the condition of that name: one of Faults, or a class of the user's
// own, which a network may name and no other witness knows. It is lower-case letters,
// digits and underscores, a letter first. What a verdict says besides, and other names
// of Faults, are refused.
func ParseClass(s string) (Fault, error) {
	f := Fault(s)
	if f.Known() {
		return f, nil
	}
	if m, ok := otherwise[s]; ok {
		return "", Errorf(Invalid, "unknown_fault", "fault %q is not known: did you mean %s?", s, m)
	}
	if !isClass(s) || slices.Contains(Verdicts, f) {
		return "", Errorf(Invalid, "unknown_fault", "fault %q is not a class: use normal, inner_race, outer_race, ball, or a name of your own of lower-case letters, digits and underscores, such as misalignment", Clip(s))
	}
	return f, nil
}

// Known reports whether the bearing's physics knows the condition: one of Faults.
func (f Fault) Known() bool { return slices.Contains(Faults[:], f) }

func isClass(s string) bool {
	if s == "" || len(s) > 64 || s[0] < 'a' || s[0] > 'z' {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' {
			return false
		}
	}
	return true
}
