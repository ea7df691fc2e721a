package decode

import (
	"cmp"
	"mime"
	"time"

	"brinell/bearing"
	"brinell/dataset"
)

// Media types of windows that are not files.
const (
	MediaJSON = "application/json"
	MediaRaw  = "application/octet-stream"
	MediaNPY  = "application/x-npy"
)

// Options are what a Decoder is told beside the bytes.
type Options struct {
	MaxSamples int                   // a longer window is refused, before memory is taken for its samples
	Room       func(n int) []float32 // memory for n samples, which may hold anything; nil for new memory
	Known      bearing.Sensor        // what is registered of the sensor; fills what a file does not say
}

// Decoder reads the windows of one media type and one set of parameters.
type Decoder struct {
	media, query string
	form         string // extension by which a file is read, "" for what is no file
}

// New returns the decoder of a window of sensor, stated by a media type, with its
// parameters or without, and by a query. It refuses what can be refused before the bytes
// are there: a name that is none (sensor_name), a media type that is not read
// (media_type_unsupported), a query beside JSON (unknown_parameter).
func New(sensor, contentType, query string) (Decoder, error) {
	d := Decoder{media: MediaType(contentType), query: query}
	switch d.media {
	case MediaRaw, MediaNPY:
	case MediaJSON:
		if query != "" {
			return d, bearing.Errorf(bearing.Invalid, "unknown_parameter", "a window as JSON takes no query parameters: put the fields into the body")
		}
	default:
		form, ok := fileForms[d.media]
		if !ok {
			return d, bearing.Errorf(bearing.Unsupported, "media_type_unsupported", "Content-Type %q is not read: %s", bearing.Clip(contentType), instead(d.media))
		}
		d.form = form
	}
	if !bearing.IsName(sensor) {
		_, err := bearing.NewWindow(bearing.Window{Sensor: sensor}, bearing.Limits{})
		return d, err
	}
	return d, nil
}

// IsFile reports whether the bytes are a file that may say more than its samples.
// Options.Known matters for those alone.
func (d Decoder) IsFile() bool { return d.form != "" }

// Memory bounds the bytes that decoding body takes beside it, samples and all.
func (d Decoder) Memory(body []byte, maxSamples int) int64 {
	switch {
	case d.form != "":
		return dataset.FileBytes(bodyOf+d.form, body, maxSamples)
	case d.media == MediaNPY: // a sample in a byte at least, read as float64 first
		return 12 * int64(min(len(body), maxSamples))
	}
	return MemoryJSON(len(body), maxSamples)
}

// MemoryJSON is Memory of a window as JSON or as raw samples of so many bytes: text has
// a sample in two bytes at least, as int16 has.
func MemoryJSON(size, maxSamples int) int64 { return 4 * int64(min(size/2+1, maxSamples)) }

// Decode reads a window as it is stated. The samples may share memory with body, whose
// samples are converted in place where they can be.
func (d Decoder) Decode(body []byte, o Options) (Fields, error) {
	if o.Room == nil {
		o.Room = makeFloats
	}
	switch {
	case d.form != "":
		return decodeFile(d.form, d.query, body, o)
	case d.media == MediaJSON:
		return JSON(body, o.MaxSamples, o.Room)
	case d.media == MediaNPY:
		return decodeNPY(d.query, body, o.MaxSamples, o.Room)
	}
	return decodeRaw(d.query, body, o.MaxSamples, o.Room)
}

// Window reads a window of sensor from its media type, its parameters in the form of a
// query and its bytes, with which it may share memory.
func Window(sensor, contentType, query string, body []byte, maxSamples int) (*bearing.Window, error) {
	d, err := New(sensor, contentType, query)
	if err != nil {
		return nil, err
	}
	f, err := d.Decode(body, Options{MaxSamples: maxSamples})
	if err != nil {
		return nil, err
	}
	return f.Window(sensor, maxSamples)
}

