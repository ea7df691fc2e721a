package rig

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// kills runs a program under load and kills it at random, so many times, and says what is
// missing or twice of what was acknowledged.
func kills(t *testing.T, b build, rounds int) (j *journal, slowest time.Duration, err error) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "data")
	j = newJournal()
	rng := rand.New(rand.NewPCG(1, 0x4b))
	next := 0
	for round := range rounds {
		began := time.Now()
		s, err := tryServe(b.before, b.bin, dir)
		if err != nil {
			return j, slowest, fmt.Errorf("round %d: %w", round, err)
		}
		slowest = max(slowest, time.Since(began))
		timer := time.AfterFunc(time.Duration(5+rng.IntN(495))*time.Millisecond, s.kill)
		next, err = j.load(t.Context(), s.url, 4, next, 1<<30, 1024)
		timer.Stop()
		s.kill()
		if err != nil {
			return j, slowest, fmt.Errorf("round %d: %w", round, err)
		}
	}
	return j, slowest, compare(t, dir, j)
}

// TestKill kills the real program under load, BRINELL_KILLS times at random, and finds
// every acknowledged window exactly once; of one that acknowledges before the commit some
// are missing.
func TestKill(t *testing.T) {
	rounds := count(t, "BRINELL_KILLS", 5)
	j, slowest, err := kills(t, sound(t), rounds)
	if err != nil {
		t.Error(err)
	}
	t.Logf("%d kills, %d windows acknowledged of %d sent; slowest start %s", rounds, len(j.acked), len(j.tried), slowest.Round(time.Millisecond))
	if len(j.acked) < 10*rounds {
		t.Errorf("only %d windows were acknowledged: the rig shows nothing", len(j.acked))
	}
	_, _, err = kills(t, planted(t, "early"), 3)
	sees(t, "early", err)
}

// compare opens a data directory and compares it with a journal.
func compare(t *testing.T, dir string, j *journal) error {
	t.Helper()
	acked := make([]string, 0, len(j.acked))
	for id := range j.acked {
		acked = append(acked, id)
	}
	return verify(t.Context(), dir, j, acked)
}

// filled is what came of full disks.
type filled struct {
	*journal
	slowest time.Duration // recovery
}

// fills fills the small file system that holds a data directory until windows are refused
// and frees it again, so many times, and says what goes wrong; a recovery takes no longer
// than patience.
func fills(t *testing.T, b build, disk string, cycles int, patience time.Duration) (f filled, err error) {
	t.Helper()
	dir := filepath.Join(disk, "data")
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	s := serve(t, b.before, b.bin, dir, "--raw-cap", "4MiB")
	defer s.kill()
	f.journal = newJournal()
	next := 0
	one := func() error {
		next++
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		return f.post(ctx, client, s.url, "s0", next, 2048)
	}
	if err := one(); err != nil {
		return f, err
	}
	w, _ := window("s0", next, 2048)
	for cycle := range cycles {
		for range 5 {
			if err := one(); err != nil {
				return f, fmt.Errorf("cycle %d: %w", cycle, err)
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
					return f, fmt.Errorf("cycle %d: %w", cycle, err)
				}
				full = true
				break
			}
		}
		if !full {
			return f, fmt.Errorf("cycle %d: the disk is full and windows are taken", cycle)
		}
		if status := get(t, s.url+"/v1/diagnoses/"+w.ID()); status != 200 {
			return f, fmt.Errorf("cycle %d: reading on a full disk: %d", cycle, status)
		}
		if status := get(t, s.url+"/readyz"); status != 503 {
			return f, fmt.Errorf("cycle %d: ready on a full disk: %d", cycle, status)
		}
		if err := os.Remove(ballast); err != nil {
			t.Fatal(err)
		}
		took, err := s.heals(t, patience, one)
		if err != nil {
			return f, fmt.Errorf("cycle %d: the disk was freed: %w", cycle, err)
		}
		f.slowest = max(f.slowest, took)
	}
	s.stop(t)
	return f, compare(t, dir, f.journal)
}

// heals waits until a window is taken and the service says that it is ready, and returns
// how long that took.
func (s *service) heals(t *testing.T, patience time.Duration, one func() error) (time.Duration, error) {
	t.Helper()
	began := time.Now()
	for {
		err := one()
		status := get(t, s.url+"/readyz")
		took := time.Since(began)
		if err == nil && status == 200 {
			return took, nil
		}
		if took > patience {
			return took, fmt.Errorf("after %v a window has the answer %v, and readyz %d", patience, err, status)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// TestFull fills the small file system that holds the data directory until windows are
// refused, frees it again, BRINELL_FULL times, and finds that the service goes on by
// itself within 5 s, that reads go on throughout, and that nothing acknowledged is
// missing. A program that does not try again after a failure does not go on.
func TestFull(t *testing.T) {
	disk := filepath.Join(t.TempDir(), "disk")
	if err := os.Mkdir(disk, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size=256m"); err != nil {
		t.Skipf("a small file system cannot be mounted here (%v): the disk is not filled", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(disk, syscall.MNT_DETACH) })
	cycles := count(t, "BRINELL_FULL", 3)
	f, err := fills(t, sound(t), disk, cycles, 5*time.Second)
	if err != nil {
		t.Error(err)
	}
	t.Logf("%d cycles, %d windows acknowledged of %d sent, slowest recovery %s", cycles, len(f.acked), len(f.tried), f.slowest.Round(time.Millisecond))
	_, err = fills(t, planted(t, "stuck"), disk, 1, time.Second)
	sees(t, "stuck", err)
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

// unsynced makes the kernel refuse syncs of a program, and says what is wrong with its
// answers and with what it has stored.
func unsynced(t *testing.T, b build, when string, windows int) (refused int, err error) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "data")
	s, err := tryServe(b.behind("strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=fdatasync,fsync", "-e", "inject=fdatasync,fsync:error=EIO:when="+when), b.bin, dir)
	if err != nil {
		t.Fatal(err)
	}
	defer s.kill()
	j := newJournal()
	for i := range windows {
		err := j.post(t.Context(), client, s.url, "s0", i, 1024)
		if e, ok := err.(*errRefused); ok && e.status == 503 && strings.Contains(e.body, "storage_failed") {
			refused++
		} else if err != nil {
			return refused, fmt.Errorf("window %d: %w", i, err)
		}
	}
	s.kill()
	err = compare(t, dir, j)
	if refused == 0 {
		err = errors.Join(err, errors.New("no window was refused"))
	}
	return refused, err
}

// TestSync makes the kernel refuse the sync of a commit, and finds that the batch is not
// acknowledged, that it is not tried again behind its clients' backs, and that every
// acknowledged window is there. A program that acknowledges before the commit is caught.
func TestSync(t *testing.T) {
	if _, err := exec.LookPath("strace"); err != nil {
		t.Skip("strace is not installed: no sync can be made to fail")
	}
	for _, when := range []string{"40", "25+9"} {
		refused, err := unsynced(t, sound(t), when, 150)
		if err != nil {
			t.Errorf("when=%s: %v", when, err)
		}
		t.Logf("when=%s: %d of 150 windows refused", when, refused)
	}
	_, err := unsynced(t, planted(t, "early"), "25+9", 100)
	sees(t, "early", err)
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
