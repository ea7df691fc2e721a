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

// Trend returns how a feature went. Diagnoses without it do not count. Invalid
// feature_unknown says that there are diagnoses, and none has it.
func (db *DB) Trend(ctx context.Context, q bearing.TrendQuery) (t bearing.Trend, err error) {
	ctx, end, err := db.querying(ctx)
	if err != nil {
		return t, err
	}
	defer func() { err = end(err) }()
	if q.Points == 0 {
		q.Points = bearing.DefaultPoints
	}
	t = bearing.Trend{Sensor: q.Sensor, Axis: q.Axis, Feature: q.Feature, From: q.From, To: q.To, Points: []bearing.TrendPoint{}}
	var first, last sql.NullInt64
	const edges = "SELECT (SELECT start_ns FROM diagnoses INDEXED BY diagnoses_sensor WHERE sensor = ?1 ORDER BY start_ns LIMIT 1), (SELECT start_ns FROM diagnoses INDEXED BY diagnoses_sensor WHERE sensor = ?1 ORDER BY start_ns DESC LIMIT 1)"
	if err := db.read.QueryRowContext(ctx, edges, q.Sensor).Scan(&first, &last); err != nil {
		return t, fmt.Errorf("trend of %q: %w", q.Sensor, err)
	}
	if !first.Valid {
		return t, bearing.Errorf(bearing.NotFound, "sensor_not_found", "nothing has come from a sensor %q", bearing.Clip(q.Sensor))
	}
	from, to := max(nanos(q.From, first.Int64), first.Int64), min(nanos(q.To, math.MaxInt64), last.Int64+1)
	if t.From.IsZero() {
		t.From = time.Unix(0, from).UTC()
	}
	if t.To.IsZero() {
		t.To = time.Unix(0, to).UTC()
	}
	// Of a time that was asked for and has no nanoseconds, the nearest bound that windows
	// start at: 584 years of nanoseconds do not fit their difference.
	begin, until := max(nanos(t.From, 0), 0), max(nanos(t.To, 0), 0)
	step := max(1, 1+(until-begin-1)/int64(q.Points))
	t.Step = float64(step) / 1e9
	if from >= to {
		return t, nil
	}
	rows, err := db.read.QueryContext(ctx, "SELECT start_ns, doc FROM diagnoses INDEXED BY diagnoses_sensor WHERE sensor = ? AND start_ns >= ? AND start_ns < ? ORDER BY start_ns", q.Sensor, from, to)
	if err != nil {
		return t, fmt.Errorf("trend of %q: %w", q.Sensor, err)
	}
	defer rows.Close()
	axis, feature := []byte(`"axis":"`+q.Axis+`"`), []byte(`"`+q.Feature+`":`)
	seen, at := false, int64(-1)
	var doc []byte
	for rows.Next() {
		var start int64
		if err := rows.Scan(&start, db.docs.into(&doc)); err != nil {
			return t, fmt.Errorf("trend of %q: %w", q.Sensor, err)
		}
		if !bytes.Contains(doc, axis) {
			continue
		}
		seen = true
		v, ok := valueIn(doc, feature)
		if !ok {
			continue
		}
		if i := (start - begin) / step; i != at {
			at = i
			t.Points = append(t.Points, bearing.TrendPoint{Start: time.Unix(0, begin+i*step).UTC(), Min: v, Max: v})
		}
		p := &t.Points[len(t.Points)-1]
		p.Windows++
		p.Min, p.Max = min(p.Min, v), max(p.Max, v)
		p.Mean += (v - p.Mean) / float64(p.Windows)
	}
	if err := rows.Err(); err != nil {
		return t, fmt.Errorf("trend of %q: %w", q.Sensor, err)
	}
	if seen && at < 0 {
		return t, bearing.Errorf(bearing.Invalid, "feature_unknown", "no diagnosis of the sensor has the feature %q: see features of one", bearing.Clip(q.Feature)).At("feature")
	}
	return t, nil
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
