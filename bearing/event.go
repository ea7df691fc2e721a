package bearing

import (
	"encoding/json"
	"fmt"
	"slices"
)

// Effects are what a diagnosis changes beside itself: they are stored with it, or not
// at all.
type Effects struct {
	Alarms  []Alarm         // as they are from now on
	Machine json.RawMessage // state of the sensor's alarm machine, nil if it did not change
	Rev     int64           // of that state: an older one does not replace a newer one
	State   *AxisState      // of the sensor before the diagnosis, nil where it is not to be stored
}

// AlarmChange is one line of the log of alarms: an alarm as it was then.
type AlarmChange struct {
	Seq   int64
	Alarm Alarm
	Doc   json.RawMessage
}

// Event is something that has been stored, for those who follow. Events come in the
// order of their positions.
type Event struct {
	Position Position
	Kind     string // diagnosis or alarm
	Sensor   string
	Severity int             // 0 nothing, 1 warning or stage 1-2, 2 alarm or stage 3-4
	Doc      json.RawMessage // the diagnosis or the alarm; nil of one that is not wanted
	Before   json.RawMessage // of an alarm as it is being stored, what it was before; nil of a new one, and later
}

// EventQuery says which events are wanted.
type EventQuery struct {
	Kind    string   // diagnosis or alarm, "" for both
	Sensors []string // nil for all
}

// Wants says whether an event of a kind and a sensor is one of them.
func (q EventQuery) Wants(kind, sensor string) bool {
	return (q.Kind == "" || q.Kind == kind) && (q.Sensors == nil || slices.Contains(q.Sensors, sensor))
}

// Position is a place among the events: the numbers of the newest diagnosis and of the
// newest change of an alarm up to there.
type Position struct{ Diagnosis, Alarm int64 }

// String is the position as it stands in Last-Event-ID.
func (p Position) String() string { return fmt.Sprintf("%d-%d", p.Diagnosis, p.Alarm) }

// ParsePosition is the inverse of String.
func ParsePosition(s string) (p Position, err error) {
	if n, err := fmt.Sscanf(s, "%d-%d", &p.Diagnosis, &p.Alarm); err != nil || n != 2 || p.String() != s || p.Diagnosis < 0 || p.Alarm < 0 {
		return Position{}, Errorf(Invalid, "position_invalid", "Last-Event-ID %q is none that this service gave: leave it out", Clip(s))
	}
	return p, nil
}

// Weight is how severe a diagnosis is, as Event.Severity counts.
func (d *Diagnosis) Weight() int {
	switch {
	case d.Verdict.Severity.Stage >= 3:
		return 2
	case d.Verdict.Severity.Stage > 0 || d.Fault == UnknownFault || d.Witnesses.Baseline.Changed:
		return 1
	}
	return 0
}

// Weight is how severe an alarm is, as Event.Severity counts.
func (a *Alarm) Weight() int {
	if a.Severity == "alarm" {
		return 2
	}
	return 1
}

// StoredState is what a store has of a sensor axis beside its diagnoses.
type StoredState struct {
	Folded bool        // all diagnoses of the sensor are in Doc or in Since
	Doc    []byte      // JSON of the state, nil for none
	Since  []Diagnosis // that Doc does not cover, in the order in which they were stored
}

// AxisState is the state of an axis as it is to be stored.
type AxisState struct {
	Axis   string
	Doc    []byte   // JSON
	Covers []string // IDs of the diagnoses that it has, and the one stored before has not
}
