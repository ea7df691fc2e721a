package api

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"brinell/api/client"
	"brinell/bearing"
	"brinell/internal/admit"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fake is a core and a reader made of functions, which also notes what came in.
type fake struct {
	mu        sync.Mutex
	windows   []*bearing.Window
	submit    func(*bearing.Window) (bearing.Diagnosis, error)
	submitCtx func(context.Context, *bearing.Window) (bearing.Diagnosis, error)
	list      func(bearing.Query) (bearing.Page, error)
	get       func(string) (bearing.Diagnosis, error)
	notReady  error
	put       func(bearing.KnownBearing) (bool, error)
}

func (f *fake) Submit(ctx context.Context, w *bearing.Window, _ admit.Entry) (bearing.Diagnosis, error) {
	kept := *w
	kept.Samples = slices.Clone(w.Samples) // they are only lent
	f.mu.Lock()
	f.windows = append(f.windows, &kept)
	f.mu.Unlock()
	switch {
	case f.submit != nil:
		return f.submit(w)
	case f.submitCtx != nil:
		return f.submitCtx(ctx, w)
	}
	return bearing.Diagnosis{ID: w.ID(), Sensor: w.Sensor, Start: w.Start, Fault: bearing.Normal}, nil
}

func (f *fake) Diagnosis(_ context.Context, id string) (bearing.Diagnosis, error) {
	if f.get != nil {
		return f.get(id)
	}
	return bearing.Diagnosis{}, bearing.Errorf(bearing.NotFound, "diagnosis_not_found", "there is no diagnosis %q", id)
}

func (f *fake) DiagnosisDocuments(_ context.Context, q bearing.Query) (docs []json.RawMessage, next string, err error) {
	if f.list == nil {
		return nil, "", nil
	}
	p, err := f.list(q)
	for _, d := range p.Diagnoses {
		doc, err := d.Encode()
		if err != nil {
			return nil, "", err
		}
		docs = append(docs, doc)
	}
	return docs, p.NextCursor, err
}

func (f *fake) Page(after string, limit int) []bearing.KnownBearing {
	return bearing.NewCatalogue(bearing.KnownBearings...).Page(after, limit)
}

func (f *fake) Lookup(designation string) (bearing.KnownBearing, bool) {
	return bearing.LookupBearing(designation)
}

func (f *fake) DeleteBearing(_ context.Context, designation string, _ BearingCheck) error {
	return bearing.Errorf(bearing.NotFound, "bearing_unknown", "no bearing %q", designation)
}

func (f *fake) PutBearing(_ context.Context, b bearing.KnownBearing, _ BearingCheck) (bool, error) {
	if f.put != nil {
		return f.put(b)
	}
	return false, b.Validate()
}

// serve starts a real server around f.
func serve(t *testing.T, f *fake, cfg Config) (url string, reg *prometheus.Registry) {
	t.Helper()
	reg = prometheus.NewRegistry()
	cfg.Registry = reg
	cfg.Ready = func() error { return f.notReady }
	h, err := New(cfg, backend(f))
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewUnstartedServer(h)
	srv.Config = NewServer(h)
	srv.Start()
	t.Cleanup(func() { http.DefaultClient.CloseIdleConnections(); srv.Close() })
	return srv.URL, reg
}

