package bearing

import (
	"fmt"
	"time"
)

// What a user does to the baseline of a sensor axis.
const (
	BaselineRestart = "restart" // forget what was learnt, after work on the machine
	BaselineFreeze  = "freeze"  // learn no more
	BaselineResume  = "resume"  // learn on
)

// BaselineControl is one of these. It holds for windows that start at its time or later.
type BaselineControl struct {
	Action string    `json:"action" enum:"restart,freeze,resume" doc:"restart forgets what was learnt and what has accumulated, as after work on the machine; freeze learns no more, resume learns on"`
	Axis   string    `json:"axis,omitempty" doc:"of a sensor with several"`
	At     time.Time `json:"at,omitzero" doc:"first start of the windows for which it holds; now if left out"`
	By     string    `json:"by,omitempty" doc:"who; with a key, whose it is"`
	Note   string    `json:"note,omitempty"`
}

// Validate checks a control.
func (c BaselineControl) Validate() error {
	if c.Action != BaselineRestart && c.Action != BaselineFreeze && c.Action != BaselineResume {
		return Errorf(Invalid, "field_invalid", "action %q is none of restart, freeze, resume", Clip(c.Action)).At("/action")
	}
	if c.Axis != "" && !IsName(c.Axis) {
		return Errorf(Invalid, "axis_name", "%q is no name of an axis", Clip(c.Axis)).At("/axis")
	}
	if c.At.Before(minStart) || !c.At.Before(maxStart) {
		return Errorf(Invalid, "start_out_of_range", "at must lie between 1970 and 2262").At("/at")
	}
	return texts("by", c.By, "note", c.Note)
}

// Baseline is what has been learnt of a sensor axis in one running state.
type Baseline struct {
	Axis    string        `json:"axis"`
	Running string        `json:"running_state"`
	State   BaselineState `json:"state"`
	Learned int           `json:"learned_windows"`
	Needed  int           `json:"needed_windows"`
	Method  string        `json:"method,omitempty"`
	Limit   float64       `json:"limit,omitempty" doc:"distance beyond which a window has changed"`
	Version string        `json:"version,omitempty" doc:"digest"`
	Run     *Run          `json:"alarm,omitempty" doc:"of changed windows, while it lasts"`
}

// Baselines are those of a sensor, with what was done to them.
type Baselines struct {
	Sensor    string            `json:"sensor"`
	Baselines []Baseline        `json:"baselines" nullable:"false"`
	Controls  []BaselineControl `json:"controls" nullable:"false" doc:"the newest, in the order of their times"`
	Older     int               `json:"older_controls,omitempty" doc:"how many before those are left out"`
	Version   int64             `json:"-"` // of the controls, 0 for none
}

// What an inspection found.
const (
	FoundFault   = "fault"
	FoundNothing = "nothing"
)

// Inspection is what somebody saw who looked at the bearing of a sensor: the truth about
// the windows of a time, for training.
type Inspection struct {
	Name     string    `json:"name"`
	Sensor   string    `json:"sensor"`
	Axis     string    `json:"axis,omitempty" doc:"all axes if left out"`
	Found    string    `json:"found" enum:"fault,nothing"`
	Fault    Fault     `json:"fault,omitempty" doc:"what was found: inner_race, outer_race, ball"`
	At       time.Time `json:"at" doc:"of the inspection"`
	From     time.Time `json:"from,omitzero" doc:"windows from here on, up to until, are labelled with what was found; none if left out"`
	Until    time.Time `json:"until,omitzero" doc:"at if left out"`
	Specimen string    `json:"specimen,omitempty" doc:"the bearing as a thing, such as its serial number: the sensor and the day it was fitted if nothing else; what is tested is never trained on"`
	Part     string    `json:"part,omitempty" doc:"what was replaced"`
	By       string    `json:"by,omitempty"`
	Note     string    `json:"note,omitempty"`
}

// Validate checks an inspection by itself.
func (i Inspection) Validate() error {
	bad := func(field, format string, args ...any) error {
		return Errorf(Invalid, "field_invalid", "%s", fmt.Sprintf(format, args...)).At("/" + field)
	}
	switch {
	case !IsName(i.Sensor):
		return nameError("sensor", i.Sensor)
	case i.Axis != "" && !IsName(i.Axis):
		return nameError("axis", i.Axis)
	case i.Found != FoundFault && i.Found != FoundNothing:
		return bad("found", "found %q is neither fault nor nothing", Clip(i.Found))
	case i.Found == FoundNothing && i.Fault != "":
		return bad("fault", "nothing was found, and it was %q: leave one out", Clip(string(i.Fault)))
	case i.Found == FoundFault && i.Fault != InnerRace && i.Fault != OuterRace && i.Fault != Ball:
		return bad("fault", "fault %q is none of inner_race, outer_race, ball", Clip(string(i.Fault)))
	case i.At.Before(minStart) || !i.At.Before(maxStart):
		return bad("at", "state at, the time of the inspection, as RFC 3339")
	case i.From.IsZero() && !i.Until.IsZero():
		return bad("from", "until is stated and from is not")
	case !i.From.IsZero() && !i.From.Before(i.End()):
		return bad("from", "from must be before until, or before at")
	}
	return texts("specimen", i.Specimen, "part", i.Part, "by", i.By, "note", i.Note)
}

// End is where the windows that it labels end.
func (i Inspection) End() time.Time {
	if i.Until.IsZero() {
		return i.At
	}
	return i.Until
}

// Label is the truth that it gives.
func (i Inspection) Label() Fault {
	if i.Found == FoundNothing {
		return Normal
	}
	return i.Fault
}
