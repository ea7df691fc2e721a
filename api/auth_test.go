package api

import (
	"cmp"
	"errors"
	"math"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"brinell/bearing"
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
		{"GET", "/metrics", "pumps", 403, "key_limited"},
		{"GET", "/metrics", "admin", 200, ""},
		{"GET", "/v1/diagnoses", "read", 200, ""},
		{"GET", "/v1/diagnoses", "pumps", 403, "sensor_missing"},
		{"GET", "/v1/diagnoses?sensor=fan", "pumps", 403, "sensor_forbidden"},
		{"GET", "/v1/diagnoses?sensor=pump-1", "pumps", 200, ""},
		{"GET", "/v1/diagnoses/fan", "pumps", 404, "diagnosis_not_found"},
		{"GET", "/v1/diagnoses/pump-2", "pumps", 200, ""},
		{"GET", "/v1/windows/fan", "pumps", 404, "diagnosis_not_found"},
		{"GET", "/v1/windows/fan/envelope", "pumps", 404, "diagnosis_not_found"},
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

// TestFailures: who guesses is told to wait, and a right key from the same address is taken.
func TestFailures(t *testing.T) {
	s, tokens := guarded(t, 0)
	for i := range maxFailures {
		if w := ask(s, "GET", "/metrics", "brk_a_guess", "10.0.0.1:1"); w.Code != 401 {
			t.Fatalf("guess %d: %d", i, w.Code)
		}
	}
	w := ask(s, "GET", "/metrics", "brk_b_guess", "10.0.0.1:2")
	if w.Code != 429 || w.Header().Get("Retry-After") != "60" || !strings.Contains(w.Body.String(), `"retry_after_s":60`) {
		t.Errorf("after too many: %d %s %s", w.Code, w.Header().Get("Retry-After"), w.Body)
	}
	for _, addr := range []string{"10.0.0.1:2", "10.0.0.2:1"} {
		if w := ask(s, "GET", "/metrics", tokens["read"], addr); w.Code != 200 {
			t.Errorf("a right key from %s: %d", addr, w.Code)
		}
	}
	if w := ask(s, "GET", "/metrics", "brk_a_guess", "10.0.0.9:2"); w.Code != 429 {
		t.Errorf("the same ID from elsewhere: %d", w.Code)
	}
}

// TestFailureWindow: a wait that was stated is one after which it is worth trying again, and
// not before.
func TestFailureWindow(t *testing.T) {
	f := failures{}
	start := time.Unix(1000, 0)
	add := func(host string, after, want time.Duration) {
		t.Helper()
		if wait := f.add(host, "brk_"+host+"_x", start.Add(after)); wait != want {
			t.Errorf("%s after %s: wait for %s, want %s", host, after, wait, want)
		}
	}
	for range 20 {
		add("2001:db8::1", 0, 0)
	}
	add("2001:db8::2", time.Second, 59*time.Second) // of one network
	add("2001:db8:0:1::1", time.Second, 0)
	add("2001:db8::1", time.Minute-1, 1)
	add("2001:db8::1", time.Minute, 0)
	for range 19 { // the first of twenty was when the minute was over
		add("2001:db8::1", time.Minute+time.Second, 0)
	}
	add("2001:db8::1", time.Minute+time.Second, 59*time.Second)
	for n, want := range map[int]int{19_998: 20_000, 19_999: 1} { // each guess is of an address and of an ID
		f = failures{by: make(map[string]tally)}
		for i := range n {
			f.by[string(rune(i+0x10000))] = tally{}
		}
		if add("2001:db8::1", 0, 0); len(f.by) != want {
			t.Errorf("after %d others %d are remembered, want %d", n, len(f.by), want)
		}
	}
}

// TestBearer: the name of the scheme is in any case, and another scheme is none.
func TestBearer(t *testing.T) {
	s, tokens := guarded(t, 0)
	for header, want := range map[string]int{"bearer ": 200, "BEARER ": 200, "Bearer ": 200, "bEARER   ": 200, "Basic ": 401, "Bearer": 401} {
		r := httptest.NewRequest("GET", "/metrics", nil)
		r.Header.Set("Authorization", header+tokens["read"])
		w := httptest.NewRecorder()
		s.router.ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("%q: %d, want %d", header, w.Code, want)
		}
	}
}

