package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-chi/chi/v5"

	"brinell/api/decode"
	"brinell/bearing"
)

// Baselines are what has been learnt of sensors. What ControlBaseline notes is on disk when
// it returns.
type Baselines interface {
	Baselines(ctx context.Context, sensor string, newest int) (bearing.Baselines, error)
	ControlBaseline(ctx context.Context, sensor string, c bearing.BaselineControl, match int64) error
}

func (s *server) baselineRoutes() {
	s.router.Method("GET", "/v1/sensors/{name}/baselines", s.handle(s.getBaselines))
	s.router.Method("POST", "/v1/sensors/{name}/baselines", s.handle(s.controlBaseline))
}

// mostControlling is how many requests control baselines at a time: each reads and writes all that
// was done to those of an axis.
const mostControlling = 4

// controlsAfter is how many controls the answer to one shows.
const controlsAfter = 10

// sensorOf returns the sensor in the path of a request, and its query, in which these may be.
func sensorOf(r *http.Request, known ...string) (string, map[string]string, error) {
	name := chi.URLParam(r, "name")
	if !bearing.IsName(name) {
		return "", nil, bearing.Errorf(bearing.Invalid, "sensor_name", "%q is no sensor name", bearing.Clip(name)).At("name")
	}
	v, err := decode.Query(r.URL.RawQuery, known...)
	if err != nil {
		return "", nil, err
	}
	return name, v, covers(r.Context(), name)
}

func (s *server) getBaselines(w http.ResponseWriter, r *http.Request) error {
	name, v, err := sensorOf(r, "limit")
	if err != nil {
		return err
	}
	limit, err := limitParameter(v)
	if err != nil {
		return err
	}
	var b bearing.Baselines
	err = s.inTurn(r.Context(), func() (err error) {
		b, err = s.baselines.Baselines(r.Context(), name, limit)
		return err
	})
	if err != nil {
		return err
	}
	tagBaselines(w, b)
	return s.sendList(w, r, b)
}

func (s *server) controlBaseline(w http.ResponseWriter, r *http.Request) error {
	name, _, err := sensorOf(r)
	if err != nil {
		return err
	}
	match, err := matchOrNone(r)
	if err != nil {
		return err
	}
	own := &share{of: &s.budget, tenant: tenantOf(r)}
	defer own.release()
	body, err := s.readDocument(w, r, own)
	if err != nil {
		return err
	}
	var c bearing.BaselineControl
	if err := decodeStrict(body, &c); err != nil {
		return err
	}
	if c.At.IsZero() {
		c.At = time.Now()
	}
	c.At = c.At.UTC()
	if k := keyOf(r.Context()); k != nil {
		c.By = k.Name
	}
	if err := c.Validate(); err != nil {
		return err
	}
	b, err := s.control(r, name, c, match)
	if err != nil {
		return err
	}
	tagBaselines(w, b)
	return sendJSON(w, http.StatusOK, b)
}

// control controls baselines when the tenant that asks has its turn, and returns what they are then.
func (s *server) control(r *http.Request, name string, c bearing.BaselineControl, match int64) (bearing.Baselines, error) {
	turn, err := s.controls.Within(r.Context(), tenantOf(r), s.lookWait)
	if err != nil {
		return bearing.Baselines{}, err
	}
	defer turn.Done()
	if err := s.baselines.ControlBaseline(r.Context(), name, c, match); err != nil {
		return bearing.Baselines{}, err
	}
	return s.baselines.Baselines(r.Context(), name, controlsAfter)
}

// tagBaselines states the ETag of what was done to baselines. What is learnt goes on under the
// same one: it is for If-Match, and nobody gets a 304.
func tagBaselines(w http.ResponseWriter, b bearing.Baselines) {
	w.Header().Set("ETag", etag(b.Version))
}

// describeBaselines adds baselines to the description.
func (s *server) describeBaselines(doc *huma.OpenAPI, refusals func(...int) map[string]*huma.Response) {
	schemas := doc.Components.Schemas
	name := &huma.Param{Name: "name", In: "path", Required: true, Schema: text("")}
	match := &huma.Param{Name: "If-Match", In: "header", Description: "ETag that they must have", Schema: text("")}
	answer := &huma.Response{Description: "as they are", Headers: map[string]*huma.Param{"ETag": {Description: "of what was done to them, for If-Match", Schema: text("")}}, Content: map[string]*huma.MediaType{"application/json": {Schema: schemaOf[bearing.Baselines](schemas)}}}
	get := &huma.Operation{Method: "GET", Path: "/v1/sensors/{name}/baselines", OperationID: "get-baselines", Summary: "What has been learnt of a sensor, by running state", Tags: []string{"sensors"}, Responses: refusals(404, 422, 500, 503),
		Parameters: []*huma.Param{name, query("limit", "of controls, the newest, 100 if not stated", &huma.Schema{Type: "integer", Minimum: ptr(1.0), Maximum: ptr(float64(bearing.MaxPage))})}}
	get.Responses["200"] = answer
	doc.AddOperation(get)
	post := &huma.Operation{Method: "POST", Path: "/v1/sensors/{name}/baselines", OperationID: "control-baselines", Summary: "Learn anew after work on the machine, learn no more, or learn on", Tags: []string{"sensors"}, Parameters: []*huma.Param{name, match},
		RequestBody: &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{"application/json": {Schema: schemaOf[bearing.BaselineControl](schemas)}}}, Responses: refusals(400, 404, 409, 412, 413, 415, 422, 500, 503)}
	post.Description = "The answer has the ten newest controls."
	post.Responses["200"] = answer
	doc.AddOperation(post)
}
