package rig

import (
	"context"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"brinell/internal/bearing"
	"brinell/internal/store"
)

// TestKill kills the real program under load, BRINELL_KILLS times at random, and finds
// every acknowledged window exactly once.
func TestKill(t *testing.T) {
	bin, dir := program(t, ""), filepath.Join(t.TempDir(), "data")
	j := newJournal()
	rng := rand.New(rand.NewPCG(1, 0x4b))
	rounds := count(t, "BRINELL_KILLS", 5)
	next := 0
	var slowest time.Duration
	for round := range rounds {
		began := time.Now()
		s, err := tryServe(nil, bin, dir)
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		slowest = max(slowest, time.Since(began))
		timer := time.AfterFunc(time.Duration(5+rng.IntN(495))*time.Millisecond, s.kill)
		next, err = j.load(t.Context(), s.url, 4, next, 1<<30, 1024)
		timer.Stop()
		s.kill()
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
	}
	compare(t, dir, j)
	t.Logf("%d kills, %d windows acknowledged of %d sent; slowest start %s", rounds, len(j.acked), len(j.tried), slowest.Round(time.Millisecond))
	if len(j.acked) < 10*rounds {
		t.Errorf("only %d windows were acknowledged: the rig shows nothing", len(j.acked))
	}
}

// compare opens a data directory and compares it with a journal.
func compare(t *testing.T, dir string, j *journal) {
	t.Helper()
	acked := make([]string, 0, len(j.acked))
	for id := range j.acked {
		acked = append(acked, id)
	}
	if err := verify(t.Context(), dir, j, acked); err != nil {
		t.Error(err)
	}
}

// TestFull fills the small file system that holds the data directory until windows are
// refused, frees it again, BRINELL_FULL times, and finds that the service goes on by
// itself within 5 s, that reads go on throughout, and that nothing acknowledged is
// missing.
func TestFull(t *testing.T) {
	disk := filepath.Join(t.TempDir(), "disk")
	if err := os.Mkdir(disk, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size=256m"); err != nil {
		t.Skipf("a small file system cannot be mounted here (%v): the disk is not filled", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(disk, syscall.MNT_DETACH) })
	dir := filepath.Join(disk, "data")
	s := serve(t, nil, program(t, ""), dir, "--raw-cap", "4MiB")
	j := newJournal()
	next := 0
	one := func() error {
		next++
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		return j.post(ctx, client, s.url, "s0", next, 2048)
	}
	if err := one(); err != nil {
		t.Fatal(err)
	}
	w, _ := window("s0", next, 2048)
	var slowest time.Duration
	cycles := count(t, "BRINELL_FULL", 3)
	for cycle := range cycles {
		for range 5 {
			if err := one(); err != nil {
				t.Fatal(err)
			}
		}
		ballast := filepath.Join(disk, "ballast")
		if err := occupy(ballast); err != nil {
			t.Fatal(err)
		}
		full := false
		for range 5000 { // pages that are free in the file take some still
			if err := one(); err != nil {
				if e, ok := err.(*errRefused); !ok || e.status != 503 || !strings.Contains(e.body, "storage_full") {
					t.Fatalf("cycle %d: %v", cycle, err)
				}
				full = true
				break
			}
		}
		if !full {
			t.Fatalf("cycle %d: the disk is full and windows are taken", cycle)
		}
		if status := get(t, s.url+"/v1/diagnoses/"+w.ID()); status != 200 {
			t.Errorf("cycle %d: reading on a full disk: %d", cycle, status)
		}
		if status := get(t, s.url+"/readyz"); status != 503 {
			t.Errorf("cycle %d: ready on a full disk: %d", cycle, status)
		}
		if err := os.Remove(ballast); err != nil {
			t.Fatal(err)
		}
		freed := time.Now()
		for {
			if err := one(); err == nil {
				break
			}
			if time.Since(freed) > 5*time.Second {
				t.Fatalf("cycle %d: no window is taken 5 s after the disk was freed", cycle)
			}
			time.Sleep(20 * time.Millisecond)
		}
		for get(t, s.url+"/readyz") != 200 {
			if time.Since(freed) > 5*time.Second {
				t.Fatalf("cycle %d: not ready 5 s after the disk was freed", cycle)
			}
			time.Sleep(20 * time.Millisecond)
		}
		slowest = max(slowest, time.Since(freed))
	}
	s.stop(t)
	compare(t, dir, j)
	t.Logf("%d cycles, %d windows acknowledged of %d sent, slowest recovery %s", cycles, len(j.acked), len(j.tried), slowest.Round(time.Millisecond))
}

