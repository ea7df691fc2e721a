package api

import (
	"net/http"
	"reflect"
	"strconv"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"

	"brinell/bearing"
)

// describe registers the routes that huma serves and returns the description of
// all routes: the others are added by hand, and a test compares.
func (s *server) describe() *huma.OpenAPI {
	cfg := huma.DefaultConfig("Brinell", s.cfg.Version)
	cfg.Info.Description = "Bearing fault diagnosis: windows of vibration in, stored diagnoses out."
	// Ours are at /openapi.json and /docs; huma's page loads scripts from outside.
	cfg.OpenAPIPath, cfg.DocsPath, cfg.SchemasPath = "", "", ""
	cfg.CreateHooks = nil // no $schema links in answers
	h := humachi.New(s.router.With(s.whole), cfg)
	doc := h.OpenAPI()
	schemas := doc.Components.Schemas
	schemas.RegisterTypeAlias(reflect.TypeFor[bearing.Values](), reflect.TypeFor[map[string]float64]())
	problem := schemas.Schema(reflect.TypeFor[problem](), true, "Problem")
	refusals := func(codes ...int) map[string]*huma.Response {
		out := make(map[string]*huma.Response)
		for _, c := range codes {
			r := &huma.Response{Description: "refused: see code and detail", Content: map[string]*huma.MediaType{problemType: {Schema: problem}}}
			switch c {
			case http.StatusServiceUnavailable, http.StatusTooManyRequests:
				r.Headers = map[string]*huma.Param{"Retry-After": {Description: "seconds until it is worth trying again", Schema: &huma.Schema{Type: "integer"}}}
			case http.StatusUnauthorized:
				r.Headers = map[string]*huma.Param{"WWW-Authenticate": {Description: "Bearer", Schema: text("")}}
			}
			out[strconv.Itoa(c)] = r
		}
		return out
	}

	huma.Register(h, huma.Operation{
		OperationID: "get-diagnosis", Method: "GET", Path: "/v1/diagnoses/{id}", Tags: []string{"diagnoses"},
		Summary: "One diagnosis", Responses: refusals(404, 422, 500, 503),
	}, s.diagnosis)
	page := refusals(422, 500, 503)
	page["200"] = &huma.Response{Description: "OK", Content: map[string]*huma.MediaType{"application/json": {Schema: schemas.Schema(reflect.TypeFor[bearing.Page](), true, "")}}}
	huma.Register(h, huma.Operation{
		OperationID: "list-diagnoses", Method: "GET", Path: "/v1/diagnoses", Tags: []string{"diagnoses"},
		Summary: "Diagnoses, the newest start first", Responses: page,
		Parameters: []*huma.Param{
			query("sensor", "name of the sensor", text("")),
			query("fault", "class", &huma.Schema{Type: "string", Enum: faults()}),
			query("from", "start at or after", text("date-time")),
			query("to", "start before", text("date-time")),
			query("limit", "diagnoses on a page, 100 if not stated", &huma.Schema{Type: "integer", Minimum: ptr(1.0), Maximum: ptr(float64(bearing.MaxPage))}),
			query("cursor", "next_cursor of the page before", text("")),
		},
	}, s.diagnoses)

	page["200"].Headers = nil // the content type, which stands beside

	s.describeBearings(doc, refusals)
	s.describeResources(doc, refusals)
	s.describeAlarms(doc, refusals)
	s.describeStream(doc, refusals)
	s.describeSignals(doc, refusals)
	s.describeBaselines(doc, refusals)
	s.describeWebhooks(doc, refusals)
	s.describeModels(doc, refusals)

	// huma describes its own error model beside ours, but no answer has its form.
	delete(schemas.Map(), "ErrorModel")
	delete(schemas.Map(), "ErrorDetail")
	schemas.Map()["Page"].Properties["diagnoses"].Nullable = false
	doc.Extensions = map[string]any{"x-error-codes": codes}

	diagnosis := schemas.Schema(reflect.TypeFor[bearing.Diagnosis](), true, "Diagnosis")
	answer := func(what string) *huma.Response {
		return &huma.Response{Description: what, Content: map[string]*huma.MediaType{"application/json": {Schema: diagnosis}}}
	}
	post := &huma.Operation{
		OperationID: "post-window", Method: "POST", Path: "/v1/sensors/{sensor}/windows", Tags: []string{"windows"},
		Summary:     "Diagnose and store a window",
		Description: "201 and 200 are sent after diagnosis and samples are on disk. In all forms but JSON the body holds the samples and the fields stand in the query. Content-Encoding gzip and zstd are read.",
		Parameters: append([]*huma.Param{{Name: "sensor", In: "path", Required: true, Schema: &huma.Schema{Type: "string", Pattern: "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"}},
			{Name: "Idempotency-Key", In: "header", Description: "of the window: with another window within a day it is refused; not needed, for sensor, axis and start name a window", Schema: text("")}},
			query("start", "raw form: as in JSON", text("date-time")),
			query("sample_rate_hz", "raw form: as in JSON", number()),
			query("unit", "raw form: as in JSON", units()),
			query("shaft_speed_rpm", "raw form: as in JSON", number()),
			query("bearing", "raw form: as in JSON", text("")),
			query("axis", "raw form: as in JSON", text("")),
			query("dtype", "raw form: f32le (default) or i16le", &huma.Schema{Type: "string", Enum: []any{"f32le", "i16le"}}),
			query("scale", "integers: value of one count in units; audio/wav: of full scale", number()),
			query("channel", "files of several: which, from 1 on; text/csv and MAT: its name, too", text("")),
		),
		RequestBody: &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
			"application/json":         {Schema: windowSchema()},
			"application/octet-stream": {Schema: text("binary")},
			"application/x-npy":        {Schema: text("binary")},
			"audio/wav":                {Schema: text("binary")},
			// Rate, unit and start are those of the query, the file or the registered sensor.
			"text/csv":                  {Schema: text("")},
			"application/x-matlab-data": {Schema: text("binary")},
		}},
		Responses: refusals(400, 409, 413, 415, 422, 500, 503),
	}
	post.Responses["201"] = answer("stored")
	post.Responses["201"].Headers = map[string]*huma.Param{"Location": {Description: "address of the diagnosis", Schema: text("")},
		"Link": {Description: "address of its picture, as alternate", Schema: text("")}}
	post.Responses["200"] = answer("stored before: the first diagnosis, duplicate true")
	doc.AddOperation(post)
	bulk := &huma.Operation{
		OperationID: "post-windows", Method: "POST", Path: "/v1/windows", Tags: []string{"windows"},
		Summary:     "Diagnose and store many windows",
		Description: "A window as JSON with its sensor on each line. Each gets a line of the answer, in their order, as it is stored or refused; a last line says how many were read. A line that is too long ends the stream.",
		RequestBody: &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{ndjson: {Schema: windowSchema()}}},
		Responses:   refusals(400, 413, 415, 422, 500, 503),
	}
	bulk.Responses["200"] = &huma.Response{Description: "a result on each line", Content: map[string]*huma.MediaType{ndjson: {Schema: schemaOf[lineResult](schemas)}}}
	doc.AddOperation(bulk)

	state := &huma.Schema{Type: "object", Properties: map[string]*huma.Schema{"status": describe(text(""), "ok or ready")}, Required: []string{"status"}}
	plain := func(id, path, what, media string, schema *huma.Schema) {
		op := &huma.Operation{OperationID: id, Method: "GET", Path: path, Tags: []string{"operation"}, Summary: what, Responses: map[string]*huma.Response{
			"200": {Description: what, Content: map[string]*huma.MediaType{media: {Schema: schema}}}}}
		doc.AddOperation(op)
	}
	plain("healthz", "/healthz", "The process lives", "application/json", state)
	plain("readyz", "/readyz", "Windows can be taken", "application/json", state)
	doc.Paths["/readyz"].Get.Responses["503"] = refusals(503)["503"]
	plain("metrics", "/metrics", "Prometheus metrics", "text/plain", nil)
	plain("openapi", "/openapi.json", "This document", "application/openapi+json", nil)
	plain("docs", "/docs", "This document for people", "text/html", nil)
	for _, op := range []*huma.Operation{post, bulk} {
		op.Parameters = append(op.Parameters, &huma.Param{Name: "Content-Encoding", In: "header", Description: "of the body, one of them", Schema: &huma.Schema{Type: "string", Enum: []any{"gzip", "zstd"}}})
	}
	describeKeys(doc, refusals)
	return doc
}

