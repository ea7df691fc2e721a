package store

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"brinell/bearing"
)

// Diagnosis returns the diagnosis of that ID, or NotFound diagnosis_not_found.
func (db *DB) Diagnosis(ctx context.Context, id string) (d bearing.Diagnosis, err error) {
	release, err := db.reading()
	if err != nil {
		return d, err
	}
	defer release()
	defer func() { err = ended(ctx, err) }()
	return db.diagnosis(ctx, id)
}

func (db *DB) diagnosis(ctx context.Context, id string) (d bearing.Diagnosis, err error) {
	var doc []byte
	err = db.read.QueryRowContext(ctx, "SELECT doc FROM diagnoses WHERE id = ?", id).Scan(db.docs.into(&doc))
	if errors.Is(err, sql.ErrNoRows) {
		return d, bearing.DiagnosisNotFound(id)
	}
	if err == nil {
		err = json.Unmarshal(doc, &d)
	}
	if err != nil {
		return d, fmt.Errorf("read diagnosis %q: %w", id, err)
	}
	return d, nil
}

// Diagnoses returns one page of what q selects, the newest start first. A page
// continues exactly where the one before ended, whatever was stored since. The
// errors cursor_invalid and limit_out_of_range are the caller's.
func (db *DB) Diagnoses(ctx context.Context, q bearing.Query) (bearing.Page, error) {
	text, args, err := selectPage(&q)
	if err != nil {
		return bearing.Page{}, err
	}
	page := bearing.Page{Diagnoses: []bearing.Diagnosis{}}
	page.NextCursor, err = db.page(ctx, q.Limit, text, args, func(doc []byte, _ bool) error {
		var d bearing.Diagnosis
		err := json.Unmarshal(doc, &d)
		page.Diagnoses = append(page.Diagnoses, d)
		return err
	})
	if err != nil {
		return bearing.Page{}, fmt.Errorf("list diagnoses: %w", err)
	}
	return page, nil
}

// DiagnosisDocuments is Diagnoses with each diagnosis as JSON, and the cursor of the next
// page. What an earlier program stored has the keys of today.
func (db *DB) DiagnosisDocuments(ctx context.Context, q bearing.Query) (docs []json.RawMessage, next string, err error) {
	text, args, err := selectPage(&q)
	if err != nil {
		return nil, "", err
	}
	next, err = db.page(ctx, q.Limit, text, args, func(doc []byte, old bool) error {
		if old {
			var d bearing.Diagnosis
			if err := json.Unmarshal(doc, &d); err != nil {
				return err
			}
			var err error
			if doc, err = d.Encode(); err != nil {
				return err
			}
		}
		docs = append(docs, doc)
		return nil
	})
	if err != nil {
		return nil, "", fmt.Errorf("list diagnoses: %w", err)
	}
	return docs, next, nil
}

// page calls each with the document of each row of a statement of selectPage, and
// whether it is an old one, and returns the cursor of the next page, if there is one.
func (db *DB) page(ctx context.Context, limit int, text string, args []any, each func(doc []byte, old bool) error) (next string, err error) {
	ctx, end, err := db.querying(ctx)
	if err != nil {
		return "", err
	}
	defer func() { err = end(err) }()
	places, err := db.places(ctx, text, args)
	if err != nil {
		return "", err
	}
	if len(places) > limit {
		places = places[:limit]
		next = places[limit-1].String()
	}
	docs, err := db.documentsAt(ctx, places)
	if err != nil {
		return "", err
	}
	for i, d := range docs {
		if d.doc == nil {
			continue // forgotten by its age meanwhile
		}
		if err := each(d.doc, d.old); err != nil {
			return "", fmt.Errorf("row %d: %w", places[i].seq, err)
		}
	}
	return next, nil
}

// places returns where the rows of a page are, from an index alone.
func (db *DB) places(ctx context.Context, text string, args []any) (places []position, err error) {
	rows, err := db.read.QueryContext(ctx, text, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var p position
		if err := rows.Scan(&p.start, &p.seq); err != nil {
			return nil, err
		}
		places = append(places, p)
	}
	return places, rows.Err()
}

// fetched is how many documents one connection gets for a page at a time. They lie apart, each
// on a page of the file of its own: from a disk, several at a time come sooner.
const fetched = 7

// pageReaders is how many connections a page has at most: as many pages as are read at a time
// leave some for what is short.
const pageReaders = 3

