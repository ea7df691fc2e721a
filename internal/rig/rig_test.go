package rig

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"brinell/bearing"
)

func TestMain(m *testing.M) {
	if order := os.Getenv(crowdOrder); order != "" {
		if err := crowd(order); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	code := m.Run()
	if buildDir != "" {
		_ = os.RemoveAll(buildDir)
	}
	os.Exit(code)
}

var (
	buildMu  sync.Mutex
	buildDir string
)

// program builds the program once for each set of tags and returns its path.
func program(t testing.TB, tags string) string {
	t.Helper()
	buildMu.Lock()
	defer buildMu.Unlock()
	if buildDir == "" {
		dir, err := os.MkdirTemp("", "brinell-rig")
		if err != nil {
			t.Fatal(err)
		}
		buildDir = dir
	}
	path := filepath.Join(buildDir, "brinell"+tags)
	if _, err := os.Stat(path); err == nil {
		return path
	}
	cmd := exec.Command("go", "build", "-tags", tags, "-o", path, "brinell/cmd/brinell")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return path
}

// count returns how many rounds a rig runs: short, unless the environment says more.
func count(t testing.TB, env string, short int) int {
	t.Helper()
	s := os.Getenv(env)
	if s == "" {
		return short
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatalf("%s: %v", env, err)
	}
	return n
}

// client is that of rigs that send one request after the other.
var client = &http.Client{Timeout: 30 * time.Second}

// service is a running brinell.
type service struct {
	cmd  *exec.Cmd
	url  string
	done chan struct{} // closed when it has ended

	mu  sync.Mutex
	log bytes.Buffer
}

var ready = regexp.MustCompile(`msg=ready address=(\S+)`)

// serve starts the service in a data directory, behind a wrapper such as strace if it
// is named, and waits until it listens.
func serve(t testing.TB, wrapper []string, bin, dir string, args ...string) *service {
	t.Helper()
	s, err := tryServe(wrapper, bin, dir, args...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.kill)
	return s
}

func tryServe(wrapper []string, bin, dir string, args ...string) (*service, error) {
	line := append(append([]string{}, wrapper...), bin, "serve", "--listen", "127.0.0.1:0", "--data-dir", dir, "--max-connections-per-address", "1024")
	line = append(line, args...)
	s := &service{cmd: exec.Command(line[0], line[1:]...), done: make(chan struct{})}
	stderr, err := s.cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	up := make(chan string, 1)
	go func() {
		for sc := bufio.NewScanner(stderr); sc.Scan(); {
			s.mu.Lock()
			if s.log.Len() < 1<<20 {
				s.log.WriteString(sc.Text() + "\n")
			}
			s.mu.Unlock()
			if m := ready.FindStringSubmatch(sc.Text()); m != nil {
				up <- m[1]
			}
		}
		_ = s.cmd.Wait()
		close(s.done)
	}()
	select {
	case s.url = <-up:
		return s, nil
	case <-s.done:
		return nil, fmt.Errorf("the service ended: %s", s.logged())
	case <-time.After(30 * time.Second):
		s.kill()
		return nil, fmt.Errorf("the service does not come up: %s", s.logged())
	}
}

func (s *service) logged() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log.String()
}

func (s *service) kill() {
	_ = syscall.Kill(s.pid(), syscall.SIGKILL) // below a wrapper, which ends with it
	select {
	case <-s.done:
	case <-time.After(10 * time.Second):
		_ = s.cmd.Process.Kill()
	}
}

// pid returns that of the service itself, below a wrapper.
func (s *service) pid() int {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", s.cmd.Process.Pid, s.cmd.Process.Pid))
	if child, cerr := strconv.Atoi(strings.TrimSpace(string(b))); err == nil && cerr == nil {
		return child
	}
	return s.cmd.Process.Pid
}

// stop ends the service as an operator does.
func (s *service) stop(t testing.TB) {
	t.Helper()
	p, err := os.FindProcess(s.pid())
	if err != nil {
		t.Fatal(err)
	}
	_ = p.Signal(os.Interrupt)
	select {
	case <-s.done:
	case <-time.After(30 * time.Second):
		t.Fatalf("the service does not stop: %s", s.logged())
	}
}

// journal is what clients know: all that they sent, and what was acknowledged.
type journal struct {
	mu    sync.Mutex
	tried map[string][32]byte // digest by ID
	acked map[string]bool
}

func newJournal() *journal {
	return &journal{tried: map[string][32]byte{}, acked: map[string]bool{}}
}

var epoch = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

// window returns the i-th window of a sensor: noise, so that each is another one.
func window(sensor string, i, samples int) (*bearing.Window, []byte) {
	rng := rand.New(rand.NewPCG(uint64(i), uint64(len(sensor))<<32|uint64(sensor[len(sensor)-1])))
	x := make([]float32, samples)
	body := make([]byte, 0, 4*samples)
	for k := range x {
		x[k] = float32(rng.NormFloat64())
		body = binary.LittleEndian.AppendUint32(body, math.Float32bits(x[k]))
	}
	w := &bearing.Window{Sensor: sensor, Start: epoch.Add(time.Duration(i) * time.Second), SampleRate: 12000, Unit: bearing.G, Samples: x}
	return w, body
}

// errRefused is an answer other than 2xx.
type errRefused struct {
	status int
	body   string
}

func (e *errRefused) Error() string { return fmt.Sprintf("%d %s", e.status, e.body) }

// post sends the i-th window of a sensor and notes it in the journal.
func (j *journal) post(ctx context.Context, client *http.Client, url, sensor string, i, samples int) error {
	w, body := window(sensor, i, samples)
	id := w.ID()
	j.mu.Lock()
	j.tried[id] = w.Digest()
	j.mu.Unlock()
	target := fmt.Sprintf("%s/v1/sensors/%s/windows?start=%s&sample_rate_hz=12000&unit=g", url, sensor, w.Start.Format(time.RFC3339))
	req, err := http.NewRequestWithContext(ctx, "POST", target, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/octet-stream")
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if resp.StatusCode >= 300 {
		return &errRefused{resp.StatusCode, string(b)}
	}
	// The status alone is the promise; the body may have been cut off.
	j.mu.Lock()
	j.acked[id] = true
	j.mu.Unlock()
	return err
}

// load sends windows from so many sensors at a time until ctx ends or each has sent
// most, and returns the first refusal that is none of a service that went away. One that
// is overloaded, as on a machine that does other things too, is asked again.
func (j *journal) load(ctx context.Context, url string, sensors, from, most, samples int) (next int, err error) {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: sensors}}
	defer client.CloseIdleConnections()
	var wg sync.WaitGroup
	var mu sync.Mutex
	next = from
	for g := range sensors {
		wg.Go(func() {
			for i := from; i < from+most && ctx.Err() == nil; i++ {
				perr := j.post(ctx, client, url, fmt.Sprintf("s%d", g), i, samples)
				if e, refused := errors.AsType[*errRefused](perr); refused && strings.Contains(e.body, `"overloaded"`) {
					time.Sleep(20 * time.Millisecond)
					i--
					continue
				}
				mu.Lock()
				next = max(next, i+1)
				if _, refused := errors.AsType[*errRefused](perr); refused && err == nil {
					err = perr
				}
				mu.Unlock()
				if perr != nil {
					return
				}
			}
		})
	}
	wg.Wait()
	return next, err
}

// digestOf is a digest for messages.
func digestOf(d [32]byte) string { return hex.EncodeToString(d[:6]) }
