package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"brinell/bearing"
)

// maxResources bounds the resources of a kind, so that one key that writes them cannot
// fill the disk.
const maxResources = 100_000

// maxInspections bounds the inspections of a sensor: who may write those of one does not fill
// the names of all.
const maxInspections = 10_000

// maxWebhooks bounds the webhooks: all are looked through once a second.
const maxWebhooks = 1000

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
		created = before == 0
		if err := roomFor(ctx, tx, kind, key, doc, created); err != nil {
			return err
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

// roomFor refuses a resource of a kind, or of a part, of which there are enough. The counts are
// kept with every row: see schema8.sql.
func roomFor(ctx context.Context, tx *sql.Tx, kind, key string, doc []byte, created bool) error {
	if created {
		if n, err := countOf(ctx, tx, kind, ""); err != nil {
			return err
		} else if n >= maxResources || kind == bearing.KindWebhook && n >= maxWebhooks {
			return bearing.Errorf(bearing.Conflict, "too_many_resources", "there are %d of this kind already: delete some", n)
		}
	}
	var of struct{ Sensor string }
	if kind != bearing.KindInspection || json.Unmarshal(doc, &of) != nil || of.Sensor == "" {
		return nil
	}
	n, err := countOf(ctx, tx, kind, of.Sensor)
	if err != nil || n < maxInspections {
		return err
	}
	if !created { // it may be one of them
		var before sql.NullString
		err := tx.QueryRowContext(ctx, "SELECT part_of FROM resources WHERE kind = ? AND key = ?", kind, key).Scan(&before)
		if err != nil || before.String == of.Sensor {
			return err
		}
	}
	return bearing.Errorf(bearing.Conflict, "too_many_resources", "there are %d inspections of sensor %s already: delete some", n, bearing.Clip(of.Sensor))
}

// countOf returns how many resources of a kind there are, or of these as parts of one thing.
func countOf(ctx context.Context, tx *sql.Tx, kind, part string) (n int, err error) {
	err = tx.QueryRowContext(ctx, countResources, kind, part).Scan(&n)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return n, err
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

// ResourceVersion returns the version of a resource without reading it: bearing.NoVersion if there
// is none.
func (db *DB) ResourceVersion(ctx context.Context, kind, key string) (version int64, err error) {
	release, err := db.reading()
	if err != nil {
		return 0, err
	}
	defer release()
	err = db.own.QueryRowContext(ctx, "SELECT version FROM resources WHERE kind = ? AND key = ?", kind, key).Scan(&version)
	if errors.Is(err, sql.ErrNoRows) {
		return bearing.NoVersion, nil
	}
	if err != nil {
		return 0, fmt.Errorf("read the version of %s %q: %w", kind, key, err)
	}
	return version, nil
}

// Statements of resources: how many there are; lists of a kind, and of those that are parts of one thing; and the
// next thing that has some.
const (
	countResources = "SELECT n FROM resource_counts WHERE kind = ? AND part_of = ?"

	listResources = "SELECT key, version, doc FROM resources WHERE kind = ? AND key > ? ORDER BY key LIMIT ?"
	listParts     = `SELECT key, version, doc FROM resources INDEXED BY resources_part
		WHERE kind = ? AND part_of = ? AND key > ? ORDER BY key LIMIT ?`
	nextPart = `SELECT part_of FROM resources INDEXED BY resources_part
		WHERE kind = ? AND part_of > ? ORDER BY part_of LIMIT 1`
)

// Resources returns up to limit resources of a kind with keys after the given one, in
// the order of their keys.
func (db *DB) Resources(ctx context.Context, kind, after string, limit int) (out []bearing.Resource, err error) {
	release, err := db.reading()
	if err != nil {
		return nil, err
	}
	defer release()
	if out, err = db.resources(ctx, nil, listResources, kind, after, limit); err != nil {
		return nil, fmt.Errorf("list %ss: %w", kind, ended(ctx, err))
	}
	return out, nil
}

// ResourcesOf returns up to limit resources of a kind that are parts of some things,
// inspections of sensors, after a place: in the order of these things, then of their keys. It
// reads what it returns, and one row for each thing that it passes over.
func (db *DB) ResourcesOf(ctx context.Context, kind string, of bearing.Parts, after bearing.Part, limit int) (out []bearing.Resource, err error) {
	ctx, end, err := db.querying(ctx)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err = end(err); err != nil {
			out, err = nil, fmt.Errorf("list %ss: %w", kind, err)
		}
	}()
	for at := after; ; {
		from, more := of.Next(at.Of)
		if !more {
			return out, nil
		}
		if from != at.Of {
			at.Key = ""
		}
		if from != "" && of.Covers(from) {
			if out, err = db.resources(ctx, out, listParts, kind, from, at.Key, limit-len(out)); err != nil || len(out) == limit {
				return out, err
			}
		}
		at = bearing.Part{}
		err := db.read.QueryRowContext(ctx, nextPart, kind, from).Scan(&at.Of)
		if errors.Is(err, sql.ErrNoRows) {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

// resources adds the rows of a statement to out.
func (db *DB) resources(ctx context.Context, out []bearing.Resource, query string, args ...any) ([]bearing.Resource, error) {
	rows, err := db.read.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var r bearing.Resource
		if err := rows.Scan(&r.Key, &r.Version, &r.Doc); err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return out, rows.Err()
}
