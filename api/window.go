package api

import (
	"cmp"
	"mime"
	"net/http"
	"strconv"
	"time"

	"github.com/go-chi/chi/v5"

	"brinell/bearing"
	"brinell/dataset"
	"brinell/internal/admit"
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
	// What the window is made of goes to the next request when the core is done
	// with it, which Diagnoser promises even if the client went away.
	own := &share{of: &s.budget, tenant: tenantOf(r)}
	defer own.release()
	key, err := intentOf(r)
	if err != nil {
		return err
	}
	win, place, err := s.decode(w, r, own)
	defer place.Leave()
	if err == nil {
		err = s.intents.begin(key, win.ID(), time.Now())
	}
	if err != nil {
		return err
	}
	stored := false
	defer func() { s.intents.end(key, stored, time.Now()) }()
	d, err := s.core.Submit(admit.With(r.Context(), place), win)
	if err != nil {
		return err
	}
	stored = true
	b, err := d.Encode()
	if err != nil {
		return err
	}
	status := http.StatusCreated
	if d.Duplicate {
		status = http.StatusOK
	}
	w.Header().Set("Location", "/v1/diagnoses/"+d.ID)
	send(w, status, "application/json", b)
	return nil
}

// decode checks what needs no body first: a wrong name should not cost a
// transfer. The place that it returns, which may be nil, is the caller's to leave.
func (s *server) decode(w http.ResponseWriter, r *http.Request, own *share) (*bearing.Window, *admit.Place, error) {
	if _, err := encodingOf(r); err != nil {
		return nil, nil, err
	}
	if err := covers(r.Context(), chi.URLParam(r, "sensor")); err != nil {
		return nil, nil, err
	}
	sensor, media, query := chi.URLParam(r, "sensor"), r.Header.Get("Content-Type"), r.URL.RawQuery
	decode, err := decoderOf(sensor, media, query)
	if err != nil {
		return nil, nil, err
	}
	form := fileForms[mediaType(media)]
	if form != "" {
		known, err := s.registered(r.Context(), sensor)
		if err != nil {
			return nil, nil, err
		}
		decode = fileDecoder(form, known)
	}
	body, err := s.readBody(w, r, own)
	if err != nil {
		return nil, nil, err
	}
	// Decoding is work too: it takes the slot in which the diagnosis is computed.
	place, err := s.cfg.Gate.Enter(r.Context(), admit.Claim{Tenant: own.tenant, Bytes: len(body)})
	if err != nil {
		return nil, nil, err
	}
	room := beside(mediaType(media), len(body), s.cfg.MaxSamples)
	if form != "" {
		room = dataset.FileBytes(bodyOf+form, body, s.cfg.MaxSamples)
	}
	if most := s.cfg.Memory.Most(admit.Judge); room > most {
		return nil, place, bearing.Errorf(bearing.TooLarge, "memory_exceeded", "to read the file takes up to %d MiB of memory, %d MiB are there for one: send fewer columns or shorter windows, or give the service more with --memory", room>>20+1, most>>20).Over(float64(most), float64(room))
	}
	if !s.cfg.Memory.Take(admit.Judge, room) {
		return nil, place, fullBudget()
	}
	defer s.cfg.Memory.Give(room)
	start := time.Now()
	defer func() { s.cfg.ObserveDecode(time.Since(start)) }()
	f, err := decode(query, body, s.cfg.MaxSamples, own.floats)
	if err == nil {
		err = s.complete(r.Context(), sensor, &f)
	}
	if err != nil {
		return nil, place, err
	}
	win, err := f.window(sensor, s.cfg.MaxSamples)
	return win, place, err
}

// beside is not less than what decoding a body of so many bytes takes beside it, samples and
// all: text has a sample in two bytes at least, as int16 has; files have one in a byte, and
// are read as float64 first.
func beside(media string, body, maxSamples int) int64 {
	if media == "application/json" || media == "application/octet-stream" {
		return 4 * int64(min(body/2+1, maxSamples))
	}
	return 12 * int64(min(body, maxSamples))
}

// DecodeWindow reads a window as the service does, from what a request states:
// the name in its path, its Content-Type, its query and its body. The window may
// share memory with body, whose samples it converts in place.
func DecodeWindow(sensor, contentType, query string, body []byte, maxSamples int) (*bearing.Window, error) {
	decode, err := decoderOf(sensor, contentType, query)
	if err != nil {
		return nil, err
	}
	f, err := decode(query, body, maxSamples, makeFloats)
	if err != nil {
		return nil, err
	}
	return f.window(sensor, maxSamples)
}

