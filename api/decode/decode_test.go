package decode

import (
	"bytes"
	"encoding/json"
	"math"
	"math/rand/v2"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"

	"brinell/bearing"
)

// TestSamplesAreCorrectlyRounded: what is read is what strconv makes of the
// token, bit by bit.
func TestSamplesAreCorrectlyRounded(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	var tokens []string
	for range 20000 {
		var v float64
		switch rng.IntN(3) {
		case 0:
			v = rng.NormFloat64()
		case 1:
			v = float64(math.Float32frombits(rng.Uint32()))
		default:
			v = math.Ldexp(rng.Float64(), rng.IntN(200)-150)
		}
		if math.IsNaN(v) || math.Abs(v) > math.MaxFloat32 {
			continue
		}
		tokens = append(tokens, strconv.FormatFloat(v, "eg"[rng.IntN(2)], rng.IntN(20)-1, 64))
	}
	f, err := JSON([]byte(`{"samples":[`+strings.Join(tokens, ",")+`]}`), len(tokens), makeFloats)
	if err != nil {
		t.Fatal(err)
	}
	for i, tok := range tokens {
		want, err := strconv.ParseFloat(tok, 32)
		if err != nil {
			t.Fatal(tok, err)
		}
		if math.Float32bits(f.Samples[i]) != math.Float32bits(float32(want)) {
			t.Errorf("%s read as %v, want %v", tok, f.Samples[i], float32(want))
		}
	}
}

// TestDecodersStop: too long a window is refused by the decoder, before memory is
// taken for its samples; one of the limit's length is not.
func TestDecodersStop(t *testing.T) {
	for _, c := range []struct {
		name   string
		decode func(samples int) (Fields, error)
	}{
		{"JSON", func(n int) (Fields, error) {
			return JSON([]byte(`{"samples":[`+strings.Repeat("1,", n-1)+`1]}`), 100, makeFloats)
		}},
		{"f32le", func(n int) (Fields, error) { return decodeRaw("", make([]byte, 4*n), 100, makeFloats) }},
		{"i16le", func(n int) (Fields, error) {
			return decodeRaw("dtype=i16le&scale=1", make([]byte, 2*n), 100, makeFloats)
		}},
	} {
		if f, err := c.decode(100); err != nil || len(f.Samples) != 100 {
			t.Errorf("%s: %d samples, %v", c.name, len(f.Samples), err)
		}
		if f, err := c.decode(101); bearing.CodeOf(err) != "window_too_long" || cap(f.Samples) > 100 {
			t.Errorf("%s: room for %d samples, %v", c.name, cap(f.Samples), err)
		}
	}
}

// TestRawInPlace: float32 samples are read the same wherever their body begins,
// and without memory of their own where it can be used as it is.
func TestRawInPlace(t *testing.T) {
	want := []float32{0.1, -2e-3, 3, float32(math.Copysign(0, -1)), 1e-45}
	b := append(make([]byte, 0, 64), "xxxxxxxx"...)
	for offset := range 8 {
		body := append(b[:offset], raw(want...)...)[offset:]
		made := 0
		f, err := decodeRaw("", body, 100, func(n int) []float32 { made++; return makeFloats(n) })
		if err != nil || !slices.Equal(f.Samples, want) {
			t.Errorf("offset %d: %v, %v", offset, f.Samples, err)
		}
		if inPlace := littleEndian && offset%4 == 0; inPlace != (made == 0) {
			t.Errorf("offset %d: memory made %d times", offset, made)
		}
	}
}

// TestDecodeWindow: windows read outside a request pass the same checks.
func TestDecodeWindow(t *testing.T) {
	const ok = "start=2026-01-31T12:00:00Z&sample_rate_hz=12000&unit=g"
	for _, c := range []struct{ sensor, media, query, body, code string }{
		{"pump", asJSON, "", good, ""},
		{"pump", asJSON + "; charset=utf-8", "", good, ""},
		{"pump", asRaw, ok, "12345678", ""},
		{"pump", asRaw, ok + "&dtype=i16le&scale=0.1", "12345678", ""},
		{"a b", asJSON, "", good, "sensor_name"},
		{"pump", "text/plain", "", good, "media_type_unsupported"},
		{"pump", asJSON + ";;", "", good, "media_type_unsupported"},
		{"pump", asJSON, ok, good, "unknown_parameter"},
		{"pump", asJSON, "", "", "body_empty"},
		{"pump", asJSON, "", good[1:], "json_malformed"},
		{"pump", asRaw, ok, "", "window_empty"},
		{"pump", asRaw, ok, "123", "length_mismatch"},
		{"pump", asRaw, ok, strings.Repeat("1234", 101), "window_too_long"},
		{"pump", asRaw, "", "1234", "start_missing"},
	} {
		w, err := Window(c.sensor, c.media, c.query, []byte(c.body), 100)
		if bearing.CodeOf(err) != c.code || (w != nil) != (c.code == "") {
			t.Errorf("%v: %v, %v", c, w, err)
		}
	}
}

