package watch

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"brinell/bearing"
	"brinell/dataset/matfile"
	"brinell/dataset/npyfile"
	"brinell/dataset/wavfile"
	"brinell/internal/diagnose"
	"brinell/internal/logs"
	"brinell/internal/storetest"
	"brinell/models/pretrained"
)

// shelved is a store that counts the samples of what it takes.
type shelved struct {
	*storetest.Memory
	samples []int
	then    func() // what happens meanwhile
}

func (k *shelved) Append(ctx context.Context, d bearing.Diagnosis, w *bearing.Window, also *bearing.Effects) (bearing.Diagnosis, error) {
	k.samples = append(k.samples, len(w.Samples))
	if k.then != nil {
		k.then()
	}
	return k.Memory.Append(ctx, d, w, also)
}

// dropRig is a folder with a clock of its own, that settles after ten seconds.
type dropRig struct {
	unit bearing.Unit // of its sensor, g by default
	*Folder
	t     *testing.T
	dir   string
	core  *diagnose.Core
	store *shelved
	log   bytes.Buffer
	at    time.Time
}

func newDropRig(t *testing.T) *dropRig {
	t.Helper()
	r := &dropRig{t: t, dir: t.TempDir(), store: &shelved{Memory: storetest.NewMemory(storetest.Config{})}, at: time.Now()}
	r.core = core(t, r.store)
	r.Folder = folder(t, r.dir, func(name string) (bearing.Sensor, bool) {
		return bearing.Sensor{SampleRate: 12000, Unit: cmp.Or(r.unit, bearing.G), FullScale: 1}, name == "s"
	})
	r.Log = slog.New(slog.NewTextHandler(&r.log, nil))
	r.Now = func() time.Time { return r.at }
	return r
}

// folder returns one of dir that settles after ten seconds, whose log goes nowhere.
func folder(t *testing.T, dir string, sensor func(string) (bearing.Sensor, bool)) *Folder {
	t.Helper()
	metrics, err := NewMetrics(prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	w, err := New(Config{Dir: dir, Sensor: sensor, MaxSamples: 1 << 20, MaxSize: 1 << 20, Settle: Settle, Log: slog.New(slog.DiscardHandler), Metrics: metrics})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Close() })
	return w
}

