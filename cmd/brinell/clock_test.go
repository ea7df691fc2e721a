package main

import (
	"fmt"
	"testing"
	"time"

	"brinell/bearing"
	"brinell/internal/admit"
	"brinell/internal/diagnose"
	"brinell/internal/store"
	"brinell/models/pretrained"
)

// TestClockWasAhead: a service on a store with a window that was taken while its clock was two
// years ahead raises the alarm of a fault with the third window that has it, over HTTP.
func TestClockWasAhead(t *testing.T) {
	dir := t.TempDir()
	db, err := store.Open(t.Context(), store.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	m, err := pretrained.Default()
	if err != nil {
		t.Fatal(err)
	}
	ahead := time.Now().AddDate(2, 0, 0)
	core, err := diagnose.New(m, diagnose.Config{Store: db, Now: func() time.Time { return ahead }})
	if err != nil {
		t.Fatal(err)
	}
	x := excerpt(t, "normal_97.npy").Samples[:12000]
	w, err := bearing.NewWindow(bearing.Window{Sensor: "de", Start: ahead, SampleRate: 12000, Unit: bearing.G, Samples: x}, bearing.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := core.Submit(t.Context(), w, admit.Entry{}); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}

	p := start(t, "--data-dir", dir)
	if status, body := call(t, "PUT", p.url+"/v1/sensors/de", `{"alarm":{"conditions":[{"name":"loud","kind":"feature","feature":"rms","above":-1,"on":{"count":3}}]}}`, nil); status != 201 {
		t.Fatalf("%d %s", status, body)
	}
	begin := time.Now().UTC().Add(-time.Minute)
	for i := range 3 {
		var page bearing.AlarmPage
		if call(t, "GET", p.url+"/v1/alarms?open=true", "", &page); len(page.Alarms) != 0 {
			t.Errorf("after %d windows: %+v", i, page.Alarms)
		}
		url := fmt.Sprintf("%s/v1/sensors/de/windows?unit=g&sample_rate_hz=12000&start=%s", p.url, begin.Add(time.Duration(i)*time.Second).Format(time.RFC3339Nano))
		if status, _, body := post(t, url, "application/octet-stream", raw(x)); status != 201 {
			t.Fatalf("%d %s", status, body)
		}
	}
	var page bearing.AlarmPage
	if call(t, "GET", p.url+"/v1/alarms?open=true", "", &page); len(page.Alarms) != 1 || page.Alarms[0].Condition != "loud" {
		t.Errorf("after three windows: %+v", page.Alarms)
	}
}
