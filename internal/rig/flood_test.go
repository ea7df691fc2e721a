package rig

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// flood sends windows as raw samples at a fixed rate whatever becomes of them: an open
// loop, as a plant full of sensors is one. It shares the processors with the service
// and so must be cheap: a request is patched into bytes made before, written by the
// clock's own goroutine to a connection that waits for nothing, and of an answer only
// status, length and Retry-After are read. A time is counted from when the clock said
// that the request was due, not from when it went out.
type flood struct {
	address string
	head    []byte // of a request, with gaps for sensor and start
	body    []byte
	at      [2]int // of the gaps
	next    atomic.Int64
	rest    time.Duration // of a connection whose request was refused, as Retry-After asks for
	conns   []*pipe
	idle    chan *pipe
	wg      sync.WaitGroup

	mu       sync.Mutex
	accepted []time.Duration
	shed     []time.Duration
	unasked  int            // 503 without a Retry-After
	other    map[string]int // status lines and errors that should not be
	unsent   int            // no connection was free: the generator's own limit
}

// pipe is one connection.
type pipe struct {
	net.Conn
	r   *bufio.Reader
	due time.Time
	out []byte
	got chan struct{} // told that a request went out
}

const floodSensors = 100

// geometry is what a window states so that all three witnesses judge it.
const geometry = "&shaft_speed_rpm=1797&bearing=6205-2RS"

func newFlood(t testing.TB, url string, samples, conns int, more string, header ...string) *flood {
	t.Helper()
	f := &flood{address: strings.TrimPrefix(url, "http://"), idle: make(chan *pipe, conns), other: map[string]int{}}
	_, f.body = window("flood", 1, samples)
	f.head = fmt.Appendf(nil, "POST /v1/sensors/flood-000/windows?start=2026-01-31T00:00:00Z&sample_rate_hz=12000&unit=g%s HTTP/1.1\r\nHost: 127.0.0.1\r\n%sContent-Type: application/octet-stream\r\nContent-Length: %d\r\n\r\n", more, strings.Join(header, ""), len(f.body))
	f.at = [2]int{bytes.Index(f.head, []byte("000")), bytes.Index(f.head, []byte("2026-"))}
	for range conns {
		c, err := net.Dial("tcp", f.address)
		if err != nil {
			t.Fatal(err)
		}
		l := &pipe{Conn: c, r: bufio.NewReaderSize(c, 16<<10), got: make(chan struct{}, 1), out: slices.Concat(f.head, f.body)}
		f.conns = append(f.conns, l)
		f.idle <- l
		f.wg.Go(func() { f.read(l) })
	}
	return f
}

// close ends all connections.
func (f *flood) close() {
	for _, l := range f.conns {
		_ = l.Close()
		close(l.got)
	}
	f.wg.Wait()
}

// send writes the next window to a connection.
func (f *flood) send(l *pipe, due time.Time) error {
	i := f.next.Add(1)
	copy(l.out[f.at[0]:], fmt.Appendf(nil, "%03d", i%floodSensors))
	copy(l.out[f.at[1]:], epoch.Add(time.Duration(i/floodSensors)*time.Second).Format(time.RFC3339))
	l.due = due
	_, err := l.Write(l.out)
	return err
}

// read takes the answers of one connection.
func (f *flood) read(l *pipe) {
	for range l.got {
		status, after, err := readAnswer(l.r)
		took := time.Since(l.due)
		f.mu.Lock()
		switch {
		case err != nil:
			f.other[cause(err)]++
		case status == 201:
			f.accepted = append(f.accepted, took)
		case status == 503:
			f.shed = append(f.shed, took)
			if !after {
				f.unasked++
			}
		default:
			f.other[strconv.Itoa(status)]++
		}
		f.mu.Unlock()
		if err != nil {
			return // a broken connection is not used again
		}
		if status == 503 {
			time.Sleep(f.rest)
		}
		f.idle <- l
	}
}

// readAnswer reads one answer and says whether it has a Retry-After.
func readAnswer(r *bufio.Reader) (status int, after bool, err error) {
	length := 0
	for first := true; ; first = false {
		line, err := r.ReadSlice('\n')
		if err != nil {
			return 0, false, err
		}
		line = bytes.TrimRight(line, "\r\n")
		switch {
		case first:
			if len(line) < 12 {
				return 0, false, fmt.Errorf("an answer begins with %q", line)
			}
			if status, err = strconv.Atoi(string(line[9:12])); err != nil {
				return 0, false, err
			}
		case len(line) == 0:
			_, err = r.Discard(length)
			return status, after, err
		case bytes.HasPrefix(line, []byte("Content-Length: ")):
			if length, err = strconv.Atoi(string(line[len("Content-Length: "):])); err != nil {
				return 0, false, err
			}
		case bytes.HasPrefix(line, []byte("Retry-After: ")):
			after = true
		}
	}
}

// tally is what came of the requests of one run.
type tally struct {
	length                            time.Duration
	offered, accepted, shed           float64 // a second
	acceptedP50, acceptedP99, shedP99 time.Duration
	unsent, unasked                   int
	other                             map[string]int
}

func (y tally) String() string {
	return fmt.Sprintf("%.0f/s offered, %.0f/s accepted in p50 %.1f p99 %.1f ms, %.0f/s shed in p99 %.1f ms, %d not sent, %v else, %.1f s",
		y.offered, y.accepted, y.acceptedP50.Seconds()*1e3, y.acceptedP99.Seconds()*1e3, y.shed, y.shedP99.Seconds()*1e3, y.unsent, y.other, y.length.Seconds())
}

