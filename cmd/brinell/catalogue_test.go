package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"brinell/bearing"
)

// request sends a request and decodes its answer.
func request(t *testing.T, method, url, body string, out any) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.NewDecoder(bytes.NewReader(b)).Decode(out); err != nil {
		t.Fatalf("%s %s: %s %s: %v", method, url, resp.Status, b, err)
	}
	return resp.StatusCode
}

// TestServeBearings puts a row, of which a table gave the orders only, and posts a
// window that names it; the row is there after the service was killed.
func TestServeBearings(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "own.csv")
	err := os.WriteFile(file, []byte("designation,bpfo,bpfi,bsf2,ftf,source\nNU 205,3.6,5.4,4.6,0.4,file\nNU 206,3.6,5.4,4.6,0.4,file\n"), 0o644)
	if err != nil {
		t.Fatal(err)
	}
	p := start(t, "--data-dir", dir, "--bearings", file)
	r := excerpt(t, "inner_race_105.npy")
	n := 0
	judged := func(designation string) bearing.EnvelopeWitness {
		t.Helper()
		n++
		d, err := p.client().PostWindow(t.Context(), &bearing.Window{Sensor: "s", Start: time.Unix(1769860800+int64(n), 0), SampleRate: r.SampleRate, ShaftSpeed: r.ShaftSpeed, Bearing: designation, Samples: r.Samples[:12000]})
		if err != nil {
			t.Fatal(err)
		}
		return d.Witnesses.Envelope
	}
	const row = `{"orders":{"bpfo":3.585,"bpfi":5.415,"bsf2":4.714,"ftf":0.398},"source":"maker's table","licence":"own"}`
	if e := judged("6205X-OWN 1"); !e.Available { // the number is known
		t.Errorf("by its number: %s", e.Reason)
	}
	if e := judged("XR-1"); e.Available || !strings.Contains(e.Reason, "not in the catalogue") {
		t.Errorf("before it is known: %+v", e)
	}
	var e bearing.CatalogueEntry
	if status := request(t, "PUT", p.url+"/v1/bearings/XR-1", row, &e); status != 201 || e.Orders.BPFI != 5.415 || e.Geometry != nil {
		t.Fatalf("%d %+v", status, e)
	}
	check := func() {
		t.Helper()
		if e := judged("xr 1"); !e.Available || e.Fault != bearing.InnerRace {
			t.Errorf("known, but %q, fault %s", e.Reason, e.Fault)
		}
		if status := request(t, "GET", p.url+"/v1/bearings/xr1", "", &e); status != 200 || e.Designation != "XR-1" || e.Source != "maker's table" || e.BuiltIn {
			t.Errorf("%d %+v", status, e)
		}
	}
	check()
	// One of the file is replaced, and stays so.
	if status := request(t, "PUT", p.url+"/v1/bearings/nu205", strings.Replace(row, "maker's table", "put", 1), &e); status != 200 {
		t.Errorf("replacing: %d", status)
	}
	var refused struct{ Code string }
	if status := request(t, "PUT", p.url+"/v1/bearings/6205-2rs", row, &refused); status != 409 || refused.Code != "bearing_builtin" {
		t.Errorf("a built-in one: %d %+v", status, refused)
	}
	if status := request(t, "PUT", p.url+"/v1/bearings/swapped", `{"orders":{"bpfo":5.415,"bpfi":3.585,"bsf2":4.714,"ftf":0.398}}`, &refused); status != 422 || refused.Code != "bearing_invalid" {
		t.Errorf("swapped: %d %+v", status, refused)
	}
	// One that a sensor has stays; one that none has goes, and that of the file is back.
	for _, c := range []struct {
		method, path, body string
		status             int
		code               string
	}{
		{"PUT", "/v1/sensors/s2", `{"bearing":"GONE"}`, 422, "bearing_unknown"},
		{"PUT", "/v1/bearings/GONE", row, 201, ""},
		{"PUT", "/v1/sensors/s2", `{"bearing":"gone"}`, 201, ""},
		{"DELETE", "/v1/bearings/GONE", "", 409, "bearing_in_use"},
		{"DELETE", "/v1/sensors/s2", "", 204, ""},
		{"DELETE", "/v1/bearings/gone", "", 204, ""},
		{"DELETE", "/v1/bearings/gone", "", 404, "bearing_unknown"},
		{"DELETE", "/v1/bearings/6205-2RS", "", 409, "bearing_builtin"},
		{"DELETE", "/v1/bearings/NU206", "", 409, "bearing_builtin"}, // of the file
		{"PUT", "/v1/bearings/nu206", strings.Replace(row, "maker's table", "put", 1), 200, ""},
		{"DELETE", "/v1/bearings/nu206", "", 204, ""},
	} {
		var got refusal
		var out any = &got
		if c.status == 204 {
			out = nil
		}
		if status, _ := call(t, c.method, p.url+c.path, c.body, out); status != c.status || got.Code != c.code {
			t.Errorf("%s %s: %d %s, want %d %s", c.method, c.path, status, got.Code, c.status, c.code)
		}
	}
	if request(t, "GET", p.url+"/v1/bearings/nu206", "", &e); e.Source != "file" {
		t.Errorf("the row of the file is not back: %+v", e)
	}
	if err := p.stop(syscall.SIGKILL); err == nil {
		t.Error("killed, and yet it ended well")
	}
	p = start(t, "--data-dir", dir, "--bearings", file)
	check()
	if !strings.Contains(p.logged(), "a stored bearing replaces that of the file") {
		t.Errorf("the log does not say that a row of the file is hidden:\n%s", p.logged())
	}
	var list struct{ Bearings []bearing.CatalogueEntry }
	if status := request(t, "GET", p.url+"/v1/bearings", "", &list); status != 200 || len(list.Bearings) != len(bearing.KnownBearings)+3 {
		t.Errorf("%d, %d rows", status, len(list.Bearings))
	}
	sources := make(map[string]string)
	for _, e := range list.Bearings {
		sources[bearing.DesignationKey(e.Designation)] = e.Source
	}
	if sources["NU205"] != "put" || sources["NU206"] != "file" {
		t.Errorf("sources %v", sources)
	}
}
