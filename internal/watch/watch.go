package watch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"brinell/bearing"
	"brinell/internal/admit"
	"brinell/internal/ingest"
	"brinell/internal/logs"
)

const (
	Every  = time.Second      // from look to look
	Settle = 10 * time.Second // what Config.Settle commonly is
	Done   = "done"           // the directory of files that were taken
	Failed = "failed"         // and of those that were refused
)

// patient is how windows of files come in: nobody waits for an answer.
var patient = admit.Entry{Patient: true}

// Config is what a Folder needs.
type Config struct {
	Dir        string
	Sensor     func(name string) (bearing.Sensor, bool) // registered sensors
	MaxSamples int                                      // of a window
	MaxSize    int64                                    // of a file, bytes
	Settle     time.Duration                            // how long a file must not have changed, unless its end is certain
	Log        *slog.Logger
	Metrics    Metrics
	Memory     *admit.Memory    // of the files that are read; nil for no bound
	Now        func() time.Time // nil for time.Now
}

// Folder is a source of windows: files that are dropped into a directory. A file is judged
// when it is whole (see file.go), and is moved to done or, with a file that says why, to
// failed.
type Folder struct {
	Config
	root  *os.Root
	files map[string]*dropped    // what the last look found, by name
	odd   map[string]fs.FileMode // what is there and no file
}

var _ ingest.Source = (*Folder)(nil)

// dropped is a file that lies in the directory.
type dropped struct {
	stamp
	since   time.Time // when this stamp was seen first
	tried   bool      // read before it had settled, and left for later
	pause   time.Time // not to be tried before
	warned  bool      // the log has why it stays
	verdict *verdict  // it was judged, and could not be moved
}

// stamp changes when a file does.
type stamp struct {
	size int64
	mod  time.Time
	dev  uint64
	ino  uint64
}

// verdict is where a file that was judged belongs, and for failed the reason.
type verdict struct{ dir, reason string }

// Metrics count files of the watched directory.
type Metrics struct {
	files *prometheus.CounterVec // by result: taken, failed
	lying *prometheus.GaugeVec   // by state: waiting, stuck, odd
}

// NewMetrics registers the metrics.
func NewMetrics(reg prometheus.Registerer) (m Metrics, err error) {
	m.files = prometheus.NewCounterVec(prometheus.CounterOpts{Name: "brinell_watch_files_total", Help: "Files of the watched directory that were judged: taken into the store, or failed."}, []string{"result"})
	m.lying = prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "brinell_watch_files", Help: "What lies in the watched directory: files that wait to be whole or for room, files that were judged and cannot be moved (stuck), and what is no file (odd)."}, []string{"state"})
	for _, result := range []string{"taken", "failed"} {
		m.files.WithLabelValues(result)
	}
	for _, state := range []string{"waiting", "stuck", "odd"} {
		m.lying.WithLabelValues(state)
	}
	return m, errors.Join(reg.Register(m.files), reg.Register(m.lying))
}

// Files counts the files by result.
func (m Metrics) Files() *prometheus.CounterVec { return m.files }

// New opens the directory, which must be there, and makes those in it.
func New(c Config) (*Folder, error) {
	w := &Folder{Config: c, files: map[string]*dropped{}, odd: map[string]fs.FileMode{}}
	if w.Now == nil {
		w.Now = time.Now
	}
	var err error
	if w.root, err = os.OpenRoot(w.Dir); err != nil { // no name leads out of it
		return nil, fmt.Errorf("--watch: %w", err)
	}
	for _, d := range []string{Done, Failed} {
		if err := w.makeDir(d); err != nil {
			return nil, errors.Join(fmt.Errorf("--watch: %w", err), w.root.Close())
		}
	}
	return w, nil
}

// Close lets go of the directory, which Run does at its end.
func (w *Folder) Close() error { return w.root.Close() }

func (w *Folder) makeDir(name string) error {
	err := w.root.Mkdir(name, 0o755)
	if !errors.Is(err, fs.ErrExist) {
		return err
	}
	info, err := w.root.Stat(name)
	if err == nil && !info.IsDir() {
		err = fmt.Errorf("%s is no directory: move it away", filepath.Join(w.Dir, name))
	}
	return err
}

// Run looks until ctx ends.
func (w *Folder) Run(ctx context.Context, to ingest.Sink) {
	defer func() { _ = w.root.Close() }() // that of the end
	t := time.NewTicker(Every)
	defer t.Stop()
	for failed := false; ; {
		err := w.Look(ctx, to)
		if err != nil && ctx.Err() == nil && !failed {
			w.Log.Error("the watched directory cannot be worked on", "dir", w.Dir, "err", err)
		}
		failed = err != nil
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
	}
}

