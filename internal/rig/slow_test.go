package rig

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// slowKinds are ways of holding a connection: what is sent at once, and what is sent a
// piece a second.
var slowKinds = []struct{ name, first, drip string }{
	{"nothing", "", ""},
	{"a header without end", "GET /healthz HTTP/1.1\r\nHost: x\r\n", "X-A: b\r\n"},
	{"a header, letter by letter", "", "G"},
	{"a body, byte by byte", "POST /v1/sensors/slow/windows" + query + " HTTP/1.1\r\nHost: x\r\nContent-Type: application/octet-stream\r\nAuthorization: Bearer KEY\r\nContent-Length: 8192\r\n\r\n", "a"},
	{"a body, chunk by chunk", "POST /v1/sensors/slow/windows" + query + " HTTP/1.1\r\nHost: x\r\nContent-Type: application/octet-stream\r\nAuthorization: Bearer KEY\r\nTransfer-Encoding: chunked\r\n\r\n", "1\r\na\r\n"},
	{"an answer that is not read", "GET /v1/stream HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer KEY\r\n\r\n", ""},
	{"keep-alive without a second request", "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", ""},
}

// held is what came of slow connections.
type held struct {
	refused  int
	took     []time.Duration // of the canary, shortest first
	p99      time.Duration
	resident float64 // MiB, the most
}

