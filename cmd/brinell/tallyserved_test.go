package main

import (
	"strings"
	"syscall"
	"testing"
)

// TestTallyServed: a service that stops says what it has taken and refused, and by which code.
func TestTallyServed(t *testing.T) {
	p := start(t, "--data-dir", t.TempDir())
	raiseLoud(t, p, "press-1", "de", "x")
	raw := raw(excerpt(t, "normal_97.npy").Samples[:12000])
	window := p.url + "/v1/sensors/de/windows?unit=g&axis=x&sample_rate_hz=12000&start=2026-01-31T12:00:00Z"
	if status, _, body := post(t, window, "application/octet-stream", raw); status != 200 {
		t.Fatalf("again: %d %s", status, body)
	}
	for range 2 {
		if status, _, body := post(t, window+"&unit=g", "application/octet-stream", raw); status < 400 {
			t.Fatalf("a unit twice: %d %s", status, body)
		}
	}
	if err := p.stop(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(p.logged()) {
		said := saidIn(line)
		if said["msg"] != "windows" {
			continue
		}
		if said["taken"] != "1" || said["repeated"] != "1" || said["refused"] != "2" || said["refused_by.duplicate_parameter"] != "2" {
			t.Errorf("%s", line)
		}
		return
	}
	t.Errorf("no line of what came: %s", p.logged())
}