// reopen opens the directory anew where another one has taken its name, as after a mount. While
// there is none its name stands in the error.
func (w *Folder) reopen() error {
	now, err := os.Stat(w.Dir)
	if err != nil {
		return err
	}
	if was, err := w.root.Stat("."); err == nil && os.SameFile(was, now) {
		return nil
	}
	root, err := os.OpenRoot(w.Dir)
	if err != nil {
		return err
	}
	w.Log.Warn("another directory has the name of the watched one: it is watched from now on", "dir", w.Dir)
	err = w.root.Close()
	w.root, w.files, w.odd = root, map[string]*dropped{}, map[string]fs.FileMode{}
	return errors.Join(err, w.makeDir(Done), w.makeDir(Failed))
}

// Look takes the files that have become whole since the last look.
func (w *Folder) Look(ctx context.Context, to ingest.Sink) error {
	if err := w.reopen(); err != nil {
		return err
	}
	still, err := w.list()
	if err != nil {
		return err
	}
	// In the order of their windows, or alarms would miss those that came too late.
	slices.SortFunc(still, func(a, b fs.FileInfo) int {
		return cmp.Or(startOf(a).Compare(startOf(b)), cmp.Compare(a.Name(), b.Name()))
	})
	for _, info := range still {
		if ctx.Err() != nil || w.take(ctx, to, info.Name(), w.files[info.Name()]) {
			break // those behind it wait for it
		}
	}
	stuck := 0
	for _, f := range w.files {
		if f.verdict != nil {
			stuck++
		}
	}
	w.Metrics.lying.WithLabelValues("waiting").Set(float64(len(w.files) - stuck))
	w.Metrics.lying.WithLabelValues("stuck").Set(float64(stuck))
	w.Metrics.lying.WithLabelValues("odd").Set(float64(len(w.odd)))
	return nil
}

// list reads the directory into files and odd, and returns the files that have not changed
// since the last look.
func (w *Folder) list() (still []fs.FileInfo, err error) {
	d, err := w.root.Open(".")
	if err != nil {
		return nil, err
	}
	entries, err := d.ReadDir(-1)
	if err = errors.Join(err, d.Close()); err != nil {
		return nil, err
	}
	files, odd := make(map[string]*dropped), make(map[string]fs.FileMode)
	for _, e := range entries {
		name := e.Name()
		if name == Done || name == Failed || unfinished(name) {
			continue
		}
		info, err := e.Info()
		if err != nil {
			continue // gone
		}
		if !info.Mode().IsRegular() {
			odd[name] = info.Mode().Type()
			if _, known := w.odd[name]; !known {
				w.Log.Warn("what is no file is left alone in the watched directory", "file", name, "mode", info.Mode().String())
			}
			continue
		}
		if f, ok := w.files[name]; ok && f.stamp == stampOf(info) {
			files[name], still = f, append(still, info)
		} else {
			files[name] = &dropped{stamp: stampOf(info), since: w.Now()}
		}
	}
	w.files, w.odd = files, odd
	return still, nil
}

// startOf is when the window of a file began, as far as its name and its date tell.
func startOf(info fs.FileInfo) time.Time {
	if m := fileName.FindStringSubmatch(strings.TrimSuffix(info.Name(), filepath.Ext(info.Name()))); m != nil {
		if at, err := time.Parse(FileTime, m[2]); err == nil {
			return at
		}
	}
	return info.ModTime()
}

// take judges one file that is ready, and moves it away. again says that there was no room
// for it now.
func (w *Folder) take(ctx context.Context, to ingest.Sink, name string, f *dropped) (again bool) {
	now := w.Now()
	settled := now.Sub(f.since) >= w.Settle
	if now.Before(f.pause) || !settled && (f.tried || !endsVisibly(name)) {
		return false
	}
	if f.verdict == nil {
		d, err := w.submit(ctx, to, name, f, settled)
		e, refused := errors.AsType[*bearing.Error](err)
		switch {
		case errors.Is(err, errUnfinished), errors.Is(err, errOpen):
			f.tried = err == errUnfinished
			return false
		case ctx.Err() != nil || refused && e.Kind == bearing.Overloaded && e.Code != "clock_behind":
			return true
		case err != nil && (!refused || e.Code == "clock_behind"): // not the file's fault, and none behind it waits: it may stay so for long
			w.warn(f, now, "a file cannot be judged: it is tried again", name, err)
			return false
		case refused:
			code := e.Code + ": "
			f.verdict = &verdict{Failed, code + strings.TrimPrefix(err.Error(), code) + "\n"}
			w.Metrics.files.WithLabelValues("failed").Inc()
			w.Log.Warn("a file was refused", "file", name, "err", err)
		default:
			f.verdict = &verdict{dir: Done}
			w.Metrics.files.WithLabelValues("taken").Inc()
			w.Log.InfoContext(logs.Many(ctx), "a file was taken", "file", name, "sensor", d.Sensor, "id", d.ID, "fault", d.Fault, "duplicate", d.Duplicate)
		}
		f.warned = false
	}
	if info, err := w.root.Lstat(name); err != nil || stampOf(info) != f.stamp {
		delete(w.files, name) // another file by now, which the next look meets
		return false
	}
	if err := w.move(name, f); err != nil {
		w.warn(f, now, "a file that was judged cannot be moved: it stays, and is not judged again", name, err)
		return false
	}
	delete(w.files, name)
	return false
}

