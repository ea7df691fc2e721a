package api

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-chi/chi/v5"

	"brinell/api/decode"
	"brinell/bearing"
	"brinell/internal/clamp"
)

// Alarms are those that were raised. What Acknowledge, Shelve and CloseAlarm return is on
// disk.
type Alarms interface {
	Alarm(ctx context.Context, id string) (bearing.Alarm, error)
	Alarms(ctx context.Context, q bearing.AlarmQuery) (bearing.AlarmPage, error)
	Acknowledge(ctx context.Context, id string, version int64, by bearing.Signature) (bearing.Alarm, error)
	Shelve(ctx context.Context, id string, version int64, until time.Time, by *bearing.Signature) (bearing.Alarm, error)
	CloseAlarm(ctx context.Context, id string, version int64, by bearing.Signature) (bearing.Alarm, error)
}

func (s *server) alarmRoutes() {
	s.router.Method("GET", "/v1/alarms", s.handle(s.listAlarms))
	s.router.Method("GET", "/v1/alarms/{id}", s.handle(s.getAlarm))
	s.router.Method("POST", "/v1/alarms/{id}/acknowledge", s.handle(s.signed(Alarms.Acknowledge)))
	s.router.Method("POST", "/v1/alarms/{id}/shelve", s.handle(s.shelve))
	s.router.Method("POST", "/v1/alarms/{id}/close", s.handle(s.signed(Alarms.CloseAlarm)))
}

var alarmStates = []string{bearing.AlarmActive, bearing.AlarmAcknowledged, bearing.AlarmReturned, bearing.AlarmClosed}

func (s *server) listAlarms(w http.ResponseWriter, r *http.Request) error {
	v, err := decode.Query(r.URL.RawQuery, "sensor", "axis", "machine", "state", "severity", "open", "limit", "cursor")
	if err != nil {
		return err
	}
	q := bearing.AlarmQuery{Sensor: v["sensor"], Machine: v["machine"], State: v["state"], Severity: v["severity"], Cursor: v["cursor"]}
	if n, ok := v["sensor"]; ok && !bearing.IsName(n) {
		return bearing.Errorf(bearing.Invalid, "sensor_name", "%q is no sensor name", bearing.Clip(n)).At("sensor")
	}
	if st, ok := v["state"]; ok && !slices.Contains(alarmStates, st) {
		return bearing.Errorf(bearing.Invalid, "parameter_invalid", "state %q is none of active, acknowledged, returned, closed", bearing.Clip(st)).At("state")
	}
	if a, ok := v["axis"]; ok {
		if a != "" && !bearing.IsName(a) {
			return bearing.Errorf(bearing.Invalid, "axis_name", "%q is no axis name", bearing.Clip(a)).At("axis")
		}
		q.Axis = &a
	}
	if m, ok := v["machine"]; ok && !bearing.IsName(m) {
		return bearing.Errorf(bearing.Invalid, "machine_name", "%q is no name of a machine", bearing.Clip(m)).At("machine")
	}
	if sev, ok := v["severity"]; ok && sev != "warning" && sev != "alarm" {
		return bearing.Errorf(bearing.Invalid, "parameter_invalid", "severity %q is neither warning nor alarm", bearing.Clip(sev)).At("severity")
	}
	switch open, ok := v["open"]; {
	case ok && open == "true":
		q.Open = true
	case ok && open != "false":
		return bearing.Errorf(bearing.Invalid, "parameter_invalid", "open %q is neither true nor false", bearing.Clip(open)).At("open")
	}
	if q.Limit, err = limitParameter(v); err != nil {
		return err
	}
	if err := covers(r.Context(), q.Sensor); err != nil {
		return err
	}
	var page bearing.AlarmPage
	err = s.inTurn(r.Context(), func() (err error) {
		page, err = s.alarms.Alarms(r.Context(), q)
		return err
	})
	if err != nil {
		return err
	}
	return s.sendList(w, r, page)
}

func (s *server) getAlarm(w http.ResponseWriter, r *http.Request) error {
	if _, err := decode.Query(r.URL.RawQuery); err != nil {
		return err
	}
	a, err := s.alarmOf(r)
	if err != nil {
		return err
	}
	return sendAlarm(w, r, a)
}

// alarmOf returns the alarm of a request, if its key may have to do with it. One of another
// sensor is not there.
func (s *server) alarmOf(r *http.Request) (bearing.Alarm, error) {
	id := chi.URLParam(r, "id")
	a, err := s.alarms.Alarm(r.Context(), id)
	if err == nil && covers(r.Context(), a.Sensor) != nil {
		return bearing.Alarm{}, bearing.AlarmNotFound(id)
	}
	return a, err
}

func sendAlarm(w http.ResponseWriter, r *http.Request, a bearing.Alarm) error {
	doc, err := json.Marshal(a)
	if err != nil {
		return err
	}
	return sendVersion(w, r, http.StatusOK, a.Version, doc)
}

// acknowledgement and shelf are the bodies of what is done to an alarm.
type acknowledgement struct {
	By   string `json:"by,omitempty" doc:"who does it; with a key, whose it is"`
	Note string `json:"note,omitempty"`
}

type shelf struct {
	Seconds float64 `json:"seconds" doc:"for how long it notifies nobody, at most 90 days; 0 ends that"`
	By      string  `json:"by,omitempty" doc:"who does it; with a key, whose it is"`
}

// sign is who shelves an alarm, nil where nobody says so.
func (b shelf) sign(r *http.Request) (*bearing.Signature, error) {
	if b.By == "" && keyOf(r.Context()) == nil {
		return nil, nil
	}
	by, err := acknowledgement{By: b.By}.sign(r)
	return &by, err
}

