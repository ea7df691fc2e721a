package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"syscall"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"brinell/bearing"
)

// batchBytes is where a transaction stops taking more windows in: long windows
// come in megabytes, and 256 of them would keep all their callers waiting.
const batchBytes = 32 << 20

// probeInterval is how long after a failure the writer tries the disk, and how often it
// looks whether the database is at its place while nothing arrives.
const probeInterval = time.Second

// writer groups what is waiting into transactions until the queue is closed and
// empty. Between two of them it does one bounded step of tidying, and more while
// nothing waits.
func (db *DB) writer() {
	defer close(db.done)
	batch := make([]*request, 0, db.cfg.MaxBatch)
	for {
		more := db.failed.Load() == nil && db.tidy()
		r, ok := db.next(more)
		if !ok {
			return
		}
		if r == nil {
			continue
		}
		batch = db.fill(append(batch[:0], r))
		results, err := db.store(batch)
		db.report(err)
		if db.stored && db.cfg.Committed != nil { // also what nobody may rely on: reads show it
			db.cfg.Committed(db.placed())
		}
		for i, r := range batch {
			if err != nil {
				r.answer <- result{err: err}
			} else {
				r.answer <- results[i]
			}
		}
		clear(batch) // or the blobs would live until as large a batch comes
	}
}

// placed returns the events of the last transaction with their positions whole: each
// row knows the number of its own kind only.
func (db *DB) placed() []bearing.Event {
	events := slices.Clone(db.events) // its readers keep it
	for i := range events {
		p := &events[i].Position
		db.at = bearing.Position{Diagnosis: max(db.at.Diagnosis, p.Diagnosis), Alarm: max(db.at.Alarm, p.Alarm)}
		*p = db.at
	}
	return events
}

// next waits for a request; ok is false when the queue is closed and empty. With
// more to tidy it does not wait; otherwise it returns every probeInterval to look at age
// and at the place of the database, and after a failure to probe: then r may be nil.
func (db *DB) next(more bool) (r *request, ok bool) {
	if more {
		select {
		case r, ok = <-db.queue:
			return r, ok
		default:
			return nil, true
		}
	}
	timer := time.NewTimer(probeInterval)
	defer timer.Stop()
	select {
	case r, ok = <-db.queue:
		return r, ok
	case <-timer.C:
		if db.failed.Load() != nil {
			db.report(db.probe())
		} else if db.cause = db.inPlace(); db.cause != nil {
			db.report(errReplaced)
		}
		return nil, true
	}
}

// fill adds what is waiting to batch, up to the limits of one transaction.
func (db *DB) fill(batch []*request) []*request {
	for size := len(batch[0].blob); len(batch) < db.cfg.MaxBatch && size < batchBytes; {
		select {
		case r, ok := <-db.queue:
			if !ok {
				return batch
			}
			batch = append(batch, r)
			size += len(r.blob)
		default:
			return batch
		}
	}
	return batch
}

// report keeps the outcome of a transaction for Ready. An outage is logged at
// its beginning and its end, not once a second.
func (db *DB) report(err error) {
	before := db.failed.Load()
	switch {
	case err != nil:
		db.failed.Store(&err)
		if before == nil {
			db.cfg.Log.Error("storing failed", "err", err, "cause", db.cause)
		}
	case before != nil:
		db.failed.Store(nil)
		db.cfg.Log.Info("storing works again")
	}
}

// store writes a batch in one transaction. A result may be an error of its row
// alone; an error of store means that nothing was stored. A commit that failed
// is not tried again: after a failed sync the kernel may have dropped the pages.
func (db *DB) store(batch []*request) ([]result, error) {
	results := make([]result, len(batch))
	db.events = db.events[:0]
	err := db.transact(func(ctx context.Context, t statements) (int64, error) {
		raw := db.rawBytes
		if err := db.tick(ctx, t); err != nil {
			return 0, err
		}
		for i, r := range batch {
			var err error
			if results[i], err = t.insert(ctx, r, &raw, &db.events); err != nil {
				return 0, err
			}
		}
		return t.retain(ctx, raw, db.cfg.RawCap)
	})
	if err != nil {
		return nil, err
	}
	return results, nil
}

// probe writes one page, the schema version as it is.
func (db *DB) probe() error {
	return db.transact(func(ctx context.Context, t statements) (int64, error) {
		_, err := t.tx.ExecContext(ctx, fmt.Sprintf("PRAGMA user_version = %d", len(migrations)))
		return db.rawBytes, err
	})
}

// transact runs f in a transaction. f returns the new sum of raw bytes, which holds once
// the commit has succeeded. Nothing is written while the database is not at its place, and
// what went into a database that was then taken away is reported as not known.
func (db *DB) transact(f func(context.Context, statements) (int64, error)) error {
	db.stored = false
	if db.cause = db.inPlace(); db.cause != nil {
		return errReplaced
	}
	if err := db.commit(f); err != nil {
		return err
	}
	db.stored = true
	if db.cause = db.inPlace(); db.cause != nil {
		return errReplaced
	}
	db.last.Store(db.cfg.Now().UnixNano())
	return nil
}

func (db *DB) commit(f func(context.Context, statements) (int64, error)) (err error) {
	ctx := context.Background() // a caller that gave up must not break the others
	tx, err := db.write.BeginTx(ctx, nil)
	if err != nil {
		return db.storageError(err)
	}
	defer func() {
		if err != nil {
			_ = tx.Rollback() // the driver has done it if COMMIT failed
			db.cause = err
			err = db.storageError(err)
		}
	}()
	db.clock.written = db.clock.hour
	raw, err := f(ctx, db.stmt.in(ctx, tx))
	if err != nil {
		return err
	}
	if err := db.cfg.commit(tx); err != nil {
		return err
	}
	db.rawBytes, db.clock.hour = raw, db.clock.written
	return nil
}

// storageError is the function of the same name for what a transaction came to. SQLite does
// not tell why a write failed, and a file system that was turned read-only under it says
// so to whoever writes: then nothing of the transaction is stored.
func (db *DB) storageError(err error) error {
	e, ok := errors.AsType[*sqlite.Error](err)
	if ok && (e.Code() == sqlite3.SQLITE_IOERR_WRITE || e.Code() == sqlite3.SQLITE_IOERR_TRUNCATE) {
		if _, werr := db.lock.file.WriteAt([]byte{'\n'}, 0); errors.Is(werr, syscall.EROFS) {
			return errReadOnly
		}
	}
	return storageError(err)
}

var errReadOnly = bearing.Errorf(bearing.Overloaded, "storage_readonly", "the disk takes no writes: nothing was stored; make it writable and send again")

// storageError gives what the disk does its code; all else is internal.
func storageError(err error) error {
	e, ok := errors.AsType[*sqlite.Error](err)
	if !ok {
		return fmt.Errorf("store: %w", err)
	}
	switch e.Code() & 0xff {
	case sqlite3.SQLITE_FULL:
		return bearing.Errorf(bearing.Overloaded, "storage_full", "the disk is full: nothing was stored; free space and send again")
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return bearing.Errorf(bearing.Overloaded, "store_busy", "another program holds the database: nothing was stored; end it, or send again")
	case sqlite3.SQLITE_READONLY:
		return errReadOnly
	case sqlite3.SQLITE_IOERR:
		// Whether a sync that failed has written is not known. It is not tried again:
		// the caller sends again, and the window's identity makes that safe.
		return bearing.Errorf(bearing.Overloaded, "storage_failed", "the disk failed: whether the window is stored is not known; send it again")
	}
	return fmt.Errorf("store: %w", err)
}
