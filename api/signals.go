package api

import (
	"context"
	"encoding/json"
	"math"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-chi/chi/v5"

	"brinell/api/decode"
	"brinell/bearing"
	"brinell/dataset/csvfile"
	"brinell/dataset/npyfile"
	"brinell/dataset/wavfile"
	"brinell/internal/admit"
)

// Signals gives out what was stored beside diagnoses, and what can be seen in it.
type Signals interface {
	Window(ctx context.Context, id string) (*bearing.Window, error)
	SpectrumBytes(samples int) int64 // what Spectrum takes at most, and its answer
	Spectrum(w *bearing.Window, was bearing.Diagnosis, q bearing.SpectrumQuery) (bearing.Spectrum, error)
	Trend(ctx context.Context, q bearing.TrendQuery, turn func(read func() error) error) (bearing.Trend, error) // by parts, each in a turn

	// Picture draws a window and its diagnosis; name is "" for that of its sensor.
	Picture(name string, w *bearing.Window, was bearing.Diagnosis, q bearing.PictureQuery) ([]byte, error)
	PictureBytes(was bearing.Diagnosis, q bearing.PictureQuery) int64 // what Picture takes at most, and its answer
}

// mostLooks is how many windows are given out or looked at at a time, beside the budget of
// bytes, in turns of tenants: windows that come in go first.
const mostLooks = 2

// lookWait is how long a request waits for a place.
const lookWait = 5 * time.Second

// look does f in a place, for which it waits. It sends nothing: a client that takes its
// answer slowly must not hold a place.
func (s *server) look(r *http.Request, f func() error) error {
	turn, err := s.looks.Within(r.Context(), tenantOf(r), s.lookWait)
	if err != nil {
		return err
	}
	defer turn.Done()
	return f()
}

// Bytes of long answers that clients have yet to take, of all and of a tenant, and what counts as
// one. Each half has room for the longest, a window of 4 Mi samples as CSV.
const (
	maxSending  = 2 * sendingEach
	sendingEach = csvBytes * bearing.DefaultMaxSamples
	longAnswer  = 64 << 10
)

// sending counts long answers on their way.
type sending struct {
	mu  sync.Mutex
	all int64
	by  map[string]int64
}

// add counts n bytes more of a tenant, unless they are too many beside what is there; give takes
// them away. What is alone may be of any length.
func (c *sending) add(who string, n int64) (give func(), ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.all > 0 && c.all+n > maxSending || c.by[who] > 0 && c.by[who]+n > sendingEach {
		return nil, false
	}
	if c.by == nil {
		c.by = make(map[string]int64)
	}
	c.all += n
	c.by[who] += n
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.all -= n
		if c.by[who] -= n; c.by[who] == 0 {
			delete(c.by, who)
		}
	}, true
}

// sendList sends a page.
func (s *server) sendList(w http.ResponseWriter, r *http.Request, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return s.sendLong(w, r, "application/json", b)
}

// headOnly says whether a request asks for no more than the head of an answer. What takes time
// to draw or to compute is not for it: the length is not known then, and not stated. Errors that
// computing alone would find are not either.
func headOnly(r *http.Request) bool { return r.Method == http.MethodHead }

// sendLong sends an answer that may be long, unless too much is being sent already beside
// it: it is in memory until its client has taken it.
func (s *server) sendLong(w http.ResponseWriter, r *http.Request, media string, b []byte) error {
	if n := int64(len(b)); n > longAnswer {
		give, ok := s.sending.add(tenantOf(r), n)
		if !ok {
			w.Header().Del("Content-Disposition")
			return bearing.Errorf(bearing.Overloaded, "overloaded", "clients have yet to take as many answers as may be held, of yours or of all: try again")
		}
		defer give()
		s.cfg.Memory.Hold(n)
		defer s.cfg.Memory.Give(n)
	}
	if headOnly(r) && b == nil {
		w.Header().Set("Content-Type", media)
		w.WriteHeader(http.StatusOK)
		return nil
	}
	send(w, http.StatusOK, media, b)
	return nil
}

