package api

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"brinell/api/web"
	"brinell/internal/bearing"
)

var update = flag.Bool("update", false, "write golden files anew")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fake is a core and a reader made of functions, which also notes what came in.
type fake struct {
	mu       sync.Mutex
	windows  []*bearing.Window
	submit   func(*bearing.Window) (bearing.Diagnosis, error)
	list     func(bearing.Query) (bearing.Page, error)
	get      func(string) (bearing.Diagnosis, error)
	notReady error
}

func (f *fake) Submit(_ context.Context, w *bearing.Window) (bearing.Diagnosis, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.windows = append(f.windows, w)
	if f.submit != nil {
		return f.submit(w)
	}
	return bearing.Diagnosis{ID: w.ID(), Sensor: w.Sensor, Start: w.Start, Fault: bearing.Normal}, nil
}

func (f *fake) Diagnosis(_ context.Context, id string) (bearing.Diagnosis, error) {
	if f.get != nil {
		return f.get(id)
	}
	return bearing.Diagnosis{}, bearing.Errorf(bearing.NotFound, "diagnosis_not_found", "there is no diagnosis %q", id)
}

func (f *fake) Diagnoses(_ context.Context, q bearing.Query) (bearing.Page, error) {
	if f.list != nil {
		return f.list(q)
	}
	return bearing.Page{}, nil
}

