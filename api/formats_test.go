package api

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"math"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"brinell/bearing"
	"brinell/dataset/npyfile"
	"brinell/dataset/wavfile"
)

func gzipped(b []byte) []byte {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	_, _ = z.Write(b)
	_ = z.Close()
	return out.Bytes()
}

func zstandard(b []byte, o ...zstd.EOption) []byte {
	z, err := zstd.NewWriter(nil, o...)
	if err != nil {
		panic(err)
	}
	return z.EncodeAll(b, nil)
}

// wav returns samples as a WAV file of float32.
func wav(x []float32, channels int, rate uint32) []byte {
	le := binary.LittleEndian
	b := append([]byte("RIFF"), 0, 0, 0, 0)
	b = append(b, "WAVEfmt "...)
	b = le.AppendUint32(b, 16)
	b = le.AppendUint16(b, 3)
	b = le.AppendUint16(b, uint16(channels))
	b = le.AppendUint32(b, rate)
	b = le.AppendUint32(b, rate*4*uint32(channels))
	b = le.AppendUint16(b, uint16(4*channels))
	b = le.AppendUint16(b, 32)
	b = append(b, "data"...)
	b = le.AppendUint32(b, uint32(4*len(x)*channels))
	for _, v := range x {
		for range channels {
			b = le.AppendUint32(b, math.Float32bits(v))
		}
	}
	le.PutUint32(b[4:], uint32(len(b)-8))
	return b
}

const inQuery = "?start=2026-01-31T12:00:00Z&sample_rate_hz=12000&unit=g&shaft_speed_rpm=1797&bearing=6205-2RS"

// logged is a table as a logger writes it: with a line before it, stamps and two channels.
func logged(x []float32) []byte {
	b := []byte("Logger 7\ntimestamp;a;b\n")
	at := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	for i, v := range x {
		stamp := at.Add(time.Duration(i) * time.Second / 12000).Format("2006-01-02T15:04:05.000000Z07:00")
		b = fmt.Appendf(b, "%s;1,5;%s\n", stamp, strings.ReplaceAll(strconv.FormatFloat(float64(v), 'g', -1, 32), ".", ","))
	}
	return b
}

// TestFormats: the same samples in every form, plain and compressed, are the same
// window to the core.
func TestFormats(t *testing.T) {
	f := &fake{}
	url, _ := serve(t, f, Config{})
	x := make([]float32, 2048)
	counts := make([]byte, 0, 4096)
	for i := range x {
		n := int16(1000*math.Sin(float64(i)) + float64(i%7))
		x[i] = float32(n) * 0.25
		counts = binary.LittleEndian.AppendUint16(counts, uint16(n))
	}
	var floats []byte
	for _, v := range x {
		floats = binary.LittleEndian.AppendUint32(floats, math.Float32bits(v))
	}
	doc, err := json.Marshal(map[string]any{"start": "2026-01-31T12:00:00Z", "sample_rate_hz": 12000, "unit": "g", "shaft_speed_rpm": 1797, "bearing": "6205-2RS", "samples": x})
	if err != nil {
		t.Fatal(err)
	}
	ints := npyfile.EncodeFloat32(x)
	ints = append(bytes.Replace(ints[:128], []byte("<f4"), []byte("<i2"), 1), counts...)
	line := bytes.Replace(doc, []byte(`{`), []byte(`{"sensor":"pump",`), 1)
	forms := []struct {
		name, path, media string
		body              []byte
	}{
		{"json", "/v1/sensors/pump/windows", "application/json", doc},
		{"json that names its sensor", "/v1/sensors/pump/windows", "application/json", line},
		{"f32le", "/v1/sensors/pump/windows" + inQuery, "application/octet-stream", floats},
		{"i16le", "/v1/sensors/pump/windows" + inQuery + "&dtype=i16le&scale=0.25", "application/octet-stream", counts},
		{"npy", "/v1/sensors/pump/windows" + inQuery, "application/x-npy", npyfile.EncodeFloat32(x)},
		{"npy of integers", "/v1/sensors/pump/windows" + inQuery + "&scale=0.25", "application/x-npy", ints},
		{"wav", "/v1/sensors/pump/windows" + inQuery + "&scale=1", "audio/wav", wav(x, 1, 12000)},
		{"wav without a stated rate", "/v1/sensors/pump/windows" + strings.Replace(inQuery, "&sample_rate_hz=12000", "", 1) + "&scale=1", "audio/x-wav", wav(x, 1, 12000)},
		{"second channel", "/v1/sensors/pump/windows" + inQuery + "&scale=1&channel=2", "audio/wav", wav(x, 3, 12000)},
		{"wav, as it is exported", "/v1/sensors/pump/windows?start=2026-01-31T12:00:00Z&shaft_speed_rpm=1797&bearing=6205-2RS", "audio/wav", wavfile.EncodeNoted(x, 12000, wavfile.Note{Unit: "g"})},
		{"csv, as it is exported", "/v1/sensors/pump/windows?start=2026-01-31T12:00:00Z&shaft_speed_rpm=1797&bearing=6205-2RS", "text/csv", encodeCSV(&bearing.Window{Samples: x, SampleRate: 12000, Unit: bearing.G})},
		{"csv of a logger", "/v1/sensors/pump/windows?unit=g&shaft_speed_rpm=1797&bearing=6205-2RS&channel=b", "text/csv; charset=utf-8", logged(x)},
		{"ndjson", "/v1/windows", "application/x-ndjson", append(line, '\n')},
	}
	var first [32]byte
	for _, form := range forms {
		for encoding, body := range map[string][]byte{"": form.body, "gzip": gzipped(form.body), "zstd": zstandard(form.body)} {
			f.windows = nil
			resp, b := do(t, "POST", url+form.path, form.media, body, "Content-Encoding", encoding)
			if resp.StatusCode >= 300 || len(f.windows) != 1 {
				t.Errorf("%s, %q: %d %s", form.name, encoding, resp.StatusCode, b)
				continue
			}
			w := f.windows[0]
			if first == [32]byte{} {
				first = w.Digest()
			}
			if w.Digest() != first || w.Sensor != "pump" {
				t.Errorf("%s, %q: another window", form.name, encoding)
			}
		}
	}
}

