package decode

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"brinell/bearing"
	"brinell/dataset/matfile"
	"brinell/dataset/npyfile"
	"brinell/dataset/wavfile"
)

const inQuery = "start=2026-01-31T12:00:00Z&sample_rate_hz=12000&unit=g&shaft_speed_rpm=1797&bearing=6205-2RS"

// table is samples as a logger writes them, with decimal commas.
func table(x []float32) []byte {
	b := []byte("Logger 7\nt;a;b\n")
	for i, v := range x {
		b = fmt.Appendf(b, "%s;1,5;%s\n", strings.ReplaceAll(fmt.Sprintf("%.9f", float64(i)/12000), ".", ","), strings.ReplaceAll(fmt.Sprint(v), ".", ","))
	}
	return b
}

// mat is samples as the one signal of a MAT file.
func mat(x []float32) []byte { return record(x, 0) }

// record is mat with a speed in rpm beside, unless it is 0.
func record(x []float32, rpm float64) []byte {
	v := matfile.Variable{Name: "X097_DE_time", Dims: []int{len(x), 1}, Data: make([]float64, len(x))}
	for i := range x {
		v.Data[i] = float64(x[i])
	}
	vars := []matfile.Variable{v}
	if rpm != 0 {
		vars = append(vars, matfile.Variable{Name: "X097RPM", Dims: []int{1, 1}, Data: []float64{rpm}})
	}
	return matfile.Encode(vars, false, true)
}

// TestFormsAgree: the same samples in every form are the same window, wherever what the
// form does not say comes from: the query, the bytes, or what is registered.
func TestFormsAgree(t *testing.T) {
	x := make([]float32, 600)
	for i := range x {
		x[i] = 0.25 * float32((i*7919)%4001-2000)
	}
	doc, err := json.Marshal(map[string]any{"start": "2026-01-31T12:00:00Z", "sample_rate_hz": 12000, "unit": "g", "shaft_speed_rpm": 1797, "bearing": "6205-2RS", "samples": x})
	if err != nil {
		t.Fatal(err)
	}
	short := strings.Replace(inQuery, "&sample_rate_hz=12000&unit=g", "", 1)
	known := bearing.Sensor{SampleRate: 12000, Unit: bearing.G}
	want := ""
	for _, c := range []struct {
		name, media, query string
		body               []byte
		known              bearing.Sensor
	}{
		{"json", MediaJSON, "", doc, bearing.Sensor{}},
		{"json of a registered sensor", MediaJSON, "", []byte(strings.Replace(string(doc), `"unit":"g"`, `"axis":""`, 1)), known},
		{"raw", MediaRaw, inQuery, raw(x...), bearing.Sensor{}},
		{"raw of a registered sensor", MediaRaw, short, raw(x...), known},
		{"npy", MediaNPY, inQuery, npyfile.EncodeFloat32(x), bearing.Sensor{}},
		{"wav", "audio/wav", short + "&unit=g&scale=1", wavfile.EncodeNoted(x, 12000, wavfile.Note{}), bearing.Sensor{}},
		{"wav that says what it is", "audio/x-wav", short, wavfile.EncodeNoted(x, 12000, wavfile.Note{Unit: "g"}), bearing.Sensor{}},
		{"table", "text/csv; charset=utf-8", inQuery + "&channel=b", table(x), bearing.Sensor{}},
		{"table of a registered sensor", "text/tab-separated-values", short + "&channel=b", table(x), known},
		{"mat", "application/x-matlab-data", inQuery, mat(x), bearing.Sensor{}},
		{"mat of a registered sensor", "application/x-matlab-data", short, mat(x), known},
	} {
		d, err := New("pump", c.media, c.query)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if got := d.Memory(c.body, 1000); got < int64(4*len(x)) {
			t.Errorf("%s: %d bytes are said to hold %d samples", c.name, got, len(x))
		}
		f, err := d.Decode(c.body, Options{MaxSamples: 1000, Known: c.known})
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if f.Lacks() {
			f.Complete(c.known)
		}
		w, err := f.Window("pump", 1000)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if got := fmt.Sprintf("%s %x", w.ID(), w.Digest()); want == "" {
			want = got
		} else if got != want {
			t.Errorf("%s: another window", c.name)
		}
	}
}

func FuzzFiles(f *testing.F) {
	f.Add(0, npyfile.EncodeFloat32([]float32{1, 2, 3}))
	f.Add(1, wavfile.EncodeNoted([]float32{1, 2, 3}, 12000, wavfile.Note{}))
	f.Add(2, table([]float32{1, 2, 3}))
	f.Add(3, mat([]float32{1, 2, 3}))
	f.Fuzz(func(t *testing.T, kind int, body []byte) {
		media := []string{"application/x-npy", "audio/wav", "text/csv", "application/x-matlab-data"}[kind&3]
		w, err := Window("pump", media, inQuery+"&scale=1", body, 1000)
		if err == nil && len(w.Samples) > 1000 {
			t.Errorf("%d samples", len(w.Samples))
		}
		if err != nil && bearing.KindOf(err) == bearing.Internal {
			t.Error(err)
		}
	})
}

// FuzzBearing: what is taken is JSON with the same meaning for encoding/json.
func FuzzBearing(f *testing.F) {
	f.Add([]byte(`{"geometry":{"elements":13,"element_mm":7.5,"pitch_mm":38.5,"contact_deg":0},"source":"drawing 7","licence":"own"}`))
	f.Add([]byte(`{"orders":{"bpfo":3.585,"bpfi":5.415,"bsf2":4.714,"ftf":0.398}}`))
	f.Add([]byte(`{"geometry":{},"source":"\ud83d\ude00"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		row, err := Bearing(b)
		if err != nil {
			if bearing.CodeOf(err) == "internal" {
				t.Fatal(err)
			}
			return
		}
		var e bearing.CatalogueEntry
		if err := json.Unmarshal(b, &e); err != nil {
			t.Fatalf("taken, but %v", err)
		}
		if d := cmp.Diff(e.Row(), row); d != "" {
			t.Error(d)
		}
	})
}
