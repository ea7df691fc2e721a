package rig

import (
	"bytes"
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

// TestSlow opens many connections from a few addresses and holds each in a way of its own,
// while a canary sends good windows: it is served throughout, memory stays bounded, and
// what is held comes back by itself. BRINELL_SLOW is how many connections.
func TestSlow(t *testing.T) {
	g := newGauntlet(t)
	n := count(t, "BRINELL_SLOW", 700)
	long := os.Getenv("BRINELL_SLOW") != ""
	hold := 4 * time.Second
	if long {
		hold = 30 * time.Second
	}
	stop := make(chan struct{})
	times := make(chan []time.Duration)
	go func() { times <- g.canary(t, stop) }()
	time.Sleep(200 * time.Millisecond)
	var wg sync.WaitGroup
	var mu sync.Mutex
	refused := 0
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
				refused++
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	close(stop)
	took := <-times
	slices.Sort(took)
	if len(took) == 0 {
		t.Fatal("the canary sang nothing")
	}
	p99, resident := took[len(took)*99/100], g.status(t, "VmHWM")
	t.Logf("%d slow connections, %d of them ended early; canary: %d windows, p99 %v, slowest %v; resident %.0f MiB at most", n, refused, len(took), p99, took[len(took)-1], resident)
	if long && p99 > 250*time.Millisecond {
		t.Errorf("p99 of the canary is %v", p99)
	}
	if resident > 256 {
		t.Errorf("%.0f MiB were resident", resident)
	}
	if left := g.descriptors(t, 30, 15*time.Second); left > 30 {
		t.Errorf("%d descriptors stay open", left)
	}
	if foreign := g.holdings(t); len(foreign) > 0 {
		t.Errorf("of slow clients there is stored: %v", foreign)
	}
}

// TestSeries sends windows of invented sensors, accepted and refused, and counts the
// series: they are bounded whatever names arrive. BRINELL_NAMES is how many names, with a
// tenth of that refused.
func TestSeries(t *testing.T) {
	s := serve(t, nil, program(t, ""), t.TempDir(), "--max-sensors", "0", "--raw-cap", "100MB")
	n := count(t, "BRINELL_NAMES", 300)
	series := func() int {
		lines := 0
		for line := range strings.Lines(s.metrics(t)) {
			if line[0] != '#' {
				lines++
			}
		}
		return lines
	}
	j := newJournal()
	if err := j.post(t.Context(), client, s.url, "first", 0, 1024); err != nil {
		t.Fatal(err)
	}
	before := series()
	accepted, refused := nameless(t, s.url, n, false), nameless(t, s.url, n/10, true)
	after := series()
	t.Logf("%d accepted and %d refused windows of as many names: %d series over %d; resident %.0f MiB at most", accepted, refused, after-before, before, s.status(t, "VmHWM"))
	if accepted != n || refused != n/10 {
		t.Errorf("%d of %d accepted, %d of %d refused", accepted, n, refused, n/10)
	}
	if after-before > 500 {
		t.Errorf("%d series over the base", after-before)
	}
	if got := figureIn(t, s.metrics(t), "brinell_store_diagnoses"); int(got) != n+1 {
		t.Errorf("%g diagnoses, want %d", got, n+1)
	}
	if after == before {
		t.Error("sensors have no series at all: the rig shows nothing")
	}
}

// TestSoak runs the service at 60 % of what it can do, with raw samples bounded so that
// retention works all the time, and looks for what grows: goroutines, descriptors, memory.
// BRINELL_SOAK is the length of the long form; the short one asserts only that both stay.
func TestSoak(t *testing.T) {
	if testing.Short() {
		t.Skip("a load takes the machine")
	}
	length, long := length(t, "BRINELL_SOAK", 3*time.Second)
	rawCap, pause := "20MB", time.Second
	if long {
		rawCap, pause = "2GiB", 10*time.Second
	}
	s := serve(t, apart(t), program(t, ""), t.TempDir(), "--raw-cap", rawCap)
	f := newFlood(t, s.url, 12000, 64)
	defer f.close()
	f.closed(t.Context(), 64, time.Second)
	peak := f.closed(t.Context(), 32, 2*time.Second)
	rate := 0.6 * peak.accepted
	type sample struct{ minute, resident, goroutines, fds float64 }
	var samples []sample
	begin := time.Now()
	total, shed := 0.0, 0.0
	for time.Since(begin) < length {
		y := f.open(t.Context(), rate, pause)
		total, shed = total+y.accepted*y.length.Seconds(), shed+y.shed*y.length.Seconds()
		if len(y.other) > 0 {
			t.Fatalf("besides 201 and 503 there were %v", y.other)
		}
		page := s.metrics(t)
		samples = append(samples, sample{time.Since(begin).Minutes(), s.status(t, "VmRSS"), figureIn(t, page, "go_goroutines"), figureIn(t, page, "process_open_fds")})
	}
	warm := slices.IndexFunc(samples, func(x sample) bool { return !long || x.minute >= min(10, length.Minutes()/3) })
	steady := samples[warm:]
	slope := leastSquares(steady, func(x sample) (float64, float64) { return x.minute, x.resident })
	first, last := steady[0], steady[len(steady)-1]
	t.Logf("%.0f of %.0f windows/s for %v: %.0f accepted, %.0f refused; resident %.1f to %.1f MiB, %+.4f MiB a minute; goroutines %g to %g, descriptors %g to %g; raw samples %.0f MB",
		rate, peak.accepted, length, total, shed, first.resident, last.resident, slope, first.goroutines, last.goroutines, first.fds, last.fds, figureIn(t, s.metrics(t), "brinell_store_raw_bytes")/1e6)
	if d := last.goroutines - first.goroutines; d > 5 || d < -5 {
		t.Errorf("goroutines from %g to %g", first.goroutines, last.goroutines)
	}
	if d := last.fds - first.fds; d > 5 || d < -5 {
		t.Errorf("descriptors from %g to %g", first.fds, last.fds)
	}
	if long && slope >= 0.1 {
		t.Errorf("memory grows by %.3f MiB a minute", slope)
	}
	if shed > total/100 {
		t.Errorf("%.0f of %.0f windows were refused at 60 %% load", shed, total)
	}
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