const fuzzSamples = 1000 // limit while fuzzing

// FuzzDecodeJSON is differential: what our decoder takes, encoding/json takes
// with the same values; it never panics, and refuses with a code.
func FuzzDecodeJSON(f *testing.F) {
	for _, s := range []string{good, `{}`, `{"samples":[]}`, `{"samples":[1e-400,-0,1E5]}`, `{"unit":"\ud83d\ude00\n"}`, `{"samples":[null]}`, "{\"a\":1}", `{"unit":"g","unit":"g"}`, "[]", "{\"unit\":\"\xff\"}"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := JSON(b, fuzzSamples, makeFloats)
		if err != nil {
			if bearing.KindOf(err) == bearing.Internal {
				t.Errorf("code %q", bearing.CodeOf(err))
			}
			return
		}
		var want struct {
			Start   *string   `json:"start"`
			Unit    *string   `json:"unit"`
			Bearing *string   `json:"bearing"`
			Axis    *string   `json:"axis"`
			Rate    *float64  `json:"sample_rate_hz"`
			RPM     *float64  `json:"shaft_speed_rpm"`
			Samples []float32 `json:"samples"`
		}
		d := json.NewDecoder(bytes.NewReader(b))
		d.DisallowUnknownFields()
		if err := d.Decode(&want); err != nil {
			t.Fatalf("we take what encoding/json refuses: %v", err)
		}
		for _, p := range []struct {
			got  string
			want *string
		}{{got.Start, want.Start}, {got.Unit, want.Unit}, {got.Bearing, want.Bearing}, {got.Axis, want.Axis}} {
			if p.want != nil && p.got != *p.want || p.want == nil && p.got != "" {
				t.Errorf("text %q, encoding/json has %v", p.got, p.want)
			}
		}
		for _, p := range []struct {
			got  float64
			want *float64
		}{{got.SampleRate, want.Rate}, {got.SpeedRPM, want.RPM}} {
			if p.want != nil && p.got != *p.want {
				t.Errorf("number %v, encoding/json has %v", p.got, *p.want)
			}
		}
		if len(got.Samples) != len(want.Samples) {
			t.Fatalf("%d samples, encoding/json has %d", len(got.Samples), len(want.Samples))
		}
		for i, v := range want.Samples {
			if math.Float32bits(v) != math.Float32bits(got.Samples[i]) {
				t.Errorf("sample %d: %v, encoding/json has %v", i, got.Samples[i], v)
			}
		}
	})
}

func FuzzDecodeRaw(f *testing.F) {
	f.Add("start=2026-01-31T12:00:00Z&sample_rate_hz=12000&unit=g", raw(1, 2))
	f.Add("dtype=i16le&scale=0.1&start=x", []byte{1, 2, 3})
	f.Add("%zz&unit=g&unit=g", []byte{})
	f.Fuzz(func(t *testing.T, query string, b []byte) {
		got, err := decodeRaw(query, b, fuzzSamples, makeFloats)
		if err == nil {
			if len(got.Samples) != len(b)/4 && len(got.Samples) != len(b)/2 {
				t.Errorf("%d samples of %d bytes", len(got.Samples), len(b))
			}
			_, err = got.Window("pump", fuzzSamples)
		}
		if err != nil {
			if bearing.KindOf(err) == bearing.Internal {
				t.Errorf("code %q: %v", bearing.CodeOf(err), err)
			}
		}
	})
}

// TestNoTransport: the package, with all that it draws in, speaks no HTTP: what reads files
// and messages need not either.
func TestNoTransport(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	deps := strings.Fields(string(out))
	if slices.Contains(deps, "net/http") || !slices.Contains(deps, "brinell/dataset") {
		t.Errorf("it draws in %v", deps)
	}
}
