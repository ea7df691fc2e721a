package watch

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"

	"brinell/api/decode"
	"brinell/bearing"
	"brinell/dataset"
	"brinell/dataset/wavfile"
)

// When a dropped file is whole. A size that stays proves nothing: writers pause, and what is
// cut between two rows of a table looks whole. So a file must not have changed for
// --watch-settle, no program may have it open for writing as far as the kernel tells, and it
// must be readable to its end: what is cut within a row or short of its stated length is
// refused. Files of a form that states its own end are not made to wait for it, if the
// kernel tells for certain that their writer has closed them.
//
// Writers that choose a name of unfinished and rename are the safest.

// unfinished reports whether a name is one that writers give to what they have not finished.
func unfinished(name string) bool {
	if strings.HasPrefix(name, ".") || strings.HasSuffix(name, "~") {
		return true
	}
	ext := strings.ToLower(filepath.Ext(name))
	return slices.Contains([]string{".part", ".partial", ".tmp", ".temp", ".filepart", ".crdownload", ".download", ".swp", ".writing", ".inprogress"}, ext)
}

// endsVisibly reports whether files of a name end where they say.
func endsVisibly(name string) bool {
	return slices.Contains([]string{".json", ".npy", ".npz", ".wav"}, strings.ToLower(filepath.Ext(name)))
}

// Why a file is left for later: it may not be whole, or somebody has it open for writing,
// which is asked again at the next look.
var (
	errUnfinished = errors.New("the file may not be whole")
	errOpen       = errors.New("the file is open for writing")
)

func isJSON(name string) bool { return strings.EqualFold(filepath.Ext(name), ".json") }

func stampOf(info fs.FileInfo) stamp {
	s := stamp{size: info.Size(), mod: info.ModTime()}
	if sys, ok := info.Sys().(*syscall.Stat_t); ok {
		s.dev, s.ino = uint64(sys.Dev), sys.Ino
	}
	return s
}

// open reads a file that is as f says, before and after, and that nobody writes. Once it has
// settled, what is wrong with it is its own fault.
func (w *Folder) open(ctx context.Context, name string, f *dropped, settled bool) (*bearing.Window, error) {
	file, err := w.root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0) // should it have become a pipe
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errUnfinished
	}
	if err != nil {
		return nil, err
	}
	defer file.Close()
	open, known := openForWriting(file)
	if open && settled {
		w.warn(f, w.Now(), "a file does not change, and is still open for writing: it waits", name, nil)
	}
	if open {
		return nil, errOpen
	}
	if !known && !settled {
		return nil, errUnfinished
	}
	b, err := io.ReadAll(io.LimitReader(file, f.size+1))
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if stampOf(info) != f.stamp || int64(len(b)) != f.size {
		return nil, errUnfinished // it changed meanwhile: the next look sees it
	}
	if err := whole(name, b, settled); err != nil {
		return nil, unless(settled, err)
	}
	win, err := w.read(ctx, name, b, f.mod)
	if err != nil {
		return nil, unless(settled, err)
	}
	return win, nil
}

// unless returns err of a file that has settled. One that has not may be about to change.
func unless(settled bool, err error) error {
	if settled {
		return err
	}
	return errUnfinished
}

// whole returns what shows that a file is cut, where its reader would not see it.
func whole(name string, b []byte, settled bool) error {
	if isJSON(name) {
		return nil
	}
	switch dataset.FormatOf(name, b) {
	case "csv": // half a number is a number, too
		if !bytes.HasSuffix(bytes.TrimRight(b, " \t\x00"), []byte("\n")) {
			return bearing.Errorf(bearing.Malformed, "file_cut", "the last line does not end: the file is cut, or its writer must end it")
		}
	case "wav":
		if exact, ragged := wavfile.Ends(b); ragged || !settled && !exact {
			return bearing.Errorf(bearing.Malformed, "file_cut", "the file ends within a sample: it is cut")
		}
	}
	return nil
}

// FileTime is how the name of a recording states its start.
const FileTime = "20060102T150405.999999999Z"

// fileName is what the name of a recording says: SENSOR_20260131T120000Z.wav, with a
// fraction of the second if it has one.
var fileName = regexp.MustCompile(`^(.+)_(\d{8}T\d{6}(?:\.\d{1,9})?Z)$`)

// read makes the window of a file: JSON has all that it needs; of a recording, sensor and
// start stand in its name, and the rest in the file or with the registered sensor.
func (w *Folder) read(ctx context.Context, name string, b []byte, modified time.Time) (*bearing.Window, error) {
	ext := filepath.Ext(name)
	stem := strings.TrimSuffix(name, ext)
	if isJSON(name) {
		return decode.WindowJSON(b, stem, w.MaxSamples)
	}
	sensor, start, named := stem, modified, false
	if m := fileName.FindStringSubmatch(stem); m != nil {
		at, err := time.Parse(FileTime, m[2])
		if err != nil {
			return nil, bearing.Errorf(bearing.Invalid, "start_invalid", "%q in the name is no time such as 20260131T120000Z", m[2])
		}
		sensor, start, named = m[1], at, true
	}
	s, ok := w.Sensor(sensor)
	if !ok {
		return nil, bearing.Errorf(bearing.Invalid, "sensor_unknown", "the name stands for sensor %q, which is not registered: put it to /v1/sensors with sample_rate_hz, unit and, for PCM, full_scale, or drop windows as JSON", bearing.Clip(sensor))
	}
	need := dataset.FileBytes(name, b, w.MaxSamples)
	if err := w.Memory.Window(ctx, patient, need); err != nil {
		return nil, err
	}
	defer w.Memory.Give(need)
	o := dataset.FileOptions{RateHz: s.SampleRate, Else: cmp.Or(s.Unit, bearing.G), FullScale: s.FullScale, RPM: s.SpeedRPM, Bearing: s.Bearing}
	recs, err := dataset.ReadFile(name, b, o.Bounded(len(b), w.MaxSamples))
	if bearing.CodeOf(err) == "channel_ambiguous" { // nobody gives it a --channel
		return nil, bearing.Errorf(bearing.Invalid, "channel_missing", "the file has several channels: drop a file with the one of the sensor alone")
	}
	if err != nil {
		return nil, err
	}
	if !named && !recs[0].Start.IsZero() {
		start = recs[0].Start
	}
	// Acceleration of a recording is in g whatever the sensor's unit is.
	unit := bearing.G
	if recs[0].Unit.IsVelocity() {
		unit = recs[0].Unit
	}
	win, err := bearing.NewWindow(bearing.Window{Sensor: sensor, Axis: s.Axis, Start: start, SampleRate: recs[0].SampleRate, ShaftSpeed: recs[0].ShaftSpeed, Bearing: recs[0].Bearing, Unit: unit, Samples: recs[0].Samples},
		bearing.Limits{MaxSamples: w.MaxSamples})
	if err == nil && s.Unit != "" && s.Unit.Inside() == win.Unit {
		win.Unit = s.Unit
	}
	return win, err
}
