package alarm

import (
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"slices"
	"strings"
	"time"

	"brinell/bearing"
)

// Machine follows one axis of one sensor. Its exported fields are its state, which is
// stored between windows; the zero value has seen nothing.
type Machine struct {
	Epoch  int            `json:"epoch,omitempty"`  // of the newest window that it has seen, see bearing.State
	Last   time.Time      `json:"last"`             // start of that window
	Tracks []Track        `json:"tracks,omitempty"` // those that are not at rest
	Behind Behind         `json:"behind,omitzero"`  // windows since that were not later
	Clock  *bearing.Alarm `json:"clock,omitempty"`  // raised by those
	Silent *bearing.Alarm `json:"silent,omitempty"`
	Hushed bool           `json:"hushed,omitempty"` // its silence was ended by hand: none is raised until something comes
	Rev    int64          `json:"rev"`              // rises with every change
}

// Track is one condition in one running state.
type Track struct {
	Running   string         `json:"running"`
	Condition string         `json:"condition"`
	On        int            `json:"on,omitempty"` // windows in a row that fulfil it
	OnSince   time.Time      `json:"on_since,omitzero"`
	Off       int            `json:"off,omitempty"` // windows in a row that do not, of an open alarm
	OffSince  time.Time      `json:"off_since,omitzero"`
	Alarm     *bearing.Alarm `json:"alarm,omitempty"` // while it is open
}

// maxTracks bounds what is kept of an axis, and with it how many alarms of it are open: the
// default rule in each running state that a baseline keeps. See bound.
const maxTracks = 128

// Several is the running state of an alarm about several of them: there are more than are followed,
// and each is forgotten before it comes again. See bound.
const Several = "*"

// Step takes the next window's diagnosis in and returns the alarms that it changed. A
// window that is not later than the last one, or was late, raises and clears nothing: what it
// says about the past is not news. That it came is, and ends silence; and that nothing else
// comes is, and raises the alarm of the clock.
func (m *Machine) Step(rule *bearing.AlarmRule, d *bearing.Diagnosis) (changed []bearing.Alarm) {
	came := d.ReceivedAt
	if came.IsZero() { // a rule is tried on windows that came at no time
		came = d.Start
	}
	changed = m.Heard(came)
	at, epoch := d.At(), d.State.Epoch
	switch {
	case d.Quality.Has(bearing.Late) || epoch < m.Epoch || epoch == m.Epoch && !at.After(m.Last):
		return append(changed, m.past(d, came)...)
	case epoch > m.Epoch:
		m.Begin(epoch, at)
		m.Rev++
	}
	m.Last = at
	changed = append(changed, m.present(came)...)
	if d.Quality.Level == bearing.Unusable {
		return changed // neither for nor against
	}
	running := d.Witnesses.Baseline.Running
	for i := range rule.Conditions {
		c := &rule.Conditions[i]
		t := m.track(running, c.Name)
		open := t != nil && t.Alarm != nil && t.Alarm.State != bearing.AlarmReturned
		text, met := holds(c, d, open)
		switch {
		case met:
			if t == nil {
				m.Tracks = append(m.Tracks, Track{Running: running, Condition: c.Name})
				t = &m.Tracks[len(m.Tracks)-1]
			}
			if a := t.met(c, d, text); a != nil {
				changed = append(changed, *a)
			}
			m.Rev++
		case t != nil:
			if a := t.unmet(c, at, rule.Latch); a != nil {
				changed = append(changed, *a)
			}
			m.Rev++
		}
		if a := m.several(c, d, rule.Latch); a != nil {
			changed = append(changed, *a)
		}
	}
	changed = append(changed, m.orphans(rule, at)...)
	m.tidy()
	return append(changed, m.bound(running, at)...)
}

// several takes a window in for the condition in several running states, if that is followed, and
// returns the alarm if that changes it. What one state has said by itself is no news of several.
func (m *Machine) several(c *bearing.AlarmCondition, d *bearing.Diagnosis, latch bool) *bearing.Alarm {
	t, own := m.track(Several, c.Name), m.track(d.Witnesses.Baseline.Running, c.Name)
	if t == nil {
		return nil
	}
	m.Rev++
	text, met := holds(c, d, t.Alarm != nil && t.Alarm.State != bearing.AlarmReturned)
	switch {
	case !met:
		return t.unmet(c, d.At(), latch)
	case t.Alarm == nil && own != nil && own.Alarm != nil:
		return nil
	case t.Alarm == nil && own != nil && own.On > t.On: // the whole run is of this state
		t.On = 0
		return nil
	}
	return t.met(c, d, "in one running state after another: "+text)
}

