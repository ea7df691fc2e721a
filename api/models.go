package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-chi/chi/v5"

	"brinell/api/decode"
	"brinell/bearing"
)

// Models keeps model files and says which judges windows. What Add, Promote, Rollback and
// Delete return is on disk.
type Models interface {
	Models(ctx context.Context) (bearing.ModelList, error)
	Model(ctx context.Context, digest string) (bearing.ModelInfo, error)
	Add(ctx context.Context, b []byte, by string) (i bearing.ModelInfo, created bool, err error)
	Promote(ctx context.Context, digest, by string, match int64) (bearing.ModelInfo, error)
	Rollback(ctx context.Context, by string, match int64) (bearing.ModelInfo, error)
	File(ctx context.Context, digest string) ([]byte, error)
	Delete(ctx context.Context, digest, by string) error
}

// maxModelBody bounds a model file.
const maxModelBody = 16 << 20

func (s *server) modelRoutes() {
	s.router.Method("GET", "/v1/models", s.handle(s.listModels))
	s.router.Method("POST", "/v1/models", s.handle(s.addModel))
	s.router.Method("GET", "/v1/models/{digest}", s.handle(s.getModel))
	s.router.Method("POST", "/v1/models/{digest}/promote", s.handle(bare(s.promoteModel)))
	s.router.Method("POST", "/v1/models/rollback", s.handle(bare(s.rollbackModel)))
	s.router.Method("GET", "/v1/models/{digest}/file", s.handle(s.getModelFile))
	s.router.Method("DELETE", "/v1/models/{digest}", s.handle(bare(s.deleteModel)))
}

func (s *server) listModels(w http.ResponseWriter, r *http.Request) error {
	if _, err := decode.Query(r.URL.RawQuery); err != nil {
		return err
	}
	var list bearing.ModelList
	err := s.inTurn(r.Context(), func() (err error) {
		list, err = s.models.Models(r.Context())
		return err
	})
	if err != nil {
		return err
	}
	w.Header().Set("ETag", etag(list.Version))
	return s.sendList(w, r, list)
}

func (s *server) getModel(w http.ResponseWriter, r *http.Request) error {
	if _, err := decode.Query(r.URL.RawQuery); err != nil {
		return err
	}
	var i bearing.ModelInfo
	err := s.look(r, func() (err error) {
		i, err = s.models.Model(r.Context(), chi.URLParam(r, "digest"))
		return err
	})
	if err != nil {
		return err
	}
	return sendJSON(w, http.StatusOK, i)
}

// getModelFile sends a model as it came, to be kept elsewhere or given to brinell replay.
func (s *server) getModelFile(w http.ResponseWriter, r *http.Request) error {
	if _, err := decode.Query(r.URL.RawQuery); err != nil {
		return err
	}
	digest := chi.URLParam(r, "digest")
	var b []byte
	err := s.look(r, func() (err error) {
		b, err = s.models.File(r.Context(), digest)
		return err
	})
	if err != nil {
		return err
	}
	w.Header().Set("Content-Disposition", `attachment; filename="`+digest+`.safetensors"`)
	return s.sendLong(w, r, "application/octet-stream", b)
}

