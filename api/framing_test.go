package api

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestFraming: a request that two readers might take to end at different places is refused,
// in whatever pieces it comes and whatever came before, and nothing after it is read.
func TestFraming(t *testing.T) {
	s, err := newServer(Config{}, backend(&fake{}))
	if err != nil {
		t.Fatal(err)
	}
	const get, post = "GET /healthz HTTP/1.1\r\nHost: x\r\n", "POST /none HTTP/1.1\r\nHost: x\r\n"
	for _, c := range []struct {
		name, request string
		ok            bool
	}{
		{"plain", get + "\r\n", true},
		{"a length", post + "Content-Length: 4\r\n\r\n1234", true},
		{"a length in blanks", post + "Content-Length: \t 4 \r\n\r\n1234", true},
		{"chunks", post + "Transfer-Encoding: chunked\r\n\r\n4\r\n\r\n\r\n\r\n0\r\n\r\n", true},
		{"chunks with more to them", post + "transfer-encoding: Chunked\r\n\r\n0004;a=b\r\n1234\r\n0\r\nX: y\r\n\r\n", true},
		{"an empty line before", "\r\n" + get + "\r\n", true}, // after a body
		{"a long field", get + "X: " + strings.Repeat("a", 3000) + "\r\n\r\n", true},
		{"a field as long as what is kept", get + "X: " + strings.Repeat("a", mostLine-3) + "\r\n\r\n", true},
		{"a name of its own", get + "X_Y!: z\r\n\r\n", true},

		{"length and chunks", post + "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", false},
		{"chunks and length", post + "Transfer-Encoding: chunked\r\ncontent-length:0\r\n\r\n0\r\n\r\n", false},
		{"a length twice", post + "Content-Length: 4\r\nContent-Length: 4\r\n\r\n1234", false},
		{"lengths that differ", post + "Content-Length: 4\r\nContent-Length: 5\r\n\r\n12345", false},
		{"a list of lengths", post + "Content-Length: 4, 4\r\n\r\n1234", false},
		{"a length with a sign", post + "Content-Length: +4\r\n\r\n1234", false},
		{"no length", post + "Content-Length:\r\n\r\n", false},
		{"a length after many blanks", post + "Content-Length:" + strings.Repeat(" ", mostLine) + "4\r\n\r\n1234", false},
		{"chunks of HTTP/1.0", strings.Replace(post, "1.1", "1.0", 1) + "Connection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", false},
		{"a bare LF after the first line", "GET /healthz HTTP/1.1\nHost: x\r\n\r\n", false},
		{"a bare LF after a field", "GET /healthz HTTP/1.1\r\nHost: x\n\r\n", false},
		{"a bare LF at the end", get + "\n", false},
		{"a bare LF at the beginning", "\n" + get + "\r\n", false},
		{"a CR within", get + "X: a\rContent-Length: 4\r\n\r\n1234", false},
		{"two CRs", get + "X: a\r\r\n\r\n", false},
		{"two CRs far behind", get + "X: " + strings.Repeat("a", 3000) + "\r\r\n\r\n", false},
		{"a folded field", get + "X: a\r\n b\r\n\r\n", false},
		{"a length that is folded", post + "Content-Length:\r\n 4\r\n\r\n1234", false},
		{"a bare LF after a chunk's size", post + "Transfer-Encoding: chunked\r\n\r\n4\n1234\r\n0\r\n\r\n", false},
		{"a bare LF after a chunk", post + "Transfer-Encoding: chunked\r\n\r\n4\r\n1234\n0\r\n\r\n", false},
		{"a chunk that is longer", post + "Transfer-Encoding: chunked\r\n\r\n4\r\n12345\r\n0\r\n\r\n", false},
		{"a chunk of a size with a blank", post + "Transfer-Encoding: chunked\r\n\r\n4 ;a\r\n1234\r\n0\r\n\r\n", false},
		{"a chunk of no size", post + "Transfer-Encoding: chunked\r\n\r\n;a\r\n0\r\n\r\n", false},
		{"a chunk of a size with a sign", post + "Transfer-Encoding: chunked\r\n\r\n-1\r\n0\r\n\r\n", false},
		{"a chunk of another base", post + "Transfer-Encoding: chunked\r\n\r\n0x4\r\n1234\r\n0\r\n\r\n", false},
		{"a chunk that wraps round", post + "Transfer-Encoding: chunked\r\n\r\n10000000000000004\r\n1234\r\n0\r\n\r\n", false},
		{"a bare LF after the chunks", post + "Transfer-Encoding: chunked\r\n\r\n0\r\nX: y\n\r\n", false},
		{"a bare LF at the end of the chunks", post + "Transfer-Encoding: chunked\r\n\r\n0\r\n\n", false},
	} {
		for _, before := range []string{"", get + "\r\n", post + "Content-Length: 2\r\n\r\n\r\n", post + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"} {
			if before == get+"\r\n" && strings.HasPrefix(c.request, "\r\n") {
				continue // net/http takes it after a POST only
			}
			all := before + c.request + get + "\r\n"
			for _, size := range []int{len(all), 1, 7} {
				var ended []int
				synctest.Test(t, func(*testing.T) { ended = answersOf(s, all, size) }) // net/http lingers
				wanted := 2 + min(1, len(before))
				if !c.ok {
					wanted-- // the refusal, and none after it
				}
				if before == "" && strings.HasPrefix(c.request, "\r\n") {
					wanted = 1
				}
				if len(ended) != wanted || !c.ok && ended[len(ended)-1]/100 != 4 {
					t.Errorf("%s, after %q, %d bytes at a time: %v", c.name, before, size, ended)
				}
			}
		}
	}
}