func (s *server) signalRoutes() {
	s.router.Method("GET", "/v1/windows/{id}", s.handle(s.getWindow))
	s.router.Method("GET", "/v1/windows/{id}/spectrum", s.handle(s.getSpectrum(bearing.AmplitudeSpectrum)))
	s.router.Method("GET", "/v1/windows/{id}/envelope", s.handle(s.getSpectrum(bearing.EnvelopeSpectrum)))
	for _, f := range []string{bearing.PNG, bearing.SVG} {
		s.router.Method("GET", "/v1/windows/{id}/plot."+f, s.handle(s.getPicture(f)))
	}
	s.router.Method("GET", "/v1/sensors/{name}/trends", s.handle(s.getTrend))
}

// windowOf calls f with the stored window of a request and its diagnosis, if the key may have
// to do with its sensor, and while the budget has as many bytes as it takes to read it and
// what need says of it.
func (s *server) windowOf(r *http.Request, need func(bearing.Diagnosis) int64, f func(*bearing.Window, bearing.Diagnosis) error) error {
	d, err := s.diagnosisOf(r.Context(), chi.URLParam(r, "id"))
	if err != nil {
		return err
	}
	n := readBytes*int64(d.SampleCount) + need(d)
	if err := s.cfg.Memory.Wait(r.Context(), admit.Show, n, s.lookWait, "what is asked of the stored window"); err != nil {
		return err
	}
	defer s.cfg.Memory.Give(n)
	w, err := s.signals.Window(r.Context(), d.ID)
	if err != nil {
		return err
	}
	return f(w, d)
}

// readBytes is what reading a window takes for each of its samples: compressed in the
// database and out of it, and unpacked in three forms.
const readBytes = 24

// windowForm is a form in which a window is given out.
type windowForm struct {
	name, media string
	bytes       int64 // of a sample, at most
	encode      func(*bearing.Window) ([]byte, error)
}

// windowForms is the table of them; the first is the default.
var windowForms = []windowForm{
	{"json", "application/json", jsonBytes, func(w *bearing.Window) ([]byte, error) { return w.Encode() }},
	{"npy", "application/x-npy", 4, func(w *bearing.Window) ([]byte, error) { return npyfile.EncodeFloat32(w.Samples), nil }},
	{"csv", "text/csv; charset=utf-8", csvBytes, func(w *bearing.Window) ([]byte, error) { return encodeCSV(w), nil }},
	{"wav", "audio/wav", 4, func(w *bearing.Window) ([]byte, error) {
		if w.SampleRate != math.Trunc(w.SampleRate) || w.SampleRate > math.MaxUint32 {
			return nil, bearing.Errorf(bearing.Invalid, "format_unknown", "a WAV file has a whole number of samples a second, the window has %g: take npy", w.SampleRate).At("format")
		}
		return wavfile.EncodeNoted(w.Samples, w.SampleRate, wavfile.Note{Unit: string(w.Unit.Inside()), Start: w.Start}), nil
	}},
}

func formNames() (names []any) {
	for _, f := range windowForms {
		names = append(names, f.name)
	}
	return names
}

func (s *server) getWindow(w http.ResponseWriter, r *http.Request) error {
	v, err := decode.Query(r.URL.RawQuery, "format")
	if err != nil {
		return err
	}
	form := windowForms[0]
	if name, ok := v["format"]; ok {
		i := slices.IndexFunc(windowForms, func(f windowForm) bool { return f.name == name })
		if i < 0 {
			return bearing.Errorf(bearing.Invalid, "format_unknown", "format %q is none of json, npy, csv, wav", bearing.Clip(name)).At("format")
		}
		form = windowForms[i]
	}
	var b []byte
	var id string
	err = s.look(r, func() error {
		return s.windowOf(r, func(d bearing.Diagnosis) int64 { return 4096 + form.bytes*int64(d.SampleCount) }, func(win *bearing.Window, d bearing.Diagnosis) (err error) {
			if id = d.ID; !headOnly(r) {
				b, err = form.encode(d.Complete(win))
			}
			return err
		})
	})
	if err != nil {
		return err
	}
	if form.name != "json" {
		w.Header().Set("Content-Disposition", `attachment; filename="`+id+`.`+form.name+`"`)
	}
	return s.sendLong(w, r, form.media, b)
}