func (s *server) deleteModel(w http.ResponseWriter, r *http.Request) error {
	if _, err := decode.Query(r.URL.RawQuery); err != nil {
		return err
	}
	if err := s.models.Delete(r.Context(), chi.URLParam(r, "digest"), who(r)); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// who names the key of a request, "" without one.
func who(r *http.Request) string {
	if k := keyOf(r.Context()); k != nil {
		return k.Name
	}
	return ""
}

func (s *server) addModel(w http.ResponseWriter, r *http.Request) error {
	if _, err := decode.Query(r.URL.RawQuery); err != nil {
		return err
	}
	if _, err := encodingOf(r); err != nil {
		return err
	}
	if m := r.Header.Get("Content-Type"); decode.MediaType(m) != "application/octet-stream" {
		return bearing.Errorf(bearing.Unsupported, "media_type_unsupported", "Content-Type %q is not read: send the model file as application/octet-stream", bearing.Clip(m))
	}
	tooLarge := bearing.Errorf(bearing.TooLarge, "body_too_large", "the body is over the limit of %d bytes for a model", maxModelBody).Over(maxModelBody, float64(max(r.ContentLength, 0)))
	if r.ContentLength > maxModelBody {
		return tooLarge
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxModelBody)
	own := &share{of: &s.budget, tenant: tenantOf(r)}
	defer own.release()
	b, err := s.readBody(w, r, own)
	if err != nil {
		return err
	}
	i, created, err := s.models.Add(r.Context(), b, who(r))
	if err != nil {
		return err
	}
	status := http.StatusOK
	if created {
		status = http.StatusCreated
		w.Header().Set("Location", "/v1/models/"+i.Digest)
	}
	return sendJSON(w, status, i)
}

func (s *server) promoteModel(w http.ResponseWriter, r *http.Request) error {
	if _, err := decode.Query(r.URL.RawQuery); err != nil {
		return err
	}
	match, err := matchOrNone(r)
	if err != nil {
		return err
	}
	i, err := s.models.Promote(r.Context(), chi.URLParam(r, "digest"), who(r), match)
	if err != nil {
		return err
	}
	return sendActive(w, i)
}

func (s *server) rollbackModel(w http.ResponseWriter, r *http.Request) error {
	if _, err := decode.Query(r.URL.RawQuery); err != nil {
		return err
	}
	match, err := matchOrNone(r)
	if err != nil {
		return err
	}
	i, err := s.models.Rollback(r.Context(), who(r), match)
	if err != nil {
		return err
	}
	return sendActive(w, i)
}

// sendActive sends the model that judges from now on.
func sendActive(w http.ResponseWriter, i bearing.ModelInfo) error {
	w.Header().Set("Content-Location", "/v1/models/"+i.Digest)
	w.Header().Set("ETag", etag(i.Version))
	return sendJSON(w, http.StatusOK, i)
}

// describeModels adds models to the description.
func (s *server) describeModels(doc *huma.OpenAPI, refusals func(...int) map[string]*huma.Response) {
	schemas := doc.Components.Schemas
	info := schemaOf[bearing.ModelInfo](schemas)
	digest := &huma.Param{Name: "digest", In: "path", Required: true, Schema: text("")}
	add := func(method, path, id, summary string, schema *huma.Schema, codes []int, params ...*huma.Param) *huma.Operation {
		op := &huma.Operation{Method: method, Path: path, OperationID: id, Summary: summary, Tags: []string{"models"}, Parameters: params, Responses: refusals(codes...)}
		op.Responses["200"] = &huma.Response{Description: summary, Content: map[string]*huma.MediaType{"application/json": {Schema: schema}}}
		doc.AddOperation(op)
		return op
	}
	tag := map[string]*huma.Param{"ETag": {Description: "of the changes of the active model, for If-Match", Schema: text("")}}
	match := &huma.Param{Name: "If-Match", In: "header", Description: "ETag of /v1/models that must hold", Schema: text("")}
	add("GET", "/v1/models", "list-models", "All models, and the changes of the active one", schemaOf[bearing.ModelList](schemas), []int{422, 500, 503}).Responses["200"].Headers = tag
	add("GET", "/v1/models/{digest}", "get-model", "Verify a model and describe it", info, []int{404, 422, 500, 503}, digest)
	post := add("POST", "/v1/models", "add-model", "Verify a model file and keep it: its checksums, its golden windows, its card", info, []int{400, 409, 413, 415, 422, 500, 503})
	post.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{"application/octet-stream": {Schema: text("binary")}}}
	post.Responses["201"] = &huma.Response{Description: "kept", Content: map[string]*huma.MediaType{"application/json": {Schema: info}}}
	add("POST", "/v1/models/{digest}/promote", "promote-model", "Judge windows by a model from now on, after it was warmed up", info, []int{400, 404, 409, 412, 422, 500, 503}, digest, match).Responses["200"].Headers = tag
	add("POST", "/v1/models/rollback", "rollback-model", "Judge windows by the model before again; a second time by the one before that", info, []int{400, 404, 409, 412, 422, 500, 503}, match).Responses["200"].Headers = tag
	file := add("GET", "/v1/models/{digest}/file", "get-model-file", "Verify a model and send its file", info, []int{404, 422, 500, 503}, digest)
	file.Responses["200"].Content = map[string]*huma.MediaType{"application/octet-stream": {Schema: text("binary")}}
	gone := add("DELETE", "/v1/models/{digest}", "delete-model", "Forget a stored model that is not the active one", info, []int{404, 409, 422, 500, 503}, digest)
	delete(gone.Responses, "200")
	gone.Responses["204"] = &huma.Response{Description: "gone"}
}
