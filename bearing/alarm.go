package bearing

import (
	"fmt"
	"slices"
	"time"
)

// AlarmRule says when a sensor's windows raise an alarm. Each condition is followed by
// itself, in each running state by itself.
type AlarmRule struct {
	Conditions []AlarmCondition `json:"conditions" nullable:"false"`
	Latch      bool             `json:"latch,omitempty" doc:"an alarm stays until it is acknowledged, even if its condition is gone"`
	Silent     float64          `json:"silent_intervals,omitempty" doc:"of the sensor's own intervals without a window, after which it is called silent; 0 for the default, negative for never; a sensor that is not registered never is"`
}

// AlarmCondition is what a window has to be, and for how long.
type AlarmCondition struct {
	Name        string   `json:"name" doc:"of the condition, its own in the rule"`
	Kind        string   `json:"kind" enum:"fault,baseline,zone,feature" doc:"a fault is named, the baseline calls the window changed, a velocity zone is reached, a feature is above a limit"`
	Severity    string   `json:"severity,omitempty" enum:"warning,alarm" doc:"alarm if left out"`
	Faults      []Fault  `json:"faults,omitempty" doc:"kind fault: which; all known ones if left out"`
	Probability float64  `json:"probability,omitempty" doc:"kind fault: at least this"`
	Zone        string   `json:"zone,omitempty" enum:"B,C,D" doc:"kind zone: this one or a worse one"`
	Feature     string   `json:"feature,omitempty" doc:"kind feature: name of a condition indicator"`
	Above       float64  `json:"above,omitempty" doc:"kind feature: on above this"`
	Until       *float64 `json:"until,omitempty" doc:"kind feature: off at or below this; above if left out"`
	On          Delay    `json:"on,omitzero" doc:"how long before it is raised; one window if left out"`
	Off         Delay    `json:"off,omitzero" doc:"how long it must be gone before it is cleared; one window if left out"`
}

// Delay is a number of windows in a row, and a time that they span. Both must be
// reached.
type Delay struct {
	Count   int     `json:"count,omitempty"`
	Seconds float64 `json:"seconds,omitempty"`
}

// Kinds of conditions, and those of alarms about a sensor from which nothing comes, or only
// windows that begin before its newest one.
const (
	OnFault    = "fault"
	OnBaseline = "baseline"
	OnZone     = "zone"
	OnFeature  = "feature"
	OnSilence  = "silent"
	OnClock    = "clock"
)

// DefaultSilent is how many of its own intervals a sensor may be silent.
const DefaultSilent = 5

// DefaultRule is the rule of a sensor that has none: a fault that three windows in a
// row name, and, as warnings, what is no known fault in ten and a baseline that has
// been left for twenty. Single windows raise nothing.
var DefaultRule = AlarmRule{Conditions: []AlarmCondition{
	{Name: "fault", Kind: OnFault, Severity: "alarm", On: Delay{Count: 3}, Off: Delay{Count: 10}},
	{Name: "unknown", Kind: OnFault, Severity: "warning", Faults: []Fault{UnknownFault}, On: Delay{Count: 10}, Off: Delay{Count: 10}},
	{Name: "baseline", Kind: OnBaseline, Severity: "warning", On: Delay{Count: 20}, Off: Delay{Count: 20}},
}}

// maxConditions and maxDelay bound a rule.
const (
	maxConditions = 16
	maxDelay      = 1e6
)

// Validate checks a rule; the pointers of its errors begin at the rule.
func (r AlarmRule) Validate() error {
	if r.Conditions == nil {
		return Errorf(Invalid, "rule_invalid", "a rule has conditions: state them, or [] if nothing but silence is to raise an alarm").At("/conditions")
	}
	if len(r.Conditions) > maxConditions {
		return Errorf(Invalid, "rule_invalid", "%d conditions, at most %d may stand there", len(r.Conditions), maxConditions).At("/conditions")
	}
	if !(r.Silent >= -1 && r.Silent <= maxDelay) {
		return Errorf(Invalid, "rule_invalid", "silent_intervals %g is outside -1..%g", r.Silent, float64(maxDelay)).At("/silent_intervals")
	}
	seen := make(map[string]bool)
	for i, c := range r.Conditions {
		at := fmt.Sprintf("/conditions/%d", i)
		if !IsName(c.Name) || c.Name == OnSilence || c.Name == OnClock || seen[c.Name] {
			return Errorf(Invalid, "rule_invalid", "condition name %q is no name, stands twice, or is silent or clock, which are the service's own", Clip(c.Name)).At(at + "/name")
		}
		seen[c.Name] = true
		if field, why := c.wrong(); field != "" {
			return Errorf(Invalid, "rule_invalid", "%s", why).At(at + "/" + field)
		}
	}
	return nil
}

