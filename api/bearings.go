package api

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"brinell/api/decode"
	"brinell/bearing"
)

// Bearings is the catalogue. Page returns up to limit rows in the order of their designations'
// keys, after one; when PutBearing returns without error, the row is on disk and windows that name it are
// judged with it. A write is done only if check returns no error.
type Bearings interface {
	Page(after string, limit int) []bearing.KnownBearing
	Lookup(designation string) (bearing.KnownBearing, bool)
	PutBearing(ctx context.Context, b bearing.KnownBearing, check BearingCheck) (replaced bool, err error)
	DeleteBearing(ctx context.Context, designation string, check BearingCheck) error
}

// BearingCheck says whether a row of exactly the written designation may be written; there
// is false if there is none.
type BearingCheck func(now bearing.KnownBearing, there bool) error

// bearingList is a page of the catalogue.
type bearingList struct {
	Bearings []bearing.CatalogueEntry `json:"bearings" nullable:"false"`
	Next     string                   `json:"next_cursor"`
}

func (s *server) bearingRoutes() {
	s.router.Method("GET", "/v1/bearings", s.handle(s.listBearings))
	s.router.Method("GET", bearingsPath+"{designation}", s.handle(s.getBearing))
	s.router.Method("PUT", bearingsPath+"{designation}", s.handle(s.putBearing))
	s.router.Method("DELETE", bearingsPath+"{designation}", s.handle(bare(s.deleteBearing)))
}

func (s *server) listBearings(w http.ResponseWriter, r *http.Request) error {
	v, err := decode.Query(r.URL.RawQuery, "limit", "cursor")
	if err != nil {
		return err
	}
	limit, err := limitParameter(v)
	if err != nil {
		return err
	}
	after, err := cursorParameter(v)
	if err != nil {
		return err
	}
	page := bearingList{Bearings: []bearing.CatalogueEntry{}}
	err = s.inTurn(r.Context(), func() error {
		rows := s.bearings.Page(after, limit+1)
		if len(rows) > limit {
			rows = rows[:limit]
			page.Next = cursorOf(bearing.DesignationKey(rows[limit-1].Designation))
		}
		for _, b := range rows {
			page.Bearings = append(page.Bearings, b.Entry())
		}
		return nil
	})
	if err != nil {
		return err
	}
	return s.sendList(w, r, page)
}

func (s *server) getBearing(w http.ResponseWriter, r *http.Request) error {
	if _, err := decode.Query(r.URL.RawQuery); err != nil {
		return err
	}
	designation := designationOf(r)
	b, ok := s.bearings.Lookup(designation)
	if !ok {
		return bearing.Unknown(bearing.NotFound, s.bearings.Lookup, designation, "see /v1/bearings, or put its geometry or its orders here")
	}
	return sendBearing(w, r, http.StatusOK, b)
}

// designationOf returns the designation in the path. It is not chi's parameter: that is
// escaped or not, depending on the address.
func designationOf(r *http.Request) string { return strings.TrimPrefix(r.URL.Path, bearingsPath) }

func sendBearing(w http.ResponseWriter, r *http.Request, status int, b bearing.KnownBearing) error {
	doc, err := json.Marshal(b.Entry())
	if err != nil {
		return err
	}
	return sendTagged(w, r, status, bearingTag(b), doc)
}

// bearingTag is the ETag of a row: a hash of what it says. Rows have no versions, for most
// are in the program or a file.
func bearingTag(b bearing.KnownBearing) string {
	doc, err := json.Marshal(b.Entry())
	if err != nil {
		panic("api: " + err.Error()) // there are only finite numbers in a catalogue
	}
	sum := sha256.Sum256(doc)
	return `"` + hex.EncodeToString(sum[:bearingTagBytes]) + `"`
}

const bearingTagBytes = 12

// bearingCheckOf reads what a write asks of the row that is there.
func bearingCheckOf(r *http.Request) (BearingCheck, error) {
	m, none := r.Header.Get("If-Match"), r.Header.Get("If-None-Match")
	switch {
	case none != "" && none != "*":
		return nil, bearing.Errorf(bearing.Malformed, "precondition_invalid", "If-None-Match of a write is *: make it only if it is not there")
	case m != "" && m != "*" && (len(m) != 2*bearingTagBytes+2 || m[0] != '"' || m[len(m)-1] != '"'):
		return nil, bearing.Errorf(bearing.Malformed, "precondition_invalid", "If-Match %s is no ETag that this service gave: send that of a GET, with its quotes", bearing.Clip(strings.Trim(m, `"`)))
	}
	return func(now bearing.KnownBearing, there bool) error {
		version, want := int64(0), bearing.AnyVersion
		if there {
			version = 1
		}
		switch {
		case none != "":
			want = bearing.NoVersion
		case m == "*" || m != "" && there && m == bearingTag(now):
			want = bearing.SomeVersion
		case m != "":
			want = version + 1 // another
		}
		return bearing.MatchVersion(version, want)
	}, nil
}

