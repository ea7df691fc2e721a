package api

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// turnstileConn is rawConn with a turnstile before the service.
func turnstileConn(t *testing.T, s *server, request string) (net.Conn, *bufio.Reader) {
	t.Helper()
	return through(t, s, s, request)
}

// through is turnstileConn with the turnstile of another service.
func through(t *testing.T, other, s *server, request string) (net.Conn, *bufio.Reader) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := NewServer(&API{s})
	gate := (&API{other}).Turnstile(l, srv)
	go func() { _ = srv.Serve(gate) }()
	t.Cleanup(func() { _ = srv.Close() })
	return speak(t, l.Addr(), request)
}

// TestTurnstileBoundaries: whatever stands where a request might begin, a service whose
// turnstile refuses windows gives the answers of one whose turnstile does not. Both have room
// for nothing.
func TestTurnstileBoundaries(t *testing.T) {
	s, err := newServer(Config{MaxBody: 1000, Memory: receiving(2000)}, backend(&fake{}))
	if err != nil {
		t.Fatal(err)
	}
	s.shedGrace = 50 * time.Millisecond
	s.budget.memory.Hold(s.budget.memory.Max())
	idle, err := newServer(Config{MaxBody: 1000, Memory: receiving(2000)}, backend(&fake{}))
	if err != nil {
		t.Fatal(err)
	}
	const post = "POST /v1/sensors/p/windows HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s"
	window := fmt.Sprintf(post, 4, "1234")
	health := "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
	inner := "POST /v1/sensors/q/windows HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"
	for name, parts := range map[string][]string{
		"one":                       {window},
		"none after the other":      {health, health},
		"one in pieces":             {window[:20], window[20:60], window[60:]},
		"two at once":               {window + window},
		"three and a half at once":  {window + health + window + window[:30], window[30:]},
		"another in a body":         {fmt.Sprintf(post, len(inner), inner), health},
		"another where a body ends": {fmt.Sprintf(post, len(inner)+2, "12"), inner, health},
		"another in a chunk":        {"POST /v1/sensors/p/windows HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(inner), inner), health},
		"another in a head":         {health[:len(health)-2] + "X: ", inner, health},
		"another in a refused body": {fmt.Sprintf("PUT /v1/nothing HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n", len(inner)), inner, health},
		"another in a head that begins with the end of a body": {"PUT /v1/nothing HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n12", "34" + health[:len(health)-2] + "X: ", inner, health},
		"another after empty lines":                            {"\r\n\r\n", inner, health},
		"lengths that differ":                                  {"POST /v1/sensors/p/windows HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\n", "1234", health},
		"lengths that differ, the first none":                  {"POST /v1/sensors/p/windows HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nContent-Length: 4\r\n\r\n", "1234", health},
		"a length twice":                                       {"POST /v1/sensors/p/windows HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nContent-Length: 4\r\n\r\n", "1234", health},
		"a length with a sign":                                 {"POST /v1/sensors/p/windows HTTP/1.1\r\nHost: x\r\nContent-Length: +4\r\n\r\n", "1234", health},
		"lines that end in LF":                                 {"POST /v1/sensors/p/windows HTTP/1.1\nHost: x\nContent-Length: 4\n\n1234", health},
		"a body over the limit":                                {fmt.Sprintf(post, 1001, strings.Repeat("1", 1001)), health},
		"asks to close":                                        {strings.Replace(window, "Host", "Connection: close\r\nHost", 1), health},
		"waits to be asked":                                    {"POST /v1/sensors/p/windows HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n"},
		"HTTP/1.0":                                             {strings.Replace(window, "1.1", "1.0", 1)},
		"no host":                                              {strings.Replace(health, "Host: x\r\n", "", 1)},
		"another address":                                      {strings.Replace(window, "windows", "trends", 1), window},
		"a name with a slash":                                  {strings.Replace(window, "/p/", "/p/q/", 1), window},
		"a name that is escaped":                               {strings.Replace(window, "/p/", "/%70/", 1), window},
		"no request":                                           {"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"},
		"an answer in between, then":                           {health, window, health, window + "GET"},
	} {
		answers := func(open func(*testing.T, *server, string) (net.Conn, *bufio.Reader)) (out []string) {
			c, r := open(t, s, parts[0])
			for _, p := range parts[1:] {
				time.Sleep(5 * time.Millisecond) // a read of its own
				_, _ = io.WriteString(c, p)
			}
			_ = c.(*net.TCPConn).CloseWrite()
			for {
				resp, err := http.ReadResponse(r, nil)
				if err != nil {
					return append(out, fmt.Sprint(err == io.ErrUnexpectedEOF || err == io.EOF))
				}
				b, _ := io.ReadAll(resp.Body)
				out = append(out, fmt.Sprint(resp.StatusCode, bytes.Contains(b, []byte("overloaded")), resp.Close))
			}
		}
		want := answers(func(t *testing.T, s *server, request string) (net.Conn, *bufio.Reader) {
			return through(t, idle, s, request)
		})
		if name == "one" && want[0] != "503 true false" {
			t.Fatalf("there is room: %v", want)
		}
		if got := answers(turnstileConn); strings.Join(got, ", ") != strings.Join(want, ", ") {
			t.Errorf("%s: with a turnstile %v, without %v", name, got, want)
		}
	}
}

// FuzzHead: a head that parseHead takes is one that net/http takes, with the same end,
// the same body, and on the same route.
func FuzzHead(f *testing.F) {
	for _, s := range []string{
		"POST /v1/sensors/p/windows?start=x HTTP/1.1\r\nHost: x\r\nContent-Type: a/b\r\nContent-Length: 12\r\n\r\nabc",
		"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "POST /v1/sensors/p/windows HTTP/1.1\r\nHost:\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
		"A /\tb HTTP/1.1\r\nConnection: close\r\nExpect: 100-continue\r\n\r\n",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		h, ok := parseHead(b)
		if !ok {
			return
		}
		r := bufio.NewReader(bytes.NewReader(b[:h.size]))
		req, err := http.ReadRequest(r)
		if err != nil {
			return // net/http answers 400 and ends the connection, or the turnstile 503
		}
		if r.Buffered() != 0 || req.ContentLength != h.length || len(req.TransferEncoding) != 0 {
			t.Errorf("%q: net/http leaves %d bytes and sees a body of %d, %v; the turnstile one of %d", b, r.Buffered(), req.ContentLength, req.TransferEncoding, h.length)
		}
		if h.window && (req.Method != "POST" || req.Close || req.Header.Get("Expect") != "" || !strings.HasSuffix(req.URL.Path, "/windows") || !strings.HasPrefix(req.URL.Path, "/v1/sensors/")) {
			t.Errorf("%q is no window: %v", b, req)
		}
	})
}