// serve starts a real server around f.
func serve(t *testing.T, f *fake, cfg Config) (url string, reg *prometheus.Registry) {
	t.Helper()
	reg = prometheus.NewRegistry()
	cfg.Registry = reg
	cfg.Ready = func() error { return f.notReady }
	h, err := New(cfg, f, f)
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

// TestRefusals: each bad input has its status and code, and reaches nothing.
func TestRefusals(t *testing.T) {
	f := &fake{}
	url, _ := serve(t, f, Config{MaxSamples: 100, MaxBody: 4096})
	const ok = "?start=2026-01-31T12:00:00Z&sample_rate_hz=12000&unit=g"
	with := func(old, new string) string {
		if !strings.Contains(good, old) {
			t.Fatalf("%q is not in the good body", old)
		}
		return strings.Replace(good, old, new, 1)
	}
	for _, c := range []struct {
		name, path, media, body string
		status                  int
		code                    string
	}{
		{"empty", "", asJSON, "", 400, "body_empty"},
		{"blank", "", asJSON, " \n", 400, "body_empty"},
		{"not JSON", "", asJSON, "hello", 400, "json_malformed"},
		{"null", "", asJSON, "null", 400, "json_malformed"},
		{"array", "", asJSON, "[]", 400, "json_malformed"},
		{"cut", "", asJSON, good[:len(good)-3], 400, "json_malformed"},
		{"no colon", "", asJSON, with(`"unit":`, `"unit"`), 400, "json_malformed"},
		{"comma at the end", "", asJSON, with("3]}", "3],}"), 400, "json_malformed"},
		{"comma after samples", "", asJSON, with("3]", "3,]"), 400, "json_malformed"},
		{"single quotes", "", asJSON, with(`"unit":"g"`, `'unit':'g'`), 400, "json_malformed"},
		{"control character", "", asJSON, with(`"g"`, "\"\x01\""), 400, "json_malformed"},
		{"bad escape", "", asJSON, with(`"g"`, `"\x"`), 400, "json_malformed"},
		{"NaN", "", asJSON, with("-2e-3", "NaN"), 400, "json_malformed"},
		{"Infinity", "", asJSON, with("-2e-3", "-Infinity"), 400, "json_malformed"},
		{"leading zero", "", asJSON, with("0.1", "00.1"), 400, "json_malformed"},
		{"leading plus", "", asJSON, with("0.1", "+0.1"), 400, "json_malformed"},
		{"bare point", "", asJSON, with("0.1", "1."), 400, "json_malformed"},
		{"hexadecimal", "", asJSON, with("0.1", "0x1"), 400, "json_malformed"},
		{"trailing object", "", asJSON, good + "{}", 400, "trailing_data"},
		{"trailing bracket", "", asJSON, good + "]", 400, "trailing_data"},
		{"repeated field", "", asJSON, with(`"axis":""`, `"unit":"g"`), 400, "duplicate_field"},
		{"repeated by escape", "", asJSON, with(`"axis":""`, `"\u0075nit":"g"`), 400, "duplicate_field"},
		{"other case", "", asJSON, with(`"axis"`, `"Axis"`), 400, "unknown_field"},
		{"unknown field", "", asJSON, with(`"axis":""`, `"id":1`), 400, "unknown_field"},
		{"not UTF-8", "", asJSON, with(`"6205-2RS"`, "\"\xff\""), 400, "invalid_utf8"},
		{"half a surrogate", "", asJSON, with(`"6205-2RS"`, `"\ud800"`), 400, "invalid_utf8"},
		{"null sample", "", asJSON, with("-2e-3", "null"), 422, "sample_missing"},
		{"text sample", "", asJSON, with("-2e-3", `"1"`), 422, "sample_not_number"},
		{"true sample", "", asJSON, with("-2e-3", "true"), 422, "sample_not_number"},
		{"nested samples", "", asJSON, with("0.1", "[0.1]"), 422, "sample_not_number"},
		{"deep samples", "", asJSON, with("0.1", strings.Repeat("[", 1000)), 422, "sample_not_number"},
		{"huge sample", "", asJSON, with("-2e-3", "1e39"), 422, "number_out_of_range"},
		{"long number", "", asJSON, with("-2e-3", strings.Repeat("1", 65)), 422, "number_out_of_range"},
		{"huge rate", "", asJSON, with("12000", "1e400"), 422, "number_out_of_range"},
		{"samples as text", "", asJSON, with("[0.1,-2e-3,3]", `"abc"`), 422, "wrong_type"},
		{"samples null", "", asJSON, with("[0.1,-2e-3,3]", `null`), 422, "wrong_type"},
		{"rate as text", "", asJSON, with("12000", `"12000"`), 422, "wrong_type"},
		{"rate null", "", asJSON, with("12000", `null`), 422, "wrong_type"},
		{"unit as number", "", asJSON, with(`"g"`, `1`), 422, "wrong_type"},
		{"no start", "", asJSON, with(`"start":"2026-01-31T12:00:00.000000001Z",`, ""), 422, "start_missing"},
		{"bad start", "", asJSON, with("2026-01-31T12", "2026-02-31T12"), 422, "start_invalid"},
		{"start without zone", "", asJSON, with("000001Z", "000001"), 422, "start_invalid"},
		{"early start", "", asJSON, with("2026-01-31", "1026-01-31"), 422, "start_out_of_range"},
		{"no rate", "", asJSON, with(`"sample_rate_hz":12000,`, ""), 422, "rate_missing"},
		{"negative rate", "", asJSON, with("12000", "-1"), 422, "rate_out_of_range"},
		{"absurd rate", "", asJSON, with("12000", "1e12"), 422, "rate_out_of_range"},
		{"no unit", "", asJSON, with(`"unit":"g",`, ""), 422, "unit_missing"},
		{"unknown unit", "", asJSON, with(`"g"`, `"mm/s"`), 422, "unit_unknown"},
		{"unit of our own", "", asJSON, with(`"g"`, `"relative"`), 422, "unit_unknown"},
		{"speed 0", "", asJSON, with("1797", "0"), 422, "speed_out_of_range"},
		{"negative speed", "", asJSON, with("1797", "-5"), 422, "speed_out_of_range"},
		{"bad axis", "", asJSON, with(`"axis":""`, `"axis":"a b"`), 422, "axis_name"},
		{"bad bearing", "", asJSON, with("6205-2RS", "\\n"), 422, "bearing_name"},
		{"no samples", "", asJSON, with("0.1,-2e-3,3", ""), 422, "window_empty"},
		{"too many samples", "", asJSON, with("0.1", strings.Repeat("1,", 100)+"1"), 422, "window_too_long"},
		{"too large", "", asJSON, with("0.1", strings.Repeat("1,", 3000)+"1"), 413, "body_too_large"},
		{"query with JSON", ok, asJSON, good, 422, "unknown_parameter"},
		{"wrong media type", "", "text/plain", good, 415, "media_type_unsupported"},
		{"no media type", "", "", good, 415, "media_type_unsupported"},
		{"raw: odd length", ok, asRaw, "12345", 400, "length_mismatch"},
		{"raw: odd int16", ok + "&dtype=i16le&scale=1", asRaw, "123", 400, "length_mismatch"},
		{"raw: no scale", ok + "&dtype=i16le", asRaw, "1234", 422, "scale_missing"},
		{"raw: scale 0", ok + "&dtype=i16le&scale=0", asRaw, "1234", 422, "scale_not_finite"},
		{"raw: scale NaN", ok + "&dtype=i16le&scale=NaN", asRaw, "1234", 422, "parameter_invalid"},
		{"raw: scale of floats", ok + "&scale=1", asRaw, "1234", 422, "parameter_invalid"},
		{"raw: unknown type", ok + "&dtype=f64", asRaw, "1234", 415, "dtype_unsupported"},
		{"raw: unknown parameter", ok + "&sensor=x", asRaw, "1234", 422, "unknown_parameter"},
		{"raw: repeated parameter", ok + "&unit=g", asRaw, "1234", 422, "duplicate_parameter"},
		{"raw: bad escape", ok + "&axis=%zz", asRaw, "1234", 422, "parameter_invalid"},
		{"raw: rate no number", "?start=2026-01-31T12:00:00Z&sample_rate_hz=fast&unit=g", asRaw, "1234", 422, "parameter_invalid"},
		{"raw: NaN", ok, asRaw, string(raw(1, float32(math.NaN()))), 422, "sample_not_finite"},
		{"raw: Inf", ok, asRaw, string(raw(float32(math.Inf(-1)))), 422, "sample_not_finite"},
		{"raw: absurd", ok, asRaw, string(raw(3e38)), 422, "sample_out_of_range"},
		{"raw: empty", ok, asRaw, "", 400, "body_empty"},
	} {
		resp, b := do(t, "POST", url+"/v1/sensors/pump/windows"+c.path, c.media, []byte(c.body))
		checkProblem(t, c.name, resp, b, c.status, c.code)
	}
	for _, name := range []string{"a%20b", ".x", "-x", "%C3%A4", strings.Repeat("a", 65), "{sensor}", "a%0ab"} {
		resp, b := do(t, "POST", url+"/v1/sensors/"+name+"/windows", asJSON, []byte(good))
		checkProblem(t, name, resp, b, 422, "sensor_name")
	}
	resp, b := do(t, "POST", url+"/v1/sensors/pump/windows", asJSON, []byte(good), "Content-Encoding", "gzip")
	checkProblem(t, "gzip", resp, b, 415, "encoding_unsupported")
	resp, b = do(t, "PUT", url+"/v1/sensors/pump/windows", asJSON, []byte(good))
	checkProblem(t, "PUT", resp, b, 405, "method_not_allowed")
	if a := resp.Header.Get("Allow"); a != "POST" {
		t.Errorf("Allow: %q, want POST", a)
	}
	for path, code := range map[string]string{"/": "route_not_found", "/v2": "route_not_found", "/v1/diagnoses/none": "diagnosis_not_found"} {
		resp, b = do(t, "GET", url+path, "", nil)
		checkProblem(t, path, resp, b, 404, code)
	}
	for q, code := range map[string]string{
		"limit=0": "limit_out_of_range", "limit=1001": "limit_out_of_range", "limit=x": "limit_out_of_range", "from=yesterday": "parameter_invalid",
		"fault=broken": "unknown_fault", "sensor=a%20b": "sensor_name", "order=asc": "unknown_parameter", "limit=1&limit=2": "duplicate_parameter",
	} {
		resp, b = do(t, "GET", url+"/v1/diagnoses?"+q, "", nil)
		checkProblem(t, q, resp, b, 422, code)
	}
	if len(f.windows) != 0 {
		t.Errorf("%d refused windows reached the core", len(f.windows))
	}
}

func checkProblem(t *testing.T, name string, resp *http.Response, b []byte, status int, code string) {
	t.Helper()
	var p problem
	if err := json.Unmarshal(b, &p); err != nil {
		t.Errorf("%s: %v: %s", name, err, b)
		return
	}
	if resp.StatusCode != status || p.Status != status || p.Code != code || resp.Header.Get("Content-Type") != problemType {
		t.Errorf("%s: %d %s %q: %s, want %d %s", name, resp.StatusCode, p.Code, resp.Header.Get("Content-Type"), p.Detail, status, code)
	}
	if _, ok := Codes[p.Code]; !ok {
		t.Errorf("%s: code %s is not in the table", name, p.Code)
	}
	if p.RequestID == "" || p.Detail == "" || p.Title == "" {
		t.Errorf("%s: incomplete: %s", name, b)
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
	if resp, b := do(t, "HEAD", url+"/v1/diagnoses", "", nil); resp.StatusCode != 200 || len(b) != 0 {
		t.Errorf("HEAD: %s, %d bytes", resp.Status, len(b))
	}
	f.notReady = errors.New("disk gone")
	resp, b := do(t, "GET", url+"/readyz", "", nil)
	checkProblem(t, "readyz", resp, b, 503, "not_ready")
}

// TestClient: the client's queries and windows arrive as they were meant, and
// refusals come back with their code.
func TestClient(t *testing.T) {
	f := &fake{}
	url, _ := serve(t, f, Config{})
	c := Client{Base: url}
	want, err := bearing.NewWindow(bearing.Window{Sensor: "pump", Axis: "x", Start: time.Unix(1e9, 5), SampleRate: 12000.5, ShaftSpeed: 29.95, Bearing: "6205", Unit: bearing.G, Samples: []float32{1, 2}}, bearing.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.PostWindow(t.Context(), want); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, f.windows[0]); d != "" {
		t.Error(d)
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
	f.list = nil
	resp, b := do(t, "GET", url+"/v1/diagnoses", "", nil)
	if resp.StatusCode != 200 || strings.TrimSpace(string(b)) != `{"diagnoses":[],"next_cursor":""}` {
		t.Errorf("empty page: %s", b)
	}
}

// TestDescription compares the router with the document, both ways, and the
// document with the golden file.
func TestDescription(t *testing.T) {
	s, err := newServer(Config{Version: "test"}, &fake{}, &fake{})
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		OpenAPI string                    `json:"openapi"`
		Paths   map[string]map[string]any `json:"paths"`
	}
	if err := json.Unmarshal(s.spec, &doc); err != nil || !strings.HasPrefix(doc.OpenAPI, "3.1") {
		t.Fatalf("openapi %q: %v", doc.OpenAPI, err)
	}
	routes := make(map[string]bool)
	err = chi.Walk(s.router, func(method, route string, _ http.Handler, _ ...func(http.Handler) http.Handler) error {
		if route != "/docs/*" { // styles and scripts of a page
			routes[route+" "+strings.ToLower(method)] = true
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for path, ops := range doc.Paths {
		for method := range ops {
			if key := path + " " + method; !routes[key] {
				t.Errorf("the document has %s, the router has not", key)
			} else {
				delete(routes, key)
			}
		}
	}
	for r := range routes {
		t.Errorf("the router has %s, the document has not", r)
	}
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, s.spec, "", "  "); err != nil {
		t.Fatal(err)
	}
	golden := filepath.Join("testdata", "openapi.json")
	if *update {
		if err := os.WriteFile(golden, pretty.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), pretty.String()); d != "" {
		t.Errorf("the API changed: look at the difference and run with -update (-golden +now):\n%s", d)
	}
}

// TestPagesLoadNothingForeign: a plant's browser may have no way out.
func TestPagesLoadNothingForeign(t *testing.T) {
	err := fs.WalkDir(web.Files, ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := fs.ReadFile(web.Files, p)
		for _, foreign := range []string{"http:", "https:", "//", "@import"} {
			if i := bytes.Index(b, []byte(foreign)); i >= 0 && !(foreign == "//" && strings.HasSuffix(p, ".js")) {
				t.Errorf("%s has %q", p, b[i:min(len(b), i+40)])
			}
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// TestSlowBody: a body that does not come is given up, and says so.
func TestBodyThatEndsEarly(t *testing.T) {
	f := &fake{}
	s, err := newServer(Config{}, f, f)
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest("POST", "/v1/sensors/pump/windows", strings.NewReader(good[:20]))
	r.ContentLength = int64(len(good))
	r.Header.Set("Content-Type", asJSON)
	w := httptest.NewRecorder()
	s.router.ServeHTTP(w, r)
	checkProblem(t, "cut body", w.Result(), w.Body.Bytes(), 400, "body_incomplete")
}
