package rig

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// readOnly refuses all that a program writes to files, as a file system does that has been
// turned read-only under it, until the function that it returns is called.
func (s *service) readOnly(t *testing.T) (again func()) {
	t.Helper()
	cmd := exec.Command("strace", "-f", "-qq", "-o", "/dev/null", "-p", strconv.Itoa(s.pid()), "-e", "trace=pwrite64,ftruncate,fallocate", "-e", "inject=pwrite64,ftruncate,fallocate:error=EROFS")
	var said bytes.Buffer
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(ended)
	}()
	for !s.traced(t) {
		select {
		case <-ended:
			t.Skipf("strace does not take hold of a running program here: no file system becomes read-only: %s", said.String())
		case <-time.After(10 * time.Millisecond):
		}
	}
	return func() {
		_ = cmd.Process.Signal(os.Interrupt)
		<-ended
	}
}

// traced reports whether all threads of the service have a tracer.
func (s *service) traced(t *testing.T) bool {
	t.Helper()
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", s.pid()))
	if err != nil {
		t.Fatal(err)
	}
	for _, task := range tasks {
		if b, err := os.ReadFile(task); err == nil && bytes.Contains(b, []byte("TracerPid:\t0\n")) {
			return false
		}
	}
	return len(tasks) > 0
}

// remounted makes the disk of a program read-only and writable again, so many times, and
// says what goes wrong; a recovery takes no longer than patience.
func remounted(t *testing.T, b build, cycles int, patience time.Duration) (f filled, err error) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "data")
	s := serve(t, b.before, b.bin, dir)
	defer s.kill()
	f.journal = newJournal()
	next := 0
	one := func() error {
		next++
		return f.post(t.Context(), client, s.url, "s0", next, 2048)
	}
	if err := one(); err != nil {
		t.Fatal(err)
	}
	w, _ := window("s0", next, 2048)
	for cycle := range cycles {
		again := s.readOnly(t)
		for range 5 {
			err := one()
			if e, ok := err.(*errRefused); ok && e.status == 503 && strings.Contains(e.body, "storage_readonly") {
				continue
			}
			if again(); err == nil {
				err = errors.New("a window is taken")
			}
			return f, fmt.Errorf("cycle %d: nothing can be written: %w", cycle, err)
		}
		read, ready := get(t, s.url+"/v1/windows/"+w.ID()), get(t, s.url+"/readyz")
		again()
		if read != 200 || ready != 503 {
			return f, fmt.Errorf("cycle %d: nothing can be written: reading %d, readyz %d", cycle, read, ready)
		}
		took, err := s.heals(t, patience, one)
		if err != nil {
			return f, fmt.Errorf("cycle %d: the disk can be written again: %w", cycle, err)
		}
		f.slowest = max(f.slowest, took)
	}
	s.stop(t)
	return f, compare(t, dir, f.journal)
}

// TestReadOnly turns the file system of the data directory read-only under the service,
// BRINELL_READONLY times, and finds that windows are refused with the reason, that reads go
// on, that the service goes on by itself within 5 s when it can write again, and that
// nothing acknowledged is missing. A program that does not try again after a failure does
// not go on.
func TestReadOnly(t *testing.T) {
	if _, err := exec.LookPath("strace"); err != nil {
		t.Skip("strace is not installed: no file system becomes read-only")
	}
	cycles := count(t, "BRINELL_READONLY", 3)
	f, err := remounted(t, sound(t), cycles, 5*time.Second)
	if err != nil {
		t.Error(err)
	}
	t.Logf("%d cycles, %d windows acknowledged of %d sent, slowest recovery %s", cycles, len(f.acked), len(f.tried), f.slowest.Round(time.Millisecond))
	_, err = remounted(t, planted(t, "stuck"), 1, time.Second)
	sees(t, "stuck", err)
}

// files is how many a crowded program may have open: those that it has from the beginning, some 58, and
// those of the clients that were there before the crowd.
const files = 72

// crowded runs a program that may open few files, opens three times as many connections,
// lets go of them, so many times, and says what goes wrong; a recovery takes no longer than
// patience.
func crowded(t *testing.T, b build, cycles int, patience time.Duration) (f filled, err error) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "data")
	s := serve(t, b.behind("prlimit", fmt.Sprintf("--nofile=%d", files)), b.bin, dir)
	defer s.kill()
	f.journal = newJournal()
	next := 0
	send := func(client *http.Client) error {
		next++
		return f.post(t.Context(), client, s.url, "s0", next, 1024)
	}
	outside := &http.Client{Timeout: time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	base := s.descriptors(t, 0, 0)
	for cycle := range cycles {
		inside := make([]*http.Client, 8) // with connections from before the crowd
		for i := range inside {
			inside[i] = &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{}}
			if err := send(inside[i]); err != nil {
				return f, fmt.Errorf("cycle %d: %w", cycle, err)
			}
		}
		w, _ := window("s0", next, 1024)
		crowd, err := gather(s.url)
		if err == nil && s.descriptors(t, 0, 0) < files {
			err = errors.New("there is still room for more: the rig shows nothing")
		}
		if err == nil {
			err = send(inside[0])
		}
		if err == nil {
			err = readAll(inside, s.url+"/v1/windows/"+w.ID())
		}
		for _, c := range crowd {
			_ = c.Close()
		}
		for _, c := range inside {
			c.CloseIdleConnections()
		}
		if err != nil {
			return f, fmt.Errorf("cycle %d, in the crowd: %w", cycle, err)
		}
		took, err := s.heals(t, patience, func() error { return send(outside) })
		f.slowest = max(f.slowest, took)
		for i := 0; i < files && err == nil; i++ { // and goes on
			err = send(outside)
		}
		if left := s.descriptors(t, base+4, patience); err == nil && left > base+4 {
			err = fmt.Errorf("%d descriptors are open, before it there were %d", left, base)
		}
		if err != nil {
			return f, fmt.Errorf("cycle %d: the crowd is gone: %w", cycle, err)
		}
	}
	if log := s.logged(); strings.Contains(log, "panic") || strings.Contains(log, "level=ERROR") {
		return f, fmt.Errorf("the log has an error: %s", log)
	}
	s.stop(t)
	return f, compare(t, dir, f.journal)
}

// gather opens three times as many connections as there may be files, each with the
// beginning of a request.
func gather(url string) (crowd []net.Conn, err error) {
	for range 3 * files {
		c, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
		if err != nil {
			return crowd, err
		}
		crowd = append(crowd, c)
		if _, err := c.Write([]byte("GET /healthz HTTP/1.1\r\n")); err != nil {
			return crowd, err
		}
	}
	time.Sleep(100 * time.Millisecond) // until as many are taken as can be
	return crowd, nil
}

// readAll reads something with all clients at a time, a few times.
func readAll(clients []*http.Client, url string) error {
	failed := make(chan error, len(clients))
	for _, c := range clients {
		go func() {
			var err error
			for i := 0; i < 10 && err == nil; i++ {
				var resp *http.Response
				if resp, err = c.Get(url); err == nil {
					var b []byte
					b, err = io.ReadAll(resp.Body)
					resp.Body.Close()
					if err == nil && resp.StatusCode != 200 {
						err = &errRefused{resp.StatusCode, string(b)}
					}
				}
			}
			failed <- err
		}()
	}
	var errs []error
	for range clients {
		errs = append(errs, <-failed)
	}
	return errors.Join(errs...)
}

// TestDescriptors leaves the service no descriptor for another connection, BRINELL_CROWDS
// times: those that it has are served, windows are written and read, and it goes on by
// itself when the crowd is gone. A program that keeps a descriptor of each request does not.
func TestDescriptors(t *testing.T) {
	if _, err := exec.LookPath("prlimit"); err != nil {
		t.Skip("prlimit is not installed: descriptors do not run out")
	}
	cycles := count(t, "BRINELL_CROWDS", 3)
	f, err := crowded(t, sound(t), cycles, 5*time.Second)
	if err != nil {
		t.Error(err)
	}
	t.Logf("%d cycles, %d windows acknowledged of %d sent, slowest recovery %s", cycles, len(f.acked), len(f.tried), f.slowest.Round(time.Millisecond))
	_, err = crowded(t, planted(t, "leak"), 1, time.Second)
	sees(t, "leak", err)
}