// Bytes that a sample takes at most: a number and what parts it from the next, in CSV a time
// of ten digits before it.
const jsonBytes, csvBytes = 15, 32

// encodeCSV writes, after its start and rate, time and acceleration in g or velocity in mm/s, in two
// columns with a header.
func encodeCSV(w *bearing.Window) []byte {
	b := append(make([]byte, 0, csvBytes*len(w.Samples)+256), csvfile.Own(w.Start, strconv.FormatFloat(w.SampleRate, 'g', -1, 64))...)
	b = append(b, "time_s,"+w.Unit.Quantity()+"_"+string(w.Unit.Inside())+"\n"...)
	for i, v := range w.Samples {
		b = strconv.AppendFloat(b, float64(i)/w.SampleRate, 'g', 10, 64)
		b = append(b, ',')
		b = strconv.AppendFloat(b, float64(v), 'g', -1, 32)
		b = append(b, '\n')
	}
	return b
}

func (s *server) getSpectrum(kind string) func(http.ResponseWriter, *http.Request) error {
	known := []string{"lines"}
	if kind == bearing.EnvelopeSpectrum {
		known = []string{"band_low_hz", "band_high_hz", "max_hz"}
	}
	return func(w http.ResponseWriter, r *http.Request) error {
		v, err := decode.Query(r.URL.RawQuery, known...)
		if err != nil {
			return err
		}
		q := bearing.SpectrumQuery{Kind: kind}
		if n, ok := v["lines"]; ok {
			if q.Lines, err = strconv.Atoi(n); err != nil || q.Lines < 1 {
				return bearing.Errorf(bearing.Invalid, "parameter_invalid", "lines %q is no positive number", bearing.Clip(n)).At("lines")
			}
		}
		var low, high, top bool
		for _, p := range []struct {
			name  string
			value *float64
			there *bool
		}{{"band_low_hz", &q.Low, &low}, {"band_high_hz", &q.High, &high}, {"max_hz", &q.MaxHz, &top}} {
			if *p.value, *p.there, err = decode.Number(v, p.name); err != nil {
				return err
			}
		}
		switch {
		case low != high:
			return bearing.Errorf(bearing.Invalid, "parameter_invalid", "band_low_hz and band_high_hz go together").At("band_low_hz")
		case low && !(q.High > q.Low), top && q.MaxHz <= 0:
			return bearing.Errorf(bearing.Invalid, "parameter_invalid", "band_high_hz must be above band_low_hz, and max_hz positive").At("band_high_hz")
		}
		var b []byte
		err = s.look(r, func() error {
			bytes := func(d bearing.Diagnosis) int64 { return s.signals.SpectrumBytes(d.SampleCount) }
			return s.windowOf(r, bytes, func(win *bearing.Window, d bearing.Diagnosis) error {
				if headOnly(r) {
					return nil
				}
				sp, err := s.signals.Spectrum(win, d, q)
				if err == nil {
					b, err = json.Marshal(sp)
				}
				return err
			})
		})
		if err != nil {
			return err
		}
		return s.sendLong(w, r, "application/json", b)
	}
}

