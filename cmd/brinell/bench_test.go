package main

import (
	"bytes"
	"encoding/json"
	"io"
	"slices"
	"strings"
	"testing"

	"brinell/internal/bench"
)

// TestBench runs the command in short: every case has a figure, and what it is
// compared with stands in the same table.
func TestBench(t *testing.T) {
	var out bytes.Buffer
	if code := run(t.Context(), []string{"bench", "--rounds", "1", "--slice", "1us", "--load", "300ms", "--json"}, &out, io.Discard); code != exitOK {
		t.Fatalf("exit code %d", code)
	}
	var r bench.Report
	if err := json.Unmarshal(out.Bytes(), &r); err != nil {
		t.Fatal(err)
	}
	if r.Machine.Go == "" || r.Machine.Kernel == "" || r.Machine.Features < 34 {
		t.Errorf("machine %+v", r.Machine)
	}
	var names []string
	for _, c := range r.Cases {
		if slices.Contains(names, c.Name) {
			t.Errorf("%s stands twice", c.Name)
		}
		names = append(names, c.Name)
		if !(c.Value > 0) || c.Unit == "" {
			t.Errorf("%+v has no figure", c)
		}
	}
	for _, c := range r.Cases {
		if c.RatioTo != "" && (!slices.Contains(names, c.RatioTo) || !(c.Ratio > 0)) {
			t.Errorf("%+v is compared with nothing", c)
		}
	}
	for _, name := range []string{"fft/N=2048", "fft32/N=2048", "fft/N=10007", "extract/N=2048", "forward/wdcnn-s8/go", "matvec/1024/csr", "matvec/128/groups=16", "train/wdcnn-s8x4/batch=64", "decode/json", "diagnose", "request/f32/connections=64/p99", "request/json/connections=64"} {
		if !slices.Contains(names, name) {
			t.Errorf("no case %s", name)
		}
	}
	out.Reset()
	if code := run(t.Context(), []string{"bench", "decode/json", "--rounds", "1", "--slice", "1us"}, &out, io.Discard); code != exitOK || !strings.Contains(out.String(), "decode/encoding-json") {
		t.Errorf("exit code %d, without what it is compared with:\n%s", code, out.String())
	}
	if code := run(t.Context(), []string{"bench", "nosuchcase"}, io.Discard, io.Discard); code != exitUsage {
		t.Errorf("an unknown name: exit code %d", code)
	}
}