// scripted is a connection on which bytes come a few at a time.
type scripted struct {
	net.Conn
	rest []byte
	size int
	out  bytes.Buffer
}

func (s *scripted) Read(p []byte) (int, error) {
	if len(s.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(p, s.rest[:min(s.size, len(s.rest))])
	s.rest = s.rest[n:]
	return n, nil
}
func (s *scripted) Write(p []byte) (int, error)      { return s.out.Write(p) }
func (s *scripted) Close() error                     { return nil }
func (s *scripted) SetDeadline(time.Time) error      { return nil }
func (s *scripted) SetReadDeadline(time.Time) error  { return nil }
func (s *scripted) SetWriteDeadline(time.Time) error { return nil }
func (s *scripted) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (s *scripted) RemoteAddr() net.Addr             { return &net.TCPAddr{} }

// one is a listener of one connection, which ends with it.
type one struct {
	c    net.Conn
	done chan struct{}
}

func (o *one) Accept() (net.Conn, error) {
	if c := o.c; c != nil {
		o.c = nil
		return c, nil
	}
	<-o.done
	return nil, net.ErrClosed
}
func (o *one) Close() error   { return nil }
func (o *one) Addr() net.Addr { return &net.TCPAddr{} }

// answersOf returns the statuses of the answers of net/http to what comes over a turnstile.
func answersOf(s *server, requests string, size int) (statuses []int) {
	c := &scripted{rest: []byte(requests), size: size}
	l := &one{c, make(chan struct{})}
	srv := NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			w.WriteHeader(400)
		}
	}))
	srv.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateClosed {
			close(l.done)
		}
	}
	_ = srv.Serve((&API{s}).Turnstile(l, srv))
	for r := bufio.NewReader(&c.out); ; {
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			return statuses
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		statuses = append(statuses, resp.StatusCode)
	}
}

// FuzzFraming: where net/http takes a request to end, framing does; and pieces change nothing.
func FuzzFraming(f *testing.F) {
	for _, s := range []string{
		"GET / HTTP/1.1\r\nHost: x\r\n\r\nPOST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabcGET / HTTP/1.1\r\n",
		"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3;x\r\nabc\r\n0\r\nX: y\r\n\r\nGET / HTTP/1.0\r\n\r\n",
		"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n", "GET / HTTP/1.1\nA: b\n\n", "GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var whole, bits framing
		n, end, ok := whole.take(b)
		begins := map[int]bool{0: true}
		for i := range b {
			m, e, fine := bits.take(b[i : i+1])
			if !fine {
				if ok || n != i || e != end {
					t.Fatalf("%q: in bits refused at %d with %q, as a whole %t at %d with %q", b, i, e, !ok, n, end)
				}
				break
			}
			if begins[i+m] = bits.resting(); i == n && !ok {
				t.Fatalf("%q: as a whole refused at %d", b, n)
			}
		}
		all := append(b[:n:n], end...)
		in := bytes.NewReader(all)
		for r := bufio.NewReader(in); ; {
			req, err := http.ReadRequest(r)
			if err != nil {
				return
			}
			if _, err := io.Copy(io.Discard, req.Body); err != nil {
				return
			}
			for name := range req.Header {
				if strings.ContainsAny(name, " \t") {
					return // the server refuses it
				}
			}
			if at := len(all) - in.Len() - r.Buffered(); at > n || !begins[at] {
				t.Fatalf("%q: net/http takes a request to end at %d, framing passes %d and %q", b, at, n, end)
			}
		}
	})
}

// TestEncrypted: the same holds within TLS, and who does not encrypt is told.
func TestEncrypted(t *testing.T) {
	pair := httptest.NewUnstartedServer(nil)
	pair.StartTLS()
	defer pair.Close()
	s, err := newServer(Config{MaxBody: 1000, Memory: receiving(2000)}, backend(&fake{}))
	if err != nil {
		t.Fatal(err)
	}
	s.budget.memory.Hold(s.budget.memory.Max())
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	a := &API{s}
	srv := NewServer(a)
	open := a.Turnstile(tls.NewListener(l, &tls.Config{Certificates: pair.TLS.Certificates}), srv)
	go func() { _ = srv.Serve(open) }()
	defer srv.Close()
	roots := x509.NewCertPool()
	roots.AddCert(pair.Certificate())
	speaks := func(request string) (status []int) {
		c, err := tls.Dial("tcp", l.Addr().String(), &tls.Config{RootCAs: roots, ServerName: "example.com"})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		_ = c.SetDeadline(time.Now().Add(10 * time.Second))
		_, _ = io.WriteString(c, request)
		for r := bufio.NewReader(c); ; {
			resp, err := http.ReadResponse(r, nil)
			if err != nil {
				return status
			}
			_, _ = io.Copy(io.Discard, resp.Body)
			status = append(status, resp.StatusCode)
		}
	}
	health := "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
	if got := speaks(health); fmt.Sprint(got) != "[200]" {
		t.Errorf("%v", got)
	}
	if got := speaks("POST /v1/sensors/p/windows HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n1234" + health); fmt.Sprint(got) != "[503 200]" {
		t.Errorf("%v", got)
	}
	if got := speaks("POST /none HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + health); fmt.Sprint(got) != "[400]" {
		t.Errorf("%v", got)
	}
	_, r := speak(t, l.Addr(), health)
	if b, _ := io.ReadAll(r); !bytes.Contains(b, []byte("wants https://")) {
		t.Errorf("%q", b)
	}
}
