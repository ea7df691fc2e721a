package api

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"strconv"
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
			s.metrics.reject(err)
		}
	}()
	win, err := s.decode(w, r)
	if err != nil {
		return err
	}
	d, err := s.core.Submit(r.Context(), win)
	if err != nil {
		return err
	}
	w.Header().Set("Location", "/v1/diagnoses/"+d.ID)
	status := http.StatusCreated
	if d.Duplicate {
		status = http.StatusOK
	}
	return writeJSON(w, status, d)
}

func (s *server) decode(w http.ResponseWriter, r *http.Request) (*bearing.Window, error) {
	if e := r.Header.Get("Content-Encoding"); e != "" && e != "identity" {
		return nil, bearing.Errorf(bearing.Unsupported, "encoding_unsupported", "Content-Encoding %q is not read: send the body as it is", bearing.Clip(e))
	}
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != "application/json" && media != "application/octet-stream" {
		return nil, bearing.Errorf(bearing.Unsupported, "media_type_unsupported", "Content-Type %q is not read: send application/json or application/octet-stream", bearing.Clip(r.Header.Get("Content-Type")))
	}
	sensor := chi.URLParam(r, "sensor")
	// Before the body: a wrong name should not cost its transfer.
	if !bearing.IsName(sensor) {
		_, err := bearing.NewWindow(bearing.Window{Sensor: sensor}, bearing.Limits{})
		return nil, err
	}
	body, err := s.readBody(w, r)
	if err != nil {
		return nil, err
	}
	start := time.Now()
	var f fields
	if media == "application/json" {
		if r.URL.RawQuery != "" {
			return nil, bearing.Errorf(bearing.Invalid, "unknown_parameter", "a window as JSON takes no query parameters: put the fields into the body")
		}
		f, err = decodeJSON(body)
	} else {
		f, err = decodeRaw(r.URL.RawQuery, body)
	}
	if err != nil {
		return nil, err
	}
	win, err := f.window(sensor, s.cfg.MaxSamples)
	s.cfg.ObserveDecode(time.Since(start))
	return win, err
}

// Time that a body may take: a grace, and the slowest rate.
const (
	bodyGrace = 5 * time.Second
	bodyRate  = 16 << 10 // bytes per second
)

// readBody reads the whole body under the cap. A declared length is believed
// only as far as the cap goes.
func (s *server) readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	tooLarge := func() error {
		return bearing.Errorf(bearing.TooLarge, "body_too_large", "the body is over the limit of %d bytes: send shorter windows", s.cfg.MaxBody)
	}
	size := r.ContentLength
	if size > s.cfg.MaxBody {
		return nil, tooLarge()
	}
	expect := size
	if expect < 0 {
		expect = s.cfg.MaxBody
	}
	rc := http.NewResponseController(w)
	// Test recorders have no deadline to set.
	_ = rc.SetReadDeadline(time.Now().Add(bodyGrace + time.Duration(expect/bodyRate)*time.Second))
	body := http.MaxBytesReader(w, r.Body, s.cfg.MaxBody)
	var b []byte
	var err error
	if size >= 0 {
		b = make([]byte, size)
		_, err = io.ReadFull(body, b)
	} else {
		b, err = io.ReadAll(body)
	}
	_ = rc.SetReadDeadline(time.Time{})
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return nil, tooLarge()
	}
	if err != nil {
		return nil, bearing.Errorf(bearing.Malformed, "body_incomplete", "the body ended before its declared length, or came slower than %d bytes per second", bodyRate)
	}
	if len(b) == 0 {
		return nil, bearing.Errorf(bearing.Malformed, "body_empty", "the body is empty: send a window")
	}
	return b, nil
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
	start, err := time.Parse(time.RFC3339Nano, f.start)
	if err != nil {
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

// formatFloat writes a number for a query parameter.
func formatFloat(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }
