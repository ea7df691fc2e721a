package main

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestUnreadLog: with a log that is a full pipe which nobody reads, of either form, or one whose
// reader has gone away, requests with a key and without are answered, SIGHUP and SIGTERM are heeded.
func TestUnreadLog(t *testing.T) {
	bin, err := program()
	if err != nil {
		t.Fatal(err)
	}
	for _, format := range []string{"text", "json", "gone"} {
		gone := format == "gone"
		if gone {
			format = "text"
		}
		dir := t.TempDir()
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		defer w.Close()
		cmd := exec.Command(bin, "serve", "--listen", "127.0.0.1:0", "--data-dir", dir, "--log-format", format)
		cmd.Stderr = w
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		t.Cleanup(func() { _ = cmd.Process.Kill() })
		url := ""
		for lines := bufio.NewReader(r); !strings.Contains(url, "/docs"); {
			line, err := lines.ReadString('\n')
			if err != nil {
				t.Fatal(err)
			}
			if i := strings.Index(line, "http://"); i >= 0 {
				url = strings.TrimRight(line[i:], "\"}\n")
			}
		}
		url = strings.TrimSuffix(url, "/docs")
		if gone {
			_, _ = r.Close(), w.Close()
		} else {
			fill(t, w)
		}
		key, errs, ok := command(t, "keys", "create", "--data-dir", dir, "--name", "plant", "--scopes", "admin")
		if !ok {
			t.Fatal(errs)
		}
		client := http.Client{Timeout: 10 * time.Second}
		for range 20 { // each is a line
			if err := cmd.Process.Signal(syscall.SIGHUP); err != nil {
				t.Fatal(err)
			}
			time.Sleep(10 * time.Millisecond)
		}
		for _, auth := range []string{"Bearer " + key, "Bearer wrong", ""} {
			req, err := http.NewRequestWithContext(t.Context(), "GET", url+"/v1/sensors", nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Authorization", auth)
			resp, err := client.Do(req)
			if err != nil {
				t.Fatalf("%s, %q: %v", format, auth, err)
			}
			_ = resp.Body.Close()
		}
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		select {
		case err := <-ended:
			if err != nil {
				t.Errorf("%s: %v", format, err)
			}
		case <-time.After(20 * time.Second):
			t.Fatalf("%s: it does not end", format)
		}
	}
}

// fill writes to a pipe until nothing has room in it.
func fill(t *testing.T, w *os.File) {
	t.Helper()
	fd := int(w.Fd())
	if err := syscall.SetNonblock(fd, true); err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{4096, 1} {
		for {
			_, err := syscall.Write(fd, bytes.Repeat([]byte("\n"), n))
			if errors.Is(err, syscall.EAGAIN) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := syscall.SetNonblock(fd, false); err != nil { // it is the service's as well
		t.Fatal(err)
	}
}

// TestLastWords: an error that nobody reads does not keep a program from its end.
func TestLastWords(t *testing.T) {
	r, w := io.Pipe()
	defer r.Close()
	if code := run(t.Context(), []string{"serve", "--log-format", "xml", "--data-dir", t.TempDir()}, io.Discard, w); code != exitUsage {
		t.Errorf("exit code %d", code)
	}
}
