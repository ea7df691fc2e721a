package store

import (
	"context"
	"encoding/json"
	"time"

	"brinell/bearing"
)

// What is kept of the log of alarms: who follows it, a stream that resumes or a webhook, is
// a day behind at most. The alarms themselves stay.
const (
	logKept = 100_000
	logAge  = 30 * 24 * time.Hour
	logStep = 1000
)

// cut does one step of removing from the log of alarms what is too much or too old, once
// an hour, and reports whether there may be more. The newest row stays: the numbers go on
// from it.
func (db *DB) cut() (more bool) {
	now := db.cfg.Now()
	hour := now.Unix() / 3600
	if db.cutIn == hour {
		return false
	}
	held := now.Sub(db.clock.trusted) > maxJump
	if !held {
		db.clock.look(now) // days may pass in which nothing is written
	}
	var last, to int64
	ctx := context.Background()
	err := db.write.QueryRowContext(ctx, "SELECT coalesce(max(seq), 0) FROM alarm_log").Scan(&last)
	if err == nil {
		to, err = db.cutTo(ctx, last, now, held)
	}
	if err == nil && to > 0 {
		err = db.transact(func(ctx context.Context, t statements) (int64, error) {
			return db.rawBytes, execute(ctx, t.tx, "DELETE FROM alarm_log WHERE seq <= ?", to)
		})
	}
	if err != nil {
		db.report(storageError(err))
		return false
	}
	if to == 0 {
		db.cutIn = hour
	}
	return to > 0
}

// cutTo returns the last row of those that a step removes, 0 for none. While the clock is
// not believed, none is too old.
func (db *DB) cutTo(ctx context.Context, last int64, now time.Time, held bool) (to int64, err error) {
	rows, err := db.write.QueryContext(ctx, "SELECT seq, doc FROM alarm_log WHERE seq < ? ORDER BY seq LIMIT ?", last, logStep)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	for rows.Next() {
		var seq int64
		var doc []byte
		if err := rows.Scan(&seq, &doc); err != nil {
			return 0, err
		}
		var a bearing.Alarm
		if err := json.Unmarshal(doc, &a); err == nil && seq > last-logKept && (held || now.Sub(a.At()) <= logAge) {
			break
		}
		to = seq
	}
	return to, rows.Err()
}
