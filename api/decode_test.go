package api

import (
	"bytes"
	"encoding/json"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"brinell/internal/bearing"
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
	f, err := decodeJSON([]byte(`{"samples":[` + strings.Join(tokens, ",") + `]}`))
	if err != nil {
		t.Fatal(err)
	}
	for i, tok := range tokens {
		want, err := strconv.ParseFloat(tok, 32)
		if err != nil {
			t.Fatal(tok, err)
		}
		if math.Float32bits(f.samples[i]) != math.Float32bits(float32(want)) {
			t.Errorf("%s read as %v, want %v", tok, f.samples[i], float32(want))
		}
	}
}

// FuzzDecodeJSON is differential: what our decoder takes, encoding/json takes
// with the same values; it never panics, and refuses with a code of the table.
func FuzzDecodeJSON(f *testing.F) {
	for _, s := range []string{good, `{}`, `{"samples":[]}`, `{"samples":[1e-400,-0,1E5]}`, `{"unit":"\ud83d\ude00\n"}`, `{"samples":[null]}`, "{\"a\":1}", `{"unit":"g","unit":"g"}`, "[]", "{\"unit\":\"\xff\"}"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := decodeJSON(b)
		if err != nil {
			if _, ok := Codes[bearing.CodeOf(err)]; !ok {
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
		}{{got.start, want.Start}, {got.unit, want.Unit}, {got.bearing, want.Bearing}, {got.axis, want.Axis}} {
			if p.want != nil && p.got != *p.want || p.want == nil && p.got != "" {
				t.Errorf("text %q, encoding/json has %v", p.got, p.want)
			}
		}
		for _, p := range []struct {
			got  float64
			want *float64
		}{{got.rate, want.Rate}, {got.rpm, want.RPM}} {
			if p.want != nil && p.got != *p.want {
				t.Errorf("number %v, encoding/json has %v", p.got, *p.want)
			}
		}
		if len(got.samples) != len(want.Samples) {
			t.Fatalf("%d samples, encoding/json has %d", len(got.samples), len(want.Samples))
		}
		for i, v := range want.Samples {
			if math.Float32bits(v) != math.Float32bits(got.samples[i]) {
				t.Errorf("sample %d: %v, encoding/json has %v", i, got.samples[i], v)
			}
		}
	})
}

func FuzzDecodeRaw(f *testing.F) {
	f.Add("start=2026-01-31T12:00:00Z&sample_rate_hz=12000&unit=g", raw(1, 2))
	f.Add("dtype=i16le&scale=0.1&start=x", []byte{1, 2, 3})
	f.Add("%zz&unit=g&unit=g", []byte{})
	f.Fuzz(func(t *testing.T, query string, b []byte) {
		got, err := decodeRaw(query, b)
		if err == nil {
			if len(got.samples) != len(b)/4 && len(got.samples) != len(b)/2 {
				t.Errorf("%d samples of %d bytes", len(got.samples), len(b))
			}
			_, err = got.window("pump", 1000)
		}
		if err != nil {
			if _, ok := Codes[bearing.CodeOf(err)]; !ok {
				t.Errorf("code %q: %v", bearing.CodeOf(err), err)
			}
		}
	})
}

func BenchmarkDecodeJSON(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 1))
	body := []byte(`{"start":"2026-01-31T12:00:00Z","sample_rate_hz":12000,"unit":"g","samples":[`)
	for i := range 2048 {
		if i > 0 {
			body = append(body, ',')
		}
		body = strconv.AppendFloat(body, float64(float32(rng.NormFloat64())), 'g', -1, 32)
	}
	body = append(body, "]}"...)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := decodeJSON(body); err != nil {
			b.Fatal(err)
		}
	}
}
