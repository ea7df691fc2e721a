package api

import (
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"brinell/internal/bearing"
	"brinell/internal/keys"
)

// ring is Keys of a test.
type ring struct {
	*keys.Set
	needed bool
}

func (r ring) Check(token string) (keys.Key, error) { return r.Set.Check(token, time.Now()) }
func (r ring) Required() bool                       { return r.needed }

// guarded returns a server with a key for each scope, one for pumps that may ingest
// and read, and one that has expired.
func guarded(t *testing.T, rate float64) (*server, map[string]string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "keys.json")
	tokens := map[string]string{"none": "", "wrong": "brk_nobody_nothing"}
	for name, k := range map[string]keys.Key{
		"ingest": {Scopes: []keys.Scope{keys.Ingest}}, "read": {Scopes: []keys.Scope{keys.Read}}, "admin": {Scopes: []keys.Scope{keys.Admin}},
		"pumps": {Scopes: []keys.Scope{keys.Ingest, keys.Read}, Sensors: []string{"pump-*"}},
		"old":   {Scopes: []keys.Scope{keys.Admin}, Expires: time.Now().Add(-time.Hour)},
	} {
		k.Name = name
		_, token, err := keys.Create(file, k, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		tokens[name] = token
	}
	set, err := keys.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	f := &fake{get: func(id string) (bearing.Diagnosis, error) { return bearing.Diagnosis{ID: id, Sensor: id}, nil }}
	s, err := newServer(Config{Keys: ring{set, true}, KeyRate: rate}, backend(f))
	if err != nil {
		t.Fatal(err)
	}
	return s, tokens
}

func ask(s *server, method, target, token, addr string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, nil)
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	if addr != "" {
		r.RemoteAddr = addr
	}
	w := httptest.NewRecorder()
	s.router.ServeHTTP(w, r)
	return w
}

// TestScopes asks each kind of route with each kind of key.
func TestScopes(t *testing.T) {
	s, tokens := guarded(t, 0)
	const window = "/v1/sensors/fan/windows?start=2026-01-31T12:00:00Z"
	n := 0
	for _, c := range []struct {
		method, target, key string
		status              int
		code                string
	}{
		{"GET", "/healthz", "none", 200, ""},
		{"GET", "/readyz", "wrong", 200, ""},
		{"GET", "/docs", "none", 200, ""},
		{"GET", "/nowhere", "none", 404, "route_not_found"},
		{"GET", "/metrics", "none", 401, "key_missing"},
		{"HEAD", "/metrics", "none", 401, ""},
		{"GET", "/metrics", "wrong", 401, "key_invalid"},
		{"GET", "/metrics", "old", 401, "key_expired"},
		{"GET", "/metrics", "ingest", 403, "scope_missing"},
		{"GET", "/metrics", "read", 200, ""},
		{"GET", "/metrics", "admin", 200, ""},
		{"GET", "/v1/diagnoses", "read", 200, ""},
		{"GET", "/v1/diagnoses", "pumps", 403, "sensor_missing"},
		{"GET", "/v1/diagnoses?sensor=fan", "pumps", 403, "sensor_forbidden"},
		{"GET", "/v1/diagnoses?sensor=pump-1", "pumps", 200, ""},
		{"GET", "/v1/diagnoses/fan", "pumps", 403, "sensor_forbidden"},
		{"GET", "/v1/diagnoses/pump-2", "pumps", 200, ""},
		{"GET", "/v1/windows/fan", "pumps", 403, "sensor_forbidden"},
		{"GET", "/v1/windows/fan/envelope", "pumps", 403, "sensor_forbidden"},
		{"GET", "/v1/sensors/fan/trends?feature=rms", "pumps", 403, "sensor_forbidden"},
		{"GET", "/v1/alarms", "pumps", 403, "sensor_missing"},
		{"GET", "/v1/stream", "pumps", 403, "sensor_missing"},
		{"GET", "/v1/stream?sensor=pump-1,fan", "pumps", 403, "sensor_forbidden"},
		{"GET", "/v1/sensors/fan", "pumps", 403, "sensor_forbidden"},
		{"POST", window, "none", 401, "key_missing"},
		{"POST", window, "read", 403, "scope_missing"},
		{"POST", window, "pumps", 403, "sensor_forbidden"},
		{"POST", window, "ingest", 415, "media_type_unsupported"}, // past the keys
		{"POST", window, "admin", 415, "media_type_unsupported"},
		{"POST", window + "&key=x", "ingest", 400, "key_in_url"},
		{"GET", "/v1/diagnoses?sensor=brk_abc", "none", 400, "key_in_url"},
		{"PUT", "/v1/machines/m", "ingest", 403, "scope_missing"},
		{"PUT", "/v1/machines/m", "admin", 415, "media_type_unsupported"},
		{"DELETE", "/v1/sensors/fan", "read", 403, "scope_missing"},
		{"POST", "/v1/alarms/x/acknowledge", "read", 403, "scope_missing"},
		{"POST", "/v1/alarms/x/close", "read", 403, "scope_missing"},
		{"GET", "/v1/alarms?machine=m", "pumps", 403, "sensor_missing"},
		{"GET", "/v1/inspections?sensor=fan", "pumps", 403, "sensor_forbidden"},
		{"PUT", "/v1/bearings/b", "read", 403, "scope_missing"},
		{"GET", "/v1/sensors/{sensor}/windows", "none", 405, "method_not_allowed"}, // the pattern is no address
		{"PATCH", "/v1/machines/m", "none", 405, "method_not_allowed"},
		{"GET", "/v1//diagnoses", "none", 404, "route_not_found"},
		{"GET", "/v1/diagnoses/%2e%2e/x", "none", 404, "route_not_found"},
	} {
		n++
		w := ask(s, c.method, c.target, tokens[c.key], "10.0.0."+string(rune('0'+n%10))+":1") // no address fails too often
		if w.Code != c.status || c.code != "" && !strings.Contains(w.Body.String(), `"code":"`+c.code+`"`) {
			t.Errorf("%s %s with key %s: %d %s, want %d %s", c.method, c.target, c.key, w.Code, w.Body, c.status, c.code)
		}
		if (w.Code == http.StatusUnauthorized) != (w.Header().Get("WWW-Authenticate") != "") {
			t.Errorf("%s %s: WWW-Authenticate %q", c.method, c.target, w.Header().Get("WWW-Authenticate"))
		}
	}
	// Unknown and wrong look alike.
	id, _, _ := strings.Cut(strings.TrimPrefix(tokens["read"], "brk_"), "_")
	a, b := ask(s, "GET", "/metrics", "brk_"+id+"_guess", "10.1.0.1:1"), ask(s, "GET", "/metrics", "brk_nobody_guess", "10.1.0.1:1")
	cut := func(w *httptest.ResponseRecorder) string {
		s, _, _ := strings.Cut(w.Body.String(), "request_id")
		return s
	}
	if cut(a) != cut(b) {
		t.Errorf("%s and %s differ", a.Body, b.Body)
	}
}

