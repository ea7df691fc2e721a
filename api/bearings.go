package api

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"brinell/internal/bearing"
)

// Bearings is the catalogue. Rows are in the order of their designations; when
// PutBearing returns without error, the row is on disk and windows that name it are
// judged with it.
type Bearings interface {
	Rows() []bearing.KnownBearing
	Lookup(designation string) (bearing.KnownBearing, bool)
	PutBearing(ctx context.Context, b bearing.KnownBearing) (replaced bool, err error)
}

type listBearings struct{ rawQuery }

type allBearings struct {
	Body bearingList
}

// bearingList is the whole catalogue.
type bearingList struct {
	Bearings []bearing.CatalogueEntry `json:"bearings" nullable:"false"`
}

type getBearing struct {
	rawQuery
	Designation string `path:"designation" doc:"such as 6205-2RS; upper and lower case, blanks and hyphens are alike, and 6205 2Z finds a 6205"`
}

type oneBearing struct{ Body bearing.CatalogueEntry }

func (s *server) listBearings(ctx context.Context, in *listBearings) (*allBearings, error) {
	if _, err := parseQuery(in.query); err != nil {
		return nil, s.humaError(ctx, err)
	}
	out := &allBearings{bearingList{[]bearing.CatalogueEntry{}}}
	for _, b := range s.bearings.Rows() {
		out.Body.Bearings = append(out.Body.Bearings, b.Entry())
	}
	return out, nil
}

func (s *server) bearing(ctx context.Context, in *getBearing) (*oneBearing, error) {
	if _, err := parseQuery(in.query); err != nil {
		return nil, s.humaError(ctx, err)
	}
	designation := strings.TrimPrefix(in.path, bearingsPath)
	b, ok := s.bearings.Lookup(designation)
	if !ok {
		return nil, s.humaError(ctx, bearing.Errorf(bearing.NotFound, "bearing_unknown", "bearing %q is not in the catalogue: see /v1/bearings, or put its geometry or its orders here", bearing.Clip(designation)))
	}
	return &oneBearing{b.Entry()}, nil
}

// putBearing takes a row of the catalogue. It is no handler of huma's, which would
// refuse bodies in its own words.
func (s *server) putBearing(w http.ResponseWriter, r *http.Request) error {
	if _, err := encodingOf(r); err != nil {
		return err
	}
	if m := r.Header.Get("Content-Type"); mediaType(m) != "application/json" {
		return bearing.Errorf(bearing.Unsupported, "media_type_unsupported", "Content-Type %q is not read: send application/json", bearing.Clip(m))
	}
	if _, err := parseQuery(r.URL.RawQuery); err != nil {
		return err
	}
	if r.ContentLength > maxBearingBody {
		return bearingTooLarge()
	}
	own := &share{of: &s.budget}
	defer own.release()
	body, err := s.readBody(w, r, own)
	if err != nil {
		return err
	}
	b, err := decodeBearing(body)
	if err != nil {
		return err
	}
	// Not chi's parameter: that is escaped or not, depending on the address.
	b.Designation = strings.TrimPrefix(r.URL.Path, bearingsPath)
	replaced, err := s.bearings.PutBearing(r.Context(), b)
	if err != nil {
		return err
	}
	status := http.StatusOK
	if !replaced {
		status = http.StatusCreated
		w.Header().Set("Location", bearingsPath+url.PathEscape(b.Designation))
	}
	return sendJSON(w, status, b.Entry())
}

const bearingsPath = "/v1/bearings/"

// maxBearingBody bounds the body of a row, whose texts are short.
const maxBearingBody = 16 << 10

func bearingTooLarge() error {
	return bearing.Errorf(bearing.TooLarge, "body_too_large", "the body is over the limit of %d bytes for a bearing: send one row", maxBearingBody)
}

// decodeBearing reads a row without its designation as a JSON object, as strictly as a
// window is read.
func decodeBearing(b []byte) (row bearing.KnownBearing, err error) {
	if len(b) > maxBearingBody {
		return row, bearingTooLarge()
	}
	if i := invalidUTF8(b); i >= 0 {
		return row, bearing.Errorf(bearing.Malformed, "invalid_utf8", "the body is not valid UTF-8").At("byte " + strconv.Itoa(i))
	}
	s := &scanner{b: b}
	if s.peek() == 0 && s.i == len(b) {
		return row, bearing.Errorf(bearing.Malformed, "body_empty", "the body is blank: send geometry or orders")
	}
	if s.peek() != '{' {
		return row, bearing.Errorf(bearing.Malformed, "json_malformed", "the body is no JSON object")
	}
	var e bearing.CatalogueEntry
	var g bearing.GeometryEntry
	var orders bool
	err = s.object("", []string{"geometry", "orders", "source", "licence"}, func(key string) (err error) {
		switch key {
		case "geometry":
			e.Geometry = &g
			return s.numbers(key, []string{"elements", "element_mm", "pitch_mm", "contact_deg"}, func(i int, v float64) error {
				if i == 0 {
					if g.Elements = int(v); float64(g.Elements) != v {
						return bearing.Errorf(bearing.Invalid, "wrong_type", "field geometry/elements must be a whole number").At("/geometry/elements")
					}
					return nil
				}
				*[]*float64{&g.ElementMM, &g.PitchMM, &g.ContactDeg}[i-1] = v
				return nil
			})
		case "orders":
			orders = true
			return s.numbers(key, []string{"bpfo", "bpfi", "bsf2", "ftf"}, func(i int, v float64) error {
				*[]*float64{&e.Orders.BPFO, &e.Orders.BPFI, &e.Orders.BSF2, &e.Orders.FTF}[i] = v
				return nil
			})
		case "source":
			e.Source, err = s.textField(key)
		case "licence":
			e.Licence, err = s.textField(key)
		}
		return err
	})
	if err != nil {
		return row, err
	}
	if s.peek(); s.i != len(b) {
		return row, bearing.Errorf(bearing.Malformed, "trailing_data", "something stands after the JSON object").At("byte " + strconv.Itoa(s.i))
	}
	if e.Geometry != nil && orders {
		return row, bearing.Errorf(bearing.Invalid, "bearing_invalid", "both geometry and orders: state one, the orders follow from the geometry").At("/orders")
	}
	return e.Row(), nil
}