// documentsAt returns the documents at places, empty where there is none any more. The error is
// the first one.
func (db *DB) documentsAt(ctx context.Context, places []position) ([]document, error) {
	docs := make([]document, len(places))
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var next atomic.Int64
	var readers sync.WaitGroup
	for range min(pageReaders, (len(places)+fetched-1)/fetched) {
		readers.Go(func() {
			for ctx.Err() == nil {
				from := int(next.Add(fetched)) - fetched
				if from >= len(places) {
					return
				}
				to := min(from+fetched, len(places))
				if err := db.fetch(ctx, docs[from:to], places[from:to]); err != nil {
					stop(err)
				}
			}
		})
	}
	readers.Wait()
	return docs, context.Cause(ctx)
}

// document is a stored one as JSON, and whether an earlier program stored it.
type document struct {
	doc []byte
	old bool
}

// fetch reads the documents at places into dst.
func (db *DB) fetch(ctx context.Context, dst []document, places []position) error {
	marks, args := strings.Repeat(", ?", len(places))[2:], make([]any, len(places))
	for i, p := range places {
		args[i] = p.seq
	}
	rows, err := db.read.QueryContext(ctx, "SELECT seq, doc FROM diagnoses WHERE seq IN ("+marks+")", args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var seq int64
		var d document
		u := db.docs.into(&d.doc)
		if err := rows.Scan(&seq, u); err != nil {
			return err
		}
		d.old = u.old
		dst[slices.IndexFunc(places, func(p position) bool { return p.seq == seq })] = d
	}
	return rows.Err()
}

// maxHistory bounds how many diagnoses of a sensor are gone through where no state of it is
// kept. A baseline is learnt from the first hundreds, and what has accumulated rests on the
// last few.
const maxHistory = 20_000

// History calls each with the stored diagnoses of a sensor, of all its axes, as they were
// given and in the order in which they were stored: of more than 20,000 the half of that
// which starts first, and the half which starts last.
func (db *DB) History(ctx context.Context, sensor string, each func(bearing.Diagnosis) error) (err error) {
	release, err := db.reading()
	if err != nil {
		return err
	}
	defer release()
	defer func() { err = ended(ctx, err) }()
	const columns = "SELECT start_ns, seq, doc FROM diagnoses INDEXED BY diagnoses_sensor WHERE sensor = ?2 ORDER BY start_ns"
	rows, err := db.own.QueryContext(ctx, "SELECT doc FROM (SELECT * FROM ("+columns+", seq LIMIT ?1) UNION SELECT * FROM ("+columns+" DESC, seq DESC LIMIT ?1)) ORDER BY seq", maxHistory/2, sensor)
	if err == nil {
		err = db.diagnoses(rows, each)
	}
	if err != nil {
		return fmt.Errorf("history of %q: %w", sensor, err)
	}
	return nil
}

// Each calls each with the diagnoses of a sensor that start from one time on and before
// another, in the order of their start; zero times are no bounds.
func (db *DB) Each(ctx context.Context, sensor string, from, to time.Time, each func(bearing.Diagnosis) error) (err error) {
	release, err := db.reading()
	if err != nil {
		return err
	}
	defer release()
	defer func() { err = ended(ctx, err) }()
	rows, err := db.read.QueryContext(ctx, "SELECT doc FROM diagnoses INDEXED BY diagnoses_sensor WHERE sensor = ? AND start_ns >= ? AND start_ns < ? ORDER BY start_ns, seq", sensor, nanos(from, math.MinInt64), nanos(to, math.MaxInt64))
	if err != nil {
		return fmt.Errorf("diagnoses of %q: %w", sensor, err)
	}
	defer rows.Close()
	var doc []byte
	for rows.Next() {
		if err := rows.Scan(db.docs.into(&doc)); err != nil {
			return fmt.Errorf("diagnoses of %q: %w", sensor, err)
		}
		var d bearing.Diagnosis
		if err := json.Unmarshal(doc, &d); err != nil {
			return fmt.Errorf("diagnoses of %q: %w", sensor, err)
		}
		if err := each(d); err != nil {
			return err
		}
	}
	return rows.Err()
}