func core(t *testing.T, store diagnose.Store) *diagnose.Core {
	t.Helper()
	m, err := pretrained.Default()
	if err != nil {
		t.Fatal(err)
	}
	c, err := diagnose.New(m, diagnose.Config{Store: store})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// after looks once a second until so long after the last call.
func (r *dropRig) after(d time.Duration) {
	r.t.Helper()
	for end := r.at.Add(d); ; r.at = r.at.Add(min(Every, end.Sub(r.at))) {
		if err := r.Look(r.t.Context(), r.core); err != nil {
			r.t.Error(err)
		}
		if !r.at.Before(end) {
			return
		}
	}
}

func (r *dropRig) write(name string, b []byte) {
	r.t.Helper()
	if err := os.WriteFile(filepath.Join(r.dir, name), b, 0o600); err != nil {
		r.t.Fatal(err)
	}
}

// where says in which directory a file lies.
func (r *dropRig) where(name string) string {
	for _, d := range []string{".", Done, Failed} {
		if _, err := os.Lstat(filepath.Join(r.dir, d, name)); err == nil {
			return d
		}
	}
	return "nowhere"
}

func (r *dropRig) want(name, dir, code string) {
	r.t.Helper()
	if got := r.where(name); got != dir {
		r.t.Errorf("%s lies in %s, want %s\n%s", name, got, dir, r.log.String())
	}
	if code != "" {
		b, err := os.ReadFile(filepath.Join(r.dir, Failed, reasonName(name)))
		if err != nil || !strings.HasPrefix(string(b), code+": ") {
			r.t.Errorf("%s: %q, %v; want %s", name, b, err, code)
		}
	}
}

// table returns the samples as rows.
func table(x []float32) []byte {
	var b bytes.Buffer
	for _, v := range x {
		fmt.Fprintf(&b, "%.6f\n", v)
	}
	return b.Bytes()
}

// samples of a window that can be judged.
func someSamples() []float32 {
	x := make([]float32, 4096)
	for i := range x {
		x[i] = float32((i*7)%13) - 6.25
	}
	return x
}

// unstated makes a WAV file one of a writer that could not go back to state its sizes.
func unstated(b []byte) []byte {
	b = bytes.Clone(b)
	binary.LittleEndian.PutUint32(b[4:], 0)
	binary.LittleEndian.PutUint32(b[bytes.Index(b, []byte("data"))+4:], 0)
	return b
}

// TestWatchCut writes the first part of files in every form, and looks for as long as a
// writer may pause: none is judged. Then the rest comes, and it is taken as a whole; or it
// does not, and what is cut is refused with the reason.
func TestWatchCut(t *testing.T) {
	x := someSamples()
	var doubles []float64
	for _, v := range x {
		doubles = append(doubles, float64(v))
	}
	text := strings.ReplaceAll(strings.Trim(fmt.Sprint(x), "[]"), " ", ",")
	rows := table(x)
	wav := wavfile.EncodeFloat32(x, 12000)
	for _, c := range []struct {
		name string
		ext  string
		b    []byte
		cut  int    // bytes of the first part
		code string // "" for what does not look cut
		soon bool   // the whole is taken at the second look
	}{
		{"number cut", ".csv", rows, bytes.LastIndexByte(rows[:20000], '\n') + 4, "file_cut", false},
		{"between a row and its end", ".csv", rows, bytes.LastIndexByte(rows[:20000], '\n'), "file_cut", false},
		{"between rows", ".csv", rows, bytes.LastIndexByte(rows[:20000], '\n') + 1, "", false},
		{"no extension", "", rows, bytes.LastIndexByte(rows[:20000], '\n') + 4, "file_cut", false},
		{"npy in its header", ".npy", npyfile.EncodeFloat32(x), 60, "npy_malformed", true},
		{"npy", ".npy", npyfile.EncodeFloat32(x), 9000, "npy_malformed", true},
		{"npy by a byte", ".npy", npyfile.EncodeFloat32(x), 128 + 4*4096 - 1, "npy_malformed", true},
		{"wav in its header", ".wav", wav, 30, "wav_malformed", true},
		{"wav", ".wav", wav, 9000, "wav_malformed", true},
		{"wav by a byte", ".wav", wav, len(wav) - 1, "wav_malformed", true},
		{"wav of no stated size", ".wav", unstated(wav), 9001, "file_cut", false},
		{"mat", ".mat", matfile.Encode([]matfile.Variable{{Name: "x", Dims: []int{4096, 1}, Data: doubles}}, false, false), 9000, "mat_malformed", false},
		{"json", ".json", []byte(`{"sensor":"s","start":"2026-01-31T12:00:00Z","sample_rate_hz":12000,"unit":"g","samples":[` + text + `]}`), 9000, "json_malformed", true},
		{"nothing yet", ".json", []byte(`{"sensor":"s","start":"2026-01-31T12:00:00Z","sample_rate_hz":12000,"unit":"g","samples":[` + text + `]}`), 0, "body_empty", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			name := "s_20260131T120000Z" + c.ext
			r := newDropRig(t)
			r.write(name, c.b[:c.cut])
			r.after(Settle - time.Millisecond)
			r.want(name, ".", "")
			r.write(name, c.b) // the rest
			r.after(0)
			r.want(name, ".", "")
			r.after(Every)
			if soon := r.where(name) == Done; soon != c.soon {
				t.Errorf("taken at the second look: %t, want %t", soon, c.soon)
			}
			r.after(Settle - Every - time.Millisecond)
			if !c.soon {
				r.want(name, ".", "")
			}
			r.after(time.Millisecond)
			r.want(name, Done, "")
			if len(r.store.samples) != 1 || r.store.samples[0] != 4096 {
				t.Errorf("windows of %v samples, want one of 4096", r.store.samples)
			}
			if c.code == "" {
				return
			}
			name = "s_20260131T120001Z" + c.ext
			r.write(name, c.b[:c.cut]) // and never the rest
			r.after(Settle - time.Millisecond)
			r.want(name, ".", "")
			r.after(time.Millisecond)
			r.want(name, Failed, c.code)
			if len(r.store.samples) != 1 {
				t.Error("what is cut was judged")
			}
		})
	}
}