func (m *Machine) track(running, condition string) *Track {
	for i := range m.Tracks {
		if t := &m.Tracks[i]; t.Running == running && t.Condition == condition {
			return t
		}
	}
	return nil
}

// met takes a window in that fulfils the condition, and returns the alarm if that
// raises it, or brings it back.
func (t *Track) met(c *bearing.AlarmCondition, d *bearing.Diagnosis, text string) *bearing.Alarm {
	at := d.At()
	t.Off, t.OffSince = 0, time.Time{}
	if t.On++; t.On == 1 {
		t.OnSince = at
	}
	switch {
	case t.Alarm != nil && t.Alarm.State == bearing.AlarmReturned && reached(c.On, t.On, at.Sub(t.OnSince)):
		t.Alarm.State, t.Alarm.Cleared = bearing.AlarmActive, nil
	case t.Alarm == nil && reached(c.On, t.On, at.Sub(t.OnSince)):
		t.Alarm = &bearing.Alarm{
			ID: id(d.Sensor, d.Axis, t.Running, c.Name, d.Start, d.ReceivedAt), Sensor: d.Sensor, Axis: d.Axis, Running: t.Running, Condition: c.Name, Kind: c.Kind,
			Severity: severity(c), State: bearing.AlarmActive, Fault: named(d), Text: text, Onset: t.OnSince, Raised: at, Diagnosis: d.ID,
		}
	default:
		return nil
	}
	t.Alarm.Version++
	a := *t.Alarm
	return &a
}

// unmet takes a window in that does not fulfil the condition, and returns the alarm if
// that clears it.
func (t *Track) unmet(c *bearing.AlarmCondition, at time.Time, latch bool) *bearing.Alarm {
	t.On, t.OnSince = 0, time.Time{}
	if t.Alarm == nil || t.Alarm.State == bearing.AlarmReturned {
		return nil
	}
	if t.Off++; t.Off == 1 {
		t.OffSince = at
	}
	if !reached(c.Off, t.Off, at.Sub(t.OffSince)) {
		return nil
	}
	t.Off, t.OffSince = 0, time.Time{}
	t.Alarm.Cleared = &at
	t.Alarm.Version++
	if latch && t.Alarm.Acknowledged == nil {
		t.Alarm.State = bearing.AlarmReturned
	} else {
		over(t.Alarm)
	}
	a := *t.Alarm
	if !a.Open() {
		t.Alarm = nil
	}
	return &a
}

func reached(d bearing.Delay, count int, span time.Duration) bool {
	return count >= max(1, d.Count) && span.Seconds() >= d.Seconds
}

// orphans closes the alarms of conditions that the rule no longer has.
func (m *Machine) orphans(rule *bearing.AlarmRule, at time.Time) (closed []bearing.Alarm) {
	for i := range m.Tracks {
		t := &m.Tracks[i]
		if slices.ContainsFunc(rule.Conditions, func(c bearing.AlarmCondition) bool { return c.Name == t.Condition }) {
			continue
		}
		if t.Alarm != nil {
			closed = append(closed, m.end(t.Alarm, at))
			t.Alarm = nil
		}
		t.On = 0
	}
	return closed
}

// end closes an alarm, whatever the latch says.
func (m *Machine) end(a *bearing.Alarm, at time.Time) bearing.Alarm {
	m.Rev++
	a.Cleared = &at
	over(a)
	a.Version++
	return *a
}

// over closes an alarm and takes it off its shelf: that it is over is told at once, or
// whoever was told of it before would wait for ever.
func over(a *bearing.Alarm) { a.State, a.ShelvedUntil, a.ShelvedBy = bearing.AlarmClosed, nil, nil }

