package store

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"time"

	"brinell/bearing"
)

// request is something on its way to the writer: a window with its diagnosis, encoded
// by its caller, or with apply set a write of another kind. It holds nothing that a
// caller who gave up might change: of the window only what encode made of its samples,
// whose memory the caller uses again.
type request struct {
	d      bearing.Diagnosis
	doc    []byte
	packed []byte // doc as it is stored
	digest [32]byte
	shaft  float64 // Hz
	count  int     // samples
	blob   []byte
	crc    uint32
	also   *bearing.Effects // nil for none
	state  []byte           // also.State.Doc as it is stored

	// apply writes in the transaction of its batch. A *bearing.Error concerns it alone,
	// and must come before it has written anything; any other fails the batch.
	apply func(ctx context.Context, tx *sql.Tx) error
	freed int64 // bytes of samples that apply removed

	answer chan result
}

// result answers one request. An error in it concerns its row alone.
type result struct {
	d      bearing.Diagnosis
	digest []byte // of the window that has the identity already, and does not agree; d is its diagnosis
	err    error
}

// Append stores d and w with what they change beside themselves, nil for nothing, and
// returns after it is on disk: d itself, with its times in UTC, or, if the same window
// is there already and nothing changes, its first diagnosis with Duplicate set. d must be the diagnosis of w: ID, sensor, axis and start
// agree.
//
// Errors: Conflict window_conflict if another window has this one's sensor, axis
// and start; Overloaded storage_full if the disk is full; Overloaded
// store_closed after Close. If the transaction failed, every window in it gets
// the error and none is stored; it is not tried again. If ctx ends first, Append
// returns its error, and the row may still be stored: sending it again is safe.
// However it returns, it keeps nothing of w.
func (db *DB) Append(ctx context.Context, d bearing.Diagnosis, w *bearing.Window, also *bearing.Effects) (bearing.Diagnosis, error) {
	release, err := db.reading() // the encoder, too, lives until Close
	if err != nil {
		return bearing.Diagnosis{}, err
	}
	r, err := db.encode(d, w)
	if err == nil && also != nil && also.State != nil {
		r.state = db.docs.pack(also.State.Doc)
	}
	release()
	if err != nil {
		return bearing.Diagnosis{}, err
	}
	r.also = also
	if err := db.enqueue(ctx, r); err != nil {
		return bearing.Diagnosis{}, err
	}
	select {
	case a := <-r.answer:
		if a.digest != nil { // another one, or the same as it was given out
			if sum := a.d.Stated(w).Digest(); bytes.Equal(sum[:], a.digest) {
				return a.d, nil
			}
			return bearing.Diagnosis{}, a.err
		}
		return a.d, a.err
	case <-ctx.Done():
		return bearing.Diagnosis{}, ctx.Err()
	}
}

// encode does what needs no database, on the caller's time.
func (db *DB) encode(d bearing.Diagnosis, w *bearing.Window) (*request, error) {
	if id := w.ID(); d.ID != id || d.Sensor != w.Sensor || d.Axis != w.Axis || !d.Start.Equal(w.Start) {
		return nil, fmt.Errorf("append: diagnosis %q is not that of window %s", d.ID, id)
	}
	// What is returned now and what is read back later are alike.
	d.Start, d.ReceivedAt, d.Duplicate = utc(d.Start), utc(d.ReceivedAt), false
	doc, err := d.Encode()
	if err != nil {
		return nil, fmt.Errorf("encode diagnosis %s: %w", d.ID, err)
	}
	r := &request{d: d, doc: doc, packed: db.docs.pack(doc), digest: w.Digest(), shaft: w.ShaftSpeed, count: len(w.Samples), answer: make(chan result, 1)}
	r.blob, r.crc = db.codec.encode(w.Samples)
	return r, nil
}

// utc returns t in UTC without the monotonic reading, which no file keeps.
func utc(t time.Time) time.Time { return t.Round(0).UTC() }

// do sends a write to the writer and returns after it is on disk. What apply puts into
// variables of its caller may be read only if do returns nil.
func (db *DB) do(ctx context.Context, apply func(ctx context.Context, tx *sql.Tx) error) error {
	r := &request{apply: apply, answer: make(chan result, 1)}
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
