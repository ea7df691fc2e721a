package api

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"brinell/dataset"
	"brinell/dataset/wavfile"
	"brinell/internal/bearing"
)

// fileForms are the media types of files that say more of their samples than how they are
// coded, by the extension that they are read as.
var fileForms = map[string]string{
	"text/csv": "csv", "text/tab-separated-values": "csv",
	"application/x-matlab-data": "mat", "application/matlab-mat": "mat",
	"audio/wav": "wav", "audio/x-wav": "wav", "audio/vnd.wave": "wav",
}

// registered returns what is registered of a sensor, nothing if nothing is.
func (s *server) registered(ctx context.Context, name string) (known bearing.Sensor, err error) {
	if s.resources == nil {
		return known, nil
	}
	row, err := s.resources.Resource(ctx, bearing.KindSensor, name)
	switch {
	case bearing.CodeOf(err) == "resource_not_found":
		return known, nil
	case err != nil:
		return known, err
	}
	return known, json.Unmarshal(row.Doc, &known)
}

// fileDecoder reads samples in a file whose rate, unit and start are those in the query, in
// the file or of the registered sensor.
func fileDecoder(form string, known bearing.Sensor) decoder {
	return func(query string, body []byte, maxSamples int, room func(int) []float32) (fields, error) {
		if form == "wav" && !noted(query, body) {
			return decodeWAV(query, body, maxSamples, room)
		}
		q, err := parseQuery(query, "start", "sample_rate_hz", "unit", "shaft_speed_rpm", "bearing", "axis", "channel", "scale")
		if err != nil {
			return fields{}, err
		}
		f, err := fieldsIn(q)
		if err != nil {
			return f, err
		}
		scale, ok, err := numberParameter(q, "scale")
		switch {
		case err != nil:
			return f, err
		case ok && scale == 0:
			return f, bearing.Errorf(bearing.Invalid, "scale_not_finite", "scale must not be 0").At("scale")
		}
		o := dataset.FileOptions{Scale: scale, MaxRows: maxSamples, RateHz: cmp.Or(f.rate, known.SampleRate), Unit: f.unit, Else: known.Unit, Channel: q["channel"],
			MaxNumbers: maxSamples, MaxInflated: mostInflated(len(body), maxSamples)}
		if form == "csv" && bytes.Count(body, []byte("\n")) > maxSamples+linesBefore {
			return f, tooLong(maxSamples)
		}
		if q["channel"] == "all" {
			return f, bearing.Errorf(bearing.Invalid, "parameter_invalid", "a window has one channel: state its name or number").At("channel")
		}
		recs, err := dataset.ReadFile("the body."+form, body, o)
		switch {
		case bearing.CodeOf(err) == "window_too_long":
			return f, tooLong(maxSamples)
		case err != nil:
			return f, inQueryTerms(err)
		}
		r := recs[0]
		if len(r.Samples) > maxSamples {
			return f, tooLong(maxSamples)
		}
		if f.start == "" && !r.Start.IsZero() {
			f.start = r.Start.Format(time.RFC3339Nano)
		}
		f.rate, f.samples, f.inside = r.SampleRate, r.Samples, r.Unit
		f.unit = string(r.Unit)
		if q["unit"] == "" && known.Unit != "" && r.Unit != bearing.RelativeToFull {
			f.unit = string(known.Unit) // samples are in g whichever it is
		}
		if r.ShaftSpeed > 0 && !f.hasRPM && known.SpeedRPM == 0 {
			f.rpm, f.hasRPM = rpmOf(r.ShaftSpeed), true
		}
		f.bearing = cmp.Or(f.bearing, r.Bearing)
		return f, nil
	}
}

// noted reports whether a WAV file says what its samples are, and the query no other scale.
func noted(query string, body []byte) bool {
	w, err := wavfile.Open(body)
	return err == nil && w.Note.Unit != "" && !strings.Contains(query, "scale=")
}

// inQueryTerms names parameters where a reader of files names flags.
func inQueryTerms(err error) error {
	var e *bearing.Error
	if !errors.As(err, &e) {
		return err
	}
	out := *e
	switch e.Code {
	case "channel_ambiguous":
		out.Code = "channel_missing"
	case "channel_unknown":
		out.Code, out.Kind = "parameter_invalid", bearing.Invalid
	}
	out.Message = strings.NewReplacer("--rate", "sample_rate_hz, or register the sensor with it", "--unit g or --unit m/s2", "unit=g or unit=m/s2, or register the sensor with it",
		"--channel", "channel=").Replace(e.Message)
	return &out
}

// linesBefore is how many lines a table may have beside its rows.
const linesBefore = 1024

// mostInflated bounds what a compressed file becomes: vibration as float64 takes up to eight
// times what it does in zlib's form.
func mostInflated(body, maxSamples int) int { return min(8*body+1<<20, 8*maxSamples+1<<16) }

// besideFile is not less than what reading a file takes beside it. Of a table each line takes
// its place in a list and each cell a float64, both in slices that grow; of a MAT file what is
// inflated and what becomes of it.
func besideFile(form string, body []byte, maxSamples int) int64 {
	n := int64(len(body))
	switch form {
	case "csv":
		lines := int64(bytes.Count(body, []byte("\n"))) + 1
		cells := lines
		for _, c := range []string{",", ";", "\t", " ", "|"} {
			cells += int64(bytes.Count(body, []byte(c)))
		}
		return 2*n + 80*min(lines, int64(maxSamples+linesBefore)) + 24*cells
	case "mat":
		inflated := int64(mostInflated(len(body), maxSamples))
		return 4*inflated + 12*min(int64(maxSamples), max(n, inflated))
	}
	return 12 * min(n, int64(maxSamples))
}