// Heard notes that something has come from the sensor, whatever it says and however
// late it is, and returns the alarm of its silence if that ends it.
func (m *Machine) Heard(at time.Time) (changed []bearing.Alarm) {
	if m.Hushed {
		m.Hushed = false
		m.Rev++
	}
	if m.Silent != nil {
		changed = append(changed, m.end(m.Silent, at))
		m.Silent = nil
	}
	return changed
}

// tidy forgets the tracks that are at rest.
func (m *Machine) tidy() {
	m.Tracks = slices.DeleteFunc(m.Tracks, func(t Track) bool { return t.On == 0 && t.Alarm == nil })
}

// Resting says that nothing of the machine needs to be stored.
func (m *Machine) Resting() bool {
	return len(m.Tracks) == 0 && m.Silent == nil && !m.Hushed && m.Clock == nil && m.Behind.Count == 0
}

// Open returns the open alarms.
func (m *Machine) Open() (open []bearing.AlarmRef) {
	for _, t := range m.Tracks {
		if a := t.Alarm; a != nil {
			open = append(open, bearing.AlarmRef{ID: a.ID, Condition: a.Condition, State: a.State})
		}
	}
	return open
}

// Clone returns a machine that shares nothing with m.
func (m *Machine) Clone() *Machine {
	c := *m
	c.Tracks = slices.Clone(m.Tracks)
	for i := range c.Tracks {
		if a := c.Tracks[i].Alarm; a != nil {
			b := *a
			c.Tracks[i].Alarm = &b
		}
	}
	for _, a := range []**bearing.Alarm{&c.Silent, &c.Clock} {
		if *a != nil {
			b := **a
			*a = &b
		}
	}
	return &c
}

// Find returns the open alarm of that ID, nil if there is none.
func (m *Machine) Find(id string) *bearing.Alarm {
	for _, a := range []*bearing.Alarm{m.Silent, m.Clock} {
		if a != nil && a.ID == id {
			return a
		}
	}
	for _, t := range m.Tracks {
		if t.Alarm != nil && t.Alarm.ID == id {
			return t.Alarm
		}
	}
	return nil
}

// Acknowledge notes who has seen an open alarm. One that waits only for that is closed.
// It returns false if the alarm is not open.
func (m *Machine) Acknowledge(id string, by bearing.Signature) (bearing.Alarm, bool) {
	a := m.Find(id)
	if a == nil {
		return bearing.Alarm{}, false
	}
	if a.Acknowledged == nil {
		a.Acknowledged = &by
		switch a.State {
		case bearing.AlarmActive:
			a.State = bearing.AlarmAcknowledged
		case bearing.AlarmReturned:
			over(a)
		}
		a.Version++
		m.Rev++
	}
	out := *a
	for i := range m.Tracks {
		if t := &m.Tracks[i]; t.Alarm == a && !out.Open() {
			t.Alarm = nil
		}
	}
	m.tidy()
	return out, true
}

// Shelve keeps an open alarm from notifying until a time; the zero time ends that. by is who
// says so, nil for nobody.
func (m *Machine) Shelve(id string, until time.Time, by *bearing.Signature) (bearing.Alarm, bool) {
	a := m.Find(id)
	if a == nil {
		return bearing.Alarm{}, false
	}
	a.ShelvedUntil, a.ShelvedBy = nil, by
	if !until.IsZero() {
		a.ShelvedUntil = &until
	}
	a.Version++
	m.Rev++
	return *a, true
}

// Unshelve ends the shelf of an open alarm whose time is over. It returns the alarm as
// it is then, or false if it is not open.
func (m *Machine) Unshelve(id string, now time.Time) (bearing.Alarm, bool) {
	a := m.Find(id)
	if a == nil {
		return bearing.Alarm{}, false
	}
	if a.ShelvedUntil == nil || a.Shelved(now) {
		return *a, true
	}
	return m.Shelve(id, time.Time{}, nil)
}

// Close ends an open alarm by hand, whatever its windows say. Its delay begins anew, so does
// that of a clock; a
// sensor whose silence is ended so is not called silent again until something comes. It
// returns false if the alarm is not open.
func (m *Machine) Close(id string, by bearing.Signature) (bearing.Alarm, bool) {
	a := m.Find(id)
	if a == nil {
		return bearing.Alarm{}, false
	}
	a.Closed = &by
	out := m.end(a, by.At)
	switch a {
	case m.Silent:
		m.Silent, m.Hushed = nil, true
	case m.Clock:
		m.Clock, m.Behind = nil, Behind{}
	}
	for i := range m.Tracks {
		if t := &m.Tracks[i]; t.Alarm == a {
			*t = Track{Running: t.Running, Condition: t.Condition}
		}
	}
	m.tidy()
	return out, true
}