func do(t *testing.T, method, url, media string, body []byte, header ...string) (*http.Response, []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if media != "" {
		req.Header.Set("Content-Type", media)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, b
}

const (
	asJSON = "application/json"
	asRaw  = "application/octet-stream"
	good   = `{"start":"2026-01-31T12:00:00.000000001Z","sample_rate_hz":12000,"unit":"g","shaft_speed_rpm":1797,"bearing":"6205-2RS","axis":"","samples":[0.1,-2e-3,3]}`
)

func raw(x ...float32) []byte {
	var b []byte
	for _, v := range x {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	return b
}

// TestForms: the same window in all forms reaches the core as the same window.
func TestForms(t *testing.T) {
	f := &fake{}
	url, _ := serve(t, f, Config{})
	const q = "?start=2026-01-31T12:00:00.000000001Z&sample_rate_hz=12000&unit=g&shaft_speed_rpm=1797&bearing=6205-2RS"
	resp, b := do(t, "POST", url+"/v1/sensors/pump/windows", asJSON, []byte(good))
	if resp.StatusCode != http.StatusCreated {
		t.Fatalf("%s %s", resp.Status, b)
	}
	var d bearing.Diagnosis
	if err := json.Unmarshal(b, &d); err != nil || resp.Header.Get("Location") != "/v1/diagnoses/"+d.ID || d.ID == "" {
		t.Errorf("location %q of %q: %v", resp.Header.Get("Location"), d.ID, err)
	}
	if l := resp.Header.Get("Link"); !strings.HasPrefix(l, "</v1/windows/"+d.ID+`/plot.png>; rel="alternate"; type="image/png"`) {
		t.Errorf("link %q", l)
	}
	do(t, "POST", url+"/v1/sensors/pump/windows"+q, asRaw, raw(0.1, -2e-3, 3))
	// The same instant in another zone, another order of fields, exotic blanks.
	do(t, "POST", url+"/v1/sensors/pump/windows", asJSON+"; charset=utf-8", []byte(" {\n\"samples\" : [ 1e-1 ,\t-0.002, 3.0e0 ], \"unit\":\"\\u0067\",\"bearing\":\"6205-2RS\", \"shaft_speed_rpm\":1797.0,\"sample_rate_hz\":1.2e4,\"start\":\"2026-01-31T13:00:00.000000001+01:00\"}\r\n "))
	if len(f.windows) != 3 {
		t.Fatalf("%d windows came through", len(f.windows))
	}
	for _, w := range f.windows[1:] {
		if diff := cmp.Diff(f.windows[0], w); diff != "" {
			t.Error(diff)
		}
	}
	do(t, "POST", url+"/v1/sensors/pump/windows?start=2026-01-31T12:00:00Z&sample_rate_hz=12000&unit=m/s2&dtype=i16le&scale=0.5", asRaw, []byte{2, 0, 0xff, 0xff})
	if w := f.windows[3]; math.Abs(float64(w.Samples[0])-1/9.80665) > 1e-7 || math.Abs(float64(w.Samples[1])+0.5/9.80665) > 1e-7 || w.Unit != bearing.MetresPerSec2 {
		t.Errorf("int16 in m/s2: %+v", w)
	}
}

func TestCoreErrors(t *testing.T) {
	f := &fake{}
	url, reg := serve(t, f, Config{})
	for _, c := range []struct {
		err    error
		status int
		code   string
	}{
		{bearing.Errorf(bearing.Conflict, "window_conflict", "x"), 409, "window_conflict"},
		{bearing.Errorf(bearing.Overloaded, "storage_full", "x"), 503, "storage_full"},
		{bearing.Errorf(bearing.Invalid, "rate_too_low", "x"), 422, "rate_too_low"},
		{errors.New("secret path /etc"), 500, "internal"},
	} {
		f.submit = func(*bearing.Window) (bearing.Diagnosis, error) { return bearing.Diagnosis{}, c.err }
		resp, b := do(t, "POST", url+"/v1/sensors/pump/windows", asJSON, []byte(good))
		checkProblem(t, c.code, resp, b, c.status, c.code)
		if bytes.Contains(b, []byte("secret")) {
			t.Errorf("the answer shows the internal error: %s", b)
		}
		if (resp.Header.Get("Retry-After") != "") != (c.status == 503) {
			t.Errorf("%s: Retry-After %q", c.code, resp.Header.Get("Retry-After"))
		}
	}
	f.submit = func(*bearing.Window) (bearing.Diagnosis, error) { panic("bug") }
	resp, b := do(t, "POST", url+"/v1/sensors/pump/windows", asJSON, []byte(good))
	checkProblem(t, "panic", resp, b, 500, "internal")
	f.submit = func(w *bearing.Window) (bearing.Diagnosis, error) {
		return bearing.Diagnosis{ID: "x", Duplicate: true}, nil
	}
	if resp, _ := do(t, "POST", url+"/v1/sensors/pump/windows", asJSON, []byte(good)); resp.StatusCode != 200 {
		t.Errorf("duplicate: %s, want 200", resp.Status)
	}
	f.get = func(string) (bearing.Diagnosis, error) { return bearing.Diagnosis{}, errors.New("secret") }
	resp, b = do(t, "GET", url+"/v1/diagnoses/x", "", nil)
	checkProblem(t, "get", resp, b, 500, "internal")
	// Metrics count what happened, by codes of the closed set.
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprint(families)
	for _, want := range []string{"brinell_windows_received_total", "window_conflict", "storage_full", "/v1/sensors/{sensor}/windows", "brinell_build_info"} {
		if !strings.Contains(text, want) {
			t.Errorf("metrics lack %s", want)
		}
	}
}

func TestReadiness(t *testing.T) {
	f := &fake{}
	url, _ := serve(t, f, Config{})
	for _, path := range []string{"/healthz", "/readyz", "/metrics", "/openapi.json", "/docs", "/docs/docs.js", "/docs/docs.css"} {
		if resp, b := do(t, "GET", url+path, "", nil); resp.StatusCode != 200 || len(b) == 0 || resp.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %s, %d bytes", path, resp.Status, len(b))
		}
	}
	for _, c := range []struct {
		err  error
		code string
	}{
		{errors.New("disk gone"), "not_ready"},
		{bearing.Errorf(bearing.Overloaded, "storage_full", "x"), "storage_full"},
		{bearing.Errorf(bearing.Invalid, "model_rejected", "x"), "not_ready"},
	} {
		if resp, b := do(t, "HEAD", url+"/v1/diagnoses", "", nil); resp.StatusCode != 200 || len(b) != 0 {
			t.Errorf("HEAD: %s, %d bytes", resp.Status, len(b))
		}
		f.notReady = c.err
		resp, b := do(t, "GET", url+"/readyz", "", nil)
		checkProblem(t, "readyz", resp, b, 503, c.code)
	}
}

// TestHalfAnswers: a failure while an answer is made is a whole problem; where
// the answer has begun, the connection ends.
func TestHalfAnswers(t *testing.T) {
	f := &fake{}
	url, _ := serve(t, f, Config{})
	bad := bearing.Diagnosis{ID: "x", Features: bearing.Values{{Name: "rms", Value: math.NaN()}}}
	f.list = func(bearing.Query) (bearing.Page, error) {
		return bearing.Page{Diagnoses: []bearing.Diagnosis{{ID: "y"}, bad}}, nil
	}
	f.get = func(string) (bearing.Diagnosis, error) { return bad, nil }
	f.submit = func(*bearing.Window) (bearing.Diagnosis, error) { return bad, nil }
	for _, path := range []string{"/v1/diagnoses", "/v1/diagnoses/x"} {
		resp, b := do(t, "GET", url+path, "", nil)
		checkProblem(t, path, resp, b, 500, "internal")
	}
	resp, b := do(t, "POST", url+"/v1/sensors/pump/windows", asJSON, []byte(good))
	checkProblem(t, "post", resp, b, 500, "internal")
	if l := resp.Header.Get("Location"); l != "" {
		t.Errorf("a failure is at %q", l)
	}

	s, err := newServer(Config{}, backend(f))
	if err != nil {
		t.Fatal(err)
	}
	s.router.Get("/half", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "half")
		panic("bug")
	})
	_, r := rawConn(t, s.router, "GET /half HTTP/1.1\r\nHost: x\r\n\r\n")
	if b, _ := io.ReadAll(r); bytes.Contains(b, []byte("internal")) || bytes.HasSuffix(b, []byte("\r\n0\r\n\r\n")) {
		t.Errorf("half an answer ends like a whole one: %q", b)
	}
}

