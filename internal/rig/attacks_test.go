package rig

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
)

// attacks is the table of hostile requests, by entry point.
func attacks() []attack {
	return slices.Concat(jsonAttacks(), rawAttacks(), npyAttacks(), wavAttacks(), encodingAttacks(), bulkAttacks(), keyAttacks(),
		grantAttacks(), queryAttacks(), signalAttacks(), resourceAttacks(), newerAttacks(), bearingAttacks(), alarmAttacks(), routeAttacks(), wireAttacks())
}

func keyAttacks() (out []attack) {
	ask := func(name, method, target, key string, status int, code string, header ...string) {
		out = append(out, attack{name: "key: " + name, method: method, target: target, key: key, header: header, status: status, code: code})
	}
	ask("none", "GET", "/v1/diagnoses", "", 401, "key_missing")
	ask("none, for metrics", "GET", "/metrics", "", 401, "key_missing")
	ask("none, for a stream", "GET", "/v1/stream", "", 401, "key_missing")
	ask("none, for a window", "POST", windowsOf+query, "", 401, "key_missing", "Content-Length", "0")
	ask("unknown", "GET", "/v1/diagnoses", "wrong", 401, "key_invalid")
	ask("nearly nothing", "GET", "/v1/diagnoses", "short", 401, "key_invalid")
	ask("of control characters", "GET", "/v1/diagnoses", "garbled", 400, "")
	ask("Basic", "GET", "/v1/diagnoses", "", 401, "key_invalid", "Authorization", "Basic YWRtaW46YWRtaW4=")
	ask("Bearer and nothing", "GET", "/v1/diagnoses", "", 401, "key_invalid", "Authorization", "Bearer")
	ask("two headers", "GET", "/v1/diagnoses", "wrong", 401, "key_invalid", "Authorization", "Bearer brk_other_key")
	ask("as a cookie", "GET", "/v1/diagnoses", "", 401, "key_missing", "Cookie", "key=brk_a_b")
	ask("in the query", "GET", "/v1/diagnoses?key=brk_a_b", "read", 400, "key_in_url")
	ask("in the path", "GET", "/v1/diagnoses/brk_a_b", "read", 404, "diagnosis_not_found")
	ask("under another name in the query", "GET", "/v1/diagnoses?api_key=x", "read", 400, "key_in_url")
	ask("from a trusted address, it says", "GET", "/v1/diagnoses", "", 401, "key_missing", "X-Forwarded-For", "127.0.0.1")
	ask("from inside, it says", "GET", "/v1/diagnoses", "", 401, "key_missing", "X-Real-IP", "127.0.0.1", "Forwarded", "for=127.0.0.1")
	ask("another method, it says", "POST", "/v1/alarms/x/acknowledge", "read", 403, "scope_missing", "X-HTTP-Method-Override", "GET")
	ask("another address, it says", "GET", "/v1/machines", "ingest", 403, "scope_missing", "X-Original-URL", "/healthz")
	for _, c := range []struct{ method, target, key string }{
		{"GET", "/metrics", "ingest"}, {"GET", "/v1/diagnoses", "ingest"}, {"GET", "/v1/diagnoses/x", "ingest"}, {"GET", "/v1/windows/x", "ingest"}, {"GET", "/v1/windows/x/spectrum", "ingest"},
		{"GET", "/v1/sensors", "ingest"}, {"GET", "/v1/sensors/pump/trends", "ingest"}, {"GET", "/v1/alarms", "ingest"}, {"GET", "/v1/stream", "ingest"}, {"GET", "/v1/bearings", "ingest"},
		{"POST", windowsOf, "read"}, {"POST", "/v1/windows", "read"}, {"PUT", "/v1/machines/m", "ingest"}, {"PUT", "/v1/sensors/s", "read"}, {"DELETE", "/v1/machines/held", "read"}, {"DELETE", "/v1/sensors/held", "pumps"},
		{"PUT", "/v1/bearings/b", "read"}, {"POST", "/v1/alarms/x/shelve", "ingest"},
	} {
		ask(c.key+" for "+c.method+" "+c.target, c.method, c.target, c.key, 403, "scope_missing")
	}
	for _, c := range []struct{ method, target, code string }{
		{"POST", "/v1/sensors/fan/windows" + query, "sensor_forbidden"}, {"GET", "/v1/diagnoses", "sensor_missing"}, {"GET", "/v1/diagnoses?sensor=fan", "sensor_forbidden"}, {"GET", "/v1/alarms", "sensor_missing"},
		{"GET", "/v1/alarms?sensor=fan", "sensor_forbidden"}, {"GET", "/v1/stream", "sensor_missing"}, {"GET", "/v1/stream?sensor=pump,fan", "sensor_forbidden"}, {"GET", "/metrics", "key_limited"}, {"GET", "/v1/machines", "key_limited"}, {"GET", "/v1/machines/held", "key_limited"},
		{"GET", "/v1/sensors/held", "sensor_forbidden"}, {"GET", "/v1/sensors/fan/trends?feature=rms", "sensor_forbidden"},
	} {
		ask("for pumps: "+c.method+" "+c.target, c.method, c.target, "pumps", 403, c.code)
	}
	return out
}