// TestWaits: what no waiting mends states no wait, and what is not known a short one.
func TestWaits(t *testing.T) {
	s, _ := guarded(t, 0)
	for retry, want := range map[time.Duration]string{bearing.Never: "none", 0: "1..3", time.Hour: "3600", time.Second + 1: "2"} {
		w := httptest.NewRecorder()
		s.fail(w, httptest.NewRequest("GET", "/", nil), bearing.Errorf(bearing.TooMany, "too_many_axes", "no").After(retry))
		got := cmp.Or(w.Header().Get("Retry-After"), "none")
		if want == "1..3" && got >= "1" && got <= "3" {
			got = want
		}
		if got != want || strings.Contains(w.Body.String(), "retry_after_s") == (want == "none") {
			t.Errorf("after %s: %s, want %s: %s", retry, got, want, w.Body)
		}
	}
}

// TestExpiredIsNoGuess: who sends a key that has expired is told so, however often.
func TestExpiredIsNoGuess(t *testing.T) {
	s, tokens := guarded(t, 0)
	for range 2 * maxFailures {
		if w := ask(s, "GET", "/metrics", tokens["old"], ""); w.Code != 401 || !strings.Contains(w.Body.String(), "key_expired") {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
	}
	if w := ask(s, "GET", "/metrics", "brk_a_guess", ""); w.Code != 401 {
		t.Errorf("a wrong one beside: %d", w.Code)
	}
}

// TestQuotaWaits: whatever the rate and the times, the wait that is stated, in whole seconds as
// clients see it too, is enough, and nothing much less is.
func TestQuotaWaits(t *testing.T) {
	rng := rand.New(rand.NewPCG(6, 16))
	for range 2000 {
		rate := math.Exp(rng.Float64()*16 - 8)
		q, k, now := quota{}, keys.Key{ID: "a", Rate: rate}, time.Unix(1000, 0)
		var e *bearing.Error
		for e == nil {
			now = now.Add(time.Duration(rng.Float64() / rate * 0.9 * float64(time.Second)))
			e, _ = errors.AsType[*bearing.Error](q.take(&k, now))
		}
		before := now.Add(e.Retry - time.Duration(1e-3/rate*float64(time.Second)) - 2)
		if before.After(now) && q.take(&k, before) == nil {
			t.Fatalf("rate %g: taken before %s", rate, e.Retry)
		}
		if err := q.take(&k, now.Add(time.Duration(seconds(e.Retry))*time.Second)); err != nil || e.Retry <= 0 {
			t.Fatalf("rate %g: not taken after %s: %v", rate, e.Retry, err)
		}
	}
}

// TestQuotaWait: after the wait that is stated a window is taken, and just before not.
func TestQuotaWait(t *testing.T) {
	q, k, now := quota{}, keys.Key{ID: "a", Rate: 0.25}, time.Unix(1000, 0)
	if err := q.take(&k, now); err != nil {
		t.Fatal(err)
	}
	err := q.take(&k, now)
	e, ok := errors.AsType[*bearing.Error](err)
	if !ok || e.Retry != 4*time.Second {
		t.Fatalf("%v, after %v", err, e)
	}
	if q.take(&k, now.Add(e.Retry-time.Millisecond)) == nil || q.take(&k, now.Add(e.Retry)) != nil {
		t.Error("the wait is not true")
	}
	for d, want := range map[time.Duration]int{0: 0, 1: 1, time.Second: 1, time.Second + 1: 2} {
		if seconds(d) != want {
			t.Errorf("%s are %d s, want %d", d, seconds(d), want)
		}
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
