package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"brinell/models/learn/network"

	"github.com/spf13/pflag"
)

// TestQuantity: a unit behind a number is understood, or asked about; a number that is none is
// told in words.
func TestQuantity(t *testing.T) {
	for _, c := range []struct {
		flag, value string
		want        float64
		says        string
	}{
		{"rpm", "1797", 1797, ""}, {"rpm", "1797rpm", 1797, ""}, {"rpm", " 1797.5 RPM", 1797.5, ""}, {"rpm", "1e3 min-1", 1000, ""},
		{"rpm", "30Hz", 0, "write --rpm 1800 for 30 Hz, or --rpm 30 if that is what"},
		{"rpm", "1797,5", 0, "decimal point"}, {"rpm", "fast", 0, "no number"}, {"rpm", "NaN", 0, "no number"}, {"rpm", "1e999", 0, "no number"},
		{"rpm", "30kHz", 0, `unit "kHz": state revolutions per minute`}, {"rpm", "", 0, "no number"}, {"rpm", "-1", -1, ""},
		{"rate", "12kHz", 12000, ""}, {"rate", "25600 S/s", 25600, ""}, {"rate", "12.8 ksps", 12800, ""}, {"rate", "12rpm", 0, "state a rate in Hz"},
	} {
		var rpm, rate float64
		f := new(pflag.FlagSet)
		rpmVar(f, &rpm, "")
		hertzVar(f, &rate, "rate", "")
		err := valueError(f.Set(c.flag, c.value))
		if got := rpm + rate; got != c.want || (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("--%s %q: %g, %v; want %g, %q", c.flag, c.value, got, err, c.want, c.says)
		}
	}
}

// TestValueError: no command line is answered with the words of the functions that parse numbers.
func TestValueError(t *testing.T) {
	for args, want := range map[string]string{
		"train --epochs many": `--epochs "many" is no whole number`, "serve --max-wait 5": `--max-wait "5" is no time such as 500ms, 10s or 5m`,
		"serve --demo=maybe": `--demo "maybe" is neither true nor false`, "train --seed -1": `--seed "-1" is no whole number from 0 on`,
		"train --lr fast": `--lr "fast" is no number`,
	} {
		var stdout, stderr bytes.Buffer
		if code := run(t.Context(), strings.Fields(args), &stdout, &stderr); code != exitUsage || !strings.Contains(stderr.String(), want) || strings.Contains(stderr.String(), "strconv") {
			t.Errorf("%s: %d, %s", args, code, stderr.String())
		}
	}
}

// TestInterrupted: a run that was interrupted says so, and how to go on with it.
func TestInterrupted(t *testing.T) {
	for _, c := range []struct {
		epochs     int
		checkpoint string
		want       string
	}{
		{3, "c.bin", "interrupted after 3 whole epochs: the same flags with --resume c.bin go on from there"},
		{0, "c.bin", "interrupted before an epoch was whole"},
		{3, "", "interrupted, and nothing is kept: start again, with --checkpoint FILE"},
	} {
		u := trainRun{flags: runFlags{checkpoint: c.checkpoint}, epochs: make([]network.EpochLine, c.epochs)}
		if err := u.stopped(context.Canceled); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v", c, err)
		}
	}
	other := errors.New("other")
	if err := new(trainRun).stopped(other); err != other {
		t.Errorf("%v, want %v", err, other)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "manifest.csv"), []byte("file,channel,rate,unit,rpm,bearing,specimen,fault\na.npy,,12000,g,1797,6205,x,normal\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "a.npy"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var stdout, stderr bytes.Buffer
	if code := run(ctx, []string{"train", "--data", dir, "--corpus", "own", "--out", filepath.Join(dir, "m")}, &stdout, &stderr); code != exitError ||
		stderr.String() != "brinell: interrupted before it was done\n" {
		t.Errorf("%d, %s", code, stderr.String())
	}
}