func queryAttacks() (out []attack) {
	for _, c := range []struct {
		query string
		code  string
	}{
		{"limit=0", "limit_out_of_range"}, {"limit=-1", "limit_out_of_range"}, {"limit=1000000000&sensor=pump", "limit_out_of_range"}, {"limit=ten", "limit_out_of_range"}, {"limit=1e2", "limit_out_of_range"}, {"limit=%2010", "limit_out_of_range"},
		{"limit=99999999999999999999&fault=normal", "limit_out_of_range"}, {"limit=", "limit_out_of_range"},
		{"from=yesterday", "parameter_invalid"}, {"to=0", "parameter_invalid"}, {"from=2026-13-01T00:00:00Z", "parameter_invalid"},
		{"fault=broken", "unknown_fault"}, {"fault=", "unknown_fault"}, {"sensor=", "sensor_name"}, {"sensor=a%20b", "sensor_name"}, {"sensor=*", "sensor_name"}, {"sensor=%25", "sensor_name"},
		{"order=asc", "unknown_parameter"}, {"offset=10", "unknown_parameter"}, {"limit=1&limit=2", "duplicate_parameter"}, {"a=%zz", "parameter_invalid"},
		{"cursor=x", "cursor_invalid"}, {"cursor=AAAA", "cursor_invalid"}, {"cursor=%00", "cursor_invalid"}, {"cursor=" + strings.Repeat("A", 2000), "cursor_invalid"},
	} {
		out = append(out, attack{name: "list: " + c.query[:min(len(c.query), 30)], method: "GET", target: "/v1/diagnoses?" + c.query, key: "read", status: 422, code: c.code})
	}
	for target, c := range map[string]struct {
		status int
		code   string
	}{
		"/v1/diagnoses/none":                                   {404, "diagnosis_not_found"},
		"/v1/diagnoses/%00":                                    {404, "diagnosis_not_found"},
		"/v1/diagnoses/'%20OR%201=1--":                         {404, "diagnosis_not_found"},
		"/v1/diagnoses/" + strings.Repeat("a", 4000):           {404, "diagnosis_not_found"},
		"/v1/diagnoses/x?y=1":                                  {422, "unknown_parameter"},
		"/v1/diagnoses/../../etc/passwd":                       {404, "route_not_found"},
		"/v1/diagnoses/..%2f..%2fetc%2fpasswd":                 {404, "diagnosis_not_found"},
		"/v1/stream?kind=all":                                  {422, "parameter_invalid"},
		"/v1/stream?severity=9":                                {422, "parameter_invalid"},
		"/v1/stream?sensor=" + strings.Repeat("a,", 100) + "a": {422, "sensor_name"},
		"/v1/stream?sensor=,":                                  {422, "sensor_name"},
		"/v1/stream?last_event_id=x":                           {422, "position_invalid"},
		"/v1/stream?from=0":                                    {422, "unknown_parameter"},
	} {
		out = append(out, attack{name: "read: " + target[:min(len(target), 60)], method: "GET", target: target, key: "read", status: c.status, code: c.code})
	}
	out = append(out, attack{name: "stream: a position that is none", method: "GET", target: "/v1/stream", key: "read", header: []string{"Last-Event-ID", "-1.-1"}, status: 422, code: "position_invalid"})
	return out
}

