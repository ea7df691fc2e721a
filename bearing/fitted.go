package bearing

import (
	"regexp"
	"slices"
	"strings"
)

// mostBeside is how many bearings a sensor may hear: each that is looked for costs the others score.
const mostBeside = 4

// another matches what may stand before another designation in place of a plus: no suffix is
// digits alone, four or five of them, of which one may be mistaken for a letter.
var another = regexp.MustCompile(`[\s,;/&]+(?:(?:and|und|et)\s+)?(\d[\dOQDILZSGBoqdilzsgb]{3,4})\b`)

// several parts a designation of several bearings. One that is in the catalogue as it is written
// stays one.
func several(lookup func(string) (KnownBearing, bool), designation string) []string {
	if !strings.ContainsAny(designation, "+,;&/ \t") {
		return []string{designation}
	}
	if b, ok := lookup(designation); ok && b.Designation == designation {
		return []string{designation}
	}
	var b strings.Builder
	from := 0
	for _, m := range another.FindAllStringSubmatchIndex(designation, -1) {
		before := designation[:m[0]]
		if next := designation[m[2]:m[3]]; len(next)-digitsIn(next) > 1 {
			continue
		}
		if strings.ContainsAny(before, "0123456789") && !strings.HasSuffix(before, "+") { // else it is behind its maker
			b.WriteString(designation[from:m[0]] + "+")
			from = m[2]
		}
	}
	b.WriteString(designation[from:])
	return strings.Split(strings.NewReplacer(",", "+", ";", "+", "&", "+").Replace(b.String()), "+")
}

// digitsIn counts the digits.
func digitsIn(s string) (n int) {
	for i := range len(s) {
		if isDigit(s[i]) {
			n++
		}
	}
	return n
}

// Fitted returns the bearing of a designation, or of one that names several on one sensor with a
// plus between them, such as "6205-2RS + 6203-2RS" for drive end and fan end, each beside the one
// before; a comma, a blank or a slash is taken for the plus too. ok is false where one of them is not known.
func Fitted(lookup func(string) (KnownBearing, bool), designation string) (b KnownBearing, ok bool) {
	parts := several(lookup, designation)
	if len(parts) > mostBeside {
		return KnownBearing{}, false
	}
	var beside *KnownBearing
	for _, part := range slices.Backward(parts) {
		if b, ok = lookup(strings.TrimSpace(part)); !ok {
			return KnownBearing{}, false
		}
		b.Beside = beside
		next := b
		beside = &next
	}
	return *beside, true
}

// Name returns the designation of the bearing and of those beside it as Fitted takes it, which is
// the same however it was spelt.
func (b *KnownBearing) Name() string {
	name := b.Designation
	for b = b.Beside; b != nil; b = b.Beside {
		name += " + " + b.Designation
	}
	return name
}

// Unknown returns why Fitted finds no bearing of a designation: how many are too many, or which of
// those that it names is not in the catalogue, what to do about that, and which ones may be meant,
// where letters stand for digits that look like them: 6205 for 62O5.
//
// The error has the kind and the code bearing_unknown, or is Invalid bearings_many.
func Unknown(kind Kind, lookup func(string) (KnownBearing, bool), designation, todo string) *Error {
	parts := several(lookup, designation)
	if len(parts) > mostBeside {
		return Errorf(Invalid, "bearings_many", "%q names %d bearings, and those of one sensor may be %d at most: "+
			"name the nearest, and register a sensor for each of the others", Clip(designation), len(parts), mostBeside)
	}
	var unknown []string
	likely := true // that all of those are mistyped
	for i, part := range parts {
		part = strings.TrimSpace(part)
		if _, ok := lookup(part); ok {
			parts[i] = part
			continue
		}
		unknown = append(unknown, part)
		b, ok := lookup(unmistaken(part))
		likely = likely && ok && unmistaken(part) != part
		parts[i] = b.Designation
	}
	if len(parts) > 1 && slices.Contains(unknown, "") {
		return Errorf(kind, "bearing_unknown", "%q lacks a bearing: "+
			"write designations with a plus between them, such as 6205-2RS + 6203-2RS", Clip(designation))
	}
	var meant string
	if likely {
		meant = ". Did you mean " + strings.Join(parts, " + ") + "?"
	}
	if len(parts) == 1 {
		return Errorf(kind, "bearing_unknown", "the bearing %q is not in the catalogue: %s%s", Clip(designation), todo, meant)
	}
	return Errorf(kind, "bearing_unknown", "of the bearings %q the catalogue has no %q: %s%s",
		Clip(designation), Clip(strings.Join(unknown, " and no ")), todo, meant)
}
