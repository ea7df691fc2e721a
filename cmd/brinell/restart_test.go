package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"brinell/bearing"
	"brinell/internal/store"
)

// rounds returns how often a rig repeats: the number in the environment variable, or
// short, and whether it is the long form.
func rounds(t *testing.T, name string, short int) (n int, long bool) {
	t.Helper()
	v := os.Getenv(name)
	if v == "" {
		return short, false
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < 1 {
		t.Fatalf("%s=%q is no number of rounds", name, v)
	}
	return n, true
}

// activated returns the command of a service that is given the socket as systemd does:
// file 3, LISTEN_FDS and the process's own number in LISTEN_PID.
func activated(t *testing.T, socket *os.File, args ...string) *exec.Cmd {
	t.Helper()
	bin, err := program()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("sh", append([]string{"-c", `LISTEN_PID=$$ LISTEN_FDS=1 exec "$0" "$@"`, bin, "serve"}, args...)...)
	cmd.ExtraFiles = []*os.File{socket}
	return cmd
}

// sender posts windows of 2,048 samples, each once: what is sent again is sent by
// net/http itself, which may do so because of the Idempotency-Key.
type sender struct {
	url    string
	client *http.Client

	next    atomic.Int64
	failed  atomic.Int64
	slowest atomic.Int64 // ns

	mu    sync.Mutex
	acked []string
	first string // failure
}

func newSender(addr string, callers int) *sender {
	return &sender{url: "http://" + addr, client: &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: callers}}}
}

// post sends the next window, of one of 200 sensors.
func (s *sender) post(rng *rand.Rand) {
	i := s.next.Add(1)
	body := make([]byte, 0, 4*2048)
	for range 2048 {
		body = binary.LittleEndian.AppendUint32(body, math.Float32bits(float32(rng.NormFloat64())))
	}
	start := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC).Add(time.Duration(i) * time.Second)
	url := fmt.Sprintf("%s/v1/sensors/s%d/windows?start=%s&sample_rate_hz=12000&unit=g&shaft_speed_rpm=1797", s.url, i%200, start.Format(time.RFC3339))
	req, err := http.NewRequest(http.MethodPost, url, bytes.NewReader(body)) // sets GetBody
	if err != nil {
		panic(err)
	}
	req.Header.Set("Content-Type", "application/octet-stream")
	req.Header.Set("Idempotency-Key", fmt.Sprintf("restart-%d", i))
	begin := time.Now()
	id, err := s.do(req)
	took := int64(time.Since(begin))
	for old := s.slowest.Load(); took > old && !s.slowest.CompareAndSwap(old, took); old = s.slowest.Load() {
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil {
		s.acked = append(s.acked, id)
	} else if s.failed.Add(1); s.first == "" {
		s.first = err.Error()
	}
}

func (s *sender) do(req *http.Request) (id string, err error) {
	resp, err := s.client.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return "", err
	}
	if resp.StatusCode != http.StatusCreated && resp.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s: %s", resp.Status, b)
	}
	var d bearing.Diagnosis
	err = json.Unmarshal(b, &d)
	return d.ID, err
}

// load posts with so many callers until stop is closed, each when a token comes, or at
// once where tokens is nil.
func (s *sender) load(callers int, tokens <-chan struct{}, stop <-chan struct{}) *sync.WaitGroup {
	var wg sync.WaitGroup
	for c := range callers {
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(c), 7))
			for {
				select {
				case <-stop:
					return
				default:
				}
				if tokens != nil {
					select {
					case <-tokens:
					case <-stop:
						return
					}
				}
				s.post(rng)
			}
		})
	}
	return &wg
}