func signalAttacks() (out []attack) {
	for _, c := range []struct {
		target string
		status int
		code   string
	}{
		{"/v1/windows/none", 404, "diagnosis_not_found"}, {"/v1/windows/none/spectrum", 404, "diagnosis_not_found"}, {"/v1/windows/none/envelope", 404, "diagnosis_not_found"},
		{"/v1/windows/x?format=mat", 422, "format_unknown"}, {"/v1/windows/x?format=", 422, "format_unknown"}, {"/v1/windows/x?format=../json", 422, "format_unknown"}, {"/v1/windows/x?as=npy", 422, "unknown_parameter"},
		{"/v1/windows/x/spectrum?lines=0", 422, "parameter_invalid"}, {"/v1/windows/x/spectrum?lines=-5", 422, "parameter_invalid"}, {"/v1/windows/x/spectrum?lines=many", 422, "parameter_invalid"}, {"/v1/windows/x/spectrum?max_hz=5", 422, "unknown_parameter"},
		{"/v1/windows/x/envelope?band_low_hz=1", 422, "parameter_invalid"}, {"/v1/windows/x/envelope?band_low_hz=9&band_high_hz=1", 422, "parameter_invalid"}, {"/v1/windows/x/envelope?max_hz=NaN", 422, "parameter_invalid"}, {"/v1/windows/x/envelope?max_hz=-1", 422, "parameter_invalid"},
		{"/v1/sensors/pump/trends", 422, "feature_unknown"}, {"/v1/sensors/pump/trends?feature=%22", 422, "feature_unknown"}, {"/v1/sensors/pump/trends?feature=rms&points=0", 422, "parameter_invalid"}, {"/v1/sensors/pump/trends?feature=rms&points=1e9", 422, "parameter_invalid"},
		{"/v1/sensors/pump/trends?feature=rms&from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z", 422, "parameter_invalid"}, {"/v1/sensors/pump/trends?feature=rms&axis=a%20b", 422, "axis_name"}, {"/v1/sensors/a%20b/trends?feature=rms", 422, "sensor_name"},
		{"/v1/sensors/canary/trends?feature=sensor", 422, "feature_unknown"}, {"/v1/sensors/nobody/trends?feature=rms", 404, "sensor_not_found"},
	} {
		out = append(out, attack{name: "signal: " + c.target, method: "GET", target: c.target, key: "read", status: c.status, code: c.code})
	}
	return out
}

