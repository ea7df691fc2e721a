package api

import (
	"context"
	"encoding/json"
	"net/http"
	"reflect"
	"strconv"
	"strings"

	"github.com/go-chi/chi/v5"

	"brinell/api/decode"
	"brinell/bearing"
)

// Resources keeps what users register, and refuses what refers to nothing. When a write
// returns without error, it is on disk and windows are judged by it.
type Resources interface {
	// Sensor returns what is registered of a sensor, without reading it from the store.
	Sensor(name string) (bearing.Sensor, bool)
	PutResource(ctx context.Context, kind, key string, doc []byte, match int64) (version int64, created bool, err error)
	DeleteResource(ctx context.Context, kind, key string, match int64) error
	Resource(ctx context.Context, kind, key string) (bearing.Resource, error)
	Resources(ctx context.Context, kind, after string, limit int) ([]bearing.Resource, error)
	// ResourcesOf returns those that are parts of some things, in the order of these.
	ResourcesOf(ctx context.Context, kind string, of bearing.Parts, after bearing.Part, limit int) ([]bearing.Resource, error)
	// CountOf returns how many there are of a kind as parts of some things, of sensors how many
	// of these: most, if there are more.
	CountOf(ctx context.Context, kind string, of bearing.Parts, most int) (int, error)
	// Unregistered returns the names, in their order, of sensors that only sent windows.
	Unregistered(ctx context.Context, after string, limit int) ([]string, error)
	// Forget removes a sensor with all that is stored of it, registered or not.
	Forget(ctx context.Context, sensor string, match int64) error
}

// resource is a kind of them: what its documents are, and where they stand.
type resource struct {
	kind, path, plural, what string
	model                    reflect.Type
	// decode reads a document that was put under key and checks it by itself.
	decode func(body []byte, key string) (any, error)
	// sensor returns of which sensor a document is, whose keys may have to do with it; nil
	// where it is of none, or the name is the sensor's.
	sensor func(doc []byte) string
	// public returns a document without what is not shown; nil where all of it is.
	public func(doc []byte) ([]byte, error)
	// complete fills into what decode returned what may be left out of a change, from the
	// stored document, nil if there is none; nil where nothing may.
	complete func(v any, before []byte) (any, error)
}

// resources is the table of all kinds.
var resources = []resource{
	{bearing.KindMachine, "/v1/machines", "machines", "a machine", reflect.TypeFor[bearing.Machine](), func(b []byte, key string) (any, error) {
		var m bearing.Machine
		err := decodeStrict(b, &m)
		if err == nil {
			err = sameName(&m.Name, key)
		}
		if err == nil {
			err = m.Validate()
		}
		return m, err
	}, nil, nil, nil},
	{bearing.KindSensor, "/v1/sensors", "sensors", "a sensor", reflect.TypeFor[bearing.Sensor](), func(b []byte, key string) (any, error) {
		var s bearing.Sensor
		err := decodeStrict(b, &s)
		if err == nil {
			err = sameName(&s.Name, key)
		}
		if err == nil {
			err = s.Validate()
		}
		return s, err
	}, nil, nil, nil},
	{bearing.KindInspection, "/v1/inspections", "inspections", "an inspection", reflect.TypeFor[bearing.Inspection](), func(b []byte, key string) (any, error) {
		var i bearing.Inspection
		err := decodeStrict(b, &i)
		if err == nil {
			err = sameName(&i.Name, key)
		}
		if err == nil {
			err = i.Validate()
		}
		return i, err
	}, func(doc []byte) string {
		var i struct{ Sensor string }
		_ = json.Unmarshal(doc, &i) // it was checked when it was put
		return i.Sensor
	}, nil, nil},
	{bearing.KindWebhook, "/v1/webhooks", "webhooks", "a webhook", reflect.TypeFor[bearing.Webhook](), func(b []byte, key string) (any, error) {
		var w bearing.Webhook
		err := decodeStrict(b, &w)
		if err == nil {
			err = sameName(&w.Name, key)
		}
		return w, err // complete checks it: the secret may be the stored one
	}, nil, func(doc []byte) ([]byte, error) {
		var w bearing.Webhook
		if err := json.Unmarshal(doc, &w); err != nil {
			return nil, err
		}
		w.Secret = ""
		return json.Marshal(w)
	}, func(v any, before []byte) (any, error) {
		w := v.(bearing.Webhook)
		if w.Secret == "" && before != nil {
			var old bearing.Webhook
			if err := json.Unmarshal(before, &old); err != nil {
				return nil, err
			}
			w.Secret = old.Secret
		}
		return w, w.Validate()
	}},
}

// shown returns a document as it is given out.
func (k resource) shown(doc []byte) ([]byte, error) {
	if k.public == nil {
		return doc, nil
	}
	return k.public(doc)
}

