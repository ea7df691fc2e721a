package rig

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// attack is one request that no honest client sends, and the answer that it must have.
// Its body may be nil; raw replaces the whole request. A code is that of the problem, or
// for NDJSON of the first line that has one; "" is none.
type attack struct {
	name, method, target, key string
	header                    []string // names and values
	body                      []byte
	raw                       string
	status                    int
	code                      string
}

// Parts of requests.
const (
	windowsOf = "/v1/sensors/pump/windows"
	query     = "?start=2026-01-31T12:00:00Z&sample_rate_hz=12000&unit=g"
	goodJSON  = `{"start":"2026-01-31T12:00:00.5Z","sample_rate_hz":12000,"unit":"g","shaft_speed_rpm":1797,"bearing":"6205-2RS","axis":"x","samples":[0.1,-2e-3,3]}`
)

// gauntlet is a service with keys and tight limits.
type gauntlet struct {
	*service
	addr string
	keys map[string]string
	next atomic.Uint32
	most int // descriptors that it may have at rest
}

func newGauntlet(t *testing.T, b build, settings ...string) *gauntlet {
	dir := t.TempDir()
	g := &gauntlet{keys: map[string]string{"wrong": "brk_nobody_nothing", "short": "brk_", "garbled": "brk_\x01\x02"}}
	for name, args := range map[string][]string{
		"read": {"--scopes", "read"}, "ingest": {"--scopes", "ingest"}, "admin": {"--scopes", "admin"},
		"pumps": {"--scopes", "ingest,read", "--sensors", "pump*"},
	} {
		out, err := exec.Command(b.bin, append([]string{"keys", "create", "--data-dir", dir, "--name", name}, args...)...).Output()
		if err != nil {
			t.Fatal(err)
		}
		g.keys[name] = strings.TrimSpace(string(out))
	}
	g.service = serve(t, b.before, b.bin, dir, append([]string{"--max-samples", "4096", "--max-body", "64KiB", "--require-keys"}, settings...)...)
	g.addr = strings.TrimPrefix(g.url, "http://")
	g.most = g.descriptors(t, 0, 0) + 10
	return g
}

// dial connects from an address of its own: who guesses keys is stopped by address.
func (g *gauntlet) dial() (net.Conn, error) {
	n := g.next.Add(1)
	d := net.Dialer{Timeout: 5 * time.Second, LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, byte(1+n/250), byte(1+n%250))}}
	c, err := d.Dial("tcp", g.addr)
	if err == nil {
		err = c.SetDeadline(time.Now().Add(20 * time.Second))
	}
	return c, err
}

