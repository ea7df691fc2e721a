package service

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"brinell/bearing"
)

// noCounters counts nothing.
type noCounters struct{}

func (noCounters) Describe(chan<- *prometheus.Desc) {}
func (noCounters) Collect(chan<- prometheus.Metric) {}

// told has an alarm log take in an alarm as it becomes, and what it was before, the zero value for
// one that is new.
func told(l *alarmLog, before, a bearing.Alarm) {
	e := bearing.Event{Kind: "alarm", Sensor: a.Sensor}
	var err error
	if e.Doc, err = json.Marshal(a); err == nil && before.ID != "" {
		e.Before, err = json.Marshal(before)
	}
	if err != nil {
		panic(err)
	}
	l.changed([]bearing.Event{{Kind: "diagnosis", Doc: []byte("{}")}, e})
}

// TestAlarmLines: what happens to an alarm is a line that says what and by whom.
func TestAlarmLines(t *testing.T) {
	now := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	until := now.Add(time.Hour + time.Millisecond)
	later := until.Add(time.Hour)
	night, day := &bearing.Signature{At: now, By: "night shift", Note: "seen to"}, &bearing.Signature{At: now, By: "day shift"}
	active := bearing.Alarm{ID: "id", Sensor: "de", State: bearing.AlarmActive, Text: "loud", Diagnosis: "d1"}
	change := func(a bearing.Alarm, by func(*bearing.Alarm)) bearing.Alarm { by(&a); return a }
	acked := change(active, func(a *bearing.Alarm) { a.State, a.Acknowledged = bearing.AlarmAcknowledged, night })
	shelved := change(active, func(a *bearing.Alarm) { a.ShelvedUntil, a.ShelvedBy = &until, night })
	returned := change(active, func(a *bearing.Alarm) { a.State = bearing.AlarmReturned })
	closed := func(of bearing.Alarm, by *bearing.Signature) bearing.Alarm {
		return change(of, func(a *bearing.Alarm) {
			a.State, a.Closed, a.ShelvedUntil, a.ShelvedBy = bearing.AlarmClosed, by, nil, nil
		})
	}
	for _, c := range []struct {
		name        string
		before, now bearing.Alarm
		want        string
	}{
		{"raised", bearing.Alarm{}, active, "alarm raised text=loud diagnosis=d1"},
		{"nothing changed", active, active, ""},
		{"acknowledged", active, acked, "alarm acknowledged by=night shift"},
		{"shelved", active, shelved, "alarm shelved by=night shift until=2026-01-31 13:00:00 +0000 UTC"},
		{"shelved by nobody", active, change(shelved, func(a *bearing.Alarm) { a.ShelvedBy = nil }), "alarm shelved by= until=2026-01-31 13:00:00 +0000 UTC"},
		{"shelved for longer", shelved, change(shelved, func(a *bearing.Alarm) { a.ShelvedUntil, a.ShelvedBy = &later, day }), "alarm shelved by=day shift until=2026-01-31 14:00:00 +0000 UTC"},
		{"its shelf is over", shelved, active, "alarm unshelved by="},
		{"taken off its shelf", shelved, change(active, func(a *bearing.Alarm) { a.ShelvedBy = day }), "alarm unshelved by=day shift"},
		{"returned", active, returned, "alarm returned"},
		{"raised again", returned, active, "alarm raised again text=loud diagnosis=d1"},
		{"seen when it had returned", returned, closed(change(returned, func(a *bearing.Alarm) { a.Acknowledged = night }), nil), "alarm acknowledged by=night shift; alarm closed by=night shift"},
		{"gone", acked, closed(acked, nil), "alarm closed by="},
		{"ended by hand", acked, closed(acked, day), "alarm closed by=day shift"},
		{"ended on its shelf", shelved, closed(shelved, day), "alarm closed by=day shift"},
		{"raised and seen before it was stored", bearing.Alarm{}, acked, "alarm raised text=loud diagnosis=d1; alarm acknowledged by=night shift"},
	} {
		var got []string
		for _, l := range alarmLines(c.before, c.now) {
			text := l.message
			for _, a := range l.attrs {
				text += " " + a.String()
			}
			got = append(got, text)
		}
		if s := strings.Join(got, "; "); s != c.want {
			t.Errorf("%s: %s, want %s", c.name, s, c.want)
		}
	}
}