// describeKeys adds what all routes have in common that need a key, by the table of scopes,
// and what all have that take a body.
func describeKeys(doc *huma.OpenAPI, refusals func(...int) map[string]*huma.Response) {
	const scheme = "key"
	doc.Components.SecuritySchemes = map[string]*huma.SecurityScheme{scheme: {Type: "http", Scheme: "bearer",
		Description: "An API key, which brinell keys create makes. Roles are its scopes; admin has all. On a loopback address none is needed until there is one."}}
	for path, item := range doc.Paths {
		for method, op := range map[string]*huma.Operation{"GET": item.Get, "PUT": item.Put, "POST": item.Post, "DELETE": item.Delete} {
			if op == nil {
				continue
			}
			var also []int
			if op.RequestBody != nil {
				also = append(also, http.StatusRequestTimeout)
			}
			if method != "GET" {
				also = append(also, http.StatusUnsupportedMediaType)
			}
			if scope := scopes[method+" "+path].scope; scope != open {
				op.Security = []map[string][]string{{scheme: {string(scope)}}}
				also = append(also, http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusTooManyRequests)
			}
			for status, r := range refusals(also...) {
				if op.Responses[status] == nil {
					op.Responses[status] = r
				}
			}
		}
	}
}

// windowSchema describes the JSON form of a window, which no Go type has: the
// decoder reads it by hand.
func windowSchema() *huma.Schema {
	s := &huma.Schema{Type: "object", AdditionalProperties: false,
		Required: []string{"start", "samples"},
		Properties: map[string]*huma.Schema{
			"sensor":          describe(text(""), "needed in POST /v1/windows; elsewhere that of the address"),
			"start":           describe(text("date-time"), "time of the first sample; sensor, axis and start name the window"),
			"sample_rate_hz":  describe(number(), "sampling rate, samples a second; left out, that of the registered sensor"),
			"unit":            describe(units(), "unit of the samples; left out, that of the registered sensor"),
			"shaft_speed_rpm": describe(number(), "leave out if unknown"),
			"bearing":         describe(text(""), "designation, such as 6205-2RS"),
			"axis":            describe(text(""), "of a sensor with several"),
			"samples":         {Type: "array", Items: number(), Description: "acceleration"},
		}}
	return s
}

// schemaOf returns the schema of a type, by reference.
func schemaOf[T any](r huma.Registry) *huma.Schema {
	return r.Schema(reflect.TypeFor[T](), true, "")
}

func query(name, what string, s *huma.Schema) *huma.Param {
	return &huma.Param{Name: name, In: "query", Description: what, Schema: s}
}

func text(format string) *huma.Schema { return &huma.Schema{Type: "string", Format: format} }
func number() *huma.Schema            { return &huma.Schema{Type: "number"} }
func units() *huma.Schema             { return &huma.Schema{Type: "string", Enum: []any{"g", "m/s2", "mm/s"}} }
func ptr[T any](v T) *T               { return &v }

func describe(s *huma.Schema, what string) *huma.Schema {
	s.Description = what
	return s
}

func faults() []any {
	var out []any
	for _, f := range bearing.Verdicts {
		out = append(out, string(f))
	}
	return out
}
