package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"brinell/bearing"
	"brinell/dataset"
	"brinell/dataset/excerpts"
	"brinell/dataset/npyfile"
	"brinell/models/prune"
)

// TestSlimKilled kills the program after each checkpoint that it leaves: what goes on
// from there ends in the same file as a run that nothing cut off.
func TestSlimKilled(t *testing.T) {
	bin, err := program()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.CopyFS(filepath.Join(dir, "data"), excerpts.FS()); err != nil {
		t.Fatal(err)
	}
	slim := func(out string, more ...string) *exec.Cmd {
		cmd := exec.Command(bin, append([]string{"slim", "--spec", "wdcnn", "--data", "data", "--corpus", "own", "--epochs", "2",
			"--ratio", "0.3", "--passes", "3", "--tune-epochs", "1", "--out", out}, more...)...)
		cmd.Dir = dir
		return cmd
	}
	if out, err := slim("whole").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	checkpoints := filepath.Join(dir, "checkpoints")
	count := func() int {
		files, _ := filepath.Glob(filepath.Join(checkpoints, "*.safetensors"))
		return len(files)
	}
	kills := 0
	for seen := 0; ; {
		cmd := slim("resumed", "--checkpoints", checkpoints)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 1)
		go func() { done <- cmd.Wait() }()
		for ended := false; !ended; {
			select {
			case err := <-done:
				if err == nil {
					goto finished
				}
				ended = true // killed
			case <-time.After(time.Millisecond):
				if n := count(); n > seen && n < 4 {
					seen = n
					kills++
					_ = cmd.Process.Kill()
				}
			}
		}
	}
finished:
	if kills < 2 {
		t.Errorf("the program was killed %d times, want at least 2", kills)
	}
	want, err := os.ReadFile(filepath.Join(dir, "whole"))
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join(dir, "resumed"))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("the resumed run made another file")
	}
}

// simulate writes a directory of own data with faults that are easy to tell apart, long
// enough for every part of a split.
func simulate(t *testing.T, dir string) {
	t.Helper()
	known, _ := bearing.LookupBearing("6205-2RS")
	manifest := "file,channel,rate,unit,rpm,bearing,specimen,fault\n"
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for i, f := range bearing.Faults {
		x, err := dataset.Simulate(dataset.SimSpec{Geometry: known.Geometry, Fault: f, ShaftHz: 30, RateHz: 12000, Seconds: 4,
			ResonanceHz: 2500 + 300*float64(i), Damping: 0.05, Slip: 0.01, SNRdB: 5}, rand.New(rand.NewPCG(uint64(i), 1)))
		if err != nil {
			t.Fatal(err)
		}
		file := string(f) + ".npy"
		if err := os.WriteFile(filepath.Join(dir, file), npyfile.EncodeFloat32(x), 0o644); err != nil {
			t.Fatal(err)
		}
		manifest += fmt.Sprintf("%s,,12000,g,1800,6205-2RS,%s,%s\n", file, f, f)
	}
	if err := os.WriteFile(filepath.Join(dir, "manifest.csv"), []byte(manifest), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestCompare runs every method on a small network's budget and reads the report.
func TestCompare(t *testing.T) {
	bin, err := program()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	simulate(t, filepath.Join(dir, "data"))
	cmd := exec.Command(bin, "slim", "--method", "all", "--spec", "wdcnn", "--data", "data", "--corpus", "own", "--epochs", "1",
		"--tune-epochs", "1", "--report", "report", "--checkpoints", "checkpoints")
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	b, err := os.ReadFile(filepath.Join(dir, "report", "report.json"))
	if err != nil {
		t.Fatal(err)
	}
	var r prune.Report
	if err := json.Unmarshal(b, &r); err != nil {
		t.Fatal(err)
	}
	for _, m := range append([]string{"dense", "sparse", "from scratch"}, prune.Methods...) {
		i := slices.IndexFunc(r.Rows, func(x prune.Row) bool { return x.Method == m })
		if i < 0 {
			t.Errorf("%s: no row", m)
			continue
		}
		if row := r.Rows[i]; len(row.Timings) == 0 || row.Test.Windows == 0 || row.Count.Params == 0 {
			t.Errorf("%s: half of a row: %+v", m, row)
		}
		if !strings.Contains(string(out), m) {
			t.Errorf("the table does not name %s:\n%s", m, out)
		}
	}
	for _, name := range []string{"pareto", "scales", "channels", "sensitivity", "times"} {
		for _, ext := range []string{".png", ".svg"} {
			if s, err := os.Stat(filepath.Join(dir, "report", name+ext)); err != nil || s.Size() < 1000 {
				t.Errorf("%s%s: %v", name, ext, err)
			}
		}
	}
}