// TestFormatRefusals: what is wrong with a file or an encoding has its own code, and
// nothing reaches the core.
func TestFormatRefusals(t *testing.T) {
	f := &fake{}
	url, _ := serve(t, f, Config{MaxBody: 64 << 10, Memory: receiving(32 << 20)})
	x := make([]float32, 2048)
	npy := npyfile.EncodeFloat32(x)
	zeros := make([]byte, 8<<20)
	const path = "/v1/sensors/pump/windows" + inQuery
	for _, c := range []struct {
		name, path, media, encoding string
		body                        []byte
		status                      int
		code                        string
	}{
		{"npy, cut off", path, "application/x-npy", "", npy[:len(npy)-1], 400, "npy_malformed"},
		{"npy, longer", path, "application/x-npy", "", append(npy[:len(npy):len(npy)], 0), 400, "npy_malformed"},
		{"npy, objects", path, "application/x-npy", "", bytes.Replace(npy, []byte("<f4"), []byte("|O"+" "), 1), 400, "npy_malformed"},
		{"npy, complex", path, "application/x-npy", "", bytes.Replace(npy, []byte("<f4"), []byte("<c8"), 1), 415, "npy_dtype"},
		{"npy, another magic", path, "application/x-npy", "", []byte("PK\x03\x04 no array at all"), 400, "npy_malformed"},
		{"npy, two dimensions", path, "application/x-npy", "", npyfile.Encode(npyfile.Array{Shape: []int{2, 3}, Data: make([]float64, 6)}), 422, "npy_shape"},
		{"npy, scale of floats", path + "&scale=2", "application/x-npy", "", npy, 422, "parameter_invalid"},
		{"wav, no scale", path, "audio/wav", "", wav(x, 1, 12000), 422, "scale_missing"},
		{"wav, scale 0", path + "&scale=0", "audio/wav", "", wav(x, 1, 12000), 422, "scale_not_finite"},
		{"wav, another rate", path + "&scale=1", "audio/wav", "", wav(x, 1, 25600), 422, "rate_mismatch"},
		{"wav, several channels", path + "&scale=1", "audio/wav", "", wav(x, 2, 12000), 422, "channel_missing"},
		{"wav, no such channel", path + "&scale=1&channel=3", "audio/wav", "", wav(x, 2, 12000), 422, "parameter_invalid"},
		{"wav, cut off", path + "&scale=1", "audio/wav", "", wav(x, 1, 12000)[:1000], 400, "wav_malformed"},
		{"wav, no samples", path + "&scale=1", "audio/wav", "", wav(nil, 1, 12000), 400, "wav_malformed"},
		{"csv, a word", path, "text/csv", "", []byte("t,a\n1.5,2\n2.5,x\n3.5,4\n"), 400, "csv_malformed"},
		{"csv, another rate", path, "text/csv", "", encodeCSV(&bearing.Window{Samples: x, SampleRate: 12130, Unit: bearing.G}), 422, "rate_mismatch"},
		{"csv, gaps", path, "text/csv", "", []byte("t,a\n0.1,1\n0.2,1\n0.3,1\n0.5,1\n0.6,1\n"), 400, "time_gaps"},
		{"csv, several columns", path, "text/csv", "", []byte("a,b\n1,2.5\n2,3\n4,5\n"), 422, "channel_missing"},
		{"csv, no such column", path + "&channel=c", "text/csv", "", []byte("a,b\n1,2.5\n2,3\n4,5\n"), 422, "parameter_invalid"},
		{"csv, scale 0", path + "&scale=0", "text/csv", "", []byte("1.5\n2\n3\n"), 422, "scale_not_finite"},
		{"gzip bomb", path, "application/octet-stream", "gzip", gzipped(zeros), 413, "decompressed_too_large"},
		{"zstd bomb", path, "application/octet-stream", "zstd", zstandard(zeros), 413, "decompressed_too_large"},
		{"zstd that asks for a huge window", path, "application/octet-stream", "zstd", hugeWindow(), 413, "decompressed_too_large"},
		{"no gzip", path, "application/octet-stream", "gzip", npy, 400, "encoding_corrupt"},
		{"no zstd", path, "application/octet-stream", "zstd", npy, 400, "encoding_corrupt"},
		{"gzip, cut off", path, "application/octet-stream", "gzip", gzipped(npy)[:40], 400, "encoding_corrupt"},
		{"zstd, cut off", path, "application/octet-stream", "zstd", zstandard(npy)[:12], 400, "encoding_corrupt"},
		{"two encodings", path, "application/octet-stream", "gzip, zstd", npy, 415, "encoding_unsupported"},
		{"another sensor", "/v1/sensors/fan/windows", "application/json", "", []byte(`{"sensor":"pump","start":"2026-01-31T12:00:00Z","sample_rate_hz":12000,"unit":"g","samples":[1]}`), 422, "name_mismatch"},
	} {
		resp, b := do(t, "POST", url+c.path, c.media, c.body, "Content-Encoding", c.encoding)
		if c.name == "npy, objects" && resp.StatusCode == 415 {
			continue // either is a refusal of pickle
		}
		checkProblem(t, c.name, resp, b, c.status, c.code)
	}
	if len(f.windows) != 0 {
		t.Errorf("%d windows reached the core", len(f.windows))
	}
}

