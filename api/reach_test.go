package api

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"brinell/bearing"
	"brinell/internal/keys"
)

// registered are Resources in memory, by kind and key.
type registered map[string]map[string]bearing.Resource

func (g registered) put(kind string, docs map[string]string) {
	g[kind] = make(map[string]bearing.Resource)
	for key, doc := range docs {
		g[kind][key] = bearing.Resource{Key: key, Version: int64(len(g[kind]) + 1), Doc: json.RawMessage(doc)}
	}
}

func (g registered) PutResource(_ context.Context, kind, key string, doc []byte, _ int64) (int64, bool, error) {
	_, there := g[kind][key]
	g[kind][key] = bearing.Resource{Key: key, Version: 99, Doc: doc}
	return 99, !there, nil
}

func (g registered) DeleteResource(_ context.Context, kind, key string, _ int64) error {
	delete(g[kind], key)
	return nil
}

func (g registered) Resource(_ context.Context, kind, key string) (bearing.Resource, error) {
	if r, ok := g[kind][key]; ok {
		return r, nil
	}
	return bearing.Resource{}, bearing.ResourceNotFound(kind, key)
}

func (g registered) Resources(_ context.Context, kind, after string, limit int) (out []bearing.Resource, err error) {
	for key, r := range g[kind] {
		if key > after {
			out = append(out, r)
		}
	}
	slices.SortFunc(out, func(a, b bearing.Resource) int { return cmp.Compare(a.Key, b.Key) })
	return out[:min(limit, len(out))], nil
}

func (g registered) ResourcesOf(_ context.Context, kind string, of bearing.Parts, after bearing.Part, limit int) (out []bearing.Resource, err error) {
	sensor := func(r bearing.Resource) string {
		var i bearing.Inspection
		_ = json.Unmarshal(r.Doc, &i)
		return i.Sensor
	}
	order := func(a bearing.Resource, of, key string) int {
		return cmp.Or(cmp.Compare(sensor(a), of), cmp.Compare(a.Key, key))
	}
	for _, r := range g[kind] {
		if of.Covers(sensor(r)) && order(r, after.Of, after.Key) > 0 {
			out = append(out, r)
		}
	}
	slices.SortFunc(out, func(a, b bearing.Resource) int { return order(a, sensor(b), b.Key) })
	return out[:min(limit, len(out))], nil
}

func (g registered) CountOf(_ context.Context, kind string, of bearing.Parts, most int) (n int, err error) {
	for key, r := range g[kind] {
		var i bearing.Inspection
		_ = json.Unmarshal(r.Doc, &i)
		if of.Covers(cmp.Or(i.Sensor, key)) {
			n++
		}
	}
	return min(n, most), nil
}

func (g registered) Sensor(name string) (s bearing.Sensor, ok bool) {
	r, ok := g[bearing.KindSensor][name]
	if ok {
		_ = json.Unmarshal(r.Doc, &s)
	}
	return s, ok
}

// Unregistered returns sensors that only sent windows.
func (registered) Forget(context.Context, string, int64) error { return nil }

func (registered) Unregistered(_ context.Context, after string, limit int) (out []string, err error) {
	for _, name := range []string{"fan-9", "pump-7", "pump-8"} {
		if name > after && len(out) < limit {
			out = append(out, name)
		}
	}
	return out, nil
}

// raisedAlarms are Alarms, each of the sensor of its name, but for one that is not there.
type (
	noAlarms     = Alarms
	raisedAlarms struct{ noAlarms }
)

func (raisedAlarms) Alarm(_ context.Context, id string) (bearing.Alarm, error) {
	if id == "owl" {
		return bearing.Alarm{}, bearing.AlarmNotFound(id)
	}
	return bearing.Alarm{ID: id, Sensor: id, Version: 1}, nil
}

func (raisedAlarms) Alarms(context.Context, bearing.AlarmQuery) (bearing.AlarmPage, error) {
	return bearing.AlarmPage{}, nil
}

