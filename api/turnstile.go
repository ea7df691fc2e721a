package api

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"runtime"
	"strconv"
	"syscall"
	"time"
)

// turnstile is a listener whose connections refuse a window for which there is no room
// as soon as its head has come, without net/http. Under ten times the load that a service
// can carry nine of ten requests are refused, and what that costs is taken from those
// that could be judged; here it is half of what shed needs.
//
// A connection looks only at requests that begin where a read begins, and only at heads
// that leave no room for two opinions on where they end and where their body does. One
// that is unusual is left to net/http, and so is all that follows it on its connection,
// where framing lets it through.
type turnstile struct {
	net.Listener
	s     *server
	state func(net.Conn, http.ConnState) // told when a connection is at work here, and at rest
	idle  time.Duration
	log   *log.Logger // of handshakes that fail; may be nil
}

// Turnstile returns the listener that srv is to serve in place of l, so that windows which
// cannot be taken are refused before they cost much, and requests that might be read in two
// ways are not read at all. The connections of l may be those of crypto/tls; srv is to have its
// ErrorLog. The ConnState that srv has goes on to see the connections of l.
func (a *API) Turnstile(l net.Listener, srv *http.Server) net.Listener {
	next := srv.ConnState
	if next == nil {
		next = func(net.Conn, http.ConnState) {}
	}
	srv.ConnState = func(c net.Conn, state http.ConnState) {
		if t, ok := c.(*turned); ok {
			c = t.Conn
		}
		next(c, state)
	}
	return &turnstile{l, a.s, next, srv.IdleTimeout, srv.ErrorLog}
}

func (t *turnstile) Accept() (net.Conn, error) {
	c, err := t.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &turned{Conn: c, of: t, raw: rawOf(c)}, nil
}

// refuses reports whether a window of a tenant, with a body of so many bytes, is refused here. While
// the service stops, answers end their connection, and net/http gives them.
func (t *turnstile) refuses(tenant string, length int64) bool {
	select {
	case <-t.s.cfg.Done:
		return false
	default:
		return !t.s.room(tenant, length)
	}
}

// turned is a connection of a turnstile.
type turned struct {
	net.Conn
	of  *turnstile
	raw syscall.RawConn // to read past bytes; nil where that is not to be had
	framing
	unusual bool      // a request was: none is refused here any more
	ends    bool      // after end nothing more comes
	end     string    // see take
	who     string    // the tenant of the last request that was looked at
	by      string    // its Authorization
	set     time.Time // when refuse set the deadlines last, zero for not
}

// NetConn returns the connection underneath.
func (c *turned) NetConn() net.Conn { return c.Conn }

// tenant returns whose window it is that comes with such a header. That of the request
// before is nearly always the same.
func (c *turned) tenant(authorization []byte) string {
	if c.who == "" || string(authorization) != c.by {
		c.by = string(authorization)
		var header []string
		if len(authorization) > 0 {
			header = []string{c.by}
		}
		c.who = c.of.s.claimant(header, c.RemoteAddr().String())
	}
	return c.who
}

// leastPeek is less than the room that net/http offers for the beginning of a request,
// and more than for its look whether a client is still there.
const leastPeek = 1024

func (c *turned) Read(p []byte) (int, error) {
	for {
		if c.ends {
			return c.last(p)
		}
		n, err := c.Conn.Read(p)
		if n == 0 {
			if err != nil {
				c.of.shaken(c.Conn, err)
			}
			return n, err
		}
		if c.unusual || len(p) < leastPeek || !c.resting() {
			return c.follow(p, n, err)
		}
		h, ok := parseHead(p[:n])
		left := h.length - int64(n-h.size)
		if !ok || left < 0 {
			c.unusual = true
			return c.follow(p, n, err)
		}
		if err != nil || !h.window || !c.of.refuses(c.tenant(h.authorization), h.length) {
			c.expect(left)
			return n, err
		}
		if err := c.refuse(p, left); err != nil {
			return 0, err
		}
	}
}

