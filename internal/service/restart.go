package service

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"brinell/bearing"
)

// firstInherited is the number of the first file that systemd passes on.
const firstInherited = 3

// inherited returns the listening socket that a service manager or an older brinell
// holds open for this process, nil if there is none. Connections wait in it while no
// process accepts them: a restart loses none. The variables are taken out of the
// environment. Reference: sd_listen_fds(3).
func inherited() (net.Listener, error) {
	pid, fds := os.Getenv("LISTEN_PID"), os.Getenv("LISTEN_FDS")
	for _, v := range []string{"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"} {
		_ = os.Unsetenv(v)
	}
	if fds == "" || pid != strconv.Itoa(os.Getpid()) {
		return nil, nil
	}
	if fds != "1" {
		return nil, fmt.Errorf("LISTEN_FDS=%s: brinell takes one socket, that of its API; state one ListenStream", fds)
	}
	syscall.CloseOnExec(firstInherited)
	f := os.NewFile(firstInherited, "LISTEN_FDS")
	defer f.Close() // the listener has its own
	l, err := net.FileListener(f)
	if err != nil {
		return nil, fmt.Errorf("the socket of LISTEN_FDS: %w", err)
	}
	return l, nil
}

// How connections are let go. http.Server.Shutdown drops a request that it reads after
// it was called, which net/http does not send again on a new connection; so it is called
// last. Before, a busy client learns from Connection: close in an answer that it is to
// open another one. One that keeps a connection for later hears its end, and what it sent
// at that very moment is read and thrown away, not answered with a reset: so it knows
// that it was not taken, and net/http sends it again.
const (
	silentGrace = 500 * time.Millisecond // for the first byte on a new connection
	idleGrace   = 250 * time.Millisecond // for the next request of a client that is busy: its end would meet the request half written
	lingerTime  = time.Second            // for the client to close its side
)

// drainer is a listener whose connections can be let go without a loss.
type drainer struct {
	net.Listener
	draining atomic.Bool
	closing  sync.WaitGroup // one for each connection that lingers

	mu   sync.Mutex
	open map[net.Conn]stage
}

// stage is what a connection is doing, as the server says, and since when.
type stage struct {
	state http.ConnState
	since time.Time
}

func newDrainer(l net.Listener) *drainer {
	return &drainer{Listener: l, open: make(map[net.Conn]stage)}
}

func (d *drainer) Accept() (net.Conn, error) {
	c, err := d.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &drained{Conn: c, of: d}, nil
}

// state returns ConnState of the server, next included.
func (d *drainer) state(next func(net.Conn, http.ConnState)) func(net.Conn, http.ConnState) {
	return func(c net.Conn, state http.ConnState) {
		next(c, state)
		d.mu.Lock()
		defer d.mu.Unlock()
		if state == http.StateClosed || state == http.StateHijacked {
			delete(d.open, c)
		} else {
			d.open[c] = stage{state, time.Now()}
		}
	}
}

// drain returns when every connection has ended, or ctx has: those in use after their
// answer, those at rest after idleGrace, those on which nothing ever came after
// silentGrace. The server has stopped accepting.
func (d *drainer) drain(ctx context.Context) {
	begin := time.Now()
	for pause := time.Millisecond; ctx.Err() == nil; pause = min(2*pause, 20*time.Millisecond) {
		var end []net.Conn
		d.mu.Lock()
		left := len(d.open)
		for c, s := range d.open {
			inner := underneath(c)
			silent := s.state == http.StateNew && inner != nil && !inner.heard.Load() && time.Since(begin) > silentGrace
			if silent || s.state == http.StateIdle && time.Since(s.since) > idleGrace {
				end = append(end, c)
			}
		}
		d.mu.Unlock()
		if left == 0 {
			return
		}
		for _, c := range end {
			_ = c.Close() // the server notices, and forgets it
		}
		time.Sleep(pause)
	}
}

// underneath returns the connection of a drainer within c.
func underneath(c net.Conn) *drained {
	for {
		switch t := c.(type) {
		case *drained:
			return t
		case interface{ NetConn() net.Conn }:
			c = t.NetConn()
		default:
			return nil
		}
	}
}

// handler wraps h: answers end their connection once draining has begun.
func (d *drainer) handler(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if d.draining.Load() {
			w.Header().Set("Connection", "close")
		}
		h.ServeHTTP(w, r)
	})
}

// ready wraps the readiness of the service: while it drains, it is not.
func (d *drainer) ready(ready func() error) func() error {
	return func() error {
		if d.draining.Load() {
			return errDraining
		}
		return ready()
	}
}

var errDraining = bearing.Errorf(bearing.Overloaded, "draining", "the service is being stopped: what is sent is still taken, send the next elsewhere")

// drained is a connection of a drainer.
type drained struct {
	net.Conn
	of     *drainer
	heard  atomic.Bool // something came
	closed atomic.Bool
}

// NetConn returns the connection underneath.
func (c *drained) NetConn() net.Conn { return c.Conn }

func (c *drained) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if c.closed.Load() {
		return 0, net.ErrClosed // what came after the end was never taken
	}
	if n > 0 {
		c.heard.Store(true)
	}
	return n, err
}

// Close ends the connection. While the service drains it first ends its own direction
// only, and waits in the background for the client to end the other.
func (c *drained) Close() error {
	if c.closed.Swap(true) {
		return net.ErrClosed
	}
	half, ok := c.Conn.(interface{ CloseWrite() error })
	if !ok || !c.of.draining.Load() || half.CloseWrite() != nil || c.SetReadDeadline(time.Now().Add(lingerTime)) != nil {
		return c.Conn.Close()
	}
	c.of.closing.Go(func() {
		_, _ = io.Copy(io.Discard, io.LimitReader(c.Conn, 1<<20))
		_ = c.Conn.Close()
	})
	return nil
}