// limitedServer has things of fan and of pump-1, and a key for pumps that may do all.
func limitedServer(t *testing.T) (s *server, token string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "keys.json")
	_, token, err := keys.Create(file, keys.Key{Name: "pumps", Scopes: []keys.Scope{keys.Admin}, Sensors: []string{"pump-*"}}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	set, err := keys.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	g := registered{}
	g.put(bearing.KindMachine, map[string]string{"fan": `{"name":"fan"}`, "pump-1": `{"name":"pump-1"}`})
	g.put(bearing.KindSensor, map[string]string{"fan": `{"name":"fan"}`, "pump-1": `{"name":"pump-1"}`, "pump-2": `{"name":"pump-2"}`, "zoo": `{"name":"zoo"}`})
	g.put(bearing.KindInspection, map[string]string{"fan": `{"name":"fan","sensor":"fan"}`, "pump-1": `{"name":"pump-1","sensor":"pump-1"}`})
	g.put(bearing.KindWebhook, map[string]string{"fan": `{"name":"fan"}`})
	f := &fake{get: func(id string) (bearing.Diagnosis, error) {
		if id == "owl" {
			return bearing.Diagnosis{}, bearing.DiagnosisNotFound(id)
		}
		return bearing.Diagnosis{ID: id, Sensor: id}, nil
	}}
	b := backend(f)
	b.Resources, b.Alarms = g, raisedAlarms{}
	s, err = newServer(Config{Keys: ring{set, true}}, b)
	if err != nil {
		t.Fatal(err)
	}
	return s, token
}

// backend returns what a server has, for another one.
func (s *server) backend() Backend {
	return Backend{Core: s.core, Reader: s.reader, Bearings: s.bearings, Resources: s.resources, Alarms: s.alarms, Events: s.events, Signals: s.signals, Baselines: s.baselines, Webhooks: s.webhooks, Models: s.models}
}

