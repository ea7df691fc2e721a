package store

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"math"
	"strconv"
	"time"

	"brinell/bearing"
)

// trendPart is how many windows a trend reads at a time: some 25 us of a processor each, of which
// three quarters are the unpacking of the document.
const trendPart = 2048

// Trend returns how a feature went. It reads so many windows at a time, each part through turn,
// which calls what it is given once it is its turn: a long history holds up nobody else. Nil is
// for who has no need to wait. Windows that come meanwhile may count or not.
//
// Diagnoses without the feature do not count. Invalid feature_unknown says that there are
// diagnoses, and none has it, Overloaded query_timeout that reading takes too long.
func (db *DB) Trend(ctx context.Context, q bearing.TrendQuery, turn func(read func() error) error) (bearing.Trend, error) {
	if turn == nil {
		turn = func(read func() error) error { return read() }
	}
	if q.Points == 0 {
		q.Points = bearing.DefaultPoints
	}
	s := trendScan{db: db, q: q, left: db.cfg.queryTime, last: -1, at: -1, axis: []byte(`"axis":"` + q.Axis + `"`), feature: []byte(`"` + q.Feature + `":`)}
	s.t = bearing.Trend{Sensor: q.Sensor, Axis: q.Axis, Feature: q.Feature, From: q.From, To: q.To, Points: []bearing.TrendPoint{}}
	for part := s.begin; !s.done; part = s.read {
		if err := turn(func() error { return s.timed(ctx, part) }); err != nil {
			return s.t, err
		}
	}
	if s.seen && s.at < 0 {
		return s.t, bearing.Errorf(bearing.Invalid, "feature_unknown", "no diagnosis of the sensor has the feature %q: see features of one", bearing.Clip(q.Feature)).At("feature")
	}
	return s.t, nil
}

// trendScan is a trend that is being read.
type trendScan struct {
	db            *DB
	q             bearing.TrendQuery
	t             bearing.Trend
	axis, feature []byte // as they stand in documents
	left          time.Duration
	done, seen    bool  // all is read; there is a window of the axis
	from, to      int64 // start of the next window, at least, and of none that is read
	last          int64 // number of the last one that was read of from
	first, step   int64 // intervals
	at            int64 // interval of the last point
	doc           []byte
}

// timed does a part in what is left of the time.
func (s *trendScan) timed(ctx context.Context, part func(context.Context) error) error {
	began := time.Now()
	ctx, end, err := s.db.queryingFor(ctx, s.left)
	if err != nil {
		return err
	}
	if err = end(part(ctx)); err != nil {
		if bearing.CodeOf(err) == "" {
			err = fmt.Errorf("trend of %q: %w", s.q.Sensor, err)
		}
		return err
	}
	s.left -= time.Since(began)
	return nil
}

// begin finds the edges, and what intervals there are between them.
func (s *trendScan) begin(ctx context.Context) error {
	var first, last sql.NullInt64
	const edges = "SELECT (SELECT start_ns FROM diagnoses INDEXED BY diagnoses_sensor WHERE sensor = ?1 ORDER BY start_ns LIMIT 1), (SELECT start_ns FROM diagnoses INDEXED BY diagnoses_sensor WHERE sensor = ?1 ORDER BY start_ns DESC LIMIT 1)"
	if err := s.db.read.QueryRowContext(ctx, edges, s.q.Sensor).Scan(&first, &last); err != nil {
		return err
	}
	if !first.Valid {
		return bearing.Errorf(bearing.NotFound, "sensor_not_found", "nothing has come from a sensor %q", bearing.Clip(s.q.Sensor))
	}
	s.from, s.to = max(nanos(s.q.From, first.Int64), first.Int64), min(nanos(s.q.To, math.MaxInt64), last.Int64+1)
	if s.t.From.IsZero() {
		s.t.From = time.Unix(0, s.from).UTC()
	}
	if s.t.To.IsZero() {
		s.t.To = time.Unix(0, s.to).UTC()
	}
	// Of a time that was asked for and has no nanoseconds, the nearest bound that windows
	// start at: 584 years of nanoseconds do not fit their difference.
	begin, until := max(nanos(s.t.From, 0), 0), max(nanos(s.t.To, 0), 0)
	s.first, s.step = begin, max(1, 1+(until-begin-1)/int64(s.q.Points))
	s.t.Step = float64(s.step) / 1e9
	s.done = s.from >= s.to
	return nil
}

// trendRows are the next windows of a sensor.
const trendRows = `SELECT start_ns, seq, doc FROM diagnoses INDEXED BY diagnoses_sensor
	WHERE sensor = ? AND start_ns < ? AND (start_ns, seq) > (?, ?) ORDER BY start_ns, seq LIMIT ?`

// read takes in the next part.
func (s *trendScan) read(ctx context.Context) error {
	rows, err := s.db.read.QueryContext(ctx, trendRows, s.q.Sensor, s.to, s.from, s.last, trendPart)
	if err != nil {
		return err
	}
	defer rows.Close()
	n := 0
	for ; rows.Next(); n++ {
		if err := rows.Scan(&s.from, &s.last, s.db.docs.reusing(&s.doc)); err != nil {
			return err
		}
		s.take()
	}
	s.done = n < trendPart
	return rows.Err()
}

// take counts the window that was read.
func (s *trendScan) take() {
	if !bytes.Contains(s.doc, s.axis) {
		return
	}
	s.seen = true
	v, ok := valueIn(s.doc, s.feature)
	if !ok {
		return
	}
	if i := (s.from - s.first) / s.step; i != s.at {
		s.at = i
		s.t.Points = append(s.t.Points, bearing.TrendPoint{Start: time.Unix(0, s.first+i*s.step).UTC(), Min: v, Max: v})
	}
	p := &s.t.Points[len(s.t.Points)-1]
	p.Windows++
	p.Min, p.Max = min(p.Min, v), max(p.Max, v)
	p.Mean += (v - p.Mean) / float64(p.Windows)
}

// valueIn finds a feature in a document without reading all of it. Text in a document
// has no bare quotes, so that what looks like a key is one.
func valueIn(doc, feature []byte) (float64, bool) {
	_, b, _ := bytes.Cut(doc, []byte(`"features":{`))
	b, _, _ = bytes.Cut(b, []byte{'}'})
	_, b, ok := bytes.Cut(b, feature)
	if !ok {
		return 0, false
	}
	b, _, _ = bytes.Cut(b, []byte{','})
	v, err := strconv.ParseFloat(string(b), 64)
	return v, err == nil
}
