package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"brinell/bearing"
	"brinell/dataset"
)

// fetch gets an address and demands its status.
func fetch(t *testing.T, url string, status int) []byte {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != status {
		t.Fatalf("%s: %d %s, %v; want %d", url, resp.StatusCode, b, err, status)
	}
	return b
}

// TestExport: a stored window comes back to the bit in every form; sent again it is a
// duplicate; diagnosed from the file it has the service's answer; replayed it has the
// stored one, beside the running service; and its spectra and its sensor's trend are there.
func TestExport(t *testing.T) {
	dir := t.TempDir()
	p := start(t, "--data-dir", dir)
	x := excerpt(t, "inner_race_105.npy").Samples
	y := excerpt(t, "normal_97.npy").Samples
	rng := rand.New(rand.NewPCG(1, 2))
	begin := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	type sent struct {
		d       bearing.Diagnosis
		samples []float32 // as they were sent
	}
	var windows []sent
	send := func(sensor, query string, n int, x []float32) {
		t.Helper()
		at := begin.Add(time.Duration(n) * time.Minute).Format(time.RFC3339)
		status, d, body := post(t, p.url+"/v1/sensors/"+sensor+"/windows?start="+at+query, "application/octet-stream", raw(x))
		if status != 201 {
			t.Fatalf("%d %s", status, body)
		}
		windows = append(windows, sent{d, x})
	}
	send("de", "&unit=g&sample_rate_hz=12000&shaft_speed_rpm=1797&bearing=6205-2RS", 0, x[:12000])
	send("de", "&unit=g&sample_rate_hz=12000&shaft_speed_rpm=1797", 1, x[6000:12000])
	send("fe", "&unit=g&sample_rate_hz=48000&bearing=6205-2RS&axis=x", 0, y[:20000])
	metric := make([]float32, 4096)
	for i := range metric {
		metric[i] = float32(rng.NormFloat64() * 10)
	}
	send("m", "&unit=m/s2&sample_rate_hz=25600&shaft_speed_rpm=1234.567891234", 0, metric)
	for i := range 3 {
		send("de", "&unit=g&sample_rate_hz=12000&shaft_speed_rpm=1797", 2+i, x[1000*i:1000*i+6000])
	}

	// What is registered is not in the window, and is in the data directory.
	if status, _ := call(t, "PUT", p.url+"/v1/sensors/reg", `{"bearing":"6205-2RS","shaft_speed_rpm":1797,"alarm":{"conditions":[{"name":"f","kind":"fault","on":{"count":2}}]}}`, nil); status != 201 {
		t.Fatal(status)
	}
	for i := range 3 {
		send("reg", "&unit=g&sample_rate_hz=12000", i, x[1000*i:1000*i+12000])
	}
	if len(windows[len(windows)-1].d.Alarms) != 1 {
		t.Fatalf("no alarm is open: %+v", windows[len(windows)-1].d)
	}

	var files []string
	for i, s := range windows {
		doc := fetch(t, p.url+"/v1/windows/"+s.d.ID, 200)
		var back struct {
			Samples []float32 `json:"samples"`
		}
		if err := json.Unmarshal(doc, &back); err != nil {
			t.Fatal(err)
		}
		if s.d.Unit == bearing.G && !slices.Equal(back.Samples, s.samples) {
			t.Errorf("window %d is not what was sent", i)
		}
		status, again, body := post(t, p.url+"/v1/sensors/"+s.d.Sensor+"/windows", "application/json", doc)
		if status != 200 || !again.Duplicate {
			t.Errorf("window %d sent again: %d %s", i, status, body)
		}
		file := filepath.Join(t.TempDir(), fmt.Sprintf("%d.json", i))
		if err := os.WriteFile(file, doc, 0o600); err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
		for _, form := range []string{"npy", "csv", "wav"} {
			b := fetch(t, p.url+"/v1/windows/"+s.d.ID+"?format="+form, 200)
			o := dataset.FileOptions{RateHz: s.d.SampleRate, Unit: "g"}
			if form == "csv" {
				o.Column = "acceleration_g"
			}
			if form == "wav" {
				o.Scale = 1
			}
			recs, err := dataset.ReadFile("x."+form, b, o)
			if err != nil || s.d.Unit == bearing.G && !slices.Equal(recs[0].Samples, s.samples) {
				t.Errorf("window %d as %s is not what was sent: %v", i, form, err)
			}
		}
	}

	bin, err := program()
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(bin, append([]string{"diagnose", "--json", "--data-dir", dir}, files...)...).Output()
	if err != nil {
		t.Fatal(err)
	}
	var offline []fileDiagnosis
	if err := json.Unmarshal(out, &offline); err != nil {
		t.Fatal(err)
	}
	for i, s := range windows {
		// A file states the bearing and the speed that are registered for the sensor.
		if d := cmp.Diff(s.d, offline[i].Windows[0], cmpopts.IgnoreFields(bearing.Diagnosis{}, "ReceivedAt", "Bearing", "ShaftSpeedRPM"),
			cmpopts.IgnoreFields(bearing.EnvelopeWitness{}, "SpeedSource"), cmpopts.IgnoreFields(bearing.Provenance{}, "Input"), cmpopts.IgnoreFields(bearing.AlarmRef{}, "ID")); d != "" { // which names when it came
			t.Errorf("window %d from its file (-service +file):\n%s", i, d)
		}
		if s.d.Provenance.Build == "" || s.d.Provenance.FeatureList == "" || len(s.d.Provenance.Input) != 64 {
			t.Errorf("window %d: provenance %+v", i, s.d.Provenance)
		}
		out, err := exec.Command(bin, "replay", s.d.ID, "--data-dir", dir).CombinedOutput()
		if err != nil || !bytes.Contains(out, []byte("the same diagnosis")) {
			t.Errorf("replay of window %d: %v\n%s", i, err, out)
		}
	}
	out, err = exec.Command(bin, "replay", windows[0].d.ID, "--data-dir", dir, "--velocity-zones", "0.001,0.002,0.003").CombinedOutput()
	if err == nil || !strings.Contains(string(out), "/verdict/") {
		t.Errorf("replay with other settings: %v\n%s", err, out)
	}

	var s bearing.Spectrum
	if err := json.Unmarshal(fetch(t, p.url+"/v1/windows/"+windows[1].d.ID+"/envelope", 200), &s); err != nil {
		t.Fatal(err)
	}
	race, ok := s.Marks.Get("inner_race")
	line, around := s.Values[int(race/s.StepHz+0.5)], slices.Clone(s.Values)
	slices.Sort(around)
	if !ok || line < 5*around[len(around)/2] {
		t.Errorf("the line of the inner race at %g Hz is %g, the median %g", race, line, around[len(around)/2])
	}
	fetch(t, p.url+"/v1/windows/"+windows[1].d.ID+"/spectrum?lines=400", 200)
	var trend bearing.Trend
	if err := json.Unmarshal(fetch(t, p.url+"/v1/sensors/de/trends?feature=rms&points=5", 200), &trend); err != nil {
		t.Fatal(err)
	}
	rms, _ := windows[0].d.Features.Get("rms")
	if len(trend.Points) != 5 || trend.Points[0].Mean != rms || trend.Points[0].Windows != 1 {
		t.Errorf("%+v, want five points from %g on", trend, rms)
	}
	for path, code := range map[string]string{
		"/v1/windows/" + windows[0].d.ID + "?format=mat":                              "format_unknown",
		"/v1/windows/" + windows[0].d.ID + "/envelope?band_low_hz=10":                 "parameter_invalid",
		"/v1/windows/" + windows[0].d.ID + "/envelope?band_low_hz=5&band_high_hz=1e9": "parameter_invalid",
		"/v1/windows/" + windows[0].d.ID + "/spectrum?lines=x":                        "parameter_invalid",
		"/v1/sensors/de/trends": "feature_unknown", "/v1/sensors/de/trends?feature=nothing": "feature_unknown",
		"/v1/sensors/de/trends?feature=rms&points=0": "parameter_invalid",
	} {
		if b := fetch(t, p.url+path, 422); !bytes.Contains(b, []byte(`"`+code+`"`)) {
			t.Errorf("%s: %s, want %s", path, b, code)
		}
	}
	fetch(t, p.url+"/v1/windows/nothing", 404)
	if b := fetch(t, p.url+"/v1/sensors/nobody/trends?feature=rms", 404); !bytes.Contains(b, []byte(`"sensor_not_found"`)) {
		t.Errorf("%s", b)
	}
	fetch(t, p.url+"/v1/windows/nothing/spectrum", 404)
}