// slowed opens so many connections to a program from a few addresses, holds each in a way
// of its own for so long, and says what is not given back within patience.
func slowed(t *testing.T, b build, n int, hold, patience time.Duration) (h held, err error) {
	t.Helper()
	g := newGauntlet(t, b)
	defer g.kill()
	stop := make(chan struct{})
	times := make(chan []time.Duration)
	go func() { times <- g.canary(t, stop) }()
	time.Sleep(200 * time.Millisecond)
	var wg sync.WaitGroup
	var mu sync.Mutex
	end := time.Now().Add(hold)
	for i := range n {
		wg.Go(func() {
			kind := slowKinds[i%len(slowKinds)]
			d := net.Dialer{Timeout: 10 * time.Second, LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 9, byte(1+i%50))}}
			c, err := d.Dial("tcp", g.addr)
			if err == nil {
				defer c.Close()
				_ = c.SetDeadline(end.Add(time.Second))
				_, err = c.Write(g.text(attack{raw: "\x00" + kind.first})[1:])
			}
			for err == nil && time.Now().Before(end) {
				time.Sleep(time.Second)
				if kind.drip != "" {
					_, err = io.WriteString(c, kind.drip)
				}
			}
			if err != nil {
				mu.Lock()
				h.refused++
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	close(stop)
	h.took = <-times
	slices.Sort(h.took)
	if len(h.took) == 0 {
		t.Fatal("the canary sang nothing")
	}
	h.p99, h.resident = h.took[len(h.took)*99/100], g.status(t, "VmHWM")
	if h.resident > 256 {
		err = errors.Join(err, fmt.Errorf("%.0f MiB were resident", h.resident))
	}
	if left := g.descriptors(t, g.most, patience); left > g.most {
		err = errors.Join(err, fmt.Errorf("%d descriptors stay open", left))
	}
	if foreign := g.holdings(t); len(foreign) > 0 {
		err = errors.Join(err, fmt.Errorf("of slow clients there is stored: %v", foreign))
	}
	return h, err
}

// TestSlow opens many connections from a few addresses and holds each in a way of its own,
// while a canary sends good windows: it is served throughout, memory stays bounded, and
// what is held comes back by itself; of a program that keeps something of each request it
// does not. BRINELL_SLOW is how many connections.
func TestSlow(t *testing.T) {
	n := count(t, "BRINELL_SLOW", 700)
	long := os.Getenv("BRINELL_SLOW") != ""
	hold := 4 * time.Second
	if long {
		hold = 30 * time.Second
	}
	h, err := slowed(t, sound(t), n, hold, 15*time.Second)
	if err != nil {
		t.Error(err)
	}
	t.Logf("%d slow connections, %d of them ended early; canary: %d windows, p99 %v, slowest %v; resident %.0f MiB at most", n, h.refused, len(h.took), h.p99, h.took[len(h.took)-1], h.resident)
	if long && h.p99 > 250*time.Millisecond {
		t.Errorf("p99 of the canary is %v", h.p99)
	}
	_, err = slowed(t, planted(t, "leak"), 70, time.Second, time.Second)
	sees(t, "leak", err)
}

// named sends windows of so many invented sensors to a program, and of a tenth as many that
// are refused, and counts the series that come of it.
func named(t *testing.T, b build, n int) (before, more int, resident float64, err error) {
	t.Helper()
	s := serve(t, b.before, b.bin, t.TempDir(), "--max-sensors", "0", "--raw-cap", "100MB")
	defer s.kill()
	series := func() int {
		lines := 0
		for line := range strings.Lines(s.metrics(t)) {
			if line[0] != '#' {
				lines++
			}
		}
		return lines
	}
	if err := newJournal().post(t.Context(), client, s.url, "first", 0, 1024); err != nil {
		t.Fatal(err)
	}
	before = series()
	accepted, refused := nameless(t, s.url, n, false), nameless(t, s.url, n/10, true)
	more = series() - before
	if accepted != n || refused != n/10 {
		t.Errorf("%d of %d accepted, %d of %d refused", accepted, n, refused, n/10)
	}
	if got := figureIn(t, s.metrics(t), "brinell_store_diagnoses"); int(got) != n+1 {
		t.Errorf("%g diagnoses, want %d", got, n+1)
	}
	if more > 500 {
		err = fmt.Errorf("%d series over the base", more)
	}
	return before, more, s.status(t, "VmHWM"), err
}

// TestSeries sends windows of invented sensors, accepted and refused, and counts the
// series: they are bounded whatever names arrive, but where a label takes every sensor.
// BRINELL_NAMES is how many names, with a tenth of that refused.
func TestSeries(t *testing.T) {
	n := count(t, "BRINELL_NAMES", 300)
	before, more, resident, err := named(t, sound(t), n)
	if err != nil {
		t.Error(err)
	}
	t.Logf("%d accepted and %d refused windows of as many names: %d series over %d; resident %.0f MiB at most", n, n/10, more, before, resident)
	if more == 0 {
		t.Error("sensors have no series at all: the rig shows nothing")
	}
	_, _, _, err = named(t, planted(t, "uncapped"), 300)
	sees(t, "uncapped", err)
}

// soak is how a program is kept busy for long, and what may grow the while.
type soak struct {
	wrapper        []string
	length         time.Duration
	pause          time.Duration // between two looks
	warm, peak     time.Duration // of what comes first: sensors become known, and what can be done
	rawCap         string
	settled        float64 // minutes after which is looked
	slope, refused float64 // most MiB a minute, 0 for any, and most of the windows, 1 for any
	underWay       float64 // goroutines that requests under way may make the difference of two looks
}

// soaked runs a program at 60 % of what it can do and says what grows.
func soaked(t *testing.T, b build, k soak) (err error) {
	t.Helper()
	s := serve(t, b.behind(k.wrapper...), b.bin, t.TempDir(), "--raw-cap", k.rawCap)
	defer s.kill()
	f := newFlood(t, s.url, 12000, 64, geometry)
	defer f.close()
	f.closed(t.Context(), 64, k.warm)
	peak := f.closed(t.Context(), 32, k.peak)
	rate := 0.6 * peak.accepted
	type sample struct{ minute, resident, goroutines, fds float64 }
	var samples []sample
	begin := time.Now()
	total, shed := 0.0, 0.0
	for time.Since(begin) < k.length {
		y := f.open(t.Context(), rate, k.pause)
		total, shed = total+y.accepted*y.length.Seconds(), shed+y.shed*y.length.Seconds()
		if len(y.other) > 0 {
			t.Fatalf("besides 201 and 503 there were %v", y.other)
		}
		page := s.metrics(t)
		now := sample{time.Since(begin).Minutes(), s.status(t, "VmRSS"), figureIn(t, page, "go_goroutines"), figureIn(t, page, "process_open_fds")}
		for range 4 { // the fewest of a few looks: requests that are under way are no leak
			time.Sleep(20 * time.Millisecond)
			now.goroutines = min(now.goroutines, figureIn(t, s.metrics(t), "go_goroutines"))
		}
		samples = append(samples, now)
	}
	steady := samples[slices.IndexFunc(samples, func(x sample) bool { return x.minute >= k.settled }):]
	slope := leastSquares(steady, func(x sample) (float64, float64) { return x.minute, x.resident })
	first, last := steady[0], steady[len(steady)-1]
	t.Logf("%.0f of %.0f windows/s for %v: %.0f accepted, %.0f refused; resident %.1f to %.1f MiB, %+.4f MiB a minute; goroutines %g to %g, descriptors %g to %g; raw samples %.0f MB",
		rate, peak.accepted, k.length, total, shed, first.resident, last.resident, slope, first.goroutines, last.goroutines, first.fds, last.fds, figureIn(t, s.metrics(t), "brinell_store_raw_bytes")/1e6)
	if last.goroutines > first.goroutines+k.underWay {
		err = errors.Join(err, fmt.Errorf("goroutines from %g to %g", first.goroutines, last.goroutines))
	}
	if last.fds > first.fds+5 {
		err = errors.Join(err, fmt.Errorf("descriptors from %g to %g", first.fds, last.fds))
	}
	if k.slope > 0 && slope >= k.slope {
		err = errors.Join(err, fmt.Errorf("memory grows by %.3f MiB a minute", slope))
	}
	if shed > total*k.refused {
		err = errors.Join(err, fmt.Errorf("%.0f of %.0f windows were refused at 60 %% load", shed, total))
	}
	return err
}

// TestSoak runs the service at 60 % of what it can do, with raw samples bounded so that
// retention works all the time, and looks for what grows: goroutines, descriptors, memory.
// Of a program that keeps something of each request all three do. BRINELL_SOAK is the
// length of the long form; the short one asserts only that the first two stay.
func TestSoak(t *testing.T) {
	if testing.Short() {
		t.Skip("a load takes the machine")
	}
	length, long := length(t, "BRINELL_SOAK", 3*time.Second)
	k := soak{apart(t), length, time.Second, time.Second, 2 * time.Second, "20MB", 0, 0, 1, 40}
	if long {
		k.rawCap, k.pause, k.settled, k.slope, k.refused, k.underWay = "2GiB", 10*time.Second, min(10, length.Minutes()/3), 0.1, 0.01, 5
	}
	if err := soaked(t, sound(t), k); err != nil {
		t.Error(err)
	}
	err := soaked(t, planted(t, "leak"), soak{k.wrapper, time.Second, 300 * time.Millisecond, 300 * time.Millisecond, 500 * time.Millisecond, "20MB", 0, 0, 1, 40})
	sees(t, "leak", err)
}

// leastSquares returns the slope of a line through points.
func leastSquares[T any](points []T, xy func(T) (x, y float64)) float64 {
	var n, sx, sy, sxx, sxy float64
	for _, p := range points {
		x, y := xy(p)
		n, sx, sy, sxx, sxy = n+1, sx+x, sy+y, sxx+x*x, sxy+x*y
	}
	if d := n*sxx - sx*sx; d != 0 {
		return (n*sxy - sx*sy) / d
	}
	return 0
}

// metrics reads the page of metrics.
func (s *service) metrics(t *testing.T) string {
	t.Helper()
	resp, err := client.Get(s.url + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != 200 {
		t.Fatalf("metrics: %d, %v", resp.StatusCode, err)
	}
	return string(b)
}

// nameless sends one window of each of n invented sensors and returns how many had the
// answer that they should: 201, or 422 where they are to be refused. One that the service
// had no room for is sent again.
func nameless(t *testing.T, url string, n int, refused bool) (got int) {
	client := &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 16}}
	defer client.CloseIdleConnections()
	_, body := window("named", 1, 1024)
	want := 201
	if refused {
		body, want = body[:400], 422
	}
	jobs := make(chan int, 64)
	var wg sync.WaitGroup
	var good atomic.Int64
	for range 16 {
		wg.Go(func() {
			for i := range jobs {
				for {
					resp, err := client.Post(fmt.Sprintf("%s/v1/sensors/invented-%t-%d/windows%s", url, refused, i, query), "application/octet-stream", bytes.NewReader(body))
					if err != nil {
						t.Error(err)
						break
					}
					_, _ = io.Copy(io.Discard, resp.Body)
					resp.Body.Close()
					if resp.StatusCode == want {
						good.Add(1)
					}
					if resp.StatusCode != 503 {
						break
					}
				}
			}
		})
	}
	for i := range n {
		jobs <- i
	}
	close(jobs)
	wg.Wait()
	return int(good.Load())
}
