package dataset

import (
	"fmt"
	"strings"

	"brinell/bearing"
)

// Task is a question put to recordings: which of Classes is this? Label returns
// the class of a recording, and false if the recording has none in this task.
// Select returns the recordings that the task is usually asked of.
type Task struct {
	Name    string
	Classes []string
	Label   func(bearing.Recording) (string, bool)
	Select  func([]bearing.Recording) []bearing.Recording
}

// standardSizes are the fault sizes that every fault type of the CWRU corpus has.
var standardSizes = []int{7, 14, 21}

// Tasks returns all tasks.
func Tasks() []Task {
	fault := Task{
		Name:  "fault",
		Label: func(r bearing.Recording) (string, bool) { return string(r.Truth.Fault), r.Truth.Fault != "" },
	}
	fault.Select = func(recs []bearing.Recording) []bearing.Recording { return labelled(recs, fault.Label) }
	sized := Task{Name: "fault+size", Classes: []string{string(bearing.Normal)}, Select: StandardTen}
	for _, f := range bearing.Faults {
		fault.Classes = append(fault.Classes, string(f))
		if f == bearing.Normal {
			continue
		}
		for _, mil := range standardSizes {
			sized.Classes = append(sized.Classes, sizedClass(f, mil))
		}
	}
	sized.Label = func(r bearing.Recording) (string, bool) {
		if r.Truth.Fault == bearing.Normal {
			return string(bearing.Normal), true
		}
		return sizedClass(r.Truth.Fault, r.Truth.SizeMil), isStandard(&r)
	}
	return []Task{fault, sized}
}

// TaskNamed returns the task of that name, or an error that lists the names.
func TaskNamed(name string) (Task, error) {
	var names []string
	for _, t := range Tasks() {
		if t.Name == name {
			return t, nil
		}
		names = append(names, t.Name)
	}
	return Task{}, bearing.Errorf(bearing.NotFound, "unknown_task", "labels %q are not known: use one of %s", bearing.Clip(name), strings.Join(names, ", "))
}

// StandardTen returns the recordings of the usual ten-class protocol on the CWRU
// drive end: inner race, ball, and outer race at 6 o'clock, 7, 14 and 21 mil, at
// all loads (36 files), and the healthy drive end.
func StandardTen(recs []bearing.Recording) []bearing.Recording {
	var out []bearing.Recording
	for _, r := range recs {
		if endOf(&r) == "DE" && (r.Truth.Fault == bearing.Normal || isStandard(&r)) {
			out = append(out, r)
		}
	}
	return out
}

// isStandard reports whether a damaged bearing belongs to the usual protocol by
// its size and position.
func isStandard(r *bearing.Recording) bool {
	for _, mil := range standardSizes {
		if r.Truth.SizeMil == mil {
			return r.Truth.Fault != "" && inLoadZone(r)
		}
	}
	return false
}

// sizedClass returns the name of a class by fault and size, e.g. inner_race_007.
func sizedClass(f bearing.Fault, mil int) string { return fmt.Sprintf("%s_%03d", f, mil) }

func labelled(recs []bearing.Recording, label func(bearing.Recording) (string, bool)) []bearing.Recording {
	var out []bearing.Recording
	for _, r := range recs {
		if _, ok := label(r); ok {
			out = append(out, r)
		}
	}
	return out
}
