package store

import (
	"context"
	"database/sql"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"brinell/internal/bearing"
)

// Diagnosis returns the diagnosis of that ID, or a NotFound error with code
// diagnosis_not_found.
func (db *DB) Diagnosis(ctx context.Context, id string) (d bearing.Diagnosis, err error) {
	var doc []byte
	err = db.read.QueryRowContext(ctx, "SELECT doc FROM diagnoses WHERE id = ?", id).Scan(&doc)
	if errors.Is(err, sql.ErrNoRows) {
		return d, bearing.Errorf(bearing.NotFound, "diagnosis_not_found", "there is no diagnosis %q", bearing.Clip(id))
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
	if q.Limit == 0 {
		q.Limit = bearing.DefaultPage
	}
	if q.Limit < 0 || q.Limit > bearing.MaxPage {
		return bearing.Page{}, bearing.Errorf(bearing.Invalid, "limit_out_of_range", "limit %d is outside 1..%d", q.Limit, bearing.MaxPage).At("limit")
	}
	text, args, err := selectPage(q)
	if err != nil {
		return bearing.Page{}, err
	}
	rows, err := db.read.QueryContext(ctx, text, args...)
	if err != nil {
		return bearing.Page{}, fmt.Errorf("list diagnoses: %w", err)
	}
	defer rows.Close()
	page := bearing.Page{Diagnoses: []bearing.Diagnosis{}}
	var last position
	for rows.Next() {
		if len(page.Diagnoses) == q.Limit {
			page.NextCursor = last.String()
			break
		}
		var doc []byte
		if err := rows.Scan(&last.start, &last.seq, &doc); err != nil {
			return bearing.Page{}, fmt.Errorf("list diagnoses: %w", err)
		}
		var d bearing.Diagnosis
		if err := json.Unmarshal(doc, &d); err != nil {
			return bearing.Page{}, fmt.Errorf("list diagnoses: row %d: %w", last.seq, err)
		}
		page.Diagnoses = append(page.Diagnoses, d)
	}
	if err := rows.Err(); err != nil {
		return bearing.Page{}, fmt.Errorf("list diagnoses: %w", err)
	}
	return page, nil
}

// selectPage returns the statement for q, which takes one row more than a page
// to learn whether there is another.
func selectPage(q bearing.Query) (string, []any, error) {
	var where []string
	var args []any
	add := func(cond string, v ...any) {
		where = append(where, cond)
		args = append(args, v...)
	}
	if q.Sensor != "" {
		add("sensor = ?", q.Sensor)
	}
	if q.Fault != "" {
		add("fault = ?", string(q.Fault))
	}
	if !q.From.IsZero() {
		add("start_ns >= ?", q.From.UnixNano())
	}
	if !q.To.IsZero() {
		add("start_ns < ?", q.To.UnixNano())
	}
	if q.Cursor != "" {
		p, err := parsePosition(q.Cursor)
		if err != nil {
			return "", nil, err
		}
		add("(start_ns, seq) < (?, ?)", p.start, p.seq)
	}
	text := "SELECT start_ns, seq, doc FROM diagnoses"
	if len(where) > 0 {
		text += " WHERE " + strings.Join(where, " AND ")
	}
	return text + " ORDER BY start_ns DESC, seq DESC LIMIT ?", append(args, q.Limit+1), nil
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
func (db *DB) Window(ctx context.Context, id string) (*bearing.Window, error) {
	d, err := db.Diagnosis(ctx, id)
	if err != nil {
		return nil, err
	}
	var blob []byte
	var count int
	var crc uint32
	var shaft float64
	err = db.read.QueryRowContext(ctx, "SELECT s.shaft_hz, s.count, s.crc, s.data FROM samples s JOIN diagnoses d USING (seq) WHERE d.id = ?", id).Scan(&shaft, &count, &crc, &blob)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, bearing.Errorf(bearing.NotFound, "samples_expired", "the raw samples of %s were removed to keep within the size limit; the diagnosis remains", id)
	}
	if err != nil {
		return nil, fmt.Errorf("read samples of %q: %w", id, err)
	}
	x, err := db.codec.decode(blob, count, crc)
	if err != nil {
		return nil, fmt.Errorf("read samples of %q: %w", id, err)
	}
	return &bearing.Window{Sensor: d.Sensor, Axis: d.Axis, Start: d.Start, SampleRate: d.SampleRate, ShaftSpeed: shaft, Bearing: d.Bearing, Unit: d.Unit, Samples: x}, nil
}

// Stats are the sizes of a store.
type Stats struct {
	Diagnoses int64
	Raw       int64 // windows whose samples are kept
	RawBytes  int64 // their compressed size
}

// Stats counts. It reads whole indexes: for tests and tools.
func (db *DB) Stats(ctx context.Context) (s Stats, err error) {
	err = db.read.QueryRowContext(ctx, "SELECT (SELECT count(*) FROM diagnoses), (SELECT count(*) FROM samples), (SELECT coalesce(sum(bytes), 0) FROM usage)").Scan(&s.Diagnoses, &s.Raw, &s.RawBytes)
	return s, err
}

// Check verifies the whole store: the database's own structure, references,
// the sums kept for retention, and every blob. It takes time.
func (db *DB) Check(ctx context.Context) error {
	for _, c := range []struct{ what, sql, want string }{
		{"integrity", "PRAGMA integrity_check", "ok"},
		{"dangling references", "SELECT count(*) FROM pragma_foreign_key_check", "0"},
		{"sensors with a wrong sum of bytes", `SELECT count(*) FROM usage u WHERE bytes <>
			(SELECT coalesce(sum(length(data)), 0) FROM samples s WHERE s.sensor = u.sensor)`, "0"},
	} {
		var got string
		if err := db.read.QueryRowContext(ctx, c.sql).Scan(&got); err != nil {
			return fmt.Errorf("check store: %s: %w", c.what, err)
		}
		if got != c.want {
			return fmt.Errorf("check store: %s: %s, want %s", c.what, got, c.want)
		}
	}
	rows, err := db.read.QueryContext(ctx, "SELECT seq, count, crc, data FROM samples")
	if err != nil {
		return fmt.Errorf("check store: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var seq int64
		var count int
		var crc uint32
		var blob []byte
		if err := rows.Scan(&seq, &count, &crc, &blob); err != nil {
			return fmt.Errorf("check store: %w", err)
		}
		if _, err := db.codec.decode(blob, count, crc); err != nil {
			return fmt.Errorf("check store: row %d: %w", seq, err)
		}
	}
	return rows.Err()
}
