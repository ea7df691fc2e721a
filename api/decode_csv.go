package api

import (
	"math"
	"time"

	"brinell/dataset/csvfile"
	"brinell/internal/bearing"
)

// decodeCSV reads samples as a column of a table. A column of time is the clock, and one of ISO
// stamps states the start too; the header may state the unit. What is stated beside goes before.
func decodeCSV(query string, body []byte, maxSamples int, room func(int) []float32) (fields, error) {
	q, f, scale, ok, err := scaledIn(query, "channel")
	switch {
	case err != nil:
		return f, err
	case !ok:
		scale = 1
	case scale == 0:
		return f, scaleOfNothing()
	}
	t, err := csvfile.Decode(body, csvfile.Options{MaxRows: maxSamples})
	if err != nil {
		return f, err
	}
	clock, rate, err := t.Clock()
	if err != nil {
		return f, err
	}
	switch {
	case f.rate == 0:
		f.rate = rate
	case rate > 0 && math.Abs(f.rate/rate-1) > 0.01:
		return f, bearing.Errorf(bearing.Invalid, "rate_mismatch", "sample_rate_hz is %g, the times in the file say %.6g: leave it out, or mend the file", f.rate, rate).At("sample_rate_hz")
	}
	if clock >= 0 && clock < len(t.Stamped) && t.Stamped[clock] && f.start == "" && t.First[clock].Year() > 1 {
		f.start = t.First[clock].UTC().Format(time.RFC3339Nano)
	}
	column, err := sampled(t, clock, q["channel"])
	if err != nil {
		return f, err
	}
	if f.unit == "" {
		f.unit = t.Unit(column)
	}
	f.samples = narrow(t.Columns[column], scale, room)
	return f, nil
}

// sampled returns the column of the samples: the one that is named by its header or its number,
// from 1 on, or the only one beside the time.
func sampled(t csvfile.Table, clock int, name string) (column int, err error) {
	column = -1
	for i := range t.Columns {
		if name != "" && t.Is(i, name) {
			return i, nil
		}
		if name == "" && i != clock && column >= 0 {
			return 0, bearing.Errorf(bearing.Invalid, "channel_missing", "the table has several columns: state channel, the name or the number of the one with the samples").At("channel")
		}
		if i != clock || len(t.Columns) == 1 {
			column = i
		}
	}
	if name != "" || column < 0 {
		return 0, bearing.Errorf(bearing.Invalid, "parameter_invalid", "channel %q is none of the table's %d columns", bearing.Clip(name), len(t.Columns)).At("channel")
	}
	return column, nil
}
