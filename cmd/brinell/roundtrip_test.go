package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"brinell/bearing"
	"brinell/internal/watch"
)

// TestRoundTrip: what the service gives out of a window is read by diagnose, the watched
// folder and POST, and is the same window; only NPY and its like need to be told the rest.
func TestRoundTrip(t *testing.T) {
	for _, unit := range []bearing.Unit{bearing.G, bearing.MillimetresSec} {
		t.Run(unit.Quantity(), func(t *testing.T) { roundTrip(t, unit) })
	}
}

func roundTrip(t *testing.T, unit bearing.Unit) {
	p := start(t, "--data-dir", t.TempDir())
	x := excerpt(t, "inner_race_105.npy").Samples[:6000]
	at := time.Date(2026, 1, 31, 12, 0, 0, 250e6, time.UTC)
	query := "&sample_rate_hz=12000&unit=" + string(unit)
	start := "?start=" + at.Format(time.RFC3339Nano)
	status, d, body := post(t, p.url+"/v1/sensors/s/windows"+start+query, "application/octet-stream", raw(x))
	if status != 201 {
		t.Fatalf("%d %s", status, body)
	}
	rig := newDropRig(t)
	rig.unit = unit
	for form, media := range map[string]string{"json": "application/json", "csv": "text/csv", "wav": "audio/wav", "npy": "application/x-npy"} {
		b := fetch(t, p.url+"/v1/windows/"+d.ID+"?format="+form, 200)
		path := filepath.Join(t.TempDir(), "s."+form)
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}

		// On the command line.
		if form != "json" {
			var f fileFlags
			if form == "npy" {
				if _, err := f.read(path); bearing.CodeOf(err) != "rate_missing" || !strings.Contains(err.Error(), "--rate") {
					t.Errorf("npy without a rate: %v", err)
				}
				f.o.RateHz, f.o.Unit = 12000, string(unit)
			}
			rec, err := f.read(path)
			if err != nil || !slices.Equal(rec.Samples, x) || rec.SampleRate != 12000 || rec.Unit != unit || form != "npy" && !rec.Start.Equal(at) {
				t.Errorf("%s by diagnose: %v, rate %v, unit %s, start %v", form, err, rec.SampleRate, rec.Unit, rec.Start)
			}
		}
		out, err := runDiagnose(path, form, unit)
		if err != nil || unit.IsVelocity() && !strings.Contains(string(out), "Velocity says nothing sure of the bearing") {
			t.Errorf("%s by diagnose: %v\n%s", form, err, out)
		}

		// In the watched folder.
		name := "s." + form
		if form == "npy" {
			name = "s_" + at.Format(strings.Replace(watch.FileTime, ".999999999", ".999", 1)) + ".npy"
		}
		rig.taken(name, b)

		// By POST: to the same sensor it is the window that is there.
		q := ""
		if form == "npy" {
			q = start + query
		}
		status, again, body := post(t, p.url+"/v1/sensors/s/windows"+q, media, b)
		if status != 200 || !again.Duplicate || again.ID != d.ID || again.Unit != unit {
			t.Errorf("%s by POST: %d %s", form, status, body)
		}
	}
	for _, n := range rig.samples {
		if n != len(x) {
			t.Errorf("the folder took windows of %v samples", rig.samples)
		}
	}
}