func resourceAttacks() (out []attack) {
	put := func(target, body string, status int, code string, header ...string) {
		out = append(out, attack{name: "put " + target + ": " + body[:min(len(body), 70)] + strings.Join(header, " "), method: "PUT", target: target, key: "admin",
			header: append([]string{"Content-Type", "application/json"}, header...), body: []byte(body), status: status, code: code})
	}
	put("/v1/machines/m", "", 400, "body_empty")
	put("/v1/machines/m", "[]", 400, "json_malformed")
	put("/v1/machines/m", "null", 422, "wrong_type")
	put("/v1/machines/m", "{", 400, "json_malformed")
	put("/v1/machines/m", "{}{}", 400, "trailing_data")
	put("/v1/machines/m", `{"title":1}`, 422, "wrong_type")
	put("/v1/machines/m", `{"title":null}`, 422, "wrong_type")
	put("/v1/machines/m", `{"Title":"x"}`, 400, "unknown_field")
	put("/v1/machines/m", `{"title":"a","title":"b"}`, 400, "duplicate_field")
	put("/v1/machines/m", `{"name":"other"}`, 422, "name_mismatch")
	put("/v1/machines/m", `{"note":"`+strings.Repeat("x", 501)+`"}`, 422, "field_invalid")
	put("/v1/machines/m", "{\"note\":\"\xff\"}", 400, "invalid_utf8")
	put("/v1/machines/m", `{"note":"`+strings.Repeat("x", 65<<10)+`"}`, 413, "body_too_large")
	put("/v1/machines/a%20b", "{}", 422, "resource_name")
	put("/v1/machines/..", "{}", 422, "resource_name")
	put("/v1/machines/{name}", "{}", 422, "resource_name")
	put("/v1/machines/m?force=1", "{}", 422, "unknown_parameter")
	put("/v1/machines/m", "{}", 412, "version_mismatch", "If-Match", `"7"`)
	put("/v1/machines/m", "{}", 412, "version_mismatch", "If-Match", "*")
	put("/v1/machines/held", "{}", 412, "version_mismatch", "If-None-Match", "*")
	put("/v1/bearings/b", `{"orders":{"bpfo":3.585,"bpfi":5.415,"bsf2":4.714,"ftf":0.398}}`, 412, "version_mismatch", "If-Match", "*")
	put("/v1/bearings/b", "{}", 400, "precondition_invalid", "If-Match", `"1"`)
	put("/v1/machines/m", "{}", 400, "precondition_invalid", "If-Match", "seven")
	put("/v1/machines/m", "{}", 400, "precondition_invalid", "If-Match", `W/"1"`)
	put("/v1/machines/m", "{}", 400, "precondition_invalid", "If-Match", `"-1"`)
	put("/v1/machines/m", "{}", 400, "precondition_invalid", "If-None-Match", `"1"`)
	put("/v1/machines/m", "{}", 415, "encoding_unsupported", "Content-Encoding", "br")
	sensor := func(body string, status int, code string) { put("/v1/sensors/s", body, status, code) }
	sensor(`{"machine":"none"}`, 422, "machine_unknown")
	sensor(`{"machine":"a b"}`, 422, "machine_name")
	sensor(`{"bearing":"none such"}`, 422, "bearing_unknown")
	sensor(`{"bearing":"`+strings.Repeat("6", 501)+`"}`, 422, "field_invalid")
	sensor(`{"sample_rate_hz":-1}`, 422, "field_invalid")
	sensor(`{"sample_rate_hz":1000000000000.5}`, 422, "field_invalid")
	sensor(`{"sample_rate_hz":1e999}`, 422, "wrong_type")
	sensor(`{"sample_rate_hz":"fast"}`, 422, "wrong_type")
	sensor(`{"unit":"um/s"}`, 422, "unit_unknown")
	sensor(`{"axis":"a/b"}`, 422, "axis_name")
	sensor(`{"full_scale":-5}`, 422, "field_invalid")
	sensor(`{"shaft_speed_rpm":-1}`, 422, "field_invalid")
	sensor(`{"alarm":[]}`, 422, "wrong_type")
	sensor(`{"alarm":{"conditions":{}}}`, 422, "wrong_type")
	sensor(`{"alarm":{"silent_intervals":-9,"conditions":[]}}`, 422, "rule_invalid")
	sensor(`{"alarm":{"conditions":[{"name":"silent","kind":"fault"}]}}`, 422, "rule_invalid")
	sensor(`{"alarm":{"conditions":[{"name":"a","kind":"fault"},{"name":"a","kind":"baseline"}]}}`, 422, "rule_invalid")
	sensor(`{"alarm":{"conditions":[{"name":"a","kind":"magic"}]}}`, 422, "rule_invalid")
	sensor(`{"alarm":{"conditions":[{"name":"a","kind":"zone","zone":"E"}]}}`, 422, "rule_invalid")
	sensor(`{"alarm":{"conditions":[{"name":"a","kind":"feature"}]}}`, 422, "rule_invalid")
	sensor(`{"alarm":{"conditions":[{"name":"a","kind":"feature","feature":"rms","above":1,"until":2}]}}`, 422, "rule_invalid")
	sensor(`{"alarm":{"conditions":[{"name":"a","kind":"feature","feature":"rms","above":-1,"until":0}]}}`, 422, "rule_invalid")
	sensor(`{"alarm":{"conditions":[{"name":"a","kind":"feature","feature":"no_such_feature","above":1}]}}`, 422, "feature_unknown")
	sensor(`{"alarm":{"conditions":[{"name":"a","kind":"fault","probability":2}]}}`, 422, "rule_invalid")
	sensor(`{"alarm":{"conditions":[{"name":"a","kind":"fault","severity":"panic"}]}}`, 422, "rule_invalid")
	sensor(`{"alarm":{"conditions":[{"name":"a","kind":"fault","faults":["rust"]}]}}`, 422, "rule_invalid")
	sensor(`{"alarm":{"conditions":[{"name":"a","kind":"fault","on":{"count":-1}}]}}`, 422, "rule_invalid")
	sensor(`{"alarm":{"conditions":[{"name":"a","kind":"fault","off":{"seconds":1e12}}]}}`, 422, "rule_invalid")
	sensor(`{"alarm":{"conditions":[{"name":"a","kind":"fault","on":{"count":1.5}}]}}`, 422, "wrong_type")
	sensor(`{"alarm":{"conditions":[`+strings.Repeat(`{"name":"a","kind":"fault"},`, 16)+`{"name":"b","kind":"fault"}]}}`, 422, "rule_invalid")
	sensor(strings.Repeat(`{"alarm":`, 5000)+"1"+strings.Repeat("}", 5000), 400, "unknown_field")
	ask := func(name, method, target string, status int, code string, header ...string) {
		out = append(out, attack{name: name, method: method, target: target, key: "admin", header: header, status: status, code: code})
	}
	ask("a machine that is not", "GET", "/v1/machines/none", 404, "resource_not_found")
	ask("a sensor that is not", "GET", "/v1/sensors/none", 404, "resource_not_found")
	ask("delete what is not", "DELETE", "/v1/machines/none", 404, "resource_not_found")
	ask("delete what is in use", "DELETE", "/v1/machines/held", 409, "machine_in_use")
	ask("delete another version", "DELETE", "/v1/sensors/held", 412, "version_mismatch", "If-Match", `"99"`)
	ask("delete a bearing of the program", "DELETE", "/v1/bearings/6205-2RS", 409, "bearing_builtin")
	ask("delete a bearing that is not", "DELETE", "/v1/bearings/none", 404, "bearing_unknown")
	ask("bearings behind no cursor", "GET", "/v1/bearings?cursor=%25", 422, "cursor_invalid")
	ask("a million bearings", "GET", "/v1/bearings?limit=1000000", 422, "limit_out_of_range")
	ask("delete all", "DELETE", "/v1/sensors", 405, "method_not_allowed")
	ask("machines behind no cursor", "GET", "/v1/machines?cursor=%25", 422, "cursor_invalid")
	ask("a million machines", "GET", "/v1/machines?limit=1000000", 422, "limit_out_of_range")
	ask("sensors that may be registered", "GET", "/v1/sensors?registered=maybe", 422, "parameter_invalid")
	ask("machines that are not registered", "GET", "/v1/machines?registered=false", 422, "unknown_parameter")
	ask("machines in another order", "GET", "/v1/machines?sort=name", 422, "unknown_parameter")
	return out
}

