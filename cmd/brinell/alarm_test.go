package main

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"brinell/bearing"
)

// call sends a request and returns its status, the ETag, and the answer read into out.
func call(t *testing.T, method, url, body string, out any, header ...string) (status int, etag string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
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
	if out != nil {
		if err := json.Unmarshal(b, out); err != nil {
			t.Fatalf("%s %s: %d %s", method, url, resp.StatusCode, b)
		}
	}
	return resp.StatusCode, resp.Header.Get("ETag")
}

// raw returns samples as little-endian float32.
func raw(x []float32) (b []byte) {
	for _, v := range x {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	return b
}

type refusal struct{ Code, Detail, Pointer string }

// TestAlarm is the way of an operator: register a machine and a sensor with a bearing,
// send windows that state neither bearing nor speed, see the alarm rise on the stream
// and in the list, acknowledge it, and find all of it after a kill.
func TestAlarm(t *testing.T) {
	dir := t.TempDir()
	p := start(t, "--data-dir", dir)
	var problem refusal
	sensor := `{"machine":"press-1","sample_rate_hz":12000,"unit":"g","bearing":"6205-2RS","shaft_speed_rpm":1797,"alarm":{"latch":true,"conditions":[{"name":"fault","kind":"fault","on":{"count":3},"off":{"count":2}}]}}`
	if status, _ := call(t, "PUT", p.url+"/v1/sensors/de", sensor, &problem); status != 422 || problem.Code != "machine_unknown" {
		t.Errorf("a sensor on no machine: %d %+v", status, problem)
	}
	if status, _ := call(t, "PUT", p.url+"/v1/machines/press-1", `{"title":"Press 1"}`, nil); status != 201 {
		t.Fatalf("machine: %d", status)
	}
	status, tag := call(t, "PUT", p.url+"/v1/sensors/de", sensor, nil)
	if status != 201 {
		t.Fatalf("sensor: %d", status)
	}
	if status, _ := call(t, "PUT", p.url+"/v1/sensors/de", `{"bearing":"no such"}`, &problem, "If-Match", tag); status != 422 || problem.Code != "bearing_unknown" {
		t.Errorf("no such bearing: %d %+v", status, problem)
	}
	if status, _ := call(t, "PUT", p.url+"/v1/sensors/de", sensor, &problem, "If-Match", `"999"`); status != 412 || problem.Code != "version_mismatch" {
		t.Errorf("another version: %d %+v", status, problem)
	}
	if status, _ := call(t, "GET", p.url+"/v1/sensors/de", "", nil, "If-None-Match", tag); status != 304 {
		t.Errorf("the same version again: %d", status)
	}
	if status, _ := call(t, "DELETE", p.url+"/v1/machines/press-1", "", &problem); status != 409 || problem.Code != "machine_in_use" {
		t.Errorf("machine in use: %d %+v", status, problem)
	}

	stream := follow(t, p.url+"/v1/stream", "")
	x := raw(excerpt(t, "inner_race_105.npy").Samples[:12000])
	minute := 0
	send := func(query string) (d bearing.Diagnosis) {
		t.Helper()
		at := time.Date(2026, 1, 31, 12, minute, 0, 0, time.UTC).Format(time.RFC3339)
		status, d, body := post(t, p.url+"/v1/sensors/de/windows?unit=g&start="+at+query, "application/octet-stream", x)
		if status != 201 {
			t.Fatalf("%d %s", status, body)
		}
		minute++
		return d
	}
	if status, _, body := post(t, p.url+"/v1/sensors/de/windows?unit=g&start=2026-01-31T12:00:00Z&sample_rate_hz=25600", "application/octet-stream", x); status != 422 || !bytes.Contains(body, []byte("rate_mismatch")) {
		t.Errorf("another rate: %d %s", status, body)
	}
	for i := range 3 {
		d := send("&sample_rate_hz=12000")
		if e := d.Witnesses.Envelope; d.Fault != bearing.InnerRace || e.SpeedSource != "registered" || e.Bearing != "6205-2RS" {
			t.Fatalf("%s, speed %s, bearing %s", d.Fault, e.SpeedSource, e.Bearing)
		}
		if (len(d.Alarms) == 1) != (i == 2) {
			t.Errorf("window %d: alarms %+v", i, d.Alarms)
		}
	}
	var page bearing.AlarmPage
	call(t, "GET", p.url+"/v1/alarms?open=true&sensor=de", "", &page)
	if len(page.Alarms) != 1 || page.Alarms[0].State != bearing.AlarmActive || page.Alarms[0].Fault != bearing.InnerRace || page.Alarms[0].Onset.Minute() != 0 || page.Alarms[0].Raised.Minute() != 2 {
		t.Fatalf("%+v", page)
	}
	a := page.Alarms[0]
	var kinds []string
	var last string
	for range 4 {
		e := <-stream
		kinds, last = append(kinds, e.name), e.id
	}
	if got := strings.Join(kinds, " "); got != "diagnosis diagnosis diagnosis alarm" {
		t.Errorf("the stream has %s", got)
	}

	if status, _ := call(t, "POST", p.url+"/v1/alarms/"+a.ID+"/acknowledge", `{"by":"night shift"}`, &problem, "If-Match", `"7"`); status != 412 {
		t.Errorf("another version: %d", status)
	}
	var acked bearing.Alarm
	if status, _ := call(t, "POST", p.url+"/v1/alarms/"+a.ID+"/acknowledge", `{"by":"night shift","note":"greased"}`, &acked, "If-Match", `"1"`); status != 200 || acked.State != bearing.AlarmAcknowledged || acked.Acknowledged.Note != "greased" || !acked.Changed.After(a.Changed) || time.Since(a.Changed) > time.Minute {
		t.Errorf("%d %+v", status, acked)
	}
	if status, _ := call(t, "POST", p.url+"/v1/alarms/"+a.ID+"/shelve", `{"seconds":60}`, &acked); status != 200 || acked.ShelvedUntil == nil {
		t.Errorf("%d %+v", status, acked)
	}
	if status, _ := call(t, "POST", p.url+"/v1/alarms/"+a.ID+"/shelve", `{"seconds":1e99}`, &problem); status != 422 {
		t.Errorf("for ever: %d %+v", status, problem)
	}

	// Nothing of it is lost to SIGKILL, and the machine goes on where it was.
	_ = p.stop(syscall.SIGKILL)
	p = start(t, "--data-dir", dir)
	var again bearing.Alarm
	if _, tag := call(t, "GET", p.url+"/v1/alarms/"+a.ID, "", &again); again.State != bearing.AlarmAcknowledged || tag != fmt.Sprintf(`"%d"`, acked.Version) {
		t.Errorf("after a kill: %+v", again)
	}
	// The stream goes on after the last event that was seen: two changes by people.
	stream = follow(t, p.url+"/v1/stream?kind=alarm", last)
	for range 2 {
		if e := <-stream; e.name != "alarm" {
			t.Errorf("%+v", e)
		}
	}
	x = raw(excerpt(t, "normal_97.npy").Samples[:12000])
	for range 12 { // the evidence of the fault fades
		if d := send("&sample_rate_hz=12000"); len(d.Alarms) == 0 {
			break
		}
	}
	call(t, "GET", p.url+"/v1/alarms/"+a.ID, "", &again)
	if again.State != bearing.AlarmClosed || again.Cleared == nil {
		t.Errorf("after healthy windows: %+v", again)
	}
	if e := <-stream; e.name != "alarm" || !strings.Contains(e.data, `"closed"`) {
		t.Errorf("%+v", e)
	}
	if status, _ := call(t, "POST", p.url+"/v1/alarms/"+a.ID+"/acknowledge", `{"by":"x"}`, &problem); status != 409 || problem.Code != "alarm_closed" {
		t.Errorf("a closed alarm: %d %+v", status, problem)
	}
}

type streamed struct{ id, name, data string }

// follow reads a stream until the test ends.
func follow(t *testing.T, url, last string) <-chan streamed {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), "GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if last != "" {
		req.Header.Set("Last-Event-ID", last)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != 200 {
		b, _ := io.ReadAll(resp.Body)
		t.Fatalf("%d %s", resp.StatusCode, b)
	}
	out := make(chan streamed, 100)
	go func() {
		defer resp.Body.Close()
		defer close(out)
		var e streamed
		s := bufio.NewScanner(resp.Body)
		s.Buffer(nil, 1<<20)
		for s.Scan() {
			field, value, _ := strings.Cut(s.Text(), ": ")
			switch field {
			case "id":
				e.id = value
			case "event":
				e.name = value
			case "data":
				e.data = value
			case "":
				if e.name != "" {
					out <- e
				}
				e = streamed{}
			}
		}
	}()
	return out
}
