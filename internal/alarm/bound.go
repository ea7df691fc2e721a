package alarm

import (
	"slices"
	"time"

	"brinell/bearing"
)

// bound forgets running states while there are too many tracks: first those without an alarm,
// then the others, each time the one that was away for longest. The alarms of one that is
// forgotten are closed, for nothing would ever clear them. The present state stays, and comes
// to the end of the tracks, which are in the order in which their states were seen.
//
// Where states come in turn, each may be forgotten on its way to an alarm, and none would ever be
// raised. So a condition that is met while it is forgotten elsewhere is followed over all
// states from then on, until a window of any does not meet it.
func (m *Machine) bound(running string, at time.Time) (closed []bearing.Alarm) {
	stays := func(t Track) bool { return t.Running == running || t.Running == Several }
	m.Tracks = slices.Concat(slices.DeleteFunc(slices.Clone(m.Tracks), stays),
		slices.DeleteFunc(m.Tracks, func(t Track) bool { return !stays(t) }))
	over := len(m.Tracks) - maxTracks // those over several states do not count
	for _, t := range m.Tracks {
		if t.Running == Several {
			over--
		}
	}
	var lost []string // conditions on their way
	for over > 0 {
		away := m.Tracks[0].Running
		if i := slices.IndexFunc(m.Tracks, func(t Track) bool { return !stays(t) && !m.raised(t.Running) }); i >= 0 {
			away = m.Tracks[i].Running
		}
		for _, t := range m.Tracks {
			if t.Running != away {
				continue
			}
			over--
			switch {
			case t.Alarm != nil:
				closed = append(closed, m.end(t.Alarm, at))
			default:
				lost = append(lost, t.Condition)
			}
		}
		m.Tracks = slices.DeleteFunc(m.Tracks, func(t Track) bool { return t.Running == away })
	}
	for _, c := range lost {
		if t := m.track(running, c); t != nil && t.On > 0 && m.track(Several, c) == nil {
			m.Tracks = append(m.Tracks, Track{Running: Several, Condition: c, On: 1, OnSince: at})
		}
	}
	return closed
}

// raised says whether an alarm is open in a running state.
func (m *Machine) raised(running string) bool {
	return slices.ContainsFunc(m.Tracks, func(t Track) bool { return t.Running == running && t.Alarm != nil })
}