// hugeWindow is a zstd frame whose header asks for a window of 2 GiB.
func hugeWindow() []byte {
	return []byte{0x28, 0xb5, 0x2f, 0xfd, 0x00, 21 << 3, 1, 0, 0}
}

// TestBulk: each line has its result in its place, a bad line refuses itself alone, and
// a line that is too long ends the stream and says how many are durable.
func TestBulk(t *testing.T) {
	f := &fake{submit: func(w *bearing.Window) (bearing.Diagnosis, error) {
		if w.Sensor == "taken" {
			return bearing.Diagnosis{}, bearing.Errorf(bearing.Conflict, "window_conflict", "another window")
		}
		return bearing.Diagnosis{ID: w.ID(), Fault: bearing.Normal, Duplicate: w.Sensor == "again"}, nil
	}}
	url, _ := serve(t, f, Config{MaxBody: 8 << 10, Memory: receiving(1 << 20)})
	line := func(sensor string, i int) string {
		return fmt.Sprintf(`{"sensor":%q,"start":"2026-01-31T12:%02d:%02dZ","sample_rate_hz":12000,"unit":"g","samples":[1,2,3]}`, sensor, i/60, i%60)
	}
	results := func(body string) (out []lineResult) {
		t.Helper()
		resp, b := do(t, "POST", url+"/v1/windows", ndjson, []byte(body))
		if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != ndjson {
			t.Fatalf("%d %s", resp.StatusCode, b)
		}
		for l := range strings.Lines(string(b)) {
			var r lineResult
			if err := json.Unmarshal([]byte(l), &r); err != nil {
				t.Fatalf("%q: %v", l, err)
			}
			out = append(out, r)
		}
		return out
	}
	body := strings.Join([]string{line("a", 0), line("again", 1), "{", "", line("taken", 2), `{"start":"2026-01-31T12:00:00Z"}`, line("b", 3)}, "\n")
	got := results(body) // the last line has no end
	var statuses []string
	for _, r := range got {
		code := ""
		if r.Problem != nil {
			code = r.Problem.Code
		}
		statuses = append(statuses, fmt.Sprintf("%d %d %s", r.Index, r.Status, code))
	}
	want := "0 201 |1 200 |2 400 json_malformed|3 409 window_conflict|4 422 sensor_name|5 201 |6 200 "
	if s := strings.Join(statuses, "|"); s != want {
		t.Errorf("got  %s\nwant %s", s, want)
	}
	if last := got[len(got)-1]; !last.Done || last.Lines != 6 || last.Stored != 3 {
		t.Errorf("%+v", last)
	}
	var many strings.Builder
	for i := range 500 {
		many.WriteString(line("a", i) + "\n")
	}
	got = results(many.String())
	for i, r := range got[:500] {
		if r.Index != i || r.Status != 201 {
			t.Fatalf("line %d: %+v", i, r)
		}
	}
	got = results(many.String() + line(strings.Repeat("x", 9<<10), 0) + "\n" + line("a", 501))
	if last := got[len(got)-1]; last.Done || last.Stored != 500 || last.Problem == nil || last.Problem.Code != "body_too_large" {
		t.Errorf("a line too long: %+v", last)
	}
	if got = results(""); len(got) != 1 || !got[0].Done || got[0].Lines != 0 {
		t.Errorf("an empty body: %+v", got)
	}
	blank := strings.Repeat("\n", maxLines-1)
	if got = results(line("a", 502) + "\n" + blank); !got[1].Done || got[1].Stored != 1 {
		t.Errorf("blank lines at the end: %+v", got[1])
	}
	if got = results(line("a", 503) + "\n\n" + blank + line("a", 504)); got[1].Done || got[1].Problem == nil || got[1].Problem.Code != "too_many_lines" {
		t.Errorf("too many lines, most of them blank: %+v", got[1])
	}
	if got = results(line("a", 505) + strings.Repeat("\n"+strings.Repeat(" ", 8000), expands+3)); got[1].Done || got[1].Problem == nil || got[1].Problem.Code != "body_too_large" {
		t.Errorf("too many bytes, most of them blank: %+v", got[1])
	}
	resp, b := do(t, "POST", url+"/v1/windows", "application/json", []byte(line("a", 0)))
	checkProblem(t, "json", resp, b, 415, "media_type_unsupported")
}

