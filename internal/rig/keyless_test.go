package rig

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// keylessKinds are ways of holding a connection without a key: what is sent
// at once, and what is sent a piece a second. The first are bodies that net/http waits for.
const keylessBodies = 3

var keylessKinds = []struct{ name, first, drip string }{
	{"chunks, slowly", "POST /v1/sensors/slow/windows" + query + " HTTP/1.1\r\nHost: HOST\r\nContent-Type: application/octet-stream\r\nTransfer-Encoding: chunked\r\n\r\n", "64\r\n" + strings.Repeat("a", 100) + "\r\n"},
	{"chunks for nobody", "POST /none HTTP/1.1\r\nHost: HOST\r\nTransfer-Encoding: chunked\r\n\r\n", "1\r\na\r\n"},
	{"lines, slowly", "POST /v1/windows HTTP/1.1\r\nHost: HOST\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n", "1\r\n\n\r\n"},
	{"a header without end", "GET /v1/diagnoses HTTP/1.1\r\nHost: HOST\r\n", "X-A: b\r\n"},
	{"32 MiB, slowly", "POST /v1/sensors/slow/windows" + query + " HTTP/1.1\r\nHost: HOST\r\nContent-Type: application/octet-stream\r\nContent-Length: 33554432\r\n\r\n", strings.Repeat("a", 108)},
	{"nothing", "", ""},
	{"keep-alive without a second request", "GET /healthz HTTP/1.1\r\nHost: HOST\r\n\r\n", ""},
	{"the beginning of a TLS handshake", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "\x00"},
	{"answers that are not read", strings.Repeat("GET /openapi.json HTTP/1.1\r\nHost: HOST\r\n\r\n", 8), "GET /openapi.json HTTP/1.1\r\nHost: HOST\r\n\r\n"},
	{"a wrong key", "POST /v1/sensors/slow/windows" + query + " HTTP/1.1\r\nHost: HOST\r\nAuthorization: Bearer brk_a_b\r\nContent-Length: 8192\r\n\r\n", "a"},
}

// crowdOrder, in the environment, makes of this program a crowd: where to, how many clients, of
// how many kinds and addresses, and for how many milliseconds.
const crowdOrder = "BRINELL_CROWD"

// crowd has clients without a key hold connections, each opened again when it is closed, and
// prints how many were opened. It is a process of its own, the last that gets the processor:
// what it does is that of other machines, and takes no time from a canary beside it.
func crowd(order string) error {
	var addr string
	var n, kinds, addresses int
	var ms time.Duration
	if _, err := fmt.Sscan(order, &addr, &n, &kinds, &addresses, &ms); err != nil {
		return err
	}
	if err := unix.Setpriority(unix.PRIO_PROCESS, 0, 19); err != nil {
		return err
	}
	end := time.Now().Add(ms * time.Millisecond)
	var wg sync.WaitGroup
	var opened atomic.Int64
	for i := range n {
		wg.Go(func() {
			kind := keylessKinds[i%kinds]
			first := strings.ReplaceAll(kind.first, "HOST", addr)
			d := net.Dialer{Timeout: 2 * time.Second, LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 8, byte(1+i%addresses))}}
			time.Sleep(rand.N(time.Second)) // many machines do not move as one
			for time.Now().Before(end) {
				if c, err := d.Dial("tcp", addr); err == nil {
					opened.Add(1)
					_ = c.SetDeadline(end.Add(time.Second))
					for _, err = io.WriteString(c, first); err == nil && time.Now().Before(end); _, err = io.WriteString(c, kind.drip) {
						time.Sleep(time.Second)
					}
					c.Close()
				}
				time.Sleep(rand.N(time.Second))
			}
		})
	}
	wg.Wait()
	_, err := fmt.Println(opened.Load())
	return err
}

// besieged has a crowd hold connections in so many ways from so many addresses, and says what came of a canary
// with a key, which sends windows on new connections and on kept ones.
func besieged(t *testing.T, b build, n, kinds, addresses int, hold time.Duration, settings ...string) (took []time.Duration, err error) {
	t.Helper()
	b.before = b.behind(apart(t)...)
	g := newGauntlet(t, b, settings...)
	defer g.kill()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%s %d %d %d %d", crowdOrder, g.addr, n, kinds, addresses, hold.Milliseconds()))
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	end := time.Now().Add(hold)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(hold / 4)
	failed := 0
	// From addresses of their own: nobody has a place there that it could take over.
	from := func(last byte) func(context.Context, string, string) (net.Conn, error) {
		return (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 7, last)}}).DialContext
	}
	kept := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DialContext: from(1)}}
	anew := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DialContext: from(2), DisableKeepAlives: true}}
	defer kept.CloseIdleConnections()
	for i := 0; time.Now().Before(end); i++ {
		w, body := window("canary", i, 2048)
		req, rerr := http.NewRequest("POST", fmt.Sprintf("%s/v1/sensors/canary/windows?start=%s&sample_rate_hz=12000&unit=g", g.url, w.Start.Format(time.RFC3339)), bytes.NewReader(body))
		if rerr != nil {
			t.Fatal(rerr)
		}
		req.Header.Set("Authorization", "Bearer "+g.keys["ingest"])
		req.Header.Set("Content-Type", "application/octet-stream")
		begin := time.Now()
		resp, rerr := []*http.Client{kept, anew}[i%2].Do(req)
		if rerr != nil || resp.StatusCode != 201 {
			failed++
		}
		if rerr == nil {
			_, _ = io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
		}
		took = append(took, time.Since(begin))
		time.Sleep(20 * time.Millisecond)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatalf("the crowd: %v: %s", err, said.Bytes())
	}
	slices.Sort(took)
	t.Logf("%s connections opened by %d clients of %d addresses; canary: %d windows, %d failed, p99 %v", bytes.TrimSpace(said.Bytes()), n, addresses, len(took), failed, took[len(took)*99/100])
	if failed > 0 {
		err = fmt.Errorf("%d of %d windows of the canary failed", failed, len(took))
	}
	if left := g.descriptors(t, g.most, 15*time.Second); left > g.most {
		err = errors.Join(err, fmt.Errorf("%d descriptors stay open", left))
	}
	return took, err
}

// TestKeyless: who has a key is served while crowds without one hold all the connections that
// they get, for longer than every deadline. BRINELL_KEYLESS is how many clients the crowd has.
func TestKeyless(t *testing.T) {
	n := count(t, "BRINELL_KEYLESS", 400)
	long := os.Getenv("BRINELL_KEYLESS") != ""
	few := []string{"--max-connections", "128", "--max-connections-per-address", "32"}
	hold, settings := 4*time.Second, few
	if long {
		hold, settings = 150*time.Second, nil // longer than the longest, that of an answer
	}
	for _, addresses := range []int{4, 50} {
		took, err := besieged(t, sound(t), n, len(keylessKinds), addresses, hold, settings...)
		if err != nil {
			t.Errorf("%d addresses: %v", addresses, err)
		}
		if p99 := took[len(took)*99/100]; long && p99 > 250*time.Millisecond {
			t.Errorf("%d addresses: p99 of the canary is %v", addresses, p99)
		}
	}
	// Can it fail? With bodies that have all the time, and no places for who has a key, it does.
	_, err := besieged(t, planted(t, "patient"), 400, keylessBodies, 50, 4*time.Second, few...)
	sees(t, "patient", err)
}
