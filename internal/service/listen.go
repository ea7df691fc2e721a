package service

import (
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

	"brinell/api"
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

// mostBeside is how many connections a server beside the API has open.
const mostBeside = 64

// side is a server beside the API: metrics for those without a key, or profiles.
func side(addr string, h http.Handler, log *slog.Logger) (*http.Server, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", addr, err)
	}
	s := &http.Server{Addr: l.Addr().String(), Handler: h, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 2 * time.Minute, IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10}
	bounded := limit(l, mostBeside, mostBeside, func() bool { return false })
	s.ConnState = bounded.state
	go func() {
		if err := s.Serve(bounded); !errors.Is(err, http.ErrServerClosed) {
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

// browsed returns how a browser of this machine reaches what listens on addr: on all addresses
// of the machine, by the loopback one.
func browsed(scheme, addr string) string {
	host, port, err := net.SplitHostPort(addr)
	if err != nil { // no address of TCP
		return scheme + "://" + addr
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return scheme + "://" + net.JoinHostPort(host, port)
}

// listenOn opens the listeners, and returns the scheme of the first.
func (s *Service) listenOn(c Config, v prepared, a *api.API, reg *prometheus.Registry, demanded func() bool) (scheme string, err error) {
	if s.drainer.Listener == nil {
		if s.drainer.Listener, err = net.Listen("tcp", c.Listen); err != nil {
			return "", fmt.Errorf("listen on %s: %w", c.Listen, err)
		}
	}
	l := s.drainer
	bounded := limit(l, c.connections, c.perAddress, demanded)
	if err := bounded.count(reg); err != nil {
		return "", errors.Join(err, l.Close())
	}
	s.http.ConnState, s.http.ConnContext = s.drainer.state(bounded.state), bounded.context
	open, scheme := net.Listener(bounded), "http"
	if v.certificate != nil {
		scheme = "https"
		open = tls.NewListener(bounded, &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: v.certificate.get})
	}
	s.listener = a.Turnstile(open, s.http)
	for _, extra := range []struct {
		addr, what string
		h          http.Handler
	}{{c.metricsListen, "metrics", metricsOnly(reg)}, {c.debugListen, "profiles", profiles()}} {
		if extra.addr == "" {
			continue
		}
		server, err := side(extra.addr, v.hosts(extra.addr).Handler(extra.h), s.log)
		if err != nil {
			return "", errors.Join(err, l.Close())
		}
		s.sides = append(s.sides, server)
		s.log.Info("listening", "for", extra.what, "address", server.Addr)
	}
	return scheme, nil
}
