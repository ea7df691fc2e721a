package store

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"brinell/internal/bearing"
)

// request is one row on its way to the writer, encoded by its caller.
type request struct {
	d      bearing.Diagnosis
	w      *bearing.Window
	doc    []byte
	digest [32]byte
	blob   []byte
	crc    uint32

	answer chan result
}

type result struct {
	d   bearing.Diagnosis
	err error
}

// Append stores d and w, and returns after they are on disk: d itself, or, if
// the same window is there already, its first diagnosis with Duplicate set.
//
// Errors are *bearing.Error: window_conflict if another window has this one's
// sensor, axis and start; storage_full if the disk is; store_closed after Close.
// After any error of the transaction nothing of it is stored. If ctx ends first,
// Append returns its error, and the row may still be stored.
func (db *DB) Append(ctx context.Context, d bearing.Diagnosis, w *bearing.Window) (bearing.Diagnosis, error) {
	doc, err := json.Marshal(d)
	if err != nil {
		return bearing.Diagnosis{}, fmt.Errorf("encode diagnosis %s: %w", d.ID, err)
	}
	r := &request{d: d, w: w, doc: doc, digest: w.Digest(), answer: make(chan result, 1)}
	r.blob, r.crc = db.codec.encode(w.Samples)
	if err := db.enqueue(ctx, r); err != nil {
		return bearing.Diagnosis{}, err
	}
	select {
	case a := <-r.answer:
		return a.d, a.err
	case <-ctx.Done():
		return bearing.Diagnosis{}, ctx.Err()
	}
}

func (db *DB) enqueue(ctx context.Context, r *request) error {
	db.mu.RLock()
	defer db.mu.RUnlock()
	if db.closed {
		return errClosed
	}
	select {
	case db.queue <- r:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// writer groups what is waiting into transactions until the queue is closed.
func (db *DB) writer() {
	defer close(db.done)
	batch := make([]*request, 0, db.cfg.MaxBatch)
	for r := range db.queue {
		batch = append(batch[:0], r)
	fill:
		for len(batch) < db.cfg.MaxBatch {
			select {
			case r, ok := <-db.queue:
				if !ok {
					break fill
				}
				batch = append(batch, r)
			default:
				break fill
			}
		}
		results, err := db.store(batch)
		if err != nil {
			db.cfg.Log.Error("storing failed", "windows", len(batch), "err", err)
			db.failed.Store(&err)
		} else {
			db.failed.Store(nil)
		}
		for i, r := range batch {
			if err != nil {
				r.answer <- result{err: err}
			} else {
				r.answer <- results[i]
			}
		}
	}
}

// store writes a batch in one transaction. A result may be an error of its row
// alone; an error of store means that nothing was stored. A commit that failed
// is not tried again: after a failed sync the kernel may have dropped the pages.
func (db *DB) store(batch []*request) (_ []result, err error) {
	ctx := context.Background() // a caller that gave up must not break the others
	tx, err := db.write.BeginTx(ctx, nil)
	if err != nil {
		return nil, storageError(err)
	}
	defer func() {
		if err != nil {
			_ = tx.Rollback()
			err = storageError(err)
		}
	}()
	t, err := prepare(ctx, tx)
	if err != nil {
		return nil, err
	}
	results := make([]result, len(batch))
	raw := db.rawBytes
	for i, r := range batch {
		if results[i], err = t.insert(ctx, r, &raw); err != nil {
			return nil, err
		}
	}
	if raw > db.cfg.RawCap {
		if raw, err = retain(ctx, tx, raw, db.cfg.RawCap); err != nil {
			return nil, err
		}
	}
	if err := db.commit(tx); err != nil {
		return nil, err
	}
	db.rawBytes = raw
	return results, nil
}

// statements of one transaction.
type statements struct{ diagnosis, samples, usage, find *sql.Stmt }

func prepare(ctx context.Context, tx *sql.Tx) (t statements, err error) {
	for _, p := range []struct {
		to  **sql.Stmt
		sql string
	}{
		{&t.diagnosis, "INSERT INTO diagnoses (id, sensor, fault, start_ns, digest, doc) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING"},
		{&t.samples, "INSERT INTO samples (seq, sensor, shaft_hz, count, crc, data) VALUES (?, ?, ?, ?, ?, ?)"},
		{&t.usage, "INSERT INTO usage (sensor, bytes) VALUES (?, ?) ON CONFLICT (sensor) DO UPDATE SET bytes = bytes + excluded.bytes"},
		{&t.find, "SELECT digest, doc FROM diagnoses WHERE id = ?"},
	} {
		if *p.to, err = tx.PrepareContext(ctx, p.sql); err != nil {
			return t, err
		}
	}
	return t, nil
}

// insert writes one row and adds the size of its samples to raw. The result may
// be a conflict, which concerns this row only.
func (t statements) insert(ctx context.Context, r *request, raw *int64) (result, error) {
	res, err := t.diagnosis.ExecContext(ctx, r.d.ID, r.d.Sensor, string(r.d.Fault), r.d.Start.UnixNano(), r.digest[:], r.doc)
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
	if _, err := t.samples.ExecContext(ctx, seq, r.d.Sensor, r.w.ShaftSpeed, len(r.w.Samples), r.crc, r.blob); err != nil {
		return result{}, err
	}
	if _, err := t.usage.ExecContext(ctx, r.d.Sensor, len(r.blob)); err != nil {
		return result{}, err
	}
	*raw += int64(len(r.blob))
	return result{d: r.d}, nil
}

// repeated answers a window whose identity is taken.
func (t statements) repeated(ctx context.Context, r *request) (result, error) {
	var digest, doc []byte
	if err := t.find.QueryRowContext(ctx, r.d.ID).Scan(&digest, &doc); err != nil {
		return result{}, err
	}
	if !bytes.Equal(digest, r.digest[:]) {
		return result{err: bearing.Errorf(bearing.Conflict, "window_conflict",
			"another window of sensor %s, axis %q, starting at %s is stored: samples, rate, unit, speed or bearing differ; windows are never overwritten",
			r.d.Sensor, r.d.Axis, r.d.Start.Format("2006-01-02T15:04:05.999999999Z07:00"))}, nil
	}
	var first bearing.Diagnosis
	if err := json.Unmarshal(doc, &first); err != nil {
		return result{}, fmt.Errorf("stored diagnosis %s: %w", r.d.ID, err)
	}
	first.Duplicate = true
	return result{d: first}, nil
}

// storageError gives a full disk its code; all else is internal.
func storageError(err error) error {
	if e, ok := errors.AsType[*sqlite.Error](err); ok && e.Code()&0xff == sqlite3.SQLITE_FULL {
		return bearing.Errorf(bearing.Overloaded, "storage_full", "the disk is full: nothing was stored; free space and send again")
	}
	return fmt.Errorf("store: %w", err)
}
