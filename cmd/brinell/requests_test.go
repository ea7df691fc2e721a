package main

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"net/url"
	"strconv"
	"strings"

	"brinell/dataset/npyfile"
	"brinell/dataset/wavfile"
)

// Edge values.
var (
	rates = []float64{12000, 0, 5e-324, 1e-300, 1e-15, 0.001, 1, 100, 4999.999, 5000, 5000.001, 5120, 8192, 10000,
		11025, 16384, 20480, 25600, 44100, 48000, 51200, 65536,
		96000, 102400, 192000, 204800, 250000, 409600, 500000, 1e6, 1024000, 2e6, 4e6, 9999999, 1e7, 10000001, 1e19,
		1e300, math.MaxFloat64, math.Inf(1), math.NaN(), -1, -5e-324}
	speeds = []float64{0, 1797, 5e-324, 1e-300, 1e-15, 1e-9, 1e-3, 0.1, 1, 2, 5, 10, 12.8, 60, 300, 479.9, 480, 600,
		1000, 1500, 3000, 3600, 4200, 4201, 12000, 60000, 599999, 600000, 600001, 1e9, 1e19, 1e300, math.Inf(1),
		math.NaN(), -1}
	counts = []float64{2048, 0, 1, 2, 15, 31, 32, 33, 63, 100, 511, 1000, 1023, 1024, 1025, 1500, 2000, 2047, 2049,
		3000, 4096, 4999, 5000, 8192, 10007, 12000, 16384, 16385, 20000, 24001, 32768, 40000, 65536, 65537, 100003}
	edges = []float64{0, 1, -1, 2, 3, 8, 9, 16, 17, 100, 256, 1000, 12000, 25600, 25601, 0.5, 1e-3, 1e-6, 1e-15,
		1e-300, 5e-324, 7.94, 39.04, 5.4152, 3.5848, 4.7135, 0.3983, 48, 49, 1 << 20, 1e6, 1e9, 1 << 31, 1 << 32,
		1 << 53, 1 << 62, 1 << 63, 1e19, 1e300,
		math.MaxFloat64, math.Inf(1), math.NaN(), math.Copysign(0, -1), -1e19, 15, 40, 89.999, 90, 6000, 5999.9,
		999, 1001}
	// What a query parameter may be, beside a number.
	words = []string{"", "x", "rms", "kurtosis", "band_rms_01", "true", "false", "alarm", "warning", "active",
		"closed", "normal", "inner_race", "unknown", "json", "npy", "csv", "wav", "NaN", "Inf", "-Inf", "0x1p-1074",
		"1e400", "-0", "1_000", " 1", "١", "%", "a=b",
		"1970-01-01T00:00:00Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999999Z", "2262-01-01T00:00:00Z",
		"2026-01-31T12:00:00Z", "2026-01-31T12:00:00+24:00", "2026-01-31", "AAAAAAAAAAA", "AAAAAAAAAAAAAAAAAAAAAA",
		"_____________________w", "9223372036854775807", "-9223372036854775808", "18446744073709551616"}
	parameters = []string{"limit", "cursor", "sensor", "axis", "machine", "fault", "from", "to", "open", "state",
		"severity", "registered", "format", "lines", "band_low_hz", "band_high_hz", "max_hz", "feature", "points",
		"kind", "last_event_id", "start", "sample_rate_hz", "unknown", "after", "since", "until"}
	times = []string{"2026-01-31T12:00:00Z", "1970-01-01T00:00:00Z", "1969-12-31T23:59:59Z",
		"2261-12-31T23:59:59.999999999Z", "2262-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z",
		"2026-02-01T12:00:00+14:00", "2026-13-01T00:00:00Z", ""}
	bearings = []string{"6205-2RS", "", "B0", "B1", "nobody"}
	units    = []string{"g", "m/s2", "mm/s", "", "mm"}
	axes     = []string{"", "x", "y"}
)

// message is one request of a program.
type message struct {
	method, target, media string
	header                []string // names and values
	body                  []byte
	samples               int  // of the window that it brings
	window                bool // that it brings one
}

// coded is a kind of request: code reads or writes what is particular to one, and request
// makes it.
type coded interface {
	code(s *script)
	request(w *world) message
}

