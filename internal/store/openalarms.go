package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"brinell/bearing"
)

// toSeconds is how times begin in documents, which are of UTC, and stand in the column shelved.
const toSeconds = "2006-01-02T15:04:05"

// OpenAlarms are the alarms that are open and not shelved at a time.
type OpenAlarms struct {
	Count map[[2]string]int // by severity and state
	First []OpenAlarm       // up to as many as were asked for
}

// OpenAlarm is one of them, with the machine of its sensor, empty for none.
type OpenAlarm struct {
	bearing.Alarm
	Machine string
}

// OpenAlarms counts the alarms that are open and not shelved now, and returns the first of
// them, as many as most: those of registered sensors before others, for anybody who may send
// invents those; then alarms before warnings, those that nobody has acknowledged before those
// that somebody has, and of these the oldest, so that one that is among them stays. It reads
// as many as it returns, and those that are shelved.
func (db *DB) OpenAlarms(ctx context.Context, now time.Time, most int) (open OpenAlarms, err error) {
	release, err := db.reading()
	if err != nil {
		return open, err
	}
	defer release()
	tx, err := db.read.BeginTx(ctx, &sql.TxOptions{ReadOnly: true}) // both are of one moment
	if err != nil {
		return open, fmt.Errorf("open alarms: %w", err)
	}
	defer func() { _ = tx.Rollback() }()
	from, to := now.Add(time.Second).UTC().Format(toSeconds), now.Add(bearing.MaxShelf+bearing.ShelfSlack).UTC().Format(toSeconds)
	if open.Count, err = countAlarms(ctx, tx, from, to); err == nil && most > 0 {
		open.First, err = firstAlarms(ctx, tx, from, to, most)
	}
	if err != nil {
		return OpenAlarms{}, fmt.Errorf("open alarms: %w", err)
	}
	return open, nil
}

// Of alarms that are not over: the counts, those that are shelved between two times, and the
// oldest of a class that are not.
const (
	alarmCounts   = "SELECT class, n FROM alarm_counts WHERE class < 6"
	shelvedCounts = `SELECT class, count(*) FROM alarms INDEXED BY alarms_shelved
		WHERE class < 6 AND shelved BETWEEN ?1 AND ?2 GROUP BY class`
	oldestAlarms = `SELECT raised_ns, id FROM alarms INDEXED BY alarms_first
		WHERE registered = ?1 AND class = ?2 AND class < 6 AND coalesce(shelved, '') NOT BETWEEN ?3 AND ?4
		ORDER BY raised_ns, id LIMIT ?5`
)

func countAlarms(ctx context.Context, tx *sql.Tx, from, to string) (map[[2]string]int, error) {
	count := make(map[[2]string]int)
	add := func(sign int, query string, args ...any) error {
		rows, err := tx.QueryContext(ctx, query, args...)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var class, n int
			if err := rows.Scan(&class, &n); err != nil {
				return err
			}
			count[[2]string{alarmSeverities[class%2], alarmStates[class/2]}] += sign * n
		}
		return rows.Err()
	}
	err := add(1, alarmCounts)
	if err == nil {
		err = add(-1, shelvedCounts, from, to)
	}
	maps.DeleteFunc(count, func(_ [2]string, n int) bool { return n == 0 })
	return count, err
}

// firstClasses are the classes of alarms in the order in which they are wanted; those of one
// group are alike.
var firstClasses = [][]int{
	{classOf("alarm", bearing.AlarmActive), classOf("alarm", bearing.AlarmReturned)},
	{classOf("alarm", bearing.AlarmAcknowledged)},
	{classOf("warning", bearing.AlarmActive), classOf("warning", bearing.AlarmReturned)},
	{classOf("warning", bearing.AlarmAcknowledged)},
}

func firstAlarms(ctx context.Context, tx *sql.Tx, from, to string, most int) (first []OpenAlarm, err error) {
	var places []raised
	for _, registered := range []bool{true, false} {
		for _, alike := range firstClasses {
			var group []raised
			for _, class := range alike {
				if group, err = oldest(ctx, tx, group, registered, class, from, to, most-len(places)); err != nil {
					return nil, err
				}
			}
			slices.SortFunc(group, func(a, b raised) int { return newestFirst(b, a) })
			places = append(places, group[:min(most-len(places), len(group))]...)
		}
	}
	alarms, err := alarmsAt(ctx, tx, places)
	if err != nil {
		return nil, err
	}
	for _, a := range alarms {
		o := OpenAlarm{Alarm: a}
		err := tx.QueryRowContext(ctx, "SELECT coalesce(part_of, '') FROM resources WHERE kind = ? AND key = ?", bearing.KindSensor, a.Sensor).Scan(&o.Machine)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return nil, err
		}
		first = append(first, o)
	}
	return first, nil
}

// oldest adds to places those of the oldest of a class.
func oldest(ctx context.Context, tx *sql.Tx, places []raised, registered bool, class int, from, to string, most int) ([]raised, error) {
	if most <= 0 {
		return places, nil
	}
	rows, err := tx.QueryContext(ctx, oldestAlarms, registered, class, from, to, most)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var r raised
		if err := rows.Scan(&r.ns, &r.id); err != nil {
			return nil, err
		}
		places = append(places, r)
	}
	return places, rows.Err()
}
