package main

import (
	"fmt"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"brinell/bearing"
	"brinell/internal/store"
)

// TestAlarmLink: an alarm that windows raise has a series whose address is that of the alarm.
func TestAlarmLink(t *testing.T) {
	for _, external := range []bool{false, true} {
		args := []string{"--data-dir", t.TempDir()}
		if external {
			args = append(args, "--external-url", "https://b.example/x/")
		}
		p := start(t, args...)
		raiseLoud(t, p, "press-1", "de", "x")
		m := regexp.MustCompile(`(?m)^brinell_alarm_info\{.*machine="press-1",sensor="de",.* 1$`).FindString(string(fetch(t, p.url+"/metrics", 200)))
		link := regexp.MustCompile(`url="([^"]+)"`).FindStringSubmatch(m)
		if link == nil {
			t.Fatalf("no series of the alarm: %q", m)
		}
		here := strings.Replace(link[1], "https://b.example/x", p.url, 1)
		if external == (here == link[1]) {
			t.Errorf("external %v: the link is %s", external, link[1])
		}
		var a bearing.Alarm
		if status, _ := call(t, "GET", here, "", &a); status != 200 || a.Sensor != "de" || a.Axis != "x" {
			t.Errorf("%s: %d %+v", here, status, a)
		}
	}
}

// raiseLoud registers a sensor that is always too loud, sends a window and returns its alarm.
func raiseLoud(t *testing.T, p *process, machine, sensor, axis string) bearing.Alarm {
	t.Helper()
	if status, _ := call(t, "PUT", p.url+"/v1/machines/"+machine, `{}`, nil); status != 201 && status != 200 {
		t.Fatalf("machine: %d", status)
	}
	rule := `,"alarm":{"conditions":[{"name":"loud","kind":"feature","severity":"warning","feature":"rms","above":-0.5}]}}`
	if status, _ := call(t, "PUT", p.url+"/v1/sensors/"+sensor, `{"machine":"`+machine+`"`+rule, nil); status != 201 {
		t.Fatalf("sensor: %d", status)
	}
	x := raw(excerpt(t, "normal_97.npy").Samples[:12000])
	if status, _, body := post(t, p.url+"/v1/sensors/"+sensor+"/windows?unit=g&sample_rate_hz=12000&start=2026-01-31T12:00:00Z&axis="+axis,
		"application/octet-stream", x); status != 201 {
		t.Fatalf("%d %s", status, body)
	}
	var page bearing.AlarmPage
	if call(t, "GET", p.url+"/v1/alarms?sensor="+sensor, "", &page); len(page.Alarms) != 1 {
		t.Fatalf("alarms: %+v", page)
	}
	return page.Alarms[0]
}

// TestStartBesideAlarms: a start reads no open alarms, however many there are, and their metrics
// are there.
func TestStartBesideAlarms(t *testing.T) {
	var allocated [2]float64
	for i, n := range []int{0, 5_000} {
		dir := t.TempDir()
		db, err := store.Open(t.Context(), store.Config{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		var e bearing.Effects
		until := time.Now().Add(time.Hour)
		for j := range n {
			e.Alarms = append(e.Alarms, bearing.Alarm{ID: fmt.Sprint("id-", j), Sensor: fmt.Sprint("s", j%1000), Condition: "fault", Kind: bearing.OnFault, Fault: bearing.OuterRace,
				Severity: "alarm", State: bearing.AlarmActive, Text: strings.Repeat("x", 100), Version: 1})
			if j%2 == 0 {
				e.Alarms[j].ShelvedUntil = &until
			}
		}
		if err := db.PutAlarms(t.Context(), "s", "", &e); err != nil {
			t.Fatal(err)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		p := start(t, "--data-dir", dir)
		text := string(fetch(t, p.url+"/metrics", 200))
		value := func(name string) (v float64) {
			if m := regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(name) + ` (\S+)$`).FindStringSubmatch(text); m == nil {
				t.Fatalf("no %s in %.300s", name, text)
			} else if _, err := fmt.Sscan(m[1], &v); err != nil {
				t.Fatal(err)
			}
			return v
		}
		if open := value(`brinell_alarms_open{severity="alarm",state="active"}`); int(open) != n/2 {
			t.Errorf("%v alarms are open, want %d", open, n/2)
		}
		allocated[i] = value("go_memstats_alloc_bytes_total")
		if err := p.stop(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
	}
	if more := allocated[1] - allocated[0]; more > 16<<20 { // reading them took 140
		t.Errorf("a start with 5,000 open alarms took %.1f MiB more than one without", more/(1<<20))
	}
}