// TestWatchRefusesHalfRows: a last row of fewer cells is cut though its line ends.
func TestWatchRefusesHalfRows(t *testing.T) {
	r := newDropRig(t)
	rows := bytes.ReplaceAll(table(someSamples()), []byte("\n"), []byte(",1\n"))
	r.write("s.csv", append(rows, "2.5\n"...))
	r.after(Settle)
	r.want("s.csv", Failed, "csv_malformed")
}

// TestWatchOpen keeps a file open, written to its end: as long as that is so it waits, and
// the log says once for what.
func TestWatchOpen(t *testing.T) {
	for _, name := range []string{"s.npy", "s.csv"} {
		r := newDropRig(t)
		b := npyfile.EncodeFloat32(someSamples())
		if name == "s.csv" {
			b = table(someSamples())
		}
		f, err := os.Create(filepath.Join(r.dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write(b); err != nil {
			t.Fatal(err)
		}
		probe, err := os.Open(f.Name())
		if err != nil {
			t.Fatal(err)
		}
		if open, known := openForWriting(probe); !known {
			t.Skip("the kernel does not tell who writes here")
		} else if !open {
			t.Error("a file that is written is said to be closed")
		}
		if err := probe.Close(); err != nil {
			t.Fatal(err)
		}
		r.after(2 * Every)
		if name == "s.npy" && r.files[name].tried {
			t.Error("a file that is open is not asked for at the next look")
		}
		r.after(6 * Settle)
		r.want(name, ".", "")
		if n := strings.Count(r.log.String(), "still open for writing"); n != 1 {
			t.Errorf("said %d times, want once: %s", n, r.log.String())
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		r.after(Settle)
		r.want(name, Done, "")
	}
}

// TestWatchChanged: a file that is another one by the time that it was read is not judged as
// what it was.
func TestWatchChanged(t *testing.T) {
	r := newDropRig(t)
	b := npyfile.EncodeFloat32(someSamples())
	r.write("s.npy", b)
	for range 2 {
		if _, err := r.list(); err != nil {
			t.Fatal(err)
		}
	}
	f := r.files["s.npy"]
	for what, change := range map[string]func() error{
		"date": func() error { return os.Chtimes(filepath.Join(r.dir, "s.npy"), r.at, r.at.Add(-time.Hour)) },
		"size": func() error { return os.Truncate(filepath.Join(r.dir, "s.npy"), 99) },
		"inode": func() error {
			r.write("x.part", b)
			return os.Rename(filepath.Join(r.dir, "x.part"), filepath.Join(r.dir, "s.npy"))
		},
		"gone": func() error { return os.Remove(filepath.Join(r.dir, "s.npy")) },
		"pipe": func() error { return syscall.Mkfifo(filepath.Join(r.dir, "s.npy"), 0o600) },
	} {
		if err := os.Remove(filepath.Join(r.dir, "s.npy")); err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
		if what != "pipe" {
			r.write("s.npy", b)
			info, err := os.Stat(filepath.Join(r.dir, "s.npy"))
			if err != nil {
				t.Fatal(err)
			}
			f.stamp = stampOf(info)
		}
		if err := change(); err != nil {
			t.Fatal(err)
		}
		if _, err := r.open(t.Context(), "s.npy", f, true); !errors.Is(err, errUnfinished) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// TestWatchAnother: a directory that takes the name of the watched one, as a mount does, is watched
// from then on, and while there is none that is an error.
func TestWatchAnother(t *testing.T) {
	r := newDropRig(t)
	if err := os.Rename(r.dir, r.dir+".old"); err != nil {
		t.Fatal(err)
	}
	if err := r.Look(t.Context(), r.core); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without a directory: %v", err)
	}
	if err := os.Mkdir(r.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	r.write("s.npy", npyfile.EncodeFloat32(someSamples()))
	r.after(time.Minute)
	r.want("s.npy", Done, "")
}

// TestWatchLastMoment: a file that takes the place of one between the last look at it and its move
// goes back, to be judged.
func TestWatchLastMoment(t *testing.T) {
	r := newDropRig(t)
	for _, v := range []verdict{{dir: Done}, {Failed, "it was cut\n"}} {
		r.write("s.npy", []byte("judged"))
		info, err := os.Stat(filepath.Join(r.dir, "s.npy"))
		if err != nil {
			t.Fatal(err)
		}
		f := &dropped{stamp: stampOf(info), verdict: &v}
		r.write("s.part", []byte("another"))
		if err := os.Rename(filepath.Join(r.dir, "s.part"), filepath.Join(r.dir, "s.npy")); err != nil {
			t.Fatal(err)
		}
		if err := r.move("s.npy", f); err != nil {
			t.Fatal(err)
		}
		if b, err := os.ReadFile(filepath.Join(r.dir, "s.npy")); err != nil || string(b) != "another" {
			t.Errorf("%s: %q, %v", v.dir, b, err)
		}
		if left, err := os.ReadDir(filepath.Join(r.dir, v.dir)); err != nil || len(left) != 0 {
			t.Errorf("%s: %v is left, %v", v.dir, left, err)
		}
		info, _ = os.Stat(filepath.Join(r.dir, "s.npy"))
		f.stamp = stampOf(info)
		if err := r.move("s.npy", f); err != nil {
			t.Fatal(err)
		}
		if b, err := os.ReadFile(filepath.Join(r.dir, v.dir, "s.npy")); err != nil || string(b) != "another" {
			t.Errorf("%s, judged: %q, %v", v.dir, b, err)
		}
	}
}

// TestWatchOverwritten: a file that takes the place of one while that is judged is judged, too.
func TestWatchOverwritten(t *testing.T) {
	r := newDropRig(t)
	r.write("s.npy", npyfile.EncodeFloat32(someSamples()))
	r.store.then = func() {
		r.store.then = nil
		r.write("s.npy", npyfile.EncodeFloat32(someSamples()[:4000]))
	}
	r.after(2 * Settle)
	r.want("s.npy", Done, "")
	if fmt.Sprint(r.store.samples) != "[4096 4000]" {
		t.Errorf("windows of %v samples, want 4096 and 4000", r.store.samples)
	}
}

// TestWatchLog: files that are taken are not a line each.
func TestWatchLog(t *testing.T) {
	r := newDropRig(t)
	r.Log = slog.New(logs.Limit(slog.NewTextHandler(&r.log, nil)))
	for i := range 4 {
		r.write("s.npy", npyfile.EncodeFloat32(someSamples()[i:]))
		r.after(2 * Settle)
		r.want("s.npy", Done, "")
	}
	if n := strings.Count(r.log.String(), "a file was taken"); n != 1 || len(r.store.samples) != 4 {
		t.Errorf("%d lines of %d files\n%s", n, len(r.store.samples), r.log.String())
	}
}

// TestWatchNames drops what is no file, what is not finished by its name, and names that
// cannot be moved: each is left alone or reported, once, and counted.
func TestWatchNames(t *testing.T) {
	r := newDropRig(t)
	b := npyfile.EncodeFloat32(someSamples())
	for _, name := range []string{".s.npy", "s.npy.part", "s.npy.TMP", "s.npy.filepart", "s.npy.crdownload", "s.npy~"} {
		r.write(name, b)
		defer r.want(name, ".", "")
	}
	for name, make := range map[string]func(string) error{
		"dir.npy":  func(p string) error { return os.Mkdir(p, 0o700) },
		"pipe.npy": func(p string) error { return syscall.Mkfifo(p, 0o600) },
		"link.npy": func(p string) error { return os.Symlink("/etc/hostname", p) },
		"sock.npy": func(p string) error {
			l, err := net.Listen("unix", p)
			if err == nil {
				t.Cleanup(func() { _ = l.Close() })
			}
			return err
		},
	} {
		if err := make(filepath.Join(r.dir, name)); err != nil {
			t.Fatal(err)
		}
		defer r.want(name, ".", "")
	}
	bytesName := "s\xff\n\x01'.npy"
	long := strings.Repeat("n", longestName-len(".npy")) + ".npy"
	r.write(bytesName, b)
	r.write(long, b)
	r.after(2 * Settle)
	r.want(bytesName, Failed, "sensor_unknown")
	r.want(long, Failed, "sensor_unknown")
	if n := strings.Count(r.log.String(), "no file is left alone"); n != 4 {
		t.Errorf("%d of what is no file are reported, want 4: %s", n, r.log.String())
	}
	count := func(state string, want float64) {
		t.Helper()
		if got := testutil.ToFloat64(r.Metrics.lying.WithLabelValues(state)); got != want {
			t.Errorf("%g %s, want %g", got, state, want)
		}
	}
	count("odd", 4)
	count("waiting", 0)
	if got := testutil.ToFloat64(r.Metrics.files.WithLabelValues("failed")); got != 2 {
		t.Errorf("%g failed, want 2", got)
	}

	// A directory stands where the file should go; done is none, and gone.
	block := filepath.Join(r.dir, Done, "s.npy")
	if err := os.MkdirAll(filepath.Join(block, "x"), 0o700); err != nil {
		t.Fatal(err)
	}
	r.write("s.npy", b)
	r.after(6 * Settle)
	r.want("s.npy", ".", "")
	count("stuck", 1)
	if n := strings.Count(r.log.String(), "cannot be moved"); n != 1 || len(r.store.samples) != 1 {
		t.Errorf("reported %d times, judged %d times, want once: %s", n, len(r.store.samples), r.log.String())
	}
	if err := os.RemoveAll(filepath.Join(r.dir, Done)); err != nil {
		t.Fatal(err)
	}
	r.write(Done, nil)
	r.after(2 * Settle)
	count("stuck", 1)
	if err := os.Remove(filepath.Join(r.dir, Done)); err != nil {
		t.Fatal(err)
	}
	r.after(Settle)
	r.want("s.npy", Done, "")
	count("stuck", 0)
	if len(r.store.samples) != 1 || testutil.ToFloat64(r.Metrics.files.WithLabelValues("taken")) != 1 {
		t.Errorf("judged %d times, want once", len(r.store.samples))
	}
}

// refusing is a store that takes no window of some sensors.
type refusing struct {
	*storetest.Memory
	why map[string]error // by sensor
}

func (r refusing) Append(ctx context.Context, d bearing.Diagnosis, w *bearing.Window, also *bearing.Effects) (bearing.Diagnosis, error) {
	if err := r.why[d.Sensor]; err != nil {
		return bearing.Diagnosis{}, err
	}
	return r.Memory.Append(ctx, d, w, also)
}

// TestWatchInTheWay: a file that fails for ever, or waits for the clock, holds up none, and one for which there is no
// room now those behind it, which are to come after it.
func TestWatchInTheWay(t *testing.T) {
	why := map[string]error{"a": errors.New("damaged"), "0": bearing.Errorf(bearing.Overloaded, "clock_behind", "1970"), "c": bearing.Errorf(bearing.Overloaded, "storage_full", "full")}
	dir := t.TempDir()
	w, to := folder(t, dir, nil), core(t, refusing{storetest.NewMemory(storetest.Config{}), why})
	w.Settle = 0
	at := time.Now().Add(-time.Hour)
	for i, name := range []string{"0", "a", "b", "c", "d"} {
		file := filepath.Join(dir, name+".json")
		text := fmt.Sprintf(`{"sensor":%q,"start":%q,"sample_rate_hz":12000,"unit":"g","samples":[%s1]}`, name, at.UTC().Format(time.RFC3339), strings.Repeat("1,-1,", 3000))
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(file, at, at.Add(time.Duration(i)*time.Second)); err != nil {
			t.Fatal(err)
		}
	}
	look := func(want string) {
		t.Helper()
		for range 2 {
			if err := w.Look(t.Context(), to); err != nil {
				t.Error(err)
			}
		}
		done, err := filepath.Glob(filepath.Join(dir, Done, "*"))
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, f := range done {
			got += strings.TrimSuffix(filepath.Base(f), ".json")
		}
		if got != want {
			t.Errorf("taken are %q, want %q", got, want)
		}
	}
	look("b")
	delete(why, "c")
	look("bcd")
	delete(why, "a")
	look("abcd")
	delete(why, "0")
	look("0abcd")
}

// TestWatchedSamples: what is dropped as JSON has no more samples than may be sent either.
func TestWatchedSamples(t *testing.T) {
	w := &Folder{Config: Config{MaxSamples: 3}}
	for body, want := range map[string]string{"1,2,3": "", "1,2,3,4": "window_too_long"} {
		_, err := w.read(t.Context(), "pump.json", []byte(`{"start":"2026-01-31T12:00:00Z","sample_rate_hz":12000,"unit":"g","samples":[`+body+`]}`), time.Time{})
		if (err != nil) != (want != "") || err != nil && bearing.CodeOf(err) != want {
			t.Errorf("%s: %v, want %s", body, err, want)
		}
	}
}