// change reads the version that a change of an alarm asks for, and its body.
func (s *server) change(w http.ResponseWriter, r *http.Request, v any) (version int64, err error) {
	if _, err := decode.Query(r.URL.RawQuery); err != nil {
		return 0, err
	}
	if version, err = matchOf(r); err != nil {
		return 0, err
	}
	if _, err := s.alarmOf(r); err != nil {
		return 0, err
	}
	own := &share{of: &s.budget, tenant: tenantOf(r)}
	defer own.release()
	body, err := s.readDocument(w, r, own)
	if err != nil {
		return 0, err
	}
	return version, decodeStrict(body, v)
}

// signed changes an alarm by what somebody does who says who it is.
func (s *server) signed(do func(a Alarms, ctx context.Context, id string, version int64, by bearing.Signature) (bearing.Alarm, error)) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		var b acknowledgement
		version, err := s.change(w, r, &b)
		if err != nil {
			return err
		}
		by, err := b.sign(r)
		if err != nil {
			return err
		}
		a, err := do(s.alarms, r.Context(), chi.URLParam(r, "id"), version, by)
		if err != nil {
			return err
		}
		return sendAlarm(w, r, a)
	}
}

// sign is what a body says of who does something, and when that is.
func (b acknowledgement) sign(r *http.Request) (bearing.Signature, error) {
	if k := keyOf(r.Context()); k != nil { // then it is known who it is
		b.By = k.Name
	}
	if b.By == "" || len(b.By) > 100 || len(b.Note) > 1000 {
		return bearing.Signature{}, bearing.Errorf(bearing.Invalid, "field_invalid", "state who does it: by has 1 to 100 bytes, note at most 1000").At("/by")
	}
	return bearing.Signature{At: time.Now().UTC(), By: b.By, Note: b.Note}, nil
}

func (s *server) shelve(w http.ResponseWriter, r *http.Request) error {
	var b shelf
	version, err := s.change(w, r, &b)
	if err != nil {
		return err
	}
	if !(b.Seconds >= 0 && b.Seconds <= bearing.MaxShelf.Seconds()) {
		return bearing.Errorf(bearing.Invalid, "field_invalid", "seconds %g is outside 0..%.0f", b.Seconds, bearing.MaxShelf.Seconds()).At("/seconds")
	}
	by, err := b.sign(r)
	if err != nil {
		return err
	}
	var until time.Time
	if b.Seconds > 0 {
		until = time.Now().UTC().Add(clamp.Seconds(b.Seconds))
	}
	a, err := s.alarms.Shelve(r.Context(), chi.URLParam(r, "id"), version, until, by)
	if err != nil {
		return err
	}
	return sendAlarm(w, r, a)
}

// describeAlarms adds the routes of alarms to the description.
func (s *server) describeAlarms(doc *huma.OpenAPI, refusals func(...int) map[string]*huma.Response) {
	schemas := doc.Components.Schemas
	alarm, page := schemaOf[bearing.Alarm](schemas), schemaOf[bearing.AlarmPage](schemas)
	ack, shelf := schemaOf[acknowledgement](schemas), schemaOf[shelf](schemas)
	id := &huma.Param{Name: "id", In: "path", Required: true, Schema: text("")}
	match := &huma.Param{Name: "If-Match", In: "header", Description: "ETag that it must have", Schema: text("")}
	add := func(method, path, name, summary string, answer, body *huma.Schema, codes []int, params ...*huma.Param) {
		op := &huma.Operation{Method: method, Path: path, OperationID: name, Summary: summary, Tags: []string{"alarms"}, Parameters: params, Responses: refusals(codes...)}
		if body != nil {
			op.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{"application/json": {Schema: body}}}
		}
		op.Responses["200"] = &huma.Response{Description: summary, Content: map[string]*huma.MediaType{"application/json": {Schema: answer}}}
		doc.AddOperation(op)
	}
	var states []any
	for _, st := range alarmStates {
		states = append(states, st)
	}
	add("GET", "/v1/alarms", "list-alarms", "Alarms, those raised last first", page, nil, []int{422, 500, 503},
		query("sensor", "name of the sensor", text("")), query("axis", "only those of this axis", text("")),
		query("machine", "only those of sensors that are registered on this machine", text("")),
		query("severity", "only those of this severity", &huma.Schema{Type: "string", Enum: []any{"warning", "alarm"}}), query("state", "only those in this state", &huma.Schema{Type: "string", Enum: states}),
		query("open", "true: only those that are not over", &huma.Schema{Type: "boolean"}),
		query("limit", "on a page, 100 if not stated", &huma.Schema{Type: "integer", Minimum: ptr(1.0), Maximum: ptr(float64(bearing.MaxPage))}),
		query("cursor", "next_cursor of the page before", text("")))
	add("GET", "/v1/alarms/{id}", "get-alarm", "One alarm", alarm, nil, []int{404, 422, 500, 503}, id)
	changes := []int{400, 404, 409, 412, 413, 415, 422, 500, 503}
	add("POST", "/v1/alarms/{id}/acknowledge", "acknowledge-alarm", "Note who has seen an alarm", alarm, ack, changes, id, match)
	add("POST", "/v1/alarms/{id}/shelve", "shelve-alarm", "Keep an alarm from notifying for a while", alarm, shelf, changes, id, match)
	add("POST", "/v1/alarms/{id}/close", "close-alarm", "End an alarm that no window will end", alarm, ack, changes, id, match)
}