// selectPage completes q and returns its statement, which takes one row more than a page
// to learn whether there is another.
//
// To and Cursor become one upper bound: SQLite seeks by one only, and were it To,
// each page would walk over all pages before it. The index is named because the
// planner, without statistics, takes the wrong one for sensor and fault.
func selectPage(q *bearing.Query) (string, []any, error) {
	if q.Limit == 0 {
		q.Limit = bearing.DefaultPage
	}
	if q.Limit < 0 || q.Limit > bearing.MaxPage {
		return "", nil, bearing.Errorf(bearing.Invalid, "limit_out_of_range", "limit %d is outside 1..%d", q.Limit, bearing.MaxPage).At("limit")
	}
	below := position{nanos(q.To, math.MaxInt64), math.MinInt64}
	if q.Cursor != "" {
		p, err := parsePosition(q.Cursor)
		if err != nil {
			return "", nil, err
		}
		if p.start < below.start {
			below = p
		}
	}
	index := "diagnoses"
	where := []string{"(start_ns, seq) < (?, ?)"}
	args := []any{below.start, below.seq}
	if q.Sensor != "" {
		index += "_sensor"
		where, args = append(where, "sensor = ?"), append(args, q.Sensor)
	}
	if q.Fault != "" {
		index += "_fault"
		where, args = append(where, "fault = ?"), append(args, string(q.Fault))
	}
	if q.Sensor == "" && q.Fault == "" {
		index += "_start"
	}
	if !q.From.IsZero() {
		where, args = append(where, "start_ns >= ?"), append(args, nanos(q.From, 0))
	}
	return "SELECT start_ns, seq FROM diagnoses INDEXED BY " + index + " WHERE " + strings.Join(where, " AND ") +
		" ORDER BY start_ns DESC, seq DESC LIMIT ?", append(args, q.Limit+1), nil
}

// nanos returns t in Unix nanoseconds, zero for a zero t. Years that have none
// (before 1678, after 2262) become the nearest bound instead of wrapping round:
// no window starts there.
func nanos(t time.Time, zero int64) int64 {
	switch s := t.Unix(); {
	case t.IsZero():
		return zero
	case s <= math.MinInt64/int64(time.Second):
		return math.MinInt64
	case s >= math.MaxInt64/int64(time.Second):
		return math.MaxInt64
	}
	return t.UnixNano()
}

// position is a place in the order of diagnoses; as text it is a cursor.
type position struct{ start, seq int64 }

func (p position) String() string {
	b := binary.BigEndian.AppendUint64(nil, uint64(p.start))
	return base64.RawURLEncoding.EncodeToString(binary.BigEndian.AppendUint64(b, uint64(p.seq)))
}

func parsePosition(s string) (position, error) {
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil || len(b) != 16 {
		return position{}, bearing.Errorf(bearing.Invalid, "cursor_invalid", "cursor %q is not one that this service gave: begin without one", bearing.Clip(s)).At("cursor")
	}
	return position{int64(binary.BigEndian.Uint64(b)), int64(binary.BigEndian.Uint64(b[8:]))}, nil
}

// Window returns the window of a diagnosis with its raw samples. The error is
// diagnosis_not_found, samples_expired after retention removed them, or an
// internal one if they are damaged.
func (db *DB) Window(ctx context.Context, id string) (w *bearing.Window, err error) {
	release, err := db.reading()
	if err != nil {
		return nil, err
	}
	defer release()
	defer func() { err = ended(ctx, err) }()
	d, err := db.diagnosis(ctx, id)
	if err != nil {
		return nil, err
	}
	var blob []byte
	var count int
	var crc uint32
	var shaft float64
	var digest []byte
	err = db.read.QueryRowContext(ctx, "SELECT s.shaft_hz, s.count, s.crc, s.data, d.digest FROM samples s JOIN diagnoses d USING (seq) WHERE d.id = ?", id).Scan(&shaft, &count, &crc, &blob, &digest)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, bearing.Errorf(bearing.NotFound, "samples_expired", "the raw samples of %s were removed to keep within the size limit; the diagnosis remains", id)
	}
	if err != nil {
		return nil, fmt.Errorf("read samples of %q: %w", id, err)
	}
	x, err := db.codec.decode(blob, count, crc)
	w = &bearing.Window{Sensor: d.Sensor, Axis: d.Axis, Start: d.Start, SampleRate: d.SampleRate, ShaftSpeed: shaft, Bearing: d.Bearing, Unit: d.Unit, Samples: x}
	if sum := w.Digest(); err == nil && verified && !bytes.Equal(sum[:], digest) {
		err = fmt.Errorf("%w: what it says is not what was said", errDamaged) // beside the samples
	}
	if err != nil {
		db.cfg.Log.Error("stored samples are damaged", "id", id, "err", err)
		return nil, bearing.Errorf(bearing.Damaged, "stored_data_corrupt", "the stored samples of %s are damaged, and are not returned; the others are not touched by it", id)
	}
	return w, nil
}