// TestFailures: who guesses is stopped, by address, and a good key from elsewhere is not.
func TestFailures(t *testing.T) {
	s, tokens := guarded(t, 0)
	for i := range maxFailures {
		if w := ask(s, "GET", "/metrics", "brk_a_guess", "10.0.0.1:1"); w.Code != 401 {
			t.Fatalf("guess %d: %d", i, w.Code)
		}
	}
	for _, token := range []string{"brk_a_guess", tokens["read"]} {
		if w := ask(s, "GET", "/metrics", token, "10.0.0.1:2"); w.Code != 429 || w.Header().Get("Retry-After") == "" || !strings.Contains(w.Body.String(), "too_many_failures") {
			t.Errorf("after too many: %d %s", w.Code, w.Body)
		}
	}
	if w := ask(s, "GET", "/metrics", tokens["read"], "10.0.0.2:1"); w.Code != 200 {
		t.Errorf("from elsewhere: %d", w.Code)
	}
	f := failures{}
	start := time.Unix(0, 0)
	for range maxFailures {
		f.add("a", start)
	}
	if f.allow("a", start.Add(failureWindow-1)) || !f.allow("a", start.Add(failureWindow)) {
		t.Error("the window of failures does not end")
	}
	for i := range 3 * maxAddresses {
		f.add(string(rune(i+0x10000)), start)
	}
	if len(f.by) > maxAddresses {
		t.Errorf("%d addresses are remembered", len(f.by))
	}
}

func TestQuota(t *testing.T) {
	s, tokens := guarded(t, 2)
	codes := map[int]int{}
	for range 10 {
		codes[ask(s, "POST", "/v1/sensors/fan/windows", tokens["ingest"], "").Code]++
	}
	if codes[429] == 0 || codes[415] < 4 {
		t.Errorf("statuses %v", codes)
	}
	q := quota{rate: 2}
	at := time.Unix(0, 0)
	for i, want := range []bool{true, true, true, true, false} {
		if got := q.take(&keys.Key{ID: "k"}, at); (got == nil) != want {
			t.Errorf("%d at once: %v", i+1, got)
		}
	}
	if q.take(&keys.Key{ID: "k"}, at.Add(500*time.Millisecond)) != nil || q.take(&keys.Key{ID: "k"}, at.Add(501*time.Millisecond)) == nil {
		t.Error("not two a second")
	}
	if q.take(&keys.Key{ID: "other"}, at) != nil {
		t.Error("another key's share was taken")
	}
	for i := range 9 { // its own rate goes before
		if err := q.take(&keys.Key{ID: "fast", Rate: 4}, at); (err == nil) != (i < 8) {
			t.Errorf("%d at once of a key with a rate of its own: %v", i+1, err)
		}
	}
}

// TestScopeTable: what the start of the service checks can fail.
func TestScopeTable(t *testing.T) {
	s, _ := guarded(t, 0)
	s.router.Get("/v1/forgotten", func(http.ResponseWriter, *http.Request) {})
	if err := s.checkScopes(); err == nil {
		t.Error("a route without a scope was not noticed")
	}
}
