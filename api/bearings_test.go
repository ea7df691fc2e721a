package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"brinell/bearing"
)

const (
	byGeometry = `{"geometry":{"elements":13,"element_mm":7.5,"pitch_mm":38.5,"contact_deg":0},"source":"drawing 7","licence":"own"}`
	byOrders   = `{"orders":{"bpfo":3.585,"bpfi":5.415,"bsf2":4.714,"ftf":0.398}}`
)

func TestPutBearing(t *testing.T) {
	f := &fake{}
	var got []bearing.KnownBearing
	f.put = func(b bearing.KnownBearing) (bool, error) {
		got = append(got, b)
		return len(got) > 1, b.Validate()
	}
	url, _ := serve(t, f, Config{})
	resp, body := do(t, "PUT", url+"/v1/bearings/NU%20205%2FC3", asJSON, []byte(byGeometry))
	if resp.StatusCode != http.StatusCreated || resp.Header.Get("Location") != "/v1/bearings/NU%20205%2FC3" {
		t.Fatalf("%s %q %s", resp.Status, resp.Header.Get("Location"), body)
	}
	var e bearing.CatalogueEntry
	if err := json.Unmarshal(body, &e); err != nil || e.Designation != "NU 205/C3" || e.Orders.BPFO == 0 || e.Geometry == nil {
		t.Errorf("%v %s", err, body)
	}
	resp, body = do(t, "PUT", url+"/v1/bearings/50%25", asJSON+"; charset=utf-8", []byte(" "+strings.Replace(byOrders, "{", "{ \n", 1)+"\n"))
	if resp.StatusCode != http.StatusOK || resp.Header.Get("Location") != "" {
		t.Fatalf("%s %s", resp.Status, body)
	}
	want := []bearing.KnownBearing{
		{Designation: "NU 205/C3", Geometry: bearing.Geometry{Elements: 13, ElementDia: 7.5, PitchDia: 38.5}, Source: "drawing 7", Licence: "own"},
		{Designation: "50%", Stated: bearing.Orders{BPFO: 3.585, BPFI: 5.415, BSF: 2.357, FTF: 0.398}},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	for _, c := range []struct {
		err    error
		status int
		code   string
	}{
		{bearing.Errorf(bearing.Conflict, "bearing_builtin", "x"), 409, "bearing_builtin"},
		{bearing.Errorf(bearing.Conflict, "catalogue_full", "x"), 409, "catalogue_full"},
		{bearing.Errorf(bearing.Overloaded, "storage_full", "x"), 503, "storage_full"},
		{errors.New("secret"), 500, "internal"},
	} {
		f.put = func(bearing.KnownBearing) (bool, error) { return false, c.err }
		resp, body := do(t, "PUT", url+"/v1/bearings/x", asJSON, []byte(byOrders))
		checkProblem(t, c.code, resp, body, c.status, c.code)
	}
}

func TestGetBearings(t *testing.T) {
	url, _ := serve(t, &fake{}, Config{})
	resp, body := do(t, "GET", url+"/v1/bearings", "", nil)
	var list bearingList
	if err := json.Unmarshal(body, &list); err != nil || resp.StatusCode != 200 || len(list.Bearings) != len(bearing.KnownBearings) {
		t.Fatalf("%s %v %s", resp.Status, err, body)
	}
	for _, e := range list.Bearings {
		if e.Orders.BPFO == 0 || e.Source == "" || e.Licence == "" {
			t.Errorf("%+v", e)
		}
	}
	for address, want := range map[string]string{"6205-2RS": "6205-2RS", "6205%202z%2FC3": "6205-2RS", "za2115": "ZA-2115"} {
		resp, body := do(t, "GET", url+"/v1/bearings/"+address, "", nil)
		var e bearing.CatalogueEntry
		if err := json.Unmarshal(body, &e); err != nil || resp.StatusCode != 200 || e.Designation != want {
			t.Errorf("%s: %s %s", address, resp.Status, body)
		}
	}
	for _, c := range []struct {
		address string
		status  int
		code    string
	}{
		{"/30204", 404, "bearing_unknown"}, {"/50%25", 404, "bearing_unknown"}, {"/%00", 404, "bearing_unknown"},
		{"/6205?x=1", 422, "unknown_parameter"}, {"?x=1", 422, "unknown_parameter"}, {"/6205/x", 404, "route_not_found"},
	} {
		resp, body := do(t, "GET", url+"/v1/bearings"+c.address, "", nil)
		checkProblem(t, c.address, resp, body, c.status, c.code)
	}
}

// ownBearings is a catalogue that is kept nowhere.
type ownBearings struct{ *bearing.Catalogue }

func (c ownBearings) PutBearing(_ context.Context, b bearing.KnownBearing, check BearingCheck) (bool, error) {
	if err := errors.Join(c.Check(b), check(c.Row(b.Designation))); err != nil {
		return false, err
	}
	return c.Put(b)
}

func (c ownBearings) DeleteBearing(_ context.Context, designation string, check BearingCheck) error {
	if err := check(c.Row(designation)); err != nil {
		return err
	}
	c.Delete(designation)
	return nil
}

// TestBearingConditions: rows have ETags, and a write can ask for one.
func TestBearingConditions(t *testing.T) {
	b := backend(&fake{})
	b.Bearings = ownBearings{bearing.NewCatalogue(bearing.KnownBearings...)}
	s, err := newServer(Config{}, b)
	if err != nil {
		t.Fatal(err)
	}
	send := func(method, body string, header ...string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(method, "/v1/bearings/XR-1", strings.NewReader(body))
		r.Header.Set("Content-Type", asJSON)
		for i := 0; i+1 < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		w := httptest.NewRecorder()
		s.router.ServeHTTP(w, r)
		return w
	}
	want := func(what string, w *httptest.ResponseRecorder, status int, code string) (tag string) {
		t.Helper()
		if w.Code != status || code != "" && !strings.Contains(w.Body.String(), `"`+code+`"`) {
			t.Errorf("%s: %d %s, want %d %s", what, w.Code, w.Body, status, code)
		}
		return w.Header().Get("ETag")
	}
	want("change what is not there", send("PUT", byOrders, "If-Match", "*"), 412, "version_mismatch")
	want("change one that is not there", send("PUT", byOrders, "If-Match", `"0123456789abcdef01234567"`), 412, "version_mismatch")
	first := want("make", send("PUT", byOrders, "If-None-Match", "*"), 201, "")
	want("make again", send("PUT", byOrders, "If-None-Match", "*"), 412, "version_mismatch")
	if got := want("read", send("GET", ""), 200, ""); got != first || len(first) < 10 {
		t.Errorf("ETag %s, of PUT %s", got, first)
	}
	want("read again", send("GET", "", "If-None-Match", first), 304, "")
	second := want("change", send("PUT", byGeometry, "If-Match", first), 200, "")
	if got := want("read", send("GET", ""), 200, ""); got != second || second == first {
		t.Errorf("ETag %s, of PUT %s, before %s", got, second, first)
	}
	want("change late", send("PUT", byOrders, "If-Match", first), 412, "version_mismatch")
	want("delete late", send("DELETE", "", "If-Match", first), 412, "version_mismatch")
	for _, m := range []string{"7", `"7"`, `W/` + second, second + ", " + first} {
		want("condition "+m, send("PUT", byOrders, "If-Match", m), 400, "precondition_invalid")
	}
	want("condition of a version", send("PUT", byOrders, "If-None-Match", second), 400, "precondition_invalid")
	want("delete", send("DELETE", "", "If-Match", second), 204, "")
	want("read what is deleted", send("GET", ""), 404, "bearing_unknown")
}

// TestBearingPages: page after page is the whole catalogue.
func TestBearingPages(t *testing.T) {
	url, _ := serve(t, &fake{}, Config{})
	var got []string
	for cursor := ""; ; {
		resp, body := do(t, "GET", url+"/v1/bearings?limit=2&cursor="+cursor, "", nil)
		var list bearingList
		if err := json.Unmarshal(body, &list); err != nil || resp.StatusCode != 200 || len(list.Bearings) > 2 {
			t.Fatalf("%s %v %s", resp.Status, err, body)
		}
		for _, b := range list.Bearings {
			got = append(got, b.Designation)
		}
		if cursor = list.Next; cursor == "" {
			break
		}
	}
	var want []string
	for _, b := range bearing.NewCatalogue(bearing.KnownBearings...).Rows() {
		want = append(want, b.Designation)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	for query, code := range map[string]string{"limit=0": "limit_out_of_range", "limit=1001": "limit_out_of_range", "cursor=!": "cursor_invalid"} {
		resp, body := do(t, "GET", url+"/v1/bearings?"+query, "", nil)
		checkProblem(t, query, resp, body, 422, code)
	}
}

func TestPutBearingRefusals(t *testing.T) {
	stored := 0
	f := &fake{}
	f.put = func(b bearing.KnownBearing) (bool, error) {
		if err := b.Validate(); err != nil {
			return false, err
		}
		stored++
		return false, nil
	}
	url, _ := serve(t, f, Config{})
	with := func(old, new string) string {
		for _, s := range []string{byGeometry, byOrders} {
			if strings.Contains(s, old) {
				return strings.Replace(s, old, new, 1)
			}
		}
		t.Fatalf("%q is in no good body", old)
		return ""
	}
	for _, c := range []struct {
		name, body    string
		status        int
		code, pointer string
	}{
		{"empty", "", 400, "body_empty", ""},
		{"blank", " ", 400, "body_empty", ""},
		{"text", "6205", 400, "json_malformed", ""},
		{"array", "[]", 400, "json_malformed", ""},
		{"cut", byOrders[:len(byOrders)-1], 400, "json_malformed", fmt.Sprintf("byte %d", len(byOrders)-1)},
		{"comma at the end", with(`"own"}`, `"own",}`), 400, "json_malformed", ""},
		{"no colon", with(`"source":`, `"source"`), 400, "json_malformed", ""},
		{"trailing", byOrders + "{}", 400, "trailing_data", fmt.Sprintf("byte %d", len(byOrders))},
		{"not UTF-8", with("drawing", "\xff"), 400, "invalid_utf8", ""},
		{"unknown field", with(`"source"`, `"maker"`), 400, "unknown_field", "/maker"},
		{"other case", with(`"source"`, `"Source"`), 400, "unknown_field", "/Source"},
		{"designation", with(`"source"`, `"designation"`), 400, "unknown_field", "/designation"},
		{"unknown field inside", with(`"ftf"`, `"bsf"`), 400, "unknown_field", "/orders/bsf"},
		{"repeated", with(`"licence"`, `"source"`), 400, "duplicate_field", "/source"},
		{"repeated inside", with(`"bpfi"`, `"bpfo"`), 400, "duplicate_field", "/orders/bpfo"},
		{"null", with("13", "null"), 422, "wrong_type", "/geometry/elements"},
		{"null orders", with(`{"bpfo":3.585,"bpfi":5.415,"bsf2":4.714,"ftf":0.398}`, "null"), 422, "wrong_type", "/orders"},
		{"text for a number", with("7.5", `"7.5"`), 422, "wrong_type", "/geometry/element_mm"},
		{"number for text", with(`"own"`, "1"), 422, "wrong_type", "/licence"},
		{"half an element", with("13", "13.5"), 422, "wrong_type", "/geometry/elements"},
		{"countless elements", with("13", "1e300"), 422, "wrong_type", "/geometry/elements"},
		{"huge", with("7.5", "1e999"), 422, "number_out_of_range", "/geometry/element_mm"},
		{"nothing", "{}", 422, "bearing_invalid", "/geometry"},
		{"empty geometry", `{"geometry":{}}`, 422, "bearing_invalid", "/geometry"},
		{"both", byOrders[:len(byOrders)-1] + "," + byGeometry[1:], 422, "bearing_invalid", "/orders"},
		{"too large elements", with("7.5", "75"), 422, "bearing_invalid", "/geometry/element_mm"},
		{"hertz", with("3.585", "107.4"), 422, "bearing_invalid", "/orders/bpfi"},
		{"spin", with("4.714", "2.357"), 422, "bearing_invalid", "/orders/bsf2"},
		{"one order missing", with(`,"ftf":0.398`, ""), 422, "bearing_invalid", "/orders/ftf"},
		{"long source", with("drawing 7", strings.Repeat("a", 201)), 422, "bearing_invalid", "/source"},
		{"line break", with("drawing 7", `a\nb`), 422, "bearing_invalid", "/source"},
		{"large", with("drawing 7", strings.Repeat("a", 20_000)), 413, "body_too_large", ""},
	} {
		resp, b := do(t, "PUT", url+"/v1/bearings/x", asJSON, []byte(c.body))
		checkProblem(t, c.name, resp, b, c.status, c.code)
		var p problem
		if err := json.Unmarshal(b, &p); err != nil || c.pointer != "" && p.Pointer != c.pointer {
			t.Errorf("%s: pointer %q, want %q", c.name, p.Pointer, c.pointer)
		}
	}
	for _, name := range []string{"%20x", "a%0ab", "--", "%C3%A4", strings.Repeat("a", 65)} {
		resp, b := do(t, "PUT", url+"/v1/bearings/"+name, asJSON, []byte(byOrders))
		checkProblem(t, name, resp, b, 422, "bearing_name")
	}
	resp, b := do(t, "PUT", url+"/v1/bearings/x?y=1", asJSON, []byte(byOrders))
	checkProblem(t, "query", resp, b, 422, "unknown_parameter")
	resp, b = do(t, "PUT", url+"/v1/bearings/x", "text/plain", []byte(byOrders))
	checkProblem(t, "media type", resp, b, 415, "media_type_unsupported")
	resp, b = do(t, "PUT", url+"/v1/bearings/x", asJSON, []byte(byOrders), "Content-Encoding", "br")
	checkProblem(t, "brotli", resp, b, 415, "encoding_unsupported")
	resp, b = do(t, "POST", url+"/v1/bearings/x", asJSON, []byte(byOrders))
	checkProblem(t, "POST", resp, b, 405, "method_not_allowed")
	if a := strings.Join(resp.Header.Values("Allow"), " "); a != "GET PUT DELETE" {
		t.Errorf("Allow: %q", a)
	}
	if stored != 0 {
		t.Errorf("%d refused rows were stored", stored)
	}
}