// WindowJSON reads a window as JSON whose sensor stands in it, or else is the one given,
// of at most so many samples.
func WindowJSON(body []byte, sensor string, maxSamples int) (*bearing.Window, error) {
	f, err := JSON(body, maxSamples, makeFloats)
	if err != nil {
		return nil, err
	}
	return f.Window(cmp.Or(f.Sensor, sensor), maxSamples)
}

func makeFloats(n int) []float32 { return make([]float32, n) }

// MediaType returns the type without its parameters, "" if it cannot be read.
func MediaType(contentType string) string {
	if contentType == MediaJSON || contentType == MediaRaw {
		return contentType // nearly always
	}
	media, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		return ""
	}
	return media
}

// Fields are a window as a client states it, not yet checked. What is not stated is zero.
type Fields struct {
	Sensor, Start, Unit, Bearing, Axis string // Start as RFC 3339

	SampleRate float64 // Hz
	SpeedRPM   float64 // of the shaft, where HasSpeed
	HasSpeed   bool
	Samples    []float32
	Inside     bearing.Unit // of a file: its samples are as Inside.Inside says already; "" else
}

// Lacks reports whether the rate or the unit is not stated: Complete may know them.
func (f *Fields) Lacks() bool { return f.SampleRate == 0 || f.Unit == "" }

// Complete puts the rate and the unit of the registered sensor where none is stated.
func (f *Fields) Complete(known bearing.Sensor) {
	f.SampleRate = cmp.Or(f.SampleRate, known.SampleRate)
	f.Unit = cmp.Or(f.Unit, string(known.Unit))
}

// Window checks what only the form knows and passes the rest to bearing.NewWindow.
func (f Fields) Window(sensor string, maxSamples int) (*bearing.Window, error) {
	if f.Sensor != "" && f.Sensor != sensor {
		return nil, bearing.Errorf(bearing.Invalid, "name_mismatch", "the window is one of sensor %q and sent to %q: leave the sensor out, or mend it", bearing.Clip(f.Sensor), bearing.Clip(sensor)).At("/sensor")
	}
	if f.Start == "" {
		return nil, bearing.Errorf(bearing.Invalid, "start_missing", "the start time is missing: state start as RFC 3339, such as 2026-01-31T12:00:00Z").At("/start")
	}
	start, ok := Time(f.Start)
	if !ok {
		return nil, bearing.Errorf(bearing.Invalid, "start_invalid", "start %q is not RFC 3339, such as 2026-01-31T12:00:00Z", bearing.Clip(f.Start)).At("/start")
	}
	unit, err := bearing.ParseUnit(f.Unit)
	if f.Inside != "" {
		unit, err = f.Inside.Inside(), nil
	}
	if err != nil {
		return nil, err.(*bearing.Error).At("/unit")
	}
	if f.HasSpeed && !bearing.ShaftSpeeds.Has(f.SpeedRPM) {
		return nil, bearing.Errorf(bearing.Invalid, "speed_out_of_range", "shaft speed %v rpm is outside %s; leave it out if it is unknown", f.SpeedRPM, bearing.ShaftSpeeds).At("/shaft_speed_rpm")
	}
	win, err := bearing.NewWindow(bearing.Window{
		Sensor: sensor, Axis: f.Axis, Start: start, SampleRate: f.SampleRate, ShaftSpeed: f.SpeedRPM / 60,
		Bearing: f.Bearing, Unit: unit, Samples: f.Samples,
	}, bearing.Limits{MaxSamples: maxSamples})
	if err == nil && f.Inside != "" {
		win.Unit = bearing.Unit(f.Unit)
	}
	return win, err
}

// tooLong refuses a window before memory is taken for its samples.
func tooLong(maxSamples int) error {
	return bearing.Errorf(bearing.Invalid, "window_too_long", "the window has more samples than the limit of %d: send shorter windows", maxSamples).At("/samples").Over(float64(maxSamples), 0)
}

// Time reads RFC 3339 to the letter. time.Parse also takes an hour of one digit and a
// comma before the fraction (go.dev/issue/54580).
func Time(s string) (time.Time, bool) {
	if len(s) < len("2006-01-02T15:04:05Z") || s[13] != ':' || s[19] == ',' {
		return time.Time{}, false
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	return t, err == nil
}
