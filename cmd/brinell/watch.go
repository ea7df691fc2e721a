package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"brinell/api"
	"brinell/dataset"
	"brinell/internal/admit"
	"brinell/internal/bearing"
	"brinell/internal/diagnose"
	"brinell/internal/logs"
)

// Of a directory that is watched.
const (
	watchEvery = time.Second
	doneDir    = "done"
	failedDir  = "failed"
)

// watcher takes windows from files that are dropped into a directory. A file is read once
// its size has not changed from one look to the next, and is moved to done or, with a file
// that says why, to failed.
type watcher struct {
	root       *os.Root
	dir        string
	core       *diagnose.Core
	sensor     func(name string) (bearing.Sensor, bool)
	maxSamples int
	maxSize    int64
	log        *slog.Logger
	seen       map[string]look // what the last look found
	memory     *admit.Memory   // of the files that are read; nil for no bound
}

type look struct {
	size int64
	mod  time.Time
}

func newWatcher(dir string, core *diagnose.Core, sensor func(string) (bearing.Sensor, bool), maxSamples int, maxSize int64, log *slog.Logger) (*watcher, error) {
	for _, d := range []string{dir, filepath.Join(dir, doneDir), filepath.Join(dir, failedDir)} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			return nil, fmt.Errorf("--watch: %w", err)
		}
	}
	root, err := os.OpenRoot(dir) // no name leads out of it
	if err != nil {
		return nil, fmt.Errorf("--watch: %w", err)
	}
	return &watcher{root: root, dir: dir, core: core, sensor: sensor, maxSamples: maxSamples, maxSize: maxSize, log: log, seen: map[string]look{}}, nil
}

// run looks until ctx ends.
func (w *watcher) run(ctx context.Context) {
	defer w.root.Close()
	t := time.NewTicker(watchEvery)
	defer t.Stop()
	for failed := false; ; {
		err := w.look(ctx)
		if err != nil && ctx.Err() == nil && !failed {
			w.log.Error("the watched directory cannot be worked on", "dir", w.dir, "err", err)
		}
		failed = err != nil
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
	}
}

// look takes the files that have not changed since the last look.
func (w *watcher) look(ctx context.Context) error {
	d, err := w.root.Open(".")
	if err != nil {
		return err
	}
	entries, err := d.ReadDir(-1)
	if err = errors.Join(err, d.Close()); err != nil {
		return err
	}
	now := make(map[string]look)
	var still []fs.FileInfo
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || !info.Mode().IsRegular() || strings.HasPrefix(e.Name(), ".") {
			continue // gone, a directory, a link, or one that its writer hides
		}
		now[e.Name()] = look{info.Size(), info.ModTime()}
		if w.seen[e.Name()] == now[e.Name()] {
			still = append(still, info)
		}
	}
	// In the order of their windows, or alarms would miss those that came too late.
	slices.SortFunc(still, func(a, b fs.FileInfo) int {
		return cmp.Or(startOf(a).Compare(startOf(b)), cmp.Compare(a.Name(), b.Name()))
	})
	w.seen = now
	var errs []error
	for _, info := range still {
		if ctx.Err() != nil {
			break
		}
		again, err := w.take(ctx, info.Name(), info)
		if again {
			break // those behind it wait for it
		}
		if err != nil { // those behind it do not: it may stay so for long
			errs = append(errs, fmt.Errorf("%s: %w", info.Name(), err))
			continue
		}
		delete(now, info.Name())
	}
	return errors.Join(errs...)
}

// startOf is when the window of a file began, as far as its name and its date tell.
func startOf(info fs.FileInfo) time.Time {
	if m := fileName.FindStringSubmatch(strings.TrimSuffix(info.Name(), filepath.Ext(info.Name()))); m != nil {
		if at, err := time.Parse(fileTime, m[2]); err == nil {
			return at
		}
	}
	return info.ModTime()
}

// take reads one file, submits its window, and moves it away. again says that there was no
// room for it now.
func (w *watcher) take(ctx context.Context, name string, info fs.FileInfo) (again bool, err error) {
	d, err := w.submit(ctx, name, info)
	if e, ok := errors.AsType[*bearing.Error](err); ctx.Err() != nil || ok && e.Kind == bearing.Overloaded {
		return true, nil
	} else if err != nil && !ok {
		return false, err // not the file's fault
	}
	to := doneDir
	if err != nil {
		to = failedDir
		code := bearing.CodeOf(err) + ": "
		reason := code + strings.TrimPrefix(err.Error(), code) + "\n"
		if werr := w.root.WriteFile(filepath.Join(failedDir, name+".txt"), []byte(reason), 0o644); werr != nil {
			return false, werr
		}
		w.log.Warn("a file was refused", "file", name, "err", err)
	} else {
		w.log.Info("a file was taken", "file", name, "sensor", d.Sensor, "id", d.ID, "fault", d.Fault, "duplicate", d.Duplicate)
	}
	// The window is on disk by now, or will not be: a name that is taken is replaced.
	return false, w.root.Rename(name, filepath.Join(to, name))
}