func newerAttacks() (out []attack) {
	send := func(method, target, body string, status int, code string) {
		a := attack{name: method + " " + target + ": " + body[:min(len(body), 60)], method: method, target: target, key: "admin", status: status, code: code}
		if body != "" {
			a.header, a.body = []string{"Content-Type", "application/json"}, []byte(body)
		}
		out = append(out, a)
	}
	hook := func(body string, status int, code string) { send("PUT", "/v1/webhooks/h", body, status, code) }
	hook(`{"url":"https://example.org"}`, 422, "webhook_secret")
	hook(`{"url":"https://example.org","secret":"short"}`, 422, "webhook_secret")
	hook(`{"secret":"0123456789abcdef"}`, 422, "webhook_url")
	hook(`{"url":"file:///etc/passwd","secret":"0123456789abcdef"}`, 422, "webhook_url")
	hook(`{"url":"gopher://127.0.0.1:25/x","secret":"0123456789abcdef"}`, 422, "webhook_url")
	hook(`{"url":"https://user:pw@example.org","secret":"0123456789abcdef"}`, 422, "webhook_url")
	hook(`{"url":"https://exa mple.org","secret":"0123456789abcdef"}`, 422, "webhook_url")
	hook(`{"url":"https://`+strings.Repeat("a", 600)+`.org","secret":"0123456789abcdef"}`, 422, "webhook_url")
	hook(`{"url":"https://example.org","secret":"0123456789abcdef","severity":"low"}`, 422, "field_invalid")
	send("POST", "/v1/webhooks/none/test", "", 404, "resource_not_found")
	send("GET", "/v1/webhooks/none/delivery", "", 404, "resource_not_found")
	send("GET", "/v1/webhooks/a%20b/delivery", "", 422, "resource_name")
	inspection := func(body string, status int, code string) { send("PUT", "/v1/inspections/i", body, status, code) }
	inspection(`{"found":"nothing","at":"2026-01-01T00:00:00Z"}`, 422, "sensor_name")
	inspection(`{"sensor":"s","found":"rust","at":"2026-01-01T00:00:00Z"}`, 422, "field_invalid")
	inspection(`{"sensor":"s","found":"fault","at":"2026-01-01T00:00:00Z"}`, 422, "field_invalid")
	inspection(`{"sensor":"s","found":"fault","fault":"unknown_fault","at":"2026-01-01T00:00:00Z"}`, 422, "field_invalid")
	inspection(`{"sensor":"s","found":"nothing","fault":"ball","at":"2026-01-01T00:00:00Z"}`, 422, "field_invalid")
	inspection(`{"sensor":"s","found":"nothing"}`, 422, "field_invalid")
	inspection(`{"sensor":"s","found":"nothing","at":"yesterday"}`, 422, "wrong_type")
	inspection(`{"sensor":"s","found":"nothing","at":"2026-01-01T00:00:00Z","from":"2026-02-01T00:00:00Z"}`, 422, "field_invalid")
	inspection(`{"sensor":"s","found":"nothing","at":"2026-01-01T00:00:00Z","until":"2026-02-01T00:00:00Z"}`, 422, "field_invalid")
	baseline := func(body string, status int, code string) {
		send("POST", "/v1/sensors/nobody/baselines", body, status, code)
	}
	baseline(`{"action":"restart"}`, 404, "sensor_not_found")
	baseline(`{"action":"destroy"}`, 422, "field_invalid")
	baseline(`{"action":"freeze","axis":"a b"}`, 422, "axis_name")
	baseline(`{"action":"freeze","at":"1066-10-14T00:00:00Z"}`, 422, "start_out_of_range")
	baseline(`{"action":"freeze","note":"`+strings.Repeat("x", 501)+`"}`, 422, "field_invalid")
	send("GET", "/v1/sensors/nobody/baselines", "", 404, "sensor_not_found")
	send("GET", "/v1/sensors/a%20b/baselines", "", 422, "sensor_name")
	for _, c := range []struct {
		name   string
		body   []byte
		status int
		code   string
	}{
		{"nothing", []byte{}, 400, "body_empty"}, {"words", []byte("a model"), 422, "model_rejected"}, {"a header of an exabyte", binary.LittleEndian.AppendUint64(nil, 1<<60), 422, "model_rejected"},
		{"a header that is no JSON", append(binary.LittleEndian.AppendUint64(nil, 4), "abcd"...), 422, "model_rejected"},
		{"tensors that overlap", append(binary.LittleEndian.AppendUint64(nil, 60), fmt.Sprintf("%-60s", `{"a":{"dtype":"F32","shape":[9],"data_offsets":[0,4]}}`)...), 422, "model_rejected"},
		{"a pickle", []byte("\x80\x04\x95\x00\x00\x00\x00\x00\x00\x00\x00cos\nsystem\n."), 422, "model_rejected"},
		{"more than there may be", make([]byte, 64<<10+1), 413, "body_too_large"},
	} {
		out = append(out, attack{name: "model: " + c.name, method: "POST", target: "/v1/models", key: "admin", header: []string{"Content-Type", "application/octet-stream"}, body: c.body, status: c.status, code: c.code})
	}
	send("POST", "/v1/models", "{}", 415, "media_type_unsupported")
	send("POST", "/v1/models/"+strings.Repeat("0", 64)+"/promote", "", 404, "model_not_found")
	send("POST", "/v1/models/..%2f..%2fetc%2fpasswd/promote", "", 404, "model_not_found")
	send("GET", "/v1/models/none", "", 404, "model_not_found")
	send("GET", "/v1/models/..%2f..%2fkeys.json/file", "", 404, "model_not_found")
	send("DELETE", "/v1/models/none", "", 404, "model_not_found")
	send("POST", "/v1/models/rollback", "", 409, "nothing_before")
	send("POST", "/v1/models/rollback?to=x", "", 422, "unknown_parameter")
	return out
}

