package decode

import (
	"math"
	"strconv"

	"brinell/bearing"
	"brinell/dataset/npyfile"
	"brinell/dataset/wavfile"
)

// decodeNPY reads samples as a NumPy file of one dimension, with the other fields as
// query parameters: floats in units, or integers as counts of scale units.
func decodeNPY(query string, body []byte, maxSamples int, room func(int) []float32) (Fields, error) {
	_, f, scale, hasScale, err := scaledIn(query)
	if err != nil {
		return f, err
	}
	a, err := npyfile.DecodeAtMost(body, maxSamples)
	if err != nil {
		return f, err
	}
	if len(a.Shape) == 0 || len(a.Data) != max(a.Shape[0], a.Shape[len(a.Shape)-1]) {
		return f, bearing.Errorf(bearing.Invalid, "npy_shape", "an array of shape %v is no signal: save one channel as one dimension", a.Shape)
	}
	switch {
	case a.Float && hasScale:
		return f, bearing.Errorf(bearing.Invalid, "parameter_invalid", "scale goes with integers only").At("scale")
	case !a.Float && !hasScale:
		return f, bearing.Errorf(bearing.Invalid, "scale_missing", "integers need scale, the value of one count in units").At("scale")
	case !a.Float && scale == 0:
		return f, scaleOfNothing()
	case a.Float:
		scale = 1
	}
	f.Samples = narrow(a.Data, scale, room)
	return f, nil
}

// decodeWAV reads samples as one channel of a WAV file. scale is what full scale stands
// for in units, or for a file of floats what 1 does.
// The sampling rate is the file's; one that is stated may say what a whole number cannot.
func decodeWAV(query string, body []byte, maxSamples int, room func(int) []float32) (Fields, error) {
	q, f, scale, ok, err := scaledIn(query, "channel")
	if err != nil {
		return f, err
	}
	w, err := wavfile.Open(body)
	switch {
	case err != nil:
		return f, err
	case !ok:
		return f, bearing.Errorf(bearing.Invalid, "scale_missing", "a WAV file does not say what its full scale is: state scale, its value in units").At("scale")
	case scale == 0:
		return f, scaleOfNothing()
	}
	if w.Samples > maxSamples {
		return f, tooLong(maxSamples)
	}
	channel := 1
	if c, ok := q["channel"]; ok {
		channel, err = strconv.Atoi(c)
	}
	if err != nil || channel < 1 || channel > w.Channels {
		return f, bearing.Errorf(bearing.Invalid, "parameter_invalid", "channel %q is none of the file's 1..%d", bearing.Clip(q["channel"]), w.Channels).At("channel")
	}
	if _, stated := q["channel"]; !stated && w.Channels > 1 {
		return f, bearing.Errorf(bearing.Invalid, "channel_missing", "the file has %d channels: state channel=1..%d", w.Channels, w.Channels).At("channel")
	}
	switch {
	case f.SampleRate == 0:
		f.SampleRate = w.SampleRate
	case math.Abs(f.SampleRate-w.SampleRate) > 0.5:
		return f, bearing.Errorf(bearing.Invalid, "rate_mismatch", "sample_rate_hz is %g, the file says %g: leave it out, or mend the file", f.SampleRate, w.SampleRate).At("sample_rate_hz")
	}
	x, err := w.Channel(channel - 1)
	if err != nil {
		return f, err
	}
	f.Samples = narrow(x, scale, room)
	return f, nil
}

// scaledIn returns the query of a window as a file: its Fields, the scale if it is stated, and
// what else the format knows.
func scaledIn(query string, known ...string) (q map[string]string, f Fields, scale float64, stated bool, err error) {
	known = append([]string{"start", "sample_rate_hz", "unit", "shaft_speed_rpm", "bearing", "axis", "scale"}, known...)
	if q, err = Query(query, known...); err != nil {
		return q, f, 0, false, err
	}
	if f, err = fieldsIn(q); err != nil {
		return q, f, 0, false, err
	}
	scale, stated, err = Number(q, "scale")
	return q, f, scale, stated, err
}

func scaleOfNothing() error {
	return bearing.Errorf(bearing.Invalid, "scale_not_finite", "scale must not be 0").At("scale")
}

// narrow scales samples into what room returns.
func narrow(x []float64, scale float64, room func(int) []float32) []float32 {
	out := room(len(x))
	for i, v := range x {
		out[i] = float32(v * scale)
	}
	return out
}

// fieldsIn returns the fields that stand in the query beside samples in the body.
func fieldsIn(q map[string]string) (f Fields, err error) {
	f.Start, f.Unit, f.Bearing, f.Axis = q["start"], q["unit"], q["bearing"], q["axis"]
	if f.SampleRate, _, err = Number(q, "sample_rate_hz"); err != nil {
		return f, err
	}
	f.SpeedRPM, f.HasSpeed, err = Number(q, "shaft_speed_rpm")
	return f, err
}