// follow returns what net/http may read of the n bytes of p.
func (c *turned) follow(p []byte, n int, err error) (int, error) {
	m, end, ok := c.take(p[:n])
	if ok {
		return n, err
	}
	if c.ends, c.end = true, end; m > 0 {
		return m, nil
	}
	return c.last(p)
}

// last returns what is left of the end.
func (c *turned) last(p []byte) (int, error) {
	if c.end == "" {
		return 0, io.EOF
	}
	n := copy(p, c.end)
	c.end = c.end[n:]
	return n, nil
}

// shaken does for a handshake that has failed what net/http does for connections that it
// knows for encrypted: says so, also to a client that does not encrypt.
func (t *turnstile) shaken(conn net.Conn, err error) {
	c, ok := conn.(*tls.Conn)
	if !ok || errors.Is(err, io.EOF) || errors.Is(err, os.ErrDeadlineExceeded) || c.ConnectionState().HandshakeComplete {
		return
	}
	if re, ok := errors.AsType[tls.RecordHeaderError](err); ok && re.Conn != nil && plain(re.RecordHeader) {
		_, _ = io.WriteString(re.Conn, "HTTP/1.0 400 Bad Request\r\n\r\nThis service wants https://.\n")
		err = errors.New("the client does not encrypt")
	}
	if t.log != nil {
		t.log.Printf("TLS handshake with %s: %v", c.RemoteAddr(), err)
	}
}

// plain reports whether a request begins so.
func plain(b [5]byte) bool {
	switch string(b[:]) {
	case "GET /", "HEAD ", "POST ", "PUT /", "PATCH", "DELET", "OPTIO":
		return true
	}
	return false
}

// refuse reads past what is left of a body and answers the request, with p as its buffer.
// After an error the connection is of no use.
func (c *turned) refuse(p []byte, left int64) error {
	s, start := c.of.s, time.Now()
	c.of.state(c.Conn, http.StateActive)
	s.metrics.received.Inc()
	s.denial.rejected.Inc()
	// Setting a deadline may wake the thread that waits for the network: as seldom as can be.
	if start.Sub(c.set) > time.Second {
		c.set = start
		_ = c.SetWriteDeadline(start.Add(s.answerTime))
		_ = c.SetReadDeadline(start.Add(c.of.idle))
	}
	left -= c.skipped(left)
	var late error
	if left > 0 {
		c.set = time.Time{}
		_ = c.SetReadDeadline(start.Add(s.shedGrace))
	}
	for n := 0; left > 0 && late == nil; left -= int64(n) {
		n, late = c.skip(p, left)
	}
	_, err := c.Write(s.denial.answer(p[:0], start, late != nil))
	s.denial.timed.Observe(time.Since(start).Seconds())
	if late != nil {
		return io.EOF // the client has its answer; its body is still to come
	}
	if c.set.IsZero() {
		_ = c.SetReadDeadline(start.Add(c.of.idle))
	}
	c.of.state(c.Conn, http.StateIdle)
	return err
}

// skip reads past at most so many bytes, and waits for the first.
func (c *turned) skip(p []byte, most int64) (n int, err error) {
	if c.raw == nil {
		return c.Conn.Read(p[:min(most, int64(len(p)))])
	}
	var errno syscall.Errno
	err = c.raw.Read(func(fd uintptr) bool {
		n, errno = drop(fd, most)
		return errno != syscall.EAGAIN
	})
	switch {
	case err != nil:
		return 0, err
	case errno == syscall.EINTR:
		return 0, nil
	case errno != 0:
		return 0, errno
	case n == 0:
		return 0, io.EOF
	}
	return n, nil
}

// skipped reads past what has come already of at most so many bytes.
func (c *turned) skipped(most int64) (n int64) {
	for c.raw != nil && n < most {
		some := 0
		err := c.raw.Control(func(fd uintptr) { some, _ = drop(fd, most-n) })
		if err != nil || some == 0 {
			break
		}
		n += int64(some)
	}
	return n
}