func (s *server) getTrend(w http.ResponseWriter, r *http.Request) error {
	v, err := decode.Query(r.URL.RawQuery, "feature", "axis", "from", "to", "points")
	if err != nil {
		return err
	}
	q := bearing.TrendQuery{Sensor: chi.URLParam(r, "name"), Axis: v["axis"], Feature: v["feature"], Points: bearing.DefaultPoints}
	switch {
	case !bearing.IsName(q.Sensor):
		return bearing.Errorf(bearing.Invalid, "sensor_name", "%q is no sensor name", bearing.Clip(q.Sensor)).At("name")
	case q.Axis != "" && !bearing.IsName(q.Axis):
		return bearing.Errorf(bearing.Invalid, "axis_name", "%q is no axis name", bearing.Clip(q.Axis)).At("axis")
	case !bearing.IsName(q.Feature):
		return bearing.Errorf(bearing.Invalid, "feature_unknown", "feature %q is none: state one of those in a diagnosis, such as rms", bearing.Clip(q.Feature)).At("feature")
	}
	if n, ok := v["points"]; ok {
		if q.Points, err = strconv.Atoi(n); err != nil || q.Points < 1 || q.Points > bearing.MaxPoints {
			return bearing.Errorf(bearing.Invalid, "parameter_invalid", "points %q is not a number in 1..%d", bearing.Clip(n), bearing.MaxPoints).At("points")
		}
	}
	if q.From, err = timeParameter(v, "from"); err != nil {
		return err
	}
	if q.To, err = timeParameter(v, "to"); err != nil {
		return err
	}
	if !q.From.IsZero() && !q.To.IsZero() && !q.From.Before(q.To) {
		return bearing.Errorf(bearing.Invalid, "parameter_invalid", "from must be before to").At("from")
	}
	if err := covers(r.Context(), q.Sensor); err != nil {
		return err
	}
	if headOnly(r) { // whether there is such a sensor
		q.From, q.To = time.Unix(0, 0), time.Unix(0, 1)
	}
	t, err := s.signals.Trend(r.Context(), q, func(read func() error) error { return s.look(r, read) })
	if err != nil {
		return err
	}
	if headOnly(r) {
		return s.sendLong(w, r, "application/json", nil)
	}
	return s.sendList(w, r, t)
}

// describeSignals adds windows, spectra and trends to the description.
func (s *server) describeSignals(doc *huma.OpenAPI, refusals func(...int) map[string]*huma.Response) {
	schemas := doc.Components.Schemas
	id := &huma.Param{Name: "id", In: "path", Required: true, Schema: text("")}
	get := func(path, name, tag, summary string, answer map[string]*huma.MediaType, params ...*huma.Param) {
		op := &huma.Operation{Method: "GET", Path: path, OperationID: name, Summary: summary, Tags: []string{tag}, Parameters: params, Responses: refusals(404, 422, 500, 503)}
		op.Responses["200"] = &huma.Response{Description: summary, Content: answer}
		doc.AddOperation(op)
	}
	files := map[string]*huma.MediaType{"application/json": {Schema: windowSchema()}}
	for _, f := range windowForms[1:] {
		files[f.media] = &huma.MediaType{Schema: text("binary")}
	}
	asJSON := func(schema *huma.Schema) map[string]*huma.MediaType {
		return map[string]*huma.MediaType{"application/json": {Schema: schema}}
	}
	get("/v1/windows/{id}", "get-window", "windows", "The raw samples of a diagnosis, while they are kept: as JSON in the form and unit in which they were sent, else in g", files,
		id, query("format", "json if not stated", &huma.Schema{Type: "string", Enum: formNames()}))
	spectrum := schemaOf[bearing.Spectrum](schemas)
	get("/v1/windows/{id}/spectrum", "get-spectrum", "windows", "Amplitude spectrum (Welch, Hann)", asJSON(spectrum), id,
		query("lines", "of resolution, 1600 if not stated", &huma.Schema{Type: "integer", Minimum: ptr(16.0), Maximum: ptr(25600.0)}))
	get("/v1/windows/{id}/envelope", "get-envelope", "windows", "Spectrum of the squared envelope", asJSON(spectrum), id,
		query("band_low_hz", "lower edge of the band; that in which lines are looked for if not stated", number()), query("band_high_hz", "upper edge", number()),
		query("max_hz", "end of the spectrum, 1000 if not stated", number()))
	describePictures(get, id)
	get("/v1/sensors/{name}/trends", "get-trend", "sensors", "A feature of a sensor over time", asJSON(schemaOf[bearing.Trend](schemas)),
		&huma.Param{Name: "name", In: "path", Required: true, Schema: text("")},
		&huma.Param{Name: "feature", In: "query", Required: true, Description: "name in the features of a diagnosis", Schema: text("")},
		query("axis", "of a sensor with several", text("")), query("from", "start at or after", text("date-time")), query("to", "start before", text("date-time")),
		query("points", "intervals at most, 500 if not stated", &huma.Schema{Type: "integer", Minimum: ptr(1.0), Maximum: ptr(float64(bearing.MaxPoints))}))
}
