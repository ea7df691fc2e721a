package bench

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"brinell/bearing"
	"brinell/internal/clamp"
	"brinell/internal/store"
)

// load is a load on the whole service: default model, durable store, client
// on the same machine.
type load struct {
	name, media string
	connections int
}

// Service is a service under way.
type Service struct {
	Address string                      // where it listens
	Run     func(context.Context) error // until the context ends
	Store   Stored
}

// Stored is what the service has stored.
type Stored interface {
	Stats(ctx context.Context) (store.Stats, error)
	Window(ctx context.Context, id string) (*bearing.Window, error)
}

// Start makes a service with its data in an empty directory.
type Start func(ctx context.Context, dir string) (Service, error)

// loads are the loads that are measured.
var loads = []load{
	{"request/f32/connections=64", "application/octet-stream", 64},
	{"request/json/connections=64", "application/json", 64},
}

// loadPool is how many samples the windows of a load are cut from, each at an
// offset of its own.
const loadPool = 1 << 19

// loadRun is one load under way.
type loadRun struct {
	load
	address string
	samples []float32
	raw     []byte // of samples
	text    []byte // of samples, as JSON numbers with commas
	at      []int  // where each number of text begins
	next    atomic.Int64
	until   time.Time

	mu    sync.Mutex
	took  []time.Duration
	check map[string]int // offset of some stored windows by ID
}

// run starts a service on an empty directory, loads it for that long, and compares
// what is stored with what was acknowledged.
func (l load) run(ctx context.Context, start Start, length time.Duration) (rows []Result, err error) {
	dir, err := os.MkdirTemp("", "brinell-bench")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	s, err := start(ctx, dir)
	if err != nil {
		return nil, err
	}
	serving, stop := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- s.Run(serving) }()
	defer func() {
		stop()
		err = errors.Join(err, <-done)
	}()

	r := l.newRun(s.Address)
	debug.FreeOSMemory() // of the cases before
	memory := watchMemory()
	begin := time.Now()
	r.until = begin.Add(length)
	err = r.clients(ctx)
	seconds, resident := time.Since(begin).Seconds(), memory()
	if err != nil {
		return nil, err
	}
	if err := r.verify(ctx, s.Store); err != nil {
		return nil, err
	}
	slices.Sort(r.took)
	at := func(q float64) float64 {
		return float64(r.took[clamp.Int(q*float64(len(r.took)-1), 0, len(r.took)-1)]) / 1e6
	}
	return []Result{
		{Name: l.name, Value: float64(len(r.took)) / seconds, Unit: "windows/s"},
		{Name: l.name + "/p50", Value: at(0.5), Unit: "ms"},
		{Name: l.name + "/p99", Value: at(0.99), Unit: "ms"},
		{Name: l.name + "/resident", Value: resident, Unit: "MiB"},
	}, nil
}

func (l load) newRun(address string) *loadRun {
	r := &loadRun{load: l, address: address, samples: noise32(loadPool), check: make(map[string]int)}
	if l.media != "application/json" {
		r.raw = rawSamples(r.samples)
		return r
	}
	for _, v := range r.samples {
		r.at = append(r.at, len(r.text))
		r.text = append(strconv.AppendFloat(r.text, float64(v), 'g', -1, 32), ',')
	}
	r.at = append(r.at, len(r.text))
	return r
}

