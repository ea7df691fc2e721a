package alarm

import (
	"fmt"
	"time"

	"brinell/bearing"
)

// When windows that are not later than the newest one are the sensor's present all the same.
// So many of them in a row, over so long, whose starts go on as they come: a clock was set
// back and stays so. Or, whatever their starts do, nothing else has come for a day. At half
// of either the alarm is raised.
const (
	SettleCount = 10
	SettleSpan  = 10 * time.Minute
	LoneCount   = 3
	LoneSpan    = 24 * time.Hour
)

// An old buffer that is sent now begins, or goes on, faster than its windows come: their
// starts move by more than twice the time between, and this.
const bufferSlack = time.Minute

// Behind is the run of windows that came last and were none later than the newest one.
type Behind struct {
	Count  int       `json:"count"`
	Since  time.Time `json:"since"`  // when the first of them came
	Steady int       `json:"steady"` // the last of them whose starts go on as they come
	Start  time.Time `json:"start"`  // of the first of those
	Came   time.Time `json:"came"`   // likewise
}

// next returns the run with one more window.
func (b Behind) next(start, came time.Time) Behind {
	if b.Count == 0 || came.Before(b.Since) {
		b.Since = came
	}
	b.Count++
	span := came.Sub(b.Came)
	if b.Steady == 0 || span < 0 || start.Sub(b.Start).Abs()/2 > span+bufferSlack/2 {
		b.Steady, b.Start, b.Came = 0, start, came
	}
	b.Steady++
	return b
}

// reaches says whether the run is one by a share of its limits: the whole of them, or half.
func (b Behind) reaches(came time.Time, share int) bool {
	return share*b.Steady >= SettleCount && came.Sub(b.Came) >= SettleSpan/time.Duration(share) ||
		share*b.Count >= LoneCount && came.Sub(b.Since) >= LoneSpan/time.Duration(share)
}

// Settles says whether a window that is not later than the newest one ends a run of such, so
// that the order of the sensor's windows is to begin anew with it.
func (m *Machine) Settles(start, came time.Time) bool {
	return m.Behind.next(start, came).reaches(came, 1)
}

// past takes a window in that is not later than the newest one: what it says about the past
// is no news, but that nothing else comes is.
func (m *Machine) past(d *bearing.Diagnosis, came time.Time) (changed []bearing.Alarm) {
	m.Behind = m.Behind.next(d.At(), came)
	m.Rev++
	if m.Clock != nil || !m.Behind.reaches(came, 2) {
		return nil
	}
	text := fmt.Sprintf("%d windows in a row begin before the newest one (%s), the last at %s: they raise no alarms. "+
		"Its clock was set back, or an old buffer is sent",
		m.Behind.Count, m.Last.UTC().Format(time.RFC3339), d.At().UTC().Format(time.RFC3339))
	m.Clock = &bearing.Alarm{
		ID: id(d.Sensor, d.Axis, "", bearing.OnClock, came), Sensor: d.Sensor, Axis: d.Axis,
		Condition: bearing.OnClock, Kind: bearing.OnClock, Severity: "warning", State: bearing.AlarmActive, Text: text,
		Onset: m.Behind.Since, Raised: came, Diagnosis: d.ID, Version: 1,
	}
	return []bearing.Alarm{*m.Clock}
}

// present notes that a window is the newest, and returns the alarm of those that were not if
// that ends it.
func (m *Machine) present(came time.Time) (changed []bearing.Alarm) {
	if m.Behind.Count > 0 {
		m.Behind = Behind{}
		m.Rev++
	}
	if m.Clock != nil {
		changed = append(changed, m.end(m.Clock, came))
		m.Clock = nil
	}
	return changed
}

// Begin makes the order of windows begin anew at a time: the newest is not one any more. How
// long conditions hold already stays, counted back from there.
func (m *Machine) Begin(epoch int, at time.Time) {
	for i := range m.Tracks {
		t := &m.Tracks[i]
		if t.On > 0 {
			t.OnSince = at.Add(-max(0, m.Last.Sub(t.OnSince)))
		}
		if t.Off > 0 {
			t.OffSince = at.Add(-max(0, m.Last.Sub(t.OffSince)))
		}
	}
	m.Epoch, m.Last = epoch, at
}
