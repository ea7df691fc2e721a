package main

import (
	"math/rand/v2"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestBackupOfRunning is the way of an operator: a backup of a service that runs and has
// keys, the loss of its data directory, and another service on what was restored.
func TestBackupOfRunning(t *testing.T) {
	bin, err := program()
	if err != nil {
		t.Fatal(err)
	}
	brinell := func(args ...string) string {
		t.Helper()
		out, err := exec.Command(bin, args...).CombinedOutput()
		if err != nil {
			t.Fatalf("brinell %v: %v\n%s", args, err, out)
		}
		return string(out)
	}
	dir, out, restored := t.TempDir(), filepath.Join(t.TempDir(), "b.db"), filepath.Join(t.TempDir(), "restored")
	p := start(t, "--data-dir", dir)
	s := newSender(strings.TrimPrefix(p.url, "http://"), 1)
	for range 5 {
		s.post(rand.New(rand.NewPCG(1, 2)))
	}
	if s.failed.Load() > 0 {
		t.Fatal(s.first)
	}
	brinell("keys", "create", "--data-dir", dir, "--name", "reader", "--scopes", "read")
	if got := brinell("backup", "--data-dir", dir, "--out", out); !strings.Contains(got, "API keys") {
		t.Errorf("backup says %q", got)
	}
	here := t.TempDir()
	unnamed := exec.Command(bin, "backup", "--data-dir", dir)
	unnamed.Dir = here
	if got, err := unnamed.CombinedOutput(); err != nil || !strings.HasPrefix(string(got), "wrote brinell-") {
		t.Errorf("backup without --out: %v %s", err, got)
	}
	if made, _ := filepath.Glob(filepath.Join(here, "brinell-????????T??????Z.db*")); len(made) != 2 { // the keys beside it
		t.Errorf("backup without --out made %q", made)
	}
	if got, err := exec.Command(bin, "check", "--data-dir", dir).CombinedOutput(); err == nil || !strings.Contains(string(got), "in use") {
		t.Errorf("check of a running service: %v %s", err, got)
	}
	if err := p.stop(syscall.SIGKILL); err == nil {
		t.Error("it survived")
	}
	if got := brinell("restore", out, "--data-dir", restored); !strings.Contains(got, "5 diagnoses, 5 with samples") {
		t.Errorf("restore says %q", got)
	}
	if got := brinell("check", "--data-dir", restored, "--json"); !strings.Contains(got, `"diagnoses": 5`) {
		t.Errorf("check says %q", got)
	}
	p = start(t, "--data-dir", restored)
	resp, err := http.Get(p.url + "/v1/diagnoses/" + s.acked[4])
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("without a key the restored service answers %s: its keys are lost", resp.Status)
	}
}
