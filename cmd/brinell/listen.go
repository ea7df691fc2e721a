package main

import (
	"container/list"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"os"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// certificate is a pair of files that is read again when it changes, so that a renewed
// one needs no restart.
type certificate struct {
	cert, key string
	log       *slog.Logger

	mu     sync.Mutex
	loaded *tls.Certificate
	mod    time.Time
	looked time.Time
}

// newCertificate reads the pair.
func newCertificate(cert, key string, log *slog.Logger) (*certificate, error) {
	c := &certificate{cert: cert, key: key, log: log}
	return c, c.load()
}

func (c *certificate) load() error {
	info, err := os.Stat(c.cert)
	if err != nil {
		return fmt.Errorf("TLS certificate: %w", err)
	}
	pair, err := tls.LoadX509KeyPair(c.cert, c.key)
	if err != nil {
		return fmt.Errorf("TLS certificate %s: %w", c.cert, err)
	}
	c.loaded, c.mod = &pair, info.ModTime()
	return nil
}

// get is GetCertificate of a tls.Config.
func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := time.Now(); now.Sub(c.looked) > time.Second {
		c.looked = now
		if info, err := os.Stat(c.cert); err == nil && !info.ModTime().Equal(c.mod) {
			if err := c.load(); err != nil {
				c.log.Error("the TLS certificate was not read again", "err", err)
			}
		}
	}
	return c.loaded, nil
}

// limited is a listener with at most so many connections open, in all and from one
// address. Where there is one too many, the one that has been idle longest is closed for
// it, of those from addresses that have more than the newcomer's, or from its own; where
// there is none, the new one is. So a crowd does not push out who comes alone.
type limited struct {
	net.Listener
	all, each int

	mu   sync.Mutex
	open int
	by   map[string]int
	idle list.List // of *counted without a request, longest first
}

func limit(l net.Listener, all, each int) *limited {
	return &limited{Listener: l, all: all, each: each, by: make(map[string]int)}
}

func (l *limited) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		n := &counted{Conn: c, of: l}
		if n.host, _, err = net.SplitHostPort(c.RemoteAddr().String()); err != nil {
			n.host = c.RemoteAddr().String()
		}
		if l.enter(n) {
			return n, nil
		}
		_ = c.Close()
	}
}

func (l *limited) enter(c *counted) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	full := func() bool { return l.open >= l.all || l.by[c.host] >= l.each }
	for e := l.idle.Front(); full() && e != nil; {
		old := e.Value.(*counted)
		e = e.Next()
		if old.host == c.host || l.open >= l.all && l.by[old.host] > l.by[c.host] {
			l.leave(old)
			_ = old.Conn.Close()
		}
	}
	if full() {
		return false
	}
	l.open++
	l.by[c.host]++
	return true
}

// leave forgets a connection. The caller holds mu.
func (l *limited) leave(c *counted) {
	if c.gone {
		return
	}
	c.gone = true
	l.open--
	if l.by[c.host]--; l.by[c.host] == 0 {
		delete(l.by, c.host)
	}
	l.busy(c)
}

// busy takes a connection off the list of the idle. The caller holds mu.
func (l *limited) busy(c *counted) {
	if c.idle != nil {
		l.idle.Remove(c.idle)
		c.idle = nil
	}
}

// state is ConnState of the server: it tells which connections are idle. One on which
// nothing has come yet is.
func (l *limited) state(conn net.Conn, state http.ConnState) {
	if t, ok := conn.(*tls.Conn); ok {
		conn = t.NetConn()
	}
	c, ok := conn.(*counted)
	if !ok {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.busy(c)
	if (state == http.StateIdle || state == http.StateNew) && !c.gone {
		c.idle = l.idle.PushBack(c)
	}
}

// counted is a connection of a limited listener.
type counted struct {
	net.Conn
	of   *limited
	host string
	gone bool
	idle *list.Element // in of.idle, nil while it is not
}

// NetConn returns the connection underneath.
func (c *counted) NetConn() net.Conn { return c.Conn }

func (c *counted) Close() error {
	c.of.mu.Lock()
	c.of.leave(c)
	c.of.mu.Unlock()
	return c.Conn.Close()
}

// side is a server beside the API: metrics for those without a key, or profiles.
func side(addr string, h http.Handler, log *slog.Logger) (*http.Server, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", addr, err)
	}
	s := &http.Server{Addr: l.Addr().String(), Handler: h, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10}
	go func() {
		if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			log.Error("a listener ended", "address", s.Addr, "err", err)
		}
	}()
	return s, nil
}

// metricsOnly serves nothing but /metrics.
func metricsOnly(reg prometheus.Gatherer) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(reg, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError}))
	return mux
}

// profiles serves what runtime/pprof knows.
func profiles() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	return mux
}
