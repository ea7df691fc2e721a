package store

import (
	"context"
	"fmt"

	"brinell/bearing"
)

// Statements of what things there are from one on, and how many resources of a kind each has: a
// sensor is one of itself.
const (
	countSensors = "SELECT key, 1 FROM resources WHERE kind = ? AND key >= ? ORDER BY key LIMIT ?"
	countParts   = `SELECT part_of, n FROM resource_counts
		WHERE kind = ? AND part_of >= ? AND part_of <> '' ORDER BY part_of LIMIT ?`
)

// countPage is how many things are looked at by one query.
const countPage = 1000

// CountOf returns how many resources of a kind there are that are parts of some things, of sensors
// how many of these there are: most, if there are more. It reads a row for each of the things.
func (db *DB) CountOf(ctx context.Context, kind string, of bearing.Parts, most int) (n int, err error) {
	ctx, end, err := db.querying(ctx)
	if err != nil {
		return 0, err
	}
	defer func() {
		if err = end(err); err != nil {
			n, err = 0, fmt.Errorf("count %ss: %w", kind, err)
		}
	}()
	query := countParts
	if kind == bearing.KindSensor {
		query = countSensors
	}
	for at, more := of.Next(""); more && n < most; {
		if at, more, err = db.countPage(ctx, query, kind, at, of, &n); err != nil {
			return 0, err
		}
		if more { // what is not covered at all is passed over
			at, more = of.Next(at)
		}
	}
	return min(n, most), nil
}

// countPage adds to n what one query finds, and returns from where on there may be more.
func (db *DB) countPage(ctx context.Context, query, kind, from string, of bearing.Parts, n *int) (
	next string, more bool, err error) {
	rows, err := db.read.QueryContext(ctx, query, kind, from, countPage)
	if err != nil {
		return "", false, err
	}
	defer rows.Close()
	read := 0
	for ; rows.Next(); read++ {
		var has int
		if err := rows.Scan(&next, &has); err != nil {
			return "", false, err
		}
		if of.Covers(next) {
			*n += has
		}
	}
	return next + "\x00", read == countPage, rows.Err()
}