// world is what requests of a program refer to.
type world struct {
	prefix  string   // of the program's sensors, which no other program has
	windows []string // ids of windows that were stored
	alarms  []string
}

func (w *world) sensor(i int) string { return w.prefix + strconv.Itoa(i) }

func pick(ids []string, i int) string {
	if len(ids) == 0 {
		return "nothing"
	}
	return ids[i%len(ids)]
}

// sent is a window.
type sent struct {
	form, sensor, signal  int
	axis, unit, bearing   string
	rate, speed, n, level float64
	cut                   float64 // bytes that are missing at the end of its body
	key, encoding         string
	second                int // of its start
}

// Forms of a window.
const (
	inJSON = iota
	inFloats
	inCounts
	inNPY
	inWAV
	inLines
	forms
)

func (w *sent) code(s *script) {
	s.choice(forms, &w.form)
	s.choice(2, &w.sensor)
	s.choice(signals, &w.signal)
	s.number(counts, &w.n)
	s.number(rates, &w.rate)
	s.number(speeds, &w.speed)
	s.text(bearings, &w.bearing)
	s.text(units, &w.unit)
	s.text(axes, &w.axis)
	s.number([]float64{1, 0, 1e-30, 1e-40, 1e9, 1.1e9, 3e38}, &w.level)
	s.choice(64, &w.second)
	s.number([]float64{0, 1, 2, 3, 4, 8, 44, 100, 1000}, &w.cut)
	s.text([]string{"", "k", "l", "\x01", "é", strings.Repeat("k", 300)}, &w.key)
	s.text([]string{"", "gzip", "br", "gzip, gzip", "identity"}, &w.encoding)
}

func (w *sent) request(at *world) message {
	n := 0
	if w.n >= 0 {
		n = int(min(w.n, 1<<17))
	}
	x := signalOf(w.signal, n, w.rate, w.speed, w.level)
	r := message{method: "POST", target: "/v1/sensors/" + at.sensor(w.sensor) + "/windows", media: "application/octet-stream", samples: n, window: true}
	start := fmt.Sprintf("2026-01-31T12:00:%02dZ", w.second)
	q := url.Values{"start": {start}, "sample_rate_hz": {number(w.rate)}, "unit": {w.unit}}
	for name, v := range map[string]string{"axis": w.axis, "bearing": w.bearing} {
		if v != "" {
			q.Set(name, v)
		}
	}
	if w.speed != 0 {
		q.Set("shaft_speed_rpm", number(w.speed))
	}
	switch w.form {
	case inFloats:
		r.body = floats(x)
	case inCounts:
		q.Set("dtype", "i16le")
		q.Set("scale", number(w.level))
		r.body = floats(x)[:n*2]
	case inNPY:
		r.media, r.body = "application/x-npy", npyfile.EncodeFloat32(x)
	case inWAV:
		r.media, r.body = "audio/wav", wavfile.EncodeFloat32(x, max(1, min(math.MaxUint32, math.Floor(w.rate))))
		q.Del("sample_rate_hz")
	default:
		q = nil
		r.media, r.body = "application/json", asJSON(at.sensor(w.sensor), start, w, x)
		if w.form == inLines {
			r.target, r.media, r.window = "/v1/windows", "application/x-ndjson", false
			r.body = append(append(r.body, '\n'), r.body...)
			r.samples *= 2
		} else {
			r.body = bytes.Replace(r.body, []byte(`"sensor":"`+at.sensor(w.sensor)+`",`), nil, 1)
		}
	}
	if q != nil {
		r.target += "?" + q.Encode()
	}
	if w.encoding == "gzip" {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		_, _ = z.Write(r.body)
		_ = z.Close()
		r.body = b.Bytes()
	}
	r.body = r.body[:max(0, len(r.body)-int(max(0, min(w.cut, 1e6))))]
	if w.key != "" {
		r.header = append(r.header, "Idempotency-Key", w.key)
	}
	if w.encoding != "" {
		r.header = append(r.header, "Content-Encoding", w.encoding)
	}
	return r
}

