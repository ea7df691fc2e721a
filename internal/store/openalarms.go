package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"brinell/internal/bearing"
)

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

// unshelved are the rows a of alarms that are open and not shelved between the times ?1 and ?2.
const unshelved = `(SELECT sensor, raised_ns, id, doc FROM (
		SELECT sensor, raised_ns, id, CAST(doc AS TEXT) AS doc FROM alarms INDEXED BY alarms_open WHERE open = 1)
	WHERE coalesce(substr(doc ->> '$.shelved_until', 1, 19), '') NOT BETWEEN ?1 AND ?2) a`

// OpenAlarms counts the alarms that are open and not shelved now, and returns the first of
// them, as many as most: those of registered sensors before others, for anybody who may send
// invents those; then alarms before warnings, those that nobody has acknowledged before those
// that somebody has, and of these the oldest, so that one that is among them stays.
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
	const seconds = "2006-01-02T15:04:05" // as times begin in documents; all are UTC
	from, to := now.Add(time.Second).UTC().Format(seconds), now.Add(bearing.MaxShelf+bearing.ShelfSlack).UTC().Format(seconds)
	if open.Count, err = countAlarms(ctx, tx, from, to); err == nil && most > 0 {
		open.First, err = firstAlarms(ctx, tx, from, to, most)
	}
	if err != nil {
		return OpenAlarms{}, fmt.Errorf("open alarms: %w", err)
	}
	return open, nil
}

func countAlarms(ctx context.Context, tx *sql.Tx, from, to string) (map[[2]string]int, error) {
	rows, err := tx.QueryContext(ctx, "SELECT doc ->> '$.severity', doc ->> '$.state', count(*) FROM "+unshelved+" GROUP BY 1, 2", from, to)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	count := make(map[[2]string]int)
	for rows.Next() {
		var severity, state string
		var n int
		if err := rows.Scan(&severity, &state, &n); err != nil {
			return nil, err
		}
		count[[2]string{severity, state}] = n
	}
	return count, rows.Err()
}

func firstAlarms(ctx context.Context, tx *sql.Tx, from, to string, most int) (first []OpenAlarm, err error) {
	rows, err := tx.QueryContext(ctx, "SELECT a.doc, coalesce(CAST(r.doc AS TEXT) ->> '$.machine', '') FROM "+unshelved+`
		LEFT JOIN resources r ON r.kind = '`+bearing.KindSensor+`' AND r.key = a.sensor
		ORDER BY r.key IS NULL, a.doc ->> '$.severity' = 'alarm' DESC, a.doc ->> '$.state' = '`+bearing.AlarmAcknowledged+`',
			a.raised_ns, a.id LIMIT ?3`, from, to, most)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var doc []byte
		var a OpenAlarm
		if err := rows.Scan(&doc, &a.Machine); err != nil {
			return nil, err
		}
		if err := json.Unmarshal(doc, &a.Alarm); err != nil {
			return nil, err
		}
		first = append(first, a)
	}
	return first, rows.Err()
}