// TestBulkRefused: whatever of a body is left unread when many windows are refused, the next
// request of the connection is answered, or the connection ended, and the server does not panic.
func TestBulkRefused(t *testing.T) {
	var logged bytes.Buffer // read when the server has ended
	srv := httptest.NewUnstartedServer(nil)
	h, err := New(Config{}, backend(&fake{}))
	if err != nil {
		t.Fatal(err)
	}
	srv.Config = NewServer(h)
	srv.Config.ErrorLog = log.New(&logged, "", 0)
	srv.Start()
	t.Cleanup(func() {
		if srv.Close(); logged.Len() > 0 {
			t.Errorf("logged: %.300s", &logged)
		}
	})
	body := strings.Repeat(`{"sensor":"q"}`+"\n", 10)
	for _, header := range []string{"Content-Type: text/plain", "Content-Type: application/x-ndjson\r\nContent-Encoding: br",
		"Content-Type: application/x-ndjson\r\nContent-Encoding: gzip", "Content-Type: application/x-ndjson\r\nContent-Encoding: zstd", "Content-Type: application/x-ndjson"} {
		for _, next := range []string{"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n",
			"PUT /v1/bearings/zz HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"} {
			for _, rest := range []int{0, 5, 40} { // bytes of the body that come late
				all := fmt.Sprintf("POST /v1/windows HTTP/1.1\r\nHost: x\r\n%s\r\nContent-Length: %d\r\n\r\n%s", header, len(body), body)
				c, in := speak(t, srv.Listener.Addr(), all[:len(all)-rest])
				time.Sleep(5 * time.Millisecond)
				_, _ = io.WriteString(c, all[len(all)-rest:]+next) // it may have ended
				first, err := http.ReadResponse(in, nil)
				if err != nil {
					t.Errorf("%q: %v", header, err)
					continue
				}
				_, _ = io.Copy(io.Discard, first.Body)
				_ = first.Body.Close()
				second, err := http.ReadResponse(in, nil)
				if err != nil && !first.Close || err == nil && second.StatusCode >= 500 {
					t.Errorf("%q, %d bytes late, then %.12s: %v %v", header, rest, next, second, err)
				}
				if err == nil {
					_ = second.Body.Close()
				}
			}
		}
	}
}
