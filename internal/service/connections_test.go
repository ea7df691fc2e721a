package service

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"brinell/api"
)

// dialled is a connection from an address.
type dialled struct {
	net.Conn
	from   string
	closed bool
}

func (d *dialled) RemoteAddr() net.Addr { return addr(d.from) }
func (d *dialled) Close() error         { d.closed = true; return nil }

type addr string

func (addr) Network() string  { return "tcp" }
func (a addr) String() string { return string(a) }

// door is a listener of which each Accept takes the next of a list.
type door struct {
	net.Listener
	next []*dialled
}

func (d *door) Accept() (net.Conn, error) {
	if len(d.next) == 0 {
		return nil, net.ErrClosed
	}
	c := d.next[0]
	d.next = d.next[1:]
	return c, nil
}

// entrance is a limited listener in a test.
type entrance struct {
	*testing.T
	*limited
	d *door
}

func newEntrance(t *testing.T, all, each int, demanded bool) *entrance {
	d := &door{}
	return &entrance{t, limit(d, all, each, func() bool { return demanded }), d}
}

// come opens a connection, nil if it is refused.
func (e *entrance) come(from string) (*dialled, net.Conn) {
	d := &dialled{from: from}
	e.d.next = append(e.d.next, d)
	c, _ := e.Accept()
	return d, c
}

// known shows a key on a connection.
func (e *entrance) show(c net.Conn) {
	api.Known(e.context(context.Background(), c))
}

// TestStrangers: connections without a key are half of all and of a network at most, whatever
// they are doing, and give way to new ones; those that have shown one stay.
func TestStrangers(t *testing.T) {
	e := newEntrance(t, 8, 6, true)
	_, first := e.come("192.0.2.1:1")
	e.show(first)
	var crowd []*dialled
	for range 20 {
		d, c := e.come("198.51.100.1:1")
		if c == nil {
			t.Fatal("a stranger is refused, though others give way")
		}
		e.state(c, http.StateActive)
		crowd = append(crowd, d)
	}
	open := 0
	for i, d := range crowd {
		if !d.closed {
			open++
		} else if i >= 17 {
			t.Errorf("the %dth of 20 is closed, not the oldest", i)
		}
	}
	if open != 3 || e.strangers != 3 || e.open != 4 {
		t.Errorf("%d strangers of one network are open, want 3; %d in all, %d connections", open, e.strangers, e.open)
	}
	lone, c := e.come("203.0.113.1:1") // the fourth of eight
	for range 20 {
		if _, c := e.come("198.51.100.1:1"); c == nil {
			t.Fatal("refused")
		}
	}
	if lone.closed {
		t.Error("who comes alone is pushed out by a crowd")
	}
	e.show(c)
	e.show(c)
	if e.strangers != 3 {
		t.Errorf("%d strangers, want 3", e.strangers)
	}
	known := []net.Conn{}
	for range 3 { // known ones take what is left
		_, c := e.come("203.0.113.2:1")
		e.state(c, http.StateActive)
		e.show(c)
		known = append(known, c)
	}
	if e.open != 8 {
		t.Errorf("%d connections, want 8", e.open)
	}
	for range 3 {
		_, c := e.come("203.0.113.3:1") // each for a stranger
		e.state(c, http.StateActive)
		e.show(c)
	}
	if e.strangers != 0 || e.open != 8 {
		t.Errorf("%d strangers, %d connections; want 0 and 8", e.strangers, e.open)
	}
	e.state(first, http.StateIdle)
	if _, c := e.come("203.0.113.4:1"); c == nil || !e.gone(first) {
		t.Error("the known one that is idle does not give way")
	}
	for _, c := range known {
		if c.(*counted).gone {
			t.Error("a known one at work is closed")
		}
	}
}

func (e *entrance) gone(c net.Conn) bool { return c.(*counted).gone }

// TestNetworks: the addresses that one client may take are one.
func TestNetworks(t *testing.T) {
	e := newEntrance(t, 100, 8, true)
	for i := range 10 {
		e.come("[2001:db8::" + string(rune('a'+i%6)) + "]:1")
	}
	e.come("[2001:db8:0:1::1]:1")
	if e.strangers != 5 || len(e.strange) != 2 {
		t.Errorf("%d strangers of %d networks, want 4 and 1 of two", e.strangers, len(e.strange))
	}
}

// TestNoKeys: without keys all are alike.
func TestNoKeys(t *testing.T) {
	e := newEntrance(t, 8, 6, false)
	for i := range 8 {
		d, c := e.come("192.0.2.1:1")
		if c != nil {
			e.state(c, http.StateActive)
		}
		if (c != nil) != (i < 6) || d.closed != (i >= 6) {
			t.Errorf("connection %d: taken %v", i, c != nil)
		}
	}
}

// TestLoneStrangers: of strangers that come each from a network of their own the oldest gives
// way.
func TestLoneStrangers(t *testing.T) {
	e := newEntrance(t, 8, 8, true)
	var all []*dialled
	for i := range 20 {
		d, c := e.come("192.0.2." + string(rune('a'+i)) + ":1")
		e.state(c, http.StateActive)
		all = append(all, d)
	}
	for i, d := range all {
		if d.closed != (i < 16) {
			t.Errorf("the %dth of 20 is closed: %v", i, d.closed)
		}
	}
}

// TestBeside: a server beside the API has so many connections open at most, and the idle ones
// give way.
func TestBeside(t *testing.T) {
	s, err := side("127.0.0.1:0", metricsOnly(prometheus.NewRegistry()), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var open []net.Conn
	for range 64 + 10 {
		c, err := net.Dial("tcp", s.Addr)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		open = append(open, c)
	}
	resp, err := http.Get("http://" + s.Addr + "/metrics") // the last to be accepted
	if err != nil || resp.StatusCode != 200 {
		t.Fatal(resp, err)
	}
	_ = resp.Body.Close()
	left := 0
	for _, c := range open {
		_ = c.SetReadDeadline(time.Now().Add(10 * time.Millisecond))
		if _, err := c.Read(make([]byte, 1)); errors.Is(err, os.ErrDeadlineExceeded) {
			left++
		}
	}
	if left != 63 {
		t.Errorf("%d connections stay open beside one that asks, want 63", left)
	}
}
