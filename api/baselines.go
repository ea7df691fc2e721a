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
	Baselines(ctx context.Context, sensor string) (bearing.Baselines, error)
	ControlBaseline(ctx context.Context, sensor string, c bearing.BaselineControl, match int64) error
}

func (s *server) baselineRoutes() {
	s.router.Method("GET", "/v1/sensors/{name}/baselines", s.handle(s.getBaselines))
	s.router.Method("POST", "/v1/sensors/{name}/baselines", s.handle(s.controlBaseline))
}

// sensorOf returns the sensor in the path of a request without a query.
func sensorOf(r *http.Request) (string, error) {
	name := chi.URLParam(r, "name")
	if !bearing.IsName(name) {
		return "", bearing.Errorf(bearing.Invalid, "sensor_name", "%q is no sensor name", bearing.Clip(name)).At("name")
	}
	if _, err := decode.Query(r.URL.RawQuery); err != nil {
		return "", err
	}
	return name, covers(r.Context(), name)
}

func (s *server) getBaselines(w http.ResponseWriter, r *http.Request) error {
	name, err := sensorOf(r)
	if err != nil {
		return err
	}
	b, err := s.baselines.Baselines(r.Context(), name)
	if err != nil {
		return err
	}
	return sendBaselines(w, b)
}

func (s *server) controlBaseline(w http.ResponseWriter, r *http.Request) error {
	name, err := sensorOf(r)
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
	if err := s.baselines.ControlBaseline(r.Context(), name, c, match); err != nil {
		return err
	}
	b, err := s.baselines.Baselines(r.Context(), name)
	if err != nil {
		return err
	}
	return sendBaselines(w, b)
}

// sendBaselines sends baselines with the ETag of what was done to them. What is learnt
// goes on under the same one: it is for If-Match, and nobody gets a 304.
func sendBaselines(w http.ResponseWriter, b bearing.Baselines) error {
	w.Header().Set("ETag", etag(b.Version))
	return sendJSON(w, http.StatusOK, b)
}

// describeBaselines adds baselines to the description.
func (s *server) describeBaselines(doc *huma.OpenAPI, refusals func(...int) map[string]*huma.Response) {
	schemas := doc.Components.Schemas
	name := &huma.Param{Name: "name", In: "path", Required: true, Schema: text("")}
	match := &huma.Param{Name: "If-Match", In: "header", Description: "ETag that they must have", Schema: text("")}
	answer := &huma.Response{Description: "as they are", Headers: map[string]*huma.Param{"ETag": {Description: "of what was done to them, for If-Match", Schema: text("")}}, Content: map[string]*huma.MediaType{"application/json": {Schema: schemaOf[bearing.Baselines](schemas)}}}
	get := &huma.Operation{Method: "GET", Path: "/v1/sensors/{name}/baselines", OperationID: "get-baselines", Summary: "What has been learnt of a sensor, by running state", Tags: []string{"sensors"}, Parameters: []*huma.Param{name}, Responses: refusals(404, 422, 500, 503)}
	get.Responses["200"] = answer
	doc.AddOperation(get)
	post := &huma.Operation{Method: "POST", Path: "/v1/sensors/{name}/baselines", OperationID: "control-baselines", Summary: "Learn anew after work on the machine, learn no more, or learn on", Tags: []string{"sensors"}, Parameters: []*huma.Param{name, match},
		RequestBody: &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{"application/json": {Schema: schemaOf[bearing.BaselineControl](schemas)}}}, Responses: refusals(400, 404, 409, 412, 413, 415, 422, 500, 503)}
	post.Responses["200"] = answer
	doc.AddOperation(post)
}
