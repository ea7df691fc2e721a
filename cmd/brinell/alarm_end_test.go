package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"brinell/bearing"
)

// TestAlarmEnds: a shelf ends by itself and those who follow are told, an alarm is ended by
// hand, and all of a sensor's with its registration. Lists are of what is asked for.
func TestAlarmEnds(t *testing.T) {
	p := start(t, "--data-dir", t.TempDir())
	var problem refusal
	put := func(path, doc string, want int) {
		t.Helper()
		problem = refusal{}
		if status, _ := call(t, "PUT", p.url+path, doc, &problem); status != want {
			t.Fatalf("%s: %d %+v", path, status, problem)
		}
	}
	const at = `{"machine":"press-1","alarm":{"latch":true,"conditions":[{"name":"loud","kind":"feature","severity":"warning",`
	put("/v1/machines/press-1", `{}`, 201)
	put("/v1/sensors/de", at+`"feature":"loudness"}]}}`, 422)
	if problem.Code != "feature_unknown" || problem.Pointer != "/alarm/conditions/0/feature" {
		t.Errorf("%+v", problem)
	}
	put("/v1/sensors/de", at+`"feature":"rms","above":-0.5,"until":0}]}}`, 422)
	if problem.Code != "rule_invalid" || problem.Pointer != "/alarm/conditions/0/until" {
		t.Errorf("%+v", problem)
	}
	put("/v1/sensors/de", at+`"feature":"rms","above":-0.5}]}}`, 201) // always
	put("/v1/inspections/i-1", `{"sensor":"de","found":"nothing","at":"2026-01-30T12:00:00Z"}`, 201)
	put("/v1/inspections/i-2", `{"sensor":"nde","found":"nothing","at":"2026-01-30T12:00:00Z"}`, 201)
	put("/v1/inspections/i-3", `{"sensor":"de","found":"nothing","at":"2026-01-30T12:00:00Z"}`, 201)
	for query, want := range map[string]string{"": "i-1 i-2 i-3", "sensor=de": "i-1 i-3", "sensor=de&limit=1": "i-1", "sensor=none": ""} {
		var page struct{ Inspections []struct{ Name string } }
		call(t, "GET", p.url+"/v1/inspections?"+query, "", &page)
		var names []string
		for _, i := range page.Inspections {
			names = append(names, i.Name)
		}
		if got := strings.Join(names, " "); got != want {
			t.Errorf("inspections?%s: %s, want %s", query, got, want)
		}
	}

	stream := follow(t, p.url+"/v1/stream?kind=alarm", "")
	next := func() (a bearing.Alarm) {
		t.Helper()
		if err := json.Unmarshal([]byte((<-stream).data), &a); err != nil {
			t.Fatal(err)
		}
		return a
	}
	x, minute := raw(excerpt(t, "normal_97.npy").Samples[:12000]), 0
	raise := func() bearing.Alarm {
		t.Helper()
		start := time.Date(2026, 1, 31, 12, minute, 0, 0, time.UTC).Format(time.RFC3339)
		if status, _, body := post(t, p.url+"/v1/sensors/de/windows?unit=g&axis=x&sample_rate_hz=12000&start="+start, "application/octet-stream", x); status != 201 {
			t.Fatalf("%d %s", status, body)
		}
		minute++
		return next()
	}
	a := raise()
	for query, want := range map[string]int{"machine=press-1": 1, "machine=press-2": 0, "machine=press-1&sensor=de&axis=x&severity=warning&open=true": 1, "severity=alarm": 0, "axis=y": 0, "axis=": 0} {
		var page bearing.AlarmPage
		if call(t, "GET", p.url+"/v1/alarms?"+query, "", &page); len(page.Alarms) != want {
			t.Errorf("alarms?%s: %+v, want %d", query, page.Alarms, want)
		}
	}

	alarm := p.url + "/v1/alarms/" + a.ID
	if status, _ := call(t, "POST", alarm+"/shelve", `{"seconds":0.1}`, nil); status != 200 {
		t.Fatalf("shelve: %d", status)
	}
	if b := next(); b.ShelvedUntil == nil || b.Version != 2 {
		t.Errorf("%+v", b)
	}
	if b := next(); b.ShelvedUntil != nil || b.Version != 3 || b.State != bearing.AlarmActive {
		t.Errorf("%+v", b)
	}
	if status, _ := call(t, "POST", alarm+"/close", `{"by":"night shift"}`, &problem, "If-Match", `"2"`); status != 412 {
		t.Errorf("another version: %d %+v", status, problem)
	}
	if status, _ := call(t, "POST", alarm+"/close", `{"note":"who?"}`, &problem); status != 422 || problem.Pointer != "/by" {
		t.Errorf("by nobody: %d %+v", status, problem)
	}
	var closed bearing.Alarm
	if status, tag := call(t, "POST", alarm+"/close", `{"by":"night shift","note":"tried out"}`, &closed, "If-Match", `"3"`); status != 200 || tag != `"4"` || closed.State != bearing.AlarmClosed || closed.Closed.Note != "tried out" || closed.Cleared == nil {
		t.Errorf("%d %s %+v", status, tag, closed)
	}
	if b := next(); b.ID != a.ID || b.State != bearing.AlarmClosed {
		t.Errorf("%+v", b)
	}
	if status, _ := call(t, "POST", alarm+"/close", `{"by":"x"}`, &problem); status != 409 || problem.Code != "alarm_closed" {
		t.Errorf("twice: %d %+v", status, problem)
	}

	if b := raise(); b.ID == a.ID || b.State != bearing.AlarmActive {
		t.Errorf("its condition holds: %+v", b)
	}
	if status, _ := call(t, "DELETE", p.url+"/v1/sensors/de", "", nil); status != 204 {
		t.Fatalf("delete: %d", status)
	}
	if b := next(); b.State != bearing.AlarmClosed || b.Closed != nil {
		t.Errorf("of a sensor that is no more: %+v", b)
	}
}