// TestExportIsComplete: a window of a registered sensor is given out with the bearing and speed it
// was judged with, so that diagnose needs no flag for it, and is the same window when it is sent
// again; with another bearing or speed it is another.
func TestExportIsComplete(t *testing.T) {
	p := start(t, "--data-dir", t.TempDir())
	if status, _ := call(t, "PUT", p.url+"/v1/sensors/de", `{"sample_rate_hz":12000,"unit":"g","bearing":"6205","shaft_speed_rpm":1797}`, nil); status != 201 {
		t.Fatal(status)
	}
	x := excerpt(t, "inner_race_105.npy").Samples[:12000]
	status, d, body := post(t, p.url+"/v1/sensors/de/windows?start=2026-01-31T12:00:00Z", "application/octet-stream", raw(x))
	if status != 201 || d.Bearing != "" {
		t.Fatalf("%d %s", status, body)
	}
	b := fetch(t, p.url+"/v1/windows/"+d.ID, 200)
	var w struct {
		Bearing string  `json:"bearing"`
		RPM     float64 `json:"shaft_speed_rpm"`
	}
	if err := json.Unmarshal(b, &w); err != nil || w.Bearing != "6205-2RS" || w.RPM != 1797 {
		t.Errorf("%+v, %v", w, err)
	}
	path := filepath.Join(t.TempDir(), "de.json")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := runDiagnose(path, "json", bearing.G); err != nil || !bytes.Contains(out, []byte("Damage of the inner race")) {
		t.Errorf("%v\n%s", err, out)
	}
	const media = "application/json"
	if status, again, body := post(t, p.url+"/v1/sensors/de/windows", media, b); status != 200 || !again.Duplicate || again.ID != d.ID {
		t.Errorf("the same again: %d %s", status, body)
	}
	for was, is := range map[string]string{`"bearing":"6205-2RS"`: `"bearing":"6206"`, `"shaft_speed_rpm":1797`: `"shaft_speed_rpm":1796`} {
		other := bytes.Replace(b, []byte(was), []byte(is), 1)
		if status, _, body := post(t, p.url+"/v1/sensors/de/windows", media, other); status != 409 || bytes.Equal(b, other) {
			t.Errorf("%s: %d %s", is, status, body)
		}
	}
}

func runDiagnose(path, form string, unit bearing.Unit) ([]byte, error) {
	bin, err := program()
	if err != nil {
		return nil, err
	}
	args := []string{"diagnose", path}
	if form == "npy" {
		args = append(args, "--rate", "12000", "--unit", string(unit))
	}
	return exec.Command(bin, args...).CombinedOutput()
}

// TestPostTables: tables and MAT files take rate and unit from the registered sensor where
// they do not say, and what is too long or ambiguous is refused.
func TestPostTables(t *testing.T) {
	p := start(t, "--data-dir", t.TempDir(), "--max-samples", "8192")
	if status, _ := call(t, "PUT", p.url+"/v1/sensors/reg", `{"sample_rate_hz":12000,"unit":"m/s2"}`, nil); status != 201 {
		t.Fatal(status)
	}
	if status, _ := call(t, "PUT", p.url+"/v1/sensors/vel", `{"sample_rate_hz":12000,"unit":"mm/s"}`, nil); status != 201 {
		t.Fatal(status)
	}
	x := excerpt(t, "inner_race_105.npy").Samples
	rows := func(n int, header, format string) []byte {
		b := []byte(header)
		for i := range n {
			b = fmt.Appendf(b, format, float64(i)/12000, x[i])
		}
		return b
	}
	gap := slices.Concat(rows(3000, "time_s;acc_g\n", "%.9f;%.6f\n"), []byte("0.300000;0\n0.300083;0\n0.300167;0\n"))
	for _, c := range []struct {
		name, sensor, query string
		body                []byte
		status              int
		want                string
	}{
		{"registered", "reg", "", rows(4096, "acc\n", "%.6[2]f\n"), 201, `"unit":"m/s2"`},
		{"its own rate and unit", "other", "", rows(4096, "Zeit [s];Beschl [g]\n", "%.9f;%.6f\n"), 201, `"sample_rate_hz":12000`},
		{"no rate", "bare", "&unit=g", rows(4096, "acc\n", "%.6[2]f\n"), 422, "rate_missing"},
		{"no unit", "bare", "", rows(4096, "t;acc\n", "%.9f;%.6f\n"), 422, "unit_missing"},
		{"another rate", "reg", "&sample_rate_hz=25600", rows(4096, "t;acc_g\n", "%.9f;%.6f\n"), 422, "rate_mismatch"},
		{"several channels", "reg", "", rows(4096, "a;b\n", "%.9f;%.6f\n"), 422, "channel_missing"},
		{"one of several", "reg", "&channel=b", rows(4096, "a;b\n", "%.9f;%.6f\n"), 201, `"unit":"m/s2"`},
		{"velocity by its header", "fan", "", rows(13000/2, "t;v_mm/s\n", "%.9f;%.6f\n"), 201, `"unit":"mm/s"`},
		{"velocity by the query", "fan", "&channel=b&unit=mm/s", rows(4096, "a;b\n", "%.9f;%.6f\n"), 422, "rate_missing"},
		{"velocity of a sensor of velocity", "vel", "", rows(4096, "v\n", "%.6[2]f\n"), 201, `"unit":"mm/s"`},
		{"velocity of a sensor of acceleration", "reg", "", rows(4096, "t;v (mm/s)\n", "%.9f;%.6f\n"), 422, "unit_mismatch"},
		{"acceleration of a sensor of velocity", "vel", "", rows(4096, "t;a (g)\n", "%.9f;%.6f\n"), 422, "unit_mismatch"},
		{"gaps", "bare", "", gap, 400, "time_gaps"},
		{"too long", "reg", "", rows(8193, "acc\n", "%.6[2]f\n"), 422, "window_too_long"},
		{"lines without end", "reg", "", []byte(strings.Repeat("1\n", 100000)), 422, "window_too_long"},
		{"a workbook", "reg", "", []byte("PK\x03\x04" + strings.Repeat("\x00", 26) + "[Content_Types].xml"), 415, "save the sheet as CSV"},
	} {
		at := "?start=2026-01-31T12:00:00Z"
		if c.query == "&channel=b" {
			at = "?start=2026-01-31T13:00:00Z"
		}
		status, _, body := post(t, p.url+"/v1/sensors/"+c.sensor+"/windows"+at+c.query, "text/csv", c.body)
		if status != c.status || !strings.Contains(string(body), c.want) {
			t.Errorf("%s: %d %.400s, want %d %s", c.name, status, body, c.status, c.want)
		}
	}
}