// object reads the object that begins here, at a JSON pointer: f reads the value of
// each key, of which only keys may stand there, each once.
func (s *scanner) object(at string, keys []string, f func(key string) error) error {
	s.i++ // its bracket, which the caller has seen
	seen := make([]bool, len(keys))
	if s.peek() == '}' {
		s.i++
		return nil
	}
	for {
		key, err := s.text()
		if err != nil {
			return err
		}
		k := slices.Index(keys, key)
		if k < 0 {
			return bearing.Errorf(bearing.Malformed, "unknown_field", "field %q is not known: use %s", bearing.Clip(key), strings.Join(keys, ", ")).At(at + pointer(key))
		}
		if seen[k] {
			return bearing.Errorf(bearing.Malformed, "duplicate_field", "field %q stands twice", key).At(at + pointer(key))
		}
		seen[k] = true
		if s.peek() != ':' {
			return s.malformed("a colon is missing")
		}
		s.i++
		if err := f(key); err != nil {
			return err
		}
		switch s.peek() {
		case ',':
			s.i++
		case '}':
			s.i++
			return nil
		default:
			return s.malformed("a comma or the end of the object is missing")
		}
	}
}

// numbers reads the value of field: an object of numbers.
func (s *scanner) numbers(field string, keys []string, f func(i int, v float64) error) error {
	if s.peek() != '{' {
		return s.wrongType(field, "an object")
	}
	return s.object("/"+field, keys, func(key string) error {
		v, err := s.numberField(field + "/" + key)
		if err != nil {
			return err
		}
		return f(slices.Index(keys, key), v)
	})
}

// describeBearings adds the routes of the catalogue to the description.
func (s *server) describeBearings(h huma.API, refusals func(...int) map[string]*huma.Response) {
	huma.Register(h, huma.Operation{
		OperationID: "list-bearings", Method: "GET", Path: "/v1/bearings", Tags: []string{"bearings"},
		Summary: "The catalogue of bearings, by designation", Responses: refusals(422, 500),
	}, s.listBearings)
	huma.Register(h, huma.Operation{
		OperationID: "get-bearing", Method: "GET", Path: bearingsPath + "{designation}", Tags: []string{"bearings"},
		Summary: "The bearing that a window with this designation is judged with", Responses: refusals(404, 422, 500),
	}, s.bearing)

	number := func(what string) *huma.Schema { return describe(number(), what) }
	object := func(required []string, p map[string]*huma.Schema) *huma.Schema {
		return &huma.Schema{Type: "object", AdditionalProperties: false, Required: required, Properties: p}
	}
	body := object(nil, map[string]*huma.Schema{
		"geometry": object([]string{"elements", "element_mm", "pitch_mm"}, map[string]*huma.Schema{
			"elements":    {Type: "integer", Description: "number of rolling elements"},
			"element_mm":  number("diameter of a rolling element"),
			"pitch_mm":    number("diameter of the circle through the elements' centres"),
			"contact_deg": number("contact angle, 0 if left out"),
		}),
		"orders": object([]string{"bpfo", "bpfi", "bsf2", "ftf"}, map[string]*huma.Schema{
			"bpfo": number("outer race, multiple of the shaft speed"),
			"bpfi": number("inner race"),
			"bsf2": number("rolling element: twice its spin frequency"),
			"ftf":  number("cage"),
		}),
		"source":  describe(text(""), "who publishes the figures"),
		"licence": describe(text(""), "a note on their use"),
	})
	body.OneOf = []*huma.Schema{{Required: []string{"geometry"}}, {Required: []string{"orders"}}}
	entry := h.OpenAPI().Paths[bearingsPath+"{designation}"].Get.Responses["200"].Content["application/json"].Schema
	op := &huma.Operation{
		OperationID: "put-bearing", Method: "PUT", Path: bearingsPath + "{designation}", Tags: []string{"bearings"},
		Summary:     "Add a bearing, or replace one that was added",
		Description: "State geometry or orders. 201 and 200 are sent after the row is on disk.",
		Parameters:  []*huma.Param{{Name: "designation", In: "path", Required: true, Schema: &huma.Schema{Type: "string", Pattern: "^[ -~]{1,64}$"}}},
		RequestBody: &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{"application/json": {Schema: body}}},
		Responses:   refusals(400, 409, 413, 415, 422, 500, 503),
	}
	for status, what := range map[string]string{"201": "added", "200": "replaced"} {
		op.Responses[status] = &huma.Response{Description: what, Content: map[string]*huma.MediaType{"application/json": {Schema: entry}}}
	}
	op.Responses["201"].Headers = map[string]*huma.Param{"Location": {Description: "address of the bearing", Schema: text("")}}
	h.OpenAPI().AddOperation(op)
}
