package api

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"brinell/api/decode"
	"brinell/bearing"
	"brinell/internal/admit"
	"brinell/internal/keys"
)

func (s *server) listResources(k resource) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		known := []string{"limit", "cursor"}
		if k.kind == bearing.KindSensor {
			known = append(known, "registered")
		}
		if k.sensor != nil {
			known = append(known, "sensor")
		}
		v, err := decode.Query(r.URL.RawQuery, known...)
		if err != nil {
			return err
		}
		sensor, one := v["sensor"]
		if one && !bearing.IsName(sensor) {
			return bearing.Errorf(bearing.Invalid, "sensor_name", "%q is no sensor name", bearing.Clip(sensor)).At("sensor")
		}
		if one {
			if err := covers(r.Context(), sensor); err != nil {
				return err
			}
		}
		list, slice := s.resources.Resources, pageSlice
		switch reg, ok := v["registered"]; {
		case reg == "false":
			list, slice = s.unregistered, bearing.MaxPage+1 // names alone, of which each slice reads all
		case ok && reg != "true":
			return bearing.Errorf(bearing.Invalid, "parameter_invalid", "registered %q is neither true nor false", bearing.Clip(reg)).At("registered")
		}
		limit, err := limitParameter(v)
		if err != nil {
			return err
		}
		after, err := cursorParameter(v)
		if err != nil {
			return err
		}
		const most = 3 * (pageBytes + pageSlice*maxResourceBody) // as it is read, and as it is sent
		if err := s.cfg.Memory.Wait(r.Context(), admit.Show, most, s.lookWait, "a page"); err != nil {
			return err
		}
		defer s.cfg.Memory.Give(most)
		var rows []bearing.Resource
		next := ""
		err = s.inTurn(r.Context(), func() (err error) {
			rows, next, err = pageOf(after, limit, slice, func(after string, limit int) ([]bearing.Resource, func(bearing.Resource) string, error) {
				return s.reached(r.Context(), k, sensor, list, after, limit)
			})
			return err
		})
		if err != nil {
			return err
		}
		docs := make([]json.RawMessage, len(rows))
		for i, row := range rows {
			if docs[i], err = k.shown(row.Doc); err != nil {
				return err
			}
		}
		return s.sendList(w, r, map[string]any{k.plural: docs, "next_cursor": next})
	}
}

// A page ends when its documents come to so many bytes, too, and is read in slices of so many.
const (
	pageBytes = 1 << 20
	pageSlice = 16
)

// pageOf reads a page after a key in slices, and returns the cursor of the next, "" if there is none.
// A page has a document at least, and no more than pageBytes and a slice.
func pageOf(after string, limit, slice int, read func(after string, limit int) ([]bearing.Resource, func(bearing.Resource) string, error)) (rows []bearing.Resource, next string, err error) {
	for size := 0; ; {
		want := min(slice, limit-len(rows)+1) // one more says that there is a next page
		part, key, err := read(after, want)
		if err != nil {
			return nil, "", err
		}
		rows = append(rows, part...)
		for _, row := range part {
			size += len(row.Doc)
		}
		switch {
		case len(rows) > limit:
			rows = rows[:limit]
			return rows, cursorOf(key(rows[limit-1])), nil
		case len(part) < want:
			return rows, "", nil
		}
		after = key(part[len(part)-1])
		if size >= pageBytes {
			return rows, cursorOf(after), nil
		}
	}
}

// lister returns resources of a kind with keys after one, in the order of their keys.
type lister func(ctx context.Context, kind, after string, limit int) ([]bearing.Resource, error)

// reached returns up to limit resources after a place, and what names the place of one: of one sensor if it is named, that the
// key of a request may have to do with: it is shown a list without the others. They are in the
// order of their keys; where they are of several sensors of a limited key, in that of the
// sensors first. What others have is passed over, not read.
func (s *server) reached(ctx context.Context, k resource, sensor string, list lister, after string, limit int) ([]bearing.Resource, func(bearing.Resource) string, error) {
	byKey := func(row bearing.Resource) string { return row.Key }
	key := keyOf(ctx)
	limited := key != nil && len(key.Sensors) > 0
	switch {
	case sensor != "":
		rows, err := s.resources.ResourcesOf(ctx, k.kind, bearing.OnePart(sensor), bearing.Part{Of: sensor, Key: after}, limit)
		return rows, byKey, err
	case limited && k.sensor != nil:
		of, name, ok := strings.Cut(after, "/")
		if after != "" && !ok {
			return nil, nil, bearing.Errorf(bearing.Invalid, "cursor_invalid", "cursor %q is not one that this service gave this key: begin without one", bearing.Clip(cursorOf(after))).At("cursor")
		}
		rows, err := s.resources.ResourcesOf(ctx, k.kind, key, bearing.Part{Of: of, Key: name}, limit)
		return rows, func(row bearing.Resource) string { return k.sensor(row.Doc) + "/" + row.Key }, err
	case limited && k.kind == bearing.KindSensor:
		rows, err := sensorsOf(ctx, key, list, after, limit)
		return rows, byKey, err
	}
	rows, err := list(ctx, k.kind, after, limit)
	return rows, byKey, err
}

// passedOver is how many sensors are read at a time where most are of others.
const passedOver = 128

// sensorsOf returns up to limit sensors after a name that a key covers.
func sensorsOf(ctx context.Context, key *keys.Key, list lister, after string, limit int) (out []bearing.Resource, err error) {
	from, more := key.Next(after)
	for slice := limit; more; slice = passedOver { // most may be of others, where a pattern begins with *
		if from > after {
			after = justBefore(from)
		}
		rows, err := list(ctx, bearing.KindSensor, after, slice)
		if err != nil {
			return nil, err
		}
		more = len(rows) == slice
		for _, row := range rows {
			if after = row.Key; key.Covers(after) {
				if out = append(out, row); len(out) == limit {
					return out, nil
				}
			} else if from, more = key.Next(after); !more || from > after {
				break
			}
		}
	}
	return out, nil
}

