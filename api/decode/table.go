package decode

import (
	"cmp"
	"errors"
	"strings"
	"time"

	"brinell/bearing"
	"brinell/dataset"
	"brinell/dataset/wavfile"
)

// fileForms are the media types of files that say more of their samples than how they are
// coded, by the extension that they are read as.
var fileForms = map[string]string{
	"text/csv": "csv", "text/tab-separated-values": "csv",
	"application/x-matlab-data": "mat", "application/matlab-mat": "mat",
	"audio/wav": "wav", "audio/x-wav": "wav", "audio/vnd.wave": "wav",
}

// bodyOf is what a body is called where readers of files name them.
const bodyOf = "the body."

// decodeFile reads samples in a file whose rate, unit and start are those in the query, in
// the file or of the registered sensor.
func decodeFile(form, query string, body []byte, o Options) (Fields, error) {
	if form == "wav" && !noted(query, body) {
		return decodeWAV(query, body, o.MaxSamples, o.Room)
	}
	q, f, scale, ok, err := scaledIn(query, "channel")
	switch {
	case err != nil:
		return f, err
	case ok && scale == 0:
		return f, scaleOfNothing()
	}
	known := o.Known
	file := dataset.FileOptions{Scale: scale, RateHz: cmp.Or(f.SampleRate, known.SampleRate), Unit: f.Unit, Else: known.Unit, Channel: q["channel"]}
	if q["channel"] == "all" {
		return f, bearing.Errorf(bearing.Invalid, "parameter_invalid", "a window has one channel: state its name or number").At("channel")
	}
	recs, err := dataset.ReadFile(bodyOf+form, body, file.Bounded(len(body), o.MaxSamples))
	switch {
	case bearing.CodeOf(err) == "window_too_long":
		return f, tooLong(o.MaxSamples)
	case err != nil:
		return f, inQueryTerms(err, bodyOf+form)
	}
	r := recs[0]
	if len(r.Samples) > o.MaxSamples {
		return f, tooLong(o.MaxSamples)
	}
	if f.Start == "" && !r.Start.IsZero() {
		f.Start = r.Start.Format(time.RFC3339Nano)
	}
	f.SampleRate, f.Samples, f.Inside = r.SampleRate, append(o.Room(len(r.Samples))[:0], r.Samples...), r.Unit
	f.Unit = string(r.Unit)
	if q["unit"] == "" && known.Unit.Inside() == r.Unit.Inside() && known.Unit != "" {
		f.Unit = string(known.Unit) // samples are in g whichever it is
	}
	if r.ShaftSpeed > 0 && !f.HasSpeed && known.SpeedRPM == 0 {
		f.SpeedRPM, f.HasSpeed = bearing.RPM(r.ShaftSpeed), true
	}
	f.Bearing = cmp.Or(f.Bearing, r.Bearing)
	return f, nil
}

// noted reports whether a WAV file says what its samples are, and the query no other scale.
func noted(query string, body []byte) bool {
	w, err := wavfile.Open(body)
	return err == nil && w.Note.Unit != "" && !strings.Contains(query, "scale=")
}

// instead says what to send instead of a media type that is not read.
func instead(mediaType string) string {
	if strings.Contains(mediaType, "spreadsheet") || strings.Contains(mediaType, "excel") {
		return "save the sheet as CSV and send that as text/csv"
	}
	return "send application/json, application/octet-stream, application/x-npy, audio/wav, text/csv or application/x-matlab-data"
}

// inQueryTerms names parameters where a reader of files names flags, and the body where it names
// the file.
func inQueryTerms(err error, file string) error {
	var e *bearing.Error
	if !errors.As(err, &e) {
		return err
	}
	out := *e
	switch e.Code {
	case "channel_ambiguous":
		out.Code = "channel_missing"
	case "channel_unknown":
		out.Code, out.Kind = "parameter_invalid", bearing.Invalid
	}
	out.Message = strings.NewReplacer("--rate", "sample_rate_hz, or register the sensor with it", "--unit g, --unit m/s2, or --unit mm/s of a velocity sensor", "unit=g, unit=m/s2, or unit=mm/s of a velocity sensor, or register the sensor with it",
		"--unit g or --unit m/s2", "unit=g or unit=m/s2", ", or leave --unit out", ", or leave unit out", "--rpm", "shaft_speed_rpm", "--scale", "scale", "--column", "channel=", "--skip", "lines before it taken away",
		"--channel", "channel=", file, "the body").Replace(e.Message)
	return &out
}
