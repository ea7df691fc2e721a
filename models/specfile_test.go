package models

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"brinell/bearing"
)

// TestSpecFile shows each architecture of the zoo and reads it back, preprocessing too.
func TestSpecFile(t *testing.T) {
	for _, s := range Zoo {
		b, err := json.Marshal(SpecFileOf(s))
		if err != nil {
			t.Fatal(err)
		}
		got, pre, err := ParseSpec(b)
		if err != nil || !reflect.DeepEqual(got, s) || pre != PreprocessingOf(s) {
			t.Errorf("%s: read back as %+v with %+v, error %v", s.Name, got, pre, err)
		}
	}
}

// TestSpecFileInput lets the input say how long a window is.
func TestSpecFileInput(t *testing.T) {
	const layers = `"layers":[{"op":"dense","out":8},{"op":"relu"},{"op":"logits"}]}`
	for in, length := range map[string]int{
		`{"name":"a","input":{"length":900,"channels":1},` + layers:                        900,
		`{"name":"a","transform":"spectrum","input":{"length":512,"channels":1},` + layers: 1024,
	} {
		if _, pre, err := ParseSpec([]byte(in)); err != nil || pre.Length != length {
			t.Errorf("%s: length %d, error %v, want %d", in, pre.Length, err, length)
		}
	}
}

func TestSpecFileRefused(t *testing.T) {
	long := `{"name":"a","input":{"length":64,"channels":1},"layers":[` + strings.Repeat(`{"op":"relu"},`, maxSpecParts) + `{"op":"logits"}]}`
	for in, want := range map[string]string{
		`layers`: "not read",
		`{"name":"a","input":{"length":64,"channels":1},"layers":[{"op":"logits"}]} 1`:                                "after the spec",
		`{"name":"a","input":{"length":64,"channels":1},"layers":[{"op":"logits"}],"width":3}`:                        `unknown field "width"`,
		`{"name":"a b/","input":{"length":64,"channels":1},"layers":[{"op":"logits"}]}`:                               "is not a name",
		`{"name":"a","input":{"length":64,"channels":1},"layers":[{"op":"relu"}]}`:                                    "the last of them logits",
		`{"name":"a","input":{"length":64,"channels":1},"layers":[{"op":"conv","out":4,"kernel":3},{"op":"logits"}]}`: "layer 0 (conv)",
		`{"name":"a","input":{"length":64,"channels":3},"layers":[{"op":"logits"}]}`:                                  "input 64 x 3",
		`{"name":"a","transform":"wavelet","input":{"length":64,"channels":1},"layers":[{"op":"logits"}]}`:            `transform "wavelet"`,
		`{"name":"a","transform":"spectrum","input":{"length":100,"channels":1},"layers":[{"op":"logits"}]}`:          "power of two",
		`{"name":"a","input":{"length":64,"channels":1},"layers":[{"op":"dense","out":100000},{"op":"logits"}]}`:      "for each sample",
		`{"name":"a","input":{"length":64,"channels":1},"layers":[{"op":"dense","out":1000000},{"op":"logits"}]}`:     "too many weights",
		long: "objects, at most",
	} {
		_, _, err := ParseSpec([]byte(in))
		if bearing.CodeOf(err) != "spec_invalid" || !strings.Contains(err.Error(), want) {
			t.Errorf("%.120s: %v, want spec_invalid with %q", in, err, want)
		}
	}
}