// TestAlarmLog: lines have stable keys, and come in the order of what was stored; alarms that
// were open before the start are known; what was told is written before the end.
func TestAlarmLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, lines := jsonLog()
		l := newAlarmLog(log)
		machine := "press-1"
		l.machine = func(string) string { return machine }
		old := bearing.Alarm{ID: "old", Sensor: "fan", Severity: "warning", Condition: "silent", State: bearing.AlarmActive, Version: 4}
		s := Service{alarms: l, tally: new(tally)}
		s.tally.taken, s.tally.repeated, s.tally.refused, s.tally.files = noCounters{}, noCounters{}, noCounters{}, noCounters{}
		end := s.follow()
		a := bearing.Alarm{ID: "new", Sensor: "de", Axis: "x", Fault: bearing.OuterRace, Severity: "alarm", Condition: "fault",
			State: bearing.AlarmActive, Text: `outer_race "named"`, Diagnosis: "d1", Version: 1}
		told(l, bearing.Alarm{}, a)
		synctest.Wait()
		const first = `{"msg":"alarm raised","alarm":"new","machine":"press-1","sensor":"de","axis":"x","condition":"fault","fault":"outer_race","severity":"alarm","text":"outer_race \"named\"","diagnosis":"d1"}`
		if got := lines(); len(got) != 1 || got[0] != first {
			t.Errorf("%s, want %s", got, first)
		}
		raised := a
		a.State, a.Acknowledged = bearing.AlarmAcknowledged, &bearing.Signature{By: "night shift", Note: "a word that is nobody's"}
		told(l, raised, a)
		machine = "" // the sensor is deleted: lines that wait know where it was
		seen, over := a, old
		a.State, over.State = bearing.AlarmClosed, bearing.AlarmClosed
		told(l, old, over)
		told(l, seen, a)
		end()
		want := []string{
			`{"msg":"alarm acknowledged","alarm":"new","machine":"press-1","sensor":"de","axis":"x","condition":"fault","fault":"outer_race","severity":"alarm","by":"night shift"}`,
			`{"msg":"alarm closed","alarm":"old","machine":"","sensor":"fan","axis":"","condition":"silent","fault":"","severity":"warning","by":""}`,
			`{"msg":"alarm closed","alarm":"new","machine":"","sensor":"de","axis":"x","condition":"fault","fault":"outer_race","severity":"alarm","by":""}`,
		}
		if got := lines(); strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Errorf("%s, want %s", got, want)
		}
	})
}

// TestAlarmLogFull: a log that is not written holds nobody up and takes no more memory; what
// was left out is counted.
func TestAlarmLogFull(t *testing.T) {
	log, lines := jsonLog()
	l := newAlarmLog(log)
	for i := range 4096 + 3 {
		told(l, bearing.Alarm{}, bearing.Alarm{ID: fmt.Sprint(i), Sensor: fmt.Sprint("s", i), State: bearing.AlarmActive, Version: 1})
	}
	l.write()
	got := lines()
	if len(got) != 4097 || !strings.Contains(got[4095], `"alarm":"4095"`) || !strings.Contains(got[4096], `"lines":3`) {
		t.Errorf("%d lines, the last %s", len(got), got[len(got)-1])
	}
	if l.write(); len(lines()) != 0 {
		t.Error("written twice")
	}
}

// TestAlarmLogOfOne: of a sensor whose alarms come and go with each window sixty lines a minute are
// written, and the others are counted; those of another sensor are not left out for it.
func TestAlarmLogOfOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, lines := jsonLog()
		l := newAlarmLog(log)
		for minute := range 2 {
			for i := range 100 {
				told(l, bearing.Alarm{}, bearing.Alarm{ID: fmt.Sprint(minute, i), Sensor: "flips", State: bearing.AlarmActive, Version: 1})
			}
			told(l, bearing.Alarm{}, bearing.Alarm{ID: fmt.Sprint(minute), Sensor: "de", State: bearing.AlarmActive, Version: 1})
			l.write()
			if got := lines(); len(got) != 62 || !strings.Contains(got[60], `"sensor":"de"`) || !strings.Contains(got[61], `"lines":40`) {
				t.Errorf("%d lines, the last %s", len(got), got[len(got)-1])
			}
			time.Sleep(time.Minute)
		}
	})
}