// warn logs once why a file stays, and leaves it alone for a while.
func (w *Folder) warn(f *dropped, now time.Time, why, name string, err error) {
	f.pause = now.Add(w.Settle)
	if !f.warned {
		f.warned = true
		w.Log.Error(why, "file", name, "err", err)
	}
}

// move puts a file where it belongs, the reason before it. The window is on disk by now, or
// will not be: a name that is taken is replaced. A file that took its place in the last moment
// goes back, unless yet another has taken the name.
func (w *Folder) move(name string, f *dropped) error {
	v := f.verdict
	if err := w.makeDir(v.dir); err != nil {
		return err
	}
	if v.reason != "" {
		if err := w.root.WriteFile(filepath.Join(v.dir, reasonName(name)), []byte(v.reason), 0o644); err != nil {
			return err
		}
	}
	to := filepath.Join(v.dir, name)
	if err := w.root.Rename(name, to); err != nil {
		return err
	}
	if info, err := w.root.Lstat(to); err != nil || stampOf(info) == f.stamp {
		return nil // or somebody took it away
	}
	err := w.root.Link(to, name) // unlike a rename it replaces nothing
	switch {
	case errors.Is(err, fs.ErrExist):
		w.Log.Warn("a file took the place of one that was judged, and another its own: it was not judged", "file", to)
		return nil
	case err != nil: // a file system without links
		err = w.root.Rename(to, name)
	default:
		err = w.root.Remove(to)
	}
	if err == nil && v.reason != "" {
		err = w.root.Remove(filepath.Join(v.dir, reasonName(name)))
	}
	return err
}

// longestName is how many bytes a name has at most, on every file system of Linux.
const longestName = 255

// reasonName is that of the file with the reason: NAME.txt, or where that is too long the
// beginning of it with a checksum.
func reasonName(name string) string {
	if len(name)+len(".txt") <= longestName {
		return name + ".txt"
	}
	sum := fmt.Sprintf("~%08x.txt", crc32.ChecksumIEEE([]byte(name)))
	return name[:longestName-len(sum)] + sum
}

// submit reads a file and has its windows judged, of which it returns the last answer.
// errUnfinished and errOpen say that it may not be whole.
func (w *Folder) submit(ctx context.Context, to ingest.Sink, name string, f *dropped, settled bool) (d bearing.Diagnosis, err error) {
	defer func() {
		if v := recover(); v != nil { // our bug must not end the service, nor be met again at its next start
			w.Log.Error("a file made the service fail", "file", name, "err", logs.Recovered(v))
			err = bearing.Errorf(bearing.Invalid, "internal", "the service failed on this file: its log has the reason")
		}
	}()
	if f.size > w.MaxSize {
		return d, unless(settled, bearing.Errorf(bearing.TooLarge, "body_too_large", "the file has %d bytes, at most %d are read: see --max-body", f.size, w.MaxSize))
	}
	// What reading it takes is counted once its bytes are there: JSON has a sample in two at least.
	room := f.size
	if isJSON(name) {
		room *= 3
	}
	if err := w.Memory.Window(ctx, patient, room); err != nil {
		return d, err
	}
	defer func() { w.Memory.Give(room) }()
	win, err := w.open(ctx, name, f, settled)
	if err != nil {
		return d, err
	}
	samples := 4 * int64(len(win.Samples))
	w.Memory.Hold(samples)
	room += samples
	windows := []*bearing.Window{win}
	if !isJSON(name) { // a recording; JSON is a window as its sender cut it
		if windows, err = to.Cut(win); err != nil {
			return d, err
		}
	}
	for _, win := range windows { // one that was judged before an error is a repeat at the next try
		if d, err = to.Submit(ctx, win, patient); err != nil {
			return d, err
		}
	}
	return d, nil
}