// text is the request as it goes over the wire.
func (g *gauntlet) text(a attack) []byte {
	if a.raw != "" {
		return []byte(strings.NewReplacer("KEY", g.keys["admin"], "HOST", g.addr).Replace(a.raw))
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n", a.method, a.target, g.addr)
	if k := g.keys[a.key]; k != "" {
		fmt.Fprintf(&b, "Authorization: Bearer %s\r\n", k)
	}
	sized := a.body == nil
	for i := 0; i+1 < len(a.header); i += 2 {
		fmt.Fprintf(&b, "%s: %s\r\n", a.header[i], a.header[i+1])
		sized = sized || a.header[i] == "Content-Length" || a.header[i] == "Transfer-Encoding"
	}
	if !sized {
		fmt.Fprintf(&b, "Content-Length: %d\r\n", len(a.body))
	}
	b.WriteString("\r\n")
	b.Write(a.body)
	return b.Bytes()
}

// answer is what came back.
type answer struct {
	status int
	code   string
	body   string
}

func (g *gauntlet) send(a attack) (answer, error) {
	c, err := g.dial()
	if err != nil {
		return answer{}, err
	}
	defer c.Close()
	// A service that has seen enough answers before it has read all.
	go func() { _, _ = c.Write(g.text(a)) }()
	resp, err := http.ReadResponse(bufio.NewReader(c), &http.Request{Method: a.method})
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	b, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	out := answer{status: resp.StatusCode, body: string(b)}
	for line := range bytes.Lines(b) {
		var p struct {
			Code      string
			RequestID string `json:"request_id"`
			Problem   *struct{ Code string }
		}
		if json.Unmarshal(line, &p) == nil {
			if out.code = p.Code; p.Problem != nil {
				out.code = p.Problem.Code
			}
		}
		if out.code != "" {
			break
		}
	}
	return out, nil
}

// digits are what two attacks may not differ in alone.
var digits = regexp.MustCompile(`[0-9]+`)

// holdings is what a service has stored of those who attack it.
func (g *gauntlet) holdings(t *testing.T) (foreign []string) {
	t.Helper()
	for _, path := range []string{"/v1/machines", "/v1/sensors", "/v1/alarms"} {
		a, err := g.send(attack{method: "GET", target: path, key: "admin"})
		if err != nil || a.status != 200 {
			t.Fatalf("%s: %+v, %v", path, a, err)
		}
		var page struct {
			Alarms            []struct{ Sensor string }
			Machines, Sensors []struct{ Name string }
		}
		if err := json.Unmarshal([]byte(a.body), &page); err != nil {
			t.Fatal(err)
		}
		for _, a := range page.Alarms {
			foreign = append(foreign, path+" "+a.Sensor)
		}
		for _, r := range slices.Concat(page.Machines, page.Sensors) {
			if r.Name != "held" {
				foreign = append(foreign, path+" "+r.Name)
			}
		}
	}
	return foreign
}

// figure returns a metric without labels.
func (g *gauntlet) figure(t *testing.T, name string) float64 {
	t.Helper()
	a, err := g.send(attack{method: "GET", target: "/metrics", key: "read"})
	if err != nil || a.status != 200 {
		t.Fatalf("%+v, %v", a, err)
	}
	return figureIn(t, a.body, name)
}

// figureIn finds a metric without labels in a page of them.
func figureIn(t *testing.T, page, name string) float64 {
	t.Helper()
	for line := range strings.Lines(page) {
		if s, ok := strings.CutPrefix(line, name+" "); ok {
			v, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
			if err != nil {
				t.Fatal(err)
			}
			return v
		}
	}
	t.Fatalf("there is no %s", name)
	return 0
}

// descriptors waits until the service has no more than so many open, and returns how many
// it has.
func (s *service) descriptors(t *testing.T, most int, wait time.Duration) int {
	t.Helper()
	for end := time.Now().Add(wait); ; time.Sleep(50 * time.Millisecond) {
		entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", s.pid()))
		if err != nil {
			t.Fatal(err)
		}
		if len(entries) <= most || time.Now().After(end) {
			return len(entries)
		}
	}
}

// canary posts good windows until stop closes, and returns how long each took.
func (g *gauntlet) canary(t *testing.T, stop <-chan struct{}) (took []time.Duration) {
	client := &http.Client{Timeout: 20 * time.Second}
	defer client.CloseIdleConnections()
	for i := 0; ; i++ {
		select {
		case <-stop:
			return took
		case <-time.After(5 * time.Millisecond):
		}
		w, body := window("canary", i, 2048)
		req, err := http.NewRequest("POST", fmt.Sprintf("%s/v1/sensors/canary/windows?start=%s&sample_rate_hz=12000&unit=g", g.url, w.Start.Format(time.RFC3339)), bytes.NewReader(body))
		if err != nil {
			t.Error(err)
			return took
		}
		req.Header.Set("Authorization", "Bearer "+g.keys["ingest"])
		req.Header.Set("Content-Type", "application/octet-stream")
		begin := time.Now()
		resp, err := client.Do(req)
		if err != nil {
			t.Errorf("canary: %v", err)
			return took
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		if took = append(took, time.Since(begin)); resp.StatusCode != 201 {
			t.Errorf("canary %d: %d", i, resp.StatusCode)
			return took
		}
	}
}

// TestHostile sends each attack of the table, several at a time and in another order each
// round, while a canary goes on sending good windows: every attack has its answer, the
// canary is served, nothing of an attack is stored, and nothing leaks. BRINELL_HOSTILE is
// how many rounds.
func TestHostile(t *testing.T) {
	g := newGauntlet(t, sound(t))
	if a, err := g.send(attack{method: "PUT", target: "/v1/machines/held", key: "admin", header: []string{"Content-Type", "application/json"}, body: []byte("{}")}); err != nil || a.status != 201 {
		t.Fatalf("%+v, %v", a, err)
	}
	if a, err := g.send(attack{method: "PUT", target: "/v1/sensors/held", key: "admin", header: []string{"Content-Type", "application/json"}, body: []byte(`{"machine":"held","sample_rate_hz":25600,"unit":"m/s2","axis":"x"}`)}); err != nil || a.status != 201 {
		t.Fatalf("%+v, %v", a, err)
	}
	// Can it fail? A service that asks for no keys gives what it should not.
	open := &gauntlet{service: serve(t, nil, program(t, ""), t.TempDir())}
	open.addr = strings.TrimPrefix(open.url, "http://")
	given := 0
	for _, a := range keyAttacks() {
		if strings.HasPrefix(a.target, "/v1/stream") {
			continue // without keys it goes on
		}
		if got, err := open.send(a); err == nil && (got.status != a.status || got.code != a.code) {
			given++
		}
	}
	if given == 0 {
		t.Error("without keys every attack has the same answer: the table shows nothing")
	}
	open.kill()
	attacks := attacks()
	seen := make(map[string]string)
	for _, a := range attacks {
		key := digits.ReplaceAllString(string(g.text(a)), "0")
		if other, ok := seen[key]; ok {
			t.Errorf("%s is %s, but for a number", a.name, other)
		}
		seen[key] = a.name
	}
	if len(attacks) < 300 {
		t.Errorf("%d attacks, want 300", len(attacks))
	}
	stop := make(chan struct{})
	times := make(chan []time.Duration)
	go func() { times <- g.canary(t, stop) }()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) { // attacks ask for it
		if a, err := g.send(attack{method: "GET", target: "/v1/diagnoses?sensor=canary", key: "read"}); err == nil && strings.Contains(string(a.body), `"id"`) {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the canary is not heard")
		}
	}
	before := g.figure(t, "go_goroutines")
	rng := rand.New(rand.NewPCG(1, 1))
	rounds := count(t, "BRINELL_HOSTILE", 1)
	for range rounds {
		turn := make(chan struct{}, 8)
		done := make(chan struct{}, len(attacks))
		for _, i := range rng.Perm(len(attacks)) {
			turn <- struct{}{}
			go func() {
				defer func() { <-turn; done <- struct{}{} }()
				a := attacks[i]
				got, err := g.send(a)
				if err != nil {
					t.Errorf("%s: no answer: %v", a.name, err)
				} else if got.status != a.status || got.code != a.code {
					t.Errorf("%s: %d %s, want %d %s: %.200s", a.name, got.status, got.code, a.status, a.code, got.body)
				}
			}()
		}
		for range attacks {
			<-done
		}
	}
	close(stop)
	took := <-times
	slices.Sort(took)
	if len(took) == 0 {
		t.Fatal("the canary sang nothing")
	}
	p99 := took[len(took)*99/100]
	t.Logf("%d attacks, %d rounds; canary: %d windows, p99 %v, slowest %v", len(attacks), rounds, len(took), p99, took[len(took)-1])
	if os.Getenv("BRINELL_HOSTILE") != "" && p99 > 250*time.Millisecond {
		t.Errorf("p99 of the canary is %v", p99)
	}
	if foreign := g.holdings(t); len(foreign) > 0 {
		t.Errorf("of attacks there is stored: %v", foreign)
	}
	// What was taken is given back.
	if n := g.descriptors(t, g.most, 10*time.Second); n > g.most {
		t.Errorf("%d descriptors stay open", n)
	}
	n := g.figure(t, "go_goroutines")
	for end := time.Now().Add(10 * time.Second); n > before+5 && time.Now().Before(end); n = g.figure(t, "go_goroutines") {
		time.Sleep(50 * time.Millisecond) // the last connections are about to end
	}
	if n > before+5 {
		t.Errorf("%g goroutines, %g before", n, before)
	}
	if n := g.figure(t, "brinell_store_diagnoses"); int(n) != len(took) {
		t.Errorf("%g diagnoses are stored, the canary sent %d", n, len(took))
	}
	if log := g.logged(); strings.Contains(log, "panic") || strings.Contains(log, "level=ERROR") {
		t.Errorf("the log has an error:\n%.2000s", log)
	}
	for _, secret := range g.keys {
		if i := strings.LastIndex(secret, "_"); i > 8 && strings.Contains(g.logged(), secret[i:]) {
			t.Error("a key stands in the log")
		}
	}
}