// TestReach asks every route with a key for pumps that may do all, once for a fan and once
// for a pump: it is let to nothing of the fan's and to nothing that concerns all.
func TestReach(t *testing.T) {
	// Those that are answered though they name no sensor, or a foreign one.
	answered := map[string]string{
		"GET /v1/sensors":     `{"next_cursor":"","sensors":[{"name":"pump-1"},{"name":"pump-2"}]}`,
		"GET /v1/inspections": `{"inspections":[{"name":"pump-1","sensor":"pump-1"}],"next_cursor":""}`,
		"POST /v1/windows":    `"code":"sensor_forbidden"`, // for its line
	}
	body := func(route, name string) (media, text string) {
		switch {
		case route == "POST /v1/windows":
			return "application/x-ndjson", strings.Replace(good, "{", `{"sensor":"`+name+`",`, 1) + "\n"
		case strings.Contains(route, "inspections"):
			return asJSON, `{"sensor":"` + name + `","found":"nothing","at":"2026-01-01T00:00:00Z"}`
		}
		return asJSON, "{}"
	}
	send := func(route, name string) *httptest.ResponseRecorder {
		s, token := limitedServer(t) // those before may have deleted
		method, pattern, _ := strings.Cut(route, " ")
		target := strings.NewReplacer("{sensor}", name, "{name}", name, "{id}", name, "{digest}", name, "{designation}", "6205", "*", "docs.css").Replace(pattern)
		if strings.HasSuffix(target, "/trends") {
			target += "?feature=rms"
		}
		media, text := body(route, name)
		if method == http.MethodGet {
			media, text = "", ""
		}
		r := httptest.NewRequest(method, target, strings.NewReader(text))
		r.Header.Set("Authorization", "Bearer "+token)
		r.Header.Set("Content-Type", media)
		w := httptest.NewRecorder()
		s.router.ServeHTTP(w, r)
		return w
	}
	for route, rule := range scopes {
		if route == "GET /v1/stream" { // it would not end; TestScopes asks it
			continue
		}
		w := send(route, "fan")
		code := ""
		switch want, ok := answered[route]; {
		case ok:
			if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), want) {
				t.Errorf("%s: %d %s, want %s", route, w.Code, w.Body, want)
			}
			continue
		case rule.reach == fleet:
			code = "key_limited"
		case hides(route): // TestHidden
			if w.Code != http.StatusNotFound {
				t.Errorf("%s: %d %s, want that it is not there", route, w.Code, w.Body)
			}
			continue
		case rule.reach == own && strings.Contains(route, "{"):
			code = "sensor_forbidden"
		case rule.reach == own:
			code = "sensor_missing"
		}
		if (w.Code == http.StatusForbidden) != (code != "") || !strings.Contains(w.Body.String(), code) {
			t.Errorf("%s: %d %s, want the code %q", route, w.Code, w.Body, code)
		}
		if rule.reach == own && strings.Contains(route, "{") {
			if w := send(route, "pump-1"); w.Code == http.StatusForbidden {
				t.Errorf("%s of a pump: %d %s", route, w.Code, w.Body)
			}
		}
	}
	s, token := limitedServer(t)
	if w := ask(s, "GET", "/v1/sensors?limit=1", token, ""); !strings.Contains(w.Body.String(), "pump-1") || strings.Contains(w.Body.String(), `"next_cursor":""`) {
		t.Errorf("first page %s", w.Body)
	}
	if w := ask(s, "GET", "/v1/sensors?registered=false", token, ""); w.Body.String() != `{"next_cursor":"","sensors":[{"name":"pump-7"},{"name":"pump-8"}]}` {
		t.Errorf("not registered: %s", w.Body)
	}
	if w := ask(s, "GET", "/v1/sensors?registered=maybe", token, ""); w.Code != 422 || !strings.Contains(w.Body.String(), "parameter_invalid") {
		t.Errorf("maybe registered: %s", w.Body)
	}
	if w := ask(s, "GET", "/v1/inspections?registered=false", token, ""); w.Code != 422 || !strings.Contains(w.Body.String(), "unknown_parameter") {
		t.Errorf("inspections not registered: %s", w.Body)
	}
	if w := ask(s, "GET", "/v1/sensors?limit=1&cursor=cHVtcC0x", token, ""); !strings.Contains(w.Body.String(), "pump-2") || !strings.Contains(w.Body.String(), `"next_cursor":""`) {
		t.Errorf("last page %s", w.Body)
	}
}

// TestMade: a key for some sensors makes names up to a quarter of all, and no more until some are
// gone; it changes what there is, and takes nothing from keys for all sensors.
func TestMade(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, token := limitedServer(t)
		g := s.resources.(registered)
		all := map[string]string{"fan": `{"name":"fan","sensor":"fan"}`}
		for i := range 24_999 {
			all[fmt.Sprint("i", i)] = fmt.Sprintf(`{"sensor":"pump-%d"}`, i)
		}
		g.put(bearing.KindInspection, all)
		put := func(name, sensor string) (int, string) {
			r := httptest.NewRequest("PUT", "/v1/inspections/"+name, strings.NewReader(`{"sensor":"`+sensor+`","found":"nothing","at":"2026-01-31T12:00:00Z"}`))
			r.Header.Set("Authorization", "Bearer "+token)
			r.Header.Set("Content-Type", "application/json")
			w := httptest.NewRecorder()
			s.router.ServeHTTP(w, r)
			return w.Code, w.Body.String()
		}
		for _, c := range []struct {
			name string
			want int
		}{{"last", 201}, {"more", 409}, {"i7", 200}, {"last", 200}} {
			if code, body := put(c.name, "pump-x"); code != c.want || code == 409 && !strings.Contains(body, "too_many_resources") {
				t.Errorf("%s: %d %s, want %d", c.name, code, body, c.want)
			}
		}
		for i := range 24_998 {
			delete(g[bearing.KindInspection], fmt.Sprint("i", i))
		}
		time.Sleep(madeAge + 1)
		if code, body := put("more", "pump-x"); code != 201 {
			t.Errorf("some are gone: %d %s", code, body)
		}
	})
}
