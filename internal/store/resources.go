package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"brinell/internal/bearing"
)

// maxResources bounds the resources of a kind, so that one key that writes them cannot
// fill the disk.
const maxResources = 100_000

// PutResource stores a resource in place of the one of its kind and key, and returns
// its new version after it is on disk. created says that there was none. match is the
// version that must be there, or one of bearing.AnyVersion, NoVersion and SomeVersion.
//
// Errors: Changed version_mismatch if another version is there; Conflict
// too_many_resources; and those of Append but window_conflict.
func (db *DB) PutResource(ctx context.Context, kind, key string, doc []byte, match int64) (version int64, created bool, err error) {
	err = db.do(ctx, func(ctx context.Context, tx *sql.Tx) error {
		before, err := versionOf(ctx, tx, kind, key)
		if err != nil {
			return err
		}
		if err := bearing.MatchVersion(before, match); err != nil {
			return err
		}
		if created = before == 0; created {
			var n int
			if err := tx.QueryRowContext(ctx, "SELECT count(*) FROM resources WHERE kind = ?", kind).Scan(&n); err != nil {
				return err
			}
			if n >= maxResources {
				return bearing.Errorf(bearing.Conflict, "too_many_resources", "there are %d of this kind already: delete some", n)
			}
		}
		if version, err = nextVersion(ctx, tx); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, "INSERT INTO resources (kind, key, version, doc) VALUES (?, ?, ?, ?) ON CONFLICT (kind, key) DO UPDATE SET version = excluded.version, doc = excluded.doc", kind, key, version, doc)
		return err
	})
	if err != nil {
		return 0, false, err
	}
	return version, created, nil
}

// DeleteResource removes a resource; match is as for PutResource. NotFound
// resource_not_found says that there is none.
func (db *DB) DeleteResource(ctx context.Context, kind, key string, match int64) error {
	return db.do(ctx, func(ctx context.Context, tx *sql.Tx) error {
		before, err := versionOf(ctx, tx, kind, key)
		if err != nil {
			return err
		}
		if before == 0 {
			return bearing.ResourceNotFound(kind, key)
		}
		if err := bearing.MatchVersion(before, match); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, "DELETE FROM resources WHERE kind = ? AND key = ?", kind, key)
		return err
	})
}

// versionOf returns the version of a resource, 0 if there is none.
func versionOf(ctx context.Context, tx *sql.Tx, kind, key string) (v int64, err error) {
	err = tx.QueryRowContext(ctx, "SELECT version FROM resources WHERE kind = ? AND key = ?", kind, key).Scan(&v)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return v, err
}

func nextVersion(ctx context.Context, tx *sql.Tx) (v int64, err error) {
	err = tx.QueryRowContext(ctx, "UPDATE resource_version SET last = last + 1 RETURNING last").Scan(&v)
	return v, err
}

// Resource returns a resource, or NotFound resource_not_found.
func (db *DB) Resource(ctx context.Context, kind, key string) (bearing.Resource, error) {
	release, err := db.reading()
	if err != nil {
		return bearing.Resource{}, err
	}
	defer release()
	r := bearing.Resource{Key: key}
	err = db.own.QueryRowContext(ctx, "SELECT version, doc FROM resources WHERE kind = ? AND key = ?", kind, key).Scan(&r.Version, &r.Doc)
	if errors.Is(err, sql.ErrNoRows) {
		return bearing.Resource{}, bearing.ResourceNotFound(kind, key)
	}
	if err != nil {
		return bearing.Resource{}, fmt.Errorf("read %s %q: %w", kind, key, err)
	}
	return r, nil
}

// Resources returns up to limit resources of a kind with keys after the given one, in
// the order of their keys.
func (db *DB) Resources(ctx context.Context, kind, after string, limit int) (out []bearing.Resource, err error) {
	release, err := db.reading()
	if err != nil {
		return nil, err
	}
	defer release()
	defer func() { err = ended(ctx, err) }()
	rows, err := db.read.QueryContext(ctx, "SELECT key, version, doc FROM resources WHERE kind = ? AND key > ? ORDER BY key LIMIT ?", kind, after, limit)
	if err != nil {
		return nil, fmt.Errorf("list %ss: %w", kind, err)
	}
	defer rows.Close()
	for rows.Next() {
		var r bearing.Resource
		if err := rows.Scan(&r.Key, &r.Version, &r.Doc); err != nil {
			return nil, fmt.Errorf("list %ss: %w", kind, err)
		}
		out = append(out, r)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("list %ss: %w", kind, err)
	}
	return out, nil
}
