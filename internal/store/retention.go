package store

import (
	"context"
	"database/sql"
)

// retentionStep bounds what one transaction removes, so that a lowered cap does
// not stop the writer for minutes.
const retentionStep = 512

// retain removes raw samples until raw, the bytes of all, is at most limit or
// retentionStep windows are gone, and returns the new sum. Each goes from the
// sensor that holds most bytes, its oldest first: a chatty sensor cannot push a
// quiet one out.
func retain(ctx context.Context, tx *sql.Tx, raw, limit int64) (int64, error) {
	for range retentionStep {
		if raw <= limit {
			break
		}
		var sensor string
		var seq, size int64
		err := tx.QueryRowContext(ctx, `
			SELECT sensor, seq, length(data) FROM samples
			WHERE sensor = (SELECT sensor FROM usage ORDER BY bytes DESC LIMIT 1)
			ORDER BY seq LIMIT 1`).Scan(&sensor, &seq, &size)
		if err == sql.ErrNoRows {
			break
		}
		if err != nil {
			return raw, err
		}
		if _, err := tx.ExecContext(ctx, "DELETE FROM samples WHERE seq = ?", seq); err != nil {
			return raw, err
		}
		if _, err := tx.ExecContext(ctx, "UPDATE usage SET bytes = bytes - ? WHERE sensor = ?", size, sensor); err != nil {
			return raw, err
		}
		raw -= size
	}
	return raw, nil
}