// TestRestart restarts the service under 80 % of the load that it bears, the listening
// socket held by this process as systemd holds it. No request fails, and everything
// acknowledged is there. Every other round the new process is started before the old
// one is told to stop, and waits for the data directory.
// BRINELL_RESTARTS=50 is the long form, in which no request may take 2 s.
func TestRestart(t *testing.T) {
	n, long := rounds(t, "BRINELL_RESTARTS", 3)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	socket, err := l.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	dir := t.TempDir()
	args := []string{"--data-dir", dir, "--lock-wait", "30s"}
	p := startCommand(t, activated(t, socket, args...))
	if want := "http://" + l.Addr().String(); p.url != want {
		t.Fatalf("it serves %s, want the inherited %s", p.url, want)
	}
	const callers = 16
	s := newSender(l.Addr().String(), callers)
	stop := make(chan struct{})
	wg := s.load(callers, nil, stop)
	calm := time.Second
	if long {
		calm = 4 * time.Second
	}
	time.Sleep(calm)
	close(stop)
	wg.Wait()
	peak := float64(s.next.Load()) / calm.Seconds()
	s.slowest.Store(0)

	tokens, stop := make(chan struct{}), make(chan struct{})
	go func() {
		tick := time.NewTicker(time.Duration(float64(time.Second) / (0.8 * peak)))
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
			case <-stop:
				return
			}
			select {
			case tokens <- struct{}{}:
			case <-stop:
				return
			}
		}
	}()
	wg = s.load(callers, tokens, stop)
	var longest time.Duration
	calmly := func() { // half a second's windows at the full rate, however long they take
		before := s.next.Load()
		for end := time.Now().Add(20 * time.Second); float64(s.next.Load()-before) < 0.4*peak && time.Now().Before(end); {
			time.Sleep(10 * time.Millisecond)
		}
	}
	for round := range n {
		calmly()
		begin := time.Now()
		var next *process
		if round%2 == 1 {
			waiting := make(chan *process)
			go func() { waiting <- startCommand(t, activated(t, socket, args...)) }()
			time.Sleep(50 * time.Millisecond)
			if err := p.stop(syscall.SIGTERM); err != nil {
				t.Fatalf("round %d: %v\n%s", round, err, p.logged())
			}
			next = <-waiting
		} else {
			if err := p.stop(syscall.SIGTERM); err != nil {
				t.Fatalf("round %d: %v\n%s", round, err, p.logged())
			}
			next = startCommand(t, activated(t, socket, args...))
		}
		old := p
		p = next
		longest = max(longest, time.Since(begin))
		if f := s.failed.Load(); f > 0 {
			t.Fatalf("round %d: %d requests failed, the first: %s\n%s%s", round, f, s.first, old.logged(), p.logged())
		}
	}
	calmly()
	close(stop)
	wg.Wait()
	if err := p.stop(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	slowest := time.Duration(s.slowest.Load())
	t.Logf("%d restarts at %.0f windows/s (peak %.0f): %d acknowledged, %d failed, slowest request %v, longest restart %v",
		n, 0.8*peak, peak, len(s.acked), s.failed.Load(), slowest.Round(time.Millisecond), longest.Round(time.Millisecond))
	if f := s.failed.Load(); f > 0 {
		t.Errorf("%d requests failed, the first: %s", f, s.first)
	}
	if long && slowest > 2*time.Second {
		t.Errorf("a request took %v, want at most 2 s", slowest)
	}
	db, err := store.Open(t.Context(), store.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, id := range s.acked {
		if _, err := db.Diagnosis(t.Context(), id); err != nil {
			t.Fatalf("acknowledged, but %v", err)
		}
	}
	if err := db.Check(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestDrain: a service that is told to stop says so in readyz, still answers, ends each
// connection with its answer, and tells systemd; then it ends with exit code 0.
func TestDrain(t *testing.T) {
	dir := t.TempDir()
	manager, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(dir, "notify"), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer manager.Close()
	said := func() string {
		b := make([]byte, 1024)
		_ = manager.SetReadDeadline(time.Now().Add(20 * time.Second))
		n, err := manager.Read(b)
		if err != nil {
			t.Fatal(err)
		}
		return string(b[:n])
	}
	bin, err := program()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(bin, "serve", "--listen", "127.0.0.1:0", "--data-dir", filepath.Join(dir, "data"), "--drain-delay", "2s")
	cmd.Env = append(os.Environ(), "NOTIFY_SOCKET="+filepath.Join(dir, "notify"), "WATCHDOG_USEC=100000")
	p := startCommand(t, cmd)
	if got := said(); got != "READY=1" {
		t.Errorf("first it says %q", got)
	}
	if got := said(); got != "WATCHDOG=1" {
		t.Errorf("then it says %q", got)
	}
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	for got := said(); got != "STOPPING=1"; got = said() {
		if got != "WATCHDOG=1" {
			t.Errorf("at the end it says %q", got)
		}
	}
	var resp *http.Response
	var body []byte
	for end := time.Now().Add(time.Second); ; time.Sleep(time.Millisecond) {
		if resp, err = http.Get(p.url + "/readyz"); err != nil {
			t.Fatal(err)
		}
		body, _ = io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode == http.StatusServiceUnavailable || time.Now().After(end) {
			break
		}
	}
	if resp.StatusCode != http.StatusServiceUnavailable || !strings.Contains(string(body), `"draining"`) || !resp.Close {
		t.Errorf("readyz answers %s, close %v: %s", resp.Status, resp.Close, body)
	}
	if resp, err = http.Get(p.url + "/v1/diagnoses"); err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK || !resp.Close {
		t.Errorf("diagnoses answers %s, close %v", resp.Status, resp.Close)
	}
	if err := p.cmd.Wait(); err != nil {
		t.Errorf("%v\n%s", err, p.logged())
	}
}

// TestSocketRefused: what LISTEN_FDS says must make sense, and a socket that others reach
// asks for keys as --listen does.
func TestSocketRefused(t *testing.T) {
	bin, err := program()
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("sh", "-c", `LISTEN_PID=$$ LISTEN_FDS=2 exec "$0" serve --data-dir "$1"`, bin, t.TempDir()).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "one socket") {
		t.Errorf("two sockets: %v %s", err, out)
	}
	l, err := net.Listen("tcp", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	socket, err := l.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	if out, err := activated(t, socket, "--data-dir", t.TempDir()).CombinedOutput(); err == nil || !strings.Contains(string(out), "no API key") {
		t.Errorf("an open socket without keys: %v %s", err, out)
	}
}
