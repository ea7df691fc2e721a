package store

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"brinell/bearing"
)

// The column class of alarms is twice the place of the state in alarmStates and the place of
// the severity in alarmSeverities: see schema8.sql.
var (
	alarmStates     = []string{bearing.AlarmActive, bearing.AlarmAcknowledged, bearing.AlarmReturned, bearing.AlarmClosed}
	alarmSeverities = []string{"warning", "alarm"}
)

// classOf is the class of alarms by severity and state.
func classOf(severity, state string) int {
	return 2*slices.Index(alarmStates, state) + slices.Index(alarmSeverities, severity)
}

// alarmClasses are the classes that q selects.
func alarmClasses(q bearing.AlarmQuery) (classes []int) {
	for class := range 2 * len(alarmStates) {
		state, severity := alarmStates[class/2], alarmSeverities[class%2]
		if (q.State == "" || q.State == state) && (q.Severity == "" || q.Severity == severity) && (!q.Open || state != bearing.AlarmClosed) {
			classes = append(classes, class)
		}
	}
	return classes
}

// raised is the place of an alarm in the order of lists.
type raised struct {
	ns int64
	id string
}

func (r raised) String() string {
	return base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "%d %s", r.ns, r.id))
}

func parseRaised(s string) (raised, error) {
	b, err := base64.RawURLEncoding.DecodeString(s)
	ns, id, ok := strings.Cut(string(b), " ")
	r := raised{id: id}
	if err == nil {
		r.ns, err = strconv.ParseInt(ns, 10, 64)
	}
	if err != nil || !ok {
		return r, bearing.Errorf(bearing.Invalid, "cursor_invalid", "cursor %q is not one that this service gave: begin without one", bearing.Clip(s)).At("cursor")
	}
	return r, nil
}

// newestFirst is the order of lists.
func newestFirst(a, b raised) int {
	return -cmp.Or(cmp.Compare(a.ns, b.ns), strings.Compare(a.id, b.id))
}

// Alarms returns one page of what q selects, those raised last first. It reads as many rows of
// an index for each class as are on a page, at most, and of each sensor of a machine.
func (db *DB) Alarms(ctx context.Context, q bearing.AlarmQuery) (page bearing.AlarmPage, err error) {
	if q.Limit == 0 {
		q.Limit = bearing.DefaultPage
	}
	before := raised{ns: math.MaxInt64}
	if q.Cursor != "" {
		if before, err = parseRaised(q.Cursor); err != nil {
			return page, err
		}
	}
	ctx, end, err := db.querying(ctx)
	if err != nil {
		return page, err
	}
	defer func() {
		if err = end(err); err != nil {
			page, err = bearing.AlarmPage{}, fmt.Errorf("list alarms: %w", err)
		}
	}()
	tx, err := db.read.BeginTx(ctx, &sql.TxOptions{ReadOnly: true}) // places and documents are of one moment
	if err != nil {
		return page, err
	}
	defer func() { _ = tx.Rollback() }()
	places, err := alarmPlaces(ctx, tx, q, before)
	if err != nil {
		return page, err
	}
	if len(places) > q.Limit {
		places = places[:q.Limit]
		page.NextCursor = places[q.Limit-1].String()
	}
	page.Alarms, err = alarmsAt(ctx, tx, places)
	return page, err
}

// alarmPlaces returns the first places of what q selects after one, one more than a page has.
func alarmPlaces(ctx context.Context, tx *sql.Tx, q bearing.AlarmQuery, before raised) (first []raised, err error) {
	sensors, err := alarmSensors(ctx, tx, q)
	if err != nil {
		return nil, err
	}
	stmt, err := tx.PrepareContext(ctx, alarmStream(q))
	if err != nil {
		return nil, err
	}
	defer stmt.Close()
	for _, sensor := range sensors {
		var of []any
		if sensor != "" {
			of = append(of, sensor)
		}
		if q.Axis != nil {
			of = append(of, *q.Axis)
		}
		for _, class := range alarmClasses(q) {
			rows, err := stmt.QueryContext(ctx, append(slices.Clone(of), class, before.ns, before.id, q.Limit+1)...)
			if err == nil {
				first, err = mergeRaised(first, rows, q.Limit+1)
			}
			if err != nil {
				return nil, err
			}
		}
	}
	return first, nil
}

// alarmSensors returns of which sensors alarms are looked for, one empty name for all.
func alarmSensors(ctx context.Context, tx *sql.Tx, q bearing.AlarmQuery) (names []string, err error) {
	if q.Machine == "" {
		return []string{q.Sensor}, nil
	}
	rows, err := tx.QueryContext(ctx, machineSensors, q.Machine, q.Sensor)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	return names, rows.Err()
}

// machineSensors are those of a machine, or one of them.
const machineSensors = "SELECT key FROM resources INDEXED BY resources_part WHERE kind = '" + bearing.KindSensor +
	"' AND part_of = ?1 AND (?2 = '' OR key = ?2)"

// alarmStream is the statement of the places of one class, of one sensor if q names some.
func alarmStream(q bearing.AlarmQuery) string {
	index, where := "alarms", ""
	if q.Sensor != "" || q.Machine != "" {
		index, where = index+"_sensor", where+"sensor = ? AND "
	}
	if q.Axis != nil {
		index, where = index+"_axis", where+"axis = ? AND "
	}
	if where == "" {
		index += "_class"
	}
	return "SELECT raised_ns, id FROM alarms INDEXED BY " + index + " WHERE " + where +
		"class = ? AND (raised_ns, id) < (?, ?) ORDER BY raised_ns DESC, id DESC LIMIT ?"
}

// mergeRaised adds to the first n places what rows has of them, in their order, and closes rows.
func mergeRaised(first []raised, rows *sql.Rows, n int) ([]raised, error) {
	defer rows.Close()
	had := len(first)
	for rows.Next() {
		var r raised
		if err := rows.Scan(&r.ns, &r.id); err != nil {
			return nil, err
		}
		if had == n && newestFirst(r, first[n-1]) > 0 {
			break // and so is what comes after it
		}
		first = append(first, r)
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	slices.SortFunc(first, newestFirst)
	return first[:min(n, len(first))], nil
}

// alarmsAt reads alarms.
func alarmsAt(ctx context.Context, tx *sql.Tx, places []raised) ([]bearing.Alarm, error) {
	alarms := make([]bearing.Alarm, len(places))
	stmt, err := tx.PrepareContext(ctx, "SELECT doc FROM alarms WHERE id = ?")
	if err != nil {
		return nil, err
	}
	defer stmt.Close()
	for i, p := range places {
		var doc []byte
		err := stmt.QueryRowContext(ctx, p.id).Scan(&doc)
		if err == nil {
			err = json.Unmarshal(doc, &alarms[i])
		}
		if err != nil {
			return nil, fmt.Errorf("%q: %w", p.id, err)
		}
	}
	return alarms, nil
}
