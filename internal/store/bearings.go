package store

import (
	"context"
	"encoding/json"
	"fmt"

	"brinell/internal/bearing"
)

// row is a bearing on its way to the writer.
type row struct {
	key string
	doc []byte
}

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
	r := &request{row: &row{bearing.DesignationKey(b.Designation), doc}, answer: make(chan result, 1)}
	if err := db.enqueue(ctx, r); err != nil {
		return err
	}
	select {
	case a := <-r.answer:
		return a.err
	case <-ctx.Done():
		return ctx.Err()
	}
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
