package client_test

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"brinell/dataset/excerpts"
)

var binDir string

func TestMain(m *testing.M) {
	code := m.Run()
	if binDir != "" {
		_ = os.RemoveAll(binDir)
	}
	os.Exit(code)
}

// program builds the real program, once.
var program = sync.OnceValues(func() (path string, err error) {
	if binDir, err = os.MkdirTemp("", "brinell-client"); err != nil {
		return "", err
	}
	path = filepath.Join(binDir, "brinell")
	out, err := exec.Command("go", "build", "-o", path, "brinell/cmd/brinell").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return path, nil
})

// brinell returns a command of the program.
func brinell(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	bin, err := program()
	if err != nil {
		t.Fatal(err)
	}
	return exec.Command(bin, args...)
}

// service is a running service.
type service struct {
	cmd *exec.Cmd
	url string
}

var readyLine = regexp.MustCompile(`msg=ready address=(\S+)`)

// serve runs the service and waits until it listens.
func serve(t *testing.T, args ...string) *service {
	t.Helper()
	cmd := brinell(t, append([]string{"serve"}, args...)...)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s := &service{cmd: cmd}
	t.Cleanup(s.stop)
	ready, log := make(chan string, 1), new(bytes.Buffer)
	go func() {
		defer close(ready)
		told := false
		for in := bufio.NewScanner(stderr); in.Scan(); {
			if m := readyLine.FindStringSubmatch(in.Text()); m != nil {
				ready <- m[1]
				told = true
			}
			if !told {
				log.WriteString(in.Text() + "\n")
			}
		}
	}()
	select {
	case url, ok := <-ready:
		if !ok {
			t.Fatalf("the service ended: %s", log)
		}
		s.url = url
	case <-time.After(30 * time.Second):
		t.Fatal("the service does not come up")
	}
	return s
}

// stop ends the service as its supervisor would.
func (s *service) stop() {
	if s.cmd.ProcessState == nil {
		_ = s.cmd.Process.Signal(syscall.SIGTERM)
		_ = s.cmd.Wait()
	}
}

// freeAddress is one that a service may listen on, and again after a restart.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// adminKey makes a key that may do everything.
func adminKey(t *testing.T, dir string) string {
	t.Helper()
	out, err := brinell(t, "keys", "create", "--data-dir", dir, "--name", "admin", "--scopes", "admin").Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

// damaged is a second of a damaged inner race at 12 kHz, in g.
func damaged(t *testing.T) []float32 {
	t.Helper()
	b, err := excerpts.FS().Open("inner_race_105.npy")
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	raw := make([]byte, 128+4*12000)
	if _, err := b.Read(raw); err != nil {
		t.Fatal(err)
	}
	x := make([]float32, 12000)
	for i := range x {
		x[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[128+4*i:]))
	}
	return x
}