// putBearing takes a row of the catalogue.
func (s *server) putBearing(w http.ResponseWriter, r *http.Request) error {
	if _, err := encodingOf(r); err != nil {
		return err
	}
	if m := r.Header.Get("Content-Type"); decode.MediaType(m) != "application/json" {
		return bearing.Errorf(bearing.Unsupported, "media_type_unsupported", "Content-Type %q is not read: send application/json", bearing.Clip(m))
	}
	if _, err := decode.Query(r.URL.RawQuery); err != nil {
		return err
	}
	check, err := bearingCheckOf(r)
	if err != nil {
		return err
	}
	if r.ContentLength > maxBearingBody {
		return bearingTooLarge()
	}
	own := &share{of: &s.budget, tenant: tenantOf(r)}
	defer own.release()
	body, err := s.readBody(w, r, own)
	if err != nil {
		return err
	}
	if len(body) > maxBearingBody {
		return bearingTooLarge()
	}
	b, err := decode.Bearing(body)
	if err != nil {
		return err
	}
	b.Designation = designationOf(r)
	replaced, err := s.bearings.PutBearing(r.Context(), b, check)
	if err != nil {
		return err
	}
	status := http.StatusOK
	if !replaced {
		status = http.StatusCreated
		w.Header().Set("Location", bearingsPath+url.PathEscape(b.Designation))
	}
	return sendBearing(w, r, status, b.Entry().Row()) // as it is kept
}

func (s *server) deleteBearing(w http.ResponseWriter, r *http.Request) error {
	if _, err := decode.Query(r.URL.RawQuery); err != nil {
		return err
	}
	check, err := bearingCheckOf(r)
	if err != nil {
		return err
	}
	if err := s.bearings.DeleteBearing(r.Context(), designationOf(r), check); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

const bearingsPath = "/v1/bearings/"

// maxBearingBody bounds the body of a row, whose texts are short.
const maxBearingBody = 16 << 10

func bearingTooLarge() error {
	return bearing.Errorf(bearing.TooLarge, "body_too_large", "the body is over the limit of %d bytes for a bearing: send one row", maxBearingBody).Over(maxBearingBody, 0)
}

// describeBearings adds the routes of the catalogue to the description.
func (s *server) describeBearings(doc *huma.OpenAPI, refusals func(...int) map[string]*huma.Response) {
	schemas := doc.Components.Schemas
	entry := schemaOf[bearing.CatalogueEntry](schemas)
	designation := &huma.Param{Name: "designation", In: "path", Required: true, Description: "such as 6205-2RS; upper and lower case, blanks and hyphens are alike", Schema: &huma.Schema{Type: "string", Pattern: "^[ -~]{1,64}$"}}
	match := &huma.Param{Name: "If-Match", In: "header", Description: "ETag that it must have", Schema: text("")}
	none := &huma.Param{Name: "If-None-Match", In: "header", Description: "*: only if it is not there", Schema: text("")}
	tag := map[string]*huma.Param{"ETag": {Description: "of what the row says, for If-Match", Schema: text("")}}
	add := func(method, path, id, summary string, r map[string]*huma.Response, params ...*huma.Param) *huma.Operation {
		op := &huma.Operation{Method: method, Path: path, OperationID: id, Summary: summary, Tags: []string{"bearings"}, Parameters: params, Responses: r}
		doc.AddOperation(op)
		return op
	}
	list := refusals(422, 500, 503)
	list["200"] = &huma.Response{Description: "a page, by designation", Content: map[string]*huma.MediaType{"application/json": {Schema: schemaOf[bearingList](schemas)}}}
	add("GET", "/v1/bearings", "list-bearings", "The catalogue of bearings, by designation", list,
		query("limit", "on a page, 100 if not stated", &huma.Schema{Type: "integer", Minimum: ptr(1.0), Maximum: ptr(float64(bearing.MaxPage))}),
		query("cursor", "next_cursor of the page before", text("")))
	get := refusals(404, 422, 500)
	get["200"] = &huma.Response{Description: "as it is known", Headers: tag, Content: map[string]*huma.MediaType{"application/json": {Schema: entry}}}
	add("GET", bearingsPath+"{designation}", "get-bearing", "The bearing that a window with this designation is judged with: 6205 2Z finds a 6205", get, designation)
	del := refusals(404, 409, 412, 422, 500, 503)
	del["204"] = &huma.Response{Description: "deleted"}
	add("DELETE", bearingsPath+"{designation}", "delete-bearing", "Delete a bearing that was added and that no registered sensor has", del, designation, match)

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
	put := refusals(400, 409, 412, 413, 415, 422, 500, 503)
	for status, what := range map[string]string{"201": "added", "200": "replaced"} {
		put[status] = &huma.Response{Description: what, Headers: maps.Clone(tag), Content: map[string]*huma.MediaType{"application/json": {Schema: entry}}}
	}
	put["201"].Headers["Location"] = &huma.Param{Description: "address of the bearing", Schema: text("")}
	op := add("PUT", bearingsPath+"{designation}", "put-bearing", "Add a bearing, or replace one that was added", put, designation, match, none)
	op.Description = "State geometry or orders. 201 and 200 are sent after the row is on disk."
	op.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{"application/json": {Schema: body}}}
}