// wrong returns the field of the condition that makes no sense, and why.
func (c AlarmCondition) wrong() (field, why string) {
	for i, f := range c.Faults {
		at := fmt.Sprintf("faults/%d", i)
		if v, err := ParseVerdict(string(f)); err != nil || v == "" {
			return at, fmt.Sprintf("%q is no fault that a verdict names", Clip(string(f)))
		}
		if slices.Contains(c.Faults[:i], f) { // so that there are no more than there are faults
			return at, fmt.Sprintf("%s stands there already: state each fault once", f)
		}
	}
	for _, d := range []struct {
		name string
		d    Delay
	}{{"on", c.On}, {"off", c.Off}} {
		if d.d.Count < 0 || d.d.Count > maxDelay || !(d.d.Seconds >= 0 && d.d.Seconds <= 366*86400) {
			return d.name, "a delay is a count of 0 to a million windows and a time of 0 s to a year"
		}
	}
	switch {
	case c.Severity != "" && c.Severity != "warning" && c.Severity != "alarm":
		return "severity", "severity is warning or alarm"
	case !slices.Contains([]string{OnFault, OnBaseline, OnZone, OnFeature}, c.Kind):
		return "kind", "kind is fault, baseline, zone or feature"
	case c.Kind == OnZone && !slices.Contains([]string{"B", "C", "D"}, c.Zone):
		return "zone", "zone is B, C or D"
	case c.Kind == OnFeature && !IsName(c.Feature):
		return "feature", "feature is the name of a condition indicator, such as rms"
	case !Thresholds.Has(c.Above):
		return "above", fmt.Sprintf("above %g is outside %s", c.Above, Thresholds)
	case c.Until != nil && !Thresholds.Has(*c.Until):
		return "until", fmt.Sprintf("until %g is outside %s", *c.Until, Thresholds)
	case c.Kind == OnFeature && c.Until != nil && *c.Until > c.Above:
		return "until", fmt.Sprintf("until %g is not at most above, which is %g: the alarm is on above the one and off at or below the other", *c.Until, c.Above)
	case !Probabilities.Has(c.Probability):
		return "probability", "probability is 0 to 1"
	}
	return "", ""
}

// States of an alarm: its condition holds and nobody has seen it; somebody has; the
// condition is gone and nobody has seen it (with a latch only); it is over.
const (
	AlarmActive       = "active"
	AlarmAcknowledged = "acknowledged"
	AlarmReturned     = "returned"
	AlarmClosed       = "closed"
)

// Alarm is one alarm from when it is raised on.
type Alarm struct {
	ID           string     `json:"id"`
	Sensor       string     `json:"sensor"`
	Axis         string     `json:"axis"`
	Running      string     `json:"running_state" doc:"in which its windows were taken; * for several, where there are more than are followed"`
	Condition    string     `json:"condition" doc:"name of the condition in the rule, or silent, or clock"`
	Kind         string     `json:"kind"`
	Severity     string     `json:"severity" enum:"warning,alarm"`
	State        string     `json:"state" enum:"active,acknowledged,returned,closed"`
	Fault        Fault      `json:"fault" doc:"what was named when it was raised, or empty"`
	Text         string     `json:"text" doc:"what was measured when it was raised, and its limit"`
	Onset        time.Time  `json:"onset" doc:"start of the first window of the run that raised it"`
	Raised       time.Time  `json:"raised" doc:"start of the window that raised it"`
	Diagnosis    string     `json:"diagnosis,omitempty" doc:"of that window"`
	Cleared      *time.Time `json:"cleared,omitempty" doc:"start of the window that ended it; of silence and clock, when that window came"`
	Acknowledged *Signature `json:"acknowledged,omitempty"`
	Closed       *Signature `json:"closed,omitempty" doc:"who ended it, where no window did"`
	ShelvedUntil *time.Time `json:"shelved_until,omitempty" doc:"until then it notifies nobody"`
	ShelvedBy    *Signature `json:"shelved_by,omitempty" doc:"who shelved it, or took it off the shelf, last; left out where nobody said so, or the time of its shelf is over"`
	Version      int64      `json:"version"`
	Changed      time.Time  `json:"changed_at,omitzero" doc:"when this version came to be; missing in those of older programs"`
}

// At returns when the alarm came to be as it is, of one of an older program at the earliest.
func (a *Alarm) At() time.Time {
	if !a.Changed.IsZero() {
		return a.Changed
	}
	at := a.Raised
	if a.Cleared != nil && a.Cleared.After(at) {
		at = *a.Cleared
	}
	if a.Acknowledged != nil && a.Acknowledged.At.After(at) {
		at = a.Acknowledged.At
	}
	return at
}

// Signature says who did something, and when.
type Signature struct {
	At   time.Time `json:"at"`
	By   string    `json:"by"`
	Note string    `json:"note,omitempty"`
}

// Open says whether the alarm is not over.
func (a *Alarm) Open() bool { return a.State != AlarmClosed }

// MaxShelf is how long an alarm may be shelved at a time, and ShelfSlack what is left to
// clocks that differ.
const (
	MaxShelf   = 90 * 24 * time.Hour
	ShelfSlack = time.Hour
)

// Shelved says whether it notifies nobody at that time. A shelf that ends later than any may
// was set by a clock that was ahead: it is over.
func (a *Alarm) Shelved(now time.Time) bool {
	return a.ShelvedUntil != nil && now.Before(*a.ShelvedUntil) && a.ShelvedUntil.Sub(now) <= MaxShelf+ShelfSlack
}

// AlarmRef names an open alarm in a diagnosis.
type AlarmRef struct {
	ID        string `json:"id"`
	Condition string `json:"condition"`
	State     string `json:"state"`
}

// AlarmQuery selects alarms, those raised last first. Zero fields do not filter.
type AlarmQuery struct {
	Sensor   string
	Axis     *string // of the sensor; "" is one too
	Machine  string  // on which the sensor is registered
	State    string
	Severity string
	Open     bool // only those that are not over
	Limit    int
	Cursor   string
}

// AlarmPage is one page of alarms.
type AlarmPage struct {
	Alarms     []Alarm `json:"alarms" nullable:"false"`
	NextCursor string  `json:"next_cursor"`
}