// TestAnswers: every answer has its length, its request ID and the headers that
// tame browsers, whatever form the client would like.
func TestAnswers(t *testing.T) {
	f := &fake{}
	f.list = func(bearing.Query) (bearing.Page, error) {
		return bearing.Page{Diagnoses: make([]bearing.Diagnosis, 100)}, nil
	}
	url, _ := serve(t, f, Config{})
	for path, media := range map[string]string{
		"/v1/diagnoses": "application/json", "/v1/diagnoses/x": problemType, "/healthz": "application/json", "/openapi.json": "application/openapi+json",
		"/docs": "text/html; charset=utf-8", "/docs/docs.css": "text/css; charset=utf-8", "/docs/docs.js": "text/javascript; charset=utf-8",
		"/docs/": problemType, "/docs/none": problemType, "/docs/../web.go": problemType, "/docs/.": problemType, "/docs/%2e%2e/web.go": problemType,
	} {
		for _, accept := range []string{"", "text/html", "application/cbor"} {
			resp, b := do(t, "GET", url+path, "", nil, "Accept", accept, "X-Request-Id", "mine")
			h := resp.Header
			if h.Get("Content-Type") != media || resp.ContentLength != int64(len(b)) || h.Get("X-Content-Type-Options") != "nosniff" || !strings.Contains(h.Get("Content-Security-Policy"), "default-src 'self'") {
				t.Errorf("%s: %d bytes of %d, %v", path, len(b), resp.ContentLength, h)
			}
			if id := h.Get("X-Request-Id"); len(id) != 16 || media == problemType && !bytes.Contains(b, []byte(id)) {
				t.Errorf("%s: request %q: %s", path, id, b)
			}
		}
	}
}