// justBefore is a text after all names that are before one, and before it.
func justBefore(name string) string {
	last := len(name) - 1
	return name[:last] + string(name[last]-1) + "~" // no name has a tilde, which is after all that they have
}

// unregistered lists sensors that only sent windows, as if they were registered by their
// names alone.
func (s *server) unregistered(ctx context.Context, _, after string, limit int) ([]bearing.Resource, error) {
	names, err := s.resources.Unregistered(ctx, after, limit)
	rows := make([]bearing.Resource, len(names))
	for i, name := range names {
		rows[i] = bearing.Resource{Key: name, Doc: json.RawMessage(`{"name":"` + name + `"}`)} // a name needs no escapes
	}
	return rows, err
}

// limitParameter reads the size of a page.
func limitParameter(v map[string]string) (int, error) {
	s, ok := v["limit"]
	if !ok {
		return bearing.DefaultPage, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > bearing.MaxPage {
		return 0, bearing.Errorf(bearing.Invalid, "limit_out_of_range", "limit %q is not a number in 1..%d", bearing.Clip(s), bearing.MaxPage).At("limit")
	}
	return n, nil
}

// cursorParameter reads the key after which a page begins, and cursorOf writes it.
func cursorParameter(v map[string]string) (after string, err error) {
	b, err := base64.RawURLEncoding.DecodeString(v["cursor"])
	if err != nil {
		return "", bearing.Errorf(bearing.Invalid, "cursor_invalid", "cursor %q is not one that this service gave: begin without one", bearing.Clip(v["cursor"])).At("cursor")
	}
	return string(b), nil
}

func cursorOf(key string) string { return base64.RawURLEncoding.EncodeToString([]byte(key)) }

// describeResources adds the routes of all kinds to the description.
func (s *server) describeResources(doc *huma.OpenAPI, refusals func(...int) map[string]*huma.Response) {
	for _, k := range resources {
		schema := doc.Components.Schemas.Schema(k.model, true, "")
		tags := []string{k.plural}
		name := &huma.Param{Name: "name", In: "path", Required: true, Schema: &huma.Schema{Type: "string", Pattern: "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"}}
		answer := func(what string, schema *huma.Schema) *huma.Response {
			return &huma.Response{Description: what, Content: map[string]*huma.MediaType{"application/json": {Schema: schema}},
				Headers: map[string]*huma.Param{"ETag": {Description: "its version, for If-Match", Schema: text("")}}}
		}
		add := func(method, path, id, summary string, op huma.Operation) {
			op.Method, op.Path, op.OperationID, op.Summary, op.Tags = method, path, id, summary, tags
			doc.AddOperation(&op)
		}
		list := huma.Operation{Responses: refusals(422, 500, 503), Parameters: []*huma.Param{
			query("limit", "on a page, 100 if not stated", &huma.Schema{Type: "integer", Minimum: ptr(1.0), Maximum: ptr(float64(bearing.MaxPage))}),
			query("cursor", "next_cursor of the page before", text(""))}}
		if k.sensor != nil {
			list.Parameters = append(list.Parameters, query("sensor", "only those of this sensor", text("")))
		}
		if k.kind == bearing.KindSensor {
			list.Parameters = append(list.Parameters, query("registered", "false: those that only sent windows, which --max-sensors bounds, by their names", &huma.Schema{Type: "boolean"}))
		}
		order := "a page, by name"
		if k.sensor != nil {
			order += "; for a key that is limited to sensors, by sensor and name, unless one is stated"
		}
		list.Responses["200"] = answer(order, &huma.Schema{Type: "object", Properties: map[string]*huma.Schema{
			k.plural: {Type: "array", Items: schema}, "next_cursor": text("")}})
		list.Responses["200"].Headers = nil
		add("GET", k.path, "list-"+k.plural, "All "+k.plural, list)

		get := huma.Operation{Parameters: []*huma.Param{name}, Responses: refusals(404, 422, 500, 503)}
		get.Responses["200"] = answer("as it is registered", schema)
		add("GET", k.path+"/{name}", "get-"+k.kind, "One of the "+k.plural, get)

		conditions := []*huma.Param{name,
			{Name: "If-Match", In: "header", Description: "ETag that it must have", Schema: text("")},
			{Name: "If-None-Match", In: "header", Description: "*: only if it is not there", Schema: text("")}}
		put := huma.Operation{Parameters: conditions, Responses: refusals(400, 409, 412, 413, 415, 422, 500, 503),
			RequestBody: &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{"application/json": {Schema: schema}}}}
		put.Responses["200"], put.Responses["201"] = answer("replaced", schema), answer("registered", schema)
		add("PUT", k.path+"/{name}", "put-"+k.kind, "Register "+k.what+", or replace one", put)

		del := huma.Operation{Parameters: conditions[:2], Responses: refusals(404, 409, 412, 422, 500, 503)}
		del.Responses["204"] = &huma.Response{Description: "deleted; what was stored of it stays"}
		if k.kind == bearing.KindSensor {
			del.Parameters = append(slices.Clone(del.Parameters), query("windows", "delete: with all that is stored of the sensor, which may be one that is not registered; its alarms end, and stay", &huma.Schema{Type: "string", Enum: []any{"keep", "delete"}}))
			del.Responses["204"].Description = "deleted; what was stored of it stays, unless that was to be deleted too"
		}
		add("DELETE", k.path+"/{name}", "delete-"+k.kind, "Delete "+k.what, del)
	}
}
