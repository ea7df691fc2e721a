package main

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"
)

// TestBatch: no thread of a running service interrupts those that compute.
func TestBatch(t *testing.T) {
	p := start(t, "--data-dir", t.TempDir())
	post(t, p.url+"/v1/sensors/s/windows?unit=g&sample_rate_hz=12000&start=2026-01-31T12:00:00Z", "application/octet-stream", raw(excerpt(t, "inner_race_105.npy").Samples[:12000]))
	dir := filepath.Join("/proc", strconv.Itoa(p.cmd.Process.Pid), "task")
	tasks, err := os.ReadDir(dir)
	if err != nil || len(tasks) < 3 {
		t.Fatalf("%d threads, %v", len(tasks), err)
	}
	for _, task := range tasks {
		id, err := strconv.Atoi(task.Name())
		if err != nil {
			t.Fatal(err)
		}
		attr, err := unix.SchedGetAttr(id, 0)
		if err != nil {
			t.Fatal(err)
		}
		if attr.Policy != unix.SCHED_BATCH {
			t.Errorf("thread %d has policy %d", id, attr.Policy)
		}
	}
}