func floats(x []float32) (b []byte) {
	for _, v := range x {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	return b
}

func asJSON(sensor, start string, w *sent, x []float32) []byte {
	text := func(s string) string { b, _ := json.Marshal(s); return string(b) }
	b := fmt.Appendf(nil, `{"sensor":"%s","start":"%s","sample_rate_hz":%s,"unit":%s,"axis":%s,"bearing":%s`, sensor, start, number(w.rate), text(w.unit), text(w.axis), text(w.bearing))
	if w.speed != 0 {
		b = fmt.Appendf(b, `,"shaft_speed_rpm":%s`, number(w.speed))
	}
	b = append(b, `,"samples":[`...)
	for i, v := range x {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendFloat(b, float64(v), 'g', -1, 32)
	}
	return append(b, "]}"...)
}

func number(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }

// signals is how many signals there are.
const signals = 14

// signalOf returns n samples of a kind, most of them no machine's.
func signalOf(kind, n int, rate, speed, level float64) []float32 {
	rng := rand.New(rand.NewPCG(uint64(kind), uint64(n)))
	x := make([]float32, n)
	if speed == 0 {
		speed = 1797
	}
	for i := range x {
		noise := rng.NormFloat64()
		turn := float64(i) / rate * speed / 60 * 3.5848
		v := noise
		switch kind {
		case 1: // an outer race
			if _, f := math.Modf(turn); f < 0.02 {
				v *= 20
			}
		case 2:
			v = math.Sin(2 * math.Pi * turn)
		case 3:
			v = 0
		case 4:
			v = 1
		case 5:
			v = float64(i % 2)
		case 6:
			v = float64(i)
		case 7: // a knock
			if i == n/2 {
				v = 1e6
			}
		case 8: // a converter of four levels
			v = math.Round(noise)
		case 9:
			if i == n-1 {
				v = math.NaN()
			}
		case 10:
			v = noise*1e-6 + 1
		case 11: // repeats itself
			v = float64((i*7919)%97) - 48
		case 12:
			v = 0
			if i == 0 {
				v = 1
			}
		case 13: // half of it stands still
			if i < n/2 {
				v = 0
			}
		}
		x[i] = float32(v * level)
	}
	return x
}

// asked is a GET with up to three parameters.
type asked struct {
	route, which int
	names        [3]string
	numeric      [3]int
	values       [3]float64
	words        [3]string
}

var questions = []string{"/v1/windows/{window}", "/v1/windows/{window}/spectrum", "/v1/windows/{window}/envelope",
	"/v1/sensors/{sensor}/trends", "/v1/diagnoses", "/v1/diagnoses/{window}", "/v1/alarms", "/v1/alarms/{alarm}",
	"/v1/sensors", "/v1/sensors/{sensor}", "/v1/sensors/{sensor}/baselines", "/v1/machines", "/v1/inspections",
	"/v1/bearings", "/v1/bearings/B0", "/v1/webhooks", "/v1/models", "/v1/stream", "/metrics", "/readyz",
	"/openapi.json"}

func (a *asked) code(s *script) {
	s.choice(len(questions), &a.route)
	s.choice(8, &a.which)
	for i := range a.names {
		s.text(append([]string{""}, parameters...), &a.names[i])
		if a.names[i] == "" {
			break
		}
		s.choice(2, &a.numeric[i])
		if a.numeric[i] == 1 {
			s.number(edges, &a.values[i])
		} else {
			s.text(words, &a.words[i])
		}
	}
}

func (w *world) fill(path string, which int) string {
	return strings.NewReplacer("{window}", pick(w.windows, which), "{alarm}", pick(w.alarms, which), "{sensor}", w.sensor(which%2)).Replace(path)
}

func (a *asked) request(w *world) message {
	r := message{method: "GET", target: w.fill(questions[a.route], a.which)}
	sep := "?"
	for i, name := range a.names {
		if name == "" {
			break
		}
		v := a.words[i]
		if a.numeric[i] == 1 {
			v = number(a.values[i])
		}
		if name == "sensor" && v == "" {
			v = w.sensor(a.which % 2)
		}
		r.target += sep + url.QueryEscape(name) + "=" + url.QueryEscape(v)
		sep = "&"
	}
	return r
}

// written is a document: a form, whose # are numbers, @ times and $ texts.
type written struct {
	form, which int
	numbers     [8]float64
	times       [3]string
	texts       [3]string
	match       string // If-Match; with a "!" before it, If-None-Match
}

var documents = []struct{ method, target, body string }{
	{"PUT", "/v1/sensors/{sensor}", `{"shaft_speed_rpm":#,"bearing":"6205-2RS"}`},
	{"PUT", "/v1/sensors/{sensor}", `{"shaft_speed_rpm":#,"bearing":"B0","speed_source":"registered"}`},
	{"PUT", "/v1/sensors/{sensor}", `{"bearing":"B0","speed_source":"estimated"}`},
	{"PUT", "/v1/sensors/{sensor}", `{"sample_rate_hz":#,"full_scale":#,"noise_floor":#,"unit":"g"}`},
	{"PUT", "/v1/sensors/{sensor}", `{"alarm":{"conditions":[{"name":"f","kind":"feature","feature":"rms","above":#,"until":#,"on":{"count":#,"seconds":#},"off":{"count":#,"seconds":#}}],"silent_intervals":#}}`},
	{"PUT", "/v1/sensors/{sensor}", `{"alarm":{"conditions":[{"name":"f","kind":"fault","probability":#,"on":{"count":#}}],"latch":true}}`},
	{"PUT", "/v1/bearings/B0", `{"geometry":{"elements":#,"element_mm":#,"pitch_mm":#,"contact_deg":#}}`},
	{"PUT", "/v1/bearings/B0", `{"orders":{"bpfo":#,"bpfi":#,"bsf2":#,"ftf":#}}`},
	{"PUT", "/v1/machines/m", `{"title":$,"location":$}`},
	{"PUT", "/v1/inspections/i", `{"sensor":"{sensor}","found":"fault","fault":"ball","at":"@","from":"@","until":"@"}`},
	{"POST", "/v1/sensors/{sensor}/baselines", `{"action":"restart","at":"@","note":$}`},
	{"POST", "/v1/sensors/{sensor}/baselines", `{"action":"freeze","axis":"x","at":"@"}`},
	{"POST", "/v1/alarms/{alarm}/shelve", `{"seconds":#}`},
	{"POST", "/v1/alarms/{alarm}/acknowledge", `{"by":$}`},
	{"POST", "/v1/alarms/{alarm}/close", `{}`},
	{"DELETE", "/v1/sensors/{sensor}", ""},
	{"DELETE", "/v1/bearings/B0", ""},
	{"PUT", "/v1/webhooks/w", `{"url":$,"secret":$}`},
	{"POST", "/v1/models", `$`},
}

func (d *written) code(s *script) {
	s.choice(len(documents), &d.form)
	s.choice(8, &d.which)
	s.text([]string{"", "*", `"1"`, `"0"`, `"-1"`, `W/"1"`, `"9223372036854775808"`, "1", "!*", `!"1"`}, &d.match)
	table := edges
	if strings.Contains(documents[d.form].body, `speed_rpm":#`) {
		table = speeds
	}
	body := documents[d.form].body
	for i := range min(len(d.numbers), strings.Count(body, "#")) {
		s.number(table, &d.numbers[i])
	}
	for i := range min(len(d.times), strings.Count(body, "@")) {
		s.text(times, &d.times[i])
	}
	for i := range min(len(d.texts), strings.Count(body, "$")) {
		s.text(words, &d.texts[i])
	}
}

func (d *written) request(w *world) message {
	form := documents[d.form]
	body := w.fill(form.body, d.which)
	for _, v := range d.numbers {
		body = strings.Replace(body, "#", number(v), 1)
	}
	for _, v := range d.times {
		body = strings.Replace(body, "@", v, 1)
	}
	for _, v := range d.texts {
		b, _ := json.Marshal(v)
		body = strings.Replace(body, "$", string(b), 1)
	}
	r := message{method: form.method, target: w.fill(form.target, d.which), media: "application/json", body: []byte(body)}
	if none, ok := strings.CutPrefix(d.match, "!"); ok {
		r.header = []string{"If-None-Match", none}
	} else if d.match != "" {
		r.header = []string{"If-Match", d.match}
	}
	if form.target == "/v1/models" {
		r.media = "application/octet-stream"
	}
	return r
}