// TestClient: windows and queries of the client arrive as they were meant, and each kind of
// error comes back as it was.
func TestClient(t *testing.T) {
	f := &fake{}
	url, _ := serve(t, f, Config{})
	c := client.Client{Base: url, Retry: client.Retry{Attempts: 1}}
	want, err := bearing.NewWindow(bearing.Window{Sensor: "pump", Axis: "x", Start: time.Unix(1e9, 5), SampleRate: 12000.5, ShaftSpeed: 29.95, Bearing: "6205", Unit: bearing.G, Samples: []float32{1, 2}}, bearing.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	for i, unit := range []bearing.Unit{bearing.G, bearing.MillimetresSec, bearing.MetresPerSec2} {
		want.Unit, want.Start = unit, want.Start.Add(time.Second)
		if _, err := c.PostWindow(t.Context(), want); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, f.windows[i]); d != "" {
			t.Error(d)
		}
	}
	q := bearing.Query{Sensor: "pump", Fault: bearing.Ball, From: time.Unix(1, 2).UTC(), To: time.Unix(3, 4).UTC(), Limit: 7, Cursor: "abc"}
	f.list = func(got bearing.Query) (bearing.Page, error) {
		if d := cmp.Diff(q, got); d != "" {
			t.Error(d)
		}
		return bearing.Page{Diagnoses: []bearing.Diagnosis{{ID: "x", Features: bearing.Values{{Name: "b", Value: 1}, {Name: "a", Value: 2}}}}, NextCursor: "n"}, nil
	}
	p, err := c.Diagnoses(t.Context(), q)
	if err != nil || p.NextCursor != "n" || len(p.Diagnoses) != 1 || p.Diagnoses[0].Features[0].Name != "b" {
		t.Errorf("%+v %v", p, err)
	}
	if _, err := c.Diagnosis(t.Context(), "none"); bearing.CodeOf(err) != "diagnosis_not_found" || bearing.KindOf(err) != bearing.NotFound {
		t.Errorf("got %v", err)
	}
	for _, kind := range []bearing.Kind{bearing.Malformed, bearing.Invalid, bearing.TooLarge, bearing.Unsupported, bearing.NotFound, bearing.Conflict,
		bearing.Changed, bearing.Overloaded, bearing.TooMany, bearing.Unauthorized, bearing.Forbidden} {
		made := bearing.Errorf(kind, "some_code", "what is wrong").At("/x").Over(3, 4)
		if kind == bearing.Overloaded || kind == bearing.TooMany {
			made = made.After(7 * time.Second)
		}
		f.list = func(bearing.Query) (bearing.Page, error) { return bearing.Page{}, made }
		_, err := c.Diagnoses(t.Context(), bearing.Query{})
		if got, ok := errors.AsType[*bearing.Error](err); !ok || *got != *made {
			t.Errorf("%s: %+v", kind, err)
		}
	}
	f.list = func(bearing.Query) (bearing.Page, error) {
		return bearing.Page{}, bearing.Errorf(bearing.Overloaded, "some_code", "x").After(bearing.Never)
	}
	_, err = c.Diagnoses(t.Context(), bearing.Query{})
	if got, ok := errors.AsType[*bearing.Error](err); !ok || got.Retry != bearing.Never {
		t.Errorf("never: %+v", err)
	}
	f.list = nil
	resp, b := do(t, "GET", url+"/v1/diagnoses", "", nil)
	if resp.StatusCode != 200 || strings.TrimSpace(string(b)) != `{"diagnoses":[],"next_cursor":""}` {
		t.Errorf("empty page: %s", b)
	}
}

// backend has f for everything that it is.
func backend(f *fake) Backend { return Backend{Core: f, Reader: f, Bearings: f} }
