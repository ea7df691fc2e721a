package bearing

import (
	"bytes"
	"encoding/json"
	"os"
	"slices"
	"testing"
)

// FuzzValues: the quick way to read values gives what the other one gives, or gives up.
// It is asked about valid JSON only.
func FuzzValues(f *testing.F) {
	for _, s := range []string{`{}`, `{"a":1}`, `{"a":-1.5e-7,"b":0}`, `{"a" : 1}`, `{"a\u0062":1}`, `{"a":null}`, `{"a":1,"a":2}`, `{"":0}`, `{"a":[1,2]}`, `{"x":{"y":1}}`, `{"\"":1}`, `{"a":1e999}`, `{"a,b":1}`, `null`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		got, ok := parseValues(b)
		if !ok || !json.Valid(b) {
			return
		}
		var want Values
		if err := want.decode(b); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: quick %v, slow %v %v", b, got, want, err)
		}
	})
}

func TestValuesQuick(t *testing.T) {
	for s, want := range map[string]bool{`{}`: true, `{"a":1}`: true, `{"a":-1.5e-7,"b":0}`: true, `{"a" : 1}`: false, `{"a\u0062":1}`: false, `{"a":null}`: false, `{"a":1,}`: false, `{"a":}`: false, `{"a"`: false, `{"a":+1}`: false} {
		if _, ok := parseValues([]byte(s)); ok != want {
			t.Errorf("%s: quick %v, want %v", s, ok, want)
		}
	}
}

// BenchmarkDecode reads a stored diagnosis, as is done for a sensor's history.
func BenchmarkDecode(b *testing.B) {
	all, err := os.ReadFile("../store/testdata/diagnoses.jsonl")
	if err != nil {
		b.Fatal(err)
	}
	doc, _, _ := bytes.Cut(all, []byte("\n"))
	b.SetBytes(int64(len(doc)))
	b.ReportAllocs()
	for b.Loop() {
		var d Diagnosis
		if err := json.Unmarshal(doc, &d); err != nil {
			b.Fatal(err)
		}
	}
}
