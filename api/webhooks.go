package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"brinell/bearing"
)

// Webhooks tells addresses of alarms.
type Webhooks interface {
	Test(ctx context.Context, name string) error
	Delivery(ctx context.Context, name string) (bearing.Delivery, error)
	Forget(ctx context.Context, name string) // one that is deleted
}

func (s *server) webhookRoutes() {
	s.router.Method("GET", "/v1/webhooks/{name}/delivery", s.handle(s.getDelivery))
	s.router.Method("POST", "/v1/webhooks/{name}/test", s.handle(bare(s.testWebhook)))
}

func (s *server) getDelivery(w http.ResponseWriter, r *http.Request) error {
	name, err := nameOf(r, resource{kind: bearing.KindWebhook})
	if err != nil {
		return err
	}
	d, err := s.webhooks.Delivery(r.Context(), name)
	if err != nil {
		return err
	}
	return sendJSON(w, http.StatusOK, d)
}

func (s *server) testWebhook(w http.ResponseWriter, r *http.Request) error {
	name, err := nameOf(r, resource{kind: bearing.KindWebhook})
	if err != nil {
		return err
	}
	if err := s.webhooks.Test(r.Context(), name); err != nil {
		return err
	}
	return sendJSON(w, http.StatusOK, status{"delivered"})
}

// describeWebhooks adds what can be done with webhooks beside writing them.
func (s *server) describeWebhooks(doc *huma.OpenAPI, refusals func(...int) map[string]*huma.Response) {
	schemas := doc.Components.Schemas
	name := &huma.Param{Name: "name", In: "path", Required: true, Schema: text("")}
	add := func(method, path, id, summary string, schema *huma.Schema, codes ...int) {
		op := &huma.Operation{Method: method, Path: path, OperationID: id, Summary: summary, Tags: []string{"webhooks"}, Parameters: []*huma.Param{name}, Responses: refusals(codes...)}
		op.Responses["200"] = &huma.Response{Description: summary, Content: map[string]*huma.MediaType{"application/json": {Schema: schema}}}
		doc.AddOperation(op)
	}
	state := &huma.Schema{Type: "object", Properties: map[string]*huma.Schema{"status": text("")}, Required: []string{"status"}}
	add("GET", "/v1/webhooks/{name}/delivery", "get-delivery", "How far a webhook is told", schemaOf[bearing.Delivery](schemas), 404, 422, 500, 503)
	add("POST", "/v1/webhooks/{name}/test", "test-webhook", "Send a message that is about nothing", state, 404, 409, 422, 500, 503)
}
