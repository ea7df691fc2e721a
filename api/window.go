package api

import (
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"brinell/internal/bearing"
)

// postWindow takes one window, as JSON or as raw samples with the other fields
// in the query, and answers with its stored diagnosis.
func (s *server) postWindow(w http.ResponseWriter, r *http.Request) (err error) {
	s.metrics.received.Inc()
	defer func() {
		if err != nil {
			s.metrics.reject(public(r.Context(), err).Code)
		}
	}()
	// Held until the core is done: the samples are about as large as their body.
	own := &share{of: &s.budget}
	defer own.release()
	win, err := s.decode(w, r, own)
	if err != nil {
		return err
	}
	d, err := s.core.Submit(r.Context(), win)
	if err != nil {
		return err
	}
	status := http.StatusCreated
	if d.Duplicate {
		status = http.StatusOK
	}
	w.Header().Set("Location", "/v1/diagnoses/"+d.ID)
	if err = sendJSON(w, status, d); err != nil {
		w.Header().Del("Location")
	}
	return err
}

// decode checks what needs no body first: a wrong name should not cost a
// transfer.
func (s *server) decode(w http.ResponseWriter, r *http.Request, own *share) (*bearing.Window, error) {
	for _, e := range r.Header.Values("Content-Encoding") {
		if !strings.EqualFold(e, "identity") {
			return nil, bearing.Errorf(bearing.Unsupported, "encoding_unsupported", "Content-Encoding %q is not read: send the body as it is", bearing.Clip(e))
		}
	}
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != "application/json" && media != "application/octet-stream" {
		return nil, bearing.Errorf(bearing.Unsupported, "media_type_unsupported", "Content-Type %q is not read: send application/json or application/octet-stream", bearing.Clip(r.Header.Get("Content-Type")))
	}
	if media == "application/json" && r.URL.RawQuery != "" {
		return nil, bearing.Errorf(bearing.Invalid, "unknown_parameter", "a window as JSON takes no query parameters: put the fields into the body")
	}
	sensor := chi.URLParam(r, "sensor")
	if !bearing.IsName(sensor) {
		_, err := bearing.NewWindow(bearing.Window{Sensor: sensor}, bearing.Limits{})
		return nil, err
	}
	body, err := s.readBody(w, r, own)
	if err != nil {
		return nil, err
	}
	start := time.Now()
	defer func() { s.cfg.ObserveDecode(time.Since(start)) }()
	var f fields
	if media == "application/json" {
		f, err = decodeJSON(body, s.cfg.MaxSamples)
	} else {
		f, err = decodeRaw(r.URL.RawQuery, body, s.cfg.MaxSamples)
	}
	if err != nil {
		return nil, err
	}
	return f.window(sensor, s.cfg.MaxSamples)
}

// fields are a window as a client states it, in either form.
type fields struct {
	start, unit, bearing, axis string
	rate, rpm                  float64
	hasRPM                     bool
	samples                    []float32
}

// window checks what only the edge knows and passes the rest to the one gate.
func (f fields) window(sensor string, maxSamples int) (*bearing.Window, error) {
	if f.start == "" {
		return nil, bearing.Errorf(bearing.Invalid, "start_missing", "the start time is missing: state start as RFC 3339, such as 2026-01-31T12:00:00Z").At("/start")
	}
	start, ok := parseTime(f.start)
	if !ok {
		return nil, bearing.Errorf(bearing.Invalid, "start_invalid", "start %q is not RFC 3339, such as 2026-01-31T12:00:00Z", bearing.Clip(f.start)).At("/start")
	}
	unit, err := bearing.ParseUnit(f.unit)
	if err != nil {
		return nil, err.(*bearing.Error).At("/unit")
	}
	if f.hasRPM && !(f.rpm > 0) {
		return nil, bearing.Errorf(bearing.Invalid, "speed_out_of_range", "shaft speed %v rpm must be positive; leave it out if it is unknown", f.rpm).At("/shaft_speed_rpm")
	}
	return bearing.NewWindow(bearing.Window{
		Sensor: sensor, Axis: f.axis, Start: start, SampleRate: f.rate, ShaftSpeed: f.rpm / 60,
		Bearing: f.bearing, Unit: unit, Samples: f.samples,
	}, bearing.Limits{MaxSamples: maxSamples})
}

// tooLong refuses a window before memory is taken for its samples.
func tooLong(maxSamples int) error {
	return bearing.Errorf(bearing.Invalid, "window_too_long", "the window has more samples than the limit of %d: send shorter windows", maxSamples).At("/samples")
}

// parseTime reads RFC 3339 to the letter. time.Parse also takes an hour of one
// digit and a comma before the fraction (go.dev/issue/54580).
func parseTime(s string) (time.Time, bool) {
	if len(s) < len("2006-01-02T15:04:05Z") || s[13] != ':' || s[19] == ',' {
		return time.Time{}, false
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	return t, err == nil
}

// formatFloat writes a number for a query parameter.
func formatFloat(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }
