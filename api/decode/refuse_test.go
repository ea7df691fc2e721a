package decode

import (
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"brinell/bearing"
	"brinell/dataset/npyfile"
	"brinell/dataset/wavfile"
)

// wav is samples in several channels, all alike.
func wav(x []float32, channels int) []byte {
	if channels == 1 {
		return wavfile.EncodeNoted(x, 12000, wavfile.Note{})
	}
	var all []float32
	for _, v := range x {
		for range channels {
			all = append(all, v)
		}
	}
	b := wavfile.EncodeNoted(all, 12000, wavfile.Note{})
	i := strings.Index(string(b), "fmt ") + 8
	b[i+2] = byte(channels) // then the blocks are of so many samples
	b[i+12] = byte(4 * channels)
	rate := 12000 * 4 * channels
	b[i+8], b[i+9], b[i+10], b[i+11] = byte(rate), byte(rate>>8), byte(rate>>16), byte(rate>>24)
	return b
}

// counts is an NPY file of int16.
func counts(n int) []byte {
	b := npyfile.EncodeFloat32(make([]float32, (n+1)/2))
	head := strings.Replace(string(b[:128]), "'<f4'", "'<i2'", 1)
	return append([]byte(strings.Replace(head, "("+strconv.Itoa((n+1)/2)+",", "("+strconv.Itoa(n)+",", 1)), b[128:128+2*n]...)
}

// TestRefusals: what is wrong with a window has its code and its place, in every form, and
// what is just right is taken.
func TestRefusals(t *testing.T) {
	const most = 8
	const jsonHead = `{"start":"2026-01-31T12:00:00Z","sample_rate_hz":12000,"unit":"g",`
	x := []float32{1, 2, 3, 4, 5, 6, 7, 8}
	file := "start=2026-01-31T12:00:00Z&unit=g"
	f32 := npyfile.EncodeFloat32(x)
	two := "a,b\n1,2.5\n2,3\n4,5.5\n"
	for _, c := range []struct {
		media, query string
		body         []byte
		code, at     string
	}{
		{MediaJSON, "", []byte(jsonHead + `"samples":[1]}`), "", ""},
		{MediaJSON, "", []byte(jsonHead + `"sensor":"pump","samples":[1]}`), "", ""},
		{MediaJSON, "", []byte(jsonHead + `"sensor":"fan","samples":[1]}`), "name_mismatch", "/sensor"},
		{MediaJSON, "", []byte(jsonHead + `"shaft_speed_rpm":600000,"samples":[1]}`), "", ""},
		{MediaJSON, "", []byte(jsonHead + `"shaft_speed_rpm":0,"samples":[1]}`), "speed_out_of_range", "/shaft_speed_rpm"},
		{MediaJSON, "", []byte(jsonHead + `"shaft_speed_rpm":600001,"samples":[1]}`), "speed_out_of_range", "/shaft_speed_rpm"},
		{MediaJSON, "", []byte(strings.Replace(jsonHead, "2026-01-31T12:00:00Z", "2026-01-31T12:00:00,5Z", 1) + `"samples":[1]}`), "start_invalid", "/start"},
		{MediaJSON, "", []byte(strings.Replace(jsonHead, "2026-01-31T12:00:00Z", "2026-01-31T2:00:00.0Z", 1) + `"samples":[1]}`), "start_invalid", "/start"},
		{MediaJSON, "", []byte(strings.Replace(jsonHead, `"unit":"g",`, "", 1) + `"samples":[1]}`), "unit_missing", "/unit"},
		{MediaJSON, "", []byte(strings.Replace(jsonHead, `"g"`, `"in/s"`, 1) + `"samples":[1]}`), "unit_unknown", "/unit"},

		{MediaRaw, inQuery, raw(x...), "", ""},
		{MediaRaw, inQuery, raw(append(x, 9)...), "window_too_long", "/samples"},
		{MediaRaw, inQuery, raw(x...)[1:], "length_mismatch", ""},
		{MediaRaw, inQuery + "&scale=1", raw(x...), "parameter_invalid", "scale"},
		{MediaRaw, inQuery + "&dtype=i16le", raw(1), "scale_missing", "scale"},
		{MediaRaw, inQuery + "&dtype=i16le&scale=0", raw(1), "scale_not_finite", "scale"},
		{MediaRaw, inQuery + "&dtype=i16le&scale=Inf", raw(1), "parameter_invalid", "scale"},
		{MediaRaw, inQuery + "&dtype=i16le&scale=1", raw(1), "", ""},
		{MediaRaw, inQuery + "&dtype=f64le", raw(1), "dtype_unsupported", "dtype"},
		{MediaRaw, inQuery + "&channel=1", raw(1), "unknown_parameter", "channel"},
		{MediaRaw, inQuery + "&unit=g", raw(1), "duplicate_parameter", "unit"},

		{MediaNPY, inQuery, f32, "", ""},
		{MediaNPY, inQuery + "&scale=2", f32, "parameter_invalid", "scale"},
		{MediaNPY, inQuery, counts(8), "scale_missing", "scale"},
		{MediaNPY, inQuery + "&scale=0", counts(8), "scale_not_finite", "scale"},
		{MediaNPY, inQuery + "&scale=2", counts(8), "", ""},
		{MediaNPY, inQuery, npyfile.EncodeFloat32(append(x, 9)), "npy_too_large", ""},
		{MediaNPY, inQuery, npyfile.Encode(npyfile.Array{Shape: []int{2, 3}, Data: make([]float64, 6)}), "npy_shape", ""},
		{MediaNPY, inQuery, f32[:40], "npy_malformed", ""},

		{"audio/wav", file + "&scale=1", wav(x, 1), "", ""},
		{"audio/wav", file + "&scale=1", wav(append(x, 9), 1), "window_too_long", "/samples"},
		{"audio/wav", file, wav(x, 1), "scale_missing", "scale"},
		{"audio/wav", file + "&scale=0", wav(x, 1), "scale_not_finite", "scale"},
		{"audio/wav", file + "&scale=1&sample_rate_hz=12000.5", wav(x, 1), "", ""},
		{"audio/wav", file + "&scale=1&sample_rate_hz=12000.55", wav(x, 1), "rate_mismatch", "sample_rate_hz"},
		{"audio/wav", file + "&scale=1", wav(x, 2), "channel_missing", "channel"},
		{"audio/wav", file + "&scale=1&channel=2", wav(x, 2), "", ""},
		{"audio/wav", file + "&scale=1&channel=3", wav(x, 2), "parameter_invalid", "channel"},
		{"audio/wav", file + "&scale=1&channel=0", wav(x, 2), "parameter_invalid", "channel"},

		{"text/csv", inQuery + "&channel=b", []byte(two), "", ""},
		{"text/csv", inQuery, []byte(two), "channel_missing", ""},
		{"text/csv", inQuery + "&channel=c", []byte(two), "parameter_invalid", ""},
		{"text/csv", inQuery + "&channel=all", []byte(two), "parameter_invalid", "channel"},
		{"text/csv", inQuery + "&scale=0", []byte("1.5\n2\n3\n"), "scale_not_finite", "scale"},
		{"text/csv", inQuery, []byte("1.5\n2\n3\n4\n5\n6\n7\n8.5\n9\n"), "window_too_long", "/samples"},
		{"application/x-matlab-data", inQuery, []byte("no such file"), "mat_malformed", ""},
	} {
		_, err := Window("pump", c.media, c.query, c.body, most)
		var e *bearing.Error
		switch {
		case c.code == "" && err != nil:
			t.Errorf("%s?%s of %d bytes: %v", c.media, c.query, len(c.body), err)
		case c.code != "" && (!errors.As(err, &e) || e.Code != c.code || c.at != "" && e.Pointer != c.at):
			t.Errorf("%s?%s of %d bytes: %v, want %s at %s", c.media, c.query, len(c.body), err, c.code, c.at)
		}
	}
}

// TestStatedGoesFirst: what is stated goes before what a file says, and that before what is
// registered.
func TestStatedGoesFirst(t *testing.T) {
	at := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	x := make([]float32, 600)
	for i := range x {
		x[i] = float32(i%7) / 8
	}
	noted := wavfile.EncodeNoted(x, 12000, wavfile.Note{Unit: "g", Start: at})
	read := func(query string, known bearing.Sensor) *bearing.Window {
		t.Helper()
		d, err := New("pump", "audio/wav", query)
		if err != nil {
			t.Fatal(err)
		}
		f, err := d.Decode(noted, Options{MaxSamples: 1000, Known: known})
		if err != nil {
			t.Fatal(err)
		}
		if f.Lacks() {
			t.Errorf("%q: a file that says rate and unit lacks one", query)
		}
		f.Complete(known)
		w, err := f.Window("pump", 1000)
		if err != nil {
			t.Fatal(err)
		}
		return w
	}
	if w := read("", bearing.Sensor{}); !w.Start.Equal(at) || w.SampleRate != 12000 || w.Unit != bearing.G {
		t.Errorf("%v %v %s", w.Start, w.SampleRate, w.Unit)
	}
	if w := read("start=2025-01-01T00:00:00Z", bearing.Sensor{}); w.Start.Year() != 2025 {
		t.Errorf("it begins at %v, stated was another time", w.Start)
	}
	// Samples stay in g: only the unit in which the sensor is registered is noted.
	if w := read("", bearing.Sensor{Unit: bearing.MetresPerSec2}); w.Unit != bearing.MetresPerSec2 || w.Samples[6] != x[6] {
		t.Errorf("%s, %v", w.Unit, w.Samples[6])
	}
	// A record says its speed.
	d, err := New("pump", "application/x-matlab-data", inQuery[:strings.Index(inQuery, "&shaft")])
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ known, want float64 }{{0, 1772}, {1500, 0}} {
		f, err := d.Decode(record(x, 1772), Options{MaxSamples: 1000, Known: bearing.Sensor{SpeedRPM: c.known}})
		if err != nil || f.SpeedRPM != c.want || f.HasSpeed != (c.want != 0) {
			t.Errorf("registered with %v rpm, the file says %v: %v", c.known, f.SpeedRPM, err)
		}
	}
}

// TestMemory: what decoding takes is bounded by the bytes and by the limit, whichever is less.
func TestMemory(t *testing.T) {
	for _, c := range []struct {
		media         string
		size, samples int
		want          int64
	}{
		{MediaRaw, 1000, 1e6, 4 * 501}, {MediaRaw, 1000, 10, 40}, {MediaJSON, 1000, 1e6, 4 * 501}, {MediaJSON, 1000, 10, 40},
		{MediaNPY, 1000, 1e6, 12000}, {MediaNPY, 1000, 10, 120},
	} {
		d, err := New("pump", c.media, "")
		if err != nil {
			t.Fatal(err)
		}
		if got := d.Memory(make([]byte, c.size), c.samples); got != c.want {
			t.Errorf("%s of %d bytes, %d samples at most: %d bytes, want %d", c.media, c.size, c.samples, got, c.want)
		}
	}
}