func bearingAttacks() (out []attack) {
	for _, c := range []struct {
		name, body string
		status     int
		code       string
	}{
		{"b", "", 400, "body_empty"}, {"b", "[]", 400, "json_malformed"}, {"b", `{"geometry":{}}`, 422, "bearing_invalid"}, {"b", `{"orders":{"bpfo":"3"}}`, 422, "wrong_type"},
		{"b", `{"orders":{"bpfo":-3,"bpfi":5,"bsf2":4,"ftf":0.4},"source":"x"}`, 422, "bearing_invalid"}, {"b", `{"geometry":{"elements":9.5,"element_mm":8,"pitch_mm":39}}`, 422, "wrong_type"},
		{"b", `{"geometry":{"elements":9,"element_mm":80,"pitch_mm":39,"contact_deg":0},"source":"x"}`, 422, "bearing_invalid"}, {"b", `{"geometry":{"elements":1000000,"element_mm":8,"pitch_mm":39,"contact_deg":15.5},"source":"x"}`, 422, "bearing_invalid"},
		{"b", `{"orders":{"bpfo":3.5,"bpfi":5.4,"bsf2":4.7,"ftf":0.4},"geometry":{"elements":9,"element_mm":8,"pitch_mm":39},"source":"x"}`, 422, "bearing_invalid"},
		{"b", `{"orders":{"bpfo":3.5,"bpfo":3.5}}`, 400, "duplicate_field"}, {"b", `{"designation":"c"}`, 400, "unknown_field"}, {"b", `{}{}`, 400, "trailing_data"}, {"b", `{"source":"` + strings.Repeat("x", 17<<10) + `"}`, 413, "body_too_large"},
		{"6205-2RS", `{"orders":{"bpfo":3.585,"bpfi":5.415,"bsf2":4.714,"ftf":0.398},"source":"x"}`, 409, "bearing_builtin"},
		{strings.Repeat("b", 65), `{"orders":{"bpfo":3.585,"bpfi":5.415,"bsf2":4.714,"ftf":0.398},"source":"x"}`, 422, "bearing_name"},
		{"b%0a", `{"orders":{"bpfo":3.585,"bpfi":5.415,"bsf2":4.714,"ftf":0.398},"source":"x"}`, 422, "bearing_name"},
	} {
		out = append(out, attack{name: "bearing " + c.name[:min(len(c.name), 12)] + ": " + c.body[:min(len(c.body), 60)], method: "PUT", target: "/v1/bearings/" + c.name, key: "admin", header: []string{"Content-Type", "application/json"}, body: []byte(c.body), status: c.status, code: c.code})
	}
	return append(out, attack{name: "a bearing that is not", method: "GET", target: "/v1/bearings/none", key: "read", status: 404, code: "bearing_unknown"},
		attack{name: "a bearing called a form", method: "PUT", target: "/v1/bearings/b", key: "admin", header: []string{"Content-Type", "application/x-www-form-urlencoded"}, body: []byte("a=b"), status: 415, code: "media_type_unsupported"})
}

