package api

import (
	"net/http"
	"time"

	"github.com/go-chi/chi/v5"

	"brinell/api/decode"
	"brinell/bearing"
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
	win, place, err := s.readWindow(w, r, own)
	defer place.Leave()
	if err == nil {
		err = s.intents.begin(&key, win.ID(), time.Now())
	}
	if err != nil {
		return err
	}
	stored := false
	defer func() { s.intents.end(key, stored, time.Now()) }()
	d, err := s.core.Submit(r.Context(), win, admit.Entry{Place: place})
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
	where := [...]string{"/v1/diagnoses/" + d.ID, "</v1/windows/" + d.ID + `/plot.png>; rel="alternate"; type="image/png"`}
	w.Header()["Location"], w.Header()["Link"] = where[:1:1], where[1:] // of one piece of memory
	send(w, status, "application/json", b)
	return nil
}

// readWindow checks what needs no body first: a wrong name should not cost a
// transfer. The place that it returns, which may be nil, is the caller's to leave.
func (s *server) readWindow(w http.ResponseWriter, r *http.Request, own *share) (*bearing.Window, *admit.Place, error) {
	if _, err := encodingOf(r); err != nil {
		return nil, nil, err
	}
	if err := covers(r.Context(), chi.URLParam(r, "sensor")); err != nil {
		return nil, nil, err
	}
	sensor := chi.URLParam(r, "sensor")
	form, err := decode.New(sensor, r.Header.Get("Content-Type"), r.URL.RawQuery)
	if err != nil {
		return nil, nil, err
	}
	o := decode.Options{MaxSamples: s.cfg.MaxSamples, Room: own.floats}
	if form.IsFile() {
		o.Known = s.registered(sensor)
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
	room := form.Memory(body, s.cfg.MaxSamples)
	if most := s.cfg.Memory.Most(admit.Judge); room > most {
		return nil, place, bearing.Errorf(bearing.TooLarge, "memory_exceeded", "to read the file takes up to %d MiB of memory, %d MiB are there for one: send fewer columns or shorter windows, or give the service more with --memory", room>>20+1, most>>20).Over(float64(most), float64(room))
	}
	if !s.cfg.Memory.Take(admit.Judge, room) {
		return nil, place, fullBudget()
	}
	defer s.cfg.Memory.Give(room)
	start := time.Now()
	defer func() { s.cfg.ObserveDecode(time.Since(start)) }()
	f, err := form.Decode(body, o)
	if err != nil {
		return nil, place, err
	}
	s.complete(sensor, &f)
	win, err := f.Window(sensor, s.cfg.MaxSamples)
	return win, place, err
}

// registered returns what is registered of a sensor, nothing if nothing is.
func (s *server) registered(name string) (known bearing.Sensor) {
	if s.resources != nil {
		known, _ = s.resources.Sensor(name)
	}
	return known
}

// complete puts the rate and the unit of the registered sensor where a window states none.
func (s *server) complete(sensor string, f *decode.Fields) {
	if f.Lacks() && bearing.IsName(sensor) {
		f.Complete(s.registered(sensor))
	}
}
