package api

import (
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"brinell/api/client"
	"brinell/bearing"
)

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
		{"start with a comma", "", asJSON, with("00.000000001Z", "00,5Z"), 422, "start_invalid"},
		{"start with a short hour", "", asJSON, with("T12:", "T1:"), 422, "start_invalid"},
		{"early start", "", asJSON, with("2026-01-31", "1026-01-31"), 422, "start_out_of_range"},
		{"no rate", "", asJSON, with(`"sample_rate_hz":12000,`, ""), 422, "rate_missing"},
		{"negative rate", "", asJSON, with("12000", "-1"), 422, "rate_out_of_range"},
		{"absurd rate", "", asJSON, with("12000", "1e12"), 422, "rate_out_of_range"},
		{"no unit", "", asJSON, with(`"unit":"g",`, ""), 422, "unit_missing"},
		{"unknown unit", "", asJSON, with(`"g"`, `"in/s"`), 422, "unit_unknown"},
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
		{"raw: beyond any acceleration", ok, asRaw, string(raw(1, 3e38)), 422, "sample_out_of_range"},
		{"raw: Inf", ok, asRaw, string(raw(float32(math.Inf(-1)))), 422, "sample_not_finite"},
		{"raw: too many samples", ok, asRaw, string(make([]byte, 404)), 422, "window_too_long"},
		{"raw: too many int16", ok + "&dtype=i16le&scale=1", asRaw, string(make([]byte, 202)), 422, "window_too_long"},
		{"raw: empty", ok, asRaw, "", 400, "body_empty"},
	} {
		resp, b := do(t, "POST", url+"/v1/sensors/pump/windows"+c.path, c.media, []byte(c.body))
		checkProblem(t, c.name, resp, b, c.status, c.code)
	}
	for _, name := range []string{"a%20b", ".x", "-x", "%C3%A4", strings.Repeat("a", 65), "{sensor}", "a%0ab"} {
		resp, b := do(t, "POST", url+"/v1/sensors/"+name+"/windows", asJSON, []byte(good))
		checkProblem(t, name, resp, b, 422, "sensor_name")
	}
	resp, b := do(t, "POST", url+"/v1/sensors/pump/windows", asJSON, []byte(good), "Content-Encoding", "gzip, gzip")
	checkProblem(t, "gzip twice", resp, b, 415, "encoding_unsupported")
	resp, b = do(t, "POST", url+"/v1/sensors/pump/windows", asJSON, []byte(good), "Content-Encoding", "identity, gzip")
	checkProblem(t, "stacked encodings", resp, b, 415, "encoding_unsupported")
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
	if !knownCode[p.Code] {
		t.Errorf("%s: code %s is not in the table", name, p.Code)
	}
	if wait := resp.Header.Get("Retry-After"); p.RetryAfter > 0 && wait != strconv.Itoa(p.RetryAfter) || p.RetryAfter == 0 && (status == 503 || status == 429) {
		t.Errorf("%s: Retry-After %q, retry_after_s %d", name, wait, p.RetryAfter)
	}
	if p.RequestID == "" || p.Detail == "" || p.Title == "" {
		t.Errorf("%s: incomplete: %s", name, b)
	}
}

// TestPointers: a refusal names the place.
func TestPointers(t *testing.T) {
	f := &fake{}
	url, _ := serve(t, f, Config{})
	point := func(method, path, media, body, want string) {
		t.Helper()
		_, b := do(t, method, url+path, media, []byte(body))
		var p problem
		if err := json.Unmarshal(b, &p); err != nil || p.Pointer != want {
			t.Errorf("pointer %q, want %q: %s", p.Pointer, want, b)
		}
	}
	json := func(body, want string) {
		t.Helper()
		point("POST", "/v1/sensors/p/windows", asJSON, body, want)
	}
	json(`{"samples":[`+strings.Repeat("1,", 17)+`null]}`, "/samples/17")
	json(`{"samples":[0,1e39]}`, "/samples/1")
	json(`{"samples":[0,"a"]}`, "/samples/1")
	json(`{"a/b~c":1}`, "/a~1b~0c")
	json(`{"unit":"g","unit":"g"}`, "/unit")
	json(`{"unit":1}`, "/unit")
	json(`{"unit" "g"}`, "byte 8")
	json("{\"unit\":\"\xff\"}", "byte 9")
	json(`{} x`, "byte 3")
	point("POST", "/v1/sensors/p/windows?scale=x", asRaw, "1234", "scale")
	point("POST", "/v1/sensors/p/windows?b=1&a=1", asRaw, "1234", "a")
	point("GET", "/v1/diagnoses?from=x", "", "", "from")
	point("GET", "/v1/diagnoses?limit=1e9", "", "", "limit")
	point("GET", "/v1/diagnoses/x?y=1", "", "", "y")
}

// TestLimitsAreStated: a refusal for a limit says which and what passed it, and the client
// gives both back.
func TestLimitsAreStated(t *testing.T) {
	f := &fake{submit: func(*bearing.Window) (bearing.Diagnosis, error) {
		return bearing.Diagnosis{}, bearing.Errorf(bearing.TooMany, "too_many_sensors", "x").Over(7, 8)
	}}
	url, _ := serve(t, f, Config{MaxSamples: 2, MaxBody: 4096})
	for _, c := range []struct {
		media, body   string
		code          string
		limit, actual float64
		wait          bool
	}{
		{asJSON, good, "window_too_long", 2, 0, false},
		{asJSON, strings.Repeat(" ", 5000), "body_too_large", 4096, 5000, false},
		{asJSON, strings.Replace(good, "[0.1,-2e-3,3]", "[1,2]", 1), "too_many_sensors", 7, 8, true},
	} {
		resp, b := do(t, "POST", url+"/v1/sensors/p/windows", c.media, []byte(c.body))
		var p problem
		if err := json.Unmarshal(b, &p); err != nil || p.Code != c.code || p.Limit != c.limit || p.Actual != c.actual || (p.RetryAfter > 0) != c.wait || (resp.Header.Get("Retry-After") != "") != c.wait {
			t.Errorf("%s, want %s: limit %g, actual %g, to be tried again %v", b, c.code, c.limit, c.actual, c.wait)
		}
		_, err := (&client.Client{Base: url, Retry: client.Retry{Attempts: 1}}).PostFile(t.Context(), client.Stated{Sensor: "p"}, c.media, []byte(c.body))
		e, ok := errors.AsType[*bearing.Error](err)
		if !ok || e.Kind == bearing.Internal || e.Code != c.code || e.Message != p.Detail || e.Pointer != p.Pointer || e.Limit != c.limit || e.Actual != c.actual || (e.Retry > 0) != c.wait {
			t.Errorf("the client says %+v", err)
		}
	}
}
