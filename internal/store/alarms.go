package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"brinell/bearing"
)

// effects writes what a diagnosis, or a person, changes of the alarms of one sensor
// axis, and returns the events that tell of it.
func effects(ctx context.Context, tx *sql.Tx, sensor, axis string, e *bearing.Effects) (events []bearing.Event, err error) {
	if e == nil {
		return nil, nil
	}
	if e.Machine != nil {
		_, err := tx.ExecContext(ctx, `INSERT INTO alarm_machines (sensor, axis, rev, doc) VALUES (?, ?, ?, ?)
			ON CONFLICT (sensor, axis) DO UPDATE SET rev = excluded.rev, doc = excluded.doc WHERE excluded.rev > rev`, sensor, axis, e.Rev, []byte(e.Machine))
		if err != nil {
			return nil, err
		}
	}
	for _, a := range e.Alarms {
		doc, err := json.Marshal(a)
		if err != nil {
			return nil, err
		}
		before, err := stored(ctx, tx, a)
		if err != nil {
			return nil, err
		}
		r, err := tx.ExecContext(ctx, `INSERT INTO alarms (id, sensor, open, raised_ns, version, doc) VALUES (?, ?, ?, ?, ?, ?)
			ON CONFLICT (id) DO UPDATE SET open = excluded.open, version = excluded.version, doc = excluded.doc WHERE excluded.version > version`,
			a.ID, a.Sensor, a.Open(), a.Raised.UnixNano(), a.Version, doc)
		if err != nil {
			return nil, err
		}
		if n, err := r.RowsAffected(); err != nil {
			return nil, err
		} else if n == 0 {
			continue // told of already
		}
		ev := bearing.Event{Kind: "alarm", Sensor: a.Sensor, Severity: a.Weight(), Doc: doc, Before: before}
		err = tx.QueryRowContext(ctx, "INSERT INTO alarm_log (diagnosis, doc) VALUES ((SELECT coalesce(max(seq), 0) FROM diagnoses), ?) RETURNING seq, diagnosis", doc).
			Scan(&ev.Position.Alarm, &ev.Position.Diagnosis)
		if err != nil {
			return nil, err
		}
		events = append(events, ev)
	}
	return events, nil
}

// stored returns an alarm as it is stored, nil for one that is new.
func stored(ctx context.Context, tx *sql.Tx, a bearing.Alarm) (doc []byte, err error) {
	if a.Version <= 1 {
		return nil, nil
	}
	err = tx.QueryRowContext(ctx, "SELECT doc FROM alarms WHERE id = ?", a.ID).Scan(&doc)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	return doc, err
}

// PutAlarms stores changes of the alarms of a sensor axis that no window made: an
// acknowledgement, a shelf, silence. The errors are those of Append but
// window_conflict.
func (db *DB) PutAlarms(ctx context.Context, sensor, axis string, e *bearing.Effects) error {
	return db.do(ctx, func(ctx context.Context, tx *sql.Tx) error {
		events, err := effects(ctx, tx, sensor, axis, e)
		db.events = append(db.events, events...)
		return err
	})
}

// AlarmMachine returns the stored state of a sensor axis's alarm machine, nil if there
// is none.
func (db *DB) AlarmMachine(ctx context.Context, sensor, axis string) (doc []byte, err error) {
	release, err := db.reading()
	if err != nil {
		return nil, err
	}
	defer release()
	err = db.own.QueryRowContext(ctx, "SELECT doc FROM alarm_machines WHERE sensor = ? AND axis = ?", sensor, axis).Scan(&doc)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read alarm machine of %q: %w", sensor, err)
	}
	return doc, nil
}

// AlarmAxes returns the axes of a sensor of which there is an alarm machine.
func (db *DB) AlarmAxes(ctx context.Context, sensor string) (axes []string, err error) {
	release, err := db.reading()
	if err != nil {
		return nil, err
	}
	defer release()
	rows, err := db.own.QueryContext(ctx, "SELECT axis FROM alarm_machines WHERE sensor = ? ORDER BY axis", sensor)
	if err != nil {
		return nil, fmt.Errorf("alarm machines of %q: %w", sensor, err)
	}
	defer rows.Close()
	for rows.Next() {
		var axis string
		if err := rows.Scan(&axis); err != nil {
			return nil, fmt.Errorf("alarm machines of %q: %w", sensor, err)
		}
		axes = append(axes, axis)
	}
	return axes, rows.Err()
}

// Of open alarms those on a shelf whose time is over, or is longer than any may be.
const dueShelves = `SELECT id FROM alarms INDEXED BY alarms_shelved WHERE shelved <= ?1 AND class < 6
	UNION ALL SELECT id FROM alarms INDEXED BY alarms_shelved WHERE shelved >= ?2 AND class < 6
	LIMIT ?3 OFFSET ?4`

