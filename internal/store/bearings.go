package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"

	"brinell/bearing"
)

// PutBearing stores a user's row of the catalogue in place of the one of the same
// bearing.DesignationKey, and returns after it is on disk. Whether the row makes sense
// is for the catalogue to say, before.
//
// Errors are those of Append but window_conflict. If ctx ends first, PutBearing returns
// its error, and the row may still be stored.
func (db *DB) PutBearing(ctx context.Context, b bearing.KnownBearing) error {
	doc, err := json.Marshal(b.Entry())
	if err != nil {
		return fmt.Errorf("encode bearing %q: %w", b.Designation, err)
	}
	return db.do(ctx, func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "INSERT INTO bearings (key, doc) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET doc = excluded.doc", bearing.DesignationKey(b.Designation), doc)
		return err
	})
}

// DeleteBearing removes a user's row of the catalogue, and says whether there was one. Its
// errors are those of PutBearing.
func (db *DB) DeleteBearing(ctx context.Context, designation string) (there bool, err error) {
	err = db.do(ctx, func(ctx context.Context, tx *sql.Tx) error {
		r, err := tx.ExecContext(ctx, "DELETE FROM bearings WHERE key = ?", bearing.DesignationKey(designation))
		if err != nil {
			return err
		}
		n, err := r.RowsAffected()
		there = n > 0
		return err
	})
	return there && err == nil, err
}

// Bearings returns the stored rows of the catalogue in the order of their keys.
func (db *DB) Bearings(ctx context.Context) ([]bearing.KnownBearing, error) {
	release, err := db.reading()
	if err != nil {
		return nil, err
	}
	defer release()
	rows, err := db.read.QueryContext(ctx, "SELECT key, doc FROM bearings ORDER BY key")
	if err != nil {
		return nil, fmt.Errorf("list bearings: %w", err)
	}
	defer rows.Close()
	var out []bearing.KnownBearing
	for rows.Next() {
		var key string
		var doc []byte
		if err := rows.Scan(&key, &doc); err != nil {
			return nil, fmt.Errorf("list bearings: %w", err)
		}
		var e bearing.CatalogueEntry
		if err := json.Unmarshal(doc, &e); err != nil {
			return nil, fmt.Errorf("list bearings: row %q: %w", key, err)
		}
		out = append(out, e.Row())
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("list bearings: %w", err)
	}
	return out, nil
}