// TestPostRegistered: what a sensor is registered with is not asked for again in any form.
func TestPostRegistered(t *testing.T) {
	p := start(t, "--data-dir", t.TempDir())
	if status, _ := call(t, "PUT", p.url+"/v1/sensors/reg", `{"sample_rate_hz":12000,"unit":"m/s2"}`, nil); status != 201 {
		t.Fatal(status)
	}
	x := excerpt(t, "inner_race_105.npy").Samples[:4096]
	samples, err := json.Marshal(x)
	if err != nil {
		t.Fatal(err)
	}
	window := func(sensor string, hour int) []byte {
		return fmt.Appendf(nil, `{"sensor":%q,"start":"2026-01-31T%02d:00:00Z","samples":%s}`, sensor, hour, samples)
	}
	npy, err := os.ReadFile("../../dataset/excerpts/inner_race_105.npy")
	if err != nil {
		t.Fatal(err)
	}
	for hour, c := range []struct {
		media string
		body  []byte
	}{{"application/octet-stream", raw(x)}, {"application/x-npy", npy}, {"application/json", window("reg", 2)}} {
		for sensor, want := range map[string]string{"reg": `"unit":"m/s2"`, "bare": "_missing"} {
			query := fmt.Sprintf("?start=2026-01-31T%02d:00:00Z", hour)
			body := c.body
			if c.media == "application/json" {
				query, body = "", window(sensor, hour)
			}
			status, _, answer := post(t, p.url+"/v1/sensors/"+sensor+"/windows"+query, c.media, body)
			if (status == 201) != (sensor == "reg") || !strings.Contains(string(answer), want) {
				t.Errorf("%s to %s: %d %.300s, want %s", c.media, sensor, status, answer, want)
			}
		}
	}
	resp, err := http.Post(p.url+"/v1/windows", "application/x-ndjson", bytes.NewReader(append(append(window("reg", 5), '\n'), window("bare", 5)...)))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil || !strings.Contains(string(answer), `"status":201`) || !strings.Contains(string(answer), "unit_missing") {
		t.Errorf("lines: %v, %s", err, answer)
	}
}