// occupy writes a file until the file system has no room.
func occupy(path string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	for size := 1 << 20; size >= 1; size /= 2 {
		for b := make([]byte, size); ; {
			if _, err := f.Write(b); err != nil {
				break
			}
		}
	}
	return nil
}

// TestSync makes the kernel refuse the sync of a commit, and finds that the batch is not
// acknowledged, that it is not tried again behind its clients' backs, and that every
// acknowledged window is there.
func TestSync(t *testing.T) {
	if _, err := exec.LookPath("strace"); err != nil {
		t.Skip("strace is not installed: no sync can be made to fail")
	}
	for _, when := range []string{"40", "25+9"} {
		dir := filepath.Join(t.TempDir(), "data")
		inject := []string{"strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=fdatasync,fsync", "-e", "inject=fdatasync,fsync:error=EIO:when=" + when}
		s, err := tryServe(inject, program(t, ""), dir)
		if err != nil {
			t.Fatal(err)
		}
		j := newJournal()
		refused := 0
		for i := range 150 {
			err := j.post(t.Context(), client, s.url, "s0", i, 1024)
			if e, ok := err.(*errRefused); ok {
				if e.status != 503 || !strings.Contains(e.body, "storage_failed") {
					t.Fatalf("when=%s, window %d: %v", when, i, err)
				}
				refused++
			} else if err != nil {
				t.Fatalf("when=%s, window %d: %v", when, i, err)
			}
		}
		if refused == 0 {
			t.Errorf("when=%s: no window was refused: the rig shows nothing", when)
		}
		s.kill()
		compare(t, dir, j)
		t.Logf("when=%s: %d of 150 windows refused", when, refused)
	}
}

// TestDamage flips bytes of a stored database and cuts it off: the store opens or says
// what is wrong, and no window is returned that is not the one that was sent.
func TestDamage(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	s := serve(t, nil, program(t, ""), dir)
	j := newJournal()
	fill(t, j, s, 3, 30, 1024)
	s.stop(t)
	whole, err := os.ReadFile(filepath.Join(dir, "brinell.db"))
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(3, 3))
	var unopened, detected, harmless int
	n := count(t, "BRINELL_DAMAGE", 60)
	for i := range n {
		image := t.TempDir()
		b := append([]byte(nil), whole...)
		if i%4 == 0 {
			b = b[:rng.IntN(len(b))]
		} else {
			b[rng.IntN(len(b))] ^= 1 << rng.IntN(8)
		}
		if err := os.WriteFile(filepath.Join(image, "brinell.db"), b, 0o600); err != nil {
			t.Fatal(err)
		}
		db, err := store.Open(t.Context(), store.Config{Dir: image})
		if err != nil {
			unopened++
			if !strings.Contains(err.Error(), image) {
				t.Errorf("image %d: the error names no file: %v", i, err)
			}
			continue
		}
		sound := db.Check(t.Context()) == nil
		found := 0
		for id, digest := range j.tried {
			w, err := db.Window(t.Context(), id)
			if err != nil {
				if bearing.KindOf(err) != bearing.Internal && bearing.CodeOf(err) != "diagnosis_not_found" && bearing.CodeOf(err) != "samples_expired" && bearing.CodeOf(err) != "stored_data_corrupt" {
					t.Errorf("image %d: %v", i, err)
				}
				continue
			}
			found++
			if w.Digest() != digest && sound {
				t.Errorf("image %d: window %s reads as another one, and the check finds nothing", i, id)
			}
		}
		switch {
		case !sound || found < len(j.tried):
			detected++
		default:
			harmless++
		}
		_ = db.Close()
	}
	t.Logf("%d images: %d do not open, in %d the damage is seen, in %d it touches nothing", n, unopened, detected, harmless)
	if detected == 0 {
		t.Error("no damage was seen: the rig shows nothing")
	}
}

// get returns the status of an answer.
func get(t testing.TB, url string) int {
	t.Helper()
	resp, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	return resp.StatusCode
}
