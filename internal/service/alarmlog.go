package service

import (
	"context"
	"encoding/json"
	"log/slog"
	"sync"
	"time"

	"brinell/bearing"
)

// Of lines of alarms: how many may wait for a log that is not written, and how many a minute of a
// sensor are written, whose rule may raise and end sixteen alarms with each window.
const (
	maxAlarmLines   = 4096
	sensorLinesEach = 60
)

// alarmLog writes a line for what happens to an alarm: it is raised, acknowledged, shelved,
// unshelved, returned, closed. The store tells it of what is stored and does not wait for the
// log: that may be a pipe which nobody reads.
type alarmLog struct {
	log     *slog.Logger
	machine func(sensor string) string // of a sensor, empty for none
	wake    chan struct{}

	mu      sync.Mutex
	waiting []alarmLine
	lost    int // for want of room
	minute  time.Time
	told    map[string]int // lines of a sensor in this minute
}

// alarmLine is one line to be.
type alarmLine struct {
	message string
	attrs   []slog.Attr
}

func newAlarmLog(log *slog.Logger) *alarmLog {
	none := func(string) string { return "" }
	return &alarmLog{log: log, machine: none, wake: make(chan struct{}, 1)}
}

// changed takes in what was stored, in its order.
func (l *alarmLog) changed(events []bearing.Event) {
	for _, e := range events {
		if e.Kind != "alarm" {
			continue
		}
		var before, a bearing.Alarm
		err := json.Unmarshal(e.Doc, &a)
		if err == nil && e.Before != nil {
			err = json.Unmarshal(e.Before, &before)
		}
		if err != nil {
			l.log.Error("an alarm that was stored cannot be read", "err", err)
			continue
		}
		machine := l.machine(a.Sensor) // now: later the sensor may be gone
		l.mu.Lock()
		for _, line := range alarmLines(before, a) {
			if now := time.Now(); now.Sub(l.minute).Abs() >= time.Minute {
				l.minute, l.told = now, make(map[string]int)
			}
			if len(l.waiting) == maxAlarmLines || l.told[a.Sensor] == sensorLinesEach {
				l.lost++
				continue
			}
			l.told[a.Sensor]++
			line.attrs = append([]slog.Attr{slog.String("alarm", a.ID), slog.String("machine", machine),
				slog.String("sensor", a.Sensor), slog.String("axis", a.Axis), slog.String("condition", a.Condition),
				slog.String("fault", string(a.Fault)), slog.String("severity", a.Severity)}, line.attrs...)
			l.waiting = append(l.waiting, line)
		}
		l.mu.Unlock()
		select {
		case l.wake <- struct{}{}:
		default: // it is awake
		}
	}
}

// alarmLines say what happened from one version of an alarm to another; the first is zero for
// one that was not there. by is empty where the service did it by itself, or nobody said so.
func alarmLines(before, now bearing.Alarm) (lines []alarmLine) {
	add := func(message string, attrs ...slog.Attr) { lines = append(lines, alarmLine{message, attrs}) }
	by := func(s *bearing.Signature) slog.Attr {
		if s == nil {
			s = new(bearing.Signature)
		}
		return slog.String("by", s.By)
	}
	switch {
	case before.ID == "":
		add("alarm raised", slog.String("text", now.Text), slog.String("diagnosis", now.Diagnosis))
	case before.State == bearing.AlarmReturned && now.State == bearing.AlarmActive:
		add("alarm raised again", slog.String("text", now.Text), slog.String("diagnosis", now.Diagnosis))
	}
	if before.Acknowledged == nil && now.Acknowledged != nil {
		add("alarm acknowledged", by(now.Acknowledged))
	}
	if was, is := before.ShelvedUntil, now.ShelvedUntil; is != nil && (was == nil || !was.Equal(*is)) {
		add("alarm shelved", by(now.ShelvedBy), slog.Time("until", is.Truncate(time.Second)))
	} else if was != nil && is == nil && now.Open() {
		add("alarm unshelved", by(now.ShelvedBy))
	}
	switch {
	case before.State == now.State:
	case now.State == bearing.AlarmReturned:
		add("alarm returned")
	case now.State == bearing.AlarmClosed:
		closed := now.Closed
		if before.State == bearing.AlarmReturned && closed == nil { // it waited for somebody to see it
			closed = now.Acknowledged
		}
		add("alarm closed", by(closed))
	}
	return lines
}

// follow writes to the log what happens to alarms and what windows come, until the function
// that it returns is called, which waits for the last lines.
func (s *Service) follow() (end func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { s.alarms.run(ctx) })
	running.Go(func() { s.tally.run(ctx) })
	return func() {
		cancel()
		running.Wait()
	}
}

// run writes what is told until ctx ends, and then what is left.
func (l *alarmLog) run(ctx context.Context) {
	for {
		select {
		case <-l.wake:
			l.write()
		case <-ctx.Done():
			l.write()
			return
		}
	}
}

func (l *alarmLog) write() {
	l.mu.Lock()
	lines, lost := l.waiting, l.lost
	l.waiting, l.lost = nil, 0
	l.mu.Unlock()
	for _, line := range lines {
		l.log.LogAttrs(context.Background(), slog.LevelInfo, line.message, line.attrs...)
	}
	if lost > 0 {
		l.log.Warn("changes of alarms are left out of the log, of a sensor that has many in a minute or since it is not written as fast: see GET /v1/alarms", "lines", lost)
	}
}