func (w *watcher) submit(ctx context.Context, name string, info fs.FileInfo) (d bearing.Diagnosis, err error) {
	defer func() {
		if v := recover(); v != nil { // our bug must not end the service, nor be met again at its next start
			w.log.Error("a file made the service fail", "file", name, "err", logs.Recovered(v))
			err = bearing.Errorf(bearing.Invalid, "internal", "the service failed on this file: its log has the reason")
		}
	}()
	if info.Size() > w.maxSize {
		return d, bearing.Errorf(bearing.TooLarge, "body_too_large", "the file has %d bytes, at most %d are read: see --max-body", info.Size(), w.maxSize)
	}
	// A file has a sample in a byte at least, which is read as float64 and becomes float32.
	room := min(13*info.Size(), w.memory.Most(admit.Judge))
	if err := w.memory.Window(admit.Patient(ctx), room); err != nil {
		return d, err
	}
	defer func() { w.memory.Give(room) }()
	f, err := w.root.Open(name)
	if err != nil {
		return d, err
	}
	b, err := io.ReadAll(io.LimitReader(f, w.maxSize))
	if err = errors.Join(err, f.Close()); err != nil {
		return d, err
	}
	win, err := w.read(name, b, info.ModTime())
	if err != nil {
		return d, err
	}
	rest := info.Size() + 4*int64(len(win.Samples))
	w.memory.Give(room - rest)
	room = rest
	return w.core.Submit(admit.Patient(ctx), win)
}

// fileTime is how the name of a recording states its start.
const fileTime = "20060102T150405.999999999Z"

// fileName is what the name of a recording says: SENSOR_20260131T120000Z.wav, with a
// fraction of the second if it has one.
var fileName = regexp.MustCompile(`^(.+)_(\d{8}T\d{6}(?:\.\d{1,9})?Z)$`)

// read makes the window of a file: JSON has all that it needs; of a recording, sensor and
// start stand in its name, and the rest in the file or with the registered sensor.
func (w *watcher) read(name string, b []byte, modified time.Time) (*bearing.Window, error) {
	ext := filepath.Ext(name)
	stem := strings.TrimSuffix(name, ext)
	if strings.EqualFold(ext, ".json") {
		return api.ReadWindow(b, stem, w.maxSamples)
	}
	sensor, start := stem, modified
	if m := fileName.FindStringSubmatch(stem); m != nil {
		at, err := time.Parse(fileTime, m[2])
		if err != nil {
			return nil, bearing.Errorf(bearing.Invalid, "start_invalid", "%q in the name is no time such as 20260131T120000Z", m[2])
		}
		sensor, start = m[1], at
	}
	s, ok := w.sensor(sensor)
	if !ok {
		return nil, bearing.Errorf(bearing.Invalid, "sensor_unknown", "the name stands for sensor %q, which is not registered: put it to /v1/sensors with sample_rate_hz, unit and, for PCM, full_scale, or drop windows as JSON", bearing.Clip(sensor))
	}
	recs, err := dataset.ReadFile(name, b, dataset.FileOptions{RateHz: s.SampleRate, Unit: string(cmp.Or(s.Unit, bearing.G)), Scale: s.FullScale, RPM: s.SpeedRPM, Bearing: s.Bearing})
	if bearing.CodeOf(err) == "channel_ambiguous" { // nobody gives it a --channel
		return nil, bearing.Errorf(bearing.Invalid, "channel_missing", "the file has several channels: drop a file with the one of the sensor alone")
	}
	if err != nil {
		return nil, err
	}
	// Samples of a recording are in g whatever the sensor's unit is.
	win, err := bearing.NewWindow(bearing.Window{Sensor: sensor, Axis: s.Axis, Start: start, SampleRate: recs[0].SampleRate, ShaftSpeed: recs[0].ShaftSpeed, Bearing: recs[0].Bearing, Unit: bearing.G, Samples: recs[0].Samples},
		bearing.Limits{MaxSamples: w.maxSamples})
	if err == nil && s.Unit != "" {
		win.Unit = s.Unit
	}
	return win, err
}