func alarmAttacks() (out []attack) {
	for _, c := range []struct {
		target string
		status int
		code   string
	}{
		{"/v1/alarms/none", 404, "alarm_not_found"}, {"/v1/alarms/none?x=1", 422, "unknown_parameter"}, {"/v1/alarms?state=loud", 422, "parameter_invalid"}, {"/v1/alarms?open=yes", 422, "parameter_invalid"},
		{"/v1/alarms?severity=loud", 422, "parameter_invalid"}, {"/v1/alarms?axis=a%20b", 422, "axis_name"}, {"/v1/alarms?machine=", 422, "machine_name"}, {"/v1/inspections?sensor=%00", 422, "sensor_name"}, {"/v1/machines?sensor=pump", 422, "unknown_parameter"},
		{"/v1/alarms?sensor=a%20b", 422, "sensor_name"}, {"/v1/alarms?limit=1001", 422, "limit_out_of_range"}, {"/v1/alarms?cursor=x", 422, "cursor_invalid"}, {"/v1/alarms?cursor=" + "MTIz", 422, "cursor_invalid"},
	} {
		out = append(out, attack{name: "alarms: " + c.target, method: "GET", target: c.target, key: "read", status: c.status, code: c.code})
	}
	for _, c := range []struct {
		what, body string
		status     int
		code       string
	}{
		{"acknowledge", `{"by":"x"}`, 404, "alarm_not_found"}, {"shelve", `{"seconds":10}`, 404, "alarm_not_found"}, {"close", `{"by":"x"}`, 404, "alarm_not_found"}, {"reopen", "{}", 404, "route_not_found"},
	} {
		out = append(out, attack{name: "alarm: " + c.what, method: "POST", target: "/v1/alarms/none/" + c.what, key: "admin", header: []string{"Content-Type", "application/json"}, body: []byte(c.body), status: c.status, code: c.code})
	}
	return out
}

func routeAttacks() (out []attack) {
	for _, c := range []struct {
		method, target string
		status         int
		code           string
	}{
		{"GET", "/", 404, "route_not_found"}, {"GET", "/v2/diagnoses", 404, "route_not_found"}, {"GET", "/v1//diagnoses", 404, "route_not_found"}, {"GET", "/v1/diagnoses/", 404, "route_not_found"},
		{"GET", "/V1/diagnoses", 404, "route_not_found"}, {"GET", "/debug/pprof/", 404, "route_not_found"}, {"GET", "/debug/vars", 404, "route_not_found"}, {"GET", "/.git/config", 404, "route_not_found"},
		{"GET", "/docs/../../keys.json", 404, "route_not_found"}, {"GET", "/docs/..%2f..%2fkeys.json", 404, "route_not_found"}, {"GET", "/docs/", 404, "route_not_found"}, {"GET", "/docs/%00", 404, "route_not_found"},
		{"PATCH", "/v1/machines/m", 405, "method_not_allowed"}, {"POST", "/v1/diagnoses", 405, "method_not_allowed"}, {"DELETE", "/v1/diagnoses/x", 405, "method_not_allowed"}, {"PUT", windowsOf, 405, "method_not_allowed"},
		{"GET", windowsOf, 405, "method_not_allowed"}, {"TRACE", "/healthz", 405, "method_not_allowed"}, {"OPTIONS", "/v1/diagnoses", 405, "method_not_allowed"}, {"BREW", "/healthz", 405, "method_not_allowed"},
		{"POST", "/healthz", 405, "method_not_allowed"}, {"DELETE", "/metrics", 405, "method_not_allowed"},
	} {
		out = append(out, attack{name: "route: " + c.method + " " + c.target, method: c.method, target: c.target, key: "admin", status: c.status, code: c.code})
	}
	return out
}