// covered says whether the key of a request may have to do with a document.
func (k resource) covered(ctx context.Context, doc []byte) error {
	if k.sensor == nil {
		return nil
	}
	return covers(ctx, k.sensor(doc))
}

// sameName fills in the name of a document, which may be left out.
func sameName(name *string, key string) error {
	if *name != "" && *name != key {
		return bearing.Errorf(bearing.Invalid, "name_mismatch", "the document is named %q and put to %q: leave the name out, or mend it", bearing.Clip(*name), bearing.Clip(key)).At("/name")
	}
	*name = key
	return nil
}

// maxResourceBody bounds the body of a document.
const maxResourceBody = 64 << 10

// resourceRoutes adds the routes of all kinds.
func (s *server) resourceRoutes() {
	for _, k := range resources {
		s.router.Method("GET", k.path, s.handle(s.listResources(k)))
		s.router.Method("GET", k.path+"/{name}", s.handle(s.getResource(k)))
		s.router.Method("PUT", k.path+"/{name}", s.handle(s.putResource(k)))
		s.router.Method("DELETE", k.path+"/{name}", s.handle(bare(s.deleteResource(k))))
	}
}

// nameOf returns the name in the path of a resource. The query has no other parameters than those
// that are known.
func nameOf(r *http.Request, k resource, known ...string) (string, error) {
	name := chi.URLParam(r, "name")
	if !bearing.IsName(name) {
		return "", bearing.Errorf(bearing.Invalid, "resource_name", "%q is no name: use letters, digits, '.', '_' and '-', at most 64", bearing.Clip(name)).At("name")
	}
	if _, err := decode.Query(r.URL.RawQuery, known...); err != nil {
		return "", err
	}
	if k.kind == bearing.KindSensor {
		return name, covers(r.Context(), name)
	}
	return name, nil
}

func (s *server) getResource(k resource) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		name, err := nameOf(r, k)
		if err != nil {
			return err
		}
		row, err := s.resourceOf(r.Context(), k, name)
		if err != nil {
			return err
		}
		doc, err := k.shown(row.Doc)
		if err != nil {
			return err
		}
		return sendVersion(w, r, http.StatusOK, row.Version, doc)
	}
}

// resourceOf returns a document, if the key of a request may have to do with it. One that is of
// another sensor is not there.
func (s *server) resourceOf(ctx context.Context, k resource, name string) (bearing.Resource, error) {
	row, err := s.resources.Resource(ctx, k.kind, name)
	if err == nil && k.covered(ctx, row.Doc) != nil {
		return bearing.Resource{}, bearing.ResourceNotFound(k.kind, name)
	}
	return row, err
}

// sendVersion sends a document with its version as its ETag, or 304 to a client that
// has this one.
func sendVersion(w http.ResponseWriter, r *http.Request, status int, version int64, doc []byte) error {
	return sendTagged(w, r, status, etag(version), doc)
}

// sendTagged sends a document with its ETag, or 304 to a client that has this one.
func sendTagged(w http.ResponseWriter, r *http.Request, status int, tag string, doc []byte) error {
	w.Header().Set("ETag", tag)
	if status == http.StatusOK && r.Method == http.MethodGet && r.Header.Get("If-None-Match") == tag {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	send(w, status, "application/json", doc)
	return nil
}

func etag(version int64) string { return `"` + strconv.FormatInt(version, 10) + `"` }

// matchOf reads which version a write asks for.
func matchOf(r *http.Request) (int64, error) {
	if none := r.Header.Get("If-None-Match"); none != "" {
		if none != "*" {
			return 0, bearing.Errorf(bearing.Malformed, "precondition_invalid", "If-None-Match of a write is *: make it only if it is not there")
		}
		return bearing.NoVersion, nil
	}
	m := r.Header.Get("If-Match")
	switch m {
	case "":
		return bearing.AnyVersion, nil
	case "*":
		return bearing.SomeVersion, nil
	}
	v, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimPrefix(m, `"`), `"`), 10, 64)
	if err != nil || v <= 0 || m != etag(v) {
		return 0, bearing.Errorf(bearing.Malformed, "precondition_invalid", "If-Match %s is no ETag that this service gave: send that of a GET, with its quotes", bearing.Clip(strings.Trim(m, `"`)))
	}
	return v, nil
}

// matchOrNone is matchOf for what is there before it is first written, with the ETag "0".
func matchOrNone(r *http.Request) (int64, error) {
	switch r.Header.Get("If-Match") {
	case "*":
		return bearing.AnyVersion, nil
	case etag(0):
		return bearing.NoVersion, nil
	}
	return matchOf(r)
}