// ReadWindow reads a window as JSON whose sensor stands in it, or else is the one given, of
// at most so many samples.
func ReadWindow(body []byte, sensor string, maxSamples int) (*bearing.Window, error) {
	f, err := decodeJSON(body, maxSamples, makeFloats)
	if err != nil {
		return nil, err
	}
	return f.window(cmp.Or(f.sensor, sensor), maxSamples)
}

func makeFloats(n int) []float32 { return make([]float32, n) }

type decoder func(query string, body []byte, maxSamples int, room func(int) []float32) (fields, error)

// decoderOf returns the decoder of a request, or what is wrong with it before
// its body is looked at.
func decoderOf(sensor, contentType, query string) (decoder, error) {
	decode := decoder(decodeRaw)
	switch mediaType(contentType) {
	case "application/octet-stream":
	case "application/x-npy":
		decode = decodeNPY
	case "application/json":
		if query != "" {
			return nil, bearing.Errorf(bearing.Invalid, "unknown_parameter", "a window as JSON takes no query parameters: put the fields into the body")
		}
		decode = func(_ string, body []byte, maxSamples int, room func(int) []float32) (fields, error) {
			return decodeJSON(body, maxSamples, room)
		}
	default:
		if form, ok := fileForms[mediaType(contentType)]; ok {
			decode = fileDecoder(form, bearing.Sensor{})
			break
		}
		return nil, bearing.Errorf(bearing.Unsupported, "media_type_unsupported", "Content-Type %q is not read: %s", bearing.Clip(contentType), instead(mediaType(contentType)))
	}
	if !bearing.IsName(sensor) {
		_, err := bearing.NewWindow(bearing.Window{Sensor: sensor}, bearing.Limits{})
		return nil, err
	}
	return decode, nil
}

// mediaType returns the type without its parameters, "" if it cannot be read.
func mediaType(contentType string) string {
	if contentType == "application/json" || contentType == "application/octet-stream" {
		return contentType // nearly always
	}
	media, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		return ""
	}
	return media
}

// fields are a window as a client states it, in either form.
type fields struct {
	sensor, start, unit, bearing, axis string
	rate, rpm                          float64
	hasRPM                             bool
	samples                            []float32
	inside                             bearing.Unit // of a file: samples are as it says inside already
}

// window checks what only the edge knows and passes the rest to the one gate.
func (f fields) window(sensor string, maxSamples int) (*bearing.Window, error) {
	if f.sensor != "" && f.sensor != sensor {
		return nil, bearing.Errorf(bearing.Invalid, "name_mismatch", "the window is one of sensor %q and sent to %q: leave the sensor out, or mend it", bearing.Clip(f.sensor), bearing.Clip(sensor)).At("/sensor")
	}
	if f.start == "" {
		return nil, bearing.Errorf(bearing.Invalid, "start_missing", "the start time is missing: state start as RFC 3339, such as 2026-01-31T12:00:00Z").At("/start")
	}
	start, ok := parseTime(f.start)
	if !ok {
		return nil, bearing.Errorf(bearing.Invalid, "start_invalid", "start %q is not RFC 3339, such as 2026-01-31T12:00:00Z", bearing.Clip(f.start)).At("/start")
	}
	unit, err := bearing.ParseUnit(f.unit)
	if f.inside != "" {
		unit, err = f.inside.Inside(), nil
	}
	if err != nil {
		return nil, err.(*bearing.Error).At("/unit")
	}
	if f.hasRPM && !bearing.ShaftSpeeds.Has(f.rpm) {
		return nil, bearing.Errorf(bearing.Invalid, "speed_out_of_range", "shaft speed %v rpm is outside %s; leave it out if it is unknown", f.rpm, bearing.ShaftSpeeds).At("/shaft_speed_rpm")
	}
	win, err := bearing.NewWindow(bearing.Window{
		Sensor: sensor, Axis: f.axis, Start: start, SampleRate: f.rate, ShaftSpeed: f.rpm / 60,
		Bearing: f.bearing, Unit: unit, Samples: f.samples,
	}, bearing.Limits{MaxSamples: maxSamples})
	if err == nil && f.inside != "" {
		win.Unit = bearing.Unit(f.unit)
	}
	return win, err
}

// tooLong refuses a window before memory is taken for its samples.
func tooLong(maxSamples int) error {
	return bearing.Errorf(bearing.Invalid, "window_too_long", "the window has more samples than the limit of %d: send shorter windows", maxSamples).At("/samples").Over(float64(maxSamples), 0)
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
