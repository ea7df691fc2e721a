package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"brinell/bearing"
	"brinell/dataset"
)

// TestInspections is the way from what a mechanic saw to data: windows of a good and of a
// damaged bearing, work on the machine, an inspection of each, a rule tried on the past,
// and a corpus that training reads.
func TestInspections(t *testing.T) {
	dir := t.TempDir()
	p := start(t, "--data-dir", dir)
	begin := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	send := func(file string, from, n int) {
		t.Helper()
		x := excerpt(t, file).Samples
		for i := from; i < from+n; i++ {
			part := x[(i*3000)%(len(x)-12000):][:12000]
			status, _, body := post(t, fmt.Sprintf("%s/v1/sensors/de/windows?unit=g&sample_rate_hz=12000&shaft_speed_rpm=1797&bearing=6205-2RS&start=%s", p.url, begin.Add(time.Duration(i)*time.Hour).Format(time.RFC3339)), "application/octet-stream", raw(part))
			if status != 201 {
				t.Fatalf("%d %s", status, body)
			}
		}
	}
	send("inner_race_105.npy", 0, 6)
	at := func(hour int) string { return begin.Add(time.Duration(hour) * time.Hour).Format(time.RFC3339) }
	var problem refusal
	for name, c := range map[string]struct {
		doc    string
		status int
	}{
		"race-1": {`{"sensor":"de","found":"fault","fault":"inner_race","at":"` + at(6) + `","from":"` + at(0) + `","part":"6205-2RS","specimen":"serial-1","note":"spall of 2 mm"}`, 201},
		"fine-1": {`{"sensor":"de","found":"nothing","at":"` + at(9) + `","from":"` + at(6) + `","specimen":"serial-2"}`, 201},
		"bad-1":  {`{"sensor":"de","found":"fault","at":"` + at(6) + `"}`, 422},
		"bad-2":  {`{"sensor":"de","found":"nothing","fault":"ball","at":"` + at(6) + `"}`, 422},
		"bad-3":  {`{"sensor":"de","found":"nothing"}`, 422},
		"bad-4":  {`{"sensor":"de","found":"nothing","at":"` + at(6) + `","from":"` + at(7) + `"}`, 422},
		"bad-5":  {`{"found":"nothing","at":"` + at(6) + `"}`, 422},
	} {
		if status, _ := call(t, "PUT", p.url+"/v1/inspections/"+name, c.doc, &problem); status != c.status {
			t.Errorf("%s: %d %+v, want %d", name, status, problem, c.status)
		}
	}
	// The bearing was replaced: what was learnt is forgotten.
	var b bearing.Baselines
	if status, _ := call(t, "POST", p.url+"/v1/sensors/de/baselines", `{"action":"restart","at":"`+at(6)+`","by":"jo","note":"new bearing"}`, &b); status != 200 || len(b.Controls) != 1 {
		t.Errorf("restart: %d %+v", status, b)
	}
	var names struct{ Sensors []bearing.Sensor }
	if call(t, "GET", p.url+"/v1/sensors?registered=false", "", &names); len(names.Sensors) != 1 || names.Sensors[0].Name != "de" {
		t.Errorf("sensors that only sent windows: %+v", names)
	}
	_, tag := call(t, "GET", p.url+"/v1/sensors/de/baselines", "", &b)
	if status, _ := call(t, "POST", p.url+"/v1/sensors/de/baselines", `{"action":"restart"}`, &problem, "If-Match", `"0"`); status != 412 || problem.Code != "version_mismatch" || tag == `"0"` || tag == "" {
		t.Errorf("as if nothing had been done: %d %+v, ETag %s", status, problem, tag)
	}
	if status, now := call(t, "POST", p.url+"/v1/sensors/de/baselines", `{"action":"resume","at":"`+at(6)+`"}`, &b, "If-Match", tag); status != 200 || len(b.Controls) != 2 || now == tag {
		t.Errorf("under its ETag: %d %+v, ETag %s", status, b, now)
	}
	if status, _ := call(t, "POST", p.url+"/v1/sensors/nobody/baselines", `{"action":"restart"}`, &problem); status != 404 || problem.Code != "sensor_not_found" {
		t.Errorf("nobody: %d %+v", status, problem)
	}
	send("normal_100.npy", 6, 3)
	var d bearing.Page
	call(t, "GET", p.url+"/v1/diagnoses?limit=1", "", &d)
	if v := d.Diagnoses[0].Verdict; v.Windows != 3 {
		t.Errorf("the verdict on the new bearing rests on %d windows, want its own 3", v.Windows)
	}

	bin, err := program()
	if err != nil {
		t.Fatal(err)
	}
	run := func(into any, args ...string) {
		t.Helper()
		out, err := exec.Command(bin, append(args, "--data-dir", dir, "--json")...).Output()
		if err != nil {
			t.Fatalf("%v: %v", args, err)
		}
		if err := json.Unmarshal(out, into); err != nil {
			t.Fatal(err)
		}
	}
	rule := filepath.Join(t.TempDir(), "rule.json")
	if err := os.WriteFile(rule, []byte(`{"conditions":[{"name":"fault","kind":"fault","on":{"count":2},"off":{"count":2}}]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	var tried []backtest
	run(&tried, "alarms", "backtest", rule)
	if len(tried) != 1 || tried[0].Windows != 9 || tried[0].Alarms != 1 || tried[0].By["fault"] != 1 || len(tried[0].Leads) != 1 || !tried[0].Leads[0].Raised || tried[0].Leads[0].Seconds != 5*3600 || tried[0].PerMonth != 90 {
		t.Errorf("%+v", tried)
	}
	run(&tried, "alarms", "backtest", "default", "--sensor", "de", "--since", at(6), "--event", at(20))
	if tried[0].Windows != 3 || tried[0].Alarms != 0 || len(tried[0].Leads) != 2 || tried[0].Leads[1].Raised {
		t.Errorf("%+v", tried)
	}
	if err := os.WriteFile(rule, []byte(`{"conditions":[{"name":"fault","kind":"magic"}]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(bin, "alarms", "backtest", rule, "--data-dir", dir).CombinedOutput(); err == nil || !strings.Contains(string(out), "rule_invalid") {
		t.Errorf("a rule without sense: %v %s", err, out)
	}

	if status, _, body := post(t, p.url+"/v1/sensors/de/windows?axis=v&unit=mm/s&sample_rate_hz=12000&start="+at(2), "application/octet-stream", raw(excerpt(t, "normal_100.npy").Samples[:12000])); status != 201 {
		t.Fatalf("%d %s", status, body)
	}
	var e exported
	corpus := filepath.Join(t.TempDir(), "corpus")
	run(&e, "inspections", "export", "--out", corpus)
	if e.Windows != 9 || e.By[bearing.InnerRace] != 6 || e.By[bearing.Normal] != 3 || e.Expired != 0 || e.Velocity != 1 {
		t.Errorf("%+v", e)
	}
	src, err := dataset.OpenDir(corpus, "own")
	if err != nil {
		t.Fatal(err)
	}
	specimens := make(map[string]bearing.Fault)
	for _, entry := range src.Corpus().Entries {
		specimens[entry.Specimen] = entry.Fault
	}
	if len(specimens) != 2 || specimens["serial-1"] != bearing.InnerRace || specimens["serial-2"] != bearing.Normal {
		t.Errorf("%v", specimens)
	}
	if out, err := exec.Command(bin, "dataset", "verify", "--corpus", "own", "--data", corpus).CombinedOutput(); err != nil {
		t.Errorf("verify: %v %s", err, out)
	}
	if out, err := exec.Command(bin, "inspections", "export", "--data-dir", dir, "--out", corpus).CombinedOutput(); err == nil || !strings.Contains(string(out), "not empty") {
		t.Errorf("into what is there: %v %s", err, out)
	}
	if status, _ := call(t, "PUT", p.url+"/v1/inspections/fine-2", `{"sensor":"de","found":"nothing","at":"`+at(3)+`","from":"`+at(1)+`"}`, nil); status != 201 {
		t.Errorf("%d", status)
	}
	if out, err := exec.Command(bin, "inspections", "export", "--data-dir", dir, "--out", corpus+"-2").CombinedOutput(); err == nil || !strings.Contains(string(out), "race-1") || !strings.Contains(string(out), "fine-2") {
		t.Errorf("two truths: %v %s", err, out)
	}
	if entries, _ := filepath.Glob(corpus + "*"); len(entries) != 1 {
		t.Errorf("an export that failed left %v", entries)
	}
	if entries, err := os.ReadDir(corpus); err != nil || len(entries) != 2 {
		t.Errorf("an export left %v, %v; want windows and a manifest", entries, err)
	}
}
