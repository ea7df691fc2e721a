package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// Bounds of one step, so that a lowered cap does not stop the writer for
// minutes. Free pages up to freeSlack stay in the file: at the cap the next
// windows fill them again, and giving them back would only move pages about.
const (
	retentionStep = 512  // windows removed in one transaction
	vacuumStep    = 1024 // pages given back at once
	freeSlack     = 4096 // pages of 4 KiB
)

// retain removes raw samples until raw, the bytes of all, is at most limit or
// retentionStep windows are gone, and returns the new sum. Each goes from the
// sensor that holds most bytes, the one that arrived first: a chatty sensor
// cannot push a quiet one out.
func (t statements) retain(ctx context.Context, raw, limit int64) (int64, error) {
	for range retentionStep {
		if raw <= limit {
			break
		}
		var sensor string
		var seq, size int64
		err := t.oldest.QueryRowContext(ctx).Scan(&sensor, &seq, &size)
		if errors.Is(err, sql.ErrNoRows) {
			break // only if the sums are wrong, which Check reports
		}
		if err != nil {
			return 0, err
		}
		if _, err := t.remove.ExecContext(ctx, seq); err != nil {
			return 0, err
		}
		if _, err := t.subtract.ExecContext(ctx, size, sensor); err != nil {
			return 0, err
		}
		raw -= size
	}
	return raw, nil
}

// tidy does one step: it removes raw samples over the cap, which a lowered cap leaves,
// and what is too old, and gives free pages back to the file system. It reports whether
// there is more to do.
func (db *DB) tidy() (more bool) {
	before := db.rawBytes
	if before > db.cfg.RawCap {
		err := db.transact(func(ctx context.Context, t statements) (int64, error) {
			return t.retain(ctx, before, db.cfg.RawCap)
		})
		db.report(err)
		if err != nil {
			return false
		}
		more = db.rawBytes > db.cfg.RawCap && db.rawBytes < before
	}
	more = db.aged() || more
	more = db.cut() || more
	shrunk, err := vacuum(context.Background(), db.write)
	if err != nil {
		db.report(db.storageError(err))
		return false
	}
	return more || shrunk
}

// vacuum gives up to vacuumStep pages back if more than freeSlack are free, and
// reports whether it did.
func vacuum(ctx context.Context, db *sql.DB) (bool, error) {
	free := func() (n int64, err error) {
		err = db.QueryRowContext(ctx, "PRAGMA freelist_count").Scan(&n)
		return n, err
	}
	before, err := free()
	if err != nil || before <= freeSlack {
		return false, err
	}
	// The pragma frees one page for each row that is read from it.
	rows, err := db.QueryContext(ctx, fmt.Sprintf("PRAGMA incremental_vacuum(%d)", min(vacuumStep, before-freeSlack)))
	if err != nil {
		return false, err
	}
	for rows.Next() {
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return false, err
	}
	after, err := free()
	return after < before, err
}
