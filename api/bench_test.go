package api

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"io"
	"math/rand/v2"
	"net/http"
	"runtime"
	"strconv"
	"testing"
	"time"

	"brinell/api/decode"
	"brinell/bearing"
	"brinell/internal/admit"
)

const benchSamples = 2048

// forms are the bodies of one window of benchSamples samples, and of it with all
// digits of 64-bit floats.
func forms() (asText, wide, f32, i16 []byte) {
	rng := rand.New(rand.NewPCG(1, 1))
	x := make([]float64, benchSamples)
	for i := range x {
		x[i] = rng.NormFloat64()
	}
	text := func(bits int) []byte {
		b := []byte(`{"start":"2026-01-31T12:00:00Z","sample_rate_hz":12000,"unit":"g","samples":[`)
		for i, v := range x {
			if i > 0 {
				b = append(b, ',')
			}
			if bits == 32 {
				v = float64(float32(v))
			}
			b = strconv.AppendFloat(b, v, 'g', -1, bits)
		}
		return append(b, "]}"...)
	}
	for _, v := range x {
		f32 = append(f32, raw(float32(v))...)
		i16 = binary.LittleEndian.AppendUint16(i16, uint16(int16(v*4096)))
	}
	return text(32), text(64), f32, i16
}

const (
	benchQuery    = "start=2026-01-31T12:00:00Z&sample_rate_hz=12000&unit=g"
	benchQueryI16 = benchQuery + "&dtype=i16le&scale=0.000244140625"
)

func BenchmarkDecode(b *testing.B) {
	asText, wide, f32, i16 := forms()
	bench := func(name string, body []byte, decode func() error) {
		b.Run(name+"/L="+strconv.Itoa(benchSamples), func(b *testing.B) {
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				if err := decode(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	ours := func(name, media, query string, body []byte) {
		bench(name, body, func() error {
			_, err := decode.Window("pump", media, query, body, benchSamples)
			return err
		})
	}
	ours("json", asJSON, "", asText)
	ours("json64", asJSON, "", wide)
	bench("encoding-json", asText, func() error {
		var v struct {
			Start   string    `json:"start"`
			Unit    string    `json:"unit"`
			Rate    float64   `json:"sample_rate_hz"`
			Samples []float32 `json:"samples"`
		}
		return json.Unmarshal(asText, &v)
	})
	ours("f32", asRaw, benchQuery, f32)
	ours("i16", asRaw, benchQueryI16, i16)
}

// stub is a core that answers at once, with a diagnosis of the usual size.
type stub struct{ answer bearing.Diagnosis }

func newStub() *stub {
	d := bearing.Diagnosis{Fault: bearing.Normal, SampleRate: 12000, SampleCount: benchSamples, Unit: bearing.G, Segments: 1}
	for _, f := range []string{"normal", "inner_race", "outer_race", "ball"} {
		d.Probabilities = append(d.Probabilities, bearing.Value{Name: f, Value: 1. / 3})
	}
	for i := range 24 {
		d.Features = append(d.Features, bearing.Value{Name: "feature_" + strconv.Itoa(i), Value: 1 / float64(i+3)})
	}
	return &stub{d}
}

func (s *stub) Submit(_ context.Context, w *bearing.Window, _ admit.Entry) (bearing.Diagnosis, error) {
	d := s.answer
	d.ID, d.Sensor, d.Start = "0123456789abcdefghjkmnpqrs", w.Sensor, w.Start
	return d, nil
}

// poster sends the same request again and again to a handler, with as little
// work of its own as there can be.
type poster struct {
	handler http.Handler
	request *http.Request
	body    *bytes.Reader
	header  http.Header
	status  int
}

func newPoster(tb testing.TB, query, media string, body []byte) *poster {
	f := &fake{}
	h, err := New(Config{}, Backend{Core: newStub(), Reader: f, Bearings: f})
	if err != nil {
		tb.Fatal(err)
	}
	p := &poster{handler: h, body: bytes.NewReader(body), header: http.Header{}}
	if p.request, err = http.NewRequestWithContext(tb.Context(), "POST", "/v1/sensors/pump/windows?"+query, nil); err != nil {
		tb.Fatal(err)
	}
	p.request.Header.Set("Content-Type", media)
	p.request.ContentLength = int64(len(body))
	p.request.RemoteAddr = "192.0.2.1:1234"
	p.request.Body = io.NopCloser(p.body)
	return p
}

func (p *poster) Header() http.Header         { return p.header }
func (p *poster) Write(b []byte) (int, error) { return len(b), nil }
func (p *poster) WriteHeader(status int)      { p.status = status }

func (p *poster) SetReadDeadline(time.Time) error  { return nil }
func (p *poster) SetWriteDeadline(time.Time) error { return nil }

func (p *poster) post(tb testing.TB) {
	clear(p.header)
	_, _ = p.body.Seek(0, io.SeekStart)
	if p.handler.ServeHTTP(p, p.request); p.status != http.StatusCreated {
		tb.Fatalf("status %d", p.status)
	}
}

// TestPostAllocations bounds what a request takes from the heap: 33 small objects
// of 6 KiB together when this was written, half of them net/http's and chi's way
// of routing and the encoding of the answer, and nothing that grows with the
// window. Memory of a window that were not reused would show in the bytes.
func TestPostAllocations(t *testing.T) {
	asText, _, f32, i16 := forms()
	for _, c := range []struct {
		name, query, media string
		body               []byte
		objects            float64
	}{
		{"json", "", asJSON, asText, 47},
		{"f32", benchQuery, asRaw, f32, 47},
		{"i16", benchQueryI16, asRaw, i16, 49},
	} {
		p := newPoster(t, c.query, c.media, c.body)
		const runs = 200
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		objects := testing.AllocsPerRun(runs, func() { p.post(t) })
		runtime.ReadMemStats(&after)
		size := (after.TotalAlloc - before.TotalAlloc) / runs
		t.Logf("%s: %v objects, %d bytes", c.name, objects, size)
		// The race detector empties pools at random.
		if bytes := uint64(7<<10 + 512); !raceEnabled && (objects > c.objects || size > bytes) {
			t.Errorf("%s: a request takes %v objects and %d bytes, at most %v and %d", c.name, objects, size, c.objects, bytes)
		}
	}
}

// BenchmarkPost is a whole request without the network and the core.
func BenchmarkPost(b *testing.B) {
	asText, _, f32, i16 := forms()
	for _, c := range []struct {
		name, query, media string
		body               []byte
	}{
		{"json", "", asJSON, asText},
		{"f32", benchQuery, asRaw, f32},
		{"i16", benchQueryI16, asRaw, i16},
	} {
		b.Run(c.name+"/L="+strconv.Itoa(benchSamples), func(b *testing.B) {
			p := newPoster(b, c.query, c.media, c.body)
			b.SetBytes(int64(len(c.body)))
			b.ReportAllocs()
			for b.Loop() {
				p.post(b)
			}
		})
	}
}
