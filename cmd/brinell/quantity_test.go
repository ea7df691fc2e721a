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
)

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