// open sends at a rate for so long, waits for the last answers and returns what came of
// it. Of the accepted only those answered in time count.
func (f *flood) open(ctx context.Context, rate float64, length time.Duration) tally {
	start := time.Now()
	f.reset()
	for i := 0; ; {
		now := time.Now()
		if now.Sub(start) >= length || ctx.Err() != nil {
			break
		}
		for due := start.Add(time.Duration(float64(i) / rate * 1e9)); !due.After(now); due = start.Add(time.Duration(float64(i) / rate * 1e9)) {
			i++
			select {
			case l := <-f.idle:
				if err := f.send(l, due); err != nil {
					f.fail(err)
					continue
				}
				l.got <- struct{}{}
			default:
				f.mu.Lock()
				f.unsent++
				f.mu.Unlock()
			}
		}
		time.Sleep(500 * time.Microsecond)
	}
	y := f.tally(time.Since(start))
	f.settle()
	return y
}

// closed keeps so many requests under way for so long: what the service can do.
func (f *flood) closed(ctx context.Context, conns int, length time.Duration) tally {
	start := time.Now()
	f.reset()
	for conns = min(conns, len(f.conns)); conns < len(f.idle); {
		held := <-f.idle // beside the load
		defer func() { f.idle <- held }()
	}
	for time.Since(start) < length && ctx.Err() == nil {
		select {
		case l := <-f.idle:
			if err := f.send(l, time.Now()); err != nil {
				f.fail(err)
				continue
			}
			l.got <- struct{}{}
		case <-time.After(10 * time.Millisecond):
		}
	}
	y := f.tally(time.Since(start))
	for deadline := time.Now().Add(10 * time.Second); len(f.idle) < conns && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
	return y
}

func (f *flood) fail(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !errors.Is(err, net.ErrClosed) {
		f.other[cause(err)]++
	}
}

func (f *flood) reset() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.accepted, f.shed, f.unasked, f.unsent, f.other = f.accepted[:0], f.shed[:0], 0, 0, map[string]int{}
}

// settle waits until every connection has its answer.
func (f *flood) settle() {
	for deadline := time.Now().Add(10 * time.Second); len(f.idle) < len(f.conns) && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
}

func (f *flood) tally(length time.Duration) tally {
	f.mu.Lock()
	defer f.mu.Unlock()
	n, s := len(f.accepted), length.Seconds()
	y := tally{length: length, accepted: float64(n) / s, shed: float64(len(f.shed)) / s, unsent: f.unsent, unasked: f.unasked, other: f.other}
	y.offered = y.accepted + y.shed + float64(f.unsent)/s
	y.acceptedP50, y.acceptedP99 = quantile(f.accepted, 0.5), quantile(f.accepted, 0.99)
	y.shedP99 = quantile(f.shed, 0.99)
	return y
}

// quantile returns a quantile of d, which it sorts; 0 of nothing.
func quantile(d []time.Duration, q float64) time.Duration {
	if len(d) == 0 {
		return 0
	}
	slices.Sort(d)
	return d[int(q*float64(len(d)-1))]
}

// status returns a figure of /proc/PID/status in MiB: VmHWM is the most memory that the
// service has held, VmRSS what it holds.
func (s *service) status(t testing.TB, name string) float64 {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.pid()))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		if v, ok := strings.CutPrefix(line, name+":"); ok {
			kib, err := strconv.ParseFloat(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(v), "kB")), 64)
			if err != nil {
				t.Fatal(err)
			}
			return kib / 1024
		}
	}
	t.Fatalf("no %s in the status of the process", name)
	return 0
}

// length returns how long a rig runs: short, unless the environment says more.
func length(t testing.TB, env string, short time.Duration) (d time.Duration, long bool) {
	t.Helper()
	s := os.Getenv(env)
	if s == "" {
		return short, false
	}
	d, err := time.ParseDuration(s)
	if err != nil {
		t.Fatalf("%s: %v", env, err)
	}
	return d, true
}

// processors are those that the rigs had before any of them was kept to one.
var processors = sync.OnceValues(func() (all unix.CPUSet, err error) {
	err = unix.SchedGetaffinity(0, &all)
	return all, err
})

// apart puts the generator on the last processor and returns the wrapper that keeps the
// service to the others, so that the one does not take from the other what is measured.
// Both peak and overload are measured so. With one processor it does nothing.
func apart(t testing.TB) []string {
	t.Helper()
	all, err := processors()
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	last := -1
	for c := range 1024 {
		if all.IsSet(c) {
			list, last = append(list, strconv.Itoa(c)), c
		}
	}
	if len(list) < 2 {
		return nil
	}
	var own unix.CPUSet
	own.Set(last)
	pin := func(set unix.CPUSet) {
		tasks, err := os.ReadDir("/proc/self/task") // later threads are theirs
		if err != nil {
			t.Fatal(err)
		}
		for _, task := range tasks {
			id, err := strconv.Atoi(task.Name())
			if err == nil {
				_ = unix.SchedSetaffinity(id, &set) // it may have ended
			}
		}
	}
	pin(own)
	t.Cleanup(func() { pin(all) })
	return []string{"taskset", "-c", strings.Join(list[:len(list)-1], ",")}
}

// cause is an error without the addresses in it.
func cause(err error) string {
	if e, ok := errors.AsType[*os.SyscallError](err); ok {
		return e.Error()
	}
	return err.Error()
}