// Retire closes all alarms of a sensor that is no more, forgets what was on its way to
// be one, and calls it silent no more until something comes.
func (m *Machine) Retire(at time.Time) (closed []bearing.Alarm) {
	for _, t := range m.Tracks {
		if t.Alarm != nil {
			closed = append(closed, m.end(t.Alarm, at))
		}
	}
	for _, a := range []*bearing.Alarm{m.Silent, m.Clock} {
		if a != nil {
			closed = append(closed, m.end(a, at))
		}
	}
	m.Tracks, m.Silent, m.Hushed, m.Clock, m.Behind = nil, nil, true, nil, Behind{}
	m.Rev++
	return closed
}

// Silence raises the alarm of a sensor from which nothing has come since its last
// window, unless it is raised already, or was ended by hand.
func (m *Machine) Silence(sensor, axis string, since, now time.Time, text string) (bearing.Alarm, bool) {
	if m.Silent != nil || m.Hushed {
		return bearing.Alarm{}, false
	}
	m.Silent = &bearing.Alarm{ID: id(sensor, axis, "", bearing.OnSilence, now), Sensor: sensor, Axis: axis, Condition: bearing.OnSilence, Kind: bearing.OnSilence,
		Severity: "warning", State: bearing.AlarmActive, Text: text, Onset: since, Raised: now, Version: 1}
	m.Rev++
	return *m.Silent, true
}

// holds says whether a diagnosis fulfils a condition, and what was measured. open says
// that its alarm is raised, which is then kept down to the lower limit.
func holds(c *bearing.AlarmCondition, d *bearing.Diagnosis, open bool) (text string, met bool) {
	switch c.Kind {
	case bearing.OnFault:
		faults := c.Faults
		if len(faults) == 0 {
			faults = []bearing.Fault{bearing.InnerRace, bearing.OuterRace, bearing.Ball}
		}
		p := d.Verdict.Probability
		met = slices.Contains(faults, d.Fault) && p >= c.Probability
		text = fmt.Sprintf("%s named with probability %.3g", d.Fault, p)
		if d.Fault == bearing.UnknownFault {
			text = "a fault that is none of the known ones"
		}
	case bearing.OnBaseline:
		b := d.Witnesses.Baseline
		return fmt.Sprintf("distance %.3g from the healthy windows, limit %.3g: %s", b.Distance, b.Limit, b.Drift), b.Changed
	case bearing.OnZone:
		if z := d.Verdict.Velocity; z != nil {
			return fmt.Sprintf("velocity %.3g mm/s RMS, zone %s of %s (%s)", z.RMS, z.Zone, z.Class, z.Edition), z.Zone >= c.Zone
		}
	case bearing.OnFeature:
		if v, ok := d.Features.Get(c.Feature); ok {
			limit := c.Above
			if open && c.Until != nil {
				limit = *c.Until
			}
			return fmt.Sprintf("%s %.4g, limit %.4g", c.Feature, v, limit), v > limit
		}
	}
	return text, met
}

func severity(c *bearing.AlarmCondition) string {
	if c.Severity == "" {
		return "alarm"
	}
	return c.Severity
}

// named returns the fault of a diagnosis if it is one.
func named(d *bearing.Diagnosis) bearing.Fault {
	if d.Fault == bearing.Normal || d.Fault == bearing.Inconclusive {
		return ""
	}
	return d.Fault
}

// id names an alarm by what it is about and the window that raised it: when that began and when it
// came, for the same window may come again once all of its sensor was removed.
func id(sensor, axis, running, condition string, at ...time.Time) string {
	text := []string{sensor, axis, running, condition}
	for _, v := range at {
		text = append(text, v.UTC().Format(time.RFC3339Nano))
	}
	sum := sha256.Sum256([]byte(strings.Join(text, "\x00")))
	return strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(sum[:16]))
}