// wireAttacks are wrong below HTTP, or at its seams.
func wireAttacks() (out []attack) {
	post := "POST " + windowsOf + query + " HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\nAuthorization: Bearer KEY\r\nContent-Type: application/octet-stream\r\n"
	for _, c := range []struct {
		name, raw string
		status    int
		code      string
	}{
		{"no protocol", "GET /healthz\r\n\r\n", 400, ""},
		{"HTTP/9.9", "GET /healthz HTTP/9.9\r\nHost: HOST\r\n\r\n", 505, ""},
		{"no host", "GET /healthz HTTP/1.1\r\n\r\n", 400, ""},
		{"two hosts", "GET /healthz HTTP/1.1\r\nHost: HOST\r\nHost: other\r\n\r\n", 400, ""},
		{"host with a blank", "GET /healthz HTTP/1.1\r\nHost: a b\r\n\r\n", 400, ""},
		{"TLS on a plain port", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400, ""},
		{"header without a colon", "GET /healthz HTTP/1.1\r\nHost: HOST\r\nnonsense\r\n\r\n", 400, ""},
		{"blank before the colon", "GET /healthz HTTP/1.1\r\nHost: HOST\r\nX : y\r\n\r\n", 400, ""},
		{"folded header", "GET /healthz HTTP/1.1\r\nHost: HOST\r\nX: y\r\n z\r\n\r\n", 400, ""},
		{"a bare LF after the first line", "GET /healthz HTTP/1.1\nHost: HOST\r\n\r\n", 400, ""},
		{"a bare LF after a header", "GET /healthz HTTP/1.1\r\nHost: HOST\nX: y\r\n\r\n", 400, ""},
		{"a bare LF after the headers", "GET /healthz HTTP/1.1\r\nHost: HOST\r\n\n", 400, ""},
		{"bare LFs alone", "GET /healthz HTTP/1.1\nHost: HOST\n\n", 400, ""},
		{"a bare CR within a header", "GET /healthz HTTP/1.1\r\nHost: HOST\r\nX: y\rContent-Length: 4\r\n\r\n", 400, ""},
		{"NUL in a header", "GET /healthz HTTP/1.1\r\nHost: HOST\r\nX: a\x00b\r\n\r\n", 400, ""},
		{"headers of 1 MB", "GET /healthz HTTP/1.1\r\nHost: HOST\r\nX: " + strings.Repeat("a", 1<<20) + "\r\n\r\n", 431, ""},
		{"ten thousand headers", "GET /healthz HTTP/1.1\r\nHost: HOST\r\n" + strings.Repeat("X: a\r\n", 10_000) + "\r\n", 431, ""},
		{"address of 1 MB", "GET /" + strings.Repeat("a", 1<<20) + " HTTP/1.1\r\nHost: HOST\r\n\r\n", 431, ""},
		{"length and chunks", post + "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, ""},
		{"chunks and length", post + "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n", 400, ""},
		{"chunks of HTTP/1.0", strings.Replace(post, "1.1", "1.0", 1) + "Transfer-Encoding: chunked\r\n\r\n4\r\n1234\r\n0\r\n\r\n", 400, ""},
		{"a length twice", post + "Content-Length: 4\r\nX: y\r\nContent-Length: 4\r\n\r\n1234", 400, ""},
		{"chunk that ends with a bare LF", post + "Transfer-Encoding: chunked\r\n\r\n4\r\n1234\n0\r\n\r\n", 400, "body_incomplete"},
		{"fields after chunks that end with bare LFs", post + "Transfer-Encoding: chunked\r\n\r\n4\r\n1234\r\n0\r\nX: y\n\r\n", 400, "body_incomplete"},
		{"two lengths", post + "Content-Length: 4\r\nContent-Length: 5\r\n\r\n12345", 400, ""},
		{"length below 0", post + "Content-Length: -4\r\n\r\n1234", 400, ""},
		{"length with a plus", post + "Content-Length: +4\r\n\r\n1234", 400, ""},
		{"length of a yottabyte", post + "Content-Length: 999999999999999999999999\r\n\r\n", 400, ""},
		{"length of a terabyte", post + "Expect: 100-continue\r\nContent-Length: 1099511627776\r\n\r\n", 413, "body_too_large"},
		{"chunks in capitals, twice", post + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 501, ""},
		{"an unknown transfer", post + "Transfer-Encoding: gzip\r\n\r\n", 501, ""},
		{"chunk of no number", post + "Transfer-Encoding: chunked\r\n\r\nxyz\r\n", 400, "body_incomplete"},
		{"chunk that wraps round", post + "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n", 400, "body_incomplete"},
		{"chunks of nothing", post + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, "body_empty"},
		{"chunks over the limit", post + "Transfer-Encoding: chunked\r\n\r\n" + strings.Repeat("1000\r\n"+strings.Repeat("a", 4096)+"\r\n", 20) + "0\r\n\r\n", 413, "body_too_large"},
		{"an expectation of its own", post + "Expect: tea\r\nContent-Length: 4\r\n\r\n1234", 417, ""},
		{"an absolute address", "GET http://other/v1/diagnoses HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n\r\n", 401, "key_missing"},
		{"a tunnel", "CONNECT other:443 HTTP/1.1\r\nHost: other:443\r\nConnection: close\r\n\r\n", 404, "route_not_found"},
		{"an upgrade", "GET /v1/stream HTTP/1.1\r\nHost: HOST\r\nConnection: Upgrade, close\r\nUpgrade: websocket\r\n\r\n", 401, "key_missing"},
		{"HTTP/2 unasked", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 405, "method_not_allowed"},
	} {
		out = append(out, attack{name: "wire: " + c.name, method: "GET", raw: c.raw, status: c.status, code: c.code})
	}
	return out
}