func (s *server) putResource(k resource) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		name, err := nameOf(r, k)
		if err != nil {
			return err
		}
		match, err := matchOf(r)
		if err != nil {
			return err
		}
		own := &share{of: &s.budget, tenant: tenantOf(r)}
		defer own.release()
		body, err := s.readDocument(w, r, own)
		if err != nil {
			return err
		}
		v, err := k.decode(body, name)
		if err == nil && k.complete != nil {
			v, match, err = s.completed(r.Context(), k, name, v, match)
		}
		if err != nil {
			return err
		}
		doc, err := json.Marshal(v)
		if err == nil {
			err = k.covered(r.Context(), doc)
		}
		if err == nil {
			err = s.mayReplace(r.Context(), k, name)
		}
		if err != nil {
			return err
		}
		version, created, err := s.resources.PutResource(r.Context(), k.kind, name, doc, match)
		if err != nil {
			return err
		}
		status := http.StatusOK
		if created {
			s.made.add(keyOf(r.Context()), k.kind)
			status = http.StatusCreated
			w.Header().Set("Location", k.path+"/"+name)
		}
		if doc, err = k.shown(doc); err != nil {
			return err
		}
		return sendVersion(w, r, status, version, doc)
	}
}

// mayReplace refuses a write of what is of a sensor that the key of a request may not have to do
// with, and of a new name by a key for some sensors that has as many as it may.
func (s *server) mayReplace(ctx context.Context, k resource, name string) error {
	key := keyOf(ctx)
	if key == nil || len(key.Sensors) == 0 {
		return nil
	}
	row, err := s.resources.Resource(ctx, k.kind, name)
	switch {
	case err == nil: // what it replaces may be of another sensor
		return k.covered(ctx, row.Doc)
	case bearing.CodeOf(err) != "resource_not_found":
		return err
	}
	return s.made.room(ctx, key, k.kind, s.resources)
}

// completed fills in what a document leaves out of the stored one, and sees to it that it
// replaces that one and no later.
func (s *server) completed(ctx context.Context, k resource, name string, v any, match int64) (any, int64, error) {
	row, err := s.resources.Resource(ctx, k.kind, name)
	if err != nil && bearing.CodeOf(err) != "resource_not_found" {
		return nil, 0, err
	}
	if err == nil && match == bearing.AnyVersion {
		match = row.Version
	}
	v, err = k.complete(v, row.Doc)
	return v, match, err
}

// readDocument reads a small JSON body.
func (s *server) readDocument(w http.ResponseWriter, r *http.Request, own *share) ([]byte, error) {
	if _, err := encodingOf(r); err != nil {
		return nil, err
	}
	if m := r.Header.Get("Content-Type"); decode.MediaType(m) != "application/json" {
		return nil, bearing.Errorf(bearing.Unsupported, "media_type_unsupported", "Content-Type %q is not read: send application/json", bearing.Clip(m))
	}
	tooLarge := bearing.Errorf(bearing.TooLarge, "body_too_large", "the body is over the limit of %d bytes for a document", maxResourceBody).Over(maxResourceBody, float64(max(r.ContentLength, 0)))
	if r.ContentLength > maxResourceBody {
		return nil, tooLarge
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxResourceBody)
	b, err := s.readBody(w, r, own)
	if bearing.CodeOf(err) == "body_too_large" {
		return nil, tooLarge // the limit of a document, not of a window
	}
	return b, err
}

func (s *server) deleteResource(k resource) func(http.ResponseWriter, *http.Request) error {
	var known []string
	if k.kind == bearing.KindSensor {
		known = []string{"windows"}
	}
	return func(w http.ResponseWriter, r *http.Request) error {
		name, err := nameOf(r, k, known...)
		if err != nil {
			return err
		}
		match, err := matchOf(r)
		if err != nil {
			return err
		}
		if whole, err := deletesWindows(r, k); err != nil {
			return err
		} else if whole {
			if err := s.resources.Forget(r.Context(), name, match); err != nil {
				return err
			}
			w.WriteHeader(http.StatusNoContent)
			return nil
		}
		if k.sensor != nil {
			if _, err := s.resourceOf(r.Context(), k, name); err != nil {
				return err
			}
		}
		if err := s.resources.DeleteResource(r.Context(), k.kind, name, match); err != nil {
			return err
		}
		if k.kind == bearing.KindWebhook {
			s.webhooks.Forget(r.Context(), name)
		}
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
}

// deletesWindows says whether a sensor is to be deleted with all that it sent. Without a word
// of that, what is stored stays.
func deletesWindows(r *http.Request, k resource) (bool, error) {
	if k.kind != bearing.KindSensor {
		return false, nil
	}
	v, err := decode.Query(r.URL.RawQuery, "windows")
	if err != nil {
		return false, err
	}
	switch what := v["windows"]; what {
	case "", "keep":
		return false, nil
	case "delete":
		return true, nil
	default:
		return false, bearing.Errorf(bearing.Invalid, "parameter_invalid", "windows=%s: it is keep, as without it, or delete, which removes all that is stored of the sensor", bearing.Clip(what))
	}
}