// clients sends windows on every connection until the time is up.
func (r *loadRun) clients(ctx context.Context) error {
	errs := make([]error, r.connections)
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() { errs[i] = r.client(ctx, i) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

// client is one sensor. It speaks just enough HTTP to cost little beside the
// service.
func (r *loadRun) client(ctx context.Context, sensor int) error {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", r.address)
	if err != nil {
		return err
	}
	defer conn.Close()
	in := bufio.NewReader(conn)
	var request, took = []byte(nil), []time.Duration(nil)
	kept := make(map[string]int)
	for k := 0; time.Now().Before(r.until) && ctx.Err() == nil; k++ {
		n := r.next.Add(1) - 1
		if n >= loadPool-windowLength {
			return errors.New("the load ran out of samples: shorten --load")
		}
		offset := int(n)
		request = r.request(request[:0], sensor, k, offset)
		sent := time.Now()
		if _, err := conn.Write(request); err != nil {
			return err
		}
		id, err := readCreated(in)
		if err != nil {
			return err
		}
		took = append(took, time.Since(sent))
		if k%100 == 0 {
			kept[id] = offset
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.took = append(r.took, took...)
	for id, offset := range kept {
		r.check[id] = offset
	}
	return nil
}

// request appends the request for window k of a sensor.
func (r *loadRun) request(b []byte, sensor, k, offset int) []byte {
	start := time.Unix(1e9, 0).UTC().Add(time.Duration(k) * time.Second).Format(time.RFC3339)
	path := fmt.Sprintf("/v1/sensors/load-%d/windows", sensor)
	if r.raw != nil {
		b = fmt.Appendf(b, "POST %s?start=%s&sample_rate_hz=12000&unit=g HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n", path, start, r.media, 4*windowLength)
		return append(b, r.raw[4*offset:4*(offset+windowLength)]...)
	}
	head := fmt.Sprintf(`{"start":%q,"sample_rate_hz":12000,"unit":"g","samples":[`, start)
	numbers := r.text[r.at[offset] : r.at[offset+windowLength]-1]
	b = fmt.Appendf(b, "POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s", path, r.media, len(head)+len(numbers)+2, head)
	return append(append(b, numbers...), "]}"...)
}

// readCreated reads a 201 and returns the ID of what was created.
func readCreated(in *bufio.Reader) (id string, err error) {
	length := -1
	for first := true; ; first = false {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return "", err
		}
		line = bytes.TrimRight(line, "\r\n")
		if first && !bytes.HasPrefix(line, []byte("HTTP/1.1 201")) {
			return "", fmt.Errorf("the service answered %s", line)
		}
		if len(line) == 0 {
			break
		}
		if v, ok := bytes.CutPrefix(line, []byte("Content-Length: ")); ok {
			if length, err = strconv.Atoi(string(v)); err != nil {
				return "", err
			}
		}
		if v, ok := bytes.CutPrefix(line, []byte("Location: /v1/diagnoses/")); ok {
			id = string(v)
		}
	}
	if length < 0 || id == "" {
		return "", errors.New("the answer lacks Content-Length or Location")
	}
	_, err = in.Discard(length)
	return id, err
}

// verify counts the rows and reads some windows back.
func (r *loadRun) verify(ctx context.Context, stored Stored) error {
	stats, err := stored.Stats(ctx)
	if err != nil {
		return err
	}
	if int(stats.Diagnoses) != len(r.took) {
		return fmt.Errorf("%d windows were acknowledged, %d are stored", len(r.took), stats.Diagnoses)
	}
	for id, offset := range r.check {
		w, err := stored.Window(ctx, id)
		if err != nil {
			return err
		}
		if !slices.Equal(w.Samples, r.samples[offset:offset+windowLength]) {
			return fmt.Errorf("window %s came back with other samples", id)
		}
	}
	return nil
}

// watchMemory follows the resident memory of this program, service and client
// together; the function that it returns ends that and returns the largest in
// MiB, 0 where the system does not say.
func watchMemory() func() float64 {
	stop, top := make(chan struct{}), make(chan float64)
	go func() {
		most := 0.0
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				most = max(most, residentMiB())
			case <-stop:
				top <- most
				return
			}
		}
	}()
	return func() float64 { close(stop); return <-top }
}

func residentMiB() float64 {
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(b))
	if len(fields) < 2 || runtime.GOOS != "linux" {
		return 0
	}
	pages, _ := strconv.Atoi(fields[1])
	return float64(pages*os.Getpagesize()) / (1 << 20)
}
