package main

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"brinell/bearing"
	"brinell/internal/diagnose"
	"brinell/internal/storetest"
	"brinell/internal/watch"
	"brinell/models/pretrained"
)

// folder returns a watched folder of dir with that clock.
func folder(t *testing.T, dir string, sensor func(string) (bearing.Sensor, bool), now func() time.Time) *watch.Folder {
	t.Helper()
	metrics, err := watch.NewMetrics(prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	w, err := watch.New(watch.Config{Dir: dir, Sensor: sensor, MaxSamples: 1 << 20, MaxSize: 1 << 20, Settle: watch.Settle,
		Log: slog.New(slog.DiscardHandler), Metrics: metrics, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Close() })
	return w
}

// dropRig is a watched folder of sensor s, and what its core took.
type dropRig struct {
	*storetest.Memory
	unit    bearing.Unit // of the sensor
	samples []int        // of each window
	t       *testing.T
	dir     string
	at      time.Time
	folder  *watch.Folder
	core    *diagnose.Core
}

func newDropRig(t *testing.T) *dropRig {
	t.Helper()
	r := &dropRig{Memory: storetest.NewMemory(storetest.Config{}), t: t, dir: t.TempDir(), at: time.Now()}
	m, err := pretrained.Default()
	if err != nil {
		t.Fatal(err)
	}
	if r.core, err = diagnose.New(m, diagnose.Config{Store: r}); err != nil {
		t.Fatal(err)
	}
	r.folder = folder(t, r.dir, func(name string) (bearing.Sensor, bool) {
		return bearing.Sensor{SampleRate: 12000, Unit: r.unit, FullScale: 1}, name == "s"
	}, func() time.Time { return r.at })
	return r
}

// Append notes how many samples a window has.
func (r *dropRig) Append(ctx context.Context, d bearing.Diagnosis, w *bearing.Window, also *bearing.Effects) (bearing.Diagnosis, error) {
	r.samples = append(r.samples, len(w.Samples))
	return r.Memory.Append(ctx, d, w, also)
}

// taken drops a file, looks for a minute, and wants it to have been taken.
func (r *dropRig) taken(name string, b []byte) {
	r.t.Helper()
	if err := os.WriteFile(filepath.Join(r.dir, name), b, 0o600); err != nil {
		r.t.Fatal(err)
	}
	for end := r.at.Add(time.Minute); r.at.Before(end); r.at = r.at.Add(watch.Every) {
		if err := r.folder.Look(r.t.Context(), r.core); err != nil {
			r.t.Error(err)
		}
	}
	if _, err := os.Stat(filepath.Join(r.dir, watch.Done, name)); err != nil {
		why, _ := filepath.Glob(filepath.Join(r.dir, watch.Failed, "*.txt"))
		r.t.Errorf("%s was not taken: %v, %v", name, err, why)
	}
}
