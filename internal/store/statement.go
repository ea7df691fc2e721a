package store

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"brinell/bearing"
)

// statements are the writer's, prepared once. in binds them to a transaction.
type statements struct {
	tx   *sql.Tx // nil outside a transaction
	docs *documents

	diagnosis, samples, add, find *sql.Stmt
	oldest, remove, subtract      *sql.Stmt
	recent                        *sql.Stmt
}

// each calls f with each statement and its text, until f returns an error.
func (t *statements) each(f func(s **sql.Stmt, text string) error) error {
	for _, p := range []struct {
		s    **sql.Stmt
		text string
	}{
		{&t.diagnosis, "INSERT INTO diagnoses (id, sensor, fault, start_ns, digest, doc) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING"},
		{&t.samples, "INSERT INTO samples (seq, sensor, shaft_hz, count, crc, data) VALUES (?, ?, ?, ?, ?, ?)"},
		{&t.add, `INSERT INTO usage (sensor, bytes, diagnoses, raw) VALUES (?, ?, 1, 1) ON CONFLICT (sensor)
			DO UPDATE SET bytes = bytes + excluded.bytes, diagnoses = diagnoses + 1, raw = raw + 1`},
		{&t.recent, "INSERT INTO recent (sensor, axis, seq) VALUES (?, ?, ?)"},
		{&t.find, "SELECT digest, doc FROM diagnoses WHERE id = ?"},
		{&t.oldest, `SELECT sensor, seq, length(data) FROM samples
			WHERE sensor = (SELECT sensor FROM usage ORDER BY bytes DESC LIMIT 1) ORDER BY seq LIMIT 1`},
		{&t.remove, "DELETE FROM samples WHERE seq = ?"},
		{&t.subtract, "UPDATE usage SET bytes = bytes - ?, raw = raw - 1 WHERE sensor = ?"},
	} {
		if err := f(p.s, p.text); err != nil {
			return err
		}
	}
	return nil
}

func prepare(ctx context.Context, db *sql.DB, docs *documents) (t statements, err error) {
	t.docs = docs
	err = t.each(func(s **sql.Stmt, text string) (err error) {
		*s, err = db.PrepareContext(ctx, text)
		return err
	})
	return t, err
}

func (t statements) in(ctx context.Context, tx *sql.Tx) statements {
	t.tx = tx
	_ = t.each(func(s **sql.Stmt, _ string) error {
		*s = tx.StmtContext(ctx, *s)
		return nil
	})
	return t
}

func (t statements) close() error {
	var errs []error
	_ = t.each(func(s **sql.Stmt, _ string) error {
		if *s != nil {
			errs = append(errs, (*s).Close())
		}
		return nil
	})
	return errors.Join(errs...)
}

// insert writes one row, adds the size of its samples to raw and what happened to
// events. The result may be an error that concerns this row only.
func (t statements) insert(ctx context.Context, r *request, raw *int64, events *[]bearing.Event) (result, error) {
	if r.apply != nil {
		err := r.apply(ctx, t.tx)
		if e, ok := errors.AsType[*bearing.Error](err); ok {
			return result{err: e}, nil
		}
		*raw -= r.freed
		return result{}, err
	}
	res, err := t.diagnosis.ExecContext(ctx, r.d.ID, r.d.Sensor, string(r.d.Fault), r.d.Start.UnixNano(), r.digest[:], r.packed)
	if err != nil {
		return result{}, err
	}
	if n, err := res.RowsAffected(); err != nil {
		return result{}, err
	} else if n == 0 {
		return t.repeated(ctx, r)
	}
	seq, err := res.LastInsertId()
	if err != nil {
		return result{}, err
	}
	if _, err := t.samples.ExecContext(ctx, seq, r.d.Sensor, r.shaft, r.count, r.crc, r.blob); err != nil {
		return result{}, err
	}
	if _, err := t.add.ExecContext(ctx, r.d.Sensor, len(r.blob)); err != nil {
		return result{}, err
	}
	if _, err := t.recent.ExecContext(ctx, r.d.Sensor, r.d.Axis, seq); err != nil {
		return result{}, err
	}
	if r.state != nil {
		if err := putState(ctx, t.tx, r.d.Sensor, r.also.State, r.state); err != nil {
			return result{}, err
		}
	}
	*raw += int64(len(r.blob))
	*events = append(*events, bearing.Event{Position: bearing.Position{Diagnosis: seq}, Kind: "diagnosis", Sensor: r.d.Sensor, Severity: r.d.Weight(), Doc: r.doc})
	more, err := effects(ctx, t.tx, r.d.Sensor, r.d.Axis, r.also)
	*events = append(*events, more...)
	return result{d: r.d}, err
}

// repeated answers a window whose identity is taken.
func (t statements) repeated(ctx context.Context, r *request) (result, error) {
	var digest, doc []byte
	if err := t.find.QueryRowContext(ctx, r.d.ID).Scan(&digest, t.docs.into(&doc)); err != nil {
		return result{}, err
	}
	var first bearing.Diagnosis
	if err := json.Unmarshal(doc, &first); err != nil {
		return result{err: fmt.Errorf("stored diagnosis %s: %w", r.d.ID, err)}, nil
	}
	first.Duplicate = true
	if !bytes.Equal(digest, r.digest[:]) {
		return result{d: first, digest: digest, err: bearing.Errorf(bearing.Conflict, "window_conflict",
			"another window of sensor %s, axis %q, starting at %s is stored: samples, rate, unit, speed or bearing differ; windows are never overwritten",
			r.d.Sensor, r.d.Axis, r.d.Start.Format(time.RFC3339Nano))}, nil
	}
	return result{d: first}, nil
}