// drop takes bytes from a socket that does not block without copying them.
func drop(fd uintptr, most int64) (int, syscall.Errno) {
	n, _, errno := syscall.Syscall6(syscall.SYS_RECVFROM, fd, 0, uintptr(most), syscall.MSG_TRUNC, 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(n), 0
}

// rawOf returns the socket of a TCP connection, from which Linux can drop bytes without
// copying them: MSG_TRUNC of tcp(7).
func rawOf(c net.Conn) syscall.RawConn {
	for {
		switch t := c.(type) {
		case *tls.Conn: // what comes is not what is read
			return nil
		case interface{ NetConn() net.Conn }:
			c = t.NetConn()
		case *net.TCPConn:
			if raw, err := t.SyscallConn(); err == nil && runtime.GOOS == "linux" {
				return raw
			}
			return nil
		default:
			return nil
		}
	}
}

// answer appends the whole answer to dst. The last one ends its connection.
func (d *denial) answer(dst []byte, now time.Time, last bool) []byte {
	id, after := newRequestID(), retryAfter()
	dst = append(dst, d.head...)
	dst = now.UTC().AppendFormat(append(dst, "Date: "...), http.TimeFormat)
	dst = append(append(dst, "\r\nRetry-After: "...), after...)
	dst = append(append(dst, "\r\nX-Request-Id: "...), id...)
	if last {
		dst = append(dst, "\r\nConnection: close"...)
	}
	return d.document(append(dst, "\r\n\r\n"...), id, after)
}

// head is what a turnstile must know of a request.
type head struct {
	size   int   // bytes of it, with the empty line
	length int64 // of the body
	stated bool  // length is, even as none
	window bool  // it posts one window and asks for nothing besides

	authorization []byte // of its one header of that name
}

// parseHead reads the head of an HTTP/1.1 request at the beginning of b. It is ok only
// where the head is whole and net/http can read it in no other way.
func parseHead(b []byte) (h head, ok bool) {
	for first := true; ; first = false {
		end := bytes.IndexByte(b[h.size:], '\n')
		if end < 1 || b[h.size+end-1] != '\r' {
			return h, false
		}
		line := b[h.size : h.size+end-1]
		h.size += end + 1
		if bytes.IndexByte(line, '\r') >= 0 {
			return h, false
		}
		switch {
		case first:
			method, rest, _ := bytes.Cut(line, []byte{' '})
			target, version, _ := bytes.Cut(rest, []byte{' '})
			if len(method) == 0 || len(target) == 0 || target[0] != '/' || string(version) != "HTTP/1.1" {
				return h, false
			}
			h.window = string(method) == http.MethodPost && postsWindow(target)
		case len(line) == 0:
			return h, true
		default:
			if !h.field(line) {
				return h, false
			}
		}
	}
}

// postsWindow reports whether a target is that of windowsRoute, written plainly.
func postsWindow(target []byte) bool {
	path, _, _ := bytes.Cut(target, []byte{'?'})
	path, ok := bytes.CutPrefix(path, []byte("/v1/sensors/"))
	name, also := bytes.CutSuffix(path, []byte("/windows"))
	return ok && also && len(name) > 0 && bytes.IndexByte(name, '/') < 0
}

// field takes a line of the head.
func (h *head) field(line []byte) (ok bool) {
	name, value, ok := bytes.Cut(line, []byte{':'})
	if !ok || len(name) == 0 {
		return false
	}
	for _, c := range name {
		if c != '-' && (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') {
			return false
		}
	}
	switch len(name) {
	case len("Content-Length"):
		if bytes.EqualFold(name, []byte("Content-Length")) {
			n, err := strconv.ParseUint(string(bytes.TrimPrefix(value, []byte{' '})), 10, 62)
			if err != nil || h.stated {
				return false
			}
			h.length, h.stated = int64(n), true
		}
	case len("Transfer-Encoding"):
		return !bytes.EqualFold(name, []byte("Transfer-Encoding"))
	case len("Authorization"):
		if bytes.EqualFold(name, []byte("Authorization")) {
			if h.authorization != nil {
				return false
			}
			h.authorization = bytes.TrimSpace(value)
		}
	case len("Connection"):
		h.window = h.window && !bytes.EqualFold(name, []byte("Connection"))
	case len("Expect"):
		h.window = h.window && !bytes.EqualFold(name, []byte("Expect"))
	}
	return true
}