// DueShelves returns open alarms whose time on a shelf is over now or within a second, or ends
// later than any may: after the first of them, as many as limit.
func (db *DB) DueShelves(ctx context.Context, now time.Time, after, limit int) (ids []string, err error) {
	longest := now.Add(bearing.MaxShelf + bearing.ShelfSlack)
	ids, err = db.texts(ctx, db.own, dueShelves, now.UTC().Format(toSeconds), longest.UTC().Format(toSeconds), limit, after)
	if err != nil {
		return nil, fmt.Errorf("shelves that are over: %w", err)
	}
	return ids, nil
}

// Alarm returns the alarm of that ID, or NotFound alarm_not_found.
func (db *DB) Alarm(ctx context.Context, id string) (a bearing.Alarm, err error) {
	release, err := db.reading()
	if err != nil {
		return a, err
	}
	defer release()
	var doc []byte
	err = db.read.QueryRowContext(ctx, "SELECT doc FROM alarms WHERE id = ?", id).Scan(&doc)
	if errors.Is(err, sql.ErrNoRows) {
		return a, bearing.AlarmNotFound(id)
	}
	if err == nil {
		err = json.Unmarshal(doc, &a)
	}
	if err != nil {
		return a, fmt.Errorf("read alarm %q: %w", id, err)
	}
	return a, nil
}

// AlarmLog returns the changes of alarms after a number, in their order, and the number of
// the last one that there is.
func (db *DB) AlarmLog(ctx context.Context, after int64, limit int) (changes []bearing.AlarmChange, last int64, err error) {
	release, err := db.reading()
	if err != nil {
		return nil, 0, err
	}
	defer release()
	if err := db.read.QueryRowContext(ctx, "SELECT coalesce(max(seq), 0) FROM alarm_log").Scan(&last); err != nil {
		return nil, 0, fmt.Errorf("alarm log: %w", err)
	}
	rows, err := db.read.QueryContext(ctx, "SELECT seq, doc FROM alarm_log WHERE seq > ? ORDER BY seq LIMIT ?", after, limit)
	if err != nil {
		return nil, 0, fmt.Errorf("alarm log: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var c bearing.AlarmChange
		var doc []byte
		if err := rows.Scan(&c.Seq, &doc); err != nil {
			return nil, 0, fmt.Errorf("alarm log: %w", err)
		}
		if err := json.Unmarshal(doc, &c.Alarm); err != nil {
			return nil, 0, fmt.Errorf("alarm log, row %d: %w", c.Seq, err)
		}
		c.Doc = doc
		changes = append(changes, c)
	}
	return changes, last, rows.Err()
}

// Position returns the place of the newest event.
func (db *DB) Position(ctx context.Context) (p bearing.Position, err error) {
	release, err := db.reading()
	if err != nil {
		return p, err
	}
	defer release()
	err = db.read.QueryRowContext(ctx, "SELECT (SELECT coalesce(max(seq), 0) FROM diagnoses), (SELECT coalesce(max(seq), 0) FROM alarm_log)").Scan(&p.Diagnosis, &p.Alarm)
	if err != nil {
		return p, fmt.Errorf("newest event: %w", err)
	}
	return p, nil
}

// Events returns up to limit events after a place, in their order. Those that are not wanted
// are among them without their document, which is not read: that the place goes on is all that
// is told of them.
func (db *DB) Events(ctx context.Context, after bearing.Position, q bearing.EventQuery, limit int) (out []bearing.Event, err error) {
	release, err := db.reading()
	if err != nil {
		return nil, err
	}
	defer release()
	defer func() { err = ended(ctx, err) }()
	sensors, err := json.Marshal(q.Sensors) // null for all
	if err != nil {
		return nil, fmt.Errorf("events: %w", err)
	}
	// An alarm comes after the diagnosis that was the newest when it changed.
	rows, err := db.read.QueryContext(ctx, `
		SELECT * FROM (SELECT seq AS d, 0 AS a, sensor,
				CASE WHEN ?4 <> 'alarm' AND (?5 = 'null' OR sensor IN (SELECT value FROM json_each(?5))) THEN doc END
			FROM diagnoses WHERE seq > ?1 ORDER BY seq LIMIT ?3)
		UNION ALL SELECT * FROM (SELECT diagnosis, seq, '', CASE WHEN ?4 <> 'diagnosis' THEN doc END FROM alarm_log WHERE seq > ?2 ORDER BY seq LIMIT ?3)
		ORDER BY 1, 2 LIMIT ?3`, after.Diagnosis, after.Alarm, limit, q.Kind, string(sensors))
	if err != nil {
		return nil, fmt.Errorf("events: %w", err)
	}
	defer rows.Close()
	at := after
	for rows.Next() {
		var diagnosis, change int64
		var e bearing.Event
		var packed sql.RawBytes
		if err := rows.Scan(&diagnosis, &change, &e.Sensor, &packed); err != nil {
			return nil, fmt.Errorf("events: %w", err)
		}
		if e.Kind = "alarm"; change == 0 {
			e.Kind, at.Diagnosis = "diagnosis", diagnosis
		} else {
			at.Alarm = change
		}
		e.Position = at
		if packed != nil {
			if err := db.event(&e, packed, q); err != nil {
				return nil, fmt.Errorf("events: %s at %s: %w", e.Kind, at, err)
			}
		}
		out = append(out, e)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("events: %w", err)
	}
	return out, nil
}

// event reads what a document says of an event, and keeps it if it is wanted.
func (db *DB) event(e *bearing.Event, packed []byte, q bearing.EventQuery) error {
	var doc []byte
	if err := db.docs.into(&doc).Scan(packed); err != nil {
		return err
	}
	if e.Kind == "diagnosis" {
		var d bearing.Diagnosis
		if err := json.Unmarshal(doc, &d); err != nil {
			return err
		}
		e.Sensor, e.Severity = d.Sensor, d.Weight()
	} else {
		var a bearing.Alarm
		if err := json.Unmarshal(doc, &a); err != nil {
			return err
		}
		e.Sensor, e.Severity = a.Sensor, a.Weight()
	}
	if q.Wants(e.Kind, e.Sensor) {
		e.Doc = doc
	}
	return nil
}

// arrivalsKept is how many of the last windows of a sensor Arrivals tells of.
const arrivalsKept = 9

// Arrivals calls each with the starts and the times of arrival of the last few windows
// of every sensor axis, in the order of their starts.
func (db *DB) Arrivals(ctx context.Context, each func(sensor, axis string, starts, received []time.Time)) error {
	sensors, err := db.Sensors(ctx)
	if err != nil {
		return fmt.Errorf("arrivals: %w", err)
	}
	rows, err := db.texts(ctx, db.read, "SELECT DISTINCT sensor || char(0) || axis FROM recent")
	if err != nil {
		return fmt.Errorf("arrivals: %w", err)
	}
	recent := make(map[string][]string) // axes by sensor
	for _, row := range rows {
		sensor, axis, _ := strings.Cut(row, "\x00")
		recent[sensor] = append(recent[sensor], axis)
	}
	release, err := db.reading()
	if err != nil {
		return err
	}
	defer release()
	for _, s := range sensors {
		axes := map[string]*arrivals{}
		err := db.arrivals(ctx, axes, `SELECT * FROM (
			SELECT start_ns, doc FROM diagnoses INDEXED BY diagnoses_sensor WHERE sensor = ? ORDER BY start_ns DESC LIMIT ?) ORDER BY start_ns`, s, 4*arrivalsKept)
		if err != nil {
			return fmt.Errorf("arrivals of %q: %w", s, err)
		}
		for _, axis := range recent[s] { // one that is silent may have none among the last of its sensor
			if axes[axis] != nil {
				continue
			}
			err := db.arrivals(ctx, axes, `SELECT start_ns, doc FROM diagnoses
				WHERE seq IN (SELECT seq FROM recent WHERE sensor = ? AND axis = ? ORDER BY seq DESC LIMIT ?) ORDER BY start_ns`, s, axis, arrivalsKept)
			if err != nil {
				return fmt.Errorf("arrivals of %q: %w", s, err)
			}
		}
		for axis, t := range axes {
			from := max(0, len(t.starts)-arrivalsKept)
			each(s, axis, t.starts[from:], t.received[from:])
		}
	}
	return nil
}

// arrivals are starts and times of arrival of windows of an axis.
type arrivals struct{ starts, received []time.Time }

// arrivals adds what a query of start and document finds, by axis.
func (db *DB) arrivals(ctx context.Context, axes map[string]*arrivals, query string, args ...any) error {
	rows, err := db.read.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	for rows.Next() {
		var start int64
		var doc []byte
		var d struct {
			Axis     string    `json:"axis"`
			Received time.Time `json:"received_at"`
		}
		err := rows.Scan(&start, db.docs.into(&doc))
		if err == nil {
			err = json.Unmarshal(doc, &d)
		}
		if err != nil {
			return errors.Join(err, rows.Close())
		}
		t := axes[d.Axis]
		if t == nil {
			t = &arrivals{}
			axes[d.Axis] = t
		}
		t.starts, t.received = append(t.starts, time.Unix(0, start)), append(t.received, d.Received)
	}
	return errors.Join(rows.Err(), rows.Close())
}

// Sensors returns the names of all that have sent a window.
func (db *DB) Sensors(ctx context.Context) (names []string, err error) {
	return db.texts(ctx, db.own, "SELECT sensor FROM usage ORDER BY sensor")
}
